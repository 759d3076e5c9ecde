// The settings of the session, made from the catalogue and nothing else.

import type { Catalogue, Settings } from "../../explorer.ts";
import type { Scope } from "../../scope.ts";
import type { Actions, State, Store } from "../../state.ts";
import { attribute, el, freshId, show, text, type View } from "../dom.ts";
import { clean } from "../format.ts";
import { applyBar } from "./apply-bar.ts";
import { codeView } from "./code.ts";
import { type Control, control, type Ways } from "./control.ts";
import { modelPicker } from "./model-picker.ts";
import { groups, isChanged, matches } from "./values.ts";

/** What the heading that stays at the top covers, in pixels. */
const TITLE = 40;

interface Section {
  element: HTMLElement;
  /** Its line in the list of sections. */
  jump: HTMLButtonElement;
  changes: HTMLElement;
  controls: Control[];
}

export function settingsPanel(store: Store, actions: Actions, scope: Scope): View {
  const { configure, apply, revert } = bound(actions);
  const waiting = el("p", "lw-panel-empty", {}, "Asking the kernel…");
  const picker = modelPicker((model) => configure({ model }), scope);
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
      apply,
      revert() {
        for (const one of all()) {
          one.forget();
        }
        revert();
      },
      show: (name) => reveal(name),
      rest: () => list.focus({ preventScroll: true }),
    },
    scope,
  );
  const whole = el("fieldset", "lw-set", {}, top, body, bar.element);
  const element = el("div", "lw-set-panel", {}, waiting, whole);

  let made: Catalogue | null = null;
  let sections: Section[] = [];
  let last: State | null = null;
  let jumped: { to: Section; top: number } | null = null;

  const all = () => sections.flatMap((section) => section.controls);
  const wrong = () =>
    all()
      .filter((one) => one.wrong() !== "")
      .map((one) => one.feature.name);
  const ways: Ways = {
    change: ({ name }, value) => configure({ [name]: value }),
    doubt: () => draw(store.get(), true),
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
    spy();
  };
  const reveal = (name: string) => {
    search.value = "";
    filter();
    const found = all().find((one) => one.feature.name === name);
    if (found) {
      list.scrollTop = found.element.offsetTop - TITLE;
      found.focus();
    } else {
      picker.focus();
    }
  };
  const spy = () => {
    const at = list.scrollTop + TITLE;
    const seen = sections.filter((section) => !section.element.hidden);
    const above = list.scrollTop > 0 ? seen.filter((section) => section.element.offsetTop <= at) : [];
    // The last sections cannot reach the top: one that was chosen counts until somebody scrolls on.
    const here = jumped?.top === list.scrollTop ? jumped.to : undefined;
    const now = here ?? above.at(-1) ?? seen[0];
    for (const section of sections) {
      attribute(section.jump, "aria-current", section === now ? "true" : null);
    }
  };
  const make = (catalogue: Catalogue) => {
    made = catalogue;
    sections = [...groups(catalogue)].map(([title, features]) => {
      const controls = features.map((feature) => control(feature, catalogue.models, ways, scope));
      const section = makeSection(title, controls);
      scope.listen(section.jump, "click", () => {
        list.scrollTop = section.element.offsetTop;
        jumped = { to: section, top: list.scrollTop };
        spy();
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
    show(whole, Boolean(catalogue && settings));
    if (!catalogue || !settings || (!again && isSame(state, last))) {
      return;
    }
    last = state;
    if (catalogue !== made) {
      make(catalogue);
    }
    whole.disabled = !state.connected;
    picker.update(catalogue, settings);
    for (const section of sections) {
      updateSection(section, settings);
    }
    code.update(settings.code);
    updateIgnored(ignored, settings.notes);
    bar.update(state, catalogue, settings, wrong());
  };
  scope.listen(search, "input", filter);
  scope.listen<KeyboardEvent>(search, "keydown", (event) => {
    if (event.key === "Escape" && search.value !== "") {
      // Escape also interrupts; one press does one thing.
      event.preventDefault();
      search.value = "";
      filter();
    }
  });
  scope.listen(list, "scroll", spy);
  return { element, update: draw };
}

function bound({ explorer }: Actions) {
  return {
    configure: explorer.configure.bind(explorer),
    apply: explorer.apply.bind(explorer),
    revert: explorer.revert.bind(explorer),
  };
}

/** Whether nothing has changed that these settings show: states come many times a second. */
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

function updateIgnored(element: HTMLElement, notes: string[]): void {
  const shown = notes.map((note) => el("li", "", {}, clean(note)));
  element.replaceChildren(...shown);
  show(element, notes.length > 0);
}

function updateSection({ controls, changes }: Section, settings: Settings): void {
  for (const one of controls) {
    one.update(settings);
  }
  const changed = controls.filter(({ feature }) => isChanged(settings, feature.name)).length;
  const faulty = controls.filter((one) => one.wrong() !== "" || settings.errors[one.feature.name]).length;
  const words = faulty > 0 ? `${faulty} cannot be` : changed > 0 ? `${changed} changed` : "";
  text(changes, words === "" ? "" : String(faulty || changed));
  attribute(changes, "title", words || null);
  attribute(changes, "data-level", faulty > 0 ? "error" : null);
  show(changes, words !== "");
}
