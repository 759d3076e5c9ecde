// The model's sound as it comes from the service: numbered by answer, brought to 24 kHz and to whole samples.

import { peakOf } from "./levels.ts";
import { decode, encode, samplesOf } from "./pcm.ts";
import { MODEL_AUDIO_RATE } from "./playout.ts";
import { gcd, Resampler } from "./resampler.ts";

type Sound = Int16Array<ArrayBuffer>;
/** PCM16 at 24 kHz; `first` is its place in the voice. */
type AudioHandler = (voice: number, first: number, samples: Sound) => void;

/** The rate in Hz of PCM16, as `pcm_rate` in livewidget/protocol/codec.py; null for anything else. */
export function pcmRate(mimeType: string): number | null {
  const [kind, ...parameters] = mimeType.toLowerCase().split(";");
  if (!/^audio\/(pcm|l16)$/.test(kind!.trim())) {
    return null;
  }
  const rate = Number(/rate\s*=\s*"?(\d+)/.exec(parameters.join(";"))?.[1] ?? MODEL_AUDIO_RATE);
  return rate >= 1000 && rate <= 384_000 ? rate : MODEL_AUDIO_RATE;
}

/** Phases of the filter that brings sound to 24 kHz, as _MAX_PHASES in livewidget/ui/relay.py. */
const MAX_PHASES = 480;

/** Whether sound of that rate can be brought to 24 kHz. */
export const isPlayable = (rate: number) => MODEL_AUDIO_RATE / gcd(rate, MODEL_AUDIO_RATE) <= MAX_PHASES;

/** The sound of one connection on its way to the player: numbered by voice, whole samples at 24 kHz. */
export class VoiceStream {
  readonly #onAudio: AudioHandler;
  readonly #number: () => number;
  /** The newest voice; 0 before the first. */
  voice = 0;
  /** Where its next sample stands. */
  next = 0;
  /** Sound of this voice has come, and the service has not said that the turn is over. */
  isOpen = false;
  #rate = MODEL_AUDIO_RATE;
  #resampler: Resampler | null = null;
  #odd: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** `number` gives each voice its own. */
  constructor(onAudio: AudioHandler, number: () => number) {
    this.#onAudio = onAudio;
    this.#number = number;
  }

  /** Takes PCM16 of a playable `rate` in Hz; returns how many whole samples there were, and the loudest, 0..1. */
  write(bytes: Uint8Array<ArrayBuffer>, rate: number): { samples: number; peak: number } {
    if (!this.isOpen) {
      this.isOpen = true;
      this.voice = this.#number();
      this.next = 0;
      this.#odd = new Uint8Array(0);
      this.#resampler = null;
      this.#rate = MODEL_AUDIO_RATE;
    }
    const whole = this.#joined(bytes);
    const samples = samplesOf(whole);
    // Before the samples are given away. Three decimals are 60 dB, a whisper.
    const heard = { samples: samples.length, peak: Math.round(peakOf(samples) * 1000) / 1000 };
    if (rate !== this.#rate) {
      this.drain();
      this.#rate = rate;
      this.#resampler = rate === MODEL_AUDIO_RATE ? null : new Resampler(rate, MODEL_AUDIO_RATE);
    }
    if (this.#resampler) {
      this.#resampler.push(decode(samples));
      this.#pull(this.#resampler);
    } else {
      this.#put(samples);
    }
    return heard;
  }

  /** Plays what a converter still holds. */
  drain(): void {
    const resampler = this.#resampler;
    this.#resampler = null;
    this.#rate = MODEL_AUDIO_RATE;
    if (resampler) {
      resampler.drain();
      this.#pull(resampler);
    }
  }

  /** The service has turned to something else: what comes next is another voice. */
  end(): void {
    this.isOpen = false;
  }

  #joined(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#odd.length + bytes.length);
    all.set(this.#odd);
    all.set(bytes, this.#odd.length);
    this.#odd = all.slice(all.length & ~1);
    return all;
  }

  #pull(resampler: Resampler): void {
    const out = new Float32Array(resampler.available);
    resampler.pull(out);
    this.#put(encode(out));
  }

  #put(samples: Sound): void {
    const { length } = samples;
    if (length > 0) {
      this.#onAudio(this.voice, this.next, samples);
      this.next += length;
    }
  }
}
