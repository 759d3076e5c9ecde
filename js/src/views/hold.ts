// Push-to-talk: who holds it open, and that it never stays open by accident.

import type { Scope } from "../scope.ts";
import type { Actions, State, Store } from "../state.ts";
import { canHold } from "./status.ts";

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
