"""The tutor's ears: where speech starts and ends, and what was said.

Two parts: `VoiceActivity` finds speech in a stream and hands its sound to a `Listener`; the tutor's
listener is the recogniser, a user's may be any function.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from livewidget.audio import to_float
from livewidget.standin.interfaces import (
    HEARING_RATE,
    Heard,
    HearingSettings,
    Partial,
    Phrases,
    SpeechEnded,
    SpeechStarted,
)
from livewidget.standin.tutor.recognizer import Recognizer
from livewidget.vad import WINDOW, Detector, detector

_PREROLL_MS = 300  # of sound before speech was noticed that the recogniser gets: soft first consonants
_LONGEST_MS = 60_000  # an utterance ends here at the latest, or a radio would be listened to for ever
_WINDOW_MS = WINDOW * 1_000 // HEARING_RATE
_WINDOW_BYTES = WINDOW * 2


class Listener(Protocol):
    """What is done with the sound of an utterance."""

    def begin(self) -> None:
        """An utterance begins."""

    def hear(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, and if somebody speaks in it; return all words so far if that changed."""

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        """The utterance ended: return `text`, `confident` and `later` of `SpeechEnded`."""

    def close(self) -> None:
        """Give everything back; twice is allowed."""


class TutorEars:
    """Hears with Silero VAD and pocketsphinx. Makes a `Hearing` for each session."""

    def session(self, settings: HearingSettings, phrases: Phrases) -> VoiceActivity:
        """Return fresh ears that listen for `phrases`; see `seams.Ears`. Takes some 50 ms.

        Raises:
            ExtraMissing: If the recogniser is not installed.
        """
        return VoiceActivity(settings, Recognizer(phrases))


class VoiceActivity:
    """Finds speech in a stream of sound: a `seams.Hearing`."""

    def __init__(
        self, settings: HearingSettings, listener: Listener, *, voice_detector: Detector | None = None
    ) -> None:
        """Detect by `settings`; tell `listener` about each utterance."""
        self._settings = settings
        self._listener = listener
        self._detector = voice_detector or detector()
        self._needed = max(1, -(-settings.prefix_padding_ms // _WINDOW_MS))  # windows of speech for a start
        preroll = -(-max(_PREROLL_MS, settings.prefix_padding_ms) // _WINDOW_MS)
        # Speech may pause while it starts: the windows needed lie within nearly twice as many.
        self._recent: deque[bool] = deque(maxlen=max(self._needed + 1, self._needed * 7 // 4))
        self._before: deque[tuple[bytes, bool]] = deque(maxlen=preroll + self._recent.maxlen)  # type: ignore[operator]
        self._rest = b""
        self._samples = 0
        self._speaking = False
        self._silent_ms = 0
        self._spoken_ms = 0
        self._closed = False

    def feed(self, pcm16k: bytes) -> list[Heard]:
        """Take sound and return what came of it; see `seams.Hearing`."""
        heard: list[Heard] = []
        if self._closed:
            return heard
        sound = self._rest + pcm16k
        whole = len(sound) // _WINDOW_BYTES * _WINDOW_BYTES
        self._rest = sound[whole:]
        for start in range(0, whole, _WINDOW_BYTES):
            self._window(sound[start : start + _WINDOW_BYTES], heard)
        return heard

    def _window(self, pcm: bytes, heard: list[Heard]) -> None:
        self._samples += WINDOW
        if self._settings.manual:
            # The listener wants to know where speech is also then, to set its level.
            self._hear(pcm, self._detector.probability(to_float(pcm)) >= 0.5, heard)
            return
        probability = self._detector.probability(to_float(pcm))
        speech = probability >= self._settings.start_threshold
        if not self._speaking:
            self._before.append((pcm, speech))
            self._recent.append(speech)
            if sum(self._recent) >= self._needed:
                self._begin(heard)
            return
        self._hear(pcm, speech, heard)
        if speech:
            self._silent_ms = 0
        elif self._silent_ms or probability < self._settings.end_threshold:
            self._silent_ms += _WINDOW_MS
        self._spoken_ms += _WINDOW_MS
        silent = self._silent_ms and self._silent_ms >= self._settings.silence_ms
        if silent or self._spoken_ms >= _LONGEST_MS:
            self._finish(heard)

    def _hear(self, pcm: bytes, speech: bool, heard: list[Heard]) -> None:
        if self._speaking and (text := self._listener.hear(pcm, speech)):
            heard.append(Partial(text))
        elif not self._speaking:
            self._before.append((pcm, speech))

    def _begin(self, heard: list[Heard]) -> None:
        self._speaking = True
        self._silent_ms = self._spoken_ms = 0
        heard.append(SpeechStarted(self._samples))
        self._listener.begin()
        while self._before:
            pcm, speech = self._before.popleft()
            self._hear(pcm, speech, heard)
        self._recent.clear()

    def _finish(self, heard: list[Heard]) -> None:
        self._speaking = False
        text, confident, later = self._listener.finish()
        silent = self._silent_ms * HEARING_RATE // 1000
        heard.append(SpeechEnded(text, self._samples, confident, later, silent))

    def start(self) -> list[Heard]:
        """Begin an utterance now."""
        heard: list[Heard] = []
        if not self._speaking and not self._closed:
            self._begin(heard)
        return heard

    def end(self) -> list[Heard]:
        """End the utterance now."""
        return self.flush()

    def flush(self) -> list[Heard]:
        """End the utterance that is going on, if any; the next sound is a new beginning."""
        heard: list[Heard] = []
        if self._closed:
            return heard
        if self._speaking:
            if self._rest:
                self._hear(self._rest, False, heard)
                self._samples += len(self._rest) // 2
            self._finish(heard)
        self._rest = b""
        self._before.clear()
        self._recent.clear()
        return heard

    def close(self) -> None:
        """Stop listening."""
        if not self._closed:
            self._closed = True
            self._listener.close()
