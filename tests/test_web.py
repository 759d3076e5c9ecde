"""`livewidget.web`: pages in Python against the real application on real sockets, with the real stand-in."""

import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget import Gemini, web
from livewidget.clock import ManualClock
from livewidget.config import Limits
from livewidget.errors import UsageError
from livewidget.serving import listen
from livewidget.standin import StandIn
from livewidget.standin.interfaces import FunctionRequest
from livewidget.standin.serve import Server
from livewidget.ui import messages as m
from livewidget.ui.links import FRAME_BYTES, MOST_LINKS
from tests.standin.puppets import LOUD, SECOND, Ears
from tests.talk_page import PLAY_RATE, TalkPage, get, words
from tests.ui.house import House

ROOT = Path(__file__).resolve().parent.parent
KEY = "the-key-of-this-test-000000000000000000"


def numbered(seconds):
    """Sound in which every stretch of samples has one place: what is lost or repeated shows."""
    return np.random.default_rng(5).integers(-30_000, 30_000, int(seconds * PLAY_RATE)).astype("<i2")


ANSWER = numbered(6)


def tutor(*, ears=None, answer=ANSWER, **options):
    """A stand-in that repeats what it is told, in numbered sound, and loads nothing."""
    return StandIn(
        ears=ears or Ears(), brain=lambda text: f"You said {text}", voice=lambda text: answer, **options
    )


@pytest.fixture(autouse=True)
def nothing_is_logged_but_what_a_test_reads(caplog):
    yield
    assert [line for line in caplog.messages if "exception" in line.lower()] == []


@asynccontextmanager
async def serving(app):
    """Serve an application of `livewidget.web`; give the address of its page."""
    async with serving_of(app, app.close) as base:
        yield base


@asynccontextmanager
async def serving_of(app, end=lambda: asyncio.sleep(0)):
    """Serve an ASGI application; give its address."""
    async with listen(lambda port: app, message_bytes=FRAME_BYTES, end=end) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(autouse=True)
def nothing_is_left_over():
    """No thread of a test outlives it but the one for async tools, which all share."""
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]
    assert [name for name in left if not name.startswith(("asyncio_", "AnyIO"))] == []


# --- The page -----------------------------------------------------------------------------------------------


async def test_the_page_and_its_files_are_served_with_addresses_relative_to_it():
    async with serving(web.app(lambda page: tutor(), title="A <b>title</b>")) as base:
        page = await get(base)
        assert page.status == 200
        assert page.header("content-type").startswith("text/html")
        assert "A &lt;b&gt;title&lt;/b&gt;" in page.text
        assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page.text) == ["widget.css", "page.js"]
        for name, kind in (("widget.js", "javascript"), ("page.js", "javascript"), ("widget.css", "css")):
            file = await get(base, name)
            assert (file.status, kind in file.header("content-type")) == (200, True)
            assert file.text == (ROOT / "livewidget" / "static" / name).read_text(encoding="utf-8")
        for answer in (page, file, await get(base, "session")):
            assert "frame-ancestors 'none'" in answer.header("content-security-policy")
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("referrer-policy") == "no-referrer"
        assert (await get(base, "other")).status == 404
        assert (await get(base, "..%2fpyproject.toml")).status == 404


async def test_health_is_told_to_whoever_asks_and_nothing_else():
    app = web.app(lambda page: tutor(), hosts=["talk.example"])
    async with serving(app) as base:
        answer = await get(base, "health", Host="10.0.0.7:8000")
        assert (answer.status, answer.text) == (200, "ok")
        assert (await get(base, Host="10.0.0.7:8000")).status == 403
        app._ending = True
        answer = await get(base, "health")
        assert (answer.status, answer.text) == (503, "ending")


async def test_two_pages_have_a_conversation_each():
    app = web.app(lambda page: tutor(answer=numbered(0.2)))
    async with serving(app) as base:
        one, other = await TalkPage(base).load(), await TalkPage(base).load()
        assert await one.ask("one") == "You said one"
        assert await other.ask("other") == "You said other"
        assert app.talks == 2
        assert [words(turn) for turn in one.turns.values()] == ["one", "You said one"]
        assert [words(turn) for turn in other.turns.values()] == ["other", "You said other"]
        await one.close()
        await other.close()


async def test_tabs_of_one_browser_are_pages_of_their_own():
    app = web.app(lambda page: tutor())
    async with serving(app) as base:
        one = await TalkPage(base).load()
        other = await TalkPage(base, cookie=one.cookie).load()
        assert one.cookie == other.cookie
        assert app.talks == 2
        await one.close()
        await other.close()


async def test_a_shared_conversation_is_one_for_all_pages():
    asked = []
    app = web.app(lambda page: asked.append(page) or tutor(answer=numbered(0.2)), shared=True)
    async with serving(app) as base:
        one, other = await TalkPage(base).load(), await TalkPage(base).load()
        await one.start(microphone=False)
        assert await one.ask("hello") == "You said hello"
        await other.until(lambda: len(other.turns) == 2)
        assert [words(turn) for turn in other.turns.values()] == ["hello", "You said hello"]
        await one.until(lambda: one.heard)
        assert (len(asked), app.talks) == (1, 1)
        assert other.heard == []  # one has the voice
        late = await TalkPage(base).load()
        assert [words(turn) for turn in late.turns.values()] == ["hello", "You said hello"]
        for page in (one, other, late):
            await page.close()


