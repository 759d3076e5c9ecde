// Should sound arrive, and does it? One watch for the microphone and one for the player; time is an argument, in ms.
//
// In: what can be found out, the state of an audio context, whether the system mutes a track, when chunks came and what was
// in them, how far playback is. Out: the one fault that keeps sound from arriving, or null. No browser API in here.

/** Why nothing is heard of a microphone that is on. */
export type MicrophoneFault =
  /** Its audio context was suspended by the browser, or interrupted by the system: for a call, say. */
  | "suspended"
  | "interrupted"
  /** Its track is muted outside this page: by a switch, by the browser or by the system. */
  | "muted"
  /** Its track has ended or its context is closed, and nobody said so; or all is well, and yet no chunk comes. */
  | "stopped"
  /** Chunks come, and there is nothing in them. */
  | "silent";

/** Why the model's audio is not heard. */
export type PlayerFault =
  /** The browser plays nothing before the first click. */
  | "blocked"
  | "suspended"
  | "interrupted"
  /** The audio context runs, audio waits, and none of it is played. */
  | "stalled"
  /** The page has no player, because of its address or because it could not be loaded. */
  | "not-secure"
  | "missing";

/** A state that lasts less is a change under way; chosen: contexts start and resume within it. */
const GRACE_MS = 1000;
/** A context that nobody refused may be slow to start; chosen: on a busy computer it takes seconds. */
const START_MS = 4000;
/** Chunks come each 20 ms; chosen: a hundred of them are missing, and no busy page is taken for it. */
const STOPPED_MS = 2000;
/** Audio that waits begins to play within 0.3 s, and the last samples of a turn without an end within 2 s (playout.ts). */
const STALLED_MS = 4000;
/** Checks come each 250 ms; chosen: after a longer pause the page slept, and everything gets its time anew. */
const ASLEEP_MS = 2000;

/** Keeps a state until it has lasted long enough to be believed. */
class Lasting<T> {
  #value: T | null = null;
  #since = 0;

  /** `value` as soon as it has been the same for `ms`; null before. */
  after(value: T | null, ms: number, now: number): T | null {
    if (value !== this.#value) {
      this.#value = value;
      this.#since = now;
    }
    return now - this.#since >= ms ? value : null;
  }

  restart(now: number): void {
    this.#since = now;
  }
}

/** What is known of a microphone that is on. */
export interface MicrophoneProbe {
  /** The state of its audio context: "interrupted" is WebKit's. */
  context: string;
  /** True where the track is muted or disabled, and not by the person at this card. */
  muted: boolean;
  /** True where the track has ended. */
  ended: boolean;
}

export class MicrophoneWatch {
  readonly #trouble = new Lasting<MicrophoneFault>();
  readonly #silence = new SilenceDetector();
  #silent = false;
  #isOn = false;
  /** A chunk has come since it was turned on. */
  #hasStarted = false;
  #chunkAt = 0;
  #checkedAt = 0;
  #fault: MicrophoneFault | null = null;

  /** A chunk of `ms` with that peak, 0..1, came at `now`. */
  onChunk(peak: number, ms: number, now: number): void {
    this.#chunkAt = now;
    this.#hasStarted = true;
    // What a muted track or a context that is being suspended gives says nothing of the microphone.
    if (this.#fault === null || this.#fault === "silent") {
      this.#silent = this.#silence.observe(peak, ms);
    }
  }

  /** `probe` is null while the microphone is off, or muted here. To be called a few times a second. */
  check(probe: MicrophoneProbe | null, now: number): MicrophoneFault | null {
    const slept = now - this.#checkedAt > ASLEEP_MS;
    this.#checkedAt = now;
    if (probe === null || !this.#isOn || slept) {
      this.#isOn = probe !== null;
      this.#chunkAt = now;
      this.#trouble.restart(now);
    }
    if (probe === null) {
      this.#hasStarted = false;
      this.#silence.reset();
      this.#silent = false;
      this.#fault = null;
      return null;
    }
    const trouble = troubleOf(probe);
    const believed = this.#trouble.after(trouble, this.#hasStarted ? GRACE_MS : START_MS, now);
    if (trouble !== null) {
      this.#chunkAt = now;
      // From one trouble to another, the fault stays until the new one is believed.
      this.#fault = believed ?? this.#fault;
    } else if (now - this.#chunkAt >= (this.#hasStarted ? STOPPED_MS : START_MS)) {
      this.#fault = "stopped";
    } else {
      this.#fault = this.#silent ? "silent" : null;
    }
    return this.#fault;
  }
}

