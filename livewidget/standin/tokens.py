"""Ephemeral tokens: what each still allows, and which fields of the setup it fixes.

As on the service, a fixed field silently replaces what the connection asks for
(https://ai.google.dev/gemini-api/docs/live-api/ephemeral-tokens).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from livewidget.clock import Clock
from livewidget.protocol import ClientMessageError
from livewidget.protocol.ephemeral_token import AuthToken, Path, decode_auth_token, effective, mask_paths
from livewidget.protocol.messages import Setup
from livewidget.standin import rules
from livewidget.standin.rules import Refusal

PREFIX = "auth_tokens/"

# The first is the service's own reason; of the others only the meaning is published.
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
    "other form of API consumer identity to call this API."
)
TOKEN_EXPIRED = "Token has expired."
TOKEN_TOO_LATE = "Token can no longer be used to start a new session."
TOKEN_USED = "Token has been used too many times."

#: Defaults and limit of the service, as its guide to ephemeral tokens says.
_LIFE_MS = 30 * 60_000.0
_NEW_SESSION_MS = 60_000.0
_LONGEST_MS = 20 * 3_600_000.0
#: Tokens kept at a time. Chosen: far beyond what the clients of one computer use.
_KEPT = 1000


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TokenGrant:
    """What one token allows.

    Attributes:
        uses: Sessions that may still be opened; None: any number.
        until_ms: Messages are accepted until then, by the stand-in's clock.
        open_until_ms: New sessions may be opened until then.
        setup: The fixed fields; None: none.
        paths: Which fields of `setup` are fixed; None: all.
        clock: The stand-in's clock.
    """

    uses: int | None
    until_ms: float
    open_until_ms: float
    setup: Setup | None
    paths: tuple[Path, ...] | None
    clock: Clock

    def effective(self, setup: Setup) -> Setup:
        """Return the connection's setup with the fixed fields replaced."""
        return effective(setup, self.setup, self.paths)

    def admit(self, *, resumed: bool) -> None:
        """Count a new session as a use; a resumed one is free.

        Raises:
            Refusal: 1008, if the token does not allow another session.
        """
        self.check()
        if resumed:
            return
        if self.clock.now_ms() > self.open_until_ms:
            raise Refusal(1008, TOKEN_TOO_LATE)
        if self.uses is not None:
            if self.uses < 1:
                raise Refusal(1008, TOKEN_USED)
            self.uses -= 1

    def check(self) -> None:
        """Check that the token has not expired.

        Raises:
            Refusal: 1008, if the token has expired.
        """
        if self.clock.now_ms() > self.until_ms:
            raise Refusal(1008, TOKEN_EXPIRED)


class TokenGrants:
    """Grants by token name; at most a thousand, then the oldest are dropped."""

    def __init__(self, clock: Clock, now: Callable[[], datetime] = _utc) -> None:
        """Convert dates to times of `clock`; `now` returns the current date."""
        self._clock = clock
        self._now = now
        self._kept: OrderedDict[str, TokenGrant] = OrderedDict()

    def create(self, body: bytes) -> AuthToken:
        """Create a token as the body of a request asks; return the response, which holds only its name.

        Raises:
            ClientMessageError: If the service would reject the request.
        """
        asked = decode_auth_token(body)
        uses = 1 if asked.uses is None else asked.uses
        if uses < 0 or asked.name is not None:
            raise ClientMessageError(rules.INVALID)
        name = PREFIX + secrets.token_hex(32)
        self._kept[name] = TokenGrant(
            uses=uses or None,
            until_ms=self._time_ms(asked.expire_time, _LIFE_MS),
            open_until_ms=self._time_ms(asked.new_session_expire_time, _NEW_SESSION_MS),
            setup=asked.bidi_generate_content_setup,
            paths=mask_paths(asked.field_mask) if asked.field_mask else None,
            clock=self._clock,
        )
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return AuthToken(name=name)

    def find(self, name: str) -> TokenGrant | None:
        """Return the grant of a token, expired or not; None if there is no such token."""
        return self._kept.get(name)

    def _time_ms(self, text: str | None, default_ms: float) -> float:
        left = default_ms
        if text is not None:
            try:
                at = datetime.fromisoformat(text)
                left = (at - self._now()).total_seconds() * 1000
            except (TypeError, ValueError):  # TypeError: a date without a time zone
                raise ClientMessageError(f'Invalid value (Timestamp), "{text[:40]}"') from None
        if not 0 < left < _LONGEST_MS:
            raise ClientMessageError(rules.INVALID)
        return self._clock.now_ms() + left
