import { describe, expect, it } from "vitest";
import { type PlaybackPosition, Playout } from "../../src/audio/playout.ts";
import { rms, snr, voiceLike } from "./signals.ts";

const QUANTUM = 128;

/** A playout and all that came out of it. */
class Device {
  readonly playout: Playout;
  readonly out: number[] = [];

  constructor(rate = 24_000) {
    this.playout = new Playout(rate);
  }

  /** Renders quanta until `done` or so many. */
  run(quanta: number, done: () => boolean = () => false): void {
    const block = new Float32Array(QUANTUM);
    for (let n = 0; n < quanta && !done(); n++) {
      this.playout.render(block);
      this.out.push(...block);
    }
  }

  /** Place of the first sample that is not silence. */
  get begin(): number {
    return this.out.findIndex((sample) => sample !== 0);
  }
}

const RAMP = 120;

describe("Playout", () => {
  it("plays a turn whole, to its last sample, with nothing between", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 24_000 + 77);
    for (let place = 0; place < voice.length; place += 5000) {
      device.playout.write(1, place, voice.subarray(place, place + 5000));
    }
    device.playout.end(1);
    device.run(400);
    // The first sample is ramped to nothing, so the sound begins one sample before the first that is heard.
    const begin = device.begin - 1;
    const heard = device.out.slice(begin, begin + voice.length);
    expect(heard.slice(RAMP)).toEqual([...voice.subarray(RAMP)]);
    expect(device.out.slice(begin + voice.length + 2 * RAMP).every((sample) => Math.abs(sample) < 1e-3)).toBe(
      true,
    );
    expect(device.playout.report()).toEqual({ turn: 1, sample: voice.length, buffered: 0, silent: 0 });
  });

  it("begins where another page has stopped, in the middle of a turn, and counts from there", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 24_000);
    device.playout.write(7, 10_000, voice.subarray(10_000));
    device.playout.end(7);
    device.run(400);
    const begin = device.begin - 1;
    expect(device.out.slice(begin + RAMP, begin + 14_000)).toEqual([...voice.subarray(10_000 + RAMP)]);
    expect(device.playout.report()).toEqual({ turn: 7, sample: 24_000, buffered: 0, silent: 0 });
  });

  it.each([44_100, 48_000])("does so at %i Hz too", (rate) => {
    const device = new Device(rate);
    const voice = voiceLike(24_000, 24_000 + 13);
    device.playout.write(1, 0, voice);
    device.playout.end(1);
    device.run(600);
    const wanted = voiceLike(rate, rate);
    const ramp = Math.ceil(rate * 0.005);
    expect(snr(device.out.slice(device.begin - 1), wanted, ramp + 50, rate - 100)).toBeGreaterThan(45);
    expect(device.playout.report()).toMatchObject({ turn: 1, sample: voice.length, silent: 0 });
  });

  it("waits for 100 ms of sound, or for the end of a shorter turn, or not for ever", () => {
    const early = new Device();
    early.playout.write(1, 0, voiceLike(24_000, 1200));
    early.run(10);
    expect(rms(early.out)).toBe(0);
    early.playout.write(1, 1200, voiceLike(24_000, 1300));
    early.run(2);
    expect(rms(early.out)).toBeGreaterThan(0);

    const short = new Device();
    short.playout.write(1, 0, voiceLike(24_000, 300));
    short.playout.end(1);
    short.run(5);
    expect(short.playout.report().sample).toBe(300);

    const alone = new Device();
    alone.playout.write(1, 0, voiceLike(24_000, 300));
    alone.run(Math.ceil(0.5 * (24_000 / QUANTUM)));
    expect(alone.playout.report().sample).toBeGreaterThan(290);
  });

  it("counts the silence of a gap, refills short, and goes on with the very next sample", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 12_000);
    device.playout.write(1, 0, voice.subarray(0, 6000));
    device.run(100);
    const before = device.playout.report();
    expect(before.sample).toBeGreaterThanOrEqual(5999);
    expect(before.silent).toBeGreaterThan(0);
    device.playout.write(1, 6000, voice.subarray(6000, 7000));
    device.run(3);
    expect(device.playout.report().sample).toBe(before.sample); // 1000 samples are less than the refill
    device.playout.write(1, 7000, voice.subarray(7000));
    device.playout.end(1);
    device.run(100);
    const after = device.playout.report();
    expect(after).toMatchObject({ turn: 1, sample: 12_000, buffered: 0 });
    // The account: what came out between first and last sample is the voice and the counted silence.
    const begin = device.begin - 1;
    const resumed = begin + before.sample + after.silent;
    expect(device.out.slice(resumed + RAMP, resumed + 4000)).toEqual([
      ...voice.subarray(before.sample + RAMP, before.sample + 4000),
    ]);
  });

  it("dies away without a click at a gap", () => {
    const device = new Device();
    device.playout.write(1, 0, new Float32Array(6000).fill(0.5));
    device.run(80);
    const steps = device.out.map((sample, n) => Math.abs(sample - (device.out[n - 1] ?? 0)));
    expect(Math.max(...steps)).toBeLessThan(0.02);
  });

  it("is silent 5 ms after a flush and names the last sample heard", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 48_000);
    device.playout.write(3, 0, voice);
    device.run(100);
    let heard: PlaybackPosition | null = null;
    device.playout.flush((last) => {
      heard = last;
    });
    const at = device.out.length;
    device.run(10);
    const sample = heard!.sample;
    expect(heard!.turn).toBe(3);
    // One sample more or less: the ramp is counted in floating point.
    expect(Math.abs(sample - (at - (device.begin - 1)) - RAMP)).toBeLessThanOrEqual(1);
    expect(rms(device.out, at + RAMP, device.out.length)).toBeLessThan(1e-3);
    // The negative control: until then it did sound.
    expect(rms(device.out, at, at + RAMP / 2)).toBeGreaterThan(0.02);
    expect(device.playout.report()).toMatchObject({ turn: 3, sample, buffered: 0, silent: 0 });
  });

  it("keeps what comes for the next turn while it fades", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 24_000);
    device.playout.write(3, 0, voice);
    device.run(50);
    let flushed = 0;
    device.playout.flush(() => flushed++);
    device.playout.write(4, 0, voice.subarray(0, 6000));
    device.playout.end(4);
    device.playout.flush(() => flushed++);
    device.playout.write(5, 0, voice.subarray(0, 7000));
    device.playout.end(5);
    device.run(200);
    expect(flushed).toBe(2);
    expect(device.playout.report()).toMatchObject({ turn: 5, sample: 7000, silent: 0 });
  });

  it("answers a flush at once when nothing sounds", () => {
    const device = new Device();
    const heard: PlaybackPosition[] = [];
    device.playout.flush((last) => heard.push(last));
    device.playout.write(1, 0, voiceLike(24_000, 500));
    device.playout.flush((last) => heard.push(last));
    expect(heard).toEqual([
      { turn: 0, sample: 0 },
      { turn: 0, sample: 0 },
    ]);
    device.run(50);
    expect(rms(device.out)).toBe(0);
  });

  it("plays turns back to back and names the one that is heard", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 4000);
    device.playout.write(1, 0, voice);
    device.playout.end(1);
    device.playout.write(2, 0, voice);
    device.playout.end(2);
    const seen: number[] = [];
    device.run(100, () => {
      seen.push(device.playout.report().turn);
      return false;
    });
    expect([...new Set(seen)]).toEqual([0, 1, 2]);
    expect(device.playout.report()).toMatchObject({ turn: 2, sample: 4000, silent: 0 });
    const begin = device.begin - 1;
    expect(device.out.slice(begin + RAMP, begin + 8000)).toEqual([...voice.subarray(RAMP), ...voice]);
  });

  it("leaves out what it has already, and tells of what is missing by its place", () => {
    const device = new Device();
    const voice = voiceLike(24_000, 9000);
    device.playout.write(1, 0, voice.subarray(0, 3000));
    device.playout.write(1, 0, voice.subarray(0, 3000));
    device.playout.write(1, 2000, voice.subarray(2000, 5000));
    device.playout.write(1, 6000, voice.subarray(6000));
    device.playout.end(1);
    device.run(200);
    const begin = device.begin - 1;
    expect(device.out.slice(begin + RAMP, begin + 8000)).toEqual([
      ...voice.subarray(RAMP, 5000),
      ...voice.subarray(6000),
    ]);
    expect(device.playout.report()).toMatchObject({ turn: 1, sample: 9000 });
  });

  it("does not count silence for ever in a turn that nobody ends", () => {
    const device = new Device();
    device.playout.write(1, 0, voiceLike(24_000, 3000));
    device.run(Math.ceil((6 * 24_000) / QUANTUM));
    expect(device.playout.report().silent).toBeLessThan(2.2 * 24_000);
    expect(device.playout.report().sample).toBe(3000);
  });
});
