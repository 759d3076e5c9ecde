"""Talk with a live model inside a Jupyter notebook.

::

    from livewidget import LiveWidget

    live = LiveWidget()
    live

Importing this loads nothing heavy: each name below brings its part with it when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livewidget.config import LiveConfig, TurnDetection
    from livewidget.connection import Gemini, VertexAI
    from livewidget.errors import LiveError
    from livewidget.events import (
        ActivityStart,
        InputTranscript,
        Interrupted,
        Notice,
        OutputAudio,
        OutputTranscript,
        SessionEnded,
        ToolCall,
        ToolResult,
        TurnComplete,
    )
    from livewidget.session import connect
    from livewidget.standin import StandIn
    from livewidget.turns import Turn
    from livewidget.widget.live import LiveWidget

__version__ = "0.1.0"

_HOMES = {
    "ActivityStart": "events",
    "Gemini": "connection",
    "InputTranscript": "events",
    "Interrupted": "events",
    "LiveConfig": "config",
    "LiveError": "errors",
    "LiveWidget": "widget.live",
    "Notice": "events",
    "OutputAudio": "events",
    "OutputTranscript": "events",
    "SessionEnded": "events",
    "StandIn": "standin",
    "ToolCall": "events",
    "ToolResult": "events",
    "Turn": "turns",
    "TurnComplete": "events",
    "TurnDetection": "config",
    "VertexAI": "connection",
    "connect": "session",
}

__all__ = [
    "ActivityStart",
    "Gemini",
    "InputTranscript",
    "Interrupted",
    "LiveConfig",
    "LiveError",
    "LiveWidget",
    "Notice",
    "OutputAudio",
    "OutputTranscript",
    "SessionEnded",
    "StandIn",
    "ToolCall",
    "ToolResult",
    "Turn",
    "TurnComplete",
    "TurnDetection",
    "VertexAI",
    "connect",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'livewidget' has no attribute {name!r}")
    value = getattr(import_module(f"livewidget.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
