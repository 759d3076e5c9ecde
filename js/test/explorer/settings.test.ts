// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Settings } from "../../src/messages.gen.ts";
import { key, LIVE, mounted } from "../views/fakes.ts";
import { CATALOGUE, exploring } from "./fakes.ts";

function opened(settings: Partial<Settings> = {}, change = {}) {
  const card = mounted({ ...exploring(settings), ...change });
  return {
    ...card,
    told: () => card.asked.map((one) => [one.name, ...one.with]),
    box: (name: string) => card.find<HTMLInputElement>(`[data-feature="${name}"] :is(.lw-entry, .lw-switch)`),
    shown: () =>
      [...card.root.querySelectorAll<HTMLElement>("[data-feature]")]
        .filter((node) => !node.hidden)
        .map((node) => node.dataset.feature),
  };
}

describe("the settings", () => {
  it("wait for the kernel", async () => {
    const { find, set } = mounted(exploring({}, { catalogue: null }));
    expect(find(".lw-set").hidden).toBe(true);
    expect(find(".lw-panel-empty").hidden).toBe(false);
    await set(exploring());
    expect(find(".lw-set").hidden).toBe(false);
  });

  it("have a section for each group and a control for each feature", () => {
    const { root, shown } = opened();
    expect(shown()).toEqual(CATALOGUE.features.map((one) => one.name));
    const titles = [...root.querySelectorAll(".lw-set-title")].map((node) => node.textContent);
    const jumps = [...root.querySelectorAll(".lw-rail-item > span:first-child")].map(
      (node) => node.textContent,
    );
    expect(titles).toEqual(jumps);
    expect(new Set(titles)).toEqual(new Set(CATALOGUE.features.map((one) => one.group)));
  });

  it("of an agent are those that it takes; whose the others are stands in one line", async () => {
    const elsewhere = "Voice and thinking are settings of the ADK agent lamp: change them in its code.";
    const taken = CATALOGUE.features.filter(({ name }) => name === "silence_ms");
    const models = [{ id: "lamp", status: "stable", facts: ["Answers in sound."] }];
    const catalogue = { ...CATALOGUE, features: taken, models, elsewhere };
    const { root, find, set } = mounted(exploring({ model: "lamp" }, { catalogue }));
    const visible = (selector: string) =>
      [...root.querySelectorAll<HTMLElement>(selector)].filter((node) => !node.closest("[hidden]"));
    expect(visible("[data-feature]").map((node) => node.dataset.feature)).toEqual(["silence_ms"]);
    expect(find(".lw-set-elsewhere").textContent).toBe(elsewhere);
    expect(visible(".lw-model-select")).toEqual([]);
    expect([find(".lw-model-label").textContent, find(".lw-model-only").textContent]).toEqual([
      "Agent",
      "lamp",
    ]);
    expect(root.textContent).not.toContain("all models");
    const pending = { silence_ms: 700 };
    await set({ ...LIVE, ...exploring({ model: "lamp", pending }, { catalogue }) });
    expect(find(".lw-apply-takes").textContent).toBe(
      " · an agent takes settings when a talk begins: stop this one first",
    );
    await set(exploring({ model: "lamp" }, { catalogue: { ...catalogue, features: [] } }));
    expect(visible(".lw-search, .lw-rail, .lw-set-list")).toEqual([]);
    expect(visible(".lw-code-opener")).toHaveLength(1);
    await set(exploring());
    expect(visible(".lw-set-elsewhere")).toEqual([]);
    expect(visible(".lw-model-select")).toHaveLength(1);
    expect(find(".lw-model-label").textContent).toBe("Model");
  });

  it("have a name on every control and every button", () => {
    const { root } = opened({ pending: { voice: "Puck" } });
    for (const node of root.querySelectorAll<HTMLElement>(
      ".lw-explorer :is(button, input, select, textarea)",
    )) {
      const labelled = node.id && root.querySelector(`label[for="${node.id}"]`);
      expect(node.getAttribute("aria-label") || node.textContent || labelled, node.outerHTML).toBeTruthy();
    }
    expect(root.querySelectorAll("button:not([type])")).toHaveLength(0);
  });

  it("say what the model ignores, as text, and nothing where it ignores nothing", async () => {
    const { find, root, set } = mounted(exploring());
    expect(find(".lw-set-ignored").hidden).toBe(true);
    const sentence = "gemini-3.8-live ignores language: <b>it speaks</b> what it hears.";
    await set(exploring({ notes: [sentence] }));
    expect(find(".lw-set-ignored").hidden).toBe(false);
    expect([...root.querySelectorAll(".lw-set-ignored li")].map((node) => node.textContent)).toEqual([
      sentence,
    ]);
    await set(exploring());
    expect(find(".lw-set-ignored").hidden).toBe(true);
  });

  it("tell the kernel what was changed", () => {
    const { box, told } = opened();
    const voice = box("voice");
    voice.value = "Puck";
    voice.dispatchEvent(new Event("change"));
    expect(told()).toEqual([["configure", { voice: "Puck" }]]);
  });

  it("are searched by all that is said of them", async () => {
    const { find, root, shown, names } = opened(LIVE);
    const search = find<HTMLInputElement>(".lw-search");
    const type = (words: string) => {
      search.value = words;
      search.dispatchEvent(new Event("input"));
    };
    type("turn detection");
    expect(shown()).toEqual(["silence_ms"]);
    const visible = [...root.querySelectorAll<HTMLElement>(".lw-rail-item")].filter((node) => !node.hidden);
    expect(visible).toHaveLength(1);
    type("no such thing");
    expect(shown()).toEqual([]);
    expect(find(".lw-set-list > .lw-panel-empty").hidden).toBe(false);
    expect(key(search, "keydown", "Escape").defaultPrevented).toBe(true);
    expect(shown()).toHaveLength(CATALOGUE.features.length);
    expect(names()).not.toContain("interrupt");
  });

  it("mark the section that was chosen, also where the list cannot scroll to it", () => {
    const { root } = opened();
    const jumps = [...root.querySelectorAll<HTMLElement>(".lw-rail-item")];
    const marked = () => jumps.findIndex((jump) => jump.hasAttribute("aria-current"));
    expect(marked()).toBe(0);
    for (const place of [jumps.length - 1, 2]) {
      jumps[place]!.click();
      expect(marked()).toBe(place);
    }
  });

  it("keep their nodes while the talk goes on", async () => {
    const { box, set } = opened();
    const before = box("voice");
    await set({ floor: "model" });
    await set(exploring({ pending: { voice: "Puck" } }));
    expect(box("voice")).toBe(before);
    expect(before.value).toBe("Puck");
  });

  it("count changes and faults by group", async () => {
    const { root, set } = opened();
    const counts = () =>
      [...root.querySelectorAll<HTMLElement>(".lw-rail-changes")].map((node) => node.textContent);
    expect(counts().join("")).toBe("");
    await set(exploring({ pending: { voice: "Puck", temperature: 1, search: true } }));
    expect(counts()).toEqual(["2", "", "", "1", "", ""]);
    await set(exploring({ pending: { temperature: 3, voice: "Puck" }, errors: { temperature: "No." } }));
    expect(counts()[0]).toBe("1");
    expect(root.querySelector<HTMLElement>(".lw-rail-changes")!.dataset.level).toBe("error");
  });

  it("cannot be used without a kernel", async () => {
    const { find, set } = opened();
    await set({ connected: false });
    expect(find<HTMLFieldSetElement>(".lw-set").disabled).toBe(true);
  });
});

