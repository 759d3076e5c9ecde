"""The Gemini Developer API: a model, and a key or an ephemeral token.

Ephemeral tokens: a short-lived secret that opens a session, for places where a key must not go.

Whoever has the key makes one with `mint` and hands it to a browser, a pupil's notebook or another computer,
which connects with `Gemini(model, token=…)`. A token may fix part of the session's configuration, or all of
it: the service then silently overwrites what the connection asks for. For the Gemini API only.
Source: https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.close_codes import explain, plain, translate
from livewidget.connection.keys import Key, find_key, need_key
from livewidget.connection.provider import Provider
from livewidget.errors import ConfigError, KeyMissing, LiveError, ServerFault
from livewidget.models import FEATURES, bare_id, find
from livewidget.protocol import Setup, setup_message
from livewidget.protocol.codec import with_extra
from livewidget.protocol.ephemeral_token import (
    AuthToken,
    Path,
    effective,
    encode_auth_token,
    mask_paths,
    set_paths,
)
from livewidget.tools import Tool
from livewidget.transports.base import Transport, check, is_loopback

PREFIX: Final = "auth_tokens/"
#: Version of the API at which tokens are made and used.
VERSION: Final = "v1alpha"
#: Seconds that a token may last, at most.
LONGEST: Final = 20 * 3600


class Token(Key):
    """An ephemeral token. Like a key it shows itself nowhere; `reveal()` gives it, to be handed on.

    Attributes:
        uses: How many sessions it opens; 0: any number, None: not known here.
        opens_until: Until when it opens sessions; None: not known here.
        expires: Until when messages are taken; None: not known here.
    """

    __slots__ = ("_paths", "_setup", "expires", "opens_until", "uses")

    def __init__(
        self,
        name: str,
        *,
        uses: int | None = None,
        opens_until: datetime | None = None,
        expires: datetime | None = None,
        setup: Setup | None = None,
        paths: tuple[Path, ...] | None = None,
    ) -> None:
        """Take the token's name, and what is known of it.

        Args:
            name: "auth_tokens/…".
            uses: See the attributes.
            opens_until: See the attributes.
            expires: See the attributes.
            setup: The configuration that it fixes, if any.
            paths: Which fields of it; None: all.
        """
        super().__init__(name, "the argument token")
        if not self.reveal().startswith(PREFIX):
            raise ConfigError(f"An ephemeral token begins with {PREFIX}; a key goes in api_key=…")
        self.uses = uses
        self.opens_until = opens_until
        self.expires = expires
        self._setup = setup
        self._paths = paths

    def check(self, setup: Setup) -> None:
        """Make sure that nothing is asked for that the service would silently overwrite.

        Raises:
            ConfigError: It names the fields.
        """
        asked, given = with_extra(setup), with_extra(effective(setup, self._setup, self._paths))
        lost = [path for path, value in _leaves(asked) if _at(given, path) != value]
        if lost:
            raise ConfigError(
                f"This token fixes {_listed(_names(lost))} otherwise than this session asks for: leave that "
                "to the token, or make one that fixes less."
            )

    def __repr__(self) -> str:
        until = f" until {self.expires:%H:%M:%S} UTC" if self.expires else ""
        return f"<ephemeral token{until}>"


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
        uses: How many sessions it opens; 0: any number. To resume one is no use.
        expires_s: Seconds from now until when messages are taken; less than 20 hours.
        new_session_s: Seconds from now until when it opens sessions.
        model: The model that it is for; None: any, or that of `gemini` where `config` is given.
        config: The configuration that it fixes; None: none but `model`.
        tools: Functions that the model may call, fixed with the configuration.
        lock: None: the whole configuration is the token's. Else only what `config` sets is fixed, and
            besides it these fields ("temperature", "tools"), to what the service does without them.

    Raises:
        ConfigError: If a value is out of its range, or the model does not take the configuration.
        KeyRefused: If the service does not accept the key.
        ServiceError, LinkError: If it refuses otherwise, or cannot be reached.
    """
    declared = [item if isinstance(item, Mapping) else Tool.of(item).declaration for item in tools]
    _check(uses, expires_s, new_session_s)
    setup = None
    if model is not None or config is not None or declared:
        setup = _setup(bare_id(model or gemini.model), config or LiveConfig(), declared)
    mask = None
    if lock is not None:
        mask = ",".join([*(set_paths(setup) if setup else ()), *map(_wire, lock)])
    now = datetime.now(UTC)
    expires, opens_until = now + timedelta(seconds=expires_s), now + timedelta(seconds=new_session_s)
    asked = AuthToken(
        uses=uses,
        expire_time=expires.isoformat(),
        new_session_expire_time=opens_until.isoformat(),
        bidi_generate_content_setup=setup,
        field_mask=mask or None,
    )
    name = _name(await gemini.post("auth_tokens", encode_auth_token(asked)))
    paths = mask_paths(mask) if mask else None
    return Token(name, uses=uses, opens_until=opens_until, expires=expires, setup=setup, paths=paths)


