"""What only agents of the Agent Development Kit do, in an environment that has it; `test_adk.py` judges what came of it.

Run as `python -m tests.integrations.scenes_adk JSON`; it prints one line of JSON, with what each scene returned.
"""

import asyncio
import contextlib
import io
import json
import logging
import sys
import threading
import time

from google.adk.agents import BaseAgent, LlmAgent, LoopAgent, SequentialAgent
from google.adk.agents.run_config import RunConfig, ToolThreadPoolConfig
from google.adk.events import Event
from google.adk.models import BaseLlm
from google.adk.models.base_llm_connection import BaseLlmConnection
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import InMemoryRunner, Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools import LongRunningFunctionTool, google_search
from google.adk.tools.base_toolset import BaseToolset
from google.adk.workflow import Workflow
from google.genai import types

from livewidget import connect, events
from livewidget.config.code import to_python
from livewidget.errors import LiveError
from livewidget.integrations import adk
from livewidget.integrations.adk import AdkAgent
from tests.integrations.bridge_adk import model, provider, set_light
from tests.integrations.bridging import set_fan
from tests.integrations.driving import Server

WAIT_S = 30.0
REPORTS = ("the timer is set", "half of it is over", "it is over now")
KEY = "AIzaSyCANARY0000000000000000000000000000"


def agent(server, name="lamp", **options):
    return LlmAgent(name=name, model=model(server), instruction="Be brief.", **options)


class Log:
    """What a session publishes, in order."""

    def __init__(self, session):
        self.events = []
        self._more = asyncio.Event()
        session.subscribe(self._take)

    def _take(self, event):
        self.events.append(event)
        self._more.set()

    def of(self, kind):
        return [one for one in self.events if isinstance(one, kind)]

    async def until(self, test):
        async with asyncio.timeout(WAIT_S):
            while not test(self):
                self._more.clear()
                await self._more.wait()


@contextlib.asynccontextmanager
async def talk(to, **options):
    async with connect(to, **options) as session:
        yield session, Log(session)


async def words(making):
    """The words of the error that comes of making something, or of talking with it."""
    try:
        made = making()
        async with connect(made):
            return "no error"
    except LiveError as error:
        return f"{type(error).__name__}: {error}"


def tools_of(session):
    return [
        {"name": use.name, "state": use.state, "remote": use.remote, "result": use.result, "error": use.error}
        for turn in session.turns
        for use in turn.tools
    ]


# --- Agents and their tools ---------------------------------------------------------------------------------


async def hand_over(server):
    billing = agent(server, "billing", description="Answers questions about bills.")
    lamp = agent(server, tools=[set_light], sub_agents=[billing])
    async with talk(AdkAgent(lamp), tools=[set_fan]) as (session, log):
        await session.ask("turn on the light", timeout=WAIT_S)
        await session.send_text("transfer to agent billing")
        await log.until(lambda log: log.of(events.AgentChanged))
        await asyncio.sleep(1.5)  # The other agent has a connection of its own.
        answer = await session.ask("turn on the fan", timeout=WAIT_S)
        return {
            "changed": [event.agent for event in log.of(events.AgentChanged)],
            "said": answer.text,
            "agents": [turn.agent for turn in session.turns if turn.speaker == "model"],
            "tools": tools_of(session),
        }


async def sequence(server):
    """One agent after the other, each with a connection of its own, in the middle of the first one's turn."""
    both = SequentialAgent(name="both", sub_agents=[agent(server, "one"), agent(server, "two")])
    async with talk(AdkAgent(both)) as (session, log):
        await session.send_text("task completed")
        await log.until(lambda log: len(log.of(events.AgentChanged)) == 2)
        answer = await session.ask("what is the capital of japan", timeout=WAIT_S)
        return {
            "changed": [event.agent for event in log.of(events.AgentChanged)],
            "said": answer.text,
            "tools": tools_of(session),
            "notices": [event.text for event in log.of(events.Notice)],
        }


