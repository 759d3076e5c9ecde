// @vitest-environment happy-dom

import { describe, expect, it } from "vitest";
import { describeLatency, latencyPanel } from "../../src/explorer/latency.ts";
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
      "answered in 0.42 s (network 20 ms, the model 400 ms); heard for 1.2 s",
    );
    const tools = anatomy({ network_ms: null, tool_ms: 300, heard_ms: 0 });
    expect(describeLatency({ latency_ms: 700, anatomy: tools })).toBe(
      "answered in 0.70 s (your tools 300 ms, the model 400 ms)",
    );
  });

  it("says the turn's own number, and the parts from the end of speech to what was heard", () => {
    const all = anatomy({ decision_ms: 500, playback_ms: 60 });
    expect(describeLatency({ latency_ms: 980, anatomy: all })).toBe(
      "answered in 0.98 s (noticing your end 500 ms, network 20 ms, the model 400 ms, starting to play 60 ms); heard for 1.2 s",
    );
  });

  it("leaves out answers to what was typed, which have no latency", () => {
    const store = createStore({ turns: [turn(1, "model", "Noon.", { anatomy: anatomy() })] });
    const view = latencyPanel(store, fakeActions().actions, new Scope());
    view.update(store.get());
    expect(view.element.querySelectorAll(".lw-bar")).toHaveLength(0);
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
    const widths = [...view.element.querySelectorAll(".lw-bar")].map((bar) =>
      [...bar.children].map((part) => (part as HTMLElement).style.width),
    );
    expect(widths).toEqual([
      ["0%", "0%", "0%", "25%", "0%", "25%"],
      ["0%", "0%", "0%", "50%", "0%", "50%"],
    ]);
    store.set({ turns: [] });
    view.update(store.get());
    expect(view.element.querySelectorAll(".lw-bar")).toHaveLength(0);
    expect(view.element.querySelector<HTMLElement>(".lw-panel-empty")!.hidden).toBe(false);
  });
});
