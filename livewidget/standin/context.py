"""What a model has before it when it answers: its instruction, who said what, and the tokens of all that.

As on the service, everything kept is prompt again in every turn, and compression drops the oldest exchanges
whole: the context always begins with the user's words (`contextWindowCompression` on ai.google.dev).

What the tutor sees in a picture: its size, its colour, its light, and whether it changed.

Tokens by the service's published rates, and the counts that end a turn.

What outlives a connection: the talk so far, found again by its resumption handle.

What a session of the stand-in hears, thinks and speaks with.
"""

from __future__ import annotations

import asyncio
import copy
import io
import re
import secrets
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from livewidget.clock import Clock
from livewidget.pictures import tokens_of
from livewidget.protocol.inspect import picture_size
from livewidget.protocol.messages import ModalityTokenCount, UsageMetadata
from livewidget.standin.interfaces import HEARING_RATE, SPEAKING_RATE, Brain, Ears, Mind, Say, Skills, Voice
from livewidget.standin.tutor.patterns import say_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


_LARGEST = 25_000_000  # pixels that are decoded: a picture of few bytes may unfold into gigabytes
_SMALL = 48  # pixels a side, to which a picture is brought before it is looked at
_CHANGED = 0.02  # mean difference between two pictures, of 1, from which they are not the same
_DARK, _LIGHT = 0.3, 0.7  # mean brightness, of 1

QUESTIONS = (
    "what do you see", "what can you see", "can you see this", "do you see me", "what color is it",
    "which color do you see", "has it changed", "has the picture changed", "is it light or dark",
    "how many pictures have you seen",
)  # fmt: skip
_MEANT = (
    ("all", r"(?:tell me )?what (?:can |do )?you (?:can )?see(?: now| here)?"),
    ("all", r"(?:can|do) you see (?:me|this|it|anything)"),
    ("colour", r"(?:what|which) colou?rs? (?:is (?:it|this|that)|do you see|are you seeing)"),
    ("changed", r"(?:has|did) (?:it|this|anything|something|the picture) changed?"),
    ("changed", r"is (?:it|the picture) the same"),
    ("light", r"is (?:it|the picture) (?:light or dark|dark or light|dark|light|bright)"),
    ("count", r"how many (?:pictures|images|frames)(?: have you seen| did you see| have you got)?"),
)  # fmt: skip
_QUESTIONS = tuple((what, re.compile(pattern)) for what, pattern in _MEANT)

_HUES = (
    (15, "red"), (42, "orange"), (70, "yellow"), (160, "green"), (195, "turquoise"), (255, "blue"),
    (315, "purple"), (345, "pink"), (361, "red"),
)  # fmt: skip
"""The names of hues, each up to an angle on the circle of colours."""


def size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels of a JPEG or PNG picture, or None for anything else."""
    width, height = picture_size(data) if data.startswith((b"\x89PNG", b"\xff\xd8")) else (0, 0)
    return (width, height) if width and height else None


@dataclass(frozen=True, slots=True)
class View:
    """A picture as far as the tutor can see.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixels: The picture made small: float32, shape (48, 48, 3), 0 to 1; None where it was not decoded.
    """

    width: int
    height: int
    pixels: NDArray[np.float32] | None

    @property
    def colour(self) -> tuple[str, float]:
        """The name of the colour that most of it has, and how much of it, 0 to 1."""
        assert self.pixels is not None
        names = Counter(map(colour_name, *(self.pixels.reshape(-1, 3).T.tolist())))
        name, count = names.most_common(1)[0]
        return name, count / names.total()

    @property
    def brightness(self) -> float:
        """Its mean brightness, 0 to 1, as an eye weighs the colours."""
        assert self.pixels is not None
        return float((self.pixels @ np.array([0.299, 0.587, 0.114], np.float32)).mean())

    def differs(self, other: View) -> bool:
        """Whether it looks different from another one."""
        if self.pixels is None or other.pixels is None:
            return True
        shape = (self.width, self.height) != (other.width, other.height)
        return shape or float(np.abs(self.pixels - other.pixels).mean()) >= _CHANGED


def colour_name(red: float, green: float, blue: float) -> str:
    """Return the everyday name of a colour; its parts are 0 to 1."""
    most, least = max(red, green, blue), min(red, green, blue)
    spread = most - least
    if most < 0.16:
        return "black"
    if spread < 0.13 * max(most, 0.5):
        return "white" if most > 0.86 else "grey"
    if most == red:
        hue = 60 * ((green - blue) / spread % 6)
    else:
        hue = 60 * ((blue - red) / spread + 2 if most == green else (red - green) / spread + 4)
    name = next(name for upto, name in _HUES if hue < upto)
    if name == "red" and least > 0.45:
        return "pink"
    return "brown" if name == "orange" and most < 0.72 else name


def view(data: bytes) -> View | None:
    """Decode a picture; None where it is none. Takes some milliseconds: run it in a thread."""
    seen = size(data)
    if seen is None:
        return None
    if seen[0] * seen[1] > _LARGEST:
        return View(*seen, None)
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.draft("RGB", (2 * _SMALL, 2 * _SMALL))  # a large JPEG is decoded small
            small = picture.convert("RGB").resize((_SMALL, _SMALL), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return View(*seen, None)
    return View(*seen, np.asarray(small, np.float32) / np.float32(255))


class Sight:
    """Keeps the last two pictures of a session, and looks at them when it is asked."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[bytes] = deque(maxlen=2)

    def look(self, data: bytes) -> None:
        """Take one more picture; it is looked at when somebody asks."""
        self.count += 1
        self._kept.append(data)

    async def answer(self, text: str) -> Say | None:
        """Return what to say to a question about what is seen, or None where `text` is none."""
        asked = " ".join(re.findall(r"[a-z]+", text.lower()))
        what = next((what for what, pattern in _QUESTIONS if pattern.fullmatch(asked)), None)
        if what is None:
            return None
        if not self.count:
            # Without pictures, most of these questions are about something else.
            return Say("I have not been shown a picture.") if what in ("all", "count") else None
        if what == "count":
            return Say(f"I have been shown {say_number(self.count)} picture{'' if self.count == 1 else 's'}.")
        last, *before = [await asyncio.to_thread(view, data) for data in reversed(self._kept)]
        return _said(what, last, before[0] if before else None)


