"""Numbers and words: text as tokens, number words as numbers, numbers as words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Number = int | float
Token = str | int | float  # a word in lower case, or a number


def words(text: str) -> tuple[str, ...]:
    """Return the words of `text`: a list of words is easier to read without quotes and commas."""
    return tuple(text.split())


_ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
_VALUES = {word: value for value, word in enumerate(_ONES)}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, 2)}
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1_000, "thousand"))
_LARGE = 10**15  # beyond, a number is said as digits

# In this order: what stands between two numbers first, then what is a sign of its own.
_SPELLINGS = (
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
_SPELLINGS_COMPILED = tuple((re.compile(pattern), by) for pattern, by in _SPELLINGS)
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*")


def say_number(value: Number) -> str:
    """Return a number in words, rounded to two decimals: "minus forty two", "three point five"."""
    if isinstance(value, float) and not value.is_integer():
        whole, _, digits = f"{value:.2f}".rstrip("0").rstrip(".").partition(".")
        said = ("minus " if whole.startswith("-") else "") + say_number(abs(int(whole)))
        return f"{said} point {' '.join(_ONES[int(digit)] for digit in digits)}" if digits else said
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
    for pattern, by in _SPELLINGS_COMPILED:
        text = pattern.sub(by, text)
    return fold(_WORD.findall(text))


def fold(said: Iterable[str]) -> list[Token]:
    """Return words with number words and digits as numbers: "one hundred and five" → 105."""
    folded: list[Token] = []
    run: list[str] = []
    for word in said:
        if word in _VALUES or (run and word in {"hundred", "thousand", "million", "and", "point"}):
            run.append(word)
            continue
        folded += _read(run)
        run = []
        if word[0].isdigit():
            folded.append(float(word) if "." in word else int(word[:18]))
        else:
            folded.append(word)
    return folded + _read(run)


def _read(run: Sequence[str]) -> list[Token]:
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
