"""A conversation, a clock that a test moves, and short names for events."""

from livewidget.events import (
    InputTranscript,
    InterimInputTranscript,
    OutputAudio,
    OutputTranscript,
)
from livewidget.turns import Conversation


def sound(seconds: float) -> OutputAudio:
    return OutputAudio(data=bytes(int(seconds * 24_000) * 2))


def heard(text: str, *, finished: bool = False) -> InputTranscript:
    return InputTranscript(text=text, finished=finished)


def said(text: str) -> OutputTranscript:
    return OutputTranscript(text=text)


def interim(text: str) -> InterimInputTranscript:
    return InterimInputTranscript(text=text)


class Talk:
    """A conversation and a clock that a test moves."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.now_ms = 0.0

    def fold(self, *events):
        changed = []
        for event in events:
            if isinstance(event, int | float):
                self.now_ms += event
            else:
                changed = self.conversation.fold(event, self.now_ms)
        return changed

    @property
    def turns(self):
        return self.conversation.turns

    @property
    def texts(self):
        return [(turn.speaker, turn.text) for turn in self.turns]

    @property
    def floor(self):
        return self.conversation.floor
