"""Functions that answer more than once, in sessions with models that take that and with models that do not."""

import asyncio
import threading

import pytest

from livewidget.events import ToolResult, ToolUpdate
from livewidget.protocol.messages import ToolCallCancellation
from livewidget.session import LiveSession
from livewidget.tools import Result, Tool
from tests.peer import SOON, Peer, eventually, until

NATIVE = "gemini-2.5-flash-native-audio-latest"


def boil(cups: int):
    """Boil water."""
    for number in range(cups):
        yield f"cup {number + 1}"


async def boil_slowly(cups: int):
    """Boil water."""
    for number in range(cups):
        await asyncio.sleep(0)
        yield f"cup {number + 1}"


def boil_and_say(cups: int):
    """Boil water."""
    yield from boil(cups)
    return {"boiled": cups}


def boils_later(cups: int):
    """A plain function that returns a generator."""
    return boil(cups)


async def told(peer: Peer, number: int):
    return [await peer.result() for _ in range(number)]


async def declared(peer: Peer) -> dict:
    (tool,) = (await peer.receive()).setup.tools
    return tool.function_declarations[0]


@pytest.mark.parametrize("function", [boil, boil_slowly])
async def test_each_value_goes_out_as_it_comes_and_the_end_is_said_silently(function):
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[function]) as session:
        stream = aiter(session)
        assert (await declared(peer)).behavior == "NON_BLOCKING"
        await peer.call(function.__name__, id="fc_1", cups=2)
        one, two, end = await told(peer, 3)
        assert {(each.id, each.name) for each in (one, two, end)} == {("fc_1", function.__name__)}
        assert (one.response, one.will_continue, one.scheduling) == ({"result": "cup 1"}, True, None)
        assert (two.response, two.will_continue) == ({"result": "cup 2"}, True)
        assert (end.response, end.will_continue, end.scheduling) == ({}, False, "SILENT")
        first = await until(stream, ToolUpdate)
        assert (first.id, first.result, first.sent) == ("fc_1", {"result": "cup 1"}, True)
        assert (await until(stream, ToolResult)).result == {"result": "cup 2"}
        (use,) = session.turns[-1].tools
        assert (use.state, use.updates) == ("done", ({"result": "cup 1"}, {"result": "cup 2"}))


async def test_what_a_generator_returns_is_its_last_result():
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[boil_and_say]):
        await declared(peer)
        await peer.call("boil_and_say", cups=1)
        one, end = await told(peer, 2)
        assert (one.response, one.will_continue) == ({"result": "cup 1"}, True)
        assert (end.response, end.will_continue, end.scheduling) == ({"boiled": 1}, False, None)


async def test_a_function_may_return_a_generator():
    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[Tool.of(boils_later, behavior="NON_BLOCKING")]):
        await declared(peer)
        await peer.call("boils_later", cups=2)
        assert [each.will_continue for each in await told(peer, 3)] == [True, True, False]


LIVE_VERTEX = ("gemini-live-2.5-flash-native-audio", "vertex")


@pytest.mark.parametrize(
    ("model", "behavior"),
    [
        (("gemini-3.8-live", "gemini"), None),  # It closes with 1007 over willContinue.
        (("gemini-3.1-flash-live-preview", "gemini"), None),
        (LIVE_VERTEX, None),  # A field of the Gemini API alone.
        ((NATIVE, "gemini"), "BLOCKING"),  # The service would take the first value for all.
    ],
)
@pytest.mark.parametrize("function", [boil, boil_slowly])
async def test_elsewhere_only_the_last_value_is_sent_and_each_is_shown(function, model, behavior):
    peer = Peer(*model)
    async with LiveSession(peer, tools=[Tool.of(function, behavior=behavior)]) as session:
        stream = aiter(session)
        await declared(peer)
        await peer.call(function.__name__, cups=3)
        only = await peer.result()
        assert (only.response, only.will_continue, only.scheduling) == ({"result": "cup 3"}, None, None)
        assert not (await until(stream, ToolUpdate)).sent
        await until(stream, ToolResult)
        assert len(session.turns[-1].tools[0].updates) == 3
        await peer.call(function.__name__, id="b", cups=0)
        assert (await peer.result()).response == {"result": None}


async def test_a_value_says_when_it_is_spoken_of():
    async def steps():
        yield Result("begun", scheduling="SILENT")
        yield "done"

    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[Tool.of(steps, scheduling="INTERRUPT")]):
        await declared(peer)
        await peer.call("steps")
        assert [each.scheduling for each in await told(peer, 3)] == ["SILENT", "INTERRUPT", "SILENT"]


async def test_what_fails_after_a_value_says_so_as_the_last():
    def breaks():
        yield 1
        raise ValueError("no more")

    def unsendable():
        yield 1
        yield b"bytes"

    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[breaks, unsendable]):
        await declared(peer)
        for name, why in (("breaks", "ValueError: no more"), ("unsendable", "it returned bytes, which")):
            await peer.call(name, id=name)
            one, end = await told(peer, 2)
            assert one.will_continue is True
            assert end.will_continue is False
            assert why in end.response["error"]


async def test_each_value_has_the_time_of_a_call():
    ended = threading.Event()

    def hangs():
        try:
            yield "soon"
            threading.Event().wait(0.3)
            yield "late"
        finally:
            ended.set()

    peer = Peer(NATIVE)
    async with LiveSession(peer, tools=[Tool.of(hangs, timeout=0.05)]):
        await declared(peer)
        await peer.call("hangs")
        one, end = await told(peer, 2)
        assert one.response == {"result": "soon"}
        assert end.response == {"error": "it took longer than 0.05 s and was given up"}
        await asyncio.to_thread(ended.wait, SOON)


async def test_a_cancelled_generator_is_closed_where_it_ran():
    threads, closed = [], threading.Event()

    def endless():
        try:
            while True:
                threads.append(threading.current_thread())
                yield len(threads)
        finally:
            threads.append(threading.current_thread())
            closed.set()

    async def endless_too():
        try:
            while True:
                await asyncio.sleep(0)
                yield "more"
        finally:
            closed.set()

    peer = Peer("gemini-3.8-live")
    async with LiveSession(peer, tools=[endless, endless_too]) as session:
        stream = aiter(session)
        await peer.receive()
        for name in ("endless", "endless_too"):
            closed.clear()
            await peer.call(name, id=name)
            for _ in range(3):
                await until(stream, ToolUpdate)
            await peer.send(tool_call_cancellation=ToolCallCancellation(ids=[name]))
            await eventually(lambda: session.turns[-1].tools[-1].state == "cancelled")
            assert await asyncio.to_thread(closed.wait, SOON)
    assert len(set(threads)) == 1


async def test_what_is_kept_of_the_values_is_bounded():
    peer = Peer("gemini-3.8-live")
    async with LiveSession(peer, tools=[boil]) as session:
        await peer.receive()
        await peer.call("boil", cups=50)
        assert (await peer.result()).response == {"result": "cup 50"}
        updates = session.turns[-1].tools[0].updates
        assert len(updates) == 20
        assert updates[-1] == {"result": "cup 50"}
