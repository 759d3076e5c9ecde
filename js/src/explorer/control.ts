// One feature of the catalogue: its input, its name here and on the wire, and which models have it.

import type { Catalogue, Feature, Model, Settings } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import { attribute, button, el, focusBeside, freshId, icon, name, show, text } from "../views/dom.ts";
import { clean } from "../views/format.ts";

/** The model that the settings are for: the chosen one even before it is applied, else the session's. */
export function chosenModel({ pending, model }: Settings): string {
  return typeof pending.model === "string" ? pending.model : model;
}

/** The requested value of a feature; null where it is left at its default. */
export function requestedValue({ pending, values }: Settings, name: string): unknown {
  const source = Object.hasOwn(pending, name) ? pending : values;
  return Object.hasOwn(source, name) ? source[name] : null;
}

export function isChanged(settings: Settings, name: string): boolean {
  return Object.hasOwn(settings.pending, name);
}

/** The choices of a feature on a model. */
export function choicesOf(feature: Feature, model: string): string[] {
  return feature.choices_by_model[model] ?? feature.choices;
}

/** A choice as it is shown: `Kore — firm`, `push to talk`. */
export function choiceName(feature: Feature, choice: string): string {
  const words = choice.replaceAll("_", " ");
  const note = feature.notes[choice];
  return note ? `${words} — ${note}` : words;
}

/** What the service does by default. */
export function defaultLabel(feature: Feature): string {
  if (feature.unsaid !== "") {
    return feature.unsaid;
  }
  if (typeof feature.default === "boolean") {
    return feature.default ? "on" : "off";
  }
  if (typeof feature.default === "string") {
    return choiceName(feature, feature.default);
  }
  return feature.kind === "names" || feature.kind === "json" || feature.kind === "text"
    ? "none"
    : "left to the service";
}

/** The allowed numbers, in a few words; "" without limits. */
export function rangeText({ kind, lowest, highest }: Feature): string {
  if (kind !== "number" || lowest === null) {
    return "";
  }
  if (highest !== null) {
    return `${formatNumber(lowest)} to ${formatNumber(highest)}`;
  }
  return lowest >= -1 ? `${formatNumber(lowest)} or more` : "any whole number";
}

function formatNumber(value: number): string {
  return String(value).replace("-", "−");
}

/** A sentence if a model ignores or lacks a feature; "" if it has it. */
export function supportNote(feature: Feature, model: string): string {
  const does = feature.refused.includes(model)
    ? "does not have it"
    : feature.ignored.includes(model)
      ? "ignores it"
      : "";
  return does && `${model} ${does}${feature.instead ? `: ${feature.instead}` : ""}.`;
}

/** The models that have a feature. */
export function modelsWith(feature: Feature, models: Model[]): string[] {
  return models
    .map(({ id }) => id)
    .filter((id) => !feature.refused.includes(id) && !feature.ignored.includes(id));
}

