"""Drive a running `livewidget serve` with a pipeline of Pipecat, on a transport of its own; see `driving`."""

import asyncio
import os

from loguru import logger
from pipecat import __version__
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    ErrorFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InputImageRawFrame,
    InputTextRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.services.google.gemini_live.vertex.llm import GeminiLiveVertexLLMService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from tests.integrations import driving

WIDTH, HEIGHT = 1024, 768


async def set_light(params: FunctionCallParams, on: bool):
    """Switch the light.

    Args:
        on: Whether it is to shine.
    """
    await params.result_callback("the light is on" if on else "the light is off")


class Input(BaseInputTransport):
    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)


class Output(BaseOutputTransport):
    """Plays nothing, but takes as long as playing takes."""

    def __init__(self, params, log):
        super().__init__(params)
        self._log = log

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        assert (frame.sample_rate, frame.num_channels) == (24_000, 1)
        milliseconds = driving.milliseconds(frame.audio)
        self._log.note("audio", milliseconds)
        await asyncio.sleep(milliseconds / 1000)
        return True


class Watch(BaseObserver):
    """Notes frames where they are first pushed."""

    def __init__(self, log):
        super().__init__(observe_every_push=False)
        self._log = log

    async def on_push_frame(self, data):
        frame, log = data.frame, self._log
        # Some are broadcast, both ways; but what was heard goes upstream only.
        if data.direction == FrameDirection.UPSTREAM and not isinstance(frame, TranscriptionFrame):
            return
        if isinstance(frame, TranscriptionFrame):
            log.note("heard", frame.text)
        elif isinstance(frame, TTSTextFrame):
            log.note("said", frame.text)
        elif isinstance(frame, FunctionCallInProgressFrame):
            log.note("call", [frame.function_name, dict(frame.arguments)])
        elif isinstance(frame, FunctionCallResultFrame):
            log.note("result")
        elif isinstance(frame, InterruptionFrame):
            log.note("interrupted")
        elif isinstance(frame, BotStoppedSpeakingFrame):
            log.note("end")
        elif isinstance(frame, ErrorFrame):
            log.note("error", frame.error)


def service_for(server):
    """Return a service that dials `server`."""
    options = {"http_options": server.http_options(), "tools": [set_light], "system_instruction": "Be brief."}
    if server.vertex:
        settings = GeminiLiveVertexLLMService.Settings(model=server.model)
        return GeminiLiveVertexLLMService(
            credentials_path=os.environ["GOOGLE_APPLICATION_CREDENTIALS"],
            project_id=server.project,
            location=server.location,
            settings=settings,
            **options,
        )
    settings = GeminiLiveLLMService.Settings(model=server.model)
    return GeminiLiveLLMService(api_key=server.key, settings=settings, **options)


class Client:
    """One pipeline; its `log` is the frames that an observer sees, and what the transport plays."""

    def __init__(self, server):
        self.log = driving.Log()
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            video_in_enabled=True,
            audio_out_end_silence_secs=0,
        )
        self._input = Input(params)
        # The one who begins is the bot: until it does, the service drops what a microphone brings.
        context = LLMContext([{"role": "user", "content": "hello"}])
        turns = LLMContextAggregatorPair(context)
        steps = [self._input, turns.user(), service_for(server), Output(params, self.log), turns.assistant()]
        self._worker = PipelineWorker(
            Pipeline(steps),
            params=PipelineParams(audio_in_sample_rate=driving.RATE, audio_out_sample_rate=24_000),
            observers=[Watch(self.log)],
        )

    async def run(self):
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        await self._worker.queue_frames([LLMRunFrame()])
        await runner.run()

    async def hear(self, pcm):
        frame = InputAudioRawFrame(audio=pcm, sample_rate=driving.RATE, num_channels=1)
        await self._input.push_audio_frame(frame)

    async def type(self, text):
        await self._worker.queue_frames([InputTextRawFrame(text=text)])

    async def show(self):
        wall = bytes((0, 100, 0)) * (WIDTH * HEIGHT)
        frame = InputImageRawFrame(image=wall, size=(WIDTH, HEIGHT), format="RGB")
        await self._input.push_video_frame(frame)


async def greeting(client):
    """The bot begins, from what stands in the context."""
    to = await client.log.until("audio", "end", since=0)
    return client.log.report(0, to)


async def drive(server):
    logger.remove()
    client = Client(server)
    async with client.log.while_running(client.run()):
        greeted = await greeting(client)
        report = await driving.play(client, server, driving.broken_link)
    return {"version": __version__, "greeting": greeted, **report}


if __name__ == "__main__":
    driving.main(drive)
