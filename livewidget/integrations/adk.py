"""`AdkAgent`: an agent of Google's Agent Development Kit, to be talked with.

In comes an agent or a `Runner` of the user's, and then what the user says, types and shows; out go the
agent's voice, its transcript and what its tools did. The agent dials its own model, with its own key, in
`Runner.run_live`.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

import msgspec

from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import clean_reason, error_for_close, error_for_reason
from livewidget.errors import UsageError
from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun, require
from livewidget.models import NON_BLOCKING, Model, find
from livewidget.protocol.messages import FunctionDeclaration, UsageMetadata

try:
    from google.adk.agents import BaseAgent, LiveRequestQueue, LlmAgent
    from google.adk.agents.run_config import RunConfig, StreamingMode
    from google.adk.apps import App
    from google.adk.events import Event
    from google.adk.models import BaseLlm
    from google.adk.models import Gemini as GeminiModel
    from google.adk.runners import InMemoryRunner, Runner
    from google.adk.tools import BaseTool
    from google.adk.workflow import BaseNode
    from google.genai import types
    from google.genai.errors import APIError
except ImportError:  # `require` says so in the constructor.
    BaseTool = LiveRequestQueue = object

#: Supported: from the version that `make clients` runs to the next major one, as in the extra `adk`.
TESTED: Final = ">=2.13,<3"
#: Seconds that an agent gets to end by itself before it is cancelled. Chosen: closing its connection takes
#: two round trips.
END_S: Final = 1.0
#: Seconds after that for what it does when it is cancelled. Chosen: the kit waits one second for tools, and a
#: run has five.
CANCEL_S: Final = 3.0
#: Seconds to wait until the last conversation of the same `AdkAgent` begins to close, and until it has.
#: Chosen: a cell that is run again closes it at once; and what closing may take.
BUSY_S: Final = 1.0
CLOSING_S: Final = 6.0
#: What the agent is noted to have said where the last conversation ended before its answer. Else it would
#: answer at the beginning of the next one, and run its tools again.
ENDED_TEXT: Final = "(The user ended the conversation here.)"
#: The user of the kit's sessions, unless another is named.
USER_ID: Final = "user"
#: What is sent to stop an answer. The kit itself sends this where it needs a text without a meaning.
STOP_TEXT: Final = "."
#: The kit's own tools that hand the conversation over; the transcript names who speaks then.
HAND_OVER_TOOLS: Final = frozenset({"transfer_to_agent", "task_completed"})
#: Tools by which the kit asks the program around it for something, and for what.
REQUESTS: Final = {
    "adk_request_credential": "a sign-in",
    "adk_request_confirmation": "a confirmation",
    "adk_request_input": "a form to be filled in",
}
#: Settings that are passed on to the model, over what the user's `run_config` says.
TAKES: Final = (
    "turn_detection.mode",
    "turn_detection.start_sensitivity",
    "turn_detection.prefix_padding_ms",
    "turn_detection.end_sensitivity",
    "turn_detection.silence_ms",
    "turn_detection.interrupts",
    "turn_detection.turn_coverage",
)
#: The kit's loggers of which nothing is printed, from which level on: they log an error several times, with
#: its traceback, before they raise it; the first one also that it was cancelled.
SILENCED: Final = {
    "google_adk.google.adk.runners": logging.WARNING,
    "google_adk.google.adk.live._live_llm_flow": logging.ERROR,
}


class AdkAgent(AgentProvider):
    """An agent of the Agent Development Kit to talk with: `LiveWidget(AdkAgent(agent))`.

    ::

        agent = LlmAgent(name="lamp", model="gemini-3.8-live", tools=[set_light])
        LiveWidget(AdkAgent(agent))
        LiveWidget(AdkAgent(Runner(app=app, session_service=service)))

    Model, key, voice and instruction are the agent's. It runs as a copy, so that it stays as it is; the
    notebook's functions are added to the tools of the copy and of its sub-agents, and run in the notebook.
    The agent's own tools run on the session's event loop, which in a widget is that of a background thread:
    one that blocks it stops the sound, unless `run_config` has a `tool_thread_pool_config`. While one runs,
    the kit passes nothing on, unless the tool is NON_BLOCKING; one that raises ends the conversation.

    All conversations of one `AdkAgent` are one session of the kit, so that the next one remembers the last.
    Where one ended before an answer, the session gets a sentence that says so, or the kit would answer at the
    beginning of the next. To forget, make a new `AdkAgent`; to go on with a session that the runner's session
    service has, give its `session_id`.

    Attributes:
        runner: The user's `Runner`, or the `InMemoryRunner` that was made.
        user_id: The user of the kit's session.
        session_id: The id of the kit's session; None until the first conversation, if none was given.
    """

    remembers = True

    def __init__(
        self,
        agent_or_runner: Any,
        *,
        run_config: Any = None,
        user_id: str = USER_ID,
        session_id: str | None = None,
    ) -> None:
        """Take an agent without running it.

        Args:
            agent_or_runner: An agent with its sub-agents, `LlmAgent` or another; or an `App`; or a `Runner`,
                which the user closes. Toolsets of an agent or app are closed after each conversation.
            run_config: The kit's `RunConfig`. It is completed with two-way streaming and session resumption;
                what the widget says about turn detection goes before what it says.
            user_id: The user of the kit's session.
            session_id: The id of the kit's session, which is created if there is none.

        Raises:
            ExtraMissing: If google-adk is not installed.
            UsageError: If that is no agent, or its model has no live connection.
        """
        require("google-adk", extra="adk", tested=TESTED, what="AdkAgent")
        _print_unconfigured_log()
        self.runner = _runner_for(agent_or_runner)
        if run_config is not None and not isinstance(run_config, RunConfig):
            raise UsageError(f"run_config is a RunConfig of google.adk, not {_kind(run_config)}.")
        self.user_id = user_id
        self.session_id = session_id
        self._run_config = run_config
        self._given_session_id = session_id
        self._given = agent_or_runner
        self._active: _AdkRun | None = None
        self._cut_off = ""  # What the last conversation ended in the middle of.
        root = self.runner.agent
        row = _row_of(_first_model(root))
        super().__init__(root.name, lambda: _AdkRun(self), kind="ADK agent", push_to_talk=True, takes=TAKES)
        if row is not None:  # Whether it waits for functions is the model's.
            self._model = replace(self._model, tool_behaviors=row.tool_behaviors)

    def expression(self) -> Call:
        """Return the Python that makes it; `agent` or `runner`, and `run_config`, are the user's."""
        keywords: dict[str, Any] = {} if self._run_config is None else {"run_config": Name("run_config")}
        keywords |= {} if self.user_id == USER_ID else {"user_id": self.user_id}
        keywords |= {} if self._given_session_id is None else {"session_id": self._given_session_id}
        return Call("AdkAgent", (Name("runner" if isinstance(self._given, Runner) else "agent"),), keywords)


