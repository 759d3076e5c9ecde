"""Things that go wrong on purpose, one by one, in sessions that run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livewidget.clock import Clock
from livewidget.standin import lifetime, rules
from livewidget.standin.outlet import Outlet

FAULTS = {
    "goaway": "the server says that it will close in ten seconds, and then does (1011)",
    "drop": "the link breaks without a word, as when a cable is pulled (1006)",
    "internal": "the server fails (1011)",
    "refuse": "the server is unavailable (1011), also to new sessions, until 'recover'",
    "stall": "the link stays open, but all that either side sends is lost, until 'recover'",
    "recover": "ends 'refuse' and 'stall'",
}
"""What `StandIn.simulate` can do, and what a session sees of it."""

TIME_LEFT_MS = 10_000.0


class Faults:
    """One session's share of them. Called on the session's event loop."""

    def __init__(self, outlet: Outlet, clock: Clock, abort: Callable[[], None] | None) -> None:
        """Act on `outlet`; `abort` breaks its link with no close frame; None: it can be closed with 1006."""
        self._outlet = outlet
        self._clock = clock
        self._abort = abort
        self._tasks: set[asyncio.Task[None]] = set()

    def act(self, name: str) -> None:
        """Let one of `FAULTS` happen."""
        if name == "stall":
            self._outlet.stalled = True
        elif name == "recover":
            self._outlet.stalled = False
        elif name == "drop" and self._abort:
            self._abort()
        else:
            task = asyncio.create_task(self._act(name), name=f"stand-in simulates {name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Nothing more will happen."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _act(self, name: str) -> None:
        if name == "drop":
            await self._outlet.close(1006)
        elif name == "refuse":
            await self._outlet.close(1011, rules.UNAVAILABLE)
        elif name == "internal":
            await self._outlet.close(1011, rules.INTERNAL)
        elif name == "goaway":
            await lifetime.part(self._outlet, self._clock, TIME_LEFT_MS)
