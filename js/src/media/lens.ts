// Camera or screen, one at a time: taken on a click, given back so that the browser's mark goes out.

import type { Scope } from "../scope.ts";
import type { LensSource, Sight } from "../state.ts";
import { askCamera, cameraTrouble, type LensTrouble } from "./camera.ts";
import { listed, remembered, stop } from "./devices.ts";
import { type Easel, type Frame, Frames } from "./frames.ts";
import { askScreen, screenTrouble } from "./screen.ts";

export interface LensEars {
  state(source: LensSource, state: "asking" | "on" | LensTrouble["state"], detail: string): void;
  devices(devices: Sight["devices"], deviceId: string): void;
  trouble(trouble: LensTrouble): void;
  /** Whether a frame would be sent now. */
  wanted(): boolean;
  frame(source: LensSource, frame: Frame): void;
  unchanged(): void;
}

/** One camera or screen from grant to end. */
interface Take {
  scope: Scope;
  track: MediaStreamTrack;
  frames: Frames;
}

const memory = remembered("livewidget.camera");

export class Lens {
  readonly #scope: Scope;
  readonly #ears: LensEars;
  readonly #now: () => number;
  readonly #easel: (stream: MediaStream, scope: Scope) => Easel;
  #source: LensSource | null = null;
  #take: Take | null = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #deviceId = memory.get();
  #look = { maxSide: 768, quality: 0.8 };
  #paused = false;

  constructor(
    scope: Scope,
    ears: LensEars,
    now: () => number,
    easel: (stream: MediaStream, scope: Scope) => Easel,
  ) {
    this.#scope = scope;
    this.#ears = ears;
    this.#now = now;
    this.#easel = easel;
    scope.add(() => this.stop());
    const devices = navigator.mediaDevices;
    if (devices) {
      scope.listen(devices, "devicechange", () => void this.#list());
    }
  }

  /** What is on or asked for. */
  get source(): LensSource | null {
    return this.#source;
  }

  /** Takes camera or screen in place of what is on. To be called from a click or a key only. */
  async start(source: LensSource): Promise<void> {
    this.stop();
    if (this.#scope.disposed) {
      return;
    }
    const generation = ++this.#generation;
    this.#source = source;
    this.#ears.state(source, "asking", "");
    let stream: MediaStream | null = null;
    try {
      stream = await (source === "camera" ? askCamera(this.#deviceId) : askScreen());
      if (generation !== this.#generation) {
        stop(stream);
        return;
      }
      this.#take = this.#begin(source, stream);
      this.#ears.state(source, "on", "");
      if (source === "camera") {
        await this.#list();
      }
    } catch (error) {
      stop(stream);
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
    this.#take?.scope.dispose();
    this.#take = null;
    if (source) {
      this.#ears.state(source, "off", "");
    }
  }

  /** Takes no frames, and lets the camera go dark, until it is called with false. */
  pause(paused: boolean): void {
    if (paused === this.#paused) {
      return;
    }
    this.#paused = paused;
    if (this.#take) {
      this.#take.track.enabled = !paused;
      this.#take.frames.rest();
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
  look(maxSide: number, quality: number): void {
    this.#look = { maxSide, quality };
    if (this.#take) {
      Object.assign(this.#take.frames, this.#look);
    }
  }

  #begin(source: LensSource, stream: MediaStream): Take {
    const track = stream.getVideoTracks()[0];
    if (!track) {
      throw new DOMException("", "NotFoundError");
    }
    const scope = this.#scope.child();
    scope.add(() => stop(stream));
    scope.listen(track, "ended", () => this.#fail(source, new DOMException("", "TrackEnded")));
    track.enabled = !this.#paused;
    const ears = {
      wanted: () => !this.#paused && this.#ears.wanted(),
      frame: (frame: Frame) => this.#ears.frame(source, frame),
      unchanged: () => this.#ears.unchanged(),
    };
    try {
      const frames = new Frames(scope, this.#easel(stream, scope), ears, this.#now, this.#look);
      return { scope, track, frames };
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }

  /** It was refused, or went away. */
  #fail(source: LensSource, error: unknown): void {
    const found = source === "camera" ? cameraTrouble(error) : screenTrouble(error);
    this.#generation += 1;
    this.#source = null;
    this.#take?.scope.dispose();
    this.#take = null;
    this.#ears.trouble(found);
    this.#ears.state(source, found.state, found.detail);
  }

  async #list(): Promise<void> {
    const devices = await listed("videoinput");
    if (devices) {
      this.#ears.devices(devices, this.#deviceId);
    }
  }
}
