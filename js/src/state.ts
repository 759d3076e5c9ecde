// What the views draw: one plain object, changed through its store. Controllers write it, views only read it.

import type {
  Catalogue,
  Floor,
  Frame,
  Mark,
  Meter,
  MicrophoneStatus,
  Notice,
  Phase,
  Settings,
  Speech,
  Turn,
  TurnTakingMode,
  View,
} from "./messages.gen.ts";

export type MicrophoneState = MicrophoneStatus["state"];

/** Frames kept; the kernel keeps as many. */
export const MAX_FRAMES = 2000;
/** How much of the microphone is kept, in ms. */
export const TRACK_MS = 20_000;

export interface FrameLog {
  list: readonly Frame[];
  /** How many that passed are not in the list. */
  lost: number;
}

export const EMPTY_FRAME_LOG: FrameLog = { list: [], lost: 0 };

/** Adds frames that come after those known; what is known already is told again to a page that comes back. */
export function addFrames(known: FrameLog, news: { frames: Frame[]; lost: number }): FrameLog {
  const last = known.list.at(-1)?.number ?? 0;
  const fresh = news.frames.filter((frame) => frame.number > last);
  if (fresh.length === 0) {
    return known;
  }
  const skipped = known.list.length > 0 ? Math.max(0, fresh[0]!.number - last - 1) : news.lost;
  const all = [...known.list, ...fresh];
  const dropped = Math.max(0, all.length - MAX_FRAMES);
  return { list: all.slice(dropped), lost: known.lost + skipped + dropped };
}

export interface SpeechWindow {
  atMs: number;
  /** dBFS. */
  level: number;
  probability: number;
}

/** The last seconds of the microphone, and by which settings turns were found in them. */
export interface SpeechTrack {
  windows: readonly SpeechWindow[];
  marks: readonly Mark[];
  /** The settings of the newest window; null before there is one. */
  settings: Omit<Speech, "levels" | "probabilities" | "marks"> | null;
  endMs: number;
}

export const EMPTY_SPEECH_TRACK: SpeechTrack = { windows: [], marks: [], settings: null, endMs: 0 };

export function addSpeech(known: SpeechTrack, news: Speech): SpeechTrack {
  const { levels, probabilities, marks, ...settings } = news;
  // Where the settings change, another detector begins to count from nothing.
  const before = news.from_ms < known.endMs - news.step_ms ? EMPTY_SPEECH_TRACK : known;
  const fresh = levels.map((level, index) => ({
    atMs: news.from_ms + index * news.step_ms,
    level,
    probability: probabilities[index] ?? 0,
  }));
  const endMs = news.from_ms + levels.length * news.step_ms;
  const kept = <T>(list: readonly T[], at: (item: T) => number) =>
    list.filter((item) => at(item) >= endMs - TRACK_MS);
  return {
    windows: kept([...before.windows, ...fresh], (window) => window.atMs),
    marks: kept([...before.marks, ...marks], (mark) => mark.at_ms),
    settings,
    endMs,
  };
}

/** The parts of the explorer, by name. */
export type PanelName = "settings" | "wire" | "tuner" | "turns";

/** What this page shows of the explorer, and what it knows for that. */
export interface ExplorerState {
  open: boolean;
  panel: PanelName;
  /** Null until the kernel has told it. */
  catalogue: Catalogue | null;
  settings: Settings | null;
  meter: Meter | null;
  /** performance.now() at which the meter came: from then on its times run down. */
  meterAt: number;
  /** The last frames of the wire. */
  frames: FrameLog;
  /** The last seconds of the microphone. */
  track: SpeechTrack;
}

/** What a person can do in the explorer. */
export interface ExplorerActions {
  /** Opens or closes it, at a panel or where it was. */
  show(open: boolean, panel?: PanelName): void;
  /** Settings that shall be: null for a default, "model" for another model. They are kept until `apply`. */
  configure(changes: Record<string, unknown>): void;
  apply(): void;
  revert(): void;
}

/** A device offered in the settings; the label is empty until permission is given. */
export interface DeviceInfo {
  id: string;
  label: string;
}

/** The devices of a kind, and the picked one; "" for the browser's own choice. */
export interface DeviceChoice {
  devices: DeviceInfo[];
  deviceId: string;
}

