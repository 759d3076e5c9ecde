"""Keeps a session connected: one connection after the other, as if it were one.

A connection ends: the service announces it, its time is up, it breaks, or settings change that only a new one
takes. `TRANSITIONS` says what follows from what. `ConnectionSupervisor` does the work of each state: it waits
for a quiet moment, closes the old connection, dials until there is a new one, and lets the outbox catch up.
"""

from __future__ import annotations

import asyncio
import enum
import random
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from livewidget.clock import Clock
from livewidget.config import Limits
from livewidget.connection import Connection
from livewidget.errors import (
    ConfigError,
    KeyRefused,
    LinkError,
    LinkLost,
    LiveError,
    QuotaExceeded,
    ServerFault,
    ServiceError,
    SetupRefused,
    StateError,
)
from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    Event,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputText,
    SessionStarted,
    ToolCall,
    TurnComplete,
    WaitingForInput,
)
from livewidget.protocol.messages import ClientMessage
from livewidget.secret import hide, reveal
from livewidget.session.memory import ServiceMemory
from livewidget.session.outbox import Outbox
from livewidget.tools import describe_error

#: A quiet moment is looked for from this long before a connection's end, in ms, or in the last quarter of its
#: life if that is shorter. Chosen: most answers end in that time. (The service was seen to say go away 30 to
#: 50 s before.)
LOOK_MS: Final = 45_000.0
#: No quiet moment is waited for in the last part of a connection's life, in ms, or in its last twentieth.
#: Chosen: closing and dialling take less.
LAST_MS: Final = 5_000.0
#: How long changed settings wait for a quiet moment, in ms. Chosen: whoever changed them is waiting.
SETTINGS_MS: Final = 5_000.0
#: Failures of the server in a row after which the handle is dropped. Chosen: two may be chance.
HANDLE_FAILURES: Final = 3
#: The hour over which dials are counted, in ms.
HOUR_MS: Final = 3_600_000.0
#: Longest time between two ticks that counts as silence of the link, in ms. Chosen: far above that between
#: two ticks; after a longer one this computer slept or the loop was blocked, and what came meanwhile is
#: still to be read.
TICK_MS: Final = 1_000.0

#: Longest time in seconds to read what a page has received before its socket was closed. Chosen: it is here
#: already once that is closed.
LINGER_S: Final = 1.0

#: What shows that the service hears the user, as opposed to messages that come by themselves.
_SIGNS_OF_HEARING: Final = (
    ActivityStart,
    ActivityEnd,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputText,
    ToolCall,
    TurnComplete,
    WaitingForInput,
)

#: Events of one message after which others on the loop get their turn. Chosen: more than a message of the
#: service has, and few milliseconds of work.
EVENTS_AT_ONCE: Final = 50


