// The settings of the session, made from the catalogue and nothing else, with the bar that applies them.

import type { Catalogue, Settings } from "../messages.gen.ts";
import type { Scope } from "../scope.ts";
import type { Actions, ExplorerActions, State, Store } from "../state.ts";
import {
  attribute,
  confirmation,
  el,
  focusBeside,
  freshId,
  icon,
  onEscape,
  selectContents,
  show,
  text,
  type View,
} from "../views/dom.ts";
import { clean } from "../views/format.ts";
import {
  type Control,
  type ControlHandlers,
  chosenModel,
  control,
  featureGroups,
  isChanged,
  matches,
} from "./control.ts";

interface ApplyBar {
  element: HTMLElement;
  /** `invalid` are the names of features with invalid input. */
  update(state: State, catalogue: Catalogue, settings: Settings, wrong: string[]): void;
}

interface ApplyBarHandlers extends Pick<ExplorerActions, "apply" | "revert"> {
  /** The person wants to see a feature, or the model. */
  onShow(name: string): void;
  /** The bar hides while it has the focus, which has to go somewhere. */
  onHidden(): void;
}

function applyBar(ways: ApplyBarHandlers, scope: Scope): ApplyBar {
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
  let current: Settings | null = null;
  const label = () => {
    text(apply, applying === current && applying !== null ? "Applying…" : "Apply");
  };
  scope.listen(problem, "click", () => ways.onShow(first));
  scope.listen(revert, "click", () => ways.revert());
  scope.listen(apply, "click", () => {
    if (!apply.hasAttribute("aria-disabled")) {
      applying = current;
      label();
      ways.apply();
    }
  });
  return {
    element,
    update(state, catalogue, settings, wrong) {
      current = settings;
      const changes = Object.keys(settings.pending).length;
      const faults = [...wrong, ...Object.keys(settings.errors).filter((name) => name !== "")];
      const names = [...new Set(faults)];
      first = names[0] ?? "";
      text(count, changes === 1 ? "1 change" : `${changes} changes`);
      const ofAgent = catalogue.elsewhere !== "";
      text(takes, changes > 0 ? ` · ${consequence(state, settings, ofAgent)}` : "");
      show(words, changes > 0);
      text(problem, `Cannot be: ${names.map((name) => featureLabel(catalogue, name)).join(", ")}`);
      show(problem, names.length > 0);
      text(refused, clean(settings.errors[""] ?? "", 500));
      show(refused, Boolean(settings.errors[""]));
      // Not `disabled`, which would lose the focus while it is pressed.
      attribute(
        apply,
        "aria-disabled",
        names.length > 0 || changes === 0 || !state.connected ? "true" : null,
      );
      attribute(revert, "disabled", state.connected ? null : "");
      label();
      const wanted = changes > 0 || names.length > 0;
      if (!wanted && element.contains(focusBeside(element))) {
        ways.onHidden();
      }
      show(element, wanted);
    },
  };
}

/** What applying the changes takes. */
function consequence({ phase }: State, { pending, live }: Settings, ofAgent: boolean): string {
  const names = Object.keys(pending);
  const they = names.length === 1 ? "it holds" : "they hold";
  if (phase !== "live") {
    return `${they} from the next start on`;
  }
  if (ofAgent) {
    return "an agent takes settings when a talk begins: stop this one first";
  }
  if (names.includes("model")) {
    return "another model takes the talk over, told what was said where it can be";
  }
  return names.every((name) => live.includes(name))
    ? `${they} at once`
    : "needs a new connection; the talk goes on";
}

function featureLabel({ features }: Catalogue, name: string): string {
  return clean(features.find((feature) => feature.name === name)?.label ?? "Model");
}

/** How long the copy button shows the result; chosen: it may be a sentence to act on. */
const CONFIRMATION_MS = 2500;

interface CodeView {
  opener: HTMLButtonElement;
  element: HTMLElement;
  update(code: string): void;
}

