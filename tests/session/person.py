"""A person who talks with the stand-in for minutes, in moments; session and stand-in wait by one clock."""

import asyncio
import random
from dataclasses import dataclass, field

from livewidget.clock import ManualClock
from livewidget.config import LiveConfig
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from livewidget.turns import Floor

from .words import QUIET, Brain, Ears, Voice, answer_to, pieces_of, word

STEP_MS = 100


async def settle():
    for _ in range(25):
        await asyncio.sleep(0)


@dataclass
class Person:
    """Speaks, types and is silent, by a plan that is the same every time.

    Attributes:
        until_s: When the talk ends; nothing new is said shortly before.
        speeches: When the person begins to speak at length, in seconds, and how many words.
        said: What was said or typed, whole, in order.
    """

    session: LiveSession
    clock: ManualClock
    until_s: float
    speeches: dict[int, int]
    seed: int
    said: list[str] = field(default_factory=list)

    def __post_init__(self):
        self._dice = random.Random(self.seed)
        self._numbers = iter(range(1, 10_000))
        self._sound: list[bytes] = []
        self._waits_ms = 1000.0
        self._speeches = dict(self.speeches)

    async def step(self):
        """100 ms of this person's life: the microphone is on all the time."""
        if not self._sound:
            await self._think()
        await self.session.send_audio(self._sound.pop(0) if self._sound else QUIET)

    async def _think(self):
        now_s = self.clock.now_ms() / 1000
        begin = next(iter(self._speeches), None)
        if begin is not None and now_s >= begin:
            self._speak(self._speeches.pop(begin))
            return
        if begin is not None and now_s >= begin - 25:
            return  # wait for it
        if self.session.floor is not Floor.LISTENING:
            self._waits_ms = self._dice.choice([300.0, 1500.0, 4000.0, 20_000.0])
            return
        self._waits_ms -= STEP_MS
        if self._waits_ms > 0 or now_s > self.until_s - 20:
            return
        self._waits_ms = 5000.0
        if self._dice.random() < 0.25:
            text = " ".join(word(next(self._numbers)) for _ in range(self._dice.randint(1, 8)))
            self.said.append(text)
            await self.session.send_text(text)
        else:
            self._speak(self._dice.randint(1, 12))

    def _speak(self, count):
        numbers = [next(self._numbers) for _ in range(count)]
        self.said.append(" ".join(map(word, numbers)))
        self._sound = [piece for number in numbers for piece in pieces_of(number)]
        self._waits_ms = 5000.0


@dataclass
class Record:
    """What is left of the talk."""

    session: LiveSession
    brain: Brain
    said: list[str]
    events: list
    remembered: list = field(default_factory=list)

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


async def talk(
    minutes, reconnect, *, speeches=None, seed=7, disturb=lambda standin, now_ms: None, resumption=True
) -> Record:
    """Let a person talk for so long; `disturb` is called every 100 ms."""
    clock, brain, events = ManualClock(), Brain(), []
    standin = StandIn(ears=Ears(), brain=brain, voice=Voice(), clock=clock)
    compression = {"trigger_tokens": 6000, "target_tokens": 3000}
    config = LiveConfig.from_kwargs(compression=compression, resumption=resumption)
    session = LiveSession(standin, config, reconnect=reconnect, clock=clock)
    session.subscribe(events.append)
    person = Person(session, clock, minutes * 60, speeches or {}, seed)
    async with session:
        while clock.now_ms() < minutes * 60_000 and session.is_open:
            await person.step()
            disturb(standin, clock.now_ms())
            clock.advance(STEP_MS)
            await settle()
        record = Record(session, brain, person.said, events)
        if session.is_open and session.handle:
            record.remembered = standin._resumptions.find(session.handle).context.lines
    return record


def words(texts):
    return " ".join(texts).split()


def transcript(said):
    """What the whole talk should be, turn by turn."""
    return [turn for text in said for turn in (("user", text), ("model", answer_to(text)))]
