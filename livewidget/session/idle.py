"""Sends no silence for hours: after a while without a voice the sound stops, and starts again with the next.

The service counts and bills silence as it does speech. What a voice begins with is kept: the half second
before it was noticed goes out first, so that no word is cut.
"""

from __future__ import annotations

from collections import deque
from typing import Final

#: Sound kept while nothing is sent, to go before the voice that ends the pause.
BEFORE_MS: Final = 500.0


class IdlePause:
    """Decides of each piece of sound whether it goes out.

    Attributes:
        paused: Whether nothing is sent at the moment.
    """

    def __init__(self, after_ms: float | None) -> None:
        """Pause after so many milliseconds of sound without a voice; None: never."""
        self.paused = False
        self._after_ms = after_ms
        self._quiet_ms = 0.0
        self._kept: deque[tuple[bytes, float]] = deque()
        self._kept_ms = 0.0

    def take(self, piece: bytes, ms: float, *, voiced: bool, busy: bool) -> list[bytes]:
        """Take a piece of sound; returns what goes out now, oldest first.

        Args:
            piece: The sound.
            ms: Its length.
            voiced: Whether somebody may be speaking in it.
            busy: Whether a turn is on, or silence may not be left out.
        """
        if voiced or busy or self._after_ms is None:
            self._quiet_ms = 0.0
            return [*self.awake(), piece]
        if self.paused:
            self._keep(piece, ms)
            return []
        self._quiet_ms += ms
        self.paused = self._quiet_ms >= self._after_ms
        return [piece]

    def awake(self) -> list[bytes]:
        """End the pause; returns what was kept."""
        kept = [piece for piece, _ in self._kept]
        self.paused = False
        self._kept.clear()
        self._kept_ms = self._quiet_ms = 0.0
        return kept

    def _keep(self, piece: bytes, ms: float) -> None:
        self._kept.append((piece, ms))
        self._kept_ms += ms
        while self._kept_ms - self._kept[0][1] >= BEFORE_MS:
            self._kept_ms -= self._kept.popleft()[1]
