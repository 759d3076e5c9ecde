"""The session's inner life: opening, receiving, telling, ending. `LiveSession` is what people use."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Sequence
from typing import Any, Final

from livewidget import events
from livewidget.clock import Clock, SystemClock
from livewidget.config import LiveConfig
from livewidget.connection import Connection, Provider
from livewidget.errors import LiveError, StateError
from livewidget.events import Event
from livewidget.models import find
from livewidget.protocol import ClientMessage, FunctionResponse, ToolResponse
from livewidget.protocol.anatomy import without_secrets
from livewidget.session.answers import Answers
from livewidget.session.hold import SOUND_MS, Hold
from livewidget.session.listeners import Sinks, Streams
from livewidget.session.sending import Microphone
from livewidget.session.toolbox import Confirm, Toolbox
from livewidget.session.totals import Totals
from livewidget.session.wire import Hide, WireLog
from livewidget.tools import failure
from livewidget.turns import Record, Turn, record_for

_log = logging.getLogger("livewidget.session")

#: Milliseconds between two looks at whether a silence has become long enough to end a turn.
_BEAT_MS: Final = 250.0
#: What the model still sends of a turn that was interrupted from here.
_VOID: Final = (
    events.OutputAudio,
    events.OutputTranscript,
    events.OutputText,
    events.OutputMedia,
    events.Thought,
    events.GenerationComplete,
)


class Phase(enum.Enum):
    """How far a session's life is."""

    NEW = "is not open yet; use async with, or await start()."
    OPENING = "is still being opened."
    OPEN = "is open."
    ENDED = "has ended; make a new one."


