// The model's thoughts: folded, quiet, and never mixed with what it says.

import { el, show, text } from "../dom.ts";
import { clean, cleanLine } from "../format.ts";
import type { Part } from "./part.ts";

/** The summary shows how they begin. */
const BEGINNING = 120;

export function thoughts(): Part {
  const beginning = el("span", "lw-thoughts-beginning");
  const summary = el("summary", "", {}, el("span", "lw-thoughts-word", {}, "thoughts"), beginning);
  const all = el("div", "lw-thought", { dir: "auto" });
  const element = el("details", "lw-thoughts", {}, summary, all);
  return {
    element,
    update(turn) {
      const words = clean(turn.thoughts).trim();
      text(all, words);
      // Headings come as **bold**; here they are words.
      text(beginning, cleanLine(words.slice(0, 4 * BEGINNING).replaceAll("**", ""), BEGINNING));
      show(element, words !== "");
    },
  };
}
