// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  LiveCardElement,
  type LiveCardError,
  type LiveCardState,
  type LiveCardTurn,
} from "../src/element.ts";
import { answers, fetched, installServer, newest, pass, ServedSocket } from "./card-server.ts";

const opened = () => ServedSocket.made;
const shown = (card: LiveCardElement) => card.shadowRoot!.textContent!;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance", "Date"],
  });
  installServer();
  document.body.replaceChildren();
});

afterEach(async () => {
  document.body.replaceChildren();
  await pass(10);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A card in the page, with what it told. */
async function put(attributes: Record<string, string> = {}) {
  const card = document.createElement("live-card");
  const told = {
    turns: [] as LiveCardTurn[],
    states: [] as LiveCardState[],
    errors: [] as LiveCardError[],
  };
  card.addEventListener("turn", ({ detail }) => told.turns.push(detail));
  card.addEventListener("state", ({ detail }) => told.states.push(detail));
  card.addEventListener("error", ({ detail }) => told.errors.push(detail));
  for (const [name, value] of Object.entries(attributes)) {
    card.setAttribute(name, value);
  }
  document.body.append(card);
  await pass(1);
  return { card, ...told };
}

const URL_ = "https://talk.example/live/";

/** A card that was let in. */
async function talking(attributes: Record<string, string> = { url: URL_, token: "t1" }) {
  const made = await put(attributes);
  newest().admit();
  await pass(1);
  return made;
}

describe("<live-card>", () => {
  it("shows the card in a root of its own, with its style, and opens the socket of its server with its token", async () => {
    const { card, states } = await talking();
    expect(card).toBeInstanceOf(LiveCardElement);
    expect(card.shadowRoot!.querySelector(".livewidget .lw-microphone")).not.toBeNull();
    expect(card.shadowRoot!.adoptedStyleSheets).toHaveLength(1);
    expect(document.querySelectorAll("style, .livewidget")).toHaveLength(0);
    expect(newest().url).toBe("wss://talk.example/live/socket");
    expect(newest().opening).toMatchObject({ token: "t1", card: true });
    expect(fetched).toEqual(["https://talk.example/live/here"]);
    expect(states.at(-1)).toMatchObject({ connected: true, phase: "idle", floor: "listening" });
    expect(card.state).toEqual(states.at(-1));
  });

  it.each([
    ["/live", "ws://localhost:3000/live/socket"],
    ["live/?lang=de#x", "ws://localhost:3000/shop/live/socket?lang=de"],
    ["wss://talk.example", "wss://talk.example/socket"],
    ["http://127.0.0.1:8000/live", "ws://127.0.0.1:8000/live/socket"],
  ])("takes %s for the address of a server", async (url, socket) => {
    (window as unknown as { happyDOM: { setURL(url: string): void } }).happyDOM.setURL(
      "http://localhost:3000/shop/",
    );
    await put({ url });
    expect(newest().url).toBe(socket);
  });

  it("does nothing without a url, and says so to who calls it", async () => {
    const { card } = await put();
    expect(opened()).toHaveLength(0);
    expect(shown(card)).toBe("");
    expect(() => card.start()).toThrow(/has to be in the page/);
    expect(() => document.createElement("live-card").say("Hello")).toThrow(DOMException);
    card.url = URL_;
    await pass(1);
    expect(opened()).toHaveLength(1);
  });

  it("takes what it was given before its class was there", async () => {
    class Later extends LiveCardElement {}
    const early = document.createElement("live-later") as LiveCardElement;
    Object.assign(early, { url: URL_, token: () => "early" });
    document.body.append(early);
    customElements.define("live-later", Later);
    customElements.upgrade?.(document.body);
    await pass(1);
    const card = document.querySelector("live-later")!;
    expect(card.getAttribute("url")).toBe(URL_);
    expect(newest().opening.token).toBe("early");
  });

  it("asks for a cookie where it has no token and the server is the page's own", async () => {
    await put({ url: "/live/" });
    expect(fetched.map((url) => new URL(url).pathname)).toEqual(["/live/here", "/live/session"]);
    await put({ url: URL_ });
    expect(fetched.slice(2)).toEqual([`${URL_}here`]);
    fetched.length = 0;
    for (const card of [document.createElement("live-card"), document.createElement("live-card")]) {
      card.url = "/live/";
      document.body.append(card);
    }
    await pass(10);
    const asked = fetched.filter((url) => url.endsWith("/session"));
    expect(asked, "two answers would bring two cookies, of which one stays").toHaveLength(1);
  });

  it("does what its methods say, also at once after it was put into the page", async () => {
    const card = document.createElement("live-card");
    card.url = URL_;
    document.body.append(card);
    card.say("Hello");
    await pass(1);
    newest().admit();
    await pass(1);
    newest().state({ phase: "live" });
    await pass(1);
    card.interrupt();
    card.stop();
    const kinds = newest().asked.map(({ kind }) => kind);
    for (const kind of ["start", "text", "interrupt", "stop"]) {
      expect(kinds).toContain(kind);
    }
    expect(newest().asked.find(({ kind }) => kind === "text")!.body).toEqual({ text: "Hello" });
    expect(newest().asked.find(({ kind }) => kind === "start")!.body).toEqual({ microphone: false });
    card.start();
    expect(
      newest()
        .asked.filter(({ kind }) => kind === "start")
        .at(-1)!.body,
    ).toEqual({ microphone: true });
  });
});

describe("its events", () => {
  it("tell each turn as it goes on, once for each change", async () => {
    const { card, turns } = await talking();
    newest().turn({ index: 1, speaker: "user", interim: "What ti", final: false });
    await pass(1);
    newest().turn({
      index: 1,
      speaker: "user",
      spans: [{ text: "What time is it?", sample: 0 }],
      final: true,
    });
    newest().turn({
      index: 1,
      speaker: "user",
      spans: [{ text: "What time is it?", sample: 0 }],
      final: true,
    });
    await pass(1);
    newest().state({ phase: "live" });
    await pass(1);
    expect(turns.map(({ index, text, complete }) => [index, text, complete])).toEqual([
      [1, "What ti", false],
      [1, "What time is it?", true],
    ]);
    const spans = [
      { text: "It is noon", sample: 0 },
      { text: " in Berlin.", sample: 48_000 },
    ];
    newest().turn({
      index: 2,
      speaker: "model",
      spans,
      final: true,
      interrupted: true,
      heard_sample: 30_000,
    });
    await pass(1);
    expect(turns.at(-1)).toMatchObject({ index: 2, text: "It is noon", interrupted: true, tools: [] });
    expect(card.turns.map(({ index }) => index)).toEqual([1, 2]);
    // The server was started again: its conversation has no turns yet.
    newest().end();
    await pass(500);
    newest().admit();
    await pass(1);
    expect(card.turns).toEqual([]);
  });

  it("tell what a call of a function came to", async () => {
    const { turns } = await talking();
    const call = {
      id: "1",
      name: "light",
      args: 'room="kitchen"',
      result: '"on"',
      error: null,
      duration_ms: 3,
      state: "done" as const,
      updates: [],
      arguments: [],
      remote: false,
      agent: "",
    };
    newest().turn({ index: 1, speaker: "model", agent: "", tools: [call], final: false });
    await pass(1);
    expect(turns[0]!.tools).toEqual([
      {
        name: "light",
        arguments: 'room="kitchen"',
        result: '"on"',
        error: null,
        state: "done",
        remote: false,
        agent: "",
      },
    ]);
    expect(turns[0]!.agent).toBe("");
    // The conversation was handed over to another agent, which has a function of its own.
    const theirs = { ...call, remote: true, agent: "kitchen" };
    newest().turn({ index: 2, speaker: "model", agent: "kitchen", tools: [theirs] });
    await pass(1);
    expect(turns[1]).toMatchObject({ agent: "kitchen", tools: [{ remote: true, agent: "kitchen" }] });
  });

  it("tell what is wrong, once, and not what is only said", async () => {
    const { errors } = await talking();
    newest().tell("notice", { level: "info", code: "x", text: "All is well." });
    newest().tell("notice", { level: "error", code: "key-refused", text: "The key was refused." });
    await pass(1);
    newest().turn({ index: 1 });
    await pass(1);
    expect(errors).toEqual([{ code: "key-refused", message: "The key was refused.", level: "error" }]);
  });
});

describe("its life in the page", () => {
  it("goes on when the card is moved", async () => {
    const { card } = await talking();
    const box = document.body.appendChild(document.createElement("div"));
    box.append(card);
    await pass(10);
    document.body.prepend(card);
    await pass(10);
    expect(opened()).toHaveLength(1);
    expect(newest().closed).toBe(false);
    expect(newest().asked.map(({ kind }) => kind)).not.toContain("bye");
  });

  it("ends when the card is taken out, and tells the server before the socket is closed", async () => {
    const { card, states } = await talking();
    newest().state({ phase: "live" });
    await pass(1);
    expect(card.state.phase).toBe("live");
    const socket = newest();
    card.remove();
    await pass(1);
    expect(socket.asked.at(-1)!.kind).toBe("bye");
    expect(socket.closed).toBe(true);
    expect(shown(card)).toBe("");
    expect(states.at(-1)).toMatchObject({ connected: false, phase: "idle" });
    const said = socket.sent.length;
    await pass(60_000);
    expect(socket.sent).toHaveLength(said);
    expect(opened()).toHaveLength(1);
    document.body.append(card);
    await pass(1);
    expect(opened(), "it begins anew").toHaveLength(2);
  });

  it("puts no style into the page around it", async () => {
    await talking();
    newest().tell("welcome", {
      client: newest().opening.client,
      transcript_class: "livewidget-transcript-1",
    });
    await pass(1);
    expect(document.querySelectorAll("style")).toHaveLength(0);
  });

  it("is a new one with another url, and the same with another token", async () => {
    const { card } = await talking();
    card.token = "t2";
    card.setAttribute("token", "t3");
    await pass(1000);
    expect(opened()).toHaveLength(1);
    card.url = "https://talk.example/other/";
    await pass(1);
    expect(opened()[0]!.closed).toBe(true);
    expect(newest().url).toBe("wss://talk.example/other/socket");
    expect(newest()).not.toBe(opened()[0]);
  });

  it("gives each card of a page a place of its own, and the same again after a reload", async () => {
    const [one] = [await talking(), await talking()];
    const [first, second] = opened().map(({ opening }) => opening.tab);
    expect(first).not.toBe(second);
    one.card.remove();
    await pass(1);
    await talking();
    expect(newest().opening.tab).toBe(first);
  });
});

describe("its server", () => {
  it("lets it come back by the session it gave, and by a new token where that is over", async () => {
    const { card } = await talking();
    let tokens = 0;
    card.token = async () => `fresh ${++tokens}`;
    newest().end();
    await pass(500);
    expect(opened()).toHaveLength(2);
    expect(newest().opening.token).toBe("session");
    newest().admit("session 2");
    await pass(1);
    expect(card.state.connected).toBe(true);
    // The server was started again: it knows no session.
    newest().end(1012);
    await pass(1000);
    expect(newest().opening.token).toBe("session 2");
    newest().refuse("This card's token was used before.");
    await pass(1500);
    expect(newest().opening.token).toBe("fresh 1");
    // It has another conversation, of which this page's numbers and words are not: it begins anew there.
    const { client, tab } = newest().opening;
    newest().admit("session 3", "two");
    await pass(10);
    expect(newest().opening).toMatchObject({ token: "session 3", tab, card: true });
    expect(newest().opening.client).not.toBe(client);
    newest().admit("session 3", "two");
    await pass(1);
    expect([card.state.connected, tokens]).toEqual([true, 1]);
    expect(card.shadowRoot!.querySelectorAll(".livewidget")).toHaveLength(1);
    newest().end();
    await pass(500);
    expect(newest().opening.token).toBe("session 3");
  });

  it("refuses a used token in one sentence, where the person looks, until there is another", async () => {
    const { card, errors } = await put({ url: URL_, token: "used" });
    newest().refuse("This card's token was used before, or is too old.");
    await pass(3000);
    expect(shown(card)).toContain("This card's token was used before, or is too old.");
    expect(errors).toEqual([
      { code: "refused", message: "This card's token was used before, or is too old.", level: "error" },
    ]);
    await pass(60_000);
    expect(opened(), "it leaves it at that").toHaveLength(1);
    card.setAttribute("token", "new");
    await pass(500);
    expect(newest().opening.token).toBe("new");
    newest().admit();
    await pass(1);
    expect(shown(card)).not.toContain("used before");
  });

  it.each([
    [404, "There is no conversation at https://talk.example/live/: check the url of this card."],
    [200, "There is no conversation at https://talk.example/live/: check the url of this card."],
    [403, "This server does not answer to this name."],
  ])("is told to be none where it answers %d", async (status, sentence) => {
    answers.of = () => new Response("This server does not answer to this name.", { status });
    const { card, errors } = await put({ url: URL_ });
    await pass(3000);
    expect(shown(card)).toContain(sentence);
    expect(errors).toEqual([{ code: "refused", message: sentence, level: "error" }]);
    expect(opened()).toHaveLength(0);
  });

  it("says which origin it has to name, where it takes pages of its own only", async () => {
    answers.of = () => new Response("Pages of other origins may not use this server.\n", { status: 403 });
    const { errors } = await put({ url: URL_ });
    await pass(3000);
    expect(errors[0]!.message).toBe(
      `Pages of other origins may not use this server. Whoever runs it can name this page's origin, ${location.origin}, in its origins.`,
    );
  });

  it("is waited for while it does not answer, or fails, and the card says where", async () => {
    answers.of = () => {
      throw new TypeError("Failed to fetch");
    };
    const { card, errors } = await put({ url: URL_ });
    await pass(6000);
    expect(shown(card)).toContain("No conversation answers at https://talk.example/live/.");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "unreachable", level: "warning" });
    answers.of = () => new Response("", { status: 502 });
    await pass(6000);
    expect(opened()).toHaveLength(0);
    answers.of = () => new Response(null, { status: 204 });
    await pass(6000);
    newest().admit();
    await pass(1);
    expect(card.state.connected).toBe(true);
    expect(shown(card)).not.toContain("No conversation answers");
  });

  it("is not reached without a token that is on its way", async () => {
    const { card, errors } = await put();
    let gives = false;
    card.token = async () => {
      if (!gives) {
        throw new Error("signed out");
      }
      return "t1";
    };
    card.url = URL_;
    await pass(6000);
    expect(opened()).toHaveLength(0);
    expect(errors[0]!.message).toMatch(/^This card gets no token from the page around it\./);
    expect(shown(card)).not.toContain("signed out");
    gives = true;
    await pass(6000);
    expect(newest().opening.token).toBe("t1");
  });

  it.each([
    ["http://", "This card's url is not an address: http://"],
    [
      "ftp://talk.example/",
      "This card's url begins with neither https:// nor http://, so it names no server.",
    ],
  ])("has an address, which %s is not", async (url, sentence) => {
    const { card, errors } = await put({ url });
    expect(shown(card)).toBe(sentence);
    expect(errors).toEqual([{ code: "url", message: sentence, level: "error" }]);
    card.url = URL_;
    await pass(1);
    expect(shown(card)).not.toContain(sentence);
    expect(opened()).toHaveLength(1);
  });

  it("is secure where the page is, unless it is on this computer", async () => {
    const { happyDOM } = window as unknown as { happyDOM: { setURL(url: string): void } };
    happyDOM.setURL("https://shop.example/");
    const { errors } = await put({ url: "http://talk.example/" });
    expect(errors[0]!.message).toMatch(/does not let it use http:\/\/talk\.example\. The card's url has to/);
    await put({ url: "http://127.0.0.1:8000/" });
    expect(opened()).toHaveLength(1);
    happyDOM.setURL("http://localhost:3000/");
  });

  it.each(["https://talk.example", "wss://talk.example"])(
    "is told to be kept away by the page's own policy: %s",
    async (blocked) => {
      answers.of = () => {
        const event = new Event("securitypolicyviolation");
        document.dispatchEvent(
          Object.assign(event, { effectiveDirective: "connect-src", blockedURI: `${blocked}/live/here` }),
        );
        throw new TypeError("Failed to fetch");
      };
      const { errors } = await put({ url: URL_ });
      await pass(6000);
      expect(errors.at(-1)).toMatchObject({
        code: "refused",
        message:
          "This page's Content-Security-Policy keeps the card from its server: its connect-src has to name https://talk.example and wss://talk.example.",
      });
    },
  );
});
