// What the state means to the person: the word beside the dot, the hint below the text box, what ● does.

import type { MicrophoneFault, PlayerFault } from "../audio/sound-watch.ts";
import type { Ending, Turn } from "../messages.gen.ts";
import type { LinkReason, Loss, State } from "../state.ts";
import { cleanLine } from "./format.ts";
import { mayDecide, pendingApprovals } from "./tool.ts";

/** Whose turn it is, as the dot shows it: a ring waits, a filled dot speaks. */
type Tone = "off" | "wait" | "you" | "you-sounding" | "model" | "model-sounding" | "warn" | "error";

interface Status {
  word: string;
  tone: Tone;
}

export function status(state: State): Status {
  if (!state.connected) {
    const { word } = LOST[state.loss];
    return { word, tone: FINDS_BACK.includes(state.loss) ? "warn" : "error" };
  }
  switch (state.phase) {
    case "idle":
      return { word: "ready", tone: "off" };
    case "connecting":
      return { word: "connecting…", tone: "wait" };
    case "ended":
      return { word: ENDED[state.ending][0], tone: "off" };
    case "live":
      return liveStatus(state);
  }
}

/** What the card says while the kernel does not answer. */
interface LostView {
  word: string;
  /** What is the matter, in an empty transcript. */
  cause: string;
  /** The one thing to do. */
  hint: string;
  /** What ● does. */
  button: string;
}

const LOOK_AGAIN = "Look for the kernel again";
const RUN_AGAIN = { hint: "Run this cell to talk again.", button: "Run this cell to talk again" };
const NO_ANSWER = { word: "no answer", cause: "The kernel does not answer." };

const LOST: Record<Loss, LostView> = {
  "": { ...NO_ANSWER, hint: "The kernel does not answer.", button: LOOK_AGAIN },
  looking: { ...NO_ANSWER, hint: "No answer from the kernel; looking why…", button: LOOK_AGAIN },
  offline: {
    word: "offline",
    cause: "You are offline.",
    hint: "Check your network; it goes on by itself.",
    button: LOOK_AGAIN,
  },
  server: {
    word: "no server",
    cause: "The notebook server does not answer.",
    hint: "Wait for the server; it goes on by itself.",
    button: LOOK_AGAIN,
  },
  busy: {
    word: "kernel busy",
    cause: "The kernel is busy.",
    hint: "Wait, or interrupt the running cell.",
    button: LOOK_AGAIN,
  },
  restarted: { word: "restarted", cause: "The kernel was restarted.", ...RUN_AGAIN },
  shut_down: { word: "no kernel", cause: "The kernel was shut down.", ...RUN_AGAIN },
  silent: { ...NO_ANSWER, hint: "Wait, or run this cell to talk again.", button: LOOK_AGAIN },
  unknown: { ...NO_ANSWER, ...RUN_AGAIN },
  program: {
    word: "no answer",
    cause: "The program does not answer.",
    hint: "Wait for the program; it goes on by itself.",
    button: "Look for the program again",
  },
  closed: {
    word: "closed",
    cause: "This conversation was closed.",
    hint: "Start it again where you started it.",
    button: "Look for the program again",
  },
  refused: {
    word: "not admitted",
    cause: "This page may not join any more.",
    hint: "Open this page anew.",
    button: "Open this page anew",
  },
};

/** Losses after which the conversation may go on by itself. */
const FINDS_BACK: readonly Loss[] = ["", "looking", "offline", "server", "busy", "silent", "program"];

/** How the last conversation ended: the word for it, and what to do. */
const ENDED: Record<Ending, [word: string, hint: string]> = {
  "": ["ended", "The talk has ended. Press ● to start again."],
  stopped: ["ended", "The talk has ended. Press ● to start again."],
  never_opened: ["not connected", "No connection. Press ● to try again."],
  interrupted: ["broken off", "The talk broke off. Press ● to go on."],
};

