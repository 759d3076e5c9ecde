"""The npm package in a real Chromium: both examples as their READMEs start them, and the custom element in strangers' pages."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from livewidget import Gemini, web
from livewidget.serving import listen
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.ui.links import FRAME_BYTES
from livewidget.widget.background import Background
from tests.browser.card import Card
from tests.browser.lab import chromium
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, heard, say
from tests.cli.conftest import environment

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
KEY = "key-of-the-test-0123456789"
#: Keeps the sockets that a page opens, how each was closed, and in whose name each was: one that broke is opened again
#: in the same.
SOCKETS = """
  window.__sockets = []; window.__clients = [];
  window.WebSocket = class extends WebSocket {
    send(data) {
      // A socket to the service begins with a setup, which names no client.
      if (!this.began) { this.began = true; window.__clients.push(JSON.parse(data).client ?? "service"); }
      super.send(data);
    }
    constructor(...all) {
      super(...all); window.__sockets.push(this);
      this.addEventListener("close", ({ code, wasClean }) => { this.end = [code, wasClean]; });
    }
  };"""
#: Keeps what every <live-card> of a page tells.
TOLD = """
  window.__told = [];
  for (const type of ["turn", "state", "error"]) {
    addEventListener(type, (event) => {
      if (event.target.localName === "live-card") window.__told.push([type, event.detail]);
    }, true);
  }"""


@pytest.fixture(scope="module")
def package() -> Path:
    """The built npm package: js/dist."""
    npm("run", "package", cwd=ROOT / "js")
    return ROOT / "js" / "dist"


def npm(*command: object, cwd: Path, **env: str) -> None:
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["npm", *map(str, command)], cwd=cwd, env=os.environ | {"PATH": path} | env,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(package, tmp_path_factory) -> Iterator[str]:
    """examples/server.py as a process of its own, with both pages; gives its address.

    React is built as in development: only there StrictMode mounts everything twice.
    """
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(package, folder / "js" / "dist")
    copy = folder / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    react = EXAMPLES / "react"
    npm("exec", "--", "tsc", cwd=react)
    npm(
        "exec", "--", "vite", "build", "--mode", "development", "--minify", "false", "--outDir", copy / "react" / "dist",
        cwd=react, NODE_ENV="development",
    )  # fmt: skip
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, copy / "server.py", "--port", str(port)],
        cwd=folder, env=environment(PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout.readline().split() == [
        f"http://127.0.0.1:{port}/plain/",
        f"http://127.0.0.1:{port}/react/",
    ]
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    _, errors = server.communicate(timeout=30)
    assert "Traceback" not in errors, errors


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        return server.server_port


class Shown:
    """A page, what its console says and what it asks of servers."""

    def __init__(self, context: BrowserContext, address: str, *scripts: str) -> None:
        self.page: Page = context.new_page()
        self.console: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda line: self.console.append(f"{line.type}: {line.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        for script in (SCRIPTED_MICROPHONE, TAP, SOCKETS, TOLD, *scripts):
            self.page.add_init_script(script)
        self.page.goto(address)

    def assert_clean(self) -> None:
        assert [line for line in self.console if line.startswith(("error", "warning"))] == []

    def told(self, type_: str) -> list[dict[str, Any]]:
        found: list[list[Any]] = self.page.evaluate("() => window.__told")
        return [detail for kind, detail in found if kind == type_]

    def sockets(self) -> int:
        return int(self.page.evaluate("() => window.__sockets.length"))

    def conversations(self) -> int:
        """How many were begun, whether or not a socket broke in between."""
        return int(self.page.evaluate("() => new Set(window.__clients).size"))


@pytest.fixture
def show(browser) -> Callable[..., Shown]:
    """`show(address)` opens a page that may have the microphone."""
    context = browser.new_context(permissions=["microphone"])
    return lambda address, *scripts: Shown(context, address, *scripts)


def assert_sound(page: Page) -> None:
    played, rate = heard(page)
    assert len(played) > rate / 2
    assert float(np.abs(played).max()) > 0.05


# --- The examples -------------------------------------------------------------------------------------------


def test_the_react_example_talks_in_strict_mode(site, show, sounds):
    shown = show(f"{site}/react/")
    page, card = shown.page, Card(shown.page)
    lamp = page.get_by_role("img", name="The lamp is")
    expect(lamp).to_have_accessible_name("The lamp is off")
    card.start()
    say(page, sounds("turn on the light", before=0.5))
    card.wait_for_words("tutor", "light is on", timeout=30)
    expect(lamp).to_have_accessible_name("The lamp is on")
    expect(page.locator(".status")).to_have_text("Listening")
    assert_sound(page)
    page.get_by_role("button", name="Light off").click()
    card.wait_for_words("tutor", "light is off", timeout=30)
    expect(lamp).to_have_accessible_name("The lamp is off")
    # Mounted twice, it has begun one conversation and used one token.
    tokens = [url for url in shown.requests if url.endswith("/token")]
    assert (shown.conversations(), tokens) == (1, [f"{site}/token"])
    shown.assert_clean()


def test_the_react_example_is_built_so_that_strict_mode_mounts_twice(site, show):
    """The control: a build for production would mount once, and the test above would show nothing."""
    shown = show(f"{site}/react/")
    Card(shown.page)
    script = shown.page.evaluate(
        "() => fetch(document.querySelector('script[src]').src).then((one) => one.text())"
    )
    assert "doubleInvokeEffectsOnFiber" in script


@pytest.mark.long
def test_the_plain_example_talks_and_its_page_follows(site, show, sounds):
    shown = show(f"{site}/plain/")
    page, card = shown.page, Card(shown.page)
    expect(page.locator("#state")).to_have_text("is ready")
    card.start()
    say(page, sounds("turn on the light", before=0.5))
    card.wait_for_words("tutor", "light is on", timeout=30)
    expect(page.locator("#light")).to_have_text("is on")
    expect(page.locator("#asked")).to_have_text(re.compile("turn on the light", re.IGNORECASE))
    expect(page.locator("#state")).to_have_text("listens")
    assert_sound(page)
    page.get_by_role("button", name="What time is it?").click()
    card.wait_for_words("tutor", ":", timeout=30)
    partial = [turn for turn in shown.told("turn") if not turn["complete"]]
    assert partial, "no turn was told while it went on"
    whole = [turn for turn in shown.told("turn") if turn["complete"] and turn["tools"]]
    assert whole[0]["tools"][0]["name"] == "set_light"
    page.evaluate("() => document.querySelector('live-card').stop()")
    expect(page.locator("#state")).to_have_text("is ready")
    shown.assert_clean()


@pytest.mark.long
def test_a_token_of_the_examples_is_for_one_card(site, show):
    shown = show(f"{site}/plain/")
    Card(shown.page)
    assert shown.page.evaluate("() => document.documentElement.outerHTML").count("token=") == 0
    answer = shown.page.request.post(f"{site}/token", headers={"Host": "evil.example"})
    assert answer.status == 400


# --- The element in pages of other origins --------------------------------------------------------------------


class Servers:
    """A `livewidget.web` application on a port of its own, and pages from another origin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.background = Background("servers of a test")
        handler = functools.partial(_Quiet, directory=str(folder))
        self.pages = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.pages.serve_forever, daemon=True).start()
        self.origin = f"http://localhost:{self.pages.server_port}"
        self.app: web.TalkApp | None = None
        self.port = 0
        self._end: Callable[[], None] | None = None

    def start(self, **options: Any) -> str:
        """Serve an application, at the port of the last one; return its address.

        `mounted`: it is at /live/ of a site, which has the pages too.
        """
        mounted = options.pop("mounted", False)
        app = self.app = web.app(
            options.pop("make", lambda page: StandIn()),
            **{"tokens": True, "origins": [self.origin], **options},
        )

        site = Starlette(
            routes=[Mount("/live", app), Mount("/", StaticFiles(directory=self.folder, follow_symlink=True))]
        )

        async def serve(ready: asyncio.Future[int], end: asyncio.Event) -> None:
            async with listen(
                lambda port: site if mounted else app,
                port=self.port,
                message_bytes=FRAME_BYTES,
                end=app.close,
            ) as port:
                ready.set_result(port)
                await end.wait()

        async def begin() -> tuple[int, asyncio.Event, asyncio.Task[None]]:
            ready, end = asyncio.get_running_loop().create_future(), asyncio.Event()
            task = asyncio.create_task(serve(ready, end))
            return await ready, end, task

        self.port, end, task = self.background.submit(begin()).result(30)

        async def finish() -> None:
            end.set()
            await task

        self._end = lambda: self.background.submit(finish()).result(60)
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None

    def token(self) -> str:
        """A token for one card."""

        async def make() -> str:
            return self.app.token().reveal()

        return self.background.submit(make()).result(10)

    def phases(self) -> list[str]:
        """Where each conversation is, as its controller says."""

        async def look() -> list[str]:
            talks = self.app._talks._talks.values()
            return [talk.controller.result().state.phase for talk in talks if talk.is_made]

        return self.background.submit(look()).result(10)

    def page(self, body: str, head: str = "") -> str:
        """The address of a page of the other origin."""
        (self.folder / "page.html").write_text(
            f"<!doctype html><meta charset=utf-8><title>Shop</title><link rel=icon href='data:,'>{head}"
            f'<body>{body}<script type="module" src="/dist/index.js"></script>'
        )
        return f"{self.origin}/page.html"

    def close(self) -> None:
        self.stop()
        self.pages.shutdown()
        self.pages.server_close()
        self.background.stop()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers(package, tmp_path) -> Iterator[Servers]:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "dist").symlink_to(package)
    running = Servers(tmp_path / "pages")
    yield running
    running.close()


