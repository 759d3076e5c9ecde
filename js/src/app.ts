// One widget in one page.
//
// In: the kernel's messages, from the bridge; what a person does, as `Actions` from the views; the tick of a clock.
// Out: changes of the store, which all views draw; messages to the kernel; devices taken and released.
//
// `index.ts` makes one App for each model of a widget and disposes it. The App owns the store, the bridge, the lease that
// says whether the kernel is alive, and three controllers: audio (microphone and player), video (camera, screen, files)
// and settings (the explorer). Views come and go: without any for a while, the page stops the session.

import type { LevelTimeline } from "./audio/levels.ts";
import { Lease } from "./audio/packets.ts";
import type { Buffer } from "./audio/pcm.ts";
import { AudioController } from "./audio-controller.ts";
import { Bridge, type Insight, randomClientId, type Wire } from "./bridge.ts";
import type { Link } from "./link.ts";
import { isBarred } from "./media/devices.ts";
import { MICROPHONE_PROBLEMS } from "./media/microphone.ts";
import type {
  CallAction,
  KernelMessage,
  State as SessionState,
  Turn,
  TurnTakingMode,
  Welcome,
} from "./messages.gen.ts";
import { CALLED, LOSSES, Notices, OTHER_PAGE } from "./notices.ts";
import { Scope } from "./scope.ts";
import { SettingsController } from "./settings-controller.ts";
import { type Actions, createStore, type LinkState, type Loss, type Store } from "./state.ts";
import { VideoController } from "./video-controller.ts";

/** Chosen: four playback reports a second, which the kernel takes as credit. */
const TICK_MS = 250;
/** While nothing is live, playback is reported every fourth tick: chosen, once a second is enough as a sign of life. */
const IDLE_TICKS = 4;
/** Devices that are on while no session begins are released after 5 s; chosen, a start takes 1 to 2 s. */
const UNUSED_DEVICE_TICKS = 20;
/** Chosen: running a cell again removes its view for a moment, and the session must survive that. */
const VIEW_GRACE_MS = 1500;
/** As in livewidget/ui/messages.py. */
const MAX_TEXT = 100_000;
/** How often it is looked why the kernel does not answer; chosen: soon noticed, and few requests. */
const LOOK_MS = 3000;
/** The same where the conversation will hardly go on, and after a minute. */
const LOOK_SELDOM_MS = 30_000;
/** The notebook server has this long to answer; chosen: a healthy one takes a tenth of it. */
const SERVER_MS = 3000;
/**
 * A microphone that was on is taken again if the kernel is back within this time, as page_s in livewidget/config/limits.py.
 * By the time of day: the page's own clock may stand still while the computer sleeps.
 */
const RESUME_MS = 60_000;
/** A page with its own socket to the service talks on without its kernel for so long; chosen: cells hold Python's lock so long. */
const ALONE_MS = 30_000;
/** ● begins a conversation if the kernel answers within this time; chosen: longer, and nobody expects it any more. */
const RETRY_MS = 5000;
/** The kernel has this long to give microphone and voice to a page that takes them; chosen: longer than one repetition. */
const TAKING_MS = 3000;
/** A kernel that is told to end is ended by force after five seconds; chosen: twice that. */
const ENDING_MS = 10_000;
/** Nothing that is sent reaches the conversation any more. */
const FINAL_LOSSES: readonly Loss[] = ["restarted", "shut_down", "refused"];
/** The conversation goes on when that is over. */
const PASSING_LOSSES: readonly Loss[] = [
  "looking",
  "offline",
  "server",
  "busy",
  "silent",
  "program",
  "closed",
];

type Mount = (el: HTMLElement, store: Store, levels: LevelTimeline, actions: Actions, scope: Scope) => void;

/** Hides the elements of CSS class `name` until `scope` ends. Anything but a plain word is ignored. */
function hideSavedTranscript(name: string, scope: Scope, page: Document = document): void {
  if (!/^[\w-]+$/.test(name)) {
    return;
  }
  const style = page.createElement("style");
  style.textContent = `.${name} { display: none !important; }`;
  page.head.append(style);
  scope.add(() => style.remove());
}

