// The panels of the explorer, in the order of their tabs. One more panel is one more line here.

import type { PanelName } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import type { Actions, Store } from "../../state.ts";
import type { View } from "../dom.ts";
import { anatomyPanel } from "./anatomy/panel.ts";
import { settingsPanel } from "./settings.ts";
import { tunerPanel } from "./tuner/panel.ts";
import { wirePanel } from "./wire/panel.ts";

export interface PanelKind {
  name: PanelName;
  title: string;
  /** Makes the panel when it is first shown; its `update` is called while it is shown, and only then. */
  make(store: Store, actions: Actions, scope: Scope): View;
}

export const PANELS: readonly PanelKind[] = [
  { name: "settings", title: "Settings", make: settingsPanel },
  { name: "wire", title: "Wire", make: wirePanel },
  { name: "tuner", title: "Tuner", make: tunerPanel },
  { name: "turns", title: "Turns", make: anatomyPanel },
];
