import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  browserPage,
  type Found,
  Link,
  type PageServer,
  pack,
  pageServer,
  socketAddresses,
  takeToken,
  unpack,
} from "../src/link.ts";
import type { SocketOffer } from "../src/messages.gen.ts";
import type { LinkState } from "../src/state.ts";

/** A socket to nowhere: the test is the server. */
class FakeSocket {
  static made: FakeSocket[] = [];
  /** Addresses that the browser refuses to open. */
  static forbidden = /^$/;
  binaryType = "blob";
  readyState = 0;
  sent: (string | Uint8Array)[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;

  constructor(readonly url: string) {
    if (FakeSocket.forbidden.test(url)) {
      throw new DOMException("", "SecurityError");
    }
    FakeSocket.made.push(this);
  }

  send(frame: string | Uint8Array): void {
    this.sent.push(frame);
  }

  close(): void {
    this.readyState = 2;
  }

  /** The server takes the connection, and says these frames. */
  accept(...frames: (object | string)[]): void {
    this.readyState = 1;
    this.onopen?.();
    for (const frame of frames) {
      this.say(frame);
    }
  }

  say(frame: object | string): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  /** The connection ends; without `accept` before, nobody listened. */
  end(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const OFFER: SocketOffer = {
  client: "me",
  port: 4321,
  token: "t1",
  proof: "p1",
  page: "/w1/",
  page_token: "pt1",
  reason: "",
};
const NEXT = { token: "t2", proof: "p2" };
const DIRECT = "ws://127.0.0.1:4321/w1/socket";
const TICK_MS = 250;
const BEAT = { lane: "control", kind: "heartbeat" };

class Rig {
  now = 1000;
  comm: object[] = [];
  heard: unknown[] = [];
  asked: string[] = [];
  broken: string[] = [];
  /** By which session another link is let in, where this one has to make way. */
  others: string[] = [];
  states: LinkState[] = [];
  /** How often the way changed. */
  changes = 0;
  /** Whether the kernel's heartbeat comes over the comm. */
  alive = true;
  /** Where it knocked, and what it finds there. */
  knocks: string[] = [];
  found: Found | Promise<Found> = "here";
  readonly link: Link;

  constructor(page: PageServer | null = null) {
    this.link = new Link(
      page ? null : (content) => this.comm.push(content),
      {
        onMessage: (content) => this.heard.push(content),
        onChanged: () => {
          this.changes += 1;
        },
        onState: (state) => this.states.push(state),
        onAsk: (origin) => this.asked.push(origin),
        onBroken: (proof) => this.broken.push(proof),
        onOther: (session) => this.others.push(session),
      },
      () => this.now,
      page,
      async (url) => {
        this.knocks.push(url);
        return this.found;
      },
    );
  }

  /** Time passes, tick by tick; a socket that is `beating` brings the kernel's heartbeat. */
  async pass(ms: number, beating: FakeSocket | null = null, tick = TICK_MS): Promise<void> {
    for (let left = ms; left > 0; left -= tick) {
      this.now += Math.min(tick, left);
      beating?.say(BEAT);
      if (this.alive) {
        this.link.heardOnComm();
      }
      this.link.tick();
      await settle();
    }
  }

  async offer(change: Partial<SocketOffer> = {}): Promise<void> {
    this.link.offer({ ...OFFER, ...change });
    await settle();
  }

  /** A card whose socket is open. */
  async connect(): Promise<FakeSocket> {
    this.link.begin("me");
    await this.offer();
    newest().accept({ proof: "p1", next: NEXT });
    expect(this.link.state.way).toBe("socket");
    return newest();
  }
}

const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) {
    await Promise.resolve();
  }
};
const newest = () => FakeSocket.made.at(-1)!;
const opened = () => FakeSocket.made.map(({ url }) => url);

/** Where the page comes from, what Jupyter's page says of its server, and what the person has allowed it. */
function visit(href: string, server: object | null = { baseUrl: "/" }, granted: string[] = []): void {
  const url = new URL(href);
  vi.stubGlobal("location", url);
  vi.stubGlobal("origin", url.origin);
  vi.stubGlobal("document", {
    getElementById: (id: string) =>
      server && id === "jupyter-config-data" ? { textContent: JSON.stringify(server) } : null,
  });
  const query = async ({ name }: { name: string }) => {
    if (!["loopback-network", "local-network-access"].includes(name)) {
      throw new TypeError(name);
    }
    return { state: granted.includes(name) ? "granted" : "prompt" };
  };
  vi.stubGlobal("navigator", { permissions: { query } });
}

const WITH_PROXY = {
  baseUrl: "/user/ada/",
  federated_extensions: [{ name: "@jupyter-widgets/manager" }, { name: "@jupyterhub/jupyter-server-proxy" }],
};

beforeEach(() => {
  FakeSocket.made = [];
  FakeSocket.forbidden = /^$/;
  vi.stubGlobal("WebSocket", FakeSocket);
  visit("http://localhost:8888/lab");
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("frames", () => {
  it("are JSON, or its length, the JSON and the bytes", () => {
    expect(pack({ kind: "é" }, [])).toBe('{"kind":"é"}');
    const frame = pack({ kind: "é" }, [Uint8Array.from([1, 2, 3]).buffer]) as Uint8Array<ArrayBuffer>;
    expect([...frame.subarray(0, 4)]).toEqual([13, 0, 0, 0]);
    const { content, buffers } = unpack(frame.buffer);
    expect(content).toEqual({ kind: "é" });
    const view = buffers[0] as DataView;
    expect([...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)]).toEqual([1, 2, 3]);
  });

  it("that cannot be read do not end the socket", async () => {
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const rig = new Rig();
    const socket = await rig.connect();
    socket.say("{");
    socket.say(BEAT);
    expect(rig.heard).toEqual([BEAT]);
    expect(report).toHaveBeenCalledOnce();
    report.mockRestore();
  });
});

describe("addresses", () => {
  const none = { baseUrl: "/", hasProxy: false };
  const proxy = { baseUrl: "/user/ada/", hasProxy: true };
  const proxied = "wss://hub.example.org/user/ada/proxy/4321/w1/socket";
  it.each([
    ["http://localhost:8888/lab", none, false, [DIRECT]],
    ["http://127.0.0.1:8888/lab", none, false, [DIRECT]],
    ["http://[::1]:8888/lab", none, false, [DIRECT]],
    ["https://localhost:8888/lab", null, false, [DIRECT]],
    ["https://hub.example.org/user/ada/lab", none, false, []],
    ["https://hub.example.org/user/ada/lab", null, false, []],
    ["https://localhost.example.org/lab", none, false, []],
    ["https://hub.example.org/user/ada/lab", proxy, false, [proxied]],
    ["https://hub.example.org/user/ada/lab", proxy, true, [proxied, DIRECT]],
    ["https://hub.example.org/user/ada/lab", none, true, [DIRECT]],
    // The end of an ssh -L, perhaps: the proxy is right wherever the kernel is, and leaves no red line.
    [
      "http://localhost:8888/lab",
      proxy,
      false,
      ["ws://localhost:8888/user/ada/proxy/4321/w1/socket", DIRECT],
    ],
  ])("of a page at %s with %j, loopback allowed: %s", (href, server, allowed, expected) => {
    const found = socketAddresses(4321, "/w1/socket", new URL(href), server, allowed);
    expect(found.map(({ url }) => url)).toEqual(expected);
  });
});

describe("a card", () => {
  it("uses the comm, and looks for a socket only once the kernel has welcomed it", async () => {
    const rig = new Rig();
    rig.link.send({ kind: "hello" }, []);
    await rig.offer();
    await rig.pass(60_000);
    expect(rig.comm).toEqual([{ kind: "hello" }]);
    expect(rig.asked).toEqual([]);
    expect(opened()).toEqual([]);
    rig.link.begin("me");
    rig.link.begin("me");
    expect(rig.asked).toEqual(["http://localhost:8888"]);
    rig.link.send({ kind: "start" }, []);
    expect(rig.comm).toHaveLength(2);
  });

  it("sends the token first, and nothing else until the proof has come", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    const socket = newest();
    expect(socket.url).toBe(DIRECT);
    expect(socket.binaryType).toBe("arraybuffer");
    socket.accept();
    rig.link.send({ lane: "microphone" }, [new ArrayBuffer(4)]);
    expect(socket.sent.map((frame) => JSON.parse(String(frame)))).toEqual([
      { client: "me", tab: "", token: "t1" },
    ]);
    expect(rig.comm).toEqual([{ lane: "microphone" }]);
    expect(rig.changes).toBe(0);
    socket.say({ proof: "p1", next: NEXT });
    expect(rig.changes).toBe(1);
    rig.link.send({ lane: "microphone" }, [new ArrayBuffer(4)]);
    rig.link.send({ lane: "control" }, []);
    expect(rig.comm).toHaveLength(1);
    expect(socket.sent).toHaveLength(3);
    expect(rig.link.state).toEqual({ way: "socket", proxied: false, reason: "", says: "" });
  });

  it("leaves a stranger on that port before any sound is sent, and does not come back", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    newest().accept({ proof: "guessed", next: NEXT });
    expect(newest().readyState).toBe(2);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "stranger" });
    rig.link.send({ lane: "microphone" }, [new ArrayBuffer(4)]);
    expect(newest().sent).toHaveLength(1);
    expect(rig.comm).toEqual([{ lane: "microphone" }]);
    await rig.pass(10 * 60_000);
    expect(opened()).toEqual([DIRECT]);
    expect(rig.changes).toBe(0);
  });

  it.each(["hello", '"p1"', "null", "{}", '{"proof": 1}'])(
    "takes a server that says %s first for a stranger",
    async (frame) => {
      const rig = new Rig();
      rig.link.begin("me");
      await rig.offer();
      newest().accept(frame);
      expect(rig.link.state).toMatchObject({ way: "comm", reason: "stranger" });
    },
  );

  it("shows a stranger's port no second token, but tries the other address with a new one", async () => {
    visit("http://localhost:8888/lab", WITH_PROXY);
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    newest().accept({ proof: "guessed" });
    expect(opened()).toHaveLength(1);
    await rig.pass(1000);
    expect(rig.asked).toHaveLength(2);
    await rig.offer({ token: "t9", proof: "p9" });
    expect(opened().at(-1)).toBe(DIRECT);
    newest().accept({ proof: "p9", next: null });
    expect(rig.link.state.way).toBe("socket");
  });

  it("knocks first, and opens no socket where nobody answers as this kernel's server", async () => {
    const rig = new Rig();
    rig.found = "nobody";
    rig.link.begin("me");
    await rig.offer();
    expect(rig.knocks).toEqual(["http://127.0.0.1:4321/w1/here"]);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
    await rig.pass(10 * 60_000);
    expect(opened(), "it would be a red line in the console").toEqual([]);
    expect(rig.knocks).toHaveLength(1);
  });

  it("knocks again, now and then, where a busy kernel did not answer in time", async () => {
    const rig = new Rig();
    rig.found = "silence";
    rig.link.begin("me");
    await rig.offer();
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
    rig.found = "here";
    await rig.pass(1000);
    await rig.offer({ token: "t9", proof: "p9" });
    newest().accept({ proof: "p9", next: null });
    expect(rig.link.state.way).toBe("socket");
  });

  it("waits for the answer before anything else is tried, and opens nothing after its end", async () => {
    const rig = new Rig();
    let answer = (_: Found) => {};
    rig.found = new Promise((done) => {
      answer = done;
    });
    rig.link.begin("me");
    await rig.offer();
    expect(rig.link.state.way).toBe("opening");
    rig.link.refresh();
    await rig.offer({ token: "t9" });
    await rig.pass(3000);
    expect([rig.knocks.length, opened().length]).toEqual([1, 0]);
    rig.link.dispose();
    answer("here");
    await settle();
    expect(opened()).toEqual([]);
  });

  it("knocks too before it comes back: the kernel may have ended with the socket", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(2000, socket);
    rig.found = "nobody";
    socket.end(1006);
    await rig.pass(250);
    expect([rig.knocks.length, opened().length]).toEqual([2, 1]);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "broken" });
  });

  it("does not knock where jupyter-server-proxy is: it takes every socket", async () => {
    visit("https://hub.example.org/user/ada/lab", WITH_PROXY);
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    expect([rig.knocks.length, opened().length]).toEqual([0, 1]);
  });

  it("never tries a port again where nobody listened", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    newest().end();
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
    await rig.pass(10 * 60_000);
    await rig.offer({ token: "t9" });
    expect(opened(), "each one would be a red line in the console").toEqual([DIRECT]);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
  });

  it("does not knock on this computer from a page elsewhere, unless the person has allowed it", async () => {
    visit("https://hub.example.org/user/ada/lab");
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    await rig.pass(10 * 60_000);
    expect(opened()).toEqual([]);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "unreachable" });
    for (const permission of ["loopback-network", "local-network-access"]) {
      visit("https://hub.example.org/user/ada/lab", null, [permission]);
      const allowed = new Rig();
      allowed.link.begin("me");
      await allowed.offer();
      expect(newest().url, permission).toBe(DIRECT);
    }
  });

  it("goes through jupyter-server-proxy where that is installed, and only there", async () => {
    visit("https://hub.example.org/user/ada/lab", WITH_PROXY);
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    expect(opened()).toEqual(["wss://hub.example.org/user/ada/proxy/4321/w1/socket"]);
    newest().accept({ proof: "p1", next: NEXT });
    expect(rig.link.state).toEqual({ way: "socket", proxied: true, reason: "", says: "" });
  });

  it("tries the port itself where the proxy does not lead to it", async () => {
    visit("http://localhost:8888/lab", WITH_PROXY);
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    const proxied = newest();
    proxied.accept();
    proxied.end(1006);
    await settle();
    expect(opened().at(-1)).toBe(DIRECT);
    newest().accept({ proof: "p1", next: NEXT });
    expect(rig.link.state).toMatchObject({ way: "socket", proxied: false });
  });

  it("stays with the comm where the browser throws at the address", async () => {
    FakeSocket.forbidden = /^ws:/;
    visit("https://localhost:8888/lab");
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
    rig.link.send({ kind: "text" }, []);
    expect(rig.comm).toHaveLength(1);
  });

  it("names its origin exactly as the browser does, and asks for nothing without one", () => {
    const rig = new Rig();
    vi.stubGlobal("origin", "null");
    rig.link.begin("me");
    expect(rig.asked).toEqual([]);
    expect(rig.link.state.reason).toBe("unreachable");
  });

  it.each(["off", "unavailable"] as const)("says so where there is no socket: %s", async (reason) => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer({ port: 0, reason });
    expect(rig.link.state).toMatchObject({ way: "comm", reason });
    await rig.pass(60_000);
    expect(opened()).toEqual([]);
  });

  it("takes no offer that is for another page, or that it did not ask for", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer({ client: "other" });
    expect(opened()).toEqual([]);
    await rig.offer();
    newest().end();
    await rig.offer({ token: "t9" });
    expect(opened()).toEqual([DIRECT]);
  });

  it("asks again for an offer that was lost, while the kernel answers and not otherwise", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.pass(12_000);
    expect(rig.asked).toHaveLength(2);
    rig.alive = false;
    await rig.pass(120_000);
    expect(rig.asked).toHaveLength(2);
    rig.alive = true;
    await rig.pass(1000);
    expect(rig.asked).toHaveLength(3);
  });
});

