"""Tools called by the model."""

import asyncio
import contextlib
import contextvars
import functools
import threading

import numpy as np
import pytest

from livewidget.clock import ManualClock
from livewidget.config import Limits, LiveConfig
from livewidget.errors import ToolError, UsageError
from livewidget.events import (
    Notice,
    OutputAudio,
    ToolApprovalRequested,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    ToolUpdate,
    TurnComplete,
)
from livewidget.models import find
from livewidget.protocol.messages import (
    FunctionCall,
    ToolCallCancellation,
    Transcription,
    VoiceActivity,
)
from livewidget.protocol.messages import ToolCall as ServiceToolCall
from livewidget.session import LiveSession, ReconnectPolicy
from livewidget.session.outbox import OTHERS
from livewidget.session.tool_runner import CALLS, REMEMBERED, SHOWN, ToolRunner, prepare_tools
from livewidget.tools import Tool
from livewidget.turns import Floor
from tests.peer import SOON, Peer, eventually, until


@pytest.fixture
def peer() -> Peer:
    return Peer()


def light(on: bool) -> str:
    """Turn the light on or off."""
    return "on" if on else "off"


async def alight(on: bool) -> dict[str, bool]:
    """Turn the light on or off."""
    await asyncio.sleep(0)
    return {"on": on}


def promised(on: bool):
    return alight(on)


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        (light, {"result": "on"}),
        (alight, {"on": True}),
        (promised, {"on": True}),
        (Tool.of(light), {"result": "on"}),
    ],
)
async def test_a_call_and_its_result(peer, tool, sent):
    async with LiveSession(peer, tools=[tool]) as session:
        stream = aiter(session)
        (declared,) = (await peer.receive()).setup.tools
        name = declared.function_declarations[0].name
        await peer.call(name, id="fc_1", on=True)
        response = await peer.result()
        assert (response.id, response.name, response.response) == ("fc_1", name, sent)
        told = await until(stream, ToolResult)
        assert (told.id, told.result, told.error) == ("fc_1", sent, None)
        assert session.turns[-1].tools[0].state == "done"


def raises():
    raise ValueError("no lamp here\nand a traceback")


async def raises_later():
    raise KeyError("lamp")


def exits():
    raise SystemExit(3)


async def cancels_itself():
    raise asyncio.CancelledError


def stops():
    raise StopIteration


def hangs():
    threading.Event().wait(60)


async def hangs_on_the_loop():
    await asyncio.sleep(60)


def gives_an_object():
    return object()


def gives_bytes():
    return b"\0" * 100


def gives_much():
    return "x" * 10_000_000


BAD = [
    (raises, "ValueError: no lamp here"),
    (raises_later, "KeyError: 'lamp'"),
    (exits, "SystemExit: 3"),
    (cancels_itself, "CancelledError"),
    (stops, "StopIteration"),
    (Tool.of(hangs, timeout=0.05), "it took longer than 0.05 s and was given up"),
    (Tool.of(hangs_on_the_loop, timeout=0.05), "it took longer than 0.05 s and was given up"),
    (gives_an_object, "it returned an object, which cannot be sent; return text, numbers, lists or dicts"),
    (gives_bytes, "it returned bytes, which cannot be sent; return text or numbers"),
    (gives_much, "it returned 10,000,013 bytes and 65,536 is the most: return less"),
]


