"""The session's life: opening, receiving, ending. `LiveSession` is what people use.

Notices when a model that was asked says nothing at all.

`LiveSession`: what a person can do with one talk with one model.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

from livewidget import events
from livewidget.clock import Clock
from livewidget.config import LiveConfig
from livewidget.connection import Connection, Provider
from livewidget.errors import AnswerTimeout, LiveError, StateError
from livewidget.events import Event
from livewidget.pictures import Picture, to_picture
from livewidget.protocol import (
    ClientContent,
    ClientMessage,
    Empty,
    FunctionResponse,
    RealtimeInput,
    ToolResponse,
    audio_message,
)
from livewidget.session.audio_input import (
    BYTES_PER_MS,
    IdlePause,
    Levels,
    Microphone,
    image_message,
    need_sight,
    text_message,
)
from livewidget.session.memory import Moving, Tools
from livewidget.session.outbox import SOUND_MS, Hold
from livewidget.session.supervisor import ReconnectPolicy
from livewidget.session.tool_runner import ApprovalCallback, ToolRunner
from livewidget.session.usage import Meter, cost_of
from livewidget.turns import Floor, Turn


class Watch:
    """Measures how long the server has been silent while it owes an answer; tells it once a question."""

    def __init__(self, patience_ms: float) -> None:
        self._patience_ms = patience_ms
        self._since: float | None = None
        self._told = False

    @property
    def text(self) -> str:
        """What to tell the person."""
        return (
            f"The model has not answered for {self._patience_ms / 1000:g} s, though there is a connection: "
            "ask again, or stop and start anew. A model that may choose to stay silent may have done so."
        )

    def heard(self, now_ms: float) -> None:
        """The server has said something."""
        self._since = now_ms

    def tick(self, floor: Floor, now_ms: float) -> bool:
        """Time has passed; returns whether there is something to tell now."""
        if floor is not Floor.THINKING:
            self._since, self._told = None, False
            return False
        if self._since is None:
            self._since = now_ms
        late = now_ms - self._since >= self._patience_ms and not self._told
        self._told = self._told or late
        return late


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
        approve: ApprovalCallback | bool | None = None,
        reconnect: ReconnectPolicy | None = None,
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
            approve: Decides whether a call of a tool with `require_approval=True` may run: a function or
                coroutine function of the call. True: `ToolApprovalRequested` is published, and the method
                `approve` decides. None: such a tool does not run.
            reconnect: What the session does about connections that end, and about silence.
            clock: Another clock; for tests.

        Raises:
            ToolError: If something cannot be a tool.
            ConfigError: If the model does not treat calls as a tool wants it.
            UsageError: If `history` is none, or the model cannot be told any.
        """
        super().__init__(provider, config, tools, handle, history, approve, reconnect, clock)
        self._phase = Phase.NEW
        self._beat: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._hold = Hold(self._send_users, self._must_hold)
        self._watch = Watch(self._policy.answer_timeout_s * 1000)
        self._microphone = Microphone()
        self._levels = Levels()
        pause_s = self._policy.idle_pause_s
        self._idle = IdlePause(None if pause_s is None else pause_s * 1000)

    def __repr__(self) -> str:
        return f"<LiveSession with {self.provider.model}, {self._phase.name.lower()}>"

    def _make_tool_runner(self, tools: Tools) -> ToolRunner:
        return ToolRunner(
            tools,
            self._model,
            on_result=self._tool_told,
            publish=self._take,
            on_call_ended=self._call_over,
            clock=self._clock,
            approve=self._approve,
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
            await self._tools.open()
            connection = await self._first_connection()
        except BaseException:
            self._phase = Phase.ENDED
            await self._tools.close()
            raise
        if self._phase is not Phase.OPENING:  # Closed meanwhile.
            await self._tools.close()
            await connection.close()
            raise StateError("The session was closed while it was being opened.")
        self._phase = Phase.OPEN
        for event in connection.opening:
            self.received(event)
        ignored = self.config.warnings(connection.model)
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
        await self._tools.close()
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
        return self._model.undisturbed_calls and self.config.hold_while_calling and self._tools.blocks_input

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
                call = self._tools.admit(event)
                if call is not None:
                    self._take(call)
                    self._tools.run(call)
                return
            case events.ToolCallCancelled(ids=ids):
                self._tools.cancel(ids)
            case events.Usage():
                self._usage.add(event)
            case events.TurnComplete():
                self._usage.end_turn()
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
            if self._policy.enabled:
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


_SOUND_ENDS: Final = ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True))


