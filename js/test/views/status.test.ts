import { describe, expect, it } from "vitest";
import type { MicrophoneFault, PlayerFault } from "../../src/audio/sound-watch.ts";
import type { Floor, Phase } from "../../src/messages.gen.ts";
import { LOSSES, MICROPHONE_FAULTS, PLAYER_FAULTS } from "../../src/notices.ts";
import type { LinkState, Loss, MicrophoneState, State } from "../../src/state.ts";
import {
  canInterrupt,
  canPushToTalk,
  connectionLine,
  hint,
  invitation,
  microphoneButton,
  placeholder,
  status,
} from "../../src/views/status.ts";
import { LIVE, ON, PUSH, state, turn, use } from "./fakes.ts";

const ASKING = [turn(1, "model", "", { final: false, tools: [use({ state: "asking", result: null })] })];

const microphone = (now: MicrophoneState): State["microphone"] => ({ ...ON, state: now });

describe("status", () => {
  it.each<[Partial<State>, string, string]>([
    [{}, "ready", "off"],
    [{ phase: "connecting" }, "connecting…", "wait"],
    [LIVE, "listening", "you"],
    [{ ...LIVE, floor: "user" }, "hearing you", "you-sounding"],
    [{ ...LIVE, floor: "thinking" }, "thinking…", "model"],
    [{ ...LIVE, floor: "tool" }, "using a tool", "model"],
    [{ ...LIVE, floor: "tool", turns: ASKING }, "asking you", "warn"],
    [{ ...LIVE, floor: "tool", turns: ASKING, ownedElsewhere: true }, "using a tool", "model"],
    [{ ...LIVE, floor: "model" }, "speaking", "model-sounding"],
    [{ ...LIVE, microphone: microphone("muted") }, "muted", "off"],
    [{ ...LIVE, microphone: microphone("paused") }, "paused", "warn"],
    [{ ...LIVE, microphone: microphone("refused") }, "typing only", "off"],
    [{ ...LIVE, microphone: microphone("off") }, "typing only", "off"],
    [{ ...LIVE, microphone: microphone("off"), owner: false }, "typing only", "off"],
    [{ ...LIVE, microphone: microphone("off"), owner: false, ownedElsewhere: true }, "listening", "you"],
    [{ ...LIVE, sound: { microphone: "suspended", player: null } }, "not hearing", "warn"],
    [{ ...LIVE, floor: "user", sound: { microphone: "muted", player: null } }, "not hearing", "warn"],
    [{ ...LIVE, floor: "model", sound: { microphone: null, player: "blocked" } }, "not heard", "warn"],
    [{ ...LIVE, floor: "model", sound: { microphone: null, player: "not-secure" } }, "answering", "model"],
    [{ phase: "ended" }, "ended", "off"],
    [{ phase: "ended", ending: "stopped" }, "ended", "off"],
    [{ phase: "ended", ending: "never_opened" }, "not connected", "off"],
    [{ phase: "ended", ending: "interrupted" }, "broken off", "off"],
    [{ ...LIVE, connected: false, loss: "looking" }, "no answer", "warn"],
    [{ ...LIVE, connected: false, loss: "offline" }, "offline", "warn"],
    [{ ...LIVE, connected: false, loss: "server" }, "no server", "warn"],
    [{ ...LIVE, connected: false, loss: "busy" }, "kernel busy", "warn"],
    [{ ...LIVE, connected: false, loss: "restarted" }, "restarted", "error"],
    [{ ...LIVE, connected: false, loss: "shut_down" }, "no kernel", "error"],
    [{ ...LIVE, connected: false, loss: "silent" }, "no answer", "warn"],
    [{ ...LIVE, connected: false, loss: "unknown" }, "no answer", "error"],
    [{ ...LIVE, connected: false, loss: "program" }, "no answer", "warn"],
    [{ ...LIVE, connected: false, loss: "closed" }, "closed", "error"],
    [{ ...LIVE, connected: false, loss: "refused" }, "not admitted", "error"],
  ])("%j", (change, word, tone) => {
    expect(status(state(change))).toEqual({ word, tone });
  });
});

