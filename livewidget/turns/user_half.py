"""The user's half of a talk: what was said or typed, and when it ended."""

from __future__ import annotations

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    InputTranscript,
    InterimInputTranscript,
    TextSent,
)
from livewidget.turns.floor import Chair
from livewidget.turns.ledger import Ledger
from livewidget.turns.turn import Span


class UserHalf:
    """The user's turns.

    Attributes:
        turn: The spoken turn, its index reserved before there is text; None after typed text.
        answered: Whether the model has begun to answer that turn.
    """

    def __init__(self, ledger: Ledger, chair: Chair) -> None:
        self.turn: int | None = None
        self.answered = False
        self._ledger = ledger
        self._chair = chair
        self._finished = False
        self._adopted: int | None = None
        self._ended_ms: float | None = None
        self._end_known = False

    def owns(self, event: InputTranscript | InterimInputTranscript, model_turn: int | None) -> bool:
        """Return whether a transcript belongs to the speech already known, answered or not."""
        if self.turn is None:
            return False
        if not self.answered:
            return True
        turn = self._ledger.get(self.turn)
        if turn is None or not turn.spans:
            return True
        if isinstance(event, InterimInputTranscript) or self._finished:
            return False
        return model_turn is not None or self._adopted == self.turn

    def begin(self) -> None:
        """The user speaks: in a new turn, or going on in one that nobody has answered."""
        if self.turn is None or self.answered:
            self.close()
            self._reserve()
            self.answered = False

    def start(self, event: ActivityStart) -> None:
        """The start of speech was announced, or inferred."""
        self._chair.asked = [event]
        self._ended_ms, self._end_known = None, False
        self._chair.step(event)

    def end(self, event: ActivityEnd, now_ms: float) -> None:
        """The end of speech was announced."""
        if not self.answered:
            self._ended_ms, self._end_known = now_ms, True
        if self._chair.asked:
            self._chair.asked = [ActivityStart(), event]
        self._chair.step(event)

    def typed(self, event: TextSent, now_ms: float) -> None:
        """Text was typed: a turn at once."""
        self.turn = None
        index = self._ledger.number()
        self._ledger.add(index, "user")
        self._ledger.change(index, spans=(Span(event.text),), final=True)
        self._chair.asked = [event]
        self._ended_ms, self._end_known = now_ms, True
        self._chair.step(event)

    def transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        """Add to the spoken turn what was heard of it."""
        index = self.turn
        assert index is not None
        if index not in self._ledger:
            self._ledger.add(index, "user")
        turn = self._ledger[index]
        if isinstance(event, InterimInputTranscript):
            self._ledger.change(index, interim=event.text, final=self.answered)
        else:
            spans = turn.spans[:-1] if self._adopted == index else turn.spans
            self._adopted = None
            self._ledger.change(index, spans=(*spans, Span(event.text)), interim="", final=self.answered)
        if not self.answered and not self._end_known:
            self._ended_ms = now_ms

    def finish(self) -> None:
        """The service says that a transcript is whole."""
        if self.turn in self._ledger:
            self._finished = True
            self.close()

    def close(self) -> None:
        """The spoken turn is over: what was only guessed so far becomes its text."""
        turn = self._ledger.get(self.turn)
        if turn is None:
            return
        if turn.interim:
            self._adopted = turn.index
            self._ledger.change(turn.index, spans=(*turn.spans, Span(turn.interim)), interim="", final=True)
        elif not turn.final:
            self._ledger.change(turn.index, final=True)

    def answer(self) -> None:
        """The model begins to answer. Where nothing was heard, a number stays free for a late transcript."""
        if self.turn is None or self.answered:
            if not any(isinstance(asked, TextSent) for asked in self._chair.asked):
                self._reserve()
        elif (turn := self._ledger.get(self.turn)) is not None and not turn.final:
            self._ledger.change(turn.index, final=True)
        self.answered = True
        self._chair.asked = []

    def interrupted(self) -> None:
        """The model was cut off: what is said now is not what it was answering."""
        if self.answered:
            self.close()
            self.turn = None

    def waited_since(self) -> float | None:
        """Return when the user's speech or text ended, once, for the first sound of its answer."""
        ended_ms, self._ended_ms, self._end_known = self._ended_ms, None, False
        return ended_ms

    def _reserve(self) -> None:
        self.turn = self._ledger.number()
        self._finished = False
