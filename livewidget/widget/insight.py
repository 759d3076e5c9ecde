"""What pages see of a talk's insides while they look: the wire, and what turn detection hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from livewidget.config import TurnDetection
from livewidget.session.wire import Frame, WireLog
from livewidget.widget.bridge import Bridge
from livewidget.widget.messages import Explorer, FrameView, Wire
from livewidget.widget.views import shorten

if TYPE_CHECKING:
    from livewidget.widget.tuner import Tuner

#: How often the pages are told, in ms.
PERIOD_MS: Final = 250.0
#: Frames in one message, and those from before somebody looked; what is older stays in `live.wire`.
FRAMES: Final = 100
EARLIER: Final = 400
#: Characters of one frame's text.
TEXT: Final = 20_000


class Insight:
    """Gathers and sends only while somebody looks."""

    def __init__(self, bridge: Bridge, *, remote: bool) -> None:
        """Show to the pages of `bridge`; `remote`: the model has ears of its own."""
        self._bridge = bridge
        self._remote = remote
        self._tuner: Tuner | None = None
        self._heard_by: TurnDetection | None = None
        self._frames = _Frames()
        self._sent_ms = float("-inf")

    def explore(self, looks: Explorer) -> None:
        """A page looks at other parts than before; one that comes to the wire is shown what was."""
        if looks.wire:
            self._frames.again()

    def voice(self, pcm: bytes, turns: TurnDetection, now_ms: float) -> None:
        """Listen along: PCM16 at 16 kHz, as it goes to the model that finds turns in this way."""
        if not self._bridge.pages.looking("tuner", now_ms):
            self._tuner = None
            return
        if self._tuner is None or self._heard_by != turns:
            from livewidget.widget.tuner import Tuner, hearing_of  # NumPy and the detector: when looked at.

            self._tuner = Tuner(hearing_of(turns, remote=self._remote))
            self._heard_by = turns
        self._tuner.feed(pcm)

    def tick(self, now_ms: float, log: WireLog | None = None) -> None:
        """Let time pass; what was gathered goes out four times a second.

        Args:
            now_ms: The time.
            log: The wire of the session that runs, or of the last one.
        """
        if now_ms - self._sent_ms < PERIOD_MS:
            return
        self._sent_ms = now_ms
        self._frames.follow(log, now_ms)
        speech = self._tuner.take() if self._tuner is not None else None
        if speech is not None:
            self._bridge.insight("tuner", speech)
        if self._bridge.pages.looking("wire", now_ms):
            news = self._frames.news()
            if news is not None:
                self._bridge.insight("wire", news)


class _Frames:
    """The frames of a talk's sessions as one row: numbers and times go on where a new session begins."""

    def __init__(self) -> None:
        self._log: WireLog | None = None
        self._first_ms: float | None = None
        self._base_ms = 0.0
        self._base = 0
        self._newest = 0
        self._shown = 0

    def follow(self, log: WireLog | None, now_ms: float) -> None:
        """A session's log is there, perhaps another than before."""
        if log is None:
            return
        if log is not self._log:
            self._first_ms = now_ms if self._first_ms is None else self._first_ms
            self._base_ms, self._base = now_ms - self._first_ms, self._newest
            self._log = log
            self._shown = self._base
        self._newest = self._base + log.lost + len(log)

    def again(self) -> None:
        """Somebody begins to look: what is kept is news again, up to a point."""
        self._shown = max(self._base, self._newest - EARLIER)

    def news(self) -> Wire | None:
        """Return the frames that were not shown yet, or None."""
        if self._log is None or self._newest <= self._shown:
            return None
        kept = self._log.frames[-(self._newest - self._shown) :]
        told = kept[:FRAMES]
        if not told:
            return None
        lost = max(0, self._base + told[0].number - self._shown - 1)
        self._shown = self._base + told[-1].number
        return Wire(frames=tuple(self._view(frame) for frame in told), lost=lost)

    def _view(self, frame: Frame) -> FrameView:
        return FrameView(
            number=self._base + frame.number,
            at_ms=round(self._base_ms + frame.at_ms, 1),
            outgoing=frame.outgoing,
            kind=frame.kind,
            size=frame.size,
            gap_ms=None if frame.gap_ms is None else round(frame.gap_ms, 1),
            json=shorten(frame.text, TEXT),
        )
