"""`Talk`: a widget's sessions, one after the other, on the background loop; what the page asks for, done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.errors import ConfigError, ServiceError, StateError
from livewidget.events import (
    ActivityStart,
    Event,
    GenerationComplete,
    Interrupted,
    Notice,
    OutputAudio,
    SessionEnded,
    TextSent,
    TurnComplete,
)
from livewidget.models import find
from livewidget.session import LiveSession
from livewidget.tools import Tool
from livewidget.turns import Turn
from livewidget.widget.background import Background
from livewidget.widget.board import Board
from livewidget.widget.bridge import Bridge
from livewidget.widget.chores import Chores
from livewidget.widget.messages import NoticeView, TurnTakingMode
from livewidget.widget.transcript import Transcript
from livewidget.widget.uplink import Uplink
from livewidget.widget.views import introduction, turn_view
from livewidget.widget.wording import code_of, now_ms

TICK_S = 0.05
OLD_SOUND = "The kernel was busy. What was said meanwhile had become old and was left out."


class Talk:
    """One conversation with one provider. A change of tools or of turn-taking reopens the session within it.

    Everything but the constructor runs on the background loop.
    """

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig,
        tools: Sequence[Tool | Mapping[str, Any]],
        *,
        background: Background,
        post: Callable[[dict[str, Any], list[bytes]], None],
        dispatch: Callable[[Any], None],
        blocked: Callable[[], bool],
    ) -> None:
        self.provider = provider
        self.config = config
        self.tools = list(tools)
        self.board = Board()
        self.transcript = Transcript(provider.speaker)
        self.bridge = Bridge(post, self)
        self.blocked = blocked
        self._background = background
        self._chores = Chores(background, self.notice)
        self._dispatch = dispatch
        self._uplink: Uplink | None = None
        self._session: LiveSession | None = None
        self._sending: asyncio.Task[Any] | None = None
        self._starting: asyncio.Task[Any] | None = None
        self._ticking: asyncio.Task[Any] | None = None
        self._exclusive = asyncio.Lock()
        self._stops = 0
        self._opened_with: tuple[Any, ...] = ()
        self._from_page = False
        self._audio_turn: int | None = None
        self._audio_over = True
        self._heard: dict[int, int] = {}
        self._stale = 0
        self._microphone = "off"
        self._closed = False

    # --- What the page, and the user's methods, ask for -----------------------------------------------------

    def receive(self, content: object, buffers: Sequence[bytes], origin: str) -> None:
        """Take a message from a page."""
        if not self._closed:
            self.bridge.receive(content, buffers, origin, now_ms())
            self._tick_on()

    def start(self, *, from_page: bool = True) -> None:
        """Begin to talk, soon. A session that is open or opening goes on."""
        self._from_page = self._from_page or from_page
        self._chores.spawn(self.open())

    def stop(self) -> None:
        """End the session, soon."""
        self._chores.spawn(self.shut())

    def text(self, text: str, *, from_page: bool = True) -> None:
        """Send what was typed; starts the session if need be."""
        if not text.strip():
            return
        self._from_page = self._from_page or (from_page and self.board.still.is_set())
        if self._uplink is not None and self._current():
            self._uplink.text(text)
        else:
            self._chores.spawn(self._open_and(lambda uplink: uplink.text(text)))

    def image(self, image: Any, mime_type: str | None) -> None:
        """Send a picture; starts the session if need be."""
        self._chores.spawn(self._open_and(lambda uplink: uplink.image(image, mime_type)))

    def interrupt(self) -> None:
        """Let the model fall silent."""
        self._chores.spawn(self._interrupt())

    def activity(self, active: bool) -> None:
        """Push-to-talk was pressed or let go."""
        if self._uplink is not None:
            self._uplink.activity(active)

    def turn_taking(self, mode: TurnTakingMode) -> None:
        """Change how turns are taken; an open session is reopened for it."""
        config = replace(self.config, turn_detection=replace(self.config.turn_detection, mode=mode))
        try:
            config.check(find(self.provider.model, self.provider.service))
        except ConfigError as error:
            self._chores.failed(error)
            return
        self.config = config
        self._chores.spawn(self._reopen())

    def add_tool(self, tool: Tool) -> None:
        """Offer another function; an open session is reopened for it. One of the same name is replaced."""
        self.tools = [known for known in self.tools if getattr(known, "name", None) != tool.name] + [tool]
        self._chores.spawn(self._reopen())

    def microphone(self, state: str) -> None:
        """The microphone of the owning page changed its state."""
        before, self._microphone = self._microphone, state
        if before == "on" and state != "on" and self._uplink is not None and not self._push_to_talk:
            self._uplink.pause()

    def voice(self, pcm: bytes) -> None:
        """The user's voice: PCM16 at 16 kHz."""
        if self._uplink is not None:
            self._uplink.sound(pcm)

    def frame(self, data: bytes, mime_type: str) -> None:
        """A picture from the camera."""
        if self._uplink is not None:
            self._uplink.image(data, mime_type)

    def heard(self, turn: int, sample: int) -> None:
        """So much of an interrupted turn was heard."""
        self._heard = {turn: sample}
        if self._session is not None and turn >= self.board.offset:
            self._session.heard(turn - self.board.offset, sample)

    def page_gone(self) -> None:
        """The page with microphone and voice is gone: what was started from it ends."""
        self._microphone = "off"
        if self._from_page and not self.board.still.is_set():
            self.notice("info", "page-gone", "The page was closed, so the conversation was ended.")
            self.stop()

    async def ask(self, text: str, timeout: float) -> Turn:  # noqa: ASYNC109
        """Send text, and return the answer as it is numbered here."""
        session = await self.open()
        turn = await session.ask(text, timeout)
        return replace(turn, index=turn.index + self.board.offset)

    # --- The session's life ---------------------------------------------------------------------------------

    async def open(self) -> LiveSession:
        """Return the open session, opened if need be.

        Raises:
            LiveError: Why it cannot be opened; it stands under the widget as well.
        """
        if self._session is not None and self._current():
            return self._session
        if self._closed:
            raise StateError("This widget was closed; make a new one.")
        # Changed settings first: what is asked of the session as it is would be lost with it.
        return await self._started(self._close_and_open if self.board.phase == "live" else self._open)

    async def _started(self, work: Callable[[], Coroutine[Any, Any, LiveSession]]) -> LiveSession:
        """Wait for the opening that is under way, or for `work`. Who waits may give up; it goes on."""
        stops = self._stops
        while self._starting is not None and self._starting.cancelling() and not self._starting.done():
            await asyncio.wait([self._starting])
        if self._stops != stops:
            raise StateError("The session was stopped before it was open.")
        if self._starting is None or self._starting.done():
            self._starting = self._background.spawn(work(), "open a session")
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        starting = self._starting
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise StateError("The session was stopped before it was open.") from None
            raise

    async def _open(self) -> LiveSession:
        async with self._exclusive:
            return await self._open_session(None)

    async def _open_session(self, handle: str | None) -> LiveSession:
        self.board.set_phase("connecting")
        self.board.new_session()
        self._opened_with = (self.config, *self.tools)
        uplink = self._uplink = self._uplink or Uplink()
        self.bridge.give_voice()
        self._changed()
        session = LiveSession(self.provider, self.config, tools=self.tools, handle=handle)
        self._session = session
        session.subscribe(lambda event: self._on_event(session, event))
        session.on_turn(self._on_turn)
        try:
            await session.start()
        except BaseException as error:
            self._session = None
            await session.close()
            if handle is not None and isinstance(error, ServiceError):
                return await self._open_session(None)  # it cannot be resumed: go on without its memory
            self._over()
            if isinstance(error, Exception):
                self._chores.failed(error)
            raise
        for code in [code for code, notice in self.board.notices.items() if notice.level == "error"]:
            self.clear_notice(code)
        self.board.set_phase("live")
        self._sending = self._background.spawn(uplink.run(session, self._chores.failed), "uplink")
        self._changed()
        return session

    async def shut(self, why: tuple[str, str] | None = None) -> None:
        """End the session; twice is allowed. `why` is a notice's code and text."""
        self._stops += 1
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        async with self._exclusive:
            if self.board.still.is_set() and self._session is None:
                return
            await self._close_session()
            if why:
                self.notice("error", *why)
            self._over()

    async def _close_session(self) -> None:
        session, self._session = self._session, None
        sending, self._sending = self._sending, None
        self._hush()
        try:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            if session is not None:
                await session.close()

    def _over(self) -> None:
        self._uplink = self._audio_turn = None
        self._from_page = False
        self.board.set_phase("ended")
        self._changed()

    def _current(self) -> bool:
        return self.board.phase == "live" and self._opened_with == (self.config, *self.tools)

    async def _reopen(self) -> None:
        """Bring changed settings to an open session: the same talk, resumed where the service can."""
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])
        if self._session is not None and self._opened_with != (self.config, *self.tools):
            await self._started(self._close_and_open)
        self._changed()

    async def _close_and_open(self) -> LiveSession:
        async with self._exclusive:
            handle = self._session.handle if self._session is not None else None
            self.board.set_phase("connecting")
            await self._close_session()
            return await self._open_session(handle)

    async def close(self) -> None:
        """End everything that belongs to this talk."""
        await self.shut()
        self._closed = True
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    async def _open_and(self, act: Callable[[Uplink], None]) -> None:
        await self.open()
        if self._uplink is not None:
            act(self._uplink)

    async def _interrupt(self) -> None:
        if self._session is None:
            return
        await self._session.interrupt()
        self._hush()

    def _hush(self) -> None:
        if self._audio_turn is not None and self.bridge.playing(self._audio_turn):
            self.bridge.flush(self._audio_turn, now_ms())

    # --- What the session tells -----------------------------------------------------------------------------

    def _on_event(self, session: LiveSession, event: Event) -> None:
        now = now_ms()
        match event:
            case OutputAudio(data=data, sample_rate=rate):
                if (turn := session.audio_turn) is not None:
                    self._audio_turn, self._audio_over = turn + self.board.offset, False
                    self.bridge.audio(self._audio_turn, data, rate, now)
            case GenerationComplete() | TurnComplete():
                if self._audio_turn is not None:
                    self.bridge.audio_end(self._audio_turn)
                    self._audio_over = self._audio_over or isinstance(event, TurnComplete)
            case Interrupted() if self._audio_turn is not None and not self._audio_over:
                if self._audio_turn in self._heard:
                    self.heard(self._audio_turn, self._heard[self._audio_turn])
                self.bridge.flush(self._audio_turn, now)
            case Interrupted() | ActivityStart() | TextSent() if self._audio_over:
                self._hush()  # to the service this turn is over, while the page may still be playing it
            case Notice(level=level, code=code, text=text):
                self.notice(level, code, text)
            case SessionEnded(error=error) if session is self._session and self.board.phase == "live":
                self._chores.spawn(self.shut((code_of(session.error), error) if error else None))
        self.board.floor = session.floor
        self.bridge.state()
        self._dispatch(event)

    def _on_turn(self, turn: Turn) -> None:
        told, complete = self.board.put(turn)
        self.bridge.turn(turn_view(told))
        if complete:
            self._dispatch(told)
        if told.final:
            self.transcript.update(self.board.turns)

    # --- For the pages --------------------------------------------------------------------------------------

    def notice(self, level: Any, code: str, text: str) -> None:
        """Show a sentence under the widget."""
        self.board.add_notice(NoticeView(level=level, code=code, text=text))
        self.bridge.notice(level, code, text)

    def clear_notice(self, code: str) -> None:
        """That notice no longer holds."""
        if self.board.notices.pop(code, None) is not None:
            self.bridge.clear_notice(code)

    def welcome(self) -> dict[str, Any]:
        """Return what a page needs to show everything from the beginning."""
        return introduction(self.provider) | {
            "turns": tuple(turn_view(turn) for turn in self.board.turns),
            "notices": tuple(self.board.notices.values()),
            "transcript_class": self.transcript.css_class,
        }

    def state(self) -> dict[str, Any]:
        """Return where the session stands."""
        return {
            "phase": self.board.phase,
            "floor": self.board.floor.value,
            "turn_taking": self.config.turn_detection.mode,
            "elapsed_ms": self.board.elapsed_ms,
        }

    @property
    def _push_to_talk(self) -> bool:
        return self.config.turn_detection.mode == "push_to_talk"

    def _changed(self) -> None:
        self.bridge.state()
        self._tick_on()

    # --- Tasks ----------------------------------------------------------------------------------------------

    def _tick_on(self) -> None:
        if not self._closed and (self._ticking is None or self._ticking.done()):
            self._ticking = self._chores.spawn(self._tick())

    async def _tick(self) -> None:
        while len(self.bridge.pages) or not self.board.still.is_set():
            self.bridge.tick(now_ms())
            page = self.bridge.pages.owning
            before, self._stale = self._stale, page.microphone.stale if page is not None else 0
            if self._stale > before:
                self.notice("info", "old-sound", OLD_SOUND)
            await asyncio.sleep(TICK_S)
