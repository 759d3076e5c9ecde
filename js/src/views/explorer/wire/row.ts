// One row of the wire: when, which way, what, how large; folds out to what was in it.

import { attribute, el } from "../../dom.ts";
import { cleanLine } from "../../format.ts";
import { clock, parsed, type Row, size, sounds } from "./frames.ts";
import { tree, wave } from "./tree.ts";

const PREVIEW = 160;
/** Bars of one row's waveform. */
const BARS = 48;

export interface FrameRow {
  element: HTMLLIElement;
  /** Shows a row that has grown: a run of sound goes on. */
  put(row: Row): void;
}

export function frameRow(first: Row): FrameRow {
  let shown = first;
  let drawn = 0;
  const at = el("span", "lw-frame-at");
  const way = el("span", "lw-frame-way");
  const kind = el("span", "lw-frame-kind");
  const what = el("span", "lw-frame-what");
  const bytes = el("span", "lw-frame-size");
  const head = el("button", "lw-frame-head", { type: "button", "aria-expanded": "false" });
  head.append(at, way, kind, what, bytes);
  const body = el("div", "lw-frame-body");
  body.hidden = true;
  const element = el("li", "lw-frame", {}, head, body);

  const fill = () => body.replaceChildren(...shown.frames.slice(-12).map((frame) => details(frame, shown)));
  head.onclick = () => {
    body.hidden = !body.hidden;
    attribute(head, "aria-expanded", String(!body.hidden));
    if (!body.hidden) {
      fill();
    }
  };

  const put = (row: Row) => {
    if (row.frames.length === drawn) {
      return;
    }
    drawn = row.frames.length;
    shown = row;
    const { at_ms, outgoing, kind: name } = row.frames[0]!;
    attribute(element, "data-way", outgoing ? "out" : "in");
    at.textContent = clock(at_ms);
    way.textContent = outgoing ? "↑" : "↓";
    attribute(way, "title", outgoing ? "sent" : "received");
    kind.textContent =
      row.frames.length > 1 ? `${cleanLine(name, 80)} × ${row.frames.length}` : cleanLine(name, 80);
    bytes.textContent = size(row.frames.reduce((sum, frame) => sum + frame.size, 0));
    what.replaceChildren(preview(row));
    if (!body.hidden) {
      fill();
    }
  };
  put(first);
  return { element, put };
}

function preview(row: Row): Node {
  const heard = row.frames.flatMap((frame) => sounds(parsed(frame)));
  if (heard.length === 0) {
    return document.createTextNode(cleanLine(row.frames[0]!.json, PREVIEW));
  }
  const ms = heard.reduce((sum, sound) => sum + sound.ms, 0);
  const peaks = thinned(
    heard.flatMap((sound) => sound.peaks),
    BARS,
  );
  return el(
    "span",
    "lw-json-sound",
    {},
    wave(peaks),
    ` ${ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}`,
  );
}

/** At most `most` values, each the highest of its share. */
export function thinned(values: readonly number[], most: number): number[] {
  if (values.length <= most) {
    return [...values];
  }
  return Array.from({ length: most }, (_, index) =>
    Math.max(
      ...values.slice(
        Math.floor((index * values.length) / most),
        Math.floor(((index + 1) * values.length) / most),
      ),
    ),
  );
}

function details(frame: Row["frames"][number], row: Row): HTMLElement {
  const gap =
    frame.gap_ms === null ? "the first frame" : `${frame.gap_ms.toFixed(1)} ms after the one before`;
  const about = `frame ${frame.number} · ${size(frame.size)} · ${gap}`;
  const node = el("div", "lw-frame-details", {}, el("p", "lw-frame-about", {}, about), tree(parsed(frame)));
  if (row.frames.length > 12 && frame === row.frames.at(-12)) {
    node.prepend(el("p", "lw-frame-about", {}, `… ${row.frames.length - 12} earlier frames of this run`));
  }
  return node;
}
