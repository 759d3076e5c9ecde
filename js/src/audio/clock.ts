// Two clocks and a lease: which performance.now() belongs to a sample, and whether the kernel still lives.

/**
 * Maps a stream's own time to the page's clock. A message can only come late, so the smallest difference seen is the
 * truth; it is forgotten after a while, for clocks drift and a frozen page stops one of them.
 */
export class ClockMap {
  readonly #window: number;
  #since = Number.NEGATIVE_INFINITY;
  #smallest = Number.POSITIVE_INFINITY;
  #former = Number.POSITIVE_INFINITY;

  /** `window` in ms: how long a smallest difference holds at least. */
  constructor(window = 5000) {
    this.#window = window;
  }

  /** Something of stream time `streamMs` arrived at `now`; returns when it happened, on the page's clock. */
  seen(streamMs: number, now: number): number {
    const difference = now - streamMs;
    if (now - this.#since > this.#window) {
      this.#former = this.#smallest;
      this.#smallest = difference;
      this.#since = now;
    }
    this.#smallest = Math.min(this.#smallest, difference);
    return Math.max(0, streamMs + Math.min(this.#smallest, this.#former));
  }

  reset(): void {
    this.#since = Number.NEGATIVE_INFINITY;
    this.#smallest = Number.POSITIVE_INFINITY;
    this.#former = Number.POSITIVE_INFINITY;
  }
}

/** Longer than that between two checks, and it was the page that slept, not the kernel that fell silent. */
const SLEPT_MS = 2000;
const GRACE_MS = 1500;

/** The kernel's word that it lives, good for five seconds. */
export class Lease {
  readonly #length: number;
  #ends: number;
  #checked: number;

  /** `first` is longer: a kernel may have a cell to finish before it says its first word. */
  constructor(now: number, length = 5000, first = 15_000) {
    this.#length = length;
    this.#ends = now + first;
    this.#checked = now;
  }

  renew(now: number): void {
    this.#ends = now + this.#length;
  }

  /** The connection was reported lost: only a prompt word saves the lease. */
  doubt(now: number): void {
    this.#ends = Math.min(this.#ends, now + GRACE_MS);
  }

  /** To be called often. False once the kernel has been silent for too long. */
  holds(now: number): boolean {
    if (now - this.#checked > SLEPT_MS && now >= this.#ends) {
      this.#ends = now + GRACE_MS;
    }
    this.#checked = now;
    return now < this.#ends;
  }
}
