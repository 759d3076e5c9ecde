"""The state of one widget, errors as sentences, and tasks whose failure becomes a notice."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from livewidget.clock import Clock
from livewidget.errors import LiveError, SendQueueFull, StateError
from livewidget.session.usage import SessionStats
from livewidget.tables import counts, counts_html, counts_text, to_frame
from livewidget.tools import describe_error, first_line
from livewidget.turns import Floor, Turn, Turns
from livewidget.ui.messages import Ending, NoticeView, Phase

if TYPE_CHECKING:
    import pandas

#: Notices kept for pages that come later. Chosen: more than are read.
MAX_NOTICES: Final = 20
#: Turns that wait for a reader of `WidgetState.listen`. Chosen: hours of conversation.
MAX_UNREAD: Final = 1000
#: Characters of a foreign exception's message.
MAX_ERROR: Final = 300
#: Characters of the details of an error. Chosen: a traceback of a hundred calls, and no trouble for a page.
MAX_DETAILS: Final = 20_000


def error_code(error: BaseException | None) -> str:
    """Return a stable name for an error: KeyMissing becomes "key-missing"."""
    name = type(error).__name__ if isinstance(error, LiveError) else "failed"
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def error_text(error: BaseException) -> str:
    """Return an error as one sentence: the first line of its message, after the type of a foreign one."""
    first = first_line(error, MAX_ERROR)
    if isinstance(error, LiveError) and first:
        return first
    described = describe_error(error, MAX_ERROR)
    return described if first else f"{described}."


def last_lines(details: str) -> str:
    """Return the end of a long traceback, where it says what went wrong, from the beginning of a line."""
    if len(details) <= MAX_DETAILS:
        return details
    kept = details[-MAX_DETAILS:]
    return f"…\n{kept[kept.find(chr(10)) + 1 :]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetStats:
    """What was left out or repeated so far, for finding out why something was not heard, seen or called.

    Attributes:
        unreadable_messages: Messages of pages that could not be read.
        repeated_messages: Messages of the pages that are there now which arrived more than once.
        stale_chunks: Chunks of the owning page's microphone, 40 ms each, that came too late to be sent.
        lost_chunks: Chunks of its microphone that never came.
        dropped_callbacks: Calls of functions given to `on` that were left out because they were too slow.
        session: What the open session lost, sent again or reconnected; None while there is none.
        unplayed_audio_ms: Model audio left out because too much waited to be played; in milliseconds.
        playback_gaps_ms: Silence that the page put between pieces of an answer that came too late, since it
            was opened; in milliseconds.
    """

    unreadable_messages: int
    repeated_messages: int
    stale_chunks: int
    lost_chunks: int
    dropped_callbacks: int
    session: SessionStats | None
    unplayed_audio_ms: float = 0.0
    playback_gaps_ms: float = 0.0

    def __str__(self) -> str:
        return counts_text(self._rows())

    def _repr_html_(self) -> str:
        return counts_html(self._rows())

    def to_frame(self) -> pandas.DataFrame:
        """Return the counters as a pandas table with one row; its columns are the attributes.

        Those of the session have `session.` before their names.

        Raises:
            ExtraMissing: If pandas is not installed.
        """
        session = asdict(self.session or SessionStats())
        row = asdict(self) | {f"session.{name}": value for name, value in session.items()}
        del row["session"]
        return to_frame([row], list(row))

    def _rows(self) -> list[tuple[str, str]]:
        return counts(self) + (counts(self.session) if self.session is not None else [])


class WidgetState:
    """What pages and programs may look at, over all sessions of a widget.

    Written on the background loop; every attribute may be read from any thread.

    Attributes:
        phase: "idle" before the first start, then "connecting", "live" and "ended".
        ending: How the last session ended; "" while one is open or being opened, and before the first.
        floor: Who may speak.
        notices: The sentences under the widget, by code.
        still: Set while no session is open or being opened.
        offset: What is added to the index of a turn of the open session.
    """

    def __init__(self, on_change: Callable[[], object], clock: Clock) -> None:
        """Begin without a session; `on_change` is called on the loop when the message `State` has changed."""
        self.phase: Phase = "idle"
        self.ending: Ending = ""
        self.floor = Floor.LISTENING
        self.notices: dict[str, NoticeView] = {}
        self.still = threading.Event()
        self.still.set()
        self.offset = 0
        self.changed = on_change
        self._clock = clock
        self._turns: list[Turn] = []
        self._live_since: float | None = None
        self._elapsed_ms = 0.0
        self._completed: set[int] = set()
        self._listeners: list[queue.Queue[Turn | None]] = []
        self._lock = threading.Lock()

    @property
    def turns(self) -> Turns:
        """The turns so far, oldest first; a new list each time."""
        return Turns(self._turns)

    def new_session(self) -> None:
        """Number the turns that come from now on after those that are here."""
        with self._lock:
            self.offset = self._turns[-1].index + 1 if self._turns else 0

    def put(self, turn: Turn) -> tuple[Turn, bool]:
        """Take in a turn of the open session; return it as numbered here, and whether it just completed."""
        turn = replace(turn, index=turn.index + self.offset)
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
        completed = turn.final and turn.index not in self._completed
        if completed:
            self._completed.add(turn.index)
            self._put_to_listeners(turn)
        return turn, completed

    def set_floor(self, floor: Floor) -> None:
        """Say who may speak now."""
        if floor is not self.floor:
            self.floor = floor
            self.changed()

    def set_phase(self, phase: Phase, ending: Ending = "") -> None:
        """Say how far the session is now, and how it ended if it has."""
        if phase == self.phase:
            return
        self.phase, self.ending = phase, ending
        if phase in ("connecting", "live"):
            self.still.clear()
            if phase == "live" and self._live_since is None:
                self._live_since = self._clock.now_ms()
        else:
            self._elapsed_ms, self._live_since = float(self.elapsed_ms), None
            self.floor = Floor.LISTENING
            if not self.still.is_set():
                self.still.set()
                self._put_to_listeners(None)
        self.changed()

    @property
    def elapsed_ms(self) -> int:
        """How long the conversation has lasted, from the first time it was live since it was started."""
        return int(self._elapsed_ms if self._live_since is None else self._clock.now_ms() - self._live_since)

    def add_notice(self, notice: NoticeView) -> None:
        """Keep a notice; it replaces one of its code."""
        self.notices.pop(notice.code, None)
        self.notices[notice.code] = notice
        while len(self.notices) > MAX_NOTICES:
            del self.notices[next(iter(self.notices))]

    def listen(self) -> queue.Queue[Turn | None]:
        """Return a queue that gets every turn that completes from now on, and None when the session ends."""
        listener: queue.Queue[Turn | None] = queue.Queue(MAX_UNREAD)
        with self._lock:
            self._listeners.append(listener)
        return listener

    def unlisten(self, listener: queue.Queue[Turn | None]) -> None:
        """Put nothing more into that queue."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def _put_to_listeners(self, turn: Turn | None) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener.put_nowait(turn)
            except queue.Full:
                listener.get_nowait()
                listener.put_nowait(turn)


class BackgroundTasks:
    """Tasks of the running loop, each held until it ends. What one raises becomes a notice."""

    def __init__(self, notice: Callable[[str, str, str, str], object]) -> None:
        """Run tasks; `notice` shows a sentence: its level, code and text, and the details of it."""
        self._notice = notice
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reported: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work`, and report what it raises."""

        async def guarded() -> None:
            try:
                await work
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:  # it has nowhere else to go than under the widget
                self.report(error)

        return self.start_unreported(guarded(), "livewidget")

    def start_unreported(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start `work` whose failure is somebody else's to handle."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def report(self, error: BaseException) -> None:
        """Show what went wrong, once. That something came too early or too late is not worth a notice."""
        is_untimely = isinstance(error, StateError) and not isinstance(error, SendQueueFull)
        if not is_untimely and error is not self._reported:
            self._reported = error
            details = error.details if isinstance(error, LiveError) else ""
            self._notice("error", error_code(error), error_text(error), details)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio would complain about one that nobody looked at