describe("a socket that breaks", () => {
  it("is left for the comm within two seconds of silence, and the kernel is told which it was", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(5000, socket);
    expect(rig.link.state.way).toBe("socket");
    await rig.pass(1500);
    expect(rig.link.state.way, "three heartbeats may be late").toBe("socket");
    await rig.pass(250);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "broken" });
    expect(rig.broken).toEqual(["p1"]);
    expect(rig.changes).toBe(2);
    rig.link.send({ kind: "played" }, []);
    expect(rig.comm).toEqual([{ kind: "played" }]);
    socket.say({ kind: "late" });
    expect(rig.heard).not.toContainEqual({ kind: "late" });
  });

  it("is followed by another with the spare token, without the comm", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    rig.alive = false;
    await rig.pass(2000, socket);
    socket.end(1006);
    expect(rig.link.state.way).toBe("comm");
    await rig.pass(250);
    expect(rig.asked).toHaveLength(1);
    newest().accept({ proof: "p2", next: { token: "t3", proof: "p3" } });
    expect(JSON.parse(String(newest().sent[0])).token).toBe("t2");
    expect(rig.link.state.way).toBe("socket");
    expect(rig.changes).toBe(3);
    await rig.pass(2000, newest());
    newest().end(1006);
    expect(rig.broken, "each break names its own socket").toEqual(["p1", "p2"]);
  });

  it.each([1001, 1011, 1012, 1008, 1013])("waits for the comm after %d", async (code) => {
    const rig = new Rig();
    const socket = await rig.connect();
    // While all have sockets, nothing comes over the comm.
    rig.alive = false;
    await rig.pass(2000, socket);
    socket.end(code);
    await rig.pass(60_000);
    expect(opened(), "the kernel closed it itself: its spare token is void").toHaveLength(1);
    expect(rig.asked, "the comm is silent as well").toHaveLength(1);
    rig.alive = true;
    await rig.pass(2000);
    expect(rig.asked).toHaveLength(2);
    await rig.offer({ token: "t9", proof: "p9" });
    newest().accept({ proof: "p9", next: null });
    expect(rig.link.state.way).toBe("socket");
  });

  it("asks over the comm where the spare token is refused, and shows it to nobody again", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(2000, socket);
    socket.end();
    await rig.pass(250);
    newest().accept({ error: "This address was used already." });
    await rig.pass(1000);
    expect(rig.asked).toHaveLength(2);
    await rig.offer({ token: "t9", proof: "p9" });
    expect(opened()).toHaveLength(3);
    newest().accept();
    expect(JSON.parse(String(newest().sent[0])).token).toBe("t9");
  });

  it("is tried less and less often where none lasts", async () => {
    const rig = new Rig();
    await rig.connect();
    for (let minute = 0; minute < 10 * 60_000; minute += 250) {
      const socket = newest();
      if (socket.readyState === 0) {
        const proof = FakeSocket.made.length === 1 ? "p1" : `p${FakeSocket.made.length}`;
        const number = FakeSocket.made.length + 1;
        socket.accept({ proof, next: { token: `t${number}`, proof: `p${number}` } });
      }
      if (socket.readyState === 1) {
        socket.end();
      }
      await rig.pass(250);
    }
    expect(FakeSocket.made.length).toBeGreaterThan(4);
    expect(FakeSocket.made.length).toBeLessThan(20);
  });

  it("is given up when the kernel does not say who it is", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    newest().accept();
    await rig.pass(4500);
    expect(rig.link.state.way).toBe("opening");
    await rig.pass(750);
    expect(newest().readyState).toBe(2);
    expect(rig.link.state).toMatchObject({ way: "comm", reason: "refused" });
  });
});