describe("the way to the kernel", () => {
  const by = (link: Partial<LinkState>, page = false) =>
    connectionLine(state({ page, link: { way: "comm", proxied: false, reason: "", says: "", ...link } }));

  it.each<[Partial<LinkState>, string]>([
    [{ way: "socket" }, "Connection to the kernel: a socket of its own."],
    [
      { way: "socket", proxied: true },
      "Connection to the kernel: a socket of its own, by way of jupyter-server-proxy.",
    ],
    [{ way: "opening", reason: "opening" }, "through the notebook, a socket of its own is being opened."],
    [{ reason: "asking" }, "through the notebook, a socket of its own is being asked for."],
    [{ reason: "off" }, "because a socket of its own is switched off (LIVEWIDGET_SOCKET=0)."],
    [{ reason: "unavailable" }, "because the kernel could not open a port."],
    [{ reason: "unreachable" }, "because the browser may not reach the kernel's computer from this page."],
    [{ reason: "refused" }, "because nothing answered at the kernel's port."],
    [{ reason: "stranger" }, "because another program answered at the kernel's port."],
    [{ reason: "broken" }, "because its socket broke; it is tried again."],
    [{ reason: "ended" }, "because the kernel closed its socket; it is asked for another."],
  ])("%j", (link, sentence) => {
    expect(by(link)).toContain(sentence);
    expect(by(link)).toMatch(/^Connection to the kernel: [^:]+\.$/);
  });

  it("is the program's in a page without a notebook", () => {
    expect(by({ way: "socket" }, true)).toBe("Connection to the program: a socket of its own.");
    expect(by({ way: "none", reason: "broken" }, true)).toBe("Connection to the program: none.");
  });

  it("is not that of the sound where the browser has the connection to the service", () => {
    const link: LinkState = { way: "socket", proxied: false, reason: "", says: "" };
    expect(connectionLine(state({ link, direct: true }))).toBe(
      "Sound: straight between this browser and the service. Connection to the kernel: a socket of its own.",
    );
  });
});

describe("the round button", () => {
  it.each<[Partial<State>, string, string]>([
    [{}, "start", "record"],
    [{ phase: "ended" }, "start", "record"],
    [{ phase: "ended", owner: false, ownedElsewhere: true }, "start", "record"],
    [{ phase: "connecting" }, "nothing", "wait"],
    [LIVE, "mute", "open"],
    [{ ...LIVE, microphone: microphone("muted") }, "mute", "silent"],
    [{ ...LIVE, microphone: microphone("paused") }, "mute", "silent"],
    [{ ...LIVE, microphone: microphone("asking") }, "nothing", "wait"],
    [{ ...LIVE, microphone: microphone("refused") }, "start", "record"],
    [{ ...LIVE, microphone: microphone("missing") }, "start", "record"],
    [{ ...LIVE, microphone: microphone("off") }, "start", "record"],
    [PUSH, "hold", "armed"],
    [{ ...PUSH, holding: true }, "hold", "held"],
    [{ ...LIVE, owner: false, ownedElsewhere: true, microphone: microphone("off") }, "start", "record"],
    [{ ...LIVE, owner: false, ownedElsewhere: true, microphone: microphone("asking") }, "nothing", "wait"],
    [{ phase: "live", owner: false }, "start", "record"],
    [{ ...LIVE, connected: false }, "start", "lost"],
    [{ ...LIVE, sound: { microphone: "suspended", player: null } }, "resume", "lost"],
    [{ ...LIVE, sound: { microphone: "interrupted", player: null } }, "resume", "lost"],
    [{ ...LIVE, sound: { microphone: "muted", player: null } }, "mute", "silent"],
    [{ ...LIVE, sound: { microphone: "stopped", player: null } }, "start", "lost"],
    [{ ...PUSH, sound: { microphone: "suspended", player: null } }, "hold", "armed"],
    [{ ...PUSH, sound: { microphone: "stopped", player: null } }, "start", "lost"],
    [{ ...PUSH, microphone: microphone("paused") }, "hold", "armed"],
  ])("%j: %s", (change, action, look) => {
    expect(microphoneButton(state(change))).toMatchObject({ action, look });
  });

  it("is pressed only where it is a toggle", () => {
    expect(microphoneButton(state()).pressed).toBeNull();
    expect(microphoneButton(state(LIVE)).pressed).toBe(false);
    expect(microphoneButton(state({ ...LIVE, microphone: microphone("muted") })).pressed).toBe(true);
    expect(microphoneButton(state({ ...PUSH, holding: true })).pressed).toBe(true);
  });
});

