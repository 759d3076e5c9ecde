"""One answer on its way out: its words just before their sound, the sound four times faster than heard.

What an answer shows beside its words, as the wire has it: a program that ran, pages, sources.

The model's turn: what it shows and says, and how that ends.
"""

from __future__ import annotations

import html
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote_plus

from livewidget.clock import Clock
from livewidget.protocol.messages import (
    Blob,
    CodeExecutionResult,
    Content,
    ExecutableCode,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    Transcription,
    UsageMetadata,
)
from livewidget.standin import rules
from livewidget.standin.behavior import Manners
from livewidget.standin.context import AUDIO_PER_SECOND, CHARACTERS_PER_TOKEN, Context, Memory, Senses
from livewidget.standin.interfaces import SPEAKING_RATE, Grounding, Page, Ran, Say, Speech
from livewidget.standin.outlet import Outlet
from livewidget.standin.tool_calls import Calling

_SPEED = 4.0  # times real time, as the service's own 3.8 model
_MESSAGE_BYTES = 9600  # 200 ms, as the service's first message
_MIME = f"audio/pcm;rate={SPEAKING_RATE}"
_TOKEN = SPEAKING_RATE // AUDIO_PER_SECOND  # samples of speech


class Delivery:
    """Sends one answer and knows when it will have been heard.

    The first piece goes out at once. A later message starts where a word starts, or after 200 ms: so words
    come before their own sound, and after all the sound before it.
    """

    def __init__(self, outlet: Outlet, manners: Manners, clock: Clock, context: Context) -> None:
        self._outlet = outlet
        self._manners = manners
        self._clock = clock
        self._context = context
        self._began: float | None = None
        self._samples = 0
        self._language: str | None = None
        self.text = ""  # what has been sent so far

    async def part(self, part: Part) -> None:
        """Send one part by itself: a thought, a program, its result."""
        await self._outlet.content(model_turn=self._turn(part))

    async def speak(self, speech: AsyncGenerator[Speech, None], language: str | None = None) -> None:
        """Send it, paced: all of it, or as much as the session's most output tokens are.

        Where a language is given, its code goes before the first words, and with all of them.
        """
        self._language = language
        if language and self._manners.transcribes_output:
            await self._outlet.content(output_transcription=Transcription(language_code=language))
        words, sound = "", b""
        limited = _limited(speech, self._manners.most_tokens)
        async with aclosing(speech), aclosing(limited):
            async for piece in limited:
                if sound and (piece.text or len(sound) >= _MESSAGE_BYTES):
                    await self._send(words, sound)
                    words, sound = "", b""
                words, sound = words + piece.text, sound + piece.pcm
                if self._began is None and sound:
                    await self._send(words, sound)
                    words, sound = "", b""
        if words or sound:
            await self._send(words, sound)

    async def write(self, text: str) -> None:
        """Send an answer as text, for a model that writes."""
        if self._manners.most_tokens is not None:
            text = text[: CHARACTERS_PER_TOKEN * self._manners.most_tokens]
        self._context.wrote(text)
        self.text += text
        await self.part(Part(text=text))

    async def heard(self) -> None:
        """Wait until a client that plays what it gets has played all of it."""
        if self._began is not None:
            await self._clock.sleep_until(self._began + self._samples * 1000 / SPEAKING_RATE)

    async def _send(self, words: str, sound: bytes) -> None:
        now = self._clock.now_ms()
        if self._began is None:
            self._began = now
        due = self._began + self._samples * 1000 / SPEAKING_RATE / _SPEED
        if due > now:
            await self._clock.sleep_until(due)
        shown = words and self._manners.transcribes_output
        transcript = Transcription(text=words, language_code=self._language) if shown else None
        turn = self._turn(Part(inline_data=Blob(data=sound, mime_type=_MIME))) if sound else None
        # Counted before they are sent: an interruption in between finds them already on the way.
        self._samples += len(sound) // 2
        self._context.said(len(sound) // 2)
        self.text += words
        if transcript and turn and self._manners.one_thing_per_message:
            await self._outlet.content(output_transcription=transcript)
            transcript = None
        if transcript or turn:
            content = ServerContent(output_transcription=transcript, model_turn=turn)
            await self._outlet.send(ServerMessage(server_content=content))
        await self._outlet.release()

    def _turn(self, part: Part) -> Content:
        return Content(role="model" if self._manners.vertex else None, parts=[part])


async def _limited(speech: AsyncGenerator[Speech, None], tokens: int | None) -> AsyncGenerator[Speech, None]:
    """Yield speech up to a length in tokens; the words of a piece that is cut are said to be in it."""
    left = None if tokens is None else _TOKEN * tokens
    async for piece in speech:
        if left is not None and 2 * left <= len(piece.pcm):
            yield Speech(piece.pcm[: 2 * left], piece.text if left else "")
            return
        left = left if left is None else left - len(piece.pcm) // 2
        yield piece


_PAGE_READ, _PAGE_FAILED = "URL_RETRIEVAL_STATUS_SUCCESS", "URL_RETRIEVAL_STATUS_ERROR"


def program(ran: Ran) -> Iterator[Part]:
    """Yield the parts of a program that ran: its code, then what came of it."""
    yield Part(executable_code=ExecutableCode(code=ran.code, language="PYTHON"))
    outcome = "OUTCOME_OK" if ran.ok else "OUTCOME_FAILED"
    yield Part(code_execution_result=CodeExecutionResult(outcome=outcome, output=ran.output))


def pages(asked: tuple[Page, ...]) -> Mapping[str, Any]:
    """Return `urlContextMetadata`."""
    return {
        "urlMetadata": [
            {"retrievedUrl": page.uri, "urlRetrievalStatus": _PAGE_READ if page.read else _PAGE_FAILED}
            for page in asked
        ]
    }


def grounding(found: Grounding, answer: str) -> dict[str, Any]:
    """Return `groundingMetadata` of `answer`. As on the service, positions count bytes of UTF-8."""
    start = max(0, answer.find(found.text))
    first = len(answer[:start].encode())
    segment: dict[str, Any] = {"endIndex": first + len(found.text.encode()), "text": found.text}
    if first:  # like every zero of the wire, it is left out
        segment["startIndex"] = first
    return {
        "webSearchQueries": list(found.queries),
        "groundingChunks": [{"web": {"uri": one.uri, "title": one.title}} for one in found.sources],
        "groundingSupports": [
            {"segment": segment, "groundingChunkIndices": list(range(len(found.sources)))},
        ],
        "searchEntryPoint": {"renderedContent": "".join(map(_chip, found.queries))},
    }


def _chip(query: str) -> str:
    address = f"https://www.google.com/search?q={quote_plus(query)}"
    return f'<a class="chip" href="{html.escape(address)}">{html.escape(query)}</a>'


_MUTE_S = 2  # of silence that a translator streams for each utterance when it knows no language


class Telling:
    """Owns the floor while the model has it.

    Attributes:
        open: The model has the floor: an interruption must be told.
    """

    def __init__(
        self, outlet: Outlet, manners: Manners, senses: Senses, memory: Memory, calling: Calling
    ) -> None:
        self._outlet = outlet
        self._manners = manners
        self._senses = senses
        self._memory = memory
        self._calling = calling
        self._delivery: Delivery | None = None
        self.open = False

    async def prepare(self) -> None:
        """Make room in the context, and tell that nothing can be resumed while an answer is made.

        Raises:
            Refusal: If the context is full.
        """
        self.open = True
        manners, context = self._manners, self._memory.context
        if manners.window is not None:
            context.compress(*manners.window)
        rules.check_context(context.size, manners.model)
        if manners.resumes:
            update = SessionResumptionUpdate(resumable=False)
            await self._outlet.send(ServerMessage(session_resumption_update=update))

    async def think(self, thoughts: tuple[str, ...]) -> None:
        """Show thoughts, as many as the session has room for."""
        for thought in self._manners.thinking.kept(thoughts):
            self._memory.context.thought(thought)
            if self._manners.thinking.shown:
                await self._new_delivery().part(Part(text=f"{thought}\n", thought=True))

    async def fill(self, text: str) -> None:
        """Say that an answer will come, and end the turn, but not the interaction."""
        delivery = await self._speak(Say(text))
        await self._outlet.content(generation_complete=True)
        await delivery.heard()
        self._memory.context.add("model", delivery.text)
        self._delivery = None
        await self.complete("IN_PROGRESS")

    async def tell(self, said: Say) -> None:
        """Say it, and complete the turn when it has been heard."""
        translates = self._manners.model.translation
        delivery = await self._speak(said)
        if said.grounding:
            await self._outlet.content(grounding_metadata=grounding(said.grounding, said.text))
        if not translates:
            await self._outlet.content(generation_complete=True)
        await delivery.heard()
        self._memory.context.add("model", delivery.text)
        self._delivery = None
        if translates:
            self.open = False  # such a model never completes a turn
            await self._outlet.send(ServerMessage(usage_metadata=self._usage()))
        else:
            await self.complete()

    async def wait(self) -> None:
        """Choose not to answer."""
        if not self._manners.model.translation:
            await self._outlet.content(waiting_for_input=True)
            await self.complete()

    def stop(self) -> None:
        """Break off; who was speaking has been stopped. The context keeps only what was sent."""
        if self._delivery and self._delivery.text:
            self._memory.context.add("model", self._delivery.text)
        self._delivery = None

    async def interrupted(self) -> None:
        """Tell that what was being said is void, if anything was."""
        if self.open:
            await self._outlet.content(interrupted=True)
            await self.complete()

    async def complete(self, status: str = "IDLE", *, reason: str | None = None) -> None:
        """End the turn.

        Args:
            status: "IN_PROGRESS" where more will come by itself.
            reason: Why it ended, where not because all was said.
        """
        # Closed before it is sent: an interruption during the sending must not complete the turn again.
        if not self.open:
            return
        self.open = False
        waits = self._calling.waits
        await self._outlet.release()
        # A model that thinks in the background says whether it has more to do.
        said = ("IN_PROGRESS" if waits else status) if self._manners.model.thinking_required else None
        content = ServerContent(turn_complete=True, turn_complete_reason=reason, interaction_status=said)
        await self._outlet.send(ServerMessage(server_content=content, usage_metadata=self._usage()))
        if self._manners.resumes and status == "IDLE" and not waits:
            life = self._manners.model.handle_ms
            update = SessionResumptionUpdate(
                new_handle=self._senses.memories.keep(self._memory, life),
                resumable=True,
                last_consumed_client_message_index=self._outlet.index if self._manners.transparent else None,
            )
            await self._outlet.send(ServerMessage(session_resumption_update=update))

    async def _speak(self, said: Say) -> Delivery:
        """Send what comes before the words, then the words: aloud, or written."""
        manners = self._manners
        delivery = self._delivery = self._new_delivery()
        for part in program(said.ran) if said.ran else ():
            await delivery.part(part)
        if said.pages:
            await self._outlet.content(url_context_metadata=pages(said.pages))
        if manners.mute:
            await delivery.speak(_silence())
        elif manners.speaks:
            target = manners.translation.target if manners.translation else None
            language = said.language or target or manners.language
            speech = self._senses.voice.speak(said.text, manners.voice, language, said.mood)
            await delivery.speak(speech, language if target else None)
            if manners.vertex and manners.transcribes_output:
                await self._outlet.content(output_transcription=Transcription(finished=True))
        else:
            await delivery.write(said.text)
        return delivery

    def _new_delivery(self) -> Delivery:
        return Delivery(self._outlet, self._manners, self._senses.clock, self._memory.context)

    def _usage(self) -> UsageMetadata:
        return self._memory.context.turn(vertex=self._manners.vertex)


async def _silence() -> AsyncGenerator[Speech, None]:
    for _ in range(_MUTE_S * 5):
        yield Speech(bytes(2 * SPEAKING_RATE // 5))
