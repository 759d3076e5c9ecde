// Every state of the card, by name.

import { looking } from "./insights.ts";
import { explorerStates } from "./exploring.ts";
import { initialState, type State } from "../src/state.ts";
import type { Timing, Turn } from "../src/messages.gen.ts";
import { LOSSES, MICROPHONE_WAITS, MICROPHONE_FAULTS, microphoneCame, microphoneWent, OTHER_PAGE, PLAYER_FAULTS, SILENT_PROGRAM as SILENT } from "../src/notices.ts";
import { PERMISSION_GONE, TRACK_ENDED, UNPLUGGED } from "../src/media/devices.ts";
import { microphoneProblem } from "../src/media/microphone.ts";
import { agentStates } from "./agents.ts";
import { sights } from "./sights.ts";
import { turn, use as tool } from "../test/views/fakes.ts";

const asks = (name: string, args: Record<string, string>) =>
  tool({
    name,
    args: Object.entries(args)
      .map(([key, value]) => `${key}=${value}`)
      .join(", "),
    state: "asking",
    result: null,
    arguments: Object.entries(args).map(([key, value]) => ({ name: key, value })),
  });

const microphone = (state: State["microphone"]["state"]): State["microphone"] => ({
  state,
  devices: [
    { id: "a", label: "Built-in Audio Analogue Stereo" },
    { id: "b", label: "USB headset with a rather long name (046d:0a44)" },
  ],
  deviceId: "",
});

const base: State = {
  ...initialState(),
  name: "Offline tutor",
  speaker: "tutor",
  badge: "no key · on this computer",
  model: "offline-tutor",
  suggestions: ["what is seven plus five", "what time is it", "what can you do"],
  owner: true,
  connected: true,
  sees: true,
};

const sum = [
  turn(1, "user", "What is seven plus five?"),
  turn(2, "model", "Seven plus five is twelve.", { latency_ms: 180 }),
];

const light = [
  ...sum,
  turn(3, "user", "Turn on the light."),
  turn(4, "model", "", {
    final: false,
    latency_ms: 310,
    spans: [
      { text: "The lamp is on. ", sample: 0 },
      { text: "Shall I make it blue?", sample: 20_000 },
    ],
    tools: [tool({})],
  }),
];

const ability = [
  turn(1, "user", "What can you do?"),
  turn(2, "model", "I can add and subtract, tell the time, and", {
    interrupted: true,
    heard_sample: null,
    latency_ms: 170,
  }),
];

const answers = [
  turn(1, "user", "How high is the tide tonight, and is that unusual?", { images: 1 }),
  turn(2, "model", "High water is at 21:40, at 4.9 metres. That is half a metre above the mean of this month.", {
    latency_ms: 640,
    thoughts:
      "**Looking for tide tables**\n\nThe question names no place; the picture shows a pier. I search for tables, and compute the mean myself.",
    queries: ["tide table tonight", "spring tide november"],
    code: [
      {
        language: "python",
        code: "heights = [4.1, 4.4, 4.9, 4.6, 4.0]\nmean = sum(heights) / len(heights)\nprint(f\"{mean:.2f} m, tonight {4.9 - mean:+.2f} m\")",
        outcome: "ok",
        output: "4.40 m, tonight +0.50 m\n",
      },
    ],
    sources: [
      { title: "Tide tables for the coming week", uri: "https://tides.example.org/week" },
      { title: "wikipedia.org", uri: "https://redirect.example.com/grounding/AbF9wXG" },
      { title: "Why the sea rises twice a day", uri: "https://ocean.example.net/articles/why?page=2" },
    ],
    pages: [
      { url: "https://harbour.example.org/tonight", status: "read" },
      { url: "https://paper.example.com/2026/tides/a-long-path-that-goes-on", status: "paywall" },
    ],
  }),
  turn(3, "user", "Hm. I was talking to the dog.", { language: "en" }),
  turn(4, "model", "", { waited: true }),
];

const failing = [
  turn(1, "user", "Divide by zero for me, will you?", { language: "en" }),
  turn(2, "model", "That failed, as it should.", {
    latency_ms: 410,
    language: "en",
    code: [
      { language: "python", code: "1 / 0", outcome: "failed", output: "ZeroDivisionError: division by zero" },
      { language: "python", code: "for n in range(10**9):\n    pass", outcome: null, output: "" },
    ],
    pages: [
      { url: "https://nowhere.example.org/", status: "failed" },
      { url: "https://bad.example.org/x", status: "unsafe" },
    ],
    sources: Array.from({ length: 9 }, (_, index) => ({
      title: index === 2 ? "A title that is so long that it cannot possibly stand in one line of a narrow card, and has more to say" : `Source ${index + 1}`,
      uri: `https://s${index + 1}.example.org/`,
    })),
  }),
];

