"""Where the time of an answer goes. Pure: every time is an argument, in milliseconds of one clock."""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from livewidget.turns.turn import AUDIO_RATE, Timing

#: Pieces of sound whose going out is remembered: at 20 ms each, more than a minute.
PIECES: Final = 4096
#: A decision that took longer is none: the offset was counted from elsewhere.
LONGEST_DECISION_MS: Final = 10_000.0
#: Turns whose playing is followed at one time.
FOLLOWED: Final = 16


class Outgoing:
    """Which part of the user's sound went out when, so that an offset into it becomes a time."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=PIECES)
        self._sent: deque[float] = deque(maxlen=PIECES)
        self._total_ms = 0.0

    def begin(self) -> None:
        """A connection was opened: offsets count from here."""
        self._ends.clear()
        self._sent.clear()
        self._total_ms = 0.0

    def sent(self, length_ms: float, now_ms: float) -> None:
        """A piece of sound of that length has gone out."""
        self._total_ms += length_ms
        self._ends.append(self._total_ms)
        self._sent.append(now_ms)

    def since(self, offset_ms: float, now_ms: float) -> float | None:
        """Return how long ago the sound at that offset went out; None where that cannot be told."""
        at = bisect.bisect_left(self._ends, offset_ms)
        if at >= len(self._ends):
            return None
        ago = now_ms - (self._sent[at] - (self._ends[at] - offset_ms))
        return ago if 0 <= ago <= LONGEST_DECISION_MS else None


def union_ms(intervals: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Return how much of the time from `start` to `end` the intervals cover together."""
    total, reached = 0.0, start
    for begun, ended in sorted(intervals):
        begun, ended = max(begun, reached), min(ended, end)
        if ended > begun:
            total += ended - begun
            reached = ended
    return total


def timing_of(
    latency_ms: float, tool_ms: float, *, link_ms: float | None = None, decision_ms: float | None = None
) -> Timing:
    """Divide the time from the end of speech to the first sound.

    Args:
        latency_ms: All of that time.
        tool_ms: How much of it functions were running.
        link_ms: Round trip of the link. More than what is left of that time is not taken from it.
        decision_ms: How long it took before to notice the end of speech.
    """
    tool_ms = min(tool_ms, latency_ms)
    network_ms = None if link_ms is None else max(0.0, min(link_ms, latency_ms - tool_ms))
    return Timing(
        decision_ms=decision_ms,
        network_ms=network_ms,
        tool_ms=tool_ms,
        wait_ms=latency_ms - tool_ms - (network_ms or 0.0),
    )


class _Played:
    def __init__(self, first_ms: float) -> None:
        self.first_ms = first_ms
        self.sample = 0
        self.at_ms = first_ms

    def at(self, sample: int, now_ms: float) -> float:
        """When `sample` was heard: sound plays at its own pace from the last that is known."""
        return min(now_ms, self.at_ms + max(0, sample - self.sample) * 1000 / AUDIO_RATE)


class Playing:
    """Follows how far turns were heard, for `Timing.heard_ms`. Reports may be far apart, and may stop."""

    def __init__(self) -> None:
        self._turns: dict[int, _Played] = {}

    def begin(self, index: int, now_ms: float) -> None:
        """The first sound of a turn has come."""
        self._turns[index] = _Played(now_ms)
        while len(self._turns) > FOLLOWED:
            del self._turns[next(iter(self._turns))]

    def played(self, index: int, sample: int, samples: int | None, now_ms: float) -> float | None:
        """Take in that `sample` of a turn was just heard.

        Args:
            index: The turn.
            sample: The last sample heard, at 24 kHz.
            samples: All that the turn has; None while more may come.
            now_ms: The time.

        Returns:
            The time from the first sound to the last, once all was heard; else None.
        """
        turn = self._turns.get(index)
        if turn is None or sample <= turn.sample:
            return None
        if samples is not None and sample >= samples:
            del self._turns[index]
            return turn.at(samples, now_ms) - turn.first_ms
        turn.sample, turn.at_ms = sample, now_ms
        return None

    def over(self, index: int, sample: int, now_ms: float) -> float | None:
        """A turn was cut after `sample`, or played to there unseen; returns the time as `played` does."""
        turn = self._turns.pop(index, None)
        return None if turn is None or sample <= 0 else max(0.0, turn.at(sample, now_ms) - turn.first_ms)

    def before(self, index: int) -> list[int]:
        """Return the turns followed that are older than that one."""
        return [known for known in self._turns if known < index]


def heard_for(timing: Timing | None, heard_ms: float | None) -> Timing | None:
    """Return `timing` with how long the turn was heard, where both are known."""
    return timing if timing is None or heard_ms is None else replace(timing, heard_ms=heard_ms)
