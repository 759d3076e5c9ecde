"""Runs one call of a user's function, and keeps what it raises apart from what is raised here.

In: a tool and its checked arguments. Out: `outputs`, the values that it gives, ready to be sent. Plain
functions run in a `ToolThread`, coroutine functions in a `ToolTask` on a loop; each of them belongs to one
call. A function may raise whatever it likes, `SystemExit`, `GeneratorExit` and panics of Rust extensions too:
it arrives as `ToolRaised`. So a `CancelledError` here always means that the call was cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import queue
import threading
import types
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from livewidget.clock import Clock
from livewidget.errors import ToolError
from livewidget.tools import Result, Tool, response

#: Milliseconds that a coroutine function may work without awaiting before it counts as blocking its loop.
#: Chosen: a person notices, and nothing that is meant to be asynchronous takes that long.
BLOCKING_MS: Final = 1_000.0

T = TypeVar("T")


class ToolRaised(Exception):
    """The user's code raised something.

    Attributes:
        error: What it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def call_user(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the user's, and await what it returns if need be.

    Raises:
        ToolRaised: If it raises anything. The caller's own cancellation is passed on.
    """
    try:
        value = function(*args)
        return await value if inspect.isawaitable(value) else value
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise ToolRaised(error) from None


async def _result(future: Future[Any]) -> Any:
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        future.cancel()  # At once: a step that has not begun must not begin any more.
        raise


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """A value that a call gave.

    Attributes:
        value: The value as it is sent.
        scheduling: When the model mentions it, if the value brought that along.
        is_none: Whether it was None, which a generator may end with.
        last: Whether nothing follows.
    """

    value: dict[str, Any]
    scheduling: str | None
    is_none: bool
    last: bool


class BlockingWatch:
    """Notices that a coroutine function works for long without awaiting, as `time.sleep` makes it.

    It may be read in another thread than that of the function.

    Attributes:
        has_begun: Whether the function was called.
    """

    def __init__(self, clock: Clock, on_blocking: Callable[[], object]) -> None:
        """Watch one call; `on_blocking` is called, in the function's thread, when it goes on after that."""
        self.has_begun = False
        self._clock = clock
        self._on_blocking = on_blocking
        self._since_ms: float | None = None

    def is_blocking(self, now_ms: float) -> bool:
        """Return whether the function has been working without awaiting for long."""
        since = self._since_ms
        return since is not None and now_ms - since >= BLOCKING_MS

    def enter(self) -> None:
        """The function works."""
        self.has_begun, self._since_ms = True, self._clock.now_ms()

    def leave(self) -> None:
        """It awaits something, or has ended."""
        blocked, self._since_ms = self.is_blocking(self._clock.now_ms()), None
        if blocked:
            self._on_blocking()


class ToolThread:
    """A daemon thread that runs the steps of one call, one after the other.

    A generator must be resumed in the thread that started it: SQLite cursors and thread-local state require
    it.
    """

    def __init__(self, name: str, on_ended: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            name: The tool's, for the thread's name.
            on_ended: Called once when nothing runs in the thread any more: by `close` if the last step is
                over, else in the thread.

        Raises:
            ToolError: If no thread can be started.
        """
        self._steps: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._on_ended = on_ended
        self._current: Future[Any] | None = None
        self._has_ended = False
        # The context carries Jupyter's parent message, so that what the function prints reaches its cell.
        self._context = contextvars.copy_context()
        try:
            threading.Thread(target=self._work, name=f"tool {name}", daemon=True).start()
        except RuntimeError:
            on_ended()
            raise ToolError("no thread could be started for it") from None

    async def run(self, step: Callable[[], Any]) -> Any:
        """Run `step` in the thread, and return what it does or raise it as `ToolRaised`."""
        self._current = self._put(step)
        return await _result(self._current)

    def close(self, last: Callable[[], Any] | None = None) -> None:
        """Let the thread end after its current step and `last`. Does not wait for it."""
        if last is not None:
            self._put(last)
        elif self._current is None or self._current.done():  # An abandoned step keeps running.
            self._has_ended = True
            self._on_ended()
        self._steps.put(None)

    def _put(self, step: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._steps.put((step, future))
        return future

    def _work(self) -> None:
        try:
            while (item := self._steps.get()) is not None:
                step, future = item
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(self._context.run(step))
                except BaseException as problem:
                    future.set_exception(ToolRaised(problem))
        finally:
            if not self._has_ended:
                self._on_ended()


class ToolTask:
    """A task on a loop that runs the steps of one call, one after the other.

    An asynchronous generator must be resumed in the task that started it: time limits and task groups within
    it require that.

    Attributes:
        ended: Done when nothing runs in the task any more.
    """

    def __init__(
        self, name: str, loop: asyncio.AbstractEventLoop, watch: BlockingWatch, on_ended: Callable[[], None]
    ) -> None:
        """Start the task on `loop`, which may be another than the running one.

        Args:
            name: The tool's, for the task's name.
            loop: Where it runs.
            watch: Is told when the steps work and when they await.
            on_ended: Called once when nothing runs in the task any more: by `close` if the last step is over,
                else on `loop`.

        Raises:
            ToolError: If the loop runs no more.
        """
        self.ended: Future[None] = Future()
        self._name = name
        self._loop = loop
        self._watch = watch
        self._on_ended = [on_ended]  # Taken out to be called, by whichever thread is first.
        self._steps: asyncio.Queue[tuple[Callable[[], Any], Future[Any]] | None] = asyncio.Queue()
        self._current: Future[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        try:
            # In a copy of this context: see `ToolThread`.
            loop.call_soon_threadsafe(self._start)
        except RuntimeError:
            on_ended()
            raise ToolError("the event loop of the tools has ended") from None

    def _start(self) -> None:
        self._task = self._loop.create_task(self._work(), name=f"tool {self._name[:40]}")
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # Retrieved, or asyncio would log it.
        self._call_on_ended()
        self.ended.set_result(None)

    def _call_on_ended(self) -> None:
        with contextlib.suppress(IndexError):
            self._on_ended.pop()()

    async def run(self, step: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `step` in the task, and return what it does or raise it as `ToolRaised`."""
        self._current = self._put(step)
        result: T = await _result(self._current)
        return result

    def close(self, last: Callable[[], Coroutine[Any, Any, Any]] | None = None) -> None:
        """Cancel the current step and let the task end after it and `last`. Does not wait for it."""
        self._is_closing = True
        with contextlib.suppress(RuntimeError):  # The loop has ended, and so has the task.
            if self._current is not None and not self._current.done():
                self._loop.call_soon_threadsafe(self._cancel)
            elif last is None:
                self._call_on_ended()
            if last is not None:
                self._put(last)
            self._loop.call_soon_threadsafe(self._steps.put_nowait, None)

    def _cancel(self) -> None:
        assert self._task is not None  # `_start` was queued before.
        # Not between two steps: a cancellation then would keep `last` from running.
        if self._current is not None and self._current.running():
            self._task.cancel()

    def _put(self, step: Callable[[], Coroutine[Any, Any, Any]]) -> Future[Any]:
        future: Future[Any] = Future()
        self._loop.call_soon_threadsafe(self._steps.put_nowait, (step, future))
        return future

    async def _work(self) -> None:
        while (item := await self._steps.get()) is not None:
            step, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(await _watched(step(), self._watch))
            except BaseException as problem:
                if self._loop.is_closed():
                    raise  # Nobody waits, and a coroutine that is being thrown away must not wait either.
                future.set_exception(ToolRaised(problem))
                task = asyncio.current_task()
                is_cancelled = False
                while task is not None and task.cancelling():
                    is_cancelled = True
                    task.uncancel()
                # Whoever ends the loop waits for this task, and nobody closes it any more.
                if isinstance(problem, GeneratorExit) or (is_cancelled and not self._is_closing):
                    return


@types.coroutine
def _watched(work: Coroutine[Any, Any, T], watch: BlockingWatch) -> Generator[Any, Any, T]:
    """Await `work`, and tell `watch` when it works and when it awaits."""
    resume: Callable[[], Any] = functools.partial(work.send, None)
    while True:
        watch.enter()
        try:
            awaited = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            watch.leave()
        try:
            resume = functools.partial(work.send, (yield awaited))
        except BaseException as error:
            resume = functools.partial(work.throw, error)


async def outputs(
    tool: Tool,
    arguments: dict[str, Any],
    release: Callable[[], None],
    *,
    watch: BlockingWatch,
    loop: asyncio.AbstractEventLoop | None = None,
    on_task: Callable[[ToolTask], object] = id,
) -> AsyncGenerator[ToolOutput, None]:
    """Call a tool's function and yield what it gives; last what it returns, also if it is a generator.

    The values are made ready to be sent where the function runs: that may call the user's code, too.

    Args:
        tool: The tool. Coroutine functions run on a loop, others in a thread.
        arguments: Checked arguments.
        release: Called from any thread when the function runs no more, possibly long after it was abandoned.
        watch: Is told when a coroutine function works and when it awaits.
        loop: Where coroutine functions run; None: on the running loop.
        on_task: Called with the task of a coroutine function.

    Raises:
        ToolRaised: Whatever the function, or a value of it, raises.
        ToolError: If the function cannot be started.
    """
    call = functools.partial(tool.invoke, arguments)
    loop = loop or asyncio.get_running_loop()
    if tool.is_async:
        task = ToolTask(tool.name, loop, watch, release)
        on_task(task)
        async with contextlib.aclosing(_on_loop(task, call, tool.result_limit)) as found:
            async for output in found:
                yield output
        return
    thread = ToolThread(tool.name, release)
    close: Callable[[], object] | None = None
    try:
        value = await thread.run(functools.partial(_call, call, tool.result_limit))
        if isinstance(value, ToolOutput):
            yield value
        elif inspect.isgenerator(value):
            close = value.close
            last = False
            while not last:
                output = await thread.run(functools.partial(_advance, value, tool.result_limit))
                last = output.last
                close = None if last else close
                yield output
        else:  # A plain function that returned something to be awaited.
            task = ToolTask(tool.name, loop, watch, _nothing)
            on_task(task)
            async with contextlib.aclosing(_on_loop(task, lambda: value, tool.result_limit)) as found:
                async for output in found:
                    yield output
    finally:
        thread.close(close)


async def _on_loop(task: ToolTask, call: Callable[[], Any], limit: int) -> AsyncGenerator[ToolOutput, None]:
    """Yield what a coroutine, or an asynchronous generator, gives in `task`."""
    close: Callable[[], Coroutine[Any, Any, None]] | None = None
    try:
        value = await task.run(functools.partial(_call_async, call, limit))
        if isinstance(value, ToolOutput):
            yield value
            return
        close = value.aclose
        last = False
        while not last:
            output = await task.run(functools.partial(_advance_async, value, limit))
            last = output.last
            close = None if last else close
            yield output
    finally:
        task.close(close)


def _nothing() -> None: ...


def _output(value: Any, limit: int, *, last: bool) -> ToolOutput:
    scheduled = isinstance(value, Result)
    plain = value.value if scheduled else value
    scheduling = value.scheduling if scheduled else None
    return ToolOutput(response(plain, limit), scheduling, plain is None, last)


def _call(call: Callable[[], Any], limit: int) -> Any:
    value = call()
    if inspect.isgenerator(value) or inspect.isasyncgen(value) or inspect.isawaitable(value):
        return value
    return _output(value, limit, last=True)


def _advance(generator: Generator[Any, Any, Any], limit: int) -> ToolOutput:
    try:
        value = next(generator)
    except StopIteration as end:
        return _output(end.value, limit, last=True)
    return _output(value, limit, last=False)


async def _call_async(call: Callable[[], Any], limit: int) -> Any:
    value = call()
    if inspect.isasyncgen(value):
        return value
    if inspect.isawaitable(value):
        value = await value
    return _output(value, limit, last=True)


async def _advance_async(generator: AsyncIterator[Any], limit: int) -> ToolOutput:
    try:
        value = await anext(generator)
    except StopAsyncIteration:
        return _output(None, limit, last=True)
    return _output(value, limit, last=False)
