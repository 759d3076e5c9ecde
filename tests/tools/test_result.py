"""What functions return, on its way to the model."""

from __future__ import annotations

import array
import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import itertools
import os
import pathlib
import re
import sqlite3
import types
import uuid
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from PIL import Image

from livewidget.errors import ToolError
from livewidget.tools import Result, response
from tests.tools.test_tool import Colour, Place


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


class Tag(str):
    def __str__(self):
        return "not what it holds"


class Model(pydantic.BaseModel):
    when: datetime.date = datetime.date(2026, 1, 2)
    where: pathlib.Path = pathlib.Path("a")
    password: pydantic.SecretStr = pydantic.SecretStr("hidden")


class Anything(pydantic.BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    series: Any = np.arange(2)


Named = collections.namedtuple("Named", "x y")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Tag("x"), "x"),
        (collections.UserString("x"), "x"),
        (enum.IntFlag("F", "A B")(3), 3),
        (np.bool_(True), True),
        (np.float16(0.5), 0.5),
        (np.array(3.0), 3.0),
        (decimal.Decimal("1.10"), "1.10"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.Path("a"), "a"),
        (enum.Enum("Corner", {"TOP": (0, 0)}).TOP, "TOP"),
        (ipaddress.ip_address("127.0.0.1"), "127.0.0.1"),
        (re.compile("a+"), "a+"),
        (datetime.timedelta(hours=1), "PT3600S"),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (pd.Timedelta("1h"), "PT3600S"),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("NaT"), None),
        (pd.Period("2026-01", "M"), "2026-01"),
        (pd.Interval(0, 1), "(0, 1]"),
        (np.array(["2026-01-01", "NaT"], "M8[ns]"), ["2026-01-01", None]),
        (np.ma.array([1, 2], mask=[0, 1]), [1, None]),
        (pd.Categorical(["a"]), ["a"]),
        (pd.date_range("2026-01-01", periods=1), ["2026-01-01T00:00:00"]),
        (np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), [{"a": 1, "b": 2.5}]),
        (range(3), [0, 1, 2]),
        (collections.deque([1]), [1]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (zip("a", "b", strict=True), [["a", "b"]]),
        (array.array("i", [1]), [1]),
        (frozenset({2}), [2]),
        (2**64, "18446744073709551616"),
        (-(2**53), -(2**53)),
        ("half \ud800", "half \ufffd"),
        (pydantic.RootModel[list[int]]([1]), [1]),
    ],
)
def test_what_is_plain_to_a_person_is_sent_as_plain_json(value, sent):
    assert response(value) == {"result": sent}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Model(), {"when": "2026-01-02", "where": "a", "password": "**********"}),
        (Anything(), {"series": [0, 1]}),
        (Named(1, 2), {"x": 1, "y": 2}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (os.terminal_size((80, 24)), {"columns": 80, "lines": 24}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.Counter("aa"), {"a": 2}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        ({None: 1, False: 2, 1.5: 3, ("a", 1): 4}, {"null": 1, "false": 2, "1.5": 3, "a, 1": 4}),
        ({datetime.date(2026, 1, 2): 1, Colour.RED: 2}, {"2026-01-02": 1, "red": 2}),
        ({np.int64(1): 1, pd.Timestamp("2026-01-02"): 2}, {"1": 1, "2026-01-02T00:00:00": 2}),
        ({1: "a", "1": "b"}, {"1": "a", "1 (2)": "b"}),
        ({"at": [pathlib.Path("a")]}, {"at": ["a"]}),
    ],
)
def test_what_has_names_is_sent_with_them(value, sent):
    assert response(value) == sent


def test_a_row_of_a_database_keeps_its_names():
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        assert response(database.execute("select 1 as a").fetchone()) == {"a": 1}
        assert response(database.execute("select 1 as a")) == {"result": [{"a": 1}]}


