// The page's own socket to the Live API, held for the kernel, which stays the session. The kernel's half is
// livewidget/ui/direct.py.
//
// In: what the kernel asks for on the lane "service"; the microphone's chunks, presses and pictures of this page; the
// frames of the service. Out: microphone and pictures, straight onto the socket; the voice, straight to the player; and
// reports to the kernel: every frame, with sound replaced by its length, and all that this page has sent, in order and
// dated by the page's clock. What the frames mean is decided in the kernel, apart from what cannot wait for it: silence at
// an interruption, and the microphone while the model waits for a tool.

import { SpeechLevel } from "./audio/levels.ts";
import { MICROPHONE_RATE, SilenceSuppressor, toMs } from "./audio/packets.ts";
import { toBase64 } from "./audio/pcm.ts";
import { isPlayable, pcmRate, VoiceStream } from "./audio/voice-stream.ts";
import type { ServiceMessage } from "./bridge.ts";
import { isLoopback } from "./link.ts";
import { testTap } from "./media/context.ts";
import type {
  CloseCause,
  ServiceClosed,
  ServiceFrame,
  ServiceImage,
  ServiceItem,
  ServiceOpen,
  ServiceVoice,
} from "./messages.gen.ts";
import type { Scope } from "./scope.ts";
import {
  bytesOf,
  type Frame,
  GATHER_MS,
  GATHER_SILENCE_MS,
  isOnlySound,
  isSpeechStart,
  MAX_FRAME,
  MAX_PENDING,
  type Part,
  type Pending,
  parse,
  partsOf,
  ReportQueue,
  withoutSound,
} from "./service-reports.ts";

type Sound = Int16Array<ArrayBuffer>;
export interface ServiceHandlers {
  /** What has happened on the socket, for the kernel, which is to get it once and in order. */
  onReport(socket: number, items: ServiceItem[]): void;
  /** How many of these reports the kernel has not taken yet. */
  unacked(): number;
  /** PCM16 at 24 kHz; `first` is its place in the voice. */
  onModelAudio(voice: number, first: number, samples: Sound): void;
  /** No more comes of a voice. */
  onModelAudioEnd(voice: number): void;
  /** Silence at once, unless a newer voice is playing; what still comes of this one is not played. */
  onHush(voice: number): void;
  /** Whether nobody has the floor, as far as the kernel has said. */
  isListening(): boolean;
}

/** Sound that waits for a socket, in ms; beyond that the oldest is dropped. As the packet queue for a busy kernel. */
const WAITING_MS = 10_000;
/** Presses that wait for a socket; chosen: more than anybody makes while a connection is replaced. */
const WAITING_PRESSES = 20;
/** Sound that is kept once it is sent, in ms, as AUDIO_MS in livewidget/session/outbox.py. */
const KEPT_MS = 60_000;
/** Longest piece of silence in one message, 100 ms: the Live API's guide asks for 20 to 100 ms. */
const SILENCE_PIECE = MICROPHONE_RATE / 10;
/** One picture a second: what the service takes, as INTERVAL_MS in livewidget/pictures/picture.py. */
const PICTURE_MS = 1000;
/** Picture files that wait for their second, as MAX_WAITING in livewidget/ui/images.py. */
const WAITING_PICTURES = 8;
/** Pictures kept once they are sent, as the kernel asks for no older one. */
const KEPT_PICTURES = 4;
/** Bytes that the browser may hold back before sound waits here instead; chosen: ten seconds of it, or a large picture. */
const MAX_BUFFERED = 512 * 1024;
/** No frame of a camera is added to so many bytes; chosen: a second and a half of sound. */
const CONGESTED = 64 * 1024;
/** A socket from which no byte has left for so long is dead; chosen: longer than a Wi-Fi needs to change its cell. */
const STUCK_MS = 4000;
/** A browser without a network has so long to find one; chosen: as long as that takes after opening a laptop. */
const OFFLINE_MS = 3000;
/** With more time between two looks the page stood still, not the network. Timers of hidden pages come once a second. */
const STANDSTILL_MS = 1500;
const LOOK_MS = 250;
/** The news that the page's rules forbid an address may come after the socket was closed; chosen: a few tasks later. */
const VIOLATION_MS = 50;
/** This page's own server has so long to give a token; as its kernel has in livewidget/connection/gemini.py. */
const TOKEN_MS = 10_000;
/** Names of the errors with which browsers forbid an address: all of them, and Firefox for what the page's rules forbid. */
const FORBIDDEN = ["SecurityError", "NS_ERROR_CONTENT_BLOCKED"];
/** One in use, and one that takes over. */
const MAX_SOCKETS = 2;
/** `WebSocket.OPEN` */
const OPEN = 1;
/** Bytes of the reason in a close frame, and characters of it in a report. */
const MAX_REASON = 123;
const MAX_DETAIL = 500;

