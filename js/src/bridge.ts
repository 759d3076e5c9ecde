// The page's half of the bridge to the kernel; the kernel's half is livewidget/ui/bridge.py.
//
// In: whatever the comm delivers (`receive`), and a tick a few times a second. Out: messages to the kernel (`send` and its
// siblings), and calls of `BridgeHandlers` in order, each message once.
//
// All messages travel over one comm in lanes, each with numbers of its own. The control and speaker lanes are reliable:
// ordered, acknowledged, repeated. Lost microphone audio is repeated by the packet queue; the camera and insight lanes may
// lose messages. An interruption raises the epoch, which voids audio of older ones. Time comes from a clock and bytes go to
// a function, so tests need neither browser nor kernel.

import { type Buffer, samplesOf } from "./audio/pcm.ts";
import {
  type CameraFrame,
  type Heartbeat,
  KERNEL_KINDS,
  type KernelMessage,
  type MicrophoneAudio,
  type PageMessage,
} from "./messages.gen.ts";

/** Messages kept on either side of a lane, as in livewidget/ui/channels.py. */
const CAPACITY = 256;
/** Time without an acknowledgement after which messages are sent again, as in livewidget/ui/channels.py. */
const RESEND_MS = 2000;
/** The longest such time; chosen: a busy kernel gets every copy. */
const MAX_RESEND_MS = 30_000;

interface Numbered<T> {
  seq: number;
  message: T;
}

/** Numbers messages and keeps them until they are acknowledged. */
export class ReliableSender<T> {
  #seq = 0;
  #acked = 0;
  #unacked: Numbered<T>[] = [];
  #progressMs = 0;
  #resendAfterMs = RESEND_MS;
  /** The highest number that was sent again. */
  #repeated = 0;

  /** What is not acknowledged yet, oldest first; beyond `CAPACITY` the oldest are dropped. */
  get unacked(): readonly Numbered<T>[] {
    return this.#unacked;
  }

  add(message: T, now: number): number {
    if (this.#unacked.length === 0) {
      this.#progressMs = now;
      this.#resendAfterMs = RESEND_MS;
    }
    this.#seq += 1;
    this.#unacked.push({ seq: this.#seq, message });
    if (this.#unacked.length > CAPACITY) {
      this.#unacked.shift();
    }
    return this.#seq;
  }

  /** The other side has everything up to `ack`; older acknowledgements and numbers never sent change nothing. */
  acknowledge(ack: number, now: number): void {
    if (ack <= this.#acked || ack > this.#seq) {
      return;
    }
    this.#acked = ack;
    this.#progressMs = now;
    if (ack >= this.#repeated) {
      this.#resendAfterMs = RESEND_MS;
    }
    this.#unacked = this.#unacked.filter((sent) => sent.seq > ack);
  }

