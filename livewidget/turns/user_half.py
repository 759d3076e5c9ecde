"""The user's half of a talk: what was said or typed, and when it ended."""

from __future__ import annotations

from typing import Any, Final

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    InputTranscript,
    InterimInputTranscript,
    TextSent,
)
from livewidget.turns.floor import Chair
from livewidget.turns.ledger import Ledger
from livewidget.turns.metadata import language_of
from livewidget.turns.timing import Outgoing
from livewidget.turns.turn import Span

#: Words that come this soon after the model's turn may still belong to what it answered, or did not.
LATE_WORDS_MS: Final = 2000.0


class UserHalf:
    """The user's turns.

    Attributes:
        turn: The spoken turn, its index reserved before there is text; None after typed text.
        answered: Whether the model has begun to answer that turn, or has chosen not to.
    """

    def __init__(self, ledger: Ledger, chair: Chair, outgoing: Outgoing) -> None:
        self.turn: int | None = None
        self.answered = False
        self._ledger = ledger
        self._chair = chair
        self._outgoing = outgoing
        self._finished = False
        self._adopted: int | None = None
        self._ended_ms: float | None = None
        self._end_known = False
        self._decision_ms: float | None = None
        self._announced = False
        self._left_ms: float | None = None
        self._over_ms: float | None = None
        self._language: str | None = None
        self._images = 0

    def owns(
        self, event: InputTranscript | InterimInputTranscript, model_turn: int | None, now_ms: float
    ) -> bool:
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
        if self._adopted == self.turn:
            return True
        if model_turn is not None and self._left_ms is None:
            return True
        # Where starts of speech are announced, words without one are late; elsewhere they may be the start.
        over_ms = self._left_ms if self._left_ms is not None or not self._announced else self._over_ms
        return over_ms is not None and now_ms - over_ms <= LATE_WORDS_MS

    def begin(self) -> None:
        """The user speaks: in a new turn, or going on in one that nobody has answered."""
        if self.turn is None or self.answered:
            self.close()
            self._reserve()
            self.answered = False

    def start(self, event: ActivityStart) -> None:
        """The start of speech was announced, or inferred."""
        self._announced = self._announced or not event.inferred
        self._chair.asked = [event]
        self._forget_end()
        self._chair.step(event)

    def end(self, event: ActivityEnd, now_ms: float) -> None:
        """The end of speech was announced."""
        if not self.answered:
            self._ended_ms, self._end_known = now_ms, True
            if event.offset_ms is not None:
                self._decision_ms = self._outgoing.since(event.offset_ms, now_ms)
        if self._chair.asked:
            self._chair.asked = [ActivityStart(), event]
        self._chair.step(event)

    def typed(self, event: TextSent, now_ms: float) -> None:
        """Text was typed: a turn at once."""
        self.turn = None
        index = self._ledger.number()
        self._add(index)
        self._ledger.change(index, spans=(Span(event.text),), final=True)
        self._chair.asked = [event]
        self._forget_end()
        self._ended_ms, self._end_known = now_ms, True
        self._chair.step(event)

    def transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        """Add to the spoken turn what was heard of it."""
        index = self.turn
        assert index is not None
        if index not in self._ledger:
            self._add(index)
        turn = self._ledger[index]
        if isinstance(event, InterimInputTranscript):
            self._ledger.change(index, interim=event.text, final=self.answered)
        else:
            spans = turn.spans[:-1] if self._adopted == index else turn.spans
            self._adopted = None
            fields: dict[str, Any] = {"spans": (*spans, Span(event.text)), "interim": ""}
            language, self._language = self._language or turn.language, None
            self._ledger.change(index, **fields, language=language, final=self.answered)
        if not self.answered and not self._end_known:
            self._ended_ms = now_ms

    def speaks(self, code: str | None) -> None:
        """The service says what language is spoken, with words of it or before them."""
        language = language_of(code)
        turn = self._ledger.get(None if self.answered else self.turn)
        if language is None or (turn is not None and turn.language == language):
            return
        if turn is not None and turn.language is None:
            self._ledger.change(turn.index, language=language)
        else:
            self._language = language

    def picture(self) -> None:
        """A picture was sent: it belongs to what is being said, or else to what is said next."""
        turn = self._ledger.get(None if self.answered else self.turn)
        if turn is None:
            self._images += 1
        else:
            self._ledger.change(turn.index, images=turn.images + 1)

    def leave(self, now_ms: float | None) -> None:
        """The model has chosen not to answer. None: it answers after all."""
        self._left_ms = now_ms

    def over(self, now_ms: float) -> None:
        """The model's turn is over."""
        self._over_ms = now_ms

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

    def moved(self, *, again: bool) -> None:
        """The talk goes on over another connection; `again`: what nobody answered was sent again."""
        if not again:
            self._chair.asked = []
            self.close()
            self.turn = None
        elif self.turn is not None and not self.answered:
            self._finished, self._adopted = False, None
            if self.turn in self._ledger:
                self._ledger.change(self.turn, spans=(), interim="", final=False)

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

    def waited_since(self) -> tuple[float | None, float | None]:
        """Return when the user's speech or text ended, and how long it took to notice that.

        Told once, for the first sound of the answer.
        """
        ended_ms, decision_ms = self._ended_ms, self._decision_ms
        self._forget_end()
        return ended_ms, decision_ms

    def _forget_end(self) -> None:
        self._ended_ms, self._end_known, self._decision_ms = None, False, None

    def _reserve(self) -> None:
        self.turn = self._ledger.number()
        self._finished = False
        self._left_ms = self._over_ms = None

    def _add(self, index: int) -> None:
        self._ledger.add(index, "user")
        images, self._images = self._images, 0
        if images:
            self._ledger.change(index, images=images)
