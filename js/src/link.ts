// Two ways to the kernel under one bridge: the notebook's comm, which always works, and a socket of this page's own,
// straight to the kernel's background loop, where that can be reached. The kernel's half is livewidget/ui/links.py.
//
// In: messages of the bridge to be sent; the kernel's offer of a socket; the tick of a clock. Out: messages that arrived, on
// whichever way; when the way changes, so that the bridge repeats what is not acknowledged (doubles fall out by number);
// and what is asked of the kernel over the bridge. While the socket is open, all lanes take it, both ways.
//
// A socket to a port that nobody listens at leaves a red line in the browser's console, which cannot be suppressed, and some
// addresses make the browser ask the person: so only what is known to be allowed is tried, a hidden frame knocks first, and
// nothing is tried again that has never worked.

import type { Buffer } from "./audio/pcm.ts";
import { randomClientId } from "./bridge.ts";
import type { SocketOffer } from "./messages.gen.ts";
import { Scope } from "./scope.ts";
import type { BrowserPage, LinkState } from "./state.ts";

type Send = (content: object, buffers: ArrayBuffer[]) => void;

export interface LinkHandlers {
  /** A message of the bridge, from the socket. */
  onMessage(content: unknown, buffers: Buffer[]): void;
  /** Messages take another way from now on: what is not acknowledged is to be sent again. */
  onChanged(): void;
  /** `state` has changed. */
  onState(state: LinkState): void;
  /** The kernel is to be asked for a socket, over the bridge, as the page of `origin`. */
  onAsk(origin: string): void;
  /** The kernel is to be told that the socket with this proof broke: it may not know. */
  onBroken(proof: string): void;
  /**
   * The server of a page has another conversation for it than before, as after it was started again: numbers and words of the
   * last one mean nothing there, so the page begins anew. `session` lets a card in, "" where a cookie does.
   */
  onOther?(session: string): void;
}

/** The kernel's heartbeat comes every 500 ms: a socket that is silent for so long is broken. Chosen: three are missing. */
const SILENT_MS = 1600;
/** With more time between two ticks the page stood still, not the socket. Timers of hidden pages come once a second. */
const STANDSTILL_MS = 1500;
/** The kernel has this long to answer on a new socket; as it has 5 s for the first frame in livewidget/ui/links.py. */
const OPENING_MS = 5000;
/** Waits before a socket is tried again; chosen: soon after the first break, and hardly ever where it does not last. */
const AGAIN_MS = [250, 500, 1000, 5000, 30_000, 60_000];
/** The same in a page that has no other way; chosen: the person waits for it. */
const PAGE_AGAIN_MS = [250, 500, 1000, 2000, 5000];
/** A socket that was open for so long counts as good: the waits begin anew. Chosen: two heartbeats. */
const GOOD_MS = 1000;
/** An offer may be lost; chosen: a kernel that answers at all does so within a second. */
const OFFER_MS = 10_000;
/** What an address may fail without having worked once; a refused connection counts for all. Chosen. */
const MAX_FAILURES = 3;
/** Spare tokens and addresses of pages hold an hour (livewidget/ui/links.py); chosen: asked anew well before. */
const REFRESH_MS = 45 * 60_000;
/** A server has this long to answer a knock; chosen: a kernel whose cell holds Python's lock answers late. */
const KNOCK_MS = 5000;
/** What an error page is shown for; measured in Chromium: the server's own page has sent its message before it is loaded. */
const KNOCKED_MS = 250;
/** What the kernel's server says to who knocks, as in livewidget/widget/page_server.py. */
const HERE = "livewidget";
/** `WebSocket.OPEN` */
const OPEN = 1;

/** Where a socket may be: straight at the kernel's port, or through the notebook server's jupyter-server-proxy. */
interface Address {
  url: string;
  proxied: boolean;
}

interface Ticket {
  token: string;
  /** What the server must answer; null in a page that came from that server, which names the conversation by it. */
  proof: string | null;
}

/** The part of Jupyter's page configuration that says where the notebook server is, and whether it has the proxy. */
interface JupyterServer {
  baseUrl: string;
  hasProxy: boolean;
}

