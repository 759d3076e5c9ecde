// A few things to say, for who does not know how to begin.

import type { Actions } from "../state.ts";
import { attribute, button, el, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";

const MOST = 6;

export function suggestions(actions: Pick<Actions, "sendText">): View {
  const label = el("span", "lw-try-label", {}, "Try saying");
  const element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label);
  let made: string[] = [];
  return {
    element,
    update(state) {
      const offered = state.suggestions.slice(0, MOST);
      if (offered.length !== made.length || offered.some((words, index) => words !== made[index])) {
        made = offered;
        element.replaceChildren(label, ...offered.map((words) => chip(words, () => actions.sendText(words))));
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
