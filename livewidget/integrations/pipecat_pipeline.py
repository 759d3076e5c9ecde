"""A pipeline of Pipecat's with a card at its ends: the processors of a `LiveWidgetTransport`, on their loop.

In: what the user says, types and shows, by `BotPipeline.hand`, from any thread. Out: calls of `AgentClient`,
by `PipelineHost.post`. `BotInput` feeds the pipeline. `BotOutput` plays at the pace of speech, and tells what
is said. `BotObserver` tells of transcripts, tools and errors, whatever the pipeline looks like.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from livewidget.errors import UsageError
from livewidget.integrations.agent import parameters_of
from livewidget.protocol.messages import FunctionDeclaration, UsageMetadata

try:
    from loguru import logger
    from pipecat.adapters.llm.schemas.direct_function import tool_options
    from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
    from pipecat.frames import frames
    from pipecat.metrics.metrics import LLMUsageMetricsData
    from pipecat.observers.base_observer import BaseObserver
    from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregator
    from pipecat.processors.frame_processor import FrameDirection
    from pipecat.services.llm_service import LLMService
    from pipecat.transports.base_input import BaseInputTransport
    from pipecat.transports.base_output import BaseOutputTransport
    from pipecat.transports.base_transport import TransportParams
except ImportError:
    BaseInputTransport = BaseObserver = BaseOutputTransport = object

#: Sample rate of the user's audio as sessions send it, in Hz.
INPUT_RATE = 16_000
#: Seconds that a service is given to connect before the talk begins all the same. Chosen: long for a
#: connection, short for a person; a bot that waits for something else must not look broken.
_CONNECT_S = 2.0
#: Seconds after which a typed text that still waits for the service is worth a sentence. Chosen.
_BEGIN_S = 10.0
#: Seconds between two looks at whether a service is connected, which Pipecat does not report. Chosen.
_LOOK_S = 0.05
#: Seconds by which audio is ahead of its playback. Chosen: a busy kernel may be late by as much; and Pipecat
#: holds the bot to have stopped that much too early.
_LEAD_S = 0.5
#: Seconds without sound after which audio that is not speech is over. Chosen.
_SILENCE_S = 0.5
#: Seconds within which more of a stopped answer comes, if there is more. Chosen: a service delivers faster
#: than is spoken; within that time nobody has asked by voice and been answered.
_REST_S = 1.0
#: Seconds that the rest of a stopped answer may pause. Chosen: longer than a busy computer pauses.
_PAUSE_S = 5.0
#: Seconds between two pictures: Pipecat's service for the Live API drops one that comes within a second.
_PICTURE_S = 1.05
#: Pictures and texts that may wait for that, or for the service; above, pictures are left out. Chosen.
_PICTURES = 8
#: Seconds of silence that follow the last audio when the microphone pauses, so that whatever listens finds
#: the end of speech. Chosen: longer than the 0.2 s of Pipecat's VAD and the 0.8 s of the Live API's.
_END_SILENCE_S = 1.0
#: Seconds that the bot's own handlers have when the client leaves, and then its function. Chosen: with two
#: times 0.8 s for what is cancelled, it is less than the 5 s that a run has to close.
FAREWELL_S = 1.5
#: Seconds that Pipecat lets a function of the notebook run. Chosen: never; the session has limits of its own,
#: and a person may be asked first.
_CALL_S = 24 * 3600.0
#: Items that may wait for a loop: 160 s of audio in chunks of 40 ms. The oldest is dropped.
_WAITING = 4000

#: What a transport of Pipecat's tells its bot, by the names of Daily's transport and of all others.
CONNECTED = ("on_first_participant_joined", "on_participant_joined", "on_client_connected")
DISCONNECTED = ("on_participant_left", "on_client_disconnected")

#: What Pipecat logs of a task or handler that raised, which reaches nobody in another way: who, and what.
_LOGGED = re.compile(
    r"(?P<who>[^\s:]+)(?:::(?P<task>\S+) unexpected exception|: uncaught exception in event handler '\S+')"
    r" \(.*?:\d+\): (?P<words>.*)",
    re.DOTALL,
)


class Mailbox:
    """What other threads hand to one event loop, in order. `put` may be called on any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[Any] = deque(maxlen=_WAITING)
        self._more = asyncio.Event()
        self._waking = False

    def put(self, item: Any) -> None:
        """Add an item; where too many wait, the oldest is dropped."""
        self._items.append(item)
        if not self._waking:  # One wake-up serves all that is put before it.
            self._waking = True
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody will read it.
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._more.set()

    async def get(self) -> Any:
        """Return the next item; wait for one."""
        while not self._items:
            self._more.clear()
            if not self._items:
                await self._more.wait()
        return self._items.popleft()


