"""Pipecat: a bot of one's own in the card, by its function or by its transport.

`PipecatBot(run_bot)` starts the bot anew for each conversation, on the session's loop; `LiveWidgetTransport`
is a transport as Pipecat has them, for a pipeline that runs wherever its owner runs it, such as in a cell.
Both are the same transport. Its input processor feeds the pipeline what the user says, types and shows; its
output processor plays at the pace of speech and tells the session what is said; an observer tells of
transcripts, tools and errors, whatever the pipeline looks like.

The session and the pipeline may run on different event loops: `_Mailbox` carries what one hands to the other,
in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import itertools
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from livewidget.config.code import Call, Name
from livewidget.errors import UsageError
from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun, require
from livewidget.protocol.messages import FunctionDeclaration, UsageMetadata

try:
    from loguru import logger
    from pipecat.adapters.llm.schemas.direct_function import tool_options
    from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
    from pipecat.adapters.llm.schemas.tools_schema import AdapterType, ToolsSchema
    from pipecat.frames import frames
    from pipecat.metrics.metrics import LLMUsageMetricsData
    from pipecat.observers.base_observer import BaseObserver
    from pipecat.pipeline.base_pipeline import BasePipeline
    from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregator
    from pipecat.processors.frame_processor import FrameDirection
    from pipecat.runner.types import RunnerArguments
    from pipecat.services.llm_service import LLMService
    from pipecat.transports.base_input import BaseInputTransport
    from pipecat.transports.base_output import BaseOutputTransport
    from pipecat.transports.base_transport import BaseTransport, TransportParams
    from pipecat.workers.base_worker import BaseWorker
except ImportError:
    BaseInputTransport = BaseObserver = BaseOutputTransport = BaseTransport = object

#: Versions of pipecat-ai that were tried; those of the extra.
TESTED = ">=1.14,<2"
#: Sample rate of the user's audio as sessions send it, in Hz.
INPUT_RATE = 16_000

#: Seconds within which a pipeline with the transport has to run. Chosen: below the 20 s that a session waits,
#: so that the sentence can say what is missing.
_START_S = 18.0
#: Seconds that a service is given to connect before the talk begins all the same. Chosen: long for a
#: connection, short for a person; a bot that waits for something else must not look broken.
_CONNECT_S = 2.0
#: Seconds after which a typed text that still waits for the service is worth a sentence. Chosen.
_BEGIN_S = 10.0
#: Seconds between two looks at whether a service is connected, which Pipecat does not report. Chosen.
_LOOK_S = 0.05
#: Seconds by which audio is ahead of its playback. Chosen: several chunks of 40 ms, and less than the 0.35 s
#: of silence after which Pipecat holds a bot to have stopped (BOT_VAD_STOP_SECS).
_LEAD_S = 0.2
#: Seconds without sound after which audio that is not speech is over. Chosen.
_SILENCE_S = 0.5
#: Seconds without frames of a stopped answer after which the next are another one's. Chosen: a service
#: delivers an answer faster than it is spoken; within that time nobody has asked and been answered.
_GAP_S = 1.0
#: Seconds between two pictures: Pipecat's service for the Live API drops one that comes within a second.
_PICTURE_S = 1.05
#: Seconds of silence that follow the last audio when the microphone pauses, so that whatever listens finds
#: the end of speech. Chosen: longer than the 0.2 s of Pipecat's VAD and the 0.8 s of the Live API's.
_END_SILENCE_S = 1.0
#: Seconds that the bot's own handler has to end it, and that its function may take after the pipeline was
#: cancelled; and what it may take each time that it is cancelled itself. Chosen: 5 s are given to all of it.
_FAREWELL_S = 1.5
_CANCEL_S = 0.8
#: Seconds that the bot's function may go on after its pipeline has ended. Chosen: to save what it has.
_GRACE_S = 5.0
#: Seconds that Pipecat lets a function of the notebook run. Chosen: never; the session has limits of its own,
#: and a person may be asked first.
_CALL_S = 24 * 3600.0
#: Items that may wait for a loop: 160 s of audio in chunks of 40 ms. The oldest is dropped.
_WAITING = 4000

#: What a transport of Pipecat's tells its bot, by the names of Daily's transport and of all others.
_CONNECTED = ("on_first_participant_joined", "on_participant_joined", "on_client_connected")
_DISCONNECTED = ("on_participant_left", "on_client_disconnected")

#: What Pipecat logs of a task or handler that raised, which reaches nobody in another way: who, and what.
_LOGGED = re.compile(
    r"(?P<who>[^\s:]+)(?:::(?P<task>\S+) unexpected exception|: uncaught exception in event handler '\S+')"
    r" \(.*?:\d+\): (?P<words>.*)",
    re.DOTALL,
)


_log = logging.getLogger(__name__)


class PipecatBot(AgentProvider):
    """A Pipecat bot as the other side of a conversation: `LiveWidget(PipecatBot(run_bot))`.

    The function is the one that the bot has for other transports, such as `run_bot(DailyTransport(…))`: it
    makes a pipeline with `transport.input()` and `transport.output()`, and runs it. It is called anew for
    each conversation, on the session's event loop; when that ends, the client disconnects and the pipeline is
    cancelled. The notebook's functions are added to the bot's `LLMContext`.

    Pipecat logs to stderr from DEBUG on, and that is left as it is: `loguru.logger.remove()` in a cell, and
    `logger.add(sys.stderr, level="WARNING")`, make it quiet.

    Args:
        run_bot: `async def run_bot(transport)`, or `run_bot(transport, runner_args)`. An argument
            `handle_sigint` is passed as False.
        name: Its name, which stands before what it says; by default "bot".
        push_to_talk: Whether the bot leaves it to its client to say when the user speaks, as with
            `GeminiLiveLLMService.Settings(vad=GeminiVADParams(disabled=True))`; then the card may have a
            button to talk.

    Raises:
        ExtraMissing: If Pipecat is not installed.
        UsageError: If `run_bot` is not such a function; the message says what to pass instead.
    """

    def __init__(
        self, run_bot: Callable[..., Awaitable[Any]], *, name: str = "", push_to_talk: bool = False
    ) -> None:
        _require("PipecatBot")
        fill = _arguments_of(run_bot)
        super().__init__(
            name or "bot",
            lambda: _BotRun(LiveWidgetTransport(), run_bot, fill),
            kind=_kind(name),
            push_to_talk=push_to_talk,
        )

    def expression(self) -> Call:
        """Return the expression that makes it."""
        return Call("PipecatBot", (Name("run_bot"),))


class LiveWidgetTransport(BaseTransport):
    """A Pipecat transport whose client is a card in the notebook.

    ```python
    transport = LiveWidgetTransport()      # on Daily: DailyTransport(room_url, token, "bot", DailyParams(…))
    live = LiveWidget(transport.provider)  # the card: press ● to join
    await run_bot(transport)               # in a cell, or with asyncio.create_task(…)
    ```

    The pipeline runs where it is run, for instance on the notebook's own loop, and the conversation on the
    background loop. Pressing ● joins: the events `on_client_connected(transport, client)` and, as with Daily,
    `on_first_participant_joined` and `on_participant_joined` are called. When the conversation ends,
    `on_client_disconnected(transport, client)` and `on_participant_left(transport, client, reason)` are; most
    bots end their pipeline there. `client` is `{"id": "notebook"}`. Once a pipeline has ended, another may be
    made with the same transport.

    Args:
        params: As for any transport; by default sound goes both ways, and pictures come in. Rates are the
            pipeline's; what is played is resampled.
        name: Its name, which stands before what it says; by default "bot".
        push_to_talk: As for `PipecatBot`.

    Raises:
        ExtraMissing: If Pipecat is not installed.
    """

    def __init__(
        self, params: TransportParams | None = None, *, name: str = "", push_to_talk: bool = False
    ) -> None:
        _require("LiveWidgetTransport")
        super().__init__()
        self._defined: dict[tuple[str, Any], Any] = {}
        for event in (*_CONNECTED, *_DISCONNECTED):
            self._register_event_handler(event, sync=True)  # In a task of ours, which is waited for.
        self._params = _complete(params)
        self._lock = threading.Lock()
        self._pipeline: _Pipeline | None = None
        self._run: _Run | None = None
        self._provider = AgentProvider(
            name or "bot", lambda: _Run(self), kind=_kind(name), push_to_talk=push_to_talk
        )

    @property
    def provider(self) -> AgentProvider:
        """Whom to talk with: `LiveWidget(transport.provider)`, or `connect(transport.provider)`."""
        return self._provider

    @property
    def tools(self) -> list[FunctionSchema]:
        """The notebook's functions, with handlers that run them there; empty while nobody is connected.

        They are added to the `LLMContext` of a pipeline by themselves. This is for bots that keep their tools
        elsewhere.
        """
        run = self._run
        return [] if run is None else [_schema(one, self) for one in run.declarations]

    def input(self) -> BaseInputTransport:
        """Return the processor with which a pipeline begins."""
        return self._current().input

    def output(self) -> BaseOutputTransport:
        """Return the processor that plays what the pipeline says."""
        return self._current().output

    def add_event_handler(self, event_name: str, handler: Any) -> None:
        """Add a handler; one that is defined again, as in a cell that is run again, replaces the former."""
        key = (event_name, getattr(handler, "__code__", handler))
        if key in self._defined:
            self.remove_event_handler(event_name, self._defined[key])
        self._defined[key] = handler
        super().add_event_handler(event_name, handler)

    def get_client_id(self, client: Any) -> str:
        """Return the id of a client, as passed to the transport's events."""
        return str(client["id"])

    async def capture_participant_video(
        self,
        participant_id: str,
        framerate: int | None = 30,
        video_source: str = "camera",
        *,
        on_request_only: bool = False,
    ) -> None:
        """Do nothing: what the user shows is sent in any case."""

    # --- For the pipeline, on its loop

    def post(self, kind: str, *arguments: Any, **options: Any) -> None:
        """Call a method of `AgentClient` in the session of the client that is connected. Thread-safe."""
        run = self._run
        if run is not None:
            run.mailbox.put((kind, arguments, options))

    def notify(self) -> None:
        """Let a client that waits for the pipeline look again. Thread-safe."""
        run = self._run
        if run is not None:
            run.look()

    @property
    def run(self) -> _Run | None:
        """The client that is connected."""
        return self._run

    # --- For the client, on the session's loop

    @property
    def pipeline(self) -> _Pipeline | None:
        """The pipeline that runs or is about to."""
        pipeline = self._pipeline
        return None if pipeline is None or pipeline.ended else pipeline

    @property
    def failure(self) -> str:
        """Why the last pipeline failed; "" if it did not."""
        return "" if self._pipeline is None else self._pipeline.failure

    def attach(self, run: _Run) -> None:
        """Let a client in.

        Raises:
            UsageError: If there is one already.
        """
        with self._lock:
            if self._run is not None:
                raise UsageError(
                    "This LiveWidgetTransport is in a conversation already: end that one, or make another "
                    "transport for this card."
                )
            self._run = run

    def detach(self, run: _Run) -> None:
        """Let a client go."""
        with self._lock:
            if self._run is run:
                self._run = None

    def _current(self) -> _Pipeline:
        with self._lock:
            if self._pipeline is None or self._pipeline.ended:
                self._pipeline = _Pipeline(self, self._params)
            return self._pipeline


