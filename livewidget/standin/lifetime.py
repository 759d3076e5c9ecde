"""How a connection ends by itself: the server says when, and then closes, whatever is going on."""

from __future__ import annotations

from livewidget.clock import Clock
from livewidget.protocol.server import GoAway, ServerMessage
from livewidget.standin import rules
from livewidget.standin.outlet import Outlet
from livewidget.transports.base import TransportClosed

WARNING_MS = 50_000.0  # the service has been measured at 30 to 50 s
_SHARE = 3 / 8  # of a connection that is too short for that


async def last(outlet: Outlet, clock: Clock, connection_ms: float) -> None:
    """Let a connection last `connection_ms` from now on: warn its client in time, then close it."""
    end = clock.now_ms() + connection_ms
    warning = min(WARNING_MS, connection_ms * _SHARE)
    await clock.sleep_until(end - warning)
    await part(outlet, clock, warning)


async def part(outlet: Outlet, clock: Clock, left_ms: float) -> None:
    """Say that the connection will be closed in `left_ms`, and do it then.

    The service is said to close with 1008 or 1011; published with its words is 1011.
    """
    end = clock.now_ms() + left_ms
    try:
        await outlet.send(ServerMessage(go_away=GoAway(time_left=f"{left_ms / 1000:g}s")))
    except TransportClosed:
        return
    await clock.sleep_until(end)
    await outlet.close(1011, rules.DEADLINE)
