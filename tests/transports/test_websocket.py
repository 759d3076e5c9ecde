"""A real WebSocket on the loopback."""

import asyncio
import contextlib
import http
import inspect
import logging
import socket
import ssl
import struct
import sys

import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from livewidget.errors import (
    ConfigError,
    ConnectFailed,
    ExtraMissing,
    KeyRefused,
    LiveError,
    ModelNotFound,
    QuotaExceeded,
    ServiceError,
)
from livewidget.transports.base import TransportClosed, close_quietly
from livewidget.transports.websocket import WebSocketTransport, dial, find_proxy

CANARY = "canary-key-0123456789"
# The argument came with websockets 15.
NO_PROXY = {"proxy": None} if "proxy" in inspect.signature(connect).parameters else {}
HEADERS = {"x-goog-api-key": CANARY}


@contextlib.asynccontextmanager
async def server(handler, **options):
    """Serve on a free port; gives the address."""
    async with serve(handler, "127.0.0.1", 0, **options) as running:
        scheme = "wss" if "ssl" in options else "ws"
        yield f"{scheme}://127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def echo(connection):
    side = WebSocketTransport(connection)
    with contextlib.suppress(TransportClosed):
        while True:
            await side.send(await side.receive())


async def ignore(connection):
    await connection.wait_closed()


async def test_text_and_bytes_come_back_as_they_went():
    async with server(echo) as url:
        link = await dial(url)
        for frame in ("text", b"bytes", "é" * 1000, b"", ""):
            await link.send(frame)
            assert await link.receive() == frame
        await link.close()
        await link.close()
        for act in (link.send("x"), link.receive()):
            with pytest.raises(TransportClosed) as caught:
                await act
            assert caught.value.code == 1000


async def test_what_comes_is_counted_answers_to_pings_as_well():
    async with server(ignore) as url:
        link = await dial(url)
        before = link.bytes_received
        await (await link._socket.ping())
        assert link.bytes_received > before
        await link.close()


async def test_a_cancelled_receive_loses_no_frame():
    async with server(echo) as url:
        link = await dial(url)
        receiving = asyncio.create_task(link.receive())
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        await link.send("a")
        assert await link.receive() == "a"
        await link.close()


async def test_frames_of_17_mib_pass():
    frame = "x" * (17 * 2**20)

    async def big(connection):
        await connection.send(frame)
        await connection.wait_closed()

    async with server(big) as url:
        link = await dial(url)
        assert len(await link.receive()) == len(frame)
        await link.close()


async def test_a_frame_above_the_limit_ends_the_link_with_a_reason():
    async def big(connection):
        with contextlib.suppress(Exception):
            await connection.send("x" * 1001)
        await connection.wait_closed()

    async with server(big) as url:
        link = await dial(url, max_size=1000)
        with pytest.raises(TransportClosed) as caught:
            await link.receive()
        assert caught.value.code == 1006
        assert "limit" in caught.value.reason
        await link.close()


async def test_a_link_that_is_closed_amid_a_frame_is_closed_and_nothing_else():
    async with server(ignore, max_size=1000) as url:
        link = await dial(url)
        with contextlib.suppress(TransportClosed):
            await link.send(bytes(20_000_000))
        for act in (link.receive(), link.send("x")):
            with pytest.raises(TransportClosed):
                await act
        await link.close()


@pytest.mark.parametrize(
    ("code", "reason"), [(1008, "models/x is not found"), (1011, ""), (1000, "bye"), (4999, "é" * 61)]
)
async def test_the_servers_code_and_reason_arrive(code, reason):
    async def leave(connection):
        await WebSocketTransport(connection).close(code, reason)

    async with server(leave) as url:
        link = await dial(url)
        with pytest.raises(TransportClosed) as caught:
            await link.receive()
        assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_a_reason_that_is_too_long_is_cut_between_letters():
    async def leave(connection):
        await WebSocketTransport(connection).close(1011, "é" * 100)

    async with server(leave) as url:
        link = await dial(url)
        with pytest.raises(TransportClosed) as caught:
            await link.receive()
        assert caught.value.reason == "é" * 61


