"""What a page says to the kernel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from livewidget.widget.messages.kinds import (
    ClientId,
    Count,
    Detail,
    Milliseconds,
    Name,
    TurnTakingMode,
    Typed,
)


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


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature shall be, as JSON; None is its default. The model's own name is "model"."""

    name: Name
    value: Any


class Configure(msgspec.Struct, frozen=True, kw_only=True):
    """Settings were changed in the page; they are kept until `Apply` or `Revert`."""

    changes: Annotated[tuple[Change, ...], Meta(max_length=100)]


class Apply(msgspec.Struct, frozen=True, kw_only=True):
    """Go on with the changed settings: an open session is reopened for them."""


class Revert(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the changed settings."""


class Explorer(msgspec.Struct, frozen=True, kw_only=True):
    """What of the explorer this page looks at; nothing of it is sent to a page that does not look."""

    open: bool
    wire: bool
    tuner: bool


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """The person allows a tool's call, or does not."""

    id: Name
    allowed: bool


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """What became of camera or screen in the page; `detail` is the browser's word for a failure."""

    source: Literal["camera", "screen"]
    state: Literal["off", "asking", "on", "refused", "missing", "ended"]
    detail: Detail = ""


class MicrophoneAudio(msgspec.Struct, frozen=True, kw_only=True):
    """PCM16 mono at 16 kHz in the buffer; `captured_ms` is the page's clock at its first sample."""

    first_sample: Count
    captured_ms: Milliseconds
    stale: bool = False
    gap_ms: Milliseconds = 0


class CameraFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One picture in the buffer."""

    source: Literal["camera", "screen", "file"]
    mime_type: Literal["image/jpeg", "image/png", "image/webp"]
    width: Annotated[int, Meta(ge=1, le=16_384)]
    height: Annotated[int, Meta(ge=1, le=16_384)]
    captured_ms: Milliseconds
