"""What pages see of a talk's insides while they look: the microphone as turn detection hears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livewidget.config import TurnDetection
from livewidget.widget.bridge import Bridge

if TYPE_CHECKING:
    from livewidget.widget.tuner import Tuner

#: How often the pages are told, in ms.
PERIOD_MS = 250.0


class Insight:
    """Gathers and sends only while somebody looks."""

    def __init__(self, bridge: Bridge, *, remote: bool) -> None:
        """Show to the pages of `bridge`; `remote`: the model has ears of its own."""
        self._bridge = bridge
        self._remote = remote
        self._tuner: Tuner | None = None
        self._heard_by: TurnDetection | None = None
        self._sent_ms = float("-inf")

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

    def tick(self, now_ms: float) -> None:
        """Let time pass; what was gathered goes out four times a second."""
        if now_ms - self._sent_ms < PERIOD_MS:
            return
        self._sent_ms = now_ms
        speech = self._tuner.take() if self._tuner is not None else None
        if speech is not None:
            self._bridge.insight("tuner", speech)
