"""`livewidget talk`: a person talks with a page of its own, in a real Chromium, with the tutor and sound both ways."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from livewidget import Gemini, web
from livewidget.audio import resample, to_float
from livewidget.errors import UsageError
from livewidget.serving import listen
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.ui.links import FRAME_BYTES
from livewidget.widget.background import Background
from tests.browser.card import Card
from tests.browser.lab import chromium
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, heard, say
from tests.cli.conftest import environment
from tests.continuity import compare
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
#: Over a socket, the tutor is called what it stands in for.
QUESTION, ANSWER = "what is two plus three", "two plus three is five"


class Recording(StandIn):
    """The tutor, and the sound that it sent, each answer apart."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bytearray] = [bytearray()]

    async def serve(self, transport, **options):
        send = transport.send

        async def recorded(frame):
            content = json.loads(frame).get("serverContent", {})
            for part in content.get("modelTurn", {}).get("parts", ()):
                if "inlineData" in part:
                    self.answers[-1] += b64decode(part["inlineData"]["data"])
            if content.get("turnComplete"):
                self.answers.append(bytearray())
            await send(frame)

        transport.send = recorded
        await super().serve(transport, **options)


@pytest.fixture
def background() -> Iterator[Background]:
    """A loop on a thread: Playwright has the test's own."""
    running = Background("servers of a test")
    yield running
    running.stop()


@pytest.fixture
def tutor(background) -> Iterator[tuple[Recording, str]]:
    """A tutor that is reached over a socket; gives it and its address."""
    recording = Recording()
    server = Server(recording, wss_port=None)
    background.submit(server.__aenter__()).result(60)
    yield recording, server.ws
    background.submit(server.__aexit__(None, None, None)).result(30)


class Command:
    """`livewidget talk` as a process of its own."""

    def __init__(self, *arguments: object, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "livewidget", "talk", "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(**env),
        )
        self.address = self.process.stdout.readline().strip()

    def end(self) -> str:
        """End it as a service manager does; return what it printed beside the address."""
        self.process.send_signal(signal.SIGTERM)
        out, errors = self.process.communicate(timeout=30)
        assert (self.process.returncode, out) == (0, ""), errors
        return errors


@pytest.fixture
def talk() -> Iterator[Callable[..., Command]]:
    """`talk("--tools", file)` runs the command; it must have ended well when the test does."""
    running: list[Command] = []

    def start(*arguments: object, **env: str) -> Command:
        running.append(Command(*arguments, **env))
        return running[-1]

    yield start
    for command in running:
        if command.process.returncode is None:
            assert "Traceback" not in command.end()


