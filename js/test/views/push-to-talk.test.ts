// @vitest-environment happy-dom

import { afterEach, describe, expect, it } from "vitest";
import type { State } from "../../src/state.ts";
import { key, LIVE, mounted, ON, PUSH } from "./fakes.ts";

let outside: string[] = [];
const hear = (event: Event) => outside.push(`${event.type} ${(event as KeyboardEvent).key}`);
for (const type of ["keydown", "keyup", "keypress"]) {
  document.addEventListener(type, hear);
}
afterEach(() => {
  outside = [];
});

const holds = (asked: { name: string; with: unknown[] }[]) =>
  asked.filter((one) => one.name === "pushToTalk").map((one) => one.with[0]);

describe("keys", () => {
  it("typed in the card do not reach the notebook", () => {
    const { find, root } = mounted(LIVE);
    key(find(".lw-box"), "keydown", "d");
    key(find(".lw-stop"), "keydown", "x");
    key(root, "keyup", "d");
    expect(outside).toEqual([]);
    key(document.body, "keydown", "d");
    expect(outside).toEqual(["keydown d"]);
  });

  it("Escape interrupts while the model speaks, also from the text box, and is otherwise left alone", async () => {
    const { find, set, names } = mounted(LIVE);
    expect(key(find(".lw-box"), "keydown", "Escape").defaultPrevented).toBe(false);
    await set({ floor: "model" });
    expect(key(find(".lw-box"), "keydown", "Escape").defaultPrevented).toBe(true);
    expect(names()).toEqual(["interrupt"]);
  });
});

describe("the space bar", () => {
  it("opens the microphone while it is held", () => {
    const { root, asked } = mounted(PUSH);
    expect(key(root, "keydown", " ").defaultPrevented).toBe(true);
    expect(key(root, "keydown", " ", { repeat: true }).defaultPrevented).toBe(true);
    expect(holds(asked)).toEqual([true]);
    key(root, "keyup", " ");
    expect(holds(asked)).toEqual([true, false]);
  });

  it("is a space in the text box, presses a button, and scrolls where turns are automatic", async () => {
    const { root, find, set, asked } = mounted(PUSH);
    for (const selector of [".lw-box", ".lw-stop", ".lw-select"]) {
      expect(key(find(selector), "keydown", " ").defaultPrevented).toBe(false);
    }
    expect(key(root, "keydown", " ", { ctrlKey: true }).defaultPrevented).toBe(false);
    await set({ turnTaking: "automatic" });
    expect(key(root, "keydown", " ").defaultPrevented).toBe(false);
    expect(holds(asked)).toEqual([]);
  });

  it("that was down before the mode was armed opens nothing", async () => {
    const { root, set, asked } = mounted(LIVE);
    key(root, "keydown", " ");
    await set({ turnTaking: "push_to_talk" });
    key(root, "keydown", " ", { repeat: true });
    expect(holds(asked)).toEqual([]);
  });

  it.each<[string, (card: ReturnType<typeof mounted>) => unknown]>([
    ["the window loses the focus", () => window.dispatchEvent(new Event("blur"))],
    [
      "the focus leaves the card",
      ({ root }) => root.dispatchEvent(new FocusEvent("focusout", { bubbles: true })),
    ],
    ["the talk ends", ({ set }) => set({ phase: "ended" })],
    ["the mode changes", ({ set }) => set({ turnTaking: "automatic" })],
    ["the kernel is gone", ({ set }) => set({ connected: false })],
    ["another page takes over", ({ set }) => set({ owner: false })],
    ["the card goes away", ({ scope }) => scope.dispose()],
  ])("is let go when %s", async (_, happens) => {
    const card = mounted(PUSH);
    key(card.root, "keydown", " ");
    await happens(card);
    expect(holds(card.asked)).toEqual([true, false]);
    key(card.root, "keyup", " ");
    expect(holds(card.asked)).toEqual([true, false]);
  });
});

