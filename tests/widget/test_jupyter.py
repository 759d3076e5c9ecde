"""The widget in real kernels: what arrives while a cell runs, and what goes out."""

import asyncio
import functools
import pathlib
import re
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest

from livewidget.ui import messages as m
from livewidget.ui.channels import STALE_MS

from .kernels import Kernel, KernelPage, is_idle
from .socket_page import SocketPage

pytestmark = pytest.mark.notebook

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
    kernel.run("live._controller.bridge.front_ends.lease_ms = 1e9")  # this page does not report by itself
    page = KernelPage(kernel, comm, kernel.subshell() if subshell else None)
    page.hello()
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=True))
    page.wait_for(m.State, lambda state: state.phase == "live")
    return page


@contextmanager
def running(kernel, cell):
    """A cell that runs while the block does."""
    with tempfile.TemporaryDirectory() as folder:
        over = pathlib.Path(folder, "over")
        before = f"import asyncio, numpy, os, time\nover = lambda: os.path.exists({str(over)!r})\n"
        request = kernel.execute(before + cell)
        kernel.read(
            lambda message: (
                message["msg_type"] == "execute_input" and message["parent_header"]["msg_id"] == request
            )
        )
        try:
            yield
        finally:
            over.touch()
            kernel.finish(request)


def ended(message, request):
    return message["parent_header"].get("msg_id") == request and is_idle(message)


def heartbeats(page, number):
    return [page.wait_for(m.Heartbeat) for _ in range(number)]


SLEEPING = "while not over(): time.sleep(0.05)"


@pytest.fixture(scope="module")
def kernels():
    """Kernels by version, each started once."""
    with ExitStack() as stack:
        yield functools.cache(lambda version: stack.enter_context(Kernel(version)))


@pytest.fixture(scope="module")
def kernel(kernels):
    return kernels(None)


@pytest.fixture(scope="module")
def page(kernel):
    return start(kernel, subshell=True)


@pytest.mark.parametrize(
    "cell",
    [
        SLEEPING,
        "while not over(): sum(range(1000))",
        "a = numpy.ones((300, 300))\nwhile not over(): a @ a",
        "while not over(): await asyncio.sleep(0.05)",
    ],
    ids=["sleep", "python", "numpy", "await"],
)
def test_every_chunk_arrives_while_a_cell_runs(kernel, page, cell):
    kernel.run(SEND_FROM_CELL)
    with running(kernel, cell):
        page.speak(30)
        page.acknowledged()


def test_without_the_lane_the_chunks_wait_for_the_cell():
    with Kernel(env={"LIVEWIDGET_SUBSHELL_LANE": "0"}) as kernel:
        page = start(kernel, subshell=True)
        kernel.run(SEND_FROM_CELL)
        waits_for_the_cell(page)


def waits_for_the_cell(page):
    before = page.seq["microphone"]
    with running(page.kernel, SLEEPING):
        page.speak(30)
        assert {beat.microphone_ack for beat in heartbeats(page, 3)} == {before}
    page.acknowledged()


def test_the_kernel_speaks_while_a_cell_sleeps(kernel, page):
    with running(kernel, SLEEPING):
        heartbeats(page, 2)


def test_what_tools_print_lands_in_the_cell_that_shows_the_widget(kernel, page):
    request = kernel.execute(
        "from livewidget import TurnComplete\n"
        "@live.on(TurnComplete)\ndef told(event):\n    print('a callback prints')\n"
        "live",
        cell="two",
    )
    kernel.finish(request)
    since = len(kernel.iopub)
    kernel.run("live.say('hello')")
    said = kernel.find(lambda message: message["content"].get("text") == "a callback prints\n", since)
    assert said["parent_header"]["msg_id"] == request


def test_the_transcript_is_an_output_of_its_own_and_is_updated_in_place(kernel, page):
    request = kernel.execute("live", cell="three")
    kernel.finish(request)
    shown = [
        message["content"]
        for message in kernel.iopub
        if message["msg_type"] == "display_data" and message["parent_header"].get("msg_id") == request
    ]
    live_view, again, transcript = shown
    assert "livewidget was here" in again["data"]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in live_view["data"]
    assert 'class="livewidget-transcript livewidget-transcript-' in transcript["data"]["text/html"]
    since = len(kernel.iopub)
    kernel.run("live.say('remember this')")
    update = kernel.find(
        lambda message: (
            message["msg_type"] == "update_display_data"
            and "You said remember this" in message["content"]["data"]["text/html"]
        ),
        since,
    )
    assert update["content"]["transient"] == transcript["transient"]


