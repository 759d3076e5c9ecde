"""Waiting for something to become less and be gone, as sound that plays does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from livewidget.clock import Clock, SystemClock

#: What has not become less for so long stands still.
STANDSTILL_MS: Final = 3000.0
_LOOK_MS: Final = 50.0


async def dwindled(left: Callable[[], Any], clock: Clock | None = None) -> bool:
    """Wait until nothing is left, or what is left stands still.

    Args:
        left: How much is left, as anything that can be compared; None: nothing.
        clock: Another clock; for tests.

    Returns:
        Whether nothing is left.
    """
    clock = clock or SystemClock()
    least, moved_ms = left(), clock.now_ms()
    while least is not None:
        now = clock.now_ms()
        if now - moved_ms >= STANDSTILL_MS:
            return False
        await clock.sleep_until(now + _LOOK_MS)
        found = left()
        if found is None or found < least:
            least, moved_ms = found, clock.now_ms()
    return True
