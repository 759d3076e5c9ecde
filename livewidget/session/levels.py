"""Voice or the room? By level alone: whoever is in doubt hears a voice."""

from __future__ import annotations

from typing import Final

#: Samples of one look: 20 ms at 16 kHz.
WINDOW: Final = 320
#: A voice is so much louder than the room: 8 dB.
ABOVE: Final = 2.5
#: The threshold is never lower (-55 dBFS) or higher (-36 dBFS), in shares of full scale.
LOWEST: Final = 10 ** (-55 / 20)
HIGHEST: Final = 10 ** (-36 / 20)
#: What the room is thought to be before anything was heard: -58 dBFS.
FIRST: Final = LOWEST / 1.4
#: In a room that gets louder, the floor follows by half a decibel in a second.
RISE: Final = 10 ** (0.5 / 20 / 50)


class Levels:
    """Follows the level of the room, the quietest that is heard, and finds what is louder."""

    def __init__(self) -> None:
        self._floor = FIRST

    def voiced(self, pcm: bytes) -> bool:
        """Take PCM16 little-endian at 16 kHz; return whether any 20 ms of it may be a voice."""
        import numpy as np

        samples = np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32)
        if not len(samples):
            return False
        count = max(1, len(samples) // WINDOW)
        windows = samples[: count * WINDOW].reshape(count, -1) if count > 1 else samples[None]
        loud = np.sqrt(np.mean(windows * windows, axis=1)) / 32_768
        quietest, loudest = float(loud.min()), float(loud.max())
        found = loudest > min(max(self._floor * ABOVE, LOWEST), HIGHEST)
        self._floor = quietest if quietest < self._floor else self._floor * RISE**count
        return found
