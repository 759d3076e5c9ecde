"""A record of a talk, a clock that a test moves, and short names for events."""

from livewidget.events import InputTranscript, InterimInputTranscript, OutputAudio, OutputTranscript
from livewidget.turns import ConversationTracker, TurnTracker


def sound(seconds: float, level: int = 8000) -> OutputAudio:
    return OutputAudio(data=level.to_bytes(2, "little", signed=True) * int(seconds * 24_000))


def heard(text: str, *, finished: bool = False, language: str | None = None) -> InputTranscript:
    return InputTranscript(text=text, finished=finished, language=language)


def said(text: str, language: str | None = None) -> OutputTranscript:
    return OutputTranscript(text=text, language=language)


def interim(text: str) -> InterimInputTranscript:
    return InterimInputTranscript(text=text)


class Talk:
    """A record and a clock that a test moves."""

    def __init__(self, tracker: TurnTracker | None = None) -> None:
        self.conversation = ConversationTracker() if tracker is None else tracker
        self.now_ms = 0.0

    def fold(self, *events):
        """Fold events; numbers among them let so many milliseconds pass."""
        changed = []
        for event in events:
            if isinstance(event, int | float):
                self.now_ms += event
            else:
                changed = self.conversation.fold(event, self.now_ms)
        return changed

    def tick(self, ms: float):
        self.now_ms += ms
        return self.conversation.tick(self.now_ms)

    def heard(self, index: int, sample: int):
        return self.conversation.playback_stopped(index, sample, self.now_ms)

    def played(self, index: int, sample: int, round_trip_ms: float | None = None):
        return self.conversation.playback_progress(index, sample, self.now_ms, round_trip_ms)

    @property
    def turns(self):
        return self.conversation.turns

    @property
    def texts(self):
        return [(turn.speaker, turn.text) for turn in self.turns]

    @property
    def floor(self):
        return self.conversation.floor