/** What Jupyter's pages say of their server; null in other hosts. */
export function jupyterServer(page: Document = document): JupyterServer | null {
  try {
    const text = page.getElementById("jupyter-config-data")?.textContent ?? "";
    const { baseUrl, federated_extensions } = JSON.parse(text) as Record<string, unknown>;
    if (typeof baseUrl !== "string") {
      return null;
    }
    const extensions: unknown[] = Array.isArray(federated_extensions) ? federated_extensions : [];
    const hasProxy = extensions.some((one) =>
      String((one as { name?: unknown } | null)?.name).endsWith("jupyter-server-proxy"),
    );
    return { baseUrl: baseUrl.replace(/\/*$/, "/"), hasProxy };
  } catch {
    return null;
  }
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Whether this page comes from the computer that its browser runs on, or from a tunnel that ends there. */
export function isLoopback(page: Pick<Location, "hostname"> = location): boolean {
  return LOOPBACK.test(page.hostname);
}

/**
 * The addresses of `path` at the kernel's `port` that this page may try, the best first. The proxy comes first: where it is
 * installed it reaches every kernel of its server and leaves no red line, while a page on loopback may be the end of an
 * `ssh -L` whose kernel is elsewhere. `allowed`: the person has allowed pages of this site to reach this computer.
 */
export function socketAddresses(
  port: number,
  path: string,
  page: Pick<Location, "hostname" | "href">,
  server: JupyterServer | null,
  allowed: boolean,
): Address[] {
  const addresses: Address[] = [];
  if (server?.hasProxy) {
    const url = new URL(`${server.baseUrl}proxy/${port}${path}`, page.href);
    url.protocol = url.protocol.replace("http", "ws");
    addresses.push({ url: url.href, proxied: true });
  }
  if (isLoopback(page) || allowed) {
    addresses.push({ url: `ws://127.0.0.1:${port}${path}`, proxied: false });
  }
  return addresses;
}

/**
 * Where a browser finds the conversation's page, as far as this page can know: through the proxy where that leads to a page
 * that may have a microphone, else at the kernel's port on this computer. `reached`: the kernel is on this computer.
 */
export function browserPage(
  offer: SocketOffer,
  page: Pick<Location, "hostname" | "protocol" | "href">,
  server: JupyterServer | null,
  reached: boolean,
): BrowserPage | null {
  const { port, page_token: token } = offer;
  if (port === 0 || token === "") {
    return null;
  }
  if (server?.hasProxy && (page.protocol === "https:" || isLoopback(page))) {
    const { href } = new URL(`${server.baseUrl}proxy/${port}${offer.page}`, page.href);
    return { address: href, token, port: 0 };
  }
  return { address: `http://127.0.0.1:${port}${offer.page}`, token, port: reached ? 0 : port };
}

/** Whether the person has allowed this page to reach this computer. Asking the browser so never asks the person. */
async function loopbackAllowed(): Promise<boolean> {
  // The permission's names in Chromium, newest first; other browsers know neither.
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      const { state } = await navigator.permissions.query({ name: name as PermissionName });
      if (state === "granted") {
        return true;
      }
    } catch {
      // Not known here.
    }
  }
  return false;
}

/** What a knock found: this kernel's server, something else or nobody, or no answer in time. */
export type Found = "here" | "nobody" | "silence";

/** Looks who listens at `url`, with a hidden frame: one that finds nobody leaves no line in the console. */
export function knock(url: string, scope: Scope): Promise<Found> {
  return new Promise((done) => {
    const watch = scope.child();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    // A stranger's page may do no more than a message.
    frame.setAttribute("sandbox", "allow-scripts");
    const end = (found: Found) => {
      done(found);
      watch.dispose();
    };
    watch.add(() => frame.remove());
    watch.listen<MessageEvent>(window, "message", ({ source, data }) => {
      if (source === frame.contentWindow && data === HERE) {
        end("here");
      }
    });
    frame.onload = () => watch.timeout(() => end("nobody"), KNOCKED_MS);
    watch.timeout(() => end("silence"), KNOCK_MS);
    frame.src = url;
    document.body.append(frame);
  });
}

/** Where to knock before the socket at `url` of the kernel's own port is opened. */
const doorOf = (url: string) => url.replace(/^ws/, "http").replace(/socket$/, "here");

/** A page without a notebook: where its socket is, and how it learns whether it may still come in. */
export interface PageServer {
  url: string;
  /** Names this tab of the browser, also after a reload. */
  tab: string;
  /** Resolves to "" where the server lets this page in, else to its sentence for the person; rejects if it is silent. */
  admit(): Promise<string>;
  /** Of a card in a page that another server may have given. It is asked whether it may come in before its first socket, too. */
  card?: {
    /** Resolves to the token that lets the card in, "" without one; rejects if it gets none. */
    token(): Promise<string>;
    /** Why there is no conversation: `silent` is the server, which may come back; `ended` it has itself. */
    says: { silent: string; ended: string; noToken: string };
  };
}

/** The server has this long to say whether a page may come in; chosen: a healthy one takes a tenth of it. */
const ADMIT_MS = 5000;

/** The key of the tab's name in the tab's storage. */
const TAB = "livewidget.tab";

export function tabName(): string {
  const fresh = randomClientId();
  try {
    const known = sessionStorage.getItem(TAB) ?? fresh;
    sessionStorage.setItem(TAB, known);
    return known;
  } catch {
    // Without storage a reload is another tab.
    return fresh;
  }
}

/** The token in the fragment of this page's address, "" without; it does not stay there. */
export function takeToken(): string {
  const token = location.hash.slice(1);
  if (token !== "") {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return token;
}

/** The server that this page came from, or that is at `base`. Its session is a cookie, which this code never sees. */
export function pageServer(
  base: Pick<URL, "href" | "search"> = location,
): PageServer & { admit(token?: string): Promise<string> } {
  const url = new URL("socket", base.href);
  url.protocol = url.protocol.replace("http", "ws");
  // An app may make its conversation from what the address of the page asks for.
  url.search = base.search;
  return {
    url: url.href,
    tab: tabName(),
    async admit(token = "") {
      const answer = await fetch(new URL("session", base.href).href, {
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(ADMIT_MS),
      });
      if (answer.ok) {
        return "";
      }
      if (answer.status >= 500) {
        throw new Error(`The server failed: ${answer.status}.`);
      }
      return (await answer.text()).trim().slice(0, 500) || NOT_ADMITTED;
    },
  };
}

/** Where the server gives no sentence of its own. */
const NOT_ADMITTED =
  "This page may not join the conversation. Open it anew, from the notebook or the terminal.";

/** A socket on its way to being used, and while it is. */
interface Connection {
  socket: WebSocket;
  address: Address;
  ticket: Ticket;
  since: number;
  /** The server has shown that it is the kernel's. */
  proven: boolean;
}

export class Link {
  readonly #comm: Send | null;
  readonly #handlers: LinkHandlers;
  readonly #now: () => number;
  readonly #page: PageServer | null;
  readonly #knock: typeof knock;
  readonly #scope = new Scope();
  #knocking = false;
  #client = "";
  #disposed = false;
  #state: LinkState;
  #connection: Connection | null = null;
  #offer: SocketOffer | null = null;
  #offeredAt = Number.NEGATIVE_INFINITY;
  /** What is left to be tried with the last offer. */
  #candidates: { address: Address; ticket: Ticket }[] = [];
  /** Which conversation the server has for this page; null before it was asked. */
  #conversation: string | null = null;
  /** For coming back without the comm. */
  #spare: { address: Address; ticket: Ticket } | null = null;
  /** Where the last offer could be taken. */
  #addresses: Address[] = [];
  /** Failures of a kind of address that has never worked; 0 once it has. */
  readonly #failures = new Map<string, number>();
  /** Why no socket was found. */
  #failed: "refused" | "stranger" = "refused";
  #askedAt = Number.NEGATIVE_INFINITY;
  #asks = 0;
  #tries = 0;
  #againAt = Number.POSITIVE_INFINITY;
  #heardAt = 0;
  #tickedAt: number;
  /** When the comm brought something. */
  #commAt = Number.NEGATIVE_INFINITY;

  /** `comm` is null in a page without a notebook, which has a `page` server instead. */
  constructor(
    comm: Send | null,
    handlers: LinkHandlers,
    now: () => number,
    page: PageServer | null = null,
    look: typeof knock = knock,
  ) {
    this.#comm = comm;
    this.#handlers = handlers;
    this.#now = now;
    this.#page = page;
    this.#knock = look;
    this.#tickedAt = now();
    this.#state = { way: comm ? "comm" : "none", proxied: false, reason: comm ? "" : "opening", says: "" };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The conversation's page for a browser; null before the kernel has offered it, and in that page itself. */
  get browserPage(): BrowserPage | null {
    const nobody = this.#failures.get("direct") === MAX_FAILURES;
    return this.#offer && browserPage(this.#offer, location, jupyterServer(), isLoopback() && !nobody);
  }

  /** Sends on the way that is in use. In a page without one, nothing: what matters is repeated later. */
  readonly send: Send = (content, buffers) => {
    if (this.#state.way === "socket" && this.#connection?.socket.readyState === OPEN) {
      this.#connection.socket.send(pack(content, buffers));
    } else {
      this.#comm?.(content, buffers);
    }
  };

  /** The comm brought a message. */
  heardOnComm(): void {
    this.#commAt = this.#now();
  }

  /** The kernel has welcomed this page: from now on a socket may be looked for. Later calls change nothing. */
  begin(client: string): void {
    if (this.#client !== "" || this.#disposed) {
      return;
    }
    this.#client = client;
    if (this.#page) {
      void this.#openPage();
    } else {
      this.#ask();
    }
  }

  /** The person asks for it: a page that was refused may be let in by now. */
  retry(): void {
    if (
      this.#page &&
      this.#state.reason === "refused" &&
      !this.#connection &&
      this.#againAt === Number.POSITIVE_INFINITY
    ) {
      this.#retryPage();
    }
  }

  /** Asks the kernel for another offer: the address of its page has been used. */
  refresh(): void {
    if (this.#client !== "" && !this.#page) {
      this.#offeredAt = Number.NEGATIVE_INFINITY;
      this.#ask();
    }
  }

  /** The kernel's offer, to whichever page. */
  offer(body: SocketOffer): void {
    if (this.#client === "" || body.client !== this.#client || this.#page || this.#disposed) {
      return;
    }
    const asked = this.#askedAt > this.#offeredAt;
    this.#offer = body;
    this.#offeredAt = this.#now();
    this.#asks = 0;
    this.#set({});
    if (body.reason !== "" || body.port === 0) {
      this.#again(null);
      if (!this.#connection) {
        this.#set({ way: "comm", reason: body.reason || "unavailable" });
      }
      return;
    }
    if (this.#connection?.proven) {
      const { address } = this.#connection;
      this.#spare = { address, ticket: { token: body.token, proof: body.proof } };
    } else if (asked && !this.#connection) {
      this.#again(null);
      void this.#tryOffer(body);
    }
  }

  /** To be called a few times a second. */
  tick(): void {
    const now = this.#now();
    const stoodStill = now - this.#tickedAt > STANDSTILL_MS;
    this.#tickedAt = now;
    if (this.#disposed || this.#client === "") {
      return;
    }
    const connection = this.#connection;
    if (connection?.proven) {
      if (stoodStill) {
        // What arrived meanwhile may come after this tick.
        this.#heardAt = Math.max(this.#heardAt, now - SILENT_MS / 2);
      }
      if (now - this.#heardAt > SILENT_MS) {
        this.#end(connection, null);
      } else if (now - connection.since > GOOD_MS) {
        this.#tries = 0;
      }
    } else if (connection && now - connection.since > OPENING_MS) {
      this.#end(connection, null);
    }
    if (now >= this.#againAt && !this.#connection && !this.#knocking) {
      this.#again(null);
      if (this.#page) {
        void this.#openPage();
      } else if (this.#spare) {
        const { address, ticket } = this.#spare;
        this.#spare = null;
        this.#try(address, ticket);
      } else if (now - this.#commAt > SILENT_MS) {
        // A kernel that is gone does not know the comm any more, and would say so for each message.
        this.#again(SILENT_MS);
      } else {
        this.#ask();
      }
    }
    this.#askAgain(now);
  }

  dispose(): void {
    this.#disposed = true;
    this.#scope.dispose();
    this.#again(null);
    const connection = this.#connection;
    this.#connection = null;
    connection?.socket.close();
  }

  #ask(): void {
    // A frame without an origin of its own is known to no server.
    const { origin } = globalThis;
    if (!origin || origin === "null") {
      this.#set({ way: "comm", reason: "unreachable" });
      return;
    }
    this.#askedAt = this.#now();
    if (!this.#connection) {
      this.#set({ way: "comm", reason: "asking" });
    }
    this.#handlers.onAsk(origin);
  }

  /** Asks again for an offer that did not come, or that is growing old, while the kernel can answer. */
  #askAgain(now: number): void {
    if (this.#page || (this.#state.way !== "socket" && now - this.#commAt > SILENT_MS)) {
      return;
    }
    const missing = this.#askedAt > this.#offeredAt;
    const wait = missing ? OFFER_MS * 2 ** Math.min(this.#asks, 3) : REFRESH_MS;
    if (now - this.#askedAt > wait) {
      this.#asks += 1;
      this.#ask();
    }
  }

  async #tryOffer(offer: SocketOffer): Promise<void> {
    const allowed = !isLoopback() && (await loopbackAllowed());
    if (this.#disposed || this.#connection || this.#knocking || this.#offer !== offer) {
      return;
    }
    const path = `${offer.page}socket`;
    const ticket = { token: offer.token, proof: offer.proof };
    const all = socketAddresses(offer.port, path, location, jupyterServer(), allowed);
    if (all.length === 0) {
      this.#set({ way: "comm", reason: "unreachable" });
      return;
    }
    this.#addresses = all;
    this.#candidates = this.#hopeful().map((address) => ({ address, ticket }));
    if (!this.#tryNext()) {
      this.#set({ way: "comm", reason: this.#failed });
    }
  }

  /** The addresses that work, or that have not shown yet that they do not. */
  #hopeful(): Address[] {
    return this.#addresses.filter((address) => (this.#failures.get(kindOf(address)) ?? 0) < MAX_FAILURES);
  }

  /** Tries the next candidate; false if there is none. */
  #tryNext(): boolean {
    const next = this.#candidates.shift();
    if (next) {
      this.#try(next.address, next.ticket);
    }
    return next !== undefined;
  }

  async #openPage(): Promise<void> {
    const page = this.#page!;
    const { card } = page;
    if (this.#tries > 0 || card) {
      // The browser does not say why a socket was refused: the server says it here.
      let sentence: string;
      try {
        sentence = await page.admit();
      } catch {
        this.#losePage(this.#state.reason === "ended" ? "ended" : "broken");
        return;
      }
      if (this.#disposed) {
        return;
      }
      if (sentence !== "") {
        this.#set({ way: "none", reason: "refused", says: sentence });
        return;
      }
    }
    let ticket: Ticket | undefined = this.#spare?.ticket;
    if (!ticket) {
      try {
        ticket = { token: (await card?.token()) ?? "", proof: null };
      } catch {
        this.#losePage("broken", card?.says.noToken);
        return;
      }
    }
    if (!this.#disposed) {
      this.#open({ url: page.url, proxied: false }, ticket);
    }
  }

  /** There is no socket to the page's server: it is tried again soon. */
  #losePage(reason: "broken" | "ended", sentence?: string): void {
    const told = this.#page?.card?.says;
    const says = sentence ?? (reason === "ended" ? told?.ended : told?.silent) ?? "";
    this.#set({ way: "none", reason, says, proxied: false });
    if (!this.#disposed) {
      this.#retryPage();
    }
  }

  #retryPage(): void {
    this.#again(PAGE_AGAIN_MS[Math.min(this.#tries, PAGE_AGAIN_MS.length - 1)]!);
    this.#tries += 1;
  }

  #try(address: Address, ticket: Ticket): void {
    if (address.proxied) {
      // The proxy takes every socket itself, and closes those that lead nowhere.
      this.#open(address, ticket);
    } else {
      void this.#knockAndOpen(address, ticket);
    }
  }

  async #knockAndOpen(address: Address, ticket: Ticket): Promise<void> {
    this.#knocking = true;
    this.#set({ way: "opening", reason: "opening", proxied: false });
    const found = await this.#knock(doorOf(address.url), this.#scope);
    this.#knocking = false;
    if (this.#disposed || this.#connection) {
      return;
    }
    if (found === "here") {
      this.#open(address, ticket);
    } else {
      this.#fail(address, found === "nobody");
    }
  }

  #open(address: Address, ticket: Ticket): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(address.url);
    } catch {
      // Some browsers throw where a secure page may not open a plain socket.
      this.#fail(address, true);
      return;
    }
    socket.binaryType = "arraybuffer";
    const connection: Connection = { socket, address, ticket, since: this.#now(), proven: false };
    this.#connection = connection;
    this.#set({ way: this.#comm ? "opening" : "none", reason: "opening", proxied: address.proxied });
    let opened = false;
    socket.onopen = () => {
      opened = true;
      const tab = this.#page?.tab ?? "";
      const opening = { client: this.#client, tab, token: ticket.token };
      socket.send(JSON.stringify(this.#page?.card ? { ...opening, card: true } : opening));
    };
    socket.onclose = ({ code }) => this.#end(connection, code, opened);
    socket.onmessage = ({ data }) => {
      if (this.#connection !== connection) {
        return;
      }
      this.#heardAt = this.#now();
      if (connection.proven) {
        this.#receive(data as string | ArrayBuffer);
      } else {
        this.#takeProof(connection, data);
      }
    };
  }

  #receive(data: string | ArrayBuffer): void {
    let message: ReturnType<typeof unpack>;
    try {
      message = unpack(data);
    } catch {
      console.error("livewidget: a message on the socket cannot be read.");
      return;
    }
    this.#handlers.onMessage(message.content, message.buffers);
  }

  /** The first frame of the server: nothing but the ticket is sent before it. */
  #takeProof(connection: Connection, data: unknown): void {
    const { proof } = connection.ticket;
    let told: { proof?: unknown; next?: unknown; error?: unknown } = {};
    try {
      told = Object(JSON.parse(String(data)));
    } catch {
      // Not this kernel's server.
    }
    if (typeof told.error === "string") {
      this.#leave(connection);
      this.#spare = null;
      if (this.#page && proof !== null) {
        // A card's session is over, or its server was started again: another token may let it in.
        this.#losePage(this.#state.reason === "ended" ? "ended" : "broken");
      } else if (this.#page) {
        this.#set({ way: "none", reason: "refused", says: told.error });
      } else {
        this.#fail(connection.address, false);
      }
      return;
    }
    if (typeof told.proof !== "string" || (!this.#page && proof !== null && told.proof !== proof)) {
      this.#leave(connection);
      // It has seen the ticket: another address is tried with a new one.
      this.#failures.set(kindOf(connection.address), MAX_FAILURES);
      this.#failed = "stranger";
      this.#set({ way: this.#comm ? "comm" : "none", reason: "stranger" });
      this.#retry();
      return;
    }
    if (this.#page) {
      const before = this.#conversation;
      this.#conversation = told.proof;
      if (before !== null && before !== told.proof) {
        this.dispose();
        this.#handlers.onOther?.(isTicket(told.next) ? told.next.token : "");
        return;
      }
    }
    connection.proven = true;
    connection.since = this.#now();
    this.#candidates = [];
    this.#failures.set(kindOf(connection.address), 0);
    this.#spare = isTicket(told.next)
      ? { address: connection.address, ticket: { token: told.next.token, proof: told.next.proof } }
      : null;
    this.#set({ way: "socket", reason: "", says: "", proxied: connection.address.proxied });
    this.#handlers.onChanged();
  }

  /** Closes a socket of ours; nothing of it is listened to any more. */
  #leave({ socket }: Connection): void {
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    this.#connection = null;
  }

  /** A socket ended, by `code`, or is given up where that is null. */
  #end(connection: Connection, code: number | null, opened = true): void {
    if (this.#connection !== connection) {
      return;
    }
    this.#leave(connection);
    if (!connection.proven) {
      if (code === 1008) {
        this.#spare = null;
      }
      this.#fail(connection.address, !opened);
      return;
    }
    // 1012 is what web servers say when they are stopped.
    const ended = code === 1001 || code === 1011 || code === 1012;
    if (!this.#page && (ended || code === 1008 || code === 1013)) {
      // The kernel wanted it so: it is asked, over the comm, before another socket is opened.
      this.#spare = null;
    }
    if (code === 1013) {
      this.#tries = AGAIN_MS.length - 2;
    }
    const reason = ended ? "ended" : "broken";
    if (this.#page) {
      this.#losePage(reason);
      return;
    }
    this.#set({ way: "comm", reason, proxied: false });
    this.#handlers.onBroken(connection.ticket.proof ?? "");
    this.#handlers.onChanged();
    this.#again(this.#nextWait());
  }

  /** An address did not lead to a socket. `refused`: nobody listens there, or the browser does not allow it. */
  #fail(address: Address, refused: boolean): void {
    if (this.#page) {
      this.#losePage(this.#state.reason === "ended" ? "ended" : "broken");
      return;
    }
    const kind = kindOf(address);
    const worked = this.#failures.get(kind) === 0;
    if (!worked) {
      this.#failures.set(kind, refused ? MAX_FAILURES : (this.#failures.get(kind) ?? 0) + 1);
    }
    if (this.#tryNext()) {
      return;
    }
    this.#set({ way: "comm", reason: worked ? "broken" : this.#failed, proxied: false });
    this.#retry();
  }

  /** Plans to ask the kernel again, if there is an address left that may work. */
  #retry(): void {
    this.#again(this.#comm && this.#hopeful().length > 0 ? this.#nextWait() : null);
  }

  #nextWait(): number {
    const wait = AGAIN_MS[Math.min(this.#tries, AGAIN_MS.length - 1)]!;
    this.#tries += 1;
    return wait;
  }

  #again(wait: number | null): void {
    this.#againAt = wait === null ? Number.POSITIVE_INFINITY : this.#now() + wait;
  }

  #set(change: Partial<LinkState>): void {
    this.#state = { ...this.#state, ...change };
    this.#handlers.onState(this.#state);
  }
}

