"""The tutor's responder: one table of patterns, no language model.

It answers sums, questions and small talk, calls declared functions, and says so if it did not understand.
What the client declares adds topics. The same patterns give the sentences that the recognizer expects.
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

from livewidget.standin.interfaces import Dialogue, FunctionRequest, NoReply, Phrases, Reply, Response, Skills
from livewidget.standin.tutor import computing, topics, translator
from livewidget.standin.tutor.declarations import DeclaredFunction, read_declaration
from livewidget.standin.tutor.patterns import (
    Match,
    Pattern,
    PatternTable,
    Slot,
    Token,
    listed,
    say_number,
    say_result,
    spoken_name,
    tokens,
)

NO_SKILLS = Skills()

#: Highest number to count to. Chosen: some ten seconds of speech.
_COUNT_LIMIT = 20
#: How often a sentence is listed, relative to the others: that often a recognizer expects it. Chosen so that
#: patterns with many values do not crowd out the others.
_PLAIN = 8  # without slots
_SLOTTED = 24  # different values for a pattern with slots
_PLAIN_TOOL = 4  # a declared function's pattern without slots
_SUGGESTED = 4
_DICTATED = 8
#: Combinations of a pattern's choices up to which each is listed: one that is not is heard as its neighbour.
_COMBINATIONS = 300
#: Functions that are expected in pairs, and the values for each pattern in a pair. Chosen: the sentences grow
#: with the product.
_TOGETHER = 3
_PAIRED = 3
#: Functions called for one request. Chosen.
_MOST_CALLS = 4
#: Suggestions of a session. Chosen.
_SUGGESTIONS = 5
_AND = re.compile(r"\s*,?\s*\band(?: then)?\b\s*", re.IGNORECASE)
_COMMA = re.compile(rf"{_AND.pattern}|\s*,\s*", re.IGNORECASE)

Now = Callable[[], datetime]

#: Answers by heart, each with the phrases that ask for it; a pattern's intent is "answer:" and the index.
_ANSWERS = (*topics.SMALL_TALK, *topics.QUESTIONS, *topics.TYPED)
#: Intents that take no thought, as greetings do not.
_ROTE = {f"answer:{index}" for index, one in enumerate(_ANSWERS) if one not in topics.QUESTIONS}


def _local_time() -> datetime:
    return datetime.now().astimezone()


class TutorResponder:
    """Creates the tutor's dialogues."""

    def __init__(self, now: Now = _local_time) -> None:
        """Use `now` when the user asks for the time or the date."""
        self._now = now

    def suggestions(
        self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS
    ) -> tuple[str, ...]:
        """Return sentences worth trying; see `Responder`."""
        if skills.translation:
            return topics.SUGGESTED["translation"]
        if skills.dictation:
            return topics.SUGGESTED["dictation"]
        return _suggestions(_functions(declarations), skills)

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS) -> Dialogue:
        """Return a new dialogue; see `Responder`."""
        if skills.translation:
            return translator.TranslationDialogue(skills.translation)
        if skills.dictation:
            return DictationDialogue()
        return TutorDialogue(_functions(declarations), skills, self._now)


def _functions(declarations: Sequence[Mapping[str, Any]]) -> list[DeclaredFunction]:
    return [read_declaration(one) for one in declarations if one.get("name")]


def _suggestions(functions: Sequence[DeclaredFunction], skills: Skills) -> tuple[str, ...]:
    """Return the first suggestions, beginning with those for what is declared."""
    found = [one.patterns[0].sentences(1)[0] for one in functions if one.patterns]
    for skill, sentences in topics.SUGGESTED.items():
        if getattr(skills, skill):
            found += sentences
    return tuple(dict.fromkeys([*found, *topics.SUGGESTIONS]))[:_SUGGESTIONS]


@dataclass(frozen=True, slots=True)
class _OpenQuestion:
    """A call that waits for one more argument."""

    function: DeclaredFunction
    args: dict[str, Any]
    missing: str


