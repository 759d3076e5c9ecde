// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import {
  describeTrack,
  intervals,
  levelHeight,
  SHOWN_MS,
  vadPanel,
  xAt,
} from "../../src/explorer/vad-monitor.ts";
import { Scope } from "../../src/scope.ts";
import { createStore, EMPTY_SPEECH_TRACK, initialState, type SpeechTrack } from "../../src/state.ts";
import { fakeActions } from "../views/fakes.ts";

const settings = {
  from_ms: 0,
  step_ms: 32,
  start_threshold: 0.5,
  end_threshold: 0.35,
  prefix_padding_ms: 64,
  silence_ms: 500,
  detector: "Silero",
};
const track = (more: Partial<SpeechTrack> = {}): SpeechTrack => ({
  windows: [{ atMs: 0, level: -30, probability: 0.9 }],
  marks: [
    { kind: "speech", at_ms: 1000 },
    { kind: "start", at_ms: 1064 },
    { kind: "silence", at_ms: 2500 },
    { kind: "end", at_ms: 3000 },
  ],
  settings,
  endMs: 4000,
  ...more,
});

describe("the tuner's picture", () => {
  it("makes of the marks what they mean", () => {
    expect(intervals(track().marks, 4000)).toEqual([
      { kind: "padding", fromMs: 1000, toMs: 1064 },
      { kind: "turn", fromMs: 1064, toMs: 2500 },
      { kind: "silence", fromMs: 2500, toMs: 3000 },
    ]);
  });

  it("lets a turn that goes on reach to now", () => {
    expect(intervals(track().marks.slice(0, 2), 4000).at(-1)).toEqual({
      kind: "turn",
      fromMs: 1064,
      toMs: 4000,
    });
  });

  it("has the newest at the right and the loudest at the top", () => {
    expect(xAt(4000, 4000, 600)).toBe(600);
    expect(xAt(4000 - SHOWN_MS, 4000, 600)).toBe(0);
    expect([levelHeight(0), levelHeight(-70), levelHeight(-200), levelHeight(3)]).toEqual([1, 0, 0, 1]);
  });
});

describe("the tuner", () => {
  it("says in words what it shows", () => {
    expect(describeTrack(EMPTY_SPEECH_TRACK)).toBe("");
    expect(describeTrack(track())).toContain("padding 64 ms, silence 500 ms");
    expect(describeTrack(track())).toContain("Your turn ended 1.0 s ago.");
    expect(describeTrack(track({ marks: [] }))).toContain("No turn yet.");
    const loud = track({ settings: { ...settings, detector: "Energy" } });
    expect(describeTrack(loud)).toContain("by loudness");
  });

  it("asks to speak first, then shows the picture", () => {
    const store = createStore({});
    const view = vadPanel(store, fakeActions().actions, new Scope());
    document.body.append(view.element);
    view.update(store.get());
    const picture = () => view.element.querySelector<HTMLElement>(".lw-tuner-picture")!;
    expect(picture().hidden).toBe(true);
    store.set({ explorer: { ...initialState().explorer, track: track() } });
    view.update(store.get());
    expect(picture().hidden).toBe(false);
    expect(picture().getAttribute("aria-label")).toBe(describeTrack(track()));
  });
});
