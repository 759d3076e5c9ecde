import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fromBase64, samplesOf, toBase64 } from "../src/audio/pcm.ts";
import type { ServiceMessage } from "../src/bridge.ts";
import type { ServiceItem, ServiceOpen } from "../src/messages.gen.ts";
import { Scope } from "../src/scope.ts";
import { MAX_PENDING } from "../src/service-reports.ts";
import { ServiceSocket } from "../src/service-socket.ts";
import { installFakes } from "./media/fakes.ts";

class FakeSocket extends EventTarget {
  static made: FakeSocket[] = [];
  /** What the next constructor throws. */
  static refusal: Error | null = null;
  readyState = 0;
  binaryType = "blob";
  bufferedAmount = 0;
  sent: string[] = [];
  closed: [code: number, reason: string] | null = null;

  constructor(readonly url: string) {
    super();
    if (FakeSocket.refusal) {
      throw FakeSocket.refusal;
    }
    FakeSocket.made.push(this);
  }

  /** Nothing leaves the browser. */
  isStuck = false;

  send(frame: string): void {
    this.sent.push(frame);
    this.bufferedAmount += this.isStuck ? frame.length : 0;
  }

  close(code: number, reason: string): void {
    if (code !== 1000 && (code < 3000 || code > 4999)) {
      throw new DOMException("", "InvalidAccessError");
    }
    if (new TextEncoder().encode(reason).length > 123) {
      throw new DOMException("", "SyntaxError");
    }
    this.readyState = 2;
    this.closed = [code, reason];
  }

