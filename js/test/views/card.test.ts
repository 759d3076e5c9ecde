// @vitest-environment happy-dom

import { describe, expect, it, vi } from "vitest";
import type { State } from "../../src/state.ts";
import { mountSentence } from "../../src/views/card.ts";
import { LIVE, mounted, ON, PUSH, turn } from "./fakes.ts";

const text = (node: Element) => node.textContent!.trim();

describe("the card", () => {
  it("says what it is to a screen reader and to JupyterLab", () => {
    const { root } = mounted();
    expect(root.getAttribute("role")).toBe("region");
    expect(root.getAttribute("aria-label")).toBe("Live conversation with Offline tutor");
    expect(root.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
  });

  it("has a name on every button and field, in every state", async () => {
    const { root, set } = mounted();
    const states: Partial<State>[] = [
      {},
      { phase: "connecting" },
      LIVE,
      PUSH,
      { ...LIVE, floor: "model" },
      { notices: [{ level: "error", code: "x", text: "It failed." }] },
      { connected: false },
    ];
    for (const change of states) {
      await set(change);
      for (const control of root.querySelectorAll<HTMLElement>("button, input, select")) {
        const labelled = control.id && root.querySelector(`label[for="${control.id}"]`);
        const named =
          control.getAttribute("aria-label") || text(control) || labelled || control.closest("label");
        expect(named, control.outerHTML).toBeTruthy();
      }
      expect(root.querySelectorAll("button:not([type])")).toHaveLength(0);
    }
  });

  it("shows who it is, the badge in two parts, the first sound and the time", async () => {
    vi.spyOn(performance, "now").mockReturnValue(134_900);
    const { find, set } = mounted({ ...LIVE, liveSince: 700 });
    expect(text(find(".lw-who"))).toBe("Offline tutor");
    expect(text(find(".lw-badge"))).toBe("no key · on this computer");
    expect(text(find(".lw-badge .lw-wide"))).toBe("· on this computer");
    expect(text(find(".lw-clock"))).toBe("02:14");
    expect(find(".lw-first").hidden).toBe(true);
    await set({ turns: [turn(1, "model", "Hello", { latency_ms: 180 })] });
    expect(text(find(".lw-first"))).toBe("answered in 0.18 s");
    await set({ phase: "ended" });
    expect(text(find(".lw-clock"))).toBe("02:14");
    vi.restoreAllMocks();
  });

  it("starts, mutes and stops", async () => {
    const { find, set, names } = mounted();
    const button = find<HTMLButtonElement>(".lw-microphone");
    const stop = find<HTMLButtonElement>(".lw-stop");
    expect(stop.disabled).toBe(true);
    button.click();
    await set({ phase: "connecting" });
    button.click();
    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(stop.disabled).toBe(false);
    await set(LIVE);
    expect(button.getAttribute("aria-pressed")).toBe("false");
    button.click();
    await set({ microphone: { ...ON, state: "muted" } });
    expect(button.getAttribute("aria-pressed")).toBe("true");
    stop.click();
    expect(names()).toEqual(["start", "toggleMute", "stop"]);
  });

  it("takes typing while another page has the microphone, and takes that with ●", () => {
    const { find, names } = mounted({ ...LIVE, owner: false, ownedElsewhere: true });
    expect(text(find(".lw-hint"))).toBe("In another page. Press ● to talk here.");
    expect(find(".lw-microphone").getAttribute("aria-label")).toBe("Take the microphone and the voice here");
    find(".lw-microphone").click();
    expect(names()).toEqual(["start"]);
    expect(find<HTMLInputElement>(".lw-box").disabled).toBe(false);
  });

  it("joins a talk that was begun from Python", () => {
    const { find, names } = mounted({ phase: "live", owner: false });
    expect(text(find(".lw-hint"))).toBe("The microphone is off. Press ● to talk.");
    find(".lw-microphone").click();
    expect(names()).toEqual(["start"]);
  });

  it("sends what is typed, once, and nothing that is empty", () => {
    const { find, asked } = mounted();
    const box = find<HTMLInputElement>(".lw-box");
    const form = find<HTMLFormElement>(".lw-composer");
    const submit = () => form.dispatchEvent(new Event("submit", { cancelable: true }));
    box.value = "   ";
    submit();
    box.value = " what time is it ";
    box.dispatchEvent(new Event("input"));
    expect(find<HTMLButtonElement>(".lw-send").disabled).toBe(false);
    submit();
    submit();
    expect(asked).toEqual([{ name: "sendText", with: ["what time is it"] }]);
    expect(box.value).toBe("");
  });

  it("takes typing where the microphone is refused", () => {
    const { find } = mounted({ microphone: { ...ON, state: "refused" } });
    expect(find<HTMLInputElement>(".lw-box").disabled).toBe(false);
    expect(text(find(".lw-hint"))).toBe("You can type; press ● to try again.");
  });

  it("says why the kernel does not answer, offers nothing that needs it, and looks again on demand", () => {
    const { find, names } = mounted({ ...LIVE, connected: false, loss: "restarted" });
    expect(text(find(".lw-word"))).toBe("restarted");
    expect(text(find(".lw-empty"))).toBe("The kernel was restarted.");
    expect(text(find(".lw-hint"))).toBe("Run this cell to talk again.");
    expect(find<HTMLInputElement>(".lw-box").disabled).toBe(true);
    expect(find<HTMLButtonElement>(".lw-stop").disabled).toBe(true);
    expect(find<HTMLButtonElement>(".lw-suggestion").disabled).toBe(true);
    find(".lw-microphone").click();
    expect(names()).toEqual(["start"]);
  });

  it("offers something to say until something was said", async () => {
    const { root, find, set, asked } = mounted({ suggestions: ["what time is it", "what can you do"] });
    find(".lw-suggestion").click();
    expect(asked).toEqual([{ name: "sendText", with: ["what time is it"] }]);
    await set(LIVE);
    expect(find(".lw-try").hidden).toBe(false);
    await set({ turns: [turn(1, "user", "Hello")] });
    expect(find(".lw-try").hidden).toBe(true);
    expect(root.querySelector<HTMLElement>(".lw-empty")!.hidden).toBe(true);
  });

  it("offers to interrupt only while the model speaks", async () => {
    const { find, set, names } = mounted(LIVE);
    expect(find(".lw-interrupt").hidden).toBe(true);
    await set({ floor: "model" });
    expect(find(".lw-interrupt").hidden).toBe(false);
    find(".lw-interrupt").click();
    expect(names()).toEqual(["interrupt"]);
  });

  it("keeps the focus in the card when a focused button goes away", async () => {
    const { root, find, set } = mounted({ ...LIVE, floor: "model" });
    find(".lw-interrupt").focus();
    await set({ floor: "listening" });
    expect(document.activeElement).toBe(root);
    find(".lw-stop").focus();
    await set({ phase: "ended" });
    expect(document.activeElement).toBe(find(".lw-microphone"));
  });

  it("leaves nothing behind when its scope ends", async () => {
    const { host, root, scope, set, find } = mounted(LIVE);
    const before = find(".lw-word").textContent;
    scope.dispose();
    expect(host.childElementCount).toBe(0);
    await set({ phase: "ended" });
    expect(root.querySelector(".lw-word")!.textContent).toBe(before);
  });

  it("can stand twice in one page", () => {
    const first = mounted();
    const ids = (root: HTMLElement) => [...root.querySelectorAll("[id]")].map((node) => node.id);
    const seen = ids(first.root);
    const second = ids(mounted().root);
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.filter((id) => second.includes(id))).toEqual([]);
  });
});