class _Mailbox:
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


async def _on_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop, which may be another one, and return what it returns."""
    if loop is asyncio.get_running_loop():
        return await coroutine
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:  # It is closed.
        coroutine.close()
        raise RuntimeError("the event loop of its pipeline has been closed") from None
    return await asyncio.wrap_future(future)


# --- The client's side, on the session's loop


#: In a run's mailbox: the pipeline has ended.
_ENDED = "ended"


class _Run(AgentRun):
    """One conversation with a pipeline that runs by itself."""

    def __init__(self, transport: LiveWidgetTransport) -> None:
        self._transport = transport
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._joined: _Pipeline | None = None
        self._calls: set[asyncio.Task[Any]] = set()
        self._client: AgentClient | None = None
        self.mailbox = _Mailbox(self._loop)

    @property
    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """The notebook's functions."""
        return () if self._client is None else self._client.declarations

    @property
    def push_to_talk(self) -> bool:
        """Whether the user presses a button to talk."""
        return self._client is not None and self._client.push_to_talk

    def check_names(self, names: Iterable[str]) -> None:
        """Raise `UsageError` if the notebook has a function of one of these names."""
        if self._client is not None:
            self._client.check_names(names)

    def look(self) -> None:
        """Look again at what the pipeline does. Thread-safe."""
        with contextlib.suppress(RuntimeError):  # The session's loop is closed.
            self._loop.call_soon_threadsafe(self._changed.set)

    async def call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a function of the notebook; called on the pipeline's loop."""
        result: dict[str, Any] = await _on_loop(self._loop, self._call(name, args))
        return result

    async def _call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        assert self._client is not None
        task = asyncio.ensure_future(self._client.call_tool(name, args))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return await task

    async def start(self, client: AgentClient) -> None:
        """Join the pipeline: wait until it runs, offer it the notebook's functions, tell it of the client."""
        self._client = client
        self._transport.attach(self)
        try:
            async with asyncio.timeout(_START_S):
                pipeline = await self._running()
        except TimeoutError:
            raise UsageError(self._not_running) from None
        self._joined = pipeline
        await _on_loop(pipeline.loop, pipeline.welcome(self))

    _not_running = (
        "No pipeline runs with this LiveWidgetTransport: run your bot with it, as with await runner.run(), "
        "then press ● again."
    )

    async def _running(self) -> _Pipeline:
        """Return the pipeline once it has started."""
        while True:
            pipeline = self._transport.pipeline
            if pipeline is not None and pipeline.started:
                return pipeline
            self._check()
            self._changed.clear()
            await self._changed.wait()

    def _check(self) -> None:
        """Raise if there is nothing to wait for any more."""

    async def run(self) -> None:
        """Tell the session what the pipeline says and does, until it ends."""
        client = self._client
        assert client is not None
        while True:
            kind, arguments, options = await self.mailbox.get()
            if kind == _ENDED:
                break
            await getattr(client, kind)(*arguments, **options)
        if self._joined is not None and self._joined.failure:
            raise RuntimeError(self._joined.failure)

    async def close(self) -> None:
        """Leave the pipeline, which goes on unless its bot ends it."""
        for task in self._calls:
            task.cancel()
        self._transport.detach(self)
        if self._joined is not None and not self._joined.ended:
            with contextlib.suppress(RuntimeError):
                await _on_loop(self._joined.loop, self._joined.farewell(end=False))

    def _tell(self, kind: str, value: Any = None) -> None:
        """Hand something to the pipeline."""
        if self._joined is not None and not self._joined.ended:
            self._joined.hand(kind, value)

    async def on_audio(self, pcm: bytes, sample_rate: int) -> None:
        """The user's audio, PCM16 mono."""
        self._tell("audio", (pcm, sample_rate))

    async def on_text(self, text: str) -> None:
        """A typed text."""
        self._tell("text", text)

    async def on_image(self, data: bytes, mime_type: str) -> None:
        """A picture, as the page sent it."""
        self._tell("image", await asyncio.to_thread(_pixels, data))

    async def on_activity(self, active: bool) -> None:
        """The button to talk is pressed or released."""
        self._tell("activity", active)

    async def on_audio_end(self) -> None:
        """The microphone pauses."""
        self._tell("pause")

    async def on_interrupt(self) -> None:
        """Stop the answer."""
        if self._joined is not None and not self._joined.ended:
            await _on_loop(self._joined.loop, self._joined.stop_answer())


