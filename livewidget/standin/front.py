"""One port for WebSockets and for the little HTTP that belongs to the Live API.

`websockets` reads opening requests, which are GETs, and no bodies. Here the first bytes of a link are looked
at before they are handed on: a POST is read and answered as plain HTTP/1.1, one a link, and all else goes to
`websockets` untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.message
import email.parser
import http
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import ServerConnection

log = logging.getLogger(__name__)

_METHOD = b"POST "
_HEAD_BYTES = 16 * 1024
_BODY_BYTES = 1024 * 1024
_REQUEST = re.compile(rb"POST (/[!-~]*) HTTP/1\.[01]\r\n", re.ASCII)
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    500: "INTERNAL",
}


class Headers:
    """A request's headers, as the guard of the port reads them."""

    def __init__(self, message: email.message.Message) -> None:
        self._message = message

    def get_all(self, name: str) -> list[str]:
        """Every value given for `name`, in any spelling of its case."""
        return [str(value) for value in self._message.get_all(name, [])]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One POST: `path` with its query, and the body as it came."""

    path: str
    headers: Headers
    body: bytes


class HttpRefusal(Exception):
    """A request that is refused, with an HTTP status and one sentence."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


Answer = Callable[[HttpRequest], Mapping[str, Any]]
"""Answers a POST with a JSON object, or raises `HttpRefusal`."""


class Front(ServerConnection):
    """A link whose first bytes decide what it is."""

    def __init__(
        self, links: set[Front], answer: Answer, patience_s: float, *args: Any, **kwargs: Any
    ) -> None:
        """Wait for the first bytes.

        Args:
            links: Holds this link as long as it is no WebSocket: who ends the server aborts those.
            answer: Gets the POSTs.
            patience_s: Seconds that the first bytes may take, and again a whole request.
            args: With `kwargs`, what `ServerConnection` takes.
            kwargs: See `args`.
        """
        super().__init__(*args, **kwargs)
        self._links = links
        self._answer = answer
        self._patience_s = patience_s
        self._first: bytes | None = b""  # None: this is a WebSocket
        self._waiting: asyncio.TimerHandle | None = None
        self._link: asyncio.Transport | None = None
        self._http: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes."""
        assert isinstance(transport, asyncio.Transport)
        self._link = transport
        self._links.add(self)
        self._waiting = self.loop.call_later(self._patience_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Decide, once there is enough to decide by."""
        if self._first is None:
            super().data_received(data)
            return
        self._first += data
        if self._first.startswith(_METHOD):
            self._become_http()
        elif not _METHOD.startswith(self._first):
            self._become_websocket()

    def eof_received(self) -> None:
        """The client has said all; undecided, that was nothing."""
        if self._first is None:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the link."""
        self._leave()
        if self._first is None:
            super().connection_lost(exc)

    def abort(self) -> None:
        """End a link that is no WebSocket, at once."""
        if self._http is not None:
            self._http.cancel()
        if self._link is not None:
            self._link.abort()
        self._leave()

    def _become_websocket(self) -> None:
        assert self._first is not None
        assert self._link is not None
        first, self._first = self._first, None
        self._leave()
        super().connection_made(self._link)
        super().data_received(first)

    def _become_http(self) -> None:
        assert self._first is not None
        assert self._link is not None
        if self._waiting is not None:
            self._waiting.cancel()
        reader = asyncio.StreamReader(limit=_HEAD_BYTES, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        self._link.set_protocol(protocol)
        protocol.connection_made(self._link)
        protocol.data_received(self._first)
        writer = asyncio.StreamWriter(self._link, protocol, reader, self.loop)
        work = self._serve(reader, writer)
        self._http = self.loop.create_task(work, name="stand-in answers HTTP")
        self._http.add_done_callback(lambda _: self._leave())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it, close the link."""
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(self._patience_s):
                    try:
                        status, body = 200, dict(self._answer(await _read(reader)))
                    except HttpRefusal as refusal:
                        status, body = refusal.status, _error(refusal)
                    except (OSError, asyncio.IncompleteReadError):
                        raise
                    except Exception:
                        log.exception("the stand-in could not answer a request")
                        status, body = 500, _error(HttpRefusal(500, "Internal error encountered."))
                    writer.write(_response(status, body))
                    await writer.drain()
        finally:
            writer.close()

    def _leave(self) -> None:
        self._links.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()


async def _read(reader: asyncio.StreamReader) -> HttpRequest:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise HttpRefusal(431, "The request's headers are too long.") from None
    first = _REQUEST.match(head)
    if first is None:
        raise HttpRefusal(400, "The request cannot be read.")
    parsed = email.parser.BytesHeaderParser().parsebytes(head[first.end() :])
    headers = Headers(parsed)
    length = headers.get_all("Content-Length")
    if headers.get_all("Transfer-Encoding") or len(length) > 1:
        raise HttpRefusal(411, "The request's body needs one Content-Length.")
    if length and not (length[0].isascii() and length[0].isdigit()):
        raise HttpRefusal(400, "The request's Content-Length is no number.")
    size = int(length[0][:20]) if length else 0
    if size > _BODY_BYTES:
        raise HttpRefusal(413, "The request's body is too long.")
    return HttpRequest(first[1].decode(), headers, await reader.readexactly(size))


def _error(refusal: HttpRefusal) -> dict[str, Any]:
    status = _STATUS.get(refusal.status, "INVALID_ARGUMENT")
    return {"error": {"code": refusal.status, "message": refusal.why, "status": status}}


def _response(status: int, body: Mapping[str, Any]) -> bytes:
    content = json.dumps(body, indent=2).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
        "Content-Type: application/json; charset=UTF-8\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + content
