// A few things to say, for who does not know how to begin.

import type { Actions } from "../state.ts";
import { attribute, button, el, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";
import { takesText } from "./status.ts";

const MOST = 6;

export function suggestions(actions: Pick<Actions, "sendText">): View {
  const label = el("span", "lw-try-label", {}, "Try saying");
  const element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label);
  let made: string[] = [];
  let typed = true;
  return {
    element,
    update(state) {
      const offered = state.suggestions.slice(0, MOST);
      const same = offered.length === made.length && offered.every((words, index) => words === made[index]);
      if (!same || typed !== takesText(state)) {
        made = offered;
        typed = takesText(state);
        const make = (words: string) =>
          typed ? chip(words, () => actions.sendText(words)) : sentence(words);
        element.replaceChildren(label, ...offered.map(make));
      }
      for (const node of element.querySelectorAll("button")) {
        attribute(node, "disabled", state.connected ? null : "");
      }
      const wanted = state.turns.length === 0 || state.phase === "idle";
      show(element, wanted && offered.length > 0);
    },
  };
}

function chip(words: string, send: () => void): HTMLButtonElement {
  const shown = cleanLine(words, 80);
  const node = button("lw-suggestion", `Say: ${shown}`);
  text(node, shown);
  node.onclick = send;
  return node;
}

/** Something to be said aloud: a model that takes no text cannot be told it by a click. */
function sentence(words: string): HTMLElement {
  return el("span", "lw-sentence", {}, `“${cleanLine(words, 80)}”`);
}
