"""Brings pictures to the session that is open, one a second, and tells the pages what became of each.

What the model is shown, and when: pictures from Python and files in their order, frames as they come.

Pure bookkeeping; time is an argument, in ms of a clock that never goes back.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from livewidget.errors import LiveError, PictureError, UsageError
from livewidget.pictures import INTERVAL_MS, Gate, Picture, tokens_of
from livewidget.session import LiveSession
from livewidget.session.outbox import OutboxItem, require_vision
from livewidget.ui import messages as m
from livewidget.ui.bridge import Bridge
from livewidget.ui.channels import STALE_MS
from livewidget.ui.messages import PictureSource
from livewidget.ui.sessions import Sessions
from livewidget.ui.state import BackgroundTasks, now_ms

#: Pictures that may wait for their second. What is shown on purpose is never dropped.
MOST_WAITING: Final = 8
#: A page sends an unchanged frame after ten seconds; here it must not be found a little too early.
_KEY_MS: Final = 9000.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture on its way, or only the text that is to follow the pictures before it.

    Attributes:
        picture: None where there is only text.
        source: Where it comes from.
        number: The page's number for it; 0 from Python.
        text: Sent right after it; "" where nothing is asked.
    """

    picture: Picture | None
    source: PictureSource
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a picture: it is to be sent now, or is not sent for a reason.

    Attributes:
        shown: The picture.
        sends: Whether it is to be sent.
        reason: "shown" for what was shown on purpose; for a frame "first", "changed" or "key", and where it
            is not sent "unchanged", "replaced" (a newer one came within the second) or "unreadable".
    """

    shown: Shown
    sends: bool
    reason: str


class Sight:
    """Lets one picture a second pass: what waits in its order first, then the newest frame if it is new."""

    def __init__(self) -> None:
        self._gate = Gate(key_ms=_KEY_MS)
        self._waiting: deque[Shown] = deque()
        self._frame: Shown | None = None
        self._replaced: deque[Outcome] = deque(maxlen=MOST_WAITING)
        self._under_way: Shown | None = None
        self._sent_ms = float("-inf")

    @property
    def waiting(self) -> int:
        """How many pictures and texts that were shown on purpose wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more can wait."""
        return len(self._waiting) >= MOST_WAITING

    def show(self, shown: Shown) -> bool:
        """Queue what is shown on purpose. Returns False, and does not take it, where too much waits."""
        if self.full:
            return False
        self._waiting.append(shown)
        return True

    def frame(self, shown: Shown) -> None:
        """Keep a frame of camera or screen; it replaces one that waits."""
        if self._frame is not None:
            self._replaced.append(Outcome(self._frame, False, "replaced"))
        self._frame = shown

    def shut(self) -> None:
        """Camera and screen are off: what comes next is something else."""
        self._frame = None
        self._gate.reset()

    def clear(self) -> None:
        """The talk has ended: forget what waits."""
        self._waiting.clear()
        self._under_way = None
        self._replaced.clear()
        self.shut()

    def due(self, now_ms: float) -> list[Outcome]:
        """Return what is decided by now, in the order in which it is to be done.

        A picture that is to be sent is under way until `sent` or `unsent` is called; no other is due before.
        """
        outcomes = list(self._replaced)
        self._replaced.clear()
        while self._waiting and (self._waiting[0].picture is None or self._ready(now_ms)):
            shown = self._waiting.popleft()
            self._under_way = shown if shown.picture is not None else self._under_way
            outcomes.append(Outcome(shown, True, "shown"))
        if not self._waiting and self._frame is not None and self._ready(now_ms):
            shown, self._frame = self._frame, None
            outcomes.append(self._judge(shown, now_ms))
        return outcomes

    def sent(self, now_ms: float) -> None:
        """The picture that was under way has left: the next may follow in a second."""
        self._under_way = None
        self._sent_ms = now_ms

    def unsent(self, *, again: bool) -> None:
        """The picture under way has not left; `again`: one shown on purpose is tried once more."""
        shown, self._under_way = self._under_way, None
        if shown is not None and again and shown.source in ("python", "file"):
            self._waiting.appendleft(shown)

    def _ready(self, now_ms: float) -> bool:
        return self._under_way is None and now_ms - self._sent_ms >= INTERVAL_MS

    def _judge(self, shown: Shown, now_ms: float) -> Outcome:
        assert shown.picture is not None
        try:
            verdict = self._gate.look(shown.picture, now_ms)
        except PictureError:
            return Outcome(shown, False, "unreadable")
        self._under_way = shown if verdict.sends else None
        return Outcome(shown, verdict.sends, verdict.why)


#: A page scales its frames down; no honest one is larger.
MOST_BYTES: Final = 4 * 2**20
WAIT_S: Final = 0.05
TOO_MANY: Final = (
    f"{MOST_WAITING} pictures are waiting already, and one a second is sent; wait a little, or put several "
    "into one."
)


class Projector:
    """What `LiveWidget.show` and the page's camera, screen and files have in common.

    `check` and `reserve` may be called from any thread; all else runs on the background loop.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge, chores: BackgroundTasks) -> None:
        """Show to the sessions of one talk; the pages of the bridge are told."""
        self._sessions = sessions
        self._bridge = bridge
        self._chores = chores
        self._sight = Sight()
        self._lock = threading.Lock()
        self._reserved = 0

    def check(self) -> None:
        """Refuse pictures where the model takes none.

        Raises:
            UsageError: If so.
        """
        provider = self._sessions.provider
        require_vision(provider.capabilities)

    def reserve(self) -> None:
        """Keep a place for a picture that `show` will bring.

        Raises:
            UsageError: If too many wait.
        """
        with self._lock:
            if self._reserved + self._sight.waiting >= MOST_WAITING:
                raise UsageError(TOO_MANY)
            self._reserved += 1

    # --- In -------------------------------------------------------------------------------------------------

    def show(self, picture: Picture, text: str) -> None:
        """Send a picture for which a place is kept, in its turn, and `text` right after it."""
        with self._lock:
            self._reserved -= 1
            self._sight.show(Shown(picture, "python", text=text))

    def say(self, text: str) -> bool:
        """Keep text that belongs after pictures that wait; False where none do."""
        return self._sight.waiting > 0 and self._sight.show(Shown(None, "python", text=text))

    def frame(self, message: m.CameraFrame, number: int, data: bytes, age_ms: float) -> None:
        """Take a picture of the page's: a frame as it comes, a file in its turn."""
        picture = Picture(data, message.mime_type, message.width, message.height)
        shown = Shown(picture, message.source, number)
        if not 0 < len(data) <= MOST_BYTES:
            self._tell(Outcome(shown, False, "unreadable"))
        elif message.source != "file":
            if age_ms > STALE_MS:
                self._tell(Outcome(shown, False, "old"))
            else:
                self._sight.frame(shown)
        elif not self._sight.show(shown):
            self._tell(Outcome(shown, False, "full"))

    def shut(self) -> None:
        """Camera and screen are off."""
        self._sight.shut()

    def clear(self) -> None:
        """The talk has ended."""
        self._sight.clear()

    # --- Out ------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send what is due, if a session is open; to be called about twenty times a second."""
        session = self._sessions.current
        if session is None or not self._sessions.is_current:
            return
        for outcome in self._sight.due(now_ms()):
            if outcome.sends:
                self._put(session, outcome)
            else:
                self._tell(outcome)

    async def emptied(self) -> None:
        """Wait until the session has all that was shown on purpose, in its order."""
        self.pump()
        while self._sight.waiting and self._sessions.current is not None:
            await asyncio.sleep(WAIT_S)
            self.pump()

    def _put(self, session: LiveSession, outcome: Outcome) -> None:
        """Hand over a picture, and its text right after it."""
        shown = outcome.shown
        try:
            item = session.put_image(shown.picture) if shown.picture is not None else None
            if shown.text:
                session.put_text(shown.text)
        except LiveError as error:
            if shown.picture is not None:
                self._sight.unsent(again=False)
            self._chores.failed(error)
        else:
            if item is not None:
                self._chores.spawn(self._follow(session, outcome, item))

    async def _follow(self, session: LiveSession, outcome: Outcome, item: OutboxItem) -> None:
        """Wait until a picture has left, so that the next follows in a second, and tell the pages."""
        try:
            await session.flushed(item)
        except LiveError:
            self._sight.unsent(again=False)
            raise
        if item.queued and not session.is_open:
            self._sight.unsent(again=True)  # The session was exchanged for another meanwhile.
        else:
            self._sight.sent(now_ms())
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        shown = outcome.shown
        assert shown.picture is not None
        tokens = tokens_of(self._sessions.config.media_resolution)
        view = m.PictureView(
            source=shown.source,
            number=shown.number,
            mime_type=shown.picture.mime_type,
            width=shown.picture.width,
            height=shown.picture.height,
            tokens=tokens if outcome.sends else 0,
            sent=outcome.sends,
            reason=outcome.reason,
        )
        # A page has the bytes of its own pictures.
        self._bridge.picture(view, shown.picture.data if shown.source == "python" else b"")
