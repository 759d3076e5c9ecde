"""A page in Python on a real socket: its first frame, its numbers, and what it repeats when its socket was cut."""

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from livewidget.ui import messages as m
from livewidget.ui.links import pack, unpack
from tests.ui.page import Page


class SocketPage(Page):
    """Plays whatever comes at once, and reports it after each message.

    Attributes:
        greeted: The server's first frame on the socket that is open.
        repeats: Whether it sends again what is not acknowledged when it has a new socket.
        closed: The code with which its last socket was closed; None while it is open.
    """

    def __init__(self, address, client="page", *, origin=None, repeats=True):
        class Link:
            bridge = None
            now = 0.0

        super().__init__(Link(), client)
        self.address = address
        self.origin = origin or "http://" + urlsplit(address).netloc
        self.repeats = repeats
        self.greeted = {}
        self.closed = None
        self.changed = asyncio.Condition()
        self.acked = {"control": 0, "microphone": 0}
        self._socket = None
        self._reading = None
        self._sent = {}
        self._posted = []

    async def open(self, token="", cookie=""):
        """Open a socket, and say hello where this page was never welcomed."""
        headers = {"Cookie": cookie} if cookie else {}
        self._socket = await connect(
            self.address, origin=self.origin, additional_headers=headers, compression=None, proxy=None
        )
        self.closed = None
        await self._socket.send(json.dumps({"client": self.client, "tab": "", "token": token}))
        self.greeted = json.loads(await self._socket.recv())
        self._reading = asyncio.create_task(self._read(self._socket))
        if not self.control:
            self.send(m.Hello(client=self.client, last_seq=0))
        elif self.repeats:
            for frame in list(self._sent.values()):
                self._post(frame)
        await self.flush()
        return self

    async def come_back(self):
        """Open another socket with the spare token of the last one."""
        return await self.open(self.greeted["next"]["token"])

    def send(self, message, buffers=()):
        lane = next(place[0] for place, cls in m.FROM_PAGE.items() if cls is type(message))
        self.seq[lane] += 1
        ack = self.control.last if self.control else 0
        envelope = m.Envelope(
            epoch=self.epoch, seq=self.seq[lane], ack=ack, message=message, client=self.client
        )
        frame = pack(m.encode(envelope), list(buffers))
        self._sent[lane, self.seq[lane]] = frame
        self._post(frame)

    def _post(self, frame):
        self._posted.append(frame)

    async def flush(self):
        """Put on the socket what was sent; what a socket that is gone did not take stays unacknowledged."""
        posted, self._posted = self._posted, []
        with contextlib.suppress(ConnectionClosed):
            for frame in posted:
                await self._socket.send(frame)

    async def say(self, message, buffers=()):
        self.send(message, buffers)
        await self.flush()

    async def _read(self, socket):
        try:
            while True:
                text, buffers = unpack(await socket.recv())
                async with self.changed:
                    self._take(text, buffers)
                    self.changed.notify_all()
                await self.flush()
        except ConnectionClosed as closed:
            async with self.changed:
                if socket is self._socket:
                    self.closed = closed.rcvd.code if closed.rcvd else 1006
                self.changed.notify_all()

    def _take(self, text, buffers):
        content = msgspec.json.decode(text)
        self.deliver(content, buffers)
        if content["kind"] == "heartbeat":
            body = content["body"]
            self.acked["control"] = body["acks"].get(self.client, 0)
            self.acked["microphone"] = body["microphone_ack"]
            for lane, seq in list(self._sent):
                if seq <= self.acked.get(lane, 0):
                    del self._sent[lane, seq]
        elif content["lane"] == "speaker" and self.owns and self.reporting:
            message, data = self.heard[-1] if self.heard else (None, ())
            if data:
                self.playhead = (message.turn, message.first_sample + len(data[0]) // 2)
            self.report()

    def stop_reading(self):
        """Take in no more of what comes on this socket."""
        self._reading.cancel()

    def abort(self):
        """Lose the socket without a word, and with it everything that was not read."""
        self._socket.transport.abort()

    async def leave(self):
        await self._socket.close()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def until(self, test, within_s=10.0):
        """Wait until `test()` is true after something came."""
        async with asyncio.timeout(within_s), self.changed:
            await self.changed.wait_for(test)

    async def wait_for(self, kind, test=lambda message: True):
        """Wait until a message of `kind` was acted on; returns it."""
        await self.until(lambda: any(map(test, self.of(kind))))
        return next(filter(test, self.of(kind)))

    @property
    def samples(self):
        """The sound that went to its player, as PCM16."""
        return b"".join(data[0] for _, data in self.heard if data)
