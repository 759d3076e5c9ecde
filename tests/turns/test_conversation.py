"""Events folded into turns."""

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    GenerationComplete,
    OutputAudio,
    OutputText,
    TextSent,
    ToolCall,
    ToolResult,
    TurnComplete,
)
from livewidget.turns import ConversationTracker, DictationTracker, Floor, Timing, TranslationTracker
from livewidget.turns.store import CALLS_KEPT
from tests.turns.talk import Talk, heard, interim, said, sound


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_spoken_question_and_its_answer(talk):
    talk.fold(ActivityStart(), interim("what is"), heard("What is "), heard("seven plus five?"))
    assert talk.floor is Floor.USER
    talk.fold(ActivityEnd())
    assert talk.floor is Floor.THINKING
    talk.fold(80, said("Twelve."), sound(1))
    assert talk.floor is Floor.MODEL
    talk.fold(GenerationComplete(), TurnComplete())
    assert talk.floor is Floor.LISTENING
    assert talk.texts == [("user", "What is seven plus five?"), ("model", "Twelve.")]
    question, answer = talk.turns
    assert question.final
    assert question.interim == ""
    assert answer.final
    assert not answer.interrupted
    assert answer.latency_ms == 80
    assert answer.audio_samples == 24_000


def test_an_interim_transcript_is_replaced_and_final_text_takes_its_place(talk):
    talk.fold(ActivityStart())
    (turn,) = talk.fold(interim("what is"))
    assert (turn.text, turn.interim, turn.final) == ("", "what is", False)
    (turn,) = talk.fold(interim("what is seven"))
    assert turn.interim == "what is seven"
    (turn,) = talk.fold(heard("What is seven?"))
    assert (turn.text, turn.interim) == ("What is seven?", "")


def test_an_interim_that_is_never_confirmed_becomes_the_text_and_a_late_final_replaces_it(talk):
    talk.fold(
        ActivityStart(), interim("turn on the lite"), ActivityEnd(), sound(1), said("Done."), TurnComplete()
    )
    assert talk.texts[0] == ("user", "turn on the lite")
    (turn,) = talk.fold(heard("Turn on the light."))
    assert (turn.index, turn.text) == (0, "Turn on the light.")
    assert len(talk.turns) == 2


def test_a_transcript_after_the_answer_began_lands_in_the_question(talk):
    talk.fold(ActivityStart(), ActivityEnd(), sound(0.2), said("Twelve"))
    assert [turn.speaker for turn in talk.turns] == ["model"]
    talk.fold(heard("Seven "), sound(0.2), heard("plus five?"), said("."), TurnComplete())
    assert talk.texts == [("user", "Seven plus five?"), ("model", "Twelve.")]
    assert [turn.index for turn in talk.turns] == [0, 1]


def test_a_transcript_after_the_answer_is_over_still_finds_its_empty_question(talk):
    talk.fold(sound(0.2), said("Twelve."), TurnComplete(), 3000, heard("Seven plus five?"))
    assert talk.texts == [("user", "Seven plus five?"), ("model", "Twelve.")]
    assert talk.floor is Floor.LISTENING


def test_without_announcements_each_question_is_a_turn_of_its_own(talk):
    for question, answer in [("One?", "Yes, one."), ("Two?", "Yes, two.")]:
        talk.fold(heard(question), 100, sound(0.5), said(answer), TurnComplete(), 5000)
    assert talk.texts == [
        ("user", "One?"), ("model", "Yes, one."), ("user", "Two?"), ("model", "Yes, two."),
    ]  # fmt: skip
    assert [turn.latency_ms for turn in talk.turns if turn.speaker == "model"] == [100, 100]


def test_the_start_of_speech_is_inferred_once_and_marked(talk):
    conversation = talk.conversation
    assert conversation.infer(heard("Hello"), 0.0) == ActivityStart(inferred=True)
    talk.fold(heard("Hello"))
    assert talk.floor is Floor.USER
    assert conversation.infer(heard(" there"), 0.0) is None
    assert conversation.infer(sound(1), 0.0) is None
    assert conversation.infer(heard(""), 0.0) is None


