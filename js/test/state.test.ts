import { describe, expect, it, vi } from "vitest";
import { createStore } from "../src/state.ts";

describe("createStore", () => {
  it("replaces parts and keeps the rest", () => {
    const store = createStore({ name: "Offline tutor" });
    store.set({ phase: "live" });
    expect(store.get()).toMatchObject({ name: "Offline tutor", phase: "live", floor: "listening" });
  });

  it("tells of all changes of one task together", async () => {
    const store = createStore();
    const phases: string[] = [];
    store.subscribe((state) => phases.push(state.phase));
    store.set({ phase: "connecting" });
    store.set({ phase: "live" });
    expect(phases).toEqual([]);
    await Promise.resolve();
    expect(phases).toEqual(["live"]);
  });

  it("tells nobody who has left, and everybody else when one fails", async () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const store = createStore();
    const gone = vi.fn();
    const here = vi.fn();
    store.subscribe(() => {
      throw new Error("a view failed");
    });
    store.subscribe(gone)();
    store.subscribe(here);
    store.set({ holding: true });
    await Promise.resolve();
    expect(here).toHaveBeenCalledOnce();
    expect(gone).not.toHaveBeenCalled();
    expect(complaint).toHaveBeenCalledOnce();
    complaint.mockRestore();
  });
});
