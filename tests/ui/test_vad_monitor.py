"""What the tuner shows of turn detection, on real speech and with the real detector."""

import numpy as np
import pytest

from livewidget.audio import resample, to_pcm16
from livewidget.config import TurnDetection
from livewidget.standin.interfaces import VadSettings
from livewidget.ui.vad_monitor import MAX_WINDOWS, VadMonitor, vad_settings
from tests.speech import quiet_room, spoken

pytestmark = pytest.mark.voice

CHUNK = 1280  # bytes: 40 ms, as the page sends them


@pytest.fixture(scope="module")
def sentence():
    """A second of a quiet room, a sentence, and two seconds of the room again: PCM16 at 16 kHz."""
    pytest.importorskip("espeakng_loader")
    sound = np.concatenate([quiet_room(1.0), spoken("what is the capital of france") * 0.7, quiet_room(2.0)])
    return to_pcm16(resample(sound, 48_000, 16_000))


def shown(pcm, **turns):
    tuner = VadMonitor(vad_settings(TurnDetection(**turns), remote=False))
    for start in range(0, len(pcm), CHUNK):
        tuner.feed(pcm[start : start + CHUNK])
    return tuner.take()


def marks(found):
    return {mark.kind: mark.at_ms for mark in found.marks}


def test_a_sentence_is_marked_with_its_start_padding_silence_and_end(sentence):
    found = shown(sentence)
    at = marks(found)
    assert [mark.kind for mark in found.marks] == ["speech", "start", "silence", "end"]
    assert 900 < at["speech"] < 1500
    assert at["start"] - at["speech"] == found.prefix_padding_ms == 64
    assert at["end"] - at["silence"] == found.silence_ms == 500
    assert len(found.levels) == len(found.probabilities) == len(sentence) // 2 // 512
    speech = [one for one, level in zip(found.probabilities, found.levels, strict=True) if level > -30]
    assert np.mean(speech) > 0.6
    assert np.mean(found.probabilities[:20]) < 0.1


@pytest.mark.parametrize(("silence_ms", "longer"), [(200, False), (1200, True)])
def test_the_silence_window_moves_the_end(sentence, silence_ms, longer):
    usual, changed = marks(shown(sentence)), marks(shown(sentence, silence_ms=silence_ms))
    assert (changed["end"] > usual["end"]) == longer


def test_the_padding_moves_the_start(sentence):
    usual, padded = marks(shown(sentence)), marks(shown(sentence, prefix_padding_ms=320))
    assert padded["start"] > usual["start"]


def test_with_push_to_talk_nothing_is_detected(sentence):
    found = shown(sentence, mode="push_to_talk")
    assert found.marks == ()
    assert max(found.probabilities) > 0.5


def test_pieces_follow_one_another(sentence):
    tuner = VadMonitor(VadSettings())
    tuner.feed(sentence[:16_000])
    first = tuner.take()
    tuner.feed(sentence[16_000:24_000])
    second = tuner.take()
    assert second.from_ms == first.from_ms + len(first.levels) * first.step_ms
    assert tuner.take() is None


def test_what_nobody_fetches_does_not_pile_up():
    tuner = VadMonitor(VadSettings())
    for _ in range(MAX_WINDOWS + 50):
        tuner.feed(bytes(1024))
    found = tuner.take()
    assert len(found.levels) == MAX_WINDOWS
    assert found.from_ms == 50 * 32


def test_a_remote_model_has_the_services_own_silence():
    assert vad_settings(TurnDetection(), remote=True).silence_ms == 800
    assert vad_settings(TurnDetection(silence_ms=300), remote=True).silence_ms == 300
    assert vad_settings(TurnDetection(), remote=False).silence_ms == VadSettings().silence_ms
    assert vad_settings(TurnDetection(start_sensitivity="low"), remote=True).start_threshold == 0.7
