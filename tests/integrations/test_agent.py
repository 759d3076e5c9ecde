"""Somebody's agent as a provider: the seam that every bridge is built on."""

from livewidget import connect
from livewidget.integrations.agent import AgentProvider, AgentRun


class EchoRun(AgentRun):
    async def start(self, client):
        self.client = client

    async def on_text(self, text):
        await self.client.agent_said(f"You said: {text}")
        await self.client.play(bytes(2400))
        await self.client.turn_complete()

    async def close(self):
        self.client = None


async def test_an_agent_is_talked_with_like_a_model():
    async with connect(AgentProvider("echo", EchoRun)) as session:
        turn = await session.ask("hello")
    assert turn.text == "You said: hello"
    assert turn.audio_samples == 1200
    assert session.error is None
