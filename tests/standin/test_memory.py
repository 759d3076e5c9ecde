"""Resumption: a talk that outlives its connection."""

from livewidget.standin import ManualClock
from livewidget.standin.memory import Memories, Memory
from tests.standin.puppets import closed


async def test_a_handle_comes_after_each_turn_and_leads_back(bench):
    one = bench()
    client = await one.client(sessionResumption={})
    await client.send(realtimeInput={"text": "first"})
    await client.turn()
    update = (await client.next())["sessionResumptionUpdate"]
    assert update["resumable"] is True
    await client.transport.close()
    again = await one.client(sessionResumption={"handle": update["newHandle"]})
    await again.send(realtimeInput={"text": "second"})
    await again.turn()
    assert [text for text, _ in one.brain.minds[0].asked] == ["first", "second"], "the same mind"


async def test_a_handle_is_forgotten_after_two_hours(bench):
    one = bench(clock=ManualClock())
    client = await one.client(sessionResumption={})
    await client.send(realtimeInput={"text": "first"})
    await one.advance(400)
    await client.turn()
    handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    one.clock.advance(2 * 3600 * 1000 - 1000)
    (await one.client(sessionResumption={"handle": handle}))
    one.clock.advance(2000)
    late = await one.dial()
    await late.send(setup={"model": "models/offline-tutor", "sessionResumption": {"handle": handle}})
    assert await closed(late) == (1008, "BidiGenerateContent session not found")


def test_handles_without_end_are_not_kept_without_end():
    memories = Memories(ManualClock())
    handles = [memories.keep(Memory()) for _ in range(1100)]
    assert [memories.find(handle) is not None for handle in handles] == [False] * 100 + [True] * 1000
