// What the views draw: one plain object, changed through its store. Controllers write it, views only read it.

import type { MicrophoneFault, PlayerFault } from "./audio/sound-watch.ts";
import type {
  CallAction,
  Catalogue,
  Frame,
  Notice as KernelNotice,
  Mark,
  Meter,
  MicrophoneStatus,
  Settings,
  Speech,
  TurnTakingMode,
  Welcome,
} from "./messages.gen.ts";

export type MicrophoneState = MicrophoneStatus["state"];

/** A notice of the kernel's, or of the page's own, which has nothing to fold away. */
export type Notice = Omit<KernelNotice, "details"> & Partial<Pick<KernelNotice, "details">>;

/** Frames kept, as many as the kernel keeps. */
export const MAX_FRAMES = 2000;
/** How much of the microphone is kept, in ms; chosen: more than the panel shows at once. */
export const TRACK_MS = 20_000;

interface FrameLog {
  list: readonly Frame[];
  /** How many frames are not in the list. */
  lost: number;
}

export const EMPTY_FRAME_LOG: FrameLog = { list: [], lost: 0 };

/** Adds the frames after the newest known one: a page that reconnects gets some of them again. */
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

interface SpeechWindow {
  atMs: number;
  /** dBFS. */
  level: number;
  probability: number;
}

/** The last seconds of the microphone, and the settings by which turns were detected in them. */
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
  // When the settings change, a new detector starts at zero.
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

/** What the explorer shows in this page. */
export interface ExplorerContents {
  open: boolean;
  panel: PanelName;
  /** Null until the kernel has sent it. */
  catalogue: Catalogue | null;
  settings: Settings | null;
  meter: Meter | null;
  /** performance.now() when the meter arrived: its times count down from then on. */
  meterAt: number;
  /** The last frames of the connection. */
  frames: FrameLog;
  /** The last seconds of the microphone. */
  track: SpeechTrack;
}

