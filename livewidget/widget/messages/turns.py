"""A turn, as the page is told of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from livewidget.widget.messages.kinds import Count


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
    state: Literal["asking", "running", "done", "failed", "cancelled"]
    updates: tuple[str, ...] = ()


class SourceLink(msgspec.Struct, frozen=True, kw_only=True):
    """A page that an answer rests on; `uri` begins with http:// or https://."""

    title: str
    uri: str


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A program that the model ran, and what it printed; `outcome` is None while it runs."""

    language: str
    code: str
    outcome: Literal["ok", "failed"] | None
    output: str


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """A page that the model read, or could not."""

    url: str
    read: bool


class AnatomyView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of an answer went, from the end of speech to the last sound heard.

    `network_ms` is the round trip of the link, None where nobody knows; `wait_ms` is without it and without
    `tool_ms`; `heard_ms` goes from the first sound to the last that was heard.
    """

    network_ms: float | None
    wait_ms: float
    tool_ms: float
    heard_ms: float


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
    sources: tuple[SourceLink, ...] = ()
    queries: tuple[str, ...] = ()
    code: tuple[CodeView, ...] = ()
    pages: tuple[PageView, ...] = ()
    language: str = ""
    waited: bool = False
    images: int = 0
    anatomy: AnatomyView | None = None
