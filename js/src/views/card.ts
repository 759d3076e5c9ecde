// The card: puts the views together and tells them of every change.

import type { Levels } from "../audio/levels.ts";
import { explorer } from "../explorer/explorer.ts";
import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { composer, suggestions } from "./composer.ts";
import { attribute, el, type View } from "./dom.ts";
import { header } from "./header.ts";
import { canShow, dropping, tray } from "./media-buttons.ts";
import { announcer, notes } from "./notices.ts";
import { keyboard, makeHold } from "./push-to-talk.ts";
import { settings } from "./settings.ts";
import { displayName } from "./status.ts";
import { transcript } from "./transcript.ts";
import { waveform } from "./waveform.ts";

/** Draws the talk into `el`; everything it made or listens to ends with `scope`. */
export function mountCard(
  host: HTMLElement,
  store: Store,
  levels: Levels,
  actions: Actions,
  scope: Scope,
): void {
  const root = el("section", "livewidget", {
    role: "region",
    // A click beside the controls keeps the keys here instead of handing them to the notebook.
    tabindex: "-1",
    // JupyterLab's own mark for "keys typed in here are no commands".
    "data-lm-suppress-shortcuts": "true",
  });
  const hold = makeHold(store, actions, scope);
  const top = header(scope);
  const choices = settings(top.settings, actions, scope);
  const say = composer(store, hold, actions, scope);
  const chips = suggestions(actions);
  const picture = waveform(levels, say.level, scope);
  const notices = notes(actions);
  const stage = el("div", "lw-stage", {}, picture.element, notices.element);
  const talk = transcript(chips.element, actions, scope);
  const spoken = announcer();
  const explore = explorer(top.explore, store, actions, scope);
  const shown = tray(actions.sight, scope);
  const card = el("div", "lw-card", {}, top.element, stage, talk.element, shown.element, say.element);
  card.append(choices.element, spoken.element, shown.large);
  root.append(el("div", "lw-body", {}, card, explore.element));
  keyboard(root, store, hold, actions, scope);
  dropping(card, () => canShow(store.get()), actions.sight, scope);

  const views: Pick<View, "update">[] = [hold, top, choices, notices, picture, chips, talk, say, spoken];
  views.push(explore, shown);
  const draw = () => {
    const state = store.get();
    attribute(root, "aria-label", `Live conversation with ${displayName(state)}`);
    for (const view of views) {
      view.update(state);
    }
  };
  draw();
  host.append(root);
  scope.add(() => root.remove());
  scope.add(store.subscribe(draw));
}