// What the page sends

/** What the kernel is told of a picture, and its bytes. */
type Picture = Omit<ServiceImage, "kind" | "at_ms" | "size"> & { data: ArrayBuffer };

type Waiting =
  | { kind: "sound"; samples: Sound; isSpeech: boolean }
  | { kind: "activity"; active: boolean }
  /** The microphone pauses; so much silence was sent before that. */
  | { kind: "end"; quietMs: number };

/** Sound that was sent, in case that a connection breaks over it. */
class Memory {
  #kept: { first: number; samples: Sound }[] = [];

  add(first: number, samples: Sound): void {
    this.#kept.push({ first, samples });
    const oldest = first + samples.length - (KEPT_MS * MICROPHONE_RATE) / 1000;
    while (this.#kept[0]!.first + this.#kept[0]!.samples.length <= oldest) {
      this.#kept.shift();
    }
  }

  /** What is left of `count` samples from `first` on, in order. */
  read(first: number, count: number): Sound[] {
    return this.#kept
      .map((kept) =>
        kept.samples.slice(Math.max(0, first - kept.first), Math.max(0, first + count - kept.first)),
      )
      .filter(({ length }) => length > 0);
  }

  clear(): void {
    this.#kept = [];
  }
}

const audioFrame = (samples: Sound) =>
  `{"realtimeInput":{"audio":{"data":"${toBase64(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))}","mimeType":"audio/pcm;rate=${MICROPHONE_RATE}"}}}`;
const pictureFrame = ({ data, mime_type }: Picture) =>
  `{"realtimeInput":{"video":{"data":"${toBase64(new Uint8Array(data))}","mimeType":"${mime_type}"}}}`;

/** A socket, from the kernel's wish for it until the kernel is told that it is closed. */
interface Connection {
  scope: Scope;
  terms: ServiceOpen;
  stream: VoiceStream;
  reports: ReportQueue;
  /** Null while a token is fetched. */
  socket: WebSocket | null;
  opened: boolean;
  /** All that comes first has been sent: this page may speak. */
  talks: boolean;
  /** The page's rules forbid the address. */
  blocked: boolean;
  /** Bytes that the browser held back at the last look, those given to it since, and when some left last. */
  buffered: number;
  added: number;
  leftMs: number;
  lookedMs: number;
  /** Since when the browser has had no network. */
  offlineMs: number | null;
}

const isOffline = () => navigator.onLine === false;

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return "";
  }
}

/** A network is needed for it: the computer's own servers answer without. */
const isRemote = ({ url }: ServiceOpen) => !isLoopback({ hostname: hostOf(url) });

/** Browsers cannot set headers: the token is in the address. */
const addressOf = (url: string, token: string) =>
  token === "" ? url : `${url}${url.includes("?") ? "&" : "?"}access_token=${encodeURIComponent(token)}`;

/** Asks this page's own server for a token; throws an error that says why there is none, for the person. */
async function fetchToken(path: string): Promise<string> {
  const url = new URL(path, location.href);
  if (url.origin !== location.origin) {
    throw new Error("it is asked for at the page's own server only, so token_url has to be a path there.");
  }
  const answer = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
    signal: AbortSignal.timeout(TOKEN_MS),
  }).catch(() => {
    throw new Error("the page's own server did not answer. Check that it runs, then press ● again.");
  });
  const told: { name?: unknown; error?: { message?: unknown } } = Object(
    await answer.json().catch(() => ({})),
  );
  if (answer.ok && typeof told.name === "string" && told.name !== "") {
    return told.name;
  }
  const { message } = Object(told.error) as { message?: unknown };
  throw new Error(
    typeof message === "string" && message.trim() !== ""
      ? message.trim().slice(0, 500)
      : `the page's own server answered with HTTP status ${answer.status}.`,
  );
}

