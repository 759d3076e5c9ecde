"""What the HTTP servers here share: who may use a port, uvicorn in the caller's loop, a WebSocket's end.

`OriginCheck` keeps strangers' pages out, `listen` serves an ASGI application on one port until it is left,
and `AsgiTransport` is the `Transport` around an accepted WebSocket. The stand-in's server and the page
without Jupyter (`livewidget.web`) are built from these. It needs Starlette and uvicorn: whoever imports it
says in one sentence what to install where they are missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from livewidget.errors import ExtraMissing, UsageError
from livewidget.transports.base import CLOSE_TIMEOUT, TransportClosed

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")

#: Seconds between pings, and seconds that a pong may take; chosen: a notebook may block its loop for long.
_PING_S = 30.0
_PING_TIMEOUT_S = 120.0
#: Seconds that a client may take for its first request. Chosen: on loopback, ample.
REQUEST_TIMEOUT_S: Final = 10.0
#: Days that a certificate is valid. Chosen: longer than any server runs.
_CERTIFICATE_DAYS = 30

#: A host, and its port; groups 1 and 2.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?")
#: The beginning of a page's address: its origin.
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)

#: What uvicorn logs as an error although nothing failed here: a refused upgrade (by mistake,
#: https://github.com/Kludex/uvicorn/pull/3138), and a client's text that is not UTF-8.
_NOT_LOGGED = (
    "ASGI callable returned without completing handshake.",
    "Invalid UTF-8 sequence received from client.",
)

# At INFO, uvicorn logs each path with its query, and at DEBUG, websockets logs each header: keys are in both.
# At WARNING it logs that a client does not speak HTTP.
_log = logging.getLogger("livewidget.serving.uvicorn")
_log.setLevel(logging.ERROR)
_log.addFilter(lambda record: record.msg not in _NOT_LOGGED)


#: What Google's services call an HTTP status, https://cloud.google.com/apis/design/errors.
_STATUS_NAMES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
}


def service_error(status: int, why: str) -> dict[str, Any]:
    """Return the body of an error, as Google's services answer: an HTTP status and a sentence."""
    name = _STATUS_NAMES.get(status, "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": why, "status": name}}


class Blocked(NamedTuple):
    """A refused request: which header was wrong, its value as it came, and a sentence for the client."""

    what: Literal["host", "origin"]
    value: str
    why: str


def _in_words(scope: Scope, status: int, why: str) -> ASGIApp:
    return PlainTextResponse(why + "\n", status, {"Connection": "close"})


