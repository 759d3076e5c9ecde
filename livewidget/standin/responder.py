"""The model's half of the talk: thinks, calls functions, answers, is interrupted; one answer at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

from livewidget.protocol.messages import FunctionResponse
from livewidget.standin import recall, rules, tool_calls
from livewidget.standin.behavior import Manners
from livewidget.standin.context import Memory, Senses
from livewidget.standin.interfaces import Call, Mind, Say, Thought, Wait
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.tool_calls import Batch, Calling, Outcome
from livewidget.standin.turn_output import Telling
from livewidget.transports.base import TransportClosed

log = logging.getLogger(__name__)

_WAITING = 4  # questions that may wait while the model may not be interrupted; the oldest is dropped
_REPORTS = 32  # results that may wait to be told; the oldest is dropped
_CALLS = 8  # one after the other; a mind that never stops calling is stopped
_PATIENCE_MS = 700.0  # that a function may take before the talk goes on without its result
_GREETING = "hello"  # what "model, speak now" with nothing said before comes down to
_FILLER = "Let me think."  # what a model says first that thinks in the background
_MEANWHILE = "One moment, please."  # what it says while a function runs that does not block


def has_words(text: str) -> bool:
    """Tell whether `text` says anything; clients send "." or " " where all they want is an answer now."""
    return re.search(r"\w", text) is not None


class Answering:
    """Owns the task that answers, and those that wait for functions beside the talk."""

    def __init__(self, outlet: Outlet, manners: Manners, senses: Senses, memory: Memory, mind: Mind) -> None:
        self._outlet = outlet
        self._manners = manners
        self._senses = senses
        self._memory = memory
        self._task: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._questions: deque[tuple[str, bool]] = deque(maxlen=_WAITING)
        self._urgent: deque[Outcome] = deque(maxlen=_REPORTS)  # results that interrupt
        self._reports: deque[Outcome] = deque(maxlen=_REPORTS)  # results that wait until nobody speaks
        self._calling = Calling(outlet, manners, senses.clock, memory)
        self._telling = Telling(outlet, manners, senses, memory, self._calling)
        self.mind = mind
        self.user_speaks = False

    @property
    def busy(self) -> bool:
        """Whether an answer is being made, waits for a function, or is still being heard."""
        return self._task is not None and not self._task.done()

    async def ask(self, text: str, *, confident: bool = True, written: bool = False) -> None:
        """Answer `text`, spoken or written: at once, or after what is being said where that goes on."""
        remember = self._memory.context.write if written else self._memory.context.add
        remember("user", text)
        self._questions.append((text, confident))
        self._start()

    async def greet(self) -> None:
        """Speak first, or answer what was added to the history and never asked."""
        await self.ask(self._unasked() or _GREETING)

    async def nudge(self) -> None:
        """Answer what was added to the history and never asked, unless there is none or an answer runs."""
        if not self.busy and (question := self._unasked()):
            await self.ask(question)

    def idle(self) -> None:
        """Nobody speaks: tell what functions have returned meanwhile, if anything."""
        if not self.user_speaks and (self._urgent or self._reports):
            self._start()

    async def interrupt(self) -> None:
        """Stop whatever is being done, and tell the client what that voids."""
        if not self.busy:
            return
        await self._stop()
        await self._calling.cancel()
        await self._telling.interrupted()

    def results(self, responses: Sequence[FunctionResponse]) -> None:
        """Take results of calls; those not asked for are ignored."""
        self._calling.results(responses)

    async def close(self) -> None:
        """End without a word."""
        await self._stop()
        for errand in (errands := list(self._errands)):
            errand.cancel()
        if errands:
            await asyncio.wait(errands)

    def _unasked(self) -> str | None:
        """Take the user's last words, if the model has said none since; turns without a word go with them."""
        context = self._memory.context
        while (last := context.last()) and last[0] == "user":
            context.take()
            if has_words(last[1]):
                return last[1]
        return None

    # --- The task that answers ------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self.busy:
            self._telling.open = True
            self._task = asyncio.create_task(self._run(), name="stand-in answers")

    async def _stop(self) -> None:
        task, self._task = self._task, None
        self._questions.clear()
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        self._telling.stop()

    async def _run(self) -> None:
        async with self._guarded():
            while True:
                if self._urgent:
                    await self._tell_of([self._urgent.popleft()])
                elif self._questions:
                    await self._answer(*self._questions.popleft())
                elif self._reports and not self.user_speaks:
                    await self._tell_of([self._reports.popleft()])
                else:
                    break

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        """End the session, and nothing else, where something fails that runs beside it."""
        try:
            yield
        except TransportClosed:
            pass
        except Refusal as refusal:
            await self._outlet.close(refusal.code, refusal.reason)
        except Exception:
            # A seam failed: to the client that is a fault of the server.
            log.exception("the stand-in could not answer")
            await self._outlet.close(1011, rules.INTERNAL)

    async def _answer(self, text: str, confident: bool) -> None:
        await self._telling.prepare()
        said = await self._think(text, confident)
        if said.thoughts and self._manners.model.thinking_required:
            await self._telling.fill(_FILLER)
        await self._follow(said)

    async def _tell_of(self, outcomes: list[Outcome]) -> None:
        await self._telling.prepare()
        await self._follow(await self._meaning(outcomes))

    async def _follow(self, said: Thought) -> None:
        """Do what was thought of: say it, or call functions until there is something to say."""
        for _ in range(_CALLS):
            self._telling.open = True
            await self._telling.think(said.thoughts)
            if isinstance(said, Say):
                await self._telling.tell(said)
                return
            if isinstance(said, Wait):
                await self._telling.wait()
                return
            if not self._calling.declared(said):
                await self._telling.complete(reason="MALFORMED_FUNCTION_CALL")
                return
            outcomes = await self._call(said)
            if not outcomes:
                await self._telling.complete()
                return
            said = await self._meaning(outcomes)
        await self._telling.complete(reason="TOO_MANY_TOOL_CALLS")

    async def _think(self, text: str, confident: bool) -> Thought:
        if self._manners.mute:
            return Say("")  # a translator that knows no language is silent aloud
        if self._senses.own and confident and not self._manners.model.translation:
            if self._calling.waits and recall.calls_off(text):
                await self._calling.cancel(all=True)
                return Say("All right, I have called it off.")
            own = await self._memory.sight.answer(text) or recall.answer(text, self._memory.context)
            if own is not None:
                return own
        return await self._safely(self.mind.reply(text, confident=confident))

    async def _safely(self, thought: Awaitable[Thought]) -> Thought:
        try:
            return await thought
        except Exception as problem:
            # Most likely a function that a user plugged in: they should hear of it, and the talk goes on.
            log.exception("the stand-in's brain failed")
            return Say(f"Sorry, my brain failed: {type(problem).__name__}.")

    # --- Functions ------------------------------------------------------------------------------------------

    async def _call(self, call: Call) -> list[Outcome]:
        """Call functions; return the results to speak of now, if any."""
        held, free = await self._calling.begin(call)
        early = self._manners.model.turn_completes_before_result
        if early:
            await self._telling.complete()
        outcomes = await self._calling.wait(held) if held.left else []
        settled = False
        if free.left and not early and not outcomes:
            settled = await self._soon(free)
        if settled:
            outcomes = free.take()
        elif free.left:
            self._go_on_without(free)
            if not early and not outcomes:
                await self._telling.fill(_MEANWHILE)
        for _, response in outcomes:
            self._memory.context.read(json.dumps(tool_calls.result(response)))
        return [(name, one) for name, one in outcomes if not (settled and one.scheduling == "SILENT")]

    async def _meaning(self, outcomes: list[Outcome]) -> Thought:
        """Return what a mind makes of results: all that it says to them, or what it calls next."""
        thoughts = [
            await self._safely(self.mind.result(name, tool_calls.result(response)))
            for name, response in outcomes
        ]
        says = [thought for thought in thoughts if isinstance(thought, Say)]
        if len(thoughts) == 1 or len(says) < len(thoughts):
            return next((thought for thought in thoughts if not isinstance(thought, Say)), thoughts[0])
        return Say(" ".join(say.text for say in says), tuple(one for say in says for one in say.thoughts))

    async def _soon(self, free: Batch) -> bool:
        """Tell whether functions that do not block return before one would begin to wonder."""
        try:
            return await free.settle(_PATIENCE_MS)
        except asyncio.CancelledError:
            # An interruption: the answer is given up, and the functions are not.
            self._go_on_without(free)
            raise

    def _go_on_without(self, free: Batch) -> None:
        task = asyncio.create_task(self._wait_beside(free), name="stand-in waits for a function")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _wait_beside(self, free: Batch) -> None:
        """Take results as they come, and have them told when their scheduling says."""
        async with self._guarded():
            while (outcome := await free.next()) is not None:
                self._memory.context.read(json.dumps(tool_calls.result(outcome[1])))
                scheduling = outcome[1].scheduling
                if scheduling == "INTERRUPT":
                    self._urgent.append(outcome)
                    if not self.user_speaks:
                        await self.interrupt()
                elif scheduling != "SILENT":
                    self._reports.append(outcome)
                self.idle()
