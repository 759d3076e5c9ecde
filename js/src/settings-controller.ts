// The explorer's half of one page: what it looks at, what it changes, and what the kernel reports of both.

import type { Bridge, Insight } from "./bridge.ts";
import type { KernelMessage, Settings } from "./messages.gen.ts";
import {
  addFrames,
  addSpeech,
  type ExplorerActions,
  type ExplorerState,
  type PanelName,
  type Store,
} from "./state.ts";

type Changes = Record<string, unknown>;

/** What a person did that the kernel has not answered yet, and what that makes of the changes. */
interface Edit {
  seq: number;
  applyTo(pending: Changes): Changes;
}

export class SettingsController implements ExplorerActions {
  readonly #store: Store;
  readonly #bridge: Pick<Bridge, "send" | "client">;
  #unconfirmed: Edit[] = [];
  readonly #now: () => number;
  #welcomed = false;

  constructor(store: Store, bridge: Pick<Bridge, "send" | "client">, now: () => number) {
    this.#store = store;
    this.#bridge = bridge;
    this.#now = now;
  }

  /** The kernel greets this page: it knows nothing (any more) of what the page looks at. */
  onWelcome(open: boolean): void {
    if (open && !this.#welcomed) {
      this.#update({ open });
    }
    this.#welcomed = true;
    if (this.#store.get().explorer.open) {
      this.#sendVisibility();
    }
  }

  onMessage(message: KernelMessage): void {
    switch (message.kind) {
      case "catalogue":
        this.#update({ catalogue: message.body });
        break;
      case "settings":
        this.#onSettings(message.body);
        break;
      case "meter":
        this.#update({ meter: message.body, meterAt: this.#now() });
        break;
    }
  }

  /** Something of the talk's insides, which this page looks at. */
  onInsight(message: Insight): void {
    const { frames, track } = this.#store.get().explorer;
    if (message.kind === "wire") {
      this.#update({ frames: addFrames(frames, message.body) });
    } else if (message.kind === "speech") {
      this.#update({ track: addSpeech(track, message.body) });
    }
  }

  show(open: boolean, panel: PanelName = this.#store.get().explorer.panel): void {
    const before = this.#store.get().explorer;
    if (before.open !== open || before.panel !== panel) {
      this.#update({ open, panel });
      this.#sendVisibility();
    }
  }

  configure(changes: Changes): void {
    const named = Object.entries(changes).map(([name, value]) => ({ name, value }));
    const seq = this.#bridge.send({ lane: "control", kind: "configure", body: { changes: named } });
    this.#applyEdit({ seq, applyTo: (pending) => ({ ...pending, ...changes }) });
  }

  apply(): void {
    this.#bridge.send({ lane: "control", kind: "apply", body: {} });
  }

  revert(): void {
    const seq = this.#bridge.send({ lane: "control", kind: "revert", body: {} });
    this.#applyEdit({ seq, applyTo: () => ({}) });
  }

  /** What the kernel tells is older than what it has not answered: that is done again on top of it. */
  #onSettings(settings: Settings): void {
    const taken = settings.acks[this.#bridge.client] ?? 0;
    this.#unconfirmed = this.#unconfirmed.filter(({ seq }) => seq > taken);
    const pending = this.#unconfirmed.reduce((before, { applyTo }) => applyTo(before), settings.pending);
    this.#update({ settings: { ...settings, pending } });
  }

  /** Shown at once: a control that waited for the kernel would jump back under the hand. */
  #applyEdit(asked: Edit): void {
    this.#unconfirmed.push(asked);
    const { settings } = this.#store.get().explorer;
    if (settings) {
      this.#update({ settings: { ...settings, pending: asked.applyTo(settings.pending) } });
    }
  }

  #update(change: Partial<ExplorerState>): void {
    this.#store.set({ explorer: { ...this.#store.get().explorer, ...change } });
  }

  /** Nothing of the explorer is sent to a page that does not look. */
  #sendVisibility(): void {
    const { open, panel } = this.#store.get().explorer;
    const body = { open, wire: open && panel === "wire", tuner: open && panel === "tuner" };
    this.#bridge.send({ lane: "control", kind: "explorer", body });
  }
}
