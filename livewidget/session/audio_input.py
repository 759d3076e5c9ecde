"""The user's audio, on its way to the outbox: resampled, cut, and left out while nobody speaks.

The service counts and bills silence as it does speech, so `AudioInput` can stop after a while without speech,
and start again with the next word; the half second before that goes out first, so that no word is cut.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import AudioError
from livewidget.protocol import audio_message
from livewidget.protocol.messages import ClientMessage, RealtimeInput
from livewidget.session.outbox import OutboxItem

if TYPE_CHECKING:
    from livewidget.audio import Resampler

#: Sample rate at which audio is sent, in Hz: what the Live API takes.
SEND_RATE: Final = 16_000
#: Longest piece of audio in one message: 100 ms of PCM16. Chosen: the Live API's guide asks for 20 to 100 ms.
CHUNK_BYTES: Final = SEND_RATE // 10 * 2
#: Bytes of one millisecond of it.
BYTES_PER_MS: Final = SEND_RATE // 1000 * 2

#: Samples whose energy is looked at together: 20 ms, about the shortest sound of speech.
WINDOW: Final = 320
#: Speech is this much louder than the room: 8 dB. Chosen with the recordings in the tests.
SPEECH_RATIO: Final = 2.5
#: Bounds of the threshold, in shares of full scale: -55 dBFS and -36 dBFS. Below the first there is only the
#: noise of a sound card; above the second, people speak softly. When in doubt, it is speech.
THRESHOLD_MIN: Final = 10 ** (-55 / 20)
THRESHOLD_MAX: Final = 10 ** (-36 / 20)
#: Level assumed for the room before anything was heard: -58 dBFS.
INITIAL_ROOM: Final = THRESHOLD_MIN / 1.4
#: In a room that gets louder, the assumed level rises by half a decibel a second, here per window.
ROOM_RISE: Final = 10 ** (0.5 / 20 / 50)

#: Audio kept while nothing is sent, to precede the speech that ends the pause, in ms. Chosen: a soft first
#: consonant lasts up to 200 ms, and energy notices it late.
PREROLL_MS: Final = 500.0
#: Silence sent at the end of audio beyond what ends a turn, in ms. Chosen: turn detection may be late, and
#: takes up to 100 ms of a message for speech.
END_MARGIN_MS: Final = 200.0

#: What says that audio pauses.
AUDIO_ENDS: Final = ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True))


def _length_ms(*pieces: bytes) -> float:
    return sum(map(len, pieces)) / BYTES_PER_MS


class SpeechEnergy:
    """Tells speech from the room by level alone: follows the quietest level, and finds what is louder."""

    def __init__(self) -> None:
        self._room = INITIAL_ROOM

    def is_speech(self, pcm: bytes) -> bool:
        """Take PCM16 little-endian at 16 kHz; return whether any 20 ms of it may be speech."""
        import numpy as np

        samples = np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32)
        if not len(samples):
            return False
        count = max(1, len(samples) // WINDOW)
        windows = samples[: count * WINDOW].reshape(count, -1) if count > 1 else samples[None]
        # Not by np.mean: it runs for each piece of sound, and takes three times as long.
        powers: list[float] = np.einsum("ij,ij->i", windows, windows).tolist()
        scale = 32_768 * math.sqrt(windows.shape[1])
        quietest, loudest = math.sqrt(min(powers)) / scale, math.sqrt(max(powers)) / scale
        found = loudest > min(max(self._room * SPEECH_RATIO, THRESHOLD_MIN), THRESHOLD_MAX)
        self._room = quietest if quietest < self._room else self._room * ROOM_RISE**count
        return found


class SilenceSuppressor:
    """Decides for each piece of audio whether it is sent.

    Attributes:
        paused: Whether nothing is sent at the moment.
        quiet_ms: How much audio without speech was sent last, in ms.
    """

    def __init__(self, after_ms: float | None) -> None:
        """Pause after `after_ms` milliseconds of audio without speech; None: never."""
        self.paused = False
        self.quiet_ms = 0.0
        self._after_ms = after_ms
        self._preroll: deque[bytes] = deque()

    def filter(self, piece: bytes, *, needed: bool) -> list[bytes]:
        """Take a piece of audio, and return what is sent now, oldest first.

        `needed`: it is sent in any case, since somebody may be speaking in it, or silence is needed.
        """
        if needed or self._after_ms is None:
            if not self.paused:
                self.quiet_ms = 0.0
                return [piece]
            return [*self.resume(), piece]
        if self.paused:
            self._preroll.append(piece)
            while _length_ms(*self._preroll) - _length_ms(self._preroll[0]) >= PREROLL_MS:
                self._preroll.popleft()
            return []
        self.quiet_ms += _length_ms(piece)
        self.paused = self.quiet_ms >= self._after_ms
        return [piece]

    def resume(self) -> list[bytes]:
        """End the pause, and return the audio that was kept."""
        kept = list(self._preroll)
        self._preroll.clear()
        self.paused, self.quiet_ms = False, 0.0
        return kept


class AudioInput:
    """Takes audio as callers have it, and returns items of at most 100 ms at 16 kHz.

    Attributes:
        has_speech: Whether somebody may have spoken since this was last set to False.
    """

    def __init__(
        self,
        idle_pause_s: float | None,
        needs_silence: Callable[[], bool],
        end_silence_ms: Callable[[], float] = float,
    ) -> None:
        """Begin with no audio.

        Args:
            idle_pause_s: Seconds without speech after which no more is sent; None: all audio is sent.
            needs_silence: Returns whether silence is sent all the same.
            end_silence_ms: Returns how much silence, in ms, the model has to hear before audio ends, or it
                goes on waiting for the end of what was said.
        """
        self.has_speech = False
        self._needs_silence = needs_silence
        self._end_silence_ms = end_silence_ms
        self._streaming = False  # Audio was sent since it ended last.
        self._energy = SpeechEnergy()
        self._suppressor = SilenceSuppressor(None if idle_pause_s is None else idle_pause_s * 1000)
        self._resampler: Resampler | None = None
        self._rate = SEND_RATE

    @property
    def paused(self) -> bool:
        """Whether nothing is sent because nobody speaks."""
        return self._suppressor.paused

    def take(self, audio: Any, sample_rate: int) -> list[OutboxItem]:
        """Return what is to be sent of `audio`, and the mark that it pauses, if it does.

        Args:
            audio: PCM16 little-endian mono bytes, or an array as `livewidget.audio.to_float` takes it.
            sample_rate: Its rate in Hz. Calls with one rate continue one stream.

        Raises:
            AudioError: If `audio` or its rate is not valid.
        """
        if isinstance(audio, bytes | bytearray | memoryview):
            audio = bytes(audio)
            if len(audio) % 2:
                raise AudioError("PCM16 audio has two bytes a sample, but this has an odd number of bytes.")
        else:
            from numpy import ndarray

            if not isinstance(audio, ndarray):
                raise AudioError(
                    f"Sound is PCM16 bytes or a NumPy array of int16 or float32, not {type(audio).__name__}."
                )
        rest = self._flush_resampler() if sample_rate != self._rate else b""
        self._rate = sample_rate
        # What the page records needs no conversion.
        as_it_is = isinstance(audio, bytes) and sample_rate == SEND_RATE
        return self._items(rest + (audio if as_it_is else self._resample(audio)))

    def end(self) -> list[OutboxItem]:
        """Return the rest of the stream; the next call of `take` begins another one."""
        return self._items(self._flush_resampler())

    def pause(self) -> list[OutboxItem]:
        """Return the rest of the stream and the mark that audio pauses, unless the service knows already.

        Before the mark comes the silence that the model has to hear.
        """
        items = self.end()
        if not self.paused:
            # Whatever was quiet before: it was a room's noise, which the service may have taken for speech.
            items += self._ending(self._end_silence_ms())
        self._suppressor.resume()
        return items

    def _ending(self, silence_ms: float) -> list[OutboxItem]:
        items = []
        left = round(silence_ms) * BYTES_PER_MS if self._streaming else 0
        while left > 0:
            piece = bytes(min(left, CHUNK_BYTES))
            items.append(OutboxItem("audio", audio_message(piece), ms=_length_ms(piece)))
            left -= len(piece)
        self._streaming = False
        return [*items, OutboxItem("mark", AUDIO_ENDS)]

    def _items(self, pcm: bytes) -> list[OutboxItem]:
        items: list[OutboxItem] = []
        for start in range(0, len(pcm), CHUNK_BYTES):
            piece = pcm[start : start + CHUNK_BYTES]
            is_speech, was_paused = self._energy.is_speech(piece), self._suppressor.paused
            self.has_speech = self.has_speech or is_speech
            for sent in self._suppressor.filter(piece, needed=is_speech or self._needs_silence()):
                ms = _length_ms(sent)
                items.append(OutboxItem("audio", audio_message(sent), ms=ms, is_speech=is_speech))
                self._streaming = True
            if self._suppressor.paused and not was_paused:
                items += self._ending(self._end_silence_ms() - self._suppressor.quiet_ms)
        return items

    def _flush_resampler(self) -> bytes:
        resampler, self._resampler = self._resampler, None
        if resampler is None:
            return b""
        from livewidget.audio import to_pcm16

        return to_pcm16(resampler.flush())

    def _resample(self, audio: Any) -> bytes:
        from livewidget.audio import Resampler, to_float, to_pcm16

        samples = to_float(audio)
        if self._rate != SEND_RATE:
            if self._resampler is None:
                self._resampler = Resampler(self._rate, SEND_RATE)
            samples = self._resampler.process(samples)
        return to_pcm16(samples)
