"""How long a frame and its answer take over a WebSocket of livewidget.transports."""

import asyncio

from livewidget.transports.websocket import WebSocketTransport, dial

from .test_websocket import echo, server


async def test_the_round_trip_is_measured_from_the_start():
    async with server(echo) as url:
        link = await dial(url)
        async with asyncio.timeout(5):
            while link.round_trip_ms is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert 0 < link.round_trip_ms < 5000
        await link.close()


async def test_the_side_that_has_not_pinged_knows_no_round_trip():
    seen = []

    async def look(connection):
        seen.append(WebSocketTransport(connection).round_trip_ms)
        await connection.wait_closed()

    async with server(look) as url:
        link = await dial(url)
        await link.close()
    assert seen == [None]
