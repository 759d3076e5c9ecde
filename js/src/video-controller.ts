// What one page shows to the model: camera, screen and picture files, between its state and the kernel.

import type { Buffer } from "./audio/pcm.ts";
import type { Bridge } from "./bridge.ts";
import { type FrameCanvas, type JpegFrame, readImageFile, videoCanvas } from "./media/frames.ts";
import { CAMERA_PROBLEMS, SCREEN_PROBLEMS, VideoCapture } from "./media/video-capture.ts";
import type { CameraFrame, CameraStatus, Picture } from "./messages.gen.ts";
import { NO_PICTURE, type Notices, TOO_MANY_PICTURES } from "./notices.ts";
import type { Scope } from "./scope.ts";
import type { ServiceSocket } from "./service-socket.ts";
import type { Preview, VideoState as SightState, Store, VideoActions, VideoSource } from "./state.ts";

/** A frame without an answer delays the next one for this long at most; chosen: a busy kernel is not flooded. */
const ANSWER_TIMEOUT_MS = 5000;
/** Pictures without an answer whose bytes are kept; chosen: the kernel queues eight. */
const MAX_UNANSWERED = 12;

/** Where pictures come from: canvases in a browser, fakes in tests. */
interface CaptureBackend {
  makeCanvas(stream: MediaStream, scope: Scope): FrameCanvas;
  readImage(file: Blob, side: number, quality: number): Promise<JpegFrame | null>;
}

const BROWSER_BACKEND: CaptureBackend = { makeCanvas: videoCanvas, readImage: readImageFile };

export class VideoController implements VideoActions {
  readonly #store: Store;
  readonly #notices: Notices;
  readonly #bridge: Pick<Bridge, "send" | "sendFrame" | "numberPicture">;
  readonly #service: Pick<ServiceSocket, "takesFrames" | "sendPicture">;
  readonly #now: () => number;
  readonly #startSession: () => boolean;
  readonly #backend: CaptureBackend;
  readonly #capture: VideoCapture;
  /** Pictures that the kernel has not answered yet, by number. */
  readonly #unanswered = new Map<number, JpegFrame>();
  #sentMs = Number.NEGATIVE_INFINITY;

  /** Uses no device: that takes a click. `startSession` returns false where this page may not start one. */
  constructor(
    scope: Scope,
    store: Store,
    notices: Notices,
    bridge: Pick<Bridge, "send" | "sendFrame" | "numberPicture">,
    service: Pick<ServiceSocket, "takesFrames" | "sendPicture">,
    now: () => number,
    begin: () => boolean,
    studio: CaptureBackend = BROWSER_BACKEND,
  ) {
    this.#store = store;
    this.#notices = notices;
    this.#bridge = bridge;
    this.#service = service;
    this.#now = now;
    this.#startSession = begin;
    this.#backend = studio;
    this.#capture = new VideoCapture(
      scope,
      {
        onState: (source, state, detail) => this.#onCaptureState(source, state, detail),
        onDevices: (devices, deviceId) => this.#update({ devices, deviceId }),
        onProblem: ({ notice }) => this.#notices.show(notice),
        isWanted: () => this.#canSend(),
        onFrame: (source, frame) => this.#send(source, frame),
        onUnchanged: () => this.#update({ progress: "unchanged" }),
      },
      now,
      (stream, inner) => this.#backend.makeCanvas(stream, inner),
    );
    scope.listen(document, "visibilitychange", () => this.#onVisibility(!document.hidden));
    scope.add(() => this.#setPreview(null));
  }

  /** True while camera or screen is on or asked for. */
  get usesDevice(): boolean {
    return this.#capture.source !== null;
  }

  toggle(source: VideoSource): void {
    if (this.#capture.source === source) {
      this.#capture.stop();
    } else if (this.#startSession()) {
      this.#notices.clear(...CAMERA_PROBLEMS, ...SCREEN_PROBLEMS);
      void this.#capture.start(source);
    }
  }

  sendFile(file: Blob): void {
    if (this.#store.get().sees && this.#startSession()) {
      this.#notices.clear(NO_PICTURE.code);
      void this.#sendFile(file);
    }
  }

  pickCamera(deviceId: string): void {
    this.#capture.pick(deviceId);
  }

  setSize(maxSide: number): void {
    this.#update({ maxSide });
    this.#applyOptions();
  }

  setQuality(percent: number): void {
    this.#update({ quality: percent });
    this.#applyOptions();
  }

  dismiss(): void {
    this.#setPreview(null);
  }

  /** Releases camera and screen. */
  stop(): void {
    this.#capture.stop();
  }

  /** The kernel reports what became of a picture. */
  onPicture(picture: Picture, buffers: readonly Buffer[]): void {
    const { source, number, width, height, tokens, sent, reason } = picture;
    const mine = this.#unanswered.get(number);
    const data = source === "python" ? buffers[0] : mine?.data;
    if (source !== "python") {
      this.#unanswered.delete(number);
    }
    if (reason === "full") {
      this.#notices.show(TOO_MANY_PICTURES);
    }
    if (sent && data) {
      const blob = new Blob([data as BlobPart], { type: "image/jpeg" });
      const url = URL.createObjectURL(blob);
      this.#setPreview({ source, url, width, height, bytes: blob.size, tokens });
      this.#update({ progress: "sent", sent: this.#store.get().video.sent + 1 });
    } else if (!sent && mine) {
      this.#update({ progress: reason === "unchanged" ? "unchanged" : "waiting" });
    }
  }

  #canSend(): boolean {
    const { phase, owner, connected, direct } = this.#store.get();
    if (direct) {
      return phase === "live" && owner && this.#service.takesFrames;
    }
    const awaited = this.#unanswered.size > 0 && this.#now() - this.#sentMs < ANSWER_TIMEOUT_MS;
    if (awaited && this.#now() - this.#sentMs > ANSWER_TIMEOUT_MS / 2) {
      this.#update({ progress: "waiting" });
    }
    return phase === "live" && owner && connected && !awaited;
  }

