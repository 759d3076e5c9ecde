// Every message between page and kernel. tests/fixtures/bridge.json has one example of each.

import type {
  Catalogue,
  Floor,
  Meter,
  MicrophoneState,
  NoticeLevel,
  Phase,
  Picture,
  Settings,
  Speech,
  Turn,
  TurnTaking,
  ViewKind,
  WireFrame,
} from "./state.ts";

export type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === "string";
export const flag: Check = (value) => typeof value === "boolean";
export const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const amount: Check = (value) => Number.isFinite(value);
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const maybe =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
export const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
export const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string);
export const fields =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

/** An object whose values all pass `check`, whatever their names. */
export const table =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);

const phase = oneOf("idle", "connecting", "live", "ended");
const floor = oneOf("listening", "user", "thinking", "model", "tool");
const mode = oneOf("automatic", "push_to_talk");
const noticeFields = { level: oneOf("info", "warning", "error"), code: text, text };
const tool = fields({
  id: text,
  name: text,
  args: text,
  result: maybe(text),
  error: maybe(text),
  duration_ms: amount,
  state: oneOf("asking", "running", "done", "failed", "refused", "cancelled"),
  updates: list(text),
});
const turnFields = {
  index: count,
  speaker: oneOf("user", "model"),
  spans: list(fields({ text, sample: count })),
  interim: text,
  final: flag,
  interrupted: flag,
  heard_sample: maybe(count),
  latency_ms: maybe(amount),
  thoughts: text,
  tools: list(tool),
  sources: list(fields({ title: text, uri: text })),
  queries: list(text),
  code: list(fields({ language: text, code: text, outcome: maybe(oneOf("ok", "failed")), output: text })),
  pages: list(fields({ url: text, status: oneOf("read", "failed", "paywall", "unsafe") })),
  language: text,
  waited: flag,
  images: count,
  anatomy: maybe(
    fields({
      decision_ms: maybe(amount),
      network_ms: maybe(amount),
      tool_ms: amount,
      wait_ms: amount,
      heard_ms: maybe(amount),
    }),
  ),
};
const sessionFields = {
  phase,
  floor,
  turn_taking: mode,
  view: oneOf("talk", "translation", "dictation"),
  sees: flag,
  model: text,
  badge: text,
  suggestions: list(text),
  elapsed_ms: amount,
  owner: text,
};
const json = isObject;
const feature = fields({
  name: text,
  group: text,
  label: text,
  wire: text,
  about: text,
  kind: oneOf("switch", "choice", "number", "text", "names", "json"),
  unsaid: text,
  choices: list(text),
  choices_by_model: table(list(text)),
  notes: table(text),
  lowest: maybe(amount),
  highest: maybe(amount),
  whole: flag,
  unit: text,
  instead: text,
  ignored: list(text),
  refused: list(text),
});

/** What a message of each kind must look like, by lane and kind. */
export const FROM_KERNEL: Record<string, Check> = {
  "control welcome": fields({
    ...sessionFields,
    client: text,
    name: text,
    speaker: text,
    explorer: flag,
    turns: list(fields(turnFields)),
    notices: list(fields(noticeFields)),
    transcript_class: text,
    speaker_seq: count,
  }),
  "control state": fields(sessionFields),
  "control turn": fields(turnFields),
  "control flush": fields({ turn: count }),
  "control notice": fields(noticeFields),
  "control clear_notice": fields({ code: text }),
  "control heartbeat": fields({
    microphone_ack: count,
    microphone_resend: flag,
    acks: table(count),
  }),
  "control catalogue": fields({
    service: text,
    features: list(feature),
    models: list(fields({ id: text, status: text, facts: list(text) })),
  }),
  "control settings": fields({
    model: text,
    values: json,
    pending: json,
    errors: table(text),
    notes: list(text),
    live: list(text),
    code: text,
    acks: table(count),
  }),
  "control meter": fields({
    prompt_tokens: count,
    response_tokens: count,
    total_tokens: count,
    by_modality: table(count),
    context_tokens: count,
    context_limit: count,
    cost_usd: maybe(amount),
    prices_of: text,
    time_left_ms: maybe(amount),
    time_limit_ms: maybe(amount),
    ending: maybe(oneOf("connection", "go_away")),
    link_ms: maybe(amount),
  }),
  "insight wire": fields({
    frames: list(
      fields({
        number: count,
        at_ms: amount,
        outgoing: flag,
        kind: text,
        size: count,
        gap_ms: maybe(amount),
        json: text,
      }),
    ),
    lost: count,
  }),
  "insight speech": fields({
    from_ms: amount,
    step_ms: amount,
    levels: list(amount),
    probabilities: list(amount),
    marks: list(fields({ kind: oneOf("speech", "start", "silence", "end"), at_ms: amount })),
    start_threshold: amount,
    end_threshold: amount,
    prefix_padding_ms: count,
    silence_ms: count,
    detector: text,
  }),
  "insight picture": fields({
    source: oneOf("camera", "screen", "file", "python"),
    number: count,
    mime_type: text,
    width: count,
    height: count,
    tokens: count,
    sent: flag,
    reason: text,
  }),
  "speaker audio": fields({ turn: count, first_sample: count, sample_rate: count }),
  "speaker end": fields({ turn: count, samples: count }),
};

