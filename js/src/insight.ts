// What a page keeps of a talk's insides: the last frames of the wire, and the last seconds of turn detection. Pure.

import type { Speech, WireFrame } from "./explorer.ts";

/** Frames kept; the kernel keeps as many. */
export const MOST_FRAMES = 2000;
/** How much of the microphone is kept, in ms. */
export const TRACK_MS = 20_000;

export interface Frames {
  list: readonly WireFrame[];
  /** How many that passed are not in the list. */
  lost: number;
}

export const NO_FRAMES: Frames = { list: [], lost: 0 };

/** Adds frames that come after those known; what is known already is told again to a page that comes back. */
export function addFrames(known: Frames, news: { frames: WireFrame[]; lost: number }): Frames {
  const last = known.list.at(-1)?.number ?? 0;
  const fresh = news.frames.filter((frame) => frame.number > last);
  if (fresh.length === 0) {
    return known;
  }
  const skipped = known.list.length > 0 ? Math.max(0, fresh[0]!.number - last - 1) : news.lost;
  const all = [...known.list, ...fresh];
  const dropped = Math.max(0, all.length - MOST_FRAMES);
  return { list: all.slice(dropped), lost: known.lost + skipped + dropped };
}

export interface SpeechWindow {
  atMs: number;
  /** dBFS. */
  level: number;
  probability: number;
}

export type Mark = Speech["marks"][number];

/** The last seconds of the microphone, and by which settings turns were found in them. */
export interface Track {
  windows: readonly SpeechWindow[];
  marks: readonly Mark[];
  /** The settings of the newest window; null before there is one. */
  settings: Omit<Speech, "levels" | "probabilities" | "marks"> | null;
  endMs: number;
}

export const NO_TRACK: Track = { windows: [], marks: [], settings: null, endMs: 0 };

export function addSpeech(known: Track, news: Speech): Track {
  const { levels, probabilities, marks, ...settings } = news;
  // Where the settings change, another detector begins to count from nothing.
  const before = news.from_ms < known.endMs - news.step_ms ? NO_TRACK : known;
  const fresh = levels.map((level, index) => ({
    atMs: news.from_ms + index * news.step_ms,
    level,
    probability: probabilities[index] ?? 0,
  }));
  const endMs = news.from_ms + levels.length * news.step_ms;
  const kept = <T>(list: readonly T[], at: (item: T) => number) =>
    list.filter((item) => at(item) >= endMs - TRACK_MS);
  return {
    windows: kept([...before.windows, ...fresh], (window) => window.atMs),
    marks: kept([...before.marks, ...marks], (mark) => mark.at_ms),
    settings,
    endMs,
  };
}
