"""`LiveSession`: one conversation with one model, over as many connections as it takes.

What the user sends comes in by the `send_` and `put_` methods and leaves through the outbox. What the service
sends comes in as events, in `_on_event`. Every event, of either side, is published once, in `_publish`: to
the turns, to what follows them, and then to whoever listens. All of it runs on the loop of the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import math
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from livewidget import events
from livewidget.clock import Clock, SystemClock, check_seconds
from livewidget.config import Limits, LiveConfig
from livewidget.connection import Connection, MicrophoneTerms, PageDialer, Provider
from livewidget.errors import (
    AgentEnded,
    ConfigError,
    LinkLost,
    LiveError,
    ServiceError,
    StateError,
    UsageError,
)
from livewidget.events import Event
from livewidget.pictures import Picture, to_picture
from livewidget.protocol import context_message, encode_client
from livewidget.protocol.codec import page_audio_frame, page_image_frame
from livewidget.protocol.messages import (
    ClientContent,
    ClientMessage,
    Empty,
    RealtimeInput,
)
from livewidget.secret import Secret, hide, reveal
from livewidget.session.audio_input import AUDIO_ENDS, END_MARGIN_MS, SEND_RATE, AudioInput
from livewidget.session.hub import EMPTY_MS, EventHub, answer_timeout, inside, refuse_inside
from livewidget.session.memory import ServiceMemory
from livewidget.session.outbox import (
    AUDIO_MS,
    BACKLOG_MS,
    HELD_AUDIO_MS,
    Kind,
    Outbox,
    OutboxItem,
    image_message,
    require_vision,
    text_message,
)
from livewidget.session.supervisor import ConnectionSupervisor, ReconnectPolicy, Why
from livewidget.session.tool_runner import ApprovalCallback, ToolLoop, ToolRunner
from livewidget.session.usage import Meter, SessionStats, UsageTracker, cost_of
from livewidget.session.wire_log import WireLog
from livewidget.text import capitalized
from livewidget.transports.base import SentByPage, SentImage
from livewidget.turns import Floor, HeardAudio, Turn, Turns, tracker_for

#: Milliseconds between two looks at what the passing of time has brought about. Chosen: a person does not
#: notice a quarter of a second in anything that it decides.
_BEAT_MS: Final = 250.0
#: Silence after which nobody is speaking any more, in ms. Chosen: about that which ends a turn.
_SILENT_MS: Final = 700.0
#: Seconds after which is said what opening a session waits for. Chosen: shorter waits need no words.
_PROGRESS_S: Final = 0.5
#: Least time between two notices of a slow network, in ms. Chosen: it seldom changes sooner.
_SLOW_MS: Final = 30_000.0
#: How often the server may fail over the same question, until it is dropped. Chosen: the third time is
#: not chance.
_STUMBLES: Final = 2
#: What an answer consists of; of a turn that was interrupted from here, it is dropped.
_ANSWER_PARTS: Final = (
    events.OutputAudio,
    events.OutputTranscript,
    events.OutputText,
    events.OutputMedia,
    events.Thought,
    events.GenerationComplete,
)
#: How long the next question of `ask` waits, in ms, for the model to begin with one that nobody waits for any
#: more. Chosen: a model that has not begun by then has lost it.
_ABANDONED_MS: Final = 10_000.0
_IN_TOOL: Final = (
    "ask() waits for an answer, and the model is waiting for this tool: use {say}, or return the text."
)
#: Why a turn is complete that the model has not begun: it wants to hear more first.
_MORE_INPUT: Final = "NEED_MORE_INPUT"
_DISCONNECTED: Final = {
    "link": "The connection broke; the talk goes on as soon as there is a new one.",
    "server": "The service ended the connection{said}; the talk goes on as soon as there is a new one.",
    "unheard": "The service does not react to what you say; the talk goes on over a new connection.",
}

_PAGE_GONE: Final = (
    "The page that heard your last words is gone, so that they could not be sent again; please repeat them."
)
#: How long before its end a token is spoken of, in ms. Chosen: time to finish a sentence and to get another.
TOKEN_NOTICE_MS: Final = 60_000.0
_ONE_SESSION_LEFT: Final = (
    "This token opens one more session, for when this one cannot be resumed; get a new token ready."
)
_NO_SESSION_LEFT: Final = (
    "This token opens no further session: this conversation goes on while it can be resumed, and the next "
    "one needs a new token."
)
_TOKEN_ENDS: Final = (
    "This token ends in {seconds} s, and the conversation with it; get a new token, and start again with it."
)
#: Length of the pieces in which a page's audio is dated, in ms. Chosen: what the page's microphone gives.
_PIECE_MS: Final = 40


Tools = Sequence[Any]
"""Functions, MCP sessions and what else can be offered to a model; see `LiveSession`."""


class Same(enum.Enum):
    """In the place of an argument: leave it as it is."""

    SAME = "as it is"


SAME: Final = Same.SAME


class Phase(enum.Enum):
    """How far a session's life is."""

    NEW = "is not open yet; use async with, or await start()."
    OPENING = "is still being opened."
    OPEN = "is open already."
    ENDED = "has ended; make a new one."


class AnswerWatchdog:
    """Measures how long the server has been silent while it owes an answer; reports it once a question.

    Attributes:
        emptied_ms: When the model's turn ended with nothing, until an answer begins or the user goes on.
    """

    def __init__(self, timeout_ms: float) -> None:
        self.emptied_ms: float | None = None
        self._timeout_ms = timeout_ms
        self._since: float | None = None
        self._reported = False

    def got_nothing(self, floor: Floor, now_ms: float) -> bool:
        """Let time pass; returns whether the last question has got no answer, and will get none."""
        if self.emptied_ms is None:
            return False
        if floor is Floor.LISTENING and now_ms - self.emptied_ms < EMPTY_MS:
            return False
        self.emptied_ms = None
        return floor is Floor.LISTENING

    def reset(self, now_ms: float) -> None:
        """The server has sent something."""
        self._since = now_ms

    def tick(self, floor: Floor, now_ms: float) -> bool:
        """Let time pass; returns whether there is something to report now."""
        if floor is not Floor.THINKING:
            self._since, self._reported = None, False
            return False
        if self._since is None:
            self._since = now_ms
        late = now_ms - self._since >= self._timeout_ms and not self._reported
        self._reported = self._reported or late
        return late


