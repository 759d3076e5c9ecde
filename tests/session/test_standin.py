"""Sessions with the real stand-in: in memory and over real sockets."""

import asyncio
import logging

import numpy as np
import pytest

from livewidget.config import LiveConfig, TurnDetection
from livewidget.connection import Gemini, mint
from livewidget.errors import ConfigError, KeyRefused, LinkLost, ServerFault
from livewidget.events import (
    ActivityStart,
    ConnectionReplaced,
    GoAway,
    InputTranscript,
    Interrupted,
    OutputAudio,
    SessionEnded,
    ToolResult,
    TurnComplete,
)
from livewidget.session import LiveSession, ReconnectPolicy, connect, resolve
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.turns import Floor
from tests.peer import until

QUESTION = "what is seven plus five"


def light(on: bool) -> str:
    """Turn the light on or off."""
    return f"the light is {'on' if on else 'off'}"


def beep(text: str) -> np.ndarray:
    """A voice that says a letter in 20 ms."""
    return 0.2 * np.sin(np.arange(480 * len(text)) / 10, dtype=np.float32)


@pytest.fixture(scope="module")
def tutor() -> StandIn:
    """The tutor itself, quick of tongue, and sure of what it hears."""
    return StandIn(ears=lambda utterance: QUESTION, voice=beep)


@pytest.fixture(scope="module")
def speech() -> bytes:
    """Something said aloud: PCM16 at 24 kHz."""

    async def speak() -> bytes:
        sound = bytearray()
        async with connect(StandIn(brain=lambda text: text)) as session:
            session.subscribe(lambda event: sound.extend(getattr(event, "data", b"")))
            await session.ask("hello there")
        return bytes(sound)

    return asyncio.run(speak())


async def speak(session, speech: bytes, silence_s: float = 1.0) -> None:
    """Say it as a microphone would, but faster."""
    sound = bytes(24_000) + speech + bytes(int(silence_s * 48_000))
    for start in range(0, len(sound), 1920):
        await session.send_audio(sound[start : start + 1920], 24_000)
        await asyncio.sleep(0)


async def test_a_typed_question(tutor):
    async with connect(tutor) as session:
        turn = await session.ask(QUESTION)
        assert "twelve" in turn.text
        assert turn.audio_samples > 12_000
        assert session.usage.total_tokens > 0
        assert session.handle


@pytest.mark.voice
async def test_a_spoken_question(tutor, speech):
    async with connect(tutor) as session:
        stream = aiter(session)
        await speak(session, speech)
        await until(stream, ActivityStart)
        await until(stream, TurnComplete)
        question, answer = session.turns
        assert question.text.lower().strip(" .?") == QUESTION
        assert "twelve" in answer.text
        assert answer.latency_ms is not None


@pytest.mark.voice
@pytest.mark.parametrize("model", ["offline-tutor", "gemini-2.5-flash-native-audio-latest"])
async def test_a_question_that_is_told_late_stands_before_its_answer(speech, model):
    late = StandIn(ears=lambda utterance: QUESTION, voice=beep, model=model, late_transcripts=True)
    async with connect(late) as session:
        told = []
        session.subscribe(told.append)
        stream = aiter(session)
        for _ in range(2):
            await speak(session, speech)
            await until(stream, TurnComplete)
        kinds = [type(event) for event in told]
        assert kinds.index(InputTranscript) > kinds.index(OutputAudio), "it came late"
        assert [turn.speaker for turn in session.turns] == ["user", "model"] * 2
        assert [turn.text.lower().strip(" .?") for turn in session.turns[::2]] == [QUESTION] * 2
        assert all("twelve" in turn.text for turn in session.turns[1::2])


@pytest.mark.voice
async def test_push_to_talk(tutor, speech):
    config = LiveConfig(turn_detection=TurnDetection(mode="push_to_talk"))
    async with LiveSession(tutor, config) as session:
        stream = aiter(session)
        await session.activity_start()
        await speak(session, speech, silence_s=0.2)
        await session.activity_end()
        await until(stream, TurnComplete)
        assert "twelve" in session.turns[-1].text


async def test_a_tool_called_by_the_tutor(tutor):
    async with connect(tutor, tools=[light]) as session:
        stream = aiter(session)
        turn = await session.ask("turn on the light")
        assert (await until(stream, ToolResult)).result == {"result": "the light is on"}
        assert turn.tools[0].state == "done"
        assert dict(turn.tools[0].args) == {"on": True}
        assert "on" in turn.text


@pytest.mark.voice
async def test_speaking_over_the_answer_interrupts_it(tutor, speech):
    async with connect(tutor) as session:
        stream = aiter(session)
        await session.send_text("tell me a story")
        await until(stream, OutputAudio)
        await speak(session, speech)
        await until(stream, Interrupted)
        story = next(turn for turn in session.turns if turn.speaker == "model")
        session.playback_stopped(story.index, 2400)
        await until(stream, InputTranscript)
        await until(stream, TurnComplete)
        cut = next(turn for turn in session.turns if turn.index == story.index)
        assert cut.interrupted
        assert len(cut.text) < 15
        assert "twelve" in session.turns[-1].text