describe("the model", () => {
  it("is chosen from the table, with its status and its facts", async () => {
    const { find, told, set } = opened();
    const select = find<HTMLSelectElement>(".lw-model-select");
    expect([...select.options].map((one) => one.textContent)).toEqual([
      "tutor",
      "old (preview)",
      "deaf (private)",
    ]);
    expect(find(".lw-model-facts").textContent).toBe("Answers in sound. Speaks 1 language.");
    select.value = "deaf";
    select.dispatchEvent(new Event("change"));
    expect(told()).toEqual([["configure", { model: "deaf" }]]);
    await set(exploring({ pending: { model: "deaf" }, errors: { model: "It was shut down." } }));
    expect(select.value).toBe("deaf");
    expect(find(".lw-model-picker").dataset.changed).toBe("true");
    expect(find(".lw-model-picker .lw-control-fault").textContent).toBe("It was shut down.");
  });

  it("may be one that the table does not know", () => {
    const { find } = opened({ model: "brand-new" });
    const select = find<HTMLSelectElement>(".lw-model-select");
    expect(select.value).toBe("brand-new");
    expect(select.options[0]!.textContent).toBe("brand-new (not in the table)");
  });
});

describe("the bar", () => {
  const bar = { values: { voice: "Kore" }, pending: { voice: "Puck", temperature: 1 } };

  it("is there while something was changed, and says what it takes", async () => {
    const { find, set } = opened();
    const words = () => find(".lw-apply-words").textContent;
    expect(find(".lw-apply").hidden).toBe(true);
    await set(exploring(bar));
    expect(words()).toBe("2 changes · they hold from the next start on");
    await set(LIVE);
    expect(words()).toBe("2 changes · needs a new connection; the talk goes on");
    await set(exploring({ pending: { system_instruction: "Be brief." } }));
    expect(words()).toBe("1 change · they hold at once".replace("they hold", "it holds"));
    await set(exploring({ pending: { model: "old", voice: "Puck" } }));
    expect(words()).toBe("2 changes · another model takes the talk over, told what was said where it can be");
  });

  it("applies and gives up", async () => {
    const { find, told, set, root } = opened(bar, LIVE);
    const [revert, apply] = [...root.querySelectorAll<HTMLButtonElement>(".lw-apply .lw-button")];
    apply!.click();
    expect(apply!.textContent).toBe("Applying…");
    await set(exploring({ ...bar, errors: { "": "The service refuses." } }));
    expect(apply!.textContent).toBe("Apply");
    expect(find(".lw-apply-refused").textContent).toBe("The service refuses.");
    revert!.click();
    expect(told()).toEqual([["apply"], ["revert"]]);
  });

  it("keeps the focus in the explorer when it goes away", async () => {
    const { find, root, set } = opened(bar, LIVE);
    root.querySelectorAll<HTMLButtonElement>(".lw-apply .lw-button")[1]!.focus();
    await set(exploring());
    expect(document.activeElement).toBe(find(".lw-set-list"));
  });

  it("applies nothing that cannot be, and leads to it", async () => {
    const { find, root, box, told } = opened({ ...bar, errors: { temperature: "No.", voice: "No." } }, LIVE);
    const apply = root.querySelectorAll<HTMLButtonElement>(".lw-apply .lw-button")[1]!;
    expect(apply.getAttribute("aria-disabled")).toBe("true");
    apply.click();
    expect(told()).toEqual([]);
    expect(find(".lw-apply-problem").textContent).toBe("Cannot be: Temperature, Voice");
    find(".lw-apply-problem").click();
    expect(document.activeElement).toBe(box("temperature"));
  });

  it("leads to the model where that is what cannot be", () => {
    const { find } = opened({ pending: { model: "old" }, errors: { model: "It was shut down." } });
    expect(find(".lw-apply-problem").textContent).toBe("Cannot be: Model");
    find(".lw-apply-problem").click();
    expect(document.activeElement).toBe(find(".lw-model-select"));
  });

  it("counts what is typed and is no value, until that is given up", async () => {
    const { find, box, root, told } = opened({}, LIVE);
    box("extra").value = "{ no";
    box("extra").dispatchEvent(new Event("change"));
    expect(find(".lw-apply").hidden).toBe(false);
    expect(find(".lw-apply-problem").textContent).toBe("Cannot be: Other fields");
    root.querySelector<HTMLButtonElement>(".lw-apply .lw-button")!.click();
    expect(box("extra").value).toBe("");
    expect(told()).toEqual([["revert"]]);
  });
});

