"""`ConversationTracker`: turns of a model that completes them.

The wire leaves much undefined, and this is what is done about it:

- A transcript may arrive at any time. A fragment of the user's that arrives after the answer began belongs to
  the question being answered, unless that is finished or another start of speech was announced.
- A model turn answers a user turn. If there is none yet, its index is reserved for a late transcript.
- Only some services set `finished`, so nothing waits for it.
- 2.5 models complete their turn before they receive a tool's result and answer in a second one; here both are
  one turn. The same holds for models that complete a first remark while they think on.
- When the session continues over another connection, the rest of an answer never arrives. User input without
  an answer is sent, and transcribed, again.
- After `Interrupted` the server still completes the turn; that completion does not move the floor. It is no
  different if the model had not begun to answer: what comes then answers whatever interrupted it.
- An agent that hands over to another need not complete its turn: what the other says is a turn of its own.
- The completion may be missing: after an interruption, after `GenerationComplete`, after a tool's result, or
  where there is nothing but a usage report. `is_overdue` says when to go on without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    AgentChanged,
    CodeResult,
    ConnectionReplaced,
    Event,
    ExecutableCode,
    GenerationComplete,
    GoAway,
    Grounding,
    ImageSent,
    InputTranscript,
    InteractionStatus,
    InterimInputTranscript,
    Interrupted,
    Malformed,
    Notice,
    OutputAudio,
    OutputMedia,
    OutputText,
    OutputTranscript,
    ResumptionUpdate,
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
    Unknown,
    UrlContext,
    Usage,
    WaitingForInput,
)
from livewidget.turns.floor import Floor, FloorState
from livewidget.turns.metadata import (
    THOUGHTS_LENGTH,
    CodeRuns,
    has_content,
    language_of,
    pages_of,
    queries_of,
    sources_of,
)
from livewidget.turns.store import (
    SPANS_PER_TURN,
    PlaybackTimes,
    SentAudioTimeline,
    ToolCalls,
    TurnStore,
    timing_of,
)
from livewidget.turns.tracker import TurnTracker
from livewidget.turns.turn import AUDIO_RATE, Span, Timing, Turn, spaced_after

#: How long, in ms, the service has to complete a turn, and the model to go on, after a sign that the turn is
#: over. Chosen: a completion follows its sign at once, or when the answer has been played; a person who waits
#: for nothing should not wait longer than for a slow answer.
OVERDUE_MS: Final = 2000.0
#: The same where the model may well go on: after a report of usage, which also comes amid an answer, and
#: after a completion where it still has to speak of a tool's result. Chosen: the first sound is seldom later.
OVERDUE_PATIENT_MS: Final = 5000.0
#: The same amid an answer, after all that has come was played. Chosen: as `answer_timeout_s`, after which a
#: model that has said nothing is reported.
STALLED_MS: Final = 20_000.0

#: How long after the model's turn, in ms, a user transcript may still belong to the question. Chosen:
#: transcripts of long questions can be that late.
LATE_INPUT_MS: Final = 2000.0


class EndOfInput(NamedTuple):
    """When the input was found to have ended, how long after it had, and whether it was typed."""

    at_ms: float
    decision_ms: float | None
    typed: bool


class UserTurns:
    """The user's turns: what was spoken or typed, and when it ended.

    Attributes:
        turn: Index of the latest spoken turn, reserved before there is text; None after typed text.
        answered: Whether the model has begun to answer that turn, or declined to.
        declined_ms: When the model declined to answer it; None if it did not, or answers after all.
        model_ended_ms: When the model's turn ended after it, or None.
    """

    def __init__(self, store: TurnStore, floor_state: FloorState, sent_audio: SentAudioTimeline) -> None:
        self.turn: int | None = None
        self.answered = False
        self.declined_ms: float | None = None
        self.model_ended_ms: float | None = None
        self._store = store
        self._floor_state = floor_state
        self._sent_audio = sent_audio
        self._finished = False
        # The turn whose last span is a provisional transcript, as no final one arrived before the turn ended.
        self._provisional: int | None = None
        self._speech_ended_ms: float | None = None
        self._end_announced = False
        self._decision_ms: float | None = None
        self._typed = False
        self._start_announced = False
        self._language: str | None = None
        self._images = 0

    def owns(
        self, event: InputTranscript | InterimInputTranscript, model_turn: int | None, now_ms: float
    ) -> bool:
        """Return whether a transcript belongs to the current spoken turn, answered or not."""
        if self.turn is None:
            return False
        if not self.answered:
            return True
        turn = self._store.get(self.turn)
        if turn is None or not turn.spans:
            return True
        if isinstance(event, InterimInputTranscript) or self._finished:
            return False
        if self._provisional == self.turn:
            return True
        if model_turn is not None and self.declined_ms is None:
            return True
        # If the start of speech is announced, a transcript without one is late; else it may be the start.
        ended_ms = self.declined_ms
        if ended_ms is None and self._start_announced:
            ended_ms = self.model_ended_ms
        return ended_ms is not None and now_ms - ended_ms <= LATE_INPUT_MS

    def begin(self) -> None:
        """The user speaks, in a new turn or in the current one if it is unanswered."""
        if self.turn is None or self.answered:
            self.close()
            self._reserve()
            self.answered = False

    def on_activity_start(self, event: ActivityStart) -> None:
        """The start of speech was announced or inferred."""
        self._start_announced = self._start_announced or not event.inferred
        self._floor_state.begin_input(event)
        self._forget_end()
        self._floor_state.step(event)

    def on_activity_end(self, event: ActivityEnd, now_ms: float) -> None:
        """The end of speech was announced."""
        if not self.answered:
            self._speech_ended_ms, self._end_announced = now_ms, True
            if event.offset_ms is not None:
                self._decision_ms = self._sent_audio.since(event.offset_ms, now_ms)
            if self._decision_ms is None:
                self._decision_ms = self._sent_audio.since_speech(now_ms)
        if self._floor_state.pending:
            self._floor_state.pending = [ActivityStart(), event]
        self._floor_state.step(event)

    def on_text(self, event: TextSent, now_ms: float) -> None:
        """Text was typed: a complete turn."""
        self.turn = None
        index = self._store.reserve()
        self._add(index)
        self._store.update(index, spans=(Span(event.text),), final=True)
        self._floor_state.begin_input(event)
        self._forget_end()
        self._speech_ended_ms, self._end_announced, self._typed = now_ms, True, True
        self._floor_state.step(event)

    def on_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        """Add a transcript to the spoken turn."""
        index = self.turn
        assert index is not None
        if index not in self._store:
            self._add(index)
        turn = self._store[index]
        if isinstance(event, InterimInputTranscript):
            self._store.update(index, interim=event.text, final=self.answered)
        else:
            spans = turn.spans[:-1] if self._provisional == index else turn.spans
            self._provisional = None
            fields: dict[str, Any] = {"spans": self._store.extended(spans, Span(event.text)), "interim": ""}
            language, self._language = self._language or turn.language, None
            self._store.update(index, **fields, language=language, final=self.answered)
        if not self.answered and not self._end_announced:
            self._speech_ended_ms = now_ms

    def set_language(self, code: str | None) -> None:
        """Apply the reported language to the current turn, or to the transcript that follows."""
        language = language_of(code)
        turn = self._store.get(None if self.answered else self.turn)
        if language is None or (turn is not None and turn.language == language):
            return
        if turn is not None and turn.language is None:
            self._store.update(turn.index, language=language)
        else:
            self._language = language

    def on_image(self) -> None:
        """An image was sent: count it for the current turn, else for the next."""
        turn = self._store.get(None if self.answered else self.turn)
        if turn is None:
            self._images += 1
        else:
            self._store.update(turn.index, images=turn.images + 1)

    def on_transcript_finished(self) -> None:
        """The service reports that the transcript is complete."""
        if self.turn in self._store:
            self._finished = True
            self.close()

    def close(self) -> None:
        """End the spoken turn: a provisional transcript becomes its text."""
        turn = self._store.get(self.turn)
        if turn is None:
            return
        if turn.interim:
            self._provisional = turn.index
            self._store.update(
                turn.index, spans=self._store.extended(turn.spans, Span(turn.interim)), interim="", final=True
            )
        elif not turn.final:
            self._store.update(turn.index, final=True)

    def on_connection_replaced(self, *, replayed: bool) -> None:
        """Continue over another connection; `replayed`: unanswered input was sent again."""
        if not replayed:
            self._floor_state.pending = []
            self.close()
            self.turn = None
        elif self.turn is not None and not self.answered:
            self._finished, self._provisional = False, None
            if self.turn in self._store:
                self._store.update(self.turn, spans=(), interim="", final=False)

    def on_answer_started(self) -> None:
        """The model begins to answer. Without a transcript yet, reserve an index for a late one."""
        if self.turn is None or self.answered:
            if not any(isinstance(event, TextSent) for event in self._floor_state.pending):
                self._reserve()
        elif (turn := self._store.get(self.turn)) is not None and not turn.final:
            self._store.update(turn.index, final=True)
        self.answered = True
        self._floor_state.pending = []

    def on_interrupted(self) -> None:
        """The model was cut off: what is said from now on is a new turn."""
        if self.answered:
            self.close()
            self.turn = None

    def take_end_of_input(self) -> EndOfInput | None:
        """Return when the user's input ended, if that is known, and forget it."""
        ended_ms, decision_ms, typed = self._speech_ended_ms, self._decision_ms, self._typed
        if ended_ms is not None and not self._end_announced:
            # All that is known of the end is a transcript, which comes later than the words.
            ended_ms -= self._sent_audio.since_speech(ended_ms) or 0.0
        self._forget_end()
        return None if ended_ms is None else EndOfInput(ended_ms, decision_ms, typed)

    def end_of_speech(self, now_ms: float) -> EndOfInput | None:
        """Return when the user last spoke, by the audio alone; None: never, or too long ago to matter."""
        ago_ms = self._sent_audio.since_speech(now_ms)
        return None if ago_ms is None else EndOfInput(now_ms - ago_ms, None, False)

    def _forget_end(self) -> None:
        self._speech_ended_ms, self._end_announced, self._decision_ms = None, False, None
        self._typed = False

    def _reserve(self) -> None:
        self.turn = self._store.reserve()
        self._finished = False
        self.declined_ms = self.model_ended_ms = None

    def _add(self, index: int) -> None:
        self._store.add(index, "user")
        images, self._images = self._images, 0
        if images:
            self._store.update(index, images=images)


