"""What is tried with livekit-agents beside the scenes of all bridges: `python -m tests.integrations.livekit_scenes JSON`.

Prints what came of each scene as one line of JSON; `test_livekit` judges. One pipeline is made of small parts of
its own here, since none with a speech-to-text and a voice runs without a network.
"""

import asyncio
import gc
import json
import logging
import sys
import time
import wave

import numpy as np
from livekit.agents import (
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIConnectOptions,
    function_tool,
    llm,
    stt,
    tts,
)
from PIL import Image

from livewidget import connect, events
from livewidget.config.code import to_python
from livewidget.errors import LiveError
from livewidget.integrations import livekit, livekit_io
from livewidget.integrations.livekit import LiveKitAgent
from livewidget.integrations.livekit_io import Speaker
from livewidget.session import LiveSession
from livewidget.tools import Tool
from tests.integrations.drive_livekit import model_for
from tests.integrations.driving import Server

WAIT_S = 20.0
OPTIONS = APIConnectOptions()


@function_tool
async def set_light(on: bool) -> str:
    """Switch the light."""
    return "the light is on" if on else "the light is off"


def set_fan(on: bool) -> dict:
    """Switch the fan."""
    return {"fan": on}


def set_heating(on: bool) -> dict:
    """Switch the heating."""
    return {"heating": on}


class Talk:
    """A conversation, and LiveKit's session behind it."""

    def __init__(self, make_session, agent, *, played=False, **config):
        def make():
            self.session = make_session()
            return self.session

        self.provider = LiveKitAgent(make, agent, name="lamp")
        if played:
            self.live = LiveSession(self.provider, reports_playback=True)
        else:  # The clock says what was heard.
            self.live = connect(self.provider, **config)
        self.events = []
        self.live.subscribe(self.events.append)

    async def __aenter__(self):
        await self.live.start()
        return self

    async def __aexit__(self, *_):
        await self.live.close()

    async def until(self, holds, what):
        deadline = time.monotonic() + WAIT_S
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what}: {self.live.turns}")
            await asyncio.sleep(0.02)

    async def say(self, path, *, pace=1.0):
        with wave.open(str(path)) as file:
            while piece := file.readframes(640):
                await self.live.send_audio(piece, 16_000)
                await asyncio.sleep(0.04 / pace)

    @property
    def notices(self):
        return [event.text for event in self.events if isinstance(event, events.Notice)]

    @property
    def said(self):
        """What LiveKit holds to have been said, and whether it was interrupted."""
        return [
            [item.role, item.text_content, item.interrupted]
            for item in self.session.history.items
            if item.type == "message"
        ]

    @property
    def turns(self):
        return [[turn.speaker, turn.text, turn.agent, turn.interrupted] for turn in self.live.turns]


def google(server, **options):
    return lambda: AgentSession(llm=model_for(server, **options), aec_warmup_duration=None)


async def cut(server):
    """Interrupt a story that the page plays at half its speed, and so has got to less than the clock would say."""
    async with Talk(google(server), Agent(instructions="Be brief."), played=True) as talk:
        live = talk.live
        await live.send_text("tell me a story")
        await talk.until(lambda: live.turns[-1:] and live.turns[-1].audio_samples > 3 * 24_000, "a story")
        story = live.turns[-1].index
        for sample in range(2_400, 36_001, 2_400):
            live.playback_progress(story, sample)
            await asyncio.sleep(0.2)
        speaking = talk.session.agent_state
        asked = asyncio.create_task(live.ask("what is the capital of japan"))
        await talk.until(lambda: any(isinstance(one, events.Interrupted) for one in talk.events), "a stop")
        live.playback_stopped(story, 38_400)
        await talk.until(lambda: live.turns[-1].text.endswith("Tokyo."), "an answer")
        live.playback_progress(live.turns[-1].index, live.turns[-1].audio_samples)
        await asked
        listening = talk.session.agent_state
        whole = "".join(span.text for span in live.turns[1].spans)
        return {
            "said": talk.said,
            "turn": live.turns[1].text,
            "whole": whole,
            "states": [speaking, listening],
        }