class _BotRun(_Run):
    """One conversation with a bot that is started for it."""

    def __init__(
        self,
        transport: LiveWidgetTransport,
        run_bot: Callable[..., Awaitable[Any]],
        fill: Mapping[str, Callable[[], Any]],
    ) -> None:
        super().__init__(transport)
        self._run_bot, self._fill = run_bot, fill
        self._bot: asyncio.Task[Any] | None = None

    _not_running = (
        f"The bot has not started a pipeline with the transport it was given within {_START_S:.0f} s: "
        "make one with transport.input() and transport.output(), and run it."
    )

    async def start(self, client: AgentClient) -> None:
        """Start the bot, and join its pipeline."""
        self._client = client  # Known before the bot makes its context: see `LiveWidgetTransport.tools`.
        self._bot = asyncio.create_task(self._guarded(), name="Pipecat bot")
        self._bot.add_done_callback(lambda _: self._changed.set())
        await super().start(client)

    async def _guarded(self) -> None:
        """Run the bot's function; nothing that it raises may end the thread it runs on."""
        try:
            await self._run_bot(self._transport, **{name: make() for name, make in self._fill.items()})
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(f"its function raised {type(error).__name__}") from error
        except (RuntimeError, ValueError) as error:
            # What asyncio and signal say of a handler for Ctrl+C on any other thread.
            if "main thread" not in str(error):
                raise
            raise UsageError(
                "A bot handles no signals here: make its runner with WorkerRunner(handle_sigint=False)."
            ) from error

    def _check(self) -> None:
        if self._bot is not None and self._bot.done():
            self._bot.result()
            raise RuntimeError(
                self._transport.failure
                or "its function returned before it had run a pipeline with the transport it was given"
            )

    async def run(self) -> None:
        """Tell the session what the pipeline says and does, until the bot's function ends or raises."""
        assert self._bot is not None
        delivering = asyncio.ensure_future(super().run())
        try:
            await asyncio.wait({delivering, self._bot}, return_when=asyncio.FIRST_COMPLETED)
            if not delivering.done():  # What it said last comes before its end.
                self.mailbox.put((_ENDED, (), {}))
                await asyncio.wait({delivering})
            elif delivering.exception() is None:
                await asyncio.wait({self._bot}, timeout=_GRACE_S)
        finally:
            delivering.cancel()
        if self._bot.done():
            self._bot.result()
        delivering.result()

    async def close(self) -> None:
        """End the bot: by its own handler, by cancelling its pipeline, by cancelling its function."""
        for task in self._calls:
            task.cancel()
        self._transport.detach(self)
        bot = self._bot
        if bot is None:
            return
        pipeline = self._transport.pipeline
        if pipeline is not None and pipeline.started and not bot.done():
            await pipeline.farewell(end=True)
            await asyncio.wait({bot}, timeout=_FAREWELL_S)
        for _ in range(2):  # Pipecat's runner takes the first as a request to clean up.
            bot.cancel()
            await asyncio.wait({bot}, timeout=_CANCEL_S)
        if not bot.done():
            _log.warning("The bot's function did not end when it was cancelled, and was left to itself.")
        elif not bot.cancelled():
            bot.exception()  # Retrieved, or asyncio would log it: the session has ended.