def _setup(model: str, config: LiveConfig, declared: Iterable[Mapping[str, Any]]) -> Setup | None:
    row = find(model, "gemini")
    return setup_message(config, f"models/{model}", row, declarations=declared).setup


def _check(uses: int, expires_s: float, new_session_s: float) -> None:
    if isinstance(uses, bool) or not isinstance(uses, int) or not 0 <= uses < 2**31:
        raise ConfigError("uses is a whole number of sessions, 1 or more; 0 is any number.")
    for name, seconds in (("expires_s", expires_s), ("new_session_s", new_session_s)):
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < LONGEST:
            raise ConfigError(f"{name} is a number of seconds from now, less than {LONGEST} (20 hours).")
    if new_session_s > expires_s:
        raise ConfigError("new_session_s cannot be more than expires_s: no session opens after the end.")


def _name(answer: bytes) -> str:
    try:
        made = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError):
        made = {}
    name = made.get("name")
    if not isinstance(name, str) or not name.startswith(PREFIX):
        raise ServerFault("The service answered, but gave no token; check the address, or try again.")
    return name


# --- Names of fields ----------------------------------------------------------------------------------------


def _wire(name: str) -> str:
    """Return the path on the wire of a field of `LiveConfig`, or of "tools"."""
    if name in ("tools", "google_search", "code_execution", "url_context"):
        return "tools"
    paths = [one.wire for one in FEATURES if one.wire and name in (one.name, one.name.partition(".")[0])]
    if not paths:
        raise ConfigError(
            f"There is no field {str(name)[:40]!r} to lock; name fields of LiveConfig, such as "
            '"voice" or "turn_detection.silence_ms", or "tools".'
        )
    return ",".join(paths)


