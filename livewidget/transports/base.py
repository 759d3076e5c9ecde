"""What a transport is: something that moves text frames and knows nothing of their meaning."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

#: Seconds given to the closing handshake.
CLOSE_TIMEOUT: Final = 2


class TransportClosed(Exception):
    """The other side closed, or the link broke.

    Attributes:
        code: WebSocket close code; 1006 where the link broke without one.
        reason: The other side's words; may be empty.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with code {code}")
        self.code = code
        self.reason = reason


class Transport(Protocol):
    """One open, ordered, reliable link. Both ends of a link look like this."""

    @property
    def round_trip_ms(self) -> float | None:
        """How long a frame there and its answer back take, in ms, when last measured; None: not yet.

        A transport without this attribute is used like one that never measures: see `round_trip_of`.
        """

    async def send(self, frame: str | bytes) -> None:
        """Send one frame: text as a text frame, bytes as a binary one.

        Raises:
            TransportClosed: If the link is closed.
        """

    async def receive(self) -> str | bytes:
        """Return the next frame. Cancelling it loses no frame.

        Raises:
            TransportClosed: If the link is closed and every frame has been delivered.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the link; twice is allowed. `reason` is at most 123 bytes of UTF-8."""


def round_trip_of(transport: Transport) -> float | None:
    """Return the transport's round trip in ms; None where it has not measured one."""
    measured: float | None = getattr(transport, "round_trip_ms", None)
    return measured


async def close_quietly(transport: Transport, within: float = CLOSE_TIMEOUT + 1.0) -> None:
    """Close a link whose end nobody needs to hear about, and wait no longer than `within` seconds."""
    try:
        async with asyncio.timeout(within):
            await transport.close()
    except (TimeoutError, OSError, TransportClosed):
        pass
