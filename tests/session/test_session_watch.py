"""A model that was asked and says nothing; a server that does not hear; a link over which nothing comes."""

import asyncio
import contextlib
import itertools

import pytest

from livewidget.clock import ManualClock
from livewidget.config import Limits
from livewidget.errors import ConfigError
from livewidget.events import ConnectionReplaced, OutputAudio, SessionEnded
from livewidget.protocol.messages import VoiceActivity
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.session import AnswerWatchdog
from livewidget.standin import StandIn
from livewidget.tools import Tool
from livewidget.turns import Floor
from tests.peer import eventually

from .exchange import LOUD, QUIET, Talk, settle, spoken
from .words import Brain, Ears, Voice, pieces_of, word


def no_answers(talk):
    return [event for event in talk.events if getattr(event, "code", "") == "no-answer"]


async def test_twenty_seconds_without_an_answer_to_a_text_are_told_once():
    async with Talk() as talk:
        await talk.session.send_text("hello")
        await talk.wait(19_750)
        assert no_answers(talk) == []
        await talk.wait(500)
        (notice,) = no_answers(talk)
        assert "20 s" in notice.text
        assert "ask again" in notice.text
        await talk.wait(60_000)
        assert len(no_answers(talk)) == 1


async def test_so_are_they_after_a_spoken_question():
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        for kind in ("ACTIVITY_START", "ACTIVITY_END"):
            await talk.peer.send(voice_activity=VoiceActivity(type=kind))
        await eventually(lambda: talk.session.floor is Floor.THINKING)
        await talk.wait(20_500)
        assert len(no_answers(talk)) == 1


async def test_so_they_are_where_only_a_transcript_tells_of_the_question():
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        await talk.peer.heard("what is seven")
        await eventually(lambda: talk.session.floor is Floor.USER)
        await talk.wait(22_000)
        assert len(no_answers(talk)) == 1


async def test_whoever_still_speaks_is_not_waited_for():
    async with Talk() as talk:
        for _ in range(60):
            await talk.session.send_audio(LOUD)
            await talk.peer.heard("la ")
            await talk.wait(500)
        assert no_answers(talk) == []


async def test_whatever_the_server_says_is_a_sign_of_life():
    async with Talk() as talk:
        await talk.session.send_text("hello")
        for _ in range(5):
            await talk.wait(15_000)
            await talk.peer.content(interaction_status="IN_PROGRESS")
            await settle()
        assert no_answers(talk) == []


async def test_nobody_who_was_not_asked_owes_an_answer():
    async with Talk() as talk:
        await talk.exchange("hello", "hi")
        await talk.wait(120_000)
        assert no_answers(talk) == []


async def test_the_next_question_is_watched_again():
    async with Talk(reconnect=ReconnectPolicy(answer_timeout_s=5)) as talk:
        await talk.session.send_text("one")
        await talk.wait(6000)
        await talk.peer.receive()
        await talk.peer.answer("first")
        await eventually(lambda: talk.session.floor is Floor.LISTENING)
        await talk.wait(1000)
        await talk.session.send_text("two")
        await talk.wait(6000)
        assert len(no_answers(talk)) == 2


def test_a_tool_may_take_its_time():
    watch = AnswerWatchdog(20_000)
    assert not any(watch.tick(Floor.TOOL, now_ms) for now_ms in range(0, 100_000, 1000))
    assert [now_ms for now_ms in range(100_000, 150_000, 1000) if watch.tick(Floor.THINKING, now_ms)] == [
        120_000
    ]


# --- Speech to which nothing comes --------------------------------------------------------------------------


def unheard(talk):
    return [event for event in talk.events if getattr(event, "code", "") == "unheard"]


async def speak(talk, seconds, piece=LOUD, between=None):
    """Speak for so long, in pieces of 100 ms, to a server that reads it."""
    for _ in range(round(seconds * 10)):
        talk.session.put_audio(piece)
        while talk.peer.end._inbound.frames and len(talk.peer.ends) == len(talk.peer.setups):
            await talk.peer.receive()
        if between is not None:
            await between()
        await talk.wait(100, 100)