const said = (index: number, speaker: Turn["speaker"], text: string, language: string, more: Partial<Turn> = {}) =>
  turn(index, speaker, text, { language, ...more });

const translated = [
  said(1, "user", "Good morning. I would like to go to the harbour, please.", "en"),
  said(2, "model", "Buenos días. Me gustaría ir al puerto, por favor.", "es"),
  said(3, "user", "How long does it take on foot, and is there a bus that goes there in the evening?", "en"),
  said(4, "model", "¿Cuánto se tarda a pie, y hay un autobús que vaya allí por la tarde?", "es"),
  said(5, "user", "Thank you. And where can", "en", { final: false, interim: "one eat…" }),
  said(6, "model", "Gracias. ¿Y dónde", "es", { final: false }),
];

const dictated = [
  said(1, "user", "Dear Alice, thank you for the letter, and for the three photographs of the harbour at night.", "en"),
  said(2, "user", "The second one hangs over my desk now.", "en"),
  said(3, "user", "We shall come in the spring, if", "en", { final: false, interim: "the boat is mended by…" }),
];

const live: State = { ...base, phase: "live", microphone: microphone("on"), turns: sum };

const hostile = '<img src=x onerror="window.__xss=1"><script>window.__xss=1</script>';

/** Sound that does not arrive, by what keeps it: of the microphone, and to the loudspeaker. */
const unheard: Record<string, State> = Object.fromEntries([
  ...Object.entries(MICROPHONE_FAULTS).map(([fault, notice]) => {
    const sound = { microphone: fault as keyof typeof MICROPHONE_FAULTS, player: null };
    return [`deaf_${fault}`, { ...live, sound, notices: [notice] }];
  }),
  ...Object.entries(PLAYER_FAULTS).map(([fault, notice]) => {
    const sound = { microphone: null, player: fault as keyof typeof PLAYER_FAULTS };
    const plain = fault === "not-secure" ? { microphone: microphone("refused") } : {};
    return [`mute_${fault}`, { ...live, ...plain, floor: "model", turns: light, sound, notices: [notice] }];
  }),
  ["moved_away", { ...live, microphone: microphone("off"), notices: [microphoneWent("Gemini", base.name)] }],
  ["moved_here", { ...live, notices: [microphoneCame(base.name, base.name)] }],
  ["connecting_on", { ...base, phase: "connecting", microphone: microphone("on") }],
  ["typing", { ...live, microphone: microphone("off") }],
  ...["ended", "unplugged", "revoked"].map((how) => {
    const error = { ended: TRACK_ENDED, unplugged: UNPLUGGED, revoked: PERMISSION_GONE }[how]!;
    const { notice } = microphoneProblem(new DOMException("", error), () => true);
    return [`microphone_${how}`, { ...live, microphone: microphone("off"), notices: [notice] }];
  }),
]);

/** A kernel that does not answer, by why it does not: in the middle of a talk, and before the first. */
const losses: Record<string, State> = Object.fromEntries(
  Object.entries(LOSSES).flatMap(([loss, notice]) => {
    const lost = { connected: false, loss: loss as State["loss"] };
    return [
      [`lost_${loss}`, { ...live, ...lost, microphone: microphone("off"), notices: [notice] }],
      [`lost_${loss}_idle`, { ...base, ...lost }],
    ];
  }),
);

/** What stands in place of the card in a page that may not come in, or whose program is silent. */
export const SENTENCES: Record<string, string> = {
  page_used: "This address was used before, or is too old: open the page anew from the notebook.",
  page_silent: SILENT,
};

const BROWSER = { address: "http://127.0.0.1:43217/1c6ed0/", token: "t", port: 0 };

/** Where the conversation's own page is offered, and where another page has microphone and voice. */
const pages: Record<string, State> = {
  barred: { ...base, barred: true, browser: BROWSER },
  barred_remote: { ...base, barred: true, browser: { ...BROWSER, port: 43217 } },
  held_by_cell: {
    ...live,
    microphone: microphone("paused"),
    heldByCell: true,
    browser: BROWSER,
    notices: [MICROPHONE_WAITS.cell],
  },
  taken: {
    ...live,
    owner: false,
    ownedElsewhere: true,
    microphone: microphone("off"),
    notices: [OTHER_PAGE],
  },
  mirror: { ...live, owner: false, ownedElsewhere: true, microphone: microphone("off") },
  page_used: base,
  page_silent: base,
};

