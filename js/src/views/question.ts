// A call that waits for a person: may it run? Nothing takes the focus; the announcer reads the question out.

import type { Actions, State, ToolUse } from "../state.ts";
import { button, el, name, show, text } from "./dom.ts";
import { cleanLine } from "./format.ts";

export interface Question {
  element: HTMLElement;
  /** Asks about `use`; null: there is nothing to ask. */
  update(use: ToolUse | null, state: State): void;
}

export function question(actions: Pick<Actions, "confirm">): Question {
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
        // The buttons are about to hide and would take the focus with them.
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
      text(words, state.elsewhere ? "asked in another page" : "May it run?");
      show(yes, !state.elsewhere);
      show(no, !state.elsewhere);
    },
  };
}

/** The calls that wait for a person, oldest first. */
export function asking(state: State): ToolUse[] {
  return state.phase === "live"
    ? state.turns.flatMap((turn) => turn.tools.filter((use) => use.state === "asking"))
    : [];
}
