"""What drives somebody's agent through a real `LiveWidget`, in the environment of the agent's framework.

A file `bridge_NAME.py` beside this one has

* `provider(server, fault=None)`: a provider with one agent whose model is `server.model` (see `driving.Server`),
  which has one function of its own, `set_light(on)`;
* `FAULTS`: what can go wrong with it, each with words that the user must be told, "" where there is nothing to
  tell. With a fault an agent goes wrong at the latest when it is asked to turn on the light, or with those of
  `AT_CLOSE` when it is stopped;
* at its end `if __name__ == "__main__": main(provider, FAULTS)`.

`main` shows the widget to a page (`tests.talk_page`, on a real socket), which plays what comes in real time,
reports what it has played and clicks. It plays the scenes that the task names, and prints what was noted of
each as one line of JSON; what came of it is for `test_bridges.py` to judge. A scene fails where something
that must come does not.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import threading
import time
import traceback
import wave
from dataclasses import dataclass

from PIL import Image

from livewidget import LiveWidget
from livewidget.errors import LiveError
from livewidget.tools import Tool
from livewidget.turns import Floor
from livewidget.turns.turn import AUDIO_RATE
from livewidget.ui import messages as m
from livewidget.widget.background import background
from tests.integrations.driving import LOOKS, RATE, SPEED, Missing, Server
from tests.talk_page import TalkPage

WAIT_S = 30.0
#: Nothing has happened for so long: the answer is over. Late transcripts come within it.
QUIET_S = 0.8
#: How long a function of the notebook's takes that is not over at once.
WORK_S = 1.5
#: Faults that show when the talk is stopped.
AT_CLOSE = ("hangs_at_close",)
#: How much of an answer is heard before it is interrupted.
HEARD_S = 1.0
WARM_UP, CYCLES = 5, 20


def set_light(on: bool) -> str:
    """Switch the light."""
    return "the light is on" if on else "the light is off"


def set_fan(on: bool) -> str:
    """Switch the fan."""
    return "the fan is on" if on else "the fan is off"


async def make_coffee() -> str:
    """Make coffee."""
    await asyncio.sleep(WORK_S)
    return "the coffee is ready"


def open_door() -> str:
    """Open the door."""
    return "the door is open"


class Complaints(logging.Handler):
    """What asyncio, the interpreter and threads complain of, which nobody would see in a notebook."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []
        logging.getLogger("asyncio").addHandler(self)
        sys.unraisablehook = lambda raised: self.note(
            f"unraisable: {raised.exc_value!r} in {raised.object!r}"
        )
        threading.excepthook = lambda raised: self.note(f"thread: {raised.exc_value!r}")

    def emit(self, record):
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info))
        self.note(text)

    def note(self, text):
        self.found.append(text[-2000:])


