"""Tokens by the service's published rates, and the counts that end a turn."""

from __future__ import annotations

from collections import Counter
from math import ceil

from livewidget.protocol.server import ModalityTokenCount, UsageMetadata

AUDIO_PER_SECOND = 25
CHARACTERS_PER_TOKEN = 4  # the service's own rule of thumb for English


def of_text(text: str) -> int:
    """Return the tokens of a text."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def of_sound(samples: int, rate: int) -> int:
    """Return the tokens of so many samples at `rate` Hz."""
    return ceil(samples * AUDIO_PER_SECOND / rate)


def usage(prompt: Counter[str], answer: Counter[str], thoughts: int, *, vertex: bool) -> UsageMetadata:
    """Return the counts of a turn, by modality; Vertex AI has names of its own for those of the answer."""
    whole = prompt.total() + answer.total() + thoughts
    if vertex:
        return UsageMetadata(
            prompt_token_count=prompt.total(),
            candidates_token_count=answer.total(),
            thoughts_token_count=thoughts or None,
            total_token_count=whole,
            prompt_tokens_details=_details(prompt),
            candidates_tokens_details=_details(answer),
            traffic_type="ON_DEMAND",
        )
    return UsageMetadata(
        prompt_token_count=prompt.total(),
        response_token_count=answer.total(),
        thoughts_token_count=thoughts or None,
        total_token_count=whole,
        prompt_tokens_details=_details(prompt),
        response_tokens_details=_details(answer),
    )


def _details(counts: Counter[str]) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality=name, token_count=n) for name, n in sorted(counts.items()) if n]
