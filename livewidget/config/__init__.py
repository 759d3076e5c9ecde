"""`LiveConfig`: everything a session is asked to be, and whether the chosen model can be that."""

from livewidget.config.config import (
    Compression,
    LiveConfig,
    Transcription,
    Translation,
    TurnDetection,
    check_tool,
    nearest,
)
from livewidget.config.limits import Limits

__all__ = [
    "Compression",
    "Limits",
    "LiveConfig",
    "Transcription",
    "Translation",
    "TurnDetection",
    "check_tool",
    "nearest",
]
