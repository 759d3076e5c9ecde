"""The talk goes on while a cell runs; where the kernel cannot do that, the card says so and recovers."""

from __future__ import annotations

import json

import pytest

from tests.browser.card import Card
from tests.browser.conftest import FIRST_CELL
from tests.browser.lab import Lab, chromium, open_notebook
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, say

#: Notes when each microphone chunk of the page comes into the bridge, from the outside of the widget.
WATCH = """
import time
arrived = []
inner = live._handle_msg
def watch(message):
    content = message.get("content", {}).get("data", {}).get("content", {})
    if isinstance(content, dict) and content.get("lane") == "microphone":
        arrived.append((content["seq"], content["body"]["captured_ms"], time.time() * 1000))
    inner(message)
live._handle_msg = watch
live.comm.on_msg(watch)
"""

BUSY = {
    "sleep": "import time; time.sleep(8)",
    "python": "import time\nend = time.time() + 8\nx = 0\nwhile time.time() < end: x += 1",
    "numpy": (
        "import time, numpy as np\nend = time.time() + 8\na = np.random.rand(400, 400)\n"
        "while time.time() < end: a = a @ a; a /= a.max()"
    ),
}


@pytest.mark.parametrize("kind", list(BUSY))
def test_the_talk_goes_on_while_a_cell_runs(open_talk, sounds, kind):
    notebook = open_talk(
        FIRST_CELL, WATCH, BUSY[kind], "json_arrived = __import__('json').dumps(arrived); print(json_arrived)"
    )
    notebook.run(0)
    card = Card(notebook.page)
    notebook.run(1)
    card.start()
    wav = sounds("what is seven plus five", before=0.8)
    notebook.run(2, wait=False)
    say(notebook.page, wav)
    card.wait_for_words("tutor", "twelve", timeout=6)
    assert notebook.page.evaluate("() => window.__done[2]") is False, "the cell was to run all the while"
    assert not any("Kernel busy" in notice for notice in card.notices())
    notebook.wait_for_cell(2, timeout=20)
    notebook.run(3)
    arrived = json.loads(notebook.output(3))
    numbers = [seq for seq, *_ in arrived]
    assert numbers == list(range(1, len(numbers) + 1)), "frames were lost or came twice"


def test_without_the_subshell_lane_the_microphone_waits_for_the_cell(open_talk, sounds):
    """The negative control: the same talk with the lane switched off is not answered while the cell runs."""
    notebook = open_talk(
        "import os; os.environ['LIVEWIDGET_SUBSHELL_LANE'] = '0'\n" + FIRST_CELL, BUSY["sleep"]
    )
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    notebook.run(1, wait=False)
    say(notebook.page, sounds("what is seven plus five", before=0.8))
    card.wait_for_notice("Kernel busy: microphone paused", timeout=6)
    assert not any("twelve" in words for _, words in card.turns())
    notebook.wait_for_cell(1, timeout=20)


@pytest.fixture(scope="module")
def old_lab(tmp_path_factory):
    """A JupyterLab whose kernel is ipykernel 6.29: no subshells."""
    from tests.widget.kernels import python_with

    running = Lab(tmp_path_factory.mktemp("old"), python=python_with("6.29.5"))
    yield running
    running.close()


def test_on_ipykernel_6_the_pause_is_shown_and_the_talk_recovers(old_lab, sounds):
    with chromium() as browser:
        notebook = open_notebook(
            old_lab, browser, [FIRST_CELL, "import time; time.sleep(8)"], scripts=(SCRIPTED_MICROPHONE, TAP)
        )
        notebook.run(0)
        card = Card(notebook.page)
        assert notebook.python("import ipykernel; print(ipykernel.__version__)").startswith("6.29")
        card.start()
        notebook.run(1, wait=False)
        say(notebook.page, sounds("what time is it", before=0.5))
        card.wait_for_notice("Kernel busy: microphone paused", timeout=6)
        notebook.wait_for_cell(1, timeout=20)
        card.wait_without_notice("Kernel busy", timeout=10)
        notebook.page.wait_for_timeout(2500)
        assert not any("time" in words for who, words in card.turns() if who == "you"), (
            "stale speech was sent as if live"
        )
        say(notebook.page, sounds("what is seven plus five", before=0.3))
        card.wait_for_words("tutor", "twelve")