describe("a page that is not seen", () => {
  it("does not take a socket for broken because its own timers are slow", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(60_000, socket, 1000);
    await rig.pass(10 * 60_000, socket, 60_000);
    expect(rig.link.state.way).toBe("socket");
  });

  it("lets what came while it stood still come in before it looks", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(3_600_000, null, 3_600_000);
    expect(rig.link.state.way).toBe("socket");
    socket.say(BEAT);
    await rig.pass(1000);
    expect(rig.link.state.way).toBe("socket");
    await rig.pass(3_600_000, null, 3_600_000);
    await rig.pass(1000);
    expect(rig.link.state.way, "nothing came: it is broken").toBe("comm");
  });
});

describe("what an offer gives besides", () => {
  it("is asked anew before it grows old, and gives another spare token", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    await rig.pass(45 * 60_000 + 500, socket);
    expect(rig.asked).toHaveLength(2);
    await rig.offer({ token: "t9", proof: "p9", page_token: "pt9" });
    expect(rig.link.browserPage?.token).toBe("pt9");
    expect(opened()).toHaveLength(1);
    socket.end();
    await rig.pass(250);
    newest().accept();
    expect(JSON.parse(String(newest().sent[0])).token).toBe("t9");
  });

  it("is asked anew when the address of the page was used", async () => {
    const rig = new Rig();
    await rig.connect();
    rig.link.refresh();
    expect(rig.asked).toHaveLength(2);
    expect(rig.link.state.way).toBe("socket");
  });
});

