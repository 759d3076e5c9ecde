import ast
import math

import pytest

from livewidget.standin.interfaces import Skills
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.computing import PATTERNS, PROGRAMS, find_program, run
from livewidget.standin.tutor.patterns import tokens
from livewidget.standin.tutor.topics import SORRY, SUGGESTED


async def ask(text, *, code=True):
    return await TutorResponder().session([], Skills(code=code)).reply(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what are the first ten prime numbers", "The first ten prime numbers are 2, 3, 5, 7, 11, 13, 17, 19, 23 and 29."),
        ("is ninety one a prime number", "No, 91 is not a prime number."),
        ("Is 97 prime?", "Yes, 97 is a prime number."),
        ("what is the factorial of five", "The factorial of five is one hundred twenty."),
        ("What's the factorial of 20?", "The factorial of twenty is a number with nineteen digits: 2432902008176640000."),
        ("what are the first seven fibonacci numbers", "The first seven Fibonacci numbers are 0, 1, 1, 2, 3, 5 and 8."),
        ("what is the sum of the numbers from one to one hundred", "The numbers from 1 to 100 make five thousand fifty."),
        ("What is the average of 3, 4, 5 and 6?", "The average is four point five."),
        ("the mean of 1 and 2 and 2", "The average is about 1.67."),
        ("sort the numbers nine two and five", "In order they are 2, 5 and 9."),
        ("what are the first minus three prime numbers", "The first minus three prime numbers are none."),
        ("sort 3.5 -2 1", "In order they are -2, 1 and 3.5."),
        ("divide nine by four with python", "That makes two point two five."),
        ("divide seven by zero with python", "I ran a program, and it failed: ZeroDivisionError: division by zero."),
    ],
)  # fmt: skip
async def test_a_program_is_written_and_run(text, said):
    answer = await ask(text)
    assert answer.text == said
    assert answer.executed.ok == ("failed" not in said)
    # Negative control: Python itself, without the tutor, prints the same.
    printed = []
    try:
        exec(answer.executed.code, {"print": lambda value: printed.append(f"{value}\n")})
    except ZeroDivisionError as error:
        printed.append(f"ZeroDivisionError: {error}")
    assert "".join(printed) == answer.executed.output


async def test_nothing_runs_that_was_not_declared():
    answer = await ask("what is the factorial of five", code=False)
    assert answer.executed is None
    assert SORRY in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "what are the first 501 prime numbers",
        "factorial of 101",
        "first 9999999999 fibonacci numbers",
        "is 100001 prime",
        "sum of the numbers from 1 to 1000000",
    ],
)
async def test_numbers_have_bounds(text):
    answer = await ask(text)
    assert "too much for me" in answer.text
    assert answer.executed is None


@pytest.mark.parametrize(
    "text",
    [
        "factorial of 2.5",
        "sort 1",
        "run print(1)",
        "import os",
        "factorial",
    ],
)
async def test_what_no_program_is_made_for(text):
    answer = await ask(text)
    assert answer.executed is None or not answer.executed.ok


def test_nothing_that_is_said_gets_into_a_program():
    _, numbers = find_program(tokens("sort 1 2 __import__('os').system('true') 3"))
    assert numbers == [1, 2, 3]
    code = PROGRAMS[6].code(*numbers)
    assert "import" not in code


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "open('/etc/passwd')",
        "print(__import__('os'))",
        "eval('1')",
        "().__class__.__subclasses__",
        "x",
    ],
)
def test_programs_have_nothing_at_hand(code):
    ran = run(code)
    assert not ran.ok or "subclasses" in code


def test_what_is_printed_has_a_bound():
    ran = run("for i in range(100):\n    print('x' * 1000)\n")
    assert ran.ok
    assert len(ran.output) == 4_000


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.text)
def test_every_phrase_that_is_listened_for_is_a_program_at_its_largest(pattern):
    for sentence in pattern.sentences(40):
        program, numbers = find_program(tokens(sentence))
        assert max(numbers) <= program.most
        ran = run(program.code(*numbers))
        assert ran.ok == (numbers[1:] != [0])
        if ran.ok:
            assert program.says(numbers, ast.literal_eval(ran.output))


def test_the_largest_of_each_kind_takes_an_instant():
    for program in PROGRAMS:
        numbers = [program.most] * program.count[0]
        ran = run(program.code(*numbers))
        assert ran.ok
    assert str(math.factorial(100)) + "\n" == run(PROGRAMS[2].code(100)).output


def test_suggestions_are_listened_for():
    assert all(find_program(tokens(text)) for text in SUGGESTED["code"])


async def test_what_it_thinks_about_a_program():
    answer = await ask("what is the factorial of five")
    assert answer.thoughts[2] == "I write a program of four lines and run it."
