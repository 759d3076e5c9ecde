// Camera or screen, one at a time: taken on a click, and released so that the browser's indicator goes out.

import type { Notice } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { VideoSource, VideoState } from "../state.ts";
import { isAllowed, listDevices, rememberedDevice, stopTracks } from "./devices.ts";
import { type FrameCanvas, FrameSampler, type JpegFrame } from "./frames.ts";

export interface VideoProblem {
  state: "off" | "refused" | "missing" | "ended";
  /** The browser's word for it. */
  detail: string;
  notice: Notice;
}

const TEXTS: Record<string, [state: VideoProblem["state"], text: string]> = {
  "camera-refused": [
    "refused",
    "The browser refused the camera. Click the camera icon in the address bar, allow the camera for this page, then press its button again.",
  ],
  "camera-blocked": [
    "refused",
    "The program that shows this notebook keeps the camera from it. Open the notebook in a browser, at its own address, or show a picture file.",
  ],
  "camera-missing": [
    "missing",
    "No camera was found. Plug one in or switch it on, then press its button again. You can show a picture file meanwhile.",
  ],
  "camera-busy": [
    "off",
    "The camera cannot be opened: another program may be using it. Close that program or pick another camera in the settings, then press its button again.",
  ],
  "camera-ended": [
    "ended",
    "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again.",
  ],
  "camera-failed": ["off", "The camera could not be started. Reload the page and press its button again."],
  "camera-not-secure": [
    "refused",
    "This page has no camera because its address is not secure. Open the notebook through https:// or at http://localhost.",
  ],
};

const CODES: Record<string, string> = {
  NotAllowedError: "camera-refused",
  SecurityError: "camera-refused",
  NotFoundError: "camera-missing",
  OverconstrainedError: "camera-missing",
  NotReadableError: "camera-busy",
  AbortError: "camera-busy",
  NotSecure: "camera-not-secure",
  TrackEnded: "camera-ended",
};

export const CAMERA_PROBLEMS: readonly string[] = Object.keys(TEXTS);

/** Takes the camera that was picked, or any where that one is gone. */
export async function askCamera(deviceId: string): Promise<MediaStream> {
  if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw new DOMException("", "NotSecure");
  }
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };
  if (deviceId === "") {
    return navigator.mediaDevices.getUserMedia({ video });
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...video, deviceId: { exact: deviceId } } });
  } catch (error) {
    if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name)) {
      return navigator.mediaDevices.getUserMedia({ video });
    }
    throw error;
  }
}

/** What `askCamera` failed with, as the user should read it. */
export function cameraProblem(error: unknown, may = () => isAllowed("camera")): VideoProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  let code = Object.hasOwn(CODES, name) ? CODES[name]! : "camera-failed";
  if (code === "camera-refused" && !may()) {
    code = "camera-blocked";
  }
  const [state, text] = TEXTS[code]!;
  const detail = name === "NotSecure" || name === "TrackEnded" ? "" : name;
  return { state, detail, notice: { level: "error", code, text } };
}

const NOT_CHOSEN: Notice = {
  level: "info",
  code: "screen-refused",
  text: "No screen is shown: none was chosen, or the browser or the system refused it. Press the button to choose again.",
};
const MISSING: Notice = {
  level: "error",
  code: "screen-missing",
  text: "This browser shows no screens here. It takes a computer's browser, at an https:// address or http://localhost; a picture file can be shown instead.",
};
const ENDED: Notice = {
  level: "info",
  code: "screen-ended",
  text: "The screen is not shown any more: sharing was stopped, or the window was closed.",
};
const FAILED: Notice = {
  level: "error",
  code: "screen-failed",
  text: "The screen could not be shown. Choose another one, or show a picture file.",
};

export const SCREEN_PROBLEMS: readonly string[] = [NOT_CHOSEN, MISSING, ENDED, FAILED].map(
  ({ code }) => code,
);

export async function askScreen(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new DOMException("", "NotSecure");
  }
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 5 } }, audio: false });
}

/** What `askScreen` failed with, as the user should read it. */
export function screenProblem(error: unknown): VideoProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return { state: "refused", detail: name, notice: NOT_CHOSEN };
    case "NotSecure":
      return { state: "missing", detail: "", notice: MISSING };
    case "TrackEnded":
      return { state: "ended", detail: "", notice: ENDED };
    default:
      return { state: "off", detail: name, notice: FAILED };
  }
}

export interface VideoCaptureHandlers {
  onState(source: VideoSource, state: "asking" | "on" | VideoProblem["state"], detail: string): void;
  onDevices(devices: VideoState["devices"], deviceId: string): void;
  onProblem(trouble: VideoProblem): void;
  /** Whether a frame would be sent now. */
  isWanted(): boolean;
  onFrame(source: VideoSource, frame: JpegFrame): void;
  onUnchanged(): void;
}

