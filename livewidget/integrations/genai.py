"""`GenAIClient` and `GenAISession`: the user's own client, or open session, of the Gen AI SDK (google-genai).

The SDK opens the connection, with the key, the address and the options of the user's client, and this module
passes on what goes over it: frames of the session become calls of the SDK's methods, and the SDK's messages
become frames again. Only public methods are used.

A setting that this version of the SDK cannot send is refused before anything is dialled. Fields of messages
that it does not know, it drops; a message of which it knows nothing is reported as unreadable.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from importlib import metadata
from typing import Any, Final

import msgspec
from websockets.exceptions import ConcurrencyError, ConnectionClosed, WebSocketException

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import clean_reason
from livewidget.connection.gemini import DEFAULT_MODEL
from livewidget.connection.keys import hide_key, refuse_key
from livewidget.connection.provider import Provider, require_known
from livewidget.errors import (
    ConfigError,
    ConnectFailed,
    KeyMissing,
    KeyRefused,
    LiveError,
    SetupTimeout,
    StateError,
    UsageError,
)
from livewidget.integrations.agent import require
from livewidget.models import Model, bare_id
from livewidget.protocol.codec import decode_client, encode_json, with_extra
from livewidget.protocol.messages import ClientMessage, RealtimeInput, Setup
from livewidget.secret import Secret, cut, hide
from livewidget.text import capitalized
from livewidget.transports.base import Transport, TransportClosed
from livewidget.transports.websocket import error_for_failure, how_closed

try:
    from google.genai import errors, types
except ImportError:
    errors = types = None  # type: ignore[assignment]  # `require` says so, where a class is made.

#: Supported: from the oldest version that `make clients` runs to the next major one, as in the extra `genai`.
TESTED: Final = ">=2.34,<4"
#: Seconds for name, TCP, TLS and WebSocket handshake together: the SDK leaves it at websockets' default.
HANDSHAKE_TIMEOUT: Final = 10.0
#: Seconds to open a session. Chosen: the handshake, an access token before, and an accepted setup after it.
OPEN_TIMEOUT: Final = 20.0
#: Fields of `generationConfig` that `LiveConnectConfig` has itself. Others go into its `generation_config`,
#: which the SDK calls deprecated and has no other place for.
_OWN_FIELDS: Final = frozenset(
    {
        "enableAffectiveDialog",
        "maxOutputTokens",
        "mediaResolution",
        "responseModalities",
        "seed",
        "speechConfig",
        "temperature",
        "thinkingConfig",
        "topK",
        "topP",
        "translationConfig",
    }
)
#: What may be set of a session that is open already: how it was opened, and what livewidget does by itself.
_OF_OPEN_SESSIONS: Final = frozenset({"turn_detection.mode", "hold_while_calling"})

_ONCE: Final = (
    "This session was opened outside of livewidget, which cannot open another: make a new GenAISession."
)


class _SdkProvider(Provider):
    """What a client and an open session have in common."""

    label = "Gemini"

    def __init__(self, model: str, *, vertex: bool, check_model: bool) -> None:
        refuse_key(model)
        if not isinstance(model, str):
            raise UsageError(f'model is the name of a model, such as "{DEFAULT_MODEL}", not {_kind(model)}.')
        self.model = bare_id(model.strip())
        self.service = "vertex" if vertex else "gemini"
        self._check_model = check_model
        if check_model:
            require_known(self.model, self.service)

    @property
    def badge(self) -> str:
        """Where the user's voice is sent."""
        return f"Gen AI SDK · {'Vertex AI · ' if self.service == 'vertex' else ''}{self.model}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"

    @property
    def _not_direct(self) -> str:
        return "The Gen AI SDK connects from Python: leave direct out, or use Gemini(…, direct=True)."

    def model_path(self) -> str:
        """Return `models/<id>`; for Vertex AI, the SDK makes another path of the id."""
        return f"models/{self.model}"

    async def dial(self) -> Transport:
        """Open a session with no settings; see `dial_for`."""
        return await self.dial_for(Setup(model=self.model_path()))


