"""What the tutor computes: sums in its head, and programs if code execution is declared.

The programs are its own, with the numbers of the question in them: nothing that a user says is ever run. They
can call a few harmless functions, and their numbers are bounded, so that each finishes at once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from livewidget.standin.interfaces import ExecutedCode, Reply
from livewidget.standin.tutor.patterns import (
    WORDS,
    Number,
    Token,
    listed,
    read_pattern,
    read_sections,
    say_number,
)

#: Words that join two numbers, and how they are said.
_OPERATORS = {
    "plus": "plus", "minus": "minus", "times": "times", "multiplied": "times",
    "divided": "divided by", "over": "divided by",
}  # fmt: skip
#: Words around a sum that do not change it.
_FILLERS = frozenset(WORDS["sum"])
#: Numbers from which a sum is not done. Chosen: the result still has a name.
_SUM_LIMIT = 10**12

#: Characters of a program's output, and items of its list of numbers. Chosen: bounds, never reached in
#: practice.
_OUTPUT_LIMIT = 4_000
_ITEMS = 50
#: From here on, digits are counted instead of read aloud: no number this long has a name.
_LARGE = 10**15
_HARMLESS = (abs, all, any, enumerate, float, int, len, list, max, min, range, round, sorted, sum, tuple, zip)


def say_sum(utterance: Sequence[Token]) -> str | None:
    """Return a sum and its result in words: "Seven plus five is twelve."; None if it is not a sum.

    Times and divided by come before plus and minus.
    """
    terms = _terms(utterance)
    if terms is None:
        return None
    values: list[Number] = [term for term in terms if not isinstance(term, str)]
    if any(abs(value) >= _SUM_LIMIT for value in values):
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
    spoken = " ".join(term if isinstance(term, str) else say_number(term) for term in terms)
    return f"{spoken} is {'' if exact else 'about '}{say_number(round(total, 2))}.".capitalize()


def _terms(utterance: Sequence[Token]) -> list[Number | str] | None:
    """Return numbers and operators in turn, at least two numbers; None for anything else."""
    terms: list[Number | str] = []
    negative = False
    for word in utterance:
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
            terms.append(_OPERATORS[word])
        elif word not in _FILLERS or negative:
            return None
    whole = len(terms) >= 3 and not isinstance(terms[-1], str) and not negative
    return terms if whole else None


@dataclass(frozen=True, slots=True)
class Program:
    """A kind of program.

    Attributes:
        asks: Words that must all be said; "a|b" is either.
        count: How many numbers it takes, at least and at most.
        most: The largest number that it takes.
        code: Returns the code for these numbers.
        says: Returns the answer for the numbers and what was printed.
    """

    asks: tuple[str, ...]
    count: tuple[int, int]
    most: int
    code: Callable[..., str]
    says: Callable[[Sequence[Number], Any], str]


_PRIMES = """\
primes = []
number = 2
while len(primes) < {0}:
    if all(number % prime for prime in primes):
        primes.append(number)
    number += 1
print(primes)
"""
_IS_PRIME = """\
number = {0}
divisors = [d for d in range(2, number) if number % d == 0]
print(number > 1 and not divisors)
"""
_FACTORIAL = """\
product = 1
for factor in range(2, {0} + 1):
    product *= factor
print(product)
"""
_FIBONACCI = """\
numbers = [0, 1]
while len(numbers) < {0}:
    numbers.append(numbers[-2] + numbers[-1])
