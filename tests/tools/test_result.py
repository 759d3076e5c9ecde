"""What functions return, on its way to the model."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import numpy as np
import pytest

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


@pytest.mark.parametrize("scheduling", ["silent", "SILENT"])
def test_a_result_may_say_when_it_is_spoken_of(scheduling):
    assert Result(3, scheduling=scheduling).scheduling == "SILENT"


@pytest.mark.parametrize("scheduling", ["LATER", None, 3])
def test_there_are_three_ways_of_scheduling(scheduling):
    with pytest.raises(ToolError, match="INTERRUPT, WHEN_IDLE or SILENT"):
        Result(3, scheduling=scheduling)
