"""Functions as tools."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pytest

from livewidget.errors import ToolError
from livewidget.tools import Tool, failure, first_line, response


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


def test_methods_partials_and_callables():
    class Home:
        def light(self, on: bool):
            return on

        async def __call__(self, x: int):
            return x

    assert Tool.of(Home().light).call({"on": True}) is True
    assert Tool.of(Home(), name="home").is_async
    part = functools.partial(lamp, room="hall")
    tool = Tool.of(part, name="hall_lamp")
    assert tool.call({"brightness": 1})["brightness"] == 1


def test_async_functions_are_known():
    async def slow():
        return 1

    assert Tool.of(slow).is_async
    assert not Tool.of(lamp).is_async


def test_a_tool_stays_a_function_and_is_made_once():
    tool = Tool.of(lamp)
    assert tool("hall")["room"] == "hall"
    assert Tool.of(tool) is tool


def lots(*args): ...
def named(**kwargs): ...
def positional(a, /): ...
def strange(a: object, b: Unknown): ...  # noqa: F821
def complicated(a: Colour | Place | int | str | list[int] | set[int]): ...


BAD = [lots, named, positional, strange, complicated, lambda x: x, 3, "lamp", print]


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_a_tool_is_refused_in_one_sentence(bad):
    with pytest.raises(ToolError) as caught:
        Tool.of(bad)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "3"])
def test_a_timeout_is_a_number_of_seconds(timeout):
    with pytest.raises(ToolError, match="timeout"):
        Tool.of(lamp, timeout=timeout)


class Point(msgspec.Struct):
    x: int


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({"a": 1}, {"a": 1}),
        (None, {"result": None}),
        ("text", {"result": "text"}),
        ([1, 2.5], {"result": [1, 2.5]}),
        ((1, 2), {"result": [1, 2]}),
        ({1: "one"}, {"1": "one"}),
        (Colour.RED, {"result": "red"}),
        (Place("home"), {"name": "home", "level": 0}),
        (Point(3), {"x": 3}),
        (datetime.date(2026, 1, 2), {"result": "2026-01-02"}),
        (np.int64(3), {"result": 3}),
        (np.float32(0.5), {"result": 0.5}),
        ({"mean": np.arange(3)}, {"mean": [0, 1, 2]}),
    ],
)
def test_results_become_json(value, sent):
    assert response(value) == sent


def loop() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "NaN"),
        ({"a": float("inf")}, "NaN"),
        (np.array([1.0, np.nan]), "NaN"),
        (b"abc", "bytes"),
        ({"a": [b"abc"]}, "bytes"),
        (object(), "an object that is not JSON"),
        ({"a": object()}, "not JSON"),
        (lambda: 1, "not JSON"),
        (loop(), "not JSON"),
        ("x" * 10_000_000, r"10,000,014 bytes and 65,536 is the most"),
    ],
)
def test_results_that_are_no_json_are_refused_plainly(value, said):
    with pytest.raises(ToolError, match=said) as caught:
        response(value)
    assert "xxx" not in str(caught.value)


def test_the_limit_counts_bytes_not_characters():
    assert response("é" * 10, limit=40)
    with pytest.raises(ToolError):
        response("é" * 20, limit=40)


def test_a_failure_is_a_type_and_one_line():
    assert failure(ValueError("first\nsecond")) == "ValueError: first"
    assert failure(KeyError()) == "KeyError"
    assert len(first_line(ValueError("x" * 1000))) == 200

    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    assert failure(Odd()) == "Odd"