function troubleOf({ context, muted, ended }: MicrophoneProbe): MicrophoneFault | null {
  if (ended || context === "closed") {
    return "stopped";
  }
  if (context !== "running") {
    return context === "interrupted" ? "interrupted" : "suspended";
  }
  return muted ? "muted" : null;
}

/** What is known of a player that is open. */
export interface PlayerProbe {
  context: string;
  /** True where the browser is known to play nothing before a click. */
  needsGesture: boolean;
  /** True while audio waits to be played. */
  waiting: boolean;
  /** Changes whenever something is played. */
  position: string;
}

export class PlayerWatch {
  readonly #trouble = new Lasting<PlayerFault>();
  readonly #position = new Lasting<string>();
  #ran = false;
  #checkedAt = 0;

  /** `probe` is null while no player is open. To be called a few times a second. */
  check(probe: PlayerProbe | null, now: number): PlayerFault | null {
    const slept = now - this.#checkedAt > ASLEEP_MS;
    this.#checkedAt = now;
    if (probe === null || slept) {
      this.#trouble.restart(now);
      this.#position.restart(now);
    }
    if (probe === null) {
      this.#ran = false;
      return null;
    }
    const runs = probe.context === "running";
    this.#ran ||= runs;
    const trouble = runs ? null : this.#notRunning(probe);
    const patience = this.#ran || probe.needsGesture ? GRACE_MS : START_MS;
    const believed = this.#trouble.after(trouble, patience, now);
    const stuck = this.#position.after(runs && probe.waiting ? probe.position : null, STALLED_MS, now);
    return believed ?? (stuck === null ? null : "stalled");
  }

  #notRunning({ context, needsGesture }: PlayerProbe): PlayerFault {
    if (context === "interrupted") {
      return "interrupted";
    }
    return needsGesture && !this.#ran ? "blocked" : "suspended";
  }
}

/** −70 dBFS; chosen: below the noise of any microphone that is on. */
const SILENT = 10 ** (-70 / 20);
/** From the start, silence is looked at for this long; chosen. */
const FIRST_LIMIT_MS = 5000;
/** Once there was sound, near-silence may last longer: noise suppression makes quiet pauses. */
const QUIET_LIMIT_MS = 20_000;
/** Exact zeros after sound mean a switch, unless the microphone makes them in every pause; chosen. */
const ZERO_LIMIT_MS = 5000;
/** Zeros that last so long and end by themselves are the pauses of a noise gate; chosen: longer than any glitch. */
const GATED_MS = 200;

/**
 * Detects a microphone that gives no sound: for 5 s from its start, or, after there was some, for 20 s, or for 5 s of exact
 * zeros. A microphone whose pauses are zeros (a noise gate) gets 20 s for them too.
 */
export class SilenceDetector {
  #quietMs = 0;
  #zeroMs = 0;
  #zeroLimit = ZERO_LIMIT_MS;
  #hadSound = false;

  /** Adds `ms` of audio with that peak, 0..1; true while the silence has lasted too long. */
  observe(peak: number, ms: number): boolean {
    if (peak > 0 && this.#hadSound && this.#zeroMs >= GATED_MS) {
      // Announced or not, it ended by itself: the next has longer.
      const gated = this.#zeroMs < this.#zeroLimit;
      this.#zeroLimit = gated ? QUIET_LIMIT_MS : Math.min(2 * this.#zeroLimit, QUIET_LIMIT_MS);
    }
    this.#hadSound ||= peak > SILENT;
    this.#quietMs = peak > SILENT ? 0 : this.#quietMs + ms;
    this.#zeroMs = peak > 0 ? 0 : this.#zeroMs + ms;
    if (!this.#hadSound) {
      return this.#quietMs >= FIRST_LIMIT_MS;
    }
    return this.#quietMs >= QUIET_LIMIT_MS || this.#zeroMs >= this.#zeroLimit;
  }

  /** The microphone was turned off or muted here. */
  reset(): void {
    this.#quietMs = 0;
    this.#zeroMs = 0;
    this.#hadSound = false;
  }
}
