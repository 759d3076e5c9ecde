"""The turns by number, and which of them changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from livewidget.turns.turn import Turn


class Ledger:
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
        return self.amend(index, **fields)

    def amend(self, index: int, **fields: Any) -> Turn:
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