async def test_a_shared_conversation_has_so_many_pages_and_the_next_one_is_told():
    async with serving(web.app(lambda page: tutor(), shared=True)) as base:
        pages = [await TalkPage(base).load() for _ in range(MOST_LINKS)]
        late = TalkPage(base)
        await late.let_in()
        assert await late.open() == {"error": web.CROWDED}
        await pages[0].close()
        await TalkPage(base).load()
        assert all(page.closed is None for page in pages[1:])


async def test_a_guest_cannot_take_another_guests_place_by_its_name():
    """Pages of a shared conversation learn one another's names from what the bridge tells all."""
    async with serving(web.app(lambda page: tutor(answer=numbered(0.1)), shared=True)) as base:
        one = await TalkPage(base).load()
        thief = TalkPage(base, client=one.client)
        await thief.let_in()
        assert await thief.open() == {"error": web.TAKEN}
        assert await one.ask("hello") == "You said hello"
        assert one.closed is None
        await one.cut()  # nor while it is away
        assert await thief.open() == {"error": web.TAKEN}
        assert "error" not in await one.open()
        # The browser itself may bring the name again, as when a tab is duplicated.
        twin = TalkPage(base, cookie=one.cookie, client=one.client)
        assert "error" not in await twin.open()
        await one.close()
        await twin.close()


async def test_names_that_nobody_knows_any_more_are_not_kept_for_ever():
    app = web.app(lambda page: tutor(), shared=True)
    async with serving(app) as base:
        page = TalkPage(base)
        await page.let_in()
        for _ in range(web._MOST_BOUND + 20):
            guest = TalkPage(base, cookie=page.cookie)
            await guest.open()
            await guest.close(bye=False)
        (talk,) = app._talks._talks.values()
        assert len(talk.browsers) <= web._MOST_BOUND


# --- What make returns --------------------------------------------------------------------------------------


async def answer_of(make, text="hello"):
    async with serving(web.app(make)) as base:
        page = await TalkPage(base).load()
        await page.start(microphone=False)
        said = await page.ask(text)
        await page.close()
        return page, said


@pytest.mark.parametrize("kind", ["provider", "mapping", "coroutine", "model", "none", "default"])
async def test_make_returns_what_a_widget_takes(kind, monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    provider = tutor(answer=numbered(0.2))

    async def coroutine(page):
        await asyncio.sleep(0)
        return provider

    make = {
        "provider": lambda page: provider,
        "mapping": lambda page: {"provider_or_model": provider, "voice": "Kore", "limits": Limits(ask_s=5)},
        "coroutine": coroutine,
        "model": lambda page: "offline-tutor",
        "none": lambda page: None,
        "default": None,
    }[kind]
    if kind in ("model", "none", "default"):
        page, said = await answer_of(make, "what is seven plus five")
        assert said == "Seven plus five is twelve."
    else:
        page, said = await answer_of(make)
        assert said == "You said hello"
    assert page.state.model == "offline-tutor"


async def test_make_knows_the_page_and_not_its_cookie():
    seen = []

    def make(page):
        seen.append(
            (page.query_params["lang"], dict(page.cookies), page.client.host, threading.current_thread())
        )
        return tutor()

    async with serving(web.app(make)) as base:
        page = TalkPage(base)
        await page.let_in()
        name, value = page.cookie.split("=")
        page.cookie += "; mine=1"
        page.query = "?lang=de"
        await page.open()
        await page.until(lambda: page.state)
        ((lang, cookies, host, thread),) = seen
        assert (lang, cookies, host) == ("de", {"mine": "1"}, "127.0.0.1")
        assert thread is not threading.current_thread()  # a slow one holds up nobody's voice
        assert name.startswith("livewidget-")
        assert len(value) >= 32
        await page.close()


async def test_tools_run_on_threads_of_their_own_as_in_a_notebook():
    ran = {}

    def plain(text: str) -> str:
        """Take a note."""
        ran["plain"] = threading.current_thread()
        return text

    async def coroutine() -> str:
        """Get the time."""
        ran["coroutine"] = threading.current_thread()
        return "noon"

    def calls(name):
        return FunctionRequest(name, {"text": "hello"} if name == "plain" else {})

    provider = StandIn(ears=Ears(), brain=calls, voice=lambda text: numbered(0.1))
    async with serving(
        web.app(lambda page: {"provider_or_model": provider, "tools": [plain, coroutine]})
    ) as base:
        page = await TalkPage(base).load()
        for name in ("plain", "coroutine"):
            await page.type(name)
            await page.until(lambda name=name: name in ran)
        await page.close()
    assert threading.current_thread() not in ran.values()
    assert ran["coroutine"].name == "livewidget tools"


SECRET = "AIzaSyCANARY0123456789012345678901234567"


def broken_key(page):
    raise ValueError(f"no such key: {SECRET}")


async def test_why_an_agent_stopped_is_a_sentence_on_the_page_and_its_traceback_is_for_the_log(caplog):
    async with serving(web.app(lambda page: House())) as base:
        page = await TalkPage(base).load()
        assert page.state.badge == "ADK agent house · in this program"
        assert await page.ask("hello") == "You said hello."
        await page.type("crash")
        await page.until(lambda: page.state.phase == "ended")
        (notice,) = (told for told in page.seen if isinstance(told, m.NoticeView))
        assert notice.text.startswith("The ADK agent house stopped: no current")
        assert notice.details == ""
        assert "in on_text" in caplog.text
        assert "CANARY" not in caplog.text
        await page.close()


async def test_a_make_that_raises_is_one_sentence_on_the_page_and_a_traceback_in_the_log(caplog):
    fails = [True]

    def make(page):
        if fails:
            broken_key(page)
        return tutor(answer=numbered(0.1))

    async with serving(web.app(make)) as base:
        with caplog.at_level(logging.DEBUG):
            page = TalkPage(base)
            await page.let_in()
            assert await page.open() == {
                "error": "The conversation could not be prepared (ValueError); the server's log says where."
            }
            with pytest.raises(ConnectionClosed):
                await page.socket.recv()
            assert page.socket.close_code == 1008
        assert "in broken_key" in caplog.text
        assert "ValueError: no such key: …" in caplog.text
        assert SECRET not in caplog.text
        fails.clear()  # a press or a reload tries again
        await page.open()
        assert await page.ask("hello") == "You said hello"
        await page.close()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UsageError("Sign in first."), "Sign in first."),
        (HTTPException(403, "Only for members."), "Only for members."),
        ("voic", "A session has no option 'voic'; did you mean voice?"),
        (7, "Say whom to talk to: nothing, a model such as"),
    ],
)
async def test_what_is_said_on_purpose_is_shown_as_it_is(error, sentence):
    def make(page):
        if isinstance(error, Exception):
            raise error
        return {"voic": "Kore"} if error == "voic" else error

    app = web.app(make)
    async with serving(app) as base:
        page = TalkPage(base)
        await page.let_in()
        assert (await page.open())["error"].startswith(sentence)
        assert app.talks == 0