@pytest.mark.parametrize(
    ("value", "sent", "places"),
    [
        (float("nan"), {"result": None}, "1 number was NaN or infinite and is null here: result."),
        ({"a": float("inf"), "b": 1}, {"a": None, "b": 1}, "is null here: result['a']."),
        (
            [np.nan] * 5,
            {"result": [None] * 5},
            "5 numbers were NaN or infinite and are null here: result[0], ",
        ),
        (np.array([1.0, np.nan]), {"result": [1.0, None]}, "result[1]"),
        (pd.Series([1.0, None]), {"result": [1.0, None]}, "result[1]"),
        (decimal.Decimal("NaN"), {"result": None}, "result."),
    ],
)
def test_nan_is_null_and_said_so(value, sent, places):
    found = response(value)
    assert places in found.pop("note")
    assert found == sent


def test_a_note_does_not_replace_what_has_its_name():
    assert response({"note": "mine", "a": float("nan")})["note"] == "mine"
    assert "NaN" in response({"note": "mine", "a": float("nan")})["notes"]
    column = pd.Series([1.0, np.nan], index=["note", "b"])
    assert response(column)["result"] == {"note": 1.0, "b": None}


@pytest.mark.parametrize(
    ("table", "records"),
    [
        (pd.DataFrame({"a": [1], "when": [pd.Timestamp("2026-01-02")]}), [{"a": 1, "when": "2026-01-02T00:00:00"}]),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [{"a": 1, "a (2)": 2}]),
        (pd.DataFrame({"v": [1, 3]}, index=["min", "max"]), [{"index": "min", "v": 1}, {"index": "max", "v": 3}]),
        (
            pd.DataFrame({"g": ["x", "x"], "v": [1, 3]}).groupby("g").agg(["min", "max"]),
            [{"g": "x", "v, min": 1, "v, max": 3}],
        ),
        (
            pd.DataFrame({"g": ["x"], "h": ["y"], "v": [1]}).set_index(["g", "h"]),
            [{"g": "x", "h": "y", "v": 1}],
        ),
        (pd.DataFrame(), []),
    ],
)  # fmt: skip
def test_a_table_is_sent_as_records_with_its_labels(table, records):
    assert response(table) == {"result": records}
    assert response({"table": table}) == {"table": records}


def test_a_column_with_labels_is_sent_with_them():
    counts = pd.Series(["b", "a", "b"]).value_counts()
    assert response(counts) == {"result": {"b": 2, "a": 1}}


class Frame:
    """What polars' DataFrame offers, of which this reads columns and rows."""

    __module__ = "polars.dataframe.frame"
    columns = ("a", "b")

    def __len__(self):
        return 2

    def iter_rows(self):
        return iter([(1, None), (2, float("nan"))])


class LazyFrame:
    __module__ = "polars.lazyframe.frame"

    def collect(self): ...
    def lazy(self): ...

    @property
    def columns(self):
        raise AssertionError("reading them would run the query")


class Table:
    __module__ = "pyarrow.lib"

    def __len__(self):
        return 3

    def to_pylist(self):
        return [{"a": 1}] * 3


def test_tables_of_other_libraries():
    found = response(Frame())
    assert found["result"] == [{"a": 1, "b": None}, {"a": 2, "b": None}]
    assert "result[1]['b']" in found["note"]
    assert response(Table()) == {"result": [{"a": 1}] * 3}
    with pytest.raises(ToolError, match=r"return its \.collect\(\)"):
        response(LazyFrame())


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (pd.DataFrame(np.zeros((20_000, 4)), columns=list("abcd")), "20,000 rows"),
        (np.zeros(10_000_000), "10,000,000 rows"),
        (pd.Series(np.zeros(20_000)), "20,000 rows"),
        (pd.Series(1, index=[f"k{i}" for i in range(20_000)]), "20,000 values"),
        (array.array("d", bytes(800_000)), "100,000 rows"),
    ],
)
def test_a_table_is_cut_at_the_limit_and_the_model_is_told(value, count):
    found = response(value)
    size = len(msgspec.json.encode(found))
    kept = len(found["result"])
    assert 0.9 * 65_536 < size <= 65_536
    assert found["note"] == f"result has the first {kept:,} of {count}; more cannot be sent at once."


