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
from livewidget.config.options import ConfigOptions, Limits

__all__ = [
    "Compression",
    "ConfigOptions",
    "Limits",
    "LiveConfig",
    "Transcription",
    "Translation",
    "TurnDetection",
    "check_tool",
    "nearest",
]
