"""Speech synthesis of the tutor: espeak-ng, streamed clause by clause, with the words in step.

It sounds like a robot, but starts in a few milliseconds and needs neither a model nor a network. espeak-ng is
licensed under the GPL-3: it runs in a process of its own (`espeak_worker`), is installed only by an extra,
and can be replaced: `StandIn(voice=…)`. All sessions share one worker process, which is started when first
needed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import queue
import re
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.errors import ExtraMissing, ServerFault
from livewidget.standin.interfaces import OUTPUT_RATE, Mood, SpeechChunk
from livewidget.standin.tutor.patterns import read_sections

#: Called in the reading thread with the kind and the payload of a frame.
Sink = Callable[[bytes, bytes], None]

#: Kind of the frame that a sink gets if the worker ends before its answer.
LOST = b"!"
#: Head of a frame: kind, request, length of the payload; see `espeak_worker`.
_HEAD = struct.Struct("<cII")
#: Time for a frame. Chosen: a clause takes some 10 ms, so the worker hangs.
_TIMEOUT_S = 10.0
#: Characters of a clause: some 20 s of speech, the most that is synthesized in vain at an interruption.
#: Chosen.
_CLAUSE_LIMIT = 300
_CLAUSE_END = re.compile(r"(?<=[.!?;:…])[\"'”’)]*\s+")
_TOKEN = re.compile(r"\S*\s*")


class TutorTextToSpeech:
    """Speaks with espeak-ng. One instance serves any number of sessions, on any event loops."""

    def __init__(self, espeak: EspeakProcess | None = None) -> None:
        """Use this worker; by default the shared one."""
        self._espeak = espeak or shared_espeak

    def prepare(self) -> None:
        """Start the worker without waiting for it, so that the first words do not come later than others.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
        """
        self._espeak.start()

    async def speak(
        self, text: str, voice: str | None = None, language: str | None = None, mood: Mood | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Synthesize `text` in chunks of 60 ms; see `TextToSpeech`.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
            ServerFault: If the worker failed twice.
        """
        style, pending, resampler = style_of(voice, language, mood), "", None
        for clause in clauses(text):
            caption, made = _Caption(clause), 0
            for last_try in (False, True):
                answer = WorkerAnswer(self._espeak, _speakable(clause), style.voice, style.rate, style.pitch)
                passed = 0  # bytes of this answer; what came before a restart is not repeated
                try:
                    async for kind, payload in answer:
                        if kind == b"W":
                            pending += caption.reached(json.loads(payload))
                        elif kind == b"A":
                            fresh = payload[max(0, made - passed) :]
                            passed += len(payload)
                            if not fresh:
                                continue
                            made += len(fresh)
                            resampler = resampler or Resampler(self._espeak.sample_rate, OUTPUT_RATE)
                            words, pending = pending, ""
                            yield SpeechChunk(to_pcm16(resampler.process(to_float(fresh))), words)
                        elif kind == b"X":
                            raise ServerFault("The offline tutor's voice could not say this text.")
                    break
                except WorkerLost:
                    if last_try:
                        raise ServerFault(
                            "The offline tutor's voice stopped working and did not start again. "
                            'Try: pip install --force-reinstall "livewidget[tutor]".'
                        ) from None
                finally:
                    answer.close()
            pending += caption.rest()
        if resampler is not None or pending:
            yield SpeechChunk(to_pcm16(resampler.flush()) if resampler else b"", pending)


def _speakable(clause: str) -> str:
    # Same positions, without NULs, which end the text, and control characters, which espeak interprets.
    return "".join(character if character.isprintable() else " " for character in clause)


@dataclass(frozen=True, slots=True)
class VoiceStyle:
    """How espeak-ng speaks: voice with variant, words per minute, pitch from 0 to 99."""

    voice: str = "en-us"
    rate: int = 160
    pitch: int = 50


DEFAULT_STYLE = VoiceStyle()
#: The 30 prebuilt voices of the Live API, each with a style of its own.
STYLES = {
    name: VoiceStyle(f"en-us+{variant}" if variant else "en-us", int(rate), int(pitch))
    for name, variant, rate, pitch in read_sections("english.txt")["voices"]
}

