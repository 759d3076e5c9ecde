"""What the user sends, and taking turns."""

import asyncio

import numpy as np
import pytest

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig, TurnDetection
from livewidget.errors import AudioError, PictureError, StateError, UsageError
from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    ImageSent,
    InputTranscript,
    Interrupted,
    OutputAudio,
    TurnComplete,
)
from livewidget.models import MODELS
from livewidget.pictures import to_picture
from livewidget.protocol.messages import Blob, Content, Part, Transcription, VoiceActivity
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.standin import StandIn
from livewidget.turns import Floor
from tests.peer import Peer, until

from .exchange import settle
from .words import Brain, Ears, Voice, pieces_of, word

PUSH_TO_TALK = LiveConfig(turn_detection=TurnDetection(mode="push_to_talk"))


@pytest.fixture
def peer() -> Peer:
    return Peer()


async def sound(peer, messages):
    """The PCM of so many messages."""
    received = [(await peer.receive()).realtime_input.audio for _ in range(messages)]
    assert {blob.mime_type for blob in received} == {"audio/pcm;rate=16000"}
    return [blob.data for blob in received]


async def test_sound_goes_out_in_pieces_of_100_ms(peer):
    pcm = np.arange(4000, dtype="<i2").tobytes()
    async with LiveSession(peer) as session:
        await peer.receive()
        await session.send_audio(pcm)
        pieces = await sound(peer, 3)
    assert [len(piece) for piece in pieces] == [3200, 3200, 1600]
    assert b"".join(pieces) == pcm


async def test_an_array_of_integers_arrives_as_it_is(peer):
    samples = np.array([0, 1, -1, 32767, -32768], np.int16)
    async with LiveSession(peer) as session:
        await peer.receive()
        await session.send_audio(samples)
        assert (await sound(peer, 1))[0] == samples.astype("<i2").tobytes()
        await session.send_audio(samples / np.float32(32768))
        assert (await sound(peer, 1))[0] == samples.astype("<i2").tobytes()


async def test_another_rate_is_resampled_as_one_stream(peer):
    tone = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    async with LiveSession(peer) as session:
        await peer.receive()
        for start in range(0, 48_000, 4_800):
            await session.send_audio(tone[start : start + 4_800], 48_000)
        await session.end_audio()
        samples, message = b"", await peer.receive()
        while message.realtime_input.audio_stream_end is None:
            samples += message.realtime_input.audio.data
            message = await peer.receive()
    heard = np.frombuffer(samples, "<i2") / 32768
    expected = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000)
    assert len(heard) == 32_000  # a second of it, and one of the silence that ends it
    assert not heard[16_100:].any()
    heard, expected = heard[:16_000], expected[:16_000]
    assert np.abs(heard - expected)[100:-100].max() < 0.01


LOUD = b"\x00\x20\x00\xe0" * 800  # 100 ms
ENDED_BY_SILENCE = [one for one in MODELS if not one.stream_end_ends_turn and one.service == "gemini"]


async def silence_before_end(peer):
    """How much silence comes before `audioStreamEnd`, in ms, and how much audio in all."""
    silent = total = 0
    while (sent := (await peer.receive()).realtime_input).audio_stream_end is None:
        ms = len(sent.audio.data) // 32
        total += ms
        silent = 0 if any(sent.audio.data) else silent + ms
    return silent, total


@pytest.mark.parametrize(
    ("model", "service", "turns", "silent"),
    [
        ("gemini-3.8-live", "gemini", {}, 1_000),
        ("gemini-3.8-live", "gemini", {"silence_ms": 300}, 500),
        ("gemini-3.8-live", "gemini", {"silence_ms": 3000}, 3_200),
        ("gemini-3.8-live-extended-thinking", "gemini", {"end_sensitivity": "low"}, 1_000),
        ("gemini-3.8-live", "vertex", {}, 1_000),
        ("gemini-9-live", "gemini", {}, 1_000),
        ("gemini-2.5-flash-native-audio-latest", "gemini", {"silence_ms": 3000}, 0),
        ("offline-tutor", "standin", {}, 0),
    ],
)
async def test_where_only_silence_ends_a_turn_it_is_sent_before_the_audio_ends(model, service, turns, silent):
    """Muted, switched off: `audioStreamEnd` alone leaves the last words without an answer there."""
    config = LiveConfig.from_kwargs(
        turn_detection=turns, **({"thinking": "low"} if "thinking" in model else {})
    )
    peer = Peer(model, service)
    async with LiveSession(peer, config) as session:
        await peer.receive()
        for _ in range(3):
            session.put_audio(LOUD)
        session.put_audio_end()
        assert await silence_before_end(peer) == (silent, 300 + silent)
        # Nothing was said since: there is nothing to end.
        session.put_audio_end()
        assert await silence_before_end(peer) == (0, 0)


