"""Voximplant's side of a media stream, over a real socket: one call, its sound at the pace of time, and every rule.

The rules are those of https://voximplant.com/docs/guides/media-streams/format; what breaks one is kept as a sentence in
`violations`. What the caller hears is laid on a line of time as VoxEngine plays it: chunk after chunk, without a gap while
there are some, and cut where the scenario clears the buffer.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from livewidget.audio import resample
from livewidget.integrations.voximplant_stream import CODECS

CHUNK_MS = 20
#: VoxEngine keeps ten seconds; this is what the project promises.
MOST_AHEAD_MS = 1000.0


class VoxEngine:
    """A call, from the scenario's side. It is answered when the block is entered, and hung up when it is left.

    Attributes:
        violations: Rules that were broken, one sentence each.
        events: The messages that are not media, in order, and the close as {"close": code, "reason": …}.
        refused: Why the call was refused; "" if it was not.
        arrivals: When each chunk of sound came, in monotonic time.
    """

    def __init__(
        self, url, encoding="PCM16", rate=16_000, *, number="+4915112345678", clears=True, keep=None
    ):
        self.codec = CODECS[encoding, rate]
        self.violations = []
        self.events = []
        self.refused = ""
        self.arrivals = []
        self.changed = asyncio.Condition()
        self._url = url
        self._number = number
        self._clears = clears
        self._keep = keep or (lambda chunk: True)
        self._frame = rate * CHUNK_MS // 1000
        self._speaking = np.zeros(0, np.float32)
        self._played = []  # when each piece begins, and its samples
        self._ends_s = 0.0
        self._started = self._stopped = False
        self._sequence = self._chunk = self._samples = self._bytes = 0
        self._tasks = []
        self._socket = None

    async def __aenter__(self):
        self._socket = await connect(self._url, compression=None, proxy=None, max_size=None)
        self._tasks = [asyncio.create_task(self._read())]
        await self.until(lambda: self.refused or self.has("ready") or self.is_over)
        if self.has("ready"):
            await self.answer()
        return self

    async def __aexit__(self, *_):
        await self.hang_up()

    async def answer(self):
        start = {
            "mediaFormat": {"encoding": self.codec.encoding, "sampleRate": self.codec.rate},
            "customParameters": json.dumps({"caller": self._number}),
            "tag": "call",
        }
        await self.send({"event": "start", "sequenceNumber": 0, "start": start})
        self._tasks.append(asyncio.create_task(self._microphone()))

    async def send(self, message):
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def press(self, tones):
        for tone in tones:
            await self.send({"customEvent": "dtmf", "tone": tone})

    async def hang_up(self):
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        await self._socket.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, sound, rate):
        """Say something, after what is being said."""
        self._speaking = np.concatenate([self._speaking, resample(sound, rate, self.codec.rate)])

    @property
    def is_quiet(self):
        """Whether all that came was heard, some time ago."""
        return bool(self._played) and time.monotonic() > self._ends_s + 0.3

    def has(self, custom):
        return any(event.get("customEvent") == custom for event in self.events)

    @property
    def is_over(self):
        return any("close" in event for event in self.events)

    async def until(self, test, within_s=20.0):
        """Wait until `test()` is true; it is asked after each message, and ten times a second."""
        async with asyncio.timeout(within_s):
            while not test():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1), self.changed:
                        await self.changed.wait()

    @property
    def heard(self):
        """What the caller has heard so far, without the silence in between: float samples at the call's rate."""
        now, pieces = time.monotonic(), []
        for begins, sound in self._played:
            pieces.append(sound[: max(0, int((now - begins) * self.codec.rate))])
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    async def _microphone(self):
        """Send the caller's sound at the pace of time: what is said, else the noise of a quiet line."""
        began, chunk = time.monotonic(), 0
        noise = np.random.default_rng(1)
        while True:
            sound = noise.normal(0, 0.0005, self._frame).astype(np.float32)
            said, self._speaking = self._speaking[: self._frame], self._speaking[self._frame :]
            sound[: len(said)] += said
            if self._keep(chunk):
                payload = base64.b64encode(self.codec.encode(sound)).decode()
                media = {
                    "tag": "call",
                    "chunk": str(chunk),
                    "timestamp": str(chunk * self._frame),
                    "payload": payload,
                }
                await self.send({"event": "media", "sequenceNumber": chunk + 1, "media": media})
            chunk += 1
            await asyncio.sleep(max(0.0, began + chunk * CHUNK_MS / 1000 - time.monotonic()))

    async def _read(self):
        try:
            while True:
                frame = await self._socket.recv()
                self._take(frame, time.monotonic())
                async with self.changed:
                    self.changed.notify_all()
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            self.events.append({"close": code, "reason": reason})
        async with self.changed:
            self.changed.notify_all()

    def _rule(self, holds, sentence):
        if not holds:
            self.violations.append(sentence)

    def _take(self, frame, now):
        self._rule(isinstance(frame, str), "A frame was not text.")
        message = json.loads(frame)
        self._rule(
            ("event" in message) != ("customEvent" in message), "Neither event nor customEvent, or both."
        )
        if "customEvent" in message:
            self.events.append(message)
            if message["customEvent"] == "refused":
                self.refused = message["reason"]
            if message["customEvent"] == "clear_media_buffer" and self._clears:
                self._rule(message.get("tag", "call") == "call", "Another tag is cleared.")
                self._clear(now)
            return
        self._rule(message["sequenceNumber"] == self._sequence, "A sequence number was not the next one.")
        self._sequence += 1
        self._rule(not self._stopped, "Something came after stop.")
        {"start": self._start, "media": self._media, "stop": self._stop}[message["event"]](
            message[message["event"]], now
        )

    def _start(self, start, now):
        self.events.append({"event": "start", **start})
        self._rule(not self._started, "A second start.")
        self._started = True
        form = start["mediaFormat"]
        self._rule((form["encoding"], form["sampleRate"]) in CODECS, "The format is none of VoxEngine's.")
        self._rule(
            form == {"encoding": self.codec.encoding, "sampleRate": self.codec.rate}, "Another format."
        )
        self._rule(start.get("tag") == "call", "Another tag.")

    def _media(self, media, now):
        self._rule(self._started, "Media before start.")
        self._rule(media["chunk"] == self._chunk, "A chunk number was not the next one.")
        self._rule(media["timestamp"] == self._samples, "A timestamp was not the samples so far.")
        data = base64.b64decode(media["payload"], validate=True)
        sound = self.codec.decode(data)
        self._rule(len(sound) and not len(sound) % self._frame, "A chunk was not a multiple of 20 ms.")
        self.arrivals.append(now)
        self._chunk += 1
        self._samples += len(sound)
        self._bytes += len(data)
        begins = max(now, self._ends_s)
        self._played.append((begins, sound))
        self._ends_s = begins + len(sound) / self.codec.rate
        self._rule((self._ends_s - now) * 1000 <= MOST_AHEAD_MS, "More than a second ahead.")

    def _stop(self, stop, now):
        self.events.append({"event": "stop", **stop})
        self._stopped = True
        info = stop["mediaInfo"]
        self._rule(info["bytesSent"] == self._bytes, "stop counts other bytes than were sent.")
        self._rule(info["duration"] == self._samples * 1000 // self.codec.rate, "stop has another duration.")

    def _clear(self, now):
        kept = []
        for begins, sound in self._played:
            sound = sound[: max(0, int((now - begins) * self.codec.rate))]
            if len(sound):
                kept.append((begins, sound))
        self._played, self._ends_s = kept, now
