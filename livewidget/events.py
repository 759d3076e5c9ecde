"""Everything that can happen in a session, as frozen structs; `Event` is their base class.

An event has the same meaning for every model and service. Most are decoded from server messages by
`livewidget.protocol`; those marked "Made by the session" report what this side did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base class of all events. Its repr leaves out audio, image data and secrets."""

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _HIDDEN)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in _HIDDEN]


_HIDDEN = frozenset({"data", "handle", "details"})


class SessionStarted(Event, frozen=True, kw_only=True):
    """The server accepted the setup. Only Vertex AI sends a `session_id`."""

    session_id: str | None = None


class SessionEnded(Event, frozen=True, kw_only=True):
    """Made by the session: it has ended. `error` is a sentence, or None if it was closed normally.

    `details`: more about the error for whoever wrote the agent, such as its traceback; "" for none.
    """

    error: str | None = None
    details: str = ""


class ConnectionReplaced(Event, frozen=True, kw_only=True):
    """Made by the session: the conversation continues over a new connection.

    Attributes:
        resumed: True if the service restored its own memory of the conversation, False if the history was
            sent again.
        why: "go_away" (the server announced that it would close), "time" (the connection reached its usual
            length), "link" (it broke), "server" (the server failed), "unheard" (it did not react to what the
            user said), "settings" (they changed).
        gap_ms: How long there was no connection, in milliseconds; what was sent meanwhile waited.
        replayed: Whether unanswered user input was sent again. The transcript of replayed speech arrives
            again.
    """

    resumed: bool
    why: Literal["go_away", "time", "link", "server", "unheard", "settings"]
    gap_ms: float = 0.0
    replayed: bool = False


class GoAway(Event, frozen=True, kw_only=True):
    """The server will close the connection, in `time_left_ms` milliseconds if it said when."""

    time_left_ms: int | None = None


class ResumptionUpdate(Event, frozen=True, kw_only=True):
    """A new resumption handle. The handle is a secret: it must not reach a repr, a log or a trait."""

    handle: str | None = None
    resumable: bool = False


class Usage(Event, frozen=True, kw_only=True):
    """Token counts as the server reported them. Vertex AI calls the `response…` counts `candidates…`."""

    prompt_tokens: int = 0
    response_tokens: int = 0
    thoughts_tokens: int = 0
    tool_use_prompt_tokens: int = 0
    cached_tokens: int = 0
    total_tokens: int = 0
    prompt_by_modality: Mapping[str, int] = {}
    response_by_modality: Mapping[str, int] = {}
    traffic_type: str | None = None


class TextSent(Event, frozen=True, kw_only=True):
    """Made by the session: the user typed `text`."""

    text: str


class ImageSent(Event, frozen=True, kw_only=True):
    """Made by the session: an image of `size` bytes was sent to the model."""

    mime_type: str
    size: int


class ActivityStart(Event, frozen=True, kw_only=True):
    """The user started to speak.

    Signalled by push-to-talk, reported by the server, or `inferred` from a transcript. `offset_ms` is the
    position in the audio sent over this connection, in milliseconds.
    """

    offset_ms: int | None = None
    inferred: bool = False


class ActivityEnd(Event, frozen=True, kw_only=True):
    """The user stopped speaking: signalled by push-to-talk or reported by the server."""

    offset_ms: int | None = None


class InputTranscript(Event, frozen=True, kw_only=True):
    """A fragment of the user's transcript, to append.

    Approximate: the model that transcribes is not the model that answers.
    """

    text: str
    finished: bool = False
    language: str | None = None


class InterimInputTranscript(Event, frozen=True, kw_only=True):
    """A provisional transcript of the user's whole turn so far; replaces the previous one."""

    text: str


