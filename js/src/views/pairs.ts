// A translation: what was said on the left, what it means on the right, row by row.

import type { State, Turn } from "../state.ts";
import type { Body } from "./body.ts";
import { attribute, el, show, text } from "./dom.ts";
import { clean } from "./format.ts";
import { patchKeyed } from "./keyed.ts";
import { languageName, languageTag } from "./language.ts";

export interface Pair {
  /** The lowest index of its turns: it never changes, for both are numbered together. */
  index: number;
  source: Turn | null;
  target: Turn | null;
}

/** Turns in pairs: a translation has the number that follows its source's. */
export function pairs(turns: readonly Turn[]): Pair[] {
  const made: Pair[] = [];
  for (const turn of turns) {
    const last = made.at(-1);
    if (turn.speaker === "user") {
      made.push({ index: turn.index, source: turn, target: null });
    } else if (last?.source && last.target === null && last.source.index === turn.index - 1) {
      last.target = turn;
    } else {
      made.push({ index: turn.index, source: null, target: turn });
    }
  }
  return made;
}

/** The language of the newest turn that names one, as people call it. */
function languageOf(turns: readonly Turn[], speaker: Turn["speaker"]): string {
  for (let at = turns.length - 1; at >= 0; at -= 1) {
    const turn = turns[at]!;
    if (turn.speaker === speaker && turn.language) {
      return languageName(turn.language);
    }
  }
  return "";
}

export function pairList(): Body {
  const from = el("span", "lw-column lw-column-source");
  const into = el("span", "lw-column lw-column-target");
  const heads = el("div", "lw-columns", {}, from, into);
  const list = el("ol", "lw-pairs");
  const element = el("div", "lw-translation", {}, heads, list);
  const rows = new Map<number, Row>();
  return {
    kind: "translation",
    element,
    update(state: State) {
      text(from, languageOf(state.turns, "user") || "What is said");
      text(into, languageOf(state.turns, "model") || "Translation");
      return patchKeyed(list, rows, pairs(state.turns), {
        key: (pair: Pair) => pair.index,
        make: makeRow,
        update: (row, pair) => row.update(pair),
      });
    },
  };
}

interface Row {
  element: HTMLElement;
  update(pair: Pair): boolean;
}

function makeRow(): Row {
  const source = cell("lw-source");
  const target = cell("lw-target");
  const element = el("li", "lw-pair", {}, source.element, target.element);
  return {
    element,
    update(pair) {
      const before = source.update(pair.source, false);
      // A translation is on its way as long as its source may go on.
      return target.update(pair.target, pair.target === null && pair.source?.final === false) || before;
    },
  };
}

function cell(side: string) {
  const said = document.createTextNode("");
  const interim = el("span", "lw-soft lw-interim");
  const element = el("p", `lw-words ${side}`, { dir: "auto" }, said, interim);
  let last: Turn | null | undefined;
  return {
    element,
    update(turn: Turn | null, waits: boolean): boolean {
      const open = turn !== null && !turn.final;
      attribute(element, "data-open", open ? "true" : null);
      attribute(element, "data-empty", waits ? "true" : null);
      attribute(element, "data-none", turn === null && !waits ? "true" : null);
      if (turn === last) {
        return false;
      }
      last = turn;
      const words = clean(turn?.spans.map((span) => span.text).join("") ?? "").trim();
      const guess = clean(turn?.interim ?? "").trim();
      text(said, words);
      text(interim, words && guess ? ` ${guess}` : guess);
      attribute(element, "lang", languageTag(turn?.language ?? ""));
      show(interim, guess !== "");
      return true;
    },
  };
}
