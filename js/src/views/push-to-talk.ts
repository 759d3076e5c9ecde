// Push-to-talk and the card's keys: space to talk, Escape to interrupt; none of them reaches the notebook.

import type { Scope } from "../scope.ts";
import type { Actions, State, Store } from "../state.ts";
import { canHold, canInterrupt } from "./status.ts";

export interface Hold {
  /** Opens for `source` (a pointer, the space bar, …); true if push-to-talk is armed. */
  begin(source: string): boolean;
  end(source: string): void;
  holds(source: string): boolean;
  update(state: State): void;
}

/** Open while any source holds; a lost focus, a hidden tab or a changed mode releases all of them. */
export function makeHold(store: Store, actions: Pick<Actions, "hold">, scope: Scope): Hold {
  const sources = new Set<string>();
  const release = () => {
    if (sources.size > 0) {
      sources.clear();
      actions.hold(false);
    }
  };
  // A key released in another window is never heard of here.
  scope.listen(window, "blur", release);
  scope.listen(document, "visibilitychange", () => {
    if (document.hidden) {
      release();
    }
  });
  scope.add(release);
  return {
    begin(source) {
      if (!canHold(store.get())) {
        return false;
      }
      sources.add(source);
      if (sources.size === 1) {
        actions.hold(true);
      }
      return true;
    },
    end(source) {
      if (sources.delete(source) && sources.size === 0) {
        actions.hold(false);
      }
    },
    holds: (source) => sources.has(source),
    update(state) {
      if (!canHold(state)) {
        release();
      }
    },
  };
}

const SPACE = "space bar";
/** Where a space is a space, or presses what has the focus. */
const OWN_USE = "input, textarea, select, button, summary, [contenteditable]";

export function keyboard(
  root: HTMLElement,
  store: Store,
  hold: Hold,
  actions: Pick<Actions, "interrupt">,
  scope: Scope,
): void {
  scope.listen<KeyboardEvent>(root, "keydown", (event) => {
    // Jupyter's command mode would take single letters as commands: "d d" deletes the cell.
    event.stopPropagation();
    if (event.defaultPrevented) {
      return;
    }
    if (event.key === "Escape" && canInterrupt(store.get())) {
      event.preventDefault();
      actions.interrupt();
    } else if (isTalkKey(event) && (hold.holds(SPACE) || (!event.repeat && hold.begin(SPACE)))) {
      // Also for repeats, or the page would scroll while one talks.
      event.preventDefault();
    }
  });
  for (const type of ["keyup", "keypress"]) {
    scope.listen<KeyboardEvent>(root, type, (event) => {
      event.stopPropagation();
      if (type === "keyup" && event.key === " ") {
        hold.end(SPACE);
      }
    });
  }
  scope.listen<FocusEvent>(root, "focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && root.contains(event.relatedTarget))) {
      hold.end(SPACE);
    }
  });
}

function isTalkKey(event: KeyboardEvent): boolean {
  if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
    return false;
  }
  return !(event.target instanceof Element && event.target.closest(OWN_USE));
}
