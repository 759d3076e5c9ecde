import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Player } from "../../src/media/player.ts";
import { Scope } from "../../src/scope.ts";
import { FakeContext, FakeWorkletNode, installFakes, settle } from "./fakes.ts";

let scope: Scope;
let heard: [turn: number, sample: number][];
let changes: number;
let player: Player;

beforeEach(() => {
  vi.useFakeTimers();
  installFakes();
  scope = new Scope();
  heard = [];
  changes = 0;
  player = new Player(scope, {
    onProgress: () => {},
    onFlushed: (turn, sample) => heard.push([turn, sample]),
    onChange: () => {
      changes += 1;
    },
  });
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const port = () => FakeWorkletNode.made.at(-1)!.port;
const kinds = () => port().sent.map(({ kind }) => kind);
const report = (turn: number, sample: number, silent = 0) =>
  port().say({ kind: "report", epoch: 0, turn, sample, buffered: 2400, silent, peak: 0.5 });

describe("Player", () => {
  it("opens nothing until there is a voice or a click", () => {
    player.flush(1, null);
    player.end(3);
    expect(FakeContext.made).toEqual([]);
  });

  it("asks for the voice's own rate and takes the device's where that is refused", () => {
    player.unlock();
    expect(FakeContext.made[0]!.sampleRate).toBe(24_000);
    player.close();
    FakeContext.refusesRate = true;
    player.unlock();
    expect(FakeContext.made[1]!.sampleRate).toBe(48_000);
  });

  it("loses nothing that comes while the worklet loads", async () => {
    player.write(1, 0, new Int16Array(5));
    player.write(1, 5, new Int16Array(5));
    player.end(1);
    await settle();
    expect(kinds()).toEqual(["audio", "audio", "end"]);
    report(1, 4);
    expect(player.progress).toEqual({ turn: 1, sample: 4, bufferedMs: 100, silentSamples: 0 });
  });

  it("flushes at once and answers with the last sample that the worklet heard", async () => {
    player.write(3, 0, new Int16Array(5));
    await settle();
    player.flush(1, 3);
    expect(port().sent.at(-1)).toEqual({ kind: "flush", epoch: 1 });
    expect(heard).toEqual([]);
    port().say({ kind: "flushed", epoch: 1, turn: 3, sample: 4321 });
    expect(heard).toEqual([[3, 4321]]);
    player.flush(1, 3);
    expect(heard).toEqual([
      [3, 4321],
      [3, 4321],
    ]);
    expect(kinds().filter((kind) => kind === "flush").length).toBe(1);
  });

  it("answers by the last report when the audio thread is asleep, and 0 for what never sounded", async () => {
    player.write(3, 0, new Int16Array(5));
    await settle();
    report(3, 777);
    player.flush(1, 3);
    player.flush(2, 4);
    vi.advanceTimersByTime(200);
    expect(heard).toEqual([
      [3, 777],
      [4, 0],
    ]);
  });

  it("drops what waits for the worklet when flushed", async () => {
    player.write(3, 0, new Int16Array(5));
    player.flush(1, 3);
    expect(heard).toEqual([[3, 0]]);
    await settle();
    expect(kinds()).toEqual([]);
  });

  it("hushes the turn that is here and all that still comes of it, but not the next", async () => {
    player.write(3, 0, new Int16Array(5));
    await settle();
    player.stopNow();
    player.write(3, 5, new Int16Array(5));
    player.write(4, 0, new Int16Array(5));
    expect(kinds()).toEqual(["audio", "flush", "audio"]);
  });

  it("hushes up to a turn, unless a newer one is here, and answers in any case", async () => {
    player.write(3, 0, new Int16Array(5));
    player.write(4, 0, new Int16Array(5));
    await settle();
    report(3, 40);
    player.hush(3);
    player.cut(3);
    expect([kinds(), heard]).toEqual([["audio", "audio"], [[3, 40]]]);
    player.write(4, 5, new Int16Array(5));
    player.cut(4);
    player.write(4, 10, new Int16Array(5));
    expect(kinds()).toEqual(["audio", "audio", "audio", "flush"]);
    port().say({ kind: "flushed", epoch: 0, turn: 4, sample: 7 });
    expect(heard.at(-1)).toEqual([4, 7]);
  });

  it("begins to count anew", async () => {
    player.write(30, 0, new Int16Array(5));
    await settle();
    report(30, 5);
    player.stopNow();
    player.restart();
    player.write(1, 0, new Int16Array(5));
    expect(kinds()).toEqual(["audio", "flush", "flush", "audio"]);
    player.cut(1);
    port().say({ kind: "flushed", epoch: 0, turn: 0, sample: 0 });
    expect(heard).toEqual([[1, 0]]);
  });

  it("frees the device, keeps its counts and begins anew", async () => {
    player.write(1, 0, new Int16Array(5));
    await settle();
    report(1, 5, 480);
    player.close();
    expect(FakeContext.made[0]!.state).toBe("closed");
    expect(player.progress).toMatchObject({ bufferedMs: 0, silentSamples: 480 });
    player.write(2, 0, new Int16Array(5));
    await settle();
    report(2, 5, 20);
    expect(player.progress.silentSamples).toBe(500);
    scope.dispose();
    expect(FakeContext.made.map(({ state }) => state)).toEqual(["closed", "closed"]);
  });

  it("tells what can be found out of it, and runs again when it is resumed", async () => {
    expect(player.probe).toBeNull();
    FakeContext.state = "suspended";
    player.write(1, 0, new Int16Array(5));
    expect(player.probe).toEqual({
      context: "suspended",
      needsGesture: false,
      waiting: true,
      position: "0 0",
    });
    vi.stubGlobal("navigator", { userActivation: { hasBeenActive: false } });
    expect(player.probe?.needsGesture).toBe(true);
    await settle();
    const before = changes;
    player.resume();
    await settle();
    expect([player.probe?.context, changes]).toEqual(["running", before + 1]);
    report(1, 5);
    expect(player.probe).toMatchObject({ waiting: true, position: "1 5" });
  });

  it.each<[string, string, () => void]>([
    [
      "a page whose address is not secure",
      "not-secure",
      () => {
        vi.stubGlobal("AudioWorkletNode", undefined);
        vi.stubGlobal("isSecureContext", false);
      },
    ],
    [
      "the same in Chromium, which has the class all the same",
      "not-secure",
      () => {
        vi.stubGlobal("BaseAudioContext", class {});
        vi.stubGlobal("isSecureContext", false);
      },
    ],
    ["a browser without worklets", "missing", () => vi.stubGlobal("AudioWorkletNode", undefined)],
    ["a browser without audio", "missing", () => vi.stubGlobal("AudioContext", undefined)],
    [
      "a page whose rules forbid the worklet",
      "missing",
      () => {
        const addModule = vi.fn(async () => Promise.reject(new DOMException("", "AbortError")));
        vi.stubGlobal(
          "AudioContext",
          class extends FakeContext {
            override readonly audioWorklet = { addModule };
          },
        );
      },
    ],
    [
      "a browser that gives no context",
      "missing",
      () =>
        vi.stubGlobal("AudioContext", function refuse() {
          throw new DOMException("", "NotSupportedError");
        }),
    ],
  ])("has no player in %s: says so, keeps nothing, and throws nothing", async (_where, why, arrange) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    arrange();
    player.unlock();
    await settle();
    player.write(1, 0, new Int16Array(5));
    player.end(1);
    player.flush(1, 1);
    await settle();
    expect(player.missing).toBe(why);
    expect(player.probe).toBeNull();
    expect(heard).toEqual([[1, 0]]);
    expect(FakeContext.made.every(({ state }) => state === "closed")).toBe(true);
    vi.restoreAllMocks();
  });

  it("opens another context where something else closed its own", async () => {
    player.unlock();
    await settle();
    FakeContext.made[0]!.state = "closed";
    player.resume();
    expect(player.probe).toBeNull();
    player.write(1, 0, new Int16Array(5));
    expect(player.probe?.context).toBe("running");
    FakeContext.made[1]!.state = "closed";
    player.unlock();
    expect(player.probe?.context).toBe("running");
    expect(FakeContext.made.length).toBe(3);
  });

  it("tries again with the next click where the worklet did not load once", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    let loads = 0;
    vi.stubGlobal(
      "AudioContext",
      class extends FakeContext {
        override readonly audioWorklet = {
          addModule: vi.fn(async () => {
            loads += 1;
            if (loads === 1) {
              throw new DOMException("", "AbortError");
            }
          }),
        };
      },
    );
    player.unlock();
    await settle();
    expect(player.missing).toBe("missing");
    player.unlock();
    await settle();
    expect([player.missing, player.probe?.context]).toEqual([null, "running"]);
    vi.restoreAllMocks();
  });

  it("shows its last node to a browser test that listens in", async () => {
    const onPlayer = vi.fn();
    vi.stubGlobal("__livewidgetTap", { onPlayer });
    player.unlock();
    await settle();
    expect(onPlayer).toHaveBeenCalledOnce();
  });
});
