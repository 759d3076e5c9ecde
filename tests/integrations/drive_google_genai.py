"""Drive a running `livewidget serve` with whatever google-genai is installed; see `driving`."""

import asyncio
import contextlib

from google import genai
from google.genai import types

from tests.integrations import driving

LIGHT = {
    "name": "set_light",
    "description": "Switch the light.",
    "parameters": {"type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}},
}


def client_for(server):
    """Return a client that dials `server`."""
    return genai.Client(**server.account(), http_options=server.http_options())


def config(handle=None):
    return types.LiveConnectConfig(
        response_modalities=["AUDIO"],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(handle=handle),
        tools=[{"function_declarations": [LIGHT]}],
    )


class Client:
    """One session; its `log` is what `session.receive()` gives."""

    def __init__(self, session, server):
        self.log = driving.Log()
        self.handle = None
        self._session = session
        self._server = server

    async def hear(self, pcm):
        blob = types.Blob(data=pcm, mime_type="audio/pcm;rate=16000")
        await self._session.send_realtime_input(audio=blob)

    async def type(self, text):
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        await self._session.send_client_content(turns=turn, turn_complete=True)

    async def show(self):
        picture = self._server.path("picture.jpg").read_bytes()
        await self._session.send_realtime_input(video=types.Blob(data=picture, mime_type="image/jpeg"))

    async def listen(self):
        """Note what comes. The SDK's `receive` ends with each turn: it is called again."""
        async with asyncio.TaskGroup() as group:
            while True:
                async for message in self._session.receive():
                    self._take(message, group)

    def _take(self, message, group):
        update = message.session_resumption_update
        if update and update.resumable:
            self.handle = update.new_handle
        for call in (message.tool_call and message.tool_call.function_calls) or []:
            self.log.note("call", [call.name, call.args])
            group.create_task(self._answer(call, self.log.here))
        if message.server_content:
            self._content(message.server_content)
            # The SDK spells Vertex AI's counts as the Gemini API's.
            if message.server_content.turn_complete and not message.usage_metadata.total_token_count:
                self.log.note("error", "there are no token counts")

    def _content(self, content):
        for part in (content.model_turn and content.model_turn.parts) or []:
            if part.inline_data and part.inline_data.mime_type == "audio/pcm;rate=24000":
                self.log.note("audio", driving.milliseconds(part.inline_data.data))
        if content.input_transcription and content.input_transcription.text:
            self.log.note("heard", content.input_transcription.text)
        if content.output_transcription and content.output_transcription.text:
            self.log.note("said", content.output_transcription.text)
        if content.interrupted:
            self.log.note("interrupted")
        if content.turn_complete:
            self.log.note("end")

    async def _answer(self, call, since):
        await driving.work(self, self._server, since)
        self.log.note("result")
        response = types.FunctionResponse(id=call.id, name=call.name, response={"result": "the light is on"})
        await self._session.send_tool_response(function_responses=[response])


@contextlib.asynccontextmanager
async def connected(server, handle=None):
    live = client_for(server).aio.live
    async with live.connect(model=server.model, config=config(handle)) as session:
        client = Client(session, server)
        async with client.log.while_running(client.listen()):
            yield client


async def resumption(server, handle):
    """Go on with an earlier talk on another connection."""
    async with connected(server, handle) as client:
        return await driving.asked(client, "say that again please")


async def drive(server):
    async with connected(server) as client:
        report = await driving.play(client, server)
    return {
        "version": genai.__version__,
        **report,
        "last_said": report["interruption"]["after"]["said"],
        "resumption": await resumption(server, client.handle),
        "without": await resumption(server, None),
    }


if __name__ == "__main__":
    driving.main(drive)
