"""What the widget asks of its kernel: outputs, subshells, the running cell, waits that let the page go on.

Everything is feature-tested: there may be no kernel at all.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from typing import Any, Final, Protocol

from livewidget.tables import NO_FORMULAS
from livewidget.text import plain_line

#: Seconds after which a wait is explained. Chosen: most answers begin before, and a person begins to wonder.
PROGRESS_AFTER_S = 1.0

SWITCH = "LIVEWIDGET_SUBSHELL_LANE"


def shell() -> Any:
    """Return the running IPython shell, or None. Imports nothing."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def kernel() -> Any:
    """Return the running ipykernel, or None."""
    return getattr(shell(), "kernel", None)


def publish(content: dict[str, str], display_id: str, update: bool) -> None:
    """Show an output, by MIME type, in the running cell; or replace what was shown under its `display_id`."""
    from IPython.display import publish_display_data

    show = partial(publish_display_data, content, transient={"display_id": display_id}, update=update)
    if update:
        # In no context of ours: the message then belongs to the cell that runs now, and tools that execute
        # notebooks accept nothing else. Where it is shown depends on its `display_id` alone.
        Context().run(show)
    else:
        show()


def keep_subshell_lane(comm: Any) -> bool:
    """Let the page's messages go to the subshell they are addressed to, whoever sent last on `comm`.

    ipykernel 7.4 routes a comm's messages to the shell that sent on it last: one message sent from a cell
    would move the microphone to the main shell, where it waits until the cell is done. Earlier versions have
    no such routing. Private to ipykernel, and so feature-tested; `LIVEWIDGET_SUBSHELL_LANE=0` leaves it
    alone.

    Returns:
        Whether there was a routing to put aside.
    """
    if os.environ.get(SWITCH) == "0" or not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = lambda data, default: default
    return True


def send_replies_by_stream() -> None:
    """Keep the kernel from missing a request that comes while it replies to another.

    ipykernel 7.0 to 7.3 writes replies straight to the socket that its own stream reads. Of a request that
    comes in that moment the stream never learns: the kernel looks idle, and answers neither cells nor pages
    until it is restarted, or at best until somebody else connects to it. A page sends all the time, and so it
    happens sooner with one. ipykernel 7.4 sends replies by the stream, as is done here. Private to ipykernel,
    and so feature-tested. See https://github.com/ipython/ipykernel/issues/1554 and
    https://github.com/ipython/ipykernel/pull/1529.
    """
    running = kernel()
    stream: Any = getattr(running, "shell_stream", None)
    socket = getattr(stream, "socket", None)
    manager: Any = getattr(getattr(running, "shell_channel_thread", None), "manager", None)
    if socket is not None and getattr(manager, "_shell_socket", None) is socket:
        manager._shell_socket = stream
        # A request may have been missed already.
        stream.io_loop.add_callback(stream.flush)


def has_subshells() -> bool:
    """Whether the kernel can answer the page while a cell runs, if the front end asks for a subshell."""
    running = kernel()
    return bool(running is not None and getattr(running, "_supports_kernel_subshells", False))


def running_cell() -> tuple[str, str]:
    """Return the id of the cell that is being executed and of this execution of it; "" where not known."""
    running = kernel()
    if running is None:
        return "", ""
    try:
        parent = running.get_parent("shell")
        cell = (parent.get("metadata") or {}).get("cellId") or ""
        return str(cell), str(parent["header"]["msg_id"])
    except (AttributeError, KeyError, LookupError, TypeError):
        return "", ""


def kernel_id() -> str:
    """Return the id by which the notebook server knows this kernel, or "" where there is none.

    It is part of the name that the server gives to the connection file.
    """
    config = getattr(kernel(), "config", None) or {}
    file = str((config.get("IPKernelApp") or {}).get("connection_file") or "")
    found = re.fullmatch(r"kernel-([\w-]{1,64})\.json", os.path.basename(file))
    return found[1] if found else ""


