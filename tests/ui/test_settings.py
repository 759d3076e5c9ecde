"""Settings from the page and from Python, on real sessions with the stand-in."""

import pytest

from livewidget import Gemini, LiveConfig, StandIn, TurnComplete
from livewidget.models import FEATURES
from livewidget.models.catalogue import models_of
from livewidget.ui import messages as m
from tests.widget.jupyter import comms, until
from tests.widget.test_live import CANARY, notices

from .exploring import AWAY, LOOK, after, apply, change, len_of, made, pages, setup, talk

__all__ = ["comms", "made", "pages"]
pytestmark = pytest.mark.usefixtures("comms")

# --- Looking ---------------------------------------------------------------------------------------------


def test_nothing_of_the_explorer_is_sent_to_who_does_not_look(made, pages):
    live = made()
    page = pages(live, look=False)
    live.configure(voice="Puck")
    talk(live)
    assert page.of(m.Catalogue) == page.of(m.Settings) == []


def test_who_looks_gets_the_tables_once_and_the_settings_each_time(made, pages):
    live = made(voice="Kore")
    page = pages(live)
    (catalogue,) = page.of(m.Catalogue)
    assert [feature.name for feature in catalogue.features] == [feature.name for feature in FEATURES]
    assert [model.id for model in catalogue.models] == [model.id for model in models_of("standin")]
    (settings,) = page.of(m.Settings)
    assert (settings.model, settings.values, settings.pending) == ("offline-tutor", {"voice": "Kore"}, {})
    assert settings.code == live.code()
    assert settings.live == ("system_instruction",)
    page.send(AWAY)
    page.send(LOOK)
    until(lambda: len(page.of(m.Settings)) == 2)
    assert len(page.of(m.Catalogue)) == 1


def test_a_page_that_comes_later_gets_everything_and_the_changes_too(made, pages):
    live = made()
    change(pages(live), voice="Puck")
    second = pages(live, "second")
    assert len(second.of(m.Catalogue)) == 1
    assert second.of(m.Settings)[-1].pending == {"voice": "Puck"}


def test_a_page_that_is_greeted_anew_can_look_anew(made, pages):
    live = made()
    page = pages(live)
    page.send(m.Hello(client="page", last_seq=0))
    until(lambda: len(page.of(m.Welcome)) == 2)
    page.send(LOOK)
    until(lambda: len(page.of(m.Catalogue)) == 2)


def test_the_explorer_is_open_from_the_beginning_where_python_says_so(made, pages):
    assert pages(made(explorer=True), look=False).of(m.Welcome)[0].explorer is True
    assert pages(made(), "other", look=False).of(m.Welcome)[0].explorer is False


def test_a_remote_model_can_be_exchanged_for_those_of_its_service(made, pages):
    live = made(Gemini("gemini-3.8-live", api_key=CANARY))
    (catalogue,) = pages(live).of(m.Catalogue)
    assert {model.id for model in catalogue.models} == {model.id for model in models_of("gemini")}


# --- Changes ---------------------------------------------------------------------------------------------


def test_changes_wait_and_are_checked_and_can_be_given_up(made, pages):
    live = made()
    page = pages(live)
    settings = change(page, voice="Korre", temperature=3, seed=7)
    assert settings.pending == {"voice": "Korre", "temperature": 3, "seed": 7}
    assert settings.errors == {
        "voice": "offline-tutor has no voice 'Korre'; did you mean Kore?",
        "temperature": "temperature must be a number from 0 to 2, not 3.",
    }
    assert settings.code.startswith("# Left out, for it cannot be: temperature, voice\nfrom livewidget")
    assert "seed=7" in settings.code
    assert after(page, m.Apply()).errors == settings.errors
    assert live.config == LiveConfig()
    settings = after(page, m.Revert())
    assert (settings.pending, settings.errors, settings.code) == ({}, {}, live.code())


def test_what_a_model_ignores_is_noted(made, pages):
    page = pages(made())
    (note,) = change(page, language="pl").notes
    assert note.startswith("offline-tutor ignores language: ")


