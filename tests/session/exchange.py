"""A peer that is dialled again and again, and a session with it whose time a test winds."""

import asyncio
import contextlib

from livewidget.clock import ManualClock
from livewidget.events import ConnectionReplaced
from livewidget.protocol import decode_client, encode_server
from livewidget.protocol.messages import (
    Content,
    GoAway,
    Part,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    Transcription,
)
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import pair
from tests.peer import SOON, Peer, eventually

LOUD = b"\x00\x20\x00\xe0" * 800  # 100 ms at 16 kHz
QUIET = bytes(3200)


class Exchange(Peer):
    """Every dial is another link. `refusals` are errors, or codes and reasons, with which the next ones end."""

    def __init__(self, model="gemini-3.8-live", service="gemini"):
        super().__init__(model, service)
        self.ends = []
        self.setups = []
        self.refusals = []

    async def dial(self):
        self.dials += 1
        client, end = pair()
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            await end.close(*refusal)
            return client
        self.end = end
        self.ends.append(end)
        await self.send(setup_complete=SetupComplete())
        return client

    async def set_up(self):
        """Read the setup of the newest link."""
        setup = (await self.receive()).setup
        self.setups.append(setup)
        return setup

    async def remember(self, handle="handle-1", *, resumable=True):
        await self.send(
            session_resumption_update=SessionResumptionUpdate(
                new_handle=handle if resumable else None, resumable=resumable
            )
        )

    async def go_away(self, time_left):
        await self.send(go_away=GoAway(time_left=time_left))

    async def heard(self, text, finished=None):
        await self.content(input_transcription=Transcription(text=text, finished=finished))

    async def rest(self):
        """All that has come over the newest link and was not read yet."""
        messages = []
        with contextlib.suppress(TimeoutError, TransportClosed):
            while True:
                # First whatever needs no time, on however busy a machine.
                for _ in range(20):
                    while self.end._inbound.frames:
                        messages.append(decode_client(await self.end.receive()))
                    await asyncio.sleep(0)
                async with asyncio.timeout(0.02):
                    messages.append(decode_client(await self.end.receive()))
        return messages


class Talk:
    """A session with an exchange."""

    def __init__(self, peer=None, config=None, **more):
        self.peer = peer or Exchange()
        self.clock = ManualClock()
        more.setdefault("reconnect", ReconnectPolicy(random=lambda: 1.0))
        self.session = LiveSession(self.peer, config, clock=self.clock, **more)
        self.events = []
        self.session.subscribe(self.events.append)

    async def __aenter__(self):
        await self.session.start()
        await self.peer.set_up()
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notices(self):
        return {event.code: event.text for event in self.events if type(event).__name__ == "Notice"}

    @property
    def texts(self):
        return [(turn.speaker, turn.text) for turn in self.session.turns]

    async def wait(self, ms, step=250):
        """Let time pass, and whatever it brings about."""
        for _ in range(int(ms / step)):
            self.clock.advance(step)
            await settle()

    async def until(self, condition, within_ms=20_000):
        """Let time pass until something holds."""
        for _ in range(within_ms // 50):
            if condition():
                return
            self.clock.advance(50)
            await settle()
        raise AssertionError("it did not happen")

    async def moved(self, count=1):
        """Let time pass until the talk has moved so often, and the newest link is set up."""
        await self.until(lambda: len(self.told(ConnectionReplaced)) == count)
        await self.peer.set_up()
        return self.told(ConnectionReplaced)[-1]

    async def exchange(self, question, answer, handle="handle-1"):
        """One question and its answer, which the service remembers."""
        await self.session.send_text(question)
        await self.peer.receive()
        await self.peer.say(answer)
        await self.peer.content(generation_complete=True)
        await self.peer.turn_complete()
        if handle:
            await self.peer.remember(handle)
            await eventually(lambda: self.session.handle == handle)
        await settle()


async def settle():
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


def texts_of(content):
    """What a `clientContent` tells: who, and what."""
    return [(turn.role, "".join(part.text or "" for part in turn.parts)) for turn in content.turns]


def spoken(messages):
    """The sound in messages, as one."""
    return b"".join(
        one.realtime_input.audio.data for one in messages if one.realtime_input and one.realtime_input.audio
    )


__all__ = [
    "LOUD",
    "QUIET",
    "SOON",
    "Content",
    "Exchange",
    "Part",
    "ServerMessage",
    "Talk",
    "encode_server",
    "settle",
    "spoken",
    "texts_of",
]
