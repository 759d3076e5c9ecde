"""The one queue: order, failures, and a connection that takes too little."""

import asyncio
import contextlib
import socket
import sys

import pytest
from websockets.asyncio.server import serve

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig, TurnDetection
from livewidget.connection import Gemini
from livewidget.errors import LinkLost, StateError, UsageError
from livewidget.pictures import Picture
from livewidget.protocol.messages import SetupComplete
from livewidget.session import LiveSession
from livewidget.session.outbox import BACKLOG_MS, Outbox, OutboxItem
from tests.peer import Peer, eventually

PUSH_TO_TALK = LiveConfig(turn_detection=TurnDetection(mode="push_to_talk"))
PIECES = [bytes([number, 0]) * 640 for number in range(1, 4)]  # 40 ms each


def name_of(message):
    if message.client_content is not None:
        return message.client_content.turns[0].parts[0].text
    sent = message.realtime_input
    if sent.audio is not None:
        return sent.audio.data
    return next(
        name for name in ("activity_start", "activity_end", "audio_stream_end") if getattr(sent, name)
    )


async def test_what_is_put_leaves_in_order_and_a_failure_holds_up_nothing():
    peer = Peer("gemini-2.5-flash-native-audio-latest")
    async with LiveSession(peer) as session:
        await peer.receive()
        session.put_audio(PIECES[0])
        session.put_text("one")
        with pytest.raises(UsageError):
            session.put_text(" ")
        with pytest.raises(StateError, match="push_to_talk"):
            session.put_activity(True)
        session.put_audio(PIECES[1])
        session.put_audio_end()
        got = [name_of(await peer.receive()) for _ in range(4)]
    assert got == [PIECES[0], "one", PIECES[1], "audio_stream_end"]


async def test_what_is_put_before_there_is_a_connection_waits_for_it():
    peer = Peer()
    peer.accepts = False
    session = LiveSession(peer, PUSH_TO_TALK)
    with pytest.raises(StateError, match="not open yet"):
        session.put_text("too early")
    opening = asyncio.create_task(session.start())
    await eventually(lambda: peer.dials)
    session.put_activity(True)
    for piece in PIECES:
        session.put_audio(piece)
    session.put_activity(False)
    assert session.put_audio_end() is None
    await peer.receive()
    await peer.send(setup_complete=SetupComplete())
    await opening
    got = [name_of(await peer.receive()) for _ in range(5)]
    assert got == ["activity_start", *PIECES, "activity_end"]
    await session.close()
    with pytest.raises(StateError, match="ended"):
        session.put_audio(PIECES[0])


async def test_what_is_said_while_connecting_is_sent_whole():
    """However long it takes; what is said at once after the start as well."""
    peer = Peer()
    peer.accepts = False
    session = LiveSession(peer)
    opening = asyncio.create_task(session.start())
    await eventually(lambda: peer.dials)
    session.put_text("first")
    pieces = [bytes([number, 0]) * 640 for number in range(250)]  # 10 s
    for piece in pieces:
        session.put_audio(piece)
    await peer.receive()
    await peer.send(setup_complete=SetupComplete())
    await opening
    got = [name_of(await peer.receive()) for _ in range(1 + len(pieces))]
    assert got == ["first", *pieces]
    assert session.stats.dropped_audio_ms == 0
    await session.close()


async def test_of_what_is_said_while_connecting_for_minutes_the_last_is_kept_and_counted():
    outbox, got = Outbox(), []
    for number in range(700):
        outbox.put(OutboxItem("audio", f"{number}", ms=100.0, live=True))

    async def send(message):
        got.append(message)

    outbox.connect(send, pytest.fail)
    await outbox.drained()
    assert got == [f"{number}" for number in range(100, 700)]
    assert outbox.dropped_audio_ms == 10_000


async def test_each_item_is_of_its_kind():
    async with LiveSession(Peer(), PUSH_TO_TALK) as session:
        picture = Picture(b"x", "image/png", 0, 0)
        items = [session.put_text("x"), session.put_image(picture), *map(session.put_activity, (True, False))]
        assert [item.kind for item in items] == ["text", "picture", "mark", "mark"]


async def test_interruptions_and_new_instructions_are_of_a_kind_that_is_not_sent_again(monkeypatch):
    put, kinds = Outbox.put, []
    monkeypatch.setattr(Outbox, "put", lambda outbox, item: kinds.append(item.kind) or put(outbox, item))
    async with LiveSession(Peer()) as session:
        await session.send_text("hello")
        await session.interrupt()
    async with LiveSession(Peer("gemini-3.8-live", "vertex")) as session:
        await session.update(system_instruction="Be brief.")
    assert kinds == ["text", "other", "other"]


class Slow:
    """A connection that takes one message, and then none until it is let go."""

    def __init__(self):
        self.got = []
        self.go_on = asyncio.Event()

    async def send(self, message):
        if self.got:
            await self.go_on.wait()
        self.got.append(message)


