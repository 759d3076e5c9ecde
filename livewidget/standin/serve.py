"""The stand-in on loopback, over ws and wss, for clients that bring a WebSocket of their own."""

from __future__ import annotations

import http
import json
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from livewidget.standin import guard, rules
from livewidget.standin.certificate import Certificate
from livewidget.standin.guard import Guard
from livewidget.standin.outlet import Refusal
from livewidget.standin.standin import StandIn
from livewidget.transports.websocket import ServerSide

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

HOST = "127.0.0.1"
_MAX_BYTES = 16 * 1024 * 1024
_PING_S = 30.0
_PING_TIMEOUT_S = 120.0  # a client's event loop may be blocked for long in a notebook


class Server:
    """Serves a stand-in on this computer's own address, and nowhere else.

    ::

    async with Server(StandIn()) as server:
        print(server.ready_line())
    """

    def __init__(
        self,
        standin: StandIn,
        *,
        ws_port: int | None = 0,
        wss_port: int | None = 0,
        key: str | None = None,
        origins: tuple[str, ...] = (),
    ) -> None:
        """Serve `standin` once entered.

        Args:
            standin: Who answers.
            ws_port: Port without TLS; 0: any that is free; None: none.
            wss_port: Port with TLS and a certificate of its own; 0: any that is free; None: none.
            key: The one key that is accepted; None: any, and none at all.
            origins: Origins of pages that may connect, whole, beyond this server's own.
        """
        self._standin = standin
        self._wanted = (ws_port, wss_port)
        self._key = key
        self._origins = origins
        self._stack = AsyncExitStack()
        self._certificate: Certificate | None = None
        #: Where to connect, "ws://127.0.0.1:…"; None where it is not served.
        self.ws: str | None = None
        self.wss: str | None = None
        # At DEBUG, websockets would log each handshake with the key in it.
        self._log = logging.getLogger("livewidget.standin.websockets")
        self._log.setLevel(logging.INFO)

    @property
    def cert(self) -> str | None:
        """The certificate's file, for clients of `wss` to trust; it is gone when the server ends."""
        return str(self._certificate.path) if self._certificate else None

    def ready_line(self) -> str:
        """Return one line of JSON that tells a program where to connect: `ws`, `wss` and `cert`."""
        return json.dumps({"ws": self.ws, "wss": self.wss, "cert": self.cert})

    async def __aenter__(self) -> Server:
        """Start to serve.

        Raises:
            ExtraMissing: If ears and voice are not installed, or what makes the certificate.
            OSError: If a port is taken.
        """
        self._standin.prepare()
        ws_port, wss_port = self._wanted
        async with AsyncExitStack() as stack:
            if wss_port is not None:
                self._certificate = Certificate()
                stack.callback(self._certificate.remove)
                self.wss = f"wss://{HOST}:{await self._listen(stack, wss_port, self._certificate.context)}"
            if ws_port is not None:
                self.ws = f"ws://{HOST}:{await self._listen(stack, ws_port, None)}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every session and give the ports back."""
        await self._stack.aclose()

    async def _listen(self, stack: AsyncExitStack, port: int, tls: Any) -> int:
        from websockets.asyncio.server import serve

        rules_of_port: list[Guard] = []

        def check(connection: ServerConnection, request: Request) -> Response | None:
            refused = rules_of_port[0].check(request.path, request.headers)
            if refused is None:
                return None
            return connection.respond(http.HTTPStatus(refused.status), refused.why + "\n")

        server = await stack.enter_async_context(
            serve(
                self._session,
                HOST,
                port,
                ssl=tls,
                process_request=check,
                compression=None,  # sound does not compress, and ten sessions would pay for it
                max_size=_MAX_BYTES,
                ping_interval=_PING_S,
                ping_timeout=_PING_TIMEOUT_S,
                close_timeout=2,
                logger=self._log,
                server_header=None,
            )
        )
        bound: int = next(iter(server.sockets)).getsockname()[1]
        rules_of_port.append(Guard(bound, tls is not None, self._origins))
        return bound

    async def _session(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # the handshake is over
        refusal = None
        if self._key is not None and not guard.has_key(request.path, request.headers, self._key):
            refusal = Refusal(1007, rules.BAD_KEY)
        await self._standin.serve(
            ServerSide(connection),
            version=guard.version(request.path) or "v1beta",
            refusal=refusal,
            abort=connection.transport.abort,
        )
