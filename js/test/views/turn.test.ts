import { describe, expect, it } from "vitest";
import type { Turn } from "../../src/messages.gen.ts";
import type { State } from "../../src/state.ts";
import { turnWords, wordSync } from "../../src/views/turn.ts";
import { LIVE, state, turn } from "./fakes.ts";

const spans = [
  { text: "Seven plus five ", sample: 0 },
  { text: "is twelve. ", sample: 19_200 },
  { text: "Shall we go on?", sample: 40_000 },
];
const answer = (more: Partial<Turn> = {}) => turn(2, "model", "", { spans, final: false, ...more });
const playing = (playedSample: number, more: Partial<State> = {}) =>
  state({ ...LIVE, playback: { turn: 2, playedSample, volume: 1 }, ...more });

describe("words in step with the sound", () => {
  it("come when they are heard, the spoken ones softer", () => {
    expect(turnWords(answer(), playing(0))).toMatchObject({ played: "", speaking: "Seven plus five " });
    expect(turnWords(answer(), playing(19_199))).toMatchObject({ played: "", speaking: "Seven plus five " });
    expect(turnWords(answer(), playing(19_200))).toMatchObject({
      played: "Seven plus five ",
      speaking: "is twelve. ",
    });
    expect(turnWords(answer(), playing(41_000))).toMatchObject({
      played: "Seven plus five is twelve. ",
      speaking: "Shall we go on?",
    });
  });

  it("are plain once spoken, also before the next ones begin", () => {
    // "is twelve. " takes about 0.55 s: it is over 13 200 samples after it began, the next begins at 40 000.
    expect(turnWords(answer(), playing(35_000))).toMatchObject({
      played: "Seven plus five is twelve. ",
      speaking: "",
    });
    expect(turnWords(answer(), playing(90_000)).speaking).toBe("");
  });

  it("stay in step when the turn is final and the player is not done", () => {
    expect(turnWords(answer({ final: true }), playing(100)).played).toBe("");
  });

  it.each<[string, Turn, State]>([
    ["one's own words", turn(2, "user", "Hello"), playing(0)],
    ["another page's", answer(), playing(0, { owner: false })],
    ["after the talk", answer(), playing(0, { phase: "ended" })],
    ["an earlier turn", answer({ index: 1 }), playing(100)],
    ["a final turn without sound", answer({ final: true }), playing(0)],
    ["a later turn where nothing is played at all", answer({ index: 5 }), playing(0)],
  ])("are whole for %s", (_, one, now) => {
    expect(wordSync(one, now)).toBe("whole");
  });

  it("of a turn whose sound is still to come are held back", () => {
    const later = turnWords(answer({ index: 3 }), playing(9_000));
    expect(later).toMatchObject({ played: "", speaking: "Seven plus five " });
  });

  it("end where the interruption cut them", () => {
    const cut = (heard_sample: number | null) =>
      turnWords(answer({ interrupted: true, heard_sample }), playing(99_999)).played;
    expect(cut(0)).toBe("");
    expect(cut(12_000)).toBe("Seven plus");
    expect(cut(19_200)).toBe("Seven plus five ");
    expect(cut(90_000)).toBe("Seven plus five is twelve. Shall we go on?");
    expect(cut(null)).toBe("Seven plus five is twelve. Shall we go on?");
  });

  it("that may change follow the others", () => {
    expect(turnWords(turn(1, "user", "What", { interim: "time is" }), playing(0))).toEqual({
      played: "What",
      speaking: "",
      interim: "time is",
    });
  });
});
