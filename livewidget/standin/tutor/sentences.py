"""What the ears should listen for: the sentences of everything that a mind understands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice, permutations

from livewidget.standin.seams import Skills
from livewidget.standin.tutor import asides, feelings, pages, programs, shelf
from livewidget.standin.tutor import phrases as known
from livewidget.standin.tutor.declared import Declared
from livewidget.standin.tutor.patterns import Pattern, Slot

COUNT_LIMIT = 20
_PLAIN = 8  # how often a sentence without slots stands in the list
_SLOTTED = 24  # ways to say a pattern with slots
_COMBINATIONS = 300  # of a pattern's choices, up to which each is listened for
_TOGETHER = 3  # functions that are listened for in pairs
_PAIRED = 3  # ways to say each pattern in a pair
_NUMBER = Slot(low=0, high=100)
_SMALL = Slot(low=1, high=20)  # what people try first


def answers() -> list[tuple[str, tuple[str, ...]]]:
    """Return the answers that stand in the table, each with what asks for it."""
    return [*known.SMALL_TALK, *known.QUESTIONS, *known.TYPED]


def own_patterns() -> list[Pattern]:
    """Return the patterns of what the tutor always knows."""
    patterns = [
        Pattern(text, f"answer:{index}") for index, (_, texts) in enumerate(answers()) for text in texts
    ]
    counting = {"to": Slot(low=1, high=COUNT_LIMIT)}
    for intent, texts in known.SPECIAL.items():
        patterns += [Pattern(text, intent, counting if "{to}" in text else {}) for text in texts]
    return patterns


def skilled_patterns(skills: Skills) -> list[Pattern]:
    """Return the patterns that come with what the client declared."""
    rooms = (
        (skills.search, shelf.patterns),
        (skills.code, programs.patterns),
        (skills.pages, pages.patterns),
        (skills.silence, asides.patterns),
        (skills.mood, feelings.patterns),
    )
    return [pattern for wanted, patterns in rooms if wanted for pattern in patterns()]


def suggestions(tools: Sequence[Declared], skills: Skills) -> Iterator[str]:
    """Yield sentences worth trying, those first that show what was declared."""
    for tool in tools:
        if tool.patterns:
            yield tool.patterns[0].sentences(1)[0]
    rooms = (
        (skills.search, shelf.SUGGESTIONS),
        (skills.code, programs.SUGGESTIONS),
        (skills.pages, pages.SUGGESTIONS),
        (skills.reserved, asides.SUGGESTIONS),
        (skills.mood, feelings.SUGGESTIONS),
    )
    for wanted, some in rooms:
        yield from some if wanted else ()
    yield from known.SUGGESTIONS


def sentences(tools: Sequence[Declared], skills: Skills) -> list[str]:
    """Return what to listen for. A sentence that stands there twice is expected twice as often."""
    found: list[str] = [*known.SUGGESTIONS * 4]
    typed = {text for _, texts in known.TYPED for text in texts}
    for pattern in own_patterns():
        if pattern.text not in typed:
            found += pattern.sentences(COUNT_LIMIT if pattern.names else _PLAIN)
    for text in known.ARITHMETIC:
        found += Pattern(text, "sum", {"a": _NUMBER, "b": _NUMBER}).sentences(101)
        found += Pattern(text, "sum", {"a": _SMALL, "b": _SMALL}).sentences(200)
    for pattern in skilled_patterns(skills):
        found += pattern.sentences(_SLOTTED if pattern.names else _PLAIN)
    for tool in tools:
        for pattern in tool.patterns:
            found += pattern.sentences(_SLOTTED if pattern.names else 4)
            # A combination that is not listened for would be heard as its neighbour.
            found += sorted(set(pattern.choices(_COMBINATIONS)).difference(found))
        for key in tool.required:  # the answer to "Which …?"
            if key in tool.slots:
                found += Pattern(f"{{{key}}}", "", tool.slots).sentences(_SLOTTED)
    return found + _together(tools)


def _together(tools: Sequence[Declared]) -> list[str]:
    """Return ways to ask for two functions at once: every way of the one, with some way of the other."""
    ways = [list(dict.fromkeys(_whole(tool))) for tool in tools]
    return [
        f"{one} and {other}"
        for first, second in permutations(list(filter(None, ways))[:_TOGETHER], 2)
        for one, other in islice(zip(cycle(first), cycle(second)), max(len(first), len(second)))
    ]


def _whole(tool: Declared) -> Iterator[str]:
    """Yield ways to ask for a function that leave no question open, each of its choices among them."""
    patterns = [pattern for pattern in tool.patterns if set(tool.required) <= set(pattern.names)]
    for pattern in patterns:
        yield from pattern.sentences(_PAIRED)
    for pattern in sorted(patterns, key=lambda pattern: -len(pattern.text))[:1]:
        yield from pattern.choices(_COMBINATIONS)
