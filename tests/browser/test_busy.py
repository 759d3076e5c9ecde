"""Over the comm the talk goes on while a cell runs; where the kernel cannot do that, the card says so and recovers."""

from __future__ import annotations

import json

import pytest

from tests.browser.card import Card
from tests.browser.cells import FIRST, NO_SOCKET, WATCH, busy_until
from tests.browser.sounds import say
from tests.widget.kernels import python_with


@pytest.mark.parametrize("kind", ["sleep", "python", "numpy"])
def test_the_talk_goes_on_while_a_cell_runs(open_talk, sounds, tmp_path, kind):
    over = tmp_path / "over"
    notebook = open_talk(
        NO_SOCKET + FIRST, WATCH, busy_until(kind, over), "import json\nprint(json.dumps(numbers))"
    )
    notebook.run(0)
    card = Card(notebook.page)
    notebook.run(1)
    card.start()
    wav = sounds("what is seven plus five", before=0.8)
    notebook.run(2, wait=False)
    notebook.wait_until_busy()
    say(notebook.page, wav)
    card.wait_for_words("tutor", "twelve")
    assert notebook.page.evaluate("() => window.__done[2]") is False, "the cell was to run all the while"
    assert not any("Kernel busy" in notice for notice in card.notices())
    over.touch()
    notebook.wait_for_cell(2, timeout=20)
    notebook.run(3)
    numbers = json.loads(notebook.output(3))
    assert numbers == list(range(1, len(numbers) + 1)), "frames were lost or came twice"


def test_without_the_subshell_lane_the_microphone_waits_for_the_cell(open_talk, sounds, tmp_path):
    """The negative control: the same talk with the lane switched off is not answered while the cell runs."""
    over = tmp_path / "over"
    lane_off = "import os; os.environ['LIVEWIDGET_SUBSHELL_LANE'] = '0'\n"
    notebook = open_talk(NO_SOCKET + lane_off + FIRST, busy_until("sleep", over))
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    notebook.run(1, wait=False)
    notebook.wait_until_busy()
    say(notebook.page, sounds("what is seven plus five", before=0.8))
    card.wait_for_notice("Kernel busy: microphone paused")
    notebook.page.wait_for_timeout(3000)  # An answer has time to come.
    assert not any("twelve" in words for _, words in card.turns())
    over.touch()
    notebook.wait_for_cell(1, timeout=20)


@pytest.fixture
def open_with(lab, open_talk):
    """`open_with("6.29.5", *cells)` opens a notebook whose kernel is that ipykernel."""

    def open_(version, *cells):
        lab.add_kernel(version, python_with(version))
        notebook = open_talk(*cells, kernel=version)
        notebook.run(0)
        assert notebook.python("import ipykernel; print(ipykernel.__version__)") == version
        return notebook, Card(notebook.page)

    return open_


@pytest.mark.long
def test_on_ipykernel_7_3_the_talk_goes_on(open_with, sounds, tmp_path):
    over = tmp_path / "over"
    notebook, card = open_with("7.3.0", NO_SOCKET + FIRST, busy_until("sleep", over))
    card.start()
    notebook.run(1, wait=False)
    notebook.wait_until_busy()
    say(notebook.page, sounds("what is seven plus five", before=0.8))
    card.wait_for_words("tutor", "twelve")
    assert notebook.page.evaluate("() => window.__done[1]") is False
    over.touch()


@pytest.mark.long
def test_on_ipykernel_6_the_pause_is_shown_and_the_talk_recovers(open_with, sounds, tmp_path):
    over = tmp_path / "over"
    notebook, card = open_with("6.29.5", NO_SOCKET + FIRST, busy_until("sleep", over))
    card.start()
    notebook.run(1, wait=False)
    notebook.wait_until_busy()
    say(notebook.page, sounds("what time is it", before=0.5))
    card.wait_for_notice("Kernel busy: microphone paused")
    notebook.page.wait_for_timeout(4000)  # until what was said is older than the kernel takes for live
    over.touch()
    notebook.wait_for_cell(1, timeout=20)
    card.wait_without_notice("Kernel busy", timeout=10)
    notebook.page.wait_for_timeout(2500)
    assert card.turns() == [], "stale speech was sent as if live"
    say(notebook.page, sounds("what is seven plus five", before=0.3))
    card.wait_for_words("tutor", "twelve")
