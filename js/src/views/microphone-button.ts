// ●: starts the talk, then mutes or is held, by what the state makes of it.

import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { attribute, button, icon, name, picture, type View } from "./dom.ts";
import type { Hold } from "./hold.ts";
import { microphoneButton } from "./status.ts";

const POINTER = "pointer";
const KEY = "button key";
/** Screen readers and voice control can only click: one click opens, the next closes. */
const CLICK = "click";

export interface MicrophoneView extends View {
  /** Your level now, 0..1: the halo breathes with it. */
  level(value: number): void;
}

export function microphoneView(
  store: Store,
  hold: Hold,
  actions: Pick<Actions, "start" | "toggleMute">,
  scope: Scope,
): MicrophoneView {
  const glyph = icon("microphone", 22);
  const element = button("lw-microphone", "Start talking", glyph);
  const does = () => microphoneButton(store.get()).does;

  scope.listen<MouseEvent>(element, "click", (event) => {
    const now = does();
    if (now === "start") {
      actions.start();
    } else if (now === "mute") {
      actions.toggleMute();
    } else if (now === "hold" && event.detail === 0) {
      if (hold.holds(CLICK)) {
        hold.end(CLICK);
      } else {
        hold.begin(CLICK);
      }
    }
  });
  scope.listen<PointerEvent>(element, "pointerdown", (event) => {
    if (event.button === 0 && does() === "hold" && hold.begin(POINTER)) {
      // The finger may slide off the button without ending the sentence.
      element.setPointerCapture(event.pointerId);
    }
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    scope.listen(element, type, () => hold.end(POINTER));
  }
  // A long press on a touch screen would open the context menu and end the pointer.
  scope.listen(element, "contextmenu", (event) => {
    if (does() === "hold") {
      event.preventDefault();
    }
  });
  scope.listen<KeyboardEvent>(element, "keydown", (event) => {
    if ((event.key === " " || event.key === "Enter") && does() === "hold") {
      // No click may follow: it would count as a second press.
      event.preventDefault();
      if (!event.repeat) {
        hold.begin(KEY);
      }
    }
  });
  scope.listen<KeyboardEvent>(element, "keyup", (event) => {
    if ((event.key === " " || event.key === "Enter") && hold.holds(KEY)) {
      event.preventDefault();
      hold.end(KEY);
    }
  });
  scope.listen(element, "blur", () => hold.end(KEY));

  let shown = 0;
  return {
    element,
    level(value) {
      const rounded = Math.round(Math.sqrt(Math.min(1, Math.max(0, value))) * 20) / 20;
      if (rounded !== shown) {
        shown = rounded;
        element.style.setProperty("--lw-level", String(rounded));
      }
    },
    update(state) {
      const now = microphoneButton(state);
      attribute(element, "data-look", now.look);
      attribute(element, "aria-pressed", now.pressed === null ? null : String(now.pressed));
      // Not `disabled`: it would lose the focus while the browser asks for permission.
      attribute(element, "aria-disabled", now.does === "nothing" ? "true" : null);
      name(element, now.label, now.pressed && now.does === "mute" ? "Unmute the microphone" : now.label);
      picture(glyph, now.look === "silent" ? "silent" : "microphone");
    },
  };
}
