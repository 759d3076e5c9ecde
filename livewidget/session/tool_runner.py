"""Runs the tool calls of a session.

`ToolRunner` holds the tools and the calls in progress. `ToolBehavior` is how the model treats the calls of
one tool. A `ToolCallTask` is one call: it asks `Approvals` if a person must approve it, has the function run
by `outputs`, and hands what it gives to the session. Tools of MCP servers come from sources, which are opened
and closed with the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import itertools
import math
import re
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from livewidget import events
from livewidget.clock import Clock
from livewidget.config import Limits, check_tool
from livewidget.errors import LiveError, ToolError, UsageError
from livewidget.models import BLOCKING, NON_BLOCKING, Model
from livewidget.protocol import encode_client, read_declaration
from livewidget.protocol.messages import ClientMessage, FunctionResponse, ToolResponse
from livewidget.session.tool_worker import (
    BLOCKING_MS,
    BlockingWatch,
    ToolOutput,
    ToolRaised,
    ToolTask,
    call_user,
    outputs,
)
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
#: Calls beyond the limit of a turn that are shown; further ones are only answered and counted. Chosen: enough
#: to see what the model tries, and few enough that a loop of calls does not fill the card.
SHOWN: Final = 5
#: Seconds that cancelled coroutines have to clean up. Chosen: closing a session should not seem to hang.
CLEANUP_S: Final = 2.0

#: Numbers for calls without an id. Shared by all sessions, lest a late answer reach another session's call.
_numbers = itertools.count(1)

#: Decides whether a call may run; None: nobody can be asked.
ApprovalCallback = Callable[[events.ToolCall], Awaitable[bool | None] | bool | None]

#: Receives a value of a call, the frame that sends it (None: do not send it), and a notice for the user.
OnResult = Callable[[events.ToolUpdate | events.ToolResult, str | None, str | None], Awaitable[None]]

#: Returns the event loop on which coroutine functions run.
ToolLoop = Callable[[], asyncio.AbstractEventLoop]

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
            work.append(asyncio.ensure_future(call_user(self._approve, call)))
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
                f"The tool {call.name[:64]} did not run: nobody allowed it within {seconds:g} s.",
            )
        if (error := decided.exception()) is not None:
            why = describe_error(error.error if isinstance(error, ToolRaised) else error)
            raise ToolDenied(
                "the user could not be asked whether it may run",
                f"The tool {call.name[:64]} did not run: asking for it failed ({why}).",
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


def _nobody_to_ask(call: events.ToolCall) -> ToolDenied:
    return ToolDenied(
        "it may run only when a person allows it, and nobody can be asked here",
        f"The tool {call.name[:64]} asks before it runs, and nobody can be asked here: show the widget, "
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

    starting = "Asking an MCP session for its tools…"

    async def open(self) -> list[Tool]:
        """Return the tools of its server.

        Raises:
            ToolError: If they cannot be listed.
        """
        try:
            tools = await call_user(self._on_its_loop, list_mcp_tools(self._session))
        except ToolRaised as raised:
            if isinstance(raised.error, LiveError):
                raise raised.error from None
            why = describe_error(raised.error).rstrip(".")
            raise ToolError(f"The tools of the MCP session cannot be listed: {why}.") from None
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


async def _open(source: ToolSource) -> list[Tool]:
    """Open a source and return its tools.

    Raises:
        LiveError: If it cannot be opened, whatever it raises.
    """
    try:
        return list(await call_user(source.open))
    except ToolRaised as raised:
        if isinstance(raised.error, LiveError):
            raise raised.error from None
        why = describe_error(raised.error).rstrip(".")
        raise ToolError(f"The tools of {type(source).__name__} cannot be listed: {why}.") from None


async def _open_all(sources: Sequence[ToolSource]) -> list[Tool]:
    """Open all sources concurrently and return their tools. If one fails, none stays open."""
    opening = [asyncio.ensure_future(_open(source)) for source in sources]
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
    await asyncio.gather(*(call_user(source.close) for source in sources), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class ToolBehavior:
    """How one model treats the calls of one tool.

    Attributes:
        name: The tool's name.
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
        self, id: str | None, name: str, value: Mapping[str, Any], scheduling: str | None, more: bool | None
    ) -> FunctionResponse:
        """Return the message with a result.

        Args:
            id: The service's id of the call.
            name: The function, as the model called it.
            value: The result or the error.
            scheduling: When the model mentions it; None: as the tool says.
            more: Whether other results follow; None if there is only ever one.
        """
        return FunctionResponse(
            id=id,
            name=name,
            response=dict(value),
            scheduling=self.scheduled(scheduling),
            will_continue=more,
        )

    def scheduled(self, scheduling: str | None) -> str | None:
        """Return the scheduling that is sent with a result which brings this one, or none."""
        return (scheduling or self.scheduling) if self.schedules else None


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


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What all calls of a session share; `slots` limits how many run at once."""

    approvals: Approvals
    on_result: OnResult
    on_blocking: Callable[[str], object]
    on_task: Callable[[ToolTask], object]
    clock: Clock
    slots: threading.BoundedSemaphore


class ToolCallTask:
    """One call, from the model's request to the result. Once it is cancelled, it reports nothing more.

    Attributes:
        event: What the model asked for.
        wire_id: The service's id of the call; None if it sent none.
        behavior: How the model treats it.
        denied: Why it does not run, if that is known from the beginning.
        cancelled: Set when the result is not wanted any more.
        watch: Whether the function blocks its event loop.
    """

    def __init__(
        self,
        event: events.ToolCall,
        wire_id: str | None,
        behavior: ToolBehavior,
        context: ToolContext,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        denied: ToolDenied | None = None,
    ) -> None:
        """Prepare a call. A coroutine function runs on `loop`; None: on the session's."""
        self.event = event
        self.wire_id = wire_id
        self.behavior = behavior
        self.denied = denied
        self.cancelled = False
        self.watch = BlockingWatch(context.clock, functools.partial(context.on_blocking, behavior.name))
        self._context = context
        self._loop = loop
        self._started_ms = context.clock.now_ms()
        self._updates_sent = False  # The model has received values before the last.
        self._all_sent = False  # The model has received every value, and only waits for the end.
        self._reported = False  # It has ended, and that was reported.

    async def run(self) -> None:
        """Call the function, once it is approved if it must be, and report what it gives."""
        try:
            # What the function raises is a ToolRaised, so that a CancelledError means this task.
            await self._finish(await self._call())
        except ToolDenied as denied:
            await self._fail(denied.reason, refused=True, notice=denied.notice)
        except ToolRaised as raised:
            await self._fail(_reason(raised.error))
        except Exception as problem:
            await self._fail(_reason(problem))

    async def submit_result(self, value: Any) -> None:
        """Report a result that was found elsewhere.

        Raises:
            ToolError: If it cannot be sent.
        """
        scheduled = isinstance(value, Result)
        plain = response(value.value if scheduled else value)
        await self._finish(ToolOutput(plain, value.scheduling if scheduled else None, False, last=True))

    async def _call(self) -> ToolOutput:
        """Run the function and report its values before the last; return the last."""
        if self.denied is not None:
            raise self.denied
        tool = self.behavior.tool
        if tool is None:
            raise ToolError(f"there is no tool called {self.event.name[:64]}")
        arguments = await call_user(tool.bind, self.event.args)
        if tool.approval_timeout:
            await self._context.approvals.request(self.event, tool.approval_timeout)
            self._started_ms = self._context.clock.now_ms()
        if not self._context.slots.acquire(blocking=False):
            raise ToolError(f"{CALLS} calls run already: wait until one has ended")
        latest: ToolOutput | None = None
        found = outputs(
            tool,
            arguments,
            self._context.slots.release,
            watch=self.watch,
            loop=self._loop,
            on_task=self._context.on_task,
        )
        async with contextlib.aclosing(found):
            while True:
                try:
                    async with asyncio.timeout(tool.timeout):
                        output = await anext(found)
                except TimeoutError:  # The function's own would be a ToolRaised.
                    raise ToolError(self._late(tool)) from None
                if output.last:
                    break
                latest = output
                await self._update(output)
        self._all_sent = self._updates_sent and output.is_none
        return latest if latest is not None and output.is_none else output

    def _late(self, tool: Tool) -> str:
        if tool.is_async and not self.watch.has_begun:
            return f"it could not begin within {tool.timeout:g} s: another async tool blocks its event loop"
        return f"it took longer than {tool.timeout:g} s and was given up"

    async def _update(self, output: ToolOutput) -> None:
        if self.cancelled:
            return
        self._updates_sent = self.behavior.continues
        message = None
        if self._updates_sent:
            message = self._message(output.value, output.scheduling, more=True)
        event = events.ToolUpdate(
            id=self.event.id, name=self.event.name, result=output.value, sent=self._updates_sent
        )
        await self._context.on_result(event, message, None)

    async def _finish(self, output: ToolOutput) -> None:
        if not self._all_sent:
            await self._report(output.value, output.scheduling, result=output.value)
        else:  # Without scheduling the model might speak although there is nothing new.
            await self._report({}, "SILENT", result=output.value)

    async def _fail(self, error: str, *, refused: bool = False, notice: str | None = None) -> None:
        if not refused:
            notice = f"The tool {self.event.name[:64]} failed: {error.rstrip('.')}."
        await self._report({"error": error}, None, error=error, refused=refused, notice=notice)

    async def _report(
        self, value: dict[str, Any], scheduling: str | None, *, notice: str | None = None, **fields: Any
    ) -> None:
        if self.cancelled or self._reported:
            return
        more = False if self._updates_sent else None
        message = self._message(value, scheduling, more=more)
        event = events.ToolResult(
            id=self.event.id,
            name=self.event.name,
            duration_ms=self._context.clock.now_ms() - self._started_ms,
            scheduling=self.behavior.scheduled(scheduling),
            **fields,
        )
        self._reported = True
        await self._context.on_result(event, message, notice)

    def _message(self, value: Mapping[str, Any], scheduling: str | None, *, more: bool | None) -> str:
        """Return the frame with a result, encoded here: if that fails, it is what the model is told.

        Raises:
            ToolError: If it cannot be encoded.
        """
        answer = self.behavior.response(self.wire_id, self.event.name, value, scheduling, more)
        try:
            return encode_client(ClientMessage(tool_response=ToolResponse(function_responses=[answer])))
        except Exception as problem:
            raise ToolError(f"it returned a value that cannot be sent ({describe_error(problem)})") from None


