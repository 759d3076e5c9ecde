"""Clients and open sessions of the Gen AI SDK as providers: real clients, real sockets, the stand-in behind them."""

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
import threading
from types import FunctionType

import google.genai.live
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from websockets.asyncio.server import serve

from livewidget import LiveWidget, connect, events
from livewidget.config import LiveConfig, TurnDetection
from livewidget.config.code import program
from livewidget.connection import Connection
from livewidget.errors import (
    ConfigError,
    ConnectFailed,
    KeyMissing,
    KeyRefused,
    LiveError,
    ModelNotFound,
    QuotaExceeded,
    SetupTimeout,
    StateError,
    UsageError,
)
from livewidget.integrations import genai as bridge
from livewidget.integrations.genai import GenAIClient, GenAISession, live_connect_config
from livewidget.models import FEATURES, find
from livewidget.protocol import ServerDecoder, decode_client, encode_client, setup_message
from livewidget.protocol.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    ContextUpdateTools,
    Empty,
    FunctionCall,
    FunctionDeclaration,
    FunctionResponse,
    Part,
    RealtimeInput,
    Tool,
    ToolResponse,
)
from livewidget.standin import FAULTS, StandIn
from livewidget.standin.serve import Server
from livewidget.transports.base import TransportClosed
from tests.integrations import test_bridges
from tests.integrations.questions import write
from tests.integrations.test_clients import KEY, serving
from tests.protocol.sdk import FakeCredentials, FakeSocket, client, frames_of
from tests.protocol.test_every_feature import ALIVE, path, refused_here, samples, with_value
from tests.standin.puppets import Brain, Ears, Voice
from tests.test_canary import CANARY, PART, everything

pytestmark = [
    # Penalties have no other place in the SDK than a field that it calls deprecated.
    pytest.mark.filterwarnings("ignore:.*generation_config:DeprecationWarning"),
    # It leaves the closing of its HTTP clients to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*is not valid for aiohttp:DeprecationWarning"),
]

MODEL = "gemini-3.8-live"
DECLARED = {"name": "set_light", "description": "Switch.", "parameters": {"type": "OBJECT"}}


def options(server, **more):
    line = json.loads(server.ready_line())
    trust = ssl.create_default_context(cafile=line["cert"])
    return types.HttpOptions(
        base_url=line["wss"].replace("wss", "https"), async_client_args={"ssl": trust}, **more
    )


def client_of(server, key="any", **more):
    return genai.Client(api_key=key, vertexai=False, http_options=options(server, **more))


def vertex_client(server, credentials=None):
    return genai.Client(
        vertexai=True,
        project="p1",
        location="us-central1",
        credentials=credentials or Credentials(token="ya29.made-for-the-test"),
        http_options=options(server),
    )


def tutor(*heard, **more):
    return StandIn(ears=Ears(*heard), brain=Brain(), voice=Voice(), **more)


@pytest.fixture
async def server():
    async with Server(tutor()) as one:
        yield one


def set_light(on: bool) -> dict:
    """Switch the light."""
    return {"on": on, "why_not": None, "snake_case": {"deep_er": [1]}}


# --- Settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALIVE, ids=lambda row: f"{row.service}:{row.id}")
async def test_every_setting_reaches_the_service(model):
    """The SDK's own client sends each value of each setting, to a socket that keeps it, as livewidget would."""
    service = "gemini" if model.service == "standin" else model.service
    told = 0
    for one in FEATURES:
        for value in samples(one, model):
            values = with_value(model, one, value)
            if refused_here(values, model) is not None:
                continue
            message = setup_message(LiveConfig.from_values(values), path(model), model)
            if model.translation_by_language:
                with pytest.raises(
                    ConfigError, match="cannot send enableSpeechToSpeechTranslation: leave it"
                ):
                    live_connect_config(message.setup)
                continue
            (theirs,) = await frames_of(service, model.id, live_connect_config(message.setup))
            assert decode_client(theirs) == decode_client(encode_client(message)), (one.name, value)
            told += 1
    assert told > 20 or model.translation_by_language


