// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import type { Turn } from "../../src/messages.gen.ts";
import { translationPairs } from "../../src/views/transcript.ts";
import { LIVE, mounted, shown, turn } from "./fakes.ts";

const from = (index: number, text: string, more: Partial<Turn> = {}) =>
  turn(index, "user", text, { language: "en", ...more });
const into = (index: number, text: string, more: Partial<Turn> = {}) =>
  turn(index, "model", text, { language: "es", ...more });
const view = (...turns: Turn[]) => ({ ...LIVE, view: "translation" as const, turns });
const rows = (root: Element) =>
  [...root.querySelectorAll(".lw-pair")].map((row) => [...row.children].map((cell) => shown(cell)));

describe("pairs", () => {
  it("are made of numbers that follow each other", () => {
    const turns = [from(0, "a"), into(1, "A"), from(2, "b"), from(4, "c"), into(5, "C"), into(7, "D")];
    expect(
      translationPairs(turns).map(({ index, source, target }) => [index, source?.index, target?.index]),
    ).toEqual([
      [0, 0, 1],
      [2, 2, undefined],
      [4, 4, 5],
      [7, undefined, 7],
    ]);
    expect(translationPairs([])).toEqual([]);
  });
});

describe("a translation", () => {
  it("stands in two columns under the names of the languages, row by row", () => {
    const { root, find } = mounted(
      view(from(0, "Hello. "), into(1, "Hola."), from(2, "Bye."), into(3, "Adiós.")),
    );
    expect(find(".lw-columns").textContent).toBe("EnglishSpanish");
    expect(rows(root)).toEqual([
      ["Hello.", "Hola."],
      ["Bye.", "Adiós."],
    ]);
    expect(find(".lw-source").lang).toBe("en");
    expect(find(".lw-target").lang).toBe("es");
    expect(find(".lw-turns").hidden).toBe(true);
    expect(find(".lw-dictation").hidden).toBe(true);
  });

  it("shows what may still change, and that a translation is on its way", async () => {
    const { root, find, set } = mounted(view(from(0, "Hello", { interim: " the", final: false })));
    expect(rows(root)).toEqual([["Hello the", ""]]);
    expect(find(".lw-interim").textContent).toBe(" the");
    expect(find(".lw-target").dataset.empty).toBe("true");
    const row = find(".lw-pair");
    await set(view(from(0, "Hello there."), into(1, "Hola", { final: false })));
    expect(find(".lw-pair")).toBe(row);
    expect(rows(root)).toEqual([["Hello there.", "Hola"]]);
    expect(find(".lw-target").hasAttribute("data-empty")).toBe(false);
  });

  it("has names for its columns where no language is known", () => {
    const { find } = mounted(view(from(0, "x", { language: "" }), into(1, "y", { language: "" })));
    expect(find(".lw-columns").textContent).toBe("What is saidTranslation");
  });

  it("keeps its words whole, wherever the player is", () => {
    const spans = [
      { text: "Uno ", sample: 0 },
      { text: "dos", sample: 240_000 },
    ];
    const { root } = mounted({
      ...view(from(0, "One two"), into(1, "", { spans, final: false })),
      playback: { turn: 1, playedSample: 100, volume: 1 },
    });
    expect(rows(root)).toEqual([["One two", "Uno dos"]]);
  });

  it("takes no text and is not interrupted; what could be said is no button", () => {
    const { root, find } = mounted({ ...view(), floor: "model", suggestions: ["good morning"] });
    expect(find(".lw-field").hidden).toBe(true);
    expect(find(".lw-interrupt").hidden).toBe(true);
    expect(find(".lw-hint").textContent).toBe("Talk; the translation follows.");
    expect(find(".lw-word").textContent).toBe("translating");
    expect(root.querySelectorAll(".lw-try button")).toHaveLength(0);
    expect(find(".lw-sentence").textContent).toBe("“good morning”");
  });

  it("becomes a talk again with a model that talks", async () => {
    const { find, set } = mounted({ ...view(from(0, "Hello."), into(1, "Hola.")), suggestions: ["x"] });
    await set({ view: "talk" });
    expect(find(".lw-translation").hidden).toBe(true);
    expect(find(".lw-turns").hidden).toBe(false);
    expect(find(".lw-turns").children).toHaveLength(2);
    expect(find(".lw-field").hidden).toBe(false);
    expect(find(".lw-suggestion").textContent).toBe("x");
  });

  it("is read out once each, in its language", async () => {
    const { find, set } = mounted(view());
    await set(view(from(0, "Hello", { final: false }), into(1, "Hola", { final: false })));
    await set(view(from(0, "Hello."), into(1, "Hola.")));
    await set(view(from(0, "Hello!"), into(1, "¡Hola!")));
    const read = [...find("[aria-live=polite]").children] as HTMLElement[];
    expect(read.map((line) => [line.textContent, line.lang])).toEqual([
      ["you: Hello.", "en"],
      ["tutor: Hola.", "es"],
    ]);
  });
});
