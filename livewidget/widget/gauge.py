"""Tells the pages that look at the explorer what the talk has used, and how long its connection lasts."""

from __future__ import annotations

from collections import Counter
from typing import Final

from livewidget.session.meter import Meter
from livewidget.widget import messages as m
from livewidget.widget.bridge import Bridge
from livewidget.widget.sessions import Sessions

#: No more often than this, in ms.
PERIOD_MS: Final = 1000.0


class Gauge:
    """Reads the meter of the session that is open, once a second, while somebody looks."""

    def __init__(self, sessions: Sessions, bridge: Bridge) -> None:
        self._sessions = sessions
        self._bridge = bridge
        self._told_ms = float("-inf")

    def tick(self, now_ms: float) -> None:
        """Time has passed."""
        session = self._sessions.current
        if session is None or not session.is_open or now_ms - self._told_ms < PERIOD_MS:
            return
        if self._bridge.pages.looking("open", now_ms):
            self._told_ms = now_ms
            self._bridge.tell(view(session.meter))


def view(meter: Meter) -> m.Meter:
    """Return a meter as the page shows it."""
    usage = meter.usage
    return m.Meter(
        prompt_tokens=usage.prompt_tokens,
        response_tokens=usage.response_tokens,
        total_tokens=usage.total_tokens,
        by_modality=dict(Counter(usage.prompt_by_modality) + Counter(usage.response_by_modality)),
        context_tokens=meter.context_tokens,
        context_limit=meter.context_limit,
        cost_usd=meter.cost_usd,
        prices_of=meter.prices_of,
        time_left_ms=None if meter.time_left_ms is None else round(meter.time_left_ms),
        time_limit_ms=meter.time_limit_ms,
        ending=meter.ending,
        link_ms=meter.link_ms,
    )