def _names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the names in `LiveConfig` of what stands at these paths, each once."""
    found: dict[str, None] = {}
    for path in paths:
        here = [one.name for one in FEATURES if _within(one.wire, path) or _within(path, one.wire)]
        found.update(dict.fromkeys(["tools"] if path == "tools" else here or [path]))
    # "input_transcript" says that of its languages, too.
    return tuple(name for name in found if name.rpartition(".")[0] not in found)


def _within(path: str, other: str) -> bool:
    return bool(other) and f"{path}.".startswith(f"{other}.")


def _leaves(plain: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in plain.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and name != "labels":
            yield from _leaves(value, f"{path}.")
        elif value != "":
            yield path, value


def _at(plain: Any, path: str) -> Any:
    for step in path.split("."):
        plain = plain.get(step) if isinstance(plain, dict) else None
    return plain


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


DEFAULT_MODEL: Final = "gemini-3.8-live"
DEFAULT_URL: Final = "wss://generativelanguage.googleapis.com"


class Gemini(Provider):
    """A model of the Gemini API.

    The key travels in a header, never in the address.
    """

    service = "gemini"
    label = "Gemini"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        api_key: str | Key | None = None,
        token: str | Token | None = None,
        base_url: str | None = None,
        api_version: str | None = None,
        cafile: str | None = None,
    ) -> None:
        """Choose a model.

        Args:
            model: Its id, with or without `models/` before it.
            api_key: The key; None: GEMINI_API_KEY, GOOGLE_API_KEY or a Colab secret.
            token: An ephemeral token in place of the key; see `livewidget.connection.tokens`.
            base_url: Another server that speaks the Live API: `ws://127.0.0.1:…` of `livewidget serve`, or
                `wss://…`. On this computer no key is needed.
            api_version: "v1beta", "v1alpha" or "v1"; None: what the model needs.
            cafile: A file of PEM certificates to trust in place of the system's.

        Raises:
            ConfigError: If a token is given as a key, a key as a token, or both are given.
            KeyMissing: If there is no key; the message names the remedies.
        """
        self.model = bare_id(model.strip())
        if not self.model:
            raise ConfigError(f'A model has a name, such as "{DEFAULT_MODEL}".')
        self._url = websocket_url(base_url or DEFAULT_URL)
        self._version = api_version
        self._cafile = cafile
        if token is not None:
            if api_key is not None:
                raise ConfigError("A session is opened with a key or with a token: give one of them.")
            self._key: Key | None = token if isinstance(token, Token) else Token(token)
            return
        self._key = find_key(api_key) if is_loopback(self._url) else need_key(api_key, self.model)
        if self._key is not None and self._key.reveal().startswith(PREFIX):
            raise ConfigError(f"What {self._key.source} holds is an ephemeral token: pass it as token=…")

    @property
    def badge(self) -> str:
        """Where the voice goes, and with which key; never its value."""
        where = "Gemini API" if self._url == DEFAULT_URL else "a server of your own"
        return f"{where} · {self.model}"

    @property
    def by_token(self) -> bool:
        """Whether it connects with an ephemeral token."""
        return isinstance(self._key, Token)

    def __repr__(self) -> str:
        return f"Gemini({self.model!r})"

    def expression(self) -> str | Call:
        """Return what a person would write for it: the model's id where that is enough, and never a key."""
        told = {
            "base_url": None if self._url == DEFAULT_URL else self._url,
            "api_version": self._version,
            "cafile": self._cafile,
            "token": Name("token") if self.by_token else None,
        }
        keywords = {name: value for name, value in told.items() if value is not None}
        return Call("Gemini", (self.model,), keywords) if keywords else self.model

    def with_model(self, model: str) -> Gemini:
        """Return the same way to another model."""
        other = copy.copy(self)
        other.model = bare_id(model)
        return other

    def model_path(self) -> str:
        """Return `models/<id>`."""
        return f"models/{self.model}"

    def for_config(self, config: LiveConfig) -> Gemini:
        """Return this provider, at the API version that `config` needs."""
        if self._version is not None or self.by_token:
            return self
        other = copy.copy(self)
        other._version = config.api_version(self.capabilities)
        return other

    def url(self) -> str:
        """Return the address that is dialled."""
        version = self._version or (VERSION if self.by_token else self.capabilities.api_version)
        method = "BidiGenerateContentConstrained" if self.by_token else "BidiGenerateContent"
        return f"{self._url}/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"

    def check_setup(self, setup: Setup) -> None:
        """Make sure that a setup asks for nothing that the token fixes otherwise.

        Raises:
            ConfigError: It names the fields.
        """
        if isinstance(self._key, Token):
            self._key.check(setup)

    def redact(self, text: str) -> str:
        """Return `text` without the key, and without whatever looks like one."""
        return super().redact(text) if self._key is None else self._key.redact(text)

    def error_for_close(self, code: int, reason: str) -> LiveError:
        """Return the error for a connection that has ended; see `Provider`."""
        return explain(
            code,
            self.redact(reason),
            label=self.label,
            model=self.model,
            service=self.service,
            by_token=self.by_token,
        )

    async def dial(self) -> Transport:
        """Open a link; see `livewidget.transports.websocket.dial`."""
        from livewidget.transports.websocket import dial

        return await dial(self.url(), headers=self._headers(), cafile=self._cafile)

    async def post(self, method: str, body: bytes) -> bytes:
        """Call a method of the service that is no session, and return its answer.

        Args:
            method: Such as "auth_tokens".
            body: JSON.

        Raises:
            KeyMissing: If there is a token and no key.
            ServiceError: If the service refuses; the message is its reason, in plain words.
            LinkError: If it cannot be reached.
        """
        from livewidget.transports.websocket import post, refused

        if self.by_token:
            raise KeyMissing("A token opens sessions and makes no tokens: use Gemini with a key for that.")
        url = f"{self._url}/{self._version or VERSION}/{method}"
        status, answer = await post(url, body, headers=self._headers(), cafile=self._cafile)
        if status == 200:
            return answer
        reason = plain(self.redact(_reason(answer)))
        known = translate(reason, code=status, model=self.model, service=self.service)
        raise known or refused(status, check(url)[0])

    def _headers(self) -> dict[str, str]:
        if self._key is None:
            return {}
        if self.by_token:
            return {"Authorization": f"Token {self._key.reveal()}"}
        return {"x-goog-api-key": self._key.reveal()}


def _reason(answer: bytes) -> str:
    """Return what the service says of an error: `{"error": {"message": …}}`."""
    try:
        return str(msgspec.json.decode(answer)["error"]["message"])
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError):
        return ""


def websocket_url(base_url: str) -> str:
    """Return `base_url` as `ws://` or `wss://`, without a slash at its end."""
    scheme, separator, rest = base_url.strip().rstrip("/").partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    if not separator or "?" in rest or "#" in rest:
        raise ConfigError(
            "base_url is an address such as ws://127.0.0.1:8080 or wss://example.org, without a query."
        )
    return f"{scheme}://{rest}"
