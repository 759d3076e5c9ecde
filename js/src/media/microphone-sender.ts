// Which of the microphone's audio reaches the kernel: between the capture worklet and the packet queue.

import { peakOf, SilenceWatch } from "../audio/levels.ts";
import { type Chunk, ClockMap, MICROPHONE_RATE, type Packet, Uplink } from "../audio/packets.ts";

/** Push-to-talk sends so much of what was said just before the press. */
const PREROLL_MS = 200;
/** Two chunks of 20 ms make one bar of the waveform. */
const BAR_SAMPLES = MICROPHONE_RATE / 25;

export interface VoiceEars {
  /** A packet for the microphone lane. */
  send(packet: Packet): void;
  /** Push-to-talk begins or ends; in order with the packets. */
  activity(active: boolean): void;
  /** The peak of the next bar, 0..1. */
  level(peak: number): void;
  /** The microphone has given nothing for 5 s; or gives something again. */
  silent(silent: boolean): void;
  /** The kernel does not take what it is sent; or takes it again. */
  busy(busy: boolean): void;
}

export interface Gate {
  /** The session is live, this page has its voice, and the microphone is not muted. */
  live: boolean;
  pushToTalk: boolean;
}

export class Voice {
  readonly #ears: VoiceEars;
  readonly #now: () => number;
  readonly #uplink: Uplink;
  readonly #clock = new ClockMap();
  readonly #silence = new SilenceWatch();
  #gate: Gate = { live: false, pushToTalk: false };
  #talking = false;
  #before: Chunk[] = [];
  #bar = { peak: 0, samples: 0 };
  #busy = false;
  #silent = false;

  constructor(ears: VoiceEars, now: () => number) {
    this.#ears = ears;
    this.#now = now;
    this.#uplink = new Uplink((packet) => ears.send(packet));
  }

  get talking(): boolean {
    return this.#talking;
  }

  /** True while the kernel does not take what it is sent. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Sets what may pass. What was captured before and is under way still goes out. */
  open(gate: Gate): void {
    const was = this.#gate;
    this.#gate = gate;
    if (was.live && !gate.live) {
      this.#uplink.flush(this.#now());
      this.#talking = false;
    }
    if (was.pushToTalk !== gate.pushToTalk) {
      this.release();
    }
  }

  /** Takes a chunk from the capture worklet. */
  chunk(samples: Int16Array<ArrayBuffer>, first: number): void {
    const now = this.#now();
    const length = (samples.length * 1000) / MICROPHONE_RATE;
    const streamMs = (first * 1000) / MICROPHONE_RATE;
    // It is complete when its last sample is.
    const captured_ms = Math.max(0, this.#clock.seen(streamMs + length, now) - length);
    this.#measure(samples, length);
    const chunk: Chunk = { first_sample: first, captured_ms, samples };
    if (this.#gate.live && (!this.#gate.pushToTalk || this.#talking)) {
      this.#uplink.add(chunk, now);
    } else {
      this.#remember(chunk);
    }
  }

  /** Push-to-talk is pressed: says so, then sends from a little before. */
  press(): void {
    if (!this.#gate.live || !this.#gate.pushToTalk || this.#talking) {
      return;
    }
    this.#talking = true;
    this.#ears.activity(true);
    const now = this.#now();
    for (const chunk of this.#before.splice(0)) {
      this.#uplink.add(chunk, now);
    }
  }

  /** Push-to-talk is let go, and the tail is in: sends the rest, then says so. */
  release(): void {
    if (this.#talking) {
      this.#talking = false;
      this.#uplink.flush(this.#now(), () => this.#ears.activity(false));
    }
  }

  /** The kernel has taken packets up to `ack`. */
  heartbeat(ack: number, resend: boolean): void {
    this.#uplink.heartbeat(ack, resend, this.#now());
    this.#tellBusy();
  }

  /** The microphone was given back. */
  off(): void {
    this.#talking = false;
    this.#before = [];
    this.#uplink.clear();
    this.#clock.reset();
    this.#tellBusy();
    this.quiet();
  }

  /** Silence is wanted now: muted or off. */
  quiet(): void {
    this.#silence.reset();
    this.#tellSilent(false);
  }

  #remember(chunk: Chunk): void {
    this.#before.push(chunk);
    while (this.#before.length > 0 && this.#before[0]!.captured_ms < chunk.captured_ms - PREROLL_MS) {
      this.#before.shift();
    }
  }

  #measure(samples: Int16Array, length: number): void {
    const peak = peakOf(samples);
    this.#bar.peak = Math.max(this.#bar.peak, peak);
    this.#bar.samples += samples.length;
    if (this.#bar.samples >= BAR_SAMPLES) {
      this.#ears.level(this.#bar.peak);
      this.#bar = { peak: 0, samples: 0 };
    }
    this.#tellSilent(this.#silence.hear(peak, length));
  }

  #tellSilent(silent: boolean): void {
    if (silent !== this.#silent) {
      this.#silent = silent;
      this.#ears.silent(silent);
    }
  }

  #tellBusy(): void {
    if (this.#uplink.busy !== this.#busy) {
      this.#busy = this.#uplink.busy;
      this.#ears.busy(this.#busy);
    }
  }
}
