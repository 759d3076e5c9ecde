"""Sockets to the service that the owning page holds for the session (`direct=True`).

The page opens the socket, sends the microphone straight onto it and plays the answer as it comes. All else
is decided here: what is to be sent goes to the page over the bridge's service lane, and what the page had and
sent comes back as a `ServiceReport`, in its order. In: a session's wish for a connection
(`SessionSockets.open`, a `PageDialer`) and those reports. Out: a `PageTransport`, which looks to the session
like any other, and what the page has sent by itself, to the session's `record_` methods. The controller owns
`ServiceSockets`; all of it runs on the background loop. The page's half is `js/src/service-socket.ts`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from msgspec import structs

from livewidget.clock import Clock
from livewidget.connection.close_codes import clean_reason
from livewidget.connection.provider import MicrophoneTerms, ServiceAddress
from livewidget.errors import ConnectFailed, LiveError
from livewidget.session import LiveSession
from livewidget.transports.base import TransportClosed, check_address
from livewidget.ui import messages as m
from livewidget.ui.bridge import Bridge

#: Seconds that a session waits for a page to hold its socket. Chosen: a page that is loaded again is there
#: within it.
PAGE_S: Final = 10.0
#: Seconds that a page may take to open a socket, its token included. Chosen: as long as a dial from here.
OPEN_S: Final = 15.0
#: Seconds that a page may take to say what it had sent when it was told to close. Chosen: several reports,
#: and less than a session waits for a transport to close.
CLOSE_S: Final = 1.5
#: How often what a page is waited for is looked at, in ms. Chosen: a person does not notice it.
_LOOK_MS: Final = 50.0
#: What may wait to be read of one socket: characters and items. Chosen: more than an hour of a busy kernel's
#: answers without their sound; a page cannot fill the memory.
WAITING_CHARS: Final = 32 * 1024 * 1024
WAITING_ITEMS: Final = 100_000
#: Frames that are read without a break for others on the loop. Chosen: about 10 ms of work.
_AT_ONCE: Final = 32
#: Sockets that were closed here, whose last reports may still come. Chosen: more than are replaced in a
#: minute.
_CLOSED: Final = 8
#: What a page keeps of the microphone to send it again, in samples, and how many pictures; as in
#: js/src/service-socket.ts.
KEPT_SAMPLES: Final = 60 * 16_000
KEPT_IMAGES: Final = 4
#: How much more sound than the time that has passed a page may report, in samples. Chosen: what it queues.
EARLY_SAMPLES: Final = 15 * 16_000
#: Between the counts of one page's samples and pictures and those of the next. Chosen: more than 500 years.
BETWEEN_PAGES: Final = 2**48

_BROKEN: Final = 1006
_TOO_BIG: Final = 1009

NO_PAGE: Final = (
    "direct=True needs the card on a page, which holds the socket to the service: show it, then start again."
)
PAGE_GONE: Final = "The page that was to hold the socket to the service is gone; start again."
_INSTEAD: Final = "or leave direct out, and Python connects"
LATE: Final = (
    "The page did not open a socket to {host} within {seconds:g} s: reload the page, " + _INSTEAD + "."
)
REFUSED: Final = (
    "The page could not open a socket to {host}, and browsers do not say why: check the network, the token, "
    "and whether that server lets this page in (livewidget serve --origin), " + _INSTEAD + " and says more."
)
CAUSES: Final = {
    "blocked": (
        "The Content-Security-Policy of the page does not let it connect to {host}: add {origin} to its "
        "connect-src, " + _INSTEAD + "."
    ),
    "mixed": (
        "A page that came over https may not connect to {origin}, which is not encrypted: use a wss:// "
        "address, " + _INSTEAD + "."
    ),
    "offline": "The browser says that it is offline: check its network, then start again.",
    "token": "The page got no token for {host}: {reason}",
    "unsupported": "This browser opens no socket to {host}: use another browser, " + _INSTEAD + ".",
}
_NO_REASON: Final = "its server did not say why."
TOO_MUCH: Final = "The page sent more of the conversation than can be read; reload it."


class PageTransport:
    """One socket of the page's; see `Transport`, and there what one that a page holds has besides.

    Attributes:
        number: The socket's number, from 1 up.
        received_ms: When the page had the frame that `receive` returned last, by the session's clock.
        is_open: Whether the page has said that it is open, or was.
        ended: Close code and reason; None while it may go on.
        cause: What the page found out of why it was closed.
        is_lost: Whether it ended with the page that held it.
    """

    round_trip_ms: float | None = None  # Browsers do not ping.
    bytes_received: int | None = None

    def __init__(self, sockets: ServiceSockets, owner: SessionSockets, number: int) -> None:
        self.number = number
        self.received_ms: float | None = None
        self.is_open = False
        self.ended: tuple[int, str] | None = None
        self.cause: m.CloseCause = ""
        self.is_lost = False
        self._sockets = sockets
        self._owner = owner
        self._waiting: deque[tuple[m.ServiceItem, float]] = deque()
        self._chars = 0
        self._read = 0
        self._is_closing = False
        self._is_awaited = False
        self._changed = asyncio.Event()

    @property
    def is_held_up(self) -> bool:
        """Whether what the page has had does not reach the kernel now."""
        return self.ended is None and self._sockets.is_held_up

    async def send(self, frame: str | bytes) -> None:
        """Let the page send one frame, as text."""
        text = frame if isinstance(frame, str) else frame.decode()
        self._tell(m.ServiceSend(socket=self.number, frame=text))

    def ready(self) -> None:
        """Let the microphone follow: all that comes first is sent."""
        with contextlib.suppress(TransportClosed):
            self._tell(m.ServiceTalk(socket=self.number))

    def release(self) -> None:
        """Let the microphone go on: no call holds it back any more."""
        with contextlib.suppress(TransportClosed):
            self._tell(m.ServiceRelease(socket=self.number))

    async def resend(self, first: int, samples: int) -> bool:
        """Let the page send sound again that it has sent before; False where it does not have it any more."""
        kept = self._sockets.kept_sound(first)
        if kept is not None:
            self._tell(m.ServiceResend(socket=self.number, first=kept, samples=samples))
        return kept is not None

    async def resend_image(self, number: int) -> bool:
        """Let the page send a picture again; False where it does not have it any more."""
        kept = self._sockets.kept_image(number)
        if kept is not None:
            self._tell(m.ServiceResendImage(socket=self.number, number=kept))
        return kept is not None

    async def receive(self) -> str | bytes:
        """Return the next frame; what the page sent before it is told to the session first."""
        while True:
            if self._waiting and self._read >= _AT_ONCE:
                self._read = 0
                await asyncio.sleep(0)
            while self._waiting:
                item, at_ms = self._waiting.popleft()
                if not isinstance(item, m.ServiceFrame):
                    self._owner.record(item, at_ms)
                    continue
                self._read += 1
                self._chars -= len(item.text)
                self.received_ms = at_ms
                self._sockets.arrive(item.voice, item.first)
                return item.text
            if self.ended is not None and not self._is_awaited:
                raise TransportClosed(*self.ended)
            self._read = 0
            self._changed.clear()
            await self._changed.wait()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Let the page close it, and wait a little for its last report, which `receive` still reads."""
        if self.ended is None and not self._is_closing:
            self._is_closing = True
            self._tell(m.ServiceClose(socket=self.number, code=code, reason=reason))
            await self._sockets.wait(lambda: self.ended is not None, CLOSE_S, even_held_up=True)
        self._is_awaited = False
        self.end(code, reason)

    def _tell(self, message: m.ServiceMessage) -> None:
        if self.ended is not None:
            raise TransportClosed(*self.ended)
        self._sockets.tell(message)

    # --- What the page reports ----------------------------------------------------------------------------

    def take(self, item: m.ServiceItem, at_ms: float) -> None:
        """Take in what the page had or sent at `at_ms`; nothing comes after its end."""
        match item:
            case m.ServiceOpened():
                self.is_open = True
            case m.ServiceClosed(code=code, reason=reason, cause=cause):
                self.cause = cause
                self.end(code or _BROKEN, reason)
            case _ if self.ended is not None:  # It was closed here, and what it sent before is told late.
                if not isinstance(item, m.ServiceFrame):
                    self._owner.record(item, at_ms)
            case _:
                self._waiting.append((item, at_ms))
                self._chars += len(item.text) if isinstance(item, m.ServiceFrame) else 0
                if self._chars > WAITING_CHARS or len(self._waiting) > WAITING_ITEMS:
                    self._waiting.clear()
                    self._sockets.refuse(self.number)
                    self.end(_TOO_BIG)
        self._changed.set()

    def await_end(self) -> None:
        """Take no notice of an end that the page brings about from now on: its session is being stopped."""
        self._is_awaited = self.ended is None

    def end(self, code: int, reason: str = "") -> None:
        """Say how it ended; the first word counts."""
        self.ended = self.ended or (code, reason)
        self._changed.set()


