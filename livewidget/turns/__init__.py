"""Sans-I/O state of a talk: who has the floor (a table), and events folded into turns."""

from livewidget.turns.conversation import Conversation
from livewidget.turns.floor import FLOOR, Floor, diagram
from livewidget.turns.turn import AUDIO_RATE, Span, ToolUse, Turn

__all__ = ["AUDIO_RATE", "FLOOR", "Conversation", "Floor", "Span", "ToolUse", "Turn", "diagram"]
