"""Voximplant's media stream, without I/O: its messages, its sound, and what was heard of it.

In: the JSON of a stream (https://voximplant.com/docs/guides/media-streams/format) with the caller's sound,
and the model's sound as the bridge sends it to a page. Out: sound at 16 kHz for the model, and chunks of
20 ms in the call's encoding when they fall due. Time is an argument, in ms of one monotonic clock.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.turns.turn import AUDIO_RATE

Samples: TypeAlias = NDArray[np.float32]

#: Milliseconds of one chunk that is sent: Voximplant recommends 20.
CHUNK_MS: Final = 20.0
#: How far what was sent may be ahead of what the caller hears, in ms. Voximplant keeps 10 s and offers no way
#: to take them back but the scenario. Chosen: below one second, so that a scenario that clears nothing falls
#: silent soon, and enough for a loop that was held up.
LEAD_MS: Final = 800.0
#: Rate of what a page's microphone sends.
MICROPHONE_RATE: Final = 16_000
#: Lost media of up to this long are replaced by silence, in seconds. Chosen: what is spoken keeps its length;
#: more of it would only delay the end of the sentence.
MOST_FILLED_S: Final = 1.0
#: A chunk number that is farther off than this begins to count anew. Chosen: a minute of chunks.
_NUMBERS_APART: Final = 3_000
#: Digits that follow each other within this time are sent together, in ms. Chosen: telephone menus wait two
#: to four seconds.
DIGITS_MS: Final = 2000.0
#: Digits that are sent at once. Chosen: more than a card's number.
MOST_DIGITS: Final = 32

UNREADABLE: Final = "A message was not one of a media stream: JSON with event or customEvent."
_NO_SOUND: Final = "A media message held no sound: whole samples of at most a second, in base64."
_OTHER_FORMAT: Final = (
    "The stream is {encoding} at {rate} Hz; use PCM16 at 16000 Hz, or PCM8, ULAW or ALAW at 8000 Hz."
)


class StreamError(Exception):
    """The media stream cannot go on; its text is one sentence for whoever reads the scenario's log."""


