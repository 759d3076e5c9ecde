"""Where the time of an answer goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    AgentChanged,
    GenerationComplete,
    Interrupted,
    OutputAudio,
    SessionStarted,
    TextSent,
    ToolApprovalRequested,
    ToolApproved,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    TurnComplete,
)
from livewidget.turns import HeardAudio, Timing
from livewidget.turns.store import FOLLOWED, UNREPORTED_MS, SentAudioTimeline, timing_of, union_ms
from tests.turns.talk import Talk, heard, interim, said, sound


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_plain_answer_is_all_waiting(talk):
    talk.fold(TextSent(text="Hello"), 250, sound(1), 100, sound(1))
    assert talk.turns[-1].timing == Timing(wait_ms=250)


def test_functions_and_the_link_are_apart(talk):
    talk.conversation.link_ms = 40
    call = ToolCall(id="a", name="f")
    talk.fold(TextSent(text="Light!"), 100, call, 700, ToolResult(id="a", name="f"), 200, sound(1))
    assert talk.turns[-1].timing.first_sound_ms == 1000
    assert talk.turns[-1].timing == Timing(network_ms=40, tool_ms=700, wait_ms=260)


def test_functions_that_run_at_once_count_once_and_those_after_the_first_sound_not_at_all(talk):
    talk.fold(TextSent(text="Lights!"), ToolCall(id="a", name="f"), 100, ToolCall(id="b", name="f"), 100)
    talk.fold(ToolResult(id="a", name="f"), 300, ToolCallCancelled(ids=("b",)), 50, sound(1))
    assert talk.turns[-1].timing == Timing(tool_ms=500, wait_ms=50)
    talk.fold(ToolCall(id="c", name="f"), 900, ToolResult(id="c", name="f"), sound(1))
    assert talk.turns[-1].timing.tool_ms == 500


def test_a_function_that_still_runs_counts_up_to_the_first_sound(talk):
    talk.fold(TextSent(text="Look it up"), 100, ToolCall(id="a", name="f"), 400, sound(1))
    assert talk.turns[-1].timing == Timing(tool_ms=400, wait_ms=100)


def test_a_function_of_another_turn_is_not_waited_for(talk):
    talk.fold(TextSent(text="Look it up"), ToolCall(id="a", name="f"), sound(1), TurnComplete())
    talk.fold(TextSent(text="And the time?"), 300, sound(1))
    assert talk.turns[-1].timing == Timing(wait_ms=300)


def test_the_decision_is_known_where_the_service_says_how_far_into_the_sound_speech_ended(talk):
    talk.fold(SessionStarted(), ActivityStart(offset_ms=100))
    for _ in range(50):
        talk.fold(40)
        talk.conversation.audio_sent(40, talk.now_ms)
    talk.fold(ActivityEnd(offset_ms=1400), 300, sound(1))
    # 2000 ms have gone out; the sound at 1400 ms went out 600 ms before the end of speech was told.
    assert talk.turns[-1].timing == Timing(decision_ms=600, wait_ms=300)
    assert talk.turns[-1].latency_ms == 900


@pytest.mark.parametrize("offset", [None, 5000])
def test_the_decision_is_unknown_else(talk, offset):
    talk.conversation.audio_sent(1000, 1000)
    talk.fold(1000, ActivityStart(), ActivityEnd(offset_ms=offset), 300, sound(1))
    assert talk.turns[-1].timing.decision_ms is None


def test_offsets_count_from_the_newest_connection():
    timeline = SentAudioTimeline()
    timeline.add(5000, 5000)
    timeline.restart()
    timeline.add(100, 9000)
    assert timeline.since(100, 9050) == 50
    assert timeline.since(50, 9050) == 100
    assert timeline.since(5000, 9050) is None
    assert timeline.since(100, 99_999) is None, "so long ago that it is another count"


def test_a_pause_of_the_microphone_is_no_sound():
    timeline = SentAudioTimeline()
    timeline.add(1000, 1000)
    timeline.add(1000, 9000)
    assert timeline.since(1000, 9100) == 8100
    assert timeline.since(1500, 9100) == 600


def test_how_long_a_turn_was_heard(talk):
    talk.fold(TextSent(text="Hello"), 200, sound(1), GenerationComplete(), TurnComplete())
    assert talk.turns[-1].timing.heard_ms is None
    for _ in range(4):  # it begins to sound 100 ms after it has come, and is reported late
        talk.fold(250)
        told = talk.played(1, 24 * (int(talk.now_ms) - 300))
        assert len(told) == (talk.now_ms == 450), "the first report says when it began to sound"
    talk.fold(250)
    (turn,) = talk.played(1, 24_000)
    assert turn.timing == Timing(wait_ms=200, playback_ms=100, heard_ms=1000)
    assert talk.played(1, 24_000) == []


def test_a_turn_is_not_over_while_more_of_it_may_come(talk):
    talk.fold(TextSent(text="Hello"), sound(1), 1000)
    talk.played(1, 24_000)
    assert talk.turns[-1].timing.heard_ms is None
    talk.fold(sound(1), TurnComplete(), 1000)
    (turn,) = talk.played(1, 48_000)
    assert turn.timing.heard_ms == 2000


def test_a_turn_that_was_cut_was_heard_to_the_cut(talk):
    talk.fold(TextSent(text="Hello"), said("one two"), sound(2), 500)
    talk.played(1, 12_000)
    talk.fold(400, Interrupted(), 60)
    (turn,) = talk.heard(1, 16_800)
    assert turn.timing.heard_ms == 700
    (turn,) = talk.heard(1, 12_000)
    assert turn.timing.heard_ms == 700, "the first word on it counts"


def test_a_turn_of_which_nothing_was_heard_has_no_such_time(talk):
    talk.fold(TextSent(text="Hello"), sound(2), Interrupted())
    (turn,) = talk.heard(1, 0)
    assert turn.timing.heard_ms is None


def test_a_turn_that_the_player_has_left_behind_was_heard_to_its_end(talk):
    talk.fold(TextSent(text="One"), sound(1), TurnComplete(), 900)
    talk.played(1, 21_600)
    talk.fold(TextSent(text="Two"), 400, sound(1))
    turn, _ = talk.played(3, 2400)
    assert (turn.index, turn.timing.heard_ms) == (1, 1000)


def test_reports_of_turns_that_are_not_there_change_nothing(talk):
    assert talk.played(7, 100) == []
    talk.fold(TextSent(text="Hello"))
    assert talk.played(0, 100) == []


TIMES = st.floats(0, 1000)


@given(st.lists(st.tuples(TIMES, TIMES)), TIMES, TIMES)
def test_a_union_is_never_more_than_the_time_it_lies_in(intervals, start, end):
    total = union_ms(intervals, start, end)
    assert 0 <= total <= max(0.0, end - start) + 1e-6
    grid = sum(
        any(begun <= at + 0.5 < ended for begun, ended in intervals)
        for at in range(1000)
        if start <= at + 0.5 < end
    )
    # Rounded to the grid, each interval is off by less than one step at either end.
    assert abs(total - grid) <= len(intervals) + 2


@given(TIMES, TIMES, st.none() | TIMES, st.none() | TIMES)
def test_the_parts_add_up(latency, tool, link, decision):
    timing = timing_of(latency, tool, link_ms=link, decision_ms=decision)
    parts = (timing.network_ms or 0.0) + timing.tool_ms + timing.wait_ms
    assert parts == pytest.approx(latency)
    assert min(timing.tool_ms, timing.wait_ms, timing.network_ms or 0.0) >= 0


def test_words_without_an_announced_end_count_from_the_last(talk):
    talk.fold(heard("One?"), 100, sound(1))
    assert talk.turns[-1].timing == Timing(wait_ms=100)


# --- One number ---------------------------------------------------------------------------------------------


def speak(talk, *, loud_ms=400, quiet_ms=500, **detected):
    """Speak, be silent, and be found to have ended; returns when the words ended."""
    talk.fold(SessionStarted(), ActivityStart())
    for ms in range(0, loud_ms + quiet_ms, 20):
        talk.fold(20)
        talk.conversation.audio_sent(20, talk.now_ms, is_speech=ms < loud_ms)
    talk.fold(heard("What?"), ActivityEnd(**detected))
    return talk.now_ms - quiet_ms


def latency(talk):
    """The latency of the last answer, which is the same wherever it is shown."""
    turn = talk.turns[-1]
    assert turn.latency_ms is None or turn.latency_ms == pytest.approx(turn.timing.first_sound_ms)
    return turn.latency_ms


@pytest.mark.parametrize("detected", [{}, {"offset_ms": 400}, {"offset_ms": 60_000}])
def test_it_counts_from_the_end_of_the_words_whether_the_service_says_where_that_was_or_not(talk, detected):
    speak(talk, **detected)
    talk.fold(10, sound(1))
    assert latency(talk) == 510
    assert talk.turns[-1].timing == Timing(decision_ms=500, wait_ms=10)


def test_without_an_announced_end_too_although_a_transcript_comes_late(talk):
    for ms in range(0, 900, 20):
        talk.fold(20)
        talk.conversation.audio_sent(20, talk.now_ms, is_speech=ms < 400)
    talk.fold(heard("What?"), 100, sound(1))
    assert latency(talk) == 600


def spoken(talk):
    """Speech of 400 ms and 600 ms of silence, of which nobody says anything."""
    for ms in range(0, 1000, 20):
        talk.fold(20)
        talk.conversation.audio_sent(20, talk.now_ms, is_speech=ms < 400)


@pytest.mark.parametrize("transcript", [heard("What?"), interim("What?")])
def test_even_where_the_transcript_comes_after_the_answer_began(talk, transcript):
    """As from frameworks that gather the words of a sentence first."""
    spoken(talk)
    talk.fold(sound(1), said("That."), 300)
    talk.conversation.audio_sent(20, talk.now_ms, is_speech=True)  # which the answer does not answer
    talk.fold(sound(1))
    assert (latency(talk), talk.turns[-1].timing) == (None, None)
    assert [turn.latency_ms for turn in talk.fold(transcript)] == [None, 600]
    talk.fold(200, sound(1))
    (turn,) = talk.played(1, 24 * 400)
    assert turn.timing == Timing(wait_ms=600, playback_ms=pytest.approx(100))
    talk.fold(heard(" And more."))
    assert talk.turns[-1].timing == turn.timing


def test_a_transcript_after_the_answer_changes_no_end_that_is_known(talk):
    speak(talk)
    talk.fold(10, sound(1), 300, heard("What?"))
    assert latency(talk) == 510


def test_a_transcript_tells_of_no_answer_but_its_own(talk):
    spoken(talk)
    talk.fold(sound(1), TurnComplete(), 20_000)
    speak(talk)
    talk.fold(10, sound(1), heard("What?"))
    assert [turn.latency_ms for turn in talk.turns] == [None, None, 510]


def test_who_goes_on_for_another_agent_did_not_keep_anybody_waiting(talk):
    spoken(talk)
    talk.fold(sound(1), 300, AgentChanged(agent="kitchen"), sound(1), heard("What?"))
    assert [turn.latency_ms for turn in talk.turns] == [None, 600, None]


def test_a_model_that_speaks_unasked_has_none(talk):
    talk.fold(sound(1), 300)
    talk.conversation.audio_sent(20, talk.now_ms, is_speech=True)
    talk.fold(sound(1), heard("Oh."))
    assert latency(talk) is None
    talk.fold(TurnComplete(), 60_000, TextSent(text="Hello"), sound(1), heard("Oh."))
    assert latency(talk) is None


def test_speech_of_long_ago_says_nothing(talk):
    talk.conversation.audio_sent(20, 0, is_speech=True)
    talk.fold(60_000, ActivityStart(), ActivityEnd(), 300, sound(1))
    assert latency(talk) == 300


def test_it_ends_with_the_first_sound_that_was_heard(talk):
    speak(talk)
    talk.fold(10, sound(1), 200)
    assert latency(talk) == 510, "where nobody reports what is played, the sound that came counts"
    (turn,) = talk.played(1, 24 * 80)
    assert (turn.latency_ms, turn.timing.playback_ms) == (pytest.approx(630), pytest.approx(120))
    talk.fold(200)
    assert talk.played(1, 24 * 280) == []
    assert latency(talk) == pytest.approx(630)


def test_a_report_cannot_make_it_less(talk):
    speak(talk)
    talk.fold(10, sound(1))
    talk.played(1, 24_000)
    assert latency(talk) == 510


def test_the_time_of_a_person_who_approves_is_left_out(talk):
    """One call runs while the other waits for a person: what it takes is its own time, the rest is nobody's."""
    speak(talk)
    talk.fold(100, ToolCall(id="a", name="f"), ToolCall(id="b", name="g"), ToolApprovalRequested(id="b"))
    talk.fold(300, ToolResult(id="a", name="f"), 5000, ToolApproved(id="b"), 200)
    talk.fold(ToolResult(id="b", name="g"), 50, sound(1))
    assert talk.turns[-1].timing == Timing(decision_ms=500, tool_ms=500, wait_ms=150)
    assert latency(talk) == 1150


