"""What the tutor can talk about, as data: small talk, questions, facts, pages, moods, other people's talk.

Phrases are lower case, without punctuation, numbers as words: the spelling of the recognizer. Two phrases
that sound alike must have the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from livewidget.standin.interfaces import GroundingSource, Mood, Reply, RequestedPage, SearchGrounding
from livewidget.standin.tutor import computing
from livewidget.standin.tutor.patterns import Match, Pattern, Slot, Token, listed, say_number, words

#: What a person could say to begin with.
SUGGESTIONS = (
    "what is seven plus five",
    "what time is it",
    "what can you do",
    "tell me a story",
    "what is the capital of france",
)

GREETING = (
    "Hello! I am the small offline tutor, not Gemini: a little program on this computer. "
    "Ask me, for example, what is seven plus five."
)

ABILITIES = (
    "I am a small offline tutor and know a few things: sums with numbers up to one hundred, the time and the "
    "date, some questions about the world, counting, a joke and a story."
)

SORRY = "Sorry, I did not understand that. I am a small offline tutor."
SORRY_HINT = "You can say: {suggestion}. Or ask: what can you do?"

ENGLISH_ONLY = "I speak English only."

STORY = (
    "Once upon a time a small robot lived in an old library. Every night it read one book aloud, "
    "although nobody was there to listen. One winter evening a mouse came in from the snow and sat "
    "down beside it. The robot read slowly, and the mouse fell asleep at the happy end. From that "
    "night on, the robot always read to somebody."
)

JOKES = (
    "Why was six afraid of seven? Because seven eight nine.",
    "What do you call a bear with no teeth? A gummy bear.",
    "Why did the computer go to the doctor? It had a virus.",
)

#: Answers, each with the phrases that ask for it.
SMALL_TALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    (GREETING, ("hello", "hello tutor", "good morning")),
    (
        "I am the small offline tutor, a program on this computer, not Gemini and not a language model.",
        ("who are you", "what is your name", "are you gemini", "are you a computer"),
    ),
    ("You are welcome.", ("thank you", "thank you very much", "thanks a lot")),
    ("I am fine, thank you. Shall we do some sums?", ("how are you", "how are you today")),
    ("Goodbye! It was nice to talk with you.", ("see you tomorrow", "goodbye for now")),
    ("All right, I am quiet.", ("stop talking", "be quiet please")),
    ("Yes, I can hear you well.", ("can you hear me", "do you hear me")),
    (STORY, ("tell me a story", "please tell me a story", "read me a story")),
)

#: Intents whose answers are made when asked, each with its phrases.
SPECIAL: dict[str, tuple[str, ...]] = {
    "abilities": ("what can you do", "help me please", "what can i say"),
    "time": ("what time is it", "what is the time", "tell me the time"),
    "date": ("what is the date today", "what day is it today"),
    "repeat": ("say that again please", "can you repeat that", "please repeat that"),
    "joke": ("tell me a joke", "do you know a joke", "make me laugh"),
    "count": ("count to {to}", "please count to {to}", "count from one to {to}"),
}

#: Small talk that is understood when typed. Spoken, words so short are heard where nobody said them.
TYPED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (GREETING, ("hi", "hey", "hello there", "hi there", "good afternoon", "good evening")),
    ("You are welcome.", ("thanks", "thank you so much")),
    ("Goodbye! It was nice to talk with you.", ("bye", "bye bye", "goodbye", "good night")),
    ("All right, I am quiet.", ("stop", "quiet", "be quiet")),
    ("All right.", ("yes", "no", "ok", "okay", "good", "great")),
)

#: General knowledge for a classroom: answers, each with the phrases that ask for it.
QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The capital of France is Paris.", ("what is the capital of france",)),
    ("The capital of Japan is Tokyo.", ("what is the capital of japan",)),
    ("The capital of Brazil is Brasília.", ("what is the capital of brazil",)),
    ("There are seven continents.", ("how many continents are there",)),
    ("Eight planets go round the sun.", ("how many planets are there", "how many planets go round the sun")),
    ("Jupiter is the largest planet.", ("what is the largest planet", "which planet is the largest")),
    ("The highest mountain is Mount Everest.", ("what is the highest mountain",)),
    ("The Pacific is the largest ocean.", ("what is the largest ocean",)),
    ("A spider has eight legs.", ("how many legs does a spider have",)),
    ("The blue whale is the largest animal.", ("what is the largest animal",)),
    ("A year has twelve months.", ("how many months are in a year",)),
    (
        "Water boils at one hundred degrees Celsius.",
        ("when does water boil", "at what temperature does water boil"),
    ),
    ("Because the air scatters blue light more than red light.", ("why is the sky blue",)),
    ("Plants make sugar from light, water and air. That is photosynthesis.", ("what is photosynthesis",)),
    ("William Shakespeare wrote Romeo and Juliet.", ("who wrote romeo and juliet",)),
    ("A triangle has three sides.", ("how many sides does a triangle have",)),
    ("The Earth goes round the sun, once in a year.", ("what goes round the sun",)),
)

#: Sums as they are spoken, with numbers from 0 to 100.
ARITHMETIC = tuple(
    f"{asks} {{a}} {operator} {{b}}"
    for asks in ("what is", "how much is")
    for operator in ("plus", "minus", "times", "divided by")
)

_WIKIPEDIA = "https://en.wikipedia.org/wiki/"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact, the search query for it, the pages that say so, and the questions that it answers."""

    text: str
    query: str
    sources: tuple[GroundingSource, ...]
    phrases: tuple[str, ...]


