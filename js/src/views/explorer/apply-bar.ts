// What was changed and not applied, what that takes, and the buttons for it.

import type { Catalogue, ExplorerActions, Settings } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import type { State } from "../../state.ts";
import { attribute, el, show, text } from "../dom.ts";
import { clean } from "../format.ts";

export interface ApplyBar {
  element: HTMLElement;
  /** `wrong` are features in which something is typed that is no value. */
  update(state: State, catalogue: Catalogue, settings: Settings, wrong: string[]): void;
}

export interface BarWays extends Pick<ExplorerActions, "apply" | "revert"> {
  /** Goes to a feature, or to the model. */
  show(name: string): void;
  /** The bar goes away while it has the focus: somebody has to take it. */
  rest(): void;
}

export function applyBar(ways: BarWays, scope: Scope): ApplyBar {
  const count = el("strong", "lw-apply-count");
  const takes = el("span", "lw-apply-takes");
  const problem = el("button", "lw-apply-problem", { type: "button" });
  const refused = el("p", "lw-apply-refused", { role: "alert" });
  const words = el("p", "lw-apply-words", { role: "status" }, count, takes);
  const revert = el("button", "lw-button", { type: "button" }, "Revert");
  const apply = el("button", "lw-button lw-button-first", { type: "button" }, "Apply");
  const element = el(
    "div",
    "lw-apply",
    {},
    el("div", "lw-apply-text", {}, words, problem, refused),
    revert,
    apply,
  );
  let first = "";
  let applying: Settings | null = null;
  let told: Settings | null = null;
  const label = () => {
    text(apply, applying === told && applying !== null ? "Applying…" : "Apply");
  };
  scope.listen(problem, "click", () => ways.show(first));
  scope.listen(revert, "click", () => ways.revert());
  scope.listen(apply, "click", () => {
    if (!apply.hasAttribute("aria-disabled")) {
      applying = told;
      label();
      ways.apply();
    }
  });
  return {
    element,
    update(state, catalogue, settings, wrong) {
      told = settings;
      const changes = Object.keys(settings.pending).length;
      const faults = [...wrong, ...Object.keys(settings.errors).filter((name) => name !== "")];
      const names = [...new Set(faults)];
      first = names[0] ?? "";
      text(count, changes === 1 ? "1 change" : `${changes} changes`);
      text(takes, changes > 0 ? ` · ${consequence(state, settings)}` : "");
      show(words, changes > 0);
      text(problem, `Cannot be: ${names.map((name) => title(catalogue, name)).join(", ")}`);
      show(problem, names.length > 0);
      text(refused, clean(settings.errors[""] ?? "", 500));
      show(refused, Boolean(settings.errors[""]));
      // Not `disabled`: it would lose the focus while a person presses it.
      attribute(
        apply,
        "aria-disabled",
        names.length > 0 || changes === 0 || !state.connected ? "true" : null,
      );
      attribute(revert, "disabled", state.connected ? null : "");
      label();
      const wanted = changes > 0 || names.length > 0;
      if (!wanted && element.contains(document.activeElement)) {
        ways.rest();
      }
      show(element, wanted);
    },
  };
}

/** What it takes to apply the changes. */
function consequence({ phase }: State, { pending, live }: Settings): string {
  const names = Object.keys(pending);
  const they = names.length === 1 ? "it holds" : "they hold";
  if (phase !== "live") {
    return `${they} from the next start on`;
  }
  if (names.includes("model")) {
    return "another model takes the talk over, told what was said where it can be";
  }
  return names.every((name) => live.includes(name))
    ? `${they} at once`
    : "needs a new connection; the talk goes on";
}

function title({ features }: Catalogue, name: string): string {
  return clean(features.find((feature) => feature.name === name)?.label ?? "Model");
}
