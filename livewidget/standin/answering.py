"""The model's half of the talk: thinks, calls functions, speaks, is interrupted; one answer at a time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass

from livewidget.clock import Clock
from livewidget.protocol.content import FunctionResponse, Part
from livewidget.protocol.server import (
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    Transcription,
    UsageMetadata,
)
from livewidget.standin import recall, rules, showing
from livewidget.standin.calling import Calling
from livewidget.standin.delivery import Delivery
from livewidget.standin.manners import Manners
from livewidget.standin.memory import Memories, Memory
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.seams import (
    SPEAKING_RATE,
    Brain,
    Call,
    Ears,
    Mind,
    Say,
    Speech,
    Thought,
    Voice,
    Wait,
)
from livewidget.transports.base import TransportClosed

log = logging.getLogger(__name__)

_WAITING = 4  # questions that may wait while the model may not be interrupted; the oldest is dropped
_GREETING = "hello"  # what "model, speak now" with nothing said before comes down to
_FILLER = "Let me think."  # what a model says first that thinks in the background
_MUTE_S = 2  # of silence that a translator streams for each utterance when it knows no language


def has_words(text: str) -> bool:
    """Tell whether `text` says anything; clients send "." or " " where all they want is an answer now."""
    return re.search(r"\w", text) is not None


@dataclass(frozen=True, slots=True)
class Senses:
    """What a session hears, thinks and speaks with.

    Attributes:
        own: The tutor's own brain is at work, which looks at pictures and remembers the talk.
        late: What the user said is told when the answer has begun, as the service may do it.
    """

    ears: Ears
    brain: Brain
    voice: Voice
    clock: Clock
    memories: Memories
    own: bool = True
    late: bool = False


class Answering:
    """Owns the task that answers."""

    def __init__(self, outlet: Outlet, manners: Manners, senses: Senses, memory: Memory, mind: Mind) -> None:
        self._outlet = outlet
        self._manners = manners
        self._senses = senses
        self._memory = memory
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[str, bool]] = deque(maxlen=_WAITING)
        self._calling = Calling(outlet, manners, senses.clock)
        self._delivery: Delivery | None = None
        self._open = False  # the model has the floor: an interruption must be told
        self.mind = mind

    @property
    def busy(self) -> bool:
        """Whether an answer is being made, waits for a function, or is still being heard."""
        return self._task is not None and not self._task.done()

    async def ask(self, text: str, *, confident: bool = True, written: bool = False) -> None:
        """Answer `text`, spoken or written: at once, or after what is being said where that goes on."""
        remember = self._memory.context.write if written else self._memory.context.add
        remember("user", text)
        if self.busy:
            self._waiting.append((text, confident))
            return
        self._open = True
        self._task = asyncio.create_task(self._run(text, confident), name="stand-in answers")

    async def greet(self) -> None:
        """Speak first, or answer what was added to the history and never asked."""
        await self.ask(self._unasked() or _GREETING)

    async def nudge(self) -> None:
        """Answer what was added to the history and never asked, unless there is none or an answer runs."""
        if not self.busy and (question := self._unasked()):
            await self.ask(question)

    def _unasked(self) -> str | None:
        """Take the user's last words, if the model has said none since; turns without a word go with them."""
        context = self._memory.context
        while (last := context.last()) and last[0] == "user":
            context.take()
            if has_words(last[1]):
                return last[1]
        return None

    async def interrupt(self) -> None:
        """Stop whatever is being done, and tell the client what that voids."""
        if not self.busy:
            return
        await self._stop()
        await self._calling.cancel()
        if self._open:
            await self._outlet.content(interrupted=True)
            await self._complete()

    def results(self, responses: Sequence[FunctionResponse]) -> None:
        """Take results of calls; ignored are those not asked for, and all but the last of a stream."""
        self._calling.results(responses)

    async def close(self) -> None:
        """End without a word."""
        await self._stop()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        self._waiting.clear()
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if self._delivery and self._delivery.text:
            # The history keeps only what was sent.
            self._memory.context.add("model", self._delivery.text)
        self._delivery = None

    async def _run(self, text: str, confident: bool) -> None:
        try:
            await self._answer(text, confident)
            while self._waiting:
                self._open = True
                await self._answer(*self._waiting.popleft())
        except TransportClosed:
            pass
        except Refusal as refusal:
            await self._outlet.close(refusal.code, refusal.reason)
        except Exception:
            # A seam failed: to the client that is a fault of the server.
            log.exception("the stand-in could not answer")
            await self._outlet.close(1011, rules.INTERNAL)

    async def _answer(self, text: str, confident: bool) -> None:
        await self._prepare()
        said = await self._think(text, confident)
        if said.thoughts and self._manners.model.thinking_required:
            await self._fill()
        for _ in range(8):  # calls one after the other; a mind that never stops calling is stopped
            await self._show_thoughts(said.thoughts)
            if not isinstance(said, Call):
                break
            result = await self._calling.call(said, self._complete)
            if result is None:
                await self._complete()
                return
            self._open = True
            said = await self._safely(self.mind.result(said.name, result))
        if isinstance(said, Say):
            await self._tell(said)
        elif isinstance(said, Wait) and not self._manners.model.translation:
            await self._outlet.content(waiting_for_input=True)
            await self._complete()

    async def _prepare(self) -> None:
        """Make room in the context, and tell that nothing can be resumed while an answer is made.

        Raises:
            Refusal: If the context is full.
        """
        manners, context = self._manners, self._memory.context
        if manners.window is not None:
            context.compress(*manners.window)
        rules.check_context(context.size, manners.model)
        if manners.resumes:
            update = SessionResumptionUpdate(resumable=False)
            await self._outlet.send(ServerMessage(session_resumption_update=update))

    async def _think(self, text: str, confident: bool) -> Thought:
        if self._manners.mute:
            return Say("")  # a translator that knows no language is silent aloud
        if self._senses.own and confident and not self._manners.model.translation:
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

    async def _show_thoughts(self, thoughts: tuple[str, ...]) -> None:
        for thought in self._manners.thinking.kept(thoughts):
            self._memory.context.thought(thought)
            if self._manners.thinking.shown:
                await self._new_delivery().part(Part(text=thought, thought=True))

    async def _fill(self) -> None:
        """Say that an answer will come, and end the turn, but not the interaction."""
        delivery = await self._speak(Say(_FILLER))
        await self._outlet.content(generation_complete=True)
        await delivery.heard()
        self._delivery = None
        await self._complete("IN_PROGRESS")
        self._open = True

    async def _tell(self, said: Say) -> None:
        translates = self._manners.model.translation
        delivery = await self._speak(said)
        if said.grounding:
            await self._outlet.content(grounding_metadata=showing.grounding(said.grounding, said.text))
        if not translates:
            await self._outlet.content(generation_complete=True)
        await delivery.heard()
        self._memory.context.add("model", delivery.text)
        self._delivery = None
        if translates:
            self._open = False  # such a model never completes a turn
            await self._outlet.send(ServerMessage(usage_metadata=self._usage()))
        else:
            await self._complete()

    async def _speak(self, said: Say) -> Delivery:
        """Send what comes before the words, then the words: aloud, or written."""
        manners = self._manners
        delivery = self._delivery = self._new_delivery()
        for part in showing.program(said.ran) if said.ran else ():
            await delivery.part(part)
        if said.pages:
            await self._outlet.content(url_context_metadata=showing.pages(said.pages))
        if manners.mute:
            await delivery.speak(_silence())
        elif manners.speaks:
            target = manners.translation.target if manners.translation else None
            language = said.language or target or manners.language
            speech = self._senses.voice.speak(said.text, manners.voice, language)
            await delivery.speak(speech, language if target else None)
            if manners.vertex and manners.transcribes_output:
                await self._outlet.content(output_transcription=Transcription(finished=True))
        else:
            await delivery.write(said.text)
        return delivery

    def _new_delivery(self) -> Delivery:
        return Delivery(self._outlet, self._manners, self._senses.clock, self._memory.context)

    async def _complete(self, status: str = "IDLE") -> None:
        # Closed before it is sent: an interruption during the sending must not complete the turn again.
        if not self._open:
            return
        self._open = False
        await self._outlet.release()
        # A model that thinks in the background says whether it has more to do.
        said = status if self._manners.model.thinking_required else None
        content = ServerContent(turn_complete=True, interaction_status=said)
        await self._outlet.send(ServerMessage(server_content=content, usage_metadata=self._usage()))
        if self._manners.resumes and status == "IDLE" and not self._calling.waits:
            life = self._manners.model.handle_ms
            update = SessionResumptionUpdate(
                new_handle=self._senses.memories.keep(self._memory, life),
                resumable=True,
                last_consumed_client_message_index=self._outlet.index if self._manners.transparent else None,
            )
            await self._outlet.send(ServerMessage(session_resumption_update=update))

    def _usage(self) -> UsageMetadata:
        return self._memory.context.turn(vertex=self._manners.vertex)


async def _silence() -> AsyncGenerator[Speech, None]:
    for _ in range(_MUTE_S * 5):
        yield Speech(bytes(2 * SPEAKING_RATE // 5))
