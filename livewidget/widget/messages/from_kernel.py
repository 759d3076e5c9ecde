"""What the kernel says to the pages, beside what it tells of the explorer."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from livewidget.turns import Floor
from livewidget.widget.messages.kinds import Count, Phase, TurnTakingMode, View
from livewidget.widget.messages.turns import TurnView


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
    view: View
    sees: bool
    explorer: bool
    phase: Phase
    floor: Floor
    elapsed_ms: Count
    turns: tuple[TurnView, ...]
    notices: tuple[NoticeView, ...]
    owner: str
    transcript_class: str
    speaker_seq: Count


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where the session stands. `owner` is the client id of the page with microphone and voice, or "".

    `view` is how the talk is shown, `sees` whether the model takes pictures, `suggestions` what is worth
    saying to it as it is set up now.
    """

    phase: Phase
    floor: Floor
    turn_taking: TurnTakingMode
    view: View
    sees: bool
    model: str
    badge: str
    suggestions: tuple[str, ...]
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
