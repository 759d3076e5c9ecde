"""One event loop on one thread for all widgets of a kernel, and one thread for each widget's callbacks.

Comm handlers run on the kernel's main thread or on a subshell's; cells run on the main thread and may block
it for minutes; `nest_asyncio.apply()` may have patched its loop. None of that reaches a loop on a thread of
its own. The user's callbacks run one after the other on another thread, so that none can hold up the
conversation.
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

from livewidget.session.hub import inside

T = TypeVar("T")

THREAD_NAME = "livewidget"


class Background:
    """An event loop on a daemon thread.

    Attributes:
        loop: The loop; from other threads only `call_soon_threadsafe` may be called.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
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

        self.submit(wind_up())
        done.wait(timeout)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout)


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
        on_error: Callable[[Callback, Exception], object],
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
            except Exception as error:  # whatever the user's function raises belongs under the widget
                self._on_error(function, error)

    def _call(self, function: Callback, event: Any) -> None:
        running = [function]
        with inside(self, lambda: bool(running), _IN_CALLBACK):
            try:
                result = function(event)
                if isinstance(result, Awaitable):

                    async def run() -> None:
                        await result

                    asyncio.run(run())
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
