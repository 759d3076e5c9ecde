"""Two transports joined back to back inside one event loop: no socket, no port."""

from __future__ import annotations

import asyncio
from collections import deque

from livewidget.transports.base import Transport, TransportClosed

#: Frames that may wait in one direction before `send` waits for the reader.
FRAMES_WAITING = 256


class _Lane:
    """One direction of a pair."""

    def __init__(self) -> None:
        self.frames: deque[str | bytes] = deque()
        self.closed: TransportClosed | None = None
        self.changed = asyncio.Event()

    async def wait(self) -> None:
        self.changed.clear()
        await self.changed.wait()


class MemoryTransport:
    """One end of a pair; see `Transport`. Both ends must be used on one event loop."""

    round_trip_ms: float | None = 0.0

    def __init__(self, inbound: _Lane, outbound: _Lane) -> None:
        self._inbound = inbound
        self._outbound = outbound

    async def send(self, frame: str | bytes) -> None:
        """Send one frame; wait while `FRAMES_WAITING` frames are unread.

        Raises:
            TransportClosed: If either end has closed.
        """
        lane = self._outbound
        while lane.closed is None and len(lane.frames) >= FRAMES_WAITING:
            await lane.wait()
        if lane.closed is not None:
            raise TransportClosed(lane.closed.code, lane.closed.reason)
        lane.frames.append(frame)
        lane.changed.set()

    async def receive(self) -> str | bytes:
        """Return the next frame. Cancelling it loses no frame.

        Raises:
            TransportClosed: If either end has closed and every frame has been delivered.
        """
        lane = self._inbound
        while not lane.frames:
            if lane.closed is not None:
                raise TransportClosed(lane.closed.code, lane.closed.reason)
            await lane.wait()
        frame = lane.frames.popleft()
        lane.changed.set()
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ways. What is on its way to the other end is still delivered there, not to this end."""
        self._inbound.frames.clear()
        for lane in (self._inbound, self._outbound):
            if lane.closed is None:
                lane.closed = TransportClosed(code, reason)
            lane.changed.set()


def pair() -> tuple[Transport, Transport]:
    """Return two ends of one link: what one sends, the other receives."""
    one, two = _Lane(), _Lane()
    return MemoryTransport(one, two), MemoryTransport(two, one)
