"""The tutor's brain: one table of phrases, no language model.

It answers sums, questions and small talk, calls declared functions, and says so when it did not understand.
The same table makes the sentences that the ears listen for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from livewidget.standin.seams import Call, Phrases, Say, Skills, Thought
from livewidget.standin.tutor import phrases as known
from livewidget.standin.tutor.declared import Declared, declared
from livewidget.standin.tutor.numbers import say_number, tokens
from livewidget.standin.tutor.patterns import Match, Pattern, Slot, Table
from livewidget.standin.tutor.results import listed, say_result, spoken_name
from livewidget.standin.tutor.sums import say_sum

_COUNT_LIMIT = 20
_TOOL_SENTENCES = 24  # ways to say each of a function's patterns that has slots
_TOOL_COMBINATIONS = 300  # of a pattern's choices, up to which each is listened for
NO_SKILLS = Skills()
_NUMBER = Slot(low=0, high=100)
_SMALL = Slot(low=1, high=20)  # what people try first

Clock = Callable[[], datetime]


def _local_time() -> datetime:
    return datetime.now().astimezone()


class TutorBrain:
    """Makes a `TutorMind` for each session."""

    def __init__(self, clock: Clock = _local_time) -> None:
        """Use `clock` where the time of day is asked for."""
        self._clock = clock

    def suggestions(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> tuple[str, ...]:
        """Return sentences worth trying; see `seams.Brain`."""
        return known.SUGGESTIONS

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills = NO_SKILLS) -> TutorMind:
        """Return a fresh mind that may call these functions; see `seams.Brain`."""
        return TutorMind([declared(one) for one in declarations if one.get("name")], self._clock)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A call that waits for one more argument."""

    tool: Declared
    args: dict[str, Any]
    missing: str


class TutorMind:
    """One session of the tutor: what it listens for, what it said last, which call waits for an argument."""

    def __init__(self, tools: Sequence[Declared], clock: Clock) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._clock = clock
        self._table = Table([*_own_patterns(), *(pattern for tool in tools for pattern in tool.patterns)])
        self._phrases = Phrases(tuple(_sentences(tools)))
        self._answers = {f"answer:{index}": answer for index, (answer, _) in enumerate(_answers())}
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
        answer = self._reply(text) if confident else self._sorry()
        return self._say(answer) if isinstance(answer, str) else answer

    async def result(self, name: str, result: Mapping[str, Any]) -> Thought:
        """Put a function's result into words."""
        return self._say(say_result(result))

    def _say(self, text: str) -> Say:
        self._last = text
        return Say(text)

    def _reply(self, text: str) -> str | Call:
        said = tokens(text)
        pending, self._pending = self._pending, None
        if pending is not None:
            value = pending.tool.answer(pending.missing, text, said)
            if value is not None and (
                pending.missing not in pending.tool.texts or not self._table.match(said)
            ):
                return self._call(pending.tool, pending.args | {pending.missing: value})
        if (sum_ := say_sum(said)) is not None:
            return sum_
        for tool in self._tools.values():
            if free := tool.free_text(text):
                found = self._table.match(said)
                mine = found.values if found and found.pattern.intent == f"tool:{tool.name}" else {}
                exact = {
                    key: value
                    for key, value in mine.items()
                    if free.get(key, value).lower() == str(value).lower()
                }
                return self._call(tool, {**mine, **free, **exact})
        found = self._table.match(said)
        return self._meant(found) if found else self._sorry()

    def _meant(self, found: Match) -> str | Call:
        intent = found.pattern.intent
        if intent.startswith("tool:"):
            return self._call(self._tools[intent.removeprefix("tool:")], dict(found.values))
        if intent in self._answers:
            return self._answers[intent]
        make: dict[str, Callable[[], str]] = {
            "time": self._time,
            "date": self._date,
            "joke": self._joke,
            "repeat": lambda: self._last,
        }
        if intent in make:
            return make[intent]()
        return _count(found.values.get("to")) if intent == "count" else self._abilities()

    def _call(self, tool: Declared, args: dict[str, Any]) -> str | Call:
        if tool.others:
            return (
                f"That needs {listed([spoken_name(one) for one in tool.others])}, and I cannot fill that in."
            )
        missing = next((key for key in tool.required if key not in args), None)
        if missing is None:
            return Call(tool.name, args)
        self._pending = _Pending(tool, args, missing)
        slot = tool.slots.get(missing)
        choices = list(slot.choices)[:5] if slot and missing not in tool.texts else []
        many = slot is not None and not choices and missing.endswith("s")
        question = f"{'How many' if many else 'Which'} {spoken_name(missing)}?"
        return f"{question} You can say {listed(choices, 'or')}." if choices else question

    def _abilities(self) -> str:
        own = [tool.patterns[0].text for tool in self._tools.values() if tool.patterns]
        more = f" Here I can also: {listed(own[:5])}." if own else ""
        return f"{known.ABILITIES}{more}"

    def _sorry(self) -> str:
        suggestion = known.SUGGESTIONS[self._hints % len(known.SUGGESTIONS)]
        self._hints += 1
        return f"{known.SORRY} {known.SORRY_HINT.format(suggestion=suggestion)}"

    def _joke(self) -> str:
        self._jokes += 1
        return known.JOKES[(self._jokes - 1) % len(known.JOKES)]

    def _time(self) -> str:
        now = self._clock()
        return f"It is {now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}."

    def _date(self) -> str:
        now = self._clock()
        return f"Today is {now:%A}, {now:%B} {now.day}."


def _answers() -> list[tuple[str, tuple[str, ...]]]:
    return [*known.SMALL_TALK, *known.QUESTIONS, *known.TYPED]


def _own_patterns() -> list[Pattern]:
    patterns = [
        Pattern(text, f"answer:{index}") for index, (_, texts) in enumerate(_answers()) for text in texts
    ]
    counting = {"to": Slot(low=1, high=_COUNT_LIMIT)}
    for intent, texts in known.SPECIAL.items():
        patterns += [Pattern(text, intent, counting if "{to}" in text else {}) for text in texts]
    return patterns


def _sentences(tools: Sequence[Declared]) -> list[str]:
    """Return what to listen for. A sentence that stands there twice is expected twice as often."""
    sentences: list[str] = [*known.SUGGESTIONS * 4]
    typed = {text for _, texts in known.TYPED for text in texts}
    for pattern in _own_patterns():
        if pattern.text in typed:
            continue
        sentences += pattern.sentences(_COUNT_LIMIT if pattern.names else 8)
    for text in known.ARITHMETIC:
        sentences += Pattern(text, "sum", {"a": _NUMBER, "b": _NUMBER}).sentences(101)
        sentences += Pattern(text, "sum", {"a": _SMALL, "b": _SMALL}).sentences(200)
    for tool in tools:
        for pattern in tool.patterns:
            sentences += pattern.sentences(_TOOL_SENTENCES if pattern.names else 4)
            # A combination that is not listened for would be heard as its neighbour.
            sentences += sorted(set(pattern.choices(_TOOL_COMBINATIONS)).difference(sentences))
        for key in tool.required:  # the answer to "Which …?"
            if key in tool.slots:
                sentences += Pattern(f"{{{key}}}", "", tool.slots).sentences(_TOOL_SENTENCES)
    return sentences


def _count(to: Any) -> str:
    if not isinstance(to, int | float) or to < 1:
        return "Tell me a number to count to, from one to twenty."
    if to > _COUNT_LIMIT:
        return f"I count to {say_number(_COUNT_LIMIT)} at most."
    return f"{', '.join(say_number(number) for number in range(1, int(to) + 1))}.".capitalize()
