"""What google-genai, as installed for the tests, says where it may not come in."""

import asyncio
import json
import ssl

import pytest

from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.integrations import driving

pytestmark = [
    pytest.mark.clients,
    # The SDK leaves the closing of its HTTP clients to the garbage collector, and warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

MODEL = "offline-tutor"


def live(server):
    """The SDK's door to a server of ours."""
    pytest.importorskip("google.genai")
    from tests.integrations.drive_google_genai import client_for

    whom = {"key": "any", "model": MODEL, "vertex": False, "ends_first": False, "folder": ""}
    return client_for(driving.Server(**json.loads(server.ready_line()), **whom)).aio.live


async def test_the_sdk_reports_the_services_reasons():
    async with Server(StandIn(), key="another") as server:
        door = live(server)
        from google.genai.errors import APIError

        with pytest.raises(APIError, match="API key not valid"):
            async with door.connect(model=MODEL) as session:
                await asyncio.wait_for(anext(aiter(session.receive())), 5)


async def test_the_sdk_does_not_connect_without_the_certificate():
    pytest.importorskip("google.genai")
    from google import genai
    from google.genai import types

    async with Server(StandIn()) as server:
        options = types.HttpOptions(base_url=server.wss.replace("wss", "https"), api_version="v1beta")
        client = genai.Client(api_key="any", vertexai=False, http_options=options)
        with pytest.raises(ssl.SSLCertVerificationError):
            async with client.aio.live.connect(model=MODEL):
                pass
