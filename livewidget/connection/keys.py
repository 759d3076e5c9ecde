"""`Key`, a secret that never shows itself, and where the key of the Gemini API is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Self

from livewidget.errors import ConfigError, KeyMissing
from livewidget.protocol.inspect import redact

#: Names under which a key is looked for, in the environment and among Colab's secrets, in this order.
KEY_NAMES: Final = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


class Key:
    """A secret that never shows itself: not in `repr`, `str`, a format string, a pickle or a copy.

    Attributes:
        source: Where it was found, for people: "the environment variable GEMINI_API_KEY".
    """

    __slots__ = ("__value", "source")

    def __init__(self, value: str, source: str) -> None:
        if not isinstance(value, str):
            raise ConfigError(f"{source[0].upper()}{source[1:]} must be text, not {type(value).__name__}.")
        value = value.strip()
        if not value:
            raise ConfigError(f"{source[0].upper()}{source[1:]} is empty: leave it out, or give a key.")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigError(f"The key from {source} holds signs that no key has; copy it again.")
        self.__value = value
        self.source = source

    def reveal(self) -> str:
        """Return the secret itself, for a header."""
        return self.__value

    def redact(self, text: str) -> str:
        """Return `text` without this secret, and without whatever looks like one."""
        return redact(text, [self.__value])

    def __repr__(self) -> str:
        return f"<key from {self.source}>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A key is not saved: find it again where it is needed.")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def find_key(argument: str | Key | None = None, environ: Mapping[str, str] | None = None) -> Key | None:
    """Return the key to use: the argument, GEMINI_API_KEY, GOOGLE_API_KEY, a Colab secret, or None.

    Raises:
        ConfigError: If what was found cannot be a key.
    """
    if isinstance(argument, Key):
        return argument
    if argument is not None:
        return Key(argument, "the argument api_key")
    environ = os.environ if environ is None else environ
    for name in KEY_NAMES:
        if environ.get(name, "").strip():
            return Key(environ[name], f"the environment variable {name}")
    return _colab_secret()


def require_key(argument: str | Key | None, model: str) -> Key:
    """Return the key to use for `model`; see `find_key`.

    Raises:
        ConfigError: If what was found cannot be a key.
        KeyMissing: If there is none; the message names the remedies.
    """
    key = find_key(argument)
    if key is None:
        raise KeyMissing(
            f"{model} needs a key of the Gemini API and none was found: set GEMINI_API_KEY, add a Colab "
            "secret of that name, or pass api_key=…; LiveWidget() without a model talks with the "
            "offline tutor."
        )
    return key


def _colab_secret() -> Key | None:
    # In a Colab kernel the module is always loaded; elsewhere the import would only cost time.
    if "google.colab" not in sys.modules:
        return None
    from google.colab import userdata

    for name in KEY_NAMES:
        try:
            value = userdata.get(name)
        except Exception:  # Not there, not granted, or no answer: the same as no secret.
            continue
        if value:
            return Key(value, f"the Colab secret {name}")
    return None