  /** What to send again at once; if that is lost as well, it is due again after two seconds. */
  restart(now: number): readonly Numbered<T>[] {
    this.#progressMs = now;
    this.#repeated = 0;
    this.#resendAfterMs = RESEND_MS;
    return [...this.#unacked];
  }

  /**
   * What to send again: everything unacknowledged once nothing was acknowledged for two seconds, then four, eight and so
   * on: a busy kernel gets every copy later. It is two seconds again when the copies are acknowledged, and not with each
   * message that arrives late: a slow way would only be filled with copies.
   */
  dueForResend(now: number): readonly Numbered<T>[] {
    if (this.#unacked.length === 0 || now - this.#progressMs < this.#resendAfterMs) {
      return [];
    }
    this.#progressMs = now;
    this.#repeated = this.#seq;
    this.#resendAfterMs = Math.min(2 * this.#resendAfterMs, MAX_RESEND_MS);
    return [...this.#unacked];
  }
}

/** Puts messages in order and drops repeated ones. */
export class ReliableReceiver<T> {
  #last: number;
  #early = new Map<number, T>();

  /** `last` is the number before the first expected one. */
  constructor(last = 0) {
    this.#last = last;
  }

  /** The highest number without a gap before it: what to acknowledge. */
  get last(): number {
    return this.#last;
  }

  /** True while a message is missing before one that has arrived. */
  get hasGap(): boolean {
    return this.#early.size > 0;
  }

  /** Returns the messages that are now in order. One too far ahead is dropped: it will be sent again. */
  receive(seq: number, message: T): T[] {
    if (seq <= this.#last || seq > this.#last + CAPACITY || this.#early.has(seq)) {
      return [];
    }
    this.#early.set(seq, message);
    return this.#takeReady();
  }

  /** Gives up on the missing messages and continues at the next one that has arrived. */
  skipGap(): T[] {
    if (this.#early.size === 0) {
      return [];
    }
    this.#last = Math.min(...this.#early.keys()) - 1;
    return this.#takeReady();
  }

  /** Restarts after `last`; messages beyond it that have arrived already stay. */
  restart(last: number): T[] {
    this.#last = last;
    for (const seq of [...this.#early.keys()]) {
      if (seq <= last || seq > last + CAPACITY) {
        this.#early.delete(seq);
      }
    }
    return this.#takeReady();
  }

  #takeReady(): T[] {
    const ready: T[] = [];
    let next = this.#early.get(this.#last + 1);
    while (next !== undefined) {
      this.#last += 1;
      this.#early.delete(this.#last);
      ready.push(next);
      next = this.#early.get(this.#last + 1);
    }
    return ready;
  }
}

/**
 * A message with its epoch, its number in its lane, and the highest number received from the other side. `client` is this
 * page's own name; the kernel's messages go to all pages.
 */
export type Envelope<M> = M & { epoch: number; seq: number; ack: number; client?: string };

/** What this page sends on the control lane, which is reliable. */
export type ControlMessage = Extract<PageMessage, { lane: "control" }>;

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The kernel's message, or null for anything else. Its body is trusted: kernel and page come from one package. */
export function readKernelMessage(content: unknown): Envelope<KernelMessage> | null {
  if (!isObject(content) || !isObject(content.body)) {
    return null;
  }
  const { lane, kind, epoch, seq, ack } = content;
  const known =
    Object.hasOwn(KERNEL_KINDS, String(lane)) && KERNEL_KINDS[String(lane)]!.includes(String(kind));
  return known && [epoch, seq, ack].every(isCount) ? (content as unknown as Envelope<KernelMessage>) : null;
}

/** The place of a message that cannot be read, so that those after it do not wait for it; null where it names none. */
function readPlace(content: unknown): { lane: "control" | "speaker"; seq: number; ack: number } | null {
  if (!isObject(content)) {
    return null;
  }
  const { lane, seq, ack } = content;
  return (lane === "control" || lane === "speaker") && isCount(seq)
    ? { lane, seq: seq as number, ack: isCount(ack) ? (ack as number) : 0 }
    : null;
}

/** Where messages go: anywidget's `model.send` without its middle argument. */
export type Wire = (content: Envelope<PageMessage>, buffers: ArrayBuffer[]) => void;

/** What the bridge reports: in order, each message once. */
export interface BridgeHandlers {
  /** A message of the control lane, or the end of a turn's audio. */
  onMessage(message: KernelMessage): void;
  /** PCM16 at 24 kHz; `firstSample` is its place in the turn. */
  onModelAudio(turn: number, firstSample: number, samples: Int16Array<ArrayBuffer>): void;
  /**
   * Audio of older epochs is to be dropped. `turn` was interrupted; null where that is not known (yet). In a page that plays
   * from its own socket `voice` is what it calls that turn; 0: nothing of it.
   */
  onFlush(epoch: number, turn: number | null, voice: number): void;
  /** A message of the insight lane, which may be lost; a picture's bytes are in the buffers. */
  onInsight(message: Insight, buffers: readonly Buffer[]): void;
  /** What the page is to do with its socket to the service; only while this page has microphone and player. */
  onService(message: ServiceMessage): void;
  /** Something came from the kernel, in whatever order: it is alive. */
  onAlive(): void;
}

export type Insight = Extract<KernelMessage, { lane: "insight" }>;
/** What the kernel asks of the page that holds the socket to the service. */
export type ServiceMessage = Extract<KernelMessage, { lane: "service" }>;

interface AudioItem {
  message: Extract<Envelope<KernelMessage>, { lane: "speaker" }>;
  buffers: Buffer[];
}

/** How long to wait for missing audio. The kernel repeats it after 2 s (STALL_MS in livewidget/ui/channels.py). */
const SPEAKER_GAP_MS = 5000;
/** How long to wait for a missing control message before asking for a welcome; chosen: longer than one repetition. */
const CONTROL_GAP_MS = 3000;
/** A busy kernel is sent no more playback reports than that; chosen: two seconds' worth. */
const MAX_UNACKED_REPORTS = 8;

/** Round trips that count, the newest ones; chosen: a single slow message does not show, a slow way does in three seconds. */
const ROUND_TRIPS = 5;

/** A name for this page; `crypto.randomUUID` is missing from insecure pages. */
export function randomClientId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

export class Bridge {
  readonly client: string;
  readonly #wire: Wire;
  readonly #now: () => number;
  readonly #handlers: BridgeHandlers;
  readonly #sender = new ReliableSender<ControlMessage>();
  /** Null stands for a message that could not be read. */
  readonly #control = new ReliableReceiver<Envelope<KernelMessage> | null>();
  readonly #speaker = new ReliableReceiver<AudioItem | null>();
  readonly #service = new ReliableReceiver<ServiceMessage>();
  #epoch = 0;
  #welcomed = false;
  #acksByClient = false;
  #ownsAudio = false;
  #cameraSeq = 0;
  #roundTrips: number[] = [];
  #echoedMs: number | null = null;
  #gapSince: { control: number | null; speaker: number | null } = { control: null, speaker: null };

  /** `client` identifies this page among those that show the same widget. */
  constructor(client: string, wire: Wire, now: () => number, handlers: BridgeHandlers) {
    this.client = client;
    this.#wire = wire;
    this.#now = now;
    this.#handlers = handlers;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The highest number of the speaker lane without a gap. */
  get speakerAck(): number {
    return this.#speaker.last;
  }

  /** How long a message takes to the kernel and back, in ms; null before that was measured. */
  get roundTripMs(): number | null {
    return [...this.#roundTrips].sort((a, b) => a - b)[this.#roundTrips.length >> 1] ?? null;
  }

  /** The highest number of the service lane without a gap. */
  get serviceAck(): number {
    return this.#service.last;
  }

  /** True once the kernel has welcomed this page. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  /** Asks for a welcome, at the beginning and after the connection was lost. */
  hello(): void {
    this.send({
      lane: "control",
      kind: "hello",
      body: { client: this.client, last_seq: this.#control.last },
    });
  }

  /** Sends a message reliably, once and in order; returns its number, 0 for a playback report that was skipped. */
  send(message: ControlMessage): number {
    if (message.kind === "played" && this.unackedOf("played") >= MAX_UNACKED_REPORTS) {
      return 0;
    }
    const seq = this.#sender.add(message, this.#now());
    this.#post(message, seq, this.#control.last);
    return seq;
  }

  /** How many messages of a kind the kernel has not received yet. */
  unackedOf(kind: ControlMessage["kind"]): number {
    return this.#sender.unacked.reduce((sum, sent) => sum + (sent.message.kind === kind ? 1 : 0), 0);
  }

  /** Sends microphone audio under the number that the packet queue gave it. */
  sendUserAudio(seq: number, body: MicrophoneAudio, samples: Int16Array<ArrayBuffer>): void {
    this.#post({ lane: "microphone", kind: "audio", body }, seq, 0, [samples.buffer]);
  }

  /** Sends a picture once and returns its number; it is not repeated if it is lost. */
  sendFrame(body: CameraFrame, image: ArrayBuffer): number {
    const seq = this.numberPicture();
    this.#post({ lane: "camera", kind: "frame", body }, seq, 0, [image]);
    return seq;
  }

  /** The number of the next picture, which takes another way. */
  numberPicture(): number {
    this.#cameraSeq += 1;
    return this.#cameraSeq;
  }

  /** Handles whatever the comm delivered. */
  receive(content: unknown, buffers: readonly Buffer[] = []): void {
    const message = readKernelMessage(content);
    if (message === null) {
      this.#passUnreadable(content);
      return;
    }
    this.#handlers.onAlive();
    if (message.lane === "speaker") {
      this.#receiveAudio({ message, buffers: [...buffers] });
    } else if (message.lane === "insight") {
      this.#handlers.onInsight(message, buffers);
    } else if (message.lane === "service") {
      this.#receiveService(message);
    } else {
      this.#acknowledge(message);
      this.#receiveControl(message);
    }
    this.#updateGaps();
  }

  #passUnreadable(content: unknown): void {
    const place = readPlace(content);
    if (place === null || !this.#welcomed) {
      return;
    }
    console.error(`livewidget: message ${place.seq} of the ${place.lane} lane cannot be read.`);
    if (place.lane === "control") {
      this.#deliverAll(this.#control.receive(place.seq, null));
    } else {
      this.#deliverAudio(this.#speaker.receive(place.seq, null));
    }
    this.#updateGaps();
  }

  /** Messages take another way from now on: sends all again that is not acknowledged and may be lost on the last one. */
  repeat(): void {
    for (const { seq, message } of this.#sender.restart(this.#now())) {
      this.#post(message, seq, this.#control.last);
    }
  }

  /** To be called a few times a second: repeats what was lost, and skips gaps that will not be filled. */
  tick(): void {
    const now = this.#now();
    for (const { seq, message } of this.#sender.dueForResend(now)) {
      this.#post(message, seq, this.#control.last);
    }
    const { control, speaker } = this.#gapSince;
    if (control !== null && now - control > CONTROL_GAP_MS) {
      this.#gapSince.control = now;
      this.hello();
    }
    if (speaker !== null && now - speaker > SPEAKER_GAP_MS) {
      this.#gapSince.speaker = null;
      this.#deliverAudio(this.#speaker.skipGap());
      this.#updateGaps();
    }
  }

  #post(message: PageMessage, seq: number, ack: number, buffers: ArrayBuffer[] = []): void {
    this.#wire({ ...message, epoch: this.#epoch, seq, ack, client: this.client }, buffers);
  }

  /** An envelope acknowledges one page's lane; a heartbeat has the acknowledgement of each page by its client id. */
  #acknowledge(message: Envelope<KernelMessage>): void {
    const mine =
      message.kind === "heartbeat" && Object.hasOwn(message.body.acks, this.client)
        ? message.body.acks[this.client]
        : undefined;
    if (mine !== undefined) {
      this.#acksByClient = true;
      this.#sender.acknowledge(mine, this.#now());
    } else if (!this.#acksByClient) {
      this.#sender.acknowledge(message.ack, this.#now());
    }
  }

  #receiveControl(message: Envelope<KernelMessage>): void {
    const greeted = message.kind === "welcome" && message.body.client === this.client;
    if (greeted && (!this.#welcomed || message.seq > this.#control.last)) {
      this.#acceptWelcome(message);
      return;
    }
    if (!this.#welcomed) {
      return;
    }
    this.#deliverAll(this.#control.receive(message.seq, message));
  }

  /** The welcome is a snapshot: anything missing before it no longer matters. */
  #acceptWelcome(message: Extract<Envelope<KernelMessage>, { kind: "welcome" }>): void {
    const waiting = this.#control.restart(message.seq);
    if (!this.#welcomed || message.body.owner !== this.client) {
      this.#deliverAudio(this.#speaker.restart(message.body.speaker_seq));
    }
    this.#welcomed = true;
    this.#deliverAll([message, ...waiting]);
  }

  #deliverAll(messages: readonly (Envelope<KernelMessage> | null)[]): void {
    for (const message of messages) {
      try {
        if (message !== null) {
          this.#deliver(message);
        }
      } catch (error) {
        // Those after it count as received: they must not be lost with it.
        console.error("livewidget:", error);
      }
    }
  }

