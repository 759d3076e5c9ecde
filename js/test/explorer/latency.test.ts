// @vitest-environment happy-dom

import { describe, expect, it, vi } from "vitest";
import { describeLatency, latencyPanel, shareAnswers } from "../../src/explorer/latency.ts";
import type { Timing } from "../../src/messages.gen.ts";
import { Scope } from "../../src/scope.ts";
import { createStore } from "../../src/state.ts";
import { fakeActions, turn } from "../views/fakes.ts";

const anatomy = (more: Partial<Timing> = {}): Timing => ({
  decision_ms: null,
  network_ms: 20,
  wait_ms: 400,
  kernel_ms: null,
  tool_ms: 0,
  playback_ms: null,
  heard_ms: 1200,
  direct: false,
  ...more,
});

describe("turn anatomy", () => {
  it("says where the time went, and leaves out what took none", () => {
    expect(describeLatency({ latency_ms: 420, anatomy: anatomy() })).toBe(
      "answered in 0.42 s through the kernel (network 20 ms, the model 400 ms); heard for 1.2 s",
    );
    const tools = anatomy({ network_ms: null, tool_ms: 300, heard_ms: 0 });
    expect(describeLatency({ latency_ms: 700, anatomy: tools })).toBe(
      "answered in 0.70 s through the kernel (your tools 300 ms, the model 400 ms)",
    );
  });

  it("says the turn's own number, and the parts from the end of speech to what was heard", () => {
    const all = anatomy({ decision_ms: 500, kernel_ms: 18, playback_ms: 42 });
    expect(describeLatency({ latency_ms: 980, anatomy: all })).toBe(
      "answered in 0.98 s through the kernel (noticing your end 500 ms, network 20 ms, the model 400 ms, to the page and back 18 ms, starting to play 42 ms); heard for 1.2 s",
    );
  });

  it("says where the network is when the browser has the connection, which cannot measure it", () => {
    const direct = anatomy({
      decision_ms: 500,
      network_ms: null,
      playback_ms: 42,
      heard_ms: null,
      direct: true,
    });
    expect(describeLatency({ latency_ms: 942, anatomy: direct })).toBe(
      "answered in 0.94 s straight from the browser (noticing your end 500 ms, the model and the network 400 ms, starting to play 42 ms)",
    );
    expect(describeLatency({ latency_ms: 420, anatomy: anatomy({ heard_ms: 0 }) }, true)).toContain(
      "0.42 s through the program (",
    );
  });

  it("can be scrolled by keys", () => {
    const panel = latencyPanel(createStore(), fakeActions().actions, new Scope());
    expect(panel.element.tabIndex).toBe(0);
  });

  it("leaves out answers to what was typed, which have no latency", () => {
    const store = createStore({ turns: [turn(1, "model", "Noon.", { anatomy: anatomy() })] });
    const view = latencyPanel(store, fakeActions().actions, new Scope());
    view.update(store.get());
    expect(view.element.querySelectorAll("ol .lw-bar")).toHaveLength(0);
    expect(view.element.querySelector<HTMLElement>(".lw-panel-empty")!.hidden).toBe(false);
  });

  it("draws every answer on one scale", () => {
    const store = createStore({
      turns: [
        turn(0, "user", "what time is it"),
        turn(1, "model", "Noon.", {
          latency_ms: 500,
          anatomy: anatomy({ network_ms: 0, wait_ms: 500, heard_ms: 500 }),
        }),
        turn(3, "model", "One.", {
          latency_ms: 1000,
          anatomy: anatomy({ network_ms: 0, wait_ms: 1000, heard_ms: 1000 }),
        }),
      ],
    });
    const view = latencyPanel(store, fakeActions().actions, new Scope());
    view.update(store.get());
    const widths = [...view.element.querySelectorAll("ol .lw-bar")].map((bar) =>
      [...bar.children].map((part) => (part as HTMLElement).style.width),
    );
    expect(widths).toEqual([
      ["0%", "0%", "0%", "25%", "0%", "0%", "25%"],
      ["0%", "0%", "0%", "50%", "0%", "0%", "50%"],
    ]);
    store.set({ turns: [] });
    view.update(store.get());
    expect(view.element.querySelectorAll("ol .lw-bar")).toHaveLength(0);
    expect(view.element.querySelector<HTMLElement>(".lw-panel-empty")!.hidden).toBe(false);
  });
});

