// What a setting is, was and shall be: pure functions of the catalogue and of what the kernel told.

import type { Catalogue, Feature, Json, ModelFacts, Settings } from "../../explorer.ts";

/** The model that the settings are for: the one that was chosen and not applied, or that of the session. */
export function modelOf({ pending, model }: Settings): string {
  return typeof pending.model === "string" ? pending.model : model;
}

/** What a feature shall be; null where nothing is said about it. */
export function askedOf({ pending, values }: Settings, name: string): Json {
  const said = Object.hasOwn(pending, name) ? pending : values;
  return Object.hasOwn(said, name) ? said[name] : null;
}

export function isChanged(settings: Settings, name: string): boolean {
  return Object.hasOwn(settings.pending, name);
}

/** What a choice may be on a model. */
export function choicesOf(feature: Feature, model: string): string[] {
  return feature.choices_by_model[model] ?? feature.choices;
}

/** A choice as people read it: `Kore — firm`, `push to talk`. */
export function choiceName(feature: Feature, choice: string): string {
  const words = choice.replaceAll("_", " ");
  const note = feature.notes[choice];
  return note ? `${words} — ${note}` : words;
}

/** What the service does where nothing is said. */
export function unsaid(feature: Feature): string {
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

/** The numbers that can be, in a few words; "" where all can. */
export function range({ kind, lowest, highest }: Feature): string {
  if (kind !== "number" || lowest === null) {
    return "";
  }
  if (highest !== null) {
    return `${number(lowest)} to ${number(highest)}`;
  }
  return lowest >= -1 ? `${number(lowest)} or more` : "any whole number";
}

function number(value: number): string {
  return String(value).replace("-", "−");
}

/** How a model takes a feature, as a sentence; "" where it simply does. */
export function refusal(feature: Feature, model: string): string {
  const does = feature.refused.includes(model)
    ? "does not have it"
    : feature.ignored.includes(model)
      ? "ignores it"
      : "";
  return does && `${model} ${does}${feature.instead ? `: ${feature.instead}` : ""}.`;
}

/** The models that have a feature. */
export function having(feature: Feature, models: ModelFacts[]): string[] {
  return models
    .map(({ id }) => id)
    .filter((id) => !feature.refused.includes(id) && !feature.ignored.includes(id));
}

/** Whether a feature is meant by what is searched for: all words, anywhere in what is said of it. */
export function matches(feature: Feature, search: string): boolean {
  const { name, label, wire, about, group } = feature;
  const text = `${name} ${label} ${wire} ${about} ${group}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The features of each group, in the catalogue's order. */
export function groups({ features }: Catalogue): Map<string, Feature[]> {
  const found = new Map<string, Feature[]>();
  for (const feature of features) {
    found.set(feature.group, [...(found.get(feature.group) ?? []), feature]);
  }
  return found;
}
