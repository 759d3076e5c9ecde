"""The state of a conversation, without I/O: who has the floor, and events folded into turns."""

from livewidget.models import Model
from livewidget.turns.conversation import ConversationTracker
from livewidget.turns.floor import FLOOR, Floor, diagram
from livewidget.turns.store import SPANS_PER_TURN, HeardAudio
from livewidget.turns.streams import DictationTracker, TranslationTracker
from livewidget.turns.tracker import TurnTracker
from livewidget.turns.turn import CodeRun, Span, Timing, ToolUse, Turn, Turns, WebPage, WebSource

__all__ = [
    "FLOOR",
    "CodeRun",
    "ConversationTracker",
    "DictationTracker",
    "Floor",
    "HeardAudio",
    "Span",
    "Timing",
    "ToolUse",
    "TranslationTracker",
    "Turn",
    "TurnTracker",
    "Turns",
    "WebPage",
    "WebSource",
    "diagram",
    "tracker_for",
]


def tracker_for(model: Model, spans_per_turn: int = SPANS_PER_TURN) -> TurnTracker:
    """Return the tracker for `model`, which either completes its turns or has them end by silence."""
    if model.dictates:
        return DictationTracker(spans_per_turn)
    if model.completes_turns:
        return ConversationTracker(spans_per_turn, completes_early=model.turn_completes_before_result)
    return TranslationTracker(spans_per_turn)
