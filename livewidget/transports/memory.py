"""Two transports connected to each other within one event loop: no socket, no port."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from livewidget.errors import LiveError
from livewidget.transports.base import TransportClosed

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
            raise _again(direction.closed)
        direction.frames.append(frame)
        direction.changed.set()

    async def receive(self) -> str | bytes:
        """Return the next frame; see `Transport`."""
        direction = self._inbound
        while not direction.frames:
            if direction.closed is not None:
                raise _again(direction.closed)
            await direction.wait()
        frame = direction.frames.popleft()
        direction.changed.set()
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both directions. Frames on their way to the other end are still delivered there, not here."""
        self.close_now(code, reason)

    def close_now(self, code: int = 1000, reason: str = "", error: LiveError | None = None) -> None:
        """Like `close`, without an await. `error`: what the other end is told, in place of a code."""
        self._inbound.frames.clear()
        for direction in (self._inbound, self._outbound):
            if direction.closed is None:
                direction.closed = TransportClosed(code, reason, error)
            direction.changed.set()


Serve = Callable[[MemoryTransport], Coroutine[Any, Any, None]]
"""Serves the server's end of a pair, until it is closed."""


def _again(closed: TransportClosed) -> TransportClosed:
    """Return another one of these: an exception that is raised twice collects the frames of both."""
    return TransportClosed(closed.code, closed.reason, closed.error)


def pair() -> tuple[MemoryTransport, MemoryTransport]:
    """Return two transports: what one sends, the other receives."""
    one, two = _Direction(), _Direction()
    return MemoryTransport(one, two), MemoryTransport(two, one)


class ServedTransport:
    """The client's end of a pair whose other end a task serves.

    The transport is closed when the task ends, and `close` waits until it has.

    Args:
        serve: Is given the server's end. What it raises as a `LiveError` is what the client is told.
        name: Of the task.
    """

    round_trip_ms: float | None = 0.0

    def __init__(self, serve: Serve, name: str = "served") -> None:
        self._client, self._server = pair()
        self._task = asyncio.create_task(self._run(serve), name=name)

    async def _run(self, serve: Serve) -> None:
        try:
            await serve(self._server)
        except TransportClosed:
            pass
        except LiveError as error:
            self._server.close_now(1011, "", error)
        except Exception:
            self._server.close_now(1011)  # Else the client would wait for ever.
            raise
        finally:
            self._server.close_now()

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        await self._client.send(frame)

    async def receive(self) -> str | bytes:
        """Return the next frame."""
        return await self._client.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close both ends, and wait until the task has ended."""
        self._client.close_now(code, reason)
        await asyncio.wait([self._task])