/** One camera or screen from grant to end. */
interface Capture {
  scope: Scope;
  track: MediaStreamTrack;
  frames: FrameSampler;
}

const memory = rememberedDevice("livewidget.camera");

export class VideoCapture {
  readonly #scope: Scope;
  readonly #handlers: VideoCaptureHandlers;
  readonly #now: () => number;
  readonly #makeCanvas: (stream: MediaStream, scope: Scope) => FrameCanvas;
  #source: VideoSource | null = null;
  #capture: Capture | null = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #deviceId = memory.get();
  #options = { maxSide: 768, quality: 0.8 };
  #paused = false;

  constructor(
    scope: Scope,
    handlers: VideoCaptureHandlers,
    now: () => number,
    easel: (stream: MediaStream, scope: Scope) => FrameCanvas,
  ) {
    this.#scope = scope;
    this.#handlers = handlers;
    this.#now = now;
    this.#makeCanvas = easel;
    scope.add(() => this.stop());
    const devices = navigator.mediaDevices;
    if (devices) {
      scope.listen(devices, "devicechange", () => void this.#list());
    }
  }

  /** What is on or asked for. */
  get source(): VideoSource | null {
    return this.#source;
  }

  /** Takes camera or screen in place of what is on. To be called from a click or a key only. */
  async start(source: VideoSource): Promise<void> {
    this.stop();
    if (this.#scope.disposed) {
      return;
    }
    const generation = ++this.#generation;
    this.#source = source;
    this.#handlers.onState(source, "asking", "");
    let stream: MediaStream | null = null;
    try {
      stream = await (source === "camera" ? askCamera(this.#deviceId) : askScreen());
      if (generation !== this.#generation) {
        stopTracks(stream);
        return;
      }
      this.#capture = this.#begin(source, stream);
      this.#handlers.onState(source, "on", "");
      if (source === "camera") {
        await this.#list();
      }
    } catch (error) {
      stopTracks(stream);
      if (generation === this.#generation) {
        this.#fail(source, error);
      }
    }
  }

  /** Gives it back, whatever state it is in. */
  stop(): void {
    const source = this.#source;
    this.#generation += 1;
    this.#source = null;
    this.#capture?.scope.dispose();
    this.#capture = null;
    if (source) {
      this.#handlers.onState(source, "off", "");
    }
  }

  /** Takes no frames, and lets the camera go dark, until it is called with false. */
  pause(paused: boolean): void {
    if (paused === this.#paused) {
      return;
    }
    this.#paused = paused;
    if (this.#capture) {
      this.#capture.track.enabled = !paused;
      this.#capture.frames.delayNext();
    }
  }

  /** Uses another camera, now and from now on. */
  pick(deviceId: string): void {
    this.#deviceId = deviceId;
    memory.set(deviceId);
    void this.#list();
    if (this.#source === "camera") {
      void this.start("camera");
    }
  }

  /** Sets the longest side in pixels and the quality, 0..1, of the frames to come. */
  setOptions(maxSide: number, quality: number): void {
    this.#options = { maxSide, quality };
    if (this.#capture) {
      Object.assign(this.#capture.frames, this.#options);
    }
  }

  #begin(source: VideoSource, stream: MediaStream): Capture {
    const track = stream.getVideoTracks()[0];
    if (!track) {
      throw new DOMException("", "NotFoundError");
    }
    const scope = this.#scope.child();
    scope.add(() => stopTracks(stream));
    scope.listen(track, "ended", () => this.#fail(source, new DOMException("", "TrackEnded")));
    track.enabled = !this.#paused;
    const ears = {
      isWanted: () => !this.#paused && this.#handlers.isWanted(),
      onFrame: (frame: JpegFrame) => this.#handlers.onFrame(source, frame),
      onUnchanged: () => this.#handlers.onUnchanged(),
    };
    try {
      const frames = new FrameSampler(scope, this.#makeCanvas(stream, scope), ears, this.#now, this.#options);
      return { scope, track, frames };
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }

  /** It was refused, or went away. */
  #fail(source: VideoSource, error: unknown): void {
    const found = source === "camera" ? cameraProblem(error) : screenProblem(error);
    this.#generation += 1;
    this.#source = null;
    this.#capture?.scope.dispose();
    this.#capture = null;
    this.#handlers.onProblem(found);
    this.#handlers.onState(source, found.state, found.detail);
  }

  async #list(): Promise<void> {
    const devices = await listDevices("videoinput");
    if (devices) {
      this.#handlers.onDevices(devices, this.#deviceId);
    }
  }
}
