"""Pipecat bots of several kinds in conversations; run where Pipecat is installed, by `test_pipecat.py`.

`bridging` plays what a person does with one bot; here are other bots, other pipelines, and the transport that a
pipeline of one's own takes. Each scene returns what was noted of it, and `main` prints all of them as JSON.
"""

import asyncio
import functools
import gc
import json
import os
import sys
import threading
import time
import traceback
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMRunFrame,
    LLMSetToolsFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService, GeminiVADParams
from pipecat.services.llm_service import FunctionCallParams, LLMService
from pipecat.services.settings import LLMSettings
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.text.base_text_aggregator import TextType
from pipecat.workers.runner import WorkerRunner

from livewidget import LiveWidget, connect, events
from livewidget.config.code import to_python
from livewidget.errors import LiveError, UsageError
from livewidget.integrations.pipecat import LiveWidgetTransport, PipecatBot
from tests.integrations.driving import RATE, Server

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT_S = 20.0
CYCLES = 20


async def set_light(params: FunctionCallParams, on: bool):
    """Switch the light.

    Args:
        on: Whether it is to shine.
    """
    await params.result_callback("the light is on" if on else "the light is off")


def set_fan(on: bool) -> str:
    """Switch the fan."""
    return "the fan is on" if on else "the fan is off"


def gemini(server, *, begins=False, light=set_light, **settings):
    """Return the service of the Live API, which dials `server`."""
    return GeminiLiveLLMService(
        api_key=server.key,
        http_options=server.http_options(),
        system_instruction="Be brief.",
        tools=[light],
        settings=GeminiLiveLLMService.Settings(model=server.model, **settings),
        inference_on_context_initialization=begins,
    )


def between(transport, llm, *more, context=None):
    """Return a pipeline with a service between a transport's ends."""
    pair = LLMContextAggregatorPair(context or LLMContext())
    return Pipeline([transport.input(), pair.user(), llm, *more, transport.output(), pair.assistant()])


async def run(worker):
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def bot(make, *, after_s=0.0, **options):
    """Return a bot's function: its pipeline is what `make(transport)` returns; it begins with the client."""

    async def run_bot(transport):
        worker = PipelineWorker(make(transport), **options)

        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            await asyncio.sleep(after_s)
            await worker.queue_frames([LLMRunFrame()])

        @transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(transport, client):
            await worker.cancel()

        await run(worker)

    return run_bot


class Noted:
    """A conversation, and what has happened in it."""

    def __init__(self, live):
        self.live = live
        self.events = []
        self.more = asyncio.Event()
        live.subscribe(self._note)

    def _note(self, event):
        self.events.append(event)
        self.more.set()

    async def until(self, kind, count=1, within_s=WAIT_S, **fields):
        async with asyncio.timeout(within_s):
            while len(self.of(kind, **fields)) < count:
                self.more.clear()
                await self.more.wait()

    def of(self, kind, **fields):
        found = [one for one in self.events if isinstance(one, kind)]
        return [one for one in found if all(getattr(one, name) == value for name, value in fields.items())]

    @property
    def notices(self):
        return [one.text for one in self.of(events.Notice)]

    @property
    def said(self):
        return [[turn.speaker, turn.text.strip()] for turn in self.live.turns]


@asynccontextmanager
async def talking(provider, **options):
    async with connect(provider, **options) as live:
        yield Noted(live)


async def failing(provider, **options):
    """Return the sentence with which a conversation does not begin."""
    try:
        async with connect(provider, **options):
            return "it began"
    except LiveError as error:
        return str(error)


# --- Bots of the Live API's service


async def greets_first(server):
    """The bot begins; what is typed in the same moment is not lost."""
    context = [{"role": "user", "content": "hello"}]
    run_bot = bot(lambda t: between(t, gemini(server, begins=True), context=LLMContext(context)))
    async with talking(PipecatBot(run_bot)) as noted:
        await noted.until(events.TurnComplete)
        first = noted.said[0]
    return {"first": first}


async def text_before_it_begins(server):
    """Typed at once, while the bot waits for a second before it begins."""
    run_bot = bot(lambda t: between(t, gemini(server)), after_s=3.0)
    async with talking(PipecatBot(run_bot)) as noted:
        answer = await noted.live.ask("what is the capital of japan")
        return {"said": answer.text.strip(), "notices": noted.notices}


