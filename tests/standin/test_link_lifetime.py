"""Connections end by themselves, and say so before."""

import json

import pytest
from websockets.asyncio.client import connect

from livewidget.clock import ManualClock
from livewidget.errors import UsageError
from livewidget.standin import Script, StandIn
from livewidget.standin.serve import Server
from tests.standin.puppets import Brain, Client, Ears, Voice, closed, kinds, said, settle
from tests.standin.test_serve import PATH

DEADLINE = (1011, "Deadline expired before operation could complete.")


@pytest.mark.parametrize(
    ("connection_s", "warned_s", "left"),
    [(None, 550, "50s"), (40, 25, "15s"), (7200, 7150, "50s"), (1, 0.625, "0.375s")],
)
async def test_a_connection_is_warned_and_then_closed(bench, connection_s, warned_s, left):
    one = bench(clock=ManualClock(), connection_s=connection_s)
    client = await one.client()
    await settle()
    one.clock.advance(warned_s * 1000 - 1)
    await settle()
    await client.send(realtimeInput={"text": "still there"})
    assert "serverContent" in await client.next()
    await client.send(clientContent={"turnComplete": False})
    assert "goAway" not in kinds(await client.turn()), "a moment too soon"
    one.clock.advance(1)
    assert await client.next() == {"goAway": {"timeLeft": left}}
    one.clock.advance((connection_s or 600) * 1000 - warned_s * 1000 - 1)
    await settle()
    await client.send(realtimeInput={"text": "a last word"})
    await one.advance(0)
    assert said([await client.next()]) == "echo "
    one.clock.advance(1)
    assert await closed(client) == DEADLINE


async def test_each_connection_has_its_own_time(bench):
    one = bench(clock=ManualClock(), connection_s=40)
    first = await one.client()
    await settle()
    one.clock.advance(20_000)
    second = await one.client()
    await settle()
    one.clock.advance(5_000)
    assert "goAway" in await first.next()
    one.clock.advance(15_000)
    assert await closed(first) == DEADLINE
    one.clock.advance(5_000)
    assert await second.next() == {"goAway": {"timeLeft": "15s"}}
    one.clock.advance(15_000)
    assert await closed(second) == DEADLINE


async def test_over_a_real_socket_the_talk_goes_on_by_its_handle():
    clock = ManualClock()
    tutor = StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=clock, connection_s=40)
    setup = {"model": "models/offline-tutor", "sessionResumption": {}}
    async with Server(tutor, wss_port=None) as server, connect(server.ws + PATH) as socket:
        await socket.send(json.dumps({"setup": setup}))
        await socket.recv()
        clock.advance(25_000)
        assert json.loads(await socket.recv()) == {"goAway": {"timeLeft": "15s"}}
        clock.advance(15_000)
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == DEADLINE


async def test_a_script_is_left_alone_unless_it_is_told():
    for connection_s in (None, 40):
        clock = ManualClock()
        client = Client(await StandIn(script=Script([]), clock=clock, connection_s=connection_s).dial())
        await client.setup()
        await settle()
        clock.advance(600_000)
        await settle()
        await client.send(realtimeInput={"text": "on"})
        if connection_s:
            assert await client.next() == {"goAway": {"timeLeft": "15s"}}
        await client.transport.close()


@pytest.mark.parametrize("connection_s", [0, -1, float("inf"), float("nan")])
def test_times_that_are_none(connection_s):
    with pytest.raises(UsageError, match="connection_s"):
        StandIn(connection_s=connection_s)
