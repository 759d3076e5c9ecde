"""Slow is not busy is not gone is not closed is not restarted: each is provoked, and the card says what it is."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST
from tests.browser.lab import toggle_saved_state

TRACKS = "() => window.__tap.tracks.map(t => t.readyState)"
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
#: A cell that soon holds the interpreter itself: no thread of the kernel does anything then.
HELD = "import ctypes, time\ntime.sleep(1)\nctypes.PyDLL(None).sleep(14)"


def told(notebook):
    return json.loads(notebook.python(TOLD))


def wait_for_word(card: Card, word: str, timeout: float = 20.0) -> None:
    expect(card.root.locator(".lw-word")).to_have_text(word, timeout=timeout * 1000)


def talk(open_talk, *cells):
    """A talk with one question and its answer."""
    notebook = open_talk(*(cells or (FIRST,)))
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    return notebook, card


def freeze(page, seconds: float) -> None:
    """No line of the page's program runs, as where its computer sleeps, or the browser has put the tab away."""
    session = page.context.new_cdp_session(page)
    session.send("Debugger.enable")
    session.send("Debugger.pause")
    time.sleep(seconds)  # What passes is the time of two other processes.
    session.send("Debugger.resume")
    session.send("Debugger.disable")


def test_a_server_that_stands_still_costs_the_talk_nothing_but_the_time(open_talk, lab):
    notebook, card = talk(open_talk)
    with lab.standing_still():
        wait_for_word(card, "no server")
        assert notebook.page.evaluate(TRACKS) == ["ended"]
        card.wait_for_notice("The notebook server does not answer")
        time.sleep(7)  # Together longer than a page may be silent for other pages.
    card.wait_live()
    card.wait_without_notice("server")
    assert notebook.page.evaluate(TRACKS) == ["ended", "live"]
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    after = told(notebook)
    assert (after["phase"], after["sessions"]) == ("live", 1)
    assert after["turns"][:2] == ["what is seven plus five", "Seven plus five is twelve."]
    assert "page-gone" not in after["notices"]


def test_a_page_without_a_network_is_told_from_a_server_that_is_away(open_talk, lab):
    notebook, card = talk(open_talk)
    with lab.standing_still():
        notebook.page.context.set_offline(True)
        wait_for_word(card, "offline")
        notebook.page.context.set_offline(False)
        wait_for_word(card, "no server")
    card.wait_live()


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
    assert card.turns()[-1] == ("tutor", "Seven plus five is twelve.")
    notebook.run(0)
    Card(notebook.page).start()


def test_a_kernel_that_was_shut_down_is_told_from_one_that_was_restarted(open_talk, lab):
    _notebook, card = talk(open_talk)
    lab.shut_down_kernels()
    wait_for_word(card, "no kernel")
    card.wait_hint("Run this cell to talk again.")


def test_a_kernel_that_answers_nobody_is_busy_and_not_gone(open_talk):
    notebook, card = talk(open_talk, FIRST, HELD)
    notebook.run(1, wait=False)
    # The server says "idle" where the last message before was one of the page's own.
    expect(card.root.locator(".lw-word")).to_have_text(
        re.compile("^(kernel busy|no answer)$"), timeout=20_000
    )
    card.wait_hint("Wait, or interrupt the running cell.", "Wait, or run this cell to talk again.")
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
    notebook.page.wait_for_timeout(12_000)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    card.wait_live()
    said = notebook.page.evaluate("() => [...window.__notices]")
    assert not [
        words for words in said if "busy" in words or "does not answer" in words or "closed" in words
    ], said
    assert told(notebook)["phase"] == "live"


def test_a_page_that_sleeps_for_a_while_is_not_closed(open_talk):
    notebook, card = talk(open_talk)
    freeze(notebook.page, 14)
    card.wait_live()
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    after = told(notebook)
    assert (after["phase"], after["sessions"]) == ("live", 1)
    assert "page-gone" not in after["notices"]


