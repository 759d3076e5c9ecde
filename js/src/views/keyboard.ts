// The keys of the card: space to talk, Escape to interrupt; none of them reaches the notebook.

import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import type { Hold } from "./hold.ts";
import { canInterrupt } from "./status.ts";

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
