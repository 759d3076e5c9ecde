"""Waiting for something to become less and be gone, as sound that plays does.

`Controller`: one conversation on the background loop; what the page and the user's methods ask for, done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import is_not
from typing import Any, Final

from livewidget.clock import Clock, SystemClock
from livewidget.config import LiveConfig
from livewidget.connection import Provider
from livewidget.errors import ConfigError, LiveError, StateError
from livewidget.events import ToolApprovalRequested, ToolCall
from livewidget.pictures import Picture
from livewidget.tools import Tool
from livewidget.turns import Turn
from livewidget.ui.bridge import Bridge
from livewidget.ui.images import Projector
from livewidget.ui.inspector import Inspector, UsagePublisher
from livewidget.ui.messages import (
    Apply,
    CameraFrame,
    CameraStatus,
    Configure,
    ExplorerState,
    Phase,
    Revert,
    TurnTakingMode,
)
from livewidget.ui.relay import EventRelay
from livewidget.ui.sessions import Sessions
from livewidget.ui.settings import SettingsController
from livewidget.ui.state import BackgroundTasks, WidgetState, now_ms
from livewidget.ui.transcript import Transcript
from livewidget.ui.views import introduction, outlook, suggestions, turn_view
from livewidget.widget.background import Background

#: What has not become less for so long stands still.
STANDSTILL_MS: Final = 3000.0
_LOOK_MS: Final = 50.0


async def drained(left: Callable[[], Any], clock: Clock | None = None) -> bool:
    """Wait until nothing is left, or what is left stands still.

    Args:
        left: How much is left, as anything that can be compared; None: nothing.
        clock: Another clock; for tests.

    Returns:
        Whether nothing is left.
    """
    clock = clock or SystemClock()
    least, moved_ms = left(), clock.now_ms()
    while least is not None:
        now = clock.now_ms()
        if now - moved_ms >= STANDSTILL_MS:
            return False
        await clock.sleep_until(now + _LOOK_MS)
        found = left()
        if found is None or found < least:
            least, moved_ms = found, clock.now_ms()
    return True


TICK_S = 0.05
OLD_SOUND = "The kernel was busy. What was said meanwhile had become old and was left out."


class Controller:
    """One conversation with one provider. A change of tools or of turn-taking reopens the session within it.

    Everything but the constructor runs on the background loop.
    """

    def __init__(
        self,
        provider: Provider,
        config: LiveConfig,
        tools: Sequence[Any],
        *,
        background: Background,
        post: Callable[[dict[str, Any], list[bytes]], None],
        dispatch: Callable[[Any], None],
        hears: Callable[[type], bool],
        blocked: Callable[[], bool],
    ) -> None:
        self.board = WidgetState()
        self.transcript = Transcript(provider.speaker, outlook(provider)["view"])
        self.bridge = Bridge(post, self)
        self.blocked = blocked
        self.reports = EventRelay(self.board, self.bridge, self.transcript, dispatch)
        self.insight = Inspector(self.bridge, remote=not provider.is_local)
        self._chores = BackgroundTasks(background, self.reports.notice)
        self.sessions = Sessions(
            provider,
            config,
            tools,
            background=background,
            chores=self._chores,
            board=self.board,
            reports=self.reports,
            changed=self._changed,
        )
        self.sessions.approve = self._ask
        self.exploration = SettingsController(self.sessions, self.bridge, self._chores)
        self.gauge = UsagePublisher(self.sessions, self.bridge)
        self.projector = Projector(self.sessions, self.bridge, self._chores)
        self._hears = hears
        self._suggested: tuple[tuple[Any, ...], tuple[str, ...]] = ((), ())
        self._phase: Phase = "idle"
        self._stopping = False
        self._ticking: asyncio.Task[Any] | None = None
        self._stale = 0
        self._microphone = "off"
        self._closed = False

    @property
    def provider(self) -> Provider:
        """Whom the talk is with; the model may change."""
        return self.sessions.provider

    # --- What the page, and the user's methods, ask for -----------------------------------------------------

    def receive(self, content: object, buffers: Sequence[bytes], origin: str) -> None:
        """Take a message from a page."""
        if not self._closed:
            self.bridge.receive(content, buffers, origin, now_ms())
            self._tick_on()

    def start(self, *, from_page: bool = True) -> None:
        """Begin to talk, soon. A session that is open or opening goes on."""
        self.sessions.from_page = self.sessions.from_page or from_page
        self._chores.spawn(self.sessions.open())

    def stop(self) -> None:
        """End the session, soon. What waits to be shown is forgotten; what is shown from now on is not."""
        self.projector.clear()
        self._stopping = True
        self._chores.spawn(self.sessions.shut())

    def text(self, text: str, *, from_page: bool = True) -> None:
        """Send what was typed; starts the session if need be."""
        if not text.strip() or (not from_page and self.projector.say(text)):
            return
        sessions = self.sessions
        sessions.from_page = sessions.from_page or (from_page and self.board.still.is_set())
        if sessions.current is not None and sessions.is_current:
            self._put(sessions.current.put_text, text)
        else:
            self._chores.spawn(self._open_and_say(text))

    def show(self, picture: Picture, text: str) -> None:
        """Send a picture for which the projector keeps a place; starts the session if need be."""
        self.projector.show(picture, text)
        self._chores.spawn(self._open_and_show())

    def interrupt(self) -> None:
        """Let the model fall silent."""
        self._chores.spawn(self._interrupt())

    def activity(self, active: bool) -> None:
        """Push-to-talk was pressed or let go."""
        if self.sessions.current is not None:
            self._put(self.sessions.current.put_activity, active)

    def turn_taking(self, mode: TurnTakingMode) -> None:
        """Change how turns are taken; an open session is reopened for it."""
        config = self.sessions.config
        config = replace(config, turn_detection=replace(config.turn_detection, mode=mode))
        try:
            config.check(self.provider.capabilities)
        except ConfigError as error:
            self._chores.failed(error)
            return
        self.sessions.config = config
        self._chores.spawn(self.sessions.reopen())

    def configure(self, changes: dict[str, Any]) -> None:
        """Change keywords of the configuration; an open session is reopened for it."""
        self._chores.spawn(self.exploration.become(changes))

    def add_tool(self, tool: Tool) -> None:
        """Offer another function; an open session is reopened for it. One of the same name is replaced."""
        others = [known for known in self.sessions.tools if getattr(known, "name", None) != tool.name]
        self.sessions.tools = [*others, tool]
        self._chores.spawn(self.sessions.reopen())

    def confirm(self, id: str, allowed: bool) -> None:
        """A person says whether a call may run. For one that does not wait for that, nothing happens."""
        if self.sessions.current is not None:
            self.sessions.current.approve(id, allowed)

    def microphone(self, state: str) -> None:
        """The microphone of the owning page changed its state."""
        before, self._microphone = self._microphone, state
        if before == "on" and state != "on" and self.sessions.current is not None:
            self._put(self.sessions.current.put_audio_end)

    def voice(self, pcm: bytes) -> None:
        """The user's voice: PCM16 at 16 kHz."""
        self.insight.voice(pcm, self.sessions.config.turn_detection, now_ms())
        if self.sessions.current is not None:
            self._put(self.sessions.current.put_audio, pcm)

    def camera(self, message: CameraStatus) -> None:
        """CameraStatus or screen of the owning page changed its state."""
        if message.state != "on":
            self.projector.shut()

    def frame(self, message: CameraFrame, number: int, data: bytes, age_ms: float) -> None:
        """A picture of the owning page's."""
        self.projector.frame(message, number, data, age_ms)

    def explore(self, message: ExplorerState | Configure | Apply | Revert) -> None:
        """A page looks at other parts of the explorer than before, or changes settings in it."""
        self.exploration.take(message)
        if isinstance(message, ExplorerState):
            self.insight.explore(message)

    def heard(self, turn: int, sample: int) -> None:
        """So much of an interrupted turn was heard."""
        self.reports.heard(self.sessions.current, turn, sample)

    def played(self, turn: int, sample: int) -> None:
        """So much of a turn has been heard so far."""
        self.reports.played(self.sessions.current, turn, sample)

    def page_gone(self) -> None:
        """The page with microphone and voice is gone: what was started from it ends."""
        self._microphone = "off"
        if self.sessions.from_page and not self.board.still.is_set():
            self.reports.notice("info", "page-gone", "The page was closed, so the conversation was ended.")
            self.stop()

    async def ask(self, text: str, timeout: float) -> Turn:  # noqa: ASYNC109
        """Send text, and return the answer as it is numbered here."""
        await self.sessions.open()
        stops = self.sessions.stops
        await self.projector.emptied()
        if self.sessions.stops != stops:
            raise StateError("The talk was ended before this could be asked.")
        # Who asks in a loop interrupts nobody: what is left of an answer that is complete is heard first.
        await drained(lambda: self.reports.unplayed)
        session = await self.sessions.open()
        turn = await session.ask(text, timeout)
        return replace(turn, index=turn.index + self.board.offset)

    async def close(self) -> None:
        """End everything that belongs to this talk."""
        await self.sessions.close()
        self._closed = True
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    def _put(self, put: Callable[..., object], *args: Any) -> None:
        """Hand something to the session. What cannot be sent is reported, and holds up nothing else."""
        try:
            put(*args)
        except LiveError as error:
            self._chores.failed(error)

    async def _open_and_say(self, text: str) -> None:
        session = await self.sessions.open()
        session.put_text(text)

    async def _open_and_show(self) -> None:
        try:
            await self.sessions.open()
        except BaseException:
            self.projector.clear()
            raise
        self.projector.pump()

    async def _ask(self, call: ToolCall) -> bool | None:
        """Wait for `confirm`, if there is a page that could ask, or a callback that could answer."""
        if not len(self.bridge.pages) and not self._hears(ToolApprovalRequested):
            return None
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        return await answer

    async def _interrupt(self) -> None:
        if self.sessions.current is None:
            return
        await self.sessions.current.interrupt()
        self.reports.stop_playback()

    # --- For the pages --------------------------------------------------------------------------------------

    def welcome(self) -> dict[str, Any]:
        """Return what a page needs to show everything from the beginning."""
        self.gauge.forget()
        return introduction(self.provider) | {
            "explorer": self.exploration.open,
            "turns": tuple(turn_view(turn) for turn in self.board.turns),
            "notices": tuple(self.board.notices.values()),
            "transcript_class": self.transcript.css_class,
        }

    def state(self) -> dict[str, Any]:
        """Return where the session stands."""
        return outlook(self.provider) | {
            "phase": self.board.phase,
            "floor": self.board.floor,
            "turn_taking": self._turn_taking,
            "elapsed_ms": self.board.elapsed_ms,
            "suggestions": self._suggestions(),
        }

    def _suggestions(self) -> tuple[str, ...]:
        """Return what may be said; it is made anew where it may have changed, not for every state."""
        asked = (self.provider, self.sessions.config, *self.sessions.tools)
        before, suggested = self._suggested
        if len(before) != len(asked) or any(map(is_not, before, asked)):
            suggested = suggestions(self.provider, self.sessions.config, self.sessions.tools)
            self._suggested = asked, suggested
        return suggested

    @property
    def _turn_taking(self) -> TurnTakingMode:
        return self.sessions.config.turn_detection.mode

    def _changed(self) -> None:
        if self.board.phase == "ended" != self._phase:
            if not self._stopping:
                self.projector.clear()
            self._stopping = False
        self._phase = self.board.phase
        self.bridge.state()
        self._tick_on()

    # --- Tasks ----------------------------------------------------------------------------------------------

    def _tick_on(self) -> None:
        if not self._closed and (self._ticking is None or self._ticking.done()):
            self._ticking = self._chores.spawn(self._tick())

    async def _tick(self) -> None:
        while len(self.bridge.pages) or not self.board.still.is_set():
            self.bridge.tick(now_ms())
            self.insight.tick(now_ms(), self.sessions.wire)
            self.exploration.refresh()
            self.gauge.tick(now_ms())
            self.projector.pump()
            page = self.bridge.pages.owning
            before, self._stale = self._stale, page.microphone.stale if page is not None else 0
            if self._stale > before:
                self.reports.notice("info", "old-sound", OLD_SOUND)
            await asyncio.sleep(TICK_S)
