"""Half an hour of talk in a few seconds: connections end, the context is compressed, and no word is lost.

Session and stand-in wait by one clock, which the test winds. The person speaks in sound from which the
stand-in's ears read the words, and types; every word of either side is used once, so whatever is lost, cut
or repeated shows.
"""

import asyncio
import itertools

import pytest

from livewidget.events import ConnectionReplaced, GoAway, Notice, Usage
from livewidget.session import ReconnectPolicy

from .person import STEP_MS, Record, talk, transcript, words

# Each plays half an hour, which takes seconds on a quiet machine and minutes on a busy one.
pytestmark = pytest.mark.timeout(600)

MINUTES = 30
#: When the person begins to speak at length, in seconds, and how many words. The first speech lasts until the
#: connection must be left, amid a word; the second until its answer does. Between them one ends in silence.
LONG_SPEECHES = {548: 180, 1694: 100}


def half_an_hour(reconnect) -> Record:
    return asyncio.run(talk(MINUTES, reconnect, speeches=LONG_SPEECHES))


@pytest.fixture(scope="module")
def record():
    reconnect = ReconnectPolicy(idle_pause_s=5, random=lambda: 1.0)
    return half_an_hour(reconnect)


def missing_or_repeated(record):
    """What is wrong with what the client holds, in one sentence, or None."""
    held = [(turn.speaker, " ".join(turn.text.split())) for turn in record.session.turns]
    expected = transcript(record.said)
    if held == expected:
        return None
    if words(text for _, text in held) == words(text for _, text in expected):
        return "the words are there, but not in these turns"
    return "words are missing, broken or repeated"


def test_the_talk_was_long_and_moved_three_times(record):
    assert record.session.error is None
    assert len(record.said) > 60
    assert len(words(record.said)) > 500
    assert len(record.told(GoAway)) == 3
    moves = record.told(ConnectionReplaced)
    assert [(move.why, move.resumed) for move in moves] == [("go_away", True)] * 3
    # Amid a speech, which is heard again from its beginning; in silence; and amid an answer.
    assert [move.replayed for move in moves] == [True, False, False]
    assert [move.gap_ms for move in moves] == [pytest.approx(0, abs=STEP_MS)] * 3


def test_the_client_holds_one_transcript_without_a_word_lost_or_repeated(record):
    assert missing_or_repeated(record) is None
    assert all(turn.final and not turn.interrupted for turn in record.session.turns)


def test_the_server_was_asked_everything_once(record):
    assert record.brain.asked == record.said


def test_the_server_remembers_the_end_of_the_same_talk(record):
    """Compressed, and taken up three times: what is left is the end of the transcript, word by word."""
    held = [(role, " ".join(text.split())) for role, text in record.remembered]
    assert 10 < len(held) < len(transcript(record.said)) / 2
    assert held == transcript(record.said)[-len(held) :]


def test_the_context_was_compressed_again_and_again(record):
    sizes = [usage.prompt_tokens for usage in record.told(Usage)]
    falls = sum(after < before for before, after in itertools.pairwise(sizes))
    assert falls >= 3
    assert max(sizes) < 9000
    assert record.session.meter.usage.prompt_tokens == sum(sizes)


def test_silence_was_not_sent_all_the_time(record):
    """The long silences, less what belongs to turns, were left out."""
    heard = record.session.meter.usage.prompt_by_modality["AUDIO"]
    assert heard > 0
    pauses = [frame for frame in record.session.wire.frames if frame.kind == "realtimeInput.audioStreamEnd"]
    assert pauses


def test_nobody_was_alarmed(record):
    assert {notice.code for notice in record.told(Notice)} == {"go-away"}


def test_without_handing_over_the_same_claims_fail():
    reconnect = ReconnectPolicy(enabled=False, idle_pause_s=5)
    record = half_an_hour(reconnect)
    assert record.told(ConnectionReplaced) == []
    assert record.session.error is not None
    assert missing_or_repeated(record) is not None
    assert record.brain.asked != record.said
