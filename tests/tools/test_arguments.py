"""Parameters of functions: read off any signature, and passed as the function takes them."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import functools
import logging
import math
import pathlib
import typing
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, Required, TypedDict, TypeVar, Unpack

import numpy as np
import pydantic
import pytest

from livewidget.errors import ToolError
from livewidget.tools import Tool

if typing.TYPE_CHECKING:
    from elsewhere import Ghost

P = ParamSpec("P")
R = TypeVar("R")


class Shade(enum.Enum):
    RED = "red"


class Corner(enum.Enum):
    TOP = (0, 0)


@dataclasses.dataclass
class Place:
    """A place.

    Attributes:
        x: How far.
    """

    x: int = 0
    tags: list[str] = dataclasses.field(default_factory=list)


class Trip(pydantic.BaseModel):
    """Book a trip."""

    target: str = pydantic.Field(description="where to", alias="to")
    days: int = pydantic.Field(3, ge=1)
    start: datetime.date | None = None


class Socket: ...


ANYTHING = {"type": ["string", "number", "boolean", "array", "object"]}


def properties(function):
    return Tool.of(function).schema["properties"]


DEFAULTS = [
    # The default, what a model is told, what it sends, and what the function gets.
    ([1, 2], {"type": "array", "items": {"type": "integer"}, "default": [1, 2]}, ["3"], [3]),
    ([1, 2.5], {"type": "array", "items": {"type": "number"}, "default": [1, 2.5]}, [3], [3.0]),
    ([[1]], {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "default": [[1]]}, [[2]], [[2]]),
    ([], {"type": "array", "items": ANYTHING, "default": []}, ["a", 1], ["a", 1]),
    ((640, 480), {"type": "array", "items": {"type": "integer"}, "default": [640, 480]}, [1, 2], (1, 2)),
    ({"a": 1}, {"type": "object", "default": {"a": 1}}, {"b": None}, {"b": None}),
    ({1}, {"type": "array", "items": {"type": "integer"}, "default": [1]}, [2, 2], {2}),
    (collections.deque(["a"]), {"type": "array", "items": {"type": "string"}, "default": ["a"]}, ["b"], collections.deque(["b"])),
    (Shade.RED, {"type": "string", "enum": ["red"], "default": "red"}, "RED", Shade.RED),
    (Corner.TOP, {"type": "string", "enum": ["TOP"], "default": "TOP"}, "TOP", Corner.TOP),
    (datetime.date(2026, 1, 1), {"type": "string", "format": "date", "default": "2026-01-01"}, "2026-02-03", datetime.date(2026, 2, 3)),
    (datetime.timedelta(0, 5), {"type": "string", "format": "duration", "default": "PT5S"}, 6, datetime.timedelta(0, 6)),
    (pathlib.Path("/data"), {"type": "string", "default": "/data"}, "/b", pathlib.Path("/b")),
    (np.float64(1.5), {"type": "number", "default": 1.5}, 2, np.float64(2)),
    (np.int64(3), {"type": "integer", "default": 3}, "4", np.int64(4)),
    (Place(1), {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "default": 0, "description": "How far."},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "default": {"x": 1, "tags": []},
    }, {"x": "2"}, Place(2)),
    (float("inf"), {"type": "number"}, 1, 1.0),
    (None, {"type": "string"}, "a", "a"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("default", "told", "sent", "value"), DEFAULTS, ids=[repr(one)[:40] for one, *_ in DEFAULTS]
)
def test_without_annotation_the_defaults_own_class_is_the_type(default, told, sent, value):
    def f(x=default):
        return x

    tool = Tool.of(f)
    assert tool.schema["properties"]["x"] == told
    assert tool.call({"x": sent}) == value
    assert type(tool.call({"x": sent})) is type(value)
    for left_out in ({}, {"x": None}):
        assert tool.call(left_out) == default


@pytest.mark.parametrize(
    "default",
    [b"x", Socket(), [Socket()], range(3), len, int, logging.getLogger(), object(), 1j],
    ids=lambda one: type(one).__name__,
)
def test_a_default_that_cannot_be_told_is_left_out_and_used(default):
    def f(x=default, y: int = 1):
        return x, y

    assert list(properties(f)) == ["y"]
    assert Tool.of(f).call({"y": 2}) == (default, 2)


def test_an_array_as_a_default():
    def f(x=np.arange(3)):  # noqa: B008
        return x

    assert properties(f)["x"]["default"] == [0, 1, 2]
    assert Tool.of(f).call({"x": [5]}).tolist() == [5]
    assert Tool.of(f).call({}).tolist() == [0, 1, 2]


def test_what_cannot_be_told_is_left_out_where_it_has_a_default():
    def f(
        n: int,
        socket: Socket | None = None,
        log: logging.Logger = logging.getLogger("x"),  # noqa: B008
        raw: bytes = b"",
        key: Callable[[int], int] = abs,
        ghost: Ghost = 1,
        path: str = pathlib.Path("/data"),
        limit: float = np.float64(1.5),
    ) -> Ghost:
        return n, socket, log, raw, key, ghost, path, limit

    assert properties(f) == {
        "n": {"type": "integer"},
        "path": {"type": "string", "default": "/data"},
        "limit": {"type": "number", "default": 1.5},
    }
    assert Tool.of(f).call({"n": 1})[3:] == (b"", abs, 1, pathlib.Path("/data"), 1.5)


def test_null_stands_for_what_is_left_out():
    def f(limit: int = 10, name: str = "x", most: int | None = 5, some: list[int] = [1], **rest: int):  # noqa: B006
        return limit, name, most, some, rest

    nothing = dict.fromkeys(["limit", "name", "most", "some", "other"])
    assert Tool.of(f).call(nothing) == (10, "x", 5, [1], {})
    as_text = {"limit": "null", "name": "null", "most": "", "some": "None"}
    assert Tool.of(f).call(as_text) == (10, "null", 5, [1], {})


def test_what_may_be_none_may_be_left_out():
    def f(a: int | None, b: Any):
        return a, b

    tool = Tool.of(f)
    assert tool.schema["required"] == ["b"]
    assert tool.call({"b": None}) == (None, None)
    with pytest.raises(ToolError, match="b is missing"):
        tool.call({"a": 1})


def test_what_nothing_is_known_of_is_passed_on_as_it_is_sent():
    def f(x):
        return x

    assert properties(f) == {"x": {"type": "string"}}
    assert [Tool.of(f).call({"x": sent}) for sent in ("5", 5, [1])] == ["5", 5, [1]]


def test_positional_keyword_and_starred_parameters():
    def f(a: int, b: int = 2, /, c: int = 3, *rest: float, d=4, **more: int):
        return a, b, c, rest, d, more

    tool = Tool.of(f)
    assert list(tool.schema["properties"]) == ["a", "b", "c", "rest", "d"]
    assert tool.schema["required"] == ["a"]
    assert tool.call({"a": "1"}) == (1, 2, 3, (), 4, {})
    assert tool.call({"a": 1, "rest": [1, 2]}) == (1, 2, 3, (1.0, 2.0), 4, {})
    assert tool.call({"a": 1, "c": 5, "d": "6", "e": "7"}) == (1, 2, 5, (), 6, {"e": 7})
    assert tool(1, 2) == (1, 2, 3, (), 4, {})
    bound = Tool.of(functools.partial(f, 1, d=9), name="bound")
    assert list(bound.schema["properties"]) == ["b", "c", "rest"]
    assert bound.call({"b": 7, "rest": [1]}) == (1, 7, 3, (1.0,), 9, {})


def test_starred_parameters_without_a_type_are_left_out():
    def f(city: str, *args, **kwargs):
        return city, args, kwargs

    assert list(properties(f)) == ["city"]
    assert Tool.of(f).call({"city": "Ulm", "unit": "C"}) == ("Ulm", (), {"unit": "C"})


def test_keywords_of_a_typed_dict_are_parameters():
    class Options(TypedDict, total=False):
        limit: Required[int]
        order: str

    def f(q: str, **options: Unpack[Options]):
        return q, options

    tool = Tool.of(f)
    assert tool.schema["required"] == ["q", "limit"]
    assert tool.call({"q": "a", "limit": 2.0}) == ("a", {"limit": 2})


def test_builtins_and_functions_of_libraries():
    assert Tool.of(len).call({"obj": "abc"}) == 3
    assert Tool.of(math.sqrt).call({"x": 4}) == 2
    assert Tool.of("abc".upper).call({}) == "ABC"
    assert Tool.of(np.mean).description.startswith("Compute the arithmetic mean")


def counted(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    return wrapper


@counted
def decorated(a: int, place: Place | None = None):
    """Go."""
    return a, place


def test_a_decorated_function_has_the_parameters_of_what_it_wraps():
    assert Tool.of(decorated).call({"a": 1.0, "place": {"x": 1}}) == (1, Place(1))
    cached = functools.lru_cache(decorated)
    assert list(properties(cached)) == ["a", "place"]


def test_a_wrapper_that_hides_its_parameters_is_told_how_not_to():
    def wrapper(*args: P.args, **kwargs: P.kwargs): ...

    with pytest.raises(ToolError, match=r"let the decorator use functools\.wraps"):
        Tool.of(wrapper)


def test_types_of_the_function_that_makes_the_tool():
    @dataclasses.dataclass
    class Local:
        n: int
        next: Local | None = None

    def f(one: Local, many: list[Local] = []):  # noqa: B006
        return one, many

    got = Tool.of(f).call({"one": {"n": 1, "next": {"n": 2}}, "many": [{"n": 3}]})
    assert got == (Local(1, Local(2)), [Local(3)])


def test_classes_as_tools():
    class Plain:
        def __init__(self, host: str = "x"):
            """Connect.

            Args:
                host: Where to.
            """
            self.host = host

    assert Tool.of(Plain).call({"host": 1}).host == "1"
    assert properties(Plain)["host"]["description"] == "Where to."
    tool = Tool.of(Place)
    assert tool.description == "A place."
    assert tool.schema["properties"]["x"] == {"type": "integer", "default": 0, "description": "How far."}
    assert tool.call({"x": "2"}) == Place(2)
    assert Tool.of(dataclasses.make_dataclass("Bare", [("x", int)])).description == "Bare"


def test_a_model_of_pydantic_as_a_tool():
    tool = Tool.of(Trip)
    assert tool.declaration == {
        "name": "Trip",
        "description": "Book a trip.",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "to": {"type": "string", "description": "where to"},
                "days": {"type": "integer", "minimum": 1, "default": 3},
                "start": {"type": "string", "format": "date"},
            },
            "required": ["to"],
        },
    }
    assert tool.call({"to": "Ulm", "days": None, "start": "2026-01-02T00:00:00Z"}) == Trip(
        to="Ulm", start=datetime.date(2026, 1, 2)
    )
    with pytest.raises(ToolError, match="days must be at least 1, got 0"):
        tool.call({"to": "Ulm", "days": 0})


def test_pydantics_field_is_description_limit_and_default():
    def add(
        a: Annotated[int, pydantic.Field(description="the first", ge=0)],
        b: int = pydantic.Field(2, description="the second"),
        c: list[int] = pydantic.Field(default_factory=list, max_length=2),  # noqa: B008
        d: Annotated[int, pydantic.Field(5)] = 6,
        e=pydantic.Field(1.5),  # noqa: B008
    ):
        return a, b, c, d, e

    tool = Tool.of(add)
    told = tool.schema["properties"]
    assert tool.schema["required"] == ["a"]
    assert told["a"] == {"type": "integer", "minimum": 0, "description": "the first"}
    assert told["b"] == {"type": "integer", "default": 2, "description": "the second"}
    assert told["e"] == {"type": "number", "default": 1.5}
    assert tool.call({"a": 1}) == (1, 2, [], 6, 1.5)
    assert tool.call({"a": 1})[2] is not tool.call({"a": 1})[2]
    with pytest.raises(ToolError, match="c must have at most 2 items, got 3"):
        tool.call({"a": 1, "c": [1, 2, 3]})


class Moment(datetime.datetime):
    """A date of a library that also serves pydantic."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        raise NotImplementedError


def test_a_subclass_that_pydantic_cannot_read_is_read_by_its_base():
    def f(when: Moment):
        return when

    assert properties(f)["when"] == {"type": "string", "format": "date-time"}
    assert Tool.of(f).call({"when": "2026-01-02"}) == Moment(2026, 1, 2)


def test_an_error_of_pydantic_within_a_function_is_one_sentence_too():
    from livewidget.tools import describe_error

    with pytest.raises(pydantic.ValidationError) as caught:
        Trip(to="Ulm", days="many")
    assert describe_error(caught.value).startswith("ValidationError: days should be a valid integer")


def test_the_parameters_description_is_preferred_to_its_types():
    def go(trip: Trip, place: Annotated[Place, "which place"]):
        """Go.

        Args:
            trip: The trip to make.
            place: Not this.
        """

    told = properties(go)
    assert told["trip"]["description"] == "The trip to make."
    assert told["place"]["description"] == "which place"
