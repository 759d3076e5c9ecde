"""Tool calls, and turns that end in other ways."""

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    GenerationComplete,
    Interrupted,
    SessionEnded,
    TextSent,
    ToolApprovalRequested,
    ToolApproved,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    ToolUpdate,
    TurnComplete,
)
from livewidget.turns import Floor
from tests.turns.talk import Talk, heard, interim, said, sound


@pytest.fixture
def talk() -> Talk:
    return Talk()


CALL = ToolCall(id="a", name="light", args={"on": True})
CANCELLED = ToolCallCancelled(ids=("a",))
RESULT = ToolResult(id="a", name="light", result={"result": "on"}, duration_ms=12)


def test_a_tool_call_is_a_chip_in_the_turn_that_answers(talk):
    talk.fold(TextSent(text="Light!"), CALL)
    assert talk.floor is Floor.TOOL
    assert talk.turns[-1].tools[0].state == "running"
    talk.fold(RESULT)
    assert talk.floor is Floor.THINKING
    talk.fold(said("It is on."), sound(1), TurnComplete())
    (turn,) = [turn for turn in talk.turns if turn.speaker == "model"]
    assert (turn.text, turn.tools[0].state, turn.tools[0].result) == ("It is on.", "done", {"result": "on"})
    assert turn.final


@pytest.mark.parametrize("quick", [False, True])
def test_turn_complete_before_the_tool_result_keeps_the_turn_open(talk, quick):
    early, late = ([RESULT], []) if quick else ([], [RESULT])
    talk.fold(TextSent(text="Light!"), CALL, *early, TurnComplete(), *late)
    assert not talk.turns[-1].final
    assert talk.floor is Floor.THINKING
    talk.fold(said("It is on."), sound(1), TurnComplete())
    assert talk.texts == [("user", "Light!"), ("model", "It is on.")]
    assert talk.turns[-1].final


def test_what_is_said_after_a_pause_does_not_run_into_what_was_said_before(talk):
    """A model may say something meanwhile; the service then completes the turn."""
    talk.fold(TextSent(text="Light!"), said("One "), said("moment."), CALL, TurnComplete(), RESULT)
    talk.fold(said("It is"), said(" on."), sound(1), TurnComplete())
    assert talk.turns[-1].text == "One moment. It is on."
    talk.fold(TextSent(text="Again!"), said("It "), said("is on."), TurnComplete())
    assert talk.turns[-1].text == "It is on."


def test_a_model_that_says_nothing_about_a_result_ends_its_turn(talk):
    talk.fold(TextSent(text="Light!"), CALL, TurnComplete(), RESULT, TurnComplete())
    assert talk.turns[-1].final
    assert talk.floor is Floor.LISTENING


def test_speech_while_a_tool_runs_is_answered_in_a_turn_of_its_own(talk):
    talk.fold(TextSent(text="Light!"), CALL, sound(1), said("One moment."), TurnComplete())
    assert not talk.turns[-1].final
    talk.fold(TextSent(text="And the time?"))
    assert talk.turns[1].final
    talk.fold(RESULT, said("It is on. Noon."), sound(1), TurnComplete())
    assert talk.turns[1].tools[0].state == "done"
    assert [text for _, text in talk.texts] == ["Light!", "One moment.", "And the time?", "It is on. Noon."]


def test_the_floor_waits_for_the_last_of_several_calls(talk):
    talk.fold(TextSent(text="Lights!"), CALL, ToolCall(id="b", name="light"), RESULT)
    assert talk.floor is Floor.TOOL
    talk.fold(ToolResult(id="b", name="light", error="ValueError"))
    assert talk.floor is Floor.THINKING
    assert [use.state for use in talk.turns[-1].tools] == ["done", "failed"]


def test_cancelled_calls(talk):
    talk.fold(
        TextSent(text="Light!"), CALL, ActivityStart(), Interrupted(), ToolCallCancelled(ids=("a", "zz"))
    )
    assert talk.turns[-1].tools[0].state == "cancelled"
    assert talk.floor is Floor.USER
    assert talk.fold(RESULT) == []
    assert talk.turns[-1].tools[0].state == "cancelled"


def test_the_end_of_the_session_settles_what_is_open(talk):
    talk.fold(TextSent(text="Light!"), CALL, said("One mo"), sound(1), interim("what"))
    changed = talk.fold(SessionEnded(error="The link broke."))
    assert all(turn.final for turn in talk.turns)
    turn = talk.turns[1]
    assert turn in changed
    assert turn.interrupted
    assert turn.tools[0].state == "cancelled"
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize(
    "event", [TurnComplete(), Interrupted(), GenerationComplete(), ActivityEnd(), RESULT, heard(""), said("")]
)
def test_events_without_a_cause_change_nothing(talk, event):
    assert talk.fold(event) == []
    assert talk.turns == []
    assert talk.floor is Floor.LISTENING


