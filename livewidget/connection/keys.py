"""`Key`, a secret that knows where it is from, and where the key of the Gemini API is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from livewidget.errors import ConfigError, KeyMissing
from livewidget.protocol.inspect import redact
from livewidget.secret import Secret, hide

#: Names under which a key is looked for, in the environment and among Colab's secrets, in this order.
KEY_NAMES: Final = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
#: What is said about a key in the place of a model.
KEY_AS_MODEL: Final = "This looks like a key, not like a model: pass it as api_key=…."


class Key(Secret):
    """A secret that says where it was found.

    Attributes:
        source: Where, for people: "the environment variable GEMINI_API_KEY".
    """

    __slots__ = ("source",)

    def __init__(self, value: str | Secret, source: str) -> None:
        value = hide(value)
        if not isinstance(value, Secret):
            raise ConfigError(f"{source[0].upper()}{source[1:]} must be text, not {type(value).__name__}.")
        value = Secret(value.reveal().strip())
        super().__init__(value)
        self.source = source
        if not value.reveal():
            raise ConfigError(f"{source[0].upper()}{source[1:]} is empty: leave it out, or give a key.")
        if not _may_be_key(value):
            raise ConfigError(f"The key from {source} holds signs that no key has; copy it again.")

    def redact(self, text: str) -> str:
        """Return `text` without this secret, and without whatever looks like one."""
        return redact(text, [self.reveal()])

    def __repr__(self) -> str:
        return f"<key from {self.source}>"


def hide_key(value: Any) -> Any:
    """Return a text that looks like a key as a secret, and anything else as it is.

    It is for the place where a model is named, where a key is pasted by mistake.
    """
    return Secret(value) if isinstance(value, str) and redact(value) != value else value


def refuse_key(value: object) -> None:
    """Make sure that `value`, from `hide_key`, does not look like a key.

    Raises:
        ConfigError: If it does.
    """
    if isinstance(value, Secret):
        raise ConfigError(KEY_AS_MODEL)


def _may_be_key(value: Secret) -> bool:
    text = value.reveal()
    return text.isascii() and text.isprintable() and " " not in text


def find_key(argument: str | Secret | None = None, environ: Mapping[str, str] | None = None) -> Key | None:
    """Return the key to use: the argument, GEMINI_API_KEY, GOOGLE_API_KEY, a Colab secret, or None.

    Raises:
        ConfigError: If what was found cannot be a key.
    """
    if isinstance(argument, Key):
        return argument
    if argument is not None:
        argument = hide(argument)
        return Key(argument, "the argument api_key")
    found = _variable(os.environ if environ is None else environ) or _colab_secret()
    environ = None  # It holds the key, and an error from here on would show it.
    return Key(*found) if found else None


def _variable(environ: Mapping[str, str]) -> tuple[Secret, str] | None:
    for name in KEY_NAMES:
        if environ.get(name, "").strip():
            return Secret(environ[name]), f"the environment variable {name}"
    return None


def require_key(argument: str | Secret | None, model: str) -> Key:
    """Return the key to use for `model`; see `find_key`.

    Raises:
        ConfigError: If what was found cannot be a key.
        KeyMissing: If there is none; the message names the remedies.
    """
    argument = hide(argument)
    key = find_key(argument)
    if key is None:
        raise KeyMissing(
            f"{model} needs a key of the Gemini API and none was found: set GEMINI_API_KEY, add a Colab "
            "secret of that name, or pass api_key=…; LiveWidget() without a model talks with the "
            "offline tutor."
        )
    return key


def _colab_secret() -> tuple[Secret, str] | None:
    # In a Colab kernel the module is always loaded; elsewhere the import would only cost time.
    if "google.colab" not in sys.modules:
        return None
    from google.colab import userdata

    for name in KEY_NAMES:
        try:
            value = Secret(userdata.get(name) or "")
        except Exception:  # Not there, not granted, or no answer: the same as no secret.
            continue
        if value.reveal():
            return value, f"the Colab secret {name}"
    return None
