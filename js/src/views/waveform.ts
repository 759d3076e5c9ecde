// The scrolling picture of the talk: you above the line, the model below it, newest at the right.

import type { Levels } from "../audio/levels.ts";
import type { Scope } from "../scope.ts";
import type { State } from "../state.ts";
import { attribute, el, onResize, sharpContext, show, text, type View } from "./dom.ts";
import { currentAgent, isCalled } from "./status.ts";

const REDUCED = "(prefers-reduced-motion: reduce)";
const QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", REDUCED];

function reducedMotion(): boolean {
  return typeof matchMedia === "function" && matchMedia(REDUCED).matches;
}

/** Calls `changed` after the theme of the system or the host changed, or reduced motion was switched. */
export function whenThemeChanges(scope: Scope, changed: () => void): void {
  if (typeof matchMedia === "function") {
    for (const query of QUERIES) {
      scope.listen(matchMedia(query), "change", changed);
    }
  }
  // JupyterLab and VS Code mark the theme on the body, Colab on the root; the style sheet may load a little later.
  const observer = new MutationObserver(() => {
    changed();
    scope.timeout(changed, 300);
  });
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, {
      attributeFilter: ["class", "theme", "data-jp-theme-light", "data-jp-theme-name"],
    });
  }
  scope.add(() => observer.disconnect());
}

/** Pixels from one column to the next, and the width of its bar. */
export const PITCH = 4;
const BAR = 2.5;
/** How fast the picture scrolls, before rounding to whole columns: pixels per second. */
const SPEED = 56;
/** Peaks below this are not drawn; chosen: the noise of a quiet room. */
const SILENCE = 0.006;

/** How many levels make one column, for `rate` levels a second. */
export function levelsPerColumn(rate: number): number {
  return Math.max(1, Math.round((rate * PITCH) / SPEED));
}

interface Column {
  /** Left edge in CSS pixels; may lie outside on either side by less than one pitch. */
  x: number;
  /** Levels `first` up to, not including, `last`. */
  first: number;
  last: number;
}

/**
 * The columns of a picture `width` pixels wide whose right edge is at level `head` (fractional while it scrolls), of
 * `count` levels so far. A column always has the same levels, so that a bar never changes once it is complete.
 */
export function barColumns(head: number, count: number, width: number, group: number): Column[] {
  const made: Column[] = [];
  const newest = Math.ceil(Math.min(head, count) / group) - 1;
  for (let column = newest; column >= 0; column -= 1) {
    const x = xAt(column * group, head, width, group);
    if (x <= -PITCH) {
      break;
    }
    made.push({ x, first: column * group, last: Math.min((column + 1) * group, count) });
  }
  return made.reverse();
}

/** The x of a level's left edge. */
export function xAt(level: number, head: number, width: number, group: number): number {
  return width - ((head - level) / group) * PITCH;
}

/** Height of a bar in a lane `lane` pixels high: the square root is closer to perceived loudness. */
export function barHeight(peak: number, lane: number): number {
  if (!(peak >= SILENCE)) {
    return 0;
  }
  return Math.max(2, Math.min(1, Math.sqrt(peak) * 1.08) * lane);
}

/**
 * Moves the right edge on by `seconds`. Levels come in batches, so the edge moves at their mean rate and is eased towards
 * the newest; after a pause (a hidden tab, a stall) it jumps there.
 */
export function advanceHead(head: number, count: number, rate: number, seconds: number): number {
  const behind = count - head;
  if (behind < 0 || behind > rate || seconds > 0.5) {
    return count;
  }
  const ease = Math.min(1, seconds * 2);
  return Math.min(count, head + rate * seconds + (behind - 0.5) * ease);
}

/** Pixels kept free on both sides of the middle line. */
const MIDDLE_MARGIN = 2.5;
/** Pixels kept free at the upper and lower edge. */
const EDGE_MARGIN = 8;
/** Time between two pictures with reduced motion; chosen: twice a second. */
const REDUCED_MOTION_MS = 500;

interface Colours {
  user: string;
  model: string;
  mark: string;
}

