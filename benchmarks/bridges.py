"""What each bridge to somebody else's agent adds: to the time until an answer is heard, and to the work.

    python benchmarks/bridges.py [--bridges livewidget,voximplant] [--blocks 5] [--questions 4] [--json]

A stand-in in this process answers every question with a tone, and notes when it has decided that speech has
ended. The agents, those of `tests/integrations/bridge_*.py`, run in the environments that `make clients`
makes, a process for each. There a question is asked by voice as a microphone does it, 40 ms at a time: a few
times straight, with `connect(Gemini(base_url=…))`, then as often through the bridge, and so on, one session
at a time. So both ways meet the same machine and the same server.

The row `voximplant` is a phone call, which needs no environment: `answer_calls` in such a process, and
a caller who asks on a media stream of µ-law, 20 ms at a time, as Voximplant's cloud sends it.

Printed for each: p50 and p95 of the time from that decision to the answer's first sound in the session, or
on the caller's socket; the difference of both ways; and the processor time of the client's process for
a second of talk, in percent of one core. On the phone that is of one call, without the caller's own work.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from livewidget import Gemini, connect  # noqa: E402
from livewidget.audio import to_float  # noqa: E402
from livewidget.connection import Provider  # noqa: E402
from livewidget.events import OutputAudio  # noqa: E402
from livewidget.integrations.voximplant import answer_calls  # noqa: E402
from livewidget.session import LiveSession  # noqa: E402
from tests.integrations.driving import FRAME_S, RATE, Server  # noqa: E402
from tests.integrations.voxengine import VoxEngine  # noqa: E402

WAYS = ("direct", "bridge")
#: The row of phone calls, which are no agents.
PHONE = "voximplant"
KEY = "made-for-the-benchmark"
#: Seconds of the tone that answers, and of a quiet room after it.
ANSWER_S, PAUSE_S = 1.0, 0.5
#: Seconds in which an answer must have begun.
PATIENCE_S = 20.0


@dataclass
class Figures:
    """What one way took: ms from the decision to the first sound, and seconds of processor and of talk."""

    delays_ms: list[float] = field(default_factory=list)
    worked_s: float = 0.0
    talked_s: float = 0.0

    @property
    def load_percent(self) -> float:
        """The processor's work for a second of talk, in percent of one core."""
        return 100 * self.worked_s / self.talked_s if self.talked_s else 0.0

    def percentile(self, share: float) -> float:
        """Return a percentile of the delays, in ms."""
        return float(np.percentile(self.delays_ms, share))


# --- In the environment of an agent's framework -------------------------------------------------------------


async def talk(session: LiveSession, pcm: bytes, questions: int) -> dict[str, Any]:
    """Ask so many questions; return when the first sound of each came, in monotonic time, and the work."""
    size = int(RATE * FRAME_S) * 2
    # The microphone stays on in a quiet room while an answer is waited for and heard.
    quiet = np.random.default_rng(1).normal(0, 30, int(RATE * PATIENCE_S)).astype("<i2").tobytes()
    heard = pcm + quiet
    first: list[float] = []

    def on_event(event: object) -> None:
        if isinstance(event, OutputAudio) and not first:
            first.append(time.monotonic())

    unsubscribe = session.subscribe(on_event)
    firsts: list[float] = []
    worked, began = time.process_time(), time.monotonic()
    for _ in range(questions):
        first.clear()
        due = time.monotonic()
        for at in range(0, len(heard), size):
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await session.send_audio(heard[at : at + size])
            if first and time.monotonic() - first[0] > ANSWER_S + PAUSE_S:
                break
        firsts += first
    worked, talked = time.process_time() - worked, time.monotonic() - began
    unsubscribe()
    if len(firsts) < questions:
        raise TimeoutError(f"{questions - len(firsts)} of {questions} questions were not answered")
    return {"firsts": firsts, "worked_s": worked, "talked_s": talked}


