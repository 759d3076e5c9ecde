"""How a session outlasts its connections, as numbers that can be changed.

The way to the model: one connection after the other, as if it were one.

A connection ends: the service says so beforehand, its time is up, or it breaks. Then the next one is opened,
with the service's own memory of the talk where it has one. Whatever is sent meanwhile waits its turn.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from livewidget.clock import Clock
from livewidget.connection import Connection
from livewidget.errors import (
    ConfigError,
    LinkError,
    LinkLost,
    LiveError,
    QuotaExceeded,
    ServerFault,
    SetupRefused,
    StateError,
)
from livewidget.events import Event, SessionStarted
from livewidget.protocol import ClientMessage
from livewidget.session.outbox import Item, Upstream
from livewidget.tools import describe_error


@dataclass(frozen=True, kw_only=True)
class ReconnectPolicy:
    """What a session does about connections that end, and about silence. The defaults suit people.

    Attributes:
        enabled: Whether the talk goes on over a new connection when one ends; else it ends with that.
        max_attempts: Connections tried in a row before the session ends.
        initial_delay_ms: Longest wait before the second try; doubled for each further one.
        max_delay_ms: Longest wait of all.
        idle_pause_s: Seconds without speech after which no more silence is sent until somebody speaks; None:
            silence is sent as well. Silence is counted and billed as sound.
        answer_timeout_s: Seconds without any answer after which a notice says so.
        random: Gives 0 to 1, by which waits are spread.
    """

    enabled: bool = True
    max_attempts: int = 6
    initial_delay_ms: float = 500.0
    max_delay_ms: float = 8_000.0
    idle_pause_s: float | None = None
    answer_timeout_s: float = 20.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        pause = self.idle_pause_s
        if pause is not None and (isinstance(pause, bool) or not 1 <= pause <= 3600):
            raise ConfigError("idle_pause_s is a number of seconds from 1 to 3600, or None for no pause.")
        if self.max_attempts < 1:
            raise ConfigError("max_attempts is the number of connections to try, 1 or more.")

    def delay_ms(self, failed: int) -> float:
        """Return how long to wait after so many tries have failed in a row; anything up to the limit."""
        if failed <= 0:
            return 0.0
        return self.random() * min(self.initial_delay_ms * 2.0 ** min(failed - 1, 30), self.max_delay_ms)


Why = Literal["go_away", "time", "link", "server", "settings"]

#: So long before a connection's end a quiet moment is looked for; and so long before it no longer waited.
LOOK_MS: Final = 45_000.0
LAST_MS: Final = 5_000.0
#: So long a change of settings waits for a quiet moment.
SETTINGS_MS: Final = 5_000.0
#: Faults of the server in a row after which the handle is under suspicion.
FAULTS: Final = 3
#: A connection that has lasted so long, or has brought an answer, was a good one.
GOOD_MS: Final = 30_000.0


class Host(Protocol):
    """Whose line it is."""

    def is_quiet(self, *, hurry: bool = False) -> bool:
        """Tell whether nobody speaks, thinks or works, and the service remembers all that was said.

        In a hurry, sound that the server has not noticed is no obstacle: it will be sent again.
        """

    async def dial(self, handle: str | None) -> Connection:
        """Open a connection, with the service's memory or without."""

    def received(self, event: Event) -> None:
        """The server says something."""

    def parted(self, why: Why) -> None:
        """There is no connection for now."""

    def reverted(self, error: LiveError) -> bool:
        """The service refuses new settings: go back to the old ones. False where there are none."""

    async def arrived(self, *, resumed: bool, why: Why, gap_ms: float) -> Sequence[ClientMessage]:
        """There is a connection again; returns what it must be told first."""

    def went(self, item: Item) -> None:
        """That was sent."""

    def ended(self, error: LiveError) -> None:
        """There is no connection, and there will be none."""