def test_a_spurious_interruption_does_not_cut_a_finished_turn(talk):
    talk.fold(
        TextSent(text="Tell"),
        said("one"),
        sound(1),
        TurnComplete(),
        ActivityStart(),
        Interrupted(),
        TurnComplete(),
    )
    assert not talk.turns[1].interrupted
    assert talk.floor is Floor.USER


# --- Calls that ask, and calls that go on ------------------------------------------------------------------------


def test_a_call_that_asks_runs_once_it_is_allowed(talk):
    talk.fold(TextSent(text="Light!"), CALL, ToolApprovalRequested(id="a"))
    assert (talk.turns[-1].tools[0].state, talk.floor) == ("asking", Floor.TOOL)
    (turn,) = talk.fold(ToolApproved(id="a"))
    assert turn.tools[0].state == "running"
    talk.fold(RESULT)
    assert talk.turns[-1].tools[0].state == "done"


def test_what_a_person_takes_is_nobodys_time(talk):
    talk.fold(
        TextSent(text="Light!"), CALL, ToolApprovalRequested(id="a"), 5000, ToolApproved(id="a"), 40, RESULT
    )
    talk.fold(100, sound(1))
    timing = talk.turns[-1].timing
    assert (timing.tool_ms, timing.wait_ms) == (40, 100)


@pytest.mark.parametrize("event", [ToolResult(id="a", name="light", error="no", refused=True), CANCELLED])
def test_a_call_that_asks_may_end_without_having_run(talk, event):
    talk.fold(TextSent(text="Light!"), CALL, ToolApprovalRequested(id="a"), event)
    assert talk.turns[-1].tools[0].state == ("cancelled" if event is CANCELLED else "refused")
    assert talk.fold(ToolApproved(id="a")) == []


def update(value, sent=True) -> ToolUpdate:
    return ToolUpdate(id="a", name="light", result={"result": value}, sent=sent)


def test_values_on_the_way_are_kept_with_the_call(talk):
    talk.fold(TextSent(text="Light!"), CALL, update(1), update(2, sent=False))
    use = talk.turns[-1].tools[0]
    assert (use.state, use.updates) == ("running", ({"result": 1}, {"result": 2}))
    assert talk.fold(ToolUpdate(id="zz", name="light", result={})) == []


SILENT = ToolResult(id="a", name="light", result={}, scheduling="SILENT")


@pytest.mark.parametrize("before", [True, False])
def test_a_result_that_is_not_spoken_of_ends_the_turn(talk, before):
    order = (TurnComplete(), SILENT) if before else (SILENT, TurnComplete())
    talk.fold(TextSent(text="Light!"), CALL, said("I will."), sound(1), *order)
    assert talk.turns[-1].final
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize("before", [True, False])
def test_a_silent_call_without_a_word_ends_too(talk, before):
    order = (TurnComplete(), SILENT) if before else (SILENT, TurnComplete())
    talk.fold(TextSent(text="Light!"), CALL, *order)
    assert talk.turns[-1].final
    assert talk.floor is Floor.LISTENING


def test_a_silent_end_leaves_time_for_what_was_told_before(talk):
    talk.fold(TextSent(text="Boil!"), CALL, TurnComplete(), update(1), SILENT)
    assert not talk.turns[-1].final
    talk.fold(said("One cup."), sound(1), TurnComplete())
    assert talk.texts == [("user", "Boil!"), ("model", "One cup.")]
    assert talk.turns[-1].final


def test_a_silent_end_after_all_was_said_ends_the_turn(talk):
    talk.fold(TextSent(text="Boil!"), CALL, TurnComplete(), update(1))
    talk.fold(said("One cup."), sound(1), TurnComplete())
    assert not talk.turns[-1].final  # There may be more.
    talk.fold(SILENT)
    assert talk.turns[-1].final
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize("end", [SILENT, RESULT, CANCELLED, update(2)])
def test_the_end_of_a_call_does_not_tear_what_is_being_said(talk, end):
    talk.fold(TextSent(text="Boil!"), CALL, TurnComplete(), update(1))
    talk.fold(said("One "), sound(0.1), end, said("cup."), sound(0.1))
    assert talk.texts == [("user", "Boil!"), ("model", "One cup.")]
    assert not talk.turns[-1].final
    assert talk.floor is Floor.MODEL
    talk.fold(TurnComplete())
    assert talk.turns[-1].final is (end in (SILENT, CANCELLED))  # Of the others it will speak.