@pytest.mark.parametrize("service", ["gemini", "vertex"])
async def test_functions_handles_and_a_history_reach_it_too(service):
    row = find(MODEL, service)
    declarations = [
        DECLARED,
        {"name": "slow", "behavior": "NON_BLOCKING", "parametersJsonSchema": {"type": "object", "x_y": 1}},
    ]
    config = LiveConfig(
        google_search=True, seed_history=True, turn_detection=TurnDetection(mode="push_to_talk")
    )
    message = setup_message(config, path(row), row, declarations=declarations, handle="a-handle")
    (theirs,) = await frames_of(service, MODEL, live_connect_config(message.setup))
    assert decode_client(theirs) == decode_client(encode_client(message))
    sent = decode_client(theirs).setup
    assert sent.session_resumption.handle == "a-handle"
    assert sent.realtime_input_config.automatic_activity_detection.disabled is True
    assert sent.history_config.initial_history_in_client_content is True


def test_what_the_sdk_cannot_send_is_named():
    row = find(MODEL, "gemini")
    config = LiveConfig(extra={"newThing": {"a": 1}, "generationConfig": {"newToo": 2}})
    setup = setup_message(config, path(row), row).setup
    with pytest.raises(ConfigError) as refused:
        live_connect_config(setup)
    said = str(refused.value)
    assert said.startswith("google-genai ")
    assert "cannot send generationConfig.newToo, newThing: leave them out, or use Gemini(…)" in said


async def test_what_the_sdk_refuses_itself_is_one_sentence(server):
    config = LiveConfig(vad_signal=True)
    setup = setup_message(config, "models/x", find("x", "gemini")).setup
    with pytest.raises(
        ConfigError, match="The Gen AI SDK does not open this session: explicit_vad_signal"
    ) as refused:
        await GenAIClient(client_of(server), "x", check_model=False).dial_for(setup)
    assert str(refused.value).count("\n") == 0


# --- Frames -------------------------------------------------------------------------------------------------

UP = {
    "audio": RealtimeInput(audio=Blob(data=b"\xff\xfe\x00\x01" * 20, mime_type="audio/pcm;rate=16000")),
    "audio at another rate": RealtimeInput(audio=Blob(data=bytes(8), mime_type="audio/pcm;rate=8000")),
    "a picture": RealtimeInput(video=Blob(data=b"\xff\xd8\xff\xfe", mime_type="image/jpeg")),
    "text": RealtimeInput(text="hello „you“"),
    "pressed": RealtimeInput(activity_start=Empty()),
    "released": RealtimeInput(activity_end=Empty()),
    "the microphone pauses": RealtimeInput(audio_stream_end=True),
    "typed": ClientContent(turns=[Content(role="user", parts=[Part(text="hi")])], turn_complete=True),
    "history": ClientContent(
        turns=[
            Content(
                role="user",
                parts=[Part(text="hi"), Part(inline_data=Blob(data=b"\xff\xfe", mime_type="image/jpeg"))],
            ),
            Content(
                role="model", parts=[Part(function_call=FunctionCall(id="a", name="f", args={"x_y": None}))]
            ),
        ],
        turn_complete=False,
    ),
    "stop": ClientContent(turn_complete=False),
    "results": ToolResponse(
        function_responses=[
            FunctionResponse(id="1", name="f", response={"a_b": None, "deep": {"c_d": [1, 2.5, "x"]}}),
            FunctionResponse(id="2", name="g", response={"r": 1}, scheduling="WHEN_IDLE", will_continue=True),
        ]
    ),
    "other functions": ContextUpdate(
        tools=ContextUpdateTools(tools=[Tool(function_declarations=[FunctionDeclaration(name="f")])])
    ),
    "no functions": ContextUpdate(tools=ContextUpdateTools(tools=[])),
    "an instruction": ContextUpdate(system_instruction=Content(role="user", parts=[Part(text="Be brief.")])),
}
FIELDS = {
    RealtimeInput: "realtime_input",
    ClientContent: "client_content",
    ToolResponse: "tool_response",
    ContextUpdate: "context_update",
}


@pytest.mark.parametrize("service", ["gemini", "vertex"])
@pytest.mark.parametrize("name", UP)
async def test_everything_that_is_sent_arrives_as_it_is(service, name):
    message = ClientMessage(**{FIELDS[type(UP[name])]: UP[name]})

    async def use(session):
        link = bridge._SdkTransport(session)
        await link.send("the setup, which the SDK has sent")
        await link.send(encode_client(message))

    _, sent = await frames_of(service, MODEL, use=use)
    assert decode_client(sent) == message


