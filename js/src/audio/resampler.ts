// Converts one sample rate to another: a streaming polyphase filter (windowed sinc) with exact positions.

/** Zero crossings of the sinc on each side, at the lower of the two rates; chosen with BETA and CUTOFF. */
const CROSSINGS = 24;
/** Kaiser window for 70 dB of stop band attenuation: 0.1102 (70 − 8.7). */
const BETA = 6.76;
/** Middle of the transition band relative to the lower Nyquist frequency, where the stop band begins. */
const CUTOFF = 0.91;

/** The greatest common divisor of two whole numbers. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** The modified Bessel function of the first kind, order 0. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** `up` rows of 2·half weights; row p gives the output p/up of a sample after the input in column half-1. */
function filterBank(up: number, half: number, cutoff: number): Float32Array {
  const bank = new Float32Array(up * 2 * half);
  for (let phase = 0; phase < up; phase++) {
    const row = bank.subarray(phase * 2 * half, (phase + 1) * 2 * half);
    let sum = 0;
    for (let tap = 0; tap < row.length; tap++) {
      const k = tap - half + 1 - phase / up;
      const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (k / half) ** 2))) / bessel(BETA);
      row[tap] = cutoff * sinc(cutoff * k) * window;
      sum += row[tap]!;
    }
    for (let tap = 0; tap < row.length; tap++) {
      row[tap]! /= sum;
    }
  }
  return bank;
}

/** Push samples at one rate, pull them at the other; the n-th output lies exactly at input position n·from/to. */
export class Resampler {
  readonly #up: number;
  readonly #down: number;
  readonly #half: number;
  readonly #bank: Float32Array;
  /** Inputs from `#base` on; the first `half - 1` before the stream are zeros. */
  #buffer = new Float32Array(4096);
  #length = 0;
  #base = 0;
  #index = 0;
  #phase = 0;

  /** `from` and `to` are whole numbers of Hz. With equal rates every sample passes unchanged. */
  constructor(from: number, to: number) {
    const divisor = gcd(from, to);
    this.#up = to / divisor;
    this.#down = from / divisor;
    if (from === to) {
      this.#half = 1;
      this.#bank = Float32Array.of(1, 0);
    } else {
      const ratio = Math.min(1, to / from);
      this.#half = Math.ceil(CROSSINGS / ratio);
      this.#bank = filterBank(this.#up, this.#half, CUTOFF * ratio);
    }
    this.reset();
  }

  /** Input position of the next output in whole samples since the start: everything before it has been put out. */
  get position(): number {
    return this.#index;
  }

  /** Inputs pushed since the start, the zeros of `drain` included. */
  get pushed(): number {
    return this.#base + this.#length;
  }

  push(input: Float32Array): void {
    this.#discardUsed();
    if (this.#length + input.length > this.#buffer.length) {
      const larger = new Float32Array(2 * (this.#length + input.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(input, this.#length);
    this.#length += input.length;
  }

  /** Pushes as much silence as it takes to pull the last real sample. */
  drain(): void {
    this.push(new Float32Array(this.#half));
  }

  /** How many outputs can be pulled now. */
  get available(): number {
    const reach = this.pushed - this.#half - this.#index;
    return reach > 0 ? Math.floor((reach * this.#up - 1 - this.#phase) / this.#down) + 1 : 0;
  }

  /** Writes up to `count` outputs at `start` of `out`; returns how many there were. */
  pull(out: Float32Array, start = 0, count = out.length - start): number {
    const made = Math.min(count, this.available);
    const taps = 2 * this.#half;
    for (let n = 0; n < made; n++) {
      const first = this.#index - this.#half + 1 - this.#base;
      const row = this.#phase * taps;
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) {
        sum += this.#bank[row + tap]! * this.#buffer[first + tap]!;
      }
      out[start + n] = sum;
      this.#phase += this.#down;
      this.#index += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    return made;
  }

  /** Forgets everything. */
  reset(): void {
    this.#buffer.fill(0);
    this.#length = this.#half - 1;
    this.#base = 1 - this.#half;
    this.#index = 0;
    this.#phase = 0;
  }

  /** Drops inputs that no output needs any more. */
  #discardUsed(): void {
    const unused = this.#index - this.#half + 1 - this.#base;
    if (unused > 1024) {
      this.#buffer.copyWithin(0, unused, this.#length);
      this.#length -= unused;
      this.#base += unused;
    }
  }
}