class Direct(StandIn):
    """A provider whose page connects itself, at `origin`; nothing is dialled here."""

    direct = True

    def __init__(self, origin):
        super().__init__()
        self.service_origin = origin

    service_origin = None


@pytest.mark.parametrize(
    ("origin", "connect", "named"),
    [
        ("wss://service.example", (), "wss://service.example"),
        ("wss://service.example", ["wss://other.example"], "wss://service.example"),
        ("wss://service.example", ["wss://service.example"], None),
        ("wss://service.example", "wss://service.example", None),
        ("", (), "wss://…"),
        ("", ["wss://service.example"], None),  # then the browser decides
    ],
)
async def test_a_page_that_is_to_connect_to_the_service_is_allowed_to_or_says_what_is_missing(
    origin, connect, named
):
    async with serving(web.app(lambda page: Direct(origin), connect=connect)) as base:
        sources = re.search(r"connect-src ([^;]*)", (await get(base)).header("content-security-policy"))[1]
        assert sources.split() == ["'self'", *([connect] if isinstance(connect, str) else connect)]
        page = TalkPage(base)
        await page.let_in()
        answer = await page.open()
        if named is None:
            assert "error" not in answer
        else:
            assert answer["error"] == web.NO_CONNECT.format(origin=named)
        await page.close()


async def test_of_the_pages_of_a_shared_conversation_only_the_one_that_talks_gets_a_token():
    """The kind: a guest who listens would connect as the one who talks."""
    async with Server(tutor(), wss_port=None, key=KEY) as server:
        gemini = Gemini(base_url=server.ws, api_key=KEY, direct=True)
        app = web.app(lambda page: gemini, shared=True, connect=gemini.service_origin)
        async with serving(app) as base:
            one, guest = await TalkPage(base).load(), await TalkPage(base).load()
            assert one.state.direct
            for page, socket in ((one, 1), (guest, 2)):
                await page._put(m.TakeAudio())
                await page.until(lambda page=page: page.state.owner == page.client)
                await page._put(m.Start(microphone=True))
                asked = await page.until(
                    lambda page=page: next(
                        (told for told in page.seen if isinstance(told, m.ServiceOpen)), None
                    ),
                )
                assert (asked.socket, asked.token[:12]) == (socket, "auth_tokens/")
            tokens = {
                told.token for page in (one, guest) for told in page.seen if isinstance(told, m.ServiceOpen)
            }
            assert len(tokens) == 2
            for page in (one, guest):
                assert sum(isinstance(told, m.ServiceOpen) for told in page.seen) == 1
                assert all(str(told).count("auth_tokens/") == 0 for told in page.seen)
                await page.close()


