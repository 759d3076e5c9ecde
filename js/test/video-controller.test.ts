// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ControlMessage } from "../src/bridge.ts";
import { CELLS, type FrameCanvas } from "../src/media/frames.ts";
import type { CameraFrame, Picture } from "../src/messages.gen.ts";
import { Notices } from "../src/notices.ts";
import { Scope } from "../src/scope.ts";
import { createStore, type Store } from "../src/state.ts";
import { VideoController } from "../src/video-controller.ts";
import { FakeTrack, installFakes } from "./media/fakes.ts";

let scope: Scope;
let store: Store;
let video: VideoController;
let may: boolean;
let begun: number;
let sent: { body: CameraFrame; bytes: number[] }[];
let told: string[];
let urls: string[];
let revoked: string[];

let level = 0;
let moves = true;
const canvas: FrameCanvas = {
  draw: () => ({ width: 64, height: 48 }),
  cells: () => {
    level += moves ? 50 : 0;
    return new Uint8Array(CELLS * CELLS).fill(level % 256);
  },
  jpeg: async () => new Uint8Array([level % 256]).buffer,
};

const bridge = {
  send: (message: ControlMessage) => {
    if (message.kind === "camera") {
      told.push(`${message.body.source} ${message.body.state}`);
    }
    return told.length;
  },
  numberPicture: () => 100 + direct.length,
  sendFrame: (body: CameraFrame, data: ArrayBuffer) => sent.push({ body, bytes: [...new Uint8Array(data)] }),
};

/** A page's own socket to the service. */
const service = {
  takesFrames: true,
  sendPicture: ({ data, number, ...place }: { data: ArrayBuffer; number: number; source: string }) =>
    service.takesFrames && direct.push({ number, place, bytes: [...new Uint8Array(data)] }) > 0,
};
let direct: { number: number; place: object; bytes: number[] }[];

function answer(number: number, change: Partial<Picture> = {}, buffers: ArrayBuffer[] = []): void {
  const place = { mime_type: "image/jpeg", width: 64, height: 48, tokens: 258 };
  video.onPicture({ source: "camera", number, ...place, sent: true, reason: "first", ...change }, buffers);
}

beforeEach(() => {
  vi.useFakeTimers();
  const page = document;
  installFakes();
  vi.stubGlobal("document", page);
  scope = new Scope();
  store = createStore({ sees: true, phase: "live", owner: true });
  may = true;
  moves = true;
  begun = 0;
  sent = [];
  told = [];
  direct = [];
  service.takesFrames = true;
  urls = [];
  revoked = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${urls.push("")}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => {
    revoked.push(url);
  });
  const read = async (file: Blob) =>
    file.type === "image/png"
      ? { data: new Uint8Array([7]).buffer, width: 3, height: 2, captured_ms: 1 }
      : null;
  const begin = () => {
    begun += 1;
    return may;
  };
  video = new VideoController(
    scope,
    store,
    new Notices(store),
    bridge,
    service,
    () => performance.now(),
    begin,
    {
      makeCanvas: () => canvas,
      readImage: read,
    },
  );
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);
const now = () => store.get().video;
const notices = () => store.get().notices.map(({ code }) => code);

async function on(source: "camera" | "screen" = "camera"): Promise<void> {
  video.toggle(source);
  await seconds(0.3);
}

