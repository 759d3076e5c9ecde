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
    state: Literal["asking", "running", "done", "failed", "refused", "cancelled"]
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
    """A page that the model was asked to read, and whether it could."""

    url: str
    status: Literal["read", "failed", "paywall", "unsafe"]


class AnatomyView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of an answer went, in milliseconds, from the end of speech to the last sound heard.

    `decision_ms` is until the end of speech was noticed; `network_ms`, the round trip of the link, `tool_ms`
    and `wait_ms` follow it up to the first sound; `heard_ms` goes from there to the last sound that was
    heard. None where nobody knows, or not yet.
    """

    decision_ms: float | None
    network_ms: float | None
    tool_ms: float
    wait_ms: float
    heard_ms: float | None


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