@pytest.mark.parametrize(
    "ends", [ToolResult(id="a", name="f", error="no", refused=True), ToolCallCancelled(ids=("a",))]
)
def test_so_is_that_of_one_who_does_not(talk, ends):
    speak(talk)
    talk.fold(100, ToolCall(id="a", name="f"), ToolApprovalRequested(id="a"), 5000, ends, 50, sound(1))
    assert talk.turns[-1].timing == Timing(decision_ms=500, wait_ms=150)


def test_typed_turns_have_none_and_leave_none_to_others(talk):
    talk.fold(TextSent(text="Hello"), 200, sound(1), TurnComplete())
    talk.played(1, 2400)
    assert latency(talk) is None
    speak(talk)
    talk.fold(10, sound(1), TurnComplete())
    assert latency(talk) == 510
    speak(talk)
    talk.fold(TextSent(text="Instead"), 30, sound(1))
    assert latency(talk) is None


@pytest.mark.parametrize(
    ("round_trip", "kernel", "playback"), [(30, 30, 90), (500, 120, 0), (None, None, 120)]
)
def test_the_way_through_the_kernel_is_told_apart_from_starting_to_play(talk, round_trip, kernel, playback):
    speak(talk)
    talk.fold(10, sound(1), 200)
    (turn,) = talk.played(1, 24 * 80, round_trip)
    assert turn.timing.kernel_ms == (None if kernel is None else pytest.approx(kernel))
    assert turn.timing.playback_ms == pytest.approx(playback)
    assert latency(talk) == pytest.approx(630), "the parts change, their sum does not"