class OutputAudio(Event, frozen=True, kw_only=True):
    """Audio from the model: PCM16, little-endian, mono, at `sample_rate` Hz (24000 on the Live API).

    Attributes:
        data: The audio; empty where the page plays it from its own socket, so that it is not here.
        sample_rate: In Hz.
        samples: Its length, which is known in either case.
        peak: Its largest sample as a share of full scale, 0 to 1, where a page says so; else None.
    """

    data: bytes
    sample_rate: int = 24_000
    samples: int = 0
    peak: float | None = None

    def __post_init__(self) -> None:
        if self.data:
            msgspec.structs.force_setattr(self, "samples", len(self.data) // 2)

    @property
    def length_ms(self) -> float:
        """Its length in milliseconds."""
        return self.samples * 1000 / max(1, self.sample_rate)


class OutputTranscript(Event, frozen=True, kw_only=True):
    """A fragment of the transcript of the model's speech, to append.

    Its order relative to the audio is undefined.
    """

    text: str
    finished: bool = False
    language: str | None = None


class OutputText(Event, frozen=True, kw_only=True):
    """A fragment of a text response, to append."""

    text: str


class Thought(Event, frozen=True, kw_only=True):
    """A fragment of the model's thought summary, which is not part of the answer."""

    text: str


class OutputMedia(Event, frozen=True, kw_only=True):
    """Data from the model other than PCM audio, such as video."""

    data: bytes
    mime_type: str = "application/octet-stream"


class ExecutableCode(Event, frozen=True, kw_only=True):
    """Code that the model wrote and the server runs."""

    code: str
    language: str | None = None
    id: str | None = None


class CodeResult(Event, frozen=True, kw_only=True):
    """The output of an `ExecutableCode`."""

    outcome: str | None = None
    output: str = ""
    id: str | None = None


class Grounding(Event, frozen=True, kw_only=True):
    """Sources of the answer, in the server's `groundingMetadata` format."""

    metadata: Mapping[str, Any]


class UrlContext(Event, frozen=True, kw_only=True):
    """Pages that the model read, in the server's `urlContextMetadata` format."""

    metadata: Mapping[str, Any]


class Interrupted(Event, frozen=True, kw_only=True):
    """The model was interrupted: discard the audio that has not been played yet."""


class GenerationComplete(Event, frozen=True, kw_only=True):
    """The model has sent its whole answer, which may still be playing."""


class WaitingForInput(Event, frozen=True, kw_only=True):
    """The model decided not to answer and waits for more input."""


class InteractionStatus(Event, frozen=True, kw_only=True):
    """IN_PROGRESS or IDLE; sent by models that think in the background."""

    status: str


class TurnComplete(Event, frozen=True, kw_only=True):
    """The model's turn is over. `reason` is set if it ended abnormally, e.g. MALFORMED_FUNCTION_CALL.

    `inferred`: made by the session, since the service did not complete a turn that was over.
    """

    reason: str | None = None
    inferred: bool = False


class ToolCall(Event, frozen=True, kw_only=True):
    """The model calls a function.

    As decoded, `id` is the service's, or "" if it sent none (Vertex AI may omit it). A session publishes the
    call with an id that no earlier call of the session had, though the service may begin its ids anew.

    `remote`: an agent runs a tool of its own. It is shown, and nothing here runs, approves or answers it.
    """

    id: str
    name: str
    args: Mapping[str, Any] = {}
    remote: bool = False


class ToolCallCancelled(Event, frozen=True, kw_only=True):
    """The model no longer needs the results of these calls."""

    ids: tuple[str, ...]


class ToolApprovalRequested(Event, frozen=True, kw_only=True):
    """Made by the session: the call waits until a person approves it."""

    id: str


class ToolApproved(Event, frozen=True, kw_only=True):
    """Made by the session: a person approved the call, and it runs."""

    id: str


class ToolUpdate(Event, frozen=True, kw_only=True):
    """Made by the session: a call yielded a value and continues. `sent`: the value was sent to the model."""

    id: str
    name: str
    result: Mapping[str, Any]
    sent: bool = False


class ToolResult(Event, frozen=True, kw_only=True):
    """Made by the session: a call ended. Either `result` (as sent to the model) or `error` is set.

    `refused`: the call never ran, since it was not approved or there were more than `Limits.calls_per_turn`.
    `scheduling`: when the model should mention the result, if that was sent with it.
    `remote`: the tool is an agent's own, and this says what it gave there.
    """

    id: str
    name: str
    result: Mapping[str, Any] | None = None
    error: str | None = None
    duration_ms: float = 0.0
    refused: bool = False
    scheduling: str | None = None
    remote: bool = False


class AgentChanged(Event, frozen=True, kw_only=True):
    """Another agent speaks from now on, as after a hand-off; `agent` is its name."""

    agent: str


class Notice(Event, frozen=True, kw_only=True):
    """Made by the session: a message for the user. `code` is stable, for use by programs."""

    level: Literal["info", "warning", "error"]
    code: str
    text: str


class Unknown(Event, frozen=True, kw_only=True):
    """The server sent a field that this version does not know. Holds its path, never its value."""

    path: str


class Malformed(Event, frozen=True, kw_only=True):
    """A server message was skipped because it could not be decoded. Holds the reason, never the content."""

    problem: str
    size: int = 0
