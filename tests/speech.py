"""Spoken sounds for ears that are to understand them, made by the tutor's own synthesiser with another voice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livewidget.audio import resample, to_float, to_pcm16

Samples = npt.NDArray[np.float32]
RATE = 48_000


def quiet_room(seconds: float, rate: int = RATE) -> Samples:
    """Noise at about -60 dBFS: no microphone gives digital silence."""
    return np.random.default_rng(7).normal(0, 0.001, int(seconds * rate)).astype(np.float32)


def spoken(text: str, *, voice: str = "Charon") -> Samples:
    """`text` as speech: float32, shape (n,), in [-1, 1], at `RATE`."""
    # A thread of its own: the synchronous Playwright keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _speak(text, voice)).result()


async def _speak(text: str, voice: str) -> Samples:
    from livewidget.standin.tutor.voice import TutorTextToSpeech

    pcm = b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, voice)])
    return resample(to_float(pcm), 24_000, RATE)


def save(path: Path, sound: Samples, rate: int = RATE) -> Path:
    """Write 16-bit mono."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(to_pcm16(sound))
    return path


def question(
    path: Path, text: str, *, before: float = 1.5, after: float = 1.0, voice: str = "Charon"
) -> Path:
    """A WAV in which `text` is asked after `before` seconds of a quiet room."""
    sound = spoken(text, voice=voice)
    noise = np.random.default_rng(3).normal(0, 0.001, len(sound)).astype(np.float32)
    return save(path, np.concatenate([quiet_room(before), sound * 0.7 + noise, quiet_room(after)]))
