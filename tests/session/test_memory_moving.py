"""A talk that goes on over another connection: when, and what is sent again."""

import asyncio
from dataclasses import replace

import pytest

from livewidget.config import LiveConfig, TurnDetection
from livewidget.errors import ConnectFailed
from livewidget.events import ConnectionReplaced, GoAway, ToolCall, ToolResult
from livewidget.models import find
from livewidget.protocol.messages import VoiceActivity
from livewidget.turns import Floor
from tests.peer import eventually

from .exchange import LOUD, QUIET, Exchange, Talk, settle, spoken, texts_of

LOST = (1006, "")


# --- When ---------------------------------------------------------------------------------------------------


async def test_between_turns_the_talk_moves_at_once_when_the_service_says_go_away():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        old = talk.peer.end
        await talk.peer.go_away("50s")
        moved = await talk.moved()
        assert (moved.resumed, moved.why, moved.replayed) == (True, "go_away", False)
        assert talk.peer.setups[-1].session_resumption.handle == "handle-1"
        assert old._inbound.closed is not None
        await talk.exchange("two", "second", "handle-2")
        assert talk.texts == [("user", "one"), ("model", "first"), ("user", "two"), ("model", "second")]
        assert talk.session.is_open
        assert talk.peer.dials == 2


async def test_an_answer_is_waited_for_and_that_the_service_remembers_it():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.receive()
        await talk.peer.say("second")
        await talk.peer.go_away("50s")
        for _ in range(3):  # An answer of which nothing comes for 20 s is over.
            await talk.wait(10_000)
            await talk.peer.say(" and more")
        assert talk.told(ConnectionReplaced) == []
        await talk.peer.turn_complete()
        await settle()
        assert talk.told(ConnectionReplaced) == []  # the handle does not know of it yet
        await talk.peer.remember("handle-2")
        await talk.moved()
        assert talk.peer.setups[-1].session_resumption.handle == "handle-2"
        assert talk.session.turns[-1].interrupted is False


async def test_somebody_who_speaks_is_waited_for_until_there_is_no_more_time():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
        await talk.peer.go_away("8s")
        for _ in range(59):
            await talk.session.send_audio(LOUD)
            await talk.wait(100, 100)
        assert talk.told(ConnectionReplaced) == []
        for _ in range(5):
            await talk.session.send_audio(LOUD)
            await talk.wait(100, 100)
        assert len(talk.told(ConnectionReplaced)) == 1


async def test_noise_that_the_service_does_not_take_for_speech_is_waited_for_two_thirds_of_the_time():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.go_away("8s")
        for _ in range(39):
            await talk.session.send_audio(LOUD)
            await talk.wait(100, 100)
        assert talk.told(ConnectionReplaced) == []
        for _ in range(5):
            await talk.session.send_audio(LOUD)
            await talk.wait(100, 100)
        assert len(talk.told(ConnectionReplaced)) == 1


@pytest.mark.parametrize("time_left", [None, "0s", "nonsense", "-5s"])
async def test_a_go_away_without_a_time_means_now(time_left):
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.say("sec")
        await talk.peer.go_away(time_left)
        await talk.moved()
        assert talk.session.turns[-1].interrupted


async def test_two_go_aways_are_one_move():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.peer.go_away("50s")
        await talk.peer.go_away("40s")
        await talk.moved()
        await talk.wait(60_000)
        assert len(talk.told(GoAway)) == 2
        assert talk.peer.dials == 2


async def test_without_a_word_of_the_service_the_talk_moves_before_a_connection_is_too_old():
    async with Talk() as talk:
        await talk.wait(540_000)
        await talk.exchange("one", "first")
        assert talk.told(ConnectionReplaced) == []
        await talk.wait(15_250)
        assert [moved.why for moved in talk.told(ConnectionReplaced)] == ["time"]
        assert talk.session.time_left_ms == pytest.approx(600_000, abs=1000)


