// Messages between kernel and page, written by tools/messages.py from livewidget.ui.messages.

export type TurnTakingMode = "automatic" | "push_to_talk";

export type View = "dictation" | "talk" | "translation";

export type Phase = "connecting" | "ended" | "idle" | "live";

/** Who may speak. Changed only by `FLOOR`, and by silence for models that do not complete turns. */
export type Floor = "listening" | "user" | "thinking" | "model" | "tool";

/** A piece of a turn's text, and the 24 kHz sample of the turn's audio at which it begins to be heard. */
export interface Span {
  text: string;
  sample: number;
}

/** A tool call as it is shown: arguments and result are text already. */
export interface Tool {
  id: string;
  name: string;
  args: string;
  result: string | null;
  error: string | null;
  duration_ms: number;
  state: "asking" | "cancelled" | "done" | "failed" | "refused" | "running";
  updates: string[];
}

/** A web page that an answer is based on; `uri` begins with http:// or https://. */
export interface SourceLink {
  title: string;
  uri: string;
}

/** A program that the model ran, and what it printed; `outcome` is null while it runs. */
export interface Code {
  language: string;
  code: string;
  outcome: "failed" | "ok" | null;
  output: string;
}

/** A web page that the model was asked to read, and whether it could. */
export interface Page {
  url: string;
  status: "failed" | "paywall" | "read" | "unsafe";
}

/** Where the time of an answer went, in milliseconds, from the end of speech to the last sound heard. */
export interface Timing {
  decision_ms: number | null;
  network_ms: number | null;
  tool_ms: number;
  wait_ms: number;
  heard_ms: number | null;
}

/** All of one turn; replaces what the page had under this index. A field has the name of the turn's. */
export interface Turn {
  index: number;
  speaker: "model" | "user";
  spans: Span[];
  interim: string;
  final: boolean;
  interrupted: boolean;
  heard_sample: number | null;
  latency_ms: number | null;
  thoughts: string;
  tools: Tool[];
  sources: SourceLink[];
  queries: string[];
  code: Code[];
  pages: Page[];
  language: string;
  waited: boolean;
  images: number;
  anatomy: Timing | null;
}

/** A sentence under the widget; replaces one of the same code. */
export interface Notice {
  level: "error" | "info" | "warning";
  code: string;
  text: string;
}

/** Everything to show, for the page `client`. */
export interface Welcome {
  client: string;
  name: string;
  speaker: string;
  badge: string;
  model: string;
  suggestions: string[];
  turn_taking: TurnTakingMode;
  view: View;
  sees: boolean;
  explorer: boolean;
  phase: Phase;
  floor: Floor;
  elapsed_ms: number;
  turns: Turn[];
  notices: Notice[];
  owner: string;
  transcript_class: string;
  speaker_seq: number;
}

/** How far the session is. `owner` is the client id of the page with microphone and speaker, or "". */
export interface State {
  phase: Phase;
  floor: Floor;
  turn_taking: TurnTakingMode;
  view: View;
  sees: boolean;
  model: string;
  badge: string;
  suggestions: string[];
  elapsed_ms: number;
  owner: string;
}

/** `turn` was interrupted: stop its audio, answer with `Flushed`. Its epoch voids all older ones. */
export interface Flush {
  turn: number;
}

/** Take the notice with this code away. */
export interface ClearNotice {
  code: string;
}

/** Sent twice a second. `acks` acknowledges the control lane of each page, by client id. */
export interface Heartbeat {
  microphone_ack: number;
  microphone_resend: boolean;
  acks: Record<string, number>;
}

/** One row of the table of features; `ignored` and `refused` are the ids of models that do so. */
export interface Feature {
  name: string;
  group: string;
  label: string;
  wire: string;
  about: string;
  kind: "choice" | "json" | "names" | "number" | "switch" | "text";
  default: unknown;
  unsaid: string;
  choices: string[];
  choices_by_model: Record<string, string[]>;
  notes: Record<string, string>;
  lowest: number | null;
  highest: number | null;
  whole: boolean;
  unit: string;
  instead: string;
  ignored: string[];
  refused: string[];
}

