"""Token counts of a talk, by the service's published rates, from what was really heard, shown and said."""

from __future__ import annotations

from collections import Counter
from math import ceil

from livewidget.protocol.server import ModalityTokenCount, UsageMetadata
from livewidget.standin.seams import HEARING_RATE, SPEAKING_RATE

AUDIO_PER_SECOND = 25
_PICTURE = {"MEDIA_RESOLUTION_LOW": 64, "MEDIA_RESOLUTION_MEDIUM": 256}
_PICTURE_DEFAULT = 258
CHARACTERS_PER_TOKEN = 4  # the service's own rule of thumb for English


class Meter:
    """Counts tokens by modality. As on the service, everything kept is prompt again in every turn."""

    def __init__(self) -> None:
        self._context: Counter[str] = Counter()
        self._answer: Counter[str] = Counter()
        self._thoughts = 0
        self._samples_in = self._samples_out = 0

    def heard(self, samples: int) -> None:
        """Count sound from the client, in samples of 16 kHz; silence counts too."""
        self._samples_in += samples

    def read(self, text: str) -> None:
        """Count text from the client."""
        self._context["TEXT"] += ceil(len(text) / CHARACTERS_PER_TOKEN)

    def saw(self, resolution: str | None) -> None:
        """Count one picture."""
        self._context["IMAGE"] += _PICTURE.get(resolution or "", _PICTURE_DEFAULT)

    def said(self, samples: int) -> None:
        """Count speech that was sent, in samples of 24 kHz."""
        self._samples_out += samples

    def wrote(self, text: str) -> None:
        """Count text that was sent as the answer itself."""
        self._answer["TEXT"] += ceil(len(text) / CHARACTERS_PER_TOKEN)

    def thought(self, text: str) -> None:
        """Count a thought, whether it was sent or not."""
        self._thoughts += ceil(len(text) / CHARACTERS_PER_TOKEN)

    def turn(self, *, vertex: bool = False) -> UsageMetadata:
        """Close the turn: return its counts, and move what was said into the context of the next one."""
        self._context["AUDIO"] += ceil(self._samples_in * AUDIO_PER_SECOND / HEARING_RATE)
        self._answer["AUDIO"] += ceil(self._samples_out * AUDIO_PER_SECOND / SPEAKING_RATE)
        prompt, answer, thoughts = self._context.total(), self._answer.total(), self._thoughts
        details, answered = _details(self._context), _details(self._answer)
        self._context += self._answer
        self._answer.clear()
        self._samples_in = self._samples_out = 0
        self._thoughts = 0
        if vertex:
            return UsageMetadata(
                prompt_token_count=prompt,
                candidates_token_count=answer,
                thoughts_token_count=thoughts or None,
                total_token_count=prompt + answer + thoughts,
                prompt_tokens_details=details,
                candidates_tokens_details=answered,
                traffic_type="ON_DEMAND",
            )
        return UsageMetadata(
            prompt_token_count=prompt,
            response_token_count=answer,
            thoughts_token_count=thoughts or None,
            total_token_count=prompt + answer + thoughts,
            prompt_tokens_details=details,
            response_tokens_details=answered,
        )


def _details(counts: Counter[str]) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality=name, token_count=n) for name, n in sorted(counts.items()) if n]
