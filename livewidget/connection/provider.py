"""`Provider`: how to reach one model, and what the rest of the library asks about that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from livewidget.config import LiveConfig, nearest
from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import clean_reason, error_for_close, error_for_reason
from livewidget.connection.keys import hide_key, refuse_key
from livewidget.errors import ConfigError, ConnectFailed, LiveError, ServiceError
from livewidget.models import MODELS, VOICES, Model, find
from livewidget.models.catalogue import models_of
from livewidget.protocol.inspect import redact
from livewidget.protocol.messages import Setup
from livewidget.secret import Secret
from livewidget.transports.base import CLOSE_TIMEOUT, Transport

#: Seconds that a server may take to accept the setup. Chosen: as long as a person waits.
SETUP_TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class ServiceAddress:
    """What a page has to know to open a socket to the service.

    Attributes:
        url: Begins with `wss://` or `ws://`, and holds no secret.
        token: An ephemeral token, which the page adds as the query `access_token`; None: the server needs
            none, or the page gets its own.
        token_path: Path on the page's own server where the page gets its token, by POST; "" for none.
    """

    url: str
    token: Secret | None = None
    token_path: str = ""


@dataclass(frozen=True)
class MicrophoneTerms:
    """What a page has to know to send the microphone's audio itself.

    Attributes:
        pause_ms: Audio without speech after which it sends no more until somebody speaks, in ms; None: it
            always sends.
        end_silence_ms: Silence that the model has to hear before audio ends, in ms.
        holds_calls: Whether audio waits while a call of the model's is open, until the session releases it.
        needs_all: Whether silence is sent all the same, as push-to-talk and some settings want it.
    """

    pause_ms: float | None = None
    end_silence_ms: float = 0.0
    holds_calls: bool = False
    needs_all: bool = False


class PageDialer(Protocol):
    """Lets a page open a socket to the service."""

    async def wait_for_page(self) -> None:
        """Return once there is a page that can open one.

        Raises:
            LinkError: If there is none after a while; the message is one plain sentence.
        """

    async def open(self, address: ServiceAddress, terms: MicrophoneTerms) -> Transport:
        """Return the transport over the page's socket, once that is open.

        Raises:
            LinkError: If there is no page, or it cannot open it; the message is one plain sentence.
        """


class Provider(ABC):
    """Base class of everything that can be connected to: `Gemini`, `VertexAI`, `StandIn`, or one of your own.

    A subclass sets three attributes, as class attributes or in its constructor, and defines `model_path` and
    `dial`. Everything else has a default. A provider holds what is needed to connect; it opens nothing before
    `dial`.

    Attributes:
        model: The model's id, such as "gemini-3.8-live".
        service: Whose rules the model follows: "gemini", "vertex" or "standin".
        label: Its name for people: "Gemini", "Offline tutor".
        uses_token: Whether it connects with an ephemeral token; its errors then speak of the token.
        direct: Whether the page itself holds the socket to the service; then `dial_from` is called in place
            of `dial`.
        fetches_token: Whether `fetch_token` has to be called before each dial.
        starting: What is shown while `dial` takes long because of something on this computer.
        is_agent: Whether somebody's agent answers, in this process: each dial is another run of it, which
            knows nothing of the one before, so that a session has one connection only; and it may tell what
            happens inside it. See `livewidget.integrations.agent`.
        remembers: Whether such an agent keeps its conversations itself, so that a session after all goes on
            with the one before.
        setup_timeout: Seconds that the server may take to accept the setup.
        close_timeout: Seconds that closing the transport may take.
    """

    model: str
    service: str
    label: str
    uses_token: bool = False
    direct: bool = False
    fetches_token: bool = False
    starting: str = ""
    is_agent: bool = False
    remembers: bool = False
    setup_timeout: float = SETUP_TIMEOUT
    close_timeout: float = CLOSE_TIMEOUT + 1.0

    @abstractmethod
    def model_path(self) -> str:
        """Return the model's name on the wire: "models/gemini-3.8-live"."""

    @abstractmethod
    async def dial(self) -> Transport:
        """Open a new transport to the server.

        Raises:
            LinkError, ServiceError, UsageError: If that fails; the message is one plain sentence.
        """

    async def dial_for(self, setup: Setup) -> Transport:
        """Open a new transport, over which `setup` is sent first; by default `dial` does so.

        It is for a provider that has to know the setup beforehand. Errors are those of `dial`.
        """
        return await self.dial()

    async def dial_from(self, page: PageDialer, terms: MicrophoneTerms) -> Transport:
        """Let a page open a new transport to the server. Called where `direct` is true.

        Args:
            page: Asks the page.
            terms: How the page sends the microphone's audio over it.

        Raises:
            LinkError, ServiceError, UsageError: If that fails; the message is one plain sentence.
        """
        raise ConfigError(self._not_direct)

    def with_direct(self) -> Provider:
        """Return this provider with `direct` set: a page holds the socket to the service.

        Raises:
            ConfigError: If no page can connect to it, which is the default.
        """
        raise ConfigError(self._not_direct)

    @property
    def _not_direct(self) -> str:
        return f"{self.label} cannot be reached straight from the browser: leave direct out."

    async def fetch_token(self) -> None:  # noqa: B027 - a default, which subclasses may replace
        """Get the token for the next dial. Called before each one where `fetches_token` is true.

        A token that was got and not used yet will do, while it is fresh.

        Raises:
            LinkError, ServiceError, UsageError: If there is none to be had; one plain sentence.
        """

    def on_opened(self, *, resumed: bool) -> None:  # noqa: B027 - a default, which subclasses may replace
        """A connection was accepted; `resumed`: it continues a session of the service's, and opens none."""

    @property
    def token_uses_left(self) -> int | None:
        """How many more sessions the one token that there is opens; None: not known, or there are others."""
        return None

    @property
    def token_expires(self) -> datetime | None:
        """When the service stops taking messages for the one token that there is; None as above."""
        return None

    @property
    def capabilities(self) -> Model:
        """What the model accepts; by default its row in `livewidget.models`.

        A model that is not in the table gets a permissive row, and the service decides.
        """
        return find(self.model, self.service)

    @property
    def catalogue_service(self) -> str:
        """The service whose models `with_model` can change to, as `livewidget.models.catalogue` takes it."""
        return self.service

    @property
    def is_local(self) -> bool:
        """Whether the server runs in this process, so that no network is between."""
        return False

    @property
    def service_origin(self) -> str:
        """The service's origin, such as "wss://generativelanguage.googleapis.com".

        A page that connects to the service itself must be allowed to, before it is loaded. "", the default:
        it is not known ahead.
        """
        return ""

    @property
    def opening(self) -> str:
        """What a session waits for while it is being opened, in words: "the connection"."""
        return "the connection"

    def prepare(self) -> None:  # noqa: B027 - a default, which subclasses may replace
        """Load what the first dial would otherwise wait for; in any thread. By default there is nothing.

        Raises:
            ExtraMissing: If an optional part is not installed.
        """

    @property
    def speaker(self) -> str:
        """The lower-case word that stands before what the model says; by default the label's first word."""
        return self.label.split()[0].lower()

    @property
    def badge(self) -> str:
        """Where the user's voice is sent, for people: "Gemini API · gemini-3.8-live"."""
        return f"{self.label} · {self.model}"

    def badge_in(self, place: str) -> str:
        """Return the badge where it says what runs where; by default `badge`.

        Args:
            place: What a session runs in: "kernel" or "program".
        """
        return self.badge

    def suggestions(
        self, config: LiveConfig, declarations: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[str, ...]:
        """Return sentences worth trying; by default none.

        Args:
            config: The session's configuration.
            declarations: Functions that the model may call, as JSON objects.
        """
        return ()

    def expression(self) -> str | Name | Call:
        """Return the Python that makes this provider: a model's id or a call; no key or token is in it.

        By default it is the name `provider`, which the user defines.
        """
        return Name("provider")

    def with_model(self, model: str) -> Provider:
        """Return a provider of another model that connects in the same way.

        Raises:
            ConfigError: If there is only this one, which is the default.
        """
        raise ConfigError(f"{self.label} has this model only; make a new widget for another one.")

    def for_config(self, config: LiveConfig) -> Provider:
        """Return the provider to dial for `config`, such as one with another API version; by default this."""
        return self

    def check_setup(self, setup: Setup) -> None:  # noqa: B027 - a default, which subclasses may replace
        """Make sure that the connection may ask for `setup`; by default it may ask for anything.

        Raises:
            ConfigError: If it may not; the message names the fields.
        """

    def redact(self, text: str) -> str:
        """Return `text` without secrets: by default without whatever looks like a key or token."""
        return redact(text)

    def error_for_refusal(self, error: ServiceError | ConnectFailed) -> LiveError:
        """Return the error for a connection that was refused with an HTTP status and a reason.

        What the service is known to mean by the reason is said in its place.
        """
        reason = clean_reason(self.redact(error.reason))
        known = error_for_reason(
            reason, code=error.code, model=self.model, service=self.service, uses_token=self.uses_token
        )
        if not reason or known is None:
            return error
        if error.retry_after_s is not None:
            known.args = (f"{known} The server asks to wait {max(1.0, error.retry_after_s):.0f} s.",)
            known.retry_after_s = error.retry_after_s
        return known

    def error_for_close(self, code: int, reason: str, *, answered: bool = False) -> LiveError:
        """Return the error for a connection that has ended.

        Args:
            code: WebSocket close code; 1006: the link broke.
            reason: The server's words, which may hold a secret.
            answered: Whether the model has answered in this conversation: then this is no refusal of the
                setup, and another connection may do.
        """
        return error_for_close(
            code,
            self.redact(reason),
            label=self.label,
            model=self.model,
            service=self.service,
            uses_token=self.uses_token,
            answered=answered,
        )


def require_known(model: str, service: str) -> None:
    """Make sure that a model is in the table of models.

    Args:
        model: Its id, without a path.
        service: "gemini", "vertex" or "standin".

    Raises:
        ConfigError: If it is not; the message names the nearest one, or what was meant instead of a model.
    """
    if find(model, service).known or (service == "standin" and any(row.id == model for row in MODELS)):
        return
    model = hide_key(model)
    refuse_key(model)
    voice = next((name for name in VOICES if name.lower() == model.lower()), None)
    if voice is not None:
        raise ConfigError(f'{voice} is a voice, not a model: pass it as voice="{voice}".')
    name = " ".join(model.split())[:40]
    ids = list(dict.fromkeys(row.id for row in models_of(service)))
    tutors = [row.id for row in MODELS if row.service == "standin"]
    word = name.lower().replace(" ", "-")
    # "gemini-2.5-flash" alone is no live model, and the nearest spelling would be another one.
    longer = [known for known in ids if word not in ids and known.startswith(f"{word}-")]
    near = longer[0] if longer else nearest(word, [*ids, *tutors])
    if " " in name and near is None:
        raise ConfigError(
            'A model has a name, such as "gemini-3.8-live"; an instruction goes in system_instruction=….'
        )
    elsewhere = {"gemini": "VertexAI", "vertex": "Gemini"}.get(service)
    if elsewhere and any(row.id == model and row.service in ("gemini", "vertex") for row in MODELS):
        raise ConfigError(f'{name} is a model of the other service: use {elsewhere}("{name}", …).')
    if service != "standin" and find(model, "standin").known:
        raise ConfigError(f'{name} needs no service and no key: use LiveWidget("{name}") or StandIn().')
    hint = f"did you mean {near}?" if near else f"there are {', '.join(ids)}."
    force = {"gemini": "Gemini", "vertex": "VertexAI"}.get(service)
    newer = f' A model that is newer than this table: {force}("{name}", check_model=False).' if force else ""
    if near in tutors or " " in name:
        newer = ""
    raise ConfigError(f"There is no model {name}; {hint}{newer}")
