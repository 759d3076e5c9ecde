"""What is held back goes out once, whole, and in order."""

from livewidget.protocol.messages import ServerContent, ServerMessage
from livewidget.standin.outlet import Outlet
from livewidget.transports.memory import pair


async def test_what_is_held_goes_out_when_it_is_released():
    client, server = pair()
    outlet = Outlet(server)
    outlet.hold(ServerMessage(server_content=ServerContent(interrupted=True)))
    await outlet.content(turn_complete=True)
    await outlet.release()
    await outlet.release()
    await server.close()
    frames = [await client.receive(), await client.receive()]
    assert ["turnComplete" in str(frame) for frame in frames] == [True, False]