class SessionSockets:
    """The sockets of one session: its `PageDialer`.

    Attributes:
        session: The session, once there is one.
    """

    def __init__(self, sockets: ServiceSockets) -> None:
        self.session: LiveSession | None = None
        self._sockets = sockets

    async def wait_for_page(self) -> None:
        """Return once there is a page that can hold a socket.

        Raises:
            LinkError: If there is none within 10 s.
        """
        await self._sockets.wait_for_page()

    async def open(self, address: ServiceAddress, terms: MicrophoneTerms) -> PageTransport:
        """Return the transport over a socket of the page, once that is open; see `PageDialer`."""
        return await self._sockets.open(self, address, terms)

    def record(self, item: m.ServiceItem, at_ms: float) -> None:
        """Tell the session what the page has sent by itself."""
        with contextlib.suppress(LiveError):  # It may be closed by now.
            if (session := self.session) is not None:
                match item:
                    case m.ServiceSound(first=first, samples=samples, is_speech=is_speech) if samples:
                        session.record_audio(first, samples, is_speech=is_speech, at_ms=at_ms)
                    case m.ServiceActivity(active=active):
                        session.record_activity(active, at_ms)
                    case m.ServiceAudioEnd():
                        session.record_audio_end(at_ms)
                    case m.ServiceImage(mime_type=mime_type, size=size, number=number):
                        session.record_image(mime_type, size, number, at_ms)
        self._sockets.on_sent(item)


