// @vitest-environment happy-dom

import { beforeEach, describe, expect, it, vi } from "vitest";
import { control } from "../../src/explorer/control.ts";
import type { Settings } from "../../src/messages.gen.ts";
import { Scope } from "../../src/scope.ts";
import { CATALOGUE, SETTINGS } from "./fakes.ts";

let changes: [string, unknown][];
let doubts: number;

beforeEach(() => {
  changes = [];
  doubts = 0;
  document.body.replaceChildren();
});

function made(name: string, settings: Partial<Settings> = {}) {
  const found = CATALOGUE.features.find((one) => one.name === name)!;
  const scope = new Scope();
  const view = control(
    found,
    CATALOGUE.models,
    {
      onChange: (feature, value) => changes.push([feature.name, value]),
      onInvalid: () => {
        doubts += 1;
      },
    },
    scope,
  );
  document.body.append(view.element);
  view.update({ ...SETTINGS, ...settings });
  const box = view.element.querySelector<HTMLInputElement>(".lw-entry, .lw-switch")!;
  return {
    view,
    scope,
    box,
    find: (selector: string) => view.element.querySelector<HTMLElement>(selector)!,
    give(value: string | boolean) {
      if (typeof value === "boolean") {
        box.checked = value;
      } else {
        box.value = value;
      }
      box.dispatchEvent(new Event("change"));
    },
    update: (next: Partial<Settings>) => view.update({ ...SETTINGS, ...next }),
  };
}

describe("every kind of control", () => {
  it.each<[string, string | boolean, unknown, string | boolean]>([
    ["voice", "Puck", "Puck", ""],
    ["modalities", "TEXT", "TEXT", "AUDIO"],
    ["temperature", "0.7", 0.7, ""],
    ["silence_ms", "500", 500, ""],
    ["system_instruction", "Be brief.\nPlease.", "Be brief.\nPlease.", "   "],
    ["language", "pl", "pl", ""],
    ["languages", " pl, en-US ,,", ["pl", "en-US"], " , "],
    ["extra", '{"a": [1]}', { a: [1] }, "  "],
    ["search", true, true, false],
    ["resumption", false, false, true],
  ])("%s gives a value, and null for its default", (name, given, value, none) => {
    const { give } = made(name);
    give(given);
    give(none);
    expect(changes).toEqual([
      [name, value],
      [name, null],
    ]);
  });

  it.each<[string, unknown, string | boolean]>([
    ["voice", "Puck", "Puck"],
    ["temperature", 0, "0"],
    ["system_instruction", "Be brief.", "Be brief."],
    ["languages", ["pl", "en-US"], "pl, en-US"],
    ["extra", { a: 1 }, '{\n  "a": 1\n}'],
    ["search", true, true],
    ["resumption", false, false],
  ])("%s shows what is, what shall be, and its default", (name, value, shown) => {
    const { box, update } = made(name, { values: { [name]: value } });
    const now = () => (box.type === "checkbox" ? box.checked : box.value);
    const nothing = typeof shown === "boolean" ? !shown : "";
    expect(now()).toBe(shown);
    update({ values: { [name]: value }, pending: { [name]: null } });
    expect(now()).toBe(nothing);
    update({ pending: { [name]: value } });
    expect(now()).toBe(shown);
    update({});
    expect(now()).toBe(nothing);
  });

  it.each(CATALOGUE.features.map(({ name }) => name))("%s has a name, a wire name and who has it", (name) => {
    const { box, find, view } = made(name);
    const { label, wire, about } = view.feature;
    expect(find(`label[for="${box.id}"]`).textContent).toBe(label);
    expect(find(".lw-control-about").textContent).toBe(about);
    expect(view.element.querySelector(".lw-wire-name")?.textContent ?? "").toBe(wire);
    expect(find(".lw-control-hint").textContent).toContain("default: ");
    expect(find(".lw-control-small").textContent).toMatch(/all models|\d of 3 models/);
    for (const id of box.getAttribute("aria-describedby")!.split(" ")) {
      expect(view.element.querySelector(`#${id}`)).not.toBeNull();
    }
  });
});