def test_an_answer_that_the_page_had_from_its_own_socket_did_not_pass_the_kernel(talk):
    speak(talk)
    talk.fold(10, OutputAudio(data=b"", samples=24_000), 200)
    assert talk.turns[-1].timing == Timing(decision_ms=500, wait_ms=10, direct=True)
    (turn,) = talk.played(1, 24 * 80, 30)
    assert (turn.timing.kernel_ms, turn.timing.playback_ms) == (None, pytest.approx(120))


def test_an_answer_that_was_played_before_anybody_said_so_has_no_known_start(talk):
    """As while a cell keeps the page's reports from the kernel: they are dropped then, and the first says the end."""
    speak(talk)
    talk.fold(10, OutputAudio(data=b"", samples=24_000), TurnComplete(), 5000)
    (turn,) = talk.played(1, 24_000, 30)
    assert turn.timing.playback_ms is None
    assert latency(talk) == 510


def test_a_part_without_sound_does_not_say_how_it_came(talk):
    speak(talk)
    talk.fold(10, OutputAudio(data=b""), sound(1))
    assert not talk.turns[-1].timing.direct


# --- How much of the audio was heard ------------------------------------------------------------------------


def test_audio_counts_as_heard_in_its_time_where_nobody_reports_it() -> None:
    heard = HeardAudio(is_reported=False)
    heard.add(1, 24_000, 1_000.0)
    assert [heard.heard_ms(at) for at in (1_000.0, 1_250.0, 1_999.0, 3_000.0)] == [0, 250, 999, 1_000]
    # What comes later is played later, and what comes while something plays, after that.
    heard.add(3, 12_000, 5_000.0)
    heard.add(3, 12_000, 5_100.0)
    assert [heard.heard_ms(at) for at in (5_000.0, 5_500.0, 5_900.0, 9_000.0)] == [1_000, 1_500, 1_900, 2_000]


