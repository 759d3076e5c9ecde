// Which of the microphone's audio is sent: between the capture worklet and the packet queue, which takes it to the kernel, or
// the page's own socket to the service.

import { peakOf } from "../audio/levels.ts";
import { type Chunk, ClockMap, MICROPHONE_RATE, type Packet, PacketQueue } from "../audio/packets.ts";

/** How much audio before the press push-to-talk sends; chosen: people press a little late. */
const PREROLL_MS = 200;
/** How much is kept while the session is started; chosen: as much as the packet queue keeps of a busy kernel. */
const STARTING_MS = 10_000;
/** 40 ms, two chunks of the worklet, make one bar of the waveform. */
const BAR_SAMPLES = MICROPHONE_RATE / 25;

interface MicrophoneSenderHandlers {
  /** Audio for the page's own socket, which has a queue of its own. */
  onAudio(samples: Int16Array<ArrayBuffer>): void;
  /** A packet is ready for the microphone lane. */
  onPacket(packet: Packet): void;
  /** Push-to-talk begins or ends, in order with the packets. */
  onActivity(active: boolean): void;
  /** The peak of the next bar of the waveform, 0..1. */
  onLevel(peak: number): void;
  /** The kernel stopped acknowledging packets, or does so again. */
  onBusy(busy: boolean): void;
}

interface Gate {
  /** The kernel takes audio for a session, this page owns it, and the microphone is on. */
  open: boolean;
  /** A session was asked for: what is said until the gate opens is kept, and sent then. */
  starting: boolean;
  pushToTalk: boolean;
  /** Audio goes to the page's own socket. */
  direct?: boolean;
  /** The kernel is to hear it too: its explorer shows it. */
  monitored?: boolean;
}

export class MicrophoneSender {
  readonly #handlers: MicrophoneSenderHandlers;
  readonly #now: () => number;
  readonly #queue: PacketQueue;
  readonly #clock = new ClockMap();
  #gate: Gate = { open: false, starting: false, pushToTalk: false };
  #pressed = false;
  #preroll: Chunk[] = [];
  #bar = { peak: 0, samples: 0 };
  #busy = false;

  constructor(handlers: MicrophoneSenderHandlers, now: () => number) {
    this.#handlers = handlers;
    this.#now = now;
    this.#queue = new PacketQueue((packet) => handlers.onPacket(packet));
  }

  get pressed(): boolean {
    return this.#pressed;
  }

  /** True while the kernel does not acknowledge packets that it is to send on. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Sets what may pass. What was captured before is still sent. */
  setGate(gate: Gate): void {
    const was = this.#gate;
    this.#gate = gate;
    if ((was.open && !gate.open) || was.pushToTalk !== gate.pushToTalk) {
      this.#queue.flush(this.#now());
      this.release();
    }
    if (gate.direct && !gate.monitored && (!was.direct || was.monitored)) {
      this.#queue.clear();
      this.#updateBusy();
    }
    if (!was.open && gate.open && was.starting && !gate.pushToTalk) {
      this.#sendPreroll();
    }
  }

  /** Takes a chunk from the capture worklet. */
  addChunk(samples: Int16Array<ArrayBuffer>, first: number): void {
    const now = this.#now();
    const length = (samples.length * 1000) / MICROPHONE_RATE;
    const streamMs = (first * 1000) / MICROPHONE_RATE;
    // A chunk arrives when its last sample was captured.
    const captured_ms = Math.max(0, this.#clock.toPageClock(streamMs + length, now) - length);
    this.#measure(samples);
    const chunk: Chunk = { first_sample: first, captured_ms, samples };
    if (this.#gate.open && (!this.#gate.pushToTalk || this.#pressed)) {
      this.#pass(chunk, now);
    } else {
      this.#keepPreroll(chunk);
    }
  }

  /** Push-to-talk was pressed: announces it, then sends from a little before. */
  press(): void {
    if (!this.#gate.open || !this.#gate.pushToTalk || this.#pressed) {
      return;
    }
    this.#pressed = true;
    this.#handlers.onActivity(true);
    this.#sendPreroll();
  }

  /** Push-to-talk was released and the last samples are in: sends the rest, then announces it. */
  release(): void {
    if (this.#pressed) {
      this.#pressed = false;
      if (this.#gate.direct) {
        this.#handlers.onActivity(false);
      } else {
        this.#queue.flush(this.#now(), () => this.#handlers.onActivity(false));
      }
    }
  }

  /** The kernel has received packets up to `ack`. */
  heartbeat(ack: number, resend: boolean): void {
    this.#queue.heartbeat(ack, resend, this.#now());
    this.#updateBusy();
  }

  /** Packets take another way from now on; those that may be lost are sent again. */
  changeWay(way: "comm" | "socket"): void {
    this.#queue.changeWay(way, this.#now());
    this.#updateBusy();
  }

  /** The microphone stood still and goes on: its clock and the page's differ by more than before. */
  restartClock(): void {
    // What was captured before is not joined with what comes: it would make that look as old.
    this.#queue.flush(this.#now());
    this.#clock.reset();
  }

  /** The microphone was given back. A press ends with it, and the kernel is told so. */
  reset(): void {
    this.release();
    this.#preroll = [];
    this.#queue.clear();
    this.#clock.reset();
    this.#updateBusy();
  }

  #sendPreroll(): void {
    const now = this.#now();
    for (const chunk of this.#preroll.splice(0)) {
      this.#pass(chunk, now);
    }
  }

  #pass(chunk: Chunk, now: number): void {
    if (this.#gate.direct) {
      this.#handlers.onAudio(chunk.samples);
    }
    if (!this.#gate.direct || this.#gate.monitored) {
      this.#queue.add(chunk, now);
    }
  }

  #keepPreroll(chunk: Chunk): void {
    const kept = this.#gate.starting && !this.#gate.pushToTalk ? STARTING_MS : PREROLL_MS;
    this.#preroll.push(chunk);
    while (this.#preroll.length > 0 && this.#preroll[0]!.captured_ms < chunk.captured_ms - kept) {
      this.#preroll.shift();
    }
  }

  #measure(samples: Int16Array): void {
    const peak = peakOf(samples);
    this.#bar.peak = Math.max(this.#bar.peak, peak);
    this.#bar.samples += samples.length;
    if (this.#bar.samples >= BAR_SAMPLES) {
      this.#handlers.onLevel(this.#bar.peak);
      this.#bar = { peak: 0, samples: 0 };
    }
  }

  #updateBusy(): void {
    // A kernel that only listens along keeps nothing waiting.
    const busy = this.#queue.busy && !this.#gate.direct;
    if (busy !== this.#busy) {
      this.#busy = busy;
      this.#handlers.onBusy(this.#busy);
    }
  }
}