describe("VideoController", () => {
  it("begins a talk for the camera and sends a frame, and the preview is what was sent", async () => {
    await on();
    expect([begun, now().source, now().state, now().progress]).toEqual([1, "camera", "on", "sending"]);
    expect(sent[0]!.body).toMatchObject({ source: "camera", mime_type: "image/jpeg", width: 64, height: 48 });
    expect(now().preview).toBeNull();
    answer(1);
    expect(now().preview).toEqual({
      source: "camera",
      url: "blob:1",
      width: 64,
      height: 48,
      bytes: 1,
      tokens: 258,
    });
    expect([now().progress, now().sent]).toEqual(["sent", 1]);
    const blob = vi.mocked(URL.createObjectURL).mock.calls[0]![0] as Blob;
    expect([...new Uint8Array(await blob.arrayBuffer())]).toEqual(sent[0]!.bytes);
  });

  it("turns off with the second press, tells the kernel, and takes the camera's preview away", async () => {
    await on();
    answer(1);
    video.toggle("camera");
    expect([now().source, now().state, now().preview]).toEqual([null, "off", null]);
    expect(told).toEqual(["camera asking", "camera on", "camera off"]);
    expect(FakeTrack.made[0]!.readyState).toBe("ended");
    expect(revoked).toEqual(["blob:1"]);
  });

  it("asks for no camera where another page has the talk", async () => {
    may = false;
    await on();
    expect([FakeTrack.made, now().source]).toEqual([[], null]);
  });

  it("waits with the next frame until the kernel has spoken, but not for ever", async () => {
    await on();
    await seconds(3);
    expect([sent.length, now().progress]).toEqual([1, "waiting"]);
    answer(1);
    await seconds(0.5);
    expect(sent.length).toBe(2);
    await seconds(6);
    expect(sent.length).toBe(3);
  });

  it("sends nothing while the talk is not live, or another page's", async () => {
    store.set({ phase: "connecting" });
    await on();
    await seconds(2);
    store.set({ phase: "live", owner: false });
    await seconds(2);
    expect(sent).toEqual([]);
    store.set({ owner: true });
    await seconds(0.3);
    expect(sent.length).toBe(1);
  });

  it("keeps the preview of what was sent while nothing new is to be seen, whoever finds that out", async () => {
    await on();
    answer(1);
    moves = false;
    await seconds(1.3);
    expect([sent.length, now().progress, now().preview?.url]).toEqual([1, "unchanged", "blob:1"]);
    moves = true;
    await seconds(1);
    answer(2, { sent: false, reason: "unchanged", tokens: 0 });
    expect([sent.length, now().progress, now().preview?.url, now().sent]).toEqual([
      2,
      "unchanged",
      "blob:1",
      1,
    ]);
  });

  it("shows what Python shows, by the bytes that come beside it", () => {
    answer(0, { source: "python", width: 9 }, [new Uint8Array([1, 2, 3]).buffer]);
    expect(now().preview).toMatchObject({ source: "python", bytes: 3, width: 9 });
    video.dismiss();
    expect([now().preview, revoked]).toEqual([null, ["blob:1"]]);
  });

  it("sends a file that is a picture, and says what is none", async () => {
    video.sendFile(new Blob(["x"], { type: "image/png" }));
    await seconds(0.1);
    expect(sent).toEqual([
      { body: { source: "file", mime_type: "image/jpeg", width: 3, height: 2, captured_ms: 1 }, bytes: [7] },
    ]);
    expect(now().progress).toBe("sending");
    answer(1, { source: "file", reason: "shown" });
    expect([now().progress, now().preview?.source]).toEqual(["sent", "file"]);
    video.sendFile(new Blob(["x"], { type: "text/html" }));
    await seconds(0.1);
    expect(notices()).toEqual(["no-picture"]);
    answer(2, { source: "file", sent: false, reason: "full" });
    expect(notices()).toEqual(["no-picture", "too-many-pictures"]);
  });

  it("says that the camera went away, and is off", async () => {
    await on();
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    expect([now().source, notices(), told.at(-1)]).toEqual([null, ["camera-ended"], "camera ended"]);
    await on();
    expect([now().source, notices()]).toEqual(["camera", []]);
  });

  it("does not film on while nobody sees the page, but goes on with a screen", async () => {
    const hidden = vi.spyOn(document, "hidden", "get");
    const turn = (away: boolean) => {
      hidden.mockReturnValue(away);
      document.dispatchEvent(new Event("visibilitychange"));
    };
    await on();
    answer(1);
    turn(true);
    await seconds(3);
    expect([sent.length, now().state, FakeTrack.made[0]!.enabled]).toEqual([1, "hidden", false]);
    turn(false);
    await seconds(1.3);
    expect([sent.length, now().state, FakeTrack.made[0]!.enabled]).toEqual([2, "on", true]);
    await on("screen");
    answer(2);
    answer(3);
    turn(true);
    await seconds(1.3);
    expect([sent.length, now().state]).toEqual([4, "on"]);
  });

  it("forgets nothing it must end: streams, urls, timers", async () => {
    await on();
    answer(1);
    scope.dispose();
    expect([FakeTrack.made[0]!.readyState, revoked]).toEqual(["ended", ["blob:1"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe("with a socket of the page's own to the service", () => {
    beforeEach(() => store.set({ direct: true }));

    it("sends frames there, once a second, and none to the kernel", async () => {
      video.toggle("camera");
      await seconds(3);
      expect(sent).toEqual([]);
      expect(direct.length).toBeGreaterThanOrEqual(2);
      expect(direct[0]!.place).toEqual({ source: "camera", mime_type: "image/jpeg", width: 64, height: 48 });
      answer(direct[0]!.number);
      expect([now().sent, now().progress]).toEqual([1, "sent"]);
    });

    it("takes no frame that would have to wait", async () => {
      service.takesFrames = false;
      video.toggle("camera");
      await seconds(3);
      expect([sent, direct]).toEqual([[], []]);
    });

    it("says that a file is one too many", async () => {
      service.takesFrames = false;
      video.sendFile(new Blob([], { type: "image/png" }));
      await seconds(1);
      expect(notices()).toEqual(["too-many-pictures"]);
      service.takesFrames = true;
      video.sendFile(new Blob([], { type: "image/png" }));
      await seconds(1);
      expect(direct).toMatchObject([{ place: { source: "file", width: 3, height: 2 }, bytes: [7] }]);
    });
  });
});
