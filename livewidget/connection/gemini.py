"""The Gemini Developer API: a model and a key."""

from __future__ import annotations

import copy
from typing import Final

from livewidget.config import LiveConfig
from livewidget.connection.keys import Key, find_key, need_key
from livewidget.errors import ConfigError
from livewidget.models import bare_id, find
from livewidget.transports.address import is_loopback
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
        base_url: str | None = None,
        api_version: str | None = None,
        cafile: str | None = None,
    ) -> None:
        """Choose a model.

        Args:
            model: Its id, with or without `models/` before it.
            api_key: The key; None: GEMINI_API_KEY, GOOGLE_API_KEY or a Colab secret.
            base_url: Another server that speaks the Live API: `ws://127.0.0.1:…` of `livewidget serve`, or
                `wss://…`. On this computer no key is needed.
            api_version: "v1beta", "v1alpha" or "v1"; None: what the model needs.
            cafile: A file of PEM certificates to trust in place of the system's.

        Raises:
            KeyMissing: If there is no key; the message names the remedies.
        """
        self.model = bare_id(model.strip())
        if not self.model:
            raise ConfigError(f'A model has a name, such as "{DEFAULT_MODEL}".')
        self._url = websocket_url(base_url or DEFAULT_URL)
        self._version = api_version
        self._cafile = cafile
        self._key = find_key(api_key) if is_loopback(self._url) else need_key(api_key, self.model)

    @property
    def badge(self) -> str:
        """Where the voice goes, and with which key; never its value."""
        where = "Gemini API" if self._url == DEFAULT_URL else "a server of your own"
        return f"{where} · {self.model}"

    @property
    def key_source(self) -> str | None:
        """Where the key was found, in words."""
        return None if self._key is None else self._key.source

    def __repr__(self) -> str:
        return f"Gemini({self.model!r})"

    def model_path(self) -> str:
        """Return `models/<id>`."""
        return f"models/{self.model}"

    def suited_to(self, config: LiveConfig) -> Gemini:
        """Return this provider, at the API version that `config` needs."""
        if self._version is not None:
            return self
        suited = copy.copy(self)
        suited._version = config.api_version(find(self.model, self.service))
        return suited

    def url(self) -> str:
        """Return the address that is dialled."""
        version = self._version or find(self.model, self.service).api_version
        return f"{self._url}/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"

    def redact(self, text: str) -> str:
        """Return `text` without the key."""
        return text if self._key is None else self._key.redact(text)

    async def dial(self) -> Transport:
        """Open a link; see `livewidget.transports.websocket.dial`."""
        from livewidget.transports.websocket import dial

        headers = {} if self._key is None else {"x-goog-api-key": self._key.reveal()}
        return await dial(self.url(), headers=headers, cafile=self._cafile)


def websocket_url(base_url: str) -> str:
    """Return `base_url` as `ws://` or `wss://`, without a slash at its end."""
    scheme, separator, rest = base_url.strip().rstrip("/").partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    if not separator or "?" in rest or "#" in rest:
        raise ConfigError(
            "base_url is an address such as ws://127.0.0.1:8080 or wss://example.org, without a query."
        )
    return f"{scheme}://{rest}"