#: A loop that has not answered for this long is blocked. Chosen: two heartbeats; the page says within two
#: seconds why its microphone waits.
BLOCKED_S: Final = 1.0
#: How long a loop that has answered is not asked again. Chosen: nobody notices two calls a second.
ASKED_AGAIN_S: Final = 0.5


class LoopWatch:
    """Finds out whether the loop that brings the pages' messages answers, in whatever host.

    While a cell keeps it from that, messages of pages wait, and their silence says nothing about the pages.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_s: float | None = None
        self._answered_s = float("-inf")

    def heard(self) -> None:
        """Note that a message has come; to be called where it was delivered."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._answer()

    def is_blocked(self) -> bool:
        """Return whether that loop has not answered for a second; from any thread, some times a second."""
        now = self._now()
        # A loop that runs no more brings no more messages: the next one comes from another.
        if self._loop is None or not self._loop.is_running():
            return False
        if self._asked_s is None:
            if now - self._answered_s < ASKED_AGAIN_S:
                return False
            self._asked_s = now
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:  # closed meanwhile
                self._answer()
        return self._asked_s is not None and now - self._asked_s >= BLOCKED_S

    def _answer(self) -> None:
        self._asked_s, self._answered_s = None, self._now()


class CellWatch:
    """Knows whether a cell is running. A widget is mostly made by one, so it begins by assuming so.

    Attributes:
        running: True from the start of a cell to its end.
    """

    def __init__(self, on_end: Callable[[], object] | None = None) -> None:
        """Watch from now on; `on_end`, a method, is called when a cell has run, as part of it."""
        self._shell = shell()
        # The shell keeps this alive, and must not keep alive whose method it is.
        self._on_end = weakref.WeakMethod(on_end) if on_end is not None else None
        self.running = False
        if self._shell is not None and kernel() is not None:
            self.running = True
            self._shell.events.register("pre_run_cell", self._began)
            self._shell.events.register("post_run_cell", self._ended)

    def _began(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self.running = True

    def _ended(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            on_end = self._on_end() if self._on_end is not None else None
            if on_end is not None:
                on_end()
            self.running = False

    def close(self) -> None:
        """Stop watching; twice is allowed."""
        if self._shell is not None and kernel() is not None:
            for event, callback in (("pre_run_cell", self._began), ("post_run_cell", self._ended)):
                if callback in self._shell.events.callbacks.get(event, []):
                    self._shell.events.unregister(event, callback)
        self._shell = None


def is_watched() -> bool:
    """Whether a person sees what the running cell shows at once: not where a program executes the notebook.

    Front ends say with each cell that they could ask for input; programs, such as nbclient, that they cannot.
    """
    running = kernel()
    if running is None:
        return False
    try:
        return bool(running.get_parent("shell")["content"].get("allow_stdin"))
    except (AttributeError, KeyError, LookupError, TypeError):
        return False


class ProgressLine:
    """A quiet line that says what a call waits for; it appears after a second and vanishes in the end.

    It is shown in a cell, where a person watches, and on the terminal of an interactive Python; else nowhere.
    """

    def __init__(self, show: Callable[[dict[str, str], str, bool], object] | None = None) -> None:
        """Show nothing yet. `show` is used in place of `publish`; for tests."""
        terminal = kernel() is None and (shell() is not None or hasattr(sys, "ps1")) and sys.stderr.isatty()
        self._show = show or (publish if is_watched() else self._write if terminal else None)
        self._id = f"livewidget-progress-{os.urandom(8).hex()}"
        self._since = time.monotonic()
        self._shown = ""

    def update(self, text: str) -> None:
        """Say what is waited for, if the wait has lasted long enough to wonder."""
        text = plain_line(text)
        if self._show is None or text == self._shown or time.monotonic() - self._since < PROGRESS_AFTER_S:
            return
        page = f'<span class="{NO_FORMULAS}" style="opacity: 0.6">{html.escape(text)}</span>'
        self._show({"text/plain": text, "text/html": page}, self._id, bool(self._shown))
        self._shown = text

    def clear(self) -> None:
        """Take the line away."""
        if self._show is not None and self._shown:
            self._show({"text/plain": "", "text/html": ""}, self._id, True)
            self._shown = ""

    @staticmethod
    def _write(content: dict[str, str], display_id: str, update: bool) -> None:
        print(f"\r\x1b[K{content['text/plain'][:78]}", end="", file=sys.stderr, flush=True)


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it; twice is allowed."""


_lock = threading.Lock()
_widgets: dict[str, tuple[str, list[weakref.ref[Closable]]]] = {}


def close_previous_run(widget: Closable) -> None:
    """Note that the running cell made `widget`, and close what an earlier run of the same cell made.

    Without a cell (a script, a front end that names none) nothing is closed: there the page's lease ends a
    session.
    """
    cell, execution = running_cell()
    if not cell:
        return
    with _lock:
        before, widgets = _widgets.get(cell, (execution, []))
        old = [] if before == execution else widgets
        kept = widgets if before == execution else []
        _widgets[cell] = (execution, [*(ref for ref in kept if ref() is not None), weakref.ref(widget)])
    for ref in old:
        if (former := ref()) is not None:
            former.close()


#: Longest wait between two looks at the kernel's queue. Chosen: not noticed in the page.
SLICE_S = 0.05
#: Messages handled in one look. Chosen: a busy page cannot keep the wait from ending.
MAX_AT_ONCE = 100


def wait_until(done: Callable[[float], bool], timeout: float | None) -> bool:
    """Block until `done` is true, letting the page's messages in where the kernel would keep them for later.

    Args:
        done: Asked again and again; it may wait itself, for at most the seconds that it is given.
        timeout: Seconds, or None for no limit.

    Returns:
        Whether it became true in time. An interrupt of the kernel ends the wait as usual.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with _queue_moving() as move:
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if done(SLICE_S if left is None else max(0.0, min(SLICE_S, left))):
                return True
            if left is not None and left <= 0:
                return False
            move()


@contextmanager
def _queue_moving() -> Iterator[Callable[[], None]]:
    running = kernel()
    main = threading.current_thread() is threading.main_thread()
    if running is None or has_subshells() or not main or not hasattr(running, "do_one_iteration"):
        yield lambda: None
        return
    deferred: list[tuple[Any, ...]] = []
    handlers = running.shell_handlers
    execute = handlers["execute_request"]

    async def defer(*request: Any) -> None:
        deferred.append(request)

    # Cells that were queued meanwhile must not run inside this one: only the page's messages may.
    handlers["execute_request"] = defer
    try:
        yield lambda: _move(running)
    finally:
        handlers["execute_request"] = execute
        for request in deferred:
            _run_later(running, execute, request)


def _move(running: Any) -> None:
    """Let the kernel handle what has come, as far as it may, without a trace in the running cell."""
    import nest_asyncio2

    loop = asyncio.get_event_loop()
    nest_asyncio2.apply(loop)
    # Every message makes itself the parent of what is printed, and the one that an interrupt is meant for.
    ident, parent = running._parent_ident["shell"], running.get_parent("shell")
    interrupt = getattr(running, "saved_sigint_handler", None)
    try:
        for _ in range(MAX_AT_ONCE):
            loop.run_until_complete(running.do_one_iteration())
            if not running.msg_queue.qsize():
                return
    finally:
        running.set_parent(ident, parent, channel="shell")
        if interrupt is not None:
            running.saved_sigint_handler = interrupt


def _run_later(running: Any, execute: Callable[..., Any], request: tuple[Any, ...]) -> None:
    async def later() -> None:
        stream, ident, parent = request
        running.set_parent(ident, parent, channel="shell")
        running._publish_status("busy", "shell")
        try:
            result = execute(stream, ident, parent)
            if hasattr(result, "__await__"):
                await result
        finally:
            running._publish_status("idle", "shell")

    running.schedule_dispatch(later)
