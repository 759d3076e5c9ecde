"""`answer_calls`: phone calls of Voximplant's cloud, each with a live model at the other end.

::

    from livewidget.integrations.voximplant import answer_calls

    live = LiveWidget(system_instruction="You answer the phone of a bakery.")
    calls = answer_calls(live, port=8765)

The first caller takes the page's place: the card shows who calls and what is said, and can mute and hang up,
while microphone and voice are the caller's. Every further call has a conversation of its own.

A scenario in Voximplant's cloud connects each call with `calls.url`; `calls.scenario("wss://phone.example")`
returns its code, a file of JavaScript. This server listens on 127.0.0.1 and speaks no TLS, while the cloud
needs a public `wss://` address, so that a proxy of your own stands in between, with a certificate: nginx or
Caddy on a server of yours, or a tunnel to this computer. It must pass WebSockets and the query on. Whoever
has the address with its secret can talk, at your expense: keep it as you keep a key. This module was run
against an imitation of VoxEngine, not against Voximplant's cloud.

In: WebSockets with the JSON of Voximplant's media streams
(https://voximplant.com/docs/guides/media-streams/format), which `voximplant_stream` reads and makes. Out: the
same, and `CallView`s for the card. A call is a front end of a `Controller`, as a page is: it sends
`MicrophoneAudio` and gets `SpeakerAudio`, over a link within the process. Everything but the public methods
runs on the background loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
import logging
import re
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from livewidget.audio import to_pcm16
from livewidget.clock import Clock, SystemClock
from livewidget.config import Limits
from livewidget.connection import Key, Provider
from livewidget.connection.keys import hide_key
from livewidget.errors import LiveError, StateError, UsageError
from livewidget.integrations.voximplant_stream import (
    CHUNK_MS,
    MICROPHONE_RATE,
    UNREADABLE,
    CallStats,
    Digits,
    Inbound,
    Outbound,
    Samples,
    StreamError,
    StreamMessage,
    StreamStart,
    codec_of,
    read_message,
)
from livewidget.secret import Secret, hide
from livewidget.session import ReconnectPolicy
from livewidget.session.client import SessionSpec, check_policies, hide_unknown, prepare, resolve
from livewidget.transports.base import CLOSE_TIMEOUT, TransportClosed
from livewidget.transports.memory import pair
from livewidget.turns import Floor, Turns
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller
from livewidget.ui.links import pack, unpack
from livewidget.widget.background import background, tool_loop

__all__ = ["CallServer", "CallStats", "PhoneCall", "answer_calls", "scenario"]

#: How often levels are sent to the page, and how often the conversation is told what was played, in ms.
#: Chosen: a page reports four times a second, too.
LEVELS_MS: Final = 100.0
REPORT_MS: Final = 250.0
#: Bars of the page's waveform, in ms; js/src/audio-controller.ts.
BAR_MS: Final = 40.0
#: Without media for so long the microphone counts as paused, in ms: a stream that leaves silence out would
#: never end a sentence. Chosen: longer than a network holds packets back.
PAUSE_MS: Final = 1000.0
#: Seconds until the stream must have started. Chosen: a scenario answers the call first, which may ring.
START_S: Final = 30.0
#: Largest message, in bytes. Chosen: a second of 16 kHz sound in base64 is 43 KB, and chunks last 20 ms.
MESSAGE_BYTES: Final = 128 * 1024
#: Seconds between pings, and until a socket counts as gone that does not answer one. Chosen: a caller who
#: lost the network is not kept on the line for a minute.
PING_S: Final = 10.0
PONG_S: Final = 15.0
#: Sockets that may wait to be let in beside the calls. Chosen: the cloud opens one a call.
_MOST_OPENING: Final = 32
#: Messages that cannot be read before the call is ended. Chosen: a second of them.
_MOST_UNREADABLE: Final = 50
#: Seconds that each step of ending a call may take. Chosen: what has not ended by then never will.
_ENDING_S: Final = 5.0
#: Milliseconds in which is said how much of an interrupted answer was heard: the bridge waits no longer.
_FLUSHED_MS: Final = 500.0
#: Calls that are remembered after their end.
MOST_ENDED: Final = 100
#: Least length of a secret. Chosen: 128 bits, as URL-safe base64.
_SECRET_LENGTH: Final = 22

_FULL: Final = "All lines are taken; call again later."
_LINE_CLOSED: Final = "The line was closed."
_CLOSED: Final = "The widget of this line was closed."
_STRANGER: Final = "This address lacks the secret: take the whole one that answer_calls gives, in its url."
_LATE: Final = "No start message came within {seconds:g} s."
_EARLY: Final = "Media came before a start message: call.sendMediaTo(webSocket) sends both."
_TWICE: Final = "A second start message came without a stop message in between."
_FLOOD: Final = "The stream brought more than a call has: 50 chunks of 20 ms a second."
_TOO_MUCH: Final = "Too many messages could not be read."
_TOO_LARGE: Final = f"A message was larger than {MESSAGE_BYTES // 1024} KB."
_PUSH_TO_TALK: Final = "A caller cannot press a key to talk: set turn_detection to automatic."
_DIRECT: Final = "A caller's sound comes to this program: leave out direct=True."
_FAILED: Final = "The conversation could not be prepared ({kind})."

# At ERROR, websockets logs tracebacks of clients that do not speak its language; at DEBUG, the address.
_sockets_log = logging.getLogger("livewidget.integrations.voximplant.websockets")
_sockets_log.setLevel(logging.CRITICAL + 1)
_sockets_log.propagate = False
_log = logging.getLogger(__name__)


def shortened(number: str) -> str:
    """Return a caller's number with its middle left out: "+49 … 12 34"; "unknown" where it is no number."""
    digits = re.sub(r"[^\d]", "", number, flags=re.ASCII)
    is_number = re.fullmatch(r"\+?[\d\s()./-]+", number.strip(), re.ASCII) is not None
    if not digits or not is_number:
        return "unknown"
    if len(digits) < 7:  # an extension of one's own office
        return digits
    plus = number.strip().startswith("+")
    # The countries of North America and Russia have codes of one digit.
    country = f"+{digits[: 1 if digits[0] in '17' else 2]} " if plus else ""
    return f"{country}… {digits[-4:-2]} {digits[-2:]}"