class _Page:
    """The page that holds the sockets now: what it counts, told apart from what earlier pages counted.

    Attributes:
        base: What is added to its counts.
        at_ms: When the last thing that it reported was.
        images: Numbers of the pictures that it sent last, with `base`.
    """

    def __init__(self, base: int) -> None:
        self.base = base
        self.at_ms = float("-inf")
        self.images: deque[int] = deque(maxlen=KEPT_IMAGES)
        self._since_ms: float | None = None
        self._samples = 0
        self._next = base

    def accept(self, item: m.ServiceItem) -> m.ServiceItem | None:
        """Return an item with `base` added to its counts; None if it cannot be."""
        if isinstance(item, m.ServiceImage) and item.number < BETWEEN_PAGES:
            item = structs.replace(item, number=item.number + self.base)
            self.images.append(item.number)
        elif isinstance(item, m.ServiceSound):
            return self._accept_sound(item)
        return item

    def _accept_sound(self, item: m.ServiceSound) -> m.ServiceSound | None:
        # What was sent before does not come again, and a microphone is no faster than time.
        if self._since_ms is None:
            self._since_ms = self.at_ms
        most, first = (self.at_ms - self._since_ms) * 16 + EARLY_SAMPLES, item.first + self.base
        if first < self._next or item.first >= BETWEEN_PAGES or self._samples + item.samples > most:
            return None
        self._samples += item.samples
        self._next = first + item.samples
        return structs.replace(item, first=first)

    def kept_sound(self, first: int) -> int | None:
        """Return its own count of a sample that it has in memory; None if it has not."""
        return own_count(first) if max(self.base, self._next - KEPT_SAMPLES) <= first < self._next else None


def own_count(counted: int) -> int:
    """Return a page's own count of a sample or a picture."""
    return counted % BETWEEN_PAGES


def _why_not_opened(transport: PageTransport, host: str, url: str) -> ConnectFailed:
    """Return the error for a socket that was closed before it was open."""
    if transport.is_lost:
        return ConnectFailed(PAGE_GONE)
    _, reason = transport.ended or (0, "")
    origin = "://".join(urlsplit(url)[:2])
    reason = clean_reason(reason) or _NO_REASON
    return ConnectFailed(CAUSES.get(transport.cause, REFUSED).format(host=host, origin=origin, reason=reason))


