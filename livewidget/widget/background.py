"""One event loop on one thread for all widgets of a kernel, and how to hop onto it.

Comm handlers run on the kernel's main thread or on a subshell's; cells run on the main thread and may block
it for minutes; `nest_asyncio.apply()` may have patched its loop. None of that reaches a loop that has a
thread of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
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
