// <live-card url token>: the card as a custom element, for any page. What an npm user imports as "livewidget".
//
// In: attributes and properties of the element, its life in the document, and calls of its methods. Out: the card in a
// shadow root, which keeps its style and the page's apart, and the events `turn`, `state` and `error`, which are read from the
// App's store. One conversation for as long as the element stands in the document; taken out, its microphone and voice are off at
// once, and the conversation ends as when a page is closed. `livewidget.web` is the server.

import style from "style:./element.css";
import type { App } from "./app.ts";
import { pageApp } from "./index.ts";
import { isLoopback, type Link, type PageServer, pageServer, tabName } from "./link.ts";
import { LOSSES } from "./notices.ts";
import { Scope } from "./scope.ts";
import type { Loss, State } from "./state.ts";
import { mountCard, mountSentence } from "./views/card.ts";
import { turnText } from "./views/turn.ts";

/** One call of a function by the model: of one of the server's, or of one that an agent has of its own. */
export interface LiveCardTool {
  readonly name: string;
  /** Its arguments, as Python writes them: `room="kitchen", on=True`. */
  readonly arguments: string;
  /** What it returned, as JSON; null before, and if it failed. */
  readonly result: string | null;
  readonly error: string | null;
  /** "asking" while the person is asked to allow it, "refused" if that was denied. */
  readonly state: "asking" | "running" | "done" | "failed" | "refused" | "cancelled";
  /** Whether an agent ran it on its own side. */
  readonly remote: boolean;
  /** Whose it is, where `remote` is true; "": the agent's that the conversation began with. */
  readonly agent: string;
}

/** What one side said without the other taking the floor. */
export interface LiveCardTurn {
  /** Its place in the conversation; the same for all events of one turn. */
  readonly index: number;
  readonly speaker: "user" | "model";
  /**
   * Which agent speaks, after the conversation was handed over to another; "": the one that it began with. Of a turn of the user's
   * "caller" where it was spoken on the phone.
   */
  readonly agent: string;
  /** The words so far. Of an answer that was interrupted: those that were heard. */
  readonly text: string;
  /** False while it goes on: words may be added, and the last ones may change. */
  readonly complete: boolean;
  readonly interrupted: boolean;
  /** The language that was recognised, such as "de"; "" if none is told. */
  readonly language: string;
  readonly tools: readonly LiveCardTool[];
}

export interface LiveCardState {
  /** Whether the card has reached its server. */
  readonly connected: boolean;
  /** "idle" before the first conversation; "ended" when it was stopped, until the next. */
  readonly phase: "idle" | "connecting" | "live" | "ended";
  /** Who may speak. */
  readonly floor: "listening" | "user" | "thinking" | "model" | "tool";
  /** "paused" while what it gives cannot be sent on. */
  readonly microphone: "off" | "asking" | "on" | "muted" | "paused" | "refused" | "missing";
  /** The id of the model; "" before the card has reached its server. */
  readonly model: string;
}

export interface LiveCardError {
  /**
   * What is wrong, for programs: "url", "refused" (the server does not let this card in), "unreachable" (it does not answer; the
   * card goes on trying), "ended" (it has ended the conversation), "offline", or a code of the card's notices, such as
   * "microphone-refused".
   */
  readonly code: string;
  /** The same for people, in one or two sentences: as the card shows it. */
  readonly message: string;
  /** "warning": it passes by itself, or something small is missing. */
  readonly level: "error" | "warning";
}

/** The events of `<live-card>`. None of them bubbles. */
export interface LiveCardEventMap {
  /** A turn has begun, goes on or is complete. */
  turn: CustomEvent<LiveCardTurn>;
  /** Something of `LiveCardState` has changed. */
  state: CustomEvent<LiveCardState>;
  /** The card shows the person that something does not work. */
  error: CustomEvent<LiveCardError>;
}

