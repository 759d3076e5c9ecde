// What microphone and camera have in common, and why there is no microphone, in plain words.

import type { Notice } from "../messages.gen.ts";
import type { MicrophoneState } from "../state.ts";

/** The device picked in this tab; storage may be refused in a frame. */
export function rememberedDevice(key: string): { get(): string; set(id: string): void } {
  return {
    get() {
      try {
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    set(id) {
      try {
        sessionStorage.setItem(key, id);
      } catch {
        // Then it holds for this widget alone.
      }
    },
  };
}

/** The devices of a kind, or null where they cannot be listed: a list is a convenience. */
export async function listDevices(kind: MediaDeviceKind): Promise<{ id: string; label: string }[] | null> {
  try {
    const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return found
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map((device) => ({ id: device.deviceId, label: device.label }));
  } catch {
    return null;
  }
}

export function stopTracks(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) {
    track.stop();
  }
}

export interface MicrophoneProblem {
  /** What the microphone's state is then. */
  state: Extract<MicrophoneState, "off" | "refused" | "missing">;
  /** The browser's word for it. */
  detail: string;
  notice: Notice;
}

const TEXTS: Record<string, [state: MicrophoneProblem["state"], text: string]> = {
  "microphone-refused": [
    "refused",
    "The browser refused the microphone. Click the camera icon in the address bar, allow the microphone for this page, then press ● again. You can type meanwhile.",
  ],
  "microphone-blocked": [
    "refused",
    "The program that shows this notebook keeps the microphone from it. Open the notebook in a browser, at its own address, to speak. You can type meanwhile.",
  ],
  "microphone-missing": [
    "missing",
    "No microphone was found. Plug one in or switch it on, then press ● again. You can type meanwhile.",
  ],
  "microphone-busy": [
    "off",
    "The microphone cannot be opened: another program may be using it. Close that program or pick another microphone in the settings, then press ● again.",
  ],
  "microphone-ended": [
    "off",
    "The microphone went away. It was unplugged, or its permission was taken back; plug it in or pick another in the settings, then press ● again.",
  ],
  "microphone-failed": [
    "off",
    "The microphone could not be started. Reload the page and press ● again. You can type meanwhile.",
  ],
  "page-not-secure": [
    "refused",
    "This page has no microphone because its address is not secure. Open the notebook through https:// or at http://localhost, then press ● again. You can type meanwhile.",
  ],
};

const CODES: Record<string, string> = {
  NotAllowedError: "microphone-refused",
  SecurityError: "microphone-refused",
  PermissionDeniedError: "microphone-refused",
  NotFoundError: "microphone-missing",
  OverconstrainedError: "microphone-missing",
  NotReadableError: "microphone-busy",
  AbortError: "microphone-busy",
  NotSecure: "page-not-secure",
  TrackEnded: "microphone-ended",
};

interface Policy {
  allowsFeature(name: string): boolean;
}

/** Whether the frame in which this page is shown may have a device at all; true where that cannot be asked. */
export function isAllowed(device: "microphone" | "camera"): boolean {
  const page = globalThis.document as
    | (Document & { permissionsPolicy?: Policy; featurePolicy?: Policy })
    | undefined;
  const policy = page?.permissionsPolicy ?? page?.featurePolicy;
  try {
    return policy?.allowsFeature(device) ?? true;
  } catch {
    return true;
  }
}

/** What `getUserMedia` failed with, as the user should read it. */
export function microphoneProblem(error: unknown, may = () => isAllowed("microphone")): MicrophoneProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  let code = Object.hasOwn(CODES, name) ? CODES[name]! : "microphone-failed";
  if (code === "microphone-refused" && !may()) {
    code = "microphone-blocked";
  }
  const [state, text] = TEXTS[code]!;
  return {
    state,
    detail: name === "NotSecure" || name === "TrackEnded" ? "" : name,
    notice: { level: "error", code, text },
  };
}

export const MICROPHONE_PROBLEMS: readonly string[] = [...Object.keys(TEXTS), "microphone-silent"];

export const MICROPHONE_SILENT: Notice = {
  level: "warning",
  code: "microphone-silent",
  text: "The microphone gives no sound. Check its switch and its volume in the system's settings, or pick another in the settings here.",
};
