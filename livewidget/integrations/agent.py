"""Somebody's agent as a provider: what a bridge to a framework is made of.

A bridge is one subclass of `AgentRun`, which passes on what the user does, and one of `AgentProvider`, which
says what the agent takes; docs/agents.md shows how to write one. An `AgentProvider` is given to `LiveWidget`
or `connect` like any other provider. It dials no server: it makes a run, and serves the other end of a
transport within this process, in the wire format of the Live API. What the user does comes in as frames and
goes out as calls of the run; what the agent does comes in as calls of `AgentClient` and goes out as frames,
so that turns, transcript, tools and wire log are the same as with a service.

A dial is one run. When that ends, for whatever reason, the session does; nothing is dialled again.
"""
# ruff: noqa: B027 - what a run may leave out has a default that does nothing.

from __future__ import annotations

import asyncio
import contextlib
import difflib
import inspect
import itertools
import logging
import re
import traceback
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from functools import partial
from importlib import metadata
from typing import Any, Final

import msgspec

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.clock import Clock, SystemClock
from livewidget.connection.provider import Provider
from livewidget.errors import (
    AgentEnded,
    AgentFailed,
    ConfigError,
    ExtraMissing,
    LiveError,
    StateError,
    UsageError,
)
from livewidget.models import Model, agent_model
from livewidget.models.features import FEATURES_BY_NAME
from livewidget.protocol.codec import decode_client, encode_json, pcm_rate
from livewidget.protocol.inspect import redact
from livewidget.protocol.messages import (
    AgentEvent,
    AgentToolResult,
    Blob,
    ClientMessage,
    Content,
    FunctionCall,
    FunctionDeclaration,
    FunctionResponse,
    Part,
    ServerContent,
    ServerMessage,
    Setup,
    SetupComplete,
    Tool,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UsageMetadata,
    VoiceActivity,
)
from livewidget.text import capitalized, plain
from livewidget.tools import describe_error
from livewidget.transports.base import Transport, TransportClosed
from livewidget.transports.memory import MemoryTransport, ServedTransport

#: Sample rate in Hz at which audio goes to the user: that of the Live API's output.
RATE: Final = 24_000
#: Seconds that a run may take to start. Chosen: a framework connects to its model first, and a person waits.
READY_S: Final = 20.0
#: Seconds that a run may take to close. Chosen: frameworks say goodbye to their servers; whoever ends a talk
#: waits for it when the next one begins.
CLOSE_S: Final = 5.0
#: Seconds that what was cancelled may take to end, until it is left to itself. Chosen: told twice.
CANCEL_S: Final = 1.0
#: Length in bytes of the pieces in which audio goes to the user. Chosen: half a second, so that a long answer
#: neither holds up the loop nor goes on after it was stopped.
PIECE_BYTES: Final = RATE
#: Things the user did that may wait for a run. Chosen: 20 s of audio in pieces of 40 ms.
WAITING: Final = 500
#: Silence in the agent's output, in ms, after which an answer that was stopped is over, if the user has gone
#: on meanwhile. Chosen: an answer that is going on has no such gap; the next one needs longer to begin.
STOPPED_GAP_MS: Final = 1000.0
#: Time after an answer, in ms, in which words of the user's belong to its question. Chosen: transcripts are
#: seldom later, and nobody asks anew sooner.
LATE_MS: Final = 1000.0
#: Longest words of an agent in a sentence, and longest traceback, in characters. Chosen.
WORDS_LENGTH: Final = 160
DETAILS_LENGTH: Final = 8_000
#: Longest result of an agent's own tool that is shown, in bytes of JSON. Chosen: a page of a transcript.
RESULT_BYTES: Final = 100_000
#: A path: it names folders of this computer, and means nothing to anybody else.
_PATH: Final = re.compile(r"(?<![\w:/\\])(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\][\w.~+@-]+){2,}[/\\]?")
#: Exceptions whose names say no more than their words do.
_PLAIN_ERRORS: Final = (Exception, RuntimeError, ValueError)

_log = logging.getLogger(__name__)
_warned: set[str] = set()