/** A single-use token, or a function that gets one: it is called whenever the card needs a new one. */
export type LiveCardToken = string | (() => string | Promise<string>);

type Listener<K extends keyof LiveCardEventMap> = (
  this: LiveCardElement,
  event: LiveCardEventMap[K],
) => unknown;

export interface LiveCardElement {
  addEventListener<K extends keyof LiveCardEventMap>(
    type: K,
    listener: Listener<K>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<Other extends string>(
    type: Other,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof LiveCardEventMap>(
    type: K,
    listener: Listener<K>,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener<Other extends string>(
    type: Other,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "live-card": LiveCardElement;
  }
}

/** The card's server has this long to answer; chosen: a healthy one takes a tenth of it. */
const HERE_MS = 5000;

const IDLE: LiveCardState = {
  connected: false,
  phase: "idle",
  floor: "listening",
  microphone: "off",
  model: "",
};

/** What is wrong, by why the server does not answer. */
const CODES: Partial<Record<Loss, string>> = {
  refused: "refused",
  program: "unreachable",
  closed: "ended",
  offline: "offline",
};

/** The places of the cards in this page: a card that is there again after a reload has its conversation back. */
const places = new Set<number>();

function takePlace(): number {
  let place = 1;
  while (places.has(place)) {
    place += 1;
  }
  places.add(place);
  return place;
}

/** Who asks a server for a cookie now, by its address. */
const asking = new Map<string, Promise<string>>();

/** Cards of one page ask together: each answer would bring a cookie of its own, and only the last would stay. */
function askTogether(address: string, ask: () => Promise<string>): Promise<string> {
  let answer = asking.get(address);
  if (!answer) {
    answer = ask().finally(() => asking.delete(address));
    asking.set(address, answer);
  }
  return answer;
}

/** The address of a server, from what stands in `url`, with a slash at its end; or a sentence that says why it is none. */
function baseOf(url: string): URL | string {
  let base: URL;
  try {
    base = new URL(url, document.baseURI);
  } catch {
    return `This card's url is not an address: ${url.slice(0, 200)}`;
  }
  base.protocol = base.protocol.replace(/^ws/, "http");
  if (!/^https?:$/.test(base.protocol)) {
    return "This card's url begins with neither https:// nor http://, so it names no server.";
  }
  if (location.protocol === "https:" && base.protocol === "http:" && !isLoopback(base)) {
    return `This page is secure (https://), so the browser does not let it use ${base.origin}. The card's url has to begin with https://, too.`;
  }
  base.hash = "";
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return base;
}

/** The server at `base` as the link of a card knows it; `session` lets the card in there if it is not "". */
function cardServer(
  base: URL,
  place: number,
  session: string,
  token: () => LiveCardToken,
  scope: Scope,
): PageServer {
  const shown = base.origin + base.pathname;
  const page = pageServer(base);
  const sockets = new URL(page.url).origin;
  const isForeign = base.origin !== location.origin;
  let blocked = false;
  scope.listen<SecurityPolicyViolationEvent>(document, "securitypolicyviolation", (event) => {
    const uri = event.blockedURI;
    blocked ||=
      event.effectiveDirective === "connect-src" && (uri.startsWith(base.origin) || uri.startsWith(sockets));
  });
  const ask = async () => {
    if (blocked) {
      return `This page's Content-Security-Policy keeps the card from its server: its connect-src has to name ${base.origin} and ${sockets}.`;
    }
    const answer = await fetch(new URL("here", base).href, {
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(HERE_MS),
    });
    if (answer.status >= 500) {
      throw new Error(`The server failed: ${answer.status}.`);
    }
    if (answer.status === 403) {
      const why = (await answer.text()).trim().slice(0, 500);
      const remedy = `Whoever runs it can name this page's origin, ${location.origin}, in its origins.`;
      return isForeign && why.includes("origin") ? `${why} ${remedy}` : why;
    }
    if (answer.status !== 204) {
      return `There is no conversation at ${shown}: check the url of this card.`;
    }
    // A browser that keeps a cookie of this server has its conversation back when the page is loaded again.
    return token() === "" && !isForeign ? askTogether(page.url, () => page.admit()) : "";
  };
  return {
    url: page.url,
    tab: `${tabName()}.${place}`,
    admit: ask,
    card: {
      async token() {
        if (session !== "") {
          const known = session;
          session = "";
          return known;
        }
        const given = token();
        return typeof given === "function" ? String((await given()) ?? "") : given;
      },
      says: {
        silent: `No conversation answers at ${shown}. The card goes on as soon as one does; if this stays, check its url and its server.`,
        ended:
          "The server has ended this conversation. The card goes on as soon as the server is there again.",
        noToken:
          "This card gets no token from the page around it. It tries again; if this stays, load this page again.",
      },
    },
  };
}

let sheet: CSSStyleSheet | undefined;

function styleSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
  }
  return sheet;
}

/** A conversation of an element, from its begin to its end. */
interface Talk {
  app: App;
  link: Link;
  url: string;
  place: number;
}

// On a server, which renders a page before a browser has it, there are no elements: importing this is all that is done there.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** `<live-card>`: a conversation with a live model. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface only adds the types of the events
export class LiveCardElement extends Base {
  static readonly observedAttributes = ["url", "token", "fill"];

