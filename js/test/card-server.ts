// A livewidget.web server for the tests of the card in other people's pages: what it says to fetch and on its sockets.

import { vi } from "vitest";
import golden from "../../tests/fixtures/bridge.json" with { type: "json" };
import type { Turn, Welcome } from "../src/messages.gen.ts";

const example = (kind: string) =>
  golden.kernel_to_page.find((message) => message.kind === kind)!.body as object;

/** One socket, as the server has it. */
export class ServedSocket {
  static made: ServedSocket[] = [];
  /** Numbers go on, as a server that is started again begins after what a page has. */
  static seq = 0;
  binaryType = "blob";
  readyState = 0;
  /** The page has closed it. */
  closed = false;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor(readonly url: string) {
    ServedSocket.made.push(this);
  }

  send(frame: string): void {
    this.sent.push(frame);
  }

  close(): void {
    this.closed = true;
    this.readyState = 2;
  }

  /** The server takes the connection. */
  open(): void {
    if (this.readyState === 0) {
      this.readyState = 1;
      this.onopen?.();
    }
  }

  get opening(): { client: string; tab: string; token: string; card?: boolean } {
    this.open();
    return JSON.parse(this.sent[0]!);
  }

  /** What the page asked for on it. */
  get asked(): { kind: string; body: Record<string, unknown> }[] {
    return this.sent.slice(1).map((frame) => JSON.parse(frame));
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Lets the card in, with a session for coming back. */
  admit(session = "session", conversation = "one"): void {
    this.open();
    this.say({ proof: conversation, next: { token: session, proof: "" } });
    if (this.closed) {
      return;
    }
    const { client } = this.opening;
    this.tell("welcome", { client, owner: "", phase: "idle", turns: [], notices: [], transcript_class: "" });
  }

  refuse(sentence: string): void {
    this.open();
    this.say({ error: sentence });
  }

  tell(kind: string, change: object): void {
    ServedSocket.seq += 1;
    const body = { ...example(kind), ...change };
    this.say({ lane: "control", kind, body, epoch: 0, seq: ServedSocket.seq, ack: 0 });
  }

  turn(change: Partial<Turn>): void {
    this.tell("turn", { ...example("turn"), tools: [], spans: [], interim: "", ...change });
  }

  state(change: Partial<Welcome>): void {
    this.tell("state", { owner: this.opening.client, elapsed_ms: 0, ...change });
  }

  /** The connection ends. */
  end(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

/** What `fetch` of an address brings; a function of the address. Everything is let in by default. */
export const answers = { of: (_: URL): Response => new Response(null, { status: 204 }) };
export const fetched: string[] = [];

export function installServer(): void {
  ServedSocket.made = [];
  fetched.length = 0;
  answers.of = () => new Response(null, { status: 204 });
  vi.stubGlobal("fetch", async (url: string) => {
    fetched.push(url);
    return answers.of(new URL(url));
  });
  vi.stubGlobal("WebSocket", ServedSocket);
}

/** The socket that was opened last. */
export const newest = () => ServedSocket.made.at(-1)!;

/** Time passes. */
export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
