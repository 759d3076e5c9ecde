// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { LIVE, mounted, shown, turn, use } from "./fakes.ts";

const asks = (more: Parameters<typeof use>[0] = {}) =>
  use({ state: "asking", result: null, arguments: [{ name: "on", value: "True" }], ...more });
const CALL = { id: "call-1", caller: "+49 … 12 34", elapsed_ms: 0, muted: false };
const talk = (...tools: ReturnType<typeof use>[]) => ({
  turns: [turn(1, "user", "Open the door."), turn(2, "model", "", { final: false, tools })],
});

describe("an agent's own call", () => {
  it("says whose it is, how it came out and how long it took", async () => {
    const remote = { remote: true, agent: "lamp" };
    const { root, find, set } = mounted({
      ...LIVE,
      ...talk(use({ ...remote, state: "running", result: null })),
    });
    expect(shown(find(".lw-chip"))).toBe("set_light(on=True) … · by lamp");
    await set(
      talk(
        use(remote),
        use({ ...remote, state: "failed", result: null, error: "RuntimeError: no current" }),
        use({ ...remote, agent: "" }),
        use(),
      ),
    );
    expect([...root.querySelectorAll(".lw-chip")].map((chip) => shown(chip))).toEqual([
      'set_light(on=True) → "the lamp is on" · 12 ms · by lamp',
      "set_light(on=True) failed: RuntimeError: no current · by lamp",
      'set_light(on=True) → "the lamp is on" · 12 ms · by tutor',
      'set_light(on=True) → "the lamp is on" · 12 ms',
    ]);
    expect([...root.querySelectorAll("[data-remote]")]).toHaveLength(3);
  });

  it("never asks, whatever it says of itself", () => {
    const { root, find } = mounted({
      ...LIVE,
      floor: "tool",
      ...talk(asks({ remote: true, agent: "lamp" })),
    });
    expect([...root.querySelectorAll<HTMLElement>(".lw-question")].every(({ hidden }) => hidden)).toBe(true);
    expect(find(".lw-chip").getAttribute("data-state")).toBe("running");
    expect(find(".lw-word").textContent).toBe("using a tool");
    expect(find(".lw-unseen[role=log]").textContent).toBe("");
  });
});