/** The address of the notebook server's API, where the page is Jupyter's; null in other hosts. */
function jupyterApi(page: Document = document): string | null {
  try {
    const config = JSON.parse(page.getElementById("jupyter-config-data")?.textContent ?? "");
    return typeof config.baseUrl === "string" ? `${config.baseUrl.replace(/\/*$/, "")}/api/` : null;
  } catch {
    return null;
  }
}

/**
 * Finds out why the kernel with this id does not answer: asks the browser, then the notebook server. `disconnected` tells
 * that the host has given up the widget's connection, as JupyterLab does when it restarts a kernel.
 */
export async function findLoss(
  kernel: string,
  disconnected: boolean,
): Promise<Exclude<Loss, "" | "looking">> {
  if (navigator.onLine === false) {
    return "offline";
  }
  const api = jupyterApi();
  if (api === null || kernel === "") {
    return "unknown";
  }
  let answer: Response;
  try {
    answer = await fetch(`${api}kernels/${encodeURIComponent(kernel)}`, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(SERVER_MS),
    });
  } catch {
    return "server";
  }
  if (answer.status === 404) {
    return "shut_down";
  }
  if (!answer.ok) {
    return answer.status >= 500 ? "server" : "unknown";
  }
  const known = (await answer.json().catch(() => ({}))) as { execution_state?: unknown };
  switch (known.execution_state) {
    case "busy":
      return "busy";
    case "dead":
      return "shut_down";
    case "starting":
    case "restarting":
    case "autorestarting":
      return "restarted";
    default:
      return disconnected ? "restarted" : "silent";
  }
}

/** Why the program behind a page without a notebook does not answer. */
function lossOfPage({ way, reason }: LinkState): Exclude<Loss, "" | "looking"> {
  if (way !== "socket" && (reason === "refused" || reason === "ended")) {
    return reason === "refused" ? "refused" : "closed";
  }
  return navigator.onLine === false ? "offline" : "program";
}

export class App implements Actions {
  readonly scope = new Scope();
  readonly store = createStore();
  readonly bridge: Bridge;
  readonly explorer: SettingsController;
  readonly video: VideoController;
  readonly #now = () => performance.now();
  readonly #notices = new Notices(this.store);
  readonly #audio: AudioController;
  readonly #lease: Lease;
  readonly #link: Link | null;
  readonly #views = new Set<Scope>();
  #transcriptClass = "";
  #owner = "";
  /** The kernel's id, by which the notebook server knows it. */
  #kernel = "";
  /** When the host gave up the widget's connection; -∞ once the kernel has been heard of long enough after that. */
  #disconnectedMs = Number.NEGATIVE_INFINITY;
  /** ● was pressed before it was known who has the microphone. */
  #startedUnwelcomed = false;
  #looking = false;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lostMs = Number.NEGATIVE_INFINITY;
  /** Devices were on, or the conversation live, when the kernel was lost. */
  #lostWhileUsed = false;
  /** A microphone to take again if the kernel is back soon. */
  #resume: { untilMs: number; muted: boolean } | null = null;
  #retryUntilMs = Number.NEGATIVE_INFINITY;
  /** Microphone and voice were asked for, and may still be said to be another page's. */
  #takingUntilMs = Number.NEGATIVE_INFINITY;
  #ticks = 0;
  #idleTicks = 0;