class LiveSession:
    """One conversation with one model: what is said, who may speak, tools; on the loop that opened it.

    Every event goes first into `turns`; what changes there is passed to the callbacks of `on_turn`, then the
    event to those of `subscribe`, in the order of their subscription, then to the streams of `async for`. A
    stream holds 1024 events: a slower reader loses the oldest, which `stats` counts, and delays nobody.

    When a connection ends, the conversation continues over a new one, which `ConnectionReplaced` reports;
    what is sent meanwhile waits. Only if that fails, or the server refuses the session for good,
    `SessionEnded` says why, `error` is set, and it is raised in `ask` and `async for`.

    Attributes:
        provider: Whom it talks with.
        config: What the session is asked to be.
        error: Why it ended, if `close` was not called.
        wire: The last frames both ways, without audio, pictures and secrets.
    """

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
        limits: Limits | None = None,
        tool_loop: ToolLoop | None = None,
        on_progress: Callable[[str], object] | None = None,
        page: PageDialer | None = None,
        reports_playback: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a session; nothing is dialled before `start`.

        Args:
            provider: Whom to talk with.
            config: What it is asked to be.
            tools: Functions that the model may call, MCP sessions, `McpServer`s; or declarations (dicts) that
                `send_tool_result` answers.
            handle: A handle of an earlier session, to continue its conversation.
            history: What was said before: pairs of "user" or "model" and a text. The model is told it, unless
                it knows it by `handle`.
            approve: Decides whether a call of a tool with `require_approval=True` may run: a function or
                coroutine function of the call. True: `ToolApprovalRequested` is published, and the method
                `approve` decides. None: such a tool does not run.
            reconnect: What the session does about connections that end, and about silence.
            limits: Bounds of calls, turns and waiting.
            tool_loop: Returns a running event loop, in another thread, for the coroutine functions among
                `tools`; one that blocks then holds up nothing here. None: they run on the session's own loop,
                as what they share with the rest of a program may require.
            on_progress: Called with a sentence while opening waits for something other than the service, such
                as an MCP server, and with "" when that is over.
            page: Lets a page open the socket to the service, for a provider that is direct. The page sends
                the microphone's audio itself; what it has sent is told by the `record_` methods.
            reports_playback: Whether somebody plays the audio and says how far that is, by
                `playback_progress` and `playback_stopped`. An agent wants to know; without reports, audio
                counts as heard in the time that it takes.
            clock: Another clock; for tests.

        Raises:
            ToolError: If something cannot be a tool.
            ConfigError: If the model does not treat calls as a tool wants it.
            UsageError: If `history` is not a list of pairs, or the model cannot be told any.
        """
        handle = hide(handle)
        self._phase = Phase.NEW  # Before anything fails: a traceback may show the repr.
        if handle is not None and provider.is_agent:
            raise UsageError(f"A conversation with {provider.capabilities.settings_of} cannot be resumed.")
        self.provider = provider
        self.config = config if config is not None else LiveConfig()
        self.error: LiveError | None = None
        self._model = model = provider.capabilities
        policy = reconnect or ReconnectPolicy()
        # An agent's run ends with its connection, and another one would know nothing of the conversation.
        self._policy = policy = replace(policy, enabled=False) if provider.is_agent else policy
        self._limits = limits or Limits()
        self._clock = clock = clock or SystemClock()
        self._approve = approve
        self._on_progress = on_progress
        self._tool_loop = tool_loop
        self._page = page
        self._answerer = "The model"  # as a sentence begins
        if provider.is_agent:
            self._answerer = capitalized(provider.capabilities.settings_of)
        self._end_words = ""  # Why it ended, where that is known.
        self._hub = EventHub(self._answerer)
        self._tracker = tracker_for(model, self._limits.spans_per_turn)
        self._usage = UsageTracker()
        self._memory = ServiceMemory(
            model,
            self._tracker,
            clock,
            history=history,
            handle=handle and reveal(handle),
            redact=provider.redact,
        )
        self.wire = WireLog(clock, self._memory.redact, self._hub.report_failures)
        self._tools = self._new_tool_runner(tools)
        self._outbox = Outbox(is_blocked=self._is_blocked, on_sent=self._on_sent)
        self._supervisor = ConnectionSupervisor(
            self._outbox,
            self._memory,
            policy,
            clock,
            limits=self._limits,
            dial=self._dial,
            is_quiet=self._is_quiet,
            on_event=self._on_event,
            on_disconnected=self._on_disconnected,
            on_settings_rejected=self._on_settings_rejected,
            on_reconnected=self._on_reconnected,
            on_closed=self._end,
            on_unheard=self._on_unheard,
            prepare=provider.fetch_token if provider.fetches_token else None,
            on_unprepared=self._on_unprepared,
        )
        self._audio = AudioInput(policy.idle_pause_s, self._needs_silence, self._end_silence_ms)
        self._watchdog = AnswerWatchdog(policy.answer_timeout_s * 1000)
        self._pid = 0  # The process that has opened it.
        self._question: OutboxItem | None = None  # the last one of `ask`
        self._abandoned_ms: float | None = None  # when its caller gave up, before the answer began
        self._beat: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._next: tuple[LiveConfig, ToolRunner] | None = None  # settings of the next connection
        self._dialled: tuple[LiveConfig, ToolRunner] | None = None  # those of the one that is being opened
        self._dropping = False  # what still comes of a turn that was interrupted from here
        self._stops = 0  # interruptions that an agent has not acknowledged
        # How much was heard, where an agent wants to know, and how much it was told.
        self._heard = HeardAudio(is_reported=reports_playback) if provider.is_agent else None
        self._heard_told_ms = 0.0
        self._called_ms = float("-inf")  # when the model last called a function
        self._speech_ms = float("-inf")  # when somebody was last found to have spoken
        self._behind_ms = 0.0  # how much longer `send_audio` took than what it sent
        self._late_told_ms = 0.0  # audio dropped over a slow connection that a notice has reported
        self._slow_until_ms = float("-inf")  # until when no other notice says so
        self._heard_until_ms = float("-inf")  # when what the model has said so far has been played
        self._dropped_before_ms = 0.0  # audio whose loss a notice has reported
        self._page_lost_told_ms = 0.0  # the same, of audio that went with a page
        self._page_holds = False  # A page holds the microphone back, because of a call.
        self._page_quiet_ms = 0.0  # audio without speech that a page has sent last
        self._page_paused = False  # It sends nothing, because nobody speaks.
        self._token_ends_ms = float("inf")  # by the session's clock

    def __repr__(self) -> str:
        return f"<LiveSession with {self.provider.model}, {self._phase.name.lower()}>"

    def _new_tool_runner(self, tools: Tools) -> ToolRunner:
        return ToolRunner(
            tools,
            self._model,
            on_result=self._on_tool_output,
            publish=self._publish,
            on_call_ended=self._on_call_ended,
            clock=self._clock,
            approve=self._approve,
            approval_length=self._limits.approval_length,
            calls_per_turn=self._limits.calls_per_turn,
            tool_loop=self._tool_loop,
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the connection and begin to listen.

        Raises:
            UsageError: If the configuration or the tools do not suit the model, or it was started before.
            ServiceError: If the server refuses the session.
            LinkError: If there is no connection to be had.
        """
        self._require(Phase.NEW)
        self._phase, self._pid = Phase.OPENING, os.getpid()
        connection: Connection | None = None
        try:
            with self._progress(self._tools.starting):
                await self._tools.open()
            handle = hide(self._memory.handle)
            with self._progress(self.provider.starting):
                connection = await self._dial(handle)
            for message in () if handle is not None else self._history_messages():
                await connection.send(message)
            if self._phase is not Phase.OPENING:
                raise StateError("The session was closed while it was being opened.")
        except BaseException:
            self._phase = Phase.ENDED
            try:
                if connection is not None:
                    await connection.close()
            finally:
                await self._tools.close()
            raise
        self._phase = Phase.OPEN
        if (expires := self.provider.token_expires) is not None:
            self._token_ends_ms = self._clock.now_ms() + (expires - datetime.now(UTC)).total_seconds() * 1000
        for event in connection.opening:
            self._on_event(event)
        ignored = self.config.warnings(connection.model)
        if ignored:
            self._hub.notice("info", "field-ignored", " ".join(ignored))
        self._tell_gaps()
        self._supervisor.start(connection)
        self._beat = asyncio.create_task(self._pass_time(), name="livewidget beat")

    def _tell_gaps(self) -> None:
        """Say what the model is not told of its tools: a sentence or two, since it works all the same."""
        for text in self._tools.gaps[:2]:
            self._hub.notice_once("info", "tool-undescribed", text)

    @contextlib.contextmanager
    def _progress(self, text: str) -> Iterator[None]:
        """Say what is waited for, if it takes long enough to wonder and has a name; take it back then."""
        later = None
        if text and self._on_progress is not None:
            later = asyncio.get_running_loop().call_later(_PROGRESS_S, self._on_progress, text)
        try:
            yield
        finally:
            if later is not None and self._on_progress is not None:
                later.cancel()
                self._on_progress("")

    async def close(self) -> None:
        """End the session; twice is allowed. Returns when everything that it started has ended."""
        self._end(None)
        if self._closing is not None and not self._closing.done():
            # Shielded: a caller that gives up waiting leaves nothing half closed.
            await asyncio.shield(self._closing)

    def _end(self, error: LiveError | None) -> None:
        """Publish the end at once, and begin to stop what is under way."""
        was_open = self._phase is Phase.OPEN
        self._phase = Phase.ENDED
        if not was_open:
            return
        self._closing = asyncio.create_task(self._stop(), name="livewidget session closing")
        # Answers first: what the end leaves of a turn is not an answer.
        self._hub.answers.close(error or StateError("The session was closed before the answer was complete."))
        self._end_words = "" if error is None else str(error)
        if type(error) is AgentEnded:
            self._hub.notice("info", "agent-ended", str(error))
            error = None
        self.error = error
        text, details = (None, "") if error is None else (str(error), error.details)
        self._publish(events.SessionEnded(error=text, details=details))
        self._hub.close(error)

    async def _stop(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.wait([self._beat])
        await self._supervisor.stop()
        await self._outbox.close()
        await self._tools.close()

    def _require(self, *phases: Phase) -> None:
        if self._pid not in (0, os.getpid()):
            raise StateError(
                "This session was opened in another process, and a fork of that cannot use it: open one here."
            )
        if self._phase not in phases:
            if self._phase is Phase.ENDED and self._end_words:
                raise StateError(f"The session has ended: {self._end_words}")
            raise StateError(f"The session {self._phase.value}")

    async def _pass_time(self) -> None:
        try:
            while self._phase is Phase.OPEN:
                await self._clock.sleep_until(self._clock.now_ms() + _BEAT_MS)
                now = self._clock.now_ms()
                self._note_speech(now)
                self._watch_token(now)
                self._tell_heard(now)
                self._watch_page()
                self._release_page()
                if self._supervisor.is_held_up:
                    self._tools.tick(now)
                    self._supervisor.tick_held_up()
                    continue  # Silence says nothing: what has come is still to be read.
                if self._tracker.floor is Floor.TOOL or now < self._heard_until_ms:
                    self._outbox.unheard_ms = 0.0  # It waits for a tool, or for its answer to be played.
                self._hub.publish_turns(self._tracker.tick(now))
                if self._supervisor.is_connected and self._tracker.is_overdue(now):
                    self._usage.end_turn()
                    self._dropping = False
                    stalled = self._tracker.is_amid_answer
                    self._publish(events.TurnComplete(inferred=True), now)
                    if stalled:
                        text = (
                            f"{self._answerer} stopped amid its answer and did not go on; ask for the rest."
                        )
                        self._hub.notice("warning", "answer-cut", text)
                if (
                    self._watchdog.got_nothing(self._tracker.floor, now)
                    and self._hub.answers.question is None
                ):
                    self._hub.notice("warning", "no-answer", self._hub.answers.nothing)
                self._hub.answers.tick(now)
                self._supervisor.tick()
                self._tools.tick(now)
                self._watch_uplink(now)
                floor = self._tracker.floor
                if self._tracker.may_be_thinking and now - self._speech_ms >= _SILENT_MS:
                    floor = Floor.THINKING
                if self._supervisor.is_connected and self._watchdog.tick(floor, now):
                    text = (
                        f"{self._answerer} has not answered for {self._policy.answer_timeout_s:g} s, though "
                        "there is a connection: ask again, or stop and start anew."
                    )
                    if not self.provider.is_agent:
                        text += " A model that may choose to stay silent may have done so."
                    self._hub.notice("warning", "no-answer", text)
        except Exception as fault:
            self._supervisor.fail(fault)

    def _watch_token(self, now_ms: float) -> None:
        """Say so before the one token that there is opens no more sessions, or ends."""
        left = self.provider.token_uses_left
        if left is not None and left <= 1 and self._supervisor.is_connected:
            self._hub.notice_once("info", "token-ends", _ONE_SESSION_LEFT if left else _NO_SESSION_LEFT)
        left_ms = self._token_ends_ms - now_ms
        if left_ms <= TOKEN_NOTICE_MS:
            self._token_ends_ms = float("inf")
            self._hub.notice_once(
                "warning", "token-ends", _TOKEN_ENDS.format(seconds=max(1, round(left_ms / 1000)))
            )

    def _watch_uplink(self, now_ms: float) -> None:
        """Say so where the network takes audio more slowly than it is spoken; again after half a minute."""
        dropped_ms = self._outbox.late_dropped_ms
        text = ""
        if dropped_ms > self._late_told_ms:
            so_far = f", {dropped_ms / 1000:.0f} s so far" if dropped_ms >= 1000 else ""
            text = f"The oldest of it is left out{so_far}."
        elif self._behind_ms > BACKLOG_MS:
            text = f"It is {self._behind_ms / 1000:.0f} s behind."
        if text and now_ms >= self._slow_until_ms:
            self._slow_until_ms = now_ms + _SLOW_MS
            self._late_told_ms = dropped_ms
            text = f"The network takes what you say more slowly than you speak. {text}"
            self._hub.notice("warning", "slow-link", text)

    def _note_speech(self, now_ms: float) -> None:
        """Date the speech since the last call, so that no clock is read for each piece of audio."""
        if self._audio.has_speech:
            self._audio.has_speech, self._speech_ms = False, now_ms

    def _was_spoken_to(self, now_ms: float) -> bool:
        """Return whether there was speech since the last call, where the service reports none of it."""
        before, self._called_ms = self._called_ms, now_ms
        self._note_speech(now_ms)
        # Nor need an agent say what it understood.
        return (self.provider.is_agent or not self.config.input_transcript) and self._speech_ms > before

    def _watch_page(self) -> None:
        """Say so where something was to be sent again, and the page that had it is gone."""
        lost_ms = self._outbox.page_lost_ms
        if lost_ms > self._page_lost_told_ms:
            self._page_lost_told_ms = lost_ms
            self._hub.notice("warning", "sound-lost", _PAGE_GONE)

    def _release_page(self) -> None:
        """Let a page's microphone go on if it waits for a tool, and none blocks the model any more."""
        if self._page_holds and not self._is_blocked():
            self._page_holds = False
            self._supervisor.release()

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._phase is Phase.OPEN

    @property
    def handle(self) -> str | None:
        """Secret with which a new session can continue this conversation, once the server has given one."""
        return self._memory.handle

    @property
    def remembers_all(self) -> bool:
        """Whether a session that is resumed with `handle` knows every turn of this one."""
        spoken = [turn.index for turn in self._tracker.turns if turn.text.strip()]
        return self._memory.handle is not None and (not spoken or self._memory.knows_turn(spoken[-1]))

    @property
    def turns(self) -> Turns:
        """The turns so far, oldest first; a new list each time."""
        return self._tracker.turns

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._tracker.floor

    @property
    def audio_turn(self) -> int | None:
        """Index of the turn to which the `OutputAudio` that is being published belongs."""
        return self._tracker.model_turn

    @property
    def usage(self) -> events.Usage:
        """Token counts of the whole session. The service counts all that is retained again in each turn."""
        return self._usage.usage

    @property
    def context_tokens(self) -> int:
        """What the service retained in the last turn, as it reported it."""
        return self._usage.context_tokens

    @property
    def link_ms(self) -> float | None:
        """Round trip of the link to the server, in ms; None if it is not known (yet)."""
        return self._supervisor.link_ms

    @property
    def time_left_ms(self) -> float | None:
        """How long the connection is expected to last still, in ms; None while there is none."""
        ends_ms = self._supervisor.ends_ms
        return None if ends_ms is None else max(0.0, ends_ms - self._clock.now_ms())

    @property
    def meter(self) -> Meter:
        """What the session has used so far, about what it cost, and how long the connection lasts."""
        return Meter(
            usage=self.usage,
            context_tokens=self.context_tokens,
            context_limit=self._model.context_tokens,
            cost_usd=cost_of(self._model, self.usage),
            time_left_ms=self.time_left_ms,
            time_limit_ms=self._model.connection_ms,
            ending=None if self._supervisor.ends_ms is None else self._supervisor.ending,
            link_ms=self.link_ms,
            paused=self._audio.paused or self._page_paused,
        )

    @property
    def stats(self) -> SessionStats:
        """What was lost, sent again or reconnected so far."""
        return SessionStats(
            redials=self._supervisor.redials,
            reconnects=self._supervisor.reconnects,
            unheard_reconnects=self._supervisor.unheard_reconnects,
            replayed_items=self._outbox.replayed_items,
            dropped_audio_ms=self._outbox.dropped_audio_ms,
            dropped_items=self._outbox.dropped_items,
            dropped_events=self._hub.dropped_events,
            dropped_frames=self.wire.lost,
            unasked_calls=self._tools.unasked_calls,
            refused_calls=self._tools.refused_calls,
        )

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call `callback` with every event, on the loop; returns a function that ends it.

        It must not block. What it raises becomes a `Notice` with the code "callback-failed"; others run.
        """
        return self._hub.subscribe(callback)

    def on_turn(self, callback: Callable[[Turn], object]) -> Callable[[], None]:
        """Call `callback` with every new state of a turn, on the loop; returns a function that ends it."""
        return self._hub.on_turn(callback)

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over the events until the session ends; the first iteration has earlier ones as well.

        Raises:
            LiveError: At the end, if the session did not end by `close`.
        """
        return self._hub.stream()

    def _publish(self, event: Event, now_ms: float | None = None) -> list[Turn]:
        """Put an event into the turns, let everybody know, and return the turns that it changed."""
        now = self._clock.now_ms() if now_ms is None else now_ms
        is_transcript = isinstance(event, events.InputTranscript | events.InterimInputTranscript)
        if is_transcript and (inferred := self._tracker.infer(event, now)) is not None:
            self._publish(inferred, now)
        before, asked = self._tracker.model_turn, self._tracker.has_unanswered_input
        if before is None:
            self._tracker.link_ms = self._supervisor.link_ms
        changed = self._tracker.fold(event, now)
        answering = self._tracker.model_turn not in (None, before)
        emptied = isinstance(event, events.TurnComplete) and asked
        emptied = emptied and not self._tracker.has_unanswered_input
        emptied = emptied and not any(turn.speaker == "model" for turn in changed)
        if emptied or answering:
            self._watchdog.emptied_ms = now if emptied else None
        # More of an answer says nothing new about what the user sent.
        if answering or not isinstance(event, _ANSWER_PARTS):
            self._memory.observe(event)
            self._outbox.observe(event, self._tracker, answering=answering)
            self._tools.observe(event)
        self._hub.answers.observe(event, changed, now, emptied=emptied)
        self._hub.publish(event, changed)
        return changed

    def _on_event(self, event: Event) -> None:
        """Take in what the server sends, unless something here makes it void."""
        if self._phase is not Phase.OPEN:
            return
        now = self._clock.now_ms()
        if (received_ms := self._supervisor.received_ms) is not None:
            now = min(now, received_ms)
        self._watchdog.reset(now)
        self._supervisor.observe(event)
        if isinstance(event, events.Interrupted):
            self._heard_until_ms = now
            if self._heard is not None:
                self._heard.interrupted(now)
                self._tell_heard(now)
        match event:
            case events.ToolCall(remote=True) | events.ToolResult(remote=True):
                followed = self._tools.follow_remote(event, now)
                if followed is None:
                    return
                event = followed
            case events.ToolCall():
                self._page_holds = self.provider.direct
                if self._was_spoken_to(now):
                    self._tools.on_user_input()
                call = self._tools.admit(event)
                if call is not None:
                    if self._tools.is_shown(call.id):
                        self._publish(call, now)
                    with inside(self, partial(self._tools.is_open, call.id), _IN_TOOL):
                        self._tools.run(call)
                return
            case events.ToolCallCancelled(ids=ids):
                event = events.ToolCallCancelled(ids=self._tools.cancel_named(ids))
            case events.OutputAudio(length_ms=length_ms):
                self._heard_until_ms = max(now, self._heard_until_ms) + length_ms
            case events.Usage():
                self._usage.add(event)
            case events.TurnComplete():
                self._usage.end_turn()
                if self._tracker.model_turn is not None:
                    self._supervisor.mark_answered()
                self._dropping = False
            case events.GoAway(time_left_ms=left_ms):
                self._supervisor.go_away(left_ms, now)
            case events.Interrupted() if self._stops:
                # Nothing of the answer follows: the agent's client keeps it back, and so its completion.
                self._stops -= 1
                self._dropping = False
                if self._tracker.owes_completion:
                    self._publish(events.TurnComplete(), now)
                return
            case events.Interrupted() if self._dropping:
                self._dropping = False  # The answer to our own, which was published when it was sent.
                return
            case events.ActivityStart() | events.ActivityEnd() if self._push_to_talk:
                return  # Published when it was sent.
        if self._dropping and isinstance(event, _ANSWER_PARTS):
            return
        wants_more = isinstance(event, events.TurnComplete) and event.reason == _MORE_INPUT
        if wants_more and self._tracker.has_unanswered_input and self._tracker.model_turn is None:
            self._publish(events.WaitingForInput(), now)  # It is the same, said in another way.
        self._publish(event, now)
        if self._heard is not None and isinstance(event, events.OutputAudio):
            index = self._tracker.model_turn
            if index is not None:
                self._heard.add(index, event.samples, now)
        match event:
            case events.TurnComplete(reason=reason) if reason and reason != _MORE_INPUT:
                self._on_ended_abnormally(reason)
            case events.GoAway(time_left_ms=left_ms):
                self._tell_go_away(left_ms)
            case events.Malformed():
                self._hub.notice_once(
                    "warning", "message-skipped", "A message of the server could not be read and was skipped."
                )

    def _tell_go_away(self, left_ms: float | None) -> None:
        when = "soon" if left_ms is None else f"in {left_ms / 1000:.0f} s"
        if self._policy.enabled:
            text = f"The service will end this connection {when}; the talk goes on over a new one."
        else:
            text = f"The service will end this session {when}; start again then."
        self._hub.notice("info" if self._policy.enabled else "warning", "go-away", text)

    def _on_ended_abnormally(self, reason: str) -> None:
        """The service ended the model's turn and said why."""
        words = reason.lower().replace("_", " ")
        turn = next((turn for turn in reversed(self._tracker.turns) if turn.speaker == "model"), None)
        user = next((turn for turn in reversed(self._tracker.turns) if turn.speaker == "user"), None)
        begun = turn is not None and (user is None or turn.index > user.index) and bool(turn.text)
        if begun:
            text = f"{self._answerer} ended its answer early ({words}); ask again, or in another way."
        else:
            text = f"{self._answerer} ended its turn without an answer ({words}); ask in another way."
        self._watchdog.emptied_ms = None
        self._hub.answers.decline(text)
        self._hub.notice("warning", "turn-ended", text)

    async def ask(self, text: str, timeout: float | None = None) -> Turn:  # noqa: ASYNC109
        """Send text, and return the model's answer to it when it is complete.

        Questions asked at the same time are sent one after the other, each once the one before has its
        answer. What is said or typed meanwhile is not waited for.

        Args:
            text: What to ask.
            timeout: Seconds that all of this may take, waiting for earlier questions included; infinity: no
                limit. None: `Limits.ask_s`, which is 30 unless the session was told otherwise.

        Returns:
            The model's turn. It may be `interrupted`, or `declined` where the model chose not to answer.

        Raises:
            AnswerTimeout: If there is no complete answer in time. A question that could not be sent by then
                is not sent any more.
            ServerFault: If the model ends its turn without an answer.
            StateError: If the question is interrupted before its answer begins; or in a tool of this
                session, for whose result the model is waiting.
            LiveError: If the session ends before.
        """
        seconds = self._limits.ask_s if timeout is None else check_seconds(timeout, "timeout")
        self._require(Phase.OPEN)
        refuse_inside(self, "send_text()")
        message = text_message(text, self._model)
        answers, waits_for = self._hub.answers, "the answer to an earlier question"
        try:
            async with asyncio.timeout(None if seconds == math.inf else seconds), answers.lock:
                await self._abandoned_is_over(seconds)
                if answers.ended is not None:
                    raise answers.ended
                self._require(Phase.OPEN)
                owes_result = self._tracker.floor is Floor.THINKING
                asked = self._tracker.has_unanswered_input and not self._user_speaks()
                index = self._publish(events.TextSent(text=text))[-1].index
                earlier = asked or (owes_result and self._tracker.model_turn is None)
                answer, item = answers.expect(index, earlier=int(earlier)), None
                try:
                    item = self._question = self._put("text", message)
                    await self.flushed(item)
                    return await answer
                except asyncio.CancelledError:
                    waits_for = self.waits_for
                    self._abandon(item)
                    raise
                finally:
                    answers.discard(answer)
        except TimeoutError:
            raise answer_timeout(seconds, waits_for) from None

    def _user_speaks(self) -> bool:
        """Whether the user has not finished speaking, as far as is known."""
        now = self._clock.now_ms()
        self._note_speech(now)
        is_over = self._tracker.may_be_thinking and now - self._speech_ms >= _SILENT_MS
        return self._tracker.floor is Floor.USER and not is_over

    @property
    def waits_for(self) -> str:
        """What the question of `ask` that is with the model waits for now, in words."""
        uses = [use for turn in self._tracker.turns[-2:] for use in turn.tools]
        asking = [use.name for use in uses if use.state == "asking"]
        running = [use.name for use in uses if use.state == "running"]
        if asking:
            return f"somebody to allow {asking[0][:64]}"
        if running:
            return f"the tool {running[0][:64]}"
        if not self._supervisor.is_connected:
            return "a new connection"
        if self._supervisor.is_held_up:
            return "what the page has received, which comes when the running cell ends"
        if self._question is not None and self._question.queued:
            return "the question to be sent"
        return "the answer" if self._hub.answers.turn is None else "the end of the answer"

    def _abandon(self, item: OutboxItem | None) -> None:
        """Nobody waits for the answer to a question any more: take it back if it is still here."""
        if self._hub.answers.turn is None:
            self._abandoned_ms = self._clock.now_ms()
        if item is not None and self._outbox.withdraw(item):
            self._abandoned_ms = None
            self._tracker.forget_input()
            text = "A question was not sent: nobody waited for its answer any more."
            self._hub.notice("info", "not-sent", text)

    async def _abandoned_is_over(self, seconds: float) -> None:
        """Wait until the model has begun to answer what nobody waits for any more, or has had its time."""
        if self._abandoned_ms is None:
            return
        left_s = (self._abandoned_ms + _ABANDONED_MS - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, seconds / 2)):
                while self._tracker.has_unanswered_input and self._phase is Phase.OPEN:
                    await self._hub.answers.progress()
        self._abandoned_ms = None

    async def send_text(self, text: str) -> None:
        """Send what the user typed; the model answers, and interrupts itself for it if it can.

        Raises:
            UsageError: If the text is empty or too long, or the model takes none.
        """
        self._require(Phase.OPEN)
        await self.flushed(self.put_text(text))

    async def send_audio(self, pcm: Any, sample_rate: int = 16_000) -> None:
        """Send the user's audio. It goes out in pieces of at most 100 ms, at 16 kHz.

        Args:
            pcm: PCM16 little-endian mono bytes; or an array of integers or floats, shape `(n,)` or
                `(n, channels)`.
            sample_rate: Its rate in Hz. Calls with one rate continue one stream.

        Raises:
            AudioError: If `pcm` or its rate is not valid.
        """
        self._require(Phase.OPEN)
        for item in self._audio.take(pcm, sample_rate):
            self._outbox.put(item)
            before_ms = self._clock.now_ms()
            await self.flushed(item)
            if item.ms:
                late_ms = self._clock.now_ms() - before_ms - item.ms
                self._behind_ms = max(0.0, self._behind_ms + late_ms)

    async def send_image(self, image: Any, mime_type: str | None = None) -> None:
        """Send one picture; the model looks at it when it answers next. A picture alone is not answered.

        It is made a JPEG of at most 768 pixels in a thread: leave what you show as it is until then. The
        service takes one picture a second; this does not slow you down.

        Args:
            image: Whatever `livewidget.pictures.to_picture` takes: a path, an image, an array, a figure, a
                table. What that function returns is sent unchanged.
            mime_type: For bytes that are to be sent unchanged, such as "image/png".

        Raises:
            PictureError: If it cannot be made a picture, or is too large.
            UsageError: If the model takes none.
        """
        self._require(Phase.OPEN)
        require_vision(self._model)  # before anything is drawn or read
        if isinstance(image, Picture):
            picture = image
        elif mime_type is not None and isinstance(image, bytes | bytearray | memoryview):
            picture = Picture(bytes(image), mime_type, 0, 0)
        else:
            picture = await asyncio.to_thread(to_picture, image)
            self._require(Phase.OPEN)
        await self.flushed(self.put_image(picture))

    async def activity_start(self) -> None:
        """Push-to-talk: the user begins to speak.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._require(Phase.OPEN)
        await self.flushed(self.put_activity(True))

    async def activity_end(self) -> None:
        """Push-to-talk: the user has spoken.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._require(Phase.OPEN)
        await self.flushed(self.put_activity(False))

    async def end_audio(self) -> None:
        """Say that the microphone pauses: what came so far is all there is. Does nothing in push-to-talk."""
        if not self._push_to_talk:
            self._require(Phase.OPEN)
            item = self.put_audio_end()
            if item is not None:
                await self.flushed(item)

    def put_text(self, text: str) -> OutboxItem:
        """Like `send_text`, but return at once. So do all `put_` methods, which only queue.

        They may be called as soon as `start` was: what they take before there is a connection waits for it,
        and all of it leaves in the order of these calls. Call them on the session's loop; `flushed` waits for
        what they return.
        """
        self._require(Phase.OPENING, Phase.OPEN)
        message = text_message(text, self._model)
        self._publish(events.TextSent(text=text))
        return self._put("text", message)

    def put_audio(self, pcm: Any, sample_rate: int = 16_000) -> None:
        """Like `send_audio`, but return at once.

        This is for a microphone: of audio that waits for a connection, the last minute is kept, and of audio
        that an open one takes too slowly, the last 3.5 s; `stats` counts what is dropped.
        """
        self._require(Phase.OPENING, Phase.OPEN)
        for item in self._audio.take(pcm, sample_rate):
            item.live = item.kind == "audio"
            self._outbox.put(item)

    def put_image(self, picture: Picture) -> OutboxItem:
        """Like `send_image`, for a picture that is made already, but return at once."""
        self._require(Phase.OPENING, Phase.OPEN)
        require_vision(self._model)
        item = self._put("picture", image_message(picture))
        self._publish(events.ImageSent(mime_type=picture.mime_type, size=len(picture.data)))
        return item

    def put_activity(self, active: bool) -> OutboxItem:
        """Like `activity_start` (True) and `activity_end` (False), but return at once."""
        self._require(Phase.OPENING, Phase.OPEN)
        if not self._push_to_talk:
            raise StateError(
                "Start and end of speech are found automatically; "
                'open the session with turn_detection="push_to_talk".'
            )
        if active:
            item = self._put("mark", ClientMessage(realtime_input=RealtimeInput(activity_start=Empty())))
            self._publish(events.ActivityStart())
            return item
        for item in self._audio.end():
            self._outbox.put(item)
        self._publish(events.ActivityEnd())
        return self._put("mark", ClientMessage(realtime_input=RealtimeInput(activity_end=Empty())))

    def put_audio_end(self) -> OutboxItem | None:
        """Like `end_audio`, but return at once: the last item, or None if there is nothing to say."""
        self._require(Phase.OPENING, Phase.OPEN)
        last = None
        if not self._push_to_talk:
            for item in self._audio.pause():
                last = self._outbox.put(item)
        return last

    def record_audio(self, first: int, samples: int, *, is_speech: bool, at_ms: float) -> None:
        """Note audio that a page has sent itself. So do all `record_` methods: they send nothing.

        They are called on the session's loop, in the order in which the page sent it. After the end of the
        session they do nothing.

        Args:
            first: Its first sample, by the page's count; each number names one sample of one page.
            samples: Its length, in samples at 16 kHz.
            is_speech: Whether somebody may be speaking in it.
            at_ms: When its last sample was sent, by the session's clock.
        """
        if self._phase not in (Phase.OPENING, Phase.OPEN) or samples <= 0:
            return
        ms = samples * 1000 / SEND_RATE
        self._page_quiet_ms = 0.0 if is_speech else self._page_quiet_ms + ms
        self._page_paused = False
        if is_speech:
            self._speech_ms = max(self._speech_ms, at_ms)
        self._outbox.record(OutboxItem("audio", SentByPage(first, samples), ms=ms, is_speech=is_speech))
        # In pieces as a microphone gives them: the server's offsets are looked up among them.
        for end_ms in range(_PIECE_MS, math.ceil(ms) + _PIECE_MS, _PIECE_MS):
            piece_ms = min(float(_PIECE_MS), ms - (end_ms - _PIECE_MS))
            self._tracker.audio_sent(
                piece_ms,
                at_ms - max(0.0, ms - end_ms),
                is_speech=is_speech and not self._push_to_talk,
            )
        self.wire.on_frame(True, page_audio_frame(samples), at_ms)

    def record_activity(self, active: bool, at_ms: float) -> None:
        """Note that a page has sent the start (True) or the end of speech, with push-to-talk."""
        if self._phase not in (Phase.OPENING, Phase.OPEN) or not self._push_to_talk:
            return
        empty = Empty()
        sent = RealtimeInput(activity_start=empty) if active else RealtimeInput(activity_end=empty)
        if not active:
            self._publish(events.ActivityEnd(), at_ms)
        self._record("mark", ClientMessage(realtime_input=sent), at_ms)
        if active:
            self._publish(events.ActivityStart(), at_ms)

    def record_audio_end(self, at_ms: float) -> None:
        """Note that a page has said that the microphone pauses."""
        if self._phase in (Phase.OPENING, Phase.OPEN):
            pause_s = self._policy.idle_pause_s
            self._page_paused = pause_s is not None and self._page_quiet_ms >= pause_s * 1000
            self._record("mark", AUDIO_ENDS, at_ms)

    def record_image(self, mime_type: str, size: int, number: int, at_ms: float) -> None:
        """Note that a page has sent a picture of `size` bytes, under a `number` of its own."""
        if self._phase in (Phase.OPENING, Phase.OPEN):
            self._outbox.record(OutboxItem("picture", SentImage(number, mime_type, size)))
            self.wire.on_frame(True, page_image_frame(mime_type, size), at_ms)
            self._publish(events.ImageSent(mime_type=mime_type, size=size), at_ms)

    def _record(self, kind: Kind, message: ClientMessage, at_ms: float) -> None:
        self._outbox.record(OutboxItem(kind, message))
        self.wire.on_frame(True, encode_client(message), at_ms)

    async def flushed(self, item: OutboxItem) -> None:
        """Return once an item has been sent, or waits for a connection or a tool.

        Raises:
            LiveError: If the session has ended, and not by `close`.
        """
        await self._outbox.flushed(item)
        if self.error is not None:
            raise self.error

    async def send_tool_result(self, id: str, result: Any) -> None:
        """Answer a call of a tool that was declared without a function.

        Raises:
            UsageError: If no such call waits, or the result cannot be sent.
        """
        self._require(Phase.OPEN)
        await self._tools.submit_result(id, result)

    def approve(self, id: str, approved: bool = True) -> bool:
        """Say whether a call that asks (`ToolApprovalRequested`) may run.

        Returns:
            Whether it was waiting for that: a call that is over, or unknown, is not, and nothing happens.
        """
        return self._tools.approve(id, approved)

    async def interrupt(self) -> None:
        """Stop the model's turn. If the service cannot be told, the rest of the turn is dropped here."""
        self._require(Phase.OPEN)
        speaking = self._tracker.model_turn is not None
        working = speaking or self.floor in (Floor.THINKING, Floor.TOOL)
        # A translation has no turn whose end would let its audio through again.
        self._dropping = (self._dropping or speaking) and self._model.completes_turns
        told = working and self._model.text_by_client_content
        if self._heard is not None:  # An agent wants to know although all that it said is here already.
            told = working or self._heard.is_playing
        if told and self.provider.is_agent:
            self._stops, self._dropping = self._stops + 1, True
        if told:
            self._tracker.forget_input()  # Nothing answers it any more.
        self._publish(events.Interrupted())
        if self._heard is not None:
            self._heard.interrupted(self._clock.now_ms())
            self._tell_heard(self._clock.now_ms())
        self._hub.answers.interrupt()
        if told:
            # Any clientContent interrupts; this one asks for nothing.
            message = ClientMessage(client_content=ClientContent(turn_complete=False))
            await self.flushed(self._put("other", message))

    def playback_stopped(self, turn_index: int, sample: int) -> None:
        """Say where playback of a turn stopped: the last sample heard, at 24 kHz. Its text is cut there."""
        now_ms = self._clock.now_ms()
        self._hub.publish_turns(self._tracker.playback_stopped(turn_index, sample, now_ms))
        if self._heard is not None:
            self._heard.stopped(turn_index, sample, now_ms)
            self._tell_heard(now_ms)

    def playback_progress(
        self,
        turn_index: int,
        sample: int,
        *,
        at_ms: float | None = None,
        round_trip_ms: float | None = None,
    ) -> None:
        """Say how far playback of a turn is, a few times a second: the last sample heard, at 24 kHz.

        Its `timing` then says how long it was heard.

        Args:
            turn_index: The turn.
            sample: The last sample heard.
            at_ms: When that was, by the session's clock; now, if nothing is said.
            round_trip_ms: How long a message takes to whoever plays it and back, if that was measured.
        """
        now_ms = self._clock.now_ms() if at_ms is None else at_ms
        self._hub.publish_turns(self._tracker.playback_progress(turn_index, sample, now_ms, round_trip_ms))
        if self._heard is not None:
            self._heard.progress(turn_index, sample, now_ms)
            self._tell_heard(now_ms)

    def _tell_heard(self, now_ms: float) -> None:
        """Tell an agent how much of its audio was heard, if that is more than it knows."""
        heard_ms = 0.0 if self._heard is None else self._heard.heard_ms(now_ms)
        if heard_ms > self._heard_told_ms:
            self._heard_told_ms = heard_ms
            self._supervisor.played(heard_ms)

    def _put(self, kind: Kind, message: ClientMessage, *, call: str | None = None) -> OutboxItem:
        self._require(Phase.OPENING, Phase.OPEN)
        return self._outbox.put(OutboxItem(kind, message, call=call))

    @property
    def _push_to_talk(self) -> bool:
        return self.config.turn_detection.mode == "push_to_talk"

    def _needs_silence(self) -> bool:
        """Return whether silence means something to the model now."""
        if self._policy.idle_pause_s is None:
            return True
        detection = self.config.turn_detection
        return (
            detection.mode == "push_to_talk"
            or detection.turn_coverage == "all_input"
            or self._tracker.floor is not Floor.LISTENING
        )

    def _end_silence_ms(self, config: LiveConfig | None = None) -> float:
        """Return how much silence the model has to hear at the end of audio, in ms."""
        detection = (config or self.config).turn_detection
        if self._model.stream_end_ends_turn or detection.mode == "push_to_talk":
            return 0.0
        silence_ms = detection.silence_ms
        return END_MARGIN_MS + (self._model.silence_ms if silence_ms is None else silence_ms)

    def _on_sent(self, item: OutboxItem) -> None:
        if item.kind == "audio":
            # With push-to-talk, the user says when speech ends.
            is_speech = item.is_speech and not self._push_to_talk
            self._tracker.audio_sent(item.ms, self._clock.now_ms(), is_speech=is_speech)

    def _is_blocked(self) -> bool:
        """Whether the model must not be spoken to now, because it waits for a tool."""
        holds = self._model.undisturbed_calls and self.config.hold_while_calling
        return holds and self._tools.blocks_input

    async def _on_tool_output(
        self, event: events.ToolUpdate | events.ToolResult, frame: str | None, notice: str | None
    ) -> None:
        """A call gave something: publish it, and send it to the model."""
        if self._phase is not Phase.OPEN:
            return
        item = None
        if frame is not None:
            kind: Kind = "result" if isinstance(event, events.ToolResult) else "update"
            try:
                item = self._outbox.put(OutboxItem(kind, frame, call=event.id))
            except StateError as error:  # Only with a link that takes nothing.
                self._outbox.dropped_items += 1
                text = f"A value of the tool {event.name[:64]} was not sent: {error}"
                self._hub.notice_once("warning", "value-dropped", text)
        if self._tools.is_shown(event.id):
            self._publish(event)
        if notice is not None and isinstance(event, events.ToolResult):
            code = "tool-refused" if event.refused else "tool-failed"
            self._hub.notice("warning" if event.refused else "error", code, notice)
        # The result goes out before what waits for the call to be over, and values no faster than the link.
        if item is not None and (item.kind == "update" or self._is_blocked()):
            await self._outbox.flushed(item)

    def _on_call_ended(self) -> None:
        self._outbox.release()
        self._release_page()
        if self._outbox.held_dropped_ms:
            text = (
                f"A tool took longer than {HELD_AUDIO_MS / 1000:.0f} s, and this model must not be spoken to "
                "meanwhile: what was said first is lost."
            )
            self._hub.notice_once("warning", "sound-lost", text)

    async def _dial(self, handle: str | Secret | None) -> Connection:
        """Open a connection, with the service's memory or without."""
        handle = hide(handle)
        self._dialled = self._next
        config, runner = self._dialled or (self.config, self._tools)
        has_history = bool(self._history_messages())
        first = not self._supervisor.reconnects and not self._tracker.turns
        seeds = has_history and (self._model.seeds_history or config.seed_history)
        seeds = handle is None and (seeds or (config.seed_history and first))
        if seeds is not config.seed_history:
            config = replace(config, seed_history=seeds)
        return await Connection.open(
            self.provider,
            config,
            runner.declarations,
            handle=handle,
            tap=self.wire,
            page=self._page,
            terms=self._microphone_terms(config),
        )

    def _microphone_terms(self, config: LiveConfig) -> MicrophoneTerms:
        """Return how a page sends the microphone's audio over a connection with this configuration."""
        pause_s, detection = self._policy.idle_pause_s, config.turn_detection
        return MicrophoneTerms(
            pause_ms=None if pause_s is None else pause_s * 1000,
            end_silence_ms=self._end_silence_ms(config),
            holds_calls=self._model.undisturbed_calls and config.hold_while_calling,
            needs_all=detection.mode == "push_to_talk" or detection.turn_coverage == "all_input",
        )

    def _history_messages(self) -> list[ClientMessage]:
        """Return what a connection that knows nothing is told."""
        closes = self._model.seeds_history or self.config.seed_history
        return self._memory.messages_for(resumed=False, closes=closes)

    def _is_quiet(self, urgent: bool) -> bool:
        """Whether nobody speaks, thinks or works, and the service remembers everything."""
        if self._tracker.floor is not Floor.LISTENING:
            return False
        now = self._clock.now_ms()
        self._note_speech(now)
        if now - self._speech_ms < _SILENT_MS and not urgent:
            return False
        return self._memory.remembers_all()

    def _on_disconnected(self, why: Why) -> None:
        if why in _DISCONNECTED:
            error = self._supervisor.last_error
            said = f' ("{error.reason}")' if isinstance(error, ServiceError) and error.reason else ""
            self._hub.notice("warning", "reconnecting", _DISCONNECTED[why].replace("{said}", said))

    def _on_unheard(self) -> None:
        seconds = self._limits.unheard_notice_s
        what = "the talk moves to another connection" if self._policy.enabled else "start again"
        service = capitalized(self._model.settings_of) if self.provider.is_agent else "The service"
        text = (
            f"{service} has not reacted to about {seconds:g} s of sound from your microphone. "
            f"If that was you and it stays silent, {what}."
        )
        self._hub.notice("warning", "unheard", text)

    def _on_unprepared(self, error: LiveError) -> None:
        text = f"There is no next connection yet: {error} Until then this one goes on."
        self._hub.notice_once("warning", "token-missing", text)

    def _on_settings_rejected(self) -> bool:
        """Go back to the settings of the last connection; returns whether there were others."""
        rejected, self._next = self._next, None
        return rejected is not None

    async def _on_reconnected(self, resumed: bool, why: Why, gap_ms: float) -> list[ClientMessage]:
        """A new connection is open; return what it must be told first."""
        if self._dialled is not None:
            self.config, runner = self._dialled
            self._next = None if self._next is self._dialled else self._next
            if runner is not self._tools:
                await self._tools.adopt(runner)
                self._tell_gaps()
        self._memory.connection_opened(resumed=resumed)
        self._tools.on_turn_over()
        self._usage.end_turn()  # What was reported last is counted with the old connection.
        self._dropping = False
        turn = self._tracker.model_turn
        asked = self._tracker.has_unanswered_input
        self._outbox.server_failures += asked and why == "server"
        if self._outbox.server_failures > _STUMBLES:
            # It may be these very words over which the server fails.
            self._outbox.ack_all()
            self._memory.withhold_questions()
        # A connection that was deaf, or dead, has taken in nothing of what was said last.
        unheard = why == "unheard" or self._outbox.unheard_ms >= self._limits.unheard_notice_s * 1000
        replayed = self._outbox.requeue(asked=asked or unheard)
        self._give_up_calls(resumed)
        self._publish(events.ConnectionReplaced(resumed=resumed, why=why, gap_ms=gap_ms, replayed=replayed))
        if asked and not replayed:
            text = "Your last words could not be sent again over the new connection; please say them again."
            self._hub.notice("warning", "question-lost", text)
            self._hub.answers.reject(LinkLost(text))
        if any(one.index == turn and one.interrupted for one in self._tracker.turns):
            text = "The connection ended amid an answer; ask again for the rest."
            self._hub.notice("warning", "answer-cut", text)
        self._page_holds = self._page_holds or (self.provider.direct and self._is_blocked())
        dropped_ms = self._outbox.offline_dropped_ms
        lost_ms, self._dropped_before_ms = dropped_ms - self._dropped_before_ms, dropped_ms
        if lost_ms:
            text = (
                f"Of what you say, the last {AUDIO_MS / 1000:.0f} s are kept for another connection; "
                f"{max(1, round(lost_ms / 1000))} s were longer ago and are lost: please say them again."
            )
            self._hub.notice("warning", "sound-lost", text)
        if resumed:
            if self._memory.forgets:
                self._hub.notice("info", "forgotten", "The model may have forgotten what was said last.")
            return self._memory.messages_for(resumed=True)
        messages = self._history_messages()
        if self._tracker.turns:
            memory = "was told what was said so far" if messages else "knows nothing of what was said so far"
            text = f"The service could not take up its memory of this talk: a new session {memory}."
            self._hub.notice("info", "not-resumed", text)
        return messages

    def _give_up_calls(self, resumed: bool) -> None:
        """Cancel the calls that the service has forgotten, and say so."""
        uses = {use.id: (turn.index, use) for turn in self._tracker.turns for use in turn.tools}
        known = [id for id, (index, _) in uses.items() if resumed and self._memory.knows_turn(index)]
        given = self._outbox.drop_results(known)
        running = [
            id for id, (_, use) in uses.items() if use.state in ("asking", "running") and id not in known
        ]
        if running:
            self._tools.cancel(running)
            self._publish(events.ToolCallCancelled(ids=tuple(running)))
        for id in (*running, *given):
            name = uses[id][1].name[:64] if id in uses else "a tool"
            text = f"The connection ended while {name} ran, and its result is not waited for any more."
            self._hub.notice("warning", "call-lost", text)

    async def update(
        self,
        config: LiveConfig | None = None,
        *,
        system_instruction: str | Same | None = SAME,
        tools: Tools | Same = SAME,
    ) -> None:
        """Change what the session is asked to be, while it runs.

        Instructions and tools change at once if the model takes that. For everything else the conversation
        continues over a new connection, resumed, at the next quiet moment or after five seconds; this returns
        then.

        Args:
            config: The whole configuration; None: as it is.
            system_instruction: Another instruction, in place of the one in the configuration.
            tools: All the functions that the model may call from now on.

        Raises:
            ConfigError, ToolError: If the model does not take them; nothing has changed then.
            ServiceError: If the service refuses them; the session continues with what was before.
            StateError: If the session is not open, or ends meanwhile.
        """
        self._require(Phase.OPEN)
        pending, runner = self._next or (self.config, self._tools)
        config = pending if config is None else config
        if not isinstance(system_instruction, Same):
            config = replace(config, system_instruction=system_instruction)
        config.check(self._model)
        if not isinstance(tools, Same):
            runner = self._new_tool_runner(tools)
            with self._progress(runner.starting):
                await runner.open()
        if config == self.config and runner is self._tools:
            return
        if self.provider.is_agent:
            await self._update_agent(config, runner)
            return
        before = self.config
        rest = replace(config, system_instruction=before.system_instruction) == before
        # The protocol cannot say that there is no instruction any more.
        cleared = config.system_instruction is None and before.system_instruction is not None
        if self._next is not None or not self._model.context_update or not rest or cleared:
            await self._renew(config, runner)
            return
        message = context_message(
            config,
            self._model,
            instruction=config != self.config,
            declarations=None if runner is self._tools else runner.declarations,
        )
        self.config = config
        if runner is not self._tools:
            await self._tools.adopt(runner)
            self._tell_gaps()
        await self.flushed(self._put("other", message))

    async def _update_agent(self, config: LiveConfig, runner: ToolRunner) -> None:
        """Change the functions of an agent that is running; its settings are those of its start.

        Raises:
            ConfigError: If settings have changed; another connection would be another run.
        """
        agent = capitalized(self._model.settings_of)
        if config != self.config:
            raise ConfigError(
                f"{agent} takes settings when a conversation begins: stop this one, change them, and start "
                "again."
            )
        known = {str(one.get("name")) for one in self._tools.declarations}
        added = [name for one in runner.declarations if (name := str(one.get("name"))) not in known]
        await self._tools.adopt(runner)
        self._tell_gaps()
        if self._model.context_update:
            message = context_message(config, self._model, declarations=runner.declarations)
            await self.flushed(self._put("other", message))
        elif added:
            text = (
                f"{agent} takes no new functions while it runs: {', '.join(added)[:200]} can be called from "
                "the next conversation on."
            )
            self._hub.notice("info", "tool-later", text)

    async def _renew(self, config: LiveConfig, runner: ToolRunner) -> None:
        _, before = self._next or (None, runner)
        self._next = (config, runner)
        if before is not runner and before is not self._tools:
            await before.close()  # Of a change that this one overtakes.
        try:
            await self._supervisor.renew()
        except LiveError:
            if runner is not self._tools:
                await runner.close()
            raise
