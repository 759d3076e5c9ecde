"""`dial` opens a WebSocket as a transport; `post` sends one HTTP request to the same server.

HTTP is for the little that the Live API has besides its WebSocket: making ephemeral tokens.
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

from livewidget.errors import (
    REASON_BYTES,
    ConfigError,
    ConnectFailed,
    KeyRefused,
    LiveError,
    ModelNotFound,
    QuotaExceeded,
)
from livewidget.secret import Secret, cut, hide, reveal_all, secrets_of
from livewidget.transports.base import (
    CLOSE_TIMEOUT,
    Transport,
    TransportClosed,
    check_address,
    is_loopback,
)

#: Largest frame received, in bytes. Chosen: far above any frame of the service, and still bounded.
MAX_SIZE: Final = 32 * 2**20
#: Seconds between pings. Chosen: a few are due before a silent connection counts as broken.
PING_INTERVAL: Final = 10
#: Seconds that a pong may take. Chosen: a notebook's event loop or a network may stall for half a minute.
PING_TIMEOUT: Final = 60

# At level DEBUG websockets logs every header, including the one with the key. This logger stays above that
# level, whatever the level of its parents.
_logger = logging.getLogger("livewidget.transports.websocket.quiet")
_logger.setLevel(logging.INFO)


class WebSocketTransport:
    """A `Transport` over an open WebSocket of either side."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    @property
    def bytes_received(self) -> int | None:
        """Bytes that have come so far, answers to pings included; None on the server's side."""
        return getattr(self._socket, "bytes_received", None)

    @property
    def round_trip_ms(self) -> float | None:
        """As measured by the latest ping; the first is sent as soon as the WebSocket is open."""
        # Not every supported version of websockets measures it.
        return getattr(self._socket, "latency", 0.0) * 1000 or None

    async def send(self, frame: str | bytes) -> None:
        """Send one frame; see `Transport`."""
        with _closed_uniformly(self._socket):
            await self._socket.send(frame)

    async def receive(self) -> str | bytes:
        """Return the next frame; see `Transport`."""
        with _closed_uniformly(self._socket):
            return await self._socket.recv()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket; may be called again. `reason` is cut off at `REASON_BYTES` bytes of UTF-8."""
        with contextlib.suppress(TransportClosed), _closed_uniformly(self._socket):
            await self._socket.close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))


@contextlib.contextmanager
def _closed_uniformly(socket: WebSocketConnection) -> Iterator[None]:
    """Turn every way in which websockets reports a closed connection into `TransportClosed`."""
    try:
        yield
    except ConnectionClosed as error:
        raise _closed(error) from None
    except AttributeError:
        # asyncio cannot abort a connection that was lost while its last bytes were being written.
        if socket.protocol.state is not State.CLOSED:
            raise
        raise _closed(socket.protocol.close_exc) from None


def _closed(error: ConnectionClosed) -> TransportClosed:
    """Return how a connection ended: the other side's close frame, or 1006 and this side's reason."""
    if error.rcvd is not None and (error.rcvd_then_sent or error.sent is None or error.sent.code == 1000):
        return TransportClosed(error.rcvd.code, error.rcvd.reason)
    if error.sent is not None and error.sent.code != 1000:
        return TransportClosed(1006, error.sent.reason or f"closed here with code {error.sent.code}")
    return TransportClosed(error.sent.code if error.sent is not None else 1006)


class _CountingConnection(ClientConnection):
    """Counts what comes, so that it can be told whether anything does: websockets keeps pongs to itself."""

    bytes_received = 0

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        super().data_received(data)


class _Connect(connect):
    """Never follows a redirect, which would send the key in the header to a host that nobody chose."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def dial(
    url: str | Secret,
    *,
    headers: Mapping[str, str | Secret] | None = None,
    open_timeout: float = 10.0,
    cafile: str | None = None,
    proxy: str | bool | Secret = True,
    max_size: int = MAX_SIZE,
) -> Transport:
    """Open a WebSocket to a server.

    Frames are not compressed: deflate only removes what base64 has added, a quarter, and delays every chunk.

    Args:
        url: `wss://…`, or `ws://…` to this computer only.
        headers: Sent with the opening request; they may hold a key. No error shows them, nor the address.
        open_timeout: Seconds for name, TCP, TLS and WebSocket handshake together.
        cafile: A file of PEM certificates to trust in place of the system's.
        proxy: True for the one of the environment (`HTTPS_PROXY` …), False for none, or its URL.
        max_size: Largest frame received, in bytes.

    Raises:
        ConfigError: If the URL is invalid, or would send the key unencrypted over a network.
        ConnectFailed: If nothing answers, its certificate is not trusted, or it is not a WebSocket server.
        KeyRefused, ModelNotFound, QuotaExceeded: If the server refuses with HTTP 401 or 403, 404, 429.
    """
    url, headers = Secret(url), secrets_of(headers)
    proxy = hide(proxy)
    at, secure = check_address(url)
    options: dict[str, Any] = {"ssl": tls_context(cafile)} if secure else {}
    # `proxy` came with websockets 15, which uses one by default. Loopback is never behind one.
    if "proxy" in inspect.signature(connect).parameters:
        options["proxy"] = None if proxy is False or is_loopback(url) else proxy
    failed: BaseException
    try:
        opened = await _Connect(
            url.reveal(),
            additional_headers=reveal_all(headers),
            compression=None,
            open_timeout=open_timeout,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=max_size,
            create_connection=_CountingConnection,
            logger=_logger,
            user_agent_header="livewidget",
            **_revealed(options),
        )
    except (OSError, WebSocketException, ValueError) as error:
        failed = error_for_failure(error, at, open_timeout)
    except BaseException as error:  # such as being cancelled: its traceback leads through websockets, too
        failed = error
    else:
        with contextlib.suppress(ConnectionClosed):
            await opened.ping()  # websockets sends its own first ping only after `PING_INTERVAL`.
        return WebSocketTransport(opened)
    # Not where it was caught: frames of websockets hold the headers and the proxy's password.
    raise cut(failed)


