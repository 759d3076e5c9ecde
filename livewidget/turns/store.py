"""The calls of functions that a talk's model turns have made.

The turns by number, and which of them changed.

Where the time of an answer goes. Pure: every time is an argument, in milliseconds of one clock.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, Literal

from livewidget.events import ToolApprovalRequested, ToolApproved, ToolCall, ToolResult, ToolUpdate
from livewidget.turns.turn import AUDIO_RATE, Timing, ToolUse, Turn


class TurnStore:
    """Turns in the order of their numbers. A number can be taken long before its turn begins."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}
        self._changed: set[int] = set()
        self._next = 0

    def __contains__(self, index: int | None) -> bool:
        return index in self._turns

    def __getitem__(self, index: int) -> Turn:
        return self._turns[index]

    def get(self, index: int | None) -> Turn | None:
        """Return the turn with this number, if there is one."""
        return None if index is None else self._turns.get(index)

    def all(self) -> list[Turn]:
        """Return the turns, oldest first; a new list each time."""
        return [self._turns[index] for index in sorted(self._turns)]

    def number(self) -> int:
        """Take the next number."""
        self._next += 1
        return self._next - 1

    def add(self, index: int, speaker: Literal["user", "model"]) -> None:
        """Begin the turn with a number taken before."""
        self._turns[index] = Turn(index=index, speaker=speaker)
        self._changed.add(index)

    def change(self, index: int, **fields: Any) -> Turn:
        """Replace a turn by one that looks different."""
        self._changed.add(index)
        return self.patch(index, **fields)

    def patch(self, index: int, **fields: Any) -> Turn:
        """Replace a turn by one that looks the same."""
        return self.put(replace(self._turns[index], **fields))

    def put(self, turn: Turn) -> Turn:
        """Set a turn in the place of the one with its number."""
        self._turns[turn.index] = turn
        return turn

    def changed(self) -> list[Turn]:
        """Return the turns that changed since this was last called, oldest first."""
        changed = [self._turns[index] for index in sorted(self._changed)]
        self._changed.clear()
        return changed


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


#: Turns whose calls are remembered with their times.
TIMED: Final = 16
#: Values kept of what a call gave while it ran.
UPDATES: Final = 20


class Calls:
    """Calls that run, and the turns that they belong to."""

    def __init__(self, store: TurnStore) -> None:
        self._store = store
        self._running: dict[str, int] = {}
        self._times: dict[int, dict[str, tuple[float, float]]] = {}
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._running)

    def __contains__(self, id: str) -> bool:
        return id in self._running

    def waited_for_in(self, index: int) -> bool:
        """Return whether a call of that turn still runs."""
        return index in self._running.values()

    def busy_ms(self, index: int, start_ms: float, end_ms: float) -> float:
        """Return how long between two times any call of that turn ran."""
        return union_ms(self._times.get(index, {}).values(), start_ms, end_ms)

    def start(self, index: int, event: ToolCall, now_ms: float) -> None:
        """The model calls a function in the turn with that index."""
        use = ToolUse(id=event.id, name=event.name, args=event.args)
        self._store.change(index, tools=(*self._store[index].tools, use))
        self._running[event.id] = index
        self._times.setdefault(index, {})[event.id] = (now_ms, float("inf"))
        while len(self._times) > TIMED:
            del self._times[next(iter(self._times))]

    def turn_of(self, id: str) -> int | None:
        """Return the turn of a call that runs."""
        return self._running.get(id)

    def told_of(self, id: str) -> bool:
        """Return whether the model was told of a value while the call ran."""
        return id in self._told

    def go_on(self, event: ToolApprovalRequested | ToolApproved | ToolUpdate, now_ms: float) -> None:
        """A call waits for a person, runs after all, or has given a value and runs on."""
        index = self._running.get(event.id)
        if index is None:
            return
        match event:
            case ToolApprovalRequested():
                self._change(index, event.id, state="asking")
            case ToolApproved():
                self._change(index, event.id, state="running")
                if event.id in (times := self._times.get(index, {})):
                    times[event.id] = (now_ms, float("inf"))  # What a person takes is not the tool's time.
            case ToolUpdate(result=result, sent=sent):
                updates = self._use(index, event.id).updates
                self._change(index, event.id, updates=(*updates, result)[-UPDATES:])
                if sent:
                    self._told.add(event.id)

    def finish(self, event: ToolResult, now_ms: float) -> None:
        """A call has ended. One that is not known, or was cancelled, changes nothing."""
        failed = "refused" if event.refused else "failed"
        self._end(
            event.id,
            now_ms,
            result=event.result,
            error=event.error,
            duration_ms=event.duration_ms,
            state="done" if event.error is None else failed,
        )

    def cancel(self, id: str, now_ms: float) -> None:
        """Nobody waits for a call any more."""
        self._end(id, now_ms, state="cancelled")

    def cancel_all(self, now_ms: float) -> None:
        """The session is over."""
        for id in list(self._running):
            self.cancel(id, now_ms)

    def _end(self, id: str, now_ms: float, **fields: Any) -> None:
        index = self._running.pop(id, None)
        if index is not None:
            times = self._times.get(index, {})
            if id in times:
                times[id] = (times[id][0], now_ms)
            self._told.discard(id)
            self._change(index, id, **fields)

    def _use(self, index: int, id: str) -> ToolUse:
        under_way = ("asking", "running")
        return next(use for use in self._store[index].tools if use.id == id and use.state in under_way)

    def _change(self, index: int, id: str, **fields: Any) -> None:
        use = self._use(index, id)
        uses = self._store[index].tools
        changed = replace(use, **fields)
        self._store.change(index, tools=tuple(changed if one is use else one for one in uses))
