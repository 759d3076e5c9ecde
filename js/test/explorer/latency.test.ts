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
  tool_ms: 0,
  heard_ms: 1200,
  ...more,
});

describe("turn anatomy", () => {
  it("says where the time went, and leaves out what took none", () => {
    expect(describeLatency(anatomy())).toBe(
      "first sound after 420 ms (network 20 ms, the model 400 ms); heard for 1.2 s",
    );
    expect(describeLatency(anatomy({ network_ms: null, tool_ms: 300, heard_ms: 0 }))).toBe(
      "first sound after 700 ms (your tools 300 ms, the model 400 ms)",
    );
  });

  it("counts the time until the end was noticed", () => {
    expect(describeLatency(anatomy({ decision_ms: 500 }))).toContain(
      "first sound after 920 ms (noticing your end 500 ms",
    );
  });

  it("draws every answer on one scale", () => {
    const store = createStore({
      turns: [
        turn(0, "user", "what time is it"),
        turn(1, "model", "Noon.", { anatomy: anatomy({ network_ms: 0, wait_ms: 500, heard_ms: 500 }) }),
        turn(3, "model", "One.", { anatomy: anatomy({ network_ms: 0, wait_ms: 1000, heard_ms: 1000 }) }),
      ],
    });
    const view = latencyPanel(store, fakeActions().actions, new Scope());
    view.update(store.get());
    const widths = [...view.element.querySelectorAll(".lw-bar")].map((bar) =>
      [...bar.children].map((part) => (part as HTMLElement).style.width),
    );
    expect(widths).toEqual([
      ["0%", "0%", "0%", "25%", "25%"],
      ["0%", "0%", "0%", "50%", "50%"],
    ]);
    store.set({ turns: [] });
    view.update(store.get());
    expect(view.element.querySelectorAll(".lw-bar")).toHaveLength(0);
    expect(view.element.querySelector<HTMLElement>(".lw-panel-empty")!.hidden).toBe(false);
  });
});