  /**
   * Uses no device: that takes a click. `link` is what `wire` belongs to, where messages may take more than one way; `page`
   * tells that there is no notebook around.
   */
  constructor(wire: Wire, link: Link | null = null, page = false) {
    this.#link = link;
    this.#lease = new Lease(this.#now());
    this.bridge = new Bridge(randomClientId(), wire, this.#now, {
      onMessage: (message) => this.#onMessage(message),
      onModelAudio: (turn, first, samples) => this.#audio.player.write(turn, first, samples),
      onFlush: (epoch, turn, voice) => this.#audio.flush(epoch, turn, voice),
      onService: (message) => this.#audio.onService(message),
      onInsight: (message, buffers) => this.#onInsight(message, buffers),
      onAlive: () => this.#onAlive(),
    });
    this.explorer = new SettingsController(this.store, this.bridge, this.#now);
    this.#audio = new AudioController(this.scope, this.store, this.#notices, this.bridge, this.#now);
    const begin = () => this.#startForVideo();
    const { service } = this.#audio;
    this.video = new VideoController(
      this.scope,
      this.store,
      this.#notices,
      this.bridge,
      service,
      this.#now,
      begin,
    );
    this.store.set({ page, barred: isBarred() });
    this.scope.interval(() => this.#tick(), TICK_MS);
    this.scope.listen(window, "pagehide", () => this.#onPageHidden());
    this.scope.listen<PageTransitionEvent>(
      window,
      "pageshow",
      ({ persisted }) => persisted && this.bridge.hello(),
    );
    for (const change of ["online", "offline"]) {
      this.scope.listen(window, change, () => this.suspectDisconnect(false));
    }
    this.bridge.hello();
  }

  /** Draws the widget into `el`; the returned function removes it. */
  mount(el: HTMLElement, mount: Mount): () => void {
    const view = this.scope.child();
    this.#views.add(view);
    view.add(() => this.#onViewRemoved(view));
    this.#hideTranscriptFor(view);
    mount(el, this.store, this.#audio.levels, this, view);
    return () => view.dispose();
  }

  /**
   * The connection to the kernel went down or came back: unless the kernel sends something soon, it counts as lost. `comm`
   * tells that the host said so of the widget's own connection.
   */
  suspectDisconnect(comm = true): void {
    if (comm) {
      this.#disconnectedMs = this.#now();
    }
    this.#lookedMs = Number.NEGATIVE_INFINITY;
    this.#lease.suspect(this.#now());
  }

  /** Messages take another way from now on: what may be lost on the last one goes again. */
  changeWay(): void {
    this.bridge.repeat();
    this.#audio.changeWay(this.store.get().link.way === "socket" ? "socket" : "comm");
  }

  /** Shows which way messages take. */
  showLink(link: LinkState): void {
    const had = this.store.get().link.way === "socket";
    this.store.set({ link, browser: this.#link?.browserPage ?? null });
    if (link.way === "none" && (had || link.reason === "refused" || link.reason === "broken")) {
      this.suspectDisconnect();
    }
  }

  onBrowserOpened(): void {
    this.#link?.refresh();
  }

  /** Ends everything: the widget's model was closed, or its card, which is a page of the conversation, was taken out. */
  dispose(isPage = false): void {
    if (!this.scope.disposed) {
      this.#views.clear();
      if (isPage) {
        this.#onPageHidden();
      } else {
        this.#leave();
      }
      this.#link?.dispose();
      this.scope.dispose();
    }
  }

  /** Begins to talk: starts the session, or takes microphone and voice from the page that has them. */
  start(): void {
    if (!this.store.get().connected) {
      this.#retry();
      return;
    }
    this.#startedUnwelcomed = !this.bridge.welcomed;
    this.#audio.player.unlock();
    this.#notices.clear(...MICROPHONE_PROBLEMS);
    if (this.store.get().calledBy !== "") {
      this.#notices.show(CALLED);
      return;
    }
    if (this.#isOwnedElsewhere()) {
      this.#takeAudio();
    } else {
      this.#requestStart(true);
    }
    this.#audio.startMicrophone();
  }

  #takeAudio(): void {
    this.#takingUntilMs = this.#now() + TAKING_MS;
    this.bridge.send({ lane: "control", kind: "take_audio", body: {} });
  }

  stop(): void {
    // First: what this page hangs up by itself is not to look like a connection that broke.
    this.bridge.send({ lane: "control", kind: "stop", body: {} });
    this.#releaseDevices();
  }

  toggleMute(): void {
    this.#audio.microphone.mute(!this.#audio.microphone.muted);
  }

  sendText(text: string): void {
    const typed = text.trim().slice(0, MAX_TEXT);
    if (typed === "") {
      return;
    }
    if (!this.#isOwnedElsewhere()) {
      this.#audio.player.unlock();
      this.#requestStart(false);
    }
    this.bridge.send({ lane: "control", kind: "text", body: { text: typed } });
  }

  interrupt(): void {
    this.#audio.player.stopNow();
    this.bridge.send({ lane: "control", kind: "interrupt", body: {} });
  }

  pushToTalk(active: boolean): void {
    if (active === this.store.get().holding || (active && this.#isOwnedElsewhere())) {
      return;
    }
    this.store.set({ holding: active });
    if (active) {
      this.#audio.player.unlock();
      if (!this.#audio.microphone.isWanted) {
        this.start();
      }
    }
    this.#audio.pushToTalk(active);
  }

  setTurnTaking(mode: TurnTakingMode): void {
    this.store.set({ turnTaking: mode });
    this.#audio.updateGate();
    this.bridge.send({ lane: "control", kind: "turn_taking", body: { mode } });
  }

  setVolume(volume: number): void {
    this.#audio.player.setVolume(volume);
    this.store.set({ playback: { ...this.store.get().playback, volume } });
  }

  pickMicrophone(deviceId: string): void {
    this.#audio.microphone.pick(deviceId);
  }

  dismissNotice(code: string): void {
    this.#notices.clear(code);
  }

  confirm(id: string, allowed: boolean): void {
    this.bridge.send({ lane: "control", kind: "confirm", body: { id, allowed } });
  }

  call(id: string, action: CallAction["action"]): void {
    this.bridge.send({ lane: "control", kind: "call", body: { id, action } });
  }

  #onMessage(message: KernelMessage): void {
    switch (message.kind) {
      case "welcome":
        this.#onWelcome(message.body);
        break;
      case "state":
        this.#onState(message.body);
        break;
      case "turn":
        this.#onTurn(message.body);
        break;
      case "notice":
        this.#notices.showFromKernel(message.body);
        break;
      case "clear_notice":
        this.#notices.clear(message.body.code);
        break;
      case "heartbeat":
        if (this.#owner === this.bridge.client) {
          const { microphone_ack, microphone_resend, busy } = message.body;
          this.#audio.onHeartbeat(microphone_ack, microphone_resend, busy);
        }
        break;
      case "end":
        this.#audio.player.end(message.body.turn);
        break;
      default:
        this.explorer.onMessage(message);
    }
  }

  #onInsight(message: Insight, buffers: readonly Buffer[]): void {
    if (message.kind === "socket_offer") {
      this.#link?.offer(message.body);
    } else if (message.kind === "picture") {
      this.video.onPicture(message.body, buffers);
    } else if (message.kind === "call_levels") {
      this.#audio.showLevels(message.body);
    } else {
      this.explorer.onInsight(message);
    }
  }

  #onWelcome(welcome: Welcome): void {
    const { name, speaker, turns } = welcome;
    this.store.set({ name, speaker, turns });
    this.#kernel = welcome.kernel;
    this.#notices.replace(welcome.notices);
    if (welcome.transcript_class !== this.#transcriptClass) {
      this.#transcriptClass = welcome.transcript_class;
      for (const view of this.#views) {
        this.#hideTranscriptFor(view);
      }
    }
    const { owner, phase } = welcome;
    if (this.#startedUnwelcomed && owner !== "" && owner !== this.bridge.client && phase === "live") {
      this.#takeAudio();
    }
    this.#startedUnwelcomed = false;
    this.#onState(welcome);
    this.explorer.onWelcome(welcome.explorer);
    this.#resumeMicrophone();
    this.#link?.begin(this.bridge.client);
  }

  #onState(told: SessionState): void {
    const { phase, ending, floor, turn_taking, view, sees, reads, model, badge, direct } = told;
    const { suggestions, elapsed_ms, owner, push_to_talk, calls } = told;
    const before = this.store.get();
    const liveSince = phase === "live" ? (before.liveSince ?? this.#now() - elapsed_ms) : null;
    const mine = owner === this.bridge.client;
    this.#owner = owner;
    const elsewhere = owner !== "" && !mine;
    if (mine) {
      this.#takingUntilMs = Number.NEGATIVE_INFINITY;
    }
    this.store.set({ phase, ending, floor, turnTaking: turn_taking, view, sees, model, badge, suggestions });
    const calledBy = calls.some(({ id }) => id === owner) ? owner : "";
    this.store.set({ reads, pushToTalk: push_to_talk, calls, calledBy, callsAt: this.#now() });
    this.store.set({ liveSince, direct, owner: mine, ownedElsewhere: elsewhere });
    if (!mine) {
      this.#audio.service.reset();
    }
    if (elsewhere) {
      // What was sent before the kernel was asked still names the other page.
      if (this.#now() >= this.#takingUntilMs) {
        this.#yieldToOwner(before.owner);
      }
    } else {
      this.#notices.clear(OTHER_PAGE.code);
    }
    if (phase === "ended" && before.phase !== "ended") {
      this.#onEnded();
    }
    this.#audio.onSession(phase === "live" || phase === "connecting", direct);
  }

  #onTurn(turn: Turn): void {
    const others = this.store.get().turns.filter((known) => known.index !== turn.index);
    const place = others.findIndex((known) => known.index > turn.index);
    others.splice(place === -1 ? others.length : place, 0, turn);
    this.store.set({ turns: others });
  }

  #onAlive(): void {
    const back = !this.store.get().connected;
    this.#lease.renew(this.#now());
    // A kernel that is being restarted goes on speaking, over the socket, until it has ended.
    if (this.#now() - this.#disconnectedMs > ENDING_MS) {
      this.#disconnectedMs = Number.NEGATIVE_INFINITY;
    }
    if (back) {
      this.store.set({ connected: true, loss: "" });
      this.#notices.clear(LOSSES.unknown.code);
      // What was said into the dark is not left to wait for its next repetition, which may be half a minute away.
      this.bridge.repeat();
      this.bridge.hello();
      if (this.#now() < this.#retryUntilMs) {
        this.#retryUntilMs = Number.NEGATIVE_INFINITY;
        this.start();
      }
    }
  }

  /** True while a device is on or asked for. */
  get #usesDevices(): boolean {
    return this.#audio.microphone.isWanted || this.video.usesDevice;
  }

  /** True while another page has microphone and voice of a session. */
  #isOwnedElsewhere(): boolean {
    const { phase } = this.store.get();
    const runs = phase === "live" || phase === "connecting";
    return this.#owner !== "" && this.#owner !== this.bridge.client && runs;
  }

  /** Asks the kernel to start the session; its state messages follow. */
  #requestStart(microphone: boolean, claim = microphone): void {
    const { phase } = this.store.get();
    const resting = phase === "idle" || phase === "ended";
    if (resting) {
      this.store.set({ phase: "connecting" });
      this.#audio.onSession(null, this.store.get().direct);
    }
    if (resting || claim) {
      this.bridge.send({ lane: "control", kind: "start", body: { microphone } });
    }
  }