class Answers(FakeSocket):
    """A service that says what it was given, and then closes."""

    def __init__(self, *frames):
        super().__init__()
        self.frames = [b'{"setupComplete": {}}', *frames]

    async def recv(self, decode=True):
        if not self.frames:
            raise TransportClosed(1000)  # of no kind that the SDK knows, and so as it is
        frame = self.frames.pop(0)
        return frame if isinstance(frame, bytes) else json.dumps(frame).encode()

    async def close(self):
        pass


async def decoded(*frames, monkeypatch):
    """What the session makes of frames of the service that have gone through the SDK; and of those themselves."""
    answers = Answers(*frames)

    @contextlib.asynccontextmanager
    async def ws_connect(uri, **options):
        yield answers

    monkeypatch.setattr(google.genai.live, "ws_connect", ws_connect)
    link = await GenAIClient(client("gemini"), MODEL).dial()
    await link.send("{}")
    through, direct, got = ServerDecoder(), ServerDecoder(), []
    assert [type(one) for one in through.decode(await link.receive())] == [events.SessionStarted]
    with contextlib.suppress(TransportClosed):
        while True:
            got.extend(through.decode(await link.receive()))
    plain = [frame if isinstance(frame, bytes) else json.dumps(frame).encode() for frame in frames]
    return got, [event for frame in plain for event in direct.decode(frame)]