const kindOf = ({ proxied }: Address) => (proxied ? "proxied" : "direct");

function isTicket(value: unknown): value is { token: string; proof: string } {
  const { token, proof } = Object(value) as Record<string, unknown>;
  return typeof token === "string" && typeof proof === "string";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A frame: the JSON alone, or its length (uint32, little-endian), the JSON and the bytes. */
export function pack(content: object, buffers: readonly ArrayBuffer[]): string | Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(content);
  if (!buffers[0]) {
    return text;
  }
  const head = encoder.encode(text);
  const frame = new Uint8Array(4 + head.length + buffers[0].byteLength);
  new DataView(frame.buffer).setUint32(0, head.length, true);
  frame.set(head, 4);
  frame.set(new Uint8Array(buffers[0]), 4 + head.length);
  return frame;
}

/** The content and the buffers of a frame; throws for anything else. */
export function unpack(frame: string | ArrayBuffer): { content: unknown; buffers: Buffer[] } {
  if (typeof frame === "string") {
    return { content: JSON.parse(frame), buffers: [] };
  }
  const length = new DataView(frame).getUint32(0, true);
  const content = JSON.parse(decoder.decode(new Uint8Array(frame, 4, length)));
  return { content, buffers: [new DataView(frame, 4 + length)] };
}
