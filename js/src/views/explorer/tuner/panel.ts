// The tuner: the microphone as turn detection hears it, so that one sees what each of its settings does.

import type { Track } from "../../../insight.ts";
import type { Scope } from "../../../scope.ts";
import type { Actions, State, Store } from "../../../state.ts";
import { el, show, text, type View } from "../../dom.ts";
import { whenThemeChanges } from "../../theme.ts";
import { type Colours, paint } from "./picture.ts";

const WORDS: { name: keyof Colours; label: string; about: string }[] = [
  { name: "padding", label: "prefix padding", about: "speech needed before a turn begins" },
  { name: "level", label: "your turn", about: "what the model takes as yours" },
  { name: "silence", label: "silence", about: "silence that ends it" },
];

export function tunerPanel(_store: Store, _actions: Actions, scope: Scope): View {
  const canvas = el("canvas", "lw-tuner-canvas");
  const level = el("span", "lw-tuner-lane", {}, "level");
  const probability = el("span", "lw-tuner-lane lw-tuner-lower", {}, "probability of speech");
  const picture = el("div", "lw-tuner-picture", { role: "img" }, canvas, level, probability);
  const legend = el("ul", "lw-tuner-legend");
  for (const { name, label, about } of WORDS) {
    legend.append(el("li", "", { title: about }, el("i", `lw-tuner-key lw-tuner-${name}`), label));
  }
  const says = el("p", "lw-tuner-says");
  const hint = el(
    "p",
    "lw-tuner-hint",
    {},
    "The dashed lines are where speech begins and where it ends. Change sensitivities, padding and silence in Settings, under Turn detection, and say the same again.",
  );
  const empty = el("p", "lw-panel-empty", {}, "Press ● and speak: what the microphone hears is drawn here.");
  const element = el("div", "lw-tuner", {}, picture, legend, says, hint, empty);

  let colours: Colours | null = null;
  let track: Track | null = null;
  const draw = () => {
    const context = canvas.getContext("2d");
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!context || width === 0 || !track) {
      return;
    }
    colours ??= coloursOf(element);
    const density = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== wide || canvas.height !== high) {
      [canvas.width, canvas.height] = [wide, high];
    }
    context.setTransform(density, 0, 0, density, 0, 0);
    paint(context, width, height, track, colours);
  };
  whenThemeChanges(scope, () => {
    colours = null;
    draw();
  });
  if (typeof ResizeObserver !== "undefined") {
    const observer = new ResizeObserver(draw);
    observer.observe(picture);
    scope.add(() => observer.disconnect());
  }

  return {
    element,
    update({ explorer }: State) {
      if (track === explorer.track) {
        return;
      }
      track = explorer.track;
      const heard = track.settings !== null;
      for (const part of [picture, legend, says, hint]) {
        show(part, heard);
      }
      show(empty, !heard);
      text(says, sentence(track));
      picture.setAttribute("aria-label", sentence(track));
      draw();
    },
  };
}

/** What the picture says, in words. */
export function sentence({ settings, marks, endMs }: Track): string {
  if (!settings) {
    return "";
  }
  const by =
    settings.detector === "Silero"
      ? "Heard by the tutor's own detector"
      : "Heard by loudness, as the tutor's detector is not installed";
  const last = marks.filter(({ kind }) => kind === "start" || kind === "end").at(-1);
  const ago = last ? `${((endMs - last.at_ms) / 1000).toFixed(1)} s ago` : "";
  const turn = last ? ` Your turn ${last.kind === "start" ? "began" : "ended"} ${ago}.` : " No turn yet.";
  return `${by}: padding ${settings.prefix_padding_ms} ms, silence ${settings.silence_ms} ms, speech from ${settings.start_threshold} on, over below ${settings.end_threshold}.${turn}`;
}

function coloursOf(element: HTMLElement): Colours {
  const probe = element.appendChild(el("i"));
  const of = (value: string) => {
    probe.style.color = `var(${value})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    level: of("--lw-you"),
    probability: of("--lw-ink"),
    line: of("--lw-edge"),
    padding: of("--lw-warning"),
    silence: of("--lw-model"),
    soft: of("--lw-soft"),
  };
  probe.remove();
  return found;
}