function codeView(scope: Scope): CodeView {
  const block = el("code", "lw-code-text");
  const box = el("pre", "lw-code", { tabindex: "0", "aria-label": "Python of this session" }, block);
  const copy = el("button", "lw-button lw-code-copy", { type: "button" }, "Copy");
  const status = el("span", "lw-unseen", { role: "status" });
  const element = el("div", "lw-code-block", { id: freshId("code") }, box, status, copy);
  element.hidden = true;
  const opener = el(
    "button",
    "lw-button lw-code-opener",
    { type: "button", "aria-expanded": "false", "aria-controls": element.id },
    icon("code", 16),
    "Copy as code",
  );
  const confirm = confirmation(copy, status, scope, CONFIRMATION_MS);
  const copyCode = async () => {
    selectContents(box);
    try {
      await navigator.clipboard.writeText(block.textContent ?? "");
      confirm("Copied");
    } catch {
      // Denied, or missing in insecure pages: the code is selected, so that Ctrl+C copies it.
      confirm(document.execCommand?.("copy") ? "Copied" : "Now press Ctrl+C");
    }
  };
  scope.listen(opener, "click", () => {
    show(element, element.hidden !== false);
    attribute(opener, "aria-expanded", String(!element.hidden));
    if (!element.hidden) {
      void copyCode();
    }
  });
  scope.listen(copy, "click", () => void copyCode());
  return {
    opener,
    element,
    update(code) {
      text(block, clean(code));
    },
  };
}

interface ModelPicker {
  element: HTMLElement;
  update(catalogue: Catalogue, settings: Settings): void;
  focus(): void;
}

