"""Words that are meant for somebody else in the room: what a tutor with proactive audio does not answer."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.standin.tutor.numbers import Token, words
from livewidget.standin.tutor.patterns import Pattern

PHRASES = (
    "hey mom where are my shoes",
    "hey dad can you help me",
    "just a moment please",
    "i am on the phone",
    "i will call you back",
    "i am not talking to you",
    "i am coming mom",
    "dinner is ready",
)
INTENT = "aside"
SUGGESTIONS = ("hey mom where are my shoes",)

_CALLS = frozenset(words("hey hi hello ok okay sorry yes no wait look listen excuse me oh well"))
_PEOPLE = frozenset(
    words(
        "mom mum mommy mummy mother dad daddy father grandma grandpa granny honey darling sweetheart "
        "everybody everyone guys kids children boys girls alexa siri john mary anna peter maria thomas"
    )
)


def patterns() -> list[Pattern]:
    """Return what to listen for."""
    return [Pattern(text, INTENT) for text in PHRASES]


def addressee(said: Sequence[Token]) -> str | None:
    """Return to whom one speaks who begins with somebody's name: "hey mom, where …" → "mom"."""
    rest = list(said)
    while rest and rest[0] in _CALLS:
        rest = rest[1:]
    return str(rest[0]) if rest and rest[0] in _PEOPLE else None
