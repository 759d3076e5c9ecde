"""Sends no silence for hours: after a while without a voice the sound stops, and starts again with the next.

The service counts and bills silence as it does speech. What a voice begins with is kept: the half second
before it was noticed goes out first, so that no word is cut.

Voice or the room? By level alone: whoever is in doubt hears a voice.

What the user sends, checked and made into messages.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from livewidget.errors import AudioError, PictureError, UsageError
from livewidget.models import Model
from livewidget.pictures import Picture
from livewidget.protocol import Blob, ClientContent, ClientMessage, Content, Part, RealtimeInput

if TYPE_CHECKING:
    from livewidget.audio import Resampler


#: Sound kept while nothing is sent, to go before the voice that ends the pause.
BEFORE_MS: Final = 500.0


class IdlePause:
    """Decides of each piece of sound whether it goes out.

    Attributes:
        paused: Whether nothing is sent at the moment.
    """

    def __init__(self, after_ms: float | None) -> None:
        """Pause after so many milliseconds of sound without a voice; None: never."""
        self.paused = False
        self._after_ms = after_ms
        self._quiet_ms = 0.0
        self._kept: deque[tuple[bytes, float]] = deque()
        self._kept_ms = 0.0

    def take(self, piece: bytes, ms: float, *, voiced: bool, busy: bool) -> list[bytes]:
        """Take a piece of sound; returns what goes out now, oldest first.

        Args:
            piece: The sound.
            ms: Its length.
            voiced: Whether somebody may be speaking in it.
            busy: Whether a turn is on, or silence may not be left out.
        """
        if voiced or busy or self._after_ms is None:
            self._quiet_ms = 0.0
            return [*self.awake(), piece]
        if self.paused:
            self._keep(piece, ms)
            return []
        self._quiet_ms += ms
        self.paused = self._quiet_ms >= self._after_ms
        return [piece]

    def awake(self) -> list[bytes]:
        """End the pause; returns what was kept."""
        kept = [piece for piece, _ in self._kept]
        self.paused = False
        self._kept.clear()
        self._kept_ms = self._quiet_ms = 0.0
        return kept

    def _keep(self, piece: bytes, ms: float) -> None:
        self._kept.append((piece, ms))
        self._kept_ms += ms
        while self._kept_ms - self._kept[0][1] >= BEFORE_MS:
            self._kept_ms -= self._kept.popleft()[1]


#: Samples of one look: 20 ms at 16 kHz.
WINDOW: Final = 320
#: A voice is so much louder than the room: 8 dB.
ABOVE: Final = 2.5
#: The threshold is never lower (-55 dBFS) or higher (-36 dBFS), in shares of full scale.
LOWEST: Final = 10 ** (-55 / 20)
HIGHEST: Final = 10 ** (-36 / 20)
#: What the room is thought to be before anything was heard: -58 dBFS.
FIRST: Final = LOWEST / 1.4
#: In a room that gets louder, the floor follows by half a decibel in a second.
RISE: Final = 10 ** (0.5 / 20 / 50)


class Levels:
    """Follows the level of the room, the quietest that is heard, and finds what is louder."""

    def __init__(self) -> None:
        self._floor = FIRST

    def voiced(self, pcm: bytes) -> bool:
        """Take PCM16 little-endian at 16 kHz; return whether any 20 ms of it may be a voice."""
        import numpy as np

        samples = np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.float32)
        if not len(samples):
            return False
        count = max(1, len(samples) // WINDOW)
        windows = samples[: count * WINDOW].reshape(count, -1) if count > 1 else samples[None]
        loud = np.sqrt(np.mean(windows * windows, axis=1)) / 32_768
        quietest, loudest = float(loud.min()), float(loud.max())
        found = loudest > min(max(self._floor * ABOVE, LOWEST), HIGHEST)
        self._floor = quietest if quietest < self._floor else self._floor * RISE**count
        return found


#: Rate at which sound is sent, in Hz.
SEND_RATE: Final = 16_000
#: Longest piece of sound in one message: 100 ms of PCM16.
CHUNK_BYTES: Final = SEND_RATE // 10 * 2
#: What a millisecond of it takes.
BYTES_PER_MS: Final = SEND_RATE // 1000 * 2
#: Longest text, in characters: about as much as a model's context holds.
TEXT_LIMIT: Final = 500_000
#: Largest picture, in bytes.
IMAGE_LIMIT: Final = 8 * 2**20


class Microphone:
    """Turns the user's sound, however it comes, into PCM16 at 16 kHz in short pieces."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._rate = SEND_RATE

    def pieces(self, sound: Any, sample_rate: int) -> list[bytes]:
        """Return `sound` as pieces of at most 100 ms. Calls with one rate continue one stream.

        Args:
            sound: PCM16 bytes, mono; or an array as `livewidget.audio.to_float` takes it.
            sample_rate: Its rate in Hz.

        Raises:
            AudioError: If it is no such sound.
        """
        if isinstance(sound, bytes | bytearray | memoryview):
            sound = bytes(sound)
            if len(sound) % 2:
                raise AudioError("PCM16 audio has two bytes a sample, but this has an odd number of bytes.")
        else:
            from numpy import ndarray

            if not isinstance(sound, ndarray):
                raise AudioError(
                    f"Sound is PCM16 bytes or a NumPy array of int16 or float32, not {type(sound).__name__}."
                )
        before = self.rest() if sample_rate != self._rate else b""
        self._rate = sample_rate
        as_it_is = isinstance(sound, bytes) and sample_rate == SEND_RATE  # So comes what the page records.
        return _cut(before + (sound if as_it_is else self._converted(sound)))

    def rest(self) -> bytes:
        """Return what the resampler still holds back, and begin a new stream."""
        resampler, self._resampler = self._resampler, None
        if resampler is None:
            return b""
        from livewidget.audio import to_pcm16

        return to_pcm16(resampler.flush())

    def _converted(self, sound: Any) -> bytes:
        from livewidget.audio import Resampler, to_float, to_pcm16

        samples = to_float(sound)
        if self._rate != SEND_RATE:
            if self._resampler is None:
                self._resampler = Resampler(self._rate, SEND_RATE)
            samples = self._resampler.process(samples)
        return to_pcm16(samples)