def _wiki(title: str) -> GroundingSource:
    return GroundingSource(title, _WIKIPEDIA + title.replace(" ", "_"))


FACT_PREFIX = "From my small shelf, not from the web:"
#: In place of a web search. A person can check each fact on its pages.
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

#: Pages that can be named by voice.
_SPOKEN_PAGES = {
    "example dot com": "https://example.com",
    "python dot org": "https://www.python.org",
    "wikipedia dot org": "https://www.wikipedia.org",
    "jupyter dot org": "https://jupyter.org",
}
PAGE_PATTERNS = tuple(
    Pattern(text, "page", {"page": Slot(_SPOKEN_PAGES)})
    for text in ("read {page}", "what does {page} say", "what is on {page}", "summarize {page}")
)
_DOMAINS = "com|org|net|edu|gov|int|info|io|dev|ai|eu|fr|de|es|it|uk|ch|at"
_ADDRESS = re.compile(rf"https?://[^\s<>\"']+|\b(?:[a-z0-9-]+\.)+(?:{_DOMAINS})\b(?:/[^\s<>\"']*)?", re.I)
#: Pages that the service reads for one question, as its guide to URL context says.
_PAGE_LIMIT = 20

_TONE = "I go by your words: your tone of voice is too much for me."
#: A mood, the answer to it, and the phrases that express it.
MOODS: tuple[tuple[Mood, str, tuple[str, ...]], ...] = (
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

#: What is said to somebody else in the room.
OVERHEARD_PHRASES = (
    "hey mom where are my shoes",
    "hey dad can you help me",
    "just a moment please",
    "i am on the phone",
    "i will call you back",
    "i am not talking to you",
    "i am coming mom",
    "dinner is ready",
)
_CALLS = frozenset(words("hey hi hello ok okay sorry yes no wait look listen excuse me oh well"))
_PEOPLE = frozenset(
    words(
        "mom mum mommy mummy mother dad daddy father grandma grandpa granny honey darling sweetheart "
        "everybody everyone guys kids children boys girls alexa siri john mary anna peter maria thomas"
    )
)


@dataclass(frozen=True, slots=True)
class Topic:
    """What a skill adds.

    Attributes:
        skill: Field of `Skills` with which the patterns are expected.
        patterns: What the user may say.
        suggestions: Sentences worth trying.
        suggested_with: Field of `Skills` with which they are suggested, if another.
    """

    skill: str
    patterns: tuple[Pattern, ...]
    suggestions: tuple[str, ...]
    suggested_with: str = ""


TOPICS = (
    Topic(
        "search",
        tuple(Pattern(text, f"fact:{index}") for index, fact in enumerate(FACTS) for text in fact.phrases),
        ("when was the eiffel tower built", "who invented python"),
    ),
    Topic(
        "code",
        computing.PATTERNS,
        ("what are the first ten prime numbers", "divide seven by zero with python"),
    ),
    Topic("url_context", PAGE_PATTERNS, ("what does example dot com say",)),
    Topic(
        "may_ignore",
        tuple(Pattern(text, "overheard") for text in OVERHEARD_PHRASES),
        ("hey mom where are my shoes",),
        suggested_with="proactive_audio",
    ),
    Topic(
        "affective_dialog",
        tuple(Pattern(text, f"mood:{mood}") for mood, _, texts in MOODS for text in texts),
        ("i had a bad day today", "i have good news"),
    ),
)


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


def addressee(said: Sequence[Token]) -> str | None:
    """Return the person whose name the user's words begin with: "hey mom, where …" → "mom"."""
    rest = list(said)
    while rest and rest[0] in _CALLS:
        rest = rest[1:]
    return str(rest[0]) if rest and rest[0] in _PEOPLE else None
