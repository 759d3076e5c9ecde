"""Sockets of pages: frames, who may open one, and one `Link` for each that is open.

A page reaches its conversation by the host's own way, which posts each message to every page, or by a socket
of its own. While its socket is open, all of a page's messages take it, in both directions. Numbers and
acknowledgements are the bridge's, so a change of way only repeats what is not acknowledged.

In: a `Transport` for each socket (`serve`), and what the bridge posts. Out: what pages send, to `receive`.
The host accepts sockets and checks where they come from; this module knows no host and no HTTP. `Tickets` and
`PageSessions` say who may come in; `Links` belongs to the controller, and runs on its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from livewidget.clock import Clock, SystemClock
from livewidget.errors import UsageError
from livewidget.secret import Secret, cut
from livewidget.transports.base import CLOSE_TIMEOUT, Transport, TransportClosed
from livewidget.ui.messages import ClientId

T = TypeVar("T")

#: Largest frame either way, in bytes. Chosen: a photo of a phone's camera as JPEG, twice over.
FRAME_BYTES: Final = 4 * 1024 * 1024
#: Seconds that a page may take for its first frame, and the bytes of that. Chosen: it sends it at once; ids,
#: a token and JSON around them are a few hundred bytes.
OPENING_S: Final = 5.0
OPENING_BYTES: Final = 4096
#: What may wait for one page, in messages and bytes. Chosen: more than the three seconds of sound that may be
#: ahead, and a welcome to a long conversation; a page that does not read cannot fill the memory.
QUEUED: Final = 1024
QUEUED_BYTES: Final = 32 * 1024 * 1024
#: What one page may send at once, and a second on end. Chosen: ten seconds of microphone that are sent again
#: are 500 messages, and a talk with camera 70 a second.
BURST: Final = 2000
PER_S: Final = 200
#: Bytes that count as one more message. Chosen: a talk with a camera stays within a third of the limit.
BYTES_PER_COST: Final = 32 * 1024
#: Pages of one conversation with a socket. Chosen: as many as the bridge keeps.
MOST_LINKS: Final = 16
#: Tickets that are kept for one holder, and sessions of pages. Chosen: far more than are of use at a time.
MOST_TICKETS: Final = 100
MOST_SESSIONS: Final = 4096
#: Users of one hour that are counted. Chosen: more than one process answers, in a few MB.
MOST_USERS: Final = 10_000
_HOUR_MS: Final = 3_600_000.0
#: Seconds that a session of a page lasts unused. Chosen: a page that is left open overnight is there again.
SESSION_S: Final = 12 * 3600.0

ENDED: Final = 1001
REFUSED: Final = 1008
FAULT: Final = 1011
FLOOD: Final = 1013

LATE: Final = "The page said nothing after it had connected: reload it."
UNKNOWN: Final = "This address was used before, or is too old: open the page anew from the notebook."
_BROKEN: Final = "a frame that cannot be read"
_FOREIGN: Final = "a message in the name of another page"
_SLOW: Final = "the page does not read"
_FLOODS: Final = "more messages than a talk has"
_CROWDED: Final = "too many pages"


class LinkRefused(Exception):
    """A socket is not admitted; its text is one sentence for the person at the page."""


class FrameError(ValueError):
    """A frame that cannot be taken apart."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A page's first frame: its name, what tells its tab from others, and a token or nothing.

    Attributes:
        card: It is a card in a page that another server gave, which has no cookie of this one.
    """

    client: ClientId
    tab: Annotated[str, Meta(max_length=64)] = ""
    token: Annotated[str, Meta(max_length=200)] = ""
    card: bool = False

    def __repr__(self) -> str:
        """Return it without the token."""
        return f"Opening(client={self.client!r}, tab={self.tab!r})"


def pack(content: dict[str, Any], buffers: Collection[bytes] = ()) -> str | bytes:
    """Return the frame of a bridge message.

    Without a buffer it is the JSON as text; with one the length of the JSON (uint32, little-endian), the JSON
    and the bytes.
    """
    text = msgspec.json.encode(content)
    if not buffers:
        return text.decode()
    return b"".join((len(text).to_bytes(4, "little"), text, *buffers))


def unpack(frame: str | bytes) -> tuple[bytes, list[bytes]]:
    """Return the JSON text of a frame, which `messages.decode` takes, and its buffers.

    Raises:
        FrameError: If the frame is shorter than it says.
    """
    if isinstance(frame, str):
        return frame.encode(errors="replace"), []
    end = 4 + int.from_bytes(frame[:4], "little")
    if not 4 < end <= len(frame):
        raise FrameError(_BROKEN)
    return frame[4:end], [frame[end:]]


async def read_opening(transport: Transport, within_s: float = OPENING_S) -> Opening:
    """Return the first frame of a socket.

    Raises:
        LinkRefused: If none comes in time, or it is not one.
        TransportClosed: If the page is gone before.
    """
    try:
        async with asyncio.timeout(within_s):
            frame = await transport.receive()
    except TimeoutError:
        raise LinkRefused(LATE) from None
    try:
        if isinstance(frame, str) and len(frame) <= OPENING_BYTES:
            return msgspec.json.decode(frame, type=Opening)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        cut(error)
    raise LinkRefused("The page and this version of livewidget do not fit together: reload it.")


async def refuse(transport: Transport, sentence: str, code: int = REFUSED) -> None:
    """Tell a page why its socket is not admitted, and close it."""
    with contextlib.suppress(TransportClosed):
        await transport.send(pack({"error": sentence}))
        await transport.close(code)


def greeting(proof: str = "", spare: Ticket[Any] | None = None) -> str:
    """Return the first frame to a page that is admitted; `spare` is for coming back without the comm."""
    coming_back = {"token": spare.token.reveal(), "proof": spare.proof} if spare is not None else None
    return msgspec.json.encode({"proof": proof, "next": coming_back}).decode()


def page_html(title: str) -> str:
    """Return the page that shows a conversation without a notebook; its files lie beside it."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="widget.css">
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<script type="module" src="page.js"></script>
</body>
</html>
"""


_ORIGIN = re.compile(r"wss?://(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


def page_headers(connect: Iterable[str] = ()) -> dict[str, str]:
    """Return the headers of every file of a page: nothing from elsewhere, in no frame, and nothing is kept.

    Args:
        connect: Origins of services that the page opens sockets to itself, beside its own server's.

    Raises:
        UsageError: If one is not an origin such as wss://service.example.
    """
    for origin in connect:
        if _ORIGIN.fullmatch(origin) is None:
            raise UsageError(
                f"{origin[:60]!r} is not an origin that a page can connect to: give each whole, such as "
                "wss://generativelanguage.googleapis.com."
            )
    sources = " ".join(("'self'", *dict.fromkeys(connect)))
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
            f"connect-src {sources}; img-src 'self' data: blob:; media-src blob:; worker-src 'self' blob:; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "microphone=(self), camera=(self), display-capture=(self)",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


#: Those of a page that talks with its own server alone.
PAGE_HEADERS: Final = page_headers()


@dataclass(frozen=True, slots=True)
class Ticket(Generic[T]):
    """Admits one socket or page, once.

    Attributes:
        holder: What it admits to.
        token: What is shown to be admitted.
        proof: What the server says first, to show that it is the one that gave the token.
        client: The page that it is for; "" for any.
    """

    holder: T
    token: Secret
    proof: str
    client: str


def _digest(token: Secret) -> bytes:
    # Looked up by their digests, tokens are compared in a time that tells nothing of them.
    return hashlib.sha256(token.reveal().encode(errors="backslashreplace")).digest()


class Tickets(Generic[T]):
    """Single-use tokens; beyond `most` of one holder the oldest are dropped."""

    def __init__(self, clock: Clock | None = None, most: int = MOST_TICKETS) -> None:
        """Know none yet."""
        self._clock = clock or SystemClock()
        self._most = most
        self._kept: OrderedDict[bytes, tuple[Ticket[T], str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def issue(self, holder: T, origin: str, seconds: float, client: str = "") -> Ticket[T]:
        """Return a ticket for pages of exactly this origin; "" for pages of any.

        Args:
            holder: What it admits to.
            origin: The page's origin, as browsers send it.
            seconds: How long it may be used.
            client: The page that it is for; "" for any.
        """
        ticket = Ticket(holder, Secret(secrets.token_urlsafe(24)), secrets.token_urlsafe(12), client)
        until_ms = self._clock.now_ms() + seconds * 1000
        self._kept[_digest(ticket.token)] = ticket, origin, until_ms
        now = self._clock.now_ms()
        own = [digest for digest, (known, _, _) in self._kept.items() if known.holder is holder]
        old = [digest for digest, (_, _, until) in self._kept.items() if until <= now]
        for digest in {*own[: -self._most], *old}:
            del self._kept[digest]
        return ticket

    def redeem(self, token: Secret, origin: str, client: str = "") -> Ticket[T] | None:
        """Return the ticket of a token, which cannot be used again; None if it does not admit this page."""
        found = self._kept.pop(_digest(token), None)
        if found is None:
            return None
        ticket, bound_to, until_ms = found
        fits = bound_to in ("", origin) and ticket.client in ("", client)
        return ticket if fits and self._clock.now_ms() < until_ms else None

    def end(self, holder: T) -> None:
        """Forget the tickets to `holder`."""
        for digest, (ticket, _, _) in list(self._kept.items()):
            if ticket.holder is holder:
                del self._kept[digest]


@dataclass(slots=True)
class _Session(Generic[T]):
    holder: T
    used_ms: float
    open_pages: int = 0


class PageSessions(Generic[T]):
    """What the cookies of pages admit to; one that was not used for 12 h is forgotten."""

    def __init__(self, clock: Clock | None = None, most: int = MOST_SESSIONS) -> None:
        """Know none yet; beyond `most` those that were not used for longest are dropped."""
        self._clock = clock or SystemClock()
        self._most = most
        self._kept: OrderedDict[bytes, _Session[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def open(self, holder: T) -> Secret:
        """Return the value of a new cookie that admits to `holder`."""
        session = Secret(secrets.token_urlsafe(24))
        self._kept[_digest(session)] = _Session(holder, self._clock.now_ms())
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return session

    def find(self, session: Secret) -> T | None:
        """Return what a cookie admits to, if it is known and not too old; it is used by that."""
        digest, now = _digest(session), self._clock.now_ms()
        found = self._kept.get(digest)
        if found is None:
            return None
        if not found.open_pages and now - found.used_ms > SESSION_S * 1000:
            del self._kept[digest]
            return None
        found.used_ms = now
        self._kept.move_to_end(digest)
        return found.holder

    @contextlib.contextmanager
    def held(self, session: Secret) -> Iterator[None]:
        """Keep a session in use: a page that was let in by it is open."""
        found = self._kept.get(_digest(session))
        if found is not None:
            found.open_pages += 1
        try:
            yield
        finally:
            if found is not None:
                found.open_pages -= 1
                found.used_ms = self._clock.now_ms()

    def end(self, holder: T) -> None:
        """Forget the sessions of `holder`."""
        for digest, known in list(self._kept.items()):
            if known.holder is holder:
                del self._kept[digest]


class HourlyLimit:
    """How often each user got something within the last hour.

    Users are kept by digests, and forgotten after an hour; while `most` of them are known, others must wait.
    """

    def __init__(self, per_hour: int, clock: Clock | None = None, most: int = MOST_USERS) -> None:
        """Know nobody yet."""
        self._per_hour = per_hour
        self._clock = clock or SystemClock()
        self._most = most
        # The one who got something last is last.
        self._taken: OrderedDict[bytes, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._taken)

    def count(self, user: str) -> int:
        """Return how often a user got something within the last hour."""
        since = self._clock.now_ms() - _HOUR_MS
        return sum(at > since for at in self._taken.get(_digest(Secret(user)), ()))

    def take(self, user: str) -> float:
        """Count one more for a user and return 0; or return in how many seconds there is another one."""
        name, now = _digest(Secret(user)), self._clock.now_ms()
        self._forget(now - _HOUR_MS)
        taken = self._taken.get(name)
        if taken is None and len(self._taken) >= self._most:
            return (next(iter(self._taken.values()))[-1] + _HOUR_MS - now) / 1000
        if taken is None:
            taken = self._taken[name] = deque()
        while taken and taken[0] <= now - _HOUR_MS:
            taken.popleft()
        if len(taken) >= self._per_hour:
            return (taken[0] + _HOUR_MS - now) / 1000
        taken.append(now)
        self._taken.move_to_end(name)
        return 0.0

    def give_back(self, user: str) -> None:
        """Count the latest one of a user no more."""
        name = _digest(Secret(user))
        taken = self._taken.get(name)
        if taken:
            taken.pop()
            if not taken:
                del self._taken[name]

    def _forget(self, until: float) -> None:
        """Forget whoever got nothing since then."""
        while self._taken:
            name, taken = next(iter(self._taken.items()))
            if taken[-1] > until:
                return
            del self._taken[name]


class _Link:
    """One page's open socket, with a queue of its own."""

    def __init__(self, transport: Transport, client: str, proof: str, clock: Clock) -> None:
        self.client = client
        self.proof = proof
        self._code = ENDED
        self._why = ""
        self._transport = transport
        self._clock = clock
        self._waiting: deque[str | bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._allowance = float(BURST)
        self._allowed_ms = clock.now_ms()

    def post(self, frame: str | bytes) -> None:
        """Send a frame, soon. A page that does not read what it is sent is cut."""
        if self._ended.is_set():
            return
        if len(self._waiting) >= QUEUED or (self._waiting and self._bytes > QUEUED_BYTES):
            self.end(FAULT, _SLOW)
            return
        self._waiting.append(frame)
        self._bytes += len(frame)
        self._wake.set()

    def end(self, code: int, why: str = "") -> None:
        """End it, soon; the first code counts."""
        if not self._ended.is_set():
            self._code, self._why = code, why
            self._ended.set()

    def allows(self, size: int) -> bool:
        """Count a message of the page; return whether it sends no more than a talk has."""
        now = self._clock.now_ms()
        gained = (now - self._allowed_ms) / 1000 * PER_S
        self._allowance = min(float(BURST), self._allowance + gained) - 1 - size / BYTES_PER_COST
        self._allowed_ms = now
        return self._allowance > 0

    async def run(self, take: Callable[[str | bytes], None]) -> None:
        """Send what waits and hand over what comes, until the socket ends; it is to be closed then.

        Raises:
            Exception: What `take` raises; the socket ends as by a fault.
        """
        tasks: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(work) for work in (self._read(take), self._write(), self._ended.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            failed = [one for one in results if isinstance(one, Exception)]
            fault = next((one for one in failed if not isinstance(one, TransportClosed)), None)
            self.end(FAULT if fault is not None else ENDED)
            self._waiting.clear()
        if fault is not None:
            raise fault

    async def close(self) -> None:
        """Close the socket, with the code of `end`."""
        with contextlib.suppress(TimeoutError, OSError, TransportClosed):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._transport.close(self._code, self._why)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                frame = self._waiting.popleft()
                self._bytes -= len(frame)
                await self._transport.send(frame)

    async def _read(self, take: Callable[[str | bytes], None]) -> None:
        while not self._ended.is_set():
            take(await self._transport.receive())


class Links:
    """The ways to the pages of one conversation: the host's own, which reaches all, and a link for a socket.

    A page has one link at a time; another of the same page takes its place.
    """

    def __init__(
        self,
        broadcast: Callable[[dict[str, Any], list[bytes]], object] | None,
        *,
        receive: Callable[[bytes, list[bytes], str], bool],
        repeat: Callable[[str], object],
        pages: Callable[[], Collection[str]],
        context: Callable[[], Context] = copy_context,
        clock: Clock | None = None,
    ) -> None:
        """Have no link yet.

        Args:
            broadcast: Sends a message to every page by the host's own way; None where it has none.
            receive: Takes a page's message as JSON text, its buffers and the page's name; returns False for a
                message in the name of another page.
            repeat: Sends a page again what it has not acknowledged: its way has changed.
            pages: Returns the names of all pages.
            context: Returns the context in which what pages send is carried out.
            clock: Another clock; for tests.
        """
        self._broadcast = broadcast
        self._receive = receive
        self._repeat = repeat
        self._pages = pages
        self._context = context
        self._clock = clock or SystemClock()
        self._links: dict[str, _Link] = {}
        self._serving: set[asyncio.Future[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._links)

    def __contains__(self, client: object) -> bool:
        return client in self._links

    def post(self, content: dict[str, Any], buffers: list[bytes], to: str = "") -> None:
        """Send a message of the bridge to the page `to`, or to all: each gets it on the way that it has."""
        pages = [to] if to else self._pages()
        linked = [self._links[page] for page in pages if page in self._links]
        if linked:
            frame = pack(content, buffers)
            for link in linked:
                link.post(frame)
        if self._broadcast is not None and len(linked) < len(pages):
            self._broadcast(content, buffers)

    async def serve(self, transport: Transport, client: str, proof: str = "") -> None:
        """Let the page `client` talk over this socket until it ends; it has been admitted and greeted.

        Args:
            transport: The socket; it is closed in the end.
            client: The page's name.
            proof: Names this socket, for `end`.
        """
        if self._closed:
            await transport.close(ENDED)
            return
        if client in self._links:
            self._links.pop(client).end(1000)
        while len(self._links) >= MOST_LINKS:
            self._drop(next(iter(self._links.values())), FLOOD, _CROWDED)
        link = self._links[client] = _Link(transport, client, proof, self._clock)
        serving = asyncio.ensure_future(self._run(link))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        self._repeat(client)
        await serving

    async def _run(self, link: _Link) -> None:
        try:
            await link.run(partial(self._take, link))
        finally:
            self._drop(link)  # first: closing may take a while, and its page is to hear the rest
            await link.close()

    def end(self, client: str, proof: str) -> None:
        """Give up the socket of a page that says that it broke; one opened since then stays."""
        link = self._links.get(client)
        if link is not None and proof and link.proof == proof:
            self._drop(link, 1000)

    async def close(self) -> None:
        """End every link, and take no others."""
        self._closed = True
        for link in list(self._links.values()):
            link.end(ENDED)
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _drop(self, link: _Link, code: int = ENDED, why: str = "") -> None:
        """Use a link no more: its page gets the rest by another way, if it has one."""
        link.end(code, why)
        if self._links.get(link.client) is link:
            del self._links[link.client]
            if not self._closed:
                self._repeat(link.client)

    def _take(self, link: _Link, frame: str | bytes) -> None:
        if not link.allows(len(frame)):
            link.end(FLOOD, _FLOODS)
            return
        try:
            text, buffers = unpack(frame)
        except FrameError:
            link.end(REFUSED, _BROKEN)
            return
        if not self._context().run(self._receive, text, buffers, link.client):
            link.end(REFUSED, _FOREIGN)
