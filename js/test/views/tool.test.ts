// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { LIVE, mounted, shown, turn, use } from "./fakes.ts";

const asks = (more: Parameters<typeof use>[0] = {}) => use({ state: "asking", result: null, ...more });
const talk = (...tools: ReturnType<typeof use>[]) => ({
  turns: [turn(1, "user", "Open the door."), turn(2, "model", "", { final: false, tools })],
});

describe("a call that asks", () => {
  it("shows what would be called, and two answers", () => {
    const { find } = mounted({ ...LIVE, floor: "tool", ...talk(asks()) });
    const chip = find(".lw-chip");
    expect(chip.getAttribute("data-state")).toBe("asking");
    expect(shown(chip)).toBe("set_light(on=True)May it run?AllowDon't");
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

  it("is not answered where another page has the talk", () => {
    const { find, root } = mounted({ ...LIVE, owner: false, ownedElsewhere: true, ...talk(asks()) });
    expect(shown(find(".lw-chip"))).toBe("set_light(on=True)asked in another page");
    expect([...root.querySelectorAll(".lw-answer")].every((button) => (button as HTMLElement).hidden)).toBe(
      true,
    );
    expect(find(".lw-hint").textContent).toBe("Another page has the microphone.");
  });

  it("hides nothing of what would be called, as a finished call may", async () => {
    const args = `command='${"x".repeat(1500)} && rm -rf'`;
    const { find, set } = mounted({ ...LIVE, ...talk(asks({ args })) });
    expect(find(".lw-call").textContent).toContain("rm -rf')");
    await set(talk(use({ args })));
    expect(find(".lw-call").textContent).not.toContain("rm -rf");
  });

  it("shows text as text", () => {
    const bad = "<img src=x onerror=alert(1)>\u202e";
    const { root, find } = mounted({ ...LIVE, ...talk(asks({ name: bad, args: bad })) });
    expect(root.querySelector("img")).toBeNull();
    expect(find(".lw-call").textContent).toContain("\\u202E");
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
});
