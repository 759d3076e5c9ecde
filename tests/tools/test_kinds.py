"""Types of parameters: what a model is told, and what the function gets from what models really send.

Each test is a kind of type or of value; the parametrized ones take neighbours without more ado.
"""

# ruff: noqa: UP007, UP045, since both ways of writing a union are read.
from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import logging
import numbers
import os
import pathlib
import re
import typing
import uuid
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    TypedDict,
    TypeVar,
    Union,
)

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pydantic
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from livewidget.errors import ToolError
from livewidget.tools import Tool
from livewidget.tools.kinds import Untellable, read_kind
from livewidget.tools.schema import Misfit, told

T = TypeVar("T")
LOG = logging.getLogger("x")
UserId = NewType("UserId", int)
Words = typing_extensions.TypeAliasType("Words", list[str])
Json = typing_extensions.TypeAliasType("Json", "Union[dict[str, Json], list[Json], str, int]")


class Shade(enum.Enum):
    DARK_RED = "dark red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Corner(enum.Enum):
    """Its values are not JSON, so that its names stand for it."""

    TOP = (0, 0)
    END = (9, 9)


class Speed(enum.Enum):
    AUTOMATIC = "auto"
    FIRST = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Tag(str): ...


@dataclasses.dataclass
class Node:
    """A node.

    Args:
        value: What it holds.
    """

    value: int
    next: Node | None = None
    others: list[Node] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Positive:
    x: int
    y: int = 0
    log: logging.Logger = LOG
    unit: str = dataclasses.field(default="m", metadata={"description": "the unit"})

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("x may not be negative")


@dataclasses.dataclass
class Box(Generic[T]):
    item: T


class Options(TypedDict):
    limit: int
    order: NotRequired[str]


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Person(msgspec.Struct, rename="camel"):
    first_name: str
    age: int = 1


class Trip(pydantic.BaseModel):
    """A trip."""

    start: datetime.date
    days: int = pydantic.Field(1, ge=1, le=30, description="how long")
    tags: set[str] = set()
    budget: int | None = 500
    then: Trip | None = None

    @pydantic.field_validator("days")
    @classmethod
    def _lucky(cls, days):
        if days == 13:
            raise ValueError("13 brings bad luck")
        return days


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Strict(pydantic.BaseModel):
    model_config = {"strict": True, "extra": "forbid"}
    at: datetime.datetime


class Loose(pydantic.BaseModel):
    one: Any
    several: list
    named: dict[str, Any]


@pydantic.dataclasses.dataclass
class Checked:
    n: pydantic.PositiveInt = 1


DAY = datetime.date(2026, 1, 2)
NOON = datetime.datetime(2026, 1, 2, 12)
UTC = datetime.UTC


def name_of(hint):
    """Without addresses, which differ between the processes that share the tests."""
    return re.sub(r" at 0x\w+", "", str(hint))[:60]


def value_of(hint, sent):
    kind = read_kind(hint)
    return kind.convert(sent, "it")