/** Four spoken questions: two whose answers came through the kernel, two straight from the browser. */
const timing = (more: Partial<Timing>): Timing => ({
  decision_ms: 500,
  network_ms: 24,
  tool_ms: 0,
  wait_ms: 310,
  kernel_ms: 38,
  playback_ms: 52,
  heard_ms: 1700,
  direct: false,
  ...more,
});
const timed = [
  turn(1, "user", "what is seven plus five"),
  turn(2, "model", "Seven plus five is twelve.", { latency_ms: 924, anatomy: timing({}) }),
  turn(3, "user", "turn on the light"),
  turn(4, "model", "The light is on.", {
    latency_ms: 1724,
    anatomy: timing({ tool_ms: 820, wait_ms: 290, heard_ms: 1100 }),
  }),
];
const direct = { network_ms: null, kernel_ms: null, playback_ms: 50, direct: true };
const timedDirect = [
  turn(5, "user", "how many legs does a spider have"),
  turn(6, "model", "A spider has eight legs.", {
    latency_ms: 872,
    anatomy: timing({ ...direct, wait_ms: 322, heard_ms: 1500 }),
  }),
  turn(7, "user", "what time is it"),
  turn(8, "model", "It is ten past nine.", {
    latency_ms: 880,
    anatomy: timing({ ...direct, wait_ms: 330, heard_ms: 1300 }),
  }),
];