# --- The pipeline's side, on its loop


class _Pipeline:
    """One life of the two processors: from the pipeline that they are put into to its end.

    Attributes:
        loop: The pipeline's event loop, once it is set up.
        started: Whether it runs.
        ended: Whether it has ended.
        failure: What its processors said when they failed for good; "" if they did not.
        is_realtime: Whether a speech-to-speech service answers, which delivers an answer on its own.
        stopped_by_user: Whether the interruption that comes next is the user's.
    """

    def __init__(self, transport: LiveWidgetTransport, params: TransportParams) -> None:
        self.transport = transport
        self.input = _Input(self, params)
        self.output = _Output(self, params)
        self.loop: Any = None
        self.worker: Any = None
        self.started = self.ended = self.is_realtime = self.stopped_by_user = False
        self.failure = ""
        self._mailbox: _Mailbox | None = None
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
        self._mailbox = _Mailbox(self.loop)
        worker.add_observer(_Observer(self))
        worker.add_event_handler("on_idle_timeout", self._on_idle)
        worker.add_event_handler("on_setup_timeout", self._on_slow_setup)
        self._sink = logger.add(self._on_log, level="ERROR", format="{message}", filter="pipecat")
        run = self.transport.run
        if run is not None:
            # Before the bot can say its first word, which some queue before the pipeline runs.
            try:
                self._offer(run)
            except UsageError as error:
                self._misnamed = error

    def start(self) -> None:
        """It runs."""
        self.started = True
        self.transport.notify()

    def end(self) -> None:
        """It has ended."""
        if self.ended:
            return
        self.ended = True
        if self._sink is not None:
            with contextlib.suppress(ValueError):  # The bot has removed all sinks of the logger.
                logger.remove(self._sink)
        self.transport.post(_ENDED)
        self.transport.notify()

    def fail(self, words: str) -> None:
        """It can do nothing any more."""
        self.failure = self.failure or words
        self.transport.post(_ENDED)
        self.transport.notify()

    def notice(self, text: str) -> None:
        """Show the user a sentence, once."""
        if text not in self._told:
            self._told.add(text)
            self.transport.post("notify", text)

    def post(self, kind: str, *arguments: Any, **options: Any) -> None:
        """Call a method of `AgentClient` in the session. Thread-safe."""
        self.transport.post(kind, *arguments, **options)

    # --- From the client

    def hand(self, kind: str, value: Any) -> None:
        """Hand something to the input processor. Thread-safe."""
        if self._mailbox is not None:
            self._mailbox.put((kind, value))

    async def next(self) -> tuple[str, Any]:
        """Return what the client handed over next."""
        assert self._mailbox is not None
        item: tuple[str, Any] = await self._mailbox.get()
        return item

    async def welcome(self, run: _Run) -> None:
        """Let a client join: offer its functions, call the bot's handlers, wait for the service to connect.

        Raises:
            UsageError: If a function has the name of one of the bot's, or a button to talk cannot work.
            RuntimeError: If the pipeline cannot be talked with.
        """
        if self._misnamed is not None:
            raise self._misnamed
        if run.declarations != self._offered:
            began = [s for s in self.services() if getattr(s, "_context", None) is not None]
            merged = self._offer(run)
            if merged is not None:
                await self.input.push_frame(frames.LLMSetToolsFrame(tools=merged))
            if run.declarations and began and not _takes_new_tools(began):
                self.notice(
                    "The bot's service takes new functions only when its pipeline starts: run it again."
                )
        if run.push_to_talk and any(getattr(s, "_vad_disabled", None) is False for s in self.services()):
            raise UsageError(
                "The bot's service decides itself when you speak: to push a button instead, set "
                "vad=GeminiVADParams(disabled=True) in its settings."
            )
        self._fire(_CONNECTED[self._joined :])
        self._joined = 1  # The first participant joins once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_S):
                while not self.is_ready() and not self.ended:
                    self._check_connection()
                    await asyncio.sleep(_LOOK_S)
        self._check_connection()

    async def farewell(self, *, end: bool) -> None:
        """Let the client go: call the bot's handlers, and end the pipeline if it is `end`."""
        self._fire(_DISCONNECTED)
        if self._handlers:
            await asyncio.wait(set(self._handlers), timeout=_FAREWELL_S)
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
            task = asyncio.ensure_future(self.transport._call_event_handler(event, *arguments))
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)

    @property
    def push_to_talk(self) -> bool:
        """Whether the user presses a button to talk."""
        run = self.transport.run
        return run is not None and run.push_to_talk

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

    def _check_connection(self) -> None:
        """Raise `RuntimeError` if the only service could not connect."""
        if self.failure:
            raise RuntimeError(self.failure)

    # --- The notebook's functions

    def _offer(self, run: _Run) -> ToolsSchema | None:
        """Add the notebook's functions to the bot's contexts; return all tools, if there is a context.

        Raises:
            UsageError: If a function has the name of one of the bot's.
        """
        self._offered = run.declarations
        contexts = self.contexts()
        if not run.declarations:
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
            run.check_names(_names(own, ours=False))
            merged = self.with_tools(own)
            context.set_tools(merged)
        return merged

    def _service_tools(self) -> ToolsSchema:
        """Return the tools that services were made with: a context with tools takes their place."""
        for service in self.services():
            tools = service._service_tools()
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
        ours = [_schema(one, self.transport) for one in self._offered if one.name not in known]
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
        elif who == self.transport.name or who in {one.name for one in self._processors()}:
            self.notice(f"A part of the bot failed: {words}.")

    async def _on_idle(self, worker: Any) -> None:
        self.notice(
            "Nobody has spoken for so long that Pipecat ends the bot: PipelineWorker(…, "
            "idle_timeout_secs=None) lets it wait."
        )

    async def _on_slow_setup(self, worker: Any) -> None:
        self.fail("its pipeline was not set up in time: a processor waits for a connection")


