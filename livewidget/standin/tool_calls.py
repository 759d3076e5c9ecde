"""Calls of the client's functions: their ids, their results, and what becomes of those without."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livewidget.clock import Clock
from livewidget.models import BLOCKING
from livewidget.protocol.messages import (
    FunctionCall,
    FunctionResponse,
    ServerMessage,
    ToolCall,
    ToolCallCancellation,
)
from livewidget.standin.behavior import Manners
from livewidget.standin.context import Memory
from livewidget.standin.interfaces import Call
from livewidget.standin.outlet import Outlet

RESULT_MS = 60_000.0  # a function that holds the talk up for longer is given up
_UNNAMED = {"error": "the result does not say which function it is of"}

Outcome = tuple[str, FunctionResponse]
"""A function's name, and one of its results."""


@dataclass(eq=False, slots=True)
class Pending:
    """A call that the client has not answered, or not to the end."""

    id: str
    name: str
    batch: Batch


class Batch:
    """Calls that were made at the same time and are treated alike."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._change = asyncio.Event()
        self._arrived: deque[Outcome] = deque()
        self.left: dict[str, Pending] = {}

    def arrive(self, name: str, response: FunctionResponse) -> None:
        """Take one result."""
        self._arrived.append((name, response))
        self._change.set()

    def drop(self, id: str) -> None:
        """Wait for this call no more."""
        self.left.pop(id, None)
        self._change.set()

    def take(self) -> list[Outcome]:
        """Return the results that have come, in the order of their coming, each once."""
        taken = list(self._arrived)
        self._arrived.clear()
        return taken

    async def next(self) -> Outcome | None:
        """Wait for the next result; None when there will be none any more."""
        while not self._arrived:
            if not self.left:
                return None
            self._change.clear()
            await self._change.wait()
        return self._arrived.popleft()

    async def settle(self, within_ms: float) -> bool:
        """Wait until every call is answered to the end; return False if that takes too long."""
        timer = asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + within_ms))
        try:
            while self.left and not timer.done():
                self._change.clear()
                change = asyncio.ensure_future(self._change.wait())
                try:
                    await asyncio.wait([change, timer], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    change.cancel()
        finally:
            timer.cancel()
        return not self.left


class Calling:
    """Calls functions of one client's, and sorts what they return.

    Source of what is heeded of a result: the descriptions of `FunctionResponse` in google-genai. `scheduling`
    and `willContinue` count for functions that do not block, and are ignored otherwise.
    """

    def __init__(self, outlet: Outlet, manners: Manners, clock: Clock, memory: Memory) -> None:
        self._outlet = outlet
        self._manners = manners
        self._clock = clock
        self._memory = memory
        self._pending: dict[str, Pending] = {}
        self._holding: set[str] = set()  # ids of calls that block

    @property
    def waits(self) -> bool:
        """Whether a function has not returned yet."""
        return bool(self._pending)

    def declared(self, call: Call) -> bool:
        """Tell whether all functions of a call are there to be called."""
        names = {declaration.get("name") for declaration in self._memory.declarations}
        return {one.name for one in _all(call)} <= names

    async def begin(self, call: Call) -> tuple[Batch, Batch]:
        """Call a function, and those that are to be called with it, in one message.

        Returns:
            The calls that the talk waits for, and those that it does not wait for; either may be empty.
        """
        held, free = Batch(self._clock), Batch(self._clock)
        asked = []
        for one in _all(call):
            id = str(uuid.uuid4()) if self._manners.vertex else f"fc_{secrets.randbits(60)}"
            batch = held if self._blocks(one.name) else free
            batch.left[id] = self._pending[id] = Pending(id, one.name, batch)
            if batch is held:
                self._holding.add(id)
            asked.append(FunctionCall(id=id, name=one.name, args=dict(one.args)))
        await self._outlet.send(ServerMessage(tool_call=ToolCall(function_calls=asked)))
        return held, free

    async def wait(self, held: Batch) -> list[Outcome]:
        """Return the results of calls that the talk waits for; one that takes too long is cancelled."""
        names = [pending.name for pending in held.left.values()]
        await held.settle(RESULT_MS)
        late = list(held.left.values())
        await self._cancel(late)
        error = {"error": f"there was no result within {RESULT_MS / 1000:.0f} seconds"}
        outcomes = held.take() + [(one.name, FunctionResponse(name=one.name, response=error)) for one in late]
        return sorted(outcomes, key=lambda outcome: names.index(outcome[0]))

    def results(self, responses: Sequence[FunctionResponse]) -> None:
        """Take results of calls; those not asked for are ignored, and all after the last one of a call."""
        for response in responses:
            pending = self._pending.get(response.id or "") or self._by_name(response)
            if pending is None:
                continue
            if self._manners.model.thinking_required and not response.name:
                response = FunctionResponse(id=response.id, response=_UNNAMED)
            pending.batch.arrive(pending.name, response)
            if pending.id in self._holding or not response.will_continue:
                self._forget(pending)

    async def cancel(self, *, all: bool = False) -> None:
        """Tell the client that calls need no answer any more: those that block, or `all` of them."""
        await self._cancel([one for one in self._pending.values() if all or one.id in self._holding])

    async def _cancel(self, pending: Sequence[Pending]) -> None:
        if pending:
            for one in pending:
                self._forget(one)
            ids = [one.id for one in pending]
            await self._outlet.send(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=ids)))

    def _forget(self, pending: Pending) -> None:
        del self._pending[pending.id]
        self._holding.discard(pending.id)
        pending.batch.drop(pending.id)

    def _blocks(self, name: str) -> bool:
        behaviors = [one.get("behavior") for one in self._memory.declarations if one.get("name") == name]
        said = next((one for one in behaviors if one not in (None, "UNSPECIFIED")), None)
        return (said or self._manners.model.tool_behaviors[0]) == BLOCKING

    def _by_name(self, response: FunctionResponse) -> Pending | None:
        # Vertex AI's clients may leave the id out.
        named = (one for one in self._pending.values() if one.name == response.name)
        return None if response.id else next(named, None)


def _all(call: Call) -> tuple[Call, ...]:
    return (call, *call.also)


def result(response: FunctionResponse) -> Mapping[str, Any]:
    """Return what a function returned; an empty object where it was nothing."""
    return response.response or {}
