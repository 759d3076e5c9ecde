"""The clocks of both ends."""

import asyncio
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from livewidget.clock import ManualClock, SystemClock, check_seconds
from livewidget.errors import UsageError


async def test_time_that_is_wound_wakes_in_order_whoever_waited_for_it():
    clock, woken = ManualClock(), []

    async def wait(at_ms):
        await clock.sleep_until(at_ms)
        woken.append((at_ms, clock.now_ms()))

    tasks = [asyncio.create_task(wait(at_ms)) for at_ms in (30, 10, 20, 40)]
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert woken == []
    clock.advance(21)
    for _ in range(3):
        await asyncio.sleep(0)
    assert woken == [(10, 30), (20, 30), (30, 30)]
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    clock.advance(100)  # who gave up is not woken
    assert len(woken) == 3


@pytest.mark.parametrize("clock", [ManualClock(), SystemClock()])
async def test_a_moment_that_has_passed_lets_others_run_and_returns(clock):
    ran = []
    other = asyncio.create_task(asyncio.sleep(0, ran.append(1)))
    await clock.sleep_until(clock.now_ms() - 5)
    await other
    assert ran == [1]


async def test_the_true_clock_does_not_return_early():
    clock = SystemClock()
    until = clock.now_ms() + 5
    await clock.sleep_until(until)
    assert clock.now_ms() >= until


@pytest.mark.parametrize("value", [1, 2.5, np.float32(2.5), np.int16(3), Fraction(1, 2), math.inf])
def test_a_number_of_seconds_may_be_of_any_type(value):
    assert check_seconds(value, "timeout") == value


def test_0_is_one_only_where_it_makes_sense():
    assert check_seconds(0, "timeout", zero=True) == 0
    with pytest.raises(UsageError, match=r"^timeout is a number of seconds above 0, such as 30, not 0\.$"):
        check_seconds(0, "timeout")


@pytest.mark.parametrize(
    "value", [None, True, "1", b"1", [1], 1j, Decimal(1), np.array([1]), math.nan, -1, -math.inf]
)
def test_whatever_else_is_refused_in_one_sentence(value):
    with pytest.raises(UsageError, match=r"^wait is a number of seconds from 0 on, such as 30, not [^.]*\.$"):
        check_seconds(value, "wait", zero=True)
