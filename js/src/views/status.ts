// What the state means to the person: the word beside the dot, the hint below the text box, what ● does.

import type { State } from "../state.ts";
import { cleanLine } from "./format.ts";
import { pendingApprovals } from "./tool.ts";

/** Whose turn it is, as the dot shows it: a ring waits, a filled dot speaks. */
type Tone = "off" | "wait" | "you" | "you-sounding" | "model" | "model-sounding" | "warn" | "error";

interface Status {
  word: string;
  tone: Tone;
}

export function status(state: State): Status {
  if (!state.connected) {
    return { word: "kernel gone", tone: "error" };
  }
  switch (state.phase) {
    case "idle":
      return { word: "ready", tone: "off" };
    case "connecting":
      return { word: "connecting…", tone: "wait" };
    case "ended":
      return { word: "ended", tone: "off" };
    case "live":
      return liveStatus(state);
  }
}

function liveStatus(state: State): Status {
  switch (state.floor) {
    case "model":
      return { word: state.view === "translation" ? "translating" : "speaking", tone: "model-sounding" };
    case "thinking":
      return { word: "thinking…", tone: "model" };
    case "tool":
      return isAsked(state) ? { word: "asking you", tone: "warn" } : { word: "using a tool", tone: "model" };
    case "user":
      return { word: "hearing you", tone: "you-sounding" };
    case "listening":
      return microphoneStatus(state) ?? { word: "listening", tone: "you" };
  }
}

function microphoneStatus(state: State): Status | null {
  switch (state.microphone.state) {
    case "muted":
      return { word: "muted", tone: "off" };
    case "paused":
      return { word: "paused", tone: "warn" };
    case "asking":
      return { word: "asking…", tone: "wait" };
    case "refused":
    case "missing":
      return { word: acceptsText(state) ? "typing only" : "not hearing", tone: "off" };
    default:
      return null;
  }
}

/** True where another page has the microphone of the running session. */
export function isMirror(state: State): boolean {
  return state.ownedElsewhere && (state.phase === "live" || state.phase === "connecting");
}

/** True while the model speaks and can be interrupted; a translation cannot. */
export function canInterrupt(state: State): boolean {
  return state.connected && state.phase === "live" && state.floor === "model" && state.view === "talk";
}

/** True where the model answers typed text; models for translation and dictation only listen. */
export function acceptsText(state: State): boolean {
  return state.view === "talk";
}

/** True where holding the button or the space bar opens the microphone. */
export function canPushToTalk(state: State): boolean {
  return (
    state.connected &&
    state.phase === "live" &&
    state.owner &&
    state.turnTaking === "push_to_talk" &&
    (state.microphone.state === "on" || state.microphone.state === "muted")
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
    return "Run this cell again, or press ● to retry.";
  }
  if (isMirror(state)) {
    return "Another page has the microphone.";
  }
  switch (state.phase) {
    case "idle":
      return lacksMicrophone(state) ? noMicrophoneHint(state) : "● asks the browser for the microphone.";
    case "connecting":
      return "The browser may ask for the microphone.";
    case "ended":
      return "The talk has ended. Press ● to start again.";
    case "live":
      return liveHint(state);
  }
}

/** True while a tool call waits for the person at this page. */
function isAsked(state: State): boolean {
  return !state.ownedElsewhere && pendingApprovals(state).length > 0;
}

function liveHint(state: State): string {
  if (isAsked(state)) {
    return "A tool waits: allow it, or don't.";
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

/** The line in an empty transcript. */
export function invitation(state: State): string {
  if (!state.connected) {
    return "The kernel is gone.";
  }
  if (state.phase === "connecting") {
    return "Connecting…";
  }
  if (state.phase === "live" && state.microphone.state === "asking") {
    return "Allow the microphone, then talk.";
  }
  if (state.phase !== "live" || state.microphone.state !== "on" || isMirror(state)) {
    if (!acceptsText(state)) {
      return "Press ● and talk.";
    }
    return state.phase === "live" ? "Type something." : "Press ● and talk, or type.";
  }
  return state.turnTaking === "push_to_talk" ? "Hold space and talk." : "Just talk.";
}

export function placeholder(state: State): string {
  if (!state.connected) {
    return "Not connected";
  }
  const talks = state.phase === "live" && state.microphone.state === "on" && !isMirror(state);
  return talks && state.turnTaking === "automatic" ? "Type, or just talk…" : "Type a message…";
}

interface MicrophoneButton {
  action: "start" | "mute" | "hold" | "nothing";
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
    return { action: "start", look: "lost", label: "Try to reach the kernel again", pressed: null };
  }
  if (isMirror(state)) {
    return nothing("Another page has the microphone", "silent");
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
  if (canPushToTalk(state)) {
    return {
      action: "hold",
      look: state.holding ? "held" : "armed",
      label: "Hold to talk",
      pressed: state.holding,
    };
  }
  const isOn = state.microphone.state === "on";
  return {
    action: "mute",
    look: isOn ? "open" : "silent",
    label: "Mute the microphone",
    pressed: state.microphone.state === "muted",
  };
}

export function displayName(state: State): string {
  return cleanLine(state.name) || "Live";
}

export function speakerName(state: State): string {
  return cleanLine(state.speaker, 40) || "model";
}
