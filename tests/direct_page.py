"""A page in Python: it holds a real WebSocket to the service, and does what the widget's page does with it.

`DirectPage` is what `LiveSession(…, page=)` takes. Its microphone is `speak`, its button `press`. What its socket
receives it passes on in order with what it has sent, each with its date, and `busy` keeps that from the kernel as a
running cell does.
"""

import asyncio
import base64
import contextlib
import json
from collections import deque
from urllib.parse import quote, urlsplit, urlunsplit

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from livewidget.clock import SystemClock
from livewidget.errors import ConnectFailed
from livewidget.transports.base import TransportClosed

#: What the page keeps of its microphone: before it may speak, and of what it has sent; in samples at 16 kHz.
BEFORE, KEPT = 10 * 16_000, 60 * 16_000


def without_sound(frame):
    """Return a frame with the length and the peak of each piece of sound in its place, and the sound."""
    message, sound = json.loads(frame), b""
    for part in message.get("serverContent", {}).get("modelTurn", {}).get("parts", []):
        blob = part.get("inlineData", {})
        if blob.get("data") and blob.get("mimeType", "").startswith("audio/pcm"):
            data = base64.b64decode(blob["data"])
            samples = np.frombuffer(data, "<i2").astype(int)
            peak = round(abs(samples).max() / 32_768, 3) if len(samples) else 0.0
            blob.update(data="", samples=len(samples), peak=peak)
            sound += data
    return (json.dumps(message) if sound else frame), sound


