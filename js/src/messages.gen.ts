// Written by tools/messages.py from livewidget.ui.messages, which says what the messages mean.

export type TurnTakingMode = "automatic" | "push_to_talk";
export type View = "dictation" | "talk" | "translation";
export type Phase = "connecting" | "ended" | "idle" | "live";
export type Ending = "" | "interrupted" | "never_opened" | "stopped";
export type Floor = "listening" | "user" | "thinking" | "model" | "tool";
export type Span = { text: string; sample: number };
export type Argument = { name: string; value: string };

export interface Tool {
  id: string;
  name: string;
  args: string;
  result: string | null;
  error: string | null;
  duration_ms: number;
  state: "asking" | "cancelled" | "done" | "failed" | "refused" | "running";
  updates: string[];
  arguments: Argument[];
  remote: boolean;
  agent: string;
}

export type SourceLink = { title: string; uri: string };
export type Code = { language: string; code: string; outcome: "failed" | "ok" | null; output: string };
export type Page = { url: string; status: "failed" | "paywall" | "read" | "unsafe" };

export interface Timing {
  decision_ms: number | null;
  network_ms: number | null;
  tool_ms: number;
  wait_ms: number;
  kernel_ms: number | null;
  playback_ms: number | null;
  heard_ms: number | null;
  direct: boolean;
}

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
  agent: string;
}

export type Level = "error" | "info" | "warning";
export type Notice = { level: Level; code: string; text: string; details: string };
export type Call = { id: string; caller: string; elapsed_ms: number; muted: boolean };

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
  reads: boolean;
  push_to_talk: boolean;
  explorer: boolean;
  phase: Phase;
  ending: Ending;
  floor: Floor;
  elapsed_ms: number;
  turns: Turn[];
  notices: Notice[];
  owner: string;
  transcript_class: string;
  speaker_seq: number;
  service_seq: number;
  direct: boolean;
  kernel: string;
  calls: Call[];
}

export interface State {
  phase: Phase;
  ending: Ending;
  floor: Floor;
  turn_taking: TurnTakingMode;
  view: View;
  sees: boolean;
  reads: boolean;
  push_to_talk: boolean;
  model: string;
  badge: string;
  suggestions: string[];
  elapsed_ms: number;
  owner: string;
  speaker_seq: number;
  service_seq: number;
  direct: boolean;
  calls: Call[];
}

export type Flush = { turn: number; voice: number };
export type ClearNotice = { code: string };
export type Busy = "" | "cell" | "kernel";

export interface Heartbeat {
  microphone_ack: number;
  microphone_resend: boolean;
  acks: Record<string, number>;
  busy: Busy;
  page_ms: number | null;
  held_ms: number;
}

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

export type Model = { id: string; status: string; facts: string[] };
export type Catalogue = { service: string; features: Feature[]; models: Model[]; elsewhere: string };

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

export type SpeakerAudio = { turn: number; first_sample: number; sample_rate: number };
export type SpeakerEnd = { turn: number; samples: number };

export interface Frame {
  number: number;
  at_ms: number;
  outgoing: boolean;
  kind: string;
  size: number;
  gap_ms: number | null;
  json: string;
}

export type Wire = { frames: Frame[]; lost: number };
export type Mark = { kind: "end" | "silence" | "speech" | "start"; at_ms: number };

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

export type CallLevels = { user: number[]; model: number[] };

export interface SocketOffer {
  client: string;
  port: number;
  token: string;
  proof: string;
  page: string;
  page_token: string;
  reason: "" | "off" | "unavailable";
}

export interface ServiceOpen {
  socket: number;
  url: string;
  token: string;
  token_path: string;
  pause_ms: number;
  end_silence_ms: number;
  holds_calls: boolean;
  needs_all: boolean;
}

export type ServiceSend = { socket: number; frame: string };
export type ServiceResend = { socket: number; first: number; samples: number };
export type ServiceResendImage = { socket: number; number: number };
export type ServiceTalk = { socket: number };
export type ServiceRelease = { socket: number };
export type ServiceClose = { socket: number; code: number; reason: string };
export type ServiceVoice = { voice: number; first: number; turn: number; sample: number };

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
  | { lane: "insight"; kind: "picture"; body: Picture }
  | { lane: "insight"; kind: "call_levels"; body: CallLevels }
  | { lane: "insight"; kind: "socket_offer"; body: SocketOffer }
  | { lane: "service"; kind: "service_open"; body: ServiceOpen }
  | { lane: "service"; kind: "service_send"; body: ServiceSend }
  | { lane: "service"; kind: "service_sound"; body: ServiceResend }
  | { lane: "service"; kind: "service_image"; body: ServiceResendImage }
  | { lane: "service"; kind: "service_talk"; body: ServiceTalk }
  | { lane: "service"; kind: "service_release"; body: ServiceRelease }
  | { lane: "service"; kind: "service_close"; body: ServiceClose }
  | { lane: "service"; kind: "service_voice"; body: ServiceVoice };

