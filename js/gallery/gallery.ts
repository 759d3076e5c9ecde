// The card alone in a page: ?state=talking&theme=dark&width=420. With move=1 the waveform runs, with page=1 the card is the whole
// page, in the theme of the browser, as without a notebook.

import { Scope } from "../src/scope.ts";
import { type Actions, createStore } from "../src/state.ts";
import type { Levels } from "../src/audio/levels.ts";
import { mountCard, mountSentence } from "../src/views/card.ts";
import { SENTENCES, STATES } from "./states.ts";

const query = new URLSearchParams(location.search);
const name = query.get("state") ?? "talking";
const theme = query.get("theme") ?? "light";
const width = Number(query.get("width") ?? 900);

// The figures of JupyterLab's own light and dark themes.
const JUPYTER = {
  light: { "--jp-layout-color0": "#fff", "--jp-layout-color1": "#fff", "--jp-ui-font-color1": "rgba(0,0,0,.87)" },
  dark: { "--jp-layout-color0": "#111", "--jp-layout-color1": "#212121", "--jp-ui-font-color1": "rgba(255,255,255,.87)" },
};
const whole = query.get("page") === "1";
if (!whole && (theme === "light" || theme === "dark")) {
  document.body.dataset.jpThemeLight = String(theme === "light");
  for (const [key, value] of Object.entries(JUPYTER[theme])) {
    document.documentElement.style.setProperty(key, value);
  }
}
document.body.style.cssText = whole ? "" :
  "margin:0;padding:24px;background:var(--jp-layout-color0, light-dark(#fff,#111));font:13px/1.4 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif";
document.documentElement.style.colorScheme = "light dark";

const SPEECH: Record<string, [user: number[][], model: number[][]]> = {
  talking: [[[0.02, 0.2], [0.54, 0.68]], [[0.26, 0.48], [0.77, 1]]],
  interrupted: [[[0.04, 0.2], [0.82, 1]], [[0.27, 0.84]]],
};
const QUIET = ["idle", "first", "connecting", "asking", "refused", "neverOpened", "starting"];
const RATE = 25;

function makeLevels(): Levels {
  const seen = Math.round((width / 4) * 2);
  const [user, model] = QUIET.includes(name) || name.endsWith("_idle")
    ? [[], []]
    : (SPEECH[name] ?? [[[0.05, 0.28]], [[0.34, name === "notes" ? 1 : 0.62]]]);
  const began = performance.now();
  const moving = query.get("move") === "1";
  const level = (spans: number[][], index: number) => {
    const at = (index % seen) / seen;
    const span = spans.find(([from, to]) => at >= from! && at < to!);
    if (!span) {
      return 0.002;
    }
    const edge = Math.min(1, (at - span[0]!) * 30, (span[1]! - at) * 30);
    const syllable = Math.abs(Math.sin(index * 0.37) * Math.sin(index * 0.13 + 1));
    return edge * (0.05 + 0.55 * syllable * (0.7 + 0.3 * Math.sin(index * 12.9898)));
  };
  return {
    rate: RATE,
    get count() {
      return seen + (moving ? Math.floor(((performance.now() - began) / 1000) * RATE) : 0);
    },
    at: (speaker, index) => level(speaker === "user" ? user : model, index),
    marks: name === "interrupted" ? [Math.round(seen * 0.84)] : [],
  };
}

const here = STATES[name]!;
const state = { ...here, page: whole, title: query.get("title") ?? "", link: whole ? { ...here.link, way: "socket" as const } : here.link };
const began = state.phase === "live" ? performance.now() - 134_200 : null;
const store = createStore({ ...state, liveSince: began });
const log = (what: string) => (...args: unknown[]) => console.log(what, ...args);
const actions: Actions = {
  start: log("start"),
  stop: log("stop"),
  toggleMute: log("toggleMute"),
  sendText: log("sendText"),
  interrupt: log("interrupt"),
  pushToTalk: (holding) => store.set({ holding }),
  setTurnTaking: (turnTaking) => store.set({ turnTaking }),
  setVolume: (volume) => store.set({ playback: { ...store.get().playback, volume } }),
  pickMicrophone: (deviceId) => store.set({ microphone: { ...store.get().microphone, deviceId } }),
  confirm: log("confirm"),
  call: log("call"),
  onBrowserOpened: log("onBrowserOpened"),
  dismissNotice: (code) => store.set({ notices: store.get().notices.filter((one) => one.code !== code) }),
  explorer: {
    show: (open, panel) => {
      const explorer = store.get().explorer;
      store.set({ explorer: { ...explorer, open, panel: panel ?? explorer.panel } });
    },
    configure: (changes) => {
      const explorer = store.get().explorer;
      const settings = explorer.settings!;
      const pending = { ...settings.pending, ...changes };
      store.set({ explorer: { ...explorer, settings: { ...settings, pending } } });
    },
    apply: log("apply"),
    revert: log("revert"),
  },
  video: {
    toggle: (source) => {
      const { video } = store.get();
      store.set({ video: { ...video, source: video.source === source ? null : source, state: "on" } });
    },
    sendFile: log("sendFile"),
    pickCamera: (deviceId) => store.set({ video: { ...store.get().video, deviceId } }),
    setSize: (maxSide) => store.set({ video: { ...store.get().video, maxSide } }),
    setQuality: (quality) => store.set({ video: { ...store.get().video, quality } }),
    dismiss: () => store.set({ video: { ...store.get().video, preview: null, progress: "" } }),
  },
};
const host = whole ? document.body : document.createElement("div");
if (whole) {
  document.body.classList.add("livewidget-page");
} else {
  host.style.width = `${width}px`;
  document.body.append(host);
}
if (SENTENCES[name]) {
  mountSentence(host, SENTENCES[name], name === "page_silent" ? () => location.reload() : undefined);
} else {
  mountCard(host, store, makeLevels(), actions, new Scope());
}
Object.assign(window, { store, STATES });
if (name === "large") {
  host.querySelector<HTMLButtonElement>(".lw-thumb")!.click();
}
if (name === "agent-ended-open") {
  host.querySelector("details")!.open = true;
}
if (name === "settings") {
  host.querySelector<HTMLButtonElement>("[aria-haspopup]")!.click();
}
if (name === "explorer-code") {
  host.querySelector<HTMLButtonElement>(".lw-code-opener")!.click();
}
