// PCM16 little-endian mono, as bytes and as numbers, and the messages between page and audio thread that carry it.

/** A buffer from Jupyter: a DataView in most front ends, a Uint8Array in Colab, sometimes an ArrayBuffer. */
export type Buffer = ArrayBufferLike | ArrayBufferView;

/**
 * Samples from a buffer. Always a copy: a view may be a slice, at any offset, of memory that is shared with other
 * messages. An odd last byte is dropped.
 */
export function samplesOf(buffer: Buffer): Int16Array<ArrayBuffer> {
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  const copy = new Uint8Array(bytes.length & ~1);
  copy.set(bytes.subarray(0, copy.length));
  return new Int16Array(copy.buffer);
}

/** What newer browsers have of their own: the same, several times as fast. */
type Native = Uint8Array & { toBase64?(): string };
const NativeArray = Uint8Array as typeof Uint8Array & {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
};
/** How many arguments a call may have everywhere; chosen: engines take at least 65,535. */
const SPREAD = 0x8000;

export function toBase64(bytes: Uint8Array): string {
  const native = (bytes as Native).toBase64?.();
  if (native !== undefined) {
    return native;
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += SPREAD) {
    text += String.fromCharCode(...bytes.subarray(at, at + SPREAD));
  }
  return btoa(text);
}

/** The bytes of base64, in the alphabet of files or of addresses; throws for anything else. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const standard = /[-_]/.test(text) ? text.replaceAll("-", "+").replaceAll("_", "/") : text;
  if (NativeArray.fromBase64) {
    return NativeArray.fromBase64(standard);
  }
  const binary = atob(standard);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) {
    bytes[i] = binary.charCodeAt(i);
  }
  return bytes;
}

/** The nearest PCM16 value of a sample in -1..1; values outside are clipped, NaN is silence. */
export function toInt16(value: number): number {
  const scaled = Math.round(value * 32768);
  if (scaled > 32767) {
    return 32767;
  }
  if (scaled < -32768) {
    return -32768;
  }
  return scaled || 0;
}

/** PCM16 values of samples in -1..1. */
export function encode(samples: Float32Array): Int16Array<ArrayBuffer> {
  const out = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    out[i] = toInt16(samples[i]!);
  }
  return out;
}

/** Samples in -1..1 of PCM16 values. */
export function decode(samples: Int16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    out[i] = samples[i]! / 32768;
  }
  return out;
}

export type ToPlayback =
  | { kind: "audio"; epoch: number; turn: number; first: number; samples: Int16Array<ArrayBuffer> }
  | { kind: "end"; epoch: number; turn: number }
  | { kind: "flush"; epoch: number }
  | { kind: "close" };

export type FromPlayback =
  | {
      kind: "report";
      epoch: number;
      /** The turn that is playing, and its last sample that was played (24 kHz). */
      turn: number;
      sample: number;
      /** Samples that wait, and the silence inserted inside turns so far (24 kHz). */
      buffered: number;
      silent: number;
      /** Peak since the last report, 0..1. */
      peak: number;
    }
  | { kind: "flushed"; epoch: number; turn: number; sample: number };

export type ToCapture = { kind: "flush" } | { kind: "close" };

export type FromCapture =
  /** PCM16 at 16 kHz; `first` counts from the start of the context. */
  { kind: "audio"; first: number; samples: Int16Array<ArrayBuffer> } | { kind: "flushed" };
