// The worklets themselves, with the three globals of the audio thread put in their place.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FromCapture, FromPlayback, ToCapture, ToPlayback } from "../../src/audio/pcm.ts";
import { sine, snr, voiceLike } from "../audio/signals.ts";

interface Port<In, Out> {
  onmessage: ((event: { data: In }) => void) | null;
  sent: Out[];
  postMessage(message: Out): void;
}

interface Processor<In, Out> {
  port: Port<In, Out>;
  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

const processors = new Map<string, new () => unknown>();

class Base {
  readonly port: Port<unknown, unknown> = {
    onmessage: null,
    sent: [],
    postMessage(message) {
      this.sent.push(message);
    },
  };
}

async function make<In, Out>(name: string, rate: number): Promise<Processor<In, Out>> {
  vi.stubGlobal("sampleRate", rate);
  await import("../../src/worklets/all.ts");
  return new (processors.get(name)!)() as Processor<In, Out>;
}

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("AudioWorkletProcessor", Base);
  vi.stubGlobal("registerProcessor", (name: string, processor: new () => unknown) =>
    processors.set(name, processor),
  );
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the playback worklet", () => {
  const QUANTUM = 128;

  async function deck(rate = 24_000) {
    const processor = await make<ToPlayback, FromPlayback>("livewidget-playback", rate);
    const out: number[] = [];
    const run = (quanta: number) => {
      for (let n = 0; n < quanta; n++) {
        const block = new Float32Array(QUANTUM);
        processor.process([], [[block]]);
        out.push(...block);
      }
    };
    const post = (data: ToPlayback) => processor.port.onmessage!({ data });
    const reports = () => processor.port.sent.filter((message) => message.kind === "report");
    return { processor, out, run, post, reports };
  }

  const pcm = (voice: Float32Array) => Int16Array.from(voice, (value) => Math.round(value * 32768));

  it("plays all of a turn and reports its last sample", async () => {
    const { out, run, post, reports } = await deck();
    const voice = pcm(voiceLike(24_000, 10_001));
    post({ kind: "audio", epoch: 0, turn: 2, first: 0, samples: voice.slice(0, 5000) });
    run(10);
    post({ kind: "audio", epoch: 0, turn: 2, first: 5000, samples: voice.slice(5000) });
    post({ kind: "end", epoch: 0, turn: 2 });
    run(150);
    const begin = out.findIndex((sample) => sample !== 0) - 1;
    expect(out.slice(begin + 120, begin + voice.length)).toEqual(
      [...voice.subarray(120)].map((value) => value / 32768),
    );
    expect(reports().at(-1)).toMatchObject({ turn: 2, sample: 10_001, buffered: 0, silent: 0 });
  });

  it("reports 25 times a second while it sounds, and is quiet about silence", async () => {
    const { run, post, reports, processor } = await deck(48_000);
    run(400);
    expect(reports().length).toBeLessThanOrEqual(1);
    const before = processor.port.sent.length;
    post({ kind: "audio", epoch: 0, turn: 1, first: 0, samples: pcm(voiceLike(24_000, 24_000)) });
    run(375); // one second
    expect(processor.port.sent.length - before).toBeGreaterThanOrEqual(23);
    expect(processor.port.sent.length - before).toBeLessThanOrEqual(26);
    expect(Math.max(...reports().map((report) => report.peak))).toBeGreaterThan(0.1);
  });

  it("drops what is older than a flush and says what was heard last", async () => {
    const { run, post, processor, reports } = await deck();
    post({ kind: "audio", epoch: 0, turn: 1, first: 0, samples: pcm(voiceLike(24_000, 24_000)) });
    run(60);
    post({ kind: "flush", epoch: 1 });
    post({ kind: "audio", epoch: 0, turn: 1, first: 24_000, samples: new Int16Array(9000).fill(9) });
    run(3);
    const flushed = processor.port.sent.find((message) => message.kind === "flushed");
    expect(flushed).toMatchObject({ epoch: 1, turn: 1 });
    expect(flushed!.sample).toBeLessThan(62 * 128);
    expect(flushed!.sample).toBeGreaterThan(55 * 128);
    run(100);
    expect(reports().at(-1)).toMatchObject({ sample: flushed!.sample, buffered: 0 });
  });

  it("ends when it is closed", async () => {
    const { processor, post } = await deck();
    expect(processor.process([], [[new Float32Array(QUANTUM)]])).toBe(true);
    post({ kind: "close" });
    expect(processor.process([], [[new Float32Array(QUANTUM)]])).toBe(false);
  });
});

describe("the capture worklet", () => {
  it.each([44_100, 48_000])("brings %i Hz to chunks of 20 ms at 16 kHz, whole and in order", async (rate) => {
    const processor = await make<ToCapture, FromCapture>("livewidget-capture", rate);
    const input = sine(440, rate, rate);
    for (let place = 0; place + 128 <= input.length; place += 128) {
      processor.process([[input.subarray(place, place + 128)]], [[]]);
    }
    const chunks = processor.port.sent.filter((message) => message.kind === "audio");
    expect(chunks.every(({ samples }) => samples.length === 320)).toBe(true);
    chunks.forEach(({ first }, n) => {
      expect(first).toBe(n * 320);
    });
    const all = chunks.flatMap(({ samples }) => [...samples]).map((value) => value / 32768);
    expect(all.length).toBeGreaterThan(15_300);
    expect(snr(all, sine(440, 16_000, all.length), 200, all.length - 200)).toBeGreaterThan(55);
  });

  it("counts on while the device gives nothing", async () => {
    const processor = await make<ToCapture, FromCapture>("livewidget-capture", 48_000);
    for (let n = 0; n < 375; n++) {
      processor.process([[]], [[]]);
    }
    const chunks = processor.port.sent.filter((message) => message.kind === "audio");
    expect(chunks.length).toBe(49);
    expect(chunks.every(({ samples }) => samples.every((value) => value === 0))).toBe(true);
  });

  it("brings out the tail when asked, and goes on after it", async () => {
    const processor = await make<ToCapture, FromCapture>("livewidget-capture", 16_000);
    const block = new Float32Array(128).fill(0.25);
    processor.process([[block]], [[]]);
    processor.port.onmessage!({ data: { kind: "flush" } });
    processor.process([[block]], [[]]);
    processor.process([[block]], [[]]);
    processor.process([[block]], [[]]);
    const [tail, flushed, next] = processor.port.sent;
    expect(tail).toMatchObject({ kind: "audio", first: 0 });
    expect(flushed).toEqual({ kind: "flushed" });
    // At equal rates one sample is looked ahead.
    expect(tail).toHaveProperty("samples.length", 127);
    expect(next).toMatchObject({ kind: "audio", first: 127 });
    processor.port.onmessage!({ data: { kind: "close" } });
    expect(processor.process([[block]], [[]])).toBe(false);
  });
});
