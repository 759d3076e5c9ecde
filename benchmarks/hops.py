"""How many calls a piece of sound takes through the library, and how many a setup takes.

* microphone: one chunk of 40 ms, from the comm's message handler until the transport is asked to send it;
* speaker: one message with 40 ms of audio, from the transport until the comm was asked to post it to the
  page and the transport is asked for the next message, so that everything the message causes is counted;
* setup: `connect(…, voice="Kore")`, from that call until the transport is asked to send the setup.

A call is what `sys.setprofile` reports, on any thread: a Python function of `livewidget/` begins, or a
coroutine or generator of it resumes. Not counted are the bodies of modules and classes, comprehensions
(Python 3.12 runs them inline), other packages, and C. The library is driven through its public surface:
`LiveWidget`, `connect`, the messages of `tests/fixtures/bridge.json`, and a `Gemini` that dials a transport
of this file. Each way is taken several times in the steady state, and the median is printed, because a
timer of the library may fire during any of them.

    python benchmarks/hops.py [--json] [--list microphone|speaker|setup] [--trials N]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import inspect
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import comm
import comm.base_comm
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import livewidget
from livewidget import Gemini, LiveWidget, connect

PACKAGE = str(Path(livewidget.__file__).parent) + "/"
WAYS = ("microphone", "speaker", "setup")
CHUNK_MS = 40
WAIT_S = 10.0
#: Chunks before the first one that counts: the microphone's clock is known then, and every import is done.
WARM_UP = 25
#: The body of a class is recognized by its flags: only functions have optimized locals.
NOT_FUNCTIONS = {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>"}


class Trace:
    """Writes down the calls of the package's functions, of every thread, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.calls: list[CodeType] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if self.on and event == "call":
            code = frame.f_code
            counts = code.co_flags & inspect.CO_OPTIMIZED and code.co_name not in NOT_FUNCTIONS
            if counts and code.co_filename.startswith(PACKAGE):
                self.calls.append(code)

    def begin(self) -> None:
        self.calls = []
        self.on = True

    def end(self) -> None:
        self.on = False

    def way(self) -> Way:
        return Way(tuple(self.calls))


@dataclass(frozen=True)
class Way:
    """What one piece of sound, or one setup, called."""

    calls: tuple[CodeType, ...]

    @property
    def numbers(self) -> dict[str, int]:
        files = {code.co_filename for code in self.calls}
        return {"calls": len(self.calls), "functions": len(set(self.calls)), "files": len(files)}

    @property
    def changes(self) -> int:
        pairs = zip(self.calls, self.calls[1:], strict=False)
        return sum(one.co_filename != two.co_filename for one, two in pairs)