SENT = [
    # Whole numbers as models write them.
    (int, 2.0, 2),
    (int, "7", 7),
    (int, "7.0", 7),
    (int, 2**60, 2**60),
    (float, 2, 2.0),
    (float, "1.5e3", 1500.0),
    (bool, 1.0, True),
    (bool, "true", True),
    (bool, "No", False),
    (bool, 0, False),
    # Numbers and truth values where text is wanted.
    (str, 5, "5"),
    (str, 5.0, "5"),
    (str, 5.5, "5.5"),
    (str, True, "true"),
    (Tag, "x", Tag("x")),
    # One of several values.
    (Literal[1, 2], 2.0, 2),
    (Literal[1, 2], "2", 2),
    (Literal[1, 2], "2.0", 2),
    (Literal["soft", "hard"], "Soft", "soft"),
    (Literal["soft", 1, None], 1.0, 1),
    (Literal["soft", 1, None], None, None),
    (Literal[True], True, True),
    (Literal[Shade.BLUE], "blue", Shade.BLUE),
    (Shade, "blue", Shade.BLUE),
    (Shade, "DARK_RED", Shade.DARK_RED),
    (Shade, "Dark-red", Shade.DARK_RED),
    (Level, 2.0, Level.HIGH),
    (Level, "2", Level.HIGH),
    (Level, "high", Level.HIGH),
    (Corner, "TOP", Corner.TOP),
    (Speed, "auto", Speed.AUTOMATIC),
    (Speed, 1.0, Speed.FIRST),
    (Speed, "FIRST", Speed.FIRST),
    (Rights, 3.0, Rights.READ | Rights.WRITE),
    # Dates with and without their times.
    (datetime.date, "2026-01-02", DAY),
    (datetime.date, "2026-01-02T10:00:00Z", DAY),
    (datetime.date, "2026/1/2", DAY),
    (datetime.datetime, "2026-01-02", datetime.datetime(2026, 1, 2)),
    (datetime.datetime, "2026-01-02 12:00", NOON),
    (datetime.datetime, "2026-01-02t12:00:00z", NOON.replace(tzinfo=UTC)),
    (datetime.time, "9:05", datetime.time(9, 5)),
    (datetime.time, "2026-01-02T12:00:00Z", datetime.time(12, tzinfo=UTC)),
    (datetime.timedelta, 90, datetime.timedelta(seconds=90)),
    (datetime.timedelta, "90", datetime.timedelta(seconds=90)),
    (datetime.timedelta, "PT1H30M", datetime.timedelta(hours=1.5)),
    (datetime.timedelta, "1:30:00", datetime.timedelta(hours=1.5)),
    (pd.Timestamp, "2026-01-02", pd.Timestamp(2026, 1, 2)),
    (np.datetime64, "2026-01-02", np.datetime64("2026-01-02T00:00:00")),
    # Other scalars.
    (np.float64, 1, np.float64(1)),
    (np.int32, "3", np.int32(3)),
    (np.bool_, "true", np.True_),
    (decimal.Decimal, 0.1, decimal.Decimal("0.1")),
    (fractions.Fraction, 0.5, fractions.Fraction(1, 2)),
    (uuid.UUID, "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
    (pathlib.Path, "/a", pathlib.Path("/a")),
    (os.PathLike, "/a", pathlib.Path("/a")),
    (ipaddress.IPv4Address, "127.0.0.1", ipaddress.IPv4Address("127.0.0.1")),
    (re.Pattern[str], "a+", re.compile("a+")),
    (zoneinfo.ZoneInfo, "UTC", zoneinfo.ZoneInfo("UTC")),
    (numbers.Number, 1, 1.0),
    # Lists and their kin.
    (list, [1, None], [1, None]),
    (list[int], ["1", 2.0], [1, 2]),
    (list[int], "[1, 2]", [1, 2]),
    (tuple[int, ...], [1, "2"], (1, 2)),
    (tuple[int, str], [1, 2], (1, "2")),
    (tuple, [1], (1,)),
    (set[int], [1, 1.0], {1}),
    (frozenset[Shade], ["blue"], frozenset({Shade.BLUE})),
    (collections.deque[int], [1], collections.deque([1])),
    (Sequence[float], [1], [1.0]),
    (Iterable[datetime.date], ["2026-01-02"], [DAY]),
    (list[list[int]], [["1"], []], [[1], []]),
    # Dicts and their kin.
    (dict, {"a": None}, {"a": None}),
    (dict[str, int], {"a": "1"}, {"a": 1}),
    (dict[int, float], {"1": 2}, {1: 2.0}),
    (dict[Shade, int], {"blue": 1}, {Shade.BLUE: 1}),
    (Mapping[str, Any], {"a": [1]}, {"a": [1]}),
    (collections.defaultdict[str, list[int]], {"a": [1]}, {"a": [1]}),
    (collections.Counter[str], {"a": 2.0}, {"a": 2}),
    # What has fields.
    (Node, {"value": 1, "next": {"value": "2", "others": [{"value": 3}]}}, Node(1, Node(2, None, [Node(3)]))),
    (Node, '{"value": 1}', Node(1)),
    (Positive, {"x": 1, "y": None}, Positive(1)),
    (Options, {"limit": 1.0}, {"limit": 1}),
    (Pair, {"a": "1"}, Pair(1)),
    (Person, {"firstName": "Ada"}, Person("Ada")),
    (Box[int], {"item": "2"}, Box(2)),
    (list[Box[str]], [{"item": 2}], [Box("2")]),
    # Of pydantic.
    (Trip, {"start": "2026-01-02T00:00:00Z", "days": None, "budget": None}, Trip(start=DAY)),
    (Trip, {"start": "2026-01-02", "tags": ["a"], "days": "3"}, Trip(start=DAY, tags={"a"}, days=3)),
    (Trip, {"start": "2026-01-02", "then": {"start": "2026-1-2"}}, Trip(start=DAY, then=Trip(start=DAY))),
    (dict[str, list[Cat]], {"a": [{"kind": "cat"}]}, {"a": [Cat(kind="cat")]}),
    (Union[Cat, Dog], {"kind": "dog"}, Dog(kind="dog")),
    (Annotated[Union[Cat, Dog], pydantic.Field(discriminator="kind")], {"kind": "dog"}, Dog(kind="dog")),
    (Strict, {"at": "2026-01-02 12:00"}, Strict(at=NOON)),
    (Checked, {"n": "2"}, Checked(2)),
    (pydantic.PositiveInt, 2.0, 2),
    (Annotated[str, pydantic.StringConstraints(to_lower=True)], "ABC", "abc"),
    (Annotated[int, pydantic.AfterValidator(lambda n: n + 1)], 1, 2),
    (pydantic.RootModel[list[int]], [1, "2"], pydantic.RootModel[list[int]]([1, 2])),
    # Several, aliases and forms.
    (Optional[int], None, None),
    (Optional[int], "3", 3),
    (Optional[int], "null", None),
    (Optional[datetime.date], "", None),
    (Optional[str], "None", "None"),
    (int | str, "5", "5"),
    (int | str, 5.0, 5),
    (str | int, 5, 5),
    (float | int, 5, 5),
    (bool | int | None, True, True),
    (datetime.date | str, "2026-01-02", DAY),
    (datetime.date | str, "tomorrow", "tomorrow"),
    (list[int] | set[str] | Shade | None, ["a"], {"a"}),
    (bytes | str, "a", "a"),
    (UserId, 1.0, 1),
    (T, [1], [1]),
    (Words, [1], ["1"]),
    (Json, {"a": ["b", 1, {"c": []}]}, {"a": ["b", 1, {"c": []}]}),
    (typing.Final[int], "1", 1),
    (Any, None, None),
    (object, [1], [1]),
    (None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("hint", "sent", "value"), SENT, ids=[f"{name_of(hint)} {sent!r}"[:70] for hint, sent, _ in SENT]
)
def test_what_models_send_becomes_what_the_function_wants(hint, sent, value):
    got = value_of(hint, sent)
    assert got == value
    assert type(got) is type(value) or isinstance(got, dict)


@pytest.mark.parametrize(
    ("hint", "sent", "value"),
    [
        (np.ndarray, [1, 2], np.array([1, 2])),
        (npt.NDArray[np.float32], [[1, 2], [3, 4]], np.array([[1, 2], [3, 4]], np.float32)),
        (npt.NDArray[np.bool_], [True], np.array([True])),
    ],
)
def test_arrays(hint, sent, value):
    got = value_of(hint, sent)
    np.testing.assert_array_equal(got, value)
    assert got.dtype == value.dtype


MISFITS = [
    (int, 2.5, "it must be a whole number, got 2.5"),
    (int, True, "it must be a whole number, got true"),
    (float, "NaN", 'it must be a number, got "NaN"'),
    (bool, "maybe", 'it must be true or false, got "maybe"'),
    (str, {"a": 1}, "it must be text, got an object"),
    (list[int], 5, "it must be a list, got 5"),
    (list[int], [1, "x"], 'it[1] must be a whole number, got "x"'),
    (tuple[int, int], [1], "it must have at least 2 items, got 1"),
    (dict[str, list[int]], {"a": ["x"]}, 'it.a[0] must be a whole number, got "x"'),
    (dict[int, int], {"x": 1}, 'the key "x" of it must be a whole number, got "x"'),
    (Literal[1, 2], 3, "it must be 1 or 2, got 3"),
    (Shade, "green", 'it must be "blue" or "dark red", got "green"'),
    (int | list[str], {"a": 1}, "it must be a whole number or a list, got an object"),
    (datetime.date, "tomorrow", 'it must be a date such as 2026-01-31, got "tomorrow"'),
    (datetime.datetime, 5, "it must be a date and time such as 2026-01-31T14:30:00, got 5"),
    (datetime.time, "noon", 'it must be a time such as 14:30:00, got "noon"'),
    (uuid.UUID, "x", 'it cannot be "x": badly formed hexadecimal UUID string'),
    (re.Pattern, "(", 'it cannot be "(": missing ), unterminated subpattern at position 0'),
    (Node, {"next": None}, "it.value is missing"),
    (Node, {"value": 1, "next": {"w": 1}}, "there is no it.next.w; the names there are value, next, others"),
    (Positive, {"x": -1}, "it: x may not be negative"),
    (Trip, {"days": 1}, "it.start is missing"),
    (Trip, {"start": "2026-01-02", "days": 31}, "it.days must be at most 30, got 31"),
    (Trip, {"start": "2026-01-02", "days": 13}, "it.days: 13 brings bad luck"),
    (list[Trip], [{"start": "2026-01-02", "days": 13}], "it[0].days: 13 brings bad luck"),
    (Union[Cat, Dog], {"kind": "cow"}, 'it.kind must be "cat", got "cow"; or it.kind must be "dog", got "cow"'),
    (Strict, {"at": "2026-01-02", "b": 1}, "there is no it.b; the names there are at"),
    (Annotated[int, msgspec.Meta(ge=0, le=250)], 900, "it must be at most 250, got 900"),
    (Annotated[float, msgspec.Meta(gt=0, lt=1)], 1, "it must be less than 1, got 1"),
    (Annotated[int, msgspec.Meta(multiple_of=5)], 7, "it must be a multiple of 5, got 7"),
    (Annotated[str, msgspec.Meta(min_length=2)], "a", "it must have at least 2 characters, got 1"),
    (Annotated[list[int], msgspec.Meta(max_length=1)], [1, 2], "it must have at most 1 item, got 2"),
    (Annotated[str, msgspec.Meta(pattern="^a$")], "b", 'it must match the pattern ^a$, got "b"'),
    (Annotated[int | None, msgspec.Meta(ge=1)], 0, "it must be at least 1, got 0"),
    (pydantic.PositiveInt, 0, "it must be more than 0, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "sent", "said"), MISFITS, ids=[said[:60] for *_, said in MISFITS])
def test_what_does_not_fit_is_told_in_a_persons_sentence(hint, sent, said):
    with pytest.raises(Misfit) as caught:
        value_of(hint, sent)
    assert str(caught.value) == said


KINDS = [read_kind(hint) for hint, *_ in SENT]
WORDS = [
    "2026-01-02",
    "1e400",
    "-0",
    "[1",
    '{"a": 1}',
    "null",
    "1:30",
    "auto",
    "²",
    "\n",
    "\ud800",
    "a",
    "value",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text(),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "value", "next", "start", "kind", "item", "n"]), one, max_size=3
        )
    ),
    max_leaves=6,
)


