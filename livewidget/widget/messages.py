"""Every message between kernel and page, as types; `decode` and `encode` stand before the comm.

`tests/fixtures/bridge.json` has one example of each, read by this side's tests and by the page's. Audio and
images are not in here: they ride beside a message as buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Lane = Literal["control", "speaker", "microphone", "camera"]
Phase = Literal["idle", "connecting", "live", "ended"]
TurnTakingMode = Literal["automatic", "push_to_talk"]

Count = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[float, Meta(ge=0, le=2**53)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Typed = Annotated[str, Meta(max_length=100_000)]
Detail = Annotated[str, Meta(max_length=500)]


class BridgeMessageError(ValueError):
    """A message from the page that cannot be read: where it is wrong, never what it said."""


# --- From the page ------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A page has the widget's model, or has come back; `last_seq` is the last control message it has read."""

    client: ClientId
    last_seq: Count


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Begin to talk. Only ever sent for a click or a key in this page load."""

    microphone: bool


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """End the session."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    text: Typed


class Interrupt(msgspec.Struct, frozen=True, kw_only=True):
    """Let the model fall silent."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Push-to-talk was pressed or let go."""

    active: bool


class TurnTaking(msgspec.Struct, frozen=True, kw_only=True):
    """Automatic detection or push-to-talk."""

    mode: TurnTakingMode


class Microphone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the microphone in the page; `detail` is the browser's word for a failure."""

    state: Literal["off", "asking", "on", "muted", "paused", "refused", "missing"]
    detail: Detail = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """The last sample (24 kHz, within the turn) that was heard of a turn that was flushed."""

    turn: Count
    sample: Count


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """Four times a second: credit, statistics and sign of life.

    `ack_seq` is of the speaker lane; `page_ms` is the page's clock, which stamps the microphone's sound too.
    """

    ack_seq: Count
    turn: Count
    played_sample: Count
    buffered_ms: Milliseconds
    silent_samples: Count
    epoch: Count
    page_ms: Milliseconds


class MicrophoneAudio(msgspec.Struct, frozen=True, kw_only=True):
    """PCM16 mono at 16 kHz in the buffer; `captured_ms` is the page's clock at its first sample."""

    first_sample: Count
    captured_ms: Milliseconds
    stale: bool = False
    gap_ms: Milliseconds = 0


class CameraFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One picture in the buffer."""

    mime_type: Literal["image/jpeg", "image/png", "image/webp"]
    width: Annotated[int, Meta(ge=1, le=16_384)]
    height: Annotated[int, Meta(ge=1, le=16_384)]
    captured_ms: Milliseconds


# --- To the page --------------------------------------------------------------------------------------------


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a turn's text, and the 24 kHz sample of the turn's audio at which it begins to be heard."""

    text: str
    sample: Count


