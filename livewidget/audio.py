"""Audio as NumPy arrays: PCM16 and floats, levels, resampling, WAV files. No devices.

Samples are float32 in -1 to 1, mono, shape `(n,)`, unless a docstring says otherwise. PCM16 is signed,
little-endian, mono.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import wave
from functools import lru_cache
from io import RawIOBase
from math import gcd, log10
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from livewidget.errors import AudioError

Samples = NDArray[np.float32]

#: Level of digital silence, in dBFS. Chosen: below the noise of 16 bits, which is at -98 dBFS.
SILENCE_DBFS = -120.0
#: Sample rates accepted, in Hz. Chosen: from telephony's lowest to twice the highest of audio interfaces.
_RATES = range(1_000, 768_001)
#: Largest float sample that is taken for one that went beyond full scale. Chosen: 18 dB above it, more than
#: mixing and filters reach, and less than any integer scale.
_FLOAT_PEAK = 8.0
#: Samples from which their values say something about their scale. Chosen: 6 ms at 16 kHz.
_ENOUGH = 100
#: Level in dBFS of what is heard, and how far below the loudest channel their average is lost. Chosen:
#: different channels lose 3 dB, and one of 64 that alone has sound 36.
_AUDIBLE_DBFS = -70.0
_CANCELLED_DB = 40.0
#: Zero crossings on each side of the resampler's kernel. Measured: a signal-to-noise ratio of 98 to 104 dB
#: from 22.05 to 24 kHz.
_HALF = 16
#: Shape of the kernel's Kaiser window: a stopband attenuation of some 87 dB.
_BETA = 8.6
#: Cutoff as a share of the lower Nyquist frequency. Chosen: leaves room for the transition band of this
#: kernel.
_CUTOFF = 0.94
#: Output samples computed at once. Chosen: bounds the memory of one step.
_BLOCK = 8_192


def to_float(sound: bytes | bytearray | memoryview | NDArray[Any]) -> Samples:
    """Return audio as float32 mono in -1 to 1.

    The scale is that of the array's type, and an array that is on another scale is refused: taken as it is,
    it would be silence or noise.

    Args:
        sound: PCM16 bytes, or an array of shape `(n,)`, `(n, channels)` or `(channels, n)` with more samples
            than channels, of integers of 8, 16 or 32 bits (full scale of their type) or floats (full scale
            1; up to 8 is clipped later). Channels are averaged.

    Raises:
        AudioError: If the array has another shape or type, or values on another scale than its type's; if
            the bytes end within a sample, a value is NaN or infinite, or the channels cancel each other out.
    """
    if isinstance(sound, bytes | bytearray | memoryview):
        data = bytes(sound)
        if len(data) % 2:
            raise AudioError("PCM16 audio has two bytes a sample, but this has an odd number of bytes.")
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)
    array = np.asarray(sound)
    if array.ndim == 2:
        frames = array.T if array.shape[0] < array.shape[1] else array
    elif array.ndim == 1:
        frames = array.reshape(-1, 1)
    else:
        raise AudioError(f"Audio is an array of one or two dimensions, not of {array.ndim}.")
    _check_scale(array)
    return _mono(frames)


def _mono(frames: NDArray[Any]) -> Samples:
    """Return the average of the channels of `(n, channels)`."""
    channels = [_scaled(channel) for channel in frames.T]
    if len(channels) == 1:
        return channels[0]
    mono = np.asarray(np.mean(channels, axis=0), np.float32) if channels else np.zeros(0, np.float32)
    if len(mono) >= _ENOUGH:
        loudest = max(map(level_dbfs, channels))
        if loudest > _AUDIBLE_DBFS and level_dbfs(mono) < loudest - _CANCELLED_DB:
            raise AudioError("The channels cancel each other out when they are mixed: pass one of them.")
    return mono


def _check_scale(array: NDArray[Any]) -> None:
    """Refuse values that are not on the scale of the array's type."""
    kind, width = array.dtype.kind, array.dtype.itemsize
    if not array.size or kind not in "fiu":
        return
    low, high = array.min(), array.max()
    if kind == "f":
        peak = max(-float(low), float(high))
        whole = peak > 1 and len(array) >= _ENOUGH and bool((array == np.rint(array)).all())
        if np.isfinite(peak) and (peak > _FLOAT_PEAK or whole):
            raise AudioError(
                f"Floating-point samples have a full scale of 1, but these reach {peak:,.0f}: divide them by "
                "the full scale that they have, 32768 for 16-bit values."
            )
        return
    peak = max(-int(low), int(high))
    if width == 8 and peak:
        raise AudioError(
            "The scale of 64-bit integers cannot be told: pass 16-bit values as int16, with "
            ".astype(np.int16), or floats of -1 to 1."
        )
    # 24-bit samples, which fill the upper bytes, may be as small as this where nobody speaks.
    if kind == "i" and width == 4 and 0 < peak <= 32_768 and (array & 0xFF).any():
        raise AudioError(
            f"These 32-bit samples reach {peak:,} of 2,147,483,648 only, which is silence: pass 16-bit "
            "values as int16, with .astype(np.int16)."
        )
    middle = 1 << (8 * width - 1)
    if kind == "u" and peak < 0.9 * middle:  # sound swings about the middle
        raise AudioError(
            f"Unsigned {8 * width}-bit samples are silent at {middle:,}, but these reach {peak:,} only: pass "
            "signed ones, such as int16."
        )


