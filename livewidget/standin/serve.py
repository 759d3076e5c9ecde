"""The stand-in on loopback, over ws and wss, for clients that bring a WebSocket of their own.

Each port is a Starlette application on uvicorn, in the caller's event loop. Who may use it is decided in this
order, as by the service: `OriginCheck` refuses other sites' pages (403), unknown paths are not found (404),
Vertex AI's wrong credentials are refused before the upgrade (401), and all other clients learn by a close
frame, after their first message, that a key or token is wrong.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from livewidget.errors import ExtraMissing
from livewidget.protocol import ClientMessageError
from livewidget.secret import Secret
from livewidget.standin import rules, tokens
from livewidget.standin.provider import StandIn
from livewidget.standin.rules import Refusal
from livewidget.standin.session import Admission
from livewidget.standin.tokens import TokenGrant, TokenGrants

try:
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.websockets import WebSocket

    from livewidget.serving import (
        HOST,
        REQUEST_TIMEOUT_S,
        AsgiTransport,
        Blocked,
        OriginCheck,
        as_host,
        as_origin,
        certificate,
        listen,
        service_error,
    )
except ImportError:
    raise ExtraMissing('A server needs Starlette and uvicorn: pip install "livewidget[tutor]".') from None

#: Largest WebSocket message taken in, in bytes. Chosen: a minute of 48 kHz audio in base64, twice over.
_MESSAGE_BYTES = 16 * 1024 * 1024
#: Largest body of a POST, in bytes. Chosen: far more than any setup that a token fixes.
_BODY_BYTES = 1024 * 1024
#: Seconds that an open WebSocket may take for its first message, which is the setup. Chosen: clients send it
#: at once, and a person who steps through a client in a debugger has time.
_SETUP_TIMEOUT_S = 60.0
#: WebSockets that may wait for it at once. Chosen: far more than the clients of one computer open together.
_MOST_WAITING = 64
#: The Gemini API, Vertex AI and Firebase, each as its SDKs dial it. Group 1 is the version.
_LIVE_PATH = re.compile(
    r"/ws/google\."
    r"(?:ai\.generativelanguage|cloud\.aiplatform|firebase\.vertexai)"
    r"\.(v1(?:alpha|beta)?\d*)\."
    r"(?:GenerativeService[./]BidiGenerateContent(?:Constrained)?"
    r"|LlmBidiService/BidiGenerateContent(?:/locations/[a-z0-9-]+)?)"
)
_TOKENS_PATH = re.compile(r"/v1(?:alpha|beta)/auth_tokens")

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
        tls: ssl.SSLContext | None = None,
        on_refused: Callable[[Blocked], None] | None = None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        setup_timeout_s: float = _SETUP_TIMEOUT_S,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        """Serve `standin` once entered.

        Args:
            standin: Who answers.
            ws_port: Port without TLS; 0: any that is free; None: none.
            wss_port: Port with TLS; 0: any that is free; None: none.
            key: The one key that is accepted; None: any, and none at all.
            origins: Pages that may use the server: "http://localhost:3000", the address of a page there, or
                "null" for pages opened from a file. By default no page of another origin may.
            hosts: Names that lead to this server beside 127.0.0.1 and localhost, as a tunnel or a proxy gives
                them: "tutor.example" at any port, or "tutor.example:8080". The server still listens on
                127.0.0.1 only.
            tls: What TLS is spoken with, such as a certificate that browsers trust; None: one that is made
                for this server and its hosts, of an authority of its own.
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
        self._tls = tls
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
        #: The file of the certificate that was made, for clients of `wss` to trust; it is deleted when the
        #: server ends.
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
                context = self._tls
                if context is None:
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
        served = listen(
            partial(self._app, secure=tls is not None),
            port=port,
            tls=tls,
            message_bytes=_MESSAGE_BYTES,
            request_timeout_s=self._request_timeout_s,
            end=self._end_sessions,
        )
        return await stack.enter_async_context(served)

    def _app(self, port: int, secure: bool) -> ASGIApp:
        """Return what is served on one port."""
        origin_check = Middleware(
            OriginCheck,
            port=port,
            secure=secure,
            origins=self._origins,
            hosts=self._hosts,
            on_refused=self._on_refused,
            refuse=_refusal,
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
        app = Starlette(routes=routes, middleware=[origin_check, cors], exception_handlers=handlers)
        return CredentialsAside(app, self._key)

    async def _end_sessions(self) -> None:
        await asyncio.gather(*(session.close(1001) for session in self._sessions))

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
        return _json(status, service_error(status, why))
    return PlainTextResponse(why + "\n", status, {"Connection": "close", **headers})


def _json(status: int, body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", "Connection": "close"}
    return Response(json.dumps(body, indent=2) + "\n", status, headers, "application/json; charset=UTF-8")
