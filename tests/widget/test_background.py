import asyncio
import subprocess
import sys
import threading

import pytest

from livewidget.widget.background import Background, background


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
