"""One call of a function, from its first value until it runs no more."""

import asyncio
import contextlib
import threading

import pytest

from livewidget.clock import ManualClock
from livewidget.errors import ToolError
from livewidget.session.tool_worker import BLOCKING_MS, BlockingWatch, ToolRaised, outputs
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
    watch = BlockingWatch(ManualClock(), lambda: None)
    async with contextlib.aclosing(outputs(tool, {}, lambda: freed.append(True), watch=watch)) as found:
        async for step in found:
            if step.last:
                break


@pytest.mark.parametrize("function", [returns, raises, one_by_one, later, promised])
async def test_its_place_is_free_once_and_before_anybody_can_know_that_it_is_over(function):
    freed, before = [], threading.enumerate()
    with contextlib.suppress(ToolRaised):
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


class Panic(BaseException):
    pass


async def one_value(function, loop=None, watch=None):
    """Return the first output of a function."""
    watch = watch or BlockingWatch(ManualClock(), lambda: None)
    found = outputs(Tool.of(function, name="f"), {}, lambda: None, watch=watch, loop=loop)
    async with contextlib.aclosing(found):
        return await anext(found)


@pytest.fixture
def other_loop():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(SOON)
    loop.close()


async def test_a_coroutine_function_runs_on_the_loop_that_it_is_given(other_loop):
    async def where():
        return [threading.current_thread().name, asyncio.get_running_loop() is other_loop]

    async def where_generated():
        yield await where()

    def where_promised():
        return where()

    for function in (where, where_generated, where_promised):
        name, is_other = (await one_value(function, other_loop)).value["result"]
        assert (name != threading.current_thread().name, is_other) == (True, True)


async def test_what_is_shared_between_calls_stays_on_one_loop(other_loop):
    """As an HTTP client is, which is bound to the loop of its first use."""
    lock = asyncio.Lock()

    async def hold():
        async with lock:
            await asyncio.sleep(0.01)

    await asyncio.gather(one_value(hold, other_loop), one_value(hold, other_loop))


@pytest.mark.parametrize(
    "error", [Panic(), SystemExit(), GeneratorExit(), asyncio.CancelledError()], ids=repr
)
async def test_what_is_raised_on_another_loop_arrives_here_and_leaves_that_loop_alone(other_loop, error):
    async def breaks():
        raise error

    for _ in range(2):
        with pytest.raises(ToolRaised) as raised:
            await one_value(breaks, other_loop)
        assert raised.value.error is error


async def test_a_call_that_is_given_up_ends_on_another_loop_as_well(other_loop):
    began, closed = threading.Event(), threading.Event()

    async def endless():
        try:
            yield 1
            began.set()
            await asyncio.sleep(60)
        finally:
            closed.set()

    async def both():
        watch = BlockingWatch(ManualClock(), lambda: None)
        found = outputs(Tool.of(endless), {}, lambda: None, watch=watch, loop=other_loop)
        async with contextlib.aclosing(found):
            async for _ in found:
                pass

    call = asyncio.create_task(both())
    assert await asyncio.to_thread(began.wait, SOON)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    assert await asyncio.to_thread(closed.wait, SOON)


async def test_a_loop_that_has_ended_is_said():
    loop = asyncio.new_event_loop()
    loop.close()

    async def never():
        raise AssertionError

    with pytest.raises(ToolError, match="event loop of the tools has ended"):
        await one_value(never, loop)


async def test_working_without_awaiting_counts_as_blocking_and_waiting_does_not():
    clock, told = ManualClock(), []
    watch = BlockingWatch(clock, lambda: told.append(True))

    gate = asyncio.Event()

    async def waits():
        await gate.wait()

    call = asyncio.create_task(one_value(waits, watch=watch))
    await eventually(lambda: watch.has_begun)
    clock.advance(60_000)
    assert not watch.is_blocking(clock.now_ms())
    gate.set()
    await call

    async def works(ms):
        clock.advance(ms)
        assert watch.is_blocking(clock.now_ms()) is (ms >= BLOCKING_MS)

    async def works_between():
        await asyncio.sleep(0)
        await works(BLOCKING_MS)
        yield 1

    await one_value(lambda: works(BLOCKING_MS - 1), watch=watch)
    assert told == []
    await one_value(lambda: works(BLOCKING_MS), watch=watch)
    await one_value(works_between, watch=watch)
    assert told == [True, True]
    assert not watch.is_blocking(clock.now_ms() + 60_000)
