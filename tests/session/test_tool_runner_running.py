"""One call of a function, from its first value until it runs no more."""

import asyncio
import contextlib
import threading

import pytest

from livewidget.session.tool_runner import outputs
from livewidget.tools import Tool
from tests.peer import SOON, eventually


def returns():
    return 1


def raises():
    raise ValueError("no lamp here")


def one_by_one():
    yield from (1, 2)


async def later():
    return 1


def promised():
    return later()


async def run(function, freed):
    """Call it to its end, or until it raises."""
    tool = Tool.of(function, name="f")
    async with contextlib.aclosing(outputs(tool, {}, lambda: freed.append(True))) as found:
        async for step in found:
            if step.last:
                break


@pytest.mark.parametrize("function", [returns, raises, one_by_one, later, promised])
async def test_its_place_is_free_once_and_before_anybody_can_know_that_it_is_over(function):
    freed, before = [], threading.enumerate()
    with contextlib.suppress(ValueError):
        await run(function, freed)
    assert len(freed) == 1
    for thread in set(threading.enumerate()) - set(before):
        await asyncio.to_thread(thread.join, SOON)
    assert len(freed) == 1


@pytest.mark.parametrize("several", [False, True])
async def test_a_function_that_is_given_up_keeps_its_place_until_it_returns(several):
    began, go, freed = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def hangs():
        loop.call_soon_threadsafe(began.set)
        go.wait(SOON)

    def hangs_between():
        yield 1
        hangs()

    call = asyncio.create_task(run(hangs_between if several else hangs, freed))
    await began.wait()
    call.cancel()
    await asyncio.wait([call])
    assert freed == []
    go.set()
    await eventually(lambda: freed)
    assert len(freed) == 1