describe("a kernel that does not answer", () => {
  const losses: Loss[] = [
    "looking",
    "offline",
    "server",
    "busy",
    "restarted",
    "shut_down",
    "silent",
    "unknown",
    "program",
    "closed",
    "refused",
  ];

  it.each(losses)("%s: says one thing to do, the same at the button and in the notice", (loss) => {
    const one = state({ ...LIVE, connected: false, loss });
    expect(hint(one).length).toBeGreaterThan(8);
    expect(hint(one).length).toBeLessThan(50);
    expect(invitation(one)).not.toBe("");
    expect(microphoneButton(one)).toMatchObject({ action: "start", look: "lost" });
    const runsAgain = ["restarted", "shut_down", "unknown"].includes(loss);
    expect(hint(one).startsWith("Run this cell"), hint(one)).toBe(runsAgain);
    expect(microphoneButton(one).label.startsWith("Run this cell")).toBe(runsAgain);
    if (loss !== "looking" && loss !== "") {
      expect(LOSSES[loss].text.includes(" Run this cell")).toBe(runsAgain);
    }
  });

  it("is never told a cause that was not found out", () => {
    for (const loss of ["", "looking", "silent", "unknown"] as const) {
      const one = state({ ...LIVE, connected: false, loss });
      const words = [status(one).word, hint(one), invitation(one), microphoneButton(one).label].join(" ");
      expect(words).not.toMatch(/gone|restarted|shut down|offline|busy|closed/i);
    }
  });
});

const MICROPHONE_FAULT_NAMES = Object.keys(MICROPHONE_FAULTS) as MicrophoneFault[];
const PLAYER_FAULT_NAMES = Object.keys(PLAYER_FAULTS) as PlayerFault[];

describe("every fault of sound", () => {
  it("has one hint that fits a narrow card, and promises no hearing", () => {
    const faults = [
      ...MICROPHONE_FAULT_NAMES.map((fault) => ({ microphone: fault, player: null })),
      ...PLAYER_FAULT_NAMES.map((fault) => ({ microphone: null, player: fault })),
    ];
    for (const sound of faults) {
      for (const turnTaking of ["automatic", "push_to_talk"] as const) {
        const one = state({ ...LIVE, turnTaking, sound });
        expect(hint(one).length).toBeLessThan(50);
        expect(hint(one)).not.toMatch(/whenever you like|Hold space|interrupt/);
        if (sound.microphone !== null) {
          expect(invitation(one) + placeholder(one)).not.toMatch(/talk/i);
          expect(status(one).word).toBe("not hearing");
        }
      }
    }
  });

  it("has a notice with a code of its own, in two sentences at most", () => {
    const notices = [...Object.values(MICROPHONE_FAULTS), ...Object.values(PLAYER_FAULTS)];
    expect(new Set(notices.map(({ code }) => code)).size).toBe(notices.length);
    for (const { text } of notices) {
      expect(text.match(/[.](\s|$)/g)!.length, text).toBeLessThanOrEqual(2);
    }
  });

  it("says nothing of a microphone that is off or muted here, or of one that is heard", () => {
    for (const now of ["off", "muted", "asking"] as const) {
      const one = state({
        ...LIVE,
        microphone: microphone(now),
        sound: { microphone: "silent", player: null },
      });
      expect(hint(one)).not.toMatch(/heard|sound/);
    }
    expect(hint(state(LIVE))).toBe("Talk whenever you like.");
  });
});

describe("every state", () => {
  const phases: Phase[] = ["idle", "connecting", "live", "ended"];
  const floors: Floor[] = ["listening", "user", "thinking", "model", "tool"];
  const microphones: MicrophoneState[] = ["off", "asking", "on", "muted", "paused", "refused", "missing"];

  it("has a word, a hint that fits a narrow card, an invitation and a labelled button", () => {
    for (const phase of phases) {
      for (const floor of floors) {
        for (const now of microphones) {
          for (const ownedElsewhere of [true, false]) {
            for (const turnTaking of ["automatic", "push_to_talk"] as const) {
              for (const view of ["talk", "translation", "dictation"] as const) {
                const one = state({
                  phase,
                  floor,
                  microphone: microphone(now),
                  owner: !ownedElsewhere,
                  ownedElsewhere,
                  turnTaking,
                  view,
                });
                expect(status(one).word).not.toBe("");
                expect(hint(one).length).toBeGreaterThan(8);
                expect(hint(one).length).toBeLessThan(50);
                expect(invitation(one)).not.toBe("");
                expect(placeholder(one)).not.toBe("");
                expect(microphoneButton(one).label).not.toBe("");
                const talks = view === "talk";
                expect(canInterrupt(one)).toBe(talks && phase === "live" && floor === "model");
                expect(canPushToTalk(one) && microphoneButton(one).action !== "hold").toBe(false);
                const words = status(one).word + hint(one) + invitation(one);
                expect(talks || !/typ(e|ing)/i.test(words), words).toBe(true);
              }
            }
          }
        }
      }
    }
  });
});
