"""Ephemeral tokens: made with a key, used in its place; against the stand-in's real server."""

import copy
import json
import logging
import pickle
from contextlib import asynccontextmanager

import pytest

from livewidget.config import LiveConfig
from livewidget.connection import Connection, Gemini, Token, gemini, mint
from livewidget.errors import ConfigError, ConnectFailed, KeyMissing, KeyRefused, ServiceError
from livewidget.protocol.lenient import camel
from livewidget.protocol.messages import ClientMessage, RealtimeInput
from livewidget.standin import ManualClock, StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice

CANARY = "canary-key-0123456789"
NAME = "auth_tokens/canary0123456789"
TUTOR = "offline-tutor"


def standin(clock=None):
    return StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=clock or VirtualClock())


@pytest.fixture
async def server():
    async with Server(standin(), wss_port=None, key=CANARY) as server:
        yield server


def maker(server):
    return Gemini(TUTOR, api_key=CANARY, base_url=server.ws)


@asynccontextmanager
async def opened(server, token, config=None, **options):
    provider = Gemini(TUTOR, token=token, base_url=server.ws)
    connection = await Connection.open(provider, config or LiveConfig(), **options)
    try:
        yield connection
    finally:
        await connection.close()


async def ask(connection, text="hello"):
    """Return the kinds of events up to the end of the turn, and the handle after it."""
    await connection.send(ClientMessage(realtime_input=RealtimeInput(text=text)))
    kinds = set()
    while True:
        for event in await connection.receive():
            kinds.add(type(event).__name__)
            if type(event).__name__ == "ResumptionUpdate" and event.handle:
                return kinds, event.handle


# --- The secret ---------------------------------------------------------------------------------------------


def test_a_token_hides_itself():
    token = Token(NAME, uses=1)
    gemini = Gemini(token=token)
    for text in (
        repr(token),
        str(token),
        f"{token}",
        repr(gemini),
        repr(vars(gemini)),
        gemini.badge,
        gemini.url(),
    ):
        assert "canary" not in text
    assert gemini.redact(f"you sent {NAME}") == "you sent …"
    assert copy.deepcopy(token) is token
    with pytest.raises(TypeError, match="not saved"):
        pickle.dumps(token)
    assert token.reveal() == NAME


def test_keys_and_tokens_are_not_mixed_up(monkeypatch):
    for wrong in (lambda: Token(CANARY), lambda: Gemini(token=CANARY)):
        with pytest.raises(ConfigError, match="api_key="):
            wrong()
    with pytest.raises(ConfigError, match="token="):
        Gemini(api_key=NAME)
    with pytest.raises(ConfigError, match="one of them"):
        Gemini(api_key=CANARY, token=NAME)
    monkeypatch.setenv("GEMINI_API_KEY", NAME)
    with pytest.raises(ConfigError, match="GEMINI_API_KEY holds is an ephemeral token"):
        Gemini()
    assert Gemini(token=NAME).uses_token


def test_a_token_has_an_address_of_its_own():
    method = "GenerativeService.BidiGenerateContentConstrained"
    assert Gemini(token=NAME).url().endswith(f"v1alpha.{method}")
    assert Gemini(token=NAME, api_version="v1beta").url().endswith(f"v1beta.{method}")
    affective = Gemini("gemini-2.5-flash-native-audio-latest", token=NAME).for_config(LiveConfig())
    assert affective.url().endswith(f"v1alpha.{method}")


# --- Made and used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1alpha", "v1beta"])
async def test_a_token_is_made_and_used_with_and_without_tls(version, caplog):
    caplog.set_level(logging.DEBUG)
    async with Server(standin(), key=CANARY) as server:
        for base_url, cafile in ((server.ws, None), (server.wss, server.cert)):
            there = {"base_url": base_url, "cafile": cafile, "api_version": version}
            token = await mint(Gemini(TUTOR, api_key=CANARY, **there))
            assert token.reveal() not in repr(token)
            connection = await Connection.open(Gemini(TUTOR, token=token, **there), LiveConfig())
            kinds, _ = await ask(connection)
            assert {"OutputAudio", "TurnComplete"} <= kinds
            await connection.close()
    assert "auth_tokens/" not in caplog.text
    assert CANARY not in caplog.text


