"""The saved transcript: a second output, which stays in the notebook when kernel and page are gone.

It is HTML made of escaped text, replaced in place when a turn ends; a page that shows the live view hides it
by its class. All of it came from outside, so all of it is escaped, and an address becomes a link only if it
is http or https.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final

from livewidget.turns import CodeRun, Turn
from livewidget.turns.metadata import host_of
from livewidget.ui.messages import CodeView, PageView, View
from livewidget.ui.views import code_view, page_view, tool_view

#: Publishes an output: its content by MIME type, the id of the display, and whether to replace what is there.
Publish = Callable[[dict[str, str], str, bool], object]

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
    text = turn.text or (f"({NOT_ANSWERED})" if turn.declined else "")
    parts = [f"<strong>{plain(name)}</strong>"]
    if turn.language:
        parts.append(small(turn.language))
    parts.append(plain(text))
    parts += [small(mark) for mark in _marks(turn)]
    for use in turn.tools:
        view = tool_view(use)
        outcome = view.error or view.result or view.state
        parts.append(f'<br><code style="{SMALL}">{plain(f"{view.name}({view.args}) → {outcome}")}</code>')
    return "\n".join([f'<p style="{ROW}">{" ".join(parts)}</p>', *_blocks(turn)])


def text_of(turn: Turn, name: str) -> str:
    """Return a turn as lines of plain text."""
    text = turn.text or (f"({NOT_ANSWERED})" if turn.declined else "")
    language = f" [{turn.language}]" if turn.language else ""
    marks = "".join(f" ({mark.removeprefix('— ')})" for mark in _marks(turn))
    lines = [f"{name}{language}: {text}{marks}"]
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


#: Turns that are rendered. Chosen: a notebook stays small enough to be opened.
MAX_TURNS: Final = 1000


class Transcript:
    """Renders turns, and publishes them where the notebook can show them.

    Attributes:
        css_class: The class of its output; the page hides what has it.
    """

    def __init__(self, speaker: str, publish: Publish, view: View = "talk") -> None:
        """Render turns; `speaker` is the model's name in them, and `view` how the page shows them."""
        self.css_class = f"livewidget-transcript-{secrets.token_hex(4)}"
        self._speaker = speaker
        self._publish = publish
        self._view = view
        self._display_id = f"livewidget-{secrets.token_hex(8)}"
        self._shown: dict[str, str] | None = None

    def bundle(self, turns: Iterable[Turn]) -> dict[str, str]:
        """Return the output for `turns`, as HTML and as plain text."""
        final = [turn for turn in turns if turn.final]
        left_out = max(0, len(final) - MAX_TURNS)
        final = final[left_out:]
        rows, lines = self._rendered(final) if final else ([], [])
        if left_out:
            rows.insert(0, f'<p style="{SMALL}">{left_out} earlier turns are not shown.</p>')
            lines.insert(0, f"({left_out} earlier turns are not shown)")
        head = f'<div class="livewidget-transcript {self.css_class}" role="log" aria-label="Transcript">'
        return {
            "text/html": "\n".join([head, *rows, "</div>"]),
            "text/plain": "\n".join(lines) or "(no turns yet)",
        }

    def _rendered(self, turns: list[Turn]) -> tuple[list[str], list[str]]:
        """Return turns as the page shows them, as pieces of HTML and of plain text."""
        if self._view == "dictation":
            return [html_of_dictation(turns)], [text_of_dictation(turns)]
        lines = [text_of(turn, self._name(turn)) for turn in turns]
        if self._view == "translation":
            return [html_of_translation(turns)], lines
        return [html_of(turn, self._name(turn)) for turn in turns], lines

    def display(self, turns: Iterable[Turn]) -> None:
        """Show the transcript as an output of the running cell. Later updates reach every such output."""
        self._shown = self.bundle(turns)
        self._publish(self._shown, self._display_id, False)

    def update(self, turns: Iterable[Turn]) -> bool:
        """Bring the outputs up to date, from any thread; returns whether there was anything to do."""
        if self._shown is None:
            return False
        bundle = self.bundle(turns)
        if bundle == self._shown:
            return False
        self._shown = bundle
        self._publish(bundle, self._display_id, True)
        return True

    def _name(self, turn: Turn) -> str:
        return "you" if turn.speaker == "user" else self._speaker
