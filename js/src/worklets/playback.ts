// The loudspeaker's processor on the audio thread: the player's messages go into the playout, quanta come out.

import { decode, type FromPlayback, type ToPlayback } from "../audio/pcm.ts";
import { Playout } from "../audio/playout.ts";

/** One per bar of the waveform. */
const REPORTS_PER_SECOND = 25;

class PlaybackProcessor extends AudioWorkletProcessor {
  readonly #playout = new Playout(sampleRate);
  readonly #interval = Math.round(sampleRate / REPORTS_PER_SECOND);
  #epoch = 0;
  #frames = 0;
  #peak = 0;
  #lastReport = "";
  #alive = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToPlayback>) => this.#onMessage(data);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out) {
      this.#playout.render(out);
      for (const sample of out) {
        this.#peak = Math.max(this.#peak, Math.abs(sample));
      }
      this.#frames += out.length;
      if (this.#frames >= this.#interval) {
        this.#frames -= this.#interval;
        this.#report();
      }
    }
    return this.#alive;
  }

  #onMessage(message: ToPlayback): void {
    if (message.kind === "close") {
      this.#alive = false;
    } else if (message.kind === "flush") {
      const { epoch } = message;
      this.#epoch = Math.max(this.#epoch, epoch);
      this.#playout.flush(({ turn, sample }) => this.#post({ kind: "flushed", epoch, turn, sample }));
    } else if (message.epoch < this.#epoch) {
      return;
    } else if (message.kind === "audio") {
      this.#playout.write(message.turn, message.first, decode(message.samples));
    } else {
      this.#playout.end(message.turn);
    }
  }

  #report(): void {
    const { turn, sample, buffered, silent } = this.#playout.report();
    const state = `${turn} ${sample} ${buffered} ${silent}`;
    // No message where nothing has changed.
    if (this.#peak > 0 || state !== this.#lastReport) {
      this.#lastReport = state;
      this.#post({ kind: "report", epoch: this.#epoch, turn, sample, buffered, silent, peak: this.#peak });
      this.#peak = 0;
    }
  }

  #post(message: FromPlayback): void {
    this.port.postMessage(message);
  }
}

registerProcessor("livewidget-playback", PlaybackProcessor);
