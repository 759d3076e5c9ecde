"""Runs the tool calls of a session.

`ToolRunner` holds the tools and the calls in progress. `ToolBehavior` is how the model treats the calls of
one tool. A `ToolCallTask` is one call: it asks `Approvals` if a person must approve it, runs the function on
the loop or in a `ToolThread`, and hands what it gives to the session. Tools of MCP servers come from sources,
which are opened and closed with the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import itertools
import math
import queue
import threading
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from livewidget import events
from livewidget.clock import Clock
from livewidget.config import Limits, check_tool
from livewidget.errors import LiveError, ToolError, UsageError
from livewidget.models import BLOCKING, NON_BLOCKING, Model
from livewidget.protocol import read_declaration
from livewidget.protocol.messages import FunctionResponse
from livewidget.tools import (
    Result,
    Tool,
    ToolSource,
    as_tools,
    describe_error,
    is_mcp_session,
    is_source,
    list_mcp_tools,
    response,
    with_article,
)

#: Calls that may run at once. Chosen: far more than a model makes, few enough that hanging functions, which
#: keep their place, cannot exhaust the process' threads.
CALLS: Final = 32
#: Call ids remembered, so that a repeated call runs once. Chosen: more calls than a conversation has.
REMEMBERED: Final = 1024
#: Seconds that cancelled coroutines have to clean up. Chosen: closing a session should not seem to hang.
CLEANUP_S: Final = 2.0

#: Numbers for calls without an id. Shared by all sessions, lest a late answer reach another session's call.
_numbers = itertools.count(1)

#: Decides whether a call may run; None: nobody can be asked.
ApprovalCallback = Callable[[events.ToolCall], Awaitable[bool | None] | bool | None]

#: Receives a value of a call, the message that sends it (None: do not send it), and a notice for the user.
OnResult = Callable[
    [events.ToolUpdate | events.ToolResult, FunctionResponse | None, str | None], Awaitable[None]
]

T = TypeVar("T")


class ToolDenied(Exception):
    """A call may not run.

    Attributes:
        reason: Sent to the model: a clause.
        notice: What the user should read; None if they know.
    """

    def __init__(self, reason: str, notice: str | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.notice = notice


class Approvals:
    """The calls that wait for a person's approval.

    `approve` asks a person; True: `resolve` will be called; None: nobody can be asked. `publish` is called
    with the events that a call waits and that it was approved. Nobody is asked about a call whose arguments,
    as Python writes them, are longer than `longest` characters: it is refused, and counted in `too_long`.
    """

    def __init__(
        self,
        approve: ApprovalCallback | bool | None,
        clock: Clock,
        publish: Callable[[events.Event], object],
        longest: int = Limits.approval_length,
    ) -> None:
        self.too_long = 0
        self._longest = longest
        self._approve = approve
        self._clock = clock
        self._publish = publish
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def request(self, call: events.ToolCall, seconds: float) -> None:
        """Return once the call is approved.

        Raises:
            ToolDenied: If it is not, within `seconds`.
        """
        if not self._approve:
            raise _nobody_to_ask(call)
        if _written_length(call.args) > self._longest:
            self.too_long += 1
            raise ToolDenied(
                f"its arguments are too long for a person to read before allowing it: keep them under "
                f"{self._longest} characters",
                f"The tool {call.name} did not run: its arguments are longer than {self._longest:,} "
                "characters, which is too much to approve; Limits(approval_length=…) allows more.",
            )
        answer = self._waiting[call.id] = asyncio.get_running_loop().create_future()
        self._publish(events.ToolApprovalRequested(id=call.id))
        work: list[asyncio.Future[Any]] = [
            answer,
            asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + seconds * 1000)),
        ]
        if callable(self._approve):
            work.append(asyncio.ensure_future(_call(self._approve, call)))
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._waiting[call.id]
            for one in work:
                if not one.cancel() and not one.cancelled():
                    one.exception()  # Retrieved, or asyncio would log it.
        decided = next((one for one in (answer, *work[2:]) if one in done), None)
        if decided is None:
            raise ToolDenied(
                "the user did not say that it may run",
                f"The tool {call.name} did not run: nobody allowed it within {seconds:g} s.",
            )
        if (error := decided.exception()) is not None:
            raise ToolDenied(
                "the user could not be asked whether it may run",
                f"The tool {call.name} did not run: asking for it failed ({describe_error(error)}).",
            )
        if decided.result() is None:
            raise _nobody_to_ask(call)
        if decided.result() is not True:
            raise ToolDenied("the user did not allow it", None)
        self._publish(events.ToolApproved(id=call.id))

    def resolve(self, id: str, approved: bool) -> bool:
        """Approve or deny a call; returns whether it was waiting for that. Only the first answer counts."""
        waiting = self._waiting.get(id)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(approved is True)
        return True


def _written_length(args: Mapping[str, Any]) -> float:
    try:
        return len(repr(args))
    except RecursionError:
        return math.inf


async def _call(approve: ApprovalCallback, call: events.ToolCall) -> bool | None:
    answer = approve(call)
    return await answer if inspect.isawaitable(answer) else answer


def _nobody_to_ask(call: events.ToolCall) -> ToolDenied:
    return ToolDenied(
        "it may run only when a person allows it, and nobody can be asked here",
        f"The tool {call.name} asks before it runs, and nobody can be asked here: show the widget, "
        "or give LiveSession approve=…, a function that answers.",
    )


class McpSessionSource:
    """The tools of an MCP session that the user opened and will close.

    The session is used on the loop that runs when this is made, since it is bound to the loop it was opened
    on and a widget has a loop of its own. In a notebook that is the loop of the cells, so a cell that blocks
    it delays the calls; an `McpServer` does not have this limitation.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    async def open(self) -> list[Tool]:
        """Return the tools of its server.

        Raises:
            ToolError: If they cannot be listed.
        """
        try:
            tools = await self._on_its_loop(list_mcp_tools(self._session))
        except LiveError:
            raise
        except Exception as error:
            raise ToolError(
                f"The tools of the MCP session cannot be listed: {describe_error(error)}."
            ) from None
        return [replace(tool, function=functools.partial(self._call, tool.function)) for tool in tools]

    async def close(self) -> None:
        """Do nothing: the session belongs to the user."""

    async def _call(self, function: Any, /, **args: Any) -> Any:
        return await self._on_its_loop(function(**args))

    async def _on_its_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None or self._loop is asyncio.get_running_loop() or not self._loop.is_running():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def _split_sources(offered: Iterable[Any]) -> tuple[list[Tool | Mapping[str, Any]], list[ToolSource]]:
    """Return the tools and declarations, and the sources of further tools; see `prepare_tools`."""
    tools: list[Any] = []
    sources: list[ToolSource] = []
    for item in _listed(offered):
        if is_source(item):
            sources.append(item)
        elif is_mcp_session(item):
            sources.append(McpSessionSource(item))
        else:
            tools.append(item)
    return as_tools(tools), sources


