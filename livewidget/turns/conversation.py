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

from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
from livewidget.turns.floor import Floor, step
from livewidget.turns.ledger import Ledger
from livewidget.turns.turn import AUDIO_RATE, Span, ToolUse, Turn, spoken_samples

#: An output transcript this soon after the turn's end, with nothing asked since, belongs to that turn.
LATE_MS = 1000.0


class Conversation:
    """The turns of one talk and who has the floor.

    Attributes:
        floor: Who may speak.
        model_turn: Index of the model's open turn, to which its sound belongs; None between turns.
    """

    def __init__(self) -> None:
        self.floor = Floor.LISTENING
        self.model_turn: int | None = None
        self._ledger = Ledger()
        # The user's spoken turn: its index is reserved before there is text.
        self._user_turn: int | None = None
        self._answered = False
        self._speech_finished = False
        self._adopted: int | None = None
        # What the user did since the model's open turn began, to be counted again when that turn ends.
        self._asked: list[Event] = []
        self._speech_ended_ms: float | None = None
        self._speech_end_known = False
        self._generated: int | None = None
        self._held = False
        self._spoke_since_call = True
        self._void_turn: int | None = None
        self._last_turn: tuple[int, float] | None = None
        self._calls: dict[str, int] = {}

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
        if self.floor is Floor.LISTENING and not self._belongs_to_last_speech(event):
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
        turn = self._ledger.get(index)
        if turn is None or turn.speaker != "model" or not turn.final:
            return []
        whole = sample >= turn.audio_samples and index == self._generated
        sample = max(0, min(sample, turn.audio_samples))
        cut = replace(turn, interrupted=not whole, heard_sample=None if whole else sample)
        return [] if cut == turn else [self._ledger.put(cut)]

    # The floor.

    def _fold(self, event: Event, now_ms: float) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, now_ms)

    def _step(self, event: Event) -> None:
        self.floor = step(self.floor, event)

    def _step_and_ask_again(self, event: Event) -> None:
        """The model's turn is over; what the user did meanwhile still waits for an answer."""
        self._step(event)
        for asked in self._asked:
            self._step(asked)

    # The user's side.

    def _belongs_to_last_speech(self, event: InputTranscript | InterimInputTranscript) -> bool:
        """Whether a transcript belongs to the speech already known, answered or not."""
        if self._user_turn is None:
            return False
        if not self._answered:
            return True
        turn = self._ledger.get(self._user_turn)
        if turn is None or not turn.spans:
            return True
        if isinstance(event, InterimInputTranscript) or self._speech_finished:
            return False
        return self.model_turn is not None or self._adopted == self._user_turn

    def _begin_speech(self) -> None:
        if self._user_turn is None or self._answered:
            self._close_speech()
            self._user_turn = self._ledger.number()
            self._answered = False
            self._speech_finished = False
        self._leave_held_turn()

    def _close_speech(self) -> None:
        """The user's spoken turn is over: what was only guessed so far becomes its text."""
        turn = self._ledger.get(self._user_turn)
        if turn is None:
            return
        if turn.interim:
            self._adopted = turn.index
            self._ledger.change(turn.index, spans=(*turn.spans, Span(turn.interim)), interim="", final=True)
        elif not turn.final:
            self._ledger.change(turn.index, final=True)

    def _activity_start(self, event: ActivityStart, now_ms: float) -> None:
        self._begin_speech()
        self._asked = [event]
        self._speech_ended_ms, self._speech_end_known = None, False
        self._step(event)

    def _activity_end(self, event: ActivityEnd, now_ms: float) -> None:
        if not self._answered:
            self._speech_ended_ms, self._speech_end_known = now_ms, True
        if self._asked:
            self._asked = [ActivityStart(), event]
        self._step(event)

    def _text_sent(self, event: TextSent, now_ms: float) -> None:
        self._close_speech()
        self._leave_held_turn()
        self._user_turn = None
        index = self._ledger.number()
        self._ledger.add(index, "user")
        self._ledger.change(index, spans=(Span(event.text),), final=True)
        self._asked = [event]
        self._speech_ended_ms, self._speech_end_known = now_ms, True
        self._step(event)

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if event.text:
            if not self._belongs_to_last_speech(event):
                self._begin_speech()
                self._asked = self._asked or [ActivityStart(inferred=True)]
            index = self._user_turn
            assert index is not None
            if index not in self._ledger:
                self._ledger.add(index, "user")
            turn = self._ledger[index]
            if isinstance(event, InterimInputTranscript):
                self._ledger.change(index, interim=event.text, final=self._answered)
            else:
                spans = turn.spans[:-1] if self._adopted == index else turn.spans
                self._adopted = None
                self._ledger.change(index, spans=(*spans, Span(event.text)), interim="", final=self._answered)
            if not self._answered and not self._speech_end_known:
                self._speech_ended_ms = now_ms
        if isinstance(event, InputTranscript) and event.finished and self._user_turn in self._ledger:
            self._speech_finished = True
            self._close_speech()

    # The model's side.

    def _open(self) -> int:
        """Return the model's open turn, begun here if there is none."""
        if self.model_turn is not None:
            return self.model_turn
        if self._user_turn is None or self._answered:
            if not any(isinstance(asked, TextSent) for asked in self._asked):
                self._user_turn = self._ledger.number()
                self._speech_finished = False
        elif (turn := self._ledger.get(self._user_turn)) is not None and not turn.final:
            self._ledger.change(turn.index, final=True)
        self._answered = True
        self._asked = []
        self._void_turn = None
        self._spoke_since_call = True
        self.model_turn = self._ledger.number()
        self._ledger.add(self.model_turn, "model")
        return self.model_turn

    def _sound(self, event: OutputAudio | OutputText | OutputMedia, now_ms: float) -> None:
        index = self._open()
        turn = self._ledger[index]
        self._spoke_since_call = True
        if isinstance(event, OutputAudio):
            samples = len(event.data) // 2 * AUDIO_RATE // event.sample_rate
            turn = self._ledger.amend(index, audio_samples=turn.audio_samples + samples)
        elif isinstance(event, OutputText) and event.text:
            # Not spread as a transcript is: without sound, all of it shows at once.
            sample = max(turn.audio_samples, turn.spans[-1].sample if turn.spans else 0)
            self._ledger.change(index, spans=(*turn.spans, Span(event.text, sample)))
        if self._speech_ended_ms is not None and turn.latency_ms is None:
            self._ledger.change(index, latency_ms=now_ms - self._speech_ended_ms)
        self._speech_ended_ms, self._speech_end_known = None, False
        self._step(event)

    def _output_transcript(self, event: OutputTranscript, now_ms: float) -> None:
        if not event.text:
            return
        late = self._late_turn(now_ms)
        index = self._open() if late is None else late
        turn = self._ledger[index]
        sample = turn.audio_samples
        if turn.spans:
            sample = max(sample, turn.spans[-1].sample + spoken_samples(turn.spans[-1].text))
        self._ledger.change(index, spans=(*turn.spans, Span(event.text, sample)))

    def _late_turn(self, now_ms: float) -> int | None:
        """Return the closed turn to which an output transcript belongs that comes late."""
        if self.model_turn is not None:
            return None
        if self._void_turn is not None:
            return self._void_turn
        if self._last_turn is not None and not self._asked and now_ms - self._last_turn[1] <= LATE_MS:
            return self._last_turn[0]
        return None

    def _thought(self, event: Thought, now_ms: float) -> None:
        index = self._open()
        self._ledger.change(index, thoughts=self._ledger[index].thoughts + event.text)

    def _generation_complete(self, event: GenerationComplete, now_ms: float) -> None:
        self._generated = self.model_turn

    def _close(self, now_ms: float, **fields: Any) -> None:
        if self.model_turn is not None:
            self._ledger.change(self.model_turn, final=True, **fields)
            self._last_turn = (self.model_turn, now_ms)
            self.model_turn = None

    def _leave_held_turn(self) -> None:
        """The user goes on while a turn is held open for a tool: its answer will be a turn of its own."""
        if self._held:
            self._held = False
            self._close(float("-inf"))

    def _turn_complete(self, event: TurnComplete, now_ms: float) -> None:
        if self.model_turn is None and self._void_turn is not None:
            self._void_turn = None
            return
        if self.model_turn is not None:
            waiting = self.model_turn in self._calls.values()
            self._held = waiting or not (self._spoke_since_call or self._held)
            if self._held:
                if self.floor is Floor.MODEL:
                    self._step_and_ask_again(event)
                return
            self._generated = self.model_turn
        else:
            self._asked = []
        self._close(now_ms)
        self._close_speech()
        self._step_and_ask_again(event)

    def _waiting_for_input(self, event: WaitingForInput, now_ms: float) -> None:
        self._close_speech()
        self._step(event)

    def _interrupted(self, event: Interrupted, now_ms: float) -> None:
        if self.model_turn is not None:
            self._void_turn = self.model_turn
            self._held = False
            self._close(now_ms, interrupted=True)
        if self._answered:
            self._close_speech()
            self._user_turn = None
        self._step_and_ask_again(event)

    def _session_ended(self, event: SessionEnded, now_ms: float) -> None:
        self._held = False
        for id in list(self._calls):
            self._end_call(id, state="cancelled")
        if self.model_turn is not None:
            complete = self._generated == self.model_turn
            self._close(now_ms, interrupted=not complete)
        self._close_speech()
        self._asked = []
        self._step(event)

    # Tools.

    def _tool_call(self, event: ToolCall, now_ms: float) -> None:
        if event.id in self._calls:
            return
        index = self._open()
        use = ToolUse(id=event.id, name=event.name, args=event.args)
        self._ledger.change(index, tools=(*self._ledger[index].tools, use))
        self._calls[event.id] = index
        self._spoke_since_call = False
        self._step(event)

    def _end_call(self, id: str, **fields: Any) -> None:
        index = self._calls.pop(id, None)
        if index is not None:
            uses = self._ledger[index].tools
            running = next(use for use in uses if use.id == id and use.state == "running")
            ended = replace(running, **fields)
            self._ledger.change(index, tools=tuple(ended if use is running else use for use in uses))

    def _tool_result(self, event: ToolResult, now_ms: float) -> None:
        self._end_call(
            event.id,
            result=event.result,
            error=event.error,
            duration_ms=event.duration_ms,
            state="done" if event.error is None else "failed",
        )
        if not self._calls:
            self._step(event)

    def _tool_call_cancelled(self, event: ToolCallCancelled, now_ms: float) -> None:
        for id in event.ids:
            self._end_call(id, state="cancelled")
        if not self._calls:
            self._leave_held_turn()
            self._step_and_ask_again(event)


_HANDLERS: dict[type, Callable[[Conversation, Any, float], None]] = {
    ActivityStart: Conversation._activity_start,
    ActivityEnd: Conversation._activity_end,
    TextSent: Conversation._text_sent,
    InputTranscript: Conversation._input_transcript,
    InterimInputTranscript: Conversation._input_transcript,
    OutputAudio: Conversation._sound,
    OutputText: Conversation._sound,
    OutputMedia: Conversation._sound,
    OutputTranscript: Conversation._output_transcript,
    Thought: Conversation._thought,
    GenerationComplete: Conversation._generation_complete,
    TurnComplete: Conversation._turn_complete,
    WaitingForInput: Conversation._waiting_for_input,
    Interrupted: Conversation._interrupted,
    SessionEnded: Conversation._session_ended,
    ToolCall: Conversation._tool_call,
    ToolCallCancelled: Conversation._tool_call_cancelled,
    ToolResult: Conversation._tool_result,
}