  /** Starts the session for a picture, with this page as its owner; false where another page owns it. */
  #startForVideo(): boolean {
    if (this.#isOwnedElsewhere()) {
      this.#notices.show(this.store.get().calledBy === "" ? OTHER_PAGE : CALLED);
      return false;
    }
    this.#audio.player.unlock();
    this.#requestStart(false, this.#owner === "");
    return true;
  }

  /** Releases all devices at once; none is taken again by itself. */
  #releaseDevices(): void {
    this.#resume = null;
    this.#audio.releaseDevices();
    this.video.stop();
  }

  /** Releases microphone and camera at once; the model's audio may play to its end. */
  #onEnded(): void {
    this.#audio.microphone.stop();
    this.video.stop();
    this.#audio.service.reset();
    this.#audio.closePlayerWhenDone();
  }

  /** Another page has taken microphone and voice; `had` tells that this one had them. */
  #yieldToOwner(had: boolean): void {
    if (this.#usesDevices || had) {
      this.#notices.show(this.store.get().calledBy === "" ? OTHER_PAGE : CALLED);
    }
    this.#releaseDevices();
  }

  #leave(): void {
    if (this.#owner === "" || this.#owner === this.bridge.client) {
      this.bridge.send({ lane: "control", kind: "stop", body: {} });
    }
    this.#releaseDevices();
  }

  #onViewRemoved(view: Scope): void {
    this.#views.delete(view);
    if (this.#views.size > 0 || this.scope.disposed) {
      return;
    }
    this.#audio.microphone.stop();
    this.video.stop();
    this.scope.timeout(() => {
      if (this.#views.size === 0) {
        this.#leave();
      }
    }, VIEW_GRACE_MS);
  }

  #hideTranscriptFor(view: Scope): void {
    if (this.#transcriptClass !== "" && !this.store.get().page) {
      hideSavedTranscript(this.#transcriptClass, view);
    }
  }

  #tick(): void {
    this.#link?.tick();
    if (!FINAL_LOSSES.includes(this.store.get().loss)) {
      this.bridge.tick();
    }
    this.#ticks += 1;
    const live = this.store.get().phase === "live" || this.store.get().phase === "connecting";
    if (live || this.#ticks % IDLE_TICKS === 0) {
      this.#audio.reportPlayback();
    }
    if (this.store.get().phase === "ended") {
      this.#audio.closePlayerWhenDone();
    }
    this.#idleTicks = this.store.get().phase === "idle" && this.#usesDevices ? this.#idleTicks + 1 : 0;
    if (this.#idleTicks > UNUSED_DEVICE_TICKS) {
      this.#releaseDevices();
    }
    if (this.#now() >= this.#takingUntilMs && this.#usesDevices && this.#isOwnedElsewhere()) {
      this.#yieldToOwner(false);
    }
    const held = this.#lease.isValid(this.#now());
    if (!held && (this.store.get().connected || this.#usesDevices)) {
      this.#onConnectionLost();
    }
    const { connected, loss } = this.store.get();
    const soon = PASSING_LOSSES.includes(loss) && this.#now() - this.#lostMs < RESUME_MS;
    const interval = soon ? LOOK_MS : LOOK_SELDOM_MS;
    if (!connected && this.#now() - this.#lookedMs >= interval) {
      void this.#lookWhy();
    }
  }

  /**
   * Releases what hears and sees at once, or after a while where the conversation goes on without the kernel, straight with the
   * service; what is left of an answer may play to its end.
   */
  #onConnectionLost(): void {
    const { microphone, service } = this.#audio;
    if (this.store.get().connected) {
      this.#lostWhileUsed = this.#usesDevices || this.store.get().phase === "live";
      // One that was on before an earlier loss still waits for the kernel's welcome.
      if (microphone.isWanted) {
        this.#resume = { untilMs: Date.now() + RESUME_MS, muted: microphone.muted };
      }
      this.store.set({ connected: false, loss: "looking" });
      this.#lookedMs = Number.NEGATIVE_INFINITY;
      this.#lostMs = this.#now();
      // The bridge repeats it, less and less often, until the kernel answers.
      this.bridge.hello();
    }
    if (!service.talks || this.#now() - this.#lostMs >= ALONE_MS) {
      microphone.stop();
      this.video.stop();
      // Not more: the kernel may be back, and ask for what was sent.
      service.hangUp();
    }
  }

  /** Looks why the kernel does not answer, and says so. */
  async #lookWhy(): Promise<void> {
    if (this.#looking) {
      return;
    }
    this.#looking = true;
    const { page, link } = this.store.get();
    const loss = page
      ? lossOfPage(link)
      : await findLoss(this.#kernel, this.#disconnectedMs > Number.NEGATIVE_INFINITY);
    this.#looking = false;
    this.#lookedMs = this.#now();
    if (this.scope.disposed || this.store.get().connected) {
      return;
    }
    const asked = this.#now() < this.#retryUntilMs;
    if (loss !== this.store.get().loss || asked) {
      this.store.set({ loss });
      if (this.#lostWhileUsed || asked || page) {
        this.#showLoss(loss);
      }
    }
    if (FINAL_LOSSES.includes(loss)) {
      this.#resume = null;
      this.#releaseDevices();
    } else {
      this.#audio.closePlayerWhenDone();
    }
  }

  #showLoss(loss: Exclude<Loss, "" | "looking">): void {
    const { says } = this.store.get().link;
    this.#notices.show(says === "" || loss === "offline" ? LOSSES[loss] : { ...LOSSES[loss], text: says });
  }

  /** ● without a kernel that answers: looks again, says what to do, and begins if the kernel is back at once. */
  #retry(): void {
    const { loss } = this.store.get();
    this.#retryUntilMs = this.#now() + RETRY_MS;
    this.#lookedMs = this.#now();
    if (loss !== "" && loss !== "looking") {
      this.#showLoss(loss);
    }
    this.#link?.retry();
    this.bridge.hello();
    void this.#lookWhy();
  }

  /** Takes the microphone again that was on when the kernel was lost, if the same conversation still goes on. */
  #resumeMicrophone(): void {
    const resume = this.#resume;
    this.#resume = null;
    const { phase, owner } = this.store.get();
    if (resume && phase === "live" && owner && Date.now() < resume.untilMs) {
      void this.#audio.resumeMicrophone(resume.muted);
    }
  }

  /** The page is closed, or left for another one. */
  #onPageHidden(): void {
    this.#releaseDevices();
    this.bridge.send({ lane: "control", kind: "bye", body: {} });
  }
}