export class ServiceSocket {
  readonly #scope: Scope;
  readonly #handlers: ServiceHandlers;
  readonly #now: () => number;
  readonly #memory = new Memory();
  readonly #level = new SpeechLevel();
  readonly #suppressor = new SilenceSuppressor();
  /** Oldest first. A second one is opened beside the first where another model takes over. */
  #connections: Connection[] = [];
  /** The number of the newest socket. */
  #number = 0;
  #voice = 0;
  #waiting: Waiting[] = [];
  #pictures: Picture[] = [];
  /** The last pictures that were sent, in case that a connection breaks over them. */
  #shown: Picture[] = [];
  #pictureMs = Number.NEGATIVE_INFINITY;
  /** Samples of the microphone that were ever sent. */
  #sent = 0;
  /** Sound was taken since the microphone paused last. */
  #streaming = false;
  /** Silence that the model has to hear before audio ends, in ms; as the newest socket's terms say. */
  #endSilenceMs = 0;
  #needsAll = false;
  /** The model waits for a tool and must not be spoken to, also on the next socket. */
  #held = false;
  /** The model lets itself be interrupted: so the setup says, which passes through here. */
  #interrupts = true;
  #voices: ServiceVoice[] = [];

  /** Opens nothing: that is for the kernel to say. */
  constructor(scope: Scope, handlers: ServiceHandlers, now: () => number) {
    this.#scope = scope;
    this.#handlers = handlers;
    this.#now = now;
    scope.add(() => this.hangUp());
  }

  /** True while a socket is open on which this page may speak. */
  get talks(): boolean {
    return this.#talking !== undefined;
  }

  /** Whether a frame of a camera would be sent now. */
  get takesFrames(): boolean {
    return (
      this.#isReady(this.#talking, CONGESTED) &&
      this.#pictures.length === 0 &&
      this.#now() - this.#pictureMs >= PICTURE_MS
    );
  }

  /** Does what the kernel asks for. What concerns a socket that is not in use any more is left. */
  receive(message: ServiceMessage): void {
    switch (message.kind) {
      case "service_open":
        this.#open(message.body);
        return;
      case "service_voice":
        this.#voices = [...this.#voices.slice(-63), message.body];
        return;
    }
    const { socket } = message.body;
    const connection = this.#connections.find(({ terms }) => terms.socket === socket);
    if (!connection) {
      return;
    }
    switch (message.kind) {
      case "service_send":
        this.#sendForKernel(connection, message.body.frame);
        break;
      case "service_sound":
        for (const samples of this.#memory.read(message.body.first, message.body.samples)) {
          this.#put(connection, audioFrame(samples));
        }
        break;
      case "service_image": {
        const { number } = message.body;
        const picture = this.#shown.find((one) => one.number === number);
        if (picture) {
          this.#pictureMs = this.#now();
          this.#put(connection, pictureFrame(picture));
        }
        break;
      }
      case "service_talk":
        connection.talks = true;
        this.#applyTerms(connection.terms);
        this.#pump();
        break;
      case "service_release":
        this.#held = false;
        this.#pump();
        break;
      case "service_close":
        this.#end(connection, { code: message.body.code, reason: message.body.reason, cause: "" });
        break;
    }
  }

  /** Where in which turn a sample of a voice is; null while the kernel has not said. */
  turnOf(voice: number, sample: number): { turn: number; sample: number } | null {
    const known = this.#voices.filter((one) => one.voice === voice && one.first <= sample);
    const found = known.at(-1);
    return found ? { turn: found.turn, sample: found.sample + sample - found.first } : null;
  }

