"""Sans-I/O state of a talk: who has the floor (a table), and events folded into turns."""

from livewidget.models import Model
from livewidget.turns.conversation import ConversationTracker
from livewidget.turns.floor import FLOOR, Floor, diagram
from livewidget.turns.streams import DictationTracker, TranslationTracker
from livewidget.turns.tracker import TurnTracker
from livewidget.turns.turn import AUDIO_RATE, CodeRun, Page, Source, Span, Timing, ToolUse, Turn

__all__ = [
    "AUDIO_RATE",
    "FLOOR",
    "CodeRun",
    "ConversationTracker",
    "DictationTracker",
    "Floor",
    "Page",
    "Source",
    "Span",
    "Timing",
    "ToolUse",
    "TranslationTracker",
    "Turn",
    "TurnTracker",
    "diagram",
    "tracker_for",
]


def tracker_for(model: Model) -> TurnTracker:
    """Return what a talk with `model` is remembered by: its turns are completed, or cut by silence."""
    if model.dictates:
        return DictationTracker()
    return ConversationTracker() if model.completes_turns else TranslationTracker()
