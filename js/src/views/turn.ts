// One turn of the transcript: who, the words so far, and what stands beside them. Nodes are made once and patched.

import type { Span, Turn } from "../messages.gen.ts";
import type { Actions, State } from "../state.ts";
import { code, sources, thoughts } from "./answer.ts";
import { attribute, el, icon, show, text } from "./dom.ts";
import { clean, languageName, languageTag, latency } from "./format.ts";
import { speakerName } from "./status.ts";
import { tools } from "./tool.ts";

/** Samples per second of all positions in a turn. */
const RATE = 24_000;
/** Speech runs at about this many characters per second; only the end of a span is guessed with it. */
const CHARACTERS_PER_SECOND = 20;

export interface Words {
  /** Heard, or not bound to sound. */
  said: string;
  /** Being spoken now. */
  speaking: string;
  /** May still change. */
  interim: string;
}

type Heard = Pick<State, "playback" | "owner" | "phase">;

/** How a turn's words follow the player: "whole", "inStep", or "ahead" while its sound has not begun. */
export function pace(turn: Turn, state: Heard): "whole" | "inStep" | "ahead" {
  if (turn.speaker !== "model" || !state.owner || state.phase !== "live" || turn.interrupted) {
    return "whole";
  }
  const { turn: playing, playedSample } = state.playback;
  if (turn.index === playing) {
    // A final turn of which nothing was played came without sound.
    return turn.final && playedSample === 0 ? "whole" : "inStep";
  }
  // Sound has been heard in this talk and this turn's is still to come; without any sound the words cannot wait for it.
  return !turn.final && turn.index > playing && playedSample > 0 ? "ahead" : "whole";
}

export function words(turn: Turn, state: Heard): Words {
  const spans =
    turn.interrupted && turn.heard_sample !== null ? cut(turn.spans, turn.heard_sample) : turn.spans;
  const { interim } = turn;
  const at = pace(turn, state);
  if (at === "whole") {
    return { said: join(spans), speaking: "", interim };
  }
  const played = at === "ahead" ? 0 : state.playback.playedSample;
  const begun = spans.filter((span) => span.sample <= played);
  const last = begun.at(-1);
  if (!last || played >= end(last, spans[begun.length])) {
    return { said: join(begun), speaking: "", interim };
  }
  return { said: join(begun.slice(0, -1)), speaking: last.text, interim };
}

/** Where a span stops sounding: where the next begins, at the latest. */
function end(span: Span, next: Span | undefined): number {
  const guess = span.sample + (span.text.length / CHARACTERS_PER_SECOND) * RATE;
  return next ? Math.min(guess, next.sample) : guess;
}

/** The spans that were heard; a span that was broken off keeps the words that fit into what was heard of it. */
function cut(spans: Span[], heard: number): Span[] {
  const begun = spans.filter((span) => span.sample < heard);
  const last = begun.at(-1);
  if (!last || heard >= end(last, spans[begun.length])) {
    return begun;
  }
  const room = Math.floor(((heard - last.sample) / RATE) * CHARACTERS_PER_SECOND);
  const boundary = last.text.lastIndexOf(" ", room);
  return [
    ...begun.slice(0, -1),
    { text: boundary > 0 ? last.text.slice(0, boundary) : "", sample: last.sample },
  ];
}

function join(spans: Span[]): string {
  return spans.map((span) => span.text).join("");
}

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