def _scaled(array: NDArray[Any]) -> Samples:
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        samples = array.astype(np.float32)
        if not np.isfinite(samples).all():
            raise AudioError("The audio holds values that are not numbers (NaN or infinity).")
        return samples
    if kind == "i":
        return (array / float(1 << (8 * width - 1))).astype(np.float32)
    if kind == "u":
        middle = float(1 << (8 * width - 1))
        return ((array - middle) / middle).astype(np.float32)
    raise AudioError("Audio samples are integers or floats; this array holds something else.")


def to_pcm16(samples: NDArray[Any]) -> bytes:
    """Return float samples `(n,)` as PCM16 bytes; values beyond full scale are clipped."""
    scaled = np.rint(np.asarray(samples, np.float32) * np.float32(32_768))
    return bytes(np.clip(scaled, -32_768, 32_767).astype("<i2").tobytes())


def level_dbfs(samples: NDArray[Any]) -> float:
    """Return the RMS level of float samples in dBFS: 0 for a full-scale square wave, -3 for a sine.

    Silence and an empty array are -120.
    """
    if not len(samples):
        return SILENCE_DBFS
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DBFS, 10 * log10(power)) if power > 0 else SILENCE_DBFS


@lru_cache(maxsize=8)
def _bank(up: int, down: int) -> tuple[int, Samples]:
    """Return the kernel's half width in input samples, and the kernels by phase, shape `(up, 2 * half)`."""
    ratio = min(1.0, up / down)
    half = int(np.ceil(_HALF / ratio))
    offsets = np.arange(-half + 1, half + 1)[None, :] - (np.arange(up) / up)[:, None]
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, None)))
    cutoff = _CUTOFF * ratio
    bank = np.sinc(cutoff * offsets) * window
    bank /= bank.sum(axis=1, keepdims=True)  # unity gain in every phase, or a constant input would ripple
    return half, bank.astype(np.float32)


