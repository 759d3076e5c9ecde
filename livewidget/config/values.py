"""Whether the values of a `LiveConfig` can be used at all, as the table of features says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from livewidget.config.parts import Compression, Transcription, Translation, TurnDetection
from livewidget.config.words import either, shown
from livewidget.errors import ConfigError
from livewidget.models import FEATURES, INT32, Feature

if TYPE_CHECKING:
    from livewidget.config.live import LiveConfig

#: What has fields of its own, or may be of several types.
_PARTS: Final[tuple[tuple[str, tuple[type, ...], str], ...]] = (
    ("thinking", (str, int, type(None)), "a level or a number of tokens"),
    ("turn_detection", (TurnDetection,), 'a TurnDetection, or "push_to_talk"'),
    ("input_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("output_transcript", (bool, Transcription), "True, False or a Transcription"),
    ("compression", (bool, Compression), "True, False or a Compression"),
    ("translation", (Translation, type(None)), "a language code or a Translation"),
)
#: Checked above as parts, or by the model, which alone knows what they may be.
_ELSEWHERE: Final = ("thinking", "input_transcript", "output_transcript", "compression", "modalities")
#: Terms of a vocabulary; the service's own limit.
_TERMS: Final = 1000


def get(config: LiveConfig, path: str) -> Any:
    """Return the value of a field, or of a part's field; None where the part is not there."""
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def check_values(config: LiveConfig) -> None:
    """Make sure that fields hold what they are for: numbers in their ranges, words among their choices.

    Raises:
        ConfigError: It names the field, what it may be, and what it is.
    """
    for path, kinds, expected in _PARTS:
        if not isinstance(get(config, path), kinds):
            raise ConfigError(f"{path} must be {expected}, not {type(get(config, path)).__name__}.")
    if isinstance(config.thinking, bool):
        raise ConfigError("thinking must be a level or a number of tokens, not a bool.")
    if not config.modalities or not _are_texts(config.modalities):
        raise ConfigError('modalities must be names, such as ("AUDIO",).')
    for feature in FEATURES:
        value = get(config, feature.where)
        if value is not None and feature.where not in _ELSEWHERE:
            _CHECKS[feature.kind](feature, value)
    _check_together(config)


def _check_together(config: LiveConfig) -> None:
    if config.turn_detection.mode == "push_to_talk":
        for name in ("silence_ms", "prefix_padding_ms", "start_sensitivity", "end_sensitivity"):
            if getattr(config.turn_detection, name) is not None:
                raise ConfigError(f"turn_detection.{name} has no meaning with push_to_talk: leave it out.")
    terms = get(config, "input_transcript.vocabulary") or ()
    if len(terms) > _TERMS:
        raise ConfigError(
            f"input_transcript.vocabulary may have {_TERMS} terms, and this has {len(terms)}; leave some out."
        )
    if config.translation is not None and not config.translation.target:
        raise ConfigError('translation needs its target language, such as translation="pl".')
    if not all(isinstance(text, str) for pair in config.safety.items() for text in pair):
        raise ConfigError(
            'safety must name a threshold for each category, as in {"HARASSMENT": "BLOCK_NONE"}.'
        )
    if config.transparent_resumption and not config.resumption:
        raise ConfigError("transparent_resumption needs resumption: leave it on.")


def _switch(feature: Feature, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{feature.where} must be True or False, not {shown(value)}.")


def _number(feature: Feature, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    low, high = feature.lowest, feature.highest
    if not number or (feature.whole and value != int(value)) or not low <= value <= high:
        kind = "a whole number" if feature.whole else "a number"
        span = f"from {low:g} to {high:g}" if high < INT32 else f"of {low:g} or more"
        raise ConfigError(f"{feature.where} must be {kind} {span}, not {shown(value)}.")


def _choice(feature: Feature, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigError(f"{feature.where} must be text, not {type(value).__name__}.")
    if feature.choices and value not in feature.choices:
        raise ConfigError(f"{feature.where} must be {either(feature.choices)}, not {shown(value)}.")


def _text(feature: Feature, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigError(f"{feature.where} must be text, not {type(value).__name__}.")


def _names(feature: Feature, value: Any) -> None:
    if not _are_texts(value):
        raise ConfigError(f"{feature.where} must be a tuple of texts.")


def _json(feature: Feature, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{feature.where} must be a dict, not {type(value).__name__}.")


_CHECKS: Final[Mapping[str, Callable[[Feature, Any], None]]] = {
    "switch": _switch,
    "number": _number,
    "choice": _choice,
    "text": _text,
    "names": _names,
    "json": _json,
}


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)