  /** The handshake is done. */
  opens(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** The service, or the browser, ends it. */
  ends(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  /** It cannot be opened; Chromium closes it only where it tried. */
  fails(): void {
    this.readyState = 3;
    this.dispatchEvent(new Event("error"));
  }

  /** A frame of the service, by default as Google sends it: JSON in a binary frame. */
  brings(frame: unknown, binary = true): void {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    const data = binary ? new TextEncoder().encode(text).buffer : text;
    if (binary && this.binaryType !== "arraybuffer") {
      throw new Error("would be a Blob, which takes a promise to read");
    }
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

const TERMS: ServiceOpen = {
  socket: 1,
  url: "wss://service.example/ws",
  token: "auth_tokens/one+two",
  token_path: "",
  pause_ms: 0,
  end_silence_ms: 0,
  holds_calls: false,
  needs_all: false,
};

let scope: Scope;
let service: ServiceSocket;
let reports: { socket: number; items: ServiceItem[] }[];
let unacked: number;
let played: [voice: number, first: number, samples: number[]][];
let ended: number[];
let hushed: number[];
let listening: boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance"] });
  installFakes();
  vi.stubGlobal("WebSocket", FakeSocket);
  at("http://localhost:8888/lab");
  FakeSocket.made = [];
  FakeSocket.refusal = null;
  scope = new Scope();
  reports = [];
  unacked = 0;
  played = [];
  ended = [];
  hushed = [];
  listening = true;
  service = new ServiceSocket(
    scope,
    {
      onReport: (socket, items) => reports.push(structuredClone({ socket, items })),
      unacked: () => unacked,
      onModelAudio: (voice, first, samples) => played.push([voice, first, [...samples]]),
      onModelAudioEnd: (voice) => ended.push(voice),
      onHush: (voice) => hushed.push(voice),
      isListening: () => listening,
    },
    () => performance.now(),
  );
});

afterEach(() => {
  scope.dispose();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The page is at this address. */
function at(href: string): void {
  const { origin, protocol, hostname } = new URL(href);
  vi.stubGlobal("location", { href, origin, protocol, hostname });
}

const network = (onLine: boolean) => Object.assign(navigator, { onLine });

const told = (kind: ServiceMessage["kind"], body: object) =>
  service.receive({ lane: "service", kind, body } as ServiceMessage);

const socket = () => FakeSocket.made.at(-1)!;
const items = () => reports.flatMap((report) => report.items);
const kinds = () => items().map(({ kind }) => kind);
const ofKind = <K extends ServiceItem["kind"]>(kind: K) =>
  items().filter((item): item is Extract<ServiceItem, { kind: K }> => item.kind === kind);

/** The kernel asks for a socket, and it opens. */
function open(change: Partial<ServiceOpen> = {}): FakeSocket {
  told("service_open", { ...TERMS, ...change });
  socket().opens();
  return socket();
}

/** The same, and the page may speak. */
function talk(change: Partial<ServiceOpen> = {}): FakeSocket {
  const opened = open(change);
  told("service_talk", { socket: change.socket ?? 1 });
  return opened;
}

/** The microphone gives a chunk each 20 ms for so long. */
function speak(ms: number, value = 9000): void {
  for (let left = ms; left > 0; left -= 20) {
    vi.advanceTimersByTime(20);
    service.sendAudio(new Int16Array(320).fill(value));
  }
}

/** The user's samples of a frame; null for anything else. */
function soundIn(frame: string): Int16Array | null {
  const data = JSON.parse(frame).realtimeInput?.audio?.data;
  return typeof data === "string" ? samplesOf(fromBase64(data)) : null;
}

/** What was sent, in short: sound in ms, marks by name. */
function sent(one: FakeSocket): (string | number)[] {
  const out: (string | number)[] = [];
  for (const frame of one.sent) {
    const sound = soundIn(frame);
    const last = out.at(-1);
    if (sound === null) {
      out.push(Object.keys(JSON.parse(frame).realtimeInput ?? JSON.parse(frame))[0]!);
    } else if (typeof last === "number") {
      out[out.length - 1] = last + sound.length / 16;
    } else {
      out.push(sound.length / 16);
    }
  }
  return out;
}

/** Sound of the model: so many samples of this value. */
function voice(samples: number, value = 1, rate = 24_000): { inlineData: object } {
  const data = toBase64(new Uint8Array(new Int16Array(samples).fill(value).buffer));
  return { inlineData: { mimeType: `audio/pcm;rate=${rate}`, data } };
}
const answer = (...parts: object[]) => ({ serverContent: { modelTurn: { parts } } });
const COMPLETE = { serverContent: { turnComplete: true } };
const INTERRUPTED = { serverContent: { interrupted: true } };

describe("opening and closing", () => {
  it("opens the address with the token in its query, once for each number", () => {
    told("service_open", TERMS);
    told("service_open", TERMS);
    expect(FakeSocket.made.map(({ url }) => url)).toEqual([
      "wss://service.example/ws?access_token=auth_tokens%2Fone%2Btwo",
    ]);
    expect(reports).toEqual([]);
    socket().opens();
    expect(reports).toEqual([{ socket: 1, items: [{ kind: "opened", at_ms: performance.now() }] }]);
    // Nothing of the token is told.
    expect(JSON.stringify(reports)).not.toContain("auth_tokens");
  });

  it("opens the address alone where no token is needed", () => {
    told("service_open", { ...TERMS, token: "" });
    expect(socket().url).toBe("wss://service.example/ws");
  });

  it("reports what ended it, last and once", () => {
    const opened = talk();
    speak(20);
    opened.ends(1008, "Your token has expired.");
    expect(kinds()).toEqual(["opened", "sound", "closed"]);
    expect(items().at(-1)).toMatchObject({ code: 1008, reason: "Your token has expired.", cause: "" });
    service.hangUp();
    vi.advanceTimersByTime(5000);
    expect(ofKind("closed").length).toBe(1);
  });

  it("closes as it is told, and hears nothing of that socket any more", () => {
    const opened = talk();
    speak(20);
    told("service_close", { socket: 1, code: 1000, reason: "é".repeat(100) });
    expect(opened.closed?.[0]).toBe(1000);
    expect(opened.closed?.[1]).toBe("é".repeat(60));
    opened.brings(answer(voice(10)));
    opened.ends(1000);
    expect(kinds()).toEqual(["opened", "sound", "closed"]);
    expect(played).toEqual([]);
  });

  it("closes with a code that browsers may send", () => {
    const opened = open();
    told("service_close", { socket: 1, code: 1011, reason: "failed" });
    expect(opened.closed).toEqual([1000, ""]);
    expect(items().at(-1)).toMatchObject({ kind: "closed", code: 1011, reason: "failed" });
  });

  it("closes with the page, and tells all that was sent before", () => {
    const opened = talk();
    speak(40);
    scope.dispose();
    expect(opened.closed).toEqual([1000, ""]);
    expect(kinds()).toEqual(["opened", "sound", "closed"]);
    expect(ofKind("sound")[0]).toMatchObject({ first: 0, samples: 640 });
    // 1000 would be the service's own goodbye.
    expect(ofKind("closed")[0]).toMatchObject({ code: 1006, cause: "" });
  });

  it("keeps an older socket beside a new one until it is closed, and speaks on the new one once it may", () => {
    const first = talk();
    speak(20);
    const second = open({ socket: 2 });
    speak(20);
    expect([sent(first), sent(second)]).toEqual([[40], []]);
    told("service_talk", { socket: 2 });
    speak(20);
    first.brings(answer(voice(240)));
    second.brings(answer(voice(240)));
    told("service_close", { socket: 1, code: 1000, reason: "" });
    expect([sent(first), sent(second)]).toEqual([[40], [20]]);
    expect(played.map(([number]) => number)).toEqual([1, 2]);
    expect(
      reports.filter((report) => report.socket === 1).flatMap(({ items }) => items.at(-1)!.kind),
    ).toContain("closed");
    expect(second.closed).toBeNull();
    // A third one would be one too many.
    open({ socket: 3 });
    open({ socket: 4 });
    expect(second.closed).toEqual([1000, ""]);
  });

  it("hands each socket to the test that listens", () => {
    const seen: unknown[] = [];
    vi.stubGlobal("__livewidgetTap", { onServiceSocket: (one: unknown) => seen.push(one) });
    expect(seen).toEqual([]);
    const opened = open();
    expect(seen).toEqual([opened]);
  });
});

describe("why a socket does not open", () => {
  const closed = () => ofKind("closed").map(({ code, cause, reason }) => [code, cause, reason]);

  it("says nothing but the code where nothing is known", async () => {
    told("service_open", TERMS);
    socket().fails();
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()).toEqual([[1006, "", ""]]);
  });

  it("knows a page with encryption, and an address without", () => {
    at("https://site.example/page");
    FakeSocket.refusal = new DOMException("", "SecurityError");
    told("service_open", { ...TERMS, url: "ws://service.example/ws" });
    expect(closed()).toEqual([[1006, "mixed", ""]]);
    told("service_open", { ...TERMS, socket: 2 });
    expect(closed()[1]).toEqual([1006, "blocked", ""]);
    FakeSocket.refusal = new DOMException("", "SyntaxError");
    told("service_open", { ...TERMS, socket: 3 });
    expect(closed()[2]).toEqual([1006, "", ""]);
    // As Firefox 153 puts it.
    FakeSocket.refusal = Object.assign(new Error(), { name: "NS_ERROR_CONTENT_BLOCKED" });
    told("service_open", { ...TERMS, socket: 4 });
    expect(closed()[3]).toEqual([1006, "blocked", ""]);
  });

  it.each([
    ["wss://service.example", "blocked"],
    ["wss://service.example/ws?access_token=x", "blocked"],
    ["https://service.example", "blocked"],
    ["https://elsewhere.example", ""],
    ["inline", ""],
  ])("knows the page's rules, whenever the browser tells of them: %s", async (blockedURI, cause) => {
    told("service_open", TERMS);
    socket().fails();
    vi.advanceTimersByTime(20);
    document.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), { blockedURI }));
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()).toEqual([[1006, cause, ""]]);
  });

