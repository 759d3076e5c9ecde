"""Pipecat: a bot of one's own in the card, by its function or by its transport.

`PipecatBot(run_bot)` starts the bot anew for each conversation, on the session's loop; `LiveWidgetTransport`
is a transport as Pipecat has them, for a pipeline that runs wherever its owner runs it, such as in a cell.
Both are the same transport; its processors are in `pipecat_pipeline`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from PIL import Image

from livewidget.config.code import Call, Name
from livewidget.errors import UsageError
from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun, require
from livewidget.integrations.pipecat_pipeline import (
    CONNECTED,
    DISCONNECTED,
    ENDED,
    FAREWELL_S,
    BotPipeline,
    Mailbox,
    run_on_loop,
)
from livewidget.protocol.messages import FunctionDeclaration

try:
    from pipecat.pipeline.base_pipeline import BasePipeline
    from pipecat.runner.types import RunnerArguments
    from pipecat.services.llm_service import LLMService
    from pipecat.transports.base_input import BaseInputTransport
    from pipecat.transports.base_output import BaseOutputTransport
    from pipecat.transports.base_transport import BaseTransport, TransportParams
    from pipecat.workers.base_worker import BaseWorker
except ImportError:
    BaseTransport = object

#: Supported: from the version that `make clients` runs to the next major one, as in the extra `pipecat`.
TESTED = ">=1.14,<2"

#: Seconds within which a pipeline with the transport has to run. Chosen: below the 20 s that a session waits,
#: so that the sentence can say what is missing.
_START_S = 18.0
#: Seconds that the bot's function may go on after its pipeline has ended. Chosen: to save what it has.
_GRACE_S = 5.0
#: Seconds that the bot's function may take each time that it is cancelled. Chosen: see `FAREWELL_S`.
_CANCEL_S = 0.8

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
        given = {"name": name, "push_to_talk": push_to_talk}
        fill = _arguments_of(run_bot)
        super().__init__(
            name or "bot",
            lambda: _BotRun(LiveWidgetTransport(), run_bot, fill),
            kind=_kind(name),
            push_to_talk=push_to_talk,
        )
        self._keywords = {key: value for key, value in given.items() if value}

    def expression(self) -> Call:
        """Return the Python that makes it; `run_bot` is the user's."""
        return Call("PipecatBot", (Name("run_bot"),), self._keywords)


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
        for event in (*CONNECTED, *DISCONNECTED):
            self._register_event_handler(event, sync=True)  # In a task of ours, which is waited for.
        self._params = _complete(params)
        self._lock = threading.Lock()
        self._pipeline: BotPipeline | None = None
        self._run: _PipelineRun | None = None
        self._provider = AgentProvider(
            name or "bot", lambda: _PipelineRun(self), kind=_kind(name), push_to_talk=push_to_talk
        )

    @property
    def provider(self) -> AgentProvider:
        """Whom to talk with: `LiveWidget(transport.provider)`, or `connect(transport.provider)`."""
        return self._provider

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

    # --- For its pipeline, as `PipelineHost`

    @property
    def declarations(self) -> tuple[FunctionDeclaration, ...]:
        """The notebook's functions; none while nobody is connected."""
        client = None if self._run is None else self._run.client
        return () if client is None else client.declarations

    @property
    def push_to_talk(self) -> bool:
        """Whether the user presses a button to talk."""
        client = None if self._run is None else self._run.client
        return client is not None and client.push_to_talk

    def check_names(self, names: Iterable[str]) -> None:
        """Raise `UsageError` if the notebook has a function of one of these names."""
        if self._run is not None and self._run.client is not None:
            self._run.client.check_names(names)

    async def call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a function of the notebook; return its response, or why there is none."""
        run = self._run
        if run is None:
            return {"error": "nobody is connected"}
        try:
            return await run.call(name, args)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # By the pipeline: an interruption, its end.
            return {"error": "the user has left"}

    async def call_handlers(self, event: str, *arguments: Any) -> None:
        """Call the bot's handlers of an event, and wait for them."""
        await self._call_event_handler(event, *arguments)

    def post(self, kind: str, *arguments: Any, **options: Any) -> None:
        """Call a method of `AgentClient` in the session of who is connected. Thread-safe."""
        run = self._run
        if run is not None:
            run.mailbox.put((kind, arguments, options))

    def notify(self) -> None:
        """Let whoever waits for the pipeline look again. Thread-safe."""
        run = self._run
        if run is not None:
            run.look()

    # --- For the client, on the session's loop

    @property
    def pipeline(self) -> BotPipeline | None:
        """The pipeline that runs or is about to."""
        pipeline = self._pipeline
        return None if pipeline is None or pipeline.ended else pipeline

    @property
    def failure(self) -> str:
        """Why the last pipeline failed; "" if it did not."""
        return "" if self._pipeline is None else self._pipeline.failure

    def attach(self, run: _PipelineRun) -> None:
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

    def detach(self, run: _PipelineRun) -> None:
        """Let a client go."""
        with self._lock:
            if self._run is run:
                self._run = None

    def _current(self) -> BotPipeline:
        with self._lock:
            if self._pipeline is None or self._pipeline.ended:
                self._pipeline = BotPipeline(self, self._params)
            return self._pipeline


