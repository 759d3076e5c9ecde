"""Folds events into turns: the whole memory of a talk, without I/O and without a clock of its own.

What the wire does not promise, and what is done about it:

- Transcripts come whenever they like. A fragment of the user's that comes after the answer began belongs to
  the question being answered, unless that was finished or a new start of speech was announced.
- A model turn answers a user turn. Where none was seen, its number is left free for a late transcript.
- `finished` is set by some services only, so nothing waits for it.
- 2.5 models complete their turn before a tool's result is sent, and answer in a second one: here that is one.
  So it is with models that complete a first word while they go on thinking.
- When the talk moves to another connection, the rest of an answer does not come any more. What the user said
  and nobody answered is sent, and transcribed, again.
- After `Interrupted` the server still completes the turn; that completion says nothing about the floor.
"""

from __future__ import annotations

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    CodeResult,
    Event,
    ExecutableCode,
    GenerationComplete,
    Grounding,
    ImageSent,
    InputTranscript,
    InteractionStatus,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    SessionEnded,
    SessionMoved,
    SessionStarted,
    TextSent,
    Thought,
    ToolAllowed,
    ToolAsking,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    ToolUpdate,
    TurnComplete,
    UrlContext,
    WaitingForInput,
)
from livewidget.turns.calls import Calls
from livewidget.turns.floor import Floor
from livewidget.turns.model_half import ModelHalf
from livewidget.turns.record import Record
from livewidget.turns.turn import Turn
from livewidget.turns.user_half import UserHalf


class Conversation(Record):
    """A talk in turns: the user's half, the model's half, and what joins them."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = Calls(self._ledger)
        self._user = UserHalf(self._ledger, self._chair, self._outgoing)
        self._model = ModelHalf(self._ledger, self._chair, self._user, self._calls)

    @property
    def model_turn(self) -> int | None:
        """Index of the model's open turn, to which its sound belongs; None between turns."""
        return self._model.turn

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that a transcript implies where none was announced."""
        if not isinstance(event, InputTranscript | InterimInputTranscript) or not event.text:
            return None
        if self.floor is Floor.LISTENING and not self._user.owns(event, self.model_turn, now_ms):
            return ActivityStart(inferred=True)
        return None

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event; returns the turns that look different now."""
        inferred = self.infer(event, now_ms)
        if inferred is not None:
            self._fold(inferred, now_ms)
        self._fold(event, now_ms)
        return self._ledger.changed()

    def played(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Take in how far playback is; returns the turns heard to their end."""
        return self._model.played(index, sample, now_ms)

    def heard(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        return self._model.heard(index, sample, now_ms)

    def _fold(self, event: Event, now_ms: float) -> None:
        match event:
            case OutputAudio() | OutputText() | OutputMedia():
                self._model.link_ms = self.link_ms
                self._model.sound(event, now_ms)
            case OutputTranscript():
                self._model.transcript(event, now_ms)
            case Thought():
                self._model.thought(event)
            case Grounding() | UrlContext() | ExecutableCode() | CodeResult():
                self._model.note(event, now_ms)
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
            case ImageSent():
                self._user.picture()
            case ToolCall() | ToolResult() | ToolCallCancelled():
                self._tool(event, now_ms)
            case ToolAsking() | ToolAllowed() | ToolUpdate():
                self._calls.go_on(event, now_ms)
                if isinstance(event, ToolUpdate) and event.sent:
                    self._model.told(self._calls.turn_of(event.id))
            case SessionStarted():
                self._outgoing.begin()
            case _:
                self._end_of_turn(event, now_ms)

    def _end_of_turn(self, event: Event, now_ms: float) -> None:
        match event:
            case GenerationComplete():
                self._model.generation_complete()
            case InteractionStatus():
                self._model.status(event)
            case TurnComplete():
                self._model.complete(event, now_ms)
            case Interrupted():
                self._model.interrupt(event, now_ms)
            case WaitingForInput():
                self._model.wait(event, now_ms)
            case SessionMoved(repeats=repeats):
                self._outgoing.begin()
                self._model.end(now_ms)
                self._user.moved(again=repeats)
                self._chair.step_and_ask_again(event)
            case SessionEnded():
                self._calls.cancel_all(now_ms)
                self._model.end(now_ms)
                self._user.close()
                self._chair.asked = []
                self._chair.step(event)

    def _begin_speech(self) -> None:
        self._user.begin()
        self._model.leave_held()

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if isinstance(event, InputTranscript):
            self._user.speaks(event.language)
        if event.text:
            if not self._user.owns(event, self.model_turn, now_ms):
                self._begin_speech()
                self._chair.asked = self._chair.asked or [ActivityStart(inferred=True)]
            self._user.transcript(event, now_ms)
        if isinstance(event, InputTranscript) and event.finished:
            self._user.finish()

    def _tool(self, event: ToolCall | ToolResult | ToolCallCancelled, now_ms: float) -> None:
        match event:
            case ToolCall():
                self._model.call(event, now_ms)
            case ToolResult():
                index, told = self._calls.turn_of(event.id), self._calls.told_of(event.id)
                self._calls.finish(event, now_ms)
                if not self._calls:
                    self._chair.step(event)
                if index is not None and index == self.model_turn:
                    if event.scheduling == "SILENT":
                        self._model.settle(told, now_ms)
                    else:
                        self._model.told(index)
            case ToolCallCancelled(ids=ids):
                for id in ids:
                    self._calls.cancel(id, now_ms)
                if not self._calls:
                    self._model.leave_held()
                    self._chair.step_and_ask_again(event)