def _reason(error: BaseException) -> str:
    """Return why a call failed, for the model and for people."""
    message = ""
    if isinstance(error, ToolError | TimeoutError):
        with contextlib.suppress(BaseException):  # A user's __str__ may raise anything.
            message = str(error)
    return message or describe_error(error)


class ToolRunner:
    """The tools of a session and the calls in progress. The results of cancelled calls are dropped.

    Attributes:
        refused_calls: Calls that were not run because there were too many in one turn.
    """

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
        calls_per_turn: int = Limits.calls_per_turn,
        tool_loop: ToolLoop | None = None,
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
            calls_per_turn: Calls that run until `on_user_input`; further ones are answered with an error.
            tool_loop: Returns the loop for coroutine functions; None: they run on the session's. Those of
                sources do in any case: they may be bound to the loop that opened them.

        Raises:
            UsageError: As `prepare_tools` does.
        """
        self.refused_calls = 0
        self._model = model
        self._publish = publish
        self._on_call_ended = on_call_ended
        self._calls_per_turn = calls_per_turn
        self._tool_loop = tool_loop
        self._approvals = Approvals(approve, clock, publish, approval_length)
        self._context = ToolContext(
            approvals=self._approvals,
            on_result=on_result,
            on_blocking=self._on_blocking,
            on_task=self._follow,
            clock=clock,
            slots=threading.BoundedSemaphore(CALLS),
        )
        self._known, self._sources = _split_sources(offered)
        self._is_open = False
        self._behaviors: dict[str, ToolBehavior] = {}
        self._from_sources: set[str] = set()
        self._declare(self._known)
        self._seen: dict[str, None] = {}
        self._remote: dict[str, tuple[str, str, float]] = {}  # An agent's own calls: id, name, and when.
        self._recent: dict[str, deque[events.ToolCall]] = {}  # The calls of this turn, by the service's ids.
        self._count = 0  # Calls since the user said something.
        self._calls: dict[str, ToolCallTask] = {}
        self._denied: dict[str, ToolCallTask] = {}  # Admitted only to be answered.
        self._unshown: set[str] = set()
        self._unanswered: deque[ToolCallTask] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[ToolTask] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._blocking: set[str] = set()  # Tools that a notice has named.

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

    @property
    def starting(self) -> str:
        """What `open` waits for, as a sentence; "" for nothing that has a name."""
        # An attribute that a source of one's own need not have.
        said = [str(getattr(source, "starting", "")) for source in self._sources]
        return "" if self._is_open else " ".join(filter(None, said))

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
            self._from_sources = {tool.name for tool in found}
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
        self._from_sources = other._from_sources
        was_open, self._is_open, other._is_open = self._is_open, other._is_open, False
        if was_open:
            await _close_all(previous)  # A source that both have was opened by both.

    def observe(self, event: events.Event) -> None:
        """Learn from an event, of either side, when calls count anew and when their ids may be new ones."""
        match event:
            case events.TextSent() | events.ActivityStart():
                self.on_user_input()
                self.on_turn_over()
            case events.InputTranscript() if event.text.strip():
                self.on_user_input()
            case events.TurnComplete() | events.Interrupted():
                self.on_turn_over()

    def on_user_input(self) -> None:
        """The user has said or typed something: calls count anew."""
        self._count = 0

    def on_turn_over(self) -> None:
        """A call that comes from now on is another, though it may have the id of an earlier one."""
        self._recent.clear()

    def admit(self, event: events.ToolCall) -> events.ToolCall | None:
        """Register a call and return it with an id of its own; None if it is a repetition.

        A repetition has the id, name and arguments of a call in progress, or of one in this turn. Services
        begin their ids anew, so that the id alone says nothing.
        """
        if event.id and self._is_repeated(event):
            return None
        id = self._new_id(event.id)
        if event.id:
            self._recent.setdefault(event.id, deque(maxlen=CALLS)).append(event)
        wire_id = event.id or None
        behavior = self._behavior_of(event.name)
        loop = None
        if self._tool_loop is not None and behavior.tool is not None and behavior.tool.is_async:
            loop = None if behavior.name in self._from_sources else self._tool_loop()
        event = events.ToolCall(id=id, name=event.name, args=event.args)
        self._count += 1
        denied = self._over_limit() if self._count > self._calls_per_turn else None
        if self._count > self._calls_per_turn + SHOWN:
            self._unshown.add(id)
        calls = self._calls if denied is None else self._denied
        calls[id] = ToolCallTask(event, wire_id, behavior, self._context, loop=loop, denied=denied)
        return event

    def _new_id(self, wire_id: str) -> str:
        """Return the id of a call that no other call of the session has."""
        id = wire_id or f"call-{next(_numbers)}"
        while id in self._seen:
            id = f"{wire_id or 'call'}-{next(_numbers)}"
        self._seen[id] = None
        while len(self._seen) > REMEMBERED:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._recent.pop(oldest, None)
        return id

    def follow_remote(
        self, event: events.ToolCall | events.ToolResult, now_ms: float
    ) -> events.ToolCall | events.ToolResult | None:
        """Return an event about an agent's own tool with the id that the call has here.

        Nothing here runs or counts such a call. None: there is no call of that id.
        """
        if isinstance(event, events.ToolCall):
            id = self._new_id(event.id)
            self._remote[event.id] = (id, event.name, now_ms)
            while len(self._remote) > REMEMBERED:
                del self._remote[next(iter(self._remote))]
            return events.ToolCall(id=id, name=event.name, args=event.args, remote=True)
        if event.id not in self._remote:
            return None
        id, name, began_ms = self._remote[event.id]
        return events.ToolResult(
            id=id,
            name=name,
            result=event.result,
            error=event.error,
            duration_ms=now_ms - began_ms,
            remote=True,
        )

    def is_open(self, id: str) -> bool:
        """Whether a call has neither ended nor been cancelled; from any thread."""
        return id in self._calls

    def is_shown(self, id: str) -> bool:
        """Whether events about a call are published: not about all of too many."""
        return id not in self._unshown

    def _is_repeated(self, event: events.ToolCall) -> bool:
        known = list(self._recent.get(event.id, ()))
        if event.id in self._seen:
            known += [call.event for call in self._calls.values() if call.wire_id == event.id]
        return any(one.name == event.name and one.args == event.args for one in known)

    def _behavior_of(self, name: str) -> ToolBehavior:
        """Return the behavior of the tool that is called, with or without a namespace before its name."""
        rest = name
        while rest not in self._behaviors and (mark := re.search("[.:]", rest)):
            rest = rest[mark.end() :]
        return self._behaviors.get(rest) or ToolBehavior(name, {})

    def _over_limit(self) -> ToolDenied:
        self.refused_calls += 1
        if self._count == self._calls_per_turn + 1:
            text = (
                f"The model has called functions {self._calls_per_turn} times since you last said something, "
                "so no more are run until you speak or type. If it needs more, pass "
                "limits=Limits(calls_per_turn=…)."
            )
            self._publish(events.Notice(level="warning", code="too-many-calls", text=text))
        return ToolDenied(
            f"it was not run: functions were called {self._calls_per_turn} times since the user last spoke, "
            "and no more are run in this turn. Stop calling functions, and tell the user what you have found",
            None,
        )

    def run(self, event: events.ToolCall) -> None:
        """Start an admitted call. It ends with `on_result`, or with nothing if it is cancelled."""
        call = self._calls.get(event.id) or self._denied.pop(event.id)
        if call.denied is None and call.behavior.tool is None and call.behavior.declaration:
            return  # `submit_result` answers it.
        self._loop = asyncio.get_running_loop()
        if not self.is_shown(event.id):
            self._unanswered.append(call)
            if self._answering is None:
                self._answering = asyncio.create_task(self._answer_unshown(), name="too many tool calls")
            return
        task = asyncio.create_task(call.run(), name=f"tool {event.name[:40]}")
        self._running[event.id] = task
        task.add_done_callback(lambda _: self._end(event.id))

    async def _answer_unshown(self) -> None:
        """Answer the calls that are too many, and let others do their work between them."""
        try:
            while self._unanswered:
                call = self._unanswered.popleft()
                await call.run()
                self._unshown.discard(call.event.id)
                await asyncio.sleep(0)
        finally:
            self._answering = None

    def tick(self, now_ms: float) -> None:
        """Let time pass: look for functions that block the loop they run on."""
        for call in list(self._calls.values()):
            if call.watch.is_blocking(now_ms):
                self._name_blocking(call.behavior.name)

    def _on_blocking(self, name: str) -> None:
        """A function has blocked its loop; called in that loop's thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # The session's loop has ended.
                self._loop.call_soon_threadsafe(self._name_blocking, name)

    def _name_blocking(self, name: str) -> None:
        if name in self._blocking:
            return
        self._blocking.add(name)
        text = (
            f"The tool {name[:64]} is an async def that works for more than {BLOCKING_MS / 1000:g} s without "
            "awaiting and holds up all else on its event loop. Make it a plain def: that runs in a thread."
        )
        self._publish(events.Notice(level="warning", code="tool-blocks", text=text))

    def _follow(self, task: ToolTask) -> None:
        self._tasks.add(task)
        task.ended.add_done_callback(lambda _: self._tasks.discard(task))

    async def submit_result(self, id: str, result: Any) -> None:
        """Give the result of a call whose tool was declared without a function; ignored if the call is over.

        Raises:
            UsageError: If there is no such call.
            ToolError: If the result cannot be sent.
        """
        call = self._calls.get(id) or next(
            (one for one in self._calls.values() if one.wire_id == id and one.behavior.tool is None), None
        )
        if call is None or call.behavior.tool is not None:
            if id in self._seen:
                return
            raise UsageError("No call with this id waits for a result.")
        await call.submit_result(result)
        self._end(call.event.id)

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

    def cancel_named(self, wire_ids: Iterable[str]) -> tuple[str, ...]:
        """Cancel the calls that the service names, and return their ids here."""
        known: dict[str | None, list[str]] = {}
        for id, call in self._calls.items():
            known.setdefault(call.wire_id, []).append(id)
        ids = tuple(id for wire_id in wire_ids for id in known.get(wire_id, [wire_id]))
        self.cancel(ids)
        return ids

    async def close(self) -> None:
        """Cancel all calls, wait until coroutines have ended, and close the sources."""
        running: set[asyncio.Future[None]] = {
            task for task in self._running.values() if task is not asyncio.current_task()
        }
        if self._answering is not None:
            self._answering.cancel()
            running.add(self._answering)
        running |= {asyncio.wrap_future(task.ended) for task in tuple(self._tasks)}
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