class Shown:
    """A page, and what its console and its network say."""

    def __init__(self, context: BrowserContext, address: str, *scripts: str) -> None:
        self.page: Page = context.new_page()
        self.console: list[str] = []
        self.requests: list[str] = []
        self.sockets: list[str] = []
        self.page.on("console", lambda line: self.console.append(f"{line.type}: {line.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.sockets.append(socket.url))
        for script in scripts:
            self.page.add_init_script(script)
        self.page.goto(address)

    def assert_clean(self) -> None:
        """Nothing red in the console, and nothing asked of anybody else."""
        assert [line for line in self.console if line.startswith(("error", "warning"))] == []
        own = self.page.url.split("#")[0]
        assert [url for url in self.requests if not url.startswith((own, "blob:", "data:"))] == []


def context_of(browser: Browser, **options: object) -> BrowserContext:
    return browser.new_context(permissions=["microphone"], **options)


def assert_heard_whole(page: Page, recording: Recording) -> None:
    """What left the player is what the tutor sent: nothing lost, nothing repeated, at most 40 ms inserted."""
    deadline = time.monotonic() + 60  # an answer is heard in its own time; the longest is a story of 20 s
    while time.monotonic() < deadline:
        page.wait_for_timeout(200)
        answers = [to_float(bytes(one)) for one in list(recording.answers) if one]
        played, rate = heard(page)
        reports = [compare(answer, resample(played, rate, 24_000), 24_000) for answer in answers]
        if not any(report.unmatched_ms for report in reports):
            break
    assert answers, "no answer was sent"
    for report in reports:
        assert report.unmatched_ms == 0, reports
        assert report.lost_ms == 0, reports
        assert report.inserted_ms <= 40, reports


@pytest.mark.alone
def test_a_spoken_question_is_understood_and_answered_by_voice(talk, tutor, sounds):
    """Through Chromium's own fake microphone: the true path of getUserMedia."""
    recording, address = tutor
    command = talk("offline-tutor", "--server", address)
    # Asked again after a while: the first time may be over before a slow page listens.
    wav = sounds(QUESTION, before=2.5, after=20.0)
    with chromium(microphone=wav, repeats=True) as browser:
        shown = Shown(context_of(browser), command.address, TAP)
        card = Card(shown.page)
        assert (
            "#" not in shown.page.url
        )  # the token is not left in the address, nor in what is copied from it
        card.start()
        card.wait_for_words("you", QUESTION, timeout=60)
        card.wait_for_words("gemini", ANSWER, timeout=30)
        card.microphone.click()  # muted: it is not asked into the sound that is compared
        assert_heard_whole(shown.page, recording)
        shown.assert_clean()


@pytest.mark.alone
@pytest.mark.long
def test_the_comparison_notices_what_is_missing(browser, talk, tutor):
    """The control: a page that has played all but the last half second of an answer does not pass."""
    recording, address = tutor
    shown = Shown(context_of(browser), talk("offline-tutor", "--server", address).address, TAP)
    card = Card(shown.page)
    card.type("tell me a story")
    card.wait_for_words("gemini", "once upon a time", timeout=30)
    card.root.locator(".lw-stop").click()
    shown.page.wait_for_timeout(500)
    with pytest.raises(AssertionError):
        assert_heard_whole(shown.page, recording)


def test_the_command_alone_talks_with_its_own_tutor_and_calls_tools_by_voice(browser, talk, sounds, tmp_path):
    tools, lit = tmp_path / "lights.py", tmp_path / "lit"
    tools.write_text(
        "import pathlib\n\n"
        "def set_light(on: bool) -> str:\n"
        '    """Turn the light on or off."""\n'
        f"    pathlib.Path({str(lit)!r}).write_text(str(on))\n"
        "    return 'the light is on' if on else 'the light is off'\n"
    )
    command = talk("--tools", tools, "--title", "Lights")
    shown = Shown(context_of(browser), command.address, SCRIPTED_MICROPHONE, TAP)
    assert shown.page.title() == "Lights"
    card = Card(shown.page)
    card.start()
    say(shown.page, sounds("turn on the light", before=0.5))
    card.wait_for_words("tutor", "light is on", timeout=30)
    assert lit.read_text() == "True"
    shown.assert_clean()


def test_a_reload_goes_on_and_a_stranger_gets_nothing(browser, talk):
    command = talk()
    context = context_of(browser)
    shown = Shown(context, command.address, SCRIPTED_MICROPHONE)
    card = Card(shown.page)
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve", timeout=30)
    shown.page.reload()
    card = Card(shown.page)
    card.wait_for_words("you", "what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    expect(card.root.locator(".lw-stop")).to_be_enabled(timeout=20_000)  # the talk itself goes on
    card.type("what is two plus three")
    card.wait_for_words("tutor", "five", timeout=30)
    # The address again, in the same browser: another tab, with a talk of its own.
    other = Shown(context, command.address)
    assert Card(other.page).turns() == []
    # The address again, in another browser: one sentence and no card.
    stranger = Shown(context_of(browser), command.address)
    expect(stranger.page.get_by_text(web.NEEDS_TOKEN)).to_be_visible()
    assert stranger.page.locator(".lw-microphone, textarea, input").count() == 0
    bare = Shown(context_of(browser), command.address.split("#")[0])
    expect(bare.page.get_by_text(web.NEEDS_ADDRESS)).to_be_visible()
    cookies = [cookie for cookie in context.cookies() if cookie["name"].startswith("livewidget-")]
    assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Strict")]
    assert shown.page.evaluate("() => document.cookie") == ""


@pytest.mark.alone
@pytest.mark.long
def test_a_socket_cut_in_mid_answer_loses_and_repeats_nothing(browser, talk, tutor):
    recording, address = tutor
    keep = "Object.assign(window.__livewidgetTap, { onLink: (link) => { window.__link = link; } });"
    sockets = """
      window.__sockets = [];
      window.WebSocket = class extends WebSocket {
        constructor(...all) { super(...all); window.__sockets.push(this); }
      };"""
    command = talk("offline-tutor", "--server", address)
    shown = Shown(context_of(browser), command.address, TAP, keep, sockets)
    card = Card(shown.page)
    card.type("tell me a story")
    card.wait_for_words("gemini", "once upon a time", timeout=30)
    for count in range(1, 4):
        shown.page.wait_for_function(
            f"() => window.__sockets.length === {count} && window.__sockets.at(-1).readyState === 1"
        )
        shown.page.evaluate("() => window.__sockets.at(-1).close()")
        shown.page.wait_for_timeout(700)
    shown.page.wait_for_function(
        "() => window.__sockets.length === 4 && window.__sockets.at(-1).readyState === 1"
    )
    assert_heard_whole(shown.page, recording)


def test_the_end_of_the_command_is_told_on_the_page(browser, talk):
    command = talk()
    shown = Shown(context_of(browser), command.address)
    card = Card(shown.page)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve", timeout=30)
    command.end()
    card.wait_hint("Start it again where you started it.")
    card.wait_for_words("tutor", "twelve")  # what was said stays


@pytest.fixture
def serve(background) -> Iterator[Callable[..., int]]:
    """`serve(app, close, port)` serves an ASGI application until the test ends; gives the port."""
    running = []

    def start(app: Any, close: Callable[[], Any], port: int = 0) -> int:
        served = listen(lambda port: app, port=port, message_bytes=FRAME_BYTES, end=close)
        running.append(served)
        return background.submit(served.__aenter__()).result(30)

    yield start
    for served in running:
        background.submit(served.__aexit__(None, None, None)).result(30)


def test_what_make_raises_is_a_sentence_on_the_page(browser, serve):
    def make(page):
        raise UsageError("Sign in first, at the door.")

    app = web.app(make)
    shown = Shown(context_of(browser), f"http://127.0.0.1:{serve(app, app.close)}/")
    expect(shown.page.get_by_text("Sign in first, at the door.")).to_be_visible()


# --- Straight from the browser ------------------------------------------------------------------------------

KEY = "canary-key-0123456789"


@pytest.fixture
def service(background) -> Iterator[Callable[..., tuple[Recording, Server]]]:
    """`service(origins)` starts the Live API with a key, to which pages of these origins may connect."""
    running = []

    def start(*origins: str) -> tuple[Recording, Server]:
        recording = Recording()
        server = Server(recording, wss_port=None, key=KEY, origins=origins)
        background.submit(server.__aenter__()).result(60)
        running.append(server)
        return recording, server

    yield start
    for server in running:
        background.submit(server.__aexit__(None, None, None)).result(30)


def tokens_of(shown: Shown, server: Server) -> list[str]:
    """The tokens with which a page has opened sockets to the service."""
    addresses = [address for address in shown.sockets if address.startswith(server.ws)]
    return [unquote(address.partition("?access_token=")[2]) for address in addresses]


@pytest.mark.alone
def test_the_page_of_the_command_holds_the_socket_to_the_service_itself(browser, talk, service, sounds):
    port = free_port()
    recording, server = service(f"http://127.0.0.1:{port}")
    command = talk("offline-tutor", "--direct", "--server", server.ws, "--port", port, GEMINI_API_KEY=KEY)
    shown = Shown(context_of(browser), command.address, SCRIPTED_MICROPHONE, TAP)
    card = Card(shown.page)
    card.start()
    say(shown.page, sounds(QUESTION, before=0.5))
    card.wait_for_words("you", QUESTION, timeout=60)
    card.wait_for_words("gemini", ANSWER, timeout=30)
    card.microphone.click()
    assert_heard_whole(shown.page, recording)
    expect(card.root.get_by_text("direct").first).to_be_visible()
    (token,) = tokens_of(shown, server)
    assert token.startswith("auth_tokens/")
    shown.assert_clean()
    page = shown.page.evaluate("() => document.documentElement.outerHTML + JSON.stringify({...localStorage})")
    seen = [page, *shown.console, *shown.requests, json.dumps(shown.page.context.cookies()), command.end()]
    for secret in (token, KEY):
        assert not [text for text in seen if secret in text]


def test_a_page_gets_its_tokens_from_its_own_server_by_its_cookie_while_the_hour_has_any(
    browser, serve, service
):
    """The conversation has no key, and no token goes through it."""
    port = free_port()
    _, server = service(f"http://127.0.0.1:{port}")
    provider = Gemini("offline-tutor", direct=True, token_url="/talk/token", base_url=server.ws)
    talk = web.app(lambda page: provider, tokens=True, connect=[server.ws])
    key = Gemini("offline-tutor", api_key=KEY, base_url=server.ws)
    tokens = Route("/talk/token", web.token_app(key, may=talk.admits, per_hour=1))
    site = Starlette(routes=[tokens, Mount("/talk", talk)], lifespan=talk.lifespan)
    serve(site, talk.close, port)
    address = f"http://127.0.0.1:{port}/talk/#{talk.token().reveal()}"
    shown = Shown(context_of(browser), address, SCRIPTED_MICROPHONE, TAP)
    card = Card(shown.page)
    card.start()
    card.type(QUESTION)
    card.wait_for_words("gemini", ANSWER, timeout=30)
    (token,) = tokens_of(shown, server)
    assert token.startswith("auth_tokens/")
    assert [url for url in shown.requests if url.endswith("/talk/token")] == [
        f"http://127.0.0.1:{port}/talk/token"
    ]
    shown.assert_clean()
    card.stop()
    shown.page.wait_for_timeout(1000)
    assert card.notices() == []  # that the page hung up is no break
    card.microphone.click()
    card.wait_for_notice("reached the limit of 1 an hour", timeout=30)
    assert len(tokens_of(shown, server)) == 1


def test_a_service_that_does_not_let_the_page_in_is_one_sentence(browser, serve, service):
    _, server = service()  # no page of another origin may connect
    key = Gemini("offline-tutor", api_key=KEY, base_url=server.ws, direct=True)
    talk = web.app(lambda page: key, connect=[server.ws])
    shown = Shown(context_of(browser), f"http://127.0.0.1:{serve(talk, talk.close)}/", SCRIPTED_MICROPHONE)
    card = Card(shown.page)
    card.microphone.click()
    card.wait_for_notice(f"The page could not open a socket to {server.ws.removeprefix('ws://')}", timeout=60)


SIZES = {"phone": (360, 740), "tablet": (820, 1180), "desktop": (1440, 900)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_every_screen(browser, size, scheme, talk, tmp_path):
    width, height = SIZES[size]
    context = context_of(browser, viewport={"width": width, "height": height}, color_scheme=scheme)
    shown = Shown(context, talk().address, SCRIPTED_MICROPHONE)
    card = Card(shown.page)
    card.start()
    card.type("tell me a story")
    card.wait_for_words("tutor", "once upon a time", timeout=30)
    shown.page.screenshot(path=tmp_path / f"{size}-{scheme}.png")
    wide, inner = shown.page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= inner
    for control in (
        card.microphone,
        card.root.locator(".lw-stop"),
        card.root.get_by_role("textbox", name="Message"),
    ):
        box = control.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height, "a control is not seen without scrolling"
    background = shown.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", background)[:3])
    assert bool(np.mean([red, green, blue]) < 128) is (scheme == "dark")
