"""What a session's turns need of it: the clock, the sound that went out, the silence that ends them."""

import asyncio

import pytest

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig, TurnDetection
from livewidget.errors import UsageError
from livewidget.events import ActivityEnd, InputTranscript
from livewidget.protocol import encode_server
from livewidget.protocol.messages import ServerContent, ServerMessage, Transcription, VoiceActivity
from livewidget.session import LiveSession
from livewidget.turns import Floor
from tests.peer import Peer, eventually, until

from .exchange import LOUD, QUIET


@pytest.fixture
def clock():
    return ManualClock()


def tasks():
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("livewidget")}


async def test_silence_ends_what_a_translating_model_never_completes(clock):
    peer = Peer("gemini-3.5-live-translate-preview")
    async with LiveSession(peer, LiveConfig.from_kwargs(translation="es"), clock=clock) as session:
        await peer.content(input_transcription=Transcription(text="Hello.", language_code="en"))
        await peer.say("Hola.")
        await eventually(lambda: len(session.turns) == 2)
        told = []
        session.on_turn(told.append)
        clock.advance(1900)
        await peer.content(output_transcription=Transcription(text=" ¿Qué tal?"))
        await eventually(lambda: told)
        assert session.audio_turn == 1
        clock.advance(2000)
        await eventually(lambda: len(told) == 3)
        assert [(turn.text, turn.final, turn.language) for turn in session.turns] == [
            ("Hello.", True, "en"),
            ("Hola. ¿Qué tal?", True, None),
        ]
        assert session.audio_turn is None
        assert session.floor is Floor.LISTENING
    assert tasks() == set()


async def test_a_translating_model_is_asked_nothing(clock):
    peer = Peer("gemini-3.5-live-translate-preview")
    async with LiveSession(peer, LiveConfig.from_kwargs(translation="es"), clock=clock) as session:
        with pytest.raises(UsageError, match="takes no text while a session runs; speak to it"):
            await session.ask("Hello")
        assert session.turns == []


async def test_a_translation_that_was_hushed_goes_on(clock):
    peer = Peer("gemini-3.5-live-translate-preview")
    async with LiveSession(peer, LiveConfig.from_kwargs(translation="es"), clock=clock) as session:
        await peer.say("Hola.")
        await eventually(lambda: session.turns)
        await session.interrupt()
        assert session.turns[0].final
        await peer.say("Adiós.")
        await eventually(lambda: [turn.text for turn in session.turns] == ["Hola.", "Adiós."])


async def test_dictation(clock):
    peer = Peer("gemini-3.5-transcribe-live")
    async with LiveSession(peer, LiveConfig(modalities=("TEXT",)), clock=clock) as session:
        await peer.content(interim_input_transcription=Transcription(text="dear al"))
        await peer.content(input_transcription=Transcription(text="Dear Alice,"))
        await eventually(lambda: session.turns and session.turns[0].text)
        assert session.turns[0].interim == ""
        clock.advance(2000)
        await eventually(lambda: session.turns[0].final)
    assert tasks() == set()


async def test_the_time_of_an_answer_is_taken_from_sound_sent_to_sound_heard(clock):
    peer = Peer()
    async with LiveSession(peer, clock=clock) as session:
        stream = aiter(session)
        for _ in range(20):
            await session.send_audio(bytes(3200))
            clock.advance(100)
        # Two seconds went out, a piece each 100 ms; the last 100 ms ago.
        activity = VoiceActivity(type="ACTIVITY_END", audio_offset="1.500s")
        await peer.end.send(encode_server(ServerMessage(voice_activity=activity)))
        await until(stream, ActivityEnd)
        clock.advance(300)
        await peer.answer("Hi.")
        await eventually(lambda: session.turns and session.turns[-1].final)
        timing = session.turns[-1].timing
        assert (timing.decision_ms, timing.wait_ms) == (pytest.approx(600), pytest.approx(300))
        told = []
        session.on_turn(told.append)
        clock.advance(2000)
        # The report was made 1.8 s ago, and waited for a busy kernel.
        session.playback_progress(
            session.turns[-1].index, 2400, at_ms=clock.now_ms() - 1800, round_trip_ms=40
        )
        assert [turn.timing.heard_ms for turn in told] == [pytest.approx(100)]
        timing = session.turns[-1].timing
        assert (timing.kernel_ms, timing.playback_ms) == (pytest.approx(40), pytest.approx(60))
        assert session.turns[-1] == told[0]


async def test_a_message_with_all_of_a_pair_in_it(clock):
    peer = Peer("gemini-3.5-live-translate-preview")
    async with LiveSession(peer, LiveConfig.from_kwargs(translation="es"), clock=clock) as session:
        stream = aiter(session)
        both = ServerContent(
            input_transcription=Transcription(text="Hello."), output_transcription=Transcription(text="Hola.")
        )
        await peer.end.send(encode_server(ServerMessage(server_content=both)))
        await until(stream, InputTranscript)
        await eventually(lambda: [turn.text for turn in session.turns] == ["Hello.", "Hola."])


@pytest.mark.parametrize("mode", ["automatic", "push_to_talk"])
async def test_the_end_of_speech_is_found_in_what_was_sent_unless_the_user_says_it(clock, mode):
    config = LiveConfig(turn_detection=TurnDetection(mode=mode))
    peer = Peer()
    async with LiveSession(peer, config, clock=clock) as session:
        if mode == "push_to_talk":
            await session.activity_start()
        for piece in (LOUD, LOUD, QUIET, QUIET, QUIET, QUIET):
            await session.send_audio(piece)
            clock.advance(100)
        if mode == "push_to_talk":
            await session.activity_end()
        else:
            await peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
            await peer.send(voice_activity=VoiceActivity(type="ACTIVITY_END"))
        await eventually(lambda: session.floor is Floor.THINKING)
        clock.advance(50)
        await peer.answer("Hi.")
        await eventually(lambda: session.turns and session.turns[-1].final)
        decision_ms = 500 if mode == "automatic" else None
        assert session.turns[-1].timing.decision_ms == decision_ms
        assert session.turns[-1].latency_ms == pytest.approx((decision_ms or 0) + 50)
