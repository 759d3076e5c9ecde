"""The model's half of a talk: what it said, how far it was heard, and when its turn was over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from livewidget.events import (
    Event,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    Thought,
    ToolCall,
    TurnComplete,
)
from livewidget.turns.calls import Calls
from livewidget.turns.floor import Chair, Floor
from livewidget.turns.ledger import Ledger
from livewidget.turns.turn import AUDIO_RATE, Span, Turn, spoken_samples
from livewidget.turns.user_half import UserHalf

#: An output transcript this soon after the turn's end, with nothing asked since, belongs to that turn.
LATE_MS = 1000.0


class ModelHalf:
    """The model's turns.

    Attributes:
        turn: Index of the open turn; None between turns.
    """

    def __init__(self, ledger: Ledger, chair: Chair, user: UserHalf, calls: Calls) -> None:
        self.turn: int | None = None
        self._ledger = ledger
        self._chair = chair
        self._user = user
        self._calls = calls
        self._generated: int | None = None
        self._held = False
        self._spoke_since_call = True
        self._void: int | None = None
        self._last: tuple[int, float] | None = None

    # What it says.

    def open(self) -> int:
        """Return the index of the open turn, begun here if there is none."""
        if self.turn is None:
            self._user.answer()
            self._void = None
            self._spoke_since_call = True
            self.turn = self._ledger.number()
            self._ledger.add(self.turn, "model")
        return self.turn

    def sound(self, event: OutputAudio | OutputText | OutputMedia, now_ms: float) -> None:
        """Sound or text of the answer has come."""
        index = self.open()
        turn = self._ledger[index]
        self._spoke_since_call = True
        if isinstance(event, OutputAudio):
            samples = len(event.data) // 2 * AUDIO_RATE // event.sample_rate
            turn = self._ledger.amend(index, audio_samples=turn.audio_samples + samples)
        elif isinstance(event, OutputText) and event.text:
            # Not spread as a transcript is: without sound, all of it shows at once.
            sample = max(turn.audio_samples, turn.spans[-1].sample if turn.spans else 0)
            self._ledger.change(index, spans=(*turn.spans, Span(event.text, sample)))
        asked_ms = self._user.waited_since()
        if asked_ms is not None and turn.latency_ms is None:
            self._ledger.change(index, latency_ms=now_ms - asked_ms)
        self._chair.step(event)

    def transcript(self, event: OutputTranscript, now_ms: float) -> None:
        """Words of the answer have come, with the sound, ahead of it or late."""
        if not event.text:
            return
        late = self._late_turn(now_ms)
        index = self.open() if late is None else late
        turn = self._ledger[index]
        sample = turn.audio_samples
        if turn.spans:
            sample = max(sample, turn.spans[-1].sample + spoken_samples(turn.spans[-1].text))
        self._ledger.change(index, spans=(*turn.spans, Span(event.text, sample)))

    def _late_turn(self, now_ms: float) -> int | None:
        """Return the closed turn to which an output transcript belongs that comes late."""
        if self.turn is not None:
            return None
        if self._void is not None:
            return self._void
        if self._last is not None and not self._chair.asked and now_ms - self._last[1] <= LATE_MS:
            return self._last[0]
        return None

    def thought(self, event: Thought) -> None:
        """The model tells what it thinks."""
        index = self.open()
        self._ledger.change(index, thoughts=self._ledger[index].thoughts + event.text)

    def call(self, event: ToolCall) -> None:
        """The model calls a function. A call that came before changes nothing."""
        if event.id not in self._calls:
            self._calls.start(self.open(), event)
            self._spoke_since_call = False
            self._chair.step(event)

    # How its turns end.

    def generation_complete(self) -> None:
        """All of the answer has been sent."""
        self._generated = self.turn

    def complete(self, event: TurnComplete, now_ms: float) -> None:
        """The service completes a turn: the open one, unless a tool's result is still to be spoken of."""
        if self.turn is None and self._void is not None:
            self._void = None
            return
        if self.turn is not None:
            waiting = self._calls.waited_for_in(self.turn)
            self._held = waiting or not (self._spoke_since_call or self._held)
            if self._held:
                if self._chair.floor is Floor.MODEL:
                    self._chair.step_and_ask_again(event)
                return
            self._generated = self.turn
        else:
            self._chair.asked = []
        self._close(now_ms)
        self._user.close()
        self._chair.step_and_ask_again(event)

    def interrupt(self, event: Event, now_ms: float) -> None:
        """The model was cut off."""
        if self.turn is not None:
            self._void = self.turn
            self._held = False
            self._close(now_ms, interrupted=True)
        self._user.interrupted()
        self._chair.step_and_ask_again(event)

    def end(self, now_ms: float) -> None:
        """The session is over."""
        self._held = False
        if self.turn is not None:
            self._close(now_ms, interrupted=self._generated != self.turn)

    def leave_held(self) -> None:
        """The user goes on while a turn is held open for a tool: its answer will be a turn of its own."""
        if self._held:
            self._held = False
            self._close(float("-inf"))

    def _close(self, now_ms: float, **fields: Any) -> None:
        if self.turn is not None:
            self._ledger.change(self.turn, final=True, **fields)
            self._last = (self.turn, now_ms)
            self.turn = None

    # How far it was heard.

    def heard(self, index: int, sample: int) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        turn = self._ledger.get(index)
        if turn is None or turn.speaker != "model" or not turn.final:
            return []
        whole = sample >= turn.audio_samples and index == self._generated
        sample = max(0, min(sample, turn.audio_samples))
        cut = replace(turn, interrupted=not whole, heard_sample=None if whole else sample)
        return [] if cut == turn else [self._ledger.put(cut)]
