"""Each part of benchmarks/talk_in_the_browser.py runs, in one way of each kind: in seconds, and whatever it measures."""

from __future__ import annotations

from math import isfinite

import pytest

from benchmarks.talk_in_the_browser import LANES, Bench, Server, measure

#: Two of the ways once: all others are for `make browser`.
SHORT = {("example", "interruptions"), ("socket", "cuts")}


@pytest.fixture
def server(lab):
    running = Server(lab)
    yield running
    running.close()


@pytest.mark.parametrize(
    ("lane", "part"),
    [
        pytest.param(lane, part, marks=[] if (lane, part) in SHORT else pytest.mark.long)
        for lane in ("socket", "direct", "example")
        for part in LANES[lane]
    ],
)
def test_each_part_of_the_benchmark_measures_something(lab, browser, server, lane, part):
    figures = measure(Bench(lab, browser, server, clicks=3, trials=2, seconds=2.5), part, (lane,), 1)
    assert figures
    for name, values in figures.items():
        assert lane in name.replace(",", "").split(), name
        assert values, name
        assert all(map(isfinite, values)), name