describe("a page without a notebook", () => {
  const server = (...answers: (string | null)[]): PageServer & { asked: number } => ({
    url: "ws://127.0.0.1:4321/socket",
    tab: "tab1",
    asked: 0,
    async admit() {
      this.asked += 1;
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer === null) {
        throw new TypeError("silent");
      }
      return answer;
    },
  });

  it("opens its own socket without token and takes any proof", async () => {
    const rig = new Rig(server(""));
    rig.link.send({ kind: "hello" }, []);
    rig.link.begin("me");
    await settle();
    newest().accept({ proof: "x", next: null });
    expect(JSON.parse(String(newest().sent[0]))).toEqual({ client: "me", tab: "tab1", token: "" });
    expect(rig.link.state).toMatchObject({ way: "socket", reason: "" });
    expect(rig.changes, "the hello goes again").toBe(1);
    expect(rig.asked).toEqual([]);
  });

  it("comes back when the socket breaks, and asks the server whether it may", async () => {
    const page = server(null, null, "");
    const rig = new Rig(page);
    rig.link.begin("me");
    await settle();
    newest().accept({ proof: "x", next: null });
    await rig.pass(2000, newest());
    newest().end();
    expect(rig.link.state).toMatchObject({ way: "none", reason: "broken" });
    await rig.pass(1500);
    expect(opened(), "the server is silent").toHaveLength(1);
    await rig.pass(2000);
    expect(opened()).toHaveLength(2);
    newest().accept({ proof: "x", next: null });
    expect(rig.link.state.way).toBe("socket");
    expect(rig.broken).toEqual([]);
  });

  it("says what the server says when it is refused, and leaves it at that", async () => {
    const rig = new Rig(server("This address has expired."));
    rig.link.begin("me");
    await settle();
    newest().accept({ error: "This page was closed." });
    newest().end(1008);
    expect(rig.link.state).toMatchObject({ way: "none", reason: "refused", says: "This page was closed." });
    await rig.pass(60_000);
    expect(opened()).toHaveLength(1);
    rig.link.retry();
    await rig.pass(1000);
    expect(rig.link.state.says, "the person tried again").toBe("This address has expired.");
    const later = new Rig(server("This address has expired."));
    later.link.begin("me");
    await settle();
    newest().accept({ proof: "x", next: null });
    newest().end();
    await later.pass(1000);
    expect(later.link.state).toMatchObject({ reason: "refused", says: "This address has expired." });
  });

  it("makes way for another where the server has another conversation for it", async () => {
    const rig = new Rig(server(""));
    rig.link.begin("me");
    await settle();
    newest().accept({ proof: "one", next: NEXT });
    newest().end();
    await rig.pass(1000);
    newest().accept({ proof: "one", next: NEXT });
    expect([rig.link.state.way, rig.others]).toEqual(["socket", []]);
    newest().end(1012);
    await rig.pass(1000);
    const socket = newest();
    socket.accept({ proof: "two", next: { token: "t3", proof: "" } });
    expect(rig.others).toEqual(["t3"]);
    expect(socket.readyState, "it is left").toBe(2);
    await rig.pass(60_000);
    expect(newest()).toBe(socket);
  });

  it("says that the program has ended, and comes back if it does", async () => {
    const rig = new Rig(server(null, null, null, ""));
    rig.link.begin("me");
    await settle();
    newest().accept({ proof: "x", next: null });
    newest().end(1001);
    expect(rig.link.state).toMatchObject({ way: "none", reason: "ended" });
    await rig.pass(1750);
    expect(rig.link.state.reason, "silence says nothing new").toBe("ended");
    await rig.pass(2000);
    newest().accept({ proof: "x", next: null });
    expect(rig.link.state.way).toBe("socket");
  });
});

