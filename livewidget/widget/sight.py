"""What the model is shown, and when: pictures from Python and files in their order, frames as they come.

Pure bookkeeping; time is an argument, in ms of a clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from livewidget.errors import PictureError
from livewidget.pictures import INTERVAL_MS, Gate, Picture
from livewidget.widget.messages import PictureSource

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
