"""What a picture costs."""

from __future__ import annotations

from typing import Final

_TOKENS: Final = {"low": 64, "medium": 256, "high": 256}
_DEFAULT: Final = 258


def tokens_of(resolution: str | None) -> int:
    """Return how many tokens the service counts for one picture, whatever its size in pixels.

    Source: the service's enumeration `MediaResolution` (64 at low, 256 at medium, 256 of a part that it
    chooses at high), and its page on tokens for where nothing is set: 258 for each frame of video.

    Args:
        resolution: As `LiveConfig.media_resolution` has it, or as the wire writes it
            ("MEDIA_RESOLUTION_LOW"); None: not set.
    """
    return _TOKENS.get((resolution or "").lower().removeprefix("media_resolution_"), _DEFAULT)