function liveStatus(state: State): Status {
  switch (state.floor) {
    case "model":
      if (state.owner && state.sound.player !== null) {
        return playerStatus(state.sound.player);
      }
      return { word: state.view === "translation" ? "translating" : "speaking", tone: "model-sounding" };
    case "thinking":
      return { word: "thinking…", tone: "model" };
    case "tool":
      return isAsked(state) ? { word: "asking you", tone: "warn" } : { word: "using a tool", tone: "model" };
    case "user":
      return (
        deafStatus(state) ?? {
          word: isCalled(state) ? "hearing the caller" : "hearing you",
          tone: "you-sounding",
        }
      );
    case "listening":
      return deafStatus(state) ?? microphoneStatus(state) ?? { word: "listening", tone: "you" };
  }
}

/** The model's answer comes, and is not heard. */
function playerStatus(fault: PlayerFault): Status {
  return hasNoPlayer(fault) ? { word: "answering", tone: "model" } : { word: "not heard", tone: "warn" };
}

/** True where the page cannot play anything, so that answers are read as they come. */
export function hasNoPlayer(fault: PlayerFault | null): boolean {
  return fault === "not-secure" || fault === "missing";
}

function deafStatus(state: State): Status | null {
  return isDeaf(state) ? { word: "not hearing", tone: "warn" } : null;
}

/** True where the microphone is on and nothing of it arrives. */
function isDeaf({ microphone, sound }: State): boolean {
  return sound.microphone !== null && (microphone.state === "on" || microphone.state === "paused");
}

function microphoneStatus(state: State): Status | null {
  switch (state.microphone.state) {
    case "muted":
      return { word: "muted", tone: "off" };
    case "paused":
      return { word: "paused", tone: "warn" };
    case "asking":
      return { word: "asking…", tone: "wait" };
    case "off":
      // A session that was begun by typing or from Python listens to text alone.
      return state.ownedElsewhere
        ? null
        : { word: acceptsText(state) ? "typing only" : "not hearing", tone: "off" };
    case "refused":
    case "missing":
      return { word: acceptsText(state) ? "typing only" : "not hearing", tone: "off" };
    default:
      return null;
  }
}

/** True where a caller has the microphone and the voice of the running session. */
export function isCalled(state: State): boolean {
  return state.calledBy !== "" && isMirror(state);
}

/** True where another page has the microphone of the running session. */
export function isMirror(state: State): boolean {
  return state.ownedElsewhere && (state.phase === "live" || state.phase === "connecting");
}

/** True while the model speaks and can be interrupted; a translation cannot. */
export function canInterrupt(state: State): boolean {
  return state.connected && state.phase === "live" && state.floor === "model" && state.view === "talk";
}

/** True where the model answers typed text; models for translation and dictation only listen, and so do some agents. */
export function acceptsText(state: State): boolean {
  return state.view === "talk" && state.reads;
}

/** True where holding the button or the space bar opens the microphone. */
export function canPushToTalk(state: State): boolean {
  return (
    state.connected &&
    state.phase === "live" &&
    state.owner &&
    state.turnTaking === "push_to_talk" &&
    // While the kernel is busy a press goes on: what is said is kept.
    ["on", "muted", "paused"].includes(state.microphone.state) &&
    state.sound.microphone !== "stopped"
  );
}

function noMicrophoneHint(state: State): string {
  return acceptsText(state) ? "You can type; press ● to try again." : "Press ● to try again.";
}

function lacksMicrophone(state: State): boolean {
  return state.microphone.state === "refused" || state.microphone.state === "missing";
}

/** The line below the text box; never empty, so that nothing moves when it changes. */
export function hint(state: State): string {
  if (!state.connected) {
    return LOST[state.loss].hint;
  }
  if (isCalled(state)) {
    return isAsked(state) ? ASKED : callHint(state);
  }
  if (isMirror(state)) {
    return "In another page. Press ● to talk here.";
  }
  switch (state.phase) {
    case "idle":
      if (lacksMicrophone(state)) {
        return noMicrophoneHint(state);
      }
      return state.barred ? "This page gets no microphone." : "● asks the browser for the microphone.";
    case "connecting":
      // What is said now is kept and sent once there is a connection.
      return state.microphone.state === "on" && !isDeaf(state) && state.turnTaking === "automatic"
        ? "Connecting; you can talk already."
        : "The browser may ask for the microphone.";
    case "ended":
      return ENDED[state.ending][1];
    case "live":
      return liveHint(state);
  }
}

