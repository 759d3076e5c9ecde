"""What has gone wrong in hosts before: long cells in marimo, a hub with two users, and proxies that know pages alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.lab import LINKS, ROOT, chromium
from tests.browser.sounds import TAP
from tests.hosts.host import SHOW, Hub, Marimo, Nginx, end, new_page
from tests.hosts.test_hosts import ANSWER, TALK, answers, wait_for_answers
from tests.ports import free_port

pytestmark = pytest.mark.hosts

#: The button of a card whose microphone and voice are at another page.
TAKE = "Take the microphone and the voice here"

#: Seconds that a cell runs, in a talk that ends when its page has not been heard of for `PAGE_S`.
LONG_S, PAGE_S = 25, 10
WATCHED = SHOW.replace("LiveWidget()", f"LiveWidget(limits=Limits(page_s={PAGE_S}))").replace(
    "import LiveWidget", "import Limits, LiveWidget"
)
#: The kernel does not look whether it is its own cell that keeps it from hearing the page.
UNWATCHED = WATCHED.replace("\nlive\n", "\nlive._loop.is_blocked = lambda: False\nlive\n")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("command", ["run", "edit"])
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "unwatched"])
def test_a_long_cell_of_marimo_does_not_end_the_talk(command, watched, microphone, tmp_path):
    """Its kernel takes no messages while a cell runs, so that the page seems to have gone."""
    show = WATCHED if watched else UNWATCHED
    with (
        chromium(microphone=microphone, repeats=True) as browser,
        closing(
            Marimo("marimo 0.25.2", tmp_path, command=command, show=show, LIVEWIDGET_SOCKET="0")
        ) as marimo,
    ):
        opened = marimo.open(browser, (TAP, LINKS))
        card = opened.show()
        card.start()
        card.wait_for_words("tutor", ANSWER, timeout=30)
        card.wait_hint(TALK)
        assert opened.way() == "through Jupyter"
        opened.begin_cell()
        if not watched:  # the negative control
            opened.page.wait_for_timeout((PAGE_S + 5) * 1000)
            opened.meanwhile.over.touch()
            card.wait_for_notice("Nothing was heard of the page for 10 s")
            return
        card.wait_for_notice("Kernel busy: microphone paused")
        opened.page.wait_for_timeout(LONG_S * 1000)
        assert opened.meanwhile.runs
        assert [notice for notice in card.notices() if "Kernel busy" not in notice] == []
        opened.meanwhile.over.touch()
        opened.meanwhile.wait_for(opened.page, opened.meanwhile.ended)
        card.wait_without_notice("Kernel busy")
        # A cell with `live.turns` is the transcript there: nothing is shown after a cell has ended but what is made anew.
        expect(opened.page.locator("table", has_text=ANSWER)).to_be_visible()
        wait_for_answers(card, answers(card) + 1)
        assert opened.red_lines() == []


@contextmanager
def talk_behind(nginx_root: Path, *, websockets: bool) -> Iterator[str]:
    """The address of `livewidget talk` below a path of an nginx, with the token that lets a browser in."""
    port = free_port()
    with closing(
        Nginx(nginx_root, {"/class/talk": f"http://127.0.0.1:{port}/"}, websockets=websockets)
    ) as nginx:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "livewidget", "talk", "--no-browser", f"--port={port}"),
                *("--allow-host", "notebook.test", "--origin", nginx.url),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            token = process.stdout.readline().strip().partition("#")[2]
            assert token, "livewidget talk printed no address"
            yield f"{nginx.url}/class/talk/#{token}"
        finally:
            end(process)
            process.stdout.close()


def test_livewidget_talk_works_below_a_path_of_a_proxy(microphone, tmp_path):
    with (
        chromium(microphone=microphone, repeats=True, hosts="notebook.test") as browser,
        talk_behind(tmp_path, websockets=True) as address,
    ):
        card = Card(new_page(browser, (TAP, LINKS), address))
        card.start()
        card.wait_for_words("tutor", ANSWER, timeout=30)


def test_a_proxy_that_passes_no_websocket_on_is_told_in_one_sentence(tmp_path):
    with (
        chromium(hosts="notebook.test") as browser,
        talk_behind(tmp_path, websockets=False) as address,
    ):
        page = new_page(browser, (), address)
        sentence = page.get_by_text(
            "such as a proxy, does not pass it on. Let it forward the headers Upgrade"
        )
        sentence.first.wait_for(timeout=20_000)


@pytest.mark.timeout(240)
def test_two_users_of_a_hub_talk_at_once_and_one_goes_on_in_a_page(microphone, tmp_path):
    with (
        chromium(microphone=microphone, repeats=True) as browser,
        closing(Hub("jupyterhub 6.1.1", tmp_path)) as hub,
    ):
        users = [hub.open(browser, (TAP, LINKS), user) for user in ("ada", "bob")]
        cards = [opened.show() for opened in users]
        for card in cards:
            card.start()
        for opened, card in zip(users, cards, strict=True):
            wait_for_answers(card, 2)
            assert opened.way() == "through jupyter-server-proxy"
        # The companion page of one of them, at the address that the card has for it.
        opened, card = users[0], cards[0]
        offered = opened.page.evaluate("() => window.__links.at(-1).browserPage")
        assert offered["address"].startswith(f"{hub.url}/user/ada/proxy/")
        page = opened.page.context.new_page()
        page.goto(f"{offered['address']}#{offered['token']}")
        companion = Card(page)
        companion.start()
        expect(card.root.get_by_role("button", name=TAKE)).to_be_visible()
        wait_for_answers(companion, answers(companion) + 1)
        # The other user has no way to it, not even with the address.
        stranger = users[1].page.context.new_page()
        assert stranger.goto(offered["address"]).status in (403, 404)
        for opened in users:
            assert opened.red_lines() == []
