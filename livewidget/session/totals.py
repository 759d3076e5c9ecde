"""What a session has used."""

from __future__ import annotations

from collections import Counter
from typing import Any

from livewidget.events import Usage

_COUNTS = (
    "prompt_tokens",
    "response_tokens",
    "thoughts_tokens",
    "tool_use_prompt_tokens",
    "cached_tokens",
    "total_tokens",
)
_MAPS = ("prompt_by_modality", "response_by_modality")


class Totals:
    """Adds up the usage of turns. The service may report often in one turn: its last report counts.

    Attributes:
        context_tokens: Prompt of the last turn: all that the service retained then.
    """

    def __init__(self) -> None:
        self.context_tokens = 0
        self._settled = Usage()
        self._current: Usage | None = None

    @property
    def usage(self) -> Usage:
        """All turns so far."""
        return self._settled if self._current is None else _sum(self._settled, self._current)

    def add(self, usage: Usage) -> None:
        """Take in a report of the turn that is on."""
        self._current = usage
        self.context_tokens = usage.prompt_tokens or self.context_tokens

    def turn(self) -> None:
        """The turn is over."""
        self._settled, self._current = self.usage, None


def _sum(one: Usage, two: Usage) -> Usage:
    counts: dict[str, Any] = {name: getattr(one, name) + getattr(two, name) for name in _COUNTS}
    maps: dict[str, Any] = {
        name: dict(Counter(getattr(one, name)) + Counter(getattr(two, name))) for name in _MAPS
    }
    return Usage(**counts, **maps, traffic_type=two.traffic_type or one.traffic_type)
