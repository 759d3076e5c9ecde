"""A thread for one call of a plain function."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

from livewidget.errors import ToolError
from livewidget.tools import failure

_Step = Callable[[], Any]


class Worker:
    """Does one step after the other in a thread of its own, which does not keep Python from ending.

    A generator is resumed in the thread that began it: a cursor of SQLite, or what is kept by thread, would
    not let itself be used elsewhere.
    """

    def __init__(self, name: str, ended: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            name: The tool's, for the thread's name.
            ended: Called once, when nothing runs in it any more: by `end` if its last step is over, before
                anybody is told of that, and else in the thread.

        Raises:
            ToolError: If no thread can be started.
        """
        self._loop = asyncio.get_running_loop()
        self._steps: queue.SimpleQueue[tuple[_Step, asyncio.Future[Any] | None] | None] = queue.SimpleQueue()
        self._ended = ended
        self._doing = False  # As the loop knows it: a step that was given up goes on.
        self._is_over = False
        # The context carries Jupyter's parent message, so that what the function prints reaches its cell.
        self._context = contextvars.copy_context()
        try:
            threading.Thread(target=self._work, name=f"tool {name}", daemon=True).start()
        except RuntimeError:
            ended()
            raise ToolError("no thread could be started for it") from None

    async def do(self, step: _Step) -> Any:
        """Return what `step` returns in the thread, or raise what it raises there."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._doing = True
        self._steps.put((step, future))
        return await future

    def end(self, last: _Step | None = None) -> None:
        """Let the thread end, after what it does and one last step. Nobody waits for it."""
        if last is not None:
            self._steps.put((last, None))
        elif not self._doing:
            self._is_over = True
            self._ended()
        self._steps.put(None)

    def _work(self) -> None:
        try:
            while (item := self._steps.get()) is not None:
                step, future = item
                value, error = None, None
                try:
                    value = self._context.run(step)
                except BaseException as problem:
                    error = problem
                if future is not None:
                    with contextlib.suppress(RuntimeError):  # The loop may have ended before the function.
                        self._loop.call_soon_threadsafe(self._tell, future, value, error)
        finally:
            if not self._is_over:
                self._ended()

    def _tell(self, future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
        self._doing = False
        if future.done():
            return  # Nobody waits any more.
        if error is None:
            future.set_result(value)
        elif isinstance(error, StopIteration):
            future.set_exception(RuntimeError(failure(error)))  # A future takes no StopIteration.
        else:
            future.set_exception(error)