async def test_a_make_that_raises_for_one_page_leaves_the_others_alone():
    made = []

    def make(page):
        made.append(page)
        if len(made) == 2:
            raise RuntimeError
        return tutor(answer=numbered(0.1))

    async with serving(web.app(make)) as base:
        one = await TalkPage(base).load()
        other = TalkPage(base)
        await other.let_in()
        assert "RuntimeError" in (await other.open())["error"]
        assert await one.ask("hello") == "You said hello"
        await one.close()


# --- Who may come in ----------------------------------------------------------------------------------------


async def test_a_token_lets_one_browser_in_once():
    app = web.app(lambda page: tutor(), tokens=True)
    async with serving(app) as base:
        token = app.token().reveal()
        stranger = TalkPage(base)
        answer = await stranger.let_in()
        assert (answer.status, answer.text) == (403, web.NEEDS_ADDRESS)
        assert answer.header("set-cookie") == ""
        one = TalkPage(base)
        answer = await one.let_in(token)
        assert answer.status == 204
        given = answer.header("set-cookie")
        assert re.fullmatch(r"livewidget-[0-9a-f]{12}=[\w-]{32,}; HttpOnly; SameSite=strict", given)
        again = await stranger.let_in(token)
        assert (again.status, again.text) == (403, web.NEEDS_TOKEN)
        # The browser that it let in may open the address again, and load the page again without it.
        assert (await one.let_in(token)).status == 204
        assert (await one.let_in()).status == 204
        for page in (one, stranger):
            greeting = await page.open()
            assert ("error" in greeting) is (page is stranger)
        await one.close()


async def test_a_handshake_without_its_upgrade_is_told_to_the_page_that_asks_why():
    """As a proxy makes it that knows no WebSockets."""
    async with serving(web.app(lambda page: tutor())) as base:
        page = TalkPage(base)
        assert (await page.let_in()).status == 204
        stray = await get(base, "socket", Cookie=page.cookie)
        assert stray.status == 426
        assert (await page.let_in()).status == 204, "somebody opened that address, and no proxy is in the way"
        assert (await get(base, "socket", Cookie=page.cookie, Sec_WebSocket_Key="x")).status == 426
        answer = await page.let_in()
        assert (answer.status, answer.text) == (403, web.NO_UPGRADE)
        assert (await page.let_in()).status == 204, "a page that is loaded again tries it again"


@pytest.mark.parametrize("token", ["x", "", "ü", "a" * 10_000])
async def test_what_is_no_token_is_refused(token):
    app = web.app(lambda page: tutor(), tokens=True)
    async with serving(app) as base:
        answer = await get(base, "session", Authorization=f"Bearer {token}")
        assert answer.status == 403
        assert answer.text.startswith("This ")
        basic = await get(base, "session", Authorization=f"Basic {app.token().reveal()}")
        assert basic.status == 403


async def test_a_token_expires():
    clock = ManualClock()
    app = web.app(lambda page: tutor(), tokens=True, clock=clock)
    async with serving(app) as base:
        old, new = app.token(60).reveal(), app.token().reveal()
        clock.advance(60_000)
        assert (await TalkPage(base).let_in(old)).text == web.NEEDS_TOKEN
        assert (await TalkPage(base).let_in(new)).status == 204


async def test_a_cookie_lasts_as_long_as_its_page_is_open_and_half_a_day_more():
    clock = ManualClock()
    app = web.app(lambda page: tutor(), tokens=True, clock=clock)
    async with serving(app) as base:
        page = await TalkPage(base).load(app.token().reveal())
        clock.advance(13 * 3_600_000)  # left open overnight
        await page.cut()
        assert "error" not in await page.open()
        await page.close()
        clock.advance(11 * 3_600_000)
        assert (await page.let_in()).status == 204
        clock.advance(13 * 3_600_000)
        assert (await page.let_in()).text == web.NEEDS_ADDRESS


async def test_a_cookie_of_another_server_is_worth_nothing():
    apps = [web.app(lambda page: tutor(), tokens=True) for _ in range(2)]
    async with serving(apps[0]) as one, serving(apps[1]) as other:
        page = TalkPage(one)
        await page.let_in(apps[0].token().reveal())
        # Cookies do not tell ports apart: a browser sends it to both.
        assert (await TalkPage(other, cookie=page.cookie).let_in()).text == web.NEEDS_ADDRESS
        # Not by its value either.
        name = (await TalkPage(other).let_in(apps[1].token().reveal())).header("set-cookie").split("=")[0]
        forged = TalkPage(other, cookie=f"{name}={page.cookie.split('=')[1]}")
        assert (await forged.let_in()).status == 403
        assert await forged.open() == {"error": web.UNKNOWN}


async def test_without_tokens_whoever_reaches_it_is_let_in_and_a_page_without_a_cookie_is_told():
    async with serving(web.app(lambda page: tutor())) as base:
        page = TalkPage(base)
        assert await page.open() == {"error": web.UNKNOWN}
        assert (await page.let_in()).status == 204
        await page.open()
        await page.close()