/** What a person can do while a caller talks; short where there is a button to interrupt beside it. */
function callHint(state: State): string {
  if (canInterrupt(state)) {
    return "A caller listens.";
  }
  return `A caller talks here. ${acceptsText(state) ? "Read along, or type." : "Read along."}`;
}

/** True while a tool call waits for the person at this page. */
function isAsked(state: State): boolean {
  return mayDecide(state) && pendingApprovals(state).length > 0;
}

const ASKED = "A tool waits: allow it, or don't.";

/** The next thing to do about a fault; its notice says more. */
const MICROPHONE_HINTS: Record<MicrophoneFault, string> = {
  suspended: "Not heard: click this card to go on.",
  interrupted: "Not heard: click this card to go on.",
  muted: "Not heard: unmute it outside this page.",
  stopped: "Not heard: press ● to restart the microphone.",
  silent: "No sound comes: check the microphone's switch.",
};

const PLAYER_HINTS: Record<PlayerFault, string> = {
  blocked: "Click to hear the voice.",
  suspended: "Click to hear the voice.",
  interrupted: "Click to hear the voice.",
  stalled: "Check the sound output: no voice.",
  "not-secure": "Type and read: no sound here.",
  missing: "Read the answers: no voice.",
};

/** What to do so that sound arrives; null where it does. */
function soundHint(state: State): string | null {
  const { microphone, player } = state.sound;
  if (microphone !== null && isDeaf(state)) {
    return MICROPHONE_HINTS[microphone];
  }
  return player === null ? null : PLAYER_HINTS[player];
}

function liveHint(state: State): string {
  if (isAsked(state)) {
    return ASKED;
  }
  const sound = soundHint(state);
  if (sound !== null) {
    return sound;
  }
  switch (state.microphone.state) {
    case "off":
      return "The microphone is off. Press ● to talk.";
    case "asking":
      return "Allow the microphone in the browser's question.";
    case "muted":
      return "Muted. Press the microphone to go on.";
    case "paused":
      return "The microphone is paused.";
    case "refused":
    case "missing":
      return noMicrophoneHint(state);
    case "on":
      break;
  }
  if (state.turnTaking === "push_to_talk") {
    return state.holding ? "Release to send." : "Hold space, or the button, to talk.";
  }
  switch (state.view) {
    case "translation":
      return "Talk; the translation follows.";
    case "dictation":
      return "Talk; it is written down.";
    case "talk":
      return state.floor === "model" ? "Speak to interrupt." : "Talk whenever you like.";
  }
}

/** True where a person who talks is heard. */
function hears(state: State): boolean {
  return state.microphone.state === "on" && state.sound.microphone === null && !isMirror(state);
}

/** The line in an empty transcript. */
export function invitation(state: State): string {
  if (!state.connected) {
    return LOST[state.loss].cause;
  }
  if (state.phase === "connecting") {
    return "Connecting…";
  }
  if (state.phase === "live" && state.microphone.state === "asking") {
    return "Allow the microphone, then talk.";
  }
  if (state.phase !== "live" || !hears(state)) {
    if (!acceptsText(state)) {
      return state.barred ? "This page gets no microphone." : "Press ● and talk.";
    }
    return state.phase === "live" || state.barred ? "Type something." : "Press ● and talk, or type.";
  }
  return state.turnTaking === "push_to_talk" ? "Hold space and talk." : "Just talk.";
}

export function placeholder(state: State): string {
  if (!state.connected) {
    return "Not connected";
  }
  const talks = state.phase === "live" && hears(state);
  return talks && state.turnTaking === "automatic" ? "Type, or just talk…" : "Type a message…";
}

interface MicrophoneButton {
  action: "start" | "mute" | "hold" | "resume" | "nothing";
  look: "record" | "lost" | "open" | "armed" | "held" | "silent" | "wait";
  label: string;
  /** Null where the button is not a toggle. */
  pressed: boolean | null;
}

