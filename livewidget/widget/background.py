"""One event loop on one thread for all widgets of a kernel, one for their tools, and threads for callbacks.

Comm handlers run on the kernel's main thread or on a subshell's; cells run on the main thread and may block
it for minutes; `nest_asyncio.apply()` may have patched its loop. None of that reaches a loop on a thread of
its own. Coroutine functions among the tools run on a second such loop, and the user's callbacks one after the
other on a thread for each widget, so that none of them can hold up a conversation.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Any, TypeVar

from livewidget.session.hub import inside

T = TypeVar("T")

THREAD_NAME = "livewidget"
TOOLS_THREAD_NAME = "livewidget tools"
#: Seconds without a sign of life after which the tools get another loop. Chosen: what blocks by mistake and
#: ends has ended by then, and a call still has time within its usual 30 s.
STUCK_S = 10.0


class Background:
    """An event loop on a daemon thread.

    Attributes:
        loop: The loop; from other threads only `call_soon_threadsafe` may be called.
    """

    def __init__(self, name: str = THREAD_NAME) -> None:
        self.loop = asyncio.new_event_loop()
        self._stopped = threading.Event()
        self._asked_s: float | None = None  # when the loop was asked for a sign that has not come yet
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            while not (self._stopped.is_set() or self.loop.is_closed()):
                # A task that raises SystemExit or KeyboardInterrupt ends run_forever, and nothing else.
                with contextlib.suppress(BaseException):
                    self.loop.run_forever()
        finally:
            self.loop.close()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive() and not self.loop.is_closed()

    @property
    def here(self) -> bool:
        """Whether the caller is on this thread, and so must not wait for it."""
        return threading.current_thread() is self._thread

    @property
    def tasks(self) -> int:
        """How many tasks are under way on the loop. Call it from this thread only."""
        return len(asyncio.all_tasks(self.loop))

    def silent_s(self, now_s: float) -> float:
        """Return for how long the loop has owed a sign of life, in seconds, and ask for the next one."""
        asked_s = self._asked_s
        if asked_s is not None:
            return now_s - asked_s
        self._asked_s = now_s
        self.loop.call_soon_threadsafe(self._answer)
        return 0.0

    def _answer(self) -> None:
        self._asked_s = None

    def submit(self, coroutine: Coroutine[Any, Any, T], context: Context | None = None) -> Future[T]:
        """Run `coroutine` on the loop; from any thread. Cancelling the future cancels the task."""
        own = copy_context() if context is None else context.copy()
        future: Future[T] = own.run(asyncio.run_coroutine_threadsafe, coroutine, self.loop)
        return future

    def stop(self, timeout: float = 2.0) -> None:
        """Cancel what runs, wait for it, end the loop and the thread. Twice is allowed."""
        if not self.alive or self.here:
            return
        done = threading.Event()

        async def wind_up() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            done.set()

        def begin() -> None:
            if not self._stopped.is_set():
                winding_up.append(self.loop.create_task(wind_up()))

        winding_up: list[asyncio.Task[None]] = []
        self.loop.call_soon_threadsafe(begin)
        is_blocked = not done.wait(timeout) and not winding_up
        self._stopped.set()
        self.loop.call_soon_threadsafe(self.loop.stop)
        if not is_blocked:
            self._thread.join(timeout)


_lock = threading.Lock()
_background: Background | None = None
_tools: Background | None = None


def background() -> Background:
    """Return the kernel's background loop, started on first use."""
    global _background
    with _lock:
        if _background is None or not _background.alive:
            if _background is None:
                atexit.register(_stop_at_exit)
            _background = Background()
        return _background


def tool_loop(now_s: Callable[[], float] = time.monotonic) -> asyncio.AbstractEventLoop:
    """Return the loop of the coroutine functions among the tools of all widgets, started on first use.

    They share one, so that what is bound to a loop, such as an HTTP client, serves every call. It has a
    thread of its own: a function that blocks it holds up no widget. If it is blocked for more than
    `STUCK_S`, another takes its place, and it is left to itself.
    """
    global _tools
    with _lock:
        if _tools is None or not _tools.alive or _tools.silent_s(now_s()) > STUCK_S:
            if _tools is None:
                atexit.register(_stop_tools_at_exit)
            _tools = Background(TOOLS_THREAD_NAME)
        return _tools.loop


def _stop_at_exit() -> None:
    if _background is not None:
        _background.stop()


def _stop_tools_at_exit() -> None:
    if _tools is not None:
        _tools.stop()


#: Calls that wait. Chosen: minutes of events; beyond that the functions will not catch up.
MAX_WAITING = 1000

Callback = Callable[[Any], object]

_IN_CALLBACK = (
    "ask() waits for an answer, which calls callbacks in turn: use {say} in a callback, and ask() in a cell."
)


class Callbacks:
    """The user's functions by the type of event that they take.

    Attributes:
        kinds: The types that functions take, in the order in which they were added.
        dropped: How many calls were left out because too many were waiting.
    """

    def __init__(
        self,
        on_error: Callable[[Callback, BaseException], object],
        context: Callable[[], Context] = copy_context,
    ) -> None:
        self.kinds: list[type] = []
        self.dropped = 0
        self._context = context
        self._on_error = on_error
        self._functions: dict[type, list[Callback]] = {}
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[Callback, Any] | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, kind: type, function: Callback) -> None:
        """Call `function` with every event of type `kind`."""
        with self._lock:
            self._functions.setdefault(kind, []).append(function)
            self.kinds.append(kind)

    def dispatch(self, event: Any) -> None:
        """Call the functions for this event, soon; from any thread, without blocking."""
        with self._lock:
            functions = [
                function
                for kind, listed in self._functions.items()
                if isinstance(event, kind)
                for function in listed
            ]
            if functions and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="livewidget callbacks", daemon=True)
                self._thread.start()
        for function in functions:
            try:
                self._waiting.put_nowait((function, event))
            except queue.Full:
                self.dropped += 1

    def _run(self) -> None:
        while (call := self._waiting.get()) is not None:
            function, event = call
            try:
                self._context().copy().run(self._call, function, event)
            except BaseException as error:  # whatever the user's function raises belongs under the widget
                with contextlib.suppress(BaseException):  # and the next function is called in any case
                    self._on_error(function, error)

    def _call(self, function: Callback, event: Any) -> None:
        running = [function]
        with inside(self, lambda: bool(running), _IN_CALLBACK):
            try:
                _run_to_its_end(function(event))
            finally:
                running.clear()

    def close(self) -> None:
        """End the thread after the calls that wait; twice is allowed."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._functions.clear()
        if thread is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            with self._waiting.mutex:
                self._waiting.queue.clear()
            self._waiting.put_nowait(None)


def _run_to_its_end(result: Any) -> None:
    """Do what a coroutine function or a generator function has returned."""
    if inspect.isgenerator(result):
        for _ in result:
            pass
    elif inspect.isawaitable(result) or inspect.isasyncgen(result):

        async def run() -> None:
            if inspect.isasyncgen(result):
                async for _ in result:
                    pass
            else:
                await result

        asyncio.run(run())
