"""Somebody's agent as a provider: the seam that every bridge is built on, with agents moved by the test."""

import asyncio
import concurrent.futures
import functools
import gc
import logging
import re
import sys
import threading
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from livewidget import connect
from livewidget.clock import ManualClock
from livewidget.config import Limits, LiveConfig
from livewidget.errors import (
    AgentEnded,
    AgentFailed,
    AudioError,
    ConfigError,
    ExtraMissing,
    ServerFault,
    StateError,
    UsageError,
)
from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    AgentChanged,
    Grounding,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    Notice,
    OutputAudio,
    OutputText,
    OutputTranscript,
    SessionEnded,
    Thought,
    ToolCallCancelled,
    TurnComplete,
    Usage,
)
from livewidget.integrations import agent as agents
from livewidget.integrations.agent import AgentProvider, AgentRun, parameters_of, require
from livewidget.pictures import Picture
from livewidget.protocol.messages import FunctionDeclaration, UsageMetadata
from livewidget.session import LiveSession
from livewidget.transports.memory import FRAMES_WAITING
from livewidget.turns import Floor
from tests.peer import eventually
from tests.session.exchange import settle

LOUD = b"\x00\x20\x00\xe0" * 800  # 100 ms at 16 kHz


class Puppet(AgentRun):
    """Does nothing by itself: the test is the agent, by `client`, and sees in `did` what the user did."""

    def __init__(self):
        self.did = []
        self.over = asyncio.get_running_loop().create_future()
        self.closed = 0

    async def start(self, client):
        self.client = client

    async def run(self):
        await self.over

    async def close(self):
        self.closed += 1

    async def on_audio(self, pcm, sample_rate):
        self.did.append(("audio", len(pcm), sample_rate))

    async def on_audio_end(self):
        self.did.append(("audio end",))

    async def on_activity(self, active):
        self.did.append(("activity", active))

    async def on_text(self, text):
        self.did.append(("text", text))

    async def on_image(self, data, mime_type):
        self.did.append(("image", data, mime_type))

    async def on_interrupt(self):
        self.did.append(("interrupt",))

    async def on_played(self, ms):
        self.did.append(("played", round(ms)))

    async def on_tools(self, declarations):
        self.did.append(("tools", *(one.name for one in declarations)))

    def played(self):
        return [one[1] for one in self.did if one[0] == "played"]


class Talk:
    """A session with a puppet, whose time the test winds."""

    def __init__(self, run=Puppet, config=None, *, provider=None, session=None, **takes):
        self.clock = ManualClock()
        self.runs = []

        def new_run():
            self.runs.append(run())
            return self.runs[-1]

        self.provider = provider or AgentProvider(
            "lamp", new_run, kind="ADK agent", clock=self.clock, **takes
        )
        self.session = LiveSession(self.provider, config, clock=self.clock, **(session or {}))
        self.events = []
        self.session.subscribe(self.events.append)

    async def __aenter__(self):
        await self.session.start()
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    @property
    def run(self):
        return self.runs[-1]

    @property
    def client(self):
        return self.run.client

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def notices(self):
        return {event.code: event.text for event in self.told(Notice)}

    @property
    def texts(self):
        return [(turn.agent or turn.speaker, turn.text) for turn in self.session.turns]

    async def wait(self, ms, step=50):
        for _ in range(int(ms / step)):
            self.clock.advance(step)
            await settle()

    async def answer(self, text="Yes.", seconds=1.0):
        await self.client.agent_said(text)
        await self.client.play(bytes(int(seconds * 48_000)))
        await self.client.turn_complete()
        await settle()


def declared(names):
    """Functions of a notebook with these names."""

    def make(name):
        def function() -> str:
            """Do it."""
            return name

        function.__name__ = name
        return function

    return [make(name) for name in names]


@pytest.mark.parametrize(
    ("declared", "schema"),
    [
        ({"parameters_json_schema": {"type": "object", "title": "T"}}, {"type": "object", "title": "T"}),
        (
            {
                "parameters": {
                    "type": "OBJECT",
                    "properties": {"type": {"type": "ARRAY", "items": [{"type": "STRING"}]}},
                }
            },
            {"type": "object", "properties": {"type": {"type": "array", "items": [{"type": "string"}]}}},
        ),
        ({}, {"type": "object", "properties": {}}),
    ],
)
def test_arguments_are_described_in_json_schema_however_they_were_declared(declared, schema):
    assert parameters_of(FunctionDeclaration(name="f", **declared)) == schema


# --- What the user does -------------------------------------------------------------------------------------


async def test_an_agent_is_talked_with_like_a_model():
    class Echo(AgentRun):
        async def start(self, client):
            self.client = client

        async def on_text(self, text):
            await self.client.agent_said(f"You said: {text}")
            await self.client.play(bytes(2400))
            await self.client.turn_complete()

        async def close(self):
            pass

    async with connect(AgentProvider("echo", Echo)) as session:
        turn = await session.ask("hello")
    assert turn.text == "You said: hello"
    assert turn.audio_samples == 1200
    assert session.error is None


async def test_a_long_greeting_comes_before_what_is_said_after_it():
    class Greeter(Puppet):
        """Says more as it starts than the transport holds, and in a task more as soon as there is room."""

        async def start(self, client):
            self.client, self.count = client, 0
            for _ in range(2 * FRAMES_WAITING):
                await self.say_next()
            client.create_task(self.go_on())

        async def go_on(self):
            waiting = self.client._transport._outbound.frames
            while not waiting:  # noqa: ASYNC110
                await asyncio.sleep(0)
            while len(waiting) >= FRAMES_WAITING:  # noqa: ASYNC110
                await asyncio.sleep(0)
            await self.say_next()
            await self.client.turn_complete()

        async def say_next(self):
            self.count += 1
            await self.client.agent_said(f"{self.count} ")

    async with connect(AgentProvider("greeter", Greeter)) as session:
        await eventually(lambda: session.turns[-1:] and session.turns[-1].final)
        said = [int(word) for turn in session.turns for word in turn.text.split()]
    assert said == list(range(1, 2 * FRAMES_WAITING + 2))


async def test_what_the_user_does_comes_in_its_order():
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        await talk.session.send_text("and this?")
        await talk.session.send_image(Picture(b"jpeg", "image/jpeg", 1, 1))
        await talk.session.send_audio(LOUD)
        await settle()
    kinds = [one for one in talk.run.did if one[0] != "audio end"]
    assert kinds == [
        ("audio", 3200, 16_000),
        ("text", "and this?"),
        ("image", b"jpeg", "image/jpeg"),
        ("audio", 3200, 16_000),
    ]


async def test_push_to_talk_reaches_an_agent_that_takes_it_and_is_refused_by_others():
    config = LiveConfig.from_kwargs(turn_detection="push_to_talk")
    async with Talk(config=config, push_to_talk=True) as talk:
        assert talk.client.push_to_talk
        await talk.session.activity_start()
        await talk.session.send_audio(LOUD)
        await talk.session.activity_end()
        await settle()
        assert talk.run.did == [("activity", True), ("audio", 3200, 16_000), ("activity", False)]
        assert talk.session.floor is Floor.THINKING
    with pytest.raises(ConfigError, match="push_to_talk does not work with the ADK agent lamp"):
        await Talk(config=config).session.start()
    async with Talk(push_to_talk=True) as talk:
        assert not talk.client.push_to_talk


async def test_a_paused_microphone_is_told_after_silence_that_ends_a_turn():
    async with Talk() as talk:
        await talk.session.send_audio(LOUD)
        await talk.session.end_audio()
        await eventually(lambda: ("audio end",) in talk.run.did)
    assert sum(one[1] for one in talk.run.did if one[0] == "audio") > 3200  # Silence came first.


async def test_settings_that_it_takes_are_in_its_setup_and_others_are_its_own():
    config = LiveConfig.from_kwargs(voice="Kore", system_instruction="Be brief.")
    async with Talk(config=config, takes=("voice", "system_instruction")) as talk:
        setup = talk.client.setup
        assert setup.system_instruction.parts[0].text == "Be brief."
        assert setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Kore"
    with pytest.raises(ConfigError, match="voice is a setting of the ADK agent lamp: change it in its code"):
        await Talk(config=config, takes=("system_instruction",)).session.start()


# --- What the agent says ------------------------------------------------------------------------------------