SOUND = "__79_Pv6-fg="  # of the alphabet for addresses, as a service might
DOWN = {
    "heard": {"serverContent": {"inputTranscription": {"text": "hi", "finished": True, "languageCode": "en"}}},
    "being heard": {"serverContent": {"interimInputTranscription": {"text": "h"}}},
    "sound and words": {
        "serverContent": {
            "outputTranscription": {"text": "Hello"},
            "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": SOUND}}]},
        }
    },
    "thoughts": {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}, {"text": "yes"}]}}},
    "code": {
        "serverContent": {
            "modelTurn": {
                "parts": [
                    {"executableCode": {"language": "PYTHON", "code": "1+1"}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
                ]
            }
        }
    },
    "the end of an answer": {
        "serverContent": {"generationComplete": True, "turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"},
        "usageMetadata": {
            "promptTokenCount": 7,
            "responseTokenCount": 8,
            "totalTokenCount": 15,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}],
        },
    },
    "an interruption": {"serverContent": {"interrupted": True}},
    "it waits": {"serverContent": {"waitingForInput": True, "interactionStatus": "IN_PROGRESS"}},
    "calls": {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"snake_case": None, "deep": {"a_b": [None]}}}]}},
    "calls taken back": {"toolCallCancellation": {"ids": ["1"]}},
    "speech begins": {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.5s"}},
    "speech by its older name": {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}},
    "sources": {
        "serverContent": {
            "groundingMetadata": {"webSearchQueries": ["x"], "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}]}
        }
    },
    "a handle": {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
    "go away": {"goAway": {"timeLeft": "10.5s"}},
}  # fmt: skip


@pytest.mark.parametrize("name", DOWN)
async def test_everything_that_comes_is_understood_as_it_is(name, monkeypatch):
    through, direct = await decoded(
        DOWN[name], {"serverContent": {"turnComplete": True}}, monkeypatch=monkeypatch
    )
    assert through == direct
    assert len(direct) > 1


async def test_what_nobody_can_read_is_reported_and_the_next_message_is_not_lost(monkeypatch):
    junk = [
        b"\xff\xfe",
        b"[1]",
        b"{",
        {"serverContent": {"turnComplete": "sideways"}},
        {"newMessage": {"a": 1}},
    ]
    end = {"serverContent": {"generationComplete": True}}
    through, _ = await decoded(*junk, end, monkeypatch=monkeypatch)
    assert [type(one) for one in through] == [events.Malformed] * len(junk) + [events.GenerationComplete]


async def test_an_error_that_comes_as_a_message_ends_nothing(monkeypatch):
    frame = {"code": 500, "message": "Something broke."}
    through, _ = await decoded(frame, {"serverContent": {"interrupted": True}}, monkeypatch=monkeypatch)
    assert [type(one) for one in through] == [events.Notice, events.Interrupted]
    assert through[0].text == "The server reported an error: Something broke."


async def test_a_field_of_tomorrow_is_lost_and_the_rest_is_not(monkeypatch):
    """The limit of the public methods, held fast."""
    frame = {"serverContent": {"newField": {"a": 1}, "interrupted": True}}
    through, direct = await decoded(frame, monkeypatch=monkeypatch)
    assert through == [events.Interrupted()]
    assert direct == [events.Interrupted(), events.Unknown(path="serverContent.newField")]


async def test_audio_takes_the_fast_way_through_the_decoder(monkeypatch):
    """pydantic's own base64 has another alphabet, which is decoded slowly."""
    monkeypatch.setattr(ServerDecoder, "_decode_slowly", lambda self, frame: pytest.fail("decoded slowly"))
    name = "sound and words"
    frame = json.loads(json.dumps(DOWN[name]).replace(SOUND, "//79/Pv6+fg="))
    through, _ = await decoded(frame, monkeypatch=monkeypatch)
    assert through[-1] == events.OutputAudio(data=bytes.fromhex("fffefdfcfbfaf9f8"), sample_rate=24_000)


# --- A whole talk -------------------------------------------------------------------------------------------


@pytest.mark.voice
def test_a_short_talk_through_a_widget_with_a_running_server(tmp_path, monkeypatch):
    """Typed, with a function of the notebook's, and interrupted by a spoken question; in full in `make clients`."""
    write(tmp_path)
    monkeypatch.setitem(test_bridges.BRIDGES, "here", ("bridge_genai", ""))
    scenes = ["blocking_tool", "barge_in"]
    with serving() as ready:
        whom = {**ready, "key": KEY, "folder": str(tmp_path)}
        report = test_bridges.reported(test_bridges.play("here", "3.8", whom, scenes))
    test_bridges.test_a_function_of_the_notebooks(report)
    test_bridges.test_who_speaks_into_an_answer_is_heard_and_answered(report)
    assert report["complaints"] == []


async def test_a_talk_with_a_function_of_the_notebook():
    got = []
    async with (
        Server(tutor()) as server,
        connect(GenAIClient(client_of(server)), voice="Kore", tools=[set_light]) as session,
    ):
        session.subscribe(got.append)
        assert (await session.ask("one two")).text == "echo one two"
        await session.ask("call set_light")
        (use,) = [use for turn in session.turns for use in turn.tools]
        assert (use.name, use.state, use.remote) == ("set_light", "done", False) or use.error
    assert not [one for one in got if isinstance(one, events.Malformed | events.Unknown)]
    assert session.error is None


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-live-2.5-flash-native-audio"])
async def test_a_client_of_vertex_ai_keeps_to_its_rules(model):
    async with Server(tutor(), key="ya29.made-for-the-test") as server:
        provider = GenAIClient(vertex_client(server), model)
        assert (provider.service, provider.capabilities) == ("vertex", find(model, "vertex"))
        assert provider.badge == f"Gen AI SDK · Vertex AI · {model}"
        async with connect(provider, transparent_resumption=True) as session:
            assert (await session.ask("one two")).text == "echo one two"
            assert session.turns[-1].speaker == "model"
        assert session.error is None


@pytest.mark.parametrize(("fault", "connection_s"), [("drop", 600.0), ("", 1.0)])
async def test_a_connection_that_ends_is_followed_by_another_session_of_the_sdk(fault, connection_s):
    """Broken off, and announced by the service: the second session has the handle of the first."""
    standin = tutor(connection_s=connection_s)
    async with Server(standin) as server:
        opened, real = [], google.genai.live.AsyncLive.connect

        def counting(self, **arguments):
            opened.append(arguments["config"].session_resumption)
            return real(self, **arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(google.genai.live.AsyncLive, "connect", counting)
            async with connect(GenAIClient(client_of(server))) as session:
                assert (await session.ask("one")).text == "echo one"
                if fault:
                    standin.simulate(fault)
                await until(lambda: len(opened) >= 2)
                assert (await session.ask("two")).text == "echo two"
    assert opened[0].handle is None
    assert opened[1].handle


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- Errors -------------------------------------------------------------------------------------------------


async def for_ever(call, *arguments):
    while True:
        await call(*arguments)
        await asyncio.sleep(0)


async def refused(provider, config=None):
    with pytest.raises(LiveError) as raised:
        await Connection.open(provider, config or LiveConfig())
    assert "\n" not in str(raised.value)
    return raised.value


async def test_a_wrong_key_and_an_unknown_model_are_said_as_everywhere():
    async with Server(tutor(), key="another") as server:
        error = await refused(GenAIClient(client_of(server, key=CANARY)))
        assert isinstance(error, KeyRefused)
        assert "The service does not accept this key" in str(error)
        assert PART not in everything(error)
    async with Server(tutor()) as server:
        error = await refused(GenAIClient(client_of(server), "gemini-9-live", check_model=False))
        assert isinstance(error, ModelNotFound)


@contextlib.asynccontextmanager
async def answering(tls_of, *, status=None, body=b"", headers=(), silent=False):
    """A server that refuses with an HTTP status, or accepts and says nothing more."""

    async def talk(socket):
        await socket.wait_closed()

    def refuse(connection, request):
        if status is None:
            return None
        response = connection.respond(status, body.decode())
        for name, value in headers:
            response.headers[name] = value
        return response

    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = tls_of.issue_cert("127.0.0.1")
    authority.configure_cert(trust)
    async with serve(talk, "127.0.0.1", 0, ssl=trust, process_request=refuse) as running:
        yield running.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def authority():
    import trustme

    return trustme.CA()


def client_at(port, authority=None, **more):
    trust = ssl.create_default_context()
    if authority is not None:
        authority.configure_trust(trust)
    at = types.HttpOptions(base_url=f"https://127.0.0.1:{port}", async_client_args={"ssl": trust})
    return genai.Client(**({"api_key": CANARY, "vertexai": False} | more), http_options=at)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, KeyRefused, "does not accept this key"),
        (404, ModelNotFound, "HTTP 404"),
        (429, QuotaExceeded, "try again in 7 s"),
        (503, ConnectFailed, "HTTP 503"),
    ],
)
async def test_refusals_with_a_status(status, kind, words, authority):
    async with answering(
        authority, status=status, body=CANARY.encode(), headers=[("Retry-After", "7")]
    ) as port:
        error = await refused(GenAIClient(client_at(port, authority)))
    assert isinstance(error, kind), error
    assert words in str(error)
    assert PART not in everything(error)


