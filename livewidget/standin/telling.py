"""The model's turn: what it shows and says, and how that ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from livewidget.protocol.content import Part
from livewidget.protocol.server import (
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    Transcription,
    UsageMetadata,
)
from livewidget.standin import rules, showing
from livewidget.standin.calling import Calling
from livewidget.standin.delivery import Delivery
from livewidget.standin.manners import Manners
from livewidget.standin.memory import Memory
from livewidget.standin.outlet import Outlet
from livewidget.standin.seams import SPEAKING_RATE, Say, Speech
from livewidget.standin.senses import Senses

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
            await self._outlet.content(grounding_metadata=showing.grounding(said.grounding, said.text))
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
        for part in showing.program(said.ran) if said.ran else ():
            await delivery.part(part)
        if said.pages:
            await self._outlet.content(url_context_metadata=showing.pages(said.pages))
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
