// Which model: a list of those that can be chosen, and what is worth knowing of the chosen one.

import type { Catalogue, Settings } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import { attribute, el, freshId, show, text } from "../dom.ts";
import { clean } from "../format.ts";
import { modelOf } from "./values.ts";

export interface ModelPicker {
  element: HTMLElement;
  update(catalogue: Catalogue, settings: Settings): void;
  focus(): void;
}

export function modelPicker(choose: (model: string) => void, scope: Scope): ModelPicker {
  const select = el("select", "lw-entry lw-model-select", { id: freshId("model") });
  const label = el("label", "lw-model-label", { for: select.id }, "Model");
  const facts = el("p", "lw-model-facts", { id: freshId("facts") });
  const fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  attribute(select, "aria-describedby", `${facts.id} ${fault.id}`);
  const element = el("div", "lw-model-picker", {}, label, select, facts, fault);
  scope.listen(select, "change", () => choose(select.value));
  let made = "";
  return {
    element,
    focus: () => select.focus(),
    update({ models }, settings) {
      const chosen = modelOf(settings);
      const known = models.some(({ id }) => id === chosen);
      const options = known ? models : [{ id: chosen, status: "not in the table", facts: [] }, ...models];
      const key = JSON.stringify(options.map(({ id }) => id));
      if (key !== made) {
        made = key;
        select.replaceChildren(...options.map((model) => option(model.id, model.status)));
      }
      select.value = chosen;
      attribute(element, "data-changed", chosen === settings.model ? null : "true");
      text(facts, clean(options.find(({ id }) => id === chosen)?.facts.join(" ") ?? "", 500));
      const sentence = settings.errors.model ?? "";
      text(fault, clean(sentence, 500));
      show(fault, sentence !== "");
    },
  };
}

function option(id: string, status: string): HTMLOptionElement {
  return el("option", "", { value: id }, status === "stable" ? id : `${id} (${status})`);
}