async def test_a_certificate_that_is_not_trusted_and_nobody_there(authority):
    async with answering(authority) as port:
        error = await refused(GenAIClient(client_at(port)))
        assert isinstance(error, ConnectFailed)
        assert "set SSL_CERT_FILE to its certificate before you make the client" in str(error)
        assert PART not in everything(error)
    error = await refused(GenAIClient(client_at(port)))
    assert str(error).startswith("Nothing listens at the server;")
    at = types.HttpOptions(base_url="https://nobody.invalid")
    error = await refused(GenAIClient(genai.Client(api_key=CANARY, vertexai=False, http_options=at)))
    assert str(error).startswith("The name of the server cannot be found;")
    assert PART not in everything(error)


async def test_a_service_that_accepts_nothing_in_time(authority, monkeypatch):
    monkeypatch.setattr(bridge, "OPEN_TIMEOUT", 0.3)
    async with answering(authority) as port:
        error = await refused(GenAIClient(client_at(port, authority)))
    assert isinstance(error, SetupTimeout)
    assert str(error) == "Gemini did not accept the session within 0.3 s. Try again."
    assert PART not in everything(error)


async def test_who_does_not_wait_is_shown_no_key(authority):
    async with answering(authority) as port:
        dialling = asyncio.ensure_future(GenAIClient(client_at(port, authority)).dial())
        await asyncio.sleep(0.2)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await dialling
    assert PART not in everything(cancelled.value)


async def test_credentials_that_give_no_token(authority, monkeypatch, tmp_path):
    class NoToken(FakeCredentials):
        valid = False

        def refresh(self, request):
            import google.auth.exceptions

            raise google.auth.exceptions.RefreshError(f"invalid_grant {CANARY}")

    credentials = NoToken()
    credentials.token = None
    vertex = {"api_key": None, "vertexai": True, "project": "p1", "location": "us-central1"}
    error = await refused(GenAIClient(client_at(1, authority, credentials=credentials, **vertex)))
    assert isinstance(error, KeyRefused)
    assert "Google gives no token for these credentials" in str(error)
    assert PART not in everything(error)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    error = await refused(GenAIClient(client_at(1, authority, **vertex)))
    assert isinstance(error, KeyMissing)
    assert "gcloud auth application-default login" in str(error)
    assert str(tmp_path) not in str(error)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) & {"internal", "refuse", "drop"}))
