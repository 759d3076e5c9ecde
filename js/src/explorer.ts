// What the kernel tells of the explorer: the table, the settings, the meter, and what goes over the wire. The kernel's
// half is livewidget/widget/messages/explorer.py, where each field is described.

import type { Frames, Track } from "./insight.ts";

export type Json = unknown;
export type FeatureKind = "switch" | "choice" | "number" | "text" | "names" | "json";

export interface Feature {
  name: string;
  group: string;
  label: string;
  /** Where it is in `setup`: "generationConfig.temperature". */
  wire: string;
  about: string;
  kind: FeatureKind;
  default: Json;
  /** What the service does where nothing is said. */
  unsaid: string;
  choices: string[];
  /** Where models differ in their choices. */
  choices_by_model: Record<string, string[]>;
  /** A word about a choice. */
  notes: Record<string, string>;
  lowest: number | null;
  highest: number | null;
  whole: boolean;
  unit: string;
  /** What a model without it does instead. */
  instead: string;
  /** Ids of models that ignore it. */
  ignored: string[];
  /** Ids of models that refuse it. */
  refused: string[];
}

export interface ModelFacts {
  id: string;
  status: string;
  facts: string[];
}

export interface Catalogue {
  service: string;
  features: Feature[];
  models: ModelFacts[];
}

export interface Settings {
  model: string;
  values: Record<string, Json>;
  /** Changed and not applied; null is a default, "model" another model. */
  pending: Record<string, Json>;
  /** One sentence by the feature's name; "" where it is none's. */
  errors: Record<string, string>;
  notes: string[];
  /** Names of what changes without a new connection. */
  live: string[];
  /** The Python that makes exactly this session, with the changes. */
  code: string;
  /** For each page the last of its control messages that was taken in by then. */
  acks: Record<string, number>;
}

export interface Meter {
  prompt_tokens: number;
  response_tokens: number;
  total_tokens: number;
  by_modality: Record<string, number>;
  context_tokens: number;
  context_limit: number;
  /** An estimate by the prices of `prices_of`; null where no price is known. */
  cost_usd: number | null;
  prices_of: string;
  time_left_ms: number | null;
  time_limit_ms: number | null;
  ending: "connection" | "go_away" | null;
  link_ms: number | null;
}

export interface WireFrame {
  number: number;
  at_ms: number;
  outgoing: boolean;
  kind: string;
  size: number;
  gap_ms: number | null;
  /** Without its sound, its pictures and its secrets. */
  json: string;
}

export interface Speech {
  from_ms: number;
  step_ms: number;
  levels: number[];
  probabilities: number[];
  marks: { kind: "speech" | "start" | "silence" | "end"; at_ms: number }[];
  start_threshold: number;
  end_threshold: number;
  prefix_padding_ms: number;
  silence_ms: number;
  detector: string;
}

/** What became of a picture: of this page's with `number`, or of one from Python, whose bytes ride beside it. */
export interface Picture {
  source: "camera" | "screen" | "file" | "python";
  number: number;
  mime_type: string;
  width: number;
  height: number;
  tokens: number;
  sent: boolean;
  reason: string;
}

/** The parts of the explorer, by name. */
export type PanelName = "settings" | "wire" | "tuner" | "turns";

/** What this page shows of the explorer, and what it knows for that. */
export interface Exploring {
  open: boolean;
  panel: PanelName;
  /** Null until the kernel has told it. */
  catalogue: Catalogue | null;
  settings: Settings | null;
  meter: Meter | null;
  /** performance.now() at which the meter came: from then on its times run down. */
  meterAt: number;
  /** The last frames of the wire. */
  frames: Frames;
  /** The last seconds of the microphone. */
  track: Track;
}

/** What a person can do in the explorer. */
export interface ExplorerActions {
  /** Opens or closes it, at a panel or where it was. */
  look(open: boolean, panel?: PanelName): void;
  /** Settings that shall be: null for a default, "model" for another model. They are kept until `apply`. */
  configure(changes: Record<string, Json>): void;
  apply(): void;
  revert(): void;
}
