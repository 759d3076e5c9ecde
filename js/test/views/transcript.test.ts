// @vitest-environment happy-dom

import { afterEach, describe, expect, it, vi } from "vitest";
import type { Turn } from "../../src/messages.gen.ts";
import { LIVE, mounted, shown, turn, use } from "./fakes.ts";

const rows = (root: Element) => [...root.querySelectorAll<HTMLElement>(".lw-turn")];
describe("the transcript", () => {
  it("shows turns with speaker, words, latency, tools and thoughts", () => {
    const { root, find } = mounted({
      turns: [
        turn(1, "user", " Turn on the light."),
        turn(2, "model", "The lamp is on.", { latency_ms: 310, tools: [use()], thoughts: "A lamp." }),
      ],
    });
    const [user, model] = rows(root);
    expect(shown(user!)).toBe("youTurn on the light.");
    expect(model!.querySelector(".lw-speaker")!.textContent).toBe("tutor");
    expect(model!.querySelector(".lw-words")!.textContent).toContain("The lamp is on.");
    expect(model!.querySelector(".lw-small")!.textContent).toBe("0.31 s");
    expect(shown(find(".lw-chip"))).toBe('set_light(on=True) → "the lamp is on" · 12 ms');
    expect(model!.querySelector<HTMLDetailsElement>(".lw-thoughts")!.open).toBe(false);
    expect(model!.querySelector(".lw-thought")!.textContent).toBe("A lamp.");
  });

  it("names the agent that speaks, and says once when another one takes over", async () => {
    const { root, set } = mounted({
      speaker: "lamp",
      turns: [
        turn(1, "user", "Cook something."),
        turn(2, "model", "I hand you over.", { agent: "lamp" }),
        turn(3, "model", "What would you like?", { agent: "kitchen" }),
        turn(4, "user", "Pasta."),
        turn(5, "model", "Pasta it is.", { agent: "kitchen" }),
        turn(6, "model", "Here I am again."),
      ],
    });
    const names = () => rows(root).map((row) => row.querySelector(".lw-speaker")!.textContent);
    const handed = () =>
      rows(root).map((row) => {
        const line = row.querySelector<HTMLElement>(".lw-handed")!;
        return line.hidden ? "" : line.textContent;
      });
    expect(names()).toEqual(["you", "lamp", "kitchen", "you", "kitchen", "lamp"]);
    // The column of names is as wide as the longest one needs.
    expect(root.querySelector<HTMLElement>(".lw-turns")!.style.getPropertyValue("--lw-longest-name")).toBe(
      "7",
    );
    expect(handed()).toEqual(["", "", "handed over to kitchen", "", "", "handed over to lamp"]);
    expect(root.querySelector(".lw-lane-model")!.textContent).toBe("lamp");
    await set({ turns: [turn(7, "model", "Hello.", { agent: "kitchen" })] });
    expect(handed()).toEqual(["handed over to kitchen"]);
    expect(root.querySelector(".lw-lane-model")!.textContent).toBe("kitchen");
    await set({ turns: [turn(7, "model", "Hello.")] });
    expect([names(), handed()]).toEqual([["lamp"], [""]]);
  });

  it("shows how a tool came out", async () => {
    const { root, set } = mounted();
    const tools = [
      use({ state: "running", result: null }),
      use({ state: "running", result: null, updates: ['"10 %"', '"40 %"'] }),
      use({ state: "failed", error: "ValueError" }),
      use({ state: "refused", result: null, error: "the user did not allow it" }),
      use({ state: "cancelled", result: null }),
    ];
    await set({ turns: [turn(1, "model", "", { tools, final: false })] });
    const chips = [...root.querySelectorAll(".lw-chip")];
    expect(chips.map((chip) => shown(chip))).toEqual([
      "set_light(on=True) …",
      'set_light(on=True) … "40 %"',
      "set_light(on=True) failed: ValueError",
      "set_light(on=True) did not run",
      "set_light(on=True) cancelled",
    ]);
    await set({ turns: [turn(1, "model", "", { tools: [use()], final: true })] });
    expect([...root.querySelectorAll(".lw-chip")]).toEqual([chips[0]]);
    expect(chips[0]!.getAttribute("data-state")).toBe("done");
  });

  it("sets off what may change and marks what was cut", () => {
    const { root } = mounted({
      turns: [
        turn(1, "model", "I can add and ", { interrupted: true }),
        turn(2, "user", "What time", { interim: "is…", final: false }),
      ],
    });
    const [cut, now] = rows(root);
    expect(shown(cut!)).toContain("I can add andinterrupted");
    expect(now!.querySelector(".lw-interim")!.textContent).toBe(" is…");
    expect(shown(now!)).not.toContain("interrupted");
  });

  it("shows words in step with the player", async () => {
    const spans = [
      { text: "One ", sample: 0 },
      { text: "two", sample: 24_000 },
    ];
    const turns = [turn(1, "model", "", { spans, final: false })];
    const { find, set } = mounted({ ...LIVE, turns, playback: { turn: 1, playedSample: 100, volume: 1 } });
    const words = () => [find(".lw-words").firstChild!.textContent, find(".lw-soft").textContent];
    expect(words()).toEqual(["", "One "]);
    await set({ playback: { turn: 1, playedSample: 25_000, volume: 1 } });
    expect(words()).toEqual(["One ", "two"]);
    await set({ playback: { turn: 1, playedSample: 99_000, volume: 1 } });
    expect(words()).toEqual(["One two", ""]);
  });
});