#: By mood: a factor for the pace, and what is added to the pitch. Chosen so that the difference can be heard.
_MOODS: dict[Mood, tuple[float, int]] = {"gentle": (0.84, -14), "bright": (1.14, 16)}
_LANGUAGES = {"en": "en-us", "es": "es", "fr": "fr", "de": "de", "it": "it"}
#: espeak-ng's "en" is British.
_VARIETIES = dict.fromkeys(("en-gb", "en-au", "en-in", "en-ie", "en-nz", "en-za"), "en") | dict.fromkeys(
    ("es-419", "es-us", "es-mx", "es-ar", "es-co", "es-cl", "es-pe"), "es-419"
)


def style_of(voice: str | None, language: str | None = None, mood: Mood | None = None) -> VoiceStyle:
    """Return the style of a prebuilt voice, in any case; the default for None and unknown names.

    Args:
        voice: "Puck", "Kore" …
        language: Language or accent, BCP-47; unknown ones change nothing.
        mood: Changes pace and pitch.
    """
    style = STYLES.get((voice or "").capitalize(), DEFAULT_STYLE)
    if mood is not None:
        pace, pitch = _MOODS[mood]
        style = replace(style, rate=round(style.rate * pace), pitch=min(99, max(0, style.pitch + pitch)))
    code = (language or "").lower().replace("_", "-")
    spoken = _VARIETIES.get(code) or _LANGUAGES.get(code.partition("-")[0])
    if spoken is None:
        return style
    _, plus, variant = style.voice.partition("+")
    return replace(style, voice=f"{spoken}{plus}{variant}")


def clauses(text: str) -> Iterator[str]:
    """Split `text` into clauses of at most 300 characters; joined, they are `text` again."""
    start = 0
    for end in [*(match.end() for match in _CLAUSE_END.finditer(text)), len(text)]:
        while end - start > _CLAUSE_LIMIT:
            cut = text.rfind(" ", start + 1, start + _CLAUSE_LIMIT) + 1 or start + _CLAUSE_LIMIT
            yield text[start:cut]
            start = cut
        if end > start:
            yield text[start:end]
            start = end


class _Caption:
    """The words of a clause that have begun. espeak-ng joins some ("I am") and splits others ("3:45")."""

    def __init__(self, clause: str) -> None:
        self._clause = clause
        self._shown = 0

    def reached(self, positions: list[int]) -> str:
        """Return the words that begin up to these character positions, and have not been returned."""
        first = self._shown
        for position in positions:
            if self._shown <= position < len(self._clause):
                found = _TOKEN.match(self._clause, position)
                self._shown = found.end() if found else self._shown
        return self._clause[first : self._shown]

    def rest(self) -> str:
        first, self._shown = self._shown, len(self._clause)
        return self._clause[first:]


class WorkerLost(Exception):
    """The worker ended during an answer."""


