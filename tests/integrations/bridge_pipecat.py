"""A Pipecat bot behind a widget, for the harness; run where Pipecat is installed, see `bridging`."""

import asyncio

from loguru import logger
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.workers.runner import WorkerRunner

from livewidget.integrations.pipecat import PipecatBot
from tests.integrations.bridging import main

FAULTS = {
    "raises": "out of paper",
    "ends": "ended the talk",
    "never_ready": "has not started a pipeline",
    "returns": "returned before it had run a pipeline",
    "refuses": "the lamp is broken",
    "wrong_key": "API key not valid",
    "signals": "handle_sigint=False",
    "hangs_at_close": "",
}


def service_for(server, tools, fault=None, **settings):
    """Return a service that dials `server`."""
    return GeminiLiveLLMService(
        api_key="wrong" if fault == "wrong_key" else server.key,
        http_options=server.http_options(),
        system_instruction="Be brief.",
        tools=tools,
        settings=GeminiLiveLLMService.Settings(model=server.model, **settings),
        inference_on_context_initialization=False,  # The user begins.
    )


def provider(server, fault=None):
    """Return a bot with a light; with a fault, it goes wrong when it starts or when the light is switched."""

    async def run_bot(transport):
        failed = asyncio.get_running_loop().create_future()

        async def set_light(params: FunctionCallParams, on: bool):
            """Switch the light.

            Args:
                on: Whether it is to shine.
            """
            if fault == "raises":
                failed.set_exception(RuntimeError("out of paper"))
            if fault == "ends":
                await worker.stop_when_done()
            await params.result_callback("the light is on" if on else "the light is off")

        if fault == "never_ready":
            await asyncio.sleep(60)
        if fault == "returns":
            return
        if fault == "refuses":
            raise RuntimeError("the lamp is broken")
        context = LLMContextAggregatorPair(LLMContext())
        llm = service_for(server, [set_light], fault)
        worker = PipelineWorker(
            Pipeline([transport.input(), context.user(), llm, transport.output(), context.assistant()]),
            params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
        )

        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            await worker.queue_frames([LLMRunFrame()])

        @transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(transport, client):
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=fault == "signals")
        await runner.add_workers(worker)
        running = asyncio.ensure_future(runner.run())
        await asyncio.wait({running, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            running.cancel()
            await asyncio.wait({running})
            failed.result()
        running.result()
        if fault == "hangs_at_close":
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(60)  # Told once, it does not end.

    logger.remove()
    return PipecatBot(run_bot)


if __name__ == "__main__":
    main(provider, FAULTS)
