"""Everything that can happen in a session, as frozen structs; `Event` is their union.

One event means one thing, whichever model or service it came from. Events from the server are made by
`livewidget.protocol`; those marked "made by the session" tell what this side did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events. Sound, pictures and secrets never show in its repr."""

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _HIDDEN)
        return f"{type(self).__name__}({', '.join(shown)})"


_HIDDEN = frozenset({"data", "handle"})


# --- Session ----------------------------------------------------------------------------------------------


class SessionStarted(_Event, frozen=True, kw_only=True):
    """The server accepted the setup. `session_id` is given by Vertex AI only."""

    session_id: str | None = None


class SessionEnded(_Event, frozen=True, kw_only=True):
    """Made by the session: it is over. `error` is one plain sentence, or None after an orderly end."""

    error: str | None = None


class SessionMoved(_Event, frozen=True, kw_only=True):
    """Made by the session: the talk goes on over a new connection.

    Attributes:
        resumed: Whether the service took up its own memory of the talk; else it was told what was said.
        why: "go_away" (the server said that it would close), "time" (connections last no longer), "link" (it
            broke), "server" (the server failed), "settings" (they changed).
        gap_ms: How long there was no connection; what was sent meanwhile waited.
        repeats: Whether words of the user's that nobody had answered were sent again; where they were spoken,
            their transcript comes again as well.
    """

    resumed: bool
    why: Literal["go_away", "time", "link", "server", "settings"]
    gap_ms: float = 0.0
    repeats: bool = False


class GoAway(_Event, frozen=True, kw_only=True):
    """The server will close the connection. `time_left_ms` is None where it did not say when."""

    time_left_ms: int | None = None


class ResumptionUpdate(_Event, frozen=True, kw_only=True):
    """A handle to resume with. It is a secret: kept out of repr, logs and traits."""

    handle: str | None = None
    resumable: bool = False
    last_consumed_index: int | None = None


class Usage(_Event, frozen=True, kw_only=True):
    """Token counts as the server reported them. Vertex AI's `candidates…` are `response…` here."""

    prompt_tokens: int = 0
    response_tokens: int = 0
    thoughts_tokens: int = 0
    tool_use_prompt_tokens: int = 0
    cached_tokens: int = 0
    total_tokens: int = 0
    prompt_by_modality: Mapping[str, int] = {}
    response_by_modality: Mapping[str, int] = {}
    traffic_type: str | None = None


# --- What the user does -----------------------------------------------------------------------------------


class TextSent(_Event, frozen=True, kw_only=True):
    """Made by the session: the user typed `text`."""

    text: str


class ImageSent(_Event, frozen=True, kw_only=True):
    """Made by the session: one picture went to the model."""

    mime_type: str
    size: int


class ActivityStart(_Event, frozen=True, kw_only=True):
    """The user began to speak: by manual activity, by the server's word, or `inferred` from a transcript."""

    offset_ms: int | None = None
    inferred: bool = False


class ActivityEnd(_Event, frozen=True, kw_only=True):
    """The user stopped speaking: manual activity, the server's word."""

    offset_ms: int | None = None


class InputTranscript(_Event, frozen=True, kw_only=True):
    """A fragment of what the user said, to be appended. Approximate: another model hears than answers."""

    text: str
    finished: bool = False
    language: str | None = None


class InterimInputTranscript(_Event, frozen=True, kw_only=True):
    """All that the user has said in this turn as heard so far; replaces the one before."""

    text: str


# --- What the model does ----------------------------------------------------------------------------------


class OutputAudio(_Event, frozen=True, kw_only=True):
    """Sound from the model: PCM16 little-endian mono at `sample_rate` Hz (24000 on the Live API)."""

    data: bytes
    sample_rate: int = 24_000


class OutputTranscript(_Event, frozen=True, kw_only=True):
    """A fragment of what the model says aloud, to be appended. No order is promised against the audio."""

    text: str
    finished: bool = False
    language: str | None = None


