"""The server's end of one client's link: frames out and in, its lifetime, and the faults simulated on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from livewidget.clock import Clock
from livewidget.errors import REASON_BYTES
from livewidget.protocol import encode_server
from livewidget.protocol.messages import GoAway, ServerContent, ServerMessage
from livewidget.standin import rules
from livewidget.transports.base import Transport, TransportClosed

#: `goAway` before the end of a connection. Chosen: the service's has been measured at 30 to 50 s.
_WARNING_MS = 50_000.0
#: Of a connection that is too short for that. Chosen, so that a short one still has its larger part before.
_WARNING_SHARE = 3 / 8
#: Time that the simulated `goAway` leaves. Chosen: long enough to see, short enough to wait for.
_SIMULATED_WARNING_MS = 10_000.0

#: What `StandIn.simulate` can do, and what a session sees of it.
FAULTS = {
    "goaway": "the server says that it will close in ten seconds, and then does (1011)",
    "drop": "the link breaks without a word, as when a cable is pulled (1006)",
    "internal": "the server fails (1011)",
    "refuse": "the server is unavailable (1011), also to new sessions, until 'recover'",
    "stall": "the link stays open, but all that either side sends is lost, until 'recover'",
    "recover": "ends 'refuse' and 'stall'",
}

#: Code and reason with which a fault closes the link.
_CLOSES = {"drop": (1006, ""), "refuse": (1011, rules.UNAVAILABLE), "internal": (1011, rules.INTERNAL)}


class ClientLink:
    """Encodes messages as the service does, in binary frames. Several tasks may send; messages stay whole.

    Attributes:
        stalled: Frames of either side are lost while the link stays open.
        consumed: Number of client messages processed, including the setup.
        speech_start: Value of `consumed` before the utterance that is being spoken; None: nobody speaks.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._held: list[ServerMessage] = []
        self.stalled = False
        self.consumed = 0
        self.speech_start: int | None = None

    @property
    def consumed_index(self) -> int:
        """Index of the last client message that was processed completely; the setup has 0."""
        return (self.consumed if self.speech_start is None else min(self.speech_start, self.consumed)) - 1

    async def send(self, message: ServerMessage | bytes | str) -> None:
        """Send one message; bytes and text are sent unchanged.

        Raises:
            TransportClosed: If the link is closed.
        """
        if not self.stalled:
            frame = encode_server(message) if isinstance(message, ServerMessage) else message
            await self._transport.send(frame)

    async def send_content(self, **fields: Any) -> None:
        """Send a message with `serverContent` of these fields."""
        await self.send(ServerMessage(server_content=ServerContent(**fields)))

    def hold(self, message: ServerMessage) -> None:
        """Keep a message back until the model's turn has begun, or is over."""
        self._held.append(message)

    async def release(self) -> None:
        """Send the messages that were kept back."""
        while self._held:
            await self.send(self._held.pop(0))

    async def receive(self) -> str | bytes:
        """Return the client's next frame.

        Raises:
            TransportClosed: If the link is closed.
        """
        while True:
            frame = await self._transport.receive()
            if not self.stalled:
                return frame

    async def close(self, code: int, reason: str = "") -> None:
        """Close the link; a reason that is too long is cut between characters."""
        await self._transport.close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))


async def close_after(link: ClientLink, clock: Clock, connection_ms: float) -> None:
    """Close a connection `connection_ms` from now, and send `goAway` in time before that."""
    end = clock.now_ms() + connection_ms
    warning_ms = min(_WARNING_MS, connection_ms * _WARNING_SHARE)
    await clock.sleep_until(end - warning_ms)
    await _go_away(link, clock, warning_ms)


async def _go_away(link: ClientLink, clock: Clock, left_ms: float) -> None:
    """Announce the close in `left_ms`, and close then.

    The service is reported to close with 1008 or 1011; its reason is published for 1011.
    """
    end = clock.now_ms() + left_ms
    try:
        await link.send(ServerMessage(go_away=GoAway(time_left=f"{left_ms / 1000:g}s")))
    except TransportClosed:
        return
    await clock.sleep_until(end)
    await link.close(1011, rules.DEADLINE)


class FaultInjector:
    """Lets `FAULTS` happen to one session. Called on the session's event loop."""

    def __init__(self, link: ClientLink, clock: Clock, abort: Callable[[], None] | None) -> None:
        """Act on `link`; `abort` breaks it without a close frame; None: it can be closed with 1006."""
        self._link = link
        self._clock = clock
        self._abort = abort
        self._tasks: set[asyncio.Task[None]] = set()

    def inject(self, fault: str) -> None:
        """Let one of `FAULTS` happen."""
        if fault == "stall":
            self._link.stalled = True
        elif fault == "recover":
            self._link.stalled = False
        elif fault == "drop" and self._abort:
            self._abort()
        else:
            task = asyncio.create_task(self._end(fault), name=f"stand-in simulates {fault}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what is still to happen."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _end(self, fault: str) -> None:
        if fault == "goaway":
            await _go_away(self._link, self._clock, _SIMULATED_WARNING_MS)
        else:
            await self._link.close(*_CLOSES[fault])