async def streaming(server):
    async def set_timer(minutes: int):
        """Set a timer, and report again and again."""
        for report in REPORTS:
            yield report
            await asyncio.sleep(0.2)

    async def open_gate():
        """Open the gate."""
        yield "the gate opens"
        raise ValueError("it is stuck")

    async with talk(AdkAgent(agent(server, tools=[set_timer, open_gate]))) as (session, log):
        await session.send_text("set a timer for five minutes")
        await log.until(lambda log: len(log.of(events.ToolResult)) == 3)
        await session.interrupt()
        reported = [event.result for event in log.of(events.ToolResult)]
        await session.send_text("open the gate")
        await log.until(lambda log: log.of(events.ToolResult)[-1].error)
        return {"reported": reported, "tools": tools_of(session)}


async def long_running(server):
    def order_pizza() -> dict:
        """Order a pizza."""
        return {"status": "pending", "ticket": "t1"}

    async with talk(AdkAgent(agent(server, tools=[LongRunningFunctionTool(order_pizza)]))) as (session, _):
        answer = await session.ask("order a pizza", timeout=WAIT_S)
        return {"said": answer.text, "tools": tools_of(session)}


async def meanwhile(server):
    """Ask something else while a function of the notebook's runs: what comes first, its result or the answer."""

    async def make_coffee() -> str:
        """Make coffee."""
        await asyncio.sleep(4.0)
        return "the coffee is ready"

    async with talk(AdkAgent(agent(server)), tools=[make_coffee]) as (session, log):
        await session.send_text("make coffee")
        await log.until(lambda log: log.of(events.ToolCall))
        await asyncio.sleep(0.5)
        await session.send_text("what is the capital of japan")
        await log.until(lambda log: "Tokyo" in said_in(log) and log.of(events.ToolResult))
        kinds = [
            "result" if isinstance(one, events.ToolResult) else "answer"
            for one in log.events
            if isinstance(one, events.ToolResult) or getattr(one, "text", "").startswith("Tokyo")
        ]
        return {"order": kinds}


def said_in(log):
    return "".join(event.text for event in log.of(events.OutputTranscript))


async def threads(server):
    """With a pool of threads for its tools, the kit runs each on a loop of its own."""
    ran = []

    def set_light(on: bool) -> str:
        """Switch the light."""
        ran.append(threading.current_thread() is threading.main_thread())
        return "the light is on"

    pool = RunConfig(tool_thread_pool_config=ToolThreadPoolConfig())
    lamp = AdkAgent(agent(server, tools=[set_light]), run_config=pool)
    async with talk(lamp, tools=[set_fan]) as (session, _):
        said = [(await session.ask(f"turn on the {what}", timeout=WAIT_S)).text for what in ("light", "fan")]
        return {"said": said, "in_main_thread": ran, "tools": tools_of(session)}


# --- Conversations ------------------------------------------------------------------------------------------


async def memory(server):
    lamp = AdkAgent(agent(server))
    async with talk(lamp) as (session, _):
        first = (await session.ask("what is the capital of japan", timeout=WAIT_S)).text
    id = lamp.session_id
    async with talk(lamp) as (session, _):
        again = (await session.ask("say that again please", timeout=WAIT_S)).text
    async with talk(AdkAgent(agent(server))) as (session, _):
        other = (await session.ask("say that again please", timeout=WAIT_S)).text
    return {"first": first, "again": again, "other": other, "same": lamp.session_id == id}


async def left_open(server):
    """A conversation ends while a tool runs: how often it has run after the next one has begun."""
    runs = {}
    for name, awaits in {"noted": adk._awaits_answer, "not noted": lambda events: False}.items():
        begun = runs[name] = []

        async def make_tea(begun=begun) -> str:
            """Make tea."""
            begun.append(time.monotonic())
            await asyncio.sleep(WAIT_S)

        kept, adk._awaits_answer = adk._awaits_answer, awaits
        try:
            lamp = AdkAgent(agent(server, tools=[make_tea]))
            async with talk(lamp) as (session, log):
                await session.send_text("make tea")
                await log.until(lambda log: log.of(events.ToolCall))
            async with talk(lamp) as (session, log):
                await asyncio.sleep(1.0)
        finally:
            adk._awaits_answer = kept
    return {name: len(begun) for name, begun in runs.items()}


