"""How a session outlasts its connections, as numbers that can be changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from livewidget.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """What a session does about connections that end, and about silence. The defaults suit people.

    Attributes:
        hand_over: Whether the talk goes on over a new connection when one ends; else it ends with that.
        tries: Connections tried in a row before the session ends.
        first_wait_ms: Longest wait before the second try; doubled for each further one.
        longest_wait_ms: Longest wait of all.
        idle_pause_s: Seconds without speech after which no more silence is sent until somebody speaks; None:
            silence is sent as well. Silence is counted and billed as sound.
        answer_s: Seconds without any answer after which a notice says so.
        random: Gives 0 to 1, by which waits are spread.
    """

    hand_over: bool = True
    tries: int = 6
    first_wait_ms: float = 500.0
    longest_wait_ms: float = 8_000.0
    idle_pause_s: float | None = None
    answer_s: float = 20.0
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        pause = self.idle_pause_s
        if pause is not None and (isinstance(pause, bool) or not 1 <= pause <= 3600):
            raise ConfigError("idle_pause_s is a number of seconds from 1 to 3600, or None for no pause.")
        if self.tries < 1:
            raise ConfigError("tries is the number of connections to try, 1 or more.")

    def wait_ms(self, failed: int) -> float:
        """Return how long to wait after so many tries have failed in a row; anything up to the limit."""
        if failed <= 0:
            return 0.0
        return self.random() * min(self.first_wait_ms * 2.0 ** min(failed - 1, 30), self.longest_wait_ms)
