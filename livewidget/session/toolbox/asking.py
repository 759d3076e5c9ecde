"""Asks a person whether a call may run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from livewidget import events
from livewidget.clock import Clock
from livewidget.tools import failure

Confirm = Callable[[events.ToolCall], Awaitable[bool | None] | bool | None]
"""Told of a call, says whether it may run; None: nobody is there to be asked."""


class Refused(Exception):
    """A call may not run.

    Attributes:
        told: What the model is told, as a clause.
        notice: What the person should read, or None where they know.
    """

    def __init__(self, told: str, notice: str | None) -> None:
        super().__init__(told)
        self.told = told
        self.notice = notice


class Asking:
    """The calls that wait for a person.

    Args:
        confirm: Asks; True: `answer` will be called; None: nobody can be asked.
        clock: What their patience is measured with.
        tell: Takes the event that a call waits.
    """

    def __init__(
        self, confirm: Confirm | bool | None, clock: Clock, tell: Callable[[events.Event], object]
    ) -> None:
        self._confirm = confirm
        self._clock = clock
        self._tell = tell
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def ask(self, call: events.ToolCall, seconds: float) -> None:
        """Return once the call is allowed.

        Raises:
            Refused: If it is not, in `seconds`.
        """
        if not self._confirm:
            raise _nobody(call)
        answer = self._waiting[call.id] = asyncio.get_running_loop().create_future()
        self._tell(events.ToolAsking(id=call.id))
        work: list[asyncio.Future[Any]] = [
            answer,
            asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + seconds * 1000)),
        ]
        if callable(self._confirm):
            work.append(asyncio.ensure_future(_asked(self._confirm, call)))
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._waiting[call.id]
            for one in work:
                if not one.cancel() and not one.cancelled():
                    one.exception()  # Seen: asyncio would complain of one that nobody looked at.
        decided = next((one for one in (answer, *work[2:]) if one in done), None)
        if decided is None:
            raise Refused(
                "the user did not say that it may run",
                f"The tool {call.name} did not run: nobody allowed it within {seconds:g} s.",
            )
        if (error := decided.exception()) is not None:
            raise Refused(
                "the user could not be asked whether it may run",
                f"The tool {call.name} did not run: asking for it failed ({failure(error)}).",
            )
        if decided.result() is None:
            raise _nobody(call)
        if decided.result() is not True:
            raise Refused("the user did not allow it", None)
        self._tell(events.ToolAllowed(id=call.id))

    def answer(self, id: str, allowed: bool) -> bool:
        """Say whether a call may run; returns whether it was waiting for that. The first word counts."""
        waiting = self._waiting.get(id)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(allowed is True)
        return True


async def _asked(confirm: Confirm, call: events.ToolCall) -> bool | None:
    answer = confirm(call)
    return await answer if inspect.isawaitable(answer) else answer


def _nobody(call: events.ToolCall) -> Refused:
    return Refused(
        "it may run only when a person allows it, and nobody can be asked here",
        f"The tool {call.name} asks before it runs, and nobody can be asked here: show the widget, "
        "or give LiveSession confirm=…, a function that answers.",
    )
