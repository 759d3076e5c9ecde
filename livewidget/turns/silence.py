"""Where a model never says that a turn is over, silence does."""

from __future__ import annotations

import sys
from array import array
from typing import Final

#: So long without a word or an audible sound, and what was being said is over.
SILENCE_MS: Final = 2000.0
#: Peaks below this are no sound: -50 dBFS of 16 bits. A model without anything to say may send all zeros.
AUDIBLE: Final = 104


class Silence:
    """How long it has been quiet. Time is an argument, in milliseconds of one clock."""

    def __init__(self) -> None:
        self._broken_ms: float | None = None

    def broken(self, now_ms: float) -> None:
        """Something was said."""
        self._broken_ms = now_ms

    def long_enough(self, now_ms: float) -> bool:
        """Return whether what was being said is over."""
        return self._broken_ms is not None and now_ms - self._broken_ms >= SILENCE_MS

    def settled(self) -> None:
        """What was being said has been closed: there is nothing to wait for."""
        self._broken_ms = None


def audible(pcm: bytes) -> bool:
    """Return whether PCM16 little-endian sound is more than silence."""
    samples = array("h", pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return len(samples) > 0 and (max(samples) >= AUDIBLE or min(samples) <= -AUDIBLE)