def _said(what: str, last: View | None, before: View | None) -> Say:
    if last is None:
        return Say("I was sent a picture, but of a kind that I cannot read.")
    if last.pixels is None:
        return Say(
            f"I was sent a picture of {last.width} by {last.height} pixels, but I could not look into it."
        )
    name, share = last.colour
    level = last.brightness
    light = "dark" if level < _DARK else "light" if level > _LIGHT else "neither light nor dark"
    tint = f"{'all' if share > 0.95 else 'mostly' if share > 0.5 else 'more than anything else'} {name}"
    changed = (
        "It is my first picture."
        if before is None
        else f"It {'has changed' if last.differs(before) else 'looks the same'} since the picture before."
    )
    answers = {
        "all": f"I see a picture of {last.width} by {last.height} pixels. It is {tint}, and {light}. "
        f"{changed} I am too small a program to tell what is on it.",
        "colour": f"It is {tint}.",
        "light": f"It is {light}.",
        "changed": changed,
    }
    thoughts = (
        f"This is about the last picture: {last.width} by {last.height} pixels.",
        f"Of its {_SMALL} by {_SMALL} parts, {share:.0%} are {name}.",
        f"Its mean brightness is {level:.2f} of 1.",
    )
    return Say(answers[what], thoughts)


AUDIO_PER_SECOND = 25
CHARACTERS_PER_TOKEN = 4  # the service's own rule of thumb for English