describe("notes", () => {
  const failed = { level: "error", code: "tool", text: "The tool failed. The talk goes on." } as const;

  it("set off their first sentence and say how urgent they are", () => {
    const { find, asked } = mounted({ notices: [failed] });
    const note = find(".lw-note");
    expect(note.getAttribute("role")).toBe("alert");
    expect(text(find(".lw-note-first"))).toBe("The tool failed.");
    expect(text(find(".lw-note-text"))).toBe(failed.text);
    find(".lw-note-close").click();
    expect(asked).toEqual([{ name: "dismissNotice", with: ["tool"] }]);
  });

  it("are replaced by code, keep their node, and show the newest three", async () => {
    const { root, find, set } = mounted({ notices: [failed] });
    const node = find(".lw-note");
    await set({ notices: [{ ...failed, level: "warning", text: "Again." }] });
    expect(find(".lw-note")).toBe(node);
    expect(node.getAttribute("role")).toBe("status");
    expect(text(node)).toBe("Again.");
    await set({
      notices: ["a", "b", "c", "d"].map((code) => ({ level: "info", code, text: code })),
    });
    expect([...root.querySelectorAll(".lw-note")].map(text)).toEqual(["b", "c", "d"]);
    await set({ notices: [] });
    expect(find(".lw-notes").hidden).toBe(true);
  });
});