class OutputText(_Event, frozen=True, kw_only=True):
    """A fragment of text from a model that writes instead of speaking."""

    text: str


class Thought(_Event, frozen=True, kw_only=True):
    """A fragment of the model's summary of its thinking; not part of the answer."""

    text: str


class OutputMedia(_Event, frozen=True, kw_only=True):
    """Bytes from the model that are not PCM audio, such as video."""

    data: bytes
    mime_type: str = "application/octet-stream"


class ExecutableCode(_Event, frozen=True, kw_only=True):
    """Code the model runs on the server."""

    code: str
    language: str | None = None
    id: str | None = None


class CodeResult(_Event, frozen=True, kw_only=True):
    """What that code printed."""

    outcome: str | None = None
    output: str = ""
    id: str | None = None


class Grounding(_Event, frozen=True, kw_only=True):
    """Sources the answer rests on, as the server sent them."""

    metadata: Mapping[str, Any]


class UrlContext(_Event, frozen=True, kw_only=True):
    """Pages the model read, as the server sent them."""

    metadata: Mapping[str, Any]


class Interrupted(_Event, frozen=True, kw_only=True):
    """The model was interrupted: what it has sent and not yet been heard is void."""


class GenerationComplete(_Event, frozen=True, kw_only=True):
    """The model has sent all of its answer; it may still be playing."""


class WaitingForInput(_Event, frozen=True, kw_only=True):
    """The model chose to say nothing and wait."""


class InteractionStatus(_Event, frozen=True, kw_only=True):
    """IN_PROGRESS or IDLE, from models that think in the background."""

    status: str


class TurnComplete(_Event, frozen=True, kw_only=True):
    """The model's turn is over. `reason` is set when it ended badly, e.g. MALFORMED_FUNCTION_CALL."""

    reason: str | None = None


# --- Tools ------------------------------------------------------------------------------------------------


class ToolCall(_Event, frozen=True, kw_only=True):
    """The model calls a declared function. `id` is "" where the service gives none (Vertex AI may)."""

    id: str
    name: str
    args: Mapping[str, Any] = {}


class ToolCallCancelled(_Event, frozen=True, kw_only=True):
    """The model no longer wants these results."""

    ids: tuple[str, ...]


class ToolApprovalRequested(_Event, frozen=True, kw_only=True):
    """Made by the session: this call waits for a person to allow it."""

    id: str


class ToolApproved(_Event, frozen=True, kw_only=True):
    """Made by the session: a person has allowed this call, and it runs."""

    id: str


class ToolUpdate(_Event, frozen=True, kw_only=True):
    """Made by the session: a call gave a value and goes on. `sent` says whether the model is told of it."""

    id: str
    name: str
    result: Mapping[str, Any]
    sent: bool = False


class ToolResult(_Event, frozen=True, kw_only=True):
    """Made by the session: a call ended. Either `result` (as sent to the model) or `error` is set.

    `refused` says that it never ran, for want of a person's word; `scheduling` when the model is to speak of
    the result, where it was told.
    """

    id: str
    name: str
    result: Mapping[str, Any] | None = None
    error: str | None = None
    duration_ms: float = 0.0
    refused: bool = False
    scheduling: str | None = None


# --- The rest ---------------------------------------------------------------------------------------------


class Notice(_Event, frozen=True, kw_only=True):
    """Made by the session: something a person should read. `code` is stable, for programs."""

    level: Literal["info", "warning", "error"]
    code: str
    text: str


class Unknown(_Event, frozen=True, kw_only=True):
    """The server said something this version does not know: where, never what."""

    path: str


class Malformed(_Event, frozen=True, kw_only=True):
    """A server message that cannot be read: why and how large, never what. It was skipped."""

    problem: str
    size: int = 0


Event = (
    SessionStarted
    | SessionEnded
    | SessionMoved
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
    | ToolApprovalRequested
    | ToolApproved
    | ToolUpdate
    | ToolResult
    | Notice
    | Unknown
    | Malformed
)
