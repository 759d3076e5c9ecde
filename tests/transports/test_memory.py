"""Two ends in one event loop."""

import asyncio

import pytest

from livewidget.errors import LinkLost
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import FRAMES_WAITING, ServedTransport, pair


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


async def test_a_served_end_answers_until_it_is_closed():
    async def echo(transport):
        while True:
            await transport.send(await transport.receive())

    transport = ServedTransport(echo, "an echo")
    await transport.send("a")
    assert await transport.receive() == "a"
    assert [task.get_name() for task in asyncio.all_tasks()].count("an echo") == 1
    await transport.close()
    assert [task.get_name() for task in asyncio.all_tasks()].count("an echo") == 0
    with pytest.raises(TransportClosed):
        await transport.receive()


@pytest.mark.parametrize("code", [1000, 1011])
async def test_a_served_end_that_ends_closes_the_transport(code):
    async def serve(transport):
        await transport.send("last words")
        if code != 1000:
            await transport.close(code, "why")

    transport = ServedTransport(serve)
    await asyncio.sleep(0)
    assert await transport.receive() == "last words"
    with pytest.raises(TransportClosed) as caught:
        await transport.receive()
    assert (caught.value.code, caught.value.error) == (code, None)


async def test_what_a_served_end_raises_is_what_the_client_is_told():
    error = LinkLost("The lamp is gone.")

    async def serve(transport):
        await transport.send("last words")
        raise error

    transport = ServedTransport(serve)
    await asyncio.sleep(0)
    assert await transport.receive() == "last words"
    for act in (transport.receive, transport.receive, lambda: transport.send("x")):
        with pytest.raises(TransportClosed) as caught:
            await act()
        assert caught.value.error is error
    await transport.close()


async def test_a_fault_of_a_served_end_does_not_leave_the_client_waiting():
    async def serve(transport):
        raise ZeroDivisionError

    transport = ServedTransport(serve)
    with pytest.raises(TransportClosed) as caught:
        await transport.receive()
    assert caught.value.code == 1011
    assert isinstance(transport._task.exception(), ZeroDivisionError)
