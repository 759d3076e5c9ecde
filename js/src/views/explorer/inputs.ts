// One input for each kind of feature: what it shows for a value, and what value a person gave it.

import type { Feature, Json } from "../../explorer.ts";
import { attribute, el } from "../dom.ts";
import { choiceName, choicesOf, unsaid } from "./values.ts";

/** A value, or a sentence why what was typed is none. */
export type Given = { value: Json } | { wrong: string };

export interface Input {
  element: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  /** Whether it is typed into: then a value does not replace what is being typed. */
  typed: boolean;
  /** Shows a value of a model's; null where nothing is said. */
  set(value: Json, model: string): void;
  /** What a person gave; null for the default. */
  read(): Given;
}

const LONG = new Set(["system_instruction"]);

export function input(feature: Feature): Input {
  switch (feature.kind) {
    case "switch":
      return switchInput(feature);
    case "choice":
      return choiceInput(feature);
    case "number":
      return numberInput(feature);
    case "json":
      return jsonInput();
    case "names":
      return textInput(
        el("input", "lw-entry", { type: "text", placeholder: "with commas between" }),
        (value) => (Array.isArray(value) ? value.join(", ") : ""),
        (text) => ({ value: named(text) }),
      );
    case "text":
      return textInput(
        LONG.has(feature.name)
          ? el("textarea", "lw-entry lw-entry-long", { rows: "3" })
          : el("input", "lw-entry", { type: "text" }),
        (value) => (typeof value === "string" ? value : ""),
        (text) => ({ value: text.trim() === "" ? null : text }),
      );
  }
}

function switchInput(feature: Feature): Input {
  const element = el("input", "lw-switch", { type: "checkbox", role: "switch" });
  return {
    element,
    typed: false,
    set(value) {
      element.checked = Boolean(value ?? feature.default);
    },
    read: () => ({ value: element.checked === Boolean(feature.default) ? null : element.checked }),
  };
}

function choiceInput(feature: Feature): Input {
  const element = el("select", "lw-entry");
  const own = typeof feature.default === "string" ? feature.default : "";
  let made = "";
  return {
    element,
    typed: false,
    set(value, model) {
      const choices = [...choicesOf(feature, model)];
      const chosen = typeof value === "string" ? value : own;
      if (chosen !== "" && !choices.includes(chosen)) {
        choices.push(chosen); // It is what is asked for, even where it cannot be.
      }
      const key = JSON.stringify(choices);
      if (key !== made) {
        made = key;
        const options = choices.map((choice) =>
          el("option", "", { value: choice }, choiceName(feature, choice)),
        );
        const none = own === "" ? [el("option", "", { value: "" }, `Default: ${unsaid(feature)}`)] : [];
        element.replaceChildren(...none, ...options);
      }
      element.value = chosen;
    },
    read: () => ({ value: element.value === own ? null : element.value }),
  };
}

function numberInput(feature: Feature): Input {
  const element = el("input", "lw-entry", {
    type: "number",
    step: feature.whole ? "1" : "any",
  });
  attribute(element, "min", feature.lowest === null ? null : String(feature.lowest));
  attribute(element, "max", feature.highest === null ? null : String(feature.highest));
  return {
    element,
    typed: true,
    set(value) {
      put(element, typeof value === "number" ? String(value) : "");
    },
    read() {
      if (element.value === "") {
        // What is no number reads as nothing.
        return element.validity?.badInput ? { wrong: `${feature.label} is a number.` } : { value: null };
      }
      return { value: Number(element.value) };
    },
  };
}

function jsonInput(): Input {
  const element = el("textarea", "lw-entry lw-entry-json", {
    rows: "3",
    placeholder: "{ }",
    spellcheck: "false",
  });
  return textInput(
    element,
    (value) => (value === null || value === undefined ? "" : JSON.stringify(value, null, 2)),
    (text) => {
      if (text.trim() === "") {
        return { value: null };
      }
      try {
        return { value: JSON.parse(text) as Json };
      } catch (error) {
        return { wrong: `This is no JSON yet: ${(error as Error).message}` };
      }
    },
  );
}

function textInput(
  element: HTMLInputElement | HTMLTextAreaElement,
  show: (value: Json) => string,
  read: (text: string) => Given,
): Input {
  return {
    element,
    typed: true,
    set: (value) => put(element, show(value)),
    read: () => read(element.value),
  };
}

function put(element: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  if (element.value !== text) {
    element.value = text;
  }
}

function named(text: string): string[] | null {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 ? names : null;
}
