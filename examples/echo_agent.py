"""An agent that says back what it hears, as the smallest bridge that does everything; see docs/agents.md."""

from asyncio import Task

from livewidget.audio import level_dbfs, to_float
from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun


class EchoAgent(AgentProvider):
    """LiveWidget(EchoAgent())."""

    def __init__(self) -> None:
        super().__init__("echo", EchoRun, push_to_talk=True)


class EchoRun(AgentRun):
    """One conversation: what was spoken is played back, and what was typed is written back."""

    async def start(self, client: AgentClient) -> None:
        self.client = client
        client.check_names(["count_words"])  # its own tool; the notebook has none of that name
        self.heard = bytearray()
        self.quiet_ms = 0.0
        self.sent_ms = 0.0
        self.answering: Task[None] | None = None

    async def on_audio(self, pcm: bytes, sample_rate: int) -> None:
        if level_dbfs(to_float(pcm)) > -40:
            await self.stop_talking()
            self.heard += pcm
            self.quiet_ms = 0.0
        elif self.heard:
            self.heard += pcm
            self.quiet_ms += len(pcm) / 2 / sample_rate * 1000
            if self.quiet_ms >= 700 and not self.client.push_to_talk:
                await self.answer_speech(sample_rate)

    async def on_activity(self, active: bool) -> None:  # push-to-talk
        if active:
            await self.stop_talking()
        elif self.heard:
            await self.answer_speech(16_000)

    async def on_text(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        if name in [one.name for one in self.client.declarations]:  # a function of the notebook's
            await self.client.agent_wrote(str(await self.client.call_tool(name, {"text": rest})))
        else:
            await self.client.tool_started("1", "count_words", {"text": text})  # a tool of its own
            await self.client.tool_finished("1", len(text.split()))
            await self.client.agent_wrote(f"You said: {text}")
        await self.client.turn_complete()

    async def on_interrupt(self) -> None:  # Interrupt was pressed
        await self.stop_talking()

    async def answer_speech(self, sample_rate: int) -> None:
        pcm, self.heard = bytes(self.heard), bytearray()
        self.answering = self.client.create_task(self.talk(pcm, sample_rate))

    async def talk(self, pcm: bytes, sample_rate: int) -> None:
        seconds = len(pcm) / 2 / sample_rate
        self.sent_ms = self.client.played_ms + seconds * 1000
        await self.client.user_said(f"({seconds:.1f} s of speech)", finished=True)
        await self.client.agent_said("I heard: ")
        await self.client.play(pcm, sample_rate)
        await self.client.turn_complete()

    async def stop_talking(self) -> None:
        """Say no more, where something is being said, or is still to be heard."""
        if self.answering is not None and self.client.played_ms < self.sent_ms:
            self.answering.cancel()
            self.answering = None
            await self.client.interrupted()

    async def close(self) -> None:
        """There is nothing to let go of: tasks of `create_task` end with the conversation."""