  #receiveService(message: Envelope<ServiceMessage>): void {
    // Not for this page, or not yet: what is not acknowledged comes again.
    if (this.#welcomed && this.#ownsAudio) {
      this.#deliverService(this.#service.receive(message.seq, message));
    }
  }

  #deliverService(messages: readonly ServiceMessage[]): void {
    for (const message of messages) {
      try {
        this.#handlers.onService(message);
      } catch (error) {
        // Not with its message, which may hold a token.
        console.error("livewidget: a message about the socket to the service failed:", String(error));
      }
    }
  }

  #deliver(message: Envelope<KernelMessage>): void {
    if (message.kind === "welcome" && message.body.client !== this.client) {
      return;
    }
    if (message.kind === "welcome" || message.kind === "state") {
      const owns = message.body.owner === this.client;
      if (owns && !this.#ownsAudio && message.kind === "state") {
        // What the lane carried until now went to another page.
        this.#deliverAudio(this.#speaker.restart(message.body.speaker_seq));
      }
      if (owns && !this.#ownsAudio) {
        this.#service.restart(message.body.service_seq);
      }
      this.#ownsAudio = owns;
    }
    if (message.kind === "heartbeat" && this.#ownsAudio) {
      this.#measureRoundTrip(message.body);
    }
    // Every flush needs an answer, although audio of the next turn may have raised the epoch before it arrived.
    if (message.epoch > this.#epoch || message.kind === "flush") {
      this.#raiseEpoch(
        Math.max(message.epoch, this.#epoch),
        message.kind === "flush" ? message.body.turn : null,
        message.kind === "flush" ? message.body.voice : 0,
      );
    }
    this.#handlers.onMessage(message);
  }

  /** The kernel says which report it had last, and for how long: the rest of the time since then was spent on the way. */
  #measureRoundTrip({ page_ms, held_ms }: Heartbeat): void {
    if (page_ms !== null && page_ms !== this.#echoedMs) {
      this.#echoedMs = page_ms;
      this.#roundTrips.push(Math.max(0, this.#now() - page_ms - held_ms));
      this.#roundTrips = this.#roundTrips.slice(-ROUND_TRIPS);
    }
  }

  #raiseEpoch(epoch: number, turn: number | null, voice: number): void {
    this.#epoch = epoch;
    this.#handlers.onFlush(epoch, turn, voice);
    // Missing audio of an older epoch is not sent again.
    this.#deliverAudio(this.#speaker.skipGap());
  }

  #receiveAudio(spoken: AudioItem): void {
    if (!this.#welcomed) {
      return;
    }
    const before = this.#speaker.last;
    this.#deliverAudio(this.#speaker.receive(spoken.message.seq, spoken));
    if (this.#speaker.hasGap && this.#speaker.last === before && spoken.message.epoch > this.#epoch) {
      this.#deliverAudio(this.#speaker.skipGap());
    }
  }

  #deliverAudio(ready: readonly (AudioItem | null)[]): void {
    for (const item of ready) {
      try {
        if (item !== null) {
          this.#deliverAudioItem(item);
        }
      } catch (error) {
        console.error("livewidget:", error);
      }
    }
  }

  #deliverAudioItem({ message, buffers }: AudioItem): void {
    // Audio may overtake the control message that raises the epoch; the flush itself follows.
    if (message.epoch > this.#epoch) {
      this.#epoch = message.epoch;
      this.#handlers.onFlush(message.epoch, null, 0);
    }
    if (message.epoch < this.#epoch || !this.#ownsAudio) {
      return;
    }
    if (message.kind === "end") {
      this.#handlers.onMessage(message);
    } else if (buffers[0]) {
      // The kernel brings every voice to 24 kHz.
      this.#handlers.onModelAudio(message.body.turn, message.body.first_sample, samplesOf(buffers[0]));
    }
  }

  #updateGaps(): void {
    const now = this.#now();
    this.#gapSince = {
      control: this.#control.hasGap ? (this.#gapSince.control ?? now) : null,
      speaker: this.#speaker.hasGap ? (this.#gapSince.speaker ?? now) : null,
    };
  }
}
