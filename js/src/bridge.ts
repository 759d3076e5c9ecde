// The page's half of the bridge to the kernel: reliable, ordered lanes over one comm. Time comes from a clock and bytes
// go to a function, so tests need neither a browser nor a kernel. The kernel's half is livewidget/widget/bridge.py.

import { type Buffer, samplesOf } from "./audio/pcm.ts";
import {
  type CameraFrame,
  KERNEL_KINDS,
  type KernelMessage,
  type MicrophoneAudio,
  type PageMessage,
} from "./messages.gen.ts";

const CAPACITY = 256;
const RESEND_MS = 2000;
const MAX_RESEND_MS = 30_000;

export interface Numbered<T> {
  seq: number;
  message: T;
}

/** Numbers messages and keeps them until the other side has them. */
export class ReliableSender<T> {
  #seq = 0;
  #acked = 0;
  #unacked: Numbered<T>[] = [];
  #progressMs = 0;
  #resendAfterMs = RESEND_MS;

  /** The number given last. */
  get seq(): number {
    return this.#seq;
  }

  /** All that is not acknowledged yet, oldest first; at most 256, the oldest are given up. */
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

  /** The other side has all up to `ack`; older news, and numbers never given, change nothing. */
  acknowledge(ack: number, now: number): void {
    if (ack <= this.#acked || ack > this.#seq) {
      return;
    }
    this.#acked = ack;
    this.#progressMs = now;
    this.#resendAfterMs = RESEND_MS;
    this.#unacked = this.#unacked.filter((sent) => sent.seq > ack);
  }

  /**
   * What to send again: all that waits, when nothing was acknowledged for two seconds; then after four, eight and so on,
   * for a kernel that is busy gets every copy.
   */
  dueForResend(now: number): readonly Numbered<T>[] {
    if (this.#unacked.length === 0 || now - this.#progressMs < this.#resendAfterMs) {
      return [];
    }
    this.#progressMs = now;
    this.#resendAfterMs = Math.min(2 * this.#resendAfterMs, MAX_RESEND_MS);
    return [...this.#unacked];
  }
}

/** Puts messages in order, each once. */
export class ReliableReceiver<T> {
  #last: number;
  #early = new Map<number, T>();

  /** `last` is the number before the first that counts. */
  constructor(last = 0) {
    this.#last = last;
  }

  /** The highest number without a hole before it: what to acknowledge. */
  get last(): number {
    return this.#last;
  }

  /** True while a message is missing before one that has come. */
  get hasGap(): boolean {
    return this.#early.size > 0;
  }

  /** Returns the messages that are now in order. One too far ahead is not kept: it will be sent again. */
  receive(seq: number, message: T): T[] {
    if (seq <= this.#last || seq > this.#last + CAPACITY || this.#early.has(seq)) {
      return [];
    }
    this.#early.set(seq, message);
    return this.#takeReady();
  }

  /** Gives up on what is missing: goes on at the next message that is here. */
  skipGap(): T[] {
    if (this.#early.size === 0) {
      return [];
    }
    this.#last = Math.min(...this.#early.keys()) - 1;
    return this.#takeReady();
  }

  /** Begins anew after `last`; what was held beyond it stays. */
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

/** A message and its place: the epoch, its number in its lane, and the highest number received from the other side. */
export type Envelope<M> = M & { epoch: number; seq: number; ack: number };

/** What this page sends on the reliable lane. */
export type ControlMessage = Extract<PageMessage, { lane: "control" }>;

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The kernel's message, or null for anything else. What is in its body is the kernel's word. */
export function readKernelMessage(content: unknown): Envelope<KernelMessage> | null {
  if (!isObject(content) || !isObject(content.body)) {
    return null;
  }
  const { lane, kind, epoch, seq, ack } = content;
  const known =
    Object.hasOwn(KERNEL_KINDS, String(lane)) && KERNEL_KINDS[String(lane)]!.includes(String(kind));
  return known && [epoch, seq, ack].every(isCount) ? (content as unknown as Envelope<KernelMessage>) : null;
}

/** Where messages go: anywidget's `model.send` without its middle argument. */
export type Wire = (content: Envelope<PageMessage>, buffers: ArrayBuffer[]) => void;

/** What the bridge tells the app of. All are called in order, each message once. */
export interface BridgeHandlers {
  /** A message of the control lane, or the end of a turn's audio. */
  onMessage(message: KernelMessage): void;
  /** A piece of the model's voice: PCM16 at 24 kHz. */
  onModelAudio(turn: number, firstSample: number, samples: Int16Array<ArrayBuffer>): void;
  /** Audio of older epochs is void. `turn` was interrupted, or null where that is not told (yet). */
  onFlush(epoch: number, turn: number | null): void;
  /** Something to look at, which may be lost; a picture's bytes ride beside it. */
  onInsight(message: Insight, buffers: readonly Buffer[]): void;
  /** The kernel lives: something came from it, in whatever order. */
  onAlive(): void;
}

export type Insight = Extract<KernelMessage, { lane: "insight" }>;

interface AudioItem {
  message: Extract<Envelope<KernelMessage>, { lane: "speaker" }>;
  buffers: Buffer[];
}

/** The kernel repeats after two seconds what the page did not acknowledge. */
const SPEAKER_GAP_MS = 5000;
const CONTROL_GAP_MS = 3000;
/** Reports that the kernel has not taken yet: a busy kernel is not sent more of them. */
const MAX_UNACKED_REPORTS = 8;

/** Names a page; `crypto.randomUUID` is missing from pages that are not secure. */
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
  readonly #control = new ReliableReceiver<Envelope<KernelMessage>>();
  readonly #speaker = new ReliableReceiver<AudioItem>();
  #epoch = 0;
  #welcomed = false;
  #acksByClient = false;
  #ownsAudio = false;
  #cameraSeq = 0;
  #gapSince: { control: number | null; speaker: number | null } = { control: null, speaker: null };

