"""A connection over a real WebSocket."""

import asyncio
import contextlib
import json
import logging

import pytest
from websockets.asyncio.server import serve

from livewidget.config import LiveConfig
from livewidget.connection import Connection, Gemini
from livewidget.errors import (
    ConfigError,
    ConnectFailed,
    KeyRefused,
    LinkLost,
    ModelNotFound,
    QuotaExceeded,
    ServerFault,
    ServiceError,
    SetupRefused,
    SetupTimeout,
)
from livewidget.events import SessionStarted, TurnComplete
from livewidget.protocol import decode_client, encode_server
from livewidget.protocol.messages import (
    ClientMessage,
    RealtimeInput,
    ServerContent,
    ServerMessage,
    SetupComplete,
)
from livewidget.transports.websocket import WebSocketTransport

CANARY = "canary-key-0123456789"
SETUP_COMPLETE = encode_server(ServerMessage(setup_complete=SetupComplete()))


@contextlib.asynccontextmanager
async def service(handler, model="gemini-3.8-live"):
    """A server in the place of the service, and the provider that leads there."""

    async def handle(connection):
        await handler(WebSocketTransport(connection), connection.request)

    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Gemini(model, api_key=CANARY, base_url=f"ws://127.0.0.1:{port}")


async def test_setup_then_messages_then_events():
    seen = asyncio.Queue(10)

    async def handler(link, request):
        seen.put_nowait(request)
        seen.put_nowait(decode_client(await link.receive()))
        await link.send(SETUP_COMPLETE)
        seen.put_nowait(decode_client(await link.receive()))
        await link.send(encode_server(ServerMessage(server_content=ServerContent(turn_complete=True))))
        await link.send("{}")
        await link.receive()

    async with service(handler) as gemini:
        declarations = [{"name": "light", "description": "Light."}]
        connection = await Connection.open(gemini, LiveConfig(voice="Kore"), declarations, handle="h")
        assert connection.opening == [SessionStarted()]
        request = await seen.get()
        assert request.headers["x-goog-api-key"] == CANARY
        assert CANARY not in request.path
        assert request.path.endswith("v1beta.GenerativeService.BidiGenerateContent")
        setup = (await seen.get()).setup
        assert setup.model == "models/gemini-3.8-live"
        assert setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Kore"
        assert setup.tools[0].function_declarations[0].name == "light"
        assert setup.session_resumption.handle == "h"
        await connection.send(ClientMessage(realtime_input=RealtimeInput(text="x")))
        assert (await seen.get()).realtime_input.text == "x"
        assert await connection.receive() == [TurnComplete()]
        assert await connection.receive() == []
        await connection.close()
        await connection.close()


async def test_nothing_is_sent_between_setup_and_its_acceptance():
    early = []

    async def handler(link, request):
        await link.receive()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                early.append(await link.receive())
        await link.send(SETUP_COMPLETE)
        await link.receive()

    async with service(handler) as gemini:
        connection = await Connection.open(gemini, LiveConfig())
        await connection.close()
    assert early == []


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (1007, "API key not valid. Please pass a valid API key.", KeyRefused),
        (1008, "models/gemini-3.8-live is not found for API version v1beta", ModelNotFound),
        (1007, "Request contains an invalid argument.", SetupRefused),
    ],
)
async def test_a_refusal_after_the_setup(code, reason, error):
    dials = []

    async def handler(link, request):
        dials.append(1)
        await link.receive()
        await link.close(code, reason)

    async with service(handler) as gemini:
        with pytest.raises(error) as caught:
            await Connection.open(gemini, LiveConfig())
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert len(dials) == 1


async def test_a_key_that_the_server_repeats_is_not_shown(caplog):
    caplog.set_level(logging.DEBUG, logger="livewidget")

    async def handler(link, request):
        await link.receive()
        await link.close(1008, f"who is {request.headers['x-goog-api-key']}?")

    async with service(handler) as gemini:
        with pytest.raises(Exception, match="who is …") as caught:
            await Connection.open(gemini, LiveConfig())
    assert CANARY not in str(caught.value) + repr(caught.value) + caught.value.reason + caplog.text