class OriginCheck:
    """ASGI middleware: lets nobody but this computer's own programs, and pages that were named, use the port.

    A page of any web site can reach a port on loopback: by its address, or by a name of its own that
    resolves to it (DNS rebinding). Browsers tell in `Host` and `Origin` what they do; both are compared
    whole, never by a prefix, suffix or pattern. Clients that are not browsers send no `Origin`, and may pass.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int | None,
        secure: bool = False,
        origins: Sequence[str] = (),
        hosts: Sequence[str] = (),
        gives_pages: bool = False,
        on_refused: Callable[[Blocked], None] | None = None,
        refuse: Callable[[Scope, int, str], ASGIApp] = _in_words,
    ) -> None:
        """Guard `app`.

        Args:
            app: What is called when a request may pass.
            port: The port that is listened on; None: not known here, and only `hosts` may pass.
            secure: Whether it speaks TLS.
            origins: Origins allowed beyond the port's own, as `as_origin` returns them.
            hosts: Hosts allowed beyond the port's own, as `as_host` returns them.
            gives_pages: Whether pages come from `app` itself. Their origin is then the `Host` that they were
                loaded from, with http or https: a proxy in front may speak TLS.
            on_refused: Called with what is refused.
            refuse: Returns the answer to a refused request: its scope, the status, a sentence.
        """
        self._app = app
        self._hosts = set() if port is None else {f"{name}:{port}" for name in NAMES}
        if port == (443 if secure else 80):
            self._hosts |= set(NAMES)
        self._origins = {f"{'https' if secure else 'http'}://{host}" for host in self._hosts} | set(origins)
        self._named = frozenset(hosts)
        self._gives_pages = gives_pages
        self._on_refused = on_refused
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        app = self._app
        if scope["type"] in ("http", "websocket"):
            blocked = self.check(Headers(scope=scope))
            if blocked is not None:
                app = self._refuse(scope, 403, blocked.why)
                if self._on_refused is not None:
                    self._on_refused(blocked)
        await app(scope, receive, send)

    def check(self, headers: Headers) -> Blocked | None:
        """Return why no request with these headers may pass, whatever its path; or None."""
        hosts, origins = headers.getlist("Host"), headers.getlist("Origin")
        if len(hosts) != 1 or not (hosts[0] in self._hosts or self._is_named(hosts[0])):
            why = "This server answers to its own address on this computer only."
            if self._gives_pages:
                why = "This server does not answer to this name."
            return Blocked("host", hosts[0] if len(hosts) == 1 else "", why)
        if len(origins) > 1 or (origins and not self._is_origin(origins[0], hosts[0])):
            why = "Pages of other origins may not use this server."
            return Blocked("origin", origins[0] if len(origins) == 1 else "", why)
        return None

    def _is_named(self, host: str) -> bool:
        """Return whether a `Host` header is a name that was given, at any port, or with that port."""
        found = _HOST.fullmatch(host.lower())
        return found is not None and not self._named.isdisjoint((found[0], found[1]))

    def _is_origin(self, origin: str, host: str) -> bool:
        own = (f"http://{host.lower()}", f"https://{host.lower()}") if self._gives_pages else ()
        return origin in self._origins or origin in own


class AsgiTransport:
    """The server's end of a link, around an accepted WebSocket of an ASGI server."""

    #: ASGI tells nothing of pings.
    round_trip_ms: float | None = None

    def __init__(self, websocket: WebSocket, first_timeout_s: float | None = None) -> None:
        """Send and receive over `websocket`.

        Args:
            websocket: An accepted WebSocket.
            first_timeout_s: Seconds that its first message, a setup, may take; None: no limit.
        """
        #: Whether no message has come yet.
        self.waits = True
        self._websocket = websocket
        self._first_timeout_s = first_timeout_s

    async def send(self, frame: str | bytes) -> None:
        """Send one frame: text as a text frame, bytes as a binary one.

        Raises:
            TransportClosed: If the link is closed.
        """
        try:
            if isinstance(frame, str):
                await self._websocket.send_text(frame)
            else:
                await self._websocket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: closed by this side
            raise TransportClosed(1006) from None

    async def receive(self) -> str | bytes:
        """Return the next frame. Cancelling it loses no frame.

        Raises:
            TransportClosed: If the link is closed and every frame has been delivered.
        """
        try:
            async with asyncio.timeout(self._first_timeout_s if self.waits else None):
                message = await self._websocket.receive()
        except RuntimeError:  # it was reported as closed before
            raise TransportClosed(1006) from None
        except TimeoutError:
            await self.close(1008, f"No setup came within {self._first_timeout_s:g} s.")
            raise TransportClosed(1006) from None
        self.waits = False
        if message["type"] == "websocket.disconnect":
            raise TransportClosed(message.get("code", 1006), message.get("reason") or "")
        text: str | None = message.get("text")
        frame: str | bytes = message["bytes"] if text is None else text
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the link; twice is allowed. `reason` is at most 123 bytes of UTF-8."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(code, reason)


def as_origin(text: str) -> str:
    """Return the origin that `text` names, as browsers send it; `text` may be the address of a page.

    Raises:
        UsageError: If it names none, or stands for all.
    """
    plain, shown = text.strip(), text[:60]
    if plain == "null":
        return plain
    if plain.lower().startswith("file:"):
        raise UsageError(f"{shown!r} is a file: the origin of pages opened from files is null.")
    found = _ORIGIN.match(plain)
    if found is None:
        raise UsageError(f"{shown!r} is not an origin: give each one whole, such as http://localhost:3000.")
    scheme = found["scheme"].lower()
    host = _in_ascii(found["host"], shown)
    port = found["port"]
    usual = {"http": "80", "https": "443"}.get(scheme)
    return f"{scheme}://{host}" + (f":{int(port)}" if port and port != usual else "")


def as_host(text: str) -> str:
    """Return the host that `text` names, with its port if there is one; `text` may be an address.

    Raises:
        UsageError: If it names none, or stands for all.
    """
    shown = text[:60]
    plain = text.strip().rpartition("://")[2].partition("/")[0].rstrip(".").lower()
    found = _HOST.fullmatch(plain)
    if found is None or found[1] in ("0.0.0.0", "[::]"):
        raise UsageError(
            f"{shown!r} is not a name of this server: give each whole, such as tutor.example. "
            "It listens on 127.0.0.1 only."
        )
    host = _in_ascii(found[1], shown)
    return f"{host}:{int(found[2])}" if found[2] else host


def _in_ascii(host: str, shown: str) -> str:
    """Return a host as it stands on the wire: in lower case, other letters in Punycode."""
    try:
        return host.lower() if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise UsageError(f"{shown!r} does not hold a host's name.") from None


