"""`PageServer`: the kernel's server for sockets of cards, and for companion pages with theirs.

One for all widgets of a kernel, on the background loop: their messages arrive while a cell runs. It listens
on 127.0.0.1, at a port of the system's choice, from the first time that a page or a program asks for it until
no widget is left that did.

In: requests, each refused unless `Host` and `Origin` are this computer's own, or those of a page that a
widget knows over its comm; then a token for one use, or the cookie that a companion page got for one. Out:
open sockets, handed to `Links`. Everything but the constructor runs on the background loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import html
import logging
import os
import re
import secrets
import socket
import sys
import threading
import weakref
import webbrowser
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from livewidget.clock import Clock
from livewidget.errors import StateError
from livewidget.secret import Secret
from livewidget.tables import NO_FORMULAS
from livewidget.transports.base import CLOSE_TIMEOUT, TransportClosed
from livewidget.ui import messages as m
from livewidget.ui.controller import no_socket
from livewidget.ui.links import (
    FRAME_BYTES,
    OPENING_S,
    PAGE_HEADERS,
    UNKNOWN,
    LinkRefused,
    Links,
    PageSessions,
    Tickets,
    greeting,
    page_headers,
    page_html,
    read_opening,
    refuse,
)
from livewidget.widget.background import Background

HOST: Final = "127.0.0.1"
#: `LIVEWIDGET_SOCKET=0` keeps cards from asking for sockets: they use the comm alone.
SWITCH: Final = "LIVEWIDGET_SOCKET"
#: Seconds in which a token may be used. Chosen: a card comes back without the comm while a cell runs for an
#: hour, and keeps an address of its companion page at hand.
TOKEN_S: Final = 3600.0
#: Seconds in which a link in a cell may be used. Chosen: a person clicks it at once, or opens a tunnel first;
#: what a notebook that was saved meanwhile holds is of no use afterwards.
LINK_S: Final = 300.0
#: Sockets that may wait for their first frame at once. Chosen: far more than a person opens together.
MOST_OPENING: Final = 32
#: Origins that one widget knows from its pages. Chosen: more than ways lead to one notebook.
MOST_ORIGINS: Final = 8
#: Seconds between pings, and until a page counts as gone that does not answer one. Chosen: proxies close what
#: is silent for a minute; a computer that was busy for long may answer late.
PING_S: Final = 20.0
PONG_S: Final = 60.0

_STATIC: Final = Path(__file__).parent.parent / "static"
_FILES: Final = {
    "widget.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "widget.css": "text/css; charset=utf-8",
}
#: What a card loads in a hidden frame before it opens its socket, to see whether this server is on its
#: computer: a frame that finds nobody leaves no line in the browser's console. js/src/link.ts waits for the
#: word.
_HERE: Final = b"<!doctype html><script>parent.postMessage('livewidget', '*')</script>"
_HERE_SHA256: Final = base64.b64encode(
    hashlib.sha256(_HERE.partition(b"<script>")[2].partition(b"</script>")[0]).digest()
).decode()
#: Any page may load it: its address is known to nobody else, and it says no more than that word.
_HERE_HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; script-src 'sha256-{_HERE_SHA256}'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_OTHER_ORIGIN: Final = "Pages of other origins may not use this server."
_OTHER_HOST: Final = "This server answers to its own address on this computer only."
_NO_TALK: Final = (
    "This conversation has ended, or its kernel was restarted: open the page anew from the notebook."
)
_NO_PORT: Final = "No port on 127.0.0.1 could be opened for the page; the talk goes on in the notebook."

# At ERROR, websockets logs tracebacks of clients that do not speak its language; at DEBUG, every header.
_log = logging.getLogger("livewidget.widget.page_server.websockets")
_log.setLevel(logging.CRITICAL + 1)
_log.propagate = False


@dataclass(eq=False, slots=True)
class Hosted:
    """A widget on the server; it is listed there while somebody may ask for it.

    Attributes:
        server: The server of its background loop.
        links: Takes its sockets.
        title: What its companion page is called.
        on_page_opened: Called when a companion page was opened with a token.
        services: Returns the origins of services that its pages open sockets to themselves.
        id: The folder of its companion page.
        origins: Origins of its pages, as they were told over the comm.
    """

    server: PageServer
    links: Links
    title: str
    on_page_opened: Callable[[], object]
    services: Callable[[], Collection[str]] = tuple
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    origins: OrderedDict[str, None] = field(default_factory=OrderedDict)

    @property
    def path(self) -> str:
        """The path of its companion page."""
        return f"/{self.id}/"

    @property
    def cookie(self) -> str:
        """The name of its companion page's cookie: those of one host are seen at all its ports."""
        return f"livewidget-{self.id}"

    def offer(self, client: str, origin: str) -> m.SocketOffer:
        """Return where a card can open a socket; `origin` is that of its page, as told over the comm."""
        if os.environ.get(SWITCH) == "0":
            return no_socket(client, "off")
        try:
            self.server.add(self)
        except OSError:
            return no_socket(client, "unavailable")
        self.origins[origin] = None
        self.origins.move_to_end(origin)
        while len(self.origins) > MOST_ORIGINS:
            self.origins.popitem(last=False)
        ticket = self.server.sockets.issue(self, origin, TOKEN_S, client)
        return m.SocketOffer(
            client=client,
            port=self.server.port,
            token=ticket.token.reveal(),
            proof=ticket.proof,
            page=self.path,
            page_token=self.server.pages.issue(self, "", TOKEN_S).token.reveal(),
            reason="",
        )

    def page_url(self, seconds: float = TOKEN_S) -> str:
        """Return an address of its companion page, for one use within `seconds`.

        Raises:
            StateError: If no port can be opened.
        """
        try:
            self.server.add(self)
        except OSError:
            raise StateError(_NO_PORT) from None
        ticket = self.server.pages.issue(self, "", seconds)
        return f"http://{HOST}:{self.server.port}{self.path}#{ticket.token.reveal()}"

    async def end(self) -> None:
        """Let nobody in any more, and end its sockets."""
        await self.links.close()
        await self.server.remove(self)


