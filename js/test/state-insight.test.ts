import { describe, expect, it } from "vitest";
import type { Frame, Speech } from "../src/messages.gen.ts";
import {
  addFrames,
  addSpeech,
  EMPTY_FRAME_LOG,
  EMPTY_SPEECH_TRACK,
  MAX_FRAMES,
  TRACK_MS,
} from "../src/state.ts";

const frame = (number: number): Frame => ({
  number,
  at_ms: number * 10,
  outgoing: true,
  kind: "realtimeInput.audio",
  size: 100,
  gap_ms: 10,
  json: "{}",
});
const frames = (first: number, count: number) => Array.from({ length: count }, (_, at) => frame(first + at));

const speech = (from_ms: number, count: number, more: Partial<Speech> = {}): Speech => ({
  from_ms,
  step_ms: 32,
  levels: Array.from({ length: count }, () => -30),
  probabilities: Array.from({ length: count }, () => 0.9),
  marks: [],
  start_threshold: 0.5,
  end_threshold: 0.35,
  prefix_padding_ms: 64,
  silence_ms: 500,
  detector: "Silero",
  ...more,
});

describe("the frames of the wire", () => {
  it("are kept once each, however often they are told", () => {
    let known = addFrames(EMPTY_FRAME_LOG, { frames: frames(1, 3), lost: 0 });
    known = addFrames(known, { frames: frames(2, 4), lost: 0 });
    expect(known.list.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(known.lost).toBe(0);
    expect(addFrames(known, { frames: frames(1, 2), lost: 0 })).toBe(known);
  });

  it("count those that never came", () => {
    const known = addFrames(EMPTY_FRAME_LOG, { frames: frames(11, 1), lost: 10 });
    expect(known.lost).toBe(10);
    expect(addFrames(known, { frames: frames(15, 1), lost: 3 }).lost).toBe(13);
  });

  it("are kept up to a point", () => {
    const known = addFrames(EMPTY_FRAME_LOG, { frames: frames(1, MAX_FRAMES + 7), lost: 0 });
    expect(known.list).toHaveLength(MAX_FRAMES);
    expect(known.list[0]!.number).toBe(8);
    expect(known.lost).toBe(7);
  });
});

describe("the track of the microphone", () => {
  it("goes on, and forgets what is long past", () => {
    let track = addSpeech(EMPTY_SPEECH_TRACK, speech(0, 10, { marks: [{ kind: "start", at_ms: 96 }] }));
    expect(track.windows.map(({ atMs }) => atMs).slice(0, 3)).toEqual([0, 32, 64]);
    expect(track.endMs).toBe(320);
    track = addSpeech(track, speech(320, 10));
    expect(track.windows).toHaveLength(20);
    track = addSpeech(track, speech(TRACK_MS + 640, 1));
    expect(track.windows[0]!.atMs).toBeGreaterThanOrEqual(track.endMs - TRACK_MS);
    expect(track.marks).toEqual([]);
  });

  it("begins anew where another detector does", () => {
    const track = addSpeech(
      addSpeech(EMPTY_SPEECH_TRACK, speech(5000, 10)),
      speech(0, 2, { silence_ms: 300 }),
    );
    expect(track.windows.map(({ atMs }) => atMs)).toEqual([0, 32]);
    expect(track.settings?.silence_ms).toBe(300);
  });
});
