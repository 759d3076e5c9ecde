"""`Connection`: speaks the Live API over one transport, from the setup to the close.

In comes what the session has to say, as `ClientMessage`s or as frames that are already encoded, and from the
server frames, which become events. Out go frames to the transport and lists of events to whoever calls
`receive`. A connection has no tasks and no queues: whoever opened it calls `send` and `receive`, and closes
it. That is the session's supervisor, which opens another one when this one ends; every end is an exception of
`livewidget.errors`, with a sentence for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, Self

from livewidget.config import LiveConfig
from livewidget.connection.provider import MicrophoneTerms, PageDialer, Provider
from livewidget.errors import ConfigError, ConnectFailed, LiveError, ServiceError, SetupTimeout
from livewidget.events import (
    Event,
    InputTranscript,
    InterimInputTranscript,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    SessionStarted,
    ToolCall,
    TurnComplete,
)
from livewidget.models import Model
from livewidget.protocol import ServerDecoder, encode_client, setup_message
from livewidget.protocol.codec import page_audio_frame, page_image_frame
from livewidget.protocol.messages import ClientMessage
from livewidget.secret import Secret, hide
from livewidget.transports.base import SentByPage, SentImage, Transport, TransportClosed, close_quietly

#: Most events kept that came before the setup was accepted. Chosen: a bound; hardly any are expected.
EARLY_EVENTS: Final = 32
#: What a model sends that has accepted the setup and taken in what the user said.
_ANSWERS: Final = (
    InputTranscript,
    InterimInputTranscript,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    ToolCall,
    TurnComplete,
)


#: What is said where a direct provider is used without a page.
NO_PAGE: Final = (
    "With direct=True a page holds the socket to the service, and there is none here: use it in "
    "LiveWidget(…) or livewidget talk, or leave direct out."
)


def _nothing() -> None:
    pass


class Tap(Protocol):
    """Observes a connection. Its methods are called on the event loop, before the frame is used: be quick."""

    def on_frame(self, outgoing: bool, frame: str | bytes, at_ms: float | None = None) -> None:
        """A frame was sent (`outgoing`) or received: now, or at `at_ms` by the session's clock."""

    def on_close(self, outgoing: bool, code: int, reason: str) -> None:
        """The connection was closed by this side (`outgoing`) or by the other; called once."""