async def test_each_thing_that_it_says_is_an_event():
    async with Talk() as talk:
        client = talk.client
        await client.user_started_speaking()
        await client.interim_user_said("turn the")
        await client.user_said("Turn the light on.", finished=True)
        await client.user_stopped_speaking()
        await client.thought("A light.")
        await client.agent_said("It is on.", finished=True)
        await client.play(bytes(480))
        await client.grounding({"webSearchQueries": ["light"]})
        await client.turn_complete(UsageMetadata(total_token_count=7))
        await client.agent_wrote("Written.")
        await client.turn_complete(reason="RESPONSE_REJECTED")
        await client.notify("The lamp is hot.\n")
        await settle()
    assert [event for event in talk.events if not isinstance(event, SessionEnded)][1:] == [
        ActivityStart(),
        InterimInputTranscript(text="turn the"),
        InputTranscript(text="Turn the light on.", finished=True),
        ActivityEnd(),
        Thought(text="A light."),
        OutputTranscript(text="It is on.", finished=True),
        OutputAudio(data=bytes(480)),
        Grounding(metadata={"webSearchQueries": ["light"]}),
        Usage(total_tokens=7),
        TurnComplete(),
        OutputText(text="Written."),
        TurnComplete(reason="RESPONSE_REJECTED"),
        talk.events[13],
        Notice(level="warning", code="agent", text="The lamp is hot."),
    ]
    assert talk.notices["turn-ended"].startswith("The ADK agent lamp ended its answer early")


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
async def test_audio_of_any_rate_is_heard_at_its_pitch(rate):
    samples = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5
    pcm = (samples * 32767).astype("<i2").tobytes()
    async with Talk() as talk:
        for start in range(0, len(pcm), 1234):
            await talk.client.play(pcm[start : start + 1234], rate)
        await settle()
        heard = b"".join(event.data for event in talk.told(OutputAudio))
    got = np.frombuffer(heard, "<i2") / 32767
    assert 23_900 <= len(got) <= 24_000
    expected = np.sin(2 * np.pi * 440 * np.arange(len(got)) / 24_000) * 0.5
    assert np.abs(got - expected)[200:].max() < 0.01


async def test_a_long_answer_goes_in_pieces_and_arrays_are_taken():
    async with Talk() as talk:
        await talk.client.play(np.zeros(48_000, np.float32))
        await settle()
        sizes = [len(event.data) for event in talk.told(OutputAudio)]
    assert sum(sizes) == 96_000
    assert max(sizes) <= 24_000


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda client: client.play(b"odd"), AudioError, "two bytes a sample"),
        (lambda client: client.play(bytes(2), 7), AudioError, "7 Hz is out of range"),
        (lambda client: client.play("sound"), UsageError, "play takes PCM16 bytes"),
        (lambda client: client.play(bytes(2), "fast"), UsageError, "its sample rate in Hz"),
        (lambda client: client.agent_said(b"Yes."), UsageError, "is a str, not bytes"),
        (lambda client: client.agent_wrote(None), UsageError, "is a str, not NoneType"),
        (lambda client: client.user_said(1), UsageError, "is a str, not int"),
        (lambda client: client.notify(1), UsageError, "is a str, not int"),
        (lambda client: client.handed_over(None), UsageError, "is a str, not NoneType"),
        (lambda client: client.call_tool("f", "x"), UsageError, "a dict of names and values, not str"),
        (lambda client: client.tool_started("1", "f", [1]), UsageError, "not list"),
        (lambda client: client.tool_started(1, "f"), UsageError, "is a str, not int"),
        (lambda client: client.play(np.zeros((100, 6))), UsageError, r"mono or stereo, .* not \(100, 6\)"),
    ],
)
async def test_what_a_bridge_gets_wrong_is_one_sentence(call, error, words):
    async with Talk() as talk:
        with pytest.raises(error, match=words) as raised:
            await call(talk.client)
        assert "\n" not in str(raised.value)
        await talk.answer()  # The conversation goes on.
        assert talk.texts == [("model", "Yes.")]


async def test_what_a_bridge_gets_wrong_where_nothing_is_awaited_is_one_sentence():
    async with Talk(session={"tools": declared(["f"])}) as talk:
        with pytest.raises(UsageError, match=r"^create_task takes a coroutine, .* not print\.$"):
            talk.client.create_task(print)
        with pytest.raises(
            UsageError, match=r"^check_names takes a list of names, such as \['f'\], not a str"
        ):
            talk.client.check_names("f")


async def _play_in(client):
    await client.play(bytes(480))


@pytest.mark.parametrize(
    "call",
    [
        _play_in,
        lambda client: client.turn_complete(),
        lambda client: client.interrupted(),
        lambda client: client.user_said("Hello."),
        lambda client: client.call_tool("f", {}),
        lambda client: client.notify("It is hot."),
    ],
)
async def test_on_another_loop_it_is_told_how_to_come_back(call):
    async with Talk(session={"tools": declared(["f"])}) as talk:
        await talk.client.agent_said("Oh yes.")
        with pytest.raises(UsageError, match=r"asyncio\.run_coroutine_threadsafe"):
            await asyncio.to_thread(lambda: asyncio.run(call(talk.client)))
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(asyncio.run_coroutine_threadsafe(talk.client.turn_complete(), loop).result)
        await settle()
        # Nothing has changed by what was refused.
        assert talk.texts == [("model", "Oh yes.")]
        assert talk.told(TurnComplete) == [TurnComplete()]
        assert not talk.told(Interrupted)


async def test_a_task_is_begun_on_its_loop_only():
    async with Talk() as talk:
        with pytest.raises(UsageError, match=r"asyncio\.run_coroutine_threadsafe"):
            await asyncio.to_thread(talk.client.create_task, _play_in(talk.client))


async def test_what_it_says_as_it_starts_comes_right_after():
    class Greeter(Puppet):
        async def start(self, client):
            self.client = client
            for number in range(50):  # more than a connection keeps of what comes before the setup
                await client.agent_said(f"{number} ")
            await client.turn_complete()

    async with Talk(Greeter) as talk:
        await settle()
        assert talk.texts == [("model", "".join(f"{number} " for number in range(50)))]


async def test_what_it_says_after_the_end_goes_nowhere():
    async with Talk() as talk:
        client = talk.client
    await client.play(bytes(480))
    await client.turn_complete()
    await client.tool_started("1", "f")
    assert not talk.told(OutputAudio)


# --- Its own tools ------------------------------------------------------------------------------------------


async def test_its_own_tool_is_shown_and_never_run_counted_or_answered():
    ran = []

    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        ran.append(on)
        return "here"

    limits = Limits(calls_per_turn=1)
    async with Talk(session={"tools": [set_light], "limits": limits, "approve": True}) as talk:
        for number in range(3):
            await talk.client.tool_started(str(number), "set_light", {"on": True})
            await settle()
            await talk.wait(100)
            assert talk.session.floor is Floor.TOOL
            await talk.client.tool_finished(str(number), {"light": "on"})
            await settle()
        await talk.answer()
        [turn] = talk.session.turns
        assert [use.line() for use in turn.tools] == [
            "set_light(on=True) → {'light': 'on'} (by the agent)"
        ] * 3
        assert all(use.remote and use.duration_ms == 100 and use.state == "done" for use in turn.tools)
        # The notebook's limit is for what runs here.
        assert (await talk.client.call_tool("set_light", {"on": False})) == {"result": "here"}
    assert ran == [False]
    assert talk.session.stats.refused_calls == 0
    sent = [frame.kind for frame in talk.session.wire.frames if frame.outgoing]
    assert sent == ["setup", "toolResponse", "close"]


async def test_ids_are_its_own_and_calls_have_others_here():
    async with Talk(session={"tools": declared(["f"])}) as talk:
        await talk.client.tool_started("call-1", "g")
        await talk.client.tool_finished("call-1")
        await talk.client.call_tool("f", {})
        await talk.client.tool_started("call-1", "g", {"again": 1})
        await talk.client.tool_finished("call-1", 5)
        await settle()
        [turn] = talk.session.turns
        assert len({use.id for use in turn.tools}) == 3
        assert [(use.name, use.remote, use.result) for use in turn.tools] == [
            ("g", True, {"result": None}),
            ("f", False, {"result": "f"}),
            ("g", True, {"result": 5}),
        ]


async def test_the_last_of_several_reports_of_one_call_stands():
    async with Talk() as talk:
        await talk.client.tool_started("1", "watch")
        await settle()
        for value in ("one", "two"):
            await talk.wait(50)
            await talk.client.tool_finished("1", value)
        await talk.client.tool_finished("of no call", "three")
        await talk.client.agent_said("Two.")
        await talk.client.turn_complete()
        await talk.wait(50)
        await talk.client.tool_finished("1", error="it is\nbroken")
        await settle()
        [use] = talk.session.turns[0].tools
        assert (use.state, use.error, use.duration_ms) == ("failed", "it is broken", 150)
        assert talk.session.floor is Floor.LISTENING


async def test_a_task_that_is_begun_after_the_end_is_cancelled():
    async with Talk() as talk:
        pass
    task = talk.client.create_task(asyncio.sleep(3600))
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_of_two_calls_with_one_id_the_first_is_not_left_running():
    async with Talk() as talk:
        await talk.client.tool_started("1", "f")
        await talk.client.tool_started("1", "g")
        await talk.client.tool_finished("1", 5)
        await settle()
        first, second = talk.session.turns[0].tools
        assert (first.name, first.state) == ("f", "failed")
        assert first.error == "Its result is not known: another call has its id."
        assert (second.name, second.state, second.result) == ("g", "done", {"result": 5})