def median(ways: list[Way]) -> Way:
    return sorted(ways, key=lambda way: len(way.calls))[(len(ways) - 1) // 2]


class Service:
    """A link to nobody: it accepts the setup, and says what it is given to say.

    `sent` is called with each frame that the library hands in, `asked` whenever it asks for one.
    """

    round_trip_ms: float | None = None

    def __init__(self, sent: Callable[[str], None], asked: Callable[[], None]) -> None:
        self._sent = sent
        self._asked = asked
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode()
        self._sent(text)
        if "setup" in json.loads(text):
            self._frames.put_nowait('{"setupComplete": {}}')

    async def receive(self) -> str | bytes:
        self._asked()
        return await self._frames.get()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        pass

    def say(self, message: dict[str, Any], before: Callable[[], None]) -> None:
        """Hand a message in, from any thread; call `before` right before, on the loop's."""

        def put() -> None:
            before()
            self._frames.put_nowait(text)

        text = json.dumps(message)
        self._loop.call_soon_threadsafe(put)


class Comm(comm.base_comm.BaseComm):
    """A comm to no page; `posted` is called with each message of the widget."""

    posted: Callable[[dict[str, Any], list[bytes]], None] | None = None

    def publish_msg(self, msg_type: str, data: Any = None, *_: Any, buffers: Any = None, **__: Any) -> None:
        if self.posted is not None and data and data.get("method") == "custom":
            self.posted(data["content"], buffers or [])


class Page:
    """The page's half of the bridge, as far as the kernel needs it to go on."""

    def __init__(self, widget: LiveWidget, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._comm = widget.comm
        self._comm.posted = self._read
        self._seq = {"control": 0, "microphone": 0}
        self._ack = self._epoch = self._speaker = 0
        self._played = (0, 0)
        self.fields: dict[str, Any] = {}

    def send(self, kind: str, lane: str = "control", buffers: tuple[bytes, ...] = (), **body: Any) -> None:
        self._seq[lane] += 1
        content = {
            "lane": lane, "epoch": self._epoch, "seq": self._seq[lane], "ack": self._ack,
            "kind": kind, "body": body, "client": "page",
        }  # fmt: skip
        data = {"method": "custom", "content": content}
        message = {"content": {"data": data}, "buffers": list(buffers)}
        self._comm.handle_msg(message)

    def report(self) -> None:
        turn, sample = self._played
        now_ms = time.monotonic() * 1000
        self.send(
            "played", ack_seq=self._speaker, turn=turn, played_sample=sample, buffered_ms=0, silent_samples=0,
            epoch=self._epoch, page_ms=now_ms,
        )  # fmt: skip

    def speak(self, first_sample: int, pcm: bytes) -> None:
        self.send(
            "audio", "microphone", (pcm,), first_sample=first_sample, captured_ms=time.monotonic() * 1000,
            stale=False, gap_ms=0,
        )  # fmt: skip

    def _read(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        body = content["body"]
        if content["lane"] == "speaker":
            if buffers:
                self._heard()
                self._played = (body["turn"], body["first_sample"] + len(buffers[0]) // 2)
            self._speaker = content["seq"]
        elif content["lane"] == "control":
            self._ack, self._epoch = content["seq"], content["epoch"]
            self.fields |= body


def tone(samples: int) -> bytes:
    """PCM16 that nothing takes for silence."""
    return (np.sin(np.arange(samples) / 8) * 9000).astype("<i2").tobytes()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("The session did not begin: has a message between page and kernel changed?")
        time.sleep(0.005)


class Talk:
    """A widget whose page and whose service are both here."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._service: Service | None = None
        self._samples = 0
        self._done = threading.Event()
        self._waiting_for: set[str] = set()
        talk = self

        class Recorded(Gemini):
            async def dial(self) -> Any:
                talk._service = Service(talk._frame_sent, lambda: talk._reached("next"))
                return talk._service

        self._widget = LiveWidget(Recorded("gemini-3.8-live", api_key="hops"))
        self._page = Page(self._widget, lambda: self._reached("page"))
        self._page.send("hello", client="page", last_seq=0)
        until(lambda: self._page.fields)
        self._page.send("start", microphone=True)
        until(lambda: self._page.fields.get("phase") == "live")
        self._page.send("microphone", state="on", detail="")

    def _frame_sent(self, frame: str) -> None:
        if '"audio"' in frame:
            self._reached("service")

    def _reached(self, place: str) -> None:
        """A way goes to its end, which may be two places, in either order."""
        if self._trace.on:
            self._waiting_for.discard(place)
            if not self._waiting_for:
                self._trace.end()
                self._done.set()

    def _begin(self, *places: str) -> None:
        self._waiting_for = set(places)
        self._trace.begin()

    def _end(self) -> Way:
        if not self._done.wait(WAIT_S):
            raise SystemExit(f"Not reached: {', '.join(sorted(self._waiting_for))}.")
        return self._trace.way()

    def hear_user(self) -> Way:
        """One chunk of the microphone."""
        pcm = tone(16 * CHUNK_MS)
        self._rest()
        self._begin("service")
        self._page.speak(self._samples, pcm)
        self._samples += len(pcm) // 2
        return self._end()

    def hear_model(self) -> Way:
        """One message with audio."""
        assert self._service is not None
        data = base64.b64encode(tone(24 * CHUNK_MS)).decode()
        parts = [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]
        self._rest()
        message = {"serverContent": {"modelTurn": {"parts": parts}}}
        self._service.say(message, lambda: self._begin("page", "next"))
        return self._end()

    def _rest(self) -> None:
        """Report what was played, and let that, and what the last piece left to do, be over."""
        self._done.clear()
        self._page.report()
        time.sleep(CHUNK_MS / 1000)

    def close(self) -> None:
        self._widget.close()


async def set_up(trace: Trace) -> Way:
    """Everything until the setup is encoded."""

    class Recorded(Gemini):
        async def dial(self) -> Any:
            return Service(lambda frame: trace.end(), lambda: None)

    provider = Recorded("gemini-3.8-live", api_key="hops")
    trace.begin()
    async with connect(provider, voice="Kore"):
        return trace.way()


@contextmanager
def counting() -> Iterator[Trace]:
    """Install a trace in this thread and in every one that begins meanwhile."""
    trace = Trace()
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def measure(trials: int) -> dict[str, Way]:
    comm.create_comm = Comm
    with counting() as trace:
        talk = Talk(trace)
        ways = {
            "microphone": [talk.hear_user() for _ in range(WARM_UP + trials)][WARM_UP:],
            "speaker": [talk.hear_model() for _ in range(WARM_UP + trials)][WARM_UP:],
            "setup": [asyncio.run(set_up(trace)) for _ in range(1 + trials)][1:],
        }
        talk.close()
    return {name: median(ways[name]) for name in WAYS}


def name_of(code: CodeType) -> str:
    return f"{code.co_filename.removeprefix(PACKAGE)}:{code.co_qualname}"


def print_calls(way: Way) -> None:
    """Print the calls in order; several of one function in a row take one line with their number."""
    for code, calls in groupby(way.calls):
        count = len(list(calls))
        print(f"{name_of(code)}{f' x{count}' if count > 1 else ''}")
    print("\nmost often:")
    for code, count in Counter(way.calls).most_common(15):
        print(f"{count:5} {name_of(code)}")


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--json", action="store_true", help="print the numbers as one line of JSON, the last one"
    )
    parser.add_argument("--list", choices=WAYS, help="print each call of one way, in order")
    parser.add_argument("--trials", type=int, default=11, help="how often each way is taken")
    options = parser.parse_args()
    ways = measure(options.trials)
    if options.list:
        print_calls(ways[options.list])
        print()
    print(f"{'way':12} {'calls':>6} {'functions':>10} {'files':>6} {'changes of file':>16}")
    for name, way in ways.items():
        calls, functions, files = way.numbers.values()
        print(f"{name:12} {calls:6} {functions:10} {files:6} {way.changes:16}")
    if options.json:
        print(json.dumps({name: way.numbers for name, way in ways.items()}))


if __name__ == "__main__":
    main()
