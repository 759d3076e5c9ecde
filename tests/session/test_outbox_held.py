"""What the user sends while the model waits for a function, and must not be disturbed."""

import asyncio

import pytest

from livewidget.config import LiveConfig
from livewidget.events import Notice
from livewidget.protocol.messages import ToolCallCancellation
from livewidget.session import LiveSession
from livewidget.session.outbox import HELD_AUDIO_MS, HELD_ITEMS, Outbox, OutboxItem
from livewidget.tools import Tool
from tests.peer import Peer, eventually, until

NATIVE = "gemini-2.5-flash-native-audio-latest"
PIECE = b"\1\0" * 1600  # 100 ms


@pytest.fixture
def gate():
    return asyncio.Event()


@pytest.fixture
def slow(gate):
    async def look_up() -> str:
        """Look something up."""
        await gate.wait()
        return "found"

    return look_up


async def calling(peer, session):
    await peer.receive()
    await peer.call("look_up")
    await eventually(lambda: session.turns and session.turns[-1].tools)


def kind(message) -> str:
    sent = message.realtime_input
    if sent is None:
        return "result" if message.tool_response else "text"
    return "sound" if sent.audio else "end" if sent.audio_stream_end else "other"


async def test_sound_waits_for_the_result_and_follows_it_in_order(slow, gate):
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[slow]) as session:
        await calling(peer, session)
        pieces = [bytes([number, 0]) * 640 for number in range(1, 6)]
        for piece in pieces:
            await session.send_audio(piece)
        await session.end_audio()
        await session.send_text("and the time?")
        gate.set()
        got = [await peer.receive() for _ in range(8)]
        assert [kind(message) for message in got] == ["result", *["sound"] * 5, "end", "text"]
        assert [message.realtime_input.audio.data for message in got[1:6]] == pieces
        await session.send_audio(PIECE)
        assert kind(await peer.receive()) == "sound"


async def test_a_call_that_is_cancelled_lets_go_too(slow):
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[slow]) as session:
        await calling(peer, session)
        await session.send_audio(PIECE)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a"]))
        assert kind(await peer.receive()) == "sound"


@pytest.mark.parametrize(
    ("model", "config", "options"),
    [
        ("gemini-3.8-live", LiveConfig(), {}),
        ("gemini-3.8-live", LiveConfig(), {"behavior": "BLOCKING"}),
        (NATIVE, LiveConfig(hold_while_calling=False), {}),
        (NATIVE, LiveConfig(), {"behavior": "NON_BLOCKING"}),
    ],
)
async def test_nothing_is_kept_where_the_model_does_not_mind(slow, model, config, options):
    peer = Peer(model)
    async with LiveSession(peer, config, tools=[Tool.of(slow, **options)]) as session:
        await calling(peer, session)
        await session.send_audio(PIECE)
        assert kind(await peer.receive()) == "sound"


async def test_it_waits_for_the_last_of_several_calls(slow, gate):
    async def quick() -> str:
        return "at once"

    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[slow, quick]) as session:
        await calling(peer, session)
        await session.send_audio(PIECE)
        await peer.call("quick", id="b")
        assert (await peer.result()).id == "b"
        gate.set()
        assert (await peer.result()).id == "a"
        assert kind(await peer.receive()) == "sound"


async def test_sound_that_gives_way_is_told_of(slow, gate):
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[slow]) as session:
        stream = aiter(session)
        await calling(peer, session)
        for _ in range(151):
            await session.send_audio(PIECE)
        gate.set()
        notice = await until(stream, Notice)
        assert (notice.code, notice.level) == ("sound-lost", "warning")
        assert "longer than 15 s" in notice.text


async def test_closing_forgets_what_was_kept(slow):
    peer = Peer(NATIVE)
    before = asyncio.all_tasks()
    async with LiveSession(peer, tools=[slow]) as session:
        await calling(peer, session)
        await session.send_audio(PIECE)
    assert asyncio.all_tasks() == before


async def test_what_is_kept_is_bounded_and_the_oldest_sound_gives_way():
    sent, blocked = [], True

    async def send(message):
        pass

    outbox = Outbox(is_blocked=lambda: blocked, on_sent=lambda item: sent.append((item.message, item.ms)))
    outbox.connect(send, pytest.fail)
    outbox.put(OutboxItem("mark", "mark"))
    for number in range(200):
        outbox.put(OutboxItem("audio", f"sound {number}", ms=100.0))
    assert outbox.held_dropped_ms == 200 * 100 - HELD_AUDIO_MS
    blocked = False
    outbox.release()
    await eventually(lambda: len(sent) == 151)
    assert sent[0] == ("mark", 0.0)
    assert sent[1] == ("sound 50", 100.0)
    blocked = True
    for number in range(5000):
        outbox.put(OutboxItem("text", f"text {number}"))
    blocked = False
    outbox.release()
    await eventually(lambda: sent[-1] == ("text 4999", 0.0))
    assert len(sent) - 151 == HELD_ITEMS
    await outbox.close()