@lru_cache(maxsize=2)
def _g711(law: Literal["ULAW", "ALAW"]) -> NDArray[np.int16]:
    """Return the 256 values of µ-law or A-law, of ITU-T G.711, as PCM16."""
    code = np.arange(256, dtype=np.int32)
    if law == "ULAW":
        code = ~code & 0xFF
        magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
        return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    code ^= 0x55
    segment = (code & 0x70) >> 4
    magnitude = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment > 0, magnitude + 0x100 << np.maximum(segment - 1, 0), magnitude)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _to_ulaw(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    value = pcm.astype(np.int32)
    # In 14 bits, with the bias of the standard: 33, at most 8191.
    magnitude = np.minimum(np.abs(value >> 2), 8158) + 33
    segment = np.frexp(magnitude.astype(np.float32))[1] - 6
    code = (segment << 4) | ((magnitude >> segment + 1) & 0x0F)
    return np.asarray((code | np.where(value < 0, 0x80, 0)) ^ 0xFF, np.uint8)


def _to_alaw(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    value = pcm.astype(np.int32) >> 3  # in 13 bits
    magnitude = np.where(value < 0, -value - 1, value)
    segment = np.maximum(np.frexp(magnitude.astype(np.float32))[1] - 5, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    return np.asarray(code ^ np.where(value < 0, 0x55, 0xD5), np.uint8)


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """One encoding of Voximplant's media streams.

    Attributes:
        encoding: Its name on the wire. `PCM8` is PCM16, little-endian, at 8 kHz.
        rate: In Hz.
    """

    encoding: Literal["PCM16", "PCM8", "ULAW", "ALAW"]
    rate: int

    @property
    def _sample_bytes(self) -> int:
        return 2 if self.encoding.startswith("PCM") else 1

    def decode(self, data: bytes) -> Samples:
        """Return sound as float samples `(n,)`.

        Raises:
            StreamError: If it is empty, ends within a sample, or lasts longer than a second.
        """
        if not data or len(data) % self._sample_bytes or len(data) > self.rate * self._sample_bytes:
            raise StreamError(_NO_SOUND)
        if self.encoding in ("ULAW", "ALAW"):
            return to_float(_g711(self.encoding)[np.frombuffer(data, np.uint8)])
        return to_float(data)

    def encode(self, sound: Samples) -> bytes:
        """Return float samples `(n,)` in this encoding."""
        data = to_pcm16(sound)
        if self.encoding == "ULAW":
            return _to_ulaw(np.frombuffer(data, "<i2")).tobytes()
        if self.encoding == "ALAW":
            return _to_alaw(np.frombuffer(data, "<i2")).tobytes()
        return data


#: What a stream may be: the encoding and the rate that its start message names.
CODECS: Final = {
    (codec.encoding, codec.rate): codec
    for codec in (
        AudioCodec("PCM16", 16_000),
        AudioCodec("PCM8", 8_000),
        AudioCodec("ULAW", 8_000),
        AudioCodec("ALAW", 8_000),
    )
}


@dataclass(slots=True)
class CallStats:
    """What of a call's stream was lost.

    Attributes:
        received: Chunks of the caller's sound that were taken.
        lost: Chunks that never came; up to a second of silence stands for them.
        late: Chunks that came twice, or after later ones; they were left out.
        unreadable: Messages that could not be read.
        sent: Chunks of the model's sound that were sent, 20 ms each.
    """

    received: int = 0
    lost: int = 0
    late: int = 0
    unreadable: int = 0
    sent: int = 0


class _Format(msgspec.Struct, rename="camel"):
    encoding: str
    sample_rate: int | str


class StreamStart(msgspec.Struct, rename="camel"):
    """What a start message says of its stream; parameters come as text that holds JSON."""

    media_format: _Format
    custom_parameters: str | dict[str, Any] = ""
    tag: str = ""


class _Media(msgspec.Struct):
    payload: str
    # uint64 in the protocol: Protobuf's JSON writes them as text.
    chunk: int | str | None = None
    timestamp: int | str | None = None
    tag: str = ""


class StreamMessage(msgspec.Struct, rename="camel"):
    """One message of the scenario: an `event` of Voximplant's, or a `customEvent` of the scenario's own."""

    event: str = ""
    custom_event: str = ""
    start: StreamStart | None = None
    media: _Media | None = None
    tag: str = ""
    tone: str = ""


def read_message(frame: str | bytes) -> StreamMessage:
    """Return a message of the stream.

    Raises:
        StreamError: If it is not one.
    """
    try:
        message = msgspec.json.decode(frame, type=StreamMessage)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise StreamError(UNREADABLE) from None
    if bool(message.event) == bool(message.custom_event):
        raise StreamError(UNREADABLE)
    return message


def codec_of(start: StreamStart) -> AudioCodec:
    """Return the encoding of a stream.

    Raises:
        StreamError: If it is none that can be taken.
    """
    encoding, rate = start.media_format.encoding[:20], str(start.media_format.sample_rate)[:10]
    for codec in CODECS.values():
        if (codec.encoding, str(codec.rate)) == (encoding.upper(), rate):
            return codec
    raise StreamError(_OTHER_FORMAT.format(encoding=encoding, rate=rate))


def _number(value: int | str | None) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) <= 20 else None
    return value


class Inbound:
    """Turns the media messages of a stream into sound at 16 kHz, with silence for what was lost."""

    def __init__(self, start: StreamStart, stats: CallStats) -> None:
        """Begin with the stream's start message.

        Raises:
            StreamError: If it has another format.
        """
        self.codec = codec_of(start)
        self._tag = start.tag
        self._stats = stats
        self._resampler = Resampler(self.codec.rate, MICROPHONE_RATE)
        self._chunk: int | None = None
        self._next: int | None = None  # the timestamp that the next chunk would have, in samples

    def take(self, message: StreamMessage) -> Samples:
        """Return what may go on now, float samples `(n,)` at 16 kHz; nothing of another stream.

        Raises:
            StreamError: If the message holds no sound.
        """
        media = message.media
        if media is None:
            raise StreamError(UNREADABLE)
        tag = media.tag or message.tag
        if tag and self._tag and tag != self._tag:
            return np.zeros(0, np.float32)
        try:
            data = base64.b64decode(media.payload, validate=True)
        except (binascii.Error, ValueError):
            raise StreamError(_NO_SOUND) from None
        sound = self.codec.decode(data)
        missing = self._missing(_number(media.chunk), _number(media.timestamp), len(sound))
        if missing is None:
            self._stats.late += 1
            return np.zeros(0, np.float32)
        self._stats.received += 1
        return self._resampler.process(np.concatenate([np.zeros(missing, np.float32), sound]))

    def _missing(self, chunk: int | None, timestamp: int | None, samples: int) -> int | None:
        """Return how many samples of silence go before this chunk; None: it is an old one."""
        last, due = self._chunk, self._next
        if chunk is not None and last is not None and abs(chunk - last) <= _NUMBERS_APART:
            if chunk <= last:
                return None
            lost = chunk - last - 1
        else:
            lost = 0
        self._stats.lost += lost
        at = timestamp if timestamp is not None else None if due is None else due + lost * samples
        self._chunk, self._next = chunk, None if at is None else at + samples
        if not lost or at is None or due is None:
            return 0
        return int(min(max(0, at - due), MOST_FILLED_S * self.codec.rate))


@dataclass(frozen=True, slots=True)
class _SentChunk:
    """Sound of 20 ms on its way to the caller; the places are samples at 24 kHz within the turn."""

    turn: int
    first: int
    last: int
    sound: Samples
    begins_ms: float = 0.0

    @property
    def ends_ms(self) -> float:
        return self.begins_ms + CHUNK_MS


class Outbound:
    """Cuts the model's sound into chunks of 20 ms at the call's rate, and knows which of them were heard.

    A chunk is heard when those before it are, and `LEAD_MS` may be on the way. Time is an argument, in ms.
    """

    def __init__(self, codec: AudioCodec) -> None:
        self._codec = codec
        self._frame = int(codec.rate * CHUNK_MS / 1000)
        self._resampler = Resampler(AUDIO_RATE, codec.rate)
        self._rest = np.zeros(0, np.float32)
        self._turn = -1
        self._at = self._next_in = 0  # where the rest begins, and where the sound ends that has come
        self._waiting: deque[_SentChunk] = deque()
        self._flying: deque[_SentChunk] = deque()
        self._heard = (0, 0)
        self._ends_ms = 0.0
        self._peaks: list[float] = []

    def push(self, turn: int, first: int, pcm: bytes) -> None:
        """Add sound of a turn: PCM16 at 24 kHz, from its sample `first` on."""
        if (turn, first) != (self._turn, self._next_in):
            self.finish()
            self._turn, self._at, self._next_in = turn, first, first
        self._next_in += len(pcm) // 2
        self._cut(self._resampler.process(to_float(pcm)))

    def finish(self) -> None:
        """Send what waits for more sound: the turn has no more. It is filled up with silence."""
        if self._turn < 0:
            return
        self._cut(self._resampler.flush())
        if self._at < self._next_in and len(self._rest):
            self._cut(np.zeros(self._frame - len(self._rest), np.float32))
        self._rest, self._turn = np.zeros(0, np.float32), -1

    def _cut(self, sound: Samples) -> None:
        rest = np.concatenate([self._rest, sound])
        while len(rest) >= self._frame:
            last = min(self._at + int(AUDIO_RATE * CHUNK_MS / 1000), self._next_in)
            self._waiting.append(_SentChunk(self._turn, self._at, last, rest[: self._frame]))
            self._at, rest = last, rest[self._frame :]
        self._rest = rest

    def due(self, now_ms: float) -> bytes | None:
        """Return the next chunk, encoded, if it may be sent now."""
        begins_ms = max(now_ms, self._ends_ms)
        if not self._waiting or begins_ms + CHUNK_MS - now_ms > LEAD_MS:
            return None
        chunk = replace(self._waiting.popleft(), begins_ms=begins_ms)
        self._flying.append(chunk)
        self._ends_ms = chunk.ends_ms
        return self._codec.encode(chunk.sound)

    def clear(self) -> None:
        """Forget all that was not heard: the turn was interrupted."""
        self._resampler.flush()
        self._rest, self._turn, self._ends_ms = np.zeros(0, np.float32), -1, 0.0
        self._waiting.clear()
        self._flying.clear()

    def heard(self, now_ms: float) -> tuple[int, int]:
        """Return the turn that was heard last, and up to which of its samples at 24 kHz."""
        while self._flying and self._flying[0].ends_ms <= now_ms:
            chunk = self._flying.popleft()
            self._heard = chunk.turn, chunk.last
            self._peaks.append(float(np.abs(chunk.sound).max()))
        if self._flying and self._flying[0].begins_ms < now_ms:
            chunk = self._flying[0]
            share = (now_ms - chunk.begins_ms) / CHUNK_MS
            return chunk.turn, chunk.first + int((chunk.last - chunk.first) * share)
        return self._heard

    def ahead_ms(self, now_ms: float) -> float:
        """Return how much was sent that is not heard yet."""
        return max(0.0, self._ends_ms - now_ms)

    @property
    def is_heard(self) -> bool:
        """Whether nothing is left to be heard, as of the last look."""
        return not (self._waiting or self._flying or len(self._rest))

    def bars(self) -> list[float]:
        """Return the peaks of what was heard since the last look, one for each 40 ms."""
        whole = len(self._peaks) // 2 * 2
        peaks, self._peaks = self._peaks[:whole], self._peaks[whole:]
        return [max(two) for two in zip(peaks[::2], peaks[1::2], strict=True)]


class Digits:
    """Keys that the caller presses, put together until there is a pause, or #. Time is an argument, in ms."""

    def __init__(self) -> None:
        self._pressed = ""
        self._last_ms = 0.0

    def press(self, tone: str, now_ms: float) -> str:
        """Take one key: 0 to 9, *, #, or A to D. Return what is complete by it, or ""."""
        self._pressed += tone
        self._last_ms = now_ms
        return self._taken() if tone == "#" or len(self._pressed) >= MOST_DIGITS else ""

    def pause(self, now_ms: float) -> str:
        """Return what is complete because time has passed, or ""."""
        return self._taken() if self._pressed and now_ms - self._last_ms >= DIGITS_MS else ""

    def _taken(self) -> str:
        pressed, self._pressed = self._pressed, ""
        return pressed if pressed == "#" else pressed.removesuffix("#")
