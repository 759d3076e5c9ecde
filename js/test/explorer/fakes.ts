// A small catalogue with every kind of feature, and settings made for it.

import type { Catalogue, Feature, Meter, Settings } from "../../src/messages.gen.ts";
import { type ExplorerContents, initialState } from "../../src/state.ts";

export function feature(name: string, kind: Feature["kind"], more: Partial<Feature> = {}): Feature {
  return {
    name,
    kind,
    group: "Voice and style",
    label: name,
    wire: `generationConfig.${name}`,
    about: `What ${name} is for.`,
    default: null,
    unsaid: "",
    choices: [],
    choices_by_model: {},
    notes: {},
    lowest: null,
    highest: null,
    whole: false,
    unit: "",
    instead: "",
    ignored: [],
    refused: [],
    ...more,
  };
}

export const CATALOGUE: Catalogue = {
  service: "standin",
  elsewhere: "",
  features: [
    feature("voice", "choice", {
      label: "Voice",
      unsaid: "the model's own",
      choices_by_model: { tutor: ["Kore", "Puck"], old: ["Kore"] },
      notes: { Kore: "firm" },
      refused: ["deaf"],
      instead: "its voice cannot be chosen",
    }),
    feature("system_instruction", "text", { label: "System instruction", wire: "systemInstruction" }),
    feature("language", "text", { label: "Language", ignored: ["tutor"], instead: "it follows you" }),
    feature("modalities", "choice", { label: "Answers in", default: "AUDIO", choices: ["AUDIO", "TEXT"] }),
    feature("temperature", "number", { label: "Temperature", lowest: 0, highest: 2 }),
    feature("silence_ms", "number", {
      label: "Silence",
      group: "Turn detection",
      lowest: 0,
      whole: true,
      unit: "ms",
      unsaid: "about 800 ms",
    }),
    feature("resumption", "switch", { label: "Resumption", group: "Long sessions", default: true }),
    feature("search", "switch", {
      label: "Search",
      group: "Built-in tools",
      default: false,
      refused: ["deaf"],
    }),
    feature("languages", "names", { label: "Languages", group: "Transcripts", default: [] }),
    feature("extra", "json", { label: "Other fields", group: "Everything else", wire: "", default: {} }),
  ],
  models: [
    { id: "tutor", status: "stable", facts: ["Answers in sound.", "Speaks 1 language."] },
    { id: "old", status: "preview", facts: [] },
    { id: "deaf", status: "private", facts: [] },
  ],
};

export const SETTINGS: Settings = {
  model: "tutor",
  values: {},
  pending: {},
  errors: {},
  notes: [],
  live: ["system_instruction"],
  code: 'live = LiveWidget("tutor")\n',
  acks: {},
};

export const METER: Meter = {
  prompt_tokens: 1310,
  response_tokens: 42,
  total_tokens: 1352,
  by_modality: { AUDIO: 1300, TEXT: 52 },
  context_tokens: 1352,
  context_limit: 131_072,
  cost_usd: 0.0042,
  prices_of: "2026-11-22",
  time_left_ms: 300_000,
  time_limit_ms: 600_000,
  ending: "connection",
  link_ms: 24.3,
};

/** The explorer, open at its settings. */
export function exploring(
  settings: Partial<Settings> = {},
  more: Partial<ExplorerContents> = {},
): { explorer: ExplorerContents } {
  return {
    explorer: {
      ...initialState().explorer,
      open: true,
      catalogue: CATALOGUE,
      settings: { ...SETTINGS, ...settings },
      ...more,
    },
  };
}
