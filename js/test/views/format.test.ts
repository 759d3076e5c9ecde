import { describe, expect, it } from "vitest";
import {
  badgeParts,
  clean,
  cleanLine,
  dollars,
  duration,
  elapsedTime,
  firstSentence,
  latency,
  MAX_TEXT,
  remaining,
  tokens,
} from "../../src/views/format.ts";

describe("clean", () => {
  it("takes control characters out and keeps line breaks and tabs", () => {
    let all = "";
    for (let code = 0; code < 0xa0; code += 1) {
      all += String.fromCharCode(code);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be gone.
    expect(clean(all)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(clean("a\tb\r\nc\u2028d")).toBe("a\tb\nc\nd");
  });

  it("takes terminal colours out whole", () => {
    expect(clean("\u001b[1;31mred\u001b[0m")).toBe("red");
    expect(clean("\u001b]52;c;cGF5bG9hZA==\u0007x\u009d52;c;eA==\u009cy\u001bcz")).toBe("xyz");
    expect(clean("\u001b]never ended")).toBe("never ended");
  });

  it("takes out what has no width and carries a message, or parts a word", () => {
    expect(clean("pass\u200bword\ufeff\u00ad\u2060, \u{e0068}\u{e0069}")).toBe("password, ");
  });

  it("shows characters that turn the writing direction", () => {
    expect(clean("\u202egnp.exe\u202c")).toBe("\\u202Egnp.exe\\u202C");
    expect(clean("a\u2066b\u2069\u200f")).toBe("a\\u2066b\\u2069\\u200F");
  });

  it("leaves other scripts, and emoji with their joiners, as they are", () => {
    for (const text of ["שלום", "مرحبا", "नमस्ते", "👩‍🔬 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "ｅ\u0301"]) {
      expect(clean(text)).toBe(text);
    }
  });

  it("mends half characters and cuts what nobody reads", () => {
    expect(clean("a\ud800b")).toBe("a\ufffdb");
    expect(clean("x".repeat(MAX_TEXT + 9))).toBe(`${"x".repeat(MAX_TEXT)}…`);
    expect(clean(`${"x".repeat(MAX_TEXT - 1)}😀`)).toBe(`${"x".repeat(MAX_TEXT - 1)}\ufffd…`);
  });

  it("makes one line of names", () => {
    expect(cleanLine("  a\n b\u0007 ")).toBe("a b");
  });
});

describe("figures", () => {
  it.each([
    [0, "00:00"],
    [-5, "00:00"],
    [59_999, "00:59"],
    [134_200, "02:14"],
    [3_599_999, "59:59"],
    [3_734_000, "1:02:14"],
  ])("%d ms have run: %s", (ms, shown) => {
    expect(elapsedTime(ms)).toBe(shown);
  });

  it.each([
    [180, "0.18 s"],
    [9_994, "9.99 s"],
    [12_345, "12 s"],
    [-3, "0.00 s"],
  ])("first sound after %d ms: %s", (ms, shown) => {
    expect(latency(ms)).toBe(shown);
  });

  it.each([
    [0.2, "< 1 ms"],
    [12.1, "12 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [1431, "1.4 s"],
  ])("a tool ran %d ms: %s", (ms, shown) => {
    expect(duration(ms)).toBe(shown);
  });
});

describe("sentences", () => {
  it.each([
    ["The key is refused. Get another.", "The key is refused.", "Get another."],
    ["Only one", "Only one", ""],
    ["Only one.", "Only one.", ""],
    ["It took 0.18 s. Try again.", "It took 0.18 s.", "Try again."],
    ["Really? Yes.", "Really?", "Yes."],
    ["", "", ""],
  ])("%s", (text, first, rest) => {
    expect(firstSentence(text)).toEqual([first, rest]);
  });

  it("parts a badge", () => {
    expect(badgeParts("no key · on this computer")).toEqual(["no key", " · on this computer"]);
    expect(badgeParts("key")).toEqual(["key", ""]);
  });
});

describe("figures of the meter", () => {
  it.each([
    [0, "0 tokens"],
    [1, "1 token"],
    [1352, "1,352 tokens"],
  ])("%i tokens", (count, words) => expect(tokens(count)).toBe(words));

  it.each([
    [0, "~$0.000"],
    [0.0001, "< $0.001"],
    [0.0042, "~$0.004"],
    [0.1234, "~$0.12"],
    [1.2, "~$1.20"],
  ])("%f dollars", (amount, words) => expect(dollars(amount)).toBe(words));

  it.each([
    [-5, "0 s"],
    [41_200, "42 s"],
    [90_000, "90 s"],
    [91_000, "2 min"],
    [600_000, "10 min"],
  ])("%i ms left", (ms, words) => expect(remaining(ms)).toBe(words));
});
