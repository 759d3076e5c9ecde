"""HTTP on the port of the WebSockets, over real sockets."""

import asyncio
import contextlib
import json
import ssl

import pytest
from websockets.asyncio.client import connect

from livewidget.standin import ManualClock
from livewidget.standin.serve import Server
from tests.standin.test_serve import PATH, port_of, standin, talk

MINT = "/v1alpha/auth_tokens"


@pytest.fixture
async def server():
    async with Server(standin(), wss_port=None) as server:
        yield server


async def exchange(port, request, *, pieces=None):
    """Send these bytes, whole or in pieces; return the status, the headers and the answer, parsed if it is JSON."""
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
    text = head.decode().lower()
    return int(head.split()[1]), text, json.loads(body) if "application/json" in text else body.decode()


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
        ({"length": 2_000_000}, 413),
        ({"body": b'{"uses": -1}'}, 400),
        ({"body": b'{"unknown": 1}'}, 400),
    ],
)
async def test_what_is_refused(server, request_, status):
    got, head, answer = await exchange(port_of(server.ws), post(port_of(server.ws), **request_))
    assert got == status
    assert answer["error"]["code"] == status
    assert answer["error"]["message"].count("\n") == 0
    assert "connection: close" in head


PAGE = "http://localhost:3000"


def preflight(port, origin, *more):
    lines = [
        f"OPTIONS {MINT} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: {origin}",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type,x-goog-api-client,x-goog-api-key",
        *more,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def test_a_page_that_was_named_may_make_tokens_and_read_the_answer():
    """A browser asks first, and hands no answer to the page without these headers, not even a refusal."""
    async with Server(standin(), wss_port=None, origins=[PAGE + "/index.html"], key="k") as server:
        port = port_of(server.ws)
        status, head, _ = await exchange(
            port, preflight(port, PAGE, "Access-Control-Request-Private-Network: true", "Connection: close")
        )
        assert status == 200
        assert f"access-control-allow-origin: {PAGE}\r\n" in head + "\r\n"
        assert "access-control-allow-methods: post" in head
        assert "access-control-allow-private-network: true" in head
        asked = "access-control-allow-headers: content-type,x-goog-api-client,x-goog-api-key"
        assert asked in head
        for extra, expected in (["x-goog-api-key: k"], 200), (["x-goog-api-key: wrong"], 400):
            request = post(port, extra=[f"Origin: {PAGE}", *extra])
            status, head, _ = await exchange(port, request)
            assert status == expected
            assert f"access-control-allow-origin: {PAGE}" in head
            assert "vary: origin" in head


@pytest.mark.parametrize("origins", [(), (PAGE,)])
async def test_other_pages_may_not_even_ask(origins):
    blocked = []
    async with Server(standin(), wss_port=None, origins=origins, on_refused=blocked.append) as server:
        port = port_of(server.ws)
        for origin in ("http://localhost:3001", "null", "http://localhost:3000.evil.example"):
            for request in preflight(port, origin), post(port, extra=[f"Origin: {origin}"]):
                status, head, _ = await exchange(port, request)
                assert status == 403
                assert "access-control-allow-origin" not in head
            assert [one[:2] for one in blocked] == [("origin", origin)] * 2
            blocked.clear()


async def test_the_certificate_is_valid_for_the_names_that_were_given():
    async with Server(standin(), ws_port=None, hosts=["tutor.example", "[::1]"]) as server:
        trust = ssl.create_default_context(cafile=server.cert)
        port = port_of(server.wss)
        async with connect(f"wss://tutor.example:{port}{PATH}", ssl=trust, host="127.0.0.1") as socket:
            assert await talk(socket) == "echo hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(f"wss://evil.example:{port}{PATH}", ssl=trust, host="127.0.0.1").__aenter__()


@pytest.mark.parametrize(
    "request_",
    [
        {"extra": ["Host: 127.0.0.1"]},
        {"length": "9" * 5000},
        {"length": "-1"},
        {"length": "2, 3"},
        {"extra": ["Content-Length: 3"]},
        {"extra": ["Transfer-Encoding: chunked"], "body": b"{}\r\n"},
        {"path": "/a b"},
        {"path": "/\x7f"},
    ],
)
async def test_what_is_not_http_is_refused_by_the_library(server, request_, caplog):
    status, _, _ = await exchange(port_of(server.ws), post(port_of(server.ws), **request_))
    assert status == 400
    assert "Traceback" not in caplog.text


async def test_headers_without_end_are_refused(server):
    port = port_of(server.ws)
    endless = f"POST {MINT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX: ".encode() + b"x" * 20_000
    assert (await exchange(port, endless))[0] == 400


async def test_a_body_may_come_in_chunks_but_not_without_end(server):
    port = port_of(server.ws)
    head = f"POST {MINT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    status, _, answer = await exchange(port, head + b"2\r\n{}\r\n0\r\n\r\n")
    assert (status, list(answer)) == (200, ["name"])
    piece = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    status, _, _ = await exchange(port, head + piece * 17)
    assert status == 413


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        (PATH, 426, "The Live API takes WebSocket connections only.\n"),
        ("/index.html", 404, "There is no Live API at this path.\n"),
        (MINT, 404, "There is no Live API at this path.\n"),
    ],
)
async def test_what_a_browser_that_opens_the_address_sees(server, path, status, text):
    port = port_of(server.ws)
    get = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    got, head, answer = await exchange(port, get)
    assert (got, answer) == (status, text)
    assert "content-type: text/plain" in head
    assert (status == 426) == ("upgrade: websocket" in head)


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
    async with Server(standin(), wss_port=None, request_timeout_s=1.0) as quick:
        port = port_of(quick.ws)
        async with connect(quick.ws + PATH) as socket:
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
            status, _, _ = await exchange(port, post(port, body=b"", length=2))
            assert status == 408


async def test_a_fault_is_answered_and_logged(caplog):
    class BrokenClock(ManualClock):
        def now_ms(self):
            raise ZeroDivisionError

    async with Server(standin(clock=BrokenClock()), wss_port=None) as failing:
        port = port_of(failing.ws)
        status, _, answer = await exchange(port, post(port))
    assert (status, answer["error"]["status"]) == (500, "INTERNAL")
    assert "ZeroDivisionError" in caplog.text


async def test_the_server_ends_links_that_have_not_said_what_they_are():
    before = asyncio.all_tasks()
    async with Server(standin(), wss_port=None) as server:
        links = []
        for first in (b"", b"PO", post(port_of(server.ws), body=b"", length=10)):
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
