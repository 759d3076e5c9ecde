// src/store.ts
function initialState() {
  return {
    name: "",
    speaker: "model",
    badge: "",
    model: "",
    suggestions: [],
    phase: "idle",
    floor: "listening",
    turnTaking: "automatic",
    liveSince: null,
    turns: [],
    notices: [],
    microphone: { state: "off", devices: [], deviceId: "" },
    playback: { turn: 0, playedSample: 0, volume: 1 },
    holding: false,
    owner: false,
    connected: true
  };
}
function createStore(initial = {}) {
  let state = { ...initialState(), ...initial };
  let pending = false;
  const listeners = /* @__PURE__ */ new Set();
  function tell() {
    pending = false;
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) {
        continue;
      }
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
    }
  };
}

// src/index.ts
var src_default = {
  initialize: () => {
    createStore();
  },
  render: () => {
  }
};
export {
  src_default as default
};
