"""A phone call in the card of a JupyterLab: who calls, what is said, and what the person at the page can do about it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading

import pytest
from playwright.sync_api import expect

from livewidget.audio import read_wav
from tests.browser.card import Card
from tests.integrations.voxengine import VoxEngine

pytestmark = pytest.mark.long

CELLS = (
    "from livewidget import LiveWidget\nlive = LiveWidget()\nlive",
    "from livewidget.integrations.voximplant import answer_calls\n"
    "calls = answer_calls(live, port=0)\nprint(calls.url)",
)


@contextlib.contextmanager
def loop_of_callers():
    """An event loop on a thread of its own; Playwright has this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def tallest(card: Card) -> int:
    """The height of the waveform's tallest column, in pixels of its canvas."""
    height: int = card.root.locator(".lw-waveform canvas").evaluate(
        """(canvas) => {
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          const column = (x) => Array.from({ length: height }, (_, y) => data[4 * (y * width + x) + 3] > 0);
          return Math.max(...Array.from({ length: width }, (_, x) => column(x).filter(Boolean).length));
        }"""
    )
    return height


def test_a_call_is_followed_muted_and_hung_up_in_the_card(open_talk, sounds):
    notebook = open_talk(*CELLS)
    notebook.run(0)
    card = Card(notebook.page)
    notebook.run(1)
    url = notebook.output(1).strip()
    sound, rate = read_wav(sounds("what is seven plus five"))
    with loop_of_callers() as run:
        first, second = VoxEngine(url), VoxEngine(url, number="+15550001177")
        run(first.__aenter__())
        rows = card.root.locator(".lw-call-row")
        expect(rows).to_have_count(1)
        expect(rows.first.locator(".lw-caller")).to_have_text("+49 … 56 78")
        expect(rows.first.locator(".lw-call-role")).to_have_text("talks here")
        card.wait_hint("A caller talks here. Read along, or type.")
        expect(card.microphone).to_have_accessible_name("A caller has the microphone")
        quiet = tallest(card)
        first.say(sound, rate)
        card.wait_for_words("caller", "seven plus five")
        card.wait_for_words("tutor", "twelve")
        # What is heard on the phone is seen in the card.
        assert tallest(card) > quiet + 10
        expect(rows.first.locator(".lw-clock")).to_have_text(re.compile(r"00:0[1-9]|00:1\d"))

        run(second.__aenter__())
        expect(rows).to_have_count(2)
        expect(rows.nth(1).locator(".lw-caller")).to_have_text("+1 … 11 77")
        expect(rows.nth(1).locator(".lw-call-role")).to_have_text("own conversation")

        mute = rows.first.get_by_role("button", name="Mute +49 … 56 78")
        mute.click()
        expect(mute).to_have_attribute("aria-pressed", "true")
        expect(rows.first.locator(".lw-call-role")).to_have_text("muted")
        mute.click()
        expect(rows.first.locator(".lw-call-role")).to_have_text("talks here")
        # By the keys: from one button to the next.
        notebook.page.keyboard.press("Tab")
        expect(rows.first.get_by_role("button", name="Hang up +49 … 56 78")).to_be_focused()
        notebook.page.keyboard.press("Enter")
        expect(rows).to_have_count(1)
        run(first.until(lambda: first.is_over))
        expect(rows.first.locator(".lw-caller")).to_have_text("+1 … 11 77")
        run(second.hang_up())
        expect(card.root.locator(".lw-calls")).to_be_hidden()
        run(first.hang_up())
    # The page has its microphone back, and what the caller said stays the caller's.
    card.start()
    assert card.turns()[0][0] == "caller"
    assert notebook.page.locator(".lw-microphone[data-look=open]").count() == 1
    assert first.violations == second.violations == []
