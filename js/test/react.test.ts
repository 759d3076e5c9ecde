// @vitest-environment happy-dom

import { act, createElement, createRef, type ReactNode, StrictMode, useEffect, useRef } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveCard, type LiveCardElement, type LiveCardTurn } from "../src/react.ts";
import { installServer, newest, pass, ServedSocket } from "./card-server.ts";

const URL_ = "https://talk.example/live/";
let root: Root;
let host: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance", "Date"],
  });
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  installServer();
  host = document.body.appendChild(document.createElement("div"));
  root = createRoot(host);
});

afterEach(async () => {
  act(() => root.unmount());
  await pass(10);
  host.remove();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Renders it in StrictMode, which mounts everything twice. */
async function show(node: ReactNode): Promise<void> {
  act(() => root.render(createElement(StrictMode, null, node)));
  await act(() => pass(10));
}

/** Says something as soon as it is there. */
function Greeting() {
  const card = useRef<LiveCardElement>(null);
  useEffect(() => card.current!.say("Hello"), []);
  return createElement(LiveCard, { url: URL_, ref: card });
}

describe("LiveCard", () => {
  it("begins one conversation and uses its token once, though StrictMode mounts it twice", async () => {
    let tokens = 0;
    const token = () => `t${++tokens}`;
    await show(createElement(LiveCard, { url: URL_, token, className: "talk", style: { height: "400px" } }));
    const card = host.querySelector("live-card")!;
    expect(card.className).toBe("talk");
    expect(card.style.height).toBe("400px");
    expect(card.hasAttribute("token"), "a token stands in no HTML").toBe(false);
    expect(ServedSocket.made).toHaveLength(1);
    expect(newest().opening.token).toBe("t1");
    newest().admit();
    await act(() => pass(1000));
    expect([ServedSocket.made.length, tokens]).toEqual([1, 1]);
  });

  it("calls the newest of its handlers, once for each event", async () => {
    const told: [string, unknown][] = [];
    const with_ = (name: string) =>
      createElement(LiveCard, {
        url: URL_,
        onTurn: (turn: LiveCardTurn) => told.push([name, turn.text]),
        onState: ({ phase }) => told.push([name, phase]),
        onError: ({ code }) => told.push([name, code]),
      });
    await show(with_("first"));
    newest().admit();
    await pass(1);
    told.length = 0;
    await show(with_("second"));
    newest().state({ phase: "live" });
    newest().turn({ index: 1, speaker: "model", spans: [{ text: "Hello.", sample: 0 }] });
    newest().tell("notice", { level: "warning", code: "slow", text: "It is slow." });
    await act(() => pass(1));
    expect(told.sort()).toEqual([
      ["second", "Hello."],
      ["second", "live"],
      ["second", "slow"],
    ]);
    expect(ServedSocket.made).toHaveLength(1);
  });

  it("gives its element to a ref, whose methods work from the first effect on", async () => {
    const ref = createRef<LiveCardElement>();
    await show([
      createElement(Greeting, { key: 1 }),
      createElement(LiveCard, { key: 2, url: `${URL_}other/`, ref }),
    ]);
    expect(ref.current).toBe(host.querySelectorAll("live-card")[1]);
    for (const socket of ServedSocket.made) {
      socket.admit();
    }
    await act(() => pass(1));
    const [first, second] = ServedSocket.made.map(({ asked }) => asked.map(({ kind }) => kind));
    expect(first).toContain("text");
    expect(second).not.toContain("text");
  });

  it("goes on when it is moved among its siblings, and ends when it is taken away", async () => {
    const card = createElement(LiveCard, { key: "card", url: URL_ });
    const other = createElement("p", { key: "other" });
    await show([card, other]);
    newest().admit();
    await show([other, card]);
    await show([card, other]);
    expect(ServedSocket.made).toHaveLength(1);
    expect(newest().closed).toBe(false);
    await show([other]);
    expect(newest().asked.at(-1)!.kind).toBe("bye");
    expect(newest().closed).toBe(true);
  });

  it("has another conversation with another url, and not with another token", async () => {
    await show(createElement(LiveCard, { url: URL_, token: "t1" }));
    newest().admit();
    await show(createElement(LiveCard, { url: URL_, token: "t2" }));
    expect(ServedSocket.made).toHaveLength(1);
    await show(createElement(LiveCard, { url: `${URL_}other/`, token: "t3" }));
    expect(ServedSocket.made[0]!.closed).toBe(true);
    expect(newest().opening.token).toBe("t3");
  });
});
