// Showing something to the model: camera, screen or a picture file, and a preview of what was sent last.

import type { Scope } from "../scope.ts";
import type { LensSource, Preview, Sight, SightActions, State } from "../state.ts";
import { attribute, button, el, type IconName, icon, name, show, text, type View } from "./dom.ts";
import { bytes } from "./format.ts";
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

const WHAT: Record<Preview["source"], string> = {
  camera: "Camera",
  screen: "Screen",
  file: "Picture",
  python: "From Python",
};

/** What the line under the name says. */
export function newsOf({ source, state, preview, news, sent }: Sight): string {
  if (state === "hidden") {
    return "Paused while this page is not seen.";
  }
  if (state === "asking") {
    return source === "screen"
      ? "Choose what to show in the browser's question."
      : "Allow the camera in the browser's question.";
  }
  switch (news) {
    case "sending":
      return "Sending…";
    case "unchanged":
      return "Unchanged, not sent again.";
    case "waiting":
      return "Waits for the kernel.";
    case "sent":
      return preview ? counted(preview.tokens, source !== null && preview.source === source ? sent : 1) : "";
    case "":
      return source === null ? "" : "Looking…";
  }
}

function counted(tokens: number, sent: number): string {
  return sent > 1 ? `${sent} sent, ${tokens} tokens each` : `Sent, ${tokens} tokens`;
}

export interface Tray extends View {
  /** The picture as large as the card, over it. */
  large: HTMLElement;
}

export function tray(actions: SightActions, scope: Scope): Tray {
  const small = el("img", "", { alt: "" });
  const thumb = button("lw-thumb", "Enlarge the picture that was sent");
  const what = el("strong");
  const size = el("span", "lw-tray-size");
  const news = el("span", "lw-tray-news");
  const words = el("p", "lw-tray-words", {}, el("span", "lw-tray-what", {}, what, size), news);
  const close = button("lw-plain", "", icon("close", 16));
  const element = el("div", "lw-tray", { role: "group", "aria-label": "What is shown" }, thumb, words, close);
  const large = enlarged(thumb, scope);

  let on: Sight["source"] = null;
  close.onclick = () => (on ? actions.toggle(on) : actions.dismiss());
  return {
    element,
    large: large.element,
    update(state) {
      const { sight } = state;
      const { source, preview } = sight;
      on = source;
      show(element, source !== null || preview !== null || sight.news === "sending");
      attribute(element, "data-news", sight.news);
      show(thumb, preview !== null);
      put(thumb, small, preview);
      text(what, WHAT[preview?.source ?? source ?? "file"]);
      text(size, preview ? measured(preview) : "");
      text(news, newsOf(sight));
      name(close, source === null ? "Take the picture away" : OFF[source]);
      large.update(state);
    },
  };
}

/** An image is in the page only while there is something in it. */
function put(place: HTMLElement, image: HTMLImageElement, preview: Preview | null): void {
  if (preview === null) {
    image.remove();
  } else {
    attribute(image, "src", preview.url);
    if (image.parentNode !== place) {
      place.append(image);
    }
  }
}

const OFF = { camera: "Turn the camera off", screen: "Stop showing the screen" };

function measured({ width, height, bytes: count }: Preview): string {
  return `${width} × ${height} · ${bytes(count)}`;
}

function enlarged(opener: HTMLButtonElement, scope: Scope): View {
  const picture = el("img", "", { alt: "The picture that was sent last" });
  const caption = el("p", "lw-large-caption");
  const close = button("lw-plain", "Close", icon("close"));
  const element = el("div", "lw-large", { role: "dialog", "aria-label": "The picture that was sent last" });
  const frame = el("div", "lw-large-frame");
  element.append(frame, caption, close);
  element.hidden = true;
  const shut = () => {
    show(element, false);
    opener.focus();
  };
  opener.onclick = () => {
    show(element, true);
    close.focus();
  };
  element.onclick = shut;
  scope.listen<KeyboardEvent>(element, "keydown", (event) => {
    if (event.key === "Escape") {
      // Escape also interrupts; one press does one thing.
      event.preventDefault();
      shut();
    }
  });
  return {
    element,
    update({ sight: { preview } }) {
      if (preview === null) {
        show(element, false);
      }
      put(frame, picture, preview);
      text(
        caption,
        preview ? `${WHAT[preview.source]} · ${measured(preview)} · ${preview.tokens} tokens` : "",
      );
    },
  };
}
