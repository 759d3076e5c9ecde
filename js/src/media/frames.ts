// Frames of a running camera or screen: at most one a second, no larger than asked for, and only what is new. The
// kernel judges once more, by the same measure (livewidget/pictures/gate.py): a page's word is not enough for that.

import type { Scope } from "../scope.ts";

/** The service takes one frame a second. */
const INTERVAL_MS = 1000;
/** An unchanged frame is sent again after this while. */
const KEY_MS = 10_000;
/** Mean difference in gray levels, 0 to 255, from which two frames count as different. */
const CHANGE = 2;
/** Difference of one cell that is enough alone: a line that is typed on a screen is small. */
const CELL_CHANGE = 24;
/** Cells of the thumbnail in each direction. */
export const CELLS = 32;
const TICK_MS = 250;

export interface Frame {
  /** A JPEG file. */
  data: ArrayBuffer;
  width: number;
  height: number;
  /** When it was drawn, by the page's clock. */
  captured_ms: number;
}

/** What frames are drawn on: a canvas, where there is one. */
export interface Easel {
  /** Draws what is to be seen now, at most `side` pixels wide and high; null while there is nothing. */
  draw(side: number): { width: number; height: number } | null;
  /** Gray levels of 32 × 32 cells of what was drawn last. */
  cells(): Uint8Array;
  /** What was drawn last as a JPEG file, quality 0..1; null where that fails. */
  jpeg(quality: number): Promise<ArrayBuffer | null>;
}

export interface FramesEars {
  /** Whether a frame would be sent at all now. */
  wanted(): boolean;
  frame(frame: Frame): void;
  /** One was taken, and showed nothing new. */
  unchanged(): void;
}

/** Compares a frame with the one that was sent last. */
export class ChangeGate {
  #last: Uint8Array | null = null;
  #sentMs = 0;

  /** Whether a frame is to be sent, which then is what the next are compared with. */
  passes(cells: Uint8Array, now: number): boolean {
    if (this.#last !== null && now - this.#sentMs < KEY_MS && !differs(cells, this.#last)) {
      return false;
    }
    this.#last = cells;
    this.#sentMs = now;
    return true;
  }
}

function differs(one: Uint8Array, other: Uint8Array): boolean {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) {
    const apart = Math.abs(one[index]! - other[index]!);
    if (apart >= CELL_CHANGE) {
      return true;
    }
    sum += apart;
  }
  return sum / one.length >= CHANGE;
}

/** The size of a picture that fits into a square; nothing is enlarged. */
export function fitted(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Takes a frame a second until `scope` ends. */
export class Frames {
  readonly #scope: Scope;
  readonly #easel: Easel;
  readonly #ears: FramesEars;
  readonly #now: () => number;
  readonly #gate = new ChangeGate();
  #takenMs = Number.NEGATIVE_INFINITY;
  #busy = false;
  maxSide: number;
  /** 0..1 */
  quality: number;

  constructor(
    scope: Scope,
    easel: Easel,
    ears: FramesEars,
    now: () => number,
    look: { maxSide: number; quality: number },
  ) {
    this.#scope = scope;
    this.#easel = easel;
    this.#ears = ears;
    this.#now = now;
    this.maxSide = look.maxSide;
    this.quality = look.quality;
    scope.interval(() => void this.#take(), TICK_MS);
  }

  /** What comes now may be dark still: the next frame is a second away. */
  rest(): void {
    this.#takenMs = this.#now();
  }

  async #take(): Promise<void> {
    const now = this.#now();
    if (this.#busy || now - this.#takenMs < INTERVAL_MS || !this.#ears.wanted()) {
      return;
    }
    const size = this.#easel.draw(this.maxSide);
    if (size === null) {
      return;
    }
    this.#takenMs = now;
    if (!this.#gate.passes(this.#easel.cells(), now)) {
      this.#ears.unchanged();
      return;
    }
    this.#busy = true;
    const data = await this.#easel.jpeg(this.quality);
    this.#busy = false;
    // It may have been turned off while the picture was made.
    if (data !== null && !this.#scope.disposed) {
      this.#ears.frame({ data, ...size, captured_ms: now });
    }
  }
}
