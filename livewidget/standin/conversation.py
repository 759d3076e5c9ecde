"""One client's talk with the tutor: every message it may send after the setup, and what comes of it."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import msgspec

from livewidget.models import ONLY_ACTIVITY
from livewidget.protocol.client import ClientContent, ClientMessage, ContextUpdate, RealtimeInput, Setup
from livewidget.protocol.content import Blob, Content, Tool
from livewidget.standin import pictures, recall, rules
from livewidget.standin.answering import Answering, has_words
from livewidget.standin.listening import Listening
from livewidget.standin.manners import Manners
from livewidget.standin.memory import Memory
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.seams import HEARING_RATE, Hearing, Mind, Phrases
from livewidget.standin.senses import Senses

_PICTURES = 2
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
        memory.context.instruction = _text(setup.system_instruction)
        # Pictures that came while nobody spoke, and how many had begun to speak before.
        self._aside: deque[tuple[int, bytes]] = deque(maxlen=_PICTURES)
        hearing = self._ears(memory.mind)
        self._answering = Answering(outlet, manners, senses, memory, memory.mind)
        self._listening = Listening(
            outlet, manners, self._answering, memory.context, hearing, late=senses.late
        )

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
            if self._manners.coverage == ONLY_ACTIVITY and not self._listening.speaking:
                self._aside.append((self._listening.begun, blob.data))
            else:
                self._look(blob.data)
            return
        if not kind.startswith(("audio/pcm", "audio/l16")):
            raise Refusal(1007, rules.INVALID)
        rate = _RATE.search(kind)
        await self._listening.audio(blob.data, int(rate[1]) if rate else HEARING_RATE)

    def _look(self, picture: bytes) -> None:
        self._memory.sight.look(picture)
        self._memory.context.saw(self._manners.media_resolution)

    def _look_aside(self) -> None:
        """Let what was shown before a typed question belong to it, unless somebody has spoken since.

        Of a spoken turn "only activity" leaves out what was shown before; what it leaves out of a typed one
        is not published.
        """
        for begun, picture in self._aside:
            if begun == self._listening.begun:
                self._look(picture)
        self._aside.clear()

    async def _typed(self, text: str) -> None:
        if not has_words(text):
            self._memory.context.read(text)
            if self._manners.answers:
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        self._look_aside()
        if self._manners.answers:
            await self._answering.ask(text, written=True)

    async def _content(self, content: ClientContent) -> None:
        turns = [(turn.role or "user", _text(turn)) for turn in content.turns or []]
        if self._seeding:
            self._write(turns)
            self._seeding = not content.turn_complete
            # Later families wait for realtime input, even where the history ends with a question.
            if content.turn_complete and self._manners.model.text == "client_content":
                await self._answering.nudge()
            return
        await self._answering.interrupt()
        self._look_aside()
        self._write(turns)
        if content.turn_complete and self._manners.answers:
            await self._answering.greet()
        else:
            self._answering.idle()

    def _write(self, turns: list[tuple[str, str]]) -> None:
        for role, text in turns:
            if role == "system":
                # So does Vertex AI take a new instruction.
                self._memory.context.instruction = text
            elif text:
                self._memory.context.write(role, text)

    def _update(self, update: ContextUpdate) -> None:
        if update.system_instruction is not None:
            self._memory.context.instruction = _text(update.system_instruction)
        if update.tools is None:
            return
        declared, skills = _declared(update.tools.tools), self._manners.skills(update.tools.tools)
        mind = self._answering.mind = self._senses.brain.session(declared, skills)
        memory = self._memory
        memory.mind, memory.declarations, memory.skills = mind, declared, skills
        self._listening.replace(self._ears(mind))

    def _ears(self, mind: Mind) -> Hearing:
        own = self._senses.own and self._manners.answers and not self._manners.model.translation
        seen = (*recall.PHRASES, *(pictures.QUESTIONS if self._manners.sees else ())) if own else ()
        known, expected = mind.phrases.sentences, self._manners.vocabulary
        # Ears without phrases take any English: what is only expected must not narrow them.
        more = (*seen, *expected) if known or seen else ()
        return self._senses.ears.session(self._manners.hearing, Phrases((*known, *more)))


def _declared(tools: list[Tool] | None) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) for one in rules.declarations(tools)]


def _text(content: Content | None) -> str:
    return " ".join(part.text for part in (content and content.parts) or [] if part.text)
