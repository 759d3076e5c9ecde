"""`Gemini`: the Gemini Developer API, with a key or an ephemeral token; and `mint`, which makes such tokens.

An ephemeral token is a short-lived secret that opens a session, for places where a key must not go. Whoever
has the key makes one with `mint` and hands it to a browser, a pupil's notebook or another computer, which
connects with `Gemini(model, token=…)`. Or each connection gets its own: from a function, from a server
(`token_url`), or, where a page connects by itself (`direct`), made with the key. A token may fix part of the
session's configuration, or all of it: the service then silently overwrites what the connection asks for.
Source: https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import clean_reason, error_for_own_token, error_for_reason
from livewidget.connection.keys import Key, find_key, hide_key, refuse_key, require_key
from livewidget.connection.provider import (
    MicrophoneTerms,
    PageDialer,
    Provider,
    ServiceAddress,
    require_known,
)
from livewidget.connection.tokens import (
    TOKEN_PREFIX,
    Token,
    TokenCache,
    TokenFunction,
    check_token_url,
    token_from_function,
    token_from_server,
    token_name,
)
from livewidget.errors import (
    ConfigError,
    KeyMissing,
    KeyRefused,
    LiveError,
    ServerFault,
    ServiceError,
)
from livewidget.models import FEATURES, bare_id, find
from livewidget.protocol import setup_message
from livewidget.protocol.ephemeral_token import (
    AuthToken,
    encode_auth_token,
    mask_paths,
    set_paths,
)
from livewidget.protocol.inspect import redact
from livewidget.protocol.messages import Setup
from livewidget.secret import Secret, hide
from livewidget.tools import Tool
from livewidget.transports.base import Transport, check_address, is_loopback

DEFAULT_MODEL: Final = "gemini-3.8-live"
DEFAULT_URL: Final = "wss://generativelanguage.googleapis.com"
#: Version of the API at which tokens are made and used; no other has them.
TOKEN_API_VERSION: Final = "v1alpha"
#: Seconds that a token may last, at most: the service's limit.
MAX_TOKEN_S: Final = 20 * 3600
_NO_KEY: Final = "A token opens sessions and makes no tokens: use Gemini with a key for that."
#: By how many seconds this computer's clock may be wrong before it is named as the cause. Chosen: half of the
#: minute in which a token opens sessions, and far more than an answer takes.
CLOCK_S: Final = 30.0
_NO_NAME: Final = "The service answered, but gave no token; check the address, or try again."


class Gemini(Provider):
    """A model of the Gemini API. The key is sent in a header, never in the address.

    With `direct` a page connects, and browsers cannot set headers: it puts a token that opens one session
    into the address, and the key stays here.
    """

    service = "gemini"
    label = "Gemini"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        api_key: str | Secret | None = None,
        token: str | Secret | TokenFunction | None = None,
        token_url: str | None = None,
        token_auth: str | Secret | None = None,
        direct: bool = False,
        base_url: str | Secret | None = None,
        api_version: str | None = None,
        cafile: str | None = None,
        check_model: bool = True,
    ) -> None:
        """Choose a model.

        Args:
            model: Its id, with or without `models/` before it.
            api_key: The key; None: GEMINI_API_KEY, GOOGLE_API_KEY or a Colab secret.
            token: An ephemeral token in place of the key; see `mint`. Or a function that returns one, which
                may be a coroutine function: it is called for each connection.
            token_url: Where to get a token for each connection, by POST: `https://…`, such as a
                `livewidget.web.token_app`; or, with `direct`, a path such as "/token", which the page asks
                for at its own server.
            token_auth: Sent to an absolute `token_url` as `Authorization: Bearer …`.
            direct: Whether the page itself holds the socket to the service, while the session stays here.
                The page gets an ephemeral token that opens one session within a minute: one that is made
                with the key, or the one of `token` or `token_url`.
            base_url: Another server that speaks the Live API: `ws://127.0.0.1:…` of `livewidget serve`, or
                `wss://…`. On this computer no key is needed.
            api_version: "v1beta", "v1alpha" or "v1"; None: what the model needs.
            cafile: A file of PEM certificates to trust in place of the system's.
            check_model: Whether a model that is not in `livewidget.models.MODELS` is refused; False for one
                that is newer than that table. With `base_url`, none is.

        Raises:
            ConfigError: If there is no such model, if a token is given as a key or a key as a token, or
                both; or if `token_url` is not an address.
            KeyMissing: If there is no key; the message names the remedies.
        """
        api_key, token, base_url, token_auth = map(hide, (api_key, token, base_url, token_auth))
        model = hide_key(model)
        self.model = ""
        refuse_key(model)
        self.model = bare_id(model.strip())
        if not self.model:
            raise ConfigError(f'A model has a name, such as "{DEFAULT_MODEL}".')
        self._url = websocket_url(base_url or DEFAULT_URL)
        self._check_model = check_model
        self._require_known_model()
        self._version = api_version
        self._cafile = cafile
        self.direct = direct
        self._tokens = TokenCache()
        self._token_url = token_url
        self._token_auth = None if token_auth is None else Secret(token_auth)
        self._token_path = check_token_url(token_url, direct) if token_url is not None else ""
        self._token_function: TokenFunction | None = token if callable(token) else None
        self._key: Key | None = None
        self.uses_token = token is not None or token_url is not None
        if token_auth is not None and (token_url is None or self._token_path):
            raise ConfigError(
                "token_auth is sent to a token_url such as https://example.org/token: give one."
            )
        if sum(given is not None for given in (api_key, token, token_url)) > 1:
            raise ConfigError(
                "A session is opened with a key or with a token: give one of them, api_key, token or "
                "token_url."
            )
        if self.uses_token:
            if token is not None and not callable(token):
                self._key = token if isinstance(token, Token) else Token(token)
        else:
            self._key = find_key(api_key) if is_loopback(self._url) else require_key(api_key, self.model)
            if self._key is not None and self._key.reveal().startswith(TOKEN_PREFIX):
                raise ConfigError(f"What {self._key.source} holds is an ephemeral token: pass it as token=…")
        self._check_direct()

    def _check_direct(self) -> None:
        """Say which tokens there will be.

        Raises:
            ConfigError: If that version of the API has none, or if the page would send them unencrypted.
        """
        if self.direct:
            check_address(self._url)  # Nobody else looks at what the page dials.
        mints = self.direct and not self.uses_token and self._key is not None
        self.fetches_token = mints or (self.uses_token and self._key is None and not self._token_path)
        if self.direct and self._by_token and self._version == "v1":
            raise ConfigError(
                f"Version v1 of the API has no ephemeral tokens, which direct=True needs: leave api_version "
                f"out, or give {TOKEN_API_VERSION}."
            )

    @property
    def _by_token(self) -> bool:
        """Whether connections are opened with an ephemeral token, made here or by somebody else."""
        return self.uses_token or self.fetches_token

    @property
    def badge(self) -> str:
        """Where the user's voice is sent."""
        where = "Gemini API" if self._url == DEFAULT_URL else "a server of your own"
        # First: in a narrow card only that is seen.
        return f"{'direct · ' if self.direct else ''}{where} · {self.model}"

    @property
    def service_origin(self) -> str:
        """The origin of the service; see `Provider`."""
        scheme, _, rest = self._url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    def __repr__(self) -> str:
        return f"Gemini({self.model!r})"

    def expression(self) -> str | Call:
        """Return the Python that makes it: the model's id where that is enough, and never a key."""
        options = {
            "base_url": None if self._url == DEFAULT_URL else self._url,
            "api_version": self._version,
            "cafile": self._cafile,
            "check_model": None if self._check_model else False,
            "token": Name("token") if self.uses_token and self._token_url is None else None,
            "token_url": self._token_url,
            "token_auth": Name("token_auth") if self._token_auth is not None else None,
            "direct": True if self.direct else None,
        }
        keywords = {name: value for name, value in options.items() if value is not None}
        return Call("Gemini", (self.model,), keywords) if keywords else self.model

    def with_model(self, model: str) -> Gemini:
        """Return a provider of another model with the same key and address.

        Raises:
            ConfigError: If there is no such model.
        """
        model = hide_key(model)
        refuse_key(model)
        other = copy.copy(self)
        other.model = bare_id(model)
        other._require_known_model()
        return other

    def with_direct(self) -> Gemini:
        """Return this provider with `direct` set."""
        other = copy.copy(self)
        other.direct = True
        other._check_direct()
        return other

    def _require_known_model(self) -> None:
        if self._check_model and self._url == DEFAULT_URL:
            require_known(self.model, self.service)

    def model_path(self) -> str:
        """Return `models/<id>`."""
        return f"models/{self.model}"

    def for_config(self, config: LiveConfig) -> Gemini:
        """Return this provider with the API version that `config` needs."""
        if self._version is not None or self._by_token:
            return self
        other = copy.copy(self)
        other._version = config.api_version(self.capabilities)
        return other

    def url(self) -> str:
        """Return the address to dial."""
        version = self._version or (TOKEN_API_VERSION if self._by_token else self.capabilities.api_version)
        method = "BidiGenerateContentConstrained" if self._by_token else "BidiGenerateContent"
        return f"{self._url}/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"

    def check_setup(self, setup: Setup) -> None:
        """Make sure that a setup sets nothing that the token fixes to something else; see `Provider`."""
        token = self._key if isinstance(self._key, Token) else self._tokens.fresh
        if token is not None:
            token.check(setup)

    def redact(self, text: str) -> str:
        """Return `text` without the key and the tokens, and without whatever looks like one."""
        text = self._tokens.redact(text)
        for secret in (self._key, self._token_auth):
            text = text if secret is None else redact(text, [secret.reveal()])
        return super().redact(text)

    async def dial(self) -> Transport:
        """Open a WebSocket; see `livewidget.transports.websocket.dial`."""
        from livewidget.transports.websocket import dial

        headers = self._headers()
        if self.uses_token:
            headers = {"Authorization": Secret(f"Token {(await self._take_token()).reveal()}")}
        return await dial(self.url(), headers=headers, cafile=self._cafile)

    async def dial_from(self, page: PageDialer, terms: MicrophoneTerms) -> Transport:
        """Let a page open a WebSocket, with a token for this one; the key stays here."""
        token = await self._take_token() if self._by_token and not self._token_path else None
        return await page.open(ServiceAddress(self.url(), token, self._token_path), terms)

    async def _take_token(self) -> Token:
        if isinstance(self._key, Token):
            return self._key
        token = self._tokens.take()
        while token is None:  # It may have become old, or another session may have taken it.
            await self.fetch_token()
            token = self._tokens.take()
        return token

    async def fetch_token(self) -> None:
        """Get the token for the next connection: made with the key, or from the function or the server."""
        await self._tokens.fetch(self._new_token)

    async def _new_token(self) -> Token:
        if self._token_function is not None:
            return await token_from_function(self._token_function, self.redact)
        if self._token_url is not None:
            return await token_from_server(self._token_url, self._token_auth, self._cafile)
        # Without times: the service's are those that are wanted, whatever this computer's clock says.
        name = token_name(await self.post("auth_tokens", encode_auth_token(AuthToken(uses=1))))
        if name is None:
            raise ServerFault(_NO_NAME)
        return Token(name, uses=1)

    def on_opened(self, *, resumed: bool) -> None:
        """Count what the token that was given has opened: to resume a session is free."""
        if isinstance(self._key, Token) and not resumed:
            self._key.opened += 1

    @property
    def token_uses_left(self) -> int | None:
        """How many more sessions the token that was given opens; None: any number, or not known."""
        uses = self._key.uses if isinstance(self._key, Token) else None
        return max(0, uses - self._key.opened) if uses and isinstance(self._key, Token) else None

    @property
    def token_expires(self) -> datetime | None:
        """When the service stops taking messages for the token that was given; None: not known."""
        return self._key.expires if isinstance(self._key, Token) else None

    def error_for_close(self, code: int, reason: str, *, answered: bool = False) -> LiveError:
        """Return the error for a connection that has ended; see `Provider`.

        Where each connection has a token of its own, one that is over is no reason to end the conversation.
        """
        error = super().error_for_close(code, reason, answered=answered)
        has_own = self.fetches_token or self._token_path
        return error_for_own_token(error) if has_own and isinstance(error, KeyRefused) else error

    async def post(self, method: str, body: bytes) -> bytes:
        """Call a plain HTTP method of the service, and return the body of its answer.

        Args:
            method: Such as "auth_tokens".
            body: JSON.

        Raises:
            KeyMissing: If the provider has a token and no key.
            ServiceError: If the service refuses; the message is its reason, in plain words.
            LinkError: If the service cannot be reached.
        """
        from livewidget.transports.websocket import error_for_status, post, reason_of

        if self.uses_token:
            raise KeyMissing(_NO_KEY)
        url = f"{self._url}/{self._version or TOKEN_API_VERSION}/{method}"
        answer = await post(url, body, headers=self._headers(), cafile=self._cafile)
        if answer.status == 200:
            return answer.body
        status, wait_s = answer.status, answer.retry_after_s
        reason = clean_reason(self.redact(reason_of(answer.body)))
        behind_s = answer.clock_behind_s(datetime.now(UTC))
        del answer  # It may repeat the key.
        if status == 400 and behind_s is not None and abs(behind_s) >= CLOCK_S and b"ireTime" in body:
            raise ServiceError(_wrong_clock(behind_s), code=status, reason=reason)
        known = error_for_reason(reason, code=status, model=self.model, service=self.service)
        error = known or error_for_status(status, check_address(url)[0], reason=reason, retry_after_s=wait_s)
        error.retry_after_s = wait_s
        raise error

    def _headers(self) -> dict[str, Secret]:
        return {} if self._key is None else {"x-goog-api-key": self._key}


