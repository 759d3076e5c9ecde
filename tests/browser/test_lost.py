"""Slow is not busy is not gone is not closed is not restarted: each is provoked, and the card says what it is."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from livewidget.ui.bridge import LEASE_MS
from tests.browser.card import Card
from tests.browser.cells import FIRST, NO_SOCKET
from tests.browser.lab import open_notebook, toggle_saved_state

TRACKS = "() => window.__tap.tracks.map(t => t.readyState)"
CONTEXTS = "() => window.__tap.contexts.map(c => c.state)"
#: How many sessions the widget has opened, what is said of them, and what it knows of earlier ones.
TOLD = """
import json
print(json.dumps({
    "phase": live.phase,
    "notices": sorted(live._controller.state.notices),
    "turns": [turn.text for turn in live.turns],
    "resumed": "handle" in live.wire[0].json["setup"]["sessionResumption"],
    "sessions": live._controller.sessions.stops + 1,
}))
"""
#: A cell that soon holds the interpreter itself until there is a file: no thread of the kernel does anything then.
HELD = """
import ctypes, sys, time
libc = ctypes.PyDLL(None)
time.sleep(1)
interval = sys.getswitchinterval()
sys.setswitchinterval(1000)
while libc.access({over!r}, 0):
    libc.usleep(50_000)
sys.setswitchinterval(interval)
"""
#: Makes a file when the session has ended, for a test whose page cannot ask.
ENDED = """
from pathlib import Path
from livewidget import SessionEnded
@live.on(SessionEnded)
def _(event): Path({ended!r}).touch()
"""


def told(notebook):
    return json.loads(notebook.python(TOLD))


def wait_for_word(card: Card, word: str, timeout: float = 20.0) -> None:
    expect(card.root.locator(".lw-word")).to_have_text(word, timeout=timeout * 1000)


def talk(open_talk, *cells, **options):
    """A talk with one question and its answer."""
    notebook = open_talk(*(cells or (FIRST,)), **options)
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    return notebook, card


@contextmanager
def frozen(page):
    """No line of the page's program runs, as where its computer sleeps, or the browser has put the tab away."""
    session = page.context.new_cdp_session(page)
    session.send("Debugger.enable")
    session.send("Debugger.pause")
    yield
    session.send("Debugger.resume")
    session.send("Debugger.disable")
    session.detach()


def close_dialog_about_server(page) -> None:
    """JupyterLab asks its server every ten seconds; without an answer it shows a dialog, which takes the keys.

    It is made to ask now, and told not to say it again: else it would be chance whether what is typed goes there.
    """
    page.evaluate("() => void window.jupyterapp.serviceManager.kernels.refreshRunning()")
    dialog = page.locator(".jp-Dialog", has_text="Server Connection Error")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Close").click()


