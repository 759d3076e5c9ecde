"""An agent that says back what it hears: what a bridge to a framework looks like; see docs/agents.md.

Run it in a notebook::

    from echo_agent import EchoAgent
    from livewidget import LiveWidget

    LiveWidget(EchoAgent())
"""

from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun


class EchoRun(AgentRun):
    """One conversation with the echo."""

    async def start(self, client: AgentClient) -> None:
        """Begin: there is nothing to connect to."""
        self.client = client

    async def on_text(self, text: str) -> None:
        """Answer what was typed."""
        await self.client.agent_said(f"You said: {text}")
        await self.client.play(bytes(24_000))  # half a second of silence, in place of a voice
        await self.client.turn_complete()

    async def close(self) -> None:
        """Let go of everything: there is nothing."""


class EchoAgent(AgentProvider):
    """The echo, for `LiveWidget` and `connect`."""

    def __init__(self) -> None:
        super().__init__("echo", EchoRun)
