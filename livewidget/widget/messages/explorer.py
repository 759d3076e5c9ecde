"""What the kernel tells of the explorer: the table, the settings, the meter, and what goes over the wire.

`Wire`, `Speech` and `Picture` travel on the lane "insight": they go to pages that look, may be lost, and are
never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from livewidget.widget.messages.kinds import Count, PictureSource

Json = Any


class FeatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of features; `ignored` and `refused` are the ids of models that do so.

    `choices_by_model` is there where models differ in their choices; `highest` is None without a limit.
    """

    name: str
    group: str
    label: str
    wire: str
    about: str
    kind: Literal["switch", "choice", "number", "text", "names", "json"]
    default: Json
    unsaid: str
    choices: tuple[str, ...]
    choices_by_model: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, str]
    lowest: float | None
    highest: float | None
    whole: bool
    unit: str
    instead: str
    ignored: tuple[str, ...]
    refused: tuple[str, ...]


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of models, with what is worth knowing of it in a few sentences."""

    id: str
    status: str
    facts: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The tables, for the service that one talks to."""

    service: str
    features: tuple[FeatureView, ...]
    models: tuple[ModelView, ...]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the session is asked to be: `values` now, `pending` what the page changed and has not applied.

    Attributes:
        model: Of the session.
        values: JSON by the feature's name; what is not there has its default.
        pending: Changes; None is a default, "model" another model.
        errors: By the feature's name ("" where it is none's), one sentence why the changes cannot be applied.
        notes: Sentences about what the model ignores.
        live: Names of what changes without a new connection.
        code: The Python that makes exactly this session, with the changes.
        acks: For each page, by client id, the last message of its control lane that was taken in by then;
            what it changed later is not in here yet.
    """

    model: str
    values: Mapping[str, Json]
    pending: Mapping[str, Json]
    errors: Mapping[str, str]
    notes: tuple[str, ...]
    live: tuple[str, ...]
    code: str
    acks: Mapping[str, int]


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """What the talk has used and how long it may last.

    `cost_usd` is an estimate by prices of the day `prices_of`, None where no price is known. `time_left_ms`
    is of the connection; `ending` says by what: its usual length, or the service's word that it goes away.
    """

    prompt_tokens: Count
    response_tokens: Count
    total_tokens: Count
    by_modality: Mapping[str, int]
    context_tokens: Count
    context_limit: Count
    cost_usd: float | None
    prices_of: str
    time_left_ms: int | None
    time_limit_ms: int | None
    ending: Literal["connection", "go_away"] | None
    link_ms: float | None


class FrameView(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the wire, without its sound, its pictures and its secrets.

    `json` is its text with those taken out: sound is {"audio": {"ms", "rate", "peaks"}}, a picture
    {"image": {"mime", "bytes", "width", "height"}}. `at_ms` counts from the first frame of the talk.
    """

    number: Count
    at_ms: float
    outgoing: bool
    kind: str
    size: Count
    gap_ms: float | None
    json: str


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Frames in order; `lost` of them, before these, were not kept."""

    frames: tuple[FrameView, ...]
    lost: Count


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of turn detection, in ms of the microphone's time."""

    kind: Literal["speech", "start", "silence", "end"]
    at_ms: float


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """The microphone as turn detection hears it, in windows of `step_ms` from `from_ms`.

    `levels` are in dBFS, `probabilities` of speech 0 to 1. Marks: "speech" the first window of speech,
    "start" where enough of it came (prefix padding), "silence" the first window without, "end" where that
    lasted.
    `detector` is what listens here; a remote model has its own ears.
    """

    from_ms: float
    step_ms: float
    levels: tuple[float, ...]
    probabilities: tuple[float, ...]
    marks: tuple[MarkView, ...]
    start_threshold: float
    end_threshold: float
    prefix_padding_ms: Count
    silence_ms: Count
    detector: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was sent to the model, or why it was not.

    `number` is that of the page's frame, 0 for one from Python, whose very bytes are in the buffer.
    """

    source: PictureSource
    number: Count
    mime_type: str
    width: Count
    height: Count
    tokens: Count
    sent: bool
    reason: str
