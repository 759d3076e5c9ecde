"""`LiveKitAgent`: an agent of LiveKit Agents as a provider, without a room and without a server.

What comes in: a function that makes an `AgentSession`, and an `Agent`. What goes out: an `AgentProvider`
whose runs start that session with this page's microphone, camera, loudspeaker and captions in place of a
room's. The session belongs to one run, which closes it; the agent stays its owner's.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import logging
import re
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from livewidget.config.code import Call, Name
from livewidget.errors import UsageError
from livewidget.integrations.agent import AgentClient, AgentProvider, AgentRun, parameters_of, require
from livewidget.integrations.livekit_io import AnswerEnd, Camera, Captions, Microphone, Speaker
from livewidget.models import find
from livewidget.protocol.messages import FunctionDeclaration, ModalityTokenCount, UsageMetadata
from livewidget.text import plain_line
from livewidget.tools import describe_error

try:
    from livekit import agents as livekit
    from livekit.agents import llm, utils
except ImportError:
    livekit = llm = utils = None

_Result = TypeVar("_Result")

#: Supported: from the version that `make clients` runs to the next major one, as in the extra `livekit`.
TESTED: Final = ">=1.8,<2"
#: Silence that is sent when the microphone pauses, in seconds, so that a detector hears the end of speech.
#: Chosen: longer than the silence that LiveKit's and Google's detectors wait for with their defaults.
SILENCE_S: Final = 1.5
#: Seconds to wait for a realtime model's connection before the session counts as ready. Chosen: a model that
#: does not report its connection must not hold up the talk.
CONNECT_S: Final = 5.0
#: Seconds that LiveKit may take to close its session. Chosen: within the 5 s that a run has.
CLOSE_S: Final = 3.0
#: Seconds that an error in LiveKit's log waits for the session to end of it, before it is shown by itself.
ERROR_S: Final = 1.0

#: The run in whose tasks something is logged. Weak: timers that were cancelled keep their context for long.
_RUN: contextvars.ContextVar[weakref.ref[_LiveKitRun] | None] = contextvars.ContextVar("run", default=None)
#: The folder of LiveKit's packages, in the words in which asyncio says where a task was defined.
_LIVEKITS_FOLDER: Final = re.compile(r"[/\\]livekit[/\\]")
#: Sessions that have had their talk, and agents that are in one.
_SESSIONS: weakref.WeakSet[Any] = weakref.WeakSet()
_AGENTS: weakref.WeakSet[Any] = weakref.WeakSet()
#: Runs that are not closed yet.
_RUNS: set[_LiveKitRun] = set()


class LiveKitAgent(AgentProvider):
    """An agent of LiveKit Agents, without a room and without a server.

    ::

        LiveWidget(LiveKitAgent(lambda: AgentSession(llm=…), Agent(instructions="…")))

    For each talk a session is made, started, and closed at its end. Its settings are its own: model, voice,
    turn detection, tools. The notebook's functions are offered to it besides, and run in the notebook.

    LiveKit hears nobody during the first 3 s of its first answer, since a microphone may hear the
    loudspeaker. A browser takes that out, so `AgentSession(aec_warmup_duration=None)` is fine here: then the
    user can interrupt from the start.
    """

    def __init__(self, session: Callable[[], Any], agent: Any, *, name: str | None = None) -> None:
        """Describe the agent without starting it.

        Args:
            session: A function that makes an `AgentSession`, called for each talk on its event loop; it may
                be an async function.
            agent: An `Agent`, or a function that makes one for each talk. The conversation that LiveKit notes
                in an `Agent` is taken out of it again after the talk.
            name: Its name for people; by default its id if it is of a class of its own, else "agent".

        Raises:
            ExtraMissing: If livekit-agents is not installed.
            UsageError: If these are not such functions or objects.
        """
        require("livekit-agents", extra="livekit", tested=TESTED, what="LiveKitAgent")
        check_session_function(session)
        check_agent(agent)
        self._keywords = {} if name is None else {"name": name}
        if name is None:
            known = getattr(agent, "id", None)
            name = known if isinstance(known, str) and known != "default_agent" else "agent"
        super().__init__(
            name,
            lambda: _LiveKitRun(session, agent, name),
            kind="LiveKit agent",
            push_to_talk=True,
            takes_new_tools=True,
            takes=("turn_detection.mode",),
        )

    def expression(self) -> Call:
        """Return the Python that makes it; `make_session` and `agent` are the user's."""
        return Call("LiveKitAgent", (Name("make_session"), Name("agent")), self._keywords)