class ServiceSockets:
    """Opens sockets in the owning page, and hands what it reports of them to their sessions.

    Attributes:
        on_sent: Called with each item that the page has sent by itself, after the session knows of it.
    """

    def __init__(self, bridge: Bridge, clock: Clock, on_sent: Callable[[m.ServiceItem], object]) -> None:
        """Hold no socket yet.

        Args:
            bridge: The way to the pages.
            clock: Its clock, which is the session's too.
            on_sent: Called with what the page has sent by itself.
        """
        self.on_sent = on_sent
        self._bridge = bridge
        self._clock = clock
        self._count = 0
        self._transports: OrderedDict[int, PageTransport] = OrderedDict()
        self._changed = asyncio.Event()
        self._said_too_much = False
        self._page = _Page(0)

    def for_session(self) -> SessionSockets:
        """Return what a session opens its connections with."""
        return SessionSockets(self)

    @property
    def is_held_up(self) -> bool:
        """Whether what the owning page sends does not reach the kernel now."""
        return self._bridge.is_held_up(self._clock.now_ms())

    async def wait(self, holds: Callable[[], bool], seconds: float, *, even_held_up: bool = False) -> bool:
        """Wait until `holds()`; return False after so many seconds in which the page could be heard.

        Args:
            holds: What is waited for.
            seconds: For how long.
            even_held_up: Whether time counts in which it could not be heard as well.
        """
        passed_ms, last_ms = 0.0, self._clock.now_ms()
        while not holds():
            if passed_ms >= seconds * 1000:
                return False
            self._changed.clear()
            news = asyncio.ensure_future(self._changed.wait())
            look = asyncio.ensure_future(self._clock.sleep_until(last_ms + _LOOK_MS))
            try:
                await asyncio.wait((news, look), return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
                look.cancel()
            now = self._clock.now_ms()
            passed_ms += now - last_ms if even_held_up or not self.is_held_up else 0.0
            last_ms = now
        return True

    async def wait_for_page(self) -> None:
        """Return once there is a page that can hold a socket; see `SessionSockets`."""
        if not await self.wait(self._has_page, PAGE_S):
            raise ConnectFailed(NO_PAGE)

    def _has_page(self) -> bool:
        self._bridge.take_audio(from_absent=True)  # The page that talked may be gone, and another be there.
        return bool(self._bridge.front_ends.present_owner(self._clock.now_ms()))

    async def open(
        self, owner: SessionSockets, address: ServiceAddress, terms: MicrophoneTerms
    ) -> PageTransport:
        """Let the owning page open a socket; return its transport once it is open.

        Raises:
            LinkError: If there is no page, or its browser cannot open it: one sentence.
        """
        await self.wait_for_page()
        self._count += 1
        transport = self._transports[self._count] = PageTransport(self, owner, self._count)
        while len(self._transports) > _CLOSED:
            oldest = next((known for known in self._transports.values() if known.ended), None)
            if oldest is None:
                break
            del self._transports[oldest.number]
        self.tell(
            m.ServiceOpen(
                socket=self._count,
                url=address.url,
                token=address.token.reveal() if address.token is not None else "",
                token_path=address.token_path,
                pause_ms=terms.pause_ms or 0.0,
                end_silence_ms=terms.end_silence_ms,
                holds_calls=terms.holds_calls,
                needs_all=terms.needs_all,
            )
        )
        try:
            in_time = await self.wait(lambda: transport.is_open or transport.ended is not None, OPEN_S)
        except BaseException:
            self._abandon(transport)
            raise
        if transport.is_open:
            return transport
        host = check_address(address.url)[0]
        if not in_time:
            self._abandon(transport)
            raise ConnectFailed(LATE.format(host=host, seconds=OPEN_S))
        raise _why_not_opened(transport, host, address.url)

    def _abandon(self, transport: PageTransport) -> None:
        if transport.ended is None:
            self.tell(m.ServiceClose(socket=transport.number, code=1000, reason=""))
            transport.end(_BROKEN)

    def tell(self, message: m.ServiceMessage) -> None:
        """Tell the owning page what to do."""
        self._bridge.send_service(message)

    def arrive(self, voice: int, first: int) -> None:
        """Take note of where in which voice the sound of the frame begins that is read now."""
        self._bridge.voices.arrive(voice, first)

    def take(self, report: m.ServiceReport) -> None:
        """Take in a report of the owning page, in order. One of a socket that nobody knows is ignored."""
        transport = self._transports.get(report.socket)
        if transport is None:
            return
        page = self._page
        for item in report.items:
            # A page's clock may do what it likes: nothing was before what came before.
            page.at_ms = max(page.at_ms, self._bridge.time_of(item.at_ms))
            accepted = page.accept(item)
            if accepted is not None:
                transport.take(accepted, page.at_ms)
            if isinstance(item, m.ServiceClosed):
                self._transports.pop(report.socket, None)
                break
        self._changed.set()

    def kept_sound(self, first: int) -> int | None:
        """Return the page's own count of a sample that it still has of the microphone; None if it has not."""
        return self._page.kept_sound(first)

    def kept_image(self, number: int) -> int | None:
        """Return the page's own number of a picture that it still has; None if it has not."""
        return own_count(number) if number in self._page.images else None

    def refuse(self, number: int) -> None:
        """Give up a socket of which the page reports more than can be read."""
        self.tell(m.ServiceClose(socket=number, code=1000, reason=""))
        if not self._said_too_much:
            self._said_too_much = True
            self._bridge.notice("warning", "page-message", TOO_MUCH)

    def await_end(self) -> None:
        """The conversation is being stopped: a page that hangs up now does what it was asked to."""
        for transport in self._transports.values():
            transport.await_end()

    def lose(self) -> None:
        """Give up all sockets: the page that held them is gone, or is not the owner any more."""
        for transport in self._transports.values():
            transport.is_lost = transport.ended is None
            transport.end(_BROKEN)
        self._transports.clear()
        self._page = _Page(self._page.base + BETWEEN_PAGES)
        self._changed.set()
