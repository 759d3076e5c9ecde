"""One event loop on one thread for all widgets of a kernel, and how to hop onto it.

Comm handlers run on the kernel's main thread or on a subshell's; cells run on the main thread and may block
it for minutes; `nest_asyncio.apply()` may have patched its loop. None of that reaches a loop that has a
thread of its own.

The user's callbacks: run one by one on a thread of their own, so that none can hold up the talk.
"""

from __future__ import annotations

import asyncio
import atexit
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

THREAD_NAME = "livewidget"


class Background:
    """An event loop on a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    @property
    def alive(self) -> bool:
        """Whether the loop still runs."""
        return self._thread.is_alive() and not self._loop.is_closed()

    @property
    def here(self) -> bool:
        """Whether the caller is on this thread already, and so must not wait for it."""
        return threading.current_thread() is self._thread

    @property
    def tasks(self) -> int:
        """How many tasks are under way on the loop. Call it from this thread only."""
        return len(asyncio.all_tasks(self._loop))

    def call(self, function: Callable[..., object], *args: object, context: Context | None = None) -> None:
        """Run `function(*args)` on the loop, soon; from any thread. Not at all once the loop has ended.

        Args:
            function: What to call.
            *args: What to give it.
            context: What it sees, and the tasks it starts; None: that of the caller.
        """
        try:
            _in(context)(self._loop.call_soon_threadsafe, function, *args)
        except RuntimeError:
            if self.alive:
                raise

    def submit(self, coroutine: Coroutine[Any, Any, T], context: Context | None = None) -> Future[T]:
        """Run `coroutine` on the loop; from any thread. Cancelling the future cancels the task."""
        future: Future[T] = _in(context)(asyncio.run_coroutine_threadsafe, coroutine, self._loop)
        return future

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task from this thread; the loop keeps hold of it until it ends."""
        task = self._loop.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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

        self._loop.call_soon_threadsafe(lambda: self.spawn(wind_up(), "wind up"))
        done.wait(timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)


def _in(context: Context | None) -> Callable[..., Any]:
    return (copy_context() if context is None else context.copy()).run


_lock = threading.Lock()
_background: Background | None = None


def background() -> Background:
    """Return the kernel's background loop, started on first use."""
    global _background
    with _lock:
        if _background is None or not _background.alive:
            if _background is None:
                atexit.register(_stop_at_exit)
            _background = Background()
        return _background


def _stop_at_exit() -> None:
    if _background is not None:
        _background.stop()


MOST_WAITING = 1000

Callback = Callable[[Any], object]


class Callbacks:
    """Functions by the type of event they are called for.

    Attributes:
        dropped: How many calls were left out because the functions cannot keep up.
    """

    def __init__(
        self,
        failed: Callable[[Callback, Exception], object],
        context: Callable[[], Context] = copy_context,
    ) -> None:
        self.dropped = 0
        self._context = context
        self._failed = failed
        self._functions: dict[type, list[Callback]] = {}
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[Callback, Any] | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, kind: type, function: Callback) -> None:
        """Call `function` with every event of type `kind`."""
        with self._lock:
            self._functions.setdefault(kind, []).append(function)

    def hears(self, kind: type) -> bool:
        """Return whether a function is called with events of that type."""
        with self._lock:
            return any(issubclass(kind, listed) for listed in self._functions)

    def dispatch(self, event: Any) -> None:
        """Let the functions for this event be called, soon; from any thread, never blocks."""
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
                self._context().copy().run(_call, function, event)
            except Exception as error:  # whatever the user's function raises belongs under the widget
                self._failed(function, error)

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


def _call(function: Callback, event: Any) -> None:
    result = function(event)
    if isinstance(result, Awaitable):
        import asyncio

        async def run() -> None:
            await result

        asyncio.run(run())
