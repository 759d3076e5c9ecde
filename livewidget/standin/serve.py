"""The stand-in on loopback, over ws and wss, for clients that bring a WebSocket of their own."""

from __future__ import annotations

import http
import json
import logging
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from livewidget.protocol import ClientMessageError
from livewidget.standin import guard, rules, tokens
from livewidget.standin.certificate import Certificate
from livewidget.standin.front import Front, HttpRefusal, HttpRequest
from livewidget.standin.guard import Guard, Refused
from livewidget.standin.outlet import Refusal
from livewidget.standin.provider import StandIn
from livewidget.standin.tokens import Grant, Grants
from livewidget.transports.websocket import ServerSide

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

HOST = "127.0.0.1"
_MAX_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 10.0
_PING_S = 30.0
_PING_TIMEOUT_S = 120.0  # a client's event loop may be blocked for long in a notebook


class Server:
    """Serves a stand-in on this computer's own address, and nowhere else.

    On the same ports `POST /v1alpha/auth_tokens` and `/v1beta/auth_tokens` make ephemeral tokens.

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
        self._grants = Grants(standin.clock)
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
            if refused is None and guard.of_vertex(request.path) and self._is_wrong(request):
                refused = Refused(401, "Request had invalid authentication credentials.")
            if refused is None:
                return None
            return connection.respond(http.HTTPStatus(refused.status), refused.why + "\n")

        undecided: set[Front] = set()
        front: Any = partial(
            Front, undecided, lambda request: self._post(rules_of_port[0], request), _PATIENCE_S
        )
        server = await stack.enter_async_context(
            serve(
                self._session,
                HOST,
                port,
                ssl=tls,
                process_request=check,
                create_connection=front,
                compression=None,  # sound does not compress, and ten sessions would pay for it
                max_size=_MAX_BYTES,
                ping_interval=_PING_S,
                ping_timeout=_PING_TIMEOUT_S,
                close_timeout=2,
                logger=self._log,
                server_header=None,
            )
        )
        stack.callback(_abort, undecided)
        bound: int = next(iter(server.sockets)).getsockname()[1]
        rules_of_port.append(Guard(bound, tls is not None, self._origins))
        return bound

    def _post(self, port: Guard, request: HttpRequest) -> dict[str, Any]:
        """Make an ephemeral token."""
        refused = port.check_caller(request.headers)
        if refused is not None:
            raise HttpRefusal(refused.status, refused.why)
        if not guard.mints(request.path):
            raise HttpRefusal(404, "There is no such method here.")
        if self._is_wrong(request):
            raise HttpRefusal(400, rules.BAD_KEY)
        try:
            return {"name": self._grants.create(request.body).name}
        except ClientMessageError as error:
            raise HttpRefusal(400, error.reason) from None

    async def _session(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # the handshake is over
        refusal, grant = self._admit(request)
        await self._standin.serve(
            ServerSide(connection),
            version=guard.version(request.path) or "v1beta",
            refusal=refusal,
            grant=grant,
            by_api_key=guard.of_vertex(request.path) and guard.by_api_key(request.path, request.headers),
            abort=connection.transport.abort,
        )

    def _admit(self, request: Request) -> tuple[Refusal | None, Grant | None]:
        """Return why a client may not come in, and what its token allows."""
        given = guard.credentials(request.path, request.headers)
        if guard.constrained(request.path):
            found = [grant for name in given if (grant := self._grants.find(name)) is not None]
            return (None, found[0]) if found else (Refusal(1008, tokens.UNREGISTERED), None)
        if any(name.startswith(tokens.PREFIX) for name in given):
            return Refusal(1008, tokens.UNREGISTERED), None
        if self._is_wrong(request):
            return Refusal(1007, rules.BAD_KEY), None
        return None, None

    def _is_wrong(self, request: Request | HttpRequest) -> bool:
        return self._key is not None and not guard.has_key(request.path, request.headers, self._key)


def _abort(links: set[Front]) -> None:
    # Before the server waits for its links to end: these have nothing to end them.
    for link in list(links):
        link.abort()