async def test_interrupt_stops_the_tutor(tutor):
    async with connect(tutor) as session:
        stream = aiter(session)
        await session.send_text("tell me a story")
        await until(stream, OutputAudio)
        await session.interrupt()
        assert session.floor is Floor.LISTENING
        assert "twelve" in (await session.ask(QUESTION)).text
        assert session.turns[1].interrupted


async def test_a_session_is_resumed(tutor):
    async with connect(tutor) as session:
        await session.ask(QUESTION)
        handle = session.handle
    async with LiveSession(tutor, handle=handle) as again:
        assert (await again.ask(QUESTION)).text


async def test_go_away_and_the_end(tutor):
    async with connect(tutor) as session:
        stream = aiter(session)
        tutor.simulate("goaway")
        assert (await until(stream, GoAway)).time_left_ms == 10_000


@pytest.mark.parametrize(("fault", "error"), [("drop", LinkLost), ("internal", ServerFault)])
async def test_faults_of_the_link_and_the_server_end_a_session_that_does_not_hand_over(tutor, fault, error):
    async with LiveSession(tutor, reconnect=ReconnectPolicy(enabled=False)) as session:
        stream = aiter(session)
        tutor.simulate(fault)
        assert (await until(stream, SessionEnded)).error == str(session.error)
        assert type(session.error) is error


@pytest.mark.parametrize(("fault", "why"), [("drop", "link"), ("internal", "server")])
async def test_the_talk_goes_on_after_faults_of_the_link_and_the_server(tutor, fault, why):
    async with connect(tutor) as session:
        stream = aiter(session)
        assert "twelve" in (await session.ask(QUESTION)).text
        tutor.simulate(fault)
        moved = await until(stream, ConnectionReplaced)
        assert (moved.resumed, moved.why, moved.replayed) == (True, why, False)
        assert "twelve" in (await session.ask(QUESTION)).text
        assert [turn.speaker for turn in session.turns] == ["user", "model"] * 2
        assert session.error is None


async def test_no_task_is_left(tutor):
    before = asyncio.all_tasks()
    for _ in range(3):
        async with connect(tutor) as session:
            await session.send_text("tell me a story")
            await until(aiter(session), OutputAudio)
    assert asyncio.all_tasks() == before


async def test_over_a_real_socket_with_and_without_tls(tutor, caplog):
    caplog.set_level(logging.DEBUG)
    before = asyncio.all_tasks()
    key = "canary-key-0123456789"
    async with Server(tutor, key=key) as server:
        for base_url, cafile in ((server.ws, None), (server.wss, server.cert)):
            gemini = Gemini(base_url=base_url, api_key=key, cafile=cafile)
            async with connect(gemini, tools=[light]) as session:
                assert "twelve" in (await session.ask(QUESTION)).text
                assert (await session.ask("turn on the light")).tools[0].state == "done"
        with pytest.raises(KeyRefused):
            await connect(Gemini(base_url=server.ws, api_key="another")).start()
    assert asyncio.all_tasks() == before
    assert key not in caplog.text


@pytest.mark.parametrize("fault", ["goaway", "drop", "internal"])
async def test_the_talk_goes_on_over_real_sockets(tutor, fault):
    before = asyncio.all_tasks()
    async with Server(tutor, key="k-0123456789") as server:
        gemini = Gemini(base_url=server.ws, api_key="k-0123456789")
        async with connect(gemini, tools=[light]) as session:
            stream = aiter(session)
            assert "twelve" in (await session.ask(QUESTION)).text
            tutor.simulate(fault)
            assert (await until(stream, ConnectionReplaced)).resumed
            assert (await session.ask("turn on the light")).tools[0].state == "done"
            assert [turn.speaker for turn in session.turns] == ["user", "model"] * 2
    assert asyncio.all_tasks() == before


async def test_a_token_for_one_session_is_enough_for_a_talk_that_moves(tutor):
    async with Server(tutor, key="k-0123456789") as server:
        gemini = Gemini(base_url=server.ws, api_key="k-0123456789")
        token = await mint(gemini, uses=1)
        async with connect(Gemini(base_url=server.ws, token=token)) as session:
            stream = aiter(session)
            assert "twelve" in (await session.ask(QUESTION)).text
            tutor.simulate("goaway")
            assert (await until(stream, ConnectionReplaced)).resumed
            assert "twelve" in (await session.ask(QUESTION)).text
            assert token.reveal() not in session.wire.to_jsonl() + repr(session)


# --- Whom to talk to ----------------------------------------------------------------------------------------


@pytest.fixture
def _no_keys(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_no_keys")
def test_whom_to_talk_to(tutor, monkeypatch):
    assert isinstance(resolve(), StandIn)
    assert isinstance(resolve("offline-tutor"), StandIn)
    assert resolve(tutor) is tutor
    with pytest.raises(Exception, match="GEMINI_API_KEY"):
        resolve("gemini-3.8-live")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    assert isinstance(resolve(), Gemini)
    assert resolve("gemini-3.1-flash-live-preview").model == "gemini-3.1-flash-live-preview"
    with pytest.raises(ValueError, match="whom to talk to"):
        resolve(3)


def test_fields_are_checked_when_the_session_is_made(tutor):
    with pytest.raises(ConfigError, match="voice"):
        connect(tutor, voise="Kore")
    with pytest.raises(ConfigError):
        connect(tutor, translation="es")