describe("a control", () => {
  it("tells what is typed after a moment, and only once", () => {
    vi.useFakeTimers();
    const { box, give } = made("temperature");
    box.value = "1";
    box.dispatchEvent(new Event("input"));
    box.value = "1.5";
    box.dispatchEvent(new Event("input"));
    expect(changes).toEqual([]);
    vi.advanceTimersByTime(400);
    expect(changes).toEqual([["temperature", 1.5]]);
    box.dispatchEvent(new Event("input"));
    give("0.5");
    vi.advanceTimersByTime(400);
    expect(changes.slice(1)).toEqual([["temperature", 0.5]]);
    vi.useRealTimers();
  });

  it("leaves alone what is being typed", () => {
    const { box, update } = made("temperature");
    box.focus();
    box.value = "0.";
    update({ pending: { temperature: 0 } });
    expect(box.value).toBe("0.");
    box.blur();
    update({ pending: { temperature: 0 } });
    expect(box.value).toBe("0");
  });

  it("keeps JSON that is none yet, and says so without telling the kernel", () => {
    const { box, find, give, view, update } = made("extra");
    give("{ no");
    expect(changes).toEqual([]);
    expect(doubts).toBe(1);
    expect(view.error()).toMatch(/^This is no JSON yet: /);
    expect(find(".lw-control-fault").textContent).toBe(view.error());
    update({});
    expect(box.value).toBe("{ no");
    give("{}");
    expect(view.error()).toBe("");
    give("{ no");
    view.discard();
    expect([box.value, view.error()]).toEqual(["", ""]);
  });

  it("says why it cannot be", () => {
    const { box, find, update } = made("temperature", {
      pending: { temperature: 3 },
      errors: { temperature: "No <b>." },
    });
    expect(find(".lw-control-fault").textContent).toBe("No <b>.");
    expect(find(".lw-control-fault").hidden).toBe(false);
    expect(box.getAttribute("aria-invalid")).toBe("true");
    update({});
    expect(find(".lw-control-fault").hidden).toBe(true);
    expect(box.hasAttribute("aria-invalid")).toBe(false);
  });

  it("is marked when it was changed, and can be changed back alone", () => {
    const { box, find, view, update } = made("voice", { values: { voice: "Kore" } });
    expect(find(".lw-control-undo").hidden).toBe(true);
    update({ values: { voice: "Kore" }, pending: { voice: "Puck" } });
    expect(view.element.dataset.changed).toBe("true");
    expect(find(".lw-control-undo").getAttribute("aria-label")).toBe("Undo the change of Voice");
    find(".lw-control-undo").focus();
    find(".lw-control-undo").click();
    expect(changes).toEqual([["voice", "Kore"]]);
    expect(document.activeElement).toBe(box);
  });

  it("is grey where the model refuses it, and says why", () => {
    const { box, find, update } = made("voice", { model: "deaf" });
    expect(box.disabled).toBe(true);
    expect(find(".lw-control-why").textContent).toBe("deaf does not have it: its voice cannot be chosen.");
    update({ pending: { model: "old" } });
    expect(box.disabled).toBe(false);
    expect(find(".lw-control-why").hidden).toBe(true);
  });

  it("can be left out where another model refuses what it says", () => {
    const errors = { voice: "deaf does not take voice." };
    const { box, find } = made("voice", { values: { voice: "Puck" }, pending: { model: "deaf" }, errors });
    expect(box.disabled).toBe(false);
    expect(box.value).toBe("Puck");
    expect(find(".lw-control-why").hidden).toBe(true);
    expect(find(".lw-control-undo").getAttribute("aria-label")).toBe("Leave Voice out");
    find(".lw-control-undo").click();
    expect(changes).toEqual([["voice", null]]);
  });

  it("can be used where the model ignores it", () => {
    const { box, find } = made("language");
    expect(box.disabled).toBe(false);
    expect(find(".lw-control-why").textContent).toBe("tutor ignores it: it follows you.");
  });

  it("names the models that have it, on demand", () => {
    const { find } = made("voice");
    const opener = find(".lw-control-who");
    const list = find(".lw-control-models");
    expect(opener.textContent).toBe("2 of 3 models");
    expect(list.hidden).toBe(true);
    opener.click();
    expect(list.hidden).toBe(false);
    expect(list.textContent).toBe("tutor, old");
    expect(opener.getAttribute("aria-expanded")).toBe("true");
  });

  it("offers the model's choices, and what is asked for beside them", () => {
    const { box, update } = made("voice");
    const options = () => [...box.querySelectorAll("option")].map((one) => one.textContent);
    expect(options()).toEqual(["Default: the model's own", "Kore — firm", "Puck"]);
    update({ pending: { model: "old", voice: "Puck" } });
    expect(options()).toEqual(["Default: the model's own", "Kore — firm", "Puck"]);
    update({ pending: { model: "old" } });
    expect(options()).toEqual(["Default: the model's own", "Kore — firm"]);
  });
});