def test_running_the_cell_again_closes_the_widget_of_its_last_run(kernel):
    kernel.run(MAKE, cell="again")
    kernel.run("former = live; live.say('hello')", cell="other")
    kernel.run("assert former.ask('hello', 10).text")
    kernel.run(MAKE, cell="again")
    assert kernel.run("print(former.wait(10), former.comm, live.phase)") == "True None idle"
    kernel.run("other = LiveWidget(live._controller.provider)", cell="elsewhere")
    assert kernel.run("print(live.comm is None)") == "False"


def test_ask_may_be_interrupted_and_the_talk_goes_on(kernel):
    kernel.run(MAKE.replace('"You said " + text', "think(text)"), cell="slow")
    kernel.run("import time\ndef think(text):\n    time.sleep(3)\n    return 'at last'")
    kernel.run("live.start()\nwhile live.phase != 'live': time.sleep(0.05)")
    request = kernel.execute("print('now')\nlive.ask('hello')")
    kernel.read(lambda message: message["content"].get("text") == "now\n")
    kernel.manager.interrupt_kernel()
    kernel.read(
        lambda message: message["msg_type"] == "error" and message["content"]["ename"] == "KeyboardInterrupt"
    )
    kernel.read(lambda message: ended(message, request))
    assert kernel.run("print(live.phase)") == "live"


def test_twenty_runs_of_the_cell_leave_no_thread_and_no_task(kernel):
    # Without the loop's own pool, which grows with the machine's load, and not with the runs.
    count = (
        "import threading\n"
        "names = [thread.name for thread in threading.enumerate()]\n"
        "print(sum(not name.startswith('asyncio_') for name in names), "
        "live._background.submit(tasks()).result() - 1)"
    )
    kernel.run("async def tasks():\n    return live._background.tasks")
    kernel.run("live.close()")
    kernel.run(MAKE, cell="many")
    kernel.run("live.ask('hello', 10)")
    before = [int(word) for word in kernel.run(count).split()]
    for _ in range(20):
        kernel.run(MAKE + "live.ask('hello', 10)", cell="many")
    for _ in range(100):
        threads, tasks = [int(word) for word in kernel.run(count).split()]
        if threads <= before[0] and tasks <= before[1]:
            return
        kernel.run("time.sleep(0.1)")
    raise AssertionError(f"{threads} threads and {tasks} tasks, {before} before")


def test_no_word_in_the_background_is_printed(kernel):
    strange = [
        message["content"]
        for message in kernel.iopub
        if message["msg_type"] == "stream" and "Traceback" in message["content"]["text"]
    ]
    assert strange == []


# --- Other kernels ---------------------------------------------------------------------------------------


@pytest.mark.kernels
@pytest.mark.parametrize("version", ["7.3.0", "6.29.5"])
def test_older_kernels(kernels, version):
    kernel = kernels(version)
    assert kernel.run("import ipykernel\nprint(ipykernel.__version__)") == version
    subshells = version.startswith("7")
    page = start(kernel, subshell=subshells)
    kernel.run(SEND_FROM_CELL)
    if subshells:
        with running(kernel, SLEEPING):
            page.speak(30)
            page.acknowledged()
    else:
        waits_for_the_cell(page)  # and the kernel's heartbeats do not


#: The next reply is held back until a request has come, and so comes to be written while it does.
MEETS_A_REQUEST = """
import select
from pathlib import Path
socket = get_ipython().kernel.shell_stream.socket
def send_multipart(*args, **options):
    del socket.send_multipart
    select.select([socket.fd], [], [], 1)  # it may have come already
    return socket.send_multipart(*args, **options)
"""
MEET = "socket.send_multipart = send_multipart"


@pytest.mark.kernels
def test_on_ipykernel_7_3_a_request_that_comes_as_a_reply_is_sent_is_not_missed(kernels):
    kernel = kernels("7.3.0")
    kernel.run(MAKE, cell="missed", timeout=60)
    kernel.run(MEETS_A_REQUEST)
    for _ in range(3):
        kernel.run(MEET)
        assert kernel.run("print('answered')", timeout=10) == "answered"
    kernel.run("live.close()")