  readonly #mount: HTMLElement | null = null;
  #scope = new Scope();
  #talk: Talk | null = null;
  #token: LiveCardToken | null = null;
  #isDue = false;
  #state = IDLE;
  readonly #turns = new Map<number, LiveCardTurn>();
  #errors = new Map<string, string>();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styleSheet()];
    this.#mount = document.createElement("div");
    root.append(this.#mount);
    // Set before this class was there, they stand in front of its own properties.
    for (const name of ["url", "token"] as const) {
      if (Object.hasOwn(this, name)) {
        const value = this[name] as string;
        Reflect.deleteProperty(this, name);
        this[name] = value;
      }
    }
  }

  /** The address of a `livewidget.web` application; it may be relative to the page. Another one begins another conversation. */
  get url(): string {
    return this.getAttribute("url") ?? "";
  }

  set url(value: string) {
    if (value !== this.url) {
      this.setAttribute("url", value);
    }
  }

  /**
   * What lets the card in, where the server asks for it: a token for one use, or a function that gets one. A new one is taken
   * when the card has to be let in the next time: a conversation that goes on is not disturbed.
   */
  get token(): LiveCardToken {
    return this.#token ?? this.getAttribute("token") ?? "";
  }

  set token(value: LiveCardToken) {
    this.#token = value;
    this.#onToken();
  }

  /** What the last `state` event told. */
  get state(): LiveCardState {
    return this.#state;
  }

