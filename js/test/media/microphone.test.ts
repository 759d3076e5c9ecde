import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MicrophoneProbe } from "../../src/audio/sound-watch.ts";
import {
  Microphone,
  type MicrophoneHandlers,
  microphoneProblem,
  shareMicrophone,
} from "../../src/media/microphone.ts";
import { Scope } from "../../src/scope.ts";
import { FakeContext, type FakeDevices, FakeTrack, FakeWorkletNode, installFakes, settle } from "./fakes.ts";

let devices: FakeDevices;
let scope: Scope;
let states: string[];
let codes: string[];
let texts: string[];
let chunks: [first: number, length: number][];
let listed: string[];
let probes: (MicrophoneProbe | null)[];
let microphone: Microphone;

const handlers: MicrophoneHandlers = {
  onChunk: (samples, first) => chunks.push([first, samples.length]),
  onChange: () => probes.push(microphone.probe),
  onState: (state) => states.push(state),
  onDevices: (found, picked) => {
    listed = [...found.map(({ label }) => label), `picked ${picked}`];
  },
  onProblem: ({ notice }) => {
    codes.push(notice.code);
    texts.push(notice.text);
  },
};

beforeEach(() => {
  vi.useFakeTimers();
  devices = installFakes();
  scope = new Scope();
  states = [];
  codes = [];
  texts = [];
  chunks = [];
  listed = [];
  probes = [];
  microphone = new Microphone(scope, handlers);
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const tracks = () => FakeTrack.made.map(({ readyState }) => readyState);

describe("Microphone", () => {
  it("asks for nothing until it is started", async () => {
    await settle();
    expect(devices.asked).toEqual([]);
    expect(FakeContext.made).toEqual([]);
  });

  it("takes the microphone with echo cancellation at the device's rate, and gives all back", async () => {
    await microphone.start();
    expect(devices.asked[0]!.audio).toEqual({
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
      channelCount: 1,
    });
    expect(states).toEqual(["asking", "on"]);
    expect(listed).toEqual(["Headset", "Webcam", "picked "]);
    FakeWorkletNode.made[0]!.port.say({ kind: "audio", first: 0, samples: new Int16Array(320) });
    expect(chunks).toEqual([[0, 320]]);
    microphone.stop();
    expect(tracks()).toEqual(["ended"]);
    expect(FakeContext.made.map(({ state }) => state)).toEqual(["closed"]);
    expect(FakeWorkletNode.made[0]!.port.sent).toEqual([{ kind: "close" }]);
    expect(states).toEqual(["asking", "on", "off"]);
    FakeWorkletNode.made[0]!.port.say({ kind: "audio", first: 320, samples: new Int16Array(320) });
    expect(chunks.length).toBe(1);
  });

  it("goes on counting samples when it is taken again", async () => {
    await microphone.start();
    FakeWorkletNode.made[0]!.port.say({ kind: "audio", first: 0, samples: new Int16Array(320) });
    microphone.stop();
    await microphone.start();
    FakeWorkletNode.made[1]!.port.say({ kind: "audio", first: 0, samples: new Int16Array(320) });
    expect(chunks).toEqual([
      [0, 320],
      [320, 320],
    ]);
  });

  it("gives back at once what is granted after it was stopped, or after its widget is gone", async () => {
    for (const end of [() => microphone.stop(), () => scope.dispose()]) {
      let grant = () => {};
      devices.next.push(
        new Promise<void>((resolve) => {
          grant = resolve;
        }),
      );
      const started = microphone.start();
      end();
      grant();
      await started;
      expect(tracks().at(-1)).toBe("ended");
    }
    expect(states).not.toContain("on");
    expect(FakeContext.made.every(({ state }) => state === "closed")).toBe(true);
  });

  it("gives back a grant that comes while its worklet still loads", async () => {
    const loading = vi.fn(async () => microphone.stop());
    vi.stubGlobal(
      "AudioContext",
      class extends FakeContext {
        override readonly audioWorklet = { addModule: loading };
      },
    );
    await microphone.start();
    expect(loading).toHaveBeenCalledOnce();
    expect(tracks()).toEqual(["ended"]);
    expect(states).toEqual(["asking", "off"]);
  });

  it.each([
    ["NotAllowedError", "microphone-refused", "refused"],
    ["NotFoundError", "microphone-missing", "missing"],
    ["NotReadableError", "microphone-busy", "off"],
    ["SomethingNewError", "microphone-failed", "off"],
  ])("tells of %s in words, and can be tried again", async (name, code, state) => {
    devices.next.push(name);
    await microphone.start();
    expect(codes).toEqual([code]);
    expect(states).toEqual(["asking", state]);
    await microphone.start();
    expect(states.at(-1)).toBe("on");
  });

  it("tells of a page that is not secure", async () => {
    vi.stubGlobal("isSecureContext", false);
    await microphone.start();
    expect(codes).toEqual(["page-not-secure"]);
    expect(devices.asked).toEqual([]);
  });

  it("tells a policy of the frame from a refusal", () => {
    const refused = new DOMException("", "NotAllowedError");
    expect(microphoneProblem(refused, () => true).notice.code).toBe("microphone-refused");
    expect(microphoneProblem(refused, () => false).notice.code).toBe("microphone-blocked");
    expect(microphoneProblem(new DOMException("", "constructor"), () => true).notice.code).toBe(
      "microphone-failed",
    );
  });

  it("notices that the device is gone", async () => {
    await microphone.start();
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    expect(states.at(-1)).toBe("off");
    expect(codes).toEqual(["microphone-ended"]);
    expect(FakeContext.made[0]!.state).toBe("closed");
  });

  it.each<[string, string, (found: FakeDevices) => void]>([
    ["went away", "granted", () => {}],
    ["was unplugged", "granted", (found) => found.present.shift()],
    ["took back the permission", "denied", () => {}],
    ["took back the permission", "prompt", (found) => found.present.shift()],
    ["went away", "", () => {}],
  ])("names the cause of its end where it finds one: %s (%s)", async (words, permission, happen) => {
    const query = async () => {
      if (permission === "") {
        throw new TypeError("no such permission");
      }
      return { state: permission };
    };
    vi.stubGlobal("navigator", { mediaDevices: devices, permissions: { query } });
    await microphone.start();
    happen(devices);
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    expect([states.at(-1), codes]).toEqual(["off", ["microphone-ended"]]);
    await settle();
    expect(new Set(codes)).toEqual(new Set(["microphone-ended"]));
    expect(texts.at(-1)).toContain(words);
  });

  it("says nothing more of one that ended when another is on by then", async () => {
    devices.present.shift();
    await microphone.start();
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    await microphone.start();
    await settle();
    expect(codes).toEqual(["microphone-ended"]);
  });

  it("tells what can be found out of it, and makes a suspended context run again", async () => {
    expect(microphone.probe).toBeNull();
    await microphone.start();
    const [context, track] = [FakeContext.made[0]!, FakeTrack.made[0]!];
    expect(microphone.probe).toEqual({ context: "running", muted: false, ended: false });
    probes = [];
    context.state = "suspended";
    context.dispatchEvent(new Event("statechange"));
    track.muted = true;
    track.dispatchEvent(new Event("mute"));
    expect(probes).toEqual([
      { context: "suspended", muted: false, ended: false },
      { context: "suspended", muted: true, ended: false },
    ]);
    microphone.resume();
    await settle();
    expect(context.state).toBe("running");
    track.muted = false;
    // Another script of the page may stop or disable the track: no event tells of it.
    track.enabled = false;
    expect(microphone.probe).toMatchObject({ muted: true, ended: false });
    expect(microphone.muted).toBe(false);
    track.enabled = true;
    track.readyState = "ended";
    expect(microphone.probe).toMatchObject({ muted: false, ended: true });
    microphone.mute(true);
    expect(microphone.probe).toBeNull();
    microphone.stop();
    microphone.resume();
    await settle();
    expect(context.state).toBe("closed");
  });

  it("goes to one card of the page at a time, and both know it", () => {
    const taken: string[] = [];
    const cards = ["a", "b", "c"].map((name) =>
      shareMicrophone(scope, {
        name: () => name,
        giveUp: (to) => {
          taken.push(`${name} sees ${to} take it`);
          return name !== "c";
        },
      }),
    );
    expect(cards[0]!()).toEqual(["b"]);
    expect(taken).toEqual(["b sees a take it", "c sees a take it"]);
  });

  it("mutes without letting go", async () => {
    await microphone.start();
    microphone.mute(true);
    expect(FakeTrack.made[0]).toMatchObject({ enabled: false, readyState: "live" });
    microphone.mute(false);
    expect(FakeTrack.made[0]!.enabled).toBe(true);
    expect(states).toEqual(["asking", "on", "muted", "on"]);
  });

  it("uses the device that was picked, remembers it, and any other where it is gone", async () => {
    await microphone.start();
    microphone.pick("b");
    await settle();
    expect(devices.asked[1]!.audio).toMatchObject({ deviceId: { exact: "b" } });
    expect(tracks()).toEqual(["ended", "live"]);
    expect(listed.at(-1)).toBe("picked b");
    const other = new Microphone(scope.child(), handlers);
    devices.next.push("OverconstrainedError");
    await other.start();
    expect(devices.asked[2]!.audio).toMatchObject({ deviceId: { exact: "b" } });
    expect(devices.asked[3]!.audio).not.toHaveProperty("deviceId");
    expect(states.at(-1)).toBe("on");
  });

  it("brings out the tail, and does not wait for ever for it", async () => {
    const done = vi.fn();
    microphone.flush(done);
    expect(done).toHaveBeenCalledTimes(1);
    await microphone.start();
    microphone.flush(done);
    expect(done).toHaveBeenCalledTimes(1);
    FakeWorkletNode.made[0]!.port.say({ kind: "flushed" });
    expect(done).toHaveBeenCalledTimes(2);
    microphone.flush(done);
    vi.advanceTimersByTime(150);
    expect(done).toHaveBeenCalledTimes(3);
  });

  it("shows its track to a browser test that listens in", async () => {
    const onMicrophone = vi.fn();
    vi.stubGlobal("__livewidgetTap", { onMicrophone });
    await microphone.start();
    expect(onMicrophone).toHaveBeenCalledWith(FakeTrack.made[0], FakeContext.made[0]);
  });
});
