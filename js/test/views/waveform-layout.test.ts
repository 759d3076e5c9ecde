import { describe, expect, it } from "vitest";
import { advanceHead, barColumns, barHeight, levelsPerColumn, PITCH, xAt } from "../../src/views/waveform.ts";

describe("columns", () => {
  it("end at the right edge and are one pitch apart", () => {
    const made = barColumns(100, 100, 40, 1);
    expect(made).toHaveLength(10);
    expect(made.at(-1)).toEqual({ x: 36, first: 99, last: 100 });
    expect(made.map((one) => one.x)).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
  });

  it("scroll by parts of a bar", () => {
    const made = barColumns(99.5, 100, 40, 1);
    expect(made.at(-1)).toEqual({ x: 38, first: 99, last: 100 });
    expect(made[0]!.x).toBeGreaterThan(-PITCH);
    expect(made[0]!.x).toBeLessThanOrEqual(0);
  });

  it("hold the same levels whenever they are drawn", () => {
    const at = (head: number) => new Map(barColumns(head, head, 200, 3).map((one) => [one.first, one.last]));
    const before = at(301);
    const after = at(322);
    const shared = [...before.keys()].filter((first) => after.has(first) && first + 3 <= 301);
    expect(shared.length).toBeGreaterThan(30);
    for (const first of shared) {
      expect(after.get(first)).toBe(before.get(first));
      expect(first % 3).toBe(0);
    }
  });

  it("never reach beyond what was written", () => {
    for (const { first, last } of barColumns(10, 10, 400, 4)) {
      expect(first).toBeGreaterThanOrEqual(0);
      expect(last).toBeLessThanOrEqual(10);
    }
    expect(barColumns(0, 0, 400, 2)).toEqual([]);
  });

  it("stand where marks stand", () => {
    const [column] = barColumns(80, 80, 100, 2).filter((one) => one.first === 70);
    expect(xAt(70, 80, 100, 2)).toBe(column!.x);
  });
});

describe("heights", () => {
  it("grow with the level, stay in the lane, and leave silence empty", () => {
    expect(barHeight(0, 30)).toBe(0);
    expect(barHeight(0.003, 30)).toBe(0);
    expect(barHeight(Number.NaN, 30)).toBe(0);
    const heights = [0.01, 0.05, 0.2, 0.5, 1, 3].map((peak) => barHeight(peak, 30));
    expect([...heights].sort((a, b) => a - b)).toEqual(heights);
    expect(heights.at(-1)).toBe(30);
    expect(heights[0]).toBeGreaterThanOrEqual(2);
  });
});

describe("scrolling", () => {
  it("shows about the same time at any rate", () => {
    for (const rate of [10, 12.5, 25, 50, 100]) {
      const pixelsPerSecond = (rate / levelsPerColumn(rate)) * PITCH;
      expect(pixelsPerSecond).toBeGreaterThan(36);
      expect(pixelsPerSecond).toBeLessThan(80);
    }
  });

  it("is even though levels come in batches, and keeps up", () => {
    let head = 0;
    let count = 0;
    let slowest = Number.POSITIVE_INFINITY;
    let fastest = 0;
    for (let frame = 1; frame <= 600; frame += 1) {
      // 60 pictures and 25 levels a second; the levels arrive five at a time.
      count = Math.floor((frame / 60) * 5) * 5;
      const next = advanceHead(head, count, 25, 1 / 60);
      expect(next).toBeLessThanOrEqual(count);
      if (frame > 120 && next < count) {
        slowest = Math.min(slowest, next - head);
        fastest = Math.max(fastest, next - head);
      }
      head = next;
    }
    expect(count - head).toBeLessThan(8);
    expect(slowest).toBeGreaterThan(0);
    expect(fastest).toBeLessThan(4 * (25 / 60));
  });

  it("jumps after a pause and when levels begin anew", () => {
    expect(advanceHead(10, 500, 25, 1 / 60)).toBe(500);
    expect(advanceHead(10, 14, 25, 3)).toBe(14);
    expect(advanceHead(90, 4, 25, 1 / 60)).toBe(4);
  });
});
