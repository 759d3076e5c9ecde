"""Ephemeral tokens among the integrations: google-genai makes them at the stand-in, and uses them there."""

import asyncio

import pytest

from livewidget import web
from livewidget.config import LiveConfig
from livewidget.connection import Gemini, mint
from livewidget.serving import listen
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice
from tests.standin.test_serve_http import exchange, post

genai = pytest.importorskip("google.genai")
types = genai.types
CANARY = "canary-key-0123456789"

pytestmark = [
    pytest.mark.clients,
    # The SDK warns that its tokens are experimental, and leaves its HTTP clients to the garbage collector.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
async def server(monkeypatch):
    tutor = StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with Server(tutor, key=CANARY) as server:
        # It holds for both halves of the SDK, HTTP and WebSocket.
        monkeypatch.setenv("SSL_CERT_FILE", server.cert)
        yield server


def client(server, key):
    options = types.HttpOptions(base_url=server.wss.replace("wss", "https"), api_version="v1alpha")
    return genai.Client(api_key=key, vertexai=False, http_options=options)


async def talk(server, key, config=None, model="offline-tutor"):
    """One typed turn; returns what was said."""
    said = ""
    async with client(server, key).aio.live.connect(model=model, config=config) as session:
        await session.send_realtime_input(text="hello")
        async with asyncio.timeout(10):
            async for message in session.receive():
                content = message.server_content
                if content and content.output_transcription:
                    said += content.output_transcription.text or ""
    return said


CONFIG = types.LiveConnectConfig(response_modalities=["AUDIO"], output_audio_transcription={})


@pytest.mark.parametrize("both", [False, True], ids=["async", "sync"])
async def test_the_sdk_makes_a_token_and_talks_with_it_once(server, both):
    from google.genai.errors import APIError

    maker = client(server, CANARY)
    asked = types.CreateAuthTokenConfig(uses=1)
    if both:
        token = await asyncio.to_thread(maker.auth_tokens.create, config=asked)
    else:
        token = await maker.aio.auth_tokens.create(config=asked)
    assert await talk(server, token.name, CONFIG) == "echo hello"
    with pytest.raises(APIError, match="used too many times"):
        await talk(server, token.name, CONFIG)


async def test_the_sdk_is_told_that_its_key_is_wrong(server):
    from google.genai.errors import ClientError

    with pytest.raises(ClientError, match="API key not valid"):
        await client(server, "another").aio.auth_tokens.create()


async def test_what_the_sdk_fixes_holds_for_the_sdk(server):
    puck = {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}}
    kore = types.LiveConnectConfig(
        response_modalities=["AUDIO"],
        speech_config={"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
    )
    fixed = types.LiveConnectConfig(
        response_modalities=["AUDIO"], speech_config=puck, output_audio_transcription={}
    )
    voices = server._standin._components.text_to_speech.voices
    for lock, voice in ((None, "Puck"), ([], "Puck"), (["speech_config"], "Puck")):
        constraints = types.LiveConnectConstraints(model="offline-tutor", config=fixed)
        asked = {"live_connect_constraints": constraints}
        if lock is not None:
            asked["lock_additional_fields"] = lock
        token = await client(server, CANARY).aio.auth_tokens.create(
            config=types.CreateAuthTokenConfig(**asked)
        )
        assert await talk(server, token.name, kore, model="another-model") == "echo hello"
        assert voices[-1] == voice
    free = await client(server, CANARY).aio.auth_tokens.create()
    await talk(server, free.name, kore)
    assert voices[-1] == "Kore"


async def test_tokens_go_from_one_client_to_the_other(server):
    theirs = await client(server, CANARY).aio.auth_tokens.create()
    there = {"base_url": server.wss, "cafile": server.cert}
    async with LiveSession(Gemini("offline-tutor", token=theirs.name, **there)) as session:
        assert (await session.ask("hello")).text == "echo hello"
    ours = await mint(Gemini("offline-tutor", api_key=CANARY, **there), config=LiveConfig(voice="Puck"))
    assert await talk(server, ours.reveal(), CONFIG) == "echo hello"
    assert server._standin._components.text_to_speech.voices == [None, "Puck"]


async def test_the_sdk_talks_with_a_token_of_somebodys_own_server(server):
    there = {"base_url": server.wss, "cafile": server.cert}
    tokens = web.token_app(Gemini("offline-tutor", api_key=CANARY, **there))
    async with listen(lambda port: tokens, message_bytes=1, end=lambda: asyncio.sleep(0)) as port:
        _, _, token = await exchange(port, post(port, "/token", extra=["Connection: close"]))
    assert await talk(server, token["name"], CONFIG) == "echo hello"