/** Whether all words of a search occur in the texts of a feature. */
export function matches(feature: Feature, search: string): boolean {
  const { name, label, wire, about, group } = feature;
  const text = `${name} ${label} ${wire} ${about} ${group}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The features of each group, in the catalogue's order. */
export function featureGroups({ features }: Catalogue): Map<string, Feature[]> {
  const found = new Map<string, Feature[]>();
  for (const feature of features) {
    found.set(feature.group, [...(found.get(feature.group) ?? []), feature]);
  }
  return found;
}

/** A value, or a sentence that says why the input is not one. */
type Entered = { value: unknown } | { wrong: string };

interface Input {
  element: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  /** Whether it is typed into: an update must not replace what is being typed. */
  typed: boolean;
  /** Shows a value for a model; null for the default. */
  set(value: unknown, model: string): void;
  /** What was entered; null for the default. */
  read(): Entered;
}

const MULTILINE = new Set(["system_instruction"]);

function featureInput(feature: Feature): Input {
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
        (text) => ({ value: splitNames(text) }),
      );
    case "text":
      return textInput(
        MULTILINE.has(feature.name)
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
  let shownKey = "";
  return {
    element,
    typed: false,
    set(value, model) {
      const choices = [...choicesOf(feature, model)];
      const chosen = typeof value === "string" ? value : own;
      if (chosen !== "" && !choices.includes(chosen)) {
        choices.push(chosen); // The requested value, even where the model does not have it.
      }
      const key = JSON.stringify(choices);
      if (key !== shownKey) {
        shownKey = key;
        const options = choices.map((choice) =>
          el("option", "", { value: choice }, choiceName(feature, choice)),
        );
        const none = own === "" ? [el("option", "", { value: "" }, `Default: ${defaultLabel(feature)}`)] : [];
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
      setText(element, typeof value === "number" ? String(value) : "");
    },
    read() {
      if (element.value === "") {
        // Input that is not a number reads as "".
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
        return { value: JSON.parse(text) as unknown };
      } catch (error) {
        return { wrong: `This is no JSON yet: ${(error as Error).message}` };
      }
    },
  );
}

function textInput(
  element: HTMLInputElement | HTMLTextAreaElement,
  show: (value: unknown) => string,
  read: (text: string) => Entered,
): Input {
  return {
    element,
    typed: true,
    set: (value) => setText(element, show(value)),
    read: () => read(element.value),
  };
}

function setText(element: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  if (element.value !== text) {
    element.value = text;
  }
}

function splitNames(text: string): string[] | null {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 ? names : null;
}

/** Time from the last key to the message to the kernel; chosen: a pause in typing. */
const TYPING_MS = 300;

export interface Control {
  element: HTMLElement;
  feature: Feature;
  update(settings: Settings): void;
  /** Why the input is not a value; "" if it is one. */
  error(): string;
  /** Discards what is typed and not sent yet. */
  discard(): void;
  focus(): void;
}

export interface ControlHandlers {
  /** The person changed the feature. */
  onChange(feature: Feature, value: unknown): void;
  /** The input became invalid, or valid again. */
  onInvalid(): void;
}

export function control(feature: Feature, models: Model[], ways: ControlHandlers, scope: Scope): Control {
  const entry = featureInput(feature);
  const parts = build(feature, models, entry, scope);
  const { element, undo, why, fault } = parts;
  let wrong = "";
  let current: Settings | null = null;
  let cancel: () => void = () => {};

  const changed = () => {
    cancel();
    const given = entry.read();
    wrong = "wrong" in given ? given.wrong : "";
    if ("value" in given) {
      ways.onChange(feature, given.value);
    } else {
      ways.onInvalid();
    }
    showFault();
  };
  const showFault = () => {
    const sentence = wrong || (current?.errors[feature.name] ?? "");
    text(fault, clean(sentence, 500));
    show(fault, sentence !== "");
    attribute(entry.element, "aria-invalid", sentence === "" ? null : "true");
    // One sentence is enough: the fault explains it as well.
    show(why, sentence === "" && why.textContent !== "");
  };
  scope.listen(entry.element, "change", changed);
  if (entry.typed) {
    scope.listen(entry.element, "input", () => {
      cancel();
      cancel = scope.timeout(changed, TYPING_MS);
    });
  }
  scope.listen(undo, "click", () => {
    if (!current) {
      return;
    }
    cancel();
    wrong = "";
    // Back to the applied value, or to the default.
    const back = isChanged(current, feature.name) ? (current.values[feature.name] ?? null) : null;
    entry.set(back, chosenModel(current));
    // The button is about to hide and would lose the focus.
    entry.element.focus();
    ways.onChange(feature, back);
    showFault();
  });

  return {
    element,
    feature,
    error: () => wrong,
    discard() {
      cancel();
      wrong = "";
      if (current) {
        entry.set(requestedValue(current, feature.name), chosenModel(current));
      }
    },
    focus: () => entry.element.focus(),
    update(settings) {
      current = settings;
      const model = chosenModel(settings);
      const value = requestedValue(settings, feature.name);
      const refused = feature.refused.includes(model);
      const isSaid = value !== null && value !== feature.default;
      if (!(entry.typed && entry.element === focusBeside(entry.element)) && wrong === "") {
        entry.set(value, model);
      }
      const off = refused && !isSaid;
      attribute(entry.element, "disabled", off ? "" : null);
      attribute(element, "data-off", refused ? "true" : null);
      const marked = isChanged(settings, feature.name);
      attribute(element, "data-changed", marked ? "true" : null);
      show(undo, marked || (refused && isSaid));
      name(undo, marked ? `Undo the change of ${feature.label}` : `Leave ${feature.label} out`);
      text(why, clean(supportNote(feature, model)));
      showFault();
    },
  };
}

function build(feature: Feature, models: Model[], entry: Input, scope: Scope) {
  const box = entry.element;
  box.id = freshId("setting");
  const label = el("label", "lw-control-label", { for: box.id }, clean(feature.label));
  const about = el("p", "lw-control-about", { id: freshId("about") }, clean(feature.about));
  const fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  const why = el("p", "lw-control-why", { id: freshId("why") });
  attribute(box, "aria-describedby", `${about.id} ${why.id} ${fault.id}`);
  const undo = button("lw-plain lw-control-undo", "Undo", icon("undo", 16));
  const unit = el("span", "lw-control-unit", {}, clean(feature.unit));
  const hint = [rangeText(feature), `default: ${defaultLabel(feature)}`]
    .filter((part) => part !== "")
    .join(" · ");
  const line = el("div", "lw-control-line", {}, box, unit, undo);
  const who = modelSupport(feature, models, scope);
  const small = el("p", "lw-control-small", {}, ...(feature.wire ? [wireName(feature)] : []), who.opener);
  const element = el(
    "div",
    "lw-control",
    { "data-feature": feature.name, "data-kind": feature.kind },
    el("div", "lw-control-text", {}, label, about, small, who.list),
    el("div", "lw-control-value", {}, line, el("p", "lw-control-hint", {}, clean(hint))),
    why,
    fault,
  );
  show(unit, feature.unit !== "");
  return { element, undo, why, fault };
}

/** The place in the setup message, `generationConfig.temperature`; lines may break after each dot. */
function wireName({ wire, name: known }: Feature): HTMLElement {
  const steps = wire.split(".");
  const node = el("code", "lw-wire-name", { title: `In Python: ${known}` });
  steps.forEach((step, index) => {
    const last = index === steps.length - 1;
    node.append(el(last ? "b" : "span", "", {}, clean(last ? step : `${step}.`)), el("wbr"));
  });
  return node;
}

/** `3 of 15 models`, and the list of them on a click. */
function modelSupport(
  feature: Feature,
  models: Model[],
  scope: Scope,
): { opener: HTMLElement; list: HTMLElement } {
  const able = modelsWith(feature, models);
  const list = el(
    "p",
    "lw-control-models",
    { id: freshId("models") },
    clean(able.join(", ") || "none of them"),
  );
  list.hidden = true;
  if (able.length === models.length) {
    // An agent is the only one of its table.
    return { opener: el("span", "", {}, models.length > 1 ? "all models" : ""), list };
  }
  const opener = el(
    "button",
    "lw-control-who",
    { type: "button", "aria-expanded": "false", "aria-controls": list.id },
    `${able.length} of ${models.length} models`,
  );
  scope.listen(opener, "click", () => {
    show(list, list.hidden !== false);
    attribute(opener, "aria-expanded", String(!list.hidden));
  });
  return { opener, list };
}
