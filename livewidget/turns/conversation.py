"""Folds events into turns: the whole memory of a talk, without I/O and without a clock of its own.

What the wire does not promise, and what is done about it:

- Transcripts come whenever they like. A fragment of the user's that comes after the answer began belongs to
  the question being answered, unless that was finished or a new start of speech was announced.
- A model turn answers a user turn. Where none was seen, its number is left free for a late transcript.
- `finished` is set by some services only, so nothing waits for it.
- 2.5 models complete their turn before a tool's result is sent, and answer in a second one: here that is one.
- After `Interrupted` the server still completes the turn; that completion says nothing about the floor.
"""

from __future__ import annotations

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    Event,
    GenerationComplete,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    SessionEnded,
    TextSent,
    Thought,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    TurnComplete,
    WaitingForInput,
)
from livewidget.turns.calls import Calls
from livewidget.turns.floor import Chair, Floor
from livewidget.turns.ledger import Ledger
from livewidget.turns.model_half import ModelHalf
from livewidget.turns.turn import Turn
from livewidget.turns.user_half import UserHalf


class Conversation:
    """The turns of one talk and who has the floor: the user's half, the model's half, and what joins them."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._chair = Chair()
        self._calls = Calls(self._ledger)
        self._user = UserHalf(self._ledger, self._chair)
        self._model = ModelHalf(self._ledger, self._chair, self._user, self._calls)

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._chair.floor

    @property
    def model_turn(self) -> int | None:
        """Index of the model's open turn, to which its sound belongs; None between turns."""
        return self._model.turn

    @property
    def turns(self) -> list[Turn]:
        """The turns, oldest first; a new list each time."""
        return self._ledger.all()

    def infer(self, event: Event) -> ActivityStart | None:
        """Return the start of speech that `event` implies and no one announced.

        Automatic detection announces no start of speech on most models: there the first transcript is taken
        for it. Fold what this returns before `event` itself; `fold` does so too.
        """
        if not isinstance(event, InputTranscript | InterimInputTranscript) or not event.text:
            return None
        if self.floor is Floor.LISTENING and not self._user.owns(event, self.model_turn):
            return ActivityStart(inferred=True)
        return None

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event.

        Args:
            event: What happened.
            now_ms: When, in milliseconds of any clock that never goes back.

        Returns:
            The turns that look different now, each as it is now. More sound in a turn is not a new look.
        """
        inferred = self.infer(event)
        if inferred is not None:
            self._fold(inferred, now_ms)
        self._fold(event, now_ms)
        return self._ledger.changed()

    def heard(self, index: int, sample: int) -> list[Turn]:
        """Say how much of a turn was heard when playback was stopped.

        Args:
            index: The model turn.
            sample: The last sample heard, counted from the turn's beginning at 24 kHz.

        Returns:
            The turn as it is now, if that changed it. A turn that was complete and heard to its end is whole.
        """
        return self._model.heard(index, sample)

    def _fold(self, event: Event, now_ms: float) -> None:
        match event:
            case OutputAudio() | OutputText() | OutputMedia():
                self._model.sound(event, now_ms)
            case OutputTranscript():
                self._model.transcript(event, now_ms)
            case Thought():
                self._model.thought(event)
            case InputTranscript() | InterimInputTranscript():
                self._input_transcript(event, now_ms)
            case ActivityStart():
                self._begin_speech()
                self._user.start(event)
            case ActivityEnd():
                self._user.end(event, now_ms)
            case TextSent():
                self._user.close()
                self._model.leave_held()
                self._user.typed(event, now_ms)
            case ToolCall() | ToolResult() | ToolCallCancelled():
                self._tool(event)
            case _:
                self._end_of_turn(event, now_ms)

    def _end_of_turn(self, event: Event, now_ms: float) -> None:
        match event:
            case GenerationComplete():
                self._model.generation_complete()
            case TurnComplete():
                self._model.complete(event, now_ms)
            case Interrupted():
                self._model.interrupt(event, now_ms)
            case WaitingForInput():
                self._user.close()
                self._chair.step(event)
            case SessionEnded():
                self._calls.cancel_all()
                self._model.end(now_ms)
                self._user.close()
                self._chair.asked = []
                self._chair.step(event)

    def _begin_speech(self) -> None:
        self._user.begin()
        self._model.leave_held()

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if event.text:
            if not self._user.owns(event, self.model_turn):
                self._begin_speech()
                self._chair.asked = self._chair.asked or [ActivityStart(inferred=True)]
            self._user.transcript(event, now_ms)
        if isinstance(event, InputTranscript) and event.finished:
            self._user.finish()

    def _tool(self, event: ToolCall | ToolResult | ToolCallCancelled) -> None:
        match event:
            case ToolCall():
                self._model.call(event)
            case ToolResult():
                self._calls.finish(event)
                if not self._calls:
                    self._chair.step(event)
            case ToolCallCancelled(ids=ids):
                for id in ids:
                    self._calls.cancel(id)
                if not self._calls:
                    self._model.leave_held()
                    self._chair.step_and_ask_again(event)
