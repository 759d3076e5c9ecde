"""Somebody's agent in a widget: what a page is told of it."""

import pytest

from livewidget import LiveWidget
from livewidget.errors import ConfigError
from livewidget.events import ToolCall
from livewidget.ui import messages as m
from tests.widget.jupyter import WidgetPage, comms, end, until
from tests.widget.test_live import notices

from .exploring import LOOK
from .house import KEY, TONE, House

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")


@pytest.fixture
def house():
    return House()


@pytest.fixture
def called():
    return []


@pytest.fixture
def live(house, called):
    widget = LiveWidget(house)

    @widget.tool
    def set_fan(on: bool) -> str:
        """Switch the fan."""
        called.append("set_fan")
        return "the fan is on"

    @widget.tool(require_approval=True)
    def open_door(which: str) -> str:
        """Open a door."""
        called.append("open_door")
        return "the door is open"

    yield widget
    end(widget)


@pytest.fixture
def page(live):
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    page.wait_for(m.State, lambda state: state.phase == "live")
    yield page
    page.leave()


def answer(page, text, test=lambda turn: turn.final):
    """Type something; returns the answer as the page is shown it, once it passes the test."""
    before = max((turn.index for turn in page.of(m.TurnView)), default=-1)
    page.send(m.Text(text=text))
    return page.wait_for(
        m.TurnView, lambda turn: turn.index > before and turn.speaker == "model" and test(turn)
    )


def test_the_badge_says_what_runs_where(live, page, monkeypatch):
    (welcome,) = page.of(m.Welcome)
    assert (welcome.name, welcome.speaker, welcome.model) == ("ADK agent house", "house", "house")
    assert welcome.badge == "ADK agent house · in this program"
    assert (welcome.reads, welcome.sees, welcome.push_to_talk) == (True, True, False)
    monkeypatch.setattr("livewidget.widget.jupyter.kernel_id", lambda: "1c6f30a2")
    other = LiveWidget(House(text=False, images=False, push_to_talk=True))
    second = WidgetPage(other)
    welcome = second.wait_for(m.Welcome)
    assert welcome.badge == "ADK agent house · in this kernel"
    assert (welcome.reads, welcome.sees, welcome.push_to_talk) == (False, False, True)
    second.leave()
    end(other)


def test_the_explorer_offers_what_it_takes_and_says_whose_the_rest_is(house):
    live = LiveWidget(House(takes=("turn_detection.silence_ms",)))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(LOOK)
    settings = page.wait_for(m.Settings)
    (catalogue,) = page.of(m.Catalogue)
    assert [feature.name for feature in catalogue.features] == ["turn_detection.silence_ms"]
    assert [(model.id, model.status) for model in catalogue.models] == [("house", "stable")]
    assert catalogue.elsewhere == (
        "Voice, instructions and thinking are settings of the ADK agent house: change them in its code."
    )
    assert (settings.model, settings.code) == (
        "house",
        "from livewidget import LiveWidget\n\nlive = LiveWidget(provider)\nlive\n",
    )
    page.send(m.Configure(changes=(m.Change(name="voice", value="Kore"),)))
    settings = page.wait_for(m.Settings, lambda settings: settings.errors)
    assert settings.errors == {
        "voice": "voice is a setting of the ADK agent house: change it in its code.",
    }
    page.leave()
    end(live)
    with pytest.raises(ConfigError, match="voice is a setting of the ADK agent house"):
        LiveWidget(house, voice="Kore")


