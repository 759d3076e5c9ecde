// Push-to-talk and the card's keys: space to talk, Escape to interrupt; none of them reaches the notebook.

import type { Scope } from "../scope.ts";
import type { Actions, State, Store } from "../state.ts";
import { canInterrupt, canPushToTalk } from "./status.ts";

export interface PushToTalk {
  /** Pressed by `source` (a pointer, the space bar, …); true if push-to-talk is available. */
  press(source: string): boolean;
  release(source: string): void;
  isPressedBy(source: string): boolean;
  update(state: State): void;
}

/**
 * On while any source presses it; a lost focus, a hidden tab or a changed mode releases all of them. What else happens
 * meanwhile ends no press, and no release is taken for anything else.
 */
export function pushToTalk(store: Store, actions: Pick<Actions, "pushToTalk">, scope: Scope): PushToTalk {
  const sources = new Set<string>();
  const release = () => {
    if (sources.size > 0) {
      sources.clear();
      actions.pushToTalk(false);
    }
  };
  // The release of a key in another window does not reach this page.
  scope.listen(window, "blur", release);
  scope.listen(document, "visibilitychange", () => {
    if (document.hidden) {
      release();
    }
  });
  scope.add(release);
  return {
    press(source) {
      if (!canPushToTalk(store.get())) {
        return false;
      }
      sources.add(source);
      if (sources.size === 1) {
        actions.pushToTalk(true);
      }
      return true;
    },
    release(source) {
      if (sources.delete(source) && sources.size === 0) {
        actions.pushToTalk(false);
      }
    },
    isPressedBy: (source) => sources.has(source),
    update(state) {
      if (!canPushToTalk(state)) {
        release();
      }
    },
  };
}

const SPACE = "space bar";
/** Where a space is typed, or activates the element itself. */
const TYPING_TARGETS = "input, textarea, select, button, summary, [contenteditable]";

export function keyboard(
  root: HTMLElement,
  store: Store,
  pushToTalk: PushToTalk,
  actions: Pick<Actions, "interrupt">,
  scope: Scope,
): void {
  scope.listen<KeyboardEvent>(root, "keydown", (event) => {
    // In Jupyter's command mode single letters are commands: "d d" deletes the cell.
    event.stopPropagation();
    if (event.defaultPrevented) {
      return;
    }
    if (event.key === "Escape" && canInterrupt(store.get())) {
      event.preventDefault();
      actions.interrupt();
    } else if (
      isTalkKey(event) &&
      (pushToTalk.isPressedBy(SPACE) || (!event.repeat && pushToTalk.press(SPACE)))
    ) {
      // Also for repeated keys, or the page would scroll.
      event.preventDefault();
    }
  });
  for (const type of ["keyup", "keypress"]) {
    scope.listen<KeyboardEvent>(root, type, (event) => event.stopPropagation());
  }
  // Wherever the focus is by then, and whoever keeps the key from the card. On a Mac, a key that is released while ⌘ is held
  // says nothing of it.
  const release = (event: KeyboardEvent) => {
    if (event.key === " " || event.key === "Meta") {
      pushToTalk.release(SPACE);
    }
  };
  scope.listen<KeyboardEvent>(window, "keyup", release, { capture: true });
  scope.listen<FocusEvent>(root, "focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && root.contains(event.relatedTarget))) {
      pushToTalk.release(SPACE);
    }
  });
}

function isTalkKey(event: KeyboardEvent): boolean {
  if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
    return false;
  }
  return !(event.target instanceof Element && event.target.closest(TYPING_TARGETS));
}