  it("knows that there is no network, unless none is needed", async () => {
    network(false);
    told("service_open", TERMS);
    expect(FakeSocket.made).toEqual([]);
    expect(closed()).toEqual([[1006, "offline", ""]]);
    told("service_open", { ...TERMS, socket: 2, url: "ws://127.0.0.1:8080/ws" });
    expect(FakeSocket.made.length).toBe(1);
    socket().fails();
    await vi.advanceTimersByTimeAsync(100);
    expect(closed()[1]).toEqual([1006, "", ""]);
  });

  it("knows a browser without sockets", () => {
    vi.stubGlobal("WebSocket", undefined);
    told("service_open", TERMS);
    expect(closed()).toEqual([[1006, "unsupported", ""]]);
  });
});

describe("a token from the page's own server", () => {
  let asked: [url: string, options: RequestInit][];
  let reply: () => Promise<Response>;

  beforeEach(() => {
    asked = [];
    vi.stubGlobal("fetch", (url: URL, options: RequestInit) => {
      asked.push([url.href, options]);
      return reply();
    });
  });

  const ask = async (token_path = "/live/token", number = 1) => {
    told("service_open", { ...TERMS, socket: number, token: "", token_path });
    await vi.advanceTimersByTimeAsync(1);
  };

  it("is asked for with the page's cookies, and used", async () => {
    reply = async () => Response.json({ name: "auth_tokens/abc", uses: 1 });
    await ask();
    expect(asked).toMatchObject([
      ["http://localhost:8888/live/token", { method: "POST", credentials: "same-origin" }],
    ]);
    expect(socket().url).toBe("wss://service.example/ws?access_token=auth_tokens%2Fabc");
  });

  it.each<[string, () => Promise<Response>, RegExp]>([
    [
      "the server's own sentence",
      async () => Response.json({ error: { code: 429, message: "20 an hour are given." } }, { status: 429 }),
      /^20 an hour are given\.$/,
    ],
    [
      "its status",
      async () => new Response("<h1>no</h1>", { status: 404 }),
      /^the page's own server answered with HTTP status 404\.$/,
    ],
    ["its status", async () => Response.json({ name: 7 }), /HTTP status 200\.$/],
    [
      "that it does not answer",
      async () => {
        throw new TypeError("Failed to fetch");
      },
      /did not answer\. Check that it runs, then press ● again\.$/,
    ],
  ])("is missing: %s is told", async (_what, answers, sentence) => {
    reply = answers;
    await ask();
    expect(FakeSocket.made).toEqual([]);
    expect(ofKind("closed")).toMatchObject([{ code: 1006, cause: "token" }]);
    expect(ofKind("closed")[0]!.reason).toMatch(sentence);
  });

  it("is asked for nowhere else", async () => {
    reply = async () => Response.json({ name: "auth_tokens/abc" });
    await ask("//elsewhere.example/token");
    expect(asked).toEqual([]);
    expect(ofKind("closed")).toMatchObject([{ cause: "token" }]);
  });

  it("that comes after the socket was given up opens nothing", async () => {
    let done = (_answer: Response) => {};
    reply = () =>
      new Promise((resolve) => {
        done = resolve;
      });
    await ask();
    service.hangUp();
    expect(kinds()).toEqual(["closed"]);
    done(Response.json({ name: "auth_tokens/abc" }));
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.made).toEqual([]);
    await ask("/live/token", 2);
    service.hangUp();
    done(new Response("", { status: 500 }));
    await vi.advanceTimersByTimeAsync(1);
    expect(kinds()).toEqual(["closed", "closed"]);
  });
});

