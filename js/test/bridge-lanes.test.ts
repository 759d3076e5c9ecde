import { describe, expect, it } from "vitest";
import { ReliableReceiver, ReliableSender } from "../src/bridge.ts";

describe("ReliableSender and ReliableReceiver", () => {
  it("bring every message once and in order over a wire that loses, repeats and reorders", () => {
    for (let seed = 1; seed <= 40; seed++) {
      let state = seed * 2654435761;
      const random = () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const out = new ReliableSender<number>();
      const inbox = new ReliableReceiver<number>();
      const wire: [number, number][] = [];
      const got: number[] = [];
      const put = (seq: number, message: number) => {
        for (let copies = random() < 0.2 ? 0 : random() < 0.2 ? 2 : 1; copies > 0; copies--) {
          wire.splice(Math.floor(random() * (wire.length + 1)), 0, [seq, message]);
        }
      };
      let now = 0;
      for (let message = 0; message < 100; message++, now += 50) {
        put(out.add(message, now), message);
        if (random() < 0.7 && wire.length > 0) {
          got.push(...inbox.receive(...wire.shift()!));
        }
        if (random() < 0.3) {
          out.acknowledge(inbox.last, now);
        }
      }
      for (let round = 0; round < 200 && out.unacked.length > 0; round++) {
        now += 31_000;
        for (const { seq, message } of out.dueForResend(now)) {
          put(seq, message);
        }
        for (const [seq, message] of wire.splice(0)) {
          got.push(...inbox.receive(seq, message));
        }
        out.acknowledge(inbox.last, now);
      }
      expect(got).toEqual(Array.from({ length: 100 }, (_, n) => n));
    }
  });

  it("repeat after two seconds without news, then less and less often", () => {
    const out = new ReliableSender<string>();
    out.add("a", 0);
    const times: number[] = [];
    for (let now = 0; now <= 40_000; now += 250) {
      if (out.dueForResend(now).length > 0) {
        times.push(now);
      }
    }
    expect(times).toEqual([2000, 6000, 14_000, 30_000]);
    out.add("b", 40_000);
    out.acknowledge(1, 41_000);
    expect(out.dueForResend(42_900)).toEqual([]);
    expect(out.dueForResend(43_000)).toEqual([{ seq: 2, message: "b" }]);
  });

  it("believe no acknowledgement of what was never sent", () => {
    const out = new ReliableSender<string>();
    out.add("a", 0);
    out.acknowledge(7, 1);
    expect(out.unacked.length).toBe(1);
  });

  it("keep 256 and no more", () => {
    const out = new ReliableSender<number>();
    for (let n = 0; n < 300; n++) {
      out.add(n, 0);
    }
    expect(out.unacked.length).toBe(256);
    expect(out.unacked[0]!.seq).toBe(45);
    const inbox = new ReliableReceiver<number>();
    expect(inbox.receive(1000, 1)).toEqual([]);
    expect(inbox.hasGap).toBe(false);
  });

  it("skip a hole when told to, or begin anew", () => {
    const inbox = new ReliableReceiver<string>(10);
    expect(inbox.receive(13, "c")).toEqual([]);
    expect(inbox.hasGap).toBe(true);
    expect(inbox.skipGap()).toEqual(["c"]);
    expect(inbox.last).toBe(13);
    inbox.receive(21, "e");
    expect(inbox.restart(20)).toEqual(["e"]);
    expect(inbox.last).toBe(21);
    expect(inbox.skipGap()).toEqual([]);
  });
});
