// The conversation turn by turn, a translation in two columns, or a dictated text. Scrolls with the newest words
// unless the person has scrolled away.

import type { Turn } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, State } from "../state.ts";
import {
  attribute,
  button,
  confirmation,
  el,
  focusBeside,
  icon,
  onResize,
  patchKeyed,
  selectContents,
  show,
  text,
  type View,
} from "./dom.ts";
import { clean, languageName, languageTag } from "./format.ts";
import { invitation, speakerName } from "./status.ts";
import { handOvers, type TurnView, turnView } from "./turn.ts";

interface TranscriptBody {
  readonly kind: State["view"];
  element: HTMLElement;
  /** True if something visible changed. */
  update(state: State): boolean;
}

/** How long the copy button shows the result; chosen. */
const CONFIRMATION_MS = 2000;

function dictationBody(scope: Scope): TranscriptBody {
  const count = el("span", "lw-count", { "aria-live": "off" });
  const label = el("span", "", {}, "Copy text");
  const copy = el("button", "lw-copy", { type: "button" }, icon("copy", 14), label);
  // Screen readers do not announce a button's changed name.
  const status = el("span", "lw-unseen", { role: "status" });
  const head = el("div", "lw-dictation-head", {}, count, copy, status);
  const flow = el("div", "lw-flow", { dir: "auto" });
  const element = el("div", "lw-dictation", {}, head, flow);
  const pieces = new Map<number, Piece>();
  const confirm = confirmation(label, status, scope, CONFIRMATION_MS);
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(dictatedText(pieces));
      confirm("Copied");
    } catch {
      // Missing in insecure pages, and denied in frames without permission.
      selectContents(flow);
      confirm("Press Ctrl+C");
    }
  };

  return {
    kind: "dictation",
    element,
    update(state) {
      const turns = state.turns.filter((turn) => turn.speaker === "user");
      const changed = patchKeyed(flow, pieces, turns, {
        key: (turn: Turn) => turn.index,
        make: dictationPiece,
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

/** Puts a turn's final text into `element`, then its interim text in grey; the function returned updates both. */
function turnText(element: HTMLElement): (turn: Turn | null) => string {
  const final = document.createTextNode("");
  const interim = el("span", "lw-soft lw-interim");
  element.append(final, interim);
  return (turn) => {
    const words = clean(turn?.spans.map((span) => span.text).join("") ?? "").trim();
    const guess = clean(turn?.interim ?? "").trim();
    text(final, words);
    text(interim, words && guess ? ` ${guess}` : guess);
    show(interim, guess !== "");
    attribute(element, "lang", languageTag(turn?.language ?? ""));
    return words;
  };
}

interface Piece {
  element: HTMLElement;
  turn: Turn | null;
  text: string;
  count: number;
  update(turn: Turn): boolean;
}

function dictationPiece(): Piece {
  const element = el("span", "lw-piece");
  const updateText = turnText(element);
  element.append(" ");
  const piece: Piece = {
    element,
    turn: null,
    text: "",
    count: 0,
    update(turn) {
      if (turn === piece.turn) {
        return false;
      }
      piece.turn = turn;
      piece.text = updateText(turn);
      piece.count = countWords(piece.text);
      return true;
    },
  };
  return piece;
}

/** The final text of all pieces, in order. */
function dictatedText(pieces: Map<number, Piece>): string {
  return [...pieces.entries()]
    .sort(([one], [other]) => one - other)
    .map(([, piece]) => piece.text)
    .filter((said) => said !== "")
    .join(" ");
}

/** The number of words; also in scripts without spaces, where the browser can segment them. */
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

interface Pair {
  /** The lower index of its turns. It never changes: both are numbered together. */
  index: number;
  source: Turn | null;
  target: Turn | null;
}

/** Turns in pairs: a translation has the index after its source's. */
export function translationPairs(turns: readonly Turn[]): Pair[] {
  const result: Pair[] = [];
  for (const turn of turns) {
    const last = result.at(-1);
    if (turn.speaker === "user") {
      result.push({ index: turn.index, source: turn, target: null });
    } else if (last?.source && last.target === null && last.source.index === turn.index - 1) {
      last.target = turn;
    } else {
      result.push({ index: turn.index, source: null, target: turn });
    }
  }
  return result;
}

/** The name of the language of the newest turn that has one. */
function languageOf(turns: readonly Turn[], speaker: Turn["speaker"]): string {
  for (let at = turns.length - 1; at >= 0; at -= 1) {
    const turn = turns[at]!;
    if (turn.speaker === speaker && turn.language) {
      return languageName(turn.language);
    }
  }
  return "";
}

function translationBody(): TranscriptBody {
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
      return patchKeyed(list, rows, translationPairs(state.turns), {
        key: (pair: Pair) => pair.index,
        make: translationRow,
        update: (row, pair) => row.update(pair),
      });
    },
  };
}

interface Row {
  element: HTMLElement;
  update(pair: Pair): boolean;
}

function translationRow(): Row {
  const source = translationCell("lw-source");
  const target = translationCell("lw-target");
  const element = el("li", "lw-pair", {}, source.element, target.element);
  return {
    element,
    update(pair) {
      const before = source.update(pair.source, false);
      // A translation may still come as long as its source is not final.
      return target.update(pair.target, pair.target === null && pair.source?.final === false) || before;
    },
  };
}

function translationCell(side: string) {
  const element = el("p", `lw-words ${side}`, { dir: "auto" });
  const updateText = turnText(element);
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
      updateText(turn);
      return true;
    },
  };
}

