// Canvases: what a camera shows, or a file, as a JPEG.

import type { Scope } from "../scope.ts";
import { CELLS, type Easel, type Frame, fitted } from "./frames.ts";

/** `HTMLMediaElement.HAVE_CURRENT_DATA`. */
const HAVE_CURRENT_DATA = 2;
/** Files larger than this are not read. */
const MOST_BYTES = 50 * 2 ** 20;

interface Drawn {
  canvas: HTMLCanvasElement;
  context: CanvasRenderingContext2D;
}

function blank(width: number, height: number): Drawn {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: width === CELLS });
  if (context === null) {
    throw new Error("no canvas");
  }
  return { canvas, context };
}

function jpeg(canvas: HTMLCanvasElement, quality: number): Promise<ArrayBuffer | null> {
  return new Promise((resolve) => {
    canvas.toBlob(
      (blob) => (blob === null ? resolve(null) : blob.arrayBuffer().then(resolve, () => resolve(null))),
      "image/jpeg",
      quality,
    );
  });
}

/** Draws what `stream` shows, until `scope` ends. */
export function easelOf(stream: MediaStream, scope: Scope): Easel {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  video.play().catch(() => {});
  scope.add(() => {
    video.pause();
    video.srcObject = null;
  });
  const paper = blank(1, 1);
  const small = blank(CELLS, CELLS);
  return {
    draw(side) {
      const { videoWidth, videoHeight } = video;
      if (video.readyState < HAVE_CURRENT_DATA || videoWidth === 0 || videoHeight === 0) {
        return null;
      }
      const { width, height } = fitted(videoWidth, videoHeight, side);
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
      return grays(small.context.getImageData(0, 0, CELLS, CELLS).data);
    },
    jpeg: (quality) => jpeg(paper.canvas, quality),
  };
}

/** Luma of RGBA pixels. */
export function grays(rgba: Uint8ClampedArray): Uint8Array {
  const out = new Uint8Array(rgba.length / 4);
  for (let index = 0; index < out.length; index += 1) {
    const at = 4 * index;
    out[index] = Math.round(0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!);
  }
  return out;
}

/** Reads a picture file: turned upright, on white, at most `side` pixels; null where it is none that can be read. */
export async function readPicture(file: Blob, side: number, quality: number): Promise<Frame | null> {
  if (file.size === 0 || file.size > MOST_BYTES) {
    return null;
  }
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const { width, height } = fitted(image.width, image.height, side);
    const { canvas, context } = blank(width, height);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    image.close();
    const data = await jpeg(canvas, quality);
    return data && { data, width, height, captured_ms: performance.now() };
  } catch {
    return null;
  }
}
