// @vitest-environment happy-dom

import { afterEach, describe, expect, it, vi } from "vitest";
import type { Turn } from "../../src/messages.gen.ts";
import { countWords } from "../../src/views/transcript.ts";
import { LIVE, mounted, turn } from "./fakes.ts";

const view = (...turns: Turn[]) => ({ ...LIVE, view: "dictation" as const, turns });
const letter = [
  turn(0, "user", "Dear Alice, "),
  turn(1, "user", " thank you for the letter."),
  turn(2, "user", "It", { final: false, interim: "hangs over" }),
];

describe("a dictation", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("is one text, its guesses in grey at the end", async () => {
    const { root, find, set } = mounted(view(...letter));
    expect(find(".lw-flow").textContent).toBe("Dear Alice, thank you for the letter. It hangs over ");
    expect([...root.querySelectorAll(".lw-interim")].map((one) => one.textContent).join("")).toBe(
      " hangs over",
    );
    expect(find(".lw-count").textContent).toBe("8 words");
    const [first] = root.querySelectorAll(".lw-piece");
    await set(view(...letter.slice(0, 2), turn(2, "user", "It hangs over my desk.")));
    expect(root.querySelectorAll(".lw-piece")[0]).toBe(first);
    expect(find(".lw-flow").textContent).toContain("It hangs over my desk.");
    expect(find(".lw-count").textContent).toBe("12 words");
  });

  it("has no lane for a model that only listens, and nothing to type into", () => {
    const { find } = mounted({ ...view(...letter), floor: "user" });
    expect(find(".lw-lane-model").hidden).toBe(true);
    expect(find(".lw-lane-user").hidden).toBe(false);
    expect(find(".lw-field").hidden).toBe(true);
    expect(find(".lw-hint").textContent).toBe("Talk; it is written down.");
  });

  it("is copied without its guesses, and says so for a while", async () => {
    vi.useFakeTimers();
    const written: string[] = [];
    vi.stubGlobal("navigator", { clipboard: { writeText: async (text: string) => void written.push(text) } });
    const { find } = mounted(view(...letter));
    const copy = find<HTMLButtonElement>(".lw-copy");
    expect(copy.textContent).toBe("Copy text");
    copy.click();
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual(["Dear Alice, thank you for the letter. It"]);
    expect(copy.textContent).toBe("Copied");
    expect(find("[role=status]").textContent).toBe("Copied");
    await vi.advanceTimersByTimeAsync(2000);
    expect(copy.textContent).toBe("Copy text");
    expect(find("[role=status]").textContent).toBe("");
  });

  it.each([
    ["refuses", { clipboard: { writeText: () => Promise.reject(new Error("not allowed")) } }],
    ["has none", {}],
  ])("is marked for the keys where the browser %s", async (_, navigator) => {
    vi.useFakeTimers();
    vi.stubGlobal("navigator", navigator);
    const { find } = mounted(view(...letter));
    find<HTMLButtonElement>(".lw-copy").click();
    await vi.advanceTimersByTimeAsync(0);
    expect(find(".lw-copy").textContent).toBe("Press Ctrl+C");
    expect(getSelection()!.toString()).toContain("Dear Alice");
  });

  it("cannot be copied while there is nothing", () => {
    const { find } = mounted(view(turn(0, "user", "", { final: false, interim: "dear" })));
    expect(find<HTMLButtonElement>(".lw-copy").disabled).toBe(true);
    expect(find(".lw-count").textContent).toBe("0 words");
  });

  it("is read out piece by piece, once each is certain", async () => {
    const { find, set } = mounted(view());
    await set(view(letter[2]!));
    await set(view(...letter));
    const read = [...find("[aria-live=polite]").children].map((line) => line.textContent);
    expect(read).toEqual(["you: Dear Alice,", "you: thank you for the letter."]);
  });

  it("shows text from outside as text", () => {
    const { root } = mounted(view(turn(0, "user", "<img src=x onerror=alert(1)>", { interim: "<b>x</b>" })));
    expect(root.querySelectorAll("img, b")).toHaveLength(0);
  });
});

describe("words", () => {
  it.each([
    ["", 0],
    ["one", 1],
    ["One, two — three!", 3],
    ["it's 4.5 m", 3],
  ])("of %j are %i", (text, count) => {
    expect(countWords(text)).toBe(count);
  });

  it("are counted where they are written without spaces", () => {
    expect(countWords("我想去公园")).toBeGreaterThan(1);
  });

  it("are counted by their spaces where the browser knows no better", () => {
    vi.stubGlobal("Intl", { ...Intl, Segmenter: undefined });
    expect(countWords(" one  two ")).toBe(2);
    vi.unstubAllGlobals();
  });
});