async def call(vox: VoxEngine, pcm: bytes, questions: int) -> dict[str, Any]:
    """Ask so many questions on the phone; return the same as `talk`.

    The caller is in this thread, and what it works is left out; the call is in another.
    """
    firsts: list[float] = []
    worked, mine, began = time.process_time(), time.thread_time(), time.monotonic()
    for _ in range(questions):
        before = len(vox.arrivals)
        vox.say(to_float(pcm), RATE)
        await vox.until(lambda before=before: len(vox.arrivals) > before or vox.is_over, PATIENCE_S)
        if len(vox.arrivals) <= before:
            break
        firsts.append(vox.arrivals[before])
        await asyncio.sleep(max(0.0, firsts[-1] + ANSWER_S + PAUSE_S - time.monotonic()))
    worked = time.process_time() - worked - (time.thread_time() - mine)
    talked = time.monotonic() - began
    if len(firsts) < questions or vox.violations:
        raise RuntimeError(f"{len(firsts)} of {questions} answered; {vox.events[-1]}; {vox.violations}")
    return {"firsts": firsts, "worked_s": worked, "talked_s": talked}


#: Asks so many questions, and returns what `talk` does.
Ask: TypeAlias = Callable[[int], Awaitable[dict[str, Any]]]


@contextlib.asynccontextmanager
async def in_a_session(provider: Provider, pcm: bytes) -> AsyncIterator[Ask]:
    """Open a session, for one block of questions."""
    async with connect(provider) as session:
        yield partial(talk, session, pcm)


@contextlib.asynccontextmanager
async def on_the_phone(provider: Provider, pcm: bytes) -> AsyncIterator[Ask]:
    """Answer a call, for one block of questions."""
    with answer_calls(lambda _: provider, port=0) as calls:
        async with VoxEngine(calls.url, "ULAW", 8_000) as vox:
            yield partial(call, vox, pcm)


async def client(task: dict[str, Any]) -> None:
    """Ask in both ways in turn, and print a line for each block."""
    module, blocks, questions, warm_up = (
        task.pop(name) for name in ("module", "blocks", "questions", "warm_up")
    )
    server = Server(**task)
    with wave.open(str(server.path("question.wav"))) as file:
        pcm = file.readframes(file.getnframes())

    def begin(way: str) -> contextlib.AbstractAsyncContextManager[Ask]:
        if way == "bridge" and module != PHONE:
            return in_a_session(import_module(f"tests.integrations.{module}").provider(server), pcm)
        gemini = Gemini(server.model, api_key=server.key, base_url=server.ws)
        return on_the_phone(gemini, pcm) if way == "bridge" else in_a_session(gemini, pcm)

    for block in range(-1 if warm_up else 0, blocks):
        for way in WAYS:
            async with begin(way) as ask:
                done = await ask(questions if block >= 0 else 1)
            if block >= 0:
                print(json.dumps({"way": way, **done}), flush=True)


# --- In the environment of the tests ------------------------------------------------------------------------


def tone(_: str) -> np.ndarray[Any, Any]:
    """Return the answer's sound."""
    return (np.sin(np.arange(int(24_000 * ANSWER_S)) / 20) * 8000).astype("int16")


@contextlib.asynccontextmanager
async def serving(decisions: list[float]) -> AsyncIterator[dict[str, str]]:
    """Serve a stand-in that notes when it has decided that speech has ended; give its addresses."""
    from livewidget.standin import StandIn
    from livewidget.standin.serve import Server as Served

    def ears(_: object) -> str:
        decisions.append(time.monotonic())
        return "a question"

    async with Served(StandIn(ears=ears, brain=lambda _: "an answer", voice=tone), key=KEY) as served:
        assert served.wss is not None
        assert served.cert is not None
        yield {"ws": served.wss, "wss": served.wss, "cert": served.cert}


def client_of(name: str) -> tuple[str, str]:
    """Return what is measured in a row, the module of an agent or `PHONE`, and the Python to run it with."""
    from tests.integrations.test_bridges import BRIDGES, python_of

    return (PHONE, sys.executable) if name == PHONE else (BRIDGES[name][0], python_of(name))


