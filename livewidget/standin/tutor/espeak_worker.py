"""Speech synthesis with espeak-ng, as a program of its own behind a pipe.

espeak-ng is licensed under the GPL-3. Only this program loads it, and any other program that understands the
same frames can replace it. It uses only the standard library and is started by file name, so that it needs no
package to be importable.

Usage: `espeak_worker.py LIBRARY DATA` with the paths of the shared library and of its data folder.

Frames, all integers little-endian unsigned 32-bit::

    in   length, JSON {"id", "do": "speak" | "phonemes", "text", "voice", "rate", "pitch"}
    out  kind (1 byte), id, length, payload
         R  ready: the sample rate in Hz, as text     W  words: JSON list of character positions in `text`
         A  audio: PCM16 mono                         P  phonemes: IPA as UTF-8
         E  end of that request                       X  the request failed: why, as text

Requests are answered one after the other. The program ends with its input.
"""

from __future__ import annotations

import ctypes as c
import json
import os
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO

#: Audio of one callback. Chosen: 20 to 200 ms start equally fast, long buffers give pops (espeak-ng#752).
_CHUNK_MS = 60
#: Bytes of a data path. The library keeps 160, and ignores a longer one without an error.
_PATH_LIMIT = 140

# Constants of speak_lib.h.
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: without it, missing data ends the process
_UTF8 = 1  # espeakCHARS_UTF8
_RATE, _VOLUME, _PITCH = 1, 2, 3
_LIST_END, _WORD = 0, 1


class _EspeakEventId(c.Union):
    _fields_ = (("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8))


class _EspeakEvent(c.Structure):
    _fields_ = (
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EspeakEventId),
    )


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_EspeakEvent))


class Synthesiser:
    """The loaded library. It keeps its state in globals: one instance per process."""

    def __init__(self, library: str, data: str, emit: Callable[[bytes, list[int]], None]) -> None:
        """Load it; `emit(pcm, words)` is called with audio and word positions as they are made."""
        self._library = lib = c.CDLL(library)
        lib.espeak_Initialize.argtypes = [c.c_int, c.c_int, c.c_char_p, c.c_int]
        lib.espeak_Synth.argtypes = [
            c.c_char_p, c.c_size_t, c.c_uint, c.c_int, c.c_uint, c.c_uint, c.c_void_p, c.c_void_p
        ]  # fmt: skip
        lib.espeak_SetVoiceByName.argtypes = [c.c_char_p]
        lib.espeak_TextToPhonemes.restype = c.c_char_p
        lib.espeak_TextToPhonemes.argtypes = [c.POINTER(c.c_char_p), c.c_int, c.c_int]
        self.sample_rate = int(lib.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, os.fsencode(data), _DONT_EXIT))
        if self.sample_rate <= 0:
            raise RuntimeError("espeak-ng found no data")
        self._emit = emit
        self._callback = _Callback(self._on_audio)  # kept: the library holds only a pointer
        lib.espeak_SetSynthCallback(self._callback)
        self._failure: Exception | None = None

    def _on_audio(self, wave: Any, count: int, events: Any) -> int:
        try:
            words, index = [], 0
            while events[index].type != _LIST_END:
                if events[index].type == _WORD:
                    words.append(events[index].text_position - 1)
                index += 1
            self._emit(c.string_at(wave, count * 2) if wave and count > 0 else b"", words)
        except Exception as error:  # must not cross the C frame
            self._failure = error
            return 1
        return 0

    def speak(self, text: str, voice: str, rate: int, pitch: int) -> None:
        """Speak `text` at `rate` words per minute and a pitch from 0 to 99."""
        self._choose(voice)
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_VOLUME, 100)):
            self._library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode() + b"\0"
        failed = self._library.espeak_Synth(raw, len(raw), 0, 1, 0, _UTF8, None, None)
        if self._failure:
            raise self._failure
        if failed:
            raise RuntimeError(f"espeak-ng returned {failed}")

    def phonemes(self, text: str, voice: str) -> str:
        """Return the IPA of `text`, at most one clause."""
        self._choose(voice)
        pointer = c.c_char_p(text.encode())
        return str(self._library.espeak_TextToPhonemes(c.byref(pointer), _UTF8, 2).decode())

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError("espeak-ng does not have this voice")


def serve(library: str, data: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests from `source` on `sink` until `source` ends."""
    number = 0

    def put(kind: bytes, payload: bytes = b"") -> None:
        sink.write(kind + struct.pack("<II", number, len(payload)) + payload)
        sink.flush()

    def emit(pcm: bytes, words: list[int]) -> None:
        if words:
            put(b"W", json.dumps(words).encode())
        if pcm:
            put(b"A", pcm)

    synthesiser = Synthesiser(library, data, emit)
    put(b"R", str(synthesiser.sample_rate).encode())
    while len(head := source.read(4)) == 4:
        request = json.loads(source.read(int.from_bytes(head, "little")))
        number = request["id"]
        try:
            if request["do"] == "phonemes":
                put(b"P", synthesiser.phonemes(request["text"], request["voice"]).encode())
            else:
                synthesiser.speak(request["text"], request["voice"], request["rate"], request["pitch"])
        except (RuntimeError, ValueError) as error:
            put(b"X", str(error).encode())
        put(b"E")


def main() -> int:
    """Run the program: see the module's docstring."""
    library, data = sys.argv[1:3]
    # Interrupting a notebook's cell interrupts its children, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="lw-") as folder:
        if len(os.fsencode(data)) > _PATH_LIMIT:  # deep virtual environments reach it
            short = os.path.join(folder, "espeak-ng-data")
            try:
                os.symlink(data, short, target_is_directory=True)
            except OSError:  # on Windows, without the right to create links
                shutil.copytree(data, short)
            data = short
        try:
            serve(library, data, sys.stdin.buffer, sys.stdout.buffer)
        except BrokenPipeError:
            # Nobody reads any more. Python would complain about unwritten output when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
