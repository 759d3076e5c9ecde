"""A connection that is observed."""

import pytest

from livewidget.connection import Connection, Gemini
from livewidget.errors import LiveError
from livewidget.transports.base import TransportClosed
from livewidget.transports.memory import pair


class Notes:
    def __init__(self):
        self.seen = []

    def on_frame(self, outgoing, frame):
        self.seen.append((outgoing, frame))

    def on_close(self, outgoing, code, reason):
        self.seen.append((outgoing, code, reason))


@pytest.fixture
def tapped():
    """A connection, the transport at its other end, and what was seen of it."""
    (client, server), notes = pair(), Notes()
    gemini = Gemini("gemini-3.8-live", api_key="canary-key-0123456789")
    return Connection(gemini, gemini.capabilities, client, notes), server, notes.seen


async def test_every_frame_is_seen_in_order(tapped):
    connection, server, seen = tapped
    await connection.send("a")
    await server.send(b"{}")
    await server.send('{"goAway": {}}')
    assert [len(await connection.receive()), len(await connection.receive())] == [0, 1]
    await connection.send("d")
    assert [await server.receive(), await server.receive()] == ["a", "d"]
    assert seen == [(True, "a"), (False, b"{}"), (False, '{"goAway": {}}'), (True, "d")]
    assert connection.round_trip_ms == 0


async def test_the_other_side_closes(tapped):
    connection, server, seen = tapped
    await server.close(1011, "why")
    for act in (connection.receive, lambda: connection.send("x"), connection.receive):
        with pytest.raises(LiveError):
            await act()
    await connection.close()
    assert seen == [(False, 1011, "why")]


async def test_this_side_closes(tapped):
    connection, server, seen = tapped
    await connection.close()
    await connection.close()
    with pytest.raises(LiveError):
        await connection.receive()
    with pytest.raises(TransportClosed):
        await server.receive()
    assert seen == [(True, 1000, "")]
