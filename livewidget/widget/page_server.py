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
import contextlib
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
from collections.abc import Callable
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
    Ticket,
    Tickets,
    greeting,
    page_html,
    read_opening,
    refuse,
)
from livewidget.widget.background import Background

HOST: Final = "127.0.0.1"
#: `LIVEWIDGET_SOCKET=0` keeps cards from asking for sockets: they use the comm alone.
SWITCH: Final = "LIVEWIDGET_SOCKET"
#: Seconds in which a card may use its token. Chosen: it connects at once, unless the computer is very busy.
TOKEN_S: Final = 60.0
#: Seconds in which a companion page may be opened, or a page may come back without the comm. Chosen: a
#: person opens it within minutes; a cell may run for an hour.
SPARE_S: Final = 3600.0
#: Seconds in which a link in a cell may be used. Chosen: a person clicks it at once, or has to connect first.
LINK_S: Final = 600.0
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
    """A widget on the server.

    Attributes:
        links: Takes its sockets.
        title: What its companion page is called.
        on_page_opened: Called when a companion page was opened with a token.
        id: The folder of its companion page.
        origins: Origins of its pages, as they were told over the comm.
    """

    links: Links
    title: str
    on_page_opened: Callable[[], object]
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

    def know(self, origin: str) -> None:
        """Let pages of this origin use the server, for this widget."""
        self.origins[origin] = None
        self.origins.move_to_end(origin)
        while len(self.origins) > MOST_ORIGINS:
            self.origins.popitem(last=False)