  /** Takes the next chunk of the microphone, 20 ms of PCM16 at 16 kHz. */
  sendAudio(samples: Sound): void {
    const isSpeech = this.#level.isSpeech(samples);
    const isAnswering = this.#talking?.stream.isOpen === true;
    const needed = isSpeech || this.#needsAll || isAnswering || !this.#handlers.isListening();
    const wasPaused = this.#suppressor.paused;
    for (const piece of this.#suppressor.filter(samples, needed)) {
      this.#streaming = true;
      this.#wait({ kind: "sound", samples: piece, isSpeech });
    }
    if (this.#suppressor.paused && !wasPaused) {
      this.#streaming = false;
      this.#wait({ kind: "end", quietMs: this.#suppressor.quietMs });
    }
    this.#pump();
  }

  /** Push-to-talk begins or ends, in order with the sound. */
  sendActivity(active: boolean): void {
    if (active && (this.#interrupts || this.#talking?.stream.isOpen !== true)) {
      this.#handlers.onHush(this.#voice);
    }
    this.#wait({ kind: "activity", active });
    this.#pump();
  }

  /** The microphone pauses: the service need not wait for the rest of a sentence. */
  endAudio(): void {
    const wasPaused = this.#suppressor.paused;
    this.#suppressor.resume();
    if (!wasPaused && this.#streaming) {
      this.#streaming = false;
      this.#wait({ kind: "end", quietMs: 0 });
      this.#pump();
    }
  }

  /** Sends a file as soon as a picture may be sent, a frame now or never; returns false where it is not taken. */
  sendPicture(picture: Picture): boolean {
    if (picture.source === "file" ? this.#pictures.length >= WAITING_PICTURES : !this.takesFrames) {
      return false;
    }
    this.#pictures.push(picture);
    this.#pump();
    return true;
  }

  /** Closes what is open, and tells the kernel. What waits to be sent goes onto the next socket. */
  hangUp(): void {
    for (const connection of [...this.#connections]) {
      this.#break(connection);
    }
  }

  /** The conversation is over: closes what is open, and forgets what waited and what was sent. */
  reset(): void {
    this.hangUp();
    this.#waiting = [];
    this.#pictures = [];
    this.#shown = [];
    this.#memory.clear();
    this.#suppressor.resume();
    this.#streaming = false;
    this.#held = false;
  }

  // Opening and closing

  #open(terms: ServiceOpen): void {
    if (terms.socket <= this.#number) {
      return;
    }
    for (const oldest of this.#connections.slice(0, 1 - MAX_SOCKETS)) {
      this.#break(oldest);
    }
    this.#number = terms.socket;
    if (!this.#talking) {
      this.#applyTerms(terms);
    }
    const connection: Connection = {
      scope: this.#scope.child(),
      terms,
      stream: new VoiceStream(
        (...sound) => this.#handlers.onModelAudio(...sound),
        () => ++this.#voice,
      ),
      reports: new ReportQueue(
        (items) => this.#handlers.onReport(terms.socket, items),
        () => this.#handlers.unacked(),
      ),
      socket: null,
      opened: false,
      talks: false,
      blocked: false,
      buffered: 0,
      added: 0,
      leftMs: this.#now(),
      lookedMs: this.#now(),
      offlineMs: null,
    };
    this.#connections.push(connection);
    connection.scope.interval(() => this.#tick(connection), GATHER_MS / 2);
    connection.scope.interval(() => this.#look(connection), LOOK_MS);
    if (typeof WebSocket !== "function") {
      this.#end(connection, { code: 1006, reason: "", cause: "unsupported" });
    } else if (terms.token_path !== "") {
      fetchToken(terms.token_path).then(
        (token) => this.#dial(connection, token),
        (error: Error) => {
          const cause = isOffline() && !isLoopback() ? "offline" : "token";
          this.#end(connection, { code: 1006, reason: error.message, cause });
        },
      );
    } else {
      this.#dial(connection, terms.token);
    }
  }

  #dial(connection: Connection, token: string): void {
    const { terms, scope } = connection;
    if (!this.#connections.includes(connection)) {
      return;
    }
    if (isOffline() && isRemote(terms)) {
      this.#end(connection, { code: 1006, reason: "", cause: "offline" });
      return;
    }
    scope.listen<SecurityPolicyViolationEvent>(document, "securitypolicyviolation", (violation) => {
      // A browser may name the whole address or only its origin.
      connection.blocked ||= violation.blockedURI !== "" && isSameHost(violation.blockedURI, terms.url);
    });
    let socket: WebSocket;
    try {
      socket = new WebSocket(addressOf(terms.url, token));
    } catch (error) {
      const forbidden = FORBIDDEN.includes(String(Object(error).name));
      const mixed = location.protocol === "https:" && terms.url.startsWith("ws:");
      const cause = !forbidden ? "" : mixed ? "mixed" : "blocked";
      this.#end(connection, { code: 1006, reason: "", cause });
      return;
    }
    // Google's frames are binary, and JSON all the same.
    socket.binaryType = "arraybuffer";
    connection.socket = socket;
    testTap().onServiceSocket?.(socket);
    scope.listen(socket, "open", () => {
      connection.opened = true;
      connection.leftMs = this.#now();
      connection.reports.add({ kind: "opened", at_ms: this.#now() }, 0);
    });
    scope.listen<MessageEvent<string | ArrayBuffer>>(socket, "message", ({ data }) =>
      this.#onFrame(connection, typeof data === "string" ? data : new TextDecoder().decode(data)),
    );
    scope.listen<CloseEvent>(socket, "close", ({ code, reason }) => {
      if (connection.opened) {
        this.#end(connection, { code, reason, cause: code === 1006 ? this.#causeOf(connection) : "" });
      }
    });
    // Chromium says nothing more of a socket that the page's rules forbid.
    scope.listen(socket, "error", () => {
      if (!connection.opened) {
        scope.timeout(
          () => this.#end(connection, { code: 1006, reason: "", cause: this.#causeOf(connection) }),
          VIOLATION_MS,
        );
      }
    });
  }

  #causeOf({ blocked, terms }: Connection): CloseCause {
    return blocked ? "blocked" : isOffline() && isRemote(terms) ? "offline" : "";
  }

  /** This page gives a socket up by itself: to the conversation that is a break, from which it goes on if it can. */
  #break(connection: Connection): void {
    this.#end(connection, { code: 1006, reason: "", cause: "" });
  }

  /** A socket is over; the last report of it says how. */
  #end(connection: Connection, how: Required<Omit<ServiceClosed, "kind" | "at_ms">>): void {
    const { socket, stream, reports, scope } = connection;
    if (!this.#connections.includes(connection)) {
      return;
    }
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    scope.dispose();
    if (socket && socket.readyState <= OPEN) {
      const { code, reason } = how;
      const own = code === 1000 || (code >= 3000 && code < 5000);
      socket.close(own ? code : 1000, own ? utf8Start(reason) : "");
    }
    stream.drain();
    if (stream.isOpen) {
      this.#handlers.onModelAudioEnd(stream.voice);
    }
    const reason = how.reason.slice(0, MAX_DETAIL);
    reports.add({ kind: "closed", ...how, reason, at_ms: this.#now() }, 0);
    reports.flush();
  }

  // What the page sends

  /** The newest socket on which this page may speak. */
  get #talking(): Connection | undefined {
    return this.#connections.filter(({ talks }) => talks).at(-1);
  }

  #applyTerms(terms: ServiceOpen): void {
    this.#suppressor.afterMs = terms.pause_ms;
    this.#endSilenceMs = terms.end_silence_ms;
    this.#needsAll = terms.needs_all;
  }

  #isReady(connection: Connection | undefined, buffered = MAX_BUFFERED): connection is Connection {
    const socket = connection?.socket;
    return socket?.readyState === OPEN && !this.#held && socket.bufferedAmount < buffered;
  }

