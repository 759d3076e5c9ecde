import { describe, expect, it } from "vitest";
import {
  type MicrophoneProbe,
  MicrophoneWatch,
  type PlayerProbe,
  PlayerWatch,
  SilenceDetector,
} from "../../src/audio/sound-watch.ts";

const ON: MicrophoneProbe = { context: "running", muted: false, ended: false };

/** A microphone that gives a chunk each 20 ms, and is looked at each 250 ms. */
class Talk {
  readonly watch = new MicrophoneWatch();
  now = 100_000;
  probe: MicrophoneProbe | null = ON;
  /** Peak of its chunks; null where none come. */
  peak: number | null = 0.5;
  faults: (string | null)[] = [];

  run(ms: number): string | null {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 20;
      if (this.peak !== null) {
        this.watch.onChunk(this.peak, 20, this.now);
      }
      if (this.now % 250 < 20) {
        this.look();
      }
    }
    return this.look();
  }

  look(): string | null {
    const fault = this.watch.check(this.probe, this.now);
    if (fault !== this.faults.at(-1)) {
      this.faults.push(fault);
    }
    return fault;
  }
}

describe("MicrophoneWatch: every way in which no sound arrives", () => {
  it.each<[string, (talk: Talk) => void, string]>([
    [
      "suspended",
      (talk) => Object.assign(talk, { probe: { ...ON, context: "suspended" }, peak: null }),
      "suspended",
    ],
    [
      "interrupted by the system",
      (talk) => Object.assign(talk, { probe: { ...ON, context: "interrupted" }, peak: null }),
      "interrupted",
    ],
    [
      "muted outside the page",
      (talk) => Object.assign(talk, { probe: { ...ON, muted: true }, peak: 0 }),
      "muted",
    ],
    [
      "muted, and nothing comes",
      (talk) => Object.assign(talk, { probe: { ...ON, muted: true }, peak: null }),
      "muted",
    ],
    [
      "ended without a word",
      (talk) => Object.assign(talk, { probe: { ...ON, ended: true }, peak: 0 }),
      "stopped",
    ],
    [
      "closed by something else",
      (talk) => Object.assign(talk, { probe: { ...ON, context: "closed" }, peak: null }),
      "stopped",
    ],
    ["running without chunks", (talk) => Object.assign(talk, { peak: null }), "stopped"],
  ])("%s: told within three seconds, and taken back at once", (_how, happen, fault) => {
    const talk = new Talk();
    expect(talk.run(5000)).toBeNull();
    happen(talk);
    expect(talk.run(3000)).toBe(fault);
    Object.assign(talk, { probe: ON, peak: 0.5 });
    talk.run(300);
    expect(talk.faults).toEqual([null, fault, null]);
  });

  it("tells of zeros after sound within six seconds, and of a microphone that never gave any", () => {
    for (const before of [3000, 0]) {
      const talk = new Talk();
      talk.run(before);
      talk.peak = 0;
      expect(talk.run(6000)).toBe("silent");
      talk.peak = 0.1;
      expect(talk.run(40)).toBeNull();
    }
  });

  it("says nothing of a microphone that is off or muted here, and begins anew with it", () => {
    const talk = new Talk();
    talk.run(1000);
    Object.assign(talk, { probe: null, peak: null });
    talk.run(60_000);
    talk.probe = ON;
    talk.run(1500);
    talk.peak = 0.5;
    talk.run(1000);
    expect(talk.faults).toEqual([null]);
  });

  it("lets a context start and a device change: what lasts less than a second is no fault", () => {
    const talk = new Talk();
    Object.assign(talk, { probe: { ...ON, context: "suspended" }, peak: null });
    talk.run(800);
    Object.assign(talk, { probe: { ...ON, muted: true } });
    talk.run(800);
    Object.assign(talk, { probe: ON, peak: 0.5 });
    talk.run(5000);
    expect(talk.faults).toEqual([null]);
  });

  it("gives a microphone that was just turned on four seconds to start", () => {
    for (const [probe, fault] of [
      [{ ...ON, context: "suspended" }, "suspended"],
      [ON, "stopped"],
    ] as const) {
      const talk = new Talk();
      Object.assign(talk, { probe, peak: null });
      expect(talk.run(3900)).toBeNull();
      expect(talk.run(500)).toBe(fault);
    }
  });

  it("does not take a page that slept for a microphone that stopped", () => {
    const talk = new Talk();
    talk.run(1000);
    talk.now += 60_000;
    talk.look();
    talk.run(1000);
    expect(talk.faults).toEqual([null]);
  });

  it("goes from one fault to the next without a moment of none", () => {
    const talk = new Talk();
    talk.run(1000);
    Object.assign(talk, { probe: { ...ON, context: "suspended" }, peak: null });
    talk.run(2000);
    talk.probe = { ...ON, context: "interrupted" };
    talk.run(2000);
    expect(talk.faults).toEqual([null, "suspended", "interrupted"]);
  });
});

