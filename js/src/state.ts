// What the views draw. One plain object; `media` and `bridge` change it through the store, `views` only read it.

import type { ExplorerActions, Exploring } from "./explorer.ts";

/** A piece of a turn's text and where in the turn's audio it begins (samples at 24 kHz). */
export interface Span {
  text: string;
  sample: number;
}

export interface ToolUse {
  id: string;
  name: string;
  /** The arguments as Python would show them: `on=True`. */
  args: string;
  result: string | null;
  error: string | null;
  duration_ms: number;
  /** "asking": the person has to allow it. */
  state: "asking" | "running" | "done" | "failed" | "refused" | "cancelled";
  /** What it answered on the way, as text. */
  updates: string[];
}

/** A program that the model ran; `outcome` is null while it runs. */
export interface CodeRun {
  language: string;
  code: string;
  outcome: "ok" | "failed" | null;
  output: string;
}

/** Where the time of an answer went, in ms and in this order; null where nobody knows, or not yet. */
export interface Anatomy {
  /** From the end of speech until it was noticed. */
  decision_ms: number | null;
  network_ms: number | null;
  tool_ms: number;
  wait_ms: number;
  /** From the first sound to the last that was heard. */
  heard_ms: number | null;
}

/** A page that the model was asked to read. */
export interface Page {
  url: string;
  status: "read" | "failed" | "paywall" | "unsafe";
}

export interface Turn {
  index: number;
  speaker: "user" | "model";
  spans: Span[];
  /** What is heard so far and may still change; shown in grey after the spans. */
  interim: string;
  final: boolean;
  interrupted: boolean;
  heard_sample: number | null;
  latency_ms: number | null;
  thoughts: string;
  tools: ToolUse[];
  /** Pages that the answer rests on; `uri` was checked to be http or https by the kernel, and is again here. */
  sources: { title: string; uri: string }[];
  /** What was searched for. */
  queries: string[];
  code: CodeRun[];
  pages: Page[];
  /** Language code, or "". */
  language: string;
  /** The model chose not to answer. */
  waited: boolean;
  /** Pictures sent in this turn. */
  images: number;
  anatomy: Anatomy | null;
}

export type NoticeLevel = "info" | "warning" | "error";

export interface Notice {
  level: NoticeLevel;
  /** Stable name; a newer notice with the same code replaces the older. */
  code: string;
  /** Plain text; the first sentence is set off by the views. */
  text: string;
}

export type Phase = "idle" | "connecting" | "live" | "ended";
export type Floor = "listening" | "user" | "thinking" | "model" | "tool";
/** How the talk is shown. */
export type ViewKind = "talk" | "translation" | "dictation";
export type TurnTaking = "automatic" | "push_to_talk";
export type MicrophoneState = "off" | "asking" | "on" | "muted" | "paused" | "refused" | "missing";

export interface Microphone {
  state: MicrophoneState;
  /** Devices offered in settings; labels are empty until permission is given. */
  devices: { id: string; label: string }[];
  deviceId: string;
}

export interface Playback {
  /** Turn now in the player, and the last of its samples that was heard (24 kHz). */
  turn: number;
  playedSample: number;
  volume: number;
}

/** What can be shown as it moves. */
export type LensSource = "camera" | "screen";

/** The picture that was sent last, by its very bytes. */
export interface Preview {
  source: LensSource | "file" | "python";
  /** Of a blob with those bytes. */
  url: string;
  width: number;
  height: number;
  bytes: number;
  /** What the service counts for it. */
  tokens: number;
}

/** What the model is shown. */
export interface Sight {
  source: LensSource | null;
  /** "hidden": nothing is taken while nobody sees this page. */
  state: "off" | "asking" | "on" | "hidden";
  /** Cameras offered in settings; labels are empty until permission is given. */
  devices: { id: string; label: string }[];
  deviceId: string;
  /** Longest side in pixels, and JPEG quality in percent, of what this page takes. */
  maxSide: number;
  quality: number;
  preview: Preview | null;
  /** How many pictures of this source were sent since it was turned on. */
  sent: number;
  /** How it went since: "unchanged" and "waiting" are of frames taken after the one in the preview. */
  news: "sending" | "sent" | "unchanged" | "waiting" | "";
}

export interface State {
  name: string;
  speaker: string;
  badge: string;
  model: string;
  suggestions: string[];
  phase: Phase;
  floor: Floor;
  turnTaking: TurnTaking;
  view: ViewKind;
  /** Whether the model takes pictures. */
  sees: boolean;
  /** performance.now() at which the session became live; null before. */
  liveSince: number | null;
  turns: Turn[];
  notices: Notice[];
  microphone: Microphone;
  playback: Playback;
  /** True while push-to-talk is held. */
  holding: boolean;
  /** True where this page has the microphone and the voice; other pages mirror. */
  owner: boolean;
  /** True where another page has them; a talk begun from Python has no page until one presses ●. */
  elsewhere: boolean;
  /** False once the kernel is gone. */
  connected: boolean;
  explorer: Exploring;
  sight: Sight;
}

/** What a person can show. `sight.ts` is behind it. */
export interface SightActions {
  /** Turns camera or screen on or off; of the two, one is on. */
  toggle(source: LensSource): void;
  /** Sends a picture that was picked, dropped or pasted. */
  sendFile(file: Blob): void;
  pickCamera(deviceId: string): void;
  setSize(maxSide: number): void;
  setQuality(percent: number): void;
  /** Takes the preview away. */
  dismiss(): void;
}

/** What a person can do. `index.ts` wires these to bridge and media. */
export interface Actions {
  start(): void;
  stop(): void;
  toggleMute(): void;
  sendText(text: string): void;
  interrupt(): void;
  hold(active: boolean): void;
  setTurnTaking(mode: TurnTaking): void;
  setVolume(volume: number): void;
  pickMicrophone(deviceId: string): void;
  dismissNotice(code: string): void;
  /** Says whether a call that asks may run. */
  confirm(id: string, allowed: boolean): void;
  readonly explorer: ExplorerActions;
  readonly sight: SightActions;
}

/** Peak levels for the scrolling waveform, made in the page from samples already there. */
export interface Levels {
  /** Number of bars per second. */
  readonly rate: number;
  /** Bars written since the page was opened; the newest is `count - 1`. */
  readonly count: number;
  /** Peak in 0..1 of bar `index` for a speaker; 0 where it is no longer kept. */
  at(speaker: "user" | "model", index: number): number;
  /** Bars at which an interruption happened, oldest first. */
  readonly marks: readonly number[];
}

export type Listener = (state: Readonly<State>) => void;

/** A store: replace parts of the state, hear of every change once per microtask. */
export interface Store {
  get(): Readonly<State>;
  set(change: Partial<State>): void;
  subscribe(listener: Listener): () => void;
}