async def test_the_silence_that_pauses_the_audio_counts_and_push_to_talk_needs_none():
    turns = {"silence_ms": 2500}
    policy = ReconnectPolicy(idle_pause_s=1)
    peer = Peer()
    async with LiveSession(peer, LiveConfig.from_kwargs(turn_detection=turns), reconnect=policy) as session:
        await peer.receive()
        for _ in range(20):
            session.put_audio(bytes(3200))
        assert await silence_before_end(peer) == (2700, 2700)
    peer = Peer()
    async with LiveSession(peer, PUSH_TO_TALK) as session:
        await peer.receive()
        session.put_activity(True)
        session.put_audio(LOUD)
        session.put_activity(False)
        sent = [(await peer.receive()).realtime_input for _ in range(3)]
        assert [bool(one.audio) for one in sent] == [False, True, False]


@pytest.mark.parametrize("model", ENDED_BY_SILENCE, ids=lambda model: f"{model.service}:{model.id}")
async def test_the_last_words_before_muting_are_answered(model):
    clock, brain = ManualClock(), Brain()
    standin = StandIn(ears=Ears(), brain=brain, voice=Voice(), model=model.id, clock=clock)
    config = LiveConfig.from_kwargs(**({"thinking": "low"} if model.thinking_required else {}))
    async with LiveSession(standin, config, clock=clock) as session:
        for piece in pieces_of(7):
            session.put_audio(piece)
        session.put_audio_end()
        for _ in range(30):
            clock.advance(100)
            await settle()
        assert brain.asked == [word(7)]


@pytest.mark.parametrize(
    ("bad", "rate"),
    [
        (b"\0", 16_000),
        ("x", 16_000),
        (None, 16_000),
        (np.array([np.nan]), 16_000),
        (b"\0\0", 0),
        (b"\0\0", -1),
    ],
)
async def test_sound_that_cannot_be_sent(peer, bad, rate):
    async with LiveSession(peer) as session:
        with pytest.raises(AudioError) as caught:
            await session.send_audio(bad, rate)
        assert "\n" not in str(caught.value)
        await session.send_audio(b"\0\0")


async def test_a_picture_is_sent_as_a_small_jpeg(peer):
    pixels = np.zeros((600, 1200, 3), np.uint8)
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.receive()
        await session.send_image(pixels)
        video = (await peer.receive()).realtime_input.video
        made = to_picture(pixels)
        assert (video.mime_type, video.data, made.width) == ("image/jpeg", made.data, 768)
        assert await until(stream, ImageSent) == ImageSent(mime_type="image/jpeg", size=len(made.data))


async def test_what_was_made_a_picture_or_has_a_type_goes_out_as_it_is(peer):
    made = to_picture(np.zeros((10, 10)), max_side=32)
    async with LiveSession(peer) as session:
        await peer.receive()
        await session.send_image(made)
        assert (await peer.receive()).realtime_input.video.data == made.data
        await session.send_image(bytearray(b"anything"), "image/x-new")
        video = (await peer.receive()).realtime_input.video
        assert (video.mime_type, video.data) == ("image/x-new", b"anything")


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"GIF89a", None),
        (b"", None),
        (object(), None),
        (b"", "image/png"),
        (b"x", "text/html"),
        (bytes(9 << 20), "image/png"),
    ],
)
async def test_what_is_no_picture_is_refused_and_the_talk_goes_on(peer, image, kind):
    async with LiveSession(peer) as session:
        await peer.receive()
        with pytest.raises(PictureError):
            await session.send_image(image, kind)
        await session.send_audio(b"\0\0")
        assert (await peer.receive()).realtime_input.audio is not None


async def test_a_model_without_eyes_is_not_shown_anything():
    blind = Peer("gemini-3.5-transcribe-live")
    async with LiveSession(blind, LiveConfig(modalities=("TEXT",))) as session:
        with pytest.raises(
            UsageError, match=r"^gemini-3\.5-transcribe-live takes no pictures; gemini-3\.8-live"
        ):
            await session.send_image("does-not-even-exist.png")


async def test_push_to_talk(peer):
    async with LiveSession(peer, PUSH_TO_TALK) as session:
        setup = (await peer.receive()).setup
        assert setup.realtime_input_config.automatic_activity_detection.disabled
        await session.activity_start()
        assert (await peer.receive()).realtime_input.activity_start is not None
        assert session.floor is Floor.USER
        await session.activity_end()
        assert (await peer.receive()).realtime_input.activity_end is not None
        assert session.floor is Floor.THINKING
        await session.end_audio()
        await session.send_text("x")
        assert (await peer.receive()).client_content is not None