describe("a call that asks", () => {
  it("shows what would be called, and two answers", () => {
    const { find } = mounted({ ...LIVE, floor: "tool", ...talk(asks()) });
    const chip = find(".lw-chip");
    expect(chip.getAttribute("data-state")).toBe("asking");
    expect(shown(chip)).toBe("set_lightonTrueMay it run?AllowDon't");
    expect(find(".lw-question").getAttribute("aria-label")).toBe("May set_light run?");
    const names = [...chip.querySelectorAll("button")].map((button) => button.getAttribute("aria-label"));
    expect(names).toEqual(["Allow set_light", "Don't allow set_light"]);
    expect(find(".lw-hint").textContent).toBe("A tool waits: allow it, or don't.");
  });

  it.each([
    [0, true],
    [1, false],
  ])("tells answer %i once", (which, allowed) => {
    const { find, asked } = mounted({ ...LIVE, ...talk(asks({ id: "fc_9" })) });
    const answer = find(".lw-chip").querySelectorAll("button")[which]!;
    answer.click();
    answer.click();
    expect(asked).toEqual([{ name: "confirm", with: ["fc_9", allowed] }]);
  });

  it("asks anew for another call in its place", async () => {
    const { find, asked, set } = mounted({ ...LIVE, ...talk(asks({ id: "a" })) });
    find(".lw-answer").click();
    await set(talk(asks({ id: "b" })));
    find(".lw-answer").click();
    expect(asked.map((one) => one.with[0])).toEqual(["a", "b"]);
  });

  it("takes no focus, and gives back what it has when it goes", async () => {
    const { root, find, set } = mounted(LIVE);
    const box = find(".lw-composer textarea, .lw-composer input");
    box.focus();
    await set(talk(asks()));
    expect(document.activeElement).toBe(box);
    find(".lw-answer").focus();
    await set(talk(use({ state: "running", result: null })));
    expect(document.activeElement).toBe(root);
    expect(shown(find(".lw-chip"))).toBe("set_light(on=True) …");
  });

  it("is answered by who looks on where a caller has the talk", () => {
    const called = { owner: false, ownedElsewhere: true, calledBy: "call-1", calls: [CALL] };
    const { find, asked } = mounted({ ...LIVE, ...called, ...talk(asks()) });
    expect(shown(find(".lw-chip"))).toBe("set_lightonTrueMay it run?AllowDon't");
    find(".lw-answer").click();
    expect(asked).toEqual([{ name: "confirm", with: ["fc_1", true] }]);
  });

  it("is not answered where another page has the talk", () => {
    const { find, root } = mounted({ ...LIVE, owner: false, ownedElsewhere: true, ...talk(asks()) });
    expect(shown(find(".lw-chip"))).toBe("set_lightonTrueasked in another page");
    expect([...root.querySelectorAll(".lw-answer")].every((button) => (button as HTMLElement).hidden)).toBe(
      true,
    );
    expect(find(".lw-hint").textContent).toBe("In another page. Press ● to talk here.");
  });

  // The kind: something that decides whether to allow a call, and is not seen by who allows it.
  describe.each([
    ["one long value", [{ name: "command", value: `'${"x".repeat(50_000)} && rm -rf'` }]],
    ["many short lines", [{ name: "code", value: `${"pass\n".repeat(40)}rm -rf` }]],
    [
      "a long value before it",
      [
        { name: "note", value: "x".repeat(3000) },
        { name: "command", value: "rm -rf" },
      ],
    ],
    ["a long name", [{ name: `${"x".repeat(500)} rm -rf`, value: "1" }]],
    [
      "many arguments",
      [...Array(40).keys()].map((at) => ({ name: `a${at}`, value: at < 39 ? "1" : "rm -rf" })),
    ],
    ["a list over lines", [{ name: "steps", value: `[\n${'  "ls",\n'.repeat(30)}  "rm -rf"\n]` }]],
  ])("with %s", (_, args) => {
    it("is not allowed before all of it was shown", () => {
      const { root, find, asked } = mounted({ ...LIVE, ...talk(asks({ arguments: args })) });
      const allow = find<HTMLButtonElement>('[aria-label="Allow set_light"]');
      const folds = () => [...root.querySelectorAll<HTMLElement>(".lw-fold")];
      const whole = () => find(".lw-arguments").textContent.includes("rm -rf");
      for (let guard = 0; folds().length > 0 && guard < 100; guard++) {
        expect(allow.disabled).toBe(true);
        allow.click();
        folds()[0]!.click();
      }
      expect(whole()).toBe(true);
      for (const { name, value } of args) {
        expect(find(".lw-arguments").textContent).toContain(name);
        expect(find(".lw-arguments").textContent).toContain(value);
      }
      expect(asked).toEqual([]);
      expect(allow.disabled).toBe(false);
      allow.click();
      expect(asked).toEqual([{ name: "confirm", with: ["fc_1", true] }]);
    });
  });

  it("can be refused with all of it folded", () => {
    const { find, asked } = mounted({
      ...LIVE,
      ...talk(asks({ arguments: [{ name: "x", value: "y".repeat(999) }] })),
    });
    find('[aria-label="Don\'t allow set_light"]').click();
    expect(asked).toEqual([{ name: "confirm", with: ["fc_1", false] }]);
  });

  it("does not take what was opened in one call for opened in the next, nor in new arguments", async () => {
    const long = (letter: string) => [{ name: "x", value: letter.repeat(999) }];
    const { find, set } = mounted({ ...LIVE, ...talk(asks({ arguments: long("a") })) });
    const allow = find<HTMLButtonElement>(".lw-answer");
    for (const next of [asks({ arguments: long("b") }), asks({ id: "b", arguments: long("b") })]) {
      find(".lw-fold").click();
      expect(allow.disabled).toBe(false);
      await set(talk(next));
      expect(allow.disabled).toBe(true);
    }
  });

  it("keeps open what was opened when the turn is told again", async () => {
    const args = [{ name: "x", value: "y".repeat(999) }];
    const { root, find, set } = mounted({ ...LIVE, ...talk(asks({ arguments: args })) });
    find(".lw-fold").click();
    expect(document.activeElement).toBe(find(".lw-arguments dd"));
    await set(talk(asks({ arguments: [...args] }), use({ id: "other" })));
    expect(root.querySelector(".lw-fold")).toBeNull();
  });

  it("does not take a double click for two answers", async () => {
    const { find, asked, set } = mounted({ ...LIVE, ...talk(asks({ id: "a" })) });
    const click = (detail: number) =>
      find(".lw-answer").dispatchEvent(new MouseEvent("click", { detail, bubbles: true }));
    click(1);
    await set(talk(asks({ id: "b" })));
    click(2);
    expect(asked.map((one) => one.with[0])).toEqual(["a"]);
    click(1);
    expect(asked.map((one) => one.with[0])).toEqual(["a", "b"]);
  });

  it("lets a key that is pressed again answer no other call", async () => {
    const { root, find, set } = mounted({ ...LIVE, ...talk(asks({ id: "a" })) });
    find(".lw-answer").focus();
    await set(talk(asks({ id: "b" })));
    expect(document.activeElement).toBe(root);
  });

  it("shows on a line what a kernel sends on a line, folded if it is long", () => {
    const { find } = mounted({ ...LIVE, ...talk(asks({ arguments: [], args: "x".repeat(999) })) });
    expect(find<HTMLButtonElement>(".lw-answer").disabled).toBe(true);
  });

  it("shows text as text", () => {
    const bad = "<img src=x onerror=alert(1)>\u202e";
    const { root, find } = mounted({
      ...LIVE,
      ...talk(asks({ name: bad, arguments: [{ name: bad, value: bad }] })),
    });
    expect(root.querySelector("img")).toBeNull();
    for (const part of [".lw-call", "dt", "dd"]) {
      expect(find(part).textContent).toContain("\\u202E");
    }
    expect(find(".lw-answer").getAttribute("aria-label")).not.toContain("\u202e");
  });

  it("is read out once", async () => {
    const { find, set } = mounted(LIVE);
    const read = () => [...find('[role="log"]').children].map((line) => line.textContent);
    await set(talk(asks()));
    await set(talk(asks(), asks({ id: "b", name: "open_door", args: "" })));
    await set(talk(use(), asks({ id: "b", name: "open_door", args: "" })));
    const asked = read().filter((line) => line!.startsWith("May"));
    expect(asked).toEqual(["May it run? set_light(on=True)", "May it run? open_door()"]);
  });

  it("is not read out as if what is read were all of it", async () => {
    const { find, set } = mounted(LIVE);
    await set(talk(asks({ args: `command='${"x".repeat(250)}'` })));
    expect(find('[role="log"]').textContent).toContain("…) There is more to read in the card.");
  });
});

describe("what was unfolded", () => {
  it("is read from its beginning: the transcript does not go to its end", async () => {
    const args = [{ name: "x", value: "y".repeat(999) }];
    const { find, set } = mounted({ ...LIVE, ...talk(asks({ arguments: args })) });
    const scroller = find(".lw-scroller");
    Object.defineProperty(scroller, "scrollHeight", { value: 4000, configurable: true });
    scroller.scrollTop = 0;
    find(".lw-fold").click();
    await set(talk(asks({ arguments: args }), use({ id: "other" })));
    expect(scroller.scrollTop).toBe(0);
    find(".lw-answer").focus();
    await set(talk(asks({ arguments: args }), use({ id: "other" }), use({ id: "third" })));
    expect(scroller.scrollTop).toBe(4000);
  });
});