class GenAIClient(_SdkProvider):
    """A model, reached by the user's own `google.genai.Client`: `LiveWidget(GenAIClient(client))`.

    Each connection is a session that the client opens, with its own key or credentials, address and options,
    and with all settings of the widget or of `connect`. The client may be one of Vertex AI.
    """

    def __init__(
        self,
        client: Any,
        model: str = DEFAULT_MODEL,
        *,
        api_version: str | None = None,
        check_model: bool = True,
    ) -> None:
        """Choose a model.

        Args:
            client: A `google.genai.Client`.
            model: The model's id.
            api_version: "v1beta", "v1alpha" or "v1"; None: the client's, except for models and settings that
                another version has. Pass "v1alpha" for a preview model and a client with an ephemeral token.
            check_model: Whether a model that is not in `livewidget.models.MODELS` is refused; False for one
                that is newer than that table, or on a server of your own.

        Raises:
            UsageError: If `client` is something else; the message says what to pass.
            ConfigError: If there is no such model.
            ExtraMissing: If google-genai is not installed.
        """
        self.model = ""
        client, model = hide(client), hide_key(model)
        require("google-genai", extra="genai", tested=TESTED, what="GenAIClient")
        _check_client(client)
        super().__init__(model, vertex=bool(client.vertexai), check_model=check_model)
        self._client = client
        self._version = api_version
        self._needed_version: str | None = None

    def expression(self) -> Call:
        """Return the Python that makes it; `client` is the user's."""
        keywords: dict[str, Any] = {"model": self.model}
        keywords |= {"api_version": self._version} if self._version is not None else {}
        keywords |= {} if self._check_model else {"check_model": False}
        return Call("GenAIClient", (Name("client"),), keywords)

    def with_model(self, model: str) -> GenAIClient:
        """Return a provider of another model with the same client.

        Raises:
            ConfigError: If there is no such model.
        """
        return GenAIClient(self._client, model, api_version=self._version, check_model=self._check_model)

    def for_config(self, config: LiveConfig) -> GenAIClient:
        """Return this provider with the API version that its model and `config` need."""
        model = self.capabilities
        other, version = copy.copy(self), config.api_version(model)
        # From its version 3 on, the SDK dials v1 of the Gemini API by itself, which has no previews.
        is_elsewhere = model.status == "preview" or version != model.api_version
        other._needed_version = version if is_elsewhere and self.service == "gemini" else None
        return other

    async def dial_for(self, setup: Setup) -> Transport:
        """Let the client open a session with `setup`.

        Raises:
            ConfigError: If this version of the SDK cannot send it.
            LinkError, ServiceError, UsageError: If there is no connection, or the service refuses it.
        """
        config = live_connect_config(setup)
        version = self._version or self._needed_version
        if version is not None:
            config.http_options = types.HttpOptions(api_version=version)
        stack = contextlib.AsyncExitStack()
        failed: BaseException
        try:
            async with asyncio.timeout(OPEN_TIMEOUT) as limit:
                session = await stack.enter_async_context(
                    self._client.aio.live.connect(model=self.model, config=config)
                )
        except Exception as error:
            failed = self._error_for(error, is_late=limit.expired())
        except BaseException as error:
            failed = error
        else:
            return _SdkTransport(session, close=stack.aclose)
        # Not where it was caught: frames of the SDK hold keys, credentials and handles.
        raise cut(failed)

    def _error_for(self, error: Exception, is_late: bool) -> LiveError:
        """Return the error for a session that could not be opened."""
        if is_late:
            return SetupTimeout(
                f"{self.label} did not accept the session within {OPEN_TIMEOUT:g} s. Try again."
            )
        if (closed := _closed(error)) is not None:
            return self.error_for_close(closed.code, closed.reason)
        if type(error).__module__.startswith("google.auth"):
            return credentials_error(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return ConnectFailed(
                f"The certificate of the server is not trusted ({error.verify_message}); for a server of "
                "your own, set SSL_CERT_FILE to its certificate before you make the client."
            )
        if isinstance(error, socket.gaierror):
            return ConnectFailed(
                "The name of the server cannot be found; check the network connection, and the client's "
                "address if it has one of its own."
            )
        if isinstance(error, OSError | WebSocketException | EOFError):
            failed = error_for_failure(error, "the server", HANDSHAKE_TIMEOUT)  # Which one, it does not tell.
            failed.args = (capitalized(str(failed)),)
            return failed
        said = clean_reason(self.redact(str(error)))
        if isinstance(error, ValueError):
            return ConfigError(f"The Gen AI SDK does not open this session: {said}")
        return LiveError(f"The Gen AI SDK failed to open a session ({type(error).__name__}): {said}")


class GenAISession(_SdkProvider):
    """A session of the Gen AI SDK that is open: `connect(GenAISession(session, "gemini-3.8-live"))`.

    Its settings, tools and history are those that it was opened with. The functions that were declared there
    run here if they are given as `tools`; others are never called. Nobody else may receive from it meanwhile.
    It is not closed, and since it cannot be opened again, the talk lasts as long as this one connection.
    """

    #: So `fetch_token` is called before the connection is left for another: it says that there is none.
    fetches_token = True

    def __init__(
        self, session: Any, model: str = DEFAULT_MODEL, *, vertex: bool = False, check_model: bool = True
    ) -> None:
        """Take a session, on the event loop that it was opened on.

        Args:
            session: What `async with client.aio.live.connect(…) as session` gives.
            model: The model that it was opened with, which it does not tell.
            vertex: Whether the model is one of Vertex AI.
            check_model: See `GenAIClient`.

        Raises:
            UsageError: If `session` is something else; the message says what to pass.
            StateError: If no event loop runs here.
            ConfigError, ExtraMissing: See `GenAIClient`.
        """
        self.model = ""
        session, model = hide(session), hide_key(model)
        require("google-genai", extra="genai", tested=TESTED, what="GenAISession")
        _check_session(session)
        super().__init__(model, vertex=vertex, check_model=check_model)
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise StateError(
                "Make GenAISession(…) where the session was opened: in an async function or a notebook cell."
            ) from None
        self._session = session
        self._transport: _SdkTransport | None = None

    @property
    def badge(self) -> str:
        """Where the user's voice is sent."""
        return f"{super().badge} · open already"

    @property
    def capabilities(self) -> Model:
        """What the model accepts but for the settings, which the session has."""
        owner = "the open session of the Gen AI SDK"
        return replace(super().capabilities, takes=_OF_OPEN_SESSIONS, settings_of=owner)

    def expression(self) -> Call:
        """Return the Python that makes it; `session` is the user's."""
        keywords: dict[str, Any] = {"model": self.model}
        keywords |= {"vertex": True} if self.service == "vertex" else {}
        keywords |= {} if self._check_model else {"check_model": False}
        return Call("GenAISession", (Name("session"),), keywords)

    async def fetch_token(self) -> None:
        """Make sure that the session is there for a connection.

        Raises:
            StateError: If there was one already.
        """
        if self._transport is None:
            return
        closed = self._transport.closed
        if closed is None:
            raise StateError(_ONCE)
        raise StateError(f"{self.error_for_close(closed.code, closed.reason, answered=True)} {_ONCE}")

    async def dial_for(self, setup: Setup) -> Transport:
        """Return the session as a transport, once.

        Raises:
            StateError: If there was one already, or the loop of the session has ended.
        """
        await self.fetch_token()
        if not self._loop.is_running():
            raise StateError(
                "The event loop of this session has ended: open another session, and keep its loop."
            )
        self._transport = _SdkTransport(self._session, loop=self._loop)
        return self._transport


class _SdkTransport:
    """An open session of the SDK as a `Transport`.

    Attributes:
        round_trip_ms: Not known: no public method tells.
        closed: How the connection has ended; None: it has not.
    """

    round_trip_ms: float | None = None

    def __init__(
        self,
        session: Any,
        *,
        close: Callable[[], Awaitable[object]] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Wrap a session.

        Args:
            session: The session.
            close: Closes it; None: it stays open.
            loop: The event loop that it was opened on, where that may be another than this one.
        """
        self.closed: TransportClosed | None = None
        self._session = session
        self._close = close
        self._loop = None if loop is asyncio.get_running_loop() else loop
        self._is_set_up = False
        complete = getattr(session, "setup_complete", None)
        self._opening: bytes | None = encode_json(
            {"setupComplete": {} if complete is None else _plain(complete)}
        )
        self._messages: Any = None  # the SDK's iterator over the messages of one turn
        # On the session's loop, if that is another: the task that receives, and its result here.
        self._receiver: asyncio.Task[Any] | None = None
        self._receiving: asyncio.Future[bytes] | None = None

    async def send(self, frame: str | bytes) -> None:
        """Let the SDK send what a frame says; see `Transport`.

        Raises:
            LiveError: If the SDK refuses it.
        """
        if self.closed is not None:
            raise TransportClosed(self.closed.code, self.closed.reason)
        if not self._is_set_up:
            self._is_set_up = True  # The first frame is the setup, with which the SDK has opened the session.
            return
        sending = self._sending(decode_client(frame))
        if self._loop is None:
            await sending
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(sending, self._loop))

    async def _sending(self, message: ClientMessage) -> None:
        session = self._session
        try:
            if message.realtime_input is not None:
                for name, value in _realtime_arguments(message.realtime_input):
                    await session.send_realtime_input(**{name: value})
            elif message.client_content is not None:
                content = message.client_content
                turns = [types.Content.model_validate(_builtins(turn)) for turn in content.turns or ()]
                await session.send_client_content(
                    turns=turns or None, turn_complete=bool(content.turn_complete)
                )
            elif message.tool_response is not None:
                responses = message.tool_response.function_responses or ()
                await session.send_tool_response(
                    function_responses=[
                        types.FunctionResponse.model_validate(_builtins(one)) for one in responses
                    ]
                )
            elif message.context_update is not None:
                update = types.LiveClientContextUpdate.model_validate(_builtins(message.context_update))
                await session.send_context_update(
                    system_instruction=update.system_instruction,
                    tools=None if update.tools is None else update.tools.tools or [],
                )
        except (ConnectionClosed, errors.APIError, AttributeError, ValueError) as error:
            if (closed := _closed(error)) is not None:
                raise self._ended(closed) from None
            # Without its words, which may repeat what was sent.
            kind = type(error).__name__
            raise LiveError(f"The Gen AI SDK did not take what the session sends ({kind}).") from None

    async def receive(self) -> str | bytes:
        """Return the SDK's next message as a frame; see `Transport`.

        Raises:
            LiveError: If somebody else receives from the session.
        """
        if self._opening is not None:
            frame, self._opening = self._opening, None
            return frame
        if self.closed is not None:
            raise TransportClosed(self.closed.code, self.closed.reason)
        if self._loop is None:
            return await self._next_frame()
        if self._receiving is None:
            self._receiving = asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(self._receive_there(), self._loop)
            )
        # A call that is cancelled leaves its message to the next one.
        await asyncio.wait([self._receiving])
        received, self._receiving = self._receiving, None
        return received.result()

    async def _receive_there(self) -> bytes:
        self._receiver = asyncio.current_task()
        return await self._next_frame()

    async def _stop_receiving(self) -> None:
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.wait([self._receiver])

    async def _next_frame(self) -> bytes:
        try:
            return encode_json(_plain(await self._next_message()))
        except ConcurrencyError:
            raise LiveError(
                "Somebody else receives from this session of the Gen AI SDK: leave that to livewidget."
            ) from None
        except errors.APIError as error:
            if isinstance(error.details, dict):  # It came as a message; the connection goes on.
                return encode_json({"error": error.details})
            raise self._ended(_closed(error)) from None
        except ConnectionClosed as error:
            raise self._ended(how_closed(error)) from None
        except (ValueError, TypeError, AttributeError):
            return _UNREADABLE  # Of all these, the SDK makes what it cannot read; the decoder reports it.

    async def _next_message(self) -> Any:
        while True:
            if self._messages is None:
                self._messages = self._session.receive()
            try:
                return await anext(self._messages)
            except StopAsyncIteration:  # The SDK's iterator ends with each turn.
                self._messages = None
            except BaseException:
                self._messages = None
                raise

    def _ended(self, closed: TransportClosed | None) -> TransportClosed:
        assert closed is not None
        self.closed = closed
        return TransportClosed(closed.code, closed.reason)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session if it is ours; see `Transport`. The SDK sends a code of its own."""
        try:
            if self._receiving is not None and self._loop is not None and self._loop.is_running():
                stopping = asyncio.run_coroutine_threadsafe(self._stop_receiving(), self._loop)
                await asyncio.wrap_future(stopping)  # From then on, the user may receive again.
        finally:
            if self.closed is None:
                self.closed = TransportClosed(code, reason)
        close, self._close = self._close, None
        if close is not None:
            with contextlib.suppress(WebSocketException, errors.APIError):
                await close()


def live_connect_config(setup: Setup) -> Any:
    """Return the SDK's `LiveConnectConfig` for a setup.

    Raises:
        ConfigError: If the installed version of the SDK lacks a field; the message names it.
    """
    fields = with_extra(setup)
    del fields["model"]
    generation = fields.pop("generationConfig", {})
    fields |= {name: generation.pop(name) for name in _OWN_FIELDS & generation.keys()}
    if generation:
        fields["generationConfig"] = generation
    try:
        return types.LiveConnectConfig.model_validate_json(encode_json(fields))
    except ValueError as error:
        found = [one["loc"] for one in getattr(error, "errors", list)()]
    # A place is made of names, indexes, and classes that were tried.
    paths = [".".join(step for step in place if str(step)[:1].islower()) for place in found]
    what, them = ", ".join(dict.fromkeys(paths)) or "these settings", "it" if len(set(paths)) == 1 else "them"
    raise ConfigError(
        f"google-genai {metadata.version('google-genai')} cannot send {what}: leave {them} out, or use "
        "Gemini(…) or VertexAI(…), which can."
    )


#: A frame that is none, in the place of a message that the SDK cannot read.
_UNREADABLE: Final = b"?"


def _realtime_arguments(realtime: RealtimeInput) -> Iterator[tuple[str, Any]]:
    """Yield what `send_realtime_input` takes, which is one argument at a time."""
    if realtime.activity_start is not None:
        yield "activity_start", types.ActivityStart()
    if realtime.audio is not None:
        yield "audio", types.Blob(data=realtime.audio.data, mime_type=realtime.audio.mime_type)
    if realtime.video is not None:
        yield "video", types.Blob(data=realtime.video.data, mime_type=realtime.video.mime_type)
    if realtime.text is not None:
        yield "text", realtime.text
    if realtime.activity_end is not None:
        yield "activity_end", types.ActivityEnd()
    if realtime.audio_stream_end:
        yield "audio_stream_end", True


def _builtins(struct: msgspec.Struct) -> Any:
    """Return a struct of the wire as the SDK's models take it."""
    return msgspec.to_builtins(struct, builtin_types=(bytes,))


def _plain(message: Any) -> Any:
    """Return a message of the SDK as it came, with its bytes: pydantic's base64 is not the service's."""
    return message.model_dump(exclude_unset=True, by_alias=True)


def _closed(error: Exception) -> TransportClosed | None:
    """Return how a connection has ended, if that is what an error of the SDK says."""
    if isinstance(error, ConnectionClosed):
        return how_closed(error)
    if isinstance(error, AttributeError):
        # asyncio cannot abort a connection that was lost while its last bytes were being written.
        # The same error of anything else has another cause.
        where = _raised_by(error).partition(".")[0]
        return TransportClosed(1006) if where in ("asyncio", "websockets") else None
    if isinstance(error, errors.APIError):
        reason = error.details if isinstance(error.details, str) else error.message
        return TransportClosed(error.code or 1006, reason or "")
    return None


def _raised_by(error: Exception) -> str:
    """Return the name of the module that raised an exception; "" if it is not known."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "" if step is None else str(step.tb_frame.f_globals.get("__name__", ""))


def credentials_error(error: Exception) -> LiveError:
    """Return the error for credentials of Vertex AI, without google-auth's words, which quote answers."""
    if type(error).__name__ == "DefaultCredentialsError":
        return KeyMissing(
            "No Google Cloud credentials were found: run gcloud auth application-default login, or pass "
            "credentials=… to the client."
        )
    if type(error).__name__ == "TransportError":
        return ConnectFailed("Google's token server cannot be reached; check the network connection.")
    return KeyRefused(
        "Google gives no token for these credentials; run gcloud auth application-default login again."
    )


def _check_client(client: Any) -> None:
    """Make sure that this is a client of the SDK.

    Raises:
        UsageError: If it is not; the message says what to pass.
    """
    live = getattr(getattr(client, "aio", None), "live", None)
    if callable(getattr(live, "connect", None)):
        return
    kind = _kind(client)
    if isinstance(client, Secret):
        text = "GenAIClient takes the client, and the client the key: GenAIClient(genai.Client(api_key=…))."
    elif kind == "Client" and isinstance(client, type):
        text = "This is the class Client itself: call it, GenAIClient(genai.Client())."
    elif kind == "AsyncSession":
        text = "This is a session that is open: pass it to GenAISession(session)."
    elif kind in ("AsyncClient", "AsyncLive"):
        text = (
            f"This is {'client.aio' if kind == 'AsyncClient' else 'client.aio.live'}: pass the client itself."
        )
    else:
        text = f"GenAIClient takes a google.genai.Client, not {kind}: GenAIClient(genai.Client())."
    raise UsageError(text)


def _check_session(session: Any) -> None:
    """Make sure that this is an open session of the SDK.

    Raises:
        UsageError: If it is not; the message says what to pass.
    """
    methods = ("receive", "send_realtime_input", "send_client_content", "send_tool_response")
    if all(callable(getattr(session, name, None)) for name in methods) and not isinstance(session, type):
        return
    if hasattr(session, "aio"):
        text = "This is a client, which opens sessions: pass it to GenAIClient(client)."
    elif hasattr(session, "__aenter__"):
        text = (
            "This session is not open yet: async with client.aio.live.connect(…) as session, then "
            "GenAISession(session)."
        )
    else:
        text = (
            f"GenAISession takes what client.aio.live.connect(…) opens, not {_kind(session)}: "
            "async with client.aio.live.connect(…) as session."
        )
    raise UsageError(text)


def _kind(value: Any) -> str:
    """Return the name of a class, or of the class of a value."""
    return (
        "str" if isinstance(value, Secret) else (value if isinstance(value, type) else type(value)).__name__
    )
