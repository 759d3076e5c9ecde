"""Questions about the session itself: what was said before, what the instruction is, what the pictures show.

Everything is answered from the context, so that one notices what a model forgets: what compression dropped,
what was lost with a connection that was not resumed, and what a new instruction replaced.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livewidget.protocol.inspect import picture_size
from livewidget.standin.context import Context, RecentPictures
from livewidget.standin.interfaces import Reply
from livewidget.standin.tutor.patterns import read_sections, say_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CONTENT = read_sections("topics.txt")
#: Phrases to expect.
PHRASES = (
    *(phrase for (phrase,) in _CONTENT["session"]),
    *(f"my name is {name}" for (name,) in _CONTENT["names"]),
)
#: Phrases to expect of a model that sees.
PICTURE_PHRASES = tuple(phrase for (phrase,) in _CONTENT["pictures"])

_Questions = tuple[tuple[str, re.Pattern[str]], ...]


def _compile(*questions: tuple[str, str]) -> _Questions:
    """Compile questions when the module is imported, so that the first answer does not wait for it."""
    return tuple((topic, re.compile(pattern)) for topic, pattern in questions)


_INTRODUCED = re.compile(r"\W*(?:(?:hello|hi|hey)\W+)?my name is (?P<name>[\w’' -]{1,40}?)\W*", re.IGNORECASE)
_CALLED = re.compile(
    r"\b(?i:you are called|your name is|call yourself)\s+(?P<name>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)?)"
)
_QUESTIONS = _compile(
    ("name", r"(?:do you (?:remember|know) )?what's my name|do you (?:remember|know) my name|who am i"),
    ("first", r"what (?:did i (?:ask|say)(?: you)? first|was my first question)"),
    ("before", r"what (?:did i (?:just )?(?:ask|say|tell)(?: you)?(?: before)?|was my last question)"),
    ("instruction", r"what(?: are|'s) your instructions?|what were you told(?: to do| to be)?"),
    ("self", r"what's your name|who are you"),
)
_PICTURE_QUESTIONS = _compile(
    ("all", r"(?:tell me )?what (?:can |do )?you (?:can )?see(?: now| here)?"),
    ("all", r"(?:can|do) you see (?:me|this|it|anything)"),
    ("colour", r"(?:what|which) colou?rs? (?:is (?:it|this|that)|do you see|are you seeing)"),
    ("changed", r"(?:has|did) (?:it|this|anything|something|the picture) changed?"),
    ("changed", r"is (?:it|the picture) the same"),
    ("light", r"is (?:it|the picture) (?:light or dark|dark or light|dark|light|bright)"),
    ("count", r"how many (?:pictures|images|frames)(?: have you seen| did you see| have you got)?"),
)
_CANCEL = re.compile(
    r"(?:please )?(?:never mind|(?:cancel|forget|stop) (?:that|it|this|the (?:call|tool|function)))"
)

#: Characters of an instruction that are read aloud. Chosen: some 15 seconds of speech.
_INSTRUCTION_LIMIT = 200
#: Pixels that are decoded at most: a picture of few bytes may unfold into gigabytes. Chosen: more than a
#: camera's.
_PIXEL_LIMIT = 25_000_000
#: Side in pixels to which a picture is scaled down. Chosen: enough for colours, and cheap.
_SIDE = 48
#: Mean difference between two pictures, of 1, from which one has changed. Chosen: above a camera's noise.
_CHANGED = 0.02
#: Mean brightness, of 1, below which a picture is dark and above which it is light. Chosen.
_DARK, _LIGHT = 0.3, 0.7
#: Names of hues, each up to an angle in degrees on the colour circle. Chosen by eye.
_HUES = (
    (15, "red"), (42, "orange"), (70, "yellow"), (160, "green"), (195, "turquoise"), (255, "blue"),
    (315, "purple"), (345, "pink"), (361, "red"),
)  # fmt: skip


def answer(text: str, context: Context) -> Reply | None:
    """Answer a question about what was said; return None for any other.

    Args:
        text: The question; already the last line of `context`.
        context: What is remembered.
    """
    introduced = _INTRODUCED.fullmatch(text)
    if introduced:
        return Reply(f"Nice to meet you, {_name(introduced)}.", ("I will remember this name.",))
    words = re.findall(r"[a-z']+", text.lower().replace("’", "'"))
    topic = _topic(" ".join(words).replace("what is", "what's"), _QUESTIONS)
    earlier = [line for role, line in context.lines if role == "user"][:-1]
    if topic == "name":
        names = [_name(found) for line in earlier if (found := _INTRODUCED.fullmatch(line))]
        text = f"Your name is {names[-1]}." if names else "I do not know your name: you have not told me."
    elif topic == "instruction":
        text = _instruction(context.instruction)
    elif topic == "self":
        called = _CALLED.search(context.instruction)
        if called is None:
            return None
        text = f"My name is {called['name']}. I am still a small offline tutor."
    elif topic is None:
        return None
    elif not earlier:
        text = "I remember nothing that you said before."
    else:
        which, line = ("first", earlier[0]) if topic == "first" else ("last", earlier[-1])
        text = f"The {which} thing that I remember from you is: {line}"
    return Reply(text, (f"This is about our talk: I remember {len(context.lines) - 1} lines of it.",))


def cancels(text: str) -> bool:
    """Return whether the user calls off what is being waited for."""
    return _CANCEL.fullmatch(" ".join(re.findall(r"[a-z]+", text.lower()))) is not None


def _topic(text: str, questions: _Questions) -> str | None:
    return next((topic for topic, pattern in questions if pattern.fullmatch(text)), None)


def _name(found: re.Match[str]) -> str:
    name = found["name"].strip()
    return name.title() if name.islower() else name


def _instruction(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        return "I was given no instruction."
    if len(words) > _INSTRUCTION_LIMIT:
        words = words[:_INSTRUCTION_LIMIT].rsplit(" ", 1)[0] + " …"
    return f"My instruction is: {words}"


async def answer_about_pictures(text: str, pictures: RecentPictures) -> Reply | None:
    """Answer a question about the pictures that were shown; return None for any other."""
    topic = _topic(" ".join(re.findall(r"[a-z]+", text.lower())), _PICTURE_QUESTIONS)
    if topic is None:
        return None
    if not pictures.count:
        # Without pictures, most of these questions are about something else.
        return Reply("I have not been shown a picture.") if topic in ("all", "count") else None
    if topic == "count":
        plural = "" if pictures.count == 1 else "s"
        return Reply(f"I have been shown {say_number(pictures.count)} picture{plural}.")
    last, *before = [await asyncio.to_thread(decode, data) for data in reversed(pictures.kept)]
    return _describe(topic, last, before[0] if before else None)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """What the tutor sees of a picture.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixels: The picture scaled down: float32, shape (48, 48, 3), 0 to 1; None if it was not decoded.
    """

    width: int
    height: int
    pixels: NDArray[np.float32] | None

    @property
    def colour(self) -> tuple[str, float]:
        """The most frequent colour name, and its share of the picture, 0 to 1."""
        assert self.pixels is not None
        names = Counter(map(colour_name, *(self.pixels.reshape(-1, 3).T.tolist())))
        name, count = names.most_common(1)[0]
        return name, count / names.total()

    @property
    def brightness(self) -> float:
        """Mean luma (ITU-R BT.601), 0 to 1."""
        assert self.pixels is not None
        return float((self.pixels @ np.array([0.299, 0.587, 0.114], np.float32)).mean())

    def differs(self, other: DecodedPicture) -> bool:
        """Return whether it looks different from another picture."""
        if self.pixels is None or other.pixels is None:
            return True
        shape = (self.width, self.height) != (other.width, other.height)
        return shape or float(np.abs(self.pixels - other.pixels).mean()) >= _CHANGED


def image_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels of a JPEG or PNG; None for anything else."""
    width, height = picture_size(data) if data.startswith((b"\x89PNG", b"\xff\xd8")) else (0, 0)
    return (width, height) if width and height else None


