"""Functions as tools."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest

from livewidget.errors import ToolError
from livewidget.tools import APPROVAL_TIMEOUT, TIMEOUT, Tool, as_tools


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

    Off, it forgets its colour.

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
        "description": "Set a lamp in a room.\nOff, it forgets its colour.",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "room": {"type": "string", "description": "Where it is, as people call it."},
                "brightness": {"type": "integer", "description": "From 0 to 100.", "default": 50},
                "colour": {"type": "string", "enum": ["blue", "red"], "default": "red"},
                "mode": {"type": "string", "enum": ["hard", "soft"]},
                "on": {"type": "boolean", "description": "whether it shines", "default": True},
                "steps": {"type": "array", "items": {"type": "number"}, "default": [0.5]},
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
        ({}, "room is missing"),
        ({"room": [3]}, "room must be text, got a list"),
        ({"room": None}, "room must be text, got null"),
        ({"room": "hall", "brightness": "much"}, 'brightness must be a whole number, got "much"'),
        ({"room": "hall", "colour": "green"}, 'colour must be "blue" or "red", got "green"'),
        ({"room": "hall", "steps": [1, "x"]}, 'steps[1] must be a number, got "x"'),
        ({"room": "x" * 99, "on": "x" * 99}, f'on must be true or false, got "{"x" * 30}…"'),
        (
            {"room": "hall", "volume": 3},
            "there is no parameter volume; the parameters are room, brightness, colour, mode, on, steps",
        ),
        ({"brightness": 2.5, "on": 7}, "brightness must be a whole number, got 2.5; on must be true or false, got 7"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_told_to_the_model_in_a_sentence(args, said):
    with pytest.raises(ToolError) as caught:
        Tool.of(lamp).call(args)
    assert str(caught.value).startswith(said)


def test_a_limit_is_told_as_a_person_would():
    def heat(degrees: Annotated[int, msgspec.Meta(ge=0, le=250)]):
        return degrees

    with pytest.raises(ToolError) as caught:
        Tool.of(heat).call({"degrees": 900})
    assert str(caught.value) == "degrees must be at most 250, got 900"


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
    assert tool.description.startswith("Set a lamp in a room.")
    assert list(tool.schema["properties"]) == ["brightness", "colour", "mode", "steps"]
    assert "required" not in tool.schema
    result = tool.call({"brightness": 1})
    assert (result["room"], result["brightness"], result["on"]) == ("hall", 1, False)
    with pytest.raises(ToolError, match="there is no parameter room"):
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


def lots(*args): ...
def named(**kwargs): ...
def all_of_them(*args, **kwargs): ...
def strange(a: object, b: Unknown): ...  # noqa: F821
def odd(a: list[Odd]): ...
def raw(a: bytes): ...
def raws(a: dict[str, bytes]): ...
def backwards(a: Callable[[int], int]): ...


BAD = [
    (lots, "takes *args only, and a model calls by name"),
    (named, "takes **kwargs only"),
    (all_of_them, "let the decorator use functools.wraps"),
    (strange, "b is of the type Unknown, which is not defined"),
    (odd, "a is of the type Odd, which is not JSON"),
    (backwards, "a is of the type Callable, which is not JSON"),
    (raw, "a holds bytes"),
    (raws, "a holds bytes"),
    (Home.light, "give the method of an object, as in home.light"),
    (lambda x: x, 'Tool.of(function, name="weather")'),
    (3, "not an int"),
    ("lamp", "not a str"),
    (print, "takes *args only"),
    (max, "write a function with named parameters that calls it"),
]


@pytest.mark.parametrize(("bad", "why"), BAD, ids=[getattr(one, "__name__", repr(one)) for one, _ in BAD])
def test_what_cannot_be_a_tool_is_refused_in_one_sentence(bad, why):
    with pytest.raises(ToolError) as caught:
        Tool.of(bad)
    said = str(caught.value)
    assert why in said
    assert "\n" not in said
    assert said.endswith(".")


def undescribed(x, y, z: int): ...
def described(x=1):
    "Say it."


@pytest.mark.parametrize(
    ("function", "gaps"),
    [
        (
            undescribed,
            [
                "The tool undescribed has no docstring, so the model knows only its name: "
                "say in a sentence what it does.",
                "x and y of the tool undescribed have no type, so the model is told that they are text: "
                "add annotations.",
            ],
        ),
        (described, []),
        (len, ["obj of the tool len has no type, so the model is told that it is text: add annotations."]),
    ],
)
def test_what_a_model_is_not_told_of_a_function_is_known(function, gaps):
    assert Tool.of(function).gaps == gaps


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
