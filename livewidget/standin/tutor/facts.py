"""The tutor's shelf: a few facts with the pages that say so, in the place of a web search.

It has no network. What it says of a fact stands here, and the pages are those where a person can check it.
"""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.standin.interfaces import GroundingSource, Reply, SearchGrounding
from livewidget.standin.tutor.patterns import Match, Pattern, say_number

HONESTLY = "From my small shelf, not from the web:"

_WIKIPEDIA = "https://en.wikipedia.org/wiki/"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something worth knowing: what it says, what one would search for, who says so, how one asks."""

    text: str
    query: str
    sources: tuple[GroundingSource, ...]
    phrases: tuple[str, ...]


def _wiki(title: str) -> GroundingSource:
    return GroundingSource(title, _WIKIPEDIA + title.replace(" ", "_"))


FACTS: tuple[Fact, ...] = (
    Fact(
        "The Eiffel Tower in Paris was finished in 1889 and is 330 metres high.",
        "eiffel tower built",
        (
            _wiki("Eiffel Tower"),
            GroundingSource("Tour Eiffel", "https://www.toureiffel.paris/en/the-monument"),
        ),
        ("when was the eiffel tower built", "how high is the eiffel tower"),
    ),
    Fact(
        "Leonardo da Vinci painted the Mona Lisa. It hangs in the Louvre in Paris.",
        "mona lisa painter",
        (_wiki("Mona Lisa"),),
        ("who painted the mona lisa",),
    ),
    Fact(
        "Alexander Graham Bell was given the first patent on a telephone, in 1876.",
        "telephone inventor",
        (_wiki("Alexander Graham Bell"),),
        ("who invented the telephone",),
    ),
    Fact(
        "Apollo 11 brought the first people to the Moon, on 20 July 1969.",
        "first moon landing",
        (GroundingSource("Apollo 11", "https://www.nasa.gov/mission/apollo-11/"), _wiki("Apollo 11")),
        ("who was first on the moon", "when did people land on the moon"),
    ),
    Fact(
        "Light travels 299792458 metres in a second.",
        "speed of light",
        (_wiki("Speed of light"),),
        ("what is the speed of light", "how fast is light"),
    ),
    Fact(
        "The Moon is about 384400 kilometres away from the Earth.",
        "distance to the moon",
        (_wiki("Lunar distance"),),
        ("how far away is the moon",),
    ),
    Fact(
        "Guido van Rossum began Python, and published it first in 1991.",
        "python creator",
        (_wiki("Python (programming language)"), GroundingSource("Python", "https://www.python.org/")),
        ("who invented python", "who made the language python"),
    ),
    Fact(
        "Project Jupyter makes free software for computing with notebooks. It grew out of IPython in 2014.",
        "project jupyter",
        (GroundingSource("Project Jupyter", "https://jupyter.org/about"),),
        ("what is project jupyter",),
    ),
    Fact(
        "Tim Berners-Lee invented the World Wide Web in 1989 at CERN.",
        "world wide web inventor",
        (GroundingSource("The birth of the Web", "https://home.cern/science/computing/birth-web"),),
        ("who invented the world wide web", "where was the web invented"),
    ),
    Fact(
        "A WebSocket is a connection on which both sides may send at any time; RFC 6455 says how.",
        "websocket protocol",
        (GroundingSource("RFC 6455: The WebSocket Protocol", "https://www.rfc-editor.org/rfc/rfc6455"),),
        ("what is a web socket",),
    ),
    Fact(
        "With the Live API one talks with a Gemini model by voice and video, over a WebSocket.",
        "gemini live api",
        (GroundingSource("Live API", "https://ai.google.dev/gemini-api/docs/live"),),
        ("what is the live api",),
    ),
    Fact(
        "Alexander Fleming discovered penicillin in 1928.",
        "penicillin discovery",
        (_wiki("Penicillin"),),
        ("who discovered penicillin",),
    ),
    Fact(
        "Marie Curie was given two Nobel Prizes: in physics in 1903, and in chemistry in 1911.",
        "marie curie nobel prizes",
        (
            GroundingSource(
                "Marie Curie", "https://www.nobelprize.org/prizes/physics/1903/marie-curie/biographical/"
            ),
        ),
        ("how many nobel prizes did marie curie win", "who was marie curie"),
    ),
    Fact(
        "The Berlin Wall was opened on 9 November 1989.",
        "fall of the berlin wall",
        (_wiki("Berlin Wall"),),
        ("when did the berlin wall fall",),
    ),
    Fact(
        "The Titanic sank on 15 April 1912, on its first voyage.",
        "titanic sinking",
        (_wiki("Titanic"),),
        ("when did the titanic sink",),
    ),
    Fact(
        "Lake Baikal in Siberia is the deepest lake: more than 1600 metres.",
        "deepest lake",
        (_wiki("Lake Baikal"),),
        ("what is the deepest lake", "which lake is the deepest"),
    ),
    Fact(
        "The Sahara is the largest hot desert.",
        "largest hot desert",
        (_wiki("Sahara"),),
        ("what is the largest desert",),
    ),
    Fact(
        "An adult has 206 bones.",
        "bones human body",
        (_wiki("List of bones of the human skeleton"),),
        ("how many bones does a person have",),
    ),
    Fact(
        "Wolfgang Amadeus Mozart was born in Salzburg in 1756.",
        "mozart birthplace",
        (_wiki("Wolfgang Amadeus Mozart"),),
        ("where was mozart born", "when was mozart born"),
    ),
)

SUGGESTIONS = ("when was the eiffel tower built", "who invented python")
_INTENT = "shelf:"


def patterns() -> list[Pattern]:
    """Return what asks for a fact."""
    return [Pattern(text, f"{_INTENT}{index}") for index, fact in enumerate(FACTS) for text in fact.phrases]


def answer(found: Match) -> Reply | None:
    """Return the fact that was asked for, with its sources; None where something else was meant."""
    if not found.pattern.intent.startswith(_INTENT):
        return None
    fact = FACTS[int(found.pattern.intent.removeprefix(_INTENT))]
    thoughts = (
        f"This may be on my shelf: I look for “{fact.query}”.",
        f"It is like “{found.pattern.text}”, by {found.score:.0f} of 100.",
        f"The shelf has {say_number(len(FACTS))} facts; there is no network to search in.",
        f"The page that says so is “{fact.sources[0].title}”.",
    )
    grounding = SearchGrounding((fact.query,), fact.sources, fact.text)
    return Reply(f"{HONESTLY} {fact.text}", thoughts, grounding=grounding)
