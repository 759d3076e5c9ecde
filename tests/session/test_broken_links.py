"""Sessions whose links break at any moment: what the person said is in the transcript once, whole.

An answer may be cut, and is then marked; a question may be asked again, and is then one turn all the same.
"""

import asyncio
import random

import pytest

from livewidget.events import ConnectionReplaced
from livewidget.session import LiveSession, ReconnectPolicy
from tests.peer import Peer, eventually

from .person import talk
from .words import answer_to

# A whole conversation each.
pytestmark = pytest.mark.timeout(600)

FAULTS = ("drop", "internal", "goaway")


def broken(seed, *, count=12, minutes=4, resumption=True, **more):
    """A talk in which something goes wrong so often, at moments that the seed decides."""
    dice = random.Random(seed)
    moments = sorted(dice.randrange(5_000, minutes * 60_000 - 40_000, 100) for _ in range(count))

    def disturb(standin, now_ms):
        while moments and now_ms >= moments[0]:
            moments.pop(0)
            standin.simulate(dice.choice(FAULTS))

    reconnect = ReconnectPolicy(idle_pause_s=5, random=lambda: 1.0, **more)
    return asyncio.run(talk(minutes, reconnect, seed=seed, disturb=disturb, resumption=resumption))


def tidy(text):
    return " ".join(text.split())


@pytest.mark.parametrize("resumption", [True, False], ids=["resumed", "told"])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_breaks_the_persons_words_are_there_once(seed, resumption):
    record = broken(seed, resumption=resumption)
    assert record.session.error is None
    moves = record.told(ConnectionReplaced)
    assert len(moves) >= 6
    assert all(moved.resumed is resumption for moved in moves)
    turns = record.session.turns
    asked = [tidy(turn.text) for turn in turns if turn.speaker == "user"]
    assert asked == record.said
    # What the server understood last of all is what was said, however often it was asked.
    assert list(dict.fromkeys(record.brain.asked)) == record.said
    answers = {}
    for turn in turns:
        if turn.speaker == "user":
            question = tidy(turn.text)
        elif turn.text:
            assert question not in answers, "an answer came twice"
            answers[question] = (tidy(turn.text), turn.interrupted)
    for question, (answer, cut) in answers.items():
        whole = answer_to(question)
        assert whole.startswith(answer)
        assert answer == whole or cut
    assert len(answers) >= len(record.said) - len(moves)


def test_where_nothing_breaks_no_answer_is_cut():
    record = broken(1, count=0)
    assert record.told(ConnectionReplaced) == []
    assert not any(turn.interrupted for turn in record.session.turns)
    assert record.brain.asked == record.said


def test_a_session_that_does_not_hand_over_loses_words():
    record = broken(1, enabled=False)
    assert record.session.error is not None
    assert len(record.said) < len(broken(1).said) / 2


class Panic(BaseException):
    """What extensions written in Rust raise, and gevent, and pytest."""


async def test_whatever_a_provider_raises_over_a_new_connection_ends_the_session_with_a_reason():
    """A provider may be the user's own; the session must not wait for a connection for ever."""

    class Moody(Peer):
        async def dial(self):
            if self.dials:
                raise Panic("no line")
            return await super().dial()

    peer = Moody()
    async with LiveSession(peer, reconnect=ReconnectPolicy(initial_delay_ms=0)) as session:
        await peer.receive()
        await peer.close(1011)
        await eventually(lambda: not session.is_open)
        assert "Panic: no line" in str(session.error)
