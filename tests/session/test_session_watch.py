"""A model that was asked and says nothing."""

from livewidget.protocol.messages import VoiceActivity
from livewidget.session import ReconnectPolicy
from livewidget.session.session import AnswerWatchdog
from livewidget.turns import Floor
from tests.peer import eventually

from .exchange import LOUD, Talk, settle


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