class _Answer:
    """Tells the answer that the user has stopped from the next one.

    A speech-to-speech service cannot be told to be quiet: after an interruption that it did not cause, it
    goes on delivering the same answer, until `LLMFullResponseEndFrame`. If it had sent everything already,
    neither anything of it nor that frame comes; so a pause ends it as well.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stopping = False
        self._last = 0.0
        self.responding = False

    def stop(self) -> None:
        """The user has stopped the answer."""
        if self.responding:
            self._stopping, self._last = True, self._clock()
        self.responding = False

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
        if self._stopping and now - self._last > _GAP_S:
            self._stopping = False
        passes, self._last = not self._stopping, now
        if ends:
            self._stopping = self.responding = False
        return passes


class _Input(BaseInputTransport):
    """Feeds a pipeline what the user says, types and shows."""

    def __init__(self, pipeline: _Pipeline, params: TransportParams) -> None:
        super().__init__(params)
        self._owner = pipeline
        self._feeding: list[Any] = []
        self._slow: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(maxsize=64)

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
            kind, value = await self._owner.next()
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
            else:
                if self._slow.full():
                    self._slow.get_nowait()
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
            for context in self._owner.contexts():
                context.add_message({"role": "user", "content": text})
            await self.push_frame(frames.InputTextRawFrame(text=text))
            return
        # As Pipecat's own clients do it: the answer that is interrupted goes into the context first.
        await self.broadcast_interruption()
        await self._owner.worker.flush_pipeline()
        message = {"role": "user", "content": text}
        await self.push_frame(frames.LLMMessagesAppendFrame(messages=[message], run_llm=True))


class _Output(BaseOutputTransport):
    """Plays what a pipeline says, at the pace of speech, and tells the session of it."""

    def __init__(self, pipeline: _Pipeline, params: TransportParams) -> None:
        super().__init__(params)
        self._owner = pipeline
        self.answer = _Answer()
        self._until = 0.0  # When what was played so far has been heard.
        self._said = False  # Whether something was said since the last turn was complete.
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
            self._owner.post("agent_said", frame.text + " " * (not frame.includes_inter_frame_spaces))
        elif isinstance(frame, frames.LLMTextFrame) and frame.append_to_context:
            # No voice has taken it. Text that is not for the context is repeated by a TTSTextFrame.
            self._said = True
            self._owner.post("agent_wrote", frame.text)
        elif isinstance(frame, frames.BotStartedSpeakingFrame):
            self._speaking = True
        elif isinstance(frame, frames.BotStoppedSpeakingFrame):
            self._speaking = False
            self._complete()
        elif isinstance(frame, frames.LLMFullResponseEndFrame) and not self._speaking:
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
            self._owner.post("play", _mono(frame.audio, frame.num_channels), frame.sample_rate)
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
        self._until, self._speaking, self._cut = 0.0, False, True
        if by_user:
            self._said = True  # The session waits for the end of what it has stopped.
        elif self._said:
            self._owner.post("interrupted")
        self._complete(force=True)

    def _complete(self, *, force: bool = False) -> None:
        """Tell that a turn is complete, unless its answer goes on, as it may after a pause or a call."""
        if self._said and not self._interrupting and (force or not self.answer.responding):
            self._said = False
            usage, self._usage = self._usage, None
            self._owner.post("turn_complete", usage)

    def _wait_for_silence(self) -> None:
        """Pipecat does not tell when audio that is not speech has ended."""
        if self._silence is not None:
            self._silence.cancel()
        loop = asyncio.get_running_loop()
        delay = self._until - time.monotonic() + _SILENCE_S
        self._silence = loop.call_later(delay, lambda: None if self._speaking else self._complete())


class _Observer(BaseObserver):
    """Tells of transcripts, tools and errors where they are first pushed, in any pipeline."""

    def __init__(self, pipeline: _Pipeline) -> None:
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
            self._owner.post("interim_user_said", frame.text)
        elif isinstance(frame, frames.ErrorFrame):
            self._owner.on_error(frame)
        elif isinstance(frame, frames.MetricsFrame):
            self._on_metrics(frame)
        elif data.direction == FrameDirection.DOWNSTREAM:  # All others are sent both ways.
            self._on_broadcast(frame)

    def _on_transcript(self, text: str) -> None:
        apart = self._heard and not self._heard[-1].isspace() and not text[:1].isspace()
        self._heard = text
        self._owner.post("user_said", f" {text}" if apart else text)

    def _on_broadcast(self, frame: Any) -> None:
        post = self._owner.post
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
            if not self._owner.push_to_talk:
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


def _require(what: str) -> None:
    require("pipecat-ai", extra="pipecat", tested=TESTED, what=what)


def _kind(name: str) -> str:
    """Return what stands before its name, "bot" if it has none: "The Pipecat bot lamp", "The Pipecat bot"."""
    return "Pipecat bot" if name else "Pipecat"


def _arguments_of(run_bot: Any) -> dict[str, Callable[[], Any]]:
    """Return how to make the arguments that a bot's function takes besides its transport.

    Raises:
        UsageError: If it is no such function; the message says what to pass instead.
    """
    example = "async def run_bot(transport)"
    if isinstance(run_bot, LiveWidgetTransport):
        raise UsageError("A LiveWidgetTransport has a provider of its own: LiveWidget(transport.provider).")
    if inspect.iscoroutine(run_bot):
        run_bot.close()
        raise UsageError(
            "PipecatBot calls the bot's function itself: leave out the parentheses, PipecatBot(run_bot)."
        )
    if isinstance(run_bot, BaseTransport | BasePipeline | BaseWorker | LLMService):
        kind = type(run_bot).__name__
        raise UsageError(
            f"PipecatBot takes the function that makes and runs the bot, {example}, and not {kind}; a "
            "pipeline that you run yourself takes a LiveWidgetTransport."
        )
    if inspect.isclass(run_bot) or not callable(run_bot):
        kind = f"the class {run_bot.__name__}" if inspect.isclass(run_bot) else type(run_bot).__name__
        raise UsageError(f"PipecatBot takes the bot's function, {example}, and not {kind}.")
    if not inspect.iscoroutinefunction(run_bot) and not inspect.iscoroutinefunction(type(run_bot).__call__):
        raise UsageError(f"The bot's function must be a coroutine function: {example}.")
    parameters = list(inspect.signature(run_bot).parameters.values())
    if not parameters:
        raise UsageError(f"The bot's function must take the transport: {example}.")
    transport, *others = parameters
    if transport.name in ("runner_args", "args") or "RunnerArguments" in str(transport.annotation):
        raise UsageError(
            f"{_name_of(run_bot)} makes a transport of its own: pass the function that takes the transport, "
            f"{example}."
        )
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    fill: dict[str, Callable[[], Any]] = {}
    for one in others:
        if one.name == "handle_sigint":
            fill[one.name] = bool
        elif one.name in ("runner_args", "args") or "RunnerArguments" in str(one.annotation):
            fill[one.name] = _runner_arguments
        elif one.default is inspect.Parameter.empty and one.kind not in kinds:
            name = _name_of(run_bot)
            raise UsageError(
                f"{name} takes more than the transport: PipecatBot(functools.partial({name}, {one.name}=…))."
            )
    return fill


def _name_of(function: Any) -> str:
    named = getattr(function, "func", function)  # that of a partial
    return str(getattr(named, "__name__", "run_bot"))


def _runner_arguments() -> RunnerArguments:
    """Return what Pipecat's runner passes to a bot; it may be idle, since a person ends the talk here."""
    arguments = RunnerArguments()
    arguments.pipeline_idle_timeout_secs = None
    return arguments


