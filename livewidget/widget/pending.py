"""Settings that were changed in a page and not applied yet, and what keeps them from being applied.

Pure: values by feature name in, sentences by feature name out. "model" is a change like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from livewidget.config import LiveConfig
from livewidget.errors import ConfigError
from livewidget.models import BY_NAME, FEATURES, Feature, Model
from livewidget.models.catalogue import default_of

Values = dict[str, Any]

MODEL: Final = "model"


def put(changes: Mapping[str, Any], values: Mapping[str, Any], name: str, value: Any) -> Values:
    """Return `changes` with one more, and with what follows from it.

    A budget and a level of thinking are one field, so one takes the other's place. What a part holds is
    nothing without the part: a field that is set turns it on, and turning it off unsets its fields.

    Args:
        changes: What was changed before; None stands for a default.
        values: What the session is asked to be now, with its model.
        name: A feature's, or "model".
        value: What it shall be.
    """
    changed = {other: old for other, old in changes.items() if other != name} | {name: value}
    found = BY_NAME.get(name)
    if found is not None:
        if value is not None:
            changed |= {other.name: None for other in FEATURES if _is_rival(other, found)}
        part = BY_NAME.get(name.partition(".")[0], found)
        if part is not found and value is not None and not _is_on(part, {**values, **changed}):
            changed[part.name] = True
        if found.kind == "switch" and not _is_on(found, {**values, **changed}):
            changed |= {other.name: None for other in FEATURES if other.name.startswith(f"{name}.")}
    return settle(changed, values)


def settle(changes: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
    """Return the changes that still change something."""
    plain = {name: None if _is_default(name, value) else value for name, value in changes.items()}
    return {name: value for name, value in plain.items() if not _same(value, values.get(name))}


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of looking at changed settings.

    Attributes:
        config: The settings without what cannot be; None where nothing is left that could.
        errors: By the feature's name ("" where it is none's), one sentence why it cannot be.
    """

    config: LiveConfig | None
    errors: dict[str, str]


def check(model: Model, values: Mapping[str, Any], changes: Mapping[str, Any]) -> Checked:
    """Find out whether settings can be applied, and else which of them keeps them from it.

    Args:
        model: The model that they are for.
        values: What the session is asked to be now.
        changes: What was changed.
    """
    asked = _said({**values, **changes})
    errors: dict[str, str] = {}
    while True:
        config, sentence = _try(model, asked)
        if sentence is None:
            return Checked(config, errors)
        name, mended = _blame(model, asked, changes, sentence)
        if mended is None or name in errors:
            errors.setdefault(name, sentence)
            return Checked(None, errors)
        errors[name] = sentence + _because(name, sentence, model, asked, values, changes)
        asked = mended


def _said(values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value is not None and name != MODEL}


def _try(model: Model, asked: Values) -> tuple[LiveConfig | None, str | None]:
    try:
        config = LiveConfig.of_values(asked)
        config.check(model)
    except ConfigError as error:
        return None, str(error)
    return config, None


def _blame(
    model: Model, asked: Values, changes: Mapping[str, Any], sentence: str
) -> tuple[str, Values | None]:
    """Return whose fault a sentence is, and the settings without it.

    It is the fault of a value without which the sentence is gone: of the one that it begins with, else of the
    one that was changed last. Or of a value that is missing. Or of the other model.
    """
    order = list(changes)

    def rank(name: str) -> tuple[bool, int]:
        where = BY_NAME[name].where if name in BY_NAME else name
        return not sentence.startswith(where), -order.index(name) if name in order else len(order)

    for name in sorted(asked, key=rank):
        without = {other: asked[other] for other in asked if other != name and not _is_within(other, name)}
        if _try(model, without)[1] != sentence:
            return name, without
    for feature, value in _samples(model, asked):
        completed = asked | {feature.name: value}
        left = _try(model, completed)[1]
        if left is None or (left != sentence and feature.where not in left):
            return feature.name, completed
    return MODEL if MODEL in changes else "", None


def _samples(model: Model, asked: Values) -> Iterator[tuple[Feature, Any]]:
    """Yield a value for each feature that is not asked for and of which one could be needed."""
    for feature in FEATURES:
        if feature.name not in asked and feature.has(model):
            if feature.kind == "choice" and feature.choices_for(model):
                yield feature, feature.choices_for(model)[0]
            elif feature.kind == "text":
                yield feature, "en"


def _because(
    name: str,
    sentence: str,
    model: Model,
    asked: Values,
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> str:
    """Say which change made a value impossible that was not changed itself; the model is named anyway."""
    if name in changes:
        return ""
    for change in reversed(list(changes)):
        before = _said({**asked, change: values.get(change)})
        if change in BY_NAME and _try(model, before)[1] != sentence:
            return f" The change of “{BY_NAME[change].label}” does it."
    return ""


def _is_within(name: str, part: str) -> bool:
    return name.startswith(f"{part}.")


def _is_rival(other: Feature, feature: Feature) -> bool:
    return other.where == feature.where and other is not feature


def _is_on(feature: Feature, values: Mapping[str, Any]) -> bool:
    value = values.get(feature.name)
    return bool(feature.default if value is None else value)


def _is_default(name: str, value: Any) -> bool:
    return name in BY_NAME and _same(value, default_of(BY_NAME[name]))


def _same(one: Any, two: Any) -> bool:
    """Whether two JSON values are the same; to Python True is 1."""
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)