/** What a person can do in the explorer. */
export interface ExplorerActions {
  /** Opens or closes the explorer, at a panel or at the last one. */
  show(open: boolean, panel?: PanelName): void;
  /** Changes settings, null for a default, "model" for another model. They take effect with `apply`. */
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

interface MicrophoneDevices extends DeviceChoice {
  state: MicrophoneState;
}

interface Playback {
  /** The turn in the player, and the last of its samples that was played (24 kHz). */
  turn: number;
  playedSample: number;
  volume: number;
}

/** Why sound does not arrive that should; null while it does, or nobody expects any. */
interface SoundFaults {
  /** Why nothing is heard of a microphone that is on. */
  microphone: MicrophoneFault | null;
  /** Why the model's audio is not heard. */
  player: PlayerFault | null;
}

/** A source of moving pictures. */
export type VideoSource = "camera" | "screen";

/** The picture that was sent last. */
export interface Preview {
  source: VideoSource | "file" | "python";
  /** The URL of a blob with exactly the bytes that were sent. */
  url: string;
  width: number;
  height: number;
  bytes: number;
  /** How many tokens the service counts for it. */
  tokens: number;
}

/** What the model is shown. */
export interface VideoState extends DeviceChoice {
  source: VideoSource | null;
  /** "hidden": no frames are taken while the page is not visible. */
  state: "off" | "asking" | "on" | "hidden";
  /** Longest side in pixels and JPEG quality in percent of the pictures that this page sends. */
  maxSide: number;
  quality: number;
  preview: Preview | null;
  /** How many pictures of the source were sent since it was turned on. */
  sent: number;
  /** What became of the newest picture: "unchanged" and "waiting" are about one after that in the preview. */
  progress: "sending" | "sent" | "unchanged" | "waiting" | "";
}

/**
 * Why the kernel does not answer, as far as it was found out: "looking" until it is asked about, "offline" by the browser,
 * "server" where the notebook server does not answer either, "busy", "restarted" and "shut_down" by what that server knows
 * of the kernel, "silent" where that server knows nothing that explains it, "unknown" in a host without such a
 * server; in a page without a notebook "program" where the program behind it does not answer, "closed" where that has ended
 * the conversation, "refused" where it does not let this page in. "" while it answers.
 */
export type Loss =
  | ""
  | "looking"
  | "offline"
  | "server"
  | "busy"
  | "restarted"
  | "shut_down"
  | "silent"
  | "unknown"
  | "program"
  | "closed"
  | "refused";

/**
 * Why messages take no socket: "asking" the kernel for one, "opening" it, "off" where it is switched off, "unavailable" where
 * the kernel cannot open a port, "unreachable" where the browser may not reach the kernel's computer from this page,
 * "refused" where nobody answered there, "stranger" where another program did, "broken" by the network, "ended" by the
 * kernel; in a page without a notebook "refused" is by the server. "" while a socket is used.
 */
export type LinkReason =
  | ""
  | "asking"
  | "opening"
  | "off"
  | "unavailable"
  | "unreachable"
  | "refused"
  | "stranger"
  | "broken"
  | "ended";

/** Which way messages to the kernel take. */
export interface LinkState {
  /**
   * "socket": straight to the kernel; "comm": through the notebook; "opening": through it while a socket is tried; "none":
   * a page without a notebook has no socket.
   */
  way: "socket" | "comm" | "opening" | "none";
  /** The socket goes through the notebook server's jupyter-server-proxy. */
  proxied: boolean;
  reason: LinkReason;
  /** The server's own sentence where it refused. */
  says: string;
}

/** Where this conversation has a page of its own, for a browser that gives a microphone. */
export interface BrowserPage {
  address: string;
  /** Goes into the fragment of the address, for one use. */
  token: string;
  /** The kernel's port, which has to be connected first where the kernel is on another computer; 0 where it is reached. */
  port: number;
}

/** What of a welcome is not drawn, or not under its own name. */
type Undrawn =
  | "client"
  | "owner"
  | "explorer"
  | "turn_taking"
  | "push_to_talk"
  | "notices"
  | "elapsed_ms"
  | "speaker_seq"
  | "service_seq"
  | "kernel";

/** What the kernel last said, and what only this page knows. */
export interface State extends Omit<Welcome, Undrawn | "transcript_class"> {
  notices: readonly Notice[];
  turnTaking: TurnTakingMode;
  /** Whether turns can be taken by push-to-talk. */
  pushToTalk: boolean;
  /** performance.now() at which the session became live; null before. */
  liveSince: number | null;
  microphone: MicrophoneDevices;
  playback: Playback;
  sound: SoundFaults;
  /** True while push-to-talk is held. */
  holding: boolean;
  /** True where this page has microphone and model audio; other pages mirror it. */
  owner: boolean;
  /** True where another page has them. A session started from Python has no owner until ● is pressed. */
  ownedElsewhere: boolean;
  /** The call that has them, by its id in `calls`; "" where no caller has. */
  calledBy: string;
  /** performance.now() when `calls` arrived: their times count on from then. */
  callsAt: number;
  /** False while the kernel does not answer; `loss` says why. */
  connected: boolean;
  loss: Loss;
  link: LinkState;
  /** Null until the kernel has offered it, and in that page itself. */
  browser: BrowserPage | null;
  /** This is a page of the conversation's own, with no notebook around it. */
  page: boolean;
  /** What that page is called; "" where it has no name of its own. */
  title: string;
  /** The browser, or the program around this page, gives it no microphone without asking the person. */
  barred: boolean;
  /** A running cell keeps what the microphone gives from the kernel. */
  heldByCell: boolean;
  explorer: ExplorerContents;
  video: VideoState;
}

/** What a person can show to the model. */
export interface VideoActions {
  /** Turns camera or screen on or off; turning one on turns the other off. */
  toggle(source: VideoSource): void;
  /** Sends a picture that was picked, dropped or pasted. */
  sendFile(file: Blob): void;
  pickCamera(deviceId: string): void;
  setSize(maxSide: number): void;
  setQuality(percent: number): void;
  /** Removes the preview. */
  dismiss(): void;
}

/** What a person can do; `App` implements it. */
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
  /** Allows or denies a tool call that waits for approval. */
  confirm(id: string, allowed: boolean): void;
  /** Ends or mutes a phone call. */
  call(id: string, action: CallAction["action"]): void;
  /** The page for the browser was opened: its address is used up. */
  onBrowserOpened(): void;
  readonly explorer: ExplorerActions;
  readonly video: VideoActions;
}

type Listener = (state: Readonly<State>) => void;

/** Replaces parts of the state; listeners are called once per microtask. */
export interface Store {
  get(): Readonly<State>;
  set(change: Partial<State>): void;
  subscribe(listener: Listener): () => void;
}

/** The state before the kernel's welcome. */
export function initialState(): State {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    ending: "",
    floor: "listening",
    turnTaking: "automatic",
    view: "talk",
    sees: false,
    reads: true,
    pushToTalk: true,
    liveSince: null,
    turns: [],
    calls: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    sound: { microphone: null, player: null },
    holding: false,
    direct: false,
    owner: false,
    ownedElsewhere: false,
    calledBy: "",
    callsAt: 0,
    connected: true,
    loss: "",
    link: { way: "comm", proxied: false, reason: "asking", says: "" },
    browser: null,
    page: false,
    title: "",
    barred: false,
    heldByCell: false,
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

/** All changes made in one task reach the listeners in one call, in a microtask. */
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
      // A view that fails must not stop the others.
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
