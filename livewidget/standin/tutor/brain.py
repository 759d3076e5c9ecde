"""The tutor's brain: one table of phrases, no language model.

It answers sums, questions and small talk, calls declared functions, and says so when it did not understand.
What the client declares opens more rooms: `shelf`, `programs`, `pages`, `asides`; a session that translates
or takes dictation has a mind of its own. The same table makes the sentences that the ears listen for.

Words that are meant for somebody else in the room: what a tutor with proactive audio does not answer.

What one says of one's own mood: with affective dialog, the tutor answers it in another tone.

It goes by the words alone: a program as small as this does not hear how something is said, and says so.

Pages that are named to the tutor, where URL context is declared: it has no network, and says so.

What the ears should listen for: the sentences of everything that a mind understands.

What is listened for where speech is only written down.

Sums in words: "what is seven plus five" → "Seven plus five is twelve.".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import cycle, islice, permutations
from typing import Any

from livewidget.standin.interfaces import (
    Dialogue,
    FunctionRequest,
    Mood,
    NoReply,
    Phrases,
    Reply,
    RequestedPage,
    Response,
    Skills,
)
from livewidget.standin.tutor import facts, programs, translator
from livewidget.standin.tutor import patterns as phrases
from livewidget.standin.tutor.declared import DeclaredFunction, declared
from livewidget.standin.tutor.patterns import (
    Match,
    Number,
    Pattern,
    Slot,
    Table,
    Token,
    listed,
    say_number,
    say_result,
    spoken_name,
    tokens,
    words,
)

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

AFFECT_SUGGESTIONS = ("i had a bad day today", "i have good news")
_INTENT = "feeling:"


def affect_patterns() -> list[Pattern]:
    """Return what says a mood."""
    return [Pattern(text, f"{_INTENT}{mood}") for mood, _, texts in FEELINGS for text in texts]


def answer(found: Match) -> Reply | None:
    """Return the answer to a mood, in its tone; None where none was said."""
    for mood, text, _ in FEELINGS:
        if found.pattern.intent == f"{_INTENT}{mood}":
            thoughts = (f"These are the words of a mood: I answer in a {mood} tone.", _HONESTLY)
            return Reply(f"{text} {_HONESTLY}", thoughts, mood=mood)
    return None


_MOST = 20  # pages of one question that the service reads
_ENDINGS = "com|org|net|edu|gov|int|info|io|dev|ai|eu|fr|de|es|it|uk|ch|at"
_ADDRESS = re.compile(rf"https?://[^\s<>\"']+|\b(?:[a-z0-9-]+\.)+(?:{_ENDINGS})\b(?:/[^\s<>\"']*)?", re.I)
_SPOKEN = {
    "example dot com": "https://example.com",
    "python dot org": "https://www.python.org",
    "wikipedia dot org": "https://www.wikipedia.org",
    "jupyter dot org": "https://jupyter.org",
}
_PHRASES = ("read {page}", "what does {page} say", "what is on {page}", "summarize {page}")
_PAGE_INTENT = "page"

PAGE_SUGGESTIONS = ("what does example dot com say",)


def page_patterns() -> list[Pattern]:
    """Return what asks for a page."""
    return [Pattern(text, _PAGE_INTENT, {"page": Slot(_SPOKEN)}) for text in _PHRASES]


def named(text: str, found: Match | None = None) -> tuple[str, ...]:
    """Return the addresses that `text` names, typed, or spoken where `found` is what it was heard as."""
    typed = [address.rstrip(".,;:!?)]}'\"") for address in _ADDRESS.findall(text)]
    if not typed and found and found.pattern.intent == _PAGE_INTENT and "page" in found.values:
        typed = [str(found.values["page"])]
    whole = (one if one.lower().startswith("http") else f"https://{one}" for one in typed)
    return tuple(dict.fromkeys(whole))[:_MOST]


def page_answer(addresses: tuple[str, ...]) -> Reply:
    """Return what to say of pages that nobody can read here."""
    hosts = [re.sub(r"^https?://(?:www\.)?|/.*$", "", address, flags=re.I) for address in addresses]
    thoughts = (
        f"{listed(list(addresses))} {'is' if len(addresses) == 1 else 'are'} named.",
        "URL context is declared: I am to read what is named.",
        "This computer's network is not mine to use: nothing can be read.",
    )
    said = f"I could not read {listed(hosts)}: I am a small offline tutor, and have no network."
    return Reply(said, thoughts, pages=tuple(map(RequestedPage, addresses)))


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
    return [*phrases.SMALL_TALK, *phrases.QUESTIONS, *phrases.TYPED]


def own_patterns() -> list[Pattern]:
    """Return the patterns of what the tutor always knows."""
    patterns = [
        Pattern(text, f"answer:{index}") for index, (_, texts) in enumerate(answers()) for text in texts
    ]
    counting = {"to": Slot(low=1, high=COUNT_LIMIT)}
    for intent, texts in phrases.SPECIAL.items():
        patterns += [Pattern(text, intent, counting if "{to}" in text else {}) for text in texts]
    return patterns


def skilled_patterns(skills: Skills) -> list[Pattern]:
    """Return the patterns that come with what the client declared."""
    rooms = (
        (skills.search, facts.patterns),
        (skills.code, programs.patterns),
        (skills.url_context, page_patterns),
        (skills.may_ignore, patterns),
        (skills.affective_dialog, affect_patterns),
    )
    return [pattern for wanted, patterns in rooms if wanted for pattern in patterns()]


def suggestions(tools: Sequence[DeclaredFunction], skills: Skills) -> Iterator[str]:
    """Yield sentences worth trying, those first that show what was declared."""
    for tool in tools:
        if tool.patterns:
            yield tool.patterns[0].sentences(1)[0]
    rooms = (
        (skills.search, facts.SUGGESTIONS),
        (skills.code, programs.SUGGESTIONS),
        (skills.url_context, PAGE_SUGGESTIONS),
        (skills.proactive_audio, SUGGESTIONS),
        (skills.affective_dialog, AFFECT_SUGGESTIONS),
    )
    for wanted, some in rooms:
        yield from some if wanted else ()
    yield from phrases.SUGGESTIONS


def sentences(tools: Sequence[DeclaredFunction], skills: Skills) -> list[str]:
    """Return what to listen for. A sentence that stands there twice is expected twice as often."""
    found: list[str] = [*phrases.SUGGESTIONS * 4]
    typed = {text for _, texts in phrases.TYPED for text in texts}
    for pattern in own_patterns():
        if pattern.text not in typed:
            found += pattern.sentences(COUNT_LIMIT if pattern.names else _PLAIN)
    for text in phrases.ARITHMETIC:
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


def _together(tools: Sequence[DeclaredFunction]) -> list[str]:
    """Return ways to ask for two functions at once: every way of the one, with some way of the other."""
    ways = [list(dict.fromkeys(_whole(tool))) for tool in tools]
    return [
        f"{one} and {other}"
        for first, second in permutations(list(filter(None, ways))[:_TOGETHER], 2)
        for one, other in islice(zip(cycle(first), cycle(second)), max(len(first), len(second)))
    ]


def _whole(tool: DeclaredFunction) -> Iterator[str]:
    """Yield ways to ask for a function that leave no question open, each of its choices among them."""
    patterns = [pattern for pattern in tool.patterns if set(tool.required) <= set(pattern.names)]
    for pattern in patterns:
        yield from pattern.sentences(_PAIRED)
    for pattern in sorted(patterns, key=lambda pattern: -len(pattern.text))[:1]:
        yield from pattern.choices(_COMBINATIONS)


SENTENCES = (
    "this is a test", "dear anna comma", "i am writing to you today", "thank you for your letter",
    "the meeting is on monday", "please send me an answer soon", "that is all for today full stop",
    "how do you like it question mark", "with kind regards", "new paragraph", "new line",
)  # fmt: skip
DICTATION_SUGGESTIONS = (
    "this is a test", "what is seven plus five", "the meeting is on monday", "my name is anna",
    "how do you like it question mark",
)  # fmt: skip
_OFTEN = 8


@cache
def known() -> tuple[str, ...]:
    """Return what can be dictated: the tutor's own phrases, those of its phrasebook, and letters."""
    return (*sentences((), Skills()), *translator.sentences(), *SENTENCES * _OFTEN)