def test_a_talk_that_was_left_for_long_is_resumed_by_one_click(open_talk):
    """As after an hour of sleep: here a page may be silent for eleven seconds."""
    first = FIRST.replace("import LiveWidget", "import LiveWidget\nfrom livewidget.config import Limits")
    notebook, card = talk(open_talk, first.replace("LiveWidget()", "LiveWidget(limits=Limits(page_s=11))"))
    freeze(notebook.page, 18)
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


def test_a_page_that_is_loaded_again_goes_on_and_one_that_is_closed_ends_the_talk(open_talk):
    notebook, card = talk(open_talk)
    address = notebook.page.url
    notebook.save()
    notebook.page.reload()
    card = Card(notebook.page)
    card.wait_hint("The microphone is off. Press ● to talk.")
    card.start()
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    notebook.save()
    notebook.page.goto("about:blank")
    time.sleep(11)  # A page that is loaded again has ten seconds.
    notebook.page.goto(address)
    card = Card(notebook.page)
    card.wait_for_notice("The page was closed, so the conversation was ended.")
    card.start()
    assert card.turns()[1] == ("tutor", "Seven plus five is twelve.")


def test_a_card_that_was_saved_with_its_state_says_to_run_the_cell(open_talk, lab, browser):
    """It is drawn again when the notebook is opened, and has no kernel behind it."""
    notebook = open_talk()
    notebook.run(0)
    card = Card(notebook.page)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    expect(notebook.page.locator(".livewidget-transcript")).to_contain_text("twelve", timeout=10_000)
    toggle_saved_state(notebook.page)
    saved = notebook.save()
    toggle_saved_state(notebook.page)
    again = lab.root / "with-state.ipynb"
    saved["cells"][0]["source"] += "  # with its state"
    again.write_text(json.dumps(saved))
    lab.trust(again)
    page = browser.new_context().new_page()
    page.goto(f"{lab.url}/lab/workspaces/w-state/tree/{again.name}?token=tests")
    output = page.locator(".jp-OutputArea").first
    expect(output.get_by_text("livewidget was here: run the cell to talk again.")).to_be_visible(
        timeout=30_000
    )
    expect(output.get_by_text(re.compile("run this cell to talk again", re.IGNORECASE)).first).to_be_visible(
        timeout=30_000
    )
    expect(output.get_by_text("Press ● and talk")).to_have_count(0)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("kernel", ["python3", "gone"])
def test_a_notebook_that_is_opened_again_says_what_was_there(open_talk, lab, browser, trusted, kernel):
    """Whether its outputs are trusted, and whether a kernel can be started for it, or not."""
    notebook = open_talk()
    notebook.run(0)
    card = Card(notebook.page)
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    expect(notebook.page.locator(".livewidget-again")).to_be_hidden()
    expect(notebook.page.locator(".livewidget-transcript")).to_contain_text("twelve", timeout=10_000)
    saved = notebook.save()
    saved["metadata"]["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    saved["cells"][0]["source"] += f"  # {trusted} {kernel}"  # Or its signature is already known.
    again = lab.root / f"again-{trusted}-{kernel}.ipynb"
    again.write_text(json.dumps(saved))
    if trusted:
        lab.trust(again)
    page = browser.new_context().new_page()
    page.goto(f"{lab.url}/lab/workspaces/w-{trusted}-{kernel}/tree/{again.name}?token=tests")
    output = page.locator(".jp-OutputArea").first
    expect(output.get_by_text("livewidget was here: run the cell to talk again.")).to_be_visible(
        timeout=30_000
    )
    expect(output.locator(".livewidget-transcript")).to_contain_text("twelve")
    page.wait_for_timeout(4000)  # The widget manager looks for the model for two seconds.
    shown = " ".join(output.inner_text().split())
    assert shown == (
        "livewidget was here: run the cell to talk again. "
        "you what is seven plus five tutor Seven plus five is twelve."
    )