async def test_the_end_of_a_connection_is_one_of_ours(fault):
    standin = tutor()
    async with Server(standin) as server:
        connection = await Connection.open(GenAIClient(client_of(server)), LiveConfig())
        standin.simulate(fault)
        with pytest.raises(LiveError) as ended:
            await for_ever(connection.receive)
        with pytest.raises(LiveError):
            await for_ever(connection.send, ClientMessage(realtime_input=RealtimeInput(text="there?")))
        await connection.close()
    wanted = {"drop": "broke", "internal": "failed", "refuse": "not available"}[fault]
    assert wanted in str(ended.value)


async def test_a_connection_that_asyncio_cannot_abort_has_broken():
    abort = FunctionType((lambda protocol: protocol._abort()).__code__, {"__name__": "asyncio.sslproto"})

    class Lost(FakeSocket):
        async def send(self, frame):
            abort(None)

    link = bridge._SdkTransport(session_of(Lost()))
    await link.send("the setup")
    for _ in range(2):
        with pytest.raises(TransportClosed) as closed:
            await link.send(encode_client(ClientMessage(realtime_input=RealtimeInput(text="there?"))))
        assert closed.value.code == 1006


async def test_an_error_within_the_sdk_is_no_broken_connection():
    class Older(FakeSocket):
        async def send(self, frame):
            raise AttributeError("'AsyncSession' object has no attribute 'send_anything'")

    link = bridge._SdkTransport(session_of(Older()))
    await link.send("the setup")
    with pytest.raises(LiveError, match=r"did not take what the session sends \(AttributeError\)"):
        await link.send(encode_client(ClientMessage(realtime_input=RealtimeInput(text="there?"))))
    assert link.closed is None

    async def fails(**_):
        raise AttributeError("'Client' object has no attribute 'anything'")

    provider = GenAIClient(client("gemini"))
    error = provider._error_for(await caught(fails()), is_late=False)
    assert "failed to open a session (AttributeError)" in str(error)


async def caught(work):
    try:
        await work
    except Exception as error:
        return error


async def test_cancelling_a_wait_loses_no_message(server):
    link = await GenAIClient(client_of(server)).dial_for(
        setup_message(LiveConfig(), f"models/{MODEL}", find(MODEL, "gemini")).setup
    )
    await link.send("{}")
    await link.receive()
    typed = ClientMessage(realtime_input=RealtimeInput(text="one two"))
    got, decoder = [], ServerDecoder()
    for _ in range(20):  # each gives up a little later
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.002):
                got += decoder.decode(await link.receive())
    await link.send(encode_client(typed))
    while not any(isinstance(one, events.TurnComplete) for one in got):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.003):
                got += decoder.decode(await link.receive())
    assert "".join(one.text for one in got if isinstance(one, events.OutputTranscript)) == "echo one two"
    await link.close()
    with pytest.raises(TransportClosed):
        await link.send(encode_client(typed))


# --- What it is ---------------------------------------------------------------------------------------------


def test_a_client_is_the_model_with_all_its_settings():
    provider = GenAIClient(client("gemini"))
    assert (provider.model, provider.service, provider.speaker) == (MODEL, "gemini", "gemini")
    assert provider.badge == "Gen AI SDK · gemini-3.8-live"
    assert provider.capabilities == find(MODEL, "gemini")
    other = provider.with_model("gemini-2.5-flash-native-audio-latest")
    assert other.capabilities == find("gemini-2.5-flash-native-audio-latest", "gemini")
    assert program(provider, LiveConfig(voice="Kore")) == (
        "from livewidget import LiveWidget\n"
        "from livewidget.integrations.genai import GenAIClient\n\n"
        'live = LiveWidget(GenAIClient(client, model="gemini-3.8-live"), voice="Kore")\n'
        "live\n"
    )
    with pytest.raises(ConfigError, match="The Gen AI SDK connects from Python: leave direct out"):
        provider.with_direct()
    with pytest.raises(ConfigError, match=r"no model gemini-2\.5-flash; did you mean"):
        GenAIClient(client("gemini"), "gemini-2.5-flash")


