"""The microphone as turn detection gets it, window by window.

A remote model says when speech began and ended, never why. The detector of the stand-in runs here on the same
audio with the same settings: with the stand-in it shows what happens, with a remote model an approximation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from livewidget.audio import SILENCE_DBFS, Samples, level_dbfs
from livewidget.config import TurnDetection
from livewidget.protocol import realtime_input
from livewidget.standin.interfaces import INPUT_RATE, SpeechEnded, SpeechStarted, VadSettings
from livewidget.standin.tutor.ears import SpeechSegmenter
from livewidget.ui.messages import MarkView, SpeechView
from livewidget.vad import WINDOW, Detector, SileroDetector, detector

#: Windows of 32 ms that wait to be taken: half a minute. The oldest are dropped.
MAX_WINDOWS = 1000
#: The silence that ends a turn on the service where nothing is said; the stand-in's own is shorter.
REMOTE_SILENCE_MS = 800
_STEP_MS = WINDOW * 1000 / INPUT_RATE


def vad_settings(turns: TurnDetection, *, remote: bool) -> VadSettings:
    """Return the settings for the stand-in's detector; `remote`: with the service's own silence."""
    settings = VadSettings.from_config(realtime_input(turns))
    if remote and turns.silence_ms is None:
        settings = replace(settings, silence_ms=REMOTE_SILENCE_MS)
    return settings


class VadMonitor:
    """Runs voice activity detection on the microphone; `take` returns what it found, a few times a second."""

    def __init__(self, settings: VadSettings, *, voice_detector: Detector | None = None) -> None:
        """Listen by `settings`, with a detector of its own unless one is given."""
        found = voice_detector or detector()
        self._name = "Silero" if isinstance(found, SileroDetector) else "Energy"
        self._settings = settings
        self._levels: list[float] = []
        self._probabilities: list[float] = []
        self._marks: list[MarkView] = []
        self._from_ms = 0.0
        self._segmenter = SpeechSegmenter(
            settings, _NoTranscriber(), voice_detector=_ReportingDetector(found, self._window)
        )

    def feed(self, pcm: bytes) -> None:
        """Process PCM16 little-endian mono at 16 kHz, at most 100 ms at a time."""
        for event in self._segmenter.feed(pcm):
            if isinstance(event, SpeechStarted):
                at_ms = event.at_sample * 1000 / INPUT_RATE
                self._mark("speech", at_ms - self._settings.prefix_padding_ms)
                self._mark("start", at_ms)
            elif isinstance(event, SpeechEnded):
                at_ms = event.at_sample * 1000 / INPUT_RATE
                self._mark("silence", at_ms - self._settings.silence_ms)
                self._mark("end", at_ms)

    def take(self) -> SpeechView | None:
        """Return what was found since this was last called, or None if that is nothing."""
        if not self._levels:
            return None
        found = SpeechView(
            from_ms=self._from_ms,
            step_ms=_STEP_MS,
            levels=tuple(self._levels),
            probabilities=tuple(self._probabilities),
            marks=tuple(self._marks),
            start_threshold=self._settings.start_threshold,
            end_threshold=self._settings.end_threshold,
            prefix_padding_ms=self._settings.prefix_padding_ms,
            silence_ms=self._settings.silence_ms,
            detector=self._name,
        )
        self._from_ms += len(self._levels) * _STEP_MS
        self._levels, self._probabilities, self._marks = [], [], []
        return found

    def _mark(self, kind: str, at_ms: float) -> None:
        self._marks.append(MarkView(kind=kind, at_ms=max(0.0, at_ms)))  # type: ignore[arg-type]

    def _window(self, window: Samples, probability: float) -> None:
        self._levels.append(round(max(level_dbfs(window), SILENCE_DBFS), 1))
        self._probabilities.append(round(probability, 3))
        if len(self._levels) > MAX_WINDOWS:
            del self._levels[0], self._probabilities[0]
            self._from_ms += _STEP_MS


class _ReportingDetector:
    """A detector that reports each probability it returns."""

    def __init__(self, found: Detector, on_window: Callable[[Samples, float], None]) -> None:
        self._found = found
        self._on_window = on_window

    def probability(self, window: Samples) -> float:
        probability = self._found.probability(window)
        self._on_window(window, probability)
        return probability


class _NoTranscriber:
    """Takes the audio of utterances and transcribes nothing."""

    def begin(self) -> None: ...

    def feed(self, pcm: bytes, speech: bool) -> str | None: ...

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        return "", True, None

    def close(self) -> None: ...