@given(JSON)
def test_whatever_is_sent_is_taken_or_refused_in_one_line(sent):
    refusals = []
    for kind in KINDS:
        try:
            kind.convert(sent, "it")
        except Misfit as misfit:
            refusals.append(str(misfit))
    assert not [said for said in refusals if "\n" in said]


def test_constraints_of_annotated_types():
    import annotated_types

    late = Annotated[datetime.date, annotated_types.Ge(DAY)]
    assert value_of(late, "2026-01-02") == DAY
    with pytest.raises(Misfit, match='it must be at least 2026-01-02, got "2025-01-01"'):
        value_of(late, "2025-01-01")
    even = Annotated[int, annotated_types.Predicate(lambda n: n % 2 == 0)]
    assert value_of(even, 2) == 2
    with pytest.raises(Misfit, match="it is not accepted, got 1"):
        value_of(even, 1)
    inner = Annotated[int, annotated_types.Interval(gt=0, le=9)]
    assert told(read_kind(inner).schema) == {"type": "integer", "minimum": 1, "maximum": 9}


TOLD = [
    (Level, {"type": "integer", "enum": [1, 2]}),
    (Literal[1, 2], {"type": "integer", "enum": [1, 2]}),
    (Literal[True], {"type": "boolean", "enum": [True]}),
    (Corner, {"type": "string", "enum": ["END", "TOP"]}),
    (Speed, {"anyOf": [{"type": "string", "enum": ["auto"]}, {"type": "integer", "enum": [1]}]}),
    (Any, {"type": ["string", "number", "boolean", "array", "object"]}),
    (datetime.date, {"type": "string", "format": "date"}),
    (datetime.datetime, {"type": "string", "format": "date-time"}),
    (datetime.time, {"type": "string", "format": "time"}),
    (datetime.timedelta, {"type": "string", "format": "duration"}),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    (tuple[int, int], {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
    (Node, {
        "type": "object",
        "properties": {
            "value": {"type": "integer", "description": "What it holds."},
            "next": {"type": "object"},
            "others": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["value"],
    }),
    (Positive, {
        "type": "object",
        "properties": {
            "x": {"type": "integer"},
            "y": {"type": "integer", "default": 0},
            "unit": {"type": "string", "default": "m", "description": "the unit"},
        },
        "required": ["x"],
    }),
    (Loose, {
        "type": "object",
        "properties": {
            "one": {"type": ["string", "number", "boolean", "array", "object"]},
            "several": {"type": "array", "items": {"type": ["string", "number", "boolean", "array", "object"]}},
            "named": {"type": "object"},
        },
        "required": ["one", "several", "named"],
    }),
    (Checked, {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "default": 1}}}),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "schema"), TOLD, ids=[name_of(hint) for hint, _ in TOLD])