export const STATES: Record<string, State> = {
  ...pages,
  idle: base,
  connecting: { ...base, phase: "connecting", microphone: microphone("asking") },
  asking: { ...base, phase: "live", microphone: microphone("asking") },
  listening: live,
  first: { ...live, turns: [] },
  user: { ...live, floor: "user", turns: [...sum, turn(3, "user", "Turn on", { final: false, interim: "the li…" })] },
  thinking: { ...live, floor: "thinking", turns: [...sum, turn(3, "user", "Turn on the light.")] },
  tool: {
    ...live,
    floor: "tool",
    turns: [
      ...sum,
      turn(3, "user", "Turn on the light."),
      turn(4, "model", "", { final: false, tools: [tool({ state: "running", result: null })] }),
    ],
  },
  talking: {
    ...live,
    floor: "model",
    turns: light,
    playback: { turn: 4, playedSample: 24_000, volume: 1 },
  },
  muted: { ...live, microphone: microphone("muted") },
  push: { ...live, turnTaking: "push_to_talk" },
  holding: {
    ...live,
    turnTaking: "push_to_talk",
    holding: true,
    floor: "user",
    turns: [...sum, turn(3, "user", "", { final: false, interim: "Turn on…" })],
  },
  interrupted: {
    ...live,
    floor: "user",
    turns: [...ability, turn(3, "user", "What time", { final: false, interim: "is…" })],
  },
  refused: {
    ...base,
    microphone: { state: "refused", devices: [], deviceId: "" },
    turns: [turn(1, "model", "You can still type to me.")],
    notices: [
      {
        level: "error",
        code: "microphone-refused",
        text: "The browser refused the microphone. Click the camera icon in the address bar, allow the microphone for this page, then press ● again. You can type meanwhile.",
      },
    ],
  },
  busy: { ...live, microphone: microphone("paused"), notices: [MICROPHONE_WAITS.cell] },
  busyHost: { ...live, microphone: microphone("paused"), notices: [MICROPHONE_WAITS.kernel] },
  slow: { ...live, microphone: microphone("paused"), notices: [MICROPHONE_WAITS[""]] },
  notes: {
    ...live,
    floor: "model",
    notices: [
      { level: "info", code: "back", text: "Connected again. The talk goes on where it was." },
      { level: "error", code: "tool-failed", text: "The tool set_light failed: ValueError. The talk goes on." },
    ],
  },
  ...unheard,
  ended: { ...base, phase: "ended", turns: light.map((one) => ({ ...one, final: true })) },
  neverOpened: {
    ...base,
    phase: "ended",
    ending: "never_opened",
    notices: [{ level: "error", code: "connect-failed", text: "Can't reach Gemini. Are you online?" }],
  },
  brokenOff: {
    ...base,
    phase: "ended",
    ending: "interrupted",
    turns: sum,
    notices: [
      {
        level: "info",
        code: "page-gone",
        text: "Nothing was heard of the page for 60 s, so the conversation was ended. Press ● to go on.",
      },
    ],
  },
  starting: {
    ...base,
    phase: "connecting",
    notices: [{ level: "info", code: "starting", text: "Starting the MCP server python -m weather…" }],
  },
  ...losses,
  mirror: { ...live, owner: false, ownedElsewhere: true },
  tools: {
    ...live,
    turns: [
      turn(1, "user", "Turn on the light, then open the door and plot the last hour."),
      turn(2, "model", "The light is on. I could not open the door, and I left the plot alone.", {
        latency_ms: 412,
        thoughts: "Three requests. The door has no handle in the tools, but there is open_door.",
        tools: [
          tool({}),
          tool({ name: "open_door", args: "", state: "failed", error: "PermissionError: locked" }),
          tool({ name: "plot", args: "hours=1, kind='line'", state: "cancelled" }),
          tool({
            name: "look_up",
            args: `query=${"'a very long argument that goes on' ".repeat(4)}`,
            result: '{"rows": 31, "columns": ["time", "temperature", "humidity", "pressure", "wind"]}',
            duration_ms: 1431,
          }),
        ],
      }),
    ],
  },
  may: {
    ...live,
    floor: "tool",
    turns: [
      ...sum,
      turn(3, "user", "Open the front door."),
      turn(4, "model", "", {
        final: false,
        tools: [asks("open_door", { which: "'front'" })],
      }),
    ],
  },
  mays: {
    ...live,
    floor: "tool",
    turns: [
      turn(3, "user", "Clean up, and mail the report to everybody."),
      turn(4, "model", "One moment.", {
        final: false,
        tools: [
          tool({ name: "list_files", args: "folder='reports'", result: "31" }),
          tool({ name: "empty_bin", args: "", state: "refused", error: "the user did not allow it" }),
          asks("send_mail", {
            to: "['everybody@example.org']",
            subject: "'The report'",
            body: `${"All went well, and the figures are below.\n".repeat(12)}`,
          }),
          asks("delete_files", { pattern: "'*.tmp'" }),
          tool({ name: "zip_folder", args: "folder='old'", state: "running", result: null, updates: ['"40 %"'] }),
        ],
      }),
    ],
  },
  long: {
    ...live,
    floor: "model",
    name: "gemini-3.8-live-preview-with-a-long-name",
    badge: "Vertex AI · europe-west4 · preview",
    turns: Array.from({ length: 12 }, (_, index) =>
      turn(
        index,
        index % 2 ? "model" : "user",
        index % 2
          ? "The tide follows the moon because the near side of the Earth is pulled a little harder than the far side, and so two bulges of water travel round the globe."
          : "And why is that?",
        index % 2 ? { latency_ms: 240 + index * 13 } : {},
      ),
    ),
  },
  hostile: {
    ...live,
    name: hostile,
    speaker: "<b>x</b>",
    badge: `<i>${hostile}</i>`,
    suggestions: [hostile],
    turns: [
      turn(1, "user", `${hostile} \u202egnp.exe\u202c \u001b[31mred\u001b[0m \u0007 ${"unbroken".repeat(40)}`),
      turn(2, "model", "שלום, this is fine", {
        tools: [tool({ name: hostile, args: hostile, state: "failed", error: hostile })],
        thoughts: hostile,
      }),
    ],
    notices: [{ level: "error", code: "x", text: `${hostile} is no message.` }],
  },
  settings: live,
  wire: { ...live, explorer: looking("wire") },
  tuner: { ...live, explorer: looking("tuner") },
  anatomy: { ...live, turns: timed, explorer: looking("turns") },
  ways: { ...live, turns: [...timed, ...timedDirect], explorer: looking("turns") },
  answers: { ...live, turns: answers },
  failing: { ...live, turns: failing },
  translation: { ...live, sees: false, view: "translation", floor: "model", turns: translated, speaker: "translation" },
  translating: { ...live, sees: false, view: "translation", turns: [], suggestions: ["good morning", "where is the station"] },
  dictation: { ...live, sees: false, view: "dictation", floor: "user", turns: dictated },
  ...sights(live),
  ...explorerStates(live),
  ...agentStates(live),
};
