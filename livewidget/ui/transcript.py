"""The saved transcript: a second output, which stays in the notebook when kernel and page are gone.

It is HTML made of escaped text, replaced in place when a turn ends; a page that shows the live view hides it
by its class. All of it came from outside, so all of it is escaped, and an address becomes a link only if it
is http or https.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Final

from livewidget.clock import Clock, SystemClock
from livewidget.tables import NO_FORMULAS
from livewidget.text import indented, plain_characters, plain_line
from livewidget.text import plain as text_plain
from livewidget.turns import CodeRun, Turn
from livewidget.turns.metadata import host_of
from livewidget.ui.messages import CodeView, PageView, View
from livewidget.ui.views import code_view, page_view, tool_view

#: Publishes an output: its content by MIME type, the id of the display, and whether to replace what is there.
Publish = Callable[[dict[str, str], str, bool], object]

NOT_ANSWERED = "chose not to answer"

# Only properties that sanitizers let through, and Jupyter's own colours where it has them.
_ALL = "line-height:1.45;color:var(--jp-content-font-color1,inherit)"
ROW = "margin:0 0 .4em 0"
SMALL = "color:var(--jp-content-font-color2,#666);font-size:.9em"
_BLOCK = "margin:0 0 .4em 1em"
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
    said = (text_plain(turn.text).strip() for turn in turns if turn.speaker == "user")
    return " ".join(filter(None, said))


def _language(turns: Sequence[Turn], speaker: str) -> str | None:
    named = (turn.language for turn in reversed(turns) if turn.speaker == speaker and turn.language)
    return next(named, None)


def handed_over(turns: Sequence[Turn], first: str) -> dict[int, str]:
    """Return which turns another agent speaks than the one before, by index, and that agent's name.

    Args:
        turns: The conversation.
        first: Who speaks where a turn names no agent.
    """
    changes: dict[int, str] = {}
    now = first
    for turn in turns:
        if turn.speaker == "model" and (turn.agent or first) != now:
            now = changes[turn.index] = turn.agent or first
    return changes


def html_of(turn: Turn, name: str, handed_to: str = "") -> str:
    """Return a turn as HTML of escaped text; `handed_to` is the agent that speaks from here on."""
    text = turn.text or (f"({NOT_ANSWERED})" if turn.declined else "")
    parts = [f"<strong>{plain(name)}</strong>"]
    if turn.language:
        parts.append(small(turn.language))
    parts.append(plain(text))
    parts += [small(mark) for mark in _marks(turn)]
    for use in turn.tools:
        view = tool_view(use)
        outcome = view.error or view.result or view.state
        line = f"{view.name}({view.args}) → {outcome}{use.whose}"
        parts.append(f'<br><code style="{SMALL}">{plain(line)}</code>')
    before = [f'<p style="{ROW}">{small(f"handed over to {handed_to}")}</p>'] if handed_to else []
    return "\n".join([*before, f'<p style="{ROW}">{" ".join(parts)}</p>', *_blocks(turn)])


def text_of(turn: Turn, name: str, handed_to: str = "") -> str:
    """Return a turn as lines of plain text; `handed_to` is the agent that speaks from here on."""
    text = indented(turn.text) or (f"({NOT_ANSWERED})" if turn.declined else "")
    language = f" [{plain_line(turn.language)}]" if turn.language else ""
    marks = "".join(f" ({mark.removeprefix('— ')})" for mark in _marks(turn))
    lines = [f"(handed over to {plain_line(handed_to)})"] if handed_to else []
    lines.append(f"{plain_line(name)}{language}: {text}{marks}")
    for use in turn.tools:
        lines.append(f"    {plain_line(f'{use.name} → {tool_view(use).result or use.error}{use.whose}')}")
    for run in turn.code:
        view = code_view(run)
        lines += [f"    {line}" for line in text_plain(view.code).splitlines()]
        lines += [f"    → {line}" for line in text_plain(_output(view)).splitlines()]
    others = [f"searched for: {query}" for query in turn.queries]
    others += [f"[{at}] {source.title}: {source.uri}" for at, source in enumerate(turn.sources, 1)]
    others += [f"{_STATUS[page_view(page).status]}: {page.url}" for page in turn.pages]
    return "\n".join([*lines, *(f"    {plain_line(line)}" for line in others)])


def plain(text: str) -> str:
    """Return `text` made plain and escaped, for HTML."""
    return escape(plain_characters(text))


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
#: Bytes a second, on average, and at once, that publishing may take. An output can only be replaced whole:
#: each turn of a long talk would cost as much as all before it. Chosen: a fifteenth of the model's voice, so
#: that a thousand turns are published every 80 seconds, and a talk of twenty is always up to date.
BYTES_PER_S: Final = 4_096
BURST_BYTES: Final = 65_536


#: JupyterLab and Notebook 7 prefer the widget's own output when a notebook is opened again, and without its
#: kernel show "Error displaying widget" in it: a line without any element, which is hidden. A page that shows
#: the live view hides the sentence within two seconds; where styles are removed it is simply there.
_AGAIN_CSS: Final = (
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .livewidget-again)"
    " > .jupyter-widgets:not(:has(*)) { display: none }"
    " @keyframes livewidget-again { from { visibility: hidden } }"
    " .livewidget-again { animation: livewidget-again 1ms 2s backwards }"
)
#: What a front end that shows HTML and no widgets has in the widget's place: all there is to see follows it.
NO_WIDGET: Final = '<div class="livewidget-view"></div>'


def again_html(css_class: str) -> str:
    """Return what stands between widget and transcript for those who open the notebook again.

    Args:
        css_class: Of the transcript; a page that shows the live view hides what has it.
    """
    return (
        f'<div class="{css_class}"><style>{_AGAIN_CSS}</style>'
        f'<p class="livewidget-again" style="{SMALL}">livewidget was here: run the cell to talk again.</p>'
        "</div>"
    )


class Transcript:
    """Renders turns, and publishes them where the notebook can show them.

    Attributes:
        css_class: The class of its output; the page hides what has it.
    """

    def __init__(
        self, speaker: str, publish: Publish, view: View = "talk", clock: Clock | None = None
    ) -> None:
        """Render turns; `speaker` is the model's name in them, and `view` how the page shows them."""
        self.css_class = f"livewidget-transcript-{secrets.token_hex(4)}"
        self._speaker = speaker
        self._publish = publish
        self._view = view
        self._display_id = f"livewidget-{secrets.token_hex(8)}"
        self._shown: dict[str, str] | None = None
        self._clock = clock or SystemClock()
        self._waiting: Iterable[Turn] | None = None
        self._left, self._at_ms = float(BURST_BYTES), self._clock.now_ms()

    def bundle(self, turns: Iterable[Turn]) -> dict[str, str]:
        """Return the output for `turns`, as HTML and as plain text."""
        final = [turn for turn in turns if turn.final]
        left_out = max(0, len(final) - MAX_TURNS)
        final = final[left_out:]
        rows, lines = self._rendered(final) if final else ([], [])
        if left_out:
            rows.insert(0, f'<p style="{SMALL}">{left_out} earlier turns are not shown.</p>')
            lines.insert(0, f"({left_out} earlier turns are not shown)")
        classes = f"livewidget-transcript {self.css_class} {NO_FORMULAS}"
        head = f'<div class="{classes}" style="{_ALL}" role="log" aria-label="Transcript">'
        return {
            "text/html": "\n".join([head, *rows, "</div>"]),
            "text/plain": "\n".join(lines) or "(no turns yet)",
        }

    def _rendered(self, turns: list[Turn]) -> tuple[list[str], list[str]]:
        """Return turns as the page shows them, as pieces of HTML and of plain text."""
        if self._view == "dictation":
            return [html_of_dictation(turns)], [text_of_dictation(turns)]
        changes = handed_over(turns, self._speaker)
        turns = [self._with_whose(turn) for turn in turns]
        lines = [text_of(turn, self._name(turn), changes.get(turn.index, "")) for turn in turns]
        if self._view == "translation":
            return [html_of_translation(turns)], lines
        return [html_of(turn, self._name(turn), changes.get(turn.index, "")) for turn in turns], lines

    def display(self, turns: Iterable[Turn]) -> None:
        """Show the transcript as an output of the running cell. Later updates reach every such output."""
        self._send(self.bundle(turns), update=False)

    def update(self, turns: Iterable[Turn]) -> bool:
        """Bring the outputs up to date, from any thread; returns whether they were changed.

        In a long talk they wait until that may cost something again; then `tick`, another `update` or `flush`
        brings them up to date.
        """
        if self._shown is None:
            return False
        now = self._clock.now_ms()
        self._left = min(BURST_BYTES, self._left + (now - self._at_ms) / 1000 * BYTES_PER_S)
        self._at_ms = now
        if self._left <= 0:
            self._waiting = turns
            return False
        self._waiting = None
        bundle = self.bundle(turns)
        if bundle == self._shown:
            return False
        self._send(bundle, update=True)
        return True

    def tick(self) -> None:
        """Publish what waits, if it may be published now."""
        if self._waiting is not None:
            self.update(self._waiting)

    @property
    def is_behind(self) -> bool:
        """Whether something waits to be published."""
        return self._waiting is not None

    def flush(self) -> None:
        """Publish what waits now: the talk or the cell has ended, and the notebook may be saved."""
        if self._waiting is not None:
            self._left = max(self._left, 1.0)
            self.update(self._waiting)

    def _send(self, bundle: dict[str, str], *, update: bool) -> None:
        self._shown = bundle
        self._left -= sum(map(len, bundle.values()))
        self._publish(bundle, self._display_id, update)

    def _with_whose(self, turn: Turn) -> Turn:
        """Return the turn with the first agent's name at calls of its own, which name only another one."""
        tools = (replace(use, agent=use.agent or self._speaker) if use.remote else use for use in turn.tools)
        return replace(turn, tools=tuple(tools)) if turn.tools else turn

    def _name(self, turn: Turn) -> str:
        return turn.agent or ("you" if turn.speaker == "user" else self._speaker)
