"""Functions as tools."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.errors import ToolError
from livewidget.tools import APPROVAL_TIMEOUT, TIMEOUT, Tool, as_tools
from livewidget.tools.tool import parse_docstring


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Place:
    name: str
    level: int = 0


def lamp(
    room: str,
    brightness: int = 50,
    colour: Colour = Colour.RED,
    mode: Literal["soft", "hard"] | None = None,
    *,
    on: Annotated[bool, "whether it shines"] = True,
    steps: list[float] = [0.5],  # noqa: B006
):
    """Set a lamp
    in a room.

    More that a model need not know.

    Args:
        room: Where it is,
            as people call it.
        brightness (int): From 0 to 100.

    Returns:
        on: not a parameter
    """
    return {"room": room, "brightness": brightness, "colour": colour, "mode": mode, "on": on, "steps": steps}


def test_the_declaration_comes_from_signature_and_docstring():
    assert Tool.of(lamp).declaration == {
        "name": "lamp",
        "description": "Set a lamp in a room.",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "room": {"type": "string", "description": "Where it is, as people call it."},
                "brightness": {"type": "integer", "description": "From 0 to 100.", "default": 50},
                "colour": {"type": "string", "enum": ["blue", "red"], "default": "red"},
                "mode": {"type": "string", "enum": ["hard", "soft"]},
                "on": {"type": "boolean", "description": "whether it shines", "default": True},
                "steps": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["room"],
        },
    }


def test_arguments_are_checked_and_converted():
    result = Tool.of(lamp).call({"room": "hall", "brightness": "70", "colour": "blue", "mode": "soft"})
    assert result == {
        "room": "hall", "brightness": 70, "colour": Colour.BLUE, "mode": "soft", "on": True, "steps": [0.5],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "missing required field `room`"),
        ({"room": 3}, "Expected `str`, got `int`"),
        ({"room": "hall", "brightness": "much"}, "Expected `int`, got `str`"),
        ({"room": "hall", "colour": "green"}, "Invalid enum value"),
        ({"room": "hall", "volume": 3}, "unknown field `volume`"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_model(args, said):
    with pytest.raises(ToolError, match=said):
        Tool.of(lamp).call(args)


def test_defaults_that_can_change_are_fresh_for_each_call():
    tool = Tool.of(lamp)
    first = tool.call({"room": "hall"})["steps"]
    first.append(1.0)
    assert tool.call({"room": "hall"})["steps"] == [0.5]


def test_dataclasses_dates_and_dicts():
    def go(place: Place, when: datetime.date | None = None, extra: dict[str, int] | None = None) -> Any:
        """Go."""
        return place, when, extra

    tool = Tool.of(go)
    properties = tool.declaration["parametersJsonSchema"]["properties"]
    assert properties["place"]["properties"]["level"] == {"type": "integer", "default": 0}
    assert properties["when"] == {"type": "string", "format": "date"}
    assert properties["extra"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert tool.call({"place": {"name": "home"}, "when": "2026-11-22"}) == (
        Place("home"), datetime.date(2026, 11, 22), None,
    )  # fmt: skip


def test_a_parameter_called_title_stays():
    def note(title: str): ...

    assert Tool.of(note).declaration["parametersJsonSchema"]["properties"] == {"title": {"type": "string"}}


def test_without_annotations_the_default_tells_the_type():
    def plain(a, b=1, c=2.5, d=True, e=None):
        return a, b, c, d, e

    tool = Tool.of(plain)
    kinds = {key: value["type"] for key, value in tool.schema["properties"].items()}
    assert kinds == {"a": "string", "b": "integer", "c": "number", "d": "boolean", "e": "string"}
    assert tool.description == "plain"


def test_without_parameters_none_are_declared():
    def ping():
        """Answer."""
        return "pong"

    assert Tool.of(ping).declaration == {"name": "ping", "description": "Answer."}
    assert Tool.of(ping).call({}) == "pong"


class Home:
    """A home."""

    def light(self, on: bool):
        """Switch the light.

        Args:
            on: Whether it shines.
        """
        return on

    async def __call__(self, x: int):
        """Go home."""
        return x

    async def watch(self):
        yield 1


def test_methods_and_callables():
    assert Tool.of(Home().light).call({"on": True}) is True
    called = Tool.of(Home(), name="home")
    assert called.is_async
    assert called.description == "Go home."
    assert list(called.schema["properties"]) == ["x"]
    assert Tool.of(Home().watch).is_generator


def test_what_a_partial_binds_is_not_offered():
    tool = Tool.of(functools.partial(functools.partial(lamp, room="hall"), on=False))
    assert tool.name == "lamp"
    assert tool.description == "Set a lamp in a room."
    assert list(tool.schema["properties"]) == ["brightness", "colour", "mode", "steps"]
    assert "required" not in tool.schema
    result = tool.call({"brightness": 1})
    assert (result["room"], result["brightness"], result["on"]) == ("hall", 1, False)
    with pytest.raises(ToolError, match="unknown field `room`"):
        tool.call({"room": "bath"})


async def slow():
    return 1


def counts():
    yield 1


async def counts_slowly():
    yield 1


@pytest.mark.parametrize(
    ("function", "is_async", "is_generator"),
    [
        (lamp, False, False),
        (slow, True, False),
        (counts, False, True),
        (counts_slowly, True, True),
        (functools.partial(counts_slowly), True, True),
    ],
)
def test_each_kind_of_function_is_known(function, is_async, is_generator):
    tool = Tool.of(function)
    assert (tool.is_async, tool.is_generator) == (is_async, is_generator)


def test_a_tool_stays_a_function_and_is_made_once():
    tool = Tool.of(lamp)
    assert tool("hall")["room"] == "hall"
    assert Tool.of(tool) is tool


class Odd: ...


@dataclasses.dataclass
class Node:
    next: Node | None = None


def lots(*args): ...
def named(**kwargs): ...
def positional(a, /): ...
def strange(a: object, b: Unknown): ...  # noqa: F821
def complicated(a: Colour | Place | int | str | list[int] | set[int]): ...
def recursive(a: Node): ...
def odd(a: list[Odd]): ...
def array(a: np.ndarray): ...
def raw(a: bytes): ...
def raws(a: dict[str, bytes]): ...
def backwards(a: Callable[[int], int]): ...


BAD = [
    (lots, "parameters without * and /"),
    (named, "parameters without * and /"),
    (positional, "parameters without * and /"),
    (strange, "name 'Unknown' is not defined"),
    (complicated, "may not contain more than one array-like"),
    (recursive, "a type refers to itself"),
    (odd, "a is of a type that is not JSON"),
    (array, "a is of a type that is not JSON"),
    (backwards, "a is of a type that is not JSON"),
    (raw, "a holds bytes"),
    (raws, "a holds bytes"),
    (Home.light, "give the method of an object, as in home.light"),
    (lambda x: x, 'Tool.of(function, name="weather")'),
    (3, "not an int"),
    ("lamp", "not a str"),
    (print, "parameters without * and /"),
]


@pytest.mark.parametrize(("bad", "why"), BAD, ids=[getattr(one, "__name__", repr(one)) for one, _ in BAD])
def test_what_cannot_be_a_tool_is_refused_in_one_sentence(bad, why):
    with pytest.raises(ToolError) as caught:
        Tool.of(bad)
    said = str(caught.value)
    assert why in said
    assert "\n" not in said
    assert said.endswith(".")


# --- Options ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "3", True])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(ToolError, match="timeout"):
        Tool.of(lamp, timeout=timeout)


@pytest.mark.parametrize(("given", "seconds"), [(False, 0), (True, APPROVAL_TIMEOUT), (5, 5)])
def test_how_long_a_person_is_asked(given, seconds):
    assert Tool.of(lamp, require_approval=given).approval_timeout == seconds


def test_behaviour_is_declared_where_it_is_set():
    assert "behavior" not in Tool.of(lamp).declaration
    assert Tool.of(lamp, behavior="non_blocking").declaration["behavior"] == "NON_BLOCKING"
    assert Tool.of(lamp, scheduling="silent").scheduling == "SILENT"
    assert Tool.of(lamp).timeout == TIMEOUT


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"require_approval": 0}, "number of seconds above 0"),
        ({"require_approval": "yes"}, "number of seconds above 0"),
        ({"behavior": "LATER"}, '"BLOCKING", "NON_BLOCKING" or None'),
        ({"scheduling": "LATER"}, "INTERRUPT, WHEN_IDLE or SILENT"),
        ({"scheduling": "SILENT", "behavior": "BLOCKING"}, 'scheduling is for behavior="NON_BLOCKING"'),
    ],
)
def test_options_that_make_no_sense(options, why):
    with pytest.raises(ToolError) as caught:
        Tool.of(lamp, **options)
    assert why in str(caught.value)


# --- Several ------------------------------------------------------------------------------------------------


def test_several_tools_functions_and_declarations():
    declared = {"name": "ask_me", "description": "Asks."}
    tool = Tool.of(slow)
    first, second, third = as_tools([lamp, tool, declared])
    assert first.name == "lamp"
    assert second is tool
    assert third is declared
    with pytest.raises(ToolError, match="Two tools are called lamp"):
        as_tools([lamp, {"name": "lamp"}])


def google(city, days=1):
    """Return the weather
    of a city.

    Nothing that a model need know.

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

    Nothing that a model need know.

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

    Nothing that a model need know.

    :param city: Which one,
        as people call it.
    :param int days: How many: 1 to 7.
    :raises ValueError: Now and then.
    :returns: The weather.
    """


@pytest.mark.parametrize("function", [google, numpy, sphinx])
def test_a_docstring_in_any_common_style_describes_the_tool_and_its_parameters(function):
    tool = Tool.of(function)
    described = {name: schema["description"] for name, schema in tool.schema["properties"].items()}
    assert tool.description == "Return the weather of a city."
    assert described == {"city": "Which one, as people call it.", "days": "How many: 1 to 7."}


def test_an_entry_without_a_colon_does_not_hide_the_others():
    text = "Cut.\n\nArgs:\n    board: Which one.\n    as long as you like\n    length: In mm."
    assert parse_docstring(text) == ("Cut.", {"board": "Which one.", "length": "In mm."})


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("", ""),
        ("Says: nothing of parameters.\n\nAt all.", "Says: nothing of parameters."),
        ("Cut.\n\nArgs:\n    a word without colon", "Cut."),
        (":param 7", ":param 7"),
        ("Odd.\n\n: x", "Odd."),
        ("Two.\n\nParameters\n----------", "Two."),
    ],
)
def test_a_docstring_that_describes_no_parameter_has_a_summary_all_the_same(text, summary):
    assert parse_docstring(text) == (summary, {})


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
    summary, described = parse_docstring("".join(pieces))
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
