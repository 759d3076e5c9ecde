// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Levels } from "../../src/audio/levels.ts";
import { Scope } from "../../src/scope.ts";
import { waveform } from "../../src/views/waveform.ts";
import { LIVE, state } from "./fakes.ts";

let frames: Map<number, FrameRequestCallback>;
let seen: (visible: boolean) => void;
let observing: number;
let reduced: boolean;

beforeEach(() => {
  frames = new Map();
  observing = 0;
  reduced = false;
  let handles = 0;
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => {
    handles += 1;
    frames.set(handles, callback);
    return handles;
  });
  vi.stubGlobal("cancelAnimationFrame", (handle: number) => frames.delete(handle));
  vi.stubGlobal("matchMedia", (query: string) =>
    Object.assign(new EventTarget(), { matches: reduced && query.includes("reduced-motion") }),
  );
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(callback: (entries: { isIntersecting: boolean }[]) => void) {
        seen = (visible) => callback([{ isIntersecting: visible }]);
      }
      observe() {
        observing += 1;
      }
      disconnect() {
        observing -= 1;
      }
    },
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function drawn(levels: Partial<Levels> = {}) {
  const scope = new Scope();
  const heard: number[] = [];
  const view = waveform(
    { rate: 25, count: 100, at: (speaker) => (speaker === "user" ? 0.5 : 0), marks: [90], ...levels },
    (level) => heard.push(level),
    scope,
  );
  const bars: number[][] = [];
  const lines: number[] = [];
  const canvas = view.element.querySelector("canvas")!;
  Object.defineProperties(canvas, { clientWidth: { value: 200 }, clientHeight: { value: 88 } });
  const context = {
    setTransform() {},
    clearRect: () => bars.splice(0),
    beginPath() {},
    roundRect: (...box: number[]) => bars.push(box),
    fill() {},
    setLineDash() {},
    moveTo: (x: number) => lines.push(x),
    lineTo() {},
    stroke() {},
  };
  canvas.getContext = (() => context) as unknown as typeof canvas.getContext;
  return { view, scope, heard, bars, lines, canvas };
}

function tick(time: number) {
  const due = [...frames.values()];
  frames.clear();
  for (const callback of due) {
    callback(time);
  }
}

describe("the waveform", () => {
  it("moves only while it is seen and the talk is live", () => {
    const { view } = drawn();
    view.update(state(LIVE));
    expect(frames.size).toBe(0);
    seen(true);
    expect(frames.size).toBe(1);
    seen(false);
    expect(frames.size).toBe(0);
    seen(true);
    view.update(state({ phase: "ended" }));
    expect(frames.size).toBe(0);
    view.update(state({ ...LIVE, connected: false }));
    expect(frames.size).toBe(0);
  });

  it("draws your bars above the line, the mark, and tells your level", () => {
    const { view, heard, bars, lines, canvas } = drawn();
    view.update(state(LIVE));
    seen(true);
    tick(1000);
    expect(bars.length).toBeGreaterThan(20);
    for (const [, top, , tall] of bars) {
      expect(top! + tall!).toBeLessThan(44);
      expect(top!).toBeGreaterThan(0);
    }
    expect(lines).toHaveLength(1);
    expect(heard).toEqual([0.5]);
    expect(canvas.width).toBe(Math.round(200 * devicePixelRatio));
  });

  it("stands still when the talk has ended, with its last picture", () => {
    const { view, bars } = drawn();
    view.update(state({ phase: "ended" }));
    seen(true);
    expect(frames.size).toBe(0);
    expect(bars.length).toBeGreaterThan(20);
  });

  it("changes twice a second where motion is not wanted", () => {
    vi.useFakeTimers();
    reduced = true;
    const { view, bars, heard } = drawn();
    view.update(state(LIVE));
    seen(true);
    expect(frames.size).toBe(0);
    vi.advanceTimersByTime(499);
    expect(bars).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(bars.length).toBeGreaterThan(20);
    expect(heard.every((level) => level === 0)).toBe(true);
  });

  it("gives you both sides of the middle where the model only listens, and none of them to the model", () => {
    const { view, bars } = drawn({ at: () => 0.5 });
    view.update(state({ ...LIVE, view: "dictation" }));
    seen(true);
    tick(1000);
    const alone = bars.length;
    for (const [, top, , tall] of bars) {
      expect(top! + tall! / 2).toBeCloseTo(44);
    }
    view.update(state({ ...LIVE, view: "talk" }));
    tick(1020);
    expect(bars).toHaveLength(2 * alone);
  });

  it("leaves no frame and no observer behind", () => {
    const { view, scope } = drawn();
    view.update(state(LIVE));
    seen(true);
    scope.dispose();
    expect(frames.size).toBe(0);
    expect(observing).toBe(0);
  });
});
