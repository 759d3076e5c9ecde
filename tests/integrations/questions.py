"""What is said and shown to other clients, as files: `python -m tests.integrations.questions FOLDER`."""

import asyncio
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from livewidget.audio import resample, to_float, write_wav
from livewidget.standin.tutor.voice import TutorTextToSpeech

QUESTIONS = {
    "question": "what is the capital of france",
    "tool": "turn on the light",
    "interruption": "what time is it",
}
RATE = 16_000
PICTURE = (1024, 768)  # the size to which LiveKit's agents bring every picture


async def speech(text, voice=None, *, lead_s=0.2, tail_s=0.9):
    """Return `text` spoken, float32 at 16 kHz, with a little noise and silence around it."""
    pcm = b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, voice)])
    said = resample(to_float(pcm), 24_000, RATE)
    sound = np.concatenate([np.zeros(int(lead_s * RATE)), said, np.zeros(int(tail_s * RATE))])
    # 30 dB under the speech: pure digital silence is no microphone's, and recognisers stumble over it.
    floor = np.sqrt(np.mean(said**2)) * 10 ** (-30 / 20)
    return (sound + np.random.default_rng(1).normal(0, floor, len(sound))).astype(np.float32)


def write(folder):
    """Write every question and a picture to `folder`."""
    for name, text in QUESTIONS.items():
        write_wav(Path(folder) / f"{name}.wav", asyncio.run(speech(text, "Kore")), RATE)
    Image.new("RGB", PICTURE, "darkgreen").save(Path(folder) / "picture.jpg")


if __name__ == "__main__":
    write(sys.argv[1])
