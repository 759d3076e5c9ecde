"""google-genai, as installed for the tests, against the stand-in over wss with its own certificate."""

import asyncio
import json
import ssl

import pytest

from livewidget.standin import StandIn
from livewidget.standin.serve import Server

pytestmark = [
    pytest.mark.clients,
    # The SDK leaves the closing of its HTTP clients to the garbage collector, and warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    pytest.importorskip("espeakng_loader")
    from tests.integrations.questions import write

    folder = tmp_path_factory.mktemp("questions")
    write(folder)
    return folder


async def test_a_spoken_turn_a_tool_call_and_an_interruption(questions):
    pytest.importorskip("google.genai")
    from tests.integrations.drive_google_genai import drive

    async with Server(StandIn()) as server:
        report = await drive(json.loads(server.ready_line()), questions)
    assert set(report) == {"google-genai", "spoken_turn", "tool_call", "interruption"}


async def test_the_sdk_reports_the_services_reasons():
    pytest.importorskip("google.genai")
    from google.genai.errors import APIError

    from tests.integrations.drive_google_genai import client_for

    async with Server(StandIn(), key="another") as server:
        client = client_for(json.loads(server.ready_line()))
        with pytest.raises(APIError, match="API key not valid"):
            async with client.aio.live.connect(model="offline-tutor") as session:
                await asyncio.wait_for(anext(aiter(session.receive())), 5)


async def test_the_sdk_does_not_connect_without_the_certificate():
    pytest.importorskip("google.genai")
    from google import genai
    from google.genai import types

    async with Server(StandIn()) as server:
        options = types.HttpOptions(base_url=server.wss.replace("wss", "https"), api_version="v1beta")
        client = genai.Client(api_key="any", vertexai=False, http_options=options)
        with pytest.raises(ssl.SSLCertVerificationError):
            async with client.aio.live.connect(model="offline-tutor"):
                pass
