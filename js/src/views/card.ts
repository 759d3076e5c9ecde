// The card: puts the views together and updates them with every change of the state.

import type { Levels } from "../audio/levels.ts";
import { explorer } from "../explorer/explorer.ts";
import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { callList } from "./calls.ts";
import { composer, suggestions } from "./composer.ts";
import { attribute, el, show, text, type View } from "./dom.ts";
import { clean, cleanLine, firstSentence } from "./format.ts";
import { header } from "./header.ts";
import { acceptFiles, canSendMedia, preview } from "./media-buttons.ts";
import { announcer, browserOffer, noticeList } from "./notices.ts";
import { keyboard, pushToTalk } from "./push-to-talk.ts";
import { settings } from "./settings.ts";
import { displayName } from "./status.ts";
import { transcript } from "./transcript.ts";
import { waveform } from "./waveform.ts";

/** Draws the card into `host`, until `scope` ends. */
export function mountCard(
  host: HTMLElement,
  store: Store,
  levels: Levels,
  actions: Actions,
  scope: Scope,
): void {
  const root = el("section", "livewidget", {
    role: "region",
    // A click beside the controls keeps the focus here, so that keys do not reach the notebook.
    tabindex: "-1",
    // JupyterLab's attribute for elements in which keys are not commands.
    "data-lm-suppress-shortcuts": "true",
  });
  const pushToTalkKey = pushToTalk(store, actions, scope);
  const head = header(scope);
  const title = el("h1", "lw-title");
  const options = settings(head.settings, actions, scope);
  const input = composer(store, pushToTalkKey, actions, scope);
  const suggested = suggestions(actions);
  const wave = waveform(levels, input.level, scope);
  const notices = noticeList(actions, scope);
  const stage = el("div", "lw-stage", {}, wave.element, notices.element);
  const called = callList(actions, scope);
  const conversation = transcript(suggested.element, actions, scope);
  const announced = announcer();
  const explorerView = explorer(head.explore, store, actions, scope);
  const offered = browserOffer(actions, scope);
  const previewed = preview(actions.video, scope);
  const card = el(
    "div",
    "lw-card",
    {},
    title,
    head.element,
    stage,
    called.element,
    conversation.element,
    previewed.element,
    offered.element,
    input.element,
  );
  card.append(options.element, announced.element, previewed.large);
  root.append(el("div", "lw-body", {}, card, explorerView.element));
  keyboard(root, store, pushToTalkKey, actions, scope);
  acceptFiles(card, () => canSendMedia(store.get()), actions.video, scope);

  const views: Pick<View, "update">[] = [
    pushToTalkKey,
    head,
    options,
    notices,
    wave,
    suggested,
    conversation,
    input,
    announced,
  ];
  views.push(explorerView, previewed, offered, called);
  const draw = () => {
    const state = store.get();
    attribute(root, "aria-label", `Live conversation with ${displayName(state)}`);
    const name = cleanLine(state.title);
    text(title, name);
    show(title, name !== "" && name !== displayName(state));
    for (const view of views) {
      view.update(state);
    }
  };
  draw();
  host.append(root);
  scope.add(() => root.remove());
  scope.add(store.subscribe(draw));
}

/** Draws one sentence in place of a card that cannot be shown, with a button to try again where that may help. */
export function mountSentence(host: HTMLElement, sentence: string, again?: () => void): void {
  const [first, rest] = firstSentence(clean(sentence, 2000));
  const words = el("p", "lw-sentence-words", {}, el("strong", "", {}, first), rest && ` ${rest}`);
  const box = el("div", "lw-alone", { role: "alert" }, words);
  if (again) {
    const retry = el("button", "lw-button", { type: "button" }, "Try again");
    retry.onclick = again;
    box.append(retry);
  }
  host.append(el("section", "livewidget", {}, box));
}
