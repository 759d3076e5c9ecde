// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { PANELS } from "../../src/explorer/explorer.ts";
import { initialState } from "../../src/state.ts";
import { key, mounted } from "../views/fakes.ts";

const explorer = (change = {}) => ({ explorer: { ...initialState().explorer, ...change } });

describe("the explorer's frame", () => {
  it("is closed until its button is pressed, and the button says so", async () => {
    const { find, set, asked } = mounted();
    const opener = find(".lw-explore");
    expect(find(".lw-explorer").hidden).toBe(true);
    expect(opener.getAttribute("aria-expanded")).toBe("false");
    expect(opener.getAttribute("aria-controls")).toBe(find(".lw-explorer").id);
    opener.click();
    expect(asked).toEqual([{ name: "show", with: [true] }]);
    await set(explorer({ open: true }));
    expect(find(".lw-explorer").hidden).toBe(false);
    expect(opener.getAttribute("aria-expanded")).toBe("true");
    opener.click();
    expect(asked.at(-1)).toEqual({ name: "show", with: [false] });
  });

  it("makes a panel when it is first looked at", async () => {
    const { root, set } = mounted();
    const made = () => root.querySelectorAll(".lw-panel > *").length;
    expect(made()).toBe(0);
    await set(explorer({ open: true }));
    expect(made()).toBe(1);
    await set(explorer({ open: false }));
    expect(made()).toBe(1);
  });

  it("has a tab for every panel, of which one is chosen", () => {
    const { root } = mounted(explorer({ open: true }));
    const tabs = [...root.querySelectorAll<HTMLElement>('[role="tab"]')];
    expect(tabs.map((tab) => tab.textContent)).toEqual(PANELS.map((panel) => panel.title));
    expect(tabs.map((tab) => tab.getAttribute("aria-selected"))).toEqual(
      PANELS.map((panel) => String(panel.name === "settings")),
    );
    expect(tabs.map((tab) => tab.tabIndex)).toEqual(
      PANELS.map((panel) => (panel.name === "settings" ? 0 : -1)),
    );
    for (const tab of tabs) {
      const panel = root.querySelector(`#${tab.getAttribute("aria-controls")}`)!;
      expect(panel.getAttribute("aria-labelledby")).toBe(tab.id);
    }
  });

  it("goes from tab to tab by click and by the arrow keys", () => {
    const { find, root, asked } = mounted(explorer({ open: true }));
    const tabs = [...root.querySelectorAll<HTMLElement>('[role="tab"]')];
    tabs.at(-1)!.click();
    expect(asked.at(-1)).toEqual({ name: "show", with: [true, PANELS.at(-1)!.name] });
    const next = PANELS[1 % PANELS.length]!.name;
    expect(key(find(".lw-tabs"), "keydown", "ArrowRight").defaultPrevented).toBe(true);
    expect(asked.at(-1)).toEqual({ name: "show", with: [true, next] });
    key(find(".lw-tabs"), "keydown", "ArrowLeft");
    expect(asked.at(-1)).toEqual({ name: "show", with: [true, PANELS.at(-1)!.name] });
    const before = asked.length;
    expect(key(find(".lw-tabs"), "keydown", "x").defaultPrevented).toBe(false);
    expect(asked).toHaveLength(before);
  });

  it("closes by its own button and gives the focus to the one that opens it", () => {
    const { find, asked } = mounted(explorer({ open: true }));
    find(".lw-explorer-close").focus();
    find(".lw-explorer-close").click();
    expect(asked).toEqual([{ name: "show", with: [false] }]);
    expect(document.activeElement).toBe(find(".lw-explore"));
  });
});
