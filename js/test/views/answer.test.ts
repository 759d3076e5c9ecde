// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import type { Code, Turn } from "../../src/messages.gen.ts";
import { LIVE, mounted, shown, turn } from "./fakes.ts";

const run = (more: Partial<Code> = {}): Code => ({
  language: "python",
  code: "print(1)\nprint(2)",
  outcome: "ok",
  output: "1\n2\n",
  ...more,
});
const answer = (more: Partial<Turn>) => ({ ...LIVE, turns: [turn(1, "model", "It is so.", more)] });

describe("thoughts", () => {
  it("are folded, apart from the answer, with their beginning in the line that opens them", async () => {
    const { root, find, set } = mounted(answer({ thoughts: "**Tides**\n\nHm, well." }));
    const block = find<HTMLDetailsElement>(".lw-thoughts");
    expect(block.open).toBe(false);
    expect(block.querySelector("summary")!.textContent).toBe("thoughtsTides Hm, well.");
    expect(find(".lw-thought").textContent).toBe("**Tides**\n\nHm, well.");
    expect(find(".lw-words").textContent).not.toContain("Hm");
    block.open = true;
    await set(answer({ thoughts: "**Tides**\n\nHm, well. So." }));
    expect(find<HTMLDetailsElement>(".lw-thoughts").open).toBe(true);
    expect(root.querySelectorAll(".lw-thought")).toHaveLength(1);
  });

  it("are not there where there are none", () => {
    expect(mounted(answer({ thoughts: " \n" })).find(".lw-thoughts").hidden).toBe(true);
  });
});

describe("code", () => {
  it("is text in a block, its output apart", () => {
    const { find } = mounted(answer({ code: [run()] }));
    expect(find(".lw-program").textContent).toBe("print(1)\nprint(2)");
    expect(find(".lw-output").textContent).toBe("1\n2");
    expect(find(".lw-run-language").textContent).toBe("python");
    expect(find(".lw-run").dataset.outcome).toBe("ok");
  });

  it("says that it runs and that it failed", async () => {
    const { root, set } = mounted(answer({ code: [run({ outcome: null, output: "" })] }));
    const [block] = root.querySelectorAll<HTMLElement>(".lw-run");
    expect(shown(block!)).toContain("running…");
    expect(shown(block!)).not.toContain("output");
    await set(answer({ code: [run({ outcome: "failed", output: "ZeroDivisionError" }), run()] }));
    expect([...root.querySelectorAll(".lw-run")][0]).toBe(block);
    expect(shown(block!)).toContain("failed");
    expect(block!.dataset.outcome).toBe("failed");
    await set(answer({ code: [] }));
    expect(root.querySelectorAll(".lw-run")).toHaveLength(0);
  });

  it("may be missing where only output came, and can be scrolled by keys", () => {
    const { find } = mounted(answer({ code: [run({ code: "", language: "" })] }));
    expect(find(".lw-program").hidden).toBe(true);
    expect(find(".lw-run-language").textContent).toBe("code");
    expect(find(".lw-output").tabIndex).toBe(0);
  });
});

