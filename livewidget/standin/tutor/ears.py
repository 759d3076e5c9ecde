"""Speech recognition of the tutor: where speech starts and ends, and what was said.

`SpeechSegmenter` detects speech in a stream and passes it to an `UtteranceRecognizer`: the tutor's
`Recognizer`, or a user's function.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from livewidget.audio import to_float
from livewidget.standin.interfaces import (
    INPUT_RATE,
    PartialTranscript,
    Phrases,
    RecognitionEvent,
    SpeechEnded,
    SpeechStarted,
    VadSettings,
)
from livewidget.standin.tutor.recognizer import Recognizer
from livewidget.vad import WINDOW, Detector, detector

#: Audio before the detected start that is recognized, too. Detection takes 90 to 310 ms, more for soft
#: consonants.
_PREROLL_MS = 300
#: Longest utterance. Chosen: otherwise a radio would never end one.
_LONGEST_MS = 60_000
_WINDOW_MS = WINDOW * 1_000 // INPUT_RATE
_WINDOW_BYTES = WINDOW * 2


class UtteranceRecognizer(Protocol):
    """Recognizes one utterance after the other."""

    def begin(self) -> None:
        """Start an utterance."""

    def feed(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, and whether it is speech; return the transcript so far if it has changed."""

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        """End the utterance; return `text`, `confident` and `transcribe` of `SpeechEnded`."""

    def close(self) -> None:
        """Release all resources. May be called twice."""


class TutorSpeechToText:
    """Recognizes speech with Silero VAD and pocketsphinx."""

    def session(self, settings: VadSettings, phrases: Phrases) -> SpeechSegmenter:
        """Return a new recognition that expects `phrases`; see `SpeechToText`. Takes about 50 ms.

        Raises:
            ExtraMissing: If pocketsphinx is not installed.
        """
        return SpeechSegmenter(settings, Recognizer(phrases))


class DeafSpeechToText:
    """Notices that somebody speaks, and recognizes no word: for computers without pocketsphinx."""

    def session(self, settings: VadSettings, phrases: Phrases) -> SpeechSegmenter:
        """Return a new recognition; see `SpeechToText`."""
        return SpeechSegmenter(settings, _NoRecognizer())


class _NoRecognizer:
    """Recognizes nothing."""

    def begin(self) -> None: ...

    def feed(self, pcm: bytes, speech: bool) -> str | None: ...

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        return "", False, None

    def close(self) -> None: ...


class SpeechSegmenter:
    """Detects utterances in a stream of audio; implements `Recognition`."""

    def __init__(
        self,
        settings: VadSettings,
        recognizer: UtteranceRecognizer,
        *,
        voice_detector: Detector | None = None,
    ) -> None:
        """Detect by `settings`; pass each utterance to `recognizer`."""
        self._settings = settings
        self._recognizer = recognizer
        self._detector = voice_detector or detector()
        self._needed = max(1, -(-settings.prefix_padding_ms // _WINDOW_MS))  # windows of speech for a start
        preroll = -(-max(_PREROLL_MS, settings.prefix_padding_ms) // _WINDOW_MS)
        # Speech may pause while it starts: the windows needed may be spread over nearly twice as many.
        spread = max(self._needed + 1, self._needed * 7 // 4)
        self._recent: deque[bool] = deque(maxlen=spread)
        self._before: deque[tuple[bytes, bool]] = deque(maxlen=preroll + spread)
        self._rest = b""
        self._samples = 0
        self._speaking = False
        self._silent_ms = 0
        self._spoken_ms = 0
        self._closed = False

    def feed(self, pcm16k: bytes) -> list[RecognitionEvent]:
        """Take audio, and return the resulting events; see `Recognition`."""
        events: list[RecognitionEvent] = []
        if self._closed:
            return events
        pcm = self._rest + pcm16k
        whole = len(pcm) // _WINDOW_BYTES * _WINDOW_BYTES
        self._rest = pcm[whole:]
        for start in range(0, whole, _WINDOW_BYTES):
            self._process(pcm[start : start + _WINDOW_BYTES], events)
        return events

    def start(self) -> list[RecognitionEvent]:
        """Start an utterance now."""
        events: list[RecognitionEvent] = []
        if not self._speaking and not self._closed:
            self._begin(events)
        return events

    def end(self) -> list[RecognitionEvent]:
        """End the utterance now."""
        return self.flush()

    def flush(self) -> list[RecognitionEvent]:
        """End the current utterance, if any; what comes next does not continue it."""
        events: list[RecognitionEvent] = []
        if self._closed:
            return events
        if self._speaking:
            if self._rest:
                self._recognize(self._rest, False, events)
                self._samples += len(self._rest) // 2
            self._finish(events)
        self._rest = b""
        self._before.clear()
        self._recent.clear()
        return events

    def close(self) -> None:
        """Stop listening."""
        if not self._closed:
            self._closed = True
            self._recognizer.close()

    def _process(self, pcm: bytes, events: list[RecognitionEvent]) -> None:
        """Process one window of the detector."""
        self._samples += WINDOW
        probability = self._detector.probability(to_float(pcm))
        if self._settings.manual:
            # The recognizer still needs to know what is speech, to set its level.
            self._recognize(pcm, probability >= 0.5, events)
            return
        speech = probability >= self._settings.start_threshold
        if not self._speaking:
            self._before.append((pcm, speech))
            self._recent.append(speech)
            if sum(self._recent) >= self._needed:
                self._begin(events)
            return
        self._recognize(pcm, speech, events)
        if speech:
            self._silent_ms = 0
        elif self._silent_ms or probability < self._settings.end_threshold:
            self._silent_ms += _WINDOW_MS
        self._spoken_ms += _WINDOW_MS
        silent = self._silent_ms and self._silent_ms >= self._settings.silence_ms
        if silent or self._spoken_ms >= _LONGEST_MS:
            self._finish(events)

    def _recognize(self, pcm: bytes, speech: bool, events: list[RecognitionEvent]) -> None:
        if not self._speaking:
            self._before.append((pcm, speech))
        elif text := self._recognizer.feed(pcm, speech):
            events.append(PartialTranscript(text))

    def _begin(self, events: list[RecognitionEvent]) -> None:
        self._speaking = True
        self._silent_ms = self._spoken_ms = 0
        events.append(SpeechStarted(self._samples))
        self._recognizer.begin()
        while self._before:
            pcm, speech = self._before.popleft()
            self._recognize(pcm, speech, events)
        self._recent.clear()

    def _finish(self, events: list[RecognitionEvent]) -> None:
        self._speaking = False
        text, confident, transcribe = self._recognizer.finish()
        silent = self._silent_ms * INPUT_RATE // 1000
        events.append(SpeechEnded(text, self._samples, confident, transcribe, silent))
