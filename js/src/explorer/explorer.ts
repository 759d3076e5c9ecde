// The explorer: opened by a button of the header, below the card or beside it, with a tab for each panel.

import type { Scope } from "../scope.ts";
import type { Actions, PanelName, State, Store } from "../state.ts";
import { attribute, button, el, freshId, icon, show, text, type View } from "../views/dom.ts";
import { tokenMeter } from "../views/header.ts";
import { connectionLine } from "../views/status.ts";
import { latencyPanel, shareAnswers } from "./latency.ts";
import { settingsPanel } from "./settings.ts";
import { vadPanel } from "./vad-monitor.ts";
import { wirePanel } from "./wire.ts";

interface PanelKind {
  name: PanelName;
  title: string;
  /** Makes the panel when it is first shown; it is updated only while it is shown. */
  make(store: Store, actions: Actions, scope: Scope): View;
}

export const PANELS: readonly PanelKind[] = [
  { name: "settings", title: "Settings", make: settingsPanel },
  { name: "wire", title: "Wire", make: wirePanel },
  { name: "tuner", title: "Tuner", make: vadPanel },
  { name: "turns", title: "Turns", make: latencyPanel },
];

interface Tab {
  name: PanelName;
  button: HTMLButtonElement;
  panel: HTMLElement;
  /** Made when it is first shown. */
  view: View | null;
  kind: PanelKind;
}

export function explorer(opener: HTMLButtonElement, store: Store, actions: Actions, scope: Scope): View {
  const id = freshId("explorer");
  const tabs = PANELS.map(makeTab);
  const list = el("div", "lw-tabs", { role: "tablist", "aria-label": "Explorer" });
  list.append(...tabs.map((tab) => tab.button));
  const close = button("lw-plain lw-explorer-close", "Close the explorer", icon("close", 18));
  const used = tokenMeter();
  const bar = el("div", "lw-explorer-bar", {}, list, used.element, close);
  const element = el("section", "lw-explorer", { id, "aria-label": "Explorer" }, bar);
  const way = el("p", "lw-explorer-way");
  element.append(...tabs.map((tab) => tab.panel), way);
  attribute(opener, "aria-controls", id);
  shareAnswers(store, scope);

  const look = actions.explorer.show.bind(actions.explorer);
  scope.listen(opener, "click", () => look(!store.get().explorer.open));
  scope.listen(close, "click", () => {
    look(false);
    // The button is about to hide and would lose the focus.
    opener.focus();
  });
  for (const tab of tabs) {
    scope.listen(tab.button, "click", () => look(true, tab.name));
  }
  scope.listen<KeyboardEvent>(list, "keydown", (event) => {
    const to = tabFor(event.key, tabs, store.get().explorer.panel);
    if (to) {
      event.preventDefault();
      look(true, to.name);
      to.button.focus();
    }
  });

  return {
    element,
    update(state) {
      const { open, panel } = state.explorer;
      attribute(opener, "aria-expanded", String(open));
      show(element, open);
      used.update(state);
      text(way, connectionLine(state));
      for (const tab of tabs) {
        const chosen = open && tab.name === panel;
        attribute(tab.button, "aria-selected", String(tab.name === panel));
        attribute(tab.button, "tabindex", tab.name === panel ? "0" : "-1");
        show(tab.panel, chosen);
        if (chosen) {
          update(tab, state);
        }
      }
    },
  };

  function update(tab: Tab, state: State): void {
    if (!tab.view) {
      tab.view = tab.kind.make(store, actions, scope);
      tab.panel.append(tab.view.element);
    }
    tab.view.update(state);
  }
}

function makeTab(kind: PanelKind): Tab {
  const tab = el("button", "lw-tab", { type: "button", role: "tab", id: freshId("tab") }, kind.title);
  const panel = el("div", "lw-panel", { role: "tabpanel", id: freshId("panel"), "aria-labelledby": tab.id });
  attribute(tab, "aria-controls", panel.id);
  return { name: kind.name, button: tab, panel, view: null, kind };
}

/** The tab that a key moves to, as in the ARIA pattern for tabs. */
function tabFor(key: string, tabs: Tab[], now: PanelName): Tab | undefined {
  const at = tabs.findIndex((tab) => tab.name === now);
  const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
  const to = steps[key];
  return to === undefined ? undefined : tabs.at(to % tabs.length);
}