async def test_in_push_to_talk_the_servers_own_announcements_are_not_told_twice(peer):
    seen = []
    async with LiveSession(peer, PUSH_TO_TALK) as session:
        session.subscribe(seen.append)
        await session.activity_start()
        await peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))
        await session.activity_end()
        await peer.send(voice_activity=VoiceActivity(type="ACTIVITY_END"))
        asking = asyncio.create_task(session.ask("x"))
        await peer.answer("y")
        # The answer to a question asked before its text was sent would not count.
        await asyncio.sleep(0)
        await peer.answer("z")
        await asking
    assert [type(event) for event in seen if isinstance(event, ActivityStart | ActivityEnd)] == [
        ActivityStart,
        ActivityEnd,
    ]


async def test_push_to_talk_needs_its_mode(peer):
    async with LiveSession(peer) as session:
        for act in (session.activity_start, session.activity_end):
            with pytest.raises(StateError, match="push_to_talk"):
                await act()


async def test_the_start_of_speech_is_told_where_the_server_does_not_announce_it(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await peer.content(input_transcription=Transcription(text="Hello"))
        assert (await until(stream, ActivityStart)).inferred
        assert (await anext(stream)).text == "Hello"
        await peer.content(input_transcription=Transcription(text=" there"))
        assert isinstance(await anext(stream), InputTranscript)


async def test_barge_in_is_cut_where_it_was_heard(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        turns = []
        session.on_turn(turns.append)
        await session.send_text("Tell me")
        await peer.say("one two ", 1.0)
        await peer.say("three four", 1.0)
        await peer.content(interrupted=True)
        await peer.turn_complete()
        await until(stream, TurnComplete)
        session.playback_stopped(session.turns[-1].index, 12_000)
        assert turns[-1] == session.turns[-1]
        assert turns[-1].text == "one"
        assert turns[-1].interrupted


async def test_interrupt_tells_the_service_and_drops_the_rest(peer):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await session.send_text("Tell me")
        await peer.say("one ")
        await until(stream, OutputAudio)
        await session.interrupt()
        assert isinstance(await anext(stream), Interrupted)
        messages = [await peer.receive() for _ in range(3)]
        assert messages[-1].client_content.turn_complete is False
        assert messages[-1].client_content.turns is None
        await peer.say("two ")
        await peer.content(interrupted=True)
        await peer.turn_complete()
        # What is sent of the void turn is not told, nor the server's word on what was told already.
        assert isinstance(await anext(stream), TurnComplete)
        await session.send_text("More")
        await peer.answer("three")
        await until(stream, TurnComplete)
        assert [turn.text for turn in session.turns] == ["Tell me", "one ", "More", "three"]
        assert [turn.interrupted for turn in session.turns] == [False, True, False, False]


@pytest.mark.parametrize(
    "rest",
    [
        {"output_transcription": Transcription(text="two")},
        {"model_turn": Content(parts=[Part(text="two")])},
        {"model_turn": Content(parts=[Part(text="two", thought=True)])},
        {"model_turn": Content(parts=[Part(inline_data=Blob(data=b"two", mime_type="image/png"))])},
        {"model_turn": Content(parts=[Part(inline_data=Blob(data=b"22", mime_type="audio/pcm;rate=24000"))])},
        {"generation_complete": True},
    ],
    ids=["transcript", "text", "thought", "media", "audio", "generation complete"],
)
async def test_nothing_of_an_interrupted_answer_is_passed_on_afterwards(peer, rest):
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await session.send_text("Tell me")
        await peer.say("one")
        await until(stream, OutputAudio)
        await session.interrupt()
        assert isinstance(await anext(stream), Interrupted)
        before = session.turns
        await peer.content(**rest)
        await peer.turn_complete()
        assert isinstance(await anext(stream), TurnComplete)
        assert session.turns == before


async def test_interrupt_of_a_model_that_cannot_be_told_is_local():
    peer = Peer("gemini-3.1-flash-live-preview")
    async with LiveSession(peer) as session:
        stream = aiter(session)
        await session.send_text("Tell me")
        await peer.say("one ")
        await until(stream, OutputAudio)
        await session.interrupt()
        await peer.answer("two")
        assert isinstance(await anext(stream), Interrupted)
        assert isinstance(await anext(stream), TurnComplete)
        await peer.receive()
        assert (await peer.receive()).realtime_input.text == "Tell me"
        await session.send_text("Next")
        assert (await peer.receive()).realtime_input.text == "Next"


async def test_interrupt_while_nothing_is_said_loses_nothing(peer):
    async with LiveSession(peer) as session:
        await session.interrupt()
        asking = asyncio.create_task(session.ask("Hello"))
        await peer.receive()
        assert (await peer.receive()).client_content.turn_complete
        await peer.answer("Hi.")
        assert (await asking).text == "Hi."
