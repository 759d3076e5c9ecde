"""Whatever ends, ends wholly: microphone, player, tasks, threads; and no secret stays anywhere."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.lab import toggle_saved_state

# Threads without the loop's own pool, which grows with the machine's load, and not with the runs.
COUNTS = """
import asyncio, gc, json, os, threading
from livewidget.widget.background import background
gc.collect()
async def tasks(): return len(asyncio.all_tasks()) - 1
running = background().submit(tasks()).result(5)
threads = sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())
print(json.dumps({"threads": threads, "tasks": running, "files": len(os.listdir('/proc/self/fd'))}))
"""

TRACKS = "() => window.__tap.tracks.map(t => t.readyState)"
CONTEXTS = "() => window.__tap.contexts.map(c => c.state)"


@pytest.mark.long
def test_stop_and_rerun_twenty_times_leaves_nothing_behind(open_talk):
    notebook = open_talk()
    counts = []
    for _ in range(21):
        notebook.run(0)
        card = Card(notebook.page)
        card.start()
        card.stop()
        counts.append(json.loads(notebook.python(COUNTS)))
    first = counts[2]
    while len(counts) < 41 and any(counts[-1][what] > first[what] for what in ("threads", "tasks")):
        counts.append(json.loads(notebook.python(COUNTS)))  # What is ending has a moment for it.
    last = counts[-1]
    assert last["threads"] <= first["threads"], counts
    assert last["tasks"] <= first["tasks"], counts
    assert last["files"] <= first["files"] + 2, counts
    assert set(notebook.page.evaluate(TRACKS)) == {"ended"}
    states = notebook.page.evaluate(CONTEXTS)
    assert sum(state != "closed" for state in states) <= 1, states


def test_deleting_the_output_gives_the_microphone_back(open_talk):
    notebook = open_talk()
    notebook.run(0)
    Card(notebook.page).start()
    assert notebook.page.evaluate(TRACKS) == ["live"]
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-cell-output')")
    notebook.page.wait_for_function(
        "() => window.__tap.tracks.every(t => t.readyState === 'ended')", timeout=5000
    )
    notebook.page.wait_for_function(
        "() => window.__tap.contexts.every(c => c.state === 'closed')", timeout=5000
    )
    assert (
        notebook.python(
            "import time\nfor _ in range(100):\n  if live.phase == 'ended': break\n  time.sleep(.1)\nprint(live.phase)"
        )
        == "ended"
    )


def test_nothing_starts_by_itself(open_talk):
    notebook = open_talk()
    notebook.run(0)
    Card(notebook.page)
    notebook.page.wait_for_timeout(1000)
    assert notebook.page.evaluate("() => window.__tap.tracks.length") == 0
    assert notebook.python("print(live.phase)") == "idle"


CANARY = "AIza" + "CANARY" * 6

KEYED = f"""
import os, logging
logging.basicConfig(level=logging.DEBUG, filename='everything.log')
os.environ['GEMINI_API_KEY'] = '{CANARY}'
from livewidget import LiveWidget, Gemini
live = LiveWidget(Gemini("gemini-3.8-live", base_url=os.environ['STANDIN_URL']))
live
"""


def test_the_key_is_found_nowhere(lab, open_talk, tmp_path):
    """Saved notebook with widget state, HTML export, repr, logs, errors."""
    server = subprocess.Popen(
        [sys.executable, "-m", "livewidget", "serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        url = json.loads(server.stdout.readline())["ws"]
        notebook = open_talk(
            f"import os; os.environ['STANDIN_URL'] = {url!r}",
            KEYED.replace(f"'{CANARY}'", "open('key.txt').read()"),
            "repr(live), str(live), repr(live._controller.provider), live.get_state()",
            "Gemini('no-such-model', base_url='ws://127.0.0.1:9')",
            "LiveWidget(Gemini('gemini-3.8-live', base_url='ws://127.0.0.1:9')).ask('hello')",
        )
        (lab.root / "key.txt").write_text(CANARY)
        notebook.run(0)
        notebook.run(1)
        card = Card(notebook.page)
        card.start()
        card.type("what is seven plus five")
        card.wait_for_words("gemini", "twelve")
        for cell in (2, 3, 4):
            notebook.run(cell)
        assert "nothing listens" in notebook.output(4).lower()
        expect(notebook.page.locator(".livewidget-transcript")).to_contain_text("twelve", timeout=10_000)
        toggle_saved_state(notebook.page)
        saved = json.dumps(notebook.save())
        toggle_saved_state(notebook.page)  # It is a setting of the server, and so of the tests that follow.
        assert "twelve" in saved, "the transcript must stand in the notebook"
        subprocess.run(
            [
                sys.executable,
                "-m",
                "nbconvert",
                "--to",
                "html",
                "--log-level",
                "ERROR",
                str(notebook.path),
                "--output",
                str(tmp_path / "page.html"),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        page = (tmp_path / "page.html").read_text()
        assert "twelve" in page, "the transcript must stand in the HTML export"
        places = {
            "notebook": saved,
            "html": page,
            "console": "\n".join(notebook.console),
            "log": (lab.root / "everything.log").read_text(),
            "server log": lab.log.read_text(errors="replace"),
        }
        assert [name for name, text in places.items() if CANARY in text] == []
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


MONEY = "It costs $5 and $10. Or \\\\(x\\\\) and $$y$$ and \\\\begin{align}z\\\\end{align}."


def test_money_in_the_transcript_is_no_formula(open_talk):
    """The kind: what somebody says is typeset, and reads otherwise than it was said. MathJax looks at every output."""
    notebook = open_talk(
        "from livewidget import LiveWidget, StandIn\n"
        f"live = LiveWidget(StandIn(brain=lambda text: '{MONEY}', voice=lambda text: b''))\nlive",
        "_ = live.ask('what does it cost', 30)\nlive.turns",
        # The control: the same words without the class that MathJax heeds. They come last.
        f"from IPython.display import HTML\nlive.close()\nHTML('<div class=\"without-the-class\"><p>{MONEY}</p></div>')",
    )
    for cell in range(3):
        notebook.run(cell)
    page = notebook.page
    expect(page.locator(".without-the-class mjx-container").first).to_be_attached(timeout=30_000)
    assert "$5 and $10" not in page.locator(".without-the-class").inner_text()
    transcript = page.locator(".livewidget-transcript")
    expect(transcript).to_be_visible()
    expect(transcript).to_contain_text("It costs $5 and $10.")
    expect(page.locator("table", has_text="It costs $5 and $10.")).to_have_count(1)
    expect(page.locator(".livewidget-transcript mjx-container, table mjx-container")).to_have_count(0)
