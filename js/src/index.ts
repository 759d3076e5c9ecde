// What anywidget calls: `initialize` once per widget and page, `render` once per view of it. And what a page without a notebook
// calls: `startPage`.

import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { App } from "./app.ts";
import type { Buffer } from "./audio/pcm.ts";
import { Link, type LinkHandlers, type PageServer, pageServer, takeToken } from "./link.ts";
import { testTap } from "./media/context.ts";
import { SILENT_PROGRAM } from "./notices.ts";
import { mountCard, mountSentence } from "./views/card.ts";

const now = () => performance.now();

/** A link's handlers, for the app that is made after it. */
function handlersOf(app: () => App): LinkHandlers {
  return {
    onMessage: (content, buffers) => app().bridge.receive(content, buffers),
    onChanged: () => app().changeWay(),
    onState: (state) => app().showLink(state),
    onAsk: (origin) => app().bridge.send({ lane: "control", kind: "socket_request", body: { origin } }),
    onBroken: (proof) => app().bridge.send({ lane: "control", kind: "socket_closed", body: { proof } }),
  };
}

function startApp(model: AnyModel): App {
  const send = (content: object, buffers: ArrayBuffer[]) => {
    try {
      model.send(content, undefined, buffers);
    } catch {
      // The comm is closed: the expired lease will show that.
    }
  };
  const link = new Link(
    send,
    handlersOf(() => app),
    now,
  );
  const app: App = new App(link.send, link);
  testTap().onLink?.(link);
  const onMessage = (content: unknown, buffers: Buffer[]) => {
    link.heardOnComm();
    app.bridge.receive(content, buffers);
  };
  const onConnectionChange = () => app.suspectDisconnect();
  model.on("msg:custom", onMessage);
  // Fired when the kernel went away and when it came back; the event does not say which.
  model.on("comm_live_update", onConnectionChange);
  app.scope.add(() => {
    model.off("msg:custom", onMessage);
    model.off("comm_live_update", onConnectionChange);
  });
  return app;
}

/** Calls `end` when `signal` aborts, if the host gives one; returns `end` for hosts that call it instead. */
function disposeOn(signal: AbortSignal | undefined, app: App, end: () => void): () => void {
  if (signal?.aborted) {
    end();
  } else if (signal) {
    app.scope.listen(signal, "abort", end, { once: true });
  }
  return end;
}

/**
 * A function that the host calls for each widget: `initialize` and `render` may get different objects for the same
 * model, so what they share is kept here.
 */
export default function widget(): { initialize: Initialize; render: Render } {
  const apps = new WeakMap<object, App>();
  let newest: App | null = null;
  return {
    initialize({ model, signal }) {
      const app = startApp(model);
      apps.set(model, app);
      newest = app;
      return disposeOn(signal, app, () => app.dispose());
    },
    render({ model, el, signal }) {
      const app = apps.get(model) ?? newest;
      return app ? disposeOn(signal, app, app.mount(el, mountCard)) : undefined;
    },
  };
}

/**
 * A conversation in a page without a notebook, and its link to `server`, which has yet to begin. When `onOther` is called, another
 * one has to take its place.
 */
export function pageApp(server: PageServer, onOther: (session: string) => void): { app: App; link: Link } {
  const link = new Link(null, { ...handlersOf(() => app), onOther }, now, server);
  const app: App = new App(link.send, link, true);
  testTap().onLink?.(link);
  return { app, link };
}

/** The title of a page that was given none (livewidget/cli/talk.py). */
const UNNAMED = "livewidget";

/**
 * Draws the page of one conversation into `el`: of `livewidget talk`, of an app, or the companion of a notebook's card. What
 * admits it is the token in the fragment of its address, for one use, and from then on the cookie that this brings.
 */
export async function startPage(el: HTMLElement): Promise<void> {
  document.body.classList.add("livewidget-page");
  const server = pageServer();
  const token = takeToken();
  try {
    const refusal = await server.admit(token);
    // A used token in a browser that has been let in before is a page that was opened again.
    if (refusal !== "" && (token === "" || (await server.admit()) !== "")) {
      mountSentence(el, refusal);
      return;
    }
  } catch {
    mountSentence(el, SILENT_PROGRAM, () => location.reload());
    return;
  }
  const { app, link } = pageApp(server, () => {
    app.dispose(true);
    void startPage(el);
  });
  app.store.set({ title: document.title === UNNAMED ? "" : document.title });
  app.mount(el, mountCard);
  link.begin(app.bridge.client);
}
