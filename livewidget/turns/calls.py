"""The calls of functions that a talk's model turns have made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from livewidget.events import ToolCall, ToolResult
from livewidget.turns.ledger import Ledger
from livewidget.turns.turn import ToolUse


class Calls:
    """Calls that run, and the turns that they belong to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._running: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._running)

    def __contains__(self, id: str) -> bool:
        return id in self._running

    def waited_for_in(self, index: int) -> bool:
        """Return whether a call of that turn still runs."""
        return index in self._running.values()

    def start(self, index: int, event: ToolCall) -> None:
        """The model calls a function in the turn with that index."""
        use = ToolUse(id=event.id, name=event.name, args=event.args)
        self._ledger.change(index, tools=(*self._ledger[index].tools, use))
        self._running[event.id] = index

    def finish(self, event: ToolResult) -> None:
        """A call has ended. One that is not known, or was cancelled, changes nothing."""
        self._end(
            event.id,
            result=event.result,
            error=event.error,
            duration_ms=event.duration_ms,
            state="done" if event.error is None else "failed",
        )

    def cancel(self, id: str) -> None:
        """Nobody waits for a call any more."""
        self._end(id, state="cancelled")

    def cancel_all(self) -> None:
        """The session is over."""
        for id in list(self._running):
            self.cancel(id)

    def _end(self, id: str, **fields: Any) -> None:
        index = self._running.pop(id, None)
        if index is not None:
            uses = self._ledger[index].tools
            running = next(use for use in uses if use.id == id and use.state == "running")
            ended = replace(running, **fields)
            self._ledger.change(index, tools=tuple(ended if use is running else use for use in uses))
