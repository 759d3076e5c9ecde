// What was sent last, by its very bytes: small above the text box, large on a click.

import type { Scope } from "../scope.ts";
import type { Preview, Sight, SightActions } from "../state.ts";
import { attribute, button, el, icon, name, show, text, type View } from "./dom.ts";
import { bytes } from "./format.ts";

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