class _AdkRun(AgentRun):
    """One conversation: one `run_live` of a copy of the agent."""

    def __init__(self, agent: AdkAgent) -> None:
        self._agent = agent
        self._speaker = agent.runner.agent.name
        self._names: frozenset[str] = frozenset()
        self._notebook_tools: frozenset[str] = frozenset()
        self._streaming_tools: frozenset[str] = frozenset()
        self._running_tools: set[str] = set()  # ids
        self._heard = _Repeated()
        self._said = _Repeated()
        self._written = _Repeated()
        self._thought = _Repeated()
        self._sources: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._reports: set[asyncio.Task[None]] = set()
        self._has_answered = False  # aloud
        self._has_said_so = False  # that it does not answer aloud
        self._is_at_work = False  # The model was asked something and has not completed its answer.
        self._is_answering = False  # It has begun to answer.
        self._hands_over = False  # The next connection is another agent's.
        self._closing = False
        self.has_ended = False

    async def start(self, client: AgentClient) -> None:
        await self._take_turn()
        self._client = client
        runner = self._runner = self._copy_runner(client)
        config = _run_config(self._agent._run_config, client)
        session_id = await self._find_session(runner)
        self._queue = _AdkQueue(self._on_response, self._on_connected)
        self._task = asyncio.create_task(self._listen(session_id, config), name=f"ADK agent {self._speaker}")
        opened = asyncio.create_task(self._queue.opened.wait())
        try:
            await asyncio.wait({self._task, opened}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        if self._task.done():
            self._task.result()

    async def run(self) -> None:
        assert self._task is not None
        await asyncio.wait([self._task])
        self._task.result()

    async def close(self) -> None:
        self._closing = True
        tasks = set(self._reports)
        if self._task is not None:
            tasks.add(self._task)
            self._queue.close()
            await asyncio.wait([self._task], timeout=END_S)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_S)
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.exception()  # Retrieved, or asyncio would log it.
        try:
            if not isinstance(self._agent._given, Runner) and self._task is not None:
                await self._runner.close()
        finally:
            self._agent._cut_off = self._said.told
            self.has_ended = True

    # What the user does.

    async def on_audio(self, pcm: bytes, sample_rate: int) -> None:
        self._queue.send_realtime(types.Blob(data=pcm, mime_type=f"audio/pcm;rate={sample_rate}"))

    async def on_text(self, text: str) -> None:
        self._is_at_work = True
        self._queue.send_content(_content(text))

    async def on_image(self, data: bytes, mime_type: str) -> None:
        self._queue.send_realtime(types.Blob(data=data, mime_type=mime_type))

    async def on_activity(self, active: bool) -> None:
        if active:
            self._queue.send_activity_start()
        else:
            self._queue.send_activity_end()

    async def on_audio_end(self) -> None:
        self._queue.send_audio_stream_end()

    async def on_interrupt(self) -> None:
        # The kit has no verb for it. Content interrupts a model that takes content in mid-talk; the answer of
        # another one goes on over there, and is dropped here.
        row = _row_of(self._live_model())
        if self._is_at_work and row is not None and row.text_by_client_content:
            self._queue.send_content(_content(STOP_TEXT), partial=True)

    # What the agent does.

    async def _listen(self, session_id: str, config: Any) -> None:
        """Run the agent, and pass on what it does, until it ends."""
        live = self._runner.run_live(
            user_id=self._agent.user_id,
            session_id=session_id,
            live_request_queue=self._queue,
            run_config=config,
        )
        try:
            async with aclosing(live) as events:
                async for event in events:
                    if not self._closing:
                        await self._pass_on(event)
        except Exception as error:
            if self._closing:
                return
            for id in self._running_tools:
                await self._client.tool_finished(id, error=_line(error))
            if words := self._words(error):
                raise RuntimeError(words) from error
            raise

    async def _pass_on(self, event: Any) -> None:
        if event.error_code:
            raise RuntimeError(event.error_message or event.error_code)
        client = self._client
        await self._hand_over(event.author)
        if event.usage_metadata:
            await client.usage(msgspec.convert(_dump(event.usage_metadata), UsageMetadata))
        if event.voice_activity:  # Where the user's `run_config` asks for it.
            match event.voice_activity.voice_activity_type:
                case types.VoiceActivityType.ACTIVITY_START:
                    await client.user_started_speaking()
                case types.VoiceActivityType.ACTIVITY_END:
                    await client.user_stopped_speaking()
        partial = bool(event.partial)
        # What the kit calls finished is all it has so far: it says so at each interruption as well.
        if (heard := event.input_transcription) and (new := self._heard.rest(heard.text, partial)):
            await client.user_said(new)
        if event.content or event.output_transcription:
            self._is_at_work = True
            self._is_answering = self._is_answering or not _is_of_tools(event)
        if event.content:
            await self._pass_on_content(event)
        if (said := event.output_transcription) and (new := self._said.rest(said.text, partial)):
            await client.agent_said(new)
        sources = _dump(event.grounding_metadata) if event.grounding_metadata else {}
        if sources and sources != self._sources:  # The kit names them once more when the answer is complete.
            self._sources = sources
            await client.grounding(sources)
        if event.interrupted:
            await client.interrupted()
        if target := event.actions.transfer_to_agent:
            self._hands_over = True
            await self._hand_over(target)
        if event.turn_complete:
            self._is_at_work = self._is_answering = self._hands_over = False
            self._sources = {}
            reason = event.turn_complete_reason
            await client.turn_complete(reason=reason.value if reason else "")

    async def _pass_on_content(self, event: Any) -> None:
        client, written, thought = self._client, "", ""
        for part in event.content.parts or ():
            if (blob := part.inline_data) and (blob.mime_type or "").startswith("audio/"):
                self._has_answered = True
                await client.play(blob.data, _sample_rate(blob.mime_type))
            elif part.function_call:
                await self._on_call(part.function_call)
            elif part.function_response:
                await self._on_result(part.function_response)
            elif part.text and part.thought:
                thought += part.text
            elif part.text:
                written += part.text
        partial = bool(event.partial)
        if thought and (new := self._thought.rest(thought, partial)):
            await client.thought(new)
        if written and event.content.role == "user":  # A streaming tool tells the user something.
            await client.notify(written)
        elif written and (new := self._written.rest(written, partial)):
            await client.agent_wrote(new)
            if not (self._has_answered or self._has_said_so):
                self._has_said_so = True
                await client.notify(
                    f"The {self._agent.label} answers in writing, so there is nothing to hear."
                )

    async def _hand_over(self, author: str) -> None:
        """Another agent of the tree speaks from now on, if `author` is one."""
        if author in self._names and author != self._speaker:
            self._speaker = author
            await self._client.handed_over(author)

    async def _on_call(self, call: Any) -> None:
        self._hands_over = self._hands_over or call.name in HAND_OVER_TOOLS
        if call.name in self._notebook_tools or call.name in HAND_OVER_TOOLS:
            return
        if what := REQUESTS.get(call.name):
            await self._client.notify(
                f"The {self._agent.label} asks for {what}, which a live conversation cannot give."
            )
            return
        self._running_tools.add(call.id)
        await self._client.tool_started(call.id, call.name, call.args)

    async def _on_result(self, response: Any) -> None:
        """A tool's result. That of a streaming tool says only that it has begun; see `_on_response`."""
        if response.id in self._running_tools and response.name not in self._streaming_tools:
            await self._finish_tool(response)

    def _on_response(self, response: Any) -> None:
        """A tool's result is sent to the model. Of a streaming tool's there is no event."""
        if response.name in self._streaming_tools:
            self._report(self._finish_tool(response))

    def _on_connected(self) -> None:
        """There is another connection to a model: of another agent's, or in place of the one before.

        The kit replaces a connection as soon as the service announces its end, even in the middle of an
        answer. Nothing completes that answer then.
        """
        hands_over, self._hands_over = self._hands_over, False
        if self._is_answering or (self._is_at_work and not hands_over):
            self._report(self._end_answer(is_lost=not hands_over))

    async def _end_answer(self, is_lost: bool) -> None:
        self._is_at_work = self._is_answering = False
        await self._client.turn_complete()
        if is_lost:
            await self._client.notify(
                f"The {self._agent.label} was given a new connection in the middle of its answer: ask again. "
                "It may not remember what was said."
            )

    def _report(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell the user something, from where nothing can be awaited."""
        task = asyncio.create_task(telling)
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _finish_tool(self, response: Any) -> None:
        self._running_tools.discard(response.id)
        result = response.response or {}
        error = result.get("error")
        if isinstance(error, str):
            await self._client.tool_finished(response.id, error=error)
        else:
            await self._client.tool_finished(response.id, result)

    def _words(self, error: Exception) -> str:
        """Return plain words for what the kit does not do, or the model's service said; "" for all else."""
        if isinstance(error, NotImplementedError):
            return str(error)
        if not isinstance(error, APIError):
            return ""
        said = error.message or (error.details if isinstance(error.details, str) else "")
        reason, model = clean_reason(said), getattr(self._live_model(), "model", "its model")
        if 1000 <= error.code < 1016:  # A close code of WebSocket; others are HTTP's.
            return str(
                error_for_close(
                    error.code,
                    reason,
                    label=model,
                    model=model,
                    service="gemini",
                    answered=self._has_answered,
                )
            )
        return str(error_for_reason(reason, code=error.code, model=model, service="gemini") or reason)

    # Its copy, and the kit's session.

    async def _take_turn(self) -> None:
        """Wait until the last conversation has ended: two at once would mix in one session.

        Raises:
            UsageError: If it goes on.
        """
        began = asyncio.get_running_loop().time()
        while (active := self._agent._active) is not None and not active.has_ended:
            waited = asyncio.get_running_loop().time() - began
            if waited > (CLOSING_S if active._closing else BUSY_S):
                raise UsageError(
                    f"The {self._agent.label} is in another conversation: end that one first, or make a "
                    "new AdkAgent."
                )
            await asyncio.sleep(0.05)
        self._agent._active = self

    def _copy_runner(self, client: AgentClient) -> Any:
        """Return a copy of the runner, with copies of its agents that have the notebook's functions too."""
        runner = copy.copy(self._agent.runner)
        if not isinstance(runner.agent, BaseAgent):
            if client.declarations:
                raise UsageError(
                    f"{runner.agent.name} is a workflow, which takes no functions of the notebook: leave "
                    "tools out, or give them to its agents."
                )
            return runner
        runner.agent = runner.agent.clone()
        runner.app = runner.app.model_copy(update={"root_agent": runner.agent})
        agents = [agent for agent in _tree(runner.agent) if isinstance(agent, LlmAgent)]
        own = [tool for agent in agents for tool in agent.tools]
        client.check_names(filter(None, map(_tool_name, own)))
        for agent in agents:
            waits = _waits_for_tools(agent)
            tools = (_NotebookTool(one, client.call_tool, waits) for one in client.declarations)
            agent.tools = [*agent.tools, *tools]
        self._names = frozenset(agent.name for agent in _tree(runner.agent))
        self._notebook_tools = frozenset(one.name for one in client.declarations if one.name)
        self._streaming_tools = frozenset(_tool_name(tool) for tool in own if _is_streaming(tool))
        return runner

    async def _find_session(self, runner: Any) -> str:
        """Return the id of the kit's session, which is created if there is none."""
        agent, service = self._agent, runner.session_service
        whose = {"app_name": runner.app_name, "user_id": agent.user_id}
        if agent.session_id is not None:
            session = await service.get_session(**whose, session_id=agent.session_id)
            if session is not None:
                if _awaits_answer(session.events):
                    text = f"{agent._cut_off} {ENDED_TEXT}".strip()
                    content = types.Content(role="model", parts=[types.Part(text=text)])
                    await service.append_event(session, Event(author=self._speaker, content=content))
                return agent.session_id
        created = await service.create_session(**whose, session_id=agent.session_id)
        agent.session_id = created.id
        return agent.session_id

    def _live_model(self) -> Any:
        """Return the live model of the agent that speaks; None if it has none."""
        for agent in _tree(self._runner.agent):
            if agent.name == self._speaker and isinstance(agent, LlmAgent):
                return agent.canonical_live_model
        return None


class _NotebookTool(BaseTool):
    """A function of the notebook's as one of the agent's tools; it runs in the notebook."""

    def __init__(
        self,
        declaration: FunctionDeclaration,
        call: Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, dict[str, Any]]],
        waits: bool,
    ) -> None:
        self._declaration = types.FunctionDeclaration.model_validate(msgspec.to_builtins(declaration))
        self._call = call
        self._loop = asyncio.get_running_loop()
        super().__init__(
            name=declaration.name or "",
            description=declaration.description or "",
            # What blocks stops the whole conversation in the kit: it does not even pass on an interruption.
            behavior=self._declaration.behavior or (None if waits else types.Behavior.NON_BLOCKING),
        )

    def _get_declaration(self) -> Any:
        return self._declaration.model_copy()

    async def run_async(self, *, args: dict[str, Any], tool_context: Any) -> dict[str, Any]:
        call = self._call(self.name, args)
        if asyncio.get_running_loop() is self._loop:
            return await call
        # With a pool of threads for its tools the kit runs this on a loop of its own.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))