@dataclass
class Stage:
    """A widget and its page."""

    server: Server
    live: LiveWidget
    page: TalkPage

    @property
    def here(self):
        """The place after what there is: the last turn, how many pieces of sound, how many messages."""
        last = self.live.turns[-1].index if self.live.turns else -1
        return last, len(self.page.heard), len(self.page.seen)

    @property
    def opened(self):
        """How often a connection was opened."""
        return sum(frame.kind == "setupComplete" for frame in self.live.wire)

    @property
    def interruptions(self):
        """How often the agent said that it was interrupted."""
        return sum("interrupted" in frame.kind for frame in self.live.wire)

    def notices(self, since):
        """Return what the user was told since a place, but for what takes long at a start."""
        told = [one for one in self.page.seen[since[2] :] if isinstance(one, m.NoticeView)]
        return [one for one in told if one.code != "starting"]

    async def told(self, since):
        """Wait a moment for what the user is told; it comes right after what it is about."""
        with contextlib.suppress(TimeoutError):
            await self.page.until(lambda: self.notices(since), QUIET_S)

    def turns(self, since):
        return [turn for turn in self.live.turns if turn.index > since[0]]

    async def start(self):
        """Press ●, and wait until the agent listens."""
        since = self.here
        if await self.begin(since) != "live":
            await self.told(since)
            raise Missing(f"the talk was not opened: {[one.text for one in self.notices(since)]}")

    async def begin(self, since):
        """Press ●; return what has become of that: "live", or "ended"."""
        await self.page.begin()

        def phase():
            phases = [one.phase for one in self.page.seen[since[2] :] if isinstance(one, m.State)]
            begun = phases[phases.index("connecting") :] if "connecting" in phases else []
            return next((one for one in begun if one in ("live", "ended")), None)

        return await self.until(phase, "a start", since)

    async def speak(self, name):
        """Say a file, as a microphone that is in a hurry."""
        with wave.open(str(self.server.path(f"{name}.wav"))) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            await self.page.speak(file.readframes(file.getnframes()), pace=SPEED)

    async def until(self, holds, waits_for, since, within_s=WAIT_S):
        """Wait until `holds()` is true, and return it."""
        try:
            return await self.page.until(holds, within_s)
        except TimeoutError:
            raise Missing(f"waited for {waits_for}, got {json.dumps(self.report(since))}") from None

    async def answered(self, since, within_s=WAIT_S):
        """Wait until there is an answer in words and sound, heard to its end, and nothing comes any more."""
        seen, quiet_s = None, time.monotonic()

        def is_over():
            nonlocal seen, quiet_s
            turns = self.turns(since)
            now = (turns, len(self.page.heard), self.page.played, self.live.floor)
            if now != seen:
                seen, quiet_s = now, time.monotonic()
            last = [turn for turn in turns if turn.speaker == "model"][-1:]
            is_complete = last and last[0].final and last[0].text and len(self.page.heard) > since[1]
            is_quiet = self.live.floor is Floor.LISTENING and self.page.is_silent
            return is_complete and is_quiet and time.monotonic() - quiet_s > QUIET_S

        await self.until(is_over, "an answer", since, within_s)
        return self.report(since)

    def report(self, since):
        """Return what came since a place."""
        turns = self.turns(since)
        heard = self.page.heard[since[1] :]
        return {
            "heard": " ".join(turn.text.strip() for turn in turns if turn.speaker == "user"),
            "said": " ".join(turn.text.strip() for turn in turns if turn.speaker == "model" and turn.text),
            "audio_ms": round(sum(len(pcm) for _, _, pcm in heard) * 500 / AUDIO_RATE),
            "speakers": [turn.speaker for turn in turns],
            "turns": [turn_report(turn) for turn in turns],
            "tools": [tool_report(use) for turn in turns for use in turn.tools],
            "notices": [one.text for one in self.notices(since)],
            "floor": self.live.floor.name,
            "phase": self.live.phase,
        }

    async def ended(self, since, within_s=WAIT_S):
        """Wait until the page shows that the conversation is over."""
        began = time.monotonic()
        await self.until(lambda: self.page.state.phase == "ended", "an end", since, within_s)
        took_s = time.monotonic() - began
        return {**self.report(since), "ending": self.page.state.ending, "took_s": round(took_s, 2)}


def turn_report(turn):
    return {
        "speaker": turn.speaker,
        "agent": getattr(turn, "agent", ""),
        "text": turn.text,
        "whole": "".join(span.text for span in turn.spans),
        "interrupted": turn.interrupted,
        "heard_sample": turn.heard_sample,
        "audio_samples": turn.audio_samples,
        "latency_ms": turn.latency_ms,
        "final": turn.final,
    }


def tool_report(use):
    return {
        "name": use.name,
        "args": dict(use.args),
        "state": use.state,
        "result": use.result,
        "error": use.error,
        "duration_ms": use.duration_ms,
        "remote": getattr(use, "remote", False),
        "agent": getattr(use, "agent", ""),
    }


@contextlib.asynccontextmanager
async def stage(server, provider, tools=(), *, starts=True):
    """Show a widget to a page; the talk goes on until the end."""
    live = LiveWidget(provider, tools=tools)
    base, _, token = live.page_url.partition("#")
    page = await TalkPage(base, origin=base.rpartition("/")[0].rpartition("/")[0]).load(token)
    try:
        on = Stage(server, live, page)
        if starts:
            await on.start()
        yield on
    finally:
        await page.close()
        live.close()
        await until(lambda: live._controller.is_closed, "the widget to be closed")


