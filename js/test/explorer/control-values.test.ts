import { describe, expect, it } from "vitest";
import {
  choiceName,
  choicesOf,
  chosenModel,
  defaultLabel,
  featureGroups,
  isChanged,
  matches,
  modelsWith,
  rangeText,
  requestedValue,
  supportNote,
} from "../../src/explorer/control.ts";
import { CATALOGUE, feature, SETTINGS } from "./fakes.ts";

const named = (name: string) => CATALOGUE.features.find((one) => one.name === name)!;

describe("what a setting shall be", () => {
  const settings = { ...SETTINGS, values: { a: 1, b: 2 }, pending: { b: null, c: 3, model: "old" } };

  it("is what was changed, else what is, else nothing", () => {
    expect(["a", "b", "c", "d"].map((name) => requestedValue(settings, name))).toEqual([1, null, 3, null]);
    expect(["a", "b", "c", "d"].map((name) => isChanged(settings, name))).toEqual([false, true, true, false]);
    expect(chosenModel(settings)).toBe("old");
    expect(chosenModel(SETTINGS)).toBe("tutor");
  });

  it("is not taken from the objects' own names", () => {
    expect(requestedValue(SETTINGS, "constructor")).toBe(null);
    expect(isChanged(SETTINGS, "toString")).toBe(false);
  });
});

describe("words about a feature", () => {
  it("say what the service does where nothing is said", () => {
    const words = CATALOGUE.features.map((one) => [one.name, defaultLabel(one)]);
    expect(Object.fromEntries(words)).toEqual({
      voice: "the model's own",
      system_instruction: "none",
      language: "none",
      modalities: "AUDIO",
      temperature: "left to the service",
      silence_ms: "about 800 ms",
      resumption: "on",
      search: "off",
      languages: "none",
      extra: "none",
    });
  });

  it("say which numbers can be", () => {
    expect(rangeText(named("temperature"))).toBe("0 to 2");
    expect(rangeText(named("silence_ms"))).toBe("0 or more");
    expect(rangeText(feature("x", "number", { lowest: -2, highest: 2 }))).toBe("−2 to 2");
    expect(rangeText(feature("x", "number", { lowest: -(2 ** 31) }))).toBe("any whole number");
    expect(rangeText(named("voice"))).toBe("");
  });

  it("name choices for people", () => {
    expect(choiceName(named("voice"), "Kore")).toBe("Kore — firm");
    expect(choiceName(named("voice"), "push_to_talk")).toBe("push to talk");
    expect(choicesOf(named("voice"), "old")).toEqual(["Kore"]);
    expect(choicesOf(named("modalities"), "old")).toEqual(["AUDIO", "TEXT"]);
  });

  it("say how a model takes it", () => {
    expect(supportNote(named("voice"), "deaf")).toBe("deaf does not have it: its voice cannot be chosen.");
    expect(supportNote(named("language"), "tutor")).toBe("tutor ignores it: it follows you.");
    expect(supportNote(named("search"), "deaf")).toBe("deaf does not have it.");
    expect(supportNote(named("search"), "tutor")).toBe("");
    expect(modelsWith(named("language"), CATALOGUE.models)).toEqual(["old", "deaf"]);
  });
});

describe("finding", () => {
  it("looks at the label, both names, what it is for and the group", () => {
    const found = (words: string) =>
      CATALOGUE.features.filter((one) => matches(one, words)).map((one) => one.name);
    expect(found("silen")).toEqual(["silence_ms"]);
    expect(found("systemInstruction")).toEqual(["system_instruction"]);
    expect(found("turn DETECTION")).toEqual(["silence_ms"]);
    expect(found("what voice is for")).toContain("voice");
    expect(found("voice nothing")).toEqual([]);
    expect(found("")).toHaveLength(CATALOGUE.features.length);
  });

  it("keeps groups in the catalogue's order", () => {
    expect([...featureGroups(CATALOGUE).keys()]).toEqual([
      "Voice and style",
      "Turn detection",
      "Long sessions",
      "Built-in tools",
      "Transcripts",
      "Everything else",
    ]);
  });
});
