// The lower line, always in one place: ●, stop, the text box, and a hint below it; and a few suggestions to begin with.

import type { Scope } from "../scope.ts";
import type { Actions, Store } from "../state.ts";
import { attribute, button, el, focusBeside, icon, name, picture, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";
import { mediaButtons } from "./media-buttons.ts";
import type { PushToTalk } from "./push-to-talk.ts";
import { acceptsText, canInterrupt, hint, microphoneButton, placeholder } from "./status.ts";

const KEY_SOURCE = "button key";
/** Screen readers and voice control can only click: one click presses, the next releases. */
const CLICK_SOURCE = "click";

/** Each finger for itself: the release of another one ends nothing. */
const pointerSource = ({ pointerId }: PointerEvent) => `pointer ${pointerId}`;

interface MicrophoneView extends View {
  /** Shows the microphone's level, 0..1, as the size of the halo. */
  level(value: number): void;
}

function microphoneView(
  store: Store,
  pushToTalk: PushToTalk,
  actions: Pick<Actions, "start" | "toggleMute">,
  scope: Scope,
): MicrophoneView {
  const glyph = icon("microphone", 22);
  const element = button("lw-microphone", "Start talking", glyph);
  const action = () => microphoneButton(store.get()).action;
  // The click that ends a press does what the button said when it was pressed: a kernel that became busy meanwhile turns
  // "Hold to talk" into "Mute", and the press itself wakes a suspended microphone.
  let pressed: ReturnType<typeof action> | null = null;
  const pressedAction = () => {
    const now = pressed ?? action();
    pressed = null;
    return now;
  };
  for (const type of ["pointercancel", "blur"]) {
    scope.listen(element, type, () => {
      pressed = null;
    });
  }

  scope.listen<MouseEvent>(element, "click", (event) => {
    const now = pressedAction();
    if (now === "start") {
      actions.start();
    } else if (now === "mute") {
      actions.toggleMute();
    } else if (now === "hold" && event.detail === 0) {
      if (pushToTalk.isPressedBy(CLICK_SOURCE)) {
        pushToTalk.release(CLICK_SOURCE);
      } else {
        pushToTalk.press(CLICK_SOURCE);
      }
    }
  });
  scope.listen<PointerEvent>(element, "pointerdown", (event) => {
    if (event.button !== 0) {
      return;
    }
    pressed = action();
    if (pressed === "hold" && pushToTalk.press(pointerSource(event))) {
      try {
        // The finger may slide off the button without releasing it.
        element.setPointerCapture(event.pointerId);
      } catch {
        // It was released already.
      }
    }
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    // Without capture the release happens wherever the pointer is then.
    const release = (event: PointerEvent) => {
      pushToTalk.release(pointerSource(event));
      if (!(event.target instanceof Node && element.contains(event.target))) {
        pressed = null;
      }
    };
    scope.listen<PointerEvent>(window, type, release, { capture: true });
  }
  // A long press on a touch screen would open the context menu and cancel the pointer.
  scope.listen(element, "contextmenu", (event) => {
    if (action() === "hold") {
      event.preventDefault();
    }
  });
  scope.listen<KeyboardEvent>(element, "keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") {
      return;
    }
    if (!event.repeat) {
      pressed = action();
    }
    if (pressed === "hold" || pushToTalk.isPressedBy(KEY_SOURCE)) {
      // Prevents the click that would follow and count as a second press.
      event.preventDefault();
      if (!event.repeat) {
        pushToTalk.press(KEY_SOURCE);
      }
    }
  });
  scope.listen<KeyboardEvent>(element, "keyup", (event) => {
    // On a Mac, a key that is released while ⌘ is held says nothing of it.
    const ends = event.key === " " || event.key === "Enter" || event.key === "Meta";
    if (ends && (pressed === "hold" || pushToTalk.isPressedBy(KEY_SOURCE))) {
      event.preventDefault();
      pressed = null;
      pushToTalk.release(KEY_SOURCE);
    }
  });
  scope.listen(element, "blur", () => pushToTalk.release(KEY_SOURCE));

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
      // Not `disabled`, which would lose the focus while the browser asks for permission.
      attribute(element, "aria-disabled", now.action === "nothing" ? "true" : null);
      name(element, now.label, now.pressed && now.action === "mute" ? "Unmute the microphone" : now.label);
      picture(glyph, now.look === "silent" ? "silent" : "microphone");
    },
  };
}

/** Longest message that can be typed, in UTF-16 units; chosen: a few pages. */
const MAX_MESSAGE = 8000;

interface Composer extends View {
  level(value: number): void;
}

export function composer(store: Store, pushToTalk: PushToTalk, actions: Actions, scope: Scope): Composer {
  const microphone = microphoneView(store, pushToTalk, actions, scope);
  const stop = button("lw-stop", "Stop the talk", el("span", "lw-square", { "aria-hidden": "true" }));
  const box = el("input", "lw-box", {
    type: "text",
    "aria-label": "Message",
    autocomplete: "off",
    enterkeyhint: "send",
    maxlength: String(MAX_MESSAGE),
  });
  const send = el("button", "lw-plain lw-send", { type: "submit" }, icon("send"));
  name(send, "Send");
  const line = el("p", "lw-hint");
  const interrupt = interruptButton(actions);
  const below = el("div", "lw-below", {}, line, interrupt.element);
  const field = el("div", "lw-field", {}, box, send);
  const media = mediaButtons(actions.video);
  const element = el("form", "lw-composer", {}, microphone.element, stop, field, media.element, below);

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
      media.update(state);
      const runs = state.connected && (state.phase === "live" || state.phase === "connecting");
      if (!runs && stop === focusBeside(stop)) {
        // A disabled button keeps the focus but gets no keys.
        microphone.element.focus();
      }
      attribute(stop, "disabled", runs ? null : "");
      const typed = acceptsText(state);
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
      if (!wanted && element === focusBeside(element)) {
        // A hidden button loses the focus, and the card would lose its keys.
        element.closest<HTMLElement>(".livewidget")?.focus();
      }
      show(element, wanted);
    },
  };
}

/** Chosen: two lines of a wide card. */
const MAX_SUGGESTIONS = 6;

export function suggestions(actions: Pick<Actions, "sendText">): View {
  const label = el("span", "lw-try-label", {}, "Try saying");
  const element = el("div", "lw-try", { role: "group", "aria-label": "Try saying" }, label);
  let current: string[] = [];
  let typed = true;
  return {
    element,
    update(state) {
      const offered = state.suggestions.slice(0, MAX_SUGGESTIONS);
      const same =
        offered.length === current.length && offered.every((words, index) => words === current[index]);
      if (!same || typed !== acceptsText(state)) {
        current = offered;
        typed = acceptsText(state);
        const make = (words: string) =>
          typed ? suggestionButton(words, () => actions.sendText(words)) : suggestionText(words);
        element.replaceChildren(label, ...offered.map(make));
      }
      for (const node of element.querySelectorAll("button")) {
        attribute(node, "disabled", state.connected ? null : "");
      }
      const wanted = state.turns.length === 0 || state.phase === "idle";
      show(element, wanted && offered.length > 0);
    },
  };
}

function suggestionButton(words: string, send: () => void): HTMLButtonElement {
  const shown = cleanLine(words, 80);
  const node = button("lw-suggestion", `Say: ${shown}`);
  text(node, shown);
  node.onclick = send;
  return node;
}

/** A suggestion to be spoken: a model that takes no text cannot be sent it by a click. */
function suggestionText(words: string): HTMLElement {
  return el("span", "lw-sentence", {}, `“${cleanLine(words, 80)}”`);
}
