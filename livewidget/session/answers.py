"""Who waits for which answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from livewidget.errors import LiveError, ServerFault
from livewidget.turns import Turn


class Answers:
    """The callers of `ask` that wait: each for the first model turn that follows its question."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[Turn], int] = {}

    def expect(self, question: int) -> asyncio.Future[Turn]:
        """Return a future of the answer to the turn with this index; give it to `forget` in the end."""
        future: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        self._waiting[future] = question
        return future

    def forget(self, future: asyncio.Future[Turn]) -> None:
        """Nobody waits any more."""
        self._waiting.pop(future, None)
        if not future.cancel() and not future.cancelled():
            future.exception()  # Seen: asyncio would complain of one that nobody looked at.

    def hear(self, turns: Iterable[Turn]) -> None:
        """Give turns that are complete to those who wait for them."""
        for turn in turns:
            if turn.speaker == "model" and turn.final:
                for future, question in self._waiting.items():
                    if turn.index > question and not future.done():
                        future.set_result(turn)

    def refuse(self, reason: str) -> None:
        """The model ended its turn without an answer."""
        words = reason.lower().replace("_", " ")
        self.end(ServerFault(f"The model ended its turn without an answer ({words}); ask in another way."))

    def end(self, error: LiveError) -> None:
        """Nobody will get an answer."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
