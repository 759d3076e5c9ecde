"""Two ends in one event loop."""

import asyncio

import pytest

from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import FRAMES_WAITING, pair


async def test_what_one_end_sends_the_other_receives_in_order():
    one, two = pair()
    for frame in ("a", b"b", ""):
        await one.send(frame)
    await two.send("c")
    assert [await two.receive() for _ in range(3)] == ["a", b"b", ""]
    assert await one.receive() == "c"


async def test_what_was_sent_before_the_close_still_arrives():
    one, two = pair()
    await one.send("a")
    await one.close(1011, "why")
    await one.close(1000, "again")
    assert await two.receive() == "a"
    with pytest.raises(TransportClosed) as caught:
        await two.receive()
    assert (caught.value.code, caught.value.reason) == (1011, "why")
    for act in (two.send("x"), one.send("x"), one.receive()):
        with pytest.raises(TransportClosed):
            await act


async def test_a_cancelled_receive_loses_no_frame():
    one, two = pair()
    receiving = asyncio.create_task(two.receive())
    await asyncio.sleep(0)
    await one.send("a")
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert await two.receive() == "a"


async def test_sending_waits_for_a_reader_that_is_behind():
    one, two = pair()
    for number in range(FRAMES_WAITING):
        await one.send(str(number))
    sending = asyncio.create_task(one.send("last"))
    await asyncio.sleep(0)
    assert not sending.done()
    assert await two.receive() == "0"
    await sending
    frames = [await two.receive() for _ in range(FRAMES_WAITING)]
    assert frames[-1] == "last"


async def test_closing_wakes_who_waits():
    one, two = pair()
    for _ in range(FRAMES_WAITING):
        await one.send("x")
    waiting = [asyncio.create_task(one.send("y")), asyncio.create_task(one.receive())]
    await asyncio.sleep(0)
    await two.close(4000, "enough")
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, TransportClosed)
        assert result.code == 4000
