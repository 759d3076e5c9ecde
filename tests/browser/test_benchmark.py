"""Each part of benchmarks/talk_in_the_browser.py runs, on both lanes: in seconds, and whatever it measures."""

from __future__ import annotations

from math import isfinite

import pytest

from benchmarks.talk_in_the_browser import PARTS, Bench, measure, tutor


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_benchmark_measures_something(lab, browser, part):
    with tutor() as url:
        figures = measure(Bench(lab, browser, url, clicks=3, trials=2, seconds=2.5), part, ("socket",), 1)
    for lane in ("socket",):
        found = {name: values for name, values in figures.items() if lane in name.split()}
        assert found
        for name, values in found.items():
            assert values, name
            assert all(map(isfinite, values)), name