def test_push_to_talk_is_for_the_next_conversation_and_the_card_goes_on_as_it_was():
    live = LiveWidget(House(push_to_talk=True))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    page.wait_for(m.State, lambda state: state.phase == "live")
    page.send(m.TurnTaking(mode="push_to_talk"))
    notice = page.wait_for(m.NoticeView)
    assert "takes settings when a conversation begins" in notice.text
    until(lambda: page.of(m.State)[-1].turn_taking == "automatic")
    page.send(m.Stop())
    page.wait_for(m.State, lambda state: state.phase == "ended")
    page.send(m.TurnTaking(mode="push_to_talk"))
    page.wait_for(m.State, lambda state: state.turn_taking == "push_to_talk")
    page.send(m.Start(microphone=False))
    until(lambda: page.of(m.State)[-1].phase == "live")
    assert page.of(m.State)[-1].turn_taking == "push_to_talk"
    assert live._controller.provider.runs[-1].client.push_to_talk
    page.leave()
    end(live)


def test_a_tool_of_its_own_is_shown_and_never_run_or_asked_about_here(live, page, called):
    seen = []
    live.on(ToolCall)(seen.append)
    turn = answer(page, "light")
    (use,) = turn.tools
    assert (use.name, use.args, use.result, use.state) == (
        "set_light",
        "on=True",
        '"the light is on"',
        "done",
    )
    assert (use.remote, use.agent, use.arguments) == (True, "", ())
    (use,) = answer(page, "broken").tools
    assert (use.error, use.state, use.remote) == ("the oven does not answer", "failed", True)
    assert called == []
    assert [call.remote for call in seen] == [True, True]
    assert repr(live.turns[1]) == "<Turn 1, model: 'The light is on.', set_light() done (by the agent)>"
    assert "(by house)" in live._controller.transcript.bundle(live.turns)["text/plain"]


def test_functions_of_the_notebook_run_here_and_ask_here(page, called):
    (use,) = answer(page, "fan").tools
    assert (use.name, use.state, use.result, use.remote) == ("set_fan", "done", '"the fan is on"', False)
    before = answer(page, "door", lambda turn: any(use.state == "asking" for use in turn.tools))
    assert called == ["set_fan"]
    page.send(m.Approve(id=before.tools[0].id, allowed=True))
    page.wait_for(m.TurnView, lambda turn: "the door is open" in "".join(span.text for span in turn.spans))
    assert called == ["set_fan", "open_door"]


def test_whom_it_hands_over_to_is_told_the_page_and_the_saved_transcript(live, page):
    assert answer(page, "hello").agent == ""
    assert answer(page, "kitchen").agent == "kitchen"
    assert answer(page, "thanks").agent == "kitchen"
    lines = live._controller.transcript.bundle(live.turns)["text/plain"].splitlines()
    assert lines.count("(handed over to kitchen)") == 1
    assert lines[-1] == "kitchen: You said thanks."


