// A screen, a window or a tab: chosen by the person in the browser's own dialog, each time anew.

import type { Notice } from "../state.ts";
import type { LensTrouble } from "./camera.ts";

const NOT_CHOSEN: Notice = {
  level: "info",
  code: "screen-refused",
  text: "No screen is shown: none was chosen, or the browser or the system refused it. Press the button to choose again.",
};
const MISSING: Notice = {
  level: "error",
  code: "screen-missing",
  text: "This browser shows no screens here. It takes a computer's browser, at an https:// address or http://localhost; a picture file can be shown instead.",
};
const ENDED: Notice = {
  level: "info",
  code: "screen-ended",
  text: "The screen is not shown any more: sharing was stopped, or the window was closed.",
};
const FAILED: Notice = {
  level: "error",
  code: "screen-failed",
  text: "The screen could not be shown. Choose another one, or show a picture file.",
};

export const SCREEN_TROUBLES: readonly string[] = [NOT_CHOSEN, MISSING, ENDED, FAILED].map(
  ({ code }) => code,
);

export async function askScreen(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new DOMException("", "NotSecure");
  }
  return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 5 } }, audio: false });
}

/** What `askScreen` failed with, as the user should read it. */
export function screenTrouble(error: unknown): LensTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return { state: "refused", detail: name, notice: NOT_CHOSEN };
    case "NotSecure":
      return { state: "missing", detail: "", notice: MISSING };
    case "TrackEnded":
      return { state: "ended", detail: "", notice: ENDED };
    default:
      return { state: "off", detail: name, notice: FAILED };
  }
}
