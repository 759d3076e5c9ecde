"""A talk with a peer in memory."""

import asyncio
import logging

import pytest

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig, TurnDetection
from livewidget.errors import LiveError, StateError, UsageError
from livewidget.events import (
    GoAway,
    Malformed,
    Notice,
    OutputAudio,
    OutputTranscript,
    ResumptionUpdate,
    SessionEnded,
    SessionStarted,
    TextSent,
    TurnComplete,
)
from livewidget.protocol.messages import GoAway as WireGoAway
from livewidget.protocol.messages import ServerContent, SessionResumptionUpdate, Transcription, UsageMetadata
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.hub import EVENTS_WAITING
from livewidget.session.outbox import OutboxItem
from livewidget.turns import Floor
from tests.peer import SOON, Peer, eventually, until

PUSH_TO_TALK = LiveConfig(turn_detection=TurnDetection(mode="push_to_talk"))


@pytest.fixture
def peer() -> Peer:
    return Peer()


async def test_a_question_and_its_answer(peer):
    async with LiveSession(peer) as session:
        assert (await peer.receive()).setup.model == "models/gemini-3.8-live"
        asking = asyncio.create_task(session.ask("Hello"))
        message = (await peer.receive()).client_content
        assert message.turn_complete
        assert message.turns[0].parts[0].text == "Hello"
        await peer.answer("Hi.")
        turn = await asking
        assert (turn.speaker, turn.text, turn.final) == ("model", "Hi.", True)
        assert [turn.text for turn in session.turns] == ["Hello", "Hi."]
        assert session.floor is Floor.LISTENING


async def test_text_goes_the_way_the_model_takes_it():
    peer = Peer("gemini-3.1-flash-live-preview")
    async with LiveSession(peer) as session:
        await peer.receive()
        await session.send_text("Hello")
        assert (await peer.receive()).realtime_input.text == "Hello"


async def test_a_model_that_takes_no_text_is_not_sent_any():
    async with LiveSession(Peer("gemini-3.5-transcribe-live"), LiveConfig(modalities=("TEXT",))) as session:
        with pytest.raises(UsageError, match="speak to it"):
            await session.send_text("Hello")
        assert session.is_open


@pytest.mark.parametrize("text", ["", "  \n", "x" * 500_001, None, b"x"])
async def test_text_that_cannot_be_sent(peer, text):
    async with LiveSession(peer) as session:
        with pytest.raises(UsageError):
            await session.send_text(text)
        assert session.turns == []


async def test_events_come_in_order_and_the_first_reader_gets_the_earlier_ones(peer):
    async with LiveSession(peer) as session:
        await session.send_text("Hello")
        await peer.answer("Hi.")
        kinds = []
        async with asyncio.timeout(SOON):
            async for event in session:
                kinds.append(type(event))
                if isinstance(event, TurnComplete):
                    break
    assert kinds == [SessionStarted, TextSent, OutputTranscript, OutputAudio, TurnComplete]


async def test_a_slow_reader_loses_the_oldest_which_is_counted_and_holds_nobody_up(peer):
    seen = []
    async with LiveSession(peer) as session:
        session.subscribe(seen.append)
        stream = aiter(session)
        for number in range(EVENTS_WAITING + 10):
            await peer.content(output_transcription=Transcription(text=f"{number} "))
            await asyncio.sleep(0)
        await peer.turn_complete()
        await eventually(lambda: any(isinstance(event, TurnComplete) for event in seen))
        assert len(seen) == EVENTS_WAITING + 11
        assert session.stats.dropped_events == 11
        assert (await anext(stream)).text == "11 "
    events = [event async for event in stream]
    assert isinstance(events[-1], SessionEnded)


async def test_sinks_are_called_in_order_after_the_turns_have_changed(peer):
    calls = []
    async with LiveSession(peer) as session:
        session.on_turn(lambda turn: calls.append(("turn", turn.text)))
        session.subscribe(lambda event: calls.append(("one", type(event), len(session.turns))))
        leave = session.subscribe(lambda event: calls.append(("two", type(event))))
        await session.send_text("Hello")
        assert calls == [("turn", "Hello"), ("one", TextSent, 1), ("two", TextSent)]
        leave()
        leave()
        calls.clear()
        await session.send_text("Again")
        assert ("two", TextSent) not in calls


async def test_a_callback_that_raises_is_told_once_and_the_others_run(peer, caplog):
    seen = []

    def bad(event):
        raise ValueError("mine\nsecond line")

    async with LiveSession(peer) as session:
        session.subscribe(bad)
        session.on_turn(bad)
        session.subscribe(seen.append)
        for _ in range(3):
            await session.send_text("Hello")
        assert session.is_open
    notices = [event for event in seen if isinstance(event, Notice)]
    assert [(notice.code, notice.text) for notice in notices] == [
        ("callback-failed", "A callback failed: ValueError: mine.")
    ]
    assert len([event for event in seen if isinstance(event, TextSent)]) == 3
    assert len(caplog.records) == 1


