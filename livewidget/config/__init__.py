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

__all__ = [
    "Compression",
    "LiveConfig",
    "Transcription",
    "Translation",
    "TurnDetection",
    "check_tool",
    "nearest",
]