  /** `client` names this page among those that show the same widget. */
  constructor(client: string, wire: Wire, now: () => number, handlers: BridgeHandlers) {
    this.client = client;
    this.#wire = wire;
    this.#now = now;
    this.#handlers = handlers;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The highest number of the speaker lane without a hole. */
  get speakerAck(): number {
    return this.#speaker.last;
  }

  /** True once the kernel has greeted this page. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  /** Asks for all there is to show; also after the connection was lost. */
  hello(): void {
    this.send({
      lane: "control",
      kind: "hello",
      body: { client: this.client, last_seq: this.#control.last },
    });
  }

  /** Sends a message that will arrive, once and in order; returns its number, 0 for a report that is left out. */
  send(message: ControlMessage): number {
    if (message.kind === "played" && this.#unackedReports() >= MAX_UNACKED_REPORTS) {
      return 0;
    }
    const seq = this.#sender.add(message, this.#now());
    this.#post(message, seq, this.#control.last);
    return seq;
  }

  /** Sends microphone audio under the number that the uplink gave it. */
  sendUserAudio(seq: number, body: MicrophoneAudio, samples: Int16Array<ArrayBuffer>): void {
    this.#post({ lane: "microphone", kind: "audio", body }, seq, 0, [samples.buffer]);
  }

  /** Sends a picture, and returns its number; one that is lost stays lost. */
  sendFrame(body: CameraFrame, image: ArrayBuffer): number {
    this.#cameraSeq += 1;
    this.#post({ lane: "camera", kind: "frame", body }, this.#cameraSeq, 0, [image]);
    return this.#cameraSeq;
  }

  /** Takes whatever the comm delivered. */
  receive(content: unknown, buffers: readonly Buffer[] = []): void {
    const message = readKernelMessage(content);
    if (message === null) {
      return;
    }
    this.#handlers.onAlive();
    if (message.lane === "speaker") {
      this.#receiveAudio({ message, buffers: [...buffers] });
    } else if (message.lane === "insight") {
      this.#handlers.onInsight(message, buffers);
    } else {
      this.#acknowledge(message);
      this.#receiveControl(message);
    }
    this.#updateGaps();
  }

  /** To be called a few times a second: repeats what was lost and gives up on what will not come. */
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
    this.#wire({ ...message, epoch: this.#epoch, seq, ack }, buffers);
  }

  #unackedReports(): number {
    return this.#sender.unacked.reduce((sum, sent) => sum + (sent.message.kind === "played" ? 1 : 0), 0);
  }

  /** The envelope speaks of one page's lane only; a heartbeat names all. */
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
    for (const ready of this.#control.receive(message.seq, message)) {
      this.#deliver(ready);
    }
  }

  /** The welcome is a snapshot: whatever was missing before it no longer matters. */
  #acceptWelcome(message: Extract<Envelope<KernelMessage>, { kind: "welcome" }>): void {
    const waiting = this.#control.restart(message.seq);
    if (!this.#welcomed || message.body.owner !== this.client) {
      this.#deliverAudio(this.#speaker.restart(message.body.speaker_seq));
    }
    this.#welcomed = true;
    for (const ready of [message, ...waiting]) {
      this.#deliver(ready);
    }
  }

  #deliver(message: Envelope<KernelMessage>): void {
    if (message.kind === "welcome" && message.body.client !== this.client) {
      return;
    }
    if (message.kind === "welcome" || message.kind === "state") {
      this.#ownsAudio = message.body.owner === this.client;
    }
    // A flush is always answered: the voice of the next turn may have raised the epoch before it came.
    if (message.epoch > this.#epoch || message.kind === "flush") {
      this.#raiseEpoch(
        Math.max(message.epoch, this.#epoch),
        message.kind === "flush" ? message.body.turn : null,
      );
    }
    this.#handlers.onMessage(message);
  }

  #raiseEpoch(epoch: number, turn: number | null): void {
    this.#epoch = epoch;
    this.#handlers.onFlush(epoch, turn);
    // What is missing of an older epoch will never come.
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

  #deliverAudio(ready: AudioItem[]): void {
    for (const { message, buffers } of ready) {
      // The voice may be faster than the control message that raises the epoch; the flush itself follows.
      if (message.epoch > this.#epoch) {
        this.#epoch = message.epoch;
        this.#handlers.onFlush(message.epoch, null);
      }
      if (message.epoch < this.#epoch || !this.#ownsAudio) {
        continue;
      }
      if (message.kind === "end") {
        this.#handlers.onMessage(message);
      } else if (buffers[0] && message.body.sample_rate === 24_000) {
        this.#handlers.onModelAudio(message.body.turn, message.body.first_sample, samplesOf(buffers[0]));
      }
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