async def test_the_turn_of_the_sound_is_known_while_it_is_told(peer):
    told = []
    async with LiveSession(peer) as session:
        session.subscribe(lambda event: isinstance(event, OutputAudio) and told.append(session.audio_turn))
        asking = asyncio.create_task(session.ask("Hello"))
        await peer.receive()
        await peer.receive()
        await peer.answer("Hi.")
        turn = await asking
        assert told == [turn.index]


async def test_latency_is_counted_by_the_clock_given(peer):
    clock = ManualClock()
    async with LiveSession(peer, clock=clock) as session:
        stream = aiter(session)
        await session.send_text("Hello")
        clock.advance(250)
        await peer.say("Hi.")
        await until(stream, OutputAudio)
        assert session.turns[-1].timing.first_sound_ms == pytest.approx(250)


async def test_go_away_is_told(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.send(go_away=WireGoAway(time_left="50s"))
        assert (await until(stream, GoAway)).time_left_ms == 50_000
        notice = await until(stream, Notice)
        assert (notice.code, notice.level) == ("go-away", "info")
        assert "in 50 s" in notice.text
        assert "goes on" in notice.text
    async with LiveSession(Peer(), reconnect=ReconnectPolicy(enabled=False)) as session:
        stream = aiter(session)
        await session.provider.send(go_away=WireGoAway(time_left="50s"))
        notice = await until(stream, Notice)
        assert (notice.code, notice.level) == ("go-away", "warning")
        assert "start again" in notice.text


@pytest.mark.parametrize("junk", ["not json", b"\xff\xfe", "[1]", '{"serverContent": 3}', "9" * 10_000_000])
async def test_what_cannot_be_read_is_skipped_and_told_once(peer, junk):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.raw(junk)
        await peer.raw(junk)
        await until(stream, Malformed)
        assert (await until(stream, Notice)).code == "message-skipped"
        await until(stream, Malformed)
        await session.send_text("Hello")
        assert isinstance(await anext(stream), TextSent)


async def test_everything_in_one_message(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await session.send_text("Hello")
        await peer.say("one")
        await peer.send(
            server_content=ServerContent(
                interrupted=True, turn_complete=True, output_transcription=Transcription(text=" two")
            ),
            usage_metadata=UsageMetadata(total_token_count=7),
        )
        await until(stream, TurnComplete)
        assert session.usage.total_tokens == 7
        assert session.turns[-1].text == "one two"
        assert session.turns[-1].interrupted


async def test_usage_adds_up_the_last_report_of_each_turn(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        for total in (5, 9):
            await peer.send(usage_metadata=UsageMetadata(total_token_count=total, prompt_token_count=1))
        await peer.turn_complete()
        await peer.send(usage_metadata=UsageMetadata(total_token_count=20, prompt_token_count=2))
        await peer.turn_complete()
        await until(stream, TurnComplete)
        await until(stream, TurnComplete)
        assert (session.usage.total_tokens, session.usage.prompt_tokens) == (29, 3)


async def test_the_handle_is_kept_and_shown_to_nobody(peer, caplog):
    caplog.set_level(logging.DEBUG)
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.send(
            session_resumption_update=SessionResumptionUpdate(new_handle="canary-handle", resumable=True)
        )
        event = await until(stream, ResumptionUpdate)
        await peer.send(session_resumption_update=SessionResumptionUpdate(resumable=False))
        await until(stream, ResumptionUpdate)
        assert session.handle == "canary-handle"
        assert "canary" not in repr(event) + repr(session) + str(session.turns) + caplog.text
    again = LiveSession(peer, handle=session.handle)
    async with again:
        assert (await peer.receive()).setup.session_resumption.handle == "canary-handle"


async def test_a_fault_of_our_own_ends_the_session_and_says_so(peer):
    class Odd:
        """What no decoder makes."""

    async with LiveSession(peer) as session:
        session._supervisor._connection._decoder = type(
            "Broken", (), {"decode": lambda self, frame: [Odd()] + 1}
        )()
        stream = aiter(session)
        await peer.turn_complete()
        assert "fault in livewidget" in (await until(stream, SessionEnded)).error
        assert isinstance(session.error, LiveError)


async def test_so_does_one_while_something_is_sent(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        session._outbox.put(OutboxItem("other", object()))  # what no encoder takes
        assert "fault in livewidget" in (await until(stream, SessionEnded)).error
        with pytest.raises(StateError, match="ended"):
            await session.send_text("Hello")
