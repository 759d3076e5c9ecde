"""The keywords of `LiveWidget` and `connect`: the fields of `LiveConfig`, and the `Limits` of a session.

`ConfigOptions` tells type checkers and editors; `show_options` tells `help`, Tab and Shift-Tab in a notebook,
which look at a function when it is there. A test compares both with `LiveConfig`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypedDict, TypeVar

from livewidget.config.config import Compression, LiveConfig, Transcription, Translation, TurnDetection
from livewidget.errors import ConfigError
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


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one session. The defaults suit people; what they cut is counted in `stats` and said once.

    Attributes:
        calls_per_turn: Function calls that run between two things the user says; a further one gets an error
            result. Chosen: more than any conversation that was seen needed, and few enough to end a loop of
            calls within seconds.
        spans_per_turn: Pieces of transcript, and calls, that one turn keeps; further text is added to the
            last piece. Chosen: an hour of speech has fewer.
        unheard_notice_s: Seconds of voiced user audio without any message of the service after which a notice
            says so.
        unheard_reconnect_s: Seconds of the same after which the connection is replaced.
        ask_s: Seconds that `ask` waits for its answer if it is not told otherwise.
        approval_length: Characters that the arguments of a call that asks for approval may have, as Python
            writes them; a longer call is refused without asking. Chosen: a few minutes of reading, and
            nobody reads more before answering.
        page_s: Seconds that a conversation waits for the page that began it when nothing is heard of that
            page: its computer sleeps, or the notebook server cannot be reached. Chosen: a server that
            restarts and a change of the network take less.

    Raises:
        ConfigError: If a value is no number above 0, or one that is counted is not whole.
    """

    calls_per_turn: int = 25
    spans_per_turn: int = 2_000
    unheard_notice_s: float = 10.0
    unheard_reconnect_s: float = 30.0
    ask_s: float = 30.0
    approval_length: int = 20_000
    page_s: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int,) if isinstance(field.default, int) else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < math.inf:
                what = "a whole number" if kinds == (int,) else "a number"
                raise ConfigError(f"{field.name} must be {what} above 0, not {_shown(value)}.")


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