def _cut(pcm: bytes) -> list[bytes]:
    return [pcm[start : start + CHUNK_BYTES] for start in range(0, len(pcm), CHUNK_BYTES)]


def text_message(text: str, model: Model) -> ClientMessage:
    """Return the message for what the user typed, in the way that the model takes it.

    Raises:
        UsageError: If there is no text, too much of it, or the model takes none.
    """
    if not isinstance(text, str):
        raise UsageError(f"What is sent as text must be a str, not {type(text).__name__}.")
    if not text.strip():
        raise UsageError("There is no text to send.")
    if len(text) > TEXT_LIMIT:
        raise UsageError(f"A text may have {TEXT_LIMIT:,} characters, and this has {len(text):,}; send less.")
    if model.text == "none":
        raise UsageError(f"{model.id} takes no text while a session runs; speak to it.")
    if model.text == "realtime_text":
        return ClientMessage(realtime_input=RealtimeInput(text=text))
    content = Content(role="user", parts=[Part(text=text)])
    return ClientMessage(client_content=ClientContent(turns=[content], turn_complete=True))


def need_sight(model: Model) -> None:
    """Refuse pictures where the model takes none.

    Raises:
        UsageError: If so.
    """
    if not model.video:
        raise UsageError(f"{model.id} takes no pictures; gemini-3.8-live and most other models do.")


def image_message(picture: Picture) -> ClientMessage:
    """Return the message for a picture.

    Raises:
        PictureError: If it has no bytes, too many, or is of no kind of picture.
    """
    if not picture.mime_type.startswith("image/"):
        raise PictureError('The mime_type of a picture begins with "image/".')
    size = len(picture.data)
    if not 0 < size <= IMAGE_LIMIT:
        raise PictureError(f"A picture has 1 byte to {IMAGE_LIMIT >> 20} MiB, and this has {size:,}.")
    blob = Blob(data=picture.data, mime_type=picture.mime_type)
    return ClientMessage(realtime_input=RealtimeInput(video=blob))
