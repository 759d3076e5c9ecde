import asyncio

import pytest

from livewidget.errors import ConfigError, ConnectFailed
from livewidget.standin.serve import Server
from livewidget.transports.websocket import post
from tests.standin.test_serve import standin

KEY = "canary-key-0123456789"


async def test_what_is_sent_and_what_comes_back():
    async with Server(standin(), key=KEY) as server:
        for url, cafile in ((server.ws, None), (server.wss, server.cert)):
            for key, status in ((KEY, 200), ("another", 400)):
                got, body, _ = await post(
                    f"{url}/v1alpha/auth_tokens", b"{}", headers={"x-goog-api-key": key}, cafile=cafile
                )
                assert got == status
                assert body.startswith(b"{")


async def test_a_certificate_that_is_not_trusted():
    async with Server(standin(), ws_port=None) as server:
        with pytest.raises(ConnectFailed, match="not trusted"):
            await post(f"{server.wss}/v1alpha/auth_tokens", b"{}", headers={"x-goog-api-key": KEY})


@pytest.mark.parametrize(
    "url", ["ws://example.org/x", "http://127.0.0.1/x", "wss://", "wss://u:p@example.org"]
)
async def test_addresses_that_are_not_asked(url):
    with pytest.raises(ConfigError):
        await post(url, b"{}", headers={})


async def test_a_server_that_says_nothing_or_no_http(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # this computer is never behind one

    async def silent(reader, writer):
        await reader.read()  # until the client has had enough
        writer.close()

    async def rude(reader, writer):
        await reader.readuntil(b"{}")
        writer.write(b"hello\r\n\r\n")
        writer.close()

    async def closing(reader, writer):
        await reader.readuntil(b"{}")
        writer.close()

    for handler, timeout_s, words in (
        (silent, 0.2, "did not answer within 0.2 s"),
        (rude, 20, "not as a Live API"),
        (closing, 20, "broke"),
    ):
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        with pytest.raises(ConnectFailed, match=words) as caught:
            await post(url, b"{}", headers={"x-goog-api-key": KEY}, timeout_s=timeout_s)
        assert caught.value.__suppress_context__
        server.close()


async def test_the_key_is_not_taken_elsewhere():
    asked = []

    async def elsewhere(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    other = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    place = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}/"

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    status, *_ = await post(url, b"{}", headers={"x-goog-api-key": KEY})
    assert status == 302
    assert asked == []
    server.close()
    other.close()
