"""`LiveWidget.ask`: an answer belongs to its question and comes within its time; what waits says for what."""

import asyncio
import contextvars
import json
import math
import os
import subprocess
import sys
import threading

import pytest

from livewidget import Limits, LiveWidget, Turn
from livewidget.errors import AnswerTimeout, StateError, UsageError
from livewidget.events import ToolResult
from livewidget.transports.base import Transport
from livewidget.widget.background import background
from livewidget.widget.jupyter import PROGRESS_AFTER_S, ProgressLine

from .jupyter import comms, end, until
from .kernels import ROOT, Kernel
from .test_live import Unreachable, notices, tutor

__all__ = ["comms"]
pytestmark = [pytest.mark.usefixtures("comms"), pytest.mark.timeout(90)]
IN_TOOL = "ask() waits for an answer, and the model is waiting for this tool: use say(), or return the text."


@pytest.fixture
def live():
    widget = LiveWidget(tutor())
    yield widget
    end(widget)


def test_questions_of_several_threads_get_their_own_answers(live):
    found = {}

    def ask(text):
        found[text] = live.ask(text, 30).text

    threads = [threading.Thread(target=ask, args=(f"number {n}",)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(40)
    assert found == {f"number {n}": f"You said number {n}" for n in range(4)}
    assert [turn.text for turn in live.turns][1::2] == [
        f"You said {turn.text}" for turn in live.turns if turn.speaker == "user"
    ]


def test_one_that_was_given_up_does_not_answer_the_next():
    hold = threading.Event()
    live = LiveWidget(tutor(brain=lambda text: (text == "one" and hold.wait(20) and "") or f"to {text}"))
    with pytest.raises(AnswerTimeout, match="it still waited for the answer"):
        live.ask("one", 0.5)
    threading.Timer(0.3, hold.set).start()
    assert live.ask("two", 20).text == "to two"
    hold.set()
    end(live)


# --- In tools and callbacks ---------------------------------------------------------------------------------


def tools_of(calls):
    def function() -> str:
        """Ask."""
        return calls["live"].ask("inner", 5).text

    async def coroutine() -> str:
        """Ask."""
        return calls["live"].ask("inner", 5).text

    def thread() -> str:
        """Ask in a thread that shares the context."""
        found = []

        def work():
            try:
                calls["live"].ask("inner", 5)
            except StateError as error:
                found.append(error)

        one = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        one.start()
        one.join(10)
        raise found[0]

    async def in_a_thread() -> str:
        """Ask in a thread of asyncio."""
        return (await asyncio.to_thread(calls["live"].ask, "inner", 5)).text

    return [function, coroutine, thread, in_a_thread]


class Caller:
    """A brain that calls a function for what is said, and then says what came of it."""

    def suggestions(self, declarations, skills):
        return ()

    def session(self, declarations, skills):
        from livewidget.standin.interfaces import FunctionRequest, Phrases, Reply

        class Dialogue:
            phrases = Phrases(())

            async def reply(self, text, *, confident=True):
                return FunctionRequest(declarations[0]["name"], {})

            async def result(self, name, result):
                return Reply(f"It gave {json.dumps(result)}.")

        return Dialogue()


@pytest.mark.parametrize("number", range(4), ids=["function", "coroutine", "thread", "to_thread"])
def test_a_tool_is_told_to_say_it_instead(number):
    calls = {}
    live = calls["live"] = LiveWidget(tutor(brain=Caller()), tools=[tools_of(calls)[number]])
    told = []
    live.on(ToolResult)(told.append)
    turn = live.ask("use it", 30)
    assert IN_TOOL in turn.tools[0].error
    assert [turn.text for turn in live.turns if turn.speaker == "user"] == ["use it"]
    end(live)


@pytest.mark.parametrize("kind", ["function", "coroutine", "thread"])
def test_a_callback_is_told_to_say_it_instead(live, kind):
    def ask(turn):
        live.ask(f"again {turn.text}", 5)

    async def later(turn):
        ask(turn)

    def thread(turn):
        found = []

        def work():
            try:
                ask(turn)
            except StateError as error:
                found.append(error)

        one = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        one.start()
        one.join(10)
        raise found[0]

    live.on(Turn)({"function": ask, "coroutine": later, "thread": thread}[kind])
    live.ask("hello", 20)
    until(lambda: "callback-failed" in notices(live))
    assert "use say() in a callback, and ask() in a cell" in notices(live)["callback-failed"]
    assert [turn.text for turn in live.turns] == ["hello", "You said hello"]


def test_a_callback_may_ask_another_widget(live):
    other, found = LiveWidget(tutor()), []
    live.on(Turn)(lambda turn: found.append(other.ask(turn.text, 20).text))
    live.ask("hello", 20)
    until(lambda: found == ["You said hello", "You said You said hello"])
    end(other)


# --- Within its time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", ["5", True, math.nan, -1, [1], b"1"])
def test_every_time_is_checked(live, seconds):
    for wait in (live.listen, live.wait, lambda timeout: live.ask("hello", timeout)):
        with pytest.raises(UsageError, match=r"^timeout is a number of seconds"):
            wait(timeout=seconds)
    assert live.phase == "idle"


def test_none_and_infinity_are_no_limit_and_0_is_a_look(live):
    assert list(live.listen(timeout=0)) == []
    assert live.wait(0) is True
    assert live.wait() is live.wait(math.inf) is True
    with pytest.raises(UsageError, match="above 0"):
        live.ask("hello", 0)
    assert live.ask("hello", math.inf).text == "You said hello"


def test_without_a_time_it_is_that_of_the_limits():
    hold = threading.Event()
    live = LiveWidget(tutor(brain=lambda text: hold.wait(20) and ""), limits=Limits(ask_s=0.3))
    with pytest.raises(AnswerTimeout, match=r"after 0\.3 s"):
        live.ask("hello")
    hold.set()
    end(live)


def test_what_cannot_be_asked_is_said_before_anything_is_opened(live):
    for text in (5, "", " "):
        with pytest.raises(UsageError):
            live.ask(text)
    assert live.phase == "idle"


class Unresponsive(Unreachable):
    """A server that never answers the dial."""

    async def dial(self) -> Transport:
        await asyncio.Event().wait()


def test_connecting_counts():
    live = LiveWidget(Unresponsive())
    with pytest.raises(AnswerTimeout, match=r"after 0\.2 s: it still waited for the connection"):
        live.ask("hello", 0.2)
    end(live)


def test_a_loop_that_is_blocked_does_not_keep_anybody_waiting(live):
    live.ask("hello", 20)
    released = threading.Event()
    background().loop.call_soon_threadsafe(released.wait, 20)
    with pytest.raises(AnswerTimeout, match="the widget's event loop does not respond"):
        live.ask("hello", 0.1)
    released.set()
    assert live.ask("again", 20).text == "You said again"


FORKED = """
import json, os, sys
from livewidget import LiveWidget, StandIn
live = LiveWidget(StandIn(ears=lambda sound: "", brain=lambda text: "yes", voice=lambda text: b""))
live.start()
reader, writer = os.pipe()
if not os.fork():
    found = []
    for work in (lambda: live.ask("hello", 5), lambda: live.say("hello"), live.wait, lambda: live.listen(5)):
        try:
            work()
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    os.write(writer, json.dumps(found).encode())
    os._exit(0)
print(os.read(reader, 10_000).decode(), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_in_a_fork_it_is_a_sentence_and_no_hang():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert len(found) == 4
    assert all(one.startswith("StateError: This widget was made in another process") for one in found)


# --- What it waits for --------------------------------------------------------------------------------------


def test_a_turn_may_be_awaited(live):
    async def cell():
        return await live.ask("hello", 20)

    assert asyncio.run(cell()).text == "You said hello"


def test_a_wait_is_explained_after_a_second_once_and_vanishes():
    shown = []
    line = ProgressLine(lambda content, id, update: shown.append((content["text/plain"], id, update)))
    line.update("Waiting for <b>…")
    line.clear()
    assert shown == []
    line._since -= PROGRESS_AFTER_S
    line.update("Waiting for <b>…")
    line.update("Waiting for <b>…")
    line.update("Waiting for the answer…")
    line.clear()
    line.clear()
    assert [(text, update) for text, _, update in shown] == [
        ("Waiting for <b>…", False),
        ("Waiting for the answer…", True),
        ("", True),
    ]
    assert len({id for _, id, _ in shown}) == 1


def test_the_page_gets_it_escaped():
    shown = []
    line = ProgressLine(lambda content, id, update: shown.append(content["text/html"]))
    line._since -= PROGRESS_AFTER_S
    line.update("Waiting for <b>…")
    assert "&lt;b&gt;" in shown[0]


def test_nothing_is_printed_in_a_script(live, capfd):
    hold = threading.Timer(1.6, lambda: None)
    slow = LiveWidget(tutor(brain=lambda text: (hold.start(), hold.join(), "late")[2]))
    assert slow.ask("hello", 20).text == "late"
    assert capfd.readouterr() == ("", "")
    end(slow)


CELL = """
import time
from livewidget import LiveWidget, StandIn
live = LiveWidget(
    StandIn(ears=lambda sound: "", brain=lambda text: (time.sleep(1.8), "late")[1], voice=lambda text: b""),
)
turn = live.ask("hello", 20)
print(turn.text)
live.close()
"""


@pytest.mark.notebook
@pytest.mark.parametrize("watched", [True, False])
def test_a_cell_shows_it_where_a_person_watches_and_takes_it_away(watched):
    with Kernel() as kernel:
        request = kernel.execute(CELL, allow_stdin=watched)
        assert kernel.finish(request, 60) == "late"
        mine = [one for one in kernel.iopub if one["parent_header"].get("msg_id") == request]
        shown = [
            (one["msg_type"], one["content"]["data"]["text/plain"])
            for one in mine
            if one["msg_type"] in ("display_data", "update_display_data")
        ]
        assert bool(shown) is watched
        if watched:
            assert shown[0][0] == "display_data"
            assert all(text.startswith("Waiting for ") for _, text in shown[:-1])
            assert ("update_display_data", "Waiting for the answer…") in shown or "the answer" in shown[0][1]
            assert shown[-1] == ("update_display_data", "")