def until(page: Page, holds: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds * 10)):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("It did not come to be.")


def test_a_card_talks_across_origins_and_neither_style_reaches_the_other(servers, show, sounds):
    base = servers.start()
    hostile = "<style>* { color: rgb(255, 0, 0) !important; } button { display: none !important; }</style>"
    shown = show(
        servers.page(
            f'<h1>Shop</h1><live-card url="{base}" token="{servers.token()}"></live-card>'
            '<p class="lw-hint" hidden>ours</p><button class="lw-microphone">ours</button>',
            hostile,
        )
    )
    page, card = shown.page, Card(shown.page)
    card.start()
    say(page, sounds("what is two plus three", before=0.5))
    card.wait_for_words("tutor", "five", timeout=30)
    assert_sound(page)
    color = "(node) => getComputedStyle(node).color"
    assert card.root.locator(".lw-hint").evaluate(color) != "rgb(255, 0, 0)"
    assert page.locator("body > h1").evaluate(color) == "rgb(255, 0, 0)"
    ours = page.locator("body > button")
    assert ours.evaluate("(node) => getComputedStyle(node).borderRadius") == "0px"
    assert page.evaluate("() => document.querySelectorAll('.livewidget, style').length") == 1
    shown.assert_clean()


@pytest.mark.long
def test_a_card_looks_as_its_page_does(servers, show):
    base = servers.start()
    body = f'<live-card url="{base}" token="{servers.token()}"></live-card>'
    shown = show(servers.page(body, "<style>body { color-scheme: dark; font-family: monospace; }</style>"))
    card = Card(shown.page)
    style = "(node, name) => getComputedStyle(node)[name]"
    assert card.root.evaluate(style, "backgroundColor") == "rgb(27, 27, 29)"
    assert card.root.evaluate(style, "fontFamily") == "monospace"
    shown.page.evaluate("() => { document.body.style.colorScheme = 'light'; }")
    assert card.root.evaluate(style, "backgroundColor") == "rgb(255, 255, 255)"
    shown.page.evaluate(
        "() => { const card = document.querySelector('live-card'); card.toggleAttribute('fill');"
        " card.style.height = '700px'; card.style.setProperty('--live-card-background', 'rgb(1, 2, 3)'); }"
    )
    assert card.root.evaluate(style, "backgroundColor") == "rgb(1, 2, 3)"
    assert card.root.bounding_box()["height"] == 700