function turnListBody(actions: Pick<Actions, "confirm">): TranscriptBody {
  const element = el("ol", "lw-turns");
  const views = new Map<number, TurnView>();
  let widest = 0;
  return {
    kind: "talk",
    element,
    update(state) {
      const handed = handOvers(state);
      const longest = Math.max(speakerName(state).length, ...state.turns.map(({ agent }) => agent.length));
      // Names of agents are longer than "you" and "tutor": the column takes them as far as there is room.
      if (longest !== widest) {
        widest = longest;
        element.style.setProperty("--lw-longest-name", String(longest));
      }
      return patchKeyed(element, views, state.turns, {
        key: (turn: Turn) => turn.index,
        make: (turn) => turnView(turn.speaker, actions),
        update: (view, turn) => view.update(turn, state, handed.get(turn.index)),
      });
    },
  };
}

/** Closer to the end than this counts as the end, in pixels; chosen: about two lines. */
const END_MARGIN = 32;

export function transcript(suggestions: HTMLElement, actions: Pick<Actions, "confirm">, scope: Scope): View {
  const bodies: TranscriptBody[] = [turnListBody(actions), translationBody(), dictationBody(scope)];
  const empty = el("p", "lw-empty");
  const scroller = el("div", "lw-scroller", { tabindex: "0", role: "group", "aria-label": "Transcript" });
  scroller.append(empty, ...bodies.map((body) => body.element), suggestions);
  const newest = button("lw-newest", "Go to the newest words", icon("down", 14), "newest");
  const element = el("div", "lw-talk", {}, scroller, newest);
  newest.hidden = true;

  let following = true;
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
  };
  const follow = () => {
    // Who has just unfolded what a call would run with reads it from its beginning.
    const reading = focusBeside(scroller)?.closest(".lw-arguments") ?? null;
    if (following && !(reading && scroller.contains(reading))) {
      toEnd();
    }
    show(newest, !following);
  };
  scope.listen(scroller, "scroll", () => {
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_MARGIN;
    show(newest, !following);
  });
  newest.onclick = () => {
    following = true;
    follow();
    // The button is about to hide and would lose the focus.
    scroller.focus({ preventScroll: true });
  };
  onResize(scope, follow, ...bodies.map((body) => body.element));

  return {
    element,
    update(state) {
      const bare = state.turns.length === 0;
      show(empty, bare);
      text(empty, bare ? invitation(state) : "");
      attribute(scroller, "data-empty", bare ? "true" : null);
      for (const body of bodies) {
        const seen = body.kind === state.view;
        show(body.element, seen && !bare);
        if (seen && body.update(state)) {
          follow();
        }
      }
    },
  };
}