async def test_a_card_is_let_in_by_its_token_once_and_comes_back_by_the_session_it_got():
    app = web.app(lambda page: tutor(answer=numbered(0.2)), tokens=True, origins=["https://shop.example"])
    async with serving(app) as base:
        token = app.token().reveal()
        card = TalkPage(base, origin="https://shop.example")
        session = (await card.open(token, card=True))["next"]["token"]
        assert await card.ask("one") == "You said one"
        second = TalkPage(base, origin="https://shop.example")
        assert await second.open(token, card=True) == {"error": web.CARD_TOKEN_USED}
        assert await TalkPage(base).open(card=True) == {"error": web.CARD_NEEDS_TOKEN}
        # Twice: a greeting that is lost on the way does not lock the card out.
        name = card.greeting["proof"]
        for _ in range(2):
            await card.cut()
            greeting = await card.open(session, card=True)
            assert (greeting["next"]["token"], greeting["proof"]) == (session, name)
        await card.until(lambda: len(card.turns) == 2)
        assert await card.ask("two") == "You said two"
        assert (app.talks, card.faults()) == (1, (0, 0))
        assert session not in repr(app.__dict__)
        await card.close()


async def test_a_cards_session_lasts_as_long_as_it_is_open_and_half_a_day_more():
    clock = ManualClock()
    app = web.app(lambda page: tutor(), tokens=True, clock=clock)
    async with serving(app) as base:
        card = TalkPage(base)
        session = (await card.open(app.token().reveal(), card=True))["next"]["token"]
        clock.advance(20 * 3_600_000)
        await card.cut()
        assert "error" not in await card.open(session, card=True)
        await card.close()
        await card.until(lambda: not app._talks._pages)
        clock.advance(13 * 3_600_000)
        assert await TalkPage(base).open(session, card=True) == {"error": web.CARD_TOKEN_USED}


async def test_without_tokens_cards_of_pages_whose_origin_is_named_are_let_in_each_with_its_own():
    app = web.app(lambda page: tutor(answer=numbered(0.2)), origins=["https://shop.example"])
    async with serving(app) as base:
        cards = [TalkPage(base, origin="https://shop.example") for _ in range(2)]
        for card in cards:
            assert "token" in (await card.open(card=True))["next"]
            await card.until(lambda card=card: card.state is not None)
        assert app.talks == 2
        assert len({card.greeting["proof"] for card in cards}) == 2
        with pytest.raises(InvalidStatus):
            await TalkPage(base, origin="https://other.example").open(card=True)
        # What was left of a server that was started again is as good as nothing.
        assert "error" not in await TalkPage(base).open("old", card=True)
        for card in cards:
            await card.close()


async def test_a_card_can_read_whether_its_page_may_use_the_server_and_nothing_else():
    app = web.app(lambda page: tutor(), origins=["https://shop.example"], on_refused=lambda blocked: None)
    async with serving(app) as base:
        for origin, status in (("https://shop.example", 204), ("https://other.example", 403)):
            here = await get(base, "here", Origin=origin)
            assert (here.status, here.header("access-control-allow-origin")) == (status, "*")
        assert here.text.strip() == "Pages of other origins may not use this server."
        for path in ("", "session", "widget.js", "health", "socket"):
            assert (await get(base, path)).header("access-control-allow-origin") == ""


TABLE = [
    ("{here}", None, True),
    ("{here}", "http://{here}", True),
    ("localhost:1", "http://localhost:1", True),  # as ssh -L and port maps have it
    ("{here}", "http://evil.example", False),
    ("{here}", "http://{here}.evil.example", False),
    ("{here}", "http://localhost:1", False),
    ("{here}", "null", False),
    ("{here}", "", False),
    ("evil.example", None, False),
    ("evil.example", "http://evil.example", False),  # DNS rebinding
    ("{here}.evil.example", None, False),
    ("talk.example", "https://talk.example", False),
]


@pytest.mark.parametrize(("host", "origin", "passes"), TABLE)
async def test_hosts_and_origins_are_compared_whole(host, origin, passes):
    refused = []
    async with serving(web.app(lambda page: tutor(), on_refused=refused.append)) as base:
        here = base.split("/")[2]
        headers = {"Host": host.format(here=here)}
        if origin is not None:
            headers["Origin"] = origin.format(here=here)
        for path in ("", "session", "widget.js"):
            answer = await get(base, path, **headers)
            assert (answer.status < 300) is passes, (path, answer)
            assert passes or answer.header("set-cookie") == ""
        cookie = TalkPage(base)
        await cookie.let_in()
        wanted = {"Cookie": cookie.cookie, **headers}
        status = await handshake(base, wanted)
        assert status == (101 if passes else 403)
        assert len(refused) == (0 if passes else 4)


