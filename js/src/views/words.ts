// Which of a turn's words are on the card now: those that have been heard, the ones being spoken in a softer ink.

import type { Span, State, Turn } from "../state.ts";

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