class AgentRun(ABC):
    """One conversation with somebody's agent, from the user's first word to the last.

    It is made anew for each conversation. All of its methods are called on the event loop of the session,
    and so must those of `AgentClient` be. What any of them raises ends the conversation, and its first line
    is shown to the user; only `start` and `close` have to be there.

    Audio, text, pictures and marks come one after the other, in the order in which the user sent them: the
    next call waits for the last one to return. `on_interrupt`, `on_played` and results of `call_tool` do not
    wait for these. `start`, `run` and `close` are called by different tasks: what has to be left by the task
    that entered it, such as a task group, belongs into `run`.
    """

    @abstractmethod
    async def start(self, client: AgentClient) -> None:
        """Begin; return once the agent can be talked to, within 20 s. Raise to refuse.

        Args:
            client: The user. What it is told before this returns, it gets right after.
        """

    async def run(self) -> None:
        """Go on until the agent ends the conversation (return) or fails (raise).

        It runs beside all other calls once `start` has returned, and is cancelled after `close`. By default
        it waits for ever, so that only the user ends the conversation.
        """
        await asyncio.Event().wait()

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything: tasks, threads, sockets. Called once, however far `start` got.

        It may take 5 s; then it is cancelled, and the session goes on without it.
        """

    async def on_audio(self, pcm: bytes, sample_rate: int) -> None:
        """Hear the user: PCM16, little-endian, mono, at `sample_rate` Hz (16000), 40 to 100 ms of it."""

    async def on_audio_end(self) -> None:
        """The microphone pauses: what came so far is all there is."""

    async def on_activity(self, active: bool) -> None:
        """With push-to-talk, the user begins (True) or has finished (False) to speak."""

    async def on_text(self, text: str) -> None:
        """Read what the user typed, and answer it."""

    async def on_image(self, data: bytes, mime_type: str) -> None:
        """Look at a picture, usually JPEG: camera, screen or what was shown. It asks for no answer."""

    async def on_interrupt(self) -> None:
        """The user pressed Interrupt (Escape, `live.interrupt()`): end this answer.

        What is still sent of it reaches nobody, until `turn_complete` or `interrupted`, or until the user
        has gone on and nothing has come for a second.
        """

    async def on_played(self, ms: float) -> None:
        """The user has heard so much of all the audio that this run has sent, in ms.

        It comes a few times a second while something plays. Audio that an interruption cut off is never
        counted. A page says what it has played; where there is none, the clock does.
        """

    async def on_tools(self, declarations: tuple[FunctionDeclaration, ...]) -> None:
        """The notebook's functions are others now. Called where the provider `takes_new_tools` only."""