def _complete(params: TransportParams | None) -> TransportParams:
    """Return parameters with what a card is able to do, where the caller says nothing of it."""
    wanted = {
        "audio_in_enabled": True,
        "audio_out_enabled": True,
        "video_in_enabled": True,
        # There is nobody who would miss silence after the end, and it takes as long as it lasts.
        "audio_out_end_silence_secs": 0,
    }
    if params is None:
        return TransportParams(**wanted)
    if not isinstance(params, TransportParams):
        raise UsageError(f"params is a TransportParams of Pipecat's, not {type(params).__name__}.")
    return params.model_copy(
        update={name: value for name, value in wanted.items() if name not in params.model_fields_set}
    )


def _refuse_second_pipeline(owner: _Pipeline) -> None:
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


def _schema(declaration: FunctionDeclaration, transport: LiveWidgetTransport) -> FunctionSchema:
    """Return a function of the notebook as Pipecat has them; its handler runs it there."""
    parameters = _lower(declaration.parameters_json_schema or declaration.parameters or {})
    pipeline = transport.pipeline
    services = [] if pipeline is None else pipeline.services()
    goes_on = declaration.behavior == "NON_BLOCKING" and all(
        one.accepts_intermediate_function_call_results for one in services
    )

    async def call(params: Any) -> None:
        await params.result_callback(await _call(transport, params.function_name, dict(params.arguments)))

    tool_options(call, cancel_on_interruption=not goes_on, timeout_secs=_CALL_S)
    call.of_notebook = True  # type: ignore[attr-defined]
    return FunctionSchema(
        name=declaration.name or "",
        description=declaration.description or "",
        properties=parameters.get("properties") or {},
        required=list(parameters.get("required") or []),
        handler=call,
    )