def wait_for_file(path, seconds: float) -> None:
    """What is waited for happens in another process."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was not made within {seconds} s"
        time.sleep(0.05)


@pytest.mark.alone  # its clock is that of the server which stands still, not that of a busy computer
def test_a_server_that_stands_still_costs_the_talk_nothing_but_the_time(open_talk, lab):
    """Nor does a network that is away for a while, which is told from it."""
    notebook, card = talk(open_talk, NO_SOCKET + FIRST)
    began = time.monotonic()
    with lab.standing_still():
        notebook.page.context.set_offline(True)
        wait_for_word(card, "offline")
        close_dialog_about_server(notebook.page)
        notebook.page.context.set_offline(False)
        wait_for_word(card, "no server")
        assert notebook.page.evaluate(TRACKS) == ["ended"]
        card.wait_for_notice("The notebook server does not answer")
        # Longer than a page may be silent for other pages.
        time.sleep(max(0.0, 1.3 * LEASE_MS / 1000 - (time.monotonic() - began)))
    card.wait_live()
    card.wait_without_notice("server")
    assert notebook.page.evaluate(TRACKS) == ["ended", "live"]
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    after = told(notebook)
    assert (after["phase"], after["sessions"]) == ("live", 1)
    assert after["turns"][:2] == ["what is seven plus five", "Seven plus five is twelve."]
    assert "page-gone" not in after["notices"]


def test_after_a_restart_the_card_says_to_run_the_cell_and_so_does_its_button(open_talk):
    notebook, card = talk(open_talk)
    notebook.restart_kernel()
    wait_for_word(card, "restarted")
    card.wait_hint("Run this cell to talk again.")
    card.root.get_by_role("button", name="Dismiss").click()
    card.wait_without_notice("restarted")
    card.microphone.click()
    card.wait_for_notice("The kernel was restarted. Run this cell to talk again.")
    assert set(notebook.page.evaluate(TRACKS)) == {"ended"}
    assert set(notebook.page.evaluate(CONTEXTS)) == {"closed"}
    assert card.turns()[-1] == ("tutor", "Seven plus five is twelve.")
    notebook.run(0)
    Card(notebook.page).start()


def test_a_kernel_that_was_shut_down_is_told_from_one_that_was_restarted(open_talk, lab):
    _notebook, card = talk(open_talk)
    lab.shut_down_kernels()
    wait_for_word(card, "no kernel")
    card.wait_hint("Run this cell to talk again.")


def test_a_kernel_that_answers_nobody_is_busy_and_not_gone(open_talk, tmp_path):
    over = tmp_path / "over"
    notebook, card = talk(open_talk, FIRST, HELD.format(over=os.fsencode(over)))
    notebook.run(1, wait=False)
    # The server says "idle" where the last message before was one of the page's own.
    expect(card.root.locator(".lw-word")).to_have_text(
        re.compile("^(kernel busy|no answer)$"), timeout=20_000
    )
    card.wait_hint("Wait, or interrupt the running cell.", "Wait, or run this cell to talk again.")
    assert notebook.page.evaluate("() => window.__done[1]") is False
    over.touch()
    notebook.wait_for_cell(1, timeout=30)
    card.wait_live()
    assert told(notebook)["sessions"] == 1


def test_a_slow_page_is_not_a_busy_kernel(open_talk):
    notebook, card = talk(open_talk)
    session = notebook.page.context.new_cdp_session(notebook.page)
    notebook.page.evaluate(
        """() => { window.__notices = new Set();
          const look = () => document.querySelectorAll('.lw-note').forEach(n => window.__notices.add(n.textContent));
          new MutationObserver(look).observe(document.querySelector('.lw-notes'), { childList: true, subtree: true }); }"""
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": 12})
    notebook.page.wait_for_timeout(
        8000
    )  # Longer than it takes to tell that a kernel is silent: 5 s, and 1.5 s.
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.detach()
    card.wait_live()
    said = notebook.page.evaluate("() => [...window.__notices]")
    assert not [
        words for words in said if "busy" in words or "does not answer" in words or "closed" in words
    ], said
    assert told(notebook)["phase"] == "live"


@pytest.mark.long
def test_a_page_that_sleeps_for_a_while_is_not_closed(open_talk):
    notebook, card = talk(open_talk)
    with frozen(notebook.page):
        time.sleep(1.2 * LEASE_MS / 1000)  # What passes is the time of two other processes.
    card.wait_live()
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    after = told(notebook)
    assert (after["phase"], after["sessions"]) == ("live", 1)
    assert "page-gone" not in after["notices"]


def test_a_talk_that_was_left_for_long_is_resumed_by_one_click(open_talk, tmp_path):
    """As after an hour of sleep: here a page may be silent for eleven seconds."""
    first = FIRST.replace("import LiveWidget", "import LiveWidget\nfrom livewidget.config import Limits")
    first = first.replace("LiveWidget()", "LiveWidget(limits=Limits(page_s=11))")
    ended = tmp_path / "ended"
    notebook, card = talk(open_talk, first, ENDED.format(ended=str(ended)))
    notebook.run(1)
    with frozen(notebook.page):
        wait_for_file(ended, 30)
    wait_for_word(card, "broken off")
    card.wait_for_notice("Nothing was heard of the page for 11 s")
    card.wait_hint("The talk broke off. Press ● to go on.")
    card.start()
    after = told(notebook)
    assert after["resumed"]
    assert "page-gone" not in after["notices"]
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    assert card.turns()[:2] == [("you", "what is seven plus five"), ("tutor", "Seven plus five is twelve.")]


def test_a_page_that_is_loaded_again_goes_on_and_one_that_is_closed_ends_the_talk(open_talk, tmp_path):
    ended = tmp_path / "ended"
    notebook, card = talk(open_talk, FIRST, ENDED.format(ended=str(ended)), fresh=True)
    notebook.run(1)
    address = notebook.page.url
    notebook.save()
    notebook.page.reload()
    card = Card(notebook.page)
    card.wait_hint("The microphone is off. Press ● to talk.")
    card.start()
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    notebook.save()
    assert not ended.exists()
    notebook.page.goto("about:blank")
    wait_for_file(ended, 30)  # A page that is loaded again has ten seconds.
    notebook.page.goto(address)
    card = Card(notebook.page)
    card.wait_for_notice("The page was closed, so the conversation was ended.")
    card.start()
    assert card.turns()[1] == ("tutor", "Seven plus five is twelve.")


@pytest.fixture(scope="module")
def saved(lab, shared_browser):
    """A notebook as it was saved after a question and its answer: without the state of its widgets, and with it."""
    notebook = open_notebook(lab, shared_browser, [FIRST])
    notebook.run(0)
    card = Card(notebook.page)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    static = notebook.page.locator(".livewidget-transcript")
    expect(static).to_contain_text("twelve", timeout=10_000)
    expect(static).to_have_count(1)
    expect(static).to_be_hidden()
    expect(notebook.page.locator(".livewidget-again")).to_be_hidden()
    without = notebook.save()
    toggle_saved_state(notebook.page)
    with_state = notebook.save()
    toggle_saved_state(notebook.page)  # It is a setting of the server, and so of the tests that follow.
    notebook.page.context.close()
    assert "widgets" in with_state["metadata"]
    return without, with_state


@pytest.fixture
def open_again(lab, browser):
    """Write a notebook that was saved, and open it in a page where no talk was before. Returns its first output."""

    def open_(saved, *, trusted, kernel="python3"):
        again = json.loads(json.dumps(saved))
        again["metadata"]["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
        name = f"again-{os.urandom(3).hex()}"
        again["cells"][0]["source"] += f"  # {name}"  # Or its signature is already known.
        path = lab.root / f"{name}.ipynb"
        path.write_text(json.dumps(again))
        if trusted:
            lab.trust(path)
        page = browser.new_context().new_page()
        page.goto(f"{lab.url}/lab/workspaces/w-{name}/tree/{path.name}?token=tests")
        output = page.locator(".jp-OutputArea").first
        expect(output.get_by_text("livewidget was here: run the cell to talk again.")).to_be_visible(
            timeout=30_000
        )
        return output

    return open_


@pytest.mark.long
def test_a_card_that_was_saved_with_its_state_says_to_run_the_cell(saved, open_again):
    """It is drawn again when the notebook is opened, and has no kernel behind it."""
    _, with_state = saved
    output = open_again(with_state, trusted=True)
    expect(output.get_by_text(re.compile("run this cell to talk again", re.IGNORECASE)).first).to_be_visible(
        timeout=30_000
    )
    expect(output.get_by_text("Press ● and talk")).to_have_count(0)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("kernel", ["python3", "gone"])
def test_a_notebook_that_is_opened_again_says_what_was_there(saved, open_again, trusted, kernel):
    """Whether its outputs are trusted, and whether a kernel can be started for it, or not."""
    without, _ = saved
    output = open_again(without, trusted=trusted, kernel=kernel)
    expect(output.locator(".livewidget-transcript")).to_be_visible()
    expect(output.locator(".livewidget-transcript")).to_contain_text("twelve")
    output.page.wait_for_timeout(4000)  # The widget manager looks for the model for two seconds.
    shown = " ".join(output.inner_text().split())
    assert shown == (
        "livewidget was here: run the cell to talk again. "
        "you what is seven plus five tutor Seven plus five is twelve."
    )
