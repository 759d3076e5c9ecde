"""A turn in writing, as HTML and as plain text, for the transcript that stays in the notebook.

All of it came from outside, so all of it is escaped; an address becomes a link only where it is plain http or
https, whoever made the turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from livewidget.turns import CodeRun, Turn
from livewidget.turns.metadata import host_of
from livewidget.widget.messages import CodeView, PageView
from livewidget.widget.views import code_view, page_view, tool_view

NOT_ANSWERED = "chose not to answer"

# Only properties that sanitizers let through, and Jupyter's own colours where it has them.
ROW = "margin:0 0 .4em 0;line-height:1.45;color:var(--jp-content-font-color1,inherit)"
SMALL = "color:var(--jp-content-font-color2,#666);font-size:.9em"
_BLOCK = "margin:0 0 .4em 1em;line-height:1.45;color:var(--jp-content-font-color1,inherit)"
_CODE = "margin:0 0 .4em 1em;padding:.4em .6em;background:var(--jp-layout-color2,#f5f5f5);overflow:auto"

_TABLE = "width:100%;border-collapse:collapse;color:var(--jp-content-font-color1,inherit)"
_CELL = "width:50%;padding:.2em 1em .2em 0;text-align:left;vertical-align:top;line-height:1.45"

_STATUS = {"read": "read", "failed": "could not be read", "paywall": "behind a paywall", "unsafe": "not safe"}


def pairs_of(turns: Sequence[Turn]) -> list[tuple[Turn | None, Turn | None]]:
    """Return a translation's turns in pairs: the target has the number that follows its source's."""
    pairs: list[tuple[Turn | None, Turn | None]] = []
    for turn in turns:
        source = pairs[-1][0] if pairs else None
        if turn.speaker == "user":
            pairs.append((turn, None))
        elif source is not None and pairs[-1][1] is None and source.index == turn.index - 1:
            pairs[-1] = (source, turn)
        else:
            pairs.append((None, turn))
    return pairs


def html_of_translation(turns: Sequence[Turn]) -> str:
    """Return a translation as a table with a column for each language."""
    heads = "".join(
        f'<th style="{_CELL}">{plain(_language(turns, speaker) or word)}</th>'
        for speaker, word in (("user", "what is said"), ("model", "translation"))
    )
    rows = [
        "<tr>"
        + "".join(f'<td style="{_CELL}">{plain(turn.text if turn else "")}</td>' for turn in pair)
        + "</tr>"
        for pair in pairs_of(turns)
    ]
    return "\n".join(
        [f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead><tbody>', *rows, "</tbody></table>"]
    )


def html_of_dictation(turns: Sequence[Turn]) -> str:
    """Return a dictated text as one paragraph."""
    return f'<p style="{ROW}">{plain(text_of_dictation(turns))}</p>'


def text_of_dictation(turns: Sequence[Turn]) -> str:
    """Return a dictated text."""
    return " ".join(filter(None, (turn.text.strip() for turn in turns if turn.speaker == "user")))


def _language(turns: Sequence[Turn], speaker: str) -> str | None:
    named = (turn.language for turn in reversed(turns) if turn.speaker == speaker and turn.language)
    return next(named, None)


def html_of(turn: Turn, name: str) -> str:
    """Return a turn as HTML of escaped text."""
    said = turn.text or (f"({NOT_ANSWERED})" if turn.waited else "")
    parts = [f"<strong>{plain(name)}</strong>"]
    if turn.language:
        parts.append(small(turn.language))
    parts.append(plain(said))
    parts += [small(mark) for mark in _marks(turn)]
    for use in turn.tools:
        view = tool_view(use)
        outcome = view.error or view.result or view.state
        parts.append(f'<br><code style="{SMALL}">{plain(f"{view.name}({view.args}) → {outcome}")}</code>')
    return "\n".join([f'<p style="{ROW}">{" ".join(parts)}</p>', *_blocks(turn)])


def text_of(turn: Turn, name: str) -> str:
    """Return a turn as lines of plain text."""
    said = turn.text or (f"({NOT_ANSWERED})" if turn.waited else "")
    language = f" [{turn.language}]" if turn.language else ""
    marks = "".join(f" ({mark.removeprefix('— ')})" for mark in _marks(turn))
    lines = [f"{name}{language}: {said}{marks}"]
    lines += [f"    {use.name} → {tool_view(use).result or use.error}" for use in turn.tools]
    for run in turn.code:
        view = code_view(run)
        lines += [f"    {line}" for line in view.code.splitlines()]
        lines += [f"    → {line}" for line in _output(view).splitlines()]
    lines += [f"    searched for: {query}" for query in turn.queries]
    lines += [f"    [{at}] {source.title}: {source.uri}" for at, source in enumerate(turn.sources, 1)]
    lines += [f"    {_STATUS[page_view(page).status]}: {page.url}" for page in turn.pages]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Escape, and drop the control characters that HTML does not allow."""
    return escape("".join(letter for letter in text if letter in "\n\t" or letter >= " "))


def small(text: str) -> str:
    """Return escaped text in small print."""
    return f'<span style="{SMALL}">{plain(text)}</span>'


def _marks(turn: Turn) -> list[str]:
    pictures = {0: [], 1: ["— 1 picture"]}.get(turn.images, [f"— {turn.images} pictures"])
    return [*pictures, *(["— interrupted"] if turn.interrupted else [])]


def _blocks(turn: Turn) -> Iterator[str]:
    if turn.thoughts.strip():
        thoughts = plain(turn.thoughts.strip())
        yield f'<details style="{_BLOCK}"><summary style="{SMALL}">thoughts</summary>{thoughts}</details>'
    for run in turn.code:
        yield _code(run)
    if turn.queries:
        yield f'<p style="{_BLOCK}">{small("searched for: " + " · ".join(turn.queries))}</p>'
    if turn.sources:
        items = "".join(f"<li>{_link(source.uri, source.title)}</li>" for source in turn.sources)
        yield f'<ol style="{_BLOCK}">{items}</ol>'
    for view in map(page_view, turn.pages):
        yield f'<p style="{_BLOCK}">{_page(view)}</p>'


def _code(run: CodeRun) -> str:
    view = code_view(run)
    output = _output(view)
    shown = plain(view.code) + (f"\n\n→ {plain(output)}" if output else "")
    return f'<pre style="{_CODE}"><code>{shown}</code></pre>'


def _output(view: CodeView) -> str:
    failed = "failed: " if view.outcome == "failed" else ""
    return f"{failed}{view.output.strip()}"


def _page(view: PageView) -> str:
    # What the service itself warns of is nothing to click on.
    where = plain(view.url) if view.status == "unsafe" else _link(view.url, view.url)
    return f"{where} {small(_STATUS[view.status])}"


def _link(address: str, title: str) -> str:
    """Return a link that says where it leads, or only its words where it leads nowhere safe."""
    host = host_of(address)
    if host is None:
        return plain(title)
    where = "" if host in title else f" {small(host)}"
    return f'<a href="{plain(address)}" target="_blank" rel="noopener noreferrer">{plain(title)}</a>{where}'