def test_what_a_model_is_told_of_a_type(hint, schema):
    def f(x): ...

    f.__annotations__ = {"x": hint}
    assert Tool.of(f).schema["properties"]["x"] == schema


def subschemas(schema: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield schema
    for one in schema.get("properties", {}).values():
        yield from subschemas(one)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from subschemas(schema[key])
    for key in ("anyOf", "prefixItems"):
        for one in schema.get(key, ()):
            yield from subschemas(one)


@pytest.mark.parametrize("hint", [hint for hint, *_ in SENT if hint is not None], ids=name_of)
def test_every_schema_names_a_type_and_neither_nulls_nor_references(hint):
    def f(x): ...

    f.__annotations__ = {"x": hint}
    schema = Tool.of(f).schema
    msgspec.json.encode(schema)
    for one in subschemas(schema):
        assert ("type" in one) != ("anyOf" in one)
        assert one.get("type") != "null"
        assert not one.keys() & {
            "$ref",
            "$defs",
            "title",
            "const",
            "oneOf",
            "additionalProperties_",
            "_names",
        }
        assert one.get("additionalProperties") is not False
    assert not any(key.startswith("_") for one in subschemas(schema) for key in one)


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (bytes, "holds bytes"),
        (list[bytes], "holds bytes"),
        (complex, "is of the type complex, which is not JSON"),
        (type, "is of the type type, which is not JSON"),
        (pd.DataFrame, "is of the type DataFrame, which is not JSON"),
        (Literal[b"a"], "which is not JSON"),
        (typing.ForwardRef("Ghost"), "is of the type Ghost, which is not defined"),
        (
            dataclasses.make_dataclass("Holder", [("log", logging.Logger)]),
            "has log, which is of the type Logger",
        ),
    ],
)
def test_a_type_that_a_model_cannot_send(hint, why):
    with pytest.raises(Untellable) as caught:
        read_kind(hint)
    assert why in str(caught.value)


def test_a_model_without_a_schema_is_refused_in_a_sentence():
    class Holder(pydantic.BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        log: logging.Logger

    def f(holder: Holder): ...

    with pytest.raises(ToolError, match="holder cannot be described by pydantic"):
        Tool.of(f)


def test_pydantics_field_describes_what_pydantic_does_not_know():
    kind = read_kind(Annotated[np.ndarray, pydantic.Field(description="the samples")])
    assert kind.schema["description"] == "the samples"
    assert kind.convert([1], "it").tolist() == [1]


def test_pydantic_is_not_imported_where_no_type_is_of_it():
    import subprocess
    import sys

    code = (
        "import sys, dataclasses, datetime\n"
        "from livewidget.tools import Tool, response\n"
        "@dataclasses.dataclass\n"
        "class P: x: int\n"
        "def f(p: P, day: datetime.date, n: int = 1): return p\n"
        "t = Tool.of(f); response(t.call({'p': {'x': 1}, 'day': '2026-01-02'}))\n"
        "assert not {'pydantic', 'pandas', 'polars'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