async def test_speech_that_a_server_does_not_react_to_is_told_and_then_the_connection_is_replaced():
    """Alive but deaf: it answers pings, and sends nothing. Neither is said of a server that sends anything."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await speak(talk, 9.5)
        assert unheard(talk) == []
        await speak(talk, 1)
        (notice,) = unheard(talk)
        assert "10 s of sound" in notice.text
        assert talk.told(ConnectionReplaced) == []
        await speak(talk, 20)
        await talk.moved()
        (move,) = talk.told(ConnectionReplaced)
        assert (move.why, move.resumed, move.replayed) == ("unheard", True, True)
        # All that was said since is sent again, with half a second of the silence before it.
        assert len(spoken(await talk.peer.rest())) >= 30 * 32_000
        assert "does not react" in talk.notices["reconnecting"]
        assert talk.session.stats.unheard_reconnects == 1
        assert len(unheard(talk)) == 1


async def test_the_pauses_within_speech_count_and_those_between_do_not():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for _ in range(10):
            await speak(talk, 0.6)
            await speak(talk, 0.3, QUIET)
        assert unheard(talk) == []
        await speak(talk, 1.5)
        assert len(unheard(talk)) == 1
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for _ in range(9):
            await speak(talk, 1)
            await speak(talk, 2, QUIET)
        assert unheard(talk) == []


async def test_a_server_that_hears_is_left_alone_however_long_somebody_speaks():
    async with Talk() as talk:
        await talk.exchange("one", "first")

        async def understand():
            if not talk.session.turns[-1].final or talk.clock.now_ms() % 5_000 < 100:
                await talk.peer.heard("so ")

        await speak(talk, 120, between=understand)
        assert unheard(talk) == talk.told(ConnectionReplaced) == []


@pytest.mark.parametrize("what", ["silence", "model speaks", "tool runs"])
async def test_no_reaction_is_expected(what):
    async def slow() -> str:
        await asyncio.Event().wait()

    tools = [Tool.of(slow)] if what == "tool runs" else []
    async with Talk(tools=tools) as talk:
        if what == "model speaks":
            await talk.session.send_text("hello")
            await talk.peer.say("A long answer, sent in one piece", 60)
            await eventually(lambda: talk.told(OutputAudio))
        elif what == "tool runs":
            await talk.peer.call("slow")
            await eventually(lambda: talk.session.floor is Floor.TOOL)
        await speak(talk, 55, QUIET if what == "silence" else LOUD)
        assert unheard(talk) == talk.told(ConnectionReplaced) == []


async def test_noise_does_not_make_a_storm():
    """What sounds like speech may be noise, which no connection reacts to: each gets twice as long."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        moments, count = [], 0
        for _ in range(400):
            await speak(talk, 1)
            if len(talk.told(ConnectionReplaced)) > count:
                count += 1
                moments.append(talk.clock.now_ms() / 1000)
                await talk.peer.set_up()
            with contextlib.suppress(TimeoutError):
                await talk.peer.rest()
        assert count == 3
        assert [later - earlier for earlier, later in itertools.pairwise(moments)] == [
            pytest.approx(60, abs=2),
            pytest.approx(120, abs=2),
        ]
        assert len(unheard(talk)) == 1
        assert talk.session.is_open


async def test_after_a_reaction_it_is_watched_as_before():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for number in (1, 2):
            await speak(talk, 31)
            await talk.moved(number)
            await talk.peer.rest()
            await talk.peer.heard("hello")
            await talk.peer.answer("Hello.")
            await talk.wait(1_000)
        assert len(unheard(talk)) == 2


async def test_the_limits_of_unheard_speech_can_be_chosen():
    async with Talk(limits=Limits(unheard_notice_s=2, unheard_reconnect_s=4)) as talk:
        await talk.exchange("one", "first")
        await speak(talk, 2.5)
        assert "2 s of sound" in unheard(talk)[0].text
        await speak(talk, 2)
        await talk.moved()


