"""Asks a person whether a call may run.

Tools that are known only once a talk begins: opened for it, closed with it.

How a model treats the calls of one tool, and what is sent to it in answer.

A thread for one call of a plain function.

Runs one call of a tool, whatever kind of function it is: what it gives, value by value.

One call of a tool, from the model's wish to the answer.

The tools of one session, and the calls that are under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import itertools
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
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from livewidget import events, tools
from livewidget.clock import Clock
from livewidget.config import check_tool
from livewidget.errors import LiveError, ToolError, UsageError
from livewidget.models import BLOCKING, NON_BLOCKING, Model
from livewidget.protocol import FunctionResponse, read_declaration
from livewidget.tools import (
    Offered,
    Result,
    Tool,
    ToolSource,
    failure,
    is_session,
    is_source,
    response,
    sorted_out,
    tools_of,
)

ApprovalCallback = Callable[[events.ToolCall], Awaitable[bool | None] | bool | None]
"""Told of a call, says whether it may run; None: nobody is there to be asked."""


class ToolDenied(Exception):
    """A call may not run.

    Attributes:
        told: What the model is told, as a clause.
        notice: What the person should read, or None where they know.
    """

    def __init__(self, told: str, notice: str | None) -> None:
        super().__init__(told)
        self.told = told
        self.notice = notice


class Approvals:
    """The calls that wait for a person.

    Args:
        approve: Asks; True: `resolve` will be called; None: nobody can be asked.
        clock: What their patience is measured with.
        tell: Takes the event that a call waits.
    """

    def __init__(
        self, approve: ApprovalCallback | bool | None, clock: Clock, tell: Callable[[events.Event], object]
    ) -> None:
        self._approve = approve
        self._clock = clock
        self._tell = tell
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def request(self, call: events.ToolCall, seconds: float) -> None:
        """Return once the call is allowed.

        Raises:
            ToolDenied: If it is not, in `seconds`.
        """
        if not self._approve:
            raise _nobody(call)
        answer = self._waiting[call.id] = asyncio.get_running_loop().create_future()
        self._tell(events.ToolApprovalRequested(id=call.id))
        work: list[asyncio.Future[Any]] = [
            answer,
            asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + seconds * 1000)),
        ]
        if callable(self._approve):
            work.append(asyncio.ensure_future(_asked(self._approve, call)))
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._waiting[call.id]
            for one in work:
                if not one.cancel() and not one.cancelled():
                    one.exception()  # Seen: asyncio would complain of one that nobody looked at.
        decided = next((one for one in (answer, *work[2:]) if one in done), None)
        if decided is None:
            raise ToolDenied(
                "the user did not say that it may run",
                f"The tool {call.name} did not run: nobody allowed it within {seconds:g} s.",
            )
        if (error := decided.exception()) is not None:
            raise ToolDenied(
                "the user could not be asked whether it may run",
                f"The tool {call.name} did not run: asking for it failed ({failure(error)}).",
            )
        if decided.result() is None:
            raise _nobody(call)
        if decided.result() is not True:
            raise ToolDenied("the user did not allow it", None)
        self._tell(events.ToolApproved(id=call.id))

    def resolve(self, id: str, approved: bool) -> bool:
        """Say whether a call may run; returns whether it was waiting for that. The first word counts."""
        waiting = self._waiting.get(id)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(approved is True)
        return True


async def _asked(approve: ApprovalCallback, call: events.ToolCall) -> bool | None:
    answer = approve(call)
    return await answer if inspect.isawaitable(answer) else answer


def _nobody(call: events.ToolCall) -> ToolDenied:
    return ToolDenied(
        "it may run only when a person allows it, and nobody can be asked here",
        f"The tool {call.name} asks before it runs, and nobody can be asked here: show the widget, "
        "or give LiveSession approve=…, a function that answers.",
    )


T = TypeVar("T")


class SessionTools:
    """The tools of an MCP session that somebody else has opened, and will close.

    Its work is done on the loop that runs where this is made: a session knows only the loop it was opened on,
    and a widget talks on a loop of its own. In a notebook that is the loop of the cells: a cell that blocks
    it holds the calls up. An `McpServer` has no such worry.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._home = _running_loop()

    async def open(self) -> list[Tool]:
        """Return the tools that its server has.

        Raises:
            ToolError: If they cannot be listed.
        """
        try:
            tools = await self._at_home(tools_of(self._session))
        except LiveError:
            raise
        except Exception as error:
            raise ToolError(f"The tools of the MCP session cannot be listed: {failure(error)}.") from None
        return [replace(tool, function=partial(self._call, tool.function)) for tool in tools]

    async def close(self) -> None:
        """Nothing: it is not ours."""

    async def _call(self, function: Any, /, **args: Any) -> Any:
        return await self._at_home(function(**args))

    async def _at_home(self, work: Coroutine[Any, Any, T]) -> T:
        if self._home is None or self._home is asyncio.get_running_loop() or not self._home.is_running():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._home))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def sourced(offered: Iterable[Any]) -> list[Offered | ToolSource]:
    """Return what is offered, MCP sessions as sources; to be called on the loop that they were opened on."""
    return [SessionTools(item) if is_session(item) and not is_source(item) else item for item in offered]


