"""One phone call: a front end of a conversation, as a page is.

In: the scenario's messages, over the call's socket, and the bridge's, over a link within the process. Out:
the caller's sound as `MicrophoneAudio`, keys as `Text`, and how much of an answer was heard as
`PlaybackReport` and `Flushed`; the model's sound in chunks, and what the two ends agree upon:
`clear_media_buffer`, `warning`, `refused`, `hang_up`. A `CallServer` makes it; all but its public methods
runs on the background loop.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from livewidget.audio import to_pcm16
from livewidget.clock import Clock
from livewidget.errors import LiveError
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
    read_message,
)
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import pair
from livewidget.turns import Floor, Turns
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller
from livewidget.ui.links import FLOOD, pack, unpack

#: How often levels are sent to the page, and how often the conversation is told what was played, in ms.
#: Chosen: a page reports four times a second, too.
LEVELS_MS: Final = 100.0
REPORT_MS: Final = 250.0
#: Bars of the page's waveform, in ms; js/src/audio-controller.ts.
BAR_MS: Final = 40.0
#: Without media for so long the microphone counts as paused, in ms: a stream that leaves silence out would
#: never end a sentence. Chosen: longer than a network holds packets back.
PAUSE_MS: Final = 1000.0
#: Largest message, in bytes. Chosen: a second of 16 kHz sound in base64 is 43 KB, and chunks last 20 ms.
MESSAGE_BYTES: Final = 128 * 1024
#: Messages that cannot be read before the call is ended. Chosen: a second of them.
_MOST_UNREADABLE: Final = 50
#: Seconds that each step of ending a call may take. Chosen: what has not ended by then never will.
ENDING_S: Final = 5.0
#: Milliseconds in which is said how much of an interrupted answer was heard: the bridge waits no longer.
_FLUSHED_MS: Final = 500.0

_HUNG_UP: Final = "The call was hung up here."
LINE_CLOSED: Final = "The line was closed."
WIDGET_CLOSED: Final = "The widget of this line was closed."
EARLY: Final = "Media came before a start message: call.sendMediaTo(webSocket) sends both."
_TWICE: Final = "A second start message came without a stop message in between."
_FLOOD: Final = "The stream brought more than a call has: 50 chunks of 20 ms a second."
_CUT_OFF: Final = "The connection to the conversation broke."
_TOO_MUCH: Final = "Too many messages could not be read."
TOO_LARGE: Final = f"A message was larger than {MESSAGE_BYTES // 1024} KB."


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
        close_code: Why the link ended, as `ui.links` says it; None while it is open.
    """

    def __init__(self, controller: Controller, client: str) -> None:
        self.owns = asyncio.Event()
        self.close_code: int | None = None
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
        try:
            while True:
                text, buffers = unpack(await self._transport.receive())
                envelope = m.decode(text, m.FROM_KERNEL)
                if self._is_news(envelope):
                    yield envelope.message, buffers[0] if buffers else b""
        except TransportClosed as closed:
            self.close_code = closed.code

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
        self._hangs_up = False

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

    def hang_up(self, *, after_answer: bool = False) -> None:
        """End the call; returns at once.

        Args:
            after_answer: First let the model finish, and the caller hear it: for a tool with which the model
                hangs up by itself.
        """
        self._loop.call_soon_threadsafe(self._hang_up, after_answer)

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

    def _hang_up(self, after_answer: bool) -> None:
        self._hangs_up = True
        if not after_answer:
            self.end(_HUNG_UP)

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
        talk, speak = self._talk(controller, page, begins), self._speak(controller, page)
        works = (talk, self._listen(), self._hear(page), speak)
        tasks = [asyncio.ensure_future(work) for work in works]
        hearing = tasks[2]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
            for error in filter(None, failed):
                self._blame(error)
        finally:
            self.end(LINE_CLOSED)
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
        self.end("The call failed here.")
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
                self.end(ending_of(closed))
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
                    raise StreamError(EARLY)
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
        if self._controller is None or self._controller.is_closed:
            self.end(WIDGET_CLOSED)
        else:
            self.end(_FLOOD if page.close_code == FLOOD else _CUT_OFF)

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

    async def _speak(self, controller: Controller, page: _CallerPage) -> None:
        """Send the model's sound as it falls due, and let time pass."""
        levels_ms = report_ms = self._clock.now_ms()
        while True:
            now_ms = self._clock.now_ms()
            while (data := self._outbound.due(now_ms)) is not None:
                await self._send_media(data)
            heard = self._outbound.heard(now_ms)
            if self._hangs_up and self._outbound.is_heard and controller.state.floor is Floor.LISTENING:
                self.end(_HUNG_UP)
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
            async with asyncio.timeout(ENDING_S):
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
            async with asyncio.timeout(ENDING_S):
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


def ending_of(closed: ConnectionClosed) -> str:
    """Return why a socket was closed from the other end, or broke, as one sentence."""
    if closed.sent is not None and closed.sent.code == 1009 and closed.rcvd_then_sent is not True:
        return TOO_LARGE
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
