"""The other end of a session, in memory and moved by the test."""

import asyncio

from livewidget.connection import Key, Provider
from livewidget.protocol import decode_client, encode_server
from livewidget.protocol.messages import (
    Blob,
    Content,
    FunctionCall,
    Part,
    ServerContent,
    ServerMessage,
    SetupComplete,
    ToolCall,
    Transcription,
)
from livewidget.transports.memory import pair

#: Seconds after which something that never happens fails a test.
SOON = 30.0


class Peer(Provider):
    """A provider, and the server's end of the link it gives out."""

    label = "Peer"
    speaker = "peer"
    badge = "a test"

    def __init__(self, model="gemini-3.8-live", service="gemini", *, accepts=True):
        self.model = model
        self.service = service
        self.accepts = accepts
        self.dials = 0
        self.key = Key("canary-in-the-peer", "a test")

    def model_path(self):
        return f"models/{self.model}"

    async def dial(self):
        self.dials += 1
        client, self.end = pair()
        if self.accepts:
            await self.send(setup_complete=SetupComplete())
        return client

    async def send(self, **fields):
        await self.end.send(encode_server(ServerMessage(**fields)))

    async def content(self, **fields):
        await self.send(server_content=ServerContent(**fields))

    async def say(self, text, seconds=0.1):
        part = Part(inline_data=Blob(data=bytes(int(48_000 * seconds)), mime_type="audio/pcm;rate=24000"))
        await self.content(output_transcription=Transcription(text=text), model_turn=Content(parts=[part]))

    async def turn_complete(self):
        await self.content(turn_complete=True)

    async def answer(self, text):
        await self.say(text)
        await self.turn_complete()

    async def call(self, name, id="a", **args):
        await self.send(tool_call=ToolCall(function_calls=[FunctionCall(id=id, name=name, args=args)]))

    async def raw(self, frame):
        await self.end.send(frame)

    async def receive(self):
        """The next message of the client's."""
        async with asyncio.timeout(SOON):
            return decode_client(await self.end.receive())

    async def result(self):
        """The next message, which is the result of one call."""
        (response,) = (await self.receive()).tool_response.function_responses
        return response

    async def close(self, code=1000, reason=""):
        await self.end.close(code, reason)


async def until(stream, kind):
    """Read a stream of events up to the first of a kind, and return that."""
    async with asyncio.timeout(SOON):
        async for event in stream:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the session ended without {kind.__name__}")


async def eventually(condition):
    """Let the others run until something holds."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