  #wait(item: Waiting): void {
    this.#waiting.push(item);
    let ms = this.#waiting.reduce(
      (sum, one) => sum + (one.kind === "sound" ? toMs(one.samples.length) : 0),
      0,
    );
    while (ms > WAITING_MS) {
      const [oldest] = this.#waiting.splice(
        this.#waiting.findIndex(({ kind }) => kind === "sound"),
        1,
      );
      ms -= oldest?.kind === "sound" ? toMs(oldest.samples.length) : 0;
    }
    if (this.#waiting.filter((one) => one.kind === "activity" && one.active).length > WAITING_PRESSES) {
      // The oldest press is forgotten as a whole, or the service would hear of an end without a start.
      this.#waiting.splice(0, 1 + this.#waiting.findIndex((one) => one.kind === "activity" && !one.active));
    }
  }

  /** Sends what waits, in order, as far as it may be sent. */
  #pump(): void {
    const connection = this.#talking;
    while (this.#waiting.length > 0 && this.#isReady(connection)) {
      this.#send(connection, this.#waiting.shift()!);
    }
    const now = this.#now();
    if (this.#pictures.length > 0 && now - this.#pictureMs >= PICTURE_MS && this.#isReady(connection)) {
      const picture = this.#pictures.shift()!;
      this.#pictureMs = now;
      this.#put(connection, pictureFrame(picture));
      this.#shown = [...this.#shown.slice(1 - KEPT_PICTURES), picture];
      const { data, ...place } = picture;
      connection.reports.add({ kind: "image", at_ms: now, size: data.byteLength, ...place }, 0);
    }
  }

  #send(connection: Connection, item: Waiting): void {
    switch (item.kind) {
      case "sound":
        this.#sendSound(connection, item.samples, item.isSpeech);
        break;
      case "activity":
        this.#put(connection, `{"realtimeInput":{"${item.active ? "activityStart" : "activityEnd"}":{}}}`);
        connection.reports.add({ kind: "activity", active: item.active, at_ms: this.#now() }, 0);
        break;
      case "end":
        for (
          let left = Math.round(((this.#endSilenceMs - item.quietMs) * MICROPHONE_RATE) / 1000);
          left > 0;
          left -= SILENCE_PIECE
        ) {
          this.#sendSound(connection, new Int16Array(Math.min(left, SILENCE_PIECE)), false);
        }
        this.#put(connection, '{"realtimeInput":{"audioStreamEnd":true}}');
        connection.reports.add({ kind: "audio_end", at_ms: this.#now() }, 0);
        break;
    }
  }

  #sendSound(connection: Connection, samples: Sound, isSpeech: boolean): void {
    this.#put(connection, audioFrame(samples));
    this.#memory.add(this.#sent, samples);
    const item = {
      kind: "sound",
      first: this.#sent,
      samples: samples.length,
      is_speech: isSpeech,
      at_ms: this.#now(),
    } as const;
    this.#sent += samples.length;
    connection.reports.add(item, isSpeech ? GATHER_MS : GATHER_SILENCE_MS);
    this.#checkSize(connection);
  }

  #sendForKernel(connection: Connection, frame: string): void {
    if (frame.startsWith('{"setup"')) {
      this.#interrupts = !frame.includes('"activityHandling":"NO_INTERRUPTION"');
    } else if (frame.startsWith('{"realtimeInput":{"video"')) {
      this.#pictureMs = this.#now();
    }
    this.#put(connection, frame);
  }

  #put(connection: Connection, frame: string): void {
    if (connection.socket?.readyState === OPEN) {
      connection.socket.send(frame);
      connection.added += frame.length;
    }
  }

  // What the service sends

  #onFrame(connection: Connection, text: string): void {
    const now = this.#now();
    const { stream } = connection;
    const frame = parse(text);
    const content = frame?.serverContent;
    const interrupted = content?.interrupted === true;
    if (interrupted || (frame && !stream.isOpen && isSpeechStart(frame))) {
      // Before anything else: it is heard. A voice that is not complete goes on until the service interrupts it.
      this.#handlers.onHush(stream.voice);
    }
    const parts = frame ? partsOf(frame) : [];
    if (connection.terms.holds_calls && (frame?.toolCall || parts.some((part) => part.functionCall))) {
      this.#held = true;
    }
    const played = this.#relay(connection, text, frame, parts, now);
    if (content?.generationComplete === true || content?.turnComplete === true) {
      stream.drain();
      this.#handlers.onModelAudioEnd(stream.voice);
    }
    if (interrupted || content?.turnComplete === true) {
      stream.end();
    }
    if (interrupted && played) {
      // Its own sound is interrupted with it.
      this.#handlers.onHush(stream.voice);
    }
    this.#checkSize(connection);
  }

  /** Plays the sound of a frame, and passes the rest to the kernel; returns whether there was sound. */
  #relay(connection: Connection, text: string, frame: Frame | null, parts: Part[], now: number): boolean {
    const { stream } = connection;
    const began = stream.isOpen ? stream.next : 0;
    let relayed = text;
    let from = 0;
    let hasSound = false;
    let samples = 0;
    let loudest = 0;
    let pureType: string | null = "";
    for (const part of parts) {
      const { mimeType, data } = Object(part.inlineData) as Exclude<Part["inlineData"], undefined>;
      const rate = typeof mimeType === "string" ? pcmRate(mimeType) : null;
      const isSound = rate !== null && isPlayable(rate) && typeof data === "string" && data !== "";
      const bytes = isSound ? bytesOf(data) : null;
      if (bytes === null || rate === null) {
        // The kernel says what is wrong with it.
        pureType = null;
        continue;
      }
      const { samples: count, peak } = stream.write(bytes, rate);
      loudest = Math.max(loudest, peak);
      hasSound = true;
      samples += count;
      pureType = pureType === "" || pureType === mimeType ? (mimeType as string) : null;
      const cut = withoutSound(relayed, data as string, `"samples":${count},"peak":${peak}`, from);
      if (cut) {
        ({ text: relayed, end: from } = cut);
      } else {
        relayed = "";
      }
      Object.assign(part.inlineData!, { data: "", samples: count, peak });
    }
    if (!hasSound || !frame) {
      this.#report(connection, { kind: "frame", text, at_ms: now }, 0);
      return false;
    }
    const { voice, next } = stream;
    const item = {
      kind: "frame",
      text: relayed || JSON.stringify(frame),
      voice,
      first: began,
      at_ms: now,
    } as const;
    // What is counted to the first sound of a voice does not wait.
    const pure = pureType !== null && began > 0 && isOnlySound(frame);
    this.#report(
      connection,
      item,
      pure ? GATHER_MS : 0,
      pure ? { mimeType: pureType!, samples, peak: loudest, next } : null,
    );
    return true;
  }

  #report(connection: Connection, item: ServiceFrame, waits: number, pure: Pending["pure"] = null): void {
    if (item.text.length > MAX_FRAME) {
      this.#end(connection, { code: 1009, reason: "A message of the service is too long.", cause: "" });
    } else {
      connection.reports.add(item, waits, pure);
    }
  }

  // The clock

  #tick(connection: Connection): void {
    this.#pump();
    connection.reports.tick(this.#now());
  }

  /** A kernel that takes nothing for so long cannot hold a conversation. */
  #checkSize(connection: Connection): void {
    if (connection.reports.size > MAX_PENDING) {
      this.#break(connection);
    }
  }

  /** Browsers cannot ping, and a service that says nothing may be well: a network that is gone shows in what does not leave. */
  #look(connection: Connection): void {
    const now = this.#now();
    const stoodStill = now - connection.lookedMs > STANDSTILL_MS;
    connection.lookedMs = now;
    if (!connection.socket || !connection.opened) {
      return;
    }
    const { bufferedAmount } = connection.socket;
    if (bufferedAmount === 0 || bufferedAmount < connection.buffered + connection.added || stoodStill) {
      connection.leftMs = now;
    }
    connection.buffered = bufferedAmount;
    connection.added = 0;
    const gone = isOffline() && isRemote(connection.terms);
    connection.offlineMs = gone ? (connection.offlineMs ?? now) : null;
    if (gone && now - connection.offlineMs! >= OFFLINE_MS) {
      this.#end(connection, { code: 1006, reason: "", cause: "offline" });
    } else if (now - connection.leftMs >= STUCK_MS) {
      this.#end(connection, { code: 1006, reason: "", cause: gone ? "offline" : "" });
    }
  }
}

/** The beginning of a reason that fits into a close frame. */
function utf8Start(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  return bytes.length <= MAX_REASON
    ? reason
    : new TextDecoder().decode(bytes.subarray(0, MAX_REASON - 3)).replace(/\ufffd+$/, "");
}

/** Whether two addresses are at one host and port; "https" and "wss" are the same in what browsers report. */
function isSameHost(one: string, other: string): boolean {
  try {
    return new URL(one).host === new URL(other).host;
  } catch {
    return false;
  }
}
