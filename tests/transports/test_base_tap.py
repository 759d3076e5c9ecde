"""A link that is looked at."""

import pytest

from livewidget.transports.base import TappedTransport, TransportClosed
from livewidget.transports.memory import pair


class Notes:
    def __init__(self):
        self.seen = []

    def on_frame(self, outgoing, frame):
        self.seen.append((outgoing, frame))

    def on_close(self, outgoing, code, reason):
        self.seen.append((outgoing, code, reason))


async def test_every_frame_is_seen_in_order():
    (client, server), notes = pair(), Notes()
    tapped = TappedTransport(client, notes)
    await tapped.send("a")
    await server.send(b"b")
    await server.send("c")
    assert [await tapped.receive(), await tapped.receive()] == [b"b", "c"]
    await tapped.send("d")
    assert [await server.receive(), await server.receive()] == ["a", "d"]
    assert notes.seen == [(True, "a"), (False, b"b"), (False, "c"), (True, "d")]
    assert tapped.round_trip_ms == 0


async def test_the_other_side_closes():
    (client, server), notes = pair(), Notes()
    tapped = TappedTransport(client, notes)
    await server.close(1011, "why")
    for act in (tapped.receive, lambda: tapped.send("x"), tapped.receive):
        with pytest.raises(TransportClosed):
            await act()
    await tapped.close()
    assert notes.seen == [(False, 1011, "why")]


async def test_this_side_closes():
    (client, server), notes = pair(), Notes()
    tapped = TappedTransport(client, notes)
    await tapped.close(1000, "done")
    await tapped.close()
    with pytest.raises(TransportClosed):
        await tapped.receive()
    with pytest.raises(TransportClosed):
        await server.receive()
    assert notes.seen == [(True, 1000, "done")]