@pytest.mark.kernels
def test_on_ipykernel_7_3_what_was_missed_before_the_widget_was_made_is_taken_up(tmp_path):
    read = tmp_path / "read"
    with Kernel("7.3.0") as kernel:
        kernel.run(MEETS_A_REQUEST)
        kernel.run(
            "import time\nheard = []\ndef until(true, end):\n    while not true() and time.monotonic() < end: time.sleep(0.05)"
        )
        subshell = kernel.subshell()
        first = kernel.execute(f"until(Path({str(read)!r}).exists, time.monotonic() + 20)\n{MEET}")
        second = kernel.execute(f"{MAKE}\nuntil(lambda: heard, time.monotonic() + 10)\nprint(heard)")
        kernel.execute(f"Path({str(read)!r}).touch()", subshell=subshell)
        kernel.finish(first)
        kernel.execute("heard.append('it')", subshell=subshell)
        assert kernel.finish(second).splitlines()[-1] == "['it']"


STALE = "print(live._controller.bridge.front_ends.owner.microphone.stale)"


@pytest.mark.kernels
def test_on_ipykernel_6_old_sound_is_left_out_and_the_talk_recovers(kernels):
    kernel = kernels("6.29.5")
    page = start(kernel, subshell=False)
    page.speak(10)
    page.acknowledged()
    since = len(kernel.iopub)
    with running(kernel, SLEEPING):
        for _ in range(20):
            page.voice(age_ms=STALE_MS + 5000)  # as if the cell had been running for so long
        began = time.monotonic()
        page.speak(20)
    page.acknowledged()
    stale = int(kernel.run(STALE))
    assert stale >= 20
    if time.monotonic() - began < STALE_MS / 1000:  # else what was said in the end of it is old as well
        assert stale == 20
    assert page.wait_for(m.NoticeView, since=since).code == "old-sound"
    page.speak(10)
    page.acknowledged()
    assert int(kernel.run(STALE)) == stale
    assert kernel.run("print(live.phase)") == "live"


@pytest.mark.kernels
def test_on_ipykernel_6_a_long_cell_does_not_end_the_talk(kernels):
    kernel = kernels("6.29.5")
    page = start(kernel, subshell=False)
    page.played()
    with running(
        kernel,
        f"pages = live._controller.bridge.front_ends\npages.lease_ms = 200\n{SLEEPING}\npages.lease_ms = 1e9",
    ):
        heartbeats(page, 3)  # two every second
    assert kernel.run("print(live.phase)") == "live"


@pytest.mark.kernels
@pytest.mark.parametrize("version", ["6.29.5", None])
def test_listening_in_a_cell_lets_the_page_through_and_cells_wait(kernels, version):
    kernel = kernels(version)
    page = start(kernel, subshell=version is None)
    since = len(kernel.iopub)
    request = kernel.execute(
        "turns = live.listen(20)\nprint('now')\n"
        "for turn in turns:\n    print(turn.speaker)\n    if turn.speaker == 'model': break"
    )
    kernel.read(lambda message: message["content"].get("text") == "now\n")
    queued = kernel.execute("print('after')")
    page.send(m.Text(text="hello"))
    assert kernel.finish(request).split() == ["now", "user", "model"]
    after = kernel.find(lambda message: message["content"].get("text") == "after\n", since)
    assert after["parent_header"]["msg_id"] == queued
    assert kernel.run("print(1 + 1)") == "2"


# --- Pages with sockets of their own ----------------------------------------------------------------------

PAGES = MAKE.replace("voice=tone", "voice=lambda text: numpy.tile(tone(text), 20)")


