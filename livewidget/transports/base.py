"""`Transport`: moves frames and knows nothing of their meaning.

`check_address` makes sure, before anything is dialed, that an address cannot leak a key.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from livewidget.errors import ConfigError, LiveError
from livewidget.secret import Secret

#: Seconds given to the closing handshake. Chosen: several round trips, and nobody waits longer to close.
CLOSE_TIMEOUT: Final = 2


class TransportClosed(Exception):
    """The other side closed the transport, or it broke.

    Attributes:
        code: WebSocket close code; 1006 if it broke without one.
        reason: The other side's words; may be empty.
        error: What ended it, where the other end is in this process and knows; else None.
    """

    def __init__(self, code: int, reason: str = "", error: LiveError | None = None) -> None:
        super().__init__(f"closed with code {code}")
        self.code = code
        self.reason = reason
        self.error = error


@dataclass(frozen=True, slots=True)
class SentByPage:
    """The user's audio that the page itself sent over its socket, and keeps for a while.

    Attributes:
        first: Its first sample, by the page's count of what its microphone gave.
        samples: Its length, in samples at 16 kHz.
    """

    first: int
    samples: int


@dataclass(frozen=True, slots=True)
class SentImage:
    """A picture that the page itself sent over its socket.

    Attributes:
        number: Its number, by the page's count.
        mime_type: Such as "image/jpeg".
        size: In bytes.
    """

    number: int
    mime_type: str
    size: int


class Transport(Protocol):
    """One open, ordered, reliable connection that carries frames. Both of its ends look like this.

    One over a socket that a page holds has these as well; elsewhere they are missing:

    * `received_ms: float | None`: when the frame that `receive` returned last reached the page, by the
      session's clock.
    * `is_held_up: bool`: whether what the page has received waits for a kernel that is busy. Then silence
      says nothing about the server.
    * `ready()`: everything that comes first has been sent, and the page may let the microphone follow.
    * `release()`: no call of a tool holds the microphone back any more.
    * `async resend(first: int, samples: int) -> bool`: the page sends that audio again. Returns False where
      the page that had it is gone.
    * `async resend_image(number: int) -> bool`: likewise for a picture.
    """

    @property
    def round_trip_ms(self) -> float | None:
        """The latest measured round trip in ms; None if there is none yet.

        A transport without this attribute is treated as one that never measures.
        """

    async def send(self, frame: str | bytes) -> None:
        """Send one frame: text as a text frame, bytes as a binary one.

        Raises:
            TransportClosed: If the transport is closed.
        """

    async def receive(self) -> str | bytes:
        """Return the next frame. Cancelling it loses no frame.

        Raises:
            TransportClosed: If the transport is closed and every frame has been delivered.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the transport; may be called again.

        Args:
            code: WebSocket close code.
            reason: At most `REASON_BYTES` bytes of UTF-8.
        """


async def close_quietly(transport: Transport, within: float = CLOSE_TIMEOUT + 1.0) -> None:
    """Close a transport, ignore errors, and wait no longer than `within` seconds."""
    try:
        async with asyncio.timeout(within):
            await transport.close()
    except (TimeoutError, OSError, TransportClosed):
        pass


def check_address(url: str | Secret) -> tuple[str, bool]:
    """Return the host with its port as a person reads it, and whether the connection is encrypted.

    Raises:
        ConfigError: If it is not the address of a server, or would send a key unencrypted over a network.
    """
    url = Secret(url)  # What is wrong with it may be that it holds a password.
    scheme, host, port, has_login = _parts_of(url)
    if scheme not in ("ws", "wss") or not host:
        raise ConfigError(
            "The address of a Live API server begins with wss:// and a host, or with ws://127.0.0.1."
        )
    if has_login:
        raise ConfigError("The address of the server must not hold a name or a password.")
    name = f"[{host}]" if ":" in host else host
    at = f"{name}:{port}" if port else name
    if scheme == "ws" and not _is_loopback_host(host):
        raise ConfigError(
            f"ws:// to {at} would send your key and your voice unencrypted over the network; "
            "use wss://, or ws:// to this computer (127.0.0.1) only."
        )
    return at, scheme == "wss"


def _parts_of(url: Secret) -> tuple[str, str | None, int | None, bool]:
    """Return scheme, host and port of an address, and whether it holds a name or a password."""
    try:
        parts = urlsplit(url.reveal())
        return parts.scheme, parts.hostname, parts.port, parts.username is not None
    except ValueError:
        return "", None, None, False


def is_loopback(url: str | Secret) -> bool:
    """Whether `url` leads to this computer."""
    return _is_loopback_host(_parts_of(Secret(url))[1] or "")


def _is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