async def run_on_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop, which may be another one, and return what it returns."""
    if loop is asyncio.get_running_loop():
        return await coroutine
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:  # It is closed.
        coroutine.close()
        raise RuntimeError("the event loop of its pipeline has been closed") from None
    return await asyncio.wrap_future(future)


#: What a pipeline posts last.
ENDED = "ended"


class PipelineHost(Protocol):
    """The transport that a pipeline is made for, and who is connected to it; used on the pipeline's loop."""

    @property
    def name(self) -> str:
        """Its name, as Pipecat logs it."""

    @property
    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """The notebook's functions."""

    @property
    def push_to_talk(self) -> bool:
        """Whether the user presses a button to talk."""

    def check_names(self, names: Iterable[str]) -> None:
        """Raise `UsageError` if the notebook has a function of one of these names."""

    async def call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a function of the notebook; return its response."""

    async def call_handlers(self, event: str, *arguments: Any) -> None:
        """Call the bot's handlers of an event."""

    def post(self, kind: str, *arguments: Any, **options: Any) -> None:
        """Call a method of `AgentClient` in the session, or tell that the pipeline has `ENDED`."""

    def notify(self) -> None:
        """The pipeline has started or ended."""


class BotPipeline:
    """One life of the two processors: from the pipeline that they are put into to its end.

    Attributes:
        loop: The pipeline's event loop, once it is set up; None before.
        mailbox: What the client has handed over; None before.
        worker: The pipeline's worker; None before.
        started: Whether it runs.
        ended: Whether it has ended.
        failure: What its processors said when they failed for good; "" if they did not.
        is_realtime: Whether a speech-to-speech service answers, which delivers an answer on its own.
        stopped_by_user: Whether the interruption that comes next is the user's.
    """

    def __init__(self, host: PipelineHost, params: TransportParams) -> None:
        self.host = host
        self.input = BotInput(self, params)
        self.output = BotOutput(self, params)
        self.loop: Any = None
        self.worker: Any = None
        self.started = self.ended = self.is_realtime = self.stopped_by_user = False
        self.failure = ""
        self.mailbox: Any = None
        self._misnamed: UsageError | None = None
        self._offered: tuple[FunctionDeclaration, ...] = ()
        self._joined = 0
        self._told: set[str] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._sink: int | None = None

    # --- From its processors

    def set_up(self, worker: Any) -> None:
        """Its worker sets its processors up."""
        self.loop, self.worker = asyncio.get_running_loop(), worker
        self.mailbox = Mailbox(self.loop)
        worker.add_observer(BotObserver(self))
        worker.add_event_handler("on_idle_timeout", self._on_idle)
        worker.add_event_handler("on_setup_timeout", self._on_slow_setup)
        self._sink = logger.add(self._on_log, level="ERROR", format="{message}", filter="pipecat")
        # Before the bot can say its first word, which some queue before the pipeline runs.
        try:
            self._offer()
        except UsageError as error:
            self._misnamed = error

    def start(self) -> None:
        """It runs."""
        self.started = True
        self.host.notify()

    def end(self) -> None:
        """It has ended."""
        if self.ended:
            return
        self.ended = True
        if self._sink is not None:
            with contextlib.suppress(ValueError):  # The bot has removed all sinks of the logger.
                logger.remove(self._sink)
        self.host.post(ENDED)
        self.host.notify()

    def fail(self, words: str) -> None:
        """It can do nothing any more."""
        self.failure = self.failure or words
        self.host.post(ENDED)
        self.host.notify()

    def notice(self, text: str) -> None:
        """Show the user a sentence, once."""
        if text not in self._told:
            self._told.add(text)
            self.host.post("notify", text)

    # --- From the client

    def hand(self, kind: str, value: Any) -> None:
        """Hand something to the input processor. Thread-safe."""
        if self.mailbox is not None:
            self.mailbox.put((kind, value))

    async def welcome(self) -> None:
        """Let a client join: offer its functions, call the bot's handlers, wait for the service to connect.

        Raises:
            UsageError: If a function has the name of one of the bot's, or a button to talk cannot work.
            RuntimeError: If the pipeline cannot be talked with.
        """
        if self._misnamed is not None:
            raise self._misnamed
        if self.host.declarations != self._offered:
            began = [s for s in self.services() if getattr(s, "_context", None) is not None]
            merged = self._offer()
            if merged is not None:
                await self.input.push_frame(frames.LLMSetToolsFrame(tools=merged))
            if self._offered and any("gemini_live" in type(one).__module__ for one in began):
                self.notice(
                    "The bot's service takes new functions only when its pipeline starts: run it again."
                )
        if self.host.push_to_talk and any(
            getattr(s, "_vad_disabled", None) is False for s in self.services()
        ):
            raise UsageError(
                "The bot's service decides itself when you speak: to push a button instead, set "
                "vad=GeminiVADParams(disabled=True) in its settings."
            )
        self._fire(CONNECTED[self._joined :])
        self._joined = 1  # The first participant joins once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_S):
                while not self.is_ready() and not self.ended:
                    if self.failure:
                        raise RuntimeError(self.failure)
                    await asyncio.sleep(_LOOK_S)

    async def farewell(self, *, end: bool) -> None:
        """Let the client go: call the bot's handlers, and end the pipeline if it is `end`."""
        self._fire(DISCONNECTED)
        if self._handlers:
            await asyncio.wait(set(self._handlers), timeout=FAREWELL_S)
        if end and not self.ended:
            await self.input.push_frame(frames.CancelWorkerFrame(), FrameDirection.UPSTREAM)
            for task in self._handlers:
                task.cancel()

    async def stop_answer(self) -> None:
        """Interrupt the bot."""
        self.stopped_by_user = True
        if self.is_realtime:
            self.output.answer.stop()
        await self.input.push_frame(frames.InterruptionWorkerFrame(), FrameDirection.UPSTREAM)

    def _fire(self, events: Iterable[str]) -> None:
        """Call the bot's handlers, in a task: one may wait for the pipeline, which waits for us."""
        client = {"id": "notebook", "info": {"userName": "notebook", "isLocal": False}}
        for event in events:
            arguments = (client, "leftCall") if event == "on_participant_left" else (client,)
            task = asyncio.ensure_future(self.host.call_handlers(event, *arguments))
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)

    # --- Its services

    def _processors(self) -> Iterator[Any]:
        return _flatten([self.worker.pipeline]) if self.worker is not None else iter(())

    def services(self) -> list[Any]:
        """Return the services that answer."""
        return [one for one in self._processors() if isinstance(one, LLMService)]

    def contexts(self) -> list[Any]:
        """Return what its aggregators keep of the conversation."""
        found = (one.context for one in self._processors() if isinstance(one, LLMContextAggregator))
        return list({id(one): one for one in found}.values())

    def is_ready(self) -> bool:
        """Whether its services take what the user says; Pipecat's for the Live API drops it before."""
        return all(getattr(one, "_ready_for_realtime_input", True) for one in self.services())

    # --- The notebook's functions

    def _offer(self) -> ToolsSchema | None:
        """Add the notebook's functions to the bot's contexts; return all tools, if there is a context.

        Raises:
            UsageError: If a function has the name of one of the bot's.
        """
        self._offered = self.host.declarations
        contexts = self.contexts()
        if not self._offered:
            return None
        if not contexts:
            self.notice(
                "The bot keeps no LLMContext to which the notebook's functions could be added: put an "
                "LLMContextAggregatorPair into its pipeline."
            )
            return None
        merged = None
        for context in contexts:
            own = context.tools if isinstance(context.tools, ToolsSchema) else self._service_tools()
            self.host.check_names(_names(own, ours=False))
            merged = self.with_tools(own)
            context.set_tools(merged)
        return merged

    def _service_tools(self) -> ToolsSchema:
        """Return the tools that services were made with: a context with tools takes their place."""
        for service in self.services():
            tools = getattr(service, "_service_tools", lambda: None)()
            if isinstance(tools, ToolsSchema):
                return tools
            if tools:
                return ToolsSchema([], custom_tools={AdapterType.GEMINI: list(tools)})
        return ToolsSchema([])

    def with_tools(self, own: Any) -> ToolsSchema:
        """Return tools of the bot's together with the notebook's functions."""
        if not isinstance(own, ToolsSchema):
            own = ToolsSchema(list(own) if isinstance(own, list) else [])
        direct = {one.name: one.function for one in own.direct_functions}
        standard = [direct.get(one.name, one) for one in own.standard_tools]
        known = _names(own)
        goes_on = all(one.accepts_intermediate_function_call_results for one in self.services())
        ours = [_schema(one, self.host, goes_on) for one in self._offered if one.name not in known]
        return ToolsSchema([*standard, *ours], custom_tools=own.custom_tools)

    def is_ours(self, name: str) -> bool:
        """Whether a function is the notebook's."""
        return any(one.name == name for one in self._offered)

    # --- What goes wrong

    def on_error(self, frame: Any) -> None:
        """A processor reports an error."""
        words = _words(frame.error)
        unusable = frame.processor is not None and not frame.processor.is_usable
        if frame.fatal or (unusable and self.services() == [frame.processor]):
            self.fail(words)
        else:
            self.notice(f"The bot reports an error: {words}.")

    def _on_log(self, message: Any) -> None:
        """Pipecat has logged an error: of a task that raised, this is all that is said."""
        found = _LOGGED.search(message.record["message"])
        if found is None:
            return
        who, words = found["who"], _words(found["words"])
        if who in {one.name for one in self.services()} and len(self.services()) == 1 and found["task"]:
            self.fail(words)
        elif who == self.host.name or who in {one.name for one in self._processors()}:
            self.notice(f"A part of the bot failed: {words}.")

    async def _on_idle(self, worker: Any) -> None:
        self.notice(
            "Nobody has spoken for so long that Pipecat ends the bot: PipelineWorker(…, "
            "idle_timeout_secs=None) lets it wait."
        )

    async def _on_slow_setup(self, worker: Any) -> None:
        self.fail("its pipeline was not set up in time: a processor waits for a connection")


