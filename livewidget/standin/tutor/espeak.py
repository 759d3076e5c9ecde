"""The parent's side of `espeak_worker`: one process, started when first needed, shared by every session.

A thread reads what the worker sends and hands it on at once, so that the worker never waits for a slow
listener. It is a thread and not a task because sessions may live on different event loops, and because some
loops (Windows, under Jupyter) cannot watch a pipe.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from livewidget.errors import ExtraMissing, ServerFault

Sink = Callable[[bytes, bytes], None]  # called in the reading thread with a frame's kind and payload

LOST = b"!"  # kind of the frame that a sink gets when the worker ends before its answer did
_HEAD = struct.Struct("<cII")
_ANSWER_SECONDS = 10.0


class WorkerLost(Exception):
    """The worker ended in the middle of an answer."""


def command() -> list[str]:
    """Return the command line of the worker.

    Raises:
        ExtraMissing: If espeak-ng is not installed.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise ExtraMissing(
            'The offline tutor needs its ears and voice: pip install "livewidget[offline]".'
        ) from None
    worker = Path(__file__).with_name("espeak_worker.py")
    paths = [espeakng_loader.get_library_path(), espeakng_loader.get_data_path()]
    # -I -S: neither the user's environment nor site-packages; it starts in a third of the time.
    return [sys.executable, "-I", "-S", str(worker), *paths]


class Espeak:
    """The worker process. Safe to use from any thread."""

    def __init__(self, make_command: Callable[[], list[str]] = command) -> None:
        """Make it without starting anything; `make_command` returns the command line to start."""
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
        """Send a request, starting the worker where none runs; return its number.

        `sink` gets the answer's frames in the reading thread, the last of kind E or `LOST`.

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
        if lost is not None:  # else the reader has told it already
            lost(LOST, b"")
        return number

    def start(self) -> None:
        """Start the worker where none runs, without waiting: the first answer then comes some 100 ms sooner.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
        """
        with self._lock:
            self._running()

    def forget(self, number: int) -> None:
        """Throw away what still comes for this request."""
        with self._lock:
            self._sinks.pop(number, None)

    def phonemes(self, text: str) -> str:
        """Return the IPA of an English word; waits for it, some 40 ms the first time and under 1 ms later.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
            ServerFault: If the worker does not answer.
        """
        frames: queue.Queue[tuple[bytes, bytes]] = queue.Queue(maxsize=8)
        found = ""
        self.ask(lambda kind, payload: frames.put((kind, payload)), "phonemes", text)
        while True:
            try:
                kind, payload = frames.get(timeout=_ANSWER_SECONDS)
            except queue.Empty:
                kind, payload = LOST, b""
            if kind == LOST:
                raise ServerFault("The offline tutor's voice stopped working. Start the session again.")
            if kind == b"E":
                return found
            found = payload.decode() if kind == b"P" else found

    def close(self) -> None:
        """End the worker; twice is allowed, and the next request starts another."""
        with self._lock:
            process, reader = self._process, self._reader
            self._process = self._reader = None
        if process is None or reader is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # it ends when its input does
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
        first = self._number  # requests beyond this one are this worker's
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


class Answer:
    """The frames of one request, for a coroutine: `async for kind, payload in answer`, then `close()`.

    A request's text is short (a clause), so what may wait here is bounded by it.
    """

    def __init__(self, espeak: Espeak, text: str, voice: str, rate: int, pitch: int) -> None:
        self._espeak = espeak
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self._number = espeak.ask(self._sink, "speak", text, voice, rate, pitch)

    def _sink(self, kind: bytes, payload: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(self._frames.put_nowait, (kind, payload))

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
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
        """Throw away what still comes."""
        self._espeak.forget(self._number)


_shared = Espeak()
atexit.register(_shared.close)


def shared() -> Espeak:
    """Return the worker that this process's sessions share; it ends with the process."""
    return _shared
