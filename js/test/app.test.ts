import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "../src/app.ts";
import type { Levels } from "../src/audio/levels.ts";
import type { Envelope } from "../src/bridge.ts";
import type { Busy, KernelMessage, PageMessage, Turn, Welcome } from "../src/messages.gen.ts";
import { LOSSES } from "../src/notices.ts";
import type { LinkState } from "../src/state.ts";
import { hint } from "../src/views/status.ts";
import { wordSync } from "../src/views/turn.ts";
import {
  FakeContext,
  type FakeDevices,
  FakeTrack,
  FakeWorkletNode,
  installFakes,
  settle,
} from "./media/fakes.ts";

const golden = JSON.parse(
  readFileSync(new URL("../../tests/fixtures/bridge.json", import.meta.url), "utf8"),
) as {
  kernel_to_page: Envelope<KernelMessage>[];
};
const welcome = golden.kernel_to_page.find(({ kind }) => kind === "welcome")!.body as Welcome;
const turn = golden.kernel_to_page.find(({ kind }) => kind === "turn")!.body;

let devices: FakeDevices;
let app: App;
let sent: Envelope<PageMessage>[];
let seq: number;
/** Of each piece of microphone audio: its first sample, and how long after that it was sent, in ms. */
let ages: [first: number, ms: number][];
let beats: NodeJS.Timeout;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance", "Date"],
  });
  devices = installFakes();
  const head: FakeStyle[] = [];
  const page = {
    head: { append: (style: FakeStyle) => head.push(style) },
    createElement: (tag: string) =>
      tag === "style"
        ? new FakeStyle(head)
        : { play: async () => {}, pause() {}, getContext: () => ({}), readyState: 0 },
  };
  vi.stubGlobal("document", Object.assign(new EventTarget(), page));
  styles = head;
  sent = [];
  seq = 0;
  spoken = 0;
  ages = [];
  app = new App((content) => {
    sent.push(structuredClone(content));
    if (content.lane === "microphone") {
      ages.push([content.body.first_sample, performance.now() - content.body.captured_ms]);
    }
  });
});

