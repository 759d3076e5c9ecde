"""Ephemeral tokens: uses, times, and what they fix."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget.protocol import ClientMessageError
from livewidget.standin import ManualClock, StandIn
from livewidget.standin.rules import Refusal
from livewidget.standin.serve import Server
from livewidget.standin.tokens import TokenGrants
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice
from tests.standin.test_serve import port_of
from tests.standin.test_serve_http import exchange, post

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
METHOD = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"
SETUP = {"model": "models/offline-tutor", "outputAudioTranscription": {}, "sessionResumption": {}}
UNREGISTERED = "Method doesn't allow unregistered callers (callers without established identity)."


def grants(clock=None):
    return TokenGrants(clock or ManualClock(), now=lambda: NOW)


def body(**fields):
    return json.dumps(fields).encode()


def at(**later):
    return (NOW + timedelta(**later)).isoformat()


def make(clock, **fields):
    kept = grants(clock)
    return kept.find(kept.create(body(**fields)).name)


def refused(grant, *, resumed=False):
    with pytest.raises(Refusal) as caught:
        grant.admit(resumed=resumed)
    assert caught.value.code == 1008
    return caught.value.reason


# --- Uses and times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "uses"), [({}, 1), ({"uses": 3}, 3)])
def test_uses_are_counted_and_resuming_is_none(fields, uses):
    grant = make(ManualClock(), **fields)
    for _ in range(uses):
        grant.admit(resumed=True)
        grant.admit(resumed=False)
    assert refused(grant) == "Token has been used too many times."
    grant.admit(resumed=True)


def test_no_uses_are_all_uses():
    grant = make(ManualClock(), uses=0)
    for _ in range(100):
        grant.admit(resumed=False)


@pytest.mark.parametrize(
    ("fields", "open_s", "life_s"),
    [
        ({}, 60, 1800),
        ({"expireTime": at(seconds=90), "newSessionExpireTime": at(seconds=30)}, 30, 90),
        ({"expire_time": "2026-11-25T12:01:30Z"}, 60, 90),
    ],
)
def test_times(fields, open_s, life_s):
    clock = ManualClock()
    grant = make(clock, uses=0, **fields)
    clock.advance(open_s * 1000)
    grant.admit(resumed=False)
    clock.advance(1)
    assert "start a new session" in refused(grant)
    grant.admit(resumed=True)
    clock.advance((life_s - open_s) * 1000 - 1)
    grant.check()
    clock.advance(1)
    assert refused(grant, resumed=True) == "Token has expired."
    with pytest.raises(Refusal):
        grant.check()


@pytest.mark.parametrize(
    "fields",
    [
        {"expireTime": at(seconds=-1)},
        {"expireTime": at(hours=20)},
        {"newSessionExpireTime": at(hours=21)},
        {"expireTime": "tomorrow"},
        {"expireTime": "2026-11-25T13:00:00"},
        {"uses": -1},
        {"name": "auth_tokens/mine"},
        {"fieldMask": "nonsense"},
    ],
)
def test_what_no_token_is_made_for(fields):
    with pytest.raises(ClientMessageError):
        grants().create(body(**fields))


def test_tokens_without_end_are_not_kept_without_end():
    kept = grants()
    names = [kept.create(b"").name for _ in range(1100)]
    assert len(set(names)) == 1100
    assert [kept.find(name) is not None for name in names] == [False] * 100 + [True] * 1000


# --- Over real sockets --------------------------------------------------------------------------------------


def standin(clock=None, **options):
    return StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=clock or VirtualClock(), **options)


@pytest.fixture
async def server():
    async with Server(standin(), wss_port=None) as server:
        yield server


async def mint(server, **fields):
    port = port_of(server.ws)
    status, _, answer = await exchange(port, post(port, body=body(**fields)))
    assert status == 200, answer
    return answer["name"]


class Session:
    """A connection with a token, raw."""

    def __init__(self, server, token=None, *, method=METHOD + "Constrained", by="header"):
        query = f"?{by}={token}" if by != "header" else ""
        headers = {"Authorization": f"Token {token}"} if by == "header" else {}
        self.connection = connect(server.ws + method + query, additional_headers=headers)

    async def __aenter__(self):
        self.socket = await self.connection.__aenter__()
        return self

    async def __aexit__(self, *problem):
        await self.connection.__aexit__(*problem)

    async def setup(self, **fields):
        await self.socket.send(json.dumps({"setup": {**SETUP, **fields}}))
        assert json.loads(await self.socket.recv()) == {"setupComplete": {}}

    async def ask(self, text):
        """Return what was said, and the handle that came after it."""
        await self.socket.send(json.dumps({"realtimeInput": {"text": text}}))
        said = ""
        while True:
            message = json.loads(await self.socket.recv())
            said += message.get("serverContent", {}).get("outputTranscription", {}).get("text", "")
            if message.get("sessionResumptionUpdate", {}).get("newHandle"):
                return said, message["sessionResumptionUpdate"]["newHandle"]

    async def closed(self, **fields):
        with pytest.raises(ConnectionClosed) as caught:
            await self.setup(**fields)
        return caught.value.rcvd.code, caught.value.rcvd.reason


@pytest.mark.parametrize("by", ["header", "access_token"])
async def test_a_token_opens_as_many_sessions_as_it_may_and_resumes_beyond(server, by):
    token = await mint(server, uses=1)
    async with Session(server, token, by=by) as session:
        await session.setup()
        said, handle = await session.ask("hello")
        assert said == "echo hello"
    async with Session(server, token, by=by) as session:
        assert await session.closed() == (1008, "Token has been used too many times.")
    async with Session(server, token, by=by) as session:
        await session.setup(sessionResumption={"handle": handle})
        assert (await session.ask("again"))[0] == "echo again"


async def test_a_setup_that_is_refused_is_no_use(server):
    token = await mint(server, uses=1)
    async with Session(server, token) as session:
        assert (await session.closed(model="models/nobody"))[0] == 1008
    async with Session(server, token) as session:
        await session.setup()


@pytest.mark.parametrize(
    ("token", "method", "by"),
    [
        ("auth_tokens/unknown", METHOD + "Constrained", "header"),
        ("", METHOD + "Constrained", "header"),
        ("a-key", METHOD + "Constrained", "key"),
        ("auth_tokens/unknown", METHOD, "key"),
        ("REAL", METHOD, "key"),
        ("REAL", METHOD, "header"),
    ],
)
async def test_a_token_in_the_wrong_place_or_none_at_all(server, token, method, by):
    real = await mint(server)
    async with Session(server, real if token == "REAL" else token, method=method, by=by) as session:
        code, reason = await session.closed()
    assert code == 1008
    assert reason.startswith(UNREGISTERED)


async def test_a_key_alone_is_enough_for_the_plain_method(server):
    """The control: it is the token that is refused there."""
    async with Session(server, "a-key", method=METHOD, by="key") as session:
        await session.setup()


async def test_a_token_needs_no_key_beside_it():
    async with Server(standin(), wss_port=None, key="k") as server:
        port = port_of(server.ws)
        _, _, answer = await exchange(port, post(port, extra=["x-goog-api-key: k"]))
        async with Session(server, answer["name"]) as session:
            await session.setup()


PAGE = "http://127.0.0.1:8520"


async def as_a_page(server, token, *, origin=PAGE, **setup):
    """What a browser's page sees of its socket: how the handshake went, then the first message or the close."""
    address = f"{server.ws}{METHOD}Constrained?access_token={quote(token, safe='')}"
    try:
        socket = await connect(address, origin=origin, compression=None)
    except InvalidStatus as refused:
        return refused.response.status_code
    async with socket:
        await socket.send(json.dumps({"setup": {**SETUP, **setup}}))
        try:
            return json.loads(await socket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


async def test_a_page_sees_by_code_and_reason_what_is_wrong_with_its_token():
    """Browsers show neither status nor body of a refused handshake: the service refuses after it, and so here."""
    clock = ManualClock()
    async with (
        Server(standin(clock), wss_port=None, origins=[PAGE]) as server,
        Server(standin(clock), wss_port=None) as other,
    ):
        once, late, old = await mint(server), await mint(server, uses=0), await mint(server, uses=0)
        assert await as_a_page(server, once) == {"setupComplete": {}}
        assert await as_a_page(server, once) == (1008, "Token has been used too many times.")
        elsewhere = await as_a_page(server, await mint(other))
        assert (elsewhere[0], elsewhere[1].startswith(UNREGISTERED)) == (1008, True)
        clock.advance(60_001)
        assert (await as_a_page(server, late))[1] == "Token can no longer be used to start a new session."
        clock.advance(30 * 60_000)
        assert await as_a_page(server, old) == (1008, "Token has expired.")


async def test_a_page_that_was_not_named_is_refused_before_it_has_a_socket(server):
    token = await mint(server)
    assert await as_a_page(server, token) == 403
    assert await as_a_page(server, token, origin=None) == {
        "setupComplete": {}
    }  # which was no use of the token


async def test_a_token_for_one_model_opens_none_of_another_and_does_not_say_so(server):
    fixed = {"model": "models/offline-tutor", "sessionResumption": {}}
    token = await mint(server, uses=2, bidiGenerateContentSetup=fixed, fieldMask="model")
    async with Session(server, token, by="access_token") as session:
        await session.setup(model="models/nobody")
        assert (await session.ask("hello"))[0] == "echo hello"
    async with Session(server, await mint(server), by="access_token") as session:
        code, reason = await session.closed(model="models/nobody")
        assert (code, "nobody" in reason) == (1008, True)


async def test_messages_are_refused_once_the_token_has_expired():
    clock = ManualClock()
    async with Server(standin(clock, connection_s=7200), wss_port=None) as server:
        token = await mint(server)
        async with Session(server, token) as session:
            await session.setup()
            clock.advance(30 * 60_000)
            await session.socket.send(json.dumps({"realtimeInput": {"text": "hello"}}))
            assert json.loads(await session.socket.recv()) == {
                "sessionResumptionUpdate": {"resumable": False}
            }
            clock.advance(1)
            await session.socket.send(json.dumps({"clientContent": {"turnComplete": False}}))
            await session.socket.wait_closed()
            assert (session.socket.close_code, session.socket.close_reason) == (1008, "Token has expired.")


# --- What is fixed ------------------------------------------------------------------------------------------

VOICE = {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}}
OTHER = {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}, "temperature": 0.5}
FIXED = {**SETUP, "generationConfig": VOICE}


