"""Compare sound that was sent with sound that was heard, sample by sample: what was lost, repeated, inserted.

Every voiced window of the reference is looked for in the recording, first where the window before it was found, then
around that place. A step of the lag is silence inserted or sound repeated (later than expected) or sound lost (earlier
than expected). Windows below -50 dBFS have no place of their own and are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

WINDOW_S = 0.04
SEARCH_S = 0.6
QUIET = 10 ** (-50 / 20)
MATCH = 0.9


@dataclass(frozen=True, kw_only=True)
class Continuity:
    """What became of the reference, in milliseconds at the reference's clock."""

    matched_ms: float
    unmatched_ms: float
    inserted_ms: float
    lost_ms: float
    start_ms: float
    steps: tuple[tuple[float, float], ...]
    """(position in the reference, step of the lag), both in ms; positive steps are insertions."""


def compare(sent: Samples, heard: Samples, rate: int) -> Continuity:
    """Follow `sent` through `heard`.

    Args:
        sent: float32, shape (n,), in [-1, 1]: the reference.
        heard: float32, shape (m,): the recording, at the same rate, m >= n in practice.
        rate: of both, in Hz.
    """
    window, search = int(WINDOW_S * rate), int(SEARCH_S * rate)
    starts = [at for at in range(0, len(sent) - window + 1, window) if _rms(sent[at : at + window]) > QUIET]
    lag: int | None = None
    first_lag = 0
    matched = unmatched = 0
    steps: list[tuple[float, float]] = []
    for at in starts:
        piece = sent[at : at + window]
        found = _find(piece, heard, at, lag, search)
        if found is None:
            unmatched += 1
            continue
        matched += 1
        if lag is None:
            first_lag = found
        elif abs(found - lag) > 1:
            steps.append((1000 * at / rate, 1000 * (found - lag) / rate))
        lag = found
    return Continuity(
        matched_ms=matched * WINDOW_S * 1000,
        unmatched_ms=unmatched * WINDOW_S * 1000,
        inserted_ms=sum(step for _, step in steps if step > 0),
        lost_ms=-sum(step for _, step in steps if step < 0),
        start_ms=1000 * first_lag / rate,
        steps=tuple(steps),
    )


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _find(piece: Samples, heard: Samples, at: int, lag: int | None, search: int) -> int | None:
    if lag is not None:
        here = heard[at + lag : at + lag + len(piece)]
        if len(here) == len(piece) and _correlation(piece, here) >= MATCH:
            return lag
    begin = 0 if lag is None else max(0, at + lag - search)
    end = len(heard) if lag is None else min(len(heard), at + lag + len(piece) + search)
    scores = _correlate(piece, heard[begin:end])
    if not len(scores):
        return None
    best = int(np.argmax(scores))
    return begin + best - at if scores[best] >= MATCH else None


def _correlation(a: Samples, b: Samples) -> float:
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm else 0.0


def _correlate(piece: Samples, sound: Samples) -> Samples:
    """Normalised correlation of `piece` with every place of `sound`."""
    n = len(piece)
    if len(sound) < n:
        return np.zeros(0, np.float32)
    size = 1 << (len(sound) + n - 1).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size))
    dot = np.fft.irfft(spectrum, size)[: len(sound) - n + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    local = np.sqrt(np.maximum(energy[n:] - energy[:-n], 1e-12))
    result: Samples = (dot / (local * max(float(np.linalg.norm(piece)), 1e-9))).astype(np.float32)
    return result
