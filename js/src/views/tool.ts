// The calls of a turn as chips: the function, its arguments, and what came of it; or the question whether it may run.

import type { Argument, Tool } from "../messages.gen.ts";
import type { Actions, State } from "../state.ts";
import { attribute, button, el, focusBeside, name, patchList, show, text } from "./dom.ts";
import { clean, cleanLine, duration } from "./format.ts";

/** What is more is folded until it is asked for; chosen: what a person takes in at a glance. */
const GLANCE = { characters: 400, lines: 8, name: 60, arguments: 8 };

interface ArgumentList {
  element: HTMLElement;
  /** Whether nothing is folded. */
  isWhole(): boolean;
  update(use: Tool): void;
}

/** Every argument by itself and whole. What is long is folded, and `opened` is called when a fold is opened. */
function argumentList(opened: () => void): ArgumentList {
  const element = el("dl", "lw-arguments");
  let known = "";
  let folds = 0;

  const fold = (label: string, open: () => HTMLElement): HTMLElement => {
    folds += 1;
    const more = button("lw-fold", label, label);
    more.onclick = () => {
      folds -= 1;
      const whole = open();
      more.remove();
      // The button had the focus; whoever reads by keys goes on where the text begins.
      whole.tabIndex = -1;
      whole.focus({ preventScroll: true });
      opened();
    };
    return more;
  };

  const row = (argument: Argument): HTMLElement[] => {
    const [key, whole] = [shownWhole(argument.name), shownWhole(argument.value)];
    const head = glance(whole);
    const heading = el("dt", "", {}, key.slice(0, GLANCE.name));
    const value = el("dd", "", {}, el("span", "lw-value", {}, head));
    if (head !== whole || key.length > GLANCE.name) {
      heading.append(key.length > GLANCE.name ? "…" : "");
      value.append(
        fold(`Show all ${(key.length + whole.length).toLocaleString("en")} characters`, () => {
          text(heading, key);
          text(value.firstElementChild!, whole);
          return value;
        }),
      );
    }
    return [heading, value];
  };

  return {
    element,
    isWhole: () => folds === 0,
    update(use) {
      // A kernel that sends no arguments by themselves sends them on a line.
      const all = use.arguments.length > 0 || !use.args ? use.arguments : [{ name: "", value: use.args }];
      const now = JSON.stringify([use.id, all]);
      if (now === known) {
        return;
      }
      known = now;
      folds = 0;
      element.replaceChildren(...all.slice(0, GLANCE.arguments).flatMap(row));
      const rest = all.slice(GLANCE.arguments);
      if (rest.length > 0) {
        const more = el("dd", "lw-more");
        const label = `Show ${rest.length} more ${rest.length === 1 ? "argument" : "arguments"}`;
        more.append(
          fold(label, () => {
            const rows = rest.flatMap(row);
            more.replaceWith(...rows);
            return rows[0]!;
          }),
        );
        element.append(more);
      }
      show(element, all.length > 0);
    },
  };
}

/** The kernel has made visible what is not; this is for one that has not. */
function shownWhole(value: string): string {
  return clean(value, Number.POSITIVE_INFINITY);
}

function glance(value: string): string {
  const lines = value.split("\n");
  const head = lines.slice(0, GLANCE.lines).join("\n").slice(0, GLANCE.characters);
  return head.length < value.length ? `${head}…` : value;
}

interface ApprovalQuestion {
  element: HTMLElement;
  /** Asks about `use`; null hides the question. */
  update(use: Tool | null, state: State): void;
}

/** The question whether a call may run, below all that it would run with. "Allow" is off while part of that is folded. */
function approvalQuestion(actions: Pick<Actions, "confirm">): ApprovalQuestion {
  const words = el("span", "lw-question-words");
  const yes = button("lw-answer", "Allow", "Allow");
  const no = button("lw-answer", "Don't", "Don't");
  let asked: string | null = null;
  let answered = false;
  let elsewhere = false;

  const refresh = () => {
    yes.disabled = !given.isWhole();
    text(
      words,
      elsewhere
        ? "asked in another page"
        : given.isWhole()
          ? "May it run?"
          : "May it run? To allow it, first open what is folded.",
    );
  };
  const given = argumentList(refresh);
  const answers = el("span", "lw-answers", {}, words, yes, no);
  const element = el("div", "lw-question", { role: "group" }, given.element, answers);

  const answer = (event: MouseEvent, allowed: boolean) => {
    // The second click of a double click may have been meant for the question before, in the same place.
    if (asked !== null && !answered && event.detail < 2) {
      answered = true;
      actions.confirm(asked, allowed);
    }
  };
  yes.onclick = (event) => answer(event, true);
  no.onclick = (event) => answer(event, false);

  return {
    element,
    update(use, state) {
      const another = asked !== (use?.id ?? null);
      if (another) {
        asked = use?.id ?? null;
        answered = false;
      }
      if (another && element.contains(focusBeside(element))) {
        // The buttons are about to hide and would lose the focus; or the next Enter, meant for the call before, would
        // answer for this one.
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
      elsewhere = !mayDecide(state);
      given.update(use);
      refresh();
      show(yes, !elsewhere);
      show(no, !elsewhere);
    },
  };
}

/** True where calls are decided here: with another page it is the person there, but a caller cannot be asked. */
export function mayDecide(state: State): boolean {
  return !state.ownedElsewhere || state.calledBy !== "";
}

/** The calls that wait for approval, oldest first. */
export function pendingApprovals(state: State): Tool[] {
  return state.phase === "live"
    ? state.turns.flatMap((turn) => turn.tools.filter((use) => use.state === "asking" && !use.remote))
    : [];
}

/** Longer arguments and results are cut; chosen: about three lines of a chip. */
const MAX_SUMMARY = 240;

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
  const [call, rest, whose] = [el("b"), el("span"), el("span", "lw-by")];
  const ask = approvalQuestion(actions);
  // It may stand on a line of its own, and is never broken.
  const line = el("span", "lw-call", {}, call, rest, whose);
  const element = el("li", "lw-chip", {}, line, ask.element);
  return {
    element,
    update(use, state) {
      // An agent runs its own functions without asking here.
      const isOwn = use.state in OUTCOMES && !(use.remote && use.state === "asking");
      const known = isOwn ? use.state : "running";
      attribute(element, "data-state", known);
      text(call, cleanLine(use.name, 80));
      // A call names its agent where that is not the one that the conversation began with.
      const first = cleanLine(state.speaker, 40) || "the agent";
      const outcome =
        known === "asking" ? "" : `(${cleanLine(use.args, MAX_SUMMARY)})${OUTCOMES[known](use)}`;
      text(rest, use.remote ? `${outcome} ` : outcome);
      text(whose, use.remote ? `· by ${cleanLine(use.agent, 40) || first}` : "");
      show(whose, use.remote);
      attribute(element, "data-remote", use.remote ? "true" : null);
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