def test_it_hears_how_much_of_its_voice_the_page_has_played(live, page, house):
    played = house.runs[0].played_ms
    page.playhead = (answer(page, "hello").index, 2400)
    until(lambda: played == [100])
    page.playhead = (page.playhead[0], len(TONE) // 2)
    until(lambda: played == [100, len(TONE) / 48])
    page.playhead = (answer(page, "thanks").index, 4800)
    until(lambda: played[-1] == pytest.approx(len(TONE) / 48 + 200))
    assert played == sorted(played)


def test_it_hears_where_an_interruption_cut_it(live, page, house):
    page.send(m.Text(text="long"))
    page.hear(len(TONE))  # twice the tone, at two bytes a sample
    turn = page.wait_for(m.TurnView, lambda turn: turn.speaker == "model").index
    page.playhead = (turn, 2400)
    until(lambda: house.runs[0].played_ms == [100])
    page.send(m.Interrupt())
    page.wait_for(m.Flush)
    page.send(m.Flushed(turn=turn, sample=6000))
    until(lambda: house.runs[0].played_ms[-1] == 250)
    page.wait_for(m.TurnView, lambda view: view.index == turn and view.heard_sample == 6000)
    page.playhead = (answer(page, "thanks").index, 2400)
    until(lambda: house.runs[0].played_ms[-1] == 350)


def test_why_it_stopped_is_a_sentence_and_its_traceback_is_folded_away_and_never_saved(live, page, house):
    answer(page, "hello")
    page.send(m.Text(text="crash"))
    notice = page.wait_for(m.NoticeView)
    assert (notice.level, notice.code) == ("error", "agent-failed")
    assert notice.text.startswith("The ADK agent house stopped: no current")
    assert notice.details.startswith("Traceback (most recent call last):")
    assert "ValueError: no current" in notice.details
    assert "on_text" in notice.details
    assert KEY not in notice.text + notice.details
    state = page.wait_for(m.State, lambda state: state.phase == "ended")
    assert state.ending == "stopped"  # Nothing goes on: the next start is another run.
    saved = "".join(live._controller.transcript.bundle(live.turns).values())
    assert "Traceback" not in saved
    assert "no current" not in saved
    assert live._controller.state.notices == {"agent-failed": notice}  # for pages that come later
    page.send(m.Start(microphone=False))
    until(lambda: len(house.runs) == 2)
    page.wait_for(m.ClearNotice, lambda cleared: cleared.code == "agent-failed")
    assert answer(page, "thanks").spans[0].text == "You said thanks."


def test_why_it_could_not_start_is_a_sentence_with_a_fold_too():
    live = LiveWidget(House(refuses=True))
    page = WidgetPage(live)
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    notice = page.wait_for(m.NoticeView, lambda notice: notice.level == "error")
    assert notice.text == "The ADK agent house could not start: nobody is at home."
    assert "ValueError: nobody is at home" in notice.details
    assert page.wait_for(m.State, lambda state: state.phase == "ended").ending == "never_opened"
    page.leave()
    end(live)


@pytest.mark.parametrize("remembers", [False, True])
def test_what_it_has_forgotten_is_said_unless_it_keeps_its_conversations_itself(live, page, house, remembers):
    house.remembers = remembers
    answer(page, "hello")
    page.send(m.Text(text="crash"))
    page.wait_for(m.State, lambda state: state.phase == "ended")
    page.send(m.Start(microphone=False))
    until(lambda: len(house.runs) == 2)
    answer(page, "thanks")
    told = notices(live).get("memory-lost")
    assert told == (None if remembers else "house begins anew and does not remember what was said before.")


def test_that_it_ended_the_talk_is_no_error(live, page):
    page.send(m.Text(text="bye"))
    page.wait_for(m.State, lambda state: state.phase == "ended")
    assert notices(live) == {"agent-ended": "The ADK agent house ended the talk."}
    (notice,) = page.of(m.NoticeView)
    assert (notice.level, notice.details) == ("info", "")


def test_a_function_added_in_mid_talk_is_called_from_the_next_conversation_on(live, page, house, called):
    @live.tool
    def set_lamp(on: bool) -> str:
        """Switch the lamp."""
        called.append("set_lamp")
        return "the lamp is on"

    notice = page.wait_for(m.NoticeView, lambda notice: notice.code == "tool-later")
    assert notice.text.endswith("set_lamp can be called from the next conversation on.")
    (use,) = answer(page, "fan").tools
    assert use.result == '"the fan is on"'
    assert len(house.runs) == 1
    page.send(m.Stop())
    page.wait_for(m.State, lambda state: state.phase == "ended")
    page.send(m.Start(microphone=False))
    until(lambda: len(house.runs) == 2 and house.runs[-1].client is not None)
    assert [one.name for one in house.runs[-1].client.declarations] == ["set_fan", "open_door", "set_lamp"]


def test_what_is_its_own_is_refused_in_a_sentence_and_the_talk_goes_on(live, page, house):
    for changes, words in (
        ({"voice": "Kore"}, "voice is a setting of the ADK agent house: change it in its code."),
        ({"model": "gemini-3.8-live"}, "The ADK agent house has its own model: change it in its code."),
    ):
        with pytest.raises(ConfigError) as raised:
            live.configure(**changes)
        assert str(raised.value) == words
    assert answer(page, "hello").spans
    assert len(house.runs) == 1