async def stop(server):
    """Stop a story; that the model was interrupted is in the kit's session before anything else is asked."""
    lamp = AdkAgent(agent(server))
    async with talk(lamp) as (session, log):
        await session.send_text("tell me a story")
        await log.until(lambda log: len(log.of(events.OutputTranscript)) > 4)
        await session.interrupt()
        await log.until(lambda log: log.of(events.TurnComplete))
        await asyncio.sleep(0.5)
        kept = await lamp.runner.session_service.get_session(
            app_name="lamp", user_id=lamp.user_id, session_id=lamp.session_id
        )
        answer = await session.ask("what is the capital of japan", timeout=WAIT_S)
        turns = [(turn.text, turn.interrupted) for turn in session.turns if turn.speaker == "model"]
    return {
        "said": answer.text,
        "turns": turns,
        "interrupted": sum(bool(event.interrupted) for event in kept.events),
        "times": len(log.of(events.Interrupted)),
    }


async def at_once(server):
    lamp = AdkAgent(agent(server))
    async with talk(lamp) as (session, _):
        second = await words(lambda: lamp)
        said = (await session.ask("what is the capital of japan", timeout=WAIT_S)).text
    return {"second": second, "said": said, "after": await words(lambda: lamp)}


async def closing(server):
    """End it while tools run, and while it starts: what is left, and how long that takes."""
    ended = []

    async def make_tea() -> str:
        """Make tea."""
        try:
            await asyncio.sleep(WAIT_S)
        finally:
            ended.append("tea")

    async def make_coffee() -> str:
        """Make coffee."""
        try:
            await asyncio.sleep(WAIT_S)
        finally:
            ended.append("coffee")

    lamp, seconds = AdkAgent(agent(server, tools=[make_tea])), []
    for what in ("tea", "coffee"):
        async with talk(lamp, tools=[make_coffee]) as (session, log):
            await session.send_text(f"make {what}")
            await log.until(lambda log: log.of(events.ToolCall))
            began = time.monotonic()
        seconds.append(time.monotonic() - began)
    starting = asyncio.create_task(words(lambda: lamp))
    await asyncio.sleep(0.01)
    starting.cancel()
    await asyncio.wait([starting])
    after = await words(lambda: lamp)
    return {"ended": ended, "seconds": seconds, "after": after, "tasks": len(asyncio.all_tasks()) - 1}


# --- The user's own -----------------------------------------------------------------------------------------


class Shelf(BaseToolset):
    """A toolset that counts how often it is closed."""

    closed = 0

    async def get_tools(self, readonly_context=None):
        return []

    async def close(self):
        self.closed += 1


async def untouched(server):
    """What is the user's stays as it is: agent, runner, session service, toolsets."""
    shelves = Shelf(), Shelf()
    below = agent(server, "below")
    lamp = agent(server, tools=[set_light, shelves[0]], sub_agents=[below])
    service = InMemorySessionService()
    runner = Runner(app_name="house", agent=lamp, session_service=service)
    config = RunConfig()
    before = snapshot(lamp), snapshot(below), config.model_dump_json()
    own = AdkAgent(runner, run_config=config, user_id="anna", session_id="s1")
    async with talk(own, tools=[set_fan]) as (session, _):
        said = (await session.ask("turn on the fan", timeout=WAIT_S)).text
    kept = await service.get_session(app_name="house", user_id="anna", session_id="s1")
    in_turn = SequentialAgent(name="both", sub_agents=[agent(server, "one")])
    one = snapshot(in_turn.sub_agents[0])
    async with talk(AdkAgent(in_turn)) as (session, log):
        await session.ask("what is the capital of japan", timeout=WAIT_S)
        changed = [event.agent for event in log.of(events.AgentChanged)]
    async with talk(AdkAgent(agent(server, tools=[shelves[1]]))):
        pass
    return {
        "said": said,
        "same": (snapshot(lamp), snapshot(below), config.model_dump_json()) == before,
        "same_in_sequence": snapshot(in_turn.sub_agents[0]) == one,
        "runner": runner.agent is lamp and runner.app.root_agent is lamp,
        "kept": len(kept.events) > 0,
        "changed": changed,
        "code": [to_python(one.expression()) for one in (own, AdkAgent(in_turn))],
        "closed": [shelf.closed for shelf in shelves],
    }


def snapshot(one):
    fields = {name: getattr(one, name) for name in type(one).model_fields}
    return {name: list(value) if isinstance(value, list) else value for name, value in fields.items()}


