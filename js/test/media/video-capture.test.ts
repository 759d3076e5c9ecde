import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CELLS, type FrameCanvas } from "../../src/media/frames.ts";
import {
  cameraProblem,
  screenProblem,
  VideoCapture,
  type VideoCaptureHandlers,
} from "../../src/media/video-capture.ts";
import { Scope } from "../../src/scope.ts";
import { type FakeDevices, FakeTrack, installFakes, settle } from "./fakes.ts";

let devices: FakeDevices;
let scope: Scope;
let states: string[];
let codes: string[];
let listed: string[];
let frames: string[];
let capture: VideoCapture;

let level = 0;
const canvas: FrameCanvas = {
  draw: () => ({ width: 64, height: 48 }),
  cells: () => {
    level += 50;
    return new Uint8Array(CELLS * CELLS).fill(level % 256);
  },
  jpeg: async () => new ArrayBuffer(8),
};

const handlers: VideoCaptureHandlers = {
  onState: (source, state) => states.push(`${source} ${state}`),
  onDevices: (found, picked) => {
    listed = [...found.map(({ label }) => label), `picked ${picked}`];
  },
  onProblem: ({ notice }) => codes.push(notice.code),
  isWanted: () => true,
  onFrame: (source) => frames.push(source),
  onUnchanged: () => {},
};

beforeEach(() => {
  vi.useFakeTimers();
  devices = installFakes();
  scope = new Scope();
  states = [];
  codes = [];
  listed = [];
  frames = [];
  capture = new VideoCapture(
    scope,
    handlers,
    () => performance.now(),
    () => canvas,
  );
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const tracks = () => FakeTrack.made.map(({ readyState }) => readyState);
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

describe("VideoCapture", () => {
  it("asks for nothing until it is started", async () => {
    await seconds(5);
    expect(devices.asked).toEqual([]);
  });

  it("takes the camera, a frame a second, and gives it back", async () => {
    await capture.start("camera");
    expect(devices.asked[0]!.video).toMatchObject({ width: { ideal: 1280 } });
    expect(devices.asked[0]!.audio).toBeUndefined();
    await seconds(2.3);
    capture.stop();
    expect(frames).toEqual(["camera", "camera", "camera"]);
    expect(states).toEqual(["camera asking", "camera on", "camera off"]);
    expect(tracks()).toEqual(["ended"]);
    expect(listed).toEqual(["Webcam", "picked "]);
    await seconds(3);
    expect(frames.length).toBe(3);
  });

  it("shows one thing at a time", async () => {
    await capture.start("camera");
    await capture.start("screen");
    expect(tracks()).toEqual(["ended", "live"]);
    expect(devices.asked[1]!.audio).toBe(false);
    expect(states.slice(2)).toEqual(["camera off", "screen asking", "screen on"]);
    expect(capture.source).toBe("screen");
  });

  it("gives back at once what is granted after it was stopped, or after its widget is gone", async () => {
    for (const end of [() => capture.stop(), () => scope.dispose()]) {
      let grant = () => {};
      devices.next.push(
        new Promise<void>((resolve) => {
          grant = resolve;
        }),
      );
      const started = capture.start("camera");
      end();
      grant();
      await started;
      expect(tracks().at(-1)).toBe("ended");
    }
    expect(states).not.toContain("camera on");
  });

  it.each([
    ["camera", "NotAllowedError", "camera-refused", "camera refused"],
    ["camera", "NotFoundError", "camera-missing", "camera missing"],
    ["camera", "NotReadableError", "camera-busy", "camera off"],
    ["camera", "SomethingNewError", "camera-failed", "camera off"],
    ["screen", "NotAllowedError", "screen-refused", "screen refused"],
    ["screen", "SomethingNewError", "screen-failed", "screen off"],
  ] as const)(
    "says in words that the %s failed by %s, and can be tried again",
    async (source, name, code, state) => {
      devices.next.push(name);
      await capture.start(source);
      expect([codes, states.at(-1), capture.source]).toEqual([[code], state, null]);
      await capture.start(source);
      expect(states.at(-1)).toBe(`${source} on`);
    },
  );

  it.each([
    ["camera", "camera-ended"],
    ["screen", "screen-ended"],
  ] as const)("says that the %s went away, and is off", async (source, code) => {
    await capture.start(source);
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    expect([codes, states.at(-1), capture.source]).toEqual([[code], `${source} ended`, null]);
    expect(tracks()).toEqual(["ended"]);
    await seconds(2);
    expect(frames).toEqual([]);
  });

  it("falls back to any camera where the picked one is gone, and remembers which was picked", async () => {
    capture.pick("c");
    devices.next.push("OverconstrainedError");
    await capture.start("camera");
    expect(devices.asked.map(({ video }) => (video as MediaTrackConstraints).deviceId)).toEqual([
      { exact: "c" },
      undefined,
    ]);
    expect(sessionStorage.getItem("livewidget.camera")).toBe("c");
    capture.pick("");
    await settle();
    expect(tracks()).toEqual(["ended", "live"]);
  });

  it("goes dark while it is paused", async () => {
    await capture.start("camera");
    capture.pause(true);
    await seconds(3);
    expect([frames.length, FakeTrack.made[0]!.enabled]).toEqual([0, false]);
    capture.pause(false);
    await seconds(1.3);
    expect([frames.length, FakeTrack.made[0]!.enabled]).toEqual([1, true]);
  });

  it("says what a browser without cameras and screens lacks", async () => {
    vi.stubGlobal("navigator", { mediaDevices: undefined });
    await capture.start("camera");
    await capture.start("screen");
    expect(codes).toEqual(["camera-not-secure", "screen-missing"]);
  });
});

describe("troubles", () => {
  it("name the frame that may not have a camera", () => {
    const refused = new DOMException("", "NotAllowedError");
    expect(cameraProblem(refused, () => false).notice.code).toBe("camera-blocked");
    expect(cameraProblem(refused, () => true).notice.code).toBe("camera-refused");
  });

  it("never repeat what the browser said", () => {
    const odd = new Error("<b>secret</b>");
    for (const { notice } of [
      cameraProblem(odd),
      screenProblem(odd),
      cameraProblem("x"),
      screenProblem(null),
    ]) {
      expect(notice.text).not.toContain("secret");
    }
  });
});