class AnswerGate:
    """Tells the answer that the user has stopped from the next one.

    A speech-to-speech service cannot be told to be quiet: after an interruption that it did not cause, it
    goes on delivering the same answer, until `LLMFullResponseEndFrame`. If it had sent everything already,
    neither anything of it nor that frame comes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stopping = self._more = False  # `_more`: some of the rest has come.
        self._last = 0.0
        self.responding = False

    def stop(self) -> None:
        """The user has stopped the answer."""
        if self.responding:
            self._stopping, self._more, self._last = True, False, self._clock()
        self.responding = False

    def asked(self) -> None:
        """The user has typed; a service that still answered would tell of an interruption."""
        self._stopping = self._stopping and self._more

    def interrupted(self, *, by_user: bool) -> None:
        """The pipeline was interrupted; unless it is by the user, the service has ended the answer itself."""
        if not by_user:
            self._stopping = self.responding = False

    def begins(self) -> None:
        """Frames of an answer begin."""
        self.responding = True

    def passes(self, *, ends: bool) -> bool:
        """Whether a frame of an answer, perhaps its last, is to be played."""
        now = self._clock()
        if self._stopping and now - self._last > (_PAUSE_S if self._more else _REST_S):
            self._stopping = False
        passes, self._more, self._last = not self._stopping, True, now
        if ends:
            self._stopping = self.responding = False
        return passes


class BotInput(BaseInputTransport):
    """Feeds a pipeline what the user says, types and shows."""

    def __init__(self, pipeline: BotPipeline, params: TransportParams) -> None:
        super().__init__(params)
        self._owner = pipeline
        self._feeding: list[Any] = []
        self._slow: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def link(self, processor: Any) -> None:
        """Put it before another processor."""
        _refuse_second_pipeline(self._owner)
        super().link(processor)

    async def setup(self, setup: Any) -> None:
        """Prepare for the pipeline of a worker."""
        await super().setup(setup)
        self._owner.set_up(setup.pipeline_worker)

    async def cleanup(self) -> None:
        """Let go of everything."""
        for task in self._feeding:
            await self.cancel_task(task)
        self._feeding.clear()
        await super().cleanup()
        self._owner.end()

    async def start(self, frame: Any) -> None:
        """Begin to listen."""
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._feeding = [self.create_task(self._feed()), self.create_task(self._feed_slowly())]
        self._owner.start()

    async def pause(self, frame: Any) -> None:
        """Stop listening: the pipeline is stopped."""
        await super().pause(frame)
        self._owner.end()

    async def process_frame(self, frame: Any, direction: Any) -> None:
        """Pass frames on; tools that replace the bot's keep those of the notebook."""
        if isinstance(frame, frames.LLMSetToolsFrame):
            frame.tools = self._owner.with_tools(frame.tools)
        await super().process_frame(frame, direction)

    async def _feed(self) -> None:
        """Push what the user says; hand on what has to wait for something else."""
        while True:
            kind, value = await self._owner.mailbox.get()
            if kind == "audio":
                await self._push_audio(*value)
            elif kind == "pause":
                for _ in range(10):
                    await self._push_audio(bytes(int(INPUT_RATE * _END_SILENCE_S / 10) * 2), INPUT_RATE)
            elif kind == "activity":
                if self._params.audio_in_enabled:
                    await self._audio_in_queue.join()  # What was said before comes first.
                speaking = frames.UserStartedSpeakingFrame if value else frames.UserStoppedSpeakingFrame
                await self.broadcast_frame(speaking)
            elif kind == "text" or self._slow.qsize() < _PICTURES:
                self._slow.put_nowait((kind, value))

    async def _push_audio(self, pcm: bytes, rate: int) -> None:
        await self.push_audio_frame(frames.InputAudioRawFrame(audio=pcm, sample_rate=rate, num_channels=1))

    async def _feed_slowly(self) -> None:
        """Push pictures, not too often, and texts, once they are taken."""
        last = 0.0
        while True:
            kind, value = await self._slow.get()
            await self._until_ready()
            if kind == "text":
                await self._type(value)
            elif not self._params.video_in_enabled:
                self._owner.notice(
                    "The bot takes no pictures: video_in_enabled is off in its TransportParams."
                )
            else:
                await asyncio.sleep(max(0.0, last + _PICTURE_S - time.monotonic()))
                last = time.monotonic()
                size, pixels = value
                await self.push_video_frame(frames.InputImageRawFrame(image=pixels, size=size, format="RGB"))

    async def _until_ready(self) -> None:
        """Wait until the service takes what comes."""
        began = time.monotonic()
        while not self._owner.is_ready():
            if time.monotonic() - began > _BEGIN_S:
                self._owner.notice(
                    "What you typed waits, since the bot has not begun: queue an LLMRunFrame when the client "
                    "connects."
                )
            await asyncio.sleep(_LOOK_S)

    async def _type(self, text: str) -> None:
        if any(_takes_text(one) for one in self._owner.services()):
            self._owner.output.answer.asked()
            for context in self._owner.contexts():
                context.add_message({"role": "user", "content": text})
            await self.push_frame(frames.InputTextRawFrame(text=text))
            return
        # As Pipecat's own clients do it: the answer that is interrupted goes into the context first.
        await self.broadcast_interruption()
        await self._owner.worker.flush_pipeline()
        message = {"role": "user", "content": text}
        await self.push_frame(frames.LLMMessagesAppendFrame(messages=[message], run_llm=True))


