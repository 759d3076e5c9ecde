"""One call of a tool, from the model's wish to the answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from livewidget import events
from livewidget.clock import Clock
from livewidget.errors import ToolError
from livewidget.protocol import FunctionResponse
from livewidget.session.toolbox.asking import Asking, Refused
from livewidget.session.toolbox.manner import Manner
from livewidget.session.toolbox.running import steps
from livewidget.tools import Result, Tool, failure, response

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
        asking: Asks a person whether a call may run.
        deliver: Takes what calls give.
        clock: What durations are measured with.
        places: How many may run at once.
    """

    asking: Asking
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
        except Refused as refused:
            await self._fail(refused.told, refused=True, notice=refused.notice)
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
        if tool.confirm:
            await self._desk.asking.ask(self.event, tool.confirm)
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
