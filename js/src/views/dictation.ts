// A dictated text: one flow of words, the guesses at its end in grey, counted, and easily copied.

import type { Scope } from "../scope.ts";
import type { Turn } from "../state.ts";
import type { Body } from "./body.ts";
import { attribute, el, icon, show, text } from "./dom.ts";
import { clean } from "./format.ts";
import { patchKeyed } from "./keyed.ts";
import { languageTag } from "./language.ts";

/** How long the button says what came of it. */
const SAID_MS = 2000;

export function dictation(scope: Scope): Body {
  const count = el("span", "lw-count", { "aria-live": "off" });
  const label = el("span", "", {}, "Copy text");
  const copy = el("button", "lw-copy", { type: "button" }, icon("copy", 14), label);
  // A button's name is not read out when it changes.
  const told = el("span", "lw-unseen", { role: "status" });
  const head = el("div", "lw-dictation-head", {}, count, copy, told);
  const flow = el("div", "lw-flow", { dir: "auto" });
  const element = el("div", "lw-dictation", {}, head, flow);
  const pieces = new Map<number, Piece>();
  let quiet: (() => void) | null = null;

  const say = (word: string) => {
    text(label, word);
    text(told, word);
    quiet?.();
    quiet = scope.timeout(() => {
      text(label, "Copy text");
      text(told, "");
    }, SAID_MS);
  };
  copy.onclick = () => {
    copyText(allOf(pieces)).then(
      () => say("Copied"),
      () => {
        select(flow);
        say("Press Ctrl+C");
      },
    );
  };

  return {
    kind: "dictation",
    element,
    update(state) {
      const turns = state.turns.filter((turn) => turn.speaker === "user");
      const changed = patchKeyed(flow, pieces, turns, {
        key: (turn: Turn) => turn.index,
        make: makePiece,
        update: (piece, turn) => piece.update(turn),
      });
      const words = [...pieces.values()].reduce((sum, piece) => sum + piece.count, 0);
      text(count, words === 1 ? "1 word" : `${words} words`);
      attribute(copy, "disabled", words > 0 ? null : "");
      show(head, turns.length > 0);
      return changed;
    },
  };
}

interface Piece {
  element: HTMLElement;
  turn: Turn | null;
  said: string;
  count: number;
  update(turn: Turn): boolean;
}

function makePiece(): Piece {
  const said = document.createTextNode("");
  const interim = el("span", "lw-soft lw-interim");
  const element = el("span", "lw-piece", {}, said, interim, " ");
  const piece: Piece = {
    element,
    turn: null,
    said: "",
    count: 0,
    update(turn) {
      if (turn === piece.turn) {
        return false;
      }
      piece.turn = turn;
      piece.said = clean(turn.spans.map((span) => span.text).join("")).trim();
      piece.count = countWords(piece.said);
      const guess = clean(turn.interim).trim();
      text(said, piece.said);
      text(interim, piece.said && guess ? ` ${guess}` : guess);
      attribute(element, "lang", languageTag(turn.language));
      return true;
    },
  };
  return piece;
}

/** What is certain of the text, in order. */
function allOf(pieces: Map<number, Piece>): string {
  return [...pieces.entries()]
    .sort(([one], [other]) => one - other)
    .map(([, piece]) => piece.said)
    .filter((said) => said !== "")
    .join(" ");
}

/** Words as people count them, in writing without spaces too where the browser knows how. */
export function countWords(words: string): number {
  if (typeof Intl.Segmenter === "undefined") {
    return words.split(/\s+/).filter((word) => word !== "").length;
  }
  let count = 0;
  for (const { isWordLike } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(words)) {
    count += isWordLike ? 1 : 0;
  }
  return count;
}

async function copyText(words: string): Promise<void> {
  // Missing in pages that are not secure, and refused in frames that may not.
  await navigator.clipboard.writeText(words);
}

/** Marks the text, so that the keys for copying take it. */
function select(node: Node): void {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
}
