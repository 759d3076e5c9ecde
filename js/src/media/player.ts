// Plays the model's audio: one context, one worklet, one volume. A page that has no worklets has no player, and says so.

import type { FromPlayback, ToPlayback } from "../audio/pcm.ts";
import { MODEL_AUDIO_RATE } from "../audio/playout.ts";
import type { PlayerProbe } from "../audio/sound-watch.ts";
import type { Scope } from "../scope.ts";
import { addWorklets, closeWith, hasWorklets, resume, testTap } from "./context.ts";

interface PlaybackProgress {
  turn: number;
  sample: number;
  bufferedMs: number;
  silentSamples: number;
}

interface PlayerHandlers {
  /** 25 times a second while audio plays or waits. */
  onProgress(progress: PlaybackProgress, peak: number): void;
  /** A turn was flushed; `sample` is the last one that was played. */
  onFlushed(turn: number, sample: number): void;
  /** What `probe` or `missing` returns may have changed. */
  onChange(): void;
}

/** What belongs to one audio context. */
interface OutputGraph {
  scope: Scope;
  context: AudioContext;
  gain: GainNode;
  node: AudioWorkletNode | null;
  waiting: ToPlayback[];
}

/** The worklet answers a flush within a few ms, unless its context is suspended. */
const FLUSH_TIMEOUT_MS = 120;
/** Turns whose position is kept for a late flush; chosen. */
const REMEMBERED_TURNS = 16;
/** Time constant of a volume change, in seconds; chosen: no click. */
const RAMP_S = 0.02;