/** One row of the table of models, with what is worth knowing of it in a few sentences. */
export interface Model {
  id: string;
  status: string;
  facts: string[];
}

/** The tables of features and models of one service. */
export interface Catalogue {
  service: string;
  features: Feature[];
  models: Model[];
}

/** The session's settings: `values` now, `pending` what pages changed and have not applied. */
export interface Settings {
  model: string;
  values: Record<string, unknown>;
  pending: Record<string, unknown>;
  errors: Record<string, string>;
  notes: string[];
  live: string[];
  code: string;
  acks: Record<string, number>;
}

/** What the conversation has used and how long it may last. */
export interface Meter {
  prompt_tokens: number;
  response_tokens: number;
  total_tokens: number;
  by_modality: Record<string, number>;
  context_tokens: number;
  context_limit: number;
  cost_usd: number | null;
  prices_of: string;
  time_left_ms: number | null;
  time_limit_ms: number | null;
  ending: "connection" | "go_away" | null;
  link_ms: number | null;
}

/** PCM16 little-endian mono in the buffer; `first_sample` is its place in the turn. */
export interface SpeakerAudio {
  turn: number;
  first_sample: number;
  sample_rate: number;
}

/** The turn has `samples` of audio and no more. */
export interface SpeakerEnd {
  turn: number;
  samples: number;
}

/** One frame of the wire, without its sound, its pictures and its secrets. */
export interface Frame {
  number: number;
  at_ms: number;
  outgoing: boolean;
  kind: string;
  size: number;
  gap_ms: number | null;
  json: string;
}

/** Frames in order; `lost` of them, before these, were not kept. */
export interface Wire {
  frames: Frame[];
  lost: number;
}

/** A moment of turn detection, in ms of the microphone's time. */
export interface Mark {
  kind: "end" | "silence" | "speech" | "start";
  at_ms: number;
}

/** The microphone as turn detection hears it, in windows of `step_ms` from `from_ms`. */
export interface Speech {
  from_ms: number;
  step_ms: number;
  levels: number[];
  probabilities: number[];
  marks: Mark[];
  start_threshold: number;
  end_threshold: number;
  prefix_padding_ms: number;
  silence_ms: number;
  detector: string;
}

export type PictureSource = "camera" | "file" | "python" | "screen";

/** A picture that was sent to the model, or why it was not. */
export interface Picture {
  source: PictureSource;
  number: number;
  mime_type: string;
  width: number;
  height: number;
  tokens: number;
  sent: boolean;
  reason: string;
}

export type KernelMessage =
  | { lane: "control"; kind: "welcome"; body: Welcome }
  | { lane: "control"; kind: "state"; body: State }
  | { lane: "control"; kind: "turn"; body: Turn }
  | { lane: "control"; kind: "flush"; body: Flush }
  | { lane: "control"; kind: "notice"; body: Notice }
  | { lane: "control"; kind: "clear_notice"; body: ClearNotice }
  | { lane: "control"; kind: "heartbeat"; body: Heartbeat }
  | { lane: "control"; kind: "catalogue"; body: Catalogue }
  | { lane: "control"; kind: "settings"; body: Settings }
  | { lane: "control"; kind: "meter"; body: Meter }
  | { lane: "speaker"; kind: "audio"; body: SpeakerAudio }
  | { lane: "speaker"; kind: "end"; body: SpeakerEnd }
  | { lane: "insight"; kind: "wire"; body: Wire }
  | { lane: "insight"; kind: "speech"; body: Speech }
  | { lane: "insight"; kind: "picture"; body: Picture };

/** A page shows the widget, or is back; `last_seq` is the last control message that it has read. */
export interface Hello {
  client: string;
  last_seq: number;
}

