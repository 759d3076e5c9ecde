import asyncio
import contextlib
import json
import logging
import os
import socket
import ssl
import stat
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget.serving import certificate
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice
from tests.standin.test_serve_paths import PATH
from tests.test_serving import TABLE

SETUP = json.dumps({"setup": {"model": "models/offline-tutor", "outputAudioTranscription": {}}})


def standin(clock=None):
    return StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=clock or VirtualClock())


@pytest.fixture
async def server():
    async with Server(standin()) as server:
        yield server


async def shake(port, host, origin, extra=()):
    """Open a WebSocket by hand, with exactly these headers; return the HTTP status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {PATH} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", *extra]  # fmt: skip
    if origin is not None:
        lines.append(f"Origin: {origin}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status = int((await asyncio.wait_for(reader.readline(), 5)).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def placed(text, port):
    """The table is written for port 9080."""
    return text and text.replace("9080", str(port)).replace("9081", str(port + 1))


async def test_hosts_and_origins_over_a_real_socket(server):
    port = port_of(server.ws)
    for host, origin, allowed in TABLE:
        status = await shake(port, placed(host, port), placed(origin, port))
        assert status == (101 if allowed else 403), (host, origin)
    again = [f"Host: 127.0.0.1:{port}"]
    assert await shake(port, f"127.0.0.1:{port}", None, again) in (400, 403)


async def test_a_server_without_the_guard_lets_them_all_in():
    """The control: it is the guard that refuses them, not the library nor the way they are sent."""

    async def handler(connection):
        await connection.wait_closed()

    async with serve(handler, "127.0.0.1", 0) as open_server:
        port = next(iter(open_server.sockets)).getsockname()[1]
        for host, origin, _ in TABLE:
            assert await shake(port, placed(host, port), placed(origin, port)) == 101, (host, origin)


async def test_nothing_but_loopback_is_listened_on(server):
    for url in (server.ws, server.wss):
        assert url.split("//")[1].startswith("127.0.0.1:")


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="the server's end of a link is found by its file"
)
async def test_small_frames_are_sent_at_once(server):
    """Without TCP_NODELAY, an answer of several frames waits 40 ms for the client's acknowledgement."""
    found = []
    async with connect(server.ws + PATH):
        for number in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as link:
                if link.family == socket.AF_INET and link.getsockname()[1] == port_of(server.ws):
                    link.getpeername()  # the listening one has none
                    found.append(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    assert len(found) == 1
    assert found[0] != 0


async def test_other_paths_are_not_found(server):
    with pytest.raises(InvalidStatus) as error:
        await connect(server.ws + "/index.html").__aenter__()
    assert error.value.response.status_code == 404


async def talk(socket, text="hello"):
    await socket.send(SETUP)
    assert json.loads(await socket.recv()) == {"setupComplete": {}}
    await socket.send(json.dumps({"realtimeInput": {"text": text}}))
    said = ""
    async for frame in socket:
        assert isinstance(frame, bytes)
        content = json.loads(frame).get("serverContent", {})
        said += content.get("outputTranscription", {}).get("text", "")
        if content.get("turnComplete"):
            return said
    raise AssertionError("closed before the turn was complete")


async def test_both_ports_talk_and_the_certificate_is_to_be_trusted(server):
    line = json.loads(server.ready_line())
    assert set(line) == {"ws", "wss", "cert"}
    assert "\n" not in server.ready_line()
    context = ssl.create_default_context(cafile=line["cert"])
    async with connect(line["ws"] + "/" + PATH) as plain:
        assert await talk(plain) == "echo hello"
    async with connect(line["wss"] + PATH, ssl=context) as secure:
        assert await talk(secure) == "echo hello"
    async with connect(
        line["wss"].replace("127.0.0.1", "localhost") + PATH, ssl=context, host="127.0.0.1"
    ) as named:
        assert await talk(named) == "echo hello"


async def test_without_the_certificate_there_is_no_trust(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(server.wss + PATH, ssl=ssl.create_default_context()).__aenter__()


async def test_the_certificate_goes_with_the_server():
    async with Server(standin()) as server:
        assert exists(server.cert)
    assert not exists(server.cert)


def exists(path):
    return Path(path).parent.exists() and Path(path).exists()


def test_the_key_stays_in_no_file():
    with certificate() as (_, path):
        folder = path.parent
        assert [path.name for path in folder.iterdir()] == ["cert.pem"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "PRIVATE" not in path.read_text()
    assert not folder.exists()


def test_a_strict_client_accepts_the_certificate():
    with certificate() as (context, path):
        strict = ssl.create_default_context(cafile=path)
        strict.verify_flags |= ssl.VERIFY_X509_STRICT
        inbound, outbound, other_in, other_out = (ssl.MemoryBIO() for _ in range(4))
        client = strict.wrap_bio(inbound, outbound, server_hostname="127.0.0.1")
        host = context.wrap_bio(other_in, other_out, server_side=True)
        for _ in range(4):
            for one in (client, host):
                with contextlib.suppress(ssl.SSLWantReadError):
                    one.do_handshake()
                other_in.write(outbound.read())
                inbound.write(other_out.read())
        assert client.version() == "TLSv1.3"


async def test_one_port_alone():
    async with Server(standin(), wss_port=None) as server:
        assert json.loads(server.ready_line()) == {"ws": server.ws, "wss": None, "cert": None}
        async with connect(server.ws + PATH) as socket:
            assert await talk(socket) == "echo hello"


KEY = "canary-key-1234567890"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"


@pytest.mark.parametrize(
    ("query", "headers", "right"),
    [
        ("", {"x-goog-api-key": KEY}, True),
        (f"?key={KEY}", {}, True),
        ("", {"Authorization": f"Bearer {KEY}"}, True),
        ("", {"Authorization": f"Token {KEY}"}, True),
        ("", {}, False),
        ("?key=wrong", {}, False),
        ("", {"x-goog-api-key": KEY[:-1]}, False),
    ],
)
async def test_a_wrong_key_is_told_after_the_first_message(query, headers, right, caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        Server(standin(), wss_port=None, key=KEY) as server,
        connect(server.ws + PATH + query, additional_headers=headers, logger=quiet()) as socket,
    ):
        if right:
            assert await talk(socket) == "echo hello"
        else:
            await socket.send(SETUP)
            with pytest.raises(ConnectionClosed) as error:
                await socket.recv()
            assert error.value.rcvd.code == 1007
            assert error.value.rcvd.reason == "API key not valid. Please pass a valid API key."
    assert KEY not in caplog.text
    assert KEY not in repr(server)
    assert KEY not in server.ready_line()


def quiet():
    """The client's own log would show the key: it is the server's that is looked at."""
    logger = logging.getLogger("tests.quiet")
    logger.setLevel(logging.CRITICAL)
    return logger


async def test_any_key_will_do_where_none_is_set(server):
    async with connect(server.ws + PATH, additional_headers={"x-goog-api-key": "anything"}) as socket:
        assert await talk(socket) == "echo hello"


async def test_drop_breaks_the_link_without_a_close_frame():
    tutor = standin()
    async with Server(tutor, wss_port=None) as server, connect(server.ws + PATH) as socket:
        await talk(socket)
        tutor.simulate("drop")
        with pytest.raises(ConnectionClosed) as error:
            await asyncio.wait_for(socket.recv(), 5)
        assert error.value.rcvd is None


async def test_the_server_ends_while_sessions_run_and_leaves_nothing():
    async with Server(standin(), wss_port=None) as server:
        sockets = [await connect(server.ws + PATH).__aenter__() for _ in range(3)]
        for socket in sockets:
            await socket.send(SETUP)
            await socket.recv()
    for socket in sockets:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        await socket.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("stand-in")]


async def test_clients_are_told_that_the_server_goes_away():
    async with Server(standin()) as server:
        trust = ssl.create_default_context(cafile=server.cert)
        plain = await connect(server.ws + PATH).__aenter__()
        secure = await connect(server.wss + PATH, ssl=trust).__aenter__()
        for socket in (plain, secure):
            await socket.send(SETUP)
            await socket.recv()
    for socket in (plain, secure):
        with pytest.raises(ConnectionClosed) as error:
            await asyncio.wait_for(socket.recv(), 5)
        assert (error.value.rcvd.code, error.value.rcvd.reason) == (1001, "")
        await socket.close()


async def test_a_client_that_answers_no_close_frame_does_not_hold_the_server():
    loop = asyncio.get_running_loop()
    async with Server(standin(), wss_port=None) as server:
        port = port_of(server.ws)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        began = loop.time()
    assert loop.time() - began < 10
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b"\x88\x02\x03\xe9"  # a close frame, with 1001
    writer.close()


@pytest.mark.parametrize(
    ("path", "origin", "status", "text"),
    [
        (PATH, "http://evil.example", 403, "Pages of other origins may not use this server.\n"),
        ("/index.html", None, 404, "There is no Live API at this path.\n"),
        (VERTEX, None, 401, "Request had invalid authentication credentials.\n"),
    ],
)
async def test_an_upgrade_is_refused_with_a_sentence(path, origin, status, text, caplog):
    async with Server(standin(), wss_port=None, key=KEY) as server:
        with pytest.raises(InvalidStatus) as error:
            await connect(server.ws + path, origin=origin, logger=quiet()).__aenter__()
    response = error.value.response
    assert (response.status_code, response.body.decode()) == (status, text)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_the_largest_message_is_taken_in_pieces_or_whole(server):
    """What it holds is refused, and with that it has been read."""
    for pieces in (1, 4):
        async with connect(server.ws + PATH) as socket:
            await socket.send(SETUP)
            await socket.recv()
            size = 16 * 1024 * 1024 // pieces
            await socket.send(["x" * size] * pieces)
            with pytest.raises(ConnectionClosed) as error:
                await asyncio.wait_for(socket.recv(), 20)
            assert error.value.rcvd.code == 1007


@pytest.mark.parametrize("pieces", [1, 4])
async def test_who_sends_too_much_is_told_so(server, pieces):
    """Also when all of it is on its way already: bytes that nobody reads would make the kernel reset the link."""
    trust = ssl.create_default_context(cafile=server.cert)
    for url, options in ((server.ws, {}), (server.wss, {"ssl": trust})):
        async with connect(url + PATH, **options) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(["x" * (18 * 1024 * 1024 // pieces)] * pieces)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 20)
            assert closed.value.rcvd.code == 1009
            assert "bytes" in closed.value.rcvd.reason


async def test_a_large_frame_is_taken(server):
    silence = json.dumps(
        {"realtimeInput": {"audio": {"data": "A" * 4_000_000, "mimeType": "audio/pcm;rate=16000"}}}
    )
    async with connect(server.ws + PATH) as socket:
        await socket.send(SETUP)
        await socket.recv()
        await socket.send(silence)
        await socket.send(json.dumps({"realtimeInput": {"text": "after"}}))
        frames = [json.loads(await asyncio.wait_for(socket.recv(), 10)) for _ in range(2)]
    assert np.all([("serverContent" in frame) for frame in frames])


async def test_a_frame_beyond_measure_is_refused_by_its_first_bytes(server):
    async with connect(server.ws) as client:
        text, masked = 0x81, 0x80 | 127
        length = 16 * 1024 * 1024 + 1
        client.transport.write(bytes([text, masked]) + length.to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), 10)
    assert closed.value.rcvd.code == 1009


# --- Who opens a socket and says nothing --------------------------------------------------------------------


async def test_a_socket_that_sends_no_setup_is_closed_in_time():
    """The kind: what somebody opens and never uses, and this server would keep."""
    async with (
        Server(standin(), wss_port=None, setup_timeout_s=0.1) as server,
        connect(server.ws + PATH) as link,
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await link.recv()
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "No setup came within 0.1 s.")


async def test_a_setup_that_comes_in_pieces_and_never_whole_is_none():
    async with (
        Server(standin(), wss_port=None, setup_timeout_s=0.2) as server,
        connect(server.ws + PATH) as link,
    ):

        async def dribble():
            for piece in SETUP:
                yield piece
                await asyncio.sleep(0.02)

        with contextlib.suppress(ConnectionClosed):
            await link.send(dribble())
        with pytest.raises(ConnectionClosed) as closed:
            await link.recv()
    assert closed.value.rcvd.code == 1008


async def test_a_session_may_be_silent_for_as_long_as_it_likes():
    async with (
        Server(standin(), wss_port=None, setup_timeout_s=0.1) as server,
        connect(server.ws + PATH) as link,
    ):
        await link.send(SETUP)
        assert "setupComplete" in json.loads(await link.recv())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.recv(), 0.3)


async def test_no_more_than_so_many_wait_at_once_and_a_place_is_given_back():
    async with (
        Server(standin(), wss_port=None, most_waiting=3) as server,
        contextlib.AsyncExitStack() as stack,
    ):
        links = [await stack.enter_async_context(connect(server.ws + PATH)) for _ in range(3)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.ws + PATH)
        assert refused.value.response.status_code == 503
        # One that has sent its setup does not count, nor does one that has left.
        await links[0].send(SETUP)
        assert "setupComplete" in json.loads(await links[0].recv())
        links.append(await stack.enter_async_context(connect(server.ws + PATH)))
        with pytest.raises(InvalidStatus):
            await connect(server.ws + PATH)
        await links[1].close()
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(InvalidStatus):
                    await stack.enter_async_context(connect(server.ws + PATH))
                    break
                await asyncio.sleep(0.01)


async def test_two_hundred_sockets_are_far_too_many():
    async with Server(standin(), wss_port=None) as server, contextlib.AsyncExitStack() as stack:
        refused = 0
        for _ in range(200):
            try:
                await stack.enter_async_context(connect(server.ws + PATH))
            except InvalidStatus:
                refused += 1
    assert refused == 200 - 64
