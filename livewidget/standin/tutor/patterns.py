"""How the tutor reads and writes: text as tokens, patterns with slots that match them, values in words again.

A pattern gives both the sentences that the recognizer expects and the meaning of what was said.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

Number = int | float
#: A word in lower case, or a number.
Token = str | int | float


def words(text: str) -> tuple[str, ...]:
    """Split `text` into words: a list of words is easier to read without quotes and commas."""
    return tuple(text.split())


@cache
def read_sections(name: str) -> dict[str, list[tuple[str, ...]]]:
    """Read a content file of this package: the rows of each section, split into columns."""
    return parse_sections((resources.files(__package__) / name).read_text(encoding="utf-8"))


def parse_sections(text: str) -> dict[str, list[tuple[str, ...]]]:
    """Parse `[section]` lines and rows of `a | b | c`; rows before the first section are in section ""."""
    sections: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            sections[section].append(tuple(column.strip() for column in line.split("|")))
    return dict(sections)


def read_pattern(way: str, intent: str, choices: Mapping[str, Mapping[str, Any]]) -> Pattern:
    """Read a phrase of a content file: `{n:2-9}` is a number, `{name}` one of `choices["name"]`.

    Raises:
        ValueError: If there are no choices of that name.
    """
    slots = {name: Slot(low=int(low), high=int(high)) for name, low, high in _NUMBER.findall(way)}
    text = _NUMBER.sub(r"{\1}", way)
    for name in _SLOT.findall(text):
        if name not in slots and name not in choices:
            raise ValueError(f"There are no values for {{{name}}}.")
        slots[name] = slots.get(name) or Slot(choices[name])
    return Pattern(text, intent, slots)


def alternatives(column: str) -> tuple[str, ...]:
    """Return the ways to say the same in a column: "hi / hello" → "hi", "hello"."""
    return tuple(way.strip() for way in column.split(" / "))


#: Lists of words, by the name that `english.txt` gives them.
WORDS = {name: words(listed) for name, listed in read_sections("english.txt")["words"]}
_ONES, _TENS = WORDS["ones"], WORDS["tens"]
_VALUES = {word: value for value, word in enumerate(_ONES)}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, 2)}
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1_000, "thousand"))
#: From here on, a number is written in digits: it has no name above.
_LARGE = 10**15

#: Spellings and their words. Operators between two numbers come first, then signs on their own.
_SPELLINGS = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"[’‘]", "'"),
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"(?<=[\d)])\s*[x×✕⋅·*]\s*(?=[\d(-])", " times "),
        (r"(?<=[\d)])\s*[/÷:]\s*(?=[\d(-])", " divided by "),
        (r"(?<=[\d)])\s*[-−–]\s*(?=[\d(-])", " minus "),
        (r"(?<![\w])[-−](?=\d)", " minus "),
        (r"\+", " plus "),
        (r"[×*]", " times "),
        (r"÷", " divided by "),
        (r"\b(what|who|how|where|that|it|there)'s\b", r"\1 is"),
        (r"\bi'm\b", "i am"),
        (r"\b(do|does|is|should|did)n't\b", r"\1 not"),
        (r"\bcan't\b", "can not"),
    )
)
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*")


def say_number(value: Number) -> str:
    """Return a number in words, rounded to two decimals: "minus forty two", "three point five"."""
    if isinstance(value, float) and not value.is_integer():
        whole, _, digits = f"{value:.2f}".rstrip("0").rstrip(".").partition(".")
        integer = ("minus " if whole.startswith("-") else "") + say_number(abs(int(whole)))
        return f"{integer} point {' '.join(_ONES[int(digit)] for digit in digits)}" if digits else integer
    number = int(value)
    if number < 0:
        return f"minus {say_number(-number)}"
    if number >= _LARGE:
        return str(number)
    for scale, name in _SCALES:
        if number >= scale:
            rest = f" {say_number(number % scale)}" if number % scale else ""
            return f"{say_number(number // scale)} {name}{rest}"
    if number >= 100:
        rest = f" {say_number(number % 100)}" if number % 100 else ""
        return f"{_ONES[number // 100]} hundred{rest}"
    if number >= 20:
        return _TENS[number // 10 - 2] + (f" {_ONES[number % 10]}" if number % 10 else "")
    return _ONES[number]


def tokens(text: str) -> list[Token]:
    """Return `text` as words in lower case and numbers: "What's 7+5?" → what, is, 7, plus, 5."""
    text = text.lower()
    for pattern, by in _SPELLINGS:
        text = pattern.sub(by, text)
    return fold_numbers(_WORD.findall(text))


def fold_numbers(spoken: Iterable[str]) -> list[Token]:
    """Return words with number words and digits as numbers: "one hundred and five" → 105."""
    folded: list[Token] = []
    run: list[str] = []
    for word in spoken:
        if word in _VALUES or (run and word in {"hundred", "thousand", "million", "and", "point"}):
            run.append(word)
            continue
        folded += _read_numbers(run)
        run = []
        if word[0].isdigit():
            folded.append(float(word) if "." in word else int(word[:18]))
        else:
            folded.append(word)
    return folded + _read_numbers(run)


def _read_numbers(run: Sequence[str]) -> list[Token]:
    """Read a run of number words; two numbers in a row ("seven five") stay two."""
    found: list[Token] = []
    total, part, open_ = 0, 0, False
    index = 0
    while index < len(run):
        word = run[index]
        index += 1
        if word in _VALUES:
            value, tail = _VALUES[word], part % 100
            begins = part == 0 and total > 0
            joins = (tail == 0 and part > 0) or (tail >= 20 and tail % 10 == 0 and 0 < value < 10)
            if open_ and not begins and not joins:
                found.append(total + part)
                total = part = 0
            part, open_ = part + value, True
        elif word == "hundred" and open_ and 0 < part < 100:
            part *= 100
        elif word in {"thousand", "million"} and open_:
            total, part = total + part * (1_000 if word == "thousand" else 10**6), 0
        elif word == "point" and open_ and index < len(run) and _VALUES.get(run[index], 10) < 10:
            digits = ""
            while index < len(run) and _VALUES.get(run[index], 10) < 10:
                digits += str(_VALUES[run[index]])
                index += 1
            found.append(float(f"{total + part}.{digits}"))
            total, part, open_ = 0, 0, False
        elif not (word == "and" and index < len(run) and part % 100 == 0 and (part or total)):
            if open_:
                found.append(total + part)
            found.append(word)
            total, part, open_ = 0, 0, False
    if open_:
        found.append(total + part)
    return found


#: Similarity, of 100, from which words match a pattern. Measured: with 11 voices at 20 dB SNR, 97.8 % of the
#: phrases were understood, 0.4 % wrongly, and 2.4 % of other sentences were accepted.
ACCEPT = 70.0
#: Similarity of two words, of 100, from which one is a misspelling of the other. Chosen.
_SAME_WORD = 80
#: Best patterns of which the first that fits is taken. Chosen.
_CANDIDATES = 12
_SLOT = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"\{(\w+):(\d+)-(\d+)\}")
#: Words without meaning, and words of little meaning, which weigh a third of the others.
_PLAIN_WORDS, _ASKING_WORDS = frozenset(WORDS["plain"]), frozenset(WORDS["asking"])
_NEGATIONS = frozenset(WORDS["negations"])
_POLITE = tuple(words(phrase) for (phrase,) in read_sections("english.txt")["polite"])


@dataclass(frozen=True, slots=True)
class Slot:
    """What a slot takes: one of `choices` (spoken words → value), or a number if there are none."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    low: int = 0
    high: int = 100

    def samples(self, count: int, chance: random.Random) -> list[str]:
        """Return `count` spoken values that cover the slot as evenly as possible."""
        spoken = list(self.choices) or [say_number(value) for value in range(self.low, self.high + 1)]
        rounds = [chance.sample(spoken, len(spoken)) for _ in range(-(-count // len(spoken)))]
        return [word for some in rounds for word in some][:count]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A phrase that means `intent`; `{name}` in `text` is one of `slots`."""

    text: str
    intent: str
    slots: Mapping[str, Slot] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the slots, in order."""
        return _SLOT.findall(self.text)

    @property
    def template(self) -> str:
        """The text with # for each number slot and @ for each choice slot."""
        return _SLOT.sub(lambda slot: "@" if self.slots[str(slot[1])].choices else "#", self.text)

    def sentences(self, count: int, seed: int = 0) -> list[str]:
        """Return `count` sentences with different values; without slots, the same one."""
        chance = random.Random(f"{seed} {self.text}")
        values = {name: self.slots[name].samples(count, chance) for name in self.names}
        return [
            "".join(
                values[part][at] if index % 2 else part for index, part in enumerate(_SLOT.split(self.text))
            )
            for at in range(count)
        ]

    def choices(self, most: int) -> list[str]:
        """Return the sentences of all combinations of choices; none for number slots, or above `most`."""
        slots = [self.slots[name].choices for name in self.names]
        if not all(slots) or math.prod(map(len, slots)) > most:
            return []
        parts = _SLOT.split(self.text)
        combinations = itertools.product(*slots)
        return [
            "".join(itertools.chain(*zip(parts[::2], [*words, ""], strict=True))) for words in combinations
        ]


@dataclass(frozen=True, slots=True)
class Match:
    """Words that match `pattern`. Slots without a value are missing from `values`."""

    pattern: Pattern
    values: Mapping[str, Any]
    score: float


class PatternTable:
    """The patterns of a dialogue."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = tuple({(p.text, p.intent): p for p in patterns}.values())
        self._choices = sorted(
            {spoken for pattern in patterns for slot in pattern.slots.values() for spoken in slot.choices},
            key=lambda spoken: -len(spoken.split()),
        )
        self._with_choice = [p for p in self._patterns if "@" in p.template]
        self._without = [p for p in self._patterns if "@" not in p.template]

    def match(self, utterance: Sequence[Token]) -> Match | None:
        """Return the best match for an utterance, or None."""
        found: list[tuple[float, Pattern, list[Token]]] = []
        # With and without polite words: "can you" belongs to "can you hear me".
        for variant in dict.fromkeys((tuple(utterance), tuple(strip_politeness(utterance)))):
            words = list(variant)
            for patterns, template in (
                (self._without, _template(words)),
                (self._with_choice, self._replace_choices(words)),
            ):
                found += [(score, pattern, words) for score, pattern in _nearest(template, patterns)]
        for score, pattern, words in sorted(found, key=lambda candidate: -candidate[0]):
            if _fits(pattern, words):
                return Match(pattern, _bind(pattern, words), score)
        return None

    def _replace_choices(self, words: Sequence[Token]) -> str:
        text = f" {_template(words)} "
        for spoken in self._choices:
            text = text.replace(f" {spoken} ", " @ ")
        return text.strip()


def strip_politeness(utterance: Sequence[Token]) -> list[Token]:
    """Return the words without the polite ones around a request, or all if nothing else is left."""
    words, before = list(utterance), None
    while words != before:
        before = words
        for polite in _POLITE:
            count = len(polite)
            if tuple(words[:count]) == polite and len(words) > count:
                words = words[count:]
            if tuple(words[-count:]) == polite and len(words) > count:
                words = words[:-count]
    return words


def find_choice(slot: Slot, words: Sequence[Token]) -> str | None:
    """Return the choice that is said first, the longest of several; None if there is none."""
    text = f" {_template(words, '0')} "
    positions = [(text.find(f" {spoken} "), -len(spoken), spoken) for spoken in slot.choices]
    return min(((at, size, spoken) for at, size, spoken in positions if at >= 0), default=(0, 0, None))[2]


def _template(words: Sequence[Token], number: str = "#") -> str:
    return " ".join(word if isinstance(word, str) else number for word in words)


def _nearest(template: str, patterns: Sequence[Pattern]) -> Iterator[tuple[float, Pattern]]:
    from rapidfuzz import fuzz, process

    ranked = process.extract(
        template, [p.template for p in patterns], scorer=fuzz.ratio, score_cutoff=ACCEPT, limit=_CANDIDATES
    )
    for _, score, index in ranked:
        yield score, patterns[index]


def _fits(pattern: Pattern, words: Sequence[Token]) -> bool:
    """Return whether the words that carry the pattern's meaning were said, and no negation.

    By similarity of letters alone, Peru is France and "do not turn on" is "turn on".
    """
    from rapidfuzz import fuzz

    spoken = {word for word in words if isinstance(word, str)}
    wanted = [word for word in pattern.text.split() if not word.startswith("{")]
    if (spoken & _NEGATIONS) - set(wanted):
        return False
    numbers = sum(not isinstance(word, str) for word in words)
    if numbers < pattern.template.count("#") and not pattern.template.count("@"):
        return False
    total = missing = 0
    for word in wanted:
        if word in _PLAIN_WORDS:
            continue
        weight = 1 if word in _ASKING_WORDS else 3
        total += weight
        near = word in spoken or (
            len(word) > 3 and any(fuzz.ratio(word, other) >= _SAME_WORD for other in spoken)
        )
        missing += 0 if near else weight
    return missing * 4 <= total  # a quarter may be missing


def _bind(pattern: Pattern, words: Sequence[Token]) -> dict[str, Any]:
    numbers: list[Number] = [word for word in words if not isinstance(word, str)]
    rest = list(words)
    values: dict[str, Any] = {}
    for name in pattern.names:
        slot = pattern.slots[name]
        if not slot.choices:
            if numbers:
                values[name] = numbers.pop(0)
            continue
        spoken = find_choice(slot, rest)
        if spoken is not None:
            values[name] = slot.choices[spoken]
            rest = _without(rest, spoken.split())
    return values


def _without(words: list[Token], part: list[str]) -> list[Token]:
    for at in range(len(words) - len(part) + 1):
        if words[at : at + len(part)] == part:
            return [*words[:at], "", *words[at + len(part) :]]  # the gap keeps its neighbours apart
    return words


#: Characters of a function's result that are spoken: some 20 seconds. Chosen.
_RESULT_LIMIT = 300
#: Keys that say nothing about their value if they are the only one.
_PLAIN_KEYS = frozenset(("result", "output", "response", "content", "answer", "value"))


def say_result(result: Mapping[str, Any]) -> str:
    """Return a function's result as a sentence: {"result": "the lamp is on"} → "The lamp is on."."""
    if result.get("error"):
        # A call that was not allowed has not failed, and the error speaks to the model about the user.
        why = _in_words(result["error"]).replace("the user ", "you ")
        return _sentence(f"I couldn't do that: {why}")
    value: Any = result
    if len(result) == 1:
        (key,) = result
        value = result[key] if key in _PLAIN_KEYS else result
    if value is None or value in ("", {}, []):
        return "Done."
    if isinstance(value, bool):
        return "Yes." if value else "No."
    if isinstance(value, int | float):
        return f"The result is {_in_words(value)}."
    return _sentence(_in_words(value))


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{spoken_name(str(key))}: {_in_words(one)}" for key, one in list(value.items())[:6])
    if isinstance(value, list | tuple):
        return listed([_in_words(one) for one in value[:6]])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "nothing" if value is None else " ".join(str(value).split())


def _sentence(text: str) -> str:
    if len(text) > _RESULT_LIMIT:
        text = text[:_RESULT_LIMIT].rsplit(" ", 1)[0] + " …"
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?…" else ".")


def listed(items: Sequence[str], joint: str = "and") -> str:
    """Return items as a spoken list: "a, b and c"."""
    return f" {joint} ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def spoken_name(name: str) -> str:
    """Return an identifier in words: "setLight2" → "set light 2"."""
    return " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)).lower() or name


#: Punctuation by its name.
_MARKS = {
    "comma": ",", "period": ".", "full stop": ".", "question mark": "?", "exclamation mark": "!",
    "colon": ":", "new line": "\n", "new paragraph": "\n\n",
}  # fmt: skip
#: First words of a question, words that may come before those, and words that begin with a capital.
_ASKING, _BEFORE = frozenset(WORDS["question"]), frozenset(WORDS["before question"])
_PROPER = frozenset(WORDS["proper"])


def smart_transcript(text: str, vocabulary: Iterable[str] = ()) -> str:
    """Return a transcript with capitals, digits and punctuation: "is it seven" → "Is it 7?".

    Text that has capitals or punctuation is returned unchanged: another recognizer has written it.

    Args:
        text: Words in lower case, numbers as words; punctuation may be spoken ("question mark").
        vocabulary: Words and phrases in their own spelling: "GitHub".
    """
    if not text.strip() or re.search(r"[A-Z.,;:?!]", text):
        return text
    folded = [f"{word:g}" if isinstance(word, float) else str(word) for word in fold_numbers(text.split())]
    line = " ".join(map(_capital, folded))
    for term in sorted(vocabulary, key=len, reverse=True):
        spelled = r"\s+".join(map(re.escape, re.findall(r"[\w']+", term)))
        if spelled:
            # A backslash in a replacement is special.
            line = re.sub(rf"(?<![\w']){spelled}(?![\w'])", term.replace("\\", "\\\\"), line, flags=re.I)
    line = re.sub(r"(?<=\d) percent\b", "%", line)
    for name, mark in _MARKS.items():
        line = re.sub(rf"\s*\b{name}\b[ \t]*", mark if "\n" in mark else f"{mark} ", line, flags=re.I)
    return _sentences(line.strip(" "))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:] if re.split(r"'", word)[0] in _PROPER else word


def _sentences(line: str) -> str:
    """Capitalize each sentence, and punctuate the last one."""
    pieces: Sequence[str] = re.split(r"((?:[.?!]+\s|\n)\s*)", line)
    written = "".join(piece[:1].upper() + piece[1:] for piece in pieces)
    if re.search(r"[.?!:,\n]$", written):
        return written
    last = [word.lower() for word in pieces[-1].split()]
    if last and last[0] in _BEFORE:  # as in "at what temperature"
        last = last[1:]
    return f"{written}{'?' if last and last[0] in _ASKING else '.'}"