class _CallerPage:
    """What a page is to the bridge, for a caller. It has a link within the process.

    Attributes:
        owns: Set once it has microphone and speaker.
    """

    def __init__(self, controller: Controller, client: str) -> None:
        self.owns = asyncio.Event()
        self._controller = controller
        self._client = client
        self._transport, theirs = pair()
        self._seq = {"control": 0, "microphone": 0}
        self._control = self._speaker = self._epoch = 0
        controller.bridge.callers.add(client)
        self._serving = asyncio.ensure_future(controller.links.serve(theirs, client))

    async def say(self, message: m.PageMessage, *buffers: bytes) -> None:
        """Send a message to the conversation, unless that has ended."""
        lane = "microphone" if isinstance(message, m.MicrophoneAudio) else "control"
        self._seq[lane] += 1
        envelope = m.Envelope(
            epoch=self._epoch,
            seq=self._seq[lane],
            ack=self._control,
            message=message,
            client=self._client,
        )
        with contextlib.suppress(TransportClosed):
            await self._transport.send(pack(m.encode(envelope), buffers))

    async def report(self, heard: tuple[int, int], ahead_ms: float, now_ms: float) -> None:
        """Say what was heard so far."""
        await self.say(
            m.PlaybackReport(
                ack_seq=self._speaker,
                turn=heard[0],
                played_sample=heard[1],
                buffered_ms=ahead_ms,
                silent_samples=0,
                epoch=self._epoch,
                page_ms=now_ms,
            )
        )

    async def messages(self) -> AsyncIterator[tuple[m.KernelMessage, bytes]]:
        """Yield what is for this caller, each message once and in order, until the link ends."""
        with contextlib.suppress(TransportClosed):
            while True:
                text, buffers = unpack(await self._transport.receive())
                envelope = m.decode(text, m.FROM_KERNEL)
                if self._is_news(envelope):
                    yield envelope.message, buffers[0] if buffers else b""

    def _is_news(self, envelope: m.Envelope) -> bool:
        message = envelope.message
        if envelope.lane == "speaker":
            is_news = envelope.seq > self._speaker and envelope.epoch >= self._epoch
            self._speaker = max(self._speaker, envelope.seq)
            return is_news
        if envelope.lane != "control" or envelope.seq <= self._control:
            return False
        self._control = envelope.seq
        if isinstance(message, m.Welcome) and message.client != self._client:
            return False
        if isinstance(message, m.Flush):
            self._epoch = max(self._epoch, envelope.epoch)
        if isinstance(message, m.Welcome | m.State) and message.owner == self._client:
            if not self.owns.is_set():
                self._speaker = message.speaker_seq
            self.owns.set()
        return True

    async def leave(self) -> None:
        """Give microphone and speaker back."""
        await self.say(m.Bye())
        await self._transport.close()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._controller.bridge.callers.discard(self._client)