#: How long after a model turn, in ms, an output transcript still belongs to it if there was no input since.
#: Chosen: above the usual delay of a transcript.
LATE_OUTPUT_MS: Final = 1000.0
#: Longest time, in ms, between a transcript and the audio that follows it in the same answer. Chosen.
TOGETHER_MS: Final = 100.0


class _LateText(NamedTuple):
    """Text added to a closed turn: which one, its number of spans before, and when the first arrived."""

    turn: int
    spans_before: int
    first_ms: float


class _Untold(NamedTuple):
    """A turn that has begun before anything told of a question, which a late transcript may tell of.

    Attributes:
        question: The user turn that it would answer.
        turn: The turn.
        ended: The end of the speech that it would answer.
        link_ms: Round trip of the link at that time, if known.
        began_ms: When its first output came.
        direct: Whether a page had its sound already.
    """

    question: int
    turn: int
    ended: EndOfInput
    link_ms: float | None
    began_ms: float
    direct: bool


class ModelTurns:
    """The model's turns: what it says and does, and when a turn is over.

    The service completes a turn when the model pauses, also to wait for a tool or to think. Such a turn is
    held open here until the model speaks on, or the user does.

    Attributes:
        turn: Index of the open turn; None between turns.
        generated: Index of the latest turn of which all audio has been sent.
        in_background: Whether the model reports that it works in the background, so that more follows.
        agent: Which agent speaks, after a hand-over; "": the first one.
    """

    def __init__(
        self,
        store: TurnStore,
        floor_state: FloorState,
        user: UserTurns,
        calls: ToolCalls,
        playback: PlaybackTimes,
        *,
        completes_early: bool,
    ) -> None:
        self.turn: int | None = None
        self.generated: int | None = None
        self.in_background = False
        self.agent = ""
        self._completes_early = completes_early
        self._overdue_ms: float | None = None  # When the turn is over, if nothing else comes.
        self._audio_ends_ms = 0.0  # When the audio that has arrived will have been played, at the earliest.
        self._completion_owed = False  # Of an answer cut off before it began, or of one that was overdue.
        self._store = store
        self._floor_state = floor_state
        self._user = user
        self._calls = calls
        self._playback = playback
        self._runs = CodeRuns()
        self._language: str | None = None
        self._held_open = False  # The service has completed the open turn, but more may follow.
        self._resumes = False  # The next text follows a pause.
        self._spoke_since_call = True
        self._has_spoken = False  # It has said something that the service has not completed.
        self._takes_over = False  # The next turn goes on with what another agent has begun to answer.
        self._owes_remark = False  # It received a result while it spoke, and will mention that afterwards.
        self._interrupted: int | None = None  # The turn cut off whose completion has not arrived.
        self._last_closed: int | None = None
        self._last_closed_ms = 0.0
        self._late_text: _LateText | None = None
        self._begun_on: int | None = None  # The user's turn that the latest output answered.
        self._untold: _Untold | None = None

    def open(self) -> int:
        """Return the index of the open turn; begins one if there is none."""
        if self.turn is None:
            if not self._takes_over or self._floor_state.pending:
                self._user.on_answer_started()
            self._takes_over = False
            self._interrupted = None
            self._completion_owed = False
            self._spoke_since_call, self._has_spoken, self._owes_remark = True, False, False
            self._runs = CodeRuns()
            self._resumes = False
            self.turn = self._store.reserve()
            self._store.add(self.turn, "model")
            if self.agent:
                self._store.update(self.turn, agent=self.agent)
        return self.turn

    def on_agent_changed(self, event: AgentChanged, now_ms: float) -> None:
        """Another agent speaks from now on: what the one before has said is a turn of its own."""
        if event.agent == self.agent:
            return
        self.agent = event.agent
        turn = self._store.get(self.turn)
        if turn is None:
            return
        if turn.spans or turn.audio_samples or turn.tools or turn.code:
            self._held_open, self.generated = False, self.turn
            self._close(now_ms)
            self._last_closed = None  # No word that follows is a late one of it.
            self._takes_over = True  # It answers the same words of the user's.
        else:
            self._store.update(turn.index, agent=self.agent)

    def _speak(self) -> int:
        """Return the index of the open turn, as the model speaks or acts in it."""
        index = self.open()
        if self._store[index].declined:
            self._store.update(index, declined=False)
            self._user.declined_ms = None
            self._held_open = False
        return index

    def on_output(
        self, event: OutputAudio | OutputText | OutputMedia, link_ms: float | None, now_ms: float
    ) -> None:
        """Audio, text or media of the answer arrived; `link_ms`: round trip of the link, if known."""
        unprompted = self.turn is None and self._interrupted is None and not self._floor_state.pending
        index = self._speak()
        if unprompted:
            self._claim_late_text(index, now_ms)
        turn = self._store[index]
        self._spoke_since_call = self._has_spoken = True
        self._held_open = False
        if isinstance(event, OutputAudio):
            added = self._store.add_audio(index, event).audio_samples - turn.audio_samples
            self._audio_ends_ms = max(self._audio_ends_ms, now_ms) + added * 1000 / AUDIO_RATE
            self._overdue_ms = self._audio_ends_ms + STALLED_MS
        elif isinstance(event, OutputText) and event.text:
            # Unlike a transcript it is not spread over time: without audio all of it shows at once.
            sample = max(turn.audio_samples, turn.spans[-1].sample if turn.spans else 0)
            said = Span(self._after_pause(turn, event.text), sample)
            self._store.update(index, spans=self._store.extended(turn.spans, said))
        direct = isinstance(event, OutputAudio) and event.samples > 0 and not event.data
        self._measure_latency(index, link_ms, now_ms, direct=direct)
        self._floor_state.step(event)

    def _claim_late_text(self, index: int, now_ms: float) -> None:
        """Move text that seemed late to this turn, which the model begins unprompted."""
        late, self._late_text = self._late_text, None
        if late is not None and now_ms - late.first_ms <= TOGETHER_MS:
            spans = self._store[late.turn].spans
            text = "".join(span.text for span in spans[late.spans_before :])
            self._store.update(late.turn, spans=spans[: late.spans_before])
            self._store.update(index, spans=(Span(text),))

    def _measure_latency(self, index: int, link_ms: float | None, now_ms: float, *, direct: bool) -> None:
        """Measure the latency of an answer at its first output; `direct`: a page has its sound already."""
        ended, question = self._user.take_end_of_input(), self._user.turn
        if self._store[index].timing is not None:
            return
        is_first, self._begun_on = question != self._begun_on, question
        if ended is not None:
            self._set_latency(index, ended, link_ms, now_ms, direct=direct)
        elif is_first and question is not None:
            said = self._user.end_of_speech(now_ms)
            self._untold = None if said is None else _Untold(question, index, said, link_ms, now_ms, direct)

    def on_question_known(self, question: int) -> None:
        """A transcript of a user turn came after the answer began: that answers the speech before it."""
        untold = self._untold
        if untold is not None and untold.question == question and untold.turn in self._store:
            self._untold = None
            self._set_latency(
                untold.turn, untold.ended, untold.link_ms, untold.began_ms, direct=untold.direct
            )

    def _set_latency(
        self, index: int, ended: EndOfInput, link_ms: float | None, now_ms: float, *, direct: bool
    ) -> None:
        tool_ms = self._calls.busy_ms(index, ended.at_ms, now_ms)
        answer_ms = now_ms - ended.at_ms - self._calls.asked_ms(index, ended.at_ms, now_ms)
        timing = timing_of(answer_ms, tool_ms, link_ms=link_ms, decision_ms=ended.decision_ms)
        timing = replace(timing, direct=direct)
        latency_ms = None if ended.typed else timing.first_sound_ms
        self._store.update(index, latency_ms=latency_ms, timing=timing)
        self._playback.begin(index, now_ms)

    def on_transcript(self, event: OutputTranscript, now_ms: float) -> None:
        """A transcript of the answer arrived: with the audio, ahead of it or late."""
        self._language = language_of(event.language) or self._language
        if not event.text:
            return
        late = self._late_turn(now_ms)
        index = self._speak() if late is None else late
        turn = self._store[index]
        if late is not None and self._interrupted is None:
            known = self._late_text
            if known is None or known.turn != late or now_ms - known.first_ms > TOGETHER_MS:
                self._late_text = _LateText(late, len(turn.spans), now_ms)
        language, self._language = self._language or turn.language, None
        text = event.text if late is not None else self._after_pause(turn, event.text)
        spans = self._store.extended(turn.spans, Span(text, turn.next_sample))
        if late is None and index not in self._calls.running.values():
            # Words count as an answer to a result, also without audio. While the call runs they may belong to
            # what was said before it.
            self._spoke_since_call, self._held_open = True, False
        self._store.update(index, spans=spans, language=language, declined=False)

    def _after_pause(self, turn: Turn, text: str) -> str:
        """Return `text`, separated from the text before it if the model paused in between."""
        resumes, self._resumes = self._resumes, False
        return spaced_after(turn.spans, text) if resumes else text

    def _late_turn(self, now_ms: float) -> int | None:
        """Return the closed turn that a late transcript belongs to, or None if it is not late."""
        if self.turn is not None:
            return None
        if self._interrupted is not None:
            return self._interrupted
        if self._last_closed is None or self._floor_state.pending:
            return None
        return self._last_closed if now_ms - self._last_closed_ms <= LATE_OUTPUT_MS else None

    def on_thought(self, event: Thought) -> None:
        """Append to the thought summary."""
        index = self.open()
        thoughts = (self._store[index].thoughts + event.text)[:THOUGHTS_LENGTH]
        self._store.update(index, thoughts=thoughts)

    def on_metadata(self, event: Grounding | UrlContext | ExecutableCode | CodeResult, now_ms: float) -> None:
        """Sources, pages or code of the answer arrived, possibly just after its end."""
        if not has_content(event):
            return
        late = self._late_turn(now_ms)
        if late is None and self.turn is None and not self._floor_state.pending:
            late = self._last_closed
        index = self.open() if late is None else late
        turn = self._store[index]
        match event:
            case Grounding(metadata=metadata):
                sources, queries = sources_of(metadata, turn.sources), queries_of(metadata, turn.queries)
                self._store.update(index, sources=sources, queries=queries)
            case UrlContext(metadata=metadata):
                self._store.update(index, pages=pages_of(metadata, turn.pages))
            case ExecutableCode():
                self._store.update(index, code=self._runs.add_code(event))
            case CodeResult():
                self._store.update(index, code=self._runs.add_result(event))

    def on_tool_call(self, event: ToolCall, now_ms: float) -> None:
        """The model calls a function. A repeated call is ignored."""
        if event.id not in self._calls.running:
            self._calls.start(self._speak(), event, now_ms, self.agent)
            self._spoke_since_call = self._held_open = False
            self._floor_state.step(event)

    def on_result_sent(self, index: int | None) -> None:
        """A value of a call of that turn was sent: the model will mention it after what it says now."""
        if index is not None and index == self.turn:
            self._owes_remark = self._spoke_since_call and self._has_spoken

    def is_overdue(self, now_ms: float) -> bool:
        """Whether the turn is over, or there will be none, although the service has not said so."""
        over = self._overdue_ms is not None and now_ms >= self._overdue_ms
        awaited = self.turn is not None or bool(self._floor_state.pending)
        return over and awaited and not self.in_background and not self._calls.is_awaited

    def watch_end(self, event: Event, now_ms: float) -> None:
        """Find out from an event, before it is applied, when the turn would be overdue.

        Interruptions and completions do so where they are applied.
        """
        match event:
            case GenerationComplete() if self.turn is not None or self._floor_state.pending:
                self._overdue_ms = max(now_ms, self._audio_ends_ms) + OVERDUE_MS
            case InteractionStatus() if self._held_open:
                self._overdue_ms = now_ms + OVERDUE_MS
            case OutputAudio() | OutputText() | OutputTranscript():
                self._overdue_ms = max(now_ms, self._audio_ends_ms) + STALLED_MS
            case ToolResult(remote=True) if self.turn is not None:
                self._overdue_ms = now_ms + STALLED_MS  # An agent may have nothing to say about it.
            case Usage() if self._overdue_ms is None and self._thinks_about_one():
                self._overdue_ms = now_ms + OVERDUE_PATIENT_MS
            case Usage() | ResumptionUpdate() | GoAway() | Notice() | Unknown() | Malformed() | ImageSent():
                pass  # They say nothing about the turn.
            case _:
                self._overdue_ms = None

    @property
    def owes_completion(self) -> bool:
        """Whether an answer was interrupted that the service has not completed since."""
        return self.turn is None and self._interrupted is not None

    def _thinks_about_one(self) -> bool:
        """Whether the model has one input to answer, so that what it ends is the answer to that."""
        state = self._floor_state
        thinks = state.floor is Floor.THINKING or state.end_is_unannounced
        return thinks and state.is_alone and bool(state.pending)

    def on_turn_complete(self, event: TurnComplete, now_ms: float) -> None:
        """Close the open turn, or hold it open if more is expected."""
        if self.turn is None and self._interrupted is not None:
            self._interrupted = None
            return
        if self.turn is None and not event.inferred and (self._completion_owed or self.in_background):
            # It completes what is over already, and the input that came meanwhile is still to be answered; or
            # the model thinks on.
            self._completion_owed = False
            if self._thinks_about_one():
                self._overdue_ms = now_ms + OVERDUE_MS
            return
        if self.turn is not None:
            more = self._expects_more(self.turn) or not (self._spoke_since_call or self._held_open)
            if event.inferred and self._held_open and not self._calls.is_awaited:
                more = False  # An agent's own tool runs on, and need not end.
                self._floor_state.step(ToolCallCancelled(ids=()))
            patient = self._completes_early or self._owes_remark
            # Input made meanwhile is answered in a turn of its own, as after `close_held_open`.
            self._held_open = more and not self._floor_state.pending
            self._has_spoken = self._owes_remark = False
            if self._held_open:
                self._resumes = True
                self._overdue_ms = now_ms + (OVERDUE_PATIENT_MS if patient else OVERDUE_MS)
                if self._floor_state.floor is Floor.MODEL:
                    self._floor_state.step_and_replay_pending(event)
                return
            self.generated = self.turn
        elif self._floor_state.end_is_unannounced:
            self._floor_state.reset()
        else:
            self._floor_state.pending = []
        self._close(now_ms)
        self._user.close()
        self._completion_owed = event.inferred
        self._floor_state.step_and_replay_pending(event)

    def on_silent_result(self, updates_sent: bool, now_ms: float) -> None:
        """A result was sent that the model will not mention, but earlier values if `updates_sent`."""
        assert self.turn is not None
        if not self._held_open:
            self._spoke_since_call = self._spoke_since_call or not updates_sent
            return
        if not self._expects_more(self.turn) and (self._spoke_since_call or not updates_sent):
            self._held_open = False
            self.generated = self.turn
            self._close(now_ms)
            self._user.close()
            self._floor_state.step_and_replay_pending(TurnComplete())

    def _expects_more(self, index: int) -> bool:
        return self.in_background or self._owes_remark or index in self._calls.running.values()

    def on_waiting_for_input(self, event: WaitingForInput, now_ms: float) -> None:
        """The model declined to answer: a turn without text, held open in case it answers yet."""
        self._user.close()
        if self.turn is not None or self._floor_state.pending:
            index = self.open()
            turn = self._store[index]
            if not (turn.spans or turn.audio_samples or turn.tools or turn.code):
                self._store.update(index, declined=True)
                self._user.declined_ms = now_ms
                self._held_open = True
                self._overdue_ms = now_ms + OVERDUE_MS
        self._floor_state.step(event)

    def on_interrupted(self, event: Event, now_ms: float) -> None:
        """The model was cut off."""
        self._takes_over = False
        if self.turn is not None:
            self._interrupted = self.turn
            self._held_open = False
            self._close(now_ms, interrupted=not self._store[self.turn].declined)
        elif self._floor_state.pending:
            self._completion_owed = True
            if self._thinks_about_one():
                speaks = self._floor_state.floor is Floor.USER
                self._overdue_ms = now_ms + (OVERDUE_PATIENT_MS if speaks else OVERDUE_MS)
        self._user.on_interrupted()
        self._floor_state.step_and_replay_pending(event)

    def on_connection_ended(self, now_ms: float) -> None:
        """Close the open turn: the rest of it will not arrive, nor a late word of an earlier one."""
        self._held_open = self.in_background = self._completion_owed = False
        if self.turn is not None:
            complete = self.generated == self.turn or self._store[self.turn].declined
            self._close(now_ms, interrupted=not complete)
        # Nothing that belongs to it comes over another connection: words that follow are of another answer.
        self._interrupted = self._last_closed = self._late_text = None

    def close_held_open(self) -> None:
        """Close a turn that is held open: the user goes on, so that what follows is a turn of its own."""
        if self._held_open:
            self._held_open = False
            self._close(float("-inf"))

    def _close(self, now_ms: float, **fields: Any) -> None:
        if self.turn is not None:
            self._store.update(self.turn, final=True, **fields)
            self._last_closed, self._last_closed_ms = self.turn, now_ms
            self._user.model_ended_ms = now_ms
            self.turn = None


