"""The explorer in a real JupyterLab: settings changed while one talks, and the talk that goes on."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST
from tests.browser.explorer import Settings

#: The setups of the session, as they passed the wire.
SETUPS = "import json; print(json.dumps([f.json['setup'] for f in live.wire if f.kind == 'setup']))"
SUM = "seven plus five is twelve"


@pytest.fixture
def talk(open_talk):
    """A notebook with a talk that is on, and its card."""
    notebook = open_talk()
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", SUM)
    return notebook, card


def ask_again(card: Card) -> None:
    """Another question, and its answer below the first."""
    before = len(card.turns())
    card.type("what is two plus two")
    card.wait_for_words("tutor", "two plus two is four")
    assert len(card.turns()) > before
    assert any(SUM in words.lower() for _, words in card.turns())


def test_settings_change_while_the_talk_goes_on(talk):
    notebook, card = talk
    settings = Settings(card)
    settings.set("voice", "Puck")
    settings.set("turn_detection.silence_ms", 700)
    expect(settings.bar).to_contain_text("2 changes · needs a new connection; the talk goes on")
    settings.apply()
    expect(settings.entry("voice")).to_have_value("Puck")
    frames = json.loads(notebook.python(SETUPS))
    voice = frames[-1]["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]
    assert voice == {"voiceName": "Puck"}
    assert frames[-1]["realtimeInputConfig"]["automaticActivityDetection"] == {"silenceDurationMs": 700}
    assert "handle" in frames[-1]["sessionResumption"]
    ask_again(card)
    assert card.notices() == []


def test_another_model_takes_the_talk_over(talk):
    notebook, card = talk
    settings = Settings(card)
    settings.choose("gemini-3.8-live")
    expect(settings.bar).to_contain_text("another model takes the talk over")
    settings.apply()
    assert json.loads(notebook.python(SETUPS))[-1]["model"] == "models/gemini-3.8-live"
    ask_again(card)


def test_what_cannot_be_is_said_where_it_stands(talk):
    _, card = talk
    settings = Settings(card)
    ignored = settings.root.locator(".lw-set-ignored")
    expect(ignored).to_be_hidden()
    settings.set("language", "pl")
    expect(ignored).to_contain_text("offline-tutor ignores language: ")
    settings.set("temperature", 3)
    expect(settings.fault("temperature")).to_have_text("temperature must be a number from 0 to 2, not 3.")
    apply = settings.bar.get_by_role("button", name="Apply")
    expect(apply).to_have_attribute("aria-disabled", "true")
    settings.choose("gemini-3.5-live-translate-preview")
    expect(settings.fault("translation.target")).to_contain_text("the language to translate to")
    settings.bar.get_by_text("Cannot be: ").click()
    expect(settings.root.locator(":focus")).to_have_count(1)
    settings.bar.get_by_role("button", name="Revert").click()
    expect(settings.bar).to_be_hidden()
    expect(settings.entry("temperature")).to_have_value("")
    expect(ignored).to_be_hidden()


def test_a_refusal_of_the_service_is_said_and_the_talk_goes_on(talk):
    _, card = talk
    settings = Settings(card)
    settings.set("extra", {"noSuchField": 1})
    settings.bar.get_by_role("button", name="Apply").click()
    expect(settings.bar.locator(".lw-apply-refused")).to_contain_text("noSuchField", timeout=20_000)
    ask_again(card)


def test_the_code_to_copy_is_the_code_of_the_session(talk):
    notebook, card = talk
    settings = Settings(card)
    settings.set("voice", "Kore")
    settings.set("system_instruction", 'Say "yes".\nOr <b>no</b>.')
    expect(settings.root.locator(".lw-code-text")).to_contain_text('voice="Kore"')
    settings.apply()
    assert settings.code() == notebook.python("print(live.code())") + "\n"
    again = notebook.python("print(live.code() == (exec(live.code(), names := {}), names['live'].code())[1])")
    assert again == "True"


def test_search_and_keys_lead_through_the_settings(talk):
    _, card = talk
    card.root.locator(".lw-explore").focus()
    card.page.keyboard.press("Enter")
    settings = Settings(card)
    settings.root.get_by_role("searchbox", name="Search settings").fill("silenceDurationMs")
    shown = settings.root.locator("[data-feature]:visible")
    expect(shown).to_have_count(1)
    card.page.keyboard.press("Tab")  # to "Copy as code"
    card.page.keyboard.press("Tab")  # to the group
    card.page.keyboard.press("Tab")
    expect(settings.entry("turn_detection.silence_ms")).to_be_focused()
    card.page.keyboard.type("600")
    settings.wait_changed("turn_detection.silence_ms")
    # Not one key went to the notebook, where "d d" would delete the cell.
    assert card.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == 1


def test_the_meter_counts_what_is_said(talk):
    _, card = talk
    Settings(card)
    expect(card.root.locator(".lw-explorer-bar .lw-tokens")).to_contain_text("tokens · free", timeout=10_000)
    expect(card.root.locator(".lw-ring")).to_have_attribute(
        "aria-label", "This connection lasts about 10 min more"
    )


def test_a_cell_that_is_run_again_shows_the_explorer_as_it_is(open_talk):
    notebook = open_talk(FIRST.replace("LiveWidget()", 'LiveWidget(explorer=True, voice="Puck")'))
    notebook.run(0)
    card = Card(notebook.page)
    expect(card.root.locator(".lw-explore")).to_have_attribute("aria-expanded", "true")
    expect(Settings(card).entry("voice")).to_have_value("Puck")
