"""One client's talk with the tutor: every message it may send after the setup, and what comes of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from livewidget.protocol.client import ClientContent, ClientMessage, ContextUpdate, RealtimeInput, Setup
from livewidget.protocol.content import Blob, Content, Tool
from livewidget.standin import pictures, rules
from livewidget.standin.answering import Answering, Senses, has_words
from livewidget.standin.listening import Listening
from livewidget.standin.manners import Manners
from livewidget.standin.memory import Memory
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.seams import HEARING_RATE, Hearing, Mind, Phrases

_RATE = re.compile(r"rate\s*=\s*\"?(\d{1,7})", re.ASCII)


class Conversation:
    """Hands each message to the half of the talk that it is for."""

    def __init__(
        self, outlet: Outlet, manners: Manners, senses: Senses, memory: Memory, setup: Setup
    ) -> None:
        self._manners = manners
        self._senses = senses
        self._memory = memory
        self._seeding = manners.seeds
        declared, skills = _declared(setup.tools), manners.skills(setup.tools)
        if memory.mind is None or (declared, skills) != (memory.declarations, memory.skills):
            memory.mind = senses.brain.session(declared, skills)
            memory.declarations, memory.skills = declared, skills
        if setup.system_instruction:
            memory.meter.read(_text(setup.system_instruction))
        hearing = self._ears(memory.mind)
        self._answering = Answering(outlet, manners, senses, memory, memory.mind)
        self._listening = Listening(outlet, manners, self._answering, memory.meter, hearing, late=senses.late)

    @property
    def seeding(self) -> bool:
        """Whether the history is still being seeded."""
        return self._seeding

    async def handle(self, message: ClientMessage) -> None:
        """Act on one message.

        Raises:
            Refusal: If the service would end the session over it.
        """
        if message.realtime_input is not None:
            await self._realtime(message.realtime_input)
        elif message.client_content is not None:
            await self._content(message.client_content)
        elif message.tool_response is not None:
            self._answering.results(message.tool_response.function_responses or [])
        elif message.context_update is not None:
            self._update(message.context_update)

    async def close(self) -> None:
        """End the talk; what was said stays in the memory."""
        await self._listening.close()
        await self._answering.close()

    async def _realtime(self, sent: RealtimeInput) -> None:
        if sent.activity_start is not None:
            await self._listening.activity(True)
        for blob in filter(None, (sent.audio, sent.video)):
            await self._media(blob)
        if sent.media_chunks:
            chunk = sent.media_chunks[0]  # the service uses the first alone
            if self._manners.model.media_chunks or not (chunk.mime_type or "").startswith("audio/"):
                await self._media(chunk)
        if sent.activity_end is not None:
            await self._listening.activity(False)
        if sent.audio_stream_end and not self._manners.hearing.manual:
            await self._listening.flush()
        if sent.text is not None:
            await self._typed(sent.text)

    async def _media(self, blob: Blob) -> None:
        kind = (blob.mime_type or "audio/pcm").lower()
        if kind.startswith("image/"):
            self._answering.sight.look(blob.data)
            self._memory.meter.saw(self._manners.media_resolution)
            return
        if not kind.startswith(("audio/pcm", "audio/l16")):
            raise Refusal(1007, rules.INVALID)
        rate = _RATE.search(kind)
        await self._listening.audio(blob.data, int(rate[1]) if rate else HEARING_RATE)

    async def _typed(self, text: str) -> None:
        self._memory.meter.read(text)
        if not has_words(text):
            if self._manners.answers:
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        if self._manners.answers:
            await self._answering.ask(text)

    async def _content(self, content: ClientContent) -> None:
        turns = [(turn.role or "user", _text(turn)) for turn in content.turns or []]
        for _, text in turns:
            self._memory.meter.read(text)
        if self._seeding:
            self._memory.history.extend(turns)
            self._seeding = not content.turn_complete
            # Later families wait for realtime input, even where the history ends with a question.
            if content.turn_complete and self._manners.model.text == "client_content":
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        # Vertex AI takes a new system instruction as a turn; the tutor has no use for one.
        self._memory.history.extend((role, text) for role, text in turns if role != "system" and text)
        if content.turn_complete and self._manners.answers:
            await self._answering.greet()

    def _update(self, update: ContextUpdate) -> None:
        if update.system_instruction:
            self._memory.meter.read(_text(update.system_instruction))
        if update.tools is None:
            return
        declared, skills = _declared(update.tools.tools), self._manners.skills(update.tools.tools)
        mind = self._answering.mind = self._senses.brain.session(declared, skills)
        memory = self._memory
        memory.mind, memory.declarations, memory.skills = mind, declared, skills
        self._listening.replace(self._ears(mind))

    def _ears(self, mind: Mind) -> Hearing:
        seen = pictures.QUESTIONS if self._senses.sees and self._manners.sees else ()
        known, expected = mind.phrases.sentences, self._manners.vocabulary
        # Ears without phrases take any English: what is only expected must not narrow them.
        more = (*seen, *expected) if known or seen else ()
        return self._senses.ears.session(self._manners.hearing, Phrases((*known, *more)))


def _declared(tools: list[Tool] | None) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in rules.declarations(tools)]


def _text(content: Content) -> str:
    return " ".join(part.text for part in content.parts or [] if part.text)
