"""What the tutor sees in a picture: its size, its colour, its light, and whether it changed."""

from __future__ import annotations

import asyncio
import io
import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livewidget.protocol.picture_size import picture_size
from livewidget.standin.seams import Say
from livewidget.standin.tutor.numbers import say_number

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
