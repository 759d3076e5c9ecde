"""Somebody's agent in a JupyterLab: what it runs, whom it hands over to, how it ends, and what stays in the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.sounds import heard

HOUSE = (Path(__file__).parents[1] / "ui" / "house.py").read_text(encoding="utf-8")
LIVE = """
from livewidget import LiveWidget
live, doors = LiveWidget(House(takes=("turn_detection.silence_ms",))), []
@live.tool
def set_fan(on: bool) -> str:
    "Switch the fan."
    return "the fan is on"
@live.tool(require_approval=True)
def open_door(which: str) -> str:
    "Open a door."
    doors.append(which)
    return "the door is open"
live
"""


@pytest.fixture
def talk(open_talk):
    notebook = open_talk(HOUSE, LIVE)
    notebook.run(0)
    notebook.run(1)
    card = Card(notebook.page)
    return notebook, card


def test_its_own_tool_and_the_notebooks_are_chips_and_only_the_notebooks_asks(talk):
    notebook, card = talk
    expect(card.root.locator(".lw-who")).to_have_text("ADK agent house")
    expect(card.root.locator(".lw-badge")).to_have_text("in this kernel")
    card.type("light")
    card.wait_for_words("house", "the light is on")
    own = card.root.locator(".lw-chip").first
    expect(own).to_contain_text('set_light(on=True) → "the light is on" · ')
    expect(own).to_contain_text("· by house")
    expect(own.get_by_role("button")).to_have_count(0)
    card.type("door")
    asking = card.root.locator(".lw-chip").last
    expect(asking).to_have_attribute("data-state", "asking")
    # A notebook's own styles would give the name of an argument a fifth of the room that it needs.
    assert asking.locator("dt").evaluate("(name) => name.clientHeight") < 30
    assert notebook.python("print(doors)") == "[]"
    asking.get_by_role("button", name="Allow open_door", exact=True).click()
    card.wait_for_words("house", "it says the door is open")
    assert notebook.python("print(doors)") == "['front']"
    expect(asking).not_to_contain_text("by house")
    samples, _ = heard(notebook.page)
    assert abs(samples).max() > 0.05, "its voice was not heard"


@pytest.mark.long
def test_who_speaks_after_a_hand_over_and_why_it_stopped(talk):
    notebook, card = talk
    card.type("broken")
    card.wait_for_words("house", "the oven is broken")
    expect(card.root.locator(".lw-chip")).to_contain_text("failed: the oven does not answer · by house")
    card.type("kitchen")
    card.wait_for_words("kitchen", "what would you like?")
    expect(card.root.locator(".lw-handed:visible")).to_have_text(["handed over to kitchen"])
    expect(card.root.locator(".lw-lane-model")).to_have_text("kitchen")
    # In a narrow card too: the line, then the name, then the words.
    tops = """(row) => ['.lw-handed', '.lw-speaker', '.lw-words'].map((part) =>
        row.querySelector(part).getBoundingClientRect().top)"""
    for width in ("420px", ""):
        card.root.evaluate("(card, width) => { card.style.maxWidth = width; }", width)
        line, name, words = card.root.locator(".lw-turn").last.evaluate(tops)
        assert line < name, (line, name, words)
        # In a wide card the name stands beside the words.
        assert name < words if width else abs(name - words) < 10, (line, name, words)
    panel = card.look("Settings")
    expect(panel.locator(".lw-set-elsewhere")).to_have_text(
        "Voice, instructions and thinking are settings of the ADK agent house: change them in its code."
    )
    assert panel.locator("[data-feature]").evaluate_all("(all) => all.map((one) => one.dataset.feature)") == [
        "turn_detection.silence_ms"
    ]
    card.look("Wire")
    expect(card.root.locator(".lw-frame-kind", has_text="agentEvent").first).to_be_visible()
    card.type("crash")
    card.wait_for_notice("The ADK agent house stopped: no current")
    card.wait_hint("The talk has ended. Press ● to start again.")
    note = card.root.locator(".lw-note")
    assert "CANARY" not in note.inner_text()
    # By the keys alone: the fold, then the text in it.
    box = note.locator("pre")
    expect(box).to_be_hidden()
    note.locator("summary").focus()
    notebook.page.keyboard.press("Enter")
    expect(box).to_contain_text("Traceback (most recent call last):")
    expect(box).to_contain_text("ValueError: no current")
    expect(box).not_to_contain_text("CANARY")
    notebook.page.keyboard.press("Tab")
    expect(box).to_be_focused()
    saved = str(notebook.save()["cells"][1]["outputs"])
    assert "handed over to kitchen" in saved
    assert "the oven does not answer (by house)" in saved
    assert "Traceback" not in saved
    assert "no current" not in saved
    card.type("hello")
    card.wait_for_words("house", "you said hello")
    assert card.notices() == ["house begins anew and does not remember what was said before."]
    assert notebook.python(
        "print(len(live.turns), [turn.agent for turn in live.turns if turn.agent])"
    ).endswith("['kitchen']")
