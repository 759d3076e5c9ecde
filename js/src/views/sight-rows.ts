// The settings of what is shown: which camera, how large, how fine.

import type { SightActions, State } from "../state.ts";
import { el, show, type View } from "./dom.ts";
import { deviceRow, percentRow, row } from "./rows.ts";

const SIZES = [384, 512, 768];

/** Rows that are there only where the model takes pictures. */
export function sightRows(actions: SightActions): View[] {
  const camera = deviceRow(
    "Camera",
    ({ sight }) => sight,
    (id) => actions.pickCamera(id),
  );
  const quality = percentRow(
    "Quality",
    { min: 30, max: 95 },
    ({ sight }) => sight.quality,
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

function sizeRow(actions: SightActions): View {
  const options = SIZES.map((size) => el("option", "", { value: String(size) }, `at most ${size} pixels`));
  const select = el("select", "lw-select", {}, ...options);
  select.onchange = () => actions.setSize(Number(select.value));
  return {
    element: row("Pictures", select),
    update({ sight }) {
      if (select.value !== String(sight.maxSide)) {
        select.value = String(sight.maxSide);
      }
    },
  };
}
