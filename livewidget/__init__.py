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
    from livewidget.config import Limits, LiveConfig, TurnDetection
    from livewidget.connection import Gemini, VertexAI, mint
    from livewidget.errors import LiveError, UsageError
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
    from livewidget.integrations.mcp import McpServer
    from livewidget.session import ReconnectPolicy, connect
    from livewidget.standin import StandIn
    from livewidget.standin.tutor.voice import TutorTextToSpeech
    from livewidget.tools import Tool
    from livewidget.turns import Turn, Turns
    from livewidget.ui.vad_monitor import VadMonitor, vad_settings
    from livewidget.widget.live import LiveWidget

__version__ = "0.1.0"

_HOMES = {
    "ActivityStart": "events",
    "Gemini": "connection",
    "InputTranscript": "events",
    "Interrupted": "events",
    "Limits": "config",
    "LiveConfig": "config",
    "LiveError": "errors",
    "LiveWidget": "widget.live",
    "McpServer": "integrations.mcp",
    "Notice": "events",
    "OutputAudio": "events",
    "OutputTranscript": "events",
    "ReconnectPolicy": "session",
    "SessionEnded": "events",
    "StandIn": "standin",
    "Tool": "tools",
    "ToolCall": "events",
    "ToolResult": "events",
    "Turn": "turns",
    "TurnComplete": "events",
    "TurnDetection": "config",
    "Turns": "turns",
    "TutorTextToSpeech": "standin.tutor.voice",
    "UsageError": "errors",
    "VadMonitor": "ui.vad_monitor",
    "VertexAI": "connection",
    "connect": "session",
    "mint": "connection",
    "vad_settings": "ui.vad_monitor",
}

__all__ = [
    "ActivityStart",
    "Gemini",
    "InputTranscript",
    "Interrupted",
    "Limits",
    "LiveConfig",
    "LiveError",
    "LiveWidget",
    "McpServer",
    "Notice",
    "OutputAudio",
    "OutputTranscript",
    "ReconnectPolicy",
    "SessionEnded",
    "StandIn",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Turn",
    "TurnComplete",
    "TurnDetection",
    "Turns",
    "TutorTextToSpeech",
    "UsageError",
    "VadMonitor",
    "VertexAI",
    "connect",
    "mint",
    "vad_settings",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        from difflib import get_close_matches

        by_lower = {known.lower(): known for known in __all__}
        near = [] if name.startswith("_") else get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
        hint = f"; did you mean {by_lower[near[0]]}?" if near else ""
        raise AttributeError(f"module 'livewidget' has no attribute {name!r}{hint}")
    value = getattr(import_module(f"livewidget.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