/** What the round button does and shows now. */
export function microphoneButton(state: State): MicrophoneButton {
  const nothing = (label: string, look: MicrophoneButton["look"]): MicrophoneButton => ({
    action: "nothing",
    look,
    label,
    pressed: null,
  });
  if (!state.connected) {
    return { action: "start", look: "lost", label: LOST[state.loss].button, pressed: null };
  }
  if (isCalled(state)) {
    return nothing("A caller has the microphone", "silent");
  }
  if (isMirror(state) && state.microphone.state !== "asking") {
    return {
      action: "start",
      look: "record",
      label: "Take the microphone and the voice here",
      pressed: null,
    };
  }
  if (state.phase === "connecting") {
    return nothing("Connecting", "wait");
  }
  if (state.phase !== "live") {
    return { action: "start", look: "record", label: "Start talking", pressed: null };
  }
  switch (state.microphone.state) {
    case "asking":
      return nothing("Waiting for the browser's permission", "wait");
    case "off":
    case "refused":
    case "missing":
      return { action: "start", look: "record", label: "Turn the microphone on", pressed: null };
    default:
      return activeButton(state);
  }
}

function activeButton(state: State): MicrophoneButton {
  if (state.sound.microphone === "stopped") {
    return { action: "start", look: "lost", label: "Restart the microphone", pressed: null };
  }
  if (canPushToTalk(state)) {
    return {
      action: "hold",
      look: state.holding ? "held" : "armed",
      label: "Hold to talk",
      pressed: state.holding,
    };
  }
  const fault = isDeaf(state) ? state.sound.microphone : null;
  if (fault === "suspended" || fault === "interrupted") {
    // Any click does that.
    return { action: "resume", look: "lost", label: "Turn the microphone back on", pressed: null };
  }
  const isOn = state.microphone.state === "on" && fault !== "muted";
  return {
    action: "mute",
    look: isOn ? "open" : "silent",
    label: "Mute the microphone",
    pressed: state.microphone.state === "muted",
  };
}

const WHY_NO_SOCKET: Record<LinkReason, string> = {
  "": "",
  asking: "a socket of its own is being asked for",
  opening: "a socket of its own is being opened",
  off: "because a socket of its own is switched off (LIVEWIDGET_SOCKET=0)",
  unavailable: "because the kernel could not open a port",
  unreachable: "because the browser may not reach the kernel's computer from this page",
  refused: "because nothing answered at the kernel's port",
  stranger: "because another program answered at the kernel's port",
  broken: "because its socket broke; it is tried again",
  ended: "because the kernel closed its socket; it is asked for another",
};

/** Which way messages to the kernel take, and why; before it, where sound goes if that is another way. */
export function connectionLine({ link, page, direct }: State): string {
  const sound = direct ? "Sound: straight between this browser and the service. " : "";
  const to = `${sound}Connection to the ${page ? "program" : "kernel"}`;
  if (link.way === "socket") {
    return `${to}: a socket of its own${link.proxied ? ", by way of jupyter-server-proxy" : ""}.`;
  }
  return link.way === "none" ? `${to}: none.` : `${to}: through the notebook, ${WHY_NO_SOCKET[link.reason]}.`;
}

export function displayName(state: State): string {
  return cleanLine(state.name) || "Live";
}

export function speakerName(state: State): string {
  return cleanLine(state.speaker, 40) || "model";
}

/** Who speaks now, or spoke last. */
export function currentAgent(state: State): string {
  const last = [...state.turns].reverse().find((turn) => turn.speaker === "model");
  return last ? agentName(last, state) : speakerName(state);
}

/** Who spoke in a turn of the user's: the person here, or a caller. */
export function userName(turn: Turn): string {
  return cleanLine(turn.agent, 40) || "you";
}

/** Who speaks in a turn of the model's: the agent that it was handed over to, else the one that it began with. */
export function agentName(turn: Turn, state: State): string {
  return cleanLine(turn.agent, 40) || speakerName(state);
}
