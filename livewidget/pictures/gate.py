"""Which frames of a camera or a screen are worth sending: at most one a second, and only what is new."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, Literal

from livewidget.pictures.picture import Picture
from livewidget.pictures.show import reading

#: The service takes one frame a second.
INTERVAL_MS: Final = 1000.0
#: A frame that does not change is sent again after this while: seen long ago is not seen now.
KEY_MS: Final = 10_000.0
#: Mean difference of the gray of two frames, 0 to 255, from which they count as different. A camera's noise,
#: averaged over a cell of a thumbnail, stays below.
CHANGE: Final = 2.0
#: Difference of one cell that is enough alone: a line that is typed on a screen is small.
CELL_CHANGE: Final = 24.0
#: Cells of the thumbnail in each direction.
CELLS: Final = 32

Why = Literal["first", "changed", "key", "unchanged", "soon"]


@dataclass(frozen=True)
class Verdict:
    """Whether a frame is to be sent, and why.

    Attributes:
        sends: Whether it is.
        why: "first"; "changed"; "key": nothing new for long; "unchanged"; "soon": less than a second after
            the frame before, not looked at.
        difference: Mean difference to the frame sent last, in gray levels, 0 to 255.
    """

    sends: bool
    why: Why
    difference: float = 0.0


class Gate:
    """Compares each frame with the one sent last, as 32 × 32 gray cells."""

    def __init__(
        self, *, interval_ms: float = INTERVAL_MS, key_ms: float = KEY_MS, change: float = CHANGE
    ) -> None:
        self._interval_ms = interval_ms
        self._key_ms = key_ms
        self._change = change
        self._last: bytes | None = None
        self._sent_ms = float("-inf")

    def look(self, picture: Picture | bytes, now_ms: float) -> Verdict:
        """Judge a frame; one that is to be sent is what the next are compared with.

        Args:
            picture: The frame, or the bytes of its file.
            now_ms: A clock that never goes back, in ms.

        Raises:
            PictureError: If it cannot be read.
        """
        if now_ms - self._sent_ms < self._interval_ms:
            return Verdict(False, "soon")
        cells = _cells(picture if isinstance(picture, bytes) else picture.data)
        verdict = self._judge(cells, now_ms)
        if verdict.sends:
            self._last, self._sent_ms = cells, now_ms
        return verdict

    def reset(self) -> None:
        """The next frame is of something else: it is a first one, a second after the last."""
        self._last = None

    def _judge(self, cells: bytes, now_ms: float) -> Verdict:
        if self._last is None:
            return Verdict(True, "first")
        apart = [abs(one - other) for one, other in zip(cells, self._last, strict=True)]
        mean = sum(apart) / len(apart)
        if mean >= self._change or max(apart) >= CELL_CHANGE:
            return Verdict(True, "changed", mean)
        if now_ms - self._sent_ms >= self._key_ms:
            return Verdict(True, "key", mean)
        return Verdict(False, "unchanged", mean)


def _cells(data: bytes) -> bytes:
    """Return a picture as 32 × 32 bytes of gray."""
    with reading(io.BytesIO(data)) as image:
        image.draft("L", (4 * CELLS, 4 * CELLS))  # of a JPEG no more is decoded than is needed
        return image.convert("L").resize((CELLS, CELLS), resample=4).tobytes()  # 4: box