/** What this page sends on the reliable lane. */
export type ControlMessage =
  | { lane: "control"; kind: "hello"; body: { client: string; last_seq: number } }
  | { lane: "control"; kind: "start"; body: { microphone: boolean } }
  | { lane: "control"; kind: "stop"; body: Record<string, never> }
  | { lane: "control"; kind: "text"; body: { text: string } }
  | { lane: "control"; kind: "interrupt"; body: Record<string, never> }
  | { lane: "control"; kind: "activity"; body: { active: boolean } }
  | { lane: "control"; kind: "turn_taking"; body: { mode: TurnTaking } }
  | { lane: "control"; kind: "microphone"; body: { state: MicrophoneState; detail: string } }
  | { lane: "control"; kind: "heard"; body: { turn: number; sample: number } }
  | { lane: "control"; kind: "configure"; body: { changes: { name: string; value: unknown }[] } }
  | { lane: "control"; kind: "apply"; body: Record<string, never> }
  | { lane: "control"; kind: "revert"; body: Record<string, never> }
  | { lane: "control"; kind: "explorer"; body: { open: boolean; wire: boolean; tuner: boolean } }
  | { lane: "control"; kind: "confirm"; body: { id: string; allowed: boolean } }
  | { lane: "control"; kind: "camera"; body: CameraNews }
  | { lane: "control"; kind: "played"; body: Played };

/** What became of camera or screen; `detail` is the browser's word for a failure. */
export interface CameraNews {
  source: "camera" | "screen";
  state: "off" | "asking" | "on" | "refused" | "missing" | "ended";
  detail: string;
}

export interface Played {
  ack_seq: number;
  turn: number;
  played_sample: number;
  buffered_ms: number;
  silent_samples: number;
  epoch: number;
  /** The page's clock, the one that stamps `captured_ms`. */
  page_ms: number;
}

export interface MicrophoneAudio {
  first_sample: number;
  captured_ms: number;
  stale: boolean;
  gap_ms: number;
}

export interface CameraFrame {
  source: "camera" | "screen" | "file";
  mime_type: string;
  width: number;
  height: number;
  captured_ms: number;
}

export type PageMessage =
  | ControlMessage
  | { lane: "microphone"; kind: "audio"; body: MicrophoneAudio }
  | { lane: "camera"; kind: "frame"; body: CameraFrame };

export interface Welcome {
  client: string;
  name: string;
  speaker: string;
  badge: string;
  model: string;
  suggestions: string[];
  /** Whether the explorer is open from the beginning. */
  explorer: boolean;
  turn_taking: TurnTaking;
  view: ViewKind;
  sees: boolean;
  phase: Phase;
  floor: Floor;
  elapsed_ms: number;
  turns: Turn[];
  notices: { level: NoticeLevel; code: string; text: string }[];
  owner: string;
  transcript_class: string;
  speaker_seq: number;
}

export interface SessionState {
  phase: Phase;
  floor: Floor;
  turn_taking: TurnTaking;
  view: ViewKind;
  sees: boolean;
  model: string;
  badge: string;
  /** Sentences worth trying with the model as it is set up now. */
  suggestions: string[];
  elapsed_ms: number;
  owner: string;
}

export type KernelMessage =
  | { lane: "control"; kind: "welcome"; body: Welcome }
  | { lane: "control"; kind: "state"; body: SessionState }
  | { lane: "control"; kind: "turn"; body: Turn }
  | { lane: "control"; kind: "flush"; body: { turn: number } }
  | { lane: "control"; kind: "notice"; body: { level: NoticeLevel; code: string; text: string } }
  | { lane: "control"; kind: "clear_notice"; body: { code: string } }
  | {
      lane: "control";
      kind: "heartbeat";
      body: { microphone_ack: number; microphone_resend: boolean; acks: Record<string, number> };
    }
  | { lane: "control"; kind: "catalogue"; body: Catalogue }
  | { lane: "control"; kind: "settings"; body: Settings }
  | { lane: "control"; kind: "meter"; body: Meter }
  | { lane: "insight"; kind: "wire"; body: { frames: WireFrame[]; lost: number } }
  | { lane: "insight"; kind: "speech"; body: Speech }
  | { lane: "insight"; kind: "picture"; body: Picture }
  | { lane: "speaker"; kind: "audio"; body: { turn: number; first_sample: number; sample_rate: number } }
  | { lane: "speaker"; kind: "end"; body: { turn: number; samples: number } };

/** A message's place: the epoch, its number in its lane, and the highest number received from the other side. */
export interface Place {
  epoch: number;
  seq: number;
  ack: number;
}

export type Envelope<M> = M & Place;

/** The kernel's message, or null for anything else. */
export function readKernelMessage(content: unknown): Envelope<KernelMessage> | null {
  if (!isObject(content) || !count(content.epoch) || !count(content.seq) || !count(content.ack)) {
    return null;
  }
  const check = Object.hasOwn(FROM_KERNEL, `${content.lane} ${content.kind}`)
    ? FROM_KERNEL[`${content.lane} ${content.kind}`]
    : undefined;
  return check?.(content.body) ? (content as unknown as Envelope<KernelMessage>) : null;
}
