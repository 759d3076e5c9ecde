// The microphone: taken on a click at the device's own rate, read by the capture worklet.

import type { FromCapture, ToCapture } from "../audio/pcm.ts";
import type { MicrophoneProbe } from "../audio/sound-watch.ts";
import { NOT_SECURE_PAGE } from "../notices.ts";
import type { Scope } from "../scope.ts";
import type { MicrophoneState } from "../state.ts";
import { addWorklets, closeWith, resume, testTap } from "./context.ts";
import {
  type AbsentState,
  DeviceCapture,
  type DeviceHandlers,
  type DeviceProblem,
  explainProblem,
  isAllowed,
  type ProblemTexts,
  problemCodes,
  requestDevice,
} from "./devices.ts";

export interface MicrophoneHandlers extends DeviceHandlers<MicrophoneState> {
  /** `first` counts 16 kHz samples since this page opened its first microphone. */
  onChunk(samples: Int16Array<ArrayBuffer>, first: number): void;
  /** What `probe` returns may have changed. */
  onChange(): void;
}

/** What a microphone that is on is connected to. */
interface Capture {
  scope: Scope;
  track: MediaStreamTrack;
  context: AudioContext;
  node: AudioWorkletNode;
}

const CONSTRAINTS = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

/** Told to every card of this browser page, whatever kernel or copy of this code it belongs to. */
const TAKEN = "livewidget:microphone-taken";

interface Taken {
  by: object;
  name: string;
  /** Names of the cards that had the microphone; each adds its own. */
  from: string[];
}

/**
 * One microphone for all cards of a page: two that hear one sentence would both answer it. `giveUp` is told which card has
 * it now, and returns whether this one had it. Returns a function to be called when the microphone is on, which returns
 * the names of the cards that gave it up.
 */
export function shareMicrophone(
  scope: Scope,
  card: { name(): string; giveUp(to: string): boolean },
): () => string[] {
  const me = {};
  scope.listen<CustomEvent<Taken>>(window, TAKEN, ({ detail }) => {
    if (detail.by !== me && card.giveUp(detail.name)) {
      detail.from.push(card.name());
    }
  });
  return () => {
    const detail: Taken = { by: me, name: card.name(), from: [] };
    window.dispatchEvent(new CustomEvent(TAKEN, { detail }));
    return detail.from;
  };
}

/** How long the worklet may take to hand over its last samples; chosen: it answers within one render quantum. */
const FLUSH_TIMEOUT_MS = 100;

const TEXTS: ProblemTexts = {
  refused:
    "The browser refused the microphone. Click the camera icon in the address bar, allow the microphone for this page, then press ● again. You can type meanwhile.",
  blocked:
    "The program that shows this notebook keeps the microphone from it. Open the notebook in a browser, at its own address, to speak. You can type meanwhile.",
  missing:
    "No microphone was found. Plug one in or switch it on, then press ● again. You can type meanwhile.",
  busy: "The microphone cannot be opened: another program may be using it. Close that program or pick another microphone in the settings, then press ● again.",
  ended: "The microphone went away. Check that it is connected and switched on, then press ● again.",
  unplugged: "The microphone was unplugged. Plug it in or pick another in the settings, then press ● again.",
  revoked:
    "The browser took back the permission for the microphone. Allow it again beside the address of the page, then press ● again.",
  failed: "The microphone could not be started. Reload the page and press ● again. You can type meanwhile.",
  "not-secure": NOT_SECURE_PAGE.text,
};

/** Codes of the notices that no longer hold once the microphone is started again. */
export const MICROPHONE_PROBLEMS: readonly string[] = problemCodes("microphone");

export function microphoneProblem(
  error: unknown,
  isFrameAllowed = () => isAllowed("microphone"),
): DeviceProblem<AbsentState> {
  return explainProblem(error, "microphone", TEXTS, isFrameAllowed);
}

export class Microphone {
  readonly #handlers: MicrophoneHandlers;
  readonly #device: DeviceCapture<Capture, MicrophoneState>;
  #first = 0;
  /** Muted by the person at this card: others may disable the track as well. */
  #muted = false;
  #flushCallbacks: (() => void)[] = [];

  constructor(scope: Scope, handlers: MicrophoneHandlers) {
    this.#handlers = handlers;
    this.#device = new DeviceCapture(scope, "audioinput", "livewidget.microphone", handlers);
  }

  /** True from the click until it is released. */
  get isWanted(): boolean {
    return this.#device.isWanted;
  }

  get muted(): boolean {
    return this.#muted && this.#device.connection !== null;
  }

  /** What can be found out about a microphone that is on and not muted here; else null. */
  get probe(): MicrophoneProbe | null {
    const capture = this.#device.connection;
    if (!capture || this.#muted) {
      return null;
    }
    const { context, track } = capture;
    return {
      context: context.state,
      muted: track.muted || !track.enabled,
      ended: track.readyState === "ended",
    };
  }

  /** Makes a suspended microphone run again. To be called from a click or a key, or when the page is seen again. */
  resume(): void {
    resume(this.#device.connection?.context);
  }

  /** Takes the microphone. To be called from a click or a key only. */
  async start(): Promise<void> {
    if (!this.isWanted) {
      this.#muted = false;
      await this.#device.start({
        ask: (deviceId) => requestDevice("audio", CONSTRAINTS, deviceId),
        connect: (stream, track, scope) => this.#connect(stream, track, scope),
        explain: (error) => microphoneProblem(error),
        permission: "microphone",
      });
    }
  }

  stop(): void {
    this.#device.stop();
  }

  mute(muted: boolean): void {
    const capture = this.#device.connection;
    if (capture && this.#muted !== muted) {
      this.#muted = muted;
      capture.track.enabled = !muted;
      this.#handlers.onState(muted ? "muted" : "on", "");
    }
  }

  /** Uses another device, now and from now on. */
  pick(deviceId: string): void {
    this.#device.pick(deviceId);
    if (this.isWanted) {
      this.stop();
      void this.start();
    }
  }

  /** Delivers what is captured but not yet a whole chunk; then calls `done`. */
  flush(done: () => void): void {
    const capture = this.#device.connection;
    if (!capture) {
      done();
      return;
    }
    this.#flushCallbacks.push(done);
    capture.node.port.postMessage({ kind: "flush" } satisfies ToCapture);
    capture.scope.timeout(() => this.#finishFlush(), FLUSH_TIMEOUT_MS);
  }

  async #connect(stream: MediaStream, track: MediaStreamTrack, scope: Scope): Promise<Capture | null> {
    // No rate is asked for: Firefox refuses a microphone in a context of another rate than the device's.
    const context = new AudioContext({ latencyHint: "interactive" });
    closeWith(scope, context);
    resume(context);
    scope.listen(context, "statechange", () => this.#handlers.onChange());
    for (const type of ["mute", "unmute"]) {
      scope.listen(track, type, () => this.#handlers.onChange());
    }
    await addWorklets(context);
    if (scope.disposed) {
      return null;
    }
    const node = this.#wire(context, stream, scope);
    testTap().onMicrophone?.(track, context);
    return { scope, track, context, node };
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
    // It outputs silence; some browsers never run a node that is not connected to the destination.
    input.connect(node).connect(context.destination);
    scope.add(() => {
      this.#finishFlush();
      node.port.postMessage({ kind: "close" } satisfies ToCapture);
      node.port.onmessage = null;
      input.disconnect();
      node.disconnect();
    });
    return node;
  }

  #finishFlush(): void {
    for (const done of this.#flushCallbacks.splice(0)) {
      done();
    }
  }
}
