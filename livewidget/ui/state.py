"""What everybody may look at, from any thread: the turns, the phase, the notices, and who waits for them.

The clock of the bridge, and errors in words.

Work that nobody waits for: owned until it ends, and its failure said under the widget.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from livewidget.errors import LiveError, StateError
from livewidget.turns import Floor, Turn
from livewidget.ui.messages import NoticeView, Phase
from livewidget.widget.background import Background


def now_ms() -> float:
    """Return the clock of everything here, in milliseconds."""
    return time.monotonic() * 1000


def code_of(error: BaseException | None) -> str:
    """Return a stable name for an error: KeyMissing becomes "key-missing"."""
    name = type(error).__name__ if isinstance(error, LiveError) else "failed"
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def sentence_of(error: BaseException) -> str:
    """Return an error as one sentence: ours say all themselves, of others the type and the first line."""
    first = (str(error).strip().splitlines() or [""])[0][:300]
    if isinstance(error, LiveError) and first:
        return first
    return f"{type(error).__name__}: {first}" if first else f"{type(error).__name__}."


MOST_NOTICES = 20
MOST_UNREAD = 1000


class WidgetState:
    """State of one widget over all its sessions. Written on the background loop, read anywhere.

    Attributes:
        phase: "idle" before the first start, then "connecting", "live" and "ended".
        floor: Who may speak.
        notices: The sentences under the widget, by code.
        still: Set while no session is open or opening.
    """

    def __init__(self) -> None:
        self.phase: Phase = "idle"
        self.floor = Floor.LISTENING
        self.notices: dict[str, NoticeView] = {}
        self.still = threading.Event()
        self.still.set()
        self._turns: list[Turn] = []
        self._offset = 0
        self._live_since: float | None = None
        self._elapsed_ms = 0.0
        self._told: set[int] = set()
        self._listeners: list[queue.Queue[Turn | None]] = []
        self._lock = threading.Lock()

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, oldest first; a new list each time."""
        return list(self._turns)

    @property
    def offset(self) -> int:
        """What is added to the index of a turn of the running session."""
        return self._offset

    def new_session(self) -> None:
        """Turns that come from now on follow those that are here."""
        with self._lock:
            self._offset = self._turns[-1].index + 1 if self._turns else 0

    def put(self, turn: Turn) -> tuple[Turn, bool]:
        """Take in a turn of the running session; returns it as numbered here, and whether it just ended."""
        turn = replace(turn, index=turn.index + self._offset)
        with self._lock:
            for place in range(len(self._turns) - 1, -1, -1):
                if self._turns[place].index == turn.index:
                    self._turns[place] = turn
                    break
                if self._turns[place].index < turn.index:
                    self._turns.insert(place + 1, turn)
                    break
            else:
                self._turns.insert(0, turn)
        complete = turn.final and turn.index not in self._told
        if complete:
            self._told.add(turn.index)
            self._tell(turn)
        return turn, complete

    def set_phase(self, phase: Phase) -> None:
        """The session is somewhere else now."""
        self.phase = phase
        if phase in ("connecting", "live"):
            self.still.clear()
            if phase == "live" and self._live_since is None:
                self._live_since = now_ms()
            return
        self._elapsed_ms, self._live_since = float(self.elapsed_ms), None
        self.floor = Floor.LISTENING
        if not self.still.is_set():
            self.still.set()
            self._tell(None)

    @property
    def elapsed_ms(self) -> int:
        """How long the talk has lasted, from the first time it was live since it was started."""
        return int(self._elapsed_ms if self._live_since is None else now_ms() - self._live_since)

    def add_notice(self, notice: NoticeView) -> None:
        """Keep a notice; it replaces one of its code."""
        self.notices.pop(notice.code, None)
        self.notices[notice.code] = notice
        while len(self.notices) > MOST_NOTICES:
            del self.notices[next(iter(self.notices))]

    def listen(self) -> queue.Queue[Turn | None]:
        """Return a queue that gets every turn that ends from now on, and None when the session is over."""
        listener: queue.Queue[Turn | None] = queue.Queue(MOST_UNREAD)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def unlisten(self, listener: queue.Queue[Turn | None]) -> None:
        """That queue is not read any more."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _tell(self, turn: Turn | None) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener.put_nowait(turn)
            except queue.Full:
                listener.get_nowait()
                listener.put_nowait(turn)


class BackgroundTasks:
    """Starts work on the background loop, from its thread."""

    def __init__(self, background: Background, notice: Callable[[str, str, str], object]) -> None:
        self._background = background
        self._notice = notice
        self._told: BaseException | None = None

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work`; what it raises becomes a notice."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # it has nowhere else to go than under the widget
                self.failed(error)

        return self._background.spawn(guarded(), "livewidget")

    def failed(self, error: Exception) -> None:
        """Say what went wrong, once. That it was too early or too late for it is not worth a notice."""
        if not isinstance(error, StateError) and error is not self._told:
            self._told = error
            self._notice("error", code_of(error), sentence_of(error))