describe("patching", () => {
  it("keeps the nodes of turns, and touches only what changed", async () => {
    const turns = Array.from({ length: 200 }, (_, index) =>
      turn(index, index % 2 ? "model" : "user", `Turn ${index}`),
    );
    const { root, set } = mounted({ ...LIVE, turns });
    const before = rows(root);
    const touched = new Set<Node>();
    const observer = new MutationObserver((records) => {
      for (const record of records) {
        touched.add(record.target.parentElement?.closest(".lw-turn") ?? record.target);
      }
    });
    observer.observe(root.querySelector(".lw-turns")!, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    await set({ turns: [...turns.slice(0, 199), turn(199, "model", "Turn 199 goes on")] });
    for (const record of observer.takeRecords()) {
      touched.add(record.target.parentElement!.closest(".lw-turn")!);
    }
    observer.disconnect();
    expect(rows(root)).toEqual(before);
    expect([...touched]).toEqual([before[199]]);
    expect(shown(before[199]!)).toContain("Turn 199 goes on");
  });

  it("follows turns that come, go and stand elsewhere", async () => {
    const said = (...list: Turn[]) => ({ turns: list });
    const [a, b, c] = [turn(1, "user", "a"), turn(2, "model", "b"), turn(3, "user", "c")];
    const { root, set } = mounted(said(a, c));
    const words = () => rows(root).map((row) => row.querySelector(".lw-words")!.firstChild!.textContent);
    const kept = rows(root)[1];
    await set(said(a, b, c));
    expect(words()).toEqual(["a", "b", "c"]);
    expect(rows(root)[2]).toBe(kept);
    await set(said(b, c));
    expect(words()).toEqual(["b", "c"]);
    await set(said());
    expect(words()).toEqual([]);
    await set(said(c));
    expect(words()).toEqual(["c"]);
  });
});

describe("following", () => {
  function scrolled(element: HTMLElement, height: number, room: number) {
    Object.defineProperty(element, "scrollHeight", { configurable: true, get: () => height });
    Object.defineProperty(element, "clientHeight", { configurable: true, get: () => room });
  }

  it("stays at the newest until the reader scrolls away, and goes back on demand", async () => {
    const { find, set } = mounted({ ...LIVE, turns: [turn(1, "user", "a")] });
    const scroller = find(".lw-scroller");
    scrolled(scroller, 900, 300);
    await set({ turns: [turn(1, "user", "a"), turn(2, "model", "b")] });
    expect(scroller.scrollTop).toBe(900);
    expect(find(".lw-newest").hidden).toBe(true);
    scroller.scrollTop = 200;
    scroller.dispatchEvent(new Event("scroll"));
    expect(find(".lw-newest").hidden).toBe(false);
    await set({ turns: [turn(1, "user", "a"), turn(2, "model", "b c")] });
    expect(scroller.scrollTop).toBe(200);
    find(".lw-newest").click();
    expect(scroller.scrollTop).toBe(900);
    expect(find(".lw-newest").hidden).toBe(true);
  });
});

describe("what is read out", () => {
  it("is each final turn once, never partial words, nothing from before", async () => {
    const old = turn(1, "user", "Before");
    const { find, set } = mounted({ ...LIVE, turns: [old] });
    const log = find("[aria-live=polite]");
    const read = () => [...log.children].map((line) => line.textContent);
    await set({ turns: [old, turn(2, "model", "Seven", { final: false })] });
    await set({ turns: [old, turn(2, "model", "Seven plus five", { final: false })] });
    expect(read()).toEqual([]);
    await set({ turns: [old, turn(2, "model", "Seven plus five is twelve.")] });
    await set({ floor: "user" });
    expect(read()).toEqual(["tutor: Seven plus five is twelve."]);
    const many = Array.from({ length: 9 }, (_, index) => turn(3 + index, "user", `Line ${index}`));
    await set({ turns: [old, turn(2, "model", "Seven plus five is twelve."), ...many] });
    expect(read()).toHaveLength(4);
    expect(read().at(-1)).toBe("you: Line 8");
  });

  it("is also that the model chose not to answer", async () => {
    const { find, set } = mounted(LIVE);
    await set({ turns: [turn(1, "user", "Hm."), turn(2, "model", "", { waited: true, final: false })] });
    await set({ turns: [turn(1, "user", "Hm."), turn(2, "model", "", { waited: true })] });
    await set({ turns: [turn(1, "user", "Hm."), turn(2, "model", "", { waited: true })] });
    const read = [...find("[aria-live=polite]").children].map((line) => line.textContent);
    expect(read).toEqual(["you: Hm.", "tutor: chose not to answer"]);
  });
});

describe("text from outside", () => {
  afterEach(() => vi.unstubAllGlobals());

  const vectors = [
    '<img src=x onerror="window.__xss=1">',
    "<script>window.__xss=1</script>",
    "<svg/onload=window.__xss=1>",
    '"><iframe srcdoc="<script>parent.__xss=1</script>">',
    "javascript:window.__xss=1",
    "<a href='javascript:window.__xss=1'>x</a>",
    "#{window.__xss=1}{{constructor.constructor('window.__xss=1')()}}",
    "<form id=scope name=getElementById><input name=attributes>",
    "<style>*{display:none}</style>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.__xss=1>",
    "]]><!--<img src=x onerror=window.__xss=1>-->",
    "&lt;img src=x onerror=window.__xss=1&gt;",
  ];

  it.each(vectors)("is shown as it is: %s", (vector) => {
    const plain = mounted({ ...LIVE, turns: [turn(1, "model", "x", { tools: [use()] })] });
    const count = plain.root.querySelectorAll("*").length;
    const { root } = mounted({
      ...LIVE,
      name: vector,
      speaker: vector,
      badge: vector.replaceAll(" · ", " "),
      model: vector,
      suggestions: [vector],
      microphone: { state: "on", devices: [], deviceId: "" },
      turns: [
        turn(1, "model", vector, {
          thoughts: vector,
          interim: vector,
          tools: [use({ name: vector, args: vector, result: vector, error: vector })],
        }),
      ],
    });
    expect(root.querySelector(".lw-words")!.firstChild!.textContent).toBe(vector);
    expect(root.querySelectorAll("*")).toHaveLength(count);
    expect(root.querySelectorAll("script, iframe, img, style, a:not(.lw-offer-link), math")).toHaveLength(0);
    expect("__xss" in window).toBe(false);
  });

  it("is text in notices and device names too", () => {
    const { root } = mounted({
      notices: vectors.slice(0, 3).map((text, index) => ({ level: "error", code: String(index), text })),
      microphone: {
        state: "on",
        devices: vectors.map((label, id) => ({ id: `d${id}`, label })),
        deviceId: "",
      },
    });
    expect([...root.querySelectorAll(".lw-note-text")].map((note) => note.textContent)).toEqual(
      vectors.slice(0, 3),
    );
    expect(root.querySelector("select")!.options).toHaveLength(vectors.length + 1);
    expect(root.querySelectorAll("script, iframe, img, style, a:not(.lw-offer-link), math")).toHaveLength(0);
  });

  it("hides no control characters and turns no writing direction", () => {
    const { root } = mounted({ turns: [turn(1, "user", "\u202egnp.exe\u202c\u001b[31mred\u0007")] });
    expect(root.querySelector(".lw-words")!.firstChild!.textContent).toBe("\\u202Egnp.exe\\u202Cred");
  });
});
