"""Tools called by the model."""

import asyncio
import contextvars
import functools
import threading

import pytest

from livewidget.clock import ManualClock
from livewidget.errors import ToolError, UsageError
from livewidget.events import Notice, ToolCall, ToolCallCancelled, ToolResult
from livewidget.models import find
from livewidget.protocol.messages import ToolCallCancellation
from livewidget.session import LiveSession
from livewidget.session.tool_runner import CALLS, REMEMBERED, ToolRunner, prepare_tools
from livewidget.tools import Tool
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
    (stops, "RuntimeError: StopIteration"),
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
    go, gone = threading.Event(), threading.Event()

    def slow():
        go.wait(SOON)
        gone.set()
        return "too late"

    async with LiveSession(peer, tools=[slow, light]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("slow")
        await until(stream, ToolCall)
        await asyncio.sleep(0)
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

    async with LiveSession(peer, tools=[slow]):
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