class Resampler:
    """Resamples a stream by a windowed-sinc polyphase filter.

    The output does not depend on how the stream is cut into chunks. Output sample `n` is at the time of input
    sample `n * source / target`: there is no delay, but about a millisecond is held back until more input
    arrives.
    """

    def __init__(self, source: int, target: int) -> None:
        """Convert from `source` to `target` Hz.

        Raises:
            AudioError: If a rate is not within 1,000 to 768,000 Hz.
        """
        for rate in (source, target):
            if rate not in _RATES:
                raise AudioError(f"A sample rate of {rate} Hz is out of range; use 1,000 to 768,000 Hz.")
        common = gcd(source, target)
        self._up, self._down = target // common, source // common
        self._half, self._kernels = _bank(self._up, self._down)
        self._reset()

    def _reset(self) -> None:
        self._buffer: Samples = np.zeros(self._half - 1, np.float32)
        self._first = -(self._half - 1)  # index, in the input, of the first sample of the buffer
        self._next = 0  # index of the next output sample

    def process(self, samples: NDArray[Any]) -> Samples:
        """Add input of any length, float32 `(n,)`, and return the output that is ready."""
        if self._up == self._down:
            return np.array(samples, np.float32)
        self._buffer = np.concatenate([self._buffer, np.asarray(samples, np.float32)])
        known = self._first + len(self._buffer)  # one past the last input index
        ready = ((known - self._half) * self._up - 1) // self._down + 1
        blocks = [
            self._outputs(first, min(first + _BLOCK, ready)) for first in range(self._next, ready, _BLOCK)
        ]
        self._next = max(self._next, ready)
        done = (self._next * self._down) // self._up - self._half + 1 - self._first
        if done > 0:
            self._buffer = self._buffer[done:]
            self._first += done
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)

    def _outputs(self, first: int, last: int) -> Samples:
        position = np.arange(first, last, dtype=np.int64) * self._down
        index = position // self._up
        windows = np.lib.stride_tricks.sliding_window_view(self._buffer, 2 * self._half)
        # Not a matrix product: the order in which BLAS sums depends on the block size, so results would too.
        return np.asarray(
            np.einsum(
                "ij,ij->i",
                windows[index - self._half + 1 - self._first],
                self._kernels[position - index * self._up],
                optimize=False,
            ),
            np.float32,
        )

    def flush(self) -> Samples:
        """End the stream: return its last samples, and reset for another stream.

        For `n` input samples the whole output has `ceil(n * target / source)`.
        """
        if self._up == self._down:
            return np.zeros(0, np.float32)
        tail = self.process(np.zeros(self._half, np.float32))
        self._reset()
        return tail


def resample(samples: NDArray[Any], source: int, target: int) -> Samples:
    """Return `samples`, float32 `(n,)`, at another rate; the result has `ceil(n * target / source)` samples.

    Raises:
        AudioError: If a rate is out of range; see `Resampler`.
    """
    resampler = Resampler(source, target)
    return np.concatenate([resampler.process(samples), resampler.flush()])


#: Format codes of WAV files.
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: Kinds of WAV file, each with the byte order of its numbers.
_WAV_KINDS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}
#: Other files, by their first bytes.
_OTHERS = {
    b"ID3": "an MP3", b"\xff\xfb": "an MP3", b"\xff\xf3": "an MP3", b"\xff\xf1": "an AAC", b"fLaC": "a FLAC",
    b"OggS": "an Ogg", b"FORM": "an AIFF", b"\x1aE\xdf\xa3": "a WebM", b"caff": "a CAF", b".snd": "an AU",
}  # fmt: skip
#: Chunks that may follow the sound of a file.
_CHUNKS = {
    b"LIST", b"id3 ", b"ID3 ", b"fact", b"cue ", b"bext", b"iXML", b"smpl", b"junk", b"JUNK", b"PAD ",
    b"FLLR", b"axml", b"PEAK", b"plst", b"inst", b"data", b"fmt ",
}  # fmt: skip
#: Largest file that is read, in bytes. Chosen: an hour and a half of 48 kHz stereo.
WAV_BYTES = 1 << 30


def read_wav(source: str | os.PathLike[str] | bytes | IO[bytes]) -> tuple[Samples, int]:
    """Read a WAV file of any rate and channel count: integers of 8, 16, 24 or 32 bits, floats of 32 or 64.

    Sizes that were never filled in, as in a stream or after a crash, are taken from the file's own length;
    RF64, BW64 and RIFX files are read, and odd chunks without their pad byte. Not done with `wave`, which
    rejects all of these.

    Args:
        source: A path, the file's bytes, or a binary file.

    Returns:
        The average of the channels as float32 `(n,)`, and the sample rate in Hz.

    Raises:
        AudioError: If it is not a WAV file, has another format, is larger than 1 GiB or a pipe, or its
            channels cancel each other out.
        OSError: If a path cannot be opened.
    """
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | os.PathLike):
        if stat.S_ISFIFO(os.stat(source).st_mode):
            raise AudioError("This is a pipe, not a WAV file. Write it to a file first.")
        with open(source, "rb") as file:
            data = _read_file(file)
    else:
        data = _read_file(source)
    if len(data) > WAV_BYTES:
        raise AudioError("The WAV file is larger than 1 GiB. Cut it into pieces.")
    order = _WAV_KINDS.get(data[:4])
    if order is None or data[8:12] != b"WAVE":
        raise AudioError(f"This is {_kind_of(data)}. Convert it to WAV first.")
    chunks = _read_chunks(data, "little" if order == "<" else "big")
    if b"data" not in chunks:
        raise AudioError("The WAV file holds no sound.")
    return _decode_wav(chunks.get(b"fmt ", b""), chunks[b"data"], order)


