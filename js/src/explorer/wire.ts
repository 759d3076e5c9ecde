// Every frame of the connection, both ways. Filter by kind, search, pause, export.

import type { Frame } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { attribute, el, patchKeyed, show, svg, text, type View } from "../views/dom.ts";
import { clean, cleanLine } from "../views/format.ts";

/** Frames that are shown as one row: a single one, or a run of audio in one direction. */
interface Row {
  /** The number of its first frame. */
  number: number;
  frames: Frame[];
}

interface Search {
  /** "" for all. */
  kind: string;
  text: string;
}

const SOUND = /"audio"\s*:\s*\{"ms"/;

/** Whether a frame has audio and nothing else worth reading. */
export function isSound(frame: Frame): boolean {
  return SOUND.test(frame.json) && !/"(text|turnComplete|interrupted|functionCalls)"/.test(frame.json);
}

/** The kinds of frames, the most frequent first. */
export function frameKinds(frames: readonly Frame[]): [kind: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { kind } of frames) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

function matchesSearch(frame: Frame, { kind, text }: Search): boolean {
  const wanted = text.trim().toLowerCase();
  return (
    (kind === "" || frame.kind === kind) &&
    (wanted === "" || frame.kind.toLowerCase().includes(wanted) || frame.json.toLowerCase().includes(wanted))
  );
}

export function frameRows(frames: readonly Frame[], search: Search): Row[] {
  const found: Row[] = [];
  for (const frame of frames) {
    if (!matchesSearch(frame, search)) {
      continue;
    }
    const last = found.at(-1);
    const before = last?.frames.at(-1);
    const goesOn =
      before !== undefined &&
      before.outgoing === frame.outgoing &&
      before.kind === frame.kind &&
      isSound(before);
    if (goesOn && isSound(frame)) {
      last!.frames.push(frame);
    } else {
      found.push({ number: frame.number, frames: [frame] });
    }
  }
  return found;
}

/** The content of a frame, or its text where that was cut and is not JSON any more. */
function parseFrame(frame: Frame): unknown {
  try {
    return JSON.parse(frame.json);
  } catch {
    return frame.json;
  }
}

interface Sound {
  ms: number;
  rate: number;
  peaks: number[];
}

/** A piece of audio in a frame, as the kernel summarizes it. */
function toSound(value: unknown): Sound | null {
  const sound = (value as { audio?: Partial<Sound> } | null)?.audio;
  const ok = typeof sound?.ms === "number" && typeof sound.rate === "number" && Array.isArray(sound.peaks);
  return ok ? { ms: sound.ms!, rate: sound.rate!, peaks: sound.peaks!.map(Number) } : null;
}

/** All pieces of audio in a value, in order. */
export function sounds(value: unknown): Sound[] {
  const one = toSound(value);
  if (one) {
    return [one];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(sounds) : [];
}

/** The frames as JSON Lines, like the kernel's own export. */
export function toJsonl(frames: readonly Frame[]): string {
  return frames
    .map((frame) => {
      const { number, at_ms, gap_ms, outgoing, kind, size } = frame;
      return `${JSON.stringify({ number, at_ms, gap_ms, way: outgoing ? "out" : "in", kind, size, json: parseFrame(frame) })}\n`;
    })
    .join("");
}

/** `340 B`, `1.2 KB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  return bytes < 999_500 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Time since the first frame: `0:03.120`. */
export function formatTime(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const minutes = Math.floor(whole / 60_000);
  const seconds = ((whole % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${minutes}:${seconds}`;
}

/** Levels that are unfolded at first. */
const OPEN = 3;
/** Entries of one object or list that are shown. */
const MOST = 200;

export function tree(value: unknown, depth = 0): HTMLElement {
  const sound = toSound(value);
  if (sound) {
    return el("span", "lw-json-sound", {}, waveform(sound.peaks), ` ${soundText(sound)}`);
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
    typeof value === "object" && value !== null && !toSound(value) && Object.keys(value).length > 0;
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

function soundText({ ms, rate }: Sound): string {
  return `${Math.round(ms)} ms · ${rate / 1000} kHz`;
}

/** Size of a waveform in pixels. */
const WIDE = 96;
const HIGH = 18;

/** Peaks from 0 to 1 as bars around a middle line. */
function waveform(peaks: readonly number[], wide = WIDE): SVGSVGElement {
  const step = wide / Math.max(1, peaks.length);
  const bars = peaks.map((peak, index) => {
    const tall = Math.max(1, Math.min(1, Math.max(0, peak)) * HIGH);
    return `M${((index + 0.5) * step).toFixed(1)} ${((HIGH - tall) / 2).toFixed(1)}v${tall.toFixed(1)}`;
  });
  return svg(
    "svg",
    {
      class: "lw-wave",
      viewBox: `0 0 ${wide} ${HIGH}`,
      width: String(wide),
      height: String(HIGH),
      "aria-hidden": "true",
    },
    svg("path", { d: bars.join("") }),
  );
}

/** Characters of a frame that its row shows. */
const PREVIEW = 160;
/** Bars of one row's waveform. */
const BARS = 48;

interface FrameRow {
  element: HTMLLIElement;
  /** Updates a row that has grown: a run of audio continues. */
  update(row: Row): boolean;
}

function frameRow(first: Row): FrameRow {
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

  const fill = () =>
    body.replaceChildren(...shown.frames.slice(-12).map((frame) => frameDetails(frame, shown)));
  head.onclick = () => {
    body.hidden = !body.hidden;
    attribute(head, "aria-expanded", String(!body.hidden));
    if (!body.hidden) {
      fill();
    }
  };

  const update = (row: Row): boolean => {
    if (row.frames.length === drawn) {
      return false;
    }
    drawn = row.frames.length;
    shown = row;
    const { at_ms, outgoing, kind: name } = row.frames[0]!;
    attribute(element, "data-way", outgoing ? "out" : "in");
    at.textContent = formatTime(at_ms);
    way.textContent = outgoing ? "↑" : "↓";
    attribute(way, "title", outgoing ? "sent" : "received");
    kind.textContent =
      row.frames.length > 1 ? `${cleanLine(name, 80)} × ${row.frames.length}` : cleanLine(name, 80);
    bytes.textContent = formatSize(row.frames.reduce((sum, frame) => sum + frame.size, 0));
    what.replaceChildren(framePreview(row));
    if (!body.hidden) {
      fill();
    }
    return true;
  };
  update(first);
  return { element, update: update };
}

function framePreview(row: Row): Node {
  const pieces = row.frames.flatMap((frame) => sounds(parseFrame(frame)));
  if (pieces.length === 0) {
    return document.createTextNode(cleanLine(row.frames[0]!.json, PREVIEW));
  }
  const ms = pieces.reduce((sum, sound) => sum + sound.ms, 0);
  const peaks = downsample(
    pieces.flatMap((sound) => sound.peaks),
    BARS,
  );
  return el(
    "span",
    "lw-json-sound",
    {},
    waveform(peaks),
    ` ${ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}`,
  );
}

/** At most `most` values, each the maximum of its share. */
export function downsample(values: readonly number[], most: number): number[] {
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

function frameDetails(frame: Row["frames"][number], row: Row): HTMLElement {
  const gap =
    frame.gap_ms === null ? "the first frame" : `${frame.gap_ms.toFixed(1)} ms after the one before`;
  const about = `frame ${frame.number} · ${formatSize(frame.size)} · ${gap}`;
  const node = el(
    "div",
    "lw-frame-details",
    {},
    el("p", "lw-frame-about", {}, about),
    tree(parseFrame(frame)),
  );
  if (row.frames.length > 12 && frame === row.frames.at(-12)) {
    node.prepend(el("p", "lw-frame-about", {}, `… ${row.frames.length - 12} earlier frames of this run`));
  }
  return node;
}

/** Rows that are drawn; earlier ones on demand. */
const ROW_STEP = 150;
/** Closer to the end than this, in pixels, the list follows new frames. */
const END_MARGIN = 40;

export function wirePanel(store: Store, _actions: Actions, scope: Scope): View {
  const kind = el("select", "lw-entry", { "aria-label": "Kind of frame" });
  const search = el("input", "lw-entry", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search frames",
  });
  const pause = el("button", "lw-button", { type: "button" }, "Pause");
  const save = el(
    "button",
    "lw-button",
    { type: "button", title: "Save the frames shown as JSON Lines" },
    "Export",
  );
  const count = el("span", "lw-wire-count", { role: "status" });
  const bar = el("div", "lw-wire-bar", {}, search, kind, pause, save, count);
  const earlier = el("button", "lw-button lw-wire-earlier", { type: "button" });
  const list = el("ol", "lw-frames", { "aria-label": "Frames of the wire" });
  const empty = el("p", "lw-panel-empty", {}, "Nothing has gone over the wire yet. Start to talk.");
  const scroller = el("div", "lw-wire-list", { tabindex: "-1" }, earlier, list);
  const element = el("div", "lw-wire", {}, bar, scroller, empty);

  let held: ReturnType<Store["get"]>["explorer"]["frames"] | null = null;
  const rowsShown = new Map<number, FrameRow>();
  let most = ROW_STEP;
  let seen: unknown = null;

  const frames = () => held ?? store.get().explorer.frames;
  const searched = () => ({ kind: kind.value, text: search.value });
  const changed = () => {
    seen = null;
    most = ROW_STEP;
    draw();
  };
  scope.listen(search, "input", changed);
  scope.listen(kind, "change", changed);
  scope.listen(earlier, "click", () => {
    const before = scroller.scrollHeight - scroller.scrollTop;
    most += ROW_STEP;
    seen = null;
    draw();
    scroller.scrollTop = scroller.scrollHeight - before;
  });
  scope.listen(pause, "click", () => {
    held = held ? null : store.get().explorer.frames;
    text(pause, held ? "Go on" : "Pause");
    attribute(pause, "aria-pressed", String(held !== null));
    draw();
  });
  scope.listen(save, "click", () => {
    const shown = frameRows(frames().list, searched()).flatMap((row) => row.frames);
    download("wire.jsonl", toJsonl(shown), scope);
  });

  function draw(): void {
    const { list: all, lost } = frames();
    if (seen === all) {
      return;
    }
    seen = all;
    const follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_MARGIN;
    updateKinds(kind, all);
    const found = frameRows(all, searched());
    patchKeyed(list, rowsShown, found.slice(-most), {
      key: (row) => row.number,
      make: frameRow,
      update: (node, row) => node.update(row),
    });
    show(earlier, found.length > most);
    text(earlier, `${found.length - most} earlier rows`);
    const here = found.reduce((sum, row) => sum + row.frames.length, 0);
    const gone = lost > 0 ? `, ${lost} not kept` : "";
    text(count, `${here === all.length ? here : `${here} of ${all.length}`} frames${gone}`);
    show(empty, all.length === 0);
    if (follows && held === null) {
      scroller.scrollTop = scroller.scrollHeight;
    }
  }

  return { element, update: draw };
}

function updateKinds(select: HTMLSelectElement, frames: Parameters<typeof frameKinds>[0]): void {
  const known = frameKinds(frames);
  const chosen = select.value;
  const labels = [["", "All kinds"], ...known.map(([name, count]) => [name, `${name} (${count})`])] as const;
  const options = select.options;
  labels.forEach(([value, label], index) => {
    const option = options[index] ?? select.appendChild(el("option"));
    option.value = value!;
    text(option, label!);
  });
  while (options.length > labels.length) {
    options[options.length - 1]!.remove();
  }
  select.value = known.some(([name]) => name === chosen) ? chosen : "";
}

function download(name: string, content: string, scope: Scope): void {
  const url = URL.createObjectURL(new Blob([content], { type: "application/jsonl" }));
  el("a", "", { href: url, download: name }).click();
  // The browser reads the blob after this task.
  scope.timeout(() => URL.revokeObjectURL(url), 10_000);
}
