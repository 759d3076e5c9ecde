// @vitest-environment happy-dom

import { describe, expect, it, vi } from "vitest";
import {
  downsample,
  formatSize,
  formatTime,
  frameKinds,
  frameRows,
  isSound,
  sounds,
  toJsonl,
  tree,
  wirePanel,
} from "../../src/explorer/wire.ts";
import type { Frame } from "../../src/messages.gen.ts";
import { Scope } from "../../src/scope.ts";
import { createStore, initialState } from "../../src/state.ts";
import { fakeActions } from "../views/fakes.ts";

const frame = (number: number, more: Partial<Frame> = {}): Frame => ({
  number,
  at_ms: number * 40,
  outgoing: true,
  kind: "setup",
  size: 120,
  gap_ms: number === 1 ? null : 40,
  json: JSON.stringify({ setup: { model: "models/offline-tutor" } }),
  ...more,
});
const sound = (number: number, outgoing = true): Frame =>
  frame(number, {
    outgoing,
    kind: outgoing ? "realtimeInput.audio" : "serverContent.modelTurn",
    json: JSON.stringify({
      realtimeInput: { audio: { audio: { ms: 40, rate: 16_000, peaks: [0, 0.5, 1] } } },
    }),
  });
const typed = frame(2, {
  kind: "realtimeInput.text",
  json: '{"realtimeInput": {"text": "turn on the light"}}',
});
const ALL = { kind: "", text: "" };

describe("frames as rows", () => {
  it("put sound after sound into one row, each direction for itself", () => {
    const found = frameRows([frame(1), sound(2), sound(3), sound(4, false), sound(5), typed], ALL);
    expect(found.map((row) => row.frames.length)).toEqual([1, 2, 1, 1, 1]);
  });

  it("tell words that come with sound from sound alone", () => {
    expect(isSound(sound(1))).toBe(true);
    const both = {
      serverContent: { outputTranscription: { text: "Hello" }, modelTurn: { audio: { ms: 1 } } },
    };
    expect(isSound(frame(1, { json: JSON.stringify(both) }))).toBe(false);
  });

  it("are found by kind and by what is in them", () => {
    const all = [frame(1), typed, sound(3)];
    expect(frameRows(all, { kind: "realtimeInput.text", text: "" })).toHaveLength(1);
    expect(frameRows(all, { kind: "", text: "LIGHT" }).map((row) => row.number)).toEqual([2]);
    expect(frameRows(all, { kind: "setup", text: "light" })).toEqual([]);
    expect(frameKinds([...all, sound(4)])[0]).toEqual(["realtimeInput.audio", 2]);
  });

  it("are exported one a line, as JSON", () => {
    const lines = toJsonl([frame(1), typed])
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line).json)).toEqual([
      JSON.parse(frame(1).json),
      JSON.parse(typed.json),
    ]);
    expect(JSON.parse(lines[0]!).way).toBe("out");
  });

  it("show text that was cut as what it is", () => {
    expect(JSON.parse(toJsonl([frame(1, { json: '{"setup": {"mod…' })])).json).toBe('{"setup": {"mod…');
  });

  it("have sizes and times that are read at a glance", () => {
    expect([formatSize(999), formatSize(1234), formatSize(2_500_000)]).toEqual(["999 B", "1.2 KB", "2.5 MB"]);
    expect([formatTime(0), formatTime(3120), formatTime(61_005)]).toEqual([
      "0:00.000",
      "0:03.120",
      "1:01.005",
    ]);
  });

  it("draw no more bars than fit, and lose no peak", () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index === 777 ? 1 : 0.1));
    expect(downsample(values, 48)).toHaveLength(48);
    expect(Math.max(...downsample(values, 48))).toBe(1);
    expect(sounds({ a: [{ audio: { ms: 1, rate: 8000, peaks: [] } }], b: { c: 1 } })).toHaveLength(1);
  });
});

