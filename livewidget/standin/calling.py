"""Calls of the client's functions: their ids, their results, and what becomes of those without."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livewidget.clock import Clock
from livewidget.protocol.content import FunctionCall, FunctionResponse
from livewidget.protocol.server import ServerMessage, ToolCall, ToolCallCancellation
from livewidget.standin.manners import Manners
from livewidget.standin.outlet import Outlet
from livewidget.standin.seams import Call

_RESULT_MS = 10_000.0  # a function that takes longer is given up


@dataclass(frozen=True, slots=True)
class _Pending:
    name: str
    answer: asyncio.Future[FunctionResponse] = field(compare=False)


class Calling:
    """Calls functions of one client's, and waits for what they return."""

    def __init__(self, outlet: Outlet, manners: Manners, clock: Clock) -> None:
        self._outlet = outlet
        self._manners = manners
        self._clock = clock
        self._pending: dict[str, _Pending] = {}

    @property
    def waits(self) -> bool:
        """Whether a function has not returned yet."""
        return bool(self._pending)

    async def call(self, call: Call, complete: Callable[[], Awaitable[None]]) -> Mapping[str, Any] | None:
        """Call a function and return its result; None where that is not to be spoken of.

        Args:
            call: What to call.
            complete: Completes the turn: families that do so before the result need it.
        """
        id = str(uuid.uuid4()) if self._manners.vertex else f"fc_{secrets.randbits(60)}"
        answer = asyncio.get_running_loop().create_future()
        self._pending[id] = _Pending(call.name, answer)
        asked = FunctionCall(id=id, name=call.name, args=dict(call.args))
        await self._outlet.send(ServerMessage(tool_call=ToolCall(function_calls=[asked])))
        if self._manners.model.turn_completes_before_result:
            await complete()
        timer = asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + _RESULT_MS))
        try:
            await asyncio.wait([answer, timer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        del self._pending[id]
        if not answer.done():
            await self._outlet.send(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=[id])))
            return {"error": f"there was no result within {_RESULT_MS / 1000:.0f} seconds"}
        response: FunctionResponse = answer.result()
        return None if response.scheduling == "SILENT" else response.response or {}

    def results(self, responses: Sequence[FunctionResponse]) -> None:
        """Take results of calls; ignored are those not asked for, and all but the last of a stream."""
        for response in responses:
            pending = self._pending.get(response.id or "") or self._by_name(response)
            if pending and not response.will_continue and not pending.answer.done():
                pending.answer.set_result(response)

    async def cancel(self) -> None:
        """Tell the client that no call needs an answer any more."""
        if self._pending:
            ids = list(self._pending)
            self._pending.clear()
            await self._outlet.send(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=ids)))

    def _by_name(self, response: FunctionResponse) -> _Pending | None:
        # Vertex AI's clients may leave the id out.
        named = (one for one in self._pending.values() if one.name == response.name)
        return None if response.id else next(named, None)