async def never_begins(server):
    """No LLMRunFrame: the service takes nothing, which somebody has to say."""

    async def run_bot(transport):
        await run(PipelineWorker(between(transport, gemini(server))))

    async with talking(PipecatBot(run_bot)) as noted:
        await noted.live.send_text("what is the capital of japan")
        await noted.until(events.Notice)
        return {"notices": noted.notices}


async def stopped_by_hand(server):
    """After Stop the service goes on with the story, which must reach neither the user nor the bot's context."""
    context = LLMContext()
    run_bot = bot(lambda t: between(t, gemini(server), context=context))
    async with talking(PipecatBot(run_bot)) as noted:
        await noted.live.send_text("tell me a story")
        await noted.until(events.OutputAudio)
        await asyncio.sleep(1.0)
        await noted.live.interrupt()
        await noted.until(events.Interrupted)
        await asyncio.sleep(0.1)
        before = len(noted.of(events.OutputAudio))
        await asyncio.sleep(2.0)
        after = len(noted.of(events.OutputAudio))
        answer = await noted.live.ask("what is the capital of france")
        await asyncio.sleep(0.2)
        said = {
            role: [str(one["content"]) for one in context.get_messages() if one["role"] == role]
            for role in ("user", "assistant")
        }
        return {
            "rest": after - before,
            "answer": answer.text.strip(),
            "said": noted.said,
            "typed": said["user"],
            "kept": " ".join(said["assistant"]),
        }


async def push_to_talk(server):
    """Of a bot that leaves turns to its client, and of one that does not."""
    vad = GeminiVADParams(disabled=True)
    button = PipecatBot(bot(lambda t: between(t, gemini(server, vad=vad))), push_to_talk=True)
    import wave

    with wave.open(str(server.path("question.wav"))) as file:
        question = file.readframes(file.getnframes())
    async with talking(button, turn_detection="push_to_talk") as noted:
        await noted.live.activity_start()
        await noted.live.send_audio(question, RATE)
        await noted.live.activity_end()
        await noted.until(events.TurnComplete)
        await asyncio.sleep(0.6)  # The transcript comes later.
        said = noted.said
    own = PipecatBot(bot(lambda t: between(t, gemini(server))), push_to_talk=True)
    plain = PipecatBot(bot(lambda t: between(t, gemini(server))))
    return {
        "said": said,
        "own": await failing(own, turn_detection="push_to_talk"),
        "plain": await failing(plain, turn_detection="push_to_talk"),
    }


async def names_on_both_sides(server):
    def set_light(on: bool) -> str:
        """Switch another light."""
        return "it is"

    return {
        "sentence": await failing(PipecatBot(bot(lambda t: between(t, gemini(server)))), tools=[set_light])
    }


async def without_a_context(server):
    """The notebook's functions have nowhere to go."""

    async def run_bot(transport):
        llm = gemini(server)
        await run(PipelineWorker(Pipeline([transport.input(), llm, transport.output()])))

    async with talking(PipecatBot(run_bot), tools=[set_fan]) as noted:
        await noted.until(events.Notice)
        return {"notices": noted.notices}


async def functions_that_come_late(server):
    """The bot has begun before anybody joins."""
    transport = LiveWidgetTransport()
    worker = PipelineWorker(between(transport, gemini(server)))
    task = asyncio.create_task(run(worker))
    await worker.queue_frames([LLMRunFrame()])
    for _ in range(100):  # Nobody tells that a service is connected.
        await asyncio.sleep(0.05)
        if transport.pipeline.started and transport.pipeline.is_ready():
            break
    async with talking(transport.provider, tools=[set_fan]) as noted:
        await noted.until(events.Notice)
        answer = await noted.live.ask("turn on the light")
        report = {"notices": noted.notices, "said": answer.text.strip()}
    task.cancel()
    await asyncio.wait([task])
    return report


