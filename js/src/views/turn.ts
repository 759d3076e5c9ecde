// One turn of the transcript: who, the words so far, and what stands beside them. Nodes are made once and patched.

import type { Span, Turn } from "../messages.gen.ts";
import type { Actions, State } from "../state.ts";
import { codeRuns, sources, thoughts } from "./answer.ts";
import { attribute, el, icon, show, text } from "./dom.ts";
import { ANSWERED_IN, clean, languageName, languageTag, latency } from "./format.ts";
import { agentName, hasNoPlayer, speakerName, userName } from "./status.ts";
import { mayDecide, toolList } from "./tool.ts";

/** Samples per second of the positions in a turn. */
const SAMPLE_RATE = 24_000;
/** Chosen: a little faster than speech (about 15); it only estimates where a span ends. */
const CHARACTERS_PER_SECOND = 20;

interface TurnWords {
  /** Played, or without audio. */
  played: string;
  /** Being played now. */
  speaking: string;
  /** May still change. */
  interim: string;
}

type PlaybackState = Pick<State, "playback" | "owner" | "phase" | "sound">;

/** How a turn's words follow its audio: shown whole, in step, or "ahead" of audio that has not begun. */
export function wordSync(turn: Turn, state: PlaybackState): "whole" | "inStep" | "ahead" {
  if (turn.speaker !== "model" || !state.owner || state.phase !== "live" || turn.interrupted) {
    return "whole";
  }
  if (hasNoPlayer(state.sound.player)) {
    return "whole";
  }
  const { turn: playing, playedSample } = state.playback;
  if (turn.index === playing) {
    // A final turn of which nothing was played has no audio.
    return turn.final && playedSample === 0 ? "whole" : "inStep";
  }
  // Audio was played before and this turn's is still to come; without any audio the words cannot wait for it.
  return !turn.final && turn.index > playing && playedSample > 0 ? "ahead" : "whole";
}

export function turnWords(turn: Turn, state: PlaybackState): TurnWords {
  const spans =
    turn.interrupted && turn.heard_sample !== null ? spansUpTo(turn.spans, turn.heard_sample) : turn.spans;
  const { interim } = turn;
  const at = wordSync(turn, state);
  if (at === "whole") {
    return { played: joinSpans(spans), speaking: "", interim };
  }
  const played = at === "ahead" ? 0 : state.playback.playedSample;
  const begun = spans.filter((span) => span.sample <= played);
  const last = begun.at(-1);
  if (!last || played >= spanEnd(last, spans[begun.length])) {
    return { played: joinSpans(begun), speaking: "", interim };
  }
  return { played: joinSpans(begun.slice(0, -1)), speaking: last.text, interim };
}

/** The sample at which a span ends: at the latest where the next begins. */
function spanEnd(span: Span, next: Span | undefined): number {
  const guess = span.sample + (span.text.length / CHARACTERS_PER_SECOND) * SAMPLE_RATE;
  return next ? Math.min(guess, next.sample) : guess;
}

/** The spans before `sample`; the last one keeps the words that fit into what was played of it. */
function spansUpTo(spans: Span[], sample: number): Span[] {
  const begun = spans.filter((span) => span.sample < sample);
  const last = begun.at(-1);
  if (!last || sample >= spanEnd(last, spans[begun.length])) {
    return begun;
  }
  const room = Math.floor(((sample - last.sample) / SAMPLE_RATE) * CHARACTERS_PER_SECOND);
  const boundary = last.text.lastIndexOf(" ", room);
  return [
    ...begun.slice(0, -1),
    { text: boundary > 0 ? last.text.slice(0, boundary) : "", sample: last.sample },
  ];
}

/** The words of a turn, those not yet heard too; of an interrupted answer only what was heard. */
export function turnText(turn: Turn): string {
  const { interrupted, heard_sample, spans } = turn;
  return (
    joinSpans(interrupted && heard_sample !== null ? spansUpTo(spans, heard_sample) : spans) + turn.interim
  );
}

function joinSpans(spans: Span[]): string {
  return spans.map((span) => span.text).join("");
}

