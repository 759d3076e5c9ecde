"""Phrases with slots: what they look like to the recogniser, and which of them some words mean."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livewidget.standin.tutor.numbers import Number, Token, say_number
from livewidget.standin.tutor.numbers import words as word_list

ACCEPT = 70.0  # of 100: likeness from which words are taken for a phrase
_SLOT = re.compile(r"\{(\w+)\}")
_PLAIN_WORDS = frozenset(word_list("a an the is are of to it me my please for in at and"))
_ASKING_WORDS = frozenset(
    word_list("what which who how when where why tell say does do can you i am make give")
)
_NEGATIONS = frozenset(("not", "never", "no", "don't", "without"))
_POLITE = tuple(
    word_list(phrase)
    for phrase in (
        "please", "could you", "can you", "would you", "will you", "hey tutor", "ok", "okay", "hello tutor",
        "tutor", "now", "so", "well", "um",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand in a slot: a choice (spoken words → value), or without those a number in a range."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    low: int = 0
    high: int = 100

    def samples(self, count: int, chance: random.Random) -> list[str]:
        """Return `count` spoken values that cover the slot as evenly as they can."""
        spoken = list(self.choices) or [say_number(value) for value in range(self.low, self.high + 1)]
        rounds = [chance.sample(spoken, len(spoken)) for _ in range(-(-count // len(spoken)))]
        return [word for some in rounds for word in some][:count]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A phrase that means `intent`; `{name}` in `text` stands for one of `slots`."""

    text: str
    intent: str
    slots: Mapping[str, Slot] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The slots' names in the order of the text."""
        return _SLOT.findall(self.text)

    @property
    def likeness(self) -> str:
        """The text with # for each number and @ for each choice."""
        return _SLOT.sub(lambda slot: "@" if self.slots[str(slot[1])].choices else "#", self.text)

    def sentences(self, count: int, seed: int = 0) -> list[str]:
        """Return `count` ways to say it; without slots there is one, repeated."""
        chance = random.Random(f"{seed} {self.text}")
        values = {name: self.slots[name].samples(count, chance) for name in self.names}
        return [
            "".join(
                values[part][at] if index % 2 else part for index, part in enumerate(_SLOT.split(self.text))
            )
            for at in range(count)
        ]

    def choices(self, most: int) -> list[str]:
        """Return every combination of its choices; none where a slot is a number or there are over `most`."""
        slots = [self.slots[name].choices for name in self.names]
        if not all(slots) or math.prod(map(len, slots)) > most:
            return []
        parts = _SLOT.split(self.text)
        combinations = itertools.product(*slots)
        return [
            "".join(itertools.chain(*zip(parts[::2], [*words, ""], strict=True))) for words in combinations
        ]


@dataclass(frozen=True, slots=True)
class Match:
    """Some words mean `pattern`. Slots for which nothing was said are missing in `values`."""

    pattern: Pattern
    values: Mapping[str, Any]
    score: float


class Table:
    """All that a mind listens for."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = tuple({(p.text, p.intent): p for p in patterns}.values())
        self._choices = sorted(
            {spoken for pattern in patterns for slot in pattern.slots.values() for spoken in slot.choices},
            key=lambda spoken: -len(spoken.split()),
        )
        self._with_choice = [p for p in self._patterns if "@" in p.likeness]
        self._without = [p for p in self._patterns if "@" not in p.likeness]

    def match(self, said: Sequence[Token]) -> Match | None:
        """Return the pattern that `said` means, if any."""
        found: list[tuple[float, Pattern, list[Token]]] = []
        # Both as said and without politeness: "can you" belongs to "can you hear me".
        for variant in dict.fromkeys((tuple(said), tuple(strip_politeness(said)))):
            words = list(variant)
            for patterns, likeness in (
                (self._without, _likeness(words)),
                (self._with_choice, self._replace_choices(words)),
            ):
                found += [(score, pattern, words) for score, pattern in _nearest(likeness, patterns)]
        for score, pattern, words in sorted(found, key=lambda candidate: -candidate[0]):
            if _holds(pattern, words):
                return Match(pattern, _bind(pattern, words), score)
        return None

    def _replace_choices(self, words: Sequence[Token]) -> str:
        text = f" {_likeness(words)} "
        for spoken in self._choices:
            text = text.replace(f" {spoken} ", " @ ")
        return text.strip()


def strip_politeness(said: Sequence[Token]) -> list[Token]:
    """Return the words without what is said around a request; all of them where nothing else is left."""
    words, before = list(said), None
    while words != before:
        before = words
        for polite in _POLITE:
            count = len(polite)
            if tuple(words[:count]) == polite and len(words) > count:
                words = words[count:]
            if tuple(words[-count:]) == polite and len(words) > count:
                words = words[:-count]
    return words


def find_choice(slot: Slot, words: Sequence[Token]) -> str | None:
    """Return the slot's choice that is said first, the longest of several; None if there is none."""
    text = f" {_likeness(words, '0')} "
    said = [(text.find(f" {spoken} "), -len(spoken), spoken) for spoken in slot.choices]
    return min(((at, size, spoken) for at, size, spoken in said if at >= 0), default=(0, 0, None))[2]


def _likeness(words: Sequence[Token], number: str = "#") -> str:
    return " ".join(word if isinstance(word, str) else number for word in words)


def _nearest(likeness: str, patterns: Sequence[Pattern]) -> Iterator[tuple[float, Pattern]]:
    from rapidfuzz import fuzz, process

    ranked = process.extract(
        likeness, [p.likeness for p in patterns], scorer=fuzz.ratio, score_cutoff=ACCEPT, limit=12
    )
    for _, score, index in ranked:
        yield score, patterns[index]


def _holds(pattern: Pattern, words: Sequence[Token]) -> bool:
    """Tell whether the words that carry the pattern's meaning were said, and none that turns it round.

    Likeness of letters alone takes Peru for France and "do not turn on" for "turn on".
    """
    from rapidfuzz import fuzz

    said = {word for word in words if isinstance(word, str)}
    wanted = [word for word in pattern.text.split() if not word.startswith("{")]
    if (said & _NEGATIONS) - set(wanted):
        return False
    numbers = sum(not isinstance(word, str) for word in words)
    if numbers < pattern.likeness.count("#") and not pattern.likeness.count("@"):
        return False
    total = missing = 0
    for word in wanted:
        if word in _PLAIN_WORDS:
            continue
        weight = 1 if word in _ASKING_WORDS else 3
        total += weight
        near = word in said or (len(word) > 3 and any(fuzz.ratio(word, other) >= 80 for other in said))
        missing += 0 if near else weight
    return missing * 4 <= total


def _bind(pattern: Pattern, words: Sequence[Token]) -> dict[str, Any]:
    numbers: list[Number] = [word for word in words if not isinstance(word, str)]
    rest = list(words)
    values: dict[str, Any] = {}
    for name in pattern.names:
        slot = pattern.slots[name]
        if not slot.choices:
            if numbers:
                values[name] = numbers.pop(0)
            continue
        spoken = find_choice(slot, rest)
        if spoken is not None:
            values[name] = slot.choices[spoken]
            rest = _without(rest, spoken.split())
    return values


def _without(words: list[Token], part: list[str]) -> list[Token]:
    for at in range(len(words) - len(part) + 1):
        if words[at : at + len(part)] == part:
            return [*words[:at], "", *words[at + len(part) :]]  # the gap keeps words apart that were
    return words
