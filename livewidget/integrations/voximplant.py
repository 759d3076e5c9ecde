"""`answer_calls`: phone calls of Voximplant's cloud, each with a live model at the other end.

::

    from livewidget.integrations.voximplant import answer_calls

    live = LiveWidget(system_instruction="You answer the phone of a bakery.")
    calls = answer_calls(live, port=8765)

The first caller takes the page's place: the card shows who calls and what is said, and can mute and hang up,
while microphone and voice are the caller's. Every further call has a conversation of its own.

A scenario in Voximplant's cloud connects each call with `calls.url`; `calls.scenario("wss://phone.example")`
returns its code, a file of JavaScript. This server listens on 127.0.0.1 and speaks no TLS, while the cloud
needs a public `wss://` address, so that a proxy of your own stands in between, with a certificate: nginx or
Caddy on a server of yours, or a tunnel to this computer. It must pass WebSockets and the query on. Whoever
has the address with its secret can talk, at your expense: keep it as you keep a key. This module was run
against an imitation of VoxEngine, not against Voximplant's cloud.

In: WebSockets with the JSON of Voximplant's media streams, each a `PhoneCall`, which is a front end of
a `Controller`, as a page is. Out: `CallView`s for the card. Everything but the public methods runs on the
background loop.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import json
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from livewidget.clock import Clock, SystemClock
from livewidget.errors import LiveError, StateError, UsageError
from livewidget.integrations.voximplant_call import (
    EARLY,
    ENDING_S,
    LINE_CLOSED,
    MESSAGE_BYTES,
    TOO_LARGE,
    WIDGET_CLOSED,
    PhoneCall,
    dismiss,
    ending_of,
)
from livewidget.integrations.voximplant_stream import (
    UNREADABLE,
    CallStats,
    StreamError,
    StreamStart,
    codec_of,
    read_message,
)
from livewidget.secret import Secret, hide
from livewidget.session import ReconnectPolicy
from livewidget.session.client import SessionSpec, hide_options, read_options
from livewidget.transports.base import CLOSE_TIMEOUT
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller
from livewidget.widget.background import background, tool_loop

__all__ = ["CallServer", "CallStats", "PhoneCall", "answer_calls", "scenario"]

#: Seconds until the stream must have started. Chosen: a scenario answers the call first, which may ring.
START_S: Final = 30.0
#: Seconds between pings, and until a socket counts as gone that does not answer one. Chosen: a caller who
#: lost the network is not kept on the line for a minute.
PING_S: Final = 10.0
PONG_S: Final = 15.0
#: Sockets that may wait to be let in beside the calls. Chosen: the cloud opens one a call.
_MOST_OPENING: Final = 32
#: Calls that are remembered after their end.
MOST_ENDED: Final = 100
#: Least length of a secret. Chosen: 128 bits, as URL-safe base64.
_SECRET_LENGTH: Final = 22

_FULL: Final = "All lines are taken; call again later."
_STRANGER: Final = "This address lacks the secret: take the whole one that answer_calls gives, in its url."
_LATE: Final = "No start message came within {seconds:g} s."
_PUSH_TO_TALK: Final = "A caller cannot press a key to talk: set turn_detection to automatic."
_DIRECT: Final = "A caller's sound comes to this program: leave out direct=True."
_FAILED: Final = "The conversation could not be prepared ({kind})."

# At ERROR, websockets logs tracebacks of clients that do not speak its language; at DEBUG, the address.
_sockets_log = logging.getLogger("livewidget.integrations.voximplant.websockets")
_sockets_log.setLevel(logging.CRITICAL + 1)
_sockets_log.propagate = False
_log = logging.getLogger(__name__)


#: What `answer_calls` can be given in place of a widget: called with each call, returns what a widget takes.
Make: TypeAlias = Callable[[PhoneCall], Any]


class CallServer:
    """Answers calls; see `answer_calls`. A context manager, which stops it in the end.

    Attributes:
        port: Where it listens.
        ended: The last hundred calls that have ended, newest last.
    """

    def __init__(
        self, source: Any, secret: Secret, most: int, greeting: str, clock: Clock | None = None
    ) -> None:
        self.port = 0
        self.ended: deque[PhoneCall] = deque(maxlen=MOST_ENDED)
        self._source = source
        # A widget's conversation is what its page shows.
        self._card: Controller | None = getattr(source, "_controller", None)
        self._host = ""
        self._secret = secret
        self._most = most
        self._greeting = greeting
        self._clock = clock or SystemClock()
        self._calls: dict[str, PhoneCall] = {}
        self._opening: set[ServerConnection] = set()  # whose stream has not started
        self._running: set[asyncio.Future[Any]] = set()
        self._server: Server | None = None
        self._closing = False

    def __repr__(self) -> str:
        if self._closing or self._server is None:
            return "<CallServer, stopped>"
        return f"<CallServer on {self._host}:{self.port}, {len(self._calls)} of {self._most} lines taken>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address for the scenario, with the secret: give it to nobody else.

        It is on this computer. For the cloud its beginning is replaced by that of your proxy; `scenario` does
        that.
        """
        return f"ws://{self._host}:{self.port}/?secret={quote(self._secret.reveal(), safe='')}"

    @property
    def is_left(self) -> bool:
        """Whether the widget whose calls it answered was closed."""
        return self._card is not None and self._card.is_closed

    @property
    def calls(self) -> tuple[PhoneCall, ...]:
        """The calls that are on, oldest first."""
        return tuple(self._calls.copy().values())

    def scenario(self, url: str) -> str:
        """Return the scenario for Voximplant's cloud; see `scenario`. The secret is in it.

        Args:
            url: Where your proxy is reached, such as "wss://phone.example/calls"; the secret is added.
        """
        return scenario(f"{url}{'&' if '?' in url else '?'}secret={quote(self._secret.reveal(), safe='')}")

    def stop(self) -> None:
        """Hang up every call, and answer no more; returns when that is done. Twice is allowed."""
        runner = background()
        if not runner.alive:
            return
        if runner.here:
            self._running.add(asyncio.ensure_future(self._stop()))
            return
        with contextlib.suppress(TimeoutError):
            runner.submit(self._stop()).result(4 * ENDING_S)

    async def _open(self, host: str, port: int) -> None:
        self._server = await serve(
            self._on_socket,
            host,
            port,
            process_request=self._on_request,
            server_header=None,
            compression=None,
            max_size=MESSAGE_BYTES,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            close_timeout=CLOSE_TIMEOUT,
            logger=_sockets_log,
        )
        self._host = host
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        if self._card is not None:
            self._card.show_calls(self._views, self._act)

    async def _stop(self) -> None:
        self._closing = True
        for call in self.calls:
            call.end(LINE_CLOSED)
        here = asyncio.current_task()
        running = [one for one in self._running if one is not here]
        # First, so that each is told why.
        await asyncio.gather(*(dismiss(one, "refused", LINE_CLOSED, 1001) for one in self._opening))
        if running:
            await asyncio.wait(running, timeout=ENDING_S)
        if self._server is not None:
            self._server.close()
            await asyncio.gather(*running, return_exceptions=True)
            await self._server.wait_closed()
        if self._card is not None and not self._card.is_closed:
            self._card.show_calls(tuple, lambda action: None)
        with _lock:
            if _servers.get(self.port) is self:
                del _servers[self.port]

    def _on_request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Keep strangers out. The secret stands in no variable, since tracebacks show those."""
        try:
            given = [Secret(one) for one in parse_qs(urlsplit(request.path).query).get("secret", ())]
        except ValueError:
            given = []
        if len(given) != 1 or not self._secret.matches(given[0]):
            return connection.respond(HTTPStatus.FORBIDDEN, f"{_STRANGER}\n")
        if len(self._opening) >= _MOST_OPENING:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{_FULL}\n")
        return None

    async def _on_socket(self, socket: ServerConnection) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._serve(socket)
        except StreamError as refused:
            self._tell(f"A call was refused: {refused}")
            await dismiss(socket, "refused", str(refused), 1008)
        except ConnectionClosed as closed:
            if ending_of(closed) == TOO_LARGE:
                self._tell(f"A call was refused: {TOO_LARGE}")
        except Exception as error:
            context = {"message": "A phone call failed.", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        finally:
            self._running.discard(task)

    async def _serve(self, socket: ServerConnection) -> None:
        """Answer a call, from its start message to its end.

        Raises:
            StreamError: If it is refused.
            ConnectionClosed: If it is gone before it began.
        """
        if self._closing:
            raise StreamError(LINE_CLOSED)
        if len(self._calls) + len(self._opening) >= self._most:
            raise StreamError(_FULL)
        if self.is_left:
            raise StreamError(WIDGET_CLOSED)
        self._opening.add(socket)
        try:
            await socket.send(json.dumps({"customEvent": "ready"}))
            start = await _started(socket)
            call = PhoneCall(socket, start, self._greeting, self._clock, self._show)
            self._calls[call.id] = call
        finally:
            self._opening.discard(socket)
        own: Controller | None = None
        try:
            if self._card is not None and not self._card.bridge.callers:
                controller = _suited(self._card)
            else:
                controller = own = await self._another(call)
            self._show()
            await call.run(controller)
        finally:
            call.end("The call could not be answered.")
            del self._calls[call.id]
            self.ended.append(call)
            self._show()
            if own is not None:
                await own.close()

    async def _another(self, call: PhoneCall) -> Controller:
        """Return a conversation of its own for a call.

        Raises:
            StreamError: If there cannot be one.
        """
        try:
            if self._card is not None:
                sessions = self._card.sessions
                return _suited(_controller(sessions.another, sessions.reconnect))
            given = self._source
            if callable(given) and not isinstance(given, type):
                makes = given(call) if inspect.iscoroutinefunction(given) else asyncio.to_thread(given, call)
                given = hide_options(await makes)
            options = read_options(given)
            return _suited(_controller(options.spec, options.reconnect))
        except LiveError as error:
            failed = str(error)
        except StreamError:
            raise
        except Exception as error:
            _log.exception("A call has no conversation.")
            failed = _FAILED.format(kind=type(error).__name__)
        raise StreamError(failed)

    def _views(self) -> tuple[m.CallView, ...]:
        return tuple(call.view() for call in self.calls)

    def _show(self) -> None:
        """Show on the card which calls are on."""
        if self._card is not None and not (self._closing or self._card.is_closed):
            self._card.show_calls(self._views, self._act)

    def _act(self, action: m.CallAction) -> None:
        call = self._calls.get(action.id)
        if call is not None:
            {"hang_up": call.hang_up, "mute": call.mute, "unmute": call.unmute}[action.action]()

    def _tell(self, sentence: str) -> None:
        """Say what went wrong under the card, or in the log."""
        if self._card is not None and not self._card.is_closed:
            self._card.relay.notice("warning", "call-refused", sentence)
        else:
            _log.warning("%s", sentence)


async def _started(socket: ServerConnection) -> StreamStart:
    """Return the start message of a stream.

    Raises:
        StreamError: If another message comes, or none in time.
        ConnectionClosed: If the call is gone.
    """
    try:
        async with asyncio.timeout(START_S):
            while True:
                message = read_message(await socket.recv())
                if message.event == "start" and message.start is not None:
                    codec_of(message.start)
                    return message.start
                if message.event:
                    raise StreamError(EARLY if message.event == "media" else UNREADABLE)
    except TimeoutError:
        raise StreamError(_LATE.format(seconds=START_S)) from None


def _suited(controller: Controller) -> Controller:
    """Return a conversation that a caller can have.

    Raises:
        StreamError: If it is not one.
    """
    sentence = _unsuited(controller.sessions.wanted)
    if sentence:
        raise StreamError(sentence)
    return controller


def _unsuited(spec: SessionSpec) -> str:
    if spec.provider.direct:
        return _DIRECT
    return _PUSH_TO_TALK if spec.config.turn_detection.mode == "push_to_talk" else ""


def _controller(spec: SessionSpec, reconnect: ReconnectPolicy | None) -> Controller:
    return Controller(
        spec,
        post=_nowhere,
        publish=_nowhere,
        dispatch=_nowhere,
        callback_kinds=(),
        busy=lambda: "",
        tool_loop=tool_loop,
        reconnect=reconnect,
    )


def _nowhere(*_: object) -> None:
    """There is no page but the caller."""


_lock = threading.Lock()
_servers: dict[int, CallServer] = {}


def _stop_at_exit() -> None:
    """Hang up every call. This runs before the background loop is ended, which was registered earlier."""
    for server in list(_servers.values()):
        server.stop()


def answer_calls(
    live: Any = None,
    port: int = 8765,
    *,
    host: str = "127.0.0.1",
    secret: str | Secret | None = None,
    calls: int = 4,
    greeting: str = "",
) -> CallServer:
    """Answer phone calls that a scenario in Voximplant's cloud passes on; returns at once.

    A `LiveWidget`'s conversation is the first caller's while the call lasts: the page shows it, can mute and
    hang up, and gets microphone and voice back afterwards. If nobody talks when the call comes, the
    conversation begins and ends with it, and knows nothing of calls before; if it is going on, the caller
    joins it as it is. Callers who come meanwhile have conversations of their own, with the same model,
    settings and tools, which the page lists. Calls of tools with `require_approval=True` are asked about on
    the page in the first caller's conversation, and denied in the others.

    Keys that a caller presses reach the model as text, "The caller pressed 1 2 3.", once nothing was pressed
    for two seconds, or with #. Where the caller interrupts, the answer's text is cut where the caller heard
    it.

    If calls are answered on this port of this process already, as when a cell is run again, those are hung
    up, and this takes their place.

    Args:
        live: A `LiveWidget`; or, without a notebook, what one takes: nothing, a model id, a provider; or a
            function that returns that, or a mapping of a widget's keyword arguments, for each call. It gets
            the `PhoneCall`, may be a coroutine function, and else runs in a thread.
        port: 0: any that is free.
        host: The address to listen on. Others than this computer reach it only by another than the default,
            and without TLS: leave that to a proxy.
        secret: What the address must hold, at least 22 characters. None: a new one, so that the scenario has
            to be changed each time; set one of your own to keep the address.
        calls: How many there may be at once. Further ones get one sentence, and the scenario rejects them.
        greeting: Typed to the model as the call begins, for it to speak first: "Greet the caller."

    Raises:
        UsageError: If an argument is not what it is to be, or the port cannot be used.
        StateError: If the widget was closed, or this is called in one of its coroutines.
    """
    live, secret = hide_options(live), hide(secret)
    kept = Secret(secrets.token_urlsafe(24)) if secret is None else _checked(secret)
    if isinstance(calls, bool) or not isinstance(calls, int) or calls < 1:
        raise UsageError("calls must be at least 1: it is how many calls there may be at once.")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
        raise UsageError("port is a number from 0 to 65535; 0 takes any that is free.")
    if not isinstance(greeting, str):
        raise UsageError(f"greeting is what to type to the model, not {type(greeting).__name__}.")
    server = CallServer(live, kept, calls, greeting)
    _check(live, server)
    runner = background()
    if runner.here:
        raise StateError("answer_calls waits until the port is open: call it in a cell, not in a coroutine.")
    with _lock:
        running = list(_servers.items())
    for at, earlier in running:
        if at == port or earlier.is_left:
            earlier.stop()
    try:
        runner.submit(server._open(host, port)).result(ENDING_S)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"Port {port} cannot be used ({why}); choose another, or 0 for any.") from None
    except TimeoutError:
        raise StateError("The event loop does not respond; try again in a moment.") from None
    with _lock:
        _servers[server.port] = server
    atexit.unregister(_stop_at_exit)  # or there would be one for each call of this
    atexit.register(_stop_at_exit)
    return server


def _checked(secret: Any) -> Secret:
    if not isinstance(secret, Secret) or len(secret.reveal()) < _SECRET_LENGTH:
        raise UsageError(
            f"secret is a text of at least {_SECRET_LENGTH} characters that cannot be guessed, such as "
            "secrets.token_urlsafe() gives."
        )
    return secret


def _check(live: Any, server: CallServer) -> None:
    """Make sure now, and not with the first call, that there can be conversations.

    Raises:
        UsageError: If there cannot.
    """
    card = server._card
    if card is not None:
        if card.is_closed or getattr(live, "_shut", False):
            raise StateError("This widget was closed; make a new one.")
        sentence = _unsuited(card.sessions.wanted)
    elif callable(live) and not isinstance(live, type):
        return
    else:
        sentence = _unsuited(read_options(live).spec)
    if sentence:
        raise UsageError(sentence)


_SCENARIO: Final = Path(__file__).with_name("voximplant_scenario.js")
_URL_LINE: Final = 'const ADDRESS = "wss://phone.example/?secret=…";'


def scenario(url: str | Secret) -> str:
    """Return a scenario for Voximplant's cloud, JavaScript of VoxEngine, that passes its calls on to `url`.

    Put it into an application of yours at https://manage.voximplant.com, under Scenarios, and bind a number
    to it by a routing rule. It answers a call once this side is ready, else rejects it as busy; passes sound
    on in both directions at 16 kHz, the caller's number and the keys that are pressed; falls silent when the
    caller interrupts; and hangs up when either side does.

    Args:
        url: The public address of `answer_calls`, with its secret: "wss://phone.example/?secret=…".

    Raises:
        UsageError: If it is not an address of a WebSocket.
    """
    url = hide(url)
    if not isinstance(url, Secret) or urlsplit(url.reveal()).scheme not in ("ws", "wss"):
        raise UsageError(
            "url is where the cloud finds answer_calls: wss://, your proxy's name, and the secret."
        )
    code = _SCENARIO.read_text(encoding="utf-8")
    return code.replace(_URL_LINE, f"const ADDRESS = {json.dumps(url.reveal())};")
