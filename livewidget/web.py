"""A conversation as a web page, without Jupyter: an ASGI application.

Any ASGI server runs it, and any ASGI framework mounts it::

    from livewidget import web

    talk = web.app(lambda request: {"tools": [set_light], "voice": "Kore"})     # uvicorn module:talk

`token_app` is another: it hands out ephemeral tokens, with which pages connect to the service themselves.
In: HTTP requests and WebSockets, which `OriginCheck` lets pass or not. Out: the page's files, and for each
open page a link of its `Controller`, which runs on the server's own event loop. `Talks` owns the controllers:
it makes one when a page comes and ends it when nobody has looked for a while. It needs Starlette and uvicorn:
`pip install "livewidget[web]"`.
"""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import logging
import math
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from livewidget.clock import Clock, check_seconds
from livewidget.config import LiveConfig
from livewidget.connection import Gemini, mint
from livewidget.connection.gemini import token_request
from livewidget.connection.tokens import Token
from livewidget.errors import ConfigError, ExtraMissing, LiveError, UsageError
from livewidget.protocol.inspect import redact
from livewidget.secret import Secret, cut
from livewidget.session.client import hide_options, read_options
from livewidget.tools import Tool
from livewidget.transports.base import TransportClosed
from livewidget.ui.controller import Controller
from livewidget.ui.links import (
    MOST_LINKS,
    PAGE_HEADERS,
    HourlyLimit,
    LinkRefused,
    Opening,
    PageSessions,
    Ticket,
    Tickets,
    greeting,
    page_headers,
    page_html,
    read_opening,
    refuse,
)
from livewidget.widget.background import tool_loop

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Mount, Route, WebSocketRoute
    from starlette.types import Message, Receive, Scope, Send
    from starlette.websockets import WebSocket

    from livewidget.serving import (
        NAMES,
        AsgiTransport,
        Blocked,
        OriginCheck,
        as_host,
        as_origin,
        service_error,
    )
except ImportError:
    text = 'A page without Jupyter needs Starlette and uvicorn: pip install "livewidget[web]".'
    raise ExtraMissing(text) from None

__all__ = ["Make", "May", "TalkApp", "TokenApp", "app", "token_app"]

#: What `app` is given: from a page's request to what a `LiveWidget` takes.
Make = Callable[[HTTPConnection], Any]
#: What `token_app` is given: from a request to the user's name, or to None where it gets no token.
May = Callable[[Request], "str | Awaitable[str | None] | None"]

#: Conversations at once. Chosen: twice what `benchmarks/web.py` measures on two cores, where thirty people
#: who ask the tutor by voice within fifteen seconds are all answered, with half a core and 21 MB each.
MOST_TALKS: Final = 64
#: Seconds that a conversation which no page shows is kept. Chosen: a phone in a pocket, a laptop that was
#: closed for a moment. Its connection to the service ends sooner, after `Limits.page_s`.
LEASE_S: Final = 600.0
#: Seconds that a token may be used. Chosen: an address that is opened tomorrow was forgotten, or stolen.
TOKEN_S: Final = 3600.0
#: Names of pages that one conversation binds to browsers before it drops those that its bridge has forgotten.
#: Chosen: three times what a bridge keeps.
_MOST_BOUND = 256
#: Open sockets that have not said who they are. Chosen: far more than pages that load at once.
_MOST_WAITING = 64

#: Tokens that one user gets in an hour. Chosen: a conversation takes one for each connection of ten minutes,
#: and for each one that breaks; and a page may be loaded again a few times.
PER_HOUR: Final = 30
#: Tokens that are made at once. Chosen: the service makes each in a fraction of a second.
_MOST_MINTING = 64
#: Bytes of a request for a token that `may` may read. Chosen: far more than a login's form.
_BODY_BYTES = 64 * 1024

_TITLE = "Conversation"
#: Headers of what a card may read in a page of any origin: that it is refused, and that it is not.
_READABLE = {**PAGE_HEADERS, "Access-Control-Allow-Origin": "*"}
_TOKEN_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_STATIC = Path(__file__).parent / "static"
_FILES = {"widget.js": "text/javascript", "page.js": "text/javascript", "widget.css": "text/css"}
#: Where a scope holds what was taken out of its headers.
_SHOWN = "livewidget.shown"

