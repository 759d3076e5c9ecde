"""Messages to and from the content of a comm's message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from livewidget.widget.messages.explorer import Catalogue, Meter, Picture, Settings, Speech, Wire
from livewidget.widget.messages.from_kernel import (
    ClearNotice,
    Flush,
    Heartbeat,
    NoticeView,
    SpeakerAudio,
    SpeakerEnd,
    State,
    Welcome,
)
from livewidget.widget.messages.from_page import (
    Activity,
    Apply,
    Camera,
    CameraFrame,
    Configure,
    Confirm,
    Explorer,
    Heard,
    Hello,
    Interrupt,
    Microphone,
    MicrophoneAudio,
    Played,
    Revert,
    Start,
    Stop,
    Text,
    TurnTaking,
)
from livewidget.widget.messages.kinds import Count, Lane
from livewidget.widget.messages.turns import TurnView


class BridgeMessageError(ValueError):
    """A message from the page that cannot be read: where it is wrong, never what it said."""


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
    | Configure
    | Apply
    | Revert
    | Explorer
    | Confirm
    | Camera
    | MicrophoneAudio
    | CameraFrame
)
KernelMessage = (
    Welcome
    | State
    | TurnView
    | Flush
    | NoticeView
    | ClearNotice
    | Heartbeat
    | Catalogue
    | Settings
    | Meter
    | SpeakerAudio
    | SpeakerEnd
    | Wire
    | Speech
    | Picture
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
    ("control", "configure"): Configure,
    ("control", "apply"): Apply,
    ("control", "revert"): Revert,
    ("control", "explorer"): Explorer,
    ("control", "confirm"): Confirm,
    ("control", "camera"): Camera,
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
    ("control", "catalogue"): Catalogue,
    ("control", "settings"): Settings,
    ("control", "meter"): Meter,
    ("speaker", "audio"): SpeakerAudio,
    ("speaker", "end"): SpeakerEnd,
    ("insight", "wire"): Wire,
    ("insight", "speech"): Speech,
    ("insight", "picture"): Picture,
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
        return lane_of(self.message)


def lane_of(message: Any) -> str:
    """Return the lane that this kind of message travels on."""
    return _PLACE[type(message)][0]


class _Frame(msgspec.Struct, frozen=True):
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
        wire = msgspec.convert(content, _Frame)
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
