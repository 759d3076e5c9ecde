"""Clocks that both ends of a session wait by: the true one, and one that is wound by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now_ms(self) -> float:
        """Milliseconds since some fixed moment; never goes back."""

    async def sleep_until(self, at_ms: float) -> None:
        """Return once `now_ms()` is at or past `at_ms`; if it is already, after one turn of the loop."""


class SystemClock:
    """The time of this computer, monotonic."""

    def now_ms(self) -> float:
        """Milliseconds since the computer started, or some such moment."""
        return time.monotonic() * 1000

    async def sleep_until(self, at_ms: float) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0.0, at_ms / 1000 - time.monotonic()))


class ManualClock:
    """Stands still until `advance` is called: for tests that must not depend on the machine's speed."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_ms(self) -> float:
        """Milliseconds advanced so far."""
        return self._now

    async def sleep_until(self, at_ms: float) -> None:
        """Wait until `advance` has brought the clock there."""
        if at_ms <= self._now:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at_ms, next(self._order), wake))
        await wake

    def advance(self, ms: float) -> None:
        """Move on by `ms` and wake, in order, all who waited for a moment up to then."""
        self._now += ms
        while self._sleepers and self._sleepers[0][0] <= self._now:
            wake = heapq.heappop(self._sleepers)[2]
            if not wake.done():
                wake.set_result(None)
