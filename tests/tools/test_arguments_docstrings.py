"""Docstrings of tools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.tools import Tool
from livewidget.tools.arguments import parse_docstring


def google(city, days=1):
    """Return the weather
    of a city.

    Ask the user first
    if it is for another country.

    Args:
        city (str): Which one,
            as people call it.
        days: How many: 1 to 7.

    Raises:
        Everything, now and then.
    """


def numpy(city, days=1):
    """
    Return the weather
    of a city.

    Ask the user first
    if it is for another country.

    Parameters
    ----------
    city : str
        Which one,
        as people call it.
    days : int, optional
        How many: 1 to 7.

    Returns
    -------
    str
        The weather.
    """


def sphinx(city, days=1):
    """Return the weather
    of a city.

    Ask the user first
    if it is for another country.

    :param city: Which one,
        as people call it.
    :param int days: How many: 1 to 7.
    :raises ValueError: Now and then.
    :returns: The weather.
    """


def epydoc(city, days=1):
    """Return the weather
    of a city.

    Ask the user first
    if it is for another country.

    @param city: Which one,
        as people call it.
    @type city: str
    @param days: How many: 1 to 7.
    @return: The weather.
    """


def no_blank_line(city, days=1):
    """Return the weather of a city.

    Ask the user first if it is for another country.
    :param str city: Which one, as people call it.
    :param days: How many: 1 to 7.
    """


def with_example(city, days=1):
    """Return the weather of a city.

    Ask the user first if it is for another country.

    >>> with_example("Ulm")
    "rain"

    Arguments:
        city: Which one, as people call it.
        days (int): How many: 1 to 7.
    """


def other_parameters(city, days=1):
    """Return the weather of a city.

    Ask the user first if it is for another country.

    Parameters
    ----------
    city : str
        Which one, as people call it.

    Other Parameters
    ----------------
    days : int
        How many: 1 to 7.

    Notes
    -----
    Slow.
    """


@pytest.mark.parametrize(
    "function", [google, numpy, sphinx, epydoc, no_blank_line, with_example, other_parameters]
)
def test_a_docstring_in_any_common_style_describes_the_tool_and_its_parameters(function):
    tool = Tool.of(function)
    described = {name: schema["description"] for name, schema in tool.schema["properties"].items()}
    assert tool.description == (
        "Return the weather of a city.\nAsk the user first if it is for another country."
    )
    assert described == {"city": "Which one, as people call it.", "days": "How many: 1 to 7."}


def test_a_docstring_also_says_the_type_where_nothing_else_does():
    def resample(rate, on, names=None, factor=2, other=None, mode="auto"):
        """Resample.

        Parameters
        ----------
        rate : int
            in Hz
        on : bool
        names : list of str, optional
        factor : float
        other : Rate
        mode : int or "auto"
        """
        return rate, on, names

    tool = Tool.of(resample)
    kinds = {name: schema["type"] for name, schema in tool.schema["properties"].items()}
    assert kinds == {
        "rate": "integer",
        "on": "boolean",
        "names": "array",
        "factor": "number",
        "other": "string",
        "mode": "string",
    }
    assert tool.call({"rate": "8000", "on": "true"}) == (8000, True, None)
    assert tool.arguments.untyped == ["other"]


def test_a_long_docstring_is_cut():
    assert len(parse_docstring("word " * 10_000).description) == 2000


def test_an_entry_without_a_colon_does_not_hide_the_others():
    text = "Cut.\n\nArgs:\n    board: Which one.\n    as long as you like\n    length: In mm."
    assert parse_docstring(text) == ("Cut.", {"board": "Which one.", "length": "In mm."}, {})


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("", ""),
        ("Says: nothing of parameters.\n\nAt all.", "Says: nothing of parameters.\nAt all."),
        ("Cut.\n\nArgs:\n    a word without colon", "Cut."),
        (":param 7", ":param 7"),
        ("Odd.\n\n: x", "Odd.\n: x"),
        ("Two.\n\nParameters\n----------", "Two."),
    ],
)
def test_a_docstring_that_describes_no_parameter_has_a_summary_all_the_same(text, summary):
    assert parse_docstring(text) == (summary, {}, {})


@given(
    st.lists(
        st.sampled_from(
            [
                "Args:",
                "Parameters",
                "------",
                "\n",
                "    ",
                "x",
                " : ",
                "int, optional",
                ":param x:",
                ":",
                "*a",
                "Raises",
            ]
        ),
        max_size=12,
    )
)
def test_no_docstring_keeps_a_function_from_being_a_tool(pieces):
    summary, described, _ = parse_docstring("".join(pieces))
    assert isinstance(summary, str)
    assert all("\n" not in text for text in described.values())


def test_without_an_args_section_summary_and_section_are_told_apart():
    def weather(city: str):
        """
        Args:
            city: Where.
        """

    tool = Tool.of(weather)
    assert tool.description == "weather"
    assert tool.schema["properties"]["city"]["description"] == "Where."