async def test_a_link_that_breaks_has_code_1006():
    async def drop(connection):
        connection.transport.abort()

    async with server(drop) as url:
        link = await dial(url)
        with pytest.raises(TransportClosed) as caught:
            await link.receive()
        assert caught.value.code == 1006


async def test_the_link_is_not_compressed_has_no_delay_and_long_patience():
    async with server(echo) as url:
        link = await dial(url, headers=HEADERS)
        inner = link._socket
        raw = inner.transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert inner.protocol.extensions == []
        assert (inner.ping_interval, inner.ping_timeout) == (10, 60)
        assert inner.request.headers["x-goog-api-key"] == CANARY
        assert CANARY not in inner.request.path
        await link.close()


@pytest.mark.parametrize(
    "url",
    [
        "ws://192.0.2.1/x",
        "ws://example.invalid",
        "ws://127.0.0.1.example.invalid",
        "ws://localhost.example.invalid:80",
        "ws://[2001:db8::1]:80",
        "ws://0.0.0.0:80",
        "ws://user:password@127.0.0.1",
        "wss://user@example.invalid",
        "http://127.0.0.1",
        "127.0.0.1",
        "wss://",
        "ws://127.0.0.1:port",
        "wss://[broken",
        "",
    ],
)
async def test_addresses_that_are_refused_without_dialling(url, monkeypatch):
    def dialled(*args, **kwargs):
        raise AssertionError("dialled")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", dialled)
    with pytest.raises(ConfigError) as caught:
        await dial(url, headers=HEADERS)
    assert "\n" not in str(caught.value)
    assert "password" not in str(caught.value) or "must not hold" in str(caught.value)


async def test_the_check_of_dialling_would_see_it(monkeypatch):
    def dialled(*args, **kwargs):
        raise AssertionError("dialled")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", dialled)
    with pytest.raises(AssertionError, match="dialled"):
        await dial("ws://127.0.0.1:9")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, KeyRefused),
        (403, ServiceError),
        (404, ModelNotFound),
        (409, ConnectFailed),
        (429, QuotaExceeded),
        (500, ConnectFailed),
        (503, ConnectFailed),
    ],
)
async def test_http_refusals(status, error):
    def refuse(connection, request):
        return connection.respond(http.HTTPStatus(status), f"{CANARY}\n")

    async with server(ignore, process_request=refuse) as url:
        with pytest.raises(error) as caught:
            await dial(url, headers=HEADERS)
    assert f"HTTP {status}" in str(caught.value)
    check_plain(caught.value, url)


