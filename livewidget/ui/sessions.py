"""The sessions of one talk, one after the other: opened, reopened for changed settings, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.errors import LiveError, StateError
from livewidget.events import Event, SessionEnded
from livewidget.session import SAME, LiveSession, ReconnectPolicy, WireLog
from livewidget.session.tool_runner import ApprovalCallback
from livewidget.ui.relay import EventRelay
from livewidget.ui.state import BackgroundTasks, WidgetState, code_of
from livewidget.widget.background import Background

Standing = tuple[Provider, LiveConfig, list[Any]]

#: In a notebook a microphone may be left on for hours.
IDLE_PAUSE_S: Final = 20.0
STOPPED: Final = "The session was stopped before it was open."
FORGOTTEN: Final = "{model} begins anew and does not remember what was said before."


class Sessions:
    """Keeps at most one session open. Everything runs on the background loop.

    Attributes:
        provider: Whom the next session is with; `reopen` brings a change of it to an open one.
        config: What it is asked to be; so too.
        tools: What it may call; so too.
        history: What the next session is told that was said before it; once.
        reconnect: What the next session does about connections that end, and about silence.
        current: The session that is open or being opened, which takes what the user sends.
        stops: How often the talk was ended.
        wire: The frames of that session, or of the last one; None before the first.
        approve: Asked before a tool with `require_approval=True` runs.
        from_page: Whether the talk that is on was begun by a page.
    """

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig,
        tools: Sequence[Any],
        *,
        background: Background,
        chores: BackgroundTasks,
        board: WidgetState,
        reports: EventRelay,
        changed: Callable[[], object],
    ) -> None:
        """Open nothing yet; `changed` is called when the phase has changed."""
        self.provider = provider
        self.config = config
        self.tools = list(tools)
        self.history: Sequence[tuple[str, str]] = ()
        self.reconnect = ReconnectPolicy(idle_pause_s=IDLE_PAUSE_S)
        self.current: LiveSession | None = None
        self.approve: ApprovalCallback | None = None
        self.wire: WireLog | None = None
        self.from_page = False
        self.stops = 0
        self._background = background
        self._chores = chores
        self._board = board
        self._reports = reports
        self._changed = changed
        self._starting: asyncio.Task[Any] | None = None
        self._exclusive = asyncio.Lock()
        self._stopping = 0
        self._at_rest = asyncio.Event()  # Set while no stop is under way.
        self._at_rest.set()
        self._opened_with = self.wanted
        self._refused: LiveError | None = None
        self._closed = False

    @property
    def is_current(self) -> bool:
        """Whether the session is open, to stay so, and as it is asked to be."""
        return self._board.phase == "live" and not self._stopping and self._opened_with == self.wanted

    @property
    def standing(self) -> Standing:
        """What the open session is, or without one what the next is to be: provider, configuration, tools."""
        return self.wanted if self.current is None else self._opened_with

    @property
    def wanted(self) -> Standing:
        """What the next session is to be, and an open one is reopened to become."""
        return self.provider, self.config, list(self.tools)

    async def open(self) -> LiveSession:
        """Return the open session, opened if need be.

        Raises:
            LiveError: Why it cannot be opened; it stands under the widget as well.
        """
        if self.current is not None and self.is_current:
            return self.current
        self._need_unclosed()
        # Changed settings first: what is asked of the session as it is would be lost with it.
        return await self._started()

    async def reopen(self) -> None:
        """Bring changed settings to an open session: the same talk goes on.

        Raises:
            LiveError: The service refuses them. The session goes on as it was, and so do the settings.
        """
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])
        await self._at_rest.wait()
        self._refused = None
        if self.current is not None and self._opened_with != self.wanted:
            await self._started()
        self._changed()
        if self._refused is not None:
            raise self._refused

    async def become(self, provider: Provider, config: LiveConfig) -> None:
        """Let the sessions be with `provider`, as `config` says; an open one is reopened for it.

        Raises:
            LiveError: The service refuses; everything goes on as it was.
        """
        self.provider, self.config = provider, config
        await self.reopen()

    async def shut(self, why: tuple[str, str] | None = None) -> None:
        """End the session; twice is allowed. `why` is a notice's code and text."""
        self.stops += 1
        self._stopping += 1
        self._at_rest.clear()
        try:
            await self._shut(why)
        finally:
            self._stopping -= 1
            if not self._stopping:
                self._at_rest.set()

    async def close(self) -> None:
        """End the session and open no other."""
        self._closed = (
            True  # First: what is asked for meanwhile waits its turn, and would open one afterwards.
        )
        await self.shut()

    # --- Opening --------------------------------------------------------------------------------------------

    async def _started(self) -> LiveSession:
        """Wait for the opening that is under way, or for a new one. Who waits may give up; it goes on."""
        stops = self.stops
        # What is being stopped may be open all the same for a moment, if it was almost there.
        await self._at_rest.wait()
        if self.stops != stops:
            raise StateError(STOPPED)
        if self._starting is None or self._starting.done():
            self._starting = self._background.spawn(self._exchange(), "open a session")
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        starting = self._starting
        try:
            session: LiveSession = await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise StateError(STOPPED) from None
            raise
        if self.stops != stops:
            raise StateError(STOPPED)
        return session

    def _need_unclosed(self) -> None:
        if self._closed:
            raise StateError("This widget was closed; make a new one.")

    async def _open_session(self) -> LiveSession:
        self._need_unclosed()
        self._board.set_phase("connecting")
        self._board.new_session()
        self._opened_with = self.wanted
        self._reports.begin()
        self._changed()
        session: LiveSession | None = None
        try:
            session = self.current = self._new()
            self._listen(session)
            await session.start()
        except BaseException as error:
            self.current = None
            if session is not None:
                await session.close()
            self._over()
            if isinstance(error, Exception):
                self._chores.failed(error)
            raise
        self._go_on()
        return session

    def _new(self) -> LiveSession:
        history, self.history = self.history, ()
        return LiveSession(
            self.provider,
            self.config,
            tools=self.tools,
            history=history,
            approve=self.approve,
            reconnect=self.reconnect,
        )

    async def _exchange(self) -> LiveSession:
        """Open a session, bring what is wanted now to the open one, or exchange it: no refusal ends a talk.

        Returns the session that is open then; `_refused` says why it is as it was, if it is.
        """
        async with self._exclusive:
            if self.current is None or not self.current.is_open:
                return await self._open_session()
            wanted, old = self.wanted, self.current
            try:
                if self.provider is old.provider:
                    same = self.tools == self._opened_with[2]
                    await old.update(self.config, tools=SAME if same else self.tools)
                    self._opened_with = wanted
                    self._reports.clear_errors()
                    return old
                session, opening, deafen = await self._another()
            except LiveError as error:
                self._refused = error
                if self.wanted == wanted:
                    self.provider, self.config, self.tools = self._opened_with
                self._chores.failed(error)
                return old
            await self._close_session(session)
            deafen()
            self._board.new_session()
            self._opened_with = wanted
            self._reports.begin()
            self._listen(session)
            for event in opening:
                self._reports.event(session, event)
                self._ended(session, event)
            self._go_on()
            if self._board.turns and not self._can_be_told:
                self._reports.notice("info", "memory-lost", FORGOTTEN.format(model=self.provider.model))
            return session

    @property
    def _can_be_told(self) -> bool:
        return self.provider.capabilities.text != "none"

    async def _another(self) -> tuple[LiveSession, list[Event], Callable[[], None]]:
        """Start a session with another model beside the one that is open.

        Returns it, a list of its events, and a function that adds no more to that list.

        No service hands a talk on to another model: it is told what was said, where that can be.
        """
        if self._can_be_told:
            self.history = [(turn.speaker, turn.text) for turn in self._board.turns]
        session = self._new()
        opening: list[Event] = []
        deafen = session.subscribe(opening.append)
        try:
            await session.start()
        except BaseException:
            await session.close()
            raise
        return session, opening, deafen

    def _listen(self, session: LiveSession) -> None:
        self.wire = session.wire
        session.subscribe(lambda event: self._reports.event(session, event))
        session.subscribe(lambda event: self._ended(session, event))
        session.on_turn(self._reports.turn)

    def _go_on(self) -> None:
        """The session is open."""
        self._reports.clear_errors()
        self._board.set_phase("live")
        self._changed()

    # --- Ending ---------------------------------------------------------------------------------------------

    def _ended(self, session: LiveSession, event: Event) -> None:
        if isinstance(event, SessionEnded) and session is self.current and self._board.phase == "live":
            why = (code_of(session.error), event.error) if event.error else None
            self._chores.spawn(self.shut(why))

    async def _shut(self, why: tuple[str, str] | None) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        async with self._exclusive:
            if self._board.still.is_set() and self.current is None:
                return
            await self._close_session()
            if why:
                self._reports.notice("error", *why)
            self._over()

    async def _close_session(self, successor: LiveSession | None = None) -> None:
        """Close the session. What the user sends meanwhile goes to its successor already, if there is one."""
        session, self.current = self.current, successor
        self._reports.stop_playback()
        if session is not None:
            await session.close()

    def _over(self) -> None:
        self.from_page = False
        self._reports.over()
        self._board.set_phase("ended")
        self._changed()
