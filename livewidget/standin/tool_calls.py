"""Calls of the client's functions: their ids, their results, and what becomes of calls without a result."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections import OrderedDict, deque
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
from livewidget.standin.behavior import SessionParts
from livewidget.standin.interfaces import FunctionRequest

#: Time for a function that blocks the model; then it is cancelled. Chosen: longer than anybody waits.
_RESULT_MS = 60_000.0
#: Calls whose names are remembered. Chosen: more than a client reports of at the same time.
_CALLS = 1000
_UNNAMED = {"error": "the result does not say which function it is of"}

#: A function's name, and one of its results.
CallResult = tuple[str, FunctionResponse]


@dataclass(eq=False, slots=True)
class PendingCall:
    """A call whose last result has not come."""

    id: str
    name: str
    batch: CallBatch


class CallBatch:
    """Calls that were made at the same time and are waited for in the same way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self._results: deque[CallResult] = deque()
        self.pending: dict[str, PendingCall] = {}

    def put(self, name: str, response: FunctionResponse) -> None:
        """Take one result."""
        self._results.append((name, response))
        self._changed.set()

    def discard(self, id: str) -> None:
        """Stop waiting for this call."""
        self.pending.pop(id, None)
        self._changed.set()

    def take(self) -> list[CallResult]:
        """Return the results that have come, in order, each once."""
        taken = list(self._results)
        self._results.clear()
        return taken

    async def next(self) -> CallResult | None:
        """Wait for the next result; return None when none will come any more."""
        while not self._results:
            if not self.pending:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._results.popleft()

    async def wait_all(self, timeout_ms: float) -> bool:
        """Wait until every call has its last result; return False on timeout."""
        timer = asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + timeout_ms))
        try:
            while self.pending and not timer.done():
                self._changed.clear()
                change = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait([change, timer], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    change.cancel()
        finally:
            timer.cancel()
        return not self.pending


#: What is said of a result, where it stands beside the result itself.
_NESTED = [("scheduling", word) for word in ("SILENT", "WHEN_IDLE", "INTERRUPT")]


class ToolCaller:
    """Calls the functions of one client, and assigns the results.

    `scheduling` and `willContinue` apply to functions that do not block, and are ignored otherwise (the
    descriptions of `FunctionResponse` in google-genai).
    """

    def __init__(self, parts: SessionParts) -> None:
        self._link, self._behavior, self._state = parts.link, parts.behavior, parts.state
        self._clock = parts.components.clock
        self._pending: dict[str, PendingCall] = {}
        self._blocking: set[str] = set()  # ids
        self._names: OrderedDict[str, str] = OrderedDict()  # of the latest calls, by id
        self._cancelled: set[str] = set()  # ids, of the same calls

    @property
    def waiting(self) -> bool:
        """Whether a function has not returned yet."""
        return bool(self._pending)

    def is_declared(self, request: FunctionRequest) -> bool:
        """Return whether all functions of a request are declared."""
        names = {declaration.get("name") for declaration in self._state.declarations}
        return {one.name for one in (request, *request.also)} <= names

    async def call(self, request: FunctionRequest) -> tuple[CallBatch, CallBatch]:
        """Send a request's calls in one message.

        Returns:
            The calls that block the model, and those that do not; either may be empty.
        """
        blocking, free = CallBatch(self._clock), CallBatch(self._clock)
        calls = []
        for one in (request, *request.also):
            id = str(uuid.uuid4()) if self._behavior.vertex else f"fc_{secrets.randbits(60)}"
            batch = blocking if self._blocks(one.name) else free
            batch.pending[id] = self._pending[id] = PendingCall(id, one.name, batch)
            if batch is blocking:
                self._blocking.add(id)
            calls.append(FunctionCall(id=id, name=one.name, args=dict(one.args)))
            self._names[id] = one.name
            while len(self._names) > _CALLS:
                self._cancelled.discard(self._names.popitem(last=False)[0])
        await self._link.send(ServerMessage(tool_call=ToolCall(function_calls=calls)))
        return blocking, free

    async def wait(self, blocking: CallBatch) -> list[CallResult]:
        """Return the results of calls that block, in the order of the calls; late ones are cancelled."""
        names = [call.name for call in blocking.pending.values()]
        await blocking.wait_all(_RESULT_MS)
        late = list(blocking.pending.values())
        await self._cancel(late)
        error = {"error": f"there was no result within {_RESULT_MS / 1000:.0f} seconds"}
        cancelled = [(call.name, FunctionResponse(name=call.name, response=error)) for call in late]
        return sorted(blocking.take() + cancelled, key=lambda result: names.index(result[0]))

    def on_results(self, responses: Sequence[FunctionResponse]) -> list[CallResult]:
        """Take results from the client; return those of known functions that no call waits for.

        Such a one is news: of a tool that reports again and again, or of a call of an earlier connection.
        Those of calls that were cancelled are ignored.
        """
        unasked = []
        for response in responses:
            call = self._pending.get(response.id or "") or self._by_name(response)
            if call is None:
                called = self._names.get(response.id or "")
                name = response.name or called or ""
                known = called is not None or self.is_declared(FunctionRequest(name))
                if known and response.id not in self._cancelled:
                    unasked.append((name, response))
                continue
            if self._behavior.model.thinking_required and not response.name:
                response = FunctionResponse(id=response.id, response=_UNNAMED)
            call.batch.put(call.name, response)
            if call.id in self._blocking or not response.will_continue:
                self._forget(call)
        return unasked

    async def cancel(self, *, all: bool = False) -> None:
        """Cancel the calls that block, or `all`, and tell the client."""
        await self._cancel([one for one in self._pending.values() if all or one.id in self._blocking])

    async def _cancel(self, calls: Sequence[PendingCall]) -> None:
        if calls:
            for call in calls:
                self._forget(call)
            ids = [call.id for call in calls]
            self._cancelled.update(ids)
            await self._link.send(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=ids)))

    def _forget(self, call: PendingCall) -> None:
        del self._pending[call.id]
        self._blocking.discard(call.id)
        call.batch.discard(call.id)

    def _blocks(self, name: str) -> bool:
        behaviors = [one.get("behavior") for one in self._state.declarations if one.get("name") == name]
        declared = next((one for one in behaviors if one not in (None, "UNSPECIFIED")), None)
        return (declared or self._behavior.model.tool_behaviors[0]) == BLOCKING

    def _by_name(self, response: FunctionResponse) -> PendingCall | None:
        # Clients of Vertex AI may omit the id.
        named = (one for one in self._pending.values() if one.name == response.name)
        return None if response.id else next(named, None)


def returned(response: FunctionResponse) -> Mapping[str, Any]:
    """Return what a function returned; an empty object if that is nothing.

    Older samples of the documentation have `scheduling` within the response; Pipecat sends it in both places.
    """
    result = response.response or {}
    return {key: value for key, value in result.items() if (key, value) not in _NESTED}
