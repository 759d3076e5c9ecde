import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scope } from "../src/scope.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("Scope", () => {
  it("ends children first, then its own in reverse order, once", () => {
    const scope = new Scope();
    const order: string[] = [];
    scope.add(() => order.push("first"));
    scope.add(() => order.push("second"));
    scope.child().add(() => order.push("child"));
    scope.dispose();
    scope.dispose();
    expect(order).toEqual(["child", "second", "first"]);
    expect(scope.disposed).toBe(true);
    expect(scope.signal.aborted).toBe(true);
  });

  it("ends at once what is added too late", () => {
    const scope = new Scope();
    scope.dispose();
    const late = vi.fn();
    scope.add(late);
    expect(late).toHaveBeenCalledOnce();
    expect(scope.child().disposed).toBe(true);
    const source = new EventTarget();
    const heard = vi.fn();
    scope.listen(source, "ping", heard);
    source.dispatchEvent(new Event("ping"));
    scope.timeout(heard, 1);
    scope.interval(heard, 1);
    vi.advanceTimersByTime(10);
    expect(heard).not.toHaveBeenCalled();
  });

  it("lets one failing disposer stop no other", () => {
    const errors: unknown[] = [];
    const scope = new Scope((error) => errors.push(error));
    const after = vi.fn();
    scope.add(after);
    scope.child().add(() => {
      throw new Error("broken child");
    });
    scope.dispose();
    expect(after).toHaveBeenCalledOnce();
    expect(String(errors[0])).toContain("broken child");
  });

  it("forgets a child that ended by itself", () => {
    const scope = new Scope();
    const child = scope.child();
    const ended = vi.fn();
    child.add(ended);
    child.dispose();
    scope.dispose();
    expect(ended).toHaveBeenCalledOnce();
  });

  it("removes listeners, at its end or before", () => {
    const scope = new Scope();
    const source = new EventTarget();
    const kept = vi.fn();
    const undone = vi.fn();
    scope.listen(source, "ping", kept);
    const undo = scope.listen(source, "ping", undone);
    undo();
    source.dispatchEvent(new Event("ping"));
    scope.dispose();
    source.dispatchEvent(new Event("ping"));
    expect(kept).toHaveBeenCalledTimes(1);
    expect(undone).not.toHaveBeenCalled();
  });

  it("cancels timers", () => {
    const scope = new Scope();
    const once = vi.fn();
    const cancelled = vi.fn();
    const often = vi.fn();
    scope.timeout(once, 5);
    scope.timeout(cancelled, 5)();
    scope.interval(often, 10);
    vi.advanceTimersByTime(25);
    scope.timeout(cancelled, 5);
    scope.dispose();
    vi.advanceTimersByTime(100);
    expect(once).toHaveBeenCalledTimes(1);
    expect(often).toHaveBeenCalledTimes(2);
    expect(cancelled).not.toHaveBeenCalled();
  });

  it("draws frames until it ends", () => {
    const queue = new Map<number, FrameRequestCallback>();
    let handle = 0;
    vi.stubGlobal("requestAnimationFrame", (draw: FrameRequestCallback) => {
      queue.set(++handle, draw);
      return handle;
    });
    vi.stubGlobal("cancelAnimationFrame", (id: number) => queue.delete(id));
    const step = () => {
      for (const [id, draw] of [...queue]) {
        queue.delete(id);
        draw(16 * id);
      }
    };
    const scope = new Scope();
    const times: number[] = [];
    scope.frame((time) => times.push(time));
    step();
    step();
    scope.dispose();
    step();
    expect(times).toEqual([16, 32]);
    expect(queue.size).toBe(0);
    vi.unstubAllGlobals();
  });
});
