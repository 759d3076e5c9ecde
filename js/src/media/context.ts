// Audio contexts with the worklets loaded.

import source from "worklet:../worklets/all.ts";
import type { Scope } from "../scope.ts";

/** What a browser test may put into the page to record audio and to watch its sockets; see CONTRIBUTING. */
interface TestTap {
  /** Called when the player opens its context; `node` is the last one before the loudspeaker. */
  onPlayer?(context: AudioContext, node: AudioNode): void;
  /** Called when a microphone was opened. */
  onMicrophone?(track: MediaStreamTrack, context: AudioContext): void;
  /** Called when a page begins to look for a socket to the kernel. */
  onLink?(link: object): void;
  /** Called when this page opens a socket to the service; closing it cuts the connection. */
  onServiceSocket?(socket: WebSocket): void;
}

export function testTap(): TestTap {
  const found = (globalThis as { __livewidgetTap?: unknown }).__livewidgetTap;
  return typeof found === "object" && found !== null ? found : {};
}

/** Whether this page can have worklets. One that is not secure lacks the property, and in Chromium not the class. */
export function hasWorklets(): boolean {
  return (
    typeof AudioContext === "function" &&
    typeof AudioWorkletNode === "function" &&
    (typeof BaseAudioContext !== "function" || "audioWorklet" in BaseAudioContext.prototype)
  );
}

/** Asks a context to run that does not. The browser may refuse that, or answer much later. */
export function resume(context: AudioContext | undefined): void {
  if (context && context.state !== "running" && context.state !== "closed") {
    context.resume().catch(() => {});
  }
}

/** Loads both processors from a blob, which works wherever anywidget's own modules do. */
export async function addWorklets(context: AudioContext): Promise<void> {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Closes `context` when `scope` ends. */
export function closeWith(scope: Scope, context: AudioContext): void {
  scope.add(() => {
    if (context.state !== "closed") {
      context.close().catch(() => {});
    }
  });
}
