// The microphone: taken on a click, at the device's own rate, and given back so that the browser's mark goes out.

import type { FromCapture, ToCapture } from "../audio/pcm.ts";
import type { Scope } from "../scope.ts";
import type { MicrophoneDevices as Described, MicrophoneState } from "../state.ts";
import { addWorklets, closeWith, testTap } from "./context.ts";
import {
  listDevices,
  type MicrophoneProblem,
  microphoneProblem,
  rememberedDevice,
  stopTracks,
} from "./devices.ts";

export interface MicrophoneHandlers {
  /** `first` counts 16 kHz samples since this page took its first microphone. */
  onChunk(samples: Int16Array<ArrayBuffer>, first: number): void;
  onState(state: MicrophoneState, detail: string): void;
  onDevices(devices: Described["devices"], deviceId: string): void;
  onProblem(trouble: MicrophoneProblem): void;
}

/** One microphone from grant to end. */
interface Capture {
  scope: Scope;
  track: MediaStreamTrack;
  node: AudioWorkletNode;
}

const memory = rememberedDevice("livewidget.microphone");
const FLUSH_TIMEOUT_MS = 100;

export class Microphone {
  readonly #scope: Scope;
  readonly #handlers: MicrophoneHandlers;
  #capture: Capture | null = null;
  /** Raised by every start and stop: a grant that comes for an older one is given back at once. */
  #generation = 0;
  #asking = false;
  #muted = false;
  #deviceId = memory.get();
  #first = 0;
  #flushCallbacks: (() => void)[] = [];

  constructor(scope: Scope, handlers: MicrophoneHandlers) {
    this.#scope = scope;
    this.#handlers = handlers;
    scope.add(() => this.stop());
    const devices = navigator.mediaDevices;
    if (devices) {
      scope.listen(devices, "devicechange", () => void this.#list());
    }
  }

  /** True from the click until it is given back. */
  get wanted(): boolean {
    return this.#asking || this.#capture !== null;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Takes the microphone. To be called from a click or a key only. */
  async start(): Promise<void> {
    if (this.wanted || this.#scope.disposed) {
      return;
    }
    const generation = ++this.#generation;
    this.#asking = true;
    this.#muted = false;
    this.#handlers.onState("asking", "");
    let stream: MediaStream | null = null;
    try {
      stream = await this.#ask();
      const take = generation === this.#generation ? await this.#connect(stream, generation) : null;
      if (take === null) {
        stopTracks(stream);
        return;
      }
      this.#capture = take;
      this.#asking = false;
      this.#handlers.onState("on", "");
      await this.#list();
    } catch (error) {
      stopTracks(stream);
      if (generation === this.#generation) {
        this.#asking = false;
        const found = microphoneProblem(error);
        this.#handlers.onProblem(found);
        this.#handlers.onState(found.state, found.detail);
      }
    }
  }

  /** Gives the microphone back, whatever state it is in. */
  stop(): void {
    const was = this.wanted;
    this.#generation += 1;
    this.#asking = false;
    this.#muted = false;
    this.#capture?.scope.dispose();
    this.#capture = null;
    this.#finishFlush();
    if (was) {
      this.#handlers.onState("off", "");
    }
  }

  mute(muted: boolean): void {
    if (this.#capture) {
      this.#muted = muted;
      this.#capture.track.enabled = !muted;
      this.#handlers.onState(muted ? "muted" : "on", "");
    }
  }

  /** Uses another device, now and from now on. */
  pick(deviceId: string): void {
    this.#deviceId = deviceId;
    memory.set(deviceId);
    void this.#list();
    if (this.wanted) {
      this.stop();
      void this.start();
    }
  }

  /** Brings out what is captured but not yet a whole chunk; then calls `done`. */
  flush(done: () => void): void {
    if (!this.#capture) {
      done();
      return;
    }
    this.#flushCallbacks.push(done);
    this.#capture.node.port.postMessage({ kind: "flush" } satisfies ToCapture);
    this.#capture.scope.timeout(() => this.#finishFlush(), FLUSH_TIMEOUT_MS);
  }

  async #ask(): Promise<MediaStream> {
    if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      throw new DOMException("", "NotSecure");
    }
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    if (this.#deviceId === "") {
      return navigator.mediaDevices.getUserMedia({ audio });
    }
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: { ...audio, deviceId: { exact: this.#deviceId } },
      });
    } catch (error) {
      // The picked one is not there any more: any other is better than none.
      if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name)) {
        return navigator.mediaDevices.getUserMedia({ audio });
      }
      throw error;
    }
  }

  async #connect(stream: MediaStream, generation: number): Promise<Capture | null> {
    const track = stream.getAudioTracks()[0];
    if (!track) {
      throw new DOMException("", "NotFoundError");
    }
    const scope = this.#scope.child();
    scope.add(() => stopTracks(stream));
    try {
      // No rate is asked for: Firefox refuses a microphone in a context of another rate than the device's.
      const context = new AudioContext({ latencyHint: "interactive" });
      closeWith(scope, context);
      context.resume().catch(() => {});
      await addWorklets(context);
      if (generation !== this.#generation || scope.disposed) {
        scope.dispose();
        return null;
      }
      const node = this.#wire(context, stream, scope);
      scope.listen(track, "ended", () => this.#ended());
      testTap().onMicrophone?.(track, context);
      return { scope, track, node };
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }

  #wire(context: AudioContext, stream: MediaStream, scope: Scope): AudioWorkletNode {
    const input = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, "livewidget-capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      outputChannelCount: [1],
    });
    const base = this.#first;
    node.port.onmessage = ({ data }: MessageEvent<FromCapture>) => {
      if (data.kind === "flushed") {
        this.#finishFlush();
        return;
      }
      this.#first = base + data.first + data.samples.length;
      this.#handlers.onChunk(data.samples, base + data.first);
    };
    // It puts out silence; without a way to the destination some browsers never run it.
    input.connect(node).connect(context.destination);
    scope.add(() => {
      node.port.postMessage({ kind: "close" } satisfies ToCapture);
      node.port.onmessage = null;
      input.disconnect();
      node.disconnect();
    });
    return node;
  }

  /** The device went away, or the permission was taken back. */
  #ended(): void {
    this.stop();
    this.#handlers.onProblem(microphoneProblem(new DOMException("", "TrackEnded")));
  }

  #finishFlush(): void {
    for (const done of this.#flushCallbacks.splice(0)) {
      done();
    }
  }

  async #list(): Promise<void> {
    const devices = await listDevices("audioinput");
    if (devices) {
      this.#handlers.onDevices(devices, this.#deviceId);
    }
  }
}