describe("the end", () => {
  it("closes the socket, and nothing comes of it any more", async () => {
    const rig = new Rig();
    const socket = await rig.connect();
    rig.link.dispose();
    expect(socket.readyState).toBe(2);
    socket.say(BEAT);
    socket.end();
    await rig.pass(60_000);
    await rig.offer();
    expect(rig.heard).toEqual([]);
    expect(opened()).toHaveLength(1);
    expect(rig.changes).toBe(1);
  });
});

describe("the server of a page", () => {
  const asked: [string, RequestInit][] = [];
  let answer: Response;

  beforeEach(() => {
    asked.length = 0;
    answer = new Response(null, { status: 204 });
    vi.stubGlobal("fetch", async (url: string, options: RequestInit) => {
      asked.push([url, options]);
      return answer;
    });
  });

  it("is where the page came from, with the page's own query", () => {
    visit("https://example.org/talk/?lang=de");
    expect(pageServer().url).toBe("wss://example.org/talk/socket?lang=de");
  });

  it("is shown the token once, and then the cookie alone", async () => {
    const server = pageServer();
    expect(await server.admit("secret")).toBe("");
    expect(await server.admit()).toBe("");
    expect(asked.map(([url, { headers, cache }]) => [url, headers, cache])).toEqual([
      ["http://localhost:8888/session", { Authorization: "Bearer secret" }, "no-store"],
      ["http://localhost:8888/session", {}, "no-store"],
    ]);
  });

  it("says why it does not let a page in; a failure is no answer", async () => {
    answer = new Response("This address was used before.", { status: 403 });
    expect(await pageServer().admit("secret")).toBe("This address was used before.");
    answer = new Response("", { status: 403 });
    expect(await pageServer().admit()).toContain("may not join");
    answer = new Response("oh", { status: 502 });
    await expect(pageServer().admit()).rejects.toThrow();
  });

  it("keeps the tab's name over a reload, and does without storage", () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    });
    const { tab } = pageServer();
    expect(tab).toMatch(/^[0-9a-f]{16}$/);
    expect(pageServer().tab).toBe(tab);
    vi.stubGlobal("sessionStorage", {
      getItem: () => {
        throw new DOMException("", "SecurityError");
      },
    });
    expect(pageServer().tab).not.toBe(tab);
  });

  it("never sees the token in the address again", () => {
    const replaced: string[] = [];
    vi.stubGlobal("history", { replaceState: (_: unknown, __: string, to: string) => replaced.push(to) });
    visit("http://127.0.0.1:4321/w1/?a=1#secret");
    expect(takeToken()).toBe("secret");
    expect(replaced).toEqual(["/w1/?a=1"]);
    visit("http://127.0.0.1:4321/w1/");
    expect(takeToken()).toBe("");
    expect(replaced).toHaveLength(1);
  });
});

