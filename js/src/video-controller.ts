// What one page shows to the model: camera, screen and picture files, between its state and the kernel.

import type { Buffer } from "./audio/pcm.ts";
import type { Bridge } from "./bridge.ts";
import { type Easel, easelOf, type Frame, readPicture } from "./media/frames.ts";
import { CAMERA_TROUBLES, Lens, SCREEN_TROUBLES } from "./media/video-capture.ts";
import type { Camera, Picture } from "./messages.gen.ts";
import { NO_PICTURE, type Notices, TOO_MANY_PICTURES } from "./notices.ts";
import type { Scope } from "./scope.ts";
import type { LensSource, Preview, SightActions, Sight as SightState, Store } from "./state.ts";

/** A frame that the kernel has not spoken of holds up the next for so long at most. */
const PATIENCE_MS = 5000;
/** Pictures under way whose bytes are kept. */
const MOST_KEPT = 12;

/** Where pictures come from; canvases, where there are any. */
export interface Studio {
  easel(stream: MediaStream, scope: Scope): Easel;
  read(file: Blob, side: number, quality: number): Promise<Frame | null>;
}

const CANVASES: Studio = { easel: easelOf, read: readPicture };

export class Sight implements SightActions {
  readonly #store: Store;
  readonly #notices: Notices;
  readonly #bridge: Pick<Bridge, "send" | "sendFrame">;
  readonly #now: () => number;
  readonly #begin: () => boolean;
  readonly #studio: Studio;
  readonly #lens: Lens;
  /** Pictures of which the kernel has not said whether they were sent, by their numbers. */
  readonly #underWay = new Map<number, Frame>();
  #sentMs = Number.NEGATIVE_INFINITY;

  /** Touches no device: that takes a click. `begin` starts the talk, and returns false where this page may not. */
  constructor(
    scope: Scope,
    store: Store,
    notices: Notices,
    bridge: Pick<Bridge, "send" | "sendFrame">,
    now: () => number,
    begin: () => boolean,
    studio: Studio = CANVASES,
  ) {
    this.#store = store;
    this.#notices = notices;
    this.#bridge = bridge;
    this.#now = now;
    this.#begin = begin;
    this.#studio = studio;
    this.#lens = new Lens(
      scope,
      {
        state: (source, state, detail) => this.#lensState(source, state, detail),
        devices: (devices, deviceId) => this.#set({ devices, deviceId }),
        trouble: ({ notice }) => this.#notices.show(notice),
        wanted: () => this.#wanted(),
        frame: (source, frame) => this.#send(source, frame),
        unchanged: () => this.#set({ news: "unchanged" }),
      },
      now,
      (stream, inner) => this.#studio.easel(stream, inner),
    );
    scope.listen(document, "visibilitychange", () => this.#seen(!document.hidden));
    scope.add(() => this.#show(null));
  }

  /** True while camera or screen is on or asked for. */
  get wanted(): boolean {
    return this.#lens.source !== null;
  }

  // --- What a person does ---

  toggle(source: LensSource): void {
    if (this.#lens.source === source) {
      this.#lens.stop();
    } else if (this.#begin()) {
      this.#notices.clear(...CAMERA_TROUBLES, ...SCREEN_TROUBLES);
      void this.#lens.start(source);
    }
  }

  sendFile(file: Blob): void {
    if (this.#store.get().sees && this.#begin()) {
      this.#notices.clear(NO_PICTURE.code);
      void this.#sendFile(file);
    }
  }

  pickCamera(deviceId: string): void {
    this.#lens.pick(deviceId);
  }

  setSize(maxSide: number): void {
    this.#set({ maxSide });
    this.#look();
  }

  setQuality(percent: number): void {
    this.#set({ quality: percent });
    this.#look();
  }

  dismiss(): void {
    this.#show(null);
  }

  // --- What happens ---

  /** Gives camera and screen back. */
  stop(): void {
    this.#lens.stop();
  }

  /** The kernel says what became of a picture. */
  take(picture: Picture, buffers: readonly Buffer[]): void {
    const { source, number, width, height, tokens, sent, reason } = picture;
    const mine = this.#underWay.get(number);
    const data = source === "python" ? buffers[0] : mine?.data;
    if (source !== "python") {
      this.#underWay.delete(number);
    }
    if (reason === "full") {
      this.#notices.show(TOO_MANY_PICTURES);
    }
    if (sent && data) {
      const blob = new Blob([data as BlobPart], { type: "image/jpeg" });
      const url = URL.createObjectURL(blob);
      this.#show({ source, url, width, height, bytes: blob.size, tokens });
      this.#set({ news: "sent", sent: this.#store.get().sight.sent + 1 });
    } else if (!sent && mine) {
      this.#set({ news: reason === "unchanged" ? "unchanged" : "waiting" });
    }
  }

  #wanted(): boolean {
    const { phase, owner, connected } = this.#store.get();
    const awaited = this.#underWay.size > 0 && this.#now() - this.#sentMs < PATIENCE_MS;
    if (awaited && this.#now() - this.#sentMs > PATIENCE_MS / 2) {
      this.#set({ news: "waiting" });
    }
    return phase === "live" && owner && connected && !awaited;
  }

