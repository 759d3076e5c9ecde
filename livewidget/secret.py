"""`Secret`: a text that is used and never shown; and `cut`, which keeps it out of other people's frames.

Many tools print the local variables of every frame of a traceback: `%xmode Verbose`, rich, pytest `-l`,
error reporters. So a secret is never a local variable here but inside a `Secret`, from the first line of the
function that is given it to the line that uses it. What it is then handed to, such as a WebSocket library,
has frames of its own that hold it; an error from there leaves through `cut`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Self, TypeVar

#: What stands in the place of a field that is secret.
HIDDEN: Final = "…hidden"
#: Names of fields whose values are never shown, in lower case and without underscores and hyphens. A voice
#: that is to be cloned and the consent to it are as personal as a key.
SECRET_NAMES: Final = frozenset(
    {
        "accesstoken",
        "apikey",
        "authorization",
        "clientsecret",
        "consentaudio",
        "credentials",
        "handle",
        "idtoken",
        "newhandle",
        "password",
        "refreshtoken",
        "secret",
        "thoughtsignature",
        "token",
        "voiceconsentsignature",
        "voicesampleaudio",
        "xgoogapikey",
    }
)

Error = TypeVar("Error", bound=BaseException)


class Secret:
    """A text that never shows itself: not in `repr`, `str`, a format string, a pickle or a copy."""

    __slots__ = ("__value",)

    def __init__(self, value: str | Secret) -> None:
        self.__value = reveal(value)

    def reveal(self) -> str:
        """Return the text itself, to be used at once and kept in no variable."""
        return self.__value

    def matches(self, other: Secret) -> bool:
        """Compare in constant time."""
        one, two = (text.reveal().encode(errors="surrogateescape") for text in (self, other))
        return hmac.compare_digest(one, two)

    def __repr__(self) -> str:
        return "<secret>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A secret is not saved: find it again where it is needed.")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def hide(value: Any) -> Any:
    """Return a text as a secret, and anything else, such as None, as it is."""
    return Secret(value) if isinstance(value, str) else value


def reveal(value: str | Secret) -> str:
    """Return the text of a secret, and a text as it is."""
    return value.reveal() if isinstance(value, Secret) else value


def secrets_of(values: Mapping[str, str | Secret] | None) -> dict[str, Secret]:
    """Return headers or environment variables with every value a secret."""
    return {name: Secret(value) for name, value in (values or {}).items()}


def reveal_all(values: Mapping[str, Secret]) -> dict[str, str]:
    """Return such headers or variables with their values, for the call that uses them."""
    return {name: value.reveal() for name, value in values.items()}


def is_secret(name: str) -> bool:
    """Return whether the value of a field with this name is never shown."""
    return name.replace("_", "").replace("-", "").lower() in SECRET_NAMES


def cut(error: Error) -> Error:
    """Return `error` without its traceback and without the errors that led to it.

    Raise it outside of the `except` that caught it: within, Python would chain that error to it again, and
    `from None` only keeps it from being printed.
    """
    error.__traceback__ = error.__cause__ = error.__context__ = None
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            cut(one)
    return error
