import asyncio
import subprocess
import sys
import threading

import pytest

from livewidget.widget.background import STUCK_S, Background, background, tool_loop


def test_all_share_one_loop_and_one_thread():
    assert background() is background()
    assert sum(thread.name == "livewidget" for thread in threading.enumerate()) == 1


def test_work_runs_there_and_comes_back():
    async def where():
        return threading.current_thread().name

    assert background().submit(where()).result(5) == "livewidget"


def test_stopping_cancels_what_runs_and_ends_the_thread():
    loop, cancelled, began = Background(), threading.Event(), threading.Event()

    async def forever():
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    loop.submit(forever())
    assert began.wait(5)
    loop.stop()
    assert cancelled.is_set()
    assert not loop.alive
    loop.stop()


def test_a_program_ends_without_a_word():
    code = """
import asyncio
from livewidget.widget.background import background
async def forever():
    await asyncio.Event().wait()
loop = background()
loop.submit(forever())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_patched_main_loop_does_not_matter():
    code = """
import asyncio
from livewidget.widget.background import background
async def work():
    await asyncio.sleep(0.01)
    return "done"
loop = background()
import nest_asyncio2
nest_asyncio2.apply(asyncio.new_event_loop())
print(loop.submit(work()).result(5))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "done"


@pytest.mark.parametrize("count", [20])
def test_new_loops_leave_no_thread(count):
    before = threading.active_count()
    for _ in range(count):
        Background().stop()
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_a_task_that_asks_the_program_to_end_does_not_end_the_loop(error):
    """asyncio passes these two on through run_forever, and every widget is on this loop."""
    loop = Background()

    async def leaves():
        raise error

    async def starts_it():
        task = asyncio.create_task(leaves())
        await asyncio.wait([task])
        return task.exception()

    assert loop.submit(starts_it()).result(5) is error
    assert loop.submit(asyncio.sleep(0, "alive")).result(5) == "alive"
    loop.stop()


def test_a_blocked_loop_is_stopped_without_a_word():
    code = """
import threading, time
from livewidget.widget.background import tool_loop
began = threading.Event()
loop = tool_loop()
loop.call_soon_threadsafe(lambda: (began.set(), time.sleep(60)))
began.wait()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tools_share_a_loop_of_their_own_until_it_is_stuck():
    now, go, began = [0.0], threading.Event(), threading.Event()

    def clock():
        return now[0]

    first = tool_loop(clock)
    assert first is not background().loop
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), first).result(5)
    now[0] += 10 * STUCK_S
    assert tool_loop(clock) is first  # It answered the last time.
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), first).result(5)

    def block():
        began.set()
        go.wait(30)

    first.call_soon_threadsafe(block)
    assert began.wait(5)
    assert tool_loop(clock) is first
    now[0] += STUCK_S
    assert tool_loop(clock) is first
    now[0] += 1
    second = tool_loop(clock)
    assert second is not first
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "runs"), second).result(5) == "runs"
    assert tool_loop(clock) is second
    go.set()
