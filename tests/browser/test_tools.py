"""Calls that ask the person: a spoken command, the question on the page, and what follows from each answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST
from tests.browser.sounds import heard, say

LAMP = """
lamp = []
@live.tool(require_approval=True)
def set_light(on: bool) -> str:
    "Turn the light on or off."
    lamp.append(on)
    return "the lamp is on" if on else "the lamp is off"
"""


@pytest.fixture
def talk(open_talk, sounds):
    """A talk in which the light was asked for aloud, and the page asks whether it may be turned on."""
    notebook = open_talk(FIRST, LAMP)
    notebook.run(0)
    card = Card(notebook.page)
    notebook.run(1)
    card.start()
    say(notebook.page, sounds("turn on the light", before=0.3))
    chip = card.root.locator(".lw-chip")
    expect(chip).to_have_attribute("data-state", "asking", timeout=20_000)
    return notebook, card, chip


def test_a_call_runs_once_it_is_allowed_and_the_answer_is_heard(talk):
    notebook, card, chip = talk
    expect(chip.locator("dt")).to_have_text("on")
    expect(chip.locator("dd")).to_have_text("True")
    expect(card.root.locator(".lw-word")).to_have_text("asking you")
    card.wait_hint("A tool waits: allow it, or don't.")
    # Nobody's typing is interrupted by a question, and it can be read out.
    assert not chip.evaluate("(chip) => chip.contains(document.activeElement)")
    expect(card.root.locator('[role="log"]')).to_contain_text("May it run? set_light(on=True)")
    assert notebook.python("print(lamp)") == "[]"
    before = len(heard(notebook.page)[0])
    chip.get_by_role("button", name="Allow set_light", exact=True).click()
    card.wait_for_words("tutor", "the lamp is on")
    expect(chip).to_have_attribute("data-state", "done")
    assert notebook.python("print(lamp)") == "[True]"
    samples, rate = heard(notebook.page)
    assert abs(samples[before:]).max() > 0.05, "the answer was not heard"
    assert rate > 0


def test_a_call_that_is_not_allowed_does_not_run_and_the_model_says_so(talk):
    notebook, card, chip = talk
    # By the keys alone: from the transcript to the second answer.
    card.root.locator(".lw-scroller").focus()
    for _ in range(2):
        notebook.page.keyboard.press("Tab")
    expect(chip.get_by_role("button", name="Don't allow set_light")).to_be_focused()
    notebook.page.keyboard.press("Enter")
    expect(chip).to_have_attribute("data-state", "refused")
    expect(chip).to_contain_text("did not run")
    card.wait_for_words("tutor", "did not allow it")
    assert notebook.python("print(lamp)") == "[]"
    assert card.notices() == []
    # The keys stay in the card, and not with the notebook's commands.
    assert card.root.evaluate("(card) => card.contains(document.activeElement)")


#: A server that asks for one call, whose last argument is far out of sight.
CALL = """
from livewidget import LiveWidget, StandIn
from livewidget.standin.script import Script, When
ran = []
def run(note: str, steps: list[str], command: str) -> str:
    "Run a command."
    ran.append(command)
    return "done"
from livewidget.tools import Tool
args = {"note": "nothing to see " * 300, "steps": ["ls"] * 60, "command": "ls; " * 900 + "\\u202erm -rf ~"}
script = Script([When("text", [Script.tool_call("run", args, id="fc_1")]), When("tool_result", Script.answer(b""))])
live = LiveWidget(StandIn(script=script), tools=[Tool.of(run, require_approval=True)])
live
"""


def test_what_is_far_down_in_the_arguments_is_seen_before_it_is_allowed(open_talk, tmp_path):
    """The kind: a call is approved, and what decides whether it should be was out of sight."""
    notebook = open_talk(CALL)
    notebook.run(0)
    card = Card(notebook.page)
    card.type("clean up")
    chip = card.root.locator(".lw-chip")
    expect(chip).to_have_attribute("data-state", "asking", timeout=20_000)
    allow = chip.get_by_role("button", name="Allow run", exact=True)
    expect(chip.locator("dt")).to_have_text(["note", "steps", "command"])
    folds = chip.locator(".lw-fold")
    for left in (3, 2, 1):
        expect(folds).to_have_count(left)
        expect(allow).to_be_disabled()
        expect(chip).to_contain_text("first open what is folded")
        allow.click(force=True)
        folds.first.focus()
        notebook.page.keyboard.press("Enter")
    expect(chip.locator("dd").last).to_contain_text("\\u202erm -rf ~")
    expect(chip).not_to_contain_text("\u202e")
    assert notebook.python("print(ran)") == "[]"
    # All of it can be read: nothing scrolls within it, and nothing is cut off at a side.
    assert chip.evaluate(
        "(chip) => [...chip.querySelectorAll('*')].every((one) => one.scrollWidth <= one.clientWidth + 1 || "
        "getComputedStyle(one).display === 'inline') && chip.scrollHeight <= chip.clientHeight + 1"
    )
    allow.click()
    expect(chip).to_have_attribute("data-state", "done")
    assert notebook.python("print(len(ran), ran[0][-8:])") == "1 rm -rf ~"
