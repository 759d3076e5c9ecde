"""The companion page: the talk of a notebook's card in a page of its own, with a socket of its own."""

from __future__ import annotations

import re
import socket
import time

import pytest
from playwright.sync_api import Page, expect

from livewidget.audio import resample
from tests.browser.card import Card
from tests.browser.cells import FIRST, busy_until
from tests.browser.lab import Lab, open_notebook
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, heard, say
from tests.browser.test_talk import COLLECT, sent_answers
from tests.continuity import compare
from tests.widget.kernels import python_with

#: The card of the notebook has no socket: the browser refuses it.
WITHOUT_SOCKETS = """
if (location.pathname.startsWith('/lab')) {
  window.WebSocket = new Proxy(WebSocket, { construct(target, args) {
    if (new URL(args[0]).pathname.endsWith('/socket')) throw new DOMException('', 'SecurityError');
    return new target(...args);
  } });
}
"""
MIRROR = "In another page. Press ● to talk here."


@pytest.fixture
def open_page(browser):
    """`open_page(address)` opens it in a context of its own, with a scripted microphone and a tapped player."""

    def open_(address: str, context=None, **options) -> Page:
        page = (context or browser.new_context(**options)).new_page()
        for script in (SCRIPTED_MICROPHONE, TAP):
            page.add_init_script(script)
        page.goto(address)
        return page

    return open_


def address_of(notebook) -> str:
    return notebook.python("print(live.page_url)")


def assert_heard(page: Page, answers: list, *, of: int) -> None:
    """The last `of` answers left this page's player as they were sent: nothing lost, nothing repeated."""
    assert len(answers) >= of
    deadline = time.monotonic() + 60  # an answer is heard in its own time; the longest is a story of 20 s
    while time.monotonic() < deadline:
        page.wait_for_timeout(200)
        played, rate = heard(page)
        recording = resample(played, rate, 24_000)
        reports = [compare(answer, recording, 24_000) for answer in answers[-of:]]
        if not any(report.unmatched_ms for report in reports):
            break
    for report in reports:
        assert (report.unmatched_ms, report.lost_ms) == (0, 0), reports
        assert report.inserted_ms <= 40, reports


def open_devices(page: Page) -> int:
    """How many microphones and audio contexts of the widget are open in this page."""
    return page.evaluate(
        "() => __tap.tracks.filter(t => t.readyState === 'live').length"
        " + __tap.contexts.filter(c => c.state !== 'closed').length"
    )


@pytest.mark.alone
@pytest.mark.long
def test_it_takes_over_microphone_and_voice_and_gives_them_back(open_talk, open_page, sounds):
    notebook = open_talk(FIRST, COLLECT)
    notebook.run(0)
    card = Card(notebook.page)
    notebook.run(1)
    card.start()
    say(notebook.page, sounds("what is seven plus five", before=0.5))
    card.wait_for_words("tutor", "twelve")
    assert_heard(notebook.page, sent_answers(notebook), of=1)

    page = open_page(address_of(notebook))
    there = Card(page)
    there.wait_for_words("tutor", "twelve")  # It follows before it takes anything.
    there.wait_hint(MIRROR)
    assert open_devices(page) == 0
    there.start()
    card.wait_hint(MIRROR)
    card.wait_for_notice("press ● to take them")
    notebook.page.wait_for_function(
        "() => __tap.tracks.every(t => t.readyState === 'ended') && __tap.contexts.every(c => c.state === 'closed')"
    )
    say(page, sounds("what is two plus two", before=0.5))
    there.wait_for_words("tutor", "two plus two is four")
    card.wait_for_words("tutor", "two plus two is four", timeout=20)  # All of it, read along in the card.
    assert_heard(page, sent_answers(notebook), of=1)
    card.type("what can you do")
    there.wait_for_words("you", "what can you do")
    there.wait_for_words("tutor", "sums")
    there.wait_hint("Talk whenever you like.", timeout=30)
    assert_heard(page, sent_answers(notebook), of=2)

    card.start()
    there.wait_hint(MIRROR)
    assert not any("press ● to take" in notice for notice in card.notices())
    before = len(sent_answers(notebook))
    say(notebook.page, sounds("what is nine plus one", before=0.5))
    card.wait_for_words("tutor", "ten")
    there.wait_for_words("tutor", "ten")
    assert len(sent_answers(notebook)) == before + 1
    assert_heard(notebook.page, sent_answers(notebook), of=1)
    assert open_devices(page) == 0