def test_the_user_may_cut_off_what_is_said_of_a_call_that_goes_on(talk):
    talk.fold(TextSent(text="Boil!"), CALL, TurnComplete(), update(1), said("One "), sound(0.1))
    talk.fold(ActivityStart(), Interrupted(), TurnComplete())
    assert [(turn.text, turn.interrupted) for turn in talk.turns[1:]] == [("One ", True)]
    assert talk.floor is Floor.USER


def test_what_is_asked_while_the_model_speaks_of_a_call_that_goes_on_is_answered_apart(talk):
    talk.fold(TextSent(text="Boil!"), CALL, TurnComplete(), update(1), said("One "), sound(0.1))
    talk.fold(TextSent(text="And the time?"), said("cup."), sound(0.1), TurnComplete())
    talk.fold(said("Noon."), sound(0.1), TurnComplete())
    assert [text for _, text in talk.texts] == ["Boil!", "One cup.", "And the time?", "Noon."]


def test_a_second_call_is_waited_for_like_the_first(talk):
    again = ToolCall(id="b", name="light"), ToolResult(id="b", name="light", result={})
    talk.fold(TextSent(text="Both!"), CALL, TurnComplete(), RESULT, *again, TurnComplete())
    assert not talk.turns[-1].final
    talk.fold(said("Done."), sound(0.1), TurnComplete())
    assert talk.texts == [("user", "Both!"), ("model", "Done.")]
    assert talk.turns[-1].final


def test_a_silent_result_does_not_end_the_turn_while_another_call_runs(talk):
    talk.fold(TextSent(text="Both!"), CALL, ToolCall(id="b", name="light"), TurnComplete(), SILENT)
    assert not talk.turns[-1].final
    talk.fold(ToolResult(id="b", name="light", result={}), said("Done."), sound(1), TurnComplete())
    assert talk.texts[-1] == ("model", "Done.")


def test_the_rest_of_what_it_says_meanwhile_is_not_its_answer(talk):
    talk.fold(TextSent(text="Look it up!"), CALL, said("One"), sound(1), RESULT, said(" moment."), sound(1))
    talk.fold(TurnComplete())
    assert not talk.turns[-1].final
    talk.fold(said(" It is on."), sound(1), TurnComplete())
    assert talk.texts[-1] == ("model", "One moment. It is on.")
    assert talk.turns[-1].final


@pytest.mark.parametrize("at_once", [True, False])
def test_a_result_that_comes_while_the_model_says_that_it_will_is_answered_in_the_same_turn(talk, at_once):
    talk.fold(TextSent(text="Look it up!"), CALL, said("One moment."), sound(1))
    # The sound is all here before it has been heard, and the turn is completed when it has.
    talk.fold(*([RESULT, TurnComplete()] if at_once else [TurnComplete(), RESULT]))
    assert not talk.turns[-1].final
    talk.fold(said(" It is on."), sound(1), TurnComplete())
    assert talk.texts == [("user", "Look it up!"), ("model", "One moment. It is on.")]
    assert talk.turns[-1].final


def test_a_silent_result_for_an_earlier_turn_leaves_this_one_open(talk):
    talk.fold(TextSent(text="Light!"), CALL, said("Yes."), sound(1), TurnComplete())
    talk.fold(TextSent(text="And?"), said("Well"), sound(1), SILENT)
    assert not talk.turns[-1].final
    assert talk.floor is Floor.MODEL


COUNTED = (TextSent(text="Count!"), said("One, two."), sound(1), GenerationComplete(), TurnComplete())


@pytest.mark.parametrize("apart_ms", [0, 20])
def test_what_is_told_of_a_result_unasked_is_a_turn_of_its_own_from_its_first_word(talk, apart_ms):
    talk.fold(*COUNTED, said("The "), apart_ms, said("cake "), sound(0.1), said("is ready."), sound(1))
    talk.fold(TurnComplete())
    assert talk.texts[1:] == [("model", "One, two."), ("model", "The cake is ready.")]
    assert all(turn.final for turn in talk.turns)


def test_it_may_interrupt_the_model_itself(talk):
    talk.fold(*COUNTED[:3], Interrupted(), said("three"), TurnComplete(), said("The "), sound(1))
    assert talk.texts[1:] == [("model", "One, two.three"), ("model", "The ")]


@pytest.mark.parametrize("between", [(200,), (TextSent(text="Go on!"),)])
def test_words_that_come_late_stay_where_they_belong(talk, between):
    talk.fold(*COUNTED, said(" Done."), *between, sound(1))
    assert [text for speaker, text in talk.texts if speaker == "model"] == ["One, two. Done.", ""]
