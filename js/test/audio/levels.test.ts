import { describe, expect, it } from "vitest";
import { LevelTimeline, peakOf, SpeechLevel } from "../../src/audio/levels.ts";

describe("peakOf", () => {
  it("is the largest magnitude of either sign", () => {
    expect(peakOf(Int16Array.from([0, 100, -16_384, 5]))).toBe(0.5);
    expect(peakOf(Int16Array.from([-32_768]))).toBe(1);
    expect(peakOf(new Int16Array(0))).toBe(0);
  });
});

describe("SpeechLevel", () => {
  const chunk = (level: number) => new Int16Array(320).fill(level);

  it("takes what is 8 dB louder than the room for speech, from -55 dBFS on", () => {
    const levels = new SpeechLevel();
    expect([30, 30, 200, 30].map((level) => levels.isSpeech(chunk(level)))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(levels.isSpeech(chunk(58))).toBe(false);
  });

  it("gets used to a louder room, and takes -36 dBFS for speech in any", () => {
    const levels = new SpeechLevel();
    levels.isSpeech(chunk(30));
    const noticed = Array.from({ length: 50 * 40 }, () => levels.isSpeech(chunk(300)));
    expect([noticed[0], noticed.at(-1)]).toEqual([true, false]);
    expect(levels.isSpeech(chunk(600))).toBe(true);
  });
});

describe("LevelTimeline", () => {
  it("writes 25 bars a second for both speakers on one line", () => {
    const levels = new LevelTimeline();
    levels.advance(0);
    for (let n = 1; n <= 25; n++) {
      levels.put("user", 0.5);
      levels.advance(n * 40);
    }
    expect(levels.count).toBe(26);
    expect(levels.at("user", 25)).toBe(0.5);
    expect(levels.at("model", 25)).toBe(0);
    expect(levels.at("user", 26)).toBe(0);
    expect(levels.at("user", -1)).toBe(0);
  });

  it("loses no peak and does not fall behind when many come at once", () => {
    const levels = new LevelTimeline();
    levels.advance(0);
    for (let n = 0; n < 50; n++) {
      levels.put("model", n === 3 ? 0.9 : 0.1);
    }
    levels.advance(400);
    const bars = Array.from({ length: levels.count }, (_, n) => levels.at("model", n));
    expect(Math.max(...bars)).toBe(Math.fround(0.9));
    expect(bars.filter((bar) => bar > 0).length).toBeLessThanOrEqual(4);
  });

  it("catches up after a stall, goes on where it stood after a pause", () => {
    const levels = new LevelTimeline();
    levels.advance(0);
    levels.advance(800);
    expect(levels.count).toBe(21);
    levels.advance(60_000);
    expect(levels.count).toBe(22);
  });

  it("marks interruptions and forgets what it no longer keeps", () => {
    const levels = new LevelTimeline();
    levels.put("user", 0.7);
    levels.advance(0);
    levels.mark();
    expect(levels.marks).toEqual([0]);
    for (let now = 40; now < 200_000; now += 40) {
      levels.advance(now);
    }
    expect(levels.at("user", 0)).toBe(0);
    expect(levels.marks).toEqual([]);
  });
});
