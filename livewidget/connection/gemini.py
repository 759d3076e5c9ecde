"""`Gemini`: the Gemini Developer API, with a key or an ephemeral token; and `mint`, which makes such tokens.

An ephemeral token is a short-lived secret that opens a session, for places where a key must not go. Whoever
has the key makes one with `mint` and hands it to a browser, a pupil's notebook or another computer, which
connects with `Gemini(model, token=…)`. A token may fix part of the session's configuration, or all of it: the
service then silently overwrites what the connection asks for.
Source: https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import clean_reason, error_for_reason
from livewidget.connection.keys import Key, find_key, hide_key, refuse_key, require_key
from livewidget.connection.provider import Provider, require_known
from livewidget.errors import ConfigError, KeyMissing, ServerFault
from livewidget.models import FEATURES, bare_id, find
from livewidget.protocol import setup_message
from livewidget.protocol.codec import with_extra
from livewidget.protocol.ephemeral_token import (
    AuthToken,
    Path,
    effective,
    encode_auth_token,
    mask_paths,
    set_paths,
)
from livewidget.protocol.messages import Setup
from livewidget.secret import Secret, hide
from livewidget.tools import Tool
from livewidget.transports.base import Transport, check_address, is_loopback

DEFAULT_MODEL: Final = "gemini-3.8-live"
DEFAULT_URL: Final = "wss://generativelanguage.googleapis.com"
#: What the name of every ephemeral token begins with.
TOKEN_PREFIX: Final = "auth_tokens/"
#: Version of the API at which tokens are made and used; no other has them.
TOKEN_API_VERSION: Final = "v1alpha"
#: Seconds that a token may last, at most: the service's limit.
MAX_TOKEN_S: Final = 20 * 3600
_NO_KEY: Final = "A token opens sessions and makes no tokens: use Gemini with a key for that."


class Token(Key):
    """An ephemeral token. Like a key it never shows itself; `reveal()` returns it, to be handed on.

    Attributes:
        uses: How many sessions it opens; 0: any number, None: not known here.
        opens_until: When it stops opening sessions; None: not known here.
        expires: When the service stops taking messages; None: not known here.
    """

    __slots__ = ("_paths", "_setup", "expires", "opens_until", "uses")

    def __init__(
        self,
        name: str | Secret,
        *,
        uses: int | None = None,
        opens_until: datetime | None = None,
        expires: datetime | None = None,
        setup: Setup | None = None,
        paths: tuple[Path, ...] | None = None,
    ) -> None:
        """Make a token of its name, and of what is known about it.

        Args:
            name: "auth_tokens/…".
            uses: See the attributes.
            opens_until: See the attributes.
            expires: See the attributes.
            setup: The configuration that it fixes, if any.
            paths: The fields of it that it fixes; None: all.

        Raises:
            ConfigError: If the name is not that of a token.
        """
        name = hide(name)
        self.expires = expires
        super().__init__(name, "the argument token")
        if not self.reveal().startswith(TOKEN_PREFIX):
            raise ConfigError(f"An ephemeral token begins with {TOKEN_PREFIX}; a key goes in api_key=…")
        self.uses = uses
        self.opens_until = opens_until
        self._setup = setup
        self._paths = paths

    def check(self, setup: Setup) -> None:
        """Make sure that `setup` sets nothing that the service would silently overwrite.

        Raises:
            ConfigError: It names the fields.
        """
        wanted, granted = with_extra(setup), with_extra(effective(setup, self._setup, self._paths))
        lost = [path for path, value in _leaves(wanted) if _value_at(granted, path) != value]
        if lost:
            names = _and_list(_feature_names(lost))
            raise ConfigError(
                f"This token fixes {names} otherwise than this session asks for: leave that to the token, or "
                "make one that fixes less."
            )

    def __repr__(self) -> str:
        until = f" until {self.expires:%H:%M:%S} UTC" if self.expires else ""
        return f"<ephemeral token{until}>"


class Gemini(Provider):
    """A model of the Gemini API. The key is sent in a header, never in the address."""

    service = "gemini"
    label = "Gemini"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        api_key: str | Secret | None = None,
        token: str | Secret | None = None,
        base_url: str | Secret | None = None,
        api_version: str | None = None,
        cafile: str | None = None,
        check_model: bool = True,
    ) -> None:
        """Choose a model.

        Args:
            model: Its id, with or without `models/` before it.
            api_key: The key; None: GEMINI_API_KEY, GOOGLE_API_KEY or a Colab secret.
            token: An ephemeral token in place of the key; see `mint`.
            base_url: Another server that speaks the Live API: `ws://127.0.0.1:…` of `livewidget serve`, or
                `wss://…`. On this computer no key is needed.
            api_version: "v1beta", "v1alpha" or "v1"; None: what the model needs.
            cafile: A file of PEM certificates to trust in place of the system's.
            check_model: Whether a model that is not in `livewidget.models.MODELS` is refused; False for one
                that is newer than that table. With `base_url`, none is.

        Raises:
            ConfigError: If there is no such model, if a token is given as a key or a key as a token, or
                both.
            KeyMissing: If there is no key; the message names the remedies.
        """
        api_key, token, base_url = hide(api_key), hide(token), hide(base_url)
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
        if token is not None:
            if api_key is not None:
                raise ConfigError("A session is opened with a key or with a token: give one of them.")
            self._key: Key | None = token if isinstance(token, Token) else Token(token)
            self.uses_token = True
            return
        self._key = find_key(api_key) if is_loopback(self._url) else require_key(api_key, self.model)
        if self._key is not None and self._key.reveal().startswith(TOKEN_PREFIX):
            raise ConfigError(f"What {self._key.source} holds is an ephemeral token: pass it as token=…")

    @property
    def badge(self) -> str:
        """Where the user's voice is sent."""
        where = "Gemini API" if self._url == DEFAULT_URL else "a server of your own"
        return f"{where} · {self.model}"

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
            "token": Name("token") if self.uses_token else None,
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

    def _require_known_model(self) -> None:
        if self._check_model and self._url == DEFAULT_URL:
            require_known(self.model, self.service)

    def model_path(self) -> str:
        """Return `models/<id>`."""
        return f"models/{self.model}"

    def for_config(self, config: LiveConfig) -> Gemini:
        """Return this provider with the API version that `config` needs."""
        if self._version is not None or self.uses_token:
            return self
        other = copy.copy(self)
        other._version = config.api_version(self.capabilities)
        return other

    def url(self) -> str:
        """Return the address to dial."""
        version = self._version or (TOKEN_API_VERSION if self.uses_token else self.capabilities.api_version)
        method = "BidiGenerateContentConstrained" if self.uses_token else "BidiGenerateContent"
        return f"{self._url}/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"

    def check_setup(self, setup: Setup) -> None:
        """Make sure that a setup sets nothing that the token fixes to something else; see `Provider`."""
        if isinstance(self._key, Token):
            self._key.check(setup)

    def redact(self, text: str) -> str:
        """Return `text` without the key, and without whatever looks like one."""
        return super().redact(text) if self._key is None else self._key.redact(text)

    async def dial(self) -> Transport:
        """Open a WebSocket; see `livewidget.transports.websocket.dial`."""
        from livewidget.transports.websocket import dial

        return await dial(self.url(), headers=self._headers(), cafile=self._cafile)

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
        status, answer = await post(url, body, headers=self._headers(), cafile=self._cafile)
        if status == 200:
            return answer
        reason = clean_reason(self.redact(reason_of(answer)))
        del answer  # It may repeat the key.
        known = error_for_reason(reason, code=status, model=self.model, service=self.service)
        raise known or error_for_status(status, check_address(url)[0], reason=reason)

    def _headers(self) -> dict[str, Secret]:
        if self._key is None:
            return {}
        if self.uses_token:
            return {"Authorization": Secret(f"Token {self._key.reveal()}")}
        return {"x-goog-api-key": self._key}


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
    name = _token_name(await gemini.post("auth_tokens", encode_auth_token(request)))
    if name is None:
        raise ServerFault("The service answered, but gave no token; check the address, or try again.")
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