  /** The turns of the conversation so far. */
  get turns(): readonly LiveCardTurn[] {
    return [...this.#turns.values()];
  }

  /** Begins to talk, as ● does. Browsers ask the person for the microphone, and play sound only after a click or a key. */
  start(): void {
    this.#running().start();
  }

  /** Ends the conversation, as ■ does. */
  stop(): void {
    this.#running().stop();
  }

  /** Sends `text` as if it had been typed; begins the conversation if needed, without the microphone. */
  say(text: string): void {
    this.#running().sendText(text);
  }

  /** Stops the answer that is being spoken. */
  interrupt(): void {
    this.#running().interrupt();
  }

  connectedCallback(): void {
    this.#beginSoon();
  }

  disconnectedCallback(): void {
    // A card that is moved is back before the next task.
    this.#scope.timeout(() => {
      if (!this.isConnected) {
        this.#end();
      }
    }, 0);
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) {
      return;
    }
    if (name === "url") {
      this.#beginSoon();
    } else if (name === "token") {
      this.#onToken();
    } else {
      this.#mount!.className = now === null ? "" : "livewidget-fill";
    }
  }

  /** Once, when url and token of this task are both there. */
  #beginSoon(): void {
    if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        this.#begin();
      });
    }
  }

  /** Begins a conversation where there is none with this url. */
  #begin(session = ""): void {
    if (!this.isConnected || this.#talk?.url === this.url) {
      return;
    }
    this.#end();
    if (this.url === "") {
      return;
    }
    const base = baseOf(this.url);
    if (typeof base === "string") {
      mountSentence(this.#mount!, base);
      this.#emit("error", { code: "url", message: base, level: "error" });
      return;
    }
    const place = takePlace();
    const server = cardServer(base, place, session, () => this.token, this.#scope);
    const { app, link } = pageApp(server, (next) => this.#beginAnew(next));
    this.#talk = { app, link, url: this.url, place };
    app.mount(this.#mount!, mountCard);
    app.scope.add(app.store.subscribe((state) => this.#tell(state)));
    link.begin(app.bridge.client);
  }

  #beginAnew(session: string): void {
    this.#end();
    this.#begin(session);
  }

  #end(): void {
    const talk = this.#talk;
    this.#talk = null;
    this.#scope.dispose();
    this.#scope = new Scope();
    if (talk) {
      places.delete(talk.place);
      talk.app.dispose(true);
    }
    this.#mount!.replaceChildren();
    this.#turns.clear();
    this.#errors.clear();
    this.#setState(IDLE);
  }

  #running(): App {
    if (!this.#talk) {
      // Its methods may be called right after it was put into the page.
      this.#begin();
    }
    if (!this.#talk) {
      throw new DOMException(
        "This <live-card> has no conversation: it has to be in the page, with the url of one.",
        "InvalidStateError",
      );
    }
    return this.#talk.app;
  }

  /** There is another token: a card that was not let in tries it. */
  #onToken(): void {
    this.#talk?.link.retry();
  }

  #tell(state: Readonly<State>): void {
    this.#tellErrors(state);
    this.#setState({
      connected: state.connected && state.link.way === "socket",
      phase: state.phase,
      floor: state.floor,
      microphone: state.microphone.state,
      model: state.model,
    });
    this.#tellTurns(state);
  }

  #setState(state: LiveCardState): void {
    if (!isSame(state, this.#state)) {
      this.#state = state;
      this.#emit("state", state);
    }
  }

  #tellTurns({ turns }: Readonly<State>): void {
    const before = new Map(this.#turns);
    this.#turns.clear();
    for (const turn of turns) {
      const told: LiveCardTurn = {
        index: turn.index,
        speaker: turn.speaker,
        agent: turn.agent,
        text: turnText(turn),
        complete: turn.final,
        interrupted: turn.interrupted,
        language: turn.language,
        tools: turn.tools.map(({ name, args, result, error, state, remote, agent }) => ({
          name,
          arguments: args,
          result,
          error,
          state,
          remote,
          agent,
        })),
      };
      const known = before.get(turn.index);
      const isNew = !isSame(told, known);
      this.#turns.set(turn.index, isNew ? told : known!);
      if (isNew) {
        this.#emit("turn", told);
      }
    }
  }

  #tellErrors({ notices, loss }: Readonly<State>): void {
    const before = this.#errors;
    this.#errors = new Map(notices.map(({ code, text }) => [code, text]));
    for (const { code, text, level } of notices) {
      if (level !== "info" && before.get(code) !== text) {
        const known = code === LOSSES.unknown.code ? CODES[loss] : undefined;
        this.#emit("error", { code: known ?? code, message: text, level });
      }
    }
  }

  #emit<K extends keyof LiveCardEventMap>(type: K, detail: LiveCardEventMap[K]["detail"]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Whether two values of plain data are the same. */
const isSame = (one: object, other: object | undefined) => JSON.stringify(one) === JSON.stringify(other);

if (globalThis.customElements && !customElements.get("live-card")) {
  customElements.define("live-card", LiveCardElement);
}
