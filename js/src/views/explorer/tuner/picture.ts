// The tuner's picture: level above, probability of speech below, and on both what turn detection made of them. Pure but
// for the canvas that it paints on.

import type { Mark, Track } from "../../../insight.ts";

/** What is shown, in ms. */
export const SHOWN_MS = 12_000;
/** Levels are drawn from here up to 0 dBFS. */
const FLOOR_DBFS = -70;
const GAP = 10;

export interface Colours {
  level: string;
  probability: string;
  line: string;
  padding: string;
  silence: string;
  soft: string;
}

/** A stretch of time with a meaning. */
export interface Stretch {
  kind: "padding" | "turn" | "silence";
  fromMs: number;
  toMs: number;
}

/** What the marks mean together: padding from the first speech to the start, a turn to its end, the silence before that. */
export function stretches(marks: readonly Mark[], endMs: number): Stretch[] {
  const found: Stretch[] = [];
  let speech: number | null = null;
  let start: number | null = null;
  let silence: number | null = null;
  for (const { kind, at_ms } of marks) {
    if (kind === "speech") {
      speech = at_ms;
    } else if (kind === "start") {
      found.push({ kind: "padding", fromMs: speech ?? at_ms, toMs: at_ms });
      start = at_ms;
    } else if (kind === "silence") {
      silence = at_ms;
    } else {
      found.push({ kind: "turn", fromMs: start ?? 0, toMs: silence ?? at_ms });
      found.push({ kind: "silence", fromMs: silence ?? at_ms, toMs: at_ms });
      speech = start = silence = null;
    }
  }
  if (start !== null) {
    found.push({ kind: "turn", fromMs: start, toMs: endMs });
  }
  return found;
}

/** Where a moment is, in px from the left; the newest is at the right. */
export function xOf(atMs: number, endMs: number, width: number): number {
  return width - ((endMs - atMs) / SHOWN_MS) * width;
}

/** How high a level stands, 0 to 1. */
export function heightOf(dbfs: number): number {
  return Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS));
}

export function paint(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  track: Track,
  colours: Colours,
): void {
  const lane = (height - GAP) / 2;
  const { windows, marks, settings, endMs } = track;
  const x = (atMs: number) => xOf(atMs, endMs, width);
  context.clearRect(0, 0, width, height);
  for (const { kind, fromMs, toMs } of stretches(marks, endMs)) {
    if (kind !== "turn") {
      context.fillStyle = kind === "padding" ? colours.padding : colours.silence;
      context.globalAlpha = 0.35;
      context.fillRect(x(fromMs), 0, Math.max(1.5, x(toMs) - x(fromMs)), height);
      context.globalAlpha = 1;
    } else {
      context.fillStyle = colours.level;
      context.fillRect(x(fromMs), height - 3, x(toMs) - x(fromMs), 3);
    }
  }
  context.fillStyle = colours.level;
  const bar = Math.max(1, (width / SHOWN_MS) * (settings?.step_ms ?? 32) - 0.8);
  for (const window of windows) {
    const tall = heightOf(window.level) * lane;
    context.fillRect(x(window.atMs), lane - tall, bar, tall);
  }
  const y = (probability: number) => height - 6 - probability * (lane - 8);
  if (settings) {
    context.setLineDash([4, 4]);
    context.lineWidth = 1;
    for (const threshold of [settings.start_threshold, settings.end_threshold]) {
      line(
        context,
        [
          [0, y(threshold)],
          [width, y(threshold)],
        ],
        colours.line,
      );
    }
    context.setLineDash([]);
  }
  context.lineWidth = 1.75;
  line(
    context,
    windows.map((window) => [x(window.atMs), y(window.probability)]),
    colours.probability,
  );
  context.lineWidth = 1.5;
  for (const { kind, at_ms } of marks) {
    if (kind === "start" || kind === "end") {
      line(
        context,
        [
          [x(at_ms), 0],
          [x(at_ms), height],
        ],
        kind === "start" ? colours.padding : colours.silence,
      );
    }
  }
}

function line(context: CanvasRenderingContext2D, points: [number, number][], colour: string): void {
  context.strokeStyle = colour;
  context.beginPath();
  for (const [index, [x, y]] of points.entries()) {
    context[index === 0 ? "moveTo" : "lineTo"](x, y);
  }
  context.stroke();
}