  #send(source: LensSource | "file", { data, ...place }: Frame): void {
    const body = { source, mime_type: "image/jpeg" as const, ...place };
    const number = this.#bridge.sendFrame(body, data);
    this.#underWay.set(number, { data, ...place });
    for (const old of [...this.#underWay.keys()].slice(0, -MOST_KEPT)) {
      this.#underWay.delete(old);
    }
    this.#sentMs = this.#now();
    if (source === "file" || this.#store.get().sight.preview === null) {
      this.#set({ news: "sending" });
    }
  }

  async #sendFile(file: Blob): Promise<void> {
    const { maxSide, quality } = this.#store.get().sight;
    const frame = await this.#studio.read(file, maxSide, quality / 100);
    if (frame) {
      this.#send("file", frame);
    } else {
      this.#notices.show(NO_PICTURE);
    }
  }

  #lensState(source: LensSource, state: "asking" | "on" | Camera["state"], detail: string): void {
    const on = state === "asking" || state === "on";
    const hidden = source === "camera" && document.hidden;
    this.#set({
      source: on ? source : null,
      state: state === "on" && hidden ? "hidden" : on ? state : "off",
    });
    if (!on) {
      this.#underWay.clear();
      const { preview } = this.#store.get().sight;
      if (preview?.source === "camera" || preview?.source === "screen") {
        this.#show(null);
      }
      this.#set({ news: this.#store.get().sight.preview ? "sent" : "" });
    } else if (state === "on") {
      this.#lens.pause(hidden);
      this.#show(null);
      this.#set({ sent: 0 });
    }
    this.#bridge.send({ lane: "control", kind: "camera", body: { source, state, detail } });
  }

  /** Whether somebody sees this page: a camera does not film on unseen; a screen is mostly another window's. */
  #seen(seen: boolean): void {
    const { source, state } = this.#store.get().sight;
    if (source === "camera" && (state === "on" || state === "hidden")) {
      this.#lens.pause(!seen);
      this.#set({ state: seen ? "on" : "hidden" });
    }
  }

  #look(): void {
    const { maxSide, quality } = this.#store.get().sight;
    this.#lens.look(maxSide, quality / 100);
  }

  #show(preview: Preview | null): void {
    const before = this.#store.get().sight.preview;
    if (before) {
      URL.revokeObjectURL(before.url);
    }
    this.#set({ preview, news: preview ? this.#store.get().sight.news : "" });
  }

  #set(change: Partial<SightState>): void {
    this.#store.set({ sight: { ...this.#store.get().sight, ...change } });
  }
}
