// Errors, warnings and good news, laid over the quiet waveform so that they push nothing away.

import type { Actions, Notice } from "../state.ts";
import { attribute, button, el, icon, show, text, type View } from "./dom.ts";
import { clean, firstSentence } from "./format.ts";

/** More would bury the talk; the newest ones are shown. */
const MOST = 3;

interface Note {
  element: HTMLElement;
  update(notice: Notice): void;
}

export function notes(actions: Pick<Actions, "dismissNotice">): View {
  const element = el("div", "lw-notes");
  const shown = new Map<string, Note>();
  return {
    element,
    update(state) {
      const wanted = state.notices.slice(-MOST);
      for (const [code, note] of shown) {
        if (!wanted.some((notice) => notice.code === code)) {
          note.element.remove();
          shown.delete(code);
        }
      }
      for (const notice of wanted) {
        let note = shown.get(notice.code);
        if (!note) {
          note = make(() => actions.dismissNotice(notice.code));
          shown.set(notice.code, note);
          element.append(note.element);
        }
        note.update(notice);
      }
      show(element, wanted.length > 0);
    },
  };
}

function make(dismiss: () => void): Note {
  const first = el("span", "lw-note-first");
  const rest = el("span");
  const close = button("lw-plain lw-note-close", "Dismiss", icon("close", 16));
  close.onclick = dismiss;
  const element = el("div", "lw-note", {}, el("p", "lw-note-text", {}, first, rest), close);
  return {
    element,
    update({ level, text: words }) {
      attribute(element, "role", level === "error" ? "alert" : "status");
      attribute(
        element,
        "data-level",
        level === "error" ? "error" : level === "warning" ? "warning" : "info",
      );
      const [sentence, more] = firstSentence(clean(words, 2000));
      text(first, sentence);
      text(rest, more && ` ${more}`);
    },
  };
}