class AgentClient:
    """The user of an agent, as the agent sees it: what is said here is heard, shown and done over there.

    An answer is any number of `play` and `agent_said` in any order, then `turn_complete`. Methods may be
    called at any time, by any task of the session's loop; after the end of the conversation they do nothing.
    On another loop, or in another thread, they raise UsageError.

    Attributes:
        setup: What the session asks for, as on the wire: turn detection, instruction.
        declarations: The notebook's functions that the agent may call; `parameters_json_schema` or
            `parameters` has the schema of their arguments.
        push_to_talk: Whether the user says when speech begins and ends.
        played_ms: How much of all the audio sent the user has heard, in ms; see `AgentRun.on_played`.
    """

    def __init__(self, transport: Transport, setup: Setup, clock: Clock) -> None:
        """Serve the agent's end of a transport; made by `AgentProvider`."""
        self.setup = setup
        self.declarations = _declarations(setup.tools)
        detection = setup.realtime_input_config and setup.realtime_input_config.automatic_activity_detection
        self.push_to_talk = bool(detection and detection.disabled)
        self.played_ms = 0.0
        self._transport = transport
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._is_closed = False  # The conversation has ended, and nobody answers calls any more.
        self._is_over = False  # The run is closed, too.
        self._has_begun = False  # `start` has returned.
        self._held: list[ServerMessage] | None = []  # until then, and until these are sent
        self._numbers = itertools.count(1)
        self._calls: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: asyncio.Future[None] = self._loop.create_future()
        self._remote: dict[str, str] = {}  # names of its own tools, by id
        self._running: set[str] = set()  # ids of those that run
        self._resampler: tuple[int, Resampler] | None = None
        self._answering = False  # Something of an answer was sent that is not complete.
        self._stopped = False  # The user has stopped it, and what comes belongs to that answer still.
        self._went_on = False  # The user has said or typed something since.
        self._acted = False  # It has called something since, which the user sees.
        self._asked = False  # The user waits for an answer, as far as is known.
        self._cut = False  # An answer was interrupted, which completes it, and nothing of the next has come.
        self._output_ms = 0.0  # when the agent last sent something of an answer
        self._ended_ms = 0.0  # when its last answer was complete

    # What the agent says.

    async def play(self, pcm: Any, sample_rate: int = RATE) -> None:
        """Let the user hear audio. It may come faster than it is spoken: it is played in its time.

        Args:
            pcm: PCM16, little-endian, mono bytes; or an array, mono of shape `(n,)` or stereo of shape
                `(n, 2)` or `(2, n)`, of floats (-1 to 1) or integers (full scale of their type). Any length.
            sample_rate: Its rate in Hz, 1,000 to 768,000; another one than 24,000 is converted.

        Raises:
            AudioError: If it is something else, such as an odd number of bytes.
            UsageError: If it is text, or has more than two channels.
        """
        await self._play(self._convert(pcm, sample_rate))

    async def _play(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self._is_stale():
                return
            blob = Blob(data=data[start : start + PIECE_BYTES], mime_type=f"audio/pcm;rate={RATE}")
            await self._content(model_turn=Content(role="model", parts=[Part(inline_data=blob)]))

    async def agent_said(self, text: str, *, finished: bool = False) -> None:
        """Show a fragment of what the agent says, to append; together with its audio, or before or after it.

        Args:
            text: With its spaces: the fragments are put together as they are.
            finished: Whether it is the last one of this answer, if that is known.
        """
        await self._answer(output_transcription=_transcription(text, finished))

    async def agent_wrote(self, text: str) -> None:
        """Show a fragment of an answer that is not spoken, to append."""
        _check_text(text)
        await self._answer(model_turn=Content(role="model", parts=[Part(text=text)]))

    async def thought(self, text: str) -> None:
        """Show a fragment of a summary of what the agent thinks, which is no part of its answer."""
        _check_text(text)
        await self._answer(model_turn=Content(role="model", parts=[Part(text=text, thought=True)]))

    async def grounding(self, grounding_metadata: Mapping[str, Any]) -> None:
        """Name the sources of the answer, as the Live API does in `groundingMetadata`."""
        await self._answer(grounding_metadata=dict(grounding_metadata))

    async def interrupted(self) -> None:
        """The agent was interrupted: what has not been played is not played any more.

        It completes the answer, too: what is said from now on belongs to the next one. After
        `AgentRun.on_interrupt` it says that nothing more comes of the answer that was stopped.
        """
        is_known = self._stopped and not self._acted
        self._end_answer()
        self._cut = True
        if not is_known:
            await self._content(interrupted=True, turn_complete=True)

    async def turn_complete(self, usage: UsageMetadata | None = None, *, reason: str = "") -> None:
        """The answer is complete: all of it was sent. It may go on being played.

        Args:
            usage: How many tokens it took, if the framework says so.
            reason: Why it ended early, in the Live API's words, such as "MALFORMED_FUNCTION_CALL".
        """
        if self._resampler is not None and not self._stopped:
            await self._play(to_pcm16(self._resampler[1].flush()))  # What no later piece has completed.
        is_known = self._cut or (self._stopped and not self._acted)
        self._end_answer()
        content = None
        if not is_known:
            content = ServerContent(turn_complete=True, turn_complete_reason=reason or None)
        if content is not None or usage is not None:
            await self._send(ServerMessage(server_content=content, usage_metadata=usage))

    async def usage(self, usage: UsageMetadata) -> None:
        """Tell how many tokens were used since the last time, where a framework says so by itself."""
        await self._send(ServerMessage(usage_metadata=usage))

    # What the user said, as the agent understood it.

    async def user_said(self, text: str, *, finished: bool = False) -> None:
        """Show a fragment of what the user said, to append; `finished`: it is the last one, if known."""
        if not self._answering and self._clock.now_ms() - self._ended_ms >= LATE_MS:
            self._asked = True
        self._went_on = True
        await self._content(input_transcription=_transcription(text, finished))

    async def interim_user_said(self, text: str) -> None:
        """Show what the user is saying, provisionally; replaces what this said before."""
        await self._content(interim_input_transcription=_transcription(text, False))

    async def user_started_speaking(self) -> None:
        """The user began to speak, as the agent found. Not needed where it does not say so."""
        self._go_on()
        await self._send(ServerMessage(voice_activity=VoiceActivity(type="ACTIVITY_START")))

    async def user_stopped_speaking(self) -> None:
        """The user finished speaking, as the agent found. Not needed where it does not say so."""
        await self._send(ServerMessage(voice_activity=VoiceActivity(type="ACTIVITY_END")))

    # Tools.

    def check_names(self, names: Iterable[str]) -> None:
        """Make sure that no tool of the agent's has the name of a function of the notebook's.

        Raises:
            UsageError: If one has, or `names` is a single str.
        """
        if isinstance(names, str):
            raise UsageError(f"check_names takes a list of names, such as [{names[:64]!r}], not a str.")
        double = sorted({one.name for one in self.declarations if one.name} & set(names))
        if double:
            raise UsageError(
                f"The agent has a tool {double[0][:64]} of its own, and the notebook offers a function of "
                "that name: rename one of them."
            )

    async def call_tool(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function of the notebook's and return its response, as a model would get it.

        It is shown, approved if it has to be, timed and cancelled in the notebook. Cancelling this cancels
        the call. What the function raises is in the response, under "error". A call that waits as the
        conversation ends is cancelled (CancelledError); a later one, as in `AgentRun.close`, runs nothing,
        and gets an "error" at once.

        Args:
            name: One of `declarations`.
            args: Its arguments, as JSON objects.

        Raises:
            StateError: If `start` has not returned yet.
            UsageError: If the arguments are not JSON.
        """
        self._check_loop()
        if self._is_closed:
            return {"error": "The conversation has ended."}
        if not self._has_begun:
            raise StateError("call_tool works once start has returned: call it in run, or in on_text.")
        id = f"call-{next(self._numbers)}"
        call = FunctionCall(id=id, name=name, args=_json_object(args, "The arguments of a call"))
        result: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._calls[id] = result
        self._acted, self._cut = True, False
        try:
            await self._send(ServerMessage(tool_call=ToolCall(function_calls=[call])))
            return await result
        except asyncio.CancelledError:
            await self._send(ServerMessage(tool_call_cancellation=ToolCallCancellation(ids=[id])))
            raise
        finally:
            self._calls.pop(id, None)

    async def tool_started(self, id: str, name: str, args: Mapping[str, Any] | None = None) -> None:
        """The agent runs a tool of its own: it is shown, and never run here.

        Args:
            id: Tells it from its other calls; any text. If a call with that id still runs, that one is shown
                as failed.
            name: The tool.
            args: Its arguments, as JSON objects.
        """
        _check_text(id, "The id of a call")
        _check_text(name, "The name of a tool")
        call = FunctionCall(id=id, name=name, args=_json_object(args or {}, "The arguments of a tool"))
        if id in self._running:  # No result of that one can be told from this one's.
            await self.tool_finished(id, error="Its result is not known: another call has its id.")
        self._remote[id] = name
        self._running.add(id)
        self._acted, self._cut = True, False
        await self._send(ServerMessage(agent_event=AgentEvent(tool_call=call)))

    async def tool_finished(self, id: str, result: Any = None, *, error: str | None = None) -> None:
        """A tool of the agent's own has ended; of several reports about one call the last one stands.

        Args:
            id: As in `tool_started`. What no call has begun with is ignored.
            result: What it returned; anything that JSON can hold, else its str.
            error: Why it failed, if it did.
        """
        self._running.discard(id)
        response = None if error is not None else _result(result)
        done = AgentToolResult(id=id, name=self._remote.get(id), response=response, failure=error)
        await self._send(ServerMessage(agent_event=AgentEvent(tool_result=done)))

    # All else.

    async def handed_over(self, agent: str) -> None:
        """Another agent speaks from now on, as after a hand-off to a sub-agent; `agent` is its name."""
        _check_text(agent)
        await self._send(ServerMessage(agent_event=AgentEvent(agent=agent)))

    async def notify(self, text: str) -> None:
        """Show the user a warning of one sentence, without secrets and paths; the conversation goes on."""
        _check_text(text)
        text = _PATH.sub("…", redact(text, long_words=True))
        await self._send(ServerMessage(agent_event=AgentEvent(notice=text)))

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task that ends with the conversation; what it raises ends the conversation.

        After the end it is cancelled at once.

        Raises:
            UsageError: If `work` is no coroutine, or this is called in another thread.
        """
        _check_coroutine(work)
        try:
            self._check_loop()
        except UsageError:
            work.close()  # It would warn that nobody awaits it.
            raise
        task = _task(work)
        if self._is_over:  # Nobody would end it.
            task.cancel()
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    # The conversation's side.

    def _check_loop(self) -> None:
        """Raise UsageError on another loop than the session's: what is sent there would be lost at times."""
        try:
            is_here = asyncio.get_running_loop() is self._loop
        except RuntimeError:  # a thread without a loop
            is_here = False
        if not is_here:
            raise UsageError(
                "Call the methods of AgentClient on the event loop that start was called on; from another "
                "thread or loop, use asyncio.run_coroutine_threadsafe(client.play(pcm), loop)."
            )

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not self._fault.done():
            self._fault.set_exception(fault)

    async def _fail(self) -> None:
        """Raise what a task of the agent's raises."""
        await self._fault

    async def _begin(self) -> None:
        """`start` has returned: tell the user, and then what the agent has said meanwhile."""
        self._has_begun = True
        held = self._held = [ServerMessage(setup_complete=SetupComplete()), *(self._held or ())]
        with contextlib.suppress(TransportClosed):
            for message in held:  # What is said while these wait for the reader comes after them.
                await self._transport.send(encode_json(message))
        self._held = None

    async def _stop(self) -> None:
        """The user has interrupted it: acknowledge that, and keep back what comes of this answer."""
        self._stopped = self._answering or self._asked  # Else nothing is to come.
        self._went_on = self._acted = False
        # In the order of the frames: what was sent before this is dropped by the session, and nothing after.
        await self._content(interrupted=True)

    def _go_on(self) -> None:
        """The user says or types something: it is answered anew."""
        self._went_on = self._asked = True
        if not self._answering:
            self._stopped = False

    def _end_answer(self) -> None:
        self._check_loop()
        self._answering = self._stopped = self._asked = self._cut = False
        self._ended_ms = self._clock.now_ms()
        self._resampler = None

    def _is_stale(self) -> bool:
        """Return whether what the agent sends now belongs to an answer that the user has stopped."""
        self._check_loop()
        now_ms = self._clock.now_ms()
        gap_ms, self._output_ms = now_ms - self._output_ms, now_ms
        if self._stopped and self._went_on and gap_ms >= STOPPED_GAP_MS:
            self._stopped = False
        self._answering, self._cut = True, False
        return self._stopped

    async def _answer(self, **content: Any) -> None:
        if not self._is_stale():
            await self._content(**content)

    async def _content(self, **content: Any) -> None:
        await self._send(ServerMessage(server_content=ServerContent(**content)))

    async def _send(self, message: ServerMessage) -> None:
        self._check_loop()
        if self._held is not None:
            self._held.append(message)
            return
        with contextlib.suppress(TransportClosed):
            await self._transport.send(encode_json(message))

    def _convert(self, pcm: Any, sample_rate: int) -> bytes:
        """Return audio as PCM16 at `RATE`; what one rate leaves over waits for the next piece."""
        if isinstance(pcm, str) or isinstance(sample_rate, bool) or not isinstance(sample_rate, int):
            raise UsageError("play takes PCM16 bytes or an array of samples, and its sample rate in Hz.")
        shape = getattr(pcm, "shape", ())
        if len(shape) == 2 and min(shape) > 2:
            raise UsageError(f"play takes mono or stereo, of shape (n,) or (n, 2), not {tuple(shape)}.")
        samples = to_float(pcm)
        if sample_rate == RATE:
            return bytes(pcm) if isinstance(pcm, bytes | bytearray | memoryview) else to_pcm16(samples)
        if self._resampler is None or self._resampler[0] != sample_rate:
            self._resampler = (sample_rate, Resampler(sample_rate, RATE))
        return to_pcm16(self._resampler[1].process(samples))

    def _on_results(self, results: Iterable[FunctionResponse]) -> None:
        for result in results:
            call = self._calls.get(result.id or "")
            if call is not None and not call.done() and not result.will_continue:
                call.set_result(result.response or {})

    def _give_up_calls(self) -> None:
        self._is_closed = True
        for call in self._calls.values():
            call.cancel()


class AgentProvider(Provider):
    """Somebody's agent, to be talked with: base class of the bridges, and enough for one of your own.

    ::

        LiveWidget(AgentProvider("echo", EchoRun))

    Each conversation is a run of its own. It has one connection: when the run ends, the conversation does,
    and settings that it takes are those of its start.

    Attributes:
        name: The agent's name.
        kind: What it is, in a sentence: "ADK agent".
    """

    service = "agent"
    is_agent = True

    def __init__(
        self,
        name: str,
        new_run: Callable[[], AgentRun],
        *,
        kind: str = "agent",
        takes: Collection[str] = (),
        text: bool = True,
        images: bool = True,
        tools: bool = True,
        push_to_talk: bool = False,
        takes_new_tools: bool = False,
        ready_s: float = READY_S,
        close_s: float = CLOSE_S,
        clock: Clock | None = None,
    ) -> None:
        """Describe an agent; nothing of it runs before the first dial.

        Args:
            name: Its name: it stands before what it says.
            new_run: Makes the run of one conversation: a subclass of `AgentRun`, or a function.
            kind: What it is, as in "The ADK agent lamp stopped."
            takes: Settings that the run looks up in `AgentClient.setup` and passes on to its model, by their
                names in `LiveConfig`, such as "voice" and "turn_detection.silence_ms". All others are
                refused as the agent's own.
            text: Whether it can be typed to.
            images: Whether it looks at pictures.
            tools: Whether it calls the notebook's functions.
            push_to_talk: Whether the user may say when speech begins and ends.
            takes_new_tools: Whether it takes functions that are added while it runs, by `AgentRun.on_tools`.
            ready_s: Seconds that it may take to start.
            close_s: Seconds that it may take to close.
            clock: Another clock; for tests.

        Raises:
            UsageError: If there is no name, `new_run` makes no run or has methods that are no coroutine
                functions, or `takes` names something that is no setting.
        """
        name = " ".join(plain(name).split())[:60] if isinstance(name, str) else ""
        if not name:
            raise UsageError("An agent needs a name, such as AgentProvider('echo', EchoRun).")
        if not callable(new_run):
            raise UsageError("new_run is what makes the run of each conversation: a class or a function.")
        if isinstance(new_run, type):
            _check_methods(new_run)
        if isinstance(takes, str):
            raise UsageError(f"takes is a tuple of names: takes=({takes!r},).")
        if unknown := [one for one in takes if one not in FEATURES_BY_NAME]:
            guess = difflib.get_close_matches(str(unknown[0]), FEATURES_BY_NAME, 1)
            hint = f": did you mean {guess[0]!r}?" if guess else ", such as 'voice'."
            raise UsageError(f"takes has {unknown[0]!r}, which is not the name of a setting{hint}")
        self.name = self.model = name
        self.kind = kind
        self.label = f"{capitalized(kind)} {name}"
        self.starting = f"Starting the {kind} {name}…"
        self.setup_timeout = ready_s + CANCEL_S + 1.0  # The run's own time ends first, and says so.
        self.close_timeout = close_s + 2 * CANCEL_S + 1.0
        self._new_run = new_run
        self._ready_s, self._close_s = ready_s, close_s
        self._clock = clock or SystemClock()
        self._model = agent_model(
            name,
            settings_of=f"the {kind} {name}",
            takes=takes,
            text=text,
            images=images,
            tools=tools,
            push_to_talk=push_to_talk,
            takes_new_tools=takes_new_tools,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def capabilities(self) -> Model:
        """What it takes: what was said when it was made."""
        return self._model

    @property
    def speaker(self) -> str:
        """Its name, in lower case."""
        return self.name.lower()

    @property
    def badge(self) -> str:
        """Its name, and that it runs here."""
        return self.badge_in("kernel")

    def badge_in(self, place: str) -> str:
        """Return its name, and that it runs here: "ADK agent lamp · in this kernel"."""
        return f"{self.label} · in this {place}"

    @property
    def opening(self) -> str:
        """What a session waits for while it is being opened."""
        return f"the {self.kind} {self.name} to be ready"

    def with_model(self, model: str) -> Provider:
        """Raise ConfigError: which model it uses is up to the agent."""
        raise ConfigError(f"The {self.kind} {self.name} has its own model: change it in its code.")

    def model_path(self) -> str:
        """Return its name on the wire, which stays in this process."""
        return f"agents/{self.name}"

    async def dial(self) -> Transport:
        """Begin another run; it is ready when the setup is accepted."""
        return _AgentTransport(_Conversation(self, self._new_run, self._ready_s, self._close_s, self._clock))


class _AgentTransport(ServedTransport):
    """The client's end of a conversation with an agent."""

    round_trip_ms: float | None = None  # That to the agent's model is not known.

    def __init__(self, conversation: _Conversation) -> None:
        super().__init__(conversation.serve, f"{conversation.agent} conversation")
        self._conversation = conversation

    def played(self, ms: float) -> None:
        """So much of all the audio was heard, in ms."""
        self._conversation.played(ms)


class _Conversation:
    """The agent's end of one connection: makes the run, calls it, and ends it.

    Attributes:
        agent: Whose it is, in a sentence: "The ADK agent lamp".
    """

    def __init__(
        self,
        provider: AgentProvider,
        new_run: Callable[[], AgentRun],
        ready_s: float,
        close_s: float,
        clock: Clock,
    ) -> None:
        self.agent = f"The {provider.kind} {provider.name}"
        self._redact = provider.redact
        self._new_run = new_run
        self._ready_s, self._close_s = ready_s, close_s
        self._clock = clock
        self._waiting: deque[_Call] = deque()
        self._came = asyncio.Event()
        self._told_slow = False
        self._played_ms: float | None = None
        self._played = asyncio.Event()
        self._stops = asyncio.Event()

    def played(self, ms: float) -> None:
        """So much of all the audio was heard, in ms; of several reports the run gets the last one."""
        self._played_ms = ms
        self._played.set()

    async def serve(self, transport: MemoryTransport) -> None:
        """Serve the session until it closes the transport, or the run ends.

        Raises:
            AgentEnded: If the run ended; `AgentFailed` if it failed.
            LiveError: If the run refused to start with one.
        """
        setup = decode_client(await transport.receive()).setup
        assert setup is not None  # A connection sends nothing before it.
        client = AgentClient(transport, setup, self._clock)
        try:
            run = self._new_run()
            if not isinstance(run, AgentRun):
                raise UsageError(f"new_run must make an AgentRun, not {type(run).__name__}.")
            _check_methods(type(run))
        except Exception as fault:
            raise self._failure(fault, "could not start") from fault
        tasks = {
            "read": _task(self._read(run, client, transport)),
            "start": _task(run.start(client)),
            "fail": _task(client._fail()),
        }
        try:
            await self._wait(tasks, self._ready_s)
            self._raise_failure(tasks, "could not start")
            if not tasks["start"].done():
                raise AgentFailed(
                    f"{self.agent} was not ready within {self._ready_s:g} s: see what it waits for, and "
                    "start again."
                )
            await client._begin()
            del tasks["start"]
            tasks["run"] = _task(run.run())
            tasks["deliver"] = _task(self._deliver())
            tasks["report"] = _task(self._report_played(run, client))
            tasks["interrupt"] = _task(self._interrupt(run))
            await self._wait(tasks, None)
            self._raise_failure(tasks, "stopped")
            raise AgentEnded(f"{self.agent} ended the talk.")
        except LiveError as error:
            transport.close_now(1011, "", error)  # Nobody waits for the agent to be closed.
            raise
        finally:
            await self._finish(run, client, tasks)

    async def _wait(self, tasks: Mapping[str, asyncio.Task[None]], seconds: float | None) -> None:
        await asyncio.wait(tasks.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _raise_failure(self, tasks: Mapping[str, asyncio.Task[None]], did: str) -> None:
        """Raise what a task ended with, if it was not its end in order."""
        if tasks["read"].done() and not tasks["read"].cancelled():
            tasks["read"].result()  # The session has closed the transport.
        for task in tasks.values():
            if not task.done():
                continue
            if task.cancelled():
                raise AgentFailed(f"{self.agent} {did}: it was cancelled.")
            if (fault := task.exception()) is not None:
                raise self._failure(fault, did) from fault

    def _failure(self, fault: BaseException, did: str) -> LiveError:
        """Return the error for an exception of the agent's: its words, without paths and secrets."""
        if isinstance(fault, AgentFailed) or (isinstance(fault, LiveError) and did != "stopped"):
            return fault
        words = " ".join(plain(describe_error(fault, 2 * WORDS_LENGTH)).split())
        if type(fault) in _PLAIN_ERRORS or isinstance(fault, LiveError):
            words = words.removeprefix(f"{type(fault).__name__}: ")
        words = _PATH.sub("…", redact(self._redact(words), long_words=True))
        if len(words) > WORDS_LENGTH:
            words = words[: WORDS_LENGTH - 1]
            words = (words.rpartition(" ")[0] or words) + "…"
        mark = "" if words.endswith((".", "!", "?", "…")) else "."
        lines = "".join(traceback.format_exception(fault))
        details = redact(self._redact(plain(lines)), long_words=True)[-DETAILS_LENGTH:]
        return AgentFailed(f"{self.agent} {did}: {words}{mark}", details=details)

    async def _read(self, run: AgentRun, client: AgentClient, transport: Transport) -> None:
        """Read what the session sends: results and interruptions count at once, all else in its order."""
        while True:
            message = decode_client(await transport.receive())
            if (response := message.tool_response) is not None:
                client._on_results(response.function_responses or ())
            elif (content := message.client_content) is not None and not content.turns:
                await client._stop()
                self._stops.set()
            else:
                self._waiting.extend(_calls_for(message, run, client))
                self._came.set()
                if len(self._waiting) > WAITING:
                    await self._leave_out(client)

    async def _leave_out(self, client: AgentClient) -> None:
        """Forget the oldest audio of more than the agent can take: what is said now is worth more."""
        del self._waiting[next((n for n, (is_audio, _) in enumerate(self._waiting) if is_audio), 0)]
        if not self._told_slow:
            self._told_slow = True
            await client.notify(
                f"{self.agent} takes what you say more slowly than you speak, so that the oldest of it is "
                "left out."
            )

    async def _deliver(self) -> None:
        while True:
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
            await self._waiting.popleft()[1]()

    async def _interrupt(self, run: AgentRun) -> None:
        while True:
            await self._stops.wait()
            self._stops.clear()
            await run.on_interrupt()

    async def _report_played(self, run: AgentRun, client: AgentClient) -> None:
        while True:
            await self._played.wait()
            self._played.clear()
            ms, self._played_ms = self._played_ms, None
            if ms is not None and ms > client.played_ms:
                client.played_ms = ms
                await run.on_played(ms)

    async def _finish(
        self, run: AgentRun, client: AgentClient, tasks: Mapping[str, asyncio.Task[None]]
    ) -> None:
        """End the run: first it is told to let go, then everything of it that still runs is cancelled."""
        client._give_up_calls()
        others = [task for name, task in tasks.items() if name != "run"]
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=CANCEL_S)
        closing = _task(run.close())
        await asyncio.wait([closing], timeout=self._close_s)
        client._is_over = True
        left = {*tasks.values(), *client._tasks, closing}
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_S)
        if left:
            _log.warning("%s did not end when it was told to, and was left to itself.", self.agent)
        if closing.done() and not closing.cancelled() and closing.exception() is not None:
            _log.warning("%s failed as it was closed.", self.agent, exc_info=closing.exception())
        for task in tasks.values():
            if task.done() and not task.cancelled():
                task.exception()  # Retrieved: what it raised on its end is no news.


def _check_methods(cls: type) -> None:
    """Raise UsageError if a class has a plain function where a run has a coroutine function."""
    for name, own in vars(AgentRun).items():
        method = getattr(cls, name, None)
        # What is wrapped, or is no function, may return something to be awaited all the same.
        if (
            inspect.iscoroutinefunction(own)
            and inspect.isfunction(method)
            and not hasattr(method, "__wrapped__")
            and not inspect.iscoroutinefunction(method)
        ):
            raise UsageError(f"{cls.__name__}.{name} is not a coroutine function: write async def {name}(…).")


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(_contain(work), name="agent")
    task.add_done_callback(lambda _: work.close())  # What was cancelled before it began would warn.
    return task


async def _contain(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; what would end the loop itself, such as `sys.exit()`, ends the agent only."""
    try:
        await work
    except (Exception, asyncio.CancelledError, GeneratorExit):
        raise
    except BaseException as fault:
        raise RuntimeError(f"it raised {type(fault).__name__}") from fault


_Call = tuple[bool, Callable[[], Coroutine[Any, Any, None]]]
"""What the user did, as a call of the run; and whether it is audio."""


def _calls_for(message: ClientMessage, run: AgentRun, client: AgentClient) -> list[_Call]:
    """Return what a message of the session says to the run, as calls to be awaited one after the other."""
    calls: list[_Call] = []
    if (sent := message.realtime_input) is not None:
        if sent.activity_start is not None:
            client._go_on()
            calls.append((False, partial(run.on_activity, True)))
        if (audio := sent.audio) is not None:
            calls.append((True, partial(run.on_audio, audio.data, pcm_rate(audio.mime_type or "") or 16_000)))
        if (image := sent.video) is not None:
            calls.append((False, partial(run.on_image, image.data, image.mime_type or "image/jpeg")))
        if sent.activity_end is not None:
            calls.append((False, partial(run.on_activity, False)))
        if sent.audio_stream_end:
            calls.append((False, run.on_audio_end))
    elif (content := message.client_content) is not None:
        parts = [part.text for turn in content.turns or () for part in turn.parts or () if part.text]
        client._go_on()
        calls.append((False, partial(run.on_text, "".join(parts))))
    elif (update := message.context_update) is not None and update.tools is not None:
        client.declarations = _declarations(update.tools.tools)
        calls.append((False, partial(_tell_tools, run, client)))
    return calls


async def _tell_tools(run: AgentRun, client: AgentClient) -> None:
    """Tell a run of other functions; what it says against them is told the user, and the talk goes on."""
    try:
        await run.on_tools(client.declarations)
    except UsageError as error:
        await client.notify(str(error))


def _declarations(tools: Iterable[Tool] | None) -> tuple[FunctionDeclaration, ...]:
    return tuple(one for tool in tools or () for one in tool.function_declarations or ())


def _check_text(text: object, what: str = "A text for the user") -> None:
    if not isinstance(text, str):
        raise UsageError(f"{what} is a str, not {type(text).__name__}.")


def _check_coroutine(work: object) -> None:
    if not asyncio.iscoroutine(work):
        got = getattr(work, "__name__", None) or type(work).__name__
        raise UsageError(f"create_task takes a coroutine, such as create_task(self.talk()), not {got}.")


def _transcription(text: str, finished: bool) -> Transcription:
    _check_text(text)
    return Transcription(text=text, finished=finished or None)


def _json_object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{what} must be a dict of names and values, not {type(value).__name__}.")
    plain_value: dict[str, Any] = msgspec.to_builtins(dict(value), str_keys=True, enc_hook=str)
    return plain_value


def _result(value: Any) -> dict[str, Any]:
    """Return what a tool gave as a JSON object; what is too long for a transcript is not."""
    try:
        plain_value = msgspec.to_builtins(value, str_keys=True, enc_hook=str)
        size = len(encode_json(plain_value))
    except Exception:  # Anybody's object, whose str may raise, or a structure without end.
        return {"result": f"a {type(value).__name__}"}
    if size > RESULT_BYTES:
        return {"result": f"{size:,} bytes, which is too long to be shown"}
    return plain_value if isinstance(plain_value, dict) else {"result": plain_value}


def parameters_of(declaration: FunctionDeclaration) -> dict[str, Any]:
    """Return the JSON Schema of a function's arguments, in whichever form they were declared."""
    schema = declaration.parameters_json_schema or _json_schema(declaration.parameters)
    return schema or {"type": "object", "properties": {}}


def _json_schema(schema: Any) -> Any:
    """Return a schema of the Live API's as JSON Schema: there, "STRING" may stand for "string", and so on."""
    if isinstance(schema, Mapping):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _json_schema(value)
            for key, value in schema.items()
        }
    return [_json_schema(item) for item in schema] if isinstance(schema, list) else schema


def require(package: str, *, extra: str, tested: str, what: str) -> None:
    """Make sure that a framework is installed, and warn once if its version is outside the supported range.

    Args:
        package: Its distribution, such as "google-adk".
        extra: The extra of livewidget that installs it.
        tested: The supported versions: ">=2.13,<3".
        what: What needs it: "AdkAgent".

    Raises:
        ExtraMissing: If it is not installed.
    """
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        raise ExtraMissing(
            f'{what} needs {package}, which is not installed: pip install "livewidget[{extra}]"'
        ) from None
    if not is_within(version, tested) and package not in _warned:
        _warned.add(package)
        text = (
            f"{what} supports {package}{tested}, but {version} is installed. If something does not "
            f'work: pip install "livewidget[{extra}]".'
        )
        warnings.warn(text, stacklevel=3)


def is_within(version: str, tested: str) -> bool:
    """Return whether a version is within ">=2.13,<3"; of pre-releases only the numbers count."""
    numbers = _numbers(version)
    for bound in tested.split(","):
        limit = _numbers(bound.strip("<>= "))
        if bound.strip().startswith(">="):
            if numbers < limit:
                return False
        elif numbers >= limit:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"[0-9.]*", version)[0].split(".") if part)  # type: ignore[index]
