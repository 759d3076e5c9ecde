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

The user's half of a talk: what was said or typed, and when it ended.

The model's half of a talk: what it said, how far it was heard, and when its turn was over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    CodeResult,
    ConnectionReplaced,
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
    SessionStarted,
    TextSent,
    Thought,
    ToolApprovalRequested,
    ToolApproved,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    ToolUpdate,
    TurnComplete,
    UrlContext,
    WaitingForInput,
)
from livewidget.turns.floor import Floor, FloorState
from livewidget.turns.metadata import (
    THOUGHTS_LENGTH,
    Runs,
    language_of,
    pages_of,
    queries_of,
    sources_of,
    tells,
)
from livewidget.turns.store import Calls, Outgoing, Playing, TurnStore, heard_for, timing_of
from livewidget.turns.tracker import TurnTracker, apart
from livewidget.turns.turn import AUDIO_RATE, Span, Turn, spoken_samples

#: Words that come this soon after the model's turn may still belong to what it answered, or did not.
LATE_WORDS_MS: Final = 2000.0


class UserTurns:
    """The user's turns.

    Attributes:
        turn: The spoken turn, its index reserved before there is text; None after typed text.
        answered: Whether the model has begun to answer that turn, or has chosen not to.
    """

    def __init__(self, store: TurnStore, floor_state: FloorState, outgoing: Outgoing) -> None:
        self.turn: int | None = None
        self.answered = False
        self._store = store
        self._floor_state = floor_state
        self._outgoing = outgoing
        self._finished = False
        self._adopted: int | None = None
        self._ended_ms: float | None = None
        self._end_known = False
        self._decision_ms: float | None = None
        self._announced = False
        self._left_ms: float | None = None
        self._over_ms: float | None = None
        self._language: str | None = None
        self._images = 0

    def owns(
        self, event: InputTranscript | InterimInputTranscript, model_turn: int | None, now_ms: float
    ) -> bool:
        """Return whether a transcript belongs to the speech already known, answered or not."""
        if self.turn is None:
            return False
        if not self.answered:
            return True
        turn = self._store.get(self.turn)
        if turn is None or not turn.spans:
            return True
        if isinstance(event, InterimInputTranscript) or self._finished:
            return False
        if self._adopted == self.turn:
            return True
        if model_turn is not None and self._left_ms is None:
            return True
        # Where starts of speech are announced, words without one are late; elsewhere they may be the start.
        over_ms = self._left_ms if self._left_ms is not None or not self._announced else self._over_ms
        return over_ms is not None and now_ms - over_ms <= LATE_WORDS_MS

    def begin(self) -> None:
        """The user speaks: in a new turn, or going on in one that nobody has answered."""
        if self.turn is None or self.answered:
            self.close()
            self._reserve()
            self.answered = False

    def start(self, event: ActivityStart) -> None:
        """The start of speech was announced, or inferred."""
        self._announced = self._announced or not event.inferred
        self._floor_state.asked = [event]
        self._forget_end()
        self._floor_state.step(event)

    def end(self, event: ActivityEnd, now_ms: float) -> None:
        """The end of speech was announced."""
        if not self.answered:
            self._ended_ms, self._end_known = now_ms, True
            if event.offset_ms is not None:
                self._decision_ms = self._outgoing.since(event.offset_ms, now_ms)
        if self._floor_state.asked:
            self._floor_state.asked = [ActivityStart(), event]
        self._floor_state.step(event)

    def typed(self, event: TextSent, now_ms: float) -> None:
        """Text was typed: a turn at once."""
        self.turn = None
        index = self._store.number()
        self._add(index)
        self._store.change(index, spans=(Span(event.text),), final=True)
        self._floor_state.asked = [event]
        self._forget_end()
        self._ended_ms, self._end_known = now_ms, True
        self._floor_state.step(event)

    def transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        """Add to the spoken turn what was heard of it."""
        index = self.turn
        assert index is not None
        if index not in self._store:
            self._add(index)
        turn = self._store[index]
        if isinstance(event, InterimInputTranscript):
            self._store.change(index, interim=event.text, final=self.answered)
        else:
            spans = turn.spans[:-1] if self._adopted == index else turn.spans
            self._adopted = None
            fields: dict[str, Any] = {"spans": (*spans, Span(event.text)), "interim": ""}
            language, self._language = self._language or turn.language, None
            self._store.change(index, **fields, language=language, final=self.answered)
        if not self.answered and not self._end_known:
            self._ended_ms = now_ms

    def speaks(self, code: str | None) -> None:
        """The service says what language is spoken, with words of it or before them."""
        language = language_of(code)
        turn = self._store.get(None if self.answered else self.turn)
        if language is None or (turn is not None and turn.language == language):
            return
        if turn is not None and turn.language is None:
            self._store.change(turn.index, language=language)
        else:
            self._language = language

    def picture(self) -> None:
        """A picture was sent: it belongs to what is being said, or else to what is said next."""
        turn = self._store.get(None if self.answered else self.turn)
        if turn is None:
            self._images += 1
        else:
            self._store.change(turn.index, images=turn.images + 1)

    def leave(self, now_ms: float | None) -> None:
        """The model has chosen not to answer. None: it answers after all."""
        self._left_ms = now_ms

    def over(self, now_ms: float) -> None:
        """The model's turn is over."""
        self._over_ms = now_ms

    def finish(self) -> None:
        """The service says that a transcript is whole."""
        if self.turn in self._store:
            self._finished = True
            self.close()

    def close(self) -> None:
        """The spoken turn is over: what was only guessed so far becomes its text."""
        turn = self._store.get(self.turn)
        if turn is None:
            return
        if turn.interim:
            self._adopted = turn.index
            self._store.change(turn.index, spans=(*turn.spans, Span(turn.interim)), interim="", final=True)
        elif not turn.final:
            self._store.change(turn.index, final=True)

    def moved(self, *, again: bool) -> None:
        """The talk goes on over another connection; `again`: what nobody answered was sent again."""
        if not again:
            self._floor_state.asked = []
            self.close()
            self.turn = None
        elif self.turn is not None and not self.answered:
            self._finished, self._adopted = False, None
            if self.turn in self._store:
                self._store.change(self.turn, spans=(), interim="", final=False)

    def answer(self) -> None:
        """The model begins to answer. Where nothing was heard, a number stays free for a late transcript."""
        if self.turn is None or self.answered:
            if not any(isinstance(asked, TextSent) for asked in self._floor_state.asked):
                self._reserve()
        elif (turn := self._store.get(self.turn)) is not None and not turn.final:
            self._store.change(turn.index, final=True)
        self.answered = True
        self._floor_state.asked = []

    def interrupted(self) -> None:
        """The model was cut off: what is said now is not what it was answering."""
        if self.answered:
            self.close()
            self.turn = None

    def waited_since(self) -> tuple[float | None, float | None]:
        """Return when the user's speech or text ended, and how long it took to notice that.

        Told once, for the first sound of the answer.
        """
        ended_ms, decision_ms = self._ended_ms, self._decision_ms
        self._forget_end()
        return ended_ms, decision_ms

    def _forget_end(self) -> None:
        self._ended_ms, self._end_known, self._decision_ms = None, False, None

    def _reserve(self) -> None:
        self.turn = self._store.number()
        self._finished = False
        self._left_ms = self._over_ms = None

    def _add(self, index: int) -> None:
        self._store.add(index, "user")
        images, self._images = self._images, 0
        if images:
            self._store.change(index, images=images)