class TutorDialogue:
    """One conversation with the tutor."""

    def __init__(self, functions: Sequence[DeclaredFunction], skills: Skills, now: Now) -> None:
        self._functions = {one.name: one for one in functions}
        self._skills = skills
        self._now = now
        declared = (pattern for one in functions for pattern in one.patterns)
        self._table = PatternTable([*_own_patterns(), *topic_patterns(skills), *declared])
        self._phrases = Phrases(tuple(_sentences(functions, skills)))
        self._suggestions = _suggestions(functions, skills)
        self._last = "I have not said anything yet."
        self._question: _OpenQuestion | None = None
        self._jokes = 0
        self._hints = 0

    @property
    def phrases(self) -> Phrases:
        """The phrases a recognizer should expect."""
        return self._phrases

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Respond to speech or typed text; see `Dialogue`."""
        response: Response
        if confident:
            utterance = tokens(text)
            program = (
                computing.find_program(utterance) if self._skills.code and self._question is None else None
            )
            if program:
                response = await asyncio.to_thread(computing.answer_program, *program)
            else:
                response = self._respond(text, utterance)
        elif self._skills.proactive_audio:
            response = NoReply(("I am not sure of what I heard: it may not have been meant for me.",))
        else:
            response = Reply(self._sorry())
        return self._remember(response)

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Put a function's result into words."""
        return self._remember(Reply(say_result(result)))

    def said(self, text: str) -> None:
        """Take this for what was said last, though somebody else said it."""
        self._last = text

    def _remember(self, response: Response) -> Response:
        if isinstance(response, Reply):
            self._last = response.text
            if self._speaks_foreign:
                # The words are English: a voice of another language would garble them.
                return replace(response, language="en-US")
        return response

    @property
    def _speaks_foreign(self) -> bool:
        return not (self._skills.language or "en").lower().startswith("en")

    def _respond(self, text: str, utterance: Sequence[Token]) -> Response:
        question, self._question = self._question, None
        found = self._table.match(utterance)
        if self._skills.may_ignore:
            person = topics.addressee(utterance)
            if person or (found and found.pattern.intent == "overheard"):
                return NoReply((f"This was said to {person or 'somebody else'}, not to me.",))
        if question is not None:
            function = question.function
            value = function.answer(question.missing, text, utterance)
            if value is not None and (question.missing not in function.texts or not found):
                return self._call(function, question.args | {question.missing: value}, found)
        if self._skills.url_context and (addresses := topics.page_addresses(text, found)):
            return topics.answer_pages(addresses)
        if (result := computing.say_sum(utterance)) is not None:
            return Reply(result, ("This is a sum.", "I can do sums myself: no tool is needed.", result))
        # A comma may separate two requests, or come before "please".
        several = self._several(_COMMA.split(text)) or self._several(_AND.split(text))
        if request := several or self._requested(text, utterance, found):
            return request
        return self._answer(found) if found else Reply(self._sorry())

    def _several(self, parts: Sequence[str]) -> FunctionRequest | None:
        """Return the calls for "… and …", if each part asks for a function with all its arguments."""
        parts = [part for part in parts if part.strip()]
        if not 2 <= len(parts) <= _MOST_CALLS:
            return None
        requests: list[FunctionRequest] = []
        for part in parts:
            utterance = tokens(part)
            request = self._requested(part, utterance, self._table.match(utterance))
            self._question = None  # nobody asks about half a request
            if not isinstance(request, FunctionRequest):
                return None
            requests.append(request)
        names = listed([request.name for request in requests])
        thoughts = (f"This is for the functions {names}.", "They need not wait for each other.")
        return replace(requests[0], thoughts=thoughts, also=tuple(requests[1:]))

    def _requested(
        self, text: str, utterance: Sequence[Token], found: Match | None
    ) -> Reply | FunctionRequest | None:
        """Return the call that the user asks for, or the question for a missing argument."""
        for function in self._functions.values():
            if free := function.free_text(text):
                matches = found and found.pattern.intent == f"tool:{function.name}"
                values = found.values if found and matches else {}
                # What was typed wins over a choice, unless they are the same but for capitals.
                same = {
                    key: value
                    for key, value in values.items()
                    if free.get(key, value).lower() == str(value).lower()
                }
                return self._call(function, {**values, **free, **same}, found)
        if found and found.pattern.intent.startswith("tool:"):
            function = self._functions[found.pattern.intent.removeprefix("tool:")]
            return self._call(function, dict(found.values), found)
        return None

    def _call(
        self, function: DeclaredFunction, args: dict[str, Any], found: Match | None
    ) -> Reply | FunctionRequest:
        if function.unfillable:
            names = listed([spoken_name(one) for one in function.unfillable])
            return Reply(f"That needs {names}, and I cannot fill that in.")
        missing = next((key for key in function.required if key not in args), None)
        if missing is None:
            given = listed([f"{key} {value!r}" for key, value in args.items()]) or "nothing"
            thoughts = [f"This is for the function {function.name}.", f"It gets {given}."]
            thoughts += _match_thoughts(found, "Its result will be my answer.")
            return FunctionRequest(function.name, args, tuple(thoughts))
        self._question = _OpenQuestion(function, args, missing)
        slot = function.slots.get(missing)
        choices = list(slot.choices)[:5] if slot and missing not in function.texts else []
        many = slot is not None and not choices and missing.endswith("s")
        question = f"{'How many' if many else 'Which'} {spoken_name(missing)}?"
        return Reply(f"{question} You can say {listed(choices, 'or')}." if choices else question)

    def _answer(self, found: Match) -> Reply:
        """Return the answer to a pattern that is not a function's."""
        if known := topics.answer_fact(found) or topics.answer_mood(found):
            return known
        intent, _, index = found.pattern.intent.partition(":")
        if intent == "answer":
            rote = found.pattern.intent in _ROTE
            thoughts = () if rote else _match_thoughts(found, "I know its answer by heart.")
            return Reply(_ANSWERS[int(index)][0], thoughts)
        now = self._now()
        if intent == "time":
            return Reply(f"It is {now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}.")
        if intent == "date":
            return Reply(f"Today is {now:%A}, {now:%B} {now.day}.")
        if intent == "joke":
            self._jokes += 1
            return Reply(topics.JOKES[(self._jokes - 1) % len(topics.JOKES)])
        if intent == "repeat":
            return Reply(self._last)
        return Reply(_count(found.values.get("to")) if intent == "count" else self._abilities())

    def _abilities(self) -> str:
        functions = [one.patterns[0].text for one in self._functions.values() if one.patterns]
        declared = [text for text in _suggestions((), self._skills) if text not in topics.SUGGESTIONS]
        more = f" Here I can also: {listed(functions[:5])}." if functions else ""
        more += f" You may also ask: {listed(declared, 'or')}." if declared else ""
        foreign = f" {topics.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{topics.ABILITIES}{more}{foreign}"

    def _sorry(self) -> str:
        suggestion = self._suggestions[self._hints % len(self._suggestions)]
        self._hints += 1
        foreign = f" {topics.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{topics.SORRY}{foreign} {topics.SORRY_HINT.format(suggestion=suggestion)}"