@pytest.mark.parametrize(
    ("model", "config", "given", "version"),
    [
        (MODEL, LiveConfig(), None, None),
        ("gemini-2.5-flash-native-audio-latest", LiveConfig(), None, "v1beta"),
        ("gemini-2.5-flash-native-audio-latest", LiveConfig(affective_dialog=True), None, "v1alpha"),
        ("gemini-2.5-flash-native-audio-latest", LiveConfig(), "v1alpha", "v1alpha"),
    ],
)
async def test_the_version_of_the_api_is_the_clients_unless_another_has_what_is_asked_for(
    model, config, given, version, monkeypatch
):
    asked = []

    def connect(self, *, model, config):
        asked.append(config.http_options and config.http_options.api_version)
        raise ValueError("enough")

    monkeypatch.setattr(google.genai.live.AsyncLive, "connect", connect)
    provider = GenAIClient(client("gemini"), model, api_version=given)
    await refused(provider, config)
    assert asked == [version]


WRONG = {
    "a key": (lambda: GenAIClient(CANARY), "takes the client, and the client the key"),
    "a model": (lambda: GenAIClient("gemini-3.8-live"), "takes the client, and the client the key"),
    "nothing": (lambda: GenAIClient(None), "takes a google.genai.Client, not NoneType"),
    "the class": (lambda: GenAIClient(genai.Client), "the class Client itself: call it"),
    "client.aio": (lambda: GenAIClient(client("gemini").aio), "This is client.aio: pass the client itself"),
    "client.aio.live": (lambda: GenAIClient(client("gemini").aio.live), "This is client.aio.live: pass"),
    "client.models": (lambda: GenAIClient(client("gemini").models), "not Models"),
    "a session": (lambda: GenAIClient(session_of(FakeSocket())), "pass it to GenAISession"),
    "a client for a session": (lambda: GenAISession(client("gemini")), "pass it to GenAIClient"),
    "a session that is not open": (
        lambda: GenAISession(client("gemini").aio.live.connect(model=MODEL)),
        "not open yet: async with",
    ),
    "a number for a session": (lambda: GenAISession(3), "not int"),
    "a key for a session": (lambda: GenAISession(CANARY), "not str"),
    "a model that is none": (lambda: GenAIClient(client("gemini"), model=3), "not int"),
    "a key for a model": (lambda: GenAIClient(client("gemini"), CANARY), "looks like a key"),
}  # fmt: skip


def session_of(socket):
    return google.genai.live.AsyncSession(api_client=client("gemini")._api_client, websocket=socket)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_none_is_one_sentence_that_says_what_to_pass(name):
    make, words = WRONG[name]
    with pytest.raises(UsageError) as said:
        make()
    assert words in str(said.value)
    assert PART not in everything(said.value)


def test_the_package_is_required_in_a_version_that_was_tried(monkeypatch):
    assert bridge.TESTED == ">=2.34,<4"
    monkeypatch.setattr("importlib.metadata.version", lambda name: "4.0.1")
    with pytest.warns(UserWarning, match=r"GenAIClient supports google-genai>=2\.34,<4, but 4\.0\.1"):
        GenAIClient(client("gemini"))
    GenAIClient(client("gemini"))  # once is enough


def test_without_the_package_it_can_be_imported_and_says_what_to_install():
    code = (
        "import sys; sys.modules['google.genai'] = None\n"
        "from importlib import metadata\n"
        "real = metadata.version\n"
        "def version(name):\n"
        "    if name == 'google-genai': raise metadata.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "metadata.version = version\n"
        "from livewidget.integrations.genai import GenAIClient\n"
        "GenAIClient(None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "livewidget.errors.ExtraMissing: GenAIClient needs google-genai, which is not installed: "
        'pip install "livewidget[genai]"'
    )


# --- A session that is open ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def opened(server, **config):
    plain = {
        "response_modalities": ["AUDIO"],
        "output_audio_transcription": {},
        "input_audio_transcription": {},
    }
    wanted = types.LiveConnectConfig(**plain | config)
    async with client_of(server).aio.live.connect(model=MODEL, config=wanted) as session:
        yield session


async def test_an_open_session_is_talked_with_and_stays_open(server):
    tools = [{"function_declarations": [DECLARED]}]
    async with opened(server, tools=tools) as session:
        provider = GenAISession(session)
        assert provider.badge == "Gen AI SDK · gemini-3.8-live · open already"
        async with connect(provider, tools=[set_light]) as talk:
            assert (await talk.ask("one two")).text == "echo one two"
            await talk.ask("call set_light")
            assert [use.name for turn in talk.turns for use in turn.tools] == ["set_light"]
        await session.send_realtime_input(text="still there")
        said = [
            one.server_content.output_transcription async for one in session.receive() if one.server_content
        ]
        assert "".join(one.text or "" for one in said if one) == "echo still there"