def test_no_start_of_speech_is_inferred_from_a_late_transcript(talk):
    talk.fold(ActivityStart(), ActivityEnd(), sound(1), TurnComplete())
    assert talk.conversation.infer(heard("late"), 0.0) is None


def test_two_bursts_of_speech_before_an_answer_are_one_turn(talk):
    talk.fold(
        ActivityStart(),
        heard("Wait, "),
        ActivityEnd(),
        ActivityStart(),
        heard("let me think."),
        ActivityEnd(),
    )
    assert talk.texts == [("user", "Wait, let me think.")]


def test_typed_text_is_a_turn_at_once_and_has_no_latency(talk):
    (turn,) = talk.fold(TextSent(text="Hello"))
    assert (turn.speaker, turn.text, turn.final) == ("user", "Hello", True)
    assert talk.floor is Floor.THINKING
    talk.fold(250, sound(0.1), said("Hi."))
    assert (talk.turns[-1].latency_ms, talk.turns[-1].timing) == (None, Timing(wait_ms=250))
    talk.fold(100, sound(0.1))
    assert (talk.turns[-1].latency_ms, talk.turns[-1].timing) == (None, Timing(wait_ms=250))


def test_a_transcript_never_changes_a_typed_turn(talk):
    talk.fold(TextSent(text="Hello"), sound(1), heard("hm"), TurnComplete())
    assert ("user", "Hello") in talk.texts
    assert ("user", "hm") in talk.texts


def test_latency_counts_from_the_end_of_speech_not_from_a_later_transcript(talk):
    talk.fold(ActivityStart(), ActivityEnd(), 200, heard("Hello"), 100, sound(0.1))
    assert talk.turns[-1].latency_ms == 300


def test_more_sound_is_not_a_new_look(talk):
    talk.fold(TextSent(text="Hello"), sound(0.1))
    assert talk.fold(sound(0.1)) == []
    assert talk.turns[-1].audio_samples == 4800


def test_sound_at_another_rate_is_counted_at_24_khz(talk):
    talk.fold(OutputAudio(data=bytes(16_000 * 2), sample_rate=16_000))
    assert talk.turns[-1].audio_samples == 24_000


@pytest.mark.parametrize(
    ("tracker", "event", "speaker"),
    [
        (ConversationTracker(4), said, "model"),
        (ConversationTracker(4), heard, "user"),
        (ConversationTracker(4), lambda text: OutputText(text=text), "model"),
        (TranslationTracker(4), said, "model"),
        (DictationTracker(4), heard, "user"),
    ],
    ids=["transcript", "user transcript", "text", "translation", "dictation"],
)
def test_a_turn_in_many_pieces_keeps_all_its_text_in_few_spans(tracker, event, speaker):
    """The kind: what a turn keeps decides what the next piece costs, so it must not grow with the server's pieces."""
    talk = Talk(tracker)
    words = [f"{number} " for number in range(20)]
    for word in words:
        talk.fold(10, event(word))
    turn = talk.turns[-1]
    assert turn.speaker == speaker
    assert len(turn.spans) <= 4
    assert "".join(span.text for span in turn.spans).split() == "".join(words).split()


def test_a_turn_keeps_as_many_calls_as_can_be_shown_and_is_over_when_they_are(talk):
    ids = [f"call-{number}" for number in range(CALLS_KEPT + 50)]
    talk.fold(TextSent(text="Go."), *(ToolCall(id=id, name="f") for id in ids))
    assert talk.floor is Floor.TOOL
    assert [use.id for use in talk.turns[-1].tools] == ids[:CALLS_KEPT]
    talk.fold(*(ToolResult(id=id, name="f", result={}) for id in ids))
    assert talk.floor is Floor.THINKING
    assert {use.state for use in talk.turns[-1].tools} == {"done"}