async def handover(server):
    """Let a function hand over to another agent, which goes on with the notebook's function at hand."""

    class Spanish(Agent):
        def __init__(self):
            super().__init__(instructions="Be brief.")

    class Reception(Agent):
        @function_tool
        async def set_light(self, on: bool):
            """Switch the light."""
            return Spanish(), "one moment"

    agent = Reception(instructions="Be brief.")
    async with Talk(google(server), agent, tools=[set_fan]) as talk:
        await talk.live.send_text("turn on the light")
        await talk.until(lambda: type(talk.session.current_agent) is Spanish, "the other agent")
        await asyncio.sleep(1.0)
        await talk.live.ask("what is the capital of spain")
        await talk.live.ask("turn on the fan")
        tools = [
            [use.name, use.agent, use.remote, use.result] for turn in talk.live.turns for use in turn.tools
        ]
        return {"turns": talk.turns, "tools": tools}


async def twice(server):
    """Talk twice with one agent; the second talk knows nothing of the first, and the agent is as it was."""
    shared = [set_light]
    agent = Agent(instructions="Be brief.", tools=shared)
    before = [agent.instructions, [tool.id for tool in agent.tools], len(agent.chat_ctx.items)]
    offered = []

    def make():
        return AgentSession(llm=model_for(server), tools=offered, aec_warmup_duration=None)

    said = []
    for _ in range(2):
        async with Talk(make, agent, tools=[set_fan]) as talk:
            await talk.live.ask("what is the capital of japan")
            added = [tool.id for tool in offered]
        said.append(talk.said)
    after = [agent.instructions, [tool.id for tool in agent.tools], len(agent.chat_ctx.items)]
    return {"before": before, "after": after, "added": added, "left": len(offered), "said": said}


async def new_tools(server):
    """Add a function in mid-talk."""
    async with Talk(
        google(server), Agent(instructions="Be brief.", tools=[set_light]), tools=[set_fan]
    ) as talk:
        await talk.live.ask("turn on the fan")
        await talk.live.update(tools=[set_heating])
        await talk.live.ask("turn on the heating")
        return {"tools": [use.name for turn in talk.live.turns for use in turn.tools]}


async def greeting(server):
    """Let an agent call a function of the notebook's as it begins."""

    class Eager(Agent):
        async def on_enter(self):
            await self.session.tools[0](raw_arguments={"on": True})

    async with Talk(google(server), Eager(instructions="Be brief."), tools=[set_fan]) as talk:
        await talk.until(lambda: any(isinstance(one, events.ToolResult) for one in talk.events), "a call")
        return {"results": [one.result for one in talk.events if isinstance(one, events.ToolResult)]}


async def meanwhile(server):
    """Let a function of the notebook's, and one of the agent's, take its time; some models speak meanwhile."""

    async def make_coffee() -> str:
        """Make coffee."""
        await asyncio.sleep(1.5)
        return "the coffee is ready"

    reports = {"speaks": not server.ends_first}
    for whose, own, tools in (
        ("notebooks", [], [Tool.of(make_coffee, behavior="NON_BLOCKING")]),
        ("agents", [function_tool(make_coffee)], []),
    ):
        async with Talk(google(server), Agent(instructions="Be brief.", tools=own), tools=tools) as talk:
            await talk.live.ask("make coffee")
            said = [turn.text for turn in talk.live.turns if turn.speaker == "model"]
            completed = [one.inferred for one in talk.events if isinstance(one, events.TurnComplete)]
            reports[whose] = [said, completed]
    return reports


async def stopped_call(server):
    """Press Stop while a function of the notebook's runs; ask something else."""
    ends = []

    async def set_fan(on: bool) -> str:
        """Switch the fan."""
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return "too late"

    async with Talk(google(server), Agent(instructions="Be brief."), tools=[set_fan]) as talk:
        await talk.live.send_text("turn on the fan")
        await talk.until(lambda: any(isinstance(one, events.ToolCall) for one in talk.events), "a call")
        await asyncio.sleep(0.3)
        await talk.live.interrupt()
        await talk.until(lambda: ends, "the function to end")
        states = [use.state for turn in talk.live.turns for use in turn.tools]
        return {
            "ends": ends,
            "states": states,
            "said": (await talk.live.ask("what is the capital of japan")).text,
        }


