"""One POST over HTTP, for the little that the Live API has beside its WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from livewidget.transports.address import check, is_loopback
from livewidget.transports.websocket import failed, trust

#: Largest answer taken in, in bytes.
MAX_ANSWER: Final = 2**20
#: Seconds for each step of the exchange: name, TCP, TLS, answer.
TIMEOUT: Final = 20.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows none: it would take the key in the header to a host that nobody chose."""

    def redirect_request(self, *_: Any) -> None:
        return None


async def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    cafile: str | None = None,
    timeout_s: float = TIMEOUT,
) -> tuple[int, bytes]:
    """Send JSON and return the status and the body of the answer, whatever the status.

    Args:
        url: `wss://…` or `ws://…`, as for the WebSocket of the same server; asked is `https` or `http`.
        body: JSON.
        headers: Sent with it; the place for a key.
        cafile: A file of PEM certificates to trust in place of the system's.
        timeout_s: Seconds for each step of the exchange.

    Raises:
        ConfigError: If the URL is none, or would send the key over a network in the clear.
        ConnectFailed: If nothing answers, or its certificate is not trusted.
    """
    host, secure = check(url)
    handlers: list[Any] = [_NoRedirect()]
    if secure:
        handlers.append(urllib.request.HTTPSHandler(context=trust(cafile)))
    if is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        "http" + url.removeprefix("ws"),
        data=body,
        headers={"Content-Type": "application/json", "User-Agent": "livewidget", **headers},
        method="POST",
    )
    try:
        # urllib blocks.
        return await asyncio.to_thread(_exchange, urllib.request.build_opener(*handlers), request, timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # `from None`: what is chained below may show the request with its headers.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        problem = cause if isinstance(cause, Exception) else OSError(str(cause))
        raise failed(problem, host, timeout_s) from None


def _exchange(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout_s: float
) -> tuple[int, bytes]:
    try:
        with contextlib.closing(opener.open(request, timeout=timeout_s)) as answer:
            return answer.status, answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_ANSWER)
