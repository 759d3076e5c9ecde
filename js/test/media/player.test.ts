import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Player } from "../../src/media/player.ts";
import { Scope } from "../../src/scope.ts";
import { FakeContext, FakeWorkletNode, installFakes, settle } from "./fakes.ts";

let scope: Scope;
let heard: [turn: number, sample: number][];
let blocked: boolean[];
let player: Player;

beforeEach(() => {
  vi.useFakeTimers();
  installFakes();
  scope = new Scope();
  heard = [];
  blocked = [];
  player = new Player(scope, {
    onProgress: () => {},
    onFlushed: (turn, sample) => heard.push([turn, sample]),
    onBlocked: (now) => blocked.push(now),
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

  it("says that the browser plays nothing, and goes on after a click", async () => {
    FakeContext.state = "suspended";
    player.write(1, 0, new Int16Array(5));
    vi.advanceTimersByTime(800);
    expect(blocked).toEqual([true]);
    document.dispatchEvent(new Event("pointerdown"));
    await settle();
    expect(FakeContext.made[0]!.state).toBe("running");
    expect(blocked).toEqual([true, false]);
  });

  it("shows its last node to a browser test that listens in", async () => {
    const onPlayer = vi.fn();
    vi.stubGlobal("__livewidgetTap", { onPlayer });
    player.unlock();
    await settle();
    expect(onPlayer).toHaveBeenCalledOnce();
  });
});
