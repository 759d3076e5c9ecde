// The settings, over the card rather than beside it: devices, volume, pictures, how turns are taken, the model.

import type { TurnTakingMode } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, DeviceChoice, DeviceInfo, State, VideoActions } from "../state.ts";
import { attribute, el, focusBeside, freshId, onEscape, show, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";

function row(label: string, control: HTMLElement, ...more: HTMLElement[]): HTMLElement {
  control.id = freshId("field");
  return el("div", "lw-row", {}, el("label", "lw-label", { for: control.id }, label), control, ...more);
}

/** A list of devices of a kind, "Microphone" or "Camera"; the first is the browser's own choice. */
function deviceRow(kind: string, read: (state: State) => DeviceChoice, pick: (id: string) => void): View {
  const select = el("select", "lw-select");
  select.onchange = () => pick(select.value);
  let shownKey = "";
  return {
    element: row(kind, select),
    update(state) {
      const known = read(state);
      const options = deviceOptions(kind, known);
      const key = JSON.stringify(options);
      if (key !== shownKey) {
        shownKey = key;
        select.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)));
      }
      if (select.value !== known.deviceId) {
        select.value = known.deviceId;
      }
    },
  };
}

function deviceOptions(kind: string, { devices, deviceId }: DeviceChoice): DeviceInfo[] {
  const named = devices
    .filter((device) => device.id !== "")
    .map((device, index) => ({
      id: device.id,
      label: cleanLine(device.label, 80) || `${kind} ${index + 1}`,
    }));
  const all = [{ id: "", label: `This browser's ${kind.toLowerCase()}` }, ...named];
  return all.some((device) => device.id === deviceId)
    ? all
    : [...all, { id: deviceId, label: `Chosen ${kind.toLowerCase()}` }];
}

/** A slider in steps of 5 percent. */
function percentRow(
  label: string,
  range: { min: number; max: number },
  read: (state: State) => number,
  set: (percent: number) => void,
): View {
  const limits = { min: String(range.min), max: String(range.max), step: "5" };
  const slider = el("input", "lw-slider", { type: "range", ...limits });
  const shown = el("output", "lw-value");
  slider.oninput = () => {
    text(shown, `${slider.value} %`);
    set(Number(slider.value));
  };
  return {
    element: row(label, slider, shown),
    update(state) {
      const percent = String(read(state));
      if (slider.value !== percent && slider !== focusBeside(slider)) {
        slider.value = percent;
      }
      text(shown, `${slider.value} %`);
    },
  };
}

/** Longest sides of pictures, in pixels: up to 384 the service counts one tile, 768 is the side of a tile. */
const SIZES = [384, 512, 768];

/** Rows that are shown only where the model takes pictures. */
function videoRows(actions: VideoActions): View[] {
  const camera = deviceRow(
    "Camera",
    ({ video }) => video,
    (id) => actions.pickCamera(id),
  );
  const quality = percentRow(
    "Quality",
    { min: 30, max: 95 },
    ({ video }) => video.quality,
    (percent) => actions.setQuality(percent),
  );
  return [camera, sizeRow(actions), quality].map((part) => ({
    element: part.element,
    update(state: State) {
      show(part.element, state.sees);
      part.update(state);
    },
  }));
}

function sizeRow(actions: VideoActions): View {
  const options = SIZES.map((size) => el("option", "", { value: String(size) }, `at most ${size} pixels`));
  const select = el("select", "lw-select", {}, ...options);
  select.onchange = () => actions.setSize(Number(select.value));
  return {
    element: row("Pictures", select),
    update({ video }) {
      if (select.value !== String(video.maxSide)) {
        select.value = String(video.maxSide);
      }
    },
  };
}

const MODES: { mode: TurnTakingMode; label: string; explained: string }[] = [
  { mode: "automatic", label: "Automatic", explained: "it hears when you begin and end" },
  { mode: "push_to_talk", label: "Push to talk", explained: "hold space or the button" },
];

interface Settings extends View {
  /** True if it was open. */
  close(): boolean;
}

type SettingsActions = Pick<Actions, "pickMicrophone" | "setVolume" | "setTurnTaking" | "video">;

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
  const parts = [microphone, volume, ...videoRows(actions.video), modeRow(actions), modelRow()];
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
    const inside = element.contains(focusBeside(element));
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
    onEscape(scope, node, () => {
      const closed = close();
      if (closed) {
        opener.focus();
      }
      return closed;
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
  const element = el("div", "lw-row", {}, title, choices);
  return {
    element,
    update(state: State) {
      show(element, state.pushToTalk);
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
