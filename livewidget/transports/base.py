"""What a transport is: something that moves text frames and knows nothing of their meaning.

A link that is looked at: every frame both ways, and how it closed, in the order in which they passed.

What the address of a server says, before anything is dialled.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final, Protocol
from urllib.parse import urlsplit

from livewidget.errors import ConfigError

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


def check(url: str) -> tuple[str, bool]:
    """Return the host with its port as a person reads it, and whether the link is encrypted.

    Raises:
        ConfigError: If it is no address of a server, or would send a key over a network in the clear.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("ws", "wss") or not host:
        raise ConfigError(
            "The address of a Live API server begins with wss:// and a host, or with ws://127.0.0.1."
        )
    if parts.username or parts.password:
        raise ConfigError("The address of the server must not hold a name or a password.")
    name = f"[{host}]" if ":" in host else host
    at = f"{name}:{port}" if port else name
    if parts.scheme == "ws" and not _is_loopback_host(host):
        raise ConfigError(
            f"ws:// to {at} would send your key and your voice unencrypted over the network; "
            "use wss://, or ws:// to this computer (127.0.0.1) only."
        )
    return at, parts.scheme == "wss"


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this computer."""
    return _is_loopback_host(urlsplit(url).hostname or "")


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