def _check_limits(uses: int, expires_s: float, new_session_s: float) -> None:
    if isinstance(uses, bool) or not isinstance(uses, int) or not 0 <= uses < 2**31:
        raise ConfigError("uses is a whole number of sessions, 1 or more; 0 is any number.")
    for name, seconds in (("expires_s", expires_s), ("new_session_s", new_session_s)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < MAX_TOKEN_S:
            raise ConfigError(f"{name} is a number of seconds from now, less than {MAX_TOKEN_S} (20 hours).")
    if new_session_s > expires_s:
        raise ConfigError("new_session_s cannot be more than expires_s: no session opens after the end.")


def _token_name(answer: bytes) -> Secret | None:
    try:
        made = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError):
        return None
    name = made.get("name")
    return Secret(name) if isinstance(name, str) and name.startswith(TOKEN_PREFIX) else None


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


def _feature_names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the names in `LiveConfig` of the fields at these paths of a setup, each once."""
    found: dict[str, None] = {}
    for path in paths:
        here = [one.name for one in FEATURES if _within(one.wire, path) or _within(path, one.wire)]
        found.update(dict.fromkeys(["tools"] if path == "tools" else here or [path]))
    # The name of a part, such as "input_transcript", includes those of its members.
    return tuple(name for name in found if name.rpartition(".")[0] not in found)


def _within(path: str, other: str) -> bool:
    return bool(other) and f"{path}.".startswith(f"{other}.")


def _leaves(plain: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path of each value that is not an object, with the value."""
    for name, value in plain.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and name != "labels":
            yield from _leaves(value, f"{path}.")
        elif value != "":
            yield path, value


def _value_at(plain: Any, path: str) -> Any:
    for step in path.split("."):
        plain = plain.get(step) if isinstance(plain, dict) else None
    return plain


def _and_list(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


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
