// The explorer's half of one page: what it looks at, what it changes, and what the kernel tells of both.

import type { Bridge, Insight } from "./bridge.ts";
import type { ExplorerActions, Exploring, Json, PanelName } from "./explorer.ts";
import { addFrames, addSpeech } from "./insight.ts";
import type { KernelMessage } from "./messages.ts";
import type { Store } from "./state.ts";

export class Exploration implements ExplorerActions {
  readonly #store: Store;
  readonly #bridge: Pick<Bridge, "send">;
  readonly #now: () => number;
  #greeted = false;

  constructor(store: Store, bridge: Pick<Bridge, "send">, now: () => number) {
    this.#store = store;
    this.#bridge = bridge;
    this.#now = now;
  }

  /** The kernel greets this page: it knows nothing (any more) of what the page looks at. */
  welcome(open: boolean): void {
    if (open && !this.#greeted) {
      this.#set({ open });
    }
    this.#greeted = true;
    if (this.#store.get().explorer.open) {
      this.#tell();
    }
  }

  take(message: KernelMessage): void {
    switch (message.kind) {
      case "catalogue":
        this.#set({ catalogue: message.body });
        break;
      case "settings":
        this.#set({ settings: message.body });
        break;
      case "meter":
        this.#set({ meter: message.body, meterAt: this.#now() });
        break;
    }
  }

  /** Something of the talk's insides, which this page looks at. */
  insight(message: Insight): void {
    const { frames, track } = this.#store.get().explorer;
    if (message.kind === "wire") {
      this.#set({ frames: addFrames(frames, message.body) });
    } else if (message.kind === "speech") {
      this.#set({ track: addSpeech(track, message.body) });
    }
  }

  look(open: boolean, panel: PanelName = this.#store.get().explorer.panel): void {
    const before = this.#store.get().explorer;
    if (before.open !== open || before.panel !== panel) {
      this.#set({ open, panel });
      this.#tell();
    }
  }

  configure(changes: Record<string, Json>): void {
    const named = Object.entries(changes).map(([name, value]) => ({ name, value }));
    this.#bridge.send({ lane: "control", kind: "configure", body: { changes: named } });
  }

  apply(): void {
    this.#bridge.send({ lane: "control", kind: "apply", body: {} });
  }

  revert(): void {
    this.#bridge.send({ lane: "control", kind: "revert", body: {} });
  }

  #set(change: Partial<Exploring>): void {
    this.#store.set({ explorer: { ...this.#store.get().explorer, ...change } });
  }

  /** Nothing of the explorer is sent to a page that does not look. */
  #tell(): void {
    const { open, panel } = this.#store.get().explorer;
    const body = { open, wire: open && panel === "wire", tuner: open && panel === "tuner" };
    this.#bridge.send({ lane: "control", kind: "explorer", body });
  }
}