async def sources(server):
    async with talk(AdkAgent(agent(server, tools=[google_search]))) as (session, log):
        answer = await session.ask("when was the eiffel tower built", timeout=WAIT_S)
        named = [len(event.metadata["groundingChunks"]) for event in log.of(events.Grounding)]
        return {"said": answer.text, "named": named, "tokens": session.meter.usage.total_tokens}


class Recorder:
    """A client that notes what it is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        async def tell(*values, **named):
            self.told.append([name, *values, *named.values()])

        return tell


async def rare(server):
    """What models of the tutor's never send: events as the kit makes them."""
    run, told = adk._AdkRun(AdkAgent(agent(server))), {}
    run._client = recorder = Recorder()
    parts = {
        "speech": [
            {"voice_activity": types.VoiceActivity(voice_activity_type=f"ACTIVITY_{one}")}
            for one in ("START", "END")
        ],
        "thought": [
            {"content": content("Hm, ", thought=True), "partial": True},
            {"content": content("Hm, yes.", thought=True), "partial": False},
        ],
        "request": [{"content": content(call="adk_request_credential")}],
        "message": [{"content": content("half of it is done", role="user")}],
        "reason": [{"turn_complete": True, "turn_complete_reason": "MALFORMED_FUNCTION_CALL"}],
        "error": [{"error_code": "SAFETY", "error_message": "not that"}],
    }
    for name, events_ in parts.items():
        recorder.told.clear()
        try:
            for fields in events_:
                await run._pass_on(Event(author="lamp", **fields))
        except RuntimeError as error:
            recorder.told.append(["raised", str(error)])
        told[name] = list(recorder.told)
    return told


def content(text=None, *, role="model", call=None, **part):
    calls = types.FunctionCall(id="1", name=call, args={}) if call else None
    return types.Content(role=role, parts=[types.Part(text=text, function_call=calls, **part)])


class Written(BaseLlm):
    """A live model that only writes."""

    @contextlib.asynccontextmanager
    async def connect(self, llm_request):
        yield WrittenConnection()

    async def generate_content_async(self, llm_request, stream=False):
        yield LlmResponse()


class WrittenConnection(BaseLlmConnection):
    def __init__(self):
        self._asked = asyncio.Queue()

    async def send_history(self, history):
        pass

    async def send_content(self, content):
        self._asked.put_nowait(content)

    async def _send_content(self, content, *, partial=False):
        self._asked.put_nowait(content)

    async def send_realtime(self, blob):
        pass

    async def receive(self):
        content = await self._asked.get()
        if content is None:
            return
        for text, partial in (("It is ", True), ("nine.", True), ("It is nine.", False)):
            part = types.Part(text=text)
            yield LlmResponse(content=types.Content(role="model", parts=[part]), partial=partial)
        yield LlmResponse(turn_complete=True)

    async def close(self):
        self._asked.put_nowait(None)


async def written(server):
    """An agent that only writes."""
    notices = []
    async with talk(AdkAgent(LlmAgent(name="lamp", model=Written(model="written")))) as (session, log):
        said = [(await session.ask("what time is it", timeout=WAIT_S)).text for _ in range(2)]
        notices = [event.text for event in log.of(events.Notice)]
    return {"said": said, "notices": notices}


# --- Mistakes -----------------------------------------------------------------------------------------------


class Mute(BaseLlm):
    """A model without a live connection, as most that are not Google's."""

    async def generate_content_async(self, llm_request, stream=False):
        yield LlmResponse()


class Broken(BaseAgent):
    async def _run_live_impl(self, ctx):
        raise RuntimeError(f"no current at /home/anna/house/lamp.py with {KEY}")
        yield Event()


