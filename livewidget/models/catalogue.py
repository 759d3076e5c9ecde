"""The tables of models and features as JSON for programs; a model's row in sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from livewidget.models.features import FEATURES, INT32, Feature
from livewidget.models.table import MODELS, PRICES, PRICES_OF, Model


def catalogue(service: str | None = None, agent: Model | None = None) -> dict[str, Any]:
    """Return both tables as JSON.

    Args:
        service: "gemini" or "vertex": the models of that one; "standin": the tutor and every model that it
            can stand in for; None: all, each once per service.
        agent: The row of an agent: then it is the only model, with the features that it takes.
    """
    models = models_of(service) if agent is None else (agent,)
    taken = [feature for feature in FEATURES if agent is None or feature.supported_by(agent)]
    tables = {
        "service": service or "",
        "prices_of": PRICES_OF,
        "models": [model_json(model) for model in models],
        "features": [feature_json(feature, models) for feature in taken],
    }
    return tables if agent is None else {**tables, "elsewhere": elsewhere(agent)}


#: What people look for in the settings of an agent first, in words that go on in a sentence.
_LOOKED_FOR: Final = {"voice": "voice", "system_instruction": "instructions", "thinking_level": "thinking"}


def elsewhere(agent: Model) -> str:
    """Return in one sentence whose settings an agent does not take from here, and where they are changed."""
    takes = agent.takes or frozenset()
    words = [word for name, word in _LOOKED_FOR.items() if name not in takes]
    if not words:
        return f"All other settings are those of {agent.settings_of}: change them in its code."
    *rest, last = words
    if not rest:
        return f"{last.capitalize()} is a setting of {agent.settings_of}: change it in its code."
    named = f"{', '.join(rest).capitalize()} and {last}"
    return f"{named} are settings of {agent.settings_of}: change them in its code."


def models_of(service: str | None) -> tuple[Model, ...]:
    """Return the models that can be used on a service, without those that were shut down."""
    alive = [model for model in MODELS if model.status != "shut down"]
    if service == "standin":
        # With a bare id the stand-in behaves like the Gemini API if that has the model, else like Vertex AI.
        rank = {"standin": 0, "gemini": 1, "vertex": 2}
        by_id: dict[str, Model] = {}
        for model in sorted(alive, key=lambda row: rank[row.service]):
            by_id.setdefault(model.id, model)
        return tuple(by_id.values())
    return tuple(model for model in alive if service in (None, model.service))


def feature_json(feature: Feature, models: tuple[Model, ...]) -> dict[str, Any]:
    """Return one feature as JSON, with what each of `models` does with it."""
    by_model = {model.id: list(feature.choices_for(model)) for model in models if feature.supported_by(model)}
    support = {model.id: feature.support(model) for model in models}
    return {
        "name": feature.name,
        "group": feature.group,
        "label": feature.label,
        "wire": feature.wire,
        "about": feature.about,
        "kind": feature.kind,
        "default": default_of(feature),
        "unsaid": feature.default_note,
        "choices": list(feature.choices),
        "choices_by_model": by_model if feature.choices_of else {},
        "notes": dict(feature.notes),
        "lowest": float(feature.lowest) if feature.kind == "number" else None,
        "highest": float(feature.highest) if feature.kind == "number" and feature.highest < INT32 else None,
        "whole": feature.whole,
        "unit": feature.unit,
        "instead": feature.otherwise,
        "ignored": [id for id, does in support.items() if does == "ignored"],
        "refused": [id for id, does in support.items() if does == "refused"],
    }


def default_of(feature: Feature) -> Any:
    """Return the default of a feature as JSON."""
    if feature.name == "modalities":
        return feature.default[0]
    return list(feature.default) if isinstance(feature.default, tuple) else feature.default


def model_json(model: Model) -> dict[str, Any]:
    """Return one model's row as JSON, with its facts in sentences and its price if one is known."""
    price = PRICES.get(model.id) if model.service == "gemini" else None
    row = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(model).items()}
    if model.takes is None:  # Only an agent's row is about whose the settings are.
        del row["takes"], row["settings_of"]
    else:
        row["takes"] = sorted(model.takes)
    return {
        **row,
        "facts": list(facts(model)),
        "usd_per_million_tokens": None if price is None else asdict(price),
    }


def _facts_of_agent(model: Model) -> Iterator[str]:
    if model.tools:
        yield "Calls the functions that it is given here, besides its own."
    takes = [
        word
        for word, has in (
            ("typed text", model.text != "none"),
            ("pictures", model.video),
            ("push-to-talk", "turn_detection.mode" in (model.takes or ())),
        )
        if has
    ]
    if takes:
        *rest, last = takes
        yield f"Takes {', '.join(rest)} and {last}." if rest else f"Takes {last}."


def facts(model: Model) -> Iterator[str]:
    """Yield what is worth knowing about a model, one sentence at a time."""
    if model.dictates:
        yield "Only writes down what is said."
    elif model.translation:
        yield "Translates what is said; a turn has no end."
    else:
        words = {"AUDIO": "sound", "TEXT": "text", "VIDEO": "a moving picture"}
        yield f"Answers in {' or '.join(words[one] for one in model.modalities)}."
    if model.thinks:
        how = ", ".join(level.lower() for level in model.thinking_levels) or "a number of tokens"
        yield f"Thinks before it answers: {how}{' (must be said)' if model.thinking_required else ''}."
    if model.takes is not None:
        yield from _facts_of_agent(model)
        return
    if model.tools:
        waits = " or ".join("waits" if one == "BLOCKING" else "goes on" for one in model.tool_behaviors)
        yield f"Calls functions, and {waits} meanwhile."
    able = [
        word
        for word, has in (
            ("Google Search", model.search),
            ("code execution", model.code_execution),
            ("URL context", model.url_context),
            ("pictures", model.video),
            ("affective dialog", model.affective_dialog),
            ("proactive audio", model.proactive_audio),
        )
        if has
    ]
    if able:
        yield f"Has {', '.join(able)}."
    if model.seeds_history:
        yield "Takes a history at the beginning only, and later text by realtimeInput."
    if model.language_count:
        yield f"Speaks {model.language_count} language{'s' if model.language_count > 1 else ''}."
