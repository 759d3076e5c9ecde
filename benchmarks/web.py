"""How many people one `livewidget talk` carries: pages on real sockets, each asking the tutor by voice.

    python benchmarks/web.py [--pages 5,10,20,30] [--spread 10] [--rounds 2] [--json]

The server is the real command as a process of its own, with the tutor's own ears and voice. The pages are
those of `tests/talk_page.py`, in this process: each sends a spoken question as a microphone does, 40 ms at a
time and without a pause until it is answered, plays what comes in real time and reports it. They begin at
random within `--spread` seconds, as people do, and ask `--rounds` times.

Printed for each number of pages: how many questions were answered, and rightly; the time from the end of the
words to the first sound of the answer, of which the half second of silence that ends a turn is part; how long
the voice ran dry; the processor time of the server with its children, where 100 % is one core, and of the
pages, which share the computer with it; and the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from livewidget.audio import resample, to_pcm16  # noqa: E402
from tests.speech import RATE as SPOKEN_RATE  # noqa: E402
from tests.speech import spoken  # noqa: E402
from tests.talk_page import RATE, TalkPage, words  # noqa: E402

#: What is asked, and what must be in the answer.
QUESTIONS = {
    "what is seven plus five": "twelve",
    "what is two plus three": "five",
    "what is nine minus four": "five",
    "tell me a story": "once upon a time",
}
#: Seconds of a quiet room before the words.
BEFORE_S = 0.5
#: Seconds after the words in which an answer must begin.
PATIENCE_S = 20.0
#: Seconds between an answer's first sound and the next question.
PAUSE_S = 4.0


@dataclass
class Question:
    """What is asked: PCM16 at 16 kHz, and when its last word ends, in seconds."""

    answer: str
    pcm: bytes
    end_s: float


@dataclass
class Outcome:
    """One question of one page; times in ms, None where nothing came."""

    first_sound_ms: float | None
    right: bool


@dataclass
class Load:
    """What so many pages did to the server."""

    pages: int
    asked: int
    answered: int
    right: int
    first_sound_p50_ms: int
    first_sound_p95_ms: int
    dry_ms_worst: int
    server_cpu_percent: int
    pages_cpu_percent: int
    memory_mb: int
    memory_per_page_mb: float
    seconds: float


def questions() -> list[Question]:
    """Return what is asked, spoken in one of the tutor's other voices, in a quiet room."""
    rng = np.random.default_rng(7)
    made = []
    for text, answer in QUESTIONS.items():
        said = resample(spoken(text), SPOKEN_RATE, RATE) * 0.7
        loud = np.flatnonzero(np.abs(said) > 0.02)[-1]
        parts = (np.zeros(int(BEFORE_S * RATE)), said, np.zeros(int(PATIENCE_S * RATE)))
        sound = np.concatenate(parts)
        sound = (sound + rng.normal(0, 0.001, len(sound))).astype(np.float32)
        made.append(Question(answer, to_pcm16(sound), BEFORE_S + loud / RATE))
    return made


async def ask(page: TalkPage, question: Question) -> Outcome:
    """Ask by voice, and wait for the answer's first sound and its words."""
    before = set(page.turns)
    begun = time.monotonic()
    speaking = asyncio.create_task(page.speak(question.pcm, begun))
    ended = begun + question.end_s

    def answer() -> str:
        new = (turn for index, turn in page.turns.items() if index not in before)
        return "".join(words(turn) for turn in new if turn.speaker == "model")

    def is_answered() -> bool:
        return page.first_sound_s is not None and page.first_sound_s > ended and bool(answer())

    try:
        await page.until(is_answered, question.end_s + PATIENCE_S)
        await page.until(lambda: question.answer in answer().lower(), PAUSE_S)
    except TimeoutError:
        if not is_answered():
            return Outcome(None, right=False)
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
    assert page.first_sound_s is not None
    return Outcome((page.first_sound_s - ended) * 1000, question.answer in answer().lower())


async def person(page: TalkPage, after_s: float, asked: list[Question]) -> list[Outcome]:
    """Sit down, press ●, ask; leave at the end."""
    await asyncio.sleep(after_s)
    await page.start()
    outcomes = []
    for question in asked:
        outcomes.append(await ask(page, question))
        quiet = np.random.default_rng(1).normal(0, 0.001, int(PAUSE_S * RATE)).astype(np.float32)
        await page.speak(to_pcm16(quiet))  # the microphone stays on
    return outcomes


