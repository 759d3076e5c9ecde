"""A page in Python that holds the socket to the service: what js/src/service-socket.ts does, as far as others see it.

It shows a `Controller` of the same event loop, opens a real WebSocket where it is told to, sends the microphone straight
onto it, plays what comes in real time and reports all else. `hold()` is a cell that runs on a kernel without subshells:
what the page sends to the kernel waits, while what the kernel sends still comes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from livewidget.ui import messages as m
from livewidget.ui.channels import ReliableReceiver
from livewidget.ui.controller import Controller
from tests.direct_page import without_sound
from tests.talk_page import wait_until

RATE = 16_000
PLAY_RATE = 24_000
#: Samples of a microphone frame: 40 ms, as the page sends.
FRAME = RATE * 40 // 1000
REPORT_S = 0.25
LOUD = 1000


@dataclass
class Sound:
    """A piece of the microphone that was sent, and how it is counted."""

    first: int
    pcm: bytes


@dataclass
class ServicePage:
    """One page of a conversation.

    Attributes:
        busy: What the kernel says keeps messages waiting; `hold` sets it.
        asked: Everything that the service lane brought, in order.
        sent: The frames that went over the newest socket, decoded.
        hushed: How often the voice was silenced.
        refuses: Close report to answer `service_open` with, in place of connecting.
        resends: Whether it sends again what it is asked for; off for negative controls.
        dates: Whether its reports say when things were; off for negative controls.
    """

    controller: Controller | None = None
    client: str = field(default_factory=lambda: secrets.token_hex(8))
    speed: float = 1.0
    refuses: m.ServiceClosed | None = None
    resends: bool = True
    dates: bool = True
    busy: str = ""
    asked: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    pictures: list = field(default_factory=list)
    turns: dict = field(default_factory=dict)
    notices: dict = field(default_factory=dict)
    state: m.State | m.Welcome | None = None
    urls: list = field(default_factory=list)
    heard: list = field(default_factory=list)
    hushed: int = 0

    def __post_init__(self) -> None:
        self.epoch = 0
        self.service = ReliableReceiver()
        self._control: ReliableReceiver | None = None
        self._seq = 0
        self._waiting: deque = deque()
        self._held = False
        self.socket: ClientConnection | None = None
        self.number = 0
        self._out: asyncio.Queue = asyncio.Queue()
        self._life: list[asyncio.Task] = []
        self._talks = False
        self._mic: deque = deque()
        self._sample = self._counted = 0
        self._kept: list[Sound] = []
        self.voice = 0
        self._speaking = False
        self._ends: dict[int, int] = {}
        self._played: tuple[int, float] = (0, 0.0)
        self._played_s = time.monotonic()
        self._changed = asyncio.Event()
        self._reporter: asyncio.Task | None = None

    # --- Page and kernel --------------------------------------------------------------------------------------

    async def show(self, controller: Controller) -> ServicePage:
        """Come up."""
        self.controller = controller
        self.put(m.Hello(client=self.client, last_seq=0))
        self._reporter = asyncio.create_task(self._report())
        await self.until(lambda: self._control is not None)
        return self

    def put(self, message) -> None:
        """Send a message to the kernel; while a cell runs it waits."""
        self._seq += 1
        ack = self._control.last if self._control else 0
        envelope = m.Envelope(epoch=self.epoch, seq=self._seq, ack=ack, message=message, client=self.client)
        self._waiting.append(m.encode(envelope))
        if not self._held:
            self._flush()

    def put_lane(self, seq: int, message, data: bytes) -> None:
        """Send something of another lane, with its buffer."""
        envelope = m.Envelope(epoch=self.epoch, seq=seq, ack=0, message=message, client=self.client)
        self.controller.receive(m.encode(envelope), [data])

    def _flush(self) -> None:
        while self._waiting:
            self.controller.receive(self._waiting.popleft(), [])

    def hold(self) -> None:
        """A cell begins to run."""
        self._held, self.busy = True, "cell"

    def release(self) -> None:
        """It is over."""
        self._held, self.busy = False, ""
        self._flush()

    def receive(self, content, buffers) -> None:
        """Take what the kernel posts to all pages."""
        envelope = m.decode(content, m.FROM_KERNEL)
        message = envelope.message
        if envelope.lane == "service":
            if self.owns:
                for asked in self.service.receive(envelope.seq, message):
                    self.asked.append(asked)
                    self._serve(asked)
        elif envelope.lane == "insight":
            self.pictures += [message] if isinstance(message, m.PictureView) else []
        elif isinstance(message, m.Welcome) and message.client == self.client:
            self._control = ReliableReceiver(last=envelope.seq)
            self._show(envelope)
        elif self._control is not None and envelope.lane == "control":
            for one in self._control.receive(envelope.seq, envelope):
                self._show(one)
        self._changed.set()

    @property
    def owns(self) -> bool:
        return self.state is not None and self.state.owner == self.client

    def _show(self, envelope) -> None:
        message = envelope.message
        self.epoch = max(self.epoch, envelope.epoch)
        self.seen.append(message)
        match message:
            case m.Welcome() | m.State():
                owned, self.state = self.owns, message
                if self.owns and not owned:
                    self.service = ReliableReceiver(last=message.service_seq)
                elif owned and not self.owns:
                    self.hang_up()
            case m.TurnView():
                self.turns[message.index] = message
            case m.NoticeView(code=code, text=text):
                self.notices[code] = text
            case m.ClearNotice(code=code):
                self.notices.pop(code, None)
            case m.Flush(turn=turn, voice=voice):
                if voice and self.voice <= voice:
                    self._hush()
                sample = int(self._played[1]) if self._played[0] == voice else self._ends.get(voice, 0)
                self.put(m.Flushed(turn=0 if voice else turn, sample=sample if voice else 0, voice=voice))

    async def _report(self) -> None:
        while True:
            now = time.monotonic()
            gone, self._played_s = (now - self._played_s) * PLAY_RATE * self.speed, now
            voice, sample = self._played
            end = self._ends.get(voice, 0)
            sample = min(end, sample + gone)
            if sample >= end and self.voice > voice:
                voice, sample = self.voice, 0.0
            self._played = voice, sample
            self.put(
                m.PlaybackReport(
                    ack_seq=0,
                    turn=0,
                    played_sample=int(sample),
                    buffered_ms=0,
                    silent_samples=0,
                    epoch=self.epoch,
                    page_ms=self.now_ms,
                    service_ack=self.service.last,
                    voice=voice,
                )
            )
            await asyncio.sleep(REPORT_S)

    @property
    def now_ms(self) -> float:
        """The page's clock: not the kernel's."""
        return time.monotonic() * 1000 - 1000

    async def until(self, holds, within_s: float = 30.0):
        """Wait until `holds()` is true, and return it."""
        return await wait_until(self._changed, holds, within_s)

    async def leave(self, *, bye: bool = True) -> None:
        """Close the page."""
        self.hang_up()
        if bye:
            self.put(m.Bye())
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.gather(self._reporter, *self._life, return_exceptions=True)

    # --- What a person does -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Press ●."""
        self.put(m.Start(microphone=True))
        self.put(m.MicrophoneStatus(state="on"))
        await self.until(lambda: self.state.phase == "live")

    async def ask(self, text: str) -> m.TurnView:
        """Type something; return the model's next complete answer."""
        before = set(self.turns)
        self.put(m.Text(text=text))
        return await self.answer(before)

    async def answer(self, before=()) -> m.TurnView:
        """The next complete turn of the model's that is none of `before`."""
        return await self.until(
            lambda: next(
                (
                    turn
                    for index, turn in self.turns.items()
                    if index not in before and turn.speaker == "model" and turn.final
                ),
                None,
            )
        )

    async def speak(self, pcm: bytes, *, speed: float = 1.0) -> None:
        """Give PCM16 at 16 kHz as a microphone does."""
        begun = time.monotonic()
        for number, at in enumerate(range(0, len(pcm), 2 * FRAME), 1):
            await asyncio.sleep(max(0.0, begun + number * 0.04 / speed - time.monotonic()))
            self._microphone(pcm[at : at + 2 * FRAME])

    def press(self, active: bool) -> None:
        """Press push-to-talk, or let go."""
        self._microphone(active)

    def show_picture(self, number: int, jpeg: bytes) -> None:
        """Send a picture of the camera's."""
        data = base64.b64encode(jpeg).decode()
        self._raw({"realtimeInput": {"video": {"data": data, "mimeType": "image/jpeg"}}})
        self.tell(
            m.ServiceImage(
                at_ms=self.now_ms, source="camera", mime_type="image/jpeg", width=64, height=48, size=len(jpeg),
                number=number,
            )
        )  # fmt: skip

    # --- The page's socket ------------------------------------------------------------------------------------

    def tell(self, *items) -> None:
        """Report something of the socket."""
        if not self.dates:
            items = [type(item)(**{**m.msgspec.structs.asdict(item), "at_ms": 2.0**53}) for item in items]
        self.put(m.ServiceReport(socket=self.number, service_ack=self.service.last, items=tuple(items)))

    def _serve(self, asked) -> None:
        match asked:
            case m.ServiceOpen():
                self.hang_up()
                self.number = asked.socket
                if self.refuses is not None:
                    self.tell(self.refuses)
                    return
                self._out = asyncio.Queue()
                self._life.append(asyncio.create_task(self._run(asked, self._out)))
            case m.ServiceSend(socket=self.number, frame=frame):
                self._out.put_nowait(frame)
            case m.ServiceTalk(socket=self.number):
                self._talks = True
                while self._mic:
                    self._microphone(self._mic.popleft())
            case m.ServiceResend(socket=self.number, first=first, samples=samples) if self.resends:
                for sound in self._kept:
                    if first <= sound.first < first + samples:
                        self._raw(_audio(sound.pcm))
            case m.ServiceClose(socket=self.number):
                self._out.put_nowait(None)

    async def _run(self, asked: m.ServiceOpen, out: asyncio.Queue) -> None:
        url = asked.url + (f"?access_token={quote(asked.token, safe='')}" if asked.token else "")
        self.urls.append(url)
        try:
            socket = await connect(url, proxy=None, max_size=None, compression=None)
        except (OSError, InvalidHandshake, ConnectionClosed):
            self.tell(m.ServiceClosed(at_ms=self.now_ms, code=1006))
            return
        if asked.socket != self.number:
            await socket.close()
            return
        self.socket = socket
        self.tell(m.ServiceOpened(at_ms=self.now_ms))
        writing = asyncio.create_task(self._write(socket, out))
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                self._take(frame if isinstance(frame, str) else frame.decode())
        writing.cancel()
        if asked.socket == self.number:
            self._talks, self.socket = False, None
            self.tell(
                m.ServiceClosed(
                    at_ms=self.now_ms, code=socket.close_code or 1006, reason=socket.close_reason or ""
                )
            )

    async def _write(self, socket: ClientConnection, out: asyncio.Queue) -> None:
        with contextlib.suppress(ConnectionClosed):
            while (frame := await out.get()) is not None:
                await socket.send(frame)
        await socket.close()

    def hang_up(self) -> None:
        """Close the socket, without a word to the kernel."""
        self.number, self._talks = 0, False
        self._out.put_nowait(None)

    def cut(self) -> None:
        """Break the socket without a close frame."""
        self.socket.transport.abort()

    def _raw(self, message) -> None:
        self._out.put_nowait(json.dumps(message))

    def _microphone(self, item: bytes | bool) -> None:
        if not self._talks:
            self._mic.append(item)
        elif isinstance(item, bool):
            self._raw({"realtimeInput": {"activityStart" if item else "activityEnd": {}}})
            self.tell(m.ServiceActivity(at_ms=self.now_ms, active=item))
            if item:
                self._hush()
        else:
            self._raw(_audio(item))
            self._kept.append(Sound(self._counted, item))
            loud = any(abs(value) > LOUD for value in memoryview(item).cast("h"))
            self.tell(
                m.ServiceSound(at_ms=self.now_ms, first=self._counted, samples=len(item) // 2, is_speech=loud)
            )
            self._counted += len(item) // 2

    def _take(self, text: str) -> None:
        text, pcm = without_sound(text)
        content = json.loads(text).get("serverContent") or {}
        voice = first = 0
        if pcm:
            if not self._speaking:
                self._speaking, self.voice = True, self.voice + 1
                self._ends[self.voice] = 0
            voice, first = self.voice, self._ends[self.voice]
            self.heard.append((voice, first, pcm))
            self._ends[voice] += len(pcm) // 2
        if content.get("interrupted"):
            self._hush()
        if content.get("interrupted") or content.get("turnComplete"):
            self._speaking = False
        self.tell(m.ServiceFrame(at_ms=self.now_ms, text=text, voice=voice, first=first))

    def _hush(self) -> None:
        """Silence what plays: what was not played is not played any more."""
        self.hushed += 1
        now = time.monotonic()
        voice, sample = self._played
        if voice != self.voice and sample >= self._ends.get(voice, 0):
            voice, sample = self.voice, 0.0
        end = self._ends.get(voice, 0)
        self._played = voice, min(end, sample + (now - self._played_s) * PLAY_RATE * self.speed)
        self._played_s = now
        self._ends[voice] = int(self._played[1])


def _audio(pcm: bytes) -> dict:
    data = base64.b64encode(pcm).decode()
    return {"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}}}


def words(turn: m.TurnView) -> str:
    """The text of a turn."""
    return "".join(span.text for span in turn.spans)