def _read_file(file: IO[bytes]) -> bytes:
    """Read a file up to one byte more than `WAV_BYTES`; of one that is not a WAV file, only the beginning."""
    data = b""
    while len(data) < 12 and (piece := file.read(12 - len(data))):
        data += piece
    if data[:4] not in _WAV_KINDS:
        return data
    pieces, left = [data], WAV_BYTES + 1 - len(data)
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _kind_of(data: bytes) -> str:
    """Return what a file is that is not a WAV file."""
    names = {start: name for start, name in _OTHERS.items() if data.startswith(start)}
    name = "an MP4" if data[4:8] == b"ftyp" else next(iter(names.values()), None)
    return f"{name} file, not WAV" if name else "not a WAV file"


def _read_chunks(data: bytes, order: Literal["little", "big"]) -> dict[bytes, bytes]:
    """Return the chunks of a WAV file by their names, the first of each."""
    chunks: dict[bytes, bytes] = {}
    position, large = 12, 0
    while position + 8 <= len(data):
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], order)
        position += 8
        if name == b"ds64" and size >= 16:  # the sizes of RF64, whose own fields are all ones
            large = int.from_bytes(data[position + 8 : position + 16], order)
        if name == b"data":
            if size == 0xFFFFFFFF and large:
                size = large
            elif size == 0 and data[position : position + 4] not in _CHUNKS:
                size = len(data) - position  # never filled in
        chunks.setdefault(name, data[position : position + size])
        position += size
        if size % 2 and data[position : position + 4] not in _CHUNKS:
            position += 1  # the pad byte, which some programs leave out
    return chunks


def _decode_wav(header: bytes, body: bytes, order: str) -> tuple[Samples, int]:
    if len(header) < 16:
        raise AudioError("The WAV file does not say what it holds: its header is missing or cut off.")
    kind, channels, rate, _, _, bits = struct.unpack(f"{order}HHIIHH", header[:16])
    if kind == _EXTENSIBLE and len(header) >= 26:
        (kind,) = struct.unpack(f"{order}H", header[24:26])
    if (kind, bits) not in {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}:
        raise AudioError(
            "This kind of WAV file is not read: only uncompressed ones are, with integers of 8, 16, 24 or "
            "32 bits or floats of 32 or 64 bits."
        )
    if not channels or rate not in _RATES:
        raise AudioError("The WAV file's header is damaged: its channel count or sample rate makes no sense.")
    width = bits // 8
    body = body[: len(body) // (width * channels) * (width * channels)]
    if bits == 24:  # NumPy has no 24-bit type: each sample becomes the top three bytes of four
        wide = np.zeros((len(body) // 3, 4), np.uint8)
        first = 1 if order == "<" else 0
        wide[:, first : first + 3] = np.frombuffer(body, np.uint8).reshape(-1, 3)
        samples = wide.reshape(-1).view(f"{order}i4")
    else:
        samples = np.frombuffer(body, f"{order}{'u' if bits == 8 else 'f' if kind == _FLOAT else 'i'}{width}")
    if kind == _FLOAT:
        _check_scale(samples)
    return _mono(samples.reshape(-1, channels)), int(rate)


def write_wav(
    target: str | os.PathLike[str] | IO[bytes], sound: bytes | NDArray[Any], sample_rate: int = 24_000
) -> None:
    """Write a mono PCM16 WAV file.

    Args:
        target: A path or a writable binary file.
        sound: PCM16 bytes, or float samples `(n,)` in -1 to 1.
        sample_rate: In Hz.

    Raises:
        OSError: If the file cannot be written.
    """
    # In memory first: `wave` goes back to fill in the sizes, which a pipe or a device cannot, and when a
    # write fails it tries again while it is thrown away.
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(sound if isinstance(sound, bytes) else to_pcm16(sound))
    if isinstance(target, str | os.PathLike):
        with open(target, "wb", buffering=0) as raw:
            _write_all(raw, whole.getbuffer())
    else:
        target.write(whole.getvalue())


def _write_all(file: RawIOBase, data: memoryview) -> None:
    while data:
        data = data[file.write(data) or 0 :]
