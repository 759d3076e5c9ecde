"""The wire names that are Vertex AI's alone, as the stand-in writes them."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import DECLARED, LOUD, SECOND, Brain, Ears, VirtualClock, Voice

MODEL = "projects/p/locations/us-central1/publishers/google/models/gemini-3.8-live"
METHOD = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"


async def test_what_a_session_looks_like(bench):
    one = bench("hello", model=MODEL)
    client = await one.client(tools=DECLARED, explicitVadSignal=True)
    assert set(client.log[0]["setupComplete"]) == {"sessionId"}
    await client.audio(LOUD, *SECOND)
    turn = await client.turn()
    assert {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}} in turn
    assert {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"}} in turn
    contents = [message["serverContent"] for message in turn if "serverContent" in message]
    assert {c["modelTurn"]["role"] for c in contents if "modelTurn" in c} == {"model"}
    assert [c["inputTranscription"] for c in contents if "inputTranscription" in c] == [
        {"text": "hello", "finished": True}
    ]
    assert contents[-3]["outputTranscription"] == {"finished": True}
    usage = turn[-1]["usageMetadata"]
    assert {"promptTokenCount", "candidatesTokenCount", "candidatesTokensDetails", "trafficType"} <= set(
        usage
    )
    assert not {"responseTokenCount", "responseTokensDetails"} & set(usage)


async def test_and_what_the_gemini_api_says_in_its_place(bench):
    """The control: the same model, asked for by its other name."""
    client = await bench("hello", model="models/gemini-3.8-live").client()
    assert client.log[0] == {"setupComplete": {}}
    await client.audio(LOUD, *SECOND)
    turn = await client.turn()
    assert "role" not in json.dumps(turn)
    assert "finished" not in json.dumps(turn)
    assert {"responseTokenCount", "responseTokensDetails"} <= set(turn[-1]["usageMetadata"])


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"Authorization": "Bearer right"}, "", 101),
        ({"Authorization": "Bearer wrong"}, "", 401),
        ({}, "", 401),
        ({"x-goog-api-key": "right"}, "", 101),
        ({}, "?key=wrong", 401),
    ],
)
async def test_a_wrong_credential_is_refused_by_http(headers, query, status):
    tutor = StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with Server(tutor, wss_port=None, key="right") as server:
        if status == 101:
            async with connect(server.ws + METHOD + query, additional_headers=headers):
                pass
            return
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.ws + METHOD + query, additional_headers=headers).__aenter__()
        assert caught.value.response.status_code == status


@pytest.mark.parametrize(
    ("headers", "model", "accepted"),
    [
        ({"Authorization": "Bearer t"}, MODEL, True),
        ({"x-goog-api-key": "k"}, MODEL, False),
        ({"x-goog-api-key": "k"}, MODEL.partition("us-central1/")[2], True),
        ({}, MODEL, True),
    ],
)
async def test_an_api_key_opens_no_project(headers, model, accepted):
    tutor = StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with (
        Server(tutor, wss_port=None) as server,
        connect(server.ws + METHOD, additional_headers=headers) as socket,
    ):
        await socket.send(json.dumps({"setup": {"model": model}}))
        if accepted:
            assert "setupComplete" in json.loads(await socket.recv())
            return
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd.code == 1008
        assert caught.value.rcvd.reason.startswith("API keys are not supported by this API.")
