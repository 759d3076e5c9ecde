"""A model that only writes down what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.events import ActivityEnd, ActivityStart, SessionEnded, TurnComplete
from livewidget.turns import DictationTracker, Floor
from livewidget.turns.streams import SILENCE_MS
from tests.turns.talk import Talk, heard, interim, sound


@pytest.fixture
def talk() -> Talk:
    return Talk(DictationTracker())


def test_guesses_are_replaced_and_words_are_added(talk):
    (turn,) = talk.fold(interim("dear"))
    assert (turn.speaker, turn.text, turn.interim, turn.final) == ("user", "", "dear", False)
    (turn,) = talk.fold(interim("dear al"))
    assert turn.interim == "dear al"
    (turn,) = talk.fold(heard("Dear Alice, "))
    assert (turn.text, turn.interim) == ("Dear Alice, ", "")
    (turn,) = talk.fold(interim("thank"))
    assert (turn.text, turn.interim) == ("Dear Alice, ", "thank")
    (turn,) = talk.fold(heard("thank you."))
    assert turn.text == "Dear Alice, thank you."
    assert talk.floor is Floor.USER


def test_pieces_do_not_stick_together(talk):
    talk.fold(interim("dear"), heard("Dear Alice,"))
    (turn,) = talk.fold(interim("thank"))
    assert (turn.text, turn.interim) == ("Dear Alice,", " thank")
    (turn,) = talk.fold(heard("thank you."))
    assert turn.text == "Dear Alice, thank you."
    talk.fold(interim("bye"))
    talk.tick(SILENCE_MS)
    assert talk.texts == [("user", "Dear Alice, thank you. bye")]
    (turn,) = talk.fold(heard("Bye."))
    assert turn.text == "Dear Alice, thank you. Bye."


def test_pieces_of_a_word_and_scripts_without_spaces_stay_together(talk):
    talk.fold(heard("to"), heard("day"))
    assert talk.texts == [("user", "today")]
    talk.fold(SILENCE_MS, interim("今日"), heard("今日は。"), interim("元気"), heard("元気です"))
    assert talk.texts[1:] == [("user", "今日は。元気です")]


def test_finished_ends_a_turn_and_so_does_silence(talk):
    talk.fold(interim("one"), heard("One.", finished=True))
    assert talk.floor is Floor.LISTENING
    talk.fold(100, heard("Two."))
    assert talk.tick(SILENCE_MS - 1) == []
    (turn,) = talk.tick(1)
    assert turn.final
    talk.fold(heard("Three."), heard("", finished=True))
    assert talk.texts == [("user", "One."), ("user", "Two."), ("user", "Three.")]
    assert all(turn.final for turn in talk.turns)
    assert talk.tick(9000) == []


def test_silence_is_seen_without_a_tick(talk):
    talk.fold(heard("One."), SILENCE_MS, heard("Two."))
    assert talk.texts == [("user", "One."), ("user", "Two.")]


def test_a_guess_at_the_end_becomes_the_text_and_late_words_take_its_place(talk):
    talk.fold(heard("Well, "), interim("hello wor"))
    talk.tick(SILENCE_MS)
    assert talk.texts == [("user", "Well, hello wor")]
    (turn,) = talk.fold(500, heard("hello world."))
    assert (turn.index, turn.text, turn.final) == (0, "Well, hello world.", True)
    talk.fold(heard("Next."))
    assert talk.texts[1:] == [("user", "Next.")]


def test_a_new_guess_after_it_is_a_new_turn(talk):
    talk.fold(interim("hello"))
    talk.tick(SILENCE_MS)
    talk.fold(interim("and"), heard("And so."))
    assert talk.texts == [("user", "hello"), ("user", "And so.")]


def test_languages(talk):
    talk.fold(heard("", language="de"), heard("Guten Tag.", finished=True), heard("Ja.", finished=True))
    talk.fold(heard("Yes.", language="en", finished=True))
    assert [turn.language for turn in talk.turns] == ["de", "de", "en"]


def test_the_start_of_speech_is_inferred_once(talk):
    tracker = talk.conversation
    assert tracker.infer(heard("Hello"), 0.0) == ActivityStart(inferred=True)
    talk.fold(heard("Hello"))
    assert tracker.infer(heard(" there"), 0.0) is None
    assert tracker.infer(heard(""), 0.0) is None
    assert tracker.infer(sound(1), 0.0) is None


def test_announced_speech(talk):
    talk.fold(ActivityStart())
    assert talk.floor is Floor.USER
    assert talk.conversation.infer(heard("Hello"), 0.0) is None
    talk.fold(interim("Hel"), ActivityEnd())
    assert talk.floor is Floor.USER, "the words are still to come"
    talk.fold(heard("Hello.", finished=True))
    assert talk.floor is Floor.LISTENING
    talk.fold(ActivityStart(), ActivityEnd())
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize("event", [TurnComplete(), SessionEnded()])
def test_ends_that_are_told_are_ends(talk, event):
    talk.fold(heard("One "), interim("two"), event)
    assert talk.texts == [("user", "One two")]
    assert talk.turns[0].final


def test_a_model_that_only_listens_has_no_turn(talk):
    talk.fold(heard("One"), sound(1))
    assert talk.conversation.model_turn is None
    assert talk.texts == [("user", "One")]


WORD = st.sampled_from(["one ", "two ", "three "])
GUESSES = st.lists(WORD, max_size=3)


@given(st.lists(st.tuples(GUESSES, WORD, st.sampled_from([0, 300, 1900])), max_size=12), st.booleans())
def test_guesses_leave_no_trace(pieces, finished):
    talk = Talk(DictationTracker())
    for guesses, word, pause in pieces:
        talk.fold(*map(interim, guesses), pause, heard(word, finished=finished))
    talk.tick(SILENCE_MS)
    assert "".join(text for _, text in talk.texts) == "".join(word for _, word, _ in pieces)
    assert not any(turn.interim for turn in talk.turns)
    assert all(turn.final for turn in talk.turns)
