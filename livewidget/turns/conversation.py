"""Folds events into turns: the whole memory of a talk, without I/O and without a clock of its own."""

from __future__ import annotations

from livewidget.events import Event
from livewidget.turns.floor import Floor
from livewidget.turns.turn import Turn


class Conversation:
    """The turns of one talk and who has the floor."""

    floor: Floor
    turns: list[Turn]

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event, and return the turns whose looks it changed."""
        raise NotImplementedError

    def heard(self, index: int, sample: int) -> list[Turn]:
        """Say how much of an interrupted turn was heard, in samples at 24 kHz."""
        raise NotImplementedError
