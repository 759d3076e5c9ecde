import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import {
  Bridge,
  type BridgeHandlers,
  type Envelope,
  type Insight,
  readKernelMessage,
  type ServiceMessage,
} from "../src/bridge.ts";
import type { KernelMessage, PageMessage, State, Welcome } from "../src/messages.gen.ts";

interface Golden {
  page_to_kernel: Envelope<PageMessage>[];
  kernel_to_page: Envelope<KernelMessage>[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../tests/fixtures/bridge.json", import.meta.url), "utf8"),
) as Golden;
const welcomeBody = golden.kernel_to_page.find((message) => message.kind === "welcome")!.body as Welcome;
const ME = welcomeBody.client;

/** A bridge with everything that it said and heard. */
class Rig implements BridgeHandlers {
  now = 0;
  sent: { content: Envelope<PageMessage>; buffers: ArrayBuffer[] }[] = [];
  heard: KernelMessage[] = [];
  voices: [turn: number, first: number, samples: number[]][] = [];
  flushes: [epoch: number, turn: number | null][] = [];
  insights: Insight[] = [];
  services: [kind: string, socket: number][] = [];
  lives = 0;
  readonly bridge = new Bridge(
    ME,
    (content, buffers) => this.sent.push({ content: structuredClone(content), buffers }),
    () => this.now,
    this,
  );
  #seq = 0;

  /** The kind of message that the views fail to draw. */
  fails = "";

  onMessage(message: KernelMessage): void {
    if (message.kind === this.fails) {
      throw new Error("not drawn");
    }
    this.heard.push(message);
  }

  onModelAudio(turn: number, first: number, samples: Int16Array): void {
    this.voices.push([turn, first, [...samples]]);
  }

  /** What the page calls the turn that was flushed last. */
  voice = 0;

  onFlush(epoch: number, turn: number | null, voice: number): void {
    this.voice = voice;
    this.flushes.push([epoch, turn]);
  }

  onInsight(message: Insight): void {
    this.insights.push(message);
  }

  onService(message: ServiceMessage): void {
    if (message.kind === this.fails) {
      throw new Error("not done");
    }
    this.services.push([message.kind, message.kind === "service_voice" ? 0 : message.body.socket]);
  }

  onAlive(): void {
    this.lives += 1;
  }

