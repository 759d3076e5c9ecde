"""Ephemeral tokens: `Token`, and where the one of each connection comes from: a function, or a server.

A token may fix part of the session's configuration, or all of it: the service then silently overwrites what
the connection asks for. Source: https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import to_thread
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from livewidget.connection.close_codes import clean_reason
from livewidget.connection.keys import Key
from livewidget.errors import ConfigError, ConnectFailed, KeyRefused, LiveError, QuotaExceeded, ServerFault
from livewidget.models import FEATURES
from livewidget.protocol.codec import ClientMessageError, with_extra
from livewidget.protocol.ephemeral_token import AuthToken, Path, decode_auth_token, effective, mask_paths
from livewidget.protocol.inspect import redact
from livewidget.protocol.messages import Setup
from livewidget.secret import Secret, cut, hide
from livewidget.tools import describe_error
from livewidget.transports.base import check_address, is_loopback

#: What the name of every ephemeral token begins with.
TOKEN_PREFIX: Final = "auth_tokens/"
#: How long a token that was got waits to be used, in seconds. Chosen: half of the minute in which the
#: service lets it open a session.
FRESH_S: Final = 30.0
#: Tokens that are remembered, to be taken out of texts. Chosen: a conversation uses one in ten minutes.
SEEN_TOKENS: Final = 16
#: Seconds that a user's function may take to return a token. Chosen: longer than a server takes.
FUNCTION_S: Final = 30.0
#: What a server may say of a token that it gives, in the words of the service.
_TOLD: Final = ("uses", "expireTime", "newSessionExpireTime", "bidiGenerateContentSetup", "fieldMask")


class Token(Key):
    """An ephemeral token. Like a key it never shows itself; `reveal()` returns it, to be handed on.

    Attributes:
        uses: How many sessions it opens; 0: any number, None: not known here.
        opens_until: When it stops opening sessions; None: not known here.
        expires: When the service stops taking messages; None: not known here.
        opened: How many sessions were opened with it here.
    """

    __slots__ = ("_paths", "_setup", "expires", "opened", "opens_until", "uses")

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
        self.opened = 0
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


TokenFunction = Callable[[], "str | Secret | Awaitable[str | Secret]"]
"""A function, or coroutine function, that returns an ephemeral token; a function runs in a thread."""


class TokenCache:
    """The tokens that were got for the connections of one provider and of its copies."""

    def __init__(self) -> None:
        self._fresh: tuple[Token, float] | None = None
        self._seen: deque[Token] = deque(maxlen=SEEN_TOKENS)

    async def fetch(self, make: Callable[[], Awaitable[Token]]) -> None:
        """Get a token, unless there is one that was got a moment ago and is not used yet."""
        if self.fresh is None:
            token = await make()
            self._seen.append(token)
            self._fresh = token, time.monotonic()

    @property
    def fresh(self) -> Token | None:
        """The token for the next connection."""
        token, got_s = self._fresh or (None, 0.0)
        return token if time.monotonic() - got_s < FRESH_S else None

    def take(self) -> Token | None:
        """Return that token; it is not used again."""
        token, self._fresh = self.fresh, None
        return token

    def redact(self, text: str) -> str:
        """Return `text` without these tokens, as they are and as an address quotes them."""
        for token in self._seen:
            text = redact(text, (token.reveal(), quote(token.reveal(), safe="")))
        return text


async def token_from_function(function: TokenFunction, hidden: Callable[[str], str]) -> Token:
    """Return the token that a user's function gives."""
    failed: BaseException
    try:
        async with asyncio.timeout(FUNCTION_S):
            # A function may ask a server and block; hidden at once, since a traceback may show it.
            given = hide(await (function() if iscoroutinefunction(function) else to_thread(function)))
            if isawaitable(given):
                given = hide(await given)
            return given if isinstance(given, Token) else Token(given)
    except TimeoutError:
        failed = ConnectFailed(f"The function token=… gave no token within {FUNCTION_S:g} s; try again.")
    except LiveError as error:
        failed = error
    except Exception as error:
        failed = ConnectFailed(f"The function token=… gave no token ({hidden(describe_error(error))}).")
    raise cut(failed)