print(numbers[:{0}])
"""


def _list(*numbers: Number) -> str:
    return f"numbers = {list(numbers)}\n"


def _numbers(values: Sequence[Any]) -> str:
    shown = [str(value) for value in values[:20]]
    rest = [f"{len(values) - len(shown)} more"] if len(values) > len(shown) else []
    return listed([*shown, *rest]) or "none"


def _value(value: Any) -> str:
    if isinstance(value, int) and abs(value) >= _LARGE:
        return f"a number with {say_number(len(str(abs(value))))} digits: {value}"
    return say_number(value) if isinstance(value, int) or value == round(value, 2) else f"about {value:.2f}"


PROGRAMS: tuple[Program, ...] = (
    Program(
        ("first", "prime|primes"),
        (1, 1),
        500,
        _PRIMES.format,
        lambda n, found: f"The first {say_number(n[0])} prime numbers are {_numbers(found)}.",
    ),
    Program(
        ("is", "prime"),
        (1, 1),
        100_000,
        _IS_PRIME.format,
        lambda n, found: f"{'Yes' if found else 'No'}, {n[0]} is {'' if found else 'not '}a prime number.",
    ),
    Program(
        ("factorial",),
        (1, 1),
        100,
        _FACTORIAL.format,
        lambda n, found: f"The factorial of {say_number(n[0])} is {_value(found)}.",
    ),
    Program(
        ("fibonacci",),
        (1, 1),
        200,
        _FIBONACCI.format,
        lambda n, found: f"The first {say_number(n[0])} Fibonacci numbers are {_numbers(found)}.",
    ),
    Program(
        ("sum|add", "numbers", "to"),
        (2, 2),
        100_000,
        "print(sum(range({}, {} + 1)))\n".format,
        lambda n, found: f"The numbers from {n[0]} to {n[1]} make {_value(found)}.",
    ),
    Program(
        ("average|mean", "of"),
        (1, _ITEMS),
        10**9,
        lambda *numbers: f"{_list(*numbers)}print(sum(numbers) / len(numbers))\n",
        lambda n, found: f"The average is {_value(found)}.",
    ),
    Program(
        ("sort",),
        (2, _ITEMS),
        10**9,
        lambda *numbers: f"{_list(*numbers)}print(sorted(numbers))\n",
        lambda n, found: f"In order they are {_numbers(found)}.",
    ),
    Program(
        ("divide", "python"),
        (2, 2),
        10**9,
        "print({} / {})\n".format,
        lambda n, found: f"That makes {_value(found)}.",
    ),
)

#: What the user may say.
PATTERNS = tuple(read_pattern(text, "program", {}) for (text,) in read_sections("topics.txt")["programs"])


def find_program(utterance: Sequence[Token]) -> tuple[Program, list[Number]] | None:
    """Return the program that the user asks for, and its numbers; or None."""
    asked = {word for word in utterance if isinstance(word, str)}
    # Without a sum, a minus is the sign of the number after it.
    numbers: list[Number] = [
        -word if before == "minus" else word
        for before, word in pairwise(["", *utterance])
        if not isinstance(word, str)
    ]
    for program in PROGRAMS:
        least, most = program.count
        meant = all(asked & set(either.split("|")) for either in program.asks)
        if meant and least <= len(numbers) <= most:
            return program, numbers
    return None


def answer_program(program: Program, numbers: Sequence[Number]) -> Reply:
    """Run the program, and return its result in words. Takes a moment: call it in a thread."""
    if any(abs(number) > program.most for number in numbers):
        return Reply(f"That is too much for me: I compute this for numbers up to {program.most}.")
    code = program.code(*numbers)
    executed = run(code)
    thoughts = (
        "Code execution is declared: I can have this computed.",
        f"It has the words {listed([one.replace('|', ' or ') for one in program.asks])}, "
        f"and the numbers {_numbers(numbers)}.",
        f"I write a program of {say_number(code.count(chr(10)))} lines and run it.",
        f"It {'printed' if executed.ok else 'failed with'} {executed.output.strip()[:80]}",
    )
    if not executed.ok:
        return Reply(
            f"I ran a program, and it failed: {executed.output.strip()}.", thoughts, executed=executed
        )
    return Reply(program.says(numbers, ast.literal_eval(executed.output)), thoughts, executed=executed)


def run(code: str) -> ExecutedCode:
    """Run one of the programs above, with a few harmless functions for builtins."""
    printed: list[str] = []

    def show(*values: object) -> None:
        printed.append(" ".join(map(str, values))[:_OUTPUT_LIMIT] + "\n")

    known = {one.__name__: one for one in _HARMLESS} | {"print": show}
    try:
        exec(compile(code, "<program>", "exec"), {"__builtins__": known})
    except Exception as error:
        return ExecutedCode(code, f"{''.join(printed)}{type(error).__name__}: {error}", ok=False)
    return ExecutedCode(code, "".join(printed)[:_OUTPUT_LIMIT])
