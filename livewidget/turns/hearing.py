"""What is heard of the user where no turn is ever completed: guesses, and the words that replace them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from livewidget.events import InputTranscript, InterimInputTranscript
from livewidget.turns.ledger import Ledger
from livewidget.turns.revision import SIGN
from livewidget.turns.turn import Span


class Hearing:
    """Puts transcripts into user turns; when a turn begins and ends is up to its owner."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # The turn whose last words are a guess, because nothing better had come when it ended.
        self._guessed: int | None = None

    def take(self, index: int, event: InputTranscript | InterimInputTranscript, language: str | None) -> None:
        """Add what was heard to a turn, begun here if need be. `language` None: as before."""
        if index not in self._ledger:
            self._ledger.add(index, "user")
            self._guessed = None
        turn = self._ledger[index]
        if isinstance(event, InterimInputTranscript):
            self._ledger.change(index, interim=apart(turn.spans, event.text))
            return
        # Words that take a guess's place are a piece of their own; others go on within a word, if need be.
        text = apart(turn.spans, event.text) if turn.interim else event.text
        spans = (*turn.spans, Span(text))
        self._ledger.change(index, spans=spans, interim="", language=language or turn.language)

    def close(self, index: int) -> None:
        """A turn is over: what was only guessed so far becomes its text."""
        turn = self._ledger.get(index)
        if turn is None or turn.final:
            return
        spans = turn.spans
        if turn.interim:
            self._guessed, spans = index, (*spans, Span(turn.interim))
        self._ledger.change(index, spans=spans, interim="", final=True)

    def mends(self, event: InputTranscript | InterimInputTranscript) -> bool:
        """Return whether `event` has the words for a guess in a turn that is over; nothing came since."""
        return self._guessed is not None and isinstance(event, InputTranscript) and bool(event.text)

    def mend(self, event: InputTranscript) -> None:
        """Put the words in the place of that guess."""
        index, self._guessed = self._guessed, None
        if index is not None:
            spans = self._ledger[index].spans[:-1]
            self._ledger.change(index, spans=(*spans, Span(apart(spans, event.text))))


def apart(spans: Sequence[Span], text: str) -> str:
    """Return `text` with a space before it, unless the spans end with one or its script has none."""
    before = spans[-1].text if spans else ""
    joined = not before or not text or before[-1].isspace() or text[0].isspace()
    return text if joined or re.match(SIGN, before[-1]) or re.match(SIGN, text) else f" {text}"
