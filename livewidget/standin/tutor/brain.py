"""The tutor's brain: one table of phrases, no language model.

It answers sums, questions and small talk, calls declared functions, and says so when it did not understand.
The same table makes the sentences that the ears listen for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from livewidget.standin.seams import Call, Phrases, Say
from livewidget.standin.tutor import phrases as known
from livewidget.standin.tutor.declared import Declared, declared
from livewidget.standin.tutor.numbers import Number, Token, say_number, tokens, words
from livewidget.standin.tutor.patterns import Match, Pattern, Slot, Table

_COUNT_LIMIT = 20
_RESULT_LIMIT = 300  # characters of a function's result that are spoken
_TOOL_SENTENCES = 24  # ways to say each of a function's patterns that has slots
_TOOL_COMBINATIONS = 300  # of a pattern's choices, up to which each is listened for
_OPERATORS = frozenset(("plus", "minus", "times", "divided", "multiplied", "over"))
_SUM_FILLERS = frozenset(
    words("what is how much the sum of calculate compute tell me please equals equal to and by")
)
_NUMBER = Slot(low=0, high=100)
_SMALL = Slot(low=1, high=20)  # what people try first

Clock = Callable[[], datetime]


def _local_time() -> datetime:
    return datetime.now().astimezone()


class TutorBrain:
    """Makes a `TutorMind` for each session."""

    suggestions: tuple[str, ...] = known.SUGGESTIONS

    def __init__(self, clock: Clock = _local_time) -> None:
        """Use `clock` where the time of day is asked for."""
        self._clock = clock

    def session(self, declarations: Sequence[Mapping[str, Any]]) -> TutorMind:
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

    async def reply(self, text: str, *, confident: bool = True) -> Say | Call:
        """Answer what was said or typed; see `seams.Mind`."""
        answer = self._reply(text) if confident else self._sorry()
        return self._say(answer) if isinstance(answer, str) else answer

    async def result(self, name: str, result: Mapping[str, Any]) -> Say | Call:
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
            return f"That needs {_listed([_words(one) for one in tool.others])}, and I cannot fill that in."
        missing = next((key for key in tool.required if key not in args), None)
        if missing is None:
            return Call(tool.name, args)
        self._pending = _Pending(tool, args, missing)
        slot = tool.slots.get(missing)
        choices = list(slot.choices)[:5] if slot and missing not in tool.texts else []
        many = slot is not None and not choices and missing.endswith("s")
        question = f"{'How many' if many else 'Which'} {_words(missing)}?"
        return f"{question} You can say {_listed(choices, 'or')}." if choices else question

    def _abilities(self) -> str:
        own = [tool.patterns[0].text for tool in self._tools.values() if tool.patterns]
        more = f" Here I can also: {_listed(own[:5])}." if own else ""
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


# --- Sums --------------------------------------------------------------------------------------------------


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
        elif word not in _SUM_FILLERS or negative:
            return None
    whole = len(terms) >= 3 and not isinstance(terms[-1], str) and not negative
    return terms if whole else None


def _count(to: Any) -> str:
    if not isinstance(to, int | float) or to < 1:
        return "Tell me a number to count to, from one to twenty."
    if to > _COUNT_LIMIT:
        return f"I count to {say_number(_COUNT_LIMIT)} at most."
    return f"{', '.join(say_number(number) for number in range(1, int(to) + 1))}.".capitalize()


# --- Results -----------------------------------------------------------------------------------------------


def say_result(result: Mapping[str, Any]) -> str:
    """Return a function's result as a sentence: {"result": "the lamp is on"} → "The lamp is on."."""
    if result.get("error"):
        return _sentence(f"The tool failed: {_said(result['error'])}")
    value: Any = result
    if len(result) == 1:
        (key,) = result
        value = result[key] if key in {"result", "output", "response", "content", "answer"} else result
    if value is None or value in ("", {}, []):
        return "Done."
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, int | float):
        return f"The result is {_said(value)}."
    return _sentence(_said(value))


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(str(key))}: {_said(one)}" for key, one in list(value.items())[:6])
    if isinstance(value, list | tuple):
        return _listed([_said(one) for one in value[:6]])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "nothing" if value is None else " ".join(str(value).split())


def _sentence(text: str) -> str:
    if len(text) > _RESULT_LIMIT:
        text = text[:_RESULT_LIMIT].rsplit(" ", 1)[0] + " …"
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?…" else ".")


def _listed(items: Sequence[str], joint: str = "and") -> str:
    return f" {joint} ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def _words(name: str) -> str:
    return " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)).lower() or name