async def test_a_token_that_was_used_up_is_told_as_such_and_still_resumes(server):
    token = await mint(maker(server))
    async with opened(server, token) as connection:
        _, handle = await ask(connection)
    with pytest.raises(KeyRefused, match="all the sessions it may"):
        await Connection.open(Gemini(TUTOR, token=token, base_url=server.ws), LiveConfig())
    async with opened(server, token.reveal(), handle=handle) as connection:
        await ask(connection)


async def test_a_token_that_is_too_old():
    clock = ManualClock()
    async with Server(standin(clock), wss_port=None) as server:
        token = await mint(Gemini(TUTOR, base_url=server.ws), expires_s=120, new_session_s=30)
        provider = Gemini(TUTOR, token=token, base_url=server.ws)
        clock.advance(31_000)
        with pytest.raises(KeyRefused, match="new_session_s"):
            await Connection.open(provider, LiveConfig())
        clock.advance(90_000)
        with pytest.raises(KeyRefused, match="longer expires_s"):
            await Connection.open(provider, LiveConfig())


async def test_a_token_that_the_service_does_not_know(server):
    with pytest.raises(KeyRefused, match="unknown or misspelt") as caught:
        await Connection.open(Gemini(TUTOR, token=NAME, base_url=server.ws), LiveConfig())
    assert "canary" not in str(caught.value) + caught.value.reason


# --- What is fixed ------------------------------------------------------------------------------------------


async def test_what_a_token_fixes_is_told_before_anything_is_dialled(server):
    config = LiveConfig(voice="Puck", system_instruction="Be brief.", temperature=0.5)
    token = await mint(maker(server), config=config, tools=[{"name": "light"}])
    for asked, words in (
        ({"voice": "Kore"}, "fixes voice otherwise"),
        ({"voice": "Kore", "temperature": 1.0, "top_p": 0.5}, "fixes temperature, top_p and voice otherwise"),
        ({"system_instruction": "Be long."}, "fixes system_instruction otherwise"),
    ):
        with pytest.raises(ConfigError, match=words):
            await Connection.open(
                Gemini(TUTOR, token=token, base_url="ws://127.0.0.1:1"), LiveConfig(**asked)
            )
    with pytest.raises(ConfigError, match="fixes tools otherwise"):
        await Connection.open(
            Gemini(TUTOR, token=token, base_url="ws://127.0.0.1:1"), LiveConfig(), [{"name": "lamp"}]
        )
    async with opened(server, token, LiveConfig(voice="Puck")) as connection:
        await ask(connection)


async def test_without_the_check_the_service_overwrites_in_silence(server):
    """The control: to a token of which nothing is known here, the same session opens, with another voice."""
    token = await mint(maker(server), config=LiveConfig(voice="Puck"))
    async with opened(server, token.reveal(), LiveConfig(voice="Kore")) as connection:
        await ask(connection)
    assert server._standin._components.text_to_speech.voices == ["Puck"]


@pytest.mark.parametrize(
    ("lock", "voice", "refused"),
    [
        ([], "Puck", "voice"),
        (["temperature"], "Puck", "temperature"),
        (["turn_detection", "tools", "turn_detection.silence_ms"], "Puck", "turn_detection.silence_ms"),
    ],
)
async def test_what_is_locked_and_what_is_left_open(server, lock, voice, refused):
    token = await mint(maker(server), config=LiveConfig(voice=voice), lock=lock)
    asked = {
        "voice": LiveConfig(voice="Kore"),
        "temperature": LiveConfig(temperature=0.5),
        "turn_detection.silence_ms": LiveConfig.from_kwargs(turn_detection={"silence_ms": 300}),
    }[refused]
    with pytest.raises(ConfigError, match=f"fixes {refused} otherwise"):
        await Connection.open(Gemini(TUTOR, token=token, base_url=server.ws), asked)
    async with opened(server, token, LiveConfig(top_p=0.5, system_instruction="Mine.")) as connection:
        await ask(connection)
    assert server._standin._components.text_to_speech.voices == [voice]


async def test_a_model_alone(server):
    token = await mint(maker(server), model="models/gemini-3.8-live")
    with pytest.raises(ConfigError, match="fixes model otherwise"):
        await Connection.open(Gemini(TUTOR, token=token, base_url=server.ws), LiveConfig())
    named = Gemini("gemini-3.8-live", token=token, base_url=server.ws)
    connection = await Connection.open(named, LiveConfig())
    await ask(connection)
    await connection.close()
    with pytest.raises(ConfigError, match="thinking"):
        await mint(maker(server), model="gemini-3.8-live", config=LiveConfig(thinking="high"))


