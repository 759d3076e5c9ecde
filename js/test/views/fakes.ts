// A store with a state made for the test, and actions that write down what was asked of them.

import type { Levels } from "../../src/audio/levels.ts";
import type { Tool, Turn } from "../../src/messages.gen.ts";
import { Scope } from "../../src/scope.ts";
import {
  type Actions,
  createStore,
  type ExplorerActions,
  initialState,
  type State,
  type VideoActions,
} from "../../src/state.ts";
import { mountCard } from "../../src/views/card.ts";

export function turn(index: number, speaker: Turn["speaker"], text: string, more: Partial<Turn> = {}): Turn {
  return {
    index,
    speaker,
    spans: text ? [{ text, sample: 0 }] : [],
    interim: "",
    final: true,
    interrupted: false,
    heard_sample: null,
    latency_ms: null,
    thoughts: "",
    tools: [],
    sources: [],
    queries: [],
    code: [],
    pages: [],
    language: "",
    waited: false,
    images: 0,
    anatomy: null,
    agent: "",
    ...more,
  };
}

export function use(more: Partial<Tool> = {}): Tool {
  return {
    id: "fc_1",
    name: "set_light",
    args: "on=True",
    result: '"the lamp is on"',
    error: null,
    duration_ms: 12.1,
    state: "done",
    updates: [],
    arguments: [],
    remote: false,
    agent: "",
    ...more,
  };
}

export function state(change: Partial<State> = {}): State {
  return {
    ...initialState(),
    name: "Offline tutor",
    speaker: "tutor",
    badge: "no key · on this computer",
    model: "offline-tutor",
    suggestions: ["what time is it"],
    owner: true,
    ...change,
  };
}

export const ON: State["microphone"] = { state: "on", devices: [], deviceId: "" };
export const LIVE: Partial<State> = { phase: "live", microphone: ON };
export const PUSH: Partial<State> = { ...LIVE, turnTaking: "push_to_talk" };

export const NO_LEVELS: Levels = { rate: 25, count: 0, at: () => 0, marks: [] };

export interface Asked {
  name: keyof Actions | keyof ExplorerActions | `video.${keyof VideoActions}`;
  with: unknown[];
}

export function fakeActions(): { actions: Actions; asked: Asked[] } {
  const asked: Asked[] = [];
  const note =
    (name: Asked["name"]) =>
    (...args: unknown[]) => {
      asked.push({ name, with: args });
    };
  const actions: Actions = {
    start: note("start"),
    stop: note("stop"),
    toggleMute: note("toggleMute"),
    sendText: note("sendText"),
    interrupt: note("interrupt"),
    pushToTalk: note("pushToTalk"),
    setTurnTaking: note("setTurnTaking"),
    setVolume: note("setVolume"),
    pickMicrophone: note("pickMicrophone"),
    dismissNotice: note("dismissNotice"),
    confirm: note("confirm"),
    call: note("call"),
    onBrowserOpened: note("onBrowserOpened"),
    video: {
      toggle: note("video.toggle"),
      sendFile: note("video.sendFile"),
      pickCamera: note("video.pickCamera"),
      setSize: note("video.setSize"),
      setQuality: note("video.setQuality"),
      dismiss: note("video.dismiss"),
    },
    explorer: {
      show: note("show"),
      configure: note("configure"),
      apply: note("apply"),
      revert: note("revert"),
    },
  };
  return { actions, asked };
}

export function mounted(change: Partial<State> = {}, levels: Levels = NO_LEVELS) {
  const store = createStore(state(change));
  const { actions, asked } = fakeActions();
  const scope = new Scope();
  document.body.replaceChildren();
  const host = document.createElement("div");
  document.body.append(host);
  mountCard(host, store, levels, actions, scope);
  const root = host.firstElementChild as HTMLElement;
  return {
    host,
    root,
    store,
    scope,
    asked,
    /** Changes the state and waits until the views have heard of it. */
    async set(next: Partial<State>) {
      store.set(next);
      await Promise.resolve();
    },
    find<T extends HTMLElement>(selector: string): T {
      const node = root.querySelector<T>(selector);
      if (!node) {
        throw new Error(`nothing matches ${selector}`);
      }
      return node;
    },
    names: () => asked.map((one) => one.name),
  };
}

export function key(
  target: EventTarget,
  type: string,
  value: string,
  more: KeyboardEventInit = {},
): KeyboardEvent {
  const event = new KeyboardEvent(type, { key: value, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

/** The text that is seen: without what is hidden. */
export function shown(node: Element): string {
  const copy = node.cloneNode(true) as Element;
  for (const hidden of copy.querySelectorAll("[hidden]")) {
    hidden.remove();
  }
  return copy.textContent;
}
