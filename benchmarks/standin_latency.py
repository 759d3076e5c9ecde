"""How fast the stand-in answers, and how many can talk to it at once in one process.

Speech made with the tutor's own voice goes in at the pace of a microphone, over links in memory; recogniser,
brain and voice are the real ones. First, one session: from the end of speech being decided (the start of that
call of `Recognition.feed`, so the recogniser's last work counts) to the first sound of the answer, and from
the last spoken sample. Then ten sessions that talk at once, and how far the server falls behind them. Beside
the times, the processor's: on a machine that is busy with other things, only that one tells of the stand-in.
Needs the `offline` extra::

    python benchmarks/standin_latency.py [--turns 20] [--sessions 10] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livewidget.audio import resample, to_float, to_pcm16
from livewidget.protocol import audio_message
from livewidget.standin import StandIn
from livewidget.standin.interfaces import Phrases, Recognition, RecognitionEvent, SpeechEnded, VadSettings
from livewidget.standin.tutor.ears import TutorSpeechToText
from livewidget.standin.tutor.voice import TutorTextToSpeech
from livewidget.transports.base import Transport, TransportClosed

RATE, FRAME_MS = 16_000, 20
LONGEST_ANSWER_S = 30  # the tutor's account of what it can do takes more than ten
SENTENCES = (
    "what is the capital of france",
    "what time is it",
    "what is seven plus five",
    "what can you do",
    "tell me a joke",
)
VOICES = ("Kore", "Charon", "Zephyr", "Enceladus")
SETUP = {
    "model": "models/offline-tutor",
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    # A second of silence between the questions is enough to end each.
    "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 500}},
}


async def spoken(text: str, voice: str) -> np.ndarray[Any, Any]:
    """Return a sentence as float32 at 16 kHz."""
    pcm = b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, voice)])
    said = resample(to_float(pcm), 24_000, RATE)
    loud = np.flatnonzero(np.abs(said) > 0.02)
    return said[: loud[-1] + 1]


def noisy(sound: np.ndarray[Any, Any], seed: int) -> bytes:
    """Add noise 30 dB under the speech; return PCM16."""
    floor = np.sqrt(np.mean(sound[sound != 0] ** 2)) * 10 ** (-30 / 20)
    noise = np.random.default_rng(seed).normal(0, floor, len(sound))
    return to_pcm16((sound + noise).astype(np.float32))


class TimedEars:
    """The tutor's ears, with the moment noted at which each decided that speech had ended."""

    def __init__(self) -> None:
        self.ears = TutorSpeechToText()
        # Of the session made last: seconds of `perf_counter` and of `process_time`.
        self.decided: list[tuple[float, float]] = []

    def session(self, settings: VadSettings, phrases: Phrases) -> Recognition:
        """Return fresh ears with a stop watch."""
        hearing = self.ears.session(settings, phrases)
        feed = hearing.feed
        decided = self.decided = []

        def timed(pcm16k: bytes) -> list[RecognitionEvent]:
            began = time.perf_counter(), time.process_time()
            heard = feed(pcm16k)
            if any(isinstance(one, SpeechEnded) for one in heard):
                decided.append(began)
            return heard

        hearing.feed = timed  # type: ignore[method-assign]
        return hearing