async def functions_that_do_not_return(server):
    """One of the bot's raises, and one is cut short by Stop, as is one of the notebook's."""
    slow = asyncio.Event()

    async def broken(params: FunctionCallParams, on: bool):
        raise RuntimeError("the bulb is burnt")

    async def endless(params: FunctionCallParams, on: bool):
        await slow.wait()

    async def set_fan(on: bool) -> str:
        """Switch the fan."""
        await slow.wait()

    report = {}
    for name, question, light in (
        ("raises", "turn on the light", broken),
        ("stopped", "turn on the light", endless),
        ("stopped_here", "turn on the fan", set_light),
    ):
        light.__name__ = "set_light"
        run_bot = bot(lambda t, light=light: between(t, gemini(server, light=light)))
        async with talking(PipecatBot(run_bot), tools=[set_fan]) as noted:
            await noted.live.send_text(question)
            await noted.until(events.ToolCall)
            await asyncio.sleep(0.3)
            if name != "raises":
                await noted.live.interrupt()
                await asyncio.sleep(0.5)
            uses = [use for turn in noted.live.turns for use in turn.tools]
            report[name] = [[use.name, use.remote, use.state, use.error] for use in uses]
    return report


async def tools_set_by_the_bot(server):
    """A frame that replaces the bot's tools keeps the notebook's."""
    llm = Echo()
    context = LLMContext(tools=[set_light])

    async def run_bot(transport):
        worker = PipelineWorker(between(transport, llm, context=context))

        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            await worker.queue_frames([LLMSetToolsFrame(tools=[set_light])])

        await run(worker)

    async with talking(PipecatBot(run_bot), tools=[set_fan]) as noted:
        before = sorted(one.name for one in context.tools.standard_tools)
        await noted.live.ask("hello")
        after = sorted(one.name for one in context.tools.standard_tools)
        return {"before": before, "after": after, "registered": llm.has_function("set_fan")}


# --- Other pipelines


