"""Vertex AI from end to end: our own client with credentials made for the test, over real sockets."""

import asyncio

import pytest

from livewidget.config import LiveConfig
from livewidget.connection import Connection, VertexAI
from livewidget.errors import ConfigError, KeyRefused, ModelNotFound, SetupRefused
from livewidget.events import (
    ActivityStart,
    ResumptionUpdate,
    SessionStarted,
    ToolCall,
    ToolCallCancelled,
    TurnComplete,
    Usage,
)
from livewidget.protocol.messages import ClientContent, ClientMessage, Content, ContextUpdate, Part
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.peer import until
from tests.standin.puppets import LOUD, SECOND, Brain, Ears, VirtualClock, Voice

TOKEN = "ya29.canary-0123456789"
LIVE, NATIVE = "gemini-3.8-live", "gemini-live-2.5-flash-native-audio"


class Credentials:
    """Like those of google-auth, with a token that was made for the test."""

    valid = True
    quota_project_id = "payer"

    def __init__(self, token=TOKEN):
        self.token = token


@pytest.fixture
async def server():
    tutor = StandIn(ears=Ears("hello", "second"), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with Server(tutor, key=TOKEN) as server:
        yield server


def vertex(server, model=LIVE, token=TOKEN, **options):
    there = {"base_url": server.ws, **options}
    return VertexAI(model, "my-project", "us-central1", credentials=Credentials(token), **there)


def weather(city: str) -> str:
    """Tell the weather."""
    return f"fair in {city}"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("model", [LIVE, NATIVE])
async def test_a_session_with_a_tool(server, model, secure):
    there = {"base_url": server.wss, "cafile": server.cert} if secure else {}
    seen = []
    async with LiveSession(vertex(server, model, **there), tools=[weather]) as session:
        session.subscribe(seen.append)
        turn = await session.ask("one two")
        assert turn.text == "echo one two"
        assert turn.audio_samples == 7200
        used = await session.ask("call weather")
        assert used.tools[0].state == "done"
        assert used.text == 'weather gave {"result": "fair in Paris"}'
        assert session.usage.response_tokens > 0
    call = next(event for event in seen if isinstance(event, ToolCall))
    assert len(call.id.split("-")) == 5
    usage = next(event for event in seen if isinstance(event, Usage))
    assert usage.traffic_type == "ON_DEMAND"
    assert usage.response_tokens == 8
    # The turn completes before the result, and the answer is a turn of its own.
    ends = [type(event).__name__ for event in seen if isinstance(event, ToolCall | TurnComplete)]
    assert ends == ["TurnComplete", "ToolCall", "TurnComplete", "TurnComplete"]


async def test_the_session_has_an_id_and_a_handle_once_something_is_in_it(server):
    config = LiveConfig(transparent_resumption=True)
    connection = await Connection.open(vertex(server), config)
    (started,) = connection.opening
    assert isinstance(started, SessionStarted)
    assert len(started.session_id.split("-")) == 5
    content = Content(role="user", parts=[Part(text="hi")])
    await connection.send(ClientMessage(client_content=ClientContent(turns=[content], turn_complete=True)))
    updates = []
    while not any(update.handle for update in updates):
        updates += [one for one in await connection.receive() if isinstance(one, ResumptionUpdate)]
    assert [update.resumable for update in updates] == [False, True]
    await connection.close()
    again = await Connection.open(vertex(server), config, handle=updates[-1].handle)
    await again.close()


async def test_instructions_change_in_mid_session(server):
    connection = await Connection.open(vertex(server), LiveConfig(system_instruction="Be brief."))
    update = ContextUpdate(system_instruction=Content(parts=[Part(text="Be long.")]))
    await connection.send(ClientMessage(context_update=update))
    system = Content(role="system", parts=[Part(text="Be silent.")])
    await connection.send(ClientMessage(client_content=ClientContent(turns=[system])))
    spoken = Content(role="user", parts=[Part(text="hi")])
    await connection.send(ClientMessage(client_content=ClientContent(turns=[spoken], turn_complete=True)))
    while not any(isinstance(event, TurnComplete) for event in await connection.receive()):
        pass
    await connection.close()


async def test_speech_is_signalled_twice_and_told_once(server):
    async with LiveSession(vertex(server), LiveConfig(vad_signal=True)) as session:
        seen = []
        session.subscribe(seen.append)
        stream = aiter(session)
        for piece in (LOUD, *SECOND):
            await session.send_audio(piece, 16_000)
        await until(stream, TurnComplete)
        assert sum(isinstance(event, ActivityStart) for event in seen) == 1
        assert session.turns[0].text == "hello"


async def test_speaking_cancels_a_call(server):
    async def slow(city: str) -> str:
        """Take for ever."""
        await asyncio.sleep(60)
        return city

    from livewidget.tools import Tool

    tool = Tool.of(slow, name="weather", behavior="BLOCKING")
    async with LiveSession(vertex(server, NATIVE), tools=[tool]) as session:
        stream = aiter(session)
        await session.send_text("call weather")
        await until(stream, ToolCall)
        await session.interrupt()
        await until(stream, ToolCallCancelled)


# --- Refusals -----------------------------------------------------------------------------------------------


async def test_a_wrong_token_is_refused_before_the_session(server):
    with pytest.raises(KeyRefused, match="does not accept this credential") as caught:
        await Connection.open(vertex(server, token="another"), LiveConfig())
    assert "another" not in str(caught.value)


async def test_a_model_that_is_not_there(server):
    with pytest.raises(ModelNotFound, match="or not in this location"):
        await Connection.open(vertex(server, "gemini-9-live"), LiveConfig())


async def test_what_the_model_does_not_take_is_told_before_dialling():
    nowhere = VertexAI(NATIVE, "p", credentials=Credentials(), base_url="ws://127.0.0.1:1")
    with pytest.raises(ConfigError, match="thinking"):
        await Connection.open(nowhere, LiveConfig(thinking=1000))


async def test_and_by_the_service_where_nobody_checked(server):
    config = LiveConfig(extra={"proactivity": {"proactiveAudio": True}})
    with pytest.raises(SetupRefused) as caught:
        await Connection.open(vertex(server, LIVE), config)
    assert (caught.value.code, caught.value.reason) == (1007, "Request contains an invalid argument.")