async def handshake(base, headers):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rstrip("/").rsplit(":", 1)[1]))
    lines = ["GET /socket HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


async def test_hosts_that_are_named_replace_this_computers_own(caplog):
    app = web.app(lambda page: tutor(), hosts=["talk.example:8443"], origins=["https://proxy.example"])
    async with serving(app) as base:
        for _ in range(3):
            answer = await get(base)
            assert (answer.status, answer.text.strip()) == (403, "This server does not answer to this name.")
        assert caplog.messages == [
            "A request was refused because of its host. If it is yours, name it in hosts=[…]."
        ]
        assert (await get(base, Host="talk.example:8443")).status == 200
        assert (await get(base, Host="talk.example")).status == 403
        for origin, status in (("https://proxy.example", 101), ("https://other.example", 403)):
            assert await handshake(base, {"Host": "talk.example:8443", "Origin": origin}) == status


async def test_a_page_of_another_origin_gets_no_cookie_by_a_request_without_an_origin():
    async with serving(web.app(lambda page: tutor())) as base:
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 204), ("none", 204)):
            assert (await get(base, "session", Sec_Fetch_Site=site)).status == status


@pytest.mark.parametrize("frame", ["", "[]", "{}", '{"client": 7}', '{"client": ', b"\0\1", "x" * 5000])
async def test_a_first_frame_that_is_none_is_one_sentence(frame):
    async with serving(web.app(lambda page: tutor())) as base:
        page = TalkPage(base)
        await page.let_in()
        async with connect(
            base.replace("http", "ws") + "socket", additional_headers={"Cookie": page.cookie}, proxy=None
        ) as socket:
            await socket.send(frame)
            assert "reload" in json.loads(await socket.recv())["error"]
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1008


async def test_sockets_that_say_nothing_are_bounded():
    async with serving(web.app(lambda page: tutor())) as base:
        address = base.replace("http", "ws") + "socket"
        silent = [await connect(address, proxy=None) for _ in range(web._MOST_WAITING)]
        with pytest.raises(InvalidStatus):
            await connect(address, proxy=None)
        for socket in silent:
            await socket.close()


# --- Coming back --------------------------------------------------------------------------------------------


async def test_a_page_that_is_loaded_again_within_the_lease_goes_on():
    made = []
    app = web.app(lambda page: made.append(page) or tutor(answer=numbered(0.2)))
    async with serving(app) as base:
        page = await TalkPage(base).load()
        await page.start(microphone=False)
        assert await page.ask("one") == "You said one"
        await page.close()
        again = await page.again().load()
        assert [words(turn) for turn in again.turns.values()] == ["one", "You said one"]
        assert again.state.phase == "live"
        assert await again.ask("two") == "You said two"
        assert (len(made), app.talks) == (1, 1)
        await again.close()


async def test_what_nobody_looks_at_ends_after_the_lease():
    provider = tutor(answer=numbered(0.2))
    made = []
    app = web.app(lambda page: made.append(page) or provider, lease_s=0.1)
    async with serving(app) as base:
        page = await TalkPage(base).load()
        await page.start(microphone=False)
        await page.ask("one")
        await asyncio.sleep(0.3)  # a page that is there has no lease
        assert (app.talks, len(provider._injectors)) == (1, 1)
        await page.close()
        async with asyncio.timeout(10):
            while app.talks or provider._injectors:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        again = await page.again().load()
        assert (again.turns, len(made)) == ({}, 2)
        await again.close()
        assert not [task for task in asyncio.all_tasks() if "stand-in" in task.get_name()]


async def test_a_socket_cut_in_mid_answer_comes_back_with_every_sample_once():
    async with serving(web.app(lambda page: tutor())) as base:
        page = await TalkPage(base, speed=3).load()
        await page.start(microphone=False)
        await page.type("hello")
        for place in (0.5, 1.5, 2.5, 3.5):
            await page.until(
                lambda place=place: sum(len(pcm) for *_, pcm in page.heard) > place * 2 * PLAY_RATE
            )
            await page.cut()
            await page.open()
        await page.until(lambda: len(page.audio(1)) >= ANSWER.nbytes)
        await page.until(lambda: page.turns[1].final)
        assert page.faults() == (0, 0)
        assert page.audio(1) == ANSWER.tobytes()
        await page.close()


async def test_the_comparison_sees_what_a_page_without_numbers_would_play():
    """The control: what is repeated after a break is played twice by a page that does not look at numbers."""
    async with serving(web.app(lambda page: tutor())) as base:
        page = await TalkPage(base, speed=3, numbers=False).load()
        await page.start(microphone=False)
        await page.type("hello")
        await page.until(lambda: sum(len(pcm) for *_, pcm in page.heard) > PLAY_RATE)
        await page.cut()
        await page.open()
        await page.until(lambda: page.turns[1].final and len(page.audio(1)) >= ANSWER.nbytes)
        assert page.faults() != (0, 0)
        assert page.audio(1) != ANSWER.tobytes()
        await page.close()


@pytest.mark.parametrize("resends", [True, False])
async def test_what_is_said_while_the_socket_is_cut_arrives_once(resends):
    """Sent again by the page, which has it until it is acknowledged; the control is a page that does not."""
    ears = Ears("hello")
    spoken = LOUD * 20 + b"".join(SECOND)
    async with serving(web.app(lambda page: tutor(ears=ears, answer=numbered(0.2)))) as base:
        page = await TalkPage(base, resends=resends).load()
        await page.start()
        speaking = asyncio.create_task(page.speak(spoken))
        await asyncio.sleep(0.6)
        await page.cut()
        await asyncio.sleep(0.4)
        await page.open()
        await speaking
        await page.until(lambda: any(words(turn) == "You said hello" for turn in page.turns.values()))
        heard = bytes(ears.heard).rstrip(b"\0")
        assert (heard == spoken.rstrip(b"\0")) is resends
        await page.close()


