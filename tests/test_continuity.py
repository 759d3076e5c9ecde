"""The meter itself: it must find what was done to the sound, and nothing else."""

import numpy as np
import pytest

from tests.continuity import compare

RATE = 24_000


def speechlike(seconds: float, seed: int = 1) -> np.ndarray:
    """Band-limited noise under a slow envelope: never repeats, has pauses as speech has."""
    random = np.random.default_rng(seed)
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(n))
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    spectrum[(frequency < 150) | (frequency > 5000)] = 0
    sound = np.fft.irfft(spectrum, n)
    envelope = np.clip(np.sin(np.arange(n) / RATE * 5.0) + 0.6, 0, 1)
    return (0.3 * envelope * sound / np.abs(sound).max()).astype(np.float32)


def test_an_untouched_copy_has_nothing_lost_or_inserted():
    sound = speechlike(4)
    report = compare(
        sound, np.concatenate([np.zeros(5000, np.float32), sound, np.zeros(5000, np.float32)]), RATE
    )
    assert (report.inserted_ms, report.lost_ms, report.unmatched_ms) == (0, 0, 0)
    assert report.start_ms == pytest.approx(5000 / RATE * 1000, abs=0.1)


@pytest.mark.parametrize("gap", [240, 960, 4800])
def test_inserted_silence_is_measured(gap: int):
    sound = speechlike(4)
    heard = np.concatenate([sound[:30_000], np.zeros(gap, np.float32), sound[30_000:]])
    assert compare(sound, heard, RATE).inserted_ms == pytest.approx(1000 * gap / RATE, abs=0.2)


@pytest.mark.parametrize("gap", [240, 960, 4800])
def test_lost_sound_is_measured(gap: int):
    sound = speechlike(4)
    heard = np.concatenate([sound[:30_000], sound[30_000 + gap :], np.zeros(gap, np.float32)])
    assert compare(sound, heard, RATE).lost_ms == pytest.approx(1000 * gap / RATE, abs=0.2)


def test_repeated_sound_counts_as_inserted():
    sound = speechlike(4)
    heard = np.concatenate([sound[:30_000], sound[28_000:]])
    assert compare(sound, heard, RATE).inserted_ms == pytest.approx(2000 / RATE * 1000, abs=0.2)


def test_another_sound_is_not_found():
    report = compare(speechlike(2, seed=1), speechlike(2, seed=2), RATE)
    assert report.matched_ms == 0