@dataclass(frozen=True, kw_only=True)
class ReconnectPolicy:
    """What a session does about connections that end, and about silence. The defaults suit people.

    docs/reconnection.md says what it is for; its table names a test for each row.

    Attributes:
        enabled: Whether the session continues over a new connection when one ends; else it ends with it.
        max_attempts: Connections in a row that fail, or end before they are good, before the session ends.
        initial_delay_ms: Longest delay before the second attempt; doubled for each further one.
        max_delay_ms: Longest delay of all.
        min_interval_ms: Least time from one dial to the next, whatever came between. Chosen: not noticed by a
            person, and no storm for a server.
        stable_s: Seconds after which a connection is good. One that has answered something the user said is
            good before. Chosen: longer than a server takes to drop what it accepted at first.
        dials_per_hour: Connections dialled within an hour before the session ends; those for changed settings
            do not count. Chosen: a connection usually lasts ten minutes, and a bad network costs a few each
            minute.
        max_wait_s: Longest wait in seconds that a server may ask for (Retry-After); the session ends if it
            asks for more. Chosen: as much of what the user says meanwhile is kept.
        silent_link_s: Seconds without anything from the server, not even the answer to a ping, after which
            the connection counts as broken. Chosen: answers to pings were seen 8 to 30 s late.
        idle_pause_s: Seconds without speech after which no more silence is sent until somebody speaks; None:
            silence is sent as well. Silence is counted and billed as audio.
        answer_timeout_s: Seconds without any answer after which a notice says so.
        random: Returns 0 to 1, by which delays are multiplied: so not all clients come back at once.
    """

    enabled: bool = True
    max_attempts: int = 6
    initial_delay_ms: float = 500.0
    max_delay_ms: float = 8_000.0
    min_interval_ms: float = 500.0
    stable_s: float = 10.0
    dials_per_hour: int = 100
    max_wait_s: float = 60.0
    silent_link_s: float = 40.0
    idle_pause_s: float | None = None
    answer_timeout_s: float = 20.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.idle_pause_s is not None and not _is_number(self.idle_pause_s, 1, 3600):
            raise ConfigError("idle_pause_s is a number of seconds from 1 to 3600, or None for no pause.")
        if not _is_number(self.max_attempts, 1):
            raise ConfigError("max_attempts is the number of connections to try, 1 or more.")
        if not _is_number(self.dials_per_hour, 1):
            raise ConfigError("dials_per_hour is the number of connections to dial in an hour, 1 or more.")
        for name in ("initial_delay_ms", "max_delay_ms", "min_interval_ms", "stable_s", "max_wait_s"):
            if not _is_number(getattr(self, name), 0):
                raise ConfigError(f"{name} is a length of time, 0 or more.")
        for name in ("silent_link_s", "answer_timeout_s"):
            if not _is_number(getattr(self, name), 0) or not getattr(self, name):
                raise ConfigError(f"{name} is a number of seconds above 0.")

    def delay_ms(self, failures: int) -> float:
        """Return how long to wait after this many attempts have failed in a row, in ms."""
        if failures <= 0:
            return 0.0
        return self.random() * min(self.initial_delay_ms * 2.0 ** min(failures - 1, 30), self.max_delay_ms)


def _is_number(value: Any, lowest: float, highest: float = sys.float_info.max) -> bool:
    """Return whether `value` is a number between two others: no text, no bool, not NaN."""
    return type(value) is not bool and isinstance(value, int | float) and lowest <= value <= highest


class LinkState(enum.Enum):
    """Where the session stands with its connections. Changed only by `TRANSITIONS`."""

    NEW = "before the first connection"
    OPEN = "connected"
    LEAVING = "connected, and waiting for a quiet moment to leave"
    DISCONNECTING = "closing the old connection"
    CONNECTING = "dialling, after a delay if an attempt has failed"
    CATCHING_UP = "telling the new connection what it must know, and sending what waited"
    CLOSED = "no connection, and none will be opened"


class Trigger(enum.Enum):
    """What moves a session from one state to another."""

    STARTED = "the first connection is open"
    END_IS_NEAR = "the server said go away, or the connection is almost too old"
    UNPREPARED = "there is no token for the next connection yet, so that this one is kept"
    SETTINGS_CHANGED = "only a new connection takes the new settings"
    QUIET = "nobody speaks, thinks or works, and the service remembers everything"
    OUT_OF_TIME = "a quiet moment did not come in time"
    LINK_BROKE = "the link broke"
    SERVER_FAILED = "the server closed the connection, and another one may do"
    UNHEARD = "the user has spoken for long, and the server has sent nothing"
    DISCONNECTED = "the old connection is closed"
    CONNECTED = "the server has accepted the setup"
    ATTEMPT_FAILED = "there was no connection, and there are attempts left"
    HANDLE_REFUSED = "the server refused the setup with the handle"
    SETTINGS_REFUSED = "the server refused the setup with the new settings"
    CAUGHT_UP = "nothing waits any more"
    GIVEN_UP = "another connection would not help, or too many attempts failed"
    STOPPED = "the session is closed"


#: What ends a session from any state that has a connection or wants one.
_ENDS: Final = {Trigger.GIVEN_UP: LinkState.CLOSED, Trigger.STOPPED: LinkState.CLOSED}
_BREAKS: Final = {
    Trigger.LINK_BROKE: LinkState.DISCONNECTING,
    Trigger.SERVER_FAILED: LinkState.DISCONNECTING,
    Trigger.UNHEARD: LinkState.DISCONNECTING,
}