class PageServer:
    """Serves the pages and sockets of a kernel's widgets, on the background loop.

    Attributes:
        port: Where it listens; 0 while it does not.
        sockets: Tokens of cards for their sockets.
        pages: Tokens of companion pages for their cookies.
        sessions: Those cookies.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Listen nowhere yet."""
        self.port = 0
        self.sockets: Tickets[Hosted] = Tickets(clock)
        self.pages: Tickets[Hosted] = Tickets(clock)
        self.sessions: PageSessions[Hosted] = PageSessions(clock)
        self._hosted: dict[str, Hosted] = {}
        self._serving: asyncio.Task[None] | None = None
        self._opening = 0

    def add(self, hosted: Hosted) -> None:
        """Serve this widget, and listen if need be.

        Raises:
            OSError: If no port can be opened.
        """
        if self._serving is None or self._serving.done():
            # asyncio sends at once only on sockets that are said to be of TCP.
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            try:
                listener.bind((HOST, 0))
                listener.listen()
                listener.setblocking(False)
                self.port = listener.getsockname()[1]
            except OSError:
                listener.close()
                raise
            loop = asyncio.get_running_loop()
            self._serving = loop.create_task(self._run(listener), name="livewidget pages")
            # Not in the task: one that is cancelled before its first step does nothing at all.
            self._serving.add_done_callback(lambda _: listener.close())
        self._hosted[hosted.id] = hosted

    async def remove(self, hosted: Hosted) -> None:
        """Let nobody in any more; without another widget the server ends."""
        self._hosted.pop(hosted.id, None)
        for kept in (self.sockets, self.pages, self.sessions):
            kept.end(hosted)
        if not self._hosted:
            serving, self._serving, self.port = self._serving, None, 0
            if serving is not None:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    async def _run(self, listener: socket.socket) -> None:
        async with serve(
            self._on_socket,
            sock=listener,
            process_request=self._on_request,
            server_header=None,
            compression=None,
            max_size=FRAME_BYTES,
            open_timeout=OPENING_S,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            close_timeout=CLOSE_TIMEOUT,
            logger=_log,
        ):
            await asyncio.get_running_loop().create_future()

    def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request, or return None to let it open a socket."""
        hosted, name = self._find(request.path)
        hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        known = tuple(hosted.origins) if hosted is not None else ()
        own = [f"{own}:{self.port}" for own in (HOST, "localhost")]
        if host not in own and not any(host in _hosts_of(origin) for origin in known):
            return _text(HTTPStatus.FORBIDDEN, _OTHER_HOST)
        if len(origins) > 1 or not {*known, *(f"http://{host}" for host in own)}.issuperset(origins):
            return _text(HTTPStatus.FORBIDDEN, _OTHER_ORIGIN)
        if getattr(request, "method", "GET") != "GET":  # earlier versions of websockets take nothing else
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, "This server answers to GET only.")
        if hosted is None:
            return _text(HTTPStatus.NOT_FOUND, _NO_TALK)
        if name == "socket":
            if not origins:
                return _text(HTTPStatus.FORBIDDEN, _OTHER_ORIGIN)
            if self._opening >= MOST_OPENING:
                return _text(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are connecting at once.")
            return None
        if name == "session":
            return self._session(hosted, request.headers, host)
        if name == "":
            headers = page_headers(hosted.services())
            return _answer(
                HTTPStatus.OK, page_html(hosted.title).encode(), "text/html; charset=utf-8", headers
            )
        if name == "here":
            return _answer(HTTPStatus.OK, _HERE, "text/html; charset=utf-8", _HERE_HEADERS)
        if name in _FILES:
            with contextlib.suppress(OSError):
                return _answer(HTTPStatus.OK, (_STATIC / name).read_bytes(), _FILES[name])
        return _text(HTTPStatus.NOT_FOUND, "There is no such file here.")

    def _find(self, path: str) -> tuple[Hosted | None, str]:
        found = re.fullmatch(r"/([0-9a-f]{16})/([a-z.]*)", path.partition("?")[0])
        return (self._hosted.get(found[1]), found[2]) if found else (None, "")

    def _session(self, hosted: Hosted, headers: Headers, host: str) -> Response:
        """Give a companion page its cookie for a token, or say that the one it has is good."""
        ticket = self.pages.redeem(_bearer(headers), "")
        if ticket is not None and ticket.holder is hosted:
            cookie = f"{hosted.cookie}={self.sessions.open(hosted).reveal()}; HttpOnly; SameSite=Strict"
            schemes = {known.partition(":")[0] for known in hosted.origins if host in _hosts_of(known)}
            if schemes == {"https"}:
                cookie += "; Secure"
            hosted.on_page_opened()
            return _answer(HTTPStatus.NO_CONTENT, b"", "", {"Set-Cookie": cookie})
        if self._session_of(hosted, headers) is not None:
            return _answer(HTTPStatus.NO_CONTENT, b"", "")
        return _text(HTTPStatus.FORBIDDEN, UNKNOWN)

    def _session_of(self, hosted: Hosted, headers: Headers) -> Secret | None:
        """Return the cookie by which a request may come in."""
        pairs = (one.strip().partition("=") for line in headers.get_all("Cookie") for one in line.split(";"))
        given = [Secret(value) for name, _, value in pairs if name == hosted.cookie]
        return next((one for one in given[:4] if self.sessions.find(one) is hosted), None)

    async def _on_socket(self, connection: ServerConnection) -> None:
        transport = SocketTransport(connection)
        try:
            await self._serve(connection, transport)
        except LinkRefused as refused:
            await refuse(transport, str(refused))
        except TransportClosed:
            pass
        except Exception as error:
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "A page's socket failed.", "exception": error})

    async def _serve(self, connection: ServerConnection, transport: SocketTransport) -> None:
        """Let a page in that has a token or a cookie.

        Raises:
            LinkRefused: If it has neither.
            TransportClosed: If it is gone before.
        """
        assert connection.request is not None
        headers = connection.request.headers
        hosted, _ = self._find(connection.request.path)
        self._opening += 1
        try:
            opening = await read_opening(transport)
        finally:
            self._opening -= 1
        if hosted is None:
            raise LinkRefused(_NO_TALK)
        client = opening.client
        if not opening.token:
            # Browsers send a cookie to all ports of a host: the origin, which was checked, tells them apart.
            session = self._session_of(hosted, headers)
            if session is None:
                raise LinkRefused(UNKNOWN)
            await transport.send(greeting())
            with self.sessions.held(session):
                await hosted.links.serve(transport, client)
            return
        origin = headers["Origin"]
        ticket = self.sockets.redeem(Secret(opening.token), origin, client)
        if ticket is None or ticket.holder is not hosted:
            raise LinkRefused(UNKNOWN)
        spare = self.sockets.issue(hosted, origin, TOKEN_S, client)
        await transport.send(greeting(ticket.proof, spare))
        await hosted.links.serve(transport, client, ticket.proof)


class SocketTransport:
    """The server's end of a WebSocket of the `websockets` library; see `Transport`."""

    round_trip_ms: float | None = None

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def send(self, frame: str | bytes) -> None:
        """Send one frame; see `Transport`."""
        try:
            await self._connection.send(frame)
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def receive(self) -> str | bytes:
        """Return the next frame; see `Transport`."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it; a page that does not answer within `CLOSE_TIMEOUT` is cut."""
        await self._connection.close(code, reason)


