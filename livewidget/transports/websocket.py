"""`dial` opens a WebSocket as a transport; `post` sends one HTTP request to the same server.

HTTP is for the little that the Live API has besides its WebSocket: making ephemeral tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import http.client
import importlib.util
import inspect
import logging
import os
import re
import socket
import ssl as tls
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection as WebSocketConnection
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.protocol import State

from livewidget.errors import (
    REASON_BYTES,
    ConfigError,
    ConnectFailed,
    ExtraMissing,
    KeyRefused,
    LiveError,
    ModelNotFound,
    QuotaExceeded,
    ServiceError,
)
from livewidget.protocol.inspect import redact
from livewidget.secret import Secret, cut, hide, reveal, reveal_all, secrets_of
from livewidget.transports.base import (
    CLOSE_TIMEOUT,
    Transport,
    TransportClosed,
    check_address,
    is_loopback,
)

#: Largest frame received, in bytes. Chosen: far above any frame of the service, and still bounded.
MAX_SIZE: Final = 32 * 2**20
#: Bytes that the system may hold without having sent them. Chosen: 0.7 s of audio as it is sent, in base64.
UNSENT_BYTES: Final = 2**15
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
        raise how_closed(error) from None
    except AttributeError:
        # asyncio cannot abort a connection that was lost while its last bytes were being written.
        if socket.protocol.state is not State.CLOSED:
            raise
        raise how_closed(socket.protocol.close_exc) from None


def how_closed(error: ConnectionClosed) -> TransportClosed:
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
        proxy: True for the one of the environment (`HTTPS_PROXY`, `ALL_PROXY` …), False for none, or its URL.
        max_size: Largest frame received, in bytes.

    Raises:
        ConfigError: If the URL is invalid, or would send the key unencrypted over a network.
        ConnectFailed: If nothing answers, its certificate is not trusted, or it is not a WebSocket server.
        KeyRefused, ModelNotFound, QuotaExceeded, ServiceError: If the server refuses with HTTP 401, 404, 429,
            403.
        ExtraMissing: If the proxy is a SOCKS proxy, and python-socks is not installed.
    """
    url, headers = Secret(url), secrets_of(headers)
    proxy = hide(proxy)
    at, secure = check_address(url)
    options: dict[str, Any] = {"ssl": tls_context(cafile)} if secure else {}
    via = None
    # `proxy` came with websockets 15, which uses one by default.
    if "proxy" in inspect.signature(connect).parameters:
        via = (
            find_proxy(url)
            if proxy is True
            else Proxy("the argument proxy", Secret(proxy))
            if proxy
            else None
        )
        if via is not None:
            via.require_package()
        options["proxy"] = None if via is None else via.url
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
    except (OSError, WebSocketException, ValueError, ImportError) as error:
        failed = error_for_failure(error, at, open_timeout, via, headers.values())
    except BaseException as error:  # such as being cancelled: its traceback leads through websockets, too
        failed = error
    else:
        _bound_unsent(opened)
        with contextlib.suppress(ConnectionClosed):
            await opened.ping()  # websockets sends its own first ping only after `PING_INTERVAL`.
        return WebSocketTransport(opened)
    # Not where it was caught: frames of websockets hold the headers and the proxy's password.
    raise cut(failed)


def _bound_unsent(opened: ClientConnection) -> None:
    """Let `send` wait when the network takes too little, instead of filling the buffers of the system.

    Linux keeps up to 4 MiB by default, a minute and a half of audio: it would arrive ever later, and nobody
    would know.
    """
    raw = opened.transport.get_extra_info("socket")
    # Not every transport has one, and not every system knows this.
    with contextlib.suppress(OSError, AttributeError, TypeError):
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        else:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * UNSENT_BYTES)


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


