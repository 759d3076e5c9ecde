"""Translation by phrasebook.

The sentences are in `phrasebook.txt`, which a teacher can extend: each new line is recognized, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from livewidget.standin.interfaces import NoReply, Phrases, Reply, Response, TranslationTarget
from livewidget.standin.tutor import topics
from livewidget.standin.tutor.patterns import (
    Match,
    Pattern,
    PatternTable,
    alternatives,
    read_pattern,
    read_sections,
    smart_transcript,
    tokens,
)

#: The languages of the file's columns, after English.
LANGUAGES = ("es", "fr", "de", "it")

#: The answer to a sentence that is not in the phrasebook, and in English to a language that is not.
UNKNOWN = dict(zip(("en", *LANGUAGES), read_sections("phrasebook.txt")["unknown"][0], strict=True))

#: How often a sentence is listed for the recognizer: with different numbers, and without any. Chosen, as in
#: `brain`.
_SLOTTED = 30
_PLAIN = 8


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """A phrasebook.

    Attributes:
        patterns: What the user may say in English; the intent is the index of the line.
        lines: The translations of each line, by language, with slots in braces.
        values: The translations of a slot's values, by slot, English value and language.
    """

    patterns: tuple[Pattern, ...]
    lines: tuple[Mapping[str, str], ...]
    values: Mapping[str, Mapping[str, Mapping[str, str]]]


@cache
def phrasebook() -> Phrasebook:
    """Return the phrasebook, which is read once; that takes a few milliseconds."""
    return make_phrasebook(read_sections("phrasebook.txt"))


def make_phrasebook(sections: Mapping[str, Sequence[tuple[str, ...]]]) -> Phrasebook:
    """Make a phrasebook of the sections that `phrasebook.txt` describes.

    Raises:
        ValueError: If a line does not have five columns, or names an unknown slot.
    """
    tables: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
    for name, rows in sections.items():
        for row in rows:
            if len(row) != 1 + len(LANGUAGES):
                raise ValueError(f"A line of the phrasebook has {len(row)} columns: {' | '.join(row)}")
        tables[name] = [(row[0], dict(zip(LANGUAGES, row[1:], strict=True))) for row in rows]
    sentences = tables.pop("sentences")
    values = {name: dict(table) for name, table in tables.items()}
    choices = {name: {english: english for english in table} for name, table in values.items()}
    patterns = [
        read_pattern(way, str(index), choices)
        for index, (english, _) in enumerate(sentences)
        for way in alternatives(english)
    ]
    return Phrasebook(tuple(patterns), tuple(line for _, line in sentences), values)


@cache
def sentences() -> tuple[str, ...]:
    """Return the sentences that a recognizer should expect."""
    found: list[str] = [*topics.SUGGESTED["translation"] * 4]
    for pattern in phrasebook().patterns:
        found += pattern.sentences(_SLOTTED if pattern.names else _PLAIN)
        found += sorted(set(pattern.choices(100)).difference(found))
    return tuple(found)


class TranslationDialogue:
    """Translates from English."""

    def __init__(self, translation: TranslationTarget) -> None:
        """Translate into `translation.target`."""
        self._target = translation.target
        self._language = translation.target.lower().replace("_", "-").partition("-")[0]
        self._echo = translation.echo
        self._table = PatternTable(phrasebook().patterns)

    @property
    def phrases(self) -> Phrases:
        """The phrases a recognizer should expect."""
        return Phrases(sentences())

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Translate, or say in the target language that it is not possible."""
        if self._language == "en":
            return Reply(smart_transcript(text), language=self._target) if self._echo else NoReply()
        if self._language not in LANGUAGES:
            return Reply(UNKNOWN["en"], language="en")
        found = self._table.match(tokens(text)) if confident else None
        translation = translated(found, self._language) if found else None
        return Reply(translation or UNKNOWN[self._language], language=self._target)

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Stay silent: a translation calls no functions."""
        return NoReply()


def translated(found: Match, language: str) -> str | None:
    """Return a sentence of the phrasebook in `language`; None if a slot has no value."""
    pattern, sentence = found.pattern, phrasebook().lines[int(found.pattern.intent)][language]
    for name in pattern.names:
        value = found.values.get(name)
        if value is None:
            return None
        slot = pattern.slots[name]
        if slot.choices:
            value = phrasebook().values[name][value][language]
        elif not slot.low <= value <= slot.high:
            return None
        sentence = sentence.replace(f"{{{name}}}", str(value))
    return sentence