async def measure(
    name: str, model: str, blocks: int, questions: int, *, warm_up: bool = True
) -> dict[str, Figures]:
    """Measure one bridge of `tests/integrations/test_bridges.py`, or phone calls.

    Args:
        name: Its name there, or `PHONE`.
        model: The model that both ways talk with; whatever it is, the answers are the same.
        blocks: How often both ways take turns.
        questions: How many questions one asks before it is the other's turn.
        warm_up: Whether each asks one more before, so that everything is loaded.

    Raises:
        RuntimeError: If its process fails; with its last words.
    """
    from livewidget.audio import write_wav
    from tests.integrations.questions import speech

    module, python = client_of(name)
    decisions: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        write_wav(Path(folder) / "question.wav", await speech("what time is it", "Kore", tail_s=0.1), RATE)
        async with serving(decisions) as addresses:
            task = {
                **addresses, "key": KEY, "model": model, "vertex": False, "ends_first": False,
                "folder": folder, "module": module, "blocks": blocks, "questions": questions,
                "warm_up": warm_up,
            }  # fmt: skip
            keys = ("GOOGLE_", "GEMINI_")
            kept = {key: value for key, value in os.environ.items() if not key.startswith(keys)}
            process = await asyncio.create_subprocess_exec(
                python, __file__, "--client", json.dumps(task), cwd=ROOT,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=kept | {"SSL_CERT_FILE": addresses["cert"], "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            out, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode()[-2000:])
    figures = {way: Figures() for way in WAYS}
    for line in out.decode().splitlines():
        if not line.startswith('{"way"'):
            continue  # a framework's own words
        done = json.loads(line)
        way = figures[done["way"]]
        way.worked_s += done["worked_s"]
        way.talked_s += done["talked_s"]
        way.delays_ms += [
            1000 * (first - decisions[bisect.bisect(decisions, first) - 1]) for first in done["firsts"]
        ]
    return figures


HEAD = (
    *("", "direct p50", "p95", "bridge p50", "p95", "added p50", "p95"),
    *("CPU direct", "CPU bridge", "questions"),
)


def row(name: str, figures: dict[str, Figures]) -> tuple[str, ...]:
    """Return a bridge's figures as a row of the table."""
    direct, bridge = figures["direct"], figures["bridge"]
    times = [direct.percentile(50), direct.percentile(95), bridge.percentile(50), bridge.percentile(95)]
    times += [times[2] - times[0], times[3] - times[1]]
    loads = (f"{direct.load_percent:.1f} %", f"{bridge.load_percent:.1f} %")
    return (name, *(f"{value:.1f}" for value in times), *loads, str(len(bridge.delays_ms)))


def main() -> None:
    from livewidget.tables import text_table
    from tests.integrations.test_bridges import BRIDGES

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bridges", default="", help="beginnings of names, with commas (all)")
    parser.add_argument("--model", default="gemini-3.8-live", help="the model (gemini-3.8-live)")
    parser.add_argument("--blocks", type=int, default=5, help="how often both ways take turns (5)")
    parser.add_argument("--questions", type=int, default=4, help="questions of each turn (4)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each bridge")
    given = parser.parse_args()
    wanted = tuple(given.bridges.split(","))
    names = [name for name in (*BRIDGES, PHONE) if name.startswith(wanted)]
    rows = []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; ms, CPU of one core while talking")
    for name in names:
        if not Path(client_of(name)[1]).exists():
            print(f"{name} has no environment here: run make clients")
            continue
        figures = asyncio.run(measure(name, given.model, given.blocks, given.questions))
        rows.append(row(name, figures))
        if given.json:
            loads = {way: one.load_percent for way, one in figures.items()}
            print(
                json.dumps(
                    {"bridge": name, "cpu": loads, **{way: one.delays_ms for way, one in figures.items()}}
                )
            )
    print(text_table(HEAD, rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        asyncio.run(client(json.loads(sys.argv[2])))
    else:
        main()