class DictationDialogue:
    """A mind that is never asked."""

    @property
    def phrases(self) -> Phrases:
        """What the ears should listen for."""
        return Phrases(known())

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Reply nothing: what was said is written down by who heard it."""
        return NoReply()

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Reply nothing."""
        return NoReply()


_OPERATORS = frozenset(("plus", "minus", "times", "divided", "multiplied", "over"))
_FILLERS = frozenset(
    words("what is how much the sum of calculate compute tell me please equals equal to and by")
)


def say_sum(said: Sequence[Token]) -> str | None:
    """Return the sum in `said` and its result in words; None if it is no sum.

    Several operations are done in the usual order: times and divided by before plus and minus.
    """
    terms = _terms(said)
    if terms is None:
        return None
    spoken = " ".join(term if isinstance(term, str) else say_number(term) for term in terms)
    values: list[Number] = [term for term in terms if not isinstance(term, str)]
    if any(abs(value) >= 10**12 for value in values):
        return "Those numbers are too large for me."
    operators = [term for term in terms if isinstance(term, str)]
    total: Number = 0
    product, sign = values[0], 1
    for operator, value in zip(operators, values[1:], strict=True):
        if operator == "divided by" and value == 0:
            return "Nobody can divide by zero."
        if operator == "times":
            product *= value
        elif operator == "divided by":
            product /= value
        else:
            total += sign * product
            product, sign = value, 1 if operator == "plus" else -1
    total += sign * product
    exact = abs(total - round(total, 2)) < 1e-9
    return f"{spoken} is {'' if exact else 'about '}{say_number(round(total, 2))}.".capitalize()