async def test_a_tool_that_never_ends_does_not_keep_the_floor():
    async with Talk() as talk:
        await talk.session.send_text("watch the door")
        await settle()
        await talk.client.tool_started("1", "watch")
        await talk.client.turn_complete()
        await talk.wait(6_000)
        assert talk.session.floor is Floor.LISTENING
        assert [turn.final for turn in talk.session.turns] == [True, True]
        await talk.answer("Somebody is there.")
        assert talk.texts[-1] == ("model", "Somebody is there.")
        assert talk.session.turns[1].tools[0].state == "running"
    assert talk.session.turns[1].tools[0].state == "cancelled"


async def test_a_tool_reported_after_the_answer_leaves_nothing_open():
    async with Talk() as talk:
        await talk.client.tool_started("1", "log")
        await talk.client.tool_finished("1", "ok")
        await settle()
        assert talk.session.floor is Floor.THINKING
        await talk.wait(30_000, 250)
        assert talk.session.floor is Floor.LISTENING
        assert talk.session.turns[0].final


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("on", {"result": "on"}),
        ({"light": 1}, {"light": 1}),
        (None, {"result": None}),
        ({1: object}, {"1": str(object)}),
        (b"\x00", {"result": "AA=="}),
        ("x" * 200_000, {"result": "200,002 bytes, which is too long to be shown"}),
        (float("nan"), {"result": None}),
    ],
)
async def test_any_result_is_shown(result, shown):
    async with Talk() as talk:
        await talk.client.tool_started("1", "f")
        await talk.client.tool_finished("1", result)
        await settle()
        assert talk.session.turns[0].tools[0].result == shown


async def test_a_result_that_cannot_be_described_is_named():
    class Secretive:
        def __str__(self):
            raise RuntimeError

    async with Talk() as talk:
        await talk.client.tool_started("1", "f")
        await talk.client.tool_finished("1", Secretive())
        await settle()
        assert talk.session.turns[0].tools[0].result == {"result": "a Secretive"}


# --- The notebook's tools -----------------------------------------------------------------------------------


async def test_it_calls_the_notebooks_functions_and_gets_what_they_return():
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    async def fail() -> None:
        """Fail."""
        raise ValueError("no luck")

    class Caller(Puppet):
        async def on_text(self, text):
            self.got = await self.client.call_tool("add", {"a": 1, "b": 2})
            await self.client.agent_said(str(self.got))
            await self.client.turn_complete()

    async with Talk(Caller, session={"tools": [add, fail]}) as talk:
        assert [one.name for one in talk.client.declarations] == ["add", "fail"]
        turn = await talk.session.ask("1 and 2?")
        assert turn.text == "{'result': 3}"
        assert [(use.name, use.remote, use.state) for use in turn.tools] == [("add", False, "done")]
        assert "no luck" in (await talk.client.call_tool("fail", {}))["error"]
        assert "error" in (await talk.client.call_tool("nothing", {}))


async def test_a_person_allows_its_calls_or_does_not():
    from livewidget import Tool

    def open_door() -> str:
        """Open the door."""
        return "open"

    tool = Tool.of(open_door, require_approval=True)
    for allowed in (True, False):
        async with Talk(session={"tools": [tool], "approve": True}) as talk:
            calling = asyncio.create_task(talk.client.call_tool("open_door", {}))
            await eventually(lambda talk=talk: any(turn.tools for turn in talk.session.turns))
            [use] = talk.session.turns[0].tools
            await eventually(lambda: talk.session.turns[0].tools[0].state == "asking")
            talk.session.approve(use.id, allowed)
            response = await calling
            assert (response == {"result": "open"}) is allowed
            await settle()
            assert talk.session.turns[0].tools[0].state == ("done" if allowed else "refused")


async def test_a_call_that_it_gives_up_is_cancelled():
    stopped = asyncio.Event()

    async def wait() -> None:
        """Wait for ever."""
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with Talk(session={"tools": [wait]}) as talk:
        calling = asyncio.create_task(talk.client.call_tool("wait", {}))
        await eventually(lambda: any(turn.tools for turn in talk.session.turns))
        calling.cancel()
        await asyncio.wait([calling])
        await stopped.wait()
        await settle()
        assert talk.told(ToolCallCancelled)
        assert talk.session.turns[0].tools[0].state == "cancelled"


async def test_a_call_that_waits_at_the_end_is_given_up():
    async def wait() -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()

    def call_from_a_thread(client):
        with pytest.raises(concurrent.futures.CancelledError):
            asyncio.run_coroutine_threadsafe(client.call_tool("wait", {}), loop).result()

    async with Talk(session={"tools": [wait]}) as talk:
        calling = asyncio.create_task(talk.client.call_tool("wait", {}))
        elsewhere = asyncio.create_task(asyncio.to_thread(call_from_a_thread, talk.client))
        await eventually(lambda: sum(len(turn.tools) for turn in talk.session.turns) == 2)
    await asyncio.wait([calling, elsewhere], timeout=5)
    assert calling.cancelled()
    await elsewhere


async def test_a_call_after_the_end_gets_an_error_at_once():
    class Late(Puppet):
        async def close(self):
            self.got = await self.client.call_tool("f", {})

    async with Talk(Late, session={"tools": declared(["f"])}) as talk:
        pass
    assert talk.run.got == {"error": "The conversation has ended."}
    async with asyncio.timeout(5):
        assert await talk.client.call_tool("f", {}) == {"error": "The conversation has ended."}


async def test_a_name_on_both_sides_is_refused():
    class Doubled(Puppet):
        async def start(self, client):
            client.check_names(["other", "set_light"])

    talk = Talk(Doubled, session={"tools": declared(["set_light"])})
    with pytest.raises(UsageError, match="has a tool set_light of its own, and the notebook offers"):
        await talk.session.start()
    assert talk.run.closed == 1


async def test_functions_run_once_it_has_started():
    class Hasty(Puppet):
        async def start(self, client):
            await client.call_tool("f", {})

    with pytest.raises(StateError, match="call_tool works once start has returned"):
        await Talk(Hasty, session={"tools": declared(["f"])}).session.start()


async def test_an_agent_without_eyes_refuses_pictures():
    async with Talk(images=False) as talk:
        with pytest.raises(
            UsageError, match=r"^The ADK agent lamp takes no pictures; describe what they show"
        ):
            await talk.session.send_image(np.zeros((8, 8, 3), np.uint8))


async def test_an_agent_without_functions_refuses_them():
    with pytest.raises(ConfigError, match="The ADK agent lamp calls no functions of the notebook"):
        Talk(tools=False, session={"tools": declared(["f"])})


# --- Hand-overs ---------------------------------------------------------------------------------------------


async def test_who_speaks_after_a_hand_over_has_a_turn_of_its_own():
    async with Talk() as talk:
        client = talk.client
        await client.user_said("What is the weather?")
        await client.agent_said("I ask the expert.")
        await client.play(bytes(4800))
        await client.tool_started("1", "transfer_to_agent", {"agent": "weather"})
        await client.tool_finished("1")
        await client.handed_over("weather")
        await client.handed_over("weather")
        await client.tool_started("2", "look")
        await client.tool_finished("2")
        await client.agent_said("It rains.")
        await client.play(bytes(4800))
        await client.user_said(" Please.")  # late words of the question
        await client.turn_complete()
        await settle()
        assert talk.texts == [
            ("user", "What is the weather? Please."),
            ("model", "I ask the expert."),
            ("weather", "It rains."),
        ]
        assert [turn.final for turn in talk.session.turns] == [True] * 3
        assert not any(turn.interrupted for turn in talk.session.turns)
        assert [(use.name, use.agent) for turn in talk.session.turns for use in turn.tools] == [
            ("transfer_to_agent", ""),
            ("look", "weather"),
        ]
        assert talk.told(AgentChanged) == [AgentChanged(agent="weather")] * 2
        await client.handed_over("lamp")
        await talk.answer("Back again.")
        assert talk.texts[-1] == ("lamp", "Back again.")


async def test_an_agent_that_hands_over_to_one_that_says_nothing_has_answered():
    async with Talk() as talk:
        asking = asyncio.create_task(talk.session.ask("the weather?"))
        await settle()
        await talk.client.agent_said("I ask the expert.")
        await talk.client.play(bytes(480))
        await talk.client.handed_over("expert")
        await settle()
        assert not asking.done()
        await talk.client.turn_complete()
        await settle()
        assert (await asking).text == "I ask the expert."
        assert talk.session.floor is Floor.LISTENING