async def until(holds, waits_for, within_s=WAIT_S):
    """Wait for what no page tells of."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise Missing(f"waited for {waits_for}")
        await asyncio.sleep(0.05)


async def asked(on, text, within_s=WAIT_S):
    """Type a question; return what came of it."""
    since = on.here
    await on.page.type(text)
    return await on.answered(since, within_s)


# --- Scenes of one conversation -----------------------------------------------------------------------------


async def text_turn(on):
    return await asked(on, "what is the capital of japan")


async def spoken_turn(on):
    since = on.here
    await on.speak("question")
    return await on.answered(since)


async def remote_tool(on):
    since = on.here
    await on.speak("tool")
    return await on.answered(since)


async def blocking_tool(on):
    return await asked(on, "turn on the fan")


async def non_blocking_tool(on):
    return await asked(on, "make coffee")


async def approved_tool(on):
    return await decided(on, allowed=True)


async def refused_tool(on):
    return await decided(on, allowed=False)


async def decided(on, allowed):
    """Have a function called that asks, and say whether it may run."""
    since = on.here
    await on.page.type("open the door")

    def asks():
        views = (tool for turn in on.page.turns.values() if turn.index > since[0] for tool in turn.tools)
        return next((tool.id for tool in views if tool.state == "asking"), None)

    id = await on.until(asks, "a call that asks", since)
    await on.page.approve(id, allowed)
    return await on.answered(since)


async def barge_in(on):
    """Speak while the agent tells a story; it stops, says so, and answers."""
    since, before = on.here, on.interruptions
    await story_begun(on)
    await on.speak("interruption")
    cut = await on.until(lambda: interrupted_turn(on, since), "an interruption", since)
    stopped, at = on.report(since), (cut.index, *on.here[1:])
    page_heard, after = on.page.flushed.get(cut.index), await on.answered(at)
    told = on.interruptions - before
    return {"stopped": stopped, "page_heard": page_heard, "after": after, "told": told}


async def stop_button(on):
    """Press the button that silences the agent; nothing more comes of that answer."""
    since = on.here
    await story_begun(on)
    await on.page.interrupt()
    cut = await on.until(lambda: interrupted_turn(on, since), "an interruption", since)
    flushed = on.page.flushed.get(cut.index)
    at = len(on.page.heard)
    await asyncio.sleep(2 * HEARD_S)
    more_ms = sum(len(pcm) for _, _, pcm in on.page.heard[at:]) * 500 / AUDIO_RATE
    stopped = on.report(since)
    after = await asked(on, "what is the capital of japan")
    return {"stopped": stopped, "page_heard": flushed, "more_ms": round(more_ms), "after": after}


async def story_begun(on):
    """Have a story told, of which so much was heard."""
    since = on.here
    await on.page.type("tell me a story")

    def is_heard():
        model = {turn.index for turn in on.turns(since) if turn.speaker == "model"}
        turn, sample = on.page.played
        return turn in model and sample > HEARD_S * AUDIO_RATE

    await on.until(is_heard, "a story", since)


def interrupted_turn(on, since):
    return next(
        (turn for turn in on.turns(since) if turn.interrupted and turn.heard_sample is not None), None
    )


async def picture(on):
    path = on.server.path("picture.jpg")
    with Image.open(path) as file:
        await on.page.show(path.read_bytes(), "image/jpeg", file.size)
    # Some frameworks send pictures when they see fit, and tell nobody.
    for _ in range(LOOKS):
        answer = await asked(on, "what do you see")
        if "picture of" in answer["said"]:
            break
    return answer


async def push_to_talk(on):
    """Choose push-to-talk; press, speak, release; or be told that this agent does not take that.

    Where it takes it at a start only, the talk is stopped for it, and started anew.
    """
    since, opened = on.here, on.opened
    told = await chosen(on, "push_to_talk")
    if told:
        await on.page.stop()
        await on.ended(since)
        refused = await chosen(on, "push_to_talk")
        await on.start()
        if refused:
            return {"told": told, "refused": refused, "after": await text_turn(on)}
    else:
        # What is pressed before the connection is there that takes it would be lost.
        await on.until(lambda: on.opened > opened, "the talk to take it", since)
    since = on.here
    await on.page.press(True)
    await on.speak("question")
    await on.page.press(False)
    pressed = await on.answered(since)
    await on.page.stop()
    await on.ended(since)
    assert await chosen(on, "automatic") == []
    await on.start()
    return {"told": told, "pressed": pressed, "after": await text_turn(on)}


async def chosen(on, mode):
    """Choose who says when somebody has finished speaking; return what the user is told against it."""
    since = on.here
    await on.page.take_turns(mode)
    await on.until(lambda: on.notices(since) or on.page.state.turn_taking == mode, "an answer to that", since)
    # It is shown at once, and taken back with a word where it cannot be.
    await on.told(since)
    return [one.text for one in on.notices(since)]


SCENES = (
    text_turn,
    spoken_turn,
    remote_tool,
    blocking_tool,
    non_blocking_tool,
    approved_tool,
    refused_tool,
    barge_in,
    stop_button,
    picture,
    push_to_talk,
)


async def orderly_end(on):
    """Stop; start again in the same widget, which is another run of the agent; stop from Python."""
    since = on.here
    await on.page.stop()
    end = await on.ended(since)
    await on.start()
    again = await asked(on, "what is the capital of japan")
    on.live.stop()
    second = await on.ended(on.here)
    return {**end, "again": again, "second": second}


# --- Scenes with widgets of their own -----------------------------------------------------------------------


async def faults(server, make, names):
    """Let each fault happen; return what the user is told, and what is left of the agent afterwards."""
    reports = {}
    for name, words in names.items():
        before = await counted()
        async with stage(server, make(server, name), starts=False) as on:
            since, began = on.here, time.monotonic()
            phase = await on.begin(since)
            start_s = time.monotonic() - began
            if phase == "live" and name in AT_CLOSE:
                await asked(on, "what is the capital of japan")
                await on.page.stop()
            elif phase == "live":
                await on.page.type("turn on the light")
            end = await on.ended(since)
            await on.told(since)
            told = {**end, **on.report(since)}
            details = [one.details for one in on.notices(since)]
        left = difference(before, await counted(until=before))
        reports[name] = {
            **told,
            "words": words,
            "start_s": round(start_s, 1),
            "details": details,
            "left": left,
        }
    return {"of": reports}


async def cycles(server, make, _):
    """Start and stop again and again, each time with a question whose answer has begun."""
    counts = []
    async with stage(server, make(server), starts=False) as on:
        for _ in range(WARM_UP + CYCLES):
            since = on.here
            await on.start()
            await on.page.type("what is the capital of japan")
            await on.until(lambda: len(on.page.heard) > since[1], "sound", since)  # noqa: B023
            await on.page.stop()
            await on.ended(since)
            counts.append(await counted(until=counts[WARM_UP - 1] if len(counts) >= WARM_UP else None))
    return {"warm": counts[WARM_UP - 1], "last": counts[-1], "all": counts}


async def widgets(server, make, _):
    """Run the cell again and again: another widget with another provider each time, and the old one closed."""
    counts = []
    for _ in range(3):
        async with stage(server, make(server)) as on:
            answer = await asked(on, "what is the capital of japan")
        counts.append(await counted(until=counts[0] if counts else None))
    return {**answer, "counts": counts}


async def counted(until=None):
    """Count what a process holds; wait a little for what ends in its own time, as long as it is more."""
    for _ in range(50):
        gc.collect()
        counts = {
            "threads": len(os.listdir("/proc/self/task")),
            "tasks": await tasks(),
            "files": len(os.listdir("/proc/self/fd")),
            "memory_mb": memory_mb(),
        }
        if until is None or all(counts[kind] <= until[kind] for kind in ("threads", "tasks", "files")):
            break
        await asyncio.sleep(0.1)
    return counts


async def tasks():
    """Return how many tasks are on the loop of the widgets."""
    loop = background()

    async def count():
        return loop.tasks - 1

    return await asyncio.wrap_future(loop.submit(count()))


def memory_mb():
    with open("/proc/self/status") as file:
        return round(next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024, 1)


def difference(before, after):
    return {kind: round(after[kind] - before[kind], 1) for kind in before}


ALONE = (faults, cycles, widgets)


async def play(server, make, names, wanted, more_tools=()):
    """Play the scenes that are wanted; one that fails is reported with its error, and the others go on."""
    complaints = Complaints()
    reports = {}
    tools = [
        *more_tools,
        set_fan,
        Tool.of(make_coffee, behavior="NON_BLOCKING"),
        Tool.of(open_door, require_approval=True),
    ]
    together = [scene for scene in (*SCENES, orderly_end) if scene.__name__ in wanted]
    if together:
        with failures(reports, "stage"):
            async with stage(server, make(server), tools) as on:
                for scene in together:
                    with failures(reports, scene.__name__):
                        reports[scene.__name__] = await scene(on)
    for scene in ALONE:
        if scene.__name__ in wanted:
            with failures(reports, scene.__name__):
                reports[scene.__name__] = await scene(server, make, names)
    return {**reports, "complaints": complaints.found}


@contextlib.contextmanager
def failures(reports, name):
    """Report what fails under a name, and how long that or the scene of this name took."""
    began = time.monotonic()
    try:
        yield
    except (LiveError, Missing, TimeoutError) as error:
        reports[name] = {"failed": f"{type(error).__name__}: {error}"}
    if name in reports:
        reports[name]["s"] = round(time.monotonic() - began, 1)


def main(provider, faults=(), more_tools=()):
    """Play what the command line asks for, and print what came of it.

    Args:
        provider: Makes a provider for a server, and for a fault of the agent's.
        faults: What can go wrong, with the words that the user is told.
        more_tools: Functions of the notebook's, in place of those that an agent has itself.
    """
    task = json.loads(sys.argv[1])
    wanted = task.pop("scenes")
    reports = asyncio.run(play(Server(**task), provider, dict(faults), wanted, more_tools))
    print(json.dumps(reports))
