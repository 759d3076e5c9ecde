"""The pause while nobody speaks."""

import pathlib

import numpy as np
import pytest

from livewidget.audio import resample, to_float, to_pcm16
from livewidget.config import LiveConfig
from livewidget.errors import ConfigError
from livewidget.session import ReconnectPolicy
from livewidget.session.audio_input import PREROLL_MS, SilenceSuppressor, SpeechEnergy
from tests.speech import quiet_room, spoken

from .exchange import LOUD, QUIET, Talk
from .exchange import spoken as sound_in

PEOPLE = pathlib.Path("/usr/share/pocketsphinx/test/data/goforward.raw")
PIECE = 3200  # 100 ms


def run(idle, pieces):
    """Feed pieces; returns what went out."""
    levels, out = SpeechEnergy(), []
    for piece in pieces:
        out += idle.filter(piece, needed=levels.is_speech(piece))
    return b"".join(out)


def cut(pcm, size=PIECE):
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def test_after_a_while_without_a_voice_nothing_goes_out():
    idle = SilenceSuppressor(1000)
    assert run(idle, [QUIET] * 30) == QUIET * 10
    assert idle.paused


def test_the_voice_that_ends_the_pause_comes_with_what_was_before_it():
    idle = SilenceSuppressor(1000)
    numbered = [bytes([number, 0]) * 1600 for number in range(30)]
    out = run(idle, [*numbered, LOUD, QUIET])
    assert out == b"".join([*numbered[:10], *numbered[25:], LOUD, QUIET])
    assert not idle.paused
    assert len(numbered[25:]) * 100 == PREROLL_MS


def test_the_count_begins_anew_with_every_voice():
    idle = SilenceSuppressor(1000)
    pieces = [*[QUIET] * 9, LOUD] * 5
    assert run(idle, pieces) == b"".join(pieces)


def test_while_a_turn_is_on_silence_goes_out():
    idle = SilenceSuppressor(1000)
    for _ in range(30):
        assert idle.filter(QUIET, needed=True) == [QUIET]
    for _ in range(30):
        idle.filter(QUIET, needed=False)
    assert idle.filter(QUIET, needed=True) == [QUIET] * 6


def test_without_a_pause_everything_goes_out():
    idle = SilenceSuppressor(None)
    assert run(idle, [QUIET] * 600) == QUIET * 600


@pytest.mark.parametrize("seconds", [0, 0.5, 4000, True, -1])
def test_a_pause_has_a_sensible_length(seconds):
    with pytest.raises(ConfigError, match="1 to 3600"):
        ReconnectPolicy(idle_pause_s=seconds)


# --- Real voices --------------------------------------------------------------------------------------------


def people() -> np.ndarray:
    if not PEOPLE.exists():
        pytest.skip("Debian's pocketsphinx-testdata is not installed")
    return to_float(PEOPLE.read_bytes())


VOICES = {
    "synthetic": lambda: resample(spoken("Turn on the light, and tell me a story."), 48_000, 16_000),
    "human": people,
}


def sent_of(said, size, *, kept=True):
    """Which samples go out of a voice in a quiet room: flags, and the first and last that can be heard."""
    start = 4 * 16_000
    sound = quiet_room(len(said) / 16_000 + 12, 16_000)
    sound[start : start + len(said)] += said
    idle, levels, sent, at, position = (
        SilenceSuppressor(1000),
        SpeechEnergy(),
        np.zeros(len(sound), bool),
        {},
        0,
    )
    for piece in cut(to_pcm16(sound), size):
        at[piece] = position  # noise: no two pieces are alike
        out = idle.filter(piece, needed=levels.is_speech(piece))
        for one in out if kept else out[-1:]:
            sent[at[one] : at[one] + len(one) // 2] = True
        position += len(piece) // 2
    loud = np.flatnonzero(np.abs(said) > 0.01)
    return sent, start + loud[0], start + loud[-1]


@pytest.mark.voice
@pytest.mark.parametrize("size", [1280, PIECE])
@pytest.mark.parametrize("gain_db", [0, -12])
@pytest.mark.parametrize("voice", VOICES)
def test_no_word_is_cut(voice, gain_db, size):
    """Whatever of the voice is above the room goes out, with 200 ms before it."""
    sent, first, last = sent_of(VOICES[voice]() * 10 ** (gain_db / 20), size)
    assert sent[first - 3200 : last + 1].all(), "a word was cut"
    assert not sent[16_000 + 1280 : first - int(16 * (PREROLL_MS + 200))].any(), "silence was sent"
    assert not sent[last + 2 * 16_000 :].any(), "silence was sent after it"


@pytest.mark.voice
@pytest.mark.parametrize("voice", VOICES)
def test_without_what_was_kept_it_would_be(voice):
    sent, first, _ = sent_of(VOICES[voice](), 1280, kept=False)
    assert not sent[first - 3200 : first].all()


def test_a_loud_room_is_never_taken_for_silence():
    noise = np.random.default_rng(1).normal(0, 0.05, 16_000 * 20).astype(np.float32)
    idle = SilenceSuppressor(1000)
    pieces = cut(to_pcm16(noise))
    assert run(idle, pieces) == b"".join(pieces)


# --- In a session -------------------------------------------------------------------------------------------


async def stream(talk, *pieces):
    for piece in pieces:
        await talk.session.send_audio(piece)
        await talk.wait(100, 100)


async def test_a_session_says_that_the_sound_pauses_and_goes_on():
    async with Talk(reconnect=ReconnectPolicy(idle_pause_s=1)) as talk:
        await stream(talk, *[QUIET] * 20)
        sent = await talk.peer.rest()
        assert sound_in(sent) == QUIET * 10
        assert [one.realtime_input.audio_stream_end for one in sent if one.realtime_input.audio is None] == [
            True
        ]
        assert talk.session.meter.paused
        await stream(talk, LOUD, QUIET)
        assert sound_in(await talk.peer.rest()) == QUIET * 5 + LOUD + QUIET
        assert not talk.session.meter.paused


async def test_a_microphone_that_is_switched_off_in_a_pause_is_not_told_twice():
    async with Talk(reconnect=ReconnectPolicy(idle_pause_s=1)) as talk:
        await stream(talk, *[QUIET] * 20)
        await talk.peer.rest()
        await talk.session.end_audio()
        assert await talk.peer.rest() == []
        await stream(talk, QUIET)  # switched on again: a new stream, without what was kept of the last
        assert sound_in(await talk.peer.rest()) == QUIET


@pytest.mark.parametrize(
    "turns", [{"mode": "push_to_talk"}, {"turn_coverage": "all_input"}], ids=["push to talk", "all input"]
)
async def test_where_silence_means_something_it_is_sent(turns):
    config = LiveConfig.from_kwargs(turn_detection=turns)
    async with Talk(config=config, reconnect=ReconnectPolicy(idle_pause_s=1)) as talk:
        await stream(talk, *[QUIET] * 30)
        assert sound_in(await talk.peer.rest()) == QUIET * 30


async def test_by_default_a_session_sends_all_silence():
    async with Talk() as talk:
        await stream(talk, *[QUIET] * 30)
        assert sound_in(await talk.peer.rest()) == QUIET * 30