def worker_command() -> list[str]:
    """Return the command line of the worker.

    Raises:
        ExtraMissing: If espeak-ng is not installed.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise ExtraMissing(
            'The offline tutor needs its ears and voice: pip install "livewidget[tutor]".'
        ) from None
    worker = Path(__file__).with_name("espeak_worker.py")
    paths = [espeakng_loader.get_library_path(), espeakng_loader.get_data_path()]
    # -I -S: without the user's environment and site-packages, it starts in a third of the time.
    return [sys.executable, "-I", "-S", str(worker), *paths]


class EspeakProcess:
    """The worker process, and a thread that reads from it. Thread-safe.

    The thread passes frames on at once, so that the worker never waits for a slow reader. A task would not
    do: sessions may live on different event loops, and some loops (Windows, under Jupyter) cannot watch a
    pipe.
    """

    def __init__(self, make_command: Callable[[], list[str]] = worker_command) -> None:
        """Create it without starting a process; `make_command` returns its command line."""
        self._make_command = make_command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._sinks: dict[int, Sink] = {}
        self._number = 0
        self.sample_rate = 22_050

    def ask(
        self, sink: Sink, do: str, text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50
    ) -> int:
        """Send a request, starting the worker if necessary; return its number.

        `sink` gets the frames of the answer in the reading thread, the last of kind E or `LOST`.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
        """
        with self._lock:
            process = self._running()
            self._number += 1
            number = self._number
            self._sinks[number] = sink
            request = {"id": number, "do": do, "text": text, "voice": voice, "rate": rate, "pitch": pitch}
            body = json.dumps(request).encode()
            assert process.stdin is not None
            try:
                process.stdin.write(struct.pack("<I", len(body)) + body)
                process.stdin.flush()
            except OSError:
                lost = self._sinks.pop(number, None)
            else:
                return number
        if lost is not None:  # otherwise the reading thread has reported it
            lost(LOST, b"")
        return number

    def start(self) -> None:
        """Start the worker if necessary, without waiting: the first answer comes some 100 ms sooner.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
        """
        with self._lock:
            self._running()

    def cancel(self, number: int) -> None:
        """Ignore what still comes for this request."""
        with self._lock:
            self._sinks.pop(number, None)

    def phonemes(self, text: str) -> str:
        """Return the IPA of an English word. Blocks: some 40 ms the first time, under 1 ms later.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
            ServerFault: If the worker does not answer.
        """
        frames: queue.Queue[tuple[bytes, bytes]] = queue.Queue(maxsize=8)
        found = ""
        self.ask(lambda kind, payload: frames.put((kind, payload)), "phonemes", text)
        while True:
            try:
                kind, payload = frames.get(timeout=_TIMEOUT_S)
            except queue.Empty:
                kind, payload = LOST, b""
            if kind == LOST:
                raise ServerFault("The offline tutor's voice stopped working. Start the session again.")
            if kind == b"E":
                return found
            found = payload.decode() if kind == b"P" else found

    def close(self) -> None:
        """End the worker. May be called twice; the next request starts another."""
        with self._lock:
            process, reader = self._process, self._reader
            self._process = self._reader = None
        if process is None or reader is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # it ends with its input
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(2)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = process = subprocess.Popen(
            self._make_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        first = self._number  # later requests are this worker's
        self._reader = threading.Thread(
            target=self._read, args=(process, first), name="livewidget-espeak", daemon=True
        )
        self._reader.start()
        return process

    def _read(self, process: subprocess.Popen[bytes], first: int) -> None:
        pipe = process.stdout
        assert pipe is not None
        with pipe:
            while (frame := _frame(pipe)) is not None:
                kind, number, payload = frame
                if kind == b"R":
                    self.sample_rate = int(payload)
                    continue
                with self._lock:
                    sink = self._sinks.pop(number, None) if kind == b"E" else self._sinks.get(number)
                if sink is not None:
                    sink(kind, payload)
        process.wait()
        with self._lock:
            mine = process is self._process or self._process is None
            last = self._number if mine else first
            lost = [self._sinks.pop(number) for number in sorted(self._sinks) if first < number <= last]
        for sink in lost:
            sink(LOST, b"")


def _frame(pipe: IO[bytes]) -> tuple[bytes, int, bytes] | None:
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    kind, number, length = _HEAD.unpack(head)
    payload = pipe.read(length)
    return (kind, number, payload) if len(payload) == length else None


class WorkerAnswer:
    """The frames of one request, as an asynchronous iterator of kind and payload.

    The queue is bounded by the request: its text is one clause.
    """

    def __init__(self, espeak: EspeakProcess, text: str, voice: str, rate: int, pitch: int) -> None:
        self._espeak = espeak
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self._number = espeak.ask(self._sink, "speak", text, voice, rate, pitch)

    def _sink(self, kind: bytes, payload: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._frames.put_nowait, (kind, payload))

    def __aiter__(self) -> WorkerAnswer:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                kind, payload = await self._frames.get()
        except TimeoutError:
            self._espeak.close()
            raise WorkerLost from None
        if kind == LOST:
            raise WorkerLost
        if kind == b"E":
            raise StopAsyncIteration
        return kind, payload

    def close(self) -> None:
        """Ignore what still comes."""
        self._espeak.cancel(self._number)


#: The worker that all sessions share; it ends with the process.
shared_espeak = EspeakProcess()
atexit.register(shared_espeak.close)
