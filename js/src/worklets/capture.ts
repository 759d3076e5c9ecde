// The microphone's processor on the audio thread: device rate in, 16 kHz PCM16 out, no sample lost or repeated.

import { encode, type FromCapture, type ToCapture } from "../audio/pcm.ts";
import { Resampler } from "../audio/resampler.ts";

/** Hz, what the service takes. */
const OUTPUT_RATE = 16_000;
/** 20 ms; the page joins them into packets. */
const CHUNK_SAMPLES = 320;

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, OUTPUT_RATE);
  readonly #silence = new Float32Array(128);
  readonly #chunk = new Float32Array(CHUNK_SAMPLES);
  #filled = 0;
  #first = 0;
  #alive = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToCapture>) => this.#onMessage(data);
  }

  process(inputs: Float32Array[][]): boolean {
    // A device without input still advances: the count of samples is the clock.
    this.#resampler.push(inputs[0]?.[0] ?? this.#silence);
    this.#pull();
    return this.#alive;
  }

  #onMessage(message: ToCapture): void {
    if (message.kind === "close") {
      this.#alive = false;
    } else {
      this.#post();
      this.#send({ kind: "flushed" });
    }
  }

  #pull(): void {
    for (;;) {
      const made = this.#resampler.pull(this.#chunk, this.#filled);
      this.#filled += made;
      if (this.#filled === CHUNK_SAMPLES) {
        this.#post();
      } else if (made === 0) {
        return;
      }
    }
  }

  #post(): void {
    if (this.#filled > 0) {
      const samples = encode(this.#chunk.subarray(0, this.#filled));
      this.#send({ kind: "audio", first: this.#first, samples }, [samples.buffer]);
      this.#first += this.#filled;
      this.#filled = 0;
    }
  }

  #send(message: FromCapture, transfer: ArrayBuffer[] = []): void {
    this.port.postMessage(message, transfer);
  }
}

registerProcessor("livewidget-capture", CaptureProcessor);