describe("the microphone", () => {
  it("goes onto the socket chunk by chunk, in the tick in which it came", () => {
    const opened = talk();
    service.sendAudio(Int16Array.of(1, -2, 300));
    expect(opened.sent).toEqual([
      '{"realtimeInput":{"audio":{"data":"AQD+/ywB","mimeType":"audio/pcm;rate=16000"}}}',
    ]);
  });

  it("waits until it is told to talk: ten seconds of it, and all presses", () => {
    service.sendActivity(true);
    speak(12_000);
    service.sendActivity(false);
    const opened = open();
    speak(20);
    expect(opened.sent).toEqual([]);
    told("service_send", { socket: 1, frame: '{"setup":{}}' });
    told("service_talk", { socket: 1 });
    expect(sent(opened)).toEqual(["setup", "activityStart", 9980, "activityEnd", 20]);
  });

  it("forgets the oldest presses as a whole", () => {
    for (let press = 0; press < 30; press++) {
      service.sendActivity(true);
      speak(20);
      service.sendActivity(false);
    }
    const opened = talk();
    const all = sent(opened);
    expect(all.length).toBe(60);
    expect(all.slice(0, 3)).toEqual(["activityStart", 20, "activityEnd"]);
  });

  it("keeps a press in order across a break", () => {
    const first = talk();
    service.sendActivity(true);
    speak(40);
    first.ends();
    speak(40);
    service.sendActivity(false);
    const second = talk({ socket: 2 });
    expect(sent(first)).toEqual(["activityStart", 40]);
    expect(sent(second)).toEqual([40, "activityEnd"]);
    expect(kinds()).toEqual(["opened", "activity", "sound", "closed", "opened", "sound", "activity"]);
  });

  it("reports what was sent: joined, in order, counted over all sockets", () => {
    talk();
    speak(200);
    vi.advanceTimersByTime(100);
    socket().ends();
    talk({ socket: 2 });
    speak(100);
    vi.advanceTimersByTime(100);
    const sounds = ofKind("sound");
    expect(sounds.length).toBeLessThan(6);
    let next = 0;
    for (const { first, samples, is_speech } of sounds) {
      expect([first, is_speech]).toEqual([next, true]);
      next += samples;
    }
    expect(next).toBe(4800);
  });

  it("tells speech from silence, and dates both by their end", () => {
    talk();
    vi.advanceTimersByTime(1000);
    const begin = performance.now();
    speak(100);
    speak(100, 0);
    vi.advanceTimersByTime(300);
    expect(ofKind("sound")).toEqual([
      { kind: "sound", first: 0, samples: 1600, is_speech: true, at_ms: begin + 80 + 20 },
      { kind: "sound", first: 1600, samples: 1600, is_speech: false, at_ms: begin + 200 },
    ]);
  });

  it("sends again what a connection broke over, from memory, and reports it no second time", () => {
    const first = talk();
    for (let chunk = 0; chunk < 10; chunk++) {
      service.sendAudio(new Int16Array(320).fill(1000 + chunk));
    }
    first.ends();
    const second = open({ socket: 2 });
    told("service_sound", { socket: 2, first: 480, samples: 640 });
    const again = second.sent.flatMap((frame) => [...soundIn(frame)!]);
    expect(again.length).toBe(640);
    expect([again[0], again[159], again[160], again[479], again[480]]).toEqual([
      1001, 1001, 1002, 1002, 1003,
    ]);
    expect(ofKind("sound").reduce((sum, { samples }) => sum + samples, 0)).toBe(3200);
    told("service_sound", { socket: 2, first: 1_000_000, samples: 320 });
    expect(second.sent.length).toBe(3);
  });

  it("remembers a minute", () => {
    talk();
    speak(61_000);
    const before = socket().sent.length;
    told("service_sound", { socket: 1, first: 0, samples: 16_000 });
    expect(socket().sent.length).toBe(before);
    told("service_sound", { socket: 1, first: 16_000, samples: 320 });
    expect(socket().sent.length).toBe(before + 1);
  });

  it("forgets with the conversation what waited and what was sent", () => {
    talk();
    speak(40);
    service.reset();
    speak(40);
    service.reset();
    const second = talk({ socket: 2 });
    told("service_sound", { socket: 2, first: 0, samples: 640 });
    expect(second.sent).toEqual([]);
  });

  it("is held from a tool call until its release, where the terms say so", () => {
    const opened = talk({ holds_calls: true });
    speak(20);
    opened.brings({ toolCall: { functionCalls: [{ id: "1", name: "f", args: {} }] } });
    service.sendActivity(true);
    speak(40);
    told("service_send", { socket: 1, frame: '{"toolResponse":{}}' });
    expect(sent(opened)).toEqual([20, "toolResponse"]);
    told("service_release", { socket: 1 });
    expect(sent(opened)).toEqual([20, "toolResponse", "activityStart", 40]);
    opened.brings(answer({ functionCall: { name: "f" } }));
    speak(20);
    expect(sent(opened).at(-1)).toBe(40);
  });

  it("is held on the next socket too", () => {
    const first = talk({ holds_calls: true });
    first.brings({ toolCall: {} });
    first.ends();
    const second = talk({ socket: 2, holds_calls: true });
    speak(40);
    expect(second.sent).toEqual([]);
    told("service_release", { socket: 2 });
    expect(sent(second)).toEqual([40]);
    second.brings({ toolCall: {} });
    service.reset();
    const third = talk({ socket: 3 });
    speak(20);
    expect(sent(third)).toEqual([20]);
  });

  it("is not held where calls do not block the model", () => {
    const opened = talk();
    opened.brings({ toolCall: { functionCalls: [] } });
    speak(20);
    expect(sent(opened)).toEqual([20]);
  });

  it("ends with the silence that the model has to hear", () => {
    const opened = talk({ end_silence_ms: 250 });
    service.endAudio();
    expect(opened.sent).toEqual([]);
    speak(40);
    service.endAudio();
    service.endAudio();
    expect(sent(opened)).toEqual([290, "audioStreamEnd"]);
    expect(opened.sent.slice(2, 5).map((frame) => soundIn(frame)!.length)).toEqual([1600, 1600, 800]);
    expect(kinds()).toEqual(["opened", "sound", "sound", "audio_end"]);
    expect(ofKind("sound")[1]).toMatchObject({ first: 640, samples: 4000, is_speech: false });
    speak(20);
    expect(sent(opened)).toEqual([290, "audioStreamEnd", 20]);
  });

  it("pauses when nobody speaks, and begins half a second before the next word", () => {
    const opened = talk({ pause_ms: 1000, end_silence_ms: 300 });
    speak(200);
    speak(3000, 0);
    expect(sent(opened)).toEqual([1200, "audioStreamEnd"]);
    service.endAudio();
    speak(100);
    // The mute threw away what was kept; the next pause does not.
    expect(sent(opened)).toEqual([1200, "audioStreamEnd", 100]);
    speak(3000, 0);
    speak(20);
    expect(sent(opened)).toEqual([1200, "audioStreamEnd", 1100, "audioStreamEnd", 520]);
  });

  it("sends the rest of the silence where the pause is shorter than what ends a turn", () => {
    const opened = talk({ pause_ms: 200, end_silence_ms: 700 });
    speak(100);
    speak(1000, 0);
    expect(sent(opened)).toEqual([100 + 200 + 500, "audioStreamEnd"]);
  });

  it.each<[string, Partial<ServiceOpen>, () => void]>([
    ["the model answers", {}, () => socket().brings(answer(voice(10)))],
    [
      "somebody has the floor",
      {},
      () => {
        listening = false;
      },
    ],
    ["all is needed", { needs_all: true }, () => {}],
    ["it is never to", { pause_ms: 0 }, () => {}],
  ])("does not pause while %s", (_why, terms, happen) => {
    const opened = talk({ pause_ms: 500, ...terms });
    happen();
    speak(2000, 0);
    expect(sent(opened)).toEqual([2000]);
  });

  it("waits here, and not in the browser, where the network takes nothing", () => {
    const opened = talk();
    opened.bufferedAmount = 600 * 1024;
    speak(400);
    expect(opened.sent).toEqual([]);
    opened.bufferedAmount = 0;
    vi.advanceTimersByTime(50);
    expect(sent(opened)).toEqual([400]);
  });
});

