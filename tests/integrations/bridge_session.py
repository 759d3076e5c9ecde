"""A bridge for livewidget's own `LiveSession`: an agent made of one, with the model of a server.

It needs no framework, and does all that a bridge can do. See `bridging`.
"""

import asyncio
from functools import partial

from livewidget import Gemini, LiveConfig, TurnDetection, events
from livewidget.integrations.agent import AgentProvider, AgentRun
from livewidget.session import LiveSession
from livewidget.tools import Tool
from tests.integrations.bridging import main, set_light

#: A function of the notebook's may wait for a person.
TOOL_S = 120.0

FAULTS = {
    "refuses": "there is no lamp",
    "never_ready": "was not ready within 2 s",
    "wrong_key": "does not accept this key",
    "raises": "stopped: the lamp burnt out",
    "ends": "ended the talk",
    "hangs_at_close": "",
}


class SessionRun(AgentRun):
    """One conversation of the agent: a session within the session."""

    def __init__(self, server, fault=None):
        self._server = server
        self._fault = fault
        self._session = None

    async def start(self, client):
        if self._fault == "refuses":
            raise RuntimeError("there is no lamp")
        if self._fault == "never_ready":
            await asyncio.Event().wait()
        client.check_names([set_light.__name__])
        key = "somebody-elses" if self._fault == "wrong_key" else self._server.key
        tools = [set_light, *(self._tool(client, declared) for declared in client.declarations)]
        self._client = client
        self._session = LiveSession(
            Gemini(self._server.model, api_key=key, base_url=self._server.ws),
            LiveConfig(turn_detection=TurnDetection(mode="push_to_talk")) if client.push_to_talk else None,
            tools=tools,
        )
        self._events = aiter(self._session)
        await self._session.start()

    def _tool(self, client, declared):
        """Return a function of the notebook's as one of the session's."""

        async def call(**arguments):
            return await client.call_tool(declared.name, arguments)

        schema = (
            declared.parameters_json_schema or declared.parameters or {"type": "object", "properties": {}}
        )
        return Tool(
            declared.name,
            call,
            declared.description or "",
            schema,
            timeout=TOOL_S,
            behavior=declared.behavior,
        )

    async def run(self):
        own = set()
        async for event in self._events:
            match event:
                case events.ToolCall(name=set_light.__name__) if self._fault == "raises":
                    raise RuntimeError("the lamp burnt out")
                case events.ToolCall(name=set_light.__name__) if self._fault == "ends":
                    return
                case events.ToolCall(id=id, name=set_light.__name__, args=args):
                    own.add(id)
                    await self._client.tool_started(id, event.name, args)
                case events.ToolResult(id=id, result=result, error=error) if id in own:
                    await self._client.tool_finished(id, result, error=error)
                case _:
                    await self._tell(event)
        if self._session.error is not None:
            raise self._session.error

    async def _tell(self, event):
        client = self._client
        match event:
            case events.OutputAudio(data=pcm, sample_rate=rate):
                await client.play(pcm, rate)
            case events.OutputTranscript(text=text, finished=finished):
                await client.agent_said(text, finished=finished)
            case events.InputTranscript(text=text, finished=finished):
                await client.user_said(text, finished=finished)
            case events.Interrupted():
                await client.interrupted()
            case events.TurnComplete():
                await client.turn_complete()

    async def close(self):
        if self._session is not None:
            await self._session.close()
        if self._fault == "hangs_at_close":
            await asyncio.Event().wait()

    async def on_audio(self, pcm, sample_rate):
        await self._session.send_audio(pcm, sample_rate)

    async def on_audio_end(self):
        await self._session.end_audio()

    async def on_activity(self, active):
        self._session.put_activity(active)

    async def on_text(self, text):
        await self._session.send_text(text)

    async def on_image(self, data, mime_type):
        await self._session.send_image(data, mime_type)

    async def on_interrupt(self):
        await self._session.interrupt()


def provider(server, fault=None):
    new_run = partial(SessionRun, server, fault)
    return AgentProvider(
        "lamp", new_run, kind="livewidget agent", push_to_talk=True, ready_s=2 if fault else 20
    )


if __name__ == "__main__":
    main(provider, FAULTS)