describe("the page for a browser", () => {
  const none = { baseUrl: "/", hasProxy: false };
  const proxy = { baseUrl: "/user/ada/", hasProxy: true };
  const here = "http://127.0.0.1:4321/w1/";
  it.each([
    ["http://localhost:8888/lab", none, true, { address: here, token: "pt1", port: 0 }],
    ["http://localhost:8888/lab", none, false, { address: here, token: "pt1", port: 4321 }],
    ["vscode-webview://1a2b/index.html", null, false, { address: here, token: "pt1", port: 4321 }],
    [
      "https://hub.example.org/user/ada/lab",
      proxy,
      false,
      { address: "https://hub.example.org/user/ada/proxy/4321/w1/", token: "pt1", port: 0 },
    ],
    // Through the proxy it would be as little secure as this page.
    ["http://hub.example.org/user/ada/lab", proxy, false, { address: here, token: "pt1", port: 4321 }],
  ])("from %s with %j, kernel here: %s", (href, server, reached, expected) => {
    expect(browserPage(OFFER, new URL(href), server, reached)).toEqual(expected);
  });

  it("is none without a port or a token", () => {
    const page = new URL("http://localhost:8888/lab");
    expect(browserPage({ ...OFFER, port: 0 }, page, none, true)).toBeNull();
    expect(browserPage({ ...OFFER, page_token: "" }, page, none, true)).toBeNull();
  });

  it("needs its port connected where nobody listens at it on this computer", async () => {
    const rig = new Rig();
    rig.link.begin("me");
    await rig.offer();
    expect(rig.link.browserPage?.port).toBe(0);
    newest().end();
    expect(rig.link.browserPage?.port).toBe(4321);
  });
});
