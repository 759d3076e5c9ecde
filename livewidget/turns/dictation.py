"""Folds what a model writes down that only listens: turns of the user's, and nothing else.

A turn ends when the service says that a transcript is finished, or after two seconds without a word: the
first is not promised, and a text that never ends cannot be read.
"""

from __future__ import annotations

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    Event,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    SessionEnded,
    SessionMoved,
    TurnComplete,
)
from livewidget.turns.floor import Floor
from livewidget.turns.metadata import language_of
from livewidget.turns.record import Unended
from livewidget.turns.turn import Turn


class Dictation(Unended):
    """A talk in which one side only listens."""

    def __init__(self) -> None:
        super().__init__()
        self._turn: int | None = None
        self._language: str | None = None

    @property
    def model_turn(self) -> int | None:
        """None: the model says nothing."""
        return None

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that a transcript implies where none was announced."""
        if not isinstance(event, InputTranscript | InterimInputTranscript) or not event.text:
            return None
        if self._turn is not None or self._hearing.mends(event) or self.floor is not Floor.LISTENING:
            return None
        return ActivityStart(inferred=True)

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event; returns the turns that look different now."""
        self._lapse(now_ms)
        match event:
            case InputTranscript() | InterimInputTranscript():
                self._transcript(event, now_ms)
            case ActivityStart():
                self._chair.step(event)
            case ActivityEnd() if self._turn is None:
                self._chair.free()
            case TurnComplete() | Interrupted() | SessionMoved() | SessionEnded():
                self._close()
        return self._ledger.changed()

    def _transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if isinstance(event, InputTranscript):
            self._language = language_of(event.language) or self._language
        if event.text:
            if self._turn is None and isinstance(event, InputTranscript) and self._hearing.mends(event):
                self._hearing.mend(event)
                return
            inferred = self.infer(event, now_ms)
            if inferred is not None:
                self._chair.step(inferred)
            if self._turn is None:
                self._turn = self._ledger.number()
            self._hearing.take(self._turn, event, self._language)
            self._silence.broken(now_ms)
        if isinstance(event, InputTranscript) and event.finished:
            self._close()

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        self._silence.settled()
        if turn is not None:
            self._hearing.close(turn)
        self._chair.free()