function modelPicker(choose: (model: string) => void, scope: Scope): ModelPicker {
  const select = el("select", "lw-entry lw-model-select", { id: freshId("model") });
  const label = el("label", "lw-model-label", { for: select.id }, "Model");
  // An agent has no other model to choose from.
  const only = el("output", "lw-model-only");
  const facts = el("p", "lw-model-facts", { id: freshId("facts") });
  const fault = el("p", "lw-control-fault", { id: freshId("fault"), role: "alert" });
  attribute(select, "aria-describedby", `${facts.id} ${fault.id}`);
  const others = el("p", "lw-model-facts lw-set-elsewhere");
  const element = el("div", "lw-model-picker", {}, label, select, only, facts, others, fault);
  scope.listen(select, "change", () => choose(select.value));
  let shownKey = "";
  return {
    element,
    focus: () => select.focus(),
    update({ models, elsewhere }, settings) {
      show(select, elsewhere === "");
      show(only, elsewhere !== "");
      text(only, elsewhere && clean(settings.model));
      text(label, elsewhere === "" ? "Model" : "Agent");
      text(others, clean(elsewhere));
      show(others, elsewhere !== "");
      const chosen = chosenModel(settings);
      const known = models.some(({ id }) => id === chosen);
      const options = known ? models : [{ id: chosen, status: "not in the table", facts: [] }, ...models];
      const key = JSON.stringify(options.map(({ id }) => id));
      if (key !== shownKey) {
        shownKey = key;
        select.replaceChildren(...options.map((model) => modelOption(model.id, model.status)));
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

function modelOption(id: string, status: string): HTMLOptionElement {
  return el("option", "", { value: id }, status === "stable" ? id : `${id} (${status})`);
}

/** Height of the sticky heading, in pixels. */
const HEADING_HEIGHT = 40;

interface Section {
  element: HTMLElement;
  /** Its entry in the list of sections. */
  jump: HTMLButtonElement;
  changes: HTMLElement;
  controls: Control[];
}

export function settingsPanel(store: Store, actions: Actions, scope: Scope): View {
  const waiting = el("p", "lw-panel-empty", {}, "Asking the kernel…");
  const picker = modelPicker((model) => actions.explorer.configure({ model }), scope);
  const search = el("input", "lw-entry lw-search", {
    type: "search",
    placeholder: "Search settings",
    "aria-label": "Search settings",
  });
  const code = codeView(scope);
  const ignored = el("ul", "lw-set-ignored", { "aria-label": "What the model ignores" });
  const top = el("div", "lw-set-top", {}, picker.element, search, code.opener, code.element, ignored);
  const rail = el("nav", "lw-rail", { "aria-label": "Groups of settings" });
  const nothing = el("p", "lw-panel-empty", {}, "No setting has these words.");
  const list = el("div", "lw-set-list", { tabindex: "-1" }, nothing);
  const body = el("div", "lw-set-body", {}, rail, list);
  const bar = applyBar(
    {
      apply: () => actions.explorer.apply(),
      revert() {
        for (const one of controls()) {
          one.discard();
        }
        actions.explorer.revert();
      },
      onShow: (name) => scrollToSetting(name),
      onHidden: () => list.focus({ preventScroll: true }),
    },
    scope,
  );
  const fields = el("fieldset", "lw-set", {}, top, body, bar.element);
  const element = el("div", "lw-set-panel", {}, waiting, fields);

  let built: Catalogue | null = null;
  let sections: Section[] = [];
  let last: State | null = null;
  let jumped: { to: Section; top: number } | null = null;

  const controls = () => sections.flatMap((section) => section.controls);
  const invalidNames = () =>
    controls()
      .filter((one) => one.error() !== "")
      .map((one) => one.feature.name);
  const ways: ControlHandlers = {
    onChange: ({ name }, value) => actions.explorer.configure({ [name]: value }),
    onInvalid: () => draw(store.get(), true),
  };
  const filter = () => {
    jumped = null;
    const words = search.value.trim();
    let found = 0;
    for (const section of sections) {
      const hits = section.controls.filter((one) => {
        const hit = matches(one.feature, words);
        show(one.element, hit);
        return hit;
      });
      show(section.element, hits.length > 0);
      show(section.jump, hits.length > 0);
      found += hits.length;
    }
    show(nothing, found === 0);
    markSection();
  };
  const scrollToSetting = (name: string) => {
    search.value = "";
    filter();
    const found = controls().find((one) => one.feature.name === name);
    if (found) {
      list.scrollTop = found.element.offsetTop - HEADING_HEIGHT;
      found.focus();
    } else {
      picker.focus();
    }
  };
  const markSection = () => {
    const at = list.scrollTop + HEADING_HEIGHT;
    const seen = sections.filter((section) => !section.element.hidden);
    const above = list.scrollTop > 0 ? seen.filter((section) => section.element.offsetTop <= at) : [];
    // The last sections cannot reach the top: a chosen one stays marked until the list is scrolled.
    const here = jumped?.top === list.scrollTop ? jumped.to : undefined;
    const now = here ?? above.at(-1) ?? seen[0];
    for (const section of sections) {
      attribute(section.jump, "aria-current", section === now ? "true" : null);
    }
  };
  const build = (catalogue: Catalogue) => {
    built = catalogue;
    sections = [...featureGroups(catalogue)].map(([title, features]) => {
      const controls = features.map((feature) => control(feature, catalogue.models, ways, scope));
      const section = makeSection(title, controls);
      scope.listen(section.jump, "click", () => {
        list.scrollTop = section.element.offsetTop;
        jumped = { to: section, top: list.scrollTop };
        markSection();
      });
      return section;
    });
    rail.replaceChildren(...sections.map((section) => section.jump));
    list.replaceChildren(...sections.map((section) => section.element), nothing);
    filter();
  };
  const draw = (state: State, again = false) => {
    const { catalogue, settings } = state.explorer;
    show(waiting, !catalogue || !settings);
    show(fields, Boolean(catalogue && settings));
    if (!catalogue || !settings || (!again && isSame(state, last))) {
      return;
    }
    last = state;
    if (catalogue !== built) {
      build(catalogue);
    }
    fields.disabled = !state.connected;
    picker.update(catalogue, settings);
    // An agent may take no settings at all.
    show(search, catalogue.features.length > 0);
    show(body, catalogue.features.length > 0);
    for (const section of sections) {
      updateSection(section, settings);
    }
    code.update(settings.code);
    ignored.replaceChildren(...settings.notes.map((note) => el("li", "", {}, clean(note))));
    show(ignored, settings.notes.length > 0);
    bar.update(state, catalogue, settings, invalidNames());
  };
  scope.listen(search, "input", filter);
  onEscape(scope, search, () => {
    const searched = search.value !== "";
    if (searched) {
      search.value = "";
      filter();
    }
    return searched;
  });
  scope.listen(list, "scroll", markSection);
  return { element, update: draw };
}

/** Whether nothing that is shown here has changed: states come many times a second. */
function isSame(state: State, before: State | null): boolean {
  return (
    before !== null &&
    state.explorer.settings === before.explorer.settings &&
    state.explorer.catalogue === before.explorer.catalogue &&
    state.phase === before.phase &&
    state.connected === before.connected
  );
}

function makeSection(title: string, controls: Control[]): Section {
  const heading = el("h3", "lw-set-title", { id: freshId("group") }, clean(title));
  const changes = el("span", "lw-rail-changes");
  const jump = el("button", "lw-rail-item", { type: "button" }, el("span", "", {}, clean(title)), changes);
  const element = el("section", "lw-set-group", { "aria-labelledby": heading.id }, heading);
  element.append(...controls.map((one) => one.element));
  return { element, jump, changes, controls };
}

function updateSection({ controls, changes }: Section, settings: Settings): void {
  for (const one of controls) {
    one.update(settings);
  }
  const changed = controls.filter(({ feature }) => isChanged(settings, feature.name)).length;
  const faulty = controls.filter((one) => one.error() !== "" || settings.errors[one.feature.name]).length;
  const words = faulty > 0 ? `${faulty} cannot be` : changed > 0 ? `${changed} changed` : "";
  text(changes, words === "" ? "" : String(faulty || changed));
  attribute(changes, "title", words || null);
  attribute(changes, "data-level", faulty > 0 ? "error" : null);
  show(changes, words !== "");
}
