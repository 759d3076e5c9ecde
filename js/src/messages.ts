// Every message between page and kernel, as types and as a check of what comes in. tests/fixtures/bridge.json has one
// example of each; the kernel's half is livewidget/widget/messages.py.

import type { Floor, MicrophoneState, NoticeLevel, Phase, Turn, TurnTaking } from "./state.ts";

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
  | { lane: "control"; kind: "played"; body: Played };

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
  turn_taking: TurnTaking;
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
  | { lane: "speaker"; kind: "audio"; body: { turn: number; first_sample: number; sample_rate: number } }
  | { lane: "speaker"; kind: "end"; body: { turn: number; samples: number } };

/** A message's place: the epoch, its number in its lane, and the highest number received from the other side. */
export interface Place {
  epoch: number;
  seq: number;
  ack: number;
}

export type Envelope<M> = M & Place;

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const amount: Check = (value) => Number.isFinite(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const maybe =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string);
const fields =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

const phase = oneOf("idle", "connecting", "live", "ended");
const floor = oneOf("listening", "user", "thinking", "model", "tool");
const mode = oneOf("automatic", "push_to_talk");
const notice = { level: oneOf("info", "warning", "error"), code: text, text };
const tool = fields({
  id: text,
  name: text,
  args: text,
  result: maybe(text),
  error: maybe(text),
  duration_ms: amount,
  state: oneOf("running", "done", "failed", "cancelled"),
});
const turn = {
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
};
const session = { phase, floor, turn_taking: mode, elapsed_ms: amount, owner: text };

const FROM_KERNEL: Record<string, Check> = {
  "control welcome": fields({
    ...session,
    client: text,
    name: text,
    speaker: text,
    badge: text,
    model: text,
    suggestions: list(text),
    turns: list(fields(turn)),
    notices: list(fields(notice)),
    transcript_class: text,
    speaker_seq: count,
  }),
  "control state": fields(session),
  "control turn": fields(turn),
  "control flush": fields({ turn: count }),
  "control notice": fields(notice),
  "control clear_notice": fields({ code: text }),
  "control heartbeat": fields({
    microphone_ack: count,
    microphone_resend: flag,
    acks: (value) => isObject(value) && Object.values(value).every(count),
  }),
  "speaker audio": fields({ turn: count, first_sample: count, sample_rate: count }),
  "speaker end": fields({ turn: count, samples: count }),
};

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
