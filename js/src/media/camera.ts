// The camera: asked for on a click, and why there is none.

import type { Notice } from "../state.ts";
import { allowed } from "./trouble.ts";

export interface LensTrouble {
  state: "off" | "refused" | "missing" | "ended";
  /** The browser's word for it. */
  detail: string;
  notice: Notice;
}

const TEXTS: Record<string, [state: LensTrouble["state"], text: string]> = {
  "camera-refused": [
    "refused",
    "The browser refused the camera. Click the camera icon in the address bar, allow the camera for this page, then press its button again.",
  ],
  "camera-blocked": [
    "refused",
    "The program that shows this notebook keeps the camera from it. Open the notebook in a browser, at its own address, or show a picture file.",
  ],
  "camera-missing": [
    "missing",
    "No camera was found. Plug one in or switch it on, then press its button again. You can show a picture file meanwhile.",
  ],
  "camera-busy": [
    "off",
    "The camera cannot be opened: another program may be using it. Close that program or pick another camera in the settings, then press its button again.",
  ],
  "camera-ended": [
    "ended",
    "The camera went away, so nothing is shown any more. It was unplugged, or its permission was taken back; press its button to start it again.",
  ],
  "camera-failed": ["off", "The camera could not be started. Reload the page and press its button again."],
  "camera-not-secure": [
    "refused",
    "This page has no camera because its address is not secure. Open the notebook through https:// or at http://localhost.",
  ],
};

const CODES: Record<string, string> = {
  NotAllowedError: "camera-refused",
  SecurityError: "camera-refused",
  NotFoundError: "camera-missing",
  OverconstrainedError: "camera-missing",
  NotReadableError: "camera-busy",
  AbortError: "camera-busy",
  NotSecure: "camera-not-secure",
  TrackEnded: "camera-ended",
};

export const CAMERA_TROUBLES: readonly string[] = Object.keys(TEXTS);

/** Takes the camera that was picked, or any where that one is gone. */
export async function askCamera(deviceId: string): Promise<MediaStream> {
  if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw new DOMException("", "NotSecure");
  }
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } };
  if (deviceId === "") {
    return navigator.mediaDevices.getUserMedia({ video });
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...video, deviceId: { exact: deviceId } } });
  } catch (error) {
    if (error instanceof DOMException && ["OverconstrainedError", "NotFoundError"].includes(error.name)) {
      return navigator.mediaDevices.getUserMedia({ video });
    }
    throw error;
  }
}

/** What `askCamera` failed with, as the user should read it. */
export function cameraTrouble(error: unknown, may = () => allowed("camera")): LensTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  let code = Object.hasOwn(CODES, name) ? CODES[name]! : "camera-failed";
  if (code === "camera-refused" && !may()) {
    code = "camera-blocked";
  }
  const [state, text] = TEXTS[code]!;
  const detail = name === "NotSecure" || name === "TrackEnded" ? "" : name;
  return { state, detail, notice: { level: "error", code, text } };
}