def _listed(offered: Any) -> Iterable[Any]:
    """Return what was offered as several; a single tool may stand without a list around it."""
    if offered is None:
        return ()
    is_one = isinstance(offered, Tool | Mapping) or is_source(offered) or is_mcp_session(offered)
    if is_one or inspect.isclass(offered) or (callable(offered) and not isinstance(offered, Iterable)):
        return (offered,)
    if isinstance(offered, str | bytes) or not isinstance(offered, Iterable):
        kind = type(offered).__name__
        raise ToolError(f"tools is a list of functions, such as tools=[weather], not {with_article(kind)}.")
    return offered


async def _open_all(sources: Sequence[ToolSource]) -> list[Tool]:
    """Open all sources concurrently and return their tools. If one fails, none stays open."""
    opening = [asyncio.ensure_future(source.open()) for source in sources]
    try:
        if opening:
            await asyncio.wait(opening)
        return [tool for one in opening for tool in one.result()]
    except BaseException:
        for one in opening:
            one.cancel()
        if opening:
            await asyncio.wait(opening)
        done = [not one.cancelled() and one.exception() is None for one in opening]
        await _close_all(source for source, is_open in zip(sources, done, strict=True) if is_open)
        raise


async def _close_all(sources: Iterable[ToolSource]) -> None:
    """Close all sources, whatever one of them raises."""
    await asyncio.gather(*(source.close() for source in sources), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class ToolBehavior:
    """How one model treats the calls of one tool.

    Attributes:
        name: The tool's name, which is sent with each result.
        declaration: What the model is sent about the tool.
        tool: The tool; None if the user answers its calls, and for a name that was not declared.
        blocking: The model says nothing until it has the result.
        continues: It takes several results for a call, of which all but the last set `willContinue`.
        schedules: It takes a `scheduling` with a result.
        scheduling: The scheduling of a result that does not bring its own.
    """

    name: str
    declaration: Mapping[str, Any]
    tool: Tool | None = None
    blocking: bool = True
    continues: bool = False
    schedules: bool = False
    scheduling: str | None = None

    @classmethod
    def of(cls, tool: Tool | Mapping[str, Any], model: Model) -> ToolBehavior:
        """Return how `model` treats calls of `tool`.

        Raises:
            ConfigError: If the model does not support the behavior that the tool asks for.
        """
        if isinstance(tool, Tool):
            name, declaration, scheduling = tool.name, tool.declaration, tool.scheduling
            behavior = tool.behavior or _required_behavior(tool, model)
            if behavior is not None:
                declaration["behavior"] = behavior
        else:
            name, declaration, scheduling = str(tool["name"]), dict(tool), None
            behavior = read_declaration(tool).behavior
        check_tool(model, name, behavior, scheduling)
        blocking = (behavior or model.tool_behaviors[0]) == BLOCKING
        # For a blocking call the service ignores scheduling, and takes the first result for the only one.
        return cls(
            name=name,
            declaration=declaration,
            tool=tool if isinstance(tool, Tool) else None,
            blocking=blocking,
            continues=model.will_continue and not blocking,
            schedules=model.scheduling and not blocking,
            scheduling=scheduling,
        )

    def response(
        self, id: str | None, value: Mapping[str, Any], scheduling: str | None, *, more: bool | None
    ) -> FunctionResponse:
        """Return the message with a result.

        Args:
            id: The service's id of the call.
            value: The result or the error.
            scheduling: When the model mentions it; None: as the tool says.
            more: Whether other results follow; None if there is only ever one.
        """
        return FunctionResponse(
            id=id,
            name=self.name,
            response=dict(value),
            scheduling=(scheduling or self.scheduling) if self.schedules else None,
            will_continue=more,
        )


def _required_behavior(tool: Tool, model: Model) -> str | None:
    """Return the behavior to declare for what the tool does, or None if the model's default will do."""
    asynchronous = tool.scheduling is not None or (tool.is_generator and model.will_continue)
    return NON_BLOCKING if asynchronous and NON_BLOCKING in model.tool_behaviors[1:] else None


def prepare_tools(offered: Iterable[Any], model: Model) -> list[Tool | Mapping[str, Any] | ToolSource]:
    """Check tools against a model, as far as they are known before a session, and return them.

    Must run on the loop that MCP sessions among them were opened on.

    Raises:
        ToolError: If something is not a tool, or two have the same name.
        ConfigError: If the model does not support the behavior that a tool asks for.
    """
    known, sources = _split_sources(offered)
    for tool in known:
        ToolBehavior.of(tool, model)
    return [*known, *sources]


_Step = Callable[[], Any]


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
        self._steps: queue.SimpleQueue[tuple[_Step, Future[Any]] | None] = queue.SimpleQueue()
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

    async def run(self, step: _Step) -> Any:
        """Run `step` in the thread, and return or raise what it does."""
        self._current = self._put(step)
        return await asyncio.wrap_future(self._current)

    def close(self, last: _Step | None = None) -> None:
        """Let the thread end after its current step and `last`. Does not wait for it."""
        if last is not None:
            self._put(last)
        elif self._current is None or self._current.done():  # An abandoned step keeps running.
            self._has_ended = True
            self._on_ended()
        self._steps.put(None)

    def _put(self, step: _Step) -> Future[Any]:
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
                except StopIteration as problem:  # The loop's futures cannot hold one.
                    future.set_exception(RuntimeError(describe_error(problem)))
                except BaseException as problem:
                    future.set_exception(problem)
        finally:
            if not self._has_ended:
                self._on_ended()


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """A value that a call gave. Nothing follows the one that is `last`."""

    value: Any
    last: bool


async def outputs(
    tool: Tool, arguments: dict[str, Any], release: Callable[[], None]
) -> AsyncGenerator[ToolOutput, None]:
    """Call a tool's function and yield what it gives; last what it returns, also if it is a generator.

    Args:
        tool: The tool. Coroutine functions run on the loop, others in a thread.
        arguments: Checked arguments.
        release: Called from any thread when the function runs no more, possibly long after it was abandoned.
    """
    if tool.is_async:
        try:
            async with contextlib.aclosing(_outputs_on_loop(tool.invoke(arguments))) as found:
                async for output in found:
                    yield output
        finally:
            release()
        return
    thread = ToolThread(tool.name, release)
    close: Callable[[], object] | None = None
    try:
        value = await thread.run(functools.partial(tool.invoke, arguments))
        if inspect.isgenerator(value):
            close = value.close
            output = ToolOutput(None, last=False)
            while not output.last:
                output = await thread.run(functools.partial(_advance, value))
                close = None if output.last else close
                yield output
            return
        async with contextlib.aclosing(_outputs_on_loop(value)) as found:
            async for output in found:
                yield output
    finally:
        thread.close(close)


async def _outputs_on_loop(value: Any) -> AsyncGenerator[ToolOutput, None]:
    if inspect.isasyncgen(value):
        async with contextlib.aclosing(value):
            async for item in value:
                yield ToolOutput(item, last=False)
        yield ToolOutput(None, last=True)
    elif inspect.isawaitable(value):
        yield ToolOutput(await value, last=True)
    else:
        yield ToolOutput(value, last=True)


def _advance(generator: Generator[Any, Any, Any]) -> ToolOutput:
    try:
        return ToolOutput(next(generator), last=False)
    except StopIteration as end:
        return ToolOutput(end.value, last=True)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What all calls of a session share; `slots` limits how many run at once."""

    approvals: Approvals
    on_result: OnResult
    clock: Clock
    slots: threading.BoundedSemaphore


class ToolCallTask:
    """One call, from the model's request to the result. Once it is cancelled, it reports nothing more.

    Attributes:
        event: What the model asked for.
        behavior: How the model treats it.
        cancelled: Set when the result is not wanted any more.
    """

    def __init__(
        self, event: events.ToolCall, wire_id: str | None, behavior: ToolBehavior, context: ToolContext
    ) -> None:
        """Prepare a call. `wire_id` is the service's id, or None if it sent none."""
        self.event = event
        self.behavior = behavior
        self.cancelled = False
        self._wire_id = wire_id
        self._context = context
        self._started_ms = context.clock.now_ms()
        self._value: Any = None
        self._scheduling: str | None = None
        self._updates_sent = False  # The model has received values before the last.
        self._all_sent = False  # The model has received every value, and only waits for the end.

    async def run(self) -> None:
        """Call the function, once it is approved if it must be, and report what it gives."""
        try:
            result = await self._call()
        except ToolDenied as denied:
            await self._fail(denied.reason, refused=True, notice=denied.notice)
        except (ToolError, TimeoutError) as problem:
            await self._fail(str(problem) or describe_error(problem))
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            await self._fail("CancelledError")  # Raised by the tool itself.
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            await self._fail(describe_error(problem))
        else:
            await self._finish(result)

    async def submit_result(self, value: Any) -> None:
        """Report a result that was found elsewhere.

        Raises:
            ToolError: If it cannot be sent.
        """
        self._unwrap(value)
        await self._finish(response(self._value))

    async def _call(self) -> dict[str, Any]:
        """Run the function and report its values before the last; return the last as it is sent."""
        tool = self.behavior.tool
        if tool is None:
            raise ToolError(f"there is no tool called {self.event.name[:64]}")
        arguments = tool.bind(self.event.args)
        if tool.approval_timeout:
            await self._context.approvals.request(self.event, tool.approval_timeout)
            self._started_ms = self._context.clock.now_ms()
        if not self._context.slots.acquire(blocking=False):
            raise ToolError(f"{CALLS} calls run already: wait until one has ended")
        several = False
        async with contextlib.aclosing(outputs(tool, arguments, self._context.slots.release)) as found:
            while True:
                try:
                    async with asyncio.timeout(tool.timeout) as limit:
                        output = await anext(found)
                except TimeoutError:
                    if not limit.expired():
                        raise
                    raise ToolError(f"it took longer than {tool.timeout:g} s and was given up") from None
                if output.last:
                    break
                several = True
                self._unwrap(output.value)
                await self._update(response(self._value, tool.result_limit))
        self._all_sent = self._updates_sent and output.value is None
        if output.value is not None or not several:
            self._unwrap(output.value)
        return response(self._value, tool.result_limit)

    def _unwrap(self, value: Any) -> None:
        """Keep a value; a `Result` brings its own scheduling."""
        scheduled = isinstance(value, Result)
        self._value = value.value if scheduled else value
        self._scheduling = value.scheduling if scheduled else None

    async def _update(self, value: dict[str, Any]) -> None:
        if self.cancelled:
            return
        self._updates_sent = self.behavior.continues
        message = None
        if self._updates_sent:
            message = self.behavior.response(self._wire_id, value, self._scheduling, more=True)
        event = events.ToolUpdate(
            id=self.event.id, name=self.event.name, result=value, sent=self._updates_sent
        )
        await self._context.on_result(event, message, None)

    async def _finish(self, value: dict[str, Any]) -> None:
        if not self._all_sent:
            await self._report(value, self._scheduling, result=value)
        else:  # Without scheduling the model might speak although there is nothing new.
            await self._report({}, "SILENT", result=value)

    async def _fail(self, error: str, *, refused: bool = False, notice: str | None = None) -> None:
        if not refused:
            notice = f"The tool {self.event.name[:64]} failed: {error.rstrip('.')}."
        await self._report({"error": error}, None, error=error, refused=refused, notice=notice)

    async def _report(
        self, value: dict[str, Any], scheduling: str | None, *, notice: str | None = None, **fields: Any
    ) -> None:
        if self.cancelled:
            return
        more = False if self._updates_sent else None
        message = self.behavior.response(self._wire_id, value, scheduling, more=more)
        event = events.ToolResult(
            id=self.event.id,
            name=self.event.name,
            duration_ms=self._context.clock.now_ms() - self._started_ms,
            scheduling=message.scheduling,
            **fields,
        )
        await self._context.on_result(event, message, notice)


class ToolRunner:
    """The tools of a session and the calls in progress. The results of cancelled calls are dropped."""

    def __init__(
        self,
        offered: Sequence[Any],
        model: Model,
        *,
        on_result: OnResult,
        publish: Callable[[events.Event], object],
        on_call_ended: Callable[[], object],
        clock: Clock,
        approve: ApprovalCallback | bool | None = None,
        approval_length: int = Limits.approval_length,
    ) -> None:
        """Take the tools.

        Args:
            offered: Functions, tools, MCP sessions, tool sources; or declarations as JSON objects, whose
                calls are answered with `submit_result`.
            model: The model that calls them.
            on_result: Called with what a call gives.
            publish: Called with the other events about calls.
            on_call_ended: Called when a call is over.
            clock: Measures how long calls take.
            approve: Asks a person whether a call may run; see `Approvals`.
            approval_length: The longest arguments that a person is asked about; see `Limits`.

        Raises:
            UsageError: As `prepare_tools` does.
        """
        self._model = model
        self._on_call_ended = on_call_ended
        self._approvals = Approvals(approve, clock, publish, approval_length)
        self._context = ToolContext(self._approvals, on_result, clock, threading.BoundedSemaphore(CALLS))
        self._known, self._sources = _split_sources(offered)
        self._is_open = False
        self._behaviors: dict[str, ToolBehavior] = {}
        self._declare(self._known)
        self._seen: dict[str, None] = {}
        self._calls: dict[str, ToolCallTask] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def declarations(self) -> list[Mapping[str, Any]]:
        """The declarations for the setup message; those of sources only after `open`."""
        return [behavior.declaration for behavior in self._behaviors.values()]

    @property
    def unasked_calls(self) -> int:
        """How many calls were refused since their arguments are too long to be approved."""
        return self._approvals.too_long

    @property
    def gaps(self) -> list[str]:
        """What the model would want to know of the tools and is not told, a sentence each."""
        tools = [behavior.tool for behavior in self._behaviors.values()]
        return [gap for tool in tools if tool is not None for gap in tool.gaps]

    @property
    def blocks_input(self) -> bool:
        """Whether the model waits for a result and can do nothing else."""
        return any(call.behavior.blocking for call in self._calls.values())

    async def open(self) -> None:
        """Open the sources and take their tools. Idempotent.

        Raises:
            LiveError: If a source cannot be opened, or one of its tools cannot be offered to the model.
        """
        if self._is_open:
            return
        found = await _open_all(self._sources)
        self._is_open = True
        try:
            self._declare(as_tools([*self._known, *found]))
        except BaseException:
            await self.close()
            raise

    def _declare(self, tools: Iterable[Tool | Mapping[str, Any]]) -> None:
        for tool in tools:
            behavior = ToolBehavior.of(tool, self._model)
            self._behaviors[behavior.name] = behavior

    async def adopt(self, other: ToolRunner) -> None:
        """Take over the tools of another runner, which must not be used afterwards.

        Calls in progress go on.
        """
        previous, self._sources = self._sources, other._sources
        self._known, self._behaviors = other._known, other._behaviors
        was_open, self._is_open, other._is_open = self._is_open, other._is_open, False
        if was_open:
            await _close_all(previous)  # A source that both have was opened by both.

    def admit(self, event: events.ToolCall) -> events.ToolCall | None:
        """Register a call and return it, with an id if it had none; None if the call is a repetition."""
        id = event.id or f"call-{next(_numbers)}"
        if id in self._seen:
            return None
        self._seen[id] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        wire_id = event.id or None
        event = event if event.id else events.ToolCall(id=id, name=event.name, args=event.args)
        behavior = self._behaviors.get(event.name) or ToolBehavior(event.name, {})
        self._calls[id] = ToolCallTask(event, wire_id, behavior, self._context)
        return event

    def is_open(self, id: str) -> bool:
        """Whether a call has neither ended nor been cancelled; from any thread."""
        return id in self._calls

    def run(self, event: events.ToolCall) -> None:
        """Start an admitted call. It ends with `on_result`, or with nothing if it is cancelled."""
        call = self._calls[event.id]
        if call.behavior.tool is None and event.name in self._behaviors:
            return  # `submit_result` answers it.
        task = asyncio.create_task(call.run(), name=f"tool {event.name[:40]}")
        self._running[event.id] = task
        task.add_done_callback(lambda _: self._end(event.id))

    async def submit_result(self, id: str, result: Any) -> None:
        """Give the result of a call whose tool was declared without a function; ignored if the call is over.

        Raises:
            UsageError: If there is no such call.
            ToolError: If the result cannot be sent.
        """
        call = self._calls.get(id)
        if call is None or call.behavior.tool is not None:
            if id in self._seen:
                return
            raise UsageError("No call with this id waits for a result.")
        await call.submit_result(result)
        self._end(id)

    def approve(self, id: str, approved: bool) -> bool:
        """Approve or deny a call; returns whether it was waiting for that."""
        return self._approvals.resolve(id, approved)

    def cancel(self, ids: Iterable[str]) -> None:
        """Cancel calls and drop their results. A function in a thread runs on, but nobody waits for it."""
        for id in ids:
            call = self._calls.get(id)
            if call is not None:
                call.cancelled = True
                self._end(id)

    async def close(self) -> None:
        """Cancel all calls, wait until coroutines have ended, and close the sources."""
        running = {task for task in self._running.values() if task is not asyncio.current_task()}
        self.cancel(list(self._calls))
        if running:
            await asyncio.wait(running, timeout=CLEANUP_S)
        if self._is_open:
            self._is_open = False
            await _close_all(self._sources)

    def _end(self, id: str) -> None:
        task = self._running.pop(id, None)
        if task is not None:
            task.cancel()
        if self._calls.pop(id, None) is not None:
            self._on_call_ended()
