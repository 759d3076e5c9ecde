"""How a session opens and ends."""

import asyncio

import pytest

from livewidget.config import LiveConfig
from livewidget.errors import AnswerTimeout, ConfigError, QuotaExceeded, ServerFault, SetupTimeout, StateError
from livewidget.events import Notice, SessionEnded, SessionStarted
from livewidget.protocol.messages import SetupComplete
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from livewidget.standin.script import Script
from livewidget.turns import Floor
from tests.peer import Peer, eventually, until


@pytest.fixture
def peer() -> Peer:
    return Peer()


async def test_close_twice_and_at_once(peer):
    session = LiveSession(peer)
    await session.start()
    stream = aiter(session)
    await asyncio.gather(session.close(), session.close())
    await session.close()
    assert [type(event) async for event in stream] == [SessionStarted, SessionEnded]
    assert session.error is None
    with pytest.raises(StateError, match="ended"):
        await session.send_text("Hello")
    with pytest.raises(StateError, match="ended"):
        await session.start()


async def test_what_is_not_open_cannot_send(peer):
    session = LiveSession(peer)
    for act in (session.send_text("x"), session.send_audio(b""), session.end_audio(), session.interrupt()):
        with pytest.raises(StateError, match="not open yet"):
            await act
    await session.close()
    assert peer.dials == 0


async def test_no_task_survives_close(peer):
    async def slow():
        await asyncio.sleep(60)

    before = asyncio.all_tasks()
    session = LiveSession(peer, tools=[slow])
    await session.start()
    asking = asyncio.create_task(session.ask("Hello"))
    await peer.receive()
    await peer.receive()
    await peer.call("slow")
    await peer.say("one")
    await eventually(lambda: session.floor is Floor.MODEL)
    await session.close()
    with pytest.raises(StateError, match="closed before the answer"):
        await asking
    assert asyncio.all_tasks() == before
    assert session.turns[-1].interrupted
    assert session.turns[-1].tools[0].state == "cancelled"


async def test_who_gives_up_closing_does_not_leave_half_of_it(peer):
    before = asyncio.all_tasks()
    session = LiveSession(peer)
    await session.start()
    closing = asyncio.create_task(session.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await session.close()
    assert asyncio.all_tasks() == before


async def test_closing_while_opening(peer):
    peer.accepts = False
    session = LiveSession(peer)
    opening = asyncio.create_task(session.start())
    await eventually(lambda: peer.dials)
    await session.close()
    await peer.send(setup_complete=SetupComplete())
    with pytest.raises(StateError, match="while it was being opened"):
        await opening


async def test_the_server_ends_the_session(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        asking = asyncio.create_task(session.ask("Hello"))
        await peer.receive()
        await peer.receive()
        await peer.close(1011, "You exceeded your current quota, please check your plan and billing details")
        with pytest.raises(QuotaExceeded) as caught:
            await asking
        assert caught.value.code == 1011
        ended = await until(stream, SessionEnded)
        assert ended.error == str(session.error) == str(caught.value)
        with pytest.raises(QuotaExceeded):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        with pytest.raises(StateError):
            await session.send_text("Hello")
        late = aiter(session)
        with pytest.raises(QuotaExceeded):
            await anext(late)


async def test_an_orderly_close_of_the_servers_is_not_the_users(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.close(1000)
        assert (await until(stream, SessionEnded)).error == "The server ended the session; start again."
        assert isinstance(session.error, ServerFault)


async def test_a_setup_that_is_not_answered(peer):
    from livewidget.connection import Connection

    peer.accepts = False
    with pytest.raises(SetupTimeout, match="said nothing"):
        await Connection.open(peer, LiveConfig(), setup_timeout=0.01)
    opening = asyncio.create_task(Connection.open(peer, LiveConfig(), setup_timeout=0.05))
    await eventually(lambda: peer.dials == 2)
    await peer.turn_complete()
    with pytest.raises(SetupTimeout, match="something else"):
        await opening


async def test_a_configuration_that_does_not_suit_is_refused_before_dialling(peer):
    with pytest.raises(ConfigError):
        await LiveSession(peer, LiveConfig(thinking="high")).start()
    assert peer.dials == 0


async def test_no_answer_in_time(peer):
    async with LiveSession(peer) as session:
        with pytest.raises(AnswerTimeout, match=r"0\.01 s"):
            await session.ask("Hello", 0.01)
        assert session.is_open


async def test_a_turn_refused_by_the_model_is_an_answer_too(peer):
    async with LiveSession(peer) as session:
        asking = asyncio.create_task(session.ask("Hello"))
        await peer.receive()
        await peer.receive()
        await peer.content(turn_complete=True, turn_complete_reason="PROHIBITED_INPUT_CONTENT")
        with pytest.raises(ServerFault, match="prohibited input content"):
            await asking
        assert session.is_open


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "gemini-3.8-live",
            [
                "gemini-3.8-live ignores language: it follows the language of the conversation; "
                "ask for one in system_instruction."
            ],
        ),
        ("gemini-live-2.5-flash", []),
    ],
)
async def test_what_the_model_ignores_is_said_once(model, said):
    session = LiveSession(StandIn(script=Script([]), model=model), LiveConfig(language="pl"))
    heard = []
    session.subscribe(heard.append)
    async with session:
        assert [event.text for event in heard if isinstance(event, Notice)] == said