def _closed(closed: ConnectionClosed) -> TransportClosed:
    return TransportClosed(closed.rcvd.code if closed.rcvd is not None else 1006)


def _bearer(headers: Headers) -> Secret:
    return Secret(",".join(headers.get_all("Authorization")).removeprefix("Bearer ").strip())


def _hosts_of(origin: str) -> tuple[str, ...]:
    """Return what `Host` may say for pages of an origin: proxies may leave the port out."""
    try:
        parts = urlsplit(origin.lower())
        return tuple(filter(None, (parts.netloc, parts.hostname)))
    except ValueError:
        return ()


def _answer(status: HTTPStatus, body: bytes, kind: str, more: dict[str, str] | None = None) -> Response:
    headers = Headers({"Connection": "close"} | PAGE_HEADERS | (more or {}))
    if kind:
        headers["Content-Type"] = kind
        headers["Content-Length"] = str(len(body))
    return Response(status.value, status.phrase, headers, body)


def _text(status: HTTPStatus, sentence: str) -> Response:
    return _answer(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8")


def find_browser() -> webbrowser.BaseBrowser | None:
    """Return the browser of the screen in front of this process; None where there is none."""
    chosen = os.environ.get("BROWSER")
    if sys.platform.startswith("linux") and not (
        chosen or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return None
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    # This one waits for a program of the terminal to end, and a kernel has no terminal.
    return None if type(found) is webbrowser.GenericBrowser and not chosen else found


#: Seconds after which a browser that has not said anything has opened. Chosen: some answer when they end.
_OPENED_S: Final = 5.0


def open_address(address: str) -> bool:
    """Open a page in the browser of this computer's screen; return whether there is one."""
    browser = find_browser()
    if browser is None:
        return False
    opened = [True]

    def run() -> None:
        try:
            opened[0] = browser.open(address)
        except (webbrowser.Error, OSError):
            opened[0] = False

    thread = threading.Thread(target=run, name="livewidget browser", daemon=True)
    thread.start()
    thread.join(_OPENED_S)
    return opened[0]


def link_to(address: str) -> dict[str, str]:
    """Return a link to a companion page, by MIME type, for where no browser could be opened."""
    port = urlsplit(address).port
    tunnel = f"ssh -L {port}:127.0.0.1:{port} THAT-COMPUTER"
    text = (
        f"Open the talk in your browser: {address}\nThis address works once. If the kernel runs on another "
        f"computer, connect to that one first: {tunnel}"
    )
    page = (
        f'<p class="{NO_FORMULAS}"><a href="{html.escape(address)}" target="_blank" rel="noopener">'
        "Open the talk in your browser</a>. This link works once. If the kernel runs on another computer, "
        f"connect to that one first: <code>{tunnel}</code></p>"
    )
    return {"text/plain": text, "text/html": page}


_lock = threading.Lock()
_servers: weakref.WeakKeyDictionary[Background, PageServer] = weakref.WeakKeyDictionary()


def page_server(background: Background) -> PageServer:
    """Return the server of this background loop; it does not listen yet. From any thread."""
    with _lock:
        return _servers.setdefault(background, PageServer())