class _AdkQueue(LiveRequestQueue):
    """What the model is sent.

    Attributes:
        opened: Set when the kit first takes something out, which is as soon as the model can be talked to.
    """

    def __init__(self, on_response: Callable[[Any], None], on_connected: Callable[[], None]) -> None:
        super().__init__()
        self.opened = asyncio.Event()
        self._on_response = on_response
        self._on_connected = on_connected
        self._reader: asyncio.Task[Any] | None = None

    async def get(self) -> Any:
        # The kit has a task for each connection, which reads as long as that lasts.
        reader = asyncio.current_task()
        if reader is not self._reader:
            self._reader = reader
            if self.opened.is_set():
                self._on_connected()
            self.opened.set()
        return await super().get()

    def send_content(self, content: Any, partial: bool = False) -> None:
        super().send_content(content, partial)
        for part in content.parts or ():
            # What is not partial has an event, but for the error of a streaming tool.
            if (response := part.function_response) and (partial or "error" in (response.response or {})):
                self._on_response(response)


class _Repeated:
    """Fragments of a transcript, which the kit repeats in one piece at the end."""

    def __init__(self) -> None:
        self._told = ""

    @property
    def told(self) -> str:
        """What was said of a piece that has not been repeated yet."""
        return self._told

    def rest(self, text: str | None, partial: bool) -> str:
        """Return what of `text` is new; where it is not `partial`, it is the whole once more."""
        text = text or ""
        if partial:
            self._told += text
            return text
        told, self._told = self._told, ""
        return text.removeprefix(told) if text.startswith(told) else ""


