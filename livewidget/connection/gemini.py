"""The Gemini Developer API: a model, and a key or an ephemeral token."""

from __future__ import annotations

import copy
from typing import Final

import msgspec

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.closing import plain, translate
from livewidget.connection.keys import Key, find_key, need_key
from livewidget.connection.tokens import PREFIX, VERSION, Token
from livewidget.errors import ConfigError, KeyMissing
from livewidget.models import bare_id, find
from livewidget.protocol import Setup
from livewidget.transports.address import check, is_loopback
from livewidget.transports.base import Transport

DEFAULT_MODEL: Final = "gemini-3.8-live"
DEFAULT_URL: Final = "wss://generativelanguage.googleapis.com"


class Gemini:
    """A model of the Gemini API, as a `Provider`.

    The key travels in a header, never in the address.
    """

    service = "gemini"
    label = "Gemini"
    speaker = "gemini"
    suggestions: tuple[str, ...] = ()

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
    def key_source(self) -> str | None:
        """Where the key was found, in words."""
        return None if self._key is None else self._key.source

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

    def suited_to(self, config: LiveConfig) -> Gemini:
        """Return this provider, at the API version that `config` needs."""
        if self._version is not None or self.by_token:
            return self
        suited = copy.copy(self)
        suited._version = config.api_version(find(self.model, self.service))
        return suited

    def url(self) -> str:
        """Return the address that is dialled."""
        version = self._version or (VERSION if self.by_token else find(self.model, self.service).api_version)
        method = "BidiGenerateContentConstrained" if self.by_token else "BidiGenerateContent"
        return f"{self._url}/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"

    def check(self, setup: Setup) -> None:
        """Make sure that a setup asks for nothing that the token fixes otherwise.

        Raises:
            ConfigError: It names the fields.
        """
        if isinstance(self._key, Token):
            self._key.check(setup)

    def redact(self, text: str) -> str:
        """Return `text` without the key."""
        return text if self._key is None else self._key.redact(text)

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
        from livewidget.transports.http import post
        from livewidget.transports.websocket import refused

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
