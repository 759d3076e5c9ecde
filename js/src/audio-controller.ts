// The microphone and the model's audio of one page, between its state and the kernel.

import { LevelTimeline } from "./audio/levels.ts";
import type { Bridge } from "./bridge.ts";
import { MICROPHONE_SILENT, Microphone } from "./media/microphone.ts";
import { MicrophoneSender } from "./media/microphone-sender.ts";
import { Player } from "./media/player.ts";
import type { Busy } from "./messages.gen.ts";
import { MICROPHONE_WAITS, type Notices, SOUND_BLOCKED } from "./notices.ts";
import type { Scope } from "./scope.ts";
import type { MicrophoneState, Store } from "./state.ts";

/** One bar of the waveform. */
const BAR_MS = 40;
/** A pause that no busy kernel explains is not shown before; chosen: slow computers have many short ones. */
const SLOW_AFTER_MS = 2000;

export class AudioController {
  readonly levels = new LevelTimeline();
  readonly #scope: Scope;
  readonly #store: Store;
  readonly #notices: Notices;
  readonly #bridge: Bridge;
  readonly #now: () => number;
  readonly #player: Player;
  readonly #microphone: Microphone;
  readonly #sender: MicrophoneSender;
  /** Since when the microphone's audio is held back. */
  #waitsSince: number | null = null;
  #kernelBusy: Busy = "";

  /** Uses no device: that takes a click. */
  constructor(scope: Scope, store: Store, notices: Notices, bridge: Bridge, now: () => number) {
    this.#scope = scope;
    this.#store = store;
    this.#notices = notices;
    this.#bridge = bridge;
    this.#now = now;
    this.#sender = this.#makeSender();
    this.#player = this.#makePlayer();
    this.#microphone = this.#makeMicrophone();
    scope.interval(() => this.#advanceLevels(), BAR_MS);
  }

  get player(): Player {
    return this.#player;
  }

  get microphone(): Microphone {
    return this.#microphone;
  }

  /** Tells the kernel how far playback is: credit for more audio, statistics and a sign of life. */
  reportPlayback(): void {
    // A restarted kernel logs an error for each message of a comm that it does not know.
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

  /** The kernel has received microphone packets up to `ack`; `busy` says what keeps further ones waiting in it. */
  onHeartbeat(ack: number, resend: boolean, busy: Busy): void {
    this.#kernelBusy = busy;
    this.#sender.heartbeat(ack, resend);
    this.#showWaiting();
  }

  /** Push-to-talk was pressed or released; the microphone is on or about to be. */
  pushToTalk(active: boolean): void {
    if (active) {
      this.updateGate();
    } else {
      this.#microphone.flush(() => this.#sender.release());
    }
  }

  /** Releases microphone and loudspeaker at once. */
  releaseDevices(): void {
    this.#microphone.stop();
    this.#player.close();
  }

  /** Takes the microphone again as it was: on, or muted. */
  async resumeMicrophone(muted: boolean): Promise<void> {
    await this.#microphone.start();
    if (muted) {
      this.#microphone.mute(true);
    }
  }

  /** Releases the loudspeaker if everything has been played. */
  closePlayerWhenDone(): void {
    if (this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
  }

  #makeSender(): MicrophoneSender {
    return new MicrophoneSender(
      {
        onPacket: ({ seq, samples, first_sample, captured_ms, stale, gap_ms }) =>
          this.#bridge.sendUserAudio(seq, { first_sample, captured_ms, stale, gap_ms }, samples),
        onActivity: (active) => this.#bridge.send({ lane: "control", kind: "activity", body: { active } }),
        onLevel: (peak) => this.levels.put("user", peak),
        onSilent: (silent) =>
          silent ? this.#notices.show(MICROPHONE_SILENT) : this.#notices.clear(MICROPHONE_SILENT.code),
        onBusy: (busy) => {
          this.#waitsSince = busy ? this.#now() : null;
          this.#showWaiting();
        },
      },
      this.#now,
    );
  }

  #makePlayer(): Player {
    return new Player(this.#scope, {
      onProgress: ({ turn, sample }, peak) => {
        this.levels.put("model", peak);
        const playback = this.#store.get().playback;
        if (playback.turn !== turn || playback.playedSample !== sample) {
          this.#store.set({ playback: { ...playback, turn, playedSample: sample } });
        }
      },
      onFlushed: (turn, sample) =>
        this.#bridge.send({ lane: "control", kind: "heard", body: { turn, sample } }),
      onBlocked: (blocked) =>
        blocked ? this.#notices.show(SOUND_BLOCKED) : this.#notices.clear(SOUND_BLOCKED.code),
    });
  }

  #makeMicrophone(): Microphone {
    return new Microphone(this.#scope, {
      onChunk: (samples, first) => {
        if (!this.#microphone.muted) {
          this.#sender.addChunk(samples, first);
        }
      },
      onState: (state, detail) => this.#onMicrophoneState(state, detail),
      onDevices: (devices, deviceId) =>
        this.#store.set({ microphone: { ...this.#store.get().microphone, devices, deviceId } }),
      onProblem: ({ notice }) => this.#notices.show(notice),
    });
  }

  #onMicrophoneState(state: MicrophoneState, detail: string): void {
    const shown = state === "on" && this.#sender.busy ? "paused" : state;
    this.#store.set({ microphone: { ...this.#store.get().microphone, state: shown } });
    if (state === "muted") {
      this.#sender.resetSilence();
    } else if (state !== "on") {
      this.#sender.reset();
      this.#store.set({ holding: this.#store.get().holding && state === "asking" });
    }
    this.updateGate();
    this.#bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
  }

  /** Applies the state to what of the microphone may reach the kernel; to be called when the state changes. */
  updateGate(): void {
    const { phase, microphone, turnTaking, holding, owner } = this.#store.get();
    const on = microphone.state === "on" || microphone.state === "paused";
    this.#sender.setGate({
      live: phase === "live" && owner && on,
      pushToTalk: turnTaking === "push_to_talk",
    });
    if (holding) {
      this.#sender.press();
    }
  }

  /** Says that the microphone's audio is held back, and why, or that it is no more. */
  #showWaiting(): void {
    const microphone = this.#store.get().microphone;
    const since = this.#waitsSince;
    const notice = MICROPHONE_WAITS[this.#kernelBusy];
    const shown = this.#store.get().notices.find(({ code }) => code === notice.code);
    if (since === null) {
      this.#notices.clear(notice.code);
      if (microphone.state === "paused") {
        this.#store.set({ microphone: { ...microphone, state: "on" } });
      }
    } else if (shown || this.#kernelBusy !== "" || this.#now() - since >= SLOW_AFTER_MS) {
      if (shown?.text !== notice.text) {
        this.#notices.show(notice);
      }
      if (microphone.state === "on") {
        this.#store.set({ microphone: { ...microphone, state: "paused" } });
      }
    }
  }

  #advanceLevels(): void {
    if (
      this.#store.get().phase === "live" ||
      this.#microphone.isWanted ||
      this.#player.progress.bufferedMs > 0
    ) {
      this.levels.advance(this.#now());
    }
  }
}
