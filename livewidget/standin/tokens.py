"""Ephemeral tokens of the stand-in: what each still allows, and what it fixes.

As on the service, what a token fixes silently takes the place of what the connection asks for
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
from livewidget.standin.outlet import Refusal

PREFIX = "auth_tokens/"

# Where there is no identity at all, in the service's words; of the others only the sense is published.
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
    "other form of API consumer identity to call this API."
)
TOKEN_EXPIRED = "Token has expired."
TOKEN_TOO_LATE = "Token can no longer be used to start a new session."
TOKEN_USED = "Token has been used too many times."

_LIFE_MS = 30 * 60_000.0
_NEW_SESSION_MS = 60_000.0
_LONGEST_MS = 20 * 3_600_000.0
_KEPT = 1000


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TokenGrant:
    """What one token allows.

    Attributes:
        uses: Sessions that it may still open; None: any number.
        until_ms: Messages are taken until then, by the stand-in's clock.
        open_until_ms: New sessions may be opened until then.
        setup: What it fixes; None: nothing.
        paths: The fields that are fixed; None with a setup: all of it.
        clock: The stand-in's clock.
    """

    uses: int | None
    until_ms: float
    open_until_ms: float
    setup: Setup | None
    paths: tuple[Path, ...] | None
    clock: Clock

    def effective(self, setup: Setup) -> Setup:
        """Return the setup that counts: the connection's, with what the token fixes in its place."""
        return effective(setup, self.setup, self.paths)

    def admit(self, *, resumed: bool) -> None:
        """Let a session begin; a new one is a use, a resumed one is not.

        Raises:
            Refusal: 1008, if the token allows no session any more.
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
        """Check that messages are taken still.

        Raises:
            Refusal: 1008, if the token has expired.
        """
        if self.clock.now_ms() > self.until_ms:
            raise Refusal(1008, TOKEN_EXPIRED)


class TokenGrants:
    """Grants by the names of their tokens; at most a thousand, the oldest give way."""

    def __init__(self, clock: Clock, now: Callable[[], datetime] = _utc) -> None:
        """Count on `clock` what is left of the time that is given as a date; `now` says which date it is."""
        self._clock = clock
        self._now = now
        self._kept: OrderedDict[str, TokenGrant] = OrderedDict()

    def create(self, body: bytes) -> AuthToken:
        """Make a token as the body of a request asks for it; return the answer, which holds its name alone.

        Raises:
            ClientMessageError: If the service would refuse it.
        """
        asked = decode_auth_token(body)
        uses = 1 if asked.uses is None else asked.uses
        if uses < 0 or asked.name is not None:
            raise ClientMessageError(rules.INVALID)
        name = PREFIX + secrets.token_hex(32)
        self._kept[name] = TokenGrant(
            uses=uses or None,
            until_ms=self._moment(asked.expire_time, _LIFE_MS),
            open_until_ms=self._moment(asked.new_session_expire_time, _NEW_SESSION_MS),
            setup=asked.bidi_generate_content_setup,
            paths=mask_paths(asked.field_mask) if asked.field_mask else None,
            clock=self._clock,
        )
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return AuthToken(name=name)

    def find(self, name: str) -> TokenGrant | None:
        """Return what a token allows, also one that has expired; None where there is no such token."""
        return self._kept.get(name)

    def _moment(self, text: str | None, otherwise_ms: float) -> float:
        left = otherwise_ms
        if text is not None:
            try:
                at = datetime.fromisoformat(text)
                left = (at - self._now()).total_seconds() * 1000
            except (TypeError, ValueError):  # TypeError: a date without its zone.
                raise ClientMessageError(f'Invalid value (Timestamp), "{text[:40]}"') from None
        if not 0 < left < _LONGEST_MS:
            raise ClientMessageError(rules.INVALID)
        return self._clock.now_ms() + left