async def test_without_reconnecting_a_deaf_server_is_told_and_kept():
    async with Talk(reconnect=ReconnectPolicy(enabled=False)) as talk:
        await talk.exchange("one", "first")
        await speak(talk, 70)
        assert "start again" in unheard(talk)[0].text
        assert len(unheard(talk)) == 1
        assert talk.session.is_open


async def test_what_is_said_to_a_stalled_stand_in_is_understood_over_the_next_connection():
    """To the last word, also what was said before a pause: 48 s of sound."""
    clock, brain, events = ManualClock(), Brain(), []
    standin = StandIn(ears=Ears(), brain=brain, voice=Voice(), clock=clock)
    async with LiveSession(standin, clock=clock) as session:
        session.subscribe(events.append)

        async def say(pieces):
            for piece in pieces:
                session.put_audio(piece)
                clock.advance(100)
                await settle()

        await say(pieces_of(1) + [QUIET] * 60)
        assert brain.asked == [word(1)]
        standin.simulate("stall")
        questions = (range(2, 20), range(20, 157))
        for numbers in questions:
            await say([piece for number in numbers for piece in pieces_of(number)] + [QUIET] * 20)
        await say([QUIET] * 100)
        assert [event.why for event in events if isinstance(event, ConnectionReplaced)] == ["unheard"]
        assert brain.asked == [word(1), *(" ".join(map(word, numbers)) for numbers in questions)]


# --- A link over which nothing comes ------------------------------------------------------------------------


class Counted:
    """A transport that counts, as a WebSocket does; the test says how much came."""

    def __init__(self, inner):
        self._inner = inner
        self.bytes_received = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)


async def counted(talk):
    """Let the newest link of a talk count, and return it."""
    connection = talk.session._supervisor._connection
    connection._transport = Counted(connection._transport)
    return connection._transport


async def test_a_link_over_which_nothing_comes_is_left():
    """A black hole, noticed sooner than a ping times out. Late answers to pings are signs of life."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        link = await counted(talk)
        for _ in range(4):
            await talk.wait(35_000)
            link.bytes_received += 6  # a pong
        assert talk.told(ConnectionReplaced) == []
        await talk.wait(40_500)
        move = await talk.moved()
        assert (move.why, move.resumed) == ("link", True)
        assert not talk.told(SessionEnded)


async def test_a_computer_that_slept_is_not_a_dead_link():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await counted(talk)
        for _ in range(5):
            talk.clock.advance(60_000)
            await settle()
            await talk.wait(1_000)
        assert talk.told(ConnectionReplaced) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("silent_link_s", 0),
        ("dials_per_hour", 0),
        ("stable_s", -1),
        ("max_wait_s", float("nan")),
        ("min_interval_ms", -1),
    ],
)
def test_odd_limits_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        ReconnectPolicy(**{name: value})


async def test_a_short_question_to_a_server_that_is_deaf_is_asked_again_when_the_connection_breaks():
    """Nothing shows that it was heard; that nobody speaks any more does not make it less of a question."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for sound in [LOUD] * 10 + [QUIET] * 200:
            await talk.session.send_audio(sound)
            await talk.wait(100, step=100)
        await talk.peer.rest()
        await talk.peer.close(1011)
        assert (await talk.moved()).replayed
        assert LOUD * 10 in spoken(await talk.peer.rest())
        assert not {"question-lost", "sound-lost"} & set(talk.notices)


async def test_a_question_that_is_too_long_ago_to_be_asked_again_is_told_as_lost():
    """What you said is kept for a minute; a server may be deaf for longer before its connection breaks."""
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for count, sound in enumerate([LOUD] * 20 + [QUIET] * 620 + [LOUD] * 10):
            await talk.session.send_audio(sound)
            await talk.wait(100, step=100)
            if count % 100 == 0:
                await talk.peer.rest()
        await talk.peer.close(1011)
        await talk.moved()
        assert LOUD * 10 in spoken(await talk.peer.rest())
        assert "2 s were longer ago" in talk.notices["sound-lost"]