def test_a_direct_card_connects_from_the_page_around_it_with_a_token_of_the_servers(servers, show, sounds):
    service = Server(StandIn(), wss_port=None, origins=[servers.origin], key=KEY)
    servers.background.submit(service.__aenter__()).result(60)
    try:
        gemini = Gemini("gemini-3.8-live", base_url=service.ws, api_key=KEY, direct=True)
        origin = gemini.service_origin
        base = servers.start(make=lambda page: gemini, connect=origin)
        shown = show(servers.page(f'<live-card url="{base}" token="{servers.token()}"></live-card>'))
        page, card = shown.page, Card(shown.page)
        card.start()
        say(page, sounds("what is two plus three", before=0.5))
        card.wait_for_words("gemini", "five", timeout=30)
        assert_sound(page)
        opened = page.evaluate("() => window.__sockets.map((socket) => socket.url)")
        assert any(url.startswith(origin) for url in opened), "the page has no socket to the service"
        assert KEY not in page.content() + str(opened)
        shown.assert_clean()
    finally:
        servers.stop()
        servers.background.submit(service.__aexit__(None, None, None)).result(30)


def test_two_cards_in_one_page_have_conversations_of_their_own_and_one_microphone(servers, show, sounds):
    base = servers.start()
    cards = "".join(f'<live-card url="{base}" token="{servers.token()}"></live-card>' for _ in range(2))
    shown = show(servers.page(cards))
    page, one, other = shown.page, Card(shown.page), Card(shown.page, 1)
    one.start()
    say(page, sounds("what is two plus three", before=0.5))
    one.wait_for_words("tutor", "five", timeout=30)
    other.start()
    one.wait_for_notice("The microphone moved")
    say(page, sounds("what is seven plus five", before=0.5))
    other.wait_for_words("tutor", "twelve", timeout=30)
    assert [who for who, _ in one.turns()] == ["you", "tutor"]
    assert [who for who, _ in other.turns()] == ["you", "tutor"]
    assert servers.app.talks == 2
    shown.assert_clean()