async def test_a_connection_without_end_is_not_left():
    class Endless(Exchange):
        capabilities = replace(find("gemini-3.8-live", "gemini"), connection_ms=0)

    async with Talk(Endless()) as talk:
        await talk.exchange("one", "first")
        assert talk.session.time_left_ms is None
        await talk.wait(3_600_000, 10_000)
        assert talk.peer.dials == 1
        assert talk.session.is_open


async def test_the_deadline_is_a_timer_and_not_a_message():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.go_away("50s")
        for _ in range(4):
            await talk.peer.say("endless")
            await talk.wait(11_000)
        assert talk.told(ConnectionReplaced) == []
        await talk.wait(1_500)
        assert len(talk.told(ConnectionReplaced)) == 1


# --- A link that breaks -------------------------------------------------------------------------------------


async def test_a_link_that_breaks_amid_an_answer():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.say("the second is")
        await eventually(lambda: talk.session.turns[-1].text)
        await talk.peer.close(*LOST)
        moved = await talk.moved()
        assert (moved.resumed, moved.why, moved.replayed) == (True, "link", False)
        assert talk.texts[-1] == ("model", "the second is")
        assert talk.session.turns[-1].interrupted
        assert talk.session.floor is Floor.LISTENING
        assert "answer-cut" in talk.notices
        # The service remembers the first exchange, and is told the second.
        (rest,) = await talk.peer.rest()
        assert texts_of(rest.client_content) == [("user", "two"), ("model", "the second is")]
        assert rest.client_content.turn_complete is False


async def test_an_answer_that_was_all_sent_is_whole():
    async with Talk() as talk:
        await talk.session.send_text("one")
        await talk.peer.say("first")
        await talk.peer.content(generation_complete=True)
        await eventually(lambda: talk.texts[-1] == ("model", "first"))
        await settle()
        await talk.peer.close(*LOST)
        await talk.moved()
        assert not talk.session.turns[-1].interrupted
        assert "answer-cut" not in talk.notices


async def test_a_question_that_nobody_answered_is_asked_again():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        asking = asyncio.create_task(talk.session.ask("two"))
        await talk.peer.receive()
        await talk.peer.close(*LOST)
        assert (await talk.moved()).replayed
        assert talk.session.floor is Floor.THINKING
        again = await talk.peer.receive()
        assert texts_of(again.client_content) == [("user", "two")]
        await talk.peer.answer("second")
        assert (await asking).text == "second"
        assert talk.texts == [("user", "one"), ("model", "first"), ("user", "two"), ("model", "second")]


async def test_words_that_were_being_spoken_are_heard_once():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        for piece in (QUIET, QUIET, LOUD, LOUD):
            await talk.session.send_audio(piece)
        await talk.peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
        await talk.peer.heard("what is")
        await eventually(lambda: talk.texts[-1] == ("user", "what is"))
        await talk.peer.rest()
        await talk.peer.close(*LOST)
        await settle()
        await talk.session.send_audio(LOUD + LOUD[:100])  # said while there is no connection
        moved = await talk.moved()
        assert moved.replayed
        await talk.session.send_audio(QUIET)
        sent = spoken(await talk.peer.rest())
        assert sent == QUIET * 2 + LOUD * 3 + LOUD[:100] + QUIET
        await talk.peer.heard("what is seven", finished=True)
        await talk.peer.answer("7")
        await eventually(lambda: talk.texts[-1] == ("model", "7"))
        assert talk.texts[2:] == [("user", "what is seven"), ("model", "7")]


async def test_a_question_in_push_to_talk_is_sent_again_with_its_marks():
    config = LiveConfig(turn_detection=TurnDetection(mode="push_to_talk"))
    async with Talk(config=config) as talk:
        await talk.exchange("one", "first")
        await talk.session.activity_start()
        await talk.session.send_audio(LOUD)
        await talk.peer.rest()
        await talk.peer.close(*LOST)
        await talk.moved()
        assert talk.session.floor is Floor.USER
        await talk.session.activity_end()
        sent = await talk.peer.rest()
        assert sent[0].realtime_input.activity_start is not None
        assert spoken(sent) == LOUD
        assert sent[-1].realtime_input.activity_end is not None