async def token_from_server(url: str, auth: Secret | None, cafile: str | None) -> Token:
    """Return the token that a server of the user's gives.

    Raises:
        LinkError, ServiceError: If it gives none; the message is one plain sentence.
    """
    from livewidget.transports.websocket import post, reason_of

    host = check_address(_as_websocket(url))[0]
    headers = {} if auth is None else {"Authorization": Secret(f"Bearer {auth.reveal()}")}
    answer = await post(_as_websocket(url), b"{}", headers=headers, cafile=cafile)
    status, wait_s = answer.status, answer.retry_after_s
    token = _given_token(answer.body) if status == 200 else None
    reason = "" if status == 200 else clean_reason(reason_of(answer.body, headers.values()))
    del answer
    if token is not None:
        return token
    quoted = f' It said: "{reason}"' if reason else ""
    error: LiveError
    if status in (401, 403):
        say = "check token_auth" if auth is not None else "it may want token_auth=…"
        error = KeyRefused(f"{host} gives you no token (HTTP {status}); {say}.{quoted}", code=status)
    elif status == 429:
        then = "try again in a while" if wait_s is None else f"try again in {max(1.0, wait_s):.0f} s"
        error = QuotaExceeded(f"{host} gives no more tokens for now; {then}.{quoted}", code=status)
    elif status == 200:
        error = ServerFault(
            f"{host} answered, but gave no token: it has to answer with JSON such as "
            '{"name": "auth_tokens/…"}.'
        )
    elif status in (404, 405):
        error = ConfigError(
            f"{host} gives no tokens at this address (HTTP {status}); check token_url.{quoted}"
        )
    else:
        error = ConnectFailed(
            f"{host} gave no token (HTTP {status}); try again in a while.{quoted}", code=status
        )
    error.retry_after_s = wait_s
    raise error


def _given_token(answer: bytes) -> Token | None:
    """Return the token in an answer, with what it says of it; None if there is none."""
    name = token_name(answer)
    if name is None:
        return None
    try:
        made = decode_auth_token(_without_name(answer))
    except ClientMessageError:
        made = AuthToken()  # It is a token all the same.
    try:
        return Token(
            name,
            uses=made.uses,
            opens_until=_date(made.new_session_expire_time),
            expires=_date(made.expire_time),
            setup=made.bidi_generate_content_setup,
            paths=mask_paths(made.field_mask) if made.field_mask else None,
        )
    except ConfigError:  # It holds what no token holds.
        return None


def _without_name(answer: bytes) -> bytes:
    """Return what an answer says of a token, without the token."""
    said = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({key: said[key] for key in _TOLD if key in said})


def _date(text: str | None) -> datetime | None:
    try:
        date = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return date if date is not None and date.tzinfo is not None else None


def check_token_url(url: str, direct: bool) -> str:
    """Return the path of a token's address, if it is one on the page's own server; "" for a whole address.

    Raises:
        ConfigError: If it is no address, not encrypted, or holds something that may be secret.
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or set(url) & set(' \\?#@"<>'):
        raise ConfigError(
            "token_url is an address such as https://example.org/token, or a path such as /token, without a "
            "query, a name or a password; what lets you in goes in token_auth=…"
        )
    if url.startswith("/") and not url.startswith("//"):
        if not direct:
            raise ConfigError(
                f"token_url={url} is asked for by the page, which needs direct=True; without it, give the "
                "whole address: https://…"
            )
        return url
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigError(
            "token_url is an address such as https://example.org/token, or a path such as /token."
        )
    if scheme == "http" and not is_loopback(_as_websocket(url)):
        raise ConfigError(
            "token_url=http://… would send the token unencrypted over the network; use https://, or http:// "
            "to this computer (127.0.0.1) only."
        )
    return ""


def _as_websocket(url: str) -> str:
    """Return the address of an HTTP server as `post` takes it."""
    return "ws" + url[len("http") :]


def token_name(answer: bytes) -> Secret | None:
    """Return the token in the answer of the service, or of a server that answers alike; None without one."""
    try:
        made = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError):
        return None
    name = made.get("name")
    return Secret(name) if isinstance(name, str) and name.startswith(TOKEN_PREFIX) else None


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
