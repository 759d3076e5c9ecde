// The microphone and the model's audio of one page, between its state and the kernel.

import { LevelTimeline, peakOf } from "./audio/levels.ts";
import { MICROPHONE_RATE } from "./audio/packets.ts";
import { type MicrophoneFault, MicrophoneWatch, type PlayerFault, PlayerWatch } from "./audio/sound-watch.ts";
import type { Bridge, ServiceMessage } from "./bridge.ts";
import { Microphone, shareMicrophone } from "./media/microphone.ts";
import { MicrophoneSender } from "./media/microphone-sender.ts";
import { Player } from "./media/player.ts";
import type { Busy, CallLevels, ServiceItem } from "./messages.gen.ts";
import {
  MICROPHONE_FAULTS,
  MICROPHONE_MOVED,
  MICROPHONE_WAITS,
  microphoneCame,
  microphoneWent,
  type Notices,
  PLAYER_FAULTS,
} from "./notices.ts";
import type { Scope } from "./scope.ts";
import { ServiceSocket } from "./service-socket.ts";
import type { MicrophoneState, Notice, Store } from "./state.ts";

/** One bar of the waveform. */
const BAR_MS = 40;
/** A pause that no busy kernel explains is not shown before; chosen: slow computers have many short ones. */
const SLOW_AFTER_MS = 2000;
/** A refusal that comes sooner was nobody's answer; chosen: a person takes longer to read the question. */
const UNASKED_MS = 250;
/** How often it is looked whether sound arrives; chosen: soon enough to be told before the next sentence. */
const WATCH_MS = 250;
/** What a browser takes for a gesture, upon which a context may run again: a touch is one when it ends. */
const GESTURES = ["pointerdown", "pointerup", "touchend", "click", "keydown"];

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
  readonly #service: ServiceSocket;
  /** The player plays, and the microphone speaks, on the page's own socket to the service. */
  #direct = false;
  #monitored = false;
  /** Since when the microphone's audio is held back. */
  #waitsSince: number | null = null;
  #kernelBusy: Busy = "";
  #onSocket = false;
  #askedMs = Number.NEGATIVE_INFINITY;
  readonly #takeFromOthers: () => string[];
  /** Another card of the page has taken the microphone since this one had it. */
  #isElsewhere = false;
  readonly #microphoneWatch = new MicrophoneWatch();
  readonly #playerWatch = new PlayerWatch();
  /** True while the kernel has a session that takes audio, or is opening one. */
  #hasSession = false;

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
    this.#service = this.#makeService();
    this.#takeFromOthers = shareMicrophone(scope, {
      name: () => this.#store.get().name,
      giveUp: (to) => {
        const hadIt = this.#microphone.isWanted;
        this.#isElsewhere = true;
        if (hadIt) {
          this.#microphone.stop();
          this.#notices.show(microphoneWent(to, this.#store.get().name));
        }
        return hadIt;
      },
    });
    scope.interval(() => this.#advanceLevels(), BAR_MS);
    scope.interval(() => this.#watch(), WATCH_MS);
    scope.add(store.subscribe(() => this.#watchMonitor()));
    for (const gesture of GESTURES) {
      scope.listen(document, gesture, () => this.#resume(), { capture: true });
    }
    scope.listen(document, "visibilitychange", () => {
      if (!document.hidden) {
        this.#resume();
      }
    });
    // The way back from another program or window, such as a call.
    scope.listen(window, "focus", () => this.#resume());
  }

  get player(): Player {
    return this.#player;
  }

  get microphone(): Microphone {
    return this.#microphone;
  }

  /** This page's own socket to the service; it opens none unless the kernel wants it. */
  get service(): ServiceSocket {
    return this.#service;
  }

  /** The kernel asks for something of that socket. */
  onService(message: ServiceMessage): void {
    this.#service.receive(message);
  }

  /** A turn is to be silent: the kernel says so with a new epoch, and with the page's own number for it where it has one. */
  flush(epoch: number, turn: number | null, voice: number): void {
    if (!this.#direct) {
      if (turn !== null) {
        this.levels.mark();
      }
      this.#player.flush(epoch, turn);
    } else if (voice > 0) {
      this.#player.cut(voice);
    } else if (turn !== null) {
      this.#bridge.send({ lane: "control", kind: "heard", body: { turn, sample: 0 } });
    }
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
      service_ack: this.#bridge.serviceAck,
      turn: this.#direct ? 0 : turn,
      voice: this.#direct ? turn : 0,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.#bridge.epoch,
      page_ms: this.#now(),
      plays: this.#player.missing === null,
      round_trip_ms: this.#bridge.roundTripMs,
    };
    this.#bridge.send({ lane: "control", kind: "played", body });
  }

  /** The kernel has received microphone packets up to `ack`; `busy` says what keeps further ones waiting in it. */
  onHeartbeat(ack: number, resend: boolean, busy: Busy): void {
    // A cell keeps only messages waiting that go through the notebook.
    this.#kernelBusy = this.#onSocket && busy === "cell" ? "" : busy;
    this.#sender.heartbeat(ack, resend);
    this.#showWaiting();
  }

  /** Messages take another way from now on: sends again what may be lost on the last one. */
  changeWay(way: "comm" | "socket"): void {
    this.#onSocket = way === "socket";
    this.reportPlayback();
    this.#sender.changeWay(way);
    this.#showWaiting();
  }

  /** Takes the microphone, anew where it has stopped. To be called from a click or a key. */
  startMicrophone(): void {
    if (this.#store.get().sound.microphone === "stopped") {
      this.#microphone.stop();
    }
    void this.#microphone.start();
  }

  /** Push-to-talk was pressed or released; the microphone is on or about to be. */
  pushToTalk(active: boolean): void {
    if (active) {
      // Who holds the button wants to be heard, muted or not.
      this.#microphone.mute(false);
      this.updateGate();
    } else {
      this.#microphone.flush(() => this.#sender.release());
    }
  }

  /** Releases microphone and loudspeaker at once, and the socket to the service. */
  releaseDevices(): void {
    this.#microphone.stop();
    this.#player.close();
    this.#service.reset();
  }

  /** Takes the microphone again as it was, on or muted, unless another card of the page has it by now. */
  async resumeMicrophone(muted: boolean): Promise<void> {
    if (this.#isElsewhere || this.#microphone.isWanted) {
      return;
    }
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
        onAudio: (samples) => this.#service.sendAudio(samples),
        onActivity: (active) => {
          if (this.#direct) {
            this.#service.sendActivity(active);
          } else {
            this.#bridge.send({ lane: "control", kind: "activity", body: { active } });
          }
        },
        onLevel: (peak) => this.levels.put("user", peak),
        onBusy: (busy) => {
          this.#waitsSince = busy ? this.#now() : null;
          this.#showWaiting();
        },
      },
      this.#now,
    );
  }

  /** Draws how loud a call was, whose sound this page does not have. */
  showLevels({ user, model }: CallLevels): void {
    for (const peak of user) {
      this.levels.put("user", peak);
    }
    for (const peak of model) {
      this.levels.put("model", peak);
    }
  }

  #makePlayer(): Player {
    return new Player(this.#scope, {
      onProgress: (progress, peak) => {
        this.levels.put("model", peak);
        const playback = this.#store.get().playback;
        const place = this.#direct ? this.#service.turnOf(progress.turn, progress.sample) : progress;
        if (place && (playback.turn !== place.turn || playback.playedSample !== place.sample)) {
          this.#store.set({ playback: { ...playback, turn: place.turn, playedSample: place.sample } });
        }
      },
      onFlushed: (turn, sample) => {
        const body = this.#direct ? { turn: 0, voice: turn, sample } : { turn, sample };
        this.#bridge.send({ lane: "control", kind: "heard", body });
      },
      onChange: () => this.#watch(),
    });
  }

  #makeService(): ServiceSocket {
    const handlers = {
      onReport: (socket: number, items: ServiceItem[]) => {
        const body = { socket, service_ack: this.#bridge.serviceAck, items };
        this.#bridge.send({ lane: "control", kind: "service_report", body });
      },
      unacked: () => this.#bridge.unackedOf("service_report"),
      onModelAudio: (voice: number, first: number, samples: Int16Array<ArrayBuffer>) =>
        this.#player.write(voice, first, samples),
      onModelAudioEnd: (voice: number) => this.#player.end(voice),
      onHush: (voice: number) => {
        if (this.#player.progress.bufferedMs > 0) {
          this.levels.mark();
        }
        this.#player.hush(voice);
      },
      isListening: () => this.#store.get().floor === "listening",
    };
    return new ServiceSocket(this.#scope, handlers, this.#now);
  }

  #makeMicrophone(): Microphone {
    return new Microphone(this.#scope, {
      onChunk: (samples, first) => {
        if (!this.#microphone.muted) {
          const ms = (samples.length * 1000) / MICROPHONE_RATE;
          this.#microphoneWatch.onChunk(peakOf(samples), ms, this.#now());
          if (this.#microphone.probe?.context !== "running") {
            // The first chunk of a context that runs again may come before the news that it does.
            this.#sender.restartClock();
          }
          this.#sender.addChunk(samples, first);
        }
      },
      onChange: () => {
        this.#sender.restartClock();
        this.#watch();
      },
      onState: (state, detail) => this.#onMicrophoneState(state, detail),
      onDevices: (devices, deviceId) =>
        this.#store.set({ microphone: { ...this.#store.get().microphone, devices, deviceId } }),
      onProblem: ({ notice }) => this.#notices.show(notice),
    });
  }

  #onMicrophoneState(state: MicrophoneState, detail: string): void {
    if (state === "asking") {
      this.#askedMs = this.#now();
    } else if (state === "on") {
      this.#store.set({ barred: false });
    } else if (state === "refused" && this.#now() - this.#askedMs < UNASKED_MS) {
      this.#store.set({ barred: true });
    }
    const shown = state === "on" && this.#sender.busy ? "paused" : state;
    this.#store.set({ microphone: { ...this.#store.get().microphone, state: shown } });
    if (state === "asking" || state === "off") {
      this.#notices.clear(MICROPHONE_MOVED);
    } else if (state === "on") {
      this.#isElsewhere = false;
      const [other] = this.#takeFromOthers();
      if (other !== undefined) {
        this.#notices.show(microphoneCame(other, this.#store.get().name));
      }
    }
    if (state !== "on" && state !== "muted") {
      this.#sender.reset();
      this.#store.set({ holding: this.#store.get().holding && state === "asking" });
    }
    this.updateGate();
    if (state !== "on") {
      this.#service.endAudio();
    }
    this.#bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
    this.#watch();
  }

  /**
   * The kernel has said whether it has a session that takes audio, or is opening one; null: it was asked to. `direct`: this
   * page holds the socket to the service.
   */
  onSession(hasSession: boolean | null, direct: boolean): void {
    this.#hasSession = hasSession ?? false;
    this.#setDirect(direct);
    this.updateGate();
  }

  /** The explorer begins or ends to show what the kernel hears. */
  #watchMonitor(): void {
    const { open, panel } = this.#store.get().explorer;
    const monitored = open && panel === "tuner";
    if (monitored !== this.#monitored) {
      this.#monitored = monitored;
      this.updateGate();
    }
  }

  #setDirect(direct: boolean): void {
    if (direct !== this.#direct) {
      this.#direct = direct;
      // The page counts answers otherwise than the kernel.
      this.#player.restart();
      this.#service.reset();
      this.updateGate();
    }
  }

  /** Looks whether sound arrives that should, and says so if it does not. */
  #watch(): void {
    const { phase, owner, sound } = this.#store.get();
    const now = this.#now();
    const talks = owner && (phase === "live" || phase === "connecting");
    const deaf = this.#microphoneWatch.check(this.#microphone.probe, now);
    const mute = this.#playerWatch.check(this.#player.probe, now);
    this.#setMicrophoneFault(sound.microphone, deaf);
    this.#setPlayerFault(sound.player, talks ? (this.#player.missing ?? mute) : mute);
  }

  #setMicrophoneFault(before: MicrophoneFault | null, fault: MicrophoneFault | null): void {
    if (fault === before) {
      return;
    }
    this.#store.set({ sound: { ...this.#store.get().sound, microphone: fault } });
    this.#showFault(MICROPHONE_FAULTS, before, fault);
    const sends = (one: MicrophoneFault | null) => one === null || one === "silent";
    if (sends(before) !== sends(fault) && this.#microphone.probe) {
      // Without it the service would wait for the end of a sentence whose rest never comes.
      const body = { state: sends(fault) ? "on" : "paused", detail: fault ?? "" } as const;
      if (!sends(fault)) {
        this.#service.endAudio();
      }
      this.#bridge.send({ lane: "control", kind: "microphone", body });
      this.#sender.restartClock();
    }
  }

  #setPlayerFault(before: PlayerFault | null, fault: PlayerFault | null): void {
    if (fault !== before) {
      this.#store.set({ sound: { ...this.#store.get().sound, player: fault } });
      // The kernel is to know at once whether there is a player.
      this.reportPlayback();
      this.#showFault(PLAYER_FAULTS, before, fault);
    }
  }

  #showFault<F extends string>(notices: Record<F, Notice>, before: F | null, fault: F | null): void {
    if (before !== null) {
      this.#notices.clear(notices[before].code);
    }
    if (fault !== null) {
      this.#notices.show(notices[fault]);
    }
  }

  /** The person is back, or asks for something: what was suspended may run again. */
  #resume(): void {
    this.#microphone.resume();
    this.#player.resume();
  }

  /** Applies the state to what of the microphone may reach the kernel; to be called when the state changes. */
  updateGate(): void {
    const { phase, microphone, turnTaking, holding, owner } = this.#store.get();
    const on = microphone.state === "on" || microphone.state === "paused";
    this.#sender.setGate({
      direct: this.#direct,
      monitored: this.#monitored,
      open: this.#hasSession && owner && on,
      starting: phase === "connecting",
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
    const heldByCell = since !== null && this.#kernelBusy === "cell";
    if (heldByCell !== this.#store.get().heldByCell) {
      this.#store.set({ heldByCell });
    }
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
