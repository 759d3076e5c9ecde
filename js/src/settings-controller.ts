// The explorer of one page: which panel is open, what the person changes, and what the kernel reports of both.

import type { Bridge, Insight } from "./bridge.ts";
import type { KernelMessage, Settings } from "./messages.gen.ts";
import {
  addFrames,
  addSpeech,
  type ExplorerActions,
  type ExplorerContents,
  type PanelName,
  type Store,
} from "./state.ts";

type Changes = Record<string, unknown>;

/** A change that the kernel has not confirmed yet. */
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

  /** The kernel welcomes this page and does not know (any more) which panel is open. */
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

  /** Frames of the connection or windows of turn detection, for the open panel. */
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

  /** The kernel's settings are older than the unconfirmed edits, which are applied to them again. */
  #onSettings(settings: Settings): void {
    const taken = settings.acks[this.#bridge.client] ?? 0;
    this.#unconfirmed = this.#unconfirmed.filter(({ seq }) => seq > taken);
    const pending = this.#unconfirmed.reduce((before, { applyTo }) => applyTo(before), settings.pending);
    this.#update({ settings: { ...settings, pending } });
  }

  /** Shows an edit at once: a control that waited for the kernel would jump back while a person uses it. */
  #applyEdit(asked: Edit): void {
    this.#unconfirmed.push(asked);
    const { settings } = this.#store.get().explorer;
    if (settings) {
      this.#update({ settings: { ...settings, pending: asked.applyTo(settings.pending) } });
    }
  }

  #update(change: Partial<ExplorerContents>): void {
    this.#store.set({ explorer: { ...this.#store.get().explorer, ...change } });
  }

  /** Tells the kernel which panel is open: it sends nothing else. */
  #sendVisibility(): void {
    const { open, panel } = this.#store.get().explorer;
    const body = { open, wire: open && panel === "wire", tuner: open && panel === "tuner" };
    this.#bridge.send({ lane: "control", kind: "explorer", body });
  }
}
