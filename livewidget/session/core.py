"""The session's life: opening, receiving, ending. `LiveSession` is what people use."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable
from typing import Final

from livewidget import events
from livewidget.clock import Clock
from livewidget.config import LiveConfig
from livewidget.connection import Connection, Provider
from livewidget.errors import LiveError, StateError
from livewidget.events import Event
from livewidget.protocol import ClientMessage, FunctionResponse, ToolResponse
from livewidget.session.endurance import Endurance
from livewidget.session.hold import SOUND_MS, Hold
from livewidget.session.idle import IdlePause
from livewidget.session.levels import Levels
from livewidget.session.moving import Moving, Tools
from livewidget.session.sending import Microphone
from livewidget.session.toolbox import Confirm, Toolbox
from livewidget.session.watch import Watch

#: Milliseconds between two looks at what the passing of time has brought about.
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


class Core(Moving):
    """Opens the line, takes in what comes over it, and ends with all that it started."""

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig | None = None,
        *,
        tools: Tools = (),
        handle: str | None = None,
        history: Iterable[tuple[str, str]] = (),
        confirm: Confirm | bool | None = None,
        endurance: Endurance | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a session; nothing is dialled before `start`.

        Args:
            provider: Whom to talk with.
            config: What it is asked to be.
            tools: Functions that the model may call, MCP sessions, `McpServer`s; or declarations (dicts) that
                `send_tool_result` answers.
            handle: Of an earlier session, to go on with its talk.
            history: What was said before: pairs of "user" or "model" and a text. Told to the model, where it
                does not know it by `handle`.
            confirm: Asked before a tool with `confirm=True` runs: a function, or a coroutine function, of the
                call; True: `ToolAsking` is told, and `allow` answers. None: such a tool does not run.
            endurance: What the session does about connections that end, and about silence.
            clock: Another clock; for tests.

        Raises:
            ToolError: If something cannot be a tool.
            ConfigError: If the model does not treat calls as a tool wants it.
            UsageError: If `history` is none, or the model cannot be told any.
        """
        super().__init__(provider, config, tools, handle, history, confirm, endurance, clock)
        self._phase = Phase.NEW
        self._beat: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._hold = Hold(self._send_users, self._must_hold)
        self._watch = Watch(self._endurance.answer_s * 1000)
        self._microphone = Microphone()
        self._levels = Levels()
        pause_s = self._endurance.idle_pause_s
        self._idle = IdlePause(None if pause_s is None else pause_s * 1000)

    def __repr__(self) -> str:
        return f"<LiveSession with {self.provider.model}, {self._phase.name.lower()}>"

    def _make_toolbox(self, tools: Tools) -> Toolbox:
        return Toolbox(
            tools,
            self._model,
            deliver=self._tool_told,
            tell=self._take,
            freed=self._call_over,
            clock=self._clock,
            confirm=self._confirm,
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
            connection = await self._first_connection()
        except BaseException:
            self._phase = Phase.ENDED
            await self._toolbox.close()
            raise
        if self._phase is not Phase.OPENING:  # Closed meanwhile.
            await self._toolbox.close()
            await connection.close()
            raise StateError("The session was closed while it was being opened.")
        self._phase = Phase.OPEN
        for event in connection.opening:
            self.received(event)
        ignored = self.config.notes(connection.model)
        if ignored:
            self._notice("info", "field-ignored", " ".join(ignored))
        self._line.begin(connection)
        self._beat = asyncio.create_task(self._pass_time(), name="livewidget beat")

    async def _first_connection(self) -> Connection:
        connection = await self.dial(self.handle)
        try:
            for message in () if self.handle is not None else self._told_anew():
                await connection.send(message)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """End the talk; twice is allowed. Returns when everything that was started has ended."""
        self._end(None)
        if self._settling is not None and not self._settling.done():
            # Shielded: who gives up waiting does not leave half of it behind.
            await asyncio.shield(self._settling)

    def ended(self, error: LiveError) -> None:
        """There is no connection, and there will be none."""
        self._end(error)

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
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.wait([self._beat])
        await self._line.stop()
        await self._hold.close()
        await self._toolbox.close()
        await self._line.close()

    def _need_open(self) -> None:
        if self._phase is not Phase.OPEN:
            raise StateError(f"The session {self._phase.value}")

    @property
    def _push_to_talk(self) -> bool:
        return self.config.turn_detection.mode == "push_to_talk"

    async def _send_users(self, message: ClientMessage | str, sound_ms: float, voiced: bool) -> None:
        """Send what comes from the user, who may be told to wait by `Hold`."""
        await self._send(message, sound_ms=sound_ms, voiced=voiced)

    def _must_hold(self) -> bool:
        """Whether the model would take it amiss to be spoken to now: it waits for a tool."""
        return self._model.undisturbed_calls and self.config.hold_while_calling and self._toolbox.blocks

    async def _pass_time(self) -> None:
        try:
            while self._phase is Phase.OPEN:
                await self._clock.sleep_until(self._clock.now_ms() + _BEAT_MS)
                now = self._clock.now_ms()
                self._tell_turns(self._conversation.tick(now))
                self._line.tick()
                if not self._line.is_moving and self._watch.tick(self._conversation.floor, now):
                    self._notice("warning", "no-answer", self._watch.text)
        except Exception as fault:
            self._line.fault(fault)

    # --- What comes -----------------------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """Take in an event of the server's, unless something here makes it void."""
        if self._phase is not Phase.OPEN:
            return
        self._watch.heard(self._clock.now_ms())
        match event:
            case events.ToolCall():
                call = self._toolbox.admit(event)
                if call is not None:
                    self._take(call)
                    self._toolbox.run(call)
                return
            case events.ToolCallCancelled(ids=ids):
                self._toolbox.cancel(ids)
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
        self._conversation.link_ms = self._line.link_ms
        self._take(event)
        if isinstance(event, events.TurnComplete) and event.reason and self._conversation.model_turn is None:
            self._answers.refuse(event.reason)
        self._explain(event)

    def _explain(self, event: Event) -> None:
        """Add a notice to what a person should read about."""
        if isinstance(event, events.GoAway):
            when = "soon" if event.time_left_ms is None else f"in {event.time_left_ms / 1000:.0f} s"
            if self._endurance.hand_over:
                then = "the talk goes on over a new one."
                self._notice("info", "go-away", f"The service will end this connection {when}; {then}")
            else:
                text = f"The service will end this session {when}; start again then."
                self._notice("warning", "go-away", text)
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
        message = ClientMessage(tool_response=ToolResponse(function_responses=[response]))
        try:
            await self._send(message, call=event.id)
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
