// What goes between the page and the audio thread.

export type ToPlayback =
  | { kind: "audio"; epoch: number; turn: number; first: number; samples: Int16Array<ArrayBuffer> }
  | { kind: "end"; epoch: number; turn: number }
  | { kind: "flush"; epoch: number }
  | { kind: "close" };

export type FromPlayback =
  | {
      kind: "report";
      epoch: number;
      /** The turn that is heard, and its last sample that was (24 kHz). */
      turn: number;
      sample: number;
      /** Samples that wait, and silence inserted inside turns so far (24 kHz). */
      buffered: number;
      silent: number;
      /** Peak since the last report, 0..1. */
      peak: number;
    }
  | { kind: "flushed"; epoch: number; turn: number; sample: number };

export type ToCapture = { kind: "flush" } | { kind: "close" };

export type FromCapture =
  /** PCM16 at 16 kHz; `first` counts from the start of this context. */
  { kind: "audio"; first: number; samples: Int16Array<ArrayBuffer> } | { kind: "flushed" };