async def test_words_of_the_next_agent_need_no_voice_to_be_its_own():
    async with Talk() as talk:
        await talk.client.agent_said("One moment.")
        await talk.client.handed_over("expert")
        await talk.client.agent_said("It rains.")
        await talk.wait(500)
        await talk.client.turn_complete()
        await settle()
        assert talk.texts == [("model", "One moment."), ("expert", "It rains.")]


async def test_words_after_a_hand_over_are_a_question_of_their_own():
    async with Talk() as talk:
        await talk.client.agent_said("One moment.")
        await talk.client.handed_over("expert")
        await settle()
        await talk.session.send_text("Never mind.")
        await talk.answer("Good.")
        assert talk.texts == [("model", "One moment."), ("user", "Never mind."), ("expert", "Good.")]
        assert talk.session.floor is Floor.LISTENING


async def test_a_hand_over_before_a_word_names_the_turn():
    async with Talk() as talk:
        await talk.client.thought("Hm.")
        await talk.client.handed_over("expert")
        await talk.answer("Here I am.")
        assert talk.texts == [("expert", "Here I am.")]
        await talk.session.send_text("thanks")
        await talk.answer("Welcome.")
        assert talk.texts[1:] == [("user", "thanks"), ("expert", "Welcome.")]


async def test_an_answer_by_another_agent_is_the_answer():
    class Handing(Puppet):
        async def on_text(self, text):
            await self.client.tool_started("1", "transfer")
            await self.client.tool_finished("1")
            await self.client.handed_over("expert")
            await self.client.agent_said("It rains.")
            await self.client.play(bytes(480))
            await self.client.turn_complete()

    async with Talk(Handing) as talk:
        asking = asyncio.create_task(talk.session.ask("the weather?"))
        await settle()
        await talk.wait(10_000, 250)
        assert talk.texts[1:] == [("model", ""), ("expert", "It rains.")]
        assert (await asking).text == "It rains."


# --- Interruptions ------------------------------------------------------------------------------------------


async def test_stop_reaches_it_and_the_rest_of_the_answer_nobody():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await talk.client.agent_said("Once upon ")
        await talk.client.play(bytes(48_000))
        await settle()
        await talk.session.interrupt()
        talk.session.playback_stopped(talk.session.turns[-1].index, 18_000)
        await settle()
        assert (
            talk.run.did[-2:] == [("text", "tell me a story"), ("interrupt",)]
            or ("interrupt",) in talk.run.did
        )
        assert len(talk.told(Interrupted)) == 1  # Its acknowledgement is not one more.
        before = len(talk.told(OutputAudio))
        await talk.client.agent_said("a time there was")
        await talk.client.play(bytes(96_000))
        await talk.client.agent_wrote("a king")
        await talk.client.turn_complete()
        await settle()
        assert len(talk.told(OutputAudio)) == before
        [_, turn] = talk.session.turns
        assert turn.interrupted
        assert turn.heard_sample == 18_000
        assert turn.text.strip() == "Once upon"
        assert talk.session.floor is Floor.LISTENING
        await talk.session.send_text("another one")
        await talk.answer("A cat sat.")
        assert talk.texts[2:] == [("user", "another one"), ("model", "A cat sat.")]


async def test_an_agent_that_says_it_was_stopped_does_not_stop_the_next_answer():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await talk.client.play(bytes(48_000))
        await settle()
        await talk.session.interrupt()
        asking = asyncio.create_task(talk.session.ask("what time is it?"))
        await settle()
        await talk.client.interrupted()  # late: the question is there already
        await talk.answer("It is noon.")
        await talk.wait(5_000, 250)
        assert (await asking).text == "It is noon."
        assert len(talk.told(Interrupted)) == 1


async def test_an_agent_that_cannot_stop_is_heard_again_after_its_answer():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await settle()
        await talk.session.interrupt()  # before a word of it
        await talk.wait(1_500)  # It thinks.
        await talk.client.agent_said("Once upon a time")
        await talk.client.play(bytes(48_000))
        await settle()
        assert not talk.told(OutputAudio)
        await talk.client.turn_complete()
        await talk.answer("By the way, it rains.")
        assert talk.texts[1:] == [("model", "By the way, it rains.")]


async def test_an_answer_that_was_stopped_and_never_completed_gives_way_to_the_next():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await talk.client.play(bytes(48_000))
        await settle()
        await talk.session.interrupt()
        await talk.wait(200)
        await talk.client.play(bytes(48_000))
        await talk.session.send_text("what time is it?")
        await talk.wait(200)
        await talk.client.play(bytes(48_000))  # of the story, still
        await settle()
        assert len(talk.told(OutputAudio)) == 2
        await talk.wait(1_100)
        await talk.answer("It is noon.")
        assert talk.texts[-1] == ("model", "It is noon.")


async def test_what_is_on_its_way_when_stop_is_pressed_is_not_heard():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await settle()
        await talk.client.play(bytes(48_000))
        await talk.session.interrupt()  # before a frame of it was read here
        await talk.client.turn_complete()
        await settle()
        assert not talk.told(OutputAudio)
        assert [turn.speaker for turn in talk.session.turns] == ["user"]
        assert talk.session.floor is Floor.LISTENING


async def test_stop_is_told_while_all_of_an_answer_is_here_and_still_played():
    async with Talk(session={"reports_playback": True}) as talk:
        await talk.answer("One two three four five six.", seconds=10.0)
        index = talk.session.turns[0].index
        talk.session.playback_progress(index, 48_000)
        await talk.session.interrupt()
        await settle()
        assert ("interrupt",) in talk.run.did
        talk.session.playback_stopped(index, 60_000)
        assert talk.session.turns[0].interrupted
        # Nothing of that answer is to come, so that what it says unasked is heard.
        await talk.answer("Are you still there?")
        assert talk.texts[-1] == ("model", "Are you still there?")
        await talk.session.interrupt()
        await settle()
        talk.session.playback_stopped(talk.session.turns[-1].index, 24_000)
        await talk.session.interrupt()  # There is nothing to stop any more.
        await settle()
        assert sum(one == ("interrupt",) for one in talk.run.did) == 2


async def test_an_answer_to_speech_after_a_stop_is_heard():
    async with Talk() as talk:
        await talk.answer("Once upon a time.", seconds=5.0)
        await talk.session.interrupt()
        await settle()
        await talk.client.play(
            bytes(4800)
        )  # The answer to what was said next, whose words are not known yet.
        await talk.client.user_said("What time is it?")
        await talk.answer("It is noon.")
        assert talk.texts[1:] == [("user", "What time is it?"), ("model", "It is noon.")]
        assert talk.session.turns[-1].audio_samples == 2_400 + 24_000


async def test_a_completion_that_follows_a_barge_in_does_not_end_the_next_question():
    async with Talk() as talk:
        await talk.session.send_text("tell me a story")
        await talk.client.play(bytes(48_000))
        await talk.wait(1_200)
        await talk.client.interrupted()
        await talk.client.user_said("No, what time is it?")
        await talk.client.turn_complete(UsageMetadata(total_token_count=3))
        await settle()
        assert talk.session.floor is Floor.USER
        assert talk.told(Usage) == [Usage(total_tokens=3)]
        await talk.answer("It is noon.")
        assert talk.texts[2:] == [("user", "No, what time is it?"), ("model", "It is noon.")]
        # The next one that says nothing is complete all the same.
        await talk.session.send_text("be quiet")
        await settle()
        await talk.client.turn_complete()
        await settle()
        assert talk.session.floor is Floor.LISTENING


async def test_a_tool_that_runs_after_a_stop_is_shown_and_its_turn_ends():
    async with Talk() as talk:
        await talk.session.send_text("turn it on")
        await talk.client.agent_said("I am ")
        await settle()
        await talk.session.interrupt()
        await settle()
        await talk.client.tool_started("1", "set_light")
        await talk.client.tool_finished("1", "on")
        await talk.client.agent_said("done.")
        await talk.client.turn_complete()
        await talk.wait(3_000)
        assert talk.texts[1:] == [("model", "I am "), ("model", "")]
        assert talk.session.turns[-1].final
        assert talk.session.floor is Floor.LISTENING


async def test_a_stop_before_the_answer_that_nobody_obeyed_does_not_swallow_the_next_question():
    async with Talk() as talk:
        await talk.session.send_text("first")
        await settle()
        await talk.session.interrupt()
        asking = asyncio.create_task(talk.session.ask("second"))
        await settle()
        await talk.answer("Second answer.")
        await talk.wait(5_000, 250)
        assert (await asking).text == "Second answer."


async def test_a_barge_in_cuts_the_text_where_it_was_heard():
    async with Talk() as talk:
        await talk.client.user_said("Tell me a story.")
        await talk.client.agent_said("One two three four five six seven eight nine ten.")
        await talk.client.play(bytes(240_000))  # 5 s
        await settle()
        index = talk.session.turns[-1].index
        await talk.client.user_started_speaking()
        await talk.client.interrupted()
        await talk.client.turn_complete()
        await settle()
        talk.session.playback_stopped(index, 24_000)
        assert talk.session.turns[-1].interrupted
        assert talk.session.turns[-1].text == "One two"
        assert talk.session.floor is Floor.USER