class Echo(LLMService):
    """A model that answers with what it is told, in text."""

    def __init__(self):
        super().__init__(settings=LLMSettings(model="echo"))

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        words = [one["content"] for one in frame.context.get_messages() if one["role"] == "user"]
        if not words:
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for word in f"you said {words[-1]}".split(" "):
            await self.push_frame(LLMTextFrame(f"{word} "))
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(FrameProcessor):
    """Speaks text as a tone, at a rate and with as many channels as it likes."""

    def __init__(self, rate, channels, kind=TTSAudioRawFrame):
        super().__init__()
        self._rate, self._channels, self._kind = rate, channels, kind

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame | TTSSpeakFrame):
            tone = np.sin(np.arange(self._rate // 5) * 2 * np.pi * 440 / self._rate) * 8000
            samples = np.repeat(tone.astype("<i2")[:, None], self._channels, axis=1)
            audio = self._kind(audio=samples.tobytes(), sample_rate=self._rate, num_channels=self._channels)
            speaks = self._kind is TTSAudioRawFrame
            if speaks:
                await self.push_frame(TTSStartedFrame())
            await self.push_frame(audio)
            if speaks:
                await self.push_frame(TTSTextFrame(frame.text.strip(), TextType.WORD))
                await self.push_frame(TTSStoppedFrame())
        else:
            await self.push_frame(frame, direction)


async def text_only(server):
    """A bot that writes and does not speak."""
    async with talking(PipecatBot(bot(lambda t: between(t, Echo())))) as noted:
        first, second = [await noted.live.ask(text) for text in ("good morning", "and good night")]
        return {"said": [first.text.strip(), second.text.strip()], "audio": len(noted.of(events.OutputAudio))}


async def odd_audio(server):
    """Stereo, other rates, and sound that is no speech."""
    report = {}
    for name, (rate, channels, kind) in {
        "stereo": (24_000, 2, TTSAudioRawFrame),
        "high": (44_100, 1, TTSAudioRawFrame),
        "low": (8_000, 1, TTSAudioRawFrame),
        "music": (24_000, 2, OutputAudioRawFrame),
    }.items():

        async def run_bot(transport, rate=rate, channels=channels, kind=kind):
            parts = [transport.input(), Voice(rate, channels, kind), transport.output()]
            worker = PipelineWorker(Pipeline(parts))

            @transport.event_handler("on_client_connected")
            async def on_client_connected(transport, client):
                await worker.queue_frames([TTSSpeakFrame("hello")])

            await run(worker)

        async with talking(PipecatBot(run_bot)) as noted:
            await noted.until(events.TurnComplete)
            heard = np.concatenate([np.frombuffer(one.data, "<i2") for one in noted.of(events.OutputAudio)])
            spectrum = np.abs(np.fft.rfft(heard))
            peak = float(np.fft.rfftfreq(len(heard), 1 / 24_000)[int(spectrum.argmax())])
            report[name] = {"ms": len(heard) / 24, "hz": peak, "said": noted.said}
    return report


async def an_answer_in_pieces(server):
    """A voice that stops after each word, within one answer."""
    run_bot = bot(lambda t: between(t, Echo(), Voice(24_000, 1)))
    async with talking(PipecatBot(run_bot)) as noted:
        await noted.live.ask("one two three")
        await asyncio.sleep(1.0)
        return {"said": noted.said, "complete": len(noted.of(events.TurnComplete))}


async def says_goodbye(server):
    """The bot's last words are heard before it ends."""

    async def run_bot(transport):
        worker = PipelineWorker(Pipeline([transport.input(), Voice(24_000, 1), transport.output()]))

        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            await worker.queue_frames([TTSSpeakFrame("good"), TTSSpeakFrame("bye"), EndFrame()])

        await run(worker)

    async with talking(PipecatBot(run_bot)) as noted:
        await noted.until(events.OutputAudio)
        began = time.monotonic()
        await noted.until(events.SessionEnded)
        samples = sum(one.samples for one in noted.of(events.OutputAudio))
        return {"ms": samples / 24, "after_ms": (time.monotonic() - began) * 1000, "notices": noted.notices}


# --- What goes wrong


class Faulty(FrameProcessor):
    """Fails as it is told to when somebody is transcribed."""

    def __init__(self, fault):
        super().__init__()
        self._fault = fault

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame) and self._fault == "error":
            await self.push_error("the paper is low at /home/somebody/printer.py")
        elif isinstance(frame, TranscriptionFrame) and self._fault == "fatal":
            error = ErrorFrame(error="the paper is out", processor=self)
            error.fatal = True
            await self.push_error_frame(error)
        elif isinstance(frame, TranscriptionFrame) and self._fault == "raises":
            raise RuntimeError("the paper is wet")
        else:
            await self.push_frame(frame, direction)


async def faults(server):
    """Errors that end the bot, and those that do not."""
    report = {}
    for fault in ("error", "raises", "fatal"):

        async def run_bot(transport, fault=fault):
            worker = PipelineWorker(Pipeline([transport.input(), Faulty(fault), transport.output()]))

            @transport.event_handler("on_client_connected")
            async def on_client_connected(transport, client):
                await asyncio.sleep(0.2)
                await worker.queue_frames([TranscriptionFrame(text="hello", user_id="", timestamp="")])

            await run(worker)

        report[fault] = await ending(PipecatBot(run_bot))
    return report


async def ending(provider, within_s=2.0):
    """Return how a conversation ends, and what the user was told before."""
    noted = None
    try:
        async with talking(provider) as noted:
            await noted.until(events.SessionEnded, within_s=within_s)
    except TimeoutError:
        return {"ended": False, "notices": noted.notices}
    except LiveError as error:
        return {"ended": str(error), "notices": noted.notices if noted else []}
    (end,) = noted.of(events.SessionEnded)
    return {"ended": end.error or True, "notices": noted.notices}


async def idle(server):
    """Pipecat ends a bot to which nobody speaks."""
    run_bot = bot(lambda t: between(t, Echo()), idle_timeout_secs=0.5)
    return await ending(PipecatBot(run_bot), within_s=5.0)


async def a_handler_that_raises(server):
    async def run_bot(transport):
        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            raise RuntimeError("nobody greets")

        await run(PipelineWorker(between(transport, Echo())))

    return await ending(PipecatBot(run_bot))


async def setup_that_fails(server):
    """A processor that cannot be set up is an error of the bot's; the talk goes on without it."""

    class Broken(FrameProcessor):
        async def setup(self, setup):
            raise RuntimeError("no such device")

    run_bot = bot(lambda t: Pipeline([t.input(), Broken(), t.output()]))
    return await ending(PipecatBot(run_bot))


async def sys_exit(server):
    async def run_bot(transport):
        sys.exit(3)

    return {"sentence": await failing(PipecatBot(run_bot))}


async def wrong_arguments(server):
    """Each gets one sentence."""

    class Bot:
        async def __call__(self, transport):
            await run(PipelineWorker(between(transport, Echo())))

    async def run_bot(transport, runner_args):
        assert runner_args.handle_sigint is False
        await run(
            PipelineWorker(
                between(transport, Echo()), idle_timeout_secs=runner_args.pipeline_idle_timeout_secs
            )
        )

    async def with_sigint(transport, handle_sigint: bool):
        assert handle_sigint is False
        await run(PipelineWorker(between(transport, Echo())))

    async def with_a_voice(transport, voice):
        await run(PipelineWorker(between(transport, Echo())))

    async def main(runner_args):
        pass

    async def nothing():
        pass

    def plain(transport):
        pass

    transport = LiveWidgetTransport()
    wrong = {
        "class": Bot,
        "function": plain,
        "coroutine": run_bot(None, None),
        "pipeline": Pipeline([]),
        "worker": PipelineWorker(Pipeline([])),
        "transport": transport,
        "service": Echo(),
        "model": "gemini-3.8-live",
        "nothing": nothing,
        "runner": main,
        "more": with_a_voice,
    }
    report = {}
    for name, value in wrong.items():
        try:
            PipecatBot(value)
            report[name] = "it was taken"
        except UsageError as error:
            report[name] = str(error)
    try:
        LiveWidgetTransport(params={"audio_in_enabled": True})
    except UsageError as error:
        report["params"] = str(error)
    right = (Bot(), run_bot, with_sigint, functools.partial(with_a_voice, voice="Kore"))
    report["right"] = [await failing(PipecatBot(value)) for value in right]
    made = (PipecatBot(run_bot), PipecatBot(run_bot, name="lamp", push_to_talk=True))
    report["expressions"] = [to_python(bot.expression()) for bot in made]
    return report


async def no_pictures(server):
    async def run_bot(transport):
        await run(PipelineWorker(between(transport, Echo())))

    class Blind(PipecatBot):
        pass

    transport = LiveWidgetTransport(
        TransportParams(audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=False)
    )
    task = asyncio.create_task(run_bot(transport))
    async with talking(transport.provider) as noted:
        await noted.live.send_image(np.zeros((64, 64, 3), np.uint8))
        await noted.until(events.Notice)
        notices = noted.notices
    task.cancel()
    await asyncio.wait([task])
    return {"notices": notices}


# --- The transport of a pipeline of one's own, which runs on this loop, and the card on its own


async def a_pipeline_in_a_cell(server):
    """The pipeline runs here, twice with one transport, and the conversation on the background loop."""
    transport = LiveWidgetTransport()
    live = LiveWidget(transport.provider, tools=[set_fan])
    fired, answers, threads = [], [], set()

    async def run_bot(transport):
        worker = PipelineWorker(between(transport, gemini(server)))

        @transport.event_handler("on_first_participant_joined")
        async def on_first_participant_joined(transport, participant):
            fired.append("joined")

        @transport.event_handler("on_participant_left")
        async def on_participant_left(transport, participant, reason):
            fired.append(reason)

        @transport.event_handler("on_client_connected")
        async def on_client_connected(transport, client):
            fired.append("connected")
            threads.add(threading.current_thread().name)
            await worker.queue_frames([LLMRunFrame()])

        @transport.event_handler("on_client_disconnected")
        async def on_client_disconnected(transport, client):
            fired.append(transport.get_client_id(client))
            await worker.cancel()

        await run(worker)

    for _ in range(2):
        task = asyncio.create_task(run_bot(transport))
        for question in ("what is the capital of japan", "turn on the fan", "turn on the light"):
            answers.append(str(await asyncio.to_thread(live.ask, question)))
        await asyncio.to_thread(live.stop)
        async with asyncio.timeout(WAIT_S):
            await task
    tools = [[use.name, use.remote] for turn in live.turns for use in turn.tools]
    live.close()
    return {"answers": answers, "fired": fired, "threads": sorted(threads), "tools": tools}


async def a_pipeline_that_goes_on(server):
    """Clients come and go; what they typed stays in the bot's context."""
    transport = LiveWidgetTransport()
    context = LLMContext()
    task = asyncio.create_task(run(PipelineWorker(between(transport, Echo(), context=context))))
    said = []
    for text in ("one", "two"):
        async with talking(transport.provider) as noted:
            said.append((await noted.live.ask(text)).text.strip())
    task.cancel()
    await asyncio.wait([task])
    asked = [one["content"] for one in context.get_messages() if one["role"] == "user"]
    return {"said": said, "asked": asked}


async def used_twice(server):
    transport = LiveWidgetTransport()
    no_pipeline = await failing(transport.provider)
    task = asyncio.create_task(run(PipelineWorker(between(transport, Echo()))))
    try:
        async with talking(transport.provider) as noted:
            second_card = await failing(transport.provider)
            try:
                between(transport, Echo())
                second_pipeline = "it was made"
            except UsageError as error:
                second_pipeline = str(error)
            unharmed = (await noted.live.ask("hello")).text.strip()
    finally:
        task.cancel()
        await asyncio.wait([task])
    return {
        "no_pipeline": no_pipeline,
        "second_card": second_card,
        "second_pipeline": second_pipeline,
        "unharmed": unharmed,
    }


# --- The example


async def the_example(server):
    """examples/pipecat_bot.py, in both ways of a notebook; the server is told to it by the environment alone."""
    os.environ |= {
        "GOOGLE_API_KEY": server.key,
        "GOOGLE_GEMINI_BASE_URL": server.https,
        "SSL_CERT_FILE": server.cert,
    }
    sys.path.insert(0, str(ROOT / "examples"))
    from pipecat_bot import run_bot

    async with talking(PipecatBot(run_bot, name="lamp"), tools=[set_fan]) as noted:
        await noted.until(events.TurnComplete)
        said = [str(await noted.live.ask(text)) for text in ("turn on the light", "turn on the fan")]
        tools = [[use.name, use.remote, use.result] for turn in noted.live.turns for use in turn.tools]
    transport = LiveWidgetTransport()
    task = asyncio.create_task(run_bot(transport))
    async with talking(transport.provider) as noted:
        await noted.until(events.TurnComplete)
        said.append(str(await noted.live.ask("what is the capital of japan")))
    async with asyncio.timeout(WAIT_S):
        await task
    return {"said": said, "tools": tools}


# --- What is left


async def nothing_left(server):
    """Started and stopped many times, some of them before anything was ready, and one in the middle of a word."""
    run_bot = bot(lambda t: between(t, gemini(server)))
    handlers = set(logger._core.handlers)

    async def once(n):
        if n % 4 == 3:  # Given up while it starts.
            entering = asyncio.ensure_future(connect(PipecatBot(run_bot)).__aenter__())
            await asyncio.sleep(0.01 * n)
            entering.cancel()
            await asyncio.wait([entering])
            if not entering.cancelled() and entering.exception() is None:
                await entering.result().close()
            return
        async with talking(PipecatBot(run_bot)) as noted:
            if n % 4 == 2:
                await noted.live.send_text("tell me a story")
                await noted.until(events.OutputAudio)

    async def count():
        gc.collect()  # Pipecat's unfinished generators are closed by tasks, which are made here.
        await asyncio.sleep(0.5)
        return len(asyncio.all_tasks()), threading.active_count(), len(os.listdir("/proc/self/fd"))

    for n in range(4):
        await once(n)
    before = await count()
    for n in range(CYCLES):
        await once(n)
    return {"before": before, "after": await count(), "handlers": len(set(logger._core.handlers) - handlers)}


SCENES = (
    greets_first,
    text_before_it_begins,
    never_begins,
    stopped_by_hand,
    push_to_talk,
    names_on_both_sides,
    without_a_context,
    functions_that_come_late,
    functions_that_do_not_return,
    tools_set_by_the_bot,
    text_only,
    odd_audio,
    an_answer_in_pieces,
    says_goodbye,
    faults,
    idle,
    a_handler_that_raises,
    setup_that_fails,
    sys_exit,
    wrong_arguments,
    no_pictures,
    a_pipeline_in_a_cell,
    a_pipeline_that_goes_on,
    used_twice,
    the_example,
    nothing_left,
)


async def main():
    server = Server(**json.loads(sys.argv[1]))
    wanted = sys.argv[2:]
    logger.configure(handlers=[])
    report = {}
    for scene in SCENES:
        if not wanted or scene.__name__ in wanted:
            try:
                async with asyncio.timeout(60):
                    report[scene.__name__] = await scene(server)
            except Exception:
                report[scene.__name__] = {"failed": traceback.format_exc()[-1500:]}
    print(json.dumps(report))


if __name__ == "__main__":
    asyncio.run(main())