afterEach(() => {
  clearInterval(beats);
  clearInterval(chunks);
  app.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

class FakeStyle {
  textContent = "";

  constructor(readonly head: FakeStyle[]) {}

  remove(): void {
    this.head.splice(this.head.indexOf(this), 1);
  }
}
let styles: FakeStyle[];

const me = () => app.bridge.client;
const state = () => app.store.get();
const sentBodies = (kind: string) => sent.filter((message) => message.kind === kind).map(({ body }) => body);
const codes = () => state().notices.map(({ code }) => code);

function control(kind: string, body: object, epoch = 0): void {
  app.bridge.receive({ lane: "control", kind, body, epoch, seq: ++seq, ack: 0 });
}

const standing = golden.kernel_to_page.find(({ kind }) => kind === "state")!.body;
const session = (phase: string, owner = me()) =>
  control("state", { ...standing, phase, elapsed_ms: 0, owner });

/** The kernel greets the page and goes on living. */
function greet(change: Partial<Welcome> = {}): void {
  control("welcome", { ...welcome, client: me(), owner: "", ...change });
  beats = setInterval(() => {
    const acks = { [me()]: sent.filter(({ lane }) => lane === "control").at(-1)!.seq };
    control("heartbeat", { microphone_ack: 1e6, microphone_resend: false, acks, busy: "" });
  }, 500);
}

async function talk(): Promise<void> {
  greet();
  app.mount({} as HTMLElement, () => {});
  app.start();
  session("live");
  await settle();
}

const capture = () => FakeWorkletNode.made.filter(({ name }) => name === "livewidget-capture").at(-1)!;
const chunk = (first: number, value = 9000) =>
  capture().port.say({ kind: "audio", first, samples: new Int16Array(320).fill(value) });

let chunks: NodeJS.Timeout;
let spoken: number;

/** From now on the microphone gives chunks of that value, unless its context stands still. */
function speakAt(value: number): void {
  clearInterval(chunks);
  chunks = setInterval(() => {
    if (microphoneContext().state === "running") {
      chunk(spoken, value);
      spoken += 320;
    }
  }, 20);
}

const microphoneContext = () => FakeContext.made.filter(({ sampleRate }) => sampleRate !== 24_000).at(-1)!;
const playerContext = () => FakeContext.made.find(({ sampleRate }) => sampleRate === 24_000)!;

function stop(context: FakeContext, now: string): void {
  context.state = now as AudioContextState;
  context.dispatchEvent(new Event("statechange"));
}

function mute(muted: boolean): void {
  const track = FakeTrack.made.at(-1)!;
  track.muted = muted;
  track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
}

describe("App", () => {
  it("touches no device and says hello when it is made or drawn", async () => {
    greet({ phase: "live", owner: me() });
    app.mount({} as HTMLElement, () => {});
    await vi.advanceTimersByTimeAsync(3000);
    expect(devices.asked).toEqual([]);
    expect(FakeContext.made).toEqual([]);
    expect(sentBodies("hello")).toEqual([{ client: me(), last_seq: 0 }]);
    expect(sentBodies("start")).toEqual([]);
  });

  it("shows what the kernel says", () => {
    greet({ owner: me() });
    expect(state()).toMatchObject({ name: "Offline tutor", phase: "idle", owner: true, turns: [] });
    control("turn", { ...turn, index: 2 });
    control("turn", { ...turn, index: 1 });
    control("turn", { ...turn, index: 2, final: false });
    expect(state().turns.map(({ index, final }) => [index, final])).toEqual([
      [1, true],
      [2, false],
    ]);
    control("notice", { level: "error", code: "tool-failed", text: "It failed." });
    control("notice", { level: "error", code: "tool-failed", text: "It failed again." });
    expect(state().notices).toEqual([{ level: "error", code: "tool-failed", text: "It failed again." }]);
    control("clear_notice", { code: "tool-failed" });
    expect(state().notices).toEqual([]);
    session("live", "another");
    expect(state().owner).toBe(false);
  });

  it("starts on a click: session, microphone, and voice once it is live and its own", async () => {
    greet();
    app.mount({} as HTMLElement, () => {});
    app.start();
    await settle();
    expect(state().phase).toBe("connecting");
    expect(sentBodies("start")).toEqual([{ microphone: true }]);
    expect(sentBodies("microphone").map((body) => (body as { state: string }).state)).toEqual([
      "asking",
      "on",
    ]);
    chunk(0);
    chunk(320);
    expect(sentBodies("audio")).toEqual([]);
    session("live");
    chunk(640);
    chunk(960);
    expect(sentBodies("audio")).toMatchObject([
      { first_sample: 0, stale: false, gap_ms: 0 },
      { first_sample: 640, stale: false, gap_ms: 0 },
    ]);
  });

  it("sends what is said while it connects as soon as the kernel has a session for it", async () => {
    greet();
    app.mount({} as HTMLElement, () => {});
    app.start();
    await settle();
    chunk(0);
    chunk(320);
    expect(hint(state())).toBe("Connecting; you can talk already.");
    session("connecting", "");
    expect(sentBodies("audio")).toEqual([]);
    session("connecting");
    chunk(640);
    chunk(960);
    session("live");
    expect(sentBodies("audio").map((body) => (body as { first_sample: number }).first_sample)).toEqual([
      0, 640,
    ]);
    // Nothing of a talk that is over goes into the next one.
    session("ended");
    await settle();
    app.start();
    expect(state().phase).toBe("connecting");
    expect(sentBodies("audio").length).toBe(2);
  });

  it("reports four times a second while live, once a second at rest", async () => {
    greet();
    await vi.advanceTimersByTimeAsync(4000);
    const resting = sentBodies("played").length;
    session("live");
    await vi.advanceTimersByTimeAsync(4000);
    expect(resting).toBe(4);
    expect(sentBodies("played").length - resting).toBe(16);
  });

  it("gives everything back on stop", async () => {
    await talk();
    app.stop();
    expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["ended"]);
    expect(FakeContext.made.every(({ state }) => state === "closed")).toBe(true);
    expect(sent.slice(-2).map(({ kind }) => kind)).toEqual(["stop", "microphone"]);
  });

  it.each<[string, () => unknown, number]>([
    ["its last view is gone", () => view(), 0],
    ["the page is left", () => window.dispatchEvent(new Event("pagehide")), 0],
    ["its model is gone", () => app.dispose(), 0],
    ["the session ended", () => session("ended"), 0],
    ["another page has the voice", () => session("live", "another"), 0],
    ["the kernel is silent", () => clearInterval(beats), 5500],
    [
      "the connection is reported lost and nobody speaks",
      () => {
        clearInterval(beats);
        app.suspectDisconnect();
      },
      2000,
    ],
    ["the devices are gone", () => FakeTrack.made.map((track) => track.dispatchEvent(new Event("ended"))), 0],
    ["no session ever begins", () => session("idle"), 5500],
  ])("gives microphone and camera back when %s", async (_why, happen, within) => {
    greet();
    view = app.mount({} as HTMLElement, () => {});
    app.start();
    session("live");
    await settle();
    app.video.toggle("camera");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["live", "live"]);
    happen();
    await vi.advanceTimersByTimeAsync(within);
    expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["ended", "ended"]);
  });

  it("begins a talk for the camera, and makes the page the one that shows", async () => {
    greet();
    app.mount({} as HTMLElement, () => {});
    app.video.toggle("camera");
    await settle();
    expect(sentBodies("start")).toEqual([{ microphone: false }]);
    session("live", "");
    app.video.toggle("camera");
    app.video.toggle("camera");
    await settle();
    expect(sentBodies("start").length).toBe(2);
    expect(sentBodies("camera").map((body) => (body as { state: string }).state)).toEqual([
      "asking",
      "on",
      "off",
      "asking",
      "on",
    ]);
  });

  it("asks for no camera while another page talks", async () => {
    greet();
    session("live", "another");
    app.video.toggle("camera");
    await settle();
    expect([devices.asked, codes()]).toEqual([[], ["other-page"]]);
  });
  let view = () => {};

  it("ends the session when no view comes back, and not when one does", async () => {
    greet();
    const first = app.mount({} as HTMLElement, () => {});
    app.start();
    session("live");
    await settle();
    first();
    await vi.advanceTimersByTimeAsync(1000);
    const second = app.mount({} as HTMLElement, () => {});
    await vi.advanceTimersByTimeAsync(3000);
    expect(sentBodies("stop")).toEqual([]);
    second();
    await vi.advanceTimersByTimeAsync(1600);
    expect(sentBodies("stop")).toEqual([{}]);
  });

  describe("with a socket of its own to the service", () => {
    class FakeSocket extends EventTarget {
      static made: FakeSocket[] = [];
      readyState = 0;
      bufferedAmount = 0;
      sent: string[] = [];

      constructor(readonly url: string) {
        super();
        FakeSocket.made.push(this);
      }

      send(frame: string): void {
        this.sent.push(frame);
      }

      close(): void {
        this.readyState = 3;
      }

      brings(frame: object): void {
        this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
      }
    }
    let serviceSeq: number;

    beforeEach(() => {
      FakeSocket.made = [];
      serviceSeq = 0;
      vi.stubGlobal("WebSocket", FakeSocket);
      vi.stubGlobal("location", { href: "http://localhost/", origin: "http://localhost", protocol: "http:" });
    });

    const service = (kind: string, body: object) =>
      app.bridge.receive({ lane: "service", kind, body, epoch: 0, seq: ++serviceSeq, ack: 0 });
    const direct = (phase: string, owner = me()) =>
      control("state", { ...standing, phase, elapsed_ms: 0, owner, direct: true, service_seq: serviceSeq });
    const socket = () => FakeSocket.made.at(-1)!;
    const playback = () =>
      FakeWorkletNode.made.filter(({ name }) => name === "livewidget-playback").at(-1)!.port;
    const items = () =>
      sentBodies("service_report").flatMap((body) => (body as { items: { kind: string }[] }).items);
    const sound = (samples: number) => {
      const data = Buffer.from(new Int16Array(samples).fill(9).buffer).toString("base64");
      return { serverContent: { modelTurn: { parts: [{ inlineData: { mimeType: "audio/pcm", data } }] } } };
    };
    const marks = (one: FakeSocket) =>
      one.sent.map((frame) => Object.keys(JSON.parse(frame).realtimeInput)[0]);

    /** The kernel has the page open a socket, on which it may speak. */
    function open(number = 1): FakeSocket {
      service("service_open", {
        socket: number,
        url: "ws://127.0.0.1:1/ws",
        token: "t",
        token_path: "",
        pause_ms: 0,
        end_silence_ms: 0,
        holds_calls: false,
        needs_all: false,
      });
      const one = socket();
      one.readyState = 1;
      one.dispatchEvent(new Event("open"));
      service("service_talk", { socket: number });
      return one;
    }

    async function talkDirectly(): Promise<FakeSocket> {
      greet({ direct: true });
      app.mount({} as HTMLElement, () => {});
      app.start();
      direct("live");
      await settle();
      return open();
    }

    it("sends what the microphone gives there, also what it gave before, and none to the kernel", async () => {
      greet({ direct: true });
      app.mount({} as HTMLElement, () => {});
      app.start();
      await settle();
      chunk(0);
      direct("connecting");
      chunk(320);
      const one = open();
      direct("live");
      chunk(640);
      expect(marks(one)).toEqual(["audio", "audio", "audio"]);
      expect(sentBodies("audio")).toEqual([]);
    });

    it("lets the kernel hear it as well while its explorer shows what it hears", async () => {
      const one = await talkDirectly();
      app.explorer.show(true, "tuner");
      await settle();
      chunk(0);
      chunk(320);
      expect([marks(one).length, sentBodies("audio").length]).toEqual([2, 1]);
      app.explorer.show(true, "wire");
      await settle();
      chunk(640);
      chunk(960);
      expect([marks(one).length, sentBodies("audio").length]).toEqual([4, 1]);
    });

    it("says there that the microphone pauses", async () => {
      const one = await talkDirectly();
      chunk(0);
      app.toggleMute();
      expect(marks(one)).toEqual(["audio", "audioStreamEnd"]);
      expect(items().at(-1)!.kind).toBe("audio_end");
      expect(sentBodies("microphone").at(-1)).toMatchObject({ state: "muted" });
    });

    it("says there that push-to-talk is pressed, and not to the kernel", async () => {
      const one = await talkDirectly();
      control("state", {
        ...standing,
        phase: "live",
        owner: me(),
        direct: true,
        turn_taking: "push_to_talk",
      });
      app.pushToTalk(true);
      chunk(0);
      app.pushToTalk(false);
      capture().port.say({ kind: "flushed" });
      expect(marks(one)).toEqual(["activityStart", "audio", "activityEnd"]);
      expect(sentBodies("activity")).toEqual([]);
    });

    it("plays what comes there, reports it by its own count, and shows it by the kernel's", async () => {
      const one = await talkDirectly();
      one.brings(sound(5));
      await settle();
      expect(playback().sent.at(-1)).toMatchObject({ kind: "audio", turn: 1, first: 0 });
      const report = { epoch: 0, buffered: 2400, silent: 0, peak: 0.5 };
      playback().say({ kind: "report", turn: 1, sample: 3, ...report });
      expect(state().playback.turn).toBe(0);
      service("service_voice", { voice: 1, first: 0, turn: 7, sample: 100 });
      playback().say({ kind: "report", turn: 1, sample: 4, ...report });
      expect(state().playback).toMatchObject({ turn: 7, playedSample: 104 });
      await vi.advanceTimersByTimeAsync(300);
      expect(sentBodies("played").at(-1)).toMatchObject({
        turn: 0,
        voice: 1,
        played_sample: 4,
        service_ack: serviceSeq,
      });
      expect(sentBodies("service_report").at(-1)).toMatchObject({ socket: 1, service_ack: 2 });
    });

    it("is silent at an interruption, and no late word of the kernel silences the next answer", async () => {
      const one = await talkDirectly();
      one.brings(sound(5));
      await settle();
      const flushes = () => playback().sent.filter(({ kind }) => kind === "flush").length;
      const before = flushes();
      one.brings({ serverContent: { interrupted: true } });
      expect(flushes()).toBe(before + 1);
      playback().say({ kind: "flushed", epoch: 0, turn: 1, sample: 4 });
      one.brings(sound(5));
      control("flush", { turn: 7, voice: 1 }, 1);
      control("flush", { turn: 6, voice: 0 }, 2);
      expect(flushes()).toBe(before + 1);
      expect(sentBodies("heard")).toEqual([
        { turn: 0, voice: 1, sample: 4 },
        { turn: 6, sample: 0 },
      ]);
      expect(playback().sent.at(-1)).toMatchObject({ kind: "audio", turn: 2 });
      control("flush", { turn: 8, voice: 2 }, 3);
      expect(flushes()).toBe(before + 2);
      app.interrupt();
      one.brings(sound(5));
      expect(playback().sent.at(-1)).toMatchObject({ kind: "flush" });
    });

    it("counts anew when the kernel holds the socket again", async () => {
      const one = await talkDirectly();
      one.brings(sound(5));
      await settle();
      app.interrupt();
      session("live");
      expect(one.readyState).toBe(3);
      const body = { turn: 0, first_sample: 0, sample_rate: 24_000 };
      app.bridge.receive({ lane: "speaker", kind: "audio", body, epoch: 0, seq: 1, ack: 0 }, [
        new ArrayBuffer(10),
      ]);
      expect(playback().sent.at(-1)).toMatchObject({ kind: "audio", turn: 0 });
      control("flush", { turn: 0, voice: 0 }, 1);
      playback().say({ kind: "flushed", epoch: 1, turn: 0, sample: 0 });
      expect(sentBodies("heard").at(-1)).toEqual({ turn: 0, sample: 0 });
      chunk(0);
      chunk(320);
      expect(sentBodies("audio").length).toBe(1);
    });

    it.each<[string, () => void, string]>([
      ["on stop", () => app.stop(), "stop"],
      ["when the page is left", () => window.dispatchEvent(new Event("pagehide")), "bye"],
      ["when its model is gone", () => app.dispose(), "stop"],
      ["when another page talks", () => direct("live", "another"), ""],
      ["when nobody does", () => direct("live", ""), ""],
      ["when the conversation has ended", () => direct("ended"), ""],
    ])("closes it %s, and says so in time", async (_when, happen, last) => {
      const one = await talkDirectly();
      chunk(0);
      happen();
      expect(one.readyState).toBe(3);
      expect(items().map(({ kind }) => kind)).toEqual(expect.arrayContaining(["opened", "sound", "closed"]));
      expect(items().at(-1)!.kind).toBe("closed");
      // A report after "bye" would be nobody's; one before "stop" would look like a connection that broke.
      const isClosing = ({ kind, body }: (typeof sent)[number]) =>
        kind === last || (kind === "service_report" && body.items.at(-1)?.kind === "closed");
      const order = { bye: ["service_report", "bye"], stop: ["stop", "service_report"] }[last];
      expect(sent.filter(isClosing).map(({ kind }) => kind)).toEqual(order ?? ["service_report"]);
    });

    it("opens none where another page talks", async () => {
      greet({ direct: true, owner: "another", phase: "live" });
      service("service_open", { socket: 1, url: "ws://127.0.0.1:1/ws", token: "t", token_path: "" });
      expect(FakeSocket.made).toEqual([]);
    });

    it("goes on for half a minute without the kernel, and then stops", async () => {
      const one = await talkDirectly();
      clearInterval(beats);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(state().connected).toBe(false);
      chunk(0);
      expect([one.readyState, marks(one).length]).toEqual([1, 1]);
      await vi.advanceTimersByTimeAsync(26_000);
      expect(one.readyState).toBe(3);
      expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["ended"]);
    });

    it("goes on as it was when the kernel is back", async () => {
      const one = await talkDirectly();
      app.toggleMute();
      clearInterval(beats);
      await vi.advanceTimersByTimeAsync(10_000);
      app.toggleMute();
      greet({ direct: true, owner: me(), phase: "live" });
      await settle();
      expect([state().connected, state().microphone.state, one.readyState]).toEqual([true, "on", 1]);
    });
  });

  describe("when the kernel does not answer", () => {
    /** What the notebook server says of the kernel: a state, a status code, or nothing at all. */
    let server: string | number | null;
    let asked: string[];

    beforeEach(() => {
      server = "idle";
      asked = [];
      const config = { textContent: JSON.stringify({ baseUrl: "/user/ann/", token: "secret" }) };
      Object.assign(document, {
        getElementById: (id: string) => (id === "jupyter-config-data" ? config : null),
      });
      vi.stubGlobal("fetch", async (url: string) => {
        asked.push(url);
        if (server === null) {
          throw new TypeError("Failed to fetch");
        }
        const ok = typeof server === "string";
        return { ok, status: ok ? 200 : server, json: async () => ({ execution_state: server }) };
      });
    });

    async function lose(): Promise<void> {
      clearInterval(beats);
      await vi.advanceTimersByTimeAsync(6000);
    }

    const beat = () =>
      control("heartbeat", { microphone_ack: 0, microphone_resend: false, acks: {}, busy: "" });

    it("calls it, less and less often, and greets it when it is back", async () => {
      await talk();
      await lose();
      expect(state().connected).toBe(false);
      expect(codes()).toContain("kernel-gone");
      const before = sent.length;
      await vi.advanceTimersByTimeAsync(100_000);
      // Some calls into the dark, no stream of reports.
      expect(sent.slice(before).filter(({ kind }) => kind === "hello").length).toBeGreaterThanOrEqual(3);
      expect(sent.length - before).toBeLessThan(80);
      beat();
      expect(state()).toMatchObject({ connected: true, loss: "" });
      expect(codes()).not.toContain("kernel-gone");
      expect(new Set(sent.filter(({ kind }) => kind === "hello").map(({ seq }) => seq)).size).toBe(3);
      expect(FakeTrack.made.every(({ readyState }) => readyState === "ended")).toBe(true);
    });

    it("sends at once what was said into the dark, when it is back", async () => {
      await talk();
      await lose();
      const dark = sent.length;
      await vi.advanceTimersByTimeAsync(20_000);
      const said = sent.slice(dark).find(({ kind }) => kind === "hello");
      const before = sent.length;
      beat();
      expect(sent.slice(before).map(({ seq }) => seq)).toContain(said?.seq);
    });

    it.each<[string, string | number | null, string]>([
      ["runs and is silent", "idle", "silent"],
      ["is busy", "busy", "busy"],
      ["starts again", "starting", "restarted"],
      ["restarts", "restarting", "restarted"],
      ["was restarted by the server", "autorestarting", "restarted"],
      ["is dead", "dead", "shut_down"],
      ["is not there", 404, "shut_down"],
      ["is hidden from this page", 403, "unknown"],
      ["stands behind a proxy that cannot reach it", 502, "server"],
      ["cannot be asked about", null, "server"],
    ])("finds out that it %s", async (_what, answer, loss) => {
      await talk();
      server = answer;
      await lose();
      expect(state().loss).toBe(loss);
      expect(asked.at(0)).toBe(`/user/ann/api/kernels/${welcome.kernel}`);
      expect(state().notices.at(-1)!.text).toBe(LOSSES[loss as keyof typeof LOSSES].text);
    });

    it("believes the host that the kernel was restarted, and tells nothing more to a kernel that is new", async () => {
      await talk();
      clearInterval(beats);
      app.suspectDisconnect();
      await vi.advanceTimersByTimeAsync(2500);
      expect(state().loss).toBe("restarted");
      expect(FakeContext.made.every(({ state }) => state === "closed")).toBe(true);
      const before = sent.length;
      await vi.advanceTimersByTimeAsync(100_000);
      expect(sent.length).toBe(before);
      expect(asked.length).toBeLessThan(7);
    });

    it("believes it although the kernel goes on speaking over its socket until it has ended", async () => {
      await talk();
      app.suspectDisconnect();
      await vi.advanceTimersByTimeAsync(3000); // heartbeats still come
      expect(state().connected).toBe(true);
      clearInterval(beats);
      await vi.advanceTimersByTimeAsync(8000);
      expect(state().loss).toBe("restarted");
    });

    it("believes it no more once the kernel has gone on for long", async () => {
      await talk();
      app.suspectDisconnect();
      await vi.advanceTimersByTimeAsync(11_000);
      clearInterval(beats);
      await vi.advanceTimersByTimeAsync(8000);
      expect(state().loss).toBe("silent");
    });

    it("says again what to do when ● is pressed, and takes no microphone", async () => {
      await talk();
      clearInterval(beats);
      app.suspectDisconnect();
      await vi.advanceTimersByTimeAsync(2500);
      app.dismissNotice("kernel-gone");
      const [microphones, starts] = [devices.asked.length, sentBodies("start").length];
      app.start();
      await vi.advanceTimersByTimeAsync(2500);
      expect(state().notices.map(({ text }) => text)).toEqual([LOSSES.restarted.text]);
      expect(devices.asked.length).toBe(microphones);
      expect(sentBodies("start").length).toBe(starts);
      expect(state().phase).toBe("live");
    });

    it("begins after all if ● finds that it is back", async () => {
      greet();
      await lose();
      expect(codes()).toEqual([]);
      app.start();
      expect(codes()).toEqual(["kernel-gone"]);
      expect(devices.asked).toEqual([]);
      beat();
      expect(sentBodies("start")).toEqual([{ microphone: true }]);
      expect(codes()).toEqual([]);
    });

    it("tells an offline page from a server that is away, and asks nobody without a network", async () => {
      await talk();
      vi.stubGlobal("navigator", { ...navigator, onLine: false });
      await lose();
      expect(state().loss).toBe("offline");
      expect(asked).toEqual([]);
      vi.stubGlobal("navigator", { ...navigator, onLine: true });
      server = null;
      await vi.advanceTimersByTimeAsync(4000);
      expect(state().loss).toBe("server");
      server = "idle";
      await vi.advanceTimersByTimeAsync(4000);
      expect(state().loss).toBe("silent");
    });

    it("names no cause in a host without a notebook server", async () => {
      Object.assign(document, { getElementById: () => null });
      await talk();
      await lose();
      expect(state().loss).toBe("unknown");
      expect(asked).toEqual([]);
    });

    it("takes the microphone again if the talk still goes on soon after", async () => {
      await talk();
      app.toggleMute();
      server = null;
      await lose();
      await vi.advanceTimersByTimeAsync(9000);
      beat();
      control("welcome", { ...welcome, client: me(), phase: "live", owner: me() });
      await settle();
      expect(state().microphone.state).toBe("muted");
      expect(devices.asked.length).toBe(2);
    });

    it("takes it again also if the kernel was lost once more before its welcome came", async () => {
      await talk();
      await lose();
      beat();
      await lose();
      beat();
      control("welcome", { ...welcome, client: me(), phase: "live", owner: me() });
      await settle();
      expect(devices.asked.length).toBe(2);
      expect(state().microphone.state).toBe("on");
    });

    it("leaves it off if the person has stopped the talk meanwhile", async () => {
      await talk();
      await lose();
      beat();
      app.stop();
      control("welcome", { ...welcome, client: me(), phase: "live", owner: me() });
      await settle();
      expect(devices.asked.length).toBe(1);
    });

    it.each<[string, number, Partial<Welcome>]>([
      ["a long time", 70_000, { phase: "live" }],
      ["the talk has ended meanwhile", 5000, { phase: "ended" }],
      ["another page has taken it over", 5000, { phase: "live", owner: "another" }],
    ])("leaves the microphone off after: %s", async (_what, after, change) => {
      await talk();
      await lose();
      await vi.advanceTimersByTimeAsync(after);
      beat();
      control("welcome", { ...welcome, client: me(), owner: me(), ...change });
      await settle();
      expect(devices.asked.length).toBe(1);
      expect(state().microphone.state).toBe("off");
    });
  });

  it("says bye when the page is closed or left, and hello when it is shown again", async () => {
    await talk();
    window.dispatchEvent(new Event("pagehide"));
    expect(sent.slice(-1).map(({ kind }) => kind)).toEqual(["bye"]);
    expect(FakeTrack.made.every(({ readyState }) => readyState === "ended")).toBe(true);
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
    expect(sent.at(-1)!.kind).toBe("bye");
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect(sent.at(-1)!.kind).toBe("hello");
  });

  it("leaves microphone and voice to the page that has them until ● is pressed", async () => {
    greet({ phase: "live", owner: "another" });
    app.pushToTalk(true);
    await settle();
    expect(devices.asked).toEqual([]);
    app.sendText("hello");
    expect(sentBodies("text")).toEqual([{ text: "hello" }]);
    expect([sentBodies("start"), sentBodies("take_audio")]).toEqual([[], []]);
    expect(FakeContext.made).toEqual([]);
  });

  it("takes microphone and voice from the page that has them, and speaks once the kernel agrees", async () => {
    greet({ phase: "live", owner: "another" });
    app.mount({} as HTMLElement, () => {});
    app.start();
    await settle();
    expect([sentBodies("start"), sentBodies("take_audio")]).toEqual([[], [{}]]);
    session("live", "another");
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(300);
    expect(state().microphone.state, "what the kernel sent before names the other page").toBe("on");
    expect(sentBodies("audio")).toEqual([]);
    session("live", me());
    await vi.advanceTimersByTimeAsync(300);
    expect(sentBodies("audio").length).toBeGreaterThan(3);
    await vi.advanceTimersByTimeAsync(5000);
    expect([state().microphone.state, codes()]).toEqual(["on", []]);
  });

  it("takes them also where ● is pressed before it is known that another page has them", async () => {
    app.mount({} as HTMLElement, () => {});
    app.start();
    await settle();
    expect(sentBodies("take_audio")).toEqual([]);
    greet({ phase: "live", owner: "another" });
    await settle();
    expect(sentBodies("take_audio")).toEqual([{}]);
    session("live", me());
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(300);
    expect(sentBodies("audio").length).toBeGreaterThan(3);
    expect([state().microphone.state, codes()]).toEqual(["on", []]);
  });

  it("gives the microphone back where the kernel does not agree", async () => {
    greet({ phase: "live", owner: "another" });
    app.mount({} as HTMLElement, () => {});
    app.start();
    await settle();
    session("live", "another");
    await vi.advanceTimersByTimeAsync(3500);
    expect([state().microphone.state, codes()]).toEqual(["off", ["other-page"]]);
    expect(FakeTrack.made.every(({ readyState }) => readyState === "ended")).toBe(true);
  });

  it("releases all when another page takes them, follows the talk, and takes them back", async () => {
    await talk();
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(300);
    const contexts = FakeContext.made.length;
    session("live", "another");
    await settle();
    expect(FakeTrack.made.every(({ readyState }) => readyState === "ended")).toBe(true);
    expect(FakeContext.made.every((context) => context.state === "closed")).toBe(true);
    expect([state().owner, state().ownedElsewhere, codes()]).toEqual([false, true, ["other-page"]]);
    expect(hint(state())).toBe("In another page. Press ● to talk here.");
    control("turn", { ...turn, index: 9 });
    expect(state().turns.at(-1)!.index).toBe(9);
    app.sendText("and here I type");
    expect(sentBodies("text")).toHaveLength(1);
    app.start();
    session("live", me());
    await settle();
    expect(FakeContext.made.length).toBeGreaterThan(contexts);
    expect([state().microphone.state, state().owner, codes()]).toEqual(["on", true, []]);
  });

  const shown = (change: Partial<LinkState>) =>
    app.showLink({ way: "comm", proxied: false, reason: "", says: "", ...change });

  it("sends again what is not acknowledged when messages take another way, and more often there", async () => {
    await talk();
    clearInterval(beats);
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(400);
    app.sendText("hello");
    const [before, packets] = [sent.length, sentBodies("audio").length];
    shown({ way: "socket" });
    app.changeWay();
    const again = sent.slice(before);
    expect(again.filter(({ kind }) => kind === "text")).toHaveLength(1);
    expect(again.filter(({ kind }) => kind === "audio")).toHaveLength(packets);
    expect(again.some(({ kind }) => kind === "played")).toBe(true);
    sent = [];
    await vi.advanceTimersByTimeAsync(400);
    expect(sentBodies("audio").length, "20 ms each").toBeGreaterThan(15);
    shown({ way: "comm" });
    app.changeWay();
    sent = [];
    await vi.advanceTimersByTimeAsync(400);
    expect(sentBodies("audio").length, "40 ms each").toBeLessThan(12);
  });

  it.each([
    ["comm", "Kernel busy", true],
    ["socket", "Microphone paused: what you say reaches the kernel too late", false],
  ] as const)(
    "says on the %s that a cell keeps the microphone waiting only if it does",
    async (way, words, held) => {
      await talk();
      shown({ way });
      app.changeWay();
      clearInterval(beats);
      speakAt(9000);
      for (let beat = 0; beat < 8; beat += 1) {
        await vi.advanceTimersByTimeAsync(500);
        control("heartbeat", { microphone_ack: 3, microphone_resend: false, acks: {}, busy: "cell" });
      }
      expect(state().notices.map(({ text }) => text)).toEqual([expect.stringContaining(words)]);
      expect(state().heldByCell).toBe(held);
    },
  );

  it("counts a refusal that came before anybody could answer as none of the person's", async () => {
    greet();
    expect(state().barred).toBe(false);
    devices.next = ["NotAllowedError"];
    app.start();
    await settle();
    expect([state().microphone.state, state().barred]).toEqual(["refused", true]);
  });

  it.each([
    [{ reason: "broken" }, "program", "does not answer"],
    [{ reason: "ended" }, "closed", "was closed"],
    [{ reason: "refused", says: "This address has expired." }, "refused", "This address has expired."],
  ] as const)("of a page without a notebook says why its program is lost: %j", async (link, loss, words) => {
    app.dispose();
    app = new App((content) => sent.push(structuredClone(content)), null, true);
    seq = 0;
    shown({ way: "socket" });
    await talk();
    clearInterval(beats);
    shown({ way: "none", ...link });
    await vi.advanceTimersByTimeAsync(3000);
    expect([state().connected, state().loss]).toEqual([false, loss]);
    expect(state().notices.map(({ text }) => text)).toEqual([expect.stringContaining(words)]);
    expect(FakeTrack.made.every(({ readyState }) => readyState === "ended")).toBe(true);
  });

  it("types: begins where need be, once, and sends nothing empty", () => {
    greet();
    app.sendText("   ");
    app.sendText(" what is seven plus five ");
    session("live");
    app.sendText("and six");
    expect(sentBodies("start")).toEqual([{ microphone: false }]);
    expect(sentBodies("text")).toEqual([{ text: "what is seven plus five" }, { text: "and six" }]);
    expect(devices.asked).toEqual([]);
  });

  it("leaves microphone and voice to a caller, and passes on what is to be done with the call", async () => {
    await talk();
    const calls = [{ id: "call-1", caller: "+49 … 12 34", elapsed_ms: 1000, muted: false }];
    control("state", { ...standing, phase: "live", owner: "call-1", calls });
    expect(state()).toMatchObject({ calledBy: "call-1", ownedElsewhere: true, calls });
    expect(state().notices.map(({ text }) => text)).toEqual([
      expect.stringContaining("A caller has the microphone"),
    ]);
    expect(state().microphone.state).toBe("off");
    const asked = devices.asked.length;
    app.start();
    await settle();
    expect([sentBodies("take_audio"), devices.asked.length]).toEqual([[], asked]);
    app.call("call-1", "mute");
    expect(sentBodies("call")).toEqual([{ id: "call-1", action: "mute" }]);
    control("state", { ...standing, phase: "live", owner: "", calls: [] });
    expect([state().calledBy, codes()]).toEqual(["", []]);
  });

  it("draws how loud a call is whose sound is not here", async () => {
    let levels: Levels | null = null;
    app.mount({} as HTMLElement, (_host, _store, drawn) => {
      levels = drawn;
    });
    await talk();
    const body = { user: [0.5], model: [0.25] };
    app.bridge.receive({ lane: "insight", kind: "call_levels", body, epoch: 0, seq: 1, ack: 0 });
    await vi.advanceTimersByTimeAsync(1000);
    const { count, at } = levels!;
    const highest = (who: "user" | "model") =>
      Math.max(...Array.from({ length: count }, (_, index) => at.call(levels, who, index)));
    expect([highest("user"), highest("model")]).toEqual([0.5, 0.25]);
  });

  it("tells the kernel whether a call may run", async () => {
    await talk();
    app.confirm("fc_1", false);
    expect(sentBodies("confirm")).toEqual([{ id: "fc_1", allowed: false }]);
  });

  it("is silent at once when interrupted, answers the flush and marks it", async () => {
    await talk();
    app.bridge.receive(
      {
        lane: "speaker",
        kind: "audio",
        body: { turn: 3, first_sample: 0, sample_rate: 24_000 },
        epoch: 0,
        seq: 1,
        ack: 0,
      },
      [new ArrayBuffer(20)],
    );
    await settle();
    const port = FakeWorkletNode.made.find(({ name }) => name === "livewidget-playback")!.port;
    app.interrupt();
    expect(port.sent.at(-1)).toMatchObject({ kind: "flush" });
    expect(sentBodies("interrupt")).toEqual([{}]);
    port.say({ kind: "flushed", epoch: 0, turn: 3, sample: 8 });
    control("flush", { turn: 3 }, 1);
    port.say({ kind: "flushed", epoch: 1, turn: 3, sample: 8 });
    expect(sentBodies("heard")).toEqual([{ turn: 3, sample: 8 }]);
    expect(sent.at(-1)!.epoch).toBe(1);
  });

  it("push-to-talk from rest: takes the microphone, then says that it begins", async () => {
    greet();
    app.setTurnTaking("push_to_talk");
    app.pushToTalk(true);
    control("state", { ...standing, phase: "live", turn_taking: "push_to_talk", elapsed_ms: 0, owner: me() });
    expect(state().holding).toBe(true);
    await settle();
    expect(sentBodies("activity")).toEqual([{ active: true }]);
    chunk(0);
    chunk(320);
    app.pushToTalk(false);
    const capture = FakeWorkletNode.made.find(({ name }) => name === "livewidget-capture")!;
    capture.port.say({ kind: "audio", first: 640, samples: new Int16Array(100) });
    capture.port.say({ kind: "flushed" });
    expect(sent.slice(-3).map(({ kind }) => kind)).toEqual(["audio", "audio", "activity"]);
    expect(sentBodies("activity").at(-1)).toEqual({ active: false });
  });

  it.each<[Busy, string]>([
    ["cell", "Kernel busy: microphone paused. This kernel hears the browser only between cells"],
    ["kernel", "Kernel busy: microphone paused. The kernel takes no messages now"],
    ["", "Microphone paused: what you say reaches the kernel too late."],
  ])(
    "says why the microphone waits, as the kernel found it out (%j), and takes it back",
    async (busy, words) => {
      await talk();
      clearInterval(beats);
      speakAt(9000);
      await vi.advanceTimersByTimeAsync(40);
      const beat = (ack: number) =>
        control("heartbeat", { microphone_ack: ack, microphone_resend: false, acks: {}, busy });
      beat(0);
      await vi.advanceTimersByTimeAsync(1100);
      beat(0);
      // Without a busy kernel a short pause is not worth a word.
      expect(codes()).toEqual(busy === "" ? [] : ["kernel-busy"]);
      await vi.advanceTimersByTimeAsync(2100);
      beat(0);
      expect(state().notices.map(({ text }) => text.startsWith(words))).toEqual([true]);
      expect(state().microphone.state).toBe("paused");
      beat(1e6);
      expect(codes()).toEqual([]);
      expect(state().microphone.state).toBe("on");
      const said = sent.filter(({ kind }) => kind === "microphone").map(({ seq: number }) => number);
      expect(new Set(said).size).toBe(2);
    },
  );

  it.each<[string, () => void, string]>([
    [
      "microphone-suspended",
      () => stop(microphoneContext(), "suspended"),
      "Not heard: click this card to go on.",
    ],
    [
      "microphone-interrupted",
      () => stop(microphoneContext(), "interrupted"),
      "Not heard: click this card to go on.",
    ],
    ["microphone-muted", () => mute(true), "Not heard: unmute it outside this page."],
    ["microphone-stopped", () => clearInterval(chunks), "Not heard: press ● to restart the microphone."],
    ["microphone-silent", () => speakAt(0), "No sound comes: check the microphone's switch."],
    ["sound-suspended", () => stop(playerContext(), "suspended"), "Click to hear the voice."],
    ["sound-interrupted", () => stop(playerContext(), "interrupted"), "Click to hear the voice."],
  ])("says on the card that no sound arrives: %s", async (code, happen, next) => {
    await talk();
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(3000);
    expect([codes(), hint(state())]).toEqual([[], "Talk whenever you like."]);
    happen();
    await vi.advanceTimersByTimeAsync(code === "microphone-silent" ? 6000 : 3000);
    expect([codes(), hint(state())]).toEqual([[code], next]);
    // A gesture of the person, or being back, wakes what was suspended; the rest is mended elsewhere.
    document.dispatchEvent(new Event("pointerdown"));
    if (code === "microphone-stopped") {
      app.start();
      await settle();
    }
    mute(false);
    speakAt(9000);
    await vi.advanceTimersByTimeAsync(600);
    expect([codes(), hint(state())]).toEqual([[], "Talk whenever you like."]);
  });

  it.each<[string, () => void]>([
    ["a click", () => document.dispatchEvent(new Event("pointerdown"))],
    ["a touch that ends", () => document.dispatchEvent(new Event("touchend"))],
    ["a key", () => document.dispatchEvent(new Event("keydown"))],
    ["the page being seen again", () => document.dispatchEvent(new Event("visibilitychange"))],
    ["the window being used again", () => window.dispatchEvent(new Event("focus"))],
  ])("wakes microphone and player with %s", async (_how, happen) => {
    await talk();
    for (const context of [microphoneContext(), playerContext()]) {
      stop(context, "suspended");
    }
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeContext.made.map(({ state }) => state)).toEqual(["suspended", "suspended"]);
    happen();
    await settle();
    expect(FakeContext.made.map(({ state }) => state)).toEqual(["running", "running"]);
  });

  it.each([
    [50, 9000],
    [51, 9000],
    [51, 900],
  ])(
    "stamps what is said after a suspension with the time at which it is said (%d chunks, %d ms)",
    async (count, ms) => {
      await talk();
      for (let n = 0; n < count; n++) {
        await vi.advanceTimersByTimeAsync(20);
        chunk(spoken);
        spoken += 320;
      }
      speakAt(9000);
      const context = microphoneContext();
      stop(context, "suspended");
      // Two were under way.
      chunk(spoken);
      chunk(spoken + 320);
      spoken += 640;
      await vi.advanceTimersByTimeAsync(ms);
      // The chunk overtakes the event.
      const from = spoken;
      chunk(spoken);
      chunk(spoken + 320);
      spoken += 640;
      stop(context, "running");
      await vi.advanceTimersByTimeAsync(1000);
      const after = ages.filter(([first]) => first >= from);
      expect(after.length).toBeGreaterThan(20);
      expect(Math.max(...after.map(([, age]) => age))).toBeLessThanOrEqual(60);
    },
  );

  it("says that it has no player, to the person and to the kernel, and shows words as they come", async () => {
    vi.stubGlobal("AudioWorkletNode", undefined);
    vi.stubGlobal("isSecureContext", false);
    greet();
    app.mount({} as HTMLElement, () => {});
    await vi.advanceTimersByTimeAsync(1000);
    expect(codes()).toEqual([]);
    app.sendText("hello");
    session("live");
    await vi.advanceTimersByTimeAsync(300);
    expect(codes()).toEqual(["page-not-secure"]);
    expect(hint(state())).toBe("Type and read: no sound here.");
    expect(sentBodies("played").every((body) => (body as { plays: boolean }).plays === false)).toBe(true);
    const answer = { ...turn, index: 3, speaker: "model", final: false, interrupted: false } as Turn;
    expect(wordSync(answer, state())).toBe("whole");
  });

  it("hands the microphone over to another card of the page, and both say so", async () => {
    await talk();
    const other = new App(() => {});
    const seen: number[] = [];
    const told = (kind: string, body: object) =>
      other.bridge.receive({ lane: "control", kind, body, epoch: 0, seq: seen.push(0), ack: 0 });
    told("welcome", { ...welcome, name: "Gemini", client: other.bridge.client, owner: "" });
    other.start();
    told("state", { ...standing, phase: "live", elapsed_ms: 0, owner: other.bridge.client });
    await settle();
    expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["ended", "live"]);
    expect(state().microphone.state).toBe("off");
    expect(state().phase).toBe("live");
    expect(state().notices).toMatchObject([
      { code: "microphone-moved", text: expect.stringContaining("“Gemini”") },
    ]);
    expect(other.store.get().notices).toMatchObject([{ code: "microphone-moved" }]);
    expect(sentBodies("microphone").at(-1)).toEqual({ state: "off", detail: "" });
    // And back.
    app.start();
    await settle();
    expect(FakeTrack.made.map(({ readyState }) => readyState)).toEqual(["ended", "ended", "live"]);
    expect(other.store.get().microphone.state).toBe("off");
    expect(other.store.get().notices.map(({ code }) => code)).toEqual(["microphone-moved"]);
    other.dispose();
  });

  it("opens a microphone that is muted for who holds the button", async () => {
    greet();
    app.setTurnTaking("push_to_talk");
    app.mount({} as HTMLElement, () => {});
    app.start();
    control("state", { ...standing, phase: "live", turn_taking: "push_to_talk", elapsed_ms: 0, owner: me() });
    await settle();
    app.toggleMute();
    expect(state().microphone.state).toBe("muted");
    app.pushToTalk(true);
    expect([state().microphone.state, sentBodies("activity")]).toEqual(["on", [{ active: true }]]);
    app.pushToTalk(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(sentBodies("activity").at(-1)).toEqual({ active: false });
  });

  it("ends the press for the kernel when the microphone goes away meanwhile", async () => {
    greet();
    app.setTurnTaking("push_to_talk");
    app.mount({} as HTMLElement, () => {});
    app.start();
    control("state", { ...standing, phase: "live", turn_taking: "push_to_talk", elapsed_ms: 0, owner: me() });
    await settle();
    app.pushToTalk(true);
    FakeTrack.made[0]!.dispatchEvent(new Event("ended"));
    app.pushToTalk(false);
    expect(state().holding).toBe(false);
    expect(sentBodies("activity")).toEqual([{ active: true }, { active: false }]);
  });

  it("hides the saved transcript while it is drawn, by a name that is only a name", () => {
    greet({ transcript_class: "livewidget-transcript-1" });
    const end = app.mount({} as HTMLElement, () => {});
    expect(styles.map(({ textContent }) => textContent)).toEqual([
      ".livewidget-transcript-1 { display: none !important; }",
    ]);
    end();
    expect(styles).toEqual([]);
    control("welcome", { ...welcome, client: me(), transcript_class: "x{} body" });
    app.mount({} as HTMLElement, () => {});
    expect(styles).toEqual([]);
  });
});
