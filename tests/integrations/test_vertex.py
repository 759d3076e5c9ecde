"""Vertex AI among the integrations: google-genai with credentials made for the test, over wss."""

import json
import ssl

import pytest

from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice

genai = pytest.importorskip("google.genai")
credentials = pytest.importorskip("google.oauth2.credentials")
types = genai.types

pytestmark = [
    pytest.mark.clients,
    # The SDK leaves the closing of its HTTP clients to the garbage collector, and warns of itself.
    pytest.mark.filterwarnings("ignore"),
]

TOKEN = "ya29.canary-0123456789"
WEATHER = {"function_declarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}


@pytest.fixture
async def server():
    tutor = StandIn(ears=Ears("hello"), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with Server(tutor, key=TOKEN) as server:
        yield server


def client(server, token=TOKEN):
    line = json.loads(server.ready_line())
    options = types.HttpOptions(
        base_url=line["wss"].replace("wss", "https"),
        async_client_args={"ssl": ssl.create_default_context(cafile=line["cert"])},
    )
    return genai.Client(
        vertexai=True, project="my-project", location="us-central1",
        credentials=credentials.Credentials(token=token), http_options=options,
    )  # fmt: skip


def config(**fields):
    return types.LiveConnectConfig(
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(transparent=True), **fields,
    )  # fmt: skip


async def turn(session):
    """Read to the end of a turn; return all messages."""
    return [message async for message in session.receive()]


def said(messages):
    texts = [m.server_content.output_transcription for m in messages if m.server_content]
    return "".join(one.text or "" for one in texts if one)


async def say(session, text):
    content = types.Content(role="user", parts=[types.Part(text=text)])
    await session.send_client_content(turns=content, turn_complete=True)


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-live-2.5-flash-native-audio"])
async def test_a_talk_with_a_tool(server, model):
    async with client(server).aio.live.connect(model=model, config=config(tools=[WEATHER])) as session:
        assert len(session.session_id.split("-")) == 5
        await say(session, "one two")
        first = await turn(session)
        assert said(first) == "echo one two"
        assert first[-1].usage_metadata.response_token_count == 8
        assert first[-1].usage_metadata.traffic_type == "ON_DEMAND"
        sound = [
            m.server_content.model_turn for m in first if m.server_content and m.server_content.model_turn
        ]
        assert {content.role for content in sound} == {"model"}
        await say(session, "call weather")
        asked = await turn(session)
        updates = [m.session_resumption_update for m in asked if m.session_resumption_update]
        assert updates[0].resumable, "that of the turn before"
        assert int(updates[0].last_consumed_client_message_index) == 1
        (call,) = next(m.tool_call.function_calls for m in asked if m.tool_call)
        assert asked[-1].server_content.turn_complete, "before the result"
        # The id may be left out here.
        response = types.FunctionResponse(name=call.name, response={"a": 1})
        await session.send_tool_response(function_responses=[response])
        assert said(await turn(session)) == 'weather gave {"a": 1}'


async def test_a_wrong_token_is_refused_before_any_session(server):
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as caught:
        async with client(server, "another").aio.live.connect(model="gemini-3.8-live"):
            pass
    assert caught.value.response.status_code == 401


async def test_an_instruction_is_replaced(server):
    start = types.Content(parts=[types.Part(text="Be brief.")])
    async with client(server).aio.live.connect(
        model="gemini-3.8-live", config=config(system_instruction=start)
    ) as session:
        system = types.Content(role="system", parts=[types.Part(text="Be long.")])
        await session.send_client_content(turns=system, turn_complete=False)
        await say(session, "hi")
        assert said(await turn(session)) == "echo hi"


async def test_express_mode_takes_an_api_key_and_a_project_does_not(server):
    from google.genai.errors import APIError

    line = json.loads(server.ready_line())
    options = types.HttpOptions(
        base_url=line["wss"].replace("wss", "https"),
        async_client_args={"ssl": ssl.create_default_context(cafile=line["cert"])},
    )
    express = genai.Client(vertexai=True, api_key=TOKEN, http_options=options)
    async with express.aio.live.connect(model="gemini-3.8-live", config=config()) as session:
        await say(session, "hi")
        assert said(await turn(session)) == "echo hi"
    whole = "projects/p/locations/l/publishers/google/models/gemini-3.8-live"
    with pytest.raises(APIError, match="API keys are not supported"):
        async with express.aio.live.connect(model=whole, config=config()) as session:
            await turn(session)
