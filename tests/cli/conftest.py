"""Runs the real command in a process of its own, and makes recordings for it with the tutor's voice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import to_float, write_wav
from livewidget.standin.tutor.voice import TutorTextToSpeech

ROOT = Path(__file__).resolve().parent.parent.parent

# Unlike sums, nothing that the tutor knows sounds like it: what is tested is the command, not the ear.
SPOKEN = "what is the capital of france"
ANSWER = "The capital of France is Paris."


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any key and without a display."""
    names = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "DISPLAY", "WAYLAND_DISPLAY", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "PYTHONIOENCODING": "utf-8", **more}


def heed_ctrl_c() -> None:
    """Make SIGINT count again: what runs in a shell's background, and all its children, inherits that it does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def livewidget(*arguments: object, env: dict[str, str] | None = None, cwd: Path = ROOT):
    """Run `livewidget …` and return what became of it."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "livewidget", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
    )


def one_sentence(stderr: str) -> str:
    """The only line of `stderr`: an error, without a traceback."""
    lines = [line for line in stderr.splitlines() if line.startswith("livewidget: ")]
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    return lines[0]


async def spoken(text: str, pad_s: float = 0.3) -> np.ndarray:
    """`text` in one of the tutor's voices: float32, 24 kHz, with the noise of a room 30 dB under it."""
    pcm = b"".join([speech.pcm async for speech in TutorTextToSpeech().speak(text, "Kore")])
    said = to_float(pcm)
    samples = np.pad(said, int(pad_s * 24_000))
    level = np.sqrt(np.mean(said**2)) * 10 ** (-30 / 20)
    return (samples + np.random.default_rng(7).normal(0, level, len(samples))).astype(np.float32)


@pytest.fixture
async def question_wav(tmp_path):
    """A recording of SPOKEN."""
    path = tmp_path / "question.wav"
    write_wav(path, await spoken(SPOKEN), 24_000)
    return path
