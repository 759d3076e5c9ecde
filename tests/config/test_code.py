"""Values as the Python that a person would type: it means the same, and stands as ruff would have it."""

import ast
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.config.code import WIDTH, Call, Name, to_python

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(PLAIN)
def test_it_means_the_same(value):
    assert ast.literal_eval(to_python(value)) == value


@given(PLAIN)
def test_nothing_unseen_is_in_it(value):
    assert all(letter.isprintable() or letter == "\n" for letter in to_python(value))


def layout(code):
    """The code as ruff would have it."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


WORDS = [
    "a",
    "voice",
    "it's",
    'a "quote"',
    "日本語のことば",
    "naïve",
    "two\nlines",
    "\\",
    "x" * 90,
    "",
    "été " * 9,
]


def a_value(chance, depth):
    kind = chance.randrange(4 if depth else 2)
    if kind < 2:
        return chance.choice([None, True, 7, -0.25, 1e-7, 10**12, *WORDS])
    several = [a_value(chance, depth - 1) for _ in range(chance.randrange(5))]
    if kind == 2:
        return several
    return {chance.choice(WORDS[:7]) + str(place): value for place, value in enumerate(several)}


def a_call(chance):
    keywords = {f"keyword_{place}": a_value(chance, 2) for place in range(chance.randrange(6))}
    # As in a cell: never one keyword alone, which ruff sets in a way of its own.
    return Call(
        "LiveWidget", (chance.choice(["tutor", Call("Gemini", ("m",), {"base_url": "wss://x"})]),), keywords
    )


def test_it_stands_as_ruff_would_have_it():
    chance = random.Random(5)
    code = "".join(f"live = {to_python(a_call(chance), column=7)}\n" for _ in range(300))
    assert code == layout(code)


def test_the_test_of_the_layout_sees_another_one():
    assert layout("live = f( 'a' )\n") != "live = f( 'a' )\n"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (Name("weather"), "weather"),
        (Call("f"), "f()"),
        (
            Call("Tool.of", (Name("weather"),), {"require_approval": True}),
            "Tool.of(weather, require_approval=True)",
        ),
        ((1,), "(1,)"),
        ("say \"yes\" and 'no'", '"say \\"yes\\" and \'no\'"'),
        ("line\nline", '"""line\nline"""'),
        ("line\r\nline", '"line\\r\\nline"'),
        ("\u202etxt", '"\\u202etxt"'),
    ],
)
def test_examples(value, code):
    assert to_python(value) == code