describe("the button in push-to-talk", () => {
  const pointer = (target: EventTarget, type: string, button = 0, pointerId = 1) =>
    target.dispatchEvent(new PointerEvent(type, { bubbles: true, button, pointerId }));

  function armed() {
    const card = mounted(PUSH);
    const button = card.find<HTMLButtonElement>(".lw-microphone");
    const captured: number[] = [];
    button.setPointerCapture = (id) => captured.push(id);
    return { ...card, button, captured };
  }

  it("is open from pointer down to pointer up, wherever that is", () => {
    const { button, asked, captured } = armed();
    pointer(button, "pointerdown", 2);
    expect(holds(asked)).toEqual([]);
    pointer(button, "pointerdown");
    expect(captured).toEqual([1]);
    pointer(button, "pointerup");
    // What the browser adds to a press by pointer.
    button.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true }));
    pointer(button, "lostpointercapture");
    expect(holds(asked)).toEqual([true, false]);
  });

  it("is held by space and Enter as well, and not clicked by them", () => {
    const { button, asked, names } = armed();
    for (const press of [" ", "Enter"]) {
      expect(key(button, "keydown", press).defaultPrevented).toBe(true);
      key(button, "keydown", press, { repeat: true });
      expect(key(button, "keyup", press).defaultPrevented).toBe(true);
    }
    expect(holds(asked)).toEqual([true, false, true, false]);
    expect(names()).not.toContain("toggleMute");
  });

  it("is opened and closed by clicks that no pointer made: screen readers cannot hold", () => {
    const { button, asked } = armed();
    button.dispatchEvent(new MouseEvent("click", { detail: 0, bubbles: true }));
    expect(holds(asked)).toEqual([true]);
    button.dispatchEvent(new MouseEvent("click", { detail: 0, bubbles: true }));
    expect(holds(asked)).toEqual([true, false]);
  });

  type Armed = ReturnType<typeof armed>;
  const paused: State["microphone"] = { ...ON, state: "paused" };

  // What happens while the button is held, and whether the hold survives it.
  const meanwhile: [string, (card: Armed) => unknown, boolean][] = [
    ["nothing", () => {}, true],
    ["the kernel becomes busy", ({ set }) => set({ microphone: paused }), true],
    [
      "the kernel becomes busy and free again",
      async ({ set }) => {
        await set({ microphone: paused });
        await set({ microphone: ON });
      },
      true,
    ],
    [
      "the microphone is suspended",
      ({ set }) => set({ sound: { microphone: "suspended", player: null } }),
      true,
    ],
    ["the model begins to speak", ({ set }) => set({ floor: "model" }), true],
    ["pointer capture is lost", ({ button }) => pointer(button, "lostpointercapture"), false],
    ["the pointer is cancelled", ({ button }) => pointer(button, "pointercancel"), false],
    ["the window loses the focus", () => window.dispatchEvent(new Event("blur")), false],
    ["the way of taking turns changes", ({ set }) => set({ turnTaking: "automatic" }), false],
    ["the microphone is turned off", ({ set }) => set({ microphone: { ...ON, state: "off" } }), false],
    ["the microphone stops", ({ set }) => set({ sound: { microphone: "stopped", player: null } }), false],
    ["the kernel is gone", ({ set }) => set({ connected: false }), false],
    ["the talk ends", ({ set }) => set({ phase: "ended" }), false],
    ["the page is hidden", hidePage, false],
  ];

  function hidePage(): void {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
    Reflect.deleteProperty(document, "hidden");
  }

  it.each(meanwhile)(
    "release ends the hold and does nothing else, though %s",
    async (_what, happens, survives) => {
      const card = armed();
      pointer(card.button, "pointerdown");
      await happens(card);
      expect(holds(card.asked)).toEqual(survives ? [true] : [true, false]);
      pointer(card.button, "pointerup");
      card.button.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true }));
      expect(holds(card.asked)).toEqual([true, false]);
      expect(card.names().filter((name) => name !== "pushToTalk")).toEqual([]);
    },
  );

  it.each(meanwhile)("a key that is released does nothing else either, though %s", async (_what, happens) => {
    const card = armed();
    key(card.button, "keydown", " ");
    await happens(card);
    key(card.button, "keydown", " ", { repeat: true });
    expect(key(card.button, "keyup", " ").defaultPrevented).toBe(true);
    expect(holds(card.asked)).toEqual([true, false]);
    expect(card.names().filter((name) => name !== "pushToTalk")).toEqual([]);
  });

  it("is released wherever pointer and key are by then", () => {
    const { button, root, asked } = armed();
    button.setPointerCapture = () => {
      throw new DOMException("", "NotFoundError");
    };
    pointer(button, "pointerdown");
    pointer(document.body, "pointerup");
    expect(holds(asked)).toEqual([true, false]);
    key(root, "keydown", " ");
    key(document.body, "keyup", " ");
    expect(holds(asked)).toEqual([true, false, true, false]);
    key(root, "keydown", " ");
    // A Mac tells nothing of keys that are released while this one is held.
    key(root, "keyup", "Meta");
    expect(holds(asked)).toEqual([true, false, true, false, true, false]);
  });

  it("is not released by another finger", () => {
    const { button, asked } = armed();
    pointer(button, "pointerdown");
    pointer(document.body, "pointerup", 0, 2);
    expect(holds(asked)).toEqual([true]);
    pointer(button, "pointerup");
    expect(holds(asked)).toEqual([true, false]);
  });

  it("does by a click what it said when it was pressed: the press itself wakes a suspended microphone", async () => {
    const { find, set, names } = mounted({ ...LIVE, sound: { microphone: "suspended", player: null } });
    const button = find(".lw-microphone");
    pointer(button, "pointerdown");
    await set({ sound: { microphone: null, player: null } });
    pointer(button, "pointerup");
    button.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true }));
    expect(names()).toEqual([]);
    // The next click is about the microphone that is on now.
    button.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true }));
    expect(names()).toEqual(["toggleMute"]);
  });

  it("stays open while one of two holds it", () => {
    const { button, root, asked } = armed();
    pointer(button, "pointerdown");
    key(root, "keydown", " ");
    pointer(button, "pointerup");
    expect(holds(asked)).toEqual([true]);
    key(root, "keyup", " ");
    expect(holds(asked)).toEqual([true, false]);
  });
});
