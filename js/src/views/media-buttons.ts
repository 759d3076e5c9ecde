// Showing something to the model: camera, screen or a picture file, and a preview of what was sent last.

import type { Scope } from "../scope.ts";
import type { Preview, State, VideoActions, VideoSource, VideoState } from "../state.ts";
import { attribute, button, el, type IconName, icon, name, onEscape, show, text, type View } from "./dom.ts";
import { bytes } from "./format.ts";
import { isMirror } from "./status.ts";

const SOURCES: { source: VideoSource; glyph: IconName; on: string; off: string }[] = [
  { source: "camera", glyph: "camera", on: "Turn the camera off", off: "Show the camera" },
  { source: "screen", glyph: "screen", on: "Stop showing the screen", off: "Show a screen" },
];

/** Whether this page can send pictures to the model. */
export function canSendMedia(state: State): boolean {
  return state.sees && state.connected && !isMirror(state);
}

export function mediaButtons(actions: VideoActions): View {
  const sources = SOURCES.map((source) => ({
    ...source,
    node: button("lw-eye", source.off, icon(source.glyph)),
  }));
  const input = el("input", "", { type: "file", accept: "image/*", "aria-label": "Picture file" });
  input.hidden = true;
  const file = button("lw-eye", "Show a picture file", icon("picture"));
  const element = el("div", "lw-eyes", { role: "group", "aria-label": "Show something" });
  element.append(...sources.map(({ node }) => node), file, input);

  for (const { node, source } of sources) {
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
    // Allows the same file to be picked again.
    input.value = "";
  };
  return {
    element,
    update(state) {
      show(element, state.sees);
      for (const { node, source, on, off } of sources) {
        const pressed = state.video.source === source;
        attribute(node, "aria-pressed", String(pressed));
        attribute(node, "data-look", pressed ? state.video.state : "off");
        name(node, pressed ? on : off);
      }
      for (const node of [...sources.map((source) => source.node), file]) {
        // Not `disabled`, which would lose the focus.
        attribute(node, "aria-disabled", canSendMedia(state) ? null : "true");
      }
    },
  };
}

/** Sends files that are dropped on the card or pasted into it. */
export function acceptFiles(
  card: HTMLElement,
  isAllowed: () => boolean,
  actions: VideoActions,
  scope: Scope,
): void {
  const carriesFiles = (event: DragEvent) =>
    isAllowed() && (event.dataTransfer?.types.includes("Files") ?? false);
  for (const type of ["dragenter", "dragover"]) {
    scope.listen<DragEvent>(card, type, (event) => {
      if (carriesFiles(event)) {
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
    if (carriesFiles(event)) {
      // Otherwise the notebook would open the file, or the browser would leave the page for it.
      event.preventDefault();
      event.stopPropagation();
      send(event.dataTransfer);
    }
  });
  scope.listen<ClipboardEvent>(card, "paste", (event) => {
    if (isAllowed() && send(event.clipboardData)) {
      event.preventDefault();
    }
  });

  function send(from: DataTransfer | null): boolean {
    const files = [...(from?.files ?? [])];
    const file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
    if (file) {
      actions.sendFile(file);
    }
    return file !== undefined;
  }
}

const SOURCE_LABELS: Record<Preview["source"], string> = {
  camera: "Camera",
  screen: "Screen",
  file: "Picture",
  python: "From Python",
};

/** The text of the line under the name. */
export function progressText({ source, state, preview, progress, sent }: VideoState): string {
  if (state === "hidden") {
    return "Paused while this page is not seen.";
  }
  if (state === "asking") {
    return source === "screen"
      ? "Choose what to show in the browser's question."
      : "Allow the camera in the browser's question.";
  }
  switch (progress) {
    case "sending":
      return "Sending…";
    case "unchanged":
      return "Unchanged, not sent again.";
    case "waiting":
      return "Waits for the kernel.";
    case "sent":
      return preview ? sentText(preview.tokens, source !== null && preview.source === source ? sent : 1) : "";
    case "":
      return source === null ? "" : "Looking…";
  }
}

function sentText(tokens: number, sent: number): string {
  return sent > 1 ? `${sent} sent, ${tokens} tokens each` : `Sent, ${tokens} tokens`;
}

interface PreviewView extends View {
  /** The picture over the card, as large as the card. */
  large: HTMLElement;
}

export function preview(actions: VideoActions, scope: Scope): PreviewView {
  const small = el("img", "", { alt: "" });
  const thumb = button("lw-thumb", "Enlarge the picture that was sent");
  const what = el("strong");
  const size = el("span", "lw-tray-size");
  const news = el("span", "lw-tray-news");
  const words = el("p", "lw-tray-words", {}, el("span", "lw-tray-what", {}, what, size), news);
  const close = button("lw-plain", "", icon("close", 16));
  const element = el("div", "lw-tray", { role: "group", "aria-label": "What is shown" }, thumb, words, close);
  const large = enlargedView(thumb, scope);

  let on: VideoState["source"] = null;
  close.onclick = () => (on ? actions.toggle(on) : actions.dismiss());
  return {
    element,
    large: large.element,
    update(state) {
      const { video } = state;
      const { source, preview } = video;
      on = source;
      show(element, source !== null || preview !== null || video.progress === "sending");
      attribute(element, "data-news", video.progress);
      show(thumb, preview !== null);
      placeImage(thumb, small, preview);
      text(what, SOURCE_LABELS[preview?.source ?? source ?? "file"]);
      text(size, preview ? dimensions(preview) : "");
      text(news, progressText(video));
      name(close, source === null ? "Take the picture away" : STOP_LABELS[source]);
      large.update(state);
    },
  };
}

/** Puts the image into the page only while there is something in it. */
function placeImage(place: HTMLElement, image: HTMLImageElement, preview: Preview | null): void {
  if (preview === null) {
    image.remove();
  } else {
    attribute(image, "src", preview.url);
    if (image.parentNode !== place) {
      place.append(image);
    }
  }
}

const STOP_LABELS = { camera: "Turn the camera off", screen: "Stop showing the screen" };

function dimensions({ width, height, bytes: count }: Preview): string {
  return `${width} × ${height} · ${bytes(count)}`;
}

function enlargedView(opener: HTMLButtonElement, scope: Scope): View {
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
  onEscape(scope, element, () => {
    shut();
    return true;
  });
  return {
    element,
    update({ video: { preview } }) {
      if (preview === null) {
        show(element, false);
      }
      placeImage(frame, picture, preview);
      text(
        caption,
        preview ? `${SOURCE_LABELS[preview.source]} · ${dimensions(preview)} · ${preview.tokens} tokens` : "",
      );
    },
  };
}
