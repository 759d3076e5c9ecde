// Rows of the settings: a label, and what is chosen.

import type { State } from "../state.ts";
import { el, freshId, text, type View } from "./dom.ts";
import { cleanLine } from "./format.ts";

export function row(label: string, control: HTMLElement, ...more: HTMLElement[]): HTMLElement {
  control.id = freshId("field");
  return el("div", "lw-row", {}, el("label", "lw-label", { for: control.id }, label), control, ...more);
}

interface Devices {
  devices: { id: string; label: string }[];
  deviceId: string;
}

/** A list of devices of a kind, "Microphone" or "Camera"; the first is the browser's own choice. */
export function deviceRow(kind: string, of: (state: State) => Devices, pick: (id: string) => void): View {
  const select = el("select", "lw-select");
  select.onchange = () => pick(select.value);
  let made = "";
  return {
    element: row(kind, select),
    update(state) {
      const known = of(state);
      const options = offered(kind, known);
      const key = JSON.stringify(options);
      if (key !== made) {
        made = key;
        select.replaceChildren(...options.map(({ id, label }) => el("option", "", { value: id }, label)));
      }
      if (select.value !== known.deviceId) {
        select.value = known.deviceId;
      }
    },
  };
}

function offered(kind: string, { devices, deviceId }: Devices): { id: string; label: string }[] {
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
export function percentRow(
  label: string,
  range: { min: number; max: number },
  of: (state: State) => number,
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
      const percent = String(of(state));
      if (slider.value !== percent && slider !== document.activeElement) {
        slider.value = percent;
      }
      text(shown, `${slider.value} %`);
    },
  };
}
