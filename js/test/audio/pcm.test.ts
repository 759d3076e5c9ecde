import { describe, expect, it } from "vitest";
import { decode, encode, fromBase64, samplesOf, toBase64, toInt16 } from "../../src/audio/pcm.ts";

describe("samplesOf", () => {
  // Jupyter's buffers are slices of one message, at any offset.
  const message = Uint8Array.from([99, 99, 99, 1, 0, 254, 255, 0, 128, 77]);
  const wanted = Int16Array.from([1, -2, -32768]);

  it("copies a slice at an odd offset, whatever it is wrapped in", () => {
    expect(samplesOf(new DataView(message.buffer, 3, 6))).toEqual(wanted);
    expect(samplesOf(new Uint8Array(message.buffer, 3, 6))).toEqual(wanted);
    expect(samplesOf(message.slice(3, 9).buffer)).toEqual(wanted);
  });

  it("does not share memory with the message", () => {
    const samples = samplesOf(new DataView(message.buffer, 3, 6));
    message[3] = 42;
    expect(samples[0]).toBe(1);
  });

  it("leaves out half a sample", () => {
    expect(samplesOf(new DataView(message.buffer, 3, 5)).length).toBe(2);
    expect(samplesOf(new ArrayBuffer(0)).length).toBe(0);
  });
});

describe("encode and decode", () => {
  it("clip, and take nonsense for silence", () => {
    expect([1, -1, 2, -2, Number.NaN, 0.5].map(toInt16)).toEqual([32767, -32768, 32767, -32768, 0, 16384]);
  });

  it("keep every value", () => {
    const all = Int16Array.from({ length: 65536 }, (_, n) => n - 32768);
    const back = encode(decode(all));
    expect(all.every((value, n) => back[n] === value)).toBe(true);
  });
});

describe("base64", () => {
  const bytes = Uint8Array.from({ length: 70_001 }, (_, index) => (index * 7) % 256);
  const native = Uint8Array as unknown as { fromBase64?: unknown; prototype: { toBase64?: unknown } };

  it.each(["by the browser", "by hand"])("is written and read %s", (how) => {
    const had = [native.fromBase64, native.prototype.toBase64];
    if (how === "by hand") {
      native.fromBase64 = undefined;
      native.prototype.toBase64 = undefined;
    } else {
      native.fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
      native.prototype.toBase64 = function (this: Uint8Array) {
        return Buffer.from(this).toString("base64");
      };
    }
    try {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(text)).toEqual(bytes);
      expect(fromBase64("__8=")).toEqual(Uint8Array.of(255, 255));
    } finally {
      [native.fromBase64, native.prototype.toBase64] = had;
    }
  });

  it("is nothing else", () => {
    expect(() => fromBase64("*")).toThrow();
  });
});
