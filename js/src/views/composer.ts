// The lower line, always in one place: ●, stop, the text box, and a hint below it.

import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { attribute, button, el, icon, name, show, text, type View } from "./dom.ts";
import { eyes } from "./eyes.ts";
import type { Hold } from "./hold.ts";
import { microphoneView } from "./microphone-button.ts";
import { canInterrupt, hint, placeholder, takesText } from "./status.ts";

/** Longest message that can be typed, in UTF-16 units. */
const LONGEST = 8000;

export interface Composer extends View {
  level(value: number): void;
}

export function composer(store: Store, hold: Hold, actions: Actions, scope: Scope): Composer {
  const microphone = microphoneView(store, hold, actions, scope);
  const stop = button("lw-stop", "Stop the talk", el("span", "lw-square", { "aria-hidden": "true" }));
  const box = el("input", "lw-box", {
    type: "text",
    "aria-label": "Message",
    autocomplete: "off",
    enterkeyhint: "send",
    maxlength: String(LONGEST),
  });
  const send = el("button", "lw-plain lw-send", { type: "submit" }, icon("send"));
  name(send, "Send");
  const line = el("p", "lw-hint");
  const interrupt = interruptButton(actions);
  const below = el("div", "lw-below", {}, line, interrupt.element);
  const field = el("div", "lw-field", {}, box, send);
  const eye = eyes(actions.sight);
  const element = el("form", "lw-composer", {}, microphone.element, stop, field, eye.element, below);

  const ready = () => {
    attribute(send, "disabled", box.value.trim() && store.get().connected ? null : "");
  };
  stop.onclick = () => actions.stop();
  scope.listen(box, "input", ready);
  scope.listen(element, "submit", (event) => {
    event.preventDefault();
    const message = box.value.trim();
    if (message && store.get().connected) {
      actions.sendText(message);
      box.value = "";
      ready();
    }
  });

  return {
    element,
    level: microphone.level,
    update(state) {
      microphone.update(state);
      eye.update(state);
      const runs = state.connected && (state.phase === "live" || state.phase === "connecting");
      if (!runs && stop === document.activeElement) {
        // A disabled button keeps the focus and loses the keys.
        microphone.element.focus();
      }
      attribute(stop, "disabled", runs ? null : "");
      const typed = takesText(state);
      show(field, typed);
      attribute(element, "data-silent", typed ? null : "true");
      attribute(box, "disabled", state.connected && typed ? null : "");
      attribute(box, "placeholder", placeholder(state));
      text(line, hint(state));
      interrupt.update(state);
      ready();
    },
  };
}

function interruptButton(actions: Pick<Actions, "interrupt">): View {
  const key = el("kbd", "lw-key", {}, "esc");
  const element = el(
    "button",
    "lw-interrupt",
    { type: "button", title: "Interrupt (Escape)" },
    "Interrupt ",
    key,
  );
  element.onclick = () => actions.interrupt();
  return {
    element,
    update(state) {
      const wanted = canInterrupt(state);
      if (!wanted && element === document.activeElement) {
        // A hidden button loses the focus, and with it the keys of the card.
        element.closest<HTMLElement>(".livewidget")?.focus();
      }
      show(element, wanted);
    },
  };
}
