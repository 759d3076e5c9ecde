// The panels of the explorer, in the order of their tabs. One more panel is one more line here.

import type { PanelName } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import type { Actions, Store } from "../../state.ts";
import type { View } from "../dom.ts";
import { settingsPanel } from "./settings.ts";

export interface PanelKind {
  name: PanelName;
  title: string;
  /** Makes the panel when it is first shown; its `update` is called while it is shown, and only then. */
  make(store: Store, actions: Actions, scope: Scope): View;
}

export const PANELS: readonly PanelKind[] = [{ name: "settings", title: "Settings", make: settingsPanel }];
