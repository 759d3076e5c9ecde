// Frames of a camera or screen as JPEG: at most one a second, no larger than requested, and only if they changed,
// compared as a thumbnail of gray cells.

import type { Scope } from "../scope.ts";

/** The service accepts one frame a second. */
const INTERVAL_MS = 1000;
/** An unchanged frame is sent again after this time. Chosen: what was seen long ago is not seen now. */
const REPEAT_MS = 10_000;
/** Mean difference in gray levels, 0 to 255, from which on two frames count as different. */
const MEAN_CHANGE = 2;
/** A difference of one cell that is enough alone: a line typed on a screen changes little else. */
const CELL_CHANGE = 24;
/** Cells of the thumbnail in each direction. */
export const CELLS = 32;
/** How often to check whether a frame is due: a camera may start at any time. */
const TICK_MS = 250;

export interface JpegFrame {
  /** A JPEG file. */
  data: ArrayBuffer;
  width: number;
  height: number;
  /** When it was drawn, on the page's clock. */
  captured_ms: number;
}

/** What frames are drawn on: a canvas in a browser, a fake in tests. */
export interface FrameCanvas {
  /** Draws the current picture, at most `side` pixels wide and high; null while there is none. */
  draw(side: number): { width: number; height: number } | null;
  /** Gray levels of the picture drawn last, in 32 × 32 cells. */
  cells(): Uint8Array;
  /** The picture drawn last as a JPEG file, quality 0..1; null where that fails. */
  jpeg(quality: number): Promise<ArrayBuffer | null>;
}

interface FrameSamplerHandlers {
  /** Whether a frame would be sent now. */
  isWanted(): boolean;
  onFrame(frame: JpegFrame): void;
  /** A frame was taken that shows nothing new. */
  onUnchanged(): void;
}

/** Compares frames with the last one that passed. */
export class ChangeGate {
  #last: Uint8Array | null = null;
  #sentMs = 0;

  /** Whether a frame is to be sent; the next ones are compared with it then. */
  passes(cells: Uint8Array, now: number): boolean {
    if (this.#last !== null && now - this.#sentMs < REPEAT_MS && !isDifferent(cells, this.#last)) {
      return false;
    }
    this.#last = cells;
    this.#sentMs = now;
    return true;
  }
}

function isDifferent(one: Uint8Array, other: Uint8Array): boolean {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) {
    const apart = Math.abs(one[index]! - other[index]!);
    if (apart >= CELL_CHANGE) {
      return true;
    }
    sum += apart;
  }
  return sum / one.length >= MEAN_CHANGE;
}

/** The size of a picture scaled to fit into a square; nothing is enlarged. */
export function fitInto(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Takes a frame a second until `scope` ends. */
export class FrameSampler {
  readonly #scope: Scope;
  readonly #canvas: FrameCanvas;
  readonly #handlers: FrameSamplerHandlers;
  readonly #now: () => number;
  readonly #gate = new ChangeGate();
  #sampledMs = Number.NEGATIVE_INFINITY;
  #busy = false;
  maxSide: number;
  /** 0..1 */
  quality: number;

  constructor(
    scope: Scope,
    canvas: FrameCanvas,
    handlers: FrameSamplerHandlers,
    now: () => number,
    look: { maxSide: number; quality: number },
  ) {
    this.#scope = scope;
    this.#canvas = canvas;
    this.#handlers = handlers;
    this.#now = now;
    this.maxSide = look.maxSide;
    this.quality = look.quality;
    scope.interval(() => void this.#sample(), TICK_MS);
  }

  /** Delays the next frame by a second: a camera that resumes may be dark at first. */
  delayNext(): void {
    this.#sampledMs = this.#now();
  }

  async #sample(): Promise<void> {
    const now = this.#now();
    if (this.#busy || now - this.#sampledMs < INTERVAL_MS || !this.#handlers.isWanted()) {
      return;
    }
    const size = this.#canvas.draw(this.maxSide);
    if (size === null) {
      return;
    }
    this.#sampledMs = now;
    if (!this.#gate.passes(this.#canvas.cells(), now)) {
      this.#handlers.onUnchanged();
      return;
    }
    this.#busy = true;
    const data = await this.#canvas.jpeg(this.quality);
    this.#busy = false;
    // It may have been turned off while the picture was encoded.
    if (data !== null && !this.#scope.disposed) {
      this.#handlers.onFrame({ data, ...size, captured_ms: now });
    }
  }
}

/** `HTMLMediaElement.HAVE_CURRENT_DATA`. */
const HAVE_CURRENT_DATA = 2;
/** Larger files are not read; chosen: far above any photograph. */
const MAX_FILE_BYTES = 50 * 2 ** 20;

interface Surface {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
}

function newSurface(width: number, height: number): Surface {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: width === CELLS });
  if (context === null) {
    throw new Error("no canvas");
  }
  return { canvas, context };
}

function toJpeg(canvas: HTMLCanvasElement, quality: number): Promise<ArrayBuffer | null> {
  return new Promise((resolve) => {
    canvas.toBlob(
      (blob) => (blob === null ? resolve(null) : blob.arrayBuffer().then(resolve, () => resolve(null))),
      "image/jpeg",
      quality,
    );
  });
}

/** A canvas for the pictures of `stream`, until `scope` ends. */
export function videoCanvas(stream: MediaStream, scope: Scope): FrameCanvas {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  video.play().catch(() => {});
  scope.add(() => {
    video.pause();
    video.srcObject = null;
  });
  const paper = newSurface(1, 1);
  const small = newSurface(CELLS, CELLS);
  return {
    draw(side) {
      const { videoWidth, videoHeight } = video;
      if (video.readyState < HAVE_CURRENT_DATA || videoWidth === 0 || videoHeight === 0) {
        return null;
      }
      const { width, height } = fitInto(videoWidth, videoHeight, side);
      if (paper.canvas.width !== width || paper.canvas.height !== height) {
        paper.canvas.width = width;
        paper.canvas.height = height;
      }
      paper.context.imageSmoothingQuality = "high";
      paper.context.drawImage(video, 0, 0, width, height);
      return { width, height };
    },
    cells() {
      small.context.imageSmoothingQuality = "high";
      small.context.drawImage(paper.canvas, 0, 0, CELLS, CELLS);
      return toGrayLevels(small.context.getImageData(0, 0, CELLS, CELLS).data);
    },
    jpeg: (quality) => toJpeg(paper.canvas, quality),
  };
}

/** Luma (ITU-R BT.601) of RGBA pixels. */
export function toGrayLevels(rgba: Uint8ClampedArray): Uint8Array {
  const out = new Uint8Array(rgba.length / 4);
  for (let index = 0; index < out.length; index += 1) {
    const at = 4 * index;
    out[index] = Math.round(0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!);
  }
  return out;
}

/** Reads an image file: upright, on white, at most `side` pixels; null where the browser cannot read it. */
export async function readImageFile(file: Blob, side: number, quality: number): Promise<JpegFrame | null> {
  if (file.size === 0 || file.size > MAX_FILE_BYTES) {
    return null;
  }
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { width, height } = fitInto(image.width, image.height, side);
    const { canvas, context } = newSurface(width, height);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    image.close();
    const data = await toJpeg(canvas, quality);
    return data && { data, width, height, captured_ms: performance.now() };
  } catch {
    return null;
  }
}