UNKNOWN: Final = "This page is not known here any more. Load it again."
NEEDS_ADDRESS: Final = (
    "This page was not let in, or is from a livewidget that has ended. Open the address that livewidget "
    "printed."
)
NEEDS_TOKEN: Final = (
    "This address was used before, or is too old. Open it in the browser that opened it first, or start "
    "livewidget again for a new one."
)
CARD_NEEDS_TOKEN: Final = (
    "This card has no token, which the server asks for. The page around it gets one from its own server."
)
CARD_TOKEN_USED: Final = (
    "This card's token was used before, or is too old. Each card takes one of its own, for one use: load "
    "this page again."
)
FULL: Final = "All {most} conversations of this server are taken. Try again in a few minutes."
CROWDED: Final = "Too many pages show this conversation. Close one of them, then load this page again."
TAKEN: Final = "Another page has this page's place in the conversation. Load this page again."
ENDING: Final = "This server is being stopped."
NO_UPGRADE: Final = (
    "The conversation needs a WebSocket, and something between this page and the server, such as a proxy, "
    "does not pass it on. Let it forward the headers Upgrade and Connection, then load this page again."
)
NO_CONNECT: Final = (
    "This page may not connect to the service itself, as direct=True asks for: name the service where the "
    'application is made, app(…, connect=["{origin}"]), or leave out direct=True.'
)
NO_TOKEN: Final = "You get no token here: sign in first, or ask whoever runs this server."
TOO_OFTEN: Final = "You have reached the limit of {per_hour} an hour for tokens. Try again in {wait}."
TOO_MANY: Final = "Too many people ask this server for tokens. Try again in {wait}."
BY_POST: Final = "Tokens are made by POST."
TOO_LONG: Final = "The request is too long: a token needs no body."
NO_ANSWER: Final = (
    "Whether you may have a token could not be found out ({kind}); the server's log says where."
)
FAILED: Final = "The conversation could not be prepared ({kind}); the server's log says where."

_log = logging.getLogger(__name__)


def app(
    make: Make | None = None,
    *,
    shared: bool = False,
    title: str = _TITLE,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
    tokens: bool = False,
    connect: Sequence[str] = (),
    most_talks: int = MOST_TALKS,
    lease_s: float = LEASE_S,
    on_refused: Callable[[Blocked], None] | None = None,
    clock: Clock | None = None,
) -> TalkApp:
    """Return an ASGI application that serves a page to talk with a live model.

    Each page has a conversation of its own. A page that is loaded again, or comes back after a break, goes on
    with it within `lease_s`. It is told by a cookie, and by an id that the browser keeps for each tab.

    To mount it in a Starlette or FastAPI application, pass the lifespan on, since mounted applications have
    none of their own there::

        talk = web.app(make)
        api = FastAPI(lifespan=talk.lifespan)
        api.mount("/talk", talk)

    An application with a lifespan of its own enters it there: `async with talk.lifespan(api): yield`. Without
    it the conversations end with the event loop, and the service is not told.

    All addresses in the page are relative, so that it works under any prefix. Conversations are kept in
    memory: serve it by one process, not by several workers.

    Args:
        make: Called for each new conversation with Starlette's `HTTPConnection` of its page; may be a
            coroutine function. It returns what a `LiveWidget` takes: a provider, a model id, or a mapping of
            its keyword arguments, such as `{"tools": [set_light], "voice": "Kore"}`. None, and no `make`: the
            default, which is Gemini if there is a key and else the offline tutor. A plain function runs in a
            thread. Tools run as in a notebook: functions on threads, coroutine functions on a loop of their
            own, not on the server's. If `make` raises, the page shows the sentence of a `LiveError`, the
            `detail` of an `HTTPException`, and of any other error the class alone; the traceback goes to the
            log `livewidget.web`.
        shared: One conversation for all pages. `make` gets the request of the first. One page at a time has
            microphone and voice; up to 16 read along and type.
        title: The page's title.
        hosts: Names by which pages reach the application: "talk.example" at any port, or
            "talk.example:8443". By default this computer's own, 127.0.0.1 and localhost, at any port.
        origins: Origins of pages that may use it, beside those that it serves itself: of pages with a
            `<live-card>`, such as "https://shop.example"; and where a proxy does not pass `Host` on, the
            address that people see, such as "https://talk.example".
        tokens: Whether a browser or a card is let in by a single-use token only (see `TalkApp.token`).
            Without it whoever reaches the application may talk: put it behind your own login, or on a network
            of your own.
        connect: Origins of services that the page opens a socket to itself: what `make` returns with
            `direct=True` needs "wss://generativelanguage.googleapis.com" here. Browsers are told with the
            page, before `make` is called, that it connects nowhere else.
        most_talks: Conversations at once; a further page gets a sentence.
        lease_s: Seconds that a conversation is kept which no page shows.
        on_refused: Called with each request that is refused because of its host or origin. By default the
            log says so, once for each of the two.
        clock: Another clock for tokens and cookies; for tests.

    Raises:
        UsageError: If an argument is not what it is to be.
    """
    if make is not None and not callable(make):
        raise UsageError(
            "make is a function that takes a page's request and returns what a LiveWidget takes; "
            "leave it out for the default."
        )
    if isinstance(most_talks, bool) or not isinstance(most_talks, int) or most_talks < 1:
        raise UsageError("most_talks is a whole number from 1 on.")
    connect = (connect,) if isinstance(connect, str) else tuple(connect)
    talks = Talks(
        make, shared=shared, most=most_talks, lease_s=check_seconds(lease_s, "lease_s"), connect=connect
    )
    return TalkApp(
        talks,
        title=title,
        hosts=_hosts(hosts),
        origins=tuple(map(as_origin, origins)),
        tokens=tokens,
        headers=page_headers(connect),
        on_refused=on_refused,
        clock=clock,
    )