def test_the_second_card_with_one_token_says_so(servers, show):
    base, token = servers.start(), servers.token()
    shown = show(servers.page(f'<live-card url="{base}" token="{token}"></live-card>' * 2))
    cards = [Card(shown.page), Card(shown.page, 1)]
    used = "This card's token was used before, or is too old."
    until(shown.page, lambda: any(used in " ".join(card.notices()) for card in cards))
    (refused,) = shown.told("error")
    assert (refused["code"], refused["message"]) == ("refused", web.CARD_TOKEN_USED)
    (lost,) = [number for number, card in enumerate(cards) if card.notices()]
    cards[1 - lost].type("what is two plus three")
    cards[1 - lost].wait_for_words("tutor", "five", timeout=30)
    # With a token of its own the other talks, too.
    shown.page.evaluate(
        "([number, token]) => document.querySelectorAll('live-card')[number].setAttribute('token', token)",
        [lost, servers.token()],
    )
    cards[lost].wait_without_notice(used)
    cards[lost].type("what is seven plus five")
    cards[lost].wait_for_words("tutor", "twelve", timeout=30)
    assert servers.app.talks == 2


def test_a_card_that_is_removed_in_mid_sentence_leaves_nothing_on(servers, show, sounds):
    base = servers.start()
    shown = show(servers.page(f'<live-card url="{base}" token="{servers.token()}"></live-card>'))
    page, card = shown.page, Card(shown.page)
    card.start()
    say(page, sounds("what is two plus three", before=0.5))
    card.wait_for_words("tutor", "five", timeout=30)
    card.type("tell me a story")
    card.wait_for_words("tutor", "once upon a time", timeout=30)
    # Somebody speaks, and the voice does: in the middle of both.
    say(page, sounds("tell me the whole story once more", before=0.1), wait=False)
    page.wait_for_timeout(300)
    page.evaluate("() => document.querySelector('live-card').remove()")
    page.wait_for_function(
        "() => window.__tap.tracks.every((track) => track.readyState === 'ended')"
        " && window.__tap.contexts.every((context) => context.state === 'closed')"
        " && window.__sockets.every((socket) => socket.end)"
    )
    assert page.evaluate("() => window.__sockets.at(-1).end") == [1005, True]
    until(page, lambda: servers.phases() == ["ended"])
    played, _ = heard(page)
    page.wait_for_timeout(500)
    assert len(heard(page)[0]) == len(played)
    assert shown.conversations() == 1
    shown.assert_clean()


@pytest.mark.long
def test_a_card_that_is_moved_goes_on_talking(servers, show, sounds):
    base = servers.start()
    body = f'<live-card url="{base}" token="{servers.token()}"></live-card><div id="box"></div>'
    shown = show(servers.page(body))
    page, card = shown.page, Card(shown.page)
    card.start()
    say(page, sounds("what is two plus three", before=0.5), wait=False)
    page.wait_for_timeout(900)
    page.evaluate("() => document.querySelector('#box').append(document.querySelector('live-card'))")
    card.wait_for_words("tutor", "five", timeout=30)
    page.evaluate("() => document.body.prepend(document.querySelector('live-card'))")
    say(page, sounds("what is seven plus five", before=0.5))
    card.wait_for_words("tutor", "twelve", timeout=30)
    assert (shown.conversations(), servers.app.talks) == (1, 1)
    shown.assert_clean()


