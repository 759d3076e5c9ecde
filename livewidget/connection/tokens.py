"""Ephemeral tokens: a short-lived secret that opens a session, for places where a key must not go.

Whoever has the key makes one with `mint` and hands it to a browser, a pupil's notebook or another computer,
which connects with `Gemini(model, token=…)`. A token may fix part of the session's configuration, or all of
it: the service then silently overwrites what the connection asks for. For the Gemini API only.
Source: https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from livewidget.config import LiveConfig
from livewidget.connection.keys import Key
from livewidget.errors import ConfigError, ServerFault
from livewidget.models import FEATURES, bare_id, find
from livewidget.protocol import Setup, setup_message
from livewidget.protocol.auth_token import (
    AuthToken,
    Path,
    effective,
    encode_auth_token,
    mask_paths,
    set_paths,
)
from livewidget.protocol.encode import with_extra
from livewidget.protocol.spelling import camel
from livewidget.tools import Tool

if TYPE_CHECKING:
    from livewidget.connection.gemini import Gemini

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

    @property
    def fixes(self) -> tuple[str, ...]:
        """Names of the fields that it fixes, as far as they are known here; empty: none."""
        if self._paths is not None:
            return _names([_camel(path) for path in self._paths])
        return _names(path for path, _ in _leaves(with_extra(self._setup))) if self._setup else ()

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


def _camel(path: Path) -> str:
    return ".".join(camel(step) for step in path)


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