async def opened(sources: Sequence[ToolSource]) -> list[Tool]:
    """Open every source, at the same time, and return their tools; if one fails, none stays open.

    Raises:
        LiveError: Why the first that failed has none.
    """
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
        await closed(source for source, is_open in zip(sources, done, strict=True) if is_open)
        raise


async def closed(sources: Iterable[ToolSource]) -> None:
    """Close every source, whatever one of them raises."""
    await asyncio.gather(*(source.close() for source in sources), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Manner:
    """How calls of one tool are answered.

    Attributes:
        name: The tool's, which is sent with each answer.
        declaration: What the model is told of it.
        blocking: The model says nothing until it has the result.
        continues: It takes several results, of which all but the last say that more will come.
        schedules: A result may say when it is spoken of.
        scheduling: When that is where a result does not say it for itself.
    """

    name: str
    declaration: Mapping[str, Any]
    blocking: bool = True
    continues: bool = False
    schedules: bool = False
    scheduling: str | None = None

    @classmethod
    def of(cls, tool: Tool | Mapping[str, Any], model: Model) -> Manner:
        """Return how `model` treats calls of `tool`.

        Raises:
            ConfigError: If it cannot treat them as the tool wants it; it names the models that can.
        """
        if isinstance(tool, Tool):
            name, declaration, scheduling = tool.name, tool.declaration, tool.scheduling
            behavior = tool.behavior or _needed(tool, model)
            if behavior is not None:
                declaration["behavior"] = behavior
        else:
            name, declaration, scheduling = str(tool["name"]), dict(tool), None
            behavior = read_declaration(tool).behavior
        check_tool(model, name, behavior, scheduling)
        blocking = (behavior or model.tool_behaviors[0]) == BLOCKING
        # Where the model waits for a result, the service ignores both, and takes the first result for all.
        return cls(
            name=name,
            declaration=declaration,
            blocking=blocking,
            continues=model.will_continue and not blocking,
            schedules=model.scheduling and not blocking,
            scheduling=scheduling,
        )

    def answer(
        self, id: str | None, value: Mapping[str, Any], scheduling: str | None, *, more: bool | None
    ) -> FunctionResponse:
        """Return the message for a result.

        Args:
            id: What the service knows the call by.
            value: The result, or the error.
            scheduling: When it is spoken of; None: as the tool says.
            more: Whether others follow; None where there is only ever one.
        """
        return FunctionResponse(
            id=id,
            name=self.name,
            response=dict(value),
            scheduling=(scheduling or self.scheduling) if self.schedules else None,
            will_continue=more,
        )


def _needed(tool: Tool, model: Model) -> str | None:
    """Return the behaviour that must be declared for what the tool wants; None: the model's own will do."""
    wants = tool.scheduling is not None or (tool.is_generator and model.will_continue)
    able = NON_BLOCKING in model.tool_behaviors[1:]
    return NON_BLOCKING if wants and able else None


def offer(offered: Iterable[Any], model: Model) -> list[Tool | Mapping[str, Any] | ToolSource]:
    """Return what can be offered to `model`, read over as far as it is known before the talk.

    To be called on the loop that MCP sessions among them were opened on.

    Raises:
        ToolError: If something cannot be a tool, or two have one name.
        ConfigError: If the model does not treat calls as a tool wants it.
    """
    known, sources = sorted_out(sourced(offered))
    for tool in known:
        Manner.of(tool, model)
    return [*known, *sources]


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


@dataclass(frozen=True, slots=True)
class Step:
    """A value that a call gave. After the one that is `last` nothing follows."""

    value: Any
    last: bool


async def steps(
    tool: Tool, arguments: dict[str, Any], release: Callable[[], None]
) -> AsyncGenerator[Step, None]:
    """Call the function and yield what it gives; the last is what it returns, of a generator too.

    Args:
        tool: Whose function is called: coroutines on the loop, others in a thread.
        arguments: What it is given, checked.
        release: Called when it runs no more, from whatever thread: a function may run on for long after
            everybody has given it up.
    """
    if tool.is_async:
        try:
            async with contextlib.aclosing(_on_the_loop(tool.function(**arguments))) as found:
                async for step in found:
                    yield step
        finally:
            release()
        return
    worker = Worker(tool.name, release)
    close: Callable[[], object] | None = None
    try:
        value = await worker.do(functools.partial(tool.function, **arguments))
        if inspect.isgenerator(value):
            close = value.close
            step = Step(None, last=False)
            while not step.last:
                step = await worker.do(functools.partial(_advance, value))
                close = None if step.last else close
                yield step
            return
        async with contextlib.aclosing(_on_the_loop(value)) as found:
            async for step in found:
                yield step
    finally:
        worker.end(close)


async def _on_the_loop(value: Any) -> AsyncGenerator[Step, None]:
    if inspect.isasyncgen(value):
        async with contextlib.aclosing(value):
            async for item in value:
                yield Step(item, last=False)
        yield Step(None, last=True)
    elif inspect.isawaitable(value):
        yield Step(await value, last=True)
    else:
        yield Step(value, last=True)


def _advance(generator: Generator[Any, Any, Any]) -> Step:
    try:
        return Step(next(generator), last=False)
    except StopIteration as end:
        return Step(end.value, last=True)


#: Calls that may run at once. A function that hangs in its thread keeps its place until it returns.
CALLS: Final = 32

Deliver = Callable[
    [events.ToolUpdate | events.ToolResult, FunctionResponse | None, str | None], Awaitable[None]
]
"""Takes what a call gave; the message that tells the model of it, if it is told; and a person's notice."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What all calls of a session share.

    Attributes:
        approvals: Asks a person whether a call may run.
        deliver: Takes what calls give.
        clock: What durations are measured with.
        places: How many may run at once.
    """

    approvals: Approvals
    deliver: Deliver
    clock: Clock
    places: threading.BoundedSemaphore


class Call:
    """A call under way. Once it is cancelled, nothing that it gives is told to anybody.

    Attributes:
        event: What the model wishes.
        tool: What it wishes; None where somebody answers by hand, or there is no such tool.
        manner: How the model treats it.
    """

    def __init__(
        self, event: events.ToolCall, wire_id: str | None, tool: Tool | None, manner: Manner, desk: Desk
    ) -> None:
        """Begin nothing yet; `wire_id` is what the service knows it by, None where it gave no id."""
        self.event = event
        self.tool = tool
        self.manner = manner
        self._wire_id = wire_id
        self._desk = desk
        self._started = desk.clock.now_ms()
        self._value: Any = None
        self._scheduling: str | None = None
        self._sent = False  # The model was told of values before the last.
        self._said = False  # It was told of all there is, and only waits for the end.
        self._cancelled = False

    def cancel(self) -> None:
        """Nobody wants the result any more."""
        self._cancelled = True

    async def run(self) -> None:
        """Call the function, if a person allows it where one is to be asked, and tell what it gives."""
        try:
            sent = await self._result()
        except ToolDenied as denied:
            await self._fail(denied.told, refused=True, notice=denied.notice)
        except ToolError as problem:
            await self._fail(str(problem))
        except TimeoutError as problem:
            await self._fail(str(problem) or failure(problem))
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is None or current.cancelling():
                raise
            await self._fail("CancelledError")  # The tool's own, not ours.
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            await self._fail(failure(problem))
        else:
            await self._finish(sent)

    async def answer(self, value: Any) -> None:
        """Tell a result that was found elsewhere.

        Raises:
            ToolError: If it cannot be sent.
        """
        self._take(value)
        await self._finish(response(self._value))

    # --- What the function gives ----------------------------------------------------------------------------

    async def _result(self) -> dict[str, Any]:
        tool = self.tool
        if tool is None:
            raise ToolError(f"there is no tool called {self.event.name[:64]}")
        arguments = tool.bind(self.event.args)
        if tool.approval_timeout:
            await self._desk.approvals.request(self.event, tool.approval_timeout)
            self._started = self._desk.clock.now_ms()
        if not self._desk.places.acquire(blocking=False):
            raise ToolError(f"{CALLS} calls run already: wait until one has ended")
        several = False
        async with aclosing(steps(tool, arguments, self._desk.places.release)) as found:
            while True:
                try:
                    async with asyncio.timeout(tool.timeout) as limit:
                        step = await anext(found)
                except TimeoutError:
                    if not limit.expired():
                        raise
                    raise ToolError(f"it took longer than {tool.timeout:g} s and was given up") from None
                if step.last:
                    break
                several = True
                self._take(step.value)
                await self._update(response(self._value, tool.result_limit))
        self._said = self._sent and step.value is None
        if step.value is not None or not several:
            self._take(step.value)
        return response(self._value, tool.result_limit)

    def _take(self, value: Any) -> None:
        """A `Result` says itself when it is spoken of."""
        scheduled = isinstance(value, Result)
        self._value = value.value if scheduled else value
        self._scheduling = value.scheduling if scheduled else None

    # --- What is told ---------------------------------------------------------------------------------------

    async def _update(self, value: dict[str, Any]) -> None:
        if self._cancelled:
            return
        self._sent = self.manner.continues
        told = None
        if self._sent:
            told = self.manner.answer(self._wire_id, value, self._scheduling, more=True)
        event = events.ToolUpdate(id=self.event.id, name=self.event.name, result=value, sent=self._sent)
        await self._desk.deliver(event, told, None)

    async def _finish(self, value: dict[str, Any]) -> None:
        if not self._said:
            await self._tell(value, self._scheduling, result=value)
        else:  # Without a schedule the model might speak of nothing.
            await self._tell({}, "SILENT", result=value)

    async def _fail(self, error: str, *, refused: bool = False, notice: str | None = None) -> None:
        if not refused:
            notice = f"The tool {self.event.name[:64]} failed: {error.rstrip('.')}."
        await self._tell({"error": error}, None, error=error, refused=refused, notice=notice)

    async def _tell(
        self, value: dict[str, Any], scheduling: str | None, *, notice: str | None = None, **fields: Any
    ) -> None:
        if self._cancelled:
            return
        told = self.manner.answer(self._wire_id, value, scheduling, more=False if self._sent else None)
        event = events.ToolResult(
            id=self.event.id,
            name=self.event.name,
            duration_ms=self._desk.clock.now_ms() - self._started,
            scheduling=told.scheduling,
            **fields,
        )
        await self._desk.deliver(event, told, notice)


#: Calls remembered, so that one that comes twice runs once.
REMEMBERED: Final = 1024
#: Seconds that cancelled coroutines are given to clean up.
PATIENCE: Final = 2.0

#: Counts for all sessions: what a person says late of a call of one must not be taken for another's.
_numbers = itertools.count(1)


class ToolRunner:
    """The tools of one session, and the calls under way. Results of calls that were cancelled are dropped."""

    def __init__(
        self,
        offered: Sequence[Any],
        model: Model,
        *,
        deliver: Deliver,
        tell: Callable[[events.Event], object],
        freed: Callable[[], object],
        clock: Clock,
        approve: ApprovalCallback | bool | None = None,
    ) -> None:
        """Take the tools.

        Args:
            offered: Functions, tools, MCP sessions, sources of tools; or declarations as JSON objects, which
                `answer` answers.
            model: The model that calls them.
            deliver: Called with what a call gives.
            tell: Called with what else there is to know of calls.
            freed: Called when a call is over.
            clock: What durations are measured with.
            approve: Asks a person whether a call may run; see `Approvals`.

        Raises:
            ToolError: If something cannot be a tool, or two have one name.
            ConfigError: If the model does not treat calls as a tool wants it.
        """
        self._model = model
        self._freed = freed
        self._approvals = Approvals(approve, clock, tell)
        self._desk = Desk(self._approvals, deliver, clock, threading.BoundedSemaphore(CALLS))
        self._known, self._sources = tools.sorted_out(sourced(offered))
        self._is_open = False
        self._tools: dict[str, Tool | None] = {}
        self._manners: dict[str, Manner] = {}
        self._offer(self._known)
        self._seen: dict[str, None] = {}
        self._calls: dict[str, Call] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def declarations(self) -> list[Mapping[str, Any]]:
        """What the model is told of the tools; of all of them once `open` has returned."""
        return [manner.declaration for manner in self._manners.values()]

    @property
    def blocks(self) -> bool:
        """Whether the model waits for a result, and can do nothing else."""
        return any(call.manner.blocking for call in self._calls.values())

    async def open(self) -> None:
        """Ask the sources for their tools; twice is allowed.

        Raises:
            LiveError: If one has none, or the model cannot be told of them.
        """
        if self._is_open:
            return
        found = await opened(self._sources)
        self._is_open = True
        try:
            self._offer(tools.as_tools([*self._known, *found]))
        except BaseException:
            await self.close()
            raise

    def _offer(self, offered: Iterable[Tool | Mapping[str, Any]]) -> None:
        for tool in offered:
            manner = Manner.of(tool, self._model)
            self._manners[manner.name] = manner
            self._tools[manner.name] = tool if isinstance(tool, Tool) else None

    async def adopt(self, other: ToolRunner) -> None:
        """Offer from now on what another runner offers, which is not used itself. Calls under way go on."""
        mine, self._sources = self._sources, other._sources
        self._known, self._tools, self._manners = other._known, other._tools, other._manners
        was_open, self._is_open, other._is_open = self._is_open, other._is_open, False
        if was_open:
            await closed(mine)  # A source that both have was opened by both.

    def admit(self, event: events.ToolCall) -> events.ToolCall | None:
        """Return the call with an id of its own, or None if it came before."""
        id = event.id or f"call-{next(_numbers)}"
        if id in self._seen:
            return None
        self._seen[id] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        wire_id = event.id or None
        event = event if event.id else events.ToolCall(id=id, name=event.name, args=event.args)
        manner = self._manners.get(event.name) or Manner(event.name, {})
        self._calls[id] = Call(event, wire_id, self._tools.get(event.name), manner, self._desk)
        return event

    def run(self, event: events.ToolCall) -> None:
        """Begin an admitted call; it ends with `deliver`, or with nothing if it is cancelled."""
        call = self._calls[event.id]
        if call.tool is None and event.name in self._tools:
            return  # `submit_result` answers it.
        task = asyncio.create_task(call.run(), name=f"tool {event.name[:40]}")
        self._running[event.id] = task
        task.add_done_callback(lambda _: self._over(event.id))

    async def submit_result(self, id: str, result: Any) -> None:
        """Give the result of a call whose tool was declared without a function.

        Raises:
            UsageError: If no such call waits. One that is over is answered in vain, without an error.
            ToolError: If the result cannot be sent.
        """
        call = self._calls.get(id)
        if call is None or call.tool is not None:
            if id in self._seen:
                return
            raise UsageError("No call with this id waits for a result.")
        await call.answer(result)
        self._over(id)

    def approve(self, id: str, approved: bool) -> bool:
        """Say whether a call that asks may run; returns whether it was waiting for that."""
        return self._approvals.resolve(id, approved)

    def cancel(self, ids: Iterable[str]) -> None:
        """Stop these calls and drop their results. A function in a thread runs on; nobody waits for it."""
        for id in ids:
            call = self._calls.get(id)
            if call is not None:
                call.cancel()
                self._over(id)

    async def close(self) -> None:
        """Stop every call, wait until the coroutines have ended, and close the sources."""
        running = {task for task in self._running.values() if task is not asyncio.current_task()}
        self.cancel(list(self._calls))
        if running:
            await asyncio.wait(running, timeout=PATIENCE)
        if self._is_open:
            self._is_open = False
            await closed(self._sources)

    def _over(self, id: str) -> None:
        task = self._running.pop(id, None)
        if task is not None:
            task.cancel()
        if self._calls.pop(id, None) is not None:
            self._freed()