def check_plain(error, url):
    """One sentence or two that name the host, and nothing of the request."""
    text = str(error)
    assert url.partition("://")[2] in text
    assert "\n" not in text
    assert CANARY not in text + repr(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@contextlib.asynccontextmanager
async def answering(status, body=b"", headers=()):
    """A server that gives one answer to every request; gives the address."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        yield f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        await ended.wait()


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (b'{"error": {"code": 400, "message": "Something new."}}', "Something new."),
        (b'[{"error": {"message": "Wrapped in a list."}}]', "Wrapped in a list."),
        (b'{"error": "plain"}', "plain"),
        (b'{"message": "of a gateway"}', "of a gateway"),
        (b'{"detail": "of a framework"}', "of a framework"),
        (b"Invalid Host header", "Invalid Host header"),
        (f"{CANARY} is odd, and so is Bearer {CANARY}".encode(), "… is odd, and so is Bearer …"),
        (b"<html><body>Forbidden</body></html>", None),
        (b"", None),
        (b"\xff\xfe\x00", "��"),
        (b"a\x1b[31mb", "a [31mb"),
        (b"x " * 1000, None),
        (b'{"error": {"message": "' + b"a " * 500 + b'"}}', "a " * 79 + "a"),
        (b"[" * 100_000, None),
        (b"{", None),
        (b"7", None),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500, 503])
async def test_what_a_refusal_says_is_kept(status, body, quoted):
    """The server's own reason, whatever it looks like; a page is none, and no secret is repeated."""
    async with answering(status, body) as url:
        with pytest.raises(LiveError) as caught:
            await dial(url, headers=HEADERS)
    assert caught.value.reason == ((quoted or "").strip())
    assert ("It said:" in str(caught.value)) is bool(quoted)
    assert quoted is None or f'It said: "{quoted.strip()}"' in str(caught.value)
    check_plain(caught.value, url)


async def test_a_403_is_not_taken_for_a_bad_key():
    for body in (b"Invalid Host header", b""):
        async with answering(403, body) as url:
            with pytest.raises(ServiceError) as caught:
                await dial(url, headers=HEADERS)
        assert not isinstance(caught.value, KeyRefused)
        assert "key" not in str(caught.value)


NOW = "Tue, 24 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        (["Retry-After: 30"], b"", 30),
        (["retry-after: 0"], b"", 0),
        (["Retry-After:  7.5 "], b"", 7.5),
        ([f"Date: {NOW}", "Retry-After: Tue, 24 Nov 2026 10:02:00 GMT"], b"", 120),
        ([f"Date: {NOW}", "Retry-After: Tue, 24 Nov 2026 09:00:00 GMT"], b"", 0),
        (["Retry-After: soon"], b"", None),
        (["Retry-After: -5"], b"", None),
        (["Retry-After: " + "9" * 400], b"", None),
        ([], b"", None),
        ([], b'{"error": {"details": [{"@type": "RetryInfo", "retryDelay": "34.5s"}]}}', 34.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_how_long_a_refusal_asks_to_wait(status, headers, body, seconds):
    async with answering(status, body, headers) as url:
        with pytest.raises(LiveError) as caught:
            await dial(url, headers=HEADERS)
    assert caught.value.retry_after_s == seconds
    assert ("try again in a while" in str(caught.value)) is (seconds is None)
    if seconds:
        assert f"try again in {max(1, seconds):.0f} s" in str(caught.value)


@pytest.mark.parametrize("moment", ["accepted", "asked", "half a line"])
@pytest.mark.parametrize("how", ["FIN", "RST"])
async def test_a_server_that_breaks_off_in_the_handshake_has_not_answered(moment, how):
    """Where nothing came, it is not said that somebody answered and is no Live API server."""

    async def handle(reader, writer):
        if moment != "accepted":
            await reader.readuntil(b"\r\n\r\n")
        if moment == "half a line":
            writer.write(b"HTTP/1.1 1")
            await writer.drain()
        if how == "RST":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.release()

    ended = asyncio.Semaphore(0)
    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        url = f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        for address in (url, url.replace("ws", "wss", 1))[: 2 if moment == "accepted" else 1]:
            with pytest.raises(ConnectFailed, match="broke the connection off before") as caught:
                async with asyncio.timeout(5):
                    await dial(address, headers=HEADERS)
            check_plain(caught.value, url)
            await ended.acquire()


async def test_a_redirect_is_not_followed_with_the_key():
    reached = []

    async def thief(connection):
        reached.append(connection.request.headers.get("x-goog-api-key"))

    async with server(thief) as elsewhere:

        def redirect(connection, request):
            response = connection.respond(http.HTTPStatus.FOUND, "")
            response.headers["Location"] = elsewhere
            return response

        async with server(ignore, process_request=redirect) as url:
            with pytest.raises(ConnectFailed, match="sends elsewhere") as caught:
                await dial(url, headers=HEADERS)
            check_plain(caught.value, url)
            assert reached == []
            if not hasattr(connect, "process_redirect"):
                return  # Before version 14, websockets follows none.
            # Without the defence the key goes along: the test would see it.
            async with connect(url, additional_headers=HEADERS, **NO_PROXY):
                pass
    assert reached == [CANARY]


# --- Proxies ------------------------------------------------------------------------------------------------

proxies = pytest.mark.skipif(not NO_PROXY, reason="websockets before 15 knows no proxies")
PASSWORD = "canary-of-a-proxy"
AWAY = "wss://nowhere.invalid"
VARIABLES = [
    name for scheme in ("wss", "socks", "https", "http", "all", "no") for name in (f"{scheme}_proxy",)
]


@pytest.fixture
def environment(monkeypatch):
    """Sets variables, after all that name a proxy were taken away."""
    for name in VARIABLES:
        for spelt in (name, name.upper()):
            monkeypatch.delenv(spelt, raising=False)
    return monkeypatch.setenv


@contextlib.asynccontextmanager
async def proxy_server(says: bytes, how="FIN"):
    """A server that says something to whoever comes through it; gives its address without a scheme."""

    async def handle(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.read(1000)
            writer.write(says)
            await writer.drain()
        if how == "RST":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "hang":
            await reader.read()  # until the client has had enough
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        await ended.wait()


def check_proxy(error, name):
    """It names the variable, and no password, and what may be done."""
    text = str(error)
    assert name in text
    assert PASSWORD not in text + repr(error)
    assert "generativelanguage" not in text
    assert "\n" not in text
    assert error.__cause__ is None
    assert error.__suppress_context__ or isinstance(error, ExtraMissing)


@proxies
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "WSS_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", "https://", ""])
async def test_a_proxy_that_is_not_there(name, scheme, environment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        environment(name, f"{scheme}somebody:{PASSWORD}@{at}")
        with pytest.raises(ConnectFailed, match=f"Nothing listens at {at}, the proxy in {name}") as caught:
            await dial(AWAY, headers=HEADERS)
    check_proxy(caught.value, name)


@proxies
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
async def test_a_socks_proxy_without_its_package(name, scheme, environment, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_socks", None)
    environment(name, f"{scheme}://somebody:{PASSWORD}@127.0.0.1:1080")
    with pytest.raises(ExtraMissing, match="pip install python-socks") as caught:
        await dial(AWAY, headers=HEADERS)
    check_proxy(caught.value, name)


@proxies
@pytest.mark.parametrize(
    ("says", "how", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "FIN", "a name and a"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "FIN", r"did not let .* \(HTTP 403\)"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "FIN", r"did not let .* \(HTTP 502\)"),
        (b"SSH-2.0-OpenSSH\r\n", "FIN", "did not answer as a proxy|broken off"),
        (b"", "FIN", "did not answer as a proxy|broken off"),
        (b"", "RST", "did not answer as a proxy|broken off"),
        (b"", "hang", r"within 0\.2 s through the proxy"),
    ],
)
async def test_a_proxy_that_does_not_let_through(says, how, words, environment):
    async with proxy_server(says, how) as at:
        environment("ALL_PROXY", f"http://somebody:{PASSWORD}@{at}")
        with pytest.raises(ConnectFailed, match=words) as caught:
            await dial(AWAY, headers=HEADERS, open_timeout=0.2 if how == "hang" else 10)
    check_proxy(caught.value, "ALL_PROXY")


@proxies
@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1:1", "http://", "http://127.0.0.1:1/path", "http://u@h:1"]
)
async def test_an_address_that_is_not_that_of_a_proxy(address, environment):
    environment("HTTPS_PROXY", address)
    with pytest.raises(ConfigError, match="does not hold the address of a proxy") as caught:
        await dial(AWAY, headers=HEADERS)
    check_proxy(caught.value, "HTTPS_PROXY")


@proxies
async def test_a_proxy_whose_name_is_not_known(environment):
    environment("HTTPS_PROXY", f"http://a:{PASSWORD}@proxy.invalid:3128")
    with pytest.raises(ConnectFailed, match=r"proxy\.invalid:3128\) cannot be found") as caught:
        await dial(AWAY, headers=HEADERS)
    check_proxy(caught.value, "HTTPS_PROXY")


def test_which_proxy_is_taken(environment):
    def name(url=AWAY):
        found = find_proxy(url)
        return found and found.name

    assert name() is None
    environment("ALL_PROXY", "http://127.0.0.1:1")
    assert (name(), name("ws://127.0.0.1:1"), name("wss://localhost:1")) == ("ALL_PROXY", None, None)
    environment("HTTPS_PROXY", "http://127.0.0.1:2")
    assert name() == "HTTPS_PROXY"
    environment("WSS_PROXY", "http://127.0.0.1:2")
    assert name() == "WSS_PROXY"
    environment("NO_PROXY", "nowhere.invalid")
    assert name() is None
    assert PASSWORD not in repr(find_proxy("wss://else.invalid"))


@proxies
async def test_through_a_proxy_there_is_a_way(environment):
    """The negative control: a proxy that lets through, to a server that answers."""
    async with server(echo) as url:
        target = url.removeprefix("ws://").split(":")
        over = asyncio.Event()

        async def tunnel(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            far_reader, far_writer = await asyncio.open_connection(*target)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

            async def pump(source, sink):
                with contextlib.suppress(ConnectionError):
                    while data := await source.read(4096):
                        sink.write(data)
                sink.close()
                with contextlib.suppress(ConnectionError):
                    await sink.wait_closed()

            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
            over.set()

        listener = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        async with listener:
            at = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
            link = await dial(url, proxy=f"http://{at}")
            await link.send("hello")
            assert await link.receive() == "hello"
            await link.close()
            await over.wait()


async def test_nothing_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConnectFailed, match="Nothing listens") as caught:
            await dial(url, headers=HEADERS)
    check_plain(caught.value, url)


async def test_a_name_that_does_not_exist():
    with pytest.raises(ConnectFailed, match="cannot be found") as caught:
        await dial("wss://nowhere.invalid", headers=HEADERS, proxy=False)
    check_plain(caught.value, "wss://nowhere.invalid")


@contextlib.asynccontextmanager
async def other_server(says: bytes):
    """A TCP server that is none of ours; gives the address."""
    ended = asyncio.Event()

    async def handle(reader, writer):
        if says:
            writer.write(says)
        else:
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        yield f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        await ended.wait()


async def test_a_server_that_accepts_and_says_nothing():
    async with other_server(b"") as url:
        with pytest.raises(ConnectFailed, match=r"within 0\.05 s") as caught:
            await dial(url, headers=HEADERS, open_timeout=0.05)
    check_plain(caught.value, url)


async def test_a_server_that_is_none():
    async with other_server(b"SSH-2.0-OpenSSH\r\n\r\n") as url:
        with pytest.raises(
            ConnectFailed, match=r"not as a Live API server|broke the connection off"
        ) as caught:
            await dial(url, headers=HEADERS)
    check_plain(caught.value, url)


@pytest.fixture
def certificate(tmp_path):
    """A certificate of its own for 127.0.0.1: the file to trust, and that of the server with its key."""
    authority = trustme.CA()
    trusted, served = tmp_path / "authority.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(trusted)
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(served)
    return str(trusted), str(served)


async def test_tls_is_verified(certificate, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1])
    async with server(echo, ssl=context) as url:
        with pytest.raises(ConnectFailed, match="not trusted") as caught:
            await dial(url, headers=HEADERS)
        check_plain(caught.value, url)
        link = await dial(url, headers=HEADERS, cafile=certificate[0])
        await link.send("safe")
        assert await link.receive() == "safe"
        await link.close()
        port = url.rpartition(":")[2]
        with pytest.raises(ConnectFailed, match="not trusted"):
            await dial(f"wss://localhost:{port}", headers=HEADERS, cafile=certificate[0])
    for bad in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with contextlib.suppress(FileExistsError):
            (tmp_path / "empty.pem").touch()
        with pytest.raises(ConfigError, match="cafile") as refused:
            await dial(url, cafile=str(bad))
        assert str(tmp_path) not in str(refused.value)


async def test_plain_where_encryption_is_expected():
    async with server(echo) as url:
        with pytest.raises(ConnectFailed, match="broke the connection off"):
            await dial(url.replace("ws://", "wss://"), headers=HEADERS)


async def test_the_key_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    quiet = logging.getLogger("test.server")
    quiet.setLevel(logging.ERROR)
    async with server(echo, logger=quiet) as url:
        link = await dial(url, headers=HEADERS)
        await link.send("hello")
        await link.close()
        assert CANARY not in caplog.text
        # What websockets does by itself at this level:
        async with connect(url, additional_headers=HEADERS, **NO_PROXY):
            pass
        assert CANARY in caplog.text


async def test_closing_quietly_does_not_wait_for_a_server_that_hangs():
    class Hanging:
        async def close(self):
            await asyncio.Event().wait()

    async with asyncio.timeout(2):
        await close_quietly(Hanging(), within=0.01)