# --- What was heard -----------------------------------------------------------------------------------------


async def test_it_knows_what_was_played():
    async with Talk(session={"reports_playback": True}) as talk:
        await talk.answer("One.", seconds=1.0)
        await talk.session.send_text("more")
        await talk.answer("Two.", seconds=2.0)
        first, second = (turn.index for turn in talk.session.turns if turn.speaker == "model")
        await talk.wait(300)
        talk.session.playback_progress(first, 6_000)
        await settle()
        assert talk.run.played() == [250]
        talk.session.playback_progress(second, 24_000)
        await settle()
        assert talk.run.played() == [250, 2_000]
        assert talk.client.played_ms == 2_000
        await talk.client.interrupted()
        await settle()
        talk.session.playback_stopped(second, 36_000)
        await settle()
        assert talk.run.played() == [250, 2_000, 2_500]
        await talk.session.send_text("once more")
        await talk.answer("Three.", seconds=1.0)
        third = talk.session.turns[-1].index
        talk.session.playback_progress(third, 12_000)
        await settle()
        # What was cut off of the second was never heard.
        assert talk.run.played() == [250, 2_000, 2_500, 3_000]


async def test_without_a_page_audio_is_heard_in_its_time():
    async with Talk() as talk:
        await talk.answer(seconds=1.0)
        await talk.wait(500)
        assert talk.run.played() == [250, 500]
        await talk.wait(1_500)
        assert talk.run.played() == [250, 500, 750, 1000]
        await talk.session.send_text("more")
        await talk.answer(seconds=10.0)
        await talk.wait(1_000)
        await talk.client.interrupted()
        await settle()
        await talk.wait(1_000)
        assert talk.run.played()[-1] == 2_000


async def test_where_a_page_says_nothing_the_clock_does_after_a_while():
    async with Talk(session={"reports_playback": True}) as talk:
        await talk.answer(seconds=5.0)
        await talk.wait(1_900)
        assert talk.run.played() == []
        await talk.wait(350)
        assert talk.run.played() == [2_000, 2_250] or talk.run.played()[-1] >= 2_000
        talk.session.playback_progress(talk.session.turns[0].index, 24_000)  # It comes back, and is behind.
        await talk.wait(1_000)
        assert talk.run.played()[-1] < 2_500


# --- Ends ---------------------------------------------------------------------------------------------------


async def test_it_ends_the_talk_in_order():
    async with Talk() as talk:
        asking = asyncio.create_task(talk.session.ask("bye"))
        await settle()
        talk.run.over.set_result(None)
        with pytest.raises(AgentEnded, match=r"^The ADK agent lamp ended the talk\.$"):
            await asking
        await eventually(lambda: not talk.session.is_open)
    assert talk.session.error is None
    assert talk.told(SessionEnded) == [SessionEnded()]
    assert talk.notices["agent-ended"] == "The ADK agent lamp ended the talk."
    assert len(talk.runs) == 1
    assert talk.run.closed == 1
    assert [event async for event in talk.session] == []


async def test_what_it_said_last_comes_before_its_end():
    class Leaving(Puppet):
        async def on_text(self, text):
            await self.client.agent_said("Goodbye.")
            await self.client.turn_complete()
            self.over.set_result(None)

    async with Talk(Leaving) as talk:
        turn = await talk.session.ask("bye")
        assert turn.text == "Goodbye."
        await eventually(lambda: not talk.session.is_open)
    assert talk.session.error is None


async def test_why_it_failed_is_one_sentence_without_path_and_secret_and_the_traceback_is_beside_it():
    key = "AIzaSyD-canary-canary-canary-canary"
    async with Talk() as talk:
        talk.run.over.set_exception(RuntimeError(f"cannot read /home/me/secret/plan.txt with {key}\nmore"))
        await eventually(lambda: not talk.session.is_open)
    error = talk.session.error
    assert type(error) is AgentFailed
    assert str(error) == "The ADK agent lamp stopped: cannot read … with …"
    assert "Traceback" in error.details
    assert "RuntimeError" in error.details
    assert key not in error.details
    [ended] = talk.told(SessionEnded)
    assert ended.error == str(error)
    assert ended.details == error.details
    assert "Traceback" not in repr(ended)
    assert len(talk.runs) == 1
    assert talk.run.closed == 1
    with pytest.raises(AgentFailed):
        [event async for event in talk.session]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (KeyError("light"), "KeyError: 'light'."),
        (ValueError("no lamp!"), "no lamp!"),
        (ConnectionError(), "ConnectionError."),
        (RuntimeError("x" * 30 + " " + "word " * 60), "word word…"),
        (ExceptionGroup("many", [ValueError("the first")]), "ValueError: the first."),
        (SystemExit(3), "it raised SystemExit."),
        (AudioError("The audio is odd."), "The audio is odd."),
        (RuntimeError("see https://ai.google.dev/docs/live about it"), "see https://ai.google.dev/docs/live"),
        (RuntimeError("\x1b[31mred\x1b[0m"), "red."),
    ],
)
async def test_its_words_become_a_sentence(fault, words):
    class Failing(Puppet):
        async def on_text(self, text):
            raise fault

    async with Talk(Failing) as talk:
        await talk.session.send_text("now")
        await eventually(lambda: not talk.session.is_open)
    text = str(talk.session.error)
    assert text.startswith("The ADK agent lamp stopped: ")
    assert words in text
    assert len(text) <= len("The ADK agent lamp stopped: ") + 161


@pytest.mark.parametrize("when", ["start", "on_text"])
async def test_what_a_task_of_it_raises_ends_the_talk(when):
    async def fail():
        await asyncio.sleep(0)
        raise RuntimeError("broken")

    class Failing(Puppet):
        async def start(self, client):
            await super().start(client)
            if when == "start":
                client.create_task(fail())
                await asyncio.Event().wait()

        async def on_text(self, text):
            self.client.create_task(fail())
            self.client.create_task(fail())

    talk = Talk(Failing)
    if when == "start":
        with pytest.raises(AgentFailed, match=r"could not start: broken\.$"):
            await talk.session.start()
    else:
        async with talk:
            await talk.session.send_text("now")
            await eventually(lambda: not talk.session.is_open)
        assert str(talk.session.error) == "The ADK agent lamp stopped: broken."


async def test_tasks_of_it_end_with_the_talk():
    async with Talk() as talk:
        going = talk.client.create_task(asyncio.Event().wait())
        done = talk.client.create_task(asyncio.sleep(0))
        gone = talk.client.create_task(asyncio.Event().wait())
        gone.cancel()
        await settle()
        assert talk.session.is_open
        assert (going.done(), done.done(), gone.cancelled()) == (False, True, True)
    assert going.cancelled()


@pytest.mark.parametrize("method", ["on_audio", "on_image", "on_interrupt", "on_played", "run"])
async def test_whatever_of_it_fails_ends_the_talk(method):
    async def fail(self, *_):
        raise RuntimeError("broken")

    failing = type("Failing", (Puppet,), {method: fail})
    talk = Talk(failing)
    await talk.session.start()
    if method != "run":
        await talk.session.send_audio(LOUD)
        await talk.session.send_image(Picture(b"jpeg", "image/jpeg", 1, 1))
        await talk.client.play(bytes(48_000))
        await settle()
        if method == "on_interrupt":
            await talk.session.interrupt()
        await talk.wait(1_000)
    await eventually(lambda: not talk.session.is_open)
    assert str(talk.session.error) == "The ADK agent lamp stopped: broken."
    await talk.session.close()


@pytest.mark.parametrize("fault", [None, RuntimeError("no luck")])
async def test_a_question_after_the_end_is_answered_with_its_reason(fault):
    async with Talk() as talk:
        if fault is None:
            talk.run.over.set_result(None)
        else:
            talk.run.over.set_exception(fault)
        await eventually(lambda: not talk.session.is_open)
        words = "ended the talk" if fault is None else "stopped: no luck"
        with pytest.raises(StateError, match=rf"^The session has ended: The ADK agent lamp {words}\.$"):
            await talk.session.ask("Are you there?")
    talk = Talk()
    async with talk:
        pass
    with pytest.raises(StateError, match=r"^The session has ended; make a new one\.$"):
        await talk.session.ask("Are you there?")