async def untold(server):
    """Something that LiveKit reports cannot be passed on."""
    async with Talk(google(server), Agent(instructions="Be brief.")) as talk:

        async def fails():
            raise RuntimeError("that cannot be told")

        (run,) = livekit._RUNS
        run._post(fails())
        await talk.until(lambda: talk.live.error is not None, "an end")
        return {"error": str(talk.live.error), "code": to_python(talk.provider.expression())}


async def pictures(server):
    """Show two pictures, the second one too soon for LiveKit."""
    async with Talk(google(server), Agent(instructions="Be brief.")) as talk:
        for color in ("darkgreen", "red"):
            await talk.live.send_image(Image.new("RGB", (1024, 768), color))
            await asyncio.sleep(0.3)
        first = (await talk.live.ask("what do you see")).text
        await asyncio.sleep(livekit_io.SAMPLER_S)
        return {"first": first, "second": (await talk.live.ask("what do you see")).text}


async def unreported(server):
    """Let nobody say what was heard."""
    stalled_s, livekit_io.STALLED_S = livekit_io.STALLED_S, 0.5
    heard, Speaker.on_played = Speaker.on_played, lambda speaker, ms: None
    try:
        async with Talk(google(server), Agent(instructions="Be brief.")) as talk:
            said = (await talk.live.ask("what is the capital of japan")).text
            await talk.until(lambda: talk.session.agent_state == "listening", "LiveKit to listen")
            return {"said": said, "history": talk.said}
    finally:
        livekit_io.STALLED_S, Speaker.on_played = stalled_s, heard


async def clinging(server):
    """Let an agent wait for ever where it is to leave."""

    class Clinging(Agent):
        async def on_exit(self):
            await asyncio.Event().wait()

    before = asyncio.all_tasks()
    async with Talk(google(server), Clinging(instructions="Be brief.")) as talk:
        await talk.live.ask("what is the capital of japan")
        began = time.monotonic()
    took_s = time.monotonic() - began
    left = [str(task) for task in asyncio.all_tasks() - before]
    return {"left": left, "took_s": took_s}


async def refused_text(server):
    """Type to a model that takes no typed text from LiveKit; it still hears."""
    async with Talk(
        google(server._replace_model("gemini-3.1-flash-live-preview")), Agent(instructions="x")
    ) as talk:
        await talk.live.send_text("what is the capital of japan")
        await talk.until(lambda: talk.notices, "a notice")
        await talk.say(server.path("question.wav"), pace=4)
        await talk.until(lambda: "Paris." in str(talk.live.turns), "an answer")
        return {"notices": talk.notices}


async def errors(server):
    """Let an agent go wrong where LiveKit only logs it."""

    class Silent(Agent):
        async def on_enter(self):
            raise ValueError("the greeting is missing")

    async with Talk(google(server), Silent(instructions="Be brief.")) as talk:
        await talk.until(lambda: talk.notices, "a notice")
        answer = await talk.live.ask("what is the capital of japan")
        return {"notices": talk.notices, "said": answer.text}