@pytest.mark.long
def test_on_ipykernel_6_the_talk_goes_on_there_while_a_cell_sleeps(lab, open_at_desk, sounds, tmp_path):
    over = tmp_path / "over"
    lab.add_kernel("6.29.5", python_with("6.29.5"))
    scripts = (SCRIPTED_MICROPHONE, TAP, WITHOUT_SOCKETS)
    notebook = open_at_desk(scripts, FIRST, busy_until("sleep", over), fresh=True, kernel="6.29.5")
    notebook.run(0)
    assert notebook.python("import ipykernel; print(ipykernel.__version__)") == "6.29.5"
    card = Card(notebook.page)
    card.start()
    expect(card.root.locator(".lw-offer")).to_be_hidden()
    notebook.run(1, wait=False)
    notebook.wait_until_busy()
    # The negative control: in the card the talk waits for the cell, and it says so.
    say(notebook.page, sounds("what is seven plus five", before=0.8))
    card.wait_for_notice("Kernel busy: microphone paused")
    notebook.page.wait_for_timeout(3000)  # An answer has time to come.
    assert not any("twelve" in words for _, words in card.turns())

    offer = card.root.get_by_role("link", name="Open in browser")
    expect(offer).to_be_visible()
    assert "#" not in offer.get_attribute("href")
    with notebook.page.context.expect_page() as opened:
        offer.click()
    page = opened.value
    for script in (SCRIPTED_MICROPHONE, TAP):
        page.add_init_script(script)
    page.reload()  # Goes on by the cookie, now with the scripted microphone.
    there = Card(page)
    there.start()
    say(page, sounds("what is two plus two", before=0.5))
    there.wait_for_words("tutor", "two plus two is four")
    assert notebook.page.evaluate("() => window.__done[1]") is False, "the cell was to run all the while"
    assert there.notices() == []
    over.touch()
    notebook.wait_for_cell(1, timeout=20)
    card.wait_hint(MIRROR)


def test_its_address_opens_one_page_which_a_reload_keeps(open_talk, open_page):
    notebook = open_talk()
    notebook.run(0)
    Card(notebook.page).type("what is seven plus five")
    address = address_of(notebook)
    bare = address.partition("#")[0]
    page = open_page(address)
    Card(page).wait_for_words("tutor", "twelve")
    assert page.evaluate("location.href") == bare
    page.reload()
    Card(page).wait_for_words("tutor", "twelve")
    again = open_page(address, page.context)  # The same browser: it was let in before.
    Card(again).wait_for_words("tutor", "twelve")
    for strange in (address, bare):
        stranger = open_page(strange)
        expect(stranger.locator(".livewidget[role=region]")).to_have_count(0)
        expect(stranger.get_by_role("alert")).to_have_text(re.compile(r"open the page anew"))
        assert "twelve" not in stranger.content()


def test_it_says_that_the_conversation_was_closed(open_talk, open_page):
    notebook = open_talk()
    notebook.run(0)
    page = open_page(address_of(notebook))
    there = Card(page)
    there.start()
    notebook.python("live.close()")
    there.wait_for_notice("This conversation ")  # … was closed, or has ended: the server may be gone with it.
    assert open_devices(page) == 0


def test_a_card_finds_its_kernel_and_says_so(open_talk):
    notebook = open_talk()
    notebook.run(0)
    card = Card(notebook.page)
    card.look("Wire")
    expect(card.root.locator(".lw-explorer-way")).to_have_text(
        "Connection to the kernel: a socket of its own."
    )
    assert notebook.page.locator("iframe[sandbox='allow-scripts'][src$='/here']").count() == 0


def test_a_card_that_finds_nobody_at_the_port_leaves_no_line_in_the_console(open_talk):
    """As at the end of an `ssh -L`, whose kernel is on another computer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    elsewhere = (
        "import msgspec\nfrom livewidget.widget.page_server import Hosted\noffer = Hosted.offer\n"
        f"Hosted.offer = lambda *a: msgspec.structs.replace(offer(*a), port={port})\n"
    )
    notebook = open_talk(elsewhere + FIRST, fresh=True)
    notebook.run(0)
    card = Card(notebook.page)
    card.look("Wire")
    expect(card.root.locator(".lw-explorer-way")).to_have_text(
        "Connection to the kernel: through the notebook, because nothing answered at the kernel's port."
    )
    assert not [line for line in notebook.console if str(port) in line]
    # The negative control: a socket that finds nobody does leave one.
    notebook.page.evaluate(
        "port => new Promise(done => { new WebSocket(`ws://127.0.0.1:${port}/`).onclose = done; }).then(() => 0)",
        port,
    )
    assert [line for line in notebook.console if str(port) in line]


class BarredLab(Lab):
    """A JupyterLab whose pages may have no microphone, as in a program that keeps it from notebooks."""

    def _write_home(self, python: str, theme: str) -> None:
        super()._write_home(python, theme)
        with (self._home / "config" / "jupyter_server_config.py").open("a") as config:
            config.write(
                'c.ServerApp.tornado_settings = {"headers": {"Permissions-Policy": "microphone=()"}}\n'
            )


def test_it_is_offered_where_the_page_may_have_no_microphone(browser, tmp_path):
    lab = BarredLab(tmp_path)
    try:
        notebook = open_notebook(lab, browser, [FIRST], scripts=(TAP,))
        notebook.run(0)
        card = Card(notebook.page)
        offer = card.root.get_by_role("link", name="Open in browser")
        expect(offer).to_be_visible()
        assert card.hint() == "This page gets no microphone."
        context = notebook.page.context
        with context.expect_page() as opened:
            offer.click()
        there = Card(opened.value)
        expect(there.root.get_by_role("link", name="Open in browser")).to_be_hidden()
        there.start()
        card.wait_hint(MIRROR)
        with context.expect_page() as opened_again:
            offer.click()  # Another address by now: the first one was used.
        Card(opened_again.value).wait_hint(MIRROR)
    finally:
        lab.close()
