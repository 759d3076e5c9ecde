import { beforeEach, describe, expect, it } from "vitest";
import { MicrophoneSender } from "../../src/media/microphone-sender.ts";

let now: number;
let first: number;
let log: string[];
let levels: number[];
let sent: { first: number; length: number; captured: number }[];
let silent: boolean[];
let sender: MicrophoneSender;

beforeEach(() => {
  now = 1000;
  first = 0;
  log = [];
  levels = [];
  sent = [];
  silent = [];
  sender = new MicrophoneSender(
    {
      onPacket: ({ first_sample, samples, captured_ms }) => {
        log.push("audio");
        sent.push({ first: first_sample, length: samples.length, captured: captured_ms });
      },
      onActivity: (active) => log.push(active ? "start" : "end"),
      onLevel: (peak) => levels.push(peak),
      onSilent: (value) => silent.push(value),
      onBusy: (busy) => log.push(busy ? "busy" : "free"),
    },
    () => now,
  );
});

/** Speaks for `ms`, at half of full scale unless told otherwise. */
function speak(ms: number, value = 16_384, samples = 320): void {
  for (const end = now + ms; now < end; ) {
    now += samples / 16;
    sender.addChunk(new Int16Array(samples).fill(value), first);
    first += samples;
  }
}

describe("MicrophoneSender", () => {
  it("sends nothing before the session is live, and all of it then", () => {
    speak(1000);
    expect(log).toEqual([]);
    sender.setGate({ live: true, pushToTalk: false });
    speak(400);
    expect(sent.length).toBe(10);
    expect(sent[0]).toEqual({ first: 16_000, length: 640, captured: 2000 });
  });

  it("sends what is under way when it is muted, and then nothing", () => {
    sender.setGate({ live: true, pushToTalk: false });
    speak(60);
    sender.setGate({ live: false, pushToTalk: false });
    expect(sent.map(({ length }) => length)).toEqual([640, 320]);
    speak(500);
    expect(sent.length).toBe(2);
  });

  it("push-to-talk: says that it begins, sends from 200 ms before, ends after the tail", () => {
    sender.setGate({ live: true, pushToTalk: true });
    speak(1000);
    expect(log).toEqual([]);
    sender.press();
    sender.press();
    speak(100);
    speak(5, 16_384, 80); // the tail that the worklet flushed
    sender.release();
    sender.release();
    expect(log[0]).toBe("start");
    expect(log.at(-1)).toBe("end");
    expect(log.filter((entry) => entry !== "audio")).toEqual(["start", "end"]);
    const before = 16_000 - sent[0]!.first;
    expect(before).toBeGreaterThanOrEqual(3200);
    expect(before).toBeLessThanOrEqual(3520 + 320);
    expect(sent.reduce((sum, { length }) => sum + length, 0)).toBe(before + 1600 + 80);
    speak(500);
    expect(log.at(-1)).toBe("end");
  });

  it("ends a press when the way of taking turns changes", () => {
    sender.setGate({ live: true, pushToTalk: true });
    sender.press();
    speak(40);
    sender.setGate({ live: true, pushToTalk: false });
    expect(log).toEqual(["start", "audio", "end"]);
    expect(sender.pressed).toBe(false);
  });

  it("does not begin while nothing is live", () => {
    sender.setGate({ live: false, pushToTalk: true });
    sender.press();
    expect(log).toEqual([]);
  });

  it("holds back while the kernel is busy, and ends the press after the sound", () => {
    sender.setGate({ live: true, pushToTalk: true });
    sender.press();
    speak(1500);
    sender.heartbeat(0, false);
    expect(log.at(-1)).toBe("busy");
    const before = sent.length;
    speak(500);
    sender.release();
    expect(log.at(-1)).toBe("busy");
    sender.heartbeat(before, false);
    expect(log.slice(log.indexOf("busy") + 1).filter((entry) => entry !== "audio")).toEqual(["end", "free"]);
    expect(sent.reduce((sum, { length }) => sum + length, 0)).toBe(2000 * 16);
  });

  it("makes 25 bars a second and tells of a silent microphone", () => {
    speak(1000);
    expect(levels.length).toBe(25);
    expect(new Set(levels)).toEqual(new Set([0.5]));
    speak(19_900, 0);
    expect(silent).toEqual([]);
    speak(200, 5);
    expect(silent).toEqual([true]);
    speak(40);
    expect(silent).toEqual([true, false]);
    speak(21_000, 0);
    sender.reset();
    expect(silent.at(-1)).toBe(false);
  });
});