# --- The client's side, on the session's loop


class _PipelineRun(AgentRun):
    """One conversation with a pipeline that runs by itself."""

    def __init__(self, transport: LiveWidgetTransport) -> None:
        self._transport = transport
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._joined: BotPipeline | None = None
        self._calls: set[asyncio.Task[Any]] = set()
        self.client: AgentClient | None = None
        self.mailbox = Mailbox(self._loop)

    def look(self) -> None:
        """Look again at what the pipeline does. Thread-safe."""
        with contextlib.suppress(RuntimeError):  # The session's loop is closed.
            self._loop.call_soon_threadsafe(self._changed.set)

    async def call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Run a function of the notebook; called on the pipeline's loop."""
        result: dict[str, Any] = await run_on_loop(self._loop, self._call(name, args))
        return result

    async def _call(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        assert self.client is not None
        task = asyncio.ensure_future(self.client.call_tool(name, args))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return await task

    async def start(self, client: AgentClient) -> None:
        """Join the pipeline: wait until it runs, offer it the notebook's functions, tell it of the client."""
        self.client = client
        self._transport.attach(self)
        try:
            async with asyncio.timeout(_START_S):
                pipeline = await self._running()
        except TimeoutError:
            raise UsageError(self._not_running) from None
        self._joined = pipeline
        await run_on_loop(pipeline.loop, pipeline.welcome())

    _not_running = (
        "No pipeline runs with this LiveWidgetTransport: run your bot with it, as with await runner.run(), "
        "then press ● again."
    )

    async def _running(self) -> BotPipeline:
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
        client = self.client
        assert client is not None
        while True:
            kind, arguments, options = await self.mailbox.get()
            if kind == ENDED:
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
                await run_on_loop(self._joined.loop, self._joined.farewell(end=False))

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
            await run_on_loop(self._joined.loop, self._joined.stop_answer())


class _BotRun(_PipelineRun):
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
        self.client = client
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
                self.mailbox.put((ENDED, (), {}))
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
            await asyncio.wait({bot}, timeout=FAREWELL_S)
        for _ in range(2):  # Pipecat's runner takes the first as a request to clean up.
            bot.cancel()
            await asyncio.wait({bot}, timeout=_CANCEL_S)
        if not bot.done():
            _log.warning("The bot's function did not end when it was cancelled, and was left to itself.")
        elif not bot.cancelled():
            bot.exception()  # Retrieved, or asyncio would log it: the session has ended.


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


def _pixels(data: bytes) -> tuple[tuple[int, int], bytes]:
    """Return the size of a picture and its pixels, RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGB").tobytes()