async def refusals(server):
    """Start what cannot work; return the sentence of each."""
    busy = Agent(instructions="x")
    made = AgentSession(llm=model_for(server))
    running = AgentSession(llm=model_for(server))
    await running.start(Agent(instructions="x"))
    manual = {"turn_handling": {"turn_detection": "manual"}}
    plain = google(server)
    cases = {
        "a model": (lambda: model_for(server), busy, {}),
        "nothing": (lambda: None, busy, {}),
        "no model": (lambda: AgentSession(), busy, {}),
        "the same session": (lambda: made, busy, {}),
        "a running session": (lambda: running, busy, {}),
        "no agent": (plain, lambda: None, {}),
        "an agent of its own names": (
            plain,
            Agent(instructions="x", tools=[set_light]),
            {"tools": [set_light_here]},
        ),
        "push-to-talk": (plain, busy, {"turn_detection": "push_to_talk"}),
        "no push-to-talk": (lambda: pipeline(**manual), busy, {}),
        "push-to-talk with an agent's turns": (
            pipeline,
            Agent(instructions="x", turn_handling={"turn_detection": "vad"}),
            {"turn_detection": "push_to_talk"},
        ),
    }
    sentences = {}
    for name, (make, agent, config) in cases.items():
        for _ in range(2 if name == "the same session" else 1):
            try:
                async with Talk(make, agent, **config):
                    sentences[name] = "it started"
            except LiveError as error:
                sentences[name] = str(error)
    async with Talk(plain, busy):
        try:
            async with Talk(plain, busy):
                sentences["a busy agent"] = "it started"
        except LiveError as error:
            sentences["a busy agent"] = str(error)
    await running.aclose()
    return sentences | wrong_arguments(server)


def wrong_arguments(server):
    """Make agents of what is none; return the sentence of each."""

    async def make():
        return None

    async def generate():
        yield None

    def entrypoint(context):
        return None

    agent, make_session = Agent(instructions="x"), google(server)
    session = make_session()
    cases = {
        "session: an AgentSession": (session, agent),
        "session: a model": (model_for(server), agent),
        "session: an Agent": (agent, agent),
        "session: a coroutine": (make(), agent),
        "session: a number": (1, agent),
        "session: a generator": (generate, agent),
        "session: an entrypoint": (entrypoint, agent),
        "agent: a class": (make_session, Agent),
        "agent: a session": (make_session, session),
        "agent: a text": (make_session, "Be brief."),
        "agent: a number": (make_session, 1),
    }
    sentences = {}
    for name, arguments in cases.items():
        try:
            LiveKitAgent(*arguments)
        except LiveError as error:
            sentences[name] = str(error)
    return sentences


def set_light_here(on: bool) -> str:
    """Switch the light."""
    return "on"


set_light_here.__name__ = "set_light"


# --- A pipeline ---------------------------------------------------------------------------------------------


class Ears(stt.STT):
    """Understands the same in whatever it hears."""

    def __init__(self):
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(self, buffer, *, language=NOT_GIVEN, conn_options=OPTIONS):
        said = stt.SpeechData(language="en", text="turn on the fan")
        return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said])


class Mind(llm.LLM):
    """Calls the fan's function when it is asked to, and tells long stories of everything else."""

    def chat(self, *, chat_ctx, tools=None, conn_options=OPTIONS, **_):
        return Thought(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Thought(llm.LLMStream):
    async def _run(self):
        last = self._chat_ctx.items[-1]
        if last.type == "message" and "fan" in (last.text_content or ""):
            call = llm.FunctionToolCall(name="set_fan", arguments='{"on": true}', call_id=f"call-{id(self)}")
            self._event_ch.send_nowait(
                llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", tool_calls=[call]))
            )
            return
        text = (
            last.output if last.type == "function_call_output" else "one two three four five six seven. " * 4
        )
        for word in text.split():
            self._event_ch.send_nowait(
                llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content=f"{word} "))
            )


class Voice(tts.TTS):
    """Hums for a quarter of a second for each word, in stereo and at a rate of its own."""

    def __init__(self):
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=16_000, num_channels=1
        )

    def synthesize(self, text, *, conn_options=OPTIONS):
        return Hum(tts=self, input_text=text, conn_options=conn_options)


class Hum(tts.ChunkedStream):
    async def _run(self, emitter):
        emitter.initialize(
            request_id="1", sample_rate=16_000, num_channels=1, mime_type="audio/pcm", frame_size_ms=50
        )
        samples = 4_000 * len(self._input_text.split())
        hum = 6_000 * np.sin(np.arange(samples) * 2 * np.pi * 220 / 16_000)
        emitter.push(hum.astype(np.int16).tobytes())
        emitter.flush()


