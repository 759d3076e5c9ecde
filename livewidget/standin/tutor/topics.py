"""What the tutor can talk about: small talk, questions, facts, pages, moods, and other people's talk.

The content is in `topics.txt`, which a teacher can extend: each new line is recognized, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from livewidget.standin.interfaces import GroundingSource, Mood, Reply, RequestedPage, SearchGrounding
from livewidget.standin.tutor import computing
from livewidget.standin.tutor.patterns import (
    WORDS,
    Match,
    Pattern,
    Token,
    alternatives,
    listed,
    read_pattern,
    read_sections,
    say_number,
)

_CONTENT = read_sections("topics.txt")


def _column(section: str) -> tuple[str, ...]:
    return tuple(row[0] for row in _CONTENT[section])


def _phrases_of(section: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the first column of a section, each with the phrases of the last."""
    return tuple((row[0], alternatives(row[-1])) for row in _CONTENT[section])


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, the search query for it, the pages that say so, and the questions that it answers."""

    text: str
    query: str
    sources: tuple[GroundingSource, ...]
    phrases: tuple[str, ...]


def _source(page: str) -> GroundingSource:
    title, _, uri = page.strip(" >").partition(" <")
    return GroundingSource(title, uri or f"https://en.wikipedia.org/wiki/{title.replace(' ', '_')}")


ABILITIES, SORRY, SORRY_HINT, ENGLISH_ONLY, FACT_PREFIX, _TONE = (row[1] for row in _CONTENT["itself"])
SUGGESTIONS = _column("suggestions")
#: Sentences worth trying, by the field of `Skills` with which they are.
SUGGESTED = dict(_phrases_of("suggestions with skills"))
JOKES = _column("jokes")
DICTATION = _column("dictation")
#: Answers, each with the phrases that ask for it.
SMALL_TALK = _phrases_of("small talk")
QUESTIONS = _phrases_of("questions")
TYPED = _phrases_of("typed")
#: Intents, each with its phrases.
COMMANDS = dict(_phrases_of("commands"))
FACTS = tuple(
    Fact(text, query, tuple(map(_source, pages.split(";"))), alternatives(phrases))
    for text, query, pages, phrases in _CONTENT["facts"]
)
MOODS = tuple((cast(Mood, mood), text, alternatives(phrases)) for mood, text, phrases in _CONTENT["moods"])
OVERHEARD_PHRASES = _column("overheard")
#: Sums as they are spoken, with numbers from 0 to 100.
ARITHMETIC = tuple(
    f"{asks} {{a}} {operator} {{b}}"
    for asks in ("what is", "how much is")
    for operator in ("plus", "minus", "times", "divided by")
)
#: Addresses by the way they are spoken.
_SPOKEN_PAGES = {row[0]: row[1] for row in _CONTENT["pages"]}
PAGE_PATTERNS = tuple(
    read_pattern(text, "page", {"page": _SPOKEN_PAGES}) for text in _column("page questions")
)

_DOMAINS = "com|org|net|edu|gov|int|info|io|dev|ai|eu|fr|de|es|it|uk|ch|at"
_ADDRESS = re.compile(rf"https?://[^\s<>\"']+|\b(?:[a-z0-9-]+\.)+(?:{_DOMAINS})\b(?:/[^\s<>\"']*)?", re.I)
#: Pages that the service reads for one question, as its guide to URL context says.
_PAGE_LIMIT = 20

_CALLS, _PEOPLE = frozenset(WORDS["calls"]), frozenset(WORDS["people"])

#: What the user may say, by the field of `Skills` with which it is expected.
PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "search": tuple(
        Pattern(text, f"fact:{index}") for index, fact in enumerate(FACTS) for text in fact.phrases
    ),
    "code": computing.PATTERNS,
    "url_context": PAGE_PATTERNS,
    "may_ignore": tuple(Pattern(text, "overheard") for text in OVERHEARD_PHRASES),
    "affective_dialog": tuple(Pattern(text, f"mood:{mood}") for mood, _, texts in MOODS for text in texts),
}


def answer_fact(found: Match) -> Reply | None:
    """Return the fact that was asked for, grounded on its pages; None if it was something else."""
    topic, _, index = found.pattern.intent.partition(":")
    if topic != "fact":
        return None
    fact = FACTS[int(index)]
    thoughts = (
        f"This may be on my shelf: I look for “{fact.query}”.",
        f"It is like “{found.pattern.text}”, by {found.score:.0f} of 100.",
        f"The shelf has {say_number(len(FACTS))} facts; there is no network to search in.",
        f"The page that says so is “{fact.sources[0].title}”.",
    )
    grounding = SearchGrounding((fact.query,), fact.sources, fact.text)
    return Reply(f"{FACT_PREFIX} {fact.text}", thoughts, grounding=grounding)


def answer_mood(found: Match) -> Reply | None:
    """Return the answer to a mood, in its tone; None if it was something else.

    The words alone decide: so small a program does not hear how something is said, and says so.
    """
    for mood, text, _ in MOODS:
        if found.pattern.intent == f"mood:{mood}":
            thoughts = (f"These are the words of a mood: I answer in a {mood} tone.", _TONE)
            return Reply(f"{text} {_TONE}", thoughts, mood=mood)
    return None


def page_addresses(text: str, found: Match | None = None) -> tuple[str, ...]:
    """Return the addresses in typed `text`, or the page that was named by voice, if `found` is about one."""
    addresses = [address.rstrip(".,;:!?)]}'\"") for address in _ADDRESS.findall(text)]
    if not addresses and found and found.pattern.intent == "page" and "page" in found.values:
        addresses = [str(found.values["page"])]
    whole = (one if one.lower().startswith("http") else f"https://{one}" for one in addresses)
    return tuple(dict.fromkeys(whole))[:_PAGE_LIMIT]


def answer_pages(addresses: tuple[str, ...]) -> Reply:
    """Return the answer about pages: without a network, none can be read."""
    hosts = [re.sub(r"^https?://(?:www\.)?|/.*$", "", address, flags=re.I) for address in addresses]
    thoughts = (
        f"{listed(list(addresses))} {'is' if len(addresses) == 1 else 'are'} named.",
        "URL context is declared: I am to read what is named.",
        "This computer's network is not mine to use: nothing can be read.",
    )
    text = f"I could not read {listed(hosts)}: I am a small offline tutor, and have no network."
    return Reply(text, thoughts, pages=tuple(map(RequestedPage, addresses)))


def addressee(utterance: Sequence[Token]) -> str | None:
    """Return the person whose name the user's words begin with: "hey mom, where …" → "mom"."""
    rest = list(utterance)
    while rest and rest[0] in _CALLS:
        rest = rest[1:]
    return str(rest[0]) if rest and rest[0] in _PEOPLE else None