describe("what stands behind a note", () => {
  const details =
    'Traceback (most recent call last):\n  File "agent.py", line 3\nValueError: <b>no</b> model';
  const stopped = {
    level: "error",
    code: "agent-failed",
    text: "The agent lamp stopped: no model.",
  } as const;

  it("is folded until it is asked for, is text, and can be reached by keys", async () => {
    const { root, find, set } = mounted({ notices: [{ ...stopped, details }] });
    const fold = find<HTMLDetailsElement>(".lw-note details");
    expect(fold.open).toBe(false);
    expect(text(fold.querySelector("summary")!)).toBe("Details");
    const box = find(".lw-note pre");
    expect(text(box)).toBe(details);
    expect([box.tabIndex, box.getAttribute("aria-label")]).toEqual([0, "Details"]);
    fold.open = true;
    box.focus();
    const moved = vi.spyOn(find(".lw-note"), "append");
    await set({ notices: [{ ...stopped, details: `${details}!` }] });
    expect([moved.mock.calls, document.activeElement]).toEqual([[], box]);
    expect(find(".lw-note details")).toBe(fold);
    expect([fold.open, text(box)]).toEqual([true, `${details}!`]);
    await set({ notices: [stopped] });
    expect(root.querySelector(".lw-note details")).toBe(null);
  });

  it("is copied, or selected where the browser does not copy", async () => {
    const copied: string[] = [];
    const clipboard = { writeText: async (words: string) => void copied.push(words) };
    vi.spyOn(navigator, "clipboard", "get").mockReturnValue(clipboard as Clipboard);
    const { find } = mounted({ notices: [{ ...stopped, details }] });
    find(".lw-note .lw-code-copy").click();
    await vi.waitFor(() => expect(text(find(".lw-note .lw-code-copy"))).toBe("Copied"));
    expect(copied).toEqual([details]);
    clipboard.writeText = () => Promise.reject(new Error("denied"));
    find(".lw-note .lw-code-copy").click();
    await vi.waitFor(() => expect(text(find(".lw-note .lw-code-copy"))).toBe("Press Ctrl+C"));
    expect(String(getSelection())).toBe(details);
    vi.restoreAllMocks();
  });
});

describe("an agent", () => {
  const agent = { name: "ADK agent lamp", badge: "ADK agent lamp · in this kernel", speaker: "lamp" };

  it("says what runs where, its name only once", async () => {
    const { find, set } = mounted({ ...LIVE, ...agent });
    expect([text(find(".lw-who")), text(find(".lw-badge"))]).toEqual(["ADK agent lamp", "in this kernel"]);
    await set({ badge: "ADK agent lamp · in this program" });
    expect(text(find(".lw-badge"))).toBe("in this program");
    await set({ name: "Gemini", badge: "Gemini API · gemini-3.8-live" });
    expect(text(find(".lw-badge"))).toBe("Gemini API · gemini-3.8-live");
  });

  it("offers no text box where it takes no text, and no push-to-talk where it has none", async () => {
    const { root, find, set } = mounted({ ...LIVE, ...agent, reads: false, pushToTalk: false });
    const turns = () => root.querySelector<HTMLElement>(".lw-settings .lw-row:has(.lw-radio)")!.hidden;
    expect([find(".lw-field").hidden, turns()]).toEqual([true, true]);
    await set({ reads: true, pushToTalk: true });
    expect([find(".lw-field").hidden, turns()]).toEqual([false, false]);
  });
});