export interface MicrophoneDevices extends DeviceChoice {
  state: MicrophoneState;
}

export interface Playback {
  /** Turn now in the player, and the last of its samples that was heard (24 kHz). */
  turn: number;
  playedSample: number;
  volume: number;
}

/** What can be shown as it moves. */
export type VideoSource = "camera" | "screen";

/** The picture that was sent last, by its very bytes. */
export interface Preview {
  source: VideoSource | "file" | "python";
  /** Of a blob with those bytes. */
  url: string;
  width: number;
  height: number;
  bytes: number;
  /** What the service counts for it. */
  tokens: number;
}

/** What the model is shown. */
export interface VideoState extends DeviceChoice {
  source: VideoSource | null;
  /** "hidden": nothing is taken while nobody sees this page. */
  state: "off" | "asking" | "on" | "hidden";
  /** Longest side in pixels, and JPEG quality in percent, of what this page takes. */
  maxSide: number;
  quality: number;
  preview: Preview | null;
  /** How many pictures of this source were sent since it was turned on. */
  sent: number;
  /** How it went since: "unchanged" and "waiting" are of frames taken after the one in the preview. */
  progress: "sending" | "sent" | "unchanged" | "waiting" | "";
}

export interface State {
  name: string;
  speaker: string;
  badge: string;
  model: string;
  suggestions: string[];
  phase: Phase;
  floor: Floor;
  turnTaking: TurnTakingMode;
  view: View;
  /** Whether the model takes pictures. */
  sees: boolean;
  /** performance.now() at which the session became live; null before. */
  liveSince: number | null;
  turns: Turn[];
  notices: Notice[];
  microphone: MicrophoneDevices;
  playback: Playback;
  /** True while push-to-talk is held. */
  holding: boolean;
  /** True where this page has the microphone and the voice; other pages mirror. */
  owner: boolean;
  /** True where another page has them; a talk begun from Python has no page until one presses ●. */
  ownedElsewhere: boolean;
  /** False once the kernel is gone. */
  connected: boolean;
  explorer: ExplorerState;
  video: VideoState;
}

/** What a person can show. `sight.ts` is behind it. */
export interface VideoActions {
  /** Turns camera or screen on or off; of the two, one is on. */
  toggle(source: VideoSource): void;
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
  pushToTalk(active: boolean): void;
  setTurnTaking(mode: TurnTakingMode): void;
  setVolume(volume: number): void;
  pickMicrophone(deviceId: string): void;
  dismissNotice(code: string): void;
  /** Says whether a call that asks may run. */
  confirm(id: string, allowed: boolean): void;
  readonly explorer: ExplorerActions;
  readonly video: VideoActions;
}

export type Listener = (state: Readonly<State>) => void;

/** A store: replace parts of the state, hear of every change once per microtask. */
export interface Store {
  get(): Readonly<State>;
  set(change: Partial<State>): void;
  subscribe(listener: Listener): () => void;
}

/** The state before the kernel has said anything. */
export function initialState(): State {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    floor: "listening",
    turnTaking: "automatic",
    view: "talk",
    sees: false,
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    holding: false,
    owner: false,
    ownedElsewhere: false,
    connected: true,
    video: {
      source: null,
      state: "off",
      devices: [],
      deviceId: "",
      maxSide: 768,
      quality: 80,
      preview: null,
      sent: 0,
      progress: "",
    },
    explorer: {
      open: false,
      panel: "settings",
      catalogue: null,
      settings: null,
      meter: null,
      meterAt: 0,
      frames: EMPTY_FRAME_LOG,
      track: EMPTY_SPEECH_TRACK,
    },
  };
}

/** Listeners hear of all changes made in one task together, once, in a microtask. */
export function createStore(initial: Partial<State> = {}): Store {
  let state: State = { ...initialState(), ...initial };
  let pending = false;
  const listeners = new Set<Listener>();

  function tell(): void {
    pending = false;
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) {
        continue;
      }
      // One view that fails must not blind the others.
      try {
        listener(state);
      } catch (error) {
        console.error("livewidget:", error);
      }
    }
  }

  return {
    get: () => state,
    set(change) {
      state = { ...state, ...change };
      if (!pending) {
        pending = true;
        queueMicrotask(tell);
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
