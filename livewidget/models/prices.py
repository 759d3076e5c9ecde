"""`estimate`: about what a session costs, from published prices and the token counts of the service.

Source: the prices published for the Gemini Developer API, as collected on `PRICES_OF`. Taxes, free tiers and
Vertex AI's own prices are not included; a model without a row has no estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from livewidget.models.table import Model

#: The day on which the prices below were collected.
PRICES_OF: Final = "2026-11-22"

_MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens of each kind."""

    text_in: float
    audio_in: float
    picture_in: float
    text_out: float
    audio_out: float

    def of(self, prompt: Mapping[str, int], response: Mapping[str, int]) -> float:
        """Return the price in dollars of tokens by modality ("TEXT", "AUDIO", "IMAGE", "VIDEO").

        Modalities without a price of their own count as text.
        """
        into = {"AUDIO": self.audio_in, "IMAGE": self.picture_in, "VIDEO": self.picture_in}
        out = {"AUDIO": self.audio_out}
        sent = sum(count * into.get(kind, self.text_in) for kind, count in prompt.items())
        got = sum(count * out.get(kind, self.text_out) for kind, count in response.items())
        return (sent + got) / _MILLION


_LIVE_3_8: Final = Price(text_in=0.75, audio_in=3.00, picture_in=1.00, text_out=4.50, audio_out=12.00)
_NATIVE_2_5: Final = Price(text_in=0.50, audio_in=3.00, picture_in=3.00, text_out=2.00, audio_out=12.00)
# Only audio goes in and out, with its transcripts.
_TRANSLATE: Final = Price(text_in=3.50, audio_in=3.50, picture_in=3.50, text_out=21.00, audio_out=21.00)

#: Prices by model id, on the Gemini Developer API.
PRICES: Final[Mapping[str, Price]] = {
    "gemini-3.8-live": _LIVE_3_8,
    "gemini-2.5-flash-native-audio-latest": _NATIVE_2_5,
    "gemini-2.5-flash-native-audio-preview-12-2025": _NATIVE_2_5,
    "gemini-2.5-flash-native-audio-preview-09-2025": _NATIVE_2_5,
    "gemini-3.5-live-translate-preview": _TRANSLATE,
}


def estimate(model: Model, prompt: Mapping[str, int], response: Mapping[str, int]) -> float | None:
    """Return about how many US dollars these tokens cost on `model`, or None if no price is known.

    Args:
        model: The row; only those of the Gemini Developer API have prices here.
        prompt: Tokens sent, by modality; the service counts the whole context again in each turn.
        response: Tokens received, by modality.
    """
    if model.service == "standin":
        return 0.0
    price = PRICES.get(model.id) if model.service == "gemini" else None
    return None if price is None else price.of(prompt, response)
