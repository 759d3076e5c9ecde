// The wire: every frame both ways. Filter by kind, search, pause, export.

import type { Scope } from "../../../scope.ts";
import type { Actions, Store } from "../../../state.ts";
import { attribute, el, show, text, type View } from "../../dom.ts";
import { kinds, type Row, rows, toJsonl } from "./frames.ts";
import { type FrameRow, frameRow } from "./row.ts";

/** Rows drawn at once; earlier ones on demand. */
const STEP = 150;
/** Nearer to the end than this, in px, the list follows what comes. */
const NEAR = 40;

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
  let made = new Map<number, FrameRow>();
  let most = STEP;
  let seen: unknown = null;

  const frames = () => held ?? store.get().explorer.frames;
  const wanted = () => ({ kind: kind.value, text: search.value });
  const changed = () => {
    seen = null;
    most = STEP;
    draw();
  };
  scope.listen(search, "input", changed);
  scope.listen(kind, "change", changed);
  scope.listen(earlier, "click", () => {
    const before = scroller.scrollHeight - scroller.scrollTop;
    most += STEP;
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
    const shown = rows(frames().list, wanted()).flatMap((row) => row.frames);
    download("wire.jsonl", toJsonl(shown), scope);
  });

  function draw(): void {
    const { list: all, lost } = frames();
    if (seen === all) {
      return;
    }
    seen = all;
    const follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    putKinds(kind, all);
    const found = rows(all, wanted());
    putRows(found.slice(-most));
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

  function putRows(found: Row[]): void {
    const next = new Map<number, FrameRow>();
    for (const row of found) {
      const known = made.get(row.number);
      known?.put(row);
      next.set(row.number, known ?? frameRow(row));
    }
    for (const [number, row] of made) {
      if (!next.has(number)) {
        row.element.remove();
      }
    }
    made = next;
    let at = list.firstElementChild;
    for (const { element: node } of made.values()) {
      if (node === at) {
        at = at.nextElementSibling;
      } else {
        list.insertBefore(node, at);
      }
    }
  }

  return { element, update: draw };
}

function putKinds(select: HTMLSelectElement, frames: Parameters<typeof kinds>[0]): void {
  const known = kinds(frames);
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
  // The browser reads it after this task.
  scope.timeout(() => URL.revokeObjectURL(url), 10_000);
}
