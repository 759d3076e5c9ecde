// Where the time of each answer went: a bar from the end of your speech over its first sound to the last one heard. Where
// some answers came through the kernel and others straight from the browser, here or in other cards of the page, the two
// ways stand side by side.

import type { Timing, Turn } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, State, Store } from "../state.ts";
import { attribute, el, show, text, type View } from "../views/dom.ts";
import { cleanLine, duration, latency } from "../views/format.ts";

/** Answers that are shown, the newest ones. */
const MAX_ANSWERS = 50;
/** How often other cards of the page are asked for their answers; chosen: before anybody looks for one that was just heard. */
const ASK_MS = 1000;
/** Asks every card of the page for its answers. */
const ANSWERS = "livewidget:answers";

interface Part {
  name: "decision" | "network" | "tool" | "wait" | "kernel" | "playback" | "heard";
  label: string;
  /** What it is called where the page has the connection itself: no browser can ping, so the network is in it. */
  direct?: string;
  ms(anatomy: Timing): number;
}

/** In the order in which they happen. */
const PARTS: readonly Part[] = [
  { name: "decision", label: "noticing your end", ms: ({ decision_ms }) => decision_ms ?? 0 },
  { name: "network", label: "network", ms: ({ network_ms }) => network_ms ?? 0 },
  { name: "tool", label: "your tools", ms: ({ tool_ms }) => tool_ms },
  { name: "wait", label: "the model", direct: "the model and the network", ms: ({ wait_ms }) => wait_ms },
  { name: "kernel", label: "to the page and back", ms: ({ kernel_ms }) => kernel_ms ?? 0 },
  { name: "playback", label: "starting to play", ms: ({ playback_ms }) => playback_ms ?? 0 },
  { name: "heard", label: "its voice", ms: ({ heard_ms }) => heard_ms ?? 0 },
];
/** Up to the first sound. */
const BEFORE = PARTS.slice(0, -1);

/** An answer to what was spoken: typed questions have no latency. */
type Answer = Pick<Turn, "anatomy" | "latency_ms"> & { anatomy: Timing; latency_ms: number };
type TimedTurn = Turn & Answer;

function answersOf(turns: readonly Turn[]): TimedTurn[] {
  const isTimed = (turn: Turn): turn is TimedTurn => turn.anatomy !== null && turn.latency_ms !== null;
  return turns.filter(isTimed).slice(-MAX_ANSWERS);
}

/** Lets the other cards of the page know this card's answers, whichever copy of this program each of them runs. */
export function shareAnswers(store: Store, scope: Scope): void {
  scope.listen<CustomEvent<Asked>>(window, ANSWERS, ({ detail }) => {
    if (detail.by !== store) {
      detail.found.push(...answersOf(store.get().turns));
    }
  });
}

interface Asked {
  by: Store;
  found: Answer[];
}

/** The answers that the other cards of the page have. */
function answersElsewhere(store: Store): Answer[] {
  const detail: Asked = { by: store, found: [] };
  window.dispatchEvent(new CustomEvent(ANSWERS, { detail }));
  return detail.found;
}

export function latencyPanel(store: Store, _actions: Actions, scope: Scope): View {
  const legend = el("ul", "lw-tuner-legend");
  for (const { name, label } of PARTS) {
    legend.append(el("li", "", {}, el("i", `lw-tuner-key lw-part-${name}`), label));
  }
  const ways = comparison();
  const list = el("ol", "lw-anatomy");
  const empty = el(
    "p",
    "lw-panel-empty",
    {},
    "No spoken question has been answered yet. Each answer to one gets a bar here, showing where its time went.",
  );
  // It scrolls, and has nothing in it that keys could go to.
  const element = el("div", "lw-anatomies", { tabindex: "0" }, legend, ways.element, list, empty);
  let seen: readonly Turn[] | null = null;
  scope.interval(() => {
    const { open, panel } = store.get().explorer;
    if (open && panel === "turns") {
      compare();
    }
  }, ASK_MS);
  return {
    element,
    update({ turns }: State) {
      if (turns === seen) {
        return;
      }
      seen = turns;
      const timed = answersOf(turns);
      show(empty, timed.length === 0);
      show(legend, timed.length > 0);
      const longest = Math.max(1, ...timed.map((turn) => totalMs(turn.anatomy, PARTS)));
      for (const [index, turn] of timed.entries()) {
        const row = list.children[index] ?? list.appendChild(barRow());
        const says = describeLatency(turn, store.get().page);
        updateRow(
          row,
          cleanLine(turn.spans.map((span) => span.text).join(""), 90) || "…",
          says,
          turn.anatomy,
          longest,
        );
      }
      while (list.children.length > timed.length) {
        list.lastElementChild!.remove();
      }
      compare();
    },
  };

  function compare(): void {
    ways.update([...answersOf(store.get().turns), ...answersElsewhere(store)], store.get().page);
  }
}