@contextmanager
def certificate(hosts: Sequence[str] = ()) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """Make a certificate for this computer's own address; give a server's TLS context and the file to trust.

    It is valid for `hosts` as well, as `as_host` returns them.

    The file is that of an authority whose key stays in memory and signs nothing else. The server's key is in
    a file only while the TLS library reads it, in a folder that only this user opens.

    Raises:
        ExtraMissing: If trustme is not installed.
    """
    try:
        import trustme
    except ImportError:
        raise ExtraMissing(
            "Serving over wss needs a certificate of its own: "
            'pip install "livewidget[serve]", or serve ws alone.'
        ) from None
    name = "livewidget on this computer"
    authority = trustme.CA(path_length=0, organization_name=name)
    end = datetime.now(UTC) + timedelta(days=_CERTIFICATE_DAYS)
    names = dict.fromkeys((*NAMES, *(_HOST.sub(r"\1", host).strip("[]") for host in hosts)))
    leaf = authority.issue_cert(*names, organization_name=name, not_after=end)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="livewidget-", ignore_cleanup_errors=True) as folder:
        with leaf.private_key_and_cert_chain_pem.tempfile(folder) as chain:
            context.load_cert_chain(chain)
        path = Path(folder, "cert.pem")
        authority.cert_pem.write_to_path(path)
        yield context, path


@asynccontextmanager
async def listen(
    app: Callable[[int], ASGIApp],
    *,
    port: int = 0,
    host: str = HOST,
    tls: ssl.SSLContext | None = None,
    message_bytes: int,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    end: Callable[[], Awaitable[object]],
) -> AsyncIterator[int]:
    """Serve on one port, in the running loop, until the block is left; give the port's number.

    Nothing of the process is changed, neither its logging nor its signals.

    Args:
        app: Gets the port's number and returns what is served there.
        port: 0: any that is free.
        host: The address to listen on.
        tls: Speak TLS with this.
        message_bytes: Largest WebSocket message taken in.
        request_timeout_s: Seconds that a client may take for its first request.
        end: Closes what runs on the WebSockets, once no other can be opened.

    Raises:
        OSError: If the port cannot be used.
    """
    state = ServerState()
    config: Config  # made once the port is known
    # asyncio is to bind the port: it sets TCP_NODELAY on such sockets only, and without it answers of
    # several frames wait up to 40 ms for the client's acknowledgement.
    server = await asyncio.get_running_loop().create_server(
        lambda: _connection(config, state, request_timeout_s),
        host,
        port,
        ssl=tls,
        ssl_handshake_timeout=request_timeout_s if tls else None,
        start_serving=False,
    )
    try:
        bound: int = server.sockets[0].getsockname()[1]
        config = _config(app(bound), message_bytes)
        await server.start_serving()
        yield bound
    finally:
        await _stop(server, state, end)


async def _stop(server: asyncio.Server, state: ServerState, end: Callable[[], Awaitable[object]]) -> None:
    """Close one port with all its connections, and wait for what they run."""
    server.close()
    for connection in list(state.connections):
        if not isinstance(connection, WebSocketsSansIOProtocol):
            connection.transport.abort()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await end()
            # Until the clients have answered; uvicorn has no event for it. Once at least: those in the
            # same event loop notice the end, too.
            await asyncio.sleep(0.01)
            while state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    for connection in list(state.connections):
        connection.transport.abort()
    while state.tasks:
        await asyncio.wait(state.tasks)


def _config(app: ASGIApp, message_bytes: int) -> Config:
    config = Config(
        app,
        http="h11",
        ws=_WebSocketProtocol,
        ws_max_size=message_bytes,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PING_TIMEOUT_S,
        ws_per_message_deflate=False,  # audio does not compress, and ten sessions would pay for it
        lifespan="off",
        interface="asgi3",
        log_config=None,
        proxy_headers=False,
    )
    config.load()
    # At log level TRACE, uvicorn has wrapped it in a logger of all messages, which shows headers with keys.
    config.loaded_app = app
    return config


def _connection(config: Config, state: ServerState, timeout_s: float) -> H11Protocol:
    """Return a connection that is aborted if it has brought no request within `timeout_s` seconds."""
    connection = H11Protocol(config, state, {})
    connection.logger = _log
    connection.access_log = False

    def give_up() -> None:
        begun: Any = connection.cycle  # None before the first request, whatever its annotation says
        # A connection that became a WebSocket is no longer among them.
        if connection in state.connections and begun is None:
            connection.transport.abort()

    asyncio.get_running_loop().call_later(timeout_s, give_up)
    return connection


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, without keys in its log; `state.abort` breaks the link without a close frame."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, {**app_state, "abort": lambda: self.transport.abort()})
        self.close_timeout = CLOSE_TIMEOUT
        self.logger = self.conn.logger = _log
        self.conn.debug = False

    def handle_parser_exception(self) -> None:
        """Send the close frame and discard what comes after it.

        uvicorn would close the link at once. The kernel answers bytes that nobody has read with a reset, and
        then a client whose message is too large would not learn why the link is gone.
        """
        close = self.conn.close_sent
        if self.close_sent or close is None:
            return
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
