"""A turn as the page and the saved transcript show it: text, and nothing that was not meant to be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.tools import Tool, ToolSource
from livewidget.turns import CodeRun, Timing, ToolUse, Turn, WebPage
from livewidget.ui.messages import AnatomyView, CodeView, PageView, SourceLink, SpanView, ToolView, TurnView

ARGS_LENGTH = 300
RESULT_LENGTH = 500
ASKED_LENGTH = 2000  # who is to allow a call must see all of it
THOUGHTS_LENGTH = 20_000
LAST_WORD = 2400  # samples before the end of a turn's sound, at which its last words are there at the latest
CODE_LENGTH = 8_000

_STATUS: Mapping[str, Literal["read", "paywall", "unsafe"]] = {
    "SUCCESS": "read",
    "PAYWALL": "paywall",
    "UNSAFE": "unsafe",
}


def introduction(provider: Provider) -> dict[str, Any]:
    """Return who it is that one talks to, as the page says it."""
    return {"name": provider.label, "speaker": provider.speaker}


def suggestions(
    provider: Provider, config: LiveConfig, tools: Sequence[Tool | Mapping[str, Any] | ToolSource]
) -> tuple[str, ...]:
    """Return what may be said to begin with, in a session like this."""
    declared = [
        one.declaration if isinstance(one, Tool) else one for one in tools if isinstance(one, Tool | Mapping)
    ]
    return provider.suggestions(config, declared)


def outlook(provider: Provider) -> dict[str, Any]:
    """Return how a talk with this model is shown, and whether there are pictures to show to it."""
    model = provider.capabilities
    view = "translation" if model.translation else "dictation" if model.dictates else "talk"
    return {"view": view, "sees": model.video, "model": provider.model, "badge": provider.badge}


def turn_view(turn: Turn) -> TurnView:
    """Return `turn` for the page; one that was cut holds only what was heard."""
    return TurnView(
        index=turn.index,
        speaker=turn.speaker,
        spans=tuple(_spans(turn)),
        interim=turn.interim,
        final=turn.final,
        interrupted=turn.interrupted,
        heard_sample=turn.heard_sample,
        latency_ms=turn.latency_ms,
        thoughts=shorten(turn.thoughts, THOUGHTS_LENGTH),
        tools=tuple(map(tool_view, turn.tools)),
        sources=tuple(SourceLink(title=source.title, uri=source.uri) for source in turn.sources),
        queries=turn.queries,
        code=tuple(map(code_view, turn.code)),
        pages=tuple(map(page_view, turn.pages)),
        language=turn.language or "",
        waited=turn.declined,
        images=turn.images,
        anatomy=None if turn.timing is None else anatomy_view(turn.timing),
    )


def code_view(run: CodeRun) -> CodeView:
    """Return a run of code for the page. Whatever is not plainly well is a failure."""
    outcome: Literal["ok", "failed"] | None = None
    if run.outcome is not None:
        outcome = "ok" if run.outcome == "OK" else "failed"
    return CodeView(
        language=(run.language or "").lower(),
        code=shorten(run.code, CODE_LENGTH),
        outcome=outcome,
        output=shorten(run.output, CODE_LENGTH),
    )


def page_view(page: WebPage) -> PageView:
    """Return a page that was to be read for the page that shows it."""
    return PageView(url=page.url, status=_STATUS.get(page.status, "failed"))


def anatomy_view(timing: Timing) -> AnatomyView:
    """Return where the time went, for the page."""
    return AnatomyView(
        decision_ms=timing.decision_ms,
        network_ms=timing.network_ms,
        tool_ms=timing.tool_ms,
        wait_ms=timing.wait_ms,
        heard_ms=timing.heard_ms,
    )


def _spans(turn: Turn) -> Iterator[SpanView]:
    """Yield the words with their places in the sound, none of them beyond what can be heard.

    Words that come ahead of their sound have a place that is only guessed: the page, which shows each as it
    is heard, would wait for the last of them for ever.
    """
    last = max(0, turn.audio_samples - LAST_WORD) if turn.final else None
    for span in turn.heard_spans:
        yield SpanView(text=span.text, sample=span.sample if last is None else min(span.sample, last))


def tool_view(use: ToolUse) -> ToolView:
    """Return a tool's call for the page: arguments as Python writes them, the result as JSON."""
    args = ", ".join(f"{name}={value!r}" for name, value in use.args.items())
    return ToolView(
        id=use.id,
        name=use.name,
        args=shorten(args, ASKED_LENGTH if use.state == "asking" else ARGS_LENGTH),
        result=None if use.result is None else shorten(_result(use.result), RESULT_LENGTH),
        error=use.error,
        duration_ms=use.duration_ms,
        state=use.state,
        updates=tuple(shorten(_result(value), RESULT_LENGTH) for value in use.updates),
    )


def _result(result: Mapping[str, Any]) -> str:
    value: Any = next(iter(result.values())) if set(result) in ({"result"}, {"output"}) else dict(result)
    return json.dumps(value, ensure_ascii=False, default=repr)


def shorten(text: str, length: int) -> str:
    """Cut `text` to `length` characters, the last of them an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"