async def test_a_page_that_floods_is_cut_and_the_others_talk_on():
    async with serving(web.app(lambda page: tutor(answer=numbered(0.1)))) as base:
        flooding, other = await TalkPage(base).load(), await TalkPage(base).load()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(20_000):
                await flooding.type(" ")
        await flooding.until(lambda: flooding.closed)
        assert flooding.closed[0] == 1013
        assert await other.ask("hello") == "You said hello"
        await other.close()


async def test_there_are_so_many_conversations_and_the_next_page_is_told():
    app = web.app(lambda page: tutor(answer=numbered(0.1)), most_talks=2)
    async with serving(app) as base:
        pages = [await TalkPage(base).load() for _ in range(2)]
        await pages[0].ask("hello")
        late = TalkPage(base)
        await late.let_in()
        assert await late.open() == {"error": web.FULL.format(most=2)}
        await pages[0].close()  # something was said in it: it is kept for its page
        assert await late.open() == {"error": web.FULL.format(most=2)}
        await pages[1].close()  # nothing was: it gives way
        assert "error" not in await late.open()
        assert app.talks == 2
        again = await pages[0].again().load()
        assert len(again.turns) == 2
        await late.close()
        await again.close()


async def test_pages_that_come_while_their_conversation_is_made_get_the_same():
    made = []

    async def make(page):
        made.append(page)
        await asyncio.sleep(0.1)
        return tutor()

    app = web.app(make)
    async with serving(app) as base:
        first = TalkPage(base)
        await first.let_in()
        second = first.again()
        await asyncio.gather(first.open(), second.open())
        assert (len(made), app.talks) == (1, 1)
        await first.close()
        await second.close()


# --- The end ------------------------------------------------------------------------------------------------


async def test_closing_tells_the_pages_and_leaves_no_task():
    provider = tutor()
    app = web.app(lambda page: provider)
    before = asyncio.all_tasks()
    async with serving(app) as base:
        pages = [await TalkPage(base).load() for _ in range(3)]
        await pages[0].start(microphone=False)
        await pages[0].type("hello")
        await pages[0].until(lambda: pages[0].heard)
        await app.close()
        for page in pages:
            await page.until(lambda page=page: page.closed)
            assert page.closed[0] == 1001
        late = TalkPage(base)
        await late.let_in()
        assert await late.open() == {"error": web.ENDING}
        await app.close()  # twice is allowed
    for page in pages:
        await page.close()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not provider._injectors


async def test_the_lifespan_ends_what_is_open():
    provider = tutor()
    talk = web.app(lambda page: provider)
    outer = Starlette(routes=[Mount("/talk", talk)], lifespan=talk.lifespan)
    async with serving_of(outer) as base, outer.router.lifespan_context(outer):
        page = await TalkPage(base + "talk/").load()
        await page.start(microphone=False)
        assert (talk.talks, len(provider._injectors)) == (1, 1)
        assert (await get(base, "talk/health")).status == 200
    assert (talk.talks, len(provider._injectors)) == (0, 0)
    assert page.closed[0] == 1001
    await page.close()
    # An application may be started again, as its own tests do.
    async with serving_of(outer) as base, outer.router.lifespan_context(outer):
        page = await TalkPage(base + "talk/").load()
        await page.close()


async def test_twenty_pages_that_come_and_go_leave_nothing():
    app = web.app(lambda page: tutor(answer=numbered(0.1)), lease_s=0.05)
    before = None
    async with serving(app) as base:
        for _ in range(20):
            page = await TalkPage(base).load()
            await page.ask("hello")
            await page.close()
            async with asyncio.timeout(10):
                while app.talks:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            found = (len(asyncio.all_tasks()), threading.active_count(), open_files())
            before = before or found
        assert found[0] <= before[0]
        assert found[1] <= before[1] + 1
        assert found[2] <= before[2] + 1


def open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def test_unused_returns_once_nobody_has_looked_for_so_long():
    app = web.app(lambda page: tutor())
    async with serving(app) as base:
        page = await TalkPage(base).load()
        waiting = asyncio.create_task(app.unused(0.2))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await page.close()
        await asyncio.wait_for(waiting, 10)


# --- In other applications, on other servers ----------------------------------------------------------------


async def test_it_is_mounted_under_a_prefix():
    talk = web.app(lambda page: tutor(answer=numbered(0.1)))
    outer = Starlette(routes=[Mount("/a/b", talk)], lifespan=talk.lifespan)
    async with serving_of(outer, talk.close) as root:
        base = root + "a/b/"
        for path in ("", "widget.js", "health"):
            assert (await get(base, path)).status == 200
        page = await TalkPage(base).load()
        assert await page.ask("hello") == "You said hello"
        await page.close()


