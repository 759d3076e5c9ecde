"""A page of `livewidget.web` in Python, over real sockets: what the browser's page does, as far as a server sees it.

It is let in by its cookie, opens its socket, answers every message of the kernel's as `js/src/bridge.ts` does, sends
microphone audio in real time and reports what it has played. `heard` keeps every piece of the model's audio with its
place in its turn, so that what was lost or repeated can be counted in samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from livewidget.ui import messages as m
from livewidget.ui.channels import ReliableReceiver, ReliableSender
from livewidget.ui.links import pack, unpack

RATE = 16_000
PLAY_RATE = 24_000
#: Samples of a microphone frame: 40 ms, as the page sends.
FRAME = RATE * 40 // 1000
REPORT_S = 0.25


async def wait_until(changed: asyncio.Event, holds, within_s: float):
    """Return what `holds()` returns once that is true; it is asked at each change, and now and then."""
    async with asyncio.timeout(within_s):
        while not (found := holds()):
            changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), 0.05)
    return found


async def get(url: str, path: str = "", *, tls: ssl.SSLContext | None = None, **headers: str) -> Answer:
    """Fetch `url` + `path` with exactly these headers; `_` in their names is `-`."""
    parts = urlsplit(url + path)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
    lines = {"Host": parts.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    writer.write(f"GET {parts.path or '/'} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
    raw = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = [tuple(line.split(": ", 1)) for line in rest]
    return Answer(int(first.split()[1]), [(name.lower(), value) for name, value in found], body.decode())


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)


@dataclass
class TalkPage:
    """One page.

    Attributes:
        base: The address of the page's folder, with a slash at its end.
        cookie: What the browser has; `let_in` sets it.
        tab: The id kept for this tab.
        speed: How many times faster than a person hears it plays.
        heard: (turn, first sample, PCM16) of each piece of the model's audio, in order.
        flushed: The sample at which each turn was silenced that was interrupted.
        closed: Code and reason with which the server ended the socket.
        resends: Whether what the kernel may not have is sent again on a new socket; off for negative controls.
        numbers: Whether it looks at the numbers of what comes; off for negative controls.
        query: What follows the page's address.
    """

    base: str
    cookie: str = ""
    tab: str = field(default_factory=lambda: secrets.token_hex(8))
    tls: ssl.SSLContext | None = None
    speed: float = 1.0
    origin: str | None = None
    resends: bool = True
    numbers: bool = True
    query: str = ""
    client: str = field(default_factory=lambda: secrets.token_hex(8))
    heard: list[tuple[int, int, bytes]] = field(default_factory=list)
    flushed: dict[int, int] = field(default_factory=dict)
    seen: list[object] = field(default_factory=list)
    turns: dict[int, m.TurnView] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    state: m.State | m.Welcome | None = None
    closed: tuple[int, str] | None = None
    greeting: dict | None = None
    first_sound_s: float | None = None  # on this computer's monotonic clock, of the newest turn
    acked_microphone: int = 0
    dry_ms: float = 0.0  # how long the voice stood still in the middle of an answer

    def __post_init__(self) -> None:
        self.socket: ClientConnection | None = None
        self.epoch = 0
        self._control: ReliableReceiver = ReliableReceiver()
        self._speaker: ReliableReceiver = ReliableReceiver()
        self._sent: ReliableSender = ReliableSender()
        self._welcomed = False
        self._frames: dict[int, tuple[m.MicrophoneAudio, bytes]] = {}
        self._frame_seq = self._sample = self._picture_seq = 0
        self._ends: dict[int, int] = {}
        self._complete: set[int] = set()
        self._played: tuple[int, float] = (0, 0.0)
        self._played_s = time.monotonic()
        self._tasks: list[asyncio.Task] = []
        self._changed = asyncio.Event()

    # --- In and out -------------------------------------------------------------------------------------------

    async def let_in(self, token: str = "", **headers: str) -> Answer:
        """Ask for the cookie, with a token or the cookie that there is."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        answer = await get(self.base, "session", tls=self.tls, **headers)
        if (given := answer.header("set-cookie")) and answer.status == 204:
            self.cookie = given.split(";")[0]
        return answer

    async def open(self, token: str = "", *, card: bool = False) -> dict:
        """Open the socket, of a card in another server's page or of a page; return the server's first frame."""
        self.closed = None
        headers = {"Cookie": self.cookie} if self.cookie else {}
        address = self.base.replace("http", "ws", 1) + "socket" + self.query
        self.socket = await connect(
            address, additional_headers=headers, ssl=self.tls, proxy=None, max_size=None, origin=self.origin,
            compression=None,
        )  # fmt: skip
        opening = {"client": self.client, "tab": self.tab, "token": token, **({"card": True} if card else {})}
        await self.socket.send(json.dumps(opening))
        try:
            self.greeting = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
            if "error" not in self.greeting:
                self._tasks = [
                    asyncio.create_task(self._receive(self.socket)),
                    asyncio.create_task(self._report()),
                ]
                if not self._welcomed:
                    await self._put(m.Hello(client=self.client, last_seq=0))
                elif self.resends:
                    for seq, message in self._sent.after(0):
                        await self._write(seq, message)
                    for seq, (message, pcm) in self._frames.items():
                        await self._write(seq, message, pcm)
        except ConnectionClosed as error:
            self.closed = (error.rcvd.code, error.rcvd.reason) if error.rcvd else (1006, "")
            raise
        return self.greeting

    async def load(self, token: str = "") -> TalkPage:
        """Load the page: be let in, open the socket, wait for the welcome."""
        answer = await self.let_in(token)
        assert answer.status == 204, answer
        greeting = await self.open()
        assert "error" not in greeting, greeting
        await self.until(lambda: self._welcomed)
        return self

    def again(self) -> TalkPage:
        """The same tab after a reload: cookie and tab stay, all else is new."""
        return TalkPage(self.base, self.cookie, self.tab, self.tls, self.speed, self.origin)

    async def cut(self) -> None:
        """Break the socket without a close frame."""
        await self._stop()
        self.socket.transport.abort()

    async def close(self, *, bye: bool = True) -> None:
        """Close the page."""
        if self.socket is None:
            return
        if bye and self._tasks:
            with contextlib.suppress(ConnectionClosed):
                await self._put(m.Bye())
        await self._stop()
        await self.socket.close()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def until(self, holds, within_s: float = 30.0):
        """Wait until `holds()` is true, and return it."""
        return await wait_until(self._changed, holds, within_s)

    # --- What a person does -----------------------------------------------------------------------------------

    async def start(self, microphone: bool = True) -> None:
        """Press ●, and wait until somebody listens."""
        await self.begin(microphone)
        await self.until(lambda: self.state.phase == "live")

    async def begin(self, microphone: bool = True) -> None:
        """Press ●."""
        await self._put(m.Start(microphone=microphone))
        if microphone:
            await self._put(m.MicrophoneStatus(state="on"))

    async def type(self, text: str) -> None:
        """Type something."""
        await self._put(m.Text(text=text))

    async def ask(self, text: str) -> str:
        """Type something; return the model's next complete answer."""
        before = set(self.turns)
        await self.type(text)
        return await self.until(lambda: self._answer_since(before))

    def _answer_since(self, before) -> str:
        new = [turn for index, turn in self.turns.items() if index not in before]
        said = (words(turn) for turn in new if turn.speaker == "model" and turn.final)
        return next(said, "")

    async def interrupt(self) -> None:
        """Press the button that silences the model."""
        await self._put(m.Interrupt())

    async def stop(self) -> None:
        """End the conversation."""
        await self._put(m.Stop())

    async def approve(self, id: str, allowed: bool) -> None:
        """Allow a call that asks, or refuse it."""
        await self._put(m.Approve(id=id, allowed=allowed))

    async def take_turns(self, mode: m.TurnTakingMode) -> None:
        """Choose who says when somebody has finished speaking."""
        await self._put(m.TurnTaking(mode=mode))

    async def press(self, active: bool) -> None:
        """Press the button of push-to-talk, or release it."""
        await self._put(m.Activity(active=active))

    async def show(self, picture: bytes, mime_type: str, size: tuple[int, int]) -> None:
        """Show the model a picture from a file."""
        self._picture_seq += 1
        width, height = size
        message = m.CameraFrame(
            source="file",
            mime_type=mime_type,
            width=width,
            height=height,
            captured_ms=time.monotonic() * 1000,
        )
        await self._write(self._picture_seq, message, picture)

    @property
    def played(self) -> tuple[int, int]:
        """The turn that was heard last, and how many of its samples were."""
        self._advance()
        return self._played[0], int(self._played[1])

    @property
    def is_silent(self) -> bool:
        """Whether everything that came was played, or silenced."""
        turn = next(reversed(self._ends), 0)
        return turn == 0 or self.played == (turn, self._ends[turn])

    async def speak(self, pcm: bytes, start_s: float | None = None, *, pace: float = 1.0) -> float:
        """Send PCM16 at 16 kHz as a microphone does, in real time; return when it ended, on the monotonic clock.

        With another `pace` the microphone is so many times as fast.
        """
        begun = time.monotonic() if start_s is None else start_s
        for number, at in enumerate(range(0, len(pcm), 2 * FRAME), 1):
            await asyncio.sleep(max(0.0, begun + number * 0.04 / pace - time.monotonic()))
            piece = pcm[at : at + 2 * FRAME]
            now_ms = time.monotonic() * 1000
            message = m.MicrophoneAudio(first_sample=self._sample, captured_ms=now_ms - 40)
            self._sample += len(piece) // 2
            self._frame_seq += 1
            self._frames[self._frame_seq] = message, piece
            with contextlib.suppress(ConnectionClosed):
                await self._write(self._frame_seq, message, piece)
        return time.monotonic()

    def audio(self, turn: int) -> bytes:
        """The audio of a turn as it came, without a look at its places."""
        return b"".join(pcm for of, _, pcm in self.heard if of == turn)

    def faults(self) -> tuple[int, int]:
        """How many samples were lost and how many came twice, by their places in their turns."""
        lost = twice = 0
        ends: dict[int, int] = {}
        for turn, first, pcm in self.heard:
            step = first - ends.get(turn, 0)
            lost, twice = lost + max(0, step), twice + max(0, -step)
            ends[turn] = max(ends.get(turn, 0), first + len(pcm) // 2)
        return lost, twice

    # --- The wire ---------------------------------------------------------------------------------------------

    async def _put(self, message) -> None:
        seq = self._sent.add(message, 0.0)
        await self._write(seq, message)

    async def _write(self, seq: int, message, data: bytes = b"") -> None:
        envelope = m.Envelope(
            epoch=self.epoch, seq=seq, ack=self._control.last, message=message, client=self.client
        )
        await self.socket.send(pack(m.encode(envelope), [data] if data else []))

    async def _receive(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                text, buffers = unpack(frame)
                self._take(m.decode(text, m.FROM_KERNEL), buffers)
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed = (socket.close_code or 1006, socket.close_reason or "")
        self._changed.set()

    def _take(self, envelope, buffers) -> None:
        message = envelope.message
        if envelope.lane == "speaker":
            ready = self._speaker.receive(envelope.seq, (envelope, buffers))
            for out, data in ready if self.numbers else [(envelope, buffers)]:
                if out.epoch >= self.epoch:
                    self._play(out.message, data)
        elif envelope.lane in ("insight", "service"):
            self.seen.append(message)
        elif (
            isinstance(message, m.Welcome)
            and message.client == self.client
            and envelope.seq > self._control.last
        ):
            self._control = ReliableReceiver(last=envelope.seq)
            self._speaker = ReliableReceiver(last=message.speaker_seq)
            self._welcomed = True
            self._show(envelope)
        elif self._welcomed:
            for one in self._control.receive(envelope.seq, envelope):
                self._show(one)

    def _show(self, envelope) -> None:
        message = envelope.message
        self.epoch = max(self.epoch, envelope.epoch)
        self.seen.append(message)
        match message:
            case m.Welcome() | m.State():
                owned = self.state is not None and self.state.owner == self.client
                self.state = message
                if message.owner == self.client and not owned:
                    self._speaker = ReliableReceiver(last=message.speaker_seq)
                if isinstance(message, m.Welcome):
                    self.turns = {turn.index: turn for turn in message.turns}
                    self.notices = [notice.text for notice in message.notices]
            case m.TurnView():
                self.turns[message.index] = message
            case m.NoticeView(text=text):
                self.notices.append(text)
            case m.Heartbeat(acks=acks, microphone_ack=ack):
                self._sent.acknowledge(acks.get(self.client, 0), 0.0)
                self.acked_microphone = ack
                for seq in [seq for seq in self._frames if seq <= ack or seq < self._frame_seq - 250]:
                    del self._frames[seq]
            case m.Flush(turn=turn):
                # What is still here of that turn is not played any more.
                now_playing, at = self.played
                sample = self._ends[turn] = at if now_playing == turn else 0
                self.flushed[turn] = sample
                self._complete.add(turn)
                asyncio.get_running_loop().create_task(self._put(m.Flushed(turn=turn, sample=sample)))

    def _play(self, message, buffers) -> None:
        if isinstance(message, m.SpeakerEnd):
            self._complete.add(message.turn)
            return
        self._advance()
        if message.turn not in self._ends:
            self.first_sound_s = time.monotonic()
        self.heard.append((message.turn, message.first_sample, buffers[0]))
        self._ends[message.turn] = message.first_sample + len(buffers[0]) // 2

    async def _report(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                self._advance()
                await self._write_report(time.monotonic() * 1000)
                await asyncio.sleep(REPORT_S)

    def _advance(self) -> None:
        """Play what has come since the last time, one turn after the other."""
        now = time.monotonic()
        left, self._played_s = (now - self._played_s) * PLAY_RATE * self.speed, now
        turn, sample = self._played
        turns = list(self._ends)
        while True:
            piece = min(left, self._ends.get(turn, 0) - sample)
            sample, left = sample + piece, left - piece
            later = turns[turns.index(turn) + 1 :] if turn in self._ends else turns
            if left <= 0 or not later:
                break
            turn, sample = later[0], 0.0
        if left > 0 and sample > 0 and turn not in self._complete:
            self.dry_ms += left / PLAY_RATE / self.speed * 1000
        self._played = turn, sample

    async def _write_report(self, page_ms: float) -> None:
        turn, sample = self._played
        # Reports are numbered on the control lane and never sent again: the next one says more.
        await self._put(
            m.PlaybackReport(
                ack_seq=self._speaker.last, turn=turn, played_sample=int(sample), silent_samples=0, epoch=self.epoch,
                buffered_ms=(self._ends.get(turn, 0) - sample) / 24, page_ms=page_ms,
            )
        )  # fmt: skip


def words(turn: m.TurnView) -> str:
    """The text of a turn."""
    return "".join(span.text for span in turn.spans)
