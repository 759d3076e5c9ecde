"""Faults made on purpose, as a client sees them."""

import pytest

from livewidget.errors import UsageError
from livewidget.standin import FAULTS, ManualClock, StandIn
from tests.standin.puppets import closed, said, settle


async def test_go_away_warns_and_then_closes(bench):
    one = bench(clock=ManualClock())
    client = await one.client()
    one.standin.simulate("goaway")
    assert await client.next() == {"goAway": {"timeLeft": "10s"}}
    one.clock.advance(10_000)
    assert await closed(client) == (1011, "Deadline expired before operation could complete.")


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [
        ("drop", 1006, ""),
        ("internal", 1011, "Internal error encountered."),
        ("refuse", 1011, "The service is currently unavailable."),
    ],
)
async def test_faults_that_close(bench, fault, code, reason):
    one = bench()
    client = await one.client()
    one.standin.simulate(fault)
    assert await closed(client) == (code, reason)


async def test_refuse_holds_until_recover(bench):
    one = bench()
    one.standin.simulate("refuse")
    client = await one.dial()
    await client.send(setup={"model": "models/offline-tutor"})
    assert await closed(client) == (1011, "The service is currently unavailable.")
    one.standin.simulate("recover")
    await one.client()


async def test_stall_loses_everything_until_recover(bench):
    one = bench()
    client = await one.client()
    one.standin.simulate("stall")
    await settle()
    await client.send(realtimeInput={"text": "lost"})
    await settle()
    one.standin.simulate("recover")
    await settle()
    await client.send(realtimeInput={"text": "found"})
    assert said(await client.turn()) == "echo found"


def test_unknown_faults_are_refused_with_the_list():
    with pytest.raises(UsageError, match="goaway") as error:
        StandIn().simulate("flood")
    assert all(name in str(error.value) for name in FAULTS)
