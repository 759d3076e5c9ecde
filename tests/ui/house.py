"""An agent of a house, as somebody may have one: no framework, and everything that a page shows of agents.

It does what the last word of a text says: "light" is a tool of its own, "fan" a function of the notebook's, "door" one that
asks, "broken" fails, "kitchen" hands over, "long" goes on, "crash" raises, "bye" ends the conversation.
"""

import asyncio
import math
from array import array

from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun

KEY = "AIzaSyCANARY0000000000000000000000000000"
#: 1.2 s of a tone that comes and goes as speech does, PCM16 at 24 kHz.
TONE = array(
    "h", (int(8000 * math.sin(at / 20) * abs(math.sin(at / 2600))) for at in range(28_800))
).tobytes()


class HouseRun(AgentRun):
    """One conversation with the house."""

    def __init__(self, refuses):
        self.refuses = refuses
        self.over = asyncio.Event()
        self.client = None
        self.played_ms = []

    async def start(self, client: AgentClient):
        if self.refuses:
            raise ValueError("nobody is at home")
        self.client = client

    async def run(self):
        await self.over.wait()

    async def close(self):
        pass

    async def on_played(self, ms):
        self.played_ms.append(ms)

    async def on_interrupt(self):
        await self.client.interrupted()

    async def on_text(self, text):
        match word := text.split()[-1].strip(".?!"):
            case "light":
                await self.client.tool_started("1", "set_light", {"on": True})
                await self.client.tool_finished("1", "the light is on")
                await self.say("The light is on.")
            case "broken":
                await self.client.tool_started("2", "set_oven", {"degrees": 220})
                await self.client.tool_finished("2", error="the oven does not answer")
                await self.say("The oven is broken.")
            case "fan" | "door":
                name, args = {"fan": ("set_fan", {"on": True}), "door": ("open_door", {"which": "front"})}[
                    word
                ]
                response = await self.client.call_tool(name, args)
                await self.say(f"It says {response.get('result') or 'no'}.")
            case "kitchen":
                await self.client.handed_over("kitchen")
                await self.say("What would you like?")
            case "long":
                await self.client.agent_said("And so on, and so on.")
                await self.client.play(2 * TONE)
            case "crash":
                raise ValueError(f"no current, with {KEY}")
            case "bye":
                self.over.set()
            case _:
                await self.say(f"You said {text}.")

    async def say(self, text):
        await self.client.agent_said(text)
        await self.client.play(TONE)
        await self.client.turn_complete()


class House(AgentProvider):
    """The house, for `LiveWidget`. `runs` are its conversations; it `refuses` them if it is told to."""

    def __init__(self, *, refuses=False, **flags):
        self.refuses, self.runs = refuses, []
        super().__init__("house", self._run, kind="ADK agent", **flags)

    def _run(self):
        self.runs.append(HouseRun(self.refuses))
        return self.runs[-1]
