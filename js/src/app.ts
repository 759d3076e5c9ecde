// One widget in one page: its state, its microphone and voice, and its way to the kernel. Views come and go.

import { Lease } from "./audio/clock.ts";
import { LevelLanes } from "./audio/levels.ts";
import { Bridge, type Wire } from "./bridge.ts";
import { hideClass } from "./hide.ts";
import { Microphone } from "./media/microphone.ts";
import { Player } from "./media/player.ts";
import { SILENT, TROUBLES } from "./media/trouble.ts";
import { Voice } from "./media/voice.ts";
import type { KernelMessage, SessionState, Welcome } from "./messages.ts";
import { KERNEL_BUSY, KERNEL_GONE, Notices, OTHER_PAGE, SOUND_BLOCKED } from "./notices.ts";
import { Scope } from "./scope.ts";
import type { Actions, MicrophoneState, Store, Turn, TurnTaking } from "./state.ts";
import { createStore } from "./store.ts";

const TICK_MS = 250;
/** While nothing is live, only every fourth tick is reported. */
const IDLE_TICKS = 4;
const BAR_MS = 40;
/** A cell that is run again takes its view away for a moment. */
const VIEW_GRACE_MS = 1500;
const LONGEST_TEXT = 100_000;

export type Mount = (
  el: HTMLElement,
  store: Store,
  levels: LevelLanes,
  actions: Actions,
  scope: Scope,
) => void;

export class App implements Actions {
  readonly scope = new Scope();
  readonly store = createStore();
  readonly levels = new LevelLanes();
  readonly bridge: Bridge;
  readonly #now = () => performance.now();
  readonly #notices = new Notices(this.store);
  readonly #player: Player;
  readonly #microphone: Microphone;
  readonly #voice: Voice;
  readonly #lease: Lease;
  readonly #views = new Set<Scope>();
  #transcriptClass = "";
  #owner = "";
  #ticks = 0;

  /** Touches no device: that takes a click. */
  constructor(wire: Wire) {
    this.#lease = new Lease(this.#now());
    this.bridge = new Bridge(crypto.randomUUID(), wire, this.#now, {
      message: (message) => this.#take(message),
      voice: (turn, first, samples) => this.#player.write(turn, first, samples),
      flush: (epoch, turn) => this.#flush(epoch, turn),
      alive: () => this.#alive(),
    });
    this.#voice = this.#makeVoice();
    this.#player = this.#makePlayer();
    this.#microphone = this.#makeMicrophone();
    this.scope.interval(() => this.#tick(), TICK_MS);
    this.scope.interval(() => this.#moveLevels(), BAR_MS);
    this.scope.listen(window, "pagehide", () => this.#silenceAll());
    this.bridge.hello();
  }

  /** Draws the widget into `el` until `signal` ends or the result is called. */
  mount(el: HTMLElement, mount: Mount): () => void {
    const view = this.scope.child();
    this.#views.add(view);
    view.add(() => this.#viewGone(view));
    this.#hideTranscript(view);
    mount(el, this.store, this.levels, this, view);
    return () => view.dispose();
  }

  /** The connection says that it is lost, or back: only the kernel's own word counts, and soon. */
  doubt(): void {
    this.#lease.doubt(this.#now());
  }

  /** The model is gone. */
  dispose(): void {
    if (!this.scope.disposed) {
      this.#views.clear();
      this.#leave();
      this.scope.dispose();
    }
  }

  // --- What a person does ---

  start(): void {
    if (this.#elsewhere()) {
      this.#notices.show(OTHER_PAGE);
      return;
    }
    this.#player.unlock();
    this.#notices.clear(...TROUBLES, KERNEL_GONE.code);
    if (!this.store.get().connected) {
      // It may be back without having said so: it has one lease to answer.
      this.#lease.renew(this.#now());
      this.bridge.hello();
    }
    this.#begin(true);
    void this.#microphone.start();
  }

  stop(): void {
    this.#silenceAll();
    this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }

  toggleMute(): void {
    this.#microphone.mute(!this.#microphone.muted);
  }

  sendText(text: string): void {
    const said = text.trim().slice(0, LONGEST_TEXT);
    if (said === "") {
      return;
    }
    if (!this.#elsewhere()) {
      this.#player.unlock();
      this.#begin(false);
    }
    this.bridge.send({ lane: "control", kind: "text", body: { text: said } });
  }

  interrupt(): void {
    this.#player.hush();
    this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }

  hold(active: boolean): void {
    if (active === this.store.get().holding || (active && this.#elsewhere())) {
      return;
    }
    this.store.set({ holding: active });
    if (active) {
      this.#player.unlock();
      if (!this.#microphone.wanted) {
        this.start();
      }
      this.#openGate();
      this.#voice.press();
    } else {
      this.#microphone.flush(() => this.#voice.release());
    }
  }

  setTurnTaking(mode: TurnTaking): void {
    this.store.set({ turnTaking: mode });
    this.#openGate();
    this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode } });
  }

  setVolume(volume: number): void {
    this.#player.setVolume(volume);
    this.store.set({ playback: { ...this.store.get().playback, volume } });
  }

  pickMicrophone(deviceId: string): void {
    this.#microphone.pick(deviceId);
  }

  dismissNotice(code: string): void {
    this.#notices.clear(code);
  }

  // --- Parts ---

  #makeVoice(): Voice {
    return new Voice(
      {
        send: ({ seq, samples, first_sample, captured_ms, stale, gap_ms }) =>
          this.bridge.sendVoice(seq, { first_sample, captured_ms, stale, gap_ms }, samples),
        activity: (active) => this.bridge.send({ lane: "control", kind: "activity", body: { active } }),
        level: (peak) => this.levels.put("user", peak),
        silent: (silent) => (silent ? this.#notices.show(SILENT) : this.#notices.clear(SILENT.code)),
        busy: (busy) => this.#busy(busy),
      },
      this.#now,
    );
  }

  #makePlayer(): Player {
    return new Player(this.scope, {
      progress: ({ turn, sample }, peak) => {
        this.levels.put("model", peak);
        const playback = this.store.get().playback;
        if (playback.turn !== turn || playback.playedSample !== sample) {
          this.store.set({ playback: { ...playback, turn, playedSample: sample } });
        }
      },
      heard: (turn, sample) => this.bridge.send({ lane: "control", kind: "heard", body: { turn, sample } }),
      blocked: (blocked) =>
        blocked ? this.#notices.show(SOUND_BLOCKED) : this.#notices.clear(SOUND_BLOCKED.code),
    });
  }