def test_tables_leave_room_for_what_stands_beside_them():
    wide = pd.DataFrame(np.zeros((20_000, 4)), columns=list("abcd"))
    found = response({"first": wide, "second": wide.head(3), "text": "x" * 30_000})
    assert len(found["first"]) > 500
    assert len(found["second"]) == 3
    assert len(msgspec.json.encode(found)) <= 65_536
    assert response(np.arange(3), limit=40) == {"result": [0, 1, 2]}
    with pytest.raises(ToolError, match="return less"):
        response({"table": wide, "text": "x" * 70_000})


def loop() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def nested(levels: int) -> Any:
    return functools.reduce(lambda inner, _: [inner], range(levels), 1)


class Unreadable:
    def __iter__(self):
        raise RuntimeError("gone")


class Socket: ...


async def coroutine(): ...


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"abc", "it returned bytes, which cannot be sent; return text or numbers"),
        (bytearray(b"abc"), "it returned bytes, which cannot be sent; return text or numbers"),
        ({"a": [memoryview(b"abc")]}, "result['a'][0]: bytes cannot be sent; return text or numbers"),
        (Socket(), "it returned a Socket, which cannot be sent; return text, numbers, lists or dicts"),
        ({"rows": [1, 2, 3, Socket()]}, "result['rows'][3]: a Socket cannot be sent; return text, numbers"),
        (Named(Socket(), 1), "result['x']: a Socket cannot be sent"),
        (pd.DataFrame({"s": [1, Socket()]}), "result[1]['s']: a Socket cannot be sent"),
        ({("x" * 200): Socket()}, "…']: a Socket cannot be sent"),
        ({"f": print}, "result['f']: a function cannot be sent"),
        (int, "it returned the class int, which cannot be sent"),
        (array, "it returned a module, which cannot be sent"),
        (ValueError("x"), "it returned a ValueError, which cannot be sent; raise it instead"),
        (io.StringIO("x"), "it returned a StringIO, which cannot be sent"),
        (Image.new("L", (2, 2)), "return text, and show pictures with show(…)"),
        ({Socket(): 1}, "result has a Socket as a key; use text or numbers as keys"),
        (Unreadable(), "result is an Unreadable that cannot be read (RuntimeError: gone)"),
        (itertools.count(), "result has more than 32,768 items"),
        (loop(), "result[0] holds itself"),
        (nested(500), "nested more than 90 levels deep"),
        ([10**5000], "result[0] is a number with too many digits"),
        ([["x"] * 30_000] * 30_000, "it returned more than 65,536 bytes, which is the most"),
        (["x" * 1_000_000] * 30_000, "it returned more than 65,536 bytes, which is the most"),
        ({"table": pd.DataFrame({"a": [1]}), "list": [[1] * 30_000] * 9}, "more than 65,536 bytes"),
        ("x" * 10_000_000, "10,000,013 bytes and 65,536 is the most"),
    ],
)
def test_what_cannot_be_sent_is_refused_where_it_stands(value, said):
    with pytest.raises(ToolError) as caught:
        response(value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_coroutine_is_to_be_awaited():
    with contextlib.closing(coroutine()) as forgotten, pytest.raises(ToolError, match="await it"):
        response({"a": forgotten})


def test_all_that_is_sent_can_be_encoded():
    """What passes is what the encoder of the wire takes, up to the deepest that is allowed."""
    assert msgspec.json.decode(msgspec.json.encode(response(nested(89)))) == {"result": nested(89)}


def test_the_limit_counts_bytes_not_characters():
    assert response("é" * 10, limit=40)
    with pytest.raises(ToolError):
        response("é" * 20, limit=40)


@pytest.mark.parametrize("scheduling", ["silent", "SILENT"])
def test_a_result_may_say_when_it_is_spoken_of(scheduling):
    assert Result(3, scheduling=scheduling).scheduling == "SILENT"


@pytest.mark.parametrize("scheduling", ["LATER", None, 3])
def test_there_are_three_ways_of_scheduling(scheduling):
    with pytest.raises(ToolError, match="INTERRUPT, WHEN_IDLE or SILENT"):
        Result(3, scheduling=scheduling)
