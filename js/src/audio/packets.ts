// The microphone's audio on its way to the kernel: packets, what waits while the kernel is busy, and what is stale by then.

import { SpeechLevel } from "./levels.ts";

/**
 * Maps a stream's own time to the page's clock. Messages only ever arrive late, so the smallest difference is the true
 * one. It is forgotten after a while: clocks drift, and a frozen page stops one of them.
 */
export class ClockMap {
  readonly #window: number;
  #since = Number.NEGATIVE_INFINITY;
  #smallest = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;

  /** `window` in ms: how long a smallest difference is kept at least. */
  constructor(window = 5000) {
    this.#window = window;
  }

  /** Something of stream time `streamMs` arrived at `now`; returns that stream time on the page's clock. */
  toPageClock(streamMs: number, now: number): number {
    const difference = now - streamMs;
    if (now - this.#since > this.#window) {
      this.#previous = this.#smallest;
      this.#smallest = difference;
      this.#since = now;
    }
    this.#smallest = Math.min(this.#smallest, difference);
    return Math.max(0, streamMs + Math.min(this.#smallest, this.#previous));
  }

  reset(): void {
    this.#since = Number.NEGATIVE_INFINITY;
    this.#smallest = Number.POSITIVE_INFINITY;
    this.#previous = Number.POSITIVE_INFINITY;
  }
}

/** Chosen: with more time between two checks (one each 250 ms) the page was asleep, not the kernel silent. */
const SLEEP_MS = 2000;
/** Time for the kernel to answer then; chosen: three heartbeats. */
const GRACE_MS = 1500;

/** Whether the kernel is alive: each message renews the lease for five seconds (ten heartbeats). */
export class Lease {
  readonly #length: number;
  #ends: number;
  #checked: number;

  /** `first` is longer: the kernel may have to finish a cell before it answers. */
  constructor(now: number, length = 5000, first = 15_000) {
    this.#length = length;
    this.#ends = now + first;
    this.#checked = now;
  }

  renew(now: number): void {
    this.#ends = now + this.#length;
  }

  /** The connection was reported lost: the lease ends soon unless it is renewed. */
  suspect(now: number): void {
    this.#ends = Math.min(this.#ends, now + GRACE_MS);
  }

  /** To be called often; false once the kernel has been silent for too long. */
  isValid(now: number): boolean {
    if (now - this.#checked > SLEEP_MS && now >= this.#ends) {
      this.#ends = now + GRACE_MS;
    }
    this.#checked = now;
    return now < this.#ends;
  }
}

/** Rate of the microphone on the bridge, Hz. */
export const MICROPHONE_RATE = 16_000;

/** How long so many samples of the microphone are. */
export const toMs = (samples: number) => (samples * 1000) / MICROPHONE_RATE;
const toSamples = (milliseconds: number) => (MICROPHONE_RATE * milliseconds) / 1000;

/**
 * Packets are short, for little delay, and long while the kernel lags or nobody speaks, for fewer messages. Chosen; on a
 * socket, where a message costs Jupyter nothing, they are as short as the chunks of the capture worklet.
 */
const SHORT_PACKET = { comm: toSamples(40), socket: toSamples(20) };
const LONG_PACKET = toSamples(100);
/** What waited while the kernel was busy goes in few messages. Chosen: of a longer one too much would be too old at once. */
const WAITED_PACKET = toSamples(500);
/** Nobody speaks after so long without speech; chosen: whoever decides whether a turn is over has decided it by then. */
const QUIET_MS = 2000;
/** Acknowledgements come each 500 ms; older packets than this without one mean that the kernel lags. */
const LAGGING_MS = 400;
/** The kernel is busy when packets are unacknowledged for so long; chosen: two acknowledgements are missing. */
const BUSY_MS = 1000;
/** Audio kept while the kernel is busy; the kernel accepts no longer chunk. */
const MAX_QUEUED_MS = 10_000;
/** Older audio is not worth an answer any more; chosen. */
const STALE_AFTER_MS = 3000;
/** Least time between two repetitions; chosen: two heartbeats. */
const RESEND_MS = 1000;

export interface Chunk {
  /** Position among all samples (16 kHz) that this page's microphone ever gave. */
  first_sample: number;
  /** performance.now() at the first sample. */
  captured_ms: number;
  samples: Int16Array<ArrayBuffer>;
}

export interface Packet extends Chunk {
  seq: number;
  stale: boolean;
  gap_ms: number;
}

interface Sent {
  packet: Packet;
  at: number;
}

const endMs = (chunk: Chunk) => chunk.captured_ms + toMs(chunk.samples.length);
const lengthMs = (chunks: Chunk[]) => chunks.reduce((sum, chunk) => sum + toMs(chunk.samples.length), 0);

function concatenate(chunks: Chunk[]): Chunk {
  const all = new Int16Array(chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0));
  let place = 0;
  for (const chunk of chunks) {
    all.set(chunk.samples, place);
    place += chunk.samples.length;
  }
  return { first_sample: chunks[0]!.first_sample, captured_ms: chunks[0]!.captured_ms, samples: all };
}

/** Audio kept while nothing is sent, to precede the speech that ends the pause; as in livewidget/session/audio_input.py. */
const PAUSE_PREROLL_MS = 500;

/** Leaves out audio while nobody speaks, as `SilenceSuppressor` of livewidget/session/audio_input.py. */
export class SilenceSuppressor {
  /** Pauses after so much audio without speech, in ms; 0: never. */
  afterMs = 0;
  #paused = false;
  #quietMs = 0;
  #preroll: Int16Array<ArrayBuffer>[] = [];

