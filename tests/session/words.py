"""Speech whose words can be read from its sound: so that it can be told which were heard, and how often."""

import asyncio

import numpy as np

from livewidget.standin.interfaces import (
    PartialTranscript,
    Phrases,
    Reply,
    SpeechChunk,
    SpeechEnded,
    SpeechStarted,
)

QUIET = bytes(3200)  # 100 ms at 16 kHz
HALF = 1600  # samples of half a word
BASE, STEP = 4000, 20


def levels_of(number: int) -> tuple[int, int]:
    """The samples of both halves. The second is below zero, and tells of the first, so that none fits another."""
    first, second = divmod(number, 100)
    return BASE + STEP * first, -(BASE + STEP * second + first % STEP)


def pieces_of(number: int) -> list[bytes]:
    """The word with that number, below 140,000, as sound: 100 ms for each half, and 100 ms of silence."""
    return [*(np.full(HALF, level, "<i2").tobytes() for level in levels_of(number)), QUIET]


def word(number: int) -> str:
    return f"w{number:04d}"


class Ears:
    """Reads words from sound. A word of which anything is missing is read as "broken".

    Attributes:
        begun: How often somebody was heard to begin to speak, over all connections.
    """

    def __init__(self):
        self.begun = 0

    def session(self, settings, phrases):
        return Hearing(self, settings.silence_ms)


class Hearing:
    def __init__(self, ears, silence_ms):
        self._ears = ears
        self._silence = 16 * silence_ms
        self._at = self._quiet = 0
        self._run: list[int] = []
        self._words: list[str] = []
        self._speaking = False

    def feed(self, pcm16k):
        heard = []
        for sample in np.frombuffer(pcm16k, "<i2")[::100].tolist():  # every hundredth tells enough
            self._at += 100
            heard += self._voice(sample) if sample else self._silent()
        return heard

    def _voice(self, sample):
        self._run.append(sample)
        self._quiet = 0
        if self._speaking:
            return []
        self._speaking = True
        self._ears.begun += 1
        return [SpeechStarted(self._at)]

    def _silent(self):
        self._quiet += 100
        heard = self._word()
        if self._speaking and self._quiet >= self._silence:
            heard += self.flush()
        return heard

    def _word(self):
        run, self._run = self._run, []
        if not run:
            return []
        first, second = run[: HALF // 100], run[HALF // 100 :]
        whole = len(run) == 2 * HALF // 100 and len(set(first)) == len(set(second)) == 1
        number = (first[0] - BASE) // STEP * 100 + (-second[0] - BASE) // STEP if whole else 0
        whole = whole and levels_of(number) == (first[0], second[0])
        self._words.append(word(number) if whole else "broken")
        return [PartialTranscript(" ".join(self._words))]

    def start(self):
        return []

    def end(self):
        return []

    def flush(self):
        heard = self._word()
        if self._speaking:
            heard.append(SpeechEnded(" ".join(self._words), self._at, silent_samples=self._quiet))
        self._speaking, self._words = False, []
        return heard

    def close(self):
        pass


class Brain:
    """Answers each word by one of its own, and remembers what it was asked."""

    def __init__(self):
        self.asked: list[str] = []

    def suggestions(self, declarations, skills):
        return ()

    def session(self, declarations, skills):
        return Mind(self)


class Mind:
    phrases = Phrases()

    def __init__(self, brain):
        self._brain = brain

    async def reply(self, text, *, confident=True):
        self._brain.asked.append(text)
        return Reply(answer_to(text))

    async def result(self, name, result):
        return Reply("")


def answer_to(text: str) -> str:
    return " ".join(f"a{word[1:]}" for word in text.split())


class Voice:
    """300 ms of a tone for each word."""

    async def speak(self, text, voice=None, language=None, mood=None):
        words = text.split(" ")
        for place, spoken in enumerate(words):
            yield SpeechChunk(np.full(7200, 1000, "<i2").tobytes(), spoken + " " * (place + 1 < len(words)))
            await asyncio.sleep(0)