async def test_an_empty_answer_is_one_of_the_agent():
    async with Talk() as talk:
        asking = asyncio.create_task(talk.session.ask("Are you there?"))
        await settle()
        await talk.client.turn_complete()
        await talk.wait(2_000)
        with pytest.raises(ServerFault, match=r"^The ADK agent lamp ended its turn without an answer;"):
            await asking
        await talk.session.send_text("Are you there?")
        await settle()
        await talk.client.turn_complete()
        await talk.wait(2_000)
        assert talk.notices["no-answer"].startswith("The ADK agent lamp ended its turn without an answer;")
        await talk.session.send_text("Are you there?")
        await settle()
        await talk.client.turn_complete(reason="SAFETY")
        await settle()
        assert talk.notices["turn-ended"].startswith("The ADK agent lamp ended its turn without an answer (s")


async def test_an_agent_that_does_not_answer_is_named():
    async with Talk() as talk:
        await talk.session.send_text("Are you there?")
        await talk.wait(60_000)
        assert talk.notices["no-answer"].startswith("The ADK agent lamp has not answered for ")
        assert talk.notices["no-answer"].endswith("ask again, or stop and start anew.")


async def test_its_end_is_told_before_it_is_closed():
    released = asyncio.Event()

    class Hanging(Puppet):
        async def close(self):
            await released.wait()
            self.closed += 1

    async with Talk(Hanging, close_s=10) as talk:
        talk.run.over.set_exception(RuntimeError("broken"))
        async with asyncio.timeout(5):
            await eventually(lambda: talk.told(SessionEnded))
        assert talk.run.closed == 0
        released.set()
        assert str(talk.session.error) == "The ADK agent lamp stopped: broken."
    assert talk.run.closed == 1


async def test_it_may_refuse_to_start():
    class Refusing(Puppet):
        async def start(self, client):
            raise RuntimeError("no model")

    talk = Talk(Refusing)
    with pytest.raises(AgentFailed, match=r"^The ADK agent lamp could not start: no model\.$") as raised:
        await talk.session.start()
    assert "RuntimeError: no model" in raised.value.details
    assert talk.run.closed == 1


async def test_a_run_that_is_none_is_one_sentence():
    with pytest.raises(UsageError, match="new_run must make an AgentRun, not dict"):
        await LiveSession(AgentProvider("lamp", dict)).start()
    provider = AgentProvider("lamp", lambda: 1 / 0, kind="bot")
    with pytest.raises(
        AgentFailed, match="The bot lamp could not start: ZeroDivisionError: division by zero"
    ):
        await LiveSession(provider).start()
    with pytest.raises(UsageError, match="new_run is what makes the run"):
        AgentProvider("lamp", 5)
    with pytest.raises(UsageError, match="needs a name"):
        AgentProvider(" ", Puppet)


async def test_one_that_is_never_ready_is_given_up():
    class Never(Puppet):
        async def start(self, client):
            await asyncio.Event().wait()

    talk = Talk(Never, ready_s=0.05)
    with pytest.raises(AgentFailed, match=r"The ADK agent lamp was not ready within 0\.05 s"):
        await talk.session.start()
    assert talk.run.closed == 1


async def test_a_talk_can_be_closed_while_it_starts():
    order = []

    class Slow(Puppet):
        async def start(self, client):
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                order.append("start is over")

        async def close(self):
            await super().close()
            order.append("closed")

    talk = Talk(Slow)
    starting = asyncio.create_task(talk.session.start())
    await eventually(lambda: talk.runs)
    await settle()
    starting.cancel()
    await asyncio.wait([starting], timeout=5)
    assert starting.cancelled()
    assert talk.run.closed == 1
    assert order == ["start is over", "closed"]


async def test_one_that_hangs_at_its_close_is_left(caplog):
    class Hanging(Puppet):
        async def close(self):
            self.closed += 1
            await asyncio.Event().wait()

    talk = Talk(Hanging, close_s=0.05)
    await talk.session.start()
    async with asyncio.timeout(5):
        await talk.session.close()
    assert talk.run.closed == 1
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_one_that_cannot_even_be_cancelled_is_left_to_itself(caplog, monkeypatch):
    class Stubborn(Puppet):
        async def close(self):
            self.let_go = asyncio.get_running_loop().create_future()
            while not self.let_go.done():
                try:
                    await asyncio.shield(self.let_go)
                except asyncio.CancelledError:
                    continue

    monkeypatch.setattr(agents, "CANCEL_S", 0.05)
    talk = Talk(Stubborn, close_s=0.05)
    await talk.session.start()
    async with asyncio.timeout(5):
        await talk.session.close()
    assert "The ADK agent lamp did not end when it was told to" in caplog.text
    talk.run.let_go.set_result(None)
    await settle()


async def test_one_that_fails_at_its_close_is_logged_and_no_more(caplog):
    class Failing(Puppet):
        async def close(self):
            raise RuntimeError("no goodbye")

    with caplog.at_level(logging.WARNING):
        async with Talk(Failing) as talk:
            pass
    assert talk.session.error is None
    assert "The ADK agent lamp failed as it was closed." in caplog.text


async def test_it_is_closed_before_what_runs_is_cancelled():
    order = []

    class Ordered(Puppet):
        async def run(self):
            try:
                await asyncio.Event().wait()
            finally:
                order.append("cancelled")

        async def close(self):
            order.append("closed")

    async with Talk(Ordered):
        await settle()
    assert order == ["closed", "cancelled"]


async def test_a_run_that_cancels_itself_has_failed():
    async with Talk() as talk:
        talk.run.over.cancel()
        await eventually(lambda: not talk.session.is_open)
    assert str(talk.session.error) == "The ADK agent lamp stopped: it was cancelled."


@pytest.mark.parametrize("how", ["closed", "ended", "failed", "hanging", "refused"])
async def test_nothing_of_it_survives_twenty_talks(how):
    class Busy(Puppet):
        async def start(self, client):
            await super().start(client)
            self.helper = asyncio.create_task(asyncio.Event().wait())
            if how == "refused":
                raise RuntimeError("no")

        async def close(self):
            self.helper.cancel()
            if how == "hanging":
                await asyncio.Event().wait()

    async def talk_once():
        talk = Talk(Busy, close_s=0.01)
        if how == "refused":
            with pytest.raises(AgentFailed):
                await talk.session.start()
            return
        async with talk:
            await talk.answer()
            if how == "ended":
                talk.run.over.set_result(None)
            elif how == "failed":
                talk.run.over.set_exception(RuntimeError("no"))
            await settle()

    await talk_once()
    gc.collect()
    tasks, threads = len(asyncio.all_tasks()), threading.active_count()
    for _ in range(20):
        await talk_once()
    await settle()
    assert len(asyncio.all_tasks()) == tasks
    assert threading.active_count() == threads
    gc.collect()
    assert sum(isinstance(thing, Busy) for thing in gc.get_objects()) <= 1


# --- One run is one conversation ----------------------------------------------------------------------------


async def test_settings_are_those_of_its_start():
    async with Talk(takes=("voice",)) as talk:
        with pytest.raises(ConfigError, match="The ADK agent lamp takes settings when a conversation begins"):
            await talk.session.update(LiveConfig.from_kwargs(voice="Kore"))
        await talk.answer()
        assert talk.texts == [("model", "Yes.")]
        assert len(talk.runs) == 1


async def test_a_function_added_meanwhile_is_kept_for_the_next_talk():
    async with Talk(session={"tools": declared(["f"])}) as talk:
        await talk.session.update(tools=declared(["f", "g"]))
        assert talk.notices["tool-later"] == (
            "The ADK agent lamp takes no new functions while it runs: g can be called from the next "
            "conversation on."
        )
        assert (await talk.client.call_tool("f", {})) == {"result": "f"}
        await talk.session.update(tools=declared(["f", "g"]))
        await settle()
        assert sum(event.code == "tool-later" for event in talk.told(Notice)) == 1
        assert ("tools", "f", "g") not in talk.run.did


async def test_a_function_added_meanwhile_reaches_one_that_takes_it():
    async with Talk(takes_new_tools=True, session={"tools": declared(["f"])}) as talk:
        await talk.session.update(tools=declared(["f", "g"]))
        await eventually(lambda: ("tools", "f", "g") in talk.run.did)
        assert [one.name for one in talk.client.declarations] == ["f", "g"]
        assert (await talk.client.call_tool("g", {})) == {"result": "g"}
        await talk.session.update(tools=[])
        await eventually(lambda: ("tools",) in talk.run.did)


async def test_a_function_that_it_refuses_meanwhile_does_not_end_the_talk():
    class Doubled(Puppet):
        async def on_tools(self, declarations):
            self.client.check_names(["g"])

    async with Talk(Doubled, takes_new_tools=True) as talk:
        await talk.session.update(tools=declared(["g"]))
        await eventually(lambda: "agent" in talk.notices)
        assert "a tool g of its own" in talk.notices["agent"]
        assert talk.session.is_open


