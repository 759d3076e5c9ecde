// Where the time of each answer went: a bar from the end of your speech over its first sound to the last one heard.

import type { Timing, Turn } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, State, Store } from "../state.ts";
import { attribute, el, show, text, type View } from "../views/dom.ts";
import { cleanLine, duration, latency } from "../views/format.ts";

/** Answers that are shown, the newest ones. */
const MAX_ANSWERS = 50;

interface Part {
  name: "decision" | "network" | "tool" | "wait" | "playback" | "heard";
  label: string;
  ms(anatomy: Timing): number;
}

/** In the order in which they happen. */
const PARTS: readonly Part[] = [
  { name: "decision", label: "noticing your end", ms: ({ decision_ms }) => decision_ms ?? 0 },
  { name: "network", label: "network", ms: ({ network_ms }) => network_ms ?? 0 },
  { name: "tool", label: "your tools", ms: ({ tool_ms }) => tool_ms },
  { name: "wait", label: "the model", ms: ({ wait_ms }) => wait_ms },
  { name: "playback", label: "starting to play", ms: ({ playback_ms }) => playback_ms ?? 0 },
  { name: "heard", label: "its voice", ms: ({ heard_ms }) => heard_ms ?? 0 },
];

export function latencyPanel(_store: Store, _actions: Actions, _scope: Scope): View {
  const legend = el("ul", "lw-tuner-legend");
  for (const { name, label } of PARTS) {
    legend.append(el("li", "", {}, el("i", `lw-tuner-key lw-part-${name}`), label));
  }
  const list = el("ol", "lw-anatomy");
  const empty = el(
    "p",
    "lw-panel-empty",
    {},
    "No spoken question has been answered yet. Each answer to one gets a bar here, showing where its time went.",
  );
  const element = el("div", "lw-anatomies", {}, legend, list, empty);
  let seen: readonly Turn[] | null = null;
  return {
    element,
    update({ turns }: State) {
      if (turns === seen) {
        return;
      }
      seen = turns;
      const timed = turns.filter(isTimed).slice(-MAX_ANSWERS);
      show(empty, timed.length === 0);
      show(legend, timed.length > 0);
      const longest = Math.max(1, ...timed.map((turn) => totalMs(turn.anatomy)));
      for (const [index, turn] of timed.entries()) {
        updateRow(list.children[index] ?? list.appendChild(row()), turn, longest);
      }
      while (list.children.length > timed.length) {
        list.lastElementChild!.remove();
      }
    },
  };
}

type TimedTurn = Turn & { anatomy: Timing; latency_ms: number };

/** Typed questions have no latency. */
function isTimed(turn: Turn): turn is TimedTurn {
  return turn.anatomy !== null && turn.latency_ms !== null;
}

function totalMs(anatomy: Timing): number {
  return PARTS.reduce((sum, part) => sum + part.ms(anatomy), 0);
}

function row(): HTMLLIElement {
  const bar = el("div", "lw-bar", { role: "img" }, ...PARTS.map(({ name }) => el("i", `lw-part-${name}`)));
  return el("li", "", {}, el("p", "lw-anatomy-text"), bar, el("p", "lw-anatomy-says"));
}

function updateRow(node: Element, turn: TimedTurn, longest: number): void {
  const [label, bar, summary] = node.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
  const { anatomy } = turn;
  text(label, cleanLine(turn.spans.map((span) => span.text).join(""), 90) || "…");
  PARTS.forEach((part, index) => {
    (bar.children[index] as HTMLElement).style.width = `${(part.ms(anatomy) / longest) * 100}%`;
  });
  text(summary, describeLatency(turn));
  attribute(bar, "aria-label", describeLatency(turn));
}

/** Where the time went, in words; parts that took no time are left out. */
export function describeLatency({ anatomy, latency_ms }: Pick<TimedTurn, "anatomy" | "latency_ms">): string {
  const parts = PARTS.slice(0, -1).filter((part) => part.ms(anatomy) >= 0.5);
  const made = parts.map((part) => `${part.label} ${duration(part.ms(anatomy))}`).join(", ");
  const heard = anatomy.heard_ms ? `; heard for ${duration(anatomy.heard_ms)}` : "";
  return `answered in ${latency(latency_ms)}${made ? ` (${made})` : ""}${heard}`;
}
