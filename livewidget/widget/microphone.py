"""The way of the user's voice from the page: in order, each chunk once, no old one as if it were live."""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.widget.lanes import Inbox
from livewidget.widget.messages import MicrophoneAudio

STALE_MS = 3500.0
WARM_UP_MS = 120.0
HOLE_MS = 600.0
WINDOW_MS = 15_000.0
MAX_CHUNK_BYTES = 16_000 * 2 * 10  # the page keeps ten seconds; no honest chunk is longer


@dataclass(frozen=True, slots=True)
class _Chunk:
    message: MicrophoneAudio
    data: bytes
    arrived_ms: float


class MicrophoneGate:
    """Decides which chunks go on to the model.

    The page stamps each chunk, and each of its reports, with its own clock. The smallest difference to this
    clock seen lately is taken for the honest one; a chunk that came `STALE_MS` later than that waited
    somewhere (a busy kernel, a suspended page) and is dropped. The reports tell the difference before the
    microphone is on; where none came in time, the first chunks wait `WARM_UP_MS` together, for of a whole
    backlog the oldest chunk alone would look fresh.

    Attributes:
        stale: How many chunks were dropped as too old.
        lost: How many never came.
    """

    def __init__(self) -> None:
        self.stale = 0
        self.lost = 0
        self._inbox: Inbox[_Chunk] = Inbox()
        self._hole_ms: float | None = None
        self._offset = float("inf")
        self._offset_before = float("inf")
        self._window_ms: float | None = None
        self.reset()

    def reset(self) -> None:
        """The microphone starts (anew). Numbers go on, and so do the clocks."""
        self._first_ms: float | None = None
        self._warming: list[_Chunk] = []

    @property
    def ack(self) -> int:
        """The highest number handled without a hole."""
        return self._inbox.last

    @property
    def resend(self) -> bool:
        """True while a chunk is missing that the page may still have."""
        return self._inbox.hole

    def begin(self, seq: int) -> None:
        """A page that counts from `seq` becomes the one with the microphone."""
        self._inbox = Inbox(last=seq - 1)
        self._hole_ms = None
        self.reset()

    def saw(self, page_ms: float, arrived_ms: float) -> None:
        """Something that the page sent at `page_ms` of its clock arrived."""
        # Two windows, so that a clock that drifts or a computer that slept does not make everything old for
        # ever.
        if self._window_ms is None or arrived_ms - self._window_ms > WINDOW_MS:
            self._window_ms = arrived_ms
            self._offset_before, self._offset = self._offset, float("inf")
        self._offset = min(self._offset, arrived_ms - page_ms)

    def age_ms(self, captured_ms: float, arrived_ms: float) -> float:
        """Return how long ago something was taken in the page; below 0 where the clocks are not known."""
        return arrived_ms - captured_ms - min(self._offset, self._offset_before)

    def receive(self, seq: int, message: MicrophoneAudio, data: bytes, now_ms: float) -> list[bytes]:
        """Take one chunk; returns the audio that may go on now, oldest first."""
        if len(data) > MAX_CHUNK_BYTES or len(data) % 2:
            data = b""
        ready = self._inbox.receive(seq, _Chunk(message, data, now_ms))
        if not self._inbox.hole:
            self._hole_ms = None
        elif self._hole_ms is None:
            self._hole_ms = now_ms
        return self._pass(ready, now_ms)

    def tick(self, now_ms: float) -> list[bytes]:
        """Time has passed: returns audio whose wait is over."""
        ready: list[_Chunk] = []
        if self._hole_ms is not None and now_ms - self._hole_ms > HOLE_MS:
            before = self._inbox.last
            ready = self._inbox.skip()
            self.lost += self._inbox.last - before - len(ready)
            self._hole_ms = now_ms if self._inbox.hole else None
        return self._pass(ready, now_ms)

    def _pass(self, ready: list[_Chunk], now_ms: float) -> list[bytes]:
        for chunk in ready:
            if not chunk.message.stale:
                self.saw(chunk.message.captured_ms, chunk.arrived_ms)
        if self._first_ms is None:
            if not ready:
                return []
            self._first_ms = now_ms
        if now_ms - self._first_ms < WARM_UP_MS:
            self._warming += ready
            return []
        ready, self._warming = self._warming + ready, []
        fresh = [chunk.data for chunk in ready if not self._is_stale(chunk)]
        self.stale += len(ready) - len(fresh)
        return [data for data in fresh if data]

    def _is_stale(self, chunk: _Chunk) -> bool:
        return chunk.message.stale or self.age_ms(chunk.message.captured_ms, chunk.arrived_ms) > STALE_MS