  #makeMicrophone(): Microphone {
    return new Microphone(this.scope, {
      chunk: (samples, first) => {
        if (!this.#microphone.muted) {
          this.#voice.chunk(samples, first);
        }
      },
      state: (state, detail) => this.#microphoneState(state, detail),
      devices: (devices, deviceId) =>
        this.store.set({ microphone: { ...this.store.get().microphone, devices, deviceId } }),
      trouble: ({ notice }) => this.#notices.show(notice),
    });
  }

  // --- From the kernel ---

  #take(message: KernelMessage): void {
    switch (message.kind) {
      case "welcome":
        this.#welcome(message.body);
        break;
      case "state":
        this.#session(message.body);
        break;
      case "turn":
        this.#turn(message.body);
        break;
      case "notice":
        this.#notices.take(message.body);
        break;
      case "clear_notice":
        this.#notices.clear(message.body.code);
        break;
      case "heartbeat":
        if (this.#owner === this.bridge.client) {
          this.#voice.heartbeat(message.body.microphone_ack, message.body.microphone_resend);
        }
        break;
      case "end":
        this.#player.end(message.body.turn);
        break;
      default:
        break; // `flush` came through `flush`, a voice through `voice`
    }
  }

  #welcome(welcome: Welcome): void {
    const { name, speaker, badge, model, suggestions, turns } = welcome;
    this.store.set({ name, speaker, badge, model, suggestions, turns });
    this.#notices.replace(welcome.notices);
    if (welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (const view of this.#views) {
        this.#hideTranscript(view);
      }
    }
    this.#session(welcome);
  }

  #session({ phase, floor, turn_taking, elapsed_ms, owner }: SessionState): void {
    const before = this.store.get();
    const liveSince = phase === "live" ? (before.liveSince ?? this.#now() - elapsed_ms) : null;
    const mine = owner === this.bridge.client;
    this.#owner = owner;
    const elsewhere = owner !== "" && !mine;
    this.store.set({ phase, floor, turnTaking: turn_taking, liveSince, owner: mine, elsewhere });
    if (elsewhere) {
      this.#yield();
    } else {
      this.#notices.clear(OTHER_PAGE.code);
    }
    if (phase === "ended" && before.phase !== "ended") {
      this.#ended();
    }
    this.#openGate();
  }

  #turn(turn: Turn): void {
    const others = this.store.get().turns.filter((known) => known.index !== turn.index);
    const place = others.findIndex((known) => known.index > turn.index);
    others.splice(place === -1 ? others.length : place, 0, turn);
    this.store.set({ turns: others });
  }

  #flush(epoch: number, turn: number | null): void {
    if (turn !== null) {
      this.levels.mark();
    }
    this.#player.flush(epoch, turn);
  }

  #alive(): void {
    const back = !this.store.get().connected;
    this.#lease.renew(this.#now());
    if (back) {
      this.store.set({ connected: true });
      this.#notices.clear(KERNEL_GONE.code);
      this.bridge.hello();
    }
  }

  // --- What follows from it ---

  /** Whether another page talks. */
  #elsewhere(): boolean {
    return this.#owner !== "" && this.#owner !== this.bridge.client && this.store.get().phase === "live";
  }

  /** Asks the kernel to begin; what it says about that will follow. */
  #begin(microphone: boolean): void {
    const { phase } = this.store.get();
    const resting = phase === "idle" || phase === "ended";
    if (resting) {
      this.store.set({ phase: "connecting" });
    }
    if (resting || microphone) {
      this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
    }
  }

  /** The session is over: the microphone goes at once, the voice may finish its sentence. */
  #ended(): void {
    this.#microphone.stop();
    if (this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
  }

  /** Another page has microphone and voice. */
  #yield(): void {
    if (this.#microphone.wanted) {
      this.#notices.show(OTHER_PAGE);
    }
    this.#microphone.stop();
    this.#player.close();
  }

  #silenceAll(): void {
    this.#microphone.stop();
    this.#player.close();
  }

  #leave(): void {
    this.#silenceAll();
    if (this.#owner === "" || this.#owner === this.bridge.client) {
      this.bridge.send({ lane: "control", kind: "stop", body: {} });
    }
  }

  #viewGone(view: Scope): void {
    this.#views.delete(view);
    if (this.#views.size > 0 || this.scope.disposed) {
      return;
    }
    this.#microphone.stop();
    this.scope.timeout(() => {
      if (this.#views.size === 0) {
        this.#leave();
      }
    }, VIEW_GRACE_MS);
  }

  #hideTranscript(view: Scope): void {
    if (this.#transcriptClass !== "") {
      hideClass(this.#transcriptClass, view);
    }
  }

  #microphoneState(state: MicrophoneState, detail: string): void {
    const shown = state === "on" && this.#voice.busy ? "paused" : state;
    this.store.set({ microphone: { ...this.store.get().microphone, state: shown } });
    if (state === "muted") {
      this.#voice.quiet();
    } else if (state !== "on") {
      this.#voice.off();
      this.store.set({ holding: this.store.get().holding && state === "asking" });
    }
    this.#openGate();
    this.bridge.send({ lane: "control", kind: "microphone", body: { state, detail } });
  }

  #openGate(): void {
    const { phase, microphone, turnTaking, holding, owner } = this.store.get();
    const on = microphone.state === "on" || microphone.state === "paused";
    this.#voice.open({ live: phase === "live" && owner && on, pushToTalk: turnTaking === "push_to_talk" });
    if (holding) {
      this.#voice.press();
    }
  }

  #busy(busy: boolean): void {
    const microphone = this.store.get().microphone;
    if (busy) {
      this.#notices.show(KERNEL_BUSY);
      this.store.set({ microphone: { ...microphone, state: "paused" } });
    } else {
      this.#notices.clear(KERNEL_BUSY.code);
      if (microphone.state === "paused") {
        this.store.set({ microphone: { ...microphone, state: "on" } });
      }
    }
  }

  // --- Time ---

  #tick(): void {
    this.bridge.tick();
    this.#ticks += 1;
    const live = this.store.get().phase === "live" || this.store.get().phase === "connecting";
    if (live || this.#ticks % IDLE_TICKS === 0) {
      this.#report();
    }
    if (this.store.get().phase === "ended" && this.#player.progress.bufferedMs === 0) {
      this.#player.close();
    }
    const held = this.#lease.holds(this.#now());
    if (!held && (this.store.get().connected || this.#microphone.wanted)) {
      this.#lost();
    }
  }

  #report(): void {
    if (!this.bridge.welcomed) {
      return;
    }
    const { turn, sample, bufferedMs, silentSamples } = this.#player.progress;
    const body = {
      ack_seq: this.bridge.speakerAck,
      turn,
      played_sample: sample,
      buffered_ms: Math.round(bufferedMs),
      silent_samples: silentSamples,
      epoch: this.bridge.epoch,
    };
    this.bridge.send({ lane: "control", kind: "played", body });
  }

  #lost(): void {
    const used = this.#microphone.wanted || this.store.get().phase === "live";
    this.store.set({ connected: false });
    this.#silenceAll();
    if (used) {
      this.#notices.show(KERNEL_GONE);
    }
  }

  #moveLevels(): void {
    if (
      this.store.get().phase === "live" ||
      this.#microphone.wanted ||
      this.#player.progress.bufferedMs > 0
    ) {
      this.levels.advance(this.#now());
    }
  }
}
