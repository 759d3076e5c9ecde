"""Calls that a person has to allow, in a session."""

import asyncio

import pytest

from livewidget.clock import ManualClock
from livewidget.config import Limits
from livewidget.events import (
    Notice,
    ToolApprovalRequested,
    ToolApproved,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
)
from livewidget.protocol.messages import ToolCallCancellation
from livewidget.session import LiveSession, connect
from livewidget.session.tool_runner import Approvals, ToolDenied
from livewidget.tools import Tool
from tests.peer import Peer, eventually, until

opened = []


def open_door(which: str) -> str:
    """Open a door."""
    opened.append(which)
    return "open"


@pytest.fixture(autouse=True)
def _all_shut():
    opened.clear()


DOOR = Tool.of(open_door, require_approval=True)


async def test_a_call_waits_until_it_is_allowed():
    clock = ManualClock()
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True, clock=clock) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", id="fc_1", which="front")
        assert (await until(stream, ToolApprovalRequested)).id == "fc_1"
        assert session.turns[-1].tools[0].state == "asking"
        clock.advance(29_000)
        assert opened == []
        assert session.approve("fc_1") is True
        assert (await until(stream, ToolApproved)).id == "fc_1"
        assert session.turns[-1].tools[0].state == "running"
        assert (await peer.result()).response == {"result": "open"}
        assert opened == ["front"]
        told = await until(stream, ToolResult)
        assert (told.refused, told.error) == (False, None)
        # What the person took is not the function's time.
        assert told.duration_ms == 0


async def test_a_call_that_is_not_allowed_does_not_run():
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which="front")
        asked = await until(stream, ToolApprovalRequested)
        assert session.approve(asked.id, False) is True
        assert session.approve(asked.id, True) is False
        assert (await peer.result()).response == {"error": "the user did not allow it"}
        assert (await until(stream, ToolResult)).refused
        (use,) = session.turns[-1].tools
        assert (use.state, use.error) == ("refused", "the user did not allow it")
    assert opened == []


async def test_a_function_that_is_given_to_connect_is_asked():
    for allowed in (True, False):
        peer = Peer()
        async with connect(peer, tools=[DOOR], approve=lambda call, word=allowed: word) as session:
            stream = aiter(session)
            await peer.receive()
            await peer.call("open_door", which="front")
            assert (await until(stream, ToolResult)).refused is not allowed
    assert opened == ["front"]


async def test_nobody_answers_in_time():
    clock = ManualClock()
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True, clock=clock) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which="front")
        asked = await until(stream, ToolApprovalRequested)
        clock.advance(30_001)
        assert (await peer.result()).response == {"error": "the user did not say that it may run"}
        notice = await until(stream, Notice)
        assert (notice.level, notice.code) == ("warning", "tool-refused")
        assert notice.text == "The tool open_door did not run: nobody allowed it within 30 s."
        assert session.approve(asked.id) is False
    assert opened == []


async def test_where_nobody_can_be_asked_the_call_is_refused_at_once():
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR]) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which="front")
        assert "nobody can be asked" in (await peer.result()).response["error"]
        assert "approve=…" in (await until(stream, Notice)).text
        assert session.turns[-1].tools[0].state == "refused"
    assert opened == []


async def soon_yes(call):
    await asyncio.sleep(0)
    return call.args["which"] == "front"


def at_once(call):
    return call.name == "open_door"


async def breaks(call):
    raise ValueError("no bell")


@pytest.mark.parametrize(
    ("approve", "which", "sent"),
    [
        (soon_yes, "front", {"result": "open"}),
        (soon_yes, "back", {"error": "the user did not allow it"}),
        (at_once, "front", {"result": "open"}),
        (lambda call: "yes", "front", {"error": "the user did not allow it"}),  # Only True is a yes.
        (breaks, "front", {"error": "the user could not be asked whether it may run"}),
    ],
)
async def test_a_function_that_is_asked(approve, which, sent):
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=approve) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which=which)
        await until(stream, ToolApprovalRequested)
        assert (await peer.result()).response == sent
        if approve is breaks:
            assert "ValueError: no bell" in (await until(stream, Notice)).text
    assert opened == (["front"] if "result" in sent else [])


class Panic(BaseException):
    """What extensions written in Rust raise, and gevent, and pytest."""


