// What can be shown: camera, screen, a picture file; picked with a button, dropped on the card or pasted into it.

import type { Scope } from "../scope.ts";
import type { LensSource, SightActions, State } from "../state.ts";
import { attribute, button, el, type IconName, icon, name, show, type View } from "./dom.ts";
import { mirrors } from "./status.ts";

const LENSES: { source: LensSource; glyph: IconName; on: string; off: string }[] = [
  { source: "camera", glyph: "camera", on: "Turn the camera off", off: "Show the camera" },
  { source: "screen", glyph: "screen", on: "Stop showing the screen", off: "Show a screen" },
];

/** Whether there is somebody to show something to. */
export function canShow(state: State): boolean {
  return state.sees && state.connected && !mirrors(state);
}

export function eyes(actions: SightActions): View {
  const lenses = LENSES.map((lens) => ({ ...lens, node: button("lw-eye", lens.off, icon(lens.glyph)) }));
  const input = el("input", "", { type: "file", accept: "image/*", "aria-label": "Picture file" });
  input.hidden = true;
  const file = button("lw-eye", "Show a picture file", icon("picture"));
  const element = el("div", "lw-eyes", { role: "group", "aria-label": "Show something" });
  element.append(...lenses.map(({ node }) => node), file, input);

  for (const { node, source } of lenses) {
    node.onclick = () => {
      if (node.getAttribute("aria-disabled") === null) {
        actions.toggle(source);
      }
    };
  }
  file.onclick = () => {
    if (file.getAttribute("aria-disabled") === null) {
      input.click();
    }
  };
  input.onchange = () => {
    const picked = input.files?.[0];
    if (picked) {
      actions.sendFile(picked);
    }
    // The same file can be picked again.
    input.value = "";
  };
  return {
    element,
    update(state) {
      show(element, state.sees);
      for (const { node, source, on, off } of lenses) {
        const pressed = state.sight.source === source;
        attribute(node, "aria-pressed", String(pressed));
        attribute(node, "data-look", pressed ? state.sight.state : "off");
        name(node, pressed ? on : off);
      }
      for (const node of [...lenses.map((lens) => lens.node), file]) {
        // Not `disabled`, which would lose the focus.
        attribute(node, "aria-disabled", canShow(state) ? null : "true");
      }
    },
  };
}

/** Takes pictures that are dropped on the card or pasted into it. */
export function dropping(card: HTMLElement, may: () => boolean, actions: SightActions, scope: Scope): void {
  const carries = (event: DragEvent) => may() && (event.dataTransfer?.types.includes("Files") ?? false);
  for (const type of ["dragenter", "dragover"]) {
    scope.listen<DragEvent>(card, type, (event) => {
      if (carries(event)) {
        event.preventDefault();
        event.stopPropagation();
        attribute(card, "data-drop", "true");
      }
    });
  }
  scope.listen<DragEvent>(card, "dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && card.contains(event.relatedTarget))) {
      attribute(card, "data-drop", null);
    }
  });
  scope.listen<DragEvent>(card, "drop", (event) => {
    attribute(card, "data-drop", null);
    if (carries(event)) {
      // The notebook would open the file, or the browser leave the page for it.
      event.preventDefault();
      event.stopPropagation();
      take(event.dataTransfer);
    }
  });
  scope.listen<ClipboardEvent>(card, "paste", (event) => {
    if (may() && take(event.clipboardData)) {
      event.preventDefault();
    }
  });

  function take(from: DataTransfer | null): boolean {
    const files = [...(from?.files ?? [])];
    const file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
    if (file) {
      actions.sendFile(file);
    }
    return file !== undefined;
  }
}
