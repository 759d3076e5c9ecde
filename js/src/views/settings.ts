// The settings, over the card rather than beside it: devices, volume, how turns are taken, whom one talks to.

import type { Scope } from "../scope.ts";
import type { Actions, State, TurnTaking } from "../state.ts";
import { attribute, el, freshId, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";
import { deviceRow, percentRow } from "./rows.ts";
import { sightRows } from "./sight-rows.ts";

const MODES: { mode: TurnTaking; label: string; explained: string }[] = [
  { mode: "automatic", label: "Automatic", explained: "it hears when you begin and end" },
  { mode: "push_to_talk", label: "Push to talk", explained: "hold space or the button" },
];

export interface Settings extends View {
  /** True if it was open. */
  close(): boolean;
}

type SettingsActions = Pick<Actions, "pickMicrophone" | "setVolume" | "setTurnTaking" | "sight">;

export function settings(opener: HTMLButtonElement, actions: SettingsActions, scope: Scope): Settings {
  const id = freshId("settings");
  const microphone = deviceRow(
    "Microphone",
    (state) => state.microphone,
    (device) => actions.pickMicrophone(device),
  );
  const volume = percentRow(
    "Volume",
    { min: 0, max: 100 },
    ({ playback }) => Math.round(playback.volume * 100),
    (percent) => actions.setVolume(percent / 100),
  );
  const parts = [microphone, volume, ...sightRows(actions.sight), modeRow(actions), modelRow()];
  const element = el("div", "lw-settings", { id, role: "dialog", "aria-label": "Settings" });
  element.append(...parts.map((part) => part.element));
  element.hidden = true;
  attribute(opener, "aria-expanded", "false");
  attribute(opener, "aria-controls", id);
  attribute(opener, "aria-haspopup", "dialog");

  const turn = (open: boolean) => {
    show(element, open);
    attribute(opener, "aria-expanded", String(open));
  };
  const close = () => {
    if (element.hidden) {
      return false;
    }
    const inside = element.contains(document.activeElement);
    turn(false);
    if (inside) {
      opener.focus();
    }
    return true;
  };
  scope.listen(opener, "click", () => {
    if (!close()) {
      turn(true);
      element.querySelector<HTMLElement>("select, input")?.focus();
    }
  });
  const isElsewhere = (target: unknown) =>
    target instanceof Node && !element.contains(target) && !opener.contains(target);
  scope.listen(document, "pointerdown", (event) => {
    if (isElsewhere(event.composedPath()[0])) {
      close();
    }
  });
  scope.listen<FocusEvent>(element, "focusout", (event) => {
    if (isElsewhere(event.relatedTarget)) {
      turn(false);
    }
  });
  for (const node of [element, opener]) {
    scope.listen<KeyboardEvent>(node, "keydown", (event) => {
      if (event.key === "Escape" && close()) {
        // Escape also interrupts; one press does one thing.
        event.preventDefault();
        opener.focus();
      }
    });
  }
  return {
    element,
    close,
    update(state) {
      for (const part of parts) {
        part.update(state);
      }
    },
  };
}

function modeRow(actions: SettingsActions): View {
  const group = freshId("turns");
  const inputs = MODES.map(({ mode }) => {
    const input = el("input", "lw-radio", { type: "radio", name: group, value: mode });
    input.onchange = () => actions.setTurnTaking(mode);
    return input;
  });
  const labels = MODES.map(({ label, explained }, index) =>
    el(
      "label",
      "lw-choice",
      {},
      inputs[index]!,
      el("span", "", {}, label, el("small", "lw-explained", {}, explained)),
    ),
  );
  const title = el("span", "lw-label", { id: freshId("label") }, "Turns");
  const choices = el("div", "lw-choices", { role: "radiogroup", "aria-labelledby": title.id }, ...labels);
  return {
    element: el("div", "lw-row", {}, title, choices),
    update(state: State) {
      for (const input of inputs) {
        const checked = input.value === state.turnTaking;
        if (input.checked !== checked) {
          input.checked = checked;
        }
      }
    },
  };
}

function modelRow(): View {
  const value = el("span", "lw-model-id");
  const element = el("div", "lw-row", {}, el("span", "lw-label", {}, "Talking to"), value);
  return {
    element,
    update(state) {
      text(value, cleanLine(state.model));
      show(element, state.model !== "");
    },
  };
}
