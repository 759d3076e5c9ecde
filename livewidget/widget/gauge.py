"""The meter of a talk, for its pages: tokens, money and time, over all its sessions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

import msgspec

from livewidget.session import LiveSession
from livewidget.session.meter import Meter
from livewidget.widget import messages as m
from livewidget.widget.bridge import Bridge
from livewidget.widget.sessions import Sessions

#: No more often than this, in ms.
PERIOD_MS: Final = 1000.0
#: A time that is off by less is the page's own clock, and no news.
DRIFT_MS: Final = 1500.0


class Gauge:
    """Adds up what the sessions of a talk have used, and tells the pages when that has changed.

    Time that passes is no change: the pages count it down themselves.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge) -> None:
        """Read the meters of `sessions`, for the pages of `bridge`."""
        self._sessions = sessions
        self._bridge = bridge
        self._session: LiveSession | None = None
        self._meters: list[Meter] = []
        self._told: m.Meter | None = None
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


def view(meters: list[Meter]) -> m.Meter:
    """Return the meters of a talk's sessions as one; what is no sum is the last one's."""
    last = meters[-1]
    kinds: Counter[str] = Counter()
    for meter in meters:
        kinds.update(meter.usage.prompt_by_modality)
        kinds.update(meter.usage.response_by_modality)
    costs = [meter.cost_usd for meter in meters if meter.usage.total_tokens]
    known = [cost for cost in costs if cost is not None]
    return m.Meter(
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


def _has_changed(news: m.Meter, told: m.Meter, since_ms: float) -> bool:
    if msgspec.structs.replace(news, time_left_ms=told.time_left_ms) != told:
        return True
    if news.time_left_ms is None or told.time_left_ms is None:
        return news.time_left_ms != told.time_left_ms
    return abs(told.time_left_ms - since_ms - news.time_left_ms) > DRIFT_MS
