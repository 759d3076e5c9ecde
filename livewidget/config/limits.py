"""`Limits`: what one session puts up with, from the model and from the service, before it says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from livewidget.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one session. The defaults suit people; what they cut is counted in `stats` and said once.

    Attributes:
        calls_per_turn: Function calls that run between two things the user says; a further one gets an error
            result. Chosen: more than any conversation that was seen needed, and few enough to end a loop of
            calls within seconds.
        spans_per_turn: Pieces of transcript, and calls, that one turn keeps; further text is added to the
            last piece. Chosen: an hour of speech has fewer.
        unheard_notice_s: Seconds of voiced user audio without any message of the service after which a notice
            says so.
        unheard_reconnect_s: Seconds of the same after which the connection is replaced.
        ask_s: Seconds that `ask` waits for its answer if it is not told otherwise.
        approval_length: Characters that the arguments of a call that asks for approval may have, as Python
            writes them; a longer call is refused without asking. Chosen: a few minutes of reading, and
            nobody reads more before answering.

    Raises:
        ConfigError: If a value is no number above 0, or one that is counted is not whole.
    """

    calls_per_turn: int = 25
    spans_per_turn: int = 2_000
    unheard_notice_s: float = 10.0
    unheard_reconnect_s: float = 30.0
    ask_s: float = 30.0
    approval_length: int = 20_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int,) if isinstance(field.default, int) else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < math.inf:
                what = "a whole number" if kinds == (int,) else "a number"
                raise ConfigError(f"{field.name} must be {what} above 0, not {_shown(value)}.")


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