class LiveSession(Core):
    """One talk with one model: what is said, who may speak, tools; on the event loop that opened it.

    Every event goes first into `turns`, whose changes are told to the sinks of `on_turn`; then to the sinks
    of `subscribe`, in the order of their subscription; then to the streams of `async for`. A stream holds
    1024 events: a slower reader loses the oldest, which `dropped_events` counts, and holds nobody up.

    When a connection ends, the talk goes on over a new one, and `ConnectionReplaced` reports it; what is sent
    meanwhile waits. Only where that fails, or the server refuses the session for good, `SessionEnded` says
    why, `error` is set, and whoever waits in `ask` or `async for` gets it raised.

    Attributes:
        provider: Whom it talks with.
        config: What the session is asked to be.
        error: Why it ended, where `close` was not called.
        wire: The last frames both ways, without sound, pictures and secrets.
    """

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # --- What is known --------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._phase is Phase.OPEN

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, oldest first; a new list each time."""
        return self._conversation.turns

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._conversation.floor

    @property
    def usage(self) -> events.Usage:
        """Token counts of the whole session. The service counts all that is retained again in each turn."""
        return self._usage.usage

    @property
    def context_tokens(self) -> int:
        """What the service retained in the last turn, as it reported it."""
        return self._usage.context_tokens

    @property
    def time_left_ms(self) -> float | None:
        """How long the connection is expected to last still, in ms; None while there is none."""
        ends_ms = self._line.ends_ms
        return None if ends_ms is None else max(0.0, ends_ms - self._clock.now_ms())

    @property
    def meter(self) -> Meter:
        """What the talk has used so far, about what it cost, and how long the connection lasts."""
        return Meter(
            usage=self.usage,
            context_tokens=self.context_tokens,
            context_limit=self._model.context_tokens,
            cost_usd=cost_of(self._model, self.usage),
            time_left_ms=self.time_left_ms,
            time_limit_ms=self._model.connection_ms,
            ending=None if self._line.ends_ms is None else self._line.ending,
            link_ms=self.link_ms,
            moves=self._line.moves,
            paused=self._idle.paused,
        )

    @property
    def link_ms(self) -> float | None:
        """Round trip of the link to the server, in ms; None where it is not known (yet)."""
        return self._line.link_ms

    @property
    def audio_turn(self) -> int | None:
        """Index of the turn to which the `OutputAudio` now being told to sinks belongs."""
        return self._conversation.model_turn

    @property
    def dropped_events(self) -> int:
        """Events lost by readers of `async for` that were too slow."""
        return self._streams.dropped

    def subscribe(self, sink: Callable[[Event], object]) -> Callable[[], None]:
        """Call `sink` with every event, on the loop; returns a function that ends it.

        It must not block. What it raises becomes a `Notice` with the code "callback-failed"; others run.
        """
        self._streams.keep_none()
        return self._sinks.add(sink)

    def on_turn(self, sink: Callable[[Turn], object]) -> Callable[[], None]:
        """Call `sink` with every new state of a turn, on the loop; returns a function that ends it."""
        return self._turn_sinks.add(sink)

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over the events until the session ends; the first to do so gets earlier ones as well.

        Raises:
            LiveError: At the end, if the session did not end by `close`.
        """
        return self._streams.open()

    # --- Sending --------------------------------------------------------------------------------------------

    async def ask(self, text: str, timeout: float = 30.0) -> Turn:  # noqa: ASYNC109
        """Send text, and return the model's answer when it is complete.

        Raises:
            AnswerTimeout: If it is not within `timeout` seconds.
            LiveError: If the session ends before.
        """
        self._need_open()
        message = text_message(text, self._model)
        answer = self._answers.expect(self._take(events.TextSent(text=text))[-1].index)
        try:
            await self._hold.send(message)
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise AnswerTimeout(f"The answer was not complete within {timeout:g} s.") from None
        finally:
            self._answers.forget(answer)

    async def send_text(self, text: str) -> None:
        """Send what the user typed; the model answers, and interrupts itself for it where it can.

        Raises:
            UsageError: If the text is empty or too long, or the model takes none.
        """
        self._need_open()
        message = text_message(text, self._model)
        self._take(events.TextSent(text=text))
        await self._hold.send(message)

    async def send_audio(self, pcm: Any, sample_rate: int = 16_000) -> None:
        """Send the user's sound. It goes out in pieces of at most 100 ms, at 16 kHz.

        Args:
            pcm: PCM16 little-endian mono bytes; or an array of integers or floats, shape `(n,)` or
                `(n, channels)`.
            sample_rate: Its rate in Hz. Calls with one rate continue one stream.

        Raises:
            AudioError: If it is no such sound.
        """
        self._need_open()  # before the resampler takes it in
        for piece in self._microphone.pieces(pcm, sample_rate):
            await self._send_sound(piece)

    async def send_image(self, image: Any, mime_type: str | None = None) -> None:
        """Send one picture; the model looks at it when it answers next. A picture alone is not answered.

        It is made a JPEG of at most 768 pixels in a thread meanwhile: leave what you show as it is until
        then. The service takes one picture a second; this does not slow you down.

        Args:
            image: Whatever `livewidget.pictures.to_picture` takes: a path, an image, an array, a figure, a
                table. What that function returns goes out as it is.
            mime_type: For bytes that shall go out as they are, such as "image/png".

        Raises:
            PictureError: If it is no picture, or too large.
            UsageError: If the model takes none.
        """
        picture = await self._picture(image, mime_type)
        await self._hold.send(image_message(picture))
        self._take(events.ImageSent(mime_type=picture.mime_type, size=len(picture.data)))

    async def activity_start(self) -> None:
        """Push-to-talk: the user begins to speak.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._need_push_to_talk()
        await self._hold.send(ClientMessage(realtime_input=RealtimeInput(activity_start=Empty())))
        self._take(events.ActivityStart())

    async def activity_end(self) -> None:
        """Push-to-talk: the user has spoken.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._need_push_to_talk()
        await self._send_rest()
        self._take(events.ActivityEnd())
        await self._hold.send(ClientMessage(realtime_input=RealtimeInput(activity_end=Empty())))

    async def end_audio(self) -> None:
        """Say that the microphone pauses: what was heard so far is all there is. Nothing in push-to-talk."""
        if not self._push_to_talk:
            await self._send_rest()
            if not self._idle.paused:
                await self._hold.send(_SOUND_ENDS)
            self._idle.awake()

    async def send_tool_result(self, id: str, result: Any) -> None:
        """Answer a call of a tool that was declared without a function.

        Raises:
            UsageError: If no such call waits, or the result cannot be sent.
        """
        self._need_open()
        await self._tools.submit_result(id, result)

    def approve(self, id: str, approved: bool = True) -> bool:
        """Say whether a call that asks (`ToolApprovalRequested`) may run.

        Returns:
            Whether it was waiting for that: a call that is over, or unknown, is not, and nothing happens.
        """
        return self._tools.approve(id, approved)

    async def interrupt(self) -> None:
        """Stop the model's turn. Where the service cannot be told, the rest of it is dropped here."""
        self._need_open()
        speaking = self._conversation.model_turn is not None
        working = speaking or self.floor in (Floor.THINKING, Floor.TOOL)
        # A translation has no turn whose end would let its sound through again.
        self._dropping = (self._dropping or speaking) and self._model.completes_turns
        self._take(events.Interrupted())
        if working and self._model.text_by_client_content:
            # Any clientContent interrupts; this one asks for nothing.
            await self._send(ClientMessage(client_content=ClientContent(turn_complete=False)))

    def playback_stopped(self, turn_index: int, sample: int) -> None:
        """Say where playback of a turn stopped: the last sample heard, at 24 kHz. Its text is cut there."""
        self._tell_turns(self._conversation.playback_stopped(turn_index, sample, self._clock.now_ms()))

    def playback_progress(self, turn_index: int, sample: int) -> None:
        """Say how far playback of a turn is, a few times a second: the last sample heard, at 24 kHz.

        Its `timing` then says how long it was heard.
        """
        self._tell_turns(self._conversation.playback_progress(turn_index, sample, self._clock.now_ms()))

    async def _picture(self, image: Any, mime_type: str | None) -> Picture:
        self._need_open()
        need_sight(self._model)  # before anything is drawn or read
        if isinstance(image, Picture):
            return image
        if mime_type is None or not isinstance(image, bytes | bytearray | memoryview):
            return await asyncio.to_thread(to_picture, image)
        return Picture(bytes(image), mime_type, 0, 0)

    def _need_push_to_talk(self) -> None:
        if not self._push_to_talk:
            raise StateError(
                "Start and end of speech are found automatically; "
                'open the session with turn_detection="push_to_talk".'
            )

    async def _send_rest(self) -> None:
        """Send what the resampler held back."""
        self._need_open()
        rest = self._microphone.rest()
        if rest:
            await self._send_sound(rest)

    async def _send_sound(self, piece: bytes) -> None:
        """Send a piece of sound, or keep it back while nobody speaks."""
        voiced, was_paused = self._levels.voiced(piece), self._idle.paused
        ms = len(piece) / BYTES_PER_MS
        for out in self._idle.take(piece, ms, voiced=voiced, busy=self._needs_silence):
            await self._hold.send(audio_message(out), len(out) / BYTES_PER_MS, voiced)
        if self._idle.paused and not was_paused:
            await self._hold.send(_SOUND_ENDS)

    @property
    def _needs_silence(self) -> bool:
        """Whether silence means something to the model now."""
        turns = self.config.turn_detection
        return self._push_to_talk or turns.turn_coverage == "all_input" or self.floor is not Floor.LISTENING