def check_session_function(session: Any) -> None:
    """Make sure that something is a function that makes sessions.

    Raises:
        UsageError: If it is not; the message says what was given instead.
    """
    right = "LiveKitAgent(lambda: AgentSession(llm=…), agent)"
    if isinstance(session, livekit.AgentSession):
        raise UsageError(
            "An AgentSession serves one talk, on the event loop where it was made: "
            f"pass a function that makes one, as in {right}."
        )
    if _is_model(session):
        raise UsageError(f"{type(session).__name__} is a model: put it into a session, as in {right}.")
    if isinstance(session, livekit.Agent):
        raise UsageError(f"The Agent comes second: {right}.")
    _check_function(session, "an AgentSession", right)


def check_agent(agent: Any) -> None:
    """Make sure that something is an agent, or a function that makes agents.

    Raises:
        UsageError: If it is not; the message says what was given instead.
    """
    right = 'LiveKitAgent(make_session, Agent(instructions="…"))'
    if isinstance(agent, livekit.Agent):
        return
    if isinstance(agent, type) and issubclass(agent, livekit.Agent):
        if not _takes_nothing(agent):
            raise UsageError(
                f"{agent.__name__} is a class: pass an agent of it, such as {agent.__name__}(…)."
            )
        return
    if isinstance(agent, livekit.AgentSession) or _is_model(agent):
        raise UsageError(f"{type(agent).__name__} is not an Agent: {right}.")
    if isinstance(agent, str):
        raise UsageError(f"A text is not an Agent: {right.replace('…', plain_line(agent)[:40])}.")
    _check_function(agent, "an Agent", right)


def _check_function(function: Any, product: str, right: str) -> None:
    """Make sure that something can be called without arguments; see `check_session_function`."""
    if inspect.iscoroutine(function):
        name = function.__name__
        function.close()
        raise UsageError(f"{name}() was called already: pass the function {name} itself, without ().")
    if not callable(function):
        raise UsageError(f"{type(function).__name__} does not make {product}: {right}.")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise UsageError(f"The function is a generator: it has to return {product}, not to yield it.")
    if not _takes_nothing(function):
        raise UsageError(f"The function that makes {product} is called without arguments: {right}.")