@pytest.mark.parametrize(("tool", "error"), BAD, ids=lambda value: getattr(value, "__name__", None))
async def test_a_tool_that_fails_is_told_to_the_model_and_the_person_and_the_session_lives(peer, tool, error):
    async with LiveSession(peer, tools=[tool, light]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call(Tool.of(tool).name)
        assert (await peer.result()).response == {"error": error}
        assert (await until(stream, ToolResult)).error == error
        notice = await until(stream, Notice)
        assert notice.code == "tool-failed"
        assert error in notice.text
        assert session.turns[-1].tools[0].state == "failed"
        await peer.call("light", id="b", on=False)
        assert (await peer.result()).response == {"result": "off"}


class Panic(BaseException):
    """What extensions written in Rust raise, and gevent, and pytest."""


class Unprintable(BaseException):
    def __str__(self):
        raise Panic

    __repr__ = __str__


ANYTHING = [
    (Panic("index out of bounds"), "Panic: index out of bounds"),
    (SystemExit(3), "SystemExit: 3"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
    (GeneratorExit(), "GeneratorExit"),
    (asyncio.CancelledError("mine"), "CancelledError: mine"),
    (StopAsyncIteration(), None),  # A generator may not raise it, and Python says so in its words.
    (TimeoutError("no answer from the lamp"), "no answer from the lamp"),
    (BaseExceptionGroup("two", [Panic("one of them"), ValueError("x")]), "Panic: one of them"),
    (Unprintable(), "Unprintable"),
]


def ways_to_raise(error):
    """Return tools that raise `error`, one for each place where the code of a user runs in a call."""

    def at_once():
        raise error

    async def later():
        await asyncio.sleep(0)
        raise error

    def promised_later():
        return later()

    def between_values():
        yield 1
        raise error

    async def between_values_later():
        yield 1
        raise error

    async def in_a_task_of_its_own():
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error  # asyncio lets these two end the loop of the program that runs it.
        await asyncio.gather(asyncio.create_task(later()))

    class Lazy:
        def __iter__(self):
            raise error

    def when_it_is_read():
        return {"rows": Lazy()}

    async def when_it_is_read_later():
        return Lazy()

    def when_a_value_is_read():
        yield Lazy()

    def when_it_is_checked(x: int = 1):
        return x

    def refuses(args):
        raise error

    checked = Tool.of(when_it_is_checked)
    object.__setattr__(checked, "arguments", None)

    class Checked(Tool):
        bind = staticmethod(refuses)

    fields = {field: getattr(checked, field) for field in checked.__dataclass_fields__}
    return [
        at_once,
        later,
        promised_later,
        between_values,
        between_values_later,
        in_a_task_of_its_own,
        when_it_is_read,
        when_it_is_read_later,
        when_a_value_is_read,
        Checked(**fields),
    ]


@pytest.mark.parametrize(("error", "text"), ANYTHING, ids=lambda value: type(value).__name__)
async def test_whatever_the_code_of_a_user_raises_is_the_answer(peer, error, text):
    """Nothing that a function raises, wherever it does, leaves its call open or ends the session."""
    tools = ways_to_raise(error)
    async with LiveSession(peer, tools=[*tools, light]) as session:
        await peer.receive()
        for tool in tools:
            name = Tool.of(tool).name
            await peer.call(name, id=name)
            answer = await peer.result()
            assert answer.id == name
            if text is not None and "read" not in name:
                assert answer.response == {"error": text}
            assert "error" in answer.response
            await eventually(lambda: session.turns[-1].tools[-1].state == "failed")
        assert session.floor is Floor.THINKING
        await peer.call("light", id="b", on=False)
        assert (await peer.result()).response == {"result": "off"}


@pytest.mark.parametrize(("error", "text"), ANYTHING, ids=lambda value: type(value).__name__)
async def test_whatever_a_callback_raises_is_a_notice(peer, error, text):
    heard, notices = [], []

    def breaks(event):
        if isinstance(event, ToolCall | ToolResult):
            raise error
        if isinstance(event, Notice):
            notices.append(event.text)

    async with LiveSession(peer, tools=[light]) as session:
        session.subscribe(breaks)
        session.subscribe(heard.append)
        await peer.receive()
        await peer.call("light", on=True)
        assert (await peer.result()).response == {"result": "on"}
        await eventually(lambda: any(isinstance(event, ToolResult) for event in heard))
        assert [text.startswith("A callback failed: ") for text in notices] == [True]


@pytest.mark.parametrize("error", [Panic("boom"), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_whatever_a_source_of_tools_raises_is_an_error_in_a_sentence(peer, error):
    closed = []

    class Good:
        async def open(self):
            return [Tool.of(light)]

        async def close(self):
            closed.append("good")
            raise error

    class Bad(Good):
        async def open(self):
            raise error

    with pytest.raises(ToolError, match="The tools of Bad cannot be listed"):
        await LiveSession(peer, tools=[Good(), Bad()]).start()
    assert closed == ["good"]


async def test_coroutine_functions_run_where_they_are_told_to_but_not_those_of_a_source(peer):
    """What a source opened may be bound to the loop that opened it."""
    here, elsewhere = asyncio.get_running_loop(), asyncio.new_event_loop()
    thread = threading.Thread(target=elsewhere.run_forever, daemon=True)
    thread.start()

    async def given():
        return asyncio.get_running_loop() is elsewhere

    async def opened():
        return asyncio.get_running_loop() is here

    class Source:
        async def open(self):
            return [Tool.of(opened)]

        async def close(self): ...

    async with LiveSession(peer, tools=[given, Source()], tool_loop=lambda: elsewhere):
        await peer.receive()
        for name in ("given", "opened"):
            await peer.call(name, id=name)
            assert (await peer.result()).response == {"result": True}
    elsewhere.call_soon_threadsafe(elsewhere.stop)
    await asyncio.to_thread(thread.join, SOON)
    elsewhere.close()


async def test_a_function_that_could_not_begin_says_what_kept_it(peer):
    """Its time is up because of another function: a cause is named only if it is the cause."""
    go, blocked = threading.Event(), threading.Event()
    elsewhere = asyncio.new_event_loop()
    thread = threading.Thread(target=elsewhere.run_forever, daemon=True)
    thread.start()

    async def blocks():
        blocked.set()
        go.wait(SOON)

    async def waits():
        raise AssertionError("It was given up before.")

    tools = [Tool.of(blocks, timeout=1), Tool.of(waits, timeout=0.05)]
    async with LiveSession(peer, tools=tools, tool_loop=lambda: elsewhere):
        await peer.receive()
        await peer.call("blocks", id="a")
        assert (await peer.result()).response == {"error": "it took longer than 1 s and was given up"}
        assert blocked.is_set()
        await peer.call("waits", id="b")
        assert (await peer.result()).response == {
            "error": "it could not begin within 0.05 s: another async tool blocks its event loop"
        }
        go.set()
    elsewhere.call_soon_threadsafe(elsewhere.stop)
    await asyncio.to_thread(thread.join, SOON)
    elsewhere.close()


async def test_a_function_that_blocks_the_loop_of_the_session_is_named_once(peer):
    clock, notices = ManualClock(), []

    async def sleeps():
        clock.advance(5_000)  # As time.sleep would.

    async with LiveSession(peer, tools=[sleeps], clock=clock) as session:
        session.subscribe(lambda event: notices.append(event) if isinstance(event, Notice) else None)
        await peer.receive()
        for number in range(2):
            await peer.call("sleeps", id=str(number))
            await peer.result()
        await eventually(lambda: notices)
        (notice,) = notices
        assert notice.code == "tool-blocks"
        assert "The tool sleeps is an async def that works for more than 1 s" in notice.text


async def test_a_real_cancellation_is_not_an_error_of_the_tool(peer):
    ended = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("slow")

    async def slowly():
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            ended.append("slowly")

    session = LiveSession(peer, tools=[slow, slowly])
    seen = []
    session.subscribe(seen.append)
    before = asyncio.all_tasks()
    await session.start()
    await peer.receive()
    await peer.call("slow", id="a")
    await peer.call("slowly", id="b")
    await eventually(lambda: any(isinstance(event, ToolUpdate) for event in seen))
    await session.close()
    assert sorted(ended) == ["slow", "slowly"]
    assert not any(isinstance(event, ToolResult) for event in seen)
    await eventually(lambda: asyncio.all_tasks() <= before)


async def test_a_function_that_ignores_its_cancellation_is_answered_for_in_time(peer):
    go = asyncio.Event()

    async def stubborn():
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()

    async with LiveSession(peer, tools=[Tool.of(stubborn, timeout=0.05)]):
        await peer.receive()
        await peer.call("stubborn")
        assert (await peer.result()).response == {"error": "it took longer than 0.05 s and was given up"}
        go.set()


def nested(depth, wrap):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("depth", [80, 95, 300, 490, 990, 5_000])
@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}], ids=["list", "dict"])
async def test_a_result_that_cannot_be_encoded_is_told_as_that(peer, depth, wrap):
    """What fails between the end of a function and the sending of its result is itself the answer."""

    def deep():
        return nested(depth, wrap)

    def deep_values():
        yield nested(depth, wrap)

    async with LiveSession(peer, tools=[deep, deep_values, light]):
        await peer.receive()
        for name in ("deep", "deep_values"):
            await peer.call(name, id=name)
            assert ("error" in (await peer.result()).response) is (depth > 90)
        await peer.call("light", id="b", on=True)
        assert (await peer.result()).response == {"result": "on"}


async def test_a_result_by_hand_that_cannot_be_encoded_may_be_given_again(peer):
    async with LiveSession(peer, tools=[DECLARED]) as session:
        await peer.receive()
        await peer.call("ask_me", id="q")
        await eventually(lambda: session.turns)
        with pytest.raises(ToolError):
            await session.send_tool_result("q", nested(400, lambda value: [value]))
        await session.send_tool_result("q", "42")
        assert (await peer.result()).response == {"result": "42"}


async def test_arguments_that_do_not_fit_never_reach_the_function(peer):
    called = []

    def count(n: int):
        called.append(n)

    async with LiveSession(peer, tools=[count]):
        await peer.receive()
        await peer.call("count", n="many")
        assert (await peer.result()).response == {"error": 'n must be a whole number, got "many"'}
        await peer.call("count", id="b", n=3)
        assert (await peer.result()).response == {"result": None}
    assert called == [3]


async def test_an_unknown_tool_gets_an_answer(peer):
    async with LiveSession(peer, tools=[light]):
        await peer.receive()
        await peer.call("dance")
        assert (await peer.result()).response == {"error": "there is no tool called dance"}


async def test_a_call_that_comes_twice_runs_once(peer):
    calls = []

    def count():
        calls.append(1)

    async with LiveSession(peer, tools=[count]) as session:
        await peer.receive()
        for id in ("a", "a", "b"):
            await peer.call("count", id=id)
        assert {(await peer.result()).id, (await peer.result()).id} == {"a", "b"}
        assert len(session.turns[-1].tools) == 2
    assert len(calls) == 2


async def _types(peer, session):
    await session.send_text("and now?")
    await peer.receive()


@pytest.mark.parametrize(
    "end",
    [
        lambda peer, session: peer.turn_complete(),
        lambda peer, session: peer.content(interrupted=True),
        lambda peer, session: peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START")),
        _types,
    ],
    ids=["turn", "interruption", "speech", "text"],
)
async def test_an_id_of_an_earlier_turn_is_not_a_repetition(peer, end):
    """Services begin their ids anew; only in one turn the same call with the same id is one call."""
    ran = []

    def count(n: int):
        ran.append(n)
        return n

    async with LiveSession(peer, tools=[count]) as session:
        stream = aiter(session)
        await peer.receive()
        for _ in range(2):
            await peer.call("count", id="function-call-1", n=1)
            assert (await peer.result()).response == {"result": 1}
            await peer.call("count", id="function-call-1", n=1)  # A repetition.
            await peer.say("One.")
            await until(stream, OutputAudio)
            await end(peer, session)
        await peer.answer("Well.")
        await until(stream, TurnComplete)
        uses = [use for turn in session.turns for use in turn.tools]
        assert [use.state for use in uses] == ["done", "done"]
        assert len({use.id for use in uses}) == 2  # Here each has an id of its own.
    assert ran == [1, 1]


async def test_another_call_with_the_id_of_one_in_this_turn_is_answered(peer):
    def count(n: int):
        return n

    async with LiveSession(peer, tools=[count, light]):
        await peer.receive()
        for name, args in (("count", {"n": 1}), ("count", {"n": 2}), ("light", {"on": True})):
            await peer.call(name, id="a", **args)
            assert (await peer.result()).name == name


async def test_a_repetition_of_a_call_that_still_runs_is_none_in_any_turn(peer):
    go, ran = asyncio.Event(), []

    async def slow():
        ran.append(1)
        await go.wait()

    async with LiveSession(peer, tools=[slow, light]):
        await peer.receive()
        await peer.call("slow", id="a")
        await eventually(lambda: ran)
        await peer.turn_complete()
        await peer.call("slow", id="a")
        go.set()
        assert (await peer.result()).id == "a"
        await peer.call("light", id="b", on=True)
        assert (await peer.result()).id == "b"
    assert ran == [1]


async def test_ids_begin_anew_with_a_connection_that_was_not_resumed(peer):
    async with LiveSession(peer, tools=[light], reconnect=ReconnectPolicy(initial_delay_ms=0)) as session:
        await peer.receive()
        await peer.call("light", id="a", on=True)
        assert (await peer.result()).id == "a"
        await peer.close(1011)
        await eventually(lambda: session.stats.reconnects == 1)
        while (await peer.receive()).setup is None:
            pass
        await peer.call("light", id="a", on=True)
        while (message := await peer.receive()).tool_response is None:
            pass
        assert message.tool_response.function_responses[0].id == "a"


async def test_the_service_cancels_by_its_own_ids(peer):
    async def slow(n: int):
        await asyncio.sleep(60)

    async with LiveSession(peer, tools=[slow]) as session:
        stream = aiter(session)
        await peer.receive()
        for n in (1, 2):
            await peer.call("slow", id="a", n=n)
        await eventually(lambda: session.turns and len(session.turns[-1].tools) == 2)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a"]))
        await until(stream, ToolCallCancelled)
        assert [use.state for use in session.turns[-1].tools] == ["cancelled", "cancelled"]


async def test_an_approval_for_an_earlier_call_of_the_same_id_is_none_for_the_next(peer):
    door = Tool.of(light, require_approval=0.05)
    async with LiveSession(peer, tools=[door], approve=True) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("light", id="a", on=True)
        first = await until(stream, ToolApprovalRequested)
        assert "error" in (await peer.result()).response
        await peer.turn_complete()
        await peer.call("light", id="a", on=True)
        second = await until(stream, ToolApprovalRequested)
        assert session.approve(first.id) is False
        assert session.approve(second.id) is True
        assert (await peer.result()).response == {"result": "on"}


@pytest.mark.parametrize(
    ("called", "ran"),
    [
        ("default_api.light", "light"),
        ("functions.light", "light"),
        ("default_api:light", "light"),
        ("default_api::light", "light"),
        ("my.product.light", "light"),
        ("tools.lamp.light", "lamp.light"),  # The longest name that there is.
        ("lamp.light", "lamp.light"),
        ("default_api.dance", None),
        ("light.", None),
        ("light.on", None),
        (".", None),
        ("", None),
        ("print(default_api.light(on=True))", None),
    ],
)
async def test_a_name_with_a_namespace_is_the_tool_of_the_name_behind_it(peer, called, ran):
    lamp = Tool.of(lambda on: "lamp.light", name="lamp.light")
    async with LiveSession(
        peer, tools=[Tool.of(lambda on: "light", name="light"), lamp, DECLARED]
    ) as session:
        await peer.receive()
        await peer.call(called, on="yes")
        answer = await peer.result()
        assert answer.name == called
        assert answer.response == ({"result": ran} if ran else {"error": f"there is no tool called {called}"})
        await peer.call("default_api.ask_me", id="q")
        await eventually(lambda: len(session.turns[-1].tools) == 2)
        await session.send_tool_result("q", 42)
        assert (await peer.result()).name == "default_api.ask_me"


async def calls_without_end(peer, number, speaks=False):
    """Answer each result with the next call; return the results."""
    found = []
    for each in range(number):
        await peer.call("light", id=f"fc-{each}", on=True)
        while (message := await peer.receive()).tool_response is None:
            pass
        found.append(message.tool_response.function_responses[0])
        if speaks:
            await peer.answer("And again.")
    return found


@pytest.mark.parametrize("speaks", [False, True])
async def test_calls_without_end_are_stopped_and_answered_all_the_same(peer, speaks):
    """Between two things the user says a bounded number of calls runs, whether the model speaks meanwhile."""
    notices = []
    async with LiveSession(peer, tools=[light], limits=Limits(calls_per_turn=5)) as session:
        session.subscribe(lambda event: notices.append(event) if isinstance(event, Notice) else None)
        await peer.receive()
        for round in (1, 2):
            await session.send_text("Turn it on")
            results = await calls_without_end(peer, 300, speaks)
            assert [result.response for result in results[:5]] == [{"result": "on"}] * 5
            assert all("Stop calling functions" in result.response["error"] for result in results[5:])
            assert [result.id for result in results] == [f"fc-{number}" for number in range(300)]
            assert session.stats.refused_calls == 295 * round
            # The card is not filled with what did not run.
            states = [use.state for turn in session.turns for use in turn.tools]
            assert states == (["done"] * 5 + ["refused"] * SHOWN) * round
            assert [notice.code for notice in notices] == ["too-many-calls"] * round
            await peer.answer("Enough.")
            await eventually(lambda: session.floor is Floor.LISTENING)


async def test_twenty_five_calls_run_unless_the_session_is_told_otherwise(peer):
    async with LiveSession(peer, tools=[light]):
        await peer.receive()
        results = await calls_without_end(peer, 26)
        assert ["error" in result.response for result in results] == [False] * 25 + [True]


@pytest.mark.parametrize("kind", ["unknown", "declared", "denied"])
async def test_calls_that_run_nothing_count_too(peer, kind):
    tools = [DECLARED, Tool.of(light, require_approval=True)]
    name = {"unknown": "dance", "declared": "ask_me", "denied": "light"}[kind]
    async with LiveSession(
        peer, tools=tools, approve=lambda call: False, limits=Limits(calls_per_turn=3)
    ) as session:
        await peer.receive()
        for number in range(4):
            await peer.call(name, id=str(number), on=True)
            if kind == "declared" and number < 3:
                await eventually(
                    lambda number=number: session.turns and len(session.turns[-1].tools) > number
                )
                await session.send_tool_result(str(number), 1)
            answer = await peer.result()
        assert "Stop calling" in answer.response["error"]


async def test_what_the_user_says_lets_calls_run_again(peer):
    async def spoken():
        await peer.content(input_transcription=Transcription(text=" go on"))

    async def typed():
        await session.send_text("go on")

    async def announced():
        await peer.send(voice_activity=VoiceActivity(type="ACTIVITY_START"))

    async with LiveSession(peer, tools=[light], limits=Limits(calls_per_turn=2)) as session:
        await peer.receive()
        for said in (spoken, typed, announced):
            results = await calls_without_end(peer, 3)
            assert ["error" in result.response for result in results] == [False, False, True]
            await peer.turn_complete()
            await said()


async def test_where_the_service_reports_no_speech_what_is_heard_here_counts(peer):
    config = LiveConfig(input_transcript=False)
    loud = (np.sin(np.arange(16_000) / 5) * 20_000).astype(np.int16)
    clock = ManualClock()
    async with LiveSession(
        peer, config, tools=[light], limits=Limits(calls_per_turn=2), clock=clock
    ) as session:
        await peer.receive()
        for _ in range(2):
            results = await calls_without_end(peer, 3)
            assert ["error" in result.response for result in results] == [False, False, True]
            await peer.turn_complete()
            clock.advance(1_000)
            await session.send_audio(loud)


async def test_values_that_no_connection_takes_are_bounded_counted_and_said(peer):
    """What a call gives is never swallowed: what cannot be sent is a notice."""
    go, notices = asyncio.Event(), []

    async def counts():
        yield 0
        await go.wait()
        for number in range(1_000):
            yield number

    native = Peer("gemini-2.5-flash-native-audio-latest")
    policy = ReconnectPolicy(initial_delay_ms=0)
    async with LiveSession(native, tools=[counts], reconnect=policy) as session:
        session.subscribe(lambda event: notices.append(event) if isinstance(event, Notice) else None)
        await native.receive()
        await native.call("counts")
        assert (await native.result()).will_continue is True
        native.accepts = False
        await native.close(1011)
        await eventually(lambda: native.dials == 2)
        go.set()
        await eventually(lambda: session.turns[-1].tools[-1].state == "done")
        assert session.stats.dropped_items == 1_000 - OTHERS
        dropped = [notice for notice in notices if notice.code == "value-dropped"]
        assert [notice.level for notice in dropped] == ["warning"]
        assert dropped[0].text.startswith("A value of the tool counts was not sent: Too much is waiting")


async def test_thousands_of_calls_in_one_message_are_all_answered(peer):
    calls = [FunctionCall(id=str(number), name="light", args={"on": True}) for number in range(2_000)]
    async with LiveSession(peer, tools=[light]) as session:
        await peer.receive()
        await peer.send(tool_call=ServiceToolCall(function_calls=calls))
        answered = {(await peer.result()).id for _ in calls}
        assert len(answered) == 2_000
        assert session.stats.refused_calls == 2_000 - 25


async def test_calls_without_an_id_are_told_apart_here_and_sent_without_one(peer):
    async with LiveSession(peer, tools=[light]) as session:
        await peer.receive()
        for _ in range(2):
            await peer.call("light", id=None, on=True)
            assert (await peer.result()).id is None
        assert [use.state for use in session.turns[-1].tools] == ["done", "done"]
        assert len({use.id for use in session.turns[-1].tools}) == 2


async def test_a_cancelled_coroutine_stops_and_its_result_is_dropped(peer):
    ended = asyncio.Event()

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with LiveSession(peer, tools=[slow, light]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("slow")
        await until(stream, ToolCall)
        await asyncio.sleep(0)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a", "unknown"]))
        await until(stream, ToolCallCancelled)
        async with asyncio.timeout(SOON):
            await ended.wait()
        assert session.turns[-1].tools[0].state == "cancelled"
        await peer.call("light", id="b", on=True)
        assert (await peer.result()).id == "b"


async def test_a_coroutine_that_does_not_let_itself_be_cancelled_answers_in_vain(peer):
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "anyway"

    async with LiveSession(peer, tools=[stubborn, light]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("stubborn")
        await until(stream, ToolCall)
        await asyncio.sleep(0)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a"]))
        await until(stream, ToolCallCancelled)
        await peer.call("light", id="b", on=True)
        assert (await peer.result()).id == "b"
        assert session.turns[-1].tools[0].state == "cancelled"


async def test_the_result_of_a_cancelled_thread_is_dropped(peer):
    began, go, gone = threading.Event(), threading.Event(), threading.Event()

    def slow():
        began.set()
        go.wait(SOON)
        gone.set()
        return "too late"

    async with LiveSession(peer, tools=[slow, light]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("slow")
        await until(stream, ToolCall)
        await asyncio.to_thread(began.wait, SOON)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a"]))
        await until(stream, ToolCallCancelled)
        go.set()
        await asyncio.to_thread(gone.wait, SOON)
        await peer.call("light", id="b", on=True)
        assert (await peer.result()).id == "b"


async def test_functions_run_beside_the_loop_in_threads_that_do_not_hold_up_the_end(peer):
    here = threading.current_thread()
    where = []

    def look():
        where.append(threading.current_thread())

    async with LiveSession(peer, tools=[look]):
        await peer.receive()
        await peer.call("look")
        await peer.result()
    assert where[0] is not here
    assert where[0].daemon


async def test_functions_run_in_the_context_of_the_session(peer):
    cell = contextvars.ContextVar("cell", default="none")
    cell.set("seven")

    def look():
        return cell.get()

    async with LiveSession(peer, tools=[look]):
        await peer.receive()
        await peer.call("look")
        assert (await peer.result()).response == {"result": "seven"}


async def test_more_calls_than_places_are_refused_until_one_is_free(peer):
    go = threading.Event()

    def slow():
        go.wait(SOON)

    async with LiveSession(peer, tools=[slow], limits=Limits(calls_per_turn=2 * CALLS)):
        await peer.receive()
        for number in range(CALLS + 1):
            await peer.call("slow", id=str(number))
        response = await peer.result()
        assert response.id == str(CALLS)
        assert "wait until one has ended" in response.response["error"]
        go.set()
        for _ in range(CALLS):
            assert (await peer.result()).response == {"result": None}
        await peer.call("slow", id="again")
        assert (await peer.result()).response == {"result": None}


DECLARED = {"name": "ask_me", "description": "Asks.", "parametersJsonSchema": {"type": "object"}}


async def test_a_tool_that_is_only_declared_is_answered_by_hand(peer):
    async with LiveSession(peer, tools=[DECLARED]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("ask_me", id="q")
        call = await until(stream, ToolCall)
        with pytest.raises(ToolError, match="bytes"):
            await session.send_tool_result(call.id, b"x")
        await session.send_tool_result(call.id, {"answer": 42})
        response = await peer.result()
        assert (response.id, response.response) == ("q", {"answer": 42})
        await session.send_tool_result(call.id, "again: in vain")
        with pytest.raises(UsageError, match="No call"):
            await session.send_tool_result("zz", 1)


@pytest.mark.parametrize("tools", [[light, light], [{"description": "x"}], [3], [DECLARED, DECLARED]])
def test_tools_that_cannot_be_offered(peer, tools):
    with pytest.raises(ToolError):
        LiveSession(peer, tools=tools)


async def test_a_tool_may_close_the_session(peer):
    before = asyncio.all_tasks()

    async def leave():
        await session.close()

    session = LiveSession(peer, tools=[leave])
    await session.start()
    await peer.call("leave")
    await eventually(lambda: not session.is_open)
    await session.close()
    await eventually(lambda: asyncio.all_tasks() == before)


async def ignore(*told):
    del told


def runner_of(*offered, model="gemini-3.8-live", clock=None, **more):
    """A runner of its own, whose results go nowhere."""
    quiet = {"on_result": ignore, "publish": lambda event: None, "on_call_ended": lambda: None}
    return ToolRunner(list(offered), find(model, "gemini"), **(quiet | more), clock=clock or ManualClock())


def test_what_is_remembered_is_bounded():
    runner = runner_of()
    for number in range(REMEMBERED + 5):
        assert runner.admit(ToolCall(id=str(number), name="x")) is not None
    assert len(runner._seen) == REMEMBERED
    assert runner.admit(ToolCall(id=str(REMEMBERED), name="x")) is None


async def test_barge_in_cancels_what_the_service_cancels_and_cuts_the_turn(peer):
    async with LiveSession(peer, tools=[hangs_on_the_loop]) as session:
        stream = aiter(session)
        await peer.receive()
        await session.send_text("Look it up")
        await peer.say("One moment")
        await peer.call("hangs_on_the_loop")
        await peer.content(interrupted=True)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["a"]))
        await until(stream, ToolCallCancelled)
        turn = session.turns[-1]
        assert (turn.interrupted, turn.tools[0].state) == (True, "cancelled")


def total(first: int, /, *others: float, factor: int = 1) -> float:
    """Add numbers."""
    return (first + sum(others)) * factor


@pytest.mark.parametrize(
    ("tool", "args", "result"),
    [
        (total, {"first": "1"}, 1),
        (total, {"first": 1.0, "others": [2, "3"], "factor": None}, 6),
        (len, {"obj": "four"}, 4),
    ],
)
async def test_parameters_by_position_are_passed_so(peer, tool, args, result):
    async with LiveSession(peer, tools=tool):
        await peer.receive()
        await peer.call(tool.__name__, **args)
        assert (await peer.result()).response == {"result": result}


def undescribed(x):
    return x


@pytest.mark.parametrize(
    ("offered", "names"),
    [
        (len, ["len"]),
        (light, ["light"]),
        (Tool.of(light), ["light"]),
        (functools.partial(light, True), ["light"]),
        ({"name": "declared"}, ["declared"]),
        ((light, len), ["light", "len"]),
        ((one for one in (light, len)), ["light", "len"]),
        (None, []),
    ],
)
def test_one_tool_may_stand_without_a_list_around_it(offered, names):
    prepared = prepare_tools(offered, find("gemini-3.8-live", "gemini"))
    assert [one.name if isinstance(one, Tool) else one["name"] for one in prepared] == names


@pytest.mark.parametrize("offered", ["light", b"light", 3, functools])
def test_what_is_no_list_of_tools_is_refused_in_a_sentence(offered):
    with pytest.raises(ToolError, match=r"tools is a list of functions, such as tools=\[weather\], not an? "):
        prepare_tools(offered, find("gemini-3.8-live", "gemini"))


async def test_what_the_model_is_not_told_of_a_tool_is_said_once(peer):
    async with LiveSession(peer, tools=undescribed) as session:
        stream = aiter(session)
        await peer.receive()
        notices = [await until(stream, Notice) for _ in range(2)]
    assert {notice.code for notice in notices} == {"tool-undescribed"}
    assert notices[0].text.startswith("The tool undescribed has no docstring")
    assert notices[1].text.startswith("x of the tool undescribed has no type")
    assert {notice.level for notice in notices} == {"info"}
