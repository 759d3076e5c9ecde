// What the loudspeaker plays: chunks of turns in, device quanta out, and an exact account of what was played.
// Without any browser API: the playback worklet drives it, and tests can too.

import { Resampler } from "./resampler.ts";

export class Ring {
  #samples: Float32Array;
  #read = 0;
  #length = 0;

  /** A ring buffer of `capacity` samples that doubles when more is written. */
  constructor(capacity: number) {
    this.#samples = new Float32Array(Math.max(1, capacity));
  }

  /** Samples that wait to be read. */
  get length(): number {
    return this.#length;
  }

  write(samples: Float32Array): void {
    if (this.#length + samples.length > this.#samples.length) {
      this.#grow(this.#length + samples.length);
    }
    const start = (this.#read + this.#length) % this.#samples.length;
    const head = Math.min(samples.length, this.#samples.length - start);
    this.#samples.set(samples.subarray(0, head), start);
    this.#samples.set(samples.subarray(head), 0);
    this.#length += samples.length;
  }

  /** Moves up to `out.length` samples into `out`; returns how many. */
  read(out: Float32Array): number {
    const count = Math.min(out.length, this.#length);
    const head = Math.min(count, this.#samples.length - this.#read);
    out.set(this.#samples.subarray(this.#read, this.#read + head));
    out.set(this.#samples.subarray(0, count - head), head);
    this.#read = (this.#read + count) % this.#samples.length;
    this.#length -= count;
    return count;
  }

  clear(): void {
    this.#read = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    let capacity = this.#samples.length;
    while (capacity < needed) {
      capacity *= 2;
    }
    const kept = new Float32Array(capacity);
    const length = this.read(kept);
    this.#samples = kept;
    this.#read = 0;
    this.#length = length;
  }
}

/** Sample rate of all model audio on the bridge, Hz; the service sends 24 kHz. */
export const MODEL_AUDIO_RATE = 24_000;

const toSamples = (ms: number) => (MODEL_AUDIO_RATE * ms) / 1000;

/** Audio that is buffered before a turn starts to play; chosen: covers the usual jitter, adds little delay. */
const START_SAMPLES = toSamples(100);
/** Audio that is buffered after a gap; shorter, since a long refill makes the gap longer. */
const REFILL_SAMPLES = toSamples(70);
/** A turn starts after this time even with less in the buffer: its end may not be announced. */
const START_TIMEOUT_S = 0.3;
/** A turn without audio for this long is over, whether or not its end was announced. */
const END_TIMEOUT_S = 2;
/** Length of a fade; chosen: too short to hear, long enough to avoid a click. */
const RAMP_S = 0.005;

/** A run of samples of one turn, and where it begins in the resampler's input. */
interface Segment {
  turn: number;
  first: number;
  start: number;
  length: number;
}

interface Written {
  turn: number;
  first: number;
  samples: Float32Array;
}

/** The last sample (24 kHz) of a turn that went to the device. */
export interface PlaybackPosition {
  turn: number;
  sample: number;
}

interface PlayoutReport extends PlaybackPosition {
  /** Samples (24 kHz) that wait. */
  buffered: number;
  /** Silence inserted inside turns since the page was opened, in 24 kHz samples. */
  silent: number;
}

type Phase = "idle" | "filling" | "playing" | "fading";

export class Playout {
  readonly #rate: number;
  readonly #resampler: Resampler;
  readonly #ring = new Ring(MODEL_AUDIO_RATE * 8);
  readonly #scratch = new Float32Array(64);
  readonly #step: number;
  #segments: Segment[] = [];
  #phase: Phase = "idle";
  #target = START_SAMPLES;
  #waitedFrames = 0;
  #gain = 0;
  #lastOutput = 0;
  #silent = 0;
  /** Stream position after the last sample written, whether in the resampler or still in the ring. */
  #written = 0;
  /** True once the newest turn is complete. */
  #closed = true;
  /** True between the first and the last sample played of a turn. */
  #insideTurn = false;
  #drained = true;
  #position: PlaybackPosition = { turn: 0, sample: 0 };
  #afterFade: (() => void)[] = [];
  #onFlushed: ((heard: PlaybackPosition) => void) | null = null;

  /** `rate` is the device's sample rate in Hz. */
  constructor(rate: number) {
    this.#rate = rate;
    this.#resampler = new Resampler(MODEL_AUDIO_RATE, rate);
    this.#step = 1 / (rate * RAMP_S);
  }

  /** Adds samples (-1..1, 24 kHz) of `turn` from its sample `first` on; what was written already is skipped. */
  write(turn: number, first: number, voice: Float32Array): void {
    if (this.#phase === "fading") {
      this.#afterFade.push(() => this.write(turn, first, voice));
      return;
    }
    const newest = this.#segments.at(-1);
    const known = newest?.turn === turn ? newest.first + newest.length - first : 0;
    if (known >= voice.length && known > 0) {
      return;
    }
    this.#append({ turn, first: first + Math.max(0, known), samples: voice.subarray(Math.max(0, known)) });
    this.#closed = false;
    if (this.#phase === "idle") {
      this.#startFilling(START_SAMPLES);
    }
  }

  /** No more samples come for `turn`. */
  end(turn: number): void {
    if (this.#phase === "fading") {
      this.#afterFade.push(() => this.end(turn));
    } else if (this.#segments.at(-1)?.turn === turn) {
      this.#closed = true;
    }
  }

  /** Drops everything; what is playing fades out in 5 ms, then `done` gets the last sample played. */
  flush(done: (heard: PlaybackPosition) => void): void {
    if (this.#phase === "fading") {
      this.#afterFade.push(() => this.flush(done));
      return;
    }
    this.#onFlushed = done;
    if (this.#phase === "playing") {
      this.#phase = "fading";
    } else {
      this.#reset();
    }
  }

  report(): PlayoutReport {
    return { ...this.#position, buffered: this.#buffered, silent: Math.round(this.#silent) };
  }

  /** Fills one quantum for the device. */
  render(out: Float32Array): void {
    if (this.#phase === "filling" && this.#ready()) {
      this.#phase = "playing";
      this.#insideTurn = true;
    }
    let done = 0;
    while (done < out.length && (this.#phase === "playing" || this.#phase === "fading")) {
      const made = this.#resampler.pull(out, done, Math.min(out.length - done, this.#limit));
      this.#applyRamp(out, done, made);
      done += made;
      if (made === 0) {
        this.#feed();
      }
    }
    this.#updatePosition();
    if (done < out.length) {
      this.#renderSilence(out.subarray(done));
    }
  }

  get #buffered(): number {
    return Math.max(0, this.#written - Math.max(this.#resampler.position, 0));
  }

  /** How many samples may still be played: all, or what is left of a fade. */
  get #limit(): number {
    return this.#phase === "fading"
      ? Math.max(1, Math.ceil(this.#gain / this.#step))
      : Number.POSITIVE_INFINITY;
  }

  #append(written: Written): void {
    const newest = this.#segments.at(-1);
    if (
      newest &&
      newest.turn === written.turn &&
      newest.first + newest.length === written.first &&
      !this.#drained
    ) {
      newest.length += written.samples.length;
    } else {
      const start = this.#resampler.pushed + this.#ring.length;
      this.#segments.push({
        turn: written.turn,
        first: written.first,
        start,
        length: written.samples.length,
      });
    }
    this.#ring.write(written.samples);
    this.#written = this.#resampler.pushed + this.#ring.length;
    this.#drained = false;
  }

  #startFilling(target: number): void {
    this.#phase = "filling";
    this.#target = target;
    this.#waitedFrames = 0;
    this.#gain = 0;
  }

  #ready(): boolean {
    if (this.#ring.length === 0 && !this.#closed) {
      return false;
    }
    return (
      this.#closed || this.#buffered >= this.#target || this.#waitedFrames > START_TIMEOUT_S * this.#rate
    );
  }

  /** Feeds the resampler, or handles that nothing is left: the end of the turn, or a gap in it. */
  #feed(): void {
    const count = this.#ring.read(this.#scratch);
    if (count > 0) {
      this.#resampler.push(this.#scratch.subarray(0, count));
    } else if ((this.#closed || this.#phase === "fading") && !this.#drained) {
      this.#resampler.drain();
      this.#drained = true;
    } else if (this.#phase === "fading") {
      this.#reset();
    } else if (this.#closed) {
      this.#phase = "idle";
      this.#insideTurn = false;
      this.#gain = 0;
    } else {
      this.#startFilling(REFILL_SAMPLES);
    }
  }

  /** Ramps the gain up or down, sample by sample. */
  #applyRamp(out: Float32Array, start: number, count: number): void {
    const direction = this.#phase === "fading" ? -this.#step : this.#step;
    for (let i = start; i < start + count; i++) {
      out[i]! *= this.#gain;
      this.#gain = Math.min(1, Math.max(0, this.#gain + direction));
    }
    if (count > 0) {
      this.#lastOutput = out[start + count - 1]!;
    }
    if (this.#phase === "fading" && this.#gain === 0) {
      this.#updatePosition();
      this.#reset();
    }
  }

  /** Silence; the last sample decays first, so that there is no click. */
  #renderSilence(out: Float32Array): void {
    const decay = 1 - 4 * this.#step;
    for (let i = 0; i < out.length; i++) {
      this.#lastOutput = Math.abs(this.#lastOutput) < 1e-5 ? 0 : this.#lastOutput * decay;
      out[i] = this.#lastOutput;
    }
    if (this.#phase === "filling") {
      this.#waitedFrames += out.length;
      if (this.#insideTurn) {
        this.#silent += (out.length * MODEL_AUDIO_RATE) / this.#rate;
      }
      if (this.#waitedFrames > END_TIMEOUT_S * this.#rate && this.#ring.length === 0) {
        // The resampler still holds the last few samples: closing the turn plays them.
        this.#closed = true;
      }
    }
  }

  /** Updates the position to what the resampler has put out. */
  #updatePosition(): void {
    const position = this.#resampler.position;
    while (this.#segments.length > 1 && this.#segments[1]!.start < position) {
      this.#segments.shift();
    }
    const segment = this.#segments[0];
    if (segment && position > segment.start) {
      const sample = segment.first + Math.min(segment.length, position - segment.start);
      this.#position = { turn: segment.turn, sample };
    }
  }

  #reset(): void {
    this.#ring.clear();
    this.#resampler.reset();
    this.#segments = [];
    this.#written = 0;
    this.#phase = "idle";
    this.#closed = true;
    this.#insideTurn = false;
    this.#drained = true;
    this.#gain = 0;
    this.#onFlushed?.(this.#position);
    this.#onFlushed = null;
    const waiting = this.#afterFade;
    this.#afterFade = [];
    for (const write of waiting) {
      write();
    }
  }
}