def _revealed(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.reveal() if isinstance(one, Secret) else one for name, one in options.items()}


def tls_context(cafile: str | None) -> tls.SSLContext:
    """Return a context that trusts the system's authorities, or those in a file.

    Raises:
        ConfigError: If the file cannot be read.
    """
    try:
        return tls.create_default_context(cafile=cafile)
    except (OSError, tls.SSLError):
        raise ConfigError("The file of certificates to trust cannot be read as PEM; check cafile.") from None


def error_for_failure(error: Exception, host: str, open_timeout: float) -> LiveError:
    """Return the error for a connection that could not be opened."""
    if isinstance(error, InvalidStatus):
        return error_for_status(error.response.status_code, host)
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
    if isinstance(error, socket.gaierror):
        return ConnectFailed(
            f"The name {host} cannot be found; check its spelling and the network connection."
        )
    if isinstance(error, OSError):
        # asyncio puts several failed addresses of one name into a plain OSError.
        cause = f" ({error.strerror})" if error.errno and error.strerror and "(" not in error.strerror else ""
        return ConnectFailed(f"No connection to {host} could be made{cause}; check the network connection.")
    return ConnectFailed(f"{host} answered, but not as a Live API server; check the address.")


def error_for_status(status: int, host: str) -> LiveError:
    """Return the error for an HTTP status that is not the expected one."""
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


#: Largest answer received, in bytes. Chosen: far above an ephemeral token's.
MAX_ANSWER: Final = 2**20
#: Seconds for each step of a request: name, TCP, TLS, answer. Chosen: twice the time to open a WebSocket.
TIMEOUT: Final = 20.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Never follows a redirect, which would send the key in the header to a host that nobody chose."""

    def redirect_request(self, *_: Any) -> None:
        return None


async def post(
    url: str | Secret,
    body: bytes,
    *,
    headers: Mapping[str, str | Secret],
    cafile: str | None = None,
    timeout_s: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Send JSON and return the status and the body of the answer, whatever the status.

    Args:
        url: `wss://…` or `ws://…`, as for the WebSocket of the same server; requested is `https` or `http`.
        body: JSON.
        headers: Sent with the request; they may hold a key. No error shows them, nor the address.
        cafile: A file of PEM certificates to trust in place of the system's.
        timeout_s: Seconds for each step of the request.

    Raises:
        ConfigError: If the URL is invalid, or would send the key unencrypted over a network.
        ConnectFailed: If nothing answers, or its certificate is not trusted.
    """
    url, headers = Secret(url), secrets_of(headers)
    host, secure = check_address(url)
    handlers: list[Any] = [_NoRedirect()]
    if secure:
        handlers.append(urllib.request.HTTPSHandler(context=tls_context(cafile)))
    if is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))
    failed: BaseException
    try:
        # urllib blocks.
        return await asyncio.to_thread(_exchange, handlers, url, body, headers, timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        problem = cause if isinstance(cause, Exception) else OSError(str(cause))
        failed = error_for_failure(problem, host, timeout_s)
    except BaseException as error:
        failed = error
    # Not where it was caught: frames of urllib hold the headers.
    raise cut(failed)


def _exchange(
    handlers: list[Any], url: Secret, body: bytes, headers: dict[str, Secret], timeout_s: float
) -> tuple[int, bytes]:
    # It reads the proxies of the environment, whose addresses may hold a password.
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(
        "http" + url.reveal().removeprefix("ws"),
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": "livewidget", **reveal_all(headers)},
        method="POST",
    )
    try:
        with contextlib.closing(opener.open(request, timeout=timeout_s)) as answer:
            return answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_ANSWER)
