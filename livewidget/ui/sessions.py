"""The sessions of one widget, one after the other: opened, reopened for changed settings, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.errors import LiveError, SetupRefused, StateError
from livewidget.events import Event, SessionEnded
from livewidget.session import SAME, LiveSession, ReconnectPolicy, WireLog
from livewidget.session.client import SessionSpec
from livewidget.session.tool_runner import ApprovalCallback, ToolLoop
from livewidget.ui import messages as m
from livewidget.ui.direct import ServiceSockets
from livewidget.ui.relay import EventRelay
from livewidget.ui.state import BackgroundTasks, WidgetState, error_code

#: In a notebook a microphone may be left on for hours. Chosen: longer than a person thinks between sentences.
IDLE_PAUSE_S: Final = 20.0
STOPPED: Final = "The session was stopped before it was open."
FORGOTTEN: Final = "{model} begins anew and does not remember what was said before."


class Sessions:
    """Keeps at most one session open. Everything runs on the background loop.

    Attributes:
        wanted: What the next session is to be, and an open one is reopened to become.
        current: The session that is open or being opened, which takes what the user sends.
        stops: How often the conversation was ended.
        wire: The frames of that session, or of the last one; None before the first.
        from_page: Whether the conversation that is going on was begun by a page.
        reconnect: What sessions do about connections that end, and about silence.
    """

    def __init__(
        self,
        spec: SessionSpec,
        *,
        approve: ApprovalCallback,
        tool_loop: ToolLoop | None,
        reconnect: ReconnectPolicy | None,
        tasks: BackgroundTasks,
        state: WidgetState,
        relay: EventRelay,
        sockets: ServiceSockets,
    ) -> None:
        """Open nothing yet.

        Args:
            spec: What the first session is to be.
            approve: Asked before a tool with `require_approval=True` runs.
            tool_loop: Where coroutine functions among the tools run; see `LiveSession`.
            reconnect: What sessions do about connections that end, and about silence; None: the default of a
                notebook, which pauses the microphone after 20 s of silence.
            tasks: Runs what nobody waits for.
            state: Is kept up to date.
            relay: Gets what sessions report.
            sockets: Opens connections in the page, where the provider is direct.
        """
        self.wanted = replace(spec, history=())
        self.current: LiveSession | None = None
        self.wire: WireLog | None = None
        self.from_page = False
        self.stops = 0
        # What the next session is to know: a handle and the provider that gave it, and the texts that it is
        # told where it is not resumed.
        self._handle: tuple[Provider, str] | None = None
        self._history: Sequence[tuple[str, str]] = spec.history
        self._given_history = spec.history
        self._told_from = 0  # the first turn of this widget that a session may be told of
        self._approve = approve
        self._tool_loop = tool_loop
        self.reconnect = reconnect or ReconnectPolicy(idle_pause_s=IDLE_PAUSE_S)
        self._tasks = tasks
        self._state = state
        self._relay = relay
        self._sockets = sockets
        self._starting: asyncio.Task[Any] | None = None
        self._exclusive = asyncio.Lock()
        self._stopping = 0
        self._at_rest = asyncio.Event()  # Set while no stop is under way.
        self._at_rest.set()
        self._opened_with = self.wanted
        self._refused: LiveError | None = None
        self._closed = False

    @property
    def provider(self) -> Provider:
        """Whom the next session is with."""
        return self.wanted.provider

    @property
    def config(self) -> LiveConfig:
        """What the next session is asked to be."""
        return self.wanted.config

    @property
    def tools(self) -> Sequence[Any]:
        """What it may call."""
        return self.wanted.tools

    @property
    def is_current(self) -> bool:
        """Whether the session is open, to stay so, and as it is asked to be."""
        return self._state.phase == "live" and not self._stopping and self._opened_with == self.wanted

    @property
    def in_effect(self) -> SessionSpec:
        """What the open session is, or without one what the next is to be."""
        return self.wanted if self.current is None else self._opened_with

    @property
    def another(self) -> SessionSpec:
        """What the first session of another conversation of this kind is to be."""
        return replace(self.wanted, history=self._given_history)

    def want(self, **changes: Any) -> None:
        """Change what the next session is to be; `reopen` brings the change to an open one.

        Args:
            **changes: Fields of `SessionSpec`.
        """
        self.wanted = replace(self.wanted, **changes)
        self._state.changed()

    def forget(self) -> None:
        """Let the next session know nothing of what was said here: it is with somebody else."""
        self._handle, self._history = None, self._given_history
        self._told_from = self._state.turns[-1].index + 1 if self._state.turns else 0

    async def open(self) -> LiveSession:
        """Return the open session, opened if need be.

        Raises:
            LiveError: If it cannot be opened; the reason stands under the widget as well.
        """
        if self.current is not None and self.is_current:
            return self.current
        self._need_unclosed()
        # Changed settings first: what is asked of the session as it is would be lost with it.
        return await self._started()

    async def reopen(self) -> None:
        """Bring what is wanted to an open session: the same conversation goes on.

        Raises:
            LiveError: If the service refuses it. The session goes on as it was, and so do the settings.
        """
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])
        await self._at_rest.wait()
        self._refused = None
        if self.current is not None and self._opened_with != self.wanted:
            await self._started()
        if self._refused is not None:
            raise self._refused

    async def stop(self, reason: m.NoticeView | None = None) -> None:
        """End the session; twice is allowed.

        Args:
            reason: Why, where nobody asked for it. The next session then continues the conversation.
        """
        self.stops += 1
        self._stopping += 1
        self._at_rest.clear()
        try:
            await self._stop(reason)
        finally:
            self._stopping -= 1
            if not self._stopping:
                self._at_rest.set()

    async def close(self) -> None:
        """End the session and open no other."""
        # First: what is asked for meanwhile waits its turn, and would open one afterwards.
        self._closed = True
        await self.stop()

    async def _started(self) -> LiveSession:
        """Wait for the opening that is under way, or for a new one. Who waits may give up; it goes on."""
        stops = self.stops
        # What is being stopped may be open all the same for a moment, if it was almost there.
        await self._at_rest.wait()
        if self.stops != stops:
            raise StateError(STOPPED)
        if self._starting is None or self._starting.done():
            self._starting = self._tasks.start_unreported(self._exchange(), "open a session")
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
        self._state.set_phase("connecting")
        self._state.new_session()
        self._opened_with = self.wanted
        self._relay.begin()
        try:
            try:
                session = await self._start_new()
            except SetupRefused:
                if self._usable_handle is None:
                    raise
                self._handle = None  # The service has forgotten: it is told what it can be told.
                session = await self._start_new()
        except BaseException as error:
            is_stopped = isinstance(error, asyncio.CancelledError | GeneratorExit)
            self._end("stopped" if is_stopped else "never_opened")
            if not is_stopped:
                self._tasks.report(error)
            raise
        is_told = self._handle is not None or self._takes_history or self.provider.remembers
        if self._state.turns and self._history and not is_told:
            self._relay.notice("info", "memory-lost", FORGOTTEN.format(model=self.provider.model))
        self._go_live()
        return session

    async def _start_new(self) -> LiveSession:
        session: LiveSession | None = None
        try:
            session = self.current = self._new()
            self._attach(session)
            await session.start()
        except BaseException:
            self.current = None
            if session is not None:
                await session.close()
            raise
        return session

    @property
    def _usable_handle(self) -> str | None:
        provider, handle = self._handle or (None, None)
        return handle if provider is self.provider else None

    def _new(self) -> LiveSession:
        page = self._sockets.for_session()
        page.session = session = LiveSession(
            self.provider,
            self.config,
            tools=self.tools,
            handle=self._usable_handle,
            history=self._history if self._takes_history else (),
            approve=self._approve,
            reconnect=self.reconnect,
            limits=self.wanted.limits,
            on_progress=self._on_progress,
            tool_loop=self._tool_loop,
            page=page,
            reports_playback=True,
        )
        return session

    async def _exchange(self) -> LiveSession:
        """Open a session, bring what is wanted now to the open one, or replace it.

        No refusal ends a conversation: returns the session that is open then; `_refused` says why it is as it
        was, if it is.
        """
        async with self._exclusive:
            if self.current is None or not self.current.is_open:
                return await self._open_session()
            wanted, old = self.wanted, self.current
            try:
                if self.provider is old.provider:
                    same = wanted.tools == self._opened_with.tools
                    await old.update(self.config, tools=SAME if same else wanted.tools)
                    self._opened_with = wanted
                    self._relay.clear_errors()
                    return old
                session, opening, unsubscribe = await self._another()
            except LiveError as error:
                self._refused = error
                if self.wanted == wanted:
                    self.wanted = self._opened_with
                    self._state.changed()
                self._tasks.report(error)
                return old
            await self._close_session(session)
            unsubscribe()
            self._state.new_session()
            self._opened_with = wanted
            self._relay.begin()
            self._attach(session)
            for event in opening:
                self._relay.on_event(session, event)
            self._go_live()
            if self._state.turns and not self._takes_history:
                self._relay.notice("info", "memory-lost", FORGOTTEN.format(model=self.provider.model))
            return session

    @property
    def _goes_on(self) -> bool:
        """Whether the next session can continue this conversation; with an agent it is a new run."""
        return self.provider.capabilities.takes is None

    @property
    def _takes_history(self) -> bool:
        return self.provider.capabilities.text != "none" and self._goes_on

    async def _another(self) -> tuple[LiveSession, list[Event], Callable[[], None]]:
        """Start a session with another model beside the one that is open.

        Returns it, a list of its events, and a function that adds no more to that list.

        No service hands a conversation on to another model: the turns are sent to it, where it takes them.
        """
        self._handle, self._history = None, self._told
        session = self._new()
        opening: list[Event] = []
        unsubscribe = session.subscribe(opening.append)
        try:
            await session.start()
        except BaseException:
            await session.close()
            raise
        return session, opening, unsubscribe

    def _attach(self, session: LiveSession) -> None:
        self.wire = session.wire
        self._relay.attach(session, self._on_session_ended)

    @property
    def _told(self) -> list[tuple[str, str]]:
        """What was said in this widget since `forget`, and before it was made."""
        turns = (turn for turn in self._state.turns if turn.index >= self._told_from)
        return [*self._given_history, *((turn.speaker, turn.text) for turn in turns)]

    def _remember(self, session: LiveSession) -> None:
        """Keep what a session knew, which ended although nobody asked for it: the next one continues it."""
        self._history = self._told
        if session.handle is not None and (session.remembers_all or not self._takes_history):
            self._handle = session.provider, session.handle

    def _on_progress(self, text: str) -> None:
        if text:
            self._relay.notice("info", "starting", text)
        else:
            self._relay.clear_notice("starting")

    def _go_live(self) -> None:
        """Say that the session is open."""
        self._handle, self._history = None, ()
        self._relay.clear_errors()
        self._relay.clear_notice("page-gone")
        self._state.set_phase("live")

    def _on_session_ended(self, session: LiveSession, event: SessionEnded) -> None:
        if session is self.current and self._state.phase == "live":
            reason = None
            if event.error:
                reason = m.NoticeView(
                    level="error",
                    code=error_code(session.error),
                    text=event.error,
                    details=session.error.details if session.error else "",
                )
            self._tasks.start(self.stop(reason))

    async def _stop(self, reason: m.NoticeView | None) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        async with self._exclusive:
            if self._state.still.is_set() and self.current is None:
                return
            if reason and self.current is not None:
                self._remember(self.current)
            await self._close_session()
            if reason:
                self._relay.notice(reason.level, reason.code, reason.text, reason.details)
            # An agent begins anew with the next start: that is no conversation to go on with.
            self._end("interrupted" if reason and self._goes_on else "stopped")

    async def _close_session(self, successor: LiveSession | None = None) -> None:
        """Close the session. What the user sends meanwhile goes to its successor already, if there is one."""
        session, self.current = self.current, successor
        self._relay.stop_playback()
        if session is not None:
            await session.close()

    def _end(self, ending: m.Ending) -> None:
        self.from_page = False
        self._relay.end()
        self._state.set_phase("ended", ending)
