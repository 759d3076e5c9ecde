// A reliable, ordered lane over a connection that may lose, repeat and reorder: each message acted on once, in order.
// Plain bookkeeping, time is an argument; the kernel's half is livewidget/widget/lanes.py.

const CAPACITY = 256;
const RESEND_MS = 2000;
const SLOWEST_MS = 30_000;

export interface Numbered<T> {
  seq: number;
  message: T;
}

/** Numbers messages and keeps them until the other side has them. */
export class Outbox<T> {
  #seq = 0;
  #acked = 0;
  #waiting: Numbered<T>[] = [];
  #moved = 0;
  #patience = RESEND_MS;

  /** The number given last. */
  get seq(): number {
    return this.#seq;
  }

  /** All that is not acknowledged yet, oldest first; at most 256, the oldest are given up. */
  get waiting(): readonly Numbered<T>[] {
    return this.#waiting;
  }

  add(message: T, now: number): number {
    if (this.#waiting.length === 0) {
      this.#moved = now;
      this.#patience = RESEND_MS;
    }
    this.#seq += 1;
    this.#waiting.push({ seq: this.#seq, message });
    if (this.#waiting.length > CAPACITY) {
      this.#waiting.shift();
    }
    return this.#seq;
  }

  /** The other side has all up to `ack`; older news, and numbers never given, change nothing. */
  acknowledge(ack: number, now: number): void {
    if (ack <= this.#acked || ack > this.#seq) {
      return;
    }
    this.#acked = ack;
    this.#moved = now;
    this.#patience = RESEND_MS;
    this.#waiting = this.#waiting.filter((sent) => sent.seq > ack);
  }

  /**
   * What to send again: all that waits, when nothing was acknowledged for two seconds; then after four, eight and so on,
   * for a kernel that is busy gets every copy.
   */
  stalled(now: number): readonly Numbered<T>[] {
    if (this.#waiting.length === 0 || now - this.#moved < this.#patience) {
      return [];
    }
    this.#moved = now;
    this.#patience = Math.min(2 * this.#patience, SLOWEST_MS);
    return [...this.#waiting];
  }
}

/** Puts messages in order, each once. */
export class Inbox<T> {
  #last: number;
  #held = new Map<number, T>();

  /** `last` is the number before the first that counts. */
  constructor(last = 0) {
    this.#last = last;
  }

  /** The highest number without a hole before it: what to acknowledge. */
  get last(): number {
    return this.#last;
  }

  /** True while a message is missing before one that has come. */
  get hole(): boolean {
    return this.#held.size > 0;
  }

  /** Returns the messages that are now in order. One too far ahead is not kept: it will be sent again. */
  receive(seq: number, message: T): T[] {
    if (seq <= this.#last || seq > this.#last + CAPACITY || this.#held.has(seq)) {
      return [];
    }
    this.#held.set(seq, message);
    return this.#ready();
  }

  /** Gives up on what is missing: goes on at the next message that is here. */
  skip(): T[] {
    if (this.#held.size === 0) {
      return [];
    }
    this.#last = Math.min(...this.#held.keys()) - 1;
    return this.#ready();
  }

  /** Begins anew after `last`; what was held beyond it stays. */
  restart(last: number): T[] {
    this.#last = last;
    for (const seq of [...this.#held.keys()]) {
      if (seq <= last || seq > last + CAPACITY) {
        this.#held.delete(seq);
      }
    }
    return this.#ready();
  }

  #ready(): T[] {
    const ready: T[] = [];
    let next = this.#held.get(this.#last + 1);
    while (next !== undefined) {
      this.#last += 1;
      this.#held.delete(this.#last);
      ready.push(next);
      next = this.#held.get(this.#last + 1);
    }
    return ready;
  }
}
