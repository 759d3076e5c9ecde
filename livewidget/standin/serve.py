"""The stand-in on loopback, over ws and wss, for clients that bring a WebSocket of their own.

Each port is a Starlette application on uvicorn, in the caller's event loop. Who may use it is decided in this
order, as by the service: `OriginCheck` refuses other sites' pages (403), unknown paths are not found (404),
Vertex AI's wrong credentials are refused before the upgrade (401), and all other clients learn by a close
frame, after their first message, that a key or token is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from livewidget.errors import ExtraMissing, UsageError
from livewidget.protocol import ClientMessageError
from livewidget.secret import Secret
from livewidget.standin import rules, tokens
from livewidget.standin.provider import StandIn
from livewidget.standin.rules import Refusal
from livewidget.standin.session import Admission
from livewidget.standin.tokens import TokenGrant, TokenGrants
from livewidget.transports.base import CLOSE_TIMEOUT, TransportClosed

try:
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.websockets import WebSocket, WebSocketDisconnect
    from uvicorn import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
    from uvicorn.server import ServerState
except ImportError:
    raise ExtraMissing('A server needs Starlette and uvicorn: pip install "livewidget[tutor]".') from None

HOST: Final = "127.0.0.1"
NAMES: Final = (HOST, "localhost")

#: Largest WebSocket message taken in, in bytes. Chosen: a minute of 48 kHz audio in base64, twice over.
_MESSAGE_BYTES = 16 * 1024 * 1024
#: Largest body of a POST, in bytes. Chosen: far more than any setup that a token fixes.
_BODY_BYTES = 1024 * 1024
#: Seconds between pings, and seconds that a pong may take; chosen: a notebook may block its loop for long.
_PING_S = 30.0
_PING_TIMEOUT_S = 120.0
#: Seconds that a client may take for its first request, and again for the body. Chosen: on loopback, ample.
_REQUEST_TIMEOUT_S = 10.0
#: Seconds that an open WebSocket may take for its first message, which is the setup. Chosen: clients send it
#: at once, and a person who steps through a client in a debugger has time.
_SETUP_TIMEOUT_S = 60.0
#: WebSockets that may wait for it at once. Chosen: far more than the clients of one computer open together.
_MOST_WAITING = 64
#: Days that a certificate is valid. Chosen: longer than any server runs.
_CERTIFICATE_DAYS = 30

#: The Gemini API, Vertex AI and Firebase, each as its SDKs dial it. Group 1 is the version.
_LIVE_PATH = re.compile(
    r"/ws/google\."
    r"(?:ai\.generativelanguage|cloud\.aiplatform|firebase\.vertexai)"
    r"\.(v1(?:alpha|beta)?\d*)\."
    r"(?:GenerativeService[./]BidiGenerateContent(?:Constrained)?"
    r"|LlmBidiService/BidiGenerateContent(?:/locations/[a-z0-9-]+)?)"
)
_TOKENS_PATH = re.compile(r"/v1(?:alpha|beta)/auth_tokens")

#: A host, and its port; groups 1 and 2.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?")
#: The beginning of a page's address: its origin.
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)

#: What Google's services call an HTTP status, https://cloud.google.com/apis/design/errors.
_STATUS_NAMES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    500: "INTERNAL",
}

#: What uvicorn logs as an error although nothing failed here: a refused upgrade (by mistake,
#: https://github.com/Kludex/uvicorn/pull/3138), and a client's text that is not UTF-8.
_NOT_LOGGED = (
    "ASGI callable returned without completing handshake.",
    "Invalid UTF-8 sequence received from client.",
)

# At INFO, uvicorn logs each path with its query, and at DEBUG, websockets logs each header: keys are in both.
# At WARNING it logs that a client does not speak HTTP.
_log = logging.getLogger("livewidget.standin.uvicorn")
_log.setLevel(logging.ERROR)
_log.addFilter(lambda record: record.msg not in _NOT_LOGGED)


#: Where a scope holds what `CredentialsAside` took out of it, and the headers that it takes out.
_GIVEN = "livewidget.given"
_CREDENTIALS = (b"x-goog-api-key", b"authorization")


class Server:
    """Serves a stand-in on this computer's own address, and nowhere else.

    On the same ports `POST /v1alpha/auth_tokens` and `/v1beta/auth_tokens` make ephemeral tokens.

    ::

    async with Server(StandIn()) as server:
        print(server.ready_line())
    """

    def __init__(
        self,
        standin: StandIn,
        *,
        ws_port: int | None = 0,
        wss_port: int | None = 0,
        key: str | Secret | None = None,
        origins: Sequence[str] = (),
        hosts: Sequence[str] = (),
        on_refused: Callable[[Blocked], None] | None = None,
        request_timeout_s: float = _REQUEST_TIMEOUT_S,
        setup_timeout_s: float = _SETUP_TIMEOUT_S,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        """Serve `standin` once entered.

        Args:
            standin: Who answers.
            ws_port: Port without TLS; 0: any that is free; None: none.
            wss_port: Port with TLS and a certificate of its own; 0: any that is free; None: none.
            key: The one key that is accepted; None: any, and none at all.
            origins: Pages that may use the server: "http://localhost:3000", the address of a page there, or
                "null" for pages opened from a file. By default no page of another origin may.
            hosts: Names that lead to this server beside 127.0.0.1 and localhost, as a tunnel or a proxy gives
                them: "tutor.example" at any port, or "tutor.example:8080". The server still listens on
                127.0.0.1 only.
            on_refused: Called with each request that is refused because of its origin or its host.
            request_timeout_s: Seconds that a client may take for its first request, and for a body.
            setup_timeout_s: Seconds that an open WebSocket may take for its first message.
            most_waiting: Open WebSockets that may wait for their first message at once.

        Raises:
            UsageError: If an origin or a host is not one, or would let everybody in.
        """
        self._standin = standin
        self._wanted = (ws_port, wss_port)
        self._key = Secret(key) if key is not None else None
        self._origins = tuple(map(as_origin, origins))
        self._hosts = tuple(map(as_host, hosts))
        self._on_refused = on_refused
        self._request_timeout_s = request_timeout_s
        self._setup_timeout_s = setup_timeout_s
        self._most_waiting = most_waiting
        self._stack = AsyncExitStack()
        self._grants = TokenGrants(standin.clock)
        self._sessions: set[AsgiTransport] = set()
        #: Where to connect, "ws://127.0.0.1:…"; None where it is not served.
        self.ws: str | None = None
        self.wss: str | None = None
        #: The certificate's file, for clients of `wss` to trust; it is deleted when the server ends.
        self.cert: str | None = None

    def ready_line(self) -> str:
        """Return one line of JSON that tells a program where to connect: `ws`, `wss` and `cert`."""
        return json.dumps({"ws": self.ws, "wss": self.wss, "cert": self.cert})

    async def __aenter__(self) -> Server:
        """Start to serve.

        Raises:
            ExtraMissing: If ears and voice are not installed, or what makes the certificate.
            OSError: If a port is taken.
        """
        self._standin.prepare()
        ws_port, wss_port = self._wanted
        async with AsyncExitStack() as stack:
            if wss_port is not None:
                context, path = stack.enter_context(certificate(self._hosts))
                self.cert = str(path)
                self.wss = f"wss://{HOST}:{await self._listen(stack, wss_port, context)}"
            if ws_port is not None:
                self.ws = f"ws://{HOST}:{await self._listen(stack, ws_port, None)}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every session and give the ports back."""
        await self._stack.aclose()

    async def _listen(self, stack: AsyncExitStack, port: int, tls: ssl.SSLContext | None) -> int:
        """Serve on one port until `stack` is closed; return the port's number."""
        state = ServerState()
        config: Config  # made once the port is known
        # asyncio is to bind the port: it sets TCP_NODELAY on such sockets only, and without it answers of
        # several frames wait up to 40 ms for the client's acknowledgement.
        server = await asyncio.get_running_loop().create_server(
            lambda: _connection(config, state, self._request_timeout_s),
            HOST,
            port,
            ssl=tls,
            ssl_handshake_timeout=self._request_timeout_s if tls else None,
            start_serving=False,
        )
        stack.push_async_callback(self._stop, server, state)
        bound: int = server.sockets[0].getsockname()[1]
        origin_check = Middleware(
            OriginCheck,
            port=bound,
            secure=tls is not None,
            origins=self._origins,
            hosts=self._hosts,
            on_refused=self._on_refused,
        )
        # Tokens are made by `fetch`, which asks first and reads no answer without these headers.
        cors = Middleware(
            CORSMiddleware,
            allow_origins=self._origins,
            allow_methods=("POST",),
            allow_headers=("*",),
            allow_private_network=True,
        )
        routes = [
            Route("/{path:path}", self._token, methods=["POST"]),
            Route("/{path:path}", _no_page),
            WebSocketRoute("/{path:path}", self._session),
        ]
        handlers = {500: _internal_error}
        middleware = [origin_check, cors]
        app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
        config = _config(CredentialsAside(app, self._key))
        await server.start_serving()
        return bound

    async def _stop(self, server: asyncio.Server, state: ServerState) -> None:
        """Close one port with all its connections, and wait for what they run."""
        server.close()
        for connection in list(state.connections):
            if not isinstance(connection, WebSocketsSansIOProtocol):
                connection.transport.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.gather(*(session.close(1001) for session in self._sessions))
                # Until the clients have answered; uvicorn has no event for it. Once at least: those in the
                # same event loop notice the end, too.
                await asyncio.sleep(0.01)
                while state.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        for connection in list(state.connections):
            connection.transport.abort()
        while state.tasks:
            await asyncio.wait(state.tasks)

    async def _session(self, websocket: WebSocket) -> None:
        """Answer a WebSocket: refuse it, or let the stand-in talk until it is closed."""
        path, given = _path(websocket.scope), websocket.scope[_GIVEN]
        asked = version(path)
        if asked is None:
            refused = _refusal(websocket.scope, 404, "There is no Live API at this path.")
            return await websocket.send_denial_response(refused)
        if of_vertex(path) and not given.is_right:
            refused = _refusal(websocket.scope, 401, "Request had invalid authentication credentials.")
            return await websocket.send_denial_response(refused)
        if sum(session.waits for session in self._sessions) >= self._most_waiting:
            refused = _refusal(websocket.scope, 503, "Too many connections are open that sent no setup.")
            return await websocket.send_denial_response(refused)
        await websocket.accept()
        refusal, grant = self._admit(path, given)
        transport = AsgiTransport(websocket, self._setup_timeout_s)
        self._sessions.add(transport)
        try:
            admission = Admission(
                version=asked,
                refusal=refusal,
                grant=grant,
                by_api_key=of_vertex(path) and given.by_api_key,
            )
            await self._standin.serve(transport, admission=admission, abort=websocket.state.abort)
        finally:
            self._sessions.discard(transport)
        return None

    async def _token(self, request: Request) -> Response:
        """Make an ephemeral token."""
        path = _path(request.scope)
        refused = partial(_refusal, request.scope)
        if not mints(path):
            return refused(404, "There is no such method here.")
        if not request.scope[_GIVEN].is_right:
            return refused(400, rules.BAD_KEY)
        try:
            async with asyncio.timeout(self._request_timeout_s):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return refused(408, "The request's body did not come.")
        if body is None:
            return refused(413, "The request's body is too long.")
        try:
            token = self._grants.create(body)
        except ClientMessageError as error:
            return refused(400, error.reason)
        return _json(200, {"name": token.name})

    def _admit(self, path: str, given: Given) -> tuple[Refusal | None, TokenGrant | None]:
        """Return why a client may not come in, and what its token allows."""
        if constrained(path):
            found = [grant for one in given.keys if (grant := self._grants.find(one.reveal())) is not None]
            return (None, found[0]) if found else (Refusal(1008, tokens.UNREGISTERED), None)
        if any(one.reveal().startswith(tokens.PREFIX) for one in given.keys):
            return Refusal(1008, tokens.UNREGISTERED), None
        if not given.is_right:
            return Refusal(1007, rules.BAD_KEY), None
        return None, None


