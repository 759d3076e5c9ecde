"""A link that is looked at: every frame both ways, and how it closed, in the order in which they passed."""

from __future__ import annotations

from typing import Protocol

from livewidget.transports.base import Transport, TransportClosed, round_trip_of


class Tap(Protocol):
    """Who looks. It is called at once with every frame, and must be quick."""

    def frame(self, outgoing: bool, frame: str | bytes) -> None:
        """A frame was sent, or has come."""

    def closed(self, outgoing: bool, code: int, reason: str) -> None:
        """The link was closed by this side (`outgoing`) or by the other; told once."""


class TappedTransport:
    """A `Transport` that shows what passes; see `Tap`."""

    def __init__(self, transport: Transport, tap: Tap) -> None:
        self._transport = transport
        self._tap = tap
        self._closed = False

    @property
    def round_trip_ms(self) -> float | None:
        """As of the link itself."""
        return round_trip_of(self._transport)

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        try:
            await self._transport.send(frame)
        except TransportClosed as closed:
            self._tell(False, closed.code, closed.reason)
            raise
        self._tap.frame(True, frame)

    async def receive(self) -> str | bytes:
        """Return the next frame."""
        try:
            frame = await self._transport.receive()
        except TransportClosed as closed:
            self._tell(False, closed.code, closed.reason)
            raise
        self._tap.frame(False, frame)
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the link."""
        self._tell(True, code, reason)
        await self._transport.close(code, reason)

    def _tell(self, outgoing: bool, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            self._tap.closed(outgoing, code, reason)