def pipeline(**options):
    settings = {"turn_handling": {"turn_detection": "vad"}, "aec_warmup_duration": None, **options}
    return AgentSession(**{"stt": Ears(), "llm": Mind(), "tts": Voice(), **settings})


async def piped(server):
    """Talk with a pipeline: typed, spoken, interrupted by voice, shown a picture."""
    async with Talk(pipeline, Agent(instructions="Be brief."), tools=[set_fan]) as talk:
        typed = await talk.live.ask("turn on the fan")
        await talk.say(server.path("question.wav"))
        await talk.until(lambda: len(talk.live.turns) >= 4 and talk.live.turns[-1].final, "an answer")
        spoken = talk.turns[2:]
        await asyncio.sleep(1.5)
        await talk.live.send_text("tell me a story")
        await talk.until(lambda: talk.live.turns[-1].audio_samples > 24_000, "a story")
        story = talk.live.turns[-1].index
        await asyncio.sleep(1.0)
        await talk.say(server.path("interruption.wav"))
        await talk.until(lambda: any(turn.interrupted for turn in talk.live.turns), "an interruption")
        cut = next(turn for turn in talk.live.turns if turn.index == story)
        await asyncio.sleep(1.0)
        heard = [text for role, text, interrupted in talk.said if role == "assistant" and interrupted]
        await talk.live.send_image(server.path("picture.jpg").read_bytes())
        await talk.until(lambda: talk.notices, "a notice")
        speech = [
            type(one).__name__
            for one in talk.events
            if isinstance(one, events.ActivityStart | events.ActivityEnd)
        ]
        return {
            "typed": typed.text,
            "spoken": spoken,
            "cut": [cut.interrupted, cut.text],
            "heard": heard,
            "notices": talk.notices,
            "speech": speech,
        }


async def pressed(server):
    """Press and release with a pipeline that would otherwise listen by itself."""
    config = {"turn_detection": "push_to_talk", "tools": [set_fan]}
    async with Talk(pipeline, Agent(instructions="Be brief."), **config) as talk:
        for turns in (2, 4):
            await talk.live.activity_start()
            await talk.say(server.path("question.wav"))
            answered = talk.live.turns[turns - 1 :]
            await talk.live.activity_end()
            await talk.until(lambda: turns == len(talk.live.turns) and talk.live.turns[-1].final, "an answer")  # noqa: B023
        return {"turns": talk.turns, "answered": [turn.text for turn in answered]}


async def written(server):
    """Talk with a pipeline that has no voice and no ears."""
    async with Talk(
        lambda: pipeline(stt=NOT_GIVEN, tts=NOT_GIVEN), Agent(instructions="x"), tools=[set_fan]
    ) as talk:
        answer = await talk.live.ask("turn on the fan")
        return {"notices": talk.notices, "said": answer.text, "audio": answer.audio_samples}


SCENES = (
    cut,
    handover,
    twice,
    new_tools,
    greeting,
    meanwhile,
    stopped_call,
    untold,
    pictures,
    unreported,
    clinging,
    refused_text,
    errors,
    refusals,
    piped,
    pressed,
    written,
)


class Rerouted(Server):
    def _replace_model(self, model):
        return Rerouted(**{**vars(self), "model": model})


async def main(task):
    wanted = task.pop("scenes", None)
    complaints = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())
    logging.getLogger("asyncio").addHandler(handler)
    reports = {}
    for scene in SCENES:
        if wanted and scene.__name__ not in wanted:
            continue
        try:
            async with asyncio.timeout(60):
                reports[scene.__name__] = await scene(Rerouted(**task))
        except (AssertionError, LiveError, TimeoutError) as error:
            reports[scene.__name__] = {"failed": f"{type(error).__name__}: {error}"}
    gc.collect()  # asyncio complains of tasks whose errors nobody looked at when they are gone
    left = [str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    return {**reports, "left": left, "complaints": complaints}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
