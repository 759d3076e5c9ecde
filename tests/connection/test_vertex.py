"""Vertex AI."""

import asyncio
import http

import pytest
from websockets.asyncio.server import serve

from livewidget.config.code import to_python
from livewidget.connection import VertexAI
from livewidget.connection.vertex import host
from livewidget.errors import ConfigError, ConnectFailed, ExtraMissing, KeyMissing, KeyRefused
from livewidget.transports.base import close_quietly

TOKEN = "canary-token-0123456789"


class Credentials:
    """Like those of google-auth, as far as they are used."""

    def __init__(self, *, valid=True, quota_project_id=None, fault=None):
        self.valid = valid
        self.token = TOKEN
        self.quota_project_id = quota_project_id
        self.fault = fault

    def refresh(self, request):
        if self.fault is not None:
            raise self.fault
        self.valid = True


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_every_location_has_its_host(location, name):
    assert host(location) == name
    vertex = VertexAI("gemini-3.8-live", "my-project", location)
    method = "ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    assert vertex.url() == f"wss://{name}/{method}"


def test_the_model_has_its_whole_path():
    path = "projects/my-project/locations/eu/publishers/google/models/gemini-3.8-live"
    assert VertexAI("gemini-3.8-live", "my-project", "eu").model_path() == path
    assert VertexAI(path).model_path() == path
    assert "eu" in VertexAI(path).badge


@pytest.mark.parametrize(
    "arguments", [("gemini-3.8-live",), ("", "p"), ("m", "p", "evil.example/"), ("m", "p/../q", "eu")]
)
def test_what_cannot_be_a_project_or_a_location(arguments):
    with pytest.raises(ConfigError):
        VertexAI(*arguments)


async def headers_of(credentials):
    """The headers with which a server is dialled."""
    seen = asyncio.get_running_loop().create_future()

    async def look(connection):
        seen.set_result(connection.request)

    async with serve(look, "127.0.0.1", 0) as server:
        base = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        vertex = VertexAI("gemini-3.8-live", "p", credentials=credentials, base_url=base)
        assert TOKEN not in repr(vertex) + vertex.badge
        link = await vertex.dial()
        request = await seen
        await close_quietly(link)
        assert TOKEN not in request.path
        return request.headers


async def test_the_token_travels_in_a_header():
    headers = await headers_of(Credentials())
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert "x-goog-user-project" not in headers


async def test_a_quota_project_is_named():
    headers = await headers_of(Credentials(quota_project_id="payer"))
    assert headers["x-goog-user-project"] == "payer"


async def test_an_old_token_is_refreshed():
    pytest.importorskip("google.auth")
    pytest.importorskip("requests")
    credentials = Credentials(valid=False)
    await headers_of(credentials)
    assert credentials.valid


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("RefreshError", KeyRefused),
        ("DefaultCredentialsError", KeyMissing),
        ("TransportError", ConnectFailed),
    ],
)
async def test_no_token(fault, error):
    faults = pytest.importorskip("google.auth.exceptions")
    pytest.importorskip("requests")
    credentials = Credentials(valid=False, fault=getattr(faults, fault)(f"answer with {TOKEN}"))
    with pytest.raises(error) as caught:
        await VertexAI("gemini-3.8-live", "p", credentials=credentials).dial()
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        (
            "http://a:canary-password@127.0.0.1:1",
            ConnectFailed,
            "through the proxy in HTTPS_PROXY (127.0.0.1:1)",
        ),
        ("socks5h://a:canary-password@127.0.0.1:1", ExtraMissing, "HTTPS_PROXY is a SOCKS proxy"),
    ],
)
async def test_the_proxy_on_the_way_to_the_token_server_is_named(address, error, words, monkeypatch):
    faults = pytest.importorskip("google.auth.exceptions")
    pytest.importorskip("requests")
    for name in (
        "https_proxy",
        "wss_proxy",
        "WSS_PROXY",
        "socks_proxy",
        "SOCKS_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setitem(__import__("sys").modules, "socks", None)
    credentials = Credentials(valid=False, fault=faults.TransportError("it failed"))
    with pytest.raises(error) as caught:
        await VertexAI("gemini-3.8-live", "p", credentials=credentials).dial()
    assert words in str(caught.value)
    assert "canary-password" not in str(caught.value)


async def test_without_google_auth_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "google.auth", None)
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[vertex\]"'):
        await VertexAI("gemini-3.8-live", "p").dial()


async def test_a_refused_credential():
    def refuse(connection, request):
        return connection.respond(http.HTTPStatus.UNAUTHORIZED, "")

    async def ignore(connection):
        await connection.wait_closed()

    async with serve(ignore, "127.0.0.1", 0, process_request=refuse) as server:
        base = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        vertex = VertexAI("gemini-3.8-live", "p", credentials=Credentials(), base_url=base)
        with pytest.raises(KeyRefused, match="HTTP 401"):
            await vertex.dial()


def test_another_model_of_the_same_project():
    vertex = VertexAI("gemini-3.8-live", "my-project", "europe-west4", credentials=object())
    other = vertex.with_model("gemini-live-2.5-flash-native-audio")
    assert other.model_path() == (
        "projects/my-project/locations/europe-west4/publishers/google/models/gemini-live-2.5-flash-native-audio"
    )
    assert vertex.model == "gemini-3.8-live"


def test_its_expression_names_the_project_and_no_credentials():
    credentials = "CANARY"
    vertex = VertexAI("gemini-3.8-live", "my-project", credentials=credentials, base_url="wss://example.org")
    assert to_python(vertex.expression()) == (
        'VertexAI(\n    "gemini-3.8-live",\n    project="my-project",\n    location="us-central1",\n'
        '    base_url="wss://example.org",\n)'
    )
