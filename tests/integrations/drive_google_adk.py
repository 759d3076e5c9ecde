"""Drive a running `livewidget serve` with an agent of google-adk; see `driving`."""

import asyncio
from collections.abc import AsyncGenerator

from google.adk import version
from google.adk.agents import LiveRequestQueue, LlmAgent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models import Gemini
from google.adk.runners import InMemoryRunner
from google.genai import types

from tests.integrations import driving

REPORTS = ("the timer is set", "half of it is over", "it is over now")
PAUSE_S = 1.5


def set_light(on: bool) -> str:
    """Switch the light."""
    return "the light is on" if on else "the light is off"


async def set_timer(minutes: int) -> AsyncGenerator[str, None]:
    """Set a timer, and report again and again."""
    for report in REPORTS:
        yield report
        await asyncio.sleep(PAUSE_S)


async def reports(client, server):
    """Let a tool report several times, each of which is spoken of."""
    since = client.log.here
    await client.type("set a timer for five minutes")
    at = since
    while not all(words in client.log.report(since, at)["said"].lower() for words in REPORTS):
        at = await client.log.until("said", since=at)
    return client.log.report(since, at)


def runner_for(server):
    """Return a runner whose model dials `server`."""
    options = {**server.account(), "http_options": server.http_options()}
    model = Gemini(model=server.model, client_kwargs=options)
    agent = LlmAgent(name="tutor", model=model, instruction="Be brief.", tools=[set_light, set_timer])
    return InMemoryRunner(agent=agent, app_name="tutor")


class Client:
    """One live run of an agent; its `log` is the run's events."""

    def __init__(self, server):
        self.log = driving.Log()
        self._server = server
        self._queue = LiveRequestQueue()

    async def hear(self, pcm):
        self._queue.send_realtime(types.Blob(data=pcm, mime_type="audio/pcm;rate=16000"))

    async def type(self, text):
        self._queue.send_content(types.Content(role="user", parts=[types.Part(text=text)]))

    async def show(self):
        picture = self._server.path("picture.jpg").read_bytes()
        self._queue.send_realtime(types.Blob(data=picture, mime_type="image/jpeg"))

    async def run(self):
        runner = runner_for(self._server)
        session = await runner.session_service.create_session(app_name="tutor", user_id="user")
        config = RunConfig(
            streaming_mode=StreamingMode.BIDI,
            response_modalities=["AUDIO"],
            session_resumption=types.SessionResumptionConfig(),
        )
        async for event in runner.run_live(
            user_id="user", session_id=session.id, live_request_queue=self._queue, run_config=config
        ):
            self._take(event)

    def _take(self, event):
        if event.error_code:
            self.log.note("error", f"{event.error_code}: {event.error_message}")
        for part in (event.content and event.content.parts) or []:
            if part.inline_data and part.inline_data.mime_type == "audio/pcm;rate=24000":
                self.log.note("audio", driving.milliseconds(part.inline_data.data))
            if part.function_call:
                self.log.note("call", [part.function_call.name, part.function_call.args])
            if part.function_response:
                self.log.note("result")
        # What is final repeats the whole text of the partial events before it.
        if event.input_transcription and not event.partial:
            self.log.note("heard", event.input_transcription.text)
        if event.output_transcription and not event.partial:
            self.log.note("said", event.output_transcription.text)
        if event.interrupted:
            self.log.note("interrupted")
        if event.turn_complete:
            self.log.note("end")


async def drive(server):
    client = Client(server)
    async with client.log.while_running(client.run()):
        report = await driving.play(client, server, driving.broken_link, reports)
    return {"version": version.__version__, **report}


if __name__ == "__main__":
    driving.main(drive)
