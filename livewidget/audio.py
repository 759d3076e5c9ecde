"""Audio as NumPy arrays: PCM16 and floats, levels, resampling, WAV files. No devices.

Samples are float32 in -1 to 1, mono, shape `(n,)`, unless a docstring says otherwise. PCM16 is signed,
little-endian, mono.
"""

from __future__ import annotations

import os
import struct
import wave
from functools import lru_cache
from math import gcd, log10
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from livewidget.errors import AudioError

Samples = NDArray[np.float32]

#: Level of digital silence, in dBFS. Chosen: below the noise of 16 bits, which is at -98 dBFS.
SILENCE_DBFS = -120.0
#: Sample rates accepted, in Hz. Chosen: from telephony's lowest to twice the highest of audio interfaces.
_RATES = range(1_000, 768_001)
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

    Args:
        sound: PCM16 bytes, or an array of shape `(n,)`, `(n, channels)` or `(channels, n)` with more samples
            than channels, of integers (full scale of their type) or floats (full scale 1). Channels are
            averaged.

    Raises:
        AudioError: If the array has another shape or type, the bytes end within a sample, or a value is NaN
            or infinite.
    """
    if isinstance(sound, bytes | bytearray | memoryview):
        data = bytes(sound)
        if len(data) % 2:
            raise AudioError("PCM16 audio has two bytes a sample, but this has an odd number of bytes.")
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)
    array = np.asarray(sound)
    if array.ndim == 2:
        channels = int(array.shape[0] < array.shape[1])
        return to_float(array[0]) if array.shape[0] == 1 else _mono(array.T if channels else array)
    if array.ndim != 1:
        raise AudioError(f"Audio is an array of one or two dimensions, not of {array.ndim}.")
    return _scaled(array)


def _mono(frames: NDArray[Any]) -> Samples:
    return np.asarray(np.mean([_scaled(channel) for channel in frames.T], axis=0), np.float32)


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


def read_wav(source: str | os.PathLike[str] | bytes | IO[bytes]) -> tuple[Samples, int]:
    """Read a WAV file of any rate and channel count: integers of 8, 16, 24 or 32 bits, floats of 32 or 64.

    Not done with `wave`, which rejects floats and, before Python 3.12, the "extensible" header that many
    programs write for 24 bits.

    Args:
        source: A path, the file's bytes, or a binary file.

    Returns:
        The average of the channels as float32 `(n,)`, and the sample rate in Hz.

    Raises:
        AudioError: If it is not a WAV file, or has another format.
        OSError: If a path cannot be opened.
    """
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | os.PathLike):
        data = Path(source).read_bytes()
    else:
        data = source.read()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError("This is not a WAV file. Convert it to WAV first.")
    position, header = 12, b""
    while position + 8 <= len(data):
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        # A streamed file declares a size of 4 GB: the slice ends with the data.
        body = data[position + 8 : position + 8 + size]
        if name == b"fmt ":
            header = body
        elif name == b"data":
            return _decode_wav(header, body)
        position += 8 + size + size % 2
    raise AudioError("The WAV file holds no sound.")


def _decode_wav(header: bytes, body: bytes) -> tuple[Samples, int]:
    if len(header) < 16:
        raise AudioError("The WAV file does not say what it holds: its header is missing or cut off.")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", header[:16])
    if kind == _EXTENSIBLE and len(header) >= 26:
        kind = int.from_bytes(header[24:26], "little")
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
        wide[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
        samples = wide.reshape(-1).view("<i4")
    else:
        samples = np.frombuffer(body, f"<{'u' if bits == 8 else 'f' if kind == _FLOAT else 'i'}{width}")
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
    destination: Any = target if hasattr(target, "write") else os.fspath(target)
    with wave.open(destination, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(sound if isinstance(sound, bytes) else to_pcm16(sound))
