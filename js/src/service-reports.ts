// What the kernel is told of the page's socket to the service: frames with their sound left out, and reports, in order, few and
// large for a kernel that is busy. Without any browser API.

import { fromBase64 } from "./audio/pcm.ts";
import type { ServiceItem } from "./messages.gen.ts";

/** Reports that the kernel may have to take still; a busy kernel gets no more of them, but larger ones later. */
const MAX_UNACKED = 24;
/** So long sound waits for company, and silence. Chosen: two bars of the waveform; nobody waits for silence. */
export const GATHER_MS = 80;
export const GATHER_SILENCE_MS = 250;
/** While the kernel is busy, so much of one kind of sound becomes one item; chosen: what it dates stays right by that. */
const MERGED_MS = 1000;
/** Size of a report, in characters; chosen: what is repeated to a busy kernel stays small. */
const REPORT_CHARS = 64 * 1024;
/** What may wait for a busy kernel, in characters; chosen: the words of more than an hour. */
export const MAX_PENDING = 4 * 2 ** 20;
/** The longest frame that a report takes, as in livewidget/ui/messages.py. */
export const MAX_FRAME = 1_000_000;
/** What the names and numbers of an item take, about. */
const ITEM_CHARS = 120;

export interface Pending {
  item: ServiceItem;
  sinceMs: number;
  /** Of a frame with nothing but sound: its type, its samples, the loudest, and the place in the voice after it. */
  pure: { mimeType: string; samples: number; peak: number; next: number } | null;
}

const charsOf = ({ item }: Pending) => ITEM_CHARS + (item.kind === "frame" ? item.text.length : 0);

/** Gathers what the kernel is told, in order. */
export class ReportQueue {
  readonly #send: (items: ServiceItem[]) => void;
  readonly #unacked: () => number;
  #pending: Pending[] = [];
  #chars = 0;
  /** When what is gathered has to go. */
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(send: (items: ServiceItem[]) => void, unacked: () => number) {
    this.#send = send;
    this.#unacked = unacked;
  }

  /** What waits, in characters. */
  get size(): number {
    return this.#chars;
  }

  /** Adds what has just happened. `pure` as in `Pending`; `waits`: for how long it may be gathered, in ms. */
  add(item: ServiceItem, waits: number, pure: Pending["pure"] = null): void {
    const now = item.at_ms;
    this.#dueMs = Math.min(this.#dueMs, now + waits);
    const isBusy = this.#unacked() >= MAX_UNACKED;
    const earlier = this.#like(item, pure, isBusy);
    if (earlier?.item.kind === "sound" && item.kind === "sound") {
      // It is dated by its end, and so comes after all that was before that.
      this.#pending.splice(this.#pending.indexOf(earlier), 1);
      const { first, samples } = earlier.item;
      this.#pending.push({ ...earlier, item: { ...item, first, samples: samples + item.samples } });
    } else if (earlier?.item.kind === "frame" && earlier.pure && pure) {
      const samples = earlier.pure.samples + pure.samples;
      this.#chars -= charsOf(earlier);
      const peak = Math.max(earlier.pure.peak, pure.peak);
      earlier.pure = { ...pure, samples, peak };
      earlier.item = { ...earlier.item, text: soundFrame(pure.mimeType, samples, peak) };
      this.#chars += charsOf(earlier);
    } else {
      const pending = { item, sinceMs: now, pure };
      this.#pending.push(pending);
      this.#chars += charsOf(pending);
    }
    this.tick(now);
  }

  /** To be called often: sends what is due, if the kernel takes it. */
  tick(now: number): void {
    while (now >= this.#dueMs && this.#unacked() < MAX_UNACKED) {
      this.#sendOne();
    }
  }

  /** Sends all at once, whether or not the kernel has taken what came before: nothing follows. */
  flush(): void {
    while (this.#pending.length > 0) {
      this.#sendOne();
    }
  }

