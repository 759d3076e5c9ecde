"""Runs the real command in a process of its own, and makes recordings for it with the tutor's voice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import to_float, write_wav
from livewidget.standin.voice import TutorVoice

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any key and without a display."""
    names = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "DISPLAY", "WAYLAND_DISPLAY", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "PYTHONIOENCODING": "utf-8", **more}


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
    """`text` in the tutor's voice: float32, 24 kHz, with a little noise as of a room."""
    pcm = b"".join([speech.pcm async for speech in TutorVoice().speak(text)])
    samples = np.pad(to_float(pcm), int(pad_s * 24_000))
    noise = np.random.default_rng(7).normal(0, 0.002, len(samples))
    return (samples + noise).astype(np.float32)


@pytest.fixture
async def question_wav(tmp_path):
    """A recording of "what is seven plus five"."""
    path = tmp_path / "question.wav"
    write_wav(path, await spoken("what is seven plus five"), 24_000)
    return path
