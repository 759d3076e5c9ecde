// The state of the page, and who hears of its changes.

import { NO_FRAMES, NO_TRACK } from "./insight.ts";
import type { Listener, State, Store } from "./state.ts";

/** The state before the kernel has said anything. */
export function initialState(): State {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    floor: "listening",
    turnTaking: "automatic",
    view: "talk",
    sees: false,
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    holding: false,
    owner: false,
    elsewhere: false,
    connected: true,
    sight: {
      source: null,
      state: "off",
      devices: [],
      deviceId: "",
      maxSide: 768,
      quality: 80,
      preview: null,
      sent: 0,
      news: "",
    },
    explorer: {
      open: false,
      panel: "settings",
      catalogue: null,
      settings: null,
      meter: null,
      meterAt: 0,
      frames: NO_FRAMES,
      track: NO_TRACK,
    },
  };
}

/** Listeners hear of all changes made in one task together, once, in a microtask. */
export function createStore(initial: Partial<State> = {}): Store {
  let state: State = { ...initialState(), ...initial };
  let pending = false;
  const listeners = new Set<Listener>();

  function tell(): void {
    pending = false;
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) {
        continue;
      }
      // One view that fails must not blind the others.
      try {
        listener(state);
      } catch (error) {
        console.error("livewidget:", error);
      }
    }
  }

  return {
    get: () => state,
    set(change) {
      state = { ...state, ...change };
      if (!pending) {
        pending = true;
        queueMicrotask(tell);
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
