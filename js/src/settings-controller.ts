// The explorer's half of one page: what it looks at, what it changes, and what the kernel reports of both.

import type { Bridge, Insight } from "./bridge.ts";
import type { KernelMessage, Settings } from "./messages.gen.ts";
import {
  addFrames,
  addSpeech,
  type ExplorerActions,
  type Exploring,
  type PanelName,
  type Store,
} from "./state.ts";

type Changes = Record<string, unknown>;

/** What a person did that the kernel has not answered yet, and what that makes of the changes. */
interface Asked {
  seq: number;
  act(pending: Changes): Changes;
}

export class Exploration implements ExplorerActions {
  readonly #store: Store;
  readonly #bridge: Pick<Bridge, "send" | "client">;
  #unanswered: Asked[] = [];
  readonly #now: () => number;
  #greeted = false;

  constructor(store: Store, bridge: Pick<Bridge, "send" | "client">, now: () => number) {
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
        this.#settings(message.body);
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

  configure(changes: Changes): void {
    const named = Object.entries(changes).map(([name, value]) => ({ name, value }));
    const seq = this.#bridge.send({ lane: "control", kind: "configure", body: { changes: named } });
    this.#act({ seq, act: (pending) => ({ ...pending, ...changes }) });
  }

  apply(): void {
    this.#bridge.send({ lane: "control", kind: "apply", body: {} });
  }

  revert(): void {
    const seq = this.#bridge.send({ lane: "control", kind: "revert", body: {} });
    this.#act({ seq, act: () => ({}) });
  }

  /** What the kernel tells is older than what it has not answered: that is done again on top of it. */
  #settings(told: Settings): void {
    const taken = told.acks[this.#bridge.client] ?? 0;
    this.#unanswered = this.#unanswered.filter(({ seq }) => seq > taken);
    const pending = this.#unanswered.reduce((before, { act }) => act(before), told.pending);
    this.#set({ settings: { ...told, pending } });
  }

  /** Shown at once: a control that waited for the kernel would jump back under the hand. */
  #act(asked: Asked): void {
    this.#unanswered.push(asked);
    const { settings } = this.#store.get().explorer;
    if (settings) {
      this.#set({ settings: { ...settings, pending: asked.act(settings.pending) } });
    }
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
