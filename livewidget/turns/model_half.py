"""The model's half of a talk: what it said, how far it was heard, and when its turn was over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from livewidget.events import (
    CodeResult,
    Event,
    ExecutableCode,
    Grounding,
    InteractionStatus,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    Thought,
    ToolCall,
    TurnComplete,
    UrlContext,
    WaitingForInput,
)
from livewidget.turns.calls import Calls
from livewidget.turns.floor import Chair, Floor
from livewidget.turns.hearing import apart
from livewidget.turns.ledger import Ledger
from livewidget.turns.metadata import (
    THOUGHTS_LENGTH,
    Runs,
    language_of,
    pages_of,
    queries_of,
    sources_of,
    tells,
)
from livewidget.turns.timing import Playing, heard_for, timing_of
from livewidget.turns.turn import AUDIO_RATE, Span, Turn, spoken_samples
from livewidget.turns.user_half import UserHalf

#: An output transcript this soon after the turn's end, with nothing asked since, belongs to that turn.
LATE_MS = 1000.0
#: Words and the sound they belong to come this close to each other, the words first.
TOGETHER_MS = 100.0


class ModelHalf:
    """The model's turns.

    Attributes:
        turn: Index of the open turn; None between turns.
        link_ms: Round trip of the link in milliseconds, where it is known.
    """

    def __init__(self, ledger: Ledger, chair: Chair, user: UserHalf, calls: Calls) -> None:
        self.turn: int | None = None
        self.link_ms: float | None = None
        self._ledger = ledger
        self._chair = chair
        self._user = user
        self._calls = calls
        self._runs = Runs()
        self._playing = Playing()
        self._language: str | None = None
        self._generated: int | None = None
        self._held = False  # The service completed it, it says nothing now, and there may be more to come.
        self._goes_on = False  # the next words are said after a pause
        self._working = False
        self._spoke_since_call = True
        self._speaking = False  # It has said something that the service has not completed.
        self._owed = False  # It was told of a result while it spoke, and will speak of that afterwards.
        self._void: int | None = None
        self._last: tuple[int, float] | None = None
        # Of the words that came late: their turn, how many spans it had before, and when the first came.
        self._late: tuple[int, int, float] | None = None

    # What it says.

    def open(self) -> int:
        """Return the index of the open turn, begun here if there is none."""
        if self.turn is None:
            self._user.answer()
            self._void = None
            self._spoke_since_call, self._speaking, self._owed = True, False, False
            self._runs = Runs()
            self._goes_on = False
            self.turn = self._ledger.number()
            self._ledger.add(self.turn, "model")
        return self.turn

    def _speak(self) -> int:
        """Return the index of the open turn, in which the model now says something."""
        index = self.open()
        if self._ledger[index].waited:
            self._ledger.change(index, waited=False)
            self._user.leave(None)
            self._held = False
        return index

    def sound(self, event: OutputAudio | OutputText | OutputMedia, now_ms: float) -> None:
        """Sound or text of the answer has come."""
        unasked = self.turn is None and self._void is None and not self._chair.asked
        index = self._speak()
        if unasked:
            self._claim(index, now_ms)
        turn = self._ledger[index]
        self._spoke_since_call = self._speaking = True
        self._held = False
        if isinstance(event, OutputAudio):
            samples = len(event.data) // 2 * AUDIO_RATE // event.sample_rate
            turn = self._ledger.amend(index, audio_samples=turn.audio_samples + samples)
        elif isinstance(event, OutputText) and event.text:
            # Not spread as a transcript is: without sound, all of it shows at once.
            sample = max(turn.audio_samples, turn.spans[-1].sample if turn.spans else 0)
            self._ledger.change(index, spans=(*turn.spans, Span(self._after_pause(turn, event.text), sample)))
        self._time(index, now_ms)
        self._chair.step(event)

    def _claim(self, index: int, now_ms: float) -> None:
        """Take over words that seemed late: the model speaks unasked, as of a result, and they came first."""
        late, self._late = self._late, None
        if late is not None and now_ms - late[2] <= TOGETHER_MS:
            spans = self._ledger[late[0]].spans
            words = "".join(span.text for span in spans[late[1] :])
            self._ledger.change(late[0], spans=spans[: late[1]])
            self._ledger.change(index, spans=(Span(words),))

    def _time(self, index: int, now_ms: float) -> None:
        """Take the time of an answer at its first sound."""
        asked_ms, decision_ms = self._user.waited_since()
        if asked_ms is None or self._ledger[index].latency_ms is not None:
            return
        tool_ms = self._calls.busy_ms(index, asked_ms, now_ms)
        latency_ms = now_ms - asked_ms
        timing = timing_of(latency_ms, tool_ms, link_ms=self.link_ms, decision_ms=decision_ms)
        self._ledger.change(index, latency_ms=latency_ms, timing=timing)
        self._playing.begin(index, now_ms)

    def transcript(self, event: OutputTranscript, now_ms: float) -> None:
        """Words of the answer have come, with the sound, ahead of it or late."""
        self._language = language_of(event.language) or self._language
        if not event.text:
            return
        late = self._late_turn(now_ms)
        index = self._speak() if late is None else late
        turn = self._ledger[index]
        if late is not None and self._void is None:
            known = self._late
            if known is None or known[0] != late or now_ms - known[2] > TOGETHER_MS:
                self._late = (late, len(turn.spans), now_ms)
        sample = turn.audio_samples
        if turn.spans:
            sample = max(sample, turn.spans[-1].sample + spoken_samples(turn.spans[-1].text))
        language, self._language = self._language or turn.language, None
        text = event.text if late is not None else self._after_pause(turn, event.text)
        spans = (*turn.spans, Span(text, sample))
        self._ledger.change(index, spans=spans, language=language, waited=False)

    def _after_pause(self, turn: Turn, text: str) -> str:
        """Return what is said next, apart from what was said before the service completed the turn."""
        goes_on, self._goes_on = self._goes_on, False
        return apart(turn.spans, text) if goes_on else text

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
        thoughts = (self._ledger[index].thoughts + event.text)[:THOUGHTS_LENGTH]
        self._ledger.change(index, thoughts=thoughts)

    def note(self, event: Grounding | UrlContext | ExecutableCode | CodeResult, now_ms: float) -> None:
        """The service tells what the answer rests on, or runs code for it; also just after it."""
        if not tells(event):
            return
        late = self._late_turn(now_ms)
        if late is None and self.turn is None and not self._chair.asked and self._last is not None:
            late = self._last[0]
        index = self.open() if late is None else late
        turn = self._ledger[index]
        match event:
            case Grounding(metadata=metadata):
                sources, queries = sources_of(metadata, turn.sources), queries_of(metadata, turn.queries)
                self._ledger.change(index, sources=sources, queries=queries)
            case UrlContext(metadata=metadata):
                self._ledger.change(index, pages=pages_of(metadata, turn.pages))
            case ExecutableCode():
                self._ledger.change(index, code=self._runs.code(event))
            case CodeResult():
                self._ledger.change(index, code=self._runs.result(event))

    def call(self, event: ToolCall, now_ms: float) -> None:
        """The model calls a function. A call that came before changes nothing."""
        if event.id not in self._calls:
            self._calls.start(self._speak(), event, now_ms)
            self._spoke_since_call = self._held = False
            self._chair.step(event)

    def told(self, index: int | None) -> None:
        """The model was told what a call of that turn gave: it will speak of it, after what it says now."""
        if index is not None and index == self.turn:
            self._owed = self._spoke_since_call and self._speaking

    # How its turns end.

    def generation_complete(self) -> None:
        """All of the answer has been sent."""
        self._generated = self.turn

    def status(self, event: InteractionStatus) -> None:
        """A model that works in the background says whether there is more to come."""
        self._working = event.status == "IN_PROGRESS"

    def complete(self, event: TurnComplete, now_ms: float) -> None:
        """The service completes a turn: the open one, unless there is more to come of it."""
        if self.turn is None and self._void is not None:
            self._void = None
            return
        if self.turn is not None:
            waiting = self._working or self._calls.waited_for_in(self.turn)
            more = waiting or self._owed or not (self._spoke_since_call or self._held)
            # What the user has asked meanwhile is answered in a turn of its own, as after `leave_held`.
            self._held = more and not self._chair.asked
            self._speaking = self._owed = False
            if self._held:
                self._goes_on = True
                if self._chair.floor is Floor.MODEL:
                    self._chair.step_and_ask_again(event)
                return
            self._generated = self.turn
        else:
            self._chair.asked = []
        self._close(now_ms)
        self._user.close()
        self._chair.step_and_ask_again(event)

    def settle(self, told: bool, now_ms: float) -> None:
        """A result came that the model will not speak of; `told`: others came before it, of which it may."""
        assert self.turn is not None
        if not self._held:
            self._spoke_since_call = self._spoke_since_call or not told
            return
        more = self._working or self._owed or self._calls.waited_for_in(self.turn)
        if not more and (self._spoke_since_call or not told):
            self._held = False
            self._generated = self.turn
            self._close(now_ms)
            self._user.close()
            self._chair.step_and_ask_again(TurnComplete())

    def wait(self, event: WaitingForInput, now_ms: float) -> None:
        """The model chose not to answer what was asked: a turn without words, open in case it does yet."""
        self._user.close()
        if self.turn is not None or self._chair.asked:
            index = self.open()
            turn = self._ledger[index]
            if not (turn.spans or turn.audio_samples or turn.tools or turn.code):
                self._ledger.change(index, waited=True)
                self._user.leave(now_ms)
                self._held = True
        self._chair.step(event)

    def interrupt(self, event: Event, now_ms: float) -> None:
        """The model was cut off."""
        if self.turn is not None:
            self._void = self.turn
            self._held = False
            self._close(now_ms, interrupted=not self._ledger[self.turn].waited)
        self._user.interrupted()
        self._chair.step_and_ask_again(event)

    def end(self, now_ms: float) -> None:
        """The session is over."""
        self._held = self._working = False
        if self.turn is not None:
            whole = self._generated == self.turn or self._ledger[self.turn].waited
            self._close(now_ms, interrupted=not whole)

    def leave_held(self) -> None:
        """The user goes on while a turn is held open, for a tool or for words: the next is one of its own."""
        if self._held:
            self._held = False
            self._close(float("-inf"))

    def _close(self, now_ms: float, **fields: Any) -> None:
        if self.turn is not None:
            self._ledger.change(self.turn, final=True, **fields)
            self._last = (self.turn, now_ms)
            self._user.over(now_ms)
            self.turn = None

    # How far it was heard.

    def heard(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        turn = self._ledger.get(index)
        if turn is None or turn.speaker != "model" or not turn.final or turn.waited:
            return []
        whole = sample >= turn.audio_samples and index == self._generated
        sample = max(0, min(sample, turn.audio_samples))
        timing = heard_for(turn.timing, self._playing.over(index, sample, now_ms))
        cut = replace(turn, interrupted=not whole, heard_sample=None if whole else sample, timing=timing)
        return [] if cut == turn else [self._ledger.put(cut)]

    def played(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Take in how far playback is; returns the turns of which the last sound has now been heard."""
        over: list[tuple[int, float | None]] = []
        for earlier in self._playing.before(index):
            # The player has gone on to a later turn: so this one was heard to its end.
            over.append((earlier, self._playing.over(earlier, self._ledger[earlier].audio_samples, now_ms)))
        turn = self._ledger.get(index)
        if turn is not None:
            whole = turn.final or index == self._generated
            over.append(
                (index, self._playing.played(index, sample, turn.audio_samples if whole else None, now_ms))
            )
        return [
            self._ledger.amend(done, timing=heard_for(self._ledger[done].timing, heard_ms))
            for done, heard_ms in over
            if heard_ms is not None
        ]