async def test_what_was_answered_is_not_sent_again():
    async with Talk() as talk:
        for piece in (LOUD, LOUD, QUIET, QUIET):
            await talk.session.send_audio(piece)
        await talk.peer.heard("hello", finished=True)
        await talk.peer.answer("Hi.")
        await talk.peer.remember()
        await eventually(lambda: talk.session.handle)
        await talk.peer.rest()
        await talk.peer.close(*LOST)
        assert not (await talk.moved()).replayed
        assert await talk.peer.rest() == []


async def test_of_a_dictation_only_the_last_moment_is_sent_again():
    async with Talk(Exchange("gemini-3.5-transcribe-live"), LiveConfig(modalities=("TEXT",))) as talk:
        for _ in range(50):
            await talk.session.send_audio(LOUD)
        await talk.peer.heard("Dear Alice,")
        await eventually(lambda: talk.texts == [("user", "Dear Alice,")])
        for _ in range(3):
            await talk.session.send_audio(LOUD)
        await talk.peer.rest()
        await talk.peer.close(*LOST)
        await talk.moved()
        assert spoken(await talk.peer.rest()) == LOUD * 13
        await talk.peer.heard("how are you?")
        await eventually(lambda: talk.texts == [("user", "Dear Alice,"), ("user", "how are you?")])


# --- Calls --------------------------------------------------------------------------------------------------


async def test_a_call_the_service_remembers_outlasts_the_connection():
    done = asyncio.Event()

    async def slow() -> str:
        await done.wait()
        return "done"

    async with Talk(tools=[slow]) as talk:
        await talk.session.send_text("begin")
        await talk.peer.call("slow", id="a")
        await talk.peer.say("It runs.")
        await talk.peer.turn_complete()
        await eventually(lambda: talk.told(ToolCall))
        talk.session._tracker.fold(ConnectionReplaced(resumed=True, why="link"), 0.0)  # its turn is over
        await talk.peer.remember()
        await eventually(lambda: talk.session.handle)
        await talk.peer.close(*LOST)
        await talk.moved()
        done.set()
        result = await talk.peer.result()
        assert (result.id, result.response) == ("a", {"result": "done"})


async def test_a_call_the_service_has_forgotten_is_cancelled_and_told():
    runs = []

    async def slow() -> str:
        runs.append(1)
        await asyncio.sleep(60)

    async with Talk(tools=[slow]) as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("begin")
        await talk.peer.call("slow", id="a")
        await eventually(lambda: runs)
        await talk.peer.close(*LOST)
        await talk.moved()
        assert talk.session.turns[-1].tools[0].state == "cancelled"
        assert "slow" in talk.notices["call-lost"]
        assert talk.told(ToolResult) == []
        assert runs == [1]
        assert talk.session.floor is Floor.LISTENING


async def test_a_call_that_blocks_is_waited_for():
    done = asyncio.Event()

    async def slow() -> str:
        await done.wait()
        return "done"

    async with Talk(Exchange("gemini-3.1-flash-live-preview"), tools=[slow]) as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("begin")
        await talk.peer.receive()
        await talk.peer.call("slow", id="a")
        await talk.peer.go_away("50s")
        await talk.wait(40_000)
        assert talk.told(ConnectionReplaced) == []
        done.set()
        assert (await talk.peer.result()).response == {"result": "done"}
        await talk.peer.answer("It is done.")
        await talk.peer.remember("handle-2")
        await talk.moved()
        assert talk.texts[-1] == ("model", "It is done.")


async def test_a_result_that_waits_for_a_connection_is_not_given_to_who_does_not_know_the_call():
    done = asyncio.Event()

    async def slow() -> str:
        await done.wait()
        return "done"

    async with Talk(tools=[slow]) as talk:
        await talk.session.send_text("begin")
        await talk.peer.call("slow", id="a")
        await eventually(lambda: talk.told(ToolCall))
        talk.peer.refusals = [ConnectFailed("No.")]
        await talk.peer.close(*LOST)
        await settle()
        done.set()
        await eventually(lambda: talk.told(ToolResult))
        await talk.moved()
        assert all(message.tool_response is None for message in await talk.peer.rest())
        assert "slow" in talk.notices["call-lost"]