@pytest.mark.parametrize(
    ("fields", "voice"),
    [
        ({}, "Kore"),
        ({"bidiGenerateContentSetup": FIXED}, "Puck"),
        ({"bidiGenerateContentSetup": FIXED, "fieldMask": "generationConfig.speechConfig"}, "Puck"),
        ({"bidiGenerateContentSetup": FIXED, "fieldMask": "model"}, "Kore"),
        ({"fieldMask": "speechConfig"}, None),
    ],
)
async def test_what_is_fixed_is_what_is_heard(fields, voice):
    tutor = standin()
    async with (
        Server(tutor, wss_port=None) as server,
        Session(server, await mint(server, **fields)) as session,
    ):
        await session.setup(generationConfig=OTHER)
        await session.ask("hello")
    assert tutor._components.text_to_speech.voices == [voice]


async def test_a_whole_setup_takes_the_place_of_the_clients_but_for_the_handle(server):
    fixed = {"model": "models/offline-tutor", "sessionResumption": {}}
    token = await mint(server, uses=0, bidiGenerateContentSetup=fixed)
    async with Session(server, token) as session:
        await session.setup()
        said, handle = await session.ask("hello")
        assert said == "", "the transcript that the client asked for is not in the token's setup"
    async with Session(server, token) as session:
        await session.setup(sessionResumption={"handle": handle})
    async with Session(server, token) as session:
        code, _ = await session.closed(sessionResumption={"handle": "unknown"})
        assert code == 1008


async def test_without_resumption_in_the_token_there_is_none(server):
    token = await mint(server, uses=0, bidiGenerateContentSetup={"model": "models/offline-tutor"})
    async with Session(server, token) as session:
        await session.setup(sessionResumption={"handle": "unknown"})


async def test_a_model_that_the_token_leaves_open_is_the_clients(server):
    token = await mint(server, bidiGenerateContentSetup={"outputAudioTranscription": {}})
    async with Session(server, token) as session:
        await session.setup()
