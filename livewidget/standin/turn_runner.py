"""The model's side of a session: think, call functions, answer, be interrupted; one answer at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from livewidget.standin import recall, rules
from livewidget.standin.behavior import SessionParts
from livewidget.standin.interfaces import Dialogue, FunctionRequest, NoReply, Reply, Response
from livewidget.standin.rules import Refusal
from livewidget.standin.tool_calls import CallBatch, CallResult, ToolCaller, returned
from livewidget.standin.turn_output import TurnOutput
from livewidget.transports.base import TransportClosed

log = logging.getLogger(__name__)

#: Questions that may wait while the model must not be interrupted; the oldest is dropped. Chosen.
_QUESTIONS = 4
#: Function results that may wait to be spoken of; the oldest is dropped. Chosen.
_RESULTS = 32
#: Calls one after the other, for a responder that never stops calling. Chosen.
_CALLS = 8
#: Time for a function that does not block; then the conversation goes on without its result. Chosen: a pause
#: that nobody wonders about.
_PATIENCE_MS = 700.0
#: What a request to speak first amounts to.
_GREETING = "hello"
#: What the user hears who speaks where there is no speech recognition.
_DEAF = "I cannot understand speech on this computer. Please type to me."
#: What a model that thinks in the background says first.
_FILLER = "Let me think."
#: What the model says while a function runs that does not block.
_MEANWHILE = "One moment, please."


def has_words(text: str) -> bool:
    """Return whether `text` says anything. Clients send "." to get an answer to what was said before."""
    return re.search(r"\w", text) is not None


class TurnRunner:
    """Owns the task that answers, and the tasks that wait for functions meanwhile."""

    def __init__(self, parts: SessionParts, dialogue: Dialogue) -> None:
        self._link, self._behavior, self._state = parts.link, parts.behavior, parts.state
        self._builtin = parts.components.builtin_responder
        self._task: asyncio.Task[None] | None = None
        self._waiters: set[asyncio.Task[None]] = set()
        self._questions: deque[tuple[str, bool]] = deque(maxlen=_QUESTIONS)
        self._urgent: deque[CallResult] = deque(maxlen=_RESULTS)  # results that interrupt
        self._results: deque[CallResult] = deque(maxlen=_RESULTS)  # results that wait until nobody speaks
        self.calls = ToolCaller(parts)
        self._output = TurnOutput(parts, self.calls)
        self.dialogue = dialogue
        self.user_speaks = False

    @property
    def busy(self) -> bool:
        """Whether an answer is being prepared, waits for a function, or is still being played."""
        return self._task is not None and not self._task.done()

    async def ask(self, text: str, *, confident: bool = True, typed: bool = False) -> None:
        """Answer `text` at once, or after the answer that may not be interrupted; "" is speech not heard."""
        remember = self._state.context.add_text if typed else self._state.context.add
        if text:
            remember("user", text)
        self._questions.append((text, confident))
        self._start()

    async def ask_unanswered(self, default: str | None = None) -> None:
        """Answer the user's last lines, which nobody has answered; without any, `default`, or greet."""
        await self.ask((default is None and self._pop_unanswered()) or default or _GREETING)

    async def ask_unanswered_if_idle(self) -> None:
        """Answer the user's last lines unless there are none, or an answer is under way."""
        if not self.busy and (question := self._pop_unanswered()):
            await self.ask(question)

    async def take_result(self, result: CallResult) -> None:
        """Speak of a result when its `scheduling` says; by default when nobody speaks (WHEN_IDLE)."""
        self._state.context.count_text(json.dumps(returned(result[1])))
        scheduling = result[1].scheduling
        if scheduling == "INTERRUPT":
            self._urgent.append(result)
            if not self.user_speaks:
                await self.interrupt()
        elif scheduling != "SILENT":
            self._results.append(result)
        self.deliver_results()

    def deliver_results(self) -> None:
        """Speak of the function results that have come meanwhile, unless the user speaks."""
        if not self.user_speaks and (self._urgent or self._results):
            self._start()

    async def interrupt(self) -> None:
        """Stop the answer, and report what that voids."""
        if not self.busy:
            return
        await self._stop()
        await self.calls.cancel()
        await self._output.interrupted()

    async def close(self) -> None:
        """Cancel everything, without a message."""
        await self._stop()
        for waiter in (waiters := list(self._waiters)):
            waiter.cancel()
        if waiters:
            await asyncio.wait(waiters)

    def _pop_unanswered(self) -> str | None:
        """Remove the user's last lines from the context; return the last one with words."""
        context = self._state.context
        while (last := context.last()) and last[0] == "user":
            context.pop()
            if has_words(last[1]):
                return last[1]
        return None

    def _start(self) -> None:
        if not self.busy:
            self._output.open = True
            self._task = asyncio.create_task(self._run(), name="stand-in answers")

    async def _stop(self) -> None:
        task, self._task = self._task, None
        self._questions.clear()
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        self._output.stop()

    async def _run(self) -> None:
        async with self._closing_on_failure():
            while True:
                if self._urgent:
                    await self._answer_results([self._urgent.popleft()])
                elif self._questions:
                    await self._answer(*self._questions.popleft())
                elif self._results and not self.user_speaks:
                    await self._answer_results([self._results.popleft()])
                else:
                    break

    @asynccontextmanager
    async def _closing_on_failure(self) -> AsyncIterator[None]:
        """Close the session if one of its tasks fails."""
        try:
            yield
        except TransportClosed:
            pass
        except Refusal as refusal:
            await self._link.close(refusal.code, refusal.reason)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException:
            # A component failed: to the client, that is an internal error of the server.
            log.exception("the stand-in could not answer")
            await self._link.close(1011, rules.INTERNAL)

    async def _answer(self, text: str, confident: bool) -> None:
        await self._output.begin()
        response = await self._respond(text, confident)
        if response.thoughts and self._behavior.model.thinking_required:
            await self._output.say_meanwhile(_FILLER)
        await self._carry_out(response)

    async def _answer_results(self, results: list[CallResult]) -> None:
        await self._output.begin()
        await self._carry_out(await self._respond_to_results(results))

    async def _carry_out(self, response: Response) -> None:
        """Say a reply, or call functions until there is one."""
        for _ in range(_CALLS):
            self._output.open = True
            await self._output.show_thoughts(response.thoughts)
            if isinstance(response, Reply):
                await self._output.say(response)
                return
            if isinstance(response, NoReply):
                await self._output.stay_silent()
                return
            if not self.calls.is_declared(response):
                await self._output.complete(reason="MALFORMED_FUNCTION_CALL")
                return
            results = await self._call(response)
            if not results:
                await self._output.complete()
                return
            response = await self._respond_to_results(results)
        await self._output.complete(reason="TOO_MANY_TOOL_CALLS")

    async def _respond(self, text: str, confident: bool) -> Response:
        if self._behavior.mute:
            return Reply("")
        if not text:
            return Reply(_DEAF)
        if self._builtin and confident and not self._behavior.model.translation:
            if self.calls.waiting and recall.cancels(text):
                await self.calls.cancel(all=True)
                return Reply("All right, I have called it off.")
            builtin = await recall.answer_about_pictures(text, self._state.pictures)
            builtin = builtin or recall.answer(text, self._state.context)
            if builtin is not None:
                return builtin
        return await self._guarded(self.dialogue.reply(text, confident=confident))

    async def _respond_to_results(self, results: list[CallResult]) -> Response:
        """Return the response to results: the replies to all of them, or the first that is not a reply."""
        responses = [
            await self._guarded(self.dialogue.result(name, returned(response))) for name, response in results
        ]
        replies = [one for one in responses if isinstance(one, Reply)]
        if len(responses) == 1 or len(replies) < len(responses):
            return next((one for one in responses if not isinstance(one, Reply)), responses[0])
        thoughts = tuple(thought for reply in replies for thought in reply.thoughts)
        return Reply(" ".join(reply.text for reply in replies), thoughts)

    async def _guarded(self, response: Awaitable[Response]) -> Response:
        try:
            return await response
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as problem:
            # Most likely a user's function: they should hear of it, and the session goes on.
            log.exception("the stand-in's brain failed")
            return Reply(f"Sorry, my brain failed: {type(problem).__name__}.")

    async def _call(self, request: FunctionRequest) -> list[CallResult]:
        """Call functions; return the results to speak of in this turn, if any."""
        blocking, free = await self.calls.call(request)
        early = self._behavior.model.turn_completes_before_result
        if early:
            await self._output.complete()
        results = await self.calls.wait(blocking) if blocking.pending else []
        quick = False
        if free.pending and not early and not results:
            quick = await self._returns_soon(free)
        if quick:
            results = free.take()
        elif free.pending:
            self._wait_in_background(free)
            if not early and not results:
                await self._output.say_meanwhile(_MEANWHILE)
        for _, response in results:
            self._state.context.count_text(json.dumps(returned(response)))
        return [(name, one) for name, one in results if not (quick and one.scheduling == "SILENT")]

    async def _returns_soon(self, free: CallBatch) -> bool:
        try:
            return await free.wait_all(_PATIENCE_MS)
        except asyncio.CancelledError:
            # An interruption gives up the answer, but not the functions.
            self._wait_in_background(free)
            raise

    def _wait_in_background(self, free: CallBatch) -> None:
        task = asyncio.create_task(self._collect(free), name="stand-in waits for a function")
        self._waiters.add(task)
        task.add_done_callback(self._waiters.discard)

    async def _collect(self, free: CallBatch) -> None:
        """Take results as they come."""
        async with self._closing_on_failure():
            while (result := await free.next()) is not None:
                await self.take_result(result)
