// One widget in one page: its state, its microphone and player, and its bridge to the kernel. Views come and go.

import type { LevelLanes } from "./audio/levels.ts";
import { Lease } from "./audio/packets.ts";
import type { Buffer } from "./audio/pcm.ts";
import { Talk } from "./audio-controller.ts";
import { Bridge, type Insight, randomName, type Wire } from "./bridge.ts";
import { TROUBLES } from "./media/devices.ts";
import type { KernelMessage, State as SessionState, Turn, TurnTakingMode, Welcome } from "./messages.gen.ts";
import { KERNEL_GONE, Notices, OTHER_PAGE } from "./notices.ts";
import { Scope } from "./scope.ts";
import { Exploration } from "./settings-controller.ts";
import { type Actions, createStore, type Store } from "./state.ts";
import { Sight } from "./video-controller.ts";

/** Hides the elements of `name`, a CSS class, until `scope` ends. A name that is no plain word is left alone. */
export function hideClass(name: string, scope: Scope, page: Document = document): void {
  if (!/^[\w-]+$/.test(name)) {
    return;
  }
  const style = page.createElement("style");
  style.textContent = `.${name} { display: none !important; }`;
  page.head.append(style);
  scope.add(() => style.remove());
}

const TICK_MS = 250;
/** While nothing is live, only every fourth tick is reported. */
const IDLE_TICKS = 4;
/** A microphone that is on for so many ticks while no session begins is given back. */
const PATIENCE_TICKS = 20;
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
  readonly bridge: Bridge;
  readonly explorer: Exploration;
  readonly sight: Sight;
  readonly #now = () => performance.now();
  readonly #notices = new Notices(this.store);
  readonly #talk: Talk;
  readonly #lease: Lease;
  readonly #views = new Set<Scope>();
  #transcriptClass = "";
  #owner = "";
  #ticks = 0;
  #idleTicks = 0;

  /** Touches no device: that takes a click. */
  constructor(wire: Wire) {
    this.#lease = new Lease(this.#now());
    this.bridge = new Bridge(randomName(), wire, this.#now, {
      message: (message) => this.#take(message),
      voice: (turn, first, samples) => this.#talk.player.write(turn, first, samples),
      flush: (epoch, turn) => this.#flush(epoch, turn),
      insight: (message, buffers) => this.#look(message, buffers),
      alive: () => this.#alive(),
    });
    this.explorer = new Exploration(this.store, this.bridge, this.#now);
    this.#talk = new Talk(this.scope, this.store, this.#notices, this.bridge, this.#now);
    const begin = () => this.#beginToShow();
    this.sight = new Sight(this.scope, this.store, this.#notices, this.bridge, this.#now, begin);
    this.scope.interval(() => this.#tick(), TICK_MS);
    this.scope.listen(window, "pagehide", () => this.#silence());
    this.bridge.hello();
  }

  /** Draws the widget into `el` until `signal` ends or the result is called. */
  mount(el: HTMLElement, mount: Mount): () => void {
    const view = this.scope.child();
    this.#views.add(view);
    view.add(() => this.#viewGone(view));
    this.#hideTranscript(view);
    mount(el, this.store, this.#talk.levels, this, view);
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
    this.#talk.player.unlock();
    this.#notices.clear(...TROUBLES, KERNEL_GONE.code);
    if (!this.store.get().connected) {
      // It may be back without having said so: it has one lease to answer.
      this.#lease.renew(this.#now());
      this.bridge.hello();
    }
    this.#begin(true);
    void this.#talk.microphone.start();
  }

  stop(): void {
    this.#silence();
    this.bridge.send({ lane: "control", kind: "stop", body: {} });
  }

  toggleMute(): void {
    this.#talk.microphone.mute(!this.#talk.microphone.muted);
  }

  sendText(text: string): void {
    const said = text.trim().slice(0, LONGEST_TEXT);
    if (said === "") {
      return;
    }
    if (!this.#elsewhere()) {
      this.#talk.player.unlock();
      this.#begin(false);
    }
    this.bridge.send({ lane: "control", kind: "text", body: { text: said } });
  }

  interrupt(): void {
    this.#talk.player.hush();
    this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }

  hold(active: boolean): void {
    if (active === this.store.get().holding || (active && this.#elsewhere())) {
      return;
    }
    this.store.set({ holding: active });
    if (active) {
      this.#talk.player.unlock();
      if (!this.#talk.microphone.wanted) {
        this.start();
      }
    }
    this.#talk.hold(active);
  }

  setTurnTaking(mode: TurnTakingMode): void {
    this.store.set({ turnTaking: mode });
    this.#talk.openGate();
    this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode } });
  }

  setVolume(volume: number): void {
    this.#talk.player.setVolume(volume);
    this.store.set({ playback: { ...this.store.get().playback, volume } });
  }

  pickMicrophone(deviceId: string): void {
    this.#talk.microphone.pick(deviceId);
  }

  dismissNotice(code: string): void {
    this.#notices.clear(code);
  }

  confirm(id: string, allowed: boolean): void {
    this.bridge.send({ lane: "control", kind: "confirm", body: { id, allowed } });
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
          this.#talk.heartbeat(message.body.microphone_ack, message.body.microphone_resend);
        }
        break;
      case "end":
        this.#talk.player.end(message.body.turn);
        break;
      default:
        this.explorer.take(message); // `flush` came through `flush`, a voice through `voice`
    }
  }

  #look(message: Insight, buffers: readonly Buffer[]): void {
    if (message.kind === "picture") {
      this.sight.take(message.body, buffers);
    } else {
      this.explorer.insight(message);
    }
  }

  #welcome(welcome: Welcome): void {
    const { name, speaker, turns } = welcome;
    this.store.set({ name, speaker, turns });
    this.#notices.replace(welcome.notices);
    if (welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (const view of this.#views) {
        this.#hideTranscript(view);
      }
    }
    this.#session(welcome);
    this.explorer.welcome(welcome.explorer);
  }

  #session(told: SessionState): void {
    const { phase, floor, turn_taking, view, sees, model, badge } = told;
    const { suggestions, elapsed_ms, owner } = told;
    const before = this.store.get();
    const liveSince = phase === "live" ? (before.liveSince ?? this.#now() - elapsed_ms) : null;
    const mine = owner === this.bridge.client;
    this.#owner = owner;
    const elsewhere = owner !== "" && !mine;
    this.store.set({ phase, floor, turnTaking: turn_taking, view, sees, model, badge, suggestions });
    this.store.set({ liveSince, owner: mine, elsewhere });
    if (elsewhere) {
      this.#yield();
    } else {
      this.#notices.clear(OTHER_PAGE.code);
    }
    if (phase === "ended" && before.phase !== "ended") {
      this.#ended();
    }
    this.#talk.openGate();
  }

  #turn(turn: Turn): void {
    const others = this.store.get().turns.filter((known) => known.index !== turn.index);
    const place = others.findIndex((known) => known.index > turn.index);
    others.splice(place === -1 ? others.length : place, 0, turn);
    this.store.set({ turns: others });
  }

  #flush(epoch: number, turn: number | null): void {
    if (turn !== null) {
      this.#talk.levels.mark();
    }
    this.#talk.player.flush(epoch, turn);
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

  /** Whether a device is on or asked for. */
  get #wanted(): boolean {
    return this.#talk.microphone.wanted || this.sight.wanted;
  }

  /** Whether another page talks. */
  #elsewhere(): boolean {
    return this.#owner !== "" && this.#owner !== this.bridge.client && this.store.get().phase === "live";
  }

  /** Asks the kernel to begin; what it says about that will follow. */
  #begin(microphone: boolean, claim = microphone): void {
    const { phase } = this.store.get();
    const resting = phase === "idle" || phase === "ended";
    if (resting) {
      this.store.set({ phase: "connecting" });
    }
    if (resting || claim) {
      this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
    }
  }

  /** Begins to talk for a picture, with this page as the one that shows; false where another page does. */
  #beginToShow(): boolean {
    if (this.#elsewhere()) {
      this.#notices.show(OTHER_PAGE);
      return false;
    }
    this.#talk.player.unlock();
    this.#begin(false, this.#owner === "");
    return true;
  }

  /** Gives all devices back at once. */
  #silence(): void {
    this.#talk.silence();
    this.sight.stop();
  }

  /** The session is over: the devices go at once, the voice may finish its sentence. */
  #ended(): void {
    this.#talk.microphone.stop();
    this.sight.stop();
    this.#talk.closeWhenQuiet();
  }

  /** Another page has microphone and voice. */
  #yield(): void {
    if (this.#wanted) {
      this.#notices.show(OTHER_PAGE);
    }
    this.#silence();
  }

  #leave(): void {
    this.#silence();
    if (this.#owner === "" || this.#owner === this.bridge.client) {
      this.bridge.send({ lane: "control", kind: "stop", body: {} });
    }
  }

  #viewGone(view: Scope): void {
    this.#views.delete(view);
    if (this.#views.size > 0 || this.scope.disposed) {
      return;
    }
    this.#talk.microphone.stop();
    this.sight.stop();
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

  // --- Time ---

  #tick(): void {
    this.bridge.tick();
    this.#ticks += 1;
    const live = this.store.get().phase === "live" || this.store.get().phase === "connecting";
    if (live || this.#ticks % IDLE_TICKS === 0) {
      this.#talk.report();
    }
    if (this.store.get().phase === "ended") {
      this.#talk.closeWhenQuiet();
    }
    this.#idleTicks = this.store.get().phase === "idle" && this.#wanted ? this.#idleTicks + 1 : 0;
    if (this.#idleTicks > PATIENCE_TICKS) {
      this.#silence();
    }
    const held = this.#lease.holds(this.#now());
    if (!held && (this.store.get().connected || this.#wanted)) {
      this.#lost();
    }
  }

  #lost(): void {
    const used = this.#wanted || this.store.get().phase === "live";
    // Repeated, less and less often, until somebody answers.
    if (this.store.get().connected) {
      this.store.set({ connected: false });
      this.bridge.hello();
    }
    this.#silence();
    if (used) {
      this.#notices.show(KERNEL_GONE);
    }
  }
}
