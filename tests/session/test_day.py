"""A day of talk over a network where everything goes wrong, in minutes: no question and no word is lost untold.

`make test` plays an hour; `make day` plays 24. `LIVEWIDGET_DAY_HOURS` and `LIVEWIDGET_DAY_SEED` have a certain
one played. What a day consists of, and what is asked of it, stands in `day.py`.
"""

import os
from collections import Counter

import pytest

from livewidget.session import LiveSession

from .day import FAULTS, Question, Record, explain, judge, play

HOURS = float(os.environ.get("LIVEWIDGET_DAY_HOURS", "1"))
SEED = int(os.environ.get("LIVEWIDGET_DAY_SEED", "1"))

# An hour takes seconds on a quiet machine, and a day minutes; a busy one may take ten times as long.
pytestmark = pytest.mark.timeout(300 + 300 * HOURS)


@pytest.fixture(scope="module")
def record():
    return play(SEED, HOURS)


def test_every_question_is_answered_once_or_told_as_lost_and_every_word_is_there_once(record):
    found = judge(record)
    assert not found, explain(record, found)


def test_there_was_much_to_lose(record):
    """A day on which nothing was asked and nothing went wrong proves nothing."""
    assert len(record.questions) > 70 * HOURS
    assert record.moves > 25 * HOURS
    assert len(record.turns) > 1.8 * len(record.questions)
    answers = Counter(" ".join(turn.text for turn in record.turns if turn.speaker == "model").split())
    whole = [one for one in record.questions if all(answers[part] == 1 for part in one.answer)]
    assert len(whole) > 0.85 * len(record.questions), "few are lost, told or not"
    assert len(record.faults) >= min(12, len(FAULTS))
    assert len(record.sizes) > 10 * HOURS


# Controls: without one of the defences, the same judge finds something.

#: Seconds from one fault to the next.
OFTEN_S = (5, 60)
#: Faults that a session survives.
BREAKS = {"cut": 3, "cut_in_frames": 5, "close": 3, "drop_after_turn": 2}


class Undefended(LiveSession):
    """Something is taken from it after it was made; what, is said by each test."""


class ForgetsInput(Undefended):
    """What was sent and not answered is not sent again."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self._outbox.requeue = lambda asked: asked


class RepeatsInput(Undefended):
    """What was answered is not known to be taken in, and is sent again."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self._outbox.observe = lambda *_, **__: None


class ForgetsAnswers(Undefended):
    """The service is told nothing of the conversation, and is given no handle."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self._memory.messages_for = lambda **_: []

    def _on_event(self, event):
        super()._on_event(event)
        if type(event).__name__ == "ConnectionReplaced":
            self._memory.handle = None

    async def _dial(self, handle):
        return await super()._dial(None)


class SaysNothing(Undefended):
    """No notice of what is lost reaches the person."""

    def subscribe(self, callback):
        return super().subscribe(lambda event: type(event).__name__ == "Notice" or callback(event))


class Holds(Undefended):
    """Something grows with each event."""

    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self.kept = []
        self.subscribe(self.kept.append)


@pytest.mark.parametrize(
    ("session", "policy", "faults", "said"),
    [
        (LiveSession, {"enabled": False}, BREAKS, "the promise does not say so"),
        (LiveSession, {"max_attempts": 1}, {"drops": 1}, "the promise does not say so"),
        (ForgetsInput, {}, BREAKS, "nobody was told"),
        (RepeatsInput, {}, BREAKS, "times"),
        (ForgetsAnswers, {}, BREAKS, "the service remembers"),
        (SaysNothing, {}, {**BREAKS, "slow": 4}, "nobody was told"),
        (Holds, {}, BREAKS, "session.kept has grown"),
    ],
    ids=[
        "no reconnecting",
        "no second attempt",
        "no replay",
        "no dedupe",
        "no resumption",
        "no notice",
        "a leak",
    ],
)
def test_without_a_defence_the_judge_finds_something(session, policy, faults, said):
    record = play(2, 0.3, session=session, policy=policy, faults=faults, every_s=OFTEN_S)
    found = judge(record)
    assert any(said in text for _, text in found), explain(record, found)


@pytest.mark.parametrize("faults", [BREAKS, {"cut": 1}], ids=["breaks", "cuts"])
def test_with_all_of_them_it_finds_nothing_on_the_same_days(faults):
    record = play(2, 0.3, faults=faults, every_s=OFTEN_S)
    assert not judge(record), explain(record, judge(record))


class Said:
    """A turn."""

    def __init__(self, speaker, text):
        self.speaker, self.text = speaker, text


def a_record(*turns, told=(), stopped=False):
    questions = [Question(["w0001", "w0002"], "typed", 1000.0, 5000.0, stopped=stopped)]
    return Record(7, 1, questions, [Said(*turn) for turn in turns], list(told))


ASKED = ("user", "w0001 w0002")


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([ASKED, ("model", "a0001 a0002")], None),
        ([ASKED], "answer of 'w0001 …' (typed): 2 of 2 are missing"),
        ([ASKED, ("model", "a0001")], "1 of 2 are missing"),
        ([("model", "a0001 a0002")], "word of 'w0001 …'"),
        ([ASKED, ("model", "a0001 a0002"), ("model", "a0002")], "answer a0002 is there 2 times"),
        ([ASKED, ASKED, ("model", "a0001 a0002")], "word w0001 is there 2 times"),
        ([ASKED, ("model", "a0002 a0001")], "out of order"),
        ([ASKED, ("model", "a0001 a0002 a0009")], "nobody said ['a0009']"),
        ([ASKED, ("user", "broken"), ("model", "a0001 a0002")], "nobody said ['broken']"),
    ],
)
def test_the_judge(turns, said):
    found = [text for _, text in judge(a_record(*turns))]
    assert found == [] if said is None else any(said in text for text in found)


@pytest.mark.parametrize(
    ("at", "code", "is_excused"),
    [
        (2000.0, "answer-cut", True),
        (500.0, "answer-cut", False),
        (6000.0, "answer-cut", False),
        (2000.0, "reconnecting", False),
    ],
)
def test_a_loss_is_told_by_the_right_notice_at_the_right_time(at, code, is_excused):
    assert (judge(a_record(ASKED, told=[(at, code)])) == []) is is_excused


def test_what_was_found_can_be_had_again():
    record = a_record(ASKED)
    record.trace = [
        (1000.0, "typed: w0001 w0002"),
        (1500.0, "fault: cut"),
        *[(9000.0, "later")] * 6,
        (9001.0, "last"),
    ]
    text = explain(record, judge(record))
    assert text.startswith("LIVEWIDGET_DAY_SEED=7 LIVEWIDGET_DAY_HOURS=1: 1 found")
    assert "00:00:05.0  answer of" in text
    assert "00:00:01.5  fault: cut" in text
    assert "later" in text
    assert "last" not in text
