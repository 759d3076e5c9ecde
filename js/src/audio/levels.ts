// Loudness: peaks for the waveform, and what may be speech.

/** Peak levels for the scrolling waveform. */
export interface Levels {
  /** Number of bars per second. */
  readonly rate: number;
  /** Bars written since the page was opened; the newest is `count - 1`. */
  readonly count: number;
  /** Peak, 0..1, of bar `index` of a speaker; 0 where it is no longer kept. */
  at(speaker: "user" | "model", index: number): number;
  /** Bars at which an interruption happened, oldest first. */
  readonly marks: readonly number[];
}

/** Highest magnitude of PCM16 samples, 0..1. */
export function peakOf(samples: Int16Array): number {
  let peak = 0;
  for (const sample of samples) {
    const magnitude = sample < 0 ? -sample : sample;
    if (magnitude > peak) {
      peak = magnitude;
    }
  }
  return peak / 32768;
}

/** As in `SpeechEnergy` of livewidget/session/audio_input.py, which says where they come from; shares of full scale. */
const SPEECH_RATIO = 2.5;
const THRESHOLD_MIN = 10 ** (-55 / 20);
const THRESHOLD_MAX = 10 ** (-36 / 20);
const ROOM_RISE = 10 ** (0.5 / 20 / 50);

/** Tells what may be speech from the room by level alone: follows the quietest level, and finds what is louder. */
export class SpeechLevel {
  #room = THRESHOLD_MIN / 1.4;

  /** Takes the next chunk of the microphone, 20 ms of PCM16 at 16 kHz; when in doubt, it is speech. */
  isSpeech(samples: Int16Array): boolean {
    const energy = samples.reduce((sum, sample) => sum + sample * sample, 0);
    const level = Math.sqrt(energy / samples.length) / 32768;
    const found = level > Math.min(Math.max(this.#room * SPEECH_RATIO, THRESHOLD_MIN), THRESHOLD_MAX);
    this.#room = level < this.#room ? level : this.#room * ROOM_RISE;
    return found;
  }
}

type Speaker = "user" | "model";

/** Bars per second; one is 40 ms, two chunks of the microphone. */
const RATE = 25;
/** Three minutes; chosen: more than the widest card shows. */
const KEPT_BARS = RATE * 180;
/** Peaks that may wait for their bar before two share one; chosen: the picture lags by 160 ms at most. */
const MAX_WAITING = 4;

/** Bars of both speakers on one timeline. Peaks arrive at any time; `advance` turns time into bars. */
export class LevelTimeline implements Levels {
  readonly rate = RATE;
  readonly #bars = { user: new Float32Array(KEPT_BARS), model: new Float32Array(KEPT_BARS) };
  readonly #waiting: Record<Speaker, number[]> = { user: [], model: [] };
  #count = 0;
  #marks: number[] = [];
  #next: number | null = null;

  get count(): number {
    return this.#count;
  }

  get marks(): readonly number[] {
    return this.#marks;
  }

  at(speaker: Speaker, index: number): number {
    if (index < 0 || index >= this.#count || index < this.#count - KEPT_BARS) {
      return 0;
    }
    return this.#bars[speaker][index % KEPT_BARS]!;
  }

  /** Adds the peak, 0..1, of the next 1/rate second of a speaker. */
  put(speaker: Speaker, peak: number): void {
    const waiting = this.#waiting[speaker];
    waiting.push(peak);
    while (waiting.length > MAX_WAITING) {
      const oldest = waiting.shift()!;
      waiting[0] = Math.max(oldest, waiting[0]!);
    }
  }

  /** Writes the bars that are due at `now` (ms). */
  advance(now: number): void {
    const width = 1000 / RATE;
    // After a pause the timeline continues without a gap.
    if (this.#next === null || now - this.#next > 1000) {
      this.#next = now;
    }
    while (this.#next <= now) {
      const place = this.#count % KEPT_BARS;
      this.#bars.user[place] = this.#waiting.user.shift() ?? 0;
      this.#bars.model[place] = this.#waiting.model.shift() ?? 0;
      this.#count += 1;
      this.#next += width;
    }
    this.#marks = this.#marks.filter((mark) => mark >= this.#count - KEPT_BARS);
  }

  /** Marks an interruption at the newest bar and drops peaks of the model that are not drawn yet. */
  mark(): void {
    this.#waiting.model = [];
    this.#marks = [...this.#marks, Math.max(0, this.#count - 1)];
  }
}
