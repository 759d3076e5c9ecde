import { describe, expect, it } from "vitest";
import { Resampler } from "../../src/audio/resampler.ts";
import { dB, rms, sine, snr } from "./signals.ts";

/** Runs `input` through in pieces of the given sizes, to the last sample. */
function resample(from: number, to: number, input: Float32Array, sizes: number[]): Float32Array {
  const resampler = new Resampler(from, to);
  const out: number[] = [];
  const block = new Float32Array(97);
  const pullAll = () => {
    for (let made = resampler.pull(block); made > 0; made = resampler.pull(block)) {
      out.push(...block.subarray(0, made));
    }
  };
  for (let place = 0, turn = 0; place < input.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    resampler.push(input.subarray(place, place + size));
    place += size;
    pullAll();
  }
  resampler.drain();
  pullAll();
  return Float32Array.from(out);
}

const DEVICES = [8000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000];

describe("Resampler", () => {
  it.each(DEVICES)("brings %i Hz to 16 kHz in place and in full", (rate) => {
    const input = sine(440, rate, rate / 2);
    const out = resample(rate, 16_000, input, [128]);
    expect(out.length).toBe(Math.ceil((input.length * 16_000) / rate));
    const wanted = sine(440, 16_000, out.length);
    expect(snr(out, wanted, 200, out.length - 200)).toBeGreaterThan(60);
  });

  it.each([24_000, 44_100, 48_000, 96_000])("brings a voice of 24 kHz to %i Hz", (rate) => {
    const input = sine(3000, 24_000, 12_000);
    const out = resample(24_000, rate, input, [128]);
    const wanted = sine(3000, rate, out.length);
    expect(snr(out, wanted, 400, out.length - 400)).toBeGreaterThan(60);
  });

  it.each([
    [48_000, 8100],
    [48_000, 9000],
    [48_000, 15_900],
    [44_100, 8100],
    [44_100, 12_345],
    [96_000, 40_000],
  ])("lets nothing of a %i Hz device fold down from %i Hz", (rate, hz) => {
    const out = resample(rate, 16_000, sine(hz, rate, rate / 2), [128]);
    const level = dB(rms(out, 200, out.length - 200) / rms(sine(hz, rate, rate / 2)));
    expect(level).toBeLessThan(-60);
  });

  it("keeps speech as it is up to 6.5 kHz", () => {
    for (const hz of [100, 1000, 4000, 6500]) {
      const out = resample(48_000, 16_000, sine(hz, 48_000, 24_000), [128]);
      expect(Math.abs(dB(rms(out, 200, out.length - 200) / (0.5 / Math.SQRT2)))).toBeLessThan(0.5);
    }
  });

  it("gives the same samples however the input is cut", () => {
    const input = sine(700, 44_100, 9000);
    const whole = resample(44_100, 16_000, input, [9000]);
    for (const sizes of [[128], [1], [441, 3, 2000]]) {
      expect(resample(44_100, 16_000, input, sizes)).toEqual(whole);
    }
  });

  it("passes equal rates through untouched", () => {
    const input = sine(5000, 24_000, 1000);
    expect(resample(24_000, 24_000, input, [128])).toEqual(input);
  });

  it("counts the input that has come out", () => {
    const resampler = new Resampler(24_000, 48_000);
    resampler.push(new Float32Array(1000));
    const out = new Float32Array(256);
    resampler.pull(out);
    expect(resampler.position).toBe(128);
    expect(resampler.pushed).toBe(1000);
    resampler.reset();
    expect(resampler.position).toBe(0);
    expect(resampler.available).toBe(0);
  });
});
