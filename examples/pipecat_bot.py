"""One Pipecat bot for a notebook and for Daily: nothing but the line with the transport differs.

In a notebook, where the card starts it anew for each conversation::

    from livewidget import LiveWidget
    from livewidget.integrations.pipecat import PipecatBot
    from pipecat_bot import run_bot

    LiveWidget(PipecatBot(run_bot))

(Pipecat logs to the cell from DEBUG on; `loguru.logger.remove()` before that makes it quiet),
or where a cell runs it, as a program would, and the card joins it::

    from livewidget.integrations.pipecat import LiveWidgetTransport

    transport = LiveWidgetTransport()
    display(LiveWidget(transport.provider))
    await run_bot(transport)

On Daily, as a program: `pip install "pipecat-ai[daily]"`, DAILY_API_KEY in the environment, and
`python pipecat_bot.py`. That part was not run: a room needs Daily's cloud.

GOOGLE_API_KEY in the environment is a key of the Gemini API.
"""

import asyncio
import os

from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService
from pipecat.services.llm_service import FunctionCallParams
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner


async def set_light(params: FunctionCallParams, on: bool) -> None:  # noqa: D417 - the model reads this
    """Switch the light.

    Args:
        on: Whether it is to shine.
    """
    await params.result_callback({"light": "on" if on else "off"})


async def run_bot(transport: BaseTransport) -> None:
    """Talk with whoever joins, until they leave."""
    llm = GeminiLiveLLMService(
        api_key=os.environ["GOOGLE_API_KEY"],
        system_instruction="You are a lamp. Be brief and friendly.",
    )
    context = LLMContext([{"role": "user", "content": "hello"}], tools=[set_light])
    turns = LLMContextAggregatorPair(context)
    worker = PipelineWorker(
        Pipeline([transport.input(), turns.user(), llm, transport.output(), turns.assistant()]),
        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport: BaseTransport, client: object) -> None:
        await worker.queue_frames([LLMRunFrame()])  # The bot says hello.

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport: BaseTransport, client: object) -> None:
        await worker.cancel()

    # The card, or main below, ends the bot: it handles no signals itself.
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


async def main() -> None:
    """Wait in a room of Daily's."""
    import aiohttp
    from pipecat.runner.daily import configure
    from pipecat.transports.daily.transport import DailyParams, DailyTransport

    async with aiohttp.ClientSession() as session:
        room = await configure(session)
    print(room.room_url)
    params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
    await run_bot(DailyTransport(room.room_url, room.token, "lamp", params))


if __name__ == "__main__":
    asyncio.run(main())
