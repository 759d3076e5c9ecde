// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { timeLeft } from "../../src/views/header.ts";
import { exploring, METER } from "../explorer/fakes.ts";
import { LIVE, mounted, state } from "./fakes.ts";

const metered = (change = {}, open = false) =>
  exploring({}, { open, meter: { ...METER, ...change }, meterAt: 0 });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "performance", "Date"] });
  vi.setSystemTime(0);
  vi.spyOn(performance, "now").mockImplementation(() => Date.now());
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the ring", () => {
  it("runs out with the connection, in the page's own time", () => {
    const { find } = mounted({ ...LIVE, ...metered() });
    const share = () => Number(find(".lw-ring-rest").getAttribute("stroke-dasharray")!.split(" ")[0]);
    const whole = share() * 2;
    expect(find(".lw-ring").getAttribute("aria-label")).toBe("This connection lasts about 5 min more");
    vi.advanceTimersByTime(150_000);
    expect(share()).toBeCloseTo(whole / 4, 0);
    expect(find(".lw-ring-word").textContent).toBe("");
    expect(find(".lw-ring").dataset.soon).toBe(undefined);
    vi.advanceTimersByTime(108_000);
    expect(find(".lw-ring").dataset.soon).toBe("true");
    expect(find(".lw-ring-word").textContent).toBe("42 s");
    vi.advanceTimersByTime(100_000);
    expect(find(".lw-ring-word").textContent).toBe("0 s");
  });

  it("counts down where the service goes away", () => {
    const { find } = mounted({ ...LIVE, ...metered({ time_left_ms: 80_000, ending: "go_away" }) });
    expect(find(".lw-ring").title).toBe("The service ends this connection in 80 s");
    expect(find(".lw-ring-word").textContent).toBe("80 s");
  });

  it("is there only where somebody knows", async () => {
    const { find, set } = mounted(LIVE);
    expect(find(".lw-ring").hidden).toBe(true);
    await set(metered({ time_left_ms: null, ending: null }));
    expect(find(".lw-ring").hidden).toBe(true);
    await set(metered());
    expect(find(".lw-ring").hidden).toBe(false);
    await set({ phase: "ended" });
    expect(find(".lw-ring").hidden).toBe(true);
    expect(timeLeft(state({ ...LIVE, ...metered(), connected: false }), 0)).toBe(null);
  });
});

describe("the token meter", () => {
  it("is quiet in the header where nothing costs, and says all in the explorer", async () => {
    const { root, set } = mounted({ ...LIVE, ...metered({ cost_usd: 0 }, true) });
    const [header, explorer] = [...root.querySelectorAll<HTMLElement>(".lw-tokens")];
    expect(header!.hidden).toBe(true);
    expect(explorer!.textContent).toBe("1,352 tokens · free");
    await set(metered({}, true));
    expect(header!.hidden).toBe(false);
    expect(header!.textContent).toBe("1,352 tokens · ~$0.004");
    await set(metered({ cost_usd: null }, true));
    expect(header!.hidden).toBe(true);
    expect(explorer!.textContent).toBe("1,352 tokens");
    await set(metered({ total_tokens: 0 }, true));
    expect(explorer!.hidden).toBe(true);
  });

  it("tells the rest on demand, the estimate as one", () => {
    const { find } = mounted({ ...LIVE, ...metered() });
    expect(find(".lw-tokens").title.split("\n")).toEqual([
      "1,310 tokens sent, 42 tokens received",
      "audio 1,300, text 52",
      "1,352 of 131,072 in the context",
      "an estimate by the prices of 2026-11-22",
      "round trip 24 ms",
    ]);
  });

  it("counts the time of what was open, and has no clock for what never was", async () => {
    const { find, set } = mounted({ phase: "connecting" });
    expect(find(".lw-clock").hidden).toBe(false);
    await set({ phase: "ended", ending: "never_opened" });
    expect(find(".lw-clock").hidden).toBe(true);
    expect(find(".lw-word").textContent).toBe("not connected");
    await set({ ...LIVE, liveSince: performance.now() - 61_000, ending: "" });
    await set({ phase: "ended", ending: "interrupted" });
    expect(find(".lw-clock").hidden).toBe(false);
    expect(find(".lw-clock").textContent).toBe("01:01");
    expect(find(".lw-word").textContent).toBe("broken off");
  });
});
