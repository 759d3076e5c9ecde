"""A turn as the page and the saved transcript show it: text, and only what is meant to be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from livewidget.text import visible
from livewidget.turns import CodeRun, ToolUse, Turn, WebPage
from livewidget.turns.turn import as_keywords
from livewidget.ui.messages import (
    ArgumentView,
    CodeView,
    PageView,
    SourceLink,
    SpanView,
    TimingView,
    ToolView,
    TurnView,
)

# Characters of each text. Chosen: one row of the card, several rows, a screenful.
ARGS_LENGTH: Final = 300
RESULT_LENGTH: Final = 500
#: Characters of a list or an object that is shown on one line where it is to be approved.
LINE_LENGTH: Final = 80
THOUGHTS_LENGTH: Final = 20_000
CODE_LENGTH: Final = 8_000
#: Samples at 24 kHz before the end of a turn's audio at which its last words are shown at the latest: 0.1 s.
LAST_WORD: Final = 2400

_STATUS: Mapping[str, Literal["read", "paywall", "unsafe"]] = {
    "SUCCESS": "read",
    "PAYWALL": "paywall",
    "UNSAFE": "unsafe",
}

View = TypeVar("View", bound=msgspec.Struct)


def view_of(source: object, kind: type[View], **changed: Any) -> View:
    """Return a struct whose fields are the attributes of the same names, except those in `changed`."""
    same = {name: getattr(source, name) for name in kind.__struct_fields__ if name not in changed}
    return kind(**same, **changed)


def turn_view(turn: Turn) -> TurnView:
    """Return `turn` for the page; an interrupted one holds only what was heard."""
    return view_of(
        turn,
        TurnView,
        spans=tuple(_spans(turn)),
        thoughts=shorten(turn.thoughts, THOUGHTS_LENGTH),
        tools=tuple(map(tool_view, turn.tools)),
        sources=tuple(view_of(source, SourceLink) for source in turn.sources),
        code=tuple(map(code_view, turn.code)),
        pages=tuple(map(page_view, turn.pages)),
        language=turn.language or "",
        timing=None if turn.timing is None else view_of(turn.timing, TimingView),
    )


def code_view(run: CodeRun) -> CodeView:
    """Return a run of code for the page. Every outcome except "OK" is a failure."""
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
    """Return a web page that the model tried to read."""
    return PageView(url=page.url, status=_STATUS.get(page.status, "failed"))


def _spans(turn: Turn) -> Iterator[SpanView]:
    """Yield the text with its places in the audio, none of them beyond what can be heard.

    Text that arrives ahead of its audio has a place that is only an estimate: the page, which shows each span
    as it is heard, would wait for the last one for ever.
    """
    last = max(0, turn.audio_samples - LAST_WORD) if turn.final else None
    for span in turn.heard_spans:
        yield SpanView(text=span.text, sample=span.sample if last is None else min(span.sample, last))


def tool_view(use: ToolUse) -> ToolView:
    """Return a call of a tool for the page: arguments as Python writes them, results as JSON."""
    return view_of(
        use,
        ToolView,
        args=shorten(as_keywords(use.args), ARGS_LENGTH),
        result=None if use.result is None else shorten(_result(use.result), RESULT_LENGTH),
        updates=tuple(shorten(_result(value), RESULT_LENGTH) for value in use.updates),
        # Never cut: a call whose arguments are longer than a person can judge does not ask, it is refused.
        arguments=tuple(map(_argument, use.args.items())) if use.state == "asking" and not use.remote else (),
    )


def _argument(item: tuple[str, Any]) -> ArgumentView:
    """Return an argument to decide on: a text of several lines as its lines, other values as Python."""
    name, value = item
    written = value if isinstance(value, str) and "\n" in value else repr(value)
    if isinstance(value, dict | list) and len(written) > LINE_LENGTH:
        spread = json.dumps(value, ensure_ascii=False, indent=2, default=repr)
        # Deeply nested values would be mostly indentation.
        written = spread if len(spread) < 4 * len(written) else written
    return ArgumentView(name=visible(name), value=visible(written))


def _result(result: Mapping[str, Any]) -> str:
    value: Any = next(iter(result.values())) if set(result) in ({"result"}, {"output"}) else dict(result)
    return json.dumps(value, ensure_ascii=False, default=repr)


def shorten(text: str, length: int) -> str:
    """Return `text` cut to `length` characters, the last of them an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"