def _terms(said: Sequence[Token]) -> list[Number | str] | None:
    """Return numbers and operators in turn, at least two numbers; None if `said` is anything else."""
    terms: list[Number | str] = []
    negative = False
    for word in said:
        expects_number = not terms or isinstance(terms[-1], str)
        if not isinstance(word, str):
            if not expects_number:
                return None
            terms.append(-word if negative else word)
            negative = False
        elif word == "minus" and expects_number and not negative:
            negative = True
        elif word in _OPERATORS:
            if expects_number:
                return None
            terms.append(
                {"divided": "divided by", "over": "divided by", "multiplied": "times"}.get(word, word)
            )
        elif word not in _FILLERS or negative:
            return None
    whole = len(terms) >= 3 and not isinstance(terms[-1], str) and not negative
    return terms if whole else None


NO_SKILLS = Skills()
_AT_ONCE = 4  # functions that are called together, at most
_AND = re.compile(r"\s*,?\s*\band(?: then)?\b\s*", re.IGNORECASE)
_COMMA = re.compile(rf"{_AND.pattern}|\s*,\s*", re.IGNORECASE)
_SUGGESTIONS = 5

Clock = Callable[[], datetime]


def _local_time() -> datetime:
    return datetime.now().astimezone()


class TutorResponder:
    """Makes a mind for each session."""

    def __init__(self, clock: Clock = _local_time) -> None:
        """Use `clock` where the time of day is asked for."""
        self._clock = clock

    def suggestions(
        self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS
    ) -> tuple[str, ...]:
        """Return sentences worth trying; see `seams.Responder`."""
        if skills.translation:
            return translator.SUGGESTIONS
        if skills.dictation:
            return DICTATION_SUGGESTIONS
        return _invitations(_tools(declarations), skills)

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS) -> Dialogue:
        """Return a fresh mind that may call these functions; see `seams.Responder`."""
        if skills.translation:
            return translator.TranslationDialogue(skills.translation)
        if skills.dictation:
            return DictationDialogue()
        return TutorDialogue(_tools(declarations), skills, self._clock)


def _tools(declarations: Sequence[Mapping[str, Any]]) -> list[DeclaredFunction]:
    return [declared(one) for one in declarations if one.get("name")]