class PageServer:
    """Serves the pages and sockets of a kernel's widgets, on the background loop.

    Attributes:
        port: Where it listens; 0 while it does not.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Listen nowhere yet."""
        self.port = 0
        self._hosted: dict[str, Hosted] = {}
        self._sockets: Tickets[Hosted] = Tickets(clock)
        self._pages: Tickets[Hosted] = Tickets(clock)
        self._sessions: PageSessions[Hosted] = PageSessions(clock)
        self._serving: asyncio.Task[None] | None = None
        self._opening = 0

    def offer(self, hosted: Hosted, client: str, origin: str) -> m.SocketOffer:
        """Return where a card can open a socket; `origin` is that of its page."""
        if os.environ.get(SWITCH) == "0":
            return no_socket(client, "off")
        try:
            self._listen(hosted)
        except OSError:
            return no_socket(client, "unavailable")
        hosted.know(origin)
        ticket = self._sockets.issue(hosted, origin, TOKEN_S, client)
        return m.SocketOffer(
            client=client,
            port=self.port,
            token=ticket.token.reveal(),
            proof=ticket.proof,
            page=hosted.path,
            page_token=self._pages.issue(hosted, "", SPARE_S).token.reveal(),
            reason="",
        )

    def page_url(self, hosted: Hosted, seconds: float = SPARE_S) -> str:
        """Return an address of the companion page, for one use within `seconds`.

        Raises:
            StateError: If no port can be opened.
        """
        try:
            self._listen(hosted)
        except OSError:
            raise StateError(_NO_PORT) from None
        ticket = self._pages.issue(hosted, "", seconds)
        return f"http://{HOST}:{self.port}{hosted.path}#{ticket.token.reveal()}"

    async def end(self, hosted: Hosted) -> None:
        """Let nobody in any more, and end the sockets; without another widget the server ends."""
        self._hosted.pop(hosted.id, None)
        for kept in (self._sockets, self._pages, self._sessions):
            kept.end(hosted)
        await hosted.links.close()
        if not self._hosted:
            await self.close()

    async def close(self) -> None:
        """Listen no more; what is open ends."""
        serving, self._serving, self.port = self._serving, None, 0
        if serving is not None:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    def _listen(self, hosted: Hosted) -> None:
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
            self._serving = asyncio.get_running_loop().create_task(
                self._run(listener), name="livewidget pages"
            )
        self._hosted[hosted.id] = hosted

    async def _run(self, listener: socket.socket) -> None:
        with listener:
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
        known = hosted.origins if hosted is not None else ()
        own = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        if len(hosts) != 1 or hosts[0].lower() not in own.union(filter(None, map(_host_of, known))):
            return _text(HTTPStatus.FORBIDDEN, _OTHER_HOST)
        allowed = {f"http://{host}" for host in own}.union(known)
        if len(origins) > 1 or (origins and origins[0] not in allowed):
            return _text(HTTPStatus.FORBIDDEN, _OTHER_ORIGIN)
        if hosted is None:
            return _text(HTTPStatus.NOT_FOUND, _NO_TALK)
        if name == "socket":
            if not origins:
                return _text(HTTPStatus.FORBIDDEN, _OTHER_ORIGIN)
            if self._opening >= MOST_OPENING:
                return _text(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are connecting at once.")
            return None
        if name == "session":
            return self._session(hosted, request.headers, hosts[0])
        if name == "":
            return _answer(HTTPStatus.OK, page_html(hosted.title).encode(), "text/html; charset=utf-8")
        if name in _FILES:
            with contextlib.suppress(OSError):
                return _answer(HTTPStatus.OK, (_STATIC / name).read_bytes(), _FILES[name])
        return _text(HTTPStatus.NOT_FOUND, "There is no such file here.")

    def _find(self, path: str) -> tuple[Hosted | None, str]:
        found = re.fullmatch(r"/([0-9a-f]{16})/([a-z.]*)", path.partition("?")[0])
        return (self._hosted.get(found[1]), found[2]) if found else (None, "")

    def _session(self, hosted: Hosted, headers: Headers, host: str) -> Response:
        """Give a companion page its cookie for a token, or say that the one it has is good."""
        scheme, _, given = ",".join(headers.get_all("Authorization")).partition(" ")
        ticket = self._pages.redeem(Secret(given.strip()), "") if scheme.lower() == "bearer" else None
        if ticket is not None and ticket.holder is hosted:
            cookie = f"{hosted.cookie}={self._sessions.open(hosted).reveal()}; HttpOnly; SameSite=Strict"
            if f"https://{host.lower()}" in hosted.origins:
                cookie += "; Secure"
            hosted.on_page_opened()
            return _answer(HTTPStatus.NO_CONTENT, b"", "", {"Set-Cookie": cookie})
        if self._has_session(hosted, headers):
            return _answer(HTTPStatus.NO_CONTENT, b"", "")
        return _text(HTTPStatus.FORBIDDEN, UNKNOWN)

    def _has_session(self, hosted: Hosted, headers: Headers) -> bool:
        pairs = (
            pair.strip().partition("=") for line in headers.get_all("Cookie") for pair in line.split(";")
        )
        given = [Secret(value) for name, _, value in pairs if name == hosted.cookie]
        return any(self._sessions.find(session) is hosted for session in given[:4])

    async def _on_socket(self, connection: ServerConnection) -> None:
        try:
            self._opening += 1
            try:
                admitted = await self._admit(connection)
            finally:
                self._opening -= 1
            if admitted is not None:
                hosted, transport, client, proof = admitted
                await hosted.links.serve(transport, client, proof)
        except Exception as error:
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "A page's socket failed.", "exception": error})

    async def _admit(self, connection: ServerConnection) -> tuple[Hosted, SocketTransport, str, str] | None:
        """Let a page in that has a token or a cookie; else tell it why not."""
        assert connection.request is not None
        headers, transport = connection.request.headers, SocketTransport(connection)
        hosted, _ = self._find(connection.request.path)
        origin = headers["Origin"]
        try:
            opening = await read_opening(transport)
            ticket: Ticket[Hosted] | None = None
            if hosted is None:
                raise LinkRefused(_NO_TALK)
            if opening.token:
                ticket = self._sockets.redeem(Secret(opening.token), origin, opening.client)
                is_admitted = ticket is not None and ticket.holder is hosted
            else:
                # Browsers send the cookie to other ports of this host, too: only the origin tells them apart.
                is_own = _host_of(origin) == headers["Host"].lower()
                is_admitted = is_own and self._has_session(hosted, headers)
            if not is_admitted:
                raise LinkRefused(UNKNOWN)
            spare = self._sockets.issue(hosted, origin, SPARE_S, opening.client) if ticket else None
            proof = ticket.proof if ticket else ""
            await transport.send(greeting(proof, spare))
        except LinkRefused as refused:
            await refuse(transport, str(refused))
            return None
        except TransportClosed:
            return None
        return hosted, transport, opening.client, proof


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


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _closed(closed: ConnectionClosed) -> TransportClosed:
    return TransportClosed(closed.rcvd.code if closed.rcvd is not None else 1006)


def _answer(status: HTTPStatus, body: bytes, kind: str, more: dict[str, str] | None = None) -> Response:
    headers = Headers(Connection="close", **PAGE_HEADERS, **(more or {}))
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


def open_in_browser(address: str) -> bool:
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


def address_text(address: str) -> str:
    """Return what to do with an address of a companion page where no browser could be opened."""
    port = urlsplit(address).port
    return (
        f"Open this page in your browser; the address works once: {address}\n"
        "If the kernel runs on another computer, connect to that one first: "
        f"ssh -L {port}:127.0.0.1:{port} THAT-COMPUTER"
    )


def address_link(address: str) -> dict[str, str]:
    """Return the same for a cell, by MIME type."""
    port = urlsplit(address).port
    page = (
        f'<p class="{NO_FORMULAS}">'
        f'<a href="{html.escape(address)}" target="_blank" rel="noopener noreferrer">'
        "Open the talk in your browser</a>: this link works once. If the kernel runs on another computer, "
        f"connect to that one first: <code>ssh -L {port}:127.0.0.1:{port} THAT-COMPUTER</code></p>"
    )
    return {"text/plain": address_text(address), "text/html": page}


_lock = threading.Lock()
_servers: weakref.WeakKeyDictionary[Background, PageServer] = weakref.WeakKeyDictionary()


def page_server(background: Background) -> PageServer:
    """Return the server of this background loop; it does not listen yet. From any thread."""
    with _lock:
        return _servers.setdefault(background, PageServer())