  /** A control message from the kernel, with the next number unless one is given. */
  control(kind: string, body: object, place: { epoch?: number; seq?: number; ack?: number } = {}): void {
    this.#seq = place.seq ?? this.#seq + 1;
    this.bridge.receive({ lane: "control", kind, body, epoch: 0, ack: 0, ...place, seq: this.#seq });
  }

  welcome(change: Partial<Welcome> = {}, place: { epoch?: number; seq?: number; ack?: number } = {}): void {
    this.control("welcome", { ...welcomeBody, ...change }, place);
  }

  speak(seq: number, turn: number, first: number, samples: number[], epoch = 0): void {
    const shared = new Uint8Array([7, ...new Uint8Array(Int16Array.from(samples).buffer), 7]);
    const body = { turn, first_sample: first, sample_rate: 24_000 };
    this.bridge.receive({ lane: "speaker", kind: "audio", body, epoch, seq, ack: 0 }, [
      new DataView(shared.buffer, 1, samples.length * 2),
    ]);
  }

  kinds(): string[] {
    return this.sent.map(({ content }) => content.kind);
  }
}

const turn = golden.kernel_to_page.find((message) => message.kind === "turn")!.body;

describe("the golden messages", () => {
  it.each(golden.kernel_to_page.map((message) => [message.lane, message.kind, message] as const))(
    "can be read: %s %s",
    (_lane, _kind, message) => {
      expect(readKernelMessage(message)).toEqual(message);
    },
  );

  it.each(golden.kernel_to_page.map((message) => [message.lane, message.kind, message] as const))(
    "are refused without their place: %s %s",
    (_lane, _kind, message) => {
      for (const field of ["seq", "ack", "epoch", "lane", "kind", "body"]) {
        expect(readKernelMessage({ ...message, [field]: undefined }), field).toBeNull();
      }
    },
  );

  const flush = { lane: "control", kind: "flush", body: { turn: 1 }, seq: 1, ack: 0, epoch: 0 };

  it.each([
    null,
    1,
    "x",
    [],
    {},
    { ...flush, kind: "__proto__" },
    { ...flush, kind: "stop" },
    { ...flush, lane: "__proto__" },
    { ...flush, lane: "speaker" },
    { ...flush, seq: -1 },
    { ...flush, epoch: 0.5 },
    { ...flush, ack: "0" },
    { ...flush, body: [] },
  ])("are not %j", (content) => {
    expect(readKernelMessage(content)).toBeNull();
    const rig = new Rig();
    rig.bridge.receive(content);
    expect(rig.lives).toBe(0);
    expect(rig.heard).toEqual([]);
  });

  // The type of this list is the compiler's word that the page can say no more and no less.
  const said: PageMessage[] = [
    { lane: "control", kind: "hello", body: { client: "9f1c2a", last_seq: 0 } },
    { lane: "control", kind: "start", body: { microphone: true } },
    { lane: "control", kind: "stop", body: {} },
    { lane: "control", kind: "text", body: { text: "what is seven plus five" } },
    { lane: "control", kind: "interrupt", body: {} },
    { lane: "control", kind: "activity", body: { active: true } },
    { lane: "control", kind: "turn_taking", body: { mode: "push_to_talk" } },
    { lane: "control", kind: "microphone", body: { state: "on", detail: "" } },
    { lane: "control", kind: "heard", body: { turn: 3, sample: 41280, voice: 0 } },
    {
      lane: "control",
      kind: "played",
      body: {
        ack_seq: 17,
        turn: 5,
        played_sample: 24000,
        buffered_ms: 850,
        silent_samples: 0,
        epoch: 1,
        page_ms: 5400,
        plays: true,
        service_ack: 0,
        voice: 0,
        round_trip_ms: 8.5,
      },
    },
    {
      lane: "control",
      kind: "configure",
      body: {
        changes: [
          { name: "voice", value: "Kore" },
          { name: "turn_detection.silence_ms", value: null },
        ],
      },
    },
    { lane: "control", kind: "apply", body: {} },
    { lane: "control", kind: "revert", body: {} },
    { lane: "control", kind: "explorer", body: { open: true, wire: true, tuner: false } },
    { lane: "control", kind: "confirm", body: { id: "fc_2", allowed: true } },
    { lane: "control", kind: "camera", body: { source: "camera", state: "on", detail: "" } },
    { lane: "control", kind: "bye", body: {} },
    { lane: "control", kind: "take_audio", body: {} },
    { lane: "control", kind: "socket_request", body: { origin: "http://localhost:8888" } },
    { lane: "control", kind: "socket_closed", body: { proof: "pJ8fVq2mKxA" } },
    {
      lane: "control",
      kind: "service_report",
      body: {
        socket: 1,
        service_ack: 3,
        items: [
          { kind: "opened", at_ms: 5500 },
          { kind: "frame", at_ms: 5530.5, text: '{"setupComplete":{}}', voice: 0, first: 0 },
          { kind: "activity", at_ms: 5600, active: true },
          { kind: "sound", at_ms: 5680, first: 0, samples: 1280, is_speech: true },
          {
            kind: "image",
            at_ms: 5690,
            source: "camera",
            mime_type: "image/jpeg",
            width: 640,
            height: 480,
            size: 20480,
            number: 1,
          },
          { kind: "audio_end", at_ms: 5700 },
          {
            kind: "frame",
            at_ms: 6100,
            text: '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"","samples":960}}]}}}',
            voice: 1,
            first: 0,
          },
          { kind: "closed", at_ms: 9000, code: 1006, reason: "", cause: "offline" },
        ],
      },
    },
    { lane: "control", kind: "call", body: { id: "call-5be10c", action: "hang_up" } },
    {
      lane: "microphone",
      kind: "audio",
      body: { first_sample: 0, captured_ms: 1200.5, stale: false, gap_ms: 0 },
    },
    {
      lane: "camera",
      kind: "frame",
      body: { source: "camera", mime_type: "image/jpeg", width: 640, height: 480, captured_ms: 1300 },
    },
  ];

  it("are what this page says, message by message", () => {
    const rig = new Rig();
    const pcm = Int16Array.from([1, 2, 3]);
    for (const message of said) {
      if (message.lane === "control") {
        rig.bridge.send(message);
      } else if (message.lane === "microphone") {
        rig.bridge.sendUserAudio(1, message.body, pcm);
      } else {
        rig.bridge.sendFrame(message.body, new ArrayBuffer(4));
      }
    }
    const strip = ({ lane, kind, body }: PageMessage) => ({ lane, kind, body });
    expect(rig.sent.map(({ content }) => strip(content))).toEqual(golden.page_to_kernel.map(strip));
    expect(rig.sent.map(({ content }) => content.seq)).toEqual(golden.page_to_kernel.map(({ seq }) => seq));
    expect(rig.sent.map(({ buffers }) => buffers.map((buffer) => buffer.byteLength)).slice(-2)).toEqual([
      [6],
      [4],
    ]);
    for (const { content } of rig.sent) {
      expect(Object.keys(content).sort()).toEqual(["ack", "body", "client", "epoch", "kind", "lane", "seq"]);
      expect(content.client).toBe(ME);
    }
  });
});

describe("the control lane", () => {
  it("begins with hello and hears nothing before its own welcome", () => {
    const rig = new Rig();
    rig.bridge.hello();
    expect(rig.sent[0]!.content.body).toEqual({ client: ME, last_seq: 0 });
    rig.control("turn", turn, { seq: 40 });
    rig.welcome({ client: "another" }, { seq: 41 });
    expect(rig.heard).toEqual([]);
    rig.welcome({}, { seq: 57 });
    rig.control("turn", turn, { seq: 58 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["welcome", "turn"]);
  });

  it("counts another page's welcome without acting on it", () => {
    const rig = new Rig();
    rig.welcome();
    rig.welcome({ client: "another" });
    rig.control("turn", turn);
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["welcome", "turn"]);
    rig.bridge.hello();
    expect(rig.sent.at(-1)!.content).toMatchObject({ ack: 3, body: { last_seq: 3 } });
  });

  it("drops what comes twice and waits for what is missing", () => {
    const rig = new Rig();
    rig.welcome();
    rig.control("turn", { ...turn, index: 3 }, { seq: 3 });
    rig.control("turn", { ...turn, index: 2 }, { seq: 2 });
    rig.control("turn", { ...turn, index: 2 }, { seq: 2 });
    rig.welcome({}, { seq: 1 });
    expect(rig.heard.slice(1).map((message) => (message.body as { index: number }).index)).toEqual([2, 3]);
  });

  const unreadable = [
    { kind: "of another version", body: {} },
    { kind: "turn", body: null },
    { kind: "turn", body: [] },
    { kind: "turn" },
    { kind: "meter", body: {}, epoch: -1 },
    { kind: "meter", body: {}, ack: 2 ** 60 },
  ];

  it.each(unreadable)("passes what cannot be read, and what follows it comes at once: %j", (bad) => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const rig = new Rig();
    rig.welcome();
    rig.bridge.receive({ lane: "control", epoch: 0, seq: 2, ack: 0, ...bad });
    rig.control("turn", { ...turn, index: 7 }, { seq: 3 });
    expect(rig.heard.slice(1).map(({ kind }) => kind)).toEqual(["turn"]);
    rig.now = 9000;
    rig.bridge.tick();
    expect(rig.kinds()).toEqual([]);
    expect(error).toHaveBeenCalledOnce();
    error.mockRestore();
  });

  it("goes on with the next message where one cannot be drawn", () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const rig = new Rig();
    rig.welcome();
    rig.fails = "turn";
    rig.control("turn", { ...turn, index: 8 }, { seq: 3 });
    rig.control("turn", { ...turn, index: 7 }, { seq: 2 });
    rig.control("notice", { level: "info", code: "x", text: "y" }, { seq: 4 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["welcome", "notice"]);
    expect(error).toHaveBeenCalledTimes(2);
    error.mockRestore();
  });

  it("says hello again when something stays missing", () => {
    const rig = new Rig();
    rig.welcome();
    rig.control("turn", turn, { seq: 3 });
    rig.now = 2900;
    rig.bridge.tick();
    expect(rig.kinds()).toEqual([]);
    rig.now = 3100;
    rig.bridge.tick();
    expect(rig.sent.at(-1)!.content).toMatchObject({ kind: "hello", body: { last_seq: 1 } });
    rig.welcome({}, { seq: 9 });
    rig.control("turn", turn, { seq: 10 });
    expect(rig.heard.map(({ kind }) => kind)).toEqual(["welcome", "welcome", "turn"]);
  });

  it("repeats until acknowledged: by the envelope, and once named by the heartbeat alone", () => {
    const rig = new Rig();
    rig.bridge.hello();
    rig.bridge.send({ lane: "control", kind: "text", body: { text: "a" } });
    rig.welcome({}, { ack: 1 });
    rig.now = 2100;
    rig.bridge.tick();
    expect(rig.kinds()).toEqual(["hello", "text", "text"]);
    expect(rig.sent[2]!.content.seq).toBe(rig.sent[1]!.content.seq);
    rig.control("heartbeat", { microphone_ack: 0, microphone_resend: false, acks: { [ME]: 1, another: 9 } });
    // Another page's acknowledgement in the envelope is not ours.
    rig.control("turn", turn, { ack: 2 });
    rig.now = 9000;
    rig.bridge.tick();
    expect(rig.kinds().length).toBe(4);
    rig.control("heartbeat", { microphone_ack: 0, microphone_resend: false, acks: { [ME]: 2 } });
    rig.now = 99_000;
    rig.bridge.tick();
    expect(rig.kinds().length).toBe(4);
  });

  it("repeats at once all that is not acknowledged when another way is taken, under the same numbers", () => {
    const rig = new Rig();
    rig.bridge.hello();
    rig.welcome({}, { ack: 1 });
    rig.bridge.send({ lane: "control", kind: "start", body: { microphone: true } });
    rig.bridge.send({ lane: "control", kind: "interrupt", body: {} });
    const before = rig.sent.length;
    rig.bridge.repeat();
    expect(rig.sent.slice(before).map(({ content }) => [content.kind, content.seq])).toEqual([
      ["start", 2],
      ["interrupt", 3],
    ]);
  });

  it("repeats soon again what was lost with that repetition, however long it had waited before", () => {
    const rig = new Rig();
    rig.bridge.hello();
    rig.welcome({}, { ack: 1 });
    rig.bridge.send({ lane: "control", kind: "interrupt", body: {} });
    for (let second = 0; second < 20; second += 1) {
      rig.now = 1000 * second;
      rig.bridge.tick();
    }
    rig.bridge.repeat();
    const before = rig.sent.length;
    rig.now = 20_500;
    rig.bridge.tick();
    rig.now = 22_000;
    rig.bridge.tick();
    expect(rig.sent.slice(before).map(({ content }) => [content.kind, content.seq])).toEqual([
      ["interrupt", 2],
    ]);
  });

  it("does not fill a slow way with copies: what arrives late is no reason to repeat sooner", () => {
    const rig = new Rig();
    rig.bridge.hello();
    rig.welcome({}, { ack: 1 });
    for (let message = 0; message < 10; message += 1) {
      rig.bridge.send({ lane: "control", kind: "interrupt", body: {} });
    }
    const before = rig.sent.length;
    let beats = 1;
    for (rig.now = 0; rig.now <= 30_000; rig.now += 250) {
      // One message gets through each three seconds.
      if (rig.now % 3000 === 2750) {
        beats += 1;
        rig.control("heartbeat", { microphone_ack: 0, microphone_resend: false, acks: { [ME]: beats } });
      }
      rig.bridge.tick();
    }
    expect(rig.sent.length - before).toBe(10);
    rig.bridge.send({ lane: "control", kind: "interrupt", body: {} });
    rig.now += 2100;
    rig.bridge.tick();
    expect(rig.sent.at(-1)!.content.seq).toBe(12);
    expect(rig.sent.length - before).toBe(12);
  });

  it("does not pile up reports before a busy kernel", () => {
    const rig = new Rig();
    rig.welcome();
    const body = {
      ack_seq: 0,
      turn: 0,
      played_sample: 0,
      buffered_ms: 0,
      silent_samples: 0,
      epoch: 0,
      page_ms: 0,
    };
    for (let n = 0; n < 100; n++) {
      rig.bridge.send({ lane: "control", kind: "played", body });
    }
    expect(rig.sent.length).toBe(8);
    rig.bridge.send({ lane: "control", kind: "stop", body: {} });
    expect(rig.kinds().at(-1)).toBe("stop");
    rig.control("heartbeat", { microphone_ack: 0, microphone_resend: false, acks: { [ME]: 9 } });
    rig.bridge.send({ lane: "control", kind: "played", body });
    expect(rig.kinds().at(-1)).toBe("played");
  });
});

describe("the service lane", () => {
  const state = golden.kernel_to_page.find((message) => message.kind === "state")!.body as State;
  const service = (rig: Rig, seq: number, socket: number, kind = "service_talk") =>
    rig.bridge.receive({ lane: "service", kind, body: { socket }, epoch: 0, seq, ack: 0 });

  it("brings messages in order and once, and says how far it is", () => {
    const rig = new Rig();
    rig.welcome({ owner: ME, service_seq: 0 });
    service(rig, 2, 12);
    service(rig, 1, 11);
    service(rig, 1, 11);
    service(rig, 3, 13);
    expect(rig.services.map(([, socket]) => socket)).toEqual([11, 12, 13]);
    expect(rig.bridge.serviceAck).toBe(3);
    expect(rig.lives).toBeGreaterThan(3);
  });

  it("is for the page with microphone and player: others take nothing, and do not acknowledge it", () => {
    const rig = new Rig();
    service(rig, 1, 11);
    rig.welcome({ owner: "another" });
    service(rig, 1, 11);
    expect([rig.services, rig.bridge.serviceAck]).toEqual([[], 0]);
    // It becomes that page: what others had before does not concern it.
    rig.control("state", { ...state, owner: ME, service_seq: 7 });
    expect(rig.bridge.serviceAck).toBe(7);
    service(rig, 7, 17);
    service(rig, 8, 18);
    expect(rig.services.map(([, socket]) => socket)).toEqual([18]);
    rig.control("state", { ...state, owner: "another", service_seq: 8 });
    service(rig, 9, 19);
    expect(rig.services.length).toBe(1);
    expect(rig.bridge.serviceAck).toBe(8);
  });

  it("goes on where it was after another welcome", () => {
    const rig = new Rig();
    rig.welcome({ owner: ME, service_seq: 4 });
    service(rig, 5, 15);
    rig.welcome({ owner: ME, service_seq: 9 });
    service(rig, 6, 16);
    expect(rig.services.map(([, socket]) => socket)).toEqual([15, 16]);
  });

  it("does not lose a message to one before it that fails, and shows nothing of it", () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const rig = new Rig();
    rig.welcome({ owner: ME, service_seq: 0 });
    rig.fails = "service_open";
    const body = { socket: 1, url: "wss://service.example", token: "auth_tokens/secret" };
    rig.bridge.receive({ lane: "service", kind: "service_open", body, epoch: 0, seq: 1, ack: 0 });
    service(rig, 2, 1);
    expect(rig.services).toEqual([["service_talk", 1]]);
    expect(JSON.stringify(said.mock.calls)).not.toContain("secret");
    vi.restoreAllMocks();
  });

  it("hands on what the page calls a turn that is to be silent", () => {
    const rig = new Rig();
    rig.welcome({ owner: ME });
    rig.control("flush", { turn: 3, voice: 2 }, { epoch: 1 });
    expect(rig.voice).toBe(2);
  });
});

describe("the round trip to the kernel", () => {
  const beat = (page_ms: number | null, held_ms: number) => ({
    microphone_ack: 0,
    microphone_resend: false,
    acks: {},
    busy: "",
    page_ms,
    held_ms,
  });

  it("is the time since a report without what the kernel held it for, the middle of the newest five", () => {
    const rig = new Rig();
    rig.welcome({ owner: ME });
    rig.control("heartbeat", beat(null, 0));
    expect(rig.bridge.roundTripMs).toBeNull();
    for (const [n, ms] of [80, 12, 10, 900, 11, 14].entries()) {
      rig.now = 1000 * (n + 1);
      rig.control("heartbeat", beat(rig.now - 300 - ms, 300));
    }
    expect(rig.bridge.roundTripMs).toBe(12);
  });

  it("is measured once for each report, and not by another page's", () => {
    const rig = new Rig();
    rig.welcome({ owner: "another" });
    rig.now = 1000;
    rig.control("heartbeat", beat(500, 0));
    expect(rig.bridge.roundTripMs).toBeNull();
    const state = golden.kernel_to_page.find((message) => message.kind === "state")!.body as State;
    rig.control("state", { ...state, owner: ME });
    rig.control("heartbeat", beat(990, 0));
    rig.now = 9000;
    rig.control("heartbeat", beat(990, 500));
    expect(rig.bridge.roundTripMs).toBe(10);
  });
});

describe("the speaker lane", () => {
  it("copies samples out of the message and acknowledges them", () => {
    const rig = new Rig();
    rig.welcome({ speaker_seq: 6 });
    rig.speak(7, 5, 0, [1, -2, 300]);
    rig.speak(8, 5, 3, [4]);
    expect(rig.voices).toEqual([
      [5, 0, [1, -2, 300]],
      [5, 3, [4]],
    ]);
    expect(rig.bridge.speakerAck).toBe(8);
  });

  it("plays on after audio that cannot be read", () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const rig = new Rig();
    rig.welcome({ speaker_seq: 6 });
    rig.bridge.receive({ lane: "speaker", kind: "noise", body: {}, epoch: 0, seq: 7, ack: 0 });
    rig.speak(8, 5, 0, [4]);
    expect(rig.voices).toEqual([[5, 0, [4]]]);
    expect(rig.bridge.speakerAck).toBe(8);
    error.mockRestore();
  });

  it("plays each chunk once and in order, whatever the way does", () => {
    const rig = new Rig();
    rig.welcome();
    rig.speak(2, 5, 10, [2]);
    rig.speak(1, 5, 0, [1]);
    rig.speak(2, 5, 10, [2]);
    rig.speak(1, 5, 0, [1]);
    expect(rig.voices.map(([, first]) => first)).toEqual([0, 10]);
  });

  it("gives up on a chunk that does not come again in five seconds", () => {
    const rig = new Rig();
    rig.welcome();
    rig.speak(2, 5, 10, [2]);
    rig.now = 4000;
    rig.bridge.tick();
    expect(rig.voices).toEqual([]);
    rig.now = 5100;
    rig.bridge.tick();
    expect(rig.voices.length).toBe(1);
    expect(rig.bridge.speakerAck).toBe(2);
  });

  it("is silent in a page that does not own the voice, and counts all the same", () => {
    const rig = new Rig();
    rig.welcome({ owner: "another" });
    rig.speak(1, 5, 0, [1]);
    expect(rig.voices).toEqual([]);
    expect(rig.bridge.speakerAck).toBe(1);
  });

  it("begins where the lane is when this page takes the voice: what went before went to another", () => {
    const rig = new Rig();
    rig.welcome({ owner: "other", speaker_seq: 3 });
    const state = golden.kernel_to_page.find((message) => message.kind === "state")!.body as State;
    rig.control("state", { ...state, owner: ME, speaker_seq: 40 });
    rig.speak(41, 5, 0, [1, 2]);
    expect(rig.voices).toEqual([[5, 0, [1, 2]]]);
    expect(rig.bridge.speakerAck).toBe(41);
    rig.control("state", { ...state, owner: ME, speaker_seq: 50 });
    rig.speak(42, 5, 2, [3, 4]);
    expect(rig.voices, "it is its own already: nothing is passed over").toHaveLength(2);
  });

  it("drops what is older than a flush and what was missing then", () => {
    const rig = new Rig();
    rig.welcome();
    rig.speak(1, 3, 0, [1]);
    rig.speak(3, 3, 20, [1]);
    rig.control("flush", { turn: 3 }, { epoch: 1 });
    expect(rig.flushes).toEqual([[1, 3]]);
    rig.speak(4, 3, 30, [1], 0);
    rig.speak(5, 4, 0, [9], 1);
    expect(rig.voices).toEqual([
      [3, 0, [1]],
      [4, 0, [9]],
    ]);
    expect(rig.bridge.epoch).toBe(1);
  });

  it("answers a flush that comes after the voice of the next turn", () => {
    const rig = new Rig();
    rig.welcome();
    rig.speak(2, 4, 0, [9], 1);
    rig.control("flush", { turn: 3 }, { epoch: 1 });
    expect(rig.flushes).toEqual([
      [1, null],
      [1, 3],
    ]);
    expect(rig.voices).toEqual([[4, 0, [9]]]);
  });

  it("ends turns in order with their sound", () => {
    const rig = new Rig();
    rig.welcome();
    rig.bridge.receive({
      lane: "speaker",
      kind: "end",
      body: { turn: 5, samples: 1 },
      epoch: 0,
      seq: 2,
      ack: 0,
    });
    expect(rig.heard.length).toBe(1);
    rig.speak(1, 5, 0, [1]);
    expect(rig.heard.at(-1)).toMatchObject({ kind: "end", body: { turn: 5 } });
  });
});