class PageSocket:
    """The kernel's end of one socket of the page's; the transport."""

    round_trip_ms = None
    bytes_received = None

    def __init__(self, page, socket, number):
        self.page, self.socket, self.number = page, socket, number
        self.received_ms = None
        self.talks = False
        self.ended = None
        self._items = deque()
        self._changed = asyncio.Event()
        self._out = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())
        self._writer = asyncio.create_task(self._write())

    # --- The page's side ------------------------------------------------------------------------------------

    async def _read(self):
        code, reason = 1006, ""
        try:
            async for frame in self.socket:
                text, sound = without_sound(frame)
                self.page.on_frame(text, sound)
                self.report("frame", text)
        except ConnectionClosed:
            pass
        if self.socket.close_code is not None:
            code, reason = self.socket.close_code, self.socket.close_reason or ""
        self.report("closed", code, reason)
        self._writer.cancel()

    async def _write(self):
        """Send in order, without anybody waiting for it, as a browser's socket does."""
        while True:
            frame = await self._out.get()
            with contextlib.suppress(ConnectionClosed):
                await self.socket.send(frame)
            self._out.task_done()

    def post(self, frame):
        message = json.loads(frame)
        self.page.posted.append(next(iter(message.get("realtimeInput", message))))
        self._out.put_nowait(frame)

    def report(self, kind, *values):
        """Tell the kernel, after what it was told before."""
        self._items.append((kind, self.page.clock.now_ms(), values))
        self._changed.set()

    # --- The kernel's side ----------------------------------------------------------------------------------

    @property
    def is_held_up(self):
        return self.page.busy

    async def send(self, frame):
        await asyncio.sleep(0)  # It is under way to the page.
        if self.ended is not None:
            raise self.ended
        self.post(frame if isinstance(frame, str) else frame.decode())

    async def receive(self):
        while True:
            if self.page.slow is not None and self.page.closing:
                await self.page.slow.wait()
            while self._items and not self.page.busy and (self.page.slow is None or self.page.slow.is_set()):
                kind, at_ms, values = self._items.popleft()
                if kind == "frame":
                    self.received_ms = at_ms
                    return values[0]
                if kind == "closed":
                    self.ended = TransportClosed(*values)
                else:
                    self._record(kind, at_ms, values)
            if self.ended is not None:
                raise self.ended
            self._changed.clear()
            await self._changed.wait()

    def _record(self, kind, at_ms, values):
        session = self.page.session
        match kind:
            case "sound":
                first, samples, is_speech = values
                session.record_audio(first, samples, is_speech=is_speech, at_ms=at_ms)
            case "activity":
                session.record_activity(*values, at_ms)
            case "audio_end":
                session.record_audio_end(at_ms)
            case "image":
                session.record_image(*values, at_ms)

    def ready(self):
        self.page.ready_calls += 1
        self.talks = True
        self.page.flush()

    def release(self):
        self.page.release_calls += 1
        self.page.holds = False
        self.page.flush()

    async def resend(self, first, samples):
        sound = self.page.kept(first, samples)
        if sound is None:
            return False
        self.page.resent.append((first, samples))
        await self.send(audio_frame(sound))
        return True

    async def resend_image(self, number):
        picture = self.page.pictures.get(number)
        if picture is None:
            return False
        await self.send(image_frame(*picture))
        return True

    async def close(self, code=1000, reason=""):
        self.page.closing = True
        self._changed.set()
        if not self._writer.done():
            drained = asyncio.create_task(self._out.join())
            await asyncio.wait([drained, self._reader], return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
        await self.socket.close(code, reason)
        await self._reader
        if self.page.socket is self:
            self.page.socket = None


def audio_frame(pcm):
    blob = {"data": base64.b64encode(pcm).decode(), "mimeType": "audio/pcm;rate=16000"}
    return json.dumps({"realtimeInput": {"audio": blob}})


def image_frame(data, mime_type):
    return json.dumps(
        {"realtimeInput": {"video": {"data": base64.b64encode(data).decode(), "mimeType": mime_type}}}
    )


class DirectPage:
    """A page that owns microphone and speaker.

    Attributes:
        session: The session to tell; set once it is made.
        busy: A cell runs in the kernel: what the page passes on is not read.
        slow: An event until which its reports are under way, or None; `closing`: a socket is to be closed.
        addresses: What it was asked to open, in order, without tokens; and `tokens`, those.
        played: All sound that came, and `frames`, all frames, without it.
        posted: What was put onto its sockets, in order: the field of each input, or the message.
        refusals: Errors, or (code, reason) of a close, with which the next sockets end.
    """

    def __init__(self, clock=None, cafile=None):
        self.clock = clock or SystemClock()
        self.session = None
        self.busy_until = asyncio.Event()
        self._busy = self.closing = False
        self.slow = None
        self.addresses, self.tokens, self.terms = [], [], None
        self.posted = []
        self.played, self.frames, self.refusals = bytearray(), [], []
        self.socket = None
        self.sockets = []
        self.holds = False
        self.resent = []
        self.pictures = {}
        self.ready_calls = self.release_calls = 0
        self._waiting = deque()  # what is said while it may not be sent
        self._kept = deque()
        self._next = 0

    @property
    def busy(self):
        return self._busy

    @busy.setter
    def busy(self, busy):
        self._busy = busy
        for socket in self.sockets:
            socket._changed.set()

    # --- What the session asks ------------------------------------------------------------------------------

    async def wait_for_page(self):
        pass

    async def open(self, address, terms):
        self.addresses.append(address.url)
        self.terms = terms
        if self.refusals and isinstance(self.refusals[0], Exception):
            raise self.refusals.pop(0)
        url = address.url
        if address.token is not None:
            self.tokens.append(address.token.reveal())
            url = urlunsplit(urlsplit(url)._replace(query=f"access_token={quote(self.tokens[-1], safe='')}"))
        try:
            opened = await connect(url, max_size=2**24, proxy=None)
        except (OSError, WebSocketException):
            raise ConnectFailed("The page's browser could not open the connection to the service.") from None
        self.socket = PageSocket(self, opened, len(self.sockets) + 1)
        self.sockets.append(self.socket)
        return self.socket

    def on_frame(self, text, sound):
        message = json.loads(text)
        self.frames.append(message)
        self.played += sound
        if "toolCall" in message and self.terms.holds_calls:
            self.holds = True

    # --- What a person does with it -------------------------------------------------------------------------

    async def speak(self, pcm, is_speech=True):
        """The microphone gives a piece of sound."""
        first, samples = self._next, len(pcm) // 2
        self._next += samples
        self._waiting.append(("sound", first, pcm, is_speech))
        while sum(len(item[2]) // 2 for item in self._waiting if item[0] == "sound") > BEFORE:
            self._waiting.remove(next(item for item in self._waiting if item[0] == "sound"))
        self.flush()
        await asyncio.sleep(0)
        return first, samples

    def press(self, active):
        """The button of push-to-talk goes down (True) or up."""
        self._waiting.append(("activity", active))
        self.flush()

    def mute(self):
        self._waiting.append(("audio_end",))
        self.flush()

    def show(self, number, data, mime_type="image/jpeg"):
        self.pictures[number] = data, mime_type
        self._waiting.append(("image", number, data, mime_type))
        self.flush()

    def flush(self):
        """Send what waits, in order, as soon as it may."""
        socket = self.socket
        while self._waiting and socket is not None and socket.talks and not self.holds:
            if socket.socket.close_code is not None:
                return
            kind, *values = self._waiting.popleft()
            match kind:
                case "sound":
                    first, pcm, is_speech = values
                    socket.post(audio_frame(pcm))
                    self._kept.append((first, pcm))
                    while sum(len(pcm) // 2 for _, pcm in self._kept) > KEPT:
                        self._kept.popleft()
                    socket.report("sound", first, len(pcm) // 2, is_speech)
                case "activity":
                    mark = "activityStart" if values[0] else "activityEnd"
                    socket.post(json.dumps({"realtimeInput": {mark: {}}}))
                    socket.report("activity", values[0])
                case "audio_end":
                    socket.post('{"realtimeInput":{"audioStreamEnd":true}}')
                    socket.report("audio_end")
                case "image":
                    number, data, mime_type = values
                    socket.post(image_frame(data, mime_type))
                    socket.report("image", mime_type, len(data), number)

    def kept(self, first, samples):
        """What was sent, from its first sample on; None if it is not all here."""
        sound, begin = b"".join(pcm for _, pcm in self._kept), self._kept[0][0] if self._kept else 0
        piece = sound[2 * (first - begin) : 2 * (first - begin + samples)] if first >= begin else b""
        return piece if len(piece) == 2 * samples else None

    async def cut(self):
        """The network breaks the socket, without a word."""
        self.socket.socket.transport.abort()
        await self.socket._reader

    async def leave(self):
        """The page is closed; another one is there, which has heard and kept nothing."""
        await self.socket.socket.close(1000)
        self._kept.clear()
        self.pictures.clear()
        self.socket = None
