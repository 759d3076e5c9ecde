"""What outlives a connection: the talk so far, found again by its resumption handle."""

from __future__ import annotations

import copy
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from livewidget.clock import Clock
from livewidget.standin.context import Context
from livewidget.standin.pictures import Sight
from livewidget.standin.seams import Mind, Skills

_HANDLES = 1000


@dataclass(slots=True, kw_only=True)
class Memory:
    """One talk.

    Attributes:
        model: The id of the model it is with; the one thing that cannot change when it is resumed.
        mind: Its brain, with whatever that keeps in mind; None until there is one.
        declarations: The functions that mind may call, as it was given them.
        skills: What else it may do.
        context: Its instruction, who said what, and the tokens of that.
        sight: The pictures that were shown last.
    """

    model: str = ""
    mind: Mind | None = None
    declarations: list[dict[str, Any]] = field(default_factory=list)
    skills: Skills = field(default_factory=Skills)
    context: Context = field(default_factory=Context)
    sight: Sight = field(default_factory=Sight)

    def snapshot(self) -> Memory:
        """Return the talk as it is now: what is said from now on does not change it.

        The mind is shared: it may be anything that a user has plugged in.
        """
        return replace(self, context=copy.deepcopy(self.context), sight=copy.deepcopy(self.sight))


class Memories:
    """Memories by handle, each as long as its model's service keeps it; the oldest of a thousand give way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Memory]] = OrderedDict()

    def keep(self, memory: Memory, life_ms: float) -> str:
        """Return a new handle to `memory` as it is now, which holds for `life_ms`."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = (self._clock.now_ms() + life_ms, memory.snapshot())
        while len(self._kept) > _HANDLES:
            self._kept.popitem(last=False)
        return handle

    def find(self, handle: str) -> Memory | None:
        """Return what a handle stands for; None where it is unknown or too old."""
        until, memory = self._kept.get(handle, (0.0, None))
        if memory is None or until < self._clock.now_ms():
            self._kept.pop(handle, None)
            return None
        return memory.snapshot()
