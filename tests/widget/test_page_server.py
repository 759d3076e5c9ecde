"""Who may come in, and what everybody else gets. Real sockets; the host is a record, or a talk with the stand-in."""

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import os
import re
import socket
import stat
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget.clock import ManualClock
from livewidget.errors import StateError
from livewidget.ui.links import Links
from livewidget.widget import page_server
from livewidget.widget.page_server import (
    MOST_OPENING,
    MOST_ORIGINS,
    Hosted,
    PageServer,
    find_browser,
    link_to,
)

LINK = Path(__file__).parents[2] / "js" / "src" / "link.ts"
QUIET = logging.Logger("the client's own")  # of no tree
LAB = "http://localhost:8888"
USED = "This address was used before, or is too old: open the page anew from the notebook.\n"


class Served:
    """A server with one widget that only counts what comes."""

    def __init__(self):
        self.clock = ManualClock()
        self.server = PageServer(self.clock)
        self.received = []
        self.opened = []
        self.hosted = self.widget()

    def widget(self):
        links = Links(
            None,
            receive=lambda text, buffers, client: self.received.append((client, text)) or True,
            repeat=lambda client: None,
            pages=list,
        )
        return Hosted(self.server, links, "Tutor <1>", lambda: self.opened.append(1))

    async def get(self, name="", *, host=None, method="GET", path=None, **headers):
        """Return status, headers and text of an answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        path = self.hosted.path + name if path is None else path
        lines = [f"{method} {path} HTTP/1.1"]
        hosts = [f"127.0.0.1:{self.server.port}"] if host is None else host
        lines += [f"Host: {one}" for one in hosts]
        lines += [f"{key.replace('_', '-')}: {value}" for key, value in headers.items()]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        return int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body.decode()

    async def cookie(self, host=None):
        token = self.hosted.page_url().partition("#")[2]
        status, headers, _ = await self.get("session", Authorization=f"Bearer {token}", host=host)
        assert status == 204
        return headers["Set-Cookie"]

    def connect(self, origin, **more):
        address = f"ws://127.0.0.1:{self.server.port}{self.hosted.path}socket"
        return connect(address, origin=origin, compression=None, proxy=None, **more)


@pytest.fixture
async def served():
    made = Served()
    yield made
    await made.hosted.end()
    assert made.server.port == 0


def first_frame(client="a", token=""):
    return json.dumps({"client": client, "tab": "t", "token": token})


async def refused(socket, frame):
    """Return what a page is told in place of a greeting, and the close code."""
    await socket.send(frame)
    told = json.loads(await socket.recv())
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    return told["error"], closed.value.rcvd.code


# --- Files and sessions ----------------------------------------------------------------------------------


async def test_a_companion_page_may_connect_to_the_service_where_it_is_to_and_nowhere_else(served):
    served.hosted.page_url()
    policy = "Content-Security-Policy"
    assert "; connect-src 'self'; " in (await served.get())[1][policy]
    services = ["wss://service.example:8443"]
    served.hosted.services = lambda: services
    assert "; connect-src 'self' wss://service.example:8443; " in (await served.get())[1][policy]
    assert "; connect-src 'self'; " in (await served.get("widget.js"))[1][policy]
    services.clear()  # the model was changed for one that is not direct
    assert "; connect-src 'self'; " in (await served.get())[1][policy]


async def test_a_card_that_knocks_is_told_that_this_is_the_server_and_no_more(served):
    served.hosted.page_url()
    status, headers, body = await served.get("here")
    assert status == 200
    script = body.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in headers["Content-Security-Policy"]
    assert "frame-ancestors" not in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
    constant = re.search(r'const HERE = "(.+)";', LINK.read_text())[1]
    assert script == f"parent.postMessage('{constant}', '*')"
    status, _, _ = await served.get(path="/0123456789abcdef/here")
    assert status == 404
    status, _, _ = await served.get("here", host=["evil.example.org"])
    assert status == 403


async def test_a_companion_page_is_one_address_for_one_use(served):
    address = served.hosted.page_url()
    base, _, token = address.partition("#")
    assert base == f"http://127.0.0.1:{served.server.port}/{served.hosted.id}/"
    status, headers, body = await served.get()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Tutor &lt;1&gt;</title>" in body
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "script-src 'self' blob:"):
        assert rule in headers["Content-Security-Policy"]
    assert (headers["Referrer-Policy"], headers["X-Content-Type-Options"]) == ("no-referrer", "nosniff")
    assert "Server" not in headers
    kinds = {"widget.js": "text/javascript", "page.js": "text/javascript", "widget.css": "text/css"}
    for name, kind in kinds.items():
        status, headers, body = await served.get(name)
        assert (status, headers["Content-Type"].split(";")[0], len(body) > 50) == (200, kind, True)
    assert (await served.get("session"))[::2] == (403, USED)
    status, headers, _ = await served.get("session", Authorization=f"Bearer {token}")
    assert status == 204
    name, _, rest = headers["Set-Cookie"].partition("=")
    value, *rules = rest.split("; ")
    assert (name, rules) == (f"livewidget-{served.hosted.id}", ["HttpOnly", "SameSite=Strict"])
    assert len(value) == 32
    assert served.opened == [1]


async def test_a_token_opens_one_page_and_its_cookie_lets_that_be_loaded_again(served):
    token = served.hosted.page_url().partition("#")[2]
    cookie = (await served.get("session", Authorization=f"Bearer {token}"))[1]["Set-Cookie"].split(";")[0]
    assert (await served.get("session", Authorization=f"Bearer {token}"))[::2] == (403, USED)
    status, headers, _ = await served.get("session", Cookie=f"other=1; {cookie}")
    assert (status, "Set-Cookie" in headers) == (204, False)
    # The same browser opens the used address again.
    assert (await served.get("session", Authorization=f"Bearer {token}", Cookie=cookie))[0] == 204
    assert (await served.get("session", Cookie=cookie[:-1] + "-"))[0] == 403
    served.clock.advance(12 * 3_600_000 + 1)
    assert (await served.get("session", Cookie=cookie))[::2] == (403, USED)


async def test_a_token_grows_old(served):
    token = served.hosted.page_url(10.0).partition("#")[2]
    served.clock.advance(10_000)
    assert (await served.get("session", Authorization=f"Bearer {token}"))[::2] == (403, USED)


async def test_the_tokens_of_sockets_and_of_other_widgets_open_no_page(served):
    other = served.widget()
    offer = served.hosted.offer("a", LAB)
    for token in (offer.token, other.page_url().partition("#")[2], "", "x" * 5000):
        assert (await served.get("session", Authorization=f"Bearer {token}"))[0] == 403
    assert (await served.get("session", Authorization=f"Basic {offer.page_token}"))[0] == 403
    assert (await served.get("session", Authorization=f"Bearer {offer.page_token}"))[0] == 204
    await other.end()


async def test_the_cookie_of_another_widget_admits_to_that_alone(served):
    other = served.widget()
    token = other.page_url().partition("#")[2]
    served.hosted.page_url()
    _, headers, _ = await served.get(path=f"{other.path}session", Authorization=f"Bearer {token}")
    name, _, value = headers["Set-Cookie"].partition(";")[0].partition("=")
    assert (await served.get(path=f"{other.path}session", Cookie=f"{name}={value}"))[0] == 204
    assert (await served.get("session", Cookie=f"{served.hosted.cookie}={value}"))[0] == 403
    await other.end()


async def test_a_cookie_is_for_tls_where_the_page_is_reached_by_it(served):
    served.hosted.offer("a", "https://hub.example:8443")
    assert (await served.cookie(host=["hub.example:8443"])).endswith("; Secure")
    assert (await served.cookie(host=["hub.example"])).endswith("; Secure")
    assert not (await served.cookie()).endswith("; Secure")


@pytest.mark.parametrize(
    "name", ["nothing", "page.html", "..", "../widget.js", "%2e%2e/x", "widget.js/", "//x"]
)
async def test_there_are_no_other_files(served, name):
    served.hosted.page_url()
    assert (await served.get(name))[0] == 404


async def test_a_widget_that_is_closed_is_not_there(served):
    other = served.widget()
    path = "/" + other.page_url().partition("#")[0].split("/", 3)[3]
    served.hosted.page_url()
    await other.end()
    status, _, body = await served.get(path=path)
    assert (status, body.count("\n")) == (404, 1)
    assert "restarted" in body


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
async def test_only_get_is_answered(served, method):
    served.hosted.page_url()
    status = 400
    with contextlib.suppress(IndexError):  # earlier versions of websockets answer with nothing
        status = (await served.get(method=method))[0]
    assert status in (400, 405)


# --- Host and Origin -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        ["evil.example"],
        ["evil.example:{port}"],
        ["127.0.0.1"],
        ["127.0.0.1:1"],
        ["127.0.0.1.evil.example:{port}"],
        ["localhost:{port}.evil.example"],
        ["127.0.0.1:{port}", "evil.example"],
        [],
        [""],
        ["0.0.0.0:{port}"],
    ],
)
async def test_another_host_is_refused(served, host):
    served.hosted.page_url()
    served.hosted.origins["null"] = None
    host = [one.format(port=served.server.port) for one in host]
    status, _, body = await served.get(host=host)
    assert (status, body) == (403, "This server answers to its own address on this computer only.\n")


async def test_the_host_of_a_page_that_was_named_over_the_comm_is_known_for_that_widget_only(served):
    other = served.widget()
    other.page_url()
    served.hosted.offer("a", "https://hub.example:8443")
    for host in ("hub.example:8443", "hub.example", "HUB.example", "localhost:{port}"):
        assert (await served.get(host=[host.format(port=served.server.port)]))[0] == 200
    assert (await served.get(host=["hub.example:1"]))[0] == 403
    assert (await served.get(host=["hub.example"], path=other.path))[0] == 403
    await other.end()


async def test_a_widget_knows_so_many_origins(served):
    for number in range(MOST_ORIGINS + 2):
        served.hosted.offer("a", f"http://host{number}.example")
    assert len(served.hosted.origins) == MOST_ORIGINS
    assert (await served.get(host=["host0.example"]))[0] == 403
    assert (await served.get(host=[f"host{MOST_ORIGINS + 1}.example"]))[0] == 200


@pytest.mark.parametrize("origin", ["http://[", "null", "", "vscode-webview://1a2b", "http://a b"])
async def test_an_origin_of_whatever_form_is_taken_as_it_is(served, origin):
    offer = served.hosted.offer("a", origin)
    assert (await served.get())[0] == 200
    if " " not in origin and origin:
        async with served.connect(origin) as page:
            await page.send(first_frame(token=offer.token))
            assert json.loads(await page.recv())["proof"] == offer.proof


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost:8888", "http://localhost:88", "null", None]
)
async def test_a_socket_of_a_page_of_another_origin_is_refused_before_it_is_one(served, origin):
    served.hosted.offer("a", LAB)
    with pytest.raises(InvalidStatus) as caught:
        await served.connect(origin)
    assert caught.value.response.status_code == 403
    assert caught.value.response.body == b"Pages of other origins may not use this server.\n"


# --- Sockets ---------------------------------------------------------------------------------------------


async def test_a_card_is_let_in_by_its_token_and_comes_back_by_the_next(served):
    offer = served.hosted.offer("a", LAB)
    assert (offer.client, offer.page, offer.reason) == ("a", served.hosted.path, "")
    async with served.connect(LAB) as page:
        await page.send(first_frame(token=offer.token))
        told = json.loads(await page.recv())
        assert told["proof"] == offer.proof
        await page.send('{"x": 1}')
        served.hosted.links.post({"seq": 1}, [], to="a")
        assert await page.recv() == '{"seq":1}'
    assert served.received == [("a", b'{"x": 1}')]
    async with served.connect(LAB) as page:
        await page.send(first_frame(token=told["next"]["token"]))
        again = json.loads(await page.recv())
    assert again["proof"] == told["next"]["proof"] != told["proof"]


async def test_no_log_and_no_repr_holds_what_admits(served, caplog):
    caplog.set_level(1)
    cookie = (await served.cookie()).split(";")[0]
    offer = served.hosted.offer("a", LAB)
    for origin, token in ((LAB, offer.token), (f"http://127.0.0.1:{served.server.port}", "")):
        async with served.connect(origin, additional_headers={"Cookie": cookie}, logger=QUIET) as page:
            await page.send(first_frame(token=token))
            await page.recv()
    said = caplog.text + repr(offer)
    assert "127.0.0.1" not in caplog.text
    secrets = (cookie.partition("=")[2], offer.token, offer.page_token, offer.proof)
    assert not any(secret in said for secret in secrets)


async def test_a_page_is_let_in_by_its_cookie(served):
    cookie = (await served.cookie()).split(";")[0]
    own = f"http://127.0.0.1:{served.server.port}"
    async with served.connect(own, additional_headers={"Cookie": cookie}) as page:
        await page.send(first_frame())
        assert json.loads(await page.recv()) == {"proof": "", "next": None}
        served.clock.advance(24 * 3_600_000)
        assert (await served.get("session", Cookie=cookie))[0] == 204  # it is open
    async with served.connect(own) as page:
        assert await refused(page, first_frame()) == (USED.strip(), 1008)


@pytest.mark.parametrize("spoilt", ["used", "old", "client", "origin", "page", "widget", "none"])
async def test_a_token_that_does_not_fit_admits_nobody(served, spoilt):
    other = served.widget()
    served.hosted.offer("a", LAB)
    offer = (other if spoilt == "widget" else served.hosted).offer("a", LAB)
    served.hosted.offer("a", "http://other.example")
    token = {"page": offer.page_token, "none": "x"}.get(spoilt, offer.token)
    if spoilt == "used":
        async with served.connect(LAB) as page:
            await page.send(first_frame(token=token))
            await page.recv()
    if spoilt == "old":
        served.clock.advance(3_600_000)
    async with served.connect("http://other.example" if spoilt == "origin" else LAB) as page:
        frame = first_frame("b" if spoilt == "client" else "a", token)
        assert await refused(page, frame) == (USED.strip(), 1008)
    assert len(served.hosted.links) == 0
    await other.end()


async def test_a_first_frame_that_is_none_is_refused_in_one_sentence(served):
    served.hosted.offer("a", LAB)
    for frame in ("[" * 4000, b"\x01", "x" * 5000):
        async with served.connect(LAB) as page:
            why, code = await refused(page, frame)
            assert (why[-1], code) == (".", 1008)


async def test_pages_that_say_nothing_keep_no_others_out_for_long(served):
    offer = served.hosted.offer("a", LAB)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST_OPENING):
            await stack.enter_async_context(served.connect(LAB))
        with pytest.raises(InvalidStatus) as caught:
            await served.connect(LAB)
        assert caught.value.response.status_code == 503
    async with served.connect(LAB) as page:
        await page.send(first_frame(token=offer.token))
        assert json.loads(await page.recv())["proof"] == offer.proof


async def test_a_frame_that_is_too_long_ends_that_socket_alone(served):
    offers = [served.hosted.offer(client, LAB) for client in ("a", "b")]
    page = await served.connect(LAB)
    async with served.connect(LAB) as other:
        for client, offer, one in zip("ab", offers, (page, other), strict=True):
            await one.send(first_frame(client, offer.token))
            await one.recv()
        with contextlib.suppress(ConnectionClosed):
            await page.send(bytes(5 * 1024 * 1024))
        with pytest.raises(ConnectionClosed) as closed:
            await page.recv()
        assert closed.value.rcvd.code == 1009
        served.hosted.links.post({"seq": 1}, [], to="b")
        assert await other.recv() == '{"seq":1}'


async def test_a_socket_that_fails_in_our_hands_is_reported(served):
    offer = served.hosted.offer("a", LAB)
    served.received = None
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, told: reported.append(told["message"]))
    async with served.connect(LAB) as page:
        await page.send(first_frame(token=offer.token))
        await page.recv()
        await page.send("{}")
        with pytest.raises(ConnectionClosed) as closed:
            await page.recv()
        async with asyncio.timeout(5):
            while not reported:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    assert (closed.value.rcvd.code, reported) == (1011, ["A page's socket failed."])


# --- Ports and switches ----------------------------------------------------------------------------------


async def test_the_server_listens_from_the_first_request_to_the_last_widget(served):
    other = served.widget()
    assert served.server.port == 0
    port = int(served.hosted.page_url().split(":")[2].split("/")[0])
    assert other.offer("b", LAB).port == port == served.server.port
    await other.end()
    assert served.server.port == port
    await served.hosted.end()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert served.hosted.page_url()  # as for a widget that is shown again


async def test_only_this_computer_reaches_it(served):
    served.hosted.page_url()
    names = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in names - {"127.0.0.1"} - {name for name in names if name.startswith("127.")}:
        with pytest.raises(OSError, match=r"refused|unreachable"):
            await asyncio.open_connection(address, served.server.port)


async def test_cards_get_no_socket_where_that_is_switched_off(served, monkeypatch):
    monkeypatch.setenv("LIVEWIDGET_SOCKET", "0")
    offer = served.hosted.offer("a", LAB)
    assert (offer.port, offer.token, offer.page_token, offer.reason) == (0, "", "", "off")
    assert served.server.port == 0
    assert served.hosted.page_url()


async def test_a_computer_without_a_free_port_says_so(served, monkeypatch):
    def no_port(*_):
        raise OSError

    monkeypatch.setattr(page_server.socket.socket, "bind", no_port)
    assert served.hosted.offer("a", LAB).reason == "unavailable"
    with pytest.raises(StateError, match=r"^No port on 127\.0\.0\.1 could be opened .*\.$"):
        served.hosted.page_url()
    monkeypatch.undo()
    assert served.hosted.offer("a", LAB).port > 0


# --- Browsers --------------------------------------------------------------------------------------------


def test_without_a_screen_there_is_no_browser(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(page_server.sys, "platform", "linux")
    assert find_browser() is None
    assert page_server.open_address("http://127.0.0.1:1/") is False


@pytest.mark.skipif(os.name == "nt", reason="starts a shell script")
def test_the_browser_that_was_chosen_opens_the_page(monkeypatch, tmp_path):
    script, found = tmp_path / "browser", tmp_path / "found"
    script.write_text(f'#!/bin/sh\necho "$1" > {found}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", str(script))
    monkeypatch.setattr(page_server.webbrowser, "_tryorder", None)
    assert page_server.open_address("http://127.0.0.1:1/x/#t") is True
    assert found.read_text() == "http://127.0.0.1:1/x/#t\n"


def test_where_no_browser_opens_a_link_says_how_to_get_there():
    shown = link_to("http://127.0.0.1:4321/ab/#to<ken")
    assert "ssh -L 4321:127.0.0.1:4321" in shown["text/plain"]
    assert 'href="http://127.0.0.1:4321/ab/#to&lt;ken"' in shown["text/html"]