const PLAYS: PlayerProbe = { context: "running", needsGesture: false, waiting: false, position: "0 0" };

/** The faults of a player in that state for `ms`, looked at each 250 ms. */
function watched(steps: [ms: number, probe: Partial<PlayerProbe> | null][]): (string | null)[] {
  const watch = new PlayerWatch();
  const faults: (string | null)[] = [];
  let now = 0;
  for (const [ms, probe] of steps) {
    for (const end = now + ms; now < end; now += 250) {
      const fault = watch.check(probe && { ...PLAYS, ...probe }, now);
      if (fault !== faults.at(-1)) {
        faults.push(fault);
      }
    }
  }
  return faults;
}

describe("PlayerWatch: every way in which the voice is not heard", () => {
  it.each<[string, Partial<PlayerProbe>, string]>([
    ["before the first click", { context: "suspended", needsGesture: true, waiting: true }, "blocked"],
    ["a context that does not start", { context: "suspended", waiting: true }, "suspended"],
    ["interrupted from the beginning", { context: "interrupted" }, "interrupted"],
  ])("%s", (_how, probe, fault) => {
    expect(
      watched([
        [6000, probe],
        [1000, {}],
      ]),
    ).toEqual([null, fault, null]);
  });

  it.each(["suspended", "interrupted"])("%s amid an answer, or while nobody speaks", (context) => {
    for (const waiting of [true, false]) {
      expect(
        watched([
          [1000, { waiting: false }],
          [2000, { context, waiting, needsGesture: true }],
          [500, {}],
        ]),
      ).toEqual([null, context, null]);
    }
  });

  it("audio waits and none of it is played", () => {
    expect(
      watched([
        [1000, {}],
        [6000, { waiting: true }],
        [500, { waiting: true, position: "1 480" }],
      ]),
    ).toEqual([null, "stalled", null]);
  });

  it("says nothing of one that plays, rests, or is closed", () => {
    const playing = Array.from({ length: 40 }, (_, n): [number, Partial<PlayerProbe>] => [
      250,
      { waiting: true, position: `1 ${n}` },
    ]);
    expect(
      watched([[9000, {}], ...playing, [9000, {}], [9000, null], [700, { context: "suspended" }], [500, {}]]),
    ).toEqual([null]);
  });
});

describe("SilenceDetector", () => {
  it("tells of five seconds below -70 dBFS, and of sound at once", () => {
    const watch = new SilenceDetector();
    let silentAt = 0;
    for (let ms = 20; ms <= 6000 && silentAt === 0; ms += 20) {
      silentAt = watch.observe(0.0003, 20) ? ms : 0;
    }
    expect(silentAt).toBe(5000);
    expect(watch.observe(0.001, 20)).toBe(false);
    expect(watch.observe(0, 20)).toBe(false);
  });

  it("bears longer pauses of a microphone that has been heard, and begins anew when told", () => {
    const watch = new SilenceDetector();
    watch.observe(0.5, 20);
    expect(watch.observe(0.0001, 19_900)).toBe(false);
    expect(watch.observe(0.0001, 100)).toBe(true);
    watch.reset();
    expect(watch.observe(0, 4900)).toBe(false);
    expect(watch.observe(0, 100)).toBe(true);
  });

  it("takes exact zeros for a switch, but not those of a noise gate", () => {
    const watch = new SilenceDetector();
    watch.observe(0.5, 20);
    expect(watch.observe(0, 4900)).toBe(false);
    expect(watch.observe(0, 100)).toBe(true);
    const gate = new SilenceDetector();
    for (const peak of [0.5, 0, 0.5]) {
      gate.observe(peak, 400);
    }
    expect(gate.observe(0, 19_900)).toBe(false);
    expect(gate.observe(0, 100)).toBe(true);
  });

  it("waits longer each time when zeros ended by themselves after all", () => {
    const watch = new SilenceDetector();
    const limits = Array.from({ length: 4 }, () => {
      watch.observe(0.5, 20);
      let ms = 20;
      while (!watch.observe(0, 20)) {
        ms += 20;
      }
      return ms;
    });
    expect(limits).toEqual([5000, 10_000, 20_000, 20_000]);
  });

  it("is not alarmed by a quiet room", () => {
    const watch = new SilenceDetector();
    for (let n = 0; n < 1000; n++) {
      expect(watch.observe(0.002, 20)).toBe(false);
    }
  });
});
