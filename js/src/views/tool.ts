// The calls of a turn as chips: the function, its arguments, and what came of it; or the question whether it may run.

import type { Actions, State, ToolUse } from "../state.ts";
import { attribute, el, show, text } from "./dom.ts";
import { cleanLine, duration } from "./format.ts";
import { question } from "./question.ts";

/** Arguments and results longer than this are cut: a chip is a receipt, not a report. */
const CHIP = 240;
/** Who is asked reads all of it. */
const ASKED = 2000;

export interface Tools {
  element: HTMLElement;
  update(uses: ToolUse[], state: State): void;
}

/** Shows the calls in their order; nodes are kept. */
export function tools(actions: Pick<Actions, "confirm">): Tools {
  const element = el("ul", "lw-tools", { "aria-label": "Tools" });
  const chips: Chip[] = [];
  return {
    element,
    update(uses, state) {
      for (const chip of chips.splice(uses.length)) {
        chip.element.remove();
      }
      uses.forEach((use, index) => {
        if (!chips[index]) {
          chips[index] = makeChip(actions);
          element.append(chips[index].element);
        }
        chips[index].update(use, state);
      });
      show(element, uses.length > 0);
    },
  };
}

interface Chip {
  element: HTMLElement;
  update(use: ToolUse, state: State): void;
}

function makeChip(actions: Pick<Actions, "confirm">): Chip {
  const [call, rest] = [el("b"), el("span")];
  const ask = question(actions);
  const element = el("li", "lw-chip", {}, el("span", "lw-call", {}, call, rest), ask.element);
  return {
    element,
    update(use, state) {
      const known = use.state in OUTCOME ? use.state : "running";
      attribute(element, "data-state", known);
      text(call, cleanLine(use.name, 80));
      text(rest, `(${cleanLine(use.args, known === "asking" ? ASKED : CHIP)})${OUTCOME[known](use)}`);
      ask.update(known === "asking" ? use : null, state);
    },
  };
}

const OUTCOME: Record<ToolUse["state"], (use: ToolUse) => string> = {
  asking: () => "",
  running: (use) => ` … ${cleanLine(use.updates.at(-1) ?? "", CHIP)}`.trimEnd(),
  done: (use) => ` → ${cleanLine(use.result ?? "None", CHIP)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", CHIP)}`,
  refused: () => " did not run",
  cancelled: () => " cancelled",
};
