"""Clocks that sessions and the stand-in go by: the real one, and one that tests advance by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from numbers import Real
from typing import Any, Protocol

from livewidget.errors import UsageError


def check_seconds(value: Any, name: str, *, zero: bool = False) -> float:
    """Return `value`, a number of seconds to wait, as a float; infinity is no limit.

    Args:
        value: Any real number, NumPy's as well.
        name: What the caller calls it.
        zero: Whether 0 is allowed.

    Raises:
        UsageError: If it is something else, NaN, or too small.
    """
    wanted = f"{name} is a number of seconds {'from 0 on' if zero else 'above 0'}, such as 30"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"{wanted}, not {'None' if value is None else type(value).__name__}.")
    try:
        seconds = float(value)
    except (OverflowError, ValueError):  # an integer beyond all floats
        raise UsageError(f"{wanted}; this is too large.") from None
    if math.isnan(seconds) or seconds < 0 or not (zero or seconds):
        raise UsageError(f"{wanted}, not {seconds:g}.")
    return seconds


class Clock(Protocol):
    """Tells the time, and waits for a time."""

    def now_ms(self) -> float:
        """Return milliseconds since some fixed moment; it never goes back."""

    async def sleep_until(self, at_ms: float) -> None:
        """Return once `now_ms()` is `at_ms` or later; if it is already, after one iteration of the loop."""


class SystemClock:
    """The time of this computer, monotonic."""

    def now_ms(self) -> float:
        """Return milliseconds of the monotonic clock."""
        return time.monotonic() * 1000

    async def sleep_until(self, at_ms: float) -> None:
        """Return once `now_ms()` is `at_ms` or later."""
        await asyncio.sleep(max(0.0, at_ms / 1000 - time.monotonic()))


class ManualClock:
    """Stands still until `advance` is called, for tests that must not depend on the speed of the machine."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_ms(self) -> float:
        """Return the milliseconds advanced so far."""
        return self._now

    async def sleep_until(self, at_ms: float) -> None:
        """Return once the clock has been advanced to `at_ms`."""
        if at_ms <= self._now:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at_ms, next(self._order), wake))
        await wake

    def advance(self, ms: float) -> None:
        """Advance the clock by `ms` and wake, in order, everything that waits for a time up to then."""
        self._now += ms
        while self._sleepers and self._sleepers[0][0] <= self._now:
            wake = heapq.heappop(self._sleepers)[2]
            if not wake.done():
                wake.set_result(None)
