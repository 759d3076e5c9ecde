"""What is held back goes out once, whole, and in order."""

from livewidget.protocol.messages import ServerContent, ServerMessage
from livewidget.standin.link import ClientLink
from livewidget.transports.memory import pair


async def test_what_is_held_goes_out_when_it_is_released():
    client, server = pair()
    link = ClientLink(server)
    link.hold(ServerMessage(server_content=ServerContent(interrupted=True)))
    await link.send_content(turn_complete=True)
    await link.release()
    await link.release()
    await server.close()
    frames = [await client.receive(), await client.receive()]
    assert ["turnComplete" in str(frame) for frame in frames] == [True, False]