class Given(NamedTuple):
    """What a request brought: keys and tokens, whether one is right, and whether all are API keys."""

    keys: tuple[Secret, ...]
    is_right: bool
    by_api_key: bool


class CredentialsAside:
    """ASGI application around another: takes keys and tokens out of a request, and puts `Given` in the scope.

    Whatever answers the request has frames that hold the scope, and an error there shows it to every tool
    that prints local variables.
    """

    def __init__(self, app: ASGIApp, key: Secret | None) -> None:
        """Guard `app`; `key` is the one key that is right, None: any, and none at all."""
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on without its credentials."""
        if scope["type"] in ("http", "websocket"):
            scope = self._without_credentials(scope)
        await self._app(scope, receive, send)

    def _without_credentials(self, scope: Scope) -> Scope:
        headers, query = Headers(scope=scope), scope["query_string"]
        path = (scope["raw_path"] + b"?" + query).decode("latin-1")
        given = Given(
            keys=tuple(map(Secret, credentials(path, headers))),
            is_right=self._key is None or has_key(path, headers, self._key.reveal()),
            by_api_key=by_api_key(path, headers),
        )
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _CREDENTIALS]
        return {**scope, "headers": kept, "query_string": b"", _GIVEN: given}


class Blocked(NamedTuple):
    """A refused request: which header was wrong, its value as it came, and a sentence for the client."""

    what: Literal["host", "origin"]
    value: str
    why: str


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
        port: int,
        secure: bool = False,
        origins: Sequence[str] = (),
        hosts: Sequence[str] = (),
        on_refused: Callable[[Blocked], None] | None = None,
    ) -> None:
        """Guard `app`.

        Args:
            app: What is called when a request may pass.
            port: The port that is listened on.
            secure: Whether it speaks TLS.
            origins: Origins allowed beyond the port's own, as `as_origin` returns them.
            hosts: Hosts allowed beyond the port's own, as `as_host` returns them.
            on_refused: Called with what is refused.
        """
        self._app = app
        self._hosts = {f"{name}:{port}" for name in NAMES}
        if port == (443 if secure else 80):
            self._hosts |= set(NAMES)
        self._origins = {f"{'https' if secure else 'http'}://{host}" for host in self._hosts} | set(origins)
        self._named = frozenset(hosts)
        self._on_refused = on_refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403."""
        app = self._app
        if scope["type"] in ("http", "websocket"):
            blocked = self.check(Headers(scope=scope))
            if blocked is not None:
                app = _refusal(scope, 403, blocked.why)
                if self._on_refused is not None:
                    self._on_refused(blocked)
        await app(scope, receive, send)

    def check(self, headers: Headers) -> Blocked | None:
        """Return why no request with these headers may pass, whatever its path; or None."""
        hosts, origins = headers.getlist("Host"), headers.getlist("Origin")
        if len(hosts) != 1 or not (hosts[0] in self._hosts or self._is_named(hosts[0])):
            why = "This server answers to its own address on this computer only."
            return Blocked("host", hosts[0] if len(hosts) == 1 else "", why)
        if len(origins) > 1 or (origins and origins[0] not in self._origins):
            why = "Pages of other origins may not use this server."
            return Blocked("origin", origins[0] if len(origins) == 1 else "", why)
        return None

    def _is_named(self, host: str) -> bool:
        """Return whether a `Host` header is a name that was given, at any port, or with that port."""
        found = _HOST.fullmatch(host.lower())
        return found is not None and not self._named.isdisjoint((found[0], found[1]))