@pytest.mark.parametrize(
    "error",
    [Panic("boom"), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("is_async", [False, True], ids=["function", "coroutine"])
async def test_whatever_the_function_that_is_asked_raises_the_call_is_answered(error, is_async):
    def asks(call):
        raise error

    async def asks_later(call):
        await asyncio.sleep(0)
        raise error

    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=asks_later if is_async else asks) as session:
        stream = aiter(session)
        await peer.receive()
        for id in ("a", "b"):
            await peer.call("open_door", id=id, which="front")
            answer = await peer.result()
            assert answer.response == {"error": "the user could not be asked whether it may run"}
            assert type(error).__name__ in (await until(stream, Notice)).text
    assert opened == []


async def test_the_first_word_counts():
    never = asyncio.Event()

    async def thinks_long(call):
        await never.wait()
        return False

    peer = Peer()
    before = asyncio.all_tasks()
    async with LiveSession(peer, tools=[DOOR], approve=thinks_long) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which="front")
        assert session.approve((await until(stream, ToolApprovalRequested)).id)
        assert (await peer.result()).response == {"result": "open"}
    await eventually(lambda: asyncio.all_tasks() == before)


async def test_arguments_that_do_not_fit_are_not_asked_about():
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True):
        await peer.receive()
        await peer.call("open_door", which=[3])
        assert (await peer.result()).response == {"error": "which must be text, got a list"}


@pytest.mark.parametrize("id", ["unknown", "", "fc_2"])
async def test_a_word_for_a_call_that_does_not_ask_does_nothing(id):
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR, Tool.of(open_door, name="door")], approve=True) as session:
        stream = aiter(session)
        await peer.receive()
        assert session.approve("fc_1") is False  # Not yet.
        await peer.call("door", id="fc_2", which="cellar")
        await peer.result()
        await peer.call("open_door", id="fc_1", which="front")
        await until(stream, ToolApprovalRequested)
        assert session.approve(id) is False
        assert opened == ["cellar"]


async def test_a_call_that_is_cancelled_asks_no_more():
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", id="fc_1", which="front")
        await until(stream, ToolApprovalRequested)
        await peer.send(tool_call_cancellation=ToolCallCancellation(ids=["fc_1"]))
        await until(stream, ToolCallCancelled)
        assert session.turns[-1].tools[0].state == "cancelled"
        await eventually(lambda: session.approve("fc_1") is False)
    assert opened == []


async def test_several_ask_at_the_same_time():
    peer = Peer()
    async with LiveSession(peer, tools=[DOOR], approve=True) as session:
        stream = aiter(session)
        await peer.receive()
        for id in ("a", "b", "c"):
            await peer.call("open_door", id=id, which=id)
            await until(stream, ToolApprovalRequested)
        assert session.approve("b")
        assert (await peer.result()).id == "b"
        assert session.approve("c", False)
        assert (await peer.result()).id == "c"
        assert session.approve("a")
        assert (await peer.result()).id == "a"
    assert opened == ["b", "a"]


@pytest.mark.parametrize("allowed", [True, lambda call: True], ids=["page", "function"])
async def test_what_is_too_long_to_be_read_is_not_asked_but_refused_and_said(allowed):
    peer = Peer()
    limits = Limits(approval_length=100)
    async with LiveSession(peer, tools=[DOOR], approve=allowed, limits=limits) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("open_door", which="x" * 100)
        told = await until(stream, Notice)
        assert told.text == (
            "The tool open_door did not run: its arguments are longer than 100 characters, which is too much "
            "to approve; Limits(approval_length=…) allows more."
        )
        assert "under 100 characters" in (await peer.result()).response["error"]
        assert session.turns[-1].tools[0].state == "refused"
        assert session.stats.unasked_calls == 1
        assert opened == []


async def test_arguments_nested_too_deeply_to_be_written_are_not_asked_about():
    deep = []
    for _ in range(200_000):
        deep = [deep]
    asked = []
    approvals = Approvals(lambda call: True, ManualClock(), asked.append)
    with pytest.raises(ToolDenied, match="too long"):
        await approvals.request(ToolCall(id="a", name="run", args={"deep": deep}), 30)
    assert asked == []
    while deep:  # Python frees such a list by recursion, which not every version survives.
        deep = deep.pop()
