"""The keywords of `LiveWidget` and `connect`: the fields of `LiveConfig`, as a person types them.

`ConfigOptions` tells type checkers and editors; `show_options` tells `help`, Tab and Shift-Tab in a notebook,
which look at a function when it is there. A test compares both with `LiveConfig`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, Literal, TypedDict, TypeVar

from livewidget.config.config import Compression, LiveConfig, Transcription, Translation, TurnDetection
from livewidget.models import FEATURES_BY_NAME, VOICES

F = TypeVar("F", bound=Callable[..., Any])


class ConfigOptions(TypedDict, total=False):
    """The fields of `LiveConfig`, which says what each means, with what else a person may write for them."""

    system_instruction: str | None
    voice: str | None
    language: str | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    max_output_tokens: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    seed: int | None
    modalities: Literal["AUDIO", "TEXT"] | Iterable[str]
    thinking: Literal["minimal", "low", "medium", "high"] | int | None
    include_thoughts: bool
    media_resolution: Literal["low", "medium", "high"] | None
    turn_detection: Literal["automatic", "push_to_talk"] | TurnDetection | Mapping[str, Any]
    input_transcript: bool | Transcription | Mapping[str, Any]
    output_transcript: bool | Transcription | Mapping[str, Any]
    vad_signal: bool
    resumption: bool
    transparent_resumption: bool
    compression: bool | Compression | Mapping[str, Any]
    proactive_audio: bool
    affective_dialog: bool
    translation: str | Translation | Mapping[str, Any] | None
    seed_history: bool
    safety: Mapping[str, str]
    google_search: bool
    code_execution: bool
    url_context: bool
    hold_while_calling: bool
    extra: Mapping[str, Any]


#: Choices that the table of features has for a field, or that all models have together.
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "voice": tuple(VOICES),
    "media_resolution": tuple(FEATURES_BY_NAME["media_resolution"].choices),
    "thinking": tuple(FEATURES_BY_NAME["thinking_level"].choices),
    "modalities": ("AUDIO", "TEXT"),
    "turn_detection": tuple(FEATURES_BY_NAME["turn_detection.mode"].choices),
}


def show_options(function: F) -> F:
    """Show each option of `function` by name, default and values, in place of its `**config`.

    Only `inspect.signature` changes, not what the function takes.
    """
    defaults = {field.name: getattr(LiveConfig(), field.name) for field in fields(LiveConfig)}
    defaults["turn_detection"] = "automatic"  # The same in fewer words.
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=_annotation(name, written.__forward_arg__),
        )
        for name, written in ConfigOptions.__annotations__.items()
    ]
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return function


def _annotation(name: str, written: str) -> str:
    values = _VALUES.get(name)
    if values is None:
        return written
    literal = f"Literal[{', '.join(map(repr, values))}]"
    rest = [kind for kind in written.split(" | ") if not kind.startswith("Literal") and kind != "str"]
    return " | ".join([literal, *rest])
