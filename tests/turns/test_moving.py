"""Turns of a talk that goes on over another connection."""

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    ConnectionReplaced,
    GenerationComplete,
    Interrupted,
    TextSent,
    ToolCall,
    ToolResult,
    TurnComplete,
)
from livewidget.turns import Floor
from livewidget.turns.streams import DictationTracker, TranslationTracker

from .talk import Talk, heard, interim, said, sound

AGAIN = ConnectionReplaced(resumed=True, why="link", replayed=True)
MOVED = ConnectionReplaced(resumed=True, why="link")


def test_between_turns_nothing_changes():
    talk = Talk()
    talk.fold(TextSent(text="Hello"), sound(1), said("Hi."), GenerationComplete(), TurnComplete())
    before = talk.turns
    assert talk.fold(MOVED) == []
    assert talk.turns == before
    talk.fold(TextSent(text="Again"), sound(1), said("Hi again."))
    assert talk.texts == [("user", "Hello"), ("model", "Hi."), ("user", "Again"), ("model", "Hi again.")]


def test_words_that_are_sent_again_are_heard_once():
    talk = Talk()
    talk.fold(ActivityStart(), heard("what is"), interim(" seven"), AGAIN)
    assert talk.floor is Floor.USER
    assert talk.texts == [("user", "")]
    talk.fold(
        ActivityStart(), heard("what is"), heard(" seven plus five"), ActivityEnd(), sound(1), said("12")
    )
    assert talk.texts == [("user", "what is seven plus five"), ("model", "12")]


def test_a_question_that_was_whole_is_heard_once_too():
    talk = Talk()
    talk.fold(ActivityStart(), heard("what is seven", finished=True), ActivityEnd(), AGAIN)
    assert talk.floor is Floor.THINKING
    talk.fold(ActivityStart(), heard("what is seven", finished=True), ActivityEnd(), sound(1))
    assert talk.texts == [("user", "what is seven"), ("model", "")]
    assert talk.turns[0].final


def test_words_that_are_not_sent_again_stay():
    talk = Talk()
    talk.fold(ActivityStart(), heard("what is"), MOVED)
    assert talk.floor is Floor.LISTENING
    assert talk.turns[0].final
    talk.fold(heard("new words"))
    assert talk.texts == [("user", "what is"), ("user", "new words")]


def test_text_that_is_sent_again_is_one_turn():
    talk = Talk()
    talk.fold(TextSent(text="Hello"), AGAIN)
    assert talk.floor is Floor.THINKING
    talk.fold(sound(1), said("Hi."))
    assert talk.texts == [("user", "Hello"), ("model", "Hi.")]


def test_an_answer_is_cut_or_whole():
    for events, cut in (((), True), ((GenerationComplete(),), False)):
        talk = Talk()
        talk.fold(TextSent(text="Hello"), sound(1), said("Hi."), *events, MOVED)
        assert (talk.turns[1].final, talk.turns[1].interrupted, talk.turns[1].text) == (True, cut, "Hi.")
        assert talk.floor is Floor.LISTENING


def test_a_call_may_outlast_the_connection():
    talk = Talk()
    talk.fold(TextSent(text="Hello"), ToolCall(id="a", name="slow"), MOVED)
    assert talk.turns[1].tools[0].state == "running"
    talk.fold(ToolResult(id="a", name="slow", result={"result": 1}))
    assert talk.turns[1].tools[0].state == "done"


def test_what_only_silence_ends_ends_with_the_connection_too():
    translation = TranslationTracker()
    translation.fold(heard("one two"), 0)
    translation.fold(said("uno dos"), 10)
    translation.fold(MOVED, 20)
    translation.fold(heard("three"), 30)
    assert [(turn.text, turn.final) for turn in translation.turns] == [
        ("one two", True),
        ("uno dos", True),
        ("three", False),
    ]
    dictation = DictationTracker()
    for event in (heard("one"), MOVED, heard("two")):
        dictation.fold(event, 0)
    assert [(turn.text, turn.final) for turn in dictation.turns] == [("one", True), ("two", False)]


@pytest.mark.parametrize(
    ("end", "moved"),
    [
        ((Interrupted(), TextSent(text="Two.")), AGAIN),
        ((Interrupted(),), MOVED),
        ((GenerationComplete(), TurnComplete()), MOVED),
    ],
    ids=["asked into it", "interrupted", "complete"],
)
def test_words_over_another_connection_are_no_late_words_of_an_earlier_answer(end, moved):
    """The kind: what a closed turn still waits for was of its own connection, and never comes over the next."""
    talk = Talk()
    talk.fold(TextSent(text="One."), said("The first"), sound(1), *end, 100, moved)
    talk.fold(100, said("The second."), sound(1), GenerationComplete(), TurnComplete())
    assert [text for speaker, text in talk.texts if speaker == "model"] == ["The first", "The second."]
