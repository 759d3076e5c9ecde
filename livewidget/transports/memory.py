"""Two transports connected to each other within one event loop: no socket, no port."""

from __future__ import annotations

import asyncio
from collections import deque

from livewidget.transports.base import Transport, TransportClosed

#: Frames that may wait in one direction before `send` waits for the reader. Chosen: ten seconds of audio in
#: chunks of 40 ms.
FRAMES_WAITING = 256


class _Direction:
    """One direction of a pair."""

    def __init__(self) -> None:
        self.frames: deque[str | bytes] = deque()
        self.closed: TransportClosed | None = None
        self.changed = asyncio.Event()

    async def wait(self) -> None:
        self.changed.clear()
        await self.changed.wait()


class MemoryTransport:
    """One end of a pair; see `Transport`. Both ends must be used on the same event loop."""

    round_trip_ms: float | None = 0.0

    def __init__(self, inbound: _Direction, outbound: _Direction) -> None:
        self._inbound = inbound
        self._outbound = outbound

    async def send(self, frame: str | bytes) -> None:
        """Send one frame; wait while `FRAMES_WAITING` frames are unread."""
        direction = self._outbound
        while direction.closed is None and len(direction.frames) >= FRAMES_WAITING:
            await direction.wait()
        if direction.closed is not None:
            raise TransportClosed(direction.closed.code, direction.closed.reason)
        direction.frames.append(frame)
        direction.changed.set()

    async def receive(self) -> str | bytes:
        """Return the next frame; see `Transport`."""
        direction = self._inbound
        while not direction.frames:
            if direction.closed is not None:
                raise TransportClosed(direction.closed.code, direction.closed.reason)
            await direction.wait()
        frame = direction.frames.popleft()
        direction.changed.set()
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both directions. Frames on their way to the other end are still delivered there, not here."""
        self._inbound.frames.clear()
        for direction in (self._inbound, self._outbound):
            if direction.closed is None:
                direction.closed = TransportClosed(code, reason)
            direction.changed.set()


def pair() -> tuple[Transport, Transport]:
    """Return two transports: what one sends, the other receives."""
    one, two = _Direction(), _Direction()
    return MemoryTransport(one, two), MemoryTransport(two, one)
