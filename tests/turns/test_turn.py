"""Interruptions, and where they cut the text."""

from dataclasses import replace

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    GenerationComplete,
    Interrupted,
    OutputText,
    TextSent,
    Thought,
    TurnComplete,
)
from livewidget.turns import Floor, Span, ToolUse, Turn, Turns
from tests.turns.talk import Talk, heard, said, sound


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_words_that_come_with_the_sound_stand_where_it_begins(talk):
    talk.fold(said("Seven "), sound(0.5), said("plus five."), sound(0.5))
    assert talk.turns[-1].spans == (Span("Seven ", 0), Span("plus five.", 12_000))


def test_words_that_run_ahead_of_the_sound_are_spread_by_the_pace_of_speech(talk):
    talk.fold(said("x" * 20), said("y" * 40), said("z"))
    assert [span.sample for span in talk.turns[-1].spans] == [0, 24_000, 72_000]


def test_an_interruption_is_cut_at_the_word_that_was_heard(talk):
    talk.fold(
        TextSent(text="Tell me"),
        said("one two three four "),
        sound(2),
        said("five six"),
        sound(1),
        Interrupted(),
    )
    turn = talk.turns[-1]
    assert turn.interrupted
    assert turn.final
    assert turn.text == "one two three four five six"
    (turn,) = talk.heard(turn.index, 24_000)
    assert turn.heard_sample == 24_000
    assert turn.text == "one two"
    (turn,) = talk.heard(turn.index, 50_000)
    assert turn.text == "one two three four "
    assert talk.heard(turn.index, 50_000) == []


def test_words_ahead_of_the_sound_are_not_taken_for_heard(talk):
    talk.fold(said("a" * 9 + " " + "b" * 49 + " " + "c" * 40), sound(1), Interrupted())
    (turn,) = talk.heard(talk.turns[-1].index, 24_000)
    assert turn.text == "a" * 9


def test_hearing_nothing_leaves_no_text(talk):
    talk.fold(said("one two"), sound(1), Interrupted())
    (turn,) = talk.heard(talk.turns[-1].index, 0)
    assert turn.text == ""


def test_a_turn_heard_to_its_end_is_not_cut(talk):
    talk.fold(said("one two"), sound(1), GenerationComplete(), TurnComplete())
    assert talk.heard(talk.turns[-1].index, 24_000) == []
    (turn,) = talk.heard(talk.turns[-1].index, 12_000)
    assert turn.interrupted
    assert turn.text == "one"


def test_heard_is_ignored_for_turns_that_cannot_be_cut(talk):
    talk.fold(TextSent(text="Hello"), said("one two"), sound(1))
    assert talk.heard(0, 5) == []
    assert talk.heard(1, 5) == []
    assert talk.heard(99, 5) == []


def test_barge_in_announced(talk):
    talk.fold(TextSent(text="Tell"), said("one two"), sound(2), ActivityStart())
    assert talk.floor is Floor.USER
    talk.fold(Interrupted(), TurnComplete())
    assert talk.floor is Floor.USER
    talk.fold(heard("Stop."), ActivityEnd(), said("Yes."), sound(1), TurnComplete())
    assert talk.texts == [("user", "Tell"), ("model", "one two"), ("user", "Stop."), ("model", "Yes.")]
    assert [turn.interrupted for turn in talk.turns] == [False, True, False, False]


def test_barge_in_without_announcement(talk):
    talk.fold(heard("Tell"), said("one two"), sound(2), Interrupted(), TurnComplete())
    assert talk.floor is Floor.LISTENING
    talk.fold(heard("Stop."), said("Yes."), sound(1), TurnComplete())
    assert talk.texts == [("user", "Tell"), ("model", "one two"), ("user", "Stop."), ("model", "Yes.")]


def test_text_typed_over_an_answer_is_still_waiting_after_the_interruption(talk):
    talk.fold(TextSent(text="One"), said("one"), sound(2), TextSent(text="Two"), sound(0.1), Interrupted())
    assert talk.floor is Floor.THINKING
    talk.fold(TurnComplete())
    assert talk.floor is Floor.THINKING
    talk.fold(said("two"), sound(1), TurnComplete())
    assert talk.floor is Floor.LISTENING
    assert talk.texts == [("user", "One"), ("model", "one"), ("user", "Two"), ("model", "two")]


def test_text_typed_over_an_answer_that_goes_on_waits_for_its_own(talk):
    talk.fold(TextSent(text="One"), sound(2), TextSent(text="Two"), said("one"), TurnComplete())
    assert talk.floor is Floor.THINKING
    talk.fold(said("two"), sound(1), TurnComplete())
    assert talk.texts[-1] == ("model", "two")


def test_a_transcript_that_comes_after_the_cut_belongs_to_the_turn_that_was_cut(talk):
    talk.fold(TextSent(text="Tell"), sound(1), Interrupted(), said("one two"), TurnComplete())
    assert talk.texts == [("user", "Tell"), ("model", "one two")]


def test_an_output_transcript_just_after_the_end_belongs_to_that_turn(talk):
    talk.fold(TextSent(text="Tell"), sound(1), TurnComplete(), 300, said("one"))
    assert talk.texts == [("user", "Tell"), ("model", "one")]
    assert talk.turns[-1].final
    talk.fold(5000, said("And another thing"))
    assert talk.texts[-1] == ("model", "And another thing")
    assert len(talk.turns) == 3


def test_finished_closes_the_question_so_that_more_speech_is_a_new_turn(talk):
    talk.fold(
        heard("Tell me.", finished=True), sound(1), said("one"), heard("Stop!"), Interrupted(), TurnComplete()
    )
    assert talk.texts == [("user", "Tell me."), ("model", "one"), ("user", "Stop!")]
    assert talk.floor is Floor.USER


def test_an_answer_in_writing(talk):
    talk.fold(TextSent(text="Tell"), 40, OutputText(text="one "), OutputText(text="two"), TurnComplete())
    assert talk.turns[-1].text == "one two"
    assert talk.turns[-1].timing.first_sound_ms == 40
    assert {span.sample for span in talk.turns[-1].spans} == {0}


def test_thoughts_are_kept_apart(talk):
    talk.fold(TextSent(text="Tell"), Thought(text="Hm, "), Thought(text="well."))
    assert talk.floor is Floor.THINKING
    talk.fold(said("Yes."), sound(1))
    assert (talk.turns[-1].thoughts, talk.turns[-1].text) == ("Hm, well.", "Yes.")


def test_it_shows_whose_a_call_is_and_which_agent_speaks():
    own = ToolUse(id="1", name="set_light", args={"on": True}, result={"result": "on"}, state="done")
    remote = replace(own, remote=True, agent="lamp")
    assert own.line() == "set_light(on=True) → {'result': 'on'}"
    assert remote.line() == "set_light(on=True) → {'result': 'on'} (by lamp)"
    assert replace(remote, agent="").line().endswith("(by the agent)")
    turn = Turn(
        index=3, speaker="model", spans=(Span("Done."),), final=True, tools=(remote,), agent="kitchen"
    )
    assert repr(turn) == "<Turn 3, model (kitchen): 'Done.', set_light() done (by lamp)>"
    assert "model (kitchen)" in repr(Turns([turn]))
    assert "model (kitchen)" in turn._repr_html_()
    assert "(by lamp)" in turn._repr_html_()
