// One feature of the catalogue: its input, what it is called here and on the wire, and who has it.

import type { Feature, Json, ModelFacts, Settings } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import { attribute, button, el, freshId, icon, name, show, text } from "../dom.ts";
import { clean } from "../format.ts";
import { type Input, input } from "./inputs.ts";
import { askedOf, having, isChanged, modelOf, range, refusal, unsaid } from "./values.ts";

/** Between the last key and the news to the kernel. */
const TYPING_MS = 300;

export interface Control {
  element: HTMLElement;
  feature: Feature;
  update(settings: Settings): void;
  /** Why what is typed is no value; "" where it is one. */
  wrong(): string;
  /** What is typed and not told yet is given up. */
  forget(): void;
  focus(): void;
}

export interface Ways {
  /** A person changed the feature. */
  change(feature: Feature, value: Json): void;
  /** What is typed is no value, or is one again. */
  doubt(): void;
}

export function control(feature: Feature, models: ModelFacts[], ways: Ways, scope: Scope): Control {
  const entry = input(feature);
  const parts = build(feature, models, entry, scope);
  const { element, undo, why, fault } = parts;
  let wrong = "";
  let said: Settings | null = null;
  let forget: () => void = () => {};

  const changed = () => {
    forget();
    const given = entry.read();
    wrong = "wrong" in given ? given.wrong : "";
    if ("value" in given) {
      ways.change(feature, given.value);
    } else {
      ways.doubt();
    }
    tell();
  };
  const tell = () => {
    const sentence = wrong || (said?.errors[feature.name] ?? "");
    text(fault, clean(sentence, 500));
    show(fault, sentence !== "");
    attribute(entry.element, "aria-invalid", sentence === "" ? null : "true");
    // One sentence is enough, and this one says why as well.
    show(why, sentence === "" && why.textContent !== "");
  };
  scope.listen(entry.element, "change", changed);
  if (entry.typed) {
    scope.listen(entry.element, "input", () => {
      forget();
      forget = scope.timeout(changed, TYPING_MS);
    });
  }
  scope.listen(undo, "click", () => {
    if (!said) {
      return;
    }
    forget();
    wrong = "";
    // Back to what is; and where that cannot be, to nothing.
    const back = isChanged(said, feature.name) ? (said.values[feature.name] ?? null) : null;
    entry.set(back, modelOf(said));
    // The button is about to hide and would take the focus with it.
    entry.element.focus();
    ways.change(feature, back);
    tell();
  });

  return {
    element,
    feature,
    wrong: () => wrong,
    forget() {
      forget();
      wrong = "";
      if (said) {
        entry.set(askedOf(said, feature.name), modelOf(said));
      }
    },
    focus: () => entry.element.focus(),
    update(settings) {
      said = settings;
      const model = modelOf(settings);
      const value = askedOf(settings, feature.name);
      const refused = feature.refused.includes(model);
      const isSaid = value !== null && value !== feature.default;
      if (!(entry.typed && entry.element === document.activeElement) && wrong === "") {
        entry.set(value, model);
      }
      const off = refused && !isSaid;
      attribute(entry.element, "disabled", off ? "" : null);
      attribute(element, "data-off", refused ? "true" : null);
      const marked = isChanged(settings, feature.name);
      attribute(element, "data-changed", marked ? "true" : null);
      show(undo, marked || (refused && isSaid));
      name(undo, marked ? `Undo the change of ${feature.label}` : `Leave ${feature.label} out`);
      text(why, clean(refusal(feature, model)));
      tell();
    },
  };
}

function build(feature: Feature, models: ModelFacts[], entry: Input, scope: Scope) {
  const box = entry.element;
  box.id = freshId("setting");
  const label = el("label", "lw-control-label", { for: box.id }, clean(feature.label));
  const about = el("p", "lw-control-about", { id: freshId("about") }, clean(feature.about));
  const fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  const why = el("p", "lw-control-why", { id: freshId("why") });
  attribute(box, "aria-describedby", `${about.id} ${why.id} ${fault.id}`);
  const undo = button("lw-plain lw-control-undo", "Undo", icon("undo", 16));
  const unit = el("span", "lw-control-unit", {}, clean(feature.unit));
  const hint = [range(feature), `default: ${unsaid(feature)}`].filter((part) => part !== "").join(" · ");
  const line = el("div", "lw-control-line", {}, box, unit, undo);
  const who = whoHasIt(feature, models, scope);
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

/** `generationConfig.temperature`: where it is on the wire; may break after each point. */
function wireName({ wire, name: known }: Feature): HTMLElement {
  const steps = wire.split(".");
  const node = el("code", "lw-wire-name", { title: `In Python: ${known}` });
  steps.forEach((step, index) => {
    const last = index === steps.length - 1;
    node.append(el(last ? "b" : "span", "", {}, clean(last ? step : `${step}.`)), el("wbr"));
  });
  return node;
}

/** `3 of 15 models`, and on demand which. */
function whoHasIt(
  feature: Feature,
  models: ModelFacts[],
  scope: Scope,
): { opener: HTMLElement; list: HTMLElement } {
  const able = having(feature, models);
  const list = el(
    "p",
    "lw-control-models",
    { id: freshId("models") },
    clean(able.join(", ") || "none of them"),
  );
  list.hidden = true;
  if (able.length === models.length) {
    return { opener: el("span", "", {}, "all models"), list };
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
