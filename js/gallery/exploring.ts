// States of the explorer, with the real tables.

import { type ExplorerContents, type State, initialState } from "../src/state.ts";
import type { Catalogue, Meter, Settings } from "../src/messages.gen.ts";

/** Put in by the build. */
declare const CATALOGUE: Omit<Catalogue, "elsewhere">;

const SHORT = 'from livewidget import LiveWidget\n\nlive = LiveWidget("offline-tutor", voice="Kore")\nlive\n';
const CHANGED = `from livewidget import LiveWidget

live = LiveWidget(
    "offline-tutor",
    voice="Puck",
    temperature=0.7,
    turn_detection={"silence_ms": 900},
)
live
`;

const METER: Meter = {
  prompt_tokens: 1_310,
  response_tokens: 242,
  total_tokens: 1_552,
  by_modality: { AUDIO: 1_500, TEXT: 52 },
  context_tokens: 1_552,
  context_limit: 131_072,
  cost_usd: 0,
  prices_of: "2026-11-22",
  time_left_ms: 420_000,
  time_limit_ms: 600_000,
  ending: "connection",
  link_ms: 0.4,
};

export function exploring(settings: Partial<Settings> = {}, more: Partial<ExplorerContents> = {}): ExplorerContents {
  return {
    ...initialState().explorer,
    open: true,
    catalogue: { ...CATALOGUE, elsewhere: "" },
    settings: {
      model: "offline-tutor",
      values: { voice: "Kore" },
      pending: {},
      errors: {},
      notes: [],
      live: ["system_instruction"],
      code: SHORT,
      acks: {},
      ...settings,
    },
    meter: METER,
    meterAt: performance.now(),
    ...more,
  };
}

export function explorerStates(live: State): Record<string, State> {
  const show = (settings: Partial<Settings>): State => ({ ...live, explorer: exploring(settings) });
  return {
    explorer: show({}),
    "explorer-changed": show({
      pending: { voice: "Puck", temperature: 0.7, "turn_detection.silence_ms": 900 },
      code: CHANGED,
    }),
    "explorer-wrong": show({
      pending: { model: "gemini-3.5-live-translate-preview", temperature: 3 },
      errors: {
        voice:
          "gemini-3.5-live-translate-preview does not take voice: its voice cannot be chosen; gemini-3.8-live, gemini-3.1-flash-live-preview do.",
        temperature: "temperature must be a number from 0 to 2, not 3.",
        "translation.target":
          'gemini-3.5-live-translate-preview needs translation="…", the language to translate to; without it, it is silent.',
      },
    }),
    "explorer-refused": show({
      pending: { extra: { noSuchField: 1 } },
      errors: { "": "The service refuses the setup: Unknown name \"noSuchField\" at 'setup': Cannot find field." },
    }),
    metered: {
      ...live,
      name: "Gemini",
      badge: "Gemini API · gemini-3.8-live",
      explorer: { ...exploring(), open: false, meter: { ...METER, cost_usd: 0.0042 } },
    },
    "going-away": {
      ...live,
      explorer: { ...exploring(), open: false, meter: { ...METER, time_left_ms: 42_000, ending: "go_away" } },
    },
    "explorer-code": show({ code: CHANGED }),
  };
}
