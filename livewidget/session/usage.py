"""What a talk has used so far, and how long it may last, at one moment.

What a session has used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from livewidget.events import Usage
from livewidget.models import Model
from livewidget.models.prices import PRICES_OF, estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Tokens, time and money of one session.

    Attributes:
        usage: Tokens of all turns. The service counts all that it retains again in each turn.
        context_tokens: What it retained in the last turn: its prompt.
        context_limit: The most that the model retains.
        cost_usd: About what that cost, in US dollars; None where no price is known.
        prices_of: Day of those prices, as "2026-11-22".
        time_left_ms: How long the connection lasts still; None while there is none.
        time_limit_ms: How long a connection lasts as a rule.
        ending: What that is known by: its usual length, or the service's word that it goes away.
        link_ms: Round trip of the link; None where it is not known.
        moves: How often the talk has gone on over another connection.
        paused: Whether nothing is sent because nobody speaks.
    """

    usage: Usage
    context_tokens: int
    context_limit: int
    cost_usd: float | None
    prices_of: str = PRICES_OF
    time_left_ms: float | None = None
    time_limit_ms: int
    ending: Literal["connection", "go_away"] | None = None
    link_ms: float | None = None
    moves: int = 0
    paused: bool = False


def cost_of(model: Model, usage: Usage) -> float | None:
    """Return about what was used costs in US dollars; None where there is no price, or no modality is known.

    Thoughts are billed as text that is written, and what tools read as text that is read.
    """
    if usage.total_tokens and not (usage.prompt_by_modality or usage.response_by_modality):
        return None
    prompt = _with_text(usage.prompt_by_modality, usage.tool_use_prompt_tokens)
    response = _with_text(usage.response_by_modality, usage.thoughts_tokens)
    return estimate(model, prompt, response)


def _with_text(tokens: Mapping[str, int], more: int) -> dict[str, int]:
    return {**tokens, "TEXT": tokens.get("TEXT", 0) + more}


_COUNTS = (
    "prompt_tokens",
    "response_tokens",
    "thoughts_tokens",
    "tool_use_prompt_tokens",
    "cached_tokens",
    "total_tokens",
)
_MAPS = ("prompt_by_modality", "response_by_modality")


class UsageTracker:
    """Adds up the usage of turns. The service may report often in one turn: its last report counts.

    Attributes:
        context_tokens: Prompt of the last turn: all that the service retained then.
    """

    def __init__(self) -> None:
        self.context_tokens = 0
        self._settled = Usage()
        self._current: Usage | None = None

    @property
    def usage(self) -> Usage:
        """All turns so far."""
        return self._settled if self._current is None else _sum(self._settled, self._current)

    def add(self, usage: Usage) -> None:
        """Take in a report of the turn that is on."""
        self._current = usage
        self.context_tokens = usage.prompt_tokens or self.context_tokens

    def end_turn(self) -> None:
        """The turn is over."""
        self._settled, self._current = self.usage, None


def _sum(one: Usage, two: Usage) -> Usage:
    counts: dict[str, Any] = {name: getattr(one, name) + getattr(two, name) for name in _COUNTS}
    maps: dict[str, Any] = {
        name: dict(Counter(getattr(one, name)) + Counter(getattr(two, name))) for name in _MAPS
    }
    return Usage(**counts, **maps, traffic_type=two.traffic_type or one.traffic_type)