def test_what_was_cut_off_was_never_heard() -> None:
    heard = HeardAudio(is_reported=False)
    heard.add(1, 240_000, 0.0)
    heard.interrupted(1_500.0)
    assert heard.heard_ms(60_000.0) == 1_500
    heard.add(3, 24_000, 60_000.0)
    assert heard.heard_ms(70_000.0) == 2_500


def test_who_plays_it_says_what_was_heard() -> None:
    heard = HeardAudio(is_reported=True)
    heard.add(1, 24_000, 0.0)
    heard.add(3, 48_000, 100.0)
    assert heard.heard_ms(1_900.0) == 0
    heard.progress(1, 12_000, 1_900.0)
    assert heard.heard_ms(2_500.0) == 500
    heard.progress(3, 2_400, 2_500.0)  # The turn before was played to its end.
    assert heard.heard_ms(2_500.0) == 1_100
    heard.progress(3, 1_200, 2_600.0)
    assert heard.heard_ms(2_600.0) == 1_100
    heard.interrupted(3_000.0)
    heard.stopped(3, 24_000, 3_100.0)
    assert heard.heard_ms(30_000.0) == 2_000
    heard.stopped(9, 24_000, 3_200.0)  # of a turn without audio
    assert heard.heard_ms(30_000.0) == 2_000