class BotOutput(BaseOutputTransport):
    """Plays what a pipeline says, at the pace of speech, and tells the session of it."""

    def __init__(self, pipeline: BotPipeline, params: TransportParams) -> None:
        super().__init__(params)
        self._owner = pipeline
        self.answer = AnswerGate()
        self._until = 0.0  # When what was played so far has been heard.
        self._said = False  # Whether something was said since the last turn was complete.
        self._answering = False  # An answer has begun to come, and its end has not come out.
        self._speaking = self._interrupting = False
        self._cut = False  # What comes out was taken from the queue before an interruption emptied it.
        self._usage: UsageMetadata | None = None
        self._silence: asyncio.TimerHandle | None = None

    def link(self, processor: Any) -> None:
        """Put it before another processor."""
        _refuse_second_pipeline(self._owner)
        super().link(processor)

    async def start(self, frame: Any) -> None:
        """Begin to play."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def stop(self, frame: Any) -> None:
        """Play the rest, and let it be heard: with the end of the pipeline, the talk ends."""
        await super().stop(frame)
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))

    async def cleanup(self) -> None:
        """Let go of everything."""
        if self._silence is not None:
            self._silence.cancel()
        await super().cleanup()

    async def process_frame(self, frame: Any, direction: Any) -> None:
        """Take frames for playing, without what is left of an answer that the user has stopped."""
        down = direction == FrameDirection.DOWNSTREAM
        if isinstance(frame, frames.InputTextRawFrame):
            return  # As text, it would be taken for the bot's after this.
        if down and isinstance(frame, frames.OutputAudioRawFrame | frames.TextFrame):
            self._cut = False
        if down and isinstance(frame, _answer_frames()):
            if isinstance(frame, frames.LLMFullResponseStartFrame):
                self.answer.begins()
                self._answering = True
            if not self.answer.passes(ends=isinstance(frame, frames.LLMFullResponseEndFrame)):
                return
        if not (down and isinstance(frame, frames.InterruptionFrame)):
            await super().process_frame(frame, direction)
            return
        self._interrupting = True  # The bot stops speaking within, which is not the end of its turn.
        await super().process_frame(frame, direction)
        self._interrupting = False
        self._interrupt()

    async def push_frame(self, frame: Any, direction: Any = None) -> None:
        """Pass a frame on; what is said comes out here with the audio before it, and none after a cut."""
        direction = direction or FrameDirection.DOWNSTREAM
        await super().push_frame(frame, direction)
        if direction != FrameDirection.DOWNSTREAM or (self._cut and isinstance(frame, frames.TextFrame)):
            return
        if isinstance(frame, frames.TTSTextFrame):
            self._said = True
            self._owner.host.post("agent_said", frame.text + " " * (not frame.includes_inter_frame_spaces))
        elif isinstance(frame, frames.LLMTextFrame) and frame.append_to_context:
            # No voice has taken it. Text that is not for the context is repeated by a TTSTextFrame.
            self._said = True
            self._owner.host.post("agent_wrote", frame.text)
        elif isinstance(frame, frames.BotStartedSpeakingFrame):
            self._speaking = True
        elif isinstance(frame, frames.BotStoppedSpeakingFrame):
            self._speaking = False
            self._complete()
        elif isinstance(frame, frames.LLMFullResponseEndFrame):
            self._answering = False
            if not self._speaking:
                self._complete()

    async def write_audio_frame(self, frame: Any) -> bool:
        """Play one chunk, and take as long as it lasts: Pipecat tells by that when the bot speaks."""
        if self._cut and frame.interruptible:
            return False
        is_speech = isinstance(frame, frames.TTSAudioRawFrame | frames.SpeechOutputAudioRawFrame)
        seconds = len(frame.audio) / 2 / frame.num_channels / frame.sample_rate
        now = time.monotonic()
        self._until = max(self._until, now) + seconds
        # With a mixer, a background goes on for ever: it is nobody's turn, and is heard with speech only.
        if is_speech or self._params.audio_out_mixer is None:
            self._said = True
            self._owner.host.post("play", _mono(frame.audio, frame.num_channels), frame.sample_rate)
            if not is_speech:
                self._wait_for_silence()
        await asyncio.sleep(max(0.0, self._until - now - _LEAD_S))
        return True

    def count(self, usage: UsageMetadata) -> None:
        """Keep the token counts of a turn, which are told with its end."""
        self._usage = usage

    def _interrupt(self) -> None:
        by_user, self._owner.stopped_by_user = self._owner.stopped_by_user, False
        self.answer.interrupted(by_user=by_user)
        self._until, self._cut = 0.0, True
        self._speaking = self._answering = False
        if by_user:
            self._said = True  # The session waits for the end of what it has stopped.
        elif self._said:
            self._owner.host.post("interrupted")
        self._complete(force=True)

    def _complete(self, *, force: bool = False) -> None:
        """Tell that a turn is complete, unless its answer goes on, as it may after a pause or a call."""
        if self._said and not self._interrupting and (force or not self._answering):
            self._said = False
            usage, self._usage = self._usage, None
            self._owner.host.post("turn_complete", usage)

    def _wait_for_silence(self) -> None:
        """Pipecat does not tell when audio that is not speech has ended."""
        if self._silence is not None:
            self._silence.cancel()
        loop = asyncio.get_running_loop()
        delay = self._until - time.monotonic() + _SILENCE_S
        self._silence = loop.call_later(delay, lambda: None if self._speaking else self._complete())


class BotObserver(BaseObserver):
    """Tells of transcripts, tools and errors where they are first pushed, in any pipeline."""

    def __init__(self, pipeline: BotPipeline) -> None:
        super().__init__(observe_every_push=False)
        self._owner = pipeline
        self._heard = ""

    async def on_push_frame(self, data: Any) -> None:
        """A frame goes from one processor to another for the first time."""
        frame = data.frame
        # These go one way only, some of them upstream.
        if isinstance(frame, frames.TranscriptionFrame):
            self._on_transcript(frame.text)
        elif isinstance(frame, frames.InterimTranscriptionFrame):
            self._owner.host.post("interim_user_said", frame.text)
        elif isinstance(frame, frames.ErrorFrame):
            self._owner.on_error(frame)
        elif isinstance(frame, frames.MetricsFrame):
            self._on_metrics(frame)
        elif data.direction == FrameDirection.DOWNSTREAM:  # All others are sent both ways.
            self._on_broadcast(frame)

    def _on_transcript(self, text: str) -> None:
        apart = self._heard and not self._heard[-1].isspace() and not text[:1].isspace()
        self._heard = text
        self._owner.host.post("user_said", f" {text}" if apart else text)

    def _on_broadcast(self, frame: Any) -> None:
        post = self._owner.host.post
        if isinstance(frame, frames.FunctionCallInProgressFrame):
            if not self._owner.is_ours(frame.function_name):
                post("tool_started", frame.tool_call_id, frame.function_name, dict(frame.arguments or {}))
        elif isinstance(frame, frames.FunctionCallResultFrame):
            if not self._owner.is_ours(frame.function_name):
                post("tool_finished", frame.tool_call_id, frame.result, error=frame.error)
        elif isinstance(frame, frames.FunctionCallCancelFrame):
            if not self._owner.is_ours(frame.function_name):
                post("tool_finished", frame.tool_call_id, None, error="cancelled")
        elif isinstance(frame, frames.UserStartedSpeakingFrame | frames.UserStoppedSpeakingFrame):
            began = isinstance(frame, frames.UserStartedSpeakingFrame)
            if not self._owner.host.push_to_talk:
                post("user_started_speaking" if began else "user_stopped_speaking")
        elif isinstance(frame, frames.LLMServiceMetadataFrame):
            self._owner.is_realtime = self._owner.is_realtime or frame.is_realtime_service
        elif isinstance(frame, frames.LLMFullResponseStartFrame):
            self._heard = ""

    def _on_metrics(self, frame: Any) -> None:
        for data in frame.data:
            if isinstance(data, LLMUsageMetricsData):
                tokens = data.value
                self._owner.output.count(
                    UsageMetadata(
                        prompt_token_count=tokens.prompt_tokens,
                        response_token_count=tokens.completion_tokens,
                        total_token_count=tokens.total_tokens,
                    )
                )


# --- Small parts


def _refuse_second_pipeline(owner: BotPipeline) -> None:
    if owner.loop is not None and not owner.ended:
        raise UsageError(
            "This LiveWidgetTransport is in a pipeline that runs: end that one first, or make another "
            "transport."
        )


def _flatten(processors: Iterable[Any]) -> Iterator[Any]:
    for one in processors:
        yield one
        yield from _flatten(one.processors)


def _answer_frames() -> tuple[type, ...]:
    """Return the kinds of frames that an answer consists of."""
    return (
        frames.LLMFullResponseStartFrame,
        frames.LLMFullResponseEndFrame,
        frames.LLMTextFrame,
        frames.TTSStartedFrame,
        frames.TTSAudioRawFrame,
        frames.TTSTextFrame,
        frames.TTSStoppedFrame,
    )


def _names(tools: ToolsSchema, *, ours: bool = True) -> set[str]:
    """Return the names of functions, with or without those of the notebook."""
    names = {one.name for one in tools.standard_tools if ours or not hasattr(one.handler, "of_notebook")}
    for native in itertools.chain.from_iterable((tools.custom_tools or {}).values()):
        for key in ("function_declarations", "functionDeclarations"):
            names |= {one.get("name", "") for one in (native.get(key) or []) if isinstance(one, dict)}
    return names


def _schema(declaration: FunctionDeclaration, host: PipelineHost, goes_on: bool) -> FunctionSchema:
    """Return a function of the notebook as Pipecat has them; its handler runs it there.

    With `goes_on`, the model may go on while it runs, if that is how it is declared.
    """
    parameters = parameters_of(declaration)

    async def call(params: Any) -> None:
        await params.result_callback(await host.call(params.function_name, dict(params.arguments)))

    blocks = not (goes_on and declaration.behavior == "NON_BLOCKING")
    tool_options(call, cancel_on_interruption=blocks, timeout_secs=_CALL_S)
    call.of_notebook = True  # type: ignore[attr-defined]
    return FunctionSchema(
        name=declaration.name or "",
        description=declaration.description or "",
        properties=parameters.get("properties") or {},
        required=list(parameters.get("required") or []),
        handler=call,
    )


def _takes_text(service: Any) -> bool:
    """Whether a service takes typed text from the transport; who handles a frame imports its class."""
    modules = (sys.modules.get(kind.__module__) for kind in type(service).__mro__)
    return any(hasattr(module, "InputTextRawFrame") for module in modules)


def _words(text: Any) -> str:
    """Return what a framework says as a part of a sentence.

    Google's SDK begins with a code and a status, which a WebSocket's end has not: "1007 None. …".
    """
    return re.sub(r"^\d+ None\. ", "", " ".join(str(text).split())).rstrip(".")


def _mono(pcm: bytes, channels: int) -> bytes:
    """Return PCM16 as one channel, the mean of all."""
    if channels == 1:
        return pcm
    samples = np.frombuffer(pcm, "<i2").reshape(-1, channels).astype(np.int32)
    mono: bytes = samples.mean(axis=1).round().astype("<i2").tobytes()
    return mono