async def _call(transport: LiveWidgetTransport, name: str, args: dict[str, Any]) -> dict[str, Any]:
    run = transport.run
    if run is None:
        return {"error": "nobody is connected"}
    try:
        return await run.call(name, args)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # By the pipeline: an interruption, its end.
        return {"error": "the user has left"}


def _lower(schema: Any) -> Any:
    """Return a schema with its types as JSON Schema spells them; the Live API takes capitals as well."""
    if isinstance(schema, dict):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _lower(value)
            for key, value in schema.items()
        }
    return [_lower(one) for one in schema] if isinstance(schema, list) else schema


def _modules(service: Any) -> Iterator[Any]:
    return (sys.modules.get(kind.__module__) for kind in type(service).__mro__)


def _takes_text(service: Any) -> bool:
    """Whether a service takes typed text from the transport; who handles a frame imports its class."""
    return any(hasattr(module, "InputTextRawFrame") for module in _modules(service))


def _takes_new_tools(services: Iterable[Any]) -> bool:
    """Whether services take other tools while they are connected; who handles that frame asks for a sync."""
    return not any(
        getattr(module, "__name__", "").startswith("pipecat.services.google.gemini_live")
        for one in services
        for module in _modules(one)
    )


def _words(text: Any) -> str:
    """Return what a framework says as a part of a sentence.

    Google's SDK begins with a code and a status, which a WebSocket's end has not: "1007 None. …".
    """
    return re.sub(r"^\d+ None\. ", "", " ".join(str(text).split())).rstrip(".")


def _pixels(data: bytes) -> tuple[tuple[int, int], bytes]:
    """Return the size of a picture and its pixels, RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGB").tobytes()


def _mono(pcm: bytes, channels: int) -> bytes:
    """Return PCM16 as one channel, the mean of all."""
    if channels == 1:
        return pcm
    samples = np.frombuffer(pcm, "<i2").reshape(-1, channels).astype(np.int32)
    mono: bytes = samples.mean(axis=1).round().astype("<i2").tobytes()
    return mono