describe("phone calls", () => {
  const calls = [
    { id: "call-1", caller: "+49 … 12 34", elapsed_ms: 73_000, muted: false },
    { id: "call-2", caller: "unknown", elapsed_ms: 5_000, muted: true },
  ];
  const called = { ...LIVE, owner: false, ownedElsewhere: true, calledBy: "call-1", calls };
  const rows = (root: Element) => [...root.querySelectorAll<HTMLElement>(".lw-call-row")];

  it("have a row each, with the caller, the time, and buttons that say what they do to whom", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(10_000);
    const { root, find, asked, set } = mounted({ ...called, callsAt: 10_000 });
    expect(rows(root).map(text)).toEqual(["+49 … 12 34talks here01:13", "unknown numbermuted00:05"]);
    const buttons = [...find(".lw-calls").querySelectorAll("button")];
    expect(buttons.map((one) => one.getAttribute("aria-label"))).toEqual([
      "Mute +49 … 12 34",
      "Hang up +49 … 12 34",
      "Mute unknown number",
      "Hang up unknown number",
    ]);
    for (const button of buttons) {
      button.click();
    }
    expect(asked).toEqual([
      { name: "call", with: ["call-1", "mute"] },
      { name: "call", with: ["call-1", "hang_up"] },
      { name: "call", with: ["call-2", "unmute"] },
      { name: "call", with: ["call-2", "hang_up"] },
    ]);
    const [first] = rows(root);
    clock.mockReturnValue(20_000);
    await set({ calls: [{ ...calls[0]!, elapsed_ms: 83_000 }], callsAt: 20_000 });
    expect(rows(root)).toEqual([first]);
    expect(text(first!)).toBe("+49 … 12 34talks here01:23");
    await set({ calls: [], calledBy: "" });
    expect(find(".lw-calls").hidden).toBe(true);
    clock.mockRestore();
  });

  it("leave microphone and voice to the caller, and say so", async () => {
    const spoken = [turn(1, "user", "Hello?", { agent: "caller" })];
    const { root, find, asked, set } = mounted({ ...called, turns: spoken });
    const microphone = find(".lw-microphone");
    expect(microphone.getAttribute("aria-label")).toBe("A caller has the microphone");
    microphone.click();
    expect(asked).toEqual([]);
    expect(text(find(".lw-hint"))).toBe("A caller talks here. Read along, or type.");
    expect(text(find(".lw-speaker"))).toBe("caller");
    expect(text(find(".lw-lane-user"))).toBe("caller");
    expect(root.textContent).not.toContain("another page");
    await set({ floor: "user" });
    expect(text(find(".lw-word"))).toBe("hearing the caller");
    await set({ floor: "model" });
    expect(text(find(".lw-hint"))).toBe("A caller listens.");
    find(".lw-interrupt").click();
    expect(asked).toEqual([{ name: "interrupt", with: [] }]);
  });
});

describe("the title of a page", () => {
  it.each([
    ["Spanish tutor", "Spanish tutor"],
    ["", ""],
    ["Offline tutor", ""],
    ["<b>Hi</b>\nthere", "<b>Hi</b> there"],
  ])("%j is shown as %j", (title, shown) => {
    const { find } = mounted({ page: true, title });
    const heading = find(".lw-title");
    expect(heading.hidden ? "" : text(heading)).toBe(shown);
  });
});

