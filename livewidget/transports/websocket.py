"""Frames over a WebSocket that `dial` opens.

One POST over HTTP, for the little that the Live API has beside its WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import inspect
import logging
import socket
import ssl as tls
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection as WebSocketConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.protocol import State

from livewidget.errors import ConfigError, ConnectFailed, KeyRefused, LiveError, ModelNotFound, QuotaExceeded
from livewidget.transports.base import CLOSE_TIMEOUT, Transport, TransportClosed, check, is_loopback

#: Largest frame taken in, in bytes.
MAX_SIZE: Final = 32 * 2**20
#: Seconds between pings, and seconds that a pong may take: an event loop or a network may stall for long.
PING_INTERVAL: Final = 20
PING_TIMEOUT: Final = 60

# At level DEBUG websockets logs every header, the key's among them. This logger never goes there, whatever
# the level of the loggers above it.
_logger = logging.getLogger("livewidget.transports.websocket.quiet")
_logger.setLevel(logging.INFO)


class WebSocketTransport:
    """A `Transport` over an open WebSocket of either side."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    @property
    def round_trip_ms(self) -> float | None:
        """By the latest ping and its pong; the first are exchanged as soon as the link is open."""
        # Not every version of websockets that is allowed measures it.
        return getattr(self._socket, "latency", 0.0) * 1000 or None

    async def send(self, frame: str | bytes) -> None:
        """Send one frame: text as a text frame, bytes as a binary one.

        Raises:
            TransportClosed: If the link is closed.
        """
        with _ended_plainly(self._socket):
            await self._socket.send(frame)

    async def receive(self) -> str | bytes:
        """Return the next frame. Cancelling it loses no frame.

        Raises:
            TransportClosed: If the link is closed and every frame has been delivered.
        """
        with _ended_plainly(self._socket):
            return await self._socket.recv()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the link; twice is allowed. `reason` is cut at 123 bytes of UTF-8, the protocol's limit."""
        with contextlib.suppress(TransportClosed), _ended_plainly(self._socket):
            await self._socket.close(code, reason.encode()[:123].decode(errors="ignore"))


@contextlib.contextmanager
def _ended_plainly(socket: WebSocketConnection) -> Iterator[None]:
    """Make of every way in which a link is found closed the one of `Transport`."""
    try:
        yield
    except ConnectionClosed as error:
        raise _closed(error) from None
    except AttributeError:
        # asyncio cannot abort a link that was lost while its last bytes were being written.
        if socket.protocol.state is not State.CLOSED:
            raise
        raise _closed(socket.protocol.close_exc) from None


def _closed(error: ConnectionClosed) -> TransportClosed:
    """Say how a link ended: the other side's close frame, or 1006 and what this side found."""
    if error.rcvd is not None and (error.rcvd_then_sent or error.sent is None or error.sent.code == 1000):
        return TransportClosed(error.rcvd.code, error.rcvd.reason)
    if error.sent is not None and error.sent.code != 1000:
        return TransportClosed(1006, error.sent.reason or f"closed here with code {error.sent.code}")
    return TransportClosed(error.sent.code if error.sent is not None else 1006)