def decode(data: bytes) -> DecodedPicture | None:
    """Decode a picture; None if it is not one. Takes some milliseconds: run it in a thread."""
    size = image_size(data)
    if size is None:
        return None
    if size[0] * size[1] > _PIXEL_LIMIT:
        return DecodedPicture(*size, None)
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            picture.draft("RGB", (2 * _SIDE, 2 * _SIDE))  # a large JPEG is decoded at reduced size
            small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return DecodedPicture(*size, None)
    return DecodedPicture(*size, np.asarray(small, np.float32) / np.float32(255))


def colour_name(red: float, green: float, blue: float) -> str:
    """Return the everyday name of a colour; its components are 0 to 1."""
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


def _describe(topic: str, last: DecodedPicture | None, before: DecodedPicture | None) -> Reply:
    if last is None:
        return Reply("I was sent a picture, but of a kind that I cannot read.")
    size = f"{last.width} by {last.height} pixels"
    if last.pixels is None:
        return Reply(f"I was sent a picture of {size}, but I could not look into it.")
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
        "all": f"I see a picture of {size}. It is {tint}, and {light}. "
        f"{changed} I am too small a program to tell what is on it.",
        "colour": f"It is {tint}.",
        "light": f"It is {light}.",
        "changed": changed,
    }
    thoughts = (
        f"This is about the last picture: {size}.",
        f"Of its {_SIDE} by {_SIDE} parts, {share:.0%} are {name}.",
        f"Its mean brightness is {level:.2f} of 1.",
    )
    return Reply(answers[topic], thoughts)
