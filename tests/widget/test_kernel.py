"""The widget in real kernels: what arrives while a cell runs, and what goes out."""

import time

import pytest

from livewidget.widget import messages as m

from .kernels import Kernel, KernelPage

MAKE = """
import numpy
from livewidget import LiveWidget, StandIn
def tone(text):
    return (numpy.sin(numpy.arange(24000) / 20) * 8000).astype("int16")
live = LiveWidget(StandIn(ears=lambda sound: "hello", brain=lambda text: "You said " + text, voice=tone))
print(live.comm.comm_id)
"""
COUNT = "print(live._talk.bridge.pages.owning.microphone.ack)"
#: A message from an ordinary cell: from then on ipykernel 7.4 would route the page's messages to the main shell.
SEND_FROM_CELL = "live.send({})"


def start(kernel, *, subshell):
    comm = kernel.run(MAKE, cell="one", timeout=60).splitlines()[-1]
    page = KernelPage(kernel, comm, kernel.subshell() if subshell else None)
    page.hello()
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    return page


def talk_during(page, code, seconds):
    """Run a cell, send 40 ms chunks meanwhile; returns the chunks acknowledged before the cell ended."""
    kernel = page.kernel
    before = page.seq["microphone"]
    request = kernel.execute(code)
    kernel.read(lambda message: message["msg_type"] == "execute_input")
    began = time.monotonic()
    sent = 0
    while time.monotonic() - began < seconds:
        page.voice()
        sent += 1
        if sent % 6 == 0:
            page.played()
        drain(kernel, 0.04)
    drain(kernel, 0.7)  # the heartbeat that acknowledges the last of them
    acked = max((beat.microphone_ack for _, beat in page.messages(m.Heartbeat, began)), default=before)
    kernel.finish(request)
    return sent, acked - before


def drain(kernel, seconds):
    try:
        kernel.read(lambda message: False, seconds)
    except TimeoutError:
        return


@pytest.fixture(scope="module")
def kernel():
    with Kernel() as running:
        yield running


@pytest.fixture(scope="module")
def page(kernel):
    return start(kernel, subshell=True)


@pytest.mark.parametrize(
    "work",
    [
        "import time; time.sleep(3)",
        "import time\nend = time.time() + 3\nwhile time.time() < end: sum(range(1000))",
        "import numpy, time\nend = time.time() + 3\na = numpy.ones((300, 300))\nwhile time.time() < end: a @ a",
        "import asyncio; await asyncio.sleep(3)",
    ],
    ids=["sleep", "python", "numpy", "await"],
)
def test_every_chunk_arrives_while_a_cell_runs(kernel, page, work):
    kernel.run(SEND_FROM_CELL)
    sent, arrived = talk_during(page, work, 2)
    assert sent > 30
    assert arrived == sent


def test_without_the_lane_the_chunks_wait_for_the_cell():
    with Kernel(env={"LIVEWIDGET_SUBSHELL_LANE": "0"}) as kernel:
        page = start(kernel, subshell=True)
        kernel.run(SEND_FROM_CELL)
        sent, arrived = talk_during(page, "import time; time.sleep(3)", 2)
        assert sent > 30
        assert arrived == 0


def test_the_kernel_speaks_while_a_cell_sleeps(kernel, page):
    request = kernel.execute("import time; time.sleep(2)")
    began = time.monotonic()
    drain(kernel, 1.5)
    assert len(page.messages(m.Heartbeat, began)) >= 2
    kernel.finish(request)
