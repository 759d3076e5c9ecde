"""`LiveConfig`: everything a session is asked to be, and whether the chosen model can be that."""

from livewidget.config.calling import check_tool
from livewidget.config.live import LiveConfig
from livewidget.config.parts import Compression, Transcription, Translation, TurnDetection
from livewidget.config.words import nearest

__all__ = [
    "Compression",
    "LiveConfig",
    "Transcription",
    "Translation",
    "TurnDetection",
    "check_tool",
    "nearest",
]