async def test_it_cannot_be_told_a_history_or_be_another_model():
    with pytest.raises(UsageError, match="The ADK agent lamp keeps its own memory of a conversation"):
        Talk(session={"history": [("user", "hello")]})
    with pytest.raises(UsageError, match="keeps its own memory"):
        connect(AgentProvider("lamp", Puppet, kind="ADK agent"), history=[("user", "hello")])
    connect(AgentProvider("lamp", Puppet), history=[])  # It is none.
    with pytest.raises(UsageError, match="A conversation with the ADK agent lamp cannot be resumed"):
        Talk(session={"handle": "h"})
    with pytest.raises(ConfigError, match="The ADK agent lamp has its own model: change it in its code"):
        AgentProvider("lamp", Puppet, kind="ADK agent").with_model("gemini-3.8-live")


async def test_two_talks_at_once_are_two_runs():
    runs = []

    def new_run():
        runs.append(Puppet())
        return runs[-1]

    provider = AgentProvider("lamp", new_run)
    async with Talk(provider=provider) as one, Talk(provider=provider) as other:
        await runs[0].client.agent_said("One.")
        await runs[1].client.agent_said("Two.")
        await settle()
        assert one.texts == [("model", "One.")]
        assert other.texts == [("model", "Two.")]


async def test_a_slow_agent_loses_the_oldest_audio_and_nothing_else():
    class Slow(Puppet):
        async def on_audio(self, pcm, sample_rate):
            await self.over
            await super().on_audio(pcm, sample_rate)

        async def run(self):
            await asyncio.Event().wait()

    async with Talk(Slow) as talk:
        await talk.session.send_audio(LOUD)
        await settle()
        await talk.session.send_text("first")
        for _ in range(agents.WAITING + 50):
            await talk.session.send_audio(LOUD)
        await talk.session.send_text("last")
        await settle()
        assert "takes what you say more slowly than you speak" in talk.notices["agent"]
        assert sum(event.code == "agent" for event in talk.told(Notice)) == 1
        talk.run.over.set_result(None)
        await eventually(lambda: ("text", "last") in talk.run.did)
    assert talk.run.did[:2] == [("audio", 3200, 16_000), ("text", "first")]
    assert 450 < sum(one[0] == "audio" for one in talk.run.did) <= agents.WAITING + 1


async def test_words_that_it_does_not_repeat_let_it_call_functions_anew():
    limits = Limits(calls_per_turn=1)
    async with Talk(session={"tools": declared(["f"]), "limits": limits}) as talk:
        assert await talk.client.call_tool("f", {}) == {"result": "f"}
        assert "error" in await talk.client.call_tool("f", {})
        await talk.session.send_audio(LOUD)
        await talk.wait(300)
        assert await talk.client.call_tool("f", {}) == {"result": "f"}


async def test_no_time_is_left_on_an_agent_and_no_network_is_measured():
    async with Talk() as talk:
        assert talk.session.time_left_ms is None
        assert talk.session.link_ms is None
        await talk.wait(3_600_000, 60_000)
        assert talk.session.is_open
        assert len(talk.runs) == 1


async def test_one_that_hears_nothing_is_spoken_of_and_not_run_again():
    async with Talk() as talk:
        for _ in range(600):
            await talk.session.send_audio(LOUD)
            await talk.wait(100, 100)
        assert "The ADK agent lamp has not reacted to about" in talk.notices["unheard"]
        assert talk.notices["unheard"].endswith("start again.")
        assert len(talk.runs) == 1


def test_what_it_is_called():
    provider = AgentProvider("Lamp", Puppet, kind="ADK agent")
    assert provider.label == "ADK agent Lamp"
    assert provider.speaker == "lamp"
    assert provider.badge == "ADK agent Lamp · in this kernel"
    assert provider.badge_in("program") == "ADK agent Lamp · in this program"
    assert provider.opening == "the ADK agent Lamp to be ready"
    assert AgentProvider("echo", Puppet).label == "Agent echo"
    assert provider.capabilities.settings_of == "the ADK agent Lamp"


# --- Frameworks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("takes", "words"),
    [
        ("voice", r"^takes is a tuple of names: takes=\('voice',\)\.$"),
        (("voice", "languages"), r"^takes has 'languages', .* did you mean 'language'\?$"),
        (("zzz",), r"^takes has 'zzz', which is not the name of a setting, such as 'voice'\.$"),
    ],
)
def test_settings_that_there_are_not_are_refused(takes, words):
    with pytest.raises(UsageError, match=words):
        AgentProvider("lamp", Puppet, takes=takes)


async def test_a_plain_function_in_place_of_a_coroutine_function_is_refused():
    class Plain(Puppet):
        def on_text(self, text):
            pass

    words = r"^Plain\.on_text is not a coroutine function: write async def on_text\(…\)\.$"
    with pytest.raises(UsageError, match=words):
        AgentProvider("lamp", Plain)
    talk = Talk(Plain)  # Made by a function, it is known once it is made.
    with pytest.raises(UsageError, match=words):
        await talk.session.start()

    class Wrapped(Puppet):
        @functools.wraps(Puppet.on_text)
        def on_text(self, text):
            return super().on_text(text)

    AgentProvider("lamp", Wrapped)


def test_a_framework_that_is_missing_is_one_sentence():
    with pytest.raises(ExtraMissing) as raised:
        require("no-such-framework", extra="adk", tested=">=2,<3", what="AdkAgent")
    assert str(raised.value) == (
        'AdkAgent needs no-such-framework, which is not installed: pip install "livewidget[adk]"'
    )


def test_a_version_outside_of_the_tested_ones_is_warned_of_once():
    version = metadata.version("numpy")
    major = int(version.split(".")[0])
    agents._warned.discard("numpy")
    with pytest.warns(UserWarning, match=re.escape(f"supports numpy>={major + 1},<{major + 2}")):
        require("numpy", extra="adk", tested=f">={major + 1},<{major + 2}", what="AdkAgent")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        require("numpy", extra="adk", tested=f">={major + 1},<{major + 2}", what="AdkAgent")
        require("numpy", extra="adk", tested=f">={major},<{major + 1}", what="AdkAgent")


@pytest.mark.parametrize(
    ("version", "tested", "inside"),
    [
        ("2.13.0", ">=2.13,<3", True),
        ("2.13", ">=2.13,<3", True),
        ("2.9.1", ">=2.13,<3", False),
        ("3.0.0", ">=2.13,<3", False),
        ("3.0.0rc1", ">=2.13,<3", False),
        ("2.99.0.dev1", ">=2.13,<3", True),
    ],
)
def test_which_versions_are_inside(version, tested, inside):
    assert agents.is_within(version, tested) is inside


# --- What is passed without its wrapper ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (
            "google.adk.agents.llm_agent",
            "LlmAgent",
            "pass AdkAgent(agent) or AdkAgent(runner), from livewidget",
        ),
        ("google.adk.runners", "Runner", "pass AdkAgent(agent) or AdkAgent(runner)"),
        ("google.adk.models.google_llm", "Gemini", "make an agent with it, and pass AdkAgent(agent)"),
        ("livekit.agents.voice.agent", "Agent", "pass LiveKitAgent(lambda: AgentSession(llm=…), agent)"),
        (
            "livekit.agents.voice.agent_session",
            "AgentSession",
            "each conversation needs its own: pass LiveKit",
        ),
        ("livekit.plugins.google.realtime.realtime_api", "RealtimeModel", "pass LiveKitAgent(lambda:"),
        ("pipecat.pipeline.pipeline", "Pipeline", "pass PipecatBot(run_bot), where run_bot(transport) makes"),
        ("pipecat.services.google.gemini_live.llm", "GeminiLiveLLMService", "pass PipecatBot(run_bot)"),
        ("livewidget.integrations.pipecat", "LiveWidgetTransport", "LiveWidget(transport.provider)"),
    ],
)
def test_an_agent_without_its_wrapper_is_answered_with_the_wrapper(module, name, words):
    theirs = type(name, (), {"__module__": module})
    mine = type("Mine", (theirs,), {})
    for thing in (theirs(), mine(), mine):
        with pytest.raises(UsageError) as raised:
            connect(thing)
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)


def test_other_things_that_belong_to_an_agent_are_answered_as_well():
    from google import genai
    from google.genai.live import AsyncSession

    class ToAdk:
        __module__ = "google.adkins"  # Another package begins with the same letters.

    client = genai.Client(api_key="k")
    with pytest.raises(UsageError, match=r'pass GenAIClient\(client, model="gemini-3.8-live"\)'):
        connect(client)
    with pytest.raises(UsageError, match=r"or GenAISession\(session, model\) for one that is open"):
        connect(AsyncSession)
    for thing in (Puppet, lambda: None, test_what_it_is_called):
        with pytest.raises(UsageError, match=r"AgentProvider\("):
            connect(thing)
    for thing in (5, ToAdk(), [client]):
        with pytest.raises(UsageError, match="Say whom to talk to"):
            connect(thing)


