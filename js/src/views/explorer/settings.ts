// The settings of the session, made from the catalogue and nothing else.

import type { Scope } from "../../scope.ts";
import type { Actions, Store } from "../../state.ts";
import { el, show, type View } from "../dom.ts";

export function settingsPanel(_store: Store, _actions: Actions, _scope: Scope): View {
  const waiting = el("p", "lw-panel-empty", {}, "Asking the kernel…");
  const element = el("div", "lw-explore-settings", {}, waiting);
  return {
    element,
    update({ explorer }) {
      show(waiting, explorer.catalogue === null);
    },
  };
}