def test_a_turn_that_waits_to_be_played_is_cut_off_with_the_one_before() -> None:
    heard = HeardAudio(is_reported=True)
    heard.add(1, 24_000, 0.0)
    heard.add(3, 24_000, 0.0)
    heard.stopped(1, 12_000, 600.0)
    heard.add(5, 24_000, 700.0)
    heard.progress(5, 2_400, 900.0)
    assert heard.heard_ms(900.0) == 600


def test_reports_that_stop_are_replaced_by_the_clock_until_they_come_again() -> None:
    heard = HeardAudio(is_reported=True)
    heard.add(1, 240_000, 0.0)
    heard.progress(1, 12_000, 500.0)
    assert heard.heard_ms(500.0 + UNREPORTED_MS - 1) == 500
    assert heard.heard_ms(500.0 + UNREPORTED_MS) == 500 + UNREPORTED_MS
    heard.progress(1, 24_000, 3_000.0)
    assert heard.heard_ms(4_000.0) == 500 + UNREPORTED_MS  # It never falls.


def test_turns_long_ago_are_counted_and_forgotten() -> None:
    heard = HeardAudio(is_reported=False)
    for number in range(100):
        heard.add(number, 2_400, number * 1_000.0)
    assert heard.heard_ms(200_000.0) == 10_000
    assert len(heard._turns) <= FOLLOWED
