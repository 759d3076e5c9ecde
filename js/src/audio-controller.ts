// The microphone and the model's audio of one page, between its state and the kernel.

import { LevelLanes } from "./audio/levels.ts";
import type { Bridge } from "./bridge.ts";
import { SILENT } from "./media/devices.ts";
import { Microphone } from "./media/microphone.ts";
import { Voice } from "./media/microphone-sender.ts";
import { Player } from "./media/player.ts";
import { KERNEL_BUSY, type Notices, SOUND_BLOCKED } from "./notices.ts";
import type { Scope } from "./scope.ts";
import type { MicrophoneState, Store } from "./state.ts";

const BAR_MS = 40;

export class Talk {
  readonly levels = new LevelLanes();
  readonly #scope: Scope;
  readonly #store: Store;
  readonly #notices: Notices;
  readonly #bridge: Bridge;
  readonly #now: () => number;
  readonly #player: Player;
  readonly #microphone: Microphone;
  readonly #voice: Voice;

  /** Touches no device: that takes a click. */
  constructor(scope: Scope, store: Store, notices: Notices, bridge: Bridge, now: () => number) {
    this.#scope = scope;
    this.#store = store;
    this.#notices = notices;
    this.#bridge = bridge;
    this.#now = now;
    this.#voice = this.#makeVoice();
    this.#player = this.#makePlayer();
    this.#microphone = this.#makeMicrophone();
    scope.interval(() => this.#moveLevels(), BAR_MS);
  }

  get player(): Player {
    return this.#player;
  }

  get microphone(): Microphone {
    return this.#microphone;
  }

  /** Tells the kernel how far the voice is; that is credit, statistics and sign of life. */
  report(): void {
    // A kernel that was restarted complains of each message of a comm that it does not know.
    if (!this.#bridge.welcomed || !this.#store.get().connected) {
      return;
    }
    const { turn, sample, bufferedMs, silentSamples } = this.#player.progress;
    const body = {
      ack_seq: this.#bridge.speakerAck,
      turn,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.#bridge.epoch,
      page_ms: this.#now(),
    };
    this.#bridge.send({ lane: "control", kind: "played", body });
  }

  /** The kernel has taken microphone packets up to `ack`. */
  heartbeat(ack: number, resend: boolean): void {
    this.#voice.heartbeat(ack, resend);
  }

  /** Push-to-talk is pressed or let go; the microphone is there or about to be. */
  hold(active: boolean): void {
    if (active) {
      this.openGate();
    } else {
      this.#microphone.flush(() => this.#voice.release());
    }
  }

  /** Gives both devices back at once. */
  silence(): void {
    this.#microphone.stop();
    this.#player.close();
  }

  /** Frees the loudspeaker once all has been heard. */
  closeWhenQuiet(): void {
    if (this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
  }

  #makeVoice(): Voice {
    return new Voice(
      {
        send: ({ seq, samples, first_sample, captured_ms, stale, gap_ms }) =>
          this.#bridge.sendVoice(seq, { first_sample, captured_ms, stale, gap_ms }, samples),
        activity: (active) => this.#bridge.send({ lane: "control", kind: "activity", body: { active } }),
        level: (peak) => this.levels.put("user", peak),
        silent: (silent) => (silent ? this.#notices.show(SILENT) : this.#notices.clear(SILENT.code)),
        busy: (busy) => this.#busy(busy),
      },
      this.#now,
    );
  }

  #makePlayer(): Player {
    return new Player(this.#scope, {
      progress: ({ turn, sample }, peak) => {
        this.levels.put("model", peak);
        const playback = this.#store.get().playback;
        if (playback.turn !== turn || playback.playedSample !== sample) {
          this.#store.set({ playback: { ...playback, turn, playedSample: sample } });
        }
      },
      heard: (turn, sample) => this.#bridge.send({ lane: "control", kind: "heard", body: { turn, sample } }),
      blocked: (blocked) =>
        blocked ? this.#notices.show(SOUND_BLOCKED) : this.#notices.clear(SOUND_BLOCKED.code),
    });
  }

  #makeMicrophone(): Microphone {
    return new Microphone(this.#scope, {
      chunk: (samples, first) => {
        if (!this.#microphone.muted) {
          this.#voice.chunk(samples, first);
        }
      },
      state: (state, detail) => this.#microphoneState(state, detail),
      devices: (devices, deviceId) =>
        this.#store.set({ microphone: { ...this.#store.get().microphone, devices, deviceId } }),
      trouble: ({ notice }) => this.#notices.show(notice),
    });
  }

  #microphoneState(state: MicrophoneState, detail: string): void {
    const shown = state === "on" && this.#voice.busy ? "paused" : state;
    this.#store.set({ microphone: { ...this.#store.get().microphone, state: shown } });
    if (state === "muted") {
      this.#voice.quiet();
    } else if (state !== "on") {
      this.#voice.off();
      this.#store.set({ holding: this.#store.get().holding && state === "asking" });
    }
    this.openGate();
    this.#bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
  }

  /** Opens or shuts the microphone's way to the kernel, as the state says; to be called when that changes. */
  openGate(): void {
    const { phase, microphone, turnTaking, holding, owner } = this.#store.get();
    const on = microphone.state === "on" || microphone.state === "paused";
    this.#voice.open({ live: phase === "live" && owner && on, pushToTalk: turnTaking === "push_to_talk" });
    if (holding) {
      this.#voice.press();
    }
  }

  #busy(busy: boolean): void {
    const microphone = this.#store.get().microphone;
    if (busy) {
      this.#notices.show(KERNEL_BUSY);
      this.#store.set({ microphone: { ...microphone, state: "paused" } });
    } else {
      this.#notices.clear(KERNEL_BUSY.code);
      if (microphone.state === "paused") {
        this.#store.set({ microphone: { ...microphone, state: "on" } });
      }
    }
  }

  #moveLevels(): void {
    if (
      this.#store.get().phase === "live" ||
      this.#microphone.wanted ||
      this.#player.progress.bufferedMs > 0
    ) {
      this.levels.advance(this.#now());
    }
  }
}
