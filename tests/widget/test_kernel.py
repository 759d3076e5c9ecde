"""The widget in real kernels: what arrives while a cell runs, and what goes out."""

import time

import pytest

from livewidget.widget import messages as m

from .kernels import Kernel, KernelPage, is_idle

MAKE = """
import numpy
from livewidget import LiveWidget, StandIn
def tone(text):
    return (numpy.sin(numpy.arange(4800) / 20) * 8000).astype("int16")
live = LiveWidget(StandIn(ears=lambda sound: "hello", brain=lambda text: "You said " + text, voice=tone))
print(live.comm.comm_id)
"""
#: A message from an ordinary cell: from then on ipykernel 7.4 would route the page's messages to the main shell.
SEND_FROM_CELL = "live.send({})"


def start(kernel, *, subshell):
    comm = kernel.run(MAKE, cell="one", timeout=60).splitlines()[-1]
    kernel.run("live._talk.bridge.pages.lease_ms = 1e9")  # this page does not report by itself
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


def test_what_tools_print_lands_in_the_cell_that_shows_the_widget(kernel, page):
    request = kernel.execute(
        "from livewidget import TurnComplete\n"
        "@live.on(TurnComplete)\ndef told(event):\n    print('a callback prints')\n"
        "live",
        cell="two",
    )
    kernel.finish(request)
    kernel.run("live.say('hello')")
    said = kernel.read(lambda message: message["content"].get("text") == "a callback prints\n")
    assert said["parent_header"]["msg_id"] == request


def test_the_transcript_is_a_second_output_and_is_updated_in_place(kernel, page):
    request = kernel.execute("live", cell="three")
    kernel.finish(request)
    shown = [
        message["content"]
        for message in kernel.iopub
        if message["msg_type"] == "display_data" and message["parent_header"].get("msg_id") == request
    ]
    live_view, transcript = shown
    assert "application/vnd.jupyter.widget-view+json" in live_view["data"]
    assert 'class="livewidget-transcript livewidget-transcript-' in transcript["data"]["text/html"]
    kernel.run("live.say('remember this')")
    update = kernel.read(
        lambda message: (
            message["msg_type"] == "update_display_data"
            and "You said remember this" in message["content"]["data"]["text/html"]
        )
    )
    assert update["content"]["transient"] == transcript["transient"]


def test_running_the_cell_again_closes_the_widget_of_its_last_run(kernel):
    kernel.run(MAKE, cell="again")
    kernel.run("former = live; live.say('hello')", cell="other")
    kernel.run("assert former.ask('hello', 10).text")
    kernel.run(MAKE, cell="again")
    assert kernel.run("print(former.wait(10), former.comm, live.phase)") == "True None idle"
    kernel.run("other = LiveWidget(live._talk.provider)", cell="elsewhere")
    assert kernel.run("print(live.comm is None)") == "False"


def test_ask_may_be_interrupted_and_the_talk_goes_on(kernel):
    kernel.run(MAKE.replace('"You said " + text', "think(text)"), cell="slow")
    kernel.run("import time\ndef think(text):\n    time.sleep(3)\n    return 'at last'")
    kernel.run("live.start()\nwhile live.phase != 'live': time.sleep(0.05)")
    request = kernel.execute("live.ask('hello')")
    kernel.read(lambda message: message["msg_type"] == "execute_input")
    drain(kernel, 0.5)
    kernel.manager.interrupt_kernel()
    kernel.read(
        lambda message: message["msg_type"] == "error" and message["content"]["ename"] == "KeyboardInterrupt"
    )
    kernel.read(lambda message: message["parent_header"].get("msg_id") == request and is_idle(message))
    assert kernel.run("print(live.phase)") == "live"


def test_twenty_runs_of_the_cell_leave_no_thread_and_no_task(kernel):
    count = "import threading\nprint(threading.active_count(), live._background.submit(tasks()).result() - 1)"
    kernel.run("async def tasks():\n    return live._background.tasks")
    kernel.run("live.close()")
    kernel.run(MAKE, cell="many")
    kernel.run("live.ask('hello', 10)")
    before = [int(word) for word in kernel.run(count).split()]
    for _ in range(20):
        kernel.run(MAKE + "live.ask('hello', 10)", cell="many")
    kernel.run("time.sleep(1)")
    after = [int(word) for word in kernel.run(count).split()]
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1]


def test_no_word_in_the_background_is_printed(kernel):
    strange = [
        message["content"]
        for message in kernel.iopub
        if message["msg_type"] == "stream" and "Traceback" in message["content"]["text"]
    ]
    assert strange == []


# --- Other kernels ---------------------------------------------------------------------------------------


@pytest.mark.kernels
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["7.3.0", "6.29.5"])
def test_older_kernels(version):
    with Kernel(version) as kernel:
        subshells = version.startswith("7")
        page = start(kernel, subshell=subshells)
        kernel.run(SEND_FROM_CELL)
        sent, arrived = talk_during(page, "import time; time.sleep(3)", 2)
        assert arrived == (sent if subshells else 0)
        request = kernel.execute("import time; time.sleep(2)")
        began = time.monotonic()
        drain(kernel, 1.5)
        assert len(page.messages(m.Heartbeat, began)) >= 2  # the kernel speaks while the cell blocks
        kernel.finish(request)


@pytest.mark.kernels
@pytest.mark.timeout(300)
def test_on_ipykernel_6_old_sound_is_left_out_and_the_talk_recovers():
    with Kernel("6.29.5") as kernel:
        page = start(kernel, subshell=False)
        talk_during(page, "pass", 1)
        sent, _ = talk_during(page, "import time; time.sleep(5)", 4)
        notice = page.wait_for(m.NoticeView)
        assert notice.code == "old-sound"
        stale = int(kernel.run("print(live._talk.bridge.pages.owning.microphone.stale)"))
        assert sent / 4 < stale < sent  # what was said in the end of it is young enough
        talk_during(page, "pass", 1)
        assert int(kernel.run("print(live._talk.bridge.pages.owning.microphone.stale)")) == stale
        assert kernel.run("print(live.phase)") == "live"


@pytest.mark.kernels
@pytest.mark.timeout(300)
def test_on_ipykernel_6_a_long_cell_does_not_end_the_talk():
    with Kernel("6.29.5") as kernel:
        page = start(kernel, subshell=False)
        page.played()
        kernel.run("live._talk.bridge.pages.lease_ms = 1500")
        talk_during(page, "import time; time.sleep(4)", 3)
        assert kernel.run("print(live.phase)") == "live"


@pytest.mark.kernels
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["6.29.5", None])
def test_listening_in_a_cell_lets_the_page_through_and_cells_wait(version):
    with Kernel(version) as kernel:
        page = start(kernel, subshell=version is None)
        code = "for turn in live.listen(10):\n    print(turn.speaker)\n    if turn.speaker == 'model': break"
        request = kernel.execute(code)
        kernel.read(lambda message: message["msg_type"] == "execute_input")
        queued = kernel.execute("print('after')")
        drain(kernel, 0.3)
        page.send(m.Text(text="hello"))
        assert kernel.finish(request).split() == ["user", "model"]
        after = next((x for x in kernel.iopub if x["content"].get("text") == "after\n"), None)
        after = after or kernel.read(lambda message: message["content"].get("text") == "after\n")
        assert after["parent_header"]["msg_id"] == queued
        assert kernel.run("print(1 + 1)") == "2"