@dataclass
class Talker:
    """One client: asks in turn, waits for each answer to be sent, and keeps the times."""

    transport: Transport
    ears: TimedEars
    said: list[tuple[str, bytes, int]]  # text, PCM16 with its silence, samples until the last spoken one
    decided: list[float] = field(default_factory=list)  # ms from the decision to the first sound
    worked: list[float] = field(default_factory=list)  # ms of processor time in that
    spoken: list[float] = field(default_factory=list)  # ms from the last spoken sample to the first sound
    lag: list[float] = field(default_factory=list)  # ms by which a frame was sent late
    heard: list[tuple[str, str]] = field(default_factory=list)  # what was said, what was understood
    _ended: tuple[float, float] | None = None
    _last_sample: float = 0.0
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _expected: str = ""
    _decisions: list[tuple[float, float]] = field(default_factory=list)

    async def enter(self) -> None:
        """Set the session up; one after the other, for each has ears of its own."""
        await self.transport.send(json.dumps({"setup": SETUP}))
        await self.transport.receive()
        self._decisions = self.ears.decided

    async def run(self, until: float | None = None) -> None:
        """Ask everything once, or again and again until then (seconds of `perf_counter`)."""
        reader = asyncio.create_task(self._read())
        count = 0
        while (until is None and count < len(self.said)) or (until and time.perf_counter() < until):
            await self._ask(*self.said[count % len(self.said)])
            count += 1
        await self.transport.close()
        await asyncio.wait([reader])

    async def _ask(self, text: str, pcm: bytes, last: int) -> None:
        self._expected, self._ended = text, None
        self._answered.clear()
        began = time.perf_counter()
        self._last_sample = began + last / RATE
        step = RATE * FRAME_MS // 1000 * 2
        position = 0
        # The microphone stays open: after the question, silence until the answer has been sent.
        while position < len(pcm) or not self._answered.is_set():
            due = began + (position // 2 + step // 2) / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.lag.append(1000 * (time.perf_counter() - due))
            frame = pcm[position : position + step] or noisy(np.full(step // 2, 1e-9), position)[:step]
            await self.transport.send(audio_message(frame.ljust(step, b"\0")))
            position += step
            if position > len(pcm) + RATE * 2 * LONGEST_ANSWER_S:
                self.heard.append((text, ""))
                return

    async def _read(self) -> None:
        try:
            while True:
                self._take(json.loads(await self.transport.receive()))
        except TransportClosed:
            pass

    def _take(self, message: dict[str, Any]) -> None:
        now = time.perf_counter()
        if message.get("voiceActivity", {}).get("type") == "ACTIVITY_END":
            self._ended = self._decisions[-1]
        content = message.get("serverContent", {})
        if "inputTranscription" in content:
            self.heard.append((self._expected, content["inputTranscription"]["text"]))
        if "modelTurn" in content and self._ended is not None:
            assert base64.b64decode(content["modelTurn"]["parts"][0]["inlineData"]["data"])
            self.decided.append(1000 * (now - self._ended[0]))
            self.worked.append(1000 * (time.process_time() - self._ended[1]))
            self.spoken.append(1000 * (now - self._last_sample))
            self._ended = None
        if content.get("turnComplete"):
            self._answered.set()


def figures(name: str, values: list[float], unit: str = "ms") -> str:
    """Return p50, p95 and the worst of a list as a line."""
    p50, p95 = np.percentile(values, [50, 95])
    return f"{name:<52} p50 {p50:7.1f}  p95 {p95:7.1f}  max {max(values):7.1f} {unit}  (n={len(values)})"


async def idle() -> list[float]:
    """Return by how many ms this machine wakes a loop late that has nothing to do."""
    late = []
    for _ in range(100):
        due = time.perf_counter() + FRAME_MS / 1000
        await asyncio.sleep(FRAME_MS / 1000)
        late.append(1000 * (time.perf_counter() - due))
    return late


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()

    questions = []
    for voice in VOICES:
        for text in SENTENCES:
            sound = await spoken(text, voice)
            padded = np.concatenate([np.zeros(RATE // 5), sound, np.zeros(RATE)]).astype(np.float32)
            questions.append((text, noisy(padded, len(questions)), RATE // 5 + len(sound)))

    ears = TimedEars()
    tutor = StandIn(ears=ears)
    one = Talker(await tutor.dial(), ears, [questions[n % len(questions)] for n in range(given.turns)])
    await one.enter()
    await one.run()
    print(f"one session, {len(one.decided)} spoken turns")
    print(figures("  end of speech decided → first audio chunk", one.decided))
    print(figures("  processor time in that, voice's process excluded", one.worked))
    print(figures("  last spoken sample → first (500 ms are silence)", one.spoken))

    talkers = [
        Talker(await tutor.dial(), ears, questions[n % len(questions) :] + questions[: n % len(questions)])
        for n in range(given.sessions)
    ]
    for talker in talkers:
        await talker.enter()
    print(figures("control: a sleep of 20 ms with nobody talking is late by", await idle()))
    began, busy = time.perf_counter(), time.process_time()
    until = began + given.seconds
    await asyncio.gather(*(talker.run(until) for talker in talkers))
    busy, took = time.process_time() - busy, time.perf_counter() - began
    heard = [pair for talker in talkers for pair in talker.heard]
    right = sum(said == understood for said, understood in heard)
    print(f"{given.sessions} sessions in one process for {took:.0f} s, clients included")
    print(figures("  end of speech decided → first audio chunk", [v for t in talkers for v in t.decided]))
    print(figures("  last spoken sample → first audio chunk", [v for t in talkers for v in t.spoken]))
    print(figures("  a frame is late by", [v for t in talkers for v in t.lag]))
    print(f"  understood word for word: {right} of {len(heard)} ({100 * right / max(1, len(heard)):.0f} %)")
    seconds = sum(len(talker.lag) for talker in talkers) * FRAME_MS / 1000
    print(f"  processor: {100 * busy / took:.0f} % of one core, {1000 * busy / seconds:.0f} ms/s of sound")


if __name__ == "__main__":
    asyncio.run(main())