describe("copy as code", () => {
  let written: string[];

  beforeEach(() => {
    written = [];
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const clipboard = (writeText: (text: string) => Promise<void>) => {
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  };

  it("opens the code, copies it and says so", async () => {
    vi.useFakeTimers();
    clipboard(async (text) => {
      written.push(text);
    });
    const { find, set } = opened();
    expect(find(".lw-code-block").hidden).toBe(true);
    find(".lw-code-opener").click();
    await Promise.resolve();
    await Promise.resolve();
    expect(find(".lw-code-block").hidden).toBe(false);
    expect(written).toEqual(['live = LiveWidget("tutor")\n']);
    expect(find(".lw-code-copy").textContent).toBe("Copied");
    vi.advanceTimersByTime(3000);
    expect(find(".lw-code-copy").textContent).toBe("Copy");
    await set(exploring({ code: "live = <b>" }));
    expect(find(".lw-code-text").textContent).toBe("live = <b>");
    find(".lw-code-opener").click();
    expect(find(".lw-code-block").hidden).toBe(true);
    expect(written).toHaveLength(1);
  });

  it("selects the code where the clipboard is not to be had", async () => {
    clipboard(async () => {
      throw new DOMException("", "NotAllowedError");
    });
    const { find } = opened();
    find(".lw-code-opener").click();
    await Promise.resolve();
    await Promise.resolve();
    expect(find(".lw-code-copy").textContent).toBe("Now press Ctrl+C");
    expect(getSelection()!.toString()).toContain('LiveWidget("tutor")');
  });
});
