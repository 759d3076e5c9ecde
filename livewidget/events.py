"""Everything that can happen in a session, as frozen dataclasses; `Event` is their union.

One event means one thing, whichever model or service it came from. Events from the server are made by
`livewidget.protocol`; those marked "made by the session" tell what this side did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def _event(cls: type[_T]) -> type[_T]:
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


# --- Session ----------------------------------------------------------------------------------------------


@_event
class SessionStarted:
    """The server accepted the setup. `session_id` is given by Vertex AI only."""

    session_id: str | None = None


@_event
class SessionEnded:
    """Made by the session: it is over. `error` is one plain sentence, or None after an orderly end."""

    error: str | None = None


@_event
class GoAway:
    """The server will close the connection. `time_left_ms` is None where it did not say when."""

    time_left_ms: int | None = None


@_event
class ResumptionUpdate:
    """A handle to resume with. It is a secret: kept out of repr, logs and traits."""

    handle: str | None = field(default=None, repr=False)
    resumable: bool = False
    last_consumed_index: int | None = None


@_event
class Usage:
    """Token counts as the server reported them. Vertex AI's `candidates…` are `response…` here."""

    prompt_tokens: int = 0
    response_tokens: int = 0
    thoughts_tokens: int = 0
    tool_use_prompt_tokens: int = 0
    cached_tokens: int = 0
    total_tokens: int = 0
    prompt_by_modality: Mapping[str, int] = field(default_factory=dict)
    response_by_modality: Mapping[str, int] = field(default_factory=dict)
    traffic_type: str | None = None


# --- What the user does -----------------------------------------------------------------------------------


@_event
class TextSent:
    """Made by the session: the user typed `text`."""

    text: str


@_event
class ImageSent:
    """Made by the session: one picture went to the model."""

    mime_type: str
    size: int


@_event
class ActivityStart:
    """The user began to speak: by manual activity, by the server's word, or `inferred` from a transcript."""

    offset_ms: int | None = None
    inferred: bool = False


@_event
class ActivityEnd:
    """The user stopped speaking: manual activity, the server's word."""

    offset_ms: int | None = None


@_event
class InputTranscript:
    """A fragment of what the user said, to be appended. Approximate: another model hears than answers."""

    text: str
    finished: bool = False
    language: str | None = None


@_event
class InterimInputTranscript:
    """All that the user has said in this turn as heard so far; replaces the one before."""

    text: str


# --- What the model does ----------------------------------------------------------------------------------


@_event
class OutputAudio:
    """Sound from the model: PCM16 little-endian mono at `sample_rate` Hz (24000 on the Live API)."""

    data: bytes = field(repr=False)
    sample_rate: int = 24_000


@_event
class OutputTranscript:
    """A fragment of what the model says aloud, to be appended. No order is promised against the audio."""

    text: str
    finished: bool = False
    language: str | None = None


@_event
class OutputText:
    """A fragment of text from a model that writes instead of speaking."""

    text: str


@_event
class Thought:
    """A fragment of the model's summary of its thinking; not part of the answer."""

    text: str


@_event
class OutputMedia:
    """Bytes from the model that are not PCM audio, such as video."""

    data: bytes = field(repr=False)
    mime_type: str = "application/octet-stream"


@_event
class ExecutableCode:
    """Code the model runs on the server."""

    code: str
    language: str | None = None
    id: str | None = None


@_event
class CodeResult:
    """What that code printed."""

    outcome: str | None = None
    output: str = ""
    id: str | None = None


@_event
class Grounding:
    """Sources the answer rests on, as the server sent them."""

    metadata: Mapping[str, Any]


@_event
class UrlContext:
    """Pages the model read, as the server sent them."""

    metadata: Mapping[str, Any]


@_event
class Interrupted:
    """The model was interrupted: what it has sent and not yet been heard is void."""


@_event
class GenerationComplete:
    """The model has sent all of its answer; it may still be playing."""


@_event
class WaitingForInput:
    """The model chose to say nothing and wait."""


@_event
class InteractionStatus:
    """IN_PROGRESS or IDLE, from models that think in the background."""

    status: str


@_event
class TurnComplete:
    """The model's turn is over. `reason` is set when it ended badly, e.g. MALFORMED_FUNCTION_CALL."""

    reason: str | None = None


# --- Tools ------------------------------------------------------------------------------------------------


@_event
class ToolCall:
    """The model calls a declared function. `id` is "" where the service gives none (Vertex AI may)."""

    id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)


@_event
class ToolCallCancelled:
    """The model no longer wants these results."""

    ids: tuple[str, ...]


@_event
class ToolResult:
    """Made by the session: a call ended. Either `result` (as sent to the model) or `error` is set."""

    id: str
    name: str
    result: Mapping[str, Any] | None = None
    error: str | None = None
    duration_ms: float = 0.0


# --- The rest ---------------------------------------------------------------------------------------------


@_event
class Notice:
    """Made by the session: something a person should read. `code` is stable, for programs."""

    level: Literal["info", "warning", "error"]
    code: str
    text: str


@_event
class Unknown:
    """The server said something this version does not know: where, never what."""

    path: str


@_event
class Malformed:
    """A server message that cannot be read: why and how large, never what. It was skipped."""

    problem: str
    size: int = 0


Event = (
    SessionStarted
    | SessionEnded
    | GoAway
    | ResumptionUpdate
    | Usage
    | TextSent
    | ImageSent
    | ActivityStart
    | ActivityEnd
    | InputTranscript
    | InterimInputTranscript
    | OutputAudio
    | OutputTranscript
    | OutputText
    | Thought
    | OutputMedia
    | ExecutableCode
    | CodeResult
    | Grounding
    | UrlContext
    | Interrupted
    | GenerationComplete
    | WaitingForInput
    | InteractionStatus
    | TurnComplete
    | ToolCall
    | ToolCallCancelled
    | ToolResult
    | Notice
    | Unknown
    | Malformed
)