  #send(source: VideoSource | "file", { data, ...place }: JpegFrame): void {
    const body = { source, mime_type: "image/jpeg" as const, ...place };
    const number = this.#store.get().direct
      ? this.#sendDirect(body, data)
      : this.#bridge.sendFrame(body, data);
    if (number === 0) {
      return;
    }
    this.#unanswered.set(number, { data, ...place });
    for (const old of [...this.#unanswered.keys()].slice(0, -MAX_UNANSWERED)) {
      this.#unanswered.delete(old);
    }
    this.#sentMs = this.#now();
    if (source === "file" || this.#store.get().video.preview === null) {
      this.#update({ progress: "sending" });
    }
  }

  /** Sends a picture straight to the service; returns its number, 0 where it is not sent. */
  #sendDirect({ captured_ms: _, ...place }: CameraFrame, data: ArrayBuffer): number {
    const number = this.#bridge.numberPicture();
    if (this.#service.sendPicture({ ...place, number, data })) {
      return number;
    }
    if (place.source === "file") {
      this.#notices.show(TOO_MANY_PICTURES);
    } else {
      this.#update({ progress: "waiting" });
    }
    return 0;
  }

  async #sendFile(file: Blob): Promise<void> {
    const { maxSide, quality } = this.#store.get().video;
    const frame = await this.#backend.readImage(file, maxSide, quality / 100);
    if (frame) {
      this.#send("file", frame);
    } else {
      this.#notices.show(NO_PICTURE);
    }
  }

  #onCaptureState(source: VideoSource, state: "asking" | "on" | CameraStatus["state"], detail: string): void {
    const on = state === "asking" || state === "on";
    const hidden = source === "camera" && document.hidden;
    this.#update({
      source: on ? source : null,
      state: state === "on" && hidden ? "hidden" : on ? state : "off",
    });
    if (!on) {
      this.#unanswered.clear();
      const { preview } = this.#store.get().video;
      if (preview?.source === "camera" || preview?.source === "screen") {
        this.#setPreview(null);
      }
      this.#update({ progress: this.#store.get().video.preview ? "sent" : "" });
    } else if (state === "on") {
      this.#capture.pause(hidden);
      this.#setPreview(null);
      this.#update({ sent: 0 });
    }
    this.#bridge.send({ lane: "control", kind: "camera", body: { source, state, detail } });
  }

  /** A camera pauses while the page is hidden; a shared screen goes on: it is usually another window. */
  #onVisibility(seen: boolean): void {
    const { source, state } = this.#store.get().video;
    if (source === "camera" && (state === "on" || state === "hidden")) {
      this.#capture.pause(!seen);
      this.#update({ state: seen ? "on" : "hidden" });
    }
  }

  #applyOptions(): void {
    const { maxSide, quality } = this.#store.get().video;
    this.#capture.setOptions(maxSide, quality / 100);
  }

  #setPreview(preview: Preview | null): void {
    const before = this.#store.get().video.preview;
    if (before) {
      URL.revokeObjectURL(before.url);
    }
    this.#update({ preview, progress: preview ? this.#store.get().video.progress : "" });
  }

  #update(change: Partial<SightState>): void {
    this.#store.set({ video: { ...this.#store.get().video, ...change } });
  }
}
