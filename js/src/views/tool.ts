// The calls of a turn as chips: the function, its arguments, and what came of it; or the question whether it may run.

import type { Tool } from "../messages.gen.ts";
import type { Actions, State } from "../state.ts";
import { attribute, button, el, name, patchList, show, text } from "./dom.ts";
import { cleanLine, duration } from "./format.ts";

interface ApprovalQuestion {
  element: HTMLElement;
  /** Asks about `use`; null hides the question. */
  update(use: Tool | null, state: State): void;
}

function approvalQuestion(actions: Pick<Actions, "confirm">): ApprovalQuestion {
  const words = el("span", "lw-question-words");
  const yes = button("lw-answer", "Allow", "Allow");
  const no = button("lw-answer", "Don't", "Don't");
  const element = el("span", "lw-question", { role: "group" }, words, yes, no);
  let asked: string | null = null;
  let answered = false;

  const answer = (allowed: boolean) => {
    if (asked !== null && !answered) {
      answered = true;
      actions.confirm(asked, allowed);
    }
  };
  yes.onclick = () => answer(true);
  no.onclick = () => answer(false);

  return {
    element,
    update(use, state) {
      if (asked !== (use?.id ?? null)) {
        asked = use?.id ?? null;
        answered = false;
      }
      if (use === null && element.contains(document.activeElement)) {
        // The buttons are about to hide and would lose the focus.
        element.closest<HTMLElement>(".livewidget")?.focus({ preventScroll: true });
      }
      show(element, use !== null);
      if (use === null) {
        return;
      }
      const called = cleanLine(use.name, 80);
      name(yes, `Allow ${called}`);
      name(no, `Don't allow ${called}`);
      element.setAttribute("aria-label", `May ${called} run?`);
      text(words, state.ownedElsewhere ? "asked in another page" : "May it run?");
      show(yes, !state.ownedElsewhere);
      show(no, !state.ownedElsewhere);
    },
  };
}

/** The calls that wait for approval, oldest first. */
export function pendingApprovals(state: State): Tool[] {
  return state.phase === "live"
    ? state.turns.flatMap((turn) => turn.tools.filter((use) => use.state === "asking"))
    : [];
}

/** Longer arguments and results are cut; chosen: about three lines of a chip. */
const MAX_SUMMARY = 240;
/** The same for a call that waits for approval: the person needs to see all of it. */
const MAX_QUESTION = 2000;

interface ToolList {
  element: HTMLElement;
  update(uses: Tool[], state: State): void;
}

/** The tool calls of a turn, in order; nodes are reused. */
export function toolList(actions: Pick<Actions, "confirm">): ToolList {
  const element = el("ul", "lw-tools", { "aria-label": "Tools" });
  const chips: Chip[] = [];
  return {
    element,
    update(uses, state) {
      patchList(
        element,
        chips,
        uses,
        () => makeChip(actions),
        (chip, use) => chip.update(use, state),
      );
      show(element, uses.length > 0);
    },
  };
}

interface Chip {
  element: HTMLElement;
  update(use: Tool, state: State): void;
}

function makeChip(actions: Pick<Actions, "confirm">): Chip {
  const [call, rest] = [el("b"), el("span")];
  const ask = approvalQuestion(actions);
  const element = el("li", "lw-chip", {}, el("span", "lw-call", {}, call, rest), ask.element);
  return {
    element,
    update(use, state) {
      const known = use.state in OUTCOMES ? use.state : "running";
      attribute(element, "data-state", known);
      text(call, cleanLine(use.name, 80));
      text(
        rest,
        `(${cleanLine(use.args, known === "asking" ? MAX_QUESTION : MAX_SUMMARY)})${OUTCOMES[known](use)}`,
      );
      ask.update(known === "asking" ? use : null, state);
    },
  };
}

const OUTCOMES: Record<Tool["state"], (use: Tool) => string> = {
  asking: () => "",
  running: (use) => ` … ${cleanLine(use.updates.at(-1) ?? "", MAX_SUMMARY)}`.trimEnd(),
  done: (use) => ` → ${cleanLine(use.result ?? "None", MAX_SUMMARY)} · ${duration(use.duration_ms)}`,
  failed: (use) => ` failed: ${cleanLine(use.error ?? "no reason given", MAX_SUMMARY)}`,
  refused: () => " did not run",
  cancelled: () => " cancelled",
};
