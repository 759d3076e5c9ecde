"""How much a model thinks in one session, by its level or its budget, and whether it shows that."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from livewidget.models import Model
from livewidget.protocol.client import Setup
from livewidget.standin.tokens import CHARACTERS_PER_TOKEN

_SENTENCES = {"MINIMAL": 1, "LOW": 2, "MEDIUM": 3}  # of thoughts at a level; the higher ones have no limit


@dataclass(frozen=True, slots=True)
class Thinking:
    """One session's share of thoughts.

    Attributes:
        shown: Thoughts are sent (`includeThoughts`); else they only count.
        sentences: Most thoughts for an answer; None: no limit; 0: it does not think.
        tokens: Most tokens of them; None: no limit.
    """

    shown: bool = False
    sentences: int | None = 0
    tokens: int | None = None

    @classmethod
    def of(cls, setup: Setup, model: Model) -> Thinking:
        """Read it from an accepted setup.

        With no level, the model's lowest holds; with no budget or a negative one, the model thinks as much as
        it likes.
        """
        config = setup.generation_config.thinking_config if setup.generation_config else None
        shown = bool(config and config.include_thoughts)
        if model.thinking == "budget":
            budget = config.thinking_budget if config else None
            return cls(shown, None, None if budget is None or budget < 0 else budget)
        if model.thinking != "level" or config is None:
            return cls()
        level = config.thinking_level or next(iter(model.thinking_levels), "MINIMAL")
        return cls(shown, _SENTENCES.get(level))

    def kept(self, thoughts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the thoughts that the session has room for: the first ones, each whole."""
        kept, spent = [], 0
        for thought in thoughts[: self.sentences]:
            spent += ceil(len(thought) / CHARACTERS_PER_TOKEN)
            if self.tokens is not None and spent > self.tokens:
                break
            kept.append(thought)
        return tuple(kept)