class AsgiTransport:
    """The server's end of a link, around an accepted WebSocket of an ASGI server."""

    #: ASGI tells nothing of pings.
    round_trip_ms: float | None = None

    def __init__(self, websocket: WebSocket, setup_timeout_s: float) -> None:
        #: Whether no message has come yet.
        self.waits = True
        self._websocket = websocket
        self._setup_timeout_s = setup_timeout_s

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
            async with asyncio.timeout(self._setup_timeout_s if self.waits else None):
                message = await self._websocket.receive()
        except RuntimeError:  # it was reported as closed before
            raise TransportClosed(1006) from None
        except TimeoutError:
            await self.close(1008, f"No setup came within {self._setup_timeout_s:g} s.")
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


def version(path: str) -> str | None:
    """Return the API version a request's path asks for ("v1beta"), or None where no Live API is meant."""
    plain = _plain(path)
    if plain == "/":  # a Vertex AI client with a gateway for its base URL
        return "v1beta1"
    found = _LIVE_PATH.fullmatch(plain)
    return found[1] if found else None


def mints(path: str) -> bool:
    """Tell whether a POST to `path` asks for an ephemeral token."""
    return _TOKENS_PATH.fullmatch(_plain(path)) is not None


def constrained(path: str) -> bool:
    """Tell whether a request's path is that of connections with an ephemeral token."""
    return _plain(path).endswith("BidiGenerateContentConstrained")


