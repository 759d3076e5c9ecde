"""What comes with an answer in the turns of a talk: sources, code, pages, languages, pictures; or no answer."""

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    CodeResult,
    ExecutableCode,
    GenerationComplete,
    Grounding,
    ImageSent,
    InteractionStatus,
    Interrupted,
    OutputText,
    SessionEnded,
    TextSent,
    Thought,
    ToolCall,
    ToolResult,
    TurnComplete,
    UrlContext,
    Usage,
    WaitingForInput,
)
from livewidget.turns import CodeRun, ConversationTracker, Floor, WebPage, WebSource
from livewidget.turns.metadata import THOUGHTS_LENGTH
from tests.turns.talk import Talk, heard, interim, said, sound

GROUNDING = Grounding(
    metadata={
        "webSearchQueries": ["tides"],
        "groundingChunks": [{"web": {"uri": "https://a.example/x", "title": "Tides"}}],
    }
)
SOURCE = WebSource("Tides", "https://a.example/x")


@pytest.fixture
def talk() -> Talk:
    return Talk()


@pytest.mark.parametrize(
    "order",
    [(GROUNDING, said("It."), sound(1), TurnComplete()), (said("It."), sound(1), TurnComplete(), GROUNDING)],
)
def test_sources_belong_to_the_answer_before_and_after_it(talk, order):
    talk.fold(TextSent(text="Why?"), *order)
    assert talk.texts == [("user", "Why?"), ("model", "It.")]
    assert (talk.turns[-1].sources, talk.turns[-1].queries) == ((SOURCE,), ("tides",))
    assert talk.turns[-1].final
    assert talk.floor is Floor.LISTENING


def test_sources_that_come_long_after_belong_to_the_last_answer_and_open_none(talk):
    talk.fold(TextSent(text="Why?"), said("It."), sound(1), TurnComplete(), 60_000, GROUNDING)
    assert talk.turns[-1].sources == (SOURCE,)
    assert talk.conversation.model_turn is None


def test_sources_of_the_next_answer_are_not_put_into_the_last(talk):
    talk.fold(TextSent(text="Why?"), said("It."), sound(1), TurnComplete(), TextSent(text="And?"), GROUNDING)
    assert [turn.sources for turn in talk.turns] == [(), (), (), (SOURCE,)]


@pytest.mark.parametrize(
    "event",
    [
        Grounding(metadata={"groundingChunks": [{"web": {"uri": "javascript:x"}}], "webSearchQueries": [7]}),
        UrlContext(metadata={"urlMetadata": "none"}),
        ExecutableCode(code=" "),
        CodeResult(),
    ],
)
def test_what_tells_nothing_begins_no_answer(talk, event):
    talk.fold(TextSent(text="Why?"))
    assert talk.fold(event) == []
    assert talk.conversation.model_turn is None


def test_code_runs_in_the_answer_and_its_output_is_kept_apart(talk):
    (turn,) = talk.fold(TextSent(text="Sum"), ExecutableCode(code="print(1)", language="PYTHON", id="1"))
    assert turn.code == (CodeRun("PYTHON", "print(1)"),)
    assert talk.floor is Floor.THINKING
    talk.fold(CodeResult(outcome="OUTCOME_OK", output="1\n", id="1"), said("One."), sound(1), TurnComplete())
    assert talk.turns[-1].code == (CodeRun("PYTHON", "print(1)", "OK", "1\n"),)
    assert talk.turns[-1].text == "One."


def test_code_of_one_turn_is_not_found_by_a_result_in_the_next(talk):
    talk.fold(TextSent(text="Sum"), ExecutableCode(code="a"), sound(1), TurnComplete())
    talk.fold(TextSent(text="Again"), CodeResult(outcome="OUTCOME_OK", output="2"))
    assert [turn.code for turn in talk.turns if turn.code] == [
        (CodeRun(None, "a"),),
        (CodeRun(None, "", "OK", "2"),),
    ]


