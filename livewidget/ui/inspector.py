"""The meter of a talk, for its pages: tokens, money and time, over all its sessions.

What pages see of a talk's insides while they look: the wire, and what turn detection hears.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from livewidget.config import TurnDetection
from livewidget.session import LiveSession
from livewidget.session.usage import Meter
from livewidget.session.wire_log import Frame, WireLog
from livewidget.ui import messages as m
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import ExplorerState, FrameView, WireView
from livewidget.ui.sessions import Sessions
from livewidget.ui.views import shorten

if TYPE_CHECKING:
    from livewidget.ui.vad_monitor import VadMonitor


#: No more often than this, in ms.
PERIOD_MS: Final = 1000.0
#: A time that is off by less is the page's own clock, and no news.
DRIFT_MS: Final = 1500.0


class UsagePublisher:
    """Adds up what the sessions of a talk have used, and tells the pages when that has changed.

    Time that passes is no change: the pages count it down themselves.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge) -> None:
        """Read the meters of `sessions`, for the pages of `bridge`."""
        self._sessions = sessions
        self._bridge = bridge
        self._session: LiveSession | None = None
        self._meters: list[Meter] = []
        self._told: m.MeterView | None = None
        self._told_ms = self._read_ms = float("-inf")

    def forget(self) -> None:
        """A page came that was told nothing yet."""
        self._told = None

    def tick(self, now_ms: float) -> None:
        """Time has passed."""
        if self._told is not None and now_ms - self._read_ms < PERIOD_MS:
            return
        self._read_ms = now_ms
        self._read()
        if self._meters and len(self._bridge.pages):
            news = view(self._meters)
            if self._told is None or _has_changed(news, self._told, now_ms - self._told_ms):
                self._told, self._told_ms = news, now_ms
                self._bridge.tell(news)

    def _read(self) -> None:
        session = self._sessions.current
        if session is not None and session.is_open and session is not self._session:
            if self._session is not None:
                self._meters[-1] = self._session.meter  # It may have used more after it was read last.
            self._session = session
            self._meters.append(session.meter)
        elif self._session is not None:
            meter = self._session.meter
            over = session is not self._session or not session.is_open
            # What was used stands; how long it lasts is over.
            self._meters[-1] = replace(meter, time_left_ms=None, ending=None) if over else meter


def view(meters: list[Meter]) -> m.MeterView:
    """Return the meters of a talk's sessions as one; what is no sum is the last one's."""
    last = meters[-1]
    kinds: Counter[str] = Counter()
    for meter in meters:
        kinds.update(meter.usage.prompt_by_modality)
        kinds.update(meter.usage.response_by_modality)
    costs = [meter.cost_usd for meter in meters if meter.usage.total_tokens]
    known = [cost for cost in costs if cost is not None]
    return m.MeterView(
        prompt_tokens=sum(meter.usage.prompt_tokens for meter in meters),
        response_tokens=sum(meter.usage.response_tokens for meter in meters),
        total_tokens=sum(meter.usage.total_tokens for meter in meters),
        by_modality=dict(sorted(kinds.items())),
        context_tokens=last.context_tokens,
        context_limit=last.context_limit,
        cost_usd=sum(known) if len(known) == len(costs) else None,
        prices_of=last.prices_of,
        time_left_ms=None if last.time_left_ms is None else round(last.time_left_ms),
        time_limit_ms=last.time_limit_ms,
        ending=last.ending,
        link_ms=None if last.link_ms is None else round(last.link_ms),
    )


def _has_changed(news: m.MeterView, told: m.MeterView, since_ms: float) -> bool:
    if msgspec.structs.replace(news, time_left_ms=told.time_left_ms) != told:
        return True
    if news.time_left_ms is None or told.time_left_ms is None:
        return news.time_left_ms != told.time_left_ms
    return abs(told.time_left_ms - since_ms - news.time_left_ms) > DRIFT_MS


#: How often the pages are told, in ms.
INSIGHT_PERIOD_MS: Final = 250.0
#: Frames in one message, and those from before somebody looked; what is older stays in `live.wire`.
FRAMES: Final = 100
EARLIER: Final = 400
#: Characters of one frame's text.
TEXT: Final = 20_000


class Inspector:
    """Gathers and sends only while somebody looks."""

    def __init__(self, bridge: Bridge, *, remote: bool) -> None:
        """Show to the pages of `bridge`; `remote`: the model has ears of its own."""
        self._bridge = bridge
        self._remote = remote
        self._tuner: VadMonitor | None = None
        self._heard_by: TurnDetection | None = None
        self._frames = _Frames()
        self._sent_ms = float("-inf")

    def explore(self, looks: ExplorerState) -> None:
        """A page looks at other parts than before; one that comes to the wire is shown what was."""
        if looks.wire:
            self._frames.again()

    def voice(self, pcm: bytes, turns: TurnDetection, now_ms: float) -> None:
        """Listen along: PCM16 at 16 kHz, as it goes to the model that finds turns in this way."""
        if not self._bridge.pages.looking("tuner", now_ms):
            self._tuner = None
            return
        if self._tuner is None or self._heard_by != turns:
            from livewidget.ui.vad_monitor import (  # NumPy and the detector: when looked at.
                VadMonitor,
                hearing_of,
            )

            self._tuner = VadMonitor(hearing_of(turns, remote=self._remote))
            self._heard_by = turns
        self._tuner.feed(pcm)

    def tick(self, now_ms: float, log: WireLog | None = None) -> None:
        """Let time pass; what was gathered goes out four times a second.

        Args:
            now_ms: The time.
            log: The wire of the session that runs, or of the last one.
        """
        if now_ms - self._sent_ms < INSIGHT_PERIOD_MS:
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

    def news(self) -> WireView | None:
        """Return the frames that were not shown yet, or None."""
        if self._log is None or self._newest <= self._shown:
            return None
        kept = self._log.frames[-(self._newest - self._shown) :]
        told = kept[:FRAMES]
        if not told:
            return None
        lost = max(0, self._base + told[0].number - self._shown - 1)
        self._shown = self._base + told[-1].number
        return WireView(frames=tuple(self._view(frame) for frame in told), lost=lost)

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
