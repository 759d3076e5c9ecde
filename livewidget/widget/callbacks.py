"""The user's callbacks: run one by one on a thread of their own, so that none can hold up the talk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any

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