def test_pages(talk):
    page = {"retrievedUrl": "https://a.example/", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_PAYWALL"}
    talk.fold(TextSent(text="Read"), UrlContext(metadata={"urlMetadata": [page]}), sound(1))
    assert talk.turns[-1].pages == (WebPage("https://a.example/", "PAYWALL"),)


def test_thoughts_have_an_end(talk):
    talk.fold(TextSent(text="Hm"), *[Thought(text="x" * 10_000)] * 9)
    assert len(talk.turns[-1].thoughts) == THOUGHTS_LENGTH


# --- Languages ----------------------------------------------------------------------------------------------


def test_languages_come_with_words_before_them_or_after_them(talk):
    talk.fold(ActivityStart(), heard("", language="es"), heard("Hola"), ActivityEnd())
    talk.fold(said("Hello", language="en-US"), sound(1), TurnComplete())
    assert [turn.language for turn in talk.turns] == ["es", "en-US"]
    talk.fold(ActivityStart(), heard("Salut"), heard("", language="fr"), ActivityEnd(), said("Hi"))
    assert [turn.language for turn in talk.turns] == ["es", "en-US", "fr", None]


def test_a_language_alone_begins_nothing(talk):
    assert talk.fold(heard("", language="es"), said("", language="en")) == []
    assert talk.turns == []


def test_a_language_named_for_the_next_words_leaves_the_last_turn_alone(talk):
    talk.fold(
        ActivityStart(), heard("Hello", language="en"), ActivityEnd(), said("Hi."), sound(1), TurnComplete()
    )
    talk.fold(heard("", language="es"), ActivityStart(), heard("Hola"))
    assert [turn.language for turn in talk.turns if turn.speaker == "user"] == ["en", "es"]


# --- Pictures -----------------------------------------------------------------------------------------------


def test_pictures_are_counted_in_the_turn_they_were_sent_with(talk):
    picture = ImageSent(mime_type="image/jpeg", size=1000)
    talk.fold(picture, ActivityStart(), picture, heard("What is this?"), picture, ActivityEnd(), sound(1))
    talk.fold(picture, TurnComplete(), TextSent(text="And now?"))
    assert [turn.images for turn in talk.turns if turn.speaker == "user"] == [3, 1]


# --- No answer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ends", [(TurnComplete(),), (TurnComplete(reason="NEED_MORE_INPUT"),), (SessionEnded(),)]
)
def test_a_model_that_chooses_not_to_answer_says_so_in_a_turn_of_its_own(talk, ends):
    talk.fold(heard("Hm."), ActivityEnd(), WaitingForInput())
    assert talk.floor is Floor.LISTENING
    talk.fold(*ends)
    assert talk.texts == [("user", "Hm."), ("model", "")]
    turn = talk.turns[-1]
    assert (turn.declined, turn.final, turn.interrupted) == (True, True, False)


def test_waiting_without_a_question_is_no_turn(talk):
    assert talk.fold(WaitingForInput(), TurnComplete()) == []
    assert talk.turns == []


def test_waiting_after_an_answer_is_none(talk):
    talk.fold(TextSent(text="Hello"), said("Hi."), sound(1), WaitingForInput(), TurnComplete())
    assert [turn.declined for turn in talk.turns] == [False, False]


def test_a_model_that_answers_after_all_does_so_in_that_turn(talk):
    talk.fold(TextSent(text="Hm."), WaitingForInput(), 500, said("Yes?"), sound(1), TurnComplete())
    assert talk.texts == [("user", "Hm."), ("model", "Yes?")]
    assert not talk.turns[-1].declined
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize("complete", [(), (TurnComplete(),)])
def test_words_that_come_late_belong_to_what_was_not_answered(talk, complete):
    talk.fold(heard("Well, "), ActivityEnd(), WaitingForInput(), *complete, 800, heard("maybe."))
    assert talk.texts == [("user", "Well, maybe."), ("model", "")]
    assert talk.floor is Floor.LISTENING


@pytest.mark.parametrize("complete", [(), (TurnComplete(),)])
@pytest.mark.parametrize("begins", [(ActivityStart(),), (5000,)])
def test_what_is_said_next_is_a_turn_of_its_own(talk, complete, begins):
    talk.fold(heard("Well."), ActivityEnd(), WaitingForInput(), *complete, *begins, heard("Tutor!"))
    talk.fold(sound(1), said("Yes?"), TurnComplete())
    assert talk.texts == [("user", "Well."), ("model", ""), ("user", "Tutor!"), ("model", "Yes?")]
    assert all(turn.final for turn in talk.turns)


def test_a_guess_after_it_is_the_next_speech(talk):
    talk.fold(heard("Well."), ActivityEnd(), WaitingForInput(), TurnComplete(), 100, interim("tut"))
    assert [turn.interim for turn in talk.turns] == ["", "", "tut"]


def test_what_was_not_answered_cannot_be_interrupted(talk):
    talk.fold(TextSent(text="Hm."), WaitingForInput(), Interrupted(), TurnComplete())
    assert not talk.turns[-1].interrupted


# --- Turns that the service does not complete ---------------------------------------------------------------


def overdue_after(talk):
    """How long, in ms, until the model's turn counts as over; None: it does not within a minute."""
    return next((ms for ms in range(0, 60_000, 500) if talk.conversation.is_overdue(talk.now_ms + ms)), None)