/** `onLevel` gets the user's newest level, 0..1, with every picture of a live session. */
export function waveform(levels: Levels, onLevel: (level: number) => void, scope: Scope): View {
  const canvas = el("canvas", "lw-canvas");
  const user = el("span", "lw-lane lw-lane-user", {}, "you");
  const model = el("span", "lw-lane lw-lane-model");
  const element = el("div", "lw-waveform", { "aria-hidden": "true" }, canvas, user, model);

  let live = false;
  let alone = false;
  let visible = typeof IntersectionObserver === "undefined";
  let colours: Colours | null = null;
  let head = levels.count;
  let last = 0;
  let stop: (() => void) | null = null;

  const draw = () => {
    colours ??= {
      user: getComputedStyle(user).color,
      model: getComputedStyle(model).color,
      mark: getComputedStyle(canvas).color,
    };
    paint(canvas, levels, head, colours, alone);
  };
  const still = () => {
    head = levels.count;
    draw();
  };
  const calm = () => {
    still();
    onLevel(0);
  };
  const moving = (time: number) => {
    head = advanceHead(head, levels.count, levels.rate, last === 0 ? 0 : (time - last) / 1000);
    last = time;
    draw();
    onLevel(levels.count > 0 ? levels.at("user", levels.count - 1) : 0);
  };
  const run = () => {
    const wanted = live && visible;
    if (wanted && !stop) {
      last = 0;
      stop = reducedMotion() ? scope.interval(calm, REDUCED_MOTION_MS) : scope.frame(moving);
    } else if (!wanted && stop) {
      stop();
      stop = null;
      onLevel(0);
    }
    if (!wanted && visible) {
      still();
    }
  };

  onResize(
    scope,
    () => {
      if (visible) {
        draw();
      }
    },
    element,
  );
  watchVisibility(element, scope, (now) => {
    visible = now;
    run();
  });
  whenThemeChanges(scope, () => {
    colours = null;
    stop?.();
    stop = null;
    run();
  });

  return {
    element,
    update(state: State) {
      text(user, isCalled(state) ? "caller" : "you");
      text(model, currentAgent(state));
      // A model that only listens has no lane.
      const listens = state.view === "dictation";
      show(model, !listens);
      attribute(element, "data-alone", listens ? "true" : null);
      if (listens !== alone) {
        alone = listens;
        if (visible && !stop) {
          draw();
        }
      }
      const now = state.phase === "live" && state.connected;
      if (now !== live) {
        live = now;
        run();
      }
    },
  };
}

/** One picture at the screen's resolution. Without a model lane the user has the whole height. */
function paint(
  canvas: HTMLCanvasElement,
  levels: Levels,
  head: number,
  colours: Colours,
  alone: boolean,
): void {
  const context = sharpContext(canvas);
  if (!context) {
    return;
  }
  const { clientWidth: width, clientHeight: height } = canvas;
  context.clearRect(0, 0, width, height);
  const group = levelsPerColumn(levels.rate);
  const middle = height / 2;
  const lane = middle - MIDDLE_MARGIN - EDGE_MARGIN;
  const shown = barColumns(head, levels.count, width, group);
  for (const speaker of alone ? (["user"] as const) : (["user", "model"] as const)) {
    context.fillStyle = colours[speaker];
    context.beginPath();
    for (const { x, first, last } of shown) {
      const tall = barHeight(peak(levels, speaker, first, last), lane);
      if (tall > 0) {
        const above = speaker === "user" ? middle - MIDDLE_MARGIN - tall : middle + MIDDLE_MARGIN;
        const [top, height] = alone ? [middle - tall, 2 * tall] : [above, tall];
        context.roundRect(x + (PITCH - BAR) / 2, top, BAR, height, BAR / 2);
      }
    }
    context.fill();
  }
  context.strokeStyle = colours.mark;
  context.lineWidth = 1.5;
  context.setLineDash([3, 3]);
  context.beginPath();
  for (const mark of levels.marks) {
    const x = xAt(mark, head, width, group);
    if (x > 0) {
      context.moveTo(x, EDGE_MARGIN / 2);
      context.lineTo(x, height - EDGE_MARGIN / 2);
    }
  }
  context.stroke();
}

function peak(levels: Levels, speaker: "user" | "model", first: number, last: number): number {
  let highest = 0;
  for (let index = first; index < last; index += 1) {
    highest = Math.max(highest, levels.at(speaker, index));
  }
  return highest;
}

function watchVisibility(element: HTMLElement, scope: Scope, changed: (visible: boolean) => void): void {
  if (typeof IntersectionObserver === "undefined") {
    return;
  }
  const observer = new IntersectionObserver((entries) => changed(entries.at(-1)!.isIntersecting));
  observer.observe(element);
  scope.add(() => observer.disconnect());
}