class PhoneCall:
    """One phone call. Its methods and attributes may be used from any thread.

    Attributes:
        id: A name of its own.
        number: The caller's number, as the scenario tells it; "" if it does not.
        caller: The number, shortened, as the card shows it.
        began: When the call began.
        muted: Whether what the caller says is not passed on.
        stats: What of its stream was lost.
        ending: Why it ended, as one sentence; "" while it is on.
    """

    def __init__(
        self,
        socket: ServerConnection,
        start: StreamStart,
        greeting: str,
        clock: Clock,
        on_change: Callable[[], object],
    ) -> None:
        self.id = f"call-{secrets.token_hex(6)}"
        self.stats = CallStats()
        self._inbound: Inbound | None = Inbound(start, self.stats)
        self.number = _number_of(start)
        self.caller = shortened(self.number)
        self.began = datetime.now(UTC)
        self.muted = False
        self.ending = ""
        self._socket = socket
        self._tag = start.tag
        self._greeting = greeting
        self._clock = clock
        self._on_change = on_change
        self._outbound = Outbound(self._inbound.codec)
        self._codec = self._inbound.codec
        self._digits = Digits()
        self._loop = asyncio.get_running_loop()
        self._began_ms = clock.now_ms()
        self._ended_ms: float | None = None
        self._ended = asyncio.Event()
        self._wake = asyncio.Event()
        self._flushed = asyncio.Event()
        self._controller: Controller | None = None
        self._page: _CallerPage | None = None
        self._first_turn = 0
        self._turns = Turns()
        self._status: Literal["off", "on", "muted", "paused"] = "off"
        self._media_ms = self._began_ms
        self._microphone_at = 0
        self._loudness: list[float] = []
        self._loud_rest = np.zeros(0, np.float32)
        self._sequence = 0
        self._said_unreadable = False

    def __repr__(self) -> str:
        state = f"ended: {self.ending}" if self.ending else "muted" if self.muted else "on"
        return f"<PhoneCall of {self.caller}, {self.duration_s:.0f} s, {state}>"

    @property
    def is_on(self) -> bool:
        """Whether it has not ended."""
        return not self.ending

    @property
    def duration_s(self) -> float:
        """How long it has lasted, in seconds."""
        end_ms = self._clock.now_ms() if self._ended_ms is None else self._ended_ms
        return (end_ms - self._began_ms) / 1000

    @property
    def turns(self) -> Turns:
        """What was said in it, oldest first."""
        controller = self._controller
        if controller is None:
            return self._turns
        return Turns([turn for turn in controller.state.turns if turn.index >= self._first_turn])

    def hang_up(self) -> None:
        """End the call; returns at once."""
        self._loop.call_soon_threadsafe(self.end, "It was hung up here.")

    def mute(self) -> None:
        """Keep what the caller says from the model; returns at once."""
        self._loop.call_soon_threadsafe(self._set_muted, True)

    def unmute(self) -> None:
        """Pass on what the caller says again; returns at once."""
        self._loop.call_soon_threadsafe(self._set_muted, False)

    def view(self) -> m.CallView:
        """Return it as the card shows it."""
        return m.CallView(
            id=self.id, caller=self.caller, elapsed_ms=int(self.duration_s * 1000), muted=self.muted
        )

    def end(self, why: str) -> None:
        """End it, soon; the first reason counts. On the loop only."""
        if not self.ending:
            self.ending, self._ended_ms = why, self._clock.now_ms()
            self._ended.set()

    def _set_muted(self, muted: bool) -> None:
        if muted != self.muted:
            self.muted = muted
            self._on_change()
            self._wake.set()

    async def run(self, controller: Controller) -> None:
        """Be a front end of this conversation until the call ends. Begins and ends it where nobody has."""
        self._controller = controller
        turns = controller.state.turns
        self._first_turn = turns[-1].index + 1 if turns else 0
        begins = controller.state.still.is_set()
        self._page = page = _CallerPage(controller, self.id)
        works = (self._talk(controller, page, begins), self._listen(), self._hear(page), self._speak(page))
        tasks = [asyncio.ensure_future(work) for work in works]
        hearing = tasks[2]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
            for error in filter(None, failed):
                self._blame(error)
        finally:
            self.end(_LINE_CLOSED)
            for task in tasks:
                if task is not hearing:  # what was heard of an answer is still asked for
                    task.cancel()
            closing = asyncio.ensure_future(self._close_socket())
            try:
                await self._leave(controller, page, begins)
            finally:
                hearing.cancel()
                await asyncio.gather(*tasks, closing, return_exceptions=True)
                turns = controller.state.turns
                self._turns = Turns([turn for turn in turns if turn.index >= self._first_turn])
                self._controller = None

    def _blame(self, error: BaseException) -> None:
        """End the call for an error, in its own words where it has some."""
        if isinstance(error, StreamError | LiveError):
            self.end(str(error))
            return
        self.end("It failed here.")
        self._loop.call_exception_handler({"message": "A phone call failed.", "exception": error})

    async def _talk(self, controller: Controller, page: _CallerPage, begins: bool) -> None:
        """Take microphone and speaker, begin the conversation, and stay."""
        await page.say(m.Hello(client=self.id, last_seq=0))
        await page.say(m.TakeAudio())
        await page.owns.wait()
        if begins:
            controller.sessions.forget()
            controller.start()
            await controller.sessions.open()
        if self._greeting:
            await page.say(m.Text(text=self._greeting))
        await self._ended.wait()

    async def _listen(self) -> None:
        """Take what comes from the scenario until the socket ends."""
        while True:
            try:
                frame = await self._socket.recv()
            except ConnectionClosed as closed:
                self.end(_ending_of(closed))
                return
            try:
                await self._take(read_message(frame))
            except StreamError as error:
                if str(error) == _TWICE:
                    raise
                self.stats.unreadable += 1
                if not self._said_unreadable:
                    self._said_unreadable = True
                    await self._send({"customEvent": "warning", "reason": str(error)})
                if self.stats.unreadable >= _MOST_UNREADABLE:
                    raise StreamError(_TOO_MUCH) from None

    async def _take(self, message: StreamMessage) -> None:
        now_ms = self._clock.now_ms()
        match message.event or message.custom_event:
            case "media" if message.event:
                if self._inbound is None:
                    raise StreamError(_EARLY)
                self._media_ms = now_ms
                await self._pass_on(self._inbound.take(message), now_ms)
            case "start" if message.event:
                if self._inbound is not None:
                    raise StreamError(_TWICE)
                if message.start is None:
                    raise StreamError(UNREADABLE)
                self._inbound = Inbound(message.start, self.stats)
            case "stop" if message.event:
                self._inbound = None
            case "dtmf" if message.custom_event and re.fullmatch(r"[0-9*#A-D]", message.tone):
                await self._type(self._digits.press(message.tone, now_ms))

    async def _type(self, digits: str) -> None:
        """Tell the model which keys were pressed."""
        if digits and self._page is not None:
            await self._page.say(m.Text(text=f"The caller pressed {' '.join(digits)}."))

    async def _pass_on(self, sound: Samples, now_ms: float) -> None:
        page = self._page
        if page is None or not len(sound):
            return
        await self._set_status(page)
        if self.muted:
            return
        self._measure(sound)
        first, self._microphone_at = self._microphone_at, self._microphone_at + len(sound)
        await page.say(m.MicrophoneAudio(first_sample=first, captured_ms=now_ms), to_pcm16(sound))

    def _measure(self, sound: Samples) -> None:
        size = int(MICROPHONE_RATE * BAR_MS / 1000)
        sound = np.concatenate([self._loud_rest, sound])
        whole = len(sound) // size * size
        self._loudness += np.abs(sound[:whole]).reshape(-1, size).max(axis=1).tolist()
        self._loud_rest = sound[whole:]

    async def _set_status(self, page: _CallerPage) -> None:
        """Say whether the caller is listened to, if that has changed."""
        is_silent = self._inbound is None or self._clock.now_ms() - self._media_ms >= PAUSE_MS
        status: Literal["on", "muted", "paused"] = "muted" if self.muted else "paused" if is_silent else "on"
        if status != self._status and page.owns.is_set():
            self._status = status
            await page.say(m.MicrophoneStatus(state=status))

    async def _hear(self, page: _CallerPage) -> None:
        """Take what the conversation has for the caller until it ends."""
        was_live = False
        async for message, data in page.messages():
            match message:
                case m.SpeakerAudio():
                    self._outbound.push(message.turn, message.first_sample, data)
                    self._wake.set()
                case m.SpeakerEnd():
                    self._outbound.finish()
                    self._wake.set()
                case m.Flush(turn=turn):
                    await self._fall_silent(page, turn)
                case m.State(phase=phase):
                    was_live = was_live or phase == "live"
                    if was_live and phase == "ended":
                        self.end(self._why_ended())
        closed = self._controller is None or self._controller.is_closed
        self.end(_CLOSED if closed else _FLOOD)

    async def _fall_silent(self, page: _CallerPage, turn: int) -> None:
        now_ms = self._clock.now_ms() if self._ended_ms is None else self._ended_ms
        heard_turn, sample = self._outbound.heard(now_ms)
        self._outbound.clear()
        if not self.ending:
            await self._send({"customEvent": "clear_media_buffer", **self._tagged()})
        await page.say(m.Flushed(turn=turn, sample=sample if heard_turn == turn else 0))
        self._flushed.set()

    @property
    def _speaks(self) -> bool:
        """Whether something was sent, or waits, that the caller had not heard at the end."""
        self._outbound.heard(self._clock.now_ms() if self._ended_ms is None else self._ended_ms)
        return not self._outbound.is_heard

    def _why_ended(self) -> str:
        notices = self._controller.state.notices.values() if self._controller is not None else ()
        errors = [notice.text for notice in notices if notice.level == "error"]
        return errors[-1] if errors else "The conversation was ended."

    async def _speak(self, page: _CallerPage) -> None:
        """Send the model's sound as it falls due, and let time pass."""
        levels_ms = report_ms = self._clock.now_ms()
        while True:
            now_ms = self._clock.now_ms()
            while (data := self._outbound.due(now_ms)) is not None:
                await self._send_media(data)
            heard = self._outbound.heard(now_ms)
            await self._type(self._digits.pause(now_ms))
            await self._set_status(page)
            if now_ms - report_ms >= REPORT_MS:
                report_ms = now_ms
                await page.report(heard, self._outbound.ahead_ms(now_ms), now_ms)
            if now_ms - levels_ms >= LEVELS_MS:
                levels_ms = now_ms
                self._show_levels()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEVELS_MS / 1000):
                    await self._wake.wait()

    def _show_levels(self) -> None:
        user, self._loudness = self._loudness, []
        levels = m.CallLevels(user=tuple(user), model=tuple(self._outbound.bars()))
        if self._controller is not None and (levels.user or levels.model):
            self._controller.bridge.send_call_levels(levels)

    async def _send_media(self, data: bytes) -> None:
        chunk = self.stats.sent
        samples = int(self._codec.rate * CHUNK_MS / 1000)
        if not chunk:
            media_format = {"encoding": self._codec.encoding, "sampleRate": self._codec.rate}
            await self._send({"event": "start", "start": {"mediaFormat": media_format, **self._tagged()}})
        self.stats.sent += 1
        media = {"chunk": chunk, "timestamp": chunk * samples, "payload": base64.b64encode(data).decode()}
        await self._send({"event": "media", "media": {**media, **self._tagged()}})

    def _tagged(self) -> dict[str, str]:
        return {"tag": self._tag} if self._tag else {}

    async def _send(self, message: dict[str, Any]) -> None:
        if "event" in message:
            message = {"event": message["event"], "sequenceNumber": self._sequence, **message}
            self._sequence += 1
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(json.dumps(message))

    async def _leave(self, controller: Controller, page: _CallerPage, begins: bool) -> None:
        """Cut the answer where it was heard, and give microphone and speaker back, or end what was begun."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_S):
                if controller.state.floor in (Floor.THINKING, Floor.MODEL, Floor.TOOL) or self._speaks:
                    self._flushed.clear()
                    controller.interrupt()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_FLUSHED_MS / 1000):
                            await self._flushed.wait()
                if begins:
                    controller.stop()
                    await controller.sessions.stop()
        await page.leave()

    async def _close_socket(self) -> None:
        """Hang up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_S):
                if self.stats.sent:
                    rate = self._codec.rate
                    sent = self.stats.sent * int(rate * CHUNK_MS / 1000)
                    size = len(self._codec.encode(np.zeros(1, np.float32)))
                    info = {"bytesSent": sent * size, "duration": int(sent * 1000 / rate)}
                    await self._send({"event": "stop", "stop": {"mediaInfo": info, **self._tagged()}})
                await dismiss(self._socket, "hang_up", self.ending, 1000)