async def test_an_open_session_has_one_connection_and_settings_of_its_own(server):
    async with opened(server) as session:
        provider = GenAISession(session)
        with pytest.raises(ConfigError, match="voice is a setting of the open session of the Gen AI SDK"):
            connect(provider, voice="Kore")
        async with connect(provider) as talk:
            with pytest.raises(StateError, match="which cannot open another: make a new GenAISession"):
                await talk.update(LiveConfig(turn_detection=TurnDetection(mode="push_to_talk")))
            assert (await talk.ask("one")).text == "echo one"  # the talk goes on
        with pytest.raises(StateError, match="which cannot open another"):
            async with connect(provider):
                pass


async def test_the_end_of_an_open_session_says_why_and_that_there_is_no_other():
    standin = tutor()
    async with Server(standin) as server, opened(server) as session:
        async with connect(GenAISession(session)) as talk:
            assert (await talk.ask("one")).text == "echo one"
            standin.simulate("internal")
            await until(lambda: talk.error is not None)
        assert "The service failed with a fault of its own" in str(talk.error)
        assert str(talk.error).endswith("which cannot open another: make a new GenAISession.")


@pytest.mark.clients
async def test_an_announced_end_of_an_open_session_is_said_before():
    got = []
    async with (
        Server(tutor(connection_s=3.0)) as server,
        opened(server) as session,
        connect(GenAISession(session)) as talk,
    ):
        talk.subscribe(got.append)
        await talk.ask("one")  # what has answered may be left at once
        await until(lambda: talk.error is not None)
    told = [one.text for one in got if isinstance(one, events.Notice) and one.code == "token-missing"]
    assert len(told) == 1
    assert told[0].startswith(
        "There is no next connection yet: This session was opened outside of livewidget"
    )
    assert str(talk.error).endswith("which cannot open another: make a new GenAISession.")


async def test_push_to_talk_is_as_the_session_was_opened():
    async with Server(tutor("one two")) as server:
        manual = {"automatic_activity_detection": {"disabled": True}}
        async with (
            opened(server, realtime_input_config=manual) as session,
            connect(GenAISession(session), turn_detection="push_to_talk") as talk,
        ):
            await talk.activity_start()
            await talk.send_audio(b"\x40\x1f" * 8_000, 16_000)
            await talk.activity_end()
            await until(lambda: any(turn.speaker == "model" and turn.final for turn in talk.turns))
            assert talk.turns[0].text == "one two"


async def test_a_second_reader_is_named(server):
    async with opened(server) as session:
        reading = asyncio.ensure_future(anext(session.receive()))
        await asyncio.sleep(0)
        async with connect(GenAISession(session)) as talk:
            await until(lambda: talk.error is not None)
        assert "Somebody else receives from this session" in str(talk.error)
        reading.cancel()
        await asyncio.wait([reading])


async def test_a_history_belongs_to_the_opening(server):
    async with opened(server) as session:
        with pytest.raises(UsageError, match="keeps its own memory of a conversation: leave history out"):
            connect(GenAISession(session), history=[("user", "hi"), ("model", "hello")])


async def test_a_widget_talks_with_a_session_on_the_loop_of_the_cells(server):
    """The widget's talk runs on a loop of its own; the session stays on the one that opened it."""
    async with opened(server) as session:
        provider = GenAISession(session)
        live = LiveWidget(provider)
        turn = await asyncio.to_thread(live.ask, "one two", timeout=20)
        assert turn.text == "echo one two"
        live.close()
        await until(lambda: provider._transport.closed)
        await session.send_realtime_input(text="still there")
        async with asyncio.timeout(10):
            said = [one.server_content async for one in session.receive() if one.server_content]
        assert any(one.output_transcription for one in said)


def test_a_session_without_a_loop_is_refused():
    with pytest.raises(StateError, match="where the session was opened"):
        GenAISession(session_of(FakeSocket()))


async def test_a_loop_that_has_ended_is_named():
    kept = []

    def other():
        async def make():
            kept.append(GenAISession(session_of(FakeSocket())))

        asyncio.run(make())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    error = await refused(kept[0])
    assert "The event loop of this session has ended" in str(error)