  /** True while nothing is sent. */
  get paused(): boolean {
    return this.#paused;
  }

  /** How much audio without speech was sent last. */
  get quietMs(): number {
    return this.#quietMs;
  }

  /** Takes a piece of audio and returns what is sent now, oldest first. `needed`: it is sent in any case. */
  filter(piece: Int16Array<ArrayBuffer>, needed: boolean): Int16Array<ArrayBuffer>[] {
    if (needed || this.afterMs === 0) {
      return [...this.resume(), piece];
    }
    if (this.#paused) {
      this.#preroll.push(piece);
      let kept = this.#preroll.reduce((sum, { length }) => sum + toMs(length), 0);
      while (kept - toMs(this.#preroll[0]!.length) >= PAUSE_PREROLL_MS) {
        kept -= toMs(this.#preroll.shift()!.length);
      }
      return [];
    }
    this.#quietMs += toMs(piece.length);
    this.#paused = this.#quietMs >= this.afterMs;
    return [piece];
  }

  /** Ends the pause, and returns the audio that was kept. */
  resume(): Int16Array<ArrayBuffer>[] {
    this.#paused = false;
    this.#quietMs = 0;
    return this.#preroll.splice(0);
  }
}

/** Puts together what follows on each other, up to so many samples each. */
function joined(chunks: Chunk[], most: number): Chunk[] {
  const groups: Chunk[][] = [];
  let length = 0;
  for (const chunk of chunks) {
    const last = groups.at(-1)?.at(-1);
    const follows = last && last.first_sample + last.samples.length === chunk.first_sample;
    if (follows && length + chunk.samples.length <= most) {
      groups.at(-1)!.push(chunk);
      length += chunk.samples.length;
    } else {
      groups.push([chunk]);
      length = chunk.samples.length;
    }
  }
  return groups.map(concatenate);
}

/** Sends chunks as they come, and holds them back while the kernel is busy. Times are performance.now(). */
export class PacketQueue {
  readonly #send: (packet: Packet) => void;
  #seq = 0;
  #short = SHORT_PACKET.comm;
  #size = this.#short;
  readonly #level = new SpeechLevel();
  #quietMs = 0;
  /** Too short to be sent yet. */
  #gathering: Chunk[] = [];
  #unacked: Sent[] = [];
  #waiting: Chunk[] = [];
  #busy = false;
  #lastEnd: number | null = null;
  #resentMs = Number.NEGATIVE_INFINITY;
  #acked = 0;
  #ackedMs = Number.NEGATIVE_INFINITY;
  #busyMs = 0;
  #onDrained: (() => void)[] = [];

  constructor(send: (packet: Packet) => void) {
    this.#send = send;
  }

  /** True while the kernel is alive but does not acknowledge packets. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Adds audio that should reach the kernel now. */
  add(chunk: Chunk, now: number): void {
    const before = this.#gathering.at(-1);
    if (before && before.first_sample + before.samples.length !== chunk.first_sample) {
      this.#sendGathered(now);
    }
    this.#gathering.push(chunk);
    const isSpeech = this.#level.isSpeech(chunk.samples);
    this.#quietMs = isSpeech ? 0 : this.#quietMs + toMs(chunk.samples.length);
    const size = this.#quietMs > QUIET_MS ? LONG_PACKET : this.#size;
    if (this.#gathering.reduce((sum, part) => sum + part.samples.length, 0) >= size) {
      this.#sendGathered(now);
    }
  }

  /** Sends what is gathered, however short; calls `done` once it is sent: now, or when the kernel is no longer busy. */
  flush(now: number, done: () => void = () => {}): void {
    this.#sendGathered(now);
    if (this.#busy) {
      this.#onDrained.push(done);
    } else {
      done();
    }
  }

  /** The kernel has received everything up to `ack`; with `resend` it reports a gap. */
  heartbeat(ack: number, resend: boolean, now: number): void {
    if (ack > this.#acked) {
      this.#acked = ack;
      this.#ackedMs = now;
    }
    this.#unacked = this.#unacked.filter((sent) => sent.packet.seq > ack);
    const oldest = this.#unacked[0];
    const age = oldest ? now - oldest.at : 0;
    this.#size = age > LAGGING_MS ? LONG_PACKET : this.#short;
    if (this.#busy) {
      this.#checkRecovery(now);
    } else if (age > BUSY_MS) {
      this.#busy = true;
      this.#busyMs = now;
      this.#size = LONG_PACKET;
    } else if (resend && now - this.#resentMs > RESEND_MS) {
      this.#resentMs = now;
      this.#resend(now);
    }
  }

  /**
   * Packets take another way from now on: those that are not acknowledged may be lost on the last one and go again, and what
   * kept them waiting there counts no more.
   */
  changeWay(way: "comm" | "socket", now: number): void {
    this.#short = SHORT_PACKET[way];
    this.#size = this.#short;
    this.#resend(now);
    if (this.#busy) {
      this.#recover(now);
    }
  }

  /** The microphone is off: earlier audio must not be sent any more. */
  clear(): void {
    this.#gathering = [];
    this.#waiting = [];
    this.#unacked = [];
    this.#busy = false;
    this.#size = this.#short;
    this.#lastEnd = null;
    for (const done of this.#onDrained.splice(0)) {
      done();
    }
  }

  /** Ends the pause once everything is acknowledged, or a part is and the rest seems lost. */
  #checkRecovery(now: number): void {
    const moved = this.#ackedMs >= this.#busyMs;
    if (this.#acked >= this.#seq) {
      this.#recover(now);
    } else if (moved && now - this.#ackedMs >= BUSY_MS) {
      this.#resend(now);
      this.#recover(now);
    }
  }

  #sendGathered(now: number): void {
    if (this.#gathering.length === 0) {
      return;
    }
    const chunk = concatenate(this.#gathering);
    this.#gathering = [];
    if (this.#busy) {
      this.#waiting.push(chunk);
      while (lengthMs(this.#waiting) > MAX_QUEUED_MS) {
        this.#waiting.shift();
      }
    } else {
      this.#sendPacket(chunk, now, false, 0);
    }
  }

  #sendPacket(chunk: Chunk, now: number, stale: boolean, gap: number): void {
    this.#seq += 1;
    const packet: Packet = { ...chunk, seq: this.#seq, stale, gap_ms: Math.max(0, Math.round(gap)) };
    this.#unacked.push({ packet, at: now });
    while (lengthMs(this.#unacked.map((sent) => sent.packet)) > MAX_QUEUED_MS) {
      this.#unacked.shift();
    }
    this.#lastEnd = endMs(chunk);
    this.#send(packet);
  }

  /** The kernel answers again: after a short pause everything is sent, after a long one the newest, marked stale. */
  #recover(now: number): void {
    this.#busy = false;
    this.#size = this.#short;
    const before = this.#lastEnd;
    const long = lengthMs(this.#waiting) > STALE_AFTER_MS;
    let waiting = this.#waiting;
    this.#waiting = [];
    if (long) {
      waiting = waiting.filter((chunk) => endMs(chunk) > now - STALE_AFTER_MS);
    }
    joined(waiting, WAITED_PACKET).forEach((chunk, place) => {
      const gap = long && place === 0 && before !== null ? chunk.captured_ms - before : 0;
      this.#sendPacket(chunk, now, long, gap);
    });
    for (const done of this.#onDrained.splice(0)) {
      done();
    }
  }

  /** Sends again what the kernel reports as missing. */
  #resend(now: number): void {
    for (const sent of this.#unacked) {
      const age = now - endMs(sent.packet);
      this.#send({ ...sent.packet, stale: sent.packet.stale || age > STALE_AFTER_MS });
      sent.at = now;
    }
  }
}