/** The medians of both ways, below each other on one scale; hidden while one of them has no answers. */
function comparison(): { element: HTMLElement; update(answers: readonly Answer[], page: boolean): void } {
  const rows = el("ul", "lw-anatomy", {}, barRow(), barRow());
  const hint = el(
    "p",
    "lw-control-hint",
    {},
    "Medians of the answers without a tool, of all cards on this page. A browser cannot measure the network, so straight from it the network is part of the model's time.",
  );
  const element = el("section", "lw-ways", { "aria-label": "Both ways, compared" }, rows, hint);
  show(element, false);
  return {
    element,
    update(answers, page) {
      // What a tool takes has nothing to do with the way.
      const plain = answers.filter(({ anatomy }) => anatomy.tool_ms === 0);
      const both = [false, true].map((direct) => plain.filter(({ anatomy }) => anatomy.direct === direct));
      show(
        element,
        both.every((some) => some.length > 0),
      );
      if (element.hidden) {
        return;
      }
      const middles = both.map((some) => medianOf(some));
      const longest = Math.max(1, ...middles.map(({ anatomy }) => totalMs(anatomy, BEFORE)));
      for (const [index, middle] of middles.entries()) {
        const { length } = both[index]!;
        const name = `${capital(wayOf(middle.anatomy, page))}, ${length} ${length === 1 ? "answer" : "answers"}`;
        const says = `in ${latency(middle.latency_ms)}${describeParts(middle.anatomy)}`;
        updateRow(rows.children[index]!, name, says, { ...middle.anatomy, heard_ms: null }, longest);
      }
    },
  };
}

/** The median of each part, and of the whole: these need not add up. */
function medianOf(answers: readonly Answer[]): Answer {
  const [first] = answers as [Answer];
  const part = (ms: (anatomy: Timing) => number | null) =>
    median(answers.map(({ anatomy }) => ms(anatomy) ?? 0));
  return {
    latency_ms: median(answers.map(({ latency_ms }) => latency_ms)),
    anatomy: {
      decision_ms: part(({ decision_ms }) => decision_ms),
      network_ms: part(({ network_ms }) => network_ms),
      tool_ms: part(({ tool_ms }) => tool_ms),
      wait_ms: part(({ wait_ms }) => wait_ms),
      kernel_ms: part(({ kernel_ms }) => kernel_ms),
      playback_ms: part(({ playback_ms }) => playback_ms),
      heard_ms: null,
      direct: first.anatomy.direct,
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function totalMs(anatomy: Timing, parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.ms(anatomy), 0);
}

function barRow(): HTMLLIElement {
  const bar = el("div", "lw-bar", { role: "img" }, ...PARTS.map(({ name }) => el("i", `lw-part-${name}`)));
  return el("li", "", {}, el("p", "lw-anatomy-text"), bar, el("p", "lw-anatomy-says"));
}

function updateRow(node: Element, name: string, says: string, anatomy: Timing, longest: number): void {
  const [label, bar, summary] = node.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
  text(label, name);
  PARTS.forEach((part, index) => {
    (bar.children[index] as HTMLElement).style.width = `${(part.ms(anatomy) / longest) * 100}%`;
  });
  text(summary, says);
  attribute(bar, "aria-label", says);
}

/** Which way question and answer took; a page without a notebook has a program where others have a kernel. */
function wayOf({ direct }: Timing, page: boolean): string {
  return direct ? "straight from the browser" : `through the ${page ? "program" : "kernel"}`;
}

const capital = (words: string) => words[0]!.toUpperCase() + words.slice(1);

/** Which way an answer took and where the time went, in words; parts that took no time are left out. */
export function describeLatency({ anatomy, latency_ms }: Answer, page = false): string {
  const heard = anatomy.heard_ms ? `; heard for ${duration(anatomy.heard_ms)}` : "";
  return `answered in ${latency(latency_ms)} ${wayOf(anatomy, page)}${describeParts(anatomy)}${heard}`;
}

function describeParts(anatomy: Timing): string {
  const parts = BEFORE.filter((part) => part.ms(anatomy) >= 0.5);
  const name = ({ label, direct }: Part) => (anatomy.direct && direct) || label;
  return parts.length
    ? ` (${parts.map((part) => `${name(part)} ${duration(part.ms(anatomy))}`).join(", ")})`
    : "";
}
