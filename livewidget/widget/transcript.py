"""The transcript as a second output: it stays in the notebook when kernel and page are gone.

The live view needs a kernel. This output is plain HTML made of escaped text, replaced in place by its
`display_id` when a turn ends. A page that shows the live view hides it by its class.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextvars import Context

from livewidget.turns import Turn
from livewidget.widget.messages import View
from livewidget.widget.writing import (
    SMALL,
    html_of,
    html_of_dictation,
    html_of_translation,
    text_of,
    text_of_dictation,
)

MOST_TURNS = 1000


class Transcript:
    """Renders turns, and publishes them where the notebook can show them.

    Attributes:
        css_class: The class of its output; the page hides what has it.
    """

    def __init__(self, speaker: str, view: View = "talk") -> None:
        self.css_class = f"livewidget-transcript-{secrets.token_hex(4)}"
        self._speaker = speaker
        self._view = view
        self._display_id = f"livewidget-{secrets.token_hex(8)}"
        self._shown: dict[str, str] | None = None

    def bundle(self, turns: Iterable[Turn]) -> dict[str, str]:
        """Return the output for `turns`, as HTML and as plain text."""
        final = [turn for turn in turns if turn.final]
        left_out = max(0, len(final) - MOST_TURNS)
        final = final[left_out:]
        rows, lines = self._written(final) if final else ([], [])
        if left_out:
            rows.insert(0, f'<p style="{SMALL}">{left_out} earlier turns are not shown.</p>')
            lines.insert(0, f"({left_out} earlier turns are not shown)")
        head = f'<div class="livewidget-transcript {self.css_class}" role="log" aria-label="Transcript">'
        return {
            "text/html": "\n".join([head, *rows, "</div>"]),
            "text/plain": "\n".join(lines) or "(no turns yet)",
        }

    def _written(self, turns: list[Turn]) -> tuple[list[str], list[str]]:
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
        self._publish(self._shown, update=False)

    def update(self, turns: Iterable[Turn]) -> bool:
        """Bring the outputs up to date, from any thread; returns whether there was anything to do."""
        if self._shown is None:
            return False
        bundle = self.bundle(turns)
        if bundle == self._shown:
            return False
        self._shown = bundle
        # In no context of ours: the message then belongs to the cell that runs now, and tools that execute
        # notebooks take in nothing else. Where it is shown is up to its `display_id` alone.
        Context().run(self._publish, bundle, update=True)
        return True

    def _publish(self, bundle: dict[str, str], *, update: bool) -> None:
        from IPython.display import publish_display_data

        publish_display_data(  # type: ignore[no-untyped-call, unused-ignore]
            bundle, transient={"display_id": self._display_id}, update=update
        )

    def _name(self, turn: Turn) -> str:
        return "you" if turn.speaker == "user" else self._speaker