async def test_live_audio_that_a_slow_connection_does_not_take_gives_way_and_nothing_else_does():
    link, outbox = Slow(), Outbox()
    outbox.connect(link.send, pytest.fail)
    outbox.put(OutboxItem("text", "first"))
    outbox.put(OutboxItem("text", "second"))
    for number in range(100):
        outbox.put(OutboxItem("audio", f"live {number}", ms=40.0, live=True))
        outbox.put(OutboxItem("audio", f"file {number}", ms=40.0))
    assert outbox.late_dropped_ms == outbox.dropped_audio_ms == 100 * 40.0 - BACKLOG_MS // 40 * 40
    link.go_on.set()
    await outbox.drained()
    assert link.got[:2] == ["first", "second"]
    assert [name for name in link.got if "file" in name] == [f"file {number}" for number in range(100)]
    kept = int(BACKLOG_MS // 40)
    assert [name for name in link.got if "live" in name] == [
        f"live {number}" for number in range(100 - kept, 100)
    ]


async def test_live_audio_that_waits_for_another_connection_is_sent_whole():
    link, outbox = Slow(), Outbox()
    link.go_on.set()
    outbox.connect(link.send, pytest.fail)
    outbox.disconnect()
    for number in range(500):
        outbox.put(OutboxItem("audio", f"{number}", ms=40.0, live=True))
    outbox.connect(link.send, pytest.fail)
    await outbox.drained()
    assert len(link.got) == 500


async def test_who_waits_for_an_item_waits_until_it_is_sent_or_nothing_can_be():
    link, outbox, failed = Slow(), Outbox(), []
    waiting = outbox.put(OutboxItem("text", "waits"))
    await outbox.flushed(waiting)  # There is no connection: nobody is held up.
    assert waiting.queued
    outbox.connect(link.send, failed.append)
    await outbox.flushed(waiting)
    assert not waiting.queued
    stuck = outbox.put(OutboxItem("text", "stuck"))
    flushed = asyncio.create_task(outbox.flushed(stuck))
    await asyncio.sleep(0.01)
    assert not flushed.done()
    link.go_on.set()
    await flushed
    assert link.got == ["waits", "stuck"]


async def test_an_item_that_failed_is_sent_over_the_next_connection():
    outbox, failed, got = Outbox(), [], []

    async def broken(message):
        raise LinkLost("It broke.")

    async def send(message):
        got.append(message)

    outbox.connect(broken, failed.append)
    items = [outbox.put(OutboxItem("text", name)) for name in ("one", "two")]
    await outbox.flushed(items[-1])
    assert [str(error) for error in failed] == ["It broke."]
    outbox.connect(send, failed.append)
    await outbox.drained()
    assert got == ["one", "two"]
    await outbox.close()


@contextlib.asynccontextmanager
async def behind_a_network(bytes_per_s):
    """A server that accepts the setup and reads, and a proxy to it that lets so much through; its address."""
    heard = []

    async def accept(connection):
        await connection.recv()
        await connection.send('{"setupComplete":{}}')
        async for message in connection:
            heard.append(message)

    async with serve(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        over, finishing = asyncio.Event(), asyncio.Event()

        async def pump(source, sink, rate):
            with contextlib.suppress(ConnectionError):
                while data := await source.read(rate // 50 if rate else 65_536):
                    sink.write(data)
                    await sink.drain()
                    if rate and not finishing.is_set():
                        await asyncio.sleep(1 / 50)
            sink.close()

        async def carry(reader, writer):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pump(reader, far_writer, bytes_per_s), pump(far_reader, writer, None))
            over.set()

        listener = await asyncio.start_server(carry, "127.0.0.1", 0, limit=2**14)
        async with listener:
            yield f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}", heard
            finishing.set()
            await over.wait()


def slow_notices(events):
    return [event.text for event in events if getattr(event, "code", "") == "slow-link"]


@pytest.mark.parametrize("bytes_per_s", [8_000, None])
async def test_a_network_that_takes_too_little_is_told_and_the_oldest_audio_gives_way(bytes_per_s):
    """60 s of speech: over 8 kB/s it would arrive minutes late, out of buffers that nobody sees."""
    events = []
    async with (
        behind_a_network(bytes_per_s) as (url, heard),
        LiveSession(Gemini("gemini-3.8-live", base_url=url), clock=(clock := ManualClock())) as session,
    ):
        session.subscribe(events.append)
        for _ in range(600):
            session.put_audio(bytes(3200))
            clock.advance(100)
            await asyncio.sleep(0.001)
        await eventually(lambda: bytes_per_s or len(heard) == 600)
        if bytes_per_s is None:
            assert slow_notices(events) == []
            assert session.stats.dropped_audio_ms == 0
        else:
            assert "more slowly than you speak" in slow_notices(events)[0]
            assert len(slow_notices(events)) <= 3
            assert session.stats.dropped_audio_ms > 30_000


async def test_a_program_that_waits_for_each_piece_is_told_how_far_it_is_behind():
    clock, events = ManualClock(), []
    peer = Peer()
    async with LiveSession(peer, clock=clock) as session:
        session.subscribe(events.append)
        sending = asyncio.create_task(
            session.send_audio(bytes(32_000 * 30))
        )  # 300 messages, 256 of which wait
        for _ in range(100):
            clock.advance(100)
            await asyncio.sleep(0)
        assert "It is " in slow_notices(events)[0]
        for _ in range(301):
            await peer.receive()
        await sending


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits of other systems are others")
async def test_without_a_bound_the_system_takes_it_all_and_nobody_is_told():
    events = []
    async with behind_a_network(8_000) as (url, _):
        clock = ManualClock()
        async with LiveSession(Gemini("gemini-3.8-live", base_url=url), clock=clock) as session:
            inner = session._supervisor._connection._transport._socket
            raw = inner.transport.get_extra_info("socket")
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 2**31 - 1)
            session.subscribe(events.append)
            for _ in range(300):  # 30 s, of which the network has taken a few
                session.put_audio(bytes(3200))
                clock.advance(100)
                await asyncio.sleep(0.001)
            assert slow_notices(events) == []
            assert session.stats.dropped_audio_ms == 0
