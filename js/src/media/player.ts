// The model's voice in the page: one context, one worklet, one volume.

import type { FromPlayback, ToPlayback } from "../audio/pcm.ts";
import { VOICE_RATE } from "../audio/playout.ts";
import type { Scope } from "../scope.ts";
import { addWorklets, closeWith, tap } from "./context.ts";

export interface Progress {
  turn: number;
  sample: number;
  bufferedMs: number;
  silentSamples: number;
}

export interface PlayerEars {
  /** 25 times a second while something sounds or waits. */
  progress(progress: Progress, peak: number): void;
  /** So much was heard of a turn that was flushed. */
  heard(turn: number, sample: number): void;
  /** The browser plays nothing until the user touches the page; or does again. */
  blocked(blocked: boolean): void;
}

/** One context's life. */
interface Deck {
  scope: Scope;
  context: AudioContext;
  gain: GainNode;
  node: AudioWorkletNode | null;
  waiting: ToPlayback[];
}

const BLOCKED_MS = 700;
/** The audio thread answers a flush within a few ms, unless its context is asleep. */
const ANSWER_MS = 120;
const REMEMBERED = 16;
const RAMP_S = 0.02;

function openContext(): AudioContext {
  try {
    // The voice's own rate: then every sample goes out as it came, and the browser fits it to the device.
    return new AudioContext({ sampleRate: VOICE_RATE, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" });
  }
}

export class Player {
  readonly #scope: Scope;
  readonly #ears: PlayerEars;
  #deck: Deck | null = null;
  #volume = 1;
  #epoch = 0;
  #progress: Progress = { turn: 0, sample: 0, bufferedMs: 0, silentSamples: 0 };
  /** Silence counted by contexts that are closed. */
  #silentBefore = 0;
  #heard = new Map<number, number>();
  #asked: number[] = [];
  #newest = -1;
  #voidTurn = -1;
  #blocked = false;

  constructor(scope: Scope, ears: PlayerEars) {
    this.#scope = scope;
    this.#ears = ears;
    scope.add(() => this.close());
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Opens the context; to be called from a click or a key, or the browser may keep it silent. */
  unlock(): void {
    const { context } = this.#open();
    if (context.state === "suspended") {
      context.resume().catch(() => {});
    }
  }

  write(turn: number, first: number, samples: Int16Array<ArrayBuffer>): void {
    if (turn <= this.#voidTurn) {
      return;
    }
    this.#newest = turn;
    this.#open();
    this.#post({ kind: "audio", epoch: this.#epoch, turn, first, samples }, [samples.buffer]);
    this.#watchBlocked();
  }

  end(turn: number): void {
    if (this.#deck) {
      this.#post({ kind: "end", epoch: this.#epoch, turn });
    }
  }

  /** Drops what is older than `epoch`; if `turn` is given, `heard` is told of it. The same epoch flushes once. */
  flush(epoch: number, turn: number | null): void {
    if (turn !== null) {
      this.#asked.push(turn);
    }
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      this.#silence();
    } else {
      this.#answer();
    }
  }

  /** Silence at once for the turn that is here now, and for what still comes of it; the kernel's flush follows. */
  hush(): void {
    this.#voidTurn = Math.max(this.#voidTurn, this.#newest);
    this.#silence();
  }

  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume));
    const deck = this.#deck;
    deck?.gain.gain.setTargetAtTime(this.#volume, deck.context.currentTime, RAMP_S);
  }

  /** Ends the voice and frees the device. */
  close(): void {
    const deck = this.#deck;
    if (deck) {
      this.#deck = null;
      this.#newest = -1;
      this.#voidTurn = -1;
      this.#silentBefore = this.#progress.silentSamples;
      this.#progress = { ...this.#progress, bufferedMs: 0 };
      deck.node?.port.postMessage({ kind: "close" } satisfies ToPlayback);
      deck.scope.dispose();
      this.#answer();
      this.#setBlocked(false);
    }
  }

  #open(): Deck {
    if (this.#deck) {
      return this.#deck;
    }
    const scope = this.#scope.child();
    const context = openContext();
    const gain = new GainNode(context, { gain: this.#volume });
    gain.connect(context.destination);
    const deck: Deck = { scope, context, gain, node: null, waiting: [] };
    this.#deck = deck;
    closeWith(scope, context);
    scope.listen(context, "statechange", () =>
      this.#setBlocked(this.#blocked && context.state !== "running"),
    );
    this.#load(deck).catch((error) => console.error("livewidget:", error));
    return deck;
  }

  async #load(deck: Deck): Promise<void> {
    const { context, gain, scope } = deck;
    await addWorklets(context);
    if (scope.disposed) {
      return;
    }
    const node = new AudioWorkletNode(context, "livewidget-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    node.connect(gain);
    node.port.onmessage = ({ data }: MessageEvent<FromPlayback>) => this.#take(data);
    scope.add(() => {
      node.port.onmessage = null;
      node.disconnect();
      gain.disconnect();
    });
    deck.node = node;
    tap().onPlayer?.(context, gain);
    for (const message of deck.waiting.splice(0)) {
      this.#post(message);
    }
  }

  #post(message: ToPlayback, transfer: Transferable[] = []): void {
    const deck = this.#deck;
    if (deck?.node) {
      deck.node.port.postMessage(message, transfer);
    } else {
      deck?.waiting.push(message);
    }
  }

  #silence(): void {
    const deck = this.#deck;
    if (deck?.node) {
      this.#post({ kind: "flush", epoch: this.#epoch });
      deck.scope.timeout(() => this.#answer(), ANSWER_MS);
    } else {
      deck?.waiting.splice(0);
      this.#answer();
    }
  }

  #take(message: FromPlayback): void {
    this.#remember(message.turn, message.sample);
    if (message.kind === "flushed") {
      this.#progress = { ...this.#progress, turn: message.turn, sample: message.sample, bufferedMs: 0 };
      this.#answer();
      return;
    }
    const { turn, sample, buffered, silent, peak } = message;
    const silentSamples = this.#silentBefore + silent;
    this.#progress = { turn, sample, bufferedMs: (buffered * 1000) / VOICE_RATE, silentSamples };
    this.#ears.progress(this.#progress, peak);
  }

  #remember(turn: number, sample: number): void {
    this.#heard.set(turn, Math.max(sample, this.#heard.get(turn) ?? 0));
    if (this.#heard.size > REMEMBERED) {
      this.#heard.delete(this.#heard.keys().next().value!);
    }
  }

  #answer(): void {
    for (const turn of this.#asked.splice(0)) {
      this.#ears.heard(turn, this.#heard.get(turn) ?? 0);
    }
  }

  #watchBlocked(): void {
    const deck = this.#deck;
    if (!deck || this.#blocked || deck.context.state === "running") {
      return;
    }
    deck.scope.timeout(() => {
      if (deck.context.state !== "running" && !this.#blocked) {
        this.#setBlocked(true);
        for (const gesture of ["pointerdown", "keydown"]) {
          deck.scope.listen(document, gesture, () => this.unlock(), { capture: true });
        }
      }
    }, BLOCKED_MS);
  }

  #setBlocked(blocked: boolean): void {
    if (blocked !== this.#blocked) {
      this.#blocked = blocked;
      this.#ears.blocked(blocked);
    }
  }
}