async def mistakes(server):
    async def coroutine():
        return agent(server)

    off = types.AutomaticActivityDetection(disabled=True)
    manual = RunConfig(realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=off))
    text = server.model.replace("native-audio", "text").replace("-live", "")

    def double(inner=False):
        below = [agent(server, "below", tools=[set_fan])] if inner else []
        return AdkAgent(agent(server, tools=[] if inner else [set_fan], sub_agents=below))

    found = {
        "class": await words(lambda: AdkAgent(LlmAgent)),
        "function": await words(lambda: AdkAgent(coroutine)),
        "coroutine": await words(lambda: AdkAgent(coroutine())),
        "model": await words(lambda: AdkAgent(model(server))),
        "name": await words(lambda: AdkAgent("lamp")),
        "run_config": await words(lambda: AdkAgent(agent(server), run_config={})),
        "no live connection": await words(
            lambda: AdkAgent(LlmAgent(name="lamp", model=Mute(model="gpt-4o")))
        ),
        "unknown to the kit": await words(lambda: AdkAgent(LlmAgent(name="lamp", model="no-such"))),
        "unknown to the service": await words(
            lambda: AdkAgent(LlmAgent(name="lamp", model=model(server).model_copy(update={"model": text})))
        ),
        "loop": await words(lambda: AdkAgent(LoopAgent(name="loop", sub_agents=[agent(server)]))),
        "manual": await words(lambda: AdkAgent(agent(server), run_config=manual)),
        "secret": await words(lambda: AdkAgent(Broken(name="lamp"))),
    }
    flow = Workflow(name="flow", edges=[("START", agent(server))])
    try:
        async with connect(AdkAgent(InMemoryRunner(node=flow)), tools=[set_fan]):
            found["workflow"] = "no error"
    except LiveError as error:
        found["workflow"] = str(error)
    for name, inner in (("double", False), ("double below", True)):
        try:
            async with connect(double(inner), tools=[set_fan]):
                found[name] = "no error"
        except LiveError as error:
            found[name] = str(error)
    return found


async def push_to_talk(server):
    """The user's settings of speech stay, but for what the widget says."""
    lasting = types.AutomaticActivityDetection(silence_duration_ms=900)
    mine = RunConfig(
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=lasting, turn_coverage=types.TurnCoverage.TURN_INCLUDES_ALL_INPUT
        )
    )
    sent = []
    run_live = Runner.run_live

    def noted(self, **options):
        sent.append(options["run_config"].realtime_input_config.model_dump(mode="json", exclude_none=True))
        return run_live(self, **options)

    Runner.run_live = noted
    try:
        async with connect(AdkAgent(agent(server), run_config=mine), turn_detection="push_to_talk"):
            pass
        async with connect(AdkAgent(agent(server), run_config=mine), turn_detection={"silence_ms": 300}):
            pass
    finally:
        Runner.run_live = run_live
    return {"sent": sent, "mine": mine.realtime_input_config.model_dump(mode="json", exclude_none=True)}


async def logged(server):
    """What stands on stderr after an agent has failed, with and without what keeps tracebacks from it."""
    found = {}
    kit = logging.getLogger("google_adk")
    for name in ("kept", "not kept"):
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            for fault in ("raises", "wrong_key"):
                lamp = provider(server, fault)
                if name == "not kept":
                    kit.handlers.clear()
                with contextlib.suppress(LiveError):
                    async with connect(lamp) as session:
                        await session.ask("turn on the light", timeout=WAIT_S)
            kit.warning("a warning of the kit's")
        found[name] = stderr.getvalue()
    return found


async def replaced(server, connection_s):
    """The service ends connections after a few seconds: between two answers, and in the middle of one."""
    lamp = AdkAgent(agent(server))
    async with talk(lamp) as (session, log):
        first = (await session.ask("what is the capital of japan", timeout=WAIT_S)).text
        await asyncio.sleep(connection_s)
        after = (await session.ask("say that again please", timeout=WAIT_S)).text
        quiet = [event.text for event in log.of(events.Notice)]
        while not log.of(events.Notice):
            await session.send_text("tell me a story")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(connection_s):
                    await log.until(lambda log: log.of(events.Notice))
        last = (await session.ask("what is the capital of france", timeout=WAIT_S)).text
        return {
            "said": [first, after, last],
            "quiet": quiet,
            "notices": list(dict.fromkeys(event.text for event in log.of(events.Notice))),
        }


SCENES = (
    *(
        hand_over,
        sequence,
        streaming,
        long_running,
        meanwhile,
        threads,
        memory,
        left_open,
        stop,
        at_once,
        closing,
        untouched,
    ),
    *(rare, written, sources, mistakes, push_to_talk, logged),
)


async def play(task):
    server, hasty = (Server(**task[name]) for name in ("server", "hasty"))
    found = {scene.__name__: await scene(server) for scene in SCENES}
    return found | {"replaced": await replaced(hasty, task["connection_s"])}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(json.loads(sys.argv[1])))))