def of_text(text: str) -> int:
    """Return the tokens of a text."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def of_sound(samples: int, rate: int) -> int:
    """Return the tokens of so many samples at `rate` Hz."""
    return ceil(samples * AUDIO_PER_SECOND / rate)


def usage_report(prompt: Counter[str], answer: Counter[str], thoughts: int, *, vertex: bool) -> UsageMetadata:
    """Return the counts of a turn, by modality; Vertex AI has names of its own for those of the answer."""
    whole = prompt.total() + answer.total() + thoughts
    if vertex:
        return UsageMetadata(
            prompt_token_count=prompt.total(),
            candidates_token_count=answer.total(),
            thoughts_token_count=thoughts or None,
            total_token_count=whole,
            prompt_tokens_details=_details(prompt),
            candidates_tokens_details=_details(answer),
            traffic_type="ON_DEMAND",
        )
    return UsageMetadata(
        prompt_token_count=prompt.total(),
        response_token_count=answer.total(),
        thoughts_token_count=thoughts or None,
        total_token_count=whole,
        prompt_tokens_details=_details(prompt),
        response_tokens_details=_details(answer),
    )


def _details(counts: Counter[str]) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality=name, token_count=n) for name, n in sorted(counts.items()) if n]


Line = tuple[str, str]
"""Who said what: ("user" or "model", text)."""


@dataclass(slots=True)
class _Exchange:
    """What the user said and what came of it; they go together."""

    lines: list[Line] = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter)


class Context:
    """Keeps what was said, and counts what was heard, shown and said, by modality."""

    def __init__(self) -> None:
        self.instruction = ""
        self._kept: deque[_Exchange] = deque()
        self._now = _Exchange()
        self._answer: Counter[str] = Counter()
        self._thoughts = 0
        self._samples_in = self._samples_out = 0

    # --- Who said what --------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[Line]:
        """Everything that is remembered, oldest first."""
        return [line for exchange in (*self._kept, self._now) for line in exchange.lines]

    def add(self, role: str, text: str) -> None:
        """Remember what somebody said; its tokens are counted by what it was said with.

        The user's words begin a new exchange where the model has spoken in this one.
        """
        if role == "user" and any(who == "model" for who, _ in self._now.lines):
            self._close()
        self._now.lines.append((role, text))

    def write(self, role: str, text: str) -> None:
        """Remember a turn that was written down, and count it."""
        self.add(role, text)
        self._now.tokens["TEXT"] += of_text(text)

    def last(self) -> Line | None:
        """Return what was said last."""
        lines = self._now.lines or (self._kept[-1].lines if self._kept else [])
        return lines[-1] if lines else None

    def take(self) -> Line | None:
        """Forget what was said last, and return it."""
        exchange = self._now if self._now.lines or not self._kept else self._kept[-1]
        return exchange.lines.pop() if exchange.lines else None

    # --- Tokens ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Tokens of all that is kept, this moment."""
        heard = of_sound(self._samples_in, HEARING_RATE)
        kept = sum(exchange.tokens.total() for exchange in self._kept)
        return of_text(self.instruction) + kept + self._now.tokens.total() + heard

    def heard(self, samples: int) -> None:
        """Count sound from the client, in samples of 16 kHz."""
        self._samples_in += samples

    def read(self, text: str) -> None:
        """Count text from the client."""
        self._now.tokens["TEXT"] += of_text(text)

    def saw(self, resolution: str | None) -> None:
        """Count one picture."""
        self._now.tokens["IMAGE"] += tokens_of(resolution)

    def unsee(self) -> None:
        """Count no picture that came since the last turn."""
        del self._now.tokens["IMAGE"]

    def said(self, samples: int) -> None:
        """Count speech that was sent, in samples of 24 kHz."""
        self._samples_out += samples

    def wrote(self, text: str) -> None:
        """Count text that was sent as the answer itself."""
        self._answer["TEXT"] += of_text(text)

    def thought(self, text: str) -> None:
        """Count a thought, whether it was sent or not."""
        self._thoughts += of_text(text)

    def turn(self, *, vertex: bool = False) -> UsageMetadata:
        """Close the turn: return its counts, and keep what was said for the prompt of the next one."""
        self._now.tokens["AUDIO"] += of_sound(self._samples_in, HEARING_RATE)
        self._answer["AUDIO"] += of_sound(self._samples_out, SPEAKING_RATE)
        prompt = Counter({"TEXT": of_text(self.instruction)})
        for exchange in (*self._kept, self._now):
            prompt += exchange.tokens
        usage = usage_report(prompt, self._answer, self._thoughts, vertex=vertex)
        self._now.tokens += self._answer
        self._answer.clear()
        self._samples_in = self._samples_out = self._thoughts = 0
        self._close()
        return usage

    def compress(self, trigger: int, target: int) -> int:
        """Drop the oldest exchanges, down to `target` tokens, if there are more than `trigger`.

        Returns:
            How many were dropped. What is being said now never is.
        """
        dropped = 0
        while self._kept and self.size > (target if dropped else trigger):
            self._kept.popleft()
            dropped += 1
        return dropped

    def _close(self) -> None:
        if self._now.lines or self._now.tokens.total():
            self._kept.append(self._now)
        self._now = _Exchange()


_HANDLES = 1000


@dataclass(slots=True, kw_only=True)
class Memory:
    """One talk.

    Attributes:
        model: The id of the model it is with; the one thing that cannot change when it is resumed.
        mind: Its brain, with whatever that keeps in mind; None until there is one.
        declarations: The functions that mind may call, as it was given them.
        skills: What else it may do.
        context: Its instruction, who said what, and the tokens of that.
        sight: The pictures that were shown last.
    """

    model: str = ""
    mind: Mind | None = None
    declarations: list[dict[str, Any]] = field(default_factory=list)
    skills: Skills = field(default_factory=Skills)
    context: Context = field(default_factory=Context)
    sight: Sight = field(default_factory=Sight)

    def snapshot(self) -> Memory:
        """Return the talk as it is now: what is said from now on does not change it.

        The mind is shared: it may be anything that a user has plugged in.
        """
        return replace(self, context=copy.deepcopy(self.context), sight=copy.deepcopy(self.sight))


class Memories:
    """Memories by handle, each as long as its model's service keeps it; the oldest of a thousand give way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Memory]] = OrderedDict()

    def keep(self, memory: Memory, life_ms: float) -> str:
        """Return a new handle to `memory` as it is now, which holds for `life_ms`."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = (self._clock.now_ms() + life_ms, memory.snapshot())
        while len(self._kept) > _HANDLES:
            self._kept.popitem(last=False)
        return handle

    def find(self, handle: str) -> Memory | None:
        """Return what a handle stands for; None where it is unknown or too old."""
        until, memory = self._kept.get(handle, (0.0, None))
        if memory is None or until < self._clock.now_ms():
            self._kept.pop(handle, None)
            return None
        return memory.snapshot()


@dataclass(frozen=True, slots=True)
class Senses:
    """Shared by all sessions of one stand-in.

    Attributes:
        ears: What listens.
        brain: What thinks.
        voice: What speaks.
        clock: What it goes by.
        memories: Where resumption handles lead.
        own: The tutor's own brain is at work, which looks at pictures and remembers the talk.
        late: What the user said is told when the answer has begun, as the service may do it.
    """

    ears: Ears
    brain: Brain
    voice: Voice
    clock: Clock
    memories: Memories
    own: bool = True
    late: bool = False