@asynccontextmanager
async def command() -> AsyncIterator[tuple[int, str, str]]:
    """Run `livewidget talk`; give its process id, the page's address and the token."""
    names = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "DISPLAY", "WAYLAND_DISPLAY")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "livewidget", "talk", "offline-tutor", "--port", "0", "--no-browser",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in names},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        address = (await process.stdout.readline()).decode().strip()
        base, _, token = address.partition("#")
        yield process.pid, base, token
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


def usage(pid: int) -> tuple[float, float]:
    """Return the processor seconds and the MB of a process and its children; zeros where /proc is missing."""
    if not Path("/proc/self/stat").exists():
        return 0.0, 0.0
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    family, seconds, memory = {pid}, 0.0, 0
    for entry in sorted(int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry in family or int(fields[1]) in family:
            family.add(entry)
            seconds += (int(fields[11]) + int(fields[12])) / tick
            memory += int(fields[21]) * page
    return seconds, memory / 1e6


async def measure(count: int, spread_s: float, rounds: int, spoken_questions: list[Question]) -> Load:
    """Let so many people talk with one server."""
    chance = random.Random(count)
    async with command() as (pid, base, token):
        first = TalkPage(base)
        await first.load(token)
        # One browser with many tabs, as far as the server sees it: each has a conversation of its own.
        pages = [first, *(TalkPage(base, cookie=first.cookie) for _ in range(count - 1))]
        for page in pages[1:]:
            await page.load()
        await first.ask(next(iter(QUESTIONS)))  # by then it has loaded what it needs
        _, empty_mb = usage(pid)
        begun, (used_s, _), own_s = time.monotonic(), usage(pid), time.process_time()
        people = []
        for page in pages:
            asked = chance.choices(spoken_questions, k=rounds)
            people.append(person(page, chance.uniform(0, spread_s), asked))
        outcomes = [outcome for one in await asyncio.gather(*people) for outcome in one]
        seconds = time.monotonic() - begun
        (now_s, memory_mb), now_own_s = usage(pid), time.process_time()
        dry_ms = max(page.dry_ms for page in pages)
        await asyncio.gather(*(page.close() for page in pages))
    times = sorted(one.first_sound_ms for one in outcomes if one.first_sound_ms is not None)
    return Load(
        pages=count,
        asked=len(outcomes),
        answered=len(times),
        right=sum(one.right for one in outcomes),
        first_sound_p50_ms=round(statistics.median(times)) if times else 0,
        first_sound_p95_ms=round(times[max(0, -(-len(times) * 95 // 100) - 1)]) if times else 0,
        dry_ms_worst=round(dry_ms),
        server_cpu_percent=round((now_s - used_s) / seconds * 100),
        pages_cpu_percent=round((now_own_s - own_s) / seconds * 100),
        memory_mb=round(memory_mb),
        memory_per_page_mb=round((memory_mb - empty_mb) / count, 1),
        seconds=round(seconds, 1),
    )


def line(load: Load) -> str:
    """Return it for people."""
    answers = f"{load.answered}/{load.asked} answered, {load.right} rightly"
    sound = f"first sound p50 {load.first_sound_p50_ms}, p95 {load.first_sound_p95_ms}"
    cost = f"server {load.server_cpu_percent} %, pages {load.pages_cpu_percent} %"
    memory = f"memory {load.memory_mb}, {load.memory_per_page_mb} a page"
    dry = f"dry at most {load.dry_ms_worst}"
    return f"{load.pages:3} pages: {'; '.join((answers, sound, dry, cost, memory))}; {load.seconds} s"


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--pages", default="5,10,20,30", help="how many, one after the other (5,10,20,30)")
    parser.add_argument("--spread", type=float, default=10.0, help="seconds in which they begin (10)")
    parser.add_argument("--rounds", type=int, default=2, help="questions of each page (2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each number of pages")
    arguments = parser.parse_args()
    asked = questions()
    if not arguments.json:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; ms, % of one core, MB")
    for count in map(int, arguments.pages.split(",")):
        load = asyncio.run(measure(count, arguments.spread, arguments.rounds, asked))
        print(json.dumps(asdict(load)) if arguments.json else line(load), flush=True)


if __name__ == "__main__":
    main()
