// One turn of the transcript: who, the words so far, and what stands beside them. Nodes are made once and patched.

import type { Actions, State, Turn } from "../state.ts";
import { code } from "./answer/code.ts";
import { sources } from "./answer/sources.ts";
import { thoughts } from "./answer/thoughts.ts";
import { attribute, el, icon, show, text } from "./dom.ts";
import { clean, latency } from "./format.ts";
import { languageName, languageTag } from "./language.ts";
import { speakerName } from "./status.ts";
import { tools } from "./tool.ts";
import { type Words, words } from "./words.ts";

export interface TurnView {
  element: HTMLLIElement;
  /** True when something was changed. */
  update(turn: Turn, state: State): boolean;
}

export function turnView(speaker: Turn["speaker"], actions: Pick<Actions, "confirm">): TurnView {
  const name = el("span", "lw-speaker");
  const language = el("span", "lw-language");
  const who = el("span", "lw-whose", {}, name, language);
  const said = document.createTextNode("");
  const speaking = el("span", "lw-soft");
  const interim = el("span", "lw-soft lw-interim");
  const interrupted = el("span", "lw-interrupted", {}, "interrupted");
  const line = el("p", "lw-words", { dir: "auto" }, said, speaking, interim, interrupted);
  const [thought, ran, rests] = [thoughts(), code(), sources()];
  const left = el("p", "lw-waited", {}, "chose not to answer");
  const count = el("span");
  const pictures = el("p", "lw-pictures", {}, icon("picture", 14), count);
  const calls = tools(actions);
  const small = el("span", "lw-small", {
    title: "From the end of your words, once noticed, to the first sound",
  });
  const side = speaker === "user" ? "lw-user" : "lw-model";
  const content = el("div", "lw-content", {}, thought.element, calls.element, ran.element, line);
  content.append(left, pictures, rests.element);
  const element = el("li", `lw-turn ${side}`, {}, who, content, small);

  let last: Turn | null = null;
  let before = "";
  return {
    element,
    update(turn, state) {
      const named = speaker === "user" ? "you" : speakerName(state);
      const now = words(turn, state);
      const key = `${named}\n${now.said.length} ${now.speaking.length} ${state.elsewhere}`;
      if (turn === last && key === before) {
        return false;
      }
      last = turn;
      before = key;
      text(name, named);
      text(language, turn.language);
      attribute(language, "title", turn.language ? languageName(turn.language) : null);
      putWords({ said, speaking, interim }, now);
      show(interrupted, turn.interrupted);
      const waits = !turn.final && !turn.waited && turn.tools.length === 0;
      show(line, !isEmpty(now) || turn.interrupted || waits);
      attribute(line, "data-empty", isEmpty(now) && waits ? "true" : null);
      attribute(line, "lang", languageTag(turn.language));
      show(left, turn.waited);
      text(count, turn.images === 1 ? "1 picture" : `${turn.images} pictures`);
      show(pictures, turn.images > 0);
      for (const part of [thought, ran, rests]) {
        part.update(turn);
      }
      calls.update(turn.tools, state);
      text(small, turn.latency_ms === null ? "" : latency(turn.latency_ms));
      return true;
    },
  };
}

function isEmpty({ said, speaking, interim }: Words): boolean {
  return said + speaking + interim === "";
}

function putWords(nodes: { said: Text; speaking: HTMLElement; interim: HTMLElement }, now: Words): void {
  const { interim } = now;
  const said = now.said.trimStart();
  const speaking = said ? now.speaking : now.speaking.trimStart();
  const heard = said + speaking;
  const gap = heard !== "" && interim !== "" && !/\s$/.test(heard) && !/^\s/.test(interim);
  // A space at the very end would hold the mark of an interruption off.
  text(nodes.said, clean(speaking + interim ? said : said.trimEnd()));
  text(nodes.speaking, clean(speaking));
  text(nodes.interim, clean((gap ? " " : "") + interim));
}