class _UnconfiguredLog(logging.Handler):
    """Prints the kit's warnings where logging is not configured, as `logging` does; see `SILENCED`."""

    def emit(self, record: logging.LogRecord) -> None:
        last = logging.lastResort
        if last is None or logging.getLogger().handlers or record.levelno < last.level:
            return
        if record.levelno < SILENCED.get(record.name, logging.CRITICAL):
            last.handle(record)


def _print_unconfigured_log() -> None:
    log = logging.getLogger("google_adk")
    if not any(isinstance(handler, _UnconfiguredLog) for handler in log.handlers):
        log.addHandler(_UnconfiguredLog())


def _runner_for(given: Any) -> Any:
    """Return the runner to use for what the user passed.

    Raises:
        UsageError: If it is neither an agent nor a runner; the message says what it is.
    """
    if isinstance(given, Runner):
        return given
    if isinstance(given, App):
        return InMemoryRunner(app=given)
    if isinstance(given, BaseAgent):
        return InMemoryRunner(agent=given, app_name=given.name)
    if isinstance(given, BaseNode):
        return InMemoryRunner(node=given)
    what = "AdkAgent takes an agent, such as LlmAgent(name=…, model=…), or a Runner"
    if inspect.isclass(given):
        raise UsageError(f"{what}, not the class {given.__name__}: make one of it.")
    if inspect.iscoroutine(given):
        given.close()
        raise UsageError(f"{what}, not a coroutine: await it, and pass what it returns.")
    if inspect.isroutine(given):
        raise UsageError(f"{what}, not a function: call it, and pass what it returns.")
    if isinstance(given, BaseLlm):
        raise UsageError(f"{what}, not a model: give the model to an agent.")
    raise UsageError(f"{what}, not {_kind(given)}.")


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _tree(agent: Any) -> Iterator[Any]:
    """Iterate over an agent and all agents below it."""
    yield agent
    for below in getattr(agent, "sub_agents", ()):
        yield from _tree(below)


