// A queue of samples without shifting: read and write cursors on a ring that grows when it must.

export class Ring {
  #samples: Float32Array;
  #read = 0;
  #length = 0;

  /** `capacity` in samples; it doubles when more is written. */
  constructor(capacity: number) {
    this.#samples = new Float32Array(Math.max(1, capacity));
  }

  /** Samples that wait to be read. */
  get length(): number {
    return this.#length;
  }

  write(samples: Float32Array): void {
    if (this.#length + samples.length > this.#samples.length) {
      this.#grow(this.#length + samples.length);
    }
    const start = (this.#read + this.#length) % this.#samples.length;
    const head = Math.min(samples.length, this.#samples.length - start);
    this.#samples.set(samples.subarray(0, head), start);
    this.#samples.set(samples.subarray(head), 0);
    this.#length += samples.length;
  }

  /** Moves up to `out.length` samples into `out`; returns how many. */
  read(out: Float32Array): number {
    const count = Math.min(out.length, this.#length);
    const head = Math.min(count, this.#samples.length - this.#read);
    out.set(this.#samples.subarray(this.#read, this.#read + head));
    out.set(this.#samples.subarray(0, count - head), head);
    this.#read = (this.#read + count) % this.#samples.length;
    this.#length -= count;
    return count;
  }

  clear(): void {
    this.#read = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    let capacity = this.#samples.length;
    while (capacity < needed) {
      capacity *= 2;
    }
    const kept = new Float32Array(capacity);
    const length = this.read(kept);
    this.#samples = kept;
    this.#read = 0;
    this.#length = length;
  }
}