class _Connect(connect):
    """Never follows a redirect: it would take the key in the header to a host that nobody chose."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    open_timeout: float = 10.0,
    cafile: str | None = None,
    proxy: str | bool = True,
    max_size: int = MAX_SIZE,
) -> Transport:
    """Open a link to a server.

    Frames are not compressed: deflate takes off what base64 has added, a quarter, and delays every chunk.

    Args:
        url: `wss://…`, or `ws://…` to this computer only. It must not hold a key.
        headers: Sent with the opening request; the place for a key.
        open_timeout: Seconds for name, TCP, TLS and WebSocket handshake together.
        cafile: A file of PEM certificates to trust in place of the system's.
        proxy: True for the one of the environment (`HTTPS_PROXY` …), False for none, or its URL.
        max_size: Largest frame taken in, in bytes.

    Raises:
        ConfigError: If the URL is none, or would send the key over a network in the clear.
        ConnectFailed: If nothing answers, its certificate is not trusted, or it is no WebSocket server.
        KeyRefused, ModelNotFound, QuotaExceeded: If the server refuses with HTTP 401 or 403, 404, 429.
    """
    at, secure = check(url)
    options: dict[str, Any] = {"ssl": trust(cafile)} if secure else {}
    # `proxy` came with websockets 15; before that there was none. Loopback is never behind one.
    if "proxy" in inspect.signature(connect).parameters:
        options["proxy"] = None if proxy is False or is_loopback(url) else proxy
    try:
        opened = await _Connect(
            url,
            additional_headers=dict(headers or {}),
            compression=None,
            open_timeout=open_timeout,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=max_size,
            logger=_logger,
            user_agent_header="livewidget",
            **options,
        )
    except (OSError, WebSocketException, ValueError) as error:
        # `from None`: what is chained below may show the request with its headers.
        raise failed(error, at, open_timeout) from None
    return await _measured(opened)


async def _measured(opened: ClientConnection) -> Transport:
    """Return the link, with its round trip being measured: the next ping comes after `PING_INTERVAL` only."""
    with contextlib.suppress(ConnectionClosed):
        await opened.ping()
    return WebSocketTransport(opened)


def trust(cafile: str | None) -> tls.SSLContext:
    """Return whom to trust: the system's authorities, or those in a file.

    Raises:
        ConfigError: If the file cannot be read.
    """
    try:
        return tls.create_default_context(cafile=cafile)
    except (OSError, tls.SSLError):
        raise ConfigError("The file of certificates to trust cannot be read as PEM; check cafile.") from None


def failed(error: Exception, host: str, open_timeout: float) -> LiveError:
    """Return the plain error for a link that could not be opened."""
    if isinstance(error, InvalidStatus):
        return refused(error.response.status_code, host)
    if isinstance(error, InvalidURI):
        return ConfigError("The address of the Live API server cannot be read.")
    if isinstance(error, TimeoutError):
        return ConnectFailed(
            f"{host} did not answer within {open_timeout:g} s; check the network, then try again."
        )
    if isinstance(error, tls.SSLCertVerificationError):
        return ConnectFailed(
            f"The certificate of {host} is not trusted ({error.verify_message or 'it cannot be verified'}); "
            "for a server of your own give its certificate as cafile=…"
        )
    if isinstance(error, tls.SSLError):
        return ConnectFailed(f"No encrypted connection to {host} could be made: does it speak wss://?")
    if "Proxy" in type(error).__name__:  # Several classes, and none of them before websockets 15.
        return ConnectFailed(
            f"The proxy on the way to {host} did not let the connection through; check HTTPS_PROXY."
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectFailed(f"Nothing listens at {host}; is the server running there?")
    if isinstance(error, ConnectionError):
        return ConnectFailed(f"{host} broke the connection off at once; does it speak the Live API there?")
    if isinstance(error, OSError):
        return _unreachable(error, host)
    return ConnectFailed(f"{host} answered, but not as a Live API server; check the address.")


def _unreachable(error: OSError, host: str) -> LiveError:
    if isinstance(error, socket.gaierror):
        return ConnectFailed(
            f"The name {host} cannot be found; check its spelling and the network connection."
        )
    # asyncio puts several failed addresses of one name into a plain OSError.
    cause = f" ({error.strerror})" if error.errno and error.strerror and "(" not in error.strerror else ""
    return ConnectFailed(f"No connection to {host} could be made{cause}; check the network connection.")


def refused(status: int, host: str) -> LiveError:
    """Return the plain error for an HTTP status in place of what was asked for."""
    if status in (401, 403):
        return KeyRefused(
            f"{host} does not accept this key or credential (HTTP {status}); "
            "check it, and that it may use the Live API.",
            code=status,
        )
    if status == 404:
        return ModelNotFound(
            f"{host} has no Live API at this address (HTTP 404); check model, location and API version.",
            code=404,
        )
    if status == 409:
        return ConnectFailed(
            f"{host} holds an earlier connection still (HTTP 409); wait a moment, then try again."
        )
    if status == 429:
        return QuotaExceeded(
            f"{host} says that the quota is used up (HTTP 429); wait, or check your plan.", code=429
        )
    if 300 <= status < 400:
        return ConnectFailed(
            f"{host} sends elsewhere (HTTP {status}), and your key is not taken there; check the address."
        )
    if status >= 500:
        return ConnectFailed(f"{host} has a fault of its own (HTTP {status}); try again in a while.")
    return ConnectFailed(f"{host} refused the connection (HTTP {status}); check the address.")


#: Largest answer taken in, in bytes.
MAX_ANSWER: Final = 2**20
#: Seconds for each step of the exchange: name, TCP, TLS, answer.
TIMEOUT: Final = 20.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows none: it would take the key in the header to a host that nobody chose."""

    def redirect_request(self, *_: Any) -> None:
        return None


async def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    cafile: str | None = None,
    timeout_s: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Send JSON and return the status and the body of the answer, whatever the status.

    Args:
        url: `wss://…` or `ws://…`, as for the WebSocket of the same server; asked is `https` or `http`.
        body: JSON.
        headers: Sent with it; the place for a key.
        cafile: A file of PEM certificates to trust in place of the system's.
        timeout_s: Seconds for each step of the exchange.

    Raises:
        ConfigError: If the URL is none, or would send the key over a network in the clear.
        ConnectFailed: If nothing answers, or its certificate is not trusted.
    """
    host, secure = check(url)
    handlers: list[Any] = [_NoRedirect()]
    if secure:
        handlers.append(urllib.request.HTTPSHandler(context=trust(cafile)))
    if is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        "http" + url.removeprefix("ws"),
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": "livewidget", **headers},
        method="POST",
    )
    try:
        # urllib blocks.
        return await asyncio.to_thread(_exchange, urllib.request.build_opener(*handlers), request, timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # `from None`: what is chained below may show the request with its headers.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        problem = cause if isinstance(cause, Exception) else OSError(str(cause))
        raise failed(problem, host, timeout_s) from None


def _exchange(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout_s: float
) -> tuple[int, bytes]:
    try:
        with contextlib.closing(opener.open(request, timeout=timeout_s)) as answer:
            return answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_ANSWER)
