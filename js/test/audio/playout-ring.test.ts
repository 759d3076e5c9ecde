import { describe, expect, it } from "vitest";
import { Ring } from "../../src/audio/playout.ts";

describe("Ring", () => {
  it("gives back what was written, in order, across its edge and while it grows", () => {
    const ring = new Ring(8);
    let written = 0;
    let read = 0;
    const sizes = [3, 7, 0, 20, 1, 5, 64, 2];
    for (let turn = 0; turn < 200; turn++) {
      const size = sizes[turn % sizes.length]!;
      ring.write(Float32Array.from({ length: size }, () => written++));
      const out = new Float32Array(sizes[(turn * 3 + 1) % sizes.length]!);
      const count = ring.read(out);
      for (let n = 0; n < count; n++) {
        expect(out[n]).toBe(read++);
      }
      expect(ring.length).toBe(written - read);
    }
    expect(read).toBeGreaterThan(1000);
  });

  it("is empty after clear", () => {
    const ring = new Ring(4);
    ring.write(new Float32Array(6));
    ring.clear();
    expect(ring.length).toBe(0);
    expect(ring.read(new Float32Array(4))).toBe(0);
  });
});
