// Camera or screen, one at a time: taken on a click, sampled as JPEG frames.

import type { CameraStatus } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { DeviceInfo, Notice, VideoSource } from "../state.ts";
import {
  DeviceCapture,
  type DeviceProblem,
  errorName,
  explainProblem,
  isAllowed,
  NOT_SECURE,
  type ProblemTexts,
  problemCodes,
  requestDevice,
  TRACK_ENDED,
} from "./devices.ts";
import { type FrameCanvas, FrameSampler, type JpegFrame } from "./frames.ts";

type ProblemState = Exclude<CameraStatus["state"], "asking" | "on">;
type VideoProblem = DeviceProblem<ProblemState>;

const CAMERA_TEXTS: ProblemTexts = {
  refused:
    "The browser refused the camera. Click the camera icon in the address bar, allow the camera for this page, then press its button again.",
  blocked:
    "The program that shows this notebook keeps the camera from it. Open the notebook in a browser, at its own address, or show a picture file.",
  missing:
    "No camera was found. Plug one in or switch it on, then press its button again. You can show a picture file meanwhile.",
  busy: "The camera cannot be opened: another program may be using it. Close that program or pick another camera in the settings, then press its button again.",
  ended:
    "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again.",
  unplugged:
    "The camera was unplugged, so nothing is shown any more. Plug it in or pick another in the settings, then press its button again.",
  revoked:
    "The browser took back the permission for the camera, so nothing is shown any more. Allow it again beside the address of the page, then press its button again.",
  failed: "The camera could not be started. Reload the page and press its button again.",
  "not-secure":
    "This page has no camera because its address is not secure. Open it through https:// or at http://localhost.",
};

export const CAMERA_PROBLEMS: readonly string[] = problemCodes("camera");

/** Chosen: 720p covers the largest size of the settings (768 pixels); one frame a second is taken of the 15. */
const CAMERA_CONSTRAINTS = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };

export function cameraProblem(error: unknown, isFrameAllowed = () => isAllowed("camera")): VideoProblem {
  const problem = explainProblem(error, "camera", CAMERA_TEXTS, isFrameAllowed);
  return errorName(error) === TRACK_ENDED ? { ...problem, state: "ended" } : problem;
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

/** Opens the browser's dialog, in which a screen, a window or a tab is chosen each time. */
async function requestScreen(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new DOMException("", NOT_SECURE);
  }
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 5 } }, audio: false });
}

export function screenProblem(error: unknown): VideoProblem {
  const name = errorName(error);
  switch (name) {
    case "NotAllowedError":
      return { state: "refused", detail: name, notice: NOT_CHOSEN };
    case NOT_SECURE:
      return { state: "missing", detail: "", notice: MISSING };
    case TRACK_ENDED:
      return { state: "ended", detail: "", notice: ENDED };
    default:
      return { state: "off", detail: name, notice: FAILED };
  }
}

export interface VideoCaptureHandlers {
  onState(source: VideoSource, state: CameraStatus["state"], detail: string): void;
  onDevices(devices: DeviceInfo[], deviceId: string): void;
  onProblem(problem: VideoProblem): void;
  /** Whether a frame would be sent now. */
  isWanted(): boolean;
  onFrame(source: VideoSource, frame: JpegFrame): void;
  onUnchanged(): void;
}

/** What a camera or screen that is on is connected to. */
interface Capture {
  track: MediaStreamTrack;
  frames: FrameSampler;
}

export class VideoCapture {
  readonly #handlers: VideoCaptureHandlers;
  readonly #now: () => number;
  readonly #makeCanvas: (stream: MediaStream, scope: Scope) => FrameCanvas;
  readonly #device: DeviceCapture<Capture, ProblemState>;
  /** What was requested last. */
  #source: VideoSource = "camera";
  #options = { maxSide: 768, quality: 0.8 };
  #paused = false;

  constructor(
    scope: Scope,
    handlers: VideoCaptureHandlers,
    now: () => number,
    makeCanvas: (stream: MediaStream, scope: Scope) => FrameCanvas,
  ) {
    this.#handlers = handlers;
    this.#now = now;
    this.#makeCanvas = makeCanvas;
    this.#device = new DeviceCapture(scope, "videoinput", "livewidget.camera", {
      onState: (state, detail) => handlers.onState(this.#source, state, detail),
      onDevices: handlers.onDevices,
      onProblem: handlers.onProblem,
    });
  }

  /** What is on or requested. */
  get source(): VideoSource | null {
    return this.#device.isWanted ? this.#source : null;
  }

  /** Takes camera or screen in place of what is on. To be called from a click or a key only. */
  async start(source: VideoSource): Promise<void> {
    this.stop();
    this.#source = source;
    await this.#device.start({
      ask: (deviceId) =>
        source === "camera" ? requestDevice("video", CAMERA_CONSTRAINTS, deviceId) : requestScreen(),
      connect: (stream, track, scope) => this.#connect(source, stream, track, scope),
      explain: (error) => (source === "camera" ? cameraProblem(error) : screenProblem(error)),
      ...(source === "camera" ? { permission: "camera" as const } : {}),
    });
  }

  stop(): void {
    this.#device.stop();
  }

  /** Stops taking frames and lets the camera go dark, until it is called with false. */
  pause(paused: boolean): void {
    if (paused === this.#paused) {
      return;
    }
    this.#paused = paused;
    const capture = this.#device.connection;
    if (capture) {
      capture.track.enabled = !paused;
      capture.frames.delayNext();
    }
  }

  /** Uses another camera, now and from now on. */
  pick(deviceId: string): void {
    this.#device.pick(deviceId);
    if (this.source === "camera") {
      void this.start("camera");
    }
  }

  /** Sets the longest side in pixels and the quality, 0..1, of the frames to come. */
  setOptions(maxSide: number, quality: number): void {
    this.#options = { maxSide, quality };
    Object.assign(this.#device.connection?.frames ?? {}, this.#options);
  }

  #connect(source: VideoSource, stream: MediaStream, track: MediaStreamTrack, scope: Scope): Capture {
    track.enabled = !this.#paused;
    const handlers = {
      isWanted: () => !this.#paused && this.#handlers.isWanted(),
      onFrame: (frame: JpegFrame) => this.#handlers.onFrame(source, frame),
      onUnchanged: () => this.#handlers.onUnchanged(),
    };
    const canvas = this.#makeCanvas(stream, scope);
    return { track, frames: new FrameSampler(scope, canvas, handlers, this.#now, this.#options) };
  }
}