describe("what an answer rests on", () => {
  const source = (index: number) => ({ title: `Source ${index}`, uri: `https://s${index}.example/` });

  it("is a numbered list of links, what was searched for, and pages with what became of them", () => {
    const { root, find } = mounted(
      answer({
        sources: [source(1), source(2)],
        queries: ["tides", "moon"],
        pages: [
          { url: "https://a.example/", status: "read" },
          { url: "https://b.example/long/path?x=1", status: "paywall" },
          { url: "https://c.example/", status: "failed" },
          { url: "https://d.example/", status: "unsafe" },
        ],
      }),
    );
    const links = [...root.querySelectorAll<HTMLAnchorElement>(".lw-sources a")];
    expect(links.map((link) => link.getAttribute("href"))).toEqual([
      "https://s1.example/",
      "https://s2.example/",
    ]);
    expect(find(".lw-sources").tagName).toBe("OL");
    expect(find(".lw-searched").textContent).toBe("tides · moon");
    expect([...root.querySelectorAll(".lw-pages li")].map((row) => row.textContent)).toEqual([
      "a.exampleread",
      "b.example/long/pathbehind a paywall",
      "c.examplecould not be read",
      "d.examplenot safe",
    ]);
    expect(root.querySelectorAll(".lw-pages a[href]")).toHaveLength(3);
  });

  it("folds more than a few sources, and goes on counting", () => {
    const { root, find } = mounted(answer({ sources: [1, 2, 3, 4, 5, 6].map(source) }));
    const more = find<HTMLDetailsElement>(".lw-more-sources");
    expect(more.open).toBe(false);
    expect(more.querySelector("summary")!.textContent).toBe("2 more");
    expect(more.querySelector("ol")!.getAttribute("start")).toBe("5");
    expect(root.querySelectorAll(".lw-sources a")).toHaveLength(6);
  });

  it("is not there where there is nothing", () => {
    expect(mounted(answer({})).find(".lw-evidence").hidden).toBe(true);
  });

  it("loads and opens nothing by itself", () => {
    const { root } = mounted(answer({ sources: [source(1)] }));
    expect(root.querySelectorAll("link, img, iframe, [ping], [download]")).toHaveLength(0);
  });
});

describe("other marks", () => {
  it("say that the model chose not to answer, quietly and without waiting dots", () => {
    const turns = [turn(1, "user", "Hm."), turn(2, "model", "", { waited: true, final: false })];
    const { root } = mounted({ ...LIVE, turns });
    const row = root.querySelectorAll(".lw-turn")[1]!;
    expect(shown(row)).toBe("tutorchose not to answer");
    expect(row.querySelector<HTMLElement>(".lw-words")!.hidden).toBe(true);
  });

  it("say how many pictures were sent, and in which language one speaks", async () => {
    const { root, find, set } = mounted({
      ...LIVE,
      turns: [turn(1, "user", "Hola", { images: 1, language: "es" })],
    });
    expect(shown(find(".lw-turn"))).toBe("youesHola1 picture");
    expect(find(".lw-language").title).toBe("Spanish");
    expect(find(".lw-words").lang).toBe("es");
    await set({ turns: [turn(1, "user", "Hola", { images: 12, language: '"><b>' })] });
    expect(find(".lw-pictures").textContent).toBe("12 pictures");
    expect(find(".lw-words").hasAttribute("lang")).toBe(false);
    expect(root.querySelectorAll("b")).toHaveLength(0);
  });
});

describe("text from outside", () => {
  const vectors = [
    '<img src=x onerror="window.__xss=1">',
    "</pre><script>window.__xss=1</script>",
    '"><svg/onload=window.__xss=1>',
    "javascript:window.__xss=1",
    "<a href='javascript:window.__xss=1'>x</a>",
  ];

  it.each(vectors)("is shown as it is beside an answer: %s", (vector) => {
    const full = (text: string, uri: string) =>
      answer({
        thoughts: text,
        queries: [text],
        code: [run({ language: text, code: text, output: text })],
        sources: [{ title: text, uri }],
        pages: [{ url: uri, status: "read" }],
        language: text,
      });
    const count = mounted(full("x", "https://a.example/")).root.querySelectorAll("*").length;
    const { root, find } = mounted(full(vector, vector));
    expect(root.querySelectorAll("*")).toHaveLength(count);
    expect(root.querySelectorAll("script, iframe, img, style, [onload], [onerror]")).toHaveLength(0);
    expect(root.querySelectorAll("a[href]")).toHaveLength(0);
    expect(find(".lw-program").textContent).toBe(vector);
    expect(find(".lw-output").textContent).toBe(vector);
    expect(find(".lw-link").textContent).toBe(vector);
    expect("__xss" in window).toBe(false);
  });
});