class Line:
    """Keeps a connection open, and sends over it.

    Attributes:
        connection: The open one; None while it is being replaced.
        handle: Secret by which the service finds its memory of the talk.
        ends_ms: When the connection is expected to end, by the clock; None while there is none.
        ending: What that is known by: its usual length, or the service's word.
        moves: How often the talk has gone on over another connection.
    """

    def __init__(self, host: Host, upstream: Upstream, clock: Clock, policy: ReconnectPolicy) -> None:
        self.connection: Connection | None = None
        self.handle: str | None = None
        self.ends_ms: float | None = None
        self.ending: Literal["connection", "go_away"] = "connection"
        self.moves = 0
        self._host = host
        self._upstream = upstream
        self._clock = clock
        self._policy = policy
        self._owned: list[Connection] = []  # all that are not closed yet
        self._heard: Connection | None = None  # the one that `_pump` reads
        self._pump: asyncio.Task[None] | None = None
        self._moving: asyncio.Task[None] | None = None
        self._look_ms = self._last_ms = self._opened_ms = 0.0
        self._failed = 0  # connections in a row that were no good
        self._faults = 0  # of the server, with the handle that there is
        self._good = False
        self._broke: LiveError | None = None
        self._settings: asyncio.Future[None] | None = None
        self._closed = False

    # --- Life -----------------------------------------------------------------------------------------------

    def begin(self, connection: Connection) -> None:
        """Use the first connection."""
        self._owned.append(connection)
        self._listen(connection)
        self.connection = connection

    async def stop(self) -> None:
        """Listen to nothing more, and open nothing more."""
        self._closed = True
        tasks = [task for task in (self._moving, self._pump) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._settle_settings(StateError("The session was closed before its settings were changed."))

    async def close(self) -> None:
        """Close what is open."""
        for connection in list(self._owned):
            await self._close(connection)

    async def _close(self, connection: Connection) -> None:
        await connection.close()
        if connection in self._owned:
            self._owned.remove(connection)

    @property
    def is_moving(self) -> bool:
        """Whether the connection is being replaced."""
        return self._moving is not None and not self._moving.done()

    @property
    def link_ms(self) -> float | None:
        """Round trip of the link, in ms; None where it is not known."""
        return None if self.connection is None else self.connection.link_ms

    def good(self) -> None:
        """The connection has brought an answer."""
        self._good, self._failed, self._faults = True, 0, 0

    def go_away(self, time_left_ms: float | None) -> None:
        """The server will close the connection, in so many ms; None or nonsense: at once."""
        now, left = self._clock.now_ms(), max(0.0, time_left_ms or 0.0)
        self.ending, self.ends_ms = "go_away", now + left
        self._look_ms, self._last_ms = now, now + left - min(LAST_MS, left / 4)

    def tick(self) -> None:
        """Time has passed: to be called a few times a second."""
        now = self._clock.now_ms()
        if self.is_moving or self._closed or self.connection is None:
            return
        if now - self._opened_ms >= GOOD_MS:
            self.good()
        if now < self._look_ms or not (self._policy.enabled or self._settings):
            return
        hurry = now >= (self._look_ms + 2 * self._last_ms) / 3
        if now >= self._last_ms or self._host.is_quiet(hurry=hurry):
            why: Why = "go_away" if self.ending == "go_away" else "time"
            self._move("settings" if self._settings is not None else why)

    async def renew(self) -> None:
        """Go on over a new connection with changed settings, at a quiet moment but soon; returns then.

        Raises:
            LiveError: If the service refuses them, and the talk goes on with the old ones.
        """
        while self.is_moving and self._moving is not None:
            await asyncio.wait([self._moving])
        if self._settings is None:
            self._settings = asyncio.get_running_loop().create_future()
            now = self._clock.now_ms()
            self._look_ms, self._last_ms = now, min(self._last_ms, now + SETTINGS_MS)
            if self._host.is_quiet():
                self._move("settings")
        await asyncio.shield(self._settings)

    async def send(self, item: Item) -> None:
        """Send an item, or let it wait until there is a connection."""
        connection = self.connection
        if connection is None:
            return
        try:
            await connection.send(item.message)
        except LiveError as error:
            self._lost(connection, error)
            return
        item.due = False
        self._host.went(item)

    # --- What comes -----------------------------------------------------------------------------------------

    def _listen(self, connection: Connection) -> None:
        now, lasts = self._clock.now_ms(), connection.model.connection_ms
        self._heard = connection
        self._opened_ms, self._good, self._broke = now, False, None
        self.ending, self.ends_ms = "connection", now + lasts
        self._look_ms = self.ends_ms - min(LOOK_MS, lasts / 4)
        self._last_ms = self.ends_ms - min(LAST_MS, lasts / 20)
        self._pump = asyncio.create_task(self._receive(connection), name="livewidget session")

    async def _receive(self, connection: Connection) -> None:
        try:
            while True:
                for event in await connection.receive():
                    self._host.received(event)
        except LiveError as error:
            self._lost(connection, error)
        except Exception as fault:
            self.fault(fault)

    def _lost(self, connection: Connection, error: LiveError) -> None:
        """A connection is not there any more."""
        if self._closed or connection is not self._heard:
            return
        if self.is_moving:
            self._broke = error  # Found when all that waits was sent over it, or before.
        else:
            if not self._can_go_on(error):
                self._host.ended(error)
                return
            if not self._good:
                self._failed += 1
            if self._failed >= self._policy.max_attempts:
                self._host.ended(error)
                return
            self._move("link" if isinstance(error, LinkError) else "server")

    def _can_go_on(self, error: LiveError) -> bool:
        if not self._policy.enabled:
            return False
        if self.ending == "go_away" and isinstance(error, ServerFault | SetupRefused):
            return True  # It said so: with what code it does it is all one.
        return isinstance(error, LinkError) or (isinstance(error, ServerFault) and error.code != 1000)

    # --- Another connection ---------------------------------------------------------------------------------

    def _move(self, why: Why) -> None:
        self._moving = asyncio.create_task(self._go_on(why), name="livewidget session moving")

    async def _go_on(self, why: Why) -> None:
        try:
            began = self._clock.now_ms()
            await self._part(why)
            while not await self._arrive(why, began):
                pass
        except LiveError as error:
            self._settle_settings(error)
            self._host.ended(error)
        except Exception as fault:
            self.fault(fault)

    def fault(self, fault: Exception) -> None:
        """Never alive but deaf: a fault of our own ends the session and says so."""
        ours = LiveError(f"The session ended for a fault in livewidget itself ({describe_error(fault)}).")
        ours.__cause__ = fault
        self._settle_settings(ours)
        self._host.ended(ours)

    async def _part(self, why: Why) -> None:
        old, self.connection, self._heard = self.connection, None, None
        self.ends_ms = None
        self._host.parted(why)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        # Closed before the next is opened: a service may not resume what it still has open.
        if old is not None:
            await self._close(old)

    async def _arrive(self, why: Why, began: float) -> bool:
        """Open a connection and send all that waits over it; returns whether it lasted as long as that."""
        connection, resumed = await self._dial()
        self._owned.append(connection)
        first = await self._host.arrived(resumed=resumed, why=why, gap_ms=self._clock.now_ms() - began)
        self._listen(connection)
        for event in connection.opening:
            if not isinstance(event, SessionStarted):
                self._host.received(event)
        try:
            for message in first:
                await connection.send(message)
            while (item := self._upstream.due()) is not None:
                await connection.send(item.message)
                item.due = False
                self._host.went(item)
            if self._broke is not None:
                raise self._broke
        except LiveError as error:
            self._count(error)
            await self._part("link")
            await self._close(connection)
            return False
        # Nothing waits between the last item and this: whatever is sent from now on goes out at once.
        self.connection = connection
        self.moves += 1
        self._settle_settings(None)
        return True

    async def _dial(self) -> tuple[Connection, bool]:
        """Return a new connection, and whether the service has resumed the talk in it."""
        while True:
            now = self._clock.now_ms()
            await self._clock.sleep_until(now + self._policy.delay_ms(self._failed))
            try:
                return await self._host.dial(self.handle), self.handle is not None
            except SetupRefused as error:
                if self._settings is not None and self._host.reverted(error):
                    self._settle_settings(error)
                elif self.handle is not None:
                    self.handle = None  # The service has forgotten: go on without its memory.
                else:
                    raise
            except (LinkError, ServerFault, QuotaExceeded) as error:
                if isinstance(error, QuotaExceeded) and error.code != 429:
                    raise
                self._count(error)
                self._faults += isinstance(error, ServerFault)
                if self._faults >= FAULTS:
                    self.handle = None  # It may be the handle that the server stumbles over.

    def _count(self, error: LiveError) -> None:
        """One more connection that was no good."""
        self._failed += 1
        if self._failed >= self._policy.max_attempts:
            times = "once" if self._failed == 1 else f"{self._failed} times"
            raise LinkLost(f"The connection was lost and was tried {times} in vain: {error}") from error

    def _settle_settings(self, error: LiveError | None) -> None:
        settings, self._settings = self._settings, None
        if settings is not None and not settings.done():
            if error is None:
                settings.set_result(None)
            else:
                settings.set_exception(error)
                settings.exception()  # Seen: whoever waited for it may have given up.
