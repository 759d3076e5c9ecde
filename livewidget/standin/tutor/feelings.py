"""What one says of one's own mood: with affective dialog, the tutor answers it in another tone.

It goes by the words alone: a program as small as this does not hear how something is said, and says so.
"""

from __future__ import annotations

from livewidget.standin.seams import Mood, Say
from livewidget.standin.tutor.patterns import Match, Pattern

_HONESTLY = "I go by your words: your tone of voice is too much for me."

FEELINGS: tuple[tuple[Mood, str, tuple[str, ...]], ...] = (
    (
        "gentle",
        "I am sorry to hear that. Take your time.",
        ("i am very sad", "i had a bad day today", "i am so tired today", "nothing works today"),
    ),
    (
        "bright",
        "That is wonderful! I am glad with you.",
        ("i am so happy today", "i have good news", "i passed my examination", "we won the game"),
    ),
)
"""A mood, what is answered to it, and what says it."""

SUGGESTIONS = ("i had a bad day today", "i have good news")
_INTENT = "feeling:"


def patterns() -> list[Pattern]:
    """Return what says a mood."""
    return [Pattern(text, f"{_INTENT}{mood}") for mood, _, texts in FEELINGS for text in texts]


def answer(found: Match) -> Say | None:
    """Return the answer to a mood, in its tone; None where none was said."""
    for mood, text, _ in FEELINGS:
        if found.pattern.intent == f"{_INTENT}{mood}":
            thoughts = (f"These are the words of a mood: I answer in a {mood} tone.", _HONESTLY)
            return Say(f"{text} {_HONESTLY}", thoughts, mood=mood)
    return None