def test_without_a_session_changes_hold_for_the_next_one(made, pages):
    live = made()
    page = pages(live)
    change(page, voice="Puck", turn_detection__silence_ms=700)
    apply(page)
    assert live.phase == "idle"
    assert live.config == LiveConfig.from_kwargs(voice="Puck", turn_detection={"silence_ms": 700})
    talk(live)
    voice = setup(live)["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]
    assert voice == {"voiceName": "Puck"}


def test_an_open_talk_goes_on_with_the_changes(made, pages):
    live = made()
    page = pages(live)
    completed = []
    live.on(TurnComplete)(completed.append)
    talk(live, "one")
    until(lambda: live._controller.sessions.current.handle)
    change(page, temperature=0.5)
    assert apply(page).values == {"temperature": 0.5}
    assert setup(live)["generationConfig"]["temperature"] == 0.5
    assert "handle" in setup(live)["sessionResumption"]
    talk(live, "two")
    assert [turn.text for turn in live.turns if turn.speaker == "model"] == ["You said one", "You said two"]
    # Never ended, never connecting again: for the person the talk has gone on.
    phases = [state.phase for state in page.of(m.State)]
    assert phases[phases.index("live") :] == ["live"] * (len(phases) - phases.index("live"))
    assert notices(live) == {}
    until(lambda: len(completed) == 2)


def test_what_can_change_live_needs_no_new_connection(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    settings = change(page, system_instruction="Be brief.")
    assert set(settings.pending) <= set(settings.live)
    apply(page)
    kinds = [frame.kind for frame in live.wire]
    assert kinds.count("setup") == 1
    assert "contextUpdate" in kinds
    assert live.config.system_instruction == "Be brief."
    talk(live, "two")


def test_a_refused_change_leaves_the_talk_as_it_was(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    session = live._controller.sessions.current
    change(page, temperature=0.5, extra={"noSuchField": 1})
    settings = after(page, m.Apply(), lambda settings: "" in settings.errors)
    assert "noSuchField" in settings.errors[""]
    assert list(notices(live).values()) == [settings.errors[""]]
    assert settings.pending == {"temperature": 0.5, "extra": {"noSuchField": 1}}
    assert (live.config, live.phase) == (LiveConfig(), "live")
    assert live._controller.sessions.current is session
    talk(live, "two")
    assert change(page, extra=None).errors == {}
    assert apply(page).values == {"temperature": 0.5}
    assert notices(live) == {}
    talk(live, "three")


def test_a_refused_change_from_python_is_said_and_the_talk_goes_on(made):
    live = made()
    talk(live, "one")
    live.configure(extra={"noSuchField": 1})
    until(lambda: notices(live))
    assert "noSuchField" in "".join(notices(live).values())
    assert live.config == LiveConfig()
    talk(live, "two")


def test_another_model_is_told_what_was_said(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    settings = change(page, model="gemini-3.8-live")
    assert settings.errors == {}
    assert 'StandIn(ears=ears, brain=brain, voice=tone, model="gemini-3.8-live")' in settings.code
    assert apply(page).model == "gemini-3.8-live"
    page.wait_for(m.State, lambda state: state.model == "gemini-3.8-live")
    assert setup(live)["model"] == "models/gemini-3.8-live"
    assert "handle" not in setup(live)["sessionResumption"]
    (told,) = (frame for frame in live.wire if frame.kind == "clientContent")
    turns = told.json["clientContent"]["turns"]
    assert [turn["role"] for turn in turns] == ["user", "model"]
    assert turns[0]["parts"] == [{"text": "one"}]
    assert notices(live) == {}
    talk(live, "two")
    assert len(live.turns) == 4


def test_what_another_model_refuses_is_shown_and_not_dropped(made, pages):
    live = made(voice="Kore", google_search=True)
    page = pages(live)
    settings = change(page, model="gemini-3.5-live-translate-preview")
    assert set(settings.errors) == {"voice", "google_search", "translation.target"}
    assert settings.values == {"voice": "Kore", "google_search": True}
    settings = change(page, voice=None, google_search=False, translation__target="pl")
    assert settings.errors == {}
    apply(page)
    page.wait_for(m.State, lambda state: state.view == "translation")


def test_a_model_is_a_name(made, pages):
    page = pages(made())
    for value in (7, "", {"of": "no use"}):
        assert list(change(page, model=value).errors) == ["model"]


def test_changes_of_one_page_are_the_state_of_all(made, pages):
    live = made()
    page = pages(live)
    live.configure(voice="Puck")
    page.wait_for(m.Settings, lambda settings: settings.values == {"voice": "Puck"})
    page.send(m.TurnTaking(mode="push_to_talk"))
    page.wait_for(m.Settings, lambda settings: settings.values.get("turn_detection.mode") == "push_to_talk")
    live.tool(len_of)
    page.wait_for(m.Settings, lambda settings: "tools=[len_of]" in settings.code)


def test_no_key_is_in_what_the_page_is_told(made, pages):
    live = made(Gemini("gemini-3.8-live", api_key=CANARY))
    page = pages(live)
    change(page, voice="Puck")
    assert CANARY not in repr(page.seen)
    assert CANARY not in live.code()


# --- What is worth saying ----------------------------------------------------------------------------------


def suggested(page):
    """What the page was told last of what is worth saying."""
    return [one for one in page.seen if isinstance(one, m.Welcome | m.State)][-1].suggestions


def test_what_is_worth_saying_follows_the_settings_and_the_tools(made, pages):
    live = made(StandIn(ears=lambda sound: "hello", voice=lambda text: bytes(4800)))
    page = pages(live)
    plain = suggested(page)
    assert "what time is it" in plain
    change(page, google_search=True)
    apply(page)
    until(lambda: suggested(page)[0] == "when was the eiffel tower built")

    @live.tool
    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        return "done"

    until(lambda: "light" in suggested(page)[0])
    live.configure(google_search=False)
    until(lambda: "when was the eiffel tower built" not in suggested(page))
    # Negative control: what does not change it is not told as a change.
    before = len(page.of(m.State))
    live.configure(temperature=0.5)
    until(lambda: live.code().count("temperature"))
    assert [state.suggestions for state in page.of(m.State)[before:]] == []


def test_another_model_brings_other_suggestions(made, pages):
    live = made(StandIn(model="gemini-3.8-live"))
    page = pages(live)
    live.configure(model="gemini-3.5-live-translate-preview", translation="es")
    until(lambda: suggested(page)[0] == "good morning")