USAGE = Usage(total_tokens=5)
CALL = ToolCall(id="a", name="f", args={})
RESULT = ToolResult(id="a", name="f", result={"result": 1})


@pytest.mark.parametrize(
    ("events", "after"),
    [
        ((GenerationComplete(),), 2000),
        ((Interrupted(),), 2000),
        ((Interrupted(), TurnComplete()), 2000),
        ((WaitingForInput(),), 2000),
        ((USAGE,), 5000),
        ((USAGE, USAGE), 5000),
        ((said("It."), sound(3), GenerationComplete()), 5000),
        ((said("It."), sound(3), GenerationComplete(), USAGE), 5000),
        ((CALL, RESULT, TurnComplete()), 2000),
        ((), None),
        ((sound(1),), 21_000),
        ((sound(1), said("It.")), 21_000),
        ((said("It."),), 20_000),
        ((Thought(text="hm"),), None),
        ((CALL, TurnComplete()), None),
        ((InteractionStatus(status="IN_PROGRESS"), TurnComplete()), None),
        ((GenerationComplete(), sound(1)), 21_000),
        ((sound(1), CALL), None),
        ((sound(1), TurnComplete(), said("It.")), None),
        ((TextSent(text="And?"), Interrupted(), TurnComplete()), None),
        ((sound(1), TextSent(text="And?"), Interrupted(), TurnComplete(), USAGE), None),
    ],
)
def test_when_a_turn_is_overdue(talk, events, after):
    talk.fold(TextSent(text="Why?"), *events)
    assert overdue_after(talk) == after
    if after is not None:
        talk.fold(after, TurnComplete(inferred=True))
        assert talk.floor is Floor.LISTENING
        assert overdue_after(talk) is None
        assert talk.conversation.model_turn is None


def test_models_that_complete_a_turn_before_the_result_have_longer_to_speak_of_it():
    talk = Talk(ConversationTracker(completes_early=True))
    talk.fold(TextSent(text="Why?"), CALL, RESULT, TurnComplete())
    assert overdue_after(talk) == 5000


def test_a_completion_that_comes_after_all_leaves_the_next_question_alone(talk):
    talk.fold(TextSent(text="Why?"), said("It."), sound(1), GenerationComplete(), 3000)
    talk.fold(TurnComplete(inferred=True), TextSent(text="And?"), TurnComplete())
    assert talk.floor is Floor.THINKING
    assert talk.conversation.has_unanswered_input


def test_what_interrupts_an_answer_that_has_not_begun_is_still_to_be_answered(talk):
    talk.fold(TextSent(text="Why?"), TextSent(text="And?"), Interrupted(), TurnComplete())
    assert talk.floor is Floor.THINKING
    assert talk.conversation.has_unanswered_input


@pytest.mark.parametrize("words", [said("One."), OutputText(text="One.")])
def test_words_without_sound_after_a_tool_are_its_answer(talk, words):
    talk.fold(TextSent(text="Why?"), CALL, RESULT, words, TurnComplete())
    assert (talk.turns[-1].text, talk.turns[-1].final) == ("One.", True)
    assert talk.floor is Floor.LISTENING


def test_words_that_come_while_a_tool_runs_belong_to_what_was_said_before_it(talk):
    talk.fold(TextSent(text="Why?"), sound(1), CALL, said("A moment."), RESULT, TurnComplete())
    assert not talk.turns[-1].final


# --- An answer in two parts ---------------------------------------------------------------------------------


def test_a_model_that_goes_on_working_answers_in_one_turn(talk):
    talk.fold(TextSent(text="Prove it."), said("One moment. "), sound(1))
    talk.fold(InteractionStatus(status="IN_PROGRESS"), TurnComplete(), 5000)
    assert not talk.turns[-1].final
    talk.fold(
        Thought(text="Hm."), said("It follows."), sound(1), InteractionStatus(status="IDLE"), TurnComplete()
    )
    assert talk.texts == [("user", "Prove it."), ("model", "One moment. It follows.")]
    assert talk.turns[-1].final


def test_who_speaks_meanwhile_is_answered_in_a_turn_of_its_own(talk):
    talk.fold(TextSent(text="Prove it."), said("One moment."), sound(1))
    talk.fold(InteractionStatus(status="IN_PROGRESS"), TurnComplete(), TextSent(text="Quick!"))
    talk.fold(said("It follows."), sound(1), InteractionStatus(status="IDLE"), TurnComplete())
    assert [text for _, text in talk.texts] == ["Prove it.", "One moment.", "Quick!", "It follows."]
    assert all(turn.final for turn in talk.turns)