# --- The documented example ---------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agents.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def echo_agent(monkeypatch):
    """The code of the document, as the module that the reader saves."""
    module = type(sys)("echo_agent")
    exec(compile(BLOCKS[0], "echo_agent.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "echo_agent", module)
    return module


def test_the_example_of_the_document_is_the_file():
    assert BLOCKS[0] == (ROOT / "examples" / "echo_agent.py").read_text()
    assert len(BLOCKS[0].splitlines()) < 100


async def test_what_the_document_tries_works(echo_agent):
    [trial] = [block for block in BLOCKS if "test_the_echo()" in block]
    scope = {}
    exec(compile(trial.replace("asyncio.run(test_the_echo())", ""), "trial.py", "exec"), scope)
    async with asyncio.timeout(20):
        await scope["test_the_echo"]()


async def test_what_the_document_prints_is_printed(echo_agent, capsys):
    [program] = [block for block in BLOCKS if "print(turn.text" in block]
    scope = {}
    exec(compile(program.replace("asyncio.run(main())", ""), "main.py", "exec"), scope)
    await scope["main"]()
    assert capsys.readouterr().out.startswith("You said: hello there (ToolUse(")


async def test_the_thread_of_the_document_comes_back():
    [program] = [block for block in BLOCKS if "class ThreadedRun" in block]
    scope = {}
    exec(compile(program, "threaded.py", "exec"), scope)

    def shout(text: str) -> str:
        """Say it louder."""
        return text.upper()

    async with Talk(scope["ThreadedRun"], session={"tools": [shout]}) as talk:
        assert (await talk.session.ask("hello")).text == "HELLO"


async def test_a_greeting_can_be_waited_for_as_the_document_does():
    class Greeter(Puppet):
        async def start(self, client):
            self.client = client
            client.create_task(self.greet())

        async def greet(self):
            await self.client.agent_wrote("Good morning.")
            await settle()
            await self.client.turn_complete()

        async def on_text(self, text):
            await self.client.agent_wrote("Fine.")
            await self.client.turn_complete()

    [program] = [block for block in BLOCKS if "async def greeted" in block]
    scope = {"asyncio": asyncio}
    exec(compile(program, "greeted.py", "exec"), scope)
    async with Talk(Greeter) as talk:
        await scope["greeted"](talk.session)
        assert (await talk.session.ask("How are you?")).text == "Fine."


async def test_what_the_document_says_of_typing_stops_and_cuts_without_a_page():
    async with Talk() as talk:
        await talk.session.interrupt()
        await settle()
        assert talk.run.did == []  # There is nothing to stop.
        await talk.answer("One two three four five.", seconds=5.0)
        await talk.wait(1_000)
        await talk.session.send_text("and six?")
        await talk.wait(500)
        assert talk.run.played()[-1] == 1_500  # Typing has interrupted nothing.
        await talk.client.interrupted()
        await talk.client.agent_said("One two three four five six.")
        await talk.client.play(bytes(240_000))
        await talk.wait(1_000)
        await talk.session.interrupt()
        await talk.wait(1_000)
        assert talk.run.played()[-1] == 2_500
        assert talk.session.turns[-1].text == "One two three four five six."
        assert [turn.interrupted for turn in talk.session.turns] == [False, False, True]  # One was complete.


async def test_what_the_document_says_a_test_looks_at():
    rows = re.findall(r"`(?:await )?(?:session)?\.(\w+)", PAGE.partition("What such a test looks at")[2])
    assert {"ask", "send_image", "error", "usage", "subscribe"} <= set(rows)
    async with Talk() as talk:
        await talk.client.notify("It is hot.")
        await talk.client.handed_over("dimmer")
        await talk.client.tool_started("1", "f", {"a": 1})
        await talk.client.tool_finished("1", 5)
        await talk.client.play(bytes(16_000), 8_000)
        await talk.client.turn_complete(UsageMetadata(total_token_count=7))
        await settle()
        assert all(hasattr(talk.session, name) for name in rows)
        turn = talk.session.turns[-1]
        for name in re.findall(r"`turn\.(\w+)`", PAGE):
            assert hasattr(turn, name), name
        assert (turn.speaker, turn.agent, turn.final, turn.audio_samples) == ("model", "dimmer", True, 24_000)
        assert talk.notices["agent"] == "It is hot."


def test_the_document_names_what_there_is():
    """Every method of both classes has its row, and every name in the tables is one."""
    for cls in (AgentRun, agents.AgentClient):
        for name in vars(cls):
            if not name.startswith("_"):
                assert re.search(rf"`(await )?{name}\(", PAGE), name
    for name in re.findall(r"^\| `(?:await )?(\w+)\(", PAGE, re.MULTILINE):
        assert any(hasattr(cls, name) for cls in (AgentRun, agents.AgentClient, AgentProvider)), name
    for name in re.findall(r"^ {4}(\w+)=", PAGE, re.MULTILINE):
        assert name in AgentProvider.__init__.__annotations__, name


async def test_the_settings_of_the_document_are_where_it_says():
    rows = re.findall(r'^\| `"([\w.]+)"` \| `\.([\w.\[\]]+)` \|$', PAGE, re.MULTILINE)
    given = {
        "system_instruction": "Be brief.",
        "voice": "Kore",
        "language": "de-DE",
        "temperature": 0.5,
        "turn_detection.silence_ms": 300,
    }
    assert dict(rows).keys() == given.keys()
    config = LiveConfig.from_kwargs(
        system_instruction="Be brief.",
        voice="Kore",
        language="de-DE",
        temperature=0.5,
        turn_detection={"silence_ms": 300},
    )
    async with Talk(config=config, takes=tuple(given)) as talk:
        for name, place in rows:
            assert eval(f"setup.{place}", {"setup": talk.client.setup}) == given[name]


class Page:
    """Somebody with a page, who plays what comes and says so."""

    def __init__(self, talk):
        self.talk = talk
        talk.session.subscribe(self.on_event)
        self.turn, self.samples = None, 0

    def on_event(self, event):
        if isinstance(event, OutputAudio):
            turn = self.talk.session.audio_turn
            self.samples = self.samples + event.samples if turn == self.turn else event.samples
            self.turn = turn


def tone(seconds):
    return (np.sin(np.arange(int(16_000 * seconds)) / 5) * 0.5 * 32767).astype("<i2").tobytes()


async def speak(talk, seconds, loud=True):
    for _ in range(int(seconds * 10)):
        await talk.session.send_audio(tone(0.1) if loud else bytes(3200))
        await talk.wait(100, 100)


async def test_the_echo_is_spoken_with(echo_agent):
    """Speech, a barge-in where it was heard, Stop, tools of both sides."""

    def shout(text: str) -> str:
        """Say it louder."""
        return text.upper() + "!"

    talk = Talk(provider=echo_agent.EchoAgent(), session={"tools": [shout], "reports_playback": True})
    talk.provider._clock = talk.clock
    async with talk:
        page = Page(talk)
        await speak(talk, 2.0)
        await speak(talk, 1.0, loud=False)
        assert talk.texts == [("user", "(2.7 s of speech)"), ("model", "I heard: ")]
        assert page.samples == 64_800
        talk.session.playback_progress(page.turn, 24_000)
        await talk.wait(100)
        await speak(talk, 0.2)  # over the answer
        assert len(talk.told(Interrupted)) == 1
        talk.session.playback_stopped(page.turn, 26_400)
        assert talk.session.turns[1].interrupted
        await speak(talk, 1.0, loud=False)
        assert talk.texts[2:] == [("user", "(0.9 s of speech)"), ("model", "I heard: ")]
        talk.session.playback_progress(page.turn, page.samples)
        await settle()
        await speak(talk, 0.2)  # after all of it was heard
        assert len(talk.told(Interrupted)) == 1
        await speak(talk, 1.0, loud=False)
        asking = asyncio.create_task(talk.session.ask("shout hello"))
        await talk.wait(3_000)
        turn = await asking
        assert turn.text == "{'result': 'HELLO!'}"
        assert [(use.name, use.remote) for use in turn.tools] == [("shout", False)]
        asking = asyncio.create_task(talk.session.ask("one two"))
        await talk.wait(3_000)
        turn = await asking
        assert turn.text == "You said: one two"
        assert [(use.name, use.remote, use.result) for use in turn.tools] == [
            ("count_words", True, {"result": 2})
        ]


async def test_the_echo_takes_push_to_talk(echo_agent):
    config = LiveConfig.from_kwargs(turn_detection="push_to_talk")
    async with Talk(provider=echo_agent.EchoAgent(), config=config) as talk:
        await talk.session.activity_start()
        for _ in range(5):
            await talk.session.send_audio(tone(0.1))
        await talk.session.send_audio(bytes(32_000))
        await talk.session.activity_end()
        await eventually(lambda: len(talk.texts) == 2)
        assert talk.texts == [("user", "(1.5 s of speech)"), ("model", "I heard: ")]