async def test_a_break_is_told_to_sender_and_receiver():
    async def handler(link, request):
        await link.receive()
        await link.send(SETUP_COMPLETE)
        link._socket.transport.abort()

    async with service(handler) as gemini:
        connection = await Connection.open(gemini, LiveConfig())
        with pytest.raises(LinkLost):
            await connection.receive()
        with pytest.raises(LinkLost):
            await connection.send("{}")
        await connection.close()


async def test_the_configuration_is_checked_before_dialling():
    gemini = Gemini("gemini-3.8-live", api_key=CANARY, base_url="wss://nowhere.invalid")
    with pytest.raises(ConfigError):
        await Connection.open(gemini, LiveConfig(voice="Nobody"))


async def test_cancelling_the_opening_closes_the_link():
    closed, reached = asyncio.Event(), asyncio.Event()

    async def handler(link, request):
        await link.receive()
        reached.set()
        with contextlib.suppress(Exception):
            await link.receive()
        closed.set()

    async with service(handler) as gemini:
        opening = asyncio.create_task(Connection.open(gemini, LiveConfig()))
        await reached.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(5):
            await closed.wait()


class Unmeasured:
    """A transport with the three methods, and without `round_trip_ms`."""

    def __init__(self):
        self.frames = asyncio.Queue()

    async def send(self, frame):
        if decode_client(frame).setup is not None:
            self.frames.put_nowait(SETUP_COMPLETE)

    async def receive(self):
        return await self.frames.get()

    async def close(self, code=1000, reason=""):
        pass


class Silent:
    def on_frame(self, outgoing, frame):
        pass

    def on_close(self, outgoing, code, reason):
        pass


@pytest.mark.parametrize("tap", [None, Silent()])
async def test_a_transport_that_measures_no_round_trip_leaves_it_unknown(tap):
    class OwnTransport(Gemini):
        async def dial(self):
            return Unmeasured()

    connection = await Connection.open(OwnTransport(api_key=CANARY), LiveConfig(), tap=tap)
    assert connection.round_trip_ms is None
    await connection.close()


class Stuck(Unmeasured):
    """Accepts nothing, and does not close."""

    async def send(self, frame):
        pass

    async def close(self, code=1000, reason=""):
        await asyncio.Event().wait()


class Patient(Gemini):
    """Says how long to wait."""

    setup_timeout = 0.02
    close_timeout = 0.02

    async def dial(self):
        return Stuck()


async def test_a_provider_says_how_long_its_server_may_take():
    async with asyncio.timeout(2):  # The usual times are 10 s and 3 s.
        with pytest.raises(SetupTimeout, match=r"within 0\.02 s"):
            await Connection.open(Patient(api_key=CANARY), LiveConfig())


@pytest.mark.parametrize(
    ("status", "message", "error", "words"),
    [
        (400, "API key not valid. Please pass a valid API key.", KeyRefused, "copy it again"),
        (400, "API key expired. Please renew the API key.", KeyRefused, "make a new one"),
        (403, "Your API key was reported as leaked. Please use another API key.", KeyRefused, "leaked"),
        (403, "Generative Language API has not been used in project 1 before", KeyRefused, "not enabled"),
        (403, "The caller does not have permission", KeyRefused, "permissions"),
        (400, "User location is not supported for the API use.", SetupRefused, "not offered where you are"),
        (404, "models/x is not found for API version v1beta", ModelNotFound, "does not know the model"),
        (429, "Resource has been exhausted (e.g. check quota).", QuotaExceeded, "billing"),
        (503, "The service is currently unavailable.", ServerFault, "not available now"),
        (403, "Invalid Host header", ServiceError, 'It said: "Invalid Host header"'),
        (400, "Something new.", ConnectFailed, 'It said: "Something new."'),
        (500, f"{CANARY} made it fail", ConnectFailed, 'It said: "… made it fail"'),
    ],
)
async def test_the_reason_of_a_refused_handshake_is_translated_where_it_is_known(
    status, message, error, words, answering
):
    """The words of the service mean the same in an HTTP answer as in a close frame; a 403 is no bad key."""
    body = json.dumps({"error": {"code": status, "message": message}}).encode()
    gemini = Gemini("gemini-3.8-live", api_key=CANARY, base_url=await answering(status, body))
    with pytest.raises(error) as caught:
        await Connection.open(gemini, LiveConfig())
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert caught.value.code == status
    assert CANARY not in str(caught.value) + caught.value.reason
