// The calls of a turn as chips: the function, its arguments, and what came of it.

import type { ToolUse } from "../state.ts";
import { attribute, el, show, text } from "./dom.ts";
import { cleanLine, duration } from "./format.ts";

/** Arguments and results longer than this are cut: a chip is a receipt, not a report. */
const CHIP = 240;

/** Brings the chips in `list` to `uses`; nodes are kept. */
export function putTools(list: HTMLElement, uses: ToolUse[]): void {
  while (list.children.length > uses.length) {
    list.lastElementChild!.remove();
  }
  uses.forEach((use, index) => {
    const chip = list.children[index] ?? list.appendChild(emptyChip());
    attribute(chip, "data-state", use.state in OUTCOME ? use.state : "running");
    const [call, rest] = chip.children as unknown as [HTMLElement, HTMLElement];
    text(call, cleanLine(use.name, 80));
    const outcome = OUTCOME[use.state] ?? OUTCOME.running;
    text(rest, `(${cleanLine(use.args, CHIP)})${outcome(use)}`);
  });
  show(list, uses.length > 0);
}

function emptyChip(): HTMLLIElement {
  return el("li", "lw-chip", {}, el("b"), el("span"));
}

const OUTCOME: Record<ToolUse["state"], (use: ToolUse) => string> = {
  asking: () => " may it run?",
  running: () => " …",
  done: (use) => ` → ${cleanLine(use.result ?? "None", CHIP)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", CHIP)}`,
  refused: () => " not allowed",
  cancelled: () => " cancelled",
};
