"""Sans-I/O state of a talk: who has the floor (a table), and events folded into turns."""

from livewidget.models import Model
from livewidget.turns.conversation import Conversation
from livewidget.turns.floor import FLOOR, Floor, diagram
from livewidget.turns.streams import Dictation, Translation
from livewidget.turns.tracker import Record
from livewidget.turns.turn import AUDIO_RATE, CodeRun, Page, Source, Span, Timing, ToolUse, Turn

__all__ = [
    "AUDIO_RATE",
    "FLOOR",
    "CodeRun",
    "Conversation",
    "Dictation",
    "Floor",
    "Page",
    "Record",
    "Source",
    "Span",
    "Timing",
    "ToolUse",
    "Translation",
    "Turn",
    "diagram",
    "record_for",
]


def record_for(model: Model) -> Record:
    """Return what a talk with `model` is remembered by: its turns are completed, or cut by silence."""
    if model.dictates:
        return Dictation()
    return Conversation() if model.completes_turns else Translation()
