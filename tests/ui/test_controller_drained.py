"""Waiting for what plays to be heard, on a clock that is wound by hand."""

import asyncio

import pytest

from livewidget.clock import ManualClock
from livewidget.ui.controller import STANDSTILL_MS, drained


class Waiting:
    """A wait for `left`, and the clock that it waits by."""

    def __init__(self, left):
        self.left = left
        self.clock = ManualClock()
        self.task = asyncio.ensure_future(drained(lambda: self.left, self.clock))

    async def let(self, ms):
        for _ in range(int(ms // 50)):
            await asyncio.sleep(0)
            self.clock.advance(50)
        for _ in range(3):
            await asyncio.sleep(0)

    @property
    def over(self):
        return self.task.done()


async def test_nothing_is_not_waited_for():
    assert await drained(lambda: None, ManualClock()) is True


@pytest.mark.parametrize("steps", [[(0, 900.0), (0, 400.0)], [(2, 3000.0), (1, 3000.0)], [3, 2, 1]])
async def test_what_becomes_less_is_waited_for_however_long(steps):
    waiting = Waiting(steps[0])
    for step in steps:
        waiting.left = step
        await waiting.let(STANDSTILL_MS - 500)
        assert not waiting.over
    waiting.left = None
    await waiting.let(100)
    assert waiting.task.result() is True


@pytest.mark.parametrize("then", [(0, 500.0), (0, 600.0)])
async def test_what_stands_still_or_grows_is_not(then):
    waiting = Waiting((0, 500.0))
    await waiting.let(STANDSTILL_MS - 500)
    waiting.left = then
    assert not waiting.over
    await waiting.let(600)
    assert waiting.task.result() is False