def _takes_nothing(function: Callable[..., Any]) -> bool:
    """Return whether something can be called without arguments, as far as is known."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def _is_model(value: Any) -> bool:
    return isinstance(value, (llm.RealtimeModel, llm.LLM, livekit.stt.STT, livekit.tts.TTS))


def _given(value: Any) -> bool:
    return bool(utils.is_given(value))


# --- One talk -------------------------------------------------------------------------------------------


class _LiveKitRun(AgentRun):
    """One session of LiveKit's, from its start to its close.

    It lives in a task of its own, in whose context everything of LiveKit's is called: LiveKit finds its HTTP
    client there, and the log its run.
    """

    def __init__(self, make_session: Callable[[], Any], agent: Any, name: str) -> None:
        self._make_session = make_session
        self._agent = agent
        self._name = name
        self._microphone = Microphone()
        self._camera = Camera()
        self._session: Any = None
        self._task: asyncio.Task[None] | None = None
        self._context: contextvars.Context | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._begun = asyncio.Event()
        self._opened = asyncio.Event()
        self._posts: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue()
        self._tools: list[Any] = []
        self._names: set[str] = set()
        self._calls: set[asyncio.Task[Any]] = set()
        self._running: dict[str, bool] = {}  # calls of functions, and whether the function is the agent's
        self._objects: set[str] = set()  # calls whose results are objects of Python, such as agents
        self._transcribed: dict[str, str] = {}
        self._usage: dict[str, int] = {}
        self._shown: set[str] = set()
        self._activity_ended = False
        self._starter = ""
        self._speaks = True
        self._before: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    # What the session asks for

    async def start(self, client: AgentClient) -> None:
        """Make the session and start it."""
        self._client = client
        self._answer = AnswerEnd(client)
        self._speaker = Speaker(client, self._answer)
        self._before.update(asyncio.all_tasks())
        _RUNS.add(self)
        self._task = asyncio.create_task(self._live(), name="LiveKit agent")
        await asyncio.wait([self._task, self._ready], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()

    async def run(self) -> None:
        """Return when LiveKit has closed the session."""
        assert self._task is not None
        self._begun.set()
        await asyncio.shield(self._task)

    async def close(self) -> None:
        """Close the session, and what is left of it."""
        if self._task is None:
            return
        self._speaker.end()
        self._cancel_calls()
        try:
            self._task.cancel()
            await asyncio.wait([self._task])
        finally:
            _RUNS.discard(self)
            if not _RUNS:
                # What LiveKit leaves behind where it could not close; of another talk it could be in use.
                left = [
                    task for task in asyncio.all_tasks() if task not in self._before and _is_livekits(task)
                ]
                for task in left:
                    task.cancel()
                if left:
                    await asyncio.wait(left, timeout=1.0)

    async def on_audio(self, pcm: bytes, sample_rate: int) -> None:
        """Pass on what the microphone hears."""
        self._microphone.put(pcm, sample_rate)

    async def on_audio_end(self) -> None:
        """Send silence, which ends what was being said."""
        if not self._client.push_to_talk:
            samples = 1600
            for _ in range(round(SILENCE_S * 16_000 / samples)):
                self._microphone.put(bytes(samples * 2), 16_000)

    async def on_text(self, text: str) -> None:
        """Let the agent answer what was typed."""
        if self._closed.done():
            return
        model = self._part("llm")
        if _is_google(model) and find(model.model.rpartition("/")[2], "gemini").text == "realtime_text":
            name = model.model.rpartition("/")[2]
            await self._client.notify(f"LiveKit cannot pass typed text to {name}: say it instead.")
            return
        self._interrupt()
        try:
            handle = self._within(self._session.generate_reply, user_input=text)
        except RuntimeError as error:
            await self._no_answer(error)
            return
        handle.add_done_callback(self._on_reply_done)

    async def on_image(self, data: bytes, mime_type: str) -> None:
        """Show the agent a picture."""
        if not isinstance(self._part("llm"), llm.RealtimeModel):
            self._tell(
                "LiveKit shows pictures to realtime models only, and this agent has none: they are not seen."
            )
            return
        self._camera.put(data)

    async def on_activity(self, active: bool) -> None:
        """Begin or end the user's turn, for push-to-talk."""
        if self._closed.done():
            return
        session = self._session
        if active:
            self._interrupt()
            self._within(session.clear_user_turn)
            session.input.set_audio_enabled(True)
            return
        await self._microphone.read()
        session.input.set_audio_enabled(False)
        if _is_google(self._part("llm")):
            # LiveKit would send a text of its own with the end, which is answered in place of what was said.
            self._realtime._send_client_event(_activity_end())
            self._activity_ended = True
        else:
            self._within(session.commit_user_turn)

    async def on_interrupt(self) -> None:
        """End the answer, and the notebook's functions that run for it, which LiveKit would not end."""
        self._cancel_calls()
        self._interrupt(force=True)

    async def on_played(self, ms: float) -> None:
        """Tell LiveKit what was heard."""
        self._speaker.on_played(ms)

    async def on_tools(self, declarations: Iterable[FunctionDeclaration]) -> None:
        """Offer other functions of the notebook's."""
        self._offer(declarations)
        agent = self._session.current_agent
        self._opened.clear()
        await self._await_within(agent.update_tools(agent.tools))
        model = self._part("llm")
        if isinstance(model, llm.RealtimeModel) and not model.capabilities.mutable_tools:
            await self._connected()  # anew, and what is typed meanwhile would be lost

    # The talk

    async def _live(self) -> None:
        _RUN.set(weakref.ref(self))
        _watch_log()
        pump = self._client.create_task(self._pump())
        try:
            async with utils.http_context.open():
                self._context = contextvars.copy_context()
                await self._talk()
        finally:
            pump.cancel()
            while not self._posts.empty():
                self._posts.get_nowait().close()

    async def _talk(self) -> None:
        session, agent = await self._made()
        self._session = session
        self._check_parts(session, agent)
        history, tools = agent.chat_ctx.copy(), list(session.tools)
        own = llm.ToolContext([*session.tools, *agent.tools]).function_tools
        self._client.check_names(set(own))
        self._offer(self._client.declarations)
        self._starter = agent.id
        _SESSIONS.add(session)
        _AGENTS.add(agent)
        try:
            self._connect(session, agent)
            await session.start(agent)
            await self._connected()
            self._ready.set_result(None)
            event = await self._closed
            if event.error is not None:
                raise event.error.error
        finally:
            self._speaker.end()
            try:
                async with asyncio.timeout(CLOSE_S):
                    await session.aclose()
            except TimeoutError:
                await self._drop_connection(agent)
            session.tools[:] = tools
            _AGENTS.discard(agent)
            with contextlib.suppress(Exception):
                await agent.update_chat_ctx(history, exclude_invalid_function_calls=False)

    async def _made(self) -> tuple[Any, Any]:
        """Return a new session and the agent."""
        session = self._make_session()
        if inspect.isawaitable(session):
            session = await session
        if not isinstance(session, livekit.AgentSession):
            hint = "put the model into it" if _is_model(session) else "did it forget to return it?"
            raise UsageError(
                "The function given to LiveKitAgent has to return an AgentSession, "
                f"not {type(session).__name__}: {hint.removesuffix('?')}{'?' if hint.endswith('?') else '.'}"
            )
        if session in _SESSIONS:
            raise UsageError(
                "The function given to LiveKitAgent returned the same AgentSession twice: "
                "it has to make a new one for each talk."
            )
        with contextlib.suppress(RuntimeError):
            session.current_agent  # noqa: B018 - raises if the session does not run
            raise UsageError(
                "The AgentSession runs already, in a room or elsewhere: return it without calling start."
            )
        agent = self._agent
        if not isinstance(agent, livekit.Agent):
            agent = agent()
            if inspect.isawaitable(agent):
                agent = await agent
            if not isinstance(agent, livekit.Agent):
                raise UsageError(
                    "The second function given to LiveKitAgent has to return an Agent, "
                    f"not {type(agent).__name__}."
                )
        if agent in _AGENTS:
            raise UsageError(
                "This Agent is in another talk: end that one, "
                "or give LiveKitAgent a function that makes an Agent."
            )
        return session, agent

    def _check_parts(self, session: Any, agent: Any) -> None:
        """Make sure that the session can talk, and in the way that was asked for."""

        def part(name: str) -> Any:
            of_agent = getattr(agent, name)
            return of_agent if _given(of_agent) else getattr(session, name)

        model = part("llm")
        if model is None:
            raise UsageError("The AgentSession has no model: pass llm=… to it or to the Agent.")
        realtime = isinstance(model, llm.RealtimeModel)
        mode = part("turn_detection")
        if self._client.push_to_talk:
            if (
                realtime
                and model.capabilities.turn_detection
                and not model.capabilities.can_disable_turn_detection
            ):
                how = (
                    " with realtime_input_config=RealtimeInputConfig(automatic_activity_detection="
                    "AutomaticActivityDetection(disabled=True))"
                    if _is_google(model)
                    else " without its turn detection"
                )
                raise UsageError(
                    "This agent's model detects turns itself, so push-to-talk cannot be used: "
                    f"make the model{how}."
                )
            if mode != "manual":
                if _given(agent.turn_detection):
                    raise UsageError(
                        "This Agent has a turn detection of its own, so push-to-talk cannot be used: "
                        'give it turn_handling={"turn_detection": "manual"}.'
                    )
                session.update_options(turn_detection="manual")
        elif mode == "manual":
            raise UsageError(
                'This agent waits to be told when a turn ends: use turn_detection="push_to_talk", '
                "or give its AgentSession another turn detection."
            )
        self._speaks = part("tts") is not None or (realtime and model.capabilities.audio_output)
        if not self._speaks:
            self._tell("This agent answers in text only: its AgentSession has no tts. Nothing will be heard.")
        if not realtime and part("stt") is None:
            self._tell("This agent hears nothing: its AgentSession has no stt. It answers what is typed.")

    def _connect(self, session: Any, agent: Any) -> None:
        """Put this page in the place of a room."""
        session.input.audio, session.input.video = self._microphone, self._camera
        speaker = self._speaker if self._speaks else None
        session.output.audio = speaker
        session.output.transcription = Captions(self._client, self._answer, speaker)
        for event, handler in (
            ("user_input_transcribed", self._on_transcribed),
            ("user_state_changed", self._on_user_state),
            ("agent_state_changed", self._on_agent_state),
            ("tool_execution_updated", self._on_tool),
            ("function_tools_executed", self._on_tools_executed),
            ("conversation_item_added", self._on_item),
            ("session_usage_updated", self._on_usage),
            ("close", self._on_close),
        ):
            session.on(event, handler)

    async def _connected(self) -> None:
        """Wait until a realtime model has its connection, or has failed."""
        if isinstance(self._part("llm"), llm.RealtimeModel):
            opened = asyncio.ensure_future(self._opened.wait())
            waits = [opened, self._closed]
            await asyncio.wait(waits, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()

    async def _drop_connection(self, agent: Any) -> None:
        """Close a realtime model's connection, where LiveKit does not get so far."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(0.5):
                await agent.realtime_llm_session.aclose()

    def _part(self, name: str) -> Any:
        """Return a part of the agent that speaks now, or of the session."""
        agent = self._session.current_agent
        of_agent = getattr(agent, name)
        return of_agent if _given(of_agent) else getattr(self._session, name)

    @property
    def _realtime(self) -> Any:
        """The connection of a realtime model."""
        return self._session.current_agent.realtime_llm_session

    def _interrupt(self, *, force: bool = False) -> None:
        # Speech that must not be interrupted goes on, and what was said is answered afterwards.
        with contextlib.suppress(RuntimeError):
            if self._activity_ended:
                # Google's plugin takes the beginning of an answer for an interruption, and would tell the
                # model that the user speaks again; so it learns only now that the last activity is over.
                self._activity_ended = self._realtime._in_user_activity = False
            self._within(self._session.interrupt, force=force)

    def _within(self, function: Callable[..., _Result], *args: Any, **options: Any) -> _Result:
        """Call a function of LiveKit's in the context of the talk."""
        assert self._context is not None
        return self._context.copy().run(function, *args, **options)

    async def _await_within(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        assert self._context is not None
        return await asyncio.get_running_loop().create_task(coroutine, context=self._context.copy())

    def _post(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Say something to the client, after what was said before. LiveKit's handlers cannot wait."""
        if self._task is None or self._task.done():
            coroutine.close()
        else:
            self._posts.put_nowait(coroutine)

    async def _pump(self) -> None:
        while True:
            await (await self._posts.get())

    def _tell(self, sentence: str) -> None:
        """Tell the user something once."""
        if sentence not in self._shown:
            self._shown.add(sentence)
            self._post(self._client.notify(sentence))

    # The notebook's functions

    def _offer(self, declarations: Iterable[FunctionDeclaration]) -> None:
        """Offer functions in place of those before, to every agent of the session."""
        tools = self._session.tools
        tools[:] = [tool for tool in tools if tool not in self._tools]
        self._tools = [self._tool(declaration) for declaration in declarations]
        self._names = {declaration.name or "" for declaration in declarations}
        tools.extend(self._tools)

    def _tool(self, declaration: FunctionDeclaration) -> Any:
        name = declaration.name or ""

        async def call(raw_arguments: dict[str, Any]) -> str:
            task = asyncio.current_task()
            assert task is not None
            self._calls.add(task)
            try:
                await self._begun.wait()  # an agent may greet, and call functions for that, as it starts
                return spoken_result(await self._client.call_tool(name, raw_arguments))
            finally:
                self._calls.discard(task)

        schema = {
            "name": name,
            "description": declaration.description or "",
            "parameters": parameters_of(declaration),
        }
        return livekit.function_tool(call, raw_schema=schema)

    def _cancel_calls(self) -> None:
        for call in list(self._calls):
            call.cancel()

    # What LiveKit reports

    def _on_transcribed(self, event: Any) -> None:
        """The user was understood; a realtime model repeats the text so far, under an id."""
        text, client = event.transcript, self._client
        if event.item_id is None:
            if event.is_final and text:
                self._post(client.user_said(f"{text} ", finished=True))
            elif text:
                self._post(client.interim_user_said(text))
            return
        said = self._transcribed.get(event.item_id, "")
        if not text.startswith(said):
            if event.is_final:
                self._post(client.user_said("", finished=True))
            return
        self._transcribed = {} if event.is_final else {event.item_id: text}
        if event.is_final or text != said:
            self._post(client.user_said(text[len(said) :], finished=event.is_final))

    def _on_user_state(self, event: Any) -> None:
        # Google's model reports that the user speaks when its own answer begins.
        if _is_google(self._part("llm")):
            return
        if event.new_state == "speaking":
            self._post(self._client.user_started_speaking())
        elif event.old_state == "speaking":
            self._post(self._client.user_stopped_speaking())

    def _on_agent_state(self, event: Any) -> None:
        if event.new_state == "listening" and not self._running:
            self._answer.idle()

    def _on_tool(self, event: Any) -> None:
        update = event.update
        if update.type == "tool_call_started":
            call = update.function_call
            remote = call.name not in self._names
            self._running[call.call_id] = remote
            self._answer.tool()
            if remote:
                self._post(self._client.tool_started(call.call_id, call.name, _arguments(call.arguments)))
        elif update.type == "tool_call_ended":
            if update.status != "cancelled":
                self._answer.result()
            if not self._running.pop(update.call_id, False):
                return
            words = {"error": update.message or "It failed.", "cancelled": "It was cancelled."}
            error = words.get(update.status)
            if error is None and _names_object(update.message):
                self._objects.add(update.call_id)
                return
            self._post(self._client.tool_finished(update.call_id, update.message, error=error))

    def _on_tools_executed(self, event: Any) -> None:
        """Functions have ended whose results the model gets; that of a hand-over is known only now."""
        for output in event.function_call_outputs:
            if output.call_id in self._objects:
                self._objects.discard(output.call_id)
                self._post(self._client.tool_finished(output.call_id, output.output))

    def _on_item(self, event: Any) -> None:
        item = event.item
        if item.type == "agent_handoff" and item.old_agent_id is not None:
            name = self._name if item.new_agent_id == self._starter else item.new_agent_id
            self._post(self._client.handed_over(name))

    def _on_usage(self, event: Any) -> None:
        """LiveKit counts over the session; a page wants what is new."""
        total: dict[str, int] = {}
        for model in event.usage.model_usage:
            for name, value in model.model_dump().items():
                if name.startswith(("input_", "output_")) and name.endswith("tokens"):
                    total[name] = total.get(name, 0) + int(value)
        new = {name: count - self._usage.get(name, 0) for name, count in total.items()}
        self._usage = total
        if any(new.values()):
            self._post(self._client.usage(usage_metadata(new)))
        else:  # A connection was opened, which costs nothing.
            self._opened.set()

    def _on_close(self, event: Any) -> None:
        self._speaker.end()
        if not self._closed.done():
            self._closed.set_result(event)

    def _on_reply_done(self, handle: Any) -> None:
        if (error := handle.exception()) is not None:
            self._post(self._no_answer(error))

    async def _no_answer(self, error: BaseException) -> None:
        await self._client.notify(
            f"The agent does not answer: {plain_line(str(error)) or type(error).__name__}"
        )

    def on_logged(self, record: logging.LogRecord) -> None:
        """LiveKit has logged an error: show it, unless the talk ends of it."""
        message = plain_line(record.getMessage())
        if "executing tool" in message or "is closing" in message:  # shown at the call, or as the end
            return
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message}: {describe_error(record.exc_info[1])}"

        def show() -> None:
            if not self._closed.done():
                self._tell(f"LiveKit reports an error: {message[:300]}")

        asyncio.get_running_loop().call_later(ERROR_S, show)


# --- Values of LiveKit's and of the wire's --------------------------------------------------------------


def spoken_result(response: Mapping[str, Any]) -> str:
    """Return a function's response as LiveKit takes it: text, since it would write a dict as Python does.

    Raises:
        ToolError: LiveKit's, if the response is an error; its message is for the model.
    """
    if set(response) == {"error"}:
        raise llm.ToolError(str(response["error"]))
    value = next(iter(response.values())) if set(response) in ({"output"}, {"result"}) else response
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arguments(text: str) -> dict[str, Any]:
    """Return a call's arguments, which LiveKit has as JSON."""
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return {"arguments": text}
    return arguments if isinstance(arguments, dict) else {"arguments": arguments}


def _names_object(text: str | None) -> bool:
    """Return whether a text was made of an object that has none, such as an agent."""
    return text is not None and " object at 0x" in text


def usage_metadata(tokens: Mapping[str, int]) -> UsageMetadata:
    """Return LiveKit's counts of tokens as the wire has them."""

    def details(side: str) -> list[ModalityTokenCount]:
        kinds = {"TEXT": "text", "AUDIO": "audio", "IMAGE": "image"}
        counts = {wire: tokens.get(f"{side}_{kind}_tokens", 0) for wire, kind in kinds.items()}
        return [
            ModalityTokenCount(modality=wire, token_count=count) for wire, count in counts.items() if count
        ]

    prompt, answer = tokens.get("input_tokens", 0), tokens.get("output_tokens", 0)
    return UsageMetadata(
        prompt_token_count=prompt,
        cached_content_token_count=tokens.get("input_cached_tokens") or None,
        response_token_count=answer,
        total_token_count=prompt + answer,
        prompt_tokens_details=details("input") or None,
        response_tokens_details=details("output") or None,
    )


def _is_google(model: Any) -> bool:
    return isinstance(model, llm.RealtimeModel) and type(model).__module__.startswith(
        "livekit.plugins.google"
    )


def _activity_end() -> Any:
    from google.genai import types

    return types.LiveClientRealtimeInput(activity_end=types.ActivityEnd())


def _is_livekits(task: asyncio.Task[Any]) -> bool:
    """Return whether a task runs a coroutine of LiveKit's packages."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(livekit.__file__).parent.parent in Path(code.co_filename).parents


class _LogWatch(logging.Handler):
    """Takes what LiveKit logs, so that Python does not print it into the notebook for want of a handler.

    Handlers of the user's own get it as ever. Errors are told to the run in whose tasks they were logged.
    """

    def emit(self, record: logging.LogRecord) -> None:
        found = _RUN.get()
        if record.levelno >= logging.ERROR and found is not None and (run := found()) is not None:
            run.on_logged(record)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether asyncio reports anything but an exception that LiveKit has logged already."""
    message = record.getMessage()
    is_of_task = message.startswith("Task exception was never retrieved")
    return not (is_of_task and _LIVEKITS_FOLDER.search(message))


def _watch_log() -> None:
    logger = logging.getLogger("livekit")
    if not any(isinstance(handler, _LogWatch) for handler in logger.handlers):
        logger.addHandler(_LogWatch())
        logging.getLogger("asyncio").addFilter(_is_news)
