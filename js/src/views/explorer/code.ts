// Copy as code: the Python that makes this session, as a block that can be copied without any permission.

import type { Scope } from "../../scope.ts";
import { attribute, el, freshId, icon, show, text } from "../dom.ts";
import { clean } from "../format.ts";

const SAID_MS = 2500;
const COPY = "Copy";

export interface CodeView {
  opener: HTMLButtonElement;
  element: HTMLElement;
  update(code: string): void;
}

export function codeView(scope: Scope): CodeView {
  const block = el("code", "lw-code-text");
  const box = el("pre", "lw-code", { tabindex: "0", "aria-label": "Python of this session" }, block);
  const copy = el("button", "lw-button lw-code-copy", { type: "button" }, COPY);
  const said = el("span", "lw-unseen", { role: "status" });
  const element = el("div", "lw-code-block", { id: freshId("code") }, box, said, copy);
  element.hidden = true;
  const opener = el(
    "button",
    "lw-button lw-code-opener",
    { type: "button", "aria-expanded": "false", "aria-controls": element.id },
    icon("code", 16),
    "Copy as code",
  );
  let forget: () => void = () => {};
  const say = (words: string) => {
    text(copy, words);
    text(said, words);
    forget();
    forget = scope.timeout(() => {
      text(copy, COPY);
      text(said, "");
    }, SAID_MS);
  };
  const put = async () => {
    select(box);
    try {
      await navigator.clipboard.writeText(block.textContent ?? "");
      say("Copied");
    } catch {
      // Not allowed, or no such thing in pages that are not secure: it is selected, so a key is enough.
      say(document.execCommand?.("copy") ? "Copied" : "Now press Ctrl+C");
    }
  };
  scope.listen(opener, "click", () => {
    show(element, element.hidden !== false);
    attribute(opener, "aria-expanded", String(!element.hidden));
    if (!element.hidden) {
      void put();
    }
  });
  scope.listen(copy, "click", () => void put());
  return {
    opener,
    element,
    update(code) {
      text(block, clean(code));
    },
  };
}

function select(node: HTMLElement): void {
  const selection = getSelection();
  if (selection) {
    selection.removeAllRanges();
    const range = document.createRange();
    range.selectNodeContents(node);
    selection.addRange(range);
  }
}