def admitted(address):
    """Return the cookie that an address of a companion page gives."""
    base, _, token = address.partition("#")
    request = urllib.request.Request(f"{base}session", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Set-Cookie"].partition(";")[0]


async def opened(address, cookie, client="companion"):
    base = address.partition("#")[0]
    page = SocketPage(f"ws{base.removeprefix('http')}socket", client)
    await page.open(cookie=cookie)
    await page.wait_for(m.Welcome)
    return page


def whole_answer(page):
    return any(isinstance(message, m.SpeakerEnd) for message, _ in page.heard)


@pytest.mark.parametrize("version", [None, pytest.param("6.29.5", marks=pytest.mark.kernels)])
def test_a_companion_page_talks_on_while_a_cell_runs(kernels, version):
    kernel = kernels(version)
    address = kernel.run(f"{PAGES}\nprint(live.page_url)", cell="companion", timeout=60).splitlines()[-1]

    async def talk():
        page = await opened(address, admitted(address))
        await page.say(m.Start(microphone=True))
        await page.wait_for(m.State, lambda state: state.phase == "live")
        await page.say(m.MicrophoneStatus(state="on"))
        with running(kernel, SLEEPING):
            await page.say(m.Text(text="hello"))
            for number in range(50):
                chunk = m.MicrophoneAudio(first_sample=320 * number, captured_ms=20.0 * number)
                await page.say(chunk, [bytes(640)])
            await page.until(lambda: whole_answer(page))
            await page.until(lambda: page.acked["microphone"] == 50)
        assert len(page.samples) // 2 == 20 * 4800
        await page.leave()

    asyncio.run(talk())
    kernel.run("live.close()")


def test_over_the_comm_without_a_subshell_the_answer_waits_for_the_cell(kernel):
    comm = kernel.run(PAGES, cell="comm", timeout=60).splitlines()[-1]
    page = KernelPage(kernel, comm)
    page.hello()
    page.wait_for(m.Welcome)
    page.send(m.Start(microphone=False))
    page.wait_for(m.State, lambda state: state.phase == "live")
    with running(kernel, SLEEPING):
        page.send(m.Text(text="hello"))
        with pytest.raises(TimeoutError):
            page.wait_for(m.SpeakerAudio, timeout=1.0)
    kernel.run("live.close()")


def test_a_link_in_a_cell_is_shown_once_and_taken_away_when_it_was_used(kernel):
    kernel.run(MAKE, cell="link", timeout=60)
    kernel.run("import os\nfor name in ('DISPLAY', 'WAYLAND_DISPLAY', 'BROWSER'): os.environ.pop(name, None)")
    since = len(kernel.iopub)
    kernel.run("live.open_in_browser()")
    shown = next(message for message in kernel.iopub[since:] if message["msg_type"] == "display_data")
    text, name = shown["content"]["data"]["text/plain"], shown["content"]["transient"]["display_id"]
    address = re.search(r"http://127\.0\.0\.1:(\d+)/[0-9a-f]{16}/#\S+", text)
    assert f"ssh -L {address[1]}:127.0.0.1:{address[1]}" in text
    assert address[0] in shown["content"]["data"]["text/html"]
    since = len(kernel.iopub)
    admitted(address[0])
    gone = kernel.find(lambda message: message["msg_type"] == "update_display_data", since)
    assert gone["content"]["transient"]["display_id"] == name
    assert gone["content"]["data"] == {"text/plain": "", "text/html": ""}
    kernel.run("live.close()")


def test_a_kernel_that_ends_closes_the_sockets_of_its_pages(kernels):
    with Kernel() as kernel:
        address = kernel.run(f"{MAKE}\nprint(live.page_url)", cell="ends", timeout=60).splitlines()[-1]

        async def talk():
            page = await opened(address, admitted(address))
            kernel.manager.shutdown_kernel(now=False)
            await page.until(lambda: page.closed is not None, 20)
            return page.closed

        assert asyncio.run(talk()) == 1001


CALLS_A_TOOL = """
import threading
from livewidget import LiveWidget, StandIn
from livewidget.standin.interfaces import FunctionRequest
def tell_where():
    "Tell where this runs."
    print("a tool prints")
    return "here"
brain = lambda text: FunctionRequest("tell_where")
live = LiveWidget(StandIn(ears=lambda sound: "", brain=brain, voice=lambda text: bytes(480)), tools=[tell_where])
print(live.page_url)
"""


def test_what_a_tool_prints_that_a_page_with_a_socket_began_lands_in_the_cell_with_the_widget(kernel):
    address = kernel.run(CALLS_A_TOOL, cell="tool", timeout=60).splitlines()[-1]
    shown = kernel.execute("live", cell="tool shown")
    kernel.finish(shown)

    async def talk():
        page = await opened(address, admitted(address))
        await page.say(m.Start(microphone=False))
        await page.wait_for(m.State, lambda state: state.phase == "live")
        await page.say(m.Text(text="where"))
        await page.wait_for(m.TurnView, lambda turn: any(tool.state == "done" for tool in turn.tools))
        await page.leave()

    since = len(kernel.iopub)
    asyncio.run(talk())
    said = kernel.find(lambda message: message["content"].get("text") == "a tool prints\n", since)
    assert said["parent_header"]["msg_id"] == shown
    kernel.run("live.close()")