#: An output transcript this soon after the turn's end, with nothing asked since, belongs to that turn.
LATE_MS = 1000.0
#: Words and the sound they belong to come this close to each other, the words first.
TOGETHER_MS = 100.0


class ModelTurns:
    """The model's turns.

    Attributes:
        turn: Index of the open turn; None between turns.
        link_ms: Round trip of the link in milliseconds, where it is known.
    """

    def __init__(self, store: TurnStore, floor_state: FloorState, user: UserTurns, calls: Calls) -> None:
        self.turn: int | None = None
        self.link_ms: float | None = None
        self._store = store
        self._floor_state = floor_state
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
            self.turn = self._store.number()
            self._store.add(self.turn, "model")
        return self.turn

    def _speak(self) -> int:
        """Return the index of the open turn, in which the model now says something."""
        index = self.open()
        if self._store[index].declined:
            self._store.change(index, declined=False)
            self._user.leave(None)
            self._held = False
        return index

    def sound(self, event: OutputAudio | OutputText | OutputMedia, now_ms: float) -> None:
        """Sound or text of the answer has come."""
        unasked = self.turn is None and self._void is None and not self._floor_state.asked
        index = self._speak()
        if unasked:
            self._claim(index, now_ms)
        turn = self._store[index]
        self._spoke_since_call = self._speaking = True
        self._held = False
        if isinstance(event, OutputAudio):
            samples = len(event.data) // 2 * AUDIO_RATE // event.sample_rate
            turn = self._store.patch(index, audio_samples=turn.audio_samples + samples)
        elif isinstance(event, OutputText) and event.text:
            # Not spread as a transcript is: without sound, all of it shows at once.
            sample = max(turn.audio_samples, turn.spans[-1].sample if turn.spans else 0)
            self._store.change(index, spans=(*turn.spans, Span(self._after_pause(turn, event.text), sample)))
        self._time(index, now_ms)
        self._floor_state.step(event)

    def _claim(self, index: int, now_ms: float) -> None:
        """Take over words that seemed late: the model speaks unasked, as of a result, and they came first."""
        late, self._late = self._late, None
        if late is not None and now_ms - late[2] <= TOGETHER_MS:
            spans = self._store[late[0]].spans
            words = "".join(span.text for span in spans[late[1] :])
            self._store.change(late[0], spans=spans[: late[1]])
            self._store.change(index, spans=(Span(words),))

    def _time(self, index: int, now_ms: float) -> None:
        """Take the time of an answer at its first sound."""
        asked_ms, decision_ms = self._user.waited_since()
        if asked_ms is None or self._store[index].latency_ms is not None:
            return
        tool_ms = self._calls.busy_ms(index, asked_ms, now_ms)
        latency_ms = now_ms - asked_ms
        timing = timing_of(latency_ms, tool_ms, link_ms=self.link_ms, decision_ms=decision_ms)
        self._store.change(index, latency_ms=latency_ms, timing=timing)
        self._playing.begin(index, now_ms)

    def transcript(self, event: OutputTranscript, now_ms: float) -> None:
        """Words of the answer have come, with the sound, ahead of it or late."""
        self._language = language_of(event.language) or self._language
        if not event.text:
            return
        late = self._late_turn(now_ms)
        index = self._speak() if late is None else late
        turn = self._store[index]
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
        self._store.change(index, spans=spans, language=language, declined=False)

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
        if self._last is not None and not self._floor_state.asked and now_ms - self._last[1] <= LATE_MS:
            return self._last[0]
        return None

    def thought(self, event: Thought) -> None:
        """The model tells what it thinks."""
        index = self.open()
        thoughts = (self._store[index].thoughts + event.text)[:THOUGHTS_LENGTH]
        self._store.change(index, thoughts=thoughts)

    def note(self, event: Grounding | UrlContext | ExecutableCode | CodeResult, now_ms: float) -> None:
        """The service tells what the answer rests on, or runs code for it; also just after it."""
        if not tells(event):
            return
        late = self._late_turn(now_ms)
        if late is None and self.turn is None and not self._floor_state.asked and self._last is not None:
            late = self._last[0]
        index = self.open() if late is None else late
        turn = self._store[index]
        match event:
            case Grounding(metadata=metadata):
                sources, queries = sources_of(metadata, turn.sources), queries_of(metadata, turn.queries)
                self._store.change(index, sources=sources, queries=queries)
            case UrlContext(metadata=metadata):
                self._store.change(index, pages=pages_of(metadata, turn.pages))
            case ExecutableCode():
                self._store.change(index, code=self._runs.code(event))
            case CodeResult():
                self._store.change(index, code=self._runs.result(event))

    def call(self, event: ToolCall, now_ms: float) -> None:
        """The model calls a function. A call that came before changes nothing."""
        if event.id not in self._calls:
            self._calls.start(self._speak(), event, now_ms)
            self._spoke_since_call = self._held = False
            self._floor_state.step(event)

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
            self._held = more and not self._floor_state.asked
            self._speaking = self._owed = False
            if self._held:
                self._goes_on = True
                if self._floor_state.floor is Floor.MODEL:
                    self._floor_state.step_and_ask_again(event)
                return
            self._generated = self.turn
        else:
            self._floor_state.asked = []
        self._close(now_ms)
        self._user.close()
        self._floor_state.step_and_ask_again(event)

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
            self._floor_state.step_and_ask_again(TurnComplete())

    def wait(self, event: WaitingForInput, now_ms: float) -> None:
        """The model chose not to answer what was asked: a turn without words, open in case it does yet."""
        self._user.close()
        if self.turn is not None or self._floor_state.asked:
            index = self.open()
            turn = self._store[index]
            if not (turn.spans or turn.audio_samples or turn.tools or turn.code):
                self._store.change(index, declined=True)
                self._user.leave(now_ms)
                self._held = True
        self._floor_state.step(event)

    def interrupt(self, event: Event, now_ms: float) -> None:
        """The model was cut off."""
        if self.turn is not None:
            self._void = self.turn
            self._held = False
            self._close(now_ms, interrupted=not self._store[self.turn].declined)
        self._user.interrupted()
        self._floor_state.step_and_ask_again(event)

    def end(self, now_ms: float) -> None:
        """The session is over."""
        self._held = self._working = False
        if self.turn is not None:
            whole = self._generated == self.turn or self._store[self.turn].declined
            self._close(now_ms, interrupted=not whole)

    def leave_held(self) -> None:
        """The user goes on while a turn is held open, for a tool or for words: the next is one of its own."""
        if self._held:
            self._held = False
            self._close(float("-inf"))

    def _close(self, now_ms: float, **fields: Any) -> None:
        if self.turn is not None:
            self._store.change(self.turn, final=True, **fields)
            self._last = (self.turn, now_ms)
            self._user.over(now_ms)
            self.turn = None

    # How far it was heard.

    def playback_stopped(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        turn = self._store.get(index)
        if turn is None or turn.speaker != "model" or not turn.final or turn.declined:
            return []
        whole = sample >= turn.audio_samples and index == self._generated
        sample = max(0, min(sample, turn.audio_samples))
        timing = heard_for(turn.timing, self._playing.over(index, sample, now_ms))
        cut = replace(turn, interrupted=not whole, heard_sample=None if whole else sample, timing=timing)
        return [] if cut == turn else [self._store.put(cut)]

    def playback_progress(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Take in how far playback is; returns the turns of which the last sound has now been heard."""
        over: list[tuple[int, float | None]] = []
        for earlier in self._playing.before(index):
            # The player has gone on to a later turn: so this one was heard to its end.
            over.append((earlier, self._playing.over(earlier, self._store[earlier].audio_samples, now_ms)))
        turn = self._store.get(index)
        if turn is not None:
            whole = turn.final or index == self._generated
            over.append(
                (index, self._playing.played(index, sample, turn.audio_samples if whole else None, now_ms))
            )
        return [
            self._store.patch(done, timing=heard_for(self._store[done].timing, heard_ms))
            for done, heard_ms in over
            if heard_ms is not None
        ]


class ConversationTracker(TurnTracker):
    """A talk in turns: the user's half, the model's half, and what joins them."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = Calls(self._store)
        self._user = UserTurns(self._store, self._floor_state, self._outgoing)
        self._model = ModelTurns(self._store, self._floor_state, self._user, self._calls)

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
        return self._store.changed()

    def playback_progress(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Take in how far playback is; returns the turns heard to their end."""
        return self._model.playback_progress(index, sample, now_ms)

    def playback_stopped(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        return self._model.playback_stopped(index, sample, now_ms)

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
            case ToolApprovalRequested() | ToolApproved() | ToolUpdate():
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
            case ConnectionReplaced(replayed=replayed):
                self._outgoing.begin()
                self._model.end(now_ms)
                self._user.moved(again=replayed)
                self._floor_state.step_and_ask_again(event)
            case SessionEnded():
                self._calls.cancel_all(now_ms)
                self._model.end(now_ms)
                self._user.close()
                self._floor_state.asked = []
                self._floor_state.step(event)

    def _begin_speech(self) -> None:
        self._user.begin()
        self._model.leave_held()

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if isinstance(event, InputTranscript):
            self._user.speaks(event.language)
        if event.text:
            if not self._user.owns(event, self.model_turn, now_ms):
                self._begin_speech()
                self._floor_state.asked = self._floor_state.asked or [ActivityStart(inferred=True)]
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
                    self._floor_state.step(event)
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
                    self._floor_state.step_and_ask_again(event)
