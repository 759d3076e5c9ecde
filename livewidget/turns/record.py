"""What every kind of talk is remembered by: turns, a floor, and time as an argument."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from livewidget.events import ActivityStart, Event
from livewidget.turns.floor import Chair, Floor
from livewidget.turns.hearing import Hearing
from livewidget.turns.ledger import Ledger
from livewidget.turns.silence import Silence
from livewidget.turns.timing import Outgoing
from livewidget.turns.turn import Turn


class Record(ABC):
    """The turns of one talk and who has the floor. Events go in, turns that look different come out.

    All times are milliseconds of one clock that never goes back. Where a subclass has no use for what it is
    told, that changes nothing.

    Attributes:
        ends_by_silence: Whether turns end by it, and `tick` is to be called a few times a second.
        link_ms: Round trip of the link in milliseconds, where it is known; set by who knows it.
    """

    ends_by_silence: ClassVar[bool] = False

    def __init__(self) -> None:
        self.link_ms: float | None = None
        self._ledger = Ledger()
        self._chair = Chair()
        self._outgoing = Outgoing()

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._chair.floor

    @property
    def asked(self) -> bool:
        """Whether the user has begun to speak, or typed, since the model last began to answer."""
        return bool(self._chair.asked)

    @property
    def turns(self) -> list[Turn]:
        """The turns, oldest first; a new list each time."""
        return self._ledger.all()

    @property
    @abstractmethod
    def model_turn(self) -> int | None:
        """Index of the model's open turn, to which its sound belongs; None between turns."""

    @abstractmethod
    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event.

        Args:
            event: What happened.
            now_ms: When.

        Returns:
            The turns that look different now, each as it is now. More sound in a turn is not a new look.
        """

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that `event` implies and no one announced.

        Automatic detection announces no start of speech on most models: there the first transcript is taken
        for it. Fold what this returns before `event` itself; `fold` does so too.
        """
        return None

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass: where turns end by silence, return those that have."""
        return []

    def sent(self, length_ms: float, now_ms: float) -> None:
        """So much of the user's sound has gone out: what the server's offsets are counted in."""
        self._outgoing.sent(length_ms, now_ms)

    def played(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Say how far playback is, a few times a second.

        Args:
            index: The model turn that plays.
            sample: The last sample heard, counted from the turn's beginning at 24 kHz.
            now_ms: When.

        Returns:
            The turns that have now been heard to their end, with that in their timing.
        """
        return []

    def heard(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Say how much of a turn was heard when playback was stopped.

        Args:
            index: The model turn.
            sample: The last sample heard, counted from the turn's beginning at 24 kHz.
            now_ms: When.

        Returns:
            The turn as it is now, if that changed it. A turn that was complete and heard to its end is whole.
        """
        return []


class Unended(Record):
    """A talk whose turns nobody ends: silence does."""

    ends_by_silence = True

    def __init__(self) -> None:
        super().__init__()
        self._hearing = Hearing(self._ledger)
        self._silence = Silence()

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass; returns the turns that have ended by it."""
        self._lapse(now_ms)
        return self._ledger.changed()

    def _lapse(self, now_ms: float) -> None:
        if self._silence.long_enough(now_ms):
            self._close()

    @abstractmethod
    def _close(self) -> None:
        """End what is open."""