class Connection:
    """One open connection: the server has accepted the setup.

    Attributes:
        model: What the model accepts.
        opening: Events that came up to the acceptance of the setup, `SessionStarted` among them.
        answered: Whether the model has answered, over this connection or, as the session says, an earlier one
            of the same conversation. A close then is no refusal of the setup.
    """

    def __init__(
        self, provider: Provider, model: Model, transport: Transport, tap: Tap | None = None
    ) -> None:
        self.model = model
        self.opening: list[Event] = []
        self.answered = False
        self._provider = provider
        self._transport = transport
        self._tap = tap
        self._closed = self._leaving = False
        self._decoder = ServerDecoder(sound_by_length=provider.direct, is_agent=provider.is_agent)

    @classmethod
    async def open(
        cls,
        provider: Provider,
        config: LiveConfig,
        declarations: Iterable[Mapping[str, Any]] = (),
        *,
        handle: str | Secret | None = None,
        tap: Tap | None = None,
        page: PageDialer | None = None,
        terms: MicrophoneTerms | None = None,
        setup_timeout: float | None = None,
    ) -> Self:
        """Dial, send the setup, and wait until the server has accepted it. Nothing is sent before that.

        Args:
            provider: How to reach the model.
            config: The session's configuration; checked before anything is dialed.
            declarations: Functions that the model may call, as JSON objects.
            handle: A resumption handle of an earlier connection.
            tap: Called with every frame in both directions, including the setup.
            page: Lets a page open the socket, where the provider is direct.
            terms: How that page sends the microphone's audio.
            setup_timeout: Seconds from the open transport to the accepted setup; None: the provider's.

        Raises:
            ConfigError: If the model does not take the configuration.
            ServiceError: If the server refuses: `SetupRefused`, `KeyRefused`, `ModelNotFound` …
            LinkError: If no connection can be made, it breaks, or the setup is not accepted in time.
        """
        handle = hide(handle)
        provider = provider.for_config(config)
        model = provider.capabilities
        setup = setup_message(
            config, provider.model_path(), model, declarations=tuple(declarations), handle=handle
        )
        assert setup.setup is not None
        if provider.direct and page is None:
            raise ConfigError(NO_PAGE)
        if page is not None and provider.direct:
            await page.wait_for_page()  # A token lasts a minute, and the page may take its time.
        if provider.fetches_token:
            await provider.fetch_token()
        provider.check_setup(setup.setup)
        try:
            if page is not None and provider.direct:
                transport = await provider.dial_from(page, terms or MicrophoneTerms())
            else:
                transport = await provider.dial_for(setup.setup)
        except (ServiceError, ConnectFailed) as error:
            known = provider.error_for_refusal(error)
            if known is error:
                raise
            raise known from None
        connection = cls(provider, model, transport, tap)
        try:
            await connection._set_up(setup, setup_timeout or provider.setup_timeout)
        except BaseException:
            await connection.close()
            raise
        provider.on_opened(resumed=handle is not None)
        return connection

    @property
    def received_ms(self) -> float | None:
        """When the frame that was received last came, where a page dates it, by the session's clock."""
        received: float | None = getattr(self._transport, "received_ms", None)
        return received

    @property
    def is_held_up(self) -> bool:
        """Whether what a page has received waits for a busy kernel: silence says nothing then."""
        return getattr(self._transport, "is_held_up", False)

    @property
    def is_from_page(self) -> bool:
        """Whether a page holds the socket, and dates what it receives."""
        return hasattr(self._transport, "received_ms")

    def ready(self) -> None:
        """Everything that comes first has been sent: a page that holds the socket may send the microphone."""
        getattr(self._transport, "ready", _nothing)()

    def release(self) -> None:
        """No call of a tool holds the microphone back any more, where a page sends it."""
        getattr(self._transport, "release", _nothing)()

    @property
    def round_trip_ms(self) -> float | None:
        """Round trip to the server in ms; None if it has not been measured yet."""
        measured: float | None = getattr(self._transport, "round_trip_ms", None)
        return measured

    @property
    def bytes_received(self) -> int | None:
        """Bytes that have come from the server, answers to pings too; None if nobody counts them."""
        counted: int | None = getattr(self._transport, "bytes_received", None)
        return counted

    async def _set_up(self, setup: ClientMessage, timeout: float) -> None:  # noqa: ASYNC109
        sent = False
        while True:
            try:
                async with asyncio.timeout(timeout):
                    if not sent:
                        await self.send(setup)
                        sent = True
                    while not any(isinstance(event, SessionStarted) for event in self.opening):
                        self.opening = (self.opening + await self.receive())[-EARLY_EVENTS:]
                return
            except TimeoutError:
                if not self.is_held_up:  # Else the answer may be there, and wait for this kernel.
                    break
        instead = "said something else instead" if self.opening else "said nothing"
        raise SetupTimeout(
            f"{self._provider.label} is connected but has not accepted the setup within {timeout:g} s; "
            f"it {instead}. Try again."
        )

    async def send(self, message: ClientMessage | SentByPage | SentImage | str) -> bool:
        """Send one message, one that is already encoded, or again what a page has sent.

        Returns:
            False if it is a page's, and that does not have it any more; it is lost then.

        Raises:
            ServiceError: If the server has closed the connection.
            LinkError: If the connection broke.
        """
        try:
            if isinstance(message, SentByPage):
                frame = page_audio_frame(message.samples)
                resend = getattr(self._transport, "resend", None)
                if resend is None or await resend(message.first, message.samples) is False:
                    return False
            elif isinstance(message, SentImage):
                frame = page_image_frame(message.mime_type, message.size)
                resend = getattr(self._transport, "resend_image", None)
                if resend is None or await resend(message.number) is False:
                    return False
            else:
                frame = message if isinstance(message, str) else encode_client(message)
                await self._transport.send(frame)
        except TransportClosed as closed:
            raise self._ended(closed) from None
        if self._tap is not None:
            self._tap.on_frame(True, frame)
        return True

    async def receive(self) -> list[Event]:
        """Return the events of the next message, which may be none. Cancelling it loses nothing.

        Raises:
            ServiceError: If the server has closed the connection.
            LinkError: If the connection broke.
        """
        try:
            frame = await self._transport.receive()
        except TransportClosed as closed:
            raise self._ended(closed) from None
        if self._tap is not None:
            at_ms = self.received_ms
            self._tap.on_frame(False, frame, *(() if at_ms is None else (at_ms,)))
        decoded = self._decoder.decode(frame)
        if not self.answered:
            self.answered = any(isinstance(event, _ANSWERS) for event in decoded)
        return decoded

    async def close(self, *, is_read: bool = False) -> None:
        """Close the connection; may be called again. It takes three seconds at most.

        `is_read`: somebody still calls `receive`, for what a page passes on until its socket is closed.
        """
        self._leaving = True
        if not is_read:
            self._report_close(True, 1000, "")
        await close_quietly(self._transport, self._provider.close_timeout)

    def played(self, ms: float) -> None:
        """So much of all the audio that came was heard, in ms; a service is not told."""
        played: Callable[[float], object] | None = getattr(self._transport, "played", None)
        if played is not None:
            played(ms)

    def _ended(self, closed: TransportClosed) -> LiveError:
        self._report_close(self._leaving, closed.code, closed.reason)
        if closed.error is not None:
            return closed.error
        return self._provider.error_for_close(closed.code, closed.reason, answered=self.answered)

    def _report_close(self, outgoing: bool, code: int, reason: str) -> None:
        if self._tap is not None and not self._closed:
            self._closed = True
            self._tap.on_close(outgoing, code, reason)
