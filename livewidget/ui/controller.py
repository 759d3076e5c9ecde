"""`Controller`: one conversation of a widget, without Jupyter.

In: messages of pages (`receive`, which the bridge puts in order and `handle` carries out), and the calls of a
program (`start`, `ask`, `show` …). Out: messages to pages through `post`, events and turns through
`dispatch`, the saved transcript through `publish`. The host that carries the messages owns it: `LiveWidget`
in a notebook. Everything but the constructor runs on one event loop, the background loop, unless it says
otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from operator import is_not
from typing import Any, Final, Literal

from livewidget.clock import Clock, SystemClock
from livewidget.config import Limits, LiveConfig
from livewidget.connection import Provider
from livewidget.errors import ConfigError, LiveError, StateError
from livewidget.events import ToolApprovalRequested, ToolCall
from livewidget.models import FEATURES_BY_NAME
from livewidget.pictures import Picture
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.client import SessionSpec
from livewidget.session.hub import answer_timeout
from livewidget.session.tool_runner import ToolLoop
from livewidget.tools import Tool
from livewidget.turns import Turn
from livewidget.ui import messages as m
from livewidget.ui.bridge import (
    AboutSocket,
    AudioOwnerLost,
    Bridge,
    CapturedFrame,
    ServiceSocketsLost,
    UserAudio,
)
from livewidget.ui.direct import ServiceSockets, own_count
from livewidget.ui.images import ImageQueue
from livewidget.ui.inspector import Inspector, UsagePublisher
from livewidget.ui.links import Links
from livewidget.ui.relay import EventRelay
from livewidget.ui.sessions import Sessions
from livewidget.ui.settings import SettingsController
from livewidget.ui.state import BackgroundTasks, WidgetState, WidgetStats
from livewidget.ui.transcript import Publish, Transcript
from livewidget.ui.views import turn_view

#: What has not become less for this long stands still. Chosen: a page reports twelve times in it.
STANDSTILL_MS: Final = 3000.0
#: How often `drained` looks. Chosen: not noticed by a person who waits.
_LOOK_MS: Final = 50.0
#: How often time passes for everything here. Chosen: as often as changes of turns are sent.
TICK_S: Final = 0.05
#: Pieces of what is spoken that are kept until a session that is being started or reopened is there. Chosen:
#: 40 s of the shortest that a page sends, longer than the closing of the session before may take.
EARLY: Final = 1_000
#: A page that was closed may be one that is loaded again: a conversation waits so long for that. Chosen: a
#: notebook is there again within it.
RELOAD_MS: Final = 10_000.0
PAGE_CLOSED: Final = "The page was closed, so the conversation was ended. Press ● to go on."
PAGE_SILENT: Final = (
    "Nothing was heard of the page for {seconds:g} s, so the conversation was ended. Press ● to go on."
)
OLD_SOUND: Final = "Some of what you said reached the kernel too late, and was left out."


async def drained(left: Callable[[], Any], clock: Clock | None = None) -> bool:
    """Wait until nothing is left, or what is left does not become less any more.

    Args:
        left: Returns how much is left, as anything that can be compared, or None for nothing.
        clock: Another clock; for tests.

    Returns:
        Whether nothing is left.
    """
    clock = clock or SystemClock()
    least, progress_ms = left(), clock.now_ms()
    while least is not None:
        now = clock.now_ms()
        if now - progress_ms >= STANDSTILL_MS:
            return False
        await clock.sleep_until(now + _LOOK_MS)
        found = left()
        if found is None or found < least:
            least, progress_ms = found, clock.now_ms()
    return True


@dataclass(slots=True)
class Question:
    """A question of `ask`, and how far it is.

    Attributes:
        text: What is asked.
        seconds: How long its caller waits.
        deadline: Until when, in seconds of `time.monotonic`, which event loops go by.
        waits_for: What it waits for now, in words; read by the caller's thread.
    """

    text: str
    seconds: float
    deadline: float
    waits_for: str = "the answer to an earlier question"


class Controller:
    """One conversation. A change of tools, settings or turn-taking reopens the session within it.

    Attributes:
        state: What pages and programs may look at; from any thread.
        bridge: What goes to the pages and comes from them, in order and once.
        links: The ways to the pages: the host's own, and their sockets.
        transcript: The saved transcript.
        relay: Passes on what sessions report.
        sessions: The sessions, one after the other.
        settings: The explorer's settings.
        images: Pictures on their way to the model.
    """

    def __init__(
        self,
        spec: SessionSpec,
        *,
        post: Callable[[dict[str, Any], list[bytes]], object],
        publish: Publish,
        dispatch: Callable[[Any], object],
        callback_kinds: Collection[type],
        busy: Callable[[], m.Busy],
        tool_loop: ToolLoop | None = None,
        reconnect: ReconnectPolicy | None = None,
        explorer: bool = False,
        kernel: str = "",
        show_details: bool = True,
        offer_socket: Callable[[str, str], m.SocketOffer] | None = None,
        context: Callable[[], Context] = copy_context,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a conversation; nothing is opened yet.

        Args:
            spec: What its sessions are to be.
            post: Sends the content and the buffers of one message to every page, by the host's own way. What
                pages with a socket get goes through `links`.
            publish: Shows the saved transcript, or replaces it.
            dispatch: Calls the user's callbacks with an event or a complete turn.
            callback_kinds: The types that callbacks take; more may be added later.
            busy: Returns what keeps the pages' messages from arriving, or "".
            tool_loop: Returns the event loop for coroutine functions among the tools; see `LiveSession`.
            reconnect: What sessions do about connections that end, and about silence.
            explorer: Whether pages show the explorer from the beginning.
            kernel: The id of the kernel, by which pages ask the notebook server about it.
            show_details: Whether pages are shown the details of errors, such as a traceback; they are logged
                otherwise.
            offer_socket: Returns where a page, by its client id and origin, can open a socket of its own.
            context: Returns the context in which what comes over sockets is carried out.
            clock: Another clock; for tests.
        """
        provider = spec.provider
        self._kernel = kernel
        self._page_s = (spec.limits or Limits()).page_s
        self._clock = clock or SystemClock()
        self._callback_kinds = callback_kinds
        self.state = WidgetState(self._on_state_changed, self._clock)
        self.transcript = Transcript(provider.speaker, publish, _view(provider), self._clock)
        self._offer_socket = offer_socket
        self.links = Links(
            post,
            receive=self._receive,
            repeat=lambda client: self.bridge.repeat(client),
            pages=lambda: self.bridge.front_ends.clients,
            context=context,
            clock=self._clock,
        )
        self.bridge = Bridge(
            self.links.post,
            self.handle,
            state=self._state_fields,
            welcome=self._welcome_fields,
            busy=busy,
            has_socket=self.links.__contains__,
            owner_lease_ms=self._page_s * 1000,
        )
        self.relay = EventRelay(
            self.state,
            self.bridge,
            self.transcript,
            dispatch,
            callback_kinds,
            self._clock,
            show_details=show_details,
        )
        self._tasks = BackgroundTasks(self.relay.notice)
        self._sockets = ServiceSockets(self.bridge, self._clock, self._on_sent_by_page)
        self.sessions = Sessions(
            spec,
            approve=self._approve,
            tool_loop=tool_loop,
            reconnect=reconnect,
            tasks=self._tasks,
            state=self.state,
            relay=self.relay,
            sockets=self._sockets,
        )
        self.settings = SettingsController(self.sessions, self.bridge, self._tasks, is_open=explorer)
        self.images = ImageQueue(self.sessions, self.bridge, self._tasks, self._clock)
        self._inspector = Inspector(self.bridge, remote=not provider.is_local)
        self._usage = UsagePublisher(self.sessions, self.bridge)
        self._suggested: tuple[tuple[Any, ...], tuple[str, ...]] = ((), ())
        self._asking = asyncio.Lock()
        self._question: Question | None = None  # The one that is with the session.
        self._phase: m.Phase = "idle"
        self._stopping = False
        self._ticking: asyncio.Task[Any] | None = None
        self._stale_chunks = 0
        self._silent_samples = 0  # at 24 kHz
        self._starts = 0  # how many calls of `start` are under way
        self._early: deque[tuple[Callable[..., object], tuple[Any, ...], bool]] = deque(maxlen=EARLY)
        self._microphone = "off"
        self._is_pressed = False
        self._closed = False
        self._calls: Callable[[], tuple[m.CallView, ...]] = tuple
        self._on_call_action: Callable[[m.CallAction], object] = lambda message: None
        self._page_closed_ms: float | None = None  # when the page that began the conversation was closed

    @property
    def provider(self) -> Provider:
        """Whom the conversation is with; the model may change."""
        return self.sessions.provider

    @property
    def services(self) -> tuple[str, ...]:
        """Origins of services that the page opens sockets to itself."""
        provider = self.provider
        return (provider.service_origin,) if provider.direct and provider.service_origin else ()

    def receive(self, content: object, buffers: Sequence[bytes]) -> None:
        """Take the content and the buffers of one message of a page, by the host's own way."""
        self._receive(content, buffers, "")

    def _receive(self, content: object, buffers: Sequence[bytes], client: str) -> bool:
        """Take a message, by a socket as JSON text; return whether it is in the name of its page."""
        if self._closed:
            return True
        is_own = self.bridge.receive(content, buffers, self._clock.now_ms(), client)
        if self._ticking is None:
            self._ticking = self._tasks.start(self._tick())
        return is_own

    def handle(
        self,
        message: m.PageMessage
        | UserAudio
        | CapturedFrame
        | AudioOwnerLost
        | ServiceSocketsLost
        | AboutSocket,
    ) -> None:
        """Carry out what a page asks for. The bridge has made sure that this page may."""
        match message:
            case UserAudio(pcm=pcm):
                if self._inspector.listens:
                    self._inspector.listen(pcm, self.sessions.config.turn_detection)
                if not self._is_direct:  # else the page has sent it to the service itself
                    self._put_live(LiveSession.put_audio, pcm)
            case m.PlaybackReport(turn=turn, played_sample=sample, silent_samples=silent):
                self._silent_samples = silent
                self.relay.on_played(
                    self.sessions.current,
                    turn,
                    sample,
                    at_ms=self.bridge.time_of(message.page_ms),
                    round_trip_ms=message.round_trip_ms,
                )
            case CapturedFrame():
                if not self._is_direct:
                    self.images.take_frame(message)
            case m.Start():
                self.start(from_page=True)
            case m.Stop():
                self.stop()
            case m.Text(text=text):
                self._send_text(text, from_page=True)
            case m.Interrupt():
                self.interrupt()
            case m.Activity(active=active):
                if not self._is_direct:
                    self._set_activity(active)
            case m.TurnTaking(mode=mode):
                self._set_turn_taking(mode)
            case m.Approve(id=id, allowed=approved):
                self.approve(id, approved)
            case m.MicrophoneStatus(state=state):
                self._set_microphone(state)
            case m.ServiceReport():
                self._sockets.take(message)
            case ServiceSocketsLost():
                self._sockets.lose()
            case m.CameraStatus(state=state):
                if state != "on":
                    self.images.drop_frame()
            case m.Flushed(turn=turn, sample=sample):
                self.relay.on_flushed(self.sessions.current, turn, sample)
            case m.ExplorerState():
                self.settings.watch(message)
                self._inspector.watch(message)
            case m.Configure(changes=changes):
                self.settings.change(changes)
            case m.Apply():
                self.settings.apply()
            case m.Revert():
                self.settings.revert()
            case AudioOwnerLost(closed=closed, replaced=replaced):
                self._on_audio_owner_lost(closed, replaced)
            case m.CallAction():
                self._on_call_action(message)
            case AboutSocket(client=client, message=m.SocketRequest(origin=origin)):
                self.bridge.send_offer(self._socket_for(client, origin))
            case AboutSocket(client=client, message=m.SocketClosed(proof=proof)):
                self.links.end(client, proof)

    def start(self, *, from_page: bool = False) -> None:
        """Open a session, soon. One that is open or being opened goes on."""
        self.sessions.from_page = self.sessions.from_page or from_page
        if not self._starts:
            self._early.clear()
        self._starts += 1
        self._tasks.start(self._start())

    def stop(self) -> None:
        """End the session, soon. What waits to be shown is forgotten; what is shown from now on is not."""
        self.images.clear()
        self._early.clear()
        self._stopping = True
        self._sockets.await_end()
        self._tasks.start(self.sessions.stop())

    def say(self, text: str) -> None:
        """Send text after the pictures that wait; start the session if need be."""
        if text.strip() and not self.images.show_text(text):
            self._send_text(text, from_page=False)

    def show(self, picture: Picture, text: str) -> None:
        """Send a picture for which the queue keeps a place, and text; start the session if need be."""
        self.images.show(picture, text)
        self._tasks.start(self._open_and_show())

    def interrupt(self) -> None:
        """Silence the model."""
        self._tasks.start(self._interrupt())

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change keywords of the configuration, soon; an open session is reopened for it."""
        self._tasks.start(self.settings.configure(changes))

    def add_tool(self, tool: Tool) -> None:
        """Offer another function, soon; one of the same name is replaced. An open session is reopened."""
        known = self.sessions.wanted.tools
        others = [other for other in known if getattr(other, "name", None) != tool.name]
        self.sessions.want(tools=[*others, tool])
        self._tasks.start(self.sessions.reopen())

    def show_calls(
        self, calls: Callable[[], tuple[m.CallView, ...]], act: Callable[[m.CallAction], object]
    ) -> None:
        """Show phone calls on the pages; to be called again whenever one of them has changed.

        Args:
            calls: Returns those that are on.
            act: Called with what a page wants done with one.
        """
        self._calls, self._on_call_action = calls, act
        self.bridge.send_state()

    def approve(self, id: str, approved: bool) -> None:
        """Say whether a call may run. For one that does not wait for that, nothing happens."""
        if self.sessions.current is not None:
            self.sessions.current.approve(id, approved)

    async def ask(self, question: Question) -> Turn:
        """Send a question, and return the answer as it is numbered here.

        Raises:
            AnswerTimeout: If there is no complete answer by its deadline.
            LiveError: If the conversation cannot be started, or ends.
        """
        try:
            async with asyncio.timeout_at(question.deadline) as limit, self._asking:
                return await self._ask(question)
        except TimeoutError:
            if not limit.expired():
                raise
            raise answer_timeout(question.seconds, question.waits_for) from None

    async def _ask(self, question: Question) -> Turn:
        question.waits_for = self.provider.opening
        await self.sessions.open()
        stops = self.sessions.stops
        question.waits_for = "pictures to be sent"
        await self.images.emptied()
        if self.sessions.stops != stops:
            raise StateError("The talk was ended before this could be asked.")
        # Who asks in a loop interrupts nobody: what is left of an answer that is complete is played first.
        question.waits_for = "the answer before to be played"
        await drained(lambda: self.relay.unplayed)
        question.waits_for = self.provider.opening
        session = await self.sessions.open()
        # A little longer than there is, so that it is this deadline that ends the wait.
        left_s = max(0.0, question.deadline - asyncio.get_running_loop().time()) + 1.0
        self._question, question.waits_for = question, session.waits_for
        try:
            turn = await session.ask(question.text, left_s)
        finally:
            self._question = None
        return replace(turn, index=turn.index + self.state.offset)

    def stats(self, dropped_callbacks: int) -> WidgetStats:
        """Return what was left out so far; from any thread."""
        owner, session = self.bridge.front_ends.owner, self.sessions.current
        return WidgetStats(
            unreadable_messages=self.bridge.unreadable,
            repeated_messages=sum(front_end.control.repeated for front_end in self.bridge.front_ends),
            stale_chunks=owner.microphone.stale if owner else 0,
            lost_chunks=owner.microphone.lost if owner else 0,
            dropped_callbacks=dropped_callbacks,
            session=session.stats if session else None,
            unplayed_audio_ms=self.bridge.speaker.dropped_ms,
            playback_gaps_ms=self._silent_samples / 24.0,
        )

    @property
    def is_closed(self) -> bool:
        """Whether `close` is done."""
        return self._closed

    async def close(self) -> None:
        """End everything that belongs to this conversation."""
        await self.sessions.close()
        await self.links.close()
        self._closed = True
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    def _send_text(self, text: str, *, from_page: bool) -> None:
        if not text.strip():
            return
        sessions = self.sessions
        sessions.from_page = sessions.from_page or (from_page and self.state.still.is_set())
        if sessions.current is not None and sessions.is_current:
            self._put(sessions.current.put_text, text)
        else:
            self._tasks.start(self._open_and_send(text))

    def _put(self, put: Callable[..., object], *args: Any) -> None:
        """Hand something to the session. What cannot be sent is reported, and holds up nothing else."""
        try:
            put(*args)
        except LiveError as error:
            self._tasks.report(error)

    def _set_turn_taking(self, mode: m.TurnTakingMode) -> None:
        config = self.sessions.config
        config = replace(config, turn_detection=replace(config.turn_detection, mode=mode))
        try:
            config.check(self.provider.capabilities)
        except ConfigError as error:
            self._tasks.report(error)
            return
        self.sessions.want(config=config)
        self._tasks.start(self.sessions.reopen())

    @property
    def _is_direct(self) -> bool:
        """Whether the page sends microphone and pictures to the service itself."""
        return self.provider.direct

    def _on_sent_by_page(self, item: m.ServiceItem) -> None:
        match item:
            case m.ServiceActivity(active=active):
                self._is_pressed = active
            case m.ServiceImage(number=number):
                self.images.on_sent_by_page(item, own_count(number))

    def _set_microphone(self, state: str, *, is_lost: bool = False) -> None:
        was_on, self._microphone = self._microphone == "on", state
        # A page that holds the socket has said so there, unless it is gone.
        if was_on and state != "on" and (is_lost or not self._is_direct):
            self._put_live(LiveSession.put_audio_end)

    def _set_activity(self, active: bool) -> None:
        """Tell the session that push-to-talk was pressed, or that this press is over."""
        if active or self._is_pressed:
            self._is_pressed = active
            self._put_live(LiveSession.put_activity, active)

    def _socket_for(self, client: str, origin: str) -> m.SocketOffer:
        if self._offer_socket is not None:
            return self._offer_socket(client, origin)
        return no_socket(client, "unavailable")

    def _on_audio_owner_lost(self, closed: bool, replaced: bool) -> None:
        """End what was started from a page that is gone; one that was closed may be there again at once.

        With another page in its place the conversation goes on there.
        """
        self._set_activity(False)
        self._set_microphone("off", is_lost=True)
        if replaced:
            return
        if closed:
            self._page_closed_ms = self._clock.now_ms()
        else:
            self._end_without_page(PAGE_SILENT.format(seconds=self._page_s))

    def _end_without_page(self, text: str) -> None:
        if self.sessions.from_page and not self.state.still.is_set():
            self.images.clear()
            self._stopping = True
            reason = m.NoticeView(level="info", code="page-gone", text=text)
            self._tasks.start(self.sessions.stop(reason))

    def _watch_closed_page(self, now_ms: float) -> None:
        if self._page_closed_ms is None:
            return
        if self.bridge.front_ends.audio_owner:
            self._page_closed_ms = None
        elif now_ms - self._page_closed_ms >= RELOAD_MS:
            self._page_closed_ms = None
            self._end_without_page(PAGE_CLOSED)

    async def _start(self) -> None:
        try:
            await self.sessions.open()
        except BaseException:
            self._early.clear()
            raise
        finally:
            self._starts -= 1

    def _put_live(self, put: Callable[..., object], *args: Any) -> None:
        """Hand what is spoken to the session; keep it until there is one that takes it."""
        if self.sessions.current is not None or self._starts:
            is_press = put is LiveSession.put_activity and args == (True,)
            self._early.append((put, args, is_press))
            self._put_early()

    def _put_early(self) -> None:
        """Hand over what was kept; from the press of a button on not before the session waits for one."""
        session = self.sessions.current
        while session is not None and self._early:
            put, args, is_press = self._early[0]
            if is_press and self._will_take_presses:
                break
            self._early.popleft()
            self._put(put, session, *args)

    @property
    def _will_take_presses(self) -> bool:
        """Whether the session that is open finds speech itself, and is being reopened for push-to-talk."""
        now, soon = self.sessions.in_effect.config, self.sessions.config
        return now.turn_detection.mode != soon.turn_detection.mode == "push_to_talk"

    async def _open_and_send(self, text: str) -> None:
        session = await self.sessions.open()
        session.put_text(text)

    async def _open_and_show(self) -> None:
        try:
            await self.sessions.open()
        except BaseException:
            self.images.clear()
            raise
        self.images.pump()

    async def _approve(self, call: ToolCall) -> bool | None:
        """Wait for `approve`, if there is a page that could ask, or a callback that could answer."""
        callbacks = (kind for kind in self._callback_kinds if issubclass(ToolApprovalRequested, kind))
        if not self.bridge.has_page and not any(callbacks):
            return None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        return await answer

    async def _interrupt(self) -> None:
        if self.sessions.current is not None:
            await self.sessions.current.interrupt()
            self.relay.stop_playback()

    def _welcome_fields(self) -> dict[str, Any]:
        """Return what a page needs to show everything from the beginning, beside the state."""
        self._usage.forget()
        return {
            "name": self.provider.label,
            "speaker": self.provider.speaker,
            "explorer": self.settings.is_open,
            "turns": tuple(turn_view(turn) for turn in self.state.turns),
            "notices": tuple(self.state.notices.values()),
            "transcript_class": self.transcript.css_class,
            "kernel": self._kernel,
        }

    def _state_fields(self) -> dict[str, Any]:
        """Return the fields of `State` except its owner."""
        provider, config = self.provider, self.sessions.config
        model = provider.capabilities
        return {
            "phase": self.state.phase,
            "ending": self.state.ending,
            "floor": self.state.floor,
            "turn_taking": config.turn_detection.mode,
            "view": _view(provider),
            "sees": model.video,
            "reads": model.text != "none",
            "push_to_talk": FEATURES_BY_NAME["turn_detection.mode"].supported_by(model),
            "model": provider.model,
            "badge": provider.badge_in("kernel" if self._kernel else "program"),
            "direct": provider.direct,
            "suggestions": self._suggestions(),
            "elapsed_ms": self.state.elapsed_ms,
            "calls": self._calls(),
        }

    def _suggestions(self) -> tuple[str, ...]:
        """Return what may be said to begin with; it is found again only where it may have changed."""
        wanted = self.sessions.wanted
        by = (wanted.provider, wanted.config, *wanted.tools)
        before, suggested = self._suggested
        if len(before) != len(by) or any(map(is_not, before, by)):
            suggested = _suggestions(wanted.provider, wanted.config, wanted.tools)
            self._suggested = by, suggested
        return suggested

    def _on_state_changed(self) -> None:
        if self.state.phase == "ended" != self._phase:
            if not self._stopping:
                self.images.clear()
            if not self._starts:
                self._early.clear()
            self._stopping = False
        self._phase = self.state.phase
        self.bridge.send_state()
        if self._ticking is None and not self._closed:
            self._ticking = self._tasks.start(self._tick())

    async def _tick(self) -> None:
        try:
            while len(self.bridge.front_ends) or not self.state.still.is_set():
                now = self._clock.now_ms()
                self.bridge.tick(now)
                self._watch_closed_page(now)
                self._inspector.tick(now, self.sessions.wire)
                self.settings.refresh()
                self._usage.tick(now)
                self.transcript.tick()
                self.images.pump()
                self._put_early()
                if self._question is not None and self.sessions.current is not None:
                    self._question.waits_for = self.sessions.current.waits_for
                owner = self.bridge.front_ends.owner
                before, self._stale_chunks = self._stale_chunks, owner.microphone.stale if owner else 0
                if self._stale_chunks > before and not self._is_direct:
                    self.relay.notice("info", "old-sound", OLD_SOUND)
                await asyncio.sleep(TICK_S)
        finally:
            self._ticking = None


def no_socket(client: str, reason: Literal["off", "unavailable"]) -> m.SocketOffer:
    """Return the answer to a page that can have no socket."""
    return m.SocketOffer(client=client, port=0, token="", proof="", page="", page_token="", reason=reason)


def _view(provider: Provider) -> m.View:
    """Return how a conversation with this model is shown."""
    model = provider.capabilities
    return "translation" if model.translation else "dictation" if model.dictates else "talk"


def _suggestions(provider: Provider, config: LiveConfig, tools: Sequence[Any]) -> tuple[str, ...]:
    declared = [
        tool.declaration if isinstance(tool, Tool) else tool
        for tool in tools
        if isinstance(tool, Tool | Mapping)
    ]
    return provider.suggestions(config, declared)
