"""Runs the tools that a model calls: each in a thread or as a coroutine, with an end to every wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from livewidget import events, tools
from livewidget.errors import ToolError, UsageError
from livewidget.tools import Tool, failure

#: Calls that may run at once. A function that hangs in its thread keeps its place until it returns.
CALLS: Final = 32
#: Calls remembered, so that one that comes twice runs once.
REMEMBERED: Final = 1024
#: Seconds that cancelled coroutines are given to clean up.
PATIENCE: Final = 2.0


class Toolbox:
    """The tools of one session, and the calls under way. Results of calls that were cancelled are dropped."""

    def __init__(
        self,
        offered: Iterable[Tool | Callable[..., Any] | Mapping[str, Any]],
        done: Callable[[events.ToolResult, str | None], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        """Take the tools.

        Args:
            offered: Functions, tools, or declarations as JSON objects; who declares without a function
                answers with `answer`.
            done: Called with each result, and with the id that the service knows the call by (None: it gave
                none).
            clock: Seconds of a clock that never goes back.

        Raises:
            ToolError: If something cannot be a tool, or two have one name.
        """
        self._done = done
        self._clock = clock
        self._tools: dict[str, Tool | None] = {}
        self.declarations: list[Mapping[str, Any]] = []
        for item in offered:
            tool = None if isinstance(item, Mapping) else Tool.of(item)
            name = item.get("name") if isinstance(item, Mapping) else Tool.of(item).name
            if not isinstance(name, str) or not name:
                raise ToolError("A declaration of a tool is a dict with a name and parameters.")
            if name in self._tools:
                raise ToolError(f"Two tools are called {name}; give one of them another name.")
            self._tools[name] = tool
            self.declarations.append(item if isinstance(item, Mapping) else Tool.of(item).declaration)
        self._numbers = itertools.count(1)
        self._seen: dict[str, None] = {}
        self._wire_ids: dict[str, str | None] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, tuple[str, float]] = {}
        self._places = threading.BoundedSemaphore(CALLS)

    def admit(self, call: events.ToolCall) -> events.ToolCall | None:
        """Return the call with an id of its own, or None if it came before."""
        id = call.id or f"call-{next(self._numbers)}"
        if id in self._seen:
            return None
        self._seen[id] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._wire_ids[id] = call.id or None
        return call if call.id else events.ToolCall(id=id, name=call.name, args=call.args)

    def run(self, call: events.ToolCall) -> None:
        """Begin an admitted call; it ends with `done`, or with nothing if it is cancelled."""
        if call.name in self._tools and self._tools[call.name] is None:
            self._waiting[call.id] = (call.name, self._clock())
            return
        task = asyncio.create_task(self._run(call), name=f"tool {call.name[:40]}")
        self._running[call.id] = task
        task.add_done_callback(lambda _: self._running.pop(call.id, None))

    async def answer(self, id: str, result: Any) -> None:
        """Give the result of a call whose tool was declared without a function.

        Raises:
            UsageError: If no such call waits. One that was cancelled is answered in vain, without an error.
            ToolError: If the result cannot be sent.
        """
        if id not in self._waiting:
            if id in self._seen:
                return
            raise UsageError("No call with this id waits for a result.")
        name, started = self._waiting[id]
        sent = tools.response(result)
        del self._waiting[id]
        await self._finish(events.ToolResult(id=id, name=name, result=sent, duration_ms=self._since(started)))

    def cancel(self, ids: Iterable[str]) -> None:
        """Stop these calls and drop their results. A function in a thread runs on; nobody waits for it."""
        for id in ids:
            self._waiting.pop(id, None)
            self._wire_ids.pop(id, None)
            task = self._running.pop(id, None)
            if task is not None:
                task.cancel()

    async def close(self) -> None:
        """Stop every call, and wait until the coroutines have ended."""
        running = {task for task in self._running.values() if task is not asyncio.current_task()}
        self.cancel([*self._running, *self._waiting])
        if running:
            await asyncio.wait(running, timeout=PATIENCE)

    async def _run(self, call: events.ToolCall) -> None:
        started = self._clock()
        result: dict[str, Any] | None = None
        error: str | None = None
        try:
            result = await self._result(call)
        except ToolError as problem:
            error = str(problem)
        except TimeoutError as problem:
            error = str(problem) or failure(problem)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            error = "CancelledError"  # The tool's own, not ours.
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            error = failure(problem)
        await self._finish(
            events.ToolResult(
                id=call.id, name=call.name, result=result, error=error, duration_ms=self._since(started)
            )
        )

    async def _result(self, call: events.ToolCall) -> dict[str, Any]:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool called {call.name[:64]}")
        arguments = tool.bind(call.args)
        if not self._places.acquire(blocking=False):
            raise ToolError(f"{CALLS} calls run already: wait until one has ended")
        try:
            async with asyncio.timeout(tool.timeout) as limit:
                if tool.is_async:
                    try:
                        value = await tool.function(**arguments)
                    finally:
                        self._places.release()
                else:
                    value = await _in_thread(tool, arguments, self._places.release)
                if inspect.isawaitable(value):
                    value = await value
        except TimeoutError:
            if not limit.expired():
                raise
            raise ToolError(f"it took longer than {tool.timeout:g} s and was given up") from None
        return tools.response(value, tool.result_limit)

    async def _finish(self, result: events.ToolResult) -> None:
        if result.id in self._wire_ids:
            await self._done(result, self._wire_ids.pop(result.id))

    def _since(self, started: float) -> float:
        return (self._clock() - started) * 1000


async def _in_thread(tool: Tool, arguments: dict[str, Any], release: Callable[[], None]) -> Any:
    """Call a plain function in a thread of its own, which does not keep Python from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(value: Any, error: BaseException | None) -> None:
        if future.done():
            return  # Nobody waits any more.
        if error is None:
            future.set_result(value)
        elif isinstance(error, StopIteration):
            future.set_exception(RuntimeError(failure(error)))  # A future takes no StopIteration.
        else:
            future.set_exception(error)

    def work() -> None:
        value, error = None, None
        try:
            value = context.run(tool.function, **arguments)
        except BaseException as problem:
            error = problem
        finally:
            release()
        with contextlib.suppress(RuntimeError):  # The loop may have ended before the function.
            loop.call_soon_threadsafe(tell, value, error)

    # The context carries Jupyter's parent message, so that what the function prints reaches its cell.
    context = contextvars.copy_context()
    try:
        threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
    except RuntimeError:
        release()
        raise ToolError("no thread could be started for it") from None
    return await future
