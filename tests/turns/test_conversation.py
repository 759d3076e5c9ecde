"""Events folded into turns."""

import pytest

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    GenerationComplete,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputText,
    OutputTranscript,
    SessionEnded,
    TextSent,
    Thought,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    TurnComplete,
    WaitingForInput,
)
from livewidget.turns import Conversation, Floor, Span


def sound(seconds: float) -> OutputAudio:
    return OutputAudio(data=bytes(int(seconds * 24_000) * 2))


def heard(text: str, *, finished: bool = False) -> InputTranscript:
    return InputTranscript(text=text, finished=finished)


def said(text: str) -> OutputTranscript:
    return OutputTranscript(text=text)


def interim(text: str) -> InterimInputTranscript:
    return InterimInputTranscript(text=text)


class Talk:
    """A conversation and a clock that a test moves."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.now_ms = 0.0

    def fold(self, *events):
        changed = []
        for event in events:
            if isinstance(event, int | float):
                self.now_ms += event
            else:
                changed = self.conversation.fold(event, self.now_ms)
        return changed

    @property
    def turns(self):
        return self.conversation.turns

    @property
    def texts(self):
        return [(turn.speaker, turn.text) for turn in self.turns]

    @property
    def floor(self):
        return self.conversation.floor


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
    assert conversation.infer(heard("Hello")) == ActivityStart(inferred=True)
    talk.fold(heard("Hello"))
    assert talk.floor is Floor.USER
    assert conversation.infer(heard(" there")) is None
    assert conversation.infer(sound(1)) is None
    assert conversation.infer(heard("")) is None


def test_no_start_of_speech_is_inferred_from_a_late_transcript(talk):
    talk.fold(ActivityStart(), ActivityEnd(), sound(1), TurnComplete())
    assert talk.conversation.infer(heard("late")) is None


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


def test_typed_text_is_a_turn_at_once_and_latency_counts_from_it(talk):
    (turn,) = talk.fold(TextSent(text="Hello"))
    assert (turn.speaker, turn.text, turn.final) == ("user", "Hello", True)
    assert talk.floor is Floor.THINKING
    talk.fold(250, sound(0.1), said("Hi."))
    assert talk.turns[-1].latency_ms == 250
    talk.fold(100, sound(0.1))
    assert talk.turns[-1].latency_ms == 250


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
    (turn,) = talk.conversation.heard(turn.index, 24_000)
    assert turn.heard_sample == 24_000
    assert turn.text == "one two"
    (turn,) = talk.conversation.heard(turn.index, 50_000)
    assert turn.text == "one two three four "
    assert talk.conversation.heard(turn.index, 50_000) == []


def test_words_ahead_of_the_sound_are_not_taken_for_heard(talk):
    talk.fold(said("a" * 9 + " " + "b" * 49 + " " + "c" * 40), sound(1), Interrupted())
    (turn,) = talk.conversation.heard(talk.turns[-1].index, 24_000)
    assert turn.text == "a" * 9


def test_hearing_nothing_leaves_no_text(talk):
    talk.fold(said("one two"), sound(1), Interrupted())
    (turn,) = talk.conversation.heard(talk.turns[-1].index, 0)
    assert turn.text == ""


def test_a_turn_heard_to_its_end_is_not_cut(talk):
    talk.fold(said("one two"), sound(1), GenerationComplete(), TurnComplete())
    assert talk.conversation.heard(talk.turns[-1].index, 24_000) == []
    (turn,) = talk.conversation.heard(talk.turns[-1].index, 12_000)
    assert turn.interrupted
    assert turn.text == "one"


def test_heard_is_ignored_for_turns_that_cannot_be_cut(talk):
    talk.fold(TextSent(text="Hello"), said("one two"), sound(1))
    assert talk.conversation.heard(0, 5) == []
    assert talk.conversation.heard(1, 5) == []
    assert talk.conversation.heard(99, 5) == []


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
    assert talk.turns[-1].latency_ms == 40
    assert {span.sample for span in talk.turns[-1].spans} == {0}


def test_thoughts_are_kept_apart(talk):
    talk.fold(TextSent(text="Tell"), Thought(text="Hm, "), Thought(text="well."))
    assert talk.floor is Floor.THINKING
    talk.fold(said("Yes."), sound(1))
    assert (talk.turns[-1].thoughts, talk.turns[-1].text) == ("Hm, well.", "Yes.")


CALL = ToolCall(id="a", name="light", args={"on": True})
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


def test_a_turn_without_output_leaves_no_model_turn(talk):
    talk.fold(heard("Hm."), ActivityEnd(), WaitingForInput(), TurnComplete(reason="NEED_MORE_INPUT"))
    assert talk.texts == [("user", "Hm.")]
    assert talk.floor is Floor.LISTENING


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
