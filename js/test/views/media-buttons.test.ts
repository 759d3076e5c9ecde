// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { initialState, type State, type VideoState } from "../../src/state.ts";
import { progressText } from "../../src/views/media-buttons.ts";
import { key, LIVE, mounted } from "./fakes.ts";

const video = (change: Partial<VideoState> = {}): VideoState => ({ ...initialState().video, ...change });
const preview: VideoState["preview"] = {
  source: "camera",
  url: "blob:x",
  width: 768,
  height: 432,
  bytes: 41_200,
  tokens: 64,
};
const SEES: Partial<State> = { ...LIVE, sees: true };

describe("the buttons to show something", () => {
  it("are there only for a model that takes pictures", async () => {
    const card = mounted({ ...LIVE, sees: false });
    expect(card.find(".lw-eyes").hidden).toBe(true);
    await card.set({ sees: true });
    expect(card.find(".lw-eyes").hidden).toBe(false);
  });

  it("turn camera and screen on and off", async () => {
    const card = mounted(SEES);
    const [camera, screen] = [...card.root.querySelectorAll<HTMLButtonElement>(".lw-eye")] as [
      HTMLButtonElement,
      HTMLButtonElement,
    ];
    expect([camera.title, camera.getAttribute("aria-pressed")]).toEqual(["Show the camera", "false"]);
    camera.click();
    screen.click();
    expect(card.asked).toEqual([
      { name: "video.toggle", with: ["camera"] },
      { name: "video.toggle", with: ["screen"] },
    ]);
    await card.set({ video: video({ source: "camera", state: "on" }) });
    expect([camera.title, camera.getAttribute("aria-pressed"), camera.dataset.look]).toEqual([
      "Turn the camera off",
      "true",
      "on",
    ]);
  });

  it("do nothing while the kernel is gone or another page has the talk", async () => {
    const card = mounted({ ...SEES, connected: false });
    for (const change of [{}, { connected: true, ownedElsewhere: true, owner: false }]) {
      await card.set(change);
      for (const eye of card.root.querySelectorAll<HTMLButtonElement>(".lw-eye")) {
        eye.click();
        expect(eye.getAttribute("aria-disabled")).toBe("true");
      }
    }
    expect(card.asked).toEqual([]);
  });

  it("send a file that is picked, pasted or dropped, and nothing else that is", () => {
    const card = mounted(SEES);
    const picture = new File(["x"], "x.png", { type: "image/png" });
    const carry = (type: string, name: string, files: File[]) => {
      const event = new Event(type, { bubbles: true, cancelable: true });
      Object.assign(event, { [name]: { files, types: files.length ? ["Files"] : ["text/plain"] } });
      card.find(".lw-box").dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(carry("dragover", "dataTransfer", [picture])).toBe(true);
    expect(card.find(".lw-card").dataset.drop).toBe("true");
    expect(carry("drop", "dataTransfer", [picture])).toBe(true);
    expect(card.find(".lw-card").dataset.drop).toBeUndefined();
    expect(carry("paste", "clipboardData", [new File(["a"], "a.txt"), picture])).toBe(true);
    expect(carry("paste", "clipboardData", [])).toBe(false);
    expect(carry("drop", "dataTransfer", [])).toBe(false);
    expect(card.asked).toEqual([
      { name: "video.sendFile", with: [picture] },
      { name: "video.sendFile", with: [picture] },
    ]);
  });

  it("leave drops and pastes alone where nothing can be shown", () => {
    const card = mounted({ ...LIVE, sees: false });
    const event = new Event("drop", { bubbles: true, cancelable: true });
    Object.assign(event, { dataTransfer: { files: [new File(["x"], "x.png")], types: ["Files"] } });
    card.find(".lw-box").dispatchEvent(event);
    expect([event.defaultPrevented, card.asked]).toEqual([false, []]);
  });
});

describe("the tray", () => {
  it("is not there before something is shown", async () => {
    const card = mounted(SEES);
    expect(card.find(".lw-tray").hidden).toBe(true);
    await card.set({ video: video({ source: "camera", state: "asking" }) });
    expect([card.find(".lw-tray").hidden, card.find(".lw-thumb").hidden]).toEqual([false, true]);
  });

  it("shows what was sent last, its size and what it costs", async () => {
    const card = mounted({
      ...SEES,
      video: video({ source: "camera", state: "on", preview, progress: "sent", sent: 3 }),
    });
    expect(card.find<HTMLImageElement>(".lw-thumb img").getAttribute("src")).toBe("blob:x");
    expect(card.find(".lw-tray-words").textContent).toBe("Camera768 × 432 · 41 kB3 sent, 64 tokens each");
    card.find(".lw-tray > .lw-plain").click();
    await card.set({ video: video({ preview: { ...preview!, source: "python" }, progress: "sent" }) });
    expect(card.find(".lw-tray-what strong").textContent).toBe("From Python");
    card.find(".lw-tray > .lw-plain").click();
    expect(card.asked).toEqual([
      { name: "video.toggle", with: ["camera"] },
      { name: "video.dismiss", with: [] },
    ]);
  });

  it("opens large on a click, and closes with Escape, which then interrupts nothing", async () => {
    const card = mounted({ ...SEES, floor: "model", video: video({ preview, progress: "sent" }) });
    const large = card.find(".lw-large");
    card.find(".lw-thumb").click();
    expect([large.hidden, document.activeElement?.getAttribute("title")]).toEqual([false, "Close"]);
    key(document.activeElement!, "keydown", "Escape");
    expect([large.hidden, card.asked]).toEqual([true, []]);
    expect(document.activeElement).toBe(card.find(".lw-thumb"));
    card.find(".lw-thumb").click();
    large.click();
    expect(large.hidden).toBe(true);
    card.find(".lw-thumb").click();
    await card.set({ video: video() });
    expect(large.hidden).toBe(true);
  });

  it.each([
    [{ source: "camera", state: "asking" }, "Allow the camera in the browser's question."],
    [{ source: "screen", state: "asking" }, "Choose what to show in the browser's question."],
    [{ source: "camera", state: "hidden", progress: "sent" }, "Paused while this page is not seen."],
    [{ source: "camera", state: "on" }, "Looking…"],
    [{ source: "camera", state: "on", progress: "unchanged" }, "Unchanged, not sent again."],
    [{ source: "camera", state: "on", progress: "waiting" }, "Waits for the kernel."],
    [{ progress: "sending" }, "Sending…"],
    [{ preview, progress: "sent", sent: 1 }, "Sent, 64 tokens"],
    [{}, ""],
  ] as [Partial<VideoState>, string][])("says %o as %s", (change, words) => {
    expect(progressText(video(change))).toBe(words);
  });
});

describe("the settings of what is shown", () => {
  it("choose camera, size and quality", async () => {
    const card = mounted({ ...SEES, video: video({ devices: [{ id: "c", label: "Desk <b>cam</b>" }] }) });
    const field = (label: string) => {
      const found = [...card.root.querySelectorAll("label")].find((one) => one.textContent === label)!;
      return document.getElementById(found.htmlFor) as HTMLSelectElement;
    };
    expect([...field("Camera").options].map((one) => one.textContent)).toEqual([
      "This browser's camera",
      "Desk <b>cam</b>",
    ]);
    for (const [label, value] of [
      ["Camera", "c"],
      ["Pictures", "384"],
    ] as const) {
      field(label).value = value;
      field(label).dispatchEvent(new Event("change"));
    }
    field("Quality").value = "40";
    field("Quality").dispatchEvent(new Event("input"));
    expect(card.asked).toEqual([
      { name: "video.pickCamera", with: ["c"] },
      { name: "video.setSize", with: [384] },
      { name: "video.setQuality", with: [40] },
    ]);
    await card.set({ sees: false });
    expect(field("Camera").closest<HTMLElement>(".lw-row")!.hidden).toBe(true);
  });
});