export type Hello = { client: string; last_seq: number };
export type Start = { microphone: boolean };
export type Text = { text: string };
export type Activity = { active: boolean };
export type TurnTaking = { mode: TurnTakingMode };

export interface MicrophoneStatus {
  state: "asking" | "missing" | "muted" | "off" | "on" | "paused" | "refused";
  detail?: string;
}

export type Flushed = { turn: number; sample: number; voice?: number };

export interface PlaybackReport {
  ack_seq: number;
  turn: number;
  played_sample: number;
  buffered_ms: number;
  silent_samples: number;
  epoch: number;
  page_ms: number;
  plays?: boolean;
  service_ack?: number;
  voice?: number;
  round_trip_ms?: number | null;
}

export type Change = { name: string; value: unknown };
export type Configure = { changes: Change[] };
export type ExplorerState = { open: boolean; wire: boolean; tuner: boolean };
export type Approve = { id: string; allowed: boolean };

export interface CameraStatus {
  source: "camera" | "screen";
  state: "asking" | "ended" | "missing" | "off" | "on" | "refused";
  detail?: string;
}

export type CallAction = { id: string; action: "hang_up" | "mute" | "unmute" };
export type SocketRequest = { origin: string };
export type SocketClosed = { proof: string };
export type ServiceOpened = { kind: "opened"; at_ms: number };
export type ServiceFrame = { kind: "frame"; at_ms: number; text: string; voice?: number; first?: number };

export interface ServiceSound {
  kind: "sound";
  at_ms: number;
  first: number;
  samples: number;
  is_speech: boolean;
}

export type ServiceActivity = { kind: "activity"; at_ms: number; active: boolean };
export type ServiceAudioEnd = { kind: "audio_end"; at_ms: number };

export interface ServiceImage {
  kind: "image";
  at_ms: number;
  source: "camera" | "file" | "screen";
  mime_type: "image/jpeg" | "image/png" | "image/webp";
  width: number;
  height: number;
  size: number;
  number: number;
}

export type CloseCause = "" | "blocked" | "mixed" | "offline" | "token" | "unsupported";

export interface ServiceClosed {
  kind: "closed";
  at_ms: number;
  code: number;
  reason?: string;
  cause?: CloseCause;
}

export type ServiceItem =
  | ServiceOpened
  | ServiceFrame
  | ServiceSound
  | ServiceActivity
  | ServiceAudioEnd
  | ServiceImage
  | ServiceClosed;
export type ServiceReport = { socket: number; service_ack: number; items: ServiceItem[] };
export type MicrophoneAudio = { first_sample: number; captured_ms: number; stale?: boolean; gap_ms?: number };

export interface CameraFrame {
  source: "camera" | "file" | "screen";
  mime_type: "image/jpeg" | "image/png" | "image/webp";
  width: number;
  height: number;
  captured_ms: number;
}

export type PageMessage =
  | { lane: "control"; kind: "hello"; body: Hello }
  | { lane: "control"; kind: "bye"; body: Record<string, never> }
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
  | { lane: "control"; kind: "take_audio"; body: Record<string, never> }
  | { lane: "control"; kind: "call"; body: CallAction }
  | { lane: "control"; kind: "socket_request"; body: SocketRequest }
  | { lane: "control"; kind: "socket_closed"; body: SocketClosed }
  | { lane: "control"; kind: "service_report"; body: ServiceReport }
  | { lane: "microphone"; kind: "audio"; body: MicrophoneAudio }
  | { lane: "camera"; kind: "frame"; body: CameraFrame };

/** The kinds of message that the kernel sends, by lane. */
export const KERNEL_KINDS: Record<string, readonly string[]> = {
  control: ["welcome", "state", "turn", "flush", "notice", "clear_notice", "heartbeat", "catalogue", "settings", "meter"],
  speaker: ["audio", "end"],
  insight: ["wire", "speech", "picture", "call_levels", "socket_offer"],
  service: ["service_open", "service_send", "service_sound", "service_image", "service_talk", "service_release", "service_close", "service_voice"],
};
