// Signals and measures for the tests of sound.

export function sine(hz: number, rate: number, length: number, amplitude = 0.5, phase = 0): Float32Array {
  return Float32Array.from({ length }, (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rate + phase));
}

/** A sum of sines that never repeats within a second, so that every place in it can be told from all others. */
export function voiceLike(rate: number, length: number): Float32Array {
  const out = new Float32Array(length);
  let hz = 310;
  for (let k = 0; k < 24; k++) {
    const part = sine(hz, rate, length, 0.03, k * k * 1.7);
    for (let n = 0; n < length; n++) {
      out[n]! += part[n]!;
    }
    hz += 211.3 + 3.7 * k;
  }
  return out;
}

export function rms(samples: ArrayLike<number>, from = 0, to = samples.length): number {
  let sum = 0;
  for (let n = from; n < to; n++) {
    sum += samples[n]! ** 2;
  }
  return Math.sqrt(sum / Math.max(1, to - from));
}

export const dB = (ratio: number) => 20 * Math.log10(Math.max(ratio, 1e-12));

/** Signal-to-error ratio of `got` against `wanted` in dB, over the part given. */
export function snr(got: ArrayLike<number>, wanted: ArrayLike<number>, from: number, to: number): number {
  let error = 0;
  let signal = 0;
  for (let n = from; n < to; n++) {
    error += (got[n]! - wanted[n]!) ** 2;
    signal += wanted[n]! ** 2;
  }
  return 10 * Math.log10(signal / Math.max(error, 1e-20));
}
