"""Sums in words: "what is seven plus five" → "Seven plus five is twelve."."""

from __future__ import annotations

from collections.abc import Sequence

from livewidget.standin.tutor.numbers import Number, Token, say_number, words

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