@pytest.mark.long
def test_a_card_whose_server_is_started_again_goes_on_with_another_token(servers, show):
    base = servers.start()
    shown = show(servers.page("<live-card></live-card>"))
    page = shown.page
    page.expose_function("serverToken", servers.token)
    page.evaluate(
        "(url) => { const card = document.querySelector('live-card'); card.token = () => window.serverToken();"
        " card.url = url; }",
        base,
    )
    card = Card(page)
    card.type("what is two plus three")
    card.wait_for_words("tutor", "five", timeout=30)
    servers.stop()
    card.wait_for_notice("The server has ended this conversation.")
    assert servers.start() == base
    card.wait_without_notice("The server has ended", timeout=40)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve", timeout=30)
    codes = [error["code"] for error in shown.told("error")]
    assert codes[0] == "ended"


WRONG = [
    # A browser shows a page nothing of what another origin's server answers, unless that says so.
    ("{base}nothing/", "No conversation answers at {base}nothing/."),
    ("http://127.0.0.1:9/", "No conversation answers at http://127.0.0.1:9/."),
    ("ftp://talk.example/", "This card's url begins with neither https:// nor http://"),
    ("/elsewhere/", "There is no conversation at {origin}/elsewhere/"),
]


@pytest.mark.parametrize(("url", "sentence"), WRONG)
def test_a_wrong_url_is_one_sentence_where_the_person_looks(servers, show, url, sentence):
    names = {"base": servers.start(), "origin": servers.origin}
    shown = show(servers.page(f'<live-card url="{url.format(**names)}" token="t"></live-card>'))
    card = Card(shown.page)
    expected = sentence.format(**names)
    until(shown.page, lambda: expected in card.root.inner_text())
    assert [error["message"].startswith(expected) for error in shown.told("error")] == [True]
    assert shown.sockets() == 0


@pytest.mark.long
def test_a_page_whose_origin_is_not_named_is_told_which(servers, show):
    base = servers.start(origins=[], on_refused=lambda blocked: None)
    shown = show(servers.page(f'<live-card url="{base}" token="{servers.token()}"></live-card>'))
    card = Card(shown.page)
    card.wait_for_notice(f"Whoever runs it can name this page's origin, {servers.origin}, in its origins.")
    assert shown.sockets() == 0


@pytest.mark.long
@pytest.mark.parametrize("allowed", ["'self'", "'self' http://127.0.0.1:*"])
def test_a_page_that_may_not_connect_is_told_what_its_policy_needs(servers, show, allowed):
    base = servers.start()
    policy = f'<meta http-equiv=Content-Security-Policy content="connect-src {allowed}">'
    shown = show(servers.page(f'<live-card url="{base}" token="{servers.token()}"></live-card>', policy))
    card = Card(shown.page)
    # Of the second, requests pass and the socket does not.
    origin = base.rstrip("/")
    needs = f"its connect-src has to name {origin} and {origin.replace('http', 'ws')}."
    card.wait_for_notice(f"This page's Content-Security-Policy keeps the card from its server: {needs}")


@pytest.mark.long
def test_a_card_in_a_page_that_is_not_secure_reads_and_types(servers):
    base = servers.start(origins=[f"http://shop.example:{servers.pages.server_port}"])
    address = servers.page(f'<live-card url="{base}" token="{servers.token()}"></live-card>')
    with chromium(hosts="shop.example") as running:
        shown = Shown(running.new_context(), address.replace("localhost", "shop.example"))
        card = Card(shown.page)
        card.microphone.click()
        card.wait_for_notice("its address is not secure. Open it through https:// or at http://localhost")
        card.type("what is two plus three")
        card.wait_for_words("tutor", "five", timeout=30)


@pytest.mark.long
def test_without_a_token_only_a_page_of_the_servers_own_has_its_conversation_back_after_a_reload(
    servers, show
):
    base = servers.start(tokens=False, mounted=True)
    servers.page('<live-card url="/live/"></live-card>' * 2)
    own = show(f"{base}page.html")
    Card(own.page).type("what is two plus three")
    Card(own.page).wait_for_words("tutor", "five", timeout=30)
    own.page.reload()
    Card(own.page).wait_for_words("tutor", "five")
    assert Card(own.page, 1).turns() == []
    assert servers.app.talks == 2
    shown = show(servers.page(f'<live-card url="{base}live/"></live-card>'))
    Card(shown.page).type("what is two plus three")
    Card(shown.page).wait_for_words("tutor", "five", timeout=30)
    shown.page.reload()
    Card(shown.page)
    shown.page.wait_for_function("() => window.__told.some(([, told]) => told.connected)")
    assert Card(shown.page).turns() == []