  #sendOne(): void {
    let chars = 0;
    let count = 0;
    for (const pending of this.#pending) {
      chars += charsOf(pending);
      if (count > 0 && chars > REPORT_CHARS) {
        break;
      }
      count += 1;
    }
    const sent = this.#pending.splice(0, count);
    this.#chars -= sent.reduce((sum, pending) => sum + charsOf(pending), 0);
    if (this.#pending.length === 0) {
      this.#dueMs = Number.POSITIVE_INFINITY;
    }
    if (sent.length > 0) {
      this.#send(sent.map(({ item }) => item));
    }
  }

  /**
   * The item that this one continues: the last one, or while the kernel is busy one with only sound after it, the user's or
   * the model's.
   */
  #like(item: ServiceItem, pure: Pending["pure"], isBusy: boolean): Pending | null {
    for (let index = this.#pending.length - 1; index >= 0; index--) {
      const earlier = this.#pending[index]!;
      const isLast = index === this.#pending.length - 1;
      if (item.at_ms - earlier.sinceMs >= MERGED_MS) {
        return null;
      }
      if (item.kind === "sound" && earlier.item.kind === "sound") {
        const follows = earlier.item.first + earlier.item.samples === item.first;
        return follows && earlier.item.is_speech === item.is_speech && (isBusy || isLast) ? earlier : null;
      }
      if (item.kind === "frame" && pure && earlier.item.kind === "frame" && earlier.pure) {
        const follows = earlier.item.voice === item.voice && earlier.pure.next === item.first;
        return isBusy && follows && earlier.pure.mimeType === pure.mimeType ? earlier : null;
      }
      if (earlier.item.kind !== "sound" && !earlier.pure) {
        return null;
      }
    }
    return null;
  }
}

/** A frame as the service sends them, with nothing but sound in it, of which only length and peak are left. */
export function soundFrame(mimeType: string, samples: number, peak: number): string {
  const inlineData = { mimeType, data: "", samples, peak };
  return JSON.stringify({ serverContent: { modelTurn: { parts: [{ inlineData }] } } });
}

export interface Part {
  inlineData?: { mimeType?: unknown; data?: unknown };
  functionCall?: object;
}

/** What of a frame matters here; anything may be anything else. */
export interface Frame {
  toolCall?: object;
  voiceActivity?: { type?: unknown; voiceActivityType?: unknown };
  voiceActivityDetectionSignal?: { vadSignalType?: unknown };
  serverContent?: {
    modelTurn?: { parts?: Part[] };
    interrupted?: boolean;
    generationComplete?: boolean;
    turnComplete?: boolean;
  };
}

export function parse(text: string): Frame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === "object" && frame !== null ? (frame as Frame) : null;
  } catch {
    return null;
  }
}

export function partsOf(frame: Frame): Part[] {
  const parts = frame.serverContent?.modelTurn?.parts;
  return Array.isArray(parts) ? parts.filter((part) => typeof part === "object" && part !== null) : [];
}

/** Somebody begins to speak, as the service hears it. */
export function isSpeechStart({ voiceActivity, voiceActivityDetectionSignal }: Frame): boolean {
  const kind = voiceActivity?.type ?? voiceActivity?.voiceActivityType ?? "";
  const signal = voiceActivityDetectionSignal?.vadSignalType ?? "";
  return /^(ACTIVITY_)?START$/.test(String(kind)) || /^(VAD_SIGNAL_TYPE_)?SOS$/.test(String(signal));
}

/**
 * `text` with the sound `data` left out from `from` on, and `instead` beside it; null where it is not found, as
 * where the JSON spells it otherwise. The rest of the text stays as it came: large numbers would not survive a new spelling.
 */
export function withoutSound(
  text: string,
  data: string,
  instead: string,
  from: number,
): { text: string; end: number } | null {
  for (let at = text.indexOf(`"${data}"`, from); at >= 0; at = text.indexOf(`"${data}"`, at + 1)) {
    const before = text.slice(Math.max(0, at - 40), at);
    if (/"data"\s*:\s*$/.test(before)) {
      const put = `"",${instead}`;
      return { text: text.slice(0, at) + put + text.slice(at + data.length + 2), end: at + put.length };
    }
  }
  return null;
}

/** Whether nothing but sound is in a frame, which may be told by its length alone then. */
export function isOnlySound(frame: Frame): boolean {
  const only = (value: object | undefined, ...names: string[]) =>
    value !== undefined && Object.keys(value).every((name) => names.includes(name));
  const { serverContent } = frame;
  return (
    only(frame, "serverContent") &&
    only(serverContent, "modelTurn") &&
    partsOf(frame).every((part) => only(part, "inlineData"))
  );
}

export function bytesOf(data: string): Uint8Array<ArrayBuffer> | null {
  try {
    return fromBase64(data);
  } catch {
    return null;
  }
}