#: State → trigger → state. A trigger that is absent from a row is ignored there: a connection may break while
#: it is being closed.
TRANSITIONS: Final[Mapping[LinkState, Mapping[Trigger, LinkState]]] = {
    LinkState.NEW: {Trigger.STARTED: LinkState.OPEN, Trigger.STOPPED: LinkState.CLOSED},
    LinkState.OPEN: {
        Trigger.END_IS_NEAR: LinkState.LEAVING,
        Trigger.SETTINGS_CHANGED: LinkState.LEAVING,
        **_BREAKS,
        **_ENDS,
    },
    LinkState.LEAVING: {
        Trigger.QUIET: LinkState.DISCONNECTING,
        Trigger.OUT_OF_TIME: LinkState.DISCONNECTING,
        Trigger.UNPREPARED: LinkState.OPEN,
        **_BREAKS,
        **_ENDS,
    },
    LinkState.DISCONNECTING: {Trigger.DISCONNECTED: LinkState.CONNECTING, **_ENDS},
    LinkState.CONNECTING: {
        Trigger.CONNECTED: LinkState.CATCHING_UP,
        Trigger.ATTEMPT_FAILED: LinkState.CONNECTING,
        Trigger.HANDLE_REFUSED: LinkState.CONNECTING,
        Trigger.SETTINGS_REFUSED: LinkState.CONNECTING,
        **_ENDS,
    },
    LinkState.CATCHING_UP: {
        Trigger.CAUGHT_UP: LinkState.OPEN,
        Trigger.LINK_BROKE: LinkState.DISCONNECTING,
        **_ENDS,
    },
    LinkState.CLOSED: {},
}


