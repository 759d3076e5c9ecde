// The microphone as turn detection sees it, to show what each of its settings does.

import type { Mark } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, SpeechTrack, State, Store } from "../state.ts";
import { el, onResize, sharpContext, show, text, type View } from "../views/dom.ts";
import { whenThemeChanges } from "../views/waveform.ts";

/** The time that is shown, in ms. */
export const SHOWN_MS = 12_000;
/** Levels are drawn from here up to 0 dBFS. */
const FLOOR_DBFS = -70;
/** Pixels between the two lanes. */
const GAP = 10;

interface Colours {
  level: string;
  probability: string;
  line: string;
  padding: string;
  silence: string;
}

/** A span of time that turn detection has found. */
interface Interval {
  kind: "padding" | "turn" | "silence";
  fromMs: number;
  toMs: number;
}

/** The intervals between marks: padding from the first speech to the start, the turn, the silence that ends it. */
export function intervals(marks: readonly Mark[], endMs: number): Interval[] {
  const found: Interval[] = [];
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

/** The x of a moment in pixels; the newest is at the right. */
export function xAt(atMs: number, endMs: number, width: number): number {
  return width - ((endMs - atMs) / SHOWN_MS) * width;
}

/** The height of a level, 0 to 1. */
export function levelHeight(dbfs: number): number {
  return Math.min(1, Math.max(0, 1 - dbfs / FLOOR_DBFS));
}

function paint(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  track: SpeechTrack,
  colours: Colours,
): void {
  const lane = (height - GAP) / 2;
  const { windows, marks, settings, endMs } = track;
  const x = (atMs: number) => xAt(atMs, endMs, width);
  context.clearRect(0, 0, width, height);
  for (const { kind, fromMs, toMs } of intervals(marks, endMs)) {
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
    const tall = levelHeight(window.level) * lane;
    context.fillRect(x(window.atMs), lane - tall, bar, tall);
  }
  const y = (probability: number) => height - 6 - probability * (lane - 8);
  if (settings) {
    context.setLineDash([4, 4]);
    context.lineWidth = 1;
    for (const threshold of [settings.start_threshold, settings.end_threshold]) {
      line(context, colours.line, [0, y(threshold)], [width, y(threshold)]);
    }
    context.setLineDash([]);
  }
  context.lineWidth = 1.75;
  const points = windows.map(({ atMs, probability }): Point => [x(atMs), y(probability)]);
  line(context, colours.probability, ...points);
  context.lineWidth = 1.5;
  for (const { kind, at_ms } of marks) {
    if (kind === "start" || kind === "end") {
      const colour = kind === "start" ? colours.padding : colours.silence;
      line(context, colour, [x(at_ms), 0], [x(at_ms), height]);
    }
  }
}

type Point = [x: number, y: number];

function line(context: CanvasRenderingContext2D, colour: string, ...points: Point[]): void {
  context.strokeStyle = colour;
  context.beginPath();
  for (const [index, [x, y]] of points.entries()) {
    context[index === 0 ? "moveTo" : "lineTo"](x, y);
  }
  context.stroke();
}

const LEGEND: { name: keyof Colours; label: string; about: string }[] = [
  { name: "padding", label: "prefix padding", about: "speech needed before a turn begins" },
  { name: "level", label: "your turn", about: "what the model takes as yours" },
  { name: "silence", label: "silence", about: "silence that ends it" },
];

export function vadPanel(_store: Store, _actions: Actions, scope: Scope): View {
  const canvas = el("canvas", "lw-tuner-canvas");
  const level = el("span", "lw-tuner-lane", {}, "level");
  const probability = el("span", "lw-tuner-lane lw-tuner-lower", {}, "probability of speech");
  const picture = el("div", "lw-tuner-picture", { role: "img" }, canvas, level, probability);
  const legend = el("ul", "lw-tuner-legend");
  for (const { name, label, about } of LEGEND) {
    legend.append(el("li", "", { title: about }, el("i", `lw-tuner-key lw-tuner-${name}`), label));
  }
  const summary = el("p", "lw-tuner-says");
  const hint = el(
    "p",
    "lw-tuner-hint",
    {},
    "The dashed lines are where speech begins and where it ends. Change sensitivities, padding and silence in Settings, under Turn detection, and say the same again.",
  );
  const empty = el("p", "lw-panel-empty", {}, "Press ● and speak: what the microphone hears is drawn here.");
  const element = el("div", "lw-tuner", {}, picture, legend, summary, hint, empty);

  let colours: Colours | null = null;
  let track: SpeechTrack | null = null;
  const draw = () => {
    const context = track && sharpContext(canvas);
    if (context && track) {
      colours ??= readColours(element);
      paint(context, canvas.clientWidth, canvas.clientHeight, track, colours);
    }
  };
  whenThemeChanges(scope, () => {
    colours = null;
    draw();
  });
  onResize(scope, draw, picture);

  return {
    element,
    update({ explorer }: State) {
      if (track === explorer.track) {
        return;
      }
      track = explorer.track;
      const hasSettings = track.settings !== null;
      for (const part of [picture, legend, summary, hint]) {
        show(part, hasSettings);
      }
      show(empty, !hasSettings);
      text(summary, describeTrack(track));
      picture.setAttribute("aria-label", describeTrack(track));
      draw();
    },
  };
}

/** The picture in words. */
export function describeTrack({ settings, marks, endMs }: SpeechTrack): string {
  if (!settings) {
    return "";
  }
  const by =
    settings.detector === "Silero"
      ? "Heard by the tutor's own detector"
      : "Heard by loudness, as the tutor's detector is not installed";
  const last = marks.filter(({ kind }) => kind === "start" || kind === "end").at(-1);
  const ago = last ? `${((endMs - last.at_ms) / 1000).toFixed(1)} s ago` : "";
  const turn = last ? ` Your turn ${last.kind === "start" ? "began" : "ended"} ${ago}.` : " No turn yet.";
  return `${by}: padding ${settings.prefix_padding_ms} ms, silence ${settings.silence_ms} ms, speech from ${settings.start_threshold} on, over below ${settings.end_threshold}.${turn}`;
}

function readColours(element: HTMLElement): Colours {
  const probe = element.appendChild(el("i"));
  const read = (value: string) => {
    probe.style.color = `var(${value})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    level: read("--lw-you"),
    probability: read("--lw-ink"),
    line: read("--lw-edge"),
    padding: read("--lw-warning"),
    silence: read("--lw-model"),
  };
  probe.remove();
  return found;
}
