"""What a person sees while a cell waits for an answer."""

from playwright.sync_api import expect

SLOW = """
import time
from livewidget import LiveWidget, StandIn
live = LiveWidget(StandIn(ears=lambda s: "", brain=lambda t: (time.sleep(4 * (t == "hello")), "late")[1], voice=lambda t: b""))
live
"""


def test_a_cell_that_asks_says_what_it_waits_for_and_leaves_nothing_of_that(open_talk):
    notebook = open_talk(SLOW, "print(live.ask('hello').text)", "turn = await live.ask('again')\nturn.text")
    notebook.run(0)
    notebook.run(1, wait=False)
    output = notebook.page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea").first
    expect(output).to_have_text("Waiting for the answer…", timeout=20_000)
    notebook.wait_for_cell(1)
    expect(output).to_contain_text("late")
    expect(output).not_to_contain_text("Waiting")
    first = output.locator(".jp-OutputArea-child").first.bounding_box()
    assert first is None or first["height"] == 0, "the line that is gone takes room"
    notebook.run(2)
    assert notebook.output(2).endswith("'late'")