describe("both ways side by side", () => {
  const answered = (index: number, latency_ms: number, more: Partial<Timing>) =>
    turn(index, "model", "Noon.", { latency_ms, anatomy: anatomy({ heard_ms: 900, ...more }) });
  const through = [
    answered(1, 600, { network_ms: 20, wait_ms: 400, kernel_ms: 60, playback_ms: 120 }),
    answered(3, 5000, { network_ms: 20, wait_ms: 900, kernel_ms: 4000, playback_ms: 80 }),
    answered(7, 9000, { wait_ms: 400, tool_ms: 8000 }), // says nothing about the way
    answered(5, 500, { network_ms: 30, wait_ms: 300, kernel_ms: 50, playback_ms: 120 }),
  ];
  const straight = [1, 3].map((index) =>
    answered(index, 400 + index, { network_ms: null, wait_ms: 320, playback_ms: 80, direct: true }),
  );
  const rows = (view: { element: HTMLElement }) => {
    const section = view.element.querySelector<HTMLElement>(".lw-ways")!;
    return section.hidden
      ? null
      : [...section.querySelectorAll("li")].map((row) =>
          [...row.querySelectorAll("p")].map((p) => p.textContent),
        );
  };

  it("are compared by their medians where one talk has both", () => {
    const store = createStore({
      turns: [...through, ...straight.map((one) => ({ ...one, index: one.index + 10 }))],
    });
    const view = latencyPanel(store, fakeActions().actions, new Scope());
    view.update(store.get());
    expect(rows(view)).toEqual([
      [
        "Through the kernel, 3 answers",
        "in 0.60 s (network 20 ms, the model 400 ms, to the page and back 60 ms, starting to play 120 ms)",
      ],
      [
        "Straight from the browser, 2 answers",
        "in 0.40 s (the model and the network 320 ms, starting to play 80 ms)",
      ],
    ]);
    const widths = [...view.element.querySelectorAll<HTMLElement>(".lw-ways .lw-part-heard")].map(
      ({ style }) => style.width,
    );
    expect(widths, "the voice is no delay").toEqual(["0%", "0%"]);
  });

  it("are not compared while all answers came the same way", () => {
    for (const turns of [through, straight]) {
      const store = createStore({ turns });
      const view = latencyPanel(store, fakeActions().actions, new Scope());
      view.update(store.get());
      expect(rows(view)).toBeNull();
    }
  });

  it("are compared across the cards of a page, until one of them is gone", async () => {
    vi.useFakeTimers();
    const scope = new Scope();
    const elsewhere = new Scope();
    const store = createStore({ turns: through });
    store.set({ explorer: { ...store.get().explorer, open: true, panel: "turns" } });
    const other = createStore({ turns: [] });
    shareAnswers(store, scope);
    shareAnswers(other, elsewhere);
    const view = latencyPanel(store, fakeActions().actions, scope);
    view.update(store.get());
    expect(rows(view)).toBeNull();
    other.set({ turns: straight.slice(0, 1) });
    await vi.advanceTimersByTimeAsync(1000);
    expect(rows(view)!.map(([name]) => name)).toEqual([
      "Through the kernel, 3 answers",
      "Straight from the browser, 1 answer",
    ]);
    elsewhere.dispose();
    await vi.advanceTimersByTimeAsync(1000);
    expect(rows(view)).toBeNull();
    scope.dispose();
    vi.useRealTimers();
  });
});