class Core:
    """Opens a connection, takes in what it says, and ends with all that it started."""

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig | None = None,
        *,
        tools: Sequence[Any] = (),
        handle: str | None = None,
        confirm: Confirm | bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a session; nothing is dialled before `start`.

        Args:
            provider: Whom to talk with.
            config: What it is asked to be.
            tools: Functions that the model may call, MCP sessions, `McpServer`s; or declarations (dicts) that
                `send_tool_result` answers.
            handle: Of an earlier session, to go on with its talk.
            confirm: Asked before a tool with `confirm=True` runs: a function, or a coroutine function, of the
                call; True: `ToolAsking` is told, and `allow` answers. None: such a tool does not run.
            clock: Another clock; for tests.

        Raises:
            ToolError: If something cannot be a tool.
            ConfigError: If the model does not treat calls as a tool wants it.
        """
        self.provider = provider
        self.config = config if config is not None else LiveConfig()
        self.error: LiveError | None = None
        self.handle = handle
        self._clock = clock if clock is not None else SystemClock()
        self.wire = WireLog(self._clock, _hider(provider), self._callbacks_failed)
        self._phase = Phase.NEW
        self._connection: Connection | None = None
        self._pump: asyncio.Task[None] | None = None
        self._beat: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._conversation: Record = record_for(find(provider.model, provider.service))
        self._hold = Hold(self._send_users, self._must_hold)
        self._toolbox = self._make_toolbox(tools, confirm)
        self._microphone = Microphone()
        self._totals = Totals()
        self._answers = Answers()
        self._sinks: Sinks[Event] = Sinks()
        self._turn_sinks: Sinks[Turn] = Sinks()
        self._streams = Streams()
        self._dropping = False
        self._noticed: set[str] = set()

    def __repr__(self) -> str:
        return f"<LiveSession with {self.provider.model}, {self._phase.name.lower()}>"

    def _make_toolbox(self, tools: Sequence[Any], confirm: Confirm | bool | None) -> Toolbox:
        return Toolbox(
            tools,
            find(self.provider.model, self.provider.service),
            deliver=self._tool_told,
            tell=self._take,
            freed=self._call_over,
            clock=self._clock,
            confirm=confirm,
        )

    # --- Life -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the connection and begin to listen.

        Raises:
            UsageError: If the configuration or the tools do not suit the model, or it was started before.
            ServiceError: If the server refuses the session.
            LinkError: If there is no connection to be had.
        """
        if self._phase is Phase.OPEN:
            raise StateError("The session is open already.")
        if self._phase is not Phase.NEW:
            raise StateError(f"The session {self._phase.value}")
        self._phase = Phase.OPENING
        try:
            await self._toolbox.open()
            connection = await Connection.open(
                self.provider, self.config, self._toolbox.declarations, handle=self.handle, tap=self.wire
            )
        except BaseException:
            self._phase = Phase.ENDED
            await self._toolbox.close()
            raise
        if self._phase is not Phase.OPENING:  # Closed meanwhile.
            await self._toolbox.close()
            await connection.close()
            raise StateError("The session was closed while it was being opened.")
        self._connection = connection
        self._phase = Phase.OPEN
        for event in connection.opening:
            self._from_server(event)
        self._pump = asyncio.create_task(self._receive(connection), name="livewidget session")
        if self._conversation.ends_by_silence:
            self._beat = asyncio.create_task(self._wait_for_silence(), name="livewidget silence")

    async def close(self) -> None:
        """End the talk; twice is allowed. Returns when everything that was started has ended."""
        self._end(None)
        if self._settling is not None and not self._settling.done():
            # Shielded: who gives up waiting does not leave half of it behind.
            await asyncio.shield(self._settling)

    def _end(self, error: LiveError | None) -> None:
        """Make the end known at once, and begin to settle what is under way."""
        was_open = self._phase is Phase.OPEN
        self._phase = Phase.ENDED
        if not was_open:
            return
        self.error = error
        self._settling = asyncio.create_task(self._settle(), name="livewidget session closing")
        # First the answers: what the end leaves of a turn is none.
        self._answers.end(error or StateError("The session was closed before the answer was complete."))
        self._take(events.SessionEnded(error=None if error is None else str(error)))
        self._streams.end(error)

    async def _settle(self) -> None:
        tasks = [task for task in (self._pump, self._beat) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._hold.close()
        await self._toolbox.close()
        if self._connection is not None:
            await self._connection.close()

    def _need_open(self) -> Connection:
        if self._phase is not Phase.OPEN or self._connection is None:
            raise StateError(f"The session {self._phase.value}")
        return self._connection

    @property
    def _push_to_talk(self) -> bool:
        return self.config.turn_detection.mode == "push_to_talk"

    async def _send(self, message: ClientMessage | str) -> None:
        connection = self._need_open()
        try:
            await connection.send(message)
        except LiveError as error:
            self._end(error)
            raise

    async def _send_users(self, message: ClientMessage | str, sound_ms: float) -> None:
        """Send what comes from the user, who may be told to wait by `Hold`."""
        await self._send(message)
        if sound_ms:
            self._conversation.sent(sound_ms, self._clock.now_ms())

    def _must_hold(self) -> bool:
        """Whether the model would take it amiss to be spoken to now: it waits for a tool."""
        connection = self._connection
        minds = connection is not None and connection.model.undisturbed_calls
        return minds and self.config.hold_while_calling and self._toolbox.blocks

    # --- What comes -----------------------------------------------------------------------------------------

    async def _receive(self, connection: Connection) -> None:
        try:
            while True:
                for event in await connection.receive():
                    self._from_server(event)
        except LiveError as error:
            self._end(error)
        except Exception as fault:
            # Never alive but deaf: a fault of our own ends the session and says so.
            ours = LiveError(f"The session ended for a fault in livewidget itself ({failure(fault)}).")
            ours.__cause__ = fault
            self._end(ours)

    async def _wait_for_silence(self) -> None:
        """End turns that only silence ends, soon after it has."""
        while self._phase is Phase.OPEN:
            await self._clock.sleep_until(self._clock.now_ms() + _BEAT_MS)
            self._tell_turns(self._conversation.tick(self._clock.now_ms()))

    def _from_server(self, event: Event) -> None:
        """Take in an event of the server's, unless something here makes it void."""
        if self._phase is not Phase.OPEN:
            return
        match event:
            case events.ToolCall():
                call = self._toolbox.admit(event)
                if call is not None:
                    self._take(call)
                    self._toolbox.run(call)
                return
            case events.ToolCallCancelled(ids=ids):
                self._toolbox.cancel(ids)
            case events.ResumptionUpdate(handle=handle, resumable=resumable):
                self.handle = handle if handle and resumable else self.handle
            case events.Usage():
                self._totals.add(event)
            case events.TurnComplete():
                self._totals.turn()
                self._dropping = False
            case events.Interrupted() if self._dropping:
                self._dropping = False  # The answer to our own; it was told when it was sent.
                return
            case events.ActivityStart() | events.ActivityEnd() if self._push_to_talk:
                return  # Told when it was sent.
        if self._dropping and isinstance(event, _VOID):
            return
        self._take(event)
        if isinstance(event, events.TurnComplete) and event.reason and self._conversation.model_turn is None:
            self._answers.refuse(event.reason)
        self._explain(event)

    def _explain(self, event: Event) -> None:
        """Add a notice to what a person should read about."""
        if isinstance(event, events.GoAway):
            when = "soon" if event.time_left_ms is None else f"in {event.time_left_ms / 1000:.0f} s"
            self._notice("warning", "go-away", f"The service will end this session {when}; start again then.")
        elif isinstance(event, events.Malformed):
            self._notice_once(
                "warning", "message-skipped", "A message of the server could not be read and was skipped."
            )

    async def _tool_told(
        self,
        event: events.ToolUpdate | events.ToolResult,
        response: FunctionResponse | None,
        notice: str | None,
    ) -> None:
        """A call gave something: tell it, and send it to the model."""
        if self._phase is not Phase.OPEN:
            return
        self._take(event)
        if notice is not None and isinstance(event, events.ToolResult):
            code = "tool-refused" if event.refused else "tool-failed"
            self._notice("warning" if event.refused else "error", code, notice)
        if response is None:
            return
        try:
            await self._send(ClientMessage(tool_response=ToolResponse(function_responses=[response])))
        except LiveError:
            return  # The session has ended, and has said why.

    def _call_over(self) -> None:
        self._hold.look()
        if self._hold.dropped_ms:
            text = (
                f"A tool took longer than {SOUND_MS / 1000:.0f} s, and this model must not be spoken to "
                "meanwhile: what was said first is lost."
            )
            self._notice_once("warning", "sound-lost", text)

    # --- Telling --------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> list[Turn]:
        """Fold an event into the turns, tell everybody, and return the turns it changed."""
        inferred = self._conversation.infer(event, self._clock.now_ms())
        if inferred is not None:
            self._take(inferred)
        self._conversation.link_ms = None if self._connection is None else self._connection.link_ms
        changed = self._conversation.fold(event, self._clock.now_ms())
        self._answers.hear(changed)
        self._tell_turns(changed)
        raised = self._sinks.tell(event)
        self._streams.put(event)
        self._callbacks_failed(raised)
        return changed

    def _tell_turns(self, changed: Sequence[Turn]) -> None:
        for turn in changed:
            self._callbacks_failed(self._turn_sinks.tell(turn))

    def _callbacks_failed(self, raised: Sequence[Exception]) -> None:
        """Say that callbacks failed, each kind once: one that fails does so with this notice too."""
        for error in raised:
            text = f"A callback failed: {failure(error).rstrip('.')}."
            if text not in self._noticed:
                _log.warning(text, exc_info=error)
            self._notice_once("error", "callback-failed", text)

    def _notice_once(self, level: Any, code: str, text: str) -> None:
        if text not in self._noticed and len(self._noticed) < 100:
            self._noticed.add(text)
            self._notice(level, code, text)

    def _notice(self, level: Any, code: str, text: str) -> None:
        self._take(events.Notice(level=level, code=code, text=text))


def _hider(provider: Provider) -> Hide:
    """Return what takes out of a text what looks like a secret, and what the provider knows for one."""
    redact: Hide = getattr(provider, "redact", str)
    return lambda text: without_secrets(redact(text))