describe("JSON that folds out", () => {
  it("is text, whatever it says", () => {
    const node = tree({ evil: "<img src=x onerror=alert(1)>", list: [1, null, true], none: {} });
    expect(node.querySelector("img")).toBeNull();
    expect(node.textContent).toContain('"<img src=x onerror=alert(1)>"');
    expect(node.textContent).toContain("null");
  });

  it("shows sound as a waveform", () => {
    const node = tree({ audio: { audio: { ms: 40, rate: 16_000, peaks: [0.2, 0.9] } } });
    expect(node.querySelectorAll("svg")).toHaveLength(1);
    expect(node.textContent).toContain("40 ms · 16 kHz");
  });

  it("ends somewhere", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]));
    expect(tree(many).textContent).toContain("… 300 more");
  });
});

function panel(frames: Frame[]) {
  const scope = new Scope();
  const store = createStore({});
  const put = (list: Frame[], lost = 0) =>
    store.set({ explorer: { ...initialState().explorer, frames: { list, lost } } });
  put(frames);
  const view = wirePanel(store, fakeActions().actions, scope);
  document.body.append(view.element);
  const draw = () => view.update(store.get());
  draw();
  const heads = () => [...view.element.querySelectorAll<HTMLButtonElement>(".lw-frame-head")];
  return { element: view.element, put, draw, heads, scope };
}

describe("the panel of the wire", () => {
  it("shows frames as they come and folds them out", () => {
    const { put, draw, heads, element } = panel([]);
    expect(element.querySelector<HTMLElement>(".lw-panel-empty")!.hidden).toBe(false);
    put([frame(1), sound(2), sound(3)]);
    draw();
    expect(heads().map((head) => head.querySelector(".lw-frame-kind")!.textContent)).toEqual([
      "setup",
      "realtimeInput.audio × 2",
    ]);
    heads()[0]!.click();
    expect(heads()[0]!.getAttribute("aria-expanded")).toBe("true");
    expect(element.querySelector(".lw-frame-body")!.textContent).toContain("models/offline-tutor");
    expect(element.querySelector(".lw-frame-about")!.textContent).toContain("the first frame");
  });

  it("keeps a row's node where its run goes on", () => {
    const { put, draw, heads } = panel([sound(1)]);
    const before = heads()[0];
    put([sound(1), sound(2), typed]);
    draw();
    expect(heads()[0]).toBe(before);
    expect(before!.textContent).toContain("× 2");
  });

  it("filters, searches, pauses and goes on", () => {
    const { put, draw, heads, element } = panel([frame(1), typed, sound(3)]);
    const search = element.querySelector<HTMLInputElement>("input")!;
    search.value = "light";
    search.dispatchEvent(new Event("input"));
    expect(heads()).toHaveLength(1);
    expect(element.querySelector(".lw-wire-count")!.textContent).toBe("1 of 3 frames");
    search.value = "";
    search.dispatchEvent(new Event("input"));
    const pause = [...element.querySelectorAll("button")].find((node) => node.textContent === "Pause")!;
    pause.click();
    put([frame(1), typed, sound(3), frame(4)], 5);
    draw();
    expect(heads()).toHaveLength(3);
    pause.click();
    expect(heads()).toHaveLength(4);
    expect(element.querySelector(".lw-wire-count")!.textContent).toBe("4 frames, 5 not kept");
  });

  it("draws the newest rows, and earlier ones on demand", () => {
    const { heads, element } = panel(Array.from({ length: 400 }, (_, index) => frame(index + 1)));
    expect(heads()).toHaveLength(150);
    const earlier = element.querySelector<HTMLButtonElement>(".lw-wire-earlier")!;
    expect(earlier.textContent).toBe("250 earlier rows");
    earlier.click();
    expect(heads()).toHaveLength(300);
  });

  it("exports what is shown", async () => {
    const { element } = panel([frame(1), typed]);
    const blobs: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
      blobs.push(blob as Blob);
      return "blob:x";
    });
    const search = element.querySelector<HTMLInputElement>("input")!;
    search.value = "light";
    search.dispatchEvent(new Event("input"));
    [...element.querySelectorAll("button")].find((node) => node.textContent === "Export")!.click();
    expect((await blobs[0]!.text()).trim().split("\n")).toHaveLength(1);
  });
});
