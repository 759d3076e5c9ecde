// JSON that folds out, as text nodes; sound in it is a small waveform.

import { el } from "../../dom.ts";
import { clean, cleanLine } from "../../format.ts";
import { asSound, type Sound } from "./frames.ts";

/** Levels that are open from the beginning. */
const OPEN = 3;
/** Entries of one object or list that are shown. */
const MOST = 200;

export function tree(value: unknown, depth = 0): HTMLElement {
  const sound = asSound(value);
  if (sound) {
    return el("span", "lw-json-sound", {}, wave(sound.peaks), ` ${soundText(sound)}`);
  }
  if (typeof value !== "object" || value === null) {
    return leaf(value);
  }
  const entries = Object.entries(value);
  if (entries.length === 0) {
    return el("span", "lw-json-mark", {}, Array.isArray(value) ? "[]" : "{}");
  }
  const list = el("ul", "lw-json");
  for (const [key, item] of entries.slice(0, MOST)) {
    list.append(entry(Array.isArray(value) ? "" : key, item, depth));
  }
  if (entries.length > MOST) {
    list.append(el("li", "lw-json-mark", {}, `… ${entries.length - MOST} more`));
  }
  return list;
}

function entry(key: string, value: unknown, depth: number): HTMLElement {
  const name = key === "" ? [] : [el("span", "lw-json-key", {}, cleanLine(key, 100)), ": "];
  const nested =
    typeof value === "object" && value !== null && !asSound(value) && Object.keys(value).length > 0;
  if (!nested) {
    return el("li", "", {}, ...name, tree(value, depth + 1));
  }
  const count = Object.keys(value).length;
  const mark = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  const fold = el("details", "", {}, el("summary", "", {}, ...name, el("span", "lw-json-mark", {}, mark)));
  fold.open = depth < OPEN;
  fold.append(tree(value, depth + 1));
  return el("li", "", {}, fold);
}

function leaf(value: unknown): HTMLElement {
  if (typeof value === "string") {
    return el("span", "lw-json-text", {}, `"${clean(value)}"`);
  }
  return el("span", "lw-json-value", {}, String(value));
}

export function soundText({ ms, rate }: Sound): string {
  return `${Math.round(ms)} ms · ${rate / 1000} kHz`;
}

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 96;
const HIGH = 18;

/** Peaks from 0 to 1 as bars around a middle line. */
export function wave(peaks: readonly number[], wide = WIDE): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "lw-wave");
  svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
  svg.setAttribute("width", String(wide));
  svg.setAttribute("height", String(HIGH));
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  const step = wide / Math.max(1, peaks.length);
  const bars = peaks.map((peak, index) => {
    const tall = Math.max(1, Math.min(1, Math.max(0, peak)) * HIGH);
    return `M${((index + 0.5) * step).toFixed(1)} ${((HIGH - tall) / 2).toFixed(1)}v${tall.toFixed(1)}`;
  });
  path.setAttribute("d", bars.join(""));
  svg.append(path);
  return svg;
}
