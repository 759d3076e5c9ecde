"""The tools of one session, and the calls that are under way."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from livewidget import events, tools
from livewidget.clock import Clock
from livewidget.errors import UsageError
from livewidget.models import Model
from livewidget.session.toolbox.asking import Asking, Confirm
from livewidget.session.toolbox.call import CALLS, Call, Deliver, Desk
from livewidget.session.toolbox.manner import Manner
from livewidget.session.toolbox.sources import closed, opened, sourced
from livewidget.tools import Tool

#: Calls remembered, so that one that comes twice runs once.
REMEMBERED: Final = 1024
#: Seconds that cancelled coroutines are given to clean up.
PATIENCE: Final = 2.0

#: Counts for all sessions: what a person says late of a call of one must not be taken for another's.
_numbers = itertools.count(1)


class Toolbox:
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
        confirm: Confirm | bool | None = None,
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
            confirm: Asks a person whether a call may run; see `Asking`.

        Raises:
            ToolError: If something cannot be a tool, or two have one name.
            ConfigError: If the model does not treat calls as a tool wants it.
        """
        self._model = model
        self._freed = freed
        self._asking = Asking(confirm, clock, tell)
        self._desk = Desk(self._asking, deliver, clock, threading.BoundedSemaphore(CALLS))
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

    async def adopt(self, other: Toolbox) -> None:
        """Offer from now on what another toolbox offers, which is not used itself. Calls under way go on."""
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
            return  # `answer` answers it.
        task = asyncio.create_task(call.run(), name=f"tool {event.name[:40]}")
        self._running[event.id] = task
        task.add_done_callback(lambda _: self._over(event.id))

    async def answer(self, id: str, result: Any) -> None:
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

    def allow(self, id: str, allowed: bool) -> bool:
        """Say whether a call that asks may run; returns whether it was waiting for that."""
        return self._asking.answer(id, allowed)

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