describe("the voice", () => {
  it("is played from the frame, and told as its length", () => {
    const opened = talk();
    vi.advanceTimersByTime(500);
    const now = performance.now();
    opened.brings(answer(voice(3, 8192), { text: "aside" }));
    expect(played).toEqual([[1, 0, [8192, 8192, 8192]]]);
    expect(items().at(-1)).toEqual({
      kind: "frame",
      text: '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"","samples":3,"peak":0.25}},{"text":"aside"}]}}}',
      voice: 1,
      first: 0,
      at_ms: now,
    });
  });

  it("is numbered by answer, and counted on over frames and sockets", () => {
    const opened = talk();
    opened.brings(answer(voice(4), voice(2)));
    opened.brings(answer(voice(5)));
    opened.brings({ serverContent: { generationComplete: true } });
    opened.brings(COMPLETE);
    opened.brings(answer(voice(1)));
    opened.ends();
    const second = talk({ socket: 2 });
    second.brings(answer(voice(1)));
    expect(played.map(([number, first]) => [number, first])).toEqual([
      [1, 0],
      [1, 4],
      [1, 6],
      [2, 0],
      [3, 0],
    ]);
    expect(ended).toEqual([1, 1, 2]);
    expect(ofKind("frame").map(({ voice, first }) => [voice ?? 0, first ?? 0])).toEqual([
      [1, 0],
      [1, 6],
      [0, 0],
      [0, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  it("leaves the rest of the text as it came, also what JavaScript cannot count", () => {
    const opened = talk();
    const data = toBase64(new Uint8Array(8));
    const text = `{ "usageMetadata": {"n": 12345678901234567890}, "note": "${data}", "serverContent": {"modelTurn":{"parts":[{"inlineData": {"data" : "${data}", "mimeType":"audio/pcm"}}]}} }`;
    opened.brings(text);
    expect(ofKind("frame")[0]!.text).toBe(
      text.replace(`"data" : "${data}"`, '"data" : "","samples":4,"peak":0'),
    );
  });

  it("is found however its JSON is spelled", () => {
    const opened = talk();
    opened.brings(
      '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"\\/\\/8BAA==","mimeType":"audio/pcm"}}]}}}',
    );
    expect(played).toEqual([[1, 0, [-1, 1]]]);
    const part = { data: "", mimeType: "audio/pcm", samples: 2, peak: 0 };
    expect(JSON.parse(ofKind("frame")[0]!.text)).toEqual(answer({ inlineData: part }));
  });

  it("is brought to 24 kHz, and told at its own rate", () => {
    const opened = talk();
    opened.brings(answer(voice(1600, 8000, 16_000)));
    opened.brings(answer(voice(1600, 8000, 16_000)));
    const total = () => played.reduce((sum, [, , samples]) => sum + samples.length, 0);
    // The filter looks ahead.
    expect(total()).toBeLessThan(4780);
    opened.brings(COMPLETE);
    expect(total()).toBe(4800);
    played.forEach(([number, first], index) => {
      const before = played.slice(0, index).reduce((sum, [, , samples]) => sum + samples.length, 0);
      expect([number, first]).toEqual([1, before]);
    });
    expect(played[1]![2][100]).toBeGreaterThan(7900);
    vi.advanceTimersByTime(100);
    expect(ofKind("frame").map(({ text }) => /"samples":(\d+)/.exec(text)?.[1])).toEqual([
      "1600",
      "1600",
      undefined,
    ]);
  });

  it("joins samples that are cut in two", () => {
    const opened = talk();
    const half = (bytes: number[]) =>
      answer({ inlineData: { mimeType: "audio/pcm", data: toBase64(Uint8Array.from(bytes)) } });
    opened.brings(half([1, 0, 2]));
    opened.brings(half([0, 3, 0]));
    expect(played).toEqual([
      [1, 0, [1]],
      [1, 1, [2, 3]],
    ]);
    vi.advanceTimersByTime(100);
    expect(ofKind("frame").map(({ text }) => /"samples":(\d)/.exec(text)?.[1])).toEqual(["1", "2"]);
  });

  it.each([
    ["no base64", { mimeType: "audio/pcm", data: "*" }],
    ["another sound", { mimeType: "audio/opus", data: "AAAA" }],
    ["a rate that cannot be converted", { mimeType: "audio/pcm;rate=23999", data: "AAAA" }],
    ["a picture", { mimeType: "image/png", data: "AAAA" }],
  ])("goes to the kernel as it is where it is %s", (_what, inlineData) => {
    const opened = talk();
    opened.brings(answer({ inlineData }));
    expect(played).toEqual([]);
    expect(JSON.parse(ofKind("frame")[0]!.text)).toEqual(answer({ inlineData }));
  });

  it.each([
    "not JSON",
    "[]",
    "null",
    "7",
    '{"serverContent":7}',
    '{"serverContent":{"modelTurn":{"parts":[null,3]}}}',
  ])("takes whatever comes: %s", (text) => {
    const opened = talk();
    opened.brings(text, false);
    expect(ofKind("frame")).toMatchObject([{ text }]);
  });

  it("is silent at an interruption, before anything else", () => {
    const opened = talk();
    opened.brings(answer(voice(4)));
    const order: string[] = [];
    vi.spyOn(hushed, "push").mockImplementation(() => order.push("hush"));
    vi.spyOn(reports, "push").mockImplementation(() => order.push("report"));
    opened.brings(INTERRUPTED);
    expect(order).toEqual(["hush", "report"]);
    vi.restoreAllMocks();
    opened.brings(answer(voice(4)));
    expect(played.map(([number]) => number)).toEqual([1, 2]);
  });

  it("is silent although its last sound comes with the interruption", () => {
    const opened = talk();
    opened.brings({ serverContent: { interrupted: true, ...answer(voice(4)).serverContent } });
    expect([played.length, hushed.at(-1)]).toEqual([1, 1]);
  });

  it("is cut by speech once the service has said all of it, not before", () => {
    const opened = talk();
    const start = { voiceActivity: { type: "ACTIVITY_START" } };
    opened.brings(answer(voice(4)));
    opened.brings(start);
    expect(hushed).toEqual([]);
    opened.brings(COMPLETE);
    opened.brings(start);
    opened.brings({ voiceActivityDetectionSignal: { vadSignalType: "VAD_SIGNAL_TYPE_SOS" } });
    opened.brings({ voiceActivity: { voiceActivityType: "ACTIVITY_END" } });
    expect(hushed).toEqual([1, 1]);
  });

  it("is cut by a press, unless the model does not let itself be interrupted", () => {
    const opened = talk();
    opened.brings(answer(voice(4)));
    service.sendActivity(true);
    expect(hushed).toEqual([1]);
    told("service_send", {
      socket: 1,
      frame: '{"setup":{"realtimeInputConfig":{"activityHandling":"NO_INTERRUPTION"}}}',
    });
    service.sendActivity(true);
    expect(hushed).toEqual([1]);
    opened.brings(COMPLETE);
    service.sendActivity(true);
    expect(hushed).toEqual([1, 1]);
  });

  it("is known by its turn once the kernel has said so", () => {
    expect(service.turnOf(1, 100)).toBeNull();
    told("service_voice", { voice: 1, first: 0, turn: 5, sample: 0 });
    told("service_voice", { voice: 1, first: 4800, turn: 7, sample: 100 });
    told("service_voice", { voice: 2, first: 0, turn: 9, sample: 0 });
    expect(service.turnOf(1, 4799)).toEqual({ turn: 5, sample: 4799 });
    expect(service.turnOf(1, 4900)).toEqual({ turn: 7, sample: 200 });
    expect(service.turnOf(2, 10)).toEqual({ turn: 9, sample: 10 });
    expect(service.turnOf(3, 10)).toBeNull();
  });
});

describe("reports", () => {
  const CHUNK = answer(voice(960));

  it("tell at once what is no sound, and the first sound of a voice; the rest within 80 ms", () => {
    const opened = talk();
    opened.brings({ setupComplete: {} });
    expect(kinds()).toEqual(["opened", "frame"]);
    opened.brings(CHUNK);
    expect(kinds().length).toBe(3);
    opened.brings(CHUNK);
    vi.advanceTimersByTime(40);
    opened.brings(CHUNK);
    expect(kinds().length).toBe(3);
    vi.advanceTimersByTime(40);
    expect(reports.at(-1)!.items.length).toBe(2);
    opened.brings(CHUNK);
    opened.brings({ serverContent: { outputTranscription: { text: "so" } } });
    expect(reports.at(-1)!.items.length).toBe(2);
  });

  it("let silence wait for a quarter of a second", () => {
    talk();
    speak(240, 0);
    expect(ofKind("sound")).toEqual([]);
    speak(60, 0);
    expect(ofKind("sound").length).toBe(1);
  });

  it("wait for a busy kernel, grow, and lose nothing", () => {
    const opened = talk();
    opened.brings(CHUNK);
    const before = reports.length;
    unacked = 24;
    for (let step = 0; step < 500; step++) {
      speak(20);
      opened.brings(step % 10 === 7 ? answer(voice(960, 16_384)) : CHUNK);
      if (step % 100 === 50) {
        opened.brings({ serverContent: { outputTranscription: { text: `word ${step}` } } });
      }
    }
    expect(reports.length).toBe(before);
    unacked = 0;
    vi.advanceTimersByTime(100);
    const late = reports.slice(before).flatMap((report) => report.items);
    // Ten seconds: two items for each second, the words, and little more.
    expect(late.length).toBeLessThan(50);
    expect(
      late.filter(({ kind, ...item }) => kind === "frame" && String(Object(item).text).includes("word"))
        .length,
    ).toBe(5);
    let next = 0;
    for (const item of late) {
      if (item.kind === "sound") {
        expect(item.first).toBe(next);
        expect(item.samples).toBeLessThanOrEqual(16_000);
        next += item.samples;
      }
    }
    expect(next).toBe(160_000);
    // The loudest of what was joined.
    const merged = late.find((item) => item.kind === "frame" && item.text.includes('"samples":4'));
    expect(merged && "text" in merged && /"peak":([\d.]+)/.exec(merged.text)?.[1]).toBe("0.5");
    let place = 960;
    for (const item of late) {
      const samples = item.kind === "frame" ? /"samples":(\d+)/.exec(item.text)?.[1] : undefined;
      if (item.kind === "frame" && samples) {
        expect([item.voice, item.first]).toEqual([1, place]);
        place += Number(samples);
      }
    }
    expect(place).toBe(960 * 501);
    const dates = late.map(({ at_ms }) => at_ms);
    expect(dates).toEqual([...dates].sort((a, b) => a - b));
  });

  it("are cut into parts that can be repeated", () => {
    const opened = talk();
    unacked = 24;
    for (let words = 0; words < 100; words++) {
      opened.brings({ serverContent: { outputTranscription: { text: "x".repeat(5000) } } });
    }
    unacked = 0;
    vi.advanceTimersByTime(100);
    const sizes = reports.map(({ items }) => JSON.stringify(items).length);
    expect(Math.max(...sizes)).toBeLessThan(70_000);
    expect(ofKind("frame").length).toBe(100);
  });

  it("are sent with the end whether or not the kernel takes them", () => {
    const opened = talk();
    unacked = 24;
    opened.brings({ serverContent: { outputTranscription: { text: "said" } } });
    opened.ends();
    expect(kinds()).toEqual(["opened", "frame", "closed"]);
  });

  it("have a bound, beyond which the socket is closed", () => {
    const opened = talk();
    unacked = 24;
    const words = { serverContent: { outputTranscription: { text: "x".repeat(100_000) } } };
    for (let size = 0; size <= MAX_PENDING; size += 100_000) {
      expect(opened.closed).toBeNull();
      opened.brings(words);
    }
    expect(opened.closed).toEqual([1000, ""]);
    expect(items().at(-1)).toMatchObject({ kind: "closed", cause: "" });
  });

  it("hold no frame that the kernel would not take: the socket is closed for it", () => {
    const opened = talk();
    opened.brings({ toolCall: { text: "x".repeat(1_000_000) } });
    expect(ofKind("frame")).toEqual([]);
    expect(ofKind("closed")).toMatchObject([{ code: 1009 }]);
    expect(opened.closed).toEqual([1000, ""]);
  });
});

describe("pictures", () => {
  const picture = (number: number, source: "camera" | "file" = "camera") => ({
    source,
    mime_type: "image/jpeg" as const,
    width: 4,
    height: 3,
    number,
    data: Uint8Array.of(255, 216, number).buffer,
  });

  it("go straight onto the socket, one a second, and are told", () => {
    const opened = talk();
    expect(service.takesFrames).toBe(true);
    expect(service.sendPicture(picture(1))).toBe(true);
    expect(opened.sent).toEqual(['{"realtimeInput":{"video":{"data":"/9gB","mimeType":"image/jpeg"}}}']);
    expect(items().at(-1)).toEqual({
      kind: "image",
      at_ms: performance.now(),
      source: "camera",
      mime_type: "image/jpeg",
      width: 4,
      height: 3,
      size: 3,
      number: 1,
    });
    expect([service.takesFrames, service.sendPicture(picture(2))]).toEqual([false, false]);
    vi.advanceTimersByTime(1000);
    expect(service.sendPicture(picture(3))).toBe(true);
    expect(ofKind("image").map(({ number }) => number)).toEqual([1, 3]);
  });

  it("leave their second to those of Python", () => {
    talk();
    told("service_send", {
      socket: 1,
      frame: '{"realtimeInput":{"video":{"data":"","mimeType":"image/jpeg"}}}',
    });
    expect(service.takesFrames).toBe(false);
  });

  it("of files wait, eight of them, also for a socket", () => {
    for (let number = 1; number <= 9; number++) {
      expect(service.sendPicture(picture(number, "file"))).toBe(number < 9);
    }
    talk();
    expect(service.takesFrames).toBe(false);
    vi.advanceTimersByTime(3500);
    expect(ofKind("image").map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  it("of a camera wait for nothing: not for a tool, and not for the network", () => {
    const opened = talk({ holds_calls: true });
    opened.bufferedAmount = 100_000;
    expect(service.takesFrames).toBe(false);
    opened.bufferedAmount = 0;
    opened.brings({ toolCall: {} });
    expect(service.sendPicture(picture(1))).toBe(false);
    told("service_release", { socket: 1 });
    expect(opened.sent).toEqual([]);
  });

  it("are sent again from memory, the last four", () => {
    talk();
    for (let number = 1; number <= 5; number++) {
      service.sendPicture(picture(number));
      vi.advanceTimersByTime(1000);
    }
    socket().ends();
    const second = open({ socket: 2 });
    told("service_image", { socket: 2, number: 1 });
    told("service_image", { socket: 2, number: 2 });
    expect(second.sent.map((frame) => JSON.parse(frame).realtimeInput.video.data)).toEqual(["/9gC"]);
    expect(ofKind("image").length).toBe(5);
  });
});

describe("a network that is gone", () => {
  it("is noticed by what does not leave, silence of the service by itself being no sign", () => {
    const opened = talk();
    speak(20_000);
    expect(opened.closed).toBeNull();
    opened.isStuck = true;
    speak(3500);
    expect(opened.closed).toBeNull();
    speak(1000);
    expect(opened.closed).toEqual([1000, ""]);
    expect(items().at(-1)).toMatchObject({ kind: "closed", code: 1006, cause: "" });
  });

  it("is not taken for a slow one, from which some bytes leave", () => {
    const opened = talk();
    opened.isStuck = true;
    for (let second = 0; second < 40; second++) {
      speak(500);
      opened.bufferedAmount -= 100;
    }
    expect(opened.closed).toBeNull();
    // Nor where nothing more is sent.
    opened.isStuck = false;
    for (let second = 0; second < 10; second++) {
      vi.advanceTimersByTime(1000);
      opened.bufferedAmount -= 100;
    }
    expect(opened.closed).toBeNull();
  });

  it("is noticed where the browser says so, after a moment", () => {
    const opened = talk();
    network(false);
    vi.advanceTimersByTime(2500);
    network(true);
    vi.advanceTimersByTime(3000);
    expect(opened.closed).toBeNull();
    network(false);
    vi.advanceTimersByTime(3500);
    expect(items().at(-1)).toMatchObject({ kind: "closed", code: 1006, cause: "offline" });
  });

  it("matters not to a server of this computer", () => {
    const opened = talk({ url: "ws://localhost:8080/ws" });
    network(false);
    vi.advanceTimersByTime(10_000);
    expect(opened.closed).toBeNull();
  });

  it("is not taken from a page that stood still", () => {
    const opened = talk();
    opened.bufferedAmount = 1000;
    vi.advanceTimersByTime(2000);
    // The computer slept: the clock went on, timers did not.
    vi.setSystemTime(0);
    vi.advanceTimersByTime(0);
    const now = performance.now();
    vi.spyOn(performance, "now").mockImplementation(() => now + 60_000);
    vi.advanceTimersByTime(250);
    expect(opened.closed).toBeNull();
    vi.restoreAllMocks();
  });
});