async def mint(
    gemini: Gemini,
    *,
    uses: int = 1,
    expires_s: float = 1800,
    new_session_s: float = 60,
    model: str | None = None,
    config: LiveConfig | None = None,
    tools: Iterable[Tool | Callable[..., Any] | Mapping[str, Any]] = (),
    lock: Iterable[str] | None = None,
) -> Token:
    """Make an ephemeral token with a key.

    Args:
        gemini: The service, with a key.
        uses: How many sessions it opens; 0: any number. Resuming a session does not count.
        expires_s: Seconds from now until the service stops taking messages; less than 20 hours.
        new_session_s: Seconds from now until it stops opening sessions.
        model: The model that it is for; None: any, or that of `gemini` if `config` is given.
        config: The configuration that it fixes; None: none but `model`.
        tools: Functions that the model may call, fixed with the configuration.
        lock: None: the token fixes the whole configuration. Otherwise it fixes only what `config` sets, and
            these fields in addition ("temperature", "tools"), to the service's defaults.

    Raises:
        ConfigError: If a value is out of its range, or the model does not take the configuration.
        KeyRefused: If the service does not accept the key.
        ServiceError, LinkError: If it refuses otherwise, or cannot be reached.
    """
    request, opens_until, expires = token_request(
        gemini,
        uses=uses,
        expires_s=expires_s,
        new_session_s=new_session_s,
        model=model,
        config=config,
        tools=tools,
        lock=lock,
    )
    name = token_name(await gemini.post("auth_tokens", encode_auth_token(request)))
    if name is None:
        raise ServerFault(_NO_NAME)
    setup, mask = request.bidi_generate_content_setup, request.field_mask
    paths = mask_paths(mask) if mask else None
    return Token(name, uses=uses, opens_until=opens_until, expires=expires, setup=setup, paths=paths)