APPS = {
    "alone": "app = talk",
    "mounted": "app = FastAPI(lifespan=talk.lifespan); app.mount('/talk', talk)",
    "lifespan left out": "app = FastAPI(); app.mount('/talk', talk)",
    "starlette": "app = Starlette(routes=[Mount('/talk', talk)], lifespan=talk.lifespan)",
}
BEGIN = """
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from livewidget import Gemini, web
talk = web.app()
"""


@asynccontextmanager
async def uvicorn(folder, code, *options):
    """Real uvicorn, as a process of its own, on the application `app` of `code`; gives it and its address."""
    (folder / "module.py").write_text(code)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "uvicorn", "module:app", "--port", "0", *options,
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=without_keys() | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        printed = b""
        async with asyncio.timeout(60):
            while not (found := re.search(rb"running on (http://[\d.:]+)", printed)):
                line = await process.stdout.readline()
                assert line, printed.decode()
                printed += line
        yield process, found[1].decode()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def without_keys():
    return {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}


@pytest.mark.parametrize("kind", APPS)
async def test_a_server_that_is_told_to_end_does_so_with_pages_open(kind, tmp_path):
    async with uvicorn(tmp_path, BEGIN + APPS[kind]) as (process, address):
        base = address + ("/" if kind == "alone" else "/talk/")
        pages = [await TalkPage(base).load() for _ in range(2)]
        await pages[0].start(microphone=False)
        await pages[0].type("tell me a story")
        await pages[0].until(lambda: pages[0].heard)
        process.send_signal(signal.SIGTERM)
        output = (await asyncio.wait_for(process.communicate(), 20))[0].decode()
        assert "Traceback" not in output
        assert "Error" not in output
        assert "never" not in output
        # uvicorn raises the signal again once it has shut down.
        assert process.returncode in (0, -signal.SIGTERM)
        for page in pages:
            await page.until(lambda page=page: page.closed)
            assert page.closed[0] in (1001, 1012)
            await page.close()


async def test_it_is_behind_a_proxy_that_takes_a_prefix_away(tmp_path):
    async with uvicorn(tmp_path, BEGIN + APPS["alone"], "--root-path", "/some/prefix") as (_, address):
        page = await TalkPage(address + "/").load()
        assert await page.ask("what is seven plus five") == "Seven plus five is twelve."
        await page.close()


async def test_the_example_of_the_readme_runs(tmp_path):
    (code,) = re.findall(r"```python\n(# module\.py\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    async with uvicorn(tmp_path, code) as (_, address):
        page = TalkPage(address + "/talk/", query="?voice=Kore")
        assert "<title>Lights</title>" in (await get(page.base)).text
        await page.load()
        await page.type("turn the light on")
        results = await page.until(lambda: [use.result for turn in page.turns.values() for use in turn.tools])
        await page.until(
            lambda: any("is on" in use.result for turn in page.turns.values() for use in turn.tools)
        )
        assert len(results) == 1
        await page.close()
        wrong = TalkPage(address + "/talk/", query="?voice=Nobody", cookie=page.cookie)
        assert "Nobody" in (await wrong.open())["error"]


@pytest.mark.voice
def test_a_few_people_ask_by_voice_at_once_and_the_benchmark_says_how_it_was():
    done = subprocess.run(
        [sys.executable, "-W", "error", "benchmarks/web.py", "--pages", "2", "--spread", "0.5", "--rounds", "1", "--json"],
        capture_output=True, text=True, cwd=ROOT, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    load = json.loads(done.stdout)
    assert (load["pages"], load["asked"], load["answered"], load["right"]) == (2, 2, 2, 2)
    assert load["first_sound_p95_ms"] >= load["first_sound_p50_ms"] > 0
    assert load["memory_mb"] > 20 or not Path("/proc").exists()


# --- Wrong use, and what is missing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"make": "gemini-3.8-live"},
        {"most_talks": 0},
        {"most_talks": True},
        {"lease_s": 0},
        {"lease_s": "60"},
        {"hosts": ["*"]},
        {"origins": ["talk.example"]},
        {"connect": ["https://service.example"]},
        {"connect": "service.example"},
    ],
)
def test_wrong_arguments_are_one_sentence(options):
    with pytest.raises(UsageError, match=r"^[^\n]+\.$|seconds"):
        web.app(**options)


def test_an_application_without_tokens_makes_none():
    with pytest.raises(UsageError, match="tokens=True"):
        web.app().token()


def python(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def test_it_imports_no_jupyter():
    done = python(
        "import sys; from livewidget import web; web.app();"
        "print([name for name in ('anywidget', 'ipywidgets', 'IPython', 'ipykernel', 'traitlets', 'comm')"
        " if name in sys.modules])"
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_one_sentence_says_what_to_install(package):
    done = python(f"import sys; sys.modules[{package!r}] = None\nimport livewidget.web")
    assert done.stderr.strip().splitlines()[-1] == (
        "livewidget.errors.ExtraMissing: A page without Jupyter needs Starlette and uvicorn: "
        'pip install "livewidget[web]".'
    )