function openContext(): AudioContext {
  try {
    // At the audio's own rate every sample is put out as it came, and the browser resamples for the device.
    return new AudioContext({ sampleRate: MODEL_AUDIO_RATE, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" });
  }
}

/** Whether the browser is known to play nothing before a click or a key; false where it does not say. */
function needsGesture(): boolean {
  const activation = (navigator as { userActivation?: { hasBeenActive: boolean } }).userActivation;
  return activation?.hasBeenActive === false;
}

export class Player {
  readonly #scope: Scope;
  readonly #handlers: PlayerHandlers;
  #graph: OutputGraph | null = null;
  #volume = 1;
  #epoch = 0;
  #progress: PlaybackProgress = { turn: 0, sample: 0, bufferedMs: 0, silentSamples: 0 };
  /** Inserted silence of contexts that are closed. */
  #silentBefore = 0;
  #playedSamples = new Map<number, number>();
  #awaitingFlush: number[] = [];
  #newestTurn = -1;
  #discardedTurn = -1;
  /** True from a write until the worklet reports again. */
  #isUnreported = false;
  #failedToLoad = false;

  constructor(scope: Scope, handlers: PlayerHandlers) {
    this.#scope = scope;
    this.#handlers = handlers;
    scope.add(() => this.close());
  }

  get progress(): PlaybackProgress {
    return this.#progress;
  }

  /** Why this page cannot play anything; null where it can, as far as is known. */
  get missing(): "not-secure" | "missing" | null {
    if (hasWorklets() && !this.#failedToLoad) {
      return null;
    }
    return globalThis.isSecureContext ? "missing" : "not-secure";
  }

  /** What can be found out about an open player; null while there is none. */
  get probe(): PlayerProbe | null {
    const deck = this.#graph;
    if (!deck) {
      return null;
    }
    const { turn, sample, bufferedMs } = this.#progress;
    return {
      context: deck.context.state,
      needsGesture: needsGesture(),
      waiting: this.#isUnreported || bufferedMs > 0,
      position: `${turn} ${sample}`,
    };
  }

  /** Opens the context. To be called from a click or a key, or the browser may keep it suspended. */
  unlock(): void {
    // What failed before is tried once more.
    this.#failedToLoad = false;
    this.resume();
    this.#open();
    this.resume();
  }

  /** Makes a context run that the browser or the system suspended. */
  resume(): void {
    if (this.#graph?.context.state === "closed") {
      // Nothing makes it run again: the next audio opens another.
      this.close();
    }
    resume(this.#graph?.context);
  }

  write(turn: number, first: number, samples: Int16Array<ArrayBuffer>): void {
    if (turn <= this.#discardedTurn) {
      return;
    }
    this.#newestTurn = turn;
    if (this.#open()) {
      this.#isUnreported = true;
      this.#post({ kind: "audio", epoch: this.#epoch, turn, first, samples }, [samples.buffer]);
    }
  }

  end(turn: number): void {
    if (this.#graph) {
      this.#post({ kind: "end", epoch: this.#epoch, turn });
    }
  }

  /** Drops audio older than `epoch`; with a `turn`, `onFlushed` follows. The same epoch flushes once. */
  flush(epoch: number, turn: number | null): void {
    if (turn !== null) {
      this.#awaitingFlush.push(turn);
    }
    if (epoch > this.#epoch) {
      this.#epoch = epoch;
      this.#flushWorklet();
    } else {
      this.#reportFlushed();
    }
  }

  /** Silences turns up to this one at once, also what still comes of them; a newer one goes on. */
  hush(turn: number): void {
    if (this.#newestTurn <= turn) {
      this.stopNow();
    }
  }

  /** Silences the current turn at once, also what still comes of it; the kernel's flush follows. */
  stopNow(): void {
    this.#discardedTurn = Math.max(this.#discardedTurn, this.#newestTurn);
    this.#flushWorklet();
  }

  /** As `hush`; `onFlushed` follows in any case. */
  cut(turn: number): void {
    this.#awaitingFlush.push(turn);
    if (this.#newestTurn <= turn) {
      this.stopNow();
    } else {
      this.#reportFlushed();
    }
  }

  /** What comes is numbered anew: silence, and what is known of turns is forgotten. */
  restart(): void {
    this.stopNow();
    this.#newestTurn = -1;
    this.#discardedTurn = -1;
    this.#playedSamples.clear();
  }

  setVolume(volume: number): void {
    this.#volume = Math.min(1, Math.max(0, volume));
    const deck = this.#graph;
    deck?.gain.gain.setTargetAtTime(this.#volume, deck.context.currentTime, RAMP_S);
  }

  /** Stops playback and releases the device. */
  close(): void {
    const deck = this.#graph;
    if (deck) {
      this.#graph = null;
      this.#newestTurn = -1;
      this.#discardedTurn = -1;
      this.#silentBefore = this.#progress.silentSamples;
      this.#progress = { ...this.#progress, bufferedMs: 0 };
      deck.node?.port.postMessage({ kind: "close" } satisfies ToPlayback);
      deck.scope.dispose();
      this.#isUnreported = false;
      this.#reportFlushed();
      this.#handlers.onChange();
    }
  }

  /** The open player, opened if need be; null where this page has none. */
  #open(): OutputGraph | null {
    if (this.#graph || this.missing) {
      return this.#graph;
    }
    const scope = this.#scope.child();
    try {
      const context = openContext();
      closeWith(scope, context);
      const gain = new GainNode(context, { gain: this.#volume });
      gain.connect(context.destination);
      const deck: OutputGraph = { scope, context, gain, node: null, waiting: [] };
      this.#graph = deck;
      scope.listen(context, "statechange", () => this.#handlers.onChange());
      this.#load(deck).catch((error) => this.#onFailed(scope, error));
    } catch (error) {
      this.#onFailed(scope, error);
    }
    return this.#graph;
  }

  /** The browser gave no context, or did not load the worklet into it: the page's rules may forbid that. */
  #onFailed(scope: Scope, error: unknown): void {
    if (!scope.disposed) {
      console.error("livewidget:", error);
      this.#failedToLoad = true;
      scope.dispose();
      this.close();
      this.#handlers.onChange();
    }
  }

  async #load(deck: OutputGraph): Promise<void> {
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
    node.port.onmessage = ({ data }: MessageEvent<FromPlayback>) => this.#onWorkletMessage(data);
    scope.add(() => {
      node.port.onmessage = null;
      node.disconnect();
      gain.disconnect();
    });
    deck.node = node;
    testTap().onPlayer?.(context, gain);
    for (const message of deck.waiting.splice(0)) {
      this.#post(message);
    }
  }

  #post(message: ToPlayback, transfer: Transferable[] = []): void {
    const deck = this.#graph;
    if (deck?.node) {
      deck.node.port.postMessage(message, transfer);
    } else {
      deck?.waiting.push(message);
    }
  }

  #flushWorklet(): void {
    const deck = this.#graph;
    if (deck?.node) {
      this.#post({ kind: "flush", epoch: this.#epoch });
      deck.scope.timeout(() => this.#reportFlushed(), FLUSH_TIMEOUT_MS);
    } else {
      deck?.waiting.splice(0);
      this.#reportFlushed();
    }
  }

  #onWorkletMessage(message: FromPlayback): void {
    this.#isUnreported = false;
    this.#recordPlayed(message.turn, message.sample);
    if (message.kind === "flushed") {
      this.#progress = { ...this.#progress, turn: message.turn, sample: message.sample, bufferedMs: 0 };
      this.#reportFlushed();
      return;
    }
    const { turn, sample, buffered, silent, peak } = message;
    const silentSamples = this.#silentBefore + silent;
    this.#progress = { turn, sample, bufferedMs: (buffered * 1000) / MODEL_AUDIO_RATE, silentSamples };
    this.#handlers.onProgress(this.#progress, peak);
  }

  #recordPlayed(turn: number, sample: number): void {
    this.#playedSamples.set(turn, Math.max(sample, this.#playedSamples.get(turn) ?? 0));
    if (this.#playedSamples.size > REMEMBERED_TURNS) {
      this.#playedSamples.delete(this.#playedSamples.keys().next().value!);
    }
  }

  #reportFlushed(): void {
    for (const turn of this.#awaitingFlush.splice(0)) {
      this.#handlers.onFlushed(turn, this.#playedSamples.get(turn) ?? 0);
    }
  }
}
