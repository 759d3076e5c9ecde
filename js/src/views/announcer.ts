// Reads out turns once they are final: never the words that may still change, and nothing that stood there before.

import type { Turn } from "../state.ts";
import { el, type View } from "./dom.ts";
import { clean, cleanLine } from "./format.ts";
import { languageTag } from "./language.ts";
import { asking } from "./question.ts";
import { speakerName } from "./status.ts";

/** Final turns kept for screen readers; they have been read out when they left. */
const SPOKEN = 4;

export function announcer(): View {
  const element = el("div", "lw-unseen", { role: "log", "aria-live": "polite", "aria-label": "Said" });
  let known: Set<number> | null = null;
  const asked = new Set<string>();
  const put = (line: HTMLElement) => {
    element.append(line);
    if (element.children.length > SPOKEN) {
      element.firstElementChild!.remove();
    }
  };
  return {
    element,
    update(state) {
      if (known === null) {
        known = new Set(state.turns.filter(isSaid).map((turn) => turn.index));
        return;
      }
      for (const use of asking(state)) {
        if (!asked.has(use.id)) {
          asked.add(use.id);
          put(el("p", "", {}, clean(`May it run? ${cleanLine(use.name, 80)}(${cleanLine(use.args)})`)));
        }
      }
      for (const turn of state.turns) {
        if (known.has(turn.index) || !isSaid(turn)) {
          continue;
        }
        known.add(turn.index);
        const who = turn.speaker === "user" ? "you" : speakerName(state);
        const line = el("p", "", {}, clean(`${who}: ${said(turn)}`));
        const language = languageTag(turn.language);
        if (language) {
          line.setAttribute("lang", language);
        }
        put(line);
      }
    },
  };
}

function isSaid(turn: Turn): boolean {
  return turn.final && (turn.spans.length > 0 || turn.interim !== "" || turn.waited);
}

function said(turn: Turn): string {
  if (turn.waited) {
    return "chose not to answer";
  }
  const words = turn.spans
    .map((span) => span.text)
    .join("")
    .trim();
  return turn.interrupted ? `${words} (interrupted)` : words;
}
