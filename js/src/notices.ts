// The page's own notices and those of the kernel in one list: one per code, newest last.

import type { MicrophoneFault, PlayerFault } from "./audio/sound-watch.ts";
import type { Busy } from "./messages.gen.ts";
import type { Loss, Notice, Store } from "./state.ts";

/** Why what the microphone gives does not arrive, by what the kernel says keeps it waiting. All have one code. */
export const MICROPHONE_WAITS: Record<Busy, Notice> = {
  cell: {
    level: "warning",
    code: "kernel-busy",
    text: "Kernel busy: microphone paused. This kernel hears the browser only between cells; it goes on when the cell ends.",
  },
  kernel: {
    level: "warning",
    code: "kernel-busy",
    text: "Kernel busy: microphone paused. The kernel takes no messages now; it goes on by itself.",
  },
  "": {
    level: "warning",
    code: "kernel-busy",
    text: "Microphone paused: what you say reaches the kernel too late. It goes on by itself; if this stays, close other programs and tabs, or check the network.",
  },
};

const lost = (level: Notice["level"], text: string): Notice => ({ level, code: "kernel-gone", text });

/** Why the kernel does not answer, and what to do. All have one code: one takes the place of another. */
export const LOSSES: Record<Exclude<Loss, "" | "looking">, Notice> = {
  offline: lost(
    "warning",
    "You are offline, so the microphone is off. The conversation goes on when the network is back.",
  ),
  server: lost(
    "warning",
    "The notebook server does not answer, so the microphone is off. The conversation goes on when it does.",
  ),
  busy: lost(
    "warning",
    "The kernel is busy and takes no messages, so the microphone is off. Wait, or interrupt the running cell.",
  ),
  restarted: lost("error", "The kernel was restarted. Run this cell to talk again."),
  shut_down: lost("error", "The kernel was shut down. Run this cell to talk again."),
  silent: lost(
    "warning",
    "The kernel does not answer, so the microphone is off. It may be busy: wait, or run this cell to talk again.",
  ),
  unknown: lost(
    "error",
    "The kernel does not answer, so the microphone is off. Run this cell to talk again.",
  ),
  program: lost(
    "warning",
    "The program behind this page does not answer, so the microphone is off. The conversation goes on when it does.",
  ),
  closed: lost(
    "error",
    "This conversation was closed, so the microphone is off. Start it again where you started it: in the notebook or the terminal.",
  ),
  refused: lost(
    "error",
    "This page may not join the conversation any more. Open it anew, from the notebook or the terminal.",
  ),
};

/** By the fault that keeps the microphone's sound from arriving. */
export const MICROPHONE_FAULTS: Record<MicrophoneFault, Notice> = {
  suspended: {
    level: "warning",
    code: "microphone-suspended",
    text: "The browser suspended the microphone, so you are not heard. Click this card to turn it back on.",
  },
  interrupted: {
    level: "warning",
    code: "microphone-interrupted",
    text: "The system interrupted the microphone, so you are not heard. Click this card to turn it back on.",
  },
  muted: {
    level: "warning",
    code: "microphone-muted",
    text: "The microphone is muted outside this page, so you are not heard. Unmute it where it was muted: on the headset, in the browser or in the system's settings.",
  },
  stopped: {
    level: "warning",
    code: "microphone-stopped",
    text: "The microphone sends no sound any more, so you are not heard. Press ● to restart it.",
  },
  silent: {
    level: "warning",
    code: "microphone-silent",
    text: "The microphone gives no sound. Check its switch and its volume in the system's settings, or pick another in the settings here.",
  },
};

/** No secure context has neither `mediaDevices` nor `audioWorklet`: one notice for both. */
export const NOT_SECURE_PAGE: Notice = {
  level: "error",
  code: "page-not-secure",
  text: "This page can neither hear you nor play the voice because its address is not secure. Open it through https:// or at http://localhost; until then you can type, and read the answers.",
};