def diagram() -> str:
    """Return `TRANSITIONS` as the text of a Mermaid state diagram, for CONTRIBUTING.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {LinkState.NEW.name}"]
    for state, row in TRANSITIONS.items():
        arrows: dict[LinkState, list[str]] = {}
        for trigger, target in row.items():
            arrows.setdefault(target, []).append(trigger.name)
        for target, names in arrows.items():
            lines.append(f"    {state.name} --> {target.name}: {', '.join(names)}")
    return "\n".join(lines) + "\n"


_HELD_UP: Final = (
    "The settings were not changed: a page holds the connection, and what it says waits until the running "
    "cell ends. Change them in a cell of their own."
)
_CLOSED_BEFORE: Final = "The session was closed before its settings were changed."

Why = Literal["go_away", "time", "link", "server", "unheard", "settings"]
"""Why a connection is replaced, as in `ConnectionReplaced`."""


class ConnectionSupervisor:
    """Opens a connection whenever the last one ends, and connects the outbox to it.

    Attributes:
        state: Where the session stands with its connections.
        ends_ms: When the connection is expected to end, by the clock; None while there is none.
        ending: How that is known: "connection", from its usual length, or "go_away", from the server.
        reconnects: How often the session has continued over another connection.
        redials: How many connections were dialled after the first; those that failed count as well.
        unheard_reconnects: How often a connection was replaced because the server did not react to speech.
        last_error: Why the last connection ended, if it did not end by plan.
    """

    def __init__(
        self,
        outbox: Outbox,
        memory: ServiceMemory,
        policy: ReconnectPolicy,
        clock: Clock,
        *,
        limits: Limits,
        dial: Callable[[str | None], Awaitable[Connection]],
        is_quiet: Callable[[bool], bool],
        on_event: Callable[[Event], object],
        on_disconnected: Callable[[Why], object],
        on_settings_rejected: Callable[[], bool],
        on_reconnected: Callable[[bool, Why, float], Awaitable[Sequence[ClientMessage]]],
        on_closed: Callable[[LiveError], object],
        on_unheard: Callable[[], object],
        prepare: Callable[[], Awaitable[object]] | None = None,
        on_unprepared: Callable[[LiveError], object] = bool,
    ) -> None:
        """Supervise no connection yet.

        Args:
            outbox: Sends over each connection.
            memory: Holds the handle by which the next connection resumes the last one.
            policy: How often to try, and how long to wait.
            clock: Measures all times.
            limits: For how long the server may be silent while the user speaks.
            dial: Opens a connection, resumed by the handle that it gets, if that is not None.
            is_quiet: Returns whether now is a moment to replace the connection. It gets whether that is
                urgent: then audio that the service has not noticed does not matter.
            on_event: Called with what the server sends.
            on_disconnected: Called when a connection is given up, with the reason.
            on_settings_rejected: Called when the service refuses changed settings; returns whether there were
                any to take back.
            on_reconnected: Called when a new connection is open: whether it is resumed, why the last one was
                given up, and how many ms ago. Returns what the new one is told first.
            on_closed: Called when there is no connection, and there will be none.
            on_unheard: Called when the user has spoken for `limits.unheard_notice_s` and the server has sent
                nothing; once, until it hears again.
            prepare: Gets what the next connection needs and may not be had, such as a token; called before
                an open connection is left. None: it needs nothing.
            on_unprepared: Called with why it was not to be had; the open connection goes on.
        """
        self.state = LinkState.NEW
        self.ends_ms: float | None = None
        self.ending: Literal["connection", "go_away"] = "connection"
        self.reconnects = self.redials = self.unheard_reconnects = 0
        self.last_error: LiveError | None = None
        self._outbox = outbox
        self._memory = memory
        self._policy = policy
        self._clock = clock
        self._limits = limits
        self._dial = dial
        self._is_quiet = is_quiet
        self._on_event = on_event
        self._on_disconnected = on_disconnected
        self._on_settings_rejected = on_settings_rejected
        self._on_reconnected = on_reconnected
        self._on_closed = on_closed
        self._on_unheard = on_unheard
        self._prepare = prepare
        self._on_unprepared = on_unprepared
        self._preparing: asyncio.Task[None] | None = None
        self._unprepared = 0  # times in a row
        self._planned = (0.0, 0.0)  # `_look_ms` and `_last_ms` without changed settings
        self._connection: Connection | None = None  # until it is closed
        self._reader: asyncio.Task[None] | None = None
        self._readying: asyncio.Task[None] | None = None
        self._reconnecting: asyncio.Task[None] | None = None
        self._look_ms = self._last_ms = self._opened_ms = 0.0
        self._good = False  # The connection has lasted, or has answered what the user said over it.
        self._answered = False  # Any connection has brought an answer.
        self._failures = 0  # connections in a row that were not good
        self._server_failures = 0  # of these, ended by the server with the handle that there is
        self._dialled: deque[float] = deque()  # when, within the last hour, except for changed settings
        self._dialled_ms = float("-inf")  # when last
        self._not_before_ms = float("-inf")  # until when the server asked to wait
        self._deaf = 0  # connections replaced since the server last reacted to the user
        self._unheard_told = False
        self._received: int | None = None  # bytes that had come over the link at the last tick
        self._silent_ms = 0.0  # how long none have come since
        self._ticked_ms = 0.0
        self._why: Why = "link"
        self._left_ms = 0.0
        self._resumed = False
        self._broken: LiveError | None = None  # what ended the connection while the outbox caught up
        self._settings: asyncio.Future[None] | None = None

    def start(self, connection: Connection) -> None:
        """Use the first connection."""
        self._dialled_ms = self._clock.now_ms()
        self._dialled.append(self._dialled_ms)
        self._connection = connection
        self._listen(connection)
        self._outbox.connect(connection.send, partial(self._on_lost, connection))
        self._readying = asyncio.create_task(self._make_ready(connection), name="livewidget ready")
        self._step(Trigger.STARTED)

    async def _make_ready(self, connection: Connection) -> None:
        """Let a page's microphone follow once all that was put in before the connection was open is sent."""
        await self._outbox.drained()
        connection.ready()

    async def stop(self) -> None:
        """Close the connection, and open no other."""
        self._step(Trigger.STOPPED)
        self._outbox.disconnect()
        all_tasks = (self._readying, self._preparing, self._reconnecting, self._reader)
        tasks = [task for task in all_tasks if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._settle_settings(StateError(_CLOSED_BEFORE))
        if self._connection is not None:
            await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether what is put into the outbox is sent at once."""
        return self.state in (LinkState.OPEN, LinkState.LEAVING)

    @property
    def link_ms(self) -> float | None:
        """Round trip of the link, in ms; None if it is not known."""
        return self._connection.round_trip_ms if self._connection is not None and self.is_connected else None

    @property
    def received_ms(self) -> float | None:
        """When the event that is being passed on came, where a page dates it; None: now."""
        return None if self._connection is None else self._connection.received_ms

    @property
    def is_held_up(self) -> bool:
        """Whether what has come waits for a busy kernel, so that silence says nothing about the server."""
        return self._connection is not None and self._connection.is_held_up

    def release(self) -> None:
        """No call of a tool holds the microphone back any more, where a page sends it."""
        if self._connection is not None:
            self._connection.release()

    def played(self, ms: float) -> None:
        """So much of the audio that came was heard, in ms; for an agent, which wants to know."""
        if self._connection is not None:
            self._connection.played(ms)

    def mark_answered(self) -> None:
        """The model has answered. If it was asked over this connection, that is a good one.

        What a server says unasked proves nothing: it may say so over each connection, and drop it.
        """
        if self._outbox.asked:
            self._mark_good()

    def observe(self, event: Event) -> None:
        """The server has sent an event: it is not deaf for now, and if it reacts to the user, not at all."""
        self._outbox.unheard_ms = 0.0
        if isinstance(event, _SIGNS_OF_HEARING):
            self._deaf, self._unheard_told = 0, False

    def _mark_good(self) -> None:
        """Attempts are counted from the beginning."""
        self._good, self._failures, self._server_failures = True, 0, 0

    def go_away(self, time_left_ms: float | None, now_ms: float | None = None) -> None:
        """The server will close the connection in `time_left_ms`; None or less than 0: at once.

        `now_ms`: when it said so, if that is not now.
        """
        now, left = self._clock.now_ms() if now_ms is None else now_ms, max(0.0, time_left_ms or 0.0)
        self.ending, self.ends_ms = "go_away", now + left
        self._last_ms = now + left - min(LAST_MS, left / 4)
        # A server that says so over each new connection is not left in a hurry each time.
        stable_ms = self._opened_ms + self._policy.stable_s * 1000
        self._look_ms = now if self._good else min(max(now, stable_ms), self._last_ms)

    def tick(self) -> None:
        """Let time pass; to be called a few times a second."""
        if not self.is_connected:
            return
        now = self._clock.now_ms()
        if now - self._opened_ms >= self._policy.stable_s * 1000:
            self._mark_good()
        if self._is_deaf() or self._is_dead(now):
            return
        if now >= self._look_ms and self._policy.enabled:
            self._step(Trigger.END_IS_NEAR)
        if self.state is LinkState.LEAVING:
            if now >= self._last_ms:
                self._leave_prepared(Trigger.OUT_OF_TIME)
            elif self._is_quiet(self._is_urgent(now)):
                self._leave_prepared(Trigger.QUIET)

    def tick_held_up(self) -> None:
        """Let time pass in which `is_held_up`: changed settings are not waited for beyond their time."""
        if self._settings is not None and self._clock.now_ms() >= self._last_ms:
            self._keep_connection(StateError(_HELD_UP))

    def _is_urgent(self, now_ms: float) -> bool:
        """Whether this is the last third of the time in which a quiet moment is looked for."""
        return now_ms >= (self._look_ms + 2 * self._last_ms) / 3

    def _is_deaf(self) -> bool:
        """Look whether the server reacts to speech; returns whether the connection is being replaced."""
        unheard_ms = self._outbox.unheard_ms
        if unheard_ms >= self._limits.unheard_notice_s * 1000 and not self._unheard_told:
            self._unheard_told = True
            self._on_unheard()
        # Twice as long each time: what seems to be speech may be noise, which no connection reacts to.
        if unheard_ms < self._limits.unheard_reconnect_s * 1000 * 2.0 ** min(self._deaf, 30):
            return False
        self._outbox.unheard_ms = 0.0  # If it is not replaced, it is not asked about at every tick.
        if not self._policy.enabled:
            return False
        self._deaf += 1
        self.unheard_reconnects += 1
        self._leave(Trigger.UNHEARD)
        return True

    def _is_dead(self, now_ms: float) -> bool:
        """Look whether anything comes over the link; returns whether the connection is being replaced."""
        passed_ms, self._ticked_ms = now_ms - self._ticked_ms, now_ms
        received = self._connection.bytes_received if self._connection is not None else None
        if received is None or received != self._received:
            self._received, self._silent_ms = received, 0.0
            return False
        self._silent_ms += min(passed_ms, TICK_MS)
        if self._silent_ms < self._policy.silent_link_s * 1000 or self._connection is None:
            return False
        text = (
            f"Nothing came from the server for {self._policy.silent_link_s:g} s, not even the answer to a "
            "ping; check the network, then start again."
        )
        self._on_lost(self._connection, LinkLost(text))
        return True

    async def renew(self) -> None:
        """Open a new connection with changed settings, at a quiet moment but soon; return when it is open.

        Raises:
            LiveError: If the service refuses them; the session continues with the old ones.
        """
        while self._reconnecting is not None and not self._reconnecting.done():
            await asyncio.wait([self._reconnecting])
        if self.state is LinkState.CLOSED:
            raise StateError(_CLOSED_BEFORE)
        if self._settings is None:
            self._settings = asyncio.get_running_loop().create_future()
            now = self._clock.now_ms()
            self._planned = self._look_ms, self._last_ms
            self._look_ms, self._last_ms = now, min(self._last_ms, now + SETTINGS_MS)
            self._step(Trigger.SETTINGS_CHANGED)
            if not self.is_held_up and self._is_quiet(False):
                self._leave_prepared(Trigger.QUIET)
        await asyncio.shield(self._settings)

    def fail(self, fault: BaseException) -> None:
        """End the session for a fault in this library, and say so, rather than stay open and deaf."""
        error = LiveError(f"The session ended for a fault in livewidget itself ({describe_error(fault)}).")
        error.__cause__ = fault
        self._give_up(error)

    def _step(self, trigger: Trigger) -> bool:
        """Change the state as `TRANSITIONS` says; returns False if it ignores the trigger."""
        state = TRANSITIONS[self.state].get(trigger)
        if state is not None:
            self.state = state
        return state is not None

    def _listen(self, connection: Connection) -> None:
        now, lasts = self._clock.now_ms(), connection.model.connection_ms
        self._opened_ms, self._good, self._broken = now, False, None
        self._received, self._silent_ms, self._ticked_ms = None, 0.0, now
        ends_ms = now + lasts if lasts else float("inf")
        self.ending, self.ends_ms = "connection", ends_ms if lasts else None
        self._look_ms = ends_ms - min(LOOK_MS, lasts / 4)
        self._last_ms = ends_ms - min(LAST_MS, lasts / 20)
        self._reader = asyncio.create_task(self._read(connection), name="livewidget reader")

    async def _read(self, connection: Connection) -> None:
        try:
            while True:
                for count, event in enumerate(await connection.receive(), 1):
                    self._on_event(event)
                    if count % EVENTS_AT_ONCE == 0:  # One message may hold thousands of calls.
                        await asyncio.sleep(0)
        except Exception as error:
            self._on_lost(connection, error)

    def _on_lost(self, connection: Connection, error: Exception) -> None:
        """A connection has ended, as its reader or the outbox found."""
        if connection is not self._connection:
            return
        if not isinstance(error, LiveError):
            self.fail(error)
        elif self.state is LinkState.CATCHING_UP:
            self._broken = error
            self._outbox.disconnect()
        elif self.is_connected:
            self.last_error = error
            if not self._can_continue(error):
                self._give_up(error)
            elif isinstance(error, LinkError):
                self._leave(Trigger.LINK_BROKE)
            else:
                self._leave(Trigger.SERVER_FAILED)

    def _can_continue(self, error: LiveError) -> bool:
        """Whether another connection may do after one that had been accepted."""
        if not self._policy.enabled or isinstance(error, KeyRefused | QuotaExceeded):
            return False
        if isinstance(error, LinkError) or (isinstance(error, ServerFault) and error.code != 1000):
            return True
        # A close before any answer or announcement may be a refusal of the setup.
        answered = self._answered or (self._connection is not None and self._connection.answered)
        return answered or self._good or self.ending == "go_away"

    def _give_up(self, error: LiveError) -> None:
        if self._step(Trigger.GIVEN_UP):
            self._outbox.disconnect()
            self._settle_settings(error)
            self._on_closed(error)

    def _leave_prepared(self, trigger: Trigger) -> None:
        """Replace the connection once there is what the next one needs, and keep it until then."""
        if self._prepare is None:
            self._leave(trigger)
        elif self._preparing is None or self._preparing.done():
            self._preparing = asyncio.create_task(
                self._prepare_to_leave(self._prepare, trigger), name="livewidget token"
            )

    async def _prepare_to_leave(self, prepare: Callable[[], Awaitable[object]], trigger: Trigger) -> None:
        try:
            await prepare()
        except LiveError as error:
            self._keep_connection(error)
            return
        except Exception as fault:
            self.fail(fault)
            return
        self._unprepared = 0
        urgent = self._is_urgent(self._clock.now_ms())
        if self.state is LinkState.LEAVING and (trigger is Trigger.OUT_OF_TIME or self._is_quiet(urgent)):
            self._leave(trigger)

    def _keep_connection(self, error: LiveError) -> None:
        """Go on over the connection that there is, and try again later."""
        self._unprepared += 1
        if not self._step(Trigger.UNPREPARED):
            return
        now, wait_ms = self._clock.now_ms(), (error.retry_after_s or 0.0) * 1000
        if self._settings is not None:
            self._look_ms, self._last_ms = self._planned
            self._on_settings_rejected()
            self._settle_settings(error)
        else:
            self._on_unprepared(error)
        self._look_ms = max(self._look_ms, now + max(wait_ms, self._policy.delay_ms(self._unprepared)))

    def _leave(self, trigger: Trigger) -> None:
        """Replace the connection, or end the session if too many were not good."""
        if trigger in (Trigger.QUIET, Trigger.OUT_OF_TIME, Trigger.UNHEARD):
            self.last_error = None
        if trigger in (Trigger.LINK_BROKE, Trigger.SERVER_FAILED) or (
            self._settings is None and self.ending == "go_away"
        ):
            self._failures += not self._good
            self._server_failures += not self._good and trigger is Trigger.SERVER_FAILED
            if self._failures >= self._policy.max_attempts:
                self._give_up(self._too_many())
                return
        if not self._step(trigger):
            return
        self._drop_handle_if_at_fault()
        self._outbox.disconnect()
        self._left_ms = self._clock.now_ms()
        if trigger is Trigger.LINK_BROKE:
            self._why = "link"
        elif trigger is Trigger.SERVER_FAILED:
            self._why = "server"
        elif trigger is Trigger.UNHEARD:
            self._why = "unheard"
        elif self._settings is not None:
            self._why = "settings"
        else:
            self._why = "go_away" if self.ending == "go_away" else "time"
        self._reconnecting = asyncio.create_task(self._reconnect(), name="livewidget reconnect")

    def _too_many(self) -> LiveError:
        """Return the error for connections that were accepted and ended at once, again and again."""
        error = self.last_error
        if error is None:
            return ServerFault(
                f"The server announced the end of {self._failures} connections in a row as soon as they were "
                "open; start again in a while."
            )
        if self._failures <= 1:
            return error
        text = f"{self._failures} connections in a row ended soon after they were opened. {error}"
        if isinstance(error, ServiceError):
            return ServerFault(text, code=error.code, reason=error.reason)
        return LinkLost(text)

    def _drop_handle_if_at_fault(self) -> None:
        if self._server_failures >= HANDLE_FAILURES:
            self._memory.handle = None  # It may be the handle over which the server fails.

    async def _reconnect(self) -> None:
        """Do the work of each state until there is a connection again, or none to be had."""
        work = {
            LinkState.DISCONNECTING: self._disconnect,
            LinkState.CONNECTING: self._connect,
            LinkState.CATCHING_UP: self._catch_up,
        }
        try:
            while self.state in work:
                self._step(await work[self.state]())
        except LiveError as error:
            self._give_up(error)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as fault:  # A provider may be the user's own, and raise anything.
            self.fail(fault)

    async def _disconnect(self) -> Trigger:
        self.ends_ms = None
        broken: Why = "server" if isinstance(self._broken, ServiceError) else "link"
        self._on_disconnected(self._why if self._broken is None else broken)
        if self._connection is not None and self._connection.is_from_page and self._reader is not None:
            # What the page passes on until then, it has played already.
            await self._connection.close(is_read=True)
            await asyncio.wait([self._reader], timeout=LINGER_S)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        if self._connection is not None:
            self._answered = self._answered or self._connection.answered
            # Closed before the next is opened: a service may not resume what it still has open.
            await self._connection.close()
            self._connection = None
        return Trigger.DISCONNECTED

    async def _connect(self) -> Trigger:
        now = self._clock.now_ms()
        soonest_ms = max(self._dialled_ms + self._policy.min_interval_ms, self._not_before_ms)
        await self._clock.sleep_until(max(now + self._policy.delay_ms(self._failures), soonest_ms))
        handle = hide(self._memory.handle)
        self._count_dial()
        try:
            self._connection = await self._dial(handle and reveal(handle))
        except SetupRefused as error:
            if self._settings is not None and self._on_settings_rejected():
                self._settle_settings(error)
                return Trigger.SETTINGS_REFUSED
            if handle is None:
                raise
            self._memory.handle = None  # The service has forgotten: continue without its memory.
            return Trigger.HANDLE_REFUSED
        except (LinkError, ServerFault, QuotaExceeded) as error:
            if isinstance(error, QuotaExceeded) and error.code != 429:
                raise
            wait_s = error.retry_after_s or 0.0
            if wait_s > self._policy.max_wait_s:
                raise
            self._not_before_ms = self._clock.now_ms() + wait_s * 1000
            self.last_error = error
            self._count_failure(error)
            self._server_failures += isinstance(error, ServerFault)
            self._drop_handle_if_at_fault()
            return Trigger.ATTEMPT_FAILED
        self._connection.answered = self._answered
        self._resumed = handle is not None
        return Trigger.CONNECTED

    async def _catch_up(self) -> Trigger:
        connection = self._connection
        assert connection is not None
        gap_ms = self._clock.now_ms() - self._left_ms
        first = await self._on_reconnected(self._resumed, self._why, gap_ms)
        self._listen(connection)
        for event in connection.opening:
            if not isinstance(event, SessionStarted):
                self._on_event(event)
        try:
            for message in first:
                await connection.send(message)
            self._outbox.connect(connection.send, partial(self._on_lost, connection))
            await self._outbox.drained()
            if self._broken is not None:
                raise self._broken
            connection.ready()
        except LiveError as error:
            self._broken = self.last_error = error
            self._outbox.disconnect()
            if isinstance(error, KeyRefused | QuotaExceeded):
                raise
            self._failures += 1
            if self._failures >= self._policy.max_attempts:
                raise self._too_many() from error
            self._server_failures += isinstance(error, ServiceError)
            self._drop_handle_if_at_fault()
            return Trigger.LINK_BROKE
        self.reconnects += 1
        self._settle_settings(None)
        return Trigger.CAUGHT_UP

    def _count_dial(self) -> None:
        """One more connection is dialled; raises ServiceError or LinkLost if there were too many."""
        now = self._clock.now_ms()
        if self._settings is None:  # Else the user asked for it.
            while self._dialled and now - self._dialled[0] >= HOUR_MS:
                self._dialled.popleft()
            if len(self._dialled) >= self._policy.dials_per_hour:
                last = f" The last one: {self.last_error}" if self.last_error is not None else ""
                text = (
                    f"{len(self._dialled)} connections were needed within an hour, so no further one is "
                    f"tried; start again in a while.{last}"
                )
                raise ServerFault(text) if isinstance(self.last_error, ServiceError) else LinkLost(text)
            self._dialled.append(now)
        self.redials, self._dialled_ms = self.redials + 1, now

    def _count_failure(self, error: LiveError) -> None:
        """One more connection was not good; raises LinkLost if no attempt is left."""
        self._failures += 1
        if self._failures >= self._policy.max_attempts:
            times = "once" if self._failures == 1 else f"{self._failures} times"
            raise LinkLost(f"The connection was lost and was tried {times} in vain: {error}") from error

    def _settle_settings(self, error: LiveError | None) -> None:
        settings, self._settings = self._settings, None
        if settings is not None and not settings.done():
            if error is None:
                settings.set_result(None)
            else:
                settings.set_exception(error)
                settings.exception()  # Retrieved: whoever waited for it may have given up.