def _match_thoughts(found: Match | None, last: str) -> tuple[str, ...]:
    """Return the thoughts about a match, then `last`."""
    if found is None:
        return (last,)
    return (f"It is like “{found.pattern.text}”, by {found.score:.0f} of 100.", last)


def _count(to: Any) -> str:
    if not isinstance(to, int | float) or to < 1:
        return "Tell me a number to count to, from one to twenty."
    if to > _COUNT_LIMIT:
        return f"I count to {say_number(_COUNT_LIMIT)} at most."
    return f"{', '.join(say_number(number) for number in range(1, int(to) + 1))}.".capitalize()


def _own_patterns() -> list[Pattern]:
    """Return the patterns of what the tutor always knows."""
    patterns = [
        Pattern(text, f"answer:{index}") for index, (_, texts) in enumerate(_ANSWERS) for text in texts
    ]
    counting = {"to": Slot(low=1, high=_COUNT_LIMIT)}
    for intent, texts in topics.COMMANDS.items():
        patterns += [Pattern(text, intent, counting if "{to}" in text else {}) for text in texts]
    return patterns


def topic_patterns(skills: Skills) -> list[Pattern]:
    """Return the patterns that the skills add."""
    return [one for skill, patterns in topics.PATTERNS.items() if getattr(skills, skill) for one in patterns]


def _sentences(functions: Sequence[DeclaredFunction], skills: Skills) -> list[str]:
    """Return the sentences that a recognizer should expect, each as often as it is likely."""
    found: list[str] = [*topics.SUGGESTIONS * _SUGGESTED]
    typed = {text for _, texts in topics.TYPED for text in texts}
    for pattern in _own_patterns():
        if pattern.text not in typed:
            found += pattern.sentences(_COUNT_LIMIT if pattern.names else _PLAIN)
    for text in topics.ARITHMETIC:
        # All numbers, and small ones more often: people try those first. Counts by benchmarks/recognition.py.
        found += Pattern(text, "sum", dict.fromkeys("ab", Slot(low=0, high=100))).sentences(101)
        found += Pattern(text, "sum", dict.fromkeys("ab", Slot(low=1, high=20))).sentences(200)
    for pattern in topic_patterns(skills):
        found += pattern.sentences(_SLOTTED if pattern.names else _PLAIN)
    for function in functions:
        for pattern in function.patterns:
            found += pattern.sentences(_SLOTTED if pattern.names else _PLAIN_TOOL)
            found += sorted(set(pattern.choices(_COMBINATIONS)).difference(found))
        for key in function.required:  # the answer to "Which …?"
            if key in function.slots:
                found += Pattern(f"{{{key}}}", "", function.slots).sentences(_SLOTTED)
    return found + _pairs(functions)


def _pairs(functions: Sequence[DeclaredFunction]) -> list[str]:
    """Return requests for two functions at once: each way to ask for one with some way for the other."""
    ways = [list(dict.fromkeys(_complete(function))) for function in functions]
    return [
        f"{one} and {other}"
        for first, second in permutations(list(filter(None, ways))[:_TOGETHER], 2)
        for one, other in islice(zip(cycle(first), cycle(second)), max(len(first), len(second)))
    ]


def _complete(function: DeclaredFunction) -> Iterator[str]:
    """Yield ways to ask for a function with all its arguments, each of its choices among them."""
    patterns = [pattern for pattern in function.patterns if set(function.required) <= set(pattern.names)]
    for pattern in patterns:
        yield from pattern.sentences(_PAIRED)
    for pattern in sorted(patterns, key=lambda pattern: -len(pattern.text))[:1]:
        yield from pattern.choices(_COMBINATIONS)


@cache
def dictation_sentences() -> tuple[str, ...]:
    """Return what can be dictated: the tutor's own phrases, those of its phrasebook, and letters."""
    return (*_sentences((), NO_SKILLS), *translator.sentences(), *topics.DICTATION * _DICTATED)


class DictationDialogue:
    """Supplies phrases to a session that only transcribes; never asked."""

    @property
    def phrases(self) -> Phrases:
        """The phrases a recognizer should expect."""
        return Phrases(dictation_sentences())

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        """Stay silent."""
        return NoReply()

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        """Stay silent."""
        return NoReply()
