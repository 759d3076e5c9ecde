"""The calls of functions that a talk's model turns have made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from livewidget.events import ToolAllowed, ToolAsking, ToolCall, ToolResult, ToolUpdate
from livewidget.turns.ledger import Ledger
from livewidget.turns.timing import union_ms
from livewidget.turns.turn import ToolUse

#: Turns whose calls are remembered with their times.
TIMED: Final = 16
#: Values kept of what a call gave while it ran.
UPDATES: Final = 20


class Calls:
    """Calls that run, and the turns that they belong to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
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
        self._ledger.change(index, tools=(*self._ledger[index].tools, use))
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

    def go_on(self, event: ToolAsking | ToolAllowed | ToolUpdate, now_ms: float) -> None:
        """A call waits for a person, runs after all, or has given a value and runs on."""
        index = self._running.get(event.id)
        if index is None:
            return
        match event:
            case ToolAsking():
                self._change(index, event.id, state="asking")
            case ToolAllowed():
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
        return next(use for use in self._ledger[index].tools if use.id == id and use.state in under_way)

    def _change(self, index: int, id: str, **fields: Any) -> None:
        use = self._use(index, id)
        uses = self._ledger[index].tools
        changed = replace(use, **fields)
        self._ledger.change(index, tools=tuple(changed if one is use else one for one in uses))