# --- Errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"uses": -1}, "uses"),
        ({"uses": 1.5}, "uses"),
        ({"uses": True}, "uses"),
        ({"expires_s": 0}, "expires_s"),
        ({"expires_s": 20 * 3600}, "20 hours"),
        ({"expires_s": float("nan")}, "expires_s"),
        ({"new_session_s": -5}, "new_session_s"),
        ({"expires_s": 30}, "cannot be more"),
        ({"lock": ["voise"]}, "'voise'"),
    ],
)
async def test_what_cannot_be_asked_of_a_token(values, words):
    with pytest.raises(ConfigError, match=words):
        await mint(Gemini(TUTOR, base_url="ws://127.0.0.1:1"), **values)


async def test_a_key_that_is_not_accepted_and_none_at_all(server):
    with pytest.raises(KeyRefused, match="does not accept this key") as caught:
        await mint(Gemini(TUTOR, api_key="another-canary", base_url=server.ws))
    assert caught.value.code == 400
    assert "canary" not in str(caught.value)
    with pytest.raises(KeyMissing, match="makes no tokens"):
        await mint(Gemini(TUTOR, token=NAME, base_url=server.ws))


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, b"{}", ServiceError, "gave no token"),
        (200, b"[1]", ServiceError, "gave no token"),
        (200, b'{"name": 3}', ServiceError, "gave no token"),
        (200, b"<html>", ServiceError, "gave no token"),
        (401, b"", KeyRefused, "HTTP 401"),
        (404, b'{"error": {"message": "", "code": 404}}', ServiceError, "HTTP 404"),
        (429, b'{"error": "slow down"}', ServiceError, 'HTTP 429.*"slow down"'),
        (429, json.dumps({"error": {"message": "You exceeded your current quota"}}).encode(), ServiceError, "quota"),
        (302, b"", ConnectFailed, "sends elsewhere"),
        (500, b"", ConnectFailed, "HTTP 500"),
    ],
)  # fmt: skip
async def test_other_answers(status, body, error, words, answering):
    with pytest.raises(error, match=words):
        await mint(Gemini(TUTOR, api_key=CANARY, base_url=await answering(status, body)))


async def test_nobody_there():
    with pytest.raises(ConnectFailed, match="Nothing listens"):
        await mint(Gemini(TUTOR, base_url="ws://127.0.0.1:1"))


def test_the_version_is_the_one_that_the_sdk_warns_to_use():
    assert gemini.TOKEN_API_VERSION == "v1alpha"


# --- The body is the official SDK's -------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [None, [], ["max_output_tokens", "temperature"]])
@pytest.mark.filterwarnings("ignore")
async def test_the_body_is_the_one_that_google_genai_sends(lock, answering):
    genai = pytest.importorskip("google.genai")
    types = genai.types
    bodies = []
    base_url = await answering(200, b'{"name": "auth_tokens/x"}', bodies)
    client = genai.Client(
        api_key="k", vertexai=False,
        http_options=types.HttpOptions(base_url=base_url.replace("ws", "http", 1), api_version="v1alpha"),
    )  # fmt: skip
    config = types.LiveConnectConfig(
        response_modalities=["AUDIO"], system_instruction="Be brief.",
        session_resumption=types.SessionResumptionConfig(),
        input_audio_transcription={}, output_audio_transcription={},
    )  # fmt: skip
    asked = {"live_connect_constraints": {"model": "gemini-3.8-live", "config": config}, "uses": 3}
    if lock is not None:
        asked["lock_additional_fields"] = lock
    await client.aio.auth_tokens.create(config=types.CreateAuthTokenConfig(**asked))
    await mint(
        Gemini("gemini-3.8-live", api_key="k", base_url=base_url),
        uses=3, config=LiveConfig(system_instruction="Be brief."), lock=lock,
    )  # fmt: skip
    theirs, ours = (json.loads(body) for body in bodies)
    for name in ("expireTime", "newSessionExpireTime"):
        del ours[name]
    masks = [{camel(path) for path in body.pop("fieldMask", "").split(",")} for body in (theirs, ours)]
    assert masks[0] == masks[1]
    assert ours == theirs
