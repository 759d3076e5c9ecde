// The settings, over the card rather than beside it: microphone, volume, how turns are taken, whom one talks to.

import type { Scope } from "../scope.ts";
import type { Actions, Microphone, State, TurnTaking } from "../state.ts";
import { attribute, el, freshId, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";

const HERE = "This browser's microphone";

const MODES: { mode: TurnTaking; label: string; explained: string }[] = [
  { mode: "automatic", label: "Automatic", explained: "it hears when you begin and end" },
  { mode: "push_to_talk", label: "Push to talk", explained: "hold space or the button" },
];

export interface Settings extends View {
  /** True if it was open. */
  close(): boolean;
}

type SettingsActions = Pick<Actions, "pickMicrophone" | "setVolume" | "setTurnTaking">;

export function settings(opener: HTMLButtonElement, actions: SettingsActions, scope: Scope): Settings {
  const id = freshId("settings");
  const parts = [microphoneRow(actions), volumeRow(actions), modeRow(actions), modelRow()];
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

function row(label: string, control: HTMLElement, ...more: HTMLElement[]): HTMLElement {
  control.id = freshId("field");
  return el("div", "lw-row", {}, el("label", "lw-label", { for: control.id }, label), control, ...more);
}

function microphoneRow(actions: SettingsActions): View {
  const select = el("select", "lw-select");
  select.onchange = () => actions.pickMicrophone(select.value);
  let made = "";
  return {
    element: row("Microphone", select),
    update({ microphone }) {
      const options = devices(microphone);
      const key = JSON.stringify(options);
      if (key !== made) {
        made = key;
        select.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)));
      }
      if (select.value !== microphone.deviceId) {
        select.value = microphone.deviceId;
      }
    },
  };
}

function devices({ devices: known, deviceId }: Microphone): { id: string; label: string }[] {
  const named = known
    .filter((device) => device.id !== "")
    .map((device, index) => ({
      id: device.id,
      label: cleanLine(device.label, 80) || `Microphone ${index + 1}`,
    }));
  const all = [{ id: "", label: HERE }, ...named];
  return all.some((device) => device.id === deviceId)
    ? all
    : [...all, { id: deviceId, label: "Chosen microphone" }];
}

function volumeRow(actions: SettingsActions): View {
  const slider = el("input", "lw-slider", { type: "range", min: "0", max: "100", step: "5" });
  const shown = el("output", "lw-value");
  slider.oninput = () => {
    text(shown, `${slider.value} %`);
    actions.setVolume(Number(slider.value) / 100);
  };
  return {
    element: row("Volume", slider, shown),
    update({ playback }) {
      const percent = String(Math.round(playback.volume * 100));
      if (slider.value !== percent && slider !== document.activeElement) {
        slider.value = percent;
      }
      text(shown, `${slider.value} %`);
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
