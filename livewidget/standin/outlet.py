"""What goes out to one client: messages encoded as the service does, in binary frames, and the close."""

from __future__ import annotations

from typing import Any

from livewidget.protocol import encode_server
from livewidget.protocol.messages import ServerContent, ServerMessage
from livewidget.transports.base import Transport

_REASON_BYTES = 123  # what a WebSocket close frame holds beside its code


class Refusal(Exception):
    """Why the stand-in ends a session: a close code and a reason, in the service's own words."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Outlet:
    """The server's side of one link. Several tasks may send; each message goes out whole."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._held: list[ServerMessage] = []
        self.stalled = False  # what either side sends is lost, and the link stays open
        self.consumed = 0  # messages of the client's that have been taken in, the setup among them
        self.unfinished: int | None = None  # how many came before what is being said now; None: nobody speaks

    @property
    def index(self) -> int:
        """Index of the last message of the client's that is taken in whole; the setup has 0."""
        return (self.consumed if self.unfinished is None else min(self.unfinished, self.consumed)) - 1

    async def send(self, message: ServerMessage | bytes | str) -> None:
        """Send one message; bytes and text go out as they are.

        Raises:
            TransportClosed: If the link is closed.
        """
        if not self.stalled:
            frame = encode_server(message) if isinstance(message, ServerMessage) else message
            await self._transport.send(frame)

    async def content(self, **fields: Any) -> None:
        """Send a message that holds `serverContent` with these fields."""
        await self.send(ServerMessage(server_content=ServerContent(**fields)))

    def hold(self, message: ServerMessage) -> None:
        """Keep a message until the answer has begun, or is over."""
        self._held.append(message)

    async def release(self) -> None:
        """Send what was held."""
        while self._held:
            await self.send(self._held.pop(0))

    async def receive(self) -> str | bytes:
        """Return the client's next frame.

        Raises:
            TransportClosed: If the link is closed.
        """
        while True:
            frame = await self._transport.receive()
            if not self.stalled:
                return frame

    async def close(self, code: int, reason: str = "") -> None:
        """Close the link; a reason that is too long is cut at a whole character."""
        await self._transport.close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