def token_request(
    gemini: Gemini,
    *,
    uses: int,
    expires_s: float,
    new_session_s: float,
    model: str | None,
    config: LiveConfig | None,
    tools: Iterable[Tool | Callable[..., Any] | Mapping[str, Any]],
    lock: Iterable[str] | None,
) -> tuple[AuthToken, datetime, datetime]:
    """Return what `mint` asks the service for, until when it opens sessions, and until when it lasts.

    The arguments are those of `mint`; nothing is sent.

    Raises:
        ConfigError: If a value is out of its range, or the model does not take the configuration.
        KeyMissing: If the provider has a token and no key.
    """
    if not isinstance(gemini, Gemini):
        raise ConfigError("Ephemeral tokens are made with a key of the Gemini API: give Gemini(…).")
    if gemini.uses_token:
        raise KeyMissing(_NO_KEY)
    declarations = [item if isinstance(item, Mapping) else Tool.of(item).declaration for item in tools]
    _check_limits(uses, expires_s, new_session_s)
    setup = None
    if model is not None or config is not None or declarations:
        model = bare_id(model or gemini.model)
        setup = setup_message(
            config or LiveConfig(), f"models/{model}", find(model, "gemini"), declarations=declarations
        ).setup
    mask = None
    if lock is not None:
        mask = ",".join([*(set_paths(setup) if setup else ()), *map(_wire_path, lock)])
    now = datetime.now(UTC)
    expires, opens_until = now + timedelta(seconds=expires_s), now + timedelta(seconds=new_session_s)
    request = AuthToken(
        uses=uses,
        expire_time=expires.isoformat(),
        new_session_expire_time=opens_until.isoformat(),
        bidi_generate_content_setup=setup,
        field_mask=mask or None,
    )
    return request, opens_until, expires


