"""What everybody may look at, from any thread: the turns, the phase, the notices, and who waits for them."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

from livewidget.turns import Floor, Turn
from livewidget.widget.messages import NoticeView, Phase
from livewidget.widget.wording import now_ms

MOST_NOTICES = 20
MOST_UNREAD = 1000


class Board:
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
