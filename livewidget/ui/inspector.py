"""What pages see of a conversation's insides: what it has used, the wire, and what turn detection hears."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from livewidget.config import TurnDetection
from livewidget.session import LiveSession
from livewidget.session.usage import Meter
from livewidget.session.wire_log import Frame, WireLog
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import ExplorerState, FrameView, MeterView, WireView
from livewidget.ui.sessions import Sessions
from livewidget.ui.views import shorten

if TYPE_CHECKING:
    from livewidget.ui.vad_monitor import VadMonitor


#: The meter is read no more often than this. Chosen: prices and tokens are not followed by the second.
PERIOD_MS: Final = 1000.0
#: A time left that is off by less is the drift of the page's own clock. Chosen: a displayed second and a
#: half.
DRIFT_MS: Final = 1500.0


class UsagePublisher:
    """Adds up what the sessions of a conversation have used, and tells the pages when that has changed.

    Time that passes is not a change: the pages count it down themselves.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge) -> None:
        """Read the meters of `sessions`, for the pages of `bridge`."""
        self._sessions = sessions
        self._bridge = bridge
        self._session: LiveSession | None = None
        self._meters: list[Meter] = []
        self._sent: MeterView | None = None
        self._sent_ms = self._read_ms = float("-inf")

    def forget(self) -> None:
        """Send the meter again: a page came that does not have it."""
        self._sent = None

    def tick(self, now_ms: float) -> None:
        """Send the meter, if it is time to read it and it has changed."""
        if self._sent is not None and now_ms - self._read_ms < PERIOD_MS:
            return
        self._read_ms = now_ms
        self._read()
        if self._meters and len(self._bridge.front_ends):
            view = meter_view(self._meters)
            if self._sent is None or _has_changed(view, self._sent, now_ms - self._sent_ms):
                self._sent, self._sent_ms = view, now_ms
                self._bridge.send(view)

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


def meter_view(meters: Sequence[Meter]) -> MeterView:
    """Return the meters of several sessions as one; what is not a sum is that of the last one."""
    last = meters[-1]
    kinds: Counter[str] = Counter()
    for meter in meters:
        kinds.update(meter.usage.prompt_by_modality)
        kinds.update(meter.usage.response_by_modality)
    costs = [meter.cost_usd for meter in meters if meter.usage.total_tokens]
    known = [cost for cost in costs if cost is not None]
    return MeterView(
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


def _has_changed(view: MeterView, sent: MeterView, since_ms: float) -> bool:
    if msgspec.structs.replace(view, time_left_ms=sent.time_left_ms) != sent:
        return True
    if view.time_left_ms is None or sent.time_left_ms is None:
        return view.time_left_ms != sent.time_left_ms
    return abs(sent.time_left_ms - since_ms - view.time_left_ms) > DRIFT_MS


#: How often the pages are sent what was gathered. Chosen: four times a second looks continuous.
INSIGHT_PERIOD_MS: Final = 250.0
#: Frames in one message. Chosen: one message stays far below a comm's limits.
FRAMES: Final = 100
#: Frames from before a page began to watch; what is older stays in `live.wire`. Chosen: four messages.
EARLIER: Final = 400
#: Characters of one frame's text. Chosen: a setup with many tools is shown whole.
TEXT: Final = 20_000


class Inspector:
    """Gathers and sends what the explorer shows, only while a page watches it.

    Attributes:
        listens: Whether a page watches what turn detection hears.
    """

    def __init__(self, bridge: Bridge, *, remote: bool) -> None:
        """Send to the pages of `bridge`; `remote`: the model detects turns elsewhere, not in this process."""
        self.listens = False
        self._bridge = bridge
        self._remote = remote
        self._monitor: VadMonitor | None = None
        self._settings: TurnDetection | None = None
        self._frames = _Frames()
        self._sent_ms = float("-inf")

    def watch(self, message: ExplorerState) -> None:
        """Take in what a page watches; one that comes to the wire gets what was before."""
        self.listens = self.listens or message.tuner
        if message.wire:
            self._frames.rewind()

    def listen(self, pcm: bytes, turns: TurnDetection) -> None:
        """Monitor PCM16 at 16 kHz as turn detection with these settings hears it."""
        if self._monitor is None or self._settings != turns:
            # NumPy and the detector are imported when somebody watches.
            from livewidget.ui.vad_monitor import VadMonitor, vad_settings

            self._monitor = VadMonitor(vad_settings(turns, remote=self._remote))
            self._settings = turns
        self._monitor.feed(pcm)

    def tick(self, now_ms: float, log: WireLog | None = None) -> None:
        """Send what was gathered, four times a second.

        Args:
            now_ms: The time.
            log: The wire of the open session, or of the last one.
        """
        self.listens = self._bridge.front_ends.watching("tuner", now_ms)
        if not self.listens:
            self._monitor = None
        if now_ms - self._sent_ms < INSIGHT_PERIOD_MS:
            return
        self._sent_ms = now_ms
        self._frames.follow(log, now_ms)
        speech = self._monitor.take() if self._monitor is not None else None
        if speech is not None:
            self._bridge.send_insight("tuner", speech)
        if self._bridge.front_ends.watching("wire", now_ms):
            wire = self._frames.take()
            if wire is not None:
                self._bridge.send_insight("wire", wire)


class _Frames:
    """The frames of all sessions in one sequence: numbers and times go on where a new session begins."""

    def __init__(self) -> None:
        self._log: WireLog | None = None
        self._first_ms: float | None = None
        self._base_ms = 0.0
        self._base = 0
        self._newest = 0
        self._shown = 0

    def follow(self, log: WireLog | None, now_ms: float) -> None:
        """Read from a session's log, perhaps another than before."""
        if log is None:
            return
        if log is not self._log:
            self._first_ms = now_ms if self._first_ms is None else self._first_ms
            self._base_ms, self._base = now_ms - self._first_ms, self._newest
            self._log = log
            self._shown = self._base
        self._newest = self._base + log.lost + len(log)

    def rewind(self) -> None:
        """Take the last frames again: a page begins to watch."""
        self._shown = max(self._base, self._newest - EARLIER)

    def take(self) -> WireView | None:
        """Return frames that were not taken yet, or None."""
        if self._log is None or self._newest <= self._shown:
            return None
        kept = self._log.frames[-(self._newest - self._shown) :]
        taken = kept[:FRAMES]
        if not taken:
            return None
        lost = max(0, self._base + taken[0].number - self._shown - 1)
        self._shown = self._base + taken[-1].number
        return WireView(frames=tuple(self._view(frame) for frame in taken), lost=lost)

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