def _invitations(tools: Sequence[DeclaredFunction], skills: Skills) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(suggestions(tools, skills)), _SUGGESTIONS))


@dataclass(frozen=True, slots=True)
class _OpenQuestion:
    """A call that waits for one more argument."""

    tool: DeclaredFunction
    args: dict[str, Any]
    missing: str


class TutorDialogue:
    """One session of the tutor: what it listens for, what it said last, which call waits for an argument."""

    def __init__(self, tools: Sequence[DeclaredFunction], skills: Skills, clock: Clock) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._skills = skills
        self._clock = clock
        own = (pattern for tool in tools for pattern in tool.patterns)
        self._table = Table([*own_patterns(), *skilled_patterns(skills), *own])
        self._phrases = Phrases(tuple(sentences(tools, skills)))
        self._answers = {f"answer:{index}": answer for index, (answer, _) in enumerate(answers())}
        self._invitations = _invitations(tools, skills)
        self._last = "I have not said anything yet."
        self._pending: _OpenQuestion | None = None
        self._jokes = 0
        self._hints = 0

    @property
    def phrases(self) -> Phrases:
        """What the ears should listen for."""
        return self._phrases

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Answer what was said or typed; see `seams.Dialogue`."""
        if confident:
            said = tokens(text)
            ran = programs.find(said) if self._skills.code and self._pending is None else None
            answer = await asyncio.to_thread(programs.answer, *ran) if ran else self._reply(text, said)
        elif self._skills.proactive_audio:
            answer = NoReply(("I am not sure of what I heard: it may not have been meant for me.",))
        else:
            answer = Reply(self._sorry())
        return self._remember(answer)

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Put a function's result into words."""
        return self._remember(Reply(say_result(result)))

    def _remember(self, answer: Response) -> Response:
        if isinstance(answer, Reply):
            self._last = answer.text
            if self._speaks_foreign:
                # The words are English: another language's voice would make nonsense of them.
                return replace(answer, language="en-US")
        return answer

    @property
    def _speaks_foreign(self) -> bool:
        return not (self._skills.language or "en").lower().startswith("en")

    def _reply(self, text: str, said: Sequence[Token]) -> Response:
        pending, self._pending = self._pending, None
        found = self._table.match(said)
        if self._skills.may_ignore:
            whom = addressee(said)
            if whom or (found and found.pattern.intent == INTENT):
                return NoReply((f"This was said to {whom or 'somebody else'}, not to me.",))
        if pending is not None:
            value = pending.tool.answer(pending.missing, text, said)
            if value is not None and (pending.missing not in pending.tool.texts or not found):
                return self._call(pending.tool, pending.args | {pending.missing: value}, found)
        if self._skills.url_context and (addresses := named(text, found)):
            return page_answer(addresses)
        if (sum_ := say_sum(said)) is not None:
            return Reply(sum_, ("This is a sum.", "I can do sums myself: no tool is needed.", sum_))
        # A comma may part two requests, or come before "please".
        several = self._several(_COMMA.split(text)) or self._several(_AND.split(text))
        if asked := several or self._asked(text, said, found):
            return asked
        return self._meant(found) if found else Reply(self._sorry())

    def _several(self, parts: Sequence[str]) -> FunctionRequest | None:
        """Return the calls of "… and …", where each part asks for a function and says all that it needs."""
        parts = [part for part in parts if part.strip()]
        if not 2 <= len(parts) <= _AT_ONCE:
            return None
        calls: list[FunctionRequest] = []
        for part in parts:
            said = tokens(part)
            asked = self._asked(part, said, self._table.match(said))
            self._pending = None  # Half a question is not asked about.
            if not isinstance(asked, FunctionRequest):
                return None
            calls.append(asked)
        names = listed([call.name for call in calls])
        thoughts = (f"This is for the functions {names}.", "They need not wait for each other.")
        return replace(calls[0], thoughts=thoughts, also=tuple(calls[1:]))

    def _asked(self, text: str, said: Sequence[Token], found: Match | None) -> Reply | FunctionRequest | None:
        """Return the call of the function that is asked for, or the question for what it lacks."""
        for tool in self._tools.values():
            if free := tool.free_text(text):
                mine = found.values if found and found.pattern.intent == f"tool:{tool.name}" else {}
                exact = {
                    key: value
                    for key, value in mine.items()
                    if free.get(key, value).lower() == str(value).lower()
                }
                return self._call(tool, {**mine, **free, **exact}, found)
        if found and found.pattern.intent.startswith("tool:"):
            tool = self._tools[found.pattern.intent.removeprefix("tool:")]
            return self._call(tool, dict(found.values), found)
        return None

    def _meant(self, found: Match) -> Response:
        intent = found.pattern.intent
        if known_by := facts.answer(found) or answer(found):
            return known_by
        if intent in self._answers:
            # What is said by rote, as greetings are, takes no thought.
            rote = intent in _ROTE
            return Reply(
                self._answers[intent], () if rote else _likeness(found, "I know its answer by heart.")
            )
        make: dict[str, Callable[[], str]] = {
            "time": self._time,
            "date": self._date,
            "joke": self._joke,
            "repeat": lambda: self._last,
        }
        if intent in make:
            return Reply(make[intent]())
        return Reply(_count(found.values.get("to")) if intent == "count" else self._abilities())

    def _call(
        self, tool: DeclaredFunction, args: dict[str, Any], found: Match | None
    ) -> Reply | FunctionRequest:
        if tool.others:
            return Reply(
                f"That needs {listed([spoken_name(one) for one in tool.others])}, and I cannot fill that in."
            )
        missing = next((key for key in tool.required if key not in args), None)
        if missing is None:
            given = listed([f"{key} {value!r}" for key, value in args.items()]) or "nothing"
            asked = (f"This is for the function {tool.name}.", f"It gets {given}.")
            return FunctionRequest(
                tool.name, args, (*asked, *_likeness(found, "Its result will be my answer."))
            )
        self._pending = _OpenQuestion(tool, args, missing)
        slot = tool.slots.get(missing)
        choices = list(slot.choices)[:5] if slot and missing not in tool.texts else []
        many = slot is not None and not choices and missing.endswith("s")
        question = f"{'How many' if many else 'Which'} {spoken_name(missing)}?"
        return Reply(f"{question} You can say {listed(choices, 'or')}." if choices else question)

    def _abilities(self) -> str:
        own = [tool.patterns[0].text for tool in self._tools.values() if tool.patterns]
        declared = _invitations((), self._skills)
        rooms = [text for text in declared if text not in phrases.SUGGESTIONS]
        more = f" Here I can also: {listed(own[:5])}." if own else ""
        more += f" You may also ask: {listed(rooms, 'or')}." if rooms else ""
        foreign = f" {phrases.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{phrases.ABILITIES}{more}{foreign}"

    def _sorry(self) -> str:
        suggestion = self._invitations[self._hints % len(self._invitations)]
        self._hints += 1
        foreign = f" {phrases.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{phrases.SORRY}{foreign} {phrases.SORRY_HINT.format(suggestion=suggestion)}"

    def _joke(self) -> str:
        self._jokes += 1
        return phrases.JOKES[(self._jokes - 1) % len(phrases.JOKES)]

    def _time(self) -> str:
        now = self._clock()
        return f"It is {now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}."

    def _date(self) -> str:
        now = self._clock()
        return f"Today is {now:%A}, {now:%B} {now.day}."


_ROTE = {f"answer:{index}" for index, one in enumerate(answers()) if one not in phrases.QUESTIONS}


def _likeness(found: Match | None, last: str) -> tuple[str, ...]:
    if found is None:
        return (last,)
    return (f"It is like “{found.pattern.text}”, by {found.score:.0f} of 100.", last)


def _count(to: Any) -> str:
    if not isinstance(to, int | float) or to < 1:
        return "Tell me a number to count to, from one to twenty."
    if to > COUNT_LIMIT:
        return f"I count to {say_number(COUNT_LIMIT)} at most."
    return f"{', '.join(say_number(number) for number in range(1, int(to) + 1))}.".capitalize()
