// Which of the microphone's audio reaches the kernel: between the capture worklet and the packet queue.

import { peakOf, SilenceDetector } from "../audio/levels.ts";
import { type Chunk, ClockMap, MICROPHONE_RATE, type Packet, PacketQueue } from "../audio/packets.ts";

/** How much audio before the press push-to-talk sends; chosen: people press a little late. */
const PREROLL_MS = 200;
/** 40 ms, two chunks of the worklet, make one bar of the waveform. */
const BAR_SAMPLES = MICROPHONE_RATE / 25;

interface MicrophoneSenderHandlers {
  /** A packet is ready for the microphone lane. */
  onPacket(packet: Packet): void;
  /** Push-to-talk begins or ends, in order with the packets. */
  onActivity(active: boolean): void;
  /** The peak of the next bar of the waveform, 0..1. */
  onLevel(peak: number): void;
  /** The microphone has been silent for too long, or is so no longer. */
  onSilent(silent: boolean): void;
  /** The kernel stopped acknowledging packets, or does so again. */
  onBusy(busy: boolean): void;
}

interface Gate {
  /** The session is live, this page owns its audio, and the microphone is on. */
  live: boolean;
  pushToTalk: boolean;
}

export class MicrophoneSender {
  readonly #handlers: MicrophoneSenderHandlers;
  readonly #now: () => number;
  readonly #queue: PacketQueue;
  readonly #clock = new ClockMap();
  readonly #silenceDetector = new SilenceDetector();
  #gate: Gate = { live: false, pushToTalk: false };
  #pressed = false;
  #preroll: Chunk[] = [];
  #bar = { peak: 0, samples: 0 };
  #busy = false;
  #silent = false;

  constructor(handlers: MicrophoneSenderHandlers, now: () => number) {
    this.#handlers = handlers;
    this.#now = now;
    this.#queue = new PacketQueue((packet) => handlers.onPacket(packet));
  }

  get pressed(): boolean {
    return this.#pressed;
  }

  /** True while the kernel does not acknowledge packets. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Sets what may pass. What was captured before is still sent. */
  setGate(gate: Gate): void {
    const was = this.#gate;
    this.#gate = gate;
    if (was.live && !gate.live) {
      this.#queue.flush(this.#now());
      this.#pressed = false;
    }
    if (was.pushToTalk !== gate.pushToTalk) {
      this.release();
    }
  }

  /** Takes a chunk from the capture worklet. */
  addChunk(samples: Int16Array<ArrayBuffer>, first: number): void {
    const now = this.#now();
    const length = (samples.length * 1000) / MICROPHONE_RATE;
    const streamMs = (first * 1000) / MICROPHONE_RATE;
    // A chunk arrives when its last sample was captured.
    const captured_ms = Math.max(0, this.#clock.toPageClock(streamMs + length, now) - length);
    this.#measure(samples, length);
    const chunk: Chunk = { first_sample: first, captured_ms, samples };
    if (this.#gate.live && (!this.#gate.pushToTalk || this.#pressed)) {
      this.#queue.add(chunk, now);
    } else {
      this.#keepPreroll(chunk);
    }
  }

  /** Push-to-talk was pressed: announces it, then sends from a little before. */
  press(): void {
    if (!this.#gate.live || !this.#gate.pushToTalk || this.#pressed) {
      return;
    }
    this.#pressed = true;
    this.#handlers.onActivity(true);
    const now = this.#now();
    for (const chunk of this.#preroll.splice(0)) {
      this.#queue.add(chunk, now);
    }
  }

  /** Push-to-talk was released and the last samples are in: sends the rest, then announces it. */
  release(): void {
    if (this.#pressed) {
      this.#pressed = false;
      this.#queue.flush(this.#now(), () => this.#handlers.onActivity(false));
    }
  }

  /** The kernel has received packets up to `ack`. */
  heartbeat(ack: number, resend: boolean): void {
    this.#queue.heartbeat(ack, resend, this.#now());
    this.#updateBusy();
  }

  /** The microphone was released. */
  reset(): void {
    this.#pressed = false;
    this.#preroll = [];
    this.#queue.clear();
    this.#clock.reset();
    this.#updateBusy();
    this.resetSilence();
  }

  /** Silence is expected now: the microphone is muted or off. */
  resetSilence(): void {
    this.#silenceDetector.reset();
    this.#setSilent(false);
  }

  #keepPreroll(chunk: Chunk): void {
    this.#preroll.push(chunk);
    while (this.#preroll.length > 0 && this.#preroll[0]!.captured_ms < chunk.captured_ms - PREROLL_MS) {
      this.#preroll.shift();
    }
  }

  #measure(samples: Int16Array, length: number): void {
    const peak = peakOf(samples);
    this.#bar.peak = Math.max(this.#bar.peak, peak);
    this.#bar.samples += samples.length;
    if (this.#bar.samples >= BAR_SAMPLES) {
      this.#handlers.onLevel(this.#bar.peak);
      this.#bar = { peak: 0, samples: 0 };
    }
    this.#setSilent(this.#silenceDetector.observe(peak, length));
  }

  #setSilent(silent: boolean): void {
    if (silent !== this.#silent) {
      this.#silent = silent;
      this.#handlers.onSilent(silent);
    }
  }

  #updateBusy(): void {
    if (this.#queue.busy !== this.#busy) {
      this.#busy = this.#queue.busy;
      this.#handlers.onBusy(this.#busy);
    }
  }
}
