// @vitest-environment happy-dom

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startPage } from "../src/index.ts";
import { installServer, newest as newestSocket, pass, ServedSocket } from "./card-server.ts";

let answers: (Response | Error)[];
let asked: (string | undefined)[];
let sockets: string[];

beforeEach(() => {
  answers = [];
  asked = [];
  sockets = [];
  document.body.replaceChildren();
  document.body.className = "";
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(headers.Authorization);
    const answer = answers.shift()!;
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  });
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor(url: string) {
        sockets.push(new URL(url).pathname);
      }
      close(): void {}
    },
  );
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const letIn = () => new Response(null, { status: 204 });
const refused = (sentence: string) => new Response(sentence, { status: 403 });

async function open(hash: string, ...said: (Response | Error)[]): Promise<string> {
  location.hash = hash;
  answers = said;
  await startPage(document.body);
  return document.body.textContent!;
}

describe("a page without a notebook", () => {
  it("shows the card and opens its socket once its token has let it in", async () => {
    await open("#secret", letIn());
    expect(asked).toEqual(["Bearer secret"]);
    expect(location.hash).toBe("");
    expect(document.body.className).toBe("livewidget-page");
    expect(document.querySelector(".lw-microphone")).not.toBeNull();
    expect(sockets).toEqual(["/socket"]);
  });

  it("goes on by its cookie when it is reloaded, or when its used address is opened again", async () => {
    await open("", letIn());
    await open("#used", refused("This address was used before."), letIn());
    expect(asked).toEqual([undefined, "Bearer used", undefined]);
    expect(sockets).toHaveLength(2);
  });

  it("says in one sentence why it is not let in, and opens nothing", async () => {
    const words = await open("#used", refused("This address was used before."), refused("Open it anew."));
    expect(words).toBe("This address was used before.");
    expect(await open("", refused("Open it anew."))).toContain("Open it anew.");
    expect(document.querySelectorAll("button")).toHaveLength(0);
    expect(sockets).toEqual([]);
  });

  it("says that its program does not answer, with a button to try again", async () => {
    expect(await open("#secret", new TypeError("Failed to fetch"))).toContain("does not answer");
    expect(document.querySelectorAll("button")).toHaveLength(1);
    expect(sockets).toEqual([]);
  });

  it("begins anew where its server has another conversation, as after it was started again", async () => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance", "Date"],
    });
    try {
      installServer();
      location.hash = "";
      await startPage(document.body);
      newestSocket().admit("", "one");
      await pass(1);
      newestSocket().turn({ index: 1, speaker: "user", spans: [{ text: "Good morning.", sample: 0 }] });
      await pass(1);
      expect(document.body.textContent).toContain("Good morning.");
      newestSocket().end(1012);
      await pass(1000);
      newestSocket().admit("", "two");
      await pass(10);
      expect(ServedSocket.made).toHaveLength(3);
      const [first, , third] = ServedSocket.made.map(({ opening }) => opening.client);
      expect(third).not.toBe(first);
      newestSocket().admit("", "two");
      await pass(1);
      expect(document.querySelectorAll(".livewidget")).toHaveLength(1);
      expect(document.body.textContent).not.toContain("Good morning.");
    } finally {
      vi.useRealTimers();
    }
  });
});