/** Open a session. A page sends it only for a click or a key press since it was loaded. */
export interface Start {
  microphone: boolean;
}

/** Text that was typed. */
export interface Text {
  text: string;
}

/** Push-to-talk was pressed or released. */
export interface Activity {
  active: boolean;
}

/** Automatic detection or push-to-talk. */
export interface TurnTaking {
  mode: TurnTakingMode;
}

/** The state of the page's microphone; `detail` is the browser's name for a failure. */
export interface MicrophoneStatus {
  state: "asking" | "missing" | "muted" | "off" | "on" | "paused" | "refused";
  detail?: string;
}

/** The last sample that was played of a turn that was flushed, counted at 24 kHz within the turn. */
export interface Flushed {
  turn: number;
  sample: number;
}

/** Sent four times a second: what was received and played, and that the page is there. */
export interface PlaybackReport {
  ack_seq: number;
  turn: number;
  played_sample: number;
  buffered_ms: number;
  silent_samples: number;
  epoch: number;
  page_ms: number;
}

/** A new value of one feature, as JSON; null is its default. The model itself is named "model". */
export interface Change {
  name: string;
  value: unknown;
}

/** Settings that were changed in the page; they are kept until `Apply` or `Revert`. */
export interface Configure {
  changes: Change[];
}

/** The parts of the explorer that this page shows; the others are not sent. */
export interface ExplorerState {
  open: boolean;
  wire: boolean;
  tuner: boolean;
}

/** The person's decision on a tool call that asks for approval. */
export interface Approve {
  id: string;
  allowed: boolean;
}

/** The state of the page's camera or screen; `detail` is the browser's name for a failure. */
export interface CameraStatus {
  source: "camera" | "screen";
  state: "asking" | "ended" | "missing" | "off" | "on" | "refused";
  detail?: string;
}

/** PCM16 mono at 16 kHz in the buffer; `captured_ms` is the page's clock at its first sample. */
export interface MicrophoneAudio {
  first_sample: number;
  captured_ms: number;
  stale?: boolean;
  gap_ms?: number;
}

/** One picture in the buffer. */
export interface CameraFrame {
  source: "camera" | "file" | "screen";
  mime_type: "image/jpeg" | "image/png" | "image/webp";
  width: number;
  height: number;
  captured_ms: number;
}

export type PageMessage =
  | { lane: "control"; kind: "hello"; body: Hello }
  | { lane: "control"; kind: "start"; body: Start }
  | { lane: "control"; kind: "stop"; body: Record<string, never> }
  | { lane: "control"; kind: "text"; body: Text }
  | { lane: "control"; kind: "interrupt"; body: Record<string, never> }
  | { lane: "control"; kind: "activity"; body: Activity }
  | { lane: "control"; kind: "turn_taking"; body: TurnTaking }
  | { lane: "control"; kind: "microphone"; body: MicrophoneStatus }
  | { lane: "control"; kind: "heard"; body: Flushed }
  | { lane: "control"; kind: "played"; body: PlaybackReport }
  | { lane: "control"; kind: "configure"; body: Configure }
  | { lane: "control"; kind: "apply"; body: Record<string, never> }
  | { lane: "control"; kind: "revert"; body: Record<string, never> }
  | { lane: "control"; kind: "explorer"; body: ExplorerState }
  | { lane: "control"; kind: "confirm"; body: Approve }
  | { lane: "control"; kind: "camera"; body: CameraStatus }
  | { lane: "microphone"; kind: "audio"; body: MicrophoneAudio }
  | { lane: "camera"; kind: "frame"; body: CameraFrame };

/** The kinds of message that the kernel sends, by lane. */
export const KERNEL_KINDS: Record<string, readonly string[]> = {
  control: ["welcome", "state", "turn", "flush", "notice", "clear_notice", "heartbeat", "catalogue", "settings", "meter"],
  speaker: ["audio", "end"],
  insight: ["wire", "speech", "picture"],
};