def _first_model(root: Any) -> Any:
    """Return the live model of the agent that speaks first; None if it has none of its own.

    Raises:
        UsageError: If it has none with a live connection, as far as that is known.
    """
    agent = next((one for one in _tree(root) if isinstance(one, LlmAgent)), None)
    if agent is None:
        return None
    try:
        model = agent.canonical_live_model
    except ValueError:
        raise UsageError(
            f"ADK does not know the model {agent.model} of the agent {agent.name}; give the agent a live "
            "model, such as gemini-3.8-live."
        ) from None
    if type(model).connect is BaseLlm.connect:
        raise UsageError(
            f"The model {model.model} of the ADK agent {agent.name} has no live connection; "
            "give the agent a live model, such as gemini-3.8-live."
        )
    return model


def _row_of(model: Any) -> Model | None:
    """Return what is known of one of Google's models; None if nothing is."""
    if not isinstance(model, GeminiModel):
        return None
    rows = (find(model.model, service) for service in ("gemini", "vertex"))
    return next((row for row in rows if row.known), None)


def _waits_for_tools(agent: Any) -> bool:
    """Return whether an agent's model waits for functions of which nothing is said."""
    try:
        row = _row_of(agent.canonical_live_model)
    except ValueError:  # Told when it is its turn.
        return True
    return row is None or row.tool_behaviors[:1] != (NON_BLOCKING,)


