"""HTTP on the port of the WebSockets, over real sockets."""

import asyncio
import contextlib
import json
from functools import partial

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from livewidget.standin.front import Front
from livewidget.standin.serve import Server
from tests.standin.test_serve import PATH, port_of, standin, talk

MINT = "/v1alpha/auth_tokens"


@pytest.fixture
async def server():
    async with Server(standin(), wss_port=None) as server:
        yield server


async def exchange(port, request, *, pieces=None):
    """Send these bytes, whole or in pieces; return the status, the headers and the JSON of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces or [request]:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), json.loads(body)


def post(port, path=MINT, body=b"{}", *, host=None, extra=(), length=None):
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{port}'}",
        f"Content-Length: {len(body) if length is None else length}",
        *extra,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("path", [MINT, "/v1beta/auth_tokens", "//v1alpha/auth_tokens?alt=json"])
async def test_a_post_is_answered_with_json(server, path):
    status, head, answer = await exchange(port_of(server.ws), post(port_of(server.ws), path))
    assert status == 200
    assert "content-type: application/json" in head
    assert "cache-control: no-store" in head
    assert list(answer) == ["name"]
    assert answer["name"].startswith("auth_tokens/")


async def test_byte_by_byte_both_are_understood(server):
    port = port_of(server.ws)
    request = post(port, body=b'{"uses": 2}')
    status, _, _ = await exchange(port, None, pieces=[request[i : i + 1] for i in range(len(request))])
    assert status == 200
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    opening = (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for sign in opening.encode():
        writer.write(bytes([sign]))
        await writer.drain()
    assert b" 101 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"path": "/v1/auth_tokens"}, 404),
        ({"path": "/v1beta/models/x:generateContent"}, 404),
        ({"host": "evil.example"}, 403),
        ({"extra": ["Origin: http://evil.example"]}, 403),
        ({"extra": ["Host: 127.0.0.1"]}, 403),
        ({"length": 2_000_000}, 413),
        ({"length": "9" * 5000}, 413),
        ({"length": "-1"}, 400),
        ({"length": "2, 2"}, 400),
        ({"extra": ["Content-Length: 2"]}, 411),
        ({"extra": ["Transfer-Encoding: chunked"]}, 411),
        ({"extra": ["X: " + "x" * 20_000]}, 431),
        ({"path": "/a b"}, 400),
        ({"path": "/\x7f"}, 400),
        ({"body": b'{"uses": -1}'}, 400),
        ({"body": b'{"unknown": 1}'}, 400),
    ],
)
async def test_what_is_refused(server, request_, status):
    got, _, answer = await exchange(port_of(server.ws), post(port_of(server.ws), **request_))
    assert got == status
    assert answer["error"]["code"] == status
    assert answer["error"]["message"].count("\n") == 0


async def test_only_the_right_key_makes_tokens():
    async with Server(standin(), wss_port=None, key="canary-key") as server:
        port = port_of(server.ws)
        for extra, status in (
            (["x-goog-api-key: canary-key"], 200),
            (["x-goog-api-key: another"], 400),
            ([], 400),
        ):
            got, _, answer = await exchange(port, post(port, extra=extra))
            assert got == status
            assert "canary" not in json.dumps(answer)
        assert answer["error"]["message"] == "API key not valid. Please pass a valid API key."


async def test_a_link_that_says_nothing_is_ended_and_one_that_talks_is_not():
    async def handler(connection):
        await connection.wait_closed()

    links = set()
    front = partial(Front, links, lambda request: {}, 1.0)
    async with serve(handler, "127.0.0.1", 0, create_connection=front) as quick:
        port = next(iter(quick.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            silent = []
            for first in (b"", b"POS", b"POST / HTTP/1.1\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(first)
                silent.append((reader, writer))
            for reader, writer in silent:
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(), 20) == b""
                writer.close()
            # It is older than those.
            await asyncio.wait_for(await socket.ping(), 20)
        assert not links


async def test_a_fault_is_answered_and_logged(caplog):
    def fail(request):
        raise ZeroDivisionError

    async def handler(connection):
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0, create_connection=partial(Front, set(), fail, 5.0)) as failing:
        port = next(iter(failing.sockets)).getsockname()[1]
        status, _, answer = await exchange(port, post(port))
    assert (status, answer["error"]["status"]) == (500, "INTERNAL")
    assert "could not answer" in caplog.text


async def test_the_server_ends_links_that_have_not_said_what_they_are():
    before = asyncio.all_tasks()
    async with Server(standin(), wss_port=None) as server:
        links = []
        for first in (b"", b"PO", post(1, body=b"", length=10)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server.ws))
            writer.write(first)
            await writer.drain()
            links.append((reader, writer))
        async with connect(server.ws + PATH) as socket:
            assert await talk(socket) == "echo hello"
    for reader, writer in links:
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert asyncio.all_tasks() == before