def _hosts(hosts: Sequence[str] | None) -> tuple[str, ...]:
    return (*NAMES, "[::1]") if hosts is None else tuple(map(as_host, hosts))


class _RefusalLog:
    """Says in the log, once for host and origin each, that a request was refused."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def __call__(self, blocked: Blocked) -> None:
        if blocked.what not in self._logged:
            self._logged.add(blocked.what)
            named = "name it in hosts=[…]" if blocked.what == "host" else "name it in origins=[…]"
            _log.warning("A request was refused because of its %s. If it is yours, %s.", blocked.what, named)


class TalkApp:
    """The ASGI application that `app` returns."""

    def __init__(
        self,
        talks: Talks,
        *,
        title: str,
        hosts: Sequence[str],
        origins: Sequence[str],
        tokens: bool,
        headers: Mapping[str, str],
        on_refused: Callable[[Blocked], None] | None,
        clock: Clock | None,
    ) -> None:
        """Serve pages of `talks`; the other arguments are those of `app`, checked."""
        self._talks = talks
        self._tickets: Tickets[None] | None = Tickets(clock) if tokens else None
        self._visitors: PageSessions[Visitor] = PageSessions(clock)
        # Cookies do not tell ports apart: another livewidget on this computer has another name.
        self._cookie = f"livewidget-{secrets.token_hex(6)}"
        self._waiting = 0
        self._ending = False
        self._html = page_html(title)
        self._headers = headers
        self._files = {name: (_STATIC / name).read_bytes() for name in _FILES}
        guarded = Starlette(
            routes=[
                Route("/", self._page),
                Route("/session", self._session),
                Route("/here", self._here),
                WebSocketRoute("/socket", self._socket),
                Route("/socket", self._without_upgrade),
                *(Route(f"/{name}", self._file) for name in _FILES),
            ]
        )
        check = OriginCheck(
            guarded,
            port=None,
            hosts=hosts,
            origins=origins,
            gives_pages=True,
            on_refused=on_refused or _RefusalLog(),
            refuse=lambda scope, status, why: PlainTextResponse(why + "\n", status, _READABLE),
        )
        # A load balancer asks by an address of its own, and learns nothing else.
        self._app = Starlette(
            routes=[Route("/health", self._health), Mount("/", check)],
            lifespan=self.lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan, as ASGI asks for."""
        if scope["type"] in ("http", "websocket"):
            scope = self._aside(scope)
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, application: object = None) -> AsyncIterator[None]:
        """End every conversation when the block is left; an ASGI server that runs this app enters it.

        Args:
            application: The application that this one is mounted in; not used.
        """
        self._ending = False  # it may have been closed before, as tests of an application do
        self._talks.open()
        try:
            yield
        finally:
            await self.close()

    def token(self, seconds: float = TOKEN_S) -> Secret:
        """Return a new token, which lets one browser or one card in, once, within `seconds`.

        Put it behind the `#` of the page's address: browsers do not send that part, so it stands in no log.
        A page with a `<live-card>` gets one for each card from an endpoint of yours, which decides who may::

            @api.post("/token")
            def token(user: User = Depends(signed_in)) -> dict[str, str]:
                return {"token": talk.token().reveal()}

        Raises:
            UsageError: If the application was made without `tokens=True`.
        """
        if self._tickets is None:
            raise UsageError("This application asks for no tokens; make it with tokens=True.")
        return self._tickets.issue(None, "", check_seconds(seconds, "seconds")).token

    def admits(self, request: HTTPConnection) -> str | None:
        """Return a name for the browser that a request is from, if it was let in here; for `token_app`.

        Browsers send the cookie that shows it to addresses below that of the page only: mount the page at
        "/talk" and tokens at "/talk/token", before it.
        """
        visitor = self._visitors.find(Secret(request.cookies.get(self._cookie, "")))
        return None if visitor is None else visitor.name

    @property
    def talks(self) -> int:
        """How many conversations there are."""
        return len(self._talks)

    async def unused(self, seconds: float) -> None:
        """Return once no page has been open for so long, from the beginning on."""
        await self._talks.unused(seconds)

    async def close(self) -> None:
        """End every conversation, tell the pages, and let no others in; twice is allowed."""
        self._ending = True
        await self._talks.close()

    def _aside(self, scope: Scope) -> Scope:
        """Take this app's own credentials out of a request.

        Whatever answers the request has frames that hold the scope, and an error there shows it to every tool
        that prints local variables.
        """
        shown, kept = _Shown(), []
        asks_for_session = scope["type"] == "http" and scope["path"].endswith("/session")
        for name, value in scope["headers"]:
            if name == b"cookie":
                value, shown.cookie = _without(value, self._cookie.encode())
            elif name == b"authorization" and self._tickets is not None and asks_for_session:
                scheme, _, token = value.partition(b" ")
                if scheme.lower() == b"bearer":
                    shown.token = Secret(token.decode("latin-1").strip())
                continue
            kept.append((name, value))
        return {**scope, "headers": kept, _SHOWN: shown}

    async def _page(self, request: Request) -> Response:
        return Response(self._html, headers=self._headers, media_type="text/html")

    async def _file(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response(self._files[name], headers=PAGE_HEADERS, media_type=_FILES[name])

    async def _health(self, request: Request) -> Response:
        """Tell a load balancer whether to send pages here."""
        status, word = (503, "ending") if self._ending else (200, "ok")
        return PlainTextResponse(word, status, PAGE_HEADERS)

    async def _here(self, request: Request) -> Response:
        """Tell a card that its page may use this server: browsers do not say why a socket failed."""
        return Response(status_code=204, headers=_READABLE)

    async def _session(self, request: Request) -> Response:
        """Let a browser in: give it the cookie by which its pages are known from now on."""
        shown: _Shown = request.scope[_SHOWN]
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return _refused("Pages of other origins may not use this server.")
        is_new = self._tickets is None
        if self._tickets is not None and shown.token is not None:
            is_new = self._tickets.redeem(shown.token, "") is not None
        # Whoever opens the address again, in the browser that was let in, goes on there.
        if shown.cookie is not None and (visitor := self._visitors.find(shown.cookie)) is not None:
            if visitor.lacks_upgrade:
                visitor.lacks_upgrade = False  # a page that is loaded again tries it again
                return _refused(NO_UPGRADE)
            return Response(status_code=204, headers=PAGE_HEADERS)
        if not is_new:
            return _refused(NEEDS_TOKEN if shown.token is not None else NEEDS_ADDRESS)
        response = Response(status_code=204, headers=PAGE_HEADERS)
        session = self._visitors.open(Visitor())
        # Without a path browsers take that of this request, up to its last slash, whatever is in front of it.
        response.set_cookie(
            self._cookie,
            session.reveal(),
            path=None,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def _without_upgrade(self, request: Request) -> Response:
        """Refuse a handshake that arrived as an ordinary request, as proxies make it that know no WebSockets.

        Browsers do not show a page why a handshake failed: it is told when it asks for its session again.
        """
        shown: _Shown = request.scope[_SHOWN]
        visitor = self._visitors.find(shown.cookie) if shown.cookie is not None else None
        if visitor is not None and "Sec-WebSocket-Key" in request.headers:
            visitor.lacks_upgrade = True
        headers = {**PAGE_HEADERS, "Upgrade": "websocket"}
        return PlainTextResponse(NO_UPGRADE + "\n", 426, headers)

    async def _socket(self, websocket: WebSocket) -> None:
        """Let a page that is known talk until its socket ends."""
        if self._waiting >= _MOST_WAITING:
            await websocket.close(1013)  # before it is accepted: the handshake is refused
            return
        await websocket.accept()
        transport = AsgiTransport(websocket)
        shown: _Shown = websocket.scope[_SHOWN]
        try:
            self._waiting += 1
            try:
                opening = await read_opening(transport)
            finally:
                self._waiting -= 1
            if self._ending:
                raise LinkRefused(ENDING)
            visitor, session = self._admit(opening, shown.cookie)
            # A card comes back with the same session; a page's browser keeps it as a cookie.
            spare = None if session is shown.cookie else Ticket(visitor, session, "", opening.client)
            request = HTTPConnection(websocket.scope)
            async with self._talks.visit(visitor, opening, request) as talk:
                controller = talk.controller.result()
                links = controller.links
                if len(links) >= MOST_LINKS and opening.client not in links:
                    raise LinkRefused(CROWDED)
                await transport.send(greeting(talk.name, spare))
                with self._visitors.held(session):
                    await links.serve(transport, opening.client)
        except LinkRefused as refused:
            await refuse(transport, str(refused))
        except TransportClosed:
            pass  # the page is gone

    def _admit(self, opening: Opening, cookie: Secret | None) -> tuple[Visitor, Secret]:
        """Return who opens a socket, and the session by which they are known.

        Raises:
            LinkRefused: If they may not.
        """
        shown = Secret(opening.token) if opening.token else cookie
        if shown is not None and (known := self._visitors.find(shown)) is not None:
            return known, shown
        if self._tickets is None:
            if not opening.card:
                raise LinkRefused(UNKNOWN)
        elif not opening.token:
            raise LinkRefused(CARD_NEEDS_TOKEN if opening.card else UNKNOWN)
        elif self._tickets.redeem(Secret(opening.token), "") is None:
            raise LinkRefused(CARD_TOKEN_USED)
        visitor = Visitor()
        return visitor, self._visitors.open(visitor)


@dataclass(slots=True, eq=False)
class Visitor:
    """A browser that was let in, or a card.

    Attributes:
        lacks_upgrade: Its last handshake arrived without what makes it one.
        name: Tells it from others.
    """

    lacks_upgrade: bool = False
    name: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(slots=True)
class _Shown:
    """What a request showed to be let in."""

    token: Secret | None = None
    cookie: Secret | None = None


def _without(header: bytes, name: bytes) -> tuple[bytes, Secret | None]:
    """Return a Cookie header without the cookie of that name, and its value."""
    value, others = None, []
    for part in header.split(b";"):
        key, _, content = part.strip().partition(b"=")
        if key == name:
            value = Secret(content.decode("latin-1"))
        elif part.strip():
            others.append(part.strip())
    return b"; ".join(others), value


def _refused(why: str) -> Response:
    return PlainTextResponse(why, 403, PAGE_HEADERS)


def token_app(
    gemini: Gemini | None = None,
    *,
    may: May | None = None,
    per_hour: int = PER_HOUR,
    uses: int = 1,
    expires_s: float = 1800,
    new_session_s: float = 60,
    model: str | None = None,
    config: LiveConfig | None = None,
    tools: Iterable[Tool | Callable[..., Any] | Mapping[str, Any]] = (),
    lock: Iterable[str] | None = None,
    hosts: Sequence[str] | None = None,
    origins: Sequence[str] = (),
    on_refused: Callable[[Blocked], None] | None = None,
    clock: Clock | None = None,
) -> TokenApp:
    """Return an ASGI application that hands out ephemeral tokens, so that no key leaves the server.

    Whoever has one connects to the service with it: `Gemini(direct=True, token_url="/token")` in a page,
    `Gemini(token_url="https://…/token")` in a notebook, or Google's own SDKs. A whole application, with a
    login of its own::

        import secrets
        from fastapi import Body, FastAPI, HTTPException, Response
        from livewidget import Gemini, web

        PASSWORDS = {"ada": "engine"}                    # yours are hashed, and in a database
        signed_in = {}                                   # from cookie to user

        def user_of(request):
            return signed_in.get(request.cookies.get("login"))

        api = FastAPI()
        api.add_route("/token", web.token_app(Gemini(), may=user_of, per_hour=20))

        @api.post("/login")
        def login(response: Response, name: str = Body(), password: str = Body()):
            if PASSWORDS.get(name) != password:
                raise HTTPException(403)
            cookie = secrets.token_urlsafe()
            signed_in[cookie] = name
            response.set_cookie("login", cookie, httponly=True, secure=True, samesite="strict")

    A page of that server then does, with Google's SDK for JavaScript::

        const token = await (await fetch("/token", { method: "POST" })).json();
        const ai = new GoogleGenAI({ apiKey: token.name, httpOptions: { apiVersion: "v1alpha" } });

    The answer is the `AuthToken` of Google's API: `name`, `expireTime`, `newSessionExpireTime`, `uses`, and
    the model where the token fixes one. A refusal is an error as Google's APIs give it,
    `{"error": {"code", "message", "status"}}`, whose message is one sentence for the person: 403 where `may`
    or the origin says no, 429 with `Retry-After` where the tokens of an hour are spent, 502 where the service
    refuses. Tokens are counted in memory: serve it by one process.

    Args:
        gemini: The service, with the key; None: `Gemini()`, whose key is in the environment.
        may: Called with Starlette's `Request`; may be a coroutine function. It returns the user's name, by
            which tokens are counted, or None: no token. A plain function runs in a thread. If it raises an
            `HTTPException`, that is the answer. `TalkApp.admits` is one: it lets the browsers have tokens
            that `app(tokens=True)` let in. None: whoever reaches it gets tokens, counted by network address,
            so put it behind your own login.
        per_hour: Tokens for each user within any hour, from 1 on.
        uses: How many sessions a token opens; 0: any number, which makes `per_hour` worth little.
        expires_s: Seconds until the service stops taking messages of a token; less than 20 hours.
        new_session_s: Seconds until a token opens no more sessions.
        model: The model that a token is for; see `mint`, also for the next three.
        config: The configuration that it fixes. The service takes it in place of what is asked for, and does
            not say so.
        tools: Functions that it fixes with the configuration.
        lock: Which fields it fixes.
        hosts: Names by which the application is reached; see `app`.
        origins: Origins of other servers' pages that may ask, such as "https://app.example"; they may send
            cookies and `Authorization`, and read the answer.
        on_refused: Called with each request that is refused because of its host or origin; see `app`.
        clock: Another clock for the hour; for tests.

    Raises:
        ConfigError: If a value is out of its range, or the model does not take the configuration.
        KeyMissing: If there is no key, or a token in its place.
        UsageError: If another argument is not what it is to be.
    """
    if may is not None and not callable(may):
        raise UsageError("may is a function that takes a request and returns the user's name, or None.")
    if isinstance(per_hour, bool) or not isinstance(per_hour, int) or per_hour < 1:
        raise UsageError("per_hour is a whole number of tokens from 1 on.")
    allowed = tuple(map(as_origin, origins))
    if "null" in allowed:
        raise UsageError("null is the origin of any site's page in a sandbox: it cannot be given tokens.")
    gemini = Gemini() if gemini is None else gemini
    options: dict[str, Any] = {
        "uses": uses,
        "expires_s": expires_s,
        "new_session_s": new_session_s,
        "model": model,
        "config": config,
        "tools": tuple(tools),
        "lock": None if lock is None else tuple(lock),
    }
    # What cannot work is said here, and not to the first user.
    asked, _, _ = token_request(gemini, **options)
    setup, mask = asked.bidi_generate_content_setup, asked.field_mask
    fixed = setup.model if setup is not None and (mask is None or "model" in mask.split(",")) else ""
    return TokenApp(
        partial(mint, gemini, **options),
        may,
        HourlyLimit(per_hour, clock),
        TOO_OFTEN.format(per_hour=per_hour, wait="{wait}"),
        fixed,
        hosts=_hosts(hosts),
        origins=allowed,
        on_refused=on_refused,
    )


class TokenApp:
    """The ASGI application that `token_app` returns."""

    def __init__(
        self,
        make: Callable[[], Awaitable[Token]],
        may: May | None,
        limit: HourlyLimit,
        too_often: str,
        model: str,
        *,
        hosts: Sequence[str],
        origins: Sequence[str],
        on_refused: Callable[[Blocked], None] | None,
    ) -> None:
        """Hand out what `make` makes, for `model` only unless that is ""; see `token_app` for the others."""
        self._make = make
        self._model = model
        self._may = may
        self._limit = limit
        self._too_often = too_often
        self._minting = 0
        # A page that may ask is to read why it gets none, too.
        readable = CORSMiddleware(
            self._serve,
            allow_origins=origins,
            allow_methods=("POST",),
            allow_headers=("Authorization", "Content-Type"),
            allow_credentials=True,
            expose_headers=("Retry-After",),
        )
        self._app = OriginCheck(
            readable,
            port=None,
            hosts=hosts,
            origins=origins,
            gives_pages=True,
            on_refused=on_refused or _RefusalLog(),
            refuse=lambda scope, status, why: _no_token(status, why),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI asks for."""
        await self._app(scope, receive, send)

    def count(self, user: str) -> int:
        """Return how many tokens a user of `may` got within the last hour."""
        return self._limit.count(user)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        assert scope["type"] == "http"  # so servers find out that there is no lifespan
        response = await self._answer(Request(scope, _bounded(receive)))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return _no_token(405, BY_POST, {"Allow": "POST"})
        length = request.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length[:9]) > _BODY_BYTES:
            return _no_token(413, TOO_LONG)
        try:
            user = await self._user(request)
        except HTTPException as error:
            return _no_token(error.status_code, redact(str(error.detail)), error.headers)
        except Exception as error:
            _log.error("A token was not made:\n%s", redact("".join(traceback.format_exception(error))))
            return _no_token(500, NO_ANSWER.format(kind=type(error).__name__))
        if user is None:
            return _no_token(403, NO_TOKEN)
        if self._minting >= _MOST_MINTING:
            return _wait(503, TOO_MANY, 1)
        wait_s = self._limit.take(user)
        if wait_s:
            return (
                _wait(429, self._too_often, wait_s)
                if self._limit.count(user)
                else _wait(503, TOO_MANY, wait_s)
            )
        self._minting += 1
        try:
            token = await self._make()
        except LiveError as error:
            self._limit.give_back(user)
            _log.warning("A token was not made: %s", error)
            again = {"Retry-After": str(math.ceil(error.retry_after_s))} if error.retry_after_s else None
            return _no_token(502, str(error), again)
        finally:
            self._minting -= 1
        return _TokenResponse(token, self._model)

    async def _user(self, request: Request) -> str | None:
        """Return who asks; None: nobody who may.

        Raises:
            TypeError: If `may` returns something else.
        """
        user: Any
        if self._may is None:
            return _address(request)
        if inspect.iscoroutinefunction(self._may):
            user = await self._may(request)
        else:
            user = await run_in_threadpool(self._may, request)
            user = await user if inspect.isawaitable(user) else user
        if user is not None and not isinstance(user, str):
            raise TypeError(f"may returns the user's name or None, not {type(user).__name__}")
        return user


def _address(request: Request) -> str:
    """Return the network that a request is from, as far as it can be one person's."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    # Whoever has one IPv6 address has 2**64 of them.
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


def _bounded(receive: Receive) -> Receive:
    """Return `receive` for at most `_BODY_BYTES` of a body."""
    left = _BODY_BYTES

    async def receive_some() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, TOO_LONG)
        return message

    return receive_some


def _wait(status: int, sentence: str, seconds: float) -> Response:
    """Return a refusal that ends in so many seconds."""
    minutes = math.ceil(seconds / 60)
    wait = f"{minutes} minutes" if minutes > 1 else "a minute"
    return _no_token(status, sentence.format(wait=wait), {"Retry-After": str(math.ceil(seconds))})


def _no_token(status: int, why: str, more: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        service_error(status, why), status, {**_TOKEN_HEADERS, "Connection": "close", **(more or {})}
    )


class _TokenResponse(JSONResponse):
    """The answer that holds a token; no error of whoever sends it shows that in its frames."""

    def __init__(self, token: Token, model: str) -> None:
        # So that who asks for another model is told; what else is fixed is nobody's business.
        fixed = {"bidiGenerateContentSetup": {"model": model}, "fieldMask": "model"} if model else {}
        super().__init__(
            {
                "name": token.reveal(),
                "expireTime": _rfc3339(token.expires),
                "newSessionExpireTime": _rfc3339(token.opens_until),
                "uses": token.uses,
                **fixed,
            },
            headers=_TOKEN_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except BaseException as error:
            failed = error
        else:
            return
        raise cut(failed)


def _rfc3339(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(eq=False, slots=True)
class Talk:
    """One conversation.

    Attributes:
        controller: The conversation, once it is made.
        name: Tells it from others, to a page that comes back.
        browsers: The browser of each page, by the page's name.
        pages: How many pages have it open.
        lease: Ends it; runs while no page has it open.
    """

    controller: asyncio.Task[Controller]
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    browsers: dict[str, Visitor] = field(default_factory=dict)
    pages: int = 0
    lease: asyncio.TimerHandle | None = None

    @property
    def is_made(self) -> bool:
        """Whether there is a controller."""
        made = self.controller
        return made.done() and not made.cancelled() and made.exception() is None

    def binds(self, client: str, visitor: Visitor) -> bool:
        """Bind a page's name to the browser that brings it first; return whether it is this browser's.

        Pages of a shared conversation learn one another's names, and a bridge knows a page by its name alone.
        """
        bridge, links = self.controller.result().bridge, self.controller.result().links
        if client not in self.browsers and len(self.browsers) >= _MOST_BOUND:
            for name in list(self.browsers):
                known = bridge.front_ends.of(name) is not None or bridge.front_ends.was_here(name)
                if not known and name not in links:
                    del self.browsers[name]
        return self.browsers.setdefault(client, visitor) is visitor

    @property
    def is_blank(self) -> bool:
        """Whether nobody looks at it and nothing was ever said in it."""
        if self.pages or not self.is_made:
            return False
        state = self.controller.result().state
        return state.phase == "idle" and not state.turns

    async def end(self) -> None:
        """Close it, made or not; twice is allowed."""
        if self.lease is not None:
            self.lease.cancel()
        self.controller.cancel()
        await asyncio.wait([self.controller])
        if self.is_made:
            await self.controller.result().close()


class Talks:
    """The conversations of one application. Everything runs on the loop of its server."""

    def __init__(
        self, make: Make | None, *, shared: bool, most: int, lease_s: float, connect: Collection[str]
    ) -> None:
        """Have none yet; the arguments are those of `app`."""
        self._make = make
        self._connect = connect
        self._shared = shared
        self._most = most
        self._lease_s = lease_s
        self._talks: dict[object, Talk] = {}
        self._expiring: set[asyncio.Task[None]] = set()
        self._pages = 0
        self._left_s = time.monotonic()  # when the last page left
        self._closed = False

    def __len__(self) -> int:
        return len(self._talks)

    @asynccontextmanager
    async def visit(self, visitor: Visitor, opening: Opening, request: HTTPConnection) -> AsyncIterator[Talk]:
        """Give a page its conversation, which is made, while the block runs: the one it had, or a new one.

        Args:
            visitor: Its browser.
            opening: Its name and its tab.
            request: What `make` gets.

        Raises:
            LinkRefused: If there cannot be one; the reason is for the person at the page.
        """
        key = None if self._shared else (visitor, opening.tab)
        talk = self._talks.get(key)
        if talk is None:
            in_place_of = self._make_room()
            talk = self._talks[key] = Talk(asyncio.create_task(self._new(request, in_place_of)))
        talk.pages += 1
        self._pages += 1
        if talk.lease is not None:
            talk.lease.cancel()
            talk.lease = None
        try:
            # A page that leaves meanwhile may be back, and others may wait for the same.
            await asyncio.shield(talk.controller)
            if not talk.binds(opening.client, visitor):
                raise LinkRefused(TAKEN)
            yield talk
        finally:
            talk.pages -= 1
            self._pages -= 1
            self._left_s = time.monotonic()
            if self._talks.get(key) is talk and not talk.pages:
                if talk.controller.done() and not talk.is_made:
                    del self._talks[key]
                else:
                    talk.lease = asyncio.get_running_loop().call_later(self._lease_s, self._expire, key, talk)

    async def unused(self, seconds: float) -> None:
        """Return once no page has been there for so long."""
        while True:
            now = time.monotonic()
            left = seconds if self._pages else self._left_s + seconds - now
            if left <= 0:
                return
            await asyncio.sleep(left)

    def open(self) -> None:
        """Make conversations, again if it was closed."""
        self._closed = False

    async def close(self) -> None:
        """End all, and make no others; twice is allowed."""
        self._closed = True
        talks, self._talks = list(self._talks.values()), {}
        await asyncio.gather(*(talk.end() for talk in talks), *self._expiring)

    def _make_room(self) -> Talk | None:
        """Return a conversation that a new one takes the place of, if one must go for it.

        Raises:
            LinkRefused: If there is no room.
        """
        if self._closed:
            raise LinkRefused(ENDING)
        if len(self._talks) < self._most:
            return None
        for key, talk in self._talks.items():
            if talk.is_blank:
                return self._talks.pop(key)
        raise LinkRefused(FULL.format(most=self._most))

    def _expire(self, key: object, talk: Talk) -> None:
        if self._talks.get(key) is talk:
            del self._talks[key]
            task = asyncio.create_task(talk.end())
            self._expiring.add(task)
            task.add_done_callback(self._expiring.discard)

    async def _new(self, request: HTTPConnection, in_place_of: Talk | None) -> Controller:
        """Make a conversation, once the one is closed that goes for it.

        Raises:
            LinkRefused: If `make` or what it returned fails.
        """
        if in_place_of is not None:
            await in_place_of.end()
        try:
            return _controller(await self._given(request), self._connect)
        except LiveError as error:
            _log.warning("A page has no conversation: %s", error)
            refusal = str(error)
        except HTTPException as error:
            refusal = redact(str(error.detail))
        except Exception as error:
            _log.error("A page has no conversation:\n%s", redact("".join(traceback.format_exception(error))))
            refusal = FAILED.format(kind=type(error).__name__)
        raise LinkRefused(refusal)

    async def _given(self, request: HTTPConnection) -> Any:
        if self._make is None:
            return None
        if inspect.iscoroutinefunction(self._make):
            return await self._make(request)
        made = await run_in_threadpool(self._make, request)
        return await made if inspect.isawaitable(made) else made


def _controller(given: Any, connect: Collection[str]) -> Controller:
    """Return the conversation that `make` asked for, whose page may connect to the origins `connect`."""
    given = hide_options(given)
    options = read_options(given)
    provider = options.spec.provider
    if provider.direct and not (connect and provider.service_origin in ("", *connect)):
        raise ConfigError(NO_CONNECT.format(origin=provider.service_origin or "wss://…"))
    return Controller(
        options.spec,
        post=_nowhere,
        publish=_nowhere,
        dispatch=_nowhere,
        callback_kinds=(),
        busy=lambda: "",
        tool_loop=tool_loop,
        reconnect=options.reconnect,
        explorer=options.explorer,
        show_details=False,  # A visitor has no business with the insides of the program.
    )


def _nowhere(*_: object) -> None:
    """There is no notebook to save a transcript in, and no program that takes events."""
