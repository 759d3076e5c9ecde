"""Programs that the tutor writes and runs, where code execution is declared.

They are its own few, with the numbers of the question in them: nothing that somebody says is ever run. They
know some twenty harmless functions, and their numbers are bounded, so that each is done in an instant.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from livewidget.standin.interfaces import ExecutedCode, Reply
from livewidget.standin.tutor.patterns import Number, Pattern, Slot, Token, listed, say_number

_OUTPUT_LIMIT = 4_000  # characters
_ITEMS = 50  # of a list of numbers
_HARMLESS = (abs, all, any, enumerate, float, int, len, list, max, min, range, round, sorted, sum, tuple, zip)
_LARGE = 10**15  # beyond, the digits are counted instead of read aloud


@dataclass(frozen=True, slots=True)
class Program:
    """A kind of program.

    Attributes:
        asks: Words of which each must be said; "a|b" is either.
        count: How many numbers it takes, at least and at most.
        most: Largest number that it takes.
        code: Makes the code of the numbers.
        says: Makes the answer of the numbers and of what was printed.
        phrases: What to listen for, with its slots.
        slots: Of the phrases.
    """

    asks: tuple[str, ...]
    count: tuple[int, int]
    most: int
    code: Callable[..., str]
    says: Callable[[Sequence[Number], Any], str]
    phrases: tuple[str, ...]
    slots: dict[str, Slot] = field(default_factory=dict)


def _primes(count: Number) -> str:
    return (
        "primes = []\n"
        "number = 2\n"
        f"while len(primes) < {count}:\n"
        "    if all(number % prime for prime in primes):\n"
        "        primes.append(number)\n"
        "    number += 1\n"
        "print(primes)\n"
    )


def _is_prime(number: Number) -> str:
    return (
        f"number = {number}\n"
        "divisors = [d for d in range(2, number) if number % d == 0]\n"
        "print(number > 1 and not divisors)\n"
    )


def _factorial(number: Number) -> str:
    return f"product = 1\nfor factor in range(2, {number} + 1):\n    product *= factor\nprint(product)\n"


def _fibonacci(count: Number) -> str:
    return (
        "numbers = [0, 1]\n"
        f"while len(numbers) < {count}:\n"
        "    numbers.append(numbers[-2] + numbers[-1])\n"
        f"print(numbers[:{count}])\n"
    )


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


_ONE = {"n": Slot(low=1, high=20)}
_SOME = {name: Slot(low=1, high=19) for name in "abc"}

PROGRAMS: tuple[Program, ...] = (
    Program(
        ("first", "prime|primes"),
        (1, 1),
        500,
        _primes,
        lambda n, found: f"The first {say_number(n[0])} prime numbers are {_numbers(found)}.",
        ("what are the first {n} prime numbers", "find the first {n} prime numbers"),
        {"n": Slot(low=2, high=20)},
    ),
    Program(
        ("is", "prime"),
        (1, 1),
        100_000,
        _is_prime,
        lambda n, found: f"{'Yes' if found else 'No'}, {n[0]} is {'' if found else 'not '}a prime number.",
        ("is {n} a prime number",),
        {"n": Slot(low=1, high=100)},
    ),
    Program(
        ("factorial",),
        (1, 1),
        100,
        _factorial,
        lambda n, found: f"The factorial of {say_number(n[0])} is {_value(found)}.",
        ("what is the factorial of {n}", "compute the factorial of {n}"),
        _ONE,
    ),
    Program(
        ("fibonacci",),
        (1, 1),
        200,
        _fibonacci,
        lambda n, found: f"The first {say_number(n[0])} Fibonacci numbers are {_numbers(found)}.",
        ("what are the first {n} fibonacci numbers",),
        {"n": Slot(low=2, high=20)},
    ),
    Program(
        ("sum|add", "numbers", "to"),
        (2, 2),
        100_000,
        lambda a, b: f"print(sum(range({a}, {b} + 1)))\n",
        lambda n, found: f"The numbers from {n[0]} to {n[1]} make {_value(found)}.",
        ("what is the sum of the numbers from one to {n}", "add the numbers from one to {n}"),
        {"n": Slot(low=2, high=100)},
    ),
    Program(
        ("average|mean", "of"),
        (1, _ITEMS),
        10**9,
        lambda *numbers: f"{_list(*numbers)}print(sum(numbers) / len(numbers))\n",
        lambda n, found: f"The average is {_value(found)}.",
        ("what is the average of {a} and {b}", "what is the average of {a} {b} and {c}"),
        _SOME,
    ),
    Program(
        ("sort",),
        (2, _ITEMS),
        10**9,
        lambda *numbers: f"{_list(*numbers)}print(sorted(numbers))\n",
        lambda n, found: f"In order they are {_numbers(found)}.",
        ("sort the numbers {a} {b} and {c}",),
        _SOME,
    ),
    Program(
        ("divide", "python"),
        (2, 2),
        10**9,
        lambda a, b: f"print({a} / {b})\n",
        lambda n, found: f"That makes {_value(found)}.",
        ("divide {a} by {b} with python", "divide {a} by zero with python"),
        _SOME,
    ),
)

SUGGESTIONS = ("what are the first ten prime numbers", "divide seven by zero with python")


def patterns() -> list[Pattern]:
    """Return what to listen for."""
    return [
        Pattern(text, "program", {name: program.slots[name] for name in Pattern(text, "").names})
        for program in PROGRAMS
        for text in program.phrases
    ]


def find(said: Sequence[Token]) -> tuple[Program, list[Number]] | None:
    """Return the program that was asked for, and its numbers; None if none was."""
    words = {word for word in said if isinstance(word, str)}
    # Where no sum is done, a minus is the sign of the number after it.
    numbers: list[Number] = [
        -word if before == "minus" else word
        for before, word in pairwise(["", *said])
        if not isinstance(word, str)
    ]
    for program in PROGRAMS:
        least, most = program.count
        asked = all(words & set(either.split("|")) for either in program.asks)
        if asked and least <= len(numbers) <= most:
            return program, numbers
    return None


def answer(program: Program, numbers: Sequence[Number]) -> Reply:
    """Write the program, run it, and say what came of it. Takes a moment: run it in a thread."""
    if any(abs(number) > program.most for number in numbers):
        return Reply(f"That is too much for me: I compute this for numbers up to {program.most}.")
    code = program.code(*numbers)
    ran = run(code)
    thoughts = (
        "Code execution is declared: I can have this computed.",
        f"It has the words {listed([one.replace('|', ' or ') for one in program.asks])}, "
        f"and the numbers {_numbers(numbers)}.",
        f"I write a program of {say_number(code.count(chr(10)))} lines and run it.",
        f"It {'printed' if ran.ok else 'failed with'} {ran.output.strip()[:80]}",
    )
    if not ran.ok:
        return Reply(f"I ran a program, and it failed: {ran.output.strip()}.", thoughts, executed=ran)
    return Reply(program.says(numbers, ast.literal_eval(ran.output)), thoughts, executed=ran)


def run(code: str) -> ExecutedCode:
    """Run one of the programs above, with nothing at hand but a few harmless functions."""
    printed: list[str] = []

    def show(*values: object) -> None:
        printed.append(" ".join(map(str, values))[:_OUTPUT_LIMIT] + "\n")

    known = {one.__name__: one for one in _HARMLESS} | {"print": show}
    try:
        exec(compile(code, "<program>", "exec"), {"__builtins__": known})
    except Exception as error:
        return ExecutedCode(code, f"{''.join(printed)}{type(error).__name__}: {error}", ok=False)
    return ExecutedCode(code, "".join(printed)[:_OUTPUT_LIMIT])