def _wrong_clock(behind_s: float) -> str:
    """Return the sentence about a clock that is so many seconds behind the service's, or ahead if below 0."""
    seconds = abs(behind_s)
    size = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    if seconds >= 2 * 3600:
        size = f"{seconds / 3600:.0f} hours"
    way = "slow" if behind_s > 0 else "fast"
    return (
        f"This computer's clock is {size} {way}, so that the times of a token are wrong: set it, then try "
        "again."
    )


def _check_limits(uses: int, expires_s: float, new_session_s: float) -> None:
    if isinstance(uses, bool) or not isinstance(uses, int) or not 0 <= uses < 2**31:
        raise ConfigError("uses is a whole number of sessions, 1 or more; 0 is any number.")
    for name, seconds in (("expires_s", expires_s), ("new_session_s", new_session_s)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < MAX_TOKEN_S:
            raise ConfigError(f"{name} is a number of seconds from now, less than {MAX_TOKEN_S} (20 hours).")
    if new_session_s > expires_s:
        raise ConfigError("new_session_s cannot be more than expires_s: no session opens after the end.")


def _wire_path(name: str) -> str:
    """Return the path on the wire of a field of `LiveConfig` or of "tools"; several are joined by commas."""
    if name in ("tools", "google_search", "code_execution", "url_context"):
        return "tools"
    paths = [one.wire for one in FEATURES if one.wire and name in (one.name, one.name.partition(".")[0])]
    if not paths:
        raise ConfigError(
            f"There is no field {str(name)[:40]!r} to lock; name fields of LiveConfig, such as "
            '"voice" or "turn_detection.silence_ms", or "tools".'
        )
    return ",".join(paths)


def websocket_url(base_url: str | Secret) -> str:
    """Return `base_url` as `ws://` or `wss://`, without a slash at its end."""
    base_url = Secret(base_url)
    scheme, rest = _split(base_url)
    if rest is None:
        raise ConfigError(
            "base_url is an address such as ws://127.0.0.1:8080 or wss://example.org, without a query, a "
            "name or a password."
        )
    return f"{scheme}://{rest}"


def _split(base_url: Secret) -> tuple[str, str | None]:
    """Return the scheme for a WebSocket and what follows it; None if that is not the address of a server."""
    scheme, separator, rest = base_url.reveal().strip().rstrip("/").partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        known = scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    return scheme, rest if separator and known and not set("?#@") & set(rest) else None
