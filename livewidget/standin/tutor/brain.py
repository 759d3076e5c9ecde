"""The tutor's brain: one table of phrases, no language model.

It answers sums, questions and small talk, calls declared functions, and says so when it did not understand.
What the client declares opens more rooms: `shelf`, `programs`, `pages`, `asides`; a session that translates
or takes dictation has a mind of its own. The same table makes the sentences that the ears listen for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from livewidget.standin.seams import Call, Mind, Phrases, Say, Skills, Thought, Wait
from livewidget.standin.tutor import asides, dictation, feelings, pages, phrasebook, programs, shelf
from livewidget.standin.tutor import phrases as known
from livewidget.standin.tutor.declared import Declared, declared
from livewidget.standin.tutor.numbers import Token, say_number, tokens
from livewidget.standin.tutor.patterns import Match, Table
from livewidget.standin.tutor.results import listed, say_result, spoken_name
from livewidget.standin.tutor.sentences import (
    COUNT_LIMIT,
    answers,
    own_patterns,
    sentences,
    skilled_patterns,
    suggestions,
)
from livewidget.standin.tutor.sums import say_sum

NO_SKILLS = Skills()
_AT_ONCE = 4  # functions that are called together, at most
_AND = re.compile(r"\s*,?\s*\band(?: then)?\b\s*", re.IGNORECASE)
_COMMA = re.compile(rf"{_AND.pattern}|\s*,\s*", re.IGNORECASE)
_SUGGESTIONS = 5

Clock = Callable[[], datetime]


def _local_time() -> datetime:
    return datetime.now().astimezone()


class TutorBrain:
    """Makes a mind for each session."""

    def __init__(self, clock: Clock = _local_time) -> None:
        """Use `clock` where the time of day is asked for."""
        self._clock = clock

    def suggestions(
        self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS
    ) -> tuple[str, ...]:
        """Return sentences worth trying; see `seams.Brain`."""
        if skills.translation:
            return phrasebook.SUGGESTIONS
        if skills.dictation:
            return dictation.SUGGESTIONS
        return _invitations(_tools(declarations), skills)

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS) -> Mind:
        """Return a fresh mind that may call these functions; see `seams.Brain`."""
        if skills.translation:
            return phrasebook.Translator(skills.translation)
        if skills.dictation:
            return dictation.Dictation()
        return TutorMind(_tools(declarations), skills, self._clock)


def _tools(declarations: Sequence[Mapping[str, Any]]) -> list[Declared]:
    return [declared(one) for one in declarations if one.get("name")]


def _invitations(tools: Sequence[Declared], skills: Skills) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(suggestions(tools, skills)), _SUGGESTIONS))


@dataclass(frozen=True, slots=True)
class _Pending:
    """A call that waits for one more argument."""

    tool: Declared
    args: dict[str, Any]
    missing: str


class TutorMind:
    """One session of the tutor: what it listens for, what it said last, which call waits for an argument."""

    def __init__(self, tools: Sequence[Declared], skills: Skills, clock: Clock) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._skills = skills
        self._clock = clock
        own = (pattern for tool in tools for pattern in tool.patterns)
        self._table = Table([*own_patterns(), *skilled_patterns(skills), *own])
        self._phrases = Phrases(tuple(sentences(tools, skills)))
        self._answers = {f"answer:{index}": answer for index, (answer, _) in enumerate(answers())}
        self._invitations = _invitations(tools, skills)
        self._last = "I have not said anything yet."
        self._pending: _Pending | None = None
        self._jokes = 0
        self._hints = 0

    @property
    def phrases(self) -> Phrases:
        """What the ears should listen for."""
        return self._phrases

    async def reply(self, text: str, *, confident: bool = True) -> Thought:
        """Answer what was said or typed; see `seams.Mind`."""
        if confident:
            said = tokens(text)
            ran = programs.find(said) if self._skills.code and self._pending is None else None
            answer = await asyncio.to_thread(programs.answer, *ran) if ran else self._reply(text, said)
        elif self._skills.reserved:
            answer = Wait(("I am not sure of what I heard: it may not have been meant for me.",))
        else:
            answer = Say(self._sorry())
        return self._remember(answer)

    async def result(self, name: str, result: Mapping[str, Any]) -> Thought:
        """Put a function's result into words."""
        return self._remember(Say(say_result(result)))

    def _remember(self, answer: Thought) -> Thought:
        if isinstance(answer, Say):
            self._last = answer.text
            if self._speaks_foreign:
                # The words are English: another language's voice would make nonsense of them.
                return replace(answer, language="en-US")
        return answer

    @property
    def _speaks_foreign(self) -> bool:
        return not (self._skills.language or "en").lower().startswith("en")

    def _reply(self, text: str, said: Sequence[Token]) -> Thought:
        pending, self._pending = self._pending, None
        found = self._table.match(said)
        if self._skills.silence:
            whom = asides.addressee(said)
            if whom or (found and found.pattern.intent == asides.INTENT):
                return Wait((f"This was said to {whom or 'somebody else'}, not to me.",))
        if pending is not None:
            value = pending.tool.answer(pending.missing, text, said)
            if value is not None and (pending.missing not in pending.tool.texts or not found):
                return self._call(pending.tool, pending.args | {pending.missing: value}, found)
        if self._skills.pages and (addresses := pages.named(text, found)):
            return pages.answer(addresses)
        if (sum_ := say_sum(said)) is not None:
            return Say(sum_, ("This is a sum.", "I can do sums myself: no tool is needed.", sum_))
        # A comma may part two requests, or come before "please".
        several = self._several(_COMMA.split(text)) or self._several(_AND.split(text))
        if asked := several or self._asked(text, said, found):
            return asked
        return self._meant(found) if found else Say(self._sorry())

    def _several(self, parts: Sequence[str]) -> Call | None:
        """Return the calls of "… and …", where each part asks for a function and says all that it needs."""
        parts = [part for part in parts if part.strip()]
        if not 2 <= len(parts) <= _AT_ONCE:
            return None
        calls: list[Call] = []
        for part in parts:
            said = tokens(part)
            asked = self._asked(part, said, self._table.match(said))
            self._pending = None  # Half a question is not asked about.
            if not isinstance(asked, Call):
                return None
            calls.append(asked)
        names = listed([call.name for call in calls])
        thoughts = (f"This is for the functions {names}.", "They need not wait for each other.")
        return replace(calls[0], thoughts=thoughts, also=tuple(calls[1:]))

    def _asked(self, text: str, said: Sequence[Token], found: Match | None) -> Say | Call | None:
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

    def _meant(self, found: Match) -> Thought:
        intent = found.pattern.intent
        if known_by := shelf.answer(found) or feelings.answer(found):
            return known_by
        if intent in self._answers:
            # What is said by rote, as greetings are, takes no thought.
            rote = intent in _ROTE
            return Say(self._answers[intent], () if rote else _likeness(found, "I know its answer by heart."))
        make: dict[str, Callable[[], str]] = {
            "time": self._time,
            "date": self._date,
            "joke": self._joke,
            "repeat": lambda: self._last,
        }
        if intent in make:
            return Say(make[intent]())
        return Say(_count(found.values.get("to")) if intent == "count" else self._abilities())

    def _call(self, tool: Declared, args: dict[str, Any], found: Match | None) -> Say | Call:
        if tool.others:
            return Say(
                f"That needs {listed([spoken_name(one) for one in tool.others])}, and I cannot fill that in."
            )
        missing = next((key for key in tool.required if key not in args), None)
        if missing is None:
            given = listed([f"{key} {value!r}" for key, value in args.items()]) or "nothing"
            asked = (f"This is for the function {tool.name}.", f"It gets {given}.")
            return Call(tool.name, args, (*asked, *_likeness(found, "Its result will be my answer.")))
        self._pending = _Pending(tool, args, missing)
        slot = tool.slots.get(missing)
        choices = list(slot.choices)[:5] if slot and missing not in tool.texts else []
        many = slot is not None and not choices and missing.endswith("s")
        question = f"{'How many' if many else 'Which'} {spoken_name(missing)}?"
        return Say(f"{question} You can say {listed(choices, 'or')}." if choices else question)

    def _abilities(self) -> str:
        own = [tool.patterns[0].text for tool in self._tools.values() if tool.patterns]
        declared = _invitations((), self._skills)
        rooms = [text for text in declared if text not in known.SUGGESTIONS]
        more = f" Here I can also: {listed(own[:5])}." if own else ""
        more += f" You may also ask: {listed(rooms, 'or')}." if rooms else ""
        foreign = f" {known.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{known.ABILITIES}{more}{foreign}"

    def _sorry(self) -> str:
        suggestion = self._invitations[self._hints % len(self._invitations)]
        self._hints += 1
        foreign = f" {known.ENGLISH_ONLY}" if self._speaks_foreign else ""
        return f"{known.SORRY}{foreign} {known.SORRY_HINT.format(suggestion=suggestion)}"

    def _joke(self) -> str:
        self._jokes += 1
        return known.JOKES[(self._jokes - 1) % len(known.JOKES)]

    def _time(self) -> str:
        now = self._clock()
        return f"It is {now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}."

    def _date(self) -> str:
        now = self._clock()
        return f"Today is {now:%A}, {now:%B} {now.day}."


_ROTE = {f"answer:{index}" for index, one in enumerate(answers()) if one not in known.QUESTIONS}


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