def _run_config(given: Any, client: AgentClient) -> Any:
    """Return the user's `RunConfig`, completed with what a conversation needs and what the widget asks for.

    Raises:
        UsageError: If both disagree on who says when the user speaks.
    """
    config = given or RunConfig()
    updates: dict[str, Any] = {}
    if "streaming_mode" not in config.model_fields_set:
        updates["streaming_mode"] = StreamingMode.BIDI
    if config.session_resumption is None:
        # Else the agent has forgotten all when the service replaces its connection, as it does after minutes.
        updates["session_resumption"] = types.SessionResumptionConfig()
    realtime = _realtime_input(config.realtime_input_config, client.setup.realtime_input_config)
    detection = realtime and realtime.automatic_activity_detection
    if detection and detection.disabled and not client.push_to_talk:
        raise UsageError(
            'run_config turns the detection of speech off: set turn_detection="push_to_talk", or leave it on.'
        )
    return config.model_copy(update=updates | {"realtime_input_config": realtime})


def _realtime_input(given: Any, asked: Any) -> Any:
    """Return the user's `RealtimeInputConfig` with what the widget asks for put over it; None for neither."""
    if asked is None:
        return given
    wanted = types.RealtimeInputConfig.model_validate(msgspec.to_builtins(asked))
    if given is None:
        return wanted
    updates = {name: value for name, value in wanted if value is not None}
    if (own := given.automatic_activity_detection) and (new := wanted.automatic_activity_detection):
        changes = {name: value for name, value in new if value is not None}
        updates["automatic_activity_detection"] = own.model_copy(update=changes)
    return given.model_copy(update=updates)


