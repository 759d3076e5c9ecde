import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  CELLS,
  ChangeGate,
  type FrameCanvas,
  FrameSampler,
  fitInto,
  type JpegFrame,
  toGrayLevels,
} from "../../src/media/frames.ts";
import { Scope } from "../../src/scope.ts";

const flat = (level: number) => new Uint8Array(CELLS * CELLS).fill(level);

function spotted(level: number, cells: number, by: number): Uint8Array {
  const picture = flat(level);
  picture.fill(level + by, 100, 100 + cells);
  return picture;
}

describe("ChangeGate", () => {
  it("lets the first pass, and then what has changed", () => {
    const gate = new ChangeGate();
    expect(gate.passes(flat(100), 0)).toBe(true);
    expect(gate.passes(flat(100), 1000)).toBe(false);
    expect(gate.passes(flat(101), 2000)).toBe(false);
    expect(gate.passes(flat(102), 3000)).toBe(true);
    expect(gate.passes(flat(100), 4000)).toBe(true);
  });

  it("sees something small that is clear, and nothing in what is faint", () => {
    const gate = new ChangeGate();
    gate.passes(flat(100), 0);
    expect(gate.passes(spotted(100, 20, 10), 1000)).toBe(false);
    expect(gate.passes(spotted(100, 1, 24), 2000)).toBe(true);
  });

  it("lets an unchanged frame pass again after ten seconds, counted from the last that passed", () => {
    const gate = new ChangeGate();
    gate.passes(flat(0), 0);
    const passed = Array.from({ length: 21 }, (_, second) => second).filter((second) =>
      gate.passes(flat(0), second * 1000),
    );
    expect(passed).toEqual([10, 20]);
  });
});

describe("fitInto", () => {
  it.each([
    [1280, 720, 768, 768, 432],
    [720, 1280, 768, 432, 768],
    [640, 480, 768, 640, 480],
    [5000, 2, 768, 768, 1],
    [1, 1, 384, 1, 1],
  ])("%d × %d within %d is %d × %d", (width, height, side, fitWidth, fitHeight) => {
    expect(fitInto(width, height, side)).toEqual({ width: fitWidth, height: fitHeight });
  });
});

describe("toGrayLevels", () => {
  it("weighs colours as the eye does", () => {
    const rgba = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255];
    expect([...toGrayLevels(new Uint8ClampedArray(rgba))]).toEqual([76, 150, 29, 255]);
  });
});

/** A camera before which the level rises with each picture, or stays. */
class Scene implements FrameCanvas {
  size: { width: number; height: number } | null = { width: 640, height: 480 };
  moves = true;
  level = 0;
  asked: number[] = [];
  making: Promise<void> = Promise.resolve();

  draw(side: number) {
    this.asked.push(side);
    this.level += this.moves ? 20 : 0;
    return this.size;
  }

  cells() {
    return flat(this.level % 256);
  }

  async jpeg(quality: number) {
    await this.making;
    return new Uint8Array([this.level % 256, quality * 100]).buffer;
  }
}

describe("FrameSampler", () => {
  let scope: Scope;
  let scene: Scene;
  let frames: FrameSampler;
  let taken: JpegFrame[];
  let unchanged: number;
  let wanted: boolean;

  beforeEach(() => {
    vi.useFakeTimers();
    scope = new Scope();
    scene = new Scene();
    taken = [];
    unchanged = 0;
    wanted = true;
    const handlers = {
      isWanted: () => wanted,
      onFrame: (frame: JpegFrame) => taken.push(frame),
      onUnchanged: () => {
        unchanged += 1;
      },
    };
    frames = new FrameSampler(scope, scene, handlers, () => performance.now(), {
      maxSide: 768,
      quality: 0.8,
    });
  });

  afterEach(() => {
    scope.dispose();
    vi.useRealTimers();
  });

  const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

  it("takes one a second, stamped with the page's clock", async () => {
    await seconds(5.5);
    expect(taken.length).toBe(6);
    const times = taken.map(({ captured_ms }) => captured_ms);
    expect(Math.min(...times.slice(1).map((at, index) => at - times[index]!))).toBeGreaterThanOrEqual(1000);
    expect(taken[0]).toMatchObject({ width: 640, height: 480 });
  });

  it("tells of what is unchanged instead of sending it", async () => {
    scene.moves = false;
    await seconds(5.5);
    expect([taken.length, unchanged]).toEqual([1, 5]);
  });

  it("takes none while nobody wants one, or there is nothing to be seen yet", async () => {
    wanted = false;
    await seconds(3);
    expect(scene.asked).toEqual([]);
    wanted = true;
    scene.size = null;
    await seconds(1);
    expect(taken).toEqual([]);
    scene.size = { width: 2, height: 2 };
    await seconds(0.3);
    expect(taken.length).toBe(1);
  });

  it("asks for another size and quality from the next frame on", async () => {
    await seconds(0.3);
    Object.assign(frames, { maxSide: 384, quality: 0.3 });
    await seconds(1);
    expect(scene.asked).toEqual([768, 384]);
    expect(taken.map(({ data }) => new Uint8Array(data)[1])).toEqual([80, 30]);
  });

  it("begins no second picture while one is being made, and sends none that comes too late", async () => {
    let done = () => {};
    scene.making = new Promise((resolve) => {
      done = resolve;
    });
    await seconds(5);
    expect(scene.asked.length).toBe(1);
    scope.dispose();
    done();
    await seconds(1);
    expect(taken).toEqual([]);
  });

  it("waits a second after a pause", async () => {
    await seconds(0.3);
    await seconds(0.9);
    frames.delayNext();
    await seconds(0.9);
    expect(taken.length).toBe(1);
    await seconds(0.4);
    expect(taken.length).toBe(2);
  });
});