class ConversationTracker(TurnTracker):
    """A conversation whose turns the service completes.

    `completes_early`: the service completes a turn before it receives the result of a tool.
    """

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN, *, completes_early: bool = False) -> None:
        super().__init__(spans_per_turn)
        self._calls = ToolCalls(self._store)
        self._user = UserTurns(self._store, self._floor_state, self._sent_audio)
        self._playback = PlaybackTimes()
        self._model = ModelTurns(
            self._store,
            self._floor_state,
            self._user,
            self._calls,
            self._playback,
            completes_early=completes_early,
        )

    def is_overdue(self, now_ms: float) -> bool:
        """Whether the model's turn is over, or there will be none, although the service has not said so."""
        return self._model.is_overdue(now_ms)

    @property
    def is_amid_answer(self) -> bool:
        """Whether the model has begun to answer, and the service has not said that this is all."""
        return self._floor_state.floor is Floor.MODEL and self._model.generated != self._model.turn

    @property
    def owes_completion(self) -> bool:
        """Whether an answer was interrupted that the service has not completed since."""
        return self._model.owes_completion

    def _begins_speech(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> bool:
        return not self._user.owns(event, self._model.turn, now_ms)

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Apply an event; returns the turns that look different now."""
        self._model.watch_end(event, now_ms)
        match event:
            case OutputAudio() | OutputText() | OutputMedia():
                self._model.on_output(event, self.link_ms, now_ms)
            case OutputTranscript():
                self._model.on_transcript(event, now_ms)
            case Thought():
                self._model.on_thought(event)
            case Grounding() | UrlContext() | ExecutableCode() | CodeResult():
                self._model.on_metadata(event, now_ms)
            case InputTranscript() | InterimInputTranscript():
                self._input_transcript(event, now_ms)
            case ActivityStart():
                self._begin_speech()
                self._user.on_activity_start(event)
            case ActivityEnd():
                self._user.on_activity_end(event, now_ms)
            case AgentChanged():
                self._model.on_agent_changed(event, now_ms)
            case TextSent():
                self._user.close()
                self._model.close_held_open()
                self._user.on_text(event, now_ms)
            case ImageSent():
                self._user.on_image()
            case ToolCall() | ToolResult() | ToolCallCancelled():
                self._tool_event(event, now_ms)
            case ToolApprovalRequested() | ToolApproved() | ToolUpdate():
                self._calls.update(event, now_ms)
                if isinstance(event, ToolUpdate) and event.sent:
                    self._model.on_result_sent(self._calls.running.get(event.id))
            case GenerationComplete():
                self._model.generated = self._model.turn
            case InteractionStatus(status=status):
                self._model.in_background = status == "IN_PROGRESS"
            case TurnComplete():
                self._model.on_turn_complete(event, now_ms)
            case Interrupted():
                self._model.on_interrupted(event, now_ms)
            case WaitingForInput():
                self._model.on_waiting_for_input(event, now_ms)
            case SessionStarted():
                self._sent_audio.restart()
            case ConnectionReplaced(replayed=replayed):
                self._sent_audio.restart()
                self._model.on_connection_ended(now_ms)
                self._user.on_connection_replaced(replayed=replayed)
                self._floor_state.step_and_replay_pending(event)
            case SessionEnded():
                self._calls.cancel(list(self._calls.running), now_ms)
                self._model.on_connection_ended(now_ms)
                self._user.close()
                self._floor_state.reset()
        self.model_turn = self._model.turn
        return self._store.take_changed()

    def playback_progress(
        self, index: int, sample: int, now_ms: float, round_trip_ms: float | None = None
    ) -> list[Turn]:
        """Record how far a turn has been played; returns the turns that have now been played to their end."""
        # Playback of a later turn means that earlier ones were played to their end.
        ended = {
            earlier: self._playback.end(earlier, self._store[earlier].audio_samples, now_ms)
            for earlier in self._playback.before(index)
        }
        turn = self._store.get(index)
        delay_ms = self._playback.started(index, sample, now_ms)
        if turn is not None and turn.timing is not None and turn.timing.direct:
            # Played to its end when that is said first, as after a cell that kept the page's reports: nobody
            # knows how long ago.
            delay_ms = delay_ms if sample < turn.audio_samples else None
        if turn is not None:
            complete = turn.final or index == self._model.generated
            samples = turn.audio_samples if complete else None
            ended[index] = self._playback.progress(index, sample, samples, now_ms)
        changed = (
            {index: self._played_from(index, delay_ms, round_trip_ms)}
            if turn is not None and delay_ms is not None
            else {}
        )
        for one, heard_ms in ended.items():
            if heard_ms is not None:
                timing = with_heard_ms(self._store[one].timing, heard_ms)
                changed[one] = self._store.patch(one, timing=timing)
        return [changed[one] for one in sorted(changed)]

    def _played_from(self, index: int, delay_ms: float, round_trip_ms: float | None) -> Turn:
        """Count the time until the first sound of a turn was played, and what of it the way there took."""
        turn = self._store[index]
        timing = turn.timing
        if timing is not None:
            kernel_ms = None if timing.direct or round_trip_ms is None else min(round_trip_ms, delay_ms)
            timing = replace(timing, kernel_ms=kernel_ms, playback_ms=delay_ms - (kernel_ms or 0.0))
        latency_ms = None if timing is None or turn.latency_ms is None else timing.first_sound_ms
        return self._store.patch(index, timing=timing, latency_ms=latency_ms)

    def playback_stopped(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Cut a turn where playback was stopped; returns it if that changed it."""
        turn = self._store.get(index)
        if turn is None or turn.speaker != "model" or not turn.final or turn.declined:
            return []
        complete = sample >= turn.audio_samples and index == self._model.generated
        sample = max(0, min(sample, turn.audio_samples))
        timing = with_heard_ms(turn.timing, self._playback.end(index, sample, now_ms))
        heard_sample = None if complete else sample
        cut = self._store.patch(index, interrupted=not complete, heard_sample=heard_sample, timing=timing)
        return [] if cut == turn else [cut]

    def _begin_speech(self) -> None:
        self._user.begin()
        self._model.close_held_open()

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if (inferred := self.infer(event, now_ms)) is not None:
            self._begin_speech()
            self._user.on_activity_start(inferred)
        if isinstance(event, InputTranscript):
            self._user.set_language(event.language)
        if event.text:
            if self._begins_speech(event, now_ms):
                self._begin_speech()
                self._floor_state.pending = self._floor_state.pending or [ActivityStart(inferred=True)]
            self._user.on_transcript(event, now_ms)
            if self._user.answered and self._user.turn is not None:
                self._model.on_question_known(self._user.turn)
        if isinstance(event, InputTranscript) and event.finished:
            self._user.on_transcript_finished()

    def _tool_event(self, event: ToolCall | ToolResult | ToolCallCancelled, now_ms: float) -> None:
        match event:
            case ToolCall():
                self._model.on_tool_call(event, now_ms)
            case ToolResult():
                index, updates_sent = self._calls.running.get(event.id), event.id in self._calls.updated
                self._calls.finish(event, now_ms)
                if not self._calls.running:
                    self._floor_state.step(event)
                if index is not None and index == self._model.turn:
                    if event.scheduling == "SILENT":
                        self._model.on_silent_result(updates_sent, now_ms)
                    else:
                        self._model.on_result_sent(index)
            case ToolCallCancelled(ids=ids):
                self._calls.cancel(ids, now_ms)
                if not self._calls.running:
                    self._model.close_held_open()
                    self._floor_state.step_and_replay_pending(event)


def with_heard_ms(timing: Timing | None, heard_ms: float | None) -> Timing | None:
    """Return `timing` with how long the turn was heard, if both are known."""
    return timing if timing is None or heard_ms is None else replace(timing, heard_ms=heard_ms)
