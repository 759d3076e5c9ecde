import { beforeEach, describe, expect, it } from "vitest";
import { MicrophoneSender } from "../../src/media/microphone-sender.ts";

let now: number;
let first: number;
let log: string[];
/** Samples for the page's own socket. */
let direct: number[];
let levels: number[];
let sent: { first: number; length: number; captured: number }[];
let sender: MicrophoneSender;

beforeEach(() => {
  now = 1000;
  first = 0;
  log = [];
  direct = [];
  levels = [];
  sent = [];
  sender = new MicrophoneSender(
    {
      onPacket: ({ first_sample, samples, captured_ms }) => {
        log.push("audio");
        sent.push({ first: first_sample, length: samples.length, captured: captured_ms });
      },
      onAudio: (samples) => direct.push(samples.length),
      onActivity: (active) => log.push(active ? "start" : "end"),
      onLevel: (peak) => levels.push(peak),
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
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    speak(400);
    expect(sent.length).toBe(10);
    expect(sent[0]).toEqual({ first: 16_000, length: 640, captured: 2000 });
  });

  it("sends what is under way when it is muted, and then nothing", () => {
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    speak(60);
    sender.setGate({ open: false, starting: false, pushToTalk: false });
    expect(sent.map(({ length }) => length)).toEqual([640, 320]);
    speak(500);
    expect(sent.length).toBe(2);
  });

  it("push-to-talk: says that it begins, sends from 200 ms before, ends after the tail", () => {
    sender.setGate({ open: true, starting: false, pushToTalk: true });
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
    sender.setGate({ open: true, starting: false, pushToTalk: true });
    sender.press();
    speak(40);
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    expect(log).toEqual(["start", "audio", "end"]);
    expect(sender.pressed).toBe(false);
  });

  it("does not begin while nothing is live", () => {
    sender.setGate({ open: false, starting: false, pushToTalk: true });
    sender.press();
    expect(log).toEqual([]);
  });

  it("holds back while the kernel is busy, and ends the press after the sound", () => {
    sender.setGate({ open: true, starting: false, pushToTalk: true });
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

  it("makes 25 bars a second", () => {
    speak(1000);
    expect(levels.length).toBe(25);
    expect(new Set(levels)).toEqual(new Set([0.5]));
  });

  it("keeps what is said while the session starts, and sends it in order with the rest", () => {
    sender.setGate({ open: false, starting: true, pushToTalk: false });
    speak(4000);
    expect(log).toEqual([]);
    sender.setGate({ open: true, starting: true, pushToTalk: false });
    speak(1000);
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    speak(400);
    expect(sent[0]).toMatchObject({ first: 0, captured: 1000 });
    expect(sent.map(({ first }) => first)).toEqual(sent.map((_, index) => index * 640));
    expect(sent.length).toBe(135);
  });

  it("keeps no more than ten seconds of it, and nothing for push-to-talk but its preroll", () => {
    sender.setGate({ open: false, starting: true, pushToTalk: false });
    speak(30_000);
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    speak(40);
    expect(now - sent[0]!.captured).toBeGreaterThan(9_900);
    expect(now - sent[0]!.captured).toBeLessThan(10_200);
    sender.setGate({ open: false, starting: false, pushToTalk: true });
    sender.setGate({ open: false, starting: true, pushToTalk: true });
    speak(3000);
    const before = sent.length;
    sender.setGate({ open: true, starting: false, pushToTalk: true });
    expect(sent.length).toBe(before);
  });

  it.each<[string, () => void]>([
    ["the session ends", () => sender.setGate({ open: false, starting: false, pushToTalk: true })],
    [
      "the way of taking turns changes",
      () => sender.setGate({ open: true, starting: false, pushToTalk: false }),
    ],
    ["the microphone is given back", () => sender.reset()],
  ])("tells the kernel that a press ends when %s", (_how, happen) => {
    sender.setGate({ open: true, starting: false, pushToTalk: true });
    sender.press();
    speak(100);
    happen();
    sender.release();
    expect(log.filter((entry) => entry !== "audio")).toEqual(["start", "end"]);
    expect(sender.pressed).toBe(false);
  });

  describe("with a socket of the page's own", () => {
    const gate = { open: true, starting: false, pushToTalk: false, direct: true };

    it("hands over each chunk at once, and the kernel gets none", () => {
      sender.setGate(gate);
      speak(100);
      expect([direct, log]).toEqual([[320, 320, 320, 320, 320], []]);
    });

    it("lets the kernel hear it as well while its explorer shows it, and waits for no kernel", () => {
      sender.setGate({ ...gate, monitored: true });
      speak(2000);
      expect([direct.length, sent.length]).toEqual([100, 50]);
      sender.heartbeat(0, false);
      now += 2000;
      sender.heartbeat(0, false);
      speak(100);
      expect(log).not.toContain("busy");
      expect(direct.length).toBe(105);
      const before = sent.length;
      sender.setGate(gate);
      sender.changeWay("socket");
      expect(sent.length).toBe(before);
    });

    it("says that a press begins and ends, in order, with what came before it", () => {
      sender.setGate({ ...gate, pushToTalk: true });
      speak(1000);
      sender.press();
      expect([log, direct.length]).toEqual([["start"], 11]);
      speak(40);
      sender.release();
      expect([log, direct.length]).toEqual([["start", "end"], 13]);
    });
  });

  it("ends a press although the kernel is busy when the microphone is given back", () => {
    sender.setGate({ open: true, starting: false, pushToTalk: true });
    sender.press();
    speak(1500);
    sender.heartbeat(0, false);
    sender.reset();
    expect(log.filter((entry) => entry !== "audio")).toEqual(["start", "busy", "end", "free"]);
  });

  it("knows how old sound is after the microphone stood still", () => {
    sender.setGate({ open: true, starting: false, pushToTalk: false });
    speak(1000);
    now += 4000;
    sender.restartClock();
    speak(40);
    expect(now - sent.at(-1)!.captured).toBeLessThan(100);
  });
});
