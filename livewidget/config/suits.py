"""Whether one model takes a `LiveConfig`: as its row and the table of features say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from livewidget.config.values import get
from livewidget.config.words import either, nearest, shown
from livewidget.errors import ConfigError
from livewidget.models import FEATURES, INT32, MODELS, VOICES, Feature, Model, feature

if TYPE_CHECKING:
    from livewidget.config.live import LiveConfig

#: Fields whose values differ from model to model have a check of their own.
_OWN: Final = ("thinking", "modalities", "voice")
#: Fields that people know under a shorter name.
_CALLED: Final = {"turn_detection.mode": "push_to_talk", "translation.target": "translation"}


def check_model(config: LiveConfig, model: Model) -> None:
    """Make sure that `model` takes `config`.

    Raises:
        ConfigError: It names the field, the model, what it accepts, and which models do have it.
    """
    if model.status == "shut down":
        instead = f"; {model.successor} takes its place" if model.successor else ""
        raise ConfigError(f"{model.id} was shut down{instead}.")
    _check_modalities(config, model)
    _check_thinking(config, model)
    _check_voice(config, model)
    for one in FEATURES:
        if one.where not in _OWN and asked(config, one) and not one.has(model):
            raise refuse(_CALLED.get(one.name, one.name), model, one.instead, one.has)
    _check_translation(config, model)


def notes(config: LiveConfig, model: Model) -> list[str]:
    """Return a sentence for each field that is asked for and that `model` ignores."""
    return [
        f"{model.id} ignores {one.where}: {one.instead}."
        for one in FEATURES
        if model.known and asked(config, one) and one.taken(model) == "ignored"
    ]


def asked(config: LiveConfig, feature: Feature) -> bool:
    """Tell whether `config` says anything about a feature."""
    value = get(config, feature.where)
    if feature.kind == "switch" and not isinstance(value, bool | None):
        return True  # A part with fields of its own.
    return value is not None and value != feature.default


def refuse(name: str, model: Model, accepts: str, has: Callable[[Model], Any]) -> ConfigError:
    """The error for a field that `model` does not take. `has` tells which rows of the table do."""
    able = [row for row in MODELS if row.status not in ("shut down", "private") and has(row)]
    here = [row for row in able if row.service == model.service] or able
    others = [row_id for row_id in dict.fromkeys(row.id for row in here) if row_id != model.id][:4]
    where = f"; {', '.join(others)} {'does' if len(others) == 1 else 'do'}" if others else ""
    return ConfigError(f"{model.id} does not take {name}: {accepts}{where}.")


def _check_modalities(config: LiveConfig, model: Model) -> None:
    if len(config.modalities) != 1:
        raise ConfigError(
            f"modalities must name exactly one: {model.id} answers in {either(model.modalities)}."
        )
    wanted = config.modalities[0]
    if wanted not in model.modalities:
        raise refuse(
            f'modalities ("{wanted[:20]}",)',
            model,
            f"it answers in {either(model.modalities)} only",
            lambda row: wanted in row.modalities,
        )


def _check_thinking(config: LiveConfig, model: Model) -> None:
    thinking = config.thinking
    if thinking is None:
        if model.thinking_required:
            raise ConfigError(f"{model.id} needs thinking: {either(_levels(model))}.")
        return
    kind = "budget" if isinstance(thinking, int) else "level"
    if model.thinking != kind:
        takes = "it does not think"
        if model.thinking == "budget":
            takes = "it takes a number of tokens, such as thinking=1024"
        elif model.thinking == "level":
            takes = f"it takes a level, {either(_levels(model))}"
        raise refuse(f"thinking as a {kind}", model, takes, lambda row: row.thinking == kind)
    if isinstance(thinking, int):
        if not feature("thinking_budget").lowest <= thinking <= INT32:
            raise ConfigError(
                f"thinking must be a number of tokens, 0 for none or -1 for automatic, not {thinking}."
            )
    elif thinking.lower() not in _levels(model):
        raise refuse(
            f'thinking "{thinking[:20]}"',
            model,
            f"it takes {either(_levels(model))}",
            lambda row: thinking.lower() in _levels(row),
        )


def _levels(model: Model) -> tuple[str, ...]:
    return feature("thinking_level").choices_for(model)


def _check_voice(config: LiveConfig, model: Model) -> None:
    voice = config.voice
    if voice is None or voice in model.voices:
        return
    if not model.voices:
        raise refuse("voice", model, feature("voice").instead, lambda row: voice in row.voices)
    if voice in VOICES:
        raise refuse(
            f"voice {voice}", model, f"it has {', '.join(model.voices)}", lambda row: voice in row.voices
        )
    near = nearest(voice, model.voices)
    hint = f"did you mean {near}?" if near else f"it has {', '.join(model.voices)}."
    raise ConfigError(f"{model.id} has no voice {shown(voice)}; {hint}")


def _check_translation(config: LiveConfig, model: Model) -> None:
    if not model.translation:
        return
    if config.translation is None:
        raise ConfigError(
            f'{model.id} needs translation="…", the language to translate to; without it, it is silent.'
        )
    if model.translation_by_language and config.language not in (None, config.translation.target):
        raise ConfigError(f"{model.id} takes one language, the one to translate to: leave language out.")