class ToolView(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call as it is shown: arguments and result are text already."""

    id: str
    name: str
    args: str
    result: str | None
    error: str | None
    duration_ms: float
    state: Literal["running", "done", "failed", "cancelled"]


class TurnView(msgspec.Struct, frozen=True, kw_only=True):
    """All of one turn; replaces what the page had under this index."""

    index: Count
    speaker: Literal["user", "model"]
    spans: tuple[SpanView, ...]
    interim: str
    final: bool
    interrupted: bool
    heard_sample: Count | None
    latency_ms: float | None
    thoughts: str
    tools: tuple[ToolView, ...]


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence under the widget; replaces one of the same code."""

    level: Literal["info", "warning", "error"]
    code: str
    text: str


class ClearNotice(msgspec.Struct, frozen=True, kw_only=True):
    """That notice no longer holds."""

    code: str


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to show, for the page `client`.

    Its control lane begins anew at this message's seq, its speaker lane at `speaker_seq`.
    """

    client: str
    name: str
    speaker: str
    badge: str
    model: str
    suggestions: tuple[str, ...]
    turn_taking: TurnTakingMode
    phase: Phase
    floor: str
    elapsed_ms: Count
    turns: tuple[TurnView, ...]
    notices: tuple[NoticeView, ...]
    owner: str
    transcript_class: str
    speaker_seq: Count


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where the session stands. `owner` is the client id of the page with microphone and voice, or ""."""

    phase: Phase
    floor: str
    turn_taking: TurnTakingMode
    elapsed_ms: Count
    owner: str


class Flush(msgspec.Struct, frozen=True, kw_only=True):
    """`turn` was interrupted: fall silent and answer with `Heard`. Its epoch voids all older ones."""

    turn: Count


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """Twice a second: the kernel lives. `acks` counts the control lane of each page by client id."""

    microphone_ack: Count
    microphone_resend: bool
    acks: dict[str, int]


class SpeakerAudio(msgspec.Struct, frozen=True, kw_only=True):
    """PCM16 little-endian mono in the buffer; `first_sample` is its place in the turn."""

    turn: Count
    first_sample: Count
    sample_rate: Annotated[int, Meta(ge=8000, le=48_000)]


class SpeakerEnd(msgspec.Struct, frozen=True, kw_only=True):
    """That turn has `samples` of audio and no more."""

    turn: Count
    samples: Count


PageMessage = (
    Hello
    | Start
    | Stop
    | Text
    | Interrupt
    | Activity
    | TurnTaking
    | Microphone
    | Heard
    | Played
    | MicrophoneAudio
    | CameraFrame
)
KernelMessage = (
    Welcome | State | TurnView | Flush | NoticeView | ClearNotice | Heartbeat | SpeakerAudio | SpeakerEnd
)
Message = PageMessage | KernelMessage

_Kinds = dict[tuple[str, str], type]

FROM_PAGE: _Kinds = {
    ("control", "hello"): Hello,
    ("control", "start"): Start,
    ("control", "stop"): Stop,
    ("control", "text"): Text,
    ("control", "interrupt"): Interrupt,
    ("control", "activity"): Activity,
    ("control", "turn_taking"): TurnTaking,
    ("control", "microphone"): Microphone,
    ("control", "heard"): Heard,
    ("control", "played"): Played,
    ("microphone", "audio"): MicrophoneAudio,
    ("camera", "frame"): CameraFrame,
}
FROM_KERNEL: _Kinds = {
    ("control", "welcome"): Welcome,
    ("control", "state"): State,
    ("control", "turn"): TurnView,
    ("control", "flush"): Flush,
    ("control", "notice"): NoticeView,
    ("control", "clear_notice"): ClearNotice,
    ("control", "heartbeat"): Heartbeat,
    ("speaker", "audio"): SpeakerAudio,
    ("speaker", "end"): SpeakerEnd,
}
_PLACE = {cls: place for kinds in (FROM_PAGE, FROM_KERNEL) for place, cls in kinds.items()}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message and its place: lane, epoch, seq in that lane, and the highest seq had from the other side."""

    epoch: Count
    seq: Count
    ack: Count
    message: Any

    @property
    def lane(self) -> str:
        """The lane this kind of message travels on."""
        return _PLACE[type(self.message)][0]


class _Wire(msgspec.Struct, frozen=True):
    lane: Lane
    epoch: Count
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    ack: Count
    kind: str
    body: dict[str, Any]


def encode(envelope: Envelope) -> dict[str, Any]:
    """Return the JSON-ready content of one comm message."""
    lane, kind = _PLACE[type(envelope.message)]
    return {
        "lane": lane,
        "epoch": envelope.epoch,
        "seq": envelope.seq,
        "ack": envelope.ack,
        "kind": kind,
        "body": msgspec.to_builtins(envelope.message),
    }


def decode(content: object, kinds: Mapping[tuple[str, str], type] = FROM_PAGE) -> Envelope:
    """Read the content of one comm message.

    Args:
        content: What the comm delivered; anything at all.
        kinds: `FROM_PAGE` or `FROM_KERNEL`.

    Raises:
        BridgeMessageError: If it is no such message. Unknown fields are let pass, unknown kinds are not.
    """
    try:
        wire = msgspec.convert(content, _Wire)
    except (msgspec.ValidationError, TypeError, RecursionError) as error:
        raise BridgeMessageError(f"not a message of the bridge ({type(error).__name__})") from None
    cls = kinds.get((wire.lane, wire.kind))
    if cls is None:
        raise BridgeMessageError(f"unknown kind on the {wire.lane} lane")
    message: Any
    try:
        message = msgspec.convert(wire.body, cls)
    except (msgspec.ValidationError, TypeError, RecursionError):
        raise BridgeMessageError(f"the fields of {wire.kind} have wrong types") from None
    return Envelope(epoch=wire.epoch, seq=wire.seq, ack=wire.ack, message=message)
