"""Voice or the room, by level."""

import numpy as np
import pytest

from livewidget.audio import to_pcm16
from livewidget.session.audio_input import SpeechEnergy


def noise(dbfs, ms=100, seed=0):
    """Noise of a level, as PCM16 at 16 kHz."""
    samples = np.random.default_rng(seed).normal(0, 10 ** (dbfs / 20), 16 * ms)
    return to_pcm16(samples.astype(np.float32))


def after(room_dbfs, seconds=5):
    levels = SpeechEnergy()
    for number in range(10 * seconds):
        levels.is_speech(noise(room_dbfs, seed=number))
    return levels


@pytest.mark.parametrize("room", [-90, -70, -60, -50])
def test_a_steady_room_is_none(room):
    levels = after(room)
    assert not any(levels.is_speech(noise(room, seed=100 + number)) for number in range(100))


@pytest.mark.parametrize(("room", "voice"), [(-90, -50), (-60, -45), (-50, -35), (-40, -30)])
def test_what_is_louder_than_the_room_is_a_voice(room, voice):
    assert after(room).is_speech(noise(voice))


def test_twenty_milliseconds_are_enough():
    piece = noise(-60, 40) + noise(-30, 20) + noise(-60, 40)
    assert after(-60).is_speech(piece)


def test_a_loud_room_is_a_voice_for_safety():
    assert after(-30).is_speech(noise(-30))


def test_digital_silence_and_nothing_are_none():
    levels = after(-60)
    assert not levels.is_speech(bytes(3200))
    assert not levels.is_speech(b"")
    assert not levels.is_speech(b"\0")
    assert levels.is_speech(noise(-40, 10))


def test_a_room_that_gets_louder_is_learnt():
    levels = after(-70)
    assert levels.is_speech(noise(-45))
    for number in range(10 * 60):
        levels.is_speech(noise(-45, seed=number))
    assert not levels.is_speech(noise(-45, seed=1000))