@dataclass(frozen=True)
class Proxy:
    """A proxy, and where it is set.

    Attributes:
        name: The environment variable, or other words for the place.
        url: Its address, which may hold a password.
    """

    name: str
    url: Secret

    @property
    def at(self) -> str:
        """Host and port, without the password."""
        try:
            host, port = _host_of(self.url)
        except ValueError:
            return "its address cannot be read"
        return f"{host}:{port}" if host and port else host or "its address cannot be read"

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy."""
        return self.url.reveal().lower().startswith("socks")

    def require_package(self) -> None:
        """Raise ExtraMissing if it is a SOCKS proxy and the package for that is not installed."""
        if self.is_socks and importlib.util.find_spec("python_socks") is None:
            raise ExtraMissing(
                f"The proxy in {self.name} is a SOCKS proxy, which needs the package python-socks: "
                "pip install python-socks"
            )


def _host_of(url: Secret) -> tuple[str | None, int | None]:
    parts = urlsplit(url.reveal())
    return parts.hostname, parts.port


def find_proxy(url: str | Secret) -> Proxy | None:
    """Return the proxy of the environment or the system for an address, or None.

    As websockets does, this looks at `WSS_PROXY`, `SOCKS_PROXY` and `HTTPS_PROXY`, then at `ALL_PROXY`, each
    in lower case as well, and at `NO_PROXY`. This computer is never behind a proxy.
    """
    url = Secret(url)
    secure = url.reveal().startswith("wss:")
    host, port = _host_of(url)
    if is_loopback(url) or urllib.request.proxy_bypass(f"{host}:{port or (443 if secure else 80)}"):
        return None
    for scheme in ("wss", "socks", "https", "all") if secure else ("ws", "socks", "https", "http", "all"):
        # Not in a variable: it may hold a password.
        address = Secret(urllib.request.getproxies().get(scheme, "").strip())
        if not address.reveal():
            continue
        # A system's settings name a SOCKS proxy by an http:// address; people leave http:// out.
        if scheme == "socks":
            address = Secret("socks5h://" + address.reveal().rpartition("://")[2])
        elif "://" not in address.reveal():
            address = Secret(f"http://{address.reveal()}")
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
        name = next((name for name in names if os.environ.get(name)), "the proxy settings of this system")
        return Proxy(name, address)
    return None


def error_for_failure(
    error: Exception,
    host: str,
    open_timeout: float,
    proxy: Proxy | None = None,
    secrets: Iterable[str | Secret] = (),
) -> LiveError:
    """Return the error for a connection that could not be opened.

    Args:
        error: What was raised.
        host: Whom to, for people.
        open_timeout: Seconds that it was tried for.
        proxy: The proxy on the way, if there is one.
        secrets: Words that the server may repeat, and that are not shown.
    """
    if isinstance(error, InvalidStatus):
        answer = error.response
        body = bytes(answer.body or b"")
        return error_for_status(
            answer.status_code,
            host,
            reason=reason_of(body, secrets),
            retry_after_s=retry_after_s(answer.headers.raw_items(), body),
        )
    if isinstance(error, InvalidURI):
        return ConfigError("The address of the Live API server cannot be read.")
    if isinstance(error, tls.SSLCertVerificationError):
        return ConnectFailed(
            f"The certificate of {host} is not trusted ({error.verify_message or 'it cannot be verified'}); "
            "for a server of your own give its certificate as cafile=…"
        )
    if proxy is not None:
        return _error_for_proxy(error, host, open_timeout, proxy)
    if isinstance(error, TimeoutError):
        return ConnectFailed(
            f"{host} did not answer within {open_timeout:g} s; check the network, then try again."
        )
    if _broke_off(error):
        return ConnectFailed(
            f"{host} broke the connection off before it was established; try again, and check the address "
            "and the network if it does so again."
        )
    if isinstance(error, tls.SSLError):
        return ConnectFailed(f"No encrypted connection to {host} could be made: does it speak wss://?")
    if isinstance(error, ConnectionRefusedError):
        return ConnectFailed(f"Nothing listens at {host}; is the server running there?")
    if isinstance(error, socket.gaierror):
        return ConnectFailed(
            f"The name {host} cannot be found; check its spelling and the network connection."
        )
    if isinstance(error, OSError):
        return ConnectFailed(
            f"No connection to {host} could be made{_cause(error)}; check the network connection."
        )
    return ConnectFailed(f"{host} answered, but not as a Live API server; check the address.")


def _broke_off(error: Exception) -> bool:
    """Whether the other side ended the connection, in TCP, TLS or the handshake, before it said anything."""
    if isinstance(error, InvalidMessage):
        # websockets raises it from what broke the handshake. Where a line has come, it is no HTTP.
        cause = error.__cause__
        return isinstance(cause, ConnectionError | EOFError)
    if isinstance(error, ConnectionRefusedError):
        return False
    broke = (ConnectionError, EOFError, tls.SSLEOFError, tls.SSLZeroReturnError)
    return isinstance(error, broke)


def _cause(error: OSError) -> str:
    # asyncio puts several failed addresses of one name into a plain OSError.
    return f" ({error.strerror})" if error.errno and error.strerror and "(" not in error.strerror else ""


def _error_for_proxy(error: Exception, host: str, open_timeout: float, proxy: Proxy) -> LiveError:
    """Return the error for a connection through a proxy. What was not found out is not said of it."""
    which = f"the proxy in {proxy.name} ({proxy.at})"
    the_proxy = which[0].upper() + which[1:]
    otherwise = f"check {proxy.name}, or put the host into NO_PROXY"
    kind = type(error).__name__  # Several classes, and none of them before websockets 15.
    tunnel = re.search(r"Tunnel connection failed: (\d+)", str(error))  # So says urllib.
    status = error.response.status_code if kind == "InvalidProxyStatus" else 0  # type: ignore[attr-defined]
    status = int(tunnel[1]) if tunnel else status
    if isinstance(error, ImportError):
        return ExtraMissing(
            f"The proxy in {proxy.name} is a SOCKS proxy, which needs the package python-socks: "
            "pip install python-socks"
        )
    if kind == "InvalidProxy":
        return ConfigError(
            f"{proxy.name} does not hold the address of a proxy, such as http://host:port or "
            "socks5h://host:port; correct it, or unset it."
        )
    if status == 407:
        return ConnectFailed(
            f"{the_proxy} asks for a name and a password (HTTP 407); give them in {proxy.name}, as "
            "http://name:password@host:port."
        )
    if status:
        return ConnectFailed(
            f"{the_proxy} did not let the connection to {host} through (HTTP {status}); {otherwise}."
        )
    if isinstance(error, TimeoutError):
        return ConnectFailed(
            f"No connection to {host} was made within {open_timeout:g} s through {which}; {otherwise}."
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectFailed(f"Nothing listens at {proxy.at}, the proxy in {proxy.name}; {otherwise}.")
    if isinstance(error, socket.gaierror):
        return ConnectFailed(f"The name of {which} cannot be found; {otherwise}.")
    if _broke_off(error):
        return ConnectFailed(
            f"The connection to {host} through {which} was broken off before it was established; {otherwise}."
        )
    if isinstance(error, tls.SSLError):
        return ConnectFailed(f"No encrypted connection to {host} could be made through {which}; {otherwise}.")
    if isinstance(error, OSError):
        return ConnectFailed(f"{the_proxy} cannot be reached{_cause(error)}; {otherwise}.")
    return ConnectFailed(f"{the_proxy} did not answer as a proxy should; {otherwise}.")


#: Longest words of a server about a refusal that are quoted, in characters. Chosen: two lines of a card.
REASON_LENGTH: Final = 160


def reason_of(body: bytes, secrets: Iterable[str | Secret] = ()) -> str:
    """Return what the body of a refusal says in words; "" if it is a page or nothing that can be quoted.

    Args:
        body: JSON as the service sends it, `{"error": {"message": …}}`, similar JSON, or one line of text.
        secrets: Words that are not repeated: what was sent in headers.
    """
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        said = body.decode(errors="replace").strip()
        if "<" in said or "\n" in said or "{" in said or len(said) > 2 * REASON_LENGTH:
            return ""
    if isinstance(said, list) and said:
        said = said[0]  # So Vertex AI wraps some errors.
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and name in said:
            said = said[name]
    if not isinstance(said, str):
        return ""
    line = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return redact(line, _words_of(secrets), long_words=True)[:REASON_LENGTH].strip()


def _words_of(secrets: Iterable[str | Secret]) -> Iterator[str]:
    """Yield what must not be repeated: each secret, and its words, such as what follows "Bearer"."""
    for secret in secrets:
        yield from (word for word in (reveal(secret), *reveal(secret).split()) if len(word) >= 8)


def retry_after_s(headers: Iterable[tuple[str, str]], body: bytes = b"") -> float | None:
    """Return how many seconds a refusal asks to wait; None if it does not say so.

    That is `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or the `retryDelay` of Google's
    `RetryInfo`.
    """
    values = {name.lower(): value.strip() for name, value in headers}
    asked = values.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", asked):
        return float(asked)
    try:
        until = email.utils.parsedate_to_datetime(asked)
        sent = values.get("date")
        now = email.utils.parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        pass  # It is not there, or is no date.
    delay = re.search(rb'"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,9})?)s"', body)
    return float(delay[1]) if delay else None


def error_for_status(
    status: int, host: str, *, reason: str = "", retry_after_s: float | None = None
) -> LiveError:
    """Return the error for an HTTP status that is not the expected one.

    Args:
        status: HTTP status.
        host: Who answered.
        reason: The server's words, as `reason_of` returns them.
        retry_after_s: Seconds that it asks to wait.
    """
    error = _status_error(status, host, reason, retry_after_s)
    error.retry_after_s = retry_after_s
    return error


def _status_error(status: int, host: str, reason: str, wait_s: float | None) -> LiveError:
    quoted = f' It said: "{reason}"' if reason else ""
    then = "try again in a while" if wait_s is None else f"try again in {max(1.0, wait_s):.0f} s"
    told: dict[str, Any] = {"code": status, "reason": reason}
    if status == 401:
        return KeyRefused(
            f"{host} does not accept this key or credential (HTTP 401); "
            f"check it, and that it may use the Live API.{quoted}",
            **told,
        )
    if status == 403:
        # A key, a Host or Origin that is not expected, a firewall: the status alone does not tell.
        does_not_say = "" if reason else " and does not say why"
        return ServiceError(
            f"{host} refused the connection (HTTP 403){does_not_say}; check the address, and what may "
            f"connect there.{quoted}",
            **told,
        )
    if status == 404:
        return ModelNotFound(
            f"{host} has no Live API at this address (HTTP 404); check model, location and API version."
            f"{quoted}",
            **told,
        )
    if status == 409:
        return ConnectFailed(
            f"{host} holds an earlier connection still (HTTP 409); wait a moment, then try again.{quoted}",
            **told,
        )
    if status == 429:
        return QuotaExceeded(
            f"{host} says that the quota is used up (HTTP 429); {then}, or check your plan.{quoted}", **told
        )
    if 300 <= status < 400:
        return ConnectFailed(
            f"{host} sends elsewhere (HTTP {status}), and your key is not taken there; check the address.",
            **told,
        )
    if status >= 500:
        return ConnectFailed(f"{host} has a fault of its own (HTTP {status}); {then}.{quoted}", **told)
    return ConnectFailed(f"{host} refused the connection (HTTP {status}); check the address.{quoted}", **told)


#: Largest answer received, in bytes. Chosen: far above an ephemeral token's.
MAX_ANSWER: Final = 2**20
#: Seconds for each step of a request: name, TCP, TLS, answer. Chosen: twice the time to open a WebSocket.
TIMEOUT: Final = 20.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Never follows a redirect, which would send the key in the header to a host that nobody chose."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Answer(NamedTuple):
    """What an HTTP server answered: the status, the body, and the headers in order."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def clock_behind_s(self, now: datetime) -> float | None:
        """Return by how many seconds `now` is behind the server's `Date`; None where it gives none."""
        dates = [value for name, value in self.headers if name.lower() == "date"]
        try:
            return (email.utils.parsedate_to_datetime(dates[0]) - now).total_seconds() if dates else None
        except (TypeError, ValueError):  # not a date, or one without a time zone
            return None

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the server asks to wait; None: it does not."""
        return retry_after_s(self.headers, self.body)


async def post(
    url: str | Secret,
    body: bytes,
    *,
    headers: Mapping[str, str | Secret],
    cafile: str | None = None,
    timeout_s: float = TIMEOUT,
) -> Answer:
    """Send JSON and return the answer, whatever its status.

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
    via = find_proxy(url)
    if via is not None and via.is_socks:
        raise ConnectFailed(
            f"The proxy in {via.name} is a SOCKS proxy, over which {host} is asked for nothing but sessions; "
            "use an HTTP proxy for this."
        )
    failed: BaseException
    try:
        # urllib blocks.
        return await asyncio.to_thread(_exchange, handlers, via, url, body, headers, timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        problem = cause if isinstance(cause, Exception) else OSError(str(cause))
        failed = error_for_failure(problem, host, timeout_s, via)
    except BaseException as error:
        failed = error
    # Not where it was caught: frames of urllib hold the headers.
    raise cut(failed)


def _exchange(
    handlers: list[Any],
    via: Proxy | None,
    url: Secret,
    body: bytes,
    headers: dict[str, Secret],
    timeout_s: float,
) -> Answer:
    # For both schemes: what is asked is one of them, and urllib does not look at ALL_PROXY.
    proxies = {} if via is None else dict.fromkeys(("http", "https"), via.url.reveal())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies), *handlers)
    del proxies  # They may hold a password.
    request = urllib.request.Request(
        "http" + url.reveal().removeprefix("ws"),
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": "livewidget", **reveal_all(headers)},
        method="POST",
    )
    try:
        with contextlib.closing(opener.open(request, timeout=timeout_s)) as answer:
            return Answer(answer.status, answer.read(MAX_ANSWER), tuple(answer.headers.items()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(MAX_ANSWER), tuple(error.headers.items()))