def of_vertex(path: str) -> bool:
    """Tell whether a request's path is Vertex AI's, which refuses a wrong credential before any WebSocket."""
    plain = _plain(path)
    return plain == "/" or "aiplatform" in plain


def by_api_key(path: str, headers: Headers) -> bool:
    """Tell whether a request comes with an API key and no other credential."""
    return bool(credentials(path, headers)) and not headers.getlist("Authorization")


def has_key(path: str, headers: Headers, key: str) -> bool:
    """Tell whether a request carries `key`, in any of the places where clients put it; in constant time."""
    right = [hmac.compare_digest(_bytes(one), _bytes(key)) for one in credentials(path, headers)]
    return any(right)


def credentials(path: str, headers: Headers) -> list[str]:
    """Return every key and token that a request carries, in any of the places where clients put them."""
    query = parse_qs(urlsplit("/" + path.lstrip("/")).query)
    given = [*_texts(headers, "x-goog-api-key"), *query.get("key", ()), *query.get("access_token", ())]
    for authorization in _texts(headers, "Authorization"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() in ("bearer", "token"):
            given.append(token.strip())
    return given


def _plain(path: str) -> str:
    """Return a path without its query; the SDK for JavaScript puts a second slash in front."""
    return "/" + path.split("?", 1)[0].lstrip("/")


def _texts(headers: Headers, name: str) -> list[str]:
    # Starlette reads Latin-1; keys are UTF-8, and what is not arrives as surrogates.
    return [value.encode("latin-1").decode(errors="surrogateescape") for value in headers.getlist(name)]


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _path(scope: Scope) -> str:
    """Return a request's path as it was sent, without its query."""
    raw: bytes = scope["raw_path"]
    return raw.decode("latin-1")


async def _body(request: Request) -> bytes | None:
    """Return the body of a request; None if it is too long.

    Raises:
        ClientDisconnect: If the client leaves before its end.
    """
    if int(request.headers.get("Content-Length", 0)) > _BODY_BYTES:
        return None
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_BYTES:
            return None
    return body


async def _no_page(request: Request) -> Response:
    """Answer a GET that is not an upgrade."""
    if version(_path(request.scope)) is None:
        return _refusal(request.scope, 404, "There is no Live API at this path.")
    return _refusal(request.scope, 426, "The Live API takes WebSocket connections only.", Upgrade="websocket")


async def _internal_error(request: Request, error: Exception) -> Response:
    return _refusal(request.scope, 500, "Internal error encountered.")


def _refusal(scope: Scope, status: int, why: str, **headers: str) -> Response:
    """Return a response that refuses: an error as the service's for a POST, else a line of text."""
    if scope.get("method") == "POST":
        name = _STATUS_NAMES.get(status, "INVALID_ARGUMENT")
        return _json(status, {"error": {"code": status, "message": why, "status": name}})
    return PlainTextResponse(why + "\n", status, {"Connection": "close", **headers})


def _json(status: int, body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", "Connection": "close"}
    return Response(json.dumps(body, indent=2) + "\n", status, headers, "application/json; charset=UTF-8")


def _config(app: ASGIApp) -> Config:
    """Return how uvicorn serves `app`; nothing of the process, as its logging or its signals, is changed."""
    config = Config(
        app,
        http="h11",
        ws=_WebSocketProtocol,
        ws_max_size=_MESSAGE_BYTES,
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