export interface TurnView {
  element: HTMLLIElement;
  /** Draws a turn; `handedTo` is the agent that the conversation was handed over to just before, "" for none. True if something changed. */
  update(turn: Turn, state: State, handedTo?: string): boolean;
}

/** The turns before which the conversation was handed over to another agent, by index, with that agent's name. */
export function handOvers(state: State): Map<number, string> {
  const changes = new Map<number, string>();
  let now = speakerName(state);
  for (const turn of state.turns) {
    const name = agentName(turn, state);
    if (turn.speaker === "model" && name !== now) {
      changes.set(turn.index, name);
      now = name;
    }
  }
  return changes;
}

export function turnView(speaker: Turn["speaker"], actions: Pick<Actions, "confirm">): TurnView {
  const name = el("span", "lw-speaker");
  const language = el("span", "lw-language");
  const who = el("span", "lw-whose", {}, name, language);
  const played = document.createTextNode("");
  const speaking = el("span", "lw-soft");
  const interim = el("span", "lw-soft lw-interim");
  const interrupted = el("span", "lw-interrupted", {}, "interrupted");
  const line = el("p", "lw-words", { dir: "auto" }, played, speaking, interim, interrupted);
  const [thinking, runs, links] = [thoughts(), codeRuns(), sources()];
  const declined = el("p", "lw-waited", {}, "chose not to answer");
  const count = el("span");
  const pictures = el("p", "lw-pictures", {}, icon("picture", 14), count);
  const calls = toolList(actions);
  const delay = el("span", "lw-small", {
    title: ANSWERED_IN,
  });
  const side = speaker === "user" ? "lw-user" : "lw-model";
  const content = el("div", "lw-content", {}, thinking.element, calls.element, runs.element, line);
  content.append(declined, pictures, links.element);
  const handed = el("p", "lw-handed");
  const element = el("li", `lw-turn ${side}`, {}, handed, who, content, delay);

  let last: Turn | null = null;
  let before = "";
  return {
    element,
    update(turn, state, handedTo = "") {
      const named = speaker === "user" ? userName(turn) : agentName(turn, state);
      const now = turnWords(turn, state);
      const key = `${named}\n${handedTo}\n${now.played.length} ${now.speaking.length} ${mayDecide(state)}`;
      if (turn === last && key === before) {
        return false;
      }
      last = turn;
      before = key;
      text(name, named);
      attribute(name, "title", speaker === "user" ? null : named);
      text(handed, handedTo && `handed over to ${handedTo}`);
      show(handed, handedTo !== "");
      text(language, turn.language);
      attribute(language, "title", turn.language ? languageName(turn.language) : null);
      renderWords({ played, speaking, interim }, now);
      show(interrupted, turn.interrupted);
      const waits = !turn.final && !turn.waited && turn.tools.length === 0;
      show(line, !isEmpty(now) || turn.interrupted || waits);
      attribute(line, "data-empty", isEmpty(now) && waits ? "true" : null);
      attribute(line, "lang", languageTag(turn.language));
      show(declined, turn.waited);
      text(count, turn.images === 1 ? "1 picture" : `${turn.images} pictures`);
      show(pictures, turn.images > 0);
      for (const part of [thinking, runs, links]) {
        part.update(turn);
      }
      calls.update(turn.tools, state);
      text(delay, turn.latency_ms === null ? "" : latency(turn.latency_ms));
      return true;
    },
  };
}

function isEmpty({ played, speaking, interim }: TurnWords): boolean {
  return played + speaking + interim === "";
}

function renderWords(
  nodes: { played: Text; speaking: HTMLElement; interim: HTMLElement },
  now: TurnWords,
): void {
  const { interim } = now;
  const played = now.played.trimStart();
  const speaking = played ? now.speaking : now.speaking.trimStart();
  const spoken = played + speaking;
  const gap = spoken !== "" && interim !== "" && !/\s$/.test(spoken) && !/^\s/.test(interim);
  // Without a space at the end, the mark of an interruption follows directly.
  text(nodes.played, clean(speaking + interim ? played : played.trimEnd()));
  text(nodes.speaking, clean(speaking));
  text(nodes.interim, clean((gap ? " " : "") + interim));
}