def _content(text: str) -> Any:
    return types.Content(role="user", parts=[types.Part(text=text)])


def _dump(value: Any) -> Any:
    """Return a message of the SDK's as JSON objects, in the wire's spelling."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _is_of_tools(event: Any) -> bool:
    """Return whether an event is of nothing but calls of tools or their results."""
    return bool(event.get_function_calls() or event.get_function_responses())


def _awaits_answer(events: Sequence[Any]) -> bool:
    """Return whether the last that was said or done in a session was the user's, or a tool's."""
    for event in reversed(events):
        if event.output_transcription:
            return False
        if event.input_transcription or event.get_function_calls():
            return True
        if event.content and event.content.parts:
            return bool(event.content.role == "user")
    return False


def _sample_rate(mime_type: str) -> int:
    """Return the sample rate of "audio/pcm;rate=24000" in Hz; 24000 where it does not say."""
    _, _, rate = mime_type.partition("rate=")
    digits = rate.split(";")[0].strip()
    return int(digits) if digits.isdecimal() and int(digits) else 24_000


def _tool_name(tool: Any) -> str:
    """Return the name of one of an agent's tools; "" for a toolset, which is not open yet."""
    if isinstance(tool, BaseTool):
        return str(tool.name)
    return str(getattr(tool, "__name__", "")) if inspect.isroutine(tool) else ""


def _is_streaming(tool: Any) -> bool:
    """Whether a tool yields results, one after the other."""
    return inspect.isasyncgenfunction(getattr(tool, "func", tool))


def _line(error: Exception) -> str:
    return clean_reason(str(error)) or type(error).__name__