describe("the page for the browser", () => {
  const PAGE = { address: "http://127.0.0.1:4321/w1/", token: "secret", port: 0 };
  const press = (node: HTMLElement, type: string) => node.dispatchEvent(new Event(type, { bubbles: true }));

  it.each<[Partial<State>, boolean]>([
    [{ barred: true, browser: PAGE }, true],
    [{ ...LIVE, heldByCell: true, browser: PAGE }, true],
    [{ barred: true, browser: null }, false],
    [{ barred: false, browser: PAGE }, false],
    [{ barred: true, browser: PAGE, page: true }, false],
    [{ barred: true, browser: PAGE, connected: false }, false],
  ])("is offered with %j: %s", (change, offered) => {
    expect(mounted(change).find(".lw-offer").hidden).toBe(!offered);
  });

  it("has its token in the address only while it is pressed, and is asked for anew when it was opened", async () => {
    const { find, names, set } = mounted({ barred: true, browser: PAGE });
    const link = find<HTMLAnchorElement>(".lw-offer-link");
    expect([link.target, link.rel]).toEqual(["_blank", "noopener noreferrer"]);
    expect(link.href).toBe(PAGE.address);
    press(link, "pointerdown");
    expect(link.href).toBe(`${PAGE.address}#secret`);
    link.onclick = (event) => event.preventDefault();
    press(link, "click");
    expect(link.href, "the browser follows it now").toBe(`${PAGE.address}#secret`);
    await new Promise((done) => setTimeout(done, 5));
    expect(link.href).toBe(PAGE.address);
    expect(names()).toEqual(["onBrowserOpened"]);
    await set({ browser: { ...PAGE, token: "fresh" } });
    press(link, "keydown");
    expect(link.href).toBe(`${PAGE.address}#fresh`);
  });

  it("says how the port is connected where the kernel may be elsewhere", async () => {
    const { find, set } = mounted({ barred: true, browser: { ...PAGE, port: 4321 } });
    expect(text(find(".lw-offer-how"))).toContain("ssh -L 4321:127.0.0.1:4321");
    await set({ browser: PAGE });
    expect(text(find(".lw-offer-how"))).not.toContain("ssh");
  });

  it("can be one sentence in place of the card", () => {
    const host = document.createElement("div");
    let again = 0;
    mountSentence(host, "The address was used. <b>Open</b> it anew.", () => {
      again += 1;
    });
    expect(host.textContent).toContain("The address was used. <b>Open</b> it anew.");
    expect(host.querySelector("b")).toBeNull();
    host.querySelector("button")!.click();
    expect(again).toBe(1);
    mountSentence(host, "No.");
    expect(host.querySelectorAll("button")).toHaveLength(1);
  });
});

describe("settings", () => {
  const devices = [
    { id: "a", label: "Built-in" },
    { id: "b", label: "" },
  ];

  it("open and close, by button and Escape, and give the focus back", () => {
    const { find } = mounted();
    const opener = find(".lw-settings-button");
    const panel = find(".lw-settings");
    expect(opener.getAttribute("aria-expanded")).toBe("false");
    expect(opener.getAttribute("aria-controls")).toBe(panel.id);
    opener.click();
    expect(panel.hidden).toBe(false);
    expect(opener.getAttribute("aria-expanded")).toBe("true");
    expect(document.activeElement).toBe(panel.querySelector("select"));
    panel
      .querySelector("select")!
      .dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(panel.hidden).toBe(true);
    expect(document.activeElement).toBe(opener);
    opener.click();
    document.body.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, composed: true }));
    expect(panel.hidden).toBe(true);
  });

  it("close by Escape without interrupting the model", () => {
    const { find, names } = mounted({ ...LIVE, floor: "model" });
    find(".lw-settings-button").click();
    const press = () =>
      find(".lw-settings-button").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }),
      );
    press();
    expect(find(".lw-settings").hidden).toBe(true);
    expect(names()).toEqual([]);
    press();
    expect(names()).toEqual(["interrupt"]);
  });

  it("offer the microphones and name those that have no name yet", async () => {
    const { find, set, asked } = mounted({ microphone: { ...ON, devices } });
    const select = find<HTMLSelectElement>(".lw-select");
    expect([...select.options].map(text)).toEqual(["This browser's microphone", "Built-in", "Microphone 2"]);
    const kept = select.options[1];
    await set({ floor: "user" });
    expect(select.options[1]).toBe(kept);
    select.value = "a";
    select.dispatchEvent(new Event("change"));
    await set({ microphone: { ...ON, devices, deviceId: "a" } });
    expect(select.value).toBe("a");
    expect(asked).toEqual([{ name: "pickMicrophone", with: ["a"] }]);
  });

  it("set the volume and how turns are taken", async () => {
    const { root, find, set, asked } = mounted();
    const slider = find<HTMLInputElement>(".lw-slider");
    slider.value = "40";
    slider.dispatchEvent(new Event("input"));
    const radios = [...root.querySelectorAll<HTMLInputElement>(".lw-radio")];
    expect(radios.map((one) => one.checked)).toEqual([true, false]);
    radios[1]!.dispatchEvent(new Event("change"));
    expect(asked).toEqual([
      { name: "setVolume", with: [0.4] },
      { name: "setTurnTaking", with: ["push_to_talk"] },
    ]);
    await set({ turnTaking: "push_to_talk" });
    expect(radios.map((one) => one.checked)).toEqual([false, true]);
    expect(text(find(".lw-model-id"))).toBe("offline-tutor");
  });
});
