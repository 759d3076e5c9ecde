"""Tokens, cost and time that a session has used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from livewidget.events import Usage
from livewidget.models import PRICES_OF, Model, estimate
from livewidget.tables import counts, counts_html, counts_text, html_table, to_frame

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What one session has used at one moment.

    Attributes:
        usage: Tokens of all turns. The service counts the retained context again in each turn.
        context_tokens: The prompt of the last turn, that is the retained context.
        context_limit: The most tokens that the model retains.
        cost_usd: The approximate cost in US dollars; None if there is no published price.
        prices_of: Date of the prices, such as "2026-11-22".
        time_left_ms: How much longer the connection lasts, in milliseconds; None while there is none.
        time_limit_ms: How long a connection lasts as a rule, in milliseconds.
        ending: What `time_left_ms` is based on: the usual length, or the service's announcement.
        link_ms: Round trip of the link in milliseconds; None if it is not known.
        paused: Whether audio is withheld because nobody speaks.
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
    paused: bool = False

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        return html_table((), self._rows())

    def to_frame(self) -> pandas.DataFrame:
        """Return the meter as a pandas table with one row; its columns are the attributes.

        `usage` is three columns: `prompt_tokens`, `response_tokens` and `total_tokens`.

        Raises:
            ExtraMissing: If pandas is not installed.
        """
        row: dict[str, Any] = {}
        for field in fields(self):
            if field.name == "usage":
                names = ("prompt_tokens", "response_tokens", "total_tokens")
                row.update({name: getattr(self.usage, name) for name in names})
            else:
                row[field.name] = getattr(self, field.name)
        return to_frame([row], list(row))

    def _rows(self) -> list[tuple[str, str]]:
        """Return what people want to know, in words."""
        rows = [
            ("tokens", f"{self.usage.total_tokens:,}"),
        ]
        if self.context_limit:  # That of an agent's model is not known.
            rows.append(("context", f"{self.context_tokens:,} of {self.context_limit:,} tokens"))
        if self.cost_usd is not None:
            price = f"about ${self.cost_usd:.4f} (prices of {self.prices_of})" if self.cost_usd else "free"
            rows.append(("cost", price))
        if self.time_left_ms is not None:
            minutes, seconds = divmod(max(0, round(self.time_left_ms / 1000)), 60)
            rows.append(("connection", f"{minutes}:{seconds:02} left"))
        if self.link_ms is not None:
            rows.append(("round trip", f"{self.link_ms:.0f} ms"))
        if self.paused:
            rows.append(("microphone", "paused, nobody speaks"))
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStats:
    """What was lost or repeated in one session, at one moment.

    Attributes:
        redials: Connections dialled after the first; those that failed count as well.
        reconnects: How often the connection has been replaced.
        unheard_reconnects: Of these, how often because the server did not react to what the user said.
        replayed_items: Messages queued again because a connection ended before the model had taken them in.
        dropped_audio_ms: User audio dropped because there was no connection for too long, because it was too
            slow, or because a tool ran for too long; in milliseconds.
        dropped_items: Other messages dropped while they waited for a tool.
        dropped_events: Events lost by readers of `async for` that were too slow.
        dropped_frames: Frames that no longer are in the wire log.
        unasked_calls: Calls that were refused since their arguments are longer than `Limits.approval_length`.
        refused_calls: Function calls that were answered with an error instead of being run, because there
            were more than `Limits.calls_per_turn` between two things the user said.
    """

    redials: int = 0
    reconnects: int = 0
    unheard_reconnects: int = 0
    replayed_items: int = 0
    dropped_audio_ms: float = 0.0
    dropped_items: int = 0
    dropped_events: int = 0
    dropped_frames: int = 0
    unasked_calls: int = 0
    refused_calls: int = 0

    def __str__(self) -> str:
        return counts_text(counts(self))

    def _repr_html_(self) -> str:
        return counts_html(counts(self))

    def to_frame(self) -> pandas.DataFrame:
        """Return the counters as a pandas table with one row; its columns are the attributes.

        Raises:
            ExtraMissing: If pandas is not installed.
        """
        return to_frame([asdict(self)], [field.name for field in fields(self)])


def cost_of(model: Model, usage: Usage) -> float | None:
    """Return the approximate cost in US dollars, or None without a price or a breakdown by modality.

    Thoughts are billed as text output, and tool-use prompts as text input.
    """
    if usage.total_tokens and not (usage.prompt_by_modality or usage.response_by_modality):
        return None
    prompt = _with_text(usage.prompt_by_modality, usage.tool_use_prompt_tokens)
    response = _with_text(usage.response_by_modality, usage.thoughts_tokens)
    return estimate(model, prompt, response)


def _with_text(tokens: Mapping[str, int], more: int) -> dict[str, int]:
    return {**tokens, "TEXT": tokens.get("TEXT", 0) + more}


class UsageTracker:
    """Adds up the usage of all turns. Of the reports within one turn only the last counts.

    Attributes:
        context_tokens: The prompt of the last turn, that is the retained context.
    """

    def __init__(self) -> None:
        self.context_tokens = 0
        self._settled = Usage()
        self._current: Usage | None = None

    @property
    def usage(self) -> Usage:
        """Tokens of all turns so far."""
        return self._settled if self._current is None else _sum(self._settled, self._current)

    def add(self, usage: Usage) -> None:
        """Record a report within the current turn."""
        self._current = usage
        self.context_tokens = usage.prompt_tokens or self.context_tokens

    def end_turn(self) -> None:
        """End the current turn."""
        self._settled, self._current = self.usage, None


def _sum(one: Usage, two: Usage) -> Usage:
    total: dict[str, Any] = {"traffic_type": two.traffic_type or one.traffic_type}
    for name in Usage.__struct_fields__:
        before, more = getattr(one, name), getattr(two, name)
        if isinstance(before, int):
            total[name] = before + more
        elif isinstance(before, Mapping):
            total[name] = dict(Counter(before) + Counter(more))
    return Usage(**total)