export const MICROPHONE_MOVED = "microphone-moved";

/** Cards often have the same name: it is told where it says which. */
const otherCard = (name: string, mine: string) =>
  name === "" || name === mine ? "another card in this page" : `“${name}” in this page`;

export function microphoneWent(to: string, mine: string): Notice {
  const text = `The microphone moved to ${otherCard(to, mine)}, so you are not heard here. Press ● to take it back.`;
  return { level: "info", code: MICROPHONE_MOVED, text };
}

export function microphoneCame(from: string, mine: string): Notice {
  const text = `The microphone moved here from ${otherCard(from, mine)}, which does not hear you any more.`;
  return { level: "info", code: MICROPHONE_MOVED, text };
}

/** By the fault that keeps the model's audio from being heard. */
export const PLAYER_FAULTS: Record<PlayerFault, Notice> = {
  blocked: {
    level: "warning",
    code: "sound-blocked",
    text: "The browser blocks sound until you click. Click this card to hear the voice.",
  },
  suspended: {
    level: "warning",
    code: "sound-suspended",
    text: "The browser suspended the sound, so you do not hear the voice. Click this card to go on.",
  },
  interrupted: {
    level: "warning",
    code: "sound-interrupted",
    text: "The system interrupted the sound, so you do not hear the voice. Click this card to go on.",
  },
  stalled: {
    level: "warning",
    code: "sound-stalled",
    text: "The voice waits because this computer plays no sound. Check its sound output; the voice goes on from there.",
  },
  "not-secure": NOT_SECURE_PAGE,
  missing: {
    level: "warning",
    code: "no-player",
    text: "The voice cannot be played because the browser did not load the player. Reload this page to try again; until then you can read the answers.",
  },
};

export const OTHER_PAGE: Notice = {
  level: "info",
  code: "other-page",
  text: "Another page has the microphone and the voice of this conversation. Here you can read along and type; press ● to take them.",
};

/** Of the same code: a caller is in the place of the other page. */
export const CALLED: Notice = {
  level: "info",
  code: "other-page",
  text: "A caller has the microphone and the voice of this conversation. Here you can read along and type.",
};

/** In place of the card, in a page whose program does not answer when it is opened. */
export const SILENT_PROGRAM =
  "The program behind this page does not answer. Start it again where you started it, and open the address that it gives.";

export const NO_PICTURE: Notice = {
  level: "error",
  code: "no-picture",
  text: "This file is no picture that the browser can read. Choose a JPEG, PNG, WebP or GIF file.",
};

export const TOO_MANY_PICTURES: Notice = {
  level: "warning",
  code: "too-many-pictures",
  text: "This picture was not sent: eight are waiting, and one a second goes out. Wait a little, then show it again.",
};

export class Notices {
  readonly #store: Store;
  readonly #own = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Shows a notice of this page. */
  show(notice: Notice): void {
    this.#own.add(notice.code);
    this.#put(notice);
  }

  /** Shows a notice of the kernel. */
  showFromKernel(notice: Notice): void {
    this.#own.delete(notice.code);
    this.#put(notice);
  }

  clear(...codes: readonly string[]): void {
    const notices = this.#store.get().notices.filter((notice) => !codes.includes(notice.code));
    if (notices.length !== this.#store.get().notices.length) {
      this.#store.set({ notices });
    }
  }

  /** Replaces all of the kernel's notices. */
  replace(notices: readonly Notice[]): void {
    const own = this.#store.get().notices.filter((notice) => this.#own.has(notice.code));
    const codes = new Set(notices.map((notice) => notice.code));
    this.#store.set({ notices: [...notices, ...own.filter((notice) => !codes.has(notice.code))] });
  }

  #put(notice: Notice): void {
    const others = this.#store.get().notices.filter((known) => known.code !== notice.code);
    this.#store.set({ notices: [...others, notice] });
  }
}