async def dismiss(socket: ServerConnection, event: str, sentence: str, code: int) -> None:
    """Tell the scenario why a call ends, and close its socket."""
    with contextlib.suppress(ConnectionClosed):
        await socket.send(json.dumps({"customEvent": event, "reason": sentence}))
    # A close frame holds 123 bytes of reason.
    await socket.close(code, sentence.encode()[:123].decode(errors="ignore"))


def _ending_of(closed: ConnectionClosed) -> str:
    if closed.sent is not None and closed.sent.code == 1009 and closed.rcvd_then_sent is not True:
        return _TOO_LARGE
    return "The caller hung up." if closed.rcvd is not None else "The connection to the caller broke."


def _number_of(start: StreamStart) -> str:
    """Return the caller's number among the stream's parameters, which are text that holds JSON."""
    given: Any = start.custom_parameters
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except (ValueError, RecursionError):
            return ""
    number = given.get("caller", "") if isinstance(given, dict) else ""
    return number[:64] if isinstance(number, str) else ""


#: What `answer_calls` can be given in place of a widget: called with each call, returns what a widget takes.
Make: TypeAlias = Callable[[PhoneCall], Any]


class CallServer:
    """Answers calls; see `answer_calls`. A context manager, which stops it in the end.

    Attributes:
        port: Where it listens.
        ended: The last hundred calls that have ended, newest last.
    """

    def __init__(
        self, source: Any, secret: Secret, most: int, greeting: str, clock: Clock | None = None
    ) -> None:
        self.port = 0
        self.ended: deque[PhoneCall] = deque(maxlen=MOST_ENDED)
        self._source = source
        # A widget's conversation is what its page shows.
        self._card: Controller | None = getattr(source, "_controller", None)
        self._host = ""
        self._secret = secret
        self._most = most
        self._greeting = greeting
        self._clock = clock or SystemClock()
        self._calls: dict[str, PhoneCall] = {}
        self._on_card = ""  # the call that has the card's microphone and voice
        self._opening: set[ServerConnection] = set()  # whose stream has not started
        self._running: set[asyncio.Future[Any]] = set()
        self._server: Server | None = None
        self._closing = False

    def __repr__(self) -> str:
        if self._closing or self._server is None:
            return "<CallServer, stopped>"
        return f"<CallServer on {self._host}:{self.port}, {len(self._calls)} of {self._most} lines taken>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address for the scenario, with the secret: give it to nobody else.

        It is on this computer. For the cloud its beginning is replaced by that of your proxy; `scenario` does
        that.
        """
        return f"ws://{self._host}:{self.port}/?secret={quote(self._secret.reveal(), safe='')}"

    @property
    def calls(self) -> tuple[PhoneCall, ...]:
        """The calls that are on, oldest first."""
        return tuple(self._calls.copy().values())

    def scenario(self, url: str) -> str:
        """Return the scenario for Voximplant's cloud; see `scenario`. The secret is in it.

        Args:
            url: Where your proxy is reached, such as "wss://phone.example/calls"; the secret is added.
        """
        return scenario(f"{url}{'&' if '?' in url else '?'}secret={quote(self._secret.reveal(), safe='')}")

    def stop(self) -> None:
        """Hang up every call, and answer no more; returns when that is done. Twice is allowed."""
        runner = background()
        if not runner.alive:
            return
        if runner.here:
            self._running.add(asyncio.ensure_future(self._stop()))
            return
        with contextlib.suppress(TimeoutError):
            runner.submit(self._stop()).result(4 * _ENDING_S)

    async def _open(self, host: str, port: int) -> None:
        self._server = await serve(
            self._on_socket,
            host,
            port,
            process_request=self._on_request,
            server_header=None,
            compression=None,
            max_size=MESSAGE_BYTES,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            close_timeout=CLOSE_TIMEOUT,
            logger=_sockets_log,
        )
        self._host = host
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        if self._card is not None:
            self._card.show_calls(self._views, self._act)

    async def _stop(self) -> None:
        self._closing = True
        for call in self.calls:
            call.end(_LINE_CLOSED)
        here = asyncio.current_task()
        running = [one for one in self._running if one is not here]
        # First, so that each is told why.
        await asyncio.gather(*(dismiss(one, "refused", _LINE_CLOSED, 1001) for one in self._opening))
        if running:
            await asyncio.wait(running, timeout=_ENDING_S)
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*running, return_exceptions=True)
            await self._server.wait_closed()
        if self._card is not None and not self._card.is_closed:
            self._card.show_calls(tuple, lambda action: None)
        with _lock:
            if _servers.get(self.port) is self:
                del _servers[self.port]

    def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Keep strangers out. The secret stands in no variable, since tracebacks show those."""
        try:
            given = [Secret(one) for one in parse_qs(urlsplit(request.path).query).get("secret", ())]
        except ValueError:
            given = []
        if len(given) != 1 or not self._secret.matches(given[0]):
            return connection.respond(HTTPStatus.FORBIDDEN, f"{_STRANGER}\n")
        if len(self._opening) >= _MOST_OPENING:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{_FULL}\n")
        return None

    async def _on_socket(self, socket: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._serve(socket)
        except StreamError as refused:
            self._tell(f"A call was refused: {refused}")
            await dismiss(socket, "refused", str(refused), 1008)
        except ConnectionClosed as closed:
            if _ending_of(closed) == _TOO_LARGE:
                self._tell(f"A call was refused: {_TOO_LARGE}")
        except Exception as error:
            context = {"message": "A phone call failed.", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        finally:
            self._running.discard(task)

    async def _serve(self, socket: ServerConnection) -> None:
        """Answer a call, from its start message to its end.

        Raises:
            StreamError: If it is refused.
            ConnectionClosed: If it is gone before it began.
        """
        if self._closing:
            raise StreamError(_LINE_CLOSED)
        if len(self._calls) + len(self._opening) >= self._most:
            raise StreamError(_FULL)
        if self._card is not None and self._card.is_closed:
            raise StreamError(_CLOSED)
        self._opening.add(socket)
        try:
            await socket.send(json.dumps({"customEvent": "ready"}))
            start = await _started(socket)
            call = PhoneCall(socket, start, self._greeting, self._clock, self._show)
            self._calls[call.id] = call
        finally:
            self._opening.discard(socket)
        own: Controller | None = None
        try:
            if self._card is not None and not self._on_card:
                controller, self._on_card = _suited(self._card), call.id
            else:
                controller = own = await self._another(call)
            self._show()
            await call.run(controller)
        finally:
            call.end("It could not be answered.")
            del self._calls[call.id]
            self.ended.append(call)
            if self._on_card == call.id:
                self._on_card = ""
            self._show()
            if own is not None:
                await own.close()

    async def _another(self, call: PhoneCall) -> Controller:
        """Return a conversation of its own for a call.

        Raises:
            StreamError: If there cannot be one.
        """
        try:
            if self._card is not None:
                sessions = self._card.sessions
                return _suited(_controller(sessions.another, sessions.reconnect))
            given = self._source
            if callable(given) and not isinstance(given, type):
                if inspect.iscoroutinefunction(given):
                    given = await given(call)
                else:
                    given = await asyncio.to_thread(given, call)
            spec, reconnect = _options(**given) if isinstance(given, Mapping) else _options(given)
            return _suited(_controller(spec, reconnect))
        except LiveError as error:
            failed = str(error)
        except StreamError:
            raise
        except Exception as error:
            _log.exception("A call has no conversation.")
            failed = _FAILED.format(kind=type(error).__name__)
        raise StreamError(failed)

    def _views(self) -> tuple[m.CallView, ...]:
        return tuple(call.view() for call in self.calls)

    def _show(self) -> None:
        """Show on the card which calls are on."""
        if self._card is not None and not (self._closing or self._card.is_closed):
            self._card.show_calls(self._views, self._act)

    def _act(self, action: m.CallAction) -> None:
        call = self._calls.get(action.id)
        if call is not None:
            {"hang_up": call.hang_up, "mute": call.mute, "unmute": call.unmute}[action.action]()

    def _tell(self, sentence: str) -> None:
        """Say what went wrong under the card, or in the log."""
        if self._card is not None and not self._card.is_closed:
            self._card.relay.notice("warning", "call-refused", sentence)
        else:
            _log.warning("%s", sentence)


async def _started(socket: ServerConnection) -> StreamStart:
    """Return the start message of a stream.

    Raises:
        StreamError: If another message comes, or none in time.
        ConnectionClosed: If the call is gone.
    """
    try:
        async with asyncio.timeout(START_S):
            while True:
                message = read_message(await socket.recv())
                if message.event == "start" and message.start is not None:
                    codec_of(message.start)
                    return message.start
                if message.event:
                    raise StreamError(_EARLY if message.event == "media" else UNREADABLE)
    except TimeoutError:
        raise StreamError(_LATE.format(seconds=START_S)) from None


def _suited(controller: Controller) -> Controller:
    """Return a conversation that a caller can have.

    Raises:
        StreamError: If it is not one.
    """
    sentence = _unsuited(controller.sessions.wanted)
    if sentence:
        raise StreamError(sentence)
    return controller


def _unsuited(spec: SessionSpec) -> str:
    if spec.provider.direct:
        return _DIRECT
    return _PUSH_TO_TALK if spec.config.turn_detection.mode == "push_to_talk" else ""


def _controller(spec: SessionSpec, reconnect: ReconnectPolicy | None) -> Controller:
    return Controller(
        spec,
        post=_nowhere,
        publish=_nowhere,
        dispatch=_nowhere,
        callback_kinds=(),
        busy=lambda: "",
        tool_loop=tool_loop,
        reconnect=reconnect,
    )


def _nowhere(*_: object) -> None:
    """There is no page but the caller."""


def _options(
    provider_or_model: Provider | str | None = None,
    *,
    model: str | None = None,
    api_key: str | Key | None = None,
    tools: Sequence[Any] = (),
    history: Sequence[tuple[str, str]] = (),
    reconnect: ReconnectPolicy | None = None,
    limits: Limits | None = None,
    **config: Any,
) -> tuple[SessionSpec, ReconnectPolicy | None]:
    """Take the arguments of `LiveWidget`."""
    provider_or_model, model, api_key = hide_key(provider_or_model), hide_key(model), hide(api_key)
    config = hide_unknown(config)
    check_policies(reconnect, limits)
    provider = resolve(provider_or_model, model=model, api_key=api_key)
    return prepare(provider, tools, history, config, limits), reconnect


_lock = threading.Lock()
_servers: dict[int, CallServer] = {}


def answer_calls(
    live: Any = None,
    port: int = 8765,
    *,
    host: str = "127.0.0.1",
    secret: str | Secret | None = None,
    calls: int = 4,
    greeting: str = "",
) -> CallServer:
    """Answer phone calls that a scenario in Voximplant's cloud passes on; returns at once.

    A `LiveWidget`'s conversation is the first caller's while the call lasts: the page shows it, can mute and
    hang up, and gets microphone and voice back afterwards. If nobody talks when the call comes, the
    conversation begins and ends with it, and knows nothing of calls before; if it is going on, the caller
    joins it as it is. Callers who come meanwhile have conversations of their own, with the same model,
    settings and tools, which the page lists. Calls of tools with `require_approval=True` are asked about on
    the page in the first caller's conversation, and denied in the others.

    Keys that a caller presses reach the model as text, "The caller pressed 1 2 3.", once nothing was pressed
    for two seconds, or with #. Where the caller interrupts, the answer's text is cut where the caller heard
    it.

    If calls are answered on this port of this process already, as when a cell is run again, those are hung
    up, and this takes their place.

    Args:
        live: A `LiveWidget`; or, without a notebook, what one takes: nothing, a model id, a provider; or a
            function that returns that, or a mapping of a widget's keyword arguments, for each call. It gets
            the `PhoneCall`, may be a coroutine function, and else runs in a thread.
        port: 0: any that is free.
        host: The address to listen on. Others than this computer reach it only by another than the default,
            and without TLS: leave that to a proxy.
        secret: What the address must hold, at least 22 characters. None: a new one, so that the scenario has
            to be changed each time; set one of your own to keep the address.
        calls: How many there may be at once. Further ones get one sentence, and the scenario rejects them.
        greeting: Typed to the model as the call begins, for it to speak first: "Greet the caller."

    Raises:
        UsageError: If an argument is not what it is to be, or the port cannot be used.
        StateError: If the widget was closed, or this is called in one of its coroutines.
    """
    secret = hide(secret)
    kept = Secret(secrets.token_urlsafe(24)) if secret is None else _checked(secret)
    if isinstance(calls, bool) or not isinstance(calls, int) or calls < 1:
        raise UsageError("calls is how many calls there may be at once, from 1 on.")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
        raise UsageError("port is a number from 0 to 65535; 0 takes any that is free.")
    if not isinstance(greeting, str):
        raise UsageError(f"greeting is what to type to the model, not {type(greeting).__name__}.")
    server = CallServer(live, kept, calls, greeting)
    _check(live, server)
    runner = background()
    if runner.here:
        raise StateError("answer_calls waits until the port is open: call it in a cell, not in a coroutine.")
    with _lock:
        earlier = _servers.get(port) if port else None
    if earlier is not None:
        earlier.stop()
    try:
        runner.submit(server._open(host, port)).result(_ENDING_S)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"Port {port} cannot be used ({why}); choose another, or 0 for any.") from None
    except TimeoutError:
        raise StateError("The event loop does not respond; try again in a moment.") from None
    with _lock:
        _servers[server.port] = server
    return server


def _checked(secret: Any) -> Secret:
    if not isinstance(secret, Secret) or len(secret.reveal()) < _SECRET_LENGTH:
        raise UsageError(
            f"secret is a text of at least {_SECRET_LENGTH} characters that cannot be guessed, such as "
            "secrets.token_urlsafe() gives."
        )
    return secret


def _check(live: Any, server: CallServer) -> None:
    """Make sure now, and not with the first call, that there can be conversations.

    Raises:
        UsageError: If there cannot.
    """
    card = server._card
    if card is not None:
        if card.is_closed or getattr(live, "_shut", False):
            raise StateError("This widget was closed; make a new one.")
        sentence = _unsuited(card.sessions.wanted)
    elif isinstance(live, Mapping):
        sentence = _unsuited(_options(**live)[0])
    elif callable(live) and not isinstance(live, type):
        return
    else:
        sentence = _unsuited(_options(live)[0])
    if sentence:
        raise UsageError(sentence)


_SCENARIO: Final = Path(__file__).with_name("voximplant_scenario.js")
_URL_LINE: Final = 'const ADDRESS = "wss://phone.example/?secret=…";'


def scenario(url: str) -> str:
    """Return a scenario for Voximplant's cloud, JavaScript of VoxEngine, that passes its calls on to `url`.

    Put it into an application of yours at https://manage.voximplant.com, under Scenarios, and bind a number
    to it by a routing rule. It answers a call once this side is ready, else rejects it as busy; passes sound
    on in both directions at 16 kHz, the caller's number and the keys that are pressed; falls silent when the
    caller interrupts; and hangs up when either side does.

    Args:
        url: The public address of `answer_calls`, with its secret: "wss://phone.example/?secret=…".

    Raises:
        UsageError: If it is not an address of a WebSocket.
    """
    address = Secret(url) if isinstance(url, str) else None
    if address is None or urlsplit(address.reveal()).scheme not in ("ws", "wss"):
        raise UsageError(
            "url is where the cloud finds answer_calls: wss://, your proxy's name, and the secret."
        )
    code = _SCENARIO.read_text(encoding="utf-8")
    return code.replace(_URL_LINE, f"const ADDRESS = {json.dumps(address.reveal())};")
