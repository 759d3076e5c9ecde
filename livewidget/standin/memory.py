"""What outlives a connection: the talk so far, found again by its resumption handle."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from livewidget.clock import Clock
from livewidget.standin.seams import Mind, Skills
from livewidget.standin.tokens import Meter

LIFE_MS = 2 * 3600 * 1000.0  # the service keeps a handle for two hours after the session
_HANDLES = 1000
_TURNS = 200


@dataclass(slots=True)
class Memory:
    """One talk.

    Attributes:
        mind: Its brain, with whatever that keeps in mind; None until there is one.
        declarations: The functions that mind may call, as it was given them.
        skills: What else it may do.
        history: Who said what: ("user" or "model", text); the oldest are forgotten.
        meter: Tokens of the talk so far.
    """

    mind: Mind | None = None
    declarations: list[dict[str, Any]] = field(default_factory=list)
    skills: Skills = field(default_factory=Skills)
    history: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_TURNS))
    meter: Meter = field(default_factory=Meter)


class Memories:
    """Memories by handle, for two hours each; at most a thousand, the oldest give way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Memory]] = OrderedDict()

    def keep(self, memory: Memory) -> str:
        """Return a new handle to `memory`."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = (self._clock.now_ms() + LIFE_MS, memory)
        while len(self._kept) > _HANDLES:
            self._kept.popitem(last=False)
        return handle

    def find(self, handle: str) -> Memory | None:
        """Return what a handle stands for; None where it is unknown or too old."""
        until, memory = self._kept.get(handle, (0.0, None))
        if until < self._clock.now_ms():
            self._kept.pop(handle, None)
            return None
        return memory
