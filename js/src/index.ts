// What anywidget calls: `initialize` once per widget and page, `render` once per view of it.

import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { App } from "./app.ts";
import type { Buffer } from "./audio/pcm.ts";
import { mountCard } from "./views/card.ts";

function startApp(model: AnyModel): App {
  const app = new App((content, buffers) => {
    try {
      model.send(content, undefined, buffers);
    } catch {
      // The comm is closed: the expired lease will show that.
    }
  });
  const onMessage = (content: unknown, buffers: Buffer[]) => app.bridge.receive(content, buffers);
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
