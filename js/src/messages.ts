// Every message between page and kernel, as types and as a check of what comes in. tests/fixtures/bridge.json has one
// example of each; the kernel's half is livewidget/widget/messages/.

import { count, isObject } from "./checks.ts";
import type { Catalogue, Meter, Picture, Settings, Speech, WireFrame } from "./explorer.ts";
import { FROM_KERNEL } from "./incoming.ts";
import type { Floor, MicrophoneState, NoticeLevel, Phase, Turn, TurnTaking, ViewKind } from "./state.ts";

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
